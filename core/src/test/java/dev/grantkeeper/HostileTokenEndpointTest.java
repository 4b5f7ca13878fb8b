/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.testkit.Answer;
import dev.grantkeeper.testkit.Fault;
import dev.grantkeeper.testkit.Rotation;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import mockwebserver3.Dispatcher;
import mockwebserver3.MockResponse;
import mockwebserver3.MockResponseBody;
import mockwebserver3.MockWebServer;
import mockwebserver3.RecordedRequest;
import mockwebserver3.SocketEffect;
import okio.Buffer;
import okio.BufferedSink;
import okio.GzipSink;
import okio.Okio;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Token endpoints that cut, stall, dribble and flood. Whatever they do: no wrong state, no request too many, an end in
 * time.
 */
@Timeout(300)
@Execution(ExecutionMode.CONCURRENT)
class HostileTokenEndpointTest {
    /** Long enough for what is answered on a slow machine, and short enough to wait for what is not. */
    private static final Duration CALL = Duration.ofSeconds(2);

    private static final Duration MAX_WAIT = Duration.ofMinutes(1);

    private final Scene scene = new Scene();

    /** The first call of a process loads hundreds of classes, which may take longer than a call. */
    @BeforeAll
    static void warmUp() throws IOException {
        try (Scene scene = new Scene()) {
            Account alice = scene.signIn(
                    scene.node(scene.registration(scene.provider().build()).tokenCallTimeout(MAX_WAIT)), "alice");
            scene.expire();
            assertThat(alice.tokens()).isNotNull();
        }
    }

    @AfterEach
    void close() {
        scene.close();
    }

    private Account expiredAlice() throws IOException {
        Account alice = scene.signIn(
                scene.node(scene.registration(scene.provider().build())
                        .tokenCallTimeout(CALL)
                        .maxWait(MAX_WAIT)),
                "alice");
        scene.expire();
        scene.server.resetCounters();
        return alice;
    }

    /** No answer of the server is shorter. */
    private static final int ANSWER_LENGTH = 70;

    @Test
    void an_answer_cut_anywhere_costs_nothing_where_a_spent_token_may_be_used_again() throws Exception {
        scene.server.rotation(Rotation.REUSABLE);
        Account alice = expiredAlice();
        for (int bytes = 0; bytes < ANSWER_LENGTH; bytes += 3) {
            scene.server.resetCounters();
            scene.server.onNextTokenRequest(Fault.cutAfter(bytes));
            assertThat(alice.tokens()).as("cut after %s bytes", bytes).isNotNull();
            assertThat(scene.server.tokenRequests()).isBetween(1, 2);
            scene.expire();
        }
    }

    @Test
    void a_request_that_the_server_never_saw_whole_costs_nothing() throws Exception {
        scene.server.rotation(Rotation.STRICT);
        Account alice = expiredAlice();
        for (int bytes = 0; bytes < ANSWER_LENGTH; bytes += 3) {
            scene.server.resetCounters();
            scene.server.onNextTokenRequest(Fault.cutBefore(bytes));
            assertThat(alice.tokens()).as("cut after %s bytes", bytes).isNotNull();
            assertThat(scene.server.tokenRequests()).isBetween(1, 2);
            assertThat(scene.server.reuseDetected()).isZero();
            scene.expire();
        }
    }

    @Test
    void an_answer_cut_anywhere_at_a_strict_server_ends_the_grant_under_its_own_name() throws Exception {
        scene.server.rotation(Rotation.STRICT);
        for (int bytes = 0; bytes < ANSWER_LENGTH; bytes += 10) {
            Account alice = expiredAlice();
            scene.server.onNextTokenRequest(Fault.cutAfter(bytes));
            assertThatThrownBy(alice::tokens)
                    .as("cut after %s bytes", bytes)
                    .isInstanceOfSatisfying(
                            LoginRequiredException.class,
                            required ->
                                    assertThat(required.reason()).isEqualTo(LoginRequiredException.Reason.ANSWER_LOST));
            assertThat(scene.server.tokenRequests()).isEqualTo(2);
        }
    }

    @Test
    void an_answer_that_is_lost_twice_is_a_temporary_failure_and_nobody_waits_for_it_again() throws Exception {
        scene.server.rotation(Rotation.REUSABLE);
        Account alice = expiredAlice();
        scene.server.onNextTokenRequest(Fault.dropAfter(), Fault.dropAfter());
        assertThatThrownBy(alice::tokens)
                .isInstanceOfSatisfying(
                        AuthorizationServerException.class,
                        failure -> assertThat(failure.kind()).isEqualTo(AuthorizationServerException.Kind.TEMPORARY));
        for (int i = 0; i < 20; i++) {
            assertThatThrownBy(alice::tokens).isInstanceOf(AuthorizationServerException.class);
        }
        assertThat(scene.server.tokenRequests()).isEqualTo(2);
        scene.time.pass(CALL.multipliedBy(3));
        assertThat(alice.tokens()).isNotNull();
    }

    static Stream<Arguments> hostileAnswers() throws IOException {
        Buffer bomb = new Buffer();
        try (var gzip = Okio.buffer(new GzipSink(bomb))) {
            gzip.write(new byte[10 * 1024 * 1024]);
        }
        return Stream.of(
                Arguments.of("a login page", html("<html>Sign in to the Wi-Fi</html>")),
                Arguments.of(
                        "a page of the firewall's",
                        html("<html>invalid_grant</html>")
                                .newBuilder()
                                .code(403)
                                .build()),
                Arguments.of("nothing", json("")),
                Arguments.of(
                        "another encoding",
                        json("").newBuilder()
                                .body(new Buffer()
                                        .writeString(
                                                "{\"access_token\":\"a\",\"token_type\":\"Bearer\"}",
                                                StandardCharsets.UTF_16))
                                .build()),
                Arguments.of(
                        "a million digits",
                        json("{\"access_token\":\"a\",\"expires_in\":" + "9".repeat(1_000_000) + "}")),
                Arguments.of(
                        "an answer without end",
                        new MockResponse.Builder()
                                .setHeader("Content-Type", "application/json")
                                .setHeader("Connection", "close")
                                .body(new WithoutEnd())
                                .build()),
                Arguments.of("half an object", json("{\"access_token\":")),
                Arguments.of("an array", json("[]")),
                Arguments.of("an access token that is null", json("{\"access_token\":null,\"token_type\":\"Bearer\"}")),
                Arguments.of(
                        "a header in the token", json("{\"access_token\":\"a\\r\\nX: y\",\"token_type\":\"Bearer\"}")),
                Arguments.of("another kind of token", json("{\"access_token\":\"a\",\"token_type\":\"mac\"}")),
                Arguments.of("one member twice", json("{\"access_token\":\"a\",\"access_token\":\"b\"}")),
                Arguments.of("depth", json("[".repeat(100_000))),
                Arguments.of(
                        "a long number", json("{\"access_token\":\"a\",\"expires_in\":" + "9".repeat(100_000) + "}")),
                Arguments.of("a flood", json("x".repeat(50 * 1024 * 1024))),
                Arguments.of(
                        "a gzip bomb",
                        new MockResponse.Builder()
                                .setHeader("Content-Type", "application/json")
                                .setHeader("Content-Encoding", "gzip")
                                .body(bomb)
                                .build()),
                Arguments.of(
                        "a redirect",
                        new MockResponse.Builder()
                                .code(307)
                                .setHeader("Location", "https://evil.example/")
                                .build()));
    }

    private static final MockResponse FRESH =
            json("{\"access_token\":\"fresh\",\"token_type\":\"Bearer\",\"expires_in\":600}");

    /** Goes on until nobody listens any more. */
    private static final class WithoutEnd implements MockResponseBody {
        @Override
        public long getContentLength() {
            return -1;
        }

        @Override
        public void writeTo(BufferedSink sink) throws IOException {
            while (true) {
                sink.writeUtf8("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[").flush();
            }
        }
    }

    private static MockResponse json(String body) {
        return new MockResponse.Builder()
                .setHeader("Content-Type", "application/json")
                .body(body)
                .build();
    }

    private static MockResponse html(String body) {
        return new MockResponse.Builder()
                .setHeader("Content-Type", "text/html")
                .body(body)
                .build();
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("hostileAnswers")
    void what_is_no_answer_is_called_malformed_and_the_grant_is_kept(String what, MockResponse answer)
            throws Exception {
        try (MockWebServer hostile = new MockWebServer()) {
            hostile.start();
            // A success that cannot be read may have spent the refresh token: asked for once more, as a lost answer is.
            int requests = answer.getCode() == 200 ? 2 : 1;
            for (int i = 0; i < requests; i++) {
                hostile.enqueue(answer);
            }
            Account alice = expiredAt(hostile);
            assertThatThrownBy(alice::tokens)
                    .as(what)
                    .isInstanceOfSatisfying(
                            AuthorizationServerException.class,
                            failure ->
                                    assertThat(failure.kind()).isEqualTo(AuthorizationServerException.Kind.MALFORMED));
            assertThat(hostile.getRequestCount()).isEqualTo(requests);
            hostile.enqueue(FRESH);
            scene.time.pass(Duration.ofMinutes(2));
            assertThat(alice.tokens().accessToken()).isEqualTo("fresh");
            assertThat(alice.tokens().refreshToken()).contains("kept");
        }
    }

    static Stream<MockResponse> answersOfWhichNobodyKnowsWhatWasDone() {
        return Stream.of(
                html("<html>Sign in to the Wi-Fi</html>"),
                json("{}"),
                new MockResponse.Builder().code(204).build(),
                new MockResponse.Builder().code(504).build());
    }

    @ParameterizedTest
    @MethodSource("answersOfWhichNobodyKnowsWhatWasDone")
    void law_15_who_waits_is_served_by_the_replay_of_an_answer_that_says_nothing(MockResponse answer) throws Exception {
        try (MockWebServer hostile = new MockWebServer()) {
            hostile.start();
            hostile.enqueue(answer);
            hostile.enqueue(FRESH);
            assertThat(expiredAt(hostile).tokens().accessToken()).isEqualTo("fresh");
            assertThat(hostile.getRequestCount()).isEqualTo(2);
        }
    }

    @ParameterizedTest
    @MethodSource("answersOfWhichNobodyKnowsWhatWasDone")
    void law_15_where_nothing_may_be_sent_twice_an_answer_that_says_nothing_is_a_lost_one(MockResponse answer)
            throws Exception {
        try (MockWebServer hostile = new MockWebServer()) {
            hostile.start();
            hostile.enqueue(answer);
            Account alice = expiredAt(hostile, Provider.Replay.NEVER);
            assertThatThrownBy(alice::tokens)
                    .isInstanceOfSatisfying(
                            LoginRequiredException.class,
                            required ->
                                    assertThat(required.reason()).isEqualTo(LoginRequiredException.Reason.ANSWER_LOST));
            assertThat(hostile.getRequestCount()).isEqualTo(1);
        }
    }

    @Test
    void law_15_a_gateway_that_names_a_time_is_not_asked_again_before() throws Exception {
        try (MockWebServer hostile = new MockWebServer()) {
            hostile.start();
            hostile.enqueue(new MockResponse.Builder()
                    .code(504)
                    .setHeader("Retry-After", "600")
                    .build());
            Account alice = expiredAt(hostile);
            for (int i = 0; i < 5; i++) {
                assertThatThrownBy(alice::tokens).isInstanceOf(AuthorizationServerException.class);
                scene.time.pass(Duration.ofMinutes(1));
            }
            assertThat(hostile.getRequestCount()).isEqualTo(1);
            hostile.enqueue(FRESH);
            scene.time.pass(Duration.ofMinutes(6));
            assertThat(alice.tokens().accessToken()).isEqualTo("fresh");
        }
    }

    static Stream<Arguments> slowAnswers() {
        String tokens = "{\"access_token\":\"slow\",\"token_type\":\"Bearer\",\"expires_in\":600}";
        return Stream.of(
                Arguments.of(
                        "no answer",
                        new MockResponse.Builder()
                                .onResponseStart(SocketEffect.Stall.INSTANCE)
                                .build()),
                Arguments.of(
                        "one byte every now and then",
                        json(tokens)
                                .newBuilder()
                                .throttleBody(1, 200, TimeUnit.MILLISECONDS)
                                .build()),
                Arguments.of(
                        "an answer that is shorter than it says",
                        json(tokens)
                                .newBuilder()
                                .setHeader("Content-Length", tokens.length() + 1)
                                .build()),
                Arguments.of(
                        "an answer that is shorter than it says, and then the end",
                        json(tokens)
                                .newBuilder()
                                .setHeader("Content-Length", tokens.length() + 1)
                                .onResponseEnd(new SocketEffect.CloseSocket())
                                .build()),
                Arguments.of(
                        "chunks of which the last is missing",
                        json("").newBuilder()
                                .chunkedBody(tokens + " ".repeat(1000), 10)
                                .onResponseBody(new SocketEffect.CloseSocket())
                                .build()),
                Arguments.of(
                        "headers and no body",
                        json(tokens)
                                .newBuilder()
                                .onResponseBody(SocketEffect.Stall.INSTANCE)
                                .build()));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("slowAnswers")
    void what_takes_too_long_ends_and_is_asked_for_once_more(String what, MockResponse slow) throws Exception {
        try (MockWebServer hostile = new MockWebServer()) {
            AtomicInteger requests = new AtomicInteger();
            hostile.setDispatcher(new Dispatcher() {
                @Override
                public MockResponse dispatch(RecordedRequest request) {
                    return requests.incrementAndGet() == 1 ? slow : FRESH;
                }
            });
            hostile.start();
            Account alice = expiredAt(hostile);
            assertThat(alice.tokens().accessToken()).as(what).isEqualTo("fresh");
            assertThat(requests).hasValue(2);
        }
    }

    @Test
    void headers_that_come_one_byte_every_now_and_then_keep_nobody_waiting_for_ever() throws Exception {
        CountDownLatch stop = new CountDownLatch(1);
        AtomicInteger connections = new AtomicInteger();
        try (ServerSocket listening = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            Thread server = new Thread(() -> {
                while (!listening.isClosed()) {
                    try (Socket socket = listening.accept()) {
                        connections.incrementAndGet();
                        OutputStream out = socket.getOutputStream();
                        out.write("HTTP/1.1 200 OK\r\nX: ".getBytes(StandardCharsets.US_ASCII));
                        while (!stop.await(100, TimeUnit.MILLISECONDS)) {
                            out.write('x');
                        }
                    } catch (IOException e) {
                        // the client has hung up
                    } catch (InterruptedException e) {
                        return;
                    }
                }
            });
            server.start();
            Account alice = expiredAt(listening.getLocalPort(), Provider.Replay.LATE, CALL);
            List<CompletableFuture<TokenSet>> waiting = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                waiting.add(alice.tokensAsync());
            }
            for (CompletableFuture<TokenSet> one : waiting) {
                assertThatThrownBy(() -> one.get(MAX_WAIT.toSeconds(), TimeUnit.SECONDS))
                        .cause()
                        .isInstanceOfSatisfying(
                                AuthorizationServerException.class,
                                failure -> assertThat(failure.kind())
                                        .isEqualTo(AuthorizationServerException.Kind.TEMPORARY));
            }
            assertThat(connections).hasValue(2);
            stop.countDown();
        }
    }

    /**
     * OkHttp repeats a request when a connection that was used before ends. Ours must not be: nobody knows whether the
     * first was processed. And no connection of ours is used twice (law 20).
     */
    @Test
    void law_20_a_connection_that_ends_without_an_answer_was_a_new_one_and_is_not_replaced_in_silence()
            throws Exception {
        try (MockWebServer hostile = new MockWebServer()) {
            List<Integer> connections = new CopyOnWriteArrayList<>();
            hostile.setDispatcher(new Dispatcher() {
                @Override
                public MockResponse dispatch(RecordedRequest request) {
                    connections.add(request.getConnectionIndex());
                    return connections.size() == 2
                            ? FRESH.newBuilder()
                                    .onResponseStart(new SocketEffect.CloseSocket())
                                    .build()
                            : FRESH;
                }
            });
            hostile.start();
            Account alice = expiredAt(hostile, Provider.Replay.NEVER);
            assertThat(alice.tokens().accessToken()).isEqualTo("fresh");
            scene.expire();
            assertThatThrownBy(alice::tokens)
                    .isInstanceOfSatisfying(
                            LoginRequiredException.class,
                            required ->
                                    assertThat(required.reason()).isEqualTo(LoginRequiredException.Reason.ANSWER_LOST));
            assertThat(connections).containsExactly(0, 1);
        }
    }

    @Test
    void a_connection_that_the_server_closed_meanwhile_costs_one_repetition_at_most() throws Exception {
        try (MockWebServer hostile = new MockWebServer()) {
            hostile.setDispatcher(new Dispatcher() {
                @Override
                public MockResponse dispatch(RecordedRequest request) {
                    return FRESH.newBuilder()
                            .onResponseEnd(new SocketEffect.CloseSocket())
                            .build();
                }
            });
            hostile.start();
            Account alice = expiredAt(hostile);
            for (int i = 1; i <= 5; i++) {
                assertThat(alice.tokens().accessToken()).isEqualTo("fresh");
                // What went into a closed connection has not arrived.
                assertThat(hostile.getRequestCount()).isEqualTo(i);
                scene.expire();
            }
        }
    }

    @Test
    void a_provider_that_hangs_does_not_slow_another() throws Exception {
        try (MockWebServer hanging = new MockWebServer()) {
            hanging.start();
            for (int i = 0; i < 40; i++) {
                hanging.enqueue(new MockResponse.Builder()
                        .onResponseStart(SocketEffect.Stall.INSTANCE)
                        .build());
            }
            Account stuck = expiredAt(hanging.getPort(), Provider.Replay.LATE, MAX_WAIT);
            var waiting = stuck.tokensAsync();
            Account alice = scene.signIn(scene.node(), "alice");
            assertThat(alice.tokens()).isNotNull();
            assertThat(waiting.isDone()).isFalse();
        }
    }

    @Test
    void an_answer_with_an_error_and_a_token_is_an_error() throws Exception {
        Account alice = expiredAlice();
        scene.server.onNextTokenRequest(
                Fault.answer(Answer.json(200, "{\"error\":\"invalid_grant\",\"access_token\":\"a\"}")));
        assertThatThrownBy(alice::tokens).isInstanceOf(LoginRequiredException.class);
    }

    /** An account whose tokens have expired, at a token endpoint of the test's. */
    private Account expiredAt(MockWebServer endpoint) throws IOException {
        return expiredAt(endpoint, Provider.Replay.LATE);
    }

    private Account expiredAt(MockWebServer endpoint, Provider.Replay replay) throws IOException {
        return expiredAt(endpoint.getPort(), replay, CALL);
    }

    private Account expiredAt(int port, Provider.Replay replay, Duration call) throws IOException {
        Provider provider = scene.provider()
                .replay(replay)
                .tokenEndpoint("http://127.0.0.1:" + port + "/token")
                .build();
        Account alice = scene.node(
                        scene.registration(provider).tokenCallTimeout(call).maxWait(MAX_WAIT))
                .account("hostile");
        TokenSet expired = TokenSet.builder("old")
                .refreshToken("kept")
                .receivedAt(scene.time.clock().instant().minus(Duration.ofHours(1)))
                .expiresAt(scene.time.clock().instant().minus(Duration.ofMinutes(1)))
                .build();
        assertThat(alice.importTokens(expired)).isTrue();
        return alice;
    }
}
