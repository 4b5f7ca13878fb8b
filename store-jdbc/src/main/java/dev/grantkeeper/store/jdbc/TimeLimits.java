/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;

/**
 * Cancels statements that take too long, for a driver whose own limit costs too much: PostgreSQL's makes a timer task
 * for each statement that has one, and wakes a thread for it, which is a tenth of what a read by primary key costs.
 * Here one thread looks at the statements under way four times a second, and ends when there have been none for a
 * while. Thread-safe.
 */
final class TimeLimits {
    private static final long TICK = TimeUnit.MILLISECONDS.toNanos(250);
    private static final int IDLE_TICKS = 40;

    private final Set<Limit> underWay = ConcurrentHashMap.newKeySet();
    private final AtomicBoolean watching = new AtomicBoolean();

    /** A statement under way; no two of them are equal. */
    private static final class Limit {
        private final Statement statement;
        private final long end;

        Limit(Statement statement, long end) {
            this.statement = statement;
            this.end = end;
        }

        boolean isPast() {
            return System.nanoTime() - end >= 0;
        }

        /** The driver makes sure that a cancel at this moment hits this statement or nothing. */
        void cancel() {
            try {
                statement.cancel();
            } catch (SQLException e) {
                Log.LOG.debug("A statement that took too long was not cancelled: SQLState {}", e.getSQLState());
            } catch (RuntimeException e) {
                Log.LOG.debug(
                        "A statement that took too long was not cancelled: {}",
                        e.getClass().getName());
            }
        }
    }

    /** Does the work with a statement, which is cancelled if that takes so long, a quarter of a second more or less. */
    <T> T within(Duration time, PreparedStatement statement, Statements.Work<T> work) throws SQLException {
        Limit limit = new Limit(statement, System.nanoTime() + time.toNanos());
        underWay.add(limit);
        if (!watching.get() && watching.compareAndSet(false, true)) {
            Thread watch = new Thread(this::watch, "grantkeeper-jdbc-time-limits");
            watch.setDaemon(true);
            watch.start();
        }
        try {
            return work.on(statement);
        } finally {
            underWay.remove(limit);
        }
    }

    private void watch() {
        int idle = 0;
        do {
            LockSupport.parkNanos(TICK);
            idle = underWay.isEmpty() ? idle + 1 : 0;
            underWay.removeIf(limit -> {
                boolean past = limit.isPast();
                if (past) {
                    limit.cancel();
                }
                return past;
            });
        } while (idle < IDLE_TICKS || !mayEnd());
    }

    /**
     * A statement that comes after the first line starts another thread; for one that came before it this one goes on.
     */
    private boolean mayEnd() {
        watching.set(false);
        return underWay.isEmpty() || !watching.compareAndSet(false, true);
    }
}
