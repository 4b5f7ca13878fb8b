/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.zaxxer.hikari.HikariDataSource;
import dev.grantkeeper.token.AccountKey;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
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

    private static PGSimpleDataSource databaseWith(String encoding) throws SQLException {
        String name = Databases.newTable();
        Databases.execute(
                Databases.postgres(),
                "CREATE DATABASE " + name + " ENCODING '" + encoding + "' TEMPLATE template0"
                        + " LC_COLLATE 'C' LC_CTYPE 'C'");
        PGSimpleDataSource database = Databases.postgres();
        database.setDatabaseName(name);
        return database;
    }

    @ParameterizedTest
    @ValueSource(strings = {"LATIN1", "LATIN9", "WIN1252", "SQL_ASCII", "EUC_JP"})
    void in_a_database_that_is_not_UTF8_no_table_is_created(String encoding) throws Exception {
        PGSimpleDataSource narrow = databaseWith(encoding);
        for (int i = 0; i < 2; i++) {
            assertThatThrownBy(() -> JdbcTokenStore.create(narrow, table))
                    .isInstanceOf(UncheckedIOException.class)
                    .hasMessageContaining(encoding)
                    .hasMessageContaining("UTF8")
                    .hasMessageContaining(table);
        }
    }

    @Test
    void a_table_in_a_database_that_is_not_UTF8_serves_with_a_warning_and_failures_name_the_reason() throws Exception {
        PGSimpleDataSource latin = databaseWith("LATIN1");
        try (InputStream sql = JdbcTokenStore.class.getResourceAsStream(schemaFile())) {
            String schema = new String(sql.readAllBytes(), StandardCharsets.UTF_8);
            Databases.execute(latin, schema.replace("grantkeeper_tokens", table));
        }
        try (Warnings warnings = new Warnings()) {
            JdbcTokenStore store = JdbcTokenStore.create(latin, table);
            assertThat(warnings.all())
                    .singleElement()
                    .satisfies(line -> assertThat(line).contains(table).contains("LATIN1"));
            AccountKey representable = new AccountKey("spotify", "ren\u00e9");
            assertThat(store.create(representable, first)).isTrue();
            assertThat(store.keys("spotify", null, 10)).containsExactly(representable);
            for (String account : List.of("\u4e2d", "\u0142ukasz", "\ud83d\ude00")) {
                assertThatThrownBy(() -> store.create(new AccountKey("spotify", account), first))
                        .isInstanceOf(IOException.class)
                        .hasMessageContaining("22P05")
                        .hasMessageContaining("UTF-8")
                        .hasMessageNotContaining(account);
            }
        }
    }

    @Test
    void a_database_in_UTF8_is_no_reason_to_warn() {
        try (Warnings warnings = new Warnings()) {
            JdbcTokenStore.create(database, table);
            JdbcTokenStore.create(database, table);
            assertThat(warnings.all()).isEmpty();
        }
    }

    /** As the README has it. */
    @Test
    void the_url_of_a_pool_sets_synchronous_commit() throws Exception {
        PGSimpleDataSource pool = new PGSimpleDataSource();
        pool.setUrl("jdbc:postgresql://127.0.0.1:" + Databases.postgresPort()
                + "/postgres?user=postgres&options=-c%20synchronous_commit=on");
        try (Connection connection = pool.getConnection();
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery(
                        "SELECT setting, source FROM pg_settings WHERE name = 'synchronous_commit'")) {
            assertThat(row.next()).isTrue();
            assertThat(row.getString(1)).isEqualTo("on");
            assertThat(row.getString(2)).isEqualTo("client");
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
