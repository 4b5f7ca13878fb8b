/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static dev.grantkeeper.MockProvider.tokens;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import dev.grantkeeper.provider.Provider;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.NullSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Logins that another site has asked for (OpenID Connect Core section 4). */
@Timeout(300)
class InitiatedLoginTest {
    private static final String APP = "https://app.example";
    private static final String ISS = "iss=" + encoded(MockProvider.ISSUER);

    private final MockProvider mock = new MockProvider();
    private final Grantkeeper node = mock.node(mock.registration(mock.provider()));

    @AfterEach
    void close() {
        mock.close();
    }

    private static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }

    private Optional<LoginRequest> toTarget(String target) {
        return node.readInitiatedLogin(ISS + "&target_link_uri=" + encoded(target), APP, "http://127.0.0.1:8080");
    }

    @Test
    void the_user_who_is_expected_signs_in_and_goes_to_the_page_that_was_named() throws Exception {
        String query = "?" + ISS + "&login_hint=al%26ice&target_link_uri=" + encoded(APP + "/things?a=1#b") + "&x=y";
        PendingLogin login =
                node.readInitiatedLogin(query, APP).orElseThrow().scopes("a").start();
        assertThat(MockProvider.parameters(login.url().toString()))
                .containsEntry("login_hint", "al&ice")
                .containsEntry("scope", "a")
                .containsKeys("state", "code_challenge")
                .doesNotContainKeys("target_link_uri", "iss", "x");
        mock.server.enqueue(tokens());
        LoginResult result =
                node.finishLogin(login, "code=c&state=" + login.attempt().state());
        assertThat(((LoginResult.SignedIn) result).appState()).contains(APP + "/things?a=1#b");
    }

    /** Login CSRF: another site can begin a login in somebody's browser, and end none. */
    @Test
    void it_is_finished_in_the_browser_in_which_it_began_and_nothing_is_sent_before() throws Exception {
        PendingLogin login = node.readInitiatedLogin(ISS + "&login_hint=x", APP)
                .orElseThrow()
                .start();
        PendingLogin other = node.readInitiatedLogin(ISS + "&login_hint=x", APP)
                .orElseThrow()
                .start();
        assertThat(login.sessionKey()).isNotEqualTo(other.sessionKey());
        String answer = "code=c&state=" + login.attempt().state();
        assertThat(((LoginResult.Mismatched) node.finishLogin(null, answer)).reason())
                .isEqualTo(LoginResult.Mismatched.Reason.NO_LOGIN);
        assertThat(((LoginResult.Mismatched) node.finishLogin(other, answer)).reason())
                .isEqualTo(LoginResult.Mismatched.Reason.FORGED);
        assertThat(mock.server.getRequestCount()).isZero();
    }

    @Test
    void everything_but_the_issuer_may_be_missing() throws Exception {
        for (String query : new String[] {ISS, ISS + "&login_hint=&target_link_uri="}) {
            PendingLogin login =
                    node.readInitiatedLogin(query, APP).orElseThrow().start();
            assertThat(login.url().toString()).doesNotContain("login_hint");
            assertThat(login.attempt().appState()).isNull();
        }
    }

    @ParameterizedTest
    @NullSource
    @ValueSource(
            strings = {
                "",
                "iss=",
                "login_hint=alice",
                "iss=https%3A%2F%2Fissuer.example%2F",
                "iss=https%3A%2F%2Fissuer.example%20",
                "iss=HTTPS%3A%2F%2FISSUER.EXAMPLE",
                "iss=http%3A%2F%2Fissuer.example",
                "iss=https%3A%2F%2Fissuer.example.evil.example",
                "iss=https%3A%2F%2Fevil.example",
                "iss=https%3A%2F%2Fissuer.example&iss=https%3A%2F%2Fissuer.example",
                "iss=https%3A%2F%2Fissuer.example&login_hint=a&login_hint=b",
                "iss=https%3A%2F%2Fissuer.example&%6Cogin_hint=a&login_hint=b",
                "iss=https%3A%2F%2Fissuer.example&target_link_uri=x&target_link_uri=https%3A%2F%2Fapp.example%2F",
                "iss=https%3A%2F%2Fissuer.example%00",
                "iss=https%3A%2F%2Fissuer.example%3A443",
                "iss=https%3A%2F%2Fuser%40issuer.example",
                "iss=https%3A%2F%2Fissu%D0%B5r.example",
                "iss=https%253A%252F%252Fissuer.example",
                "ISS=https%3A%2F%2Fissuer.example",
                "iss[]=https%3A%2F%2Fissuer.example",
            })
    void a_query_that_does_not_name_our_issuer_once_starts_no_login(String query) {
        assertThat(node.readInitiatedLogin(query, APP)).isEmpty();
    }

    @Test
    void a_query_that_is_too_long_starts_no_login() {
        assertThat(node.readInitiatedLogin(ISS + "&login_hint=" + "a".repeat(20_000), APP))
                .isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "https://evil.example/",
                "https://app.example.evil.example/",
                "https://evil.example/https://app.example",
                "//evil.example/",
                "///evil.example/",
                "/\\evil.example",
                "\\\\evil.example",
                "https:evil.example",
                "https:/evil.example",
                "https:///evil.example",
                "https:app.example",
                "https:\\\\app.example/",
                "https://app.example\\@evil.example/",
                "https://evil.example\\@app.example/",
                "https://app.example@evil.example/",
                "https://evil.example@app.example/",
                "https://user:password@app.example/",
                "https://app.example:8443/",
                "https://app.example:-1/",
                "https://app.example:65979/",
                "https://app.example:443:443/",
                "https://app.example%3a8443/",
                "https://app.example%40evil.example/",
                "https://app.example%2f@evil.example/",
                "https://app.example%5c.evil.example/",
                "https://app.example;.evil.example/",
                "https://xn--pp-6kc.example/",
                "https://app\uff0eexample.evil.example/",
                "https://app.example\u3002evil.example/",
                "https://[::1]/",
                "https://[::ffff:127.0.0.1]:8080/",
                "http://2130706433:8080/",
                "http://0177.0.0.1:8080/",
                "http://127.1:8080/",
                "view-source:https://app.example/",
                "blob:https://app.example/x",
                "https://app.example\r\nLocation: https://evil.example",
                "https://app.example:443@evil.example/",
                "http://app.example/",
                "http://127.0.0.1/",
                "http://127.0.0.1:8081/",
                "https://127.0.0.1:8080/",
                "http://localhost:8080/",
                "https://app.example%2eevil.example/",
                "https://app.example%00.evil.example/",
                "https://app.example//evil.example",
                "https://app.example/x/..//evil.example",
                "https://app.example/\\evil.example",
                "https://app.example/a b",
                "https://app.example/\n",
                "https://app.example/\tx",
                " https://app.example/",
                "https://\u0430pp.example/",
                "https://app.example/\u00fc",
                "https://app.example.",
                "javascript:alert(1)",
                "java\nscript:alert(1)",
                "javascript://app.example/%0aalert(1)",
                "data:text/html,x",
                "/things",
                "things",
                "?x",
                "app.example/things",
            })
    void a_page_that_is_not_the_applications_starts_no_login(String target) {
        assertThat(toTarget(target)).isEmpty();
        assertThat(mock.server.getRequestCount()).isZero();
    }

    @ParameterizedTest
    @CsvSource({
        "https://app.example, https://app.example/",
        "https://app.example:, https://app.example/",
        "https://app.example/?u=//evil.example, https://app.example/?u=//evil.example",
        "HTTPS://APP.example:443/a/../b, https://app.example/b",
        "http://127.0.0.1:8080/a#b, http://127.0.0.1:8080/a#b",
        "https://app.example/%2f%2fevil.example, https://app.example/%2f%2fevil.example"
    })
    void a_page_of_the_application_is_kept_as_the_browser_will_understand_it(String target, String kept)
            throws Exception {
        assertThat(toTarget(target).orElseThrow().start().attempt().appState()).isEqualTo(kept);
    }

    @Test
    void a_page_whose_address_is_too_long_is_left_out() throws Exception {
        PendingLogin login =
                toTarget(APP + "/" + "a".repeat(2000)).orElseThrow().start();
        assertThat(login.attempt().appState()).isNull();
    }

    @Test
    void without_origins_no_page_is_the_applications() {
        assertThat(node.readInitiatedLogin(ISS, new String[0])).isPresent();
        assertThat(node.readInitiatedLogin(ISS + "&target_link_uri=" + encoded(APP)))
                .isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "app.example",
                "https://",
                "https://app.example/path",
                "https://app.example?x",
                "https://user@app.example",
                "https:app.example",
                "javascript://app.example",
                "*"
            })
    void an_origin_is_a_scheme_a_host_and_a_port(String origin) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> node.readInitiatedLogin(ISS, origin))
                .withMessageContaining(origin);
    }

    @Test
    void a_hint_that_the_provider_does_not_accept_is_left_out() throws Exception {
        Grantkeeper without =
                mock.node(mock.registration(mock.provider().forbiddenParameter("login_hint", "it is ignored there")));
        assertThat(without.readInitiatedLogin(ISS + "&login_hint=alice")
                        .orElseThrow()
                        .start()
                        .url()
                        .toString())
                .doesNotContain("alice");
    }

    @Test
    void an_issuer_that_leaves_the_tenant_open_is_that_of_each_tenant() {
        String tenant = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490";
        Grantkeeper tenants = mock.node(
                mock.registration(mock.provider().openId("https://as.example/{tenantid}/v2.0", mock.url("/jwks"))));
        assertThat(tenants.readInitiatedLogin("iss=" + encoded("https://as.example/" + tenant + "/v2.0")))
                .isPresent();
        for (String other : new String[] {"x", "{tenantid}", tenant + "/../evil", ""}) {
            assertThat(tenants.readInitiatedLogin("iss=" + encoded("https://as.example/" + other + "/v2.0")))
                    .isEmpty();
        }
    }

    @Test
    void the_issuer_of_a_server_that_is_discovered_is_known_before_its_metadata_is() {
        Grantkeeper discovered = mock.node(Grantkeeper.builder(Discovery.of(MockProvider.ISSUER))
                .clientId("c")
                .redirectUri(MockProvider.REDIRECT)
                .tokenStore(mock.store)
                .allowPlaintextTokens());
        assertThat(discovered.readInitiatedLogin(ISS)).isPresent();
        assertThat(discovered.readInitiatedLogin("iss=https://evil.example")).isEmpty();
    }

    @Test
    void a_provider_without_issuer_cannot_be_named() {
        Provider.Builder plain = Provider.builder("plain")
                .allowHttpOnLoopback()
                .authorizationEndpoint(mock.url("/authorize"))
                .tokenEndpoint(mock.url("/token"));
        assertThatIllegalStateException()
                .isThrownBy(() -> mock.node(mock.registration(plain)).readInitiatedLogin(ISS))
                .withMessageContaining("openId(issuer, jwksUri)");
    }
}
