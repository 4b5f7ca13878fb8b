/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static dev.grantkeeper.MockProvider.json;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.JWSObject;
import com.nimbusds.jose.JWSSigner;
import com.nimbusds.jose.Payload;
import com.nimbusds.jose.crypto.ECDSASigner;
import com.nimbusds.jose.crypto.MACSigner;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.PlainJWT;
import com.nimbusds.jwt.SignedJWT;
import dev.grantkeeper.LoginResult.Declined;
import dev.grantkeeper.LoginResult.Mismatched;
import dev.grantkeeper.LoginResult.SignedIn;
import dev.grantkeeper.provider.EntraId;
import dev.grantkeeper.provider.LoginProtection;
import java.nio.charset.StandardCharsets;
import java.security.KeyPair;
import java.security.interfaces.ECPrivateKey;
import java.security.interfaces.ECPublicKey;
import java.time.Duration;
import java.util.Base64;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Stream;
import mockwebserver3.Dispatcher;
import mockwebserver3.MockResponse;
import mockwebserver3.RecordedRequest;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Answers of the authorization endpoint that the server has signed (JARM). */
@Timeout(300)
class SignedResponsesTest {
    private static final KeyPair KEY = MockProvider.curve("secp256r1");
    private static final KeyPair STRANGER = MockProvider.curve("secp256r1");

    private final MockProvider mock = new MockProvider();
    private final Grantkeeper node =
            mock.node(mock.registration(mock.provider()).loginProtections(LoginProtection.SIGNED_RESPONSE));
    private volatile boolean keysDown;

    @BeforeEach
    void answer() {
        mock.server.setDispatcher(new Dispatcher() {
            @Override
            public MockResponse dispatch(RecordedRequest request) {
                if (!request.getTarget().equals("/jwks")) {
                    return MockProvider.tokens();
                }
                return keysDown
                        ? new MockResponse.Builder().code(503).build()
                        : json(200, new JWKSet(jwk(KEY).toPublicJWK()).toString());
            }
        });
    }

    @AfterEach
    void close() {
        mock.close();
    }

    private static ECKey jwk(KeyPair pair) {
        return new ECKey.Builder(Curve.P_256, (ECPublicKey) pair.getPublic())
                .keyID("k1")
                .build();
    }

    private static String state(PendingLogin login) {
        return MockProvider.parameters(login.url().toString()).get("state");
    }

    private JWTClaimsSet.Builder claims(PendingLogin login) {
        return new JWTClaimsSet.Builder()
                .issuer(MockProvider.ISSUER)
                .audience(MockProvider.CLIENT)
                .expirationTime(Date.from(mock.time.clock().instant().plusSeconds(120)))
                .claim("state", state(login))
                .claim("code", "the-code");
    }

    private static String sign(JWTClaimsSet claims, JWSAlgorithm algorithm, JWSSigner signer) throws Exception {
        SignedJWT jwt =
                new SignedJWT(new JWSHeader.Builder(algorithm).keyID("k1").build(), claims);
        jwt.sign(signer);
        return "response=" + jwt.serialize();
    }

    private static String sign(JWTClaimsSet claims, KeyPair key) throws Exception {
        return sign(claims, JWSAlgorithm.ES256, new ECDSASigner((ECPrivateKey) key.getPrivate()));
    }

    private int tokenRequests() {
        int count = 0;
        try {
            RecordedRequest next;
            while ((next = mock.server.takeRequest(0, TimeUnit.MILLISECONDS)) != null) {
                count += next.getTarget().equals("/token") ? 1 : 0;
            }
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
        return count;
    }

    private void assertForged(PendingLogin login, String query) throws Exception {
        LoginResult result = node.finishLogin(login, query);
        assertThat(result).isInstanceOf(Mismatched.class);
        assertThat(((Mismatched) result).reason()).isEqualTo(Mismatched.Reason.FORGED);
        assertThat(((Mismatched) result).explanation()).doesNotContain("eyJ", "the-code");
        assertThat(tokenRequests()).isZero();
    }

    @Test
    void a_signed_answer_is_asked_for_and_taken() throws Exception {
        PendingLogin login = node.startLogin();
        assertThat(MockProvider.parameters(login.url().toString())).containsEntry("response_mode", "jwt");
        String query = sign(claims(login).build(), KEY);
        assertThat(PendingLogin.sessionKeyOf(query)).isEqualTo(login.sessionKey());
        assertThat(PendingLogin.sessionKeyOf(MockProvider.REDIRECT + "?" + query))
                .isEqualTo(login.sessionKey());
        assertThat(node.finishLogin(login, query)).isInstanceOf(SignedIn.class);
        assertThat(((Mismatched) node.finishLogin(login, query)).reason()).isEqualTo(Mismatched.Reason.REPLAYED);
        assertThat(tokenRequests()).isEqualTo(1);
    }

    /** As Keycloak does. */
    @Test
    void a_claim_may_stand_there_twice_if_it_says_the_same() throws Exception {
        for (String again : List.of("https://evil.example", MockProvider.ISSUER)) {
            PendingLogin login = node.startLogin();
            String claims = claims(login).build().toString();
            JWSObject twice = new JWSObject(
                    new JWSHeader.Builder(JWSAlgorithm.ES256).keyID("k1").build(),
                    new Payload(claims.substring(0, claims.length() - 1) + ",\"iss\":\"" + again + "\"}"));
            twice.sign(new ECDSASigner((ECPrivateKey) KEY.getPrivate()));
            String query = "response=" + twice.serialize();
            assertThat(PendingLogin.sessionKeyOf(query)).isEqualTo(login.sessionKey());
            if (again.equals(MockProvider.ISSUER)) {
                assertThat(node.finishLogin(login, query)).isInstanceOf(SignedIn.class);
            } else {
                assertForged(login, query);
            }
        }
    }

    @Test
    void a_refusal_is_signed_too() throws Exception {
        PendingLogin login = node.startLogin();
        JWTClaimsSet claims = claims(login)
                .claim("code", null)
                .claim("error", "access_denied")
                .claim("error_description", "no")
                .build();
        Declined declined = (Declined) node.finishLogin(login, sign(claims, KEY));
        assertThat(declined.byUser()).isTrue();
        assertThat(declined.description()).contains("no");
    }

    /** OpenID Connect Session Management 1.0 section 3, for the application that polls. */
    @Test
    void the_session_state_in_a_signed_response_is_handed_over() throws Exception {
        PendingLogin login = node.startLogin();
        SignedIn in = (SignedIn) node.finishLogin(
                login, sign(claims(login).claim("session_state", "abc.salt").build(), KEY));
        assertThat(in.callbackParameters()).containsExactly(Map.entry("session_state", "abc.salt"));
    }

    static Stream<Arguments> wrongClaims() {
        return Stream.of(
                wrong("no issuer", claims -> claims.issuer(null)),
                wrong("another issuer", claims -> claims.issuer("https://evil.example")),
                wrong("an issuer with a slash", claims -> claims.issuer(MockProvider.ISSUER + "/")),
                wrong("no audience", claims -> claims.audience((String) null)),
                wrong("another audience", claims -> claims.audience("another")),
                wrong("no expiry", claims -> claims.expirationTime(null)),
                wrong("expired", claims -> claims.expirationTime(new Date(System.currentTimeMillis() - 3_600_000))),
                wrong("not yet", claims -> claims.notBeforeTime(new Date(System.currentTimeMillis() + 3_600_000))),
                wrong("no state", claims -> claims.claim("state", null)),
                wrong("another state", claims -> claims.claim("state", "x")),
                wrong("a state that is no text", claims -> claims.claim("state", 7)),
                wrong("no code", claims -> claims.claim("code", null)),
                wrong("a code that is no text", claims -> claims.claim("code", List.of("the-code"))),
                wrong("a code and an error", claims -> claims.claim("error", "access_denied")));
    }

    private static Arguments wrong(String name, Consumer<JWTClaimsSet.Builder> change) {
        return Arguments.of(name, change);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("wrongClaims")
    void a_claim_that_is_wrong_or_missing_ends_it(String name, Consumer<JWTClaimsSet.Builder> change) throws Exception {
        PendingLogin login = node.startLogin();
        JWTClaimsSet.Builder claims = claims(login);
        change.accept(claims);
        assertForged(login, sign(claims.build(), KEY));
    }

    @Test
    void what_the_provider_has_not_signed_is_nothing() throws Exception {
        PendingLogin login = node.startLogin();
        JWTClaimsSet claims = claims(login).build();
        String good = sign(claims, KEY);
        assertForged(login, sign(claims, STRANGER));
        assertForged(login, "response=" + new PlainJWT(claims).serialize());
        // the public key as a secret
        byte[] known = (jwk(KEY).toPublicJWK().toJSONString()).getBytes(StandardCharsets.UTF_8);
        assertForged(login, sign(claims, JWSAlgorithm.HS256, new MACSigner(known)));
        String[] parts = good.split("\\.");
        String other = Base64.getUrlEncoder()
                .withoutPadding()
                .encodeToString(claims(login)
                        .claim("code", "mallory")
                        .build()
                        .toString()
                        .getBytes(StandardCharsets.UTF_8));
        assertForged(login, parts[0] + "." + other + "." + parts[2]);
        assertForged(login, parts[0] + "." + parts[1] + ".");
        assertForged(login, parts[0] + "." + parts[1]);
        // The login is still good.
        assertThat(node.finishLogin(login, good)).isInstanceOf(SignedIn.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"state", "iss", "code", "error", "error_description", "response", "access_token"})
    void beside_the_signed_answer_stands_nothing(String name) throws Exception {
        PendingLogin login = node.startLogin();
        assertForged(login, sign(claims(login).build(), KEY) + "&" + name + "=x");
    }

    @Test
    void an_answer_that_is_not_signed_does_not_count() throws Exception {
        PendingLogin login = node.startLogin();
        assertForged(login, "code=the-code&state=" + state(login) + "&iss=" + MockProvider.ISSUER);
        assertForged(login, "error=access_denied&state=" + state(login));
    }

    @Test
    void who_has_not_asked_for_signed_answers_takes_none() throws Exception {
        Grantkeeper other = mock.node(mock.registration(mock.provider()));
        PendingLogin login = other.startLogin();
        LoginResult result = other.finishLogin(login, sign(claims(login).build(), KEY));
        assertThat(((Mismatched) result).reason()).isEqualTo(Mismatched.Reason.FORGED);
        assertThat(mock.server.getRequestCount()).isZero();
    }

    @Test
    void strangers_cause_no_request() throws Exception {
        PendingLogin login = node.startLogin();
        String good = sign(claims(login).build(), KEY);
        String another = sign(claims(login).claim("state", "x").build(), KEY);
        assertThat(((Mismatched) node.finishLogin(null, good)).reason()).isEqualTo(Mismatched.Reason.NO_LOGIN);
        assertThat(((Mismatched) node.finishLogin(login, another)).reason()).isEqualTo(Mismatched.Reason.FORGED);
        for (String junk : List.of("", "x", "a.b.c", "...", "a.eyJzdGF0ZSI6.c", "%F0%9F", "a.W10.c", "a.bnVsbA.c")) {
            assertThat(PendingLogin.sessionKeyOf("response=" + junk)).isEqualTo("login-none");
            assertThat(((Mismatched) node.finishLogin(login, "response=" + junk)).reason())
                    .isEqualTo(Mismatched.Reason.FORGED);
        }
        assertThat(mock.server.getRequestCount()).isZero();
    }

    @Test
    void while_the_keys_cannot_be_fetched_the_login_waits() throws Exception {
        PendingLogin login = node.startLogin();
        String query = sign(claims(login).build(), KEY);
        keysDown = true;
        assertThatExceptionOfType(AuthorizationServerException.class)
                .isThrownBy(() -> node.finishLogin(login, query))
                .satisfies(e -> assertThat(e.kind()).isEqualTo(AuthorizationServerException.Kind.TEMPORARY));
        assertThat(tokenRequests()).isZero();
        keysDown = false;
        mock.time.pass(Duration.ofSeconds(61));
        assertThat(node.finishLogin(login, query)).isInstanceOf(SignedIn.class);
    }

    @Test
    void without_keys_of_the_provider_it_cannot_be_built() {
        assertThatIllegalStateException()
                .isThrownBy(() -> Grantkeeper.builder(EntraId.provider("common"))
                        .clientId("c")
                        .redirectUri("http://localhost/")
                        .tokenStore(new MapStore())
                        .allowPlaintextTokens()
                        .loginProtections(LoginProtection.SIGNED_RESPONSE)
                        .build())
                .withMessageContaining("openId(");
    }
}
