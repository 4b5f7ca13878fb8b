/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import java.io.IOException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/** Runs single statements, each in autocommit on a connection of its own, within a time limit. Thread-safe. */
final class Statements {
    private static final int ROLLED_BACK_RETRIES = 3;
    /** So many connections of a pool may have died with the server. */
    private static final int DEAD_CONNECTIONS = 5;

    private static final long SHORTEST_PAUSE = TimeUnit.MILLISECONDS.toNanos(5);
    private static final long LONGEST_PAUSE = TimeUnit.MILLISECONDS.toNanos(40);

    private final DataSource dataSource;
    private final Duration timeout;
    private final TimeLimits timeLimits = new TimeLimits();
    /** Whether this DataSource hands out connections in autocommit. Then one without it belongs to a transaction. */
    private volatile boolean autoCommitSeen;

    private volatile @Nullable String product;

    Statements(DataSource dataSource, Duration timeout) {
        this.dataSource = dataSource;
        this.timeout = timeout;
    }

    /** The work with a prepared statement. */
    interface Work<T> {
        T on(PreparedStatement statement) throws SQLException;
    }

    <T> T read(String operation, String sql, Work<T> work) throws IOException {
        return run(operation, timeout, DEAD_CONNECTIONS, sql, work);
    }

    /** Reads with a time limit of its own. */
    <T> T read(String operation, Duration limit, String sql, Work<T> work) throws IOException {
        return run(operation, limit, DEAD_CONNECTIONS, sql, work);
    }

    <T> T write(String operation, String sql, Work<T> work) throws IOException {
        return run(operation, timeout, 0, sql, work);
    }

    private <T> T run(String operation, Duration limit, int lostRetries, String sql, Work<T> work) throws IOException {
        long start = System.nanoTime();
        for (int attempt = 1; ; attempt++) {
            StatementException failure;
            try (Lease lease = lease(operation, limit)) {
                return within(limit, lease, sql, work);
            } catch (SQLException e) {
                failure = sql.contains("?")
                        ? StatementException.withholding(operation, e)
                        : StatementException.quoting(operation, e);
            }
            int retries = failure.isRolledBack() ? ROLLED_BACK_RETRIES : failure.isConnectionLost() ? lostRetries : 0;
            if (attempt > retries || System.nanoTime() - start > limit.toNanos()) {
                throw failure;
            }
            Log.LOG.debug("{} is tried again: SQLState {}", operation, failure.sqlState());
            if (failure.isRolledBack()) { // another transaction is at work; a dead connection is replaced at once
                LockSupport.parkNanos(ThreadLocalRandom.current().nextLong(SHORTEST_PAUSE, LONGEST_PAUSE) * attempt);
            }
        }
    }

    private <T> T within(Duration limit, Lease lease, String sql, Work<T> work) throws SQLException {
        try (PreparedStatement statement = lease.connection.prepareStatement(sql)) {
            String database = productOf(lease);
            if (database.equalsIgnoreCase("postgresql")) {
                return timeLimits.within(limit, statement, work);
            }
            // H2 has such a limit for the connection and not for the statement: the next user of the pool would inherit
            // it, and setting it is a statement of its own that costs more than ours. There, LOCK_TIMEOUT limits what
            // our statements wait for.
            if (!database.equalsIgnoreCase("h2")) {
                statement.setQueryTimeout((int) limit.toSeconds());
            }
            return work.on(statement);
        }
    }

    String databaseProduct() throws IOException {
        String known = product;
        if (known != null) {
            return known;
        }
        String operation = "lookup of the database's name";
        try (Lease lease = lease(operation, timeout)) {
            return productOf(lease);
        } catch (SQLException e) {
            throw StatementException.quoting(operation, e);
        }
    }

    /** Asked for once: behind one DataSource it stays the same. */
    private String productOf(Lease lease) throws SQLException {
        String name = product;
        if (name == null) {
            name = lease.connection.getMetaData().getDatabaseProductName();
            product = name;
        }
        return name;
    }

    private Lease lease(String operation, Duration limit) throws IOException {
        for (int attempt = 1; ; attempt++) {
            Lease lease = new Lease(connection(operation));
            StatementException failure;
            try {
                takeOutOfTransactions(lease, operation);
                lease.limitSilence(limit.multipliedBy(2));
                return lease;
            } catch (SQLException e) {
                failure = StatementException.quoting(
                        operation
                                + ": the connection cannot be put into autocommit. If its DataSource takes part in JTA"
                                + " or XA transactions, give JdbcTokenStore a plain one",
                        e);
            } catch (IOException | RuntimeException | Error e) {
                lease.close();
                throw e;
            }
            lease.close();
            // Dead in the pool: nothing was sent, so a write may have another one as well.
            if (attempt > DEAD_CONNECTIONS || !failure.isConnectionLost()) {
                throw failure;
            }
        }
    }

    private Connection connection(String operation) throws StatementException {
        try {
            return dataSource.getConnection();
        } catch (SQLException
                | RuntimeException e) { // HikariCP, for one, throws a RuntimeException when it cannot start
            throw StatementException.quoting(operation + ": no connection", e);
        }
    }

    private void takeOutOfTransactions(Lease lease, String operation) throws SQLException, IOException {
        if (lease.connection.getAutoCommit()) {
            // Changes nothing, but fails within an XA transaction, where PostgreSQL's driver claims autocommit.
            lease.connection.setAutoCommit(true);
            autoCommitSeen = true;
        } else if (autoCommitSeen) {
            // Turning autocommit on would commit what the caller has not finished.
            throw new IOException(operation + ": the connection belongs to a transaction, because autocommit is off,"
                    + " and on other connections of this DataSource it was on. Give JdbcTokenStore the plain"
                    + " DataSource, not one that knows about transactions");
        } else {
            lease.turnAutoCommitOn();
        }
    }

    /** A connection, and the settings to restore before it is returned. For one thread. */
    private static final class Lease implements AutoCloseable {
        private static final int UNCHANGED = -1;

        final Connection connection;
        private boolean autoCommitTurnedOn;
        private int silence = UNCHANGED;

        Lease(Connection connection) {
            this.connection = connection;
        }

        void turnAutoCommitOn() throws SQLException {
            connection.setAutoCommit(true);
            autoCommitTurnedOn = true;
        }

        /** A query timeout is of no use when the server has vanished: the driver cannot reach it to cancel anything. */
        void limitSilence(Duration limit) {
            try {
                int before = connection.getNetworkTimeout();
                int millis = (int) limit.toMillis();
                if (before == 0 || before > millis) {
                    connection.setNetworkTimeout(Runnable::run, millis);
                    silence = before;
                }
            } catch (SQLException e) {
                Log.LOG.debug("The driver supports no network timeout: SQLState {}", e.getSQLState());
            } catch (RuntimeException | AbstractMethodError e) { // the second of a driver from before JDBC 4.1
                Log.LOG.debug(
                        "The driver supports no network timeout: {}",
                        e.getClass().getName());
            }
        }

        /**
         * Never throws: the statement has ended, and a connection that cannot be restored does not change its outcome.
         */
        @Override
        public void close() {
            quietly(() -> {
                if (silence != UNCHANGED) {
                    connection.setNetworkTimeout(Runnable::run, silence);
                }
            });
            quietly(() -> {
                if (autoCommitTurnedOn) {
                    connection.setAutoCommit(false);
                }
            });
            quietly(connection::close);
        }

        private static void quietly(Restoring step) {
            try {
                step.run();
            } catch (SQLException e) {
                Log.LOG.debug("A connection was returned without its settings restored: SQLState {}", e.getSQLState());
            }
        }

        private interface Restoring {
            void run() throws SQLException;
        }
    }
}
