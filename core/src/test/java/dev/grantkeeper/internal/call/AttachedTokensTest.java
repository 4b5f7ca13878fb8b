/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.call;

import static org.assertj.core.api.Assertions.assertThat;

import dev.grantkeeper.internal.protocol.Resource;
import java.lang.ref.Reference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(300)
class AttachedTokensTest {
    private static final TokenSource.Whose OWNER = new TokenSource.Whose("alice", Resource.OWN);

    /** A text that is equal to a value, and not the same object. */
    private static String value() {
        return "Bearer " + "attached".repeat(3);
    }

    @Test
    void an_owner_is_known_while_its_value_is_in_use_and_forgotten_afterwards() {
        String first = value();
        AttachedTokens.add(first, OWNER);
        String second = value();
        AttachedTokens.add(second, OWNER);
        Reference.reachabilityFence(first);
        first = null;
        System.gc();
        assertThat(AttachedTokens.owner(value())).isEqualTo(OWNER);
        Reference.reachabilityFence(second);
        second = null;
        while (AttachedTokens.owner(value()) != null) {
            System.gc();
        }
    }
}
