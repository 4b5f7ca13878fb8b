/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.migration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.microsoft.aad.msal4j.AuthorizationCodeParameters;
import com.microsoft.aad.msal4j.ClientCredentialFactory;
import com.microsoft.aad.msal4j.ClientCredentialParameters;
import com.microsoft.aad.msal4j.ConfidentialClientApplication;
import com.microsoft.aad.msal4j.HttpRequest;
import com.microsoft.aad.msal4j.HttpResponse;
import com.microsoft.aad.msal4j.IHttpResponse;
import com.microsoft.aad.msal4j.OnBehalfOfParameters;
import com.microsoft.aad.msal4j.UserAssertion;
import dev.grantkeeper.testkit.FakeAuthorizationServer;
import dev.grantkeeper.token.TokenSet;
import java.net.MalformedURLException;
import java.net.URI;
import java.time.Instant;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class MsalTokenCacheTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String AUTHORITY = "https://login.microsoftonline.com/contoso";

    private final MigrationScene scene = new MigrationScene();

    /** What Entra answers next. */
    private Map<String, Object> response = Map.of();

    private ConfidentialClientApplication msal = msal("diary");

    @AfterEach
    void stop() {
        scene.close();
    }

    private ConfidentialClientApplication msal(String clientId) {
        try {
            return ConfidentialClientApplication.builder(clientId, ClientCredentialFactory.createFromSecret("secret"))
                    .authority(AUTHORITY)
                    .instanceDiscovery(false)
                    .httpClient(this::send)
                    .build();
        } catch (MalformedURLException e) {
            throw new AssertionError(e);
        }
    }

    private IHttpResponse send(HttpRequest request) throws Exception {
        HttpResponse answer = new HttpResponse().statusCode(200).body(JSON.writeValueAsString(response));
        answer.addHeaders(Map.of("Content-Type", List.of("application/json")));
        return answer;
    }

    private static String base64(Object json) throws Exception {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(JSON.writeValueAsBytes(json));
    }

    private static Map<String, Object> tokens(String accessToken, String refreshToken, int expiresIn, String scope) {
        Map<String, Object> tokens = new LinkedHashMap<>();
        tokens.put("token_type", "Bearer");
        tokens.put("access_token", accessToken);
        tokens.put("expires_in", expiresIn);
        tokens.put("ext_expires_in", expiresIn);
        tokens.put("scope", scope);
        if (refreshToken != null) {
            tokens.put("refresh_token", refreshToken);
        }
        return tokens;
    }

    private static Map<String, Object> with(Map<String, Object> tokens, String name, Object value) {
        tokens.put(name, value);
        return tokens;
    }

    /** A login by the old library, whose user is named as Entra does. */
    private void signIn(String user, Map<String, Object> tokens) throws Exception {
        tokens.put("client_info", base64(Map.of("uid", user, "utid", "home")));
        tokens.put(
                "id_token",
                base64(Map.of("alg", "none")) + "."
                        + base64(Map.of(
                                "sub", user, "oid", user, "tid", "home", "preferred_username", user + "@contoso.com"))
                        + ".");
        response = tokens;
        msal.acquireToken(AuthorizationCodeParameters.builder("code", URI.create(MigrationScene.CALLBACK))
                        .scopes(Set.of("things.read"))
                        .build())
                .get();
    }

    private void signIn(String user) throws Exception {
        FakeAuthorizationServer.Issued issued = scene.issue(user);
        signIn(user, tokens(issued.accessToken(), issued.refreshToken(), 3600, "openid profile things.read"));
    }

    private MsalTokenCache.Result move(String cache) throws Exception {
        return MsalTokenCache.move(
                cache,
                "diary",
                List.of("openid", "offline_access", "things.read"),
                user -> user.homeAccountId().replace(".home", ""),
                scene.grantkeeper);
    }

    private MsalTokenCache.Result move() throws Exception {
        return move(msal.tokenCache().serialize());
    }

    @Test
    void a_user_goes_on_calling_without_a_login_and_is_refreshed_once_after_the_expiry() throws Exception {
        signIn("alice");
        signIn("bob");

        assertThat(move()).isEqualTo(new MsalTokenCache.Result(2, 0, Map.of()));

        assertThat(scene.call("alice")).isEqualTo(200);
        assertThat(scene.call("bob")).isEqualTo(200);
        assertThat(scene.server.tokenRequests()).isZero();
        TokenSet tokens = scene.grantkeeper.account("alice").tokens();
        assertThat(tokens.scopes()).contains("things.read");
        assertThat(tokens.expiresAt().orElseThrow())
                .isBetween(Instant.now().plusSeconds(3500), Instant.now().plusSeconds(3600));
        assertThat(tokens.receivedAt()).isBetween(Instant.now().minusSeconds(60), Instant.now());

        scene.expire();
        assertThat(scene.call("alice")).isEqualTo(200);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
        assertThat(scene.server.apiUnauthorized()).isZero();
    }

    @Test
    void a_user_whose_access_token_has_expired_is_refreshed_at_the_first_call() throws Exception {
        FakeAuthorizationServer.Issued issued = scene.issue("alice");
        signIn("alice", tokens(issued.accessToken(), issued.refreshToken(), 0, "things.read"));

        assertThat(move().imported()).isEqualTo(1);

        assertThat(scene.call("alice")).isEqualTo(200);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
        assertThat(scene.server.apiUnauthorized()).isZero();
    }

    @Test
    void of_several_resources_the_token_moves_that_the_registration_requests() throws Exception {
        signIn("alice");
        FakeAuthorizationServer.Issued issued = scene.issue("alice");
        signIn("alice", tokens("of-another-api", issued.refreshToken(), 7200, "https://other.example/.default"));

        assertThat(move().imported()).isEqualTo(1);

        assertThat(scene.call("alice")).isEqualTo(200);
        TokenSet tokens = scene.grantkeeper.account("alice").tokens();
        assertThat(tokens.accessToken()).isNotEqualTo("of-another-api");
        assertThat(tokens.refreshToken()).contains(issued.refreshToken());
        assertThat(scene.server.tokenRequests()).isZero();
    }

    @Test
    void a_refresh_token_is_enough_if_the_access_tokens_are_for_other_resources() throws Exception {
        signIn("alice", tokens("of-another-api", scene.issue("alice").refreshToken(), 7200, "Mail.Read"));

        assertThat(move().imported()).isEqualTo(1);

        assertThat(scene.call("alice")).isEqualTo(200);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
        assertThat(scene.server.apiRequests()).isEqualTo(1);
    }

    @Test
    void of_several_tenants_no_access_token_moves() throws Exception {
        signIn("alice");
        ConfidentialClientApplication home = msal;
        msal = ConfidentialClientApplication.builder("diary", ClientCredentialFactory.createFromSecret("secret"))
                .authority(AUTHORITY.replace("contoso", "fabrikam"))
                .instanceDiscovery(false)
                .httpClient(this::send)
                .build();
        msal.tokenCache().deserialize(home.tokenCache().serialize());
        signIn("alice", tokens("of-another-tenant", scene.issue("alice").refreshToken(), 7200, "things.read"));

        assertThat(move().imported()).isEqualTo(1);

        assertThat(scene.call("alice")).isEqualTo(200);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
        assertThat(scene.server.apiUnauthorized()).isZero();
    }

    @Test
    void a_family_refresh_token_moves_whichever_client_obtained_it() throws Exception {
        signIn("bob");
        ConfidentialClientApplication own = msal;
        msal = msal("a-sibling");
        msal.tokenCache().deserialize(own.tokenCache().serialize());
        FakeAuthorizationServer.Issued issued = scene.issue("alice");
        signIn("alice", with(tokens("a", issued.refreshToken(), 3600, "things.read"), "foci", "1"));
        FakeAuthorizationServer.Issued ofBob = scene.issue("bob");
        signIn("bob", with(tokens("b", ofBob.refreshToken(), 3600, "things.read"), "foci", "1"));

        assertThat(move().imported()).isEqualTo(2);

        assertThat(scene.call("alice")).isEqualTo(200);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
        assertThat(scene.grantkeeper.account("bob").tokens().refreshToken())
                .as("Nothing says that we belong to the family")
                .isPresent()
                .isNotEqualTo(Optional.of(ofBob.refreshToken()));
    }

    @Test
    void a_member_of_the_family_prefers_its_token() throws Exception {
        signIn("alice");
        FakeAuthorizationServer.Issued issued = scene.issue("alice");
        signIn("alice", with(tokens("a", issued.refreshToken(), 3600, "things.read"), "foci", "1"));

        assertThat(move().imported()).isEqualTo(1);

        assertThat(scene.grantkeeper.account("alice").tokens().refreshToken()).contains(issued.refreshToken());
    }

    @Test
    void tokens_of_the_application_and_on_behalf_of_users_are_left_out() throws Exception {
        response = tokens("of-the-application", null, 3600, "things.read");
        msal.acquireToken(ClientCredentialParameters.builder(Set.of("https://api.example/.default"))
                        .build())
                .get();
        response = with(
                tokens("on-behalf", "on-behalf-too", 3600, "things.read"),
                "client_info",
                base64(Map.of("uid", "carol", "utid", "home")));
        msal.acquireToken(OnBehalfOfParameters.builder(Set.of("things.read"), new UserAssertion("incoming"))
                        .build())
                .get();
        assertThat(msal.tokenCache().serialize()).contains("of-the-application", "on-behalf-too");

        assertThat(move()).isEqualTo(new MsalTokenCache.Result(0, 0, Map.of()));
    }

    @Test
    void what_can_neither_be_used_nor_refreshed_is_skipped_and_named_without_its_token() throws Exception {
        signIn("alice");
        signIn("expired", tokens("canary-1", null, 0, "things.read"));
        signIn("odd", tokens("canary-2\n", "canary-3", 3600, "things.read"));
        signIn("stranger", tokens("canary-4", "canary-5", 3600, "things.read"));
        signIn("twin", tokens("canary-6", "canary-7", 3600, "things.read"));
        String cache = msal.tokenCache().serialize();

        MsalTokenCache.Result result = MsalTokenCache.move(
                cache,
                "diary",
                List.of("things.read"),
                user -> switch (String.valueOf(user.username())) {
                    case "stranger@contoso.com" -> null;
                    case "twin@contoso.com" -> "alice";
                    default -> user.homeAccountId().replace(".home", "");
                },
                scene.grantkeeper);

        assertThat(result.imported()).isEqualTo(1);
        assertThat(result.skipped()).containsOnlyKeys("expired.home", "odd.home", "stranger.home", "twin.home");
        assertThat(result.skipped().get("expired.home")).contains("neither a refresh token");
        assertThat(result.toString()).doesNotContain("canary");
        assertThat(scene.call("alice")).isEqualTo(200);
    }

    @Test
    void times_that_nobody_can_read_cost_a_refresh_and_no_login() throws Exception {
        signIn("alice");
        String cache = msal.tokenCache()
                .serialize()
                .replaceAll("\"(expires_on|cached_at)\":\"[0-9]+\"", "\"$1\":\"99999999999999999999\"");

        assertThat(move(cache).imported()).isEqualTo(1);

        assertThat(scene.call("alice")).isEqualTo(200);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
    }

    @Test
    void a_cache_that_is_not_json_is_rejected_and_an_empty_one_moves_nobody() throws Exception {
        assertThatThrownBy(() -> move("{\"RefreshToken\": canary"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("The cache is not JSON")
                .hasNoCause();
        assertThat(move(msal.tokenCache().serialize())).isEqualTo(new MsalTokenCache.Result(0, 0, Map.of()));
        assertThat(move("")).isEqualTo(new MsalTokenCache.Result(0, 0, Map.of()));
    }

    @Test
    void a_second_run_changes_nothing_even_after_a_refresh() throws Exception {
        signIn("alice");
        move();
        scene.expire();
        TokenSet refreshed = scene.grantkeeper.account("alice").tokens();

        assertThat(move()).isEqualTo(new MsalTokenCache.Result(0, 1, Map.of()));

        assertThat(scene.grantkeeper.account("alice").tokens()).isEqualTo(refreshed);
        assertThat(scene.server.reuseDetected()).isZero();
    }
}
