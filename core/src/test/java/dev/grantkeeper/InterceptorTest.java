/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.grantkeeper.LoginResult.SignedIn;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.testkit.Answer;
import dev.grantkeeper.testkit.Fault;
import dev.grantkeeper.testkit.Held;
import dev.grantkeeper.testkit.RecordedRequest;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenSet;
import dev.grantkeeper.token.TokenStore;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import mockwebserver3.Dispatcher;
import mockwebserver3.MockResponse;
import mockwebserver3.MockResponseBody;
import mockwebserver3.MockWebServer;
import okhttp3.Cache;
import okhttp3.Call;
import okhttp3.Callback;
import okhttp3.ConnectionPool;
import okhttp3.Headers;
import okhttp3.HttpUrl;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Protocol;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;
import okhttp3.WebSocket;
import okhttp3.WebSocketListener;
import okio.BufferedSink;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The requests that tokens go with, those that they do not go with, and the effects of a 401. */
@Timeout(300)
class InterceptorTest {
    private static final MediaType TEXT = MediaType.get("text/plain");

    private final Scene scene = new Scene();
    private final Grantkeeper node = scene.node();
    /** Somebody else's server. */
    private final MockWebServer evil = new MockWebServer();

    private volatile int evilStatus = 200;

    @BeforeEach
    void start() throws Exception {
        evil.setDispatcher(new Dispatcher() {
            @Override
            public MockResponse dispatch(mockwebserver3.RecordedRequest request) {
                return new MockResponse.Builder()
                        .code(evilStatus)
                        .addHeader("WWW-Authenticate", "Bearer error=\"invalid_token\"")
                        .build();
            }
        });
        evil.start();
    }

    @AfterEach
    void close() {
        scene.close();
        evil.close();
    }

    private OkHttpClient alice() throws IOException {
        return scene.signIn(node, "alice").wrap(scene.http);
    }

    private static Request get(String url) {
        return new Request.Builder().url(url).build();
    }

    private static String body(OkHttpClient client, Request request) throws IOException {
        try (Response response = client.newCall(request).execute()) {
            return response.code() + " " + response.body().string();
        }
    }

    private static String user(OkHttpClient client, Request request) throws IOException {
        return body(client, request).replaceAll("(?s).*\"user\":\"(\\w+)\".*", "$1");
    }

    // ---- Where tokens go ------------------------------------------------------------------------------------------

    @Test
    void a_call_to_the_api_carries_the_token_in_the_header_and_nowhere_else() throws Exception {
        Account alice = scene.signIn(node, "alice");
        String token = alice.tokens().accessToken();
        assertThat(user(alice.wrap(scene.http), get(scene.server.apiUrl("/api/things?a=b"))))
                .isEqualTo("alice");
        RecordedRequest request = scene.server.recordedApiRequests().get(0);
        assertThat(request.header("Authorization")).contains("Bearer " + token);
        assertThat(request.query()).isEqualTo("a=b");
    }

    @Test
    void a_call_keeps_its_method_its_body_its_tags_and_its_own_headers_as_they_are() throws Exception {
        List<Request> sent = new ArrayList<>();
        OkHttpClient alice = alice().newBuilder()
                .addInterceptor(chain -> {
                    sent.add(chain.request());
                    return chain.proceed(chain.request());
                })
                .build();
        Headers own = new Headers.Builder()
                .add("Accept", "text/html")
                .add("X-Note", "one")
                .add("accept", "application/json")
                .addUnsafeNonAscii("X-Name", "Zoë")
                .build();
        Request request = get(scene.server.apiUrl("/api/things"))
                .newBuilder()
                .method("PATCH", RequestBody.create("body", TEXT))
                .headers(own)
                .tag(String.class, "the caller's")
                .build();
        assertThat(body(alice, request)).startsWith("200");
        assertThat(body(alice, request)).startsWith("200"); // with a header that was made before
        assertThat(sent).hasSize(2).allSatisfy(authorized -> {
            assertThat(authorized.headers("Authorization")).hasSize(1);
            assertThat(authorized
                            .headers()
                            .newBuilder()
                            .removeAll("Authorization")
                            .build())
                    .isEqualTo(own);
            assertThat(authorized.method()).isEqualTo("PATCH");
            assertThat(authorized.body()).isSameAs(request.body());
            assertThat(authorized.tag(String.class)).isEqualTo("the caller's");
        });
    }

    @Test
    void a_call_to_another_port_or_host_goes_out_without_token() throws Exception {
        OkHttpClient alice = alice();
        assertThat(evil.getHostName()).isIn("127.0.0.1", "localhost");
        for (String url : List.of(
                "http://127.0.0.1:" + evil.getPort() + "/api/things",
                "http://localhost:" + evil.getPort() + "/api/things")) {
            assertThat(body(alice, get(url))).startsWith("200");
            assertThat(evil.takeRequest().getHeaders().get("Authorization")).isNull();
        }
        // The same server under a name that nobody has listed.
        String sameServer = scene.server.url().replace("127.0.0.1", "localhost");
        assertThat(body(alice, get(sameServer + "/api/things"))).startsWith("401");
        assertThat(scene.server.recordedApiRequests())
                .allSatisfy(
                        request -> assertThat(request.header("Authorization")).isEmpty());
        assertThat(scene.server.refreshRequests()).isZero();
    }

    @ParameterizedTest
    @CsvSource({
        "https://api.good.example/v1/me, true",
        "https://API.GOOD.example/v1/me, true",
        "https://api.good.example:443/v1/me, true",
        "https://user:pass@api.good.example/v1/me, true",
        "https://api.good.example\\@evil.example/, true",
        "https://api.g%6fod.example/, true",
        "https:api.good.example/, true",
        "http://api.good.example/v1/me, false",
        "http://api.good.example:443/v1/me, false",
        "https://api.good.example:444/v1/me, false",
        "https://api.good.example:80/v1/me, false",
        "https://api.good.example./v1/me, false",
        "https://api.good.example.evil.example/, false",
        "https://evil-api.good.example/, false",
        "https://good.example/, false",
        "https://x.api.good.example/, false",
        "https://api.good.example@evil.example/, false",
        "https://api.good.example%40evil.example/, false",
        "https://evil.example/?https://api.good.example/, false",
        "https://evil.example#@api.good.example/, false",
        "https://api.gооd.example/, false",
        "https://[::1]:8443/, true",
        "https://[0:0:0:0:0:0:0:1]:8443/, true",
        "https://[::1]/, false",
        "https://[::2]:8443/, false"
    })
    void only_scheme_and_host_and_port_as_okhttp_reads_them_decide(String url, boolean carries) throws Exception {
        Provider provider = Provider.builder("good")
                .authorizationEndpoint("https://good.example/authorize")
                .tokenEndpoint("https://good.example/token")
                .apiOrigins("https://API.good.example", "https://[::1]:8443")
                .build();
        Account account = scene.node(scene.registration(provider)).account("alice");
        account.importTokens(TokenSet.builder("token-of-alice").build());
        AtomicReference<String> sent = new AtomicReference<>();
        // Looks at what leaves our interceptor, and sends nothing.
        OkHttpClient client = account.wrap(scene.http)
                .newBuilder()
                .addInterceptor(chain -> {
                    sent.set(chain.request().header("Authorization"));
                    return new Response.Builder()
                            .request(chain.request())
                            .protocol(Protocol.HTTP_1_1)
                            .code(200)
                            .message("OK")
                            .build();
                })
                .build();
        HttpUrl parsed = HttpUrl.parse(url);
        if (parsed == null) {
            assertThat(carries).isFalse();
            return;
        }
        client.newCall(new Request.Builder().url(parsed).build()).execute().close();
        assertThat(sent.get() != null).as("%s", parsed).isEqualTo(carries);
    }

    @Test
    void an_authorization_of_the_callers_own_is_left_alone_and_not_refreshed() throws Exception {
        OkHttpClient alice = alice();
        Request own = get(scene.server.apiUrl("/api/things"))
                .newBuilder()
                .header("Authorization", "Basic b3duOm93bg==")
                .build();
        assertThat(body(alice, own)).startsWith("401");
        assertThat(scene.server.recordedApiRequests()).hasSize(1);
        assertThat(scene.server.recordedApiRequests().get(0).header("Authorization"))
                .contains("Basic b3duOm93bg==");
        assertThat(scene.server.refreshRequests()).isZero();
    }

    @ParameterizedTest
    @ValueSource(ints = {301, 302, 303, 307, 308})
    void a_redirect_to_another_origin_loses_the_token(int status) throws Exception {
        OkHttpClient alice = alice();
        String elsewhere = evil.url("/api/things").toString();
        scene.server.onApiRequest(
                (request, answer) -> Answer.redirect(elsewhere).withStatus(status));
        assertThat(body(alice, get(scene.server.apiUrl("/api/things")))).startsWith("200");
        assertThat(evil.takeRequest().getHeaders().get("Authorization")).isNull();
        // The same port under another name.
        String otherName = scene.server.url().replace("127.0.0.1", "localhost") + "/api/elsewhere";
        scene.server.onApiRequest((request, answer) -> request.path().equals("/api/elsewhere")
                ? answer
                : Answer.redirect(otherName).withStatus(status));
        assertThat(body(alice, get(scene.server.apiUrl("/api/things")))).startsWith("401");
        assertThat(scene.server.recordedApiRequests())
                .filteredOn(request -> request.path().equals("/api/elsewhere"))
                .hasSize(1)
                .allSatisfy(
                        request -> assertThat(request.header("Authorization")).isEmpty());
        assertThat(scene.server.refreshRequests()).isZero();
    }

    @Test
    void a_redirect_within_the_origin_keeps_the_token() throws Exception {
        OkHttpClient alice = alice();
        scene.server.onApiRequest((request, answer) ->
                request.path().equals("/api/old") ? Answer.redirect(scene.server.apiUrl("/api/new")) : answer);
        assertThat(user(alice, get(scene.server.apiUrl("/api/old")))).isEqualTo("alice");
    }

    @Test
    void a_401_from_where_a_redirect_led_refreshes_nothing() throws Exception {
        OkHttpClient alice = alice();
        evilStatus = 401;
        String elsewhere = evil.url("/api/things").toString();
        scene.server.onApiRequest((request, answer) -> Answer.redirect(elsewhere));
        assertThat(body(alice, get(scene.server.apiUrl("/api/things")))).startsWith("401");
        assertThat(scene.server.refreshRequests()).isZero();
        assertThat(evil.getRequestCount()).isEqualTo(1);
    }

    @Test
    void as_a_network_interceptor_it_refuses_to_work() throws Exception {
        Account alice = scene.signIn(node, "alice");
        OkHttpClient wrong = scene.http
                .newBuilder()
                .addNetworkInterceptor(alice.interceptor())
                .build();
        assertThatThrownBy(() -> scene.status(wrong))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("addInterceptor");
        assertThat(scene.server.apiRequests()).isZero();
        assertThatThrownBy(() -> body(wrong, get(evil.url("/").toString()))).isInstanceOf(IOException.class);
        assertThat(evil.getRequestCount()).isZero();
    }

    @Test
    void two_registrations_around_one_client_each_mind_their_own_origins() throws Exception {
        try (Scene other = new Scene()) {
            Grantkeeper second = other.node(other.registration(other.provider().build()));
            OkHttpClient both =
                    scene.signIn(node, "alice").wrap(other.signIn(second, "bob").wrap(scene.http));
            assertThat(user(both, get(scene.server.apiUrl("/api/things")))).isEqualTo("alice");
            assertThat(user(both, get(other.server.apiUrl("/api/things")))).isEqualTo("bob");
        }
    }

    @Test
    void our_own_token_requests_go_through_no_wrapped_client() throws Exception {
        AtomicReference<OkHttpClient> wrapped = new AtomicReference<>();
        Account alice = scene.signIn(node, "alice");
        wrapped.set(alice.wrap(scene.http));
        Grantkeeper inner =
                scene.node(scene.registration(scene.provider().build()).httpClient(wrapped.get()));
        scene.expire();
        scene.server.resetCounters();
        assertThat(scene.status(inner.account("alice").wrap(wrapped.get()))).isEqualTo(200);
        assertThat(scene.server.recordedTokenRequests())
                .hasSize(1)
                .allSatisfy(request -> assertThat(request.header("Authorization"))
                        .hasValueSatisfying(header -> assertThat(header).startsWith("Basic ")));
    }

    @Test
    void a_wrapped_client_that_makes_one_request_at_a_time_can_be_the_base_of_our_own_calls() throws Exception {
        OkHttpClient narrow = new OkHttpClient();
        narrow.dispatcher().setMaxRequests(1);
        narrow.dispatcher().setMaxRequestsPerHost(1);
        Account first = scene.signIn(node, "alice");
        // The token endpoint lies within the API's origin: the interceptor would answer for it, too, and wait
        // for itself.
        OkHttpClient wrapped = first.wrap(narrow);
        Grantkeeper inner =
                scene.node(scene.registration(scene.provider().build()).httpClient(wrapped));
        scene.expire();
        scene.server.resetCounters();
        CompletableFuture<Integer> status = new CompletableFuture<>();
        inner.account("alice")
                .wrap(narrow)
                .newCall(get(scene.server.apiUrl("/api/things")))
                .enqueue(completing(status));
        assertThat(status.get(40, TimeUnit.SECONDS)).isEqualTo(200);
        assertThat(scene.server.recordedTokenRequests())
                .hasSize(1)
                .allSatisfy(request ->
                        assertThat(request.header("Authorization").orElse("")).startsWith("Basic "));
        narrow.dispatcher().executorService().shutdown();
    }

    private static Callback completing(CompletableFuture<Integer> status) {
        return new Callback() {
            @Override
            public void onFailure(Call call, IOException e) {
                status.completeExceptionally(e);
            }

            @Override
            public void onResponse(Call call, Response response) {
                status.complete(response.code());
                response.close();
            }
        };
    }

    @ParameterizedTest
    @ValueSource(ints = {408, 503})
    void what_okhttp_repeats_by_itself_carries_the_same_token_and_refreshes_nothing(int status) throws Exception {
        OkHttpClient alice = alice();
        scene.server.onNextApiRequest(Fault.answer(Answer.status(status).header("Retry-After", "0")));
        assertThat(scene.status(alice)).isEqualTo(200);
        assertThat(scene.server.recordedApiRequests())
                .hasSize(2)
                .extracting(request -> request.header("Authorization").orElse("none"))
                .containsOnly("Bearer " + node.account("alice").tokens().accessToken());
        assertThat(scene.server.refreshRequests()).isZero();
    }

    @Test
    void a_misdirected_request_is_returned_as_it_is() throws Exception {
        OkHttpClient alice = alice();
        scene.server.onApiRequest((request, answer) -> Answer.status(421));
        assertThat(scene.status(alice)).isEqualTo(421);
        assertThat(scene.server.apiRequests()).isEqualTo(1);
        assertThat(scene.server.refreshRequests()).isZero();
    }

    @Test
    void a_body_that_waits_to_be_asked_for_is_sent_also_after_a_401() throws Exception {
        OkHttpClient alice = alice();
        Request post = get(scene.server.apiUrl("/api/things"))
                .newBuilder()
                .header("Expect", "100-continue")
                .post(RequestBody.create("x".repeat(10_000), TEXT))
                .build();
        assertThat(body(alice, post)).startsWith("200").contains("\"bodyLength\":10000");
        scene.server.expireAccessTokens();
        assertThat(body(alice, post)).startsWith("200").contains("\"bodyLength\":10000");
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
    }

    // ---- What a 401 sets off --------------------------------------------------------------------------------------

    @Test
    void a_body_that_can_be_sent_again_is_sent_again_whole() throws Exception {
        OkHttpClient alice = alice();
        scene.server.expireAccessTokens();
        Request post = get(scene.server.apiUrl("/api/things"))
                .newBuilder()
                .post(RequestBody.create("x".repeat(100_000), TEXT))
                .build();
        assertThat(body(alice, post)).startsWith("200").contains("\"bodyLength\":100000");
        assertThat(scene.server.recordedApiRequests())
                .hasSize(2)
                .allSatisfy(request -> assertThat(request.bodyLength()).isEqualTo(100_000));
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
    }

    @Test
    void a_body_that_can_be_sent_once_is_sent_once_and_a_new_token_is_fetched_for_later_calls() throws Exception {
        CountDownLatch refreshed = new CountDownLatch(1);
        Grantkeeper node =
                scene.node(scene.registration(scene.provider().build()).listener(event -> {
                    if (event.kind() == GrantListener.Kind.REFRESHED) {
                        refreshed.countDown();
                    }
                }));
        OkHttpClient alice = scene.signIn(node, "alice").wrap(scene.http);
        scene.server.expireAccessTokens();
        RequestBody once = new RequestBody() {
            @Override
            public MediaType contentType() {
                return TEXT;
            }

            @Override
            public boolean isOneShot() {
                return true;
            }

            @Override
            public void writeTo(BufferedSink sink) throws IOException {
                sink.writeUtf8("only once");
            }
        };
        Request post =
                get(scene.server.apiUrl("/api/things")).newBuilder().post(once).build();
        assertThat(body(alice, post)).startsWith("401");
        assertThat(scene.server.apiRequests()).isEqualTo(1);
        assertThat(refreshed.await(40, TimeUnit.SECONDS)).isTrue();
        assertThat(scene.status(alice)).isEqualTo(200);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
        assertThat(scene.server.apiUnauthorized()).isEqualTo(1);
    }

    /** Duplex: the answer may come while the body is still sent (RFC 9113 section 8.1). */
    @Test
    void a_body_that_is_sent_while_the_answer_comes_is_sent_once() throws Exception {
        try (MockWebServer talking = new MockWebServer()) {
            talking.setProtocols(List.of(Protocol.H2_PRIOR_KNOWLEDGE));
            talking.setDispatcher(new Dispatcher() {
                @Override
                public MockResponse dispatch(mockwebserver3.RecordedRequest request) {
                    return new MockResponse.Builder().code(401).build();
                }
            });
            talking.start();
            Provider provider =
                    scene.provider().apiOrigins(talking.url("/").toString()).build();
            Account alice = scene.signIn(scene.node(scene.registration(provider)), "alice");
            String rejected = alice.tokens().accessToken();
            OkHttpClient client = alice.wrap(scene.http
                    .newBuilder()
                    .protocols(List.of(Protocol.H2_PRIOR_KNOWLEDGE))
                    .build());
            RequestBody duplex = new RequestBody() {
                @Override
                public MediaType contentType() {
                    return TEXT;
                }

                @Override
                public boolean isDuplex() {
                    return true;
                }

                @Override
                public void writeTo(BufferedSink sink) throws IOException {
                    sink.writeUtf8("only once");
                    sink.close();
                }
            };
            Request post =
                    get(talking.url("/").toString()).newBuilder().post(duplex).build();
            assertThat(body(client, post)).startsWith("401");
            assertThat(talking.getRequestCount()).isEqualTo(1);
            assertThat(talking.takeRequest().getHeaders().get("Authorization")).isEqualTo("Bearer " + rejected);
            // Later calls find another token.
            while (alice.tokens().accessToken().equals(rejected)) {
                Thread.onSpinWait();
            }
            assertThat(scene.server.refreshRequests()).isEqualTo(1);
        }
    }

    /** RFC 6750 section 3.1: a 403 speaks of rights, and a new token has the same. */
    @ParameterizedTest
    @ValueSource(strings = {"Bearer", "Bearer error=\"insufficient_scope\"", "Bearer error=\"invalid_token\""})
    void a_403_is_returned_with_all_that_it_says(String challenge) throws Exception {
        OkHttpClient alice = alice();
        scene.server.onApiRequest(
                (request, answer) -> Answer.json(403, "{\"why\":1}").header("WWW-Authenticate", challenge));
        try (Response response = scene.call(alice, "/api/things")) {
            assertThat(response.code()).isEqualTo(403);
            assertThat(response.header("WWW-Authenticate")).isEqualTo(challenge);
            assertThat(response.body().string()).isEqualTo("{\"why\":1}");
        }
        assertThat(scene.server.apiRequests()).isEqualTo(1);
        assertThat(scene.server.refreshRequests()).isZero();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "Bearer error=\"invalid_request\"",
                "Basic realm=\"proxy\", Bearer error=\"invalid_request\"",
                "Bearer error=\"INVALID_REQUEST\"",
                "OAuth realm='api', error='insufficient_scope'",
                "Bearer error='insufficient_scope', error_description='more scopes are needed'",
                "OAuth2 error=\"insufficient_permissions\"",
                "Bearer error=\"interaction_required\"",
                "Bearer error=\"insufficient_user_authentication\"",
                "Bearer error=\"insufficient_scope\"",
                "Bearer realm=\"\", error=\"insufficient_claims\", claims=\"e30=\"",
                "DPoP error=\"use_dpop_nonce\"",
                "DPoP error=\"invalid_dpop_proof\"",
                "Bearer realm=\"x\", DPoP error=\"use_dpop_nonce\""
            })
    void a_401_that_a_new_token_cannot_mend_is_returned_as_it_is(String challenge) throws Exception {
        OkHttpClient alice = alice();
        scene.server.onApiRequest(
                (request, answer) -> Answer.json(401, "{\"why\":1}").header("WWW-Authenticate", challenge));
        assertThat(body(alice, get(scene.server.apiUrl("/api/things")))).isEqualTo("401 {\"why\":1}");
        assertThat(scene.server.apiRequests()).isEqualTo(1);
        assertThat(scene.server.refreshRequests()).isZero();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "Bearer",
                "bearer realm=\"x\"",
                "BEARER error=\"invalid_token\"",
                "Basic realm=\"x\", Bearer error=\"invalid_token\"",
                "Bearer realm=\"spotify\", error=\"invalid_token\", error_description=\"The access token expired\"",
                "Bearer authorization_uri=\"https://login.example/a\",  error=\"invalid_token\",  error_description=\"x.\",",
                ",,,",
                "OAuth2 realm=\"WSO2 API Manager\", error=\"invalid_token\", error_description=\"The access token expired\"",
                "BASIC realm=\"Service-now\"",
                "Basic realm=\"proxy\"",
                "Basic",
                "Negotiate",
                "Bearer error=\"expired_token\"",
                "Bearer error=\"token_expired\"",
                "Bearer error=\"\"",
                "Key realm=\"kong\"",
                "Token error=\"invalid_grant\"",
                "OAuth realm='TwitchTV', error='invalid_token'",
                "Bearer error='invalid_token', error_description='it has expired'",
                "Bearer error=\"invalid_token\", Bearer error=\"invalid_request\"",
                "Bearer error=\"invalid_request\", DPoP error=\"invalid_token\"",
                "Bearer realm",
                "Bearer realm=\"a\" error=\"invalid_token\""
            })
    void a_401_about_the_token_or_about_nothing_is_answered_with_a_new_token(String challenge) throws Exception {
        OkHttpClient alice = alice();
        String rejected = "Bearer " + node.account("alice").tokens().accessToken();
        scene.server.onApiRequest((request, answer) -> {
            if (!request.header("Authorization").orElse("").equals(rejected)) {
                return answer;
            }
            Answer unauthorized = Answer.json(401, "{}");
            return challenge.isEmpty() ? unauthorized : unauthorized.header("WWW-Authenticate", challenge);
        });
        assertThat(scene.status(alice)).isEqualTo(200);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
    }

    @Test
    void a_huge_challenge_costs_no_time() throws Exception {
        OkHttpClient alice = alice();
        scene.server.onApiRequest((request, answer) ->
                Answer.json(401, "{}").header("WWW-Authenticate", "Bearer " + "a=\"\\\"\", ".repeat(15_000)));
        long start = System.nanoTime();
        body(alice, get(scene.server.apiUrl("/api/things")));
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(30));
    }

    @Test
    void a_401_on_a_token_that_was_replaced_meanwhile_costs_no_refresh() throws Exception {
        OkHttpClient alice = alice();
        scene.server.expireAccessTokens();
        Held held = new Held();
        scene.server.onNextApiRequest(Fault.holdAnswer(held));
        CompletableFuture<Integer> late = new CompletableFuture<>();
        alice.newCall(get(scene.server.apiUrl("/api/things"))).enqueue(completing(late));
        held.awaitArrived(1);
        assertThat(scene.status(alice)).isEqualTo(200);
        scene.time.pass(Duration.ofMinutes(1)); // longer than a new token is above suspicion
        held.release();
        assertThat(late.get(40, TimeUnit.SECONDS)).isEqualTo(200);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
        assertThat(scene.server.apiRequests()).isEqualTo(4);
    }

    @Test
    void a_401_never_deletes_a_grant() throws Exception {
        OkHttpClient alice = alice();
        scene.server.rejectAllAtApi(true);
        assertThat(scene.status(alice)).isEqualTo(401);
        assertThat(scene.store.rows).hasSize(1);
        assertThat(node.account("alice").grant().orElseThrow().loginRequired()).isEmpty();
    }

    @Test
    void a_401_whose_refresh_is_refused_says_that_the_user_has_to_sign_in() throws Exception {
        OkHttpClient alice = alice();
        scene.server.revokeConsent("alice");
        assertThatThrownBy(() -> scene.status(alice)).isInstanceOf(LoginRequiredException.class);
        assertThat(scene.server.apiRequests()).isEqualTo(1);
    }

    @Test
    void five_hundred_rounds_of_401_and_200_leak_no_connection() throws Exception {
        ConnectionPool pool = new ConnectionPool(1, 5, TimeUnit.MINUTES);
        Account account = scene.signIn(node, "alice");
        OkHttpClient alice =
                account.wrap(scene.http.newBuilder().connectionPool(pool).build());
        for (int i = 0; i < 500; i++) {
            scene.server.expireAccessTokens();
            // Past the cooldown of a forced refresh, and long before the expiry.
            scene.time.pass(Duration.ofSeconds(31));
            assertThat(scene.status(alice)).isEqualTo(200);
            assertThat(pool.connectionCount()).isLessThanOrEqualTo(1);
        }
        assertThat(pool.idleConnectionCount()).isEqualTo(pool.connectionCount());
        assertThat(scene.server.reuseDetected()).isZero();
    }

    @Test
    void a_401_whose_refresh_fails_leaks_no_connection() throws Exception {
        ConnectionPool pool = new ConnectionPool();
        OkHttpClient alice = scene.signIn(node, "alice")
                .wrap(scene.http.newBuilder().connectionPool(pool).build());
        scene.server.revokeConsent("alice");
        assertThatThrownBy(() -> scene.status(alice)).isInstanceOf(LoginRequiredException.class);
        assertThat(pool.idleConnectionCount()).isEqualTo(pool.connectionCount());
    }

    // ---- Whose token ----------------------------------------------------------------------------------------------

    @Test
    void two_users_with_one_cache_never_see_each_others_answers(@TempDir Path directory) throws Exception {
        scene.server.onApiRequest((request, answer) -> answer.header("Cache-Control", "max-age=3600"));
        try (Cache cache = new Cache(directory.toFile(), 1_000_000)) {
            OkHttpClient shared = scene.http.newBuilder().cache(cache).build();
            Request request = get(scene.server.apiUrl("/api/things"));
            Account alice = scene.signIn(node, "alice");
            Account bob = scene.signIn(node, "bob");
            for (int i = 0; i < 3; i++) {
                assertThat(user(alice.wrap(shared), request)).isEqualTo("alice");
                assertThat(user(bob.wrap(shared), request)).isEqualTo("bob");
            }
            OkHttpClient tagged = node.wrap(shared);
            for (int i = 0; i < 3; i++) {
                assertThat(user(tagged, tag(request, alice))).isEqualTo("alice");
                assertThat(user(tagged, tag(request, bob))).isEqualTo("bob");
            }
            assertThat(cache.requestCount()).isZero();
            // After a 401 as well.
            scene.server.expireAccessTokens();
            assertThat(user(tagged, tag(request, alice))).isEqualTo("alice");
            assertThat(user(tagged, tag(request, bob))).isEqualTo("bob");
            assertThat(cache.requestCount()).isZero();
        }
    }

    private static Request tag(Request request, Account account) {
        return request.newBuilder().tag(Account.class, account).build();
    }

    @Test
    void a_hundred_calls_at_once_for_two_users_are_never_mixed_up() throws Exception {
        Account alice = scene.signIn(node, "alice");
        Account bob = scene.signIn(node, "bob");
        OkHttpClient tagged = node.wrap(scene.http);
        Request request = get(scene.server.apiUrl("/api/things"));
        ExecutorService pool = Executors.newFixedThreadPool(16);
        try {
            List<Future<String>> alices = new ArrayList<>();
            List<Future<String>> bobs = new ArrayList<>();
            for (int round = 0; round < 4; round++) {
                for (int i = 0; i < 50; i++) {
                    alices.add(pool.submit(() -> user(tagged, tag(request, alice))));
                    bobs.add(pool.submit(() -> user(tagged, tag(request, bob))));
                }
                for (Future<String> call : alices) {
                    assertThat(call.get(30, TimeUnit.SECONDS)).isEqualTo("alice");
                }
                for (Future<String> call : bobs) {
                    assertThat(call.get(30, TimeUnit.SECONDS)).isEqualTo("bob");
                }
                // Not while calls are under way: who is caught by two expiries is told of the second one.
                scene.expire();
            }
        } finally {
            pool.shutdownNow();
        }
    }

    /** In full size: {@code -Dtest=InterceptorTest -Dgrantkeeper.calls=100000}. */
    @Test
    void sixty_four_threads_never_use_the_token_of_another_of_sixty_four_users() throws Exception {
        int calls = Integer.getInteger("grantkeeper.calls", 4096);
        int users = 64;
        List<Account> accounts = new ArrayList<>();
        for (int i = 0; i < users; i++) {
            String user = "user" + i;
            scene.server.user(user, "User", "Number " + i, user + "@example.org");
            var issued = scene.server.issue(Scene.CLIENT, user, "things.read");
            Account account = node.account(user);
            account.importTokens(TokenSet.builder(issued.accessToken())
                    .refreshToken(issued.refreshToken())
                    .expiresAt(scene.time.clock().instant().plus(Duration.ofMinutes(10)))
                    .build());
            accounts.add(account);
        }
        OkHttpClient tagged = node.wrap(scene.http);
        AtomicInteger next = new AtomicInteger();
        ExecutorService pool = Executors.newFixedThreadPool(64);
        try {
            List<Future<?>> threads = new ArrayList<>();
            for (int i = 0; i < 64; i++) {
                threads.add(pool.submit(() -> {
                    for (int call = next.getAndIncrement(); call < calls; call = next.getAndIncrement()) {
                        if (call % 1024 == 512) {
                            scene.expire();
                        }
                        int user = (call * 37) % users;
                        Request request =
                                tag(get(scene.server.apiUrl("/api/user" + user + "/things")), accounts.get(user));
                        String said;
                        if (call % 2 == 0) {
                            said = user(tagged, request);
                        } else { // a thread of OkHttp's, which serves everybody
                            CompletableFuture<String> answer = new CompletableFuture<>();
                            tagged.newCall(request).enqueue(new Callback() {
                                @Override
                                public void onFailure(Call failed, IOException e) {
                                    answer.completeExceptionally(e);
                                }

                                @Override
                                public void onResponse(Call answered, Response response) throws IOException {
                                    try (response) {
                                        answer.complete(response.body()
                                                .string()
                                                .replaceAll("(?s).*\"user\":\"(\\w+)\".*", "$1"));
                                    }
                                }
                            });
                            said = answer.get(30, TimeUnit.SECONDS);
                        }
                        assertThat(said).isEqualTo("user" + user);
                    }
                    return null;
                }));
            }
            for (Future<?> thread : threads) {
                thread.get(300, TimeUnit.SECONDS);
            }
        } finally {
            pool.shutdownNow();
        }
        assertThat(scene.server.reuseDetected()).isZero();
    }

    @Test
    void a_request_that_does_not_say_whose_it_is_never_goes_out() throws Exception {
        OkHttpClient tagged = node.wrap(scene.http);
        Request request = get(scene.server.apiUrl("/api/things"));
        assertThatThrownBy(() -> body(tagged, request))
                .isInstanceOf(OAuthException.class)
                .hasMessageContaining("Account.class");
        Grantkeeper other = scene.node();
        Account stranger = scene.signIn(other, "alice");
        assertThatThrownBy(() -> body(tagged, tag(request, stranger))).isInstanceOf(OAuthException.class);
        assertThat(scene.server.apiRequests()).isZero();
        // Elsewhere nobody has to say it.
        assertThat(body(tagged, get(evil.url("/").toString()))).startsWith("200");
    }

    @Test
    void a_login_that_is_not_kept_yet_can_call_the_api_with_its_own_tokens() throws Exception {
        SignedIn in = (SignedIn) scene.login(node, "bob");
        OkHttpClient bob = in.wrap(scene.http);
        assertThat(user(bob, get(scene.server.apiUrl("/api/things")))).isEqualTo("bob");
        assertThat(body(bob, get(evil.url("/").toString()))).startsWith("200");
        assertThat(evil.takeRequest().getHeaders().get("Authorization")).isNull();
        scene.server.expireAccessTokens();
        assertThat(scene.status(bob)).isEqualTo(401);
        assertThat(scene.server.refreshRequests()).isZero();
        assertThat(scene.store.rows).isEmpty();
        in.keepAs("bob");
        assertThat(scene.status(node.account("bob").wrap(scene.http))).isEqualTo(200);
    }

    // ---- What goes wrong under a call -----------------------------------------------------------------------------

    /** A store by an author who has not read the contract. */
    private static final class ThrowingStore implements TokenStore {
        volatile Throwable next = new IllegalStateException("a bug in the store");

        private <T> T fail() {
            if (next instanceof RuntimeException e) {
                throw e;
            }
            throw (Error) next;
        }

        @Override
        public Optional<StoredTokens> find(AccountKey key) {
            return fail();
        }

        @Override
        public boolean create(AccountKey key, StoredTokens tokens) {
            return this.<Boolean>fail();
        }

        @Override
        public boolean replace(AccountKey key, String version, StoredTokens next) {
            return this.<Boolean>fail();
        }

        @Override
        public boolean delete(AccountKey key, String version) {
            return this.<Boolean>fail();
        }
    }

    @Test
    void what_a_broken_store_throws_reaches_the_caller_as_io_exception_and_the_dispatcher_lives_on() throws Exception {
        ThrowingStore broken = new ThrowingStore();
        Grantkeeper node =
                scene.node(scene.registration(scene.provider().build()).tokenStore(broken));
        OkHttpClient client = node.account("alice").wrap(scene.http);
        for (Throwable thrown : List.of(new IllegalStateException("a bug"), new StackOverflowError("deep"))) {
            broken.next = thrown;
            for (int i = 0; i < 3; i++) {
                CompletableFuture<Object> result = new CompletableFuture<>();
                client.newCall(get(scene.server.apiUrl("/api/things"))).enqueue(new Callback() {
                    @Override
                    public void onFailure(Call call, IOException e) {
                        result.complete(e);
                    }

                    @Override
                    public void onResponse(Call call, Response response) {
                        result.complete(response.code());
                        response.close();
                    }
                });
                assertThat(result.get(40, TimeUnit.SECONDS)).isInstanceOf(OAuthException.class);
            }
            assertThatThrownBy(() -> node.account("alice").tokensAsync().get(40, TimeUnit.SECONDS))
                    .hasCauseInstanceOf(OAuthException.class);
        }
        broken.next = new IllegalStateException("a bug");
        SignedIn in = (SignedIn) scene.login(node, "alice");
        assertThatThrownBy(() -> in.keepAs("alice")).isInstanceOf(TokenStoreException.class);
        assertThatThrownBy(() -> node.account("alice").grant()).isInstanceOf(TokenStoreException.class);
        assertThatThrownBy(() -> node.account("alice").signOut()).isInstanceOf(TokenStoreException.class);
        assertThatThrownBy(() -> node.account("alice").clearRefusal()).isInstanceOf(TokenStoreException.class);
        assertThat(scene.http.dispatcher().runningCallsCount()).isZero();
    }

    @Test
    void an_interrupted_caller_leaves_at_once_and_stays_interrupted() throws Exception {
        Account alice = scene.signIn(node, "alice");
        OkHttpClient client = alice.wrap(scene.http);
        scene.expire();
        Held held = scene.server.hold();
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        AtomicReference<Boolean> flag = new AtomicReference<>();
        Thread caller = new Thread(() -> {
            try {
                scene.status(client);
            } catch (IOException e) {
                thrown.set(e);
            }
            flag.set(Thread.currentThread().isInterrupted());
        });
        caller.start();
        held.awaitArrived(1);
        caller.interrupt();
        caller.join(5_000);
        assertThat(caller.isAlive()).isFalse();
        assertThat(thrown.get()).isInstanceOf(InterruptedIOException.class);
        assertThat(flag.get()).isTrue();
        held.release();
        assertThat(alice.tokens()).isNotNull();
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
    }

    @Test
    void who_waits_for_tokens_themselves_can_be_interrupted_too() throws Exception {
        Account alice = scene.signIn(node, "alice");
        scene.expire();
        Held held = scene.server.hold();
        try {
            Thread.currentThread().interrupt();
            assertThatThrownBy(alice::tokens).isInstanceOf(InterruptedIOException.class);
            assertThat(Thread.currentThread().isInterrupted()).isTrue();
        } finally {
            assertThat(Thread.interrupted()).isTrue();
        }
        held.release();
        assertThat(alice.tokens()).isNotNull();
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
    }

    @ParameterizedTest(name = "canceled: {0}")
    @ValueSource(booleans = {true, false})
    void a_refresh_that_everybody_gave_up_waiting_for_is_stored_all_the_same(boolean canceled) throws Exception {
        Account alice = scene.signIn(node, "alice");
        StoredTokens before = scene.store.rows.get(alice.key());
        scene.expire();
        Held held = scene.server.hold();
        Call call = alice.wrap(scene.http)
                .newBuilder()
                .callTimeout(canceled ? Duration.ZERO : Duration.ofMillis(100))
                .build()
                .newCall(get(scene.server.apiUrl("/api/things")));
        CompletableFuture<Integer> status = new CompletableFuture<>();
        call.enqueue(completing(status));
        held.awaitArrived(1);
        if (canceled) {
            call.cancel();
        }
        assertThatThrownBy(() -> status.get(40, TimeUnit.SECONDS))
                .hasCauseInstanceOf(canceled ? IOException.class : InterruptedIOException.class);
        assertThat(scene.server.apiRequests()).isZero();
        scene.events.clear();
        held.release();
        while (scene.events.stream().noneMatch(event -> event.kind() == GrantListener.Kind.REFRESHED)) {
            Thread.onSpinWait();
        }
        assertThat(scene.store.rows.get(alice.key())).isNotEqualTo(before);
        assertThat(alice.tokens()).isNotNull();
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
    }

    @Test
    void a_websocket_that_is_always_rejected_is_tried_twice() throws Exception {
        try (MockWebServer sockets = new MockWebServer()) {
            sockets.setDispatcher(new Dispatcher() {
                @Override
                public MockResponse dispatch(mockwebserver3.RecordedRequest request) {
                    return new MockResponse.Builder().code(401).build();
                }
            });
            sockets.start();
            Account alice = atApi(sockets);
            CompletableFuture<Integer> status = new CompletableFuture<>();
            WebSocket unused = alice.wrap(scene.http)
                    .newWebSocket(get(sockets.url("/socket").toString()), new WebSocketListener() {
                        @Override
                        public void onFailure(WebSocket webSocket, Throwable t, Response response) {
                            status.complete(response == null ? 0 : response.code());
                        }
                    });
            assertThat(status.get(40, TimeUnit.SECONDS)).isEqualTo(401);
            assertThat(sockets.getRequestCount()).isEqualTo(2);
            assertThat(scene.server.refreshRequests()).isEqualTo(1);
        }
    }

    /** Alice, where the API is somebody else's server. */
    private Account atApi(MockWebServer api) throws IOException {
        Provider provider = scene.provider().apiOrigins(api.url("/").toString()).build();
        return scene.signIn(scene.node(scene.registration(provider)), "alice");
    }

    @Test
    void an_open_websocket_outlives_the_token_and_the_next_one_gets_a_fresh_one() throws Exception {
        try (MockWebServer sockets = new MockWebServer()) {
            for (int i = 0; i < 2; i++) {
                sockets.enqueue(new MockResponse.Builder()
                        .webSocketUpgrade(new WebSocketListener() {
                            @Override
                            public void onMessage(WebSocket webSocket, String text) {
                                webSocket.send("echo of " + text);
                            }
                        })
                        .build());
            }
            sockets.start();
            Account alice = atApi(sockets);
            String first = alice.tokens().accessToken();
            BlockingQueue<String> heard = new LinkedBlockingQueue<>();
            WebSocketListener listener = new WebSocketListener() {
                @Override
                public void onMessage(WebSocket webSocket, String text) {
                    heard.add(text);
                }
            };
            Request request = get(sockets.url("/socket").toString());
            WebSocket socket = alice.wrap(scene.http).newWebSocket(request, listener);
            assertThat(socket.send("before")).isTrue();
            assertThat(heard.poll(40, TimeUnit.SECONDS)).isEqualTo("echo of before");
            scene.expire();
            assertThat(socket.send("after")).isTrue();
            assertThat(heard.poll(40, TimeUnit.SECONDS)).isEqualTo("echo of after");
            assertThat(scene.server.refreshRequests()).isZero();
            WebSocket again = alice.wrap(scene.http).newWebSocket(request, listener);
            assertThat(again.send("again")).isTrue();
            assertThat(heard.poll(40, TimeUnit.SECONDS)).isEqualTo("echo of again");
            assertThat(sockets.takeRequest().getHeaders().get("Authorization")).isEqualTo("Bearer " + first);
            assertThat(sockets.takeRequest().getHeaders().get("Authorization"))
                    .isEqualTo("Bearer " + alice.tokens().accessToken())
                    .isNotEqualTo("Bearer " + first);
            assertThat(scene.server.refreshRequests()).isEqualTo(1);
            socket.cancel();
            again.cancel();
        }
    }

    @Test
    void an_answer_of_a_tebibyte_is_collected_nowhere() throws Exception {
        AtomicLong written = new AtomicLong();
        try (MockWebServer stream = new MockWebServer()) {
            stream.enqueue(new MockResponse.Builder()
                    .body(new MockResponseBody() {
                        @Override
                        public long getContentLength() {
                            return 1L << 40;
                        }

                        @Override
                        public void writeTo(BufferedSink sink) throws IOException {
                            byte[] some = new byte[64 * 1024];
                            while (written.get() < getContentLength()) {
                                sink.write(some).flush();
                                written.addAndGet(some.length);
                            }
                        }
                    })
                    .build());
            stream.start();
            Account alice = atApi(stream);
            int read = 32 * 1024 * 1024;
            try (Response response = alice.wrap(scene.http)
                    .newCall(get(stream.url("/").toString()))
                    .execute()) {
                response.body().source().skip(read);
                // The rest is in nobody's memory: the sockets hold a few megabytes, then the server waits.
                assertThat(written.get()).isLessThan(2L * read);
            }
        }
    }

    @Test
    void a_websocket_carries_the_token_in_its_handshake() throws Exception {
        try (MockWebServer sockets = new MockWebServer()) {
            sockets.enqueue(new MockResponse.Builder()
                    .code(401)
                    .addHeader("WWW-Authenticate", "Bearer error=\"invalid_token\"")
                    .build());
            sockets.enqueue(new MockResponse.Builder()
                    .webSocketUpgrade(new WebSocketListener() {
                        @Override
                        public void onOpen(WebSocket webSocket, Response response) {
                            webSocket.send("hello");
                        }
                    })
                    .build());
            sockets.start();
            Provider provider = scene.provider()
                    .apiOrigins(scene.server.url(), sockets.url("/").toString())
                    .build();
            Grantkeeper node = scene.node(scene.registration(provider));
            Account alice = scene.signIn(node, "alice");
            String first = alice.tokens().accessToken();
            BlockingQueue<String> heard = new LinkedBlockingQueue<>();
            WebSocket socket = alice.wrap(scene.http)
                    .newWebSocket(get(sockets.url("/socket").toString()), new WebSocketListener() {
                        @Override
                        public void onMessage(WebSocket webSocket, String text) {
                            heard.add(text);
                        }

                        @Override
                        public void onFailure(WebSocket webSocket, Throwable t, Response response) {
                            heard.add("failed: " + t);
                        }
                    });
            assertThat(heard.poll(40, TimeUnit.SECONDS)).isEqualTo("hello");
            assertThat(sockets.takeRequest().getHeaders().get("Authorization")).isEqualTo("Bearer " + first);
            assertThat(sockets.takeRequest().getHeaders().get("Authorization"))
                    .isEqualTo("Bearer " + alice.tokens().accessToken())
                    .isNotEqualTo("Bearer " + first);
            socket.cancel();
        }
    }

    @Test
    void an_answer_is_handed_on_while_it_still_comes() throws Exception {
        CountDownLatch goOn = new CountDownLatch(1);
        try (MockWebServer stream = new MockWebServer()) {
            stream.enqueue(new MockResponse.Builder()
                    .body(new MockResponseBody() {
                        @Override
                        public long getContentLength() {
                            return 10;
                        }

                        @Override
                        public void writeTo(BufferedSink sink) throws IOException {
                            sink.writeUtf8("first").flush();
                            try {
                                assertThat(goOn.await(40, TimeUnit.SECONDS)).isTrue();
                            } catch (InterruptedException e) {
                                Thread.currentThread().interrupt();
                            }
                            sink.writeUtf8("later");
                        }
                    })
                    .build());
            stream.start();
            Provider provider =
                    scene.provider().apiOrigins(stream.url("/").toString()).build();
            Account alice = scene.signIn(scene.node(scene.registration(provider)), "alice");
            try (Response response = alice.wrap(scene.http)
                    .newCall(get(stream.url("/").toString()))
                    .execute()) {
                assertThat(response.body().source().readUtf8(5)).isEqualTo("first");
                scene.expire(); // which a download that has begun does not notice
                goOn.countDown();
                assertThat(response.body().source().readUtf8()).isEqualTo("later");
            }
            assertThat(scene.server.refreshRequests()).isZero();
        }
    }

    @Test
    void after_closing_calls_fail_and_do_not_hang() throws Exception {
        Account alice = scene.signIn(node, "alice");
        OkHttpClient client = alice.wrap(scene.http);
        node.close();
        scene.expire();
        assertThatThrownBy(() -> scene.status(client)).isInstanceOf(IOException.class);
        assertThat(scene.server.refreshRequests()).isZero();
    }

    /** Every call would go out bare, and the API's 401 would be the first to say so. */
    @Test
    void a_client_that_could_never_carry_a_token_is_not_wrapped() throws Exception {
        Grantkeeper bare =
                scene.node(scene.registration(scene.provider().apiOrigins().build()));
        Account alice = scene.signIn(bare, "alice");
        for (ThrowingCallable wrapping : List.<ThrowingCallable>of(
                () -> alice.wrap(scene.http),
                alice::interceptor,
                () -> bare.application().wrap(scene.http),
                () -> ((LoginResult.SignedIn) scene.login(bare, "bob")).wrap(scene.http),
                () -> bare.account(TokenExchange.of("t")).wrap(scene.http))) {
            assertThatIllegalStateException().isThrownBy(wrapping).withMessageContaining("apiOrigins");
        }
        assertThat(alice.tokens()).isNotNull();
        // These have origins of their own, so a client for all may carry theirs.
        OkHttpClient shared = bare.wrap(scene.http);
        Account resource = alice.forResource("urn:things", scene.server.url());
        Request request = get(scene.server.apiUrl("/api/things"))
                .newBuilder()
                .tag(Account.class, resource)
                .build();
        assertThat(body(shared, request)).startsWith("200");
        assertThat(scene.status(resource.wrap(scene.http))).isEqualTo(200);
    }

    @ParameterizedTest
    @ValueSource(strings = {"/v2", "/v2/", "//", "/%2e", "?tenant=a", "/?tenant=a"})
    void an_api_origin_with_a_path_is_refused(String path) {
        String origin = "https://api.example";
        assertThatIllegalArgumentException()
                .isThrownBy(() -> scene.provider().apiOrigins(origin + path).build())
                .withMessageContaining(origin + path)
                .withMessageContaining("all paths");
        assertThat(scene.provider().apiOrigins(origin, origin + "/").build().apiOrigins())
                .containsExactly("https://api.example:443");
    }

    /** T-103. */
    @Test
    void a_client_that_is_wrapped_for_somebody_is_not_wrapped_for_somebody_else() throws Exception {
        Grantkeeper node = scene.node();
        Account alice = scene.signIn(node, "alice");
        Account bob = scene.signIn(node, "bob");
        Grantkeeper two =
                scene.node(scene.registration(scene.provider().build()).registration("two"));
        OkHttpClient bobs = bob.wrap(scene.http); // a field that is assigned again for each user
        assertThatIllegalArgumentException().isThrownBy(() -> alice.wrap(bobs)).withMessageContaining("own client");
        assertThatIllegalArgumentException().isThrownBy(() -> node.wrap(bobs));
        assertThatIllegalArgumentException().isThrownBy(() -> two.wrap(node.wrap(scene.http)));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> ((LoginResult.SignedIn) scene.login(node, "alice")).wrap(bobs));
        assertThat(scene.status(bob.wrap(bobs))).isEqualTo(200);
        assertThat(scene.status(bob.forResource("https://files.example").wrap(bobs)))
                .isEqualTo(200);
    }

    @Test
    void an_account_of_another_registration_is_called_that() throws Exception {
        Grantkeeper one = scene.node();
        Grantkeeper two =
                scene.node(scene.registration(scene.provider().build()).registration("two"));
        Account alice = scene.signIn(two, "alice");
        Request request = new Request.Builder()
                .url(scene.server.apiUrl("/api/things"))
                .tag(Account.class, alice)
                .build();
        assertThatThrownBy(() -> one.wrap(scene.http).newCall(request).execute())
                .isInstanceOf(OAuthException.class)
                .hasMessageContaining("two/")
                .hasMessageContaining("one client for each registration");
    }
}
