/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import static org.assertj.core.api.Assertions.assertThat;

import dev.grantkeeper.token.AccountKey;
import java.time.Duration;
import java.time.InstantSource;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What counts as an outage of the store, and for how long no attempt begins afterwards. */
class StoreHealthTest {
    private static final AccountKey ONE = new AccountKey("test", "one");
    private static final AccountKey OTHER = new AccountKey("test", "other");
    private static final Duration AT_ONCE = Duration.ofMillis(1);

    private final AtomicLong ticks = new AtomicLong();
    private final AtomicLong realTime = new AtomicLong();
    private final Clocks clocks = new Clocks(InstantSource.system(), ticks::get);
    private final StoreHealth health = new StoreHealth(clocks, Duration.ofSeconds(2), realTime::get);
    private final AtomicInteger downs = new AtomicInteger();
    private final AtomicInteger backs = new AtomicInteger();
    private final AtomicInteger doubts = new AtomicInteger();

    StoreHealthTest() {
        health.whenInDoubt(key -> doubts.incrementAndGet());
        health.whenDown(downs::incrementAndGet);
        health.whenBack(backs::incrementAndGet);
    }

    private void pass(long millis) {
        ticks.addAndGet(Duration.ofMillis(millis).toNanos());
    }

    /** A call that began when another one had ended. */
    private void succeeded(AccountKey key, Duration took) {
        health.succeeded(key, ticks.get(), took);
    }

    private void settlesFor(long millis) {
        pass(millis - 1);
        assertThat(health.isSettling()).isTrue();
        pass(1);
        assertThat(health.isSettling()).isFalse();
    }

    /** A pool doubles the pause between two tries to connect, up to 5 s. */
    @ParameterizedTest
    @CsvSource({"600, 2600", "3000, 5000", "5000, 7000", "60000, 7000"})
    void after_an_outage_no_attempt_begins_for_as_long_as_it_was_and_two_seconds(long away, long settling) {
        succeeded(ONE, AT_ONCE);
        health.failed(ONE, ticks.get());
        pass(away);
        health.failed(ONE, ticks.get());
        succeeded(ONE, AT_ONCE);
        settlesFor(settling);
        assertThat(downs).hasValue(1);
        assertThat(backs).hasValue(1);
    }

    @Test
    void a_failure_between_two_calls_that_succeed_is_no_restart() {
        succeeded(ONE, AT_ONCE);
        pass(300);
        health.failed(ONE, ticks.get());
        succeeded(ONE, AT_ONCE);
        assertThat(health.isSettling()).isFalse();
        assertThat(backs).hasValue(1);
    }

    /** A process that stands still reads the answer when the store has long been away. */
    @Test
    void an_answer_that_is_read_late_makes_no_outage_shorter() {
        long began = ticks.get();
        pass(300);
        health.succeeded(ONE, began, AT_ONCE);
        health.failed(ONE, ticks.get());
        pass(300);
        succeeded(ONE, AT_ONCE);
        settlesFor(2_600);
    }

    @Test
    void an_answer_that_is_read_in_an_outage_does_not_hide_it() {
        long began = ticks.get();
        pass(600);
        health.succeeded(ONE, began, AT_ONCE);
        health.failed(OTHER, began);
        assertThat(health.isFailing()).isTrue();
        succeeded(ONE, AT_ONCE);
        settlesFor(2_600);
    }

    @Test
    void an_answer_that_comes_after_a_later_one_makes_no_outage_longer() {
        long began = ticks.get();
        pass(10_000);
        succeeded(ONE, AT_ONCE);
        health.succeeded(OTHER, began, Duration.ofSeconds(10));
        health.failed(ONE, ticks.get());
        pass(300);
        succeeded(ONE, AT_ONCE);
        assertThat(health.isSettling()).isFalse();
    }

    @Test
    void a_call_that_waited_through_an_outage_counts_as_one() {
        succeeded(ONE, AT_ONCE);
        realTime.addAndGet(Duration.ofSeconds(4).toNanos());
        succeeded(ONE, Duration.ofSeconds(4));
        settlesFor(6_000);
        assertThat(downs).hasValue(1);
        assertThat(backs).hasValue(1);
    }

    /** The node that wrote last may have tried to connect all the time, and pause for as long as its pool allows. */
    @ParameterizedTest
    @CsvSource({"0, 3000", "2000, 5000", "3600000, 7000"})
    void a_call_that_waited_may_have_begun_late_in_an_outage(long quiet, long settling) {
        succeeded(ONE, AT_ONCE);
        realTime.addAndGet(Duration.ofMillis(quiet + 1_000).toNanos());
        succeeded(ONE, Duration.ofSeconds(1));
        settlesFor(settling);
    }

    @Test
    void what_was_seen_before_an_outage_is_known_from_what_was_seen_after_it() {
        succeeded(ONE, AT_ONCE);
        long before = ticks.get();
        assertThat(health.hasBeenAwaySince(before)).isFalse();
        pass(600);
        health.failed(ONE, ticks.get());
        pass(600);
        succeeded(ONE, AT_ONCE);
        pass(1);
        assertThat(health.hasBeenAwaySince(before)).isTrue();
        assertThat(health.hasBeenAwaySince(ticks.get())).isFalse();
    }

    @Test
    void the_first_call_of_a_node_may_take_long() {
        realTime.addAndGet(Duration.ofSeconds(4).toNanos());
        succeeded(ONE, Duration.ofSeconds(4));
        assertThat(health.isSettling()).isFalse();
        assertThat(downs).hasValue(0);
    }

    @Test
    void a_store_that_is_always_slow_is_not_away_each_time() {
        succeeded(ONE, AT_ONCE);
        realTime.addAndGet(Duration.ofSeconds(1).toNanos());
        succeeded(ONE, Duration.ofSeconds(1));
        settlesFor(3_000);
        for (int i = 0; i < 3; i++) {
            realTime.addAndGet(Duration.ofSeconds(1).toNanos());
            succeeded(ONE, Duration.ofSeconds(1));
            assertThat(health.isSettling()).isFalse();
        }
        assertThat(downs).hasValue(1);
    }

    @Test
    void a_call_that_takes_long_while_another_one_succeeds_is_no_outage() {
        succeeded(ONE, AT_ONCE);
        succeeded(ONE, Duration.ofSeconds(4));
        assertThat(health.isSettling()).isFalse();
        assertThat(downs).hasValue(0);
    }

    @Test
    void law_18_a_row_that_always_fails_makes_the_others_wait_twice_and_not_again_and_again() {
        for (int i = 0; i < 10; i++) {
            health.failed(ONE, ticks.get());
            pass(10_000);
            succeeded(OTHER, AT_ONCE);
            assertThat(health.isSettling()).isEqualTo(i < 2);
        }
        assertThat(downs).hasValue(2);
    }

    @Test
    void a_row_that_was_read_in_between_shows_the_next_outage() {
        for (int i = 0; i < 10; i++) {
            health.failed(ONE, ticks.get());
            pass(10_000);
            succeeded(ONE, AT_ONCE);
        }
        assertThat(downs).hasValue(10);
    }

    private void failsAlone(AccountKey key) {
        for (int i = 0; i < 2; i++) {
            health.failed(key, ticks.get());
            pass(10_000);
            succeeded(OTHER, AT_ONCE);
            pass(10_000);
        }
        assertThat(health.isSettling()).isFalse();
    }

    /** On a node that is called for nothing else. */
    @Test
    void a_row_that_failed_alone_shows_an_outage_if_it_is_the_first_to_succeed() {
        failsAlone(ONE);
        health.failed(ONE, ticks.get());
        assertThat(health.isFailing()).isFalse();
        pass(3_000);
        succeeded(ONE, AT_ONCE);
        settlesFor(7_000);
        assertThat(downs).hasValue(3);
        assertThat(backs).hasValue(3);
    }

    @Test
    void a_row_that_failed_alone_makes_its_node_look_at_another_one() {
        failsAlone(ONE);
        assertThat(doubts).hasValue(0);
        health.failed(ONE, ticks.get());
        assertThat(doubts).hasValue(1);
        health.failed(OTHER, ticks.get()); // the row that was looked at
        assertThat(health.isFailing()).isTrue();
        health.failed(ONE, ticks.get());
        assertThat(doubts).hasValue(1);
        assertThat(downs).hasValue(3);
    }

    @Test
    void law_18_a_row_that_failed_alone_shows_no_outage_if_others_did_not_fail() {
        failsAlone(ONE);
        health.failed(ONE, ticks.get());
        pass(3_000);
        succeeded(OTHER, AT_ONCE);
        pass(300);
        succeeded(ONE, AT_ONCE);
        assertThat(health.isSettling()).isFalse();
        assertThat(downs).hasValue(2);
    }

    @Test
    void a_row_that_always_fails_hides_no_outage() {
        for (int i = 0; i < 2; i++) {
            health.failed(ONE, ticks.get());
            assertThat(health.isFailing()).isTrue();
            succeeded(OTHER, AT_ONCE);
        }
        health.failed(ONE, ticks.get());
        assertThat(health.isFailing()).isFalse();
        health.failed(OTHER, ticks.get());
        assertThat(health.isFailing()).isTrue();
    }

    @Test
    void law_18_rows_that_always_fail_make_the_others_wait_twice_and_not_again_and_again() {
        for (int i = 0; i < 10; i++) {
            for (int row = 0; row < 32; row++) {
                health.failed(new AccountKey("test", "row " + row), ticks.get());
            }
            pass(10_000);
            succeeded(OTHER, AT_ONCE);
            assertThat(health.isSettling()).isEqualTo(i < 2);
        }
    }

    @Test
    void law_18_a_call_that_hung_while_another_one_succeeded_is_not_an_outage() {
        long began = ticks.get();
        pass(9_000);
        succeeded(OTHER, AT_ONCE);
        pass(1_000);
        health.failed(ONE, began);
        succeeded(OTHER, AT_ONCE);
        assertThat(health.isSettling()).isFalse();
        assertThat(downs).hasValue(0);
    }

    @Test
    void a_node_that_starts_in_an_outage_does_not_know_how_long_it_was() {
        health.failed(ONE, ticks.get());
        pass(100);
        succeeded(ONE, AT_ONCE);
        settlesFor(7_000);
    }
}
