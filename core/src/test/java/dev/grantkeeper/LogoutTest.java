/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.crypto.RSASSASigner;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jose.jwk.gen.RSAKeyGenerator;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import dev.grantkeeper.provider.EntraId;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import mockwebserver3.Dispatcher;
import mockwebserver3.MockResponse;
import mockwebserver3.MockWebServer;
import mockwebserver3.RecordedRequest;
import okhttp3.HttpUrl;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.NullSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Leaving: the user leaves here and then there, or there and then here. */
@Timeout(300)
class LogoutTest {
    private static final String BYE = "https://app.example/bye?x=1";
    private static RSAKey key;
    private static RSAKey stranger;

    private final Scene scene = new Scene();
    private final MockWebServer keys = new MockWebServer();
    private volatile int keysStatus = 200;

    @BeforeAll
    static void makeKeys() throws Exception {
        key = new RSAKeyGenerator(2048).keyID("one").generate();
        stranger = new RSAKeyGenerator(2048).keyID("one").generate();
    }

    @BeforeEach
    void showKeys() throws Exception {
        keys.setDispatcher(new Dispatcher() {
            @Override
            public MockResponse dispatch(RecordedRequest request) {
                return new MockResponse.Builder()
                        .code(keysStatus)
                        .body(new JWKSet(key).toString(true))
                        .build();
            }
        });
        keys.start();
    }

    @AfterEach
    void close() {
        scene.close();
        keys.close();
    }

    // ---- From here to there ---------------------------------------------------------------------------------------

    private Grantkeeper node() {
        return scene.node(scene.registration(scene.openIdProvider()
                        .endSessionEndpoint(scene.server.url() + "/logout?p=1")
                        .build())
                .scopes("openid", "things.read"));
    }

    @Test
    void the_browser_is_sent_to_the_provider_with_whose_session_it_is_and_where_to_go_then() throws Exception {
        Grantkeeper node = node();
        Account alice = scene.signIn(node, "alice");
        HttpUrl url = HttpUrl.get(node.newLogout()
                .account(alice)
                .returnTo(BYE)
                .state("s & t")
                .url()
                .toString());
        assertThat(url.encodedPath()).isEqualTo("/logout");
        assertThat(url.queryParameterNames())
                .containsExactlyInAnyOrder("p", "client_id", "id_token_hint", "post_logout_redirect_uri", "state");
        assertThat(url.queryParameter("id_token_hint"))
                .isEqualTo(alice.tokens().idToken().orElseThrow());
        assertThat(url.queryParameter("client_id")).isEqualTo(Scene.CLIENT);
        assertThat(url.queryParameter("post_logout_redirect_uri")).isEqualTo(BYE);
        assertThat(url.queryParameter("state")).isEqualTo("s & t");
    }

    @Test
    void an_expired_grant_still_says_whose_session_it_is_and_nothing_is_refreshed_for_it() throws Exception {
        Grantkeeper node = node();
        Account alice = scene.signIn(node, "alice");
        scene.expire();
        assertThat(node.newLogout().account(alice).url().toString()).contains("id_token_hint=");
        assertThat(scene.server.refreshRequests()).isZero();
    }

    @Test
    void without_grant_the_provider_asks_the_user() throws Exception {
        Grantkeeper node = node();
        assertThat(HttpUrl.get(node.newLogout()
                                .account(node.account("nobody"))
                                .url()
                                .toString())
                        .queryParameterNames())
                .containsExactlyInAnyOrder("p", "client_id");
        assertThat(node.newLogout().toString()).isEqualTo("LogoutRequest[fake]");
    }

    @Test
    void a_provider_without_such_an_endpoint_says_what_to_do() {
        assertThatIllegalStateException()
                .isThrownBy(() -> scene.node().newLogout().url())
                .withMessageContaining("endSessionEndpoint");
        assertThatIllegalStateException()
                .isThrownBy(() -> scene.node().verifyLogoutToken("x"))
                .withMessageContaining("openId(issuer, jwksUri)");
    }

    @ParameterizedTest
    @ValueSource(strings = {"/bye", "https://app.example/bye#x", "", "https://exa mple/"})
    void where_to_go_then_is_an_absolute_uri(String uri) {
        assertThatIllegalArgumentException().isThrownBy(() -> node().newLogout().returnTo(uri));
    }

    // ---- From there to here: OpenID Connect Back-Channel Logout 1.0, 2.6 -------------------------------------------

    private Grantkeeper listening() {
        return scene.node(scene.registration(scene.provider()
                .openId(scene.server.issuer(), keys.url("/jwks").toString())
                .build()));
    }

    private JWTClaimsSet.Builder claims() {
        Instant now = scene.time.clock().instant();
        return new JWTClaimsSet.Builder()
                .issuer(scene.server.issuer())
                .subject("alice")
                .audience(Scene.CLIENT)
                .issueTime(Date.from(now))
                .expirationTime(Date.from(now.plusSeconds(120)))
                .jwtID("logout-1")
                .claim("sid", "session-7")
                .claim("events", Map.of("http://schemas.openid.net/event/backchannel-logout", Map.of()));
    }

    private static String sign(JWTClaimsSet claims, String type, RSAKey with) throws Exception {
        JWSHeader.Builder header = new JWSHeader.Builder(JWSAlgorithm.RS256).keyID("one");
        SignedJWT jwt = new SignedJWT((type == null ? header : header.type(new JOSEObjectType(type))).build(), claims);
        jwt.sign(new RSASSASigner(with));
        return jwt.serialize();
    }

    @ParameterizedTest
    @NullSource
    @ValueSource(strings = {"logout+jwt", "JWT", "LOGOUT+JWT"})
    void a_logout_token_says_whose_session_has_ended(String type) throws Exception {
        assertThat(listening().verifyLogoutToken(sign(claims().build(), type, key)))
                .hasValueSatisfying(notice -> {
                    assertThat(notice.id()).contains(scene.server.issuer() + " alice");
                    assertThat(notice.sessionId()).contains("session-7");
                    assertThat(notice.repeated()).isFalse();
                    assertThat(notice.toString()).doesNotContain("alice").doesNotContain("session-7");
                });
    }

    @Test
    void user_or_session_is_enough() throws Exception {
        Grantkeeper node = listening();
        assertThat(node.verifyLogoutToken(sign(claims().subject(null).build(), null, key)))
                .hasValueSatisfying(notice -> assertThat(notice.id()).isEmpty());
        assertThat(node.verifyLogoutToken(sign(claims().claim("sid", null).build(), null, key)))
                .hasValueSatisfying(notice -> assertThat(notice.sessionId()).isEmpty());
    }

    @Test
    void the_session_of_a_login_is_among_its_claims() throws Exception {
        scene.server.extraClaims(Map.of("sid", "session-7"));
        Grantkeeper node = node();
        Account alice = scene.signIn(node, "alice");
        assertThat(alice.grant().orElseThrow().identity().orElseThrow().claims())
                .containsEntry("sid", "session-7");
    }

    @Test
    void a_token_that_comes_again_is_told_from_a_new_one() throws Exception {
        Grantkeeper node = listening();
        String token = sign(claims().build(), "logout+jwt", key);
        assertThat(node.verifyLogoutToken(token).orElseThrow().repeated()).isFalse();
        assertThat(node.verifyLogoutToken(token).orElseThrow().repeated()).isTrue();
        assertThat(node.verifyLogoutToken(sign(claims().jwtID("logout-2").build(), "logout+jwt", key))
                        .orElseThrow()
                        .repeated())
                .isFalse();
        scene.time.pass(Duration.ofMinutes(4));
        assertThat(node.verifyLogoutToken(token)).isEmpty();
    }

    private record Wrong(String name, Consumer<JWTClaimsSet.Builder> change) {
        @Override
        public String toString() {
            return name;
        }
    }

    static List<Wrong> wrong() {
        String event = "http://schemas.openid.net/event/backchannel-logout";
        return List.of(
                new Wrong("another issuer", claims -> claims.issuer("https://evil.example")),
                new Wrong("another client", claims -> claims.audience("another")),
                new Wrong("no client", claims -> claims.audience((String) null)),
                new Wrong(
                        "expired",
                        claims -> claims.expirationTime(Date.from(Instant.now().minusSeconds(90)))),
                new Wrong("no exp", claims -> claims.expirationTime(null)),
                new Wrong("no iat", claims -> claims.issueTime(null)),
                new Wrong("no jti", claims -> claims.jwtID(null)),
                new Wrong(
                        "neither user nor session",
                        claims -> claims.subject(null).claim("sid", null)),
                new Wrong("session is a list", claims -> claims.claim("sid", List.of("session-7"))),
                new Wrong("user is empty", claims -> claims.subject("")),
                new Wrong("no events", claims -> claims.claim("events", null)),
                new Wrong("another event", claims -> claims.claim("events", Map.of("urn:x", Map.of()))),
                new Wrong("event is true", claims -> claims.claim("events", Map.of(event, true))),
                new Wrong("events are a list", claims -> claims.claim("events", List.of(event))),
                new Wrong("a nonce", claims -> claims.claim("nonce", "x")));
    }

    @ParameterizedTest
    @MethodSource("wrong")
    void a_token_with_wrong_claims_ends_no_session(Wrong wrong) throws Exception {
        JWTClaimsSet.Builder claims = claims();
        wrong.change().accept(claims);
        assertThat(listening().verifyLogoutToken(sign(claims.build(), "logout+jwt", key)))
                .isEmpty();
    }

    @Test
    void what_others_have_signed_or_nobody_ends_no_session() throws Exception {
        Grantkeeper node = listening();
        String good = sign(claims().build(), "logout+jwt", key);
        for (String token : new String[] {
            sign(claims().build(), "logout+jwt", stranger),
            sign(claims().build(), "at+jwt", key),
            good.substring(0, good.lastIndexOf('.') + 1),
            good + "x",
            "a.b.c",
            "",
            null
        }) {
            assertThat(node.verifyLogoutToken(token)).isEmpty();
        }
    }

    @Test
    void while_the_keys_cannot_be_fetched_nobody_knows() throws Exception {
        keysStatus = 503;
        String token = sign(claims().build(), "logout+jwt", key);
        assertThatThrownBy(() -> listening().verifyLogoutToken(token))
                .isInstanceOfSatisfying(
                        AuthorizationServerException.class,
                        failure -> assertThat(failure.kind()).isEqualTo(AuthorizationServerException.Kind.TEMPORARY));
    }

    @Test
    void no_provider_is_given_the_id_token_of_another() throws Exception {
        Account alice = scene.signIn(node(), "alice");
        Grantkeeper other = scene.node(scene.registration(scene.openIdProvider()
                        .endSessionEndpoint("https://acme.example/logout")
                        .build())
                .registration("acme"));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> other.newLogout().account(alice))
                .withMessageContaining("acme");
    }

    // ---- From there to here, through the browser: OpenID Connect Front-Channel Logout 1.0, 2 -----------------------

    private String iss() {
        return "iss=" + URLEncoder.encode(scene.server.issuer(), StandardCharsets.UTF_8);
    }

    @Test
    void a_frame_of_the_provider_names_the_session_that_has_ended_and_nobody() {
        for (String query : List.of(
                iss() + "&sid=session-7", "?sid=session-7&" + iss() + "&x=y", "/logout?" + iss() + "&sid=session-7")) {
            assertThat(listening().readFrontChannelLogout(query)).hasValueSatisfying(notice -> {
                assertThat(notice.sessionId()).contains("session-7");
                assertThat(notice.issuer()).isEqualTo(scene.server.issuer());
                assertThat(notice.subject()).isEmpty();
                assertThat(notice.id()).isEmpty();
                assertThat(notice.repeated()).isFalse();
                assertThat(notice.toString()).doesNotContain("session-7");
            });
        }
    }

    @Test
    void a_frame_that_does_not_name_one_session_of_this_provider_ends_none() {
        Grantkeeper node = listening();
        for (String query : new String[] {
            null,
            "",
            iss(),
            iss() + "&sid=",
            "sid=session-7",
            "iss=&sid=session-7",
            "iss=https%3A%2F%2Fevil.example&sid=session-7",
            iss() + "%2F&sid=session-7",
            iss() + "&sid=session-7&sid=session-8",
            iss() + "&" + iss() + "&sid=session-7",
            iss() + "&sid=session-7&iss=https%3A%2F%2Fevil.example",
            iss() + "&SID=session-7",
            "%69ss=https%3A%2F%2Fevil.example&" + iss() + "&sid=session-7",
            iss() + "&sid=session-7&s%69d=session-8",
            iss() + ";sid=session-7",
            iss() + "&amp;sid=session-7",
            iss() + "&sid[]=session-7",
            iss() + "%00&sid=session-7",
            iss() + "#&sid=session-7",
            "ISS" + iss().substring(3) + "&sid=session-7",
            iss() + "&sid=session-7" + "&x=1".repeat(10_000),
            iss() + "&sid=" + "7".repeat(20_000)
        }) {
            assertThat(node.readFrontChannelLogout(query)).as(query).isEmpty();
        }
        assertThat(keys.getRequestCount()).isZero();
        assertThat(scene.server.tokenRequests()).isZero();
    }

    /** Entra ID sends {@code sid} alone. */
    @Test
    void a_frame_of_entra_id_need_not_name_its_issuer() {
        String tenant = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490";
        for (String of : List.of("common", tenant)) {
            Grantkeeper node = scene.node(
                    scene.registration(EntraId.provider(of).newBuilder().build())
                            .redirectUri("http://localhost/c"));
            assertThat(node.readFrontChannelLogout("sid=session-7"))
                    .hasValueSatisfying(notice -> assertThat(notice.sessionId()).contains("session-7"));
            String named = "https://login.microsoftonline.com/" + tenant + "/v2.0";
            assertThat(node.readFrontChannelLogout("sid=session-7&iss=" + named))
                    .hasValueSatisfying(notice -> assertThat(notice.issuer()).isEqualTo(named));
            assertThat(node.readFrontChannelLogout("sid=session-7&iss=https://evil.example"))
                    .isEmpty();
            assertThat(node.readFrontChannelLogout("iss=" + named)).isEmpty();
        }
    }

    @Test
    void a_provider_without_issuer_loads_no_such_frame() {
        assertThatIllegalStateException()
                .isThrownBy(() -> scene.node().readFrontChannelLogout("sid=1"))
                .withMessageContaining("openId(issuer, jwksUri)");
    }
}
