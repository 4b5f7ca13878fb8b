/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.zaxxer.hikari.HikariDataSource;
import java.io.IOException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.postgresql.ds.PGSimpleDataSource;
import org.postgresql.xa.PGXADataSource;

class JdbcTokenStoreOnPostgresTest extends RowLockingFacts {
    JdbcTokenStoreOnPostgresTest() {
        super(Databases.postgres());
    }

    @BeforeAll
    static void makeACollation() throws SQLException {
        Databases.execute(
                Databases.postgres(),
                "CREATE COLLATION IF NOT EXISTS ignoring_case"
                        + " (provider = icu, locale = 'und-u-ks-level1', deterministic = false)");
    }

    @Override
    String schemaFile() {
        return "schema-postgresql.sql";
    }

    /** Were the digest compared as text, not as CHAR, each lookup would read the whole table. */
    @Test
    void a_lookup_uses_the_primary_key() throws Exception {
        assertThat(plan("SELECT version, text FROM " + table + " WHERE digest = ?", key.digest()))
                .contains("Index Cond: (digest =");
    }

    /** From where the last page ended, and no further than this one goes: nothing is sorted. */
    @Test
    void a_page_uses_the_primary_key() throws Exception {
        assertThat(plan(
                        "SELECT digest, registration, account FROM " + table
                                + " WHERE registration = ? AND digest > ? ORDER BY digest LIMIT 100",
                        "spotify",
                        key.digest()))
                .contains("Index Cond: (digest >")
                .contains("Limit")
                .doesNotContain("Sort");
    }

    private String plan(String sql, String... parameters) throws SQLException {
        JdbcTokenStore.create(database, table);
        try (Connection connection = database.getConnection();
                Statement settings = connection.createStatement();
                PreparedStatement explain = connection.prepareStatement("EXPLAIN " + sql)) {
            // Whatever this small table would be cheaper with: can it be done without?
            for (String way : List.of("seqscan", "bitmapscan", "sort")) {
                settings.execute("SET enable_" + way + " = off");
            }
            for (int i = 0; i < parameters.length; i++) {
                explain.setString(i + 1, parameters[i]);
            }
            try (ResultSet plan = explain.executeQuery()) {
                StringBuilder lines = new StringBuilder();
                while (plan.next()) {
                    lines.append(plan.getString(1)).append('\n');
                }
                return lines.toString();
            }
        }
    }

    @Test
    void a_user_without_rights_to_create_tables_uses_the_one_that_is_there() throws Exception {
        JdbcTokenStore.create(database, table).create(key, first);
        String user = Databases.newTable();
        Databases.execute(database, "CREATE USER " + user);
        Databases.execute(database, "GRANT SELECT, INSERT, UPDATE, DELETE ON " + table + " TO " + user);
        PGSimpleDataSource asUser = Databases.postgres();
        asUser.setUser(user);
        assertThat(JdbcTokenStore.create(asUser, table).find(key)).contains(first);
        assertThatThrownBy(() -> JdbcTokenStore.create(asUser, Databases.newTable()))
                .hasMessageContaining("42501")
                .hasRootCauseMessage("ERROR: permission denied for schema public\n  Position: 28");
    }

    @Test
    void a_read_outlives_the_death_of_its_connection_and_a_write_says_that_its_end_is_unknown() throws Exception {
        try (HikariDataSource pool = Databases.pool(database, 1)) {
            JdbcTokenStore store = JdbcTokenStore.create(pool, table);
            store.create(key, first);
            terminateConnectionOf(pool);
            assertThat(store.find(key)).contains(first);
            terminateConnectionOf(pool);
            assertThatThrownBy(() -> store.replace(key, "first", second))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("replace of spotify/");
            assertThat(store.replace(key, "first", second)).isTrue();
        }
    }

    private void terminateConnectionOf(HikariDataSource pool) throws SQLException {
        int pid;
        try (Connection connection = pool.getConnection();
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("SELECT pg_backend_pid()")) {
            row.next();
            pid = row.getInt(1);
        }
        // The second argument: return when it is gone.
        Databases.execute(database, "SELECT pg_terminate_backend(" + pid + ", 10000)");
    }

    @Test
    void a_server_that_falls_silent_is_given_up() throws Exception {
        try (Relay relay = new Relay(Databases.postgresPort())) {
            PGSimpleDataSource cut = Databases.postgres(relay.port());
            // The driver waits this long for its attempt to cancel the statement, and by default 10 s.
            cut.setCancelSignalTimeout(2);
            JdbcTokenStore store = new JdbcTokenStore(cut, table, Duration.ofSeconds(1));
            JdbcTokenStore.create(database, table).create(key, first);
            assertThat(store.find(key)).contains(first);
            try (Connection lent = cut.getConnection()) {
                relay.fallSilent();
                JdbcTokenStore onDeadConnection = new JdbcTokenStore(
                        new LentConnections(() -> LentConnections.unclosed(lent)), table, Duration.ofSeconds(1));
                long start = System.nanoTime();
                assertThatThrownBy(() -> onDeadConnection.replace(key, "first", second))
                        .isInstanceOf(IOException.class);
                assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(8));
            }
        }
    }

    @Override
    String ignoringCase() {
        return "VARCHAR(1024) COLLATE ignoring_case";
    }

    @Test
    void a_connection_within_an_XA_transaction_is_refused() throws Exception {
        JdbcTokenStore.create(database, table).create(key, first);
        try (XaBranch branch = new XaBranch(xa())) {
            JdbcTokenStore store = branch.store(table);
            assertThat(store.find(key)).contains(first);
            branch.begin();
            assertThatThrownBy(() -> store.replace(key, "first", second))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("plain");
        }
        assertThat(JdbcTokenStore.on(database, table).find(key)).contains(first);
    }

    private static PGXADataSource xa() {
        PGXADataSource xa = new PGXADataSource();
        xa.setServerNames(new String[] {"127.0.0.1"});
        xa.setPortNumbers(new int[] {Databases.postgresPort()});
        xa.setDatabaseName("postgres");
        xa.setUser("postgres");
        return xa;
    }
}
