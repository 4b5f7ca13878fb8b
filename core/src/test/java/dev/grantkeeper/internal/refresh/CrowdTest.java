/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * Laws 18 and 19 among many users of one registration, in virtual time. {@code -Dgrantkeeper.crowds=5000} runs so many
 * crowds of a hundred users, and a fiftieth of that of a thousand; {@code -Dgrantkeeper.seed=4711} begins with that
 * seed.
 */
class CrowdTest {
    private static final int NORMAL = 60;
    private static final long CROWDS = Long.getLong("grantkeeper.crowds", NORMAL);
    private static final long FIRST = Long.getLong("grantkeeper.seed", 1);

    private static void nobodyIsHurt(Crowds crowds, long runs) {
        List<Long> broken = new ArrayList<>();
        for (long seed = FIRST; seed < FIRST + runs && broken.size() < 5; seed++) {
            if (crowds.apply(seed) != null) {
                broken.add(seed);
            }
        }
        assertThat(broken)
                .as(() -> "seeds that break a law, and what happens under the first:\n" + crowds.tell(broken.get(0)))
                .isEmpty();
    }

    @Test
    void nobody_among_a_hundred_is_hurt_by_the_trouble_of_others() {
        try (Crowds crowds = new Crowds("100")) {
            nobodyIsHurt(crowds, CROWDS);
            if (CROWDS >= NORMAL) {
                Stream<Object> possible =
                        Stream.concat(Stream.of(Crowd.Trouble.values()), Stream.of("strangers", "Closed", "Usable"));
                assertThat(possible)
                        .allSatisfy(what -> assertThat(crowds.happened()).containsKey(what));
            }
        }
    }

    @Test
    void nobody_among_a_thousand_is_hurt_by_the_trouble_of_others() {
        try (Crowds crowds = new Crowds("1000")) {
            nobodyIsHurt(crowds, Math.max(1, CROWDS / 50));
        }
    }

    @Test
    void a_seed_replays_a_run_exactly() {
        try (Crowds crowds = new Crowds("60");
                Crowds others = new Crowds("60")) {
            for (long seed = 1; seed <= 3; seed++) {
                assertThat(others.tell(seed)).isEqualTo(crowds.tell(seed));
            }
        }
    }
}
