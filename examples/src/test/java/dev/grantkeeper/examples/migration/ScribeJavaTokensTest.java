/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.migration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.github.scribejava.core.builder.ServiceBuilder;
import com.github.scribejava.core.builder.api.DefaultApi20;
import com.github.scribejava.core.model.OAuth2AccessToken;
import com.github.scribejava.core.oauth.OAuth20Service;
import dev.grantkeeper.examples.migration.ScribeJavaTokens.Stored;
import dev.grantkeeper.token.TokenSet;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import okhttp3.HttpUrl;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ScribeJavaTokensTest {
    private final MigrationScene scene = new MigrationScene();

    /** The application's table: a serialized token in a column. */
    private final Map<String, byte[]> rows = new TreeMap<>();

    @AfterEach
    void stop() {
        scene.close();
    }

    /** A login by the old library. */
    private OAuth2AccessToken signIn(String user) throws Exception {
        try (OAuth20Service service = new ServiceBuilder("diary")
                .apiSecret("diary-secret")
                .callback(MigrationScene.CALLBACK)
                .defaultScope("things.read")
                .build(new DefaultApi20() {
                    @Override
                    public String getAccessTokenEndpoint() {
                        return scene.server.tokenEndpoint();
                    }

                    @Override
                    protected String getAuthorizationBaseUrl() {
                        return scene.server.authorizationEndpoint();
                    }
                })) {
            String callback = scene.server.approve(service.getAuthorizationUrl("state"), user);
            OAuth2AccessToken token =
                    service.getAccessToken(HttpUrl.get(callback).queryParameter("code"));
            rows.put(user, serialized(token));
            scene.server.resetCounters();
            return token;
        }
    }

    private static byte[] serialized(Object token) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
            out.writeObject(token);
        }
        return bytes.toByteArray();
    }

    private static Stored stored(OAuth2AccessToken token, Instant receivedAt) {
        return new Stored(
                token.getAccessToken(),
                token.getRefreshToken(),
                token.getExpiresIn(),
                token.getScope(),
                null,
                receivedAt);
    }

    private ScribeJavaTokens.Result move(Instant receivedAt) throws IOException {
        return ScribeJavaTokens.move(
                rows.keySet(),
                user -> {
                    try (ObjectInputStream in = new ObjectInputStream(new ByteArrayInputStream(rows.get(user)))) {
                        return stored((OAuth2AccessToken) in.readObject(), receivedAt);
                    }
                },
                scene.grantkeeper);
    }

    @Test
    void a_user_goes_on_calling_without_a_login_and_is_refreshed_once_after_the_expiry() throws Exception {
        OAuth2AccessToken token = signIn("alice");

        assertThat(move(Instant.now())).isEqualTo(new ScribeJavaTokens.Result(1, 0, Map.of()));

        assertThat(scene.call("alice")).isEqualTo(200);
        assertThat(scene.server.tokenRequests()).isZero();
        TokenSet tokens = scene.grantkeeper.account("alice").tokens();
        assertThat(tokens.accessToken()).isEqualTo(token.getAccessToken());
        assertThat(tokens.scopes()).containsExactly("things.read");

        scene.expire();
        assertThat(scene.call("alice")).isEqualTo(200);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
        assertThat(scene.server.apiUnauthorized()).isZero();
    }

    @Test
    void a_user_whose_tokens_came_at_an_unknown_time_is_refreshed_at_the_first_call() throws Exception {
        signIn("alice");
        scene.server.expireAccessTokens();

        assertThat(move(null).imported()).isEqualTo(1);

        assertThat(scene.call("alice")).isEqualTo(200);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
        assertThat(scene.server.apiUnauthorized()).isZero();
    }

    @Test
    void without_a_refresh_token_and_a_time_the_access_token_is_used_until_it_is_rejected() throws Exception {
        scene.server.issueRefreshTokens(false);
        signIn("alice");

        assertThat(move(null).imported()).isEqualTo(1);

        assertThat(scene.call("alice")).isEqualTo(200);
        assertThat(scene.grantkeeper.account("alice").tokens().expiresAt()).isEmpty();
    }

    @Test
    void a_token_of_unknown_lifetime_that_an_api_rejects_right_after_the_import_is_replaced() throws Exception {
        scene.server.expiresIn(null);
        signIn("alice");
        scene.server.expireAccessTokens();

        assertThat(move(null).imported()).isEqualTo(1);

        assertThat(scene.call("alice")).isEqualTo(200);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
        assertThat(scene.server.apiUnauthorized()).isEqualTo(1);
    }

    @Test
    void a_raw_response_is_enough() throws Exception {
        String rawResponse = signIn("alice").getRawResponse();

        ScribeJavaTokens.Result result = ScribeJavaTokens.move(
                List.of("alice"), user -> Stored.ofRawResponse(rawResponse, Instant.now()), scene.grantkeeper);

        assertThat(result.imported()).isEqualTo(1);
        assertThat(scene.call("alice")).isEqualTo(200);
        assertThat(scene.server.tokenRequests()).isZero();
        assertThat(scene.grantkeeper.account("alice").tokens().expiresAt()).isPresent();
    }

    @Test
    void raw_responses_of_servers_that_are_older_than_the_standard_are_read() {
        Instant now = Instant.ofEpochMilli(Instant.now().toEpochMilli());
        assertThat(ScribeJavaTokens.tokens(
                        Stored.ofRawResponse("access_token=a%2Bb&scope=repo%2Cuser&token_type=bearer", now)))
                .satisfies(tokens -> assertThat(tokens.accessToken()).isEqualTo("a+b"))
                .satisfies(tokens -> assertThat(tokens.scopes()).containsExactly("repo", "user"))
                .satisfies(tokens -> assertThat(tokens.expiresAt()).isEmpty());
        String json = """
                {"access_token": "a", "expires_in": "3600", "refresh_token": null, "id_token": "h.p.s"}""";
        assertThat(ScribeJavaTokens.tokens(Stored.ofRawResponse(json, now)).toString())
                .contains("ID token", "no refresh token", now.plusSeconds(3600).toString());
        assertThatThrownBy(() -> Stored.ofRawResponse("{\"access_token\": canary", now))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("The raw response is not JSON")
                .hasNoCause();
    }

    @Test
    void what_can_neither_be_used_nor_refreshed_is_skipped_and_named_without_its_token() throws Exception {
        signIn("alice");
        rows.put("broken", new byte[] {1, 2, 3});
        rows.put("expired", serialized(new OAuth2AccessToken("canary-1", "Bearer", 60, null, null, "canary-2")));
        rows.put("odd", serialized(new OAuth2AccessToken("canary-3\n", "Bearer", 3600, "canary-4", null, null)));
        rows.put("other", serialized("canary-5"));

        ScribeJavaTokens.Result result = move(Instant.now().minus(Duration.ofMinutes(2)));

        assertThat(result.imported()).isEqualTo(1);
        assertThat(result.skipped()).containsOnlyKeys("broken", "expired", "odd", "other");
        assertThat(result.skipped().get("expired")).contains("no refresh token");
        assertThat(result.toString()).doesNotContain("canary");
        assertThat(scene.call("alice")).isEqualTo(200);
    }

    @Test
    void a_second_run_changes_nothing_even_after_a_refresh() throws Exception {
        signIn("alice");
        move(null);
        TokenSet refreshed = scene.grantkeeper.account("alice").tokens();

        assertThat(move(null)).isEqualTo(new ScribeJavaTokens.Result(0, 1, Map.of()));

        assertThat(scene.grantkeeper.account("alice").tokens()).isEqualTo(refreshed);
        assertThat(scene.server.reuseDetected()).isZero();
    }
}
