/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.testkit.Answer;
import dev.grantkeeper.testkit.Fault;
import dev.grantkeeper.testkit.Held;
import dev.grantkeeper.testkit.Rotation;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import mockwebserver3.MockResponse;
import mockwebserver3.MockWebServer;
import okhttp3.Call;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;
import okio.BufferedSink;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** The laws of the refresher, one node or two over one store, a real server behind. */
@Timeout(300)
@Execution(ExecutionMode.CONCURRENT)
class RefreshTest {
    private final Scene scene = new Scene();

    @AfterEach
    void close() {
        scene.close();
    }

    private List<Integer> statuses(int threads, List<OkHttpClient> clients) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(threads);
        try {
            CountDownLatch go = new CountDownLatch(1);
            List<Future<Integer>> calls = new ArrayList<>();
            for (int i = 0; i < threads; i++) {
                OkHttpClient client = clients.get(i % clients.size());
                calls.add(pool.submit(() -> {
                    go.await();
                    return scene.status(client);
                }));
            }
            go.countDown();
            List<Integer> statuses = new ArrayList<>();
            for (Future<Integer> call : calls) {
                statuses.add(call.get(30, TimeUnit.SECONDS));
            }
            return statuses;
        } finally {
            pool.shutdownNow();
        }
    }

    @Test
    void law_1_two_hundred_threads_on_one_expired_token_make_one_token_request() throws Exception {
        OkHttpClient client = scene.signIn(scene.node(), "alice").wrap(scene.http);
        for (int round = 1; round <= 5; round++) {
            scene.expire();
            scene.server.resetCounters();
            assertThat(statuses(200, List.of(client))).hasSize(200).containsOnly(200);
            assertThat(scene.server.tokenRequests()).isEqualTo(1);
            assertThat(scene.server.reuseDetected()).isZero();
        }
    }

    private void assertAThousandShareOneRequest(ExecutorService threads) throws Exception {
        Account alice = scene.signIn(scene.node(), "alice");
        for (Fault fault : List.of(Fault.none(), Fault.status(503))) {
            scene.expire();
            scene.server.resetCounters();
            Held held = new Held();
            scene.server.onEveryTokenRequest(Fault.hold(held).then(fault));
            List<Future<Object>> calls = new ArrayList<>();
            for (int i = 0; i < 1000; i++) {
                calls.add(threads.submit(() -> {
                    try {
                        return alice.tokens().accessToken();
                    } catch (AuthorizationServerException e) {
                        return e.kind();
                    }
                }));
            }
            held.awaitArrived(1);
            held.release();
            Set<Object> ends = new HashSet<>();
            for (Future<Object> call : calls) {
                ends.add(call.get(30, TimeUnit.SECONDS));
            }
            assertThat(ends).hasSize(1);
            assertThat(ends.contains(AuthorizationServerException.Kind.TEMPORARY))
                    .isEqualTo(scene.server.tokensIssued() == 0);
            // After one failure they all wait for the same next try.
            assertThat(scene.server.tokenRequests()).isEqualTo(scene.server.tokensIssued() == 0 ? 2 : 1);
        }
    }

    @Test
    void law_1_a_thousand_threads_share_one_refresh_and_one_failure() throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(1000);
        try {
            assertAThousandShareOneRequest(threads);
        } finally {
            threads.shutdownNow();
        }
    }

    @Test
    @EnabledForJreRange(min = JRE.JAVA_21)
    void law_1_so_do_a_thousand_virtual_threads() throws Exception {
        ExecutorService threads = (ExecutorService)
                Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
        try {
            assertAThousandShareOneRequest(threads);
        } finally {
            threads.shutdownNow();
        }
    }

    @Test
    void law_1_two_nodes_make_one_token_request() throws Exception {
        Grantkeeper one = scene.node();
        Grantkeeper two = scene.node();
        scene.signIn(one, "alice");
        List<OkHttpClient> clients = List.of(
                one.account("alice").wrap(scene.http), two.account("alice").wrap(scene.http));
        for (int round = 1; round <= 20; round++) {
            scene.expire();
            scene.server.resetCounters();
            assertThat(statuses(16, clients)).containsOnly(200);
            assertThat(scene.server.tokenRequests()).isEqualTo(1);
            assertThat(scene.server.familiesRevoked()).isZero();
        }
    }

    @Test
    void law_4_a_refresh_that_ends_after_a_new_login_does_not_overwrite_it() throws Exception {
        Grantkeeper node = scene.node();
        Account alice = scene.signIn(node, "alice");
        scene.expire();
        Held held = scene.server.holdAnswers();
        Future<TokenSet> waiting = alice.tokensAsync();
        held.awaitArrived(1);
        scene.server.noFaults();
        String fresh = ((LoginResult.SignedIn) scene.login(node, "alice"))
                .keepAs("alice")
                .tokens()
                .accessToken();
        held.release();
        assertThat(waiting.get(40, TimeUnit.SECONDS).accessToken()).isEqualTo(fresh);
        assertThat(alice.tokens().accessToken()).isEqualTo(fresh);
    }

    @Test
    void law_4_a_refresh_that_ends_after_the_sign_out_brings_nothing_back_and_gives_its_tokens_back() throws Exception {
        Grantkeeper node = scene.node();
        Account alice = scene.signIn(node, "alice");
        scene.expire();
        Held held = scene.server.holdAnswers();
        Future<TokenSet> waiting = alice.tokensAsync();
        held.awaitArrived(1);
        alice.signOut();
        assertThat(scene.store.rows).isEmpty();
        int before = scene.server.revocations();
        held.release();
        assertThatThrownBy(() -> waiting.get(40, TimeUnit.SECONDS)).hasCauseInstanceOf(LoginRequiredException.class);
        assertThat(scene.store.rows).isEmpty();
        assertThat(scene.server.revocations()).isGreaterThan(before);
    }

    @Test
    void law_5_a_refused_refresh_token_ends_the_grant_on_every_node_with_one_request() throws Exception {
        Grantkeeper one = scene.node();
        Grantkeeper two = scene.node();
        Account alice = scene.signIn(one, "alice");
        scene.server.revokeRefreshTokens("alice");
        scene.expire();
        scene.server.resetCounters();
        for (Account account : List.of(alice, two.account("alice"), alice)) {
            assertThatThrownBy(account::tokens).isInstanceOfSatisfying(LoginRequiredException.class, required -> {
                assertThat(required.reason()).isEqualTo(LoginRequiredException.Reason.REFUSED);
                assertThat(required.error()).contains("invalid_grant");
            });
        }
        assertThat(scene.server.tokenRequests()).isEqualTo(1);
        assertThat(alice.grant().orElseThrow().loginRequired()).contains(LoginRequiredException.Reason.REFUSED);
        scene.signIn(two, "alice");
        assertThat(alice.tokens()).isNotNull();
    }

    @Test
    void law_5_reconsider_tries_the_refused_refresh_token_again() throws Exception {
        Account alice = scene.signIn(scene.node(), "alice");
        scene.expire();
        scene.server.onNextTokenRequest(Fault.error(400, "invalid_grant"));
        assertThatThrownBy(alice::tokens).isInstanceOf(LoginRequiredException.class);
        alice.clearRefusal();
        assertThat(alice.tokens()).isNotNull();
    }

    @Test
    void law_6_invalid_client_signs_nobody_out() throws Exception {
        Account alice = scene.signIn(scene.node(), "alice");
        scene.expire();
        scene.server.onNextTokenRequest(Fault.error(401, "invalid_client"));
        assertThatThrownBy(alice::tokens)
                .isInstanceOfSatisfying(
                        AuthorizationServerException.class,
                        failure ->
                                assertThat(failure.kind()).isEqualTo(AuthorizationServerException.Kind.MISCONFIGURED));
        scene.time.pass(Duration.ofMinutes(2));
        assertThat(alice.tokens()).isNotNull();
    }

    @Test
    void law_6_a_node_with_a_wrong_secret_asks_rarely_and_holds_no_other_node_back() throws Exception {
        Grantkeeper right = scene.node();
        Grantkeeper wrong =
                scene.node(scene.registration(scene.provider().build()).clientSecret("not-the-client-secret"));
        scene.signIn(right, "alice");
        scene.expire();
        scene.server.resetCounters();
        for (int i = 0; i < 50; i++) {
            assertThatThrownBy(() -> wrong.account("alice").tokens())
                    .isInstanceOfSatisfying(
                            AuthorizationServerException.class,
                            failure -> assertThat(failure.kind())
                                    .isEqualTo(AuthorizationServerException.Kind.MISCONFIGURED));
        }
        assertThat(scene.server.tokenRequests()).isLessThanOrEqualTo(2);
        assertThat(right.account("alice").tokens()).isNotNull();
    }

    @Test
    void law_7_a_valid_token_is_served_while_the_store_is_down() throws Exception {
        Account alice = scene.signIn(scene.node(), "alice");
        scene.store.down(true);
        scene.time.pass(Duration.ofMinutes(1));
        assertThat(scene.status(alice.wrap(scene.http))).isEqualTo(200);
    }

    @Test
    void law_7_a_valid_token_is_served_while_the_token_endpoint_is_down() throws Exception {
        Account alice = scene.signIn(scene.node(), "alice");
        scene.server.onEveryTokenRequest(Fault.status(503));
        scene.time.pass(Duration.ofMinutes(9).plusSeconds(45)); // past the hard limit, not expired
        assertThat(scene.status(alice.wrap(scene.http))).isEqualTo(200);
        scene.time.pass(Duration.ofSeconds(30));
        assertThatThrownBy(() -> scene.status(alice.wrap(scene.http)))
                .isInstanceOfSatisfying(
                        AuthorizationServerException.class,
                        failure -> assertThat(failure.kind()).isEqualTo(AuthorizationServerException.Kind.TEMPORARY));
        scene.server.noFaults();
        scene.time.pass(Duration.ofMinutes(5));
        assertThat(scene.status(alice.wrap(scene.http))).isEqualTo(200);
    }

    @Test
    void law_7_a_store_that_is_down_is_no_sign_out() {
        scene.store.down(true);
        assertThatThrownBy(() -> scene.node().account("alice").tokens()).isInstanceOf(TokenStoreException.class);
        assertThat(scene.server.tokenRequests()).isZero();
    }

    @Test
    void law_8_past_the_soft_limit_nobody_waits_for_the_refresh() throws Exception {
        Account alice = scene.signIn(scene.node(), "alice");
        String first = alice.tokens().accessToken();
        scene.time.pass(Duration.ofMinutes(9)); // soft: 2 to 3 min before the end; hard: 30 s
        Held held = scene.server.hold();
        assertThat(alice.tokens().accessToken()).isEqualTo(first);
        held.awaitArrived(1);
        assertThat(alice.tokens().accessToken()).isEqualTo(first);
        held.release();
        scene.server.noFaults();
        while (alice.tokens().accessToken().equals(first)) {
            Thread.onSpinWait();
        }
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
    }

    @Test
    void law_9_an_outage_costs_few_requests_and_answers_at_once() throws Exception {
        Account alice = scene.signIn(scene.node(), "alice");
        scene.expire();
        scene.server.onEveryTokenRequest(Fault.status(503));
        scene.server.resetCounters();
        for (int i = 0; i < 100; i++) {
            assertThatThrownBy(alice::tokens).isInstanceOf(AuthorizationServerException.class);
        }
        assertThat(scene.server.tokenRequests()).isLessThanOrEqualTo(2);
    }

    @Test
    void law_9_retry_after_is_honoured_for_all_grants() throws Exception {
        Grantkeeper node = scene.node();
        Account alice = scene.signIn(node, "alice");
        Account bob = scene.signIn(node, "bob");
        scene.expire();
        scene.server.resetCounters();
        scene.server.user("carol", "Carol", "Cook", "carol@example.org");
        Account carol = scene.signIn(node, "carol");
        scene.expire();
        scene.server.resetCounters();
        scene.server.onNextTokenRequest(Fault.retryAfter(429, "120"), Fault.retryAfter(429, "120"));
        // One grant that was told so is held alone (law 18); a second one that is told the same speaks for all.
        for (Account told : List.of(alice, bob)) {
            assertThatThrownBy(told::tokens)
                    .isInstanceOfSatisfying(
                            AuthorizationServerException.class,
                            failure -> assertThat(failure.retryAfter().orElseThrow())
                                    .isEqualTo(Duration.ofSeconds(120)));
        }
        assertThatThrownBy(carol::tokens).isInstanceOf(AuthorizationServerException.class);
        assertThat(scene.server.tokenRequests()).isEqualTo(2);
        scene.time.pass(Duration.ofSeconds(121));
        assertThat(carol.tokens()).isNotNull();
        assertThat(bob.tokens()).isNotNull();
        assertThat(alice.tokens()).isNotNull();
    }

    /** T-090: a mistake in a configuration shows nobody's refresh token to a stranger. */
    @Test
    void a_grant_is_refreshed_only_where_it_was_given_and_where_that_server_has_moved_to() throws Exception {
        scene.signIn(scene.node(), "alice");
        scene.expire();
        try (MockWebServer other = new MockWebServer()) {
            other.start();
            Provider.Builder elsewhere =
                    scene.provider().tokenEndpoint("http://localhost:" + other.getPort() + "/token");
            Account alice = scene.node(scene.registration(elsewhere.build())).account("alice");
            assertThatThrownBy(alice::tokens)
                    .isInstanceOfSatisfying(
                            AuthorizationServerException.class,
                            failure -> assertThat(failure.kind())
                                    .isEqualTo(AuthorizationServerException.Kind.MISCONFIGURED))
                    .hasMessageContaining("formerServers");
            assertThat(other.getRequestCount()).isZero();

            scene.time.pass(Duration.ofMinutes(2));
            Provider moved = elsewhere.formerServers(scene.server.url()).build();
            other.enqueue(new MockResponse.Builder()
                    .setHeader("Content-Type", "application/json")
                    .body("{\"access_token\":\"moved\",\"token_type\":\"Bearer\"}")
                    .build());
            assertThat(scene.node(scene.registration(moved))
                            .account("alice")
                            .tokens()
                            .accessToken())
                    .isEqualTo("moved");
        }
        assertThat(scene.server.refreshRequests()).isZero();
    }

    @Test
    void a_server_for_tests_that_is_started_again_at_another_port_is_the_same() throws Exception {
        scene.signIn(scene.node(), "alice");
        scene.expire();
        try (MockWebServer again = new MockWebServer()) {
            again.start(InetAddress.getLoopbackAddress(), 0);
            again.enqueue(new MockResponse.Builder()
                    .setHeader("Content-Type", "application/json")
                    .body("{\"access_token\":\"again\",\"token_type\":\"Bearer\"}")
                    .build());
            Provider provider = scene.provider()
                    .tokenEndpoint("http://127.0.0.1:" + again.getPort() + "/token")
                    .build();
            assertThat(scene.node(scene.registration(provider))
                            .account("alice")
                            .tokens()
                            .accessToken())
                    .isEqualTo("again");
        }
    }

    /** Spotify was seen to ask for 13,749 seconds. One wrong header is not to keep everybody out for a day. */
    @Test
    void law_9_a_retry_after_of_hours_is_told_as_it_is_and_kept_for_one() throws Exception {
        Account alice = scene.signIn(scene.node(), "alice");
        scene.expire();
        scene.server.resetCounters();
        scene.server.onNextTokenRequest(Fault.retryAfter(429, "13749"));
        assertThatThrownBy(alice::tokens)
                .isInstanceOfSatisfying(
                        AuthorizationServerException.class,
                        failure ->
                                assertThat(failure.retryAfter().orElseThrow()).isEqualTo(Duration.ofSeconds(13_749)));
        scene.time.pass(Duration.ofMinutes(59));
        assertThatThrownBy(alice::tokens).isInstanceOf(AuthorizationServerException.class);
        assertThat(scene.server.tokenRequests()).isEqualTo(1);
        scene.time.pass(Duration.ofMinutes(2));
        assertThat(alice.tokens()).isNotNull();
    }

    @Test
    void law_10_a_thousand_401s_on_one_token_make_one_refresh_and_one_replay_each() throws Exception {
        OkHttpClient client = scene.signIn(scene.node(), "alice").wrap(scene.http);
        scene.server.expireAccessTokens();
        scene.server.resetCounters();
        assertThat(statuses(100, List.of(client))).containsOnly(200);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
        assertThat(scene.server.apiRequests()).isLessThanOrEqualTo(200);
    }

    @Test
    void law_10_an_api_that_always_says_401_costs_one_refresh() throws Exception {
        OkHttpClient client = scene.signIn(scene.node(), "alice").wrap(scene.http);
        scene.server.rejectAllAtApi(true);
        scene.server.resetCounters();
        for (int i = 0; i < 100; i++) {
            assertThat(scene.status(client)).isEqualTo(401);
        }
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
        assertThat(scene.server.apiRequests()).isEqualTo(101);
    }

    @Test
    void law_10_short_tokens_are_not_stuck_with_a_401_until_they_end() throws Exception {
        scene.server.accessTokenLifetime(Duration.ofSeconds(20));
        OkHttpClient client = scene.signIn(scene.node(), "alice").wrap(scene.http);
        for (int i = 0; i < 3; i++) {
            scene.server.expireAccessTokens();
            assertThat(scene.status(client)).isEqualTo(200);
            scene.time.pass(Duration.ofSeconds(3)); // a tenth of the life, and a little
        }
    }

    @Test
    void law_10_a_token_that_a_one_shot_call_saw_rejected_is_not_used_again() throws Exception {
        Account alice = scene.signIn(scene.node(), "alice");
        OkHttpClient client = alice.wrap(scene.http);
        scene.server.expireAccessTokens();
        Held held = scene.server.hold();
        assertThat(postOnce(client)).isEqualTo(401);
        held.awaitArrived(1);
        Future<TokenSet> next = alice.tokensAsync();
        assertThat(next.isDone()).isFalse();
        held.release();
        scene.server.noFaults();
        assertThat(scene.server.accepts(next.get(40, TimeUnit.SECONDS).accessToken()))
                .isTrue();
        assertThat(postOnce(client)).isEqualTo(200);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
    }

    private int postOnce(OkHttpClient client) throws IOException {
        RequestBody body = new RequestBody() {
            @Override
            public MediaType contentType() {
                return MediaType.get("text/plain");
            }

            @Override
            public boolean isOneShot() {
                return true;
            }

            @Override
            public void writeTo(BufferedSink sink) throws IOException {
                sink.writeUtf8("once");
            }
        };
        Request request = new Request.Builder()
                .url(scene.server.apiUrl("/api/things"))
                .post(body)
                .build();
        try (Response response = client.newCall(request).execute()) {
            return response.code();
        }
    }

    @Test
    void law_10_a_403_refreshes_nothing() throws Exception {
        OkHttpClient client = scene.signIn(scene.node(), "alice").wrap(scene.http);
        scene.server.onApiRequest((request, answer) -> Answer.status(403));
        scene.server.resetCounters();
        assertThat(scene.status(client)).isEqualTo(403);
        assertThat(scene.server.tokenRequests()).isZero();
    }

    @Test
    void law_11_cancelling_the_call_that_began_the_refresh_leaves_it_to_the_others() throws Exception {
        Account alice = scene.signIn(scene.node(), "alice");
        OkHttpClient client = alice.wrap(scene.http);
        scene.expire();
        Held held = scene.server.hold();
        Call first = client.newCall(
                new Request.Builder().url(scene.server.apiUrl("/api/things")).build());
        ExecutorService pool = Executors.newFixedThreadPool(2);
        try {
            Future<Integer> canceled = pool.submit(() -> {
                try (var response = first.execute()) {
                    return response.code();
                }
            });
            held.awaitArrived(1);
            Future<Integer> other = pool.submit(() -> scene.status(client));
            first.cancel();
            assertThatThrownBy(() -> canceled.get(40, TimeUnit.SECONDS))
                    .hasCauseInstanceOf(IOException.class)
                    .hasMessageContaining("Canceled");
            held.release();
            assertThat(other.get(40, TimeUnit.SECONDS)).isEqualTo(200);
        } finally {
            pool.shutdownNow();
        }
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
    }

    @Test
    void law_11_a_caller_that_gives_up_takes_nothing_from_those_that_come_later() throws Exception {
        Grantkeeper node =
                scene.node(scene.registration(scene.provider().build()).maxWait(Duration.ofSeconds(4)));
        Account alice = scene.signIn(node, "alice");
        scene.expire();
        Held held = scene.server.hold();
        assertThatThrownBy(() -> alice.tokensAsync().join()) // it began the refresh, and waits in vain
                .hasCauseInstanceOf(OAuthException.class);
        held.awaitArrived(1);
        CompletableFuture<TokenSet> later = alice.tokensAsync();
        held.release();
        assertThat(later.get(30, TimeUnit.SECONDS).accessToken()).isNotEmpty();
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
    }

    @Test
    void law_12_refreshing_works_with_one_request_at_a_time() throws Exception {
        OkHttpClient narrow = new OkHttpClient.Builder().build();
        narrow.dispatcher().setMaxRequests(1);
        narrow.dispatcher().setMaxRequestsPerHost(1);
        Grantkeeper node =
                scene.node(scene.registration(scene.provider().build()).httpClient(narrow));
        OkHttpClient client = scene.signIn(node, "alice").wrap(narrow);
        scene.expire();
        java.util.concurrent.CompletableFuture<Integer> done = new java.util.concurrent.CompletableFuture<>();
        client.newCall(new Request.Builder()
                        .url(scene.server.apiUrl("/api/things"))
                        .build())
                .enqueue(new okhttp3.Callback() {
                    @Override
                    public void onFailure(Call call, IOException e) {
                        done.completeExceptionally(e);
                    }

                    @Override
                    public void onResponse(Call call, Response response) {
                        done.complete(response.code());
                        response.close();
                    }
                });
        assertThat(done.get(40, TimeUnit.SECONDS)).isEqualTo(200);
        narrow.dispatcher().executorService().shutdown();
    }

    @Test
    void law_13_a_clock_that_is_set_back_does_not_make_a_token_live_longer() throws Exception {
        Account alice = scene.signIn(scene.node(), "alice");
        String first = alice.tokens().accessToken();
        scene.time.jump(Duration.ofHours(-1));
        scene.time.pass(Duration.ofMinutes(10).plusSeconds(1));
        assertThat(alice.tokens().accessToken()).isNotEqualTo(first);
    }

    @Test
    void law_13_an_expiry_of_zero_does_not_refresh_on_every_call() throws Exception {
        scene.server.expiresIn("0");
        Account alice = scene.signIn(scene.node(), "alice");
        scene.server.resetCounters();
        for (int i = 0; i < 50; i++) {
            assertThat(alice.tokens()).isNotNull();
        }
        assertThat(scene.server.tokenRequests()).isLessThanOrEqualTo(1);
    }

    @Test
    void law_14_a_store_that_fails_after_a_refresh_costs_no_caller_anything() throws Exception {
        scene.server.rotation(Rotation.STRICT);
        Account alice = scene.signIn(scene.node(), "alice");
        scene.expire();
        Held held = scene.server.holdAnswers();
        Future<TokenSet> waiting = alice.tokensAsync();
        held.awaitArrived(1);
        scene.store.writesDown(true);
        held.release();
        scene.server.noFaults();
        String fresh = waiting.get(40, TimeUnit.SECONDS).accessToken();
        assertThat(alice.tokens().accessToken()).isEqualTo(fresh);
        assertThat(scene.events).extracting(GrantListener.Event::kind).contains(GrantListener.Kind.WRITE_PENDING);
        scene.store.writesDown(false);
        while (scene.events.stream().noneMatch(event -> event.kind() == GrantListener.Kind.WRITE_COMPLETED)) {
            Thread.onSpinWait();
        }
        assertThat(scene.node().account("alice").tokens().accessToken()).isEqualTo(fresh);
        assertThat(scene.server.reuseDetected()).isZero();
    }

    @Test
    void law_14_closing_waits_for_the_write() throws Exception {
        Grantkeeper node = scene.node();
        Account alice = scene.signIn(node, "alice");
        scene.expire();
        Held held = scene.server.holdAnswers();
        Future<TokenSet> waiting = alice.tokensAsync();
        held.awaitArrived(1);
        scene.store.writesDown(true);
        held.release();
        String fresh = waiting.get(40, TimeUnit.SECONDS).accessToken();
        scene.store.writesDown(false);
        node.close();
        assertThat(scene.node().account("alice").tokens().accessToken()).isEqualTo(fresh);
    }

    @Test
    void law_15_a_lost_answer_is_asked_for_once_more_and_a_grace_window_saves_the_grant() throws Exception {
        scene.server.rotation(Rotation.GRACE);
        Account alice = scene.signIn(scene.node(), "alice");
        scene.expire();
        scene.server.resetCounters();
        scene.server.onNextTokenRequest(Fault.dropAfter());
        assertThat(alice.tokens()).isNotNull();
        assertThat(scene.server.refreshRequests()).isEqualTo(2);
        assertThat(scene.server.familiesRevoked()).isZero();
    }

    @Test
    void law_15_an_answer_lost_at_a_strict_server_ends_the_grant_and_says_why() throws Exception {
        scene.server.rotation(Rotation.STRICT);
        Account alice = scene.signIn(scene.node(), "alice");
        scene.expire();
        scene.server.onNextTokenRequest(Fault.dropAfter());
        assertThatThrownBy(alice::tokens)
                .isInstanceOfSatisfying(
                        LoginRequiredException.class,
                        required -> assertThat(required.reason()).isEqualTo(LoginRequiredException.Reason.ANSWER_LOST));
    }

    @Test
    void law_15_a_request_that_never_arrived_is_made_once_more() throws Exception {
        scene.server.rotation(Rotation.STRICT);
        Account alice = scene.signIn(scene.node(), "alice");
        scene.expire();
        scene.server.onNextTokenRequest(Fault.dropBefore());
        assertThat(alice.tokens()).isNotNull();
        assertThat(scene.server.reuseDetected()).isZero();
    }

    @Test
    void law_7_a_valid_token_is_served_though_another_node_began_a_refresh_and_does_not_get_on() throws Exception {
        Grantkeeper patient =
                scene.node(scene.registration(scene.provider().build()).maxWait(Duration.ofMinutes(1)));
        Account alice = scene.signIn(patient, "alice");
        TokenSet valid = alice.tokens();
        scene.server.resetCounters();
        scene.time.pass(Duration.ofMinutes(9).plusSeconds(45)); // past the hard limit, and not expired
        Held held = scene.server.holdAnswers();
        Future<TokenSet> waiting =
                alice.tokensInsteadOfAsync(valid); // which no valid token ends, however long it takes
        held.awaitArrived(1);
        Account other = scene.node().account("alice");
        for (int i = 0; i < 3; i++) {
            assertThat(other.tokens().accessToken()).isEqualTo(valid.accessToken());
        }
        assertThat(waiting.isDone()).isFalse();
        assertThat(scene.server.tokenRequests()).isEqualTo(1);
        held.release();
        assertThat(waiting.get(30, TimeUnit.SECONDS).accessToken()).isNotEqualTo(valid.accessToken());
    }

    @Test
    void law_15_okhttp_repeats_no_token_request_by_itself() throws Exception {
        Account alice = scene.signIn(scene.node(), "alice");
        Account impatient = scene.node(scene.registration(scene.provider().build())
                        .maxWait(Duration.ofMillis(900))) // shorter than the pause before the next try
                .account("alice");
        for (Fault fault : List.of(
                Fault.retryAfter(503, "0"),
                Fault.status(408),
                Fault.answer(Answer.status(307).header("Location", scene.server.url() + "/elsewhere")),
                Fault.answer(Answer.status(421)))) {
            scene.expire();
            scene.server.resetCounters();
            scene.server.onNextTokenRequest(fault);
            assertThatThrownBy(impatient::tokens).isInstanceOf(AuthorizationServerException.class);
            assertThat(scene.server.tokenRequests()).isEqualTo(1);
            assertThat(scene.server.recordedApiRequests()).isEmpty();
            scene.time.pass(Duration.ofMinutes(5));
            assertThat(alice.tokens()).isNotNull();
        }
    }

    @Test
    void law_17_the_store_has_the_new_tokens_before_the_call_goes_out_again() throws Exception {
        Account alice = scene.signIn(scene.node(), "alice");
        scene.expire();
        StoredTokens before = scene.store.rows.get(alice.key());
        List<StoredTokens> atCall = new ArrayList<>();
        scene.server.onApiRequest((request, answer) -> {
            atCall.add(scene.store.rows.get(alice.key()));
            return answer;
        });
        assertThat(scene.status(alice.wrap(scene.http))).isEqualTo(200);
        assertThat(atCall).hasSize(1);
        assertThat(atCall.get(0).version()).isNotEqualTo(before.version());
        assertThat(scene.store.rows.get(alice.key())).isEqualTo(atCall.get(0));
    }

    @Test
    void a_write_that_happened_and_looked_failed_is_recognised() throws Exception {
        Account alice = scene.signIn(scene.node(), "alice");
        for (int writes = 1; writes <= 2; writes++) {
            scene.expire();
            scene.server.resetCounters();
            scene.store.landAndFail(writes);
            assertThat(alice.tokens()).isNotNull();
            assertThat(scene.server.tokenRequests()).isEqualTo(1);
        }
    }

    @Test
    void an_attempt_of_a_node_that_died_is_taken_over_after_its_time() throws Exception {
        // It is dead for the clock, which is moved; in real time its call must not end by itself.
        Grantkeeper dying = scene.node(scene.registration(scene.provider().build())
                .tokenCallTimeout(Duration.ofMinutes(1))
                .maxWait(Duration.ofMinutes(2)));
        scene.signIn(dying, "alice");
        scene.expire();
        Held held = scene.server.hold();
        Future<TokenSet> never = dying.account("alice").tokensAsync();
        held.awaitArrived(1);
        scene.server.noFaults();
        // Its request never arrives, and its writes never happen: it is gone. The other node has to find out by itself.
        Account other = scene.node(scene.registration(scene.provider().build())
                        .tokenCallTimeout(Duration.ofSeconds(2))
                        .maxWait(Duration.ofMinutes(2)))
                .account("alice");
        Future<TokenSet> waiting = other.tokensAsync();
        while (scene.store.finds.get() < 6) {
            Thread.onSpinWait();
        }
        assertThat(waiting.isDone()).isFalse();
        scene.passUnderObservation(Duration.ofSeconds(7), waiting); // T is two calls of 2 s
        assertThat(waiting.get(60, TimeUnit.SECONDS)).isNotNull();
        assertThat(never.isDone()).isFalse();
        held.release();
    }

    @Test
    void the_applications_own_account_needs_no_login() throws Exception {
        Grantkeeper node = scene.node();
        OkHttpClient client = node.application().wrap(scene.http);
        assertThat(statuses(20, List.of(client, scene.node().application().wrap(scene.http))))
                .containsOnly(200);
        assertThat(scene.server.tokenRequests()).isEqualTo(1);
        scene.expire();
        assertThat(scene.status(client)).isEqualTo(200);
        assertThat(scene.server.tokenRequests()).isEqualTo(2);
        node.application().signOut();
        assertThat(scene.store.rows).isEmpty();
    }

    @Test
    void refresh_tokens_are_replaced_when_a_new_one_comes_and_kept_when_none_does() throws Exception {
        Account alice = scene.signIn(scene.node(), "alice");
        for (Rotation rotation : List.of(Rotation.STRICT, Rotation.STRICT, Rotation.REUSABLE, Rotation.REUSABLE)) {
            scene.server.rotation(rotation);
            String before = alice.tokens().refreshToken().orElseThrow();
            scene.expire();
            String after = alice.tokens().refreshToken().orElseThrow();
            assertThat(after.equals(before)).isEqualTo(rotation == Rotation.REUSABLE);
        }
    }
}
