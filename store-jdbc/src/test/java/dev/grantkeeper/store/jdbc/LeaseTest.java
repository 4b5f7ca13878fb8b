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
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.SQLFeatureNotSupportedException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.stream.Stream;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Connections that come from a pool and go back to it, over drivers and wrappers that throw what JDBC does not declare:
 * the pool stays whole, and a statement that succeeded has succeeded.
 */
@Timeout(300)
class LeaseTest {
    private static final String CANARY = "cAnAry4711";
    private static final int POOL = 3;
    /** Short, but no test fails because something took longer. */
    private static final Duration SHORT = Duration.ofMillis(100);

    private final DataSource database = Databases.h2InMemory();
    private final AccountKey key = new AccountKey("spotify", "anna");
    private final StoredTokens first = new StoredTokens("first", "the first text");
    private final StoredTokens second = new StoredTokens("second", "the second text");
    private final JdbcTokenStore direct = JdbcTokenStore.create(database);
    private final Warnings warnings = new Warnings();
    private final List<HikariDataSource> pools = new ArrayList<>();

    @AfterEach
    void close() {
        warnings.close();
        pools.forEach(HikariDataSource::close);
    }

    private HikariDataSource pool(DataSource connections, boolean autoCommit) {
        HikariDataSource pool = Databases.pool(connections, POOL, config -> config.setAutoCommit(autoCommit));
        pools.add(pool);
        return pool;
    }

    /** On which side of the pool the fault is: in the driver, or in something that wraps the pool. */
    private enum Side {
        DRIVER,
        WRAPPER
    }

    private enum Thrown implements Supplier<Throwable> {
        SQL(() -> new SQLException(CANARY)),
        RUNTIME(() -> new IllegalStateException(CANARY)),
        ABSTRACT(() -> new AbstractMethodError(CANARY)),
        NO_CLASS(() -> new NoClassDefFoundError(CANARY)),
        ASSERTION(() -> new AssertionError(CANARY));

        private final Supplier<Throwable> thrown;

        Thrown(Supplier<Throwable> thrown) {
            this.thrown = thrown;
        }

        @Override
        public Throwable get() {
            return thrown.get();
        }
    }

    static Stream<Arguments> stepsBack() {
        return Stream.of(
                        "Connection.setNetworkTimeout(0)",
                        "Connection.setAutoCommit(false)",
                        "Statement.close",
                        "ResultSet.close",
                        "Connection.close",
                        "Connection.clearWarnings")
                .flatMap(step -> Stream.of(Side.values())
                        .flatMap(side -> Stream.of(Thrown.values()).map(thrown -> Arguments.of(step, side, thrown))));
    }

    private void isWhole(HikariDataSource pool) throws SQLException {
        assertThat(pool.getHikariPoolMXBean().getActiveConnections()).isZero();
        List<Connection> all = new ArrayList<>();
        try {
            for (int i = 0; i < POOL; i++) {
                Connection connection = pool.getConnection();
                all.add(connection);
                try (Statement statement = connection.createStatement()) {
                    statement.execute("SELECT 1");
                }
            }
        } finally {
            for (Connection connection : all) {
                connection.close();
            }
        }
    }

    @ParameterizedTest
    @MethodSource("stepsBack")
    void a_pool_of_three_is_whole_after_any_failure_to_put_a_connection_back(String step, Side side, Thrown thrown)
            throws Exception {
        boolean autoCommit = !step.contains("setAutoCommit");
        FaultyDriver driver = new FaultyDriver(side == Side.DRIVER ? database : pool(database, autoCommit));
        HikariDataSource pool = side == Side.DRIVER ? pool(driver.connections(), autoCommit) : pools.get(0);
        isWhole(pool); // filled, before anything fails
        JdbcTokenStore store = JdbcTokenStore.create(side == Side.DRIVER ? pool : driver.connections());
        if (step.equals("Connection.close") && side == Side.WRAPPER) {
            driver.failsAfterwards(step, thrown); // a wrapper that keeps connections cannot be helped
        } else {
            driver.fails(step, thrown);
        }

        for (int i = 0; i < POOL; i++) {
            AccountKey mine = new AccountKey("spotify", "user " + i);
            assertThat(store.create(mine, first)).isTrue();
            assertThat(store.create(mine, first)).isFalse();
            assertThat(store.replace(mine, "first", second)).isTrue();
            assertThat(store.find(mine)).contains(second);
            assertThat(store.keys("spotify", null, 10)).containsExactly(mine);
            assertThat(store.delete(mine, "second")).isTrue();
        }

        driver.recovers();
        isWhole(pool);
        assertThat(warnings.all())
                .hasSizeLessThanOrEqualTo(1)
                .allSatisfy(line -> assertThat(line).doesNotContain(CANARY));
    }

    @Test
    void what_failed_after_a_statement_that_succeeded_is_a_warning_once() throws Exception {
        FaultyDriver driver = new FaultyDriver(database);
        JdbcTokenStore store = JdbcTokenStore.on(driver.connections());
        driver.fails("Connection.setNetworkTimeout(0)", Thrown.ABSTRACT);
        driver.failsAfterwards("Connection.close", Thrown.RUNTIME);
        for (int i = 0; i < 3; i++) {
            assertThat(store.find(key)).isEmpty();
        }
        assertThat(warnings.all())
                .singleElement()
                .satisfies(line -> assertThat(line)
                        .contains("setNetworkTimeout threw java.lang.AbstractMethodError")
                        .contains("close threw java.lang.IllegalStateException"));
    }

    @Test
    void a_connection_that_may_not_be_as_it_came_is_aborted_before_it_goes_back() throws Exception {
        for (String step :
                List.of("Connection.setNetworkTimeout(0)", "Connection.setAutoCommit(false)", "Statement.close")) {
            FaultyDriver driver = new FaultyDriver(pool(database, false));
            JdbcTokenStore store = JdbcTokenStore.on(driver.connections());
            driver.fails(step, Thrown.RUNTIME);
            store.find(key);
            assertThat(driver.calls()).as(step).containsSubsequence("Connection.abort", "Connection.close");
        }
    }

    @Test
    void a_connection_that_comes_back_as_it_came_is_not_aborted() throws Exception {
        FaultyDriver driver = new FaultyDriver(pool(database, false));
        JdbcTokenStore store = JdbcTokenStore.on(driver.connections());
        store.create(key, first);
        store.create(key, first);
        store.find(key);
        driver.fails("ResultSet.close", Thrown.RUNTIME);
        store.find(key);
        assertThat(driver.calls()).doesNotContain("Connection.abort");
    }

    @Test
    void a_close_that_failed_is_tried_once_more_if_the_connection_is_still_open() throws Exception {
        HikariDataSource pool = pool(database, true);
        FaultyDriver wrapper = new FaultyDriver(pool);
        JdbcTokenStore store = JdbcTokenStore.on(wrapper.connections());
        wrapper.fails("Connection.close", () -> {
            wrapper.recovers();
            return new IllegalStateException("once");
        });
        assertThat(store.find(key)).isEmpty();
        isWhole(pool);
    }

    /** A pool would hand it out again, in the middle of whatever it was doing. */
    @ParameterizedTest
    @EnumSource(names = {"RUNTIME", "ABSTRACT", "NO_CLASS", "ASSERTION"})
    void a_driver_that_breaks_off_is_an_IOException_without_its_message_and_loses_its_connection(Thrown thrown)
            throws Exception {
        HikariDataSource pool = pool(database, true);
        FaultyDriver driver = new FaultyDriver(pool);
        JdbcTokenStore store = JdbcTokenStore.on(driver.connections());
        for (String step : List.of(
                "Connection.prepareStatement", "Statement.setString", "Statement.executeQuery", "ResultSet.next")) {
            driver.fails(step, thrown);
            Throwable failure = catchThrowable(() -> store.find(key));
            assertThat(failure)
                    .as(step)
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("find of spotify/")
                    .hasMessageContaining(thrown.get().getClass().getName());
            StringWriter everything = new StringWriter();
            failure.printStackTrace(new PrintWriter(everything));
            assertThat(everything.toString()).doesNotContain(CANARY);
            assertThat(driver.calls()).as(step).containsSubsequence("Connection.abort", "Connection.close");
            driver.recovers();
            driver.calls().clear();
            isWhole(pool);
        }
        assertThat(store.create(key, first)).isTrue();
        assertThat(warnings.all()).isEmpty(); // the exceptions are enough
    }

    @Test
    void an_error_of_the_virtual_machine_is_passed_on_and_the_connection_goes_back() throws Exception {
        HikariDataSource pool = pool(database, true);
        FaultyDriver driver = new FaultyDriver(pool);
        JdbcTokenStore store = JdbcTokenStore.on(driver.connections());
        for (String step :
                List.of("Connection.getAutoCommit", "Connection.prepareStatement", "Statement.executeQuery")) {
            for (int i = 0; i <= POOL; i++) {
                driver.fails(step, StackOverflowError::new);
                assertThatThrownBy(() -> store.find(key)).as(step).isInstanceOf(StackOverflowError.class);
                driver.recovers();
            }
            isWhole(pool);
        }
    }

    @ParameterizedTest
    @EnumSource
    void a_setting_that_cannot_be_made_gives_the_connection_back(Thrown thrown) throws Exception {
        HikariDataSource pool = pool(database, false);
        FaultyDriver driver = new FaultyDriver(pool);
        JdbcTokenStore store = JdbcTokenStore.on(driver.connections());
        for (String step : List.of("Connection.getAutoCommit", "Connection.setAutoCommit(true)")) {
            for (int i = 0; i < POOL; i++) {
                driver.fails(step, thrown);
                assertThatThrownBy(() -> store.find(key)).as(step).isInstanceOf(IOException.class);
                driver.recovers();
            }
            isWhole(pool);
        }
        for (String step : List.of("Connection.getNetworkTimeout", "Connection.setNetworkTimeout")) {
            driver.fails(step, thrown);
            for (int i = 0; i <= POOL; i++) {
                assertThat(store.find(key)).as(step).isEmpty();
            }
            driver.recovers();
            isWhole(pool);
        }
    }

    /** It claims that it was off, and the next transaction on this connection would commit each of its statements. */
    @Test
    void autocommit_that_was_turned_on_by_a_call_that_failed_is_turned_off_again() throws Exception {
        try (Connection only = database.getConnection()) {
            only.setAutoCommit(false);
            FaultyDriver driver = new FaultyDriver(new LentConnections(() -> LentConnections.unclosed(only)));
            driver.failsAfterwards("Connection.setAutoCommit(true)", Thrown.RUNTIME);
            assertThatThrownBy(() -> JdbcTokenStore.on(driver.connections()).find(key))
                    .isInstanceOf(IOException.class);
            assertThat(only.getAutoCommit()).isFalse();
        }
    }

    @Test
    void a_driver_without_query_timeouts_serves() throws Exception {
        FaultyDriver driver = new FaultyDriver(Databases.mariaDb());
        String table = Databases.newTable();
        for (Supplier<Throwable> thrown : List.<Supplier<Throwable>>of(
                SQLFeatureNotSupportedException::new, UnsupportedOperationException::new, AbstractMethodError::new)) {
            driver.fails("Statement.setQueryTimeout", thrown);
            assertThat(JdbcTokenStore.create(driver.connections(), table).find(key))
                    .isEmpty();
        }
    }

    // ---- No connection ---------------------------------------------------------------------------------------------

    @Test
    void a_DataSource_that_returns_null_is_an_IOException_that_says_so() {
        DataSource none = new LentConnections(() -> null);
        assertThatThrownBy(() -> JdbcTokenStore.on(none).find(key))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("no connection")
                .hasMessageContaining("null");
        assertThatExceptionOfType(UncheckedIOException.class).isThrownBy(() -> JdbcTokenStore.create(none));
    }

    @ParameterizedTest
    @EnumSource
    void a_DataSource_that_throws_anything_is_an_IOException_with_that_as_its_cause(Thrown thrown) {
        FaultyDriver driver = new FaultyDriver(database);
        DataSource failing = new LentConnections(() -> {
            driver.fails("Connection.getAutoCommit", thrown);
            driver.connections().getConnection().getAutoCommit();
            throw new AssertionError("did not fail");
        });
        assertThatThrownBy(() -> JdbcTokenStore.on(failing).replace(key, "first", second))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("no connection")
                .hasRootCauseInstanceOf(thrown.get().getClass());
        assertThatExceptionOfType(UncheckedIOException.class).isThrownBy(() -> JdbcTokenStore.create(failing));
    }

    /** Pools that wait forever unless they are configured: c3p0, and DBCP. */
    @Test
    void nobody_waits_for_a_connection_forever() throws Exception {
        CountDownLatch never = new CountDownLatch(1);
        JdbcTokenStore store = new JdbcTokenStore(
                new LentConnections(() -> {
                    try {
                        never.await();
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                        throw new SQLException("interrupted while waiting for a connection", e);
                    }
                    return database.getConnection();
                }),
                Schema.DEFAULT_TABLE,
                SHORT);
        assertThatThrownBy(() -> store.find(key))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("no connection within")
                .hasMessageContaining("connection timeout");
        assertThatThrownBy(() -> store.create(key, first)).isInstanceOf(IOException.class);
        assertThat(Thread.currentThread().isInterrupted())
                .as("the interrupt is not the caller's")
                .isFalse();
        assertThat(direct.find(key)).isEmpty();
    }

    @Test
    void a_caller_that_was_interrupted_stays_interrupted() throws Exception {
        Thread.currentThread().interrupt();
        try {
            assertThat(JdbcTokenStore.on(database).find(key)).isEmpty();
        } finally {
            assertThat(Thread.interrupted()).isTrue();
        }
    }

    /** After a sign-out in between, a row that is created late would sign the user in again. */
    @Test
    void a_connection_that_comes_late_goes_back_unused() throws Exception {
        HikariDataSource pool = pool(database, true);
        AtomicInteger lent = new AtomicInteger();
        JdbcTokenStore store = new JdbcTokenStore(
                new LentConnections(() -> {
                    long asked = System.nanoTime();
                    while (System.nanoTime() - asked <= SHORT.toNanos() * 3) {
                        Thread.onSpinWait(); // as a driver does that reads from a socket: interrupts are not noticed
                    }
                    lent.incrementAndGet();
                    return pool.getConnection();
                }),
                Schema.DEFAULT_TABLE,
                SHORT);
        for (int i = 0; i <= POOL; i++) {
            assertThatThrownBy(() -> store.create(key, first))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("no connection within");
        }
        assertThat(lent).hasValue(POOL + 1);
        isWhole(pool);
        assertThat(direct.find(key)).isEmpty();
    }

    // ---- What the pool gets back, on servers -----------------------------------------------------------------------

    @ParameterizedTest
    @EnumSource
    void the_next_user_of_a_connection_inherits_no_time_limit(Engine engine) throws Exception {
        FaultyDriver driver = new FaultyDriver(engine.at(engine.port()));
        HikariDataSource pool = Databases.pool(driver.connections(), 1);
        pools.add(pool);
        JdbcTokenStore store = JdbcTokenStore.create(pool, Databases.newTable());
        driver.fails("Connection.setNetworkTimeout(0)", () -> {
            driver.recovers();
            return new IllegalStateException("once");
        });
        assertThat(store.create(key, first)).isTrue();
        try (Connection next = pool.getConnection();
                Statement statement = next.createStatement();
                ResultSet one = statement.executeQuery("SELECT 1")) {
            assertThat(one.next()).isTrue();
            assertThat(next.getNetworkTimeout()).isZero();
        }
        assertThat(store.find(key)).contains(first);
    }

    /** A connection that died in the pool, and a server that no longer answers. */
    @Test
    void autocommit_is_set_within_the_time_limit() throws Exception {
        FaultyDriver driver = new FaultyDriver(pool(Databases.mariaDb(), false));
        JdbcTokenStore store = JdbcTokenStore.create(driver.connections(), Databases.newTable());
        driver.calls().clear();
        assertThat(store.find(key)).isEmpty();
        assertThat(driver.calls())
                .filteredOn(call -> call.startsWith("Connection.set"))
                .containsExactly(
                        "Connection.setNetworkTimeout",
                        "Connection.setAutoCommit",
                        "Connection.setAutoCommit",
                        "Connection.setNetworkTimeout");
    }
}
