/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.spotify;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.Identity;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.Base64;
import java.util.HexFormat;
import java.util.Optional;
import java.util.UUID;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/**
 * The application's own database: its users and their sessions. Grantkeeper's table is beside them in the same file.
 * Thread-safe.
 */
final class Database implements AutoCloseable {
    static final Duration SESSION_LIVES = Duration.ofDays(30);

    private static final SecureRandom RANDOM = new SecureRandom();

    private final HikariDataSource dataSource;

    /** A user who has signed in here before. The id is ours: Spotify's names and addresses change hands. */
    record User(String id, String name) {}

    /** Grantkeeper's row as it is in its table, but only the beginning of the sealed text. */
    record Row(
            String digest,
            String registration,
            String account,
            String version,
            String text,
            int length,
            long updatedAt) {}

    Database(Path file) {
        HikariConfig config = new HikariConfig();
        // Our own close() comes first, so that Grantkeeper finds an open database for what it still has to store.
        // WRITE_DELAY=0: committed means written. H2 would otherwise wait up to half a second, and a refresh token
        // that is lost with the process may be the only one that is still valid.
        config.setJdbcUrl("jdbc:h2:file:" + file.toAbsolutePath() + ";WRITE_DELAY=0;DB_CLOSE_ON_EXIT=FALSE");
        config.setMaximumPoolSize(8);
        config.setConnectionTimeout(3_000); // a caller that waits longer had better fail
        config.setPoolName("listening-diary");
        dataSource = new HikariDataSource(config);
        update("create table if not exists app_user (id char(36) primary key, identity varchar(1100) not null unique,"
                + " name varchar(300) not null)");
        update("create table if not exists app_session (digest char(64) primary key,"
                + " user_id char(36) not null references app_user, since timestamp with time zone not null)");
        update("delete from app_session where since < ?", at(Instant.now().minus(SESSION_LIVES)));
    }

    DataSource dataSource() {
        return dataSource;
    }

    /** Returns our user who has this identity at the provider, a new one if there was none. */
    User userOf(Identity identity) {
        // Issuer and subject. To look users up by e-mail address would give one person's account to another.
        String id = identity.id();
        String name = identity.name().orElse("Somebody without a name");
        update(
                "merge into app_user u using (values (?, ?, ?)) n (id, identity, name) on u.identity = n.identity"
                        + " when matched then update set name = n.name"
                        + " when not matched then insert values (n.id, n.identity, n.name)",
                UUID.randomUUID().toString(),
                id,
                name);
        return query("select id, name from app_user where identity = ?", Database::user, id)
                .orElseThrow();
    }

    /** Signs a user in, and returns the id for the browser. We keep a digest, so the table is of no use to a thief. */
    String newSession(User user) {
        byte[] bytes = new byte[32];
        RANDOM.nextBytes(bytes);
        String session = Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
        update("insert into app_session values (?, ?, ?)", digest(session), user.id(), at(Instant.now()));
        return session;
    }

    Optional<User> userOfSession(@Nullable String session) {
        return session == null
                ? Optional.empty()
                : query(
                        "select u.id, u.name from app_session s join app_user u on u.id = s.user_id"
                                + " where s.digest = ? and s.since > ?",
                        Database::user,
                        digest(session),
                        at(Instant.now().minus(SESSION_LIVES)));
    }

    void endSession(@Nullable String session) {
        if (session != null) {
            update("delete from app_session where digest = ?", digest(session));
        }
    }

    /**
     * Reads Grantkeeper's table. An application never needs that; the page shows it so that one can watch it change.
     */
    Optional<Row> row(AccountKey key) {
        return query(
                "select digest, registration, account, version, text, updated_at from grantkeeper_tokens"
                        + " where digest = ?",
                found -> {
                    String text = found.getString(5);
                    return new Row(
                            found.getString(1),
                            found.getString(2),
                            found.getString(3),
                            found.getString(4),
                            text.substring(0, Math.min(48, text.length())),
                            text.length(),
                            found.getLong(6));
                },
                key.digest());
    }

    @Override
    public void close() {
        dataSource.close();
    }

    private static User user(ResultSet found) throws SQLException {
        return new User(found.getString(1), found.getString(2));
    }

    private static OffsetDateTime at(Instant time) {
        return time.atOffset(ZoneOffset.UTC);
    }

    static String digest(String secret) {
        try {
            return HexFormat.of()
                    .formatHex(MessageDigest.getInstance("SHA-256").digest(secret.getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("Every Java platform has SHA-256", e);
        }
    }

    @FunctionalInterface
    private interface Reading<T> {
        T read(ResultSet found) throws SQLException;
    }

    private <T> Optional<T> query(String sql, Reading<T> reading, Object... values) {
        try (Connection connection = dataSource.getConnection();
                PreparedStatement statement = prepare(connection, sql, values);
                ResultSet found = statement.executeQuery()) {
            return found.next() ? Optional.of(reading.read(found)) : Optional.empty();
        } catch (SQLException e) {
            throw new IllegalStateException("The database failed: " + sql, e);
        }
    }

    private void update(String sql, Object... values) {
        try (Connection connection = dataSource.getConnection();
                PreparedStatement statement = prepare(connection, sql, values)) {
            statement.executeUpdate();
        } catch (SQLException e) {
            throw new IllegalStateException("The database failed: " + sql, e);
        }
    }

    private static PreparedStatement prepare(Connection connection, String sql, Object... values) throws SQLException {
        PreparedStatement statement = connection.prepareStatement(sql);
        for (int i = 0; i < values.length; i++) {
            statement.setObject(i + 1, values[i]);
        }
        return statement;
    }
}
