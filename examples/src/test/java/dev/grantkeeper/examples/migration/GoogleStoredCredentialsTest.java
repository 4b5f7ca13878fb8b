/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.migration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.api.client.auth.oauth2.AuthorizationCodeFlow;
import com.google.api.client.auth.oauth2.BearerToken;
import com.google.api.client.auth.oauth2.ClientParametersAuthentication;
import com.google.api.client.auth.oauth2.StoredCredential;
import com.google.api.client.auth.oauth2.TokenResponse;
import com.google.api.client.http.GenericUrl;
import com.google.api.client.testing.http.MockHttpTransport;
import com.google.api.client.testing.json.MockJsonFactory;
import com.google.api.client.util.store.DataStore;
import com.google.api.client.util.store.FileDataStoreFactory;
import dev.grantkeeper.testkit.FakeAuthorizationServer;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.io.InvalidObjectException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GoogleStoredCredentialsTest {
    private final MigrationScene scene = new MigrationScene();

    @TempDir
    Path directory;

    private DataStore<StoredCredential> store;

    @BeforeEach
    void openStore() throws IOException {
        store = StoredCredential.getDefaultDataStore(new FileDataStoreFactory(directory.toFile()));
    }

    @AfterEach
    void stop() {
        scene.close();
    }

    /** As the old library ends a login. */
    private void signIn(String user, String accessToken, String refreshToken, Long expiresIn) throws IOException {
        new AuthorizationCodeFlow.Builder(
                        BearerToken.authorizationHeaderAccessMethod(),
                        new MockHttpTransport(),
                        new MockJsonFactory(),
                        new GenericUrl(scene.server.tokenEndpoint()),
                        new ClientParametersAuthentication("diary", "diary-secret"),
                        "diary",
                        scene.server.authorizationEndpoint())
                .setCredentialDataStore(store)
                .build()
                .createAndStoreCredential(
                        new TokenResponse()
                                .setAccessToken(accessToken)
                                .setRefreshToken(refreshToken)
                                .setExpiresInSeconds(expiresIn)
                                .setTokenType("Bearer"),
                        user);
    }

    /** From the file, by a factory that has not written it. */
    private GoogleStoredCredentials.Result move() throws IOException {
        DataStore<StoredCredential> written =
                StoredCredential.getDefaultDataStore(new FileDataStoreFactory(directory.toFile()));
        return GoogleStoredCredentials.move(
                written.keySet().stream().sorted().toList(), user -> stored(written.get(user)), scene.grantkeeper);
    }

    private static GoogleStoredCredentials.Stored stored(StoredCredential credential) {
        return new GoogleStoredCredentials.Stored(
                credential.getAccessToken(), credential.getRefreshToken(), credential.getExpirationTimeMilliseconds());
    }

    @Test
    void a_user_goes_on_calling_without_a_login_and_is_refreshed_once_after_the_expiry() throws Exception {
        FakeAuthorizationServer.Issued issued = scene.issue("alice");
        signIn("alice", issued.accessToken(), issued.refreshToken(), 3600L);

        assertThat(move()).isEqualTo(new GoogleStoredCredentials.Result(1, 0, Map.of()));

        assertThat(scene.call("alice")).isEqualTo(200);
        assertThat(scene.server.tokenRequests()).isZero();
        TokenSet tokens = scene.grantkeeper.account("alice").tokens();
        assertThat(tokens.accessToken()).isEqualTo(issued.accessToken());
        assertThat(tokens.refreshToken()).contains(issued.refreshToken());
        assertThat(tokens.expiresAt().orElseThrow())
                .isBetween(Instant.now().plusSeconds(3500), Instant.now().plusSeconds(3600));

        scene.expire();
        assertThat(scene.call("alice")).isEqualTo(200);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
        assertThat(scene.server.apiUnauthorized()).isZero();
    }

    @Test
    void a_user_whose_access_token_has_expired_is_refreshed_at_the_first_call() throws Exception {
        FakeAuthorizationServer.Issued issued = scene.issue("alice");
        signIn(
                "alice",
                issued.accessToken(),
                issued.refreshToken(),
                -Duration.ofDays(3).toSeconds());

        assertThat(move().imported()).isEqualTo(1);

        assertThat(scene.call("alice")).isEqualTo(200);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
        assertThat(scene.server.apiUnauthorized()).isZero();
    }

    @Test
    void a_refresh_token_alone_is_enough() throws Exception {
        store.set(
                "alice",
                new StoredCredential().setRefreshToken(scene.issue("alice").refreshToken()));

        assertThat(move().imported()).isEqualTo(1);

        assertThat(scene.call("alice")).isEqualTo(200);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
        assertThat(scene.server.apiRequests()).isEqualTo(1);
    }

    @Test
    void a_token_that_an_api_rejects_right_after_the_import_is_replaced() throws Exception {
        FakeAuthorizationServer.Issued issued = scene.issue("alice");
        signIn("alice", issued.accessToken(), issued.refreshToken(), null);
        scene.server.expireAccessTokens();

        assertThat(move().imported()).isEqualTo(1);

        assertThat(scene.call("alice")).isEqualTo(200);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
    }

    @Test
    void what_can_neither_be_used_nor_refreshed_is_skipped_and_named_without_its_token() throws Exception {
        signIn("bad", "canary-1\n", "canary-2", 3600L);
        signIn("expired", "canary-3", null, -60L);
        store.set("nothing", new StoredCredential());
        signIn("zoe", scene.issue("alice").accessToken(), null, 3600L);

        GoogleStoredCredentials.Result result = move();

        assertThat(result.imported()).isEqualTo(1);
        assertThat(result.skipped()).containsOnlyKeys("bad", "expired", "nothing");
        assertThat(result.skipped().get("expired")).contains("no refresh token");
        assertThat(result.toString()).doesNotContain("canary");
        assertThat(scene.grantkeeper.account("expired").grant()).isEmpty();
        assertThat(scene.call("zoe")).isEqualTo(200);
        assertThat(stored(store.get("bad")).toString()).doesNotContain("canary");
    }

    @Test
    void a_credential_that_cannot_be_read_does_not_stop_the_others() throws Exception {
        FakeAuthorizationServer.Issued issued = scene.issue("bob");
        signIn("bob", issued.accessToken(), issued.refreshToken(), 3600L);

        GoogleStoredCredentials.Result result = GoogleStoredCredentials.move(
                List.of("corrupt", "gone", "bob"),
                user -> {
                    if (user.equals("corrupt")) {
                        throw new InvalidObjectException("canary");
                    }
                    StoredCredential credential = store.get(user);
                    return credential == null ? null : stored(credential);
                },
                scene.grantkeeper);

        assertThat(result.imported()).isEqualTo(1);
        assertThat(result.skipped())
                .containsEntry("corrupt", "The credential cannot be read: java.io.InvalidObjectException")
                .containsEntry("gone", "There is no credential");
        assertThat(scene.call("bob")).isEqualTo(200);
    }

    @Test
    void a_second_run_changes_nothing_even_after_a_refresh() throws Exception {
        FakeAuthorizationServer.Issued issued = scene.issue("alice");
        signIn("alice", issued.accessToken(), issued.refreshToken(), -60L);
        move();
        TokenSet refreshed = scene.grantkeeper.account("alice").tokens();

        assertThat(move()).isEqualTo(new GoogleStoredCredentials.Result(0, 1, Map.of()));

        assertThat(scene.grantkeeper.account("alice").tokens()).isEqualTo(refreshed);
        assertThat(scene.server.reuseDetected()).isZero();
    }

    @Test
    void one_credential_is_converted_for_an_import_at_the_next_visit() {
        assertThat(GoogleStoredCredentials.tokens(new GoogleStoredCredentials.Stored("a", "", 1L << 50)))
                .satisfies(tokens -> assertThat(tokens.refreshToken()).isEmpty())
                .satisfies(tokens -> assertThat(tokens.expiresAt()).contains(Instant.ofEpochMilli(1L << 50)));
        assertThatThrownBy(() -> GoogleStoredCredentials.tokens(new GoogleStoredCredentials.Stored("", null, 1L << 50)))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
