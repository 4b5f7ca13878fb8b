/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.load;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import javax.sql.DataSource;

/** The table that applications write for themselves where their library brings none: a row for each user. */
final class TokenTable {
    private final DataSource database;
    private final String name;

    TokenTable(DataSource database, String name) throws SQLException {
        this.database = database;
        this.name = name;
        Databases.create(
                database,
                "CREATE TABLE IF NOT EXISTS " + name + " (account varchar(200) PRIMARY KEY, access_token text NOT NULL,"
                        + " refresh_token text NOT NULL, expires_at bigint NOT NULL)");
    }

    /**
     * A row.
     *
     * @param expiresAt milliseconds since 1970
     */
    record Row(String accessToken, String refreshToken, long expiresAt) {
        Row(Tokens tokens) {
            this(tokens.access(), tokens.refresh(), tokens.expiresAt().toEpochMilli());
        }

        boolean hasExpired() {
            return Instant.now().toEpochMilli() >= expiresAt;
        }
    }

    Row find(String account) throws SQLException {
        try (Connection connection = database.getConnection();
                PreparedStatement select = connection.prepareStatement(
                        "SELECT access_token, refresh_token, expires_at FROM " + name + " WHERE account = ?")) {
            select.setString(1, account);
            try (ResultSet rows = select.executeQuery()) {
                if (!rows.next()) {
                    throw new SQLException("Not connected: " + account);
                }
                return new Row(rows.getString(1), rows.getString(2), rows.getLong(3));
            }
        }
    }

    void save(String account, Row row) throws SQLException {
        try (Connection connection = database.getConnection();
                PreparedStatement upsert = connection.prepareStatement("INSERT INTO " + name
                        + " (account, access_token, refresh_token, expires_at) VALUES (?, ?, ?, ?)"
                        + " ON CONFLICT (account) DO UPDATE SET access_token = excluded.access_token,"
                        + " refresh_token = excluded.refresh_token, expires_at = excluded.expires_at")) {
            upsert.setString(1, account);
            upsert.setString(2, row.accessToken());
            upsert.setString(3, row.refreshToken());
            upsert.setLong(4, row.expiresAt());
            upsert.executeUpdate();
        }
    }
}
