/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.boot;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Sessions and grants are shared by all instances. */
@Timeout(300)
class TwoInstancesTest {
    /** Each takes as long as a token lives, which is a second. */
    private static final int ROUNDS = Math.min(20, Integer.getInteger("grantkeeper.rounds", 3));

    @Test
    void one_token_request_is_made_for_each_expiry() throws Exception {
        try (TwoInstances two = new TwoInstances()) {
            for (int round = 0; round < ROUNDS; round++) {
                TwoInstances.Round seen = two.round();
                assertThat(seen).isEqualTo(new TwoInstances.Round(seen.calls(), seen.calls(), 1));
            }
        }
    }
}
