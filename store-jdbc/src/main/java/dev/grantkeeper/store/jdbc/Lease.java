/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * A connection for one statement, and what is undone before it goes back to where it came from. For one thread.
 *
 * <p>It goes back whatever happens: a pool that lends three connections and gets none of them back serves nobody any
 * more, and drivers and the wrappers around them throw more than {@link SQLException}. Every step of the way back is
 * therefore taken on its own. A connection that may not be as it came is aborted first: its next user would inherit our
 * time limit, or autocommit within a transaction, or the rest of an answer that was meant for us. (H2 and SQLite ignore
 * {@link Connection#abort}; there the pool's own reset has to do.)
 */
final class Lease implements AutoCloseable {
    private static final int UNCHANGED = -1;

    private final Connection connection;
    /** Whether the store has already warned of such a connection. */
    private final AtomicBoolean warned;

    private int silence = UNCHANGED;
    private boolean autoCommitTurnedOn;
    private boolean served;
    private boolean spoilt;
    private @Nullable StringBuilder failures;

    Lease(Connection connection, AtomicBoolean warned) {
        this.connection = connection;
        this.warned = warned;
    }

    Connection connection() {
        return connection;
    }

    /** A query timeout is of no use when the server has vanished: the driver cannot reach it to cancel anything. */
    void limitSilence(Duration limit) {
        int before = UNCHANGED;
        try {
            before = connection.getNetworkTimeout();
            int millis = (int) limit.toMillis();
            if (before == 0 || before > millis) {
                connection.setNetworkTimeout(Runnable::run, millis);
                silence = before;
            }
        } catch (VirtualMachineError e) {
            throw e;
        } catch (Throwable e) { // an AbstractMethodError of a driver from before JDBC 4.1, for one
            if (before != UNCHANGED && isLimitedOtherThan(before)) {
                silence = before;
            }
            Log.LOG.debug("The driver supports no network timeout: {}", StatementException.kindOf(e));
        }
    }

    /** Whether a setting that failed was made all the same. */
    private boolean isLimitedOtherThan(int before) {
        try {
            return connection.getNetworkTimeout() != before;
        } catch (Throwable e) {
            return true;
        }
    }

    void turnAutoCommitOn() throws SQLException {
        try {
            connection.setAutoCommit(true);
            autoCommitTurnedOn = true;
        } catch (Throwable e) {
            autoCommitTurnedOn = isAutoCommit();
            throw e;
        }
    }

    private boolean isAutoCommit() {
        try {
            return connection.getAutoCommit();
        } catch (Throwable e) {
            return true;
        }
    }

    /** The statement has succeeded, and that is how it ends, whatever is thrown on the way back. */
    void served() {
        served = true;
    }

    /** Nobody knows what the connection was doing when the driver broke off. */
    void spoil() {
        spoilt = true;
    }

    /** Closes a statement. One that cannot be closed may still be running. */
    void release(AutoCloseable statement) {
        spoilt |= !did("closing the statement", statement::close);
    }

    /** Never throws. */
    @Override
    public void close() {
        if (autoCommitTurnedOn) { // first, since MariaDB's driver sends it, and the time limit still holds
            spoilt |= !did("setAutoCommit", () -> connection.setAutoCommit(false));
        }
        if (silence != UNCHANGED) {
            spoilt |= !did("setNetworkTimeout", () -> connection.setNetworkTimeout(Runnable::run, silence));
        }
        if (spoilt) {
            abort();
        }
        if (!did("close", connection::close) && !isClosed()) {
            abort();
            boolean ignored = did("close", connection::close);
        }
        report();
    }

    /**
     * A pool learns from a statement that fails with class {@code 08}. Otherwise its next user would get the
     * connection, since closing it takes no notice in MariaDB's driver.
     */
    private void abort() {
        if (did("abort", () -> connection.abort(Runnable::run))) {
            try (Statement statement = connection.isValid(1) ? null : connection.createStatement()) {
                if (statement != null) {
                    boolean ignored = statement.execute("SELECT 1");
                }
            } catch (Throwable e) {
                // as it should
            }
        }
    }

    /** A pool that has its connection back calls it closed, even if it threw on the way. */
    private boolean isClosed() {
        try {
            return connection.isClosed();
        } catch (Throwable e) {
            return false;
        }
    }

    private interface Step {
        void take() throws Exception;
    }

    /** An {@link Error} as well: the steps after this one have to be taken. */
    private boolean did(String name, Step step) {
        try {
            step.take();
            return true;
        } catch (Throwable e) {
            if (failures == null) {
                failures = new StringBuilder();
            }
            failures.append(failures.length() == 0 ? "" : "; ")
                    .append(name)
                    .append(" threw ")
                    .append(StatementException.kindOf(e));
            return false;
        }
    }

    /** A statement that failed reports itself. A driver that always does this need not fill the log. */
    private void report() {
        StringBuilder what = failures;
        if (what == null) {
            return;
        }
        if (served && warned.compareAndSet(false, true)) {
            Log.LOG.warn(
                    "A statement succeeded, but its connection could not be put back as it came: {}. What else of this"
                            + " kind happens is logged at DEBUG",
                    what);
        } else {
            Log.LOG.debug("A connection could not be put back as it came: {}", what);
        }
    }
}
