/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static dev.grantkeeper.MockProvider.json;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.grantkeeper.AuthorizationServerException.Kind;
import dev.grantkeeper.LoginResult.SignedIn;
import dev.grantkeeper.internal.provider.Facts;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.provider.Spotify;
import dev.grantkeeper.token.Identity;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import mockwebserver3.MockResponse;
import mockwebserver3.RecordedRequest;
import okhttp3.Credentials;
import okhttp3.Request;
import okhttp3.Response;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Spotify's rules and its answers: the preset's own paths, on a server of the test's. */
@Timeout(300)
class SpotifyTest {
    private static final String NEW_LOGIN = "{\"access_token\":\"at-1\",\"token_type\":\"Bearer\",\"scope\":"
            + "\"user-read-private user-read-email\",\"expires_in\":3600,\"refresh_token\":\"rt-1\"}";

    private final MockProvider mock = new MockProvider();
    private final List<GrantListener.Event> events = new CopyOnWriteArrayList<>();

    @AfterEach
    void close() {
        mock.close();
    }

    private String here(URI endpoint) {
        return mock.url(endpoint.getRawPath());
    }

    private Provider.Builder spotify() {
        Provider preset = Spotify.provider();
        return preset.newBuilder()
                .allowHttpOnLoopback()
                .authorizationEndpoint(here(preset.authorizationEndpoint()))
                .tokenEndpoint(here(preset.tokenEndpoint()))
                .profileEndpoint(
                        here(Objects.requireNonNull(Facts.of(preset).profileEndpoint)), Facts.of(preset).profileClaims)
                .apiOrigins(mock.url("/"));
    }

    private Grantkeeper.Builder registration() {
        return mock.registration(spotify())
                .scopes("user-read-private", "user-read-email")
                .listener(events::add);
    }

    private static Map<String, String> query(PendingLogin login) {
        return MockProvider.parameters(login.url().toString());
    }

    private LoginResult login(Grantkeeper node, MockResponse... answers) throws Exception {
        PendingLogin login = node.startLogin();
        for (MockResponse answer : answers) {
            mock.server.enqueue(answer);
        }
        return node.finishLogin(login, "code=c&state=" + query(login).get("state"));
    }

    private Account signIn(Grantkeeper node) throws Exception {
        Account alice = ((SignedIn) login(node, json(200, NEW_LOGIN))).keepAs("alice");
        mock.server.takeRequest();
        return alice;
    }

    /** The access token has expired; the next request brings another. */
    private void refresh(Account alice, String answer) throws Exception {
        mock.server.enqueue(json(200, answer));
        alice.tokens();
    }

    // ---- Redirect URIs --------------------------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(
            strings = {
                "https://app.example/cb",
                "https://app.example:8443/cb?x=1",
                "http://127.0.0.1/cb",
                "http://127.0.0.1:8888/cb",
                "http://[::1]/cb",
                "http://[::1]:8888/cb",
                "my-app://callback",
                "com.example.app:/cb"
            })
    void a_redirect_uri_by_spotifys_rules_is_taken(String uri) {
        assertThat(mock.node(mock.registration(Spotify.provider().newBuilder()).redirectUri(uri)))
                .isNotNull();
    }

    @ParameterizedTest
    @CsvSource({
        "http://localhost/cb, http://127.0.0.1/cb",
        "http://localhost:8888/cb, http://127.0.0.1:8888/cb",
        "https://localhost/cb, https://127.0.0.1/cb",
        "http://app.example/cb, https",
        "http://127.0.0.2/cb, https",
        "http://0.0.0.0/cb, https",
        "http://192.168.0.2/cb, https",
        "http://127.0.0.1.evil.example/cb, https"
    })
    void a_redirect_uri_that_spotify_refuses_fails_when_building_and_the_message_says_what_to_use(
            String uri, String instead) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> mock.registration(Spotify.provider().newBuilder())
                        .redirectUri(uri)
                        .build())
                .withMessageContaining(instead);
    }

    // ---- Logins ---------------------------------------------------------------------------------------------------

    @Test
    void a_login_asks_for_scopes_and_sends_nothing_that_spotify_does_not_know() throws Exception {
        PendingLogin login = mock.node(registration()).startLogin();
        assertThat(login.url().getPath()).isEqualTo("/authorize");
        assertThat(query(login))
                .containsEntry("scope", "user-read-private user-read-email")
                .containsEntry("code_challenge_method", "S256")
                .containsOnlyKeys(
                        "response_type",
                        "client_id",
                        "redirect_uri",
                        "scope",
                        "state",
                        "code_challenge",
                        "code_challenge_method");
        assertThat(query(mock.node(registration()).newLogin().scopes().start())).doesNotContainKey("scope");
    }

    @Test
    void who_wants_to_use_another_account_is_shown_the_page_again() throws Exception {
        assertThat(query(mock.node(registration())
                        .newLogin()
                        .parameter("show_dialog", "true")
                        .start()))
                .containsEntry("show_dialog", "true");
    }

    @Test
    void a_user_who_says_no_has_declined() throws Exception {
        Grantkeeper node = mock.node(registration());
        PendingLogin login = node.startLogin();
        assertThat(node.finishLogin(
                        login, "error=access_denied&state=" + query(login).get("state")))
                .isInstanceOfSatisfying(
                        LoginResult.Declined.class,
                        declined -> assertThat(declined.byUser()).isTrue());
    }

    @Test
    void a_secret_goes_into_the_header_and_a_client_without_one_names_itself_in_the_body() throws Exception {
        login(mock.node(registration().clientSecret("0f9e")), json(200, NEW_LOGIN));
        RecordedRequest confidential = mock.server.takeRequest();
        assertThat(confidential.getTarget()).isEqualTo("/api/token");
        assertThat(confidential.getHeaders().get("Authorization")).isEqualTo(Credentials.basic("app+1", "0f9e"));
        assertThat(MockProvider.form(confidential)).doesNotContainKeys("client_id", "client_secret");

        login(mock.node(registration()), json(200, NEW_LOGIN));
        RecordedRequest open = mock.server.takeRequest();
        assertThat(open.getHeaders().get("Authorization")).isNull();
        assertThat(MockProvider.form(open))
                .containsEntry("client_id", MockProvider.CLIENT)
                .containsKey("code_verifier");
    }

    // ---- Refreshing -----------------------------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                ",\"refresh_token\":null,\"scope\":\"\"",
                ",\"refresh_token\":\"\"",
                ",\"scope\":\"user-read-private user-read-email\""
            })
    void without_a_new_refresh_token_the_old_one_goes_on(String more) throws Exception {
        Account alice = signIn(mock.node(registration()));
        for (int i = 2; i < 5; i++) {
            mock.time.pass(Duration.ofHours(2));
            refresh(
                    alice,
                    "{\"access_token\":\"at-" + i + "\",\"token_type\":\"Bearer\",\"expires_in\":3600" + more + "}");
            assertThat(MockProvider.form(mock.server.takeRequest())).containsEntry("refresh_token", "rt-1");
            assertThat(alice.tokens().accessToken()).isEqualTo("at-" + i);
            assertThat(alice.tokens().scopes()).isEqualTo(Set.of("user-read-private", "user-read-email"));
        }
    }

    @Test
    void a_new_refresh_token_replaces_the_old_one() throws Exception {
        Account alice = signIn(mock.node(registration()));
        for (int i = 1; i < 4; i++) {
            mock.time.pass(Duration.ofHours(2));
            refresh(alice, NEW_LOGIN.replace("rt-1", "rt-" + (i + 1)));
            assertThat(MockProvider.form(mock.server.takeRequest())).containsEntry("refresh_token", "rt-" + i);
        }
    }

    @Test
    void six_months_after_the_login_consent_ends_and_only_another_login_begins_them_anew() throws Exception {
        Grantkeeper node = mock.node(registration());
        Account alice = signIn(node);
        Instant authorized = alice.grant().orElseThrow().authorizedAt();
        Instant ends = authorized.atOffset(ZoneOffset.UTC).plusMonths(6).toInstant();
        for (int month = 0; month < 5; month++) {
            mock.time.pass(Duration.ofDays(30));
            refresh(alice, NEW_LOGIN.replace("rt-1", "rt-" + month));
            assertThat(alice.grant().orElseThrow().consentEndsAt()).contains(ends);
        }
        assertThat(ending()).isEmpty();

        mock.time.pass(Duration.between(mock.time.clock().instant(), ends).minusDays(29));
        refresh(alice, NEW_LOGIN);
        assertThat(ending()).singleElement().satisfies(event -> {
            assertThat(event.key()).isEqualTo(alice.key());
            assertThat(event.endsAt()).contains(ends);
        });
        mock.time.pass(Duration.ofDays(23));
        refresh(alice, NEW_LOGIN);
        mock.time.pass(Duration.ofDays(5).plusHours(2));
        refresh(alice, NEW_LOGIN);
        assertThat(ending()).hasSize(3);
        assertThat(alice.grant().orElseThrow().consentEndsAt()).contains(ends);

        ((SignedIn) login(node, json(200, NEW_LOGIN))).keepAs("alice");
        assertThat(alice.grant().orElseThrow().consentEndsAt().orElseThrow()).isAfter(ends.plus(Duration.ofDays(150)));
        mock.time.pass(Duration.ofHours(2));
        refresh(alice, NEW_LOGIN);
        assertThat(ending()).hasSize(3);
    }

    private List<GrantListener.Event> ending() {
        return events.stream()
                .filter(event -> event.kind() == GrantListener.Kind.CONSENT_ENDS_SOON)
                .toList();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"error\":\"invalid_grant\",\"error_description\":\"Refresh token revoked\"}",
                "{\"error\":\"invalid_grant\",\"error_description\":\"Invalid refresh token\"}",
                "{\"error\":\"invalid_grant\"}"
            })
    void a_refresh_token_that_has_ended_is_not_sent_again(String answer) throws Exception {
        Account alice = signIn(mock.node(registration()));
        mock.time.pass(Duration.ofHours(2));
        mock.server.enqueue(json(400, answer));
        for (int i = 0; i < 3; i++) {
            assertThatExceptionOfType(LoginRequiredException.class).isThrownBy(alice::tokens);
        }
        assertThat(mock.server.getRequestCount()).isEqualTo(2);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"error\":\"invalid_client\",\"error_description\":\"Invalid client secret\"}",
                "{\"error\":\"invalid_client\"}"
            })
    void a_wrong_secret_costs_no_user_the_grant(String answer) throws Exception {
        Account alice = signIn(mock.node(registration()));
        mock.time.pass(Duration.ofHours(2));
        mock.server.enqueue(json(400, answer));
        assertThatExceptionOfType(AuthorizationServerException.class)
                .isThrownBy(alice::tokens)
                .satisfies(e -> assertThat(e.kind()).isEqualTo(Kind.MISCONFIGURED));
        assertThat(alice.grant().orElseThrow().loginRequired()).isEmpty();
    }

    @Test
    void a_wrong_verifier_ends_that_login_and_no_other_grant() throws Exception {
        Grantkeeper node = mock.node(registration());
        Account alice = signIn(node);
        assertThat(login(
                        node,
                        json(
                                400,
                                "{\"error\":\"invalid_grant\",\"error_description\":\"code_verifier was incorrect\"}")))
                .isInstanceOf(LoginResult.Declined.class);
        assertThat(alice.tokens().accessToken()).isEqualTo("at-1");
    }

    @Test
    void the_applications_own_token_has_no_refresh_token_and_no_scopes() throws Exception {
        mock.server.enqueue(json(200, "{\"access_token\":\"app\",\"token_type\":\"Bearer\",\"expires_in\":3600}"));
        Grantkeeper node = mock.node(registration().scopes().clientSecret("0f9e"));
        assertThat(node.application().tokens().accessToken()).isEqualTo("app");
        assertThat(node.application().tokens().refreshToken()).isEmpty();
    }

    // ---- Who the user is ------------------------------------------------------------------------------------------

    @Test
    void a_profile_without_name_and_address_is_a_user_all_the_same() throws Exception {
        SignedIn in = (SignedIn) login(
                mock.node(registration().fetchProfile()),
                json(200, NEW_LOGIN),
                json(
                        200,
                        "{\"display_name\":null,\"external_urls\":{\"spotify\":"
                                + "\"https://open.spotify.com/user/exuser2\"},\"href\":"
                                + "\"https://api.spotify.com/v1/users/exuser2\",\"id\":\"exuser2\",\"images\":[],"
                                + "\"type\":\"user\",\"uri\":\"spotify:user:exuser2\"}"));
        Identity identity = in.identity().orElseThrow();
        assertThat(identity.id()).isEqualTo("spotify exuser2");
        assertThat(identity.name()).isEmpty();
        assertThat(identity.email()).isEmpty();
        mock.server.takeRequest();
        RecordedRequest me = mock.server.takeRequest();
        assertThat(me.getTarget()).isEqualTo("/v1/me");
        assertThat(me.getHeaders().get("Authorization")).isEqualTo("Bearer at-1");
    }

    @Test
    void a_user_who_was_not_added_in_the_dashboard_is_told_so() {
        Grantkeeper node = mock.node(registration().fetchProfile());
        assertThatExceptionOfType(AuthorizationServerException.class)
                .isThrownBy(() -> login(
                        node,
                        json(200, NEW_LOGIN),
                        new MockResponse.Builder()
                                .code(403)
                                .setHeader("Content-Type", "text/plain")
                                .body("User not registered in the Developer Dashboard")
                                .build()))
                .satisfies(e -> assertThat(e.kind()).isEqualTo(Kind.MALFORMED))
                .withMessageContaining("profile endpoint of spotify")
                .withMessageContaining("403")
                .withMessageContaining("is this user allowed to use the application there?");
        assertThat(mock.store.rows).isEmpty();
    }

    // ---- The Web API ----------------------------------------------------------------------------------------------

    private static MockResponse api(int status, String... headers) {
        MockResponse.Builder answer = new MockResponse.Builder()
                .code(status)
                .setHeader("Content-Type", "application/json")
                .body("{\"error\":{\"status\":" + status + ",\"message\":\"Why\"}}");
        for (int i = 0; i < headers.length; i += 2) {
            answer.setHeader(headers[i], headers[i + 1]);
        }
        return answer.build();
    }

    private Response call(Account alice) throws Exception {
        return alice.wrap(mock.http)
                .newCall(new Request.Builder().url(mock.url("/v1/me/player")).build())
                .execute();
    }

    @ParameterizedTest
    @ValueSource(strings = {"The access token expired", "Invalid access token"})
    void a_token_that_the_api_rejects_is_replaced_once(String why) throws Exception {
        Account alice = signIn(mock.node(registration()));
        mock.server.enqueue(api(
                401,
                "www-authenticate",
                "Bearer realm=\"spotify\", error=\"invalid_token\", error_description=\"" + why + "\""));
        mock.server.enqueue(json(200, NEW_LOGIN.replace("at-1", "at-2")));
        mock.server.enqueue(api(200));
        try (Response response = call(alice)) {
            assertThat(response.code()).isEqualTo(200);
        }
        assertThat(mock.server.getRequestCount()).isEqualTo(4);
    }

    @ParameterizedTest
    @ValueSource(ints = {403, 429})
    void what_no_token_mends_comes_back_as_it_is(int status) throws Exception {
        Account alice = signIn(mock.node(registration()));
        mock.server.enqueue(api(status, "retry-after", "13749"));
        try (Response response = call(alice)) {
            assertThat(response.code()).isEqualTo(status);
            assertThat(response.header("Retry-After")).isEqualTo("13749");
            assertThat(response.body().string()).contains("Why");
        }
        assertThat(mock.server.getRequestCount()).isEqualTo(2);
    }

    // ---- What is not documented -----------------------------------------------------------------------------------

    @Test
    void by_default_signing_out_tells_spotify_nothing() throws Exception {
        Account alice = signIn(mock.node(registration()));
        alice.signOut();
        assertThat(mock.server.getRequestCount()).isEqualTo(1);
    }

    @Test
    void who_wants_to_gives_tokens_back_where_spotify_does_not_document_it() throws Exception {
        Account alice = signIn(mock.node(mock.registration(
                spotify().revocationEndpoint(here(URI.create(Spotify.UNDOCUMENTED_REVOCATION_ENDPOINT))))));
        mock.server.enqueue(api(200));
        mock.server.enqueue(api(200));
        alice.signOut();
        RecordedRequest first = mock.server.takeRequest();
        assertThat(first.getTarget()).isEqualTo("/oauth2/revoke/v1");
        assertThat(MockProvider.form(first)).containsEntry("token", "rt-1");
    }

    @Test
    void who_wants_to_has_openid_connect_where_spotify_does_not_document_it() throws Exception {
        Provider provider = Spotify.provider()
                .newBuilder()
                .authorizationEndpoint(Spotify.UNDOCUMENTED_AUTHORIZATION_ENDPOINT)
                .revocationEndpoint(Spotify.UNDOCUMENTED_REVOCATION_ENDPOINT)
                .openId(Spotify.UNDOCUMENTED_ISSUER, Spotify.UNDOCUMENTED_JWKS_URI)
                .build();
        PendingLogin login = mock.node(mock.registration(provider.newBuilder()).scopes("openid", "user-read-email"))
                .startLogin();
        assertThat(login.url().toString()).startsWith("https://accounts.spotify.com/oauth2/v2/auth?");
        assertThat(query(login)).containsKey("nonce");
        for (URI endpoint : List.of(
                provider.revocationEndpoint().orElseThrow(), provider.jwksUri().orElseThrow())) {
            assertThat(endpoint).hasScheme("https").hasHost("accounts.spotify.com");
        }
    }
}
