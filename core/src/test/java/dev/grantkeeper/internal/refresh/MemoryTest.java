/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import static org.assertj.core.api.Assertions.assertThat;

import dev.grantkeeper.internal.protocol.Resource;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.row.VersionedRow;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.TokenSet;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * What is remembered when calls of the store cross. The simulation meets these cases too, but some only once in 100,000
 * runs.
 */
class MemoryTest {
    private static final AccountKey KEY = new AccountKey("registration", "account");

    private static final Duration GAP = Duration.ofSeconds(2);
    private static final Duration T = Duration.ofSeconds(20);
    private static final Duration SHORTEST = Duration.ofSeconds(5);
    private static final Duration LONGEST = Duration.ofSeconds(60);

    private Duration time = Duration.ZERO;
    private final Clocks clocks = new Clocks(InstantSource.fixed(Instant.EPOCH), () -> time.toNanos());
    private final Memory memory = new Memory(clocks, 2, GAP, () -> null);

    private static VersionedRow version(String version) {
        return new VersionedRow(
                version,
                GrantRow.of(
                        version,
                        Instant.EPOCH,
                        TokenSet.builder(version).receivedAt(Instant.EPOCH).build(),
                        null));
    }

    private @Nullable String remembered() {
        Memory.Remembered known = memory.get(KEY);
        VersionedRow grant = known == null ? null : known.grant();
        return grant == null ? null : grant.version();
    }

    private boolean isTrusted() {
        Memory.Remembered known = memory.get(KEY);
        return known != null && known.trusted(clocks.ticks(), SHORTEST.toNanos(), LONGEST.toNanos());
    }

    @Test
    void a_read_that_began_before_a_write_does_not_hide_it() {
        memory.read(KEY, version("1"), memory.stamp());
        long read = memory.stamp();
        memory.wrote(KEY, "1", version("2"), memory.stamp());
        memory.read(KEY, version("1"), read);
        assertThat(remembered()).isEqualTo("2");
        assertThat(isTrusted()).isTrue();
    }

    @Test
    void a_write_that_comes_back_late_does_not_hide_the_write_after_it() {
        long refresh = memory.stamp();
        long login = memory.stamp();
        memory.wrote(KEY, "2", version("3"), login);
        memory.wrote(KEY, "1", version("2"), refresh);
        assertThat(remembered()).isEqualTo("3");
    }

    @Test
    void a_write_that_comes_back_late_does_not_bring_back_what_was_removed() {
        long refresh = memory.stamp();
        memory.wrote(KEY, "2", null, memory.stamp());
        memory.wrote(KEY, "1", version("2"), refresh);
        assertThat(remembered()).isNull();
        long login = memory.stamp();
        memory.wrote(KEY, "4", null, memory.stamp());
        memory.wrote(KEY, null, version("4"), login);
        assertThat(remembered()).isNull();
    }

    @Test
    void of_two_rows_that_were_created_neither_is_trusted() {
        long first = memory.stamp();
        memory.wrote(KEY, null, version("1"), memory.stamp());
        memory.wrote(KEY, null, version("2"), first);
        assertThat(isTrusted()).isFalse();
    }

    @Test
    void a_write_counts_although_what_it_replaced_was_read_meanwhile() {
        long write = memory.stamp();
        memory.read(KEY, version("1"), memory.stamp());
        memory.wrote(KEY, "1", version("2"), write);
        assertThat(remembered()).isEqualTo("2");
        assertThat(isTrusted()).isTrue();
    }

    @Test
    void of_two_reads_that_cross_and_differ_neither_is_trusted() {
        long first = memory.stamp();
        long second = memory.stamp();
        assertThat(memory.read(KEY, version("1"), second).doubted()).isFalse();
        assertThat(memory.read(KEY, version("2"), first).doubted()).isTrue();
        assertThat(isTrusted()).isFalse();
        assertThat(memory.read(KEY, version("2"), memory.stamp()).doubted()).isFalse();
        assertThat(isTrusted()).isTrue();
    }

    @Test
    void a_write_that_crossed_a_read_of_something_else_is_not_trusted() {
        long read = memory.stamp();
        long write = memory.stamp();
        // What the read brought is neither what was replaced nor what was written: it may be what came after.
        memory.read(KEY, version("3"), read);
        memory.wrote(KEY, "1", version("2"), write);
        assertThat(isTrusted()).isFalse();
    }

    private void read(String version) {
        memory.read(KEY, version(version), memory.stamp());
    }

    /** The time after which the store is read again. */
    private Duration trustedFor() {
        Duration now = time;
        while (isTrusted()) {
            time = time.plusSeconds(1);
        }
        Duration trusted = time.minus(now);
        time = now;
        return trusted;
    }

    @Test
    void law_7_a_row_is_trusted_for_as_long_as_it_has_not_changed_within_limits() {
        read("1");
        assertThat(trustedFor()).isEqualTo(SHORTEST);
        time = time.plusSeconds(20);
        read("1");
        assertThat(trustedFor()).isEqualTo(Duration.ofSeconds(20));
        time = time.plusSeconds(20);
        read("1");
        assertThat(trustedFor()).isEqualTo(Duration.ofSeconds(40));
        time = time.plusSeconds(3_600);
        read("1");
        assertThat(trustedFor()).isEqualTo(LONGEST);
    }

    @Test
    void law_7_a_row_that_changed_is_read_again_soon() {
        read("1");
        time = time.plusSeconds(3_600);
        read("2");
        assertThat(trustedFor()).isEqualTo(SHORTEST);
        time = time.plusSeconds(3_600);
        read("2");
        memory.wrote(KEY, "2", version("3"), memory.stamp());
        assertThat(trustedFor()).isEqualTo(SHORTEST);
    }

    /** While the store is unreachable, nobody sees that a row has not changed. */
    @Test
    void law_7_a_row_that_is_used_without_the_store_is_trusted_no_longer_for_that() {
        read("1");
        time = time.plusSeconds(30);
        Memory.Remembered known = memory.get(KEY);
        assertThat(known).isNotNull();
        known.trustAgain(clocks);
        assertThat(trustedFor()).isEqualTo(SHORTEST);
    }

    private AccountKey other(int i) {
        AccountKey key = new AccountKey("registration", "other " + i);
        memory.read(key, version("1"), memory.stamp());
        return key;
    }

    @Test
    void law_7_the_row_that_was_used_least_lately_is_evicted() {
        AccountKey first = other(1);
        AccountKey second = other(2);
        assertThat(memory.get(first)).isNotNull();
        AccountKey third = other(3);
        assertThat(memory.get(second)).isNull();
        assertThat(memory.get(first)).isNotNull();
        assertThat(memory.get(third)).isNotNull();
    }

    @Test
    void law_7_no_more_rows_are_remembered_than_were_allowed_and_the_last_one_is_among_them() {
        for (int i = 0; i < 100; i++) {
            AccountKey last = other(i);
            assertThat(memory.get(last)).isNotNull();
        }
        long remembered = IntStream.range(0, 100)
                .filter(i -> memory.get(new AccountKey("registration", "other " + i)) != null)
                .count();
        assertThat(remembered).isEqualTo(2);
    }

    private static VersionedRow attempt(String name) {
        VersionedRow row = version("1");
        return new VersionedRow(name, row.row().attempting(name));
    }

    /** After so much time the store shows this attempt; returns how long it has been observed. */
    private Duration seen(String name, Duration later) {
        time = time.plus(later);
        return memory.read(KEY, attempt(name), memory.stamp()).observed();
    }

    @Test
    void an_attempt_that_is_looked_at_often_is_observed_all_the_time() {
        assertThat(seen("a", Duration.ZERO)).isZero();
        for (int i = 1; i <= 40; i++) {
            assertThat(seen("a", Duration.ofMillis(1_500)))
                    .isEqualTo(Duration.ofMillis(1_500).multipliedBy(i));
        }
    }

    @Test
    void law_3_little_of_a_time_without_reads_counts() {
        seen("a", Duration.ZERO);
        seen("a", Duration.ofSeconds(1));
        assertThat(seen("a", Duration.ofHours(1))).isEqualTo(GAP.plusSeconds(1));
    }

    @Test
    void law_3_nothing_of_a_time_in_which_the_row_could_not_be_read_counts() {
        seen("a", Duration.ZERO);
        seen("a", Duration.ofSeconds(1));
        memory.unreadable(KEY);
        assertThat(seen("a", Duration.ofSeconds(1))).isEqualTo(Duration.ofSeconds(1));
        assertThat(seen("a", Duration.ofSeconds(1))).isEqualTo(Duration.ofSeconds(2));
    }

    @Test
    void law_3_another_attempt_is_observed_from_its_own_beginning() {
        seen("a", Duration.ZERO);
        seen("a", Duration.ofSeconds(1));
        assertThat(seen("b", Duration.ofSeconds(1))).isZero();
    }

    private void writeAttempt(String name) {
        memory.read(KEY, version("1"), memory.stamp());
        memory.wrote(KEY, "1", attempt(name), memory.stamp());
    }

    private @Nullable GrantRow lost(VersionedRow read, boolean settling) {
        return memory.lostSince(KEY, read, memory.stamp(), settling);
    }

    /** The store has lost more than the attempt, and another node was first to write again what it knew. */
    @Test
    void an_attempt_with_a_request_is_lost_where_another_node_has_restored_the_row_without_it() {
        writeAttempt("a");
        memory.sending(KEY, "a", T.toNanos());
        VersionedRow restored = new VersionedRow("b", version("1").row());
        assertThat(lost(restored, true)).isEqualTo(attempt("a").row());
        assertThat(lost(restored, false)).isNull();
    }

    /** Its read is older than the attempt that was lost, and its write is younger. */
    @Test
    void an_attempt_with_a_request_is_lost_where_another_node_has_written_its_own() {
        writeAttempt("a");
        memory.sending(KEY, "a", T.toNanos());
        assertThat(lost(attempt("b"), true)).isEqualTo(attempt("a").row());
    }

    @Test
    void an_attempt_without_a_request_gives_way_to_that_of_another_node() {
        writeAttempt("a");
        assertThat(lost(attempt("b"), true)).isNull();
        memory.sending(KEY, "b", T.toNanos());
        assertThat(lost(attempt("b"), true)).isNull();
    }

    @Test
    void after_its_T_an_attempt_with_a_request_gives_way_to_that_of_another_node() {
        writeAttempt("a");
        memory.sending(KEY, "a", T.toNanos());
        time = T;
        assertThat(lost(attempt("b"), true)).isNull();
    }

    @Test
    void an_attempt_that_was_written_again_still_has_its_request() {
        writeAttempt("a");
        memory.sending(KEY, "a", T.toNanos());
        VersionedRow again = new VersionedRow("again", attempt("a").row());
        memory.wrote(KEY, "a", again, memory.stamp());
        assertThat(lost(attempt("b"), true)).isEqualTo(again.row());
        assertThat(lost(new VersionedRow("by another node", again.row()), true)).isNull();
    }

    @Test
    void an_attempt_that_has_ended_is_not_lost() {
        writeAttempt("a");
        memory.sending(KEY, "a", T.toNanos());
        memory.failed(KEY, "a");
        // The outcome of this node itself, as a write that looked failed.
        GrantRow ended = attempt("a").row().failedUntil(Resource.OWN, Instant.EPOCH.plusSeconds(1), null);
        assertThat(lost(new VersionedRow("b", ended), true)).isNull();
        assertThat(lost(attempt("b"), true)).isNull();
    }

    /**
     * A second request is under way, and with its attempt the store has lost the failure, or the lost answer, before.
     */
    @Test
    void an_attempt_with_a_request_is_lost_together_with_what_was_written_before_it() {
        GrantRow again = attempt("a").row().withAnswerLost();
        assertThat(again.answerLost()).isTrue();
        assertIsLostBefore(again);
        assertIsLostBefore(version("1")
                .row()
                .failedUntil(Resource.OWN, Instant.EPOCH, null)
                .attempting("a"));
    }

    private void assertIsLostBefore(GrantRow known) {
        memory.read(KEY, version("1"), memory.stamp());
        memory.wrote(KEY, "1", new VersionedRow("lost", known), memory.stamp());
        memory.sending(KEY, "a", T.toNanos());
        assertThat(lost(new VersionedRow("restored", version("1").row()), true)).isEqualTo(known);
        assertThat(lost(version("2"), true)).isNull(); // other tokens
    }

    private boolean isLookedFor() {
        return memory.writtenSince(0).contains(KEY);
    }

    @Test
    void a_row_that_this_node_wrote_is_looked_for_until_it_has_outlasted_an_outage() {
        memory.read(KEY, version("1"), memory.stamp());
        assertThat(isLookedFor()).isFalse();
        memory.wrote(KEY, "1", version("2"), memory.stamp());
        assertThat(isLookedFor()).isTrue();
        assertThat(memory.writtenSince(1)).isEmpty();
        memory.outlasted(KEY, 0);
        assertThat(isLookedFor()).isFalse();
    }

    /** That node may never learn that its write has landed, and look for nothing. */
    @Test
    void a_row_is_looked_for_when_another_node_has_written_an_attempt_over_it() {
        VersionedRow mine = version("2");
        memory.wrote(KEY, "1", mine, memory.stamp());
        memory.read(KEY, new VersionedRow("3", mine.row().attempting("a")), memory.stamp());
        assertThat(isLookedFor()).isTrue();
        memory.read(KEY, version("4"), memory.stamp()); // the other node's tokens
        assertThat(isLookedFor()).isFalse();
    }

    @Test
    void tokens_that_were_found_by_a_read_after_a_write_that_looked_failed_are_looked_for() {
        memory.read(KEY, version("2"), memory.stamp());
        memory.stored(KEY);
        assertThat(isLookedFor()).isTrue();
    }

    @Test
    void the_least_used_row_is_forgotten_first() {
        AccountKey other = new AccountKey("registration", "other");
        memory.read(KEY, version("1"), memory.stamp());
        memory.read(other, version("2"), memory.stamp());
        memory.get(KEY);
        memory.read(new AccountKey("registration", "third"), version("3"), memory.stamp());
        assertThat(remembered()).isEqualTo("1");
        assertThat(memory.get(other)).isNull();
    }
}
