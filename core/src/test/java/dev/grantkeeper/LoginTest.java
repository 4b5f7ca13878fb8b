/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.type;

import dev.grantkeeper.LoginResult.Declined;
import dev.grantkeeper.LoginResult.Mismatched;
import dev.grantkeeper.LoginResult.Mismatched.Reason;
import dev.grantkeeper.LoginResult.SignedIn;
import dev.grantkeeper.internal.provider.Facts;
import dev.grantkeeper.provider.ClientAuthentication;
import dev.grantkeeper.provider.EntraId;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.provider.Spotify;
import dev.grantkeeper.testkit.Answer;
import dev.grantkeeper.testkit.Fault;
import dev.grantkeeper.testkit.RecordedRequest;
import dev.grantkeeper.token.SealingKeys;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import okhttp3.HttpUrl;
import okhttp3.OkHttpClient;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** From the first redirect to a stored grant, and everything that a browser can bring back instead. */
@Timeout(300)
class LoginTest {
    private final Scene scene = new Scene();
    private final Grantkeeper node = scene.node();

    @AfterEach
    void close() {
        scene.close();
    }

    private Grantkeeper openId() {
        return scene.node(scene.registration(scene.openIdProvider().build()).scopes("openid", "things.read"));
    }

    private String approve(PendingLogin login) {
        return Scene.query(scene.server.approve(login.url().toString(), "alice"));
    }

    private static HttpUrl url(PendingLogin login) {
        return HttpUrl.get(login.url().toString());
    }

    private static String state(PendingLogin login) {
        return url(login).queryParameter("state");
    }

    private static void assertMismatched(LoginResult result, Reason reason) {
        assertThat(result)
                .asInstanceOf(type(Mismatched.class))
                .extracting(Mismatched::reason)
                .isEqualTo(reason);
    }

    private void assertNothingHappened() {
        assertThat(scene.server.tokenRequests()).isZero();
        assertThat(scene.store.rows).isEmpty();
    }

    // ---- What the browser is sent with ----------------------------------------------------------------------------

    @Test
    void an_error_and_a_code_at_once_are_forged_and_use_nothing_up() throws Exception {
        Grantkeeper node = scene.node();
        PendingLogin login = node.startLogin();
        String query = Scene.query(scene.server.approve(login.url().toString(), "alice"));
        assertThat(node.finishLogin(login, query + "&error=access_denied"))
                .isInstanceOfSatisfying(
                        LoginResult.Mismatched.class,
                        mismatched -> assertThat(mismatched.reason()).isEqualTo(LoginResult.Mismatched.Reason.FORGED));
        assertThat(node.finishLogin(login, query)).isInstanceOf(LoginResult.SignedIn.class);
    }

    @Test
    void state_and_pkce_and_nonce_are_always_there_and_never_the_same() throws AuthorizationServerException {
        Grantkeeper openId = openId();
        Set<String> seen = new HashSet<>();
        for (int i = 0; i < 500; i++) {
            HttpUrl url = url(openId.startLogin());
            assertThat(url.queryParameter("response_type")).isEqualTo("code");
            assertThat(url.queryParameter("code_challenge_method")).isEqualTo("S256");
            for (String name : List.of("state", "nonce", "code_challenge")) {
                assertThat(url.queryParameterValues(name)).hasSize(1);
                assertThat(url.queryParameter(name)).matches("[A-Za-z0-9_-]{43,}");
                assertThat(seen.add(url.queryParameter(name))).isTrue();
            }
        }
    }

    @Test
    void without_openid_there_is_no_nonce() throws AuthorizationServerException {
        assertThat(url(node.startLogin()).queryParameterNames()).doesNotContain("nonce");
    }

    @Test
    void the_verifier_stays_here_and_its_digest_goes_out() throws Exception {
        PendingLogin login = node.startLogin();
        String query = approve(login);
        assertThat(node.finishLogin(login, query)).isInstanceOf(SignedIn.class);
        RecordedRequest request = scene.server.recordedTokenRequests().get(0);
        String verifier = request.param("code_verifier").orElseThrow();
        assertThat(login.url().toString()).doesNotContain(verifier);
        byte[] digest = MessageDigest.getInstance("SHA-256").digest(verifier.getBytes(StandardCharsets.US_ASCII));
        assertThat(url(login).queryParameter("code_challenge"))
                .isEqualTo(Base64.getUrlEncoder().withoutPadding().encodeToString(digest));
        assertThat(request.param("redirect_uri")).contains(Scene.REDIRECT);
    }

    @Test
    void a_preset_may_say_that_its_server_takes_no_pkce_but_nobody_else() {
        assertThat(Facts.of(scene.provider().build()).pkce).isTrue();
        for (String name : List.of("code_challenge", "code_challenge_method")) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> node.newLogin().parameter(name, "plain"))
                    .withMessageContaining(name);
        }
    }

    @Test
    void every_value_comes_through_the_url_unchanged() throws AuthorizationServerException {
        Provider provider = scene.provider()
                .authorizationEndpoint(scene.server.authorizationEndpoint() + "?p=1&q=a%26b")
                .authorizationParameter("audience", "https://api.example/?x=1&y=2")
                .build();
        String[] scopes = {"https://graph.microsoft.com/User.Read", "a+b&c=d%20", "x#y;z"};
        HttpUrl url = url(scene.node(scene.registration(provider))
                .newLogin()
                .scopes(scopes)
                .prompt("select_account consent")
                .loginHint("grüße+1@例え.example")
                .claims("{\"id_token\":{\"acr\":{\"essential\":true}}}")
                .parameter("show_dialog", "true & more")
                .start());
        assertThat(url.queryParameterNames())
                .containsExactlyInAnyOrder(
                        "p",
                        "q",
                        "audience",
                        "scope",
                        "prompt",
                        "login_hint",
                        "claims",
                        "show_dialog",
                        "response_type",
                        "client_id",
                        "redirect_uri",
                        "state",
                        "code_challenge",
                        "code_challenge_method");
        for (String name : url.queryParameterNames()) {
            assertThat(url.queryParameterValues(name)).as(name).hasSize(1);
        }
        assertThat(url.queryParameter("p")).isEqualTo("1");
        assertThat(url.queryParameter("q")).isEqualTo("a&b");
        assertThat(url.queryParameter("audience")).isEqualTo("https://api.example/?x=1&y=2");
        assertThat(url.queryParameter("scope")).isEqualTo(String.join(" ", scopes));
        assertThat(url.queryParameter("prompt")).isEqualTo("select_account consent");
        assertThat(url.queryParameter("login_hint")).isEqualTo("grüße+1@例え.example");
        assertThat(url.queryParameter("claims")).isEqualTo("{\"id_token\":{\"acr\":{\"essential\":true}}}");
        assertThat(url.queryParameter("show_dialog")).isEqualTo("true & more");
        assertThat(url.queryParameter("client_id")).isEqualTo(Scene.CLIENT);
        assertThat(url.queryParameter("redirect_uri")).isEqualTo(Scene.REDIRECT);
    }

    @Test
    void exactly_the_scopes_that_were_asked_for_are_sent() throws AuthorizationServerException {
        assertThat(url(node.newLogin().scopes("a", "b").start()).queryParameter("scope"))
                .isEqualTo("a b");
        assertThat(url(node.newLogin().scopes().start()).queryParameterNames()).doesNotContain("scope");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "a b", "a\"b", "a\\b", "a\nb", "ü"})
    void what_is_no_scope_is_refused(String scope) {
        assertThatIllegalArgumentException().isThrownBy(() -> node.newLogin().scopes(scope));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> scene.registration(scene.provider().build()).scopes(scope));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "response_type",
                "client_id",
                "client_secret",
                "redirect_uri",
                "scope",
                "state",
                "nonce",
                "code_challenge",
                "code_challenge_method",
                "max_age",
                "response_mode",
                "request",
                "request_uri"
            })
    void the_librarys_own_parameters_are_refused_by_name(String name) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> node.newLogin().parameter(name, "mine"))
                .withMessageContaining(name);
    }

    /** Servers that ignore case, trim, or run on PHP would take the last one of the two. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "CLIENT_ID",
                "Client_Id",
                "client_id ",
                " client_id",
                "client_id\t",
                "\nclient_id",
                "client_id\u0000",
                "client_id\u00a0",
                "\u200bclient_id",
                "\ufeffclient_id",
                "ｃlient_id",
                "clıent_id",
                "cliеnt_id",
                "client_id[]",
                "client_id[0]",
                "client.id",
                "Redirect_URI",
                "STATE",
                "Code_Challenge_Method ",
                "RESOURCE",
                "resource ",
                "Authorization_Details",
                "",
                " "
            })
    void no_spelling_of_a_reserved_parameter_is_sent(String name) throws Exception {
        assertThatIllegalArgumentException().isThrownBy(() -> node.newLogin().parameter(name, "mine"));
        if (!name.toLowerCase(Locale.ROOT).matches("resource|authorization_details")) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> scene.provider()
                            .authorizationParameter(name, "mine")
                            .build());
        }
    }

    @Test
    void a_parameter_that_the_provider_forbids_is_refused_however_it_is_spelled() {
        Provider provider = scene.provider()
                .forbiddenParameter("tenant_hint", "call something else")
                .build();
        Grantkeeper registered = scene.node(scene.registration(provider));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> registered.newLogin().parameter("Tenant_Hint", "x"))
                .withMessageContaining("something else");
        assertThat(registered.newLogin().parameter("tenant-hint", "x")).isNotNull();
    }

    @Test
    void a_parameter_that_the_provider_forbids_is_refused_with_what_to_do_instead() {
        Grantkeeper entra = scene.node(
                scene.registration(EntraId.provider("common")).redirectUri("http://localhost:8888/callback"));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> entra.newLogin().parameter("resource", "https://graph.microsoft.com"))
                .withMessageContaining("resource")
                .withMessageContaining("scopeForResource");
    }

    @Test
    void openid_at_a_provider_that_does_not_speak_it_fails_before_the_redirect() {
        assertThatIllegalStateException()
                .isThrownBy(() -> node.newLogin().scopes("openid").start())
                .withMessageContaining("openId(issuer, jwksUri)");
    }

    @Test
    void a_login_without_redirect_uri_fails_with_what_to_say() {
        Grantkeeper bare = scene.node(Grantkeeper.builder(scene.provider().build())
                .clientId(Scene.CLIENT)
                .tokenStore(scene.store)
                .allowPlaintextTokens());
        assertThatIllegalStateException().isThrownBy(bare::startLogin).withMessageContaining("redirectUri");
    }

    // ---- What travels along ---------------------------------------------------------------------------------------

    @Test
    void what_the_application_carries_comes_back_and_is_not_in_the_url() throws Exception {
        PendingLogin login = node.newLogin().appState("/return/path?x=1").start();
        assertThat(login.url().toString()).doesNotContain("return").doesNotContain("path");
        assertThat(login.toString()).doesNotContain("return");
        assertThat(((SignedIn) node.finishLogin(login, approve(login))).appState())
                .contains("/return/path?x=1");

        PendingLogin refused = node.newLogin().appState("socket-7").start();
        String query = Scene.query(scene.server.refuse(refused.url().toString()));
        assertThat(((Declined) node.finishLogin(refused, query)).appState()).contains("socket-7");
    }

    @Test
    void two_tabs_in_one_browser_finish_in_any_order() throws Exception {
        Map<String, PendingLogin> session = new ConcurrentHashMap<>();
        PendingLogin one = node.startLogin();
        PendingLogin two = node.startLogin();
        session.put(one.sessionKey(), one);
        session.put(two.sessionKey(), two);
        assertThat(session).hasSize(2);
        String first = approve(one);
        String second = approve(two);
        for (String query : List.of(second, first)) {
            PendingLogin login = session.remove(PendingLogin.sessionKeyOf(query));
            assertThat(node.finishLogin(login, query)).isInstanceOf(SignedIn.class);
        }
    }

    @Test
    void the_slot_is_found_in_a_query_and_in_a_whole_url_and_does_not_tell_the_state()
            throws AuthorizationServerException {
        PendingLogin login = node.startLogin();
        String callback = scene.server.approve(login.url().toString(), "alice");
        assertThat(login.sessionKey()).matches("[A-Za-z0-9-]{10,64}").doesNotContain(state(login));
        assertThat(PendingLogin.sessionKeyOf(callback)).isEqualTo(login.sessionKey());
        assertThat(PendingLogin.sessionKeyOf(Scene.query(callback))).isEqualTo(login.sessionKey());
        assertThat(PendingLogin.sessionKeyOf("?" + Scene.query(callback))).isEqualTo(login.sessionKey());
        for (String junk : new String[] {null, "", "code=1", "state=a&state=b", "%zz"}) {
            assertThat(PendingLogin.sessionKeyOf(junk)).startsWith("login-").isNotEqualTo(login.sessionKey());
        }
    }

    @Test
    void a_whole_callback_url_of_an_applications_own_scheme_is_read() throws Exception {
        String redirect = "com.example.app:/callback";
        scene.server.client(Scene.CLIENT, Scene.SECRET, redirect);
        Grantkeeper app =
                scene.node(scene.registration(scene.provider().build()).redirectUri(redirect));
        PendingLogin login = app.startLogin();
        String callback = scene.server.approve(login.url().toString(), "alice");
        assertThat(callback).startsWith("com.example.app:/callback?");
        assertThat(PendingLogin.sessionKeyOf(callback)).isEqualTo(login.sessionKey());
        assertThat(app.finishLogin(login, callback)).isInstanceOf(SignedIn.class);
    }

    /** With the attributes that the guide shows, and room for some more. */
    private static String cookie(PendingLogin login) {
        return "__Host-" + login.sessionKey() + "=" + login.seal(Scene.KEYS)
                + "; Secure; HttpOnly; SameSite=None; Path=/; Max-Age=600; Partitioned";
    }

    @Test
    void a_sealed_login_fits_into_a_cookie_or_says_what_is_too_long() throws Exception {
        Grantkeeper openId =
                scene.node(scene.registration(scene.openIdProvider().build()).dpop());
        String longest = "x".repeat(1999) + "y";
        PendingLogin login = openId.newLogin()
                .scopes("openid", "profile", "email", "offline_access", "https://graph.example/Mail.ReadWrite")
                .appState(longest)
                .start();
        assertThat(cookie(login)).hasSizeLessThanOrEqualTo(4096);
        assertThat(PendingLogin.unseal(Scene.KEYS, login.sessionKey(), login.seal(Scene.KEYS))
                        .orElseThrow()
                        .attempt()
                        .appState())
                .isEqualTo(longest);

        for (String tooLong : List.of("x".repeat(3000), "ü".repeat(1001), "\"".repeat(1001), "\u0001".repeat(400))) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> openId.newLogin().appState(tooLong))
                    .withMessageContaining("appState")
                    .withMessageContaining("2000");
        }

        String details = "[{\"type\":\"" + "t".repeat(3000) + "\"}]";
        PendingLogin large = openId.newLogin()
                .appState("x".repeat(500))
                .authorizationDetails(details)
                .start();
        assertThatIllegalStateException()
                .isThrownBy(() -> large.seal(Scene.KEYS))
                .withMessageContaining("4096")
                .withMessageContaining("appState has 500 bytes")
                .withMessageContaining("authorization details 30")
                .withMessageNotContaining("ttt");
    }

    @Test
    void a_sealed_login_opens_in_its_own_slot_and_finishes() throws Exception {
        PendingLogin login = node.newLogin().appState("grüße").start();
        String sealed = login.seal(Scene.KEYS);
        assertThat(sealed).matches("[!-~]+").doesNotContain(state(login)).hasSizeLessThan(3000);
        String query = approve(login);
        String slot = PendingLogin.sessionKeyOf(query);
        PendingLogin opened = PendingLogin.unseal(Scene.KEYS, slot, sealed).orElseThrow();
        SignedIn in = (SignedIn) node.finishLogin(opened, query);
        assertThat(in.appState()).contains("grüße");
        assertThat(in.tokens().scopes()).containsExactly("things.read");
    }

    @Test
    void a_sealed_login_opens_nowhere_else() throws AuthorizationServerException {
        PendingLogin login = node.startLogin();
        PendingLogin other = node.startLogin();
        String sealed = login.seal(Scene.KEYS);
        assertThat(PendingLogin.unseal(Scene.KEYS, other.sessionKey(), sealed)).isEmpty();
        assertThat(PendingLogin.unseal(
                        SealingKeys.of("Another one, long enough, and 4711 times random"), login.sessionKey(), sealed))
                .isEmpty();
        assertThat(PendingLogin.unseal(
                        Scene.KEYS, login.sessionKey(), Scene.KEYS.seal("row", login.sessionKey(), "{}")))
                .isEmpty();
        for (int i = 0; i < sealed.length(); i++) {
            char other1 = sealed.charAt(i) == 'A' ? 'B' : 'A';
            String changed = sealed.substring(0, i) + other1 + sealed.substring(i + 1);
            assertThat(PendingLogin.unseal(Scene.KEYS, login.sessionKey(), changed))
                    .as("character %s", i)
                    .isEmpty();
        }
        for (String junk :
                new String[] {null, "", ".", "gk1", "gk1..", "{}", "gk1.00000000.AAAA", "ü", "a".repeat(99)}) {
            assertThat(PendingLogin.unseal(Scene.KEYS, login.sessionKey(), junk))
                    .isEmpty();
        }
    }

    @Test
    void a_login_survives_java_serialization() throws Exception {
        Grantkeeper openId = openId();
        PendingLogin login = openId.newLogin().appState("x").start();
        PendingLogin copy = Serialized.copy(login);
        assertThat(copy.url()).isEqualTo(login.url());
        assertThat(copy.sessionKey()).isEqualTo(login.sessionKey());
        SignedIn in = (SignedIn) openId.finishLogin(copy, approve(login));
        assertThat(in.appState()).contains("x");
        assertThat(in.identity().orElseThrow().subject()).isEqualTo("alice");
    }

    // ---- What comes back ------------------------------------------------------------------------------------------

    @Test
    void a_callback_with_another_state_is_forged_and_the_login_can_still_be_finished() throws Exception {
        PendingLogin login = node.startLogin();
        String query = approve(login);
        for (String forged : List.of(
                "code=abc&state=" + state(node.startLogin()),
                "code=abc&state=" + state(login).toLowerCase(Locale.ROOT),
                "code=abc&state=",
                "code=abc&state",
                "code=abc",
                "error=access_denied",
                "error=access_denied&state=bad")) {
            assertMismatched(node.finishLogin(login, forged), Reason.FORGED);
        }
        assertNothingHappened();
        assertThat(node.finishLogin(login, query)).isInstanceOf(SignedIn.class);
    }

    @Test
    void a_callback_with_the_right_state_and_no_usable_code_is_forged() throws Exception {
        PendingLogin login = node.startLogin();
        String state = "&state=" + state(login);
        for (String query : List.of(
                "" + state,
                "code=" + state,
                "code" + state,
                "code=a%0d%0ab" + state,
                "code=a%00b" + state,
                "code=%C3%BC" + state,
                "code=a&code=b" + state,
                "code=a" + state + state,
                "code=a&iss=x&iss=y" + state,
                "error=a&error=b" + state,
                "code=a&access_token=b" + state,
                "code=a&id_token=b" + state,
                "response=a.b.c" + state,
                "code=" + "a".repeat(9000) + state,
                "code=a&x=" + "a".repeat(17000) + state,
                "code=a" + "&x=1".repeat(40) + state)) {
            assertMismatched(node.finishLogin(login, query), Reason.FORGED);
        }
        assertNothingHappened();
        assertThat(node.finishLogin(login, approve(login))).isInstanceOf(SignedIn.class);
    }

    @Test
    void a_callback_to_which_no_login_belongs_is_mismatched() throws Exception {
        String query = approve(node.startLogin());
        assertMismatched(node.finishLogin(null, query), Reason.NO_LOGIN);
        assertThat(node.finishLogin(null, null)).isInstanceOf(Mismatched.class);
        assertThat(node.finishLogin(node.startLogin(), null)).isInstanceOf(Mismatched.class);
        assertThat(node.finishLogin(node.startLogin(), "")).isInstanceOf(Mismatched.class);
        assertNothingHappened();
    }

    @Test
    void a_callback_is_taken_as_query_with_question_mark_and_as_whole_url() throws Exception {
        PendingLogin one = node.startLogin();
        assertThat(node.finishLogin(one, "?" + approve(one))).isInstanceOf(SignedIn.class);
        PendingLogin two = node.startLogin();
        assertThat(node.finishLogin(two, scene.server.approve(two.url().toString(), "alice") + "#_=_"))
                .isInstanceOf(SignedIn.class);
    }

    @Test
    void unknown_parameters_do_no_harm() throws Exception {
        PendingLogin login = node.startLogin();
        assertThat(node.finishLogin(login, approve(login) + "&session_state=1&session_state=2&utm=ü"))
                .isInstanceOf(SignedIn.class);
    }

    @Test
    void fifty_threads_with_one_callback_make_one_token_request_and_one_sign_in() throws Exception {
        PendingLogin login = node.startLogin();
        String query = approve(login);
        ExecutorService pool = Executors.newFixedThreadPool(50);
        List<LoginResult> results = new ArrayList<>();
        try {
            CountDownLatch go = new CountDownLatch(1);
            List<Future<LoginResult>> running = new ArrayList<>();
            for (int i = 0; i < 50; i++) {
                running.add(pool.submit(() -> {
                    go.await();
                    return node.finishLogin(login, query);
                }));
            }
            go.countDown();
            for (Future<LoginResult> one : running) {
                results.add(one.get(30, TimeUnit.SECONDS));
            }
        } finally {
            pool.shutdownNow();
        }
        assertThat(scene.server.tokenRequests()).isEqualTo(1);
        assertThat(results).filteredOn(SignedIn.class::isInstance).hasSize(1);
        assertThat(results)
                .filteredOn(Mismatched.class::isInstance)
                .hasSize(49)
                .allSatisfy(result -> assertMismatched(result, Reason.REPLAYED));
    }

    @Test
    void a_login_ends_after_ten_minutes() throws Exception {
        PendingLogin login = node.startLogin();
        PendingLogin inTime = node.startLogin();
        scene.time.pass(Duration.ofMinutes(9).plusSeconds(50));
        assertThat(node.finishLogin(inTime, approve(inTime))).isInstanceOf(SignedIn.class);
        scene.server.resetCounters();
        scene.time.pass(Duration.ofSeconds(20));
        assertMismatched(node.finishLogin(login, approve(login)), Reason.STALE);
        assertNothingHappened();
    }

    @Test
    void a_login_that_was_refused_cannot_be_finished_any_more() throws Exception {
        PendingLogin login = node.startLogin();
        String good = approve(login);
        String refused = Scene.query(scene.server.refuse(login.url().toString()));
        assertThat(node.finishLogin(login, refused))
                .asInstanceOf(type(Declined.class))
                .satisfies(declined -> {
                    assertThat(declined.error()).isEqualTo("access_denied");
                    assertThat(declined.description()).contains("The user has refused the request");
                });
        assertMismatched(node.finishLogin(login, good), Reason.REPLAYED);
        assertNothingHappened();
    }

    @Test
    void what_stands_in_an_error_is_made_harmless() throws Exception {
        PendingLogin login = node.startLogin();
        String query = "state=" + state(login) + "&error=<script>%0d%0aX: y&error_description="
                + URLEncoder.encode(
                        "<img src=x>\r\nSet-Cookie: a=b\u001b[31m\u0000" + "x".repeat(3000), StandardCharsets.UTF_8);
        Declined declined = (Declined) node.finishLogin(login, query);
        for (String text : List.of(declined.error(), declined.description().orElseThrow())) {
            assertThat(text).matches("[ -~]*").doesNotContain("<", ">").hasSizeLessThanOrEqualTo(512);
        }
    }

    @Test
    void nothing_that_a_browser_can_send_throws_or_asks_the_server() throws Exception {
        PendingLogin login = node.startLogin();
        String state = state(login);
        String[] parts = {
            "state",
            "code",
            "error",
            "iss",
            "=",
            "&",
            "%",
            "%00",
            "%ff",
            "%e2%82",
            "+",
            "#",
            "?",
            "/",
            ":",
            "\\",
            "http://",
            "https://",
            "javascript:",
            "[",
            "]",
            "@",
            ";",
            "\u0000",
            "\r\n",
            "ü",
            "\ud800",
            "\udc00",
            "😀",
            "a",
            " ",
            "..",
            "//",
            "state=",
            "&state=" + state.substring(1),
            "&code=x",
            "&error=x",
            "&error_description=y",
            "access_token=1",
            "%25",
            "%u1234",
            "\u202e",
            "x".repeat(300)
        };
        Random random = new Random(4711);
        for (int i = 0; i < 5000; i++) {
            StringBuilder query = new StringBuilder();
            int length = random.nextInt(20);
            for (int k = 0; k < length; k++) {
                if (random.nextInt(4) == 0) {
                    query.append((char) random.nextInt(0x10000));
                } else {
                    query.append(parts[random.nextInt(parts.length)]);
                }
            }
            String junk = query.toString();
            assertThatCode(() -> {
                        assertThat(node.finishLogin(login, junk)).isInstanceOf(Mismatched.class);
                        assertThat(node.finishLogin(null, junk)).isInstanceOf(Mismatched.class);
                        assertThat(PendingLogin.sessionKeyOf(junk)).startsWith("login-");
                    })
                    .as("query %s", junk)
                    .doesNotThrowAnyException();
        }
        assertNothingHappened();
        assertThat(node.finishLogin(login, approve(login))).isInstanceOf(SignedIn.class);
    }

    @Test
    void junk_around_the_right_state_throws_nothing_and_sends_no_code_that_is_none() throws Exception {
        Random random = new Random(815);
        for (int i = 0; i < 1000; i++) {
            PendingLogin login = node.startLogin();
            StringBuilder query = new StringBuilder("state=" + state(login));
            for (int k = random.nextInt(10); k > 0; k--) {
                query.append((char) (random.nextInt(3) == 0 ? random.nextInt(0x10000) : ' ' + random.nextInt(95)));
            }
            query.append("&code=\u0001");
            assertThat(node.finishLogin(login, query.toString())).isInstanceOf(Mismatched.class);
        }
        assertNothingHappened();
    }

    @Test
    void an_answer_from_another_issuer_is_mixed_up() throws Exception {
        Grantkeeper openId = openId();
        scene.server.issuerInCallback(true);
        PendingLogin login = openId.startLogin();
        String query = approve(login);
        assertThat(query).contains("iss=");
        String without = query.substring(0, query.indexOf("&iss="));
        for (String issuer : List.of("https://evil.example", scene.server.issuer() + "/", "")) {
            assertMismatched(
                    openId.finishLogin(login, without + "&iss=" + URLEncoder.encode(issuer, StandardCharsets.UTF_8)),
                    Reason.MIXED_UP);
        }
        assertNothingHappened();
        assertThat(openId.finishLogin(login, query)).isInstanceOf(SignedIn.class);
    }

    /** T-027: where the metadata say that the issuer is sent, an answer without it does not come from there. */
    @Test
    void an_answer_without_issuer_is_mixed_up_where_the_server_always_sends_it() throws Exception {
        Provider provider = scene.openIdProvider().issuerInCallback(true).build();
        assertThat(Facts.of(provider.newBuilder().build()).issuerInCallback).isTrue();
        Grantkeeper strict = scene.node(scene.registration(provider).scopes("openid"));
        PendingLogin login = strict.startLogin();
        assertMismatched(strict.finishLogin(login, approve(login)), Reason.MIXED_UP);
        assertMismatched(
                strict.finishLogin(login, "error=access_denied&state=" + state(login)), Reason.MIXED_UP); // T-024
        assertNothingHappened();
        scene.server.issuerInCallback(true);
        assertThat(strict.finishLogin(login, approve(login))).isInstanceOf(SignedIn.class);
    }

    @Test
    void a_server_without_openid_is_known_by_its_issuer_too() throws Exception {
        Grantkeeper node = scene.node(scene.registration(
                scene.provider().issuer(scene.server.issuer()).build()));
        scene.server.issuerInCallback(true);
        PendingLogin login = node.startLogin();
        String query = approve(login);
        assertMismatched(node.finishLogin(login, query.replace("iss=http", "iss=HTTP")), Reason.MIXED_UP);
        assertThat(node.finishLogin(login, query)).isInstanceOf(SignedIn.class);
        assertThatIllegalStateException()
                .isThrownBy(() -> node.newLogin().scopes("openid").start())
                .withMessageContaining("openId(issuer, jwksUri)");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> scene.provider().issuerInCallback(true).build())
                .withMessageContaining("issuer");
    }

    @Test
    void an_answer_may_come_from_any_tenant_of_an_issuer_that_leaves_it_open_and_from_nowhere_else() throws Exception {
        Provider provider = scene.provider()
                .openId("https://login.example/{tenantid}/v2.0", scene.server.jwksUri())
                .build();
        Grantkeeper node = scene.node(scene.registration(provider));
        String tenant = "11111111-2222-4333-8444-555555555555";
        for (String issuer : List.of(
                "https://login.example/{tenantid}/v2.0",
                "https://login.example//v2.0",
                "https://login.example/common/v2.0",
                "https://login.example/" + tenant + "/v2.0/",
                "https://login.example/" + tenant + "/v1.0",
                "https://login.example/" + tenant.replace('1', '/') + "/v2.0",
                "https://evil.example/" + tenant + "/v2.0")) {
            PendingLogin login = node.startLogin();
            assertMismatched(
                    node.finishLogin(
                            login, approve(login) + "&iss=" + URLEncoder.encode(issuer, StandardCharsets.UTF_8)),
                    Reason.MIXED_UP);
        }
        assertNothingHappened();
        PendingLogin login = node.startLogin();
        assertThat(node.finishLogin(login, approve(login) + "&iss=https://login.example/" + tenant + "/v2.0"))
                .isInstanceOf(SignedIn.class);
    }

    @Test
    void an_id_token_of_another_issuer_than_the_one_that_answered_is_forged() throws Exception {
        String tenant = "11111111-2222-4333-8444-555555555555";
        String other = "99999999-2222-4333-8444-555555555555";
        Provider provider = scene.provider()
                .openId("https://login.example/{tenantid}/v2.0", scene.server.jwksUri())
                .build();
        Grantkeeper node = scene.node(scene.registration(provider).scopes("openid"));
        scene.server.idTokenClaims(claims -> {
            claims.put("iss", "https://login.example/" + tenant + "/v2.0");
            claims.put("tid", tenant);
            return claims;
        });
        PendingLogin login = node.startLogin();
        assertMismatched(
                node.finishLogin(login, approve(login) + "&iss=https://login.example/" + other + "/v2.0"),
                Reason.FORGED);
        PendingLogin again = node.startLogin();
        assertThat(node.finishLogin(again, approve(again) + "&iss=https://login.example/" + tenant + "/v2.0"))
                .isInstanceOf(SignedIn.class);
    }

    // ---- An answer that is posted ---------------------------------------------------------------------------------

    @Test
    void an_answer_that_is_posted_is_asked_for_and_taken() throws Exception {
        String redirect = "https://app.example/callback";
        scene.server.client(Scene.CLIENT, Scene.SECRET, redirect);
        Grantkeeper node = scene.node(scene.registration(scene.openIdProvider().build())
                .redirectUri(redirect)
                .scopes("openid")
                .formPost());
        PendingLogin login = node.newLogin().appState("/deep/link").start();
        assertThat(url(login).queryParameterValues("response_mode")).containsExactly("form_post");
        String body = scene.server.approve(login.url().toString(), "alice").replaceFirst("^[^?]*[?]", "");
        assertThat(PendingLogin.sessionKeyOf(body)).isEqualTo(login.sessionKey());
        assertMismatched(node.finishLogin(null, body), Reason.NO_LOGIN); // T-033: the cookie did not come along
        assertNothingHappened();
        assertThat(node.finishLogin(login, body))
                .asInstanceOf(type(SignedIn.class))
                .satisfies(in -> assertThat(in.appState()).contains("/deep/link"));
        assertMismatched(node.finishLogin(login, body), Reason.REPLAYED);
        PendingLogin refused = node.startLogin();
        assertThat(node.finishLogin(refused, "error=access_denied&error_description=not+now&state=" + state(refused)))
                .asInstanceOf(type(Declined.class))
                .satisfies(declined -> assertThat(declined.description()).contains("not now"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"http://127.0.0.1:8888/callback", "com.example.app:/callback"})
    void an_answer_cannot_be_posted_where_no_secure_cookie_comes_along(String redirect) {
        assertThatIllegalStateException()
                .isThrownBy(() -> at(scene.provider().build())
                        .redirectUri(redirect)
                        .formPost()
                        .build())
                .withMessageContaining("formPost()")
                .withMessageContaining("https");
    }

    @Test
    void a_login_of_another_registration_is_mixed_up() throws Exception {
        Grantkeeper other =
                scene.node(scene.registration(scene.provider().build()).registration("another"));
        PendingLogin login = other.startLogin();
        assertMismatched(node.finishLogin(login, approve(login)), Reason.MIXED_UP);
        assertNothingHappened();
    }

    // ---- What the token endpoint says -----------------------------------------------------------------------------

    @Test
    void a_code_that_the_server_does_not_take_is_a_declined_login() throws Exception {
        PendingLogin login = node.startLogin();
        assertThat(node.finishLogin(login, "code=made-up&state=" + state(login)))
                .asInstanceOf(type(Declined.class))
                .satisfies(declined -> {
                    assertThat(declined.error()).isEqualTo("invalid_grant");
                    assertThat(declined.description()).contains("Invalid authorization code");
                });
        assertThat(scene.server.tokenRequests()).isEqualTo(1);
        assertThat(scene.store.rows).isEmpty();
    }

    @Test
    void a_code_of_another_login_meets_this_logins_verifier() throws Exception {
        PendingLogin attacker = node.startLogin();
        PendingLogin victim = node.startLogin();
        String code = HttpUrl.get("http://localhost/?" + approve(attacker)).queryParameter("code");
        assertThat(node.finishLogin(victim, "code=" + code + "&state=" + state(victim)))
                .asInstanceOf(type(Declined.class))
                .extracting(Declined::error)
                .isEqualTo("invalid_grant");
    }

    @Test
    void a_code_used_on_another_node_is_declined_by_the_server() throws Exception {
        Grantkeeper two = scene.node();
        PendingLogin login = node.startLogin();
        String query = approve(login);
        assertThat(node.finishLogin(login, query)).isInstanceOf(SignedIn.class);
        assertThat(two.finishLogin(login, query)).isInstanceOf(Declined.class);
    }

    static List<Arguments> failures() {
        return List.of(
                failure("500 HTML", Fault.status(500), AuthorizationServerException.Kind.TEMPORARY, 500),
                failure("503", Fault.retryAfter(503, "30"), AuthorizationServerException.Kind.TEMPORARY, 503),
                failure("503 at once", Fault.retryAfter(503, "0"), AuthorizationServerException.Kind.TEMPORARY, 503),
                failure("408", Fault.status(408), AuthorizationServerException.Kind.TEMPORARY, 408),
                failure("429", Fault.error(429, "slow_down"), AuthorizationServerException.Kind.TEMPORARY, 429),
                failure("200 HTML", Fault.status(200), AuthorizationServerException.Kind.MALFORMED, 200),
                failure(
                        "200 JSON in HTML",
                        Fault.answer(Answer.status(200)
                                .header("Content-Type", "text/html")
                                .body("<p>{\"access_token\":\"a\",\"token_type\":\"Bearer\"}</p>")),
                        AuthorizationServerException.Kind.MALFORMED,
                        200),
                failure(
                        "200 empty",
                        Fault.answer(Answer.status(200)),
                        AuthorizationServerException.Kind.MALFORMED,
                        200),
                failure(
                        "401",
                        Fault.error(401, "invalid_client"),
                        AuthorizationServerException.Kind.MISCONFIGURED,
                        401),
                failure(
                        "400",
                        Fault.error(400, "unauthorized_client"),
                        AuthorizationServerException.Kind.MISCONFIGURED,
                        400),
                failure(
                        "error with 200",
                        Fault.answer(Answer.json(
                                200,
                                "{\"error\":\"invalid_request\",\"access_token\":\"a\",\"token_type\":\"Bearer\"}")),
                        AuthorizationServerException.Kind.MISCONFIGURED,
                        200),
                failure(
                        "redirect",
                        Fault.answer(Answer.redirect("/api/elsewhere").withStatus(307)),
                        AuthorizationServerException.Kind.MALFORMED,
                        307),
                failure("body cut", Fault.cutAfter(20), AuthorizationServerException.Kind.TEMPORARY, 0),
                failure("dropped before", Fault.dropBefore(), AuthorizationServerException.Kind.TEMPORARY, 0),
                failure("dropped after", Fault.dropAfter(), AuthorizationServerException.Kind.TEMPORARY, 0),
                failure(
                        "no end",
                        Fault.answer(Answer.json(200, " ".repeat(300 * 1024) + "{}")),
                        AuthorizationServerException.Kind.MALFORMED,
                        0),
                failure(
                        "a bomb",
                        Fault.answer(Answer.json(200, " ".repeat(5_000_000) + "{}"))
                                .then(Fault.gzip()),
                        AuthorizationServerException.Kind.MALFORMED,
                        0));
    }

    private static Arguments failure(String name, Fault fault, AuthorizationServerException.Kind kind, int status) {
        return Arguments.of(name, fault, kind, status);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("failures")
    void a_failure_of_the_token_endpoint_is_told_by_kind_and_asked_once_and_stores_nothing(
            String name, Fault fault, AuthorizationServerException.Kind kind, int status)
            throws AuthorizationServerException {
        PendingLogin login = node.startLogin();
        String query = approve(login);
        scene.server.onNextTokenRequest(fault);
        assertThatThrownBy(() -> node.finishLogin(login, query))
                .isInstanceOfSatisfying(AuthorizationServerException.class, failure -> {
                    assertThat(failure.kind()).isEqualTo(kind);
                    assertThat(failure.status()).isEqualTo(status);
                });
        assertThat(scene.server.tokenRequests()).isEqualTo(1);
        assertThat(scene.server.apiRequests()).isZero();
        assertThat(scene.store.rows).isEmpty();
    }

    @Test
    void a_server_that_says_nothing_costs_the_token_calls_time_and_no_more() throws AuthorizationServerException {
        Grantkeeper node =
                scene.node(scene.registration(scene.provider().build()).tokenCallTimeout(Duration.ofSeconds(2)));
        PendingLogin login = node.startLogin();
        String query = approve(login);
        scene.server.hold();
        long start = System.nanoTime();
        assertThatThrownBy(() -> node.finishLogin(login, query))
                .isInstanceOfSatisfying(
                        AuthorizationServerException.class,
                        failure -> assertThat(failure.kind()).isEqualTo(AuthorizationServerException.Kind.TEMPORARY));
        assertThat(Duration.ofNanos(System.nanoTime() - start))
                .isLessThan(Duration.ofSeconds(30)); // no answer ever comes
        assertThat(scene.server.tokenRequests()).isEqualTo(1);
    }

    @Test
    void a_server_that_is_not_there_is_temporary() throws AuthorizationServerException {
        PendingLogin login = node.startLogin();
        String query = approve(login);
        scene.server.close();
        assertThatThrownBy(() -> node.finishLogin(login, query))
                .isInstanceOfSatisfying(
                        AuthorizationServerException.class,
                        failure -> assertThat(failure.kind()).isEqualTo(AuthorizationServerException.Kind.TEMPORARY));
    }

    @Test
    void the_waiting_time_that_the_server_asks_for_is_told() throws AuthorizationServerException {
        PendingLogin login = node.startLogin();
        String query = approve(login);
        scene.server.onNextTokenRequest(Fault.retryAfter(503, "17"));
        assertThatThrownBy(() -> node.finishLogin(login, query))
                .isInstanceOfSatisfying(
                        AuthorizationServerException.class,
                        failure -> assertThat(failure.retryAfter()).contains(Duration.ofSeconds(17)));
    }

    @Test
    void an_empty_refresh_token_is_none_and_a_lifetime_in_quotes_is_one() throws Exception {
        scene.server
                .tokenResponse(answer -> {
                    answer.put("refresh_token", "");
                    answer.put("scope", "");
                    return answer;
                })
                .expiresIn("\"120\"");
        TokenSet tokens = ((SignedIn) scene.login(node, "alice")).tokens();
        assertThat(tokens.refreshToken()).isEmpty();
        assertThat(tokens.expiresAt()).contains(tokens.receivedAt().plusSeconds(120));
        assertThat(tokens.scopes()).containsExactly("things.read");
    }

    @Test
    void what_no_header_can_carry_is_not_taken_for_a_token() {
        scene.server.tokenResponse(answer -> {
            answer.put("access_token", "a\r\nX-Injected: yes");
            return answer;
        });
        assertThatThrownBy(() -> scene.login(node, "alice"))
                .isInstanceOfSatisfying(AuthorizationServerException.class, failure -> {
                    assertThat(failure.kind()).isEqualTo(AuthorizationServerException.Kind.MALFORMED);
                    assertThat(failure).hasMessageNotContaining("Injected");
                });
    }

    @Test
    void our_own_calls_use_neither_interceptors_nor_cookies_nor_cache_of_the_applications_client() throws Exception {
        List<String> seen = new CopyOnWriteArrayList<>();
        OkHttpClient nosy = scene.http
                .newBuilder()
                .addInterceptor(chain -> {
                    seen.add(chain.request().url().toString());
                    return chain.proceed(chain.request());
                })
                .addNetworkInterceptor(chain -> {
                    seen.add(chain.request().url().toString());
                    return chain.proceed(chain.request());
                })
                .build();
        Grantkeeper quiet = scene.node(
                scene.registration(scene.provider().build()).httpClient(nosy).fetchProfile());
        assertThat(((SignedIn) scene.login(quiet, "alice"))
                        .identity()
                        .orElseThrow()
                        .name())
                .contains("Alice Archer");
        assertThat(seen).isEmpty();
        assertThat(scene.server.recordedTokenRequests().get(0).header("Authorization"))
                .hasValueSatisfying(header -> assertThat(header).startsWith("Basic "));
    }

    @Test
    void client_id_and_secret_are_form_encoded_for_basic_and_sent_one_way_only() throws Exception {
        String id = "a:b";
        String secret = "c d+é%&=";
        scene.server.client(id, secret, Scene.REDIRECT);
        Grantkeeper basic = scene.node(scene.registration(scene.provider().build())
                .clientId(id)
                .clientSecret(secret)
                .clientAuthentication(ClientAuthentication.SECRET_BASIC));
        assertThat(scene.login(basic, "alice")).isInstanceOf(SignedIn.class);
        RecordedRequest request = scene.server.recordedTokenRequests().get(0);
        assertThat(request.header("Authorization"))
                .contains("Basic "
                        + Base64.getEncoder()
                                .encodeToString("a%3Ab:c+d%2B%C3%A9%25%26%3D".getBytes(StandardCharsets.US_ASCII)));
        assertThat(request.params()).doesNotContainKeys("client_secret", "client_id");

        scene.server.resetCounters();
        Grantkeeper post = scene.node(scene.registration(scene.provider().build())
                .clientId(id)
                .clientSecret(secret)
                .clientAuthentication(ClientAuthentication.SECRET_POST));
        assertThat(scene.login(post, "alice")).isInstanceOf(SignedIn.class);
        request = scene.server.recordedTokenRequests().get(0);
        assertThat(request.header("Authorization")).isEmpty();
        assertThat(request.param("client_secret")).contains(secret);

        scene.server.publicClient("cli");
        scene.server.resetCounters();
        Grantkeeper cli = scene.node(Grantkeeper.builder(scene.provider().build())
                .clientId("cli")
                .redirectUri(Scene.REDIRECT)
                .tokenStore(scene.store)
                .allowPlaintextTokens());
        assertThat(scene.login(cli, "alice")).isInstanceOf(SignedIn.class);
        request = scene.server.recordedTokenRequests().get(0);
        assertThat(request.header("Authorization")).isEmpty();
        assertThat(request.param("client_id")).contains("cli");
        assertThat(request.params()).doesNotContainKey("client_secret");
    }

    // ---- Who it was, and where it is kept -------------------------------------------------------------------------

    @Test
    void finishing_stores_nothing_and_keeping_stores() throws Exception {
        SignedIn in = (SignedIn) scene.login(node, "alice");
        assertThat(scene.store.rows).isEmpty();
        assertThat(node.account("alice").grant()).isEmpty();
        Account alice = in.keepAs("alice");
        assertThat(scene.store.rows).hasSize(1);
        assertThat(alice.grant()).hasValueSatisfying(grant -> {
            assertThat(grant.scopes()).containsExactly("things.read");
            assertThat(grant.loginRequired()).isEmpty();
            assertThat(grant.identity()).isEmpty();
        });
        assertThat(alice.tokens()).isEqualTo(in.tokens());
    }

    @Test
    void keeping_replaces_what_was_there() throws Exception {
        Account alice = scene.signIn(node, "alice");
        String before = alice.tokens().accessToken();
        SignedIn again = (SignedIn) scene.login(node, "bob");
        again.keepAs("alice");
        assertThat(alice.tokens().accessToken())
                .isEqualTo(again.tokens().accessToken())
                .isNotEqualTo(before);
        assertThat(scene.store.rows).hasSize(1);
    }

    @Test
    void keeping_while_the_store_is_down_says_so_and_can_be_repeated() throws Exception {
        SignedIn in = (SignedIn) scene.login(node, "alice");
        scene.store.down(true);
        assertThatThrownBy(() -> in.keepAs("alice"))
                .isInstanceOfSatisfying(
                        TokenStoreException.class,
                        failure -> assertThat(failure.kind()).isEqualTo(TokenStoreException.Kind.UNAVAILABLE));
        scene.store.down(false);
        assertThat(in.keepAs("alice").tokens()).isEqualTo(in.tokens());
    }

    @Test
    void importing_never_overwrites() throws Exception {
        TokenSet old = TokenSet.builder("imported-1").refreshToken("r1").build();
        Account alice = node.account("alice");
        assertThat(alice.importTokens(old)).isTrue();
        assertThat(alice.importTokens(TokenSet.builder("imported-2").build())).isFalse();
        assertThat(alice.tokens()).isEqualTo(old);
        scene.signIn(node, "bob");
        assertThat(node.account("bob").importTokens(old)).isFalse();
    }

    @Test
    void the_profile_endpoint_tells_who_it_was() throws Exception {
        Grantkeeper node =
                scene.node(scene.registration(scene.provider().build()).fetchProfile());
        assertThat(((SignedIn) scene.login(node, "bob")).identity()).hasValueSatisfying(identity -> {
            assertThat(identity.id()).isEqualTo("fake bob");
            assertThat(identity.name()).contains("Bob Baker");
            assertThat(identity.email()).contains("bob@example.org");
            assertThat(identity.claims()).containsEntry("country", "DE");
        });
    }

    static List<Arguments> brokenProfiles() {
        return List.of(
                failure("503", Fault.status(503), AuthorizationServerException.Kind.TEMPORARY, 0),
                failure("429", Fault.status(429), AuthorizationServerException.Kind.TEMPORARY, 0),
                failure("403", Fault.status(403), AuthorizationServerException.Kind.MALFORMED, 0),
                failure("HTML", Fault.status(200), AuthorizationServerException.Kind.MALFORMED, 0),
                failure("null", Fault.answer(Answer.json(200, "null")), AuthorizationServerException.Kind.MALFORMED, 0),
                failure("no id", Fault.answer(Answer.json(200, "{}")), AuthorizationServerException.Kind.MALFORMED, 0),
                failure(
                        "empty id",
                        Fault.answer(Answer.json(200, "{\"id\":\"\"}")),
                        AuthorizationServerException.Kind.MALFORMED,
                        0),
                failure(
                        "id is an object",
                        Fault.answer(Answer.json(200, "{\"id\":{}}")),
                        AuthorizationServerException.Kind.MALFORMED,
                        0),
                failure(
                        "deep",
                        Fault.answer(Answer.json(200, "{\"id\":\"a\",\"x\":" + "[".repeat(100_000))),
                        AuthorizationServerException.Kind.MALFORMED,
                        0),
                failure("dropped", Fault.dropAfter(), AuthorizationServerException.Kind.TEMPORARY, 0));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("brokenProfiles")
    void a_profile_endpoint_that_fails_fails_the_login(
            String name, Fault fault, AuthorizationServerException.Kind kind, int status) {
        Grantkeeper node =
                scene.node(scene.registration(scene.provider().build()).fetchProfile());
        scene.server.onNextApiRequest(fault);
        assertThatThrownBy(() -> scene.login(node, "alice"))
                .isInstanceOfSatisfying(
                        AuthorizationServerException.class,
                        failure -> assertThat(failure.kind()).isEqualTo(kind));
        assertThat(scene.store.rows).isEmpty();
    }

    // ---- What build() says ----------------------------------------------------------------------------------------

    private Grantkeeper.Builder at(Provider provider) {
        return scene.registration(provider);
    }

    @ParameterizedTest
    @CsvSource({
        "http://localhost:8888/callback, http://127.0.0.1:8888/callback",
        "https://localhost:8888/callback, https://127.0.0.1:8888/callback",
        "http://LOCALHOST:8888/callback, http://127.0.0.1:8888/callback"
    })
    void spotify_refuses_localhost_and_the_message_says_what_to_use(String refused, String instead) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> at(Spotify.provider()).redirectUri(refused).build())
                .withMessageContaining("localhost")
                .withMessageContaining(instead)
                .withMessageContaining("developer.spotify.com");
    }

    @Test
    void entra_takes_http_under_the_name_localhost_only() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> at(EntraId.provider("common"))
                        .redirectUri("http://127.0.0.1:8888/callback")
                        .build())
                .withMessageContaining("localhost");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "http://example.com/callback",
                "http://127.0.0.1.example.com/callback",
                "http://localhost.example.com/callback",
                "http://127.0.0.1@example.com/callback",
                "https://example.com/callback#fragment",
                "/callback",
                "example.com/callback",
                "localhost:8888/callback",
                "javascript:alert(1)",
                "https:///callback",
                "https://exa mple.com/",
                ""
            })
    void a_redirect_uri_that_no_server_should_take_is_refused(String uri) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> at(scene.provider().build()).redirectUri(uri).build())
                .withMessageContaining("redirect URI");
    }

    @ParameterizedTest
    @CsvSource({
        "spotify, http://127.0.0.1:8888/callback",
        "spotify, http://[::1]:8888/callback",
        "spotify, https://example.com/callback",
        "spotify, my-app://callback",
        "entra, http://localhost/callback",
        "entra, https://example.com/callback",
        "entra, https://127.0.0.1/callback",
        "entra, com.example.app:/callback"
    })
    void a_redirect_uri_by_the_providers_rules_is_taken(String provider, String uri) {
        Provider preset = provider.equals("spotify") ? Spotify.provider() : EntraId.provider("common");
        scene.node(at(preset).redirectUri(uri));
    }

    @Test
    void what_is_missing_is_named_with_what_to_do() {
        Provider provider = scene.provider().build();
        assertThatIllegalStateException()
                .isThrownBy(() -> at(provider).clientId(" ").build())
                .withMessageContaining("client id")
                .withMessageContaining("rfc6749");
        assertThatIllegalStateException()
                .isThrownBy(() -> Grantkeeper.builder(provider)
                        .clientId("x")
                        .sealingKeys(Scene.KEYS)
                        .build())
                .withMessageContaining("tokenStore(");
        assertThatIllegalStateException()
                .isThrownBy(() -> Grantkeeper.builder(provider)
                        .clientId("x")
                        .tokenStore(scene.store)
                        .build())
                .withMessageContaining("sealingKeys(")
                .withMessageContaining("allowPlaintextTokens()");
        assertThatIllegalStateException()
                .isThrownBy(() -> at(provider).allowPlaintextTokens().build())
                .withMessageContaining("contradict");
        assertThatIllegalStateException()
                .isThrownBy(() -> at(provider)
                        .clientSecret(System.getenv("NO_SUCH_VARIABLE"))
                        .build())
                .withMessageContaining("client secret")
                .withMessageContaining("environment variable");
        assertThatIllegalStateException()
                .isThrownBy(() -> at(provider).clientSecret("").build())
                .withMessageContaining("client secret");
        assertThatIllegalStateException()
                .isThrownBy(() -> at(EntraId.version1("common"))
                        .redirectUri("http://localhost")
                        .fetchProfile()
                        .build())
                .withMessageContaining("fetchProfile()");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> at(provider).maxWait(Duration.ZERO))
                .withMessageContaining("maxWait");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> at(provider).tokenCallTimeout(Duration.ofSeconds(-1)))
                .withMessageContaining("tokenCallTimeout");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> at(provider).storeCacheTime(Duration.ofSeconds(-1)))
                .withMessageContaining("storeCacheTime");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> at(provider).storeCacheSize(0))
                .withMessageContaining("storeCacheSize");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "http://example.com/a",
                "ftp://example.com/a",
                "javascript:alert(1)",
                "file:///etc/passwd",
                "https://user@example.com/a",
                "https://example.com/a#f",
                "example.com/a",
                "//example.com/a",
                "https://",
                "https://exa mple.com/a",
                "--help",
                "http://127.0.0.1.example.com/a"
            })
    void an_endpoint_that_is_not_https_is_refused_when_the_provider_is_described(String url) {
        for (boolean loopback : new boolean[] {false, true}) {
            Provider.Builder builder =
                    Provider.builder("x").authorizationEndpoint(url).tokenEndpoint("https://example.com/token");
            Provider.Builder chosen = loopback ? builder.allowHttpOnLoopback() : builder;
            assertThatIllegalArgumentException()
                    .isThrownBy(chosen::build)
                    .withMessageContaining("authorization endpoint");
        }
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Provider.builder("x")
                        .authorizationEndpoint("http://127.0.0.1/a")
                        .tokenEndpoint("https://example.com/token")
                        .build())
                .withMessageContaining("allowHttpOnLoopback");
    }

    @ParameterizedTest
    @ValueSource(strings = {"a/b", "..", "evil.com/x", "a b", "a@b", "a#b", "a?b", "", "ü", "a\\b", "a:1", "a%2fb"})
    void no_tenant_moves_the_url_elsewhere(String tenant) {
        assertThatIllegalArgumentException().isThrownBy(() -> EntraId.provider(tenant));
    }

    @Test
    void reading_a_grant_does_not_throw_for_an_account_nobody_knows() throws IOException {
        assertThat(node.account("nobody").grant()).isEmpty();
        assertThatThrownBy(() -> node.account("nobody").tokens())
                .isInstanceOfSatisfying(
                        LoginRequiredException.class,
                        required ->
                                assertThat(required.reason()).isEqualTo(LoginRequiredException.Reason.NOT_CONNECTED));
        assertThat(scene.server.tokenRequests()).isZero();
    }

    @Test
    void a_callback_as_the_jdks_server_names_it_is_understood() throws Exception {
        Grantkeeper node = scene.node();
        PendingLogin login = node.startLogin();
        // HttpExchange.getRequestURI().toString(), Vert.x request.uri(), Netty's uri()
        String callback =
                "/callback?" + Scene.query(scene.server.approve(login.url().toString(), "alice"));
        assertThat(PendingLogin.sessionKeyOf(callback)).isEqualTo(login.sessionKey());
        assertThat(node.finishLogin(login, callback)).isInstanceOf(SignedIn.class);
    }
}
