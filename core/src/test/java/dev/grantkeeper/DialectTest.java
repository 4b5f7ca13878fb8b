/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.nimbusds.jwt.SignedJWT;
import dev.grantkeeper.LoginResult.Mismatched;
import dev.grantkeeper.LoginResult.SignedIn;
import dev.grantkeeper.provider.ClientAuthentication;
import dev.grantkeeper.provider.Dialect;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.provider.SigningKey;
import dev.grantkeeper.token.Identity;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.net.InetAddress;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import mockwebserver3.MockResponse;
import mockwebserver3.MockWebServer;
import mockwebserver3.RecordedRequest;
import okhttp3.HttpUrl;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import okhttp3.tls.HandshakeCertificates;
import okhttp3.tls.HeldCertificate;
import okio.ByteString;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Servers that say things differently: what is sent to them, and what is made of their answers. */
@Timeout(300)
class DialectTest {
    private static final String SECRET = "a-secret-of-more-than-thirty-two-bytes";

    private final MockProvider mock = new MockProvider();

    @AfterEach
    void close() {
        mock.close();
    }

    private Grantkeeper.Builder registration(Consumer<Dialect> differences) {
        return mock.registration(mock.provider().apiOrigins(mock.url("/")).dialect(differences))
                .clientAuthentication(ClientAuthentication.SECRET_POST)
                .clientSecret(SECRET);
    }

    private Grantkeeper node(Consumer<Dialect> differences) {
        return mock.node(registration(differences));
    }

    private static String query(PendingLogin login, String more) {
        return "code=code-1&state=" + HttpUrl.get(login.url().toString()).queryParameter("state") + more;
    }

    private LoginResult login(Grantkeeper node, String more) throws Exception {
        PendingLogin login = node.startLogin();
        return node.finishLogin(login, query(login, more));
    }

    /** A user whose access token has ended. */
    private Account expired(Grantkeeper node) throws IOException {
        Account user = node.account("user");
        user.importTokens(TokenSet.builder("access-0")
                .expiresAt(mock.time.clock().instant().minusSeconds(1))
                .refreshToken("refresh-0")
                .build());
        return user;
    }

    /** A user whose access token is good. */
    private Account valid(Grantkeeper node) throws IOException {
        Account user = node.account("user");
        user.importTokens(TokenSet.builder("access-0")
                .expiresAt(mock.time.clock().instant().plusSeconds(3600))
                .refreshToken("refresh-0")
                .build());
        return user;
    }

    private static String body(OkHttpClient client, String url) throws IOException {
        try (Response response =
                client.newCall(new Request.Builder().url(url).build()).execute()) {
            return response.body().string();
        }
    }

    private static MockResponse text(String text) {
        return new MockResponse.Builder().body(text).build();
    }

    // ---- Requests -------------------------------------------------------------------------------------------------

    @Test
    void a_client_id_and_scopes_go_under_the_names_that_the_server_knows() throws Exception {
        Grantkeeper node = node(d -> d.parameterName("client_id", "client_key").parameterName("scope", "user_scope"));
        PendingLogin login = node.startLogin();
        assertThat(MockProvider.parameters(login.url().toString()))
                .containsEntry("client_key", MockProvider.CLIENT)
                .containsEntry("user_scope", "a b")
                .doesNotContainKeys("client_id", "scope");
        mock.server.enqueue(MockProvider.tokens());
        assertThat(node.finishLogin(login, query(login, ""))).isInstanceOf(SignedIn.class);
        assertThat(MockProvider.form(mock.server.takeRequest()))
                .containsEntry("client_key", MockProvider.CLIENT)
                .doesNotContainKey("client_id");
        assertThatIllegalArgumentException()
                .isThrownBy(
                        () -> node.newLogin().parameter("client_key", "other").start())
                .withMessageContaining("client_key");
    }

    @Test
    void redirect_uri_response_type_and_secret_go_under_the_names_that_the_server_knows() throws Exception {
        Grantkeeper node = node(d -> d.parameterName("redirect_uri", "redirect_url")
                .parameterName("response_type", "responseType")
                .parameterName("client_secret", "secret"));
        PendingLogin login = node.startLogin();
        assertThat(MockProvider.parameters(login.url().toString()))
                .containsKey("redirect_url")
                .containsEntry("responseType", "code")
                .doesNotContainKeys("redirect_uri", "response_type");
        mock.server.enqueue(MockProvider.tokens());
        assertThat(node.finishLogin(login, query(login, ""))).isInstanceOf(SignedIn.class);
        assertThat(MockProvider.form(mock.server.takeRequest()))
                .containsEntry("secret", SECRET)
                .containsKey("redirect_uri") // the standard's name, but in the browser
                .doesNotContainKey("client_secret");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> node(d -> d.parameterName("state", "customField")))
                .withMessageContaining("state");
    }

    @Test
    void a_refresh_has_parameters_of_its_own_where_the_server_wants_that() throws Exception {
        Grantkeeper node = node(d -> d.tokenParameter("type", "web_server").refreshParameter("type", "refresh"));
        String tokens = "{\"access_token\":\"at-1\",\"refresh_token\":\"rt-1\",\"expires_in\":3600}";
        mock.server.enqueue(MockProvider.json(200, tokens));
        SignedIn in = (SignedIn) login(node, "");
        assertThat(MockProvider.form(mock.server.takeRequest())).containsEntry("type", "web_server");
        Account alice = in.keepAs("alice");
        mock.server.enqueue(MockProvider.json(200, tokens.replace("at-1", "at-2")));
        alice.tokensInsteadOf(alice.tokens());
        assertThat(MockProvider.form(mock.server.takeRequest())).containsEntry("type", "refresh");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> node(d -> d.refreshParameter("REFRESH_TOKEN", "x")))
                .withMessageContaining("REFRESH_TOKEN");
    }

    @Test
    void a_request_for_the_applications_own_tokens_has_parameters_of_its_own() throws Exception {
        Grantkeeper node = node(
                d -> d.applicationParameter("audience", "https://api.example/").tokenParameter("type", "web_server"));
        mock.server.enqueue(MockProvider.tokens());
        node.application().tokens();
        assertThat(MockProvider.form(mock.server.takeRequest()))
                .containsEntry("grant_type", "client_credentials")
                .containsEntry("audience", "https://api.example/")
                .doesNotContainKey("type");
    }

    @Test
    void a_code_is_found_under_the_servers_own_name() throws Exception {
        Grantkeeper node = node(d -> d.codeParameter("spapi_oauth_code"));
        PendingLogin login = node.startLogin();
        String state = HttpUrl.get(login.url().toString()).queryParameter("state");
        mock.server.enqueue(MockProvider.tokens());
        SignedIn in =
                (SignedIn) node.finishLogin(login, "state=" + state + "&spapi_oauth_code=code-7&selling_partner_id=A1");
        assertThat(in.callbackParameters()).containsExactly(Map.entry("selling_partner_id", "A1"));
        assertThat(MockProvider.form(mock.server.takeRequest())).containsEntry("code", "code-7");
    }

    @Test
    void token_requests_are_json_where_the_server_wants_that() throws Exception {
        Grantkeeper node = node(d -> d.jsonRequests().requestHeader("Notion-Version", "2022-06-28"));
        mock.server.enqueue(MockProvider.tokens());
        assertThat(login(node, "")).isInstanceOf(SignedIn.class);
        RecordedRequest request = mock.server.takeRequest();
        assertThat(request.getHeaders().get("Content-Type")).isEqualTo("application/json");
        assertThat(request.getHeaders().get("Notion-Version")).isEqualTo("2022-06-28");
        JsonNode sent = new JsonMapper().readTree(request.getBody().utf8());
        assertThat(sent.path("grant_type").asText()).isEqualTo("authorization_code");
        assertThat(sent.path("code").asText()).isEqualTo("code-1");
        assertThat(sent.path("client_secret").asText()).isEqualTo(SECRET);
    }

    @Test
    void a_profile_is_asked_for_as_the_apis_want_it_and_read_where_it_is() throws Exception {
        Grantkeeper node = mock.node(mock.registration(mock.provider()
                        .profileEndpoint(mock.url("/me"), Map.of("sub", "/data/0/id", "name", "/data/0/owner/name"))
                        .dialect(d ->
                                d.requestHeader("Notion-Version", "2022-06-28").tokenScheme("Zoho-oauthtoken")))
                .fetchProfile());
        mock.server.enqueue(MockProvider.tokens());
        mock.server.enqueue(MockProvider.json(
                200, "{\"data\":[{\"id\":4711,\"owner\":{\"name\":\"Ada\"}}],\"id\":\"of the answer\"}"));
        Identity user = ((SignedIn) login(node, "")).identity().orElseThrow();
        assertThat(user.subject()).isEqualTo("4711");
        assertThat(user.name()).contains("Ada");
        mock.server.takeRequest();
        RecordedRequest asked = mock.server.takeRequest();
        assertThat(asked.getHeaders().get("Notion-Version")).isEqualTo("2022-06-28");
        assertThat(asked.getHeaders().get("Authorization")).isEqualTo("Zoho-oauthtoken at");
    }

    @ParameterizedTest
    @ValueSource(strings = {"{\"data\":[]}", "{\"data\":{}}", "{\"data\":[{}]}", "{\"data\":7}", "{\"id\":1}"})
    void a_profile_that_has_nobody_where_the_user_should_be_is_nobodys(String profile) {
        Grantkeeper node = mock.node(
                mock.registration(mock.provider().profileEndpoint(mock.url("/me"), Map.of("sub", "/data/0/id")))
                        .fetchProfile());
        mock.server.enqueue(MockProvider.tokens());
        mock.server.enqueue(MockProvider.json(200, profile));
        assertThatExceptionOfType(AuthorizationServerException.class)
                .isThrownBy(() -> login(node, ""))
                .withMessageContaining("did not identify the user");
    }

    @Test
    void a_provider_that_posts_the_callback_is_asked_to_and_that_needs_https() throws Exception {
        Grantkeeper node = mock.node(registration(Dialect::formPost).redirectUri("https://app.example/callback"));
        assertThat(MockProvider.parameters(node.startLogin().url().toString()))
                .containsEntry("response_mode", "form_post");
        assertThatIllegalStateException()
                .isThrownBy(() -> registration(Dialect::formPost).build())
                .withMessageContaining("https");
    }

    @Test
    void a_refresh_goes_where_the_server_wants_it_with_what_it_wants() throws Exception {
        Grantkeeper node = mock.node(mock.registration(mock.provider()
                .refreshEndpoint(mock.url("/refresh"))
                .dialect(d -> d.redirectUriOnRefresh().tokenParameter("expiring", "1"))));
        mock.server.enqueue(MockProvider.tokens());
        assertThat(expired(node).tokens().accessToken()).isEqualTo("at");
        RecordedRequest request = mock.server.takeRequest();
        assertThat(request.getUrl().encodedPath()).isEqualTo("/refresh");
        assertThat(MockProvider.form(request))
                .containsEntry("redirect_uri", MockProvider.REDIRECT)
                .containsEntry("expiring", "1")
                .containsEntry("refresh_token", "refresh-0");
    }

    @Test
    void scopes_go_with_a_refresh_only_where_the_server_needs_them() throws Exception {
        for (boolean needed : List.of(false, true)) {
            Grantkeeper node = node(d -> {
                if (needed) {
                    d.scopesOnRefresh("offline");
                }
            });
            mock.server.enqueue(MockProvider.tokens());
            assertThat(login(node, "")).isInstanceOf(SignedIn.class);
            mock.server.takeRequest();
            Account user = node.account("user-" + needed);
            user.importTokens(TokenSet.builder("access-0")
                    .expiresAt(mock.time.clock().instant().minusSeconds(1))
                    .refreshToken("refresh-0")
                    .scopes(Set.of("things.read"))
                    .build());
            mock.server.enqueue(MockProvider.tokens());
            assertThat(user.tokens().accessToken()).isEqualTo("at");
            Map<String, String> sent = MockProvider.form(mock.server.takeRequest());
            if (needed) {
                assertThat(sent).containsEntry("scope", "things.read offline");
            } else {
                assertThat(sent).doesNotContainKey("scope");
            }
        }
    }

    @Test
    void a_secret_may_be_a_signed_statement_that_is_made_anew_each_time() throws Exception {
        Provider.Builder apple = mock.provider()
                .clientAuthentication(ClientAuthentication.SIGNED_SECRET)
                .assertionIssuer("TEAM123456")
                .assertionAudience("https://appleid.apple.com");
        Grantkeeper node = mock.node(mock.registration(apple)
                .signingKey(SigningKey.of(MockProvider.curve("secp256r1").getPrivate())
                        .keyId("KEY7")));
        mock.server.enqueue(MockProvider.tokens());
        assertThat(login(node, "")).isInstanceOf(SignedIn.class);
        Map<String, String> form = MockProvider.form(mock.server.takeRequest());
        SignedJWT secret = SignedJWT.parse(form.get("client_secret"));
        assertThat(secret.getHeader().getAlgorithm().getName()).isEqualTo("ES256");
        assertThat(secret.getHeader().getKeyID()).isEqualTo("KEY7");
        assertThat(secret.getJWTClaimsSet().getIssuer()).isEqualTo("TEAM123456");
        assertThat(secret.getJWTClaimsSet().getSubject()).isEqualTo(MockProvider.CLIENT);
        assertThat(secret.getJWTClaimsSet().getAudience()).containsExactly("https://appleid.apple.com");
        assertThat(form).doesNotContainKey("client_assertion").containsEntry("client_id", MockProvider.CLIENT);
        assertThatIllegalStateException()
                .isThrownBy(() -> mock.registration(apple)
                        .clientAuthentication(ClientAuthentication.SIGNED_SECRET)
                        .build())
                .withMessageContaining("signingKey");
    }

    // ---- Answers --------------------------------------------------------------------------------------------------

    @Test
    void an_answer_in_other_places_is_read_there_and_otherwise_where_the_standard_has_it() throws Exception {
        Grantkeeper node = node(d -> d.member("access_token", "/authed_user/access_token")
                .member("scope", "/authed_user/scope")
                .bearerTypes("user")
                .grantedScopeSeparator(",")
                .member("refresh_token_expires_in", "/x_refresh_token_expires_in")
                .identityMember("sub", "/authed_user/id")
                .identityMember("name", "/team/name"));
        mock.server.enqueue(
                MockProvider.json(
                        200,
                        "{\"access_token\":\"bot\",\"token_type\":\"user\",\"authed_user\":{\"access_token\":\"mine\",\"scope\":\"a,b\","
                                + "\"id\":4711},\"team\":{\"name\":\"T\"},\"x_refresh_token_expires_in\":7200,\"expires_in\":-1}"));
        SignedIn in = (SignedIn) login(node, "");
        assertThat(in.tokens().accessToken()).isEqualTo("mine");
        assertThat(in.tokens().scopes()).containsExactly("a", "b");
        assertThat(in.tokens().refreshTokenExpiresAt())
                .contains(in.tokens().receivedAt().plusSeconds(7200));
        Identity user = in.identity().orElseThrow();
        assertThat(user.subject()).isEqualTo("4711");
        assertThat(user.name()).contains("T");
        assertThat(user.issuer()).isEqualTo("mock");

        mock.server.enqueue(MockProvider.json(200, "{\"access_token\":\"flat\",\"token_type\":\"USER\"}"));
        assertThat(((SignedIn) login(node, "")).tokens().accessToken()).isEqualTo("flat");
    }

    @Test
    void a_token_of_a_type_that_nobody_has_named_is_refused() {
        Grantkeeper node = node(d -> d.bearerTypes("user"));
        mock.server.enqueue(MockProvider.json(200, "{\"access_token\":\"at\",\"token_type\":\"bot\"}"));
        assertThatExceptionOfType(AuthorizationServerException.class)
                .isThrownBy(() -> login(node, ""))
                .satisfies(e -> assertThat(e.kind()).isEqualTo(AuthorizationServerException.Kind.MALFORMED));
    }

    @Test
    void an_error_of_several_parts_means_what_is_known_of_its_beginning() throws Exception {
        Consumer<Dialect> parts = d -> d.member("error", "/error/type", "/error/code", "/error/sub")
                .member("error_description", "/error/message")
                .error("OAuthException/190", Dialect.Meaning.REFUSED)
                .error("OAuthException/4", Dialect.Meaning.TEMPORARY);
        Grantkeeper node = node(parts);
        mock.server.enqueue(MockProvider.json(
                400, "{\"error\":{\"type\":\"OAuthException\",\"code\":190,\"sub\":463,\"message\":\"has expired\"}}"));
        assertThatExceptionOfType(LoginRequiredException.class)
                .isThrownBy(() -> expired(node).tokens())
                .satisfies(e -> assertThat(e.error()).contains("OAuthException/190/463"))
                .withMessageContaining("has expired");
        // 4 is not the beginning of 41.
        Grantkeeper other = mock.node(registration(parts).registration("other"));
        mock.server.enqueue(MockProvider.json(400, "{\"error\":{\"type\":\"OAuthException\",\"code\":41}}"));
        assertThatExceptionOfType(AuthorizationServerException.class)
                .isThrownBy(() -> expired(other).tokens())
                .satisfies(e -> assertThat(e.kind()).isEqualTo(AuthorizationServerException.Kind.MISCONFIGURED));
    }

    @Test
    void what_a_pointer_finds_beside_tokens_is_no_error() throws Exception {
        Grantkeeper node = node(d -> d.member("error", "/message").error("gone", Dialect.Meaning.REFUSED));
        mock.server.enqueue(MockProvider.json(200, "{\"access_token\":\"at\",\"message\":\"gone\"}"));
        assertThat(login(node, "")).isInstanceOf(SignedIn.class);
    }

    @Test
    void a_lifetime_of_zero_means_for_ever_only_where_that_was_said() throws Exception {
        String zero = "{\"access_token\":\"at\",\"expires_in\":0}";
        mock.server.enqueue(MockProvider.json(200, zero));
        assertThat(((SignedIn) login(node(Dialect::zeroMeansForever), ""))
                        .tokens()
                        .expiresAt())
                .isEmpty();
        mock.server.enqueue(MockProvider.json(200, zero));
        assertThat(((SignedIn) login(node(d -> {}), "")).tokens().expiresAt()).isPresent();
    }

    // ---- Callbacks ------------------------------------------------------------------------------------------------

    @Test
    void what_else_comes_with_the_code_is_the_applications() throws Exception {
        mock.server.enqueue(MockProvider.tokens());
        SignedIn in = (SignedIn) login(node(d -> {}), "&realmId=4711&session_state=x&user=%7B%22name%22%3A1%7D");
        assertThat(in.callbackParameters())
                .containsOnly(
                        Map.entry("realmId", "4711"),
                        Map.entry("session_state", "x"),
                        Map.entry("user", "{\"name\":1}"));
    }

    @Test
    void what_the_user_has_granted_may_come_with_the_code() throws Exception {
        Grantkeeper node = node(d -> d.grantedScopeParameter("scope").grantedScopeSeparator(","));
        mock.server.enqueue(MockProvider.tokens());
        assertThat(((SignedIn) login(node, "&scope=read,write")).tokens().scopes())
                .containsExactly("read", "write");
        // What the token endpoint says counts more: nobody can change that on the way.
        mock.server.enqueue(MockProvider.json(200, "{\"access_token\":\"at\",\"scope\":\"read\"}"));
        assertThat(((SignedIn) login(node, "&scope=read,write")).tokens().scopes())
                .containsExactly("read");
    }

    @Test
    void a_code_for_another_of_the_providers_servers_is_sent_nowhere() throws Exception {
        Grantkeeper node = node(d -> d.serverParameter("accounts-server"));
        assertThat(login(node, "&accounts-server=https%3A%2F%2Faccounts.zoho.eu"))
                .isInstanceOfSatisfying(
                        Mismatched.class, other -> assertThat(other.reason()).isEqualTo(Mismatched.Reason.MIXED_UP));
        assertThat(mock.server.getRequestCount()).isZero();
        mock.server.enqueue(MockProvider.tokens());
        String own = URLEncoder.encode(mock.url("/"), StandardCharsets.UTF_8);
        assertThat(login(node, "&accounts-server=" + own)).isInstanceOf(SignedIn.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "&hmac=", "&hmac=00", "&hmac=not+hexadecimal", "&HMAC=right"})
    void a_callback_without_the_providers_own_code_over_it_is_forged(String hmac) throws Exception {
        Grantkeeper node = node(d -> d.callbackHmac("hmac"));
        assertThat(login(node, "&shop=example.myshopify.com" + hmac))
                .isInstanceOfSatisfying(
                        Mismatched.class, forged -> assertThat(forged.reason()).isEqualTo(Mismatched.Reason.FORGED));
        assertThat(mock.server.getRequestCount()).isZero();
    }

    @Test
    void a_callback_with_the_providers_own_code_over_it_is_taken_and_one_that_was_changed_after_that_is_not()
            throws Exception {
        Grantkeeper node = node(d -> d.callbackHmac("hmac"));
        PendingLogin login = node.startLogin();
        String state = HttpUrl.get(login.url().toString()).queryParameter("state");
        String hmac = ByteString.encodeUtf8("code=code-1&shop=example.myshopify.com&state=" + state)
                .hmacSha256(ByteString.encodeUtf8(SECRET))
                .hex();
        assertThat(node.finishLogin(login, query(login, "&shop=other.myshopify.com&hmac=" + hmac)))
                .isInstanceOf(Mismatched.class);
        mock.server.enqueue(MockProvider.tokens());
        assertThat(node.finishLogin(login, query(login, "&shop=example.myshopify.com&hmac=" + hmac)))
                .isInstanceOf(SignedIn.class);
    }

    // ---- Calls ----------------------------------------------------------------------------------------------------

    @Test
    void a_token_goes_into_the_header_and_after_the_word_that_the_api_wants() throws Exception {
        mock.server.enqueue(text("well"));
        assertThat(body(valid(node(d -> d.tokenScheme("Zoho-oauthtoken"))).wrap(mock.http), mock.url("/things")))
                .isEqualTo("well");
        assertThat(mock.server.takeRequest().getHeaders().get("Authorization")).isEqualTo("Zoho-oauthtoken access-0");

        Grantkeeper shop = mock.node(
                registration(d -> d.tokenHeader("X-Shopify-Access-Token")).registration("shop"));
        mock.server.enqueue(text("well"));
        assertThat(body(valid(shop).wrap(mock.http), mock.url("/things"))).isEqualTo("well");
        RecordedRequest request = mock.server.takeRequest();
        assertThat(request.getHeaders().get("X-Shopify-Access-Token")).isEqualTo("access-0");
        assertThat(request.getHeaders().get("Authorization")).isNull();
    }

    @Test
    void a_token_in_a_header_of_the_providers_own_does_not_follow_a_redirect_to_another_host() throws Exception {
        try (MockWebServer elsewhere = new MockWebServer()) {
            elsewhere.start();
            Account user = valid(node(d -> d.tokenHeader("X-Shopify-Access-Token")));
            mock.server.enqueue(new MockResponse.Builder()
                    .code(302)
                    .setHeader("Location", "/here")
                    .build());
            mock.server.enqueue(new MockResponse.Builder()
                    .code(302)
                    .setHeader("Location", elsewhere.url("/there").toString())
                    .build());
            elsewhere.enqueue(text("there"));
            assertThat(body(user.wrap(mock.http), mock.url("/things"))).isEqualTo("there");
            assertThat(mock.server.takeRequest().getHeaders().get("X-Shopify-Access-Token"))
                    .isEqualTo("access-0");
            assertThat(mock.server.takeRequest().getHeaders().get("X-Shopify-Access-Token"))
                    .isEqualTo("access-0");
            assertThat(elsewhere.takeRequest().getHeaders().get("X-Shopify-Access-Token"))
                    .isNull();

            // An interceptor alone cannot see where the call goes next, so it does not let it go anywhere.
            OkHttpClient own =
                    mock.http.newBuilder().addInterceptor(user.interceptor()).build();
            assertThatExceptionOfType(OAuthException.class)
                    .isThrownBy(() -> body(own, mock.url("/things")))
                    .withMessageContaining("X-Shopify-Access-Token");
            mock.server.enqueue(text("well"));
            assertThat(body(own.newBuilder().followRedirects(false).build(), mock.url("/things")))
                    .isEqualTo("well");
        }
    }

    @Test
    void an_api_that_rejects_a_token_with_status_200_gets_another_one_once() throws Exception {
        Account user = valid(node(d -> d.rejection("/error", "token_revoked", "token_expired")));
        String rejection = "{\"ok\":false,\"error\":\"token_expired\"}";
        mock.server.enqueue(MockProvider.json(200, rejection));
        mock.server.enqueue(MockProvider.tokens());
        mock.server.enqueue(MockProvider.json(200, "{\"ok\":true}"));
        assertThat(body(user.wrap(mock.http), mock.url("/things"))).isEqualTo("{\"ok\":true}");
        assertThat(mock.server.getRequestCount()).isEqualTo(3);

        // What comes after that is the caller's.
        mock.server.enqueue(MockProvider.json(200, rejection));
        assertThat(body(user.wrap(mock.http), mock.url("/things"))).isEqualTo(rejection);
    }

    @ParameterizedTest
    @ValueSource(ints = {400, 403})
    void an_api_may_reject_a_token_with_other_statuses_too(int status) throws Exception {
        Account user = valid(node(d -> d.rejection("/error/code", "190")));
        mock.server.enqueue(MockProvider.json(status, "{\"error\":{\"type\":\"OAuthException\",\"code\":190}}"));
        mock.server.enqueue(MockProvider.tokens());
        mock.server.enqueue(text("well"));
        assertThat(body(user.wrap(mock.http), mock.url("/things"))).isEqualTo("well");
        // Any other is the caller's, and costs nothing.
        String other = "{\"error\":{\"code\":200}}";
        mock.server.enqueue(MockProvider.json(status, other));
        assertThat(body(user.wrap(mock.http), mock.url("/things"))).isEqualTo(other);
        assertThat(mock.server.getRequestCount()).isEqualTo(4);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"ok\":false,\"error\":\"channel_not_found\"}",
                "{\"ok\":true,\"text\":\"token_expired\"}",
                "[\"token_expired\"]",
                "no JSON",
                ""
            })
    void what_is_no_rejection_is_the_callers(String answer) throws Exception {
        Account user = valid(node(d -> d.rejection("/error", "token_expired")));
        mock.server.enqueue(MockProvider.json(200, answer));
        assertThat(body(user.wrap(mock.http), mock.url("/things"))).isEqualTo(answer);
        assertThat(mock.server.getRequestCount()).isEqualTo(1);
    }

    @Test
    void a_long_answer_is_passed_on_whole() throws Exception {
        Account user = valid(node(d -> d.rejection("/error", "token_expired")));
        String answer = "{\"error\":\"token_expired\",\"text\":\"" + "x".repeat(100_000) + "\"}";
        mock.server.enqueue(new MockResponse.Builder()
                .setHeader("Content-Type", "application/json")
                .chunkedBody(answer, 1000)
                .build());
        assertThat(body(user.wrap(mock.http), mock.url("/things"))).isEqualTo(answer);
    }

    // ---- Where a user's API is ------------------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(
            strings = {
                "http://a.my.sales.example",
                "https://sales.example.evil.example",
                "https://evilsales.example",
                "https://user@a.sales.example",
                "https://a.sales.example@evil.example",
                "//a.sales.example",
                "a.sales.example",
                ""
            })
    void an_api_base_in_another_domain_is_not_believed(String base) throws Exception {
        Grantkeeper node = node(d -> d.apiBase("/instance_url", "sales.example"));
        mock.server.enqueue(MockProvider.json(200, "{\"access_token\":\"at\",\"instance_url\":\"" + base + "\"}"));
        assertThat(((SignedIn) login(node, "")).tokens().apiBase()).isEmpty();
    }

    @Test
    void a_users_token_goes_to_that_users_api_and_a_refresh_may_move_it() throws Exception {
        HeldCertificate certificate = new HeldCertificate.Builder()
                .addSubjectAlternativeName("one.sales.example")
                .addSubjectAlternativeName("two.sales.example")
                .build();
        HandshakeCertificates certificates = new HandshakeCertificates.Builder()
                .heldCertificate(certificate)
                .addTrustedCertificate(certificate.certificate())
                .build();
        try (MockWebServer api = new MockWebServer()) {
            api.useHttps(certificates.sslSocketFactory());
            api.start(InetAddress.getLoopbackAddress(), 0);
            OkHttpClient http = mock.http
                    .newBuilder()
                    .sslSocketFactory(certificates.sslSocketFactory(), certificates.trustManager())
                    .dns(host -> List.of(InetAddress.getLoopbackAddress()))
                    .build();
            String one = "https://one.sales.example:" + api.getPort() + "/";
            String two = "https://two.sales.example:" + api.getPort() + "/";
            Grantkeeper node = node(d -> d.apiBase("/instance_url", "sales.example"));
            mock.server.enqueue(MockProvider.json(
                    200,
                    "{\"access_token\":\"at-1\",\"refresh_token\":\"rt\",\"expires_in\":60,\"instance_url\":\"" + one
                            + "\"}"));
            Account user = ((SignedIn) login(node, "")).keepAs("user");
            assertThat(user.tokens().apiBase()).contains(URI.create(one));
            OkHttpClient client = user.wrap(http);
            for (int i = 0; i < 4; i++) {
                api.enqueue(text("well"));
            }
            body(client, one);
            assertThat(api.takeRequest().getHeaders().get("Authorization")).isEqualTo("Bearer at-1");
            body(client, two);
            assertThat(api.takeRequest().getHeaders().get("Authorization")).isNull();

            mock.time.pass(Duration.ofSeconds(70));
            mock.server.enqueue(MockProvider.json(
                    200, "{\"access_token\":\"at-2\",\"expires_in\":60,\"instance_url\":\"" + two + "\"}"));
            assertThat(user.tokens().apiBase()).contains(URI.create(two));
            body(client, two);
            assertThat(api.takeRequest().getHeaders().get("Authorization")).isEqualTo("Bearer at-2");
            body(client, one);
            assertThat(api.takeRequest().getHeaders().get("Authorization")).isNull();

            // Where the API has rejected the old token and the new one belongs elsewhere, the new one does not
            // come after.
            api.enqueue(new MockResponse.Builder().code(401).build());
            mock.server.enqueue(MockProvider.json(
                    200, "{\"access_token\":\"at-3\",\"expires_in\":60,\"instance_url\":\"" + one + "\"}"));
            try (Response response =
                    client.newCall(new Request.Builder().url(two).build()).execute()) {
                assertThat(response.code()).isEqualTo(401);
            }
            assertThat(api.takeRequest().getHeaders().get("Authorization")).isEqualTo("Bearer at-2");
            assertThat(api.getRequestCount()).isEqualTo(5);
            assertThat(user.tokens().apiBase()).contains(URI.create(one));

            // An answer that says nothing of it changes nothing.
            mock.time.pass(Duration.ofSeconds(70));
            mock.server.enqueue(MockProvider.json(200, "{\"access_token\":\"at-4\",\"expires_in\":60}"));
            assertThat(user.tokens().apiBase()).contains(URI.create(one));
        }
    }

    // ---- What cannot be said --------------------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(strings = {"error", "/", "/a/", "a/b", "/a b", "/~1"})
    void a_place_is_a_pointer(String pointer) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> mock.provider().dialect(d -> d.member("error", pointer)))
                .withMessageContaining("/data/0/id");
    }

    @Test
    void a_dialect_cannot_take_the_place_of_the_protocol() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> mock.provider().dialect(d -> d.requestHeader("Authorization", "x")));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> mock.provider().dialect(d -> d.tokenParameter("refresh_token", "x")));
        for (String name : List.of("Refresh_Token", "code ", "\u0000code", "CLIENT_ASSERTION", "grant_type[0]", "")) {
            assertThatIllegalArgumentException()
                    .as(name)
                    .isThrownBy(() -> mock.provider().dialect(d -> d.tokenParameter(name, "x")));
        }
        assertThatIllegalArgumentException()
                .isThrownBy(() -> mock.provider()
                        .dialect(d -> d.parameterName("client_id", "client_key").tokenParameter("CLIENT_KEY", "x"))
                        .build())
                .withMessageContaining("CLIENT_KEY");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> mock.provider().dialect(d -> d.identityMember("name", "/name")))
                .withMessageContaining("sub");
        assertThatIllegalArgumentException().isThrownBy(() -> mock.provider().dialect(d -> d.member("nonsense", "/a")));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> mock.provider().dialect(d -> d.apiBase("/a", "https://x.example")));
    }
}
