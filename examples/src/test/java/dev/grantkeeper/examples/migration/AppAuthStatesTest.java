/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.migration;

import static org.assertj.core.api.Assertions.assertThat;

import dev.grantkeeper.testkit.FakeAuthorizationServer;
import dev.grantkeeper.token.TokenSet;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class AppAuthStatesTest {
    /** As AppAuth 0.11 writes it, whose classes need Android. */
    private static final String STATE = """
            {"refreshToken":"REFRESH","scope":"things.read things.write",
             "config":{"authorizationEndpoint":"https://as.example/authorize",
               "tokenEndpoint":"https://as.example/token"},
             "lastAuthorizationResponse":{
               "request":{
                 "configuration":{"authorizationEndpoint":"https://as.example/authorize",
                   "tokenEndpoint":"https://as.example/token"},
                 "clientId":"diary","responseType":"code","redirectUri":"com.example.diary:/callback",
                 "scope":"things.read things.write","state":"s","nonce":"n","codeVerifier":"v",
                 "codeVerifierChallenge":"c","codeVerifierChallengeMethod":"S256","additionalParameters":{}},
               "state":"s","code":"used","additional_parameters":{}},
             "mLastTokenResponse":{
               "request":{
                 "configuration":{"authorizationEndpoint":"https://as.example/authorize",
                   "tokenEndpoint":"https://as.example/token"},
                 "clientId":"diary","nonce":"n","grantType":"authorization_code",
                 "redirectUri":"com.example.diary:/callback","authorizationCode":"used","codeVerifier":"v",
                 "additionalParameters":{}},
               "token_type":"Bearer","access_token":"ACCESS","expires_at":EXPIRES,"id_token":"h.p.s",
               "refresh_token":"REFRESH","additionalParameters":{}}}""";

    private final MigrationScene scene = new MigrationScene();
    private final Map<String, String> states = new LinkedHashMap<>();

    @AfterEach
    void stop() {
        scene.close();
    }

    private static String state(String accessToken, String refreshToken, Instant expiresAt) {
        return STATE.replace("ACCESS", accessToken)
                .replace("REFRESH", refreshToken)
                .replace("EXPIRES", String.valueOf(expiresAt.toEpochMilli()));
    }

    private static Instant inAnHour() {
        return Instant.ofEpochMilli(Instant.now().plus(Duration.ofHours(1)).toEpochMilli());
    }

    private AppAuthStates.Result move() throws Exception {
        return AppAuthStates.move(states, "diary", scene.grantkeeper);
    }

    @Test
    void a_user_goes_on_calling_without_a_login_and_is_refreshed_once_after_the_expiry() throws Exception {
        FakeAuthorizationServer.Issued issued = scene.issue("alice");
        Instant expiresAt = inAnHour();
        states.put("alice", state(issued.accessToken(), issued.refreshToken(), expiresAt));

        assertThat(move()).isEqualTo(new AppAuthStates.Result(1, 0, Map.of()));

        assertThat(scene.call("alice")).isEqualTo(200);
        assertThat(scene.server.tokenRequests()).isZero();
        TokenSet tokens = scene.grantkeeper.account("alice").tokens();
        assertThat(tokens.expiresAt()).contains(expiresAt);
        assertThat(tokens.idToken()).contains("h.p.s");
        assertThat(tokens.scopes()).containsExactly("things.read", "things.write");

        scene.expire();
        assertThat(scene.call("alice")).isEqualTo(200);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
        assertThat(scene.server.apiUnauthorized()).isZero();
    }

    @Test
    void a_user_whose_access_token_has_expired_is_refreshed_at_the_first_call() throws Exception {
        FakeAuthorizationServer.Issued issued = scene.issue("alice");
        states.put(
                "alice",
                state(issued.accessToken(), issued.refreshToken(), Instant.now().minusSeconds(60)));

        assertThat(move().imported()).isEqualTo(1);

        assertThat(scene.call("alice")).isEqualTo(200);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
        assertThat(scene.server.apiUnauthorized()).isZero();
    }

    @Test
    void the_refresh_token_of_the_state_counts_and_it_is_enough() throws Exception {
        String kept = scene.issue("alice").refreshToken();
        states.put("alice", "{\"refreshToken\":\"" + kept + "\",\"mLastTokenResponse\":{\"refresh_token\":\"older\"}}");

        assertThat(move().imported()).isEqualTo(1);

        assertThat(scene.call("alice")).isEqualTo(200);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
        assertThat(scene.server.apiRequests()).isEqualTo(1);
    }

    @Test
    void tokens_of_the_authorization_response_are_used_if_there_are_no_others() throws Exception {
        states.put("alice", """
                {"lastAuthorizationResponse":{"request":{"clientId":"diary"},"token_type":"bearer",
                "access_token":"%s","expires_at":%d,"id_token":"h.p.s","additional_parameters":{}}}""".formatted(
                        scene.issue("alice").accessToken(), inAnHour().toEpochMilli()));

        assertThat(move().imported()).isEqualTo(1);

        assertThat(scene.call("alice")).isEqualTo(200);
        assertThat(scene.grantkeeper.account("alice").tokens().idToken()).contains("h.p.s");
    }

    @Test
    void an_error_that_may_have_passed_is_no_reason_for_a_login() throws Exception {
        FakeAuthorizationServer.Issued issued = scene.issue("alice");
        states.put(
                "alice",
                state(issued.accessToken(), issued.refreshToken(), inAnHour())
                        .replaceFirst(
                                "\\{",
                                "{\"mAuthorizationException\":"
                                        + "{\"type\":2,\"code\":2002,\"error\":\"invalid_client\"},"));

        assertThat(move().imported()).isEqualTo(1);

        assertThat(scene.call("alice")).isEqualTo(200);
    }

    @Test
    void what_can_neither_be_used_nor_refreshed_is_skipped_and_named_without_its_token() throws Exception {
        FakeAuthorizationServer.Issued issued = scene.issue("bob");
        states.put("empty", "{}");
        states.put("broken", "{\"refreshToken\": canary");
        states.put("odd", state("canary-1\\n", "canary-2", inAnHour()));
        states.put("other type", state("canary-3", "canary-4", inAnHour()).replace("\"Bearer\"", "\"DPoP\""));
        states.put("other client", state("canary-5", "canary-6", inAnHour()).replace("diary\"", "player\""));
        states.put(
                "refused",
                state("canary-7", "canary-8", inAnHour())
                        .replaceFirst(
                                "\\{",
                                "{\"mAuthorizationException\":"
                                        + "{\"type\":2,\"code\":2003,\"error\":\"invalid_grant\"},"));
        states.put(
                "expired",
                "{\"mLastTokenResponse\":{\"access_token\":\"canary-9\",\"expires_at\":1000,\"scope\":\"a\"}}");
        states.put("bob", state(issued.accessToken(), issued.refreshToken(), inAnHour()));

        AppAuthStates.Result result = move();

        assertThat(result.imported()).isEqualTo(1);
        assertThat(result.skipped())
                .containsOnlyKeys("empty", "broken", "odd", "other type", "other client", "refused", "expired")
                .containsEntry("broken", "The state is not JSON")
                .containsEntry("other client", "The tokens were issued to the client player");
        assertThat(result.skipped().get("expired")).contains("no refresh token");
        assertThat(result.toString()).doesNotContain("canary");
        assertThat(scene.call("bob")).isEqualTo(200);
    }

    @Test
    void a_second_run_changes_nothing_even_after_a_refresh() throws Exception {
        FakeAuthorizationServer.Issued issued = scene.issue("alice");
        states.put(
                "alice",
                state(issued.accessToken(), issued.refreshToken(), Instant.now().minusSeconds(60)));
        move();
        TokenSet refreshed = scene.grantkeeper.account("alice").tokens();

        assertThat(move()).isEqualTo(new AppAuthStates.Result(0, 1, Map.of()));

        assertThat(scene.grantkeeper.account("alice").tokens()).isEqualTo(refreshed);
        assertThat(scene.server.reuseDetected()).isZero();
    }
}
