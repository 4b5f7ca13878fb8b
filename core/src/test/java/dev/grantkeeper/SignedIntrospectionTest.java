/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import com.nimbusds.jose.EncryptionMethod;
import com.nimbusds.jose.JWEAlgorithm;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.PlainJWT;
import dev.grantkeeper.provider.DecryptionKey;
import dev.grantkeeper.provider.Provider;
import java.security.KeyPair;
import java.time.Instant;
import java.util.Date;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
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
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.NullSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Introspection responses that the server has signed (RFC 9701). */
@Timeout(300)
class SignedIntrospectionTest {
    private static final String TYPE = "token-introspection+jwt";
    private static final Jwe.Signer KEY = new Jwe.Signer();
    private static final Jwe.Signer STRANGER = new Jwe.Signer();

    private final MockProvider mock = new MockProvider();
    private final List<RecordedRequest> asked = new CopyOnWriteArrayList<>();
    private volatile MockResponse answer;
    private volatile int keysStatus = 200;
    private final Grantkeeper node = mock.node(registration());

    @BeforeEach
    void answer() {
        mock.server.setDispatcher(new Dispatcher() {
            @Override
            public MockResponse dispatch(RecordedRequest request) {
                if (request.getUrl().encodedPath().equals("/jwks")) {
                    return MockProvider.json(keysStatus, KEY.jwks());
                }
                asked.add(request);
                return answer;
            }
        });
    }

    @AfterEach
    void close() {
        mock.close();
    }

    private Grantkeeper.Builder registration() {
        return mock.registration(mock.provider().introspectionEndpoint(mock.url("/introspect")))
                .signedIntrospection();
    }

    private JWTClaimsSet.Builder claims() {
        Map<String, Object> token = new HashMap<>();
        token.put("active", true);
        token.put("sub", "alice");
        token.put("scope", "a b");
        token.put("exp", 1_700_000_000);
        token.put("client_id", null);
        return new JWTClaimsSet.Builder()
                .issuer(MockProvider.ISSUER)
                .audience(List.of("another", MockProvider.CLIENT))
                .issueTime(Date.from(mock.time.clock().instant()))
                .claim("token_introspection", token);
    }

    private static MockResponse answer(int status, String type, String body) {
        return new MockResponse.Builder()
                .code(status)
                .setHeader("Content-Type", type)
                .body(body)
                .build();
    }

    private static MockResponse signed(String jwt) {
        return answer(200, "application/" + TYPE, jwt);
    }

    private AuthorizationServerException refusal() {
        AuthorizationServerException[] thrown = new AuthorizationServerException[1];
        assertThatExceptionOfType(AuthorizationServerException.class)
                .isThrownBy(() -> node.introspect("the-token"))
                .satisfies(e -> thrown[0] = e);
        assertThat(thrown[0]).hasMessageNotContaining("the-token").hasMessageNotContaining("alice");
        return thrown[0];
    }

    private void assertRefused(MockResponse response, String why) {
        answer = response;
        AuthorizationServerException refusal = refusal();
        assertThat(refusal.kind()).isEqualTo(AuthorizationServerException.Kind.MALFORMED);
        assertThat(refusal).hasMessageContaining(why);
    }

    @ParameterizedTest
    @CsvSource({
        "token-introspection+jwt, application/token-introspection+jwt",
        "application/Token-Introspection+JWT, application/token-introspection+jwt; charset=utf-8",
        "token-introspection+jwt, application/json",
    })
    void a_signed_response_is_asked_for_and_says_about_the_token_what_a_plain_one_does(String type, String label)
            throws Exception {
        answer = answer(200, label, KEY.sign(claims().build(), type) + "\n");
        Introspection introspection = node.introspect("the-token");
        assertThat(introspection.active()).isTrue();
        assertThat(introspection.subject()).contains("alice");
        assertThat(introspection.scopes()).containsExactly("a", "b");
        assertThat(introspection.expiresAt()).contains(Instant.ofEpochSecond(1_700_000_000));
        assertThat(introspection.claims()).containsOnlyKeys("active", "sub", "scope", "exp");
        assertThat(asked).singleElement().satisfies(request -> {
            assertThat(request.getHeaders().values("Accept")).containsExactly("application/" + TYPE);
            assertThat(request.getBody().utf8()).contains("token=the-token");
        });
    }

    /** RFC 9701 section 6 registers the encryption apart. */
    @Test
    void a_signed_response_may_be_encrypted_and_nothing_else_is_taken_out_of_the_encryption() throws Exception {
        KeyPair pair = MockProvider.curve("secp256r1");
        Grantkeeper decrypting = mock.node(registration().decryptionKeys(DecryptionKey.of(pair)));
        String jwt = KEY.sign(claims().build(), TYPE);
        answer = signed(encrypted(pair, jwt));
        assertThat(decrypting.introspect("the-token").subject()).contains("alice");
        answer = signed(jwt);
        assertThat(decrypting.introspect("the-token").subject()).contains("alice");

        String json = "{\"active\":true,\"sub\":\"alice\"}";
        String unsigned = new PlainJWT(claims().build()).serialize();
        String others = STRANGER.sign(claims().build(), TYPE);
        for (String content : List.of(json, unsigned, others, KEY.sign(claims().build(), "JWT"))) {
            answer = signed(encrypted(pair, content));
            assertThatExceptionOfType(AuthorizationServerException.class)
                    .isThrownBy(() -> decrypting.introspect("the-token"))
                    .withMessageNotContaining("alice")
                    .satisfies(e -> assertThat(e.kind()).isEqualTo(AuthorizationServerException.Kind.MALFORMED));
        }
        assertRefused(signed(encrypted(pair, jwt)), "decryptionKeys(");
    }

    private static String encrypted(KeyPair to, String content) throws Exception {
        return Jwe.encrypt(JWEAlgorithm.ECDH_ES_A256KW, EncryptionMethod.A256GCM, to, null, content);
    }

    @Test
    void a_token_that_is_not_active_is_not_an_error() throws Exception {
        answer = signed(KEY.sign(
                claims().claim("token_introspection", Map.of("active", false)).build(), TYPE));
        assertThat(node.introspect("the-token").active()).isFalse();
    }

    @Test
    void an_account_asks_for_signatures_too() throws Exception {
        answer = MockProvider.tokens();
        PendingLogin login = node.startLogin();
        Account alice = ((LoginResult.SignedIn) node.finishLogin(
                        login, "code=c&state=" + login.attempt().state()))
                .keepAs("alice");
        answer = signed(KEY.sign(claims().build(), TYPE));
        assertThat(alice.introspect().subject()).contains("alice");
        answer = MockProvider.json(200, "{\"active\":true}");
        assertThatExceptionOfType(AuthorizationServerException.class).isThrownBy(alice::introspect);
    }

    /** Otherwise anybody on the way could take the signature off. */
    @ParameterizedTest
    @ValueSource(strings = {"application/json", "application/token-introspection+jwt", "text/plain"})
    void a_response_that_is_not_signed_although_it_was_asked_for_is_refused(String label) {
        assertRefused(answer(200, label, "{\"active\":true,\"sub\":\"alice\"}"), "a signature was asked for");
        assertRefused(answer(200, label, " {\"token_introspection\":{\"active\":true}}"), "a signature was asked for");
    }

    static Stream<Arguments> wrongClaims() {
        return Stream.of(
                wrong("no issuer", "another authorization server", claims -> claims.issuer(null)),
                wrong(
                        "another issuer",
                        "another authorization server",
                        claims -> claims.issuer("https://evil.example")),
                wrong("a slash", "another authorization server", claims -> claims.issuer(MockProvider.ISSUER + "/")),
                wrong("no audience", "another client", claims -> claims.audience((String) null)),
                wrong("another client", "another client", claims -> claims.audience("another")),
                wrong("no iat", "iat", claims -> claims.issueTime(null)),
                wrong("future", "in the future", claims -> claims.issueTime(fromNow(120))),
                wrong("old", "too old", claims -> claims.issueTime(fromNow(-400))),
                wrong("expired", "too old", claims -> claims.expirationTime(fromNow(-90))),
                wrong("no token", "whether", claims -> claims.claim("token_introspection", null)),
                wrong("a text", "whether", claims -> claims.claim("token_introspection", "active")),
                wrong("no active", "whether", claims -> claims.claim("token_introspection", Map.of("sub", "alice"))),
                wrong(
                        "active text",
                        "whether",
                        claims -> claims.claim("token_introspection", Map.of("active", "true"))),
                // as drafts of the RFC had it: an ID token or access token could pass for one
                wrong(
                        "at the top",
                        "whether",
                        claims -> claims.claim("token_introspection", null).claim("active", true)));
    }

    private static Date fromNow(int seconds) {
        return Date.from(Instant.now().plusSeconds(seconds));
    }

    private static Arguments wrong(String name, String why, Consumer<JWTClaimsSet.Builder> change) {
        return Arguments.of(name, why, change);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("wrongClaims")
    void a_claim_that_is_wrong_or_missing_is_refused(String name, String why, Consumer<JWTClaimsSet.Builder> change)
            throws Exception {
        JWTClaimsSet.Builder claims = claims();
        change.accept(claims);
        assertRefused(signed(KEY.sign(claims.build(), TYPE)), why);
    }

    @ParameterizedTest
    @NullSource
    @ValueSource(strings = {"JWT", "at+jwt", "logout+jwt", "secevent+jwt", "token-introspection"})
    void a_jwt_of_another_type_is_refused(String type) throws Exception {
        assertRefused(signed(KEY.sign(claims().build(), type)), "its type (typ)");
    }

    @Test
    void what_the_server_has_not_signed_is_refused() throws Exception {
        for (Map.Entry<String, String> forged :
                KEY.forged(claims().build(), TYPE, "none of the").entrySet()) {
            assertRefused(signed(forged.getKey()), forged.getValue());
        }
        assertRefused(signed(Jwe.withoutSignature(KEY.sign(claims().build(), TYPE))), "not a signed JWT");
        assertRefused(signed("<p>hello</p>"), "not a signed JWT");
        assertRefused(signed(""), "not a signed JWT");
    }

    @Test
    void another_algorithm_than_was_agreed_is_refused() throws Exception {
        Grantkeeper strict = mock.node(registration().signingAlgorithms("PS256"));
        answer = signed(KEY.sign(claims().build(), TYPE));
        assertThatExceptionOfType(AuthorizationServerException.class)
                .isThrownBy(() -> strict.introspect("the-token"))
                .withMessageContaining("algorithm");
    }

    @Test
    void an_error_is_an_error_as_without_signatures() {
        answer = MockProvider.json(401, "{\"error\":\"invalid_client\",\"error_description\":\"no the-token\"}");
        assertThat(refusal().kind()).isEqualTo(AuthorizationServerException.Kind.MISCONFIGURED);
        answer = answer(503, "text/html", "<p>the-token</p>");
        assertThat(refusal().kind()).isEqualTo(AuthorizationServerException.Kind.TEMPORARY);
        answer = answer(406, "text/plain", "not acceptable");
        assertThat(refusal().kind()).isEqualTo(AuthorizationServerException.Kind.MALFORMED);
    }

    @Test
    void without_the_servers_keys_it_cannot_be_verified_for_now() throws Exception {
        keysStatus = 503;
        answer = signed(KEY.sign(claims().build(), TYPE));
        assertThat(refusal().kind()).isEqualTo(AuthorizationServerException.Kind.TEMPORARY);
    }

    @Test
    void a_provider_whose_keys_are_unknown_cannot_be_asked_for_signatures() {
        for (String issuer : List.of("https://as.example/{tenantid}/v2.0", "")) {
            var provider = issuer.isEmpty()
                    ? Provider.builder("plain")
                            .allowHttpOnLoopback()
                            .authorizationEndpoint(mock.url("/authorize"))
                            .tokenEndpoint(mock.url("/token"))
                    : mock.provider().openId(issuer, mock.url("/jwks"));
            assertThatIllegalStateException()
                    .isThrownBy(() ->
                            mock.registration(provider).signedIntrospection().build())
                    .withMessageContaining("signedIntrospection()")
                    .withMessageContaining("openId(issuer, jwksUri)");
        }
    }
}
