/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jwt.SignedJWT;
import dev.grantkeeper.LoginResult.SignedIn;
import dev.grantkeeper.provider.LoginProtection;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.interfaces.ECPublicKey;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
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
import okio.BufferedSink;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tokens that are bound to a key (RFC 9449), before servers that check every proof. */
@Timeout(300)
class DPoPTest {
    private static final MediaType TEXT = MediaType.get("text/plain");

    private final Scene scene = new Scene();
    private DPoPServer server;
    private Grantkeeper node;

    @BeforeEach
    void start() throws Exception {
        server = new DPoPServer(scene.time.clock());
        node = scene.node(registration());
    }

    @AfterEach
    void close() {
        scene.close();
        server.close();
    }

    private Grantkeeper.Builder registration() {
        return scene.registration(server.provider().build()).dpop();
    }

    private SignedIn login(Grantkeeper at) throws IOException {
        PendingLogin login = at.startLogin();
        return (SignedIn) at.finishLogin(login, server.approve(login));
    }

    private Account signIn() throws IOException {
        return login(node).keepAs("alice");
    }

    private Request get(String path) {
        return new Request.Builder().url(server.api.url(path)).build();
    }

    private int status(OkHttpClient client, Request request) throws IOException {
        try (Response response = client.newCall(request).execute()) {
            return response.code();
        }
    }

    private int status(Account account) throws IOException {
        return status(account.wrap(scene.http), get("/things?a=b#c"));
    }

    private static String nonce(SignedJWT proof) throws Exception {
        return proof.getJWTClaimsSet().getStringClaim("nonce");
    }

    // ---- The key ---------------------------------------------------------------------------------------------------

    @Test
    void every_request_of_a_grants_life_proves_the_same_key_and_every_proof_is_another() throws Exception {
        Account alice = signIn();
        assertThat(status(alice)).isEqualTo(200);
        scene.expire();
        assertThat(status(alice)).isEqualTo(200);
        server.rejectAccessTokens();
        assertThat(status(alice)).isEqualTo(200);

        assertThat(server.tokenRequests).hasSize(3);
        assertThat(server.apiRequests).hasSize(4);
        List<SignedJWT> proofs = new java.util.ArrayList<>(DPoPServer.proofs(server.tokenRequests));
        proofs.addAll(DPoPServer.proofs(server.apiRequests));
        assertThat(proofs.stream().map(DPoPServer::thumbprint).distinct()).hasSize(1);
        assertThat(proofs.stream().map(SignedJWT::serialize).distinct()).hasSize(7);
        assertThat(server.apiRequests)
                .allSatisfy(request ->
                        assertThat(request.getHeaders().get("Authorization")).startsWith("DPoP access-"));
        assertThat(server.refusals).hasSize(1).first().asString().contains("invalid_token");
    }

    @Test
    void each_login_has_a_key_of_its_own_and_tells_it_to_the_authorization_endpoint() throws Exception {
        PendingLogin one = node.startLogin();
        PendingLogin two = node.startLogin();
        String announced = HttpUrl.get(one.url().toString()).queryParameter("dpop_jkt");
        assertThat(announced)
                .isNotNull()
                .isNotEqualTo(HttpUrl.get(two.url().toString()).queryParameter("dpop_jkt"));
        SignedIn in = (SignedIn) node.finishLogin(one, server.approve(one));
        assertThat(thumbprint(in.tokens().proofKey().orElseThrow())).isEqualTo(announced);
        // A stolen code: the attacker's own login has another key.
        String query = server.approve(one).replaceAll("state=.*", "");
        String state = HttpUrl.get(two.url().toString()).queryParameter("state");
        assertThat(node.finishLogin(two, query + "state=" + state)).isInstanceOf(LoginResult.Declined.class);
    }

    @Test
    void a_pushed_request_proves_the_key_and_takes_the_nonce_of_its_server() throws Exception {
        server.tokenNonce = "n1";
        Grantkeeper pushing = scene.node(registration().loginProtections(LoginProtection.PUSHED_REQUEST));
        PendingLogin login = pushing.startLogin();
        assertThat(HttpUrl.get(login.url().toString()).queryParameterNames()).doesNotContain("dpop_jkt");
        SignedIn in = (SignedIn) pushing.finishLogin(login, server.approve(login));
        assertThat(server.pushedRequests).hasSize(2);
        assertThat(server.tokenRequests).hasSize(1);
        assertThat(DPoPServer.thumbprint(DPoPServer.proof(server.pushedRequests.get(1))))
                .isEqualTo(thumbprint(in.tokens().proofKey().orElseThrow()));
        assertThat(server.refusals).hasSize(1);
    }

    @Test
    void a_login_on_another_device_is_bound_too() throws Exception {
        DeviceLogin login = node.newLogin().startOnDevice();
        Account alice = ((SignedIn) node.awaitLogin(login)).keepAs("alice");
        assertThat(alice.tokens().proofKey()).isPresent();
        assertThat(status(alice)).isEqualTo(200);
        scene.expire();
        assertThat(status(alice)).isEqualTo(200);
        assertThat(server.refusals).isEmpty();
    }

    @Test
    void nobody_can_name_a_key_by_hand() {
        assertThatThrownBy(() -> node.newLogin().parameter("dpop_jkt", "x"))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void the_key_of_a_login_survives_in_a_session_and_in_a_cookie_and_shows_in_neither(boolean cookie)
            throws Exception {
        PendingLogin login = node.startLogin();
        String query = server.approve(login);
        PendingLogin back = cookie
                ? PendingLogin.unseal(Scene.KEYS, login.sessionKey(), login.seal(Scene.KEYS))
                        .orElseThrow()
                : Serialized.copy(login);
        // on a node that was not told about DPoP yet, as while a deployment rolls
        Grantkeeper other = scene.node(scene.registration(server.provider().build()));
        SignedIn in = (SignedIn) other.finishLogin(back, query);
        assertThat(thumbprint(in.tokens().proofKey().orElseThrow()))
                .isEqualTo(HttpUrl.get(login.url().toString()).queryParameter("dpop_jkt"));
        assertThat(back.toString()).doesNotContain("MIG").doesNotContain("MEE");
    }

    @Test
    void another_node_or_the_same_after_a_restart_uses_the_same_key_told_about_dpop_or_not() throws Exception {
        KeyPair key = signIn().tokens().proofKey().orElseThrow();
        node.close();
        for (Grantkeeper.Builder builder :
                List.of(registration(), scene.registration(server.provider().build()))) {
            Account alice = scene.node(builder).account("alice");
            scene.expire();
            assertThat(status(alice)).isEqualTo(200);
            assertThat(alice.tokens().proofKey().orElseThrow().getPublic()).isEqualTo(key.getPublic());
        }
        assertThat(server.refusals).isEmpty();
    }

    @Test
    void a_row_whose_key_is_lost_is_reported_and_never_deleted() throws Exception {
        // Sealed, the key cannot be taken out of a row; unsealed it can.
        MapStore plain = new MapStore();
        Grantkeeper unsealed = scene.node(Grantkeeper.builder(server.provider().build())
                .clientId(Scene.CLIENT)
                .clientSecret(Scene.SECRET)
                .redirectUri(Scene.REDIRECT)
                .tokenStore(plain)
                .allowPlaintextTokens()
                .storeCacheTime(Duration.ZERO)
                .dpop());
        Account bob = login(unsealed).keepAs("bob");
        AccountKey key = bob.key();
        StoredTokens row = plain.rows.get(key);
        plain.rows.put(key, new StoredTokens("other", row.text().replaceAll("\"key\":\"[^\"]*\",", "")));
        Grantkeeper restarted = scene.node(Grantkeeper.builder(server.provider().build())
                .clientId(Scene.CLIENT)
                .clientSecret(Scene.SECRET)
                .tokenStore(plain)
                .allowPlaintextTokens());
        assertThatThrownBy(() -> restarted.account("bob").tokens())
                .isInstanceOfSatisfying(
                        TokenStoreException.class,
                        e -> assertThat(e.kind()).isEqualTo(TokenStoreException.Kind.UNREADABLE))
                .rootCause()
                .hasMessageContaining("the key is missing");
        assertThat(plain.rows).containsKey(key);
    }

    @Test
    void who_attaches_tokens_alone_finds_the_key_and_prints_it_nowhere() throws Exception {
        TokenSet tokens = signIn().tokens();
        assertThat(tokens.tokenType()).isEqualTo("DPoP");
        assertThat(tokens.proofKey()).isPresent();
        assertThat(tokens.toString()).contains("bound to a key").doesNotContain("canary");
        assertThat(tokens.newBuilder().build()).isEqualTo(tokens);
        assertThatThrownBy(() -> tokens.newBuilder().proofKey(null).build())
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> tokens.newBuilder().tokenType("Bearer").build())
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> TokenSet.builder("a").tokenType("dpop").build())
                .isInstanceOf(IllegalArgumentException.class);
        for (String curve : List.of("secp384r1", "secp521r1")) {
            KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
            generator.initialize(new ECGenParameterSpec(curve));
            assertThatThrownBy(() -> TokenSet.builder("a").proofKey(generator.generateKeyPair()))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("P-256");
        }
        assertThatThrownBy(() -> TokenSet.builder("a")
                        .proofKey(KeyPairGenerator.getInstance("RSA").generateKeyPair()))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void imported_tokens_that_are_bound_are_used_with_their_key() throws Exception {
        TokenSet elsewhere = login(node).tokens();
        Account bob = node.account("bob");
        assertThat(bob.importTokens(elsewhere)).isTrue();
        assertThat(status(bob)).isEqualTo(200);
        scene.expire();
        assertThat(status(bob)).isEqualTo(200);
        assertThat(server.refusals).isEmpty();
    }

    private static String thumbprint(KeyPair key) throws Exception {
        return new ECKey.Builder(Curve.P_256, (ECPublicKey) key.getPublic())
                .build()
                .computeThumbprint()
                .toString();
    }

    // ---- Token endpoint --------------------------------------------------------------------------------------------

    @Test
    void the_applications_own_tokens_are_bound_too_and_keep_their_key() throws Exception {
        Account application = node.application();
        assertThat(status(application)).isEqualTo(200);
        scene.expire();
        assertThat(status(application)).isEqualTo(200);
        assertThat(server.tokenRequests).hasSize(2);
        assertThat(DPoPServer.proofs(server.tokenRequests).stream()
                        .map(DPoPServer::thumbprint)
                        .distinct())
                .hasSize(1);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void tokens_for_another_resource_are_bound_to_the_grants_key(boolean users) throws Exception {
        Account account = users ? signIn() : node.application();
        KeyPair key = account.tokens().proofKey().orElseThrow();
        Account files = account.forResource(
                "https://files.example.com", server.api.url("/").toString());
        OkHttpClient both = account.wrap(files.wrap(scene.http));
        assertThat(both.networkInterceptors()).hasSize(1);
        assertThat(status(files)).isEqualTo(200);
        scene.expire();
        assertThat(status(files)).isEqualTo(200);
        assertThat(status(account)).isEqualTo(200);
        assertThat(files.tokens().proofKey().orElseThrow().getPublic()).isEqualTo(key.getPublic());
        assertThat(account.tokens().proofKey().orElseThrow().getPublic()).isEqualTo(key.getPublic());
        assertThat(server.refusals).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"DPoP", "dpop", "DPOP", "dPoP"})
    void the_type_of_a_token_is_understood_in_every_spelling(String spelling) throws Exception {
        server.tokenType = spelling;
        server.scheme = spelling;
        Account alice = signIn();
        assertThat(alice.tokens().tokenType()).isEqualTo(spelling);
        server.rejectAccessTokens();
        server.apiNonce = "n1";
        assertThat(status(alice)).isEqualTo(200);
        assertThat(server.apiRequests)
                .allSatisfy(request ->
                        assertThat(request.getHeaders().get("Authorization")).startsWith("DPoP "));
    }

    @Test
    void bearer_tokens_instead_of_bound_ones_are_not_used_and_the_message_says_what_to_do() throws Exception {
        server.tokenType = "Bearer";
        PendingLogin login = node.startLogin();
        assertThatThrownBy(() -> node.finishLogin(login, server.approve(login)))
                .isInstanceOfSatisfying(
                        AuthorizationServerException.class,
                        e -> assertThat(e.kind()).isEqualTo(AuthorizationServerException.Kind.MISCONFIGURED))
                .hasMessageContaining("bearer token")
                .hasMessageContaining("dpop()");
        assertThat(scene.store.rows).isEmpty();
    }

    @Test
    void a_bound_grant_is_not_downgraded_by_a_refresh() throws Exception {
        Account alice = signIn();
        server.tokenType = "Bearer";
        scene.expire();
        assertThatThrownBy(alice::tokens)
                .isInstanceOfSatisfying(
                        AuthorizationServerException.class,
                        e -> assertThat(e.kind()).isEqualTo(AuthorizationServerException.Kind.MISCONFIGURED));
        assertThat(alice.grant()).isPresent();
    }

    @Test
    void a_refused_downgrade_costs_no_refresh_token() throws Exception {
        Account alice = signIn();
        server.tokenType = "Bearer";
        scene.expire();
        assertThatThrownBy(alice::tokens).isInstanceOf(AuthorizationServerException.class);
        server.tokenType = "DPoP";
        scene.time.pass(Duration.ofMinutes(5));
        assertThat(status(alice)).isEqualTo(200);
        assertThat(alice.tokens().proofKey()).isPresent();
        assertThat(server.refusals).isEmpty();
    }

    @Test
    void a_bound_token_that_nobody_asked_for_makes_no_sense() throws Exception {
        Grantkeeper plain = scene.node(scene.registration(server.provider().build()));
        server.beforeToken = request -> DPoPServer.json(200, "{\"access_token\":\"a\",\"token_type\":\"DPoP\"}");
        PendingLogin login = plain.startLogin();
        assertThatThrownBy(() -> plain.finishLogin(login, server.approve(login)))
                .isInstanceOfSatisfying(
                        AuthorizationServerException.class,
                        e -> assertThat(e.kind()).isEqualTo(AuthorizationServerException.Kind.MALFORMED));
        assertThat(server.tokenRequests.get(0).getHeaders().get("DPoP")).isNull();
        assertThat(login.url().toString()).doesNotContain("dpop_jkt");
    }

    @Test
    void grants_from_before_are_bound_by_their_next_refresh() throws Exception {
        Grantkeeper before = scene.node(scene.registration(server.provider().build()));
        login(before).keepAs("alice");
        before.close();
        Account alice = node.account("alice");
        assertThat(status(alice)).isEqualTo(200);
        assertThat(server.apiRequests.get(0).getHeaders().get("Authorization")).startsWith("Bearer ");
        scene.expire();
        assertThat(status(alice)).isEqualTo(200);
        assertThat(alice.tokens().proofKey()).isPresent();
        assertThat(server.refusals).isEmpty();
    }

    @Test
    void grants_from_before_go_on_where_the_server_does_not_bind_them() throws Exception {
        Grantkeeper before = scene.node(scene.registration(server.provider().build()));
        login(before).keepAs("alice");
        server.tokenType = "Bearer";
        scene.expire();
        Account alice = node.account("alice");
        assertThat(status(alice)).isEqualTo(200);
        assertThat(alice.tokens().proofKey()).isEmpty();
    }

    // ---- Nonces ----------------------------------------------------------------------------------------------------

    @Test
    void a_nonce_that_the_token_endpoint_wants_is_sent_with_one_more_request_and_remembered() throws Exception {
        server.tokenNonce = "n1";
        Account alice = signIn();
        assertThat(server.tokenRequests).hasSize(2);
        scene.expire();
        assertThat(status(alice)).isEqualTo(200);
        assertThat(server.tokenRequests).hasSize(3);
        server.tokenNonce = "n2";
        scene.expire();
        assertThat(status(alice)).isEqualTo(200);
        assertThat(server.tokenRequests).hasSize(5);
        List<SignedJWT> proofs = DPoPServer.proofs(server.tokenRequests);
        assertThat(nonce(proofs.get(0))).isNull();
        assertThat(List.of(nonce(proofs.get(1)), nonce(proofs.get(2)), nonce(proofs.get(3)), nonce(proofs.get(4))))
                .containsExactly("n1", "n1", "n1", "n2");
        // The refused request spent nothing: the same refresh token once more is no reuse.
        assertThat(server.tokenRequests.get(3).getBody())
                .isEqualTo(server.tokenRequests.get(4).getBody());
    }

    @Test
    void a_token_endpoint_that_always_wants_another_nonce_is_asked_twice() throws Exception {
        server.neverSatisfied = true;
        PendingLogin login = node.startLogin();
        assertThatThrownBy(() -> node.finishLogin(login, server.approve(login)))
                .isInstanceOfSatisfying(
                        AuthorizationServerException.class,
                        e -> assertThat(e.error()).contains("use_dpop_nonce"));
        assertThat(server.tokenRequests).hasSize(2);
    }

    @Test
    void a_refused_nonce_is_repeated_at_most_once_whether_the_second_answer_comes_or_not() throws Exception {
        Account alice = signIn();
        server.tokenNonce = "n1";
        AtomicInteger refreshes = new AtomicInteger();
        server.beforeToken = request -> refreshes.incrementAndGet() == 2
                ? new MockResponse.Builder()
                        .onResponseStart(new mockwebserver3.SocketEffect.CloseSocket())
                        .build()
                : null;
        scene.expire();
        // Lost, so law 15 asks once more: that makes three, and the refused one was no use of the refresh token.
        assertThat(status(alice)).isEqualTo(200);
        assertThat(server.tokenRequests).hasSize(4);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "two words", "a\"b", "a\\b"})
    void what_is_no_nonce_is_not_sent(String junk) throws Exception {
        server.beforeToken = request -> DPoPServer.json(400, "{\"error\":\"use_dpop_nonce\"}")
                .newBuilder()
                .addHeader("DPoP-Nonce", junk)
                .build();
        PendingLogin login = node.startLogin();
        assertThatThrownBy(() -> node.finishLogin(login, server.approve(login)))
                .isInstanceOf(AuthorizationServerException.class);
        assertThat(server.tokenRequests).hasSize(1);
    }

    @Test
    void a_nonce_that_the_api_wants_is_sent_with_one_more_request_and_no_token_is_refreshed() throws Exception {
        server.apiNonce = "n1";
        Account alice = signIn();
        assertThat(status(alice)).isEqualTo(200);
        assertThat(status(alice)).isEqualTo(200);
        assertThat(server.apiRequests).hasSize(3);
        server.apiNonce = "n2";
        OkHttpClient client = alice.wrap(scene.http);
        Request post = new Request.Builder()
                .url(server.api.url("/things"))
                .post(RequestBody.create("the whole body", TEXT))
                .build();
        assertThat(status(client, post)).isEqualTo(200);
        assertThat(server.apiRequests).hasSize(5);
        assertThat(server.apiRequests.get(3).getBody().utf8()).isEqualTo("the whole body");
        assertThat(server.apiRequests.get(4).getBody().utf8()).isEqualTo("the whole body");
        assertThat(server.tokenRequests).hasSize(1);
    }

    /** OkHttp reads no challenge where a comma is missing. */
    @Test
    void a_nonce_that_is_wanted_in_a_malformed_challenge_is_sent_all_the_same() throws Exception {
        server.apiNonce = "n1";
        server.scheme = "DPoP charset=\"UTF-8\"";
        Account alice = signIn();
        assertThat(status(alice)).isEqualTo(200);
        assertThat(server.apiRequests).hasSize(2);
        assertThat(server.tokenRequests).hasSize(1);
        server.apiNonce = "n2";
        SignedIn in = login(scene.node(registration().fetchProfile()));
        assertThat(in.identity().orElseThrow().subject()).isEqualTo("alice");
    }

    @Test
    void a_new_nonce_on_any_answer_is_taken_over() throws Exception {
        Account alice = signIn();
        assertThat(status(alice)).isEqualTo(200);
        server.nextApiNonce = "n1";
        assertThat(status(alice)).isEqualTo(200);
        server.nextApiNonce = "n2";
        assertThat(status(alice)).isEqualTo(200);
        assertThat(status(alice)).isEqualTo(200);
        assertThat(server.refusals).isEmpty();
        assertThat(nonce(DPoPServer.proof(server.apiRequests.get(3)))).isEqualTo("n2");
    }

    @Test
    void the_nonce_of_one_server_is_never_sent_to_another() throws Exception {
        server.tokenNonce = "of-the-token-endpoint";
        Account alice = signIn();
        assertThat(status(alice)).isEqualTo(200);
        assertThat(nonce(DPoPServer.proof(server.apiRequests.get(0)))).isNull();
        server.apiNonce = "of-the-api";
        assertThat(status(alice)).isEqualTo(200);
        scene.expire();
        assertThat(status(alice)).isEqualTo(200);
        assertThat(nonce(DPoPServer.proof(server.tokenRequests.get(2)))).isEqualTo("of-the-token-endpoint");
    }

    @Test
    void an_api_that_always_wants_another_nonce_is_asked_twice_and_no_token_is_refreshed() throws Exception {
        Account alice = signIn();
        server.neverSatisfied = true;
        assertThat(status(alice)).isEqualTo(401);
        assertThat(server.apiRequests).hasSize(2);
        assertThat(server.tokenRequests).hasSize(1);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void a_body_that_can_be_sent_once_is_sent_once_and_the_next_call_has_nonce_and_time_right(boolean nonce)
            throws Exception {
        Account alice = signIn();
        server.apiNonce = nonce ? "n1" : null;
        server.ahead = Duration.ofHours(nonce ? 0 : 1);
        AtomicInteger written = new AtomicInteger();
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
                written.incrementAndGet();
                sink.writeUtf8("x");
            }
        };
        OkHttpClient client = alice.wrap(scene.http);
        Request post =
                new Request.Builder().url(server.api.url("/things")).post(once).build();
        assertThat(status(client, post)).isEqualTo(401);
        assertThat(written).hasValue(1);
        assertThat(status(client, post)).isEqualTo(200);
        assertThat(server.tokenRequests).hasSize(1);
    }

    @Test
    void a_rejected_token_and_a_new_nonce_at_once_cost_one_refresh_and_one_more_request() throws Exception {
        Account alice = signIn();
        assertThat(status(alice)).isEqualTo(200);
        server.rejectAccessTokens();
        server.apiNonce = "n1";
        assertThat(status(alice)).isEqualTo(200);
        // rejected; the refusal brought the nonce along
        assertThat(server.apiRequests).hasSize(3);
        assertThat(server.tokenRequests).hasSize(2);
    }

    // ---- Clocks ----------------------------------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(ints = {-3600, 3600})
    void a_clock_that_is_wrong_is_corrected_by_what_a_server_says_about_its_own(int seconds) throws Exception {
        server.ahead = Duration.ofSeconds(seconds);
        Account alice = signIn();
        assertThat(server.tokenRequests).hasSize(2);
        assertThat(status(alice)).isEqualTo(200);
        assertThat(server.apiRequests).hasSize(2);
        scene.expire();
        assertThat(status(alice)).isEqualTo(200);
        assertThat(server.tokenRequests).hasSize(3);
        assertThat(server.apiRequests).hasSize(3);
    }

    @Test
    void a_proof_that_is_refused_for_another_reason_is_not_repeated() throws Exception {
        Account alice = signIn();
        server.beforeApi = request -> new MockResponse.Builder()
                .code(401)
                .addHeader("WWW-Authenticate", "DPoP error=\"invalid_dpop_proof\"")
                .build();
        assertThat(status(alice)).isEqualTo(401);
        assertThat(server.apiRequests).hasSize(1);
        assertThat(server.tokenRequests).hasSize(1);
    }

    // ---- Where proofs go -------------------------------------------------------------------------------------------

    private static MockWebServer listening(List<RecordedRequest> heard) throws IOException {
        MockWebServer other = new MockWebServer();
        other.setDispatcher(new Dispatcher() {
            @Override
            public MockResponse dispatch(RecordedRequest request) {
                heard.add(request);
                return new MockResponse.Builder()
                        .addHeader("DPoP-Nonce", "evil")
                        .build();
            }
        });
        other.start();
        return other;
    }

    @ParameterizedTest
    @ValueSource(ints = {301, 302, 303, 307, 308})
    void a_redirect_to_another_origin_takes_neither_token_nor_proof_along(int status) throws Exception {
        Account alice = signIn();
        List<RecordedRequest> heard = new java.util.concurrent.CopyOnWriteArrayList<>();
        try (MockWebServer evil = listening(heard)) {
            server.beforeApi = request -> new MockResponse.Builder()
                    .code(status)
                    .addHeader("Location", evil.url("/things"))
                    .build();
            assertThat(status(alice)).isEqualTo(200);
            assertThat(heard)
                    .hasSize(1)
                    .allSatisfy(request ->
                            assertThat(request.getHeaders().names()).doesNotContain("DPoP", "Authorization"));
            // Nor do calls that go there in the first place.
            assertThat(status(
                            alice.wrap(scene.http),
                            new Request.Builder().url(evil.url("/")).build()))
                    .isEqualTo(200);
            assertThat(heard.get(1).getHeaders().names()).doesNotContain("DPoP", "Authorization");
        }
    }

    @Test
    void a_redirect_within_the_origin_gets_a_proof_for_where_it_leads() throws Exception {
        Account alice = signIn();
        server.apiNonce = "on-the-way";
        server.beforeApi = request -> request.getUrl().encodedPath().equals("/old")
                ? new MockResponse.Builder()
                        .code(303)
                        .addHeader("Location", "/new?x=y")
                        .addHeader("DPoP-Nonce", "on-the-way")
                        .build()
                : null;
        Request post = new Request.Builder()
                .url(server.api.url("/old"))
                .post(RequestBody.create("x", TEXT))
                .build();
        assertThat(status(alice.wrap(scene.http), post)).isEqualTo(200);
        SignedJWT second = DPoPServer.proof(server.apiRequests.get(1));
        assertThat(second.getJWTClaimsSet().getStringClaim("htu"))
                .isEqualTo(server.api.url("/new").toString());
        assertThat(second.getJWTClaimsSet().getStringClaim("htm")).isEqualTo("GET");
        assertThat(nonce(second)).isEqualTo("on-the-way");
    }

    @Test
    void what_okhttp_repeats_by_itself_has_a_proof_of_its_own() throws Exception {
        Account alice = signIn();
        AtomicInteger calls = new AtomicInteger();
        server.beforeApi = request -> calls.incrementAndGet() == 1
                ? new MockResponse.Builder()
                        .code(503)
                        .addHeader("Retry-After", "0")
                        .build()
                : null;
        assertThat(status(alice)).isEqualTo(200);
        assertThat(server.apiRequests).hasSize(2);
        assertThat(server.refusals).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"/a%20b/%C3%BC?q=%20", "/a[1]|b;c=d,e", "/%2F/..;/x", "/"})
    void a_proof_names_the_url_as_it_stands_on_the_wire_without_its_query(String path) throws Exception {
        Account alice = signIn();
        server.beforeApi = request -> new MockResponse.Builder().build();
        HttpUrl url = HttpUrl.get(server.api.url("/").toString().replaceFirst("/$", "") + path);
        assertThat(status(alice.wrap(scene.http), new Request.Builder().url(url).build()))
                .isEqualTo(200);
        RecordedRequest request = server.apiRequests.get(0);
        String target = request.getTarget().replaceFirst("\\?.*", "");
        assertThat(DPoPServer.proof(request).getJWTClaimsSet().getStringClaim("htu"))
                .isEqualTo("http://" + server.api.url("/").host() + ":" + server.api.getPort() + target);
    }

    @Test
    void a_login_that_is_not_kept_yet_and_the_profile_prove_the_key_too() throws Exception {
        server.apiNonce = "n1";
        Grantkeeper asking = scene.node(registration().fetchProfile());
        SignedIn in = login(asking);
        assertThat(in.identity().orElseThrow().subject()).isEqualTo("alice");
        assertThat(status(in.wrap(scene.http), get("/things"))).isEqualTo(200);
        assertThat(server.apiRequests).hasSize(3);
        assertThat(server.refusals).hasSize(1);
    }

    @Test
    void an_interceptor_alone_works_in_a_client_that_follows_no_redirects_and_says_so_otherwise() throws Exception {
        Account alice = signIn();
        OkHttpClient following =
                scene.http.newBuilder().addInterceptor(alice.interceptor()).build();
        assertThatThrownBy(() -> status(following, get("/things")))
                .isInstanceOf(OAuthException.class)
                .hasMessageContaining("followRedirects(false)");
        assertThat(server.apiRequests).isEmpty();
        server.apiNonce = "n1";
        OkHttpClient still = following.newBuilder().followRedirects(false).build();
        assertThat(status(still, get("/things"))).isEqualTo(200);
        assertThat(status(still, get("/things"))).isEqualTo(200);
        assertThat(server.apiRequests).hasSize(3);
    }

    @Test
    void a_websocket_proves_the_key_in_its_handshake() throws Exception {
        Account alice = signIn();
        server.apiNonce = "n1";
        server.beforeApi = request -> nonceOf(request).equals("n1")
                ? new MockResponse.Builder()
                        .webSocketUpgrade(new WebSocketListener() {
                            @Override
                            public void onOpen(WebSocket webSocket, Response response) {
                                webSocket.send("hello");
                            }
                        })
                        .build()
                : null;
        BlockingQueue<String> heard = new LinkedBlockingQueue<>();
        WebSocketListener listener = new WebSocketListener() {
            @Override
            public void onMessage(WebSocket webSocket, String text) {
                heard.add(text);
            }

            @Override
            public void onFailure(WebSocket webSocket, Throwable t, Response response) {
                heard.add("failed: " + t.getMessage());
            }
        };
        WebSocket refused = alice.wrap(scene.http).newWebSocket(get("/socket"), listener);
        assertThat(heard.poll(40, TimeUnit.SECONDS)).contains("followRedirects(false)");
        refused.cancel();
        OkHttpClient still =
                alice.wrap(scene.http).newBuilder().followRedirects(false).build();
        WebSocket socket = still.newWebSocket(get("/socket"), listener);
        assertThat(heard.poll(40, TimeUnit.SECONDS)).isEqualTo("hello");
        socket.cancel();
    }

    private static String nonceOf(RecordedRequest request) {
        try {
            return String.valueOf(nonce(DPoPServer.proof(request)));
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void two_registrations_around_one_client_each_prove_their_own_key() throws Exception {
        try (DPoPServer second = new DPoPServer(scene.time.clock())) {
            Grantkeeper other = scene.node(scene.registration(second.provider().build())
                    .registration("second")
                    .dpop());
            PendingLogin login = other.startLogin();
            SignedIn bob = (SignedIn) other.finishLogin(login, second.approve(login));
            OkHttpClient both = signIn().wrap(bob.wrap(scene.http));
            assertThat(status(both, get("/things"))).isEqualTo(200);
            assertThat(status(
                            both,
                            new Request.Builder().url(second.api.url("/things")).build()))
                    .isEqualTo(200);
            assertThat(server.refusals).isEmpty();
            assertThat(second.refusals).isEmpty();
        }
    }

    @Test
    void bearer_tokens_go_out_as_before() throws Exception {
        Account alice = scene.signIn(scene.node(), "alice");
        assertThat(scene.status(alice.wrap(scene.http))).isEqualTo(200);
        assertThat(scene.server.recordedApiRequests())
                .allSatisfy(request -> assertThat(request.header("DPoP")).isEmpty());
        assertThat(Map.copyOf(scene.store.rows)).hasSize(1);
    }
}
