/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.StoredTokens;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.concurrent.atomic.AtomicInteger;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Statements that are tried again, over a real database whose connections fail as they are told. */
class RetriesTest {
    private final DataSource database = Databases.h2InMemory();
    private final AccountKey key = new AccountKey("spotify", "anna");
    private final StoredTokens first = new StoredTokens("first", "text");
    private final StoredTokens second = new StoredTokens("second", "text");
    private SQLException failure = new SQLException();
    private int failures;
    private int statements;
    private final JdbcTokenStore store =
            JdbcTokenStore.on(new LentConnections(() -> failing(database.getConnection())));

    @BeforeEach
    void oneRow() throws IOException {
        JdbcTokenStore.create(database).create(key, first);
    }

    private void fail(int times, @Nullable String sqlState, int vendorCode) {
        failure = new SQLException("told to fail", sqlState, vendorCode);
        failures = times;
        statements = 0;
    }

    private static Connection dead(Connection connection, SQLException how) {
        return (Connection) Proxy.newProxyInstance(
                Connection.class.getClassLoader(), new Class<?>[] {Connection.class}, (proxy, method, arguments) -> {
                    if (method.getName().equals("close")) {
                        connection.close();
                        return null;
                    }
                    throw how;
                });
    }

    @Test
    void who_finds_out_before_anything_was_sent_takes_another_connection_for_a_write_too() throws Exception {
        AtomicInteger lent = new AtomicInteger();
        JdbcTokenStore pooled = JdbcTokenStore.on(new LentConnections(() -> {
            Connection connection = database.getConnection();
            return lent.getAndIncrement() < 5
                    ? dead(connection, new SQLException("closed", "90121", 90121))
                    : connection;
        }));
        assertThat(pooled.replace(key, "first", second)).isTrue();
        assertThat(lent).hasValue(6);
    }

    private Connection failing(Connection connection) {
        return (Connection) Proxy.newProxyInstance(
                Connection.class.getClassLoader(), new Class<?>[] {Connection.class}, (proxy, method, arguments) -> {
                    if (method.getName().equals("prepareStatement")) {
                        statements++;
                        if (failures-- > 0) {
                            throw failure;
                        }
                    }
                    try {
                        return method.invoke(connection, arguments);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }

    @ParameterizedTest
    @CsvSource({
        "40001,     0, a serialization failure",
        "40P01,     0, a deadlock in PostgreSQL",
        "40001,  1213, a deadlock in MariaDB and MySQL",
        "HY000,  1213, the same from a driver with another opinion",
        "HY000,  1205, a lock in MariaDB and MySQL that was not granted in time",
        "HYT00, 50200, a lock in H2 that was not granted in time",
        "90131, 90131, a row in H2 that somebody else was writing",
        ",          5, a file of SQLite that somebody else was writing",
        ",          6, a table of SQLite that another connection of the process was using"
    })
    void what_was_rolled_back_is_tried_again_three_times(@Nullable String sqlState, int vendorCode, String what)
            throws Exception {
        fail(3, sqlState, vendorCode);
        assertThat(store.replace(key, "first", second)).as(what).isTrue();
        assertThat(statements).isEqualTo(4);
        fail(4, sqlState, vendorCode);
        assertThatThrownBy(() -> store.find(key)).as(what).isInstanceOf(IOException.class);
        assertThat(statements).isEqualTo(4);
    }

    @ParameterizedTest
    @CsvSource({
        "08000,     0, a connection that broke",
        "08006,     0, a connection that broke in PostgreSQL",
        "08S01,     0, a connection that broke in MariaDB and MySQL",
        "57P01,     0, a server that is going down",
        "57P02,     0, a server that crashed",
        "57P03,     0, a server that is not up yet",
        "70100,  1927, a connection that was killed in MariaDB",
        "90067, 90067, a connection to H2 that broke",
        "90121, 90121, an H2 that is going down"
    })
    void a_read_survives_five_dead_connections_and_a_write_none(String sqlState, int vendorCode, String what)
            throws Exception {
        fail(5, sqlState, vendorCode);
        assertThat(store.find(key)).as(what).contains(first);
        assertThat(statements).isEqualTo(6);
        fail(5, sqlState, vendorCode);
        assertThat(store.keys("spotify", null, 10)).as(what).containsExactly(key);
        fail(1, sqlState, vendorCode);
        assertThatThrownBy(() -> store.replace(key, "first", second))
                .as(what)
                .isInstanceOf(IOException.class)
                .hasMessageContaining(sqlState);
        assertThat(statements).isEqualTo(1);
        fail(6, sqlState, vendorCode);
        assertThatThrownBy(() -> store.find(key)).as(what).isInstanceOf(IOException.class);
    }

    @ParameterizedTest
    @CsvSource({
        "40003,     0, a statement of which nobody knows how it ended",
        "57014,     0, a statement that was cancelled",
        "42501,     0, a right that is missing",
        "53100,     0, a disk that is full",
        ",         13, a disk that is full under SQLite",
        "HY000,     0, anything else"
    })
    void nothing_else_is_tried_again(@Nullable String sqlState, int vendorCode, String what) {
        fail(1, sqlState, vendorCode);
        assertThatThrownBy(() -> store.find(key)).as(what).isInstanceOf(IOException.class);
        assertThat(statements).isEqualTo(1);
        fail(1, sqlState, vendorCode);
        assertThatThrownBy(() -> store.replace(key, "first", second)).as(what).isInstanceOf(IOException.class);
        assertThat(statements).isEqualTo(1);
    }

    @ParameterizedTest
    @CsvSource({
        "25006,     0, a replica of PostgreSQL",
        "HY000,  1290, a MariaDB or MySQL with --read-only",
        "HY000,  1836, an InnoDB that takes no writes",
        "25006,  1792, a transaction that takes no writes",
        "90097, 90097, an H2 that takes no writes",
        ",          8, a file of SQLite that takes no writes"
    })
    void who_cannot_write_here_is_told_where(@Nullable String sqlState, int vendorCode, String what) {
        fail(1, sqlState, vendorCode);
        assertThatThrownBy(() -> store.replace(key, "first", second))
                .as(what)
                .isInstanceOf(IOException.class)
                .hasMessageContaining("point the DataSource at the primary");
        assertThat(statements).isEqualTo(1);
    }

    @Test
    void a_message_from_before_the_values_is_passed_on() {
        JdbcTokenStore nowhere = JdbcTokenStore.on(new LentConnections(() -> {
            throw new SQLException("Connection refused", "08001");
        }));
        assertThatThrownBy(() -> nowhere.find(key))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("no connection")
                .hasRootCauseMessage("Connection refused");
    }
}
