/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/** Time that goes on by half a second whenever somebody looks at the ticker: whoever polls waits for a few looks. */
final class QuickTime {
    private static final Duration STEP = Duration.ofMillis(500);

    private final Instant start = Instant.now();
    private final AtomicLong passed = new AtomicLong();

    InstantSource clock() {
        return () -> start.plusNanos(passed.get());
    }

    long ticks() {
        return passed.addAndGet(STEP.toNanos());
    }

    /**
     * Asserts the time that went by before each request, from the first to the last. Never less; how much more depends
     * on who else looks at the clock.
     */
    static void assertGaps(Instant start, List<Instant> requests, int slack, int... seconds) {
        assertThat(requests).hasSameSizeAs(seconds);
        Instant last = start;
        for (int i = 0; i < seconds.length; i++) {
            Instant now = requests.get(i);
            assertThat(Duration.between(last, now))
                    .as("before request " + (i + 1))
                    .isBetween(Duration.ofSeconds(seconds[i]), Duration.ofSeconds(seconds[i] + slack));
            last = now;
        }
    }
}
