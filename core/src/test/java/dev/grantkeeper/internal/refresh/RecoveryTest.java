/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import static org.assertj.core.api.Assertions.assertThat;

import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.answer.TokenResponse;
import dev.grantkeeper.internal.protocol.Resource;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.row.RowFormat;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenSet;
import dev.grantkeeper.token.TokenStore;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Ten thousand users on twenty nodes whose access tokens have all expired while the token endpoint was down for a
 * minute, and who call again every four seconds. In virtual time; the dice are seeded.
 */
@Timeout(300)
class RecoveryTest {
    private static final int NODES = 20;
    private static final int USERS = 10_000;
    private static final int REQUESTS = 32;
    private static final int THREADS = 64;
    private static final Duration OUTAGE = Duration.ofMinutes(1);
    private static final Duration LATENCY = Duration.ofMillis(100);
    private static final Duration AGAIN = Duration.ofSeconds(4);
    private static final Instant START = Instant.parse("2026-01-01T00:00:00Z");

    private final SplittableRandom dice = new SplittableRandom(7);
    private final Scheduler.Carriers carriers = new Scheduler.Carriers();
    private final Scheduler scheduler = new Scheduler(dice, carriers, Integer.MAX_VALUE);
    private final Clocks clocks = new Clocks(() -> START.plusNanos(scheduler.now()), scheduler::now, dice::nextLong);
    private final Map<AccountKey, StoredTokens> rows = new HashMap<>();
    private final Map<Long, Integer> requestsBySecond = new HashMap<>();
    private final List<Node> nodes = new ArrayList<>();
    private int served;
    private long lastServed;

    /** Rows for all nodes. Only one task runs at a time. */
    private final class Table implements TokenStore {
        @Override
        public Optional<StoredTokens> find(AccountKey key) {
            return Optional.ofNullable(rows.get(key));
        }

        @Override
        public boolean create(AccountKey key, StoredTokens tokens) {
            return rows.putIfAbsent(key, tokens) == null;
        }

        @Override
        public boolean replace(AccountKey key, String version, StoredTokens next) {
            StoredTokens row = rows.get(key);
            boolean same = row != null && row.version().equals(version);
            if (same) {
                rows.put(key, next);
            }
            return same;
        }

        @Override
        public boolean delete(AccountKey key, String version) {
            throw new UnsupportedOperationException();
        }
    }

    /** Down for a while, then as quick as ever. */
    private final class Endpoint implements Renewal {
        @Override
        public @Nullable GrantRow begin(AccountKey key) {
            return null;
        }

        @Override
        public boolean possible(GrantRow row) {
            return true;
        }

        @Override
        public Answer request(GrantRow row, Resource resource) {
            requestsBySecond.merge(scheduler.now() / 1_000_000_000, 1, Integer::sum);
            scheduler.sleep(LATENCY);
            return isDown()
                    ? new Answer.Failure(Answer.Kind.TEMPORARY, 503, null, null, null, null)
                    : new Answer.Tokens(TokenResponse.builder("new")
                            .lifetime(Duration.ofHours(1))
                            .scopes(Set.of())
                            .build());
        }

        @Override
        public TokenSet tokens(GrantRow row, Resource resource, TokenResponse response, Instant now) {
            return response.toTokenSet(row.tokens(), Set.of(), now, Optional.empty());
        }

        @Override
        public Provider.Replay replay(GrantRow row) {
            return Provider.Replay.LATE;
        }

        @Override
        public @Nullable Instant consentEndsAt(GrantRow row) {
            return null;
        }

        @Override
        public void revoke(GrantRow row, TokenSet tokens) {}
    }

    private boolean isDown() {
        return scheduler.now() < OUTAGE.toNanos();
    }

    private final class Node implements Workers {
        private final Scheduler.Group group = scheduler.group();
        private final Queue<Runnable> queue = new ArrayDeque<>();
        private int running;
        private final Refresher refresher;

        Node() {
            Memory memory = new Memory(clocks, USERS, Duration.ofSeconds(2), () -> null);
            this.refresher = new Refresher(new Parts(
                    new Rows(
                            new Table(),
                            new RowFormat(null),
                            memory,
                            this,
                            new Unheard(),
                            new StoreHealth(clocks, Duration.ofSeconds(2), System::nanoTime)),
                    memory,
                    new Endpoint(),
                    new Timing(Duration.ofSeconds(10), Duration.ofSeconds(5), Duration.ZERO),
                    clocks,
                    new Gates(() -> new EndpointGate(clocks, REQUESTS, Duration.ofSeconds(1), this)),
                    this,
                    new Unheard()));
        }

        @Override
        public void execute(Runnable task, Urgency urgency) {
            if (running == THREADS) {
                queue.add(task);
                return;
            }
            running++;
            scheduler.spawn(group, () -> {
                for (Runnable next = task; next != null; next = queue.poll()) {
                    next.run();
                }
                running--;
            });
        }

        @Override
        public void read(Runnable task) {
            scheduler.spawn(group, task);
        }

        @Override
        public void later(Duration delay, Runnable task) {
            scheduler.after(group, delay, task);
        }

        @Override
        public boolean pause(Duration delay) {
            scheduler.sleep(delay);
            return true;
        }

        @Override
        public void close(Duration limit) {
            throw new UnsupportedOperationException();
        }

        /** One user's call, and the next one until it succeeds. */
        void call(AccountKey user) {
            CompletableFuture<Void> unused = refresher
                    .current(user, Resource.OWN)
                    .thenAccept(outcome -> {
                        if (outcome instanceof Outcome.Usable) {
                            served++;
                            lastServed = scheduler.now();
                        } else {
                            scheduler.after(AGAIN, () -> call(user));
                        }
                    });
        }
    }

    private void run() {
        RowFormat format = new RowFormat(null);
        TokenSet expired = TokenSet.builder("old")
                .refreshToken("kept")
                .receivedAt(START.minus(Duration.ofHours(2)))
                .expiresAt(START.minus(Duration.ofHours(1)))
                .build();
        for (int i = 0; i < NODES; i++) {
            nodes.add(new Node());
        }
        for (int i = 0; i < USERS; i++) {
            AccountKey user = new AccountKey("fake:client", "user" + i);
            rows.put(user, format.write(user, GrantRow.of("login", START, expired, null)));
            Node node = nodes.get(i % NODES);
            scheduler.after(Duration.ofMillis(dice.nextInt(2_000)), () -> node.call(user));
        }
        assertThat(scheduler.run()).isNull();
    }

    private int requests(long from, long to) {
        return requestsBySecond.entrySet().stream()
                .filter(second -> second.getKey() >= from && second.getKey() < to)
                .mapToInt(Map.Entry::getValue)
                .sum();
    }

    @Test
    void after_an_outage_the_requests_of_all_nodes_grow_slowly_and_everybody_is_served() {
        run();
        long end = OUTAGE.toSeconds();
        long last = Duration.ofNanos(lastServed).toSeconds();

        assertThat(served).isEqualTo(USERS);
        // The longest pause, the slow beginning, and the next call of a user who was told to come again.
        assertThat(last).isLessThanOrEqualTo(end + 60 + 10 + AGAIN.toSeconds());

        // What was under way when it began, then nearly nothing, however many callers there are.
        assertThat(requests(0, 1)).isLessThanOrEqualTo(NODES * REQUESTS);
        assertThat(requests(5, end)).isLessThanOrEqualTo(5 * NODES);

        // All nodes together could send 6,400 requests a second.
        assertThat(requests(end, end + 1)).isLessThanOrEqualTo(2 * NODES);
        for (long second = end; second <= last; second++) {
            int now = requests(second, second + 1);
            assertThat(now).isLessThanOrEqualTo(USERS / 10);
            assertThat(requests(second + 1, second + 2) - now).isLessThanOrEqualTo(USERS / 20);
        }
        assertThat(requests(end, last + 1)).isBetween(USERS, USERS + NODES);
    }
}
