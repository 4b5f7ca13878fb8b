/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import java.io.IOException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.SQLFeatureNotSupportedException;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
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

    /** When the application starts, the database may have to start, too, before it hands out a connection. */
    private static final Duration START = Duration.ofMinutes(1);

    private final DataSource dataSource;
    private final Duration timeout;
    private final TimeLimits timeLimits = new TimeLimits();
    private final AtomicBoolean warned = new AtomicBoolean();
    /** Whether this DataSource hands out connections in autocommit. Then one without it belongs to a transaction. */
    private volatile boolean autoCommitSeen;

    private volatile @Nullable String product;

    Statements(DataSource dataSource, Duration timeout) {
        this.dataSource = dataSource;
        this.timeout = timeout;
    }

    /** Sets what stands for the question marks. */
    interface Parameters {
        Parameters NONE = statement -> {};

        void setOn(PreparedStatement statement) throws SQLException;
    }

    /** The meaning of the rows that a query finds. */
    interface Rows<T> {
        T in(ResultSet rows) throws SQLException;
    }

    private interface Work<T> {
        T on(PreparedStatement statement) throws SQLException;
    }

    /**
     * The longest that a statement may take.
     *
     * @param statement until it is cancelled
     * @param connection until it has a connection
     */
    private record Limits(Duration statement, Duration connection) {
        static Limits of(Duration statement) {
            return new Limits(statement, statement.multipliedBy(2));
        }
    }

    <T> T read(String operation, String sql, Parameters parameters, Rows<T> rows) throws IOException {
        return read(operation, timeout, sql, parameters, rows);
    }

    /** Reads with a time limit of its own. */
    <T> T read(String operation, Duration limit, String sql, Parameters parameters, Rows<T> rows) throws IOException {
        return run(operation, Limits.of(limit), DEAD_CONNECTIONS, sql, query(parameters, rows));
    }

    /** Returns whether the write has changed a row. */
    boolean write(String operation, String sql, Parameters parameters) throws IOException {
        return run(operation, Limits.of(timeout), 0, sql, statement -> {
            parameters.setOn(statement);
            return statement.executeUpdate() == 1;
        });
    }

    /** Runs a statement without parameters when the application starts. */
    void execute(String operation, String sql) throws IOException {
        boolean ignored = run(operation, new Limits(timeout, START), 0, sql, PreparedStatement::execute);
    }

    /** Reads when the application starts. */
    <T> T readAtStart(String operation, String sql, Rows<T> rows) throws IOException {
        return run(operation, new Limits(timeout, START), DEAD_CONNECTIONS, sql, query(Parameters.NONE, rows));
    }

    private static <T> Work<T> query(Parameters parameters, Rows<T> rows) {
        return statement -> {
            parameters.setOn(statement);
            ResultSet found = statement.executeQuery();
            try {
                return rows.in(found);
            } finally {
                closeQuietly(found);
            }
        };
    }

    /** The rows have been read. The statement, which is closed next, would close them as well. */
    private static void closeQuietly(ResultSet rows) {
        try {
            rows.close();
        } catch (Throwable e) {
            Log.LOG.debug("The rows of a query were not closed: {}", StatementException.kindOf(e));
        }
    }

    private <T> T run(String operation, Limits limits, int lostRetries, String sql, Work<T> work) throws IOException {
        long start = System.nanoTime();
        for (int attempt = 1; ; attempt++) {
            StatementException failure;
            try (Lease lease = lease(operation, limits)) {
                T result = within(limits.statement(), lease, sql, work);
                lease.served();
                return result;
            } catch (IOException | VirtualMachineError e) {
                throw e;
            } catch (Throwable e) { // drivers, and the wrappers around them, throw more than they declare
                failure = sql.contains("?")
                        ? StatementException.withholding(operation, e)
                        : StatementException.quoting(operation, e);
            }
            int retries = failure.isRolledBack() ? ROLLED_BACK_RETRIES : failure.isConnectionLost() ? lostRetries : 0;
            if (attempt > retries || isPast(start, limits.statement())) {
                throw failure;
            }
            Log.LOG.debug("{} is tried again: SQLState {}", operation, failure.sqlState());
            if (failure.isRolledBack()) { // another transaction is at work; a dead connection is replaced at once
                LockSupport.parkNanos(ThreadLocalRandom.current().nextLong(SHORTEST_PAUSE, LONGEST_PAUSE) * attempt);
            }
        }
    }

    private static boolean isPast(long start, Duration limit) {
        return System.nanoTime() - start > limit.toNanos();
    }

    private <T> T within(Duration limit, Lease lease, String sql, Work<T> work) throws SQLException {
        try {
            PreparedStatement statement = lease.connection().prepareStatement(sql);
            try {
                return within(limit, productOf(lease), statement, work);
            } finally {
                lease.release(statement);
            }
        } catch (SQLException e) {
            throw e;
        } catch (Throwable e) {
            lease.spoil();
            throw e;
        }
    }

    private <T> T within(Duration limit, String database, PreparedStatement statement, Work<T> work)
            throws SQLException {
        if (database.equalsIgnoreCase("postgresql")) {
            return timeLimits.cancelling(limit, statement, () -> work.on(statement));
        }
        // H2 has such a limit for the connection and not for the statement: the next user of the pool would inherit it,
        // and setting it is a statement of its own that costs more than ours. There, LOCK_TIMEOUT limits what our
        // statements wait for.
        if (!database.equalsIgnoreCase("h2")) {
            limit(statement, limit);
        }
        return work.on(statement);
    }

    private static void limit(PreparedStatement statement, Duration limit) throws SQLException {
        try {
            statement.setQueryTimeout((int) limit.toSeconds());
        } catch (SQLFeatureNotSupportedException | UnsupportedOperationException | AbstractMethodError e) {
            Log.LOG.debug("The driver supports no query timeout: {}", StatementException.kindOf(e));
        }
    }

    String databaseProduct() throws IOException {
        String known = product;
        if (known != null) {
            return known;
        }
        String operation = "lookup of the database's name";
        try (Lease lease = lease(operation, new Limits(timeout, START))) {
            return productOf(lease);
        } catch (IOException | VirtualMachineError e) {
            throw e;
        } catch (Throwable e) {
            throw StatementException.quoting(operation, e);
        }
    }

    /** Asked for once: behind one DataSource it stays the same. */
    private String productOf(Lease lease) throws SQLException {
        String name = product;
        if (name == null) {
            name = String.valueOf(lease.connection().getMetaData().getDatabaseProductName());
            product = name;
        }
        return name;
    }

    private Lease lease(String operation, Limits limits) throws IOException {
        long start = System.nanoTime();
        for (int attempt = 1; ; attempt++) {
            Lease lease = new Lease(connection(operation, limits.connection()), warned);
            StatementException failure;
            try {
                takeOutOfTransactions(lease, operation, limits.statement().multipliedBy(2));
                return lease;
            } catch (IOException | VirtualMachineError e) {
                lease.close();
                throw e;
            } catch (Throwable e) {
                failure = StatementException.quoting(
                        operation
                                + ": the connection cannot be put into autocommit. If its DataSource takes part in JTA"
                                + " or XA transactions, give JdbcTokenStore a plain one",
                        e);
            }
            lease.close();
            // Dead in the pool: nothing was sent, so a write may have another one as well.
            if (attempt > DEAD_CONNECTIONS || !failure.isConnectionLost() || isPast(start, limits.connection())) {
                throw failure;
            }
        }
    }

    /**
     * A connection that comes late is not used: the caller may long have given up, and a row that is created after the
     * user has signed out would sign the user in again.
     */
    private Connection connection(String operation, Duration limit) throws IOException {
        long start = System.nanoTime();
        Connection connection;
        try {
            connection = timeLimits.interrupting(limit, dataSource::getConnection);
        } catch (VirtualMachineError e) {
            throw e;
        } catch (Throwable e) { // HikariCP, for one, throws a RuntimeException when it cannot start
            throw StatementException.quoting(
                    operation + (isPast(start, limit) ? noConnectionIn(limit) : ": no connection"), e);
        }
        if (connection == null) {
            throw new IOException(operation + ": no connection: the DataSource returned null");
        }
        if (isPast(start, limit)) {
            new Lease(connection, warned).close();
            throw new IOException(operation + noConnectionIn(limit));
        }
        return connection;
    }

    private static String noConnectionIn(Duration limit) {
        return ": no connection within " + limit.toSeconds() + " s. Give JdbcTokenStore a pool of its own, and the pool"
                + " a connection timeout of a few seconds";
    }

    private void takeOutOfTransactions(Lease lease, String operation, Duration silence)
            throws SQLException, IOException {
        boolean autoCommit = lease.connection().getAutoCommit();
        if (!autoCommit && autoCommitSeen) {
            // Turning autocommit on would commit what the caller has not finished.
            throw new IOException(operation + ": the connection belongs to a transaction, because autocommit is off,"
                    + " and on other connections of this DataSource it was on. Give JdbcTokenStore the plain"
                    + " DataSource, not one that knows about transactions");
        }
        lease.limitSilence(silence); // before anything is sent: MariaDB's driver sends each change of autocommit
        if (autoCommit) {
            // Changes nothing, but fails within an XA transaction, where PostgreSQL's driver claims autocommit.
            lease.connection().setAutoCommit(true);
            autoCommitSeen = true;
        } else {
            lease.turnAutoCommitOn();
        }
    }
}
