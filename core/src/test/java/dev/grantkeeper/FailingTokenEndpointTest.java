/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.testkit.Answer;
import dev.grantkeeper.testkit.Fault;
import dev.grantkeeper.testkit.Held;
import dev.grantkeeper.testkit.RecordedRequest;
import dev.grantkeeper.testkit.Rotation;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import mockwebserver3.MockResponse;
import mockwebserver3.MockWebServer;
import okhttp3.OkHttpClient;
import okhttp3.tls.HandshakeCertificates;
import okhttp3.tls.HeldCertificate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A token endpoint that says no, says later, or is not there: who gets what meanwhile, and when it is asked again. */
@Timeout(300)
@Execution(ExecutionMode.CONCURRENT)
class FailingTokenEndpointTest {
    private static final Duration SHORTER_THAN_ANY_PAUSE = Duration.ofMillis(999);

    private final Scene scene = new Scene();

    @AfterEach
    void close() {
        scene.close();
    }

    /** An account for callers who do not wait for the next try after a failure. */
    private Account impatient(String user) {
        return scene.node(scene.registration(scene.provider().build()).maxWait(SHORTER_THAN_ANY_PAUSE))
                .account(user);
    }

    private static AuthorizationServerException failure(Account account) {
        Throwable[] thrown = new Throwable[1];
        assertThatThrownBy(account::tokens)
                .isInstanceOf(AuthorizationServerException.class)
                .satisfies(e -> thrown[0] = e);
        return (AuthorizationServerException) thrown[0];
    }

    // ---- The next try ---------------------------------------------------------------------------------------------

    private CompletableFuture<TokenSet> waitingAfterOneFailure(Account account) throws Exception {
        CompletableFuture<TokenSet> waiting = account.tokensAsync();
        scene.await(GrantListener.Kind.FAILED);
        return waiting;
    }

    @Test
    void one_failure_costs_no_caller_who_may_wait_longer_than_the_pause() throws Exception {
        Account alice = scene.signIn(scene.node(), "alice");
        scene.expire();
        scene.server.resetCounters();
        scene.server.onNextTokenRequest(Fault.status(503));
        CompletableFuture<TokenSet> waiting = waitingAfterOneFailure(alice);
        CompletableFuture<TokenSet> another = alice.tokensAsync();
        scene.time.pass(Duration.ofSeconds(2));
        assertThat(waiting.get(30, TimeUnit.SECONDS)).isEqualTo(another.get(30, TimeUnit.SECONDS));
        assertThat(scene.server.tokenRequests()).isEqualTo(2);
    }

    @Test
    void one_failure_after_a_401_costs_no_call_either() throws Exception {
        Account alice = scene.signIn(scene.node(), "alice");
        scene.server.expireAccessTokens();
        scene.server.onNextTokenRequest(Fault.status(503));
        OkHttpClient client = alice.wrap(scene.http);
        CompletableFuture<Integer> call = CompletableFuture.supplyAsync(() -> {
            try {
                return scene.status(client);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
        scene.await(GrantListener.Kind.FAILED);
        scene.time.pass(Duration.ofSeconds(2));
        assertThat(call.get(30, TimeUnit.SECONDS)).isEqualTo(200);
    }

    @Test
    void a_second_failure_is_told_at_once() throws Exception {
        Account alice = scene.signIn(scene.node(), "alice");
        scene.expire();
        scene.server.resetCounters();
        scene.server.onEveryTokenRequest(Fault.status(503));
        CompletableFuture<TokenSet> waiting = waitingAfterOneFailure(alice);
        scene.time.pass(Duration.ofSeconds(2));
        assertThatThrownBy(() -> waiting.get(30, TimeUnit.SECONDS))
                .hasCauseInstanceOf(AuthorizationServerException.class);
        assertThat(failure(alice).status()).isEqualTo(503);
        assertThat(scene.server.tokenRequests()).isEqualTo(2);
    }

    @Test
    void a_pause_that_is_longer_than_callers_wait_is_told_at_once() throws Exception {
        Account alice = scene.signIn(scene.node(), "alice");
        scene.expire();
        scene.server.onNextTokenRequest(Fault.retryAfter(503, "30"));
        assertThat(failure(alice).retryAfter().orElseThrow()).isGreaterThan(Duration.ofSeconds(20));
    }

    @Test
    void a_caller_who_waits_for_the_next_try_hears_that_the_library_is_closed() throws Exception {
        Grantkeeper node = scene.node();
        Account alice = scene.signIn(node, "alice");
        scene.expire();
        scene.server.onNextTokenRequest(Fault.retryAfter(503, "4"));
        CompletableFuture<TokenSet> waiting = waitingAfterOneFailure(alice);
        node.close();
        assertThatThrownBy(() -> waiting.get(30, TimeUnit.SECONDS))
                .hasCauseInstanceOf(OAuthException.class)
                .hasMessageContaining("closed");
    }

    // ---- Errors ---------------------------------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(ints = {500, 502, 503, 504})
    void a_server_error_is_not_noticed_while_the_token_is_valid_and_ends_nothing_when_it_is_not(int status)
            throws Exception {
        Account alice = scene.signIn(scene.node(), "alice");
        String refreshToken = alice.tokens().refreshToken().orElseThrow();
        OkHttpClient client = alice.wrap(scene.http);
        scene.server.onEveryTokenRequest(Fault.status(status));
        scene.server.resetCounters();
        scene.time.pass(Duration.ofMinutes(9)); // past the soft limit
        for (int i = 0; i < 100; i++) {
            assertThat(scene.status(client)).isEqualTo(200);
        }
        assertThat(scene.server.tokenRequests()).isLessThanOrEqualTo(2);

        scene.time.pass(Duration.ofMinutes(2)); // past the expiry, and past any pause
        AuthorizationServerException failure = failure(alice);
        assertThat(failure.kind()).isEqualTo(AuthorizationServerException.Kind.TEMPORARY);
        assertThat(failure.status()).isEqualTo(status);
        assertThat(alice.grant().orElseThrow().loginRequired()).isEmpty();

        scene.server.noFaults();
        scene.server.resetCounters();
        scene.time.pass(Duration.ofMinutes(2));
        assertThat(scene.status(client)).isEqualTo(200);
        assertThat(scene.server.recordedTokenRequests())
                .extracting(request -> request.param("refresh_token").orElse("none"))
                .containsExactly(refreshToken);
    }

    @ParameterizedTest
    @ValueSource(strings = {"temporarily_unavailable", "server_error"})
    void an_error_that_says_later_ends_nothing_whatever_the_status(String error) throws Exception {
        Account alice = scene.signIn(scene.node(), "alice");
        scene.expire();
        scene.server.onNextTokenRequest(Fault.error(400, error), Fault.error(400, error));
        assertThat(failure(alice).kind()).isEqualTo(AuthorizationServerException.Kind.TEMPORARY);
        scene.time.pass(Duration.ofSeconds(5));
        assertThat(alice.tokens()).isNotNull();
    }

    @ParameterizedTest
    @ValueSource(ints = {400, 401, 403, 404})
    void a_page_of_html_with_a_clients_error_ends_nothing(int status) throws Exception {
        Account alice = scene.signIn(scene.node(), "alice");
        String refreshToken = alice.tokens().refreshToken().orElseThrow();
        scene.expire();
        scene.server.onNextTokenRequest(Fault.answer(Answer.status(status)
                .header("Content-Type", "text/html")
                .body("<html>invalid_grant, says the firewall</html>")));
        assertThat(failure(alice).kind()).isEqualTo(AuthorizationServerException.Kind.MALFORMED);
        assertThat(alice.grant().orElseThrow().loginRequired()).isEmpty();
        scene.server.resetCounters();
        scene.time.pass(Duration.ofMinutes(2));
        assertThat(alice.tokens()).isNotNull();
        assertThat(scene.server.recordedTokenRequests())
                .extracting(request -> request.param("refresh_token").orElse("none"))
                .containsExactly(refreshToken);
    }

    @ParameterizedTest
    @ValueSource(strings = {"invalid_client", "unauthorized_client", "invalid_scope", "invalid_request"})
    void an_error_about_the_registration_ends_nobodys_grant_and_is_told_to_everybody(String error) throws Exception {
        scene.server.user("carol", "Carol", "Cook", "carol@example.org");
        Grantkeeper node = scene.node();
        List<Account> accounts =
                List.of(scene.signIn(node, "alice"), scene.signIn(node, "bob"), scene.signIn(node, "carol"));
        scene.expire();
        scene.server.resetCounters();
        scene.server.onEveryTokenRequest(Fault.error(400, error));
        for (int i = 0; i < 20; i++) {
            for (Account account : accounts) {
                AuthorizationServerException failure = failure(account);
                assertThat(failure.kind()).isEqualTo(AuthorizationServerException.Kind.MISCONFIGURED);
                assertThat(failure.error()).contains(error);
            }
        }
        assertThat(scene.server.tokenRequests()).isLessThanOrEqualTo(accounts.size());
        scene.server.noFaults();
        scene.time.pass(Duration.ofMinutes(2));
        for (Account account : accounts) {
            assertThat(account.grant().orElseThrow().loginRequired()).isEmpty();
            assertThat(account.tokens()).isNotNull();
        }
    }

    /** An exponent without a cap overflows after 63 failures. */
    @Test
    void after_a_hundred_failures_the_pause_is_still_between_a_second_and_a_minute() throws Exception {
        // Clocks that stand still, but for what this test lets pass.
        Instant start = Instant.now();
        AtomicLong passed = new AtomicLong();
        Supplier<Grantkeeper.Builder> still = () ->
                scene.registration(scene.provider().build()).time(() -> start.plusNanos(passed.get()), passed::get);
        Account patient = scene.signIn(scene.node(still.get()), "alice");
        Account alice = scene.node(still.get().maxWait(SHORTER_THAN_ANY_PAUSE)).account("alice");
        passed.addAndGet(Duration.ofMinutes(11).toNanos());
        scene.server.onEveryTokenRequest(Fault.status(503));
        scene.server.resetCounters();
        for (int failures = 1; failures <= 130; failures++) {
            assertThat(failure(alice).kind()).isEqualTo(AuthorizationServerException.Kind.TEMPORARY);
            assertThat(scene.server.tokenRequests()).isEqualTo(failures);
            assertThat(failure(alice).retryAfter().orElseThrow())
                    .isBetween(Duration.ofSeconds(1), Duration.ofMinutes(1));
            assertThat(scene.server.tokenRequests()).isEqualTo(failures);
            passed.addAndGet(Duration.ofMinutes(1).plusMillis(1).toNanos());
        }
        scene.server.noFaults();
        assertThat(patient.tokens()).isNotNull();
        // And the next failure begins from the start.
        passed.addAndGet(Duration.ofMinutes(11).toNanos());
        scene.server.onNextTokenRequest(Fault.status(503));
        assertThat(failure(alice).kind()).isEqualTo(AuthorizationServerException.Kind.TEMPORARY);
        passed.addAndGet(Duration.ofSeconds(3).toNanos());
        assertThat(patient.tokens()).isNotNull();
    }

    // ---- Retry-After ----------------------------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(ints = {429, 503})
    void until_the_time_that_the_server_named_nobody_asks_and_valid_tokens_are_served(int status) throws Exception {
        scene.server.user("carol", "Carol", "Cook", "carol@example.org");
        Grantkeeper node = scene.node();
        Account alice = scene.signIn(node, "alice");
        Account bob = scene.signIn(node, "bob");
        scene.expire();
        Account carol = scene.signIn(node, "carol");
        scene.server.resetCounters();
        scene.server.onNextTokenRequest(Fault.retryAfter(status, "120"), Fault.retryAfter(status, "120"));
        // Of one grant it is not believed of the others (law 18), of two it is.
        assertThat(failure(alice).retryAfter()).contains(Duration.ofSeconds(120));
        assertThat(failure(bob).retryAfter()).contains(Duration.ofSeconds(120));
        scene.time.pass(Duration.ofSeconds(50));
        for (Account account : List.of(alice, bob)) {
            // What is left of it.
            assertThat(failure(account).retryAfter().orElseThrow())
                    .isBetween(Duration.ofSeconds(60), Duration.ofSeconds(70));
        }
        assertThatThrownBy(() -> node.application().tokens()).isInstanceOf(AuthorizationServerException.class);
        assertThat(scene.status(carol.wrap(scene.http))).isEqualTo(200);
        scene.time.pass(Duration.ofSeconds(60));
        assertThat(failure(bob).kind()).isEqualTo(AuthorizationServerException.Kind.TEMPORARY);
        assertThat(scene.server.tokenRequests()).isEqualTo(2);
        scene.time.pass(Duration.ofSeconds(11));
        assertThat(bob.tokens()).isNotNull();
        assertThat(alice.tokens()).isNotNull();
        assertThat(node.application().tokens()).isNotNull();
    }

    private static String date(Instant time) {
        return DateTimeFormatter.RFC_1123_DATE_TIME.format(time.atOffset(ZoneOffset.UTC));
    }

    static List<Arguments> waitingTimes() {
        Instant now = Instant.now();
        Duration usual = Duration.ofSeconds(4); // the longest pause after a first failure, or a second
        return List.of(
                Arguments.of(List.of("90"), Duration.ofSeconds(85), Duration.ofSeconds(90)),
                Arguments.of(List.of(date(now.plusSeconds(90))), Duration.ofSeconds(60), Duration.ofSeconds(90)),
                Arguments.of(List.of(date(now.minusSeconds(90))), Duration.ZERO, usual),
                Arguments.of(List.of("-7"), Duration.ZERO, usual),
                Arguments.of(List.of("soon"), Duration.ZERO, usual),
                Arguments.of(List.of("0"), Duration.ZERO, usual),
                Arguments.of(List.of("999999999"), Duration.ofMinutes(59), Duration.ofHours(1)),
                Arguments.of(List.of("5", "soon", "90"), Duration.ofSeconds(85), Duration.ofSeconds(90)));
    }

    /** RFC 9110 section 10.2.3. */
    @ParameterizedTest
    @MethodSource("waitingTimes")
    void the_time_that_the_server_names_is_kept_in_whatever_form_it_comes(
            List<String> headers, Duration closed, Duration open) throws Exception {
        Account patient = scene.signIn(scene.node(), "alice");
        Account alice = impatient("alice");
        assertThat(alice.tokens()).isNotNull(); // it has seen them before its clock jumps
        // The date was made from the real clock, and this test moves its own.
        Duration moved = Duration.ofMinutes(10).plusSeconds(1);
        scene.time.pass(moved);
        scene.time.jump(moved.negated());
        scene.server.resetCounters();
        Answer answer = Answer.json(503, "{}");
        for (String header : headers) {
            answer = answer.header("Retry-After", header);
        }
        scene.server.onNextTokenRequest(Fault.answer(answer));
        assertThat(failure(alice).kind()).isEqualTo(AuthorizationServerException.Kind.TEMPORARY);
        scene.time.pass(closed);
        assertThat(failure(alice).retryAfter()).isPresent();
        assertThat(scene.server.tokenRequests()).isEqualTo(1);
        scene.time.pass(open.minus(closed));
        assertThat(patient.tokens()).isNotNull();
        assertThat(scene.server.tokenRequests()).isEqualTo(2);
    }

    // ---- Nobody there ---------------------------------------------------------------------------------------------

    /**
     * An account whose tokens have expired, at a server that takes a lost answer for the end of a grant: what was never
     * sent must not be taken for that.
     */
    private Account expiredAt(String tokenEndpoint, OkHttpClient http) throws IOException {
        Provider provider = scene.provider()
                .tokenEndpoint(tokenEndpoint)
                .replay(Provider.Replay.NEVER)
                .build();
        Account alice =
                scene.node(scene.registration(provider).httpClient(http)).account("alice");
        Instant now = scene.time.clock().instant();
        assertThat(alice.importTokens(TokenSet.builder("old")
                        .refreshToken("kept")
                        .receivedAt(now.minus(Duration.ofHours(1)))
                        .expiresAt(now.minus(Duration.ofMinutes(1)))
                        .build()))
                .isTrue();
        return alice;
    }

    private void assertUnharmed(Account alice) throws IOException {
        for (int i = 0; i < 5; i++) {
            assertThat(failure(alice).kind()).isEqualTo(AuthorizationServerException.Kind.TEMPORARY);
            assertThat(alice.grant().orElseThrow().loginRequired()).isEmpty();
            scene.time.pass(Duration.ofMinutes(2));
        }
    }

    private static MockResponse tokens() {
        return new MockResponse.Builder()
                .setHeader("Content-Type", "application/json")
                .body("{\"access_token\":\"fresh\",\"token_type\":\"Bearer\",\"expires_in\":600}")
                .build();
    }

    @Test
    void a_name_that_is_not_known_ends_nothing() throws Exception {
        AtomicBoolean known = new AtomicBoolean();
        OkHttpClient http = scene.http
                .newBuilder()
                .dns(host -> {
                    if (!known.get()) {
                        throw new UnknownHostException(host);
                    }
                    return List.of(InetAddress.getLoopbackAddress());
                })
                .build();
        try (MockWebServer server = new MockWebServer()) {
            server.start(InetAddress.getLoopbackAddress(), 0);
            server.enqueue(tokens());
            Account alice = expiredAt("http://localhost:" + server.getPort() + "/token", http);
            assertUnharmed(alice);
            known.set(true);
            assertThat(alice.tokens().accessToken()).isEqualTo("fresh");
            assertThat(server.getRequestCount()).isEqualTo(1);
        }
    }

    @Test
    void a_connection_that_is_refused_ends_nothing() throws Exception {
        MockWebServer first = new MockWebServer();
        first.start(InetAddress.getLoopbackAddress(), 0);
        int port = first.getPort();
        first.close();
        Account alice = expiredAt("http://127.0.0.1:" + port + "/token", scene.http);
        assertUnharmed(alice);
        try (MockWebServer back = new MockWebServer()) {
            back.start(InetAddress.getLoopbackAddress(), port);
            back.enqueue(tokens());
            assertThat(alice.tokens().accessToken()).isEqualTo("fresh");
            assertThat(back.getRequestCount()).isEqualTo(1);
        }
    }

    @Test
    void a_certificate_that_nobody_trusts_ends_nothing_and_gets_no_request() throws Exception {
        HandshakeCertificates untrusted = new HandshakeCertificates.Builder()
                .heldCertificate(new HeldCertificate.Builder()
                        .addSubjectAlternativeName("localhost")
                        .build())
                .build();
        try (MockWebServer server = new MockWebServer()) {
            server.useHttps(untrusted.sslSocketFactory());
            server.start(InetAddress.getLoopbackAddress(), 0);
            assertUnharmed(expiredAt("https://localhost:" + server.getPort() + "/token", scene.http));
            assertThat(server.getRequestCount()).isZero();
        }
    }

    @Test
    void nobody_is_asked_before_there_is_something_to_ask() throws Exception {
        URI nowhere = URI.create("https://nowhere.invalid");
        OkHttpClient noNetwork = scene.http
                .newBuilder()
                .dns(host -> {
                    throw new UnknownHostException(host);
                })
                .build();
        Provider provider = Provider.builder("nowhere")
                .allowHttpOnLoopback()
                .authorizationEndpoint(nowhere + "/authorize")
                .tokenEndpoint(nowhere + "/token")
                .openId(nowhere.toString(), nowhere + "/keys")
                .apiOrigins(scene.server.url())
                .build();
        Grantkeeper node = scene.node(scene.registration(provider).httpClient(noNetwork));
        assertThat(node.newLogin().scopes("openid").start().url().getHost()).isEqualTo("nowhere.invalid");
        var issued = scene.server.issue(Scene.CLIENT, "alice", "things.read");
        Account alice = node.account("alice");
        assertThat(alice.importTokens(TokenSet.builder(issued.accessToken())
                        .expiresAt(scene.time.clock().instant().plus(Duration.ofMinutes(10)))
                        .build()))
                .isTrue();
        assertThat(scene.status(alice.wrap(scene.http))).isEqualTo(200);
    }

    private Grantkeeper openId() {
        return scene.node(scene.registration(scene.openIdProvider().build())
                .scopes("openid", "things.read")
                .tokenCallTimeout(Duration.ofSeconds(20))); // the server makes its key first
    }

    @Test
    void a_refresh_that_brings_an_id_token_needs_no_keys() throws Exception {
        Account alice = scene.signIn(openId(), "alice");
        Grantkeeper elsewhere = openId();
        scene.expire();
        scene.server.onNextMetadataRequest(Fault.status(503), Fault.status(503), Fault.status(503));
        TokenSet fresh = elsewhere.account("alice").tokens();
        assertThat(fresh.idToken()).isPresent();
        assertThat(alice.tokens()).isEqualTo(fresh);
        assertThat(alice.grant().orElseThrow().identity().orElseThrow().subject())
                .isEqualTo("alice");
    }

    // ---- Answers that were lost while the token was still valid ---------------------------------------------------

    @Test
    void an_answer_lost_at_a_strict_server_ends_the_grant_when_the_token_ends_and_not_before() throws Exception {
        scene.server.rotation(Rotation.STRICT);
        Account alice = scene.signIn(scene.node(), "alice");
        String valid = alice.tokens().accessToken();
        scene.time.pass(Duration.ofMinutes(9)); // past the soft limit
        scene.server.resetCounters();
        scene.server.onNextTokenRequest(Fault.dropAfter());
        Held replay = new Held();
        scene.server.onNextTokenRequest(Fault.hold(replay));
        assertThat(alice.tokens().accessToken()).isEqualTo(valid);
        replay.awaitArrived(1);
        assertThat(alice.tokens().accessToken()).isEqualTo(valid);
        replay.release();
        scene.await(GrantListener.Kind.REFUSED);
        for (int i = 0; i < 20; i++) {
            assertThat(alice.tokens().accessToken()).isEqualTo(valid);
        }
        scene.time.pass(Duration.ofMinutes(2));
        StoredTokens row = scene.store.rows.get(alice.key());
        for (int i = 0; i < 20; i++) {
            assertThatThrownBy(alice::tokens)
                    .isInstanceOfSatisfying(
                            LoginRequiredException.class,
                            required ->
                                    assertThat(required.reason()).isEqualTo(LoginRequiredException.Reason.ANSWER_LOST));
        }
        assertThat(scene.store.rows.get(alice.key())).isEqualTo(row);
        assertThat(scene.server.recordedTokenRequests())
                .hasSize(2)
                .extracting(request -> request.param("refresh_token"))
                .allMatch(sent ->
                        sent.equals(scene.server.recordedTokenRequests().get(0).param("refresh_token")));
    }

    // ---- Scopes ---------------------------------------------------------------------------------------------------

    @Test
    void a_refresh_that_grants_less_is_kept_as_it_is_and_nobody_asks_for_more() throws Exception {
        Account alice = scene.signIn(
                scene.node(scene.registration(scene.provider().build()).scopes("things.read", "things.write")),
                "alice");
        assertThat(alice.grant().orElseThrow().scopes()).containsExactlyInAnyOrder("things.read", "things.write");
        scene.server.tokenResponse(answer -> {
            answer.put("scope", "things.read");
            return answer;
        });
        scene.expire();
        scene.server.resetCounters();
        OkHttpClient client = alice.wrap(scene.http);
        for (int i = 0; i < 10; i++) {
            assertThat(scene.status(client)).isEqualTo(200);
        }
        assertThat(alice.grant().orElseThrow().scopes()).containsExactly("things.read");
        assertThat(scene.server.recordedTokenRequests())
                .hasSize(1)
                .extracting(RecordedRequest::params)
                .allSatisfy(params -> assertThat(params).doesNotContainKey("scope"));
    }

    private static void assertLoginRequired(Account account, LoginRequiredException.Reason reason) {
        assertThatThrownBy(account::tokens)
                .isInstanceOfSatisfying(
                        LoginRequiredException.class,
                        required -> assertThat(required.reason()).isEqualTo(reason));
    }

    @ParameterizedTest
    @ValueSource(ints = {503, 429, 401})
    void law_15_a_refusal_that_follows_a_lost_answer_names_it_whatever_came_between(int between) throws Exception {
        scene.server.rotation(Rotation.STRICT);
        Account alice = scene.signIn(scene.node(), "alice");
        for (int i = 0; i < 2; i++) {
            scene.expire();
            assertThat(alice.tokens()).isNotNull();
        }
        scene.expire();
        Fault failure = between == 401 ? Fault.error(401, "invalid_client") : Fault.status(between);
        scene.server.onNextTokenRequest(Fault.dropAfter(), failure, failure);
        assertThatThrownBy(alice::tokens).isInstanceOf(AuthorizationServerException.class);
        scene.time.pass(Duration.ofMinutes(20));
        assertThatThrownBy(alice::tokens).isInstanceOf(AuthorizationServerException.class); // the second failure
        scene.time.pass(Duration.ofMinutes(20));
        assertLoginRequired(scene.node().account("alice"), LoginRequiredException.Reason.ANSWER_LOST);
        assertLoginRequired(alice, LoginRequiredException.Reason.ANSWER_LOST);
    }

    @Test
    void law_15_a_refusal_that_follows_the_attempt_of_a_dead_node_names_it_after_a_failure() throws Exception {
        scene.server.rotation(Rotation.STRICT);
        // It is dead for the clock, which is moved; in real time its call must not end by itself.
        Grantkeeper dying = scene.node(scene.registration(scene.provider().build())
                .tokenCallTimeout(Duration.ofMinutes(1))
                .maxWait(Duration.ofMinutes(2)));
        Account alice = scene.signIn(dying, "alice");
        scene.expire();
        Held held = scene.server.holdAnswers();
        Future<TokenSet> never = alice.tokensAsync();
        held.awaitArrived(1);
        scene.server.noFaults();
        scene.server.onNextTokenRequest(Fault.status(503));
        Account other = scene.node(scene.registration(scene.provider().build())
                        .tokenCallTimeout(Duration.ofSeconds(2))
                        .maxWait(Duration.ofMinutes(2)))
                .account("alice");
        Future<TokenSet> waiting = other.tokensAsync();
        scene.passUnderObservation(Duration.ofSeconds(5), waiting); // T is two calls of 2 s
        assertThatThrownBy(() -> waiting.get(60, TimeUnit.SECONDS)).hasCauseInstanceOf(OAuthException.class);
        scene.time.pass(Duration.ofMinutes(20));
        assertLoginRequired(other, LoginRequiredException.Reason.ANSWER_LOST);
        assertThat(never.isDone()).isFalse();
        held.release();
    }

    @Test
    void a_refusal_long_after_a_lost_answer_is_a_refusal() throws Exception {
        scene.server.rotation(Rotation.REUSABLE);
        Account alice = scene.signIn(scene.node(), "alice");
        scene.expire();
        scene.server.onNextTokenRequest(Fault.dropAfter(), Fault.retryAfter(503, "60"));
        assertThatThrownBy(alice::tokens).isInstanceOf(AuthorizationServerException.class);
        scene.time.pass(Duration.ofMinutes(20));
        assertThat(alice.tokens()).isNotNull();
        scene.expire();
        scene.server.onNextTokenRequest(Fault.error(400, "invalid_grant"));
        assertLoginRequired(alice, LoginRequiredException.Reason.REFUSED);
    }
}
