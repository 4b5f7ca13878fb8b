/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.office;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.grantkeeper.token.Identity;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/**
 * The add-in's own tables: its users and their sessions. The tokens, and when they expire, are in Grantkeeper's table
 * in the same file. Thread-safe.
 */
final class Database implements AutoCloseable {
    static final Duration SESSION_LIVES = Duration.ofDays(30);

    private static final String USER =
            "u.id, u.identity, u.name, u.given_name, u.family_name, u.unique_name, u.version, u.oid, u.tid";

    private final HikariDataSource dataSource;
    private final InstantSource clock;

    /**
     * A user, as the ID token of the last login described them. Does not print that.
     *
     * @param id our own id, and the account's name at Grantkeeper: user names change hands
     * @param identity issuer and subject, by which the user is found again
     */
    record User(
            String id,
            String identity,
            String name,
            @Nullable String givenName,
            @Nullable String familyName,
            @Nullable String uniqueName,
            @Nullable String version,
            @Nullable String oid,
            @Nullable String tid) {
        @Override
        public String toString() {
            return "User[" + id + "]";
        }
    }

    Database(Path file, InstantSource clock) {
        this.clock = clock;
        HikariConfig config = new HikariConfig();
        // Our own close() comes first, so that Grantkeeper finds an open database for what it still has to store.
        // WRITE_DELAY=0: committed means written.
        config.setJdbcUrl("jdbc:h2:file:" + file.toAbsolutePath() + ";WRITE_DELAY=0;DB_CLOSE_ON_EXIT=FALSE");
        config.setMaximumPoolSize(8);
        config.setConnectionTimeout(3_000); // a caller that waits longer had better fail
        config.setPoolName("office-add-in");
        dataSource = new HikariDataSource(config);
        update("create table if not exists office_user (id char(36) primary key, identity varchar(1100) not null"
                + " unique, name varchar(300) not null, given_name varchar(300), family_name varchar(300),"
                + " unique_name varchar(300), version varchar(20), oid varchar(100), tid varchar(100))");
        update("create table if not exists office_session (digest char(64) primary key,"
                + " user_id char(36) not null references office_user, since timestamp with time zone not null)");
        update("delete from office_session where since < ?", at(clock.instant().minus(SESSION_LIVES)));
    }

    DataSource dataSource() {
        return dataSource;
    }

    /** Stores the identity of a login, and returns our user who has it, a new one if there was none. */
    User userOf(Identity identity) {
        update(
                "merge into office_user u using (values (?, ?, ?, ?, ?, ?, ?, ?, ?))"
                        + " n (id, identity, name, given_name, family_name, unique_name, version, oid, tid)"
                        + " on u.identity = n.identity"
                        + " when matched then update set name = n.name, given_name = n.given_name,"
                        + " family_name = n.family_name, unique_name = n.unique_name, version = n.version,"
                        + " oid = n.oid, tid = n.tid"
                        + " when not matched then insert values (n.id, n.identity, n.name, n.given_name, n.family_name,"
                        + " n.unique_name, n.version, n.oid, n.tid)",
                UUID.randomUUID().toString(),
                identity.id(),
                cut(identity.name().orElse("Somebody without a name"), 300),
                cut(identity.givenName().orElse(null), 300),
                cut(identity.familyName().orElse(null), 300),
                cut(identity.userName().orElse(null), 300),
                cut(claim(identity, "ver"), 20),
                cut(claim(identity, "oid"), 100),
                cut(claim(identity, "tid"), 100));
        return query("select " + USER + " from office_user u where u.identity = ?", identity.id())
                .get(0);
    }

    private static @Nullable String claim(Identity identity, String name) {
        return identity.claims().get(name) instanceof String text ? text : null;
    }

    private static @Nullable String cut(@Nullable String text, int most) {
        return text == null || text.length() <= most ? text : text.substring(0, most);
    }

    /** Gives a session to a user, and ends the one before it. */
    void signIn(String sessionBefore, String session, User user) {
        update("insert into office_session values (?, ?, ?)", session, user.id(), at(clock.instant()));
        update("delete from office_session where digest = ?", sessionBefore);
    }

    Optional<User> userOfSession(String session) {
        return query(
                        "select " + USER + " from office_session s join office_user u on u.id = s.user_id"
                                + " where s.digest = ? and s.since > ?",
                        session,
                        at(clock.instant().minus(SESSION_LIVES)))
                .stream()
                .findFirst();
    }

    /** Ends all sessions of a user, in every browser, and returns them. */
    List<String> signOut(User user) {
        List<String> sessions = new ArrayList<>();
        try (Connection connection = dataSource.getConnection();
                PreparedStatement select =
                        prepare(connection, "select digest from office_session where user_id = ?", user.id());
                ResultSet found = select.executeQuery()) {
            while (found.next()) {
                sessions.add(found.getString(1));
            }
        } catch (SQLException e) {
            throw new IllegalStateException("The database failed", e);
        }
        sessions.forEach(session -> update("delete from office_session where digest = ?", session));
        return sessions;
    }

    /** The name of a session in here: neither the table nor a log is of use to a thief. */
    static String digest(String session) {
        try {
            return HexFormat.of()
                    .formatHex(MessageDigest.getInstance("SHA-256").digest(session.getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("Every Java platform has SHA-256", e);
        }
    }

    @Override
    public void close() {
        dataSource.close();
    }

    private static OffsetDateTime at(Instant time) {
        return time.atOffset(ZoneOffset.UTC);
    }

    private List<User> query(String sql, Object... values) {
        List<User> users = new ArrayList<>();
        try (Connection connection = dataSource.getConnection();
                PreparedStatement statement = prepare(connection, sql, values);
                ResultSet found = statement.executeQuery()) {
            while (found.next()) {
                users.add(new User(
                        found.getString(1),
                        found.getString(2),
                        found.getString(3),
                        found.getString(4),
                        found.getString(5),
                        found.getString(6),
                        found.getString(7),
                        found.getString(8),
                        found.getString(9)));
            }
            return users;
        } catch (SQLException e) {
            throw new IllegalStateException("The database failed: " + sql, e);
        }
    }

    private void update(String sql, @Nullable Object... values) {
        try (Connection connection = dataSource.getConnection();
                PreparedStatement statement = prepare(connection, sql, values)) {
            statement.executeUpdate();
        } catch (SQLException e) {
            throw new IllegalStateException("The database failed: " + sql, e);
        }
    }

    private static PreparedStatement prepare(Connection connection, String sql, @Nullable Object... values)
            throws SQLException {
        PreparedStatement statement = connection.prepareStatement(sql);
        for (int i = 0; i < values.length; i++) {
            statement.setObject(i + 1, values[i]);
        }
        return statement;
    }
}
