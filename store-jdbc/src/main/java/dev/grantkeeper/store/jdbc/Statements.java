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
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Runs single statements, each in autocommit on a connection of its own, within a time limit. Thread-safe. */
final class Statements {
    private static final Logger log = LoggerFactory.getLogger(JdbcTokenStore.class);

    private static final int ROLLED_BACK_RETRIES = 3;
    private static final int LOST_READ_RETRIES = 1;
    private static final long SHORTEST_PAUSE = TimeUnit.MILLISECONDS.toNanos(5);
    private static final long LONGEST_PAUSE = TimeUnit.MILLISECONDS.toNanos(40);

    private final DataSource dataSource;
    private final Duration timeout;
    /** Whether this DataSource gives connections in autocommit. Then one without it belongs to somebody's transaction. */
    private volatile boolean autoCommitSeen;

    Statements(DataSource dataSource, Duration timeout) {
        this.dataSource = dataSource;
        this.timeout = timeout;
    }

    /** What to do with a prepared statement. */
    interface Work<T> {
        T on(PreparedStatement statement) throws SQLException;
    }

    <T> T read(String operation, String sql, Work<T> work) throws IOException {
        return run(operation, LOST_READ_RETRIES, sql, work);
    }

    <T> T write(String operation, String sql, Work<T> work) throws IOException {
        return run(operation, 0, sql, work);
    }

    private <T> T run(String operation, int lostRetries, String sql, Work<T> work) throws IOException {
        long start = System.nanoTime();
        for (int attempt = 1; ; attempt++) {
            StatementException failure;
            try (Lease lease = lease(operation)) {
                return within(timeout, lease.connection, sql, work);
            } catch (SQLException e) {
                failure = sql.contains("?")
                        ? StatementException.withholding(operation, e)
                        : StatementException.quoting(operation, e);
            }
            int retries = failure.isRolledBack() ? ROLLED_BACK_RETRIES : failure.isConnectionLost() ? lostRetries : 0;
            if (attempt > retries || System.nanoTime() - start > timeout.toNanos()) {
                throw failure;
            }
            log.debug("{} is tried again: SQLState {}", operation, failure.sqlState());
            LockSupport.parkNanos(ThreadLocalRandom.current().nextLong(SHORTEST_PAUSE, LONGEST_PAUSE) * attempt);
        }
    }

    private static <T> T within(Duration timeout, Connection connection, String sql, Work<T> work) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            int before = statement.getQueryTimeout();
            statement.setQueryTimeout((int) timeout.toSeconds());
            try {
                return work.on(statement);
            } finally {
                restoreQueryTimeout(statement, before);
            }
        }
    }

    /** H2 sets this for the connection and not for the statement, and the next user of the pool would inherit it. */
    private static void restoreQueryTimeout(PreparedStatement statement, int before) {
        try {
            statement.setQueryTimeout(before);
        } catch (SQLException e) {
            log.debug("A query timeout was not restored: SQLState {}", e.getSQLState());
        }
    }

    String databaseProduct() throws IOException {
        String operation = "look at the database's name";
        try (Lease lease = lease(operation)) {
            return lease.connection.getMetaData().getDatabaseProductName();
        } catch (SQLException e) {
            throw StatementException.quoting(operation, e);
        }
    }

    private Lease lease(String operation) throws IOException {
        Connection connection;
        try {
            connection = dataSource.getConnection();
        } catch (SQLException
                | RuntimeException e) { // HikariCP, for one, throws a RuntimeException when it cannot start
            throw StatementException.quoting(operation + ": no connection", e);
        }
        Lease lease = new Lease(connection);
        try {
            if (connection.getAutoCommit()) {
                // Changes nothing, but fails within an XA transaction, where PostgreSQL's driver claims autocommit.
                connection.setAutoCommit(true);
                autoCommitSeen = true;
            } else if (autoCommitSeen) {
                // Turning autocommit on would commit what the caller has not finished.
                throw new IOException(
                        operation + ": the connection belongs to a transaction, because autocommit is off,"
                                + " and on other connections of this DataSource it was on. Give JdbcTokenStore the plain"
                                + " DataSource, not one that knows about transactions");
            } else {
                lease.turnAutoCommitOn();
            }
            lease.limitSilence(timeout.multipliedBy(2));
            return lease;
        } catch (SQLException e) {
            lease.close();
            throw StatementException.quoting(
                    operation
                            + ": the connection cannot be put into autocommit. If its DataSource takes part in JTA or XA"
                            + " transactions, give JdbcTokenStore a plain one",
                    e);
        } catch (IOException e) {
            lease.close();
            throw e;
        }
    }

    /** A connection, and what has to be put back before it is returned. For one thread. */
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
                log.debug("The driver takes no network timeout: SQLState {}", e.getSQLState());
            }
        }

        /** Never throws: the statement has ended, and a connection that cannot be put back does not change how. */
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
                log.debug("A connection was not put back as it had come: SQLState {}", e.getSQLState());
            }
        }

        private interface Restoring {
            void run() throws SQLException;
        }
    }
}
