/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;

import dev.grantkeeper.internal.protocol.Resource;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.row.RowFormat;
import dev.grantkeeper.testkit.Fault;
import dev.grantkeeper.testkit.Held;
import dev.grantkeeper.testkit.Rotation;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenSet;
import dev.grantkeeper.token.TokenStore;
import java.io.IOException;
import java.lang.ref.Reference;
import java.lang.ref.WeakReference;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import okhttp3.OkHttpClient;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Many users: what they leave behind in memory, and what they do to the token endpoint.
 *
 * <p>In full size: {@code -Plong -Dtest=ManyUsersTest}.
 */
@Timeout(600)
class ManyUsersTest {
    private static final int KEYS = Integer.getInteger("grantkeeper.keys", 25_000);
    private static final int GRANTS = Integer.getInteger("grantkeeper.grants", 1_000);
    private static final int NODES = Integer.getInteger("grantkeeper.nodes", 5);

    /** So many rows a node remembers at most. */
    private static final int REMEMBERED = 10_000;

    /** So many refreshes a node runs at most, those included that wait for their turn to send. */
    private static final int FLIGHTS = 64;

    private final Scene scene = new Scene();
    private final ExecutorService threads = Executors.newFixedThreadPool(8);

    @AfterEach
    void close() {
        threads.shutdownNow();
        scene.close();
    }

    // ---- Memory --------------------------------------------------------------------------------------------------

    /** One use of one account; what it returns is to be forgotten, too. */
    private interface Touch {
        Object touch(Account account) throws IOException;
    }

    /** Has a row for anybody, or for nobody, and knows weakly by which keys it was asked. */
    private static final class Endless implements TokenStore {
        private final GrantRow row;
        private final RowFormat format = new RowFormat(null);
        private final List<WeakReference<AccountKey>> asked = Collections.synchronizedList(new ArrayList<>());

        Endless(GrantRow row) {
            this.row = row;
        }

        @Override
        public Optional<StoredTokens> find(AccountKey key) {
            asked.add(new WeakReference<>(key));
            return row == null ? Optional.empty() : Optional.of(format.write(key, row));
        }

        @Override
        public boolean create(AccountKey key, StoredTokens tokens) {
            throw new AssertionError("Nobody writes");
        }

        @Override
        public boolean replace(AccountKey key, String version, StoredTokens next) {
            throw new AssertionError("Nobody writes");
        }

        @Override
        public boolean delete(AccountKey key, String version) {
            throw new AssertionError("Nobody writes");
        }
    }

    private GrantRow row(Duration age, GrantRow.Refusal refusal) {
        Instant received = scene.time.clock().instant().minus(age);
        GrantRow row = GrantRow.of(
                "login",
                received,
                TokenSet.builder("access")
                        .refreshToken("refresh")
                        .receivedAt(received)
                        .expiresAt(received.plus(Duration.ofHours(1)))
                        .build(),
                null);
        return refusal == null ? row : row.refused(Resource.OWN, refusal);
    }

    private void assertForgotten(GrantRow row, Touch touch) throws Exception {
        Endless store = new Endless(row);
        Grantkeeper node = scene.node(Grantkeeper.builder(scene.provider().build())
                .clientId(Scene.CLIENT)
                .clientSecret(Scene.SECRET)
                .tokenStore(store)
                .allowPlaintextTokens()
                .time(scene.time.clock(), scene.time::ticks));
        List<WeakReference<Object>> results = Collections.synchronizedList(new ArrayList<>());
        AtomicInteger next = new AtomicInteger();
        List<Future<?>> workers = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            workers.add(threads.submit(() -> {
                for (int user = next.getAndIncrement(); user < KEYS; user = next.getAndIncrement()) {
                    results.add(new WeakReference<>(touch.touch(node.account("user" + user))));
                }
                return null;
            }));
        }
        for (Future<?> worker : workers) {
            worker.get();
        }
        assertThat(results).hasSize(KEYS);
        assertThat(store.asked.size()).isGreaterThanOrEqualTo(KEYS);
        // A stack or a thread of ours may hold a few for a moment longer.
        assertThat(alive(store.asked)).isLessThanOrEqualTo(REMEMBERED + 100);
        assertThat(alive(results)).isLessThanOrEqualTo(REMEMBERED + 100);
        Reference.reachabilityFence(node);
    }

    private static long alive(List<? extends WeakReference<?>> references) {
        long alive = Long.MAX_VALUE;
        for (int i = 0; i < 10 && alive > REMEMBERED + 100; i++) {
            System.gc();
            // A key that was asked for twice is one object.
            Set<Object> distinct = Collections.newSetFromMap(new IdentityHashMap<>());
            references.forEach(reference -> distinct.add(reference.get()));
            distinct.remove(null);
            alive = distinct.size();
        }
        return alive;
    }

    @Test
    void keys_that_were_used_once_are_forgotten() throws Exception {
        assertForgotten(row(Duration.ZERO, null), Account::tokens);
        assertThat(scene.server.tokenRequests()).isZero();
    }

    @Test
    void keys_that_were_used_without_waiting_are_forgotten() throws Exception {
        assertForgotten(
                row(Duration.ZERO, null), account -> account.tokensAsync().join());
    }

    @Test
    void keys_that_were_only_looked_at_are_forgotten() throws Exception {
        assertForgotten(row(Duration.ZERO, null), Account::grant);
    }

    @Test
    void keys_without_a_grant_are_forgotten() throws Exception {
        assertForgotten(null, account -> {
            try {
                return account.tokens();
            } catch (LoginRequiredException e) {
                return e;
            }
        });
    }

    @Test
    void keys_whose_grant_has_ended_are_forgotten() throws Exception {
        GrantRow.Refusal refusal =
                new GrantRow.Refusal("invalid_grant", null, GrantRow.Refusal.Kind.ENDED, null, Instant.EPOCH);
        assertForgotten(row(Duration.ofHours(2), refusal), account -> {
            try {
                return account.tokens();
            } catch (LoginRequiredException e) {
                return e;
            }
        });
        assertThat(scene.server.tokenRequests()).isZero();
    }

    // ---- The token endpoint --------------------------------------------------------------------------------------

    /** So many users whose access tokens have expired. */
    private List<String> expiredUsers(int count) throws IOException {
        Grantkeeper node = scene.node();
        Instant now = scene.time.clock().instant();
        List<String> users = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            String user = "user" + i;
            scene.server.user(user, "User", "Number " + i, user + "@example.org");
            var issued = scene.server.issue(Scene.CLIENT, user, "things.read");
            assertThat(node.account(user)
                            .importTokens(TokenSet.builder(issued.accessToken())
                                    .refreshToken(issued.refreshToken())
                                    .receivedAt(now)
                                    .expiresAt(now.plus(Duration.ofMinutes(10)))
                                    .scopes(Set.of("things.read"))
                                    .build()))
                    .isTrue();
            users.add(user);
        }
        scene.expire();
        scene.server.resetCounters();
        return users;
    }

    @Test
    void twenty_users_are_refreshed_at_once_and_not_one_after_the_other() throws Exception {
        Grantkeeper node = scene.node(scene.registration(scene.provider().build())
                .tokenCallTimeout(Duration.ofSeconds(30))
                .maxWait(Duration.ofSeconds(30)));
        List<String> users = expiredUsers(20);
        Held held = scene.server.hold();
        List<CompletableFuture<TokenSet>> waiting =
                users.stream().map(user -> node.account(user).tokensAsync()).toList();
        // None was answered, and all have arrived: together they take as long as one.
        held.awaitArrived(20);
        assertThat(waiting).noneMatch(CompletableFuture::isDone);
        held.release();
        assertThat(waiting.stream().map(CompletableFuture::join).map(TokenSet::accessToken))
                .doesNotHaveDuplicates()
                .hasSize(20);
        assertThat(scene.server.tokenRequests()).isEqualTo(20);
    }

    /**
     * A node on which a hundred users wait for the token endpoint, which does not answer: more than there are threads.
     */
    private List<CompletableFuture<TokenSet>> hundredWaiting(Grantkeeper node, Held held) throws Exception {
        scene.server.onEveryTokenRequest(Fault.hold(held));
        List<CompletableFuture<TokenSet>> waiting = expiredUsers(100).stream()
                .map(user -> node.account(user).tokensAsync())
                .toList();
        held.awaitArrived(20);
        return waiting;
    }

    private Grantkeeper patient() {
        return scene.node(scene.registration(scene.provider().build())
                .tokenCallTimeout(Duration.ofSeconds(30))
                .maxWait(Duration.ofSeconds(30)));
    }

    @Test
    void whose_token_is_valid_does_not_wait_for_those_who_wait_for_the_token_endpoint() throws Exception {
        Grantkeeper node = patient();
        Held held = new Held();
        List<CompletableFuture<TokenSet>> waiting = hundredWaiting(node, held);
        var issued = scene.server.issue(Scene.CLIENT, "alice", "things.read");
        TokenSet valid = TokenSet.builder(issued.accessToken())
                .expiresAt(scene.time.clock().instant().plus(Duration.ofMinutes(10)))
                .build();
        assertThat(scene.node().account("alice").importTokens(valid)).isTrue();
        Account alice = node.account("alice"); // which this node has not seen before
        OkHttpClient client = alice.wrap(scene.http);
        for (int i = 0; i < 1_000; i++) {
            assertThat(alice.tokens().accessToken()).isEqualTo(valid.accessToken());
            if (i % 100 == 0) {
                assertThat(scene.status(client)).isEqualTo(200);
                scene.time.pass(Duration.ofSeconds(6)); // longer than a row is used without asking the store
            }
        }
        assertThat(waiting).noneMatch(CompletableFuture::isDone);
        held.release();
    }

    @Test
    void a_provider_that_hangs_is_waited_for_by_its_own_users_only() throws Exception {
        Held held = new Held();
        List<CompletableFuture<TokenSet>> waiting = hundredWaiting(patient(), held);
        try (Scene other = new Scene()) {
            Account bob = other.signIn(other.node(), "bob");
            for (int i = 0; i < 10; i++) {
                other.expire();
                for (int call = 0; call < 100; call++) {
                    assertThat(bob.tokens()).isNotNull();
                }
            }
            assertThat(other.server.refreshRequests()).isEqualTo(10);
        }
        assertThat(waiting).noneMatch(CompletableFuture::isDone);
        held.release();
    }

    /** The outcomes of calls. */
    private record Round(List<Integer> succeeded, int failed) {}

    /** Each of these users calls on two nodes at once; all calls have ended. */
    private static Round call(List<Grantkeeper> nodes, List<Integer> users, Random random) {
        List<CompletableFuture<Boolean>> calls = new ArrayList<>();
        for (int user : users) {
            int first = random.nextInt(nodes.size());
            int second = (first + 1) % nodes.size();
            CompletableFuture<Boolean> one = succeeds(nodes.get(first), user);
            calls.add(one.thenCombine(succeeds(nodes.get(second), user), Boolean::logicalOr));
        }
        List<Integer> succeeded = new ArrayList<>();
        int failed = 0;
        for (int i = 0; i < calls.size(); i++) {
            if (calls.get(i).join()) {
                succeeded.add(users.get(i));
            } else {
                failed++;
            }
        }
        return new Round(succeeded, failed);
    }

    private static CompletableFuture<Boolean> succeeds(Grantkeeper node, int user) {
        return node.account("user" + user).tokensAsync().handle((tokens, broken) -> {
            if (broken instanceof CompletionException e
                    && e.getCause() instanceof AuthorizationServerException failure
                    && failure.kind() == AuthorizationServerException.Kind.TEMPORARY) {
                return false;
            }
            if (broken != null) {
                throw new CompletionException(broken);
            }
            return true;
        });
    }

    @Test
    void after_an_outage_every_expired_grant_costs_one_request_and_the_outage_itself_costs_few() throws Exception {
        scene.server.rotation(Rotation.STRICT);
        List<Grantkeeper> nodes = new ArrayList<>();
        for (int i = 0; i < NODES; i++) {
            nodes.add(scene.node(scene.registration(scene.provider().build())
                    .tokenCallTimeout(Duration.ofSeconds(60))
                    .maxWait(Duration.ofMinutes(5))));
        }
        expiredUsers(GRANTS);
        Random random = new Random(20261120);
        List<Integer> expired =
                new ArrayList<>(IntStream.range(0, GRANTS).boxed().toList());

        scene.server.onEveryTokenRequest(Fault.status(503));
        long start = scene.time.ticks();
        while (scene.time.ticks() - start < Duration.ofSeconds(30).toNanos()) {
            assertThat(call(nodes, expired, random).succeeded()).isEmpty();
            scene.time.pass(Duration.ofSeconds(3));
        }
        long seconds = Duration.ofNanos(scene.time.ticks() - start).toSeconds();
        // What had been let through before anybody knew, then one try a second at most.
        assertThat(scene.server.tokenRequests()).isLessThanOrEqualTo((int) (NODES * (FLIGHTS + seconds)));

        scene.server.noFaults();
        scene.server.resetCounters();
        // A pause is a minute at most, for a grant and for the endpoint, and both may be due one after the other.
        for (int i = 0; i < 60 && !expired.isEmpty(); i++) {
            scene.time.pass(Duration.ofSeconds(3));
            Round round = call(nodes, expired, random);
            expired.removeAll(round.succeeded());
            assertThat(expired).hasSize(round.failed());
        }
        assertThat(expired).isEmpty();
        assertThat(scene.server.tokenRequests()).isEqualTo(GRANTS);
        assertThat(scene.server.tokensIssued()).isEqualTo(GRANTS);
        assertThat(scene.server.reuseDetected()).isZero();
        assertThat(scene.server.familiesRevoked()).isZero();
    }
}
