/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static dev.grantkeeper.MockProvider.json;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import com.nimbusds.jose.crypto.ECDSAVerifier;
import com.nimbusds.jwt.SignedJWT;
import dev.grantkeeper.provider.ClientAuthentication;
import dev.grantkeeper.provider.LoginProtection;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.provider.SigningKey;
import java.security.KeyPair;
import java.security.interfaces.ECPublicKey;
import java.time.Duration;
import java.util.Map;
import mockwebserver3.Dispatcher;
import mockwebserver3.MockResponse;
import mockwebserver3.RecordedRequest;
import okhttp3.HttpUrl;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Authorization requests that go to the server before the browser does (RFC 9126). */
@Timeout(300)
class PushedRequestsTest {
    private final MockProvider mock = new MockProvider();

    @AfterEach
    void close() {
        mock.close();
    }

    private Grantkeeper.Builder pushing() {
        return mock.registration(mock.provider()).loginProtections(LoginProtection.PUSHED_REQUEST);
    }

    private static MockResponse taken(String reference, String expiresIn) {
        return json(201, "{\"request_uri\":\"" + reference + "\",\"expires_in\":" + expiresIn + "}");
    }

    @Test
    void the_browser_carries_a_reference_and_the_client_id_and_nothing_else() throws Exception {
        mock.server.enqueue(taken("urn:example:r&1=%20+", "60"));
        PendingLogin login = mock.node(pushing()).startLogin();
        HttpUrl url = HttpUrl.get(login.url().toString());
        assertThat(url.encodedPath()).isEqualTo("/authorize");
        assertThat(MockProvider.parameters(login.url().toString()))
                .containsExactlyInAnyOrderEntriesOf(
                        Map.of("client_id", MockProvider.CLIENT, "request_uri", "urn:example:r&1=%20+"));
    }

    @Test
    void everything_else_was_pushed_with_the_client_authenticated() throws Exception {
        mock.server.enqueue(taken("urn:example:1", "60"));
        PendingLogin login = mock.node(pushing().clientSecret("a secret"))
                .newLogin()
                .scopes("openid", "a")
                .prompt("consent")
                .parameter("odd", "ü&=+ %")
                .start();
        RecordedRequest push = mock.server.takeRequest();
        assertThat(push.getTarget()).isEqualTo("/par");
        assertThat(push.getMethod()).isEqualTo("POST");
        assertThat(push.getHeaders().get("Authorization")).startsWith("Basic ");
        Map<String, String> form = MockProvider.form(push);
        assertThat(form)
                .containsOnlyKeys(
                        "response_type",
                        "client_id",
                        "redirect_uri",
                        "scope",
                        "state",
                        "nonce",
                        "code_challenge",
                        "code_challenge_method",
                        "prompt",
                        "odd")
                .containsEntry("client_id", MockProvider.CLIENT)
                .containsEntry("redirect_uri", MockProvider.REDIRECT)
                .containsEntry("scope", "openid a")
                .containsEntry("odd", "ü&=+ %");
        assertThat(login.attempt().state()).isEqualTo(form.get("state"));
        assertThat(login.attempt().nonce()).isEqualTo(form.get("nonce"));
        assertThat(push.getBody().utf8()).doesNotContain(login.attempt().codeVerifier());
    }

    @Test
    void a_pushed_request_is_authenticated_as_every_other_is() throws Exception {
        KeyPair pair = MockProvider.curve("secp256r1");
        mock.server.enqueue(taken("urn:example:1", "60"));
        mock.node(pushing().signingKey(SigningKey.of(pair.getPrivate()))).startLogin();
        SignedJWT assertion =
                SignedJWT.parse(MockProvider.form(mock.server.takeRequest()).get("client_assertion"));
        assertThat(assertion.verify(new ECDSAVerifier((ECPublicKey) pair.getPublic())))
                .isTrue();
        assertThat(assertion.getJWTClaimsSet().getAudience()).containsExactly(MockProvider.ISSUER);
    }

    @Test
    void every_login_is_pushed_anew_and_no_reference_is_used_twice() throws Exception {
        Grantkeeper node = mock.node(pushing());
        mock.server.enqueue(taken("urn:example:1", "600"));
        mock.server.enqueue(taken("urn:example:2", "600"));
        assertThat(node.startLogin().url().toString()).contains("urn%3Aexample%3A1");
        assertThat(node.startLogin().url().toString()).contains("urn%3Aexample%3A2");
        Map<String, String> first = MockProvider.form(mock.server.takeRequest());
        Map<String, String> second = MockProvider.form(mock.server.takeRequest());
        for (String name : new String[] {"state", "code_challenge"}) {
            assertThat(first.get(name)).isNotEqualTo(second.get(name));
        }
    }

    @ParameterizedTest
    @CsvSource({"60, 60", "1, 1", "'\"90\"', 90", "0, 10", "-5, 10"})
    void the_login_knows_until_when_the_browser_has_to_get_there(String expiresIn, int seconds) throws Exception {
        mock.server.enqueue(taken("urn:example:1", expiresIn));
        PendingLogin login = mock.node(pushing()).startLogin();
        assertThat(Duration.between(
                        mock.time.clock().instant(), login.urlExpiresAt().orElseThrow()))
                .isLessThanOrEqualTo(Duration.ofSeconds(seconds))
                .isGreaterThan(Duration.ofSeconds(seconds - 60));
    }

    @Test
    void a_login_that_was_not_pushed_has_no_such_limit() throws Exception {
        assertThat(mock.node(mock.registration(mock.provider())).startLogin().urlExpiresAt())
                .isEmpty();
        assertThat(mock.server.getRequestCount()).isZero();
    }

    @Test
    void where_the_provider_demands_it_nobody_has_to_ask() throws Exception {
        mock.server.enqueue(taken("urn:example:1", "60"));
        Provider.Builder provider = mock.provider().loginProtections(LoginProtection.PUSHED_REQUEST);
        assertThat(mock.node(mock.registration(provider)).startLogin().url().toString())
                .contains("request_uri=")
                .doesNotContain("state");
        assertThat(provider.build().newBuilder().build().loginProtections())
                .containsExactly(LoginProtection.PUSHED_REQUEST);
    }

    @Test
    void a_login_goes_on_from_there_as_every_other() throws Exception {
        Grantkeeper node = mock.node(pushing());
        mock.server.enqueue(taken("urn:example:1", "60"));
        mock.server.enqueue(MockProvider.tokens());
        PendingLogin login = node.startLogin();
        Map<String, String> pushed = MockProvider.form(mock.server.takeRequest());
        LoginResult result = node.finishLogin(login, "code=c&state=" + pushed.get("state"));
        assertThat(result).isInstanceOf(LoginResult.SignedIn.class);
        assertThat(MockProvider.form(mock.server.takeRequest()))
                .containsEntry("code_verifier", login.attempt().codeVerifier())
                .containsEntry("redirect_uri", MockProvider.REDIRECT);
    }

    // ---- Failures -------------------------------------------------------------------------------------------------

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "400 | {\"error\":\"invalid_request\",\"error_description\":\"no such scope\"} | MISCONFIGURED",
                "401 | {\"error\":\"invalid_client\"} | MISCONFIGURED",
                "403 | {\"error\":\"unauthorized_client\"} | MISCONFIGURED",
                "413 | {} | MALFORMED",
                "429 | {} | TEMPORARY",
                "500 | oops | TEMPORARY",
                "503 | {\"error\":\"temporarily_unavailable\"} | TEMPORARY",
                "302 | {} | MALFORMED",
                "201 | [] | MALFORMED",
                "201 | {} | MALFORMED",
                "201 | {\"request_uri\":\"\",\"expires_in\":60} | MALFORMED",
                "201 | {\"request_uri\":7,\"expires_in\":60} | MALFORMED",
                "404 | <html> | MALFORMED"
            })
    void a_server_that_does_not_take_it_is_told_by_kind_and_nothing_goes_through_the_browser_instead(
            int status, String body, AuthorizationServerException.Kind kind) {
        mock.server.enqueue(json(status, body));
        Grantkeeper node = mock.node(pushing());
        assertThatExceptionOfType(AuthorizationServerException.class)
                .isThrownBy(node::startLogin)
                .satisfies(e -> assertThat(e.kind()).isEqualTo(kind))
                .satisfies(e -> assertThat(e.status()).isIn(status, 200));
        assertThat(mock.server.getRequestCount()).isEqualTo(1);
    }

    @Test
    void a_server_that_is_not_there_is_temporary() {
        Grantkeeper node = mock.node(pushing());
        mock.server.close();
        assertThatExceptionOfType(AuthorizationServerException.class)
                .isThrownBy(node::startLogin)
                .satisfies(e -> assertThat(e.kind()).isEqualTo(AuthorizationServerException.Kind.TEMPORARY))
                .withMessageContaining("pushed authorization request endpoint");
    }

    @Test
    void what_a_server_repeats_of_the_request_is_not_repeated_here() {
        mock.server.setDispatcher(new Dispatcher() {
            @Override
            public MockResponse dispatch(RecordedRequest request) {
                Map<String, String> form = MockProvider.form(request);
                return json(
                        400,
                        "{\"error\":\"invalid_request\",\"error_description\":\"bad: " + form.get("state") + " "
                                + form.get("client_secret") + "\"}");
            }
        });
        Grantkeeper node = mock.node(
                pushing().clientSecret("top-secret-1").clientAuthentication(ClientAuthentication.SECRET_POST));
        assertThatExceptionOfType(AuthorizationServerException.class)
                .isThrownBy(node::startLogin)
                .withMessageContaining("bad: [redacted] [redacted]");
    }

    @Test
    void without_a_place_to_push_to_it_cannot_be_built() {
        assertThatIllegalStateException()
                .isThrownBy(() -> mock.registration(mock.provider().pushedAuthorizationRequestEndpoint(null))
                        .loginProtections(LoginProtection.PUSHED_REQUEST)
                        .build())
                .withMessageContaining("pushedAuthorizationRequestEndpoint(");
    }
}
