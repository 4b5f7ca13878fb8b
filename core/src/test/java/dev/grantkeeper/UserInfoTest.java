/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.crypto.RSASSASigner;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jose.jwk.gen.RSAKeyGenerator;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import dev.grantkeeper.LoginResult.SignedIn;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.testkit.Answer;
import dev.grantkeeper.testkit.Fault;
import dev.grantkeeper.token.Identity;
import java.time.Instant;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import mockwebserver3.Dispatcher;
import mockwebserver3.MockResponse;
import mockwebserver3.MockWebServer;
import mockwebserver3.RecordedRequest;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Claims that the UserInfo endpoint adds to the ID token, and those that it must not add (OpenID Connect Core section
 * 5.3).
 */
@Timeout(300)
class UserInfoTest {
    private final Scene scene = new Scene();

    @AfterEach
    void close() {
        scene.close();
    }

    private Provider.Builder provider() {
        return scene.openIdProvider().userInfoEndpoint(scene.server.userInfoEndpoint());
    }

    private Grantkeeper node(String... scopes) {
        return scene.node(scene.registration(provider().build()).scopes(scopes).fetchProfile());
    }

    private static Fault json(String body) {
        return Fault.answer(Answer.json(200, body));
    }

    @Test
    void it_says_what_the_id_token_does_not() throws Exception {
        scene.server.idTokenClaims(claims -> {
            claims.remove("email");
            claims.put("name", "Alice of the ID token");
            return claims;
        });
        SignedIn in = (SignedIn) scene.login(node("openid", "things.read"), "alice");
        Identity identity = in.identity().orElseThrow();
        assertThat(identity.email()).contains("alice@example.org");
        assertThat(identity.name()).contains("Alice of the ID token");
        assertThat(identity.id()).isEqualTo(scene.server.issuer() + " alice");
        assertThat(scene.server.recordedApiRequests())
                .singleElement()
                .satisfies(request -> assertThat(request.header("Authorization"))
                        .contains("Bearer " + in.tokens().accessToken()));
    }

    @Test
    void claims_may_be_objects_and_lists_and_come_through_the_store() throws Exception {
        Grantkeeper node = node("openid");
        scene.server.onNextApiRequest(json("{\"sub\":\"alice\",\"iss\":\"https://evil.example\",\"nothing\":null,"
                + "\"address\":{\"locality\":\"Zürich\"},\"groups\":[\"a\",\"b\"]}"));
        SignedIn in = (SignedIn) scene.login(node, "alice");
        in.keepAs("alice");
        Identity identity =
                node.account("alice").grant().orElseThrow().identity().orElseThrow();
        assertThat(identity).isEqualTo(in.identity().orElseThrow());
        assertThat(identity.issuer()).isEqualTo(scene.server.issuer());
        assertThat(identity.claims())
                .containsEntry("address", Map.of("locality", "Zürich"))
                .containsEntry("groups", List.of("a", "b"))
                .doesNotContainKeys("iss", "sub", "nothing");
    }

    /** T-080. */
    @ParameterizedTest
    @ValueSource(
            strings = {"{\"sub\":\"bob\"}", "{\"sub\":\"\"}", "{\"sub\":[\"alice\"]}", "{\"sub\":null}", "{}", "null"})
    void an_answer_about_another_user_fails_the_login(String body) {
        scene.server.onNextApiRequest(json(body));
        assertThatThrownBy(() -> scene.login(node("openid"), "alice"))
                .isInstanceOfSatisfying(AuthorizationServerException.class, failure -> {
                    assertThat(failure.kind()).isEqualTo(AuthorizationServerException.Kind.MALFORMED);
                    assertThat(failure).hasMessageNotContaining("bob");
                });
        assertThat(scene.store.rows).isEmpty();
    }

    private record Failing(String name, Fault fault, AuthorizationServerException.Kind kind) {
        @Override
        public String toString() {
            return name;
        }
    }

    static List<Failing> failing() {
        return List.of(
                new Failing("503", Fault.status(503), AuthorizationServerException.Kind.TEMPORARY),
                new Failing("401", Fault.error(401, "invalid_token"), AuthorizationServerException.Kind.MALFORMED),
                new Failing("HTML", Fault.status(200), AuthorizationServerException.Kind.MALFORMED),
                new Failing(
                        "redirect",
                        Fault.answer(Answer.redirect("/v1/me")),
                        AuthorizationServerException.Kind.MALFORMED),
                new Failing("dropped", Fault.dropAfter(), AuthorizationServerException.Kind.TEMPORARY),
                new Failing(
                        "a jwt that is none",
                        Fault.answer(Answer.json(200, "{\"sub\":\"alice\"}").header("Content-Type", "application/jwt")),
                        AuthorizationServerException.Kind.MALFORMED));
    }

    @ParameterizedTest
    @MethodSource("failing")
    void an_endpoint_that_does_not_say_fails_the_login(Failing failing) {
        scene.server.onNextApiRequest(failing.fault());
        assertThatThrownBy(() -> scene.login(node("openid"), "alice"))
                .isInstanceOfSatisfying(
                        AuthorizationServerException.class,
                        failure -> assertThat(failure.kind()).isEqualTo(failing.kind()));
    }

    @Test
    void nobody_asks_it_unless_the_builder_says_so() throws Exception {
        Grantkeeper node = scene.node(scene.registration(provider().build()).scopes("openid"));
        assertThat(scene.login(node, "alice")).isInstanceOf(SignedIn.class);
        assertThat(scene.server.apiRequests()).isZero();
    }

    @Test
    void without_openid_the_profile_endpoint_is_asked_and_where_there_is_none_the_login_says_so() throws Exception {
        SignedIn in = (SignedIn) scene.login(node("things.read"), "alice");
        assertThat(in.identity().orElseThrow().issuer()).isEqualTo("fake");
        Provider bare = Provider.builder("bare")
                .allowHttpOnLoopback()
                .authorizationEndpoint(scene.server.authorizationEndpoint())
                .tokenEndpoint(scene.server.tokenEndpoint())
                .openId(scene.server.issuer(), scene.server.jwksUri())
                .userInfoEndpoint(scene.server.userInfoEndpoint())
                .build();
        Grantkeeper node = scene.node(scene.registration(bare).fetchProfile());
        assertThatIllegalStateException().isThrownBy(node::startLogin).withMessageContaining("openid");
    }

    // ---- Signed ---------------------------------------------------------------------------------------------------

    @Test
    void a_signed_answer_is_taken_when_the_provider_signed_it_for_this_client() throws Exception {
        RSAKey key = new RSAKeyGenerator(2048).keyID("one").generate();
        RSAKey stranger = new RSAKeyGenerator(2048).keyID("one").generate();
        Instant now = scene.time.clock().instant();
        assertThat(signed(key, key, claims -> {}).identity().orElseThrow().claims())
                .containsEntry("team", "blue");
        assertThat(signed(
                                key,
                                key,
                                claims -> claims.issuer(scene.server.issuer()).audience(Scene.CLIENT))
                        .identity())
                .isPresent();
        List<Consumer<JWTClaimsSet.Builder>> wrong = List.of(
                claims -> claims.issuer("https://evil.example"),
                claims -> claims.audience("another"),
                claims -> claims.subject("bob"),
                claims -> claims.expirationTime(Date.from(now.minusSeconds(120))),
                claims -> claims.notBeforeTime(Date.from(now.plusSeconds(120))),
                claims -> claims.issueTime(Date.from(now.plusSeconds(120))));
        for (Consumer<JWTClaimsSet.Builder> change : wrong) {
            assertThatThrownBy(() -> signed(key, key, change)).isInstanceOf(AuthorizationServerException.class);
        }
        assertThatThrownBy(() -> signed(key, stranger, claims -> {})).isInstanceOf(AuthorizationServerException.class);
    }

    private SignedIn signed(RSAKey shown, RSAKey used, Consumer<JWTClaimsSet.Builder> change) throws Exception {
        JWTClaimsSet.Builder claims =
                new JWTClaimsSet.Builder().subject("alice").claim("team", "blue");
        change.accept(claims);
        String answer = sign(used, claims.build());
        try (MockWebServer provider = new MockWebServer()) {
            provider.setDispatcher(new Dispatcher() {
                @Override
                public MockResponse dispatch(RecordedRequest request) {
                    boolean keys = request.getUrl().encodedPath().equals("/jwks");
                    return new MockResponse.Builder()
                            .addHeader("Content-Type", keys ? "application/json" : "application/jwt; charset=UTF-8")
                            .body(keys ? new JWKSet(shown).toString(true) : answer)
                            .build();
                }
            });
            provider.start();
            Grantkeeper node = scene.node(scene.registration(scene.provider()
                            .openId(scene.server.issuer(), provider.url("/jwks").toString())
                            .userInfoEndpoint(provider.url("/userinfo").toString())
                            .build())
                    .scopes("openid")
                    .fetchProfile());
            PendingLogin login = node.startLogin();
            Instant now = scene.time.clock().instant();
            String idToken = sign(
                    shown,
                    new JWTClaimsSet.Builder()
                            .issuer(scene.server.issuer())
                            .subject("alice")
                            .audience(Scene.CLIENT)
                            .issueTime(Date.from(now))
                            .expirationTime(Date.from(now.plusSeconds(600)))
                            .claim("nonce", login.attempt().nonce())
                            .build());
            scene.server.tokenResponse(response -> {
                response.put("id_token", idToken);
                return response;
            });
            return (SignedIn) node.finishLogin(
                    login, Scene.query(scene.server.approve(login.url().toString(), "alice")));
        }
    }

    private static String sign(RSAKey key, JWTClaimsSet claims) throws Exception {
        SignedJWT jwt = new SignedJWT(
                new JWSHeader.Builder(JWSAlgorithm.RS256).keyID(key.getKeyID()).build(), claims);
        jwt.sign(new RSASSASigner(key));
        return jwt.serialize();
    }
}
