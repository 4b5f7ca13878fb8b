/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.grantkeeper.testkit.Rotation;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenSet;
import dev.grantkeeper.token.TokenStore;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.stream.Stream;
import okhttp3.OkHttpClient;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A store that takes no writes, does not answer, or breaks its word: what is served, and what is never sent. */
@Timeout(300)
@Execution(ExecutionMode.CONCURRENT)
class FailingStoreTest {
    private final Scene scene = new Scene();

    @AfterEach
    void close() {
        scene.close();
    }

    /** A store that can be made to keep everybody waiting. */
    private final class Hanging implements TokenStore {
        volatile CountDownLatch answers = new CountDownLatch(0);

        private void pass() throws IOException {
            try {
                answers.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IOException("interrupted");
            }
        }

        @Override
        public Optional<StoredTokens> find(AccountKey key) throws IOException {
            pass();
            return scene.store.find(key);
        }

        @Override
        public boolean create(AccountKey key, StoredTokens tokens) throws IOException {
            pass();
            return scene.store.create(key, tokens);
        }

        @Override
        public boolean replace(AccountKey key, String version, StoredTokens next) throws IOException {
            pass();
            return scene.store.replace(key, version, next);
        }

        @Override
        public boolean delete(AccountKey key, String version) throws IOException {
            pass();
            return scene.store.delete(key, version);
        }
    }

    private static void assertUnavailable(Account account) {
        assertThatThrownBy(account::tokens)
                .isInstanceOfSatisfying(
                        TokenStoreException.class,
                        failure -> assertThat(failure.kind()).isEqualTo(TokenStoreException.Kind.UNAVAILABLE));
    }

    @Test
    void while_the_store_takes_no_writes_nothing_is_sent_and_valid_tokens_are_served() throws Exception {
        Account alice = scene.signIn(scene.node(), "alice");
        OkHttpClient client = alice.wrap(scene.http);
        scene.store.writesDown(true);
        scene.server.resetCounters();
        scene.time.pass(Duration.ofMinutes(9)); // past the soft limit
        for (int i = 0; i < 20; i++) {
            assertThat(scene.status(client)).isEqualTo(200);
        }
        scene.time.pass(Duration.ofSeconds(45)); // past the hard limit, not expired
        assertThat(scene.status(client)).isEqualTo(200);
        scene.time.pass(Duration.ofMinutes(1));
        assertUnavailable(alice);
        assertThat(scene.server.tokenRequests()).isZero();
        assertThat(alice.grant().orElseThrow().loginRequired()).isEmpty();
        scene.store.writesDown(false);
        assertThat(scene.status(client)).isEqualTo(200);
        assertThat(scene.server.tokenRequests()).isEqualTo(1);
    }

    @Test
    void law_14_an_outage_costs_only_users_whose_rows_are_not_remembered() throws Exception {
        Hanging down = new Hanging();
        Grantkeeper node = scene.node(scene.registration(scene.provider().build())
                .tokenStore(down)
                .storeCacheSize(1)
                .maxWait(Duration.ofSeconds(5)));
        Account first = scene.signIn(node, "alice");
        Account second = scene.signIn(node, "bob");
        scene.time.pass(Duration.ofSeconds(6));
        down.answers = new CountDownLatch(1);
        assertThat(scene.status(second.wrap(scene.http))).isEqualTo(200);
        assertUnavailable(first);
        down.answers.countDown();
        assertThat(scene.status(first.wrap(scene.http))).isEqualTo(200);
    }

    /** Throws what it does not declare, as stores in other languages may. */
    private static final class Undeclared implements TokenStore {
        @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"})
        private static <T, E extends Throwable> T fail() throws E {
            throw (E) new SQLException("undeclared");
        }

        @Override
        public Optional<StoredTokens> find(AccountKey key) {
            return Undeclared.<Optional<StoredTokens>, RuntimeException>fail();
        }

        @Override
        public boolean create(AccountKey key, StoredTokens tokens) {
            return Undeclared.<Boolean, RuntimeException>fail();
        }

        @Override
        public boolean replace(AccountKey key, String version, StoredTokens next) {
            return Undeclared.<Boolean, RuntimeException>fail();
        }

        @Override
        public boolean delete(AccountKey key, String version) {
            return Undeclared.<Boolean, RuntimeException>fail();
        }
    }

    @Test
    void what_a_store_throws_without_declaring_it_is_a_failure_of_the_store() throws Exception {
        Account alice = scene.node(scene.registration(scene.provider().build()).tokenStore(new Undeclared()))
                .account("alice");
        assertUnavailable(alice);
        assertThatThrownBy(alice::grant).isInstanceOf(TokenStoreException.class);
        assertThatThrownBy(alice::signOut).isInstanceOf(TokenStoreException.class);
    }

    /** Something that is no exception of a store, and that nobody expects. */
    private static final class Unheard extends Error {
        private static final long serialVersionUID = 1L;
    }

    @SuppressWarnings("unchecked")
    private static <E extends Throwable> void sneak(Throwable thrown) throws E {
        throw (E) thrown;
    }

    /** A store whose calls throw what they do not declare, so many times after so many others. */
    private final class Throwing implements TokenStore {
        private final AtomicInteger skip = new AtomicInteger(Integer.MAX_VALUE);
        private final AtomicInteger times = new AtomicInteger();
        private volatile Supplier<? extends Throwable> thrown = IOException::new;
        private volatile boolean afterTheWrite;
        final AtomicInteger replaced = new AtomicInteger();

        void fail(Supplier<? extends Throwable> with, int after, int often, boolean written) {
            thrown = with;
            afterTheWrite = written;
            times.set(often);
            skip.set(after);
        }

        private void fails(boolean written) {
            if (written == afterTheWrite && skip.getAndDecrement() <= 0 && times.getAndDecrement() > 0) {
                FailingStoreTest.<RuntimeException>sneak(thrown.get());
            }
        }

        @Override
        public Optional<StoredTokens> find(AccountKey key) throws IOException {
            return scene.store.find(key);
        }

        @Override
        public boolean create(AccountKey key, StoredTokens tokens) throws IOException {
            return scene.store.create(key, tokens);
        }

        @Override
        public boolean replace(AccountKey key, String version, StoredTokens next) throws IOException {
            fails(false);
            boolean done = scene.store.replace(key, version, next);
            replaced.incrementAndGet();
            fails(true);
            return done;
        }

        @Override
        public boolean delete(AccountKey key, String version) throws IOException {
            return scene.store.delete(key, version);
        }
    }

    static Stream<Supplier<Throwable>> whatNobodyExpects() {
        return Stream.of(
                () -> new NoClassDefFoundError("a driver's class"),
                StackOverflowError::new,
                AssertionError::new,
                () -> new OutOfMemoryError("Metaspace"),
                Unheard::new,
                IllegalStateException::new,
                () -> new SQLException("undeclared"));
    }

    @ParameterizedTest
    @MethodSource("whatNobodyExpects")
    void law_14_whatever_a_store_throws_when_new_tokens_are_written_they_are_served_and_stored(
            Supplier<Throwable> thrown) throws Exception {
        scene.server.rotation(Rotation.STRICT);
        Throwing store = new Throwing();
        Account alice = scene.signIn(
                scene.node(scene.registration(scene.provider().build())
                        .tokenStore(store)
                        .tokenCallTimeout(Duration.ofSeconds(2))), // the shorter, the sooner a write is repeated
                "alice");
        for (boolean written : new boolean[] {false, true}) {
            for (int times : new int[] {1, 3, 7}) {
                scene.expire();
                scene.server.resetCounters();
                TokenSet before = alice.tokens(); // nothing fails
                scene.expire();
                store.fail(thrown, 1, times, written); // the attempt is written, the tokens are not
                TokenSet fresh = alice.tokens();
                assertThat(fresh).isNotEqualTo(before);
                assertThat(alice.tokens()).isEqualTo(fresh);
                Account elsewhere = scene.node().account("alice");
                while (!elsewhere.tokens().equals(fresh)) {
                    Thread.onSpinWait();
                }
                assertThat(scene.server.refreshRequests()).isEqualTo(2);
                assertThat(scene.server.reuseDetected()).isZero();
            }
        }
    }

    @ParameterizedTest
    @MethodSource("whatNobodyExpects")
    void whatever_a_store_throws_otherwise_is_a_failure_of_the_store(Supplier<Throwable> thrown) throws Exception {
        TokenStore store = new TokenStore() {
            private <T> T fails() {
                FailingStoreTest.<RuntimeException>sneak(thrown.get());
                throw new AssertionError();
            }

            @Override
            public Optional<StoredTokens> find(AccountKey key) {
                return fails();
            }

            @Override
            public boolean create(AccountKey key, StoredTokens tokens) {
                return this.<Boolean>fails();
            }

            @Override
            public boolean replace(AccountKey key, String version, StoredTokens next) {
                return this.<Boolean>fails();
            }

            @Override
            public boolean delete(AccountKey key, String version) {
                return this.<Boolean>fails();
            }
        };
        Account alice = scene.node(scene.registration(scene.provider().build()).tokenStore(store))
                .account("alice");
        assertUnavailable(alice);
        assertThatThrownBy(alice::grant).isInstanceOf(TokenStoreException.class);
        assertThatThrownBy(alice::signOut).isInstanceOf(TokenStoreException.class);
        assertThatThrownBy(() -> alice.importTokens(TokenSet.builder("token").build()))
                .isInstanceOf(TokenStoreException.class);
    }

    @Test
    void law_15_a_token_request_that_throws_an_error_is_one_whose_answer_was_lost() throws Exception {
        AtomicInteger left = new AtomicInteger();
        OkHttpClient breaking = scene.http
                .newBuilder()
                .addInterceptor(chain -> {
                    if (left.getAndDecrement() > 0) {
                        throw new NoClassDefFoundError("an interceptor's class");
                    }
                    return chain.proceed(chain.request());
                })
                .build();
        Account alice = scene.signIn(
                scene.node(scene.registration(scene.provider().build()).httpClient(breaking)), "alice");
        scene.expire();
        scene.server.resetCounters();
        left.set(1);
        assertThat(alice.tokens()).isNotNull();
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
    }

    @Test
    void a_store_that_does_not_answer_is_a_store_that_is_down() throws Exception {
        Hanging store = new Hanging();
        Grantkeeper node = scene.node(
                scene.registration(scene.provider().build()).tokenStore(store).maxWait(Duration.ofSeconds(5)));
        Account alice = scene.signIn(node, "alice");
        TokenSet valid = alice.tokens();
        Grantkeeper hasty = scene.node(
                scene.registration(scene.provider().build()).tokenStore(store).maxWait(Duration.ofMillis(200)));
        store.answers = new CountDownLatch(1);
        scene.time.pass(Duration.ofMinutes(1)); // longer than what was read is trusted
        scene.server.resetCounters();
        Future<TokenSet> served = alice.tokensAsync();
        assertUnavailable(hasty.account("alice")); // has nothing in memory
        assertThat(served.get(40, TimeUnit.SECONDS)).isEqualTo(valid);
        // And again without waiting.
        assertThat(alice.tokens()).isEqualTo(valid);
        assertThat(scene.server.tokenRequests()).isZero();
        store.answers.countDown();
        assertThat(hasty.account("alice").tokens()).isEqualTo(valid);
    }

    /**
     * What is attached to a future may itself wait for tokens. It must not do so on the threads that read the store.
     */
    @Test
    void what_callers_attach_to_a_future_keeps_nobody_from_reading() throws Exception {
        Grantkeeper first = scene.node();
        Instant now = scene.time.clock().instant();
        for (int i = 0; i < 80; i++) {
            first.account("u" + i)
                    .importTokens(TokenSet.builder("token-" + i)
                            .receivedAt(now)
                            .expiresAt(now.plusSeconds(3600))
                            .build());
        }
        CountDownLatch go = new CountDownLatch(1);
        TokenStore slow = new TokenStore() {
            @Override
            public Optional<StoredTokens> find(AccountKey key) throws IOException {
                try {
                    go.await();
                } catch (InterruptedException e) {
                    throw new IOException(e);
                }
                return scene.store.find(key);
            }

            @Override
            public boolean create(AccountKey key, StoredTokens row) throws IOException {
                return scene.store.create(key, row);
            }

            @Override
            public boolean replace(AccountKey key, String version, StoredTokens row) throws IOException {
                return scene.store.replace(key, version, row);
            }

            @Override
            public boolean delete(AccountKey key, String version) throws IOException {
                return scene.store.delete(key, version);
            }
        };
        Grantkeeper node =
                scene.node(scene.registration(scene.provider().build()).tokenStore(slow));
        List<CompletableFuture<TokenSet>> all = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            Account next = node.account("u" + (40 + i));
            all.add(node.account("u" + i).tokensAsync().thenApply(tokens -> {
                try {
                    return next.tokens();
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            }));
        }
        go.countDown();
        for (CompletableFuture<TokenSet> one : all) {
            assertThat(one.get(30, TimeUnit.SECONDS)).isNotNull();
        }
    }
}
