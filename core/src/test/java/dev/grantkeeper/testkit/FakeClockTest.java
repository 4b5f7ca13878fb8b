/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;

class FakeClockTest {
    private static final Duration WEEK = Duration.ofDays(7);

    private final FakeClock clock = new FakeClock();

    @Test
    void both_clocks_advance_together() {
        Instant before = clock.instant();
        long ticks = clock.nanoTime();
        clock.advance(WEEK);
        assertThat(Duration.between(before, clock.instant())).isBetween(WEEK, WEEK.plusMinutes(5));
        assertThat(Duration.ofNanos(clock.nanoTime() - ticks)).isBetween(WEEK, WEEK.plusMinutes(5));
    }

    @Test
    void it_begins_with_the_present_and_goes_on_by_itself() {
        assertThat(Duration.between(clock.instant(), Instant.now()).abs()).isLessThan(Duration.ofMinutes(5));
        Instant before = clock.instant();
        long start = System.nanoTime();
        while (System.nanoTime() == start) {
            Thread.onSpinWait();
        }
        assertThat(clock.instant()).isAfter(before);
    }

    @Test
    void time_does_not_go_back() {
        assertThatThrownBy(() -> clock.advance(Duration.ofNanos(-1))).isInstanceOf(IllegalArgumentException.class);
    }
}
