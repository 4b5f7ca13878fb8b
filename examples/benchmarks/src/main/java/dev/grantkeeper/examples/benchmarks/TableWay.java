/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.benchmarks;

import java.io.IOException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import javax.sql.DataSource;

/** A table of tokens by hand, read in each call; nothing is sealed. */
final class TableWay {
    private TableWay() {}

    static AuthorizedCall start(Transport transport) {
        DataSource database = TestDatabase.open();
        if (!TestDatabase.isPrepared()) {
            signIn(database);
        }
        return PlainWays.bearer(transport, () -> token(database));
    }

    static void signIn(DataSource database) {
        try (Connection connection = database.getConnection();
                PreparedStatement table = connection.prepareStatement("CREATE TABLE tokens (account VARCHAR(200)"
                        + " PRIMARY KEY, access_token VARCHAR(4000), refresh_token VARCHAR(4000), expires_at BIGINT)");
                PreparedStatement insert = prepare(table, connection)) {
            insert.setString(1, GrantkeeperWays.USER);
            insert.setString(2, Tokens.ACCESS_TOKEN);
            insert.setString(3, Tokens.REFRESH_TOKEN);
            insert.setLong(4, Tokens.EXPIRES_AT.toEpochMilli());
            insert.executeUpdate();
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    private static PreparedStatement prepare(PreparedStatement table, Connection connection) throws SQLException {
        table.execute();
        return connection.prepareStatement("INSERT INTO tokens VALUES (?, ?, ?, ?)");
    }

    private static String token(DataSource database) throws IOException {
        try (Connection connection = database.getConnection();
                PreparedStatement select =
                        connection.prepareStatement("SELECT access_token, expires_at FROM tokens WHERE account = ?")) {
            select.setString(1, GrantkeeperWays.USER);
            try (ResultSet row = select.executeQuery()) {
                if (!row.next() || Instant.now().plusSeconds(60).toEpochMilli() > row.getLong(2)) {
                    return Tokens.refresh();
                }
                return row.getString(1);
            }
        } catch (SQLException e) {
            throw new IOException(e);
        }
    }
}
