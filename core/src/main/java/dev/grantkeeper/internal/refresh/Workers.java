/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import java.time.Duration;
import java.util.concurrent.RejectedExecutionException;

/**
 * The threads that do the work, and all waiting that the work needs. Nothing in this package waits by other means, so
 * that a simulation can take the place of real threads and real time. Implementations are thread-safe.
 */
interface Workers {
    /**
     * Runs a task that may block. Tasks that callers wait for go before all others.
     *
     * @throws RejectedExecutionException after {@link #close}
     */
    void execute(Runnable task, Urgency urgency);

    /**
     * Runs a call of the store that callers wait for, or others, whatever else waits or blocks.
     *
     * @throws RejectedExecutionException after {@link #close}
     */
    void read(Runnable task);

    /** Runs a short task after a delay. After {@link #close} it is not run. */
    void later(Duration delay, Runnable task);

    /** Pauses for a moment, on the thread; returns {@code false}, at once, when everything is closing. */
    boolean pause(Duration delay);

    /** Throws again what ends a thread of a simulation, which nothing may catch. Nothing else is such. */
    default void letThrough(Throwable thrown) {}

    /** The time in which pauses pass, in nanoseconds from anywhere. Unlike the clocks, it is not an application's. */
    default long ticks() {
        return System.nanoTime();
    }

    /** Ends all pauses. Running tasks may finish until the limit, then they are interrupted. */
    void close(Duration limit);
}
