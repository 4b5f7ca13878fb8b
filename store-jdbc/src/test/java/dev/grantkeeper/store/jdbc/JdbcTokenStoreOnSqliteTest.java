/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.StoredTokens;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.sqlite.SQLiteConfig;
import org.sqlite.SQLiteConfig.JournalMode;
import org.sqlite.SQLiteDataSource;

class JdbcTokenStoreOnSqliteTest extends JdbcTokenStoreFacts {
    @TempDir
    static Path directory;

    JdbcTokenStoreOnSqliteTest() {
        super(Databases.sqlite(newFile(), JournalMode.DELETE));
    }

    private static Path newFile() {
        return directory.resolve(UUID.randomUUID() + ".db");
    }

    @Override
    String schemaFile() {
        return "schema-sqlite.sql";
    }

    @Override
    String unknownTable() {
        return "SQLState null, vendor code 1";
    }

    @Override
    String newSchema() {
        return "main";
    }

    @Override
    String ignoringCase() {
        return "TEXT COLLATE NOCASE";
    }

    @Test
    void rows_are_in_the_file() throws Exception {
        Path file = newFile();
        JdbcTokenStore.create(Databases.sqlite(file, JournalMode.DELETE)).create(key, first);
        assertThat(JdbcTokenStore.create(Databases.sqlite(file, JournalMode.WAL))
                        .find(key))
                .contains(first);
    }

    /** The whole file is locked, whatever the other connection writes. */
    @ParameterizedTest
    @EnumSource(names = {"DELETE", "WAL"})
    void a_write_waits_for_another_connection_that_writes(JournalMode journal) throws Exception {
        SQLiteDataSource file = Databases.sqlite(newFile(), journal);
        JdbcTokenStore store = JdbcTokenStore.create(file);
        store.create(key, first);
        try (Connection other = file.getConnection();
                Statement statement = other.createStatement()) {
            statement.execute("CREATE TABLE orders (id INT)");
            statement.execute("BEGIN IMMEDIATE");
            statement.execute("INSERT INTO orders VALUES (1)");
            CompletableFuture<Boolean> waiting = CompletableFuture.supplyAsync(() -> {
                try {
                    return store.replace(key, "first", second);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
            assertThat(store.find(key)).contains(first);
            assertThatThrownBy(() -> waiting.get(200, TimeUnit.MILLISECONDS)).isInstanceOf(TimeoutException.class);
            statement.execute("COMMIT");
            assertThat(waiting.get(20, TimeUnit.SECONDS)).isTrue();
        }
        assertThat(store.find(key)).contains(second);
    }

    @ParameterizedTest
    @EnumSource(names = {"DELETE", "WAL"})
    void a_write_behind_a_transaction_without_end_ends_in_time_and_does_not_happen_later(JournalMode journal)
            throws Exception {
        SQLiteDataSource file = Databases.sqlite(newFile(), journal);
        JdbcTokenStore.create(file).create(key, first);
        JdbcTokenStore store = new JdbcTokenStore(file, Schema.DEFAULT_TABLE, Duration.ofSeconds(1));
        AccountKey unborn = key();
        try (Connection other = file.getConnection();
                Statement statement = other.createStatement()) {
            statement.execute("BEGIN IMMEDIATE");
            long start = System.nanoTime();
            assertThat(store.find(key)).contains(first);
            assertThatThrownBy(() -> store.replace(key, "first", second))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("vendor code 5");
            assertThatThrownBy(() -> store.delete(key, "first")).isInstanceOf(IOException.class);
            assertThatThrownBy(() -> store.create(unborn, second)).isInstanceOf(IOException.class);
            assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(20));
            statement.execute("ROLLBACK");
        }
        assertThat(store.find(key)).contains(first);
        assertThat(store.find(unborn)).isEmpty();
        assertThat(store.replace(key, "first", second)).isTrue();
    }

    @Test
    void a_file_that_takes_no_writes_is_read_and_says_so() throws Exception {
        Path file = newFile();
        JdbcTokenStore.create(Databases.sqlite(file, JournalMode.DELETE)).create(key, first);
        SQLiteConfig config = new SQLiteConfig();
        config.setReadOnly(true);
        SQLiteDataSource readOnly = new SQLiteDataSource(config);
        readOnly.setUrl("jdbc:sqlite:" + file);
        JdbcTokenStore store = JdbcTokenStore.create(readOnly);
        assertThat(store.find(key)).contains(first);
        assertThatThrownBy(() -> store.replace(key, "first", second))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("accepts no writes");
    }

    @Test
    void exceptions_show_neither_text_nor_account() throws Exception {
        JdbcTokenStore store = JdbcTokenStore.create(database, table);
        AccountKey mine = new AccountKey("spotify", CANARY + "-account");
        store.create(key, new StoredTokens("v1", "text"));
        store.create(mine, new StoredTokens("v2", CANARY + "-text"));
        Databases.execute(database, "CREATE UNIQUE INDEX u ON " + table + " (version)");
        Databases.execute(
                database,
                "CREATE TRIGGER no_deletes BEFORE DELETE ON " + table
                        + " BEGIN SELECT RAISE(ABORT, 'not ' || OLD.account); END");
        List<Throwable> thrown = List.of(
                catchThrowable(() -> store.replace(mine, "v2", new StoredTokens("v1", CANARY + "-text"))),
                catchThrowable(() -> store.create(
                        new AccountKey("spotify", CANARY + "-new"), new StoredTokens("v1", CANARY + "-text"))),
                catchThrowable(() -> store.delete(mine, "v2")));
        assertThat(thrown).allSatisfy(e -> {
            assertThat(e).isInstanceOf(IOException.class).hasMessageContaining("SQLState");
            StringWriter everything = new StringWriter();
            e.printStackTrace(new PrintWriter(everything));
            assertThat(everything.toString()).doesNotContain(CANARY);
        });
    }
}
