/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.grantkeeper.internal.protocol.ApiAddresses;
import dev.grantkeeper.internal.protocol.Resource;
import dev.grantkeeper.provider.Provider;
import java.io.IOException;
import java.net.InetAddress;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import mockwebserver3.Dispatcher;
import mockwebserver3.MockResponse;
import mockwebserver3.MockWebServer;
import mockwebserver3.RecordedRequest;
import okhttp3.HttpUrl;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;
import okhttp3.WebSocket;
import okhttp3.WebSocketListener;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A host that carries the APIs of many: a token for one path of it is sent to no other path. */
@Timeout(300)
class PathLimitedTokensTest {
    private static final String OURS = "/tenant-a/mcp";
    private static final String THEIRS = "/tenant-b/mcp";
    private static final MockResponse OK = new MockResponse.Builder().build();

    private final Scene scene = new Scene();
    private final Grantkeeper node = scene.node();
    private final MockWebServer host = new MockWebServer();
    private final MockWebServer elsewhere = new MockWebServer();
    private final List<RecordedRequest> requests = new CopyOnWriteArrayList<>();
    private volatile Function<String, MockResponse> answers = path -> OK;

    @BeforeEach
    void start() throws IOException {
        for (MockWebServer server : List.of(host, elsewhere)) {
            server.setDispatcher(new Dispatcher() {
                @Override
                public MockResponse dispatch(RecordedRequest request) {
                    requests.add(request);
                    return answers.apply(request.getTarget());
                }
            });
            server.start(InetAddress.getLoopbackAddress(), 0);
        }
    }

    @AfterEach
    void close() {
        scene.close();
        host.close();
        elsewhere.close();
    }

    /** The same account, with tokens for one API only. */
    private static Account at(Grantkeeper node, Account account, HttpUrl api) {
        Machinery machinery = node.machinery();
        return new Account(
                machinery,
                account.key(),
                machinery.engine().users(),
                machinery.engine().logins(),
                new Account.Api(Resource.OWN, ApiAddresses.below(api)),
                true);
    }

    private Account user(String name, String path) throws IOException {
        return at(node, scene.signIn(node, name), host.url(path));
    }

    private Request get(String path) {
        return new Request.Builder().url(url(path)).build();
    }

    private HttpUrl url(String path) {
        String root = host.url("/").toString();
        return HttpUrl.get(root.substring(0, root.length() - 1) + path);
    }

    private static int status(OkHttpClient client, Request request) throws IOException {
        try (Response response = client.newCall(request).execute()) {
            return response.code();
        }
    }

    private static @Nullable String sent(RecordedRequest request) {
        return request.getHeaders().get("Authorization");
    }

    private static MockResponse redirect(int status, String to) {
        return new MockResponse.Builder().code(status).setHeader("Location", to).build();
    }

    /** Answers for one path, and with 200 for all others. */
    private void answer(String path, MockResponse response) {
        answers = target -> target.equals(path) ? response : OK;
    }

    // ---- By the request itself ------------------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(strings = {"/tenant-a/mcp", "/tenant-a/mcp/", "/tenant-a/mcp/tools?x=y", "/tenant-b/../tenant-a/mcp"})
    void the_token_goes_to_the_api_and_below_it(String path) throws Exception {
        Account alice = user("alice", OURS);
        assertThat(status(alice.wrap(scene.http), get(path))).isEqualTo(200);
        assertThat(sent(requests.get(0))).isEqualTo("Bearer " + alice.tokens().accessToken());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/",
                "/tenant-a",
                "/tenant-a/mcpx",
                "/tenant-b/mcp",
                "/tenant-A/mcp",
                "/tenant-a/MCP",
                "/tenant-a/mcp/../../tenant-b/mcp",
                "/tenant-a/mcp/%2e%2e/%2E%2e/tenant-b/mcp",
                "/tenant-a/mcp/..%2f..%2ftenant-b/mcp",
                "/tenant-a/mcp/..%5C..%5ctenant-b/mcp",
                "/tenant-a/mcp/..%252f..%252ftenant-b/mcp",
                "/tenant-a/mcp/..;/..;/tenant-b/mcp",
                "/tenant-a/mcp;/x",
                "/tenant-a/mcp//../../../tenant-b/mcp",
                "/tenant-a//mcp",
                "//tenant-a/mcp",
                "/tenant-a%2fmcp"
            })
    void no_other_path_gets_it_however_it_is_written(String path) throws Exception {
        OkHttpClient client = user("alice", OURS).wrap(scene.http);
        assertThat(status(client, get(path))).isEqualTo(200);
        assertThat(requests)
                .hasSize(1)
                .allSatisfy(request -> assertThat(sent(request)).isNull());
    }

    @Test
    void nor_does_the_same_path_of_another_port_or_name() throws Exception {
        OkHttpClient client = user("alice", OURS).wrap(scene.http);
        HttpUrl api = host.url(OURS);
        for (HttpUrl url : List.of(
                api.newBuilder().port(elsewhere.getPort()).build(),
                api.newBuilder()
                        .host(api.host().equals("localhost") ? "127.0.0.1" : "localhost")
                        .build())) {
            assertThat(status(client, new Request.Builder().url(url).build())).isEqualTo(200);
        }
        assertThat(requests)
                .hasSize(2)
                .allSatisfy(request -> assertThat(sent(request)).isNull());
    }

    @Test
    void an_interceptor_behind_it_cannot_take_it_elsewhere() throws Exception {
        Account alice = user("alice", OURS);
        OkHttpClient client = alice.wrap(scene.http)
                .newBuilder()
                .addInterceptor(chain -> chain.proceed(chain.request()
                        .newBuilder()
                        .url(chain.request().url().resolve(THEIRS))
                        .build()))
                .build();
        assertThat(status(client, get(OURS))).isEqualTo(200);
        assertThat(requests.get(0).getTarget()).isEqualTo(THEIRS);
        assertThat(sent(requests.get(0))).isNull();
    }

    // ---- By redirects ---------------------------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(ints = {301, 302, 303, 307, 308})
    void a_redirect_to_another_path_of_the_host_loses_it(int status) throws Exception {
        Account alice = user("alice", OURS);
        answer(OURS, redirect(status, THEIRS));
        Request post = get(OURS)
                .newBuilder()
                .post(RequestBody.create("{}", MediaType.get("application/json")))
                .build();
        for (Request request : List.of(get(OURS), post)) {
            requests.clear();
            assertThat(status(alice.wrap(scene.http), request)).isEqualTo(200);
            assertThat(requests).extracting(RecordedRequest::getTarget).containsExactly(OURS, THEIRS);
            assertThat(sent(requests.get(0)))
                    .isEqualTo("Bearer " + alice.tokens().accessToken());
            assertThat(sent(requests.get(1))).isNull();
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "../tenant-b/mcp",
                "/tenant-a/mcp/..%2f..%2ftenant-b/mcp",
                "/tenant-a/mcp/..;/x",
                "/tenant-a//mcp",
                "/tenant-a/Mcp"
            })
    void however_the_other_path_is_written(String location) throws Exception {
        Account alice = user("alice", OURS);
        answer(OURS, redirect(307, location));
        assertThat(status(alice.wrap(scene.http), get(OURS))).isEqualTo(200);
        assertThat(requests).hasSize(2);
        assertThat(sent(requests.get(0))).isNotNull();
        assertThat(sent(requests.get(1))).isNull();
    }

    @Test
    void a_redirect_below_the_path_keeps_it_and_one_back_has_it_again() throws Exception {
        Account alice = user("alice", OURS);
        answers = target -> switch (target) {
            case OURS -> redirect(307, THEIRS);
            case THEIRS -> redirect(307, OURS + "/new");
            default -> OK;
        };
        assertThat(status(alice.wrap(scene.http), get(OURS))).isEqualTo(200);
        assertThat(requests).hasSize(3);
        String authorization = "Bearer " + alice.tokens().accessToken();
        assertThat(sent(requests.get(0))).isEqualTo(authorization);
        assertThat(sent(requests.get(1))).isNull();
        assertThat(sent(requests.get(2))).isEqualTo(authorization);
    }

    @Test
    void a_redirect_out_of_the_host_loses_it() throws Exception {
        OkHttpClient client = user("alice", OURS).wrap(scene.http);
        answer(OURS, redirect(307, elsewhere.url(OURS + "/x").toString()));
        assertThat(status(client, get(OURS))).isEqualTo(200);
        assertThat(sent(requests.get(1))).isNull();
    }

    @Test
    void a_401_or_a_challenge_from_where_a_redirect_led_is_not_the_apis() throws Exception {
        OkHttpClient client = user("alice", OURS).wrap(scene.http);
        for (MockResponse other : List.of(
                new MockResponse.Builder().code(401).build(),
                new MockResponse.Builder()
                        .code(403)
                        .setHeader("WWW-Authenticate", "Bearer error=\"insufficient_scope\", scope=\"all\"")
                        .build())) {
            requests.clear();
            answers = target -> target.equals(OURS) ? redirect(307, THEIRS) : other;
            assertThat(status(client, get(OURS))).isIn(401, 403);
            assertThat(requests).hasSize(2);
        }
        assertThat(scene.server.refreshRequests()).isZero();
    }

    @Test
    void credentials_of_the_callers_own_for_the_other_path_stay() throws Exception {
        OkHttpClient own = scene.http
                .newBuilder()
                .authenticator((route, response) -> response.request()
                        .newBuilder()
                        .header("Authorization", "Basic b3duOm93bg==")
                        .build())
                .build();
        OkHttpClient client = user("alice", OURS).wrap(own);
        answers = target -> target.equals(OURS)
                ? redirect(307, THEIRS)
                : sent(requests.get(requests.size() - 1)) == null
                        ? new MockResponse.Builder().code(401).build()
                        : OK;
        assertThat(status(client, get(OURS))).isEqualTo(200);
        assertThat(requests).hasSize(3);
        assertThat(sent(requests.get(1))).isNull();
        assertThat(sent(requests.get(2))).isEqualTo("Basic b3duOm93bg==");
    }

    @Test
    void an_interceptor_that_was_added_by_hand_wants_a_client_that_follows_no_redirects() throws Exception {
        Account alice = user("alice", OURS);
        answer(OURS, redirect(307, THEIRS));
        OkHttpClient following =
                scene.http.newBuilder().addInterceptor(alice.interceptor()).build();
        assertThatThrownBy(() -> status(following, get(OURS)))
                .isInstanceOf(OAuthException.class)
                .hasMessageContaining("followRedirects(false)")
                .hasMessageContaining(OURS);
        assertThat(requests).isEmpty();
        OkHttpClient right = following.newBuilder().followRedirects(false).build();
        assertThat(status(right, get(OURS))).isEqualTo(307);
        assertThat(sent(requests.get(0))).isEqualTo("Bearer " + alice.tokens().accessToken());
        assertThat(requests).hasSize(1);
    }

    @Test
    void a_websocket_wants_one_too() throws Exception {
        Account alice = user("alice", OURS);
        OkHttpClient client = alice.wrap(scene.http);
        BlockingQueue<String> heard = new LinkedBlockingQueue<>();
        WebSocketListener listener = new WebSocketListener() {
            @Override
            public void onOpen(WebSocket socket, Response response) {
                heard.add("open");
                socket.close(1000, null);
            }

            @Override
            public void onFailure(WebSocket socket, Throwable t, @Nullable Response response) {
                heard.add(String.valueOf(t.getMessage()));
            }
        };
        answer(
                OURS,
                new MockResponse.Builder()
                        .webSocketUpgrade(new WebSocketListener() {
                            @Override
                            public void onClosing(WebSocket socket, int code, String reason) {
                                socket.close(code, null);
                            }
                        })
                        .build());
        client.newWebSocket(get(OURS), listener);
        assertThat(heard.poll(20, TimeUnit.SECONDS)).contains("followRedirects(false)");
        assertThat(requests).isEmpty();
        client.newBuilder().followRedirects(false).build().newWebSocket(get(OURS), listener);
        assertThat(heard.poll(20, TimeUnit.SECONDS)).isEqualTo("open");
        assertThat(sent(requests.get(0))).isEqualTo("Bearer " + alice.tokens().accessToken());
    }

    // ---- Several around one client ---------------------------------------------------------------------------------

    @Test
    void two_apis_of_one_host_around_one_client_each_get_their_own() throws Exception {
        Account alice = user("alice", OURS);
        Account bob = user("bob", THEIRS);
        String first = "Bearer " + alice.tokens().accessToken();
        String second = "Bearer " + bob.tokens().accessToken();
        for (OkHttpClient both : List.of(alice.wrap(bob.wrap(scene.http)), bob.wrap(alice.wrap(scene.http)))) {
            requests.clear();
            answers = target -> OK;
            assertThat(status(both, get(OURS))).isEqualTo(200);
            assertThat(status(both, get(THEIRS + "/x"))).isEqualTo(200);
            assertThat(status(both, get("/tenant-c/mcp"))).isEqualTo(200);
            assertThat(requests).extracting(PathLimitedTokensTest::sent).containsExactly(first, second, null);

            requests.clear();
            answer(OURS, redirect(307, THEIRS));
            assertThat(status(both, get(OURS))).isEqualTo(200);
            assertThat(requests).extracting(PathLimitedTokensTest::sent).containsExactly(first, null);
        }
        assertThat(alice.wrap(bob.wrap(scene.http)).networkInterceptors()).hasSize(1);
    }

    @Test
    void one_api_below_another_ones_is_refused_like_two_accounts() throws Exception {
        Account alice = user("alice", "/tenant-a");
        OkHttpClient client = alice.wrap(scene.http);
        for (String path : List.of("/tenant-a/mcp", "/tenant-a", "/")) {
            Account bob = user("bob", path);
            assertThatThrownBy(() -> bob.wrap(client))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("already wrapped");
            OkHttpClient byHand = client.newBuilder()
                    .followRedirects(false)
                    .addInterceptor(bob.interceptor())
                    .build();
            assertThatThrownBy(() -> status(byHand, get(OURS)))
                    .isInstanceOf(OAuthException.class)
                    .hasMessageContaining("two accounts");
        }
        assertThat(requests).isEmpty();
        assertThat(alice.wrap(client).interceptors()).hasSize(1);
    }

    @Test
    void on_a_shared_client_the_tag_decides() throws Exception {
        Account alice = user("alice", OURS);
        Account bob = user("bob", THEIRS);
        Provider none = scene.provider().apiOrigins().build();
        Grantkeeper shared = scene.node(scene.registration(none));
        OkHttpClient client = shared.wrap(scene.http);
        for (Account account : List.of(alice, bob)) {
            requests.clear();
            Account tag = at(shared, account, host.url(account == alice ? OURS : THEIRS));
            Request ours = get(OURS).newBuilder().tag(Account.class, tag).build();
            answer(OURS, redirect(307, THEIRS));
            assertThat(status(client, ours)).isEqualTo(200);
            assertThat(requests)
                    .extracting(PathLimitedTokensTest::sent)
                    .containsExactly(
                            account == alice ? "Bearer " + alice.tokens().accessToken() : null, null);
        }
    }

    // ---- Tokens that are bound to a key ----------------------------------------------------------------------------

    @Test
    void a_bound_token_and_its_proof_go_to_the_path_only() throws Exception {
        try (DPoPServer server = new DPoPServer(scene.time.clock())) {
            Grantkeeper bound =
                    scene.node(scene.registration(server.provider().build()).dpop());
            PendingLogin login = bound.startLogin();
            Account signedIn = ((LoginResult.SignedIn) bound.finishLogin(login, server.approve(login))).keepAs("alice");
            Account alice = at(bound, signedIn, server.api.url(OURS));
            server.beforeApi = request -> request.getTarget().equals(OURS) ? redirect(307, THEIRS) : OK;
            OkHttpClient client = alice.wrap(scene.http);
            Request request = new Request.Builder().url(server.api.url(OURS)).build();
            assertThat(status(client, request)).isEqualTo(200);
            assertThat(server.apiRequests).hasSize(2);
            assertThat(sent(server.apiRequests.get(0))).startsWith("DPoP ");
            assertThat(server.apiRequests.get(0).getHeaders().get("DPoP")).isNotNull();
            assertThat(sent(server.apiRequests.get(1))).isNull();
            assertThat(server.apiRequests.get(1).getHeaders().get("DPoP")).isNull();

            // A nonce that the other path wants is no reason to send the call again.
            server.apiRequests.clear();
            server.beforeApi = target -> target.getTarget().equals(OURS)
                    ? redirect(307, THEIRS)
                    : new MockResponse.Builder()
                            .code(401)
                            .setHeader("WWW-Authenticate", "DPoP error=\"use_dpop_nonce\"")
                            .setHeader("DPoP-Nonce", "n1")
                            .build();
            assertThat(status(client, request)).isEqualTo(401);
            assertThat(server.apiRequests).hasSize(2);
        }
    }
}
