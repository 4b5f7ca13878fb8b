/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.migration;

import dev.grantkeeper.Account;
import dev.grantkeeper.Grantkeeper;
import dev.grantkeeper.TokenStoreException;
import dev.grantkeeper.token.TokenSet;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Timestamp;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/**
 * Moves the grants of an application that used Spring Security's {@code JdbcOAuth2AuthorizedClientService}, so that
 * nobody has to sign in again: the rows of {@code oauth2_authorized_client} become grants. Spring Security is not
 * needed for that.
 *
 * <p><b>Stop the old application first</b>, all of its nodes. Where refresh tokens rotate, two programs that refresh
 * one grant get it revoked. The table is only read, and {@code client-id} and secret have to be the same as before:
 * refresh tokens belong to a client.
 *
 * <p><b>It can be repeated.</b> An existing grant is never overwritten, whether an earlier run made it or a login, so a
 * run that was cut off is simply run again.
 *
 * <p><b>The time zone</b> of this JVM has to be the old application's, or be set to it with {@code -Duser.timezone}:
 * Spring Security stores local times. With a wrong one, tokens look fresh that have expired, or the other way round;
 * the first rejection by an API fixes that.
 *
 * <p><b>The time of consent</b> is set to the issue of the access token, because the table does not have it: another
 * login changes the row's tokens and leaves {@code created_at} as it is. If consents end after a while, {@code grant()}
 * shows the end too late until the user signs in again.
 */
public final class SpringAuthorizedClients {
    private static final String ROWS =
            "SELECT principal_name, access_token_type, access_token_value, access_token_issued_at,"
                    + " access_token_expires_at, access_token_scopes, refresh_token_value"
                    + " FROM oauth2_authorized_client WHERE client_registration_id = ? ORDER BY principal_name";

    private SpringAuthorizedClients() {}

    /**
     * The outcome. Prints no tokens; the skipped users are named, so that somebody can look at their rows.
     *
     * @param imported the number of grants that were made
     * @param alreadyThere the number of users who had a grant, which was left as it is
     * @param skipped the users who have to sign in again, with the reason
     */
    public record Result(int imported, int alreadyThere, Map<String, String> skipped) {}

    /**
     * Moves the grants of one registration. Spring's {@code principal_name} becomes the account.
     *
     * @param spring the old application's database
     * @param registrationId Spring's name of the registration, {@code client_registration_id}
     * @param grantkeeper the same registration with the provider
     * @return the outcome
     * @throws SQLException if the table cannot be read
     * @throws TokenStoreException if a grant cannot be stored; those before it are, and another run goes on
     */
    public static Result move(DataSource spring, String registrationId, Grantkeeper grantkeeper)
            throws SQLException, TokenStoreException {
        int imported = 0;
        int alreadyThere = 0;
        Map<String, String> skipped = new LinkedHashMap<>();
        try (Connection connection = spring.getConnection();
                PreparedStatement statement = connection.prepareStatement(ROWS)) {
            statement.setString(1, registrationId);
            try (ResultSet row = statement.executeQuery()) {
                while (row.next()) {
                    String principal = row.getString("principal_name");
                    try {
                        TokenSet tokens = tokens(row);
                        Account account = grantkeeper.account(principal);
                        if (account.importTokens(tokens)) {
                            imported++;
                        } else {
                            alreadyThere++;
                        }
                    } catch (IllegalArgumentException e) {
                        // One odd row is not a reason to give up all the others.
                        skipped.put(principal, String.valueOf(e.getMessage()));
                    }
                }
            }
        }
        return new Result(imported, alreadyThere, skipped);
    }

    private static TokenSet tokens(ResultSet row) throws SQLException {
        String type = row.getString("access_token_type");
        if (!"Bearer".equalsIgnoreCase(type)) {
            throw new IllegalArgumentException("The access token is of type " + type + ", not Bearer");
        }
        Instant expiresAt = instant(row, "access_token_expires_at");
        String refreshToken = text(row, "refresh_token_value");
        if (refreshToken == null && expiresAt != null && expiresAt.isBefore(Instant.now())) {
            throw new IllegalArgumentException(
                    "The access token expired at " + expiresAt + ", and there is no refresh token");
        }
        String accessToken = text(row, "access_token_value");
        Instant issuedAt = instant(row, "access_token_issued_at");
        TokenSet.Builder tokens = TokenSet.builder(accessToken == null ? "" : accessToken)
                .expiresAt(expiresAt)
                .refreshToken(refreshToken)
                .scopes(scopes(row.getString("access_token_scopes")));
        return issuedAt == null ? tokens.build() : tokens.receivedAt(issuedAt).build();
    }

    /** Spring Security writes UTF-8 into a binary column. */
    private static @Nullable String text(ResultSet row, String column) throws SQLException {
        byte[] bytes = row.getBytes(column);
        return bytes == null ? null : new String(bytes, StandardCharsets.UTF_8);
    }

    private static @Nullable Instant instant(ResultSet row, String column) throws SQLException {
        Timestamp timestamp = row.getTimestamp(column);
        return timestamp == null ? null : timestamp.toInstant();
    }

    /** With commas between them, and nothing at all if the server had named none. */
    private static Set<String> scopes(@Nullable String list) {
        return list == null || list.isBlank()
                ? Set.of()
                : new LinkedHashSet<>(List.of(list.trim().split("\\s*,\\s*")));
    }
}
