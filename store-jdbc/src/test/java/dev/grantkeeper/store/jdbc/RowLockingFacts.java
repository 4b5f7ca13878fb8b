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
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;

/** Facts that hold on every database but SQLite, which has one lock for a whole file, and no lengths. */
abstract class RowLockingFacts extends JdbcTokenStoreFacts {
    RowLockingFacts(DataSource database) {
        super(database);
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
}
