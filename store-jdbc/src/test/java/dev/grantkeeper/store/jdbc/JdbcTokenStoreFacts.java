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
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import javax.sql.DataSource;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.configuration.FluentConfiguration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Facts that hold on every database, beyond the contract. */
@Timeout(300)
abstract class JdbcTokenStoreFacts {
    static final String CANARY = "cAnAry4711";

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

    /**
     * The words of the message about a statement that names no table or column: the beginning of a SQLState, or a code.
     */
    String unknownTable() {
        return "SQLState 42";
    }

    /** Makes a schema, or what this database has in its place. */
    String newSchema() throws SQLException {
        String schema = Databases.newTable();
        Databases.execute(database, "CREATE SCHEMA " + schema);
        return schema;
    }

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
        String schema = newSchema();
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
                .hasMessageContaining(unknownTable())
                .hasMessageContaining("Is the table there");
    }

    @Test
    void a_table_with_other_columns_is_refused_at_the_start() throws Exception {
        Databases.execute(database, "CREATE TABLE " + table + " (digest CHAR(64) PRIMARY KEY)");
        assertThatExceptionOfType(UncheckedIOException.class)
                .isThrownBy(() -> JdbcTokenStore.create(database, table))
                .withMessageContaining(table)
                .withMessageContaining(unknownTable());
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

    // ---- Connections ---------------------------------------------------------------------------------------------

    @Test
    void a_caller_whose_transaction_has_the_only_connection_gets_an_exception_and_no_deadlock() throws Exception {
        String orders = Databases.newTable();
        Databases.execute(database, "CREATE TABLE " + orders + " (id INT)");
        try (HikariDataSource pool = Databases.pool(database, 1, config -> config.setConnectionTimeout(500))) {
            JdbcTokenStore store = JdbcTokenStore.create(pool, table);
            store.create(key, first);
            try (Connection held = pool.getConnection()) {
                held.setAutoCommit(false);
                try (Statement statement = held.createStatement()) {
                    statement.execute("INSERT INTO " + orders + " VALUES (1)");
                }
                long start = System.nanoTime();
                assertThatThrownBy(() -> store.find(key))
                        .isInstanceOf(IOException.class)
                        .hasMessageContaining("no connection");
                assertThatThrownBy(() -> store.replace(key, "first", second)).isInstanceOf(IOException.class);
                assertThatThrownBy(() -> store.keys("spotify", null, 10)).isInstanceOf(IOException.class);
                assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(10));
                held.rollback();
            }
            assertThat(store.find(key)).contains(first);
            assertThat(store.replace(key, "first", second)).isTrue();
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

    // ---- Lists ---------------------------------------------------------------------------------------------------

    @Test
    void pages_show_every_key_of_a_registration_once_in_the_order_of_digests() throws Exception {
        JdbcTokenStore store = JdbcTokenStore.create(database, table);
        List<AccountKey> all = new ArrayList<>();
        for (int i = 0; i < 25; i++) {
            AccountKey one = key();
            store.create(one, first);
            store.create(new AccountKey("strava", one.account()), first);
            all.add(one);
        }
        all.sort(Comparator.comparing(AccountKey::digest));
        assertThat(store.keys("spotify", null, 10_000)).isEqualTo(all);
        assertThat(store.keys("spotify", null, 25)).isEqualTo(all);
        for (int limit : new int[] {1, 7, 24}) {
            assertThat(pages(store, limit)).isEqualTo(all);
        }
        assertThat(store.keys("spotify", all.get(24), 1)).isEmpty();
        assertThat(store.keys("nobody's", null, 10)).isEmpty();
    }

    static List<AccountKey> pages(JdbcTokenStore store, int limit) throws IOException {
        List<AccountKey> seen = new ArrayList<>();
        List<AccountKey> page = store.keys("spotify", null, limit);
        while (!page.isEmpty()) {
            assertThat(page).hasSizeLessThanOrEqualTo(limit);
            seen.addAll(page);
            page = store.keys("spotify", page.get(page.size() - 1), limit);
        }
        return seen;
    }

    @Test
    void who_stays_is_seen_once_while_others_come_and_go() throws Exception {
        JdbcTokenStore store = JdbcTokenStore.create(database, table);
        Set<AccountKey> stay = new HashSet<>();
        Deque<AccountKey> go = new ArrayDeque<>();
        for (int i = 0; i < 60; i++) {
            AccountKey one = key();
            store.create(one, first);
            if (i % 3 == 0) {
                go.add(one);
            } else {
                stay.add(one);
            }
        }
        List<AccountKey> seen = new ArrayList<>();
        AccountKey after = null;
        List<AccountKey> page = store.keys("spotify", null, 4);
        while (!page.isEmpty()) {
            seen.addAll(page);
            after = page.get(page.size() - 1);
            // The one behind which the next page starts goes, too, if it may.
            if (go.remove(after)) {
                store.delete(after, "first");
            }
            if (!go.isEmpty()) {
                store.delete(go.remove(), "first");
            }
            if (seen.size() < 100) {
                store.create(key(), first);
            }
            for (AccountKey written : page) {
                store.replace(written, "first", first);
            }
            page = store.keys("spotify", after, 4);
        }
        assertThat(seen).doesNotHaveDuplicates().containsAll(stay);
    }

    @Test
    void registrations_are_told_apart_character_by_character() throws Exception {
        JdbcTokenStore store = JdbcTokenStore.create(database, table);
        everySimilarRegistrationIsListedAlone(store);
    }

    /** As a table made by hand may, one of MariaDB with the collation of the server for example. */
    @Test
    void also_where_the_database_takes_them_for_the_same() throws Exception {
        Databases.execute(
                database,
                "CREATE TABLE " + table + " (digest CHAR(64) NOT NULL PRIMARY KEY, registration " + ignoringCase()
                        + " NOT NULL, account VARCHAR(1024) NOT NULL, version VARCHAR(64) NOT NULL,"
                        + " text VARCHAR(10000) NOT NULL, updated_at BIGINT NOT NULL)");
        everySimilarRegistrationIsListedAlone(JdbcTokenStore.create(database, table));
    }

    /** A column type for which 'crm' and 'CRM' are the same, where there is one. */
    abstract String ignoringCase();

    private static void everySimilarRegistrationIsListedAlone(JdbcTokenStore store) throws IOException {
        List<String> similar =
                List.of("crm", "CRM", "Crm", "crm ", " crm", "cr\u00e9", "cre", "cre\u0301", "cr%", "cr_", "c", "crmm");
        Map<String, List<AccountKey>> keys = new HashMap<>();
        for (String registration : similar) {
            for (int i = 0; i < 8; i++) {
                AccountKey one = new AccountKey(registration, UUID.randomUUID().toString());
                store.create(one, new StoredTokens("first", "text"));
                keys.computeIfAbsent(registration, r -> new ArrayList<>()).add(one);
            }
        }
        for (String registration : similar) {
            List<AccountKey> seen = new ArrayList<>();
            List<AccountKey> page = store.keys(registration, null, 3);
            while (!page.isEmpty()) {
                seen.addAll(page);
                page = store.keys(registration, page.get(page.size() - 1), 3);
            }
            assertThat(seen).containsExactlyInAnyOrderElementsOf(keys.get(registration));
            assertThat(store.keys(registration, null, 8)).containsExactlyInAnyOrderElementsOf(keys.get(registration));
        }
    }

    @Test
    void accounts_are_listed_as_they_were_given() throws Exception {
        JdbcTokenStore store = JdbcTokenStore.create(database, table);
        Set<AccountKey> all = new HashSet<>();
        for (String account : List.of(
                "anna",
                " ",
                "anna ",
                "anna\n",
                "\u00e9",
                "e\u0301",
                "\ufeff",
                "\uffff",
                "'; --",
                "\ud83d\ude00".repeat(AccountKey.MAX_LENGTH / 2),
                "\u4e2d".repeat(AccountKey.MAX_LENGTH),
                "x".repeat(AccountKey.MAX_LENGTH))) {
            all.add(new AccountKey("spotify", account));
            all.add(new AccountKey("\u4e2d".repeat(AccountKey.MAX_LENGTH), account));
        }
        for (AccountKey one : all) {
            store.create(one, first);
        }
        List<AccountKey> listed = new ArrayList<>(store.keys("spotify", null, 1000));
        listed.addAll(store.keys("\u4e2d".repeat(AccountKey.MAX_LENGTH), null, 1000));
        assertThat(listed).doesNotHaveDuplicates().containsExactlyInAnyOrderElementsOf(all);
    }

    @Test
    void untouched_is_who_was_not_written_since() throws Exception {
        JdbcTokenStore store = JdbcTokenStore.create(database, table);
        AccountKey long_ago = key();
        AccountKey just_then = key();
        AccountKey refreshed = key();
        for (AccountKey one : List.of(long_ago, just_then, refreshed)) {
            store.create(one, first);
        }
        Instant since = Instant.parse("2026-01-02T03:04:05.678Z");
        writtenAt(long_ago, since.minusMillis(1));
        writtenAt(just_then, since);
        writtenAt(refreshed, since.minusMillis(1));
        store.replace(refreshed, "first", second);

        assertThat(store.keysUntouchedSince("spotify", since, null, 10)).containsExactly(long_ago);
        assertThat(store.keysUntouchedSince("spotify", since.plusMillis(1), null, 10))
                .containsExactlyInAnyOrder(long_ago, just_then);
        assertThat(store.keysUntouchedSince("strava", since, null, 10)).isEmpty();
        assertThat(store.keysUntouchedSince("spotify", since, long_ago, 10)).isEmpty();
        assertThat(store.keysUntouchedSince("spotify", Instant.MIN, null, 10)).isEmpty();
        assertThat(store.keysUntouchedSince("spotify", Instant.MAX, null, 10)).hasSize(3);
        assertThat(store.keysUntouchedSince("spotify", Instant.MAX, null, 2)).hasSize(2);
    }

    private void writtenAt(AccountKey key, Instant time) throws SQLException {
        Databases.execute(
                database,
                "UPDATE " + table + " SET updated_at = " + time.toEpochMilli() + " WHERE digest = '" + key.digest()
                        + "'");
    }

    @Test
    void a_row_whose_names_were_changed_by_hand_is_left_out_and_stops_nobody() throws Exception {
        JdbcTokenStore store = JdbcTokenStore.create(database, table);
        List<AccountKey> all = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            all.add(key());
            store.create(all.get(i), first);
        }
        all.sort(Comparator.comparing(AccountKey::digest));
        for (int i : new int[] {0, 3, 5}) {
            Databases.execute(
                    database,
                    "UPDATE " + table + " SET account = '" + (i == 3 ? "" : "renamed") + "' WHERE digest = '"
                            + all.get(i).digest() + "'");
        }
        assertThat(pages(store, 1)).containsExactly(all.get(1), all.get(2), all.get(4));
        assertThat(pages(store, 2)).containsExactly(all.get(1), all.get(2), all.get(4));
        assertThat(pages(store, 10)).containsExactly(all.get(1), all.get(2), all.get(4));
    }

    @Test
    void what_cannot_be_a_page_is_refused() {
        JdbcTokenStore store = JdbcTokenStore.on(database, table);
        for (int limit : new int[] {Integer.MIN_VALUE, -1, 0, 10_001, Integer.MAX_VALUE}) {
            assertThatThrownBy(() -> store.keys("spotify", null, limit))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("10000");
            assertThatThrownBy(() -> store.keysUntouchedSince("spotify", Instant.MAX, null, limit))
                    .isInstanceOf(IllegalArgumentException.class);
        }
        assertThatThrownBy(() -> store.keys("", null, 1)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> store.keys("strava", key, 1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("strava")
                .hasMessageNotContaining("anna");
    }

    @Test
    void a_list_that_cannot_be_read_is_an_exception_and_no_empty_page() {
        assertThatThrownBy(() -> JdbcTokenStore.on(database, table).keys("spotify", null, 10))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("list of the keys of spotify")
                .hasMessageContaining("Is the table there");
    }

    // ---- Versions of the table -----------------------------------------------------------------------------------

    @Test
    void flyway_makes_the_table_from_the_schema_file(@TempDir Path migrations) throws Exception {
        String schema = newSchema();
        try (InputStream sql = JdbcTokenStore.class.getResourceAsStream(schemaFile())) {
            Files.copy(sql, migrations.resolve("V1__grantkeeper.sql"));
        }
        FluentConfiguration flyway = Flyway.configure().dataSource(database).locations("filesystem:" + migrations);
        if (!schema.equals("main")) {
            flyway.defaultSchema(schema);
        }
        assertThat(flyway.load().migrate().migrationsExecuted).isEqualTo(1);

        JdbcTokenStore store = JdbcTokenStore.on(database, schema + ".grantkeeper_tokens");
        AccountKey one = key();
        assertThat(store.create(one, first)).isTrue();
        assertThat(store.create(one, second)).isFalse();
        assertThat(store.replace(one, "first", second)).isTrue();
        assertThat(store.find(one)).contains(second);
        assertThat(store.keys("spotify", null, 10_000)).contains(one);
        assertThat(store.delete(one, "second")).isTrue();
        assertThat(flyway.load().migrate().migrationsExecuted).isZero();
    }

    @Test
    void columns_of_a_later_version_do_not_disturb_this_one() throws Exception {
        JdbcTokenStore running = JdbcTokenStore.create(database, table);
        running.create(key, first);
        Databases.execute(database, "ALTER TABLE " + table + " ADD COLUMN note VARCHAR(100)");
        Databases.execute(database, "ALTER TABLE " + table + " ADD COLUMN kind VARCHAR(10) DEFAULT 'user' NOT NULL");
        List<String> columns = columns();
        assertThat(columns).hasSize(8);
        for (JdbcTokenStore store : List.of(running, JdbcTokenStore.create(database, table))) {
            AccountKey one = key();
            assertThat(store.find(key)).contains(first);
            assertThat(store.create(one, first)).isTrue();
            assertThat(store.create(one, second)).isFalse();
            assertThat(store.replace(one, "first", second)).isTrue();
            assertThat(store.find(one)).contains(second);
            assertThat(store.keys("spotify", null, 10)).containsExactlyInAnyOrder(key, one);
            assertThat(store.delete(one, "second")).isTrue();
        }
        assertThat(columns()).isEqualTo(columns);
        try (Connection connection = database.getConnection();
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("SELECT note, kind FROM " + table)) {
            assertThat(row.next()).isTrue();
            assertThat(row.getString(1)).isNull();
            assertThat(row.getString(2)).isEqualTo("user");
        }
    }

    @Test
    void a_table_of_an_earlier_version_is_refused_and_not_changed() throws Exception {
        JdbcTokenStore.create(database, table).create(key, first);
        Databases.execute(database, "ALTER TABLE " + table + " DROP COLUMN updated_at");
        List<String> columns = columns();
        assertThatExceptionOfType(UncheckedIOException.class)
                .isThrownBy(() -> JdbcTokenStore.create(database, table))
                .withMessageContaining(unknownTable());
        assertThat(columns()).isEqualTo(columns);
        assertThat(JdbcTokenStore.on(database, table).find(key)).contains(first);
    }

    private List<String> columns() throws SQLException {
        try (Connection connection = database.getConnection();
                Statement statement = connection.createStatement();
                ResultSet none = statement.executeQuery("SELECT * FROM " + table + " WHERE 1 = 0")) {
            ResultSetMetaData all = none.getMetaData();
            List<String> columns = new ArrayList<>();
            for (int i = 1; i <= all.getColumnCount(); i++) {
                columns.add(all.getColumnName(i) + " " + all.getColumnTypeName(i) + " " + all.getPrecision(i) + " "
                        + all.isNullable(i));
            }
            return columns;
        }
    }

    // ---- Exceptions ----------------------------------------------------------------------------------------------

    @Test
    void the_cause_keeps_the_stack_and_the_codes_of_the_driver() {
        Throwable thrown =
                catchThrowable(() -> JdbcTokenStore.on(database, table).find(key));
        assertThat(thrown.getCause())
                .isInstanceOf(SQLException.class)
                .hasMessageContaining("SQL")
                .hasMessageContaining("withheld");
        assertThat(thrown).hasMessageContaining(unknownTable());
        SQLException cause = (SQLException) thrown.getCause();
        assertThat(thrown)
                .hasMessageContaining("SQLState " + cause.getSQLState() + ", vendor code " + cause.getErrorCode());
        assertThat(thrown.getCause().getStackTrace()).isNotEmpty();
    }

    AccountKey key() {
        return new AccountKey("spotify", UUID.randomUUID().toString());
    }
}
