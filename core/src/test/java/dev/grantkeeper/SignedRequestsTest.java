/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static dev.grantkeeper.MockProvider.json;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.crypto.ECDSAVerifier;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import dev.grantkeeper.provider.LoginProtection;
import dev.grantkeeper.provider.SigningKey;
import java.security.KeyPair;
import java.security.interfaces.ECPublicKey;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.UnaryOperator;
import mockwebserver3.Dispatcher;
import mockwebserver3.MockResponse;
import mockwebserver3.RecordedRequest;
import okhttp3.Request;
import okhttp3.Response;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Authorization requests that the application has signed (RFC 9101). */
@Timeout(300)
class SignedRequestsTest {
    private final MockProvider mock = new MockProvider();
    private final KeyPair pair = MockProvider.curve("secp256r1");

    @AfterEach
    void close() {
        mock.close();
    }

    private Grantkeeper.Builder signing(LoginProtection... protections) {
        return mock.registration(mock.provider())
                .signingKey(SigningKey.of(pair.getPrivate()).keyId("k1"))
                .loginProtections(protections);
    }

    private SignedJWT verified(String request) throws Exception {
        SignedJWT jwt = SignedJWT.parse(request);
        assertThat(jwt.verify(new ECDSAVerifier((ECPublicKey) pair.getPublic())))
                .isTrue();
        return jwt;
    }

    @Test
    void outside_of_the_signed_request_stands_what_makes_it_one_of_openid_connect_and_no_more() throws Exception {
        Grantkeeper node = mock.node(signing(LoginProtection.SIGNED_REQUEST));
        for (Set<String> scopes : List.of(Set.of("openid"), Set.of("a"))) {
            PendingLogin login = node.newLogin().scopes(scopes).prompt("login").start();
            Map<String, String> outside = MockProvider.parameters(login.url().toString());
            assertThat(outside)
                    .containsOnlyKeys("client_id", "request", "response_type", "scope")
                    .containsEntry("client_id", MockProvider.CLIENT)
                    .containsEntry("response_type", "code")
                    .containsEntry("scope", String.join(" ", scopes));
            Map<String, Object> inside = verified(outside.get("request"))
                    .getJWTClaimsSet()
                    .toPayload()
                    .toJSONObject();
            assertThat(inside).containsEntry("response_type", "code").containsEntry("scope", outside.get("scope"));
        }
        PendingLogin without = node.newLogin().scopes(Set.of()).start();
        assertThat(MockProvider.parameters(without.url().toString()))
                .containsOnlyKeys("client_id", "request", "response_type");
        assertThat(mock.server.getRequestCount()).isZero();
    }

    @Test
    void the_signed_request_says_everything_and_for_whom_and_for_five_minutes() throws Exception {
        PendingLogin login = mock.node(signing(LoginProtection.SIGNED_REQUEST))
                .newLogin()
                .scopes("openid", "a")
                .prompt("login")
                .claims("{\"userinfo\":{\"email\":null}}")
                .maxAge(Duration.ofMinutes(5))
                .start();
        SignedJWT jwt = verified(MockProvider.parameters(login.url().toString()).get("request"));
        assertThat(jwt.getHeader().toJSONObject())
                .isEqualTo(Map.of("alg", "ES256", "typ", "oauth-authz-req+jwt", "kid", "k1"));
        Map<String, Object> claims = jwt.getJWTClaimsSet().toPayload().toJSONObject();
        assertThat(claims)
                .containsOnlyKeys(
                        "iss",
                        "aud",
                        "iat",
                        "nbf",
                        "exp",
                        "jti",
                        "client_id",
                        "response_type",
                        "redirect_uri",
                        "scope",
                        "state",
                        "nonce",
                        "code_challenge",
                        "code_challenge_method",
                        "prompt",
                        "claims",
                        "max_age")
                .containsEntry("iss", MockProvider.CLIENT)
                .containsEntry("client_id", MockProvider.CLIENT)
                .containsEntry("aud", MockProvider.ISSUER)
                .containsEntry("response_type", "code")
                .containsEntry("code_challenge_method", "S256")
                .containsEntry("scope", "openid a")
                .containsEntry("max_age", 300L)
                .containsEntry("nonce", login.attempt().nonce());
        assertThat(claims.get("claims")).isInstanceOf(Map.class);
        assertThat(login.attempt().state()).isEqualTo((String) claims.get("state"));
        JWTClaimsSet times = jwt.getJWTClaimsSet();
        assertThat(times.getNotBeforeTime()).isEqualTo(times.getIssueTime());
        assertThat(Duration.between(
                        times.getIssueTime().toInstant(),
                        times.getExpirationTime().toInstant()))
                .isEqualTo(Duration.ofMinutes(5));
        assertThat(Duration.between(
                        times.getExpirationTime().toInstant(),
                        login.urlExpiresAt().orElseThrow()))
                .isLessThan(Duration.ofSeconds(1));
    }

    @Test
    void each_signed_request_is_another() throws Exception {
        Grantkeeper node = mock.node(signing(LoginProtection.SIGNED_REQUEST));
        Set<String> names = new HashSet<>();
        for (int i = 0; i < 5; i++) {
            names.add(verified(MockProvider.parameters(node.startLogin().url().toString())
                            .get("request"))
                    .getJWTClaimsSet()
                    .getJWTID());
        }
        assertThat(names).hasSize(5).doesNotContainNull();
    }

    @Test
    void a_signed_request_can_be_pushed() throws Exception {
        mock.server.enqueue(json(201, "{\"request_uri\":\"urn:example:1\",\"expires_in\":60}"));
        PendingLogin login = mock.node(signing(LoginProtection.SIGNED_REQUEST, LoginProtection.PUSHED_REQUEST))
                .startLogin();
        assertThat(MockProvider.parameters(login.url().toString())).containsOnlyKeys("client_id", "request_uri");
        Map<String, String> pushed = MockProvider.form(mock.server.takeRequest());
        assertThat(pushed).containsOnlyKeys("client_id", "request", "client_assertion", "client_assertion_type");
        SignedJWT request = verified(pushed.get("request"));
        SignedJWT assertion = verified(pushed.get("client_assertion"));
        assertThat(login.attempt().state()).isEqualTo(request.getJWTClaimsSet().getStringClaim("state"));
        assertThat(request.getHeader().getType()).isEqualTo(new JOSEObjectType("oauth-authz-req+jwt"));
        // One cannot be taken for the other: a request names no subject (RFC 9101 section 10.8).
        assertThat(assertion.getHeader().getType()).isEqualTo(JOSEObjectType.JWT);
        assertThat(request.getJWTClaimsSet().getSubject()).isNull();
    }

    @Test
    void the_key_may_sign_requests_only() throws Exception {
        mock.server.enqueue(json(201, "{\"request_uri\":\"urn:example:1\",\"expires_in\":60}"));
        mock.node(signing(LoginProtection.SIGNED_REQUEST, LoginProtection.PUSHED_REQUEST)
                        .clientSecret("a secret"))
                .startLogin();
        assertThat(MockProvider.form(mock.server.takeRequest())).containsOnlyKeys("client_id", "request");
    }

    @Test
    void nobody_adds_a_request_of_his_own() {
        Grantkeeper node = mock.node(signing(LoginProtection.SIGNED_REQUEST));
        for (String name : List.of("request", "request_uri", "iss", "aud", "exp", "sub")) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> node.newLogin().parameter(name, "x"))
                    .withMessageContaining(name);
        }
    }

    @Test
    void a_key_that_cannot_sign_now_is_a_failure_for_now_and_nothing_goes_out_unsigned() {
        Grantkeeper node = mock.node(mock.registration(mock.provider())
                .signingKey(SigningKey.of(HardwareModule.nameOf("RSA")))
                .loginProtections(LoginProtection.SIGNED_REQUEST));
        assertThatExceptionOfType(AuthorizationServerException.class)
                .isThrownBy(node::startLogin)
                .satisfies(e -> assertThat(e.kind()).isEqualTo(AuthorizationServerException.Kind.TEMPORARY));
    }

    @Test
    void without_a_key_it_cannot_be_built() {
        assertThatIllegalStateException()
                .isThrownBy(() -> mock.registration(mock.provider())
                        .loginProtections(LoginProtection.SIGNED_REQUEST)
                        .build())
                .withMessageContaining("signingKey(");
    }

    // ---- By reference: OpenID Connect Core section 6.2, RFC 9101 section 5.2 ---------------------------------------

    /** An application that serves each request once. */
    private final Map<String, String> published = new ConcurrentHashMap<>();

    private String publish(String request) {
        String path = "/requests/" + UUID.randomUUID();
        published.put(path, request);
        return mock.url(path);
    }

    private Grantkeeper publishing(UnaryOperator<String> publisher) {
        return mock.node(signing(LoginProtection.SIGNED_REQUEST).requestUri(publisher));
    }

    @Test
    void a_request_that_the_application_serves_is_there_once_and_says_everything() throws Exception {
        mock.server.setDispatcher(new Dispatcher() {
            @Override
            public MockResponse dispatch(RecordedRequest request) {
                String jwt = published.remove(request.getUrl().encodedPath());
                return new MockResponse.Builder()
                        .code(jwt == null ? 404 : 200)
                        .setHeader("Content-Type", "application/oauth-authz-req+jwt")
                        .body(jwt == null ? "" : jwt)
                        .build();
            }
        });
        Grantkeeper node = publishing(this::publish);
        PendingLogin login =
                node.newLogin().scopes("openid", "a").loginHint("alice").start();
        Map<String, String> outside = MockProvider.parameters(login.url().toString());
        assertThat(outside)
                .containsOnlyKeys("client_id", "request_uri", "response_type", "scope")
                .containsEntry("scope", "openid a");
        assertThat(login.urlExpiresAt()).isPresent();

        Request fetch = new Request.Builder().url(outside.get("request_uri")).build();
        try (Response response = mock.http.newCall(fetch).execute()) {
            JWTClaimsSet claims = verified(response.body().string()).getJWTClaimsSet();
            assertThat(claims.getStringClaim("state")).isEqualTo(login.attempt().state());
            assertThat(claims.getStringClaim("login_hint")).isEqualTo("alice");
            assertThat(claims.getClaims()).doesNotContainKeys("request_uri", "request");
        }
        try (Response response = mock.http.newCall(fetch).execute()) {
            assertThat(response.code()).isEqualTo(404);
        }
        node.startLogin();
        node.startLogin();
        assertThat(published).hasSize(2);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "/requests/1",
                "http://app.example/requests/1",
                "https://user@app.example/requests/1",
                "https://:password@app.example/requests/1",
                "https://app.example@evil.example/requests/1",
                "HTTPS://app.example/requests/1",
                "https://app.example:443/requests/1",
                "https://app.example/x/../requests/1",
                "https://app.example\\requests/1",
                "https://\u0430pp.example/1",
                " https://app.example/1",
                "https://app.example/1\n",
                "https://app.example/requests/\u00fc",
                "https:app.example/1",
                "ftp://app.example/1",
                "urn:example:1"
            })
    void a_url_that_a_server_would_not_fetch_starts_no_login(String url) {
        Grantkeeper node = publishing(request -> url);
        assertThatIllegalStateException().isThrownBy(node::startLogin).withMessageContaining("requestUri(");
    }

    @Test
    void a_url_that_is_too_long_starts_no_login_and_a_publisher_that_fails_is_not_covered_up() {
        Grantkeeper tooLong = publishing(request -> "https://app.example/" + "a".repeat(500));
        assertThatIllegalStateException().isThrownBy(tooLong::startLogin).withMessageContaining("512");
        Grantkeeper failing = publishing(request -> {
            throw new UnsupportedOperationException("the disk is full");
        });
        assertThatExceptionOfType(UnsupportedOperationException.class).isThrownBy(failing::startLogin);
    }

    @Test
    void what_is_published_is_signed_and_is_not_pushed() {
        assertThatIllegalStateException()
                .isThrownBy(() -> mock.registration(mock.provider())
                        .requestUri(this::publish)
                        .build())
                .withMessageContaining("SIGNED_REQUEST");
        assertThatIllegalStateException()
                .isThrownBy(() -> signing(LoginProtection.SIGNED_REQUEST, LoginProtection.PUSHED_REQUEST)
                        .requestUri(this::publish)
                        .build())
                .withMessageContaining("PUSHED_REQUEST");
        // without a redirect URI there are no logins, as with the protections themselves
        assertThat(mock.node(signing(LoginProtection.SIGNED_REQUEST)
                        .requestUri(this::publish)
                        .redirectUri(null)))
                .isNotNull();
    }
}
