/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import static org.assertj.core.api.Assertions.assertThat;

import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.answer.TokenResponse;
import dev.grantkeeper.internal.protocol.Resource;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.row.RowFormat;
import dev.grantkeeper.internal.row.VersionedRow;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenSet;
import dev.grantkeeper.token.TokenStore;
import java.io.IOException;
import java.lang.ref.WeakReference;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What remains in the refresher of keys that it is done with, and how many it refreshes at once. */
@Timeout(300)
class ManyKeysTest {
    private static final int KEYS = 20_000;
    private static final int REMEMBERED = 100;
    private static final int REQUESTS = 32;

    private final Clocks clocks = new Clocks(InstantSource.system(), System::nanoTime);
    private final Workers workers = new WorkerThreads("test", 64);
    private final Memory memory = new Memory(clocks, REMEMBERED, Duration.ofSeconds(2), () -> null);
    private final Shelf shelf = new Shelf();
    private final Rows rows = new Rows(
            shelf,
            new RowFormat(null),
            memory,
            workers,
            new Unheard(),
            new StoreHealth(clocks, Duration.ofSeconds(2), System::nanoTime));
    private final Endpoint endpoint = new Endpoint();
    private final Refresher refresher = new Refresher(new Parts(
            rows,
            memory,
            endpoint,
            new Timing(Duration.ofSeconds(10), Duration.ofSeconds(5), Duration.ZERO),
            clocks,
            new Gates(() -> new EndpointGate(clocks, REQUESTS, Duration.ofSeconds(1), workers)),
            workers,
            new Unheard()));

    @AfterEach
    void close() {
        workers.close(Duration.ofSeconds(1));
    }

    /** A store that knows its rows by digests, and the keys only weakly. */
    private static final class Shelf implements TokenStore {
        final Map<String, StoredTokens> kept = new ConcurrentHashMap<>();
        final List<WeakReference<AccountKey>> asked = Collections.synchronizedList(new ArrayList<>());
        volatile boolean writesDown;
        volatile boolean failsTokens;

        @Override
        public Optional<StoredTokens> find(AccountKey key) {
            asked.add(new WeakReference<>(key));
            return Optional.ofNullable(kept.get(key.digest()));
        }

        @Override
        public boolean create(AccountKey key, StoredTokens tokens) {
            return kept.putIfAbsent(key.digest(), tokens) == null;
        }

        @Override
        public boolean replace(AccountKey key, String version, StoredTokens next) throws IOException {
            if (writesDown || (failsTokens && next.text().contains("\"fresh\""))) {
                throw new IOException("the store is down");
            }
            StoredTokens row = kept.get(key.digest());
            return row != null && row.version().equals(version) && kept.replace(key.digest(), row, next);
        }

        @Override
        public boolean delete(AccountKey key, String version) {
            StoredTokens row = kept.get(key.digest());
            return row != null && row.version().equals(version) && kept.remove(key.digest(), row);
        }
    }

    /** A token endpoint that counts who is there at once. */
    private final class Endpoint implements Renewal {
        final AtomicInteger requests = new AtomicInteger();
        final AtomicInteger inside = new AtomicInteger();
        final AtomicInteger mostInside = new AtomicInteger();
        volatile CountDownLatch crowd = new CountDownLatch(0);
        volatile Answer answer = new Answer.Tokens(TokenResponse.builder("fresh")
                .lifetime(Duration.ofHours(1))
                .refreshToken("next")
                .scopes(Set.of("things.read"))
                .build());

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
            requests.incrementAndGet();
            mostInside.accumulateAndGet(inside.incrementAndGet(), Math::max);
            try {
                crowd.countDown();
                boolean unused = crowd.await(20, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            } finally {
                inside.decrementAndGet();
            }
            return answer;
        }

        @Override
        public TokenSet tokens(GrantRow row, Resource resource, TokenResponse response, Instant now) {
            return response.toTokenSet(row.tokens(), Set.of(), now, Optional.empty());
        }

        @Override
        public Provider.Replay replay(GrantRow row) {
            return Provider.Replay.PROMPT;
        }

        @Override
        public @Nullable Instant consentEndsAt(GrantRow row) {
            return null;
        }

        @Override
        public void revoke(GrantRow row, TokenSet tokens) {}
    }

    private static AccountKey key(int user) {
        return new AccountKey("fake:client", "user" + user);
    }

    private static GrantRow expired() {
        Instant received = Instant.now().minus(Duration.ofHours(2));
        TokenSet tokens = TokenSet.builder("old")
                .refreshToken("spent")
                .receivedAt(received)
                .expiresAt(received.plus(Duration.ofHours(1)))
                .build();
        return GrantRow.of("login", received, tokens, null);
    }

    /** Refreshes so many grants, all of them asked for at once; how that ended. */
    private List<Outcome> refresh(int from, int to) {
        RowFormat format = new RowFormat(null);
        List<CompletableFuture<Outcome>> outcomes = new ArrayList<>();
        for (int user = from; user < to; user++) {
            shelf.kept.put(key(user).digest(), format.write(key(user), expired()));
        }
        for (int user = from; user < to; user++) {
            outcomes.add(refresher.current(key(user), Resource.OWN));
        }
        return outcomes.stream().map(CompletableFuture::join).toList();
    }

    private void assertNothingIsLeft() {
        assertThat(refresher.isBusy()).isFalse();
        assertThat(refresher.unsavedCount()).isZero();
        for (int user = 0; user < KEYS; user++) {
            assertThat(refresher.waitsForStore(key(user), Duration.ZERO)).isFalse();
        }
        // Everything else that is kept for a key is kept under it. A thread may hold the last one for a moment longer,
        // and a timer those of the last second, until it finds that there is no lease to renew.
        assertThat(keysAlive(REMEMBERED + 64)).isLessThanOrEqualTo(REMEMBERED + 64);
    }

    private int keysAlive(int enough) {
        int alive = Integer.MAX_VALUE;
        long start = System.nanoTime();
        while (alive > enough
                && System.nanoTime() - start < Duration.ofSeconds(10).toNanos()) {
            System.gc();
            Set<Object> distinct = Collections.newSetFromMap(new IdentityHashMap<>());
            shelf.asked.forEach(reference -> distinct.add(reference.get()));
            distinct.remove(null);
            alive = distinct.size();
        }
        return alive;
    }

    @Test
    void of_keys_that_were_refreshed_nothing_is_left() {
        assertThat(refresh(0, KEYS)).hasSize(KEYS).allMatch(Outcome.Usable.class::isInstance);
        assertThat(endpoint.requests).hasValue(KEYS);
        assertNothingIsLeft();
    }

    @Test
    void of_keys_whose_refresh_was_refused_nothing_is_left() {
        endpoint.answer = new Answer.Failure(Answer.Kind.REFUSED, 400, "invalid_grant", null, null, null);
        assertThat(refresh(0, KEYS)).hasSize(KEYS).allMatch(Outcome.LoginRequired.class::isInstance);
        assertThat(endpoint.requests).hasValue(KEYS);
        assertNothingIsLeft();
    }

    @Test
    void of_keys_whose_refresh_failed_nothing_is_left() {
        endpoint.answer = new Answer.Failure(Answer.Kind.TEMPORARY, 503, null, null, null, null);
        assertThat(refresh(0, KEYS)).hasSize(KEYS).allMatch(Outcome.RequestFailed.class::isInstance);
        // The gate closes after three failures; those that had passed it by then may still send.
        assertThat(endpoint.requests.get()).isBetween(3, 64 + 60);
        assertNothingIsLeft();
    }

    @Test
    void law_14_whatever_a_listener_throws_the_tokens_are_served_and_stored() {
        RefreshEvents broken = (RefreshEvents) Proxy.newProxyInstance(
                getClass().getClassLoader(), new Class<?>[] {RefreshEvents.class}, (proxy, method, arguments) -> {
                    throw new StackOverflowError("a listener");
                });
        Rows heard = new Rows(
                shelf,
                new RowFormat(null),
                memory,
                workers,
                broken,
                new StoreHealth(clocks, Duration.ofSeconds(2), System::nanoTime));
        Refresher reporting = new Refresher(new Parts(
                heard,
                memory,
                endpoint,
                new Timing(Duration.ofSeconds(1), Duration.ofSeconds(5), Duration.ZERO),
                clocks,
                new Gates(() -> new EndpointGate(clocks, REQUESTS, Duration.ofSeconds(1), workers)),
                workers,
                broken));
        shelf.kept.put(key(0).digest(), new RowFormat(null).write(key(0), expired()));
        shelf.failsTokens = true;
        assertThat(reporting.current(key(0), Resource.OWN).join()).isInstanceOf(Outcome.Usable.class);
        assertThat(reporting.unsavedCount()).isOne();
        shelf.failsTokens = false;
        while (reporting.unsavedCount() > 0) {
            Thread.onSpinWait();
        }
        assertThat(shelf.kept.get(key(0).digest()).text()).contains("\"fresh\"");
        assertThat(endpoint.requests).hasValue(1);
    }

    @Test
    void thirty_two_requests_are_under_way_at_once_and_no_more() {
        endpoint.crowd = new CountDownLatch(REQUESTS);
        assertThat(refresh(0, 1_000)).hasSize(1_000).allMatch(Outcome.Usable.class::isInstance);
        assertThat(endpoint.mostInside).hasValue(REQUESTS);
        assertThat(endpoint.requests).hasValue(1_000);
    }

    @Test
    void the_memory_holds_what_was_used_last() {
        for (int user = 0; user < 1_000; user++) {
            memory.wrote(key(user), null, new VersionedRow("v" + user, expired()), memory.stamp());
            assertThat(memory.get(key(0))).isNotNull(); // always in use
        }
        for (int user = 1; user < 1_000; user++) {
            boolean amongTheLast = user > 1_000 - REMEMBERED;
            if (amongTheLast) {
                assertThat(memory.get(key(user))).isNotNull();
            } else {
                assertThat(memory.get(key(user))).isNull();
            }
        }
    }
}
