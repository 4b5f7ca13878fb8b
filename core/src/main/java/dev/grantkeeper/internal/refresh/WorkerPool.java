/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import java.time.Duration;
import java.util.PriorityQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.BiConsumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Decides which task runs next, and how many run at once: callers' tasks first, then the older ones, a usual number of
 * them. Where all of these hang while a caller's task waits, a few more run, up to a bound: a store or a server that
 * hangs for some grants leaves room for the others (law 19). Threads and time come from outside, so that a simulation
 * runs the same rules. Thread-safe.
 */
final class WorkerPool {
    /** The time that a caller's task waits for its turn before more run at once. */
    private static final Duration PATIENCE = Duration.ofMillis(50);

    /** The number of tasks that are then added at once. */
    private static final int MORE = 16;

    private final int usual;
    private final int most;
    private final Executor threads;
    private final BiConsumer<Duration, Runnable> later;
    private final LongSupplier ticks;

    // guarded by this, like all that follows
    private final PriorityQueue<Queued> queue = new PriorityQueue<>();
    private int allowed;
    private int running;
    private long numbers;
    private boolean watched;
    private boolean closed;

    /**
     * Begins without tasks.
     *
     * @param usual the number of tasks that run at once
     * @param most the number of tasks that run at once where they hang
     * @param threads runs each of its tasks on a thread of its own
     * @param later runs a short task after a delay
     * @param ticks the time, in nanoseconds
     */
    WorkerPool(int usual, int most, Executor threads, BiConsumer<Duration, Runnable> later, LongSupplier ticks) {
        this.usual = usual;
        this.most = most;
        this.threads = threads;
        this.later = later;
        this.ticks = ticks;
        this.allowed = usual;
    }

    /** A task in the queue: the more urgent one first, then the older one. */
    private record Queued(Runnable task, Urgency urgency, long number, long since) implements Comparable<Queued> {
        @Override
        public int compareTo(Queued other) {
            int byUrgency = urgency.compareTo(other.urgency);
            return byUrgency == 0 ? Long.compare(number, other.number) : byUrgency;
        }
    }

    /**
     * Runs a task when it is its turn.
     *
     * @throws RejectedExecutionException after {@link #close}
     */
    void add(Runnable task, Urgency urgency) {
        synchronized (this) {
            if (closed) {
                throw new RejectedExecutionException();
            }
            queue.add(new Queued(task, urgency, ++numbers, ticks.getAsLong()));
        }
        start();
        watch();
    }

    /** Takes no more tasks. Those in the queue still run. */
    synchronized void close() {
        closed = true;
    }

    /** Forgets the tasks that have not begun. */
    synchronized void clear() {
        queue.clear();
    }

    private void start() {
        while (true) {
            synchronized (this) {
                if (queue.isEmpty() || running >= allowed) {
                    return;
                }
                running++;
            }
            try {
                threads.execute(this::work);
            } catch (RuntimeException | Error e) { // closed, or the machine has no more threads
                ended();
                throw e;
            }
        }
    }

    private void work() {
        boolean broken = true;
        try {
            for (Runnable task = next(); task != null; task = next()) {
                task.run();
            }
            broken = false;
        } finally {
            if (broken) {
                ended();
                startAgain();
            }
        }
    }

    private synchronized void ended() {
        running--;
    }

    private void startAgain() {
        try {
            start();
        } catch (RejectedExecutionException e) {
            // Closed, and callers are told so elsewhere.
        }
    }

    private synchronized @Nullable Runnable next() {
        Queued first = running > allowed ? null : queue.poll();
        if (first == null) {
            running--;
            return null;
        }
        if (!closed) {
            boolean unused = Thread.interrupted(); // the last task's, not the next one's
        }
        return first.task();
    }

    private void watch() {
        synchronized (this) {
            if (queue.isEmpty()) {
                allowed = usual;
                return;
            }
            if (watched) {
                return;
            }
            watched = true;
        }
        later.accept(PATIENCE, this::look);
    }

    private void look() {
        synchronized (this) {
            watched = false;
            Queued first = queue.peek();
            if (first != null
                    && first.urgency() == Urgency.CALLER
                    && ticks.getAsLong() - first.since() >= PATIENCE.toNanos()) {
                allowed = Math.min(most, allowed + MORE);
            }
        }
        startAgain();
        watch();
    }
}
