/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.UUID;
import javax.sql.XADataSource;
import org.h2.jdbcx.JdbcDataSource;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JdbcTokenStoreOnH2Test extends JdbcTokenStoreFacts {
    JdbcTokenStoreOnH2Test() {
        super(Databases.h2InMemory());
    }

    @Override
    String schemaFile() {
        return "schema-h2.sql";
    }

    @Override
    XADataSource xa() {
        return (JdbcDataSource) database;
    }

    @Test
    void rows_survive_a_restart(@TempDir Path directory) throws Exception {
        // Without DB_CLOSE_DELAY the database is closed with its last connection, that is after each statement.
        String url = "jdbc:h2:file:" + directory.resolve("grants");
        JdbcTokenStore.create(Databases.h2(url)).create(key, first);
        assertThat(JdbcTokenStore.create(Databases.h2(url)).find(key)).contains(first);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "REGULAR",
                "LEGACY",
                "DB2",
                "Derby",
                "HSQLDB",
                "MSSQLServer",
                "MariaDB",
                "MySQL",
                "Oracle",
                "PostgreSQL"
            })
    void every_compatibility_mode_serves(String mode) throws Exception {
        JdbcTokenStore store = JdbcTokenStore.create(
                Databases.h2("jdbc:h2:mem:" + UUID.randomUUID() + ";DB_CLOSE_DELAY=-1;IGNORECASE=TRUE;MODE=" + mode));
        assertThat(store.create(key, first)).isTrue();
        assertThat(store.create(key, second)).isFalse();
        assertThat(store.replace(key, "FIRST", second)).isFalse();
        assertThat(store.replace(key, "first ", second)).isFalse();
        assertThat(store.replace(key, "first", second)).isTrue();
        assertThat(store.find(key)).contains(second);
        assertThat(store.delete(key, "second")).isTrue();
    }
}
