/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.zaxxer.hikari.HikariDataSource;
import dev.grantkeeper.token.AccountKey;
import java.io.IOException;
import java.sql.SQLException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class JdbcTokenStoreOnMariaDbTest extends MariaDbFacts {
    JdbcTokenStoreOnMariaDbTest() {
        super(Databases.mariaDb());
    }

    @Test
    void a_read_outlives_the_death_of_its_connection_and_a_write_says_that_its_end_is_unknown() throws Exception {
        try (HikariDataSource pool = Databases.pool(database, 1)) {
            JdbcTokenStore store = JdbcTokenStore.create(pool, table);
            store.create(key, first);
            killConnectionOf(pool);
            assertThat(store.find(key)).contains(first);
            killConnectionOf(pool);
            assertThatThrownBy(() -> store.replace(key, "first", second))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("replace of spotify/");
            assertThat(store.replace(key, "first", second)).isTrue();
        }
    }

    /** The server's own encoding may be latin1, and a table that was made by hand has it. */
    @ParameterizedTest
    @CsvSource({"latin1, utf8mb4", "utf8mb4, latin1", "utf8mb3, utf8mb3", "utf8mb4, ascii"})
    void a_table_that_is_not_utf8mb4_serves_with_a_warning_and_failures_name_the_reason(
            String registration, String account) throws Exception {
        tableWith(registration, account);
        try (Warnings warnings = new Warnings()) {
            JdbcTokenStore store = JdbcTokenStore.create(database, table);
            assertThat(warnings.all())
                    .singleElement()
                    .satisfies(line -> assertThat(line)
                            .contains(table)
                            .contains(registration.equals("utf8mb4") ? account : registration));
            assertThat(store.create(key, first)).isTrue();
            assertThatThrownBy(() -> store.create(new AccountKey("\ud83d\ude00", "\ud83d\ude01"), first))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("1366")
                    .hasMessageContaining("utf8mb4")
                    .hasMessageNotContaining("\ud83d\ude01");
        }
    }

    @Test
    void a_table_with_room_for_all_characters_is_no_reason_to_warn() throws Exception {
        try (Warnings warnings = new Warnings()) {
            JdbcTokenStore.create(database, Databases.newTable());
            tableWith("utf8mb4", "utf16");
            AccountKey other = new AccountKey("\ud83d\ude00", "\u4e2d\ud83d\ude00");
            assertThat(JdbcTokenStore.create(database, table).create(other, first))
                    .isTrue();
            assertThat(warnings.all()).isEmpty();
        }
    }

    private void tableWith(String registration, String account) throws SQLException {
        Databases.execute(
                database,
                "CREATE TABLE " + table + " (digest CHAR(64) NOT NULL PRIMARY KEY, registration VARCHAR(1024)"
                        + " CHARACTER SET " + registration + " NOT NULL, account VARCHAR(1024) CHARACTER SET " + account
                        + " NOT NULL, version VARBINARY(64) NOT NULL, text MEDIUMTEXT NOT NULL,"
                        + " updated_at BIGINT NOT NULL)");
    }
}
