/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenSet;
import dev.grantkeeper.token.TokenStore;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import mockwebserver3.Dispatcher;
import mockwebserver3.MockResponse;
import mockwebserver3.RecordedRequest;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Laws 18 and 19: what grants share (the endpoint, threads, the store) carries no trouble from one to another. */
@Execution(ExecutionMode.CONCURRENT)
class SharingTest {
    private static final int HEALTHY = 40;

    private final MockProvider mock = new MockProvider();
    private final Map<String, MockResponse> answers = new ConcurrentHashMap<>();
    private final CountDownLatch released = new CountDownLatch(1);

    /** Answers by the token that comes; those that begin with {@code hang} wait until they are released. */
    @BeforeEach
    void answerByToken() {
        mock.server.setDispatcher(new Dispatcher() {
            @Override
            public MockResponse dispatch(RecordedRequest request) throws InterruptedException {
                Map<String, String> form = MockProvider.form(request);
                String token = form.getOrDefault("refresh_token", form.getOrDefault("assertion", ""));
                if (token.startsWith("hang")) {
                    released.await();
                }
                return answers.getOrDefault(token.replaceFirst("-.*", ""), MockProvider.tokens());
            }
        });
    }

    @AfterEach
    void close() {
        released.countDown();
        mock.close();
    }

    private Grantkeeper node() {
        return mock.node(mock.registration(mock.provider()));
    }

    private Account user(Grantkeeper node, String name, Duration left) throws IOException {
        Account user = node.account(name);
        Instant now = mock.time.clock().instant();
        user.importTokens(TokenSet.builder("old-" + name)
                .refreshToken(name)
                .receivedAt(now.minus(Duration.ofMinutes(10)))
                .expiresAt(now.plus(left))
                .build());
        return user;
    }

    private Account expired(Grantkeeper node, String name) throws IOException {
        return user(node, name, Duration.ofSeconds(-1));
    }

    private static void fails(Account account) {
        assertThatThrownBy(account::tokens).isInstanceOf(OAuthException.class);
    }

    /** AADSTS700016 and the like: Entra ID says of one tenant that the client is unauthorized there. */
    @ParameterizedTest
    @CsvSource({
        "400, unauthorized_client",
        "401, invalid_client",
        "400, invalid_scope",
        "400, invalid_request",
        "500, server_error",
        "503, temporarily_unavailable",
        "200, nothing_that_makes_tokens"
    })
    void law_18_a_grant_that_always_fails_costs_no_other_user_a_token(int status, String error) throws Exception {
        answers.put("poisoned", MockProvider.json(status, "{\"error\":\"" + error + "\"}"));
        Grantkeeper node = node();
        Account poisoned = expired(node, "poisoned");
        for (int i = 0; i < HEALTHY; i++) {
            for (int again = 0; again < 3; again++) {
                fails(poisoned);
                mock.time.pass(Duration.ofSeconds(21));
            }
            assertThat(expired(node, "healthy" + i).tokens().accessToken()).isEqualTo("at");
        }
    }

    @Test
    void law_18_a_pause_that_one_grant_is_told_to_make_holds_no_other() throws Exception {
        answers.put(
                "throttled",
                MockProvider.json(429, "{\"error\":\"slow_down\"}")
                        .newBuilder()
                        .setHeader("Retry-After", "600")
                        .build());
        Grantkeeper node = node();
        fails(expired(node, "throttled"));
        for (int i = 0; i < HEALTHY; i++) {
            assertThat(expired(node, "healthy" + i).tokens()).isNotNull();
        }
    }

    @ParameterizedTest
    @CsvSource({"400, invalid_request", "400, invalid_grant", "401, invalid_client", "503, temporarily_unavailable"})
    void law_18_tokens_that_strangers_make_up_cost_no_user_a_token(int status, String error) throws Exception {
        answers.put("made", MockProvider.json(status, "{\"error\":\"" + error + "\"}"));
        Grantkeeper node = node();
        for (int i = 0; i < HEALTHY; i++) {
            fails(node.account(TokenExchange.onBehalfOf("made-up" + i)));
            mock.time.pass(Duration.ofSeconds(1));
            assertThat(expired(node, "healthy" + i).tokens()).isNotNull();
        }
    }

    @Test
    void law_19_waiting_for_attempts_of_other_nodes_holds_no_thread() throws Exception {
        Grantkeeper one = node();
        Grantkeeper other = mock.node(mock.registration(mock.provider()).maxWait(Duration.ofMinutes(1)));
        List<CompletableFuture<TokenSet>> held = new ArrayList<>();
        List<CompletableFuture<TokenSet>> waiting = new ArrayList<>();
        int before = mock.server.getRequestCount();
        for (int i = 0; i < 64; i++) {
            held.add(expired(one, "hang" + i).tokensAsync());
        }
        while (mock.server.getRequestCount() < before + 64) {
            Thread.onSpinWait();
        }
        for (int i = 0; i < 64; i++) {
            waiting.add(other.account("hang" + i).tokensAsync());
        }
        assertThat(expired(other, "healthy").tokensAsync().get(30, TimeUnit.SECONDS))
                .isNotNull();
        assertThat(held).noneMatch(CompletableFuture::isDone);
        assertThat(waiting).noneMatch(CompletableFuture::isDone);
    }

    @Test
    void law_19_a_caller_goes_before_a_thousand_refreshes_that_nobody_waits_for() throws Exception {
        Grantkeeper node = mock.node(mock.registration(mock.provider()).tokenCallTimeout(Duration.ofMinutes(1)));
        Account waiting = expired(node, "healthy");
        for (int i = 0; i < 1_000; i++) {
            // Past the soft limit: served, and refreshed in the background.
            assertThat(user(node, "hang" + i, Duration.ofSeconds(45)).tokens().accessToken())
                    .isEqualTo("old-hang" + i);
        }
        assertThat(waiting.tokensAsync().get(30, TimeUnit.SECONDS)).isNotNull();
        assertThat(released.getCount()).isEqualTo(1);
    }

    @Test
    void law_19_a_background_refresh_that_a_caller_begins_to_wait_for_goes_first() throws Exception {
        Grantkeeper node = mock.node(mock.registration(mock.provider())
                .tokenCallTimeout(Duration.ofMinutes(1))
                .maxWait(Duration.ofMinutes(1)));
        for (int i = 0; i < 200; i++) {
            assertThat(user(node, "hang" + i, Duration.ofSeconds(45)).tokens()).isNotNull();
        }
        Account last = user(node, "healthy", Duration.ofSeconds(45));
        assertThat(last.tokens().accessToken()).isEqualTo("old-healthy");
        mock.time.pass(Duration.ofSeconds(46));
        assertThat(last.tokensAsync().get(30, TimeUnit.SECONDS).accessToken()).isEqualTo("at");
    }

    /** A store that does with some keys what a test wants. */
    private final class Shards implements TokenStore {
        private final Predicate<AccountKey> touched;
        private final CountDownLatch latch;

        Shards(Predicate<AccountKey> touched, CountDownLatch latch) {
            this.touched = touched;
            this.latch = latch;
        }

        @Override
        public Optional<StoredTokens> find(AccountKey key) throws IOException {
            if (touched.test(key)) {
                try {
                    latch.await();
                } catch (InterruptedException e) {
                    throw new IOException("interrupted", e);
                }
            }
            return mock.store.find(key);
        }

        @Override
        public boolean create(AccountKey key, StoredTokens tokens) throws IOException {
            return mock.store.create(key, tokens);
        }

        @Override
        public boolean replace(AccountKey key, String version, StoredTokens next) throws IOException {
            return mock.store.replace(key, version, next);
        }

        @Override
        public boolean delete(AccountKey key, String version) throws IOException {
            return mock.store.delete(key, version);
        }
    }

    @Test
    void law_19_reads_that_hang_for_some_keys_leave_room_for_the_others_and_the_store_is_blamed() throws Exception {
        Shards store = new Shards(key -> key.account().startsWith("shard"), released);
        Grantkeeper node =
                mock.node(mock.registration(mock.provider()).tokenStore(store).maxWait(Duration.ofSeconds(20)));
        List<CompletableFuture<TokenSet>> hanging = new ArrayList<>();
        for (int i = 0; i < 64; i++) {
            hanging.add(node.account("shard" + i).tokensAsync());
        }
        for (int i = 0; i < HEALTHY; i++) {
            assertThat(expired(node, "healthy" + i).tokensAsync().get(40, TimeUnit.SECONDS))
                    .isNotNull();
        }
        for (CompletableFuture<TokenSet> one : hanging) {
            assertThatThrownBy(() -> one.get(60, TimeUnit.SECONDS))
                    .isInstanceOf(ExecutionException.class)
                    .hasCauseInstanceOf(TokenStoreException.class);
        }
    }

    @Test
    void a_store_that_answers_is_not_blamed_for_another_node_that_takes_its_time() throws Exception {
        CountDownLatch never = new CountDownLatch(1);
        Shards slow = new Shards(key -> !never(never), new CountDownLatch(0));
        Grantkeeper holder = mock.node(mock.registration(mock.provider())
                .tokenCallTimeout(Duration.ofMinutes(1))
                .maxWait(Duration.ofMinutes(2)));
        Grantkeeper other =
                mock.node(mock.registration(mock.provider()).tokenStore(slow).maxWait(Duration.ofSeconds(2)));
        int before = mock.server.getRequestCount();
        CompletableFuture<TokenSet> held = expired(holder, "hang").tokensAsync();
        while (mock.server.getRequestCount() == before) {
            Thread.onSpinWait();
        }
        for (int i = 0; i < 5; i++) {
            assertThatThrownBy(other.account("hang")::tokens)
                    .isInstanceOf(AuthorizationServerException.class)
                    .hasMessageContaining("the refresh goes on");
        }
        assertThat(held).isNotDone();
    }

    /** Takes as long as a store in another building. */
    private static boolean never(CountDownLatch latch) {
        try {
            return latch.await(30, TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    @Test
    void law_19_the_librarys_threads_inherit_nothing_from_the_caller_that_starts_them() throws Exception {
        InheritableThreadLocal<String> tenant = new InheritableThreadLocal<>();
        List<String> seen = new ArrayList<>();
        ClassLoader loader = Thread.currentThread().getContextClassLoader();
        Shards store = new Shards(
                key -> {
                    if (Thread.currentThread().getName().startsWith("grantkeeper-")) {
                        synchronized (seen) {
                            seen.add(tenant.get() + " "
                                    + (Thread.currentThread().getContextClassLoader()
                                            == Grantkeeper.class.getClassLoader()));
                        }
                    }
                    return false;
                },
                released);
        Grantkeeper node = mock.node(
                mock.registration(mock.provider()).tokenStore(store).storeCacheTime(Duration.ZERO)); // each call reads
        tenant.set("the first caller's");
        Thread.currentThread().setContextClassLoader(new ClassLoader(loader) {});
        try {
            for (int i = 0; i < 20; i++) {
                assertThat(expired(node, "healthy" + i).tokens()).isNotNull();
            }
        } finally {
            Thread.currentThread().setContextClassLoader(loader);
            tenant.remove();
        }
        synchronized (seen) {
            assertThat(seen).hasSizeGreaterThanOrEqualTo(20).containsOnly("null true");
        }
    }

    @Test
    void callers_that_wait_hear_at_the_close_that_nothing_comes_any_more() throws Exception {
        Grantkeeper node = mock.node(mock.registration(mock.provider())
                .tokenCallTimeout(Duration.ofMinutes(2))
                .maxWait(Duration.ofMinutes(2)));
        List<CompletableFuture<TokenSet>> waiting = new ArrayList<>();
        for (int i = 0; i < 300; i++) {
            waiting.add(expired(node, "hang" + i).tokensAsync());
        }
        node.close();
        for (CompletableFuture<TokenSet> one : waiting) {
            assertThatThrownBy(() -> one.get(60, TimeUnit.SECONDS))
                    .isInstanceOf(ExecutionException.class)
                    .hasCauseInstanceOf(OAuthException.class);
        }
    }
}
