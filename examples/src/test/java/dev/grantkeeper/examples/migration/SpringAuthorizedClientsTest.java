/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.migration;

import static org.assertj.core.api.Assertions.assertThat;

import com.zaxxer.hikari.HikariDataSource;
import dev.grantkeeper.Account;
import dev.grantkeeper.Grantkeeper;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.store.memory.MemoryTokenStore;
import dev.grantkeeper.testkit.FakeAuthorizationServer;
import dev.grantkeeper.token.SealingKeys;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Timestamp;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.UUID;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class SpringAuthorizedClientsTest {
    /** As Spring Security documents it. */
    private static final String TABLE = """
            CREATE TABLE oauth2_authorized_client (
              client_registration_id varchar(100) NOT NULL,
              principal_name varchar(200) NOT NULL,
              access_token_type varchar(100) NOT NULL,
              access_token_value blob NOT NULL,
              access_token_issued_at timestamp NOT NULL,
              access_token_expires_at timestamp NOT NULL,
              access_token_scopes varchar(1000) DEFAULT NULL,
              refresh_token_value blob DEFAULT NULL,
              refresh_token_issued_at timestamp DEFAULT NULL,
              created_at timestamp DEFAULT CURRENT_TIMESTAMP NOT NULL,
              PRIMARY KEY (client_registration_id, principal_name)
            )""";

    private static final String INSERT = "INSERT INTO oauth2_authorized_client (client_registration_id, principal_name,"
            + " access_token_type, access_token_value, access_token_issued_at, access_token_expires_at,"
            + " access_token_scopes, refresh_token_value, refresh_token_issued_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";

    private final Instant now = Instant.now();
    private final HikariDataSource spring = new HikariDataSource();
    private final OkHttpClient http = new OkHttpClient();
    private FakeAuthorizationServer server;
    private Grantkeeper grantkeeper;

    @BeforeEach
    void start() throws SQLException {
        spring.setJdbcUrl("jdbc:h2:mem:" + UUID.randomUUID() + ";DB_CLOSE_DELAY=-1");
        try (Connection connection = spring.getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute(TABLE);
        }
        server = FakeAuthorizationServer.start()
                .client("diary", "diary-secret", "http://127.0.0.1:8888/callback")
                .user("alice", "Alice", "A", "alice@example.org")
                .user("bob", "Bob", "B", "bob@example.org");
        grantkeeper = Grantkeeper.builder(Provider.builder("fake")
                        .allowHttpOnLoopback()
                        .authorizationEndpoint(server.authorizationEndpoint())
                        .tokenEndpoint(server.tokenEndpoint())
                        .apiOrigins(server.url())
                        .build())
                .clientId("diary")
                .clientSecret("diary-secret")
                .redirectUri("http://127.0.0.1:8888/callback")
                .scopes("things.read")
                .tokenStore(MemoryTokenStore.create())
                .sealingKeys(SealingKeys.of("v7Qm2Xr9Ls4Tn8Yb3Wd6Zk1Pf5Hc0Jg-"))
                .build();
    }

    @AfterEach
    void stop() {
        grantkeeper.close();
        server.close();
        spring.close();
        http.connectionPool().evictAll();
        http.dispatcher().executorService().shutdown();
    }

    /** A row as Spring Security's service writes it. */
    private void row(
            String registration,
            String principal,
            String type,
            String accessToken,
            Instant expiresAt,
            @Nullable String scopes,
            @Nullable String refreshToken)
            throws SQLException {
        Instant issuedAt = expiresAt.minus(Duration.ofHours(1));
        try (Connection connection = spring.getConnection();
                PreparedStatement insert = connection.prepareStatement(INSERT)) {
            insert.setString(1, registration);
            insert.setString(2, principal);
            insert.setString(3, type);
            insert.setBytes(4, accessToken.getBytes(StandardCharsets.UTF_8));
            insert.setTimestamp(5, Timestamp.from(issuedAt));
            insert.setTimestamp(6, Timestamp.from(expiresAt));
            insert.setString(7, scopes);
            insert.setBytes(8, refreshToken == null ? null : refreshToken.getBytes(StandardCharsets.UTF_8));
            insert.setTimestamp(9, refreshToken == null ? null : Timestamp.from(issuedAt));
            insert.executeUpdate();
        }
    }

    private SpringAuthorizedClients.Result move() throws Exception {
        return SpringAuthorizedClients.move(spring, "my-provider", grantkeeper);
    }

    private int callApi(String user) throws IOException {
        OkHttpClient api = grantkeeper.account(user).wrap(http);
        try (Response response = api.newCall(
                        new Request.Builder().url(server.apiUrl("/api/things")).build())
                .execute()) {
            return response.code();
        }
    }

    @Test
    void a_user_with_valid_tokens_goes_on_calling_and_nothing_is_refreshed() throws Exception {
        FakeAuthorizationServer.Issued issued = server.issue("diary", "alice", "things.read");
        row(
                "my-provider",
                "alice",
                "Bearer",
                issued.accessToken(),
                now.plusSeconds(3000),
                "things.read,things.write",
                issued.refreshToken());

        assertThat(move()).isEqualTo(new SpringAuthorizedClients.Result(1, 0, Map.of()));

        assertThat(callApi("alice")).isEqualTo(200);
        assertThat(server.refreshRequests()).isZero();
        TokenSet tokens = grantkeeper.account("alice").tokens();
        assertThat(tokens.accessToken()).isEqualTo(issued.accessToken());
        assertThat(tokens.refreshToken()).contains(issued.refreshToken());
        assertThat(tokens.expiresAt())
                .contains(Instant.ofEpochMilli(now.plusSeconds(3000).toEpochMilli()));
        assertThat(tokens.scopes()).containsExactly("things.read", "things.write");
    }

    @Test
    void a_user_whose_access_token_has_expired_is_refreshed_at_the_first_call() throws Exception {
        FakeAuthorizationServer.Issued issued = server.issue("diary", "alice", "things.read");
        server.expireAccessTokens();
        row(
                "my-provider",
                "alice",
                "Bearer",
                issued.accessToken(),
                now.minus(Duration.ofDays(3)),
                null,
                issued.refreshToken());

        assertThat(move().imported()).isEqualTo(1);

        assertThat(callApi("alice")).isEqualTo(200);
        assertThat(server.refreshRequests()).isEqualTo(1);
        assertThat(grantkeeper.account("alice").tokens().accessToken()).isNotEqualTo(issued.accessToken());
    }

    @Test
    void a_valid_token_without_a_refresh_token_is_used_as_long_as_it_lives() throws Exception {
        FakeAuthorizationServer.Issued issued = server.issue("diary", "bob", "things.read");
        row("my-provider", "bob", "bearer", issued.accessToken(), now.plusSeconds(3000), "", null);

        assertThat(move().imported()).isEqualTo(1);

        assertThat(callApi("bob")).isEqualTo(200);
        assertThat(grantkeeper.account("bob").tokens().refreshToken()).isEmpty();
        assertThat(grantkeeper.account("bob").tokens().scopes()).isEmpty();
    }

    @Test
    void what_can_neither_be_used_nor_refreshed_is_skipped_and_named_without_its_token() throws Exception {
        FakeAuthorizationServer.Issued issued = server.issue("diary", "alice", "things.read");
        row("my-provider", "expired", "Bearer", "canary-1", now.minusSeconds(60), null, null);
        row("my-provider", "odd type", "DPoP", "canary-2", now.plusSeconds(3000), null, "canary-3");
        row("my-provider", "broken", "Bearer", "canary-4\r\n", now.plusSeconds(3000), null, "canary-5");
        row("my-provider", "zoe", "Bearer", issued.accessToken(), now.plusSeconds(3000), null, null);

        SpringAuthorizedClients.Result result = move();

        assertThat(result.imported()).isEqualTo(1);
        assertThat(result.skipped()).containsOnlyKeys("broken", "expired", "odd type");
        assertThat(result.skipped().get("expired")).contains("no refresh token");
        assertThat(result.toString()).doesNotContain("canary");
        assertThat(grantkeeper.account("expired").grant()).isEmpty();
        assertThat(callApi("zoe")).isEqualTo(200);
    }

    @Test
    void a_second_run_changes_nothing_even_after_a_refresh() throws Exception {
        FakeAuthorizationServer.Issued issued = server.issue("diary", "alice", "things.read");
        row(
                "my-provider",
                "alice",
                "Bearer",
                issued.accessToken(),
                now.minusSeconds(60),
                "things.read",
                issued.refreshToken());
        move();
        TokenSet refreshed = grantkeeper.account("alice").tokens();

        assertThat(move()).isEqualTo(new SpringAuthorizedClients.Result(0, 1, Map.of()));

        assertThat(grantkeeper.account("alice").tokens()).isEqualTo(refreshed);
        assertThat(server.reuseDetected()).isZero();
    }

    @Test
    void a_run_that_was_cut_off_is_completed_by_the_next() throws Exception {
        for (String user : new String[] {"alice", "bob"}) {
            FakeAuthorizationServer.Issued issued = server.issue("diary", user, "things.read");
            row(
                    "my-provider",
                    user,
                    "Bearer",
                    issued.accessToken(),
                    now.plusSeconds(3000),
                    "things.read",
                    issued.refreshToken());
            move();
        }
        assertThat(move().alreadyThere()).isEqualTo(2);
        assertThat(callApi("alice")).isEqualTo(200);
        assertThat(callApi("bob")).isEqualTo(200);
    }

    @Test
    void rows_of_other_registrations_are_left_alone() throws Exception {
        row("other", "alice", "Bearer", "token", now.plusSeconds(3000), null, null);
        assertThat(move()).isEqualTo(new SpringAuthorizedClients.Result(0, 0, Map.of()));
        Account alice = grantkeeper.account("alice");
        assertThat(alice.grant()).isEmpty();
    }
}
