/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import com.zaxxer.hikari.HikariDataSource;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.StoredTokens;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import javax.sql.DataSource;
import javax.sql.XAConnection;
import javax.sql.XADataSource;
import javax.transaction.xa.XAResource;
import javax.transaction.xa.Xid;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What holds on every database, beyond the contract. */
@Timeout(60)
abstract class JdbcTokenStoreFacts {
    private static final String CANARY = "cAnAry4711";

    final DataSource database;
    final String table = Databases.newTable();
    final AccountKey key = new AccountKey("spotify", "anna");
    final StoredTokens first = new StoredTokens("first", "the first text");
    final StoredTokens second = new StoredTokens("second", "the second text");

    JdbcTokenStoreFacts(DataSource database) {
        this.database = database;
    }

    /** The name of the schema file that belongs to this database. */
    abstract String schemaFile();

    /** This database, for XA transactions. */
    abstract XADataSource xa();

    // ---- The table -----------------------------------------------------------------------------------------------

    @Test
    void the_table_is_grantkeeper_tokens_unless_another_is_named() throws Exception {
        JdbcTokenStore.create(database).create(key(), first);
        Databases.execute(database, "SELECT digest FROM grantkeeper_tokens");
        assertThat(JdbcTokenStore.on(database)).hasToString("JdbcTokenStore[grantkeeper_tokens]");
    }

    @Test
    void two_tables_share_no_rows() throws Exception {
        JdbcTokenStore.create(database, table).create(key, first);
        assertThat(JdbcTokenStore.create(database, Databases.newTable()).find(key))
                .isEmpty();
    }

    @Test
    void a_table_may_live_in_a_schema() throws Exception {
        String schema = Databases.newTable();
        Databases.execute(database, "CREATE SCHEMA " + schema);
        JdbcTokenStore store = JdbcTokenStore.create(database, schema + ".tokens");
        assertThat(store.create(key, first)).isTrue();
        Databases.execute(database, "SELECT digest FROM " + schema + ".tokens");
    }

    @Test
    void creating_the_table_again_keeps_its_rows() throws Exception {
        JdbcTokenStore.create(database, table).create(key, first);
        assertThat(JdbcTokenStore.create(database, table).find(key)).contains(first);
    }

    @Test
    void eight_nodes_may_create_the_table_at_once() throws Exception {
        ExecutorService nodes = Executors.newFixedThreadPool(8);
        try {
            for (int round = 0; round < 10; round++) {
                String name = Databases.newTable();
                CyclicBarrier start = new CyclicBarrier(8);
                List<Future<Boolean>> started = new ArrayList<>();
                for (int node = 0; node < 8; node++) {
                    AccountKey mine = new AccountKey("spotify", "user of node " + node);
                    started.add(nodes.submit(() -> {
                        start.await();
                        return JdbcTokenStore.create(database, name).create(mine, first);
                    }));
                }
                for (Future<Boolean> node : started) {
                    assertThat(node.get()).isTrue();
                }
            }
        } finally {
            nodes.shutdownNow();
        }
    }

    @Test
    void a_table_that_somebody_else_made_from_the_schema_file_serves() throws Exception {
        try (InputStream sql = JdbcTokenStore.class.getResourceAsStream(schemaFile())) {
            String schema = new String(sql.readAllBytes(), StandardCharsets.UTF_8);
            Databases.execute(database, schema.replace("grantkeeper_tokens", table));
        }
        JdbcTokenStore store = JdbcTokenStore.on(database, table);
        assertThat(store.create(key, first)).isTrue();
        assertThat(store.find(key)).contains(first);
    }

    @Test
    void on_sends_nothing() {
        JdbcTokenStore.on(new LentConnections(() -> {
            throw new SQLException("asked for a connection");
        }));
    }

    @Test
    void a_missing_table_is_a_failure_and_no_empty_answer() {
        assertThatThrownBy(() -> JdbcTokenStore.on(database, table).find(key))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("find of spotify/")
                .hasMessageContaining("SQLState 42")
                .hasMessageContaining("Is the table there");
    }

    @Test
    void a_table_with_other_columns_is_refused_at_the_start() throws Exception {
        Databases.execute(database, "CREATE TABLE " + table + " (digest CHAR(64) PRIMARY KEY)");
        assertThatExceptionOfType(UncheckedIOException.class)
                .isThrownBy(() -> JdbcTokenStore.create(database, table))
                .withMessageContaining(table)
                .withMessageContaining("SQLState 42");
    }

    @Test
    void an_unreachable_database_is_reported_at_the_start() {
        assertThatExceptionOfType(UncheckedIOException.class)
                .isThrownBy(() -> JdbcTokenStore.create(new LentConnections(() -> {
                    throw new SQLException("Connection refused", "08001");
                })))
                .withMessageContaining("no connection")
                .withMessageContaining("08001")
                .havingRootCause()
                .withMessage("Connection refused");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                "a b",
                "a;",
                "a--",
                "a'b",
                "\"a\"",
                "`a`",
                "1a",
                ".a",
                "a.",
                "a.b.c",
                "a..b",
                "tokens; DROP TABLE users",
                "t\u00f6kens",
                "tokens\n",
                "a123456789012345678901234567890123456789012345678901234567890123"
            })
    void what_is_not_a_table_name_is_refused(String name) {
        assertThatThrownBy(() -> JdbcTokenStore.create(database, name)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> JdbcTokenStore.on(database, name)).isInstanceOf(IllegalArgumentException.class);
    }

    // ---- Rows ----------------------------------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(
            strings = {
                "'; DROP TABLE grantkeeper_tokens; --",
                "' OR '1'='1",
                "\\'; DELETE FROM grantkeeper_tokens",
                "?",
                "$1",
                "\ud83d\ude00"
            })
    void ids_are_only_ever_values(String id) throws Exception {
        JdbcTokenStore store = JdbcTokenStore.create(database, table);
        AccountKey hostile = new AccountKey(id, id);
        store.create(key, first);
        assertThat(store.find(hostile)).isEmpty();
        assertThat(store.create(hostile, first)).isTrue();
        assertThat(store.replace(hostile, "' OR '1'='1", second)).isFalse();
        assertThat(store.delete(hostile, "' OR '1'='1")).isFalse();
        assertThat(store.replace(hostile, "first", second)).isTrue();
        assertThat(store.find(hostile)).contains(second);
        assertThat(store.find(key)).contains(first);
        assertThat(store.delete(hostile, "second")).isTrue();
    }

    @Test
    void people_find_registration_and_account_in_the_table() throws Exception {
        String account = "\ud83d\ude00".repeat(512);
        JdbcTokenStore.create(database, table).create(new AccountKey("spotify", account), first);
        try (Connection connection = database.getConnection();
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("SELECT registration, account, updated_at FROM " + table)) {
            assertThat(row.next()).isTrue();
            assertThat(row.getString(1)).isEqualTo("spotify");
            assertThat(row.getString(2)).isEqualTo(account);
            assertThat(row.getLong(3)).isBetween(System.currentTimeMillis() - 60_000, System.currentTimeMillis());
        }
    }

    @Test
    void a_version_that_does_not_fit_is_an_error_and_changes_nothing() throws Exception {
        JdbcTokenStore store = JdbcTokenStore.create(database, table);
        StoredTokens tooLong = new StoredTokens("v".repeat(65), "text");
        assertThatThrownBy(() -> store.create(key, tooLong)).isInstanceOf(IOException.class);
        assertThat(store.find(key)).isEmpty();
        store.create(key, first);
        assertThatThrownBy(() -> store.replace(key, "first", tooLong)).isInstanceOf(IOException.class);
        assertThat(store.find(key)).contains(first);
    }

    // ---- Connections ---------------------------------------------------------------------------------------------

    @Test
    void a_caller_who_holds_the_only_connection_gets_an_exception_and_no_deadlock() throws Exception {
        try (HikariDataSource pool = Databases.pool(database, 1, config -> config.setConnectionTimeout(500))) {
            JdbcTokenStore store = JdbcTokenStore.create(pool, table);
            store.create(key, first);
            try (Connection held = pool.getConnection()) {
                assertThat(held.isClosed()).isFalse();
                long start = System.nanoTime();
                assertThatThrownBy(() -> store.find(key))
                        .isInstanceOf(IOException.class)
                        .hasMessageContaining("no connection");
                assertThatThrownBy(() -> store.replace(key, "first", second)).isInstanceOf(IOException.class);
                assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(5));
            }
            assertThat(store.find(key)).contains(first);
        }
    }

    @Test
    void connections_are_returned_as_they_came() throws Exception {
        for (boolean autoCommit : new boolean[] {true, false}) {
            try (Connection only = database.getConnection()) {
                only.setAutoCommit(autoCommit);
                int silence = only.getNetworkTimeout();
                JdbcTokenStore store = JdbcTokenStore.create(
                        new LentConnections(() -> LentConnections.unclosed(only)), Databases.newTable());
                store.create(key, first);
                store.create(key, first);
                store.find(key);
                assertThat(only.getAutoCommit()).isEqualTo(autoCommit);
                assertThat(only.getNetworkTimeout()).isEqualTo(silence);
                try (Statement statement = only.createStatement()) {
                    assertThat(statement.getQueryTimeout()).isZero();
                }
            }
        }
    }

    @Test
    void a_connection_with_autocommit_off_still_commits_each_write() throws Exception {
        JdbcTokenStore other = JdbcTokenStore.create(database, table);
        try (HikariDataSource pool = Databases.pool(database, 1, config -> config.setAutoCommit(false))) {
            JdbcTokenStore store = JdbcTokenStore.on(pool, table);
            assertThat(store.create(key, first)).isTrue();
            assertThat(other.find(key)).contains(first);
            assertThat(store.create(key, second)).isFalse();
            assertThat(store.replace(key, "first", second)).isTrue();
            assertThat(other.find(key)).contains(second);
            assertThat(store.delete(key, "second")).isTrue();
            assertThat(other.find(key)).isEmpty();
        }
    }

    @Test
    void the_transaction_of_a_caller_is_neither_joined_nor_committed() throws Exception {
        String orders = Databases.newTable();
        Databases.execute(database, "CREATE TABLE " + orders + " (id INT)");
        try (Connection transaction = database.getConnection()) {
            // As a transaction-aware DataSource does: outside a transaction any connection, within one always the same.
            JdbcTokenStore store = JdbcTokenStore.create(
                    new LentConnections(() -> transaction.getAutoCommit()
                            ? database.getConnection()
                            : LentConnections.unclosed(transaction)),
                    table);
            store.create(key, first);
            transaction.setAutoCommit(false);
            try (Statement statement = transaction.createStatement()) {
                statement.execute("INSERT INTO " + orders + " VALUES (1)");
            }
            assertThatThrownBy(() -> store.replace(key, "first", second))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("transaction")
                    .hasMessageContaining("plain DataSource");
            assertThat(transaction.getAutoCommit()).isFalse();
            transaction.rollback();
            transaction.setAutoCommit(true);
            assertThat(store.find(key)).contains(first);
        }
        try (Connection connection = database.getConnection();
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("SELECT id FROM " + orders)) {
            assertThat(rows.next()).isFalse();
        }
    }

    @Test
    void a_connection_within_an_XA_transaction_is_refused() throws Exception {
        JdbcTokenStore.create(database, table).create(key, first);
        XAConnection branch = xa().getXAConnection();
        try {
            Connection enlisted = branch.getConnection();
            JdbcTokenStore store =
                    JdbcTokenStore.on(new LentConnections(() -> LentConnections.unclosed(enlisted)), table);
            assertThat(store.find(key)).contains(first);
            branch.getXAResource().start(new Branch(), XAResource.TMNOFLAGS);
            assertThatThrownBy(() -> store.replace(key, "first", second))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("plain");
        } finally {
            branch.close();
        }
        assertThat(JdbcTokenStore.on(database, table).find(key)).contains(first);
    }

    private static final class Branch implements Xid {
        @Override
        public int getFormatId() {
            return 1;
        }

        @Override
        public byte[] getGlobalTransactionId() {
            return new byte[] {1};
        }

        @Override
        public byte[] getBranchQualifier() {
            return new byte[] {1};
        }
    }

    @Test
    void a_write_behind_a_locked_row_ends_in_time_and_does_not_happen_later() throws Exception {
        JdbcTokenStore.create(database, table).create(key, first);
        JdbcTokenStore store = new JdbcTokenStore(database, table, Duration.ofSeconds(1));
        AccountKey unborn = new AccountKey("spotify", "unborn");
        try (Connection other = database.getConnection()) {
            other.setAutoCommit(false);
            JdbcTokenStore locking = new JdbcTokenStore(database, table, Duration.ofSeconds(1));
            try (PreparedStatement update =
                            other.prepareStatement("UPDATE " + table + " SET updated_at = 1 WHERE digest = ?");
                    PreparedStatement insert = other.prepareStatement("INSERT INTO " + table + " SELECT '"
                            + unborn.digest() + "', registration, account, version, text, 1 FROM " + table)) {
                update.setString(1, key.digest());
                update.executeUpdate();
                insert.executeUpdate();
            }
            long start = System.nanoTime();
            assertThat(locking.find(key)).contains(first);
            assertThatThrownBy(() -> store.replace(key, "first", second)).isInstanceOf(IOException.class);
            assertThatThrownBy(() -> store.delete(key, "first")).isInstanceOf(IOException.class);
            assertThatThrownBy(() -> store.create(unborn, second)).isInstanceOf(IOException.class);
            assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(20));
            other.rollback();
        }
        assertThat(store.find(key)).contains(first);
        assertThat(store.find(unborn)).isEmpty();
        assertThat(store.replace(key, "first", second)).isTrue();
    }

    // ---- Exceptions ----------------------------------------------------------------------------------------------

    @Test
    void exceptions_show_neither_text_nor_account() throws Exception {
        JdbcTokenStore store = JdbcTokenStore.create(database, table);
        AccountKey mine = new AccountKey("spotify", CANARY + "-account");
        StoredTokens row = new StoredTokens("v1", CANARY + "-text");
        store.create(mine, row);
        // Each makes at least one driver quote the row.
        Databases.execute(database, "CREATE UNIQUE INDEX u_" + table.substring(2) + " ON " + table + " (version)");
        store.create(new AccountKey("spotify", "other"), new StoredTokens("v2", "other"));
        List<Throwable> thrown = new ArrayList<>();
        thrown.add(catchThrowable(() -> store.replace(mine, "v1", new StoredTokens("v2", CANARY + "-text"))));
        thrown.add(catchThrowable(() -> store.create(mine, new StoredTokens(CANARY.repeat(7), CANARY + "-text"))));
        Databases.execute(
                database,
                "ALTER TABLE " + table + " ADD CONSTRAINT c_" + table.substring(2)
                        + " CHECK (updated_at < 100 OR version IN ('v1', 'v2'))");
        thrown.add(catchThrowable(() -> store.replace(mine, "v1", new StoredTokens("v3", CANARY + "-text"))));
        thrown.add(catchThrowable(
                () -> store.create(new AccountKey("x", CANARY), new StoredTokens("v4", CANARY + "-text"))));
        Databases.execute(database, "DROP TABLE " + table);
        thrown.add(catchThrowable(() -> store.find(mine)));
        thrown.add(catchThrowable(() -> store.create(mine, row)));
        thrown.add(catchThrowable(() -> store.replace(mine, "v1", row)));
        thrown.add(catchThrowable(() -> store.delete(mine, "v1")));
        assertThat(thrown).hasSize(8).allSatisfy(e -> {
            assertThat(e).isInstanceOf(IOException.class).hasMessageContaining("SQLState");
            StringWriter everything = new StringWriter();
            e.printStackTrace(new PrintWriter(everything));
            assertThat(everything.toString()).doesNotContain(CANARY);
        });
    }

    @Test
    void the_cause_keeps_the_stack_and_the_codes_of_the_driver() {
        Throwable thrown =
                catchThrowable(() -> JdbcTokenStore.on(database, table).find(key));
        assertThat(thrown.getCause())
                .isInstanceOf(SQLException.class)
                .hasMessageContaining("SQL")
                .hasMessageContaining("withheld");
        assertThat(((SQLException) thrown.getCause()).getSQLState()).startsWith("42");
        assertThat(thrown.getCause().getStackTrace()).isNotEmpty();
    }

    AccountKey key() {
        return new AccountKey("spotify", UUID.randomUUID().toString());
    }
}
