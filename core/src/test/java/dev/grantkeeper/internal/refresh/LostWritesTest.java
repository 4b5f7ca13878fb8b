/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import static org.assertj.core.api.Assertions.assertThat;

import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.row.RowFormat;
import dev.grantkeeper.internal.row.VersionedRow;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenSet;
import dev.grantkeeper.token.TokenStore;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The rows that a node looks at when the store may have been away, and how often. */
class LostWritesTest {
    private static final AccountKey FAILING = new AccountKey("test", "failing");
    private static final AccountKey EARLIER = new AccountKey("test", "earlier");
    private static final AccountKey LATER = new AccountKey("test", "later");
    private static final Timing TIMING = new Timing(Duration.ofSeconds(10), Duration.ofSeconds(5), Duration.ZERO);

    private final AtomicLong ticks = new AtomicLong();
    private final Clocks clocks = new Clocks(InstantSource.system(), ticks::get);
    private final Table table = new Table();
    private final OneThread workers = new OneThread();
    private final Memory memory = new Memory(clocks, 100, Duration.ofSeconds(2), () -> null);
    private final StoreHealth health = new StoreHealth(clocks, Duration.ofSeconds(2), ticks::get);
    private final Rows rows = new Rows(table, new RowFormat(null), memory, workers, new Unheard(), health);

    /** Rows, some of which cannot be read. */
    private static final class Table implements TokenStore {
        final InProcess kept = new InProcess();
        final Set<AccountKey> failing = new HashSet<>();
        final List<AccountKey> read = new ArrayList<>();

        @Override
        public Optional<StoredTokens> find(AccountKey key) throws IOException {
            read.add(key);
            if (failing.contains(key)) {
                throw new IOException("this row cannot be read");
            }
            return kept.find(key);
        }

        @Override
        public boolean create(AccountKey key, StoredTokens tokens) {
            return kept.create(key, tokens);
        }

        @Override
        public boolean replace(AccountKey key, String version, StoredTokens next) {
            return kept.replace(key, version, next);
        }

        @Override
        public boolean delete(AccountKey key, String version) {
            return kept.delete(key, version);
        }
    }

    /** Does what waits when it is told to. */
    private static final class OneThread implements Workers {
        private final List<Runnable> reads = new ArrayList<>();
        private final List<Runnable> later = new ArrayList<>();

        @Override
        public void execute(Runnable task, Urgency urgency) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void read(Runnable task) {
            reads.add(task);
        }

        @Override
        public void later(Duration delay, Runnable task) {
            later.add(task);
        }

        boolean hasTasks() {
            return !reads.isEmpty() || !later.isEmpty();
        }

        void read() {
            run(reads);
        }

        void goOn() {
            run(later);
        }

        private static void run(List<Runnable> tasks) {
            List<Runnable> due = List.copyOf(tasks);
            tasks.clear();
            due.forEach(Runnable::run);
        }

        @Override
        public boolean pause(Duration delay) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void close(Duration limit) {
            throw new UnsupportedOperationException();
        }
    }

    @BeforeEach
    void look() {
        LostWrites.lookFor(rows, memory, workers, clocks, TIMING);
    }

    private void create(AccountKey key) {
        rows.create(
                key,
                GrantRow.of("login", Instant.EPOCH, TokenSet.builder("token").build(), null));
        pass(1);
    }

    private void pass(long millis) {
        ticks.addAndGet(Duration.ofMillis(millis).toNanos());
    }

    private @Nullable VersionedRow find(AccountKey key) {
        try {
            return rows.find(key).grant();
        } catch (IOException e) {
            return null;
        }
    }

    /** Shows outages by one row only, until its failures are no more than a doubt. */
    private void failAlone() {
        table.failing.add(FAILING);
        boolean shown = true;
        while (shown) {
            call();
            shown = health.isFailing();
            find(LATER);
        }
        while (workers.hasTasks()) {
            workers.read();
            workers.goOn();
        }
        table.read.clear();
    }

    private void call() {
        pass(1);
        find(FAILING);
        workers.read();
    }

    @Test
    void where_one_row_fails_the_one_that_was_written_last_tells_whether_the_store_is_down() {
        create(FAILING);
        create(EARLIER);
        create(LATER);
        failAlone();

        call();
        assertThat(table.read).containsExactly(FAILING, LATER);
        assertThat(health.isFailing()).isFalse();
    }

    @Test
    void where_the_row_that_fails_was_written_last_another_one_tells() {
        create(LATER);
        create(FAILING);
        failAlone();

        call();
        assertThat(table.read).containsExactly(FAILING, LATER);
    }

    @Test
    void a_row_that_is_called_for_again_and_again_asks_another_one_once_in_a_while() {
        create(FAILING);
        create(LATER);
        failAlone();

        for (int call = 0; call < 5; call++) {
            call();
        }
        assertThat(table.read).containsExactly(FAILING, LATER, FAILING, FAILING, FAILING, FAILING);

        workers.goOn();
        table.read.clear();
        call();
        assertThat(table.read).containsExactly(FAILING, LATER);
    }

    @Test
    void where_no_other_row_was_written_none_is_asked() {
        create(FAILING);
        table.kept.create(
                LATER,
                new RowFormat(null)
                        .write(
                                LATER,
                                GrantRow.of(
                                        "login",
                                        Instant.EPOCH,
                                        TokenSet.builder("token").build(),
                                        null)));
        failAlone();

        call();
        assertThat(table.read).containsExactly(FAILING);
    }
}
