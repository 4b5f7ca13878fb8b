/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import static org.assertj.core.api.Assertions.assertThat;

import dev.grantkeeper.token.AccountKey;
import java.time.Duration;
import java.time.InstantSource;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What counts as an outage of the store. */
class StoreHealthTest {
    private final AccountKey one = new AccountKey("test", "one");
    private final AccountKey other = new AccountKey("test", "other");
    private final AtomicLong now = new AtomicLong();
    private final AtomicInteger outages = new AtomicInteger();
    private final StoreHealth health =
            new StoreHealth(new Clocks(InstantSource.system(), now::get), Duration.ofSeconds(2));

    @BeforeEach
    void count() {
        health.whenDown(outages::incrementAndGet);
    }

    private void pass(long seconds) {
        now.addAndGet(Duration.ofSeconds(seconds).toNanos());
    }

    @Test
    void a_failure_for_a_second_or_so_was_perhaps_a_restart() {
        health.failed(one);
        pass(1);
        health.succeeded(other, Duration.ZERO);
        assertThat(health.isSettling()).isTrue();
        pass(2);
        assertThat(health.isSettling()).isFalse();
    }

    @Test
    void law_18_a_row_that_always_fails_makes_the_others_wait_once_and_not_again_and_again() {
        for (int i = 0; i < 10; i++) {
            health.failed(one);
            pass(10);
            health.succeeded(other, Duration.ZERO);
            assertThat(health.isSettling()).isEqualTo(i == 0);
        }
        assertThat(outages).hasValue(1);
    }

    @Test
    void a_row_that_was_read_in_between_shows_the_next_outage() {
        for (int i = 0; i < 10; i++) {
            health.failed(one);
            pass(10);
            health.succeeded(one, Duration.ZERO);
        }
        assertThat(outages).hasValue(10);
    }

    @Test
    void a_row_that_always_fails_hides_no_outage() {
        health.failed(one);
        health.succeeded(other, Duration.ZERO);
        health.failed(one);
        assertThat(health.isFailing()).isFalse();
        health.failed(other);
        assertThat(health.isFailing()).isTrue();
    }
}
