/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.grantkeeper.token.AccountKey;
import java.io.IOException;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import javax.sql.DataSource;
import org.h2.jdbcx.JdbcDataSource;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JdbcTokenStoreOnH2Test extends RowLockingFacts {
    JdbcTokenStoreOnH2Test() {
        super(Databases.h2InMemory());
    }

    @Override
    String schemaFile() {
        return "schema-h2.sql";
    }

    @Override
    String ignoringCase() {
        return "VARCHAR_IGNORECASE(1024)";
    }

    /** In capitals, as H2 writes names that nobody quotes: Flyway quotes them. */
    @Override
    String newSchema() throws SQLException {
        return super.newSchema().toUpperCase(Locale.ROOT);
    }

    @Test
    void a_connection_within_an_XA_transaction_is_refused() throws Exception {
        JdbcTokenStore.create(database, table).create(key, first);
        try (XaBranch branch = new XaBranch((JdbcDataSource) database)) {
            JdbcTokenStore store = branch.store(table);
            assertThat(store.find(key)).contains(first);
            branch.begin();
            assertThatThrownBy(() -> store.replace(key, "first", second))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("plain");
        }
        assertThat(JdbcTokenStore.on(database, table).find(key)).contains(first);
    }

    /** H2 takes settings of the connection as statements, and one of them costs more than the read. */
    @Test
    void a_read_and_a_write_are_one_statement_each() throws Exception {
        JdbcDataSource h2 = Databases.h2InMemory();
        JdbcTokenStore store = JdbcTokenStore.create(h2);
        store.create(key, first);
        Databases.execute(h2, "SET QUERY_STATISTICS TRUE");
        store.find(key);
        store.replace(key, "first", second);
        List<String> statements = new ArrayList<>();
        try (Connection connection = h2.getConnection();
                Statement query = connection.createStatement();
                ResultSet row = query.executeQuery("SELECT SQL_STATEMENT FROM INFORMATION_SCHEMA.QUERY_STATISTICS")) {
            while (row.next()) {
                statements.add(row.getString(1));
            }
        }
        assertThat(statements)
                .filteredOn(sql -> !sql.contains("QUERY_STATISTICS") && !sql.contains("DB_CLOSE_DELAY")) // ours
                .hasSize(2)
                .anyMatch(sql -> sql.startsWith("SELECT version, text"))
                .anyMatch(sql -> sql.startsWith("UPDATE"));
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

    /** As on a database that was never tried: nobody knows whether it has a LIMIT. */
    @Test
    void pages_are_cut_by_the_driver_where_the_database_is_unknown() throws Exception {
        JdbcTokenStore.create(database, table);
        JdbcTokenStore store =
                JdbcTokenStore.create(new LentConnections(() -> unheardOf(database.getConnection())), table);
        Set<AccountKey> all = new HashSet<>();
        for (int i = 0; i < 25; i++) {
            AccountKey one = key();
            store.create(one, first);
            all.add(one);
        }
        assertThat(store.keys("spotify", null, 7)).hasSize(7);
        assertThat(pages(store, 7)).containsExactlyInAnyOrderElementsOf(all);
        assertThatThrownBy(() -> JdbcTokenStore.create(
                        new LentConnections(() -> unheardOf(database.getConnection())), Databases.newTable()))
                .hasMessageContaining("no schema for Unheard-of");
    }

    private static Connection unheardOf(Connection connection) throws SQLException {
        DatabaseMetaData metaData = connection.getMetaData();
        Object renamed = proxy(
                DatabaseMetaData.class,
                metaData,
                method -> method.equals("getDatabaseProductName") ? "Unheard-of" : null);
        return (Connection)
                proxy(Connection.class, connection, method -> method.equals("getMetaData") ? renamed : null);
    }

    private static Object proxy(Class<?> type, Object target, Function<String, @Nullable Object> answers) {
        return Proxy.newProxyInstance(
                JdbcTokenStoreOnH2Test.class.getClassLoader(), new Class<?>[] {type}, (proxy, method, arguments) -> {
                    Object answer = answers.apply(method.getName());
                    if (answer != null) {
                        return answer;
                    }
                    try {
                        return method.invoke(target, arguments);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }

    /** As drivers from before JDBC 4.1 do, and some that wrap others. */
    @ParameterizedTest
    @ValueSource(classes = {AbstractMethodError.class, UnsupportedOperationException.class})
    void a_driver_that_knows_no_network_timeout_serves_and_gets_its_connections_back(Class<? extends Throwable> thrown)
            throws Exception {
        AtomicInteger lent = new AtomicInteger();
        DataSource old = through(DataSource.class, (proxy, method, arguments) -> {
            Connection real = database.getConnection();
            lent.incrementAndGet();
            return through(Connection.class, (connection, called, with) -> {
                if (called.getName().equals("getNetworkTimeout")) {
                    throw thrown.getConstructor().newInstance();
                }
                if (called.getName().equals("close")) {
                    lent.decrementAndGet();
                }
                try {
                    return called.invoke(real, with);
                } catch (InvocationTargetException e) {
                    throw e.getCause();
                }
            });
        });
        JdbcTokenStore store = JdbcTokenStore.create(old, table);
        assertThat(store.create(key, first)).isTrue();
        assertThat(store.find(key)).contains(first);
        assertThat(lent).hasValue(0);
    }

    private static <T> T through(Class<T> type, InvocationHandler handler) {
        return type.cast(
                Proxy.newProxyInstance(JdbcTokenStoreOnH2Test.class.getClassLoader(), new Class<?>[] {type}, handler));
    }
}
