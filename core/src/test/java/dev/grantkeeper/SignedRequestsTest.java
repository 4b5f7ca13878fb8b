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
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Authorization requests that the application has signed (RFC 9101). */
@Timeout(60)
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
}
