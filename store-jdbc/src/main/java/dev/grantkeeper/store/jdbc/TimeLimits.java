/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;

/**
 * Ends what takes too long, where neither driver nor pool does it, or not cheaply. PostgreSQL's driver makes a timer
 * task for each statement that has a limit, and wakes a thread for it, which is a tenth of what a read by primary key
 * costs; some pools let a thread wait for a connection forever unless they are configured. Here one thread looks at all
 * that is under way four times a second, and ends when there has been nothing for a while. Thread-safe.
 */
final class TimeLimits {
    private static final long TICK = TimeUnit.MILLISECONDS.toNanos(250);
    private static final int IDLE_TICKS = 40;

    private final Set<Limit> underWay = ConcurrentHashMap.newKeySet();
    private final AtomicBoolean watching = new AtomicBoolean();

    /** What has a limit. */
    interface Work<T> {
        T run() throws SQLException;
    }

    /** Something under way; no two of them are equal. */
    private abstract static class Limit {
        private final long end;

        Limit(Duration time) {
            this.end = System.nanoTime() + time.toNanos();
        }

        boolean isPast() {
            return System.nanoTime() - end >= 0;
        }

        @Override
        public boolean equals(Object other) {
            return this == other;
        }

        /** The JDK's own, of an object that is hashed once, costs more than all the rest here. */
        @Override
        public int hashCode() {
            return Long.hashCode(end);
        }

        /** Does something about it, and returns whether that was all that can be done. */
        abstract boolean enforce();

        /** It has come to its end. */
        abstract void end();
    }

    private static final class Cancelling extends Limit {
        private final Statement statement;
        private volatile boolean ended;

        Cancelling(Duration time, Statement statement) {
            super(time);
            this.statement = statement;
        }

        /** On a thread of its own: if the server has vanished, a cancel hangs, and others are due. */
        @Override
        boolean enforce() {
            start("grantkeeper-jdbc-cancel", this::cancel);
            return true;
        }

        /** The driver makes sure that a cancel at this moment hits this statement or nothing. */
        private void cancel() {
            try {
                if (!ended) {
                    statement.cancel();
                }
            } catch (Throwable e) {
                Log.LOG.debug("A statement that took too long was not cancelled: {}", StatementException.kindOf(e));
            }
        }

        @Override
        void end() {
            ended = true;
        }
    }

    private static final class Interrupting extends Limit {
        private final Thread thread = Thread.currentThread();

        // guarded by this
        private boolean ended;

        // guarded by this
        private boolean interrupted;

        Interrupting(Duration time) {
            super(time);
        }

        /**
         * Only a thread that waits, as in the queue of a pool. One that reads or writes would not notice, or would
         * notice too well: H2 closes the file under all its users if the thread that opens it is interrupted. It may
         * wait later, so this is never all.
         */
        @Override
        synchronized boolean enforce() {
            Thread.State state = thread.getState();
            if (!ended && (state == Thread.State.WAITING || state == Thread.State.TIMED_WAITING)) {
                interrupted = true;
                thread.interrupt();
            }
            return false;
        }

        /** The interrupt was ours, and is nothing that the caller should meet in its next wait. */
        @Override
        synchronized void end() {
            ended = true;
            if (interrupted) {
                boolean ignored = Thread.interrupted();
            }
        }
    }

    /** Does the work with a statement, which is cancelled if that takes so long, a quarter of a second more or less. */
    <T> T cancelling(Duration time, Statement statement, Work<T> work) throws SQLException {
        return within(new Cancelling(time, statement), work);
    }

    /** Does work in which this thread may have to wait, and interrupts the wait if the work takes so long. */
    <T> T interrupting(Duration time, Work<T> work) throws SQLException {
        return within(new Interrupting(time), work);
    }

    private <T> T within(Limit limit, Work<T> work) throws SQLException {
        underWay.add(limit);
        try {
            if (!watching.get()
                    && watching.compareAndSet(false, true)
                    && !start("grantkeeper-jdbc-time-limits", this::watch)) {
                watching.set(false); // the next one tries again
            }
            return work.run();
        } finally {
            underWay.remove(limit);
            limit.end();
        }
    }

    /** Threads that outlive the caller: they take nothing of its context with them. */
    private static boolean start(String name, Runnable task) {
        try {
            Thread thread = new Thread(null, task, name, 0, false);
            thread.setDaemon(true);
            thread.setContextClassLoader(TimeLimits.class.getClassLoader());
            thread.start();
            return true;
        } catch (Throwable e) { // the system has no more threads
            Log.LOG.debug("There is no thread to watch over statements: {}", StatementException.kindOf(e));
            return false;
        }
    }

    private void watch() {
        int idle = 0;
        do {
            LockSupport.parkNanos(TICK);
            idle = underWay.isEmpty() ? idle + 1 : 0;
            try {
                underWay.removeIf(limit -> limit.isPast() && limit.enforce());
            } catch (Throwable e) { // this thread has to go on: nobody starts another one
                Log.LOG.debug("A limit was not enforced: {}", StatementException.kindOf(e));
            }
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
