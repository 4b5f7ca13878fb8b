/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import java.time.Duration;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.Semaphore;

/**
 * The threads that do the work, and all waiting that the work needs. Nothing in this package waits by other means, so
 * that a simulation can take the place of real threads and real time. Implementations are thread-safe.
 */
interface Workers {
    /**
     * Runs a task that may block.
     *
     * @throws RejectedExecutionException after {@link #close}
     */
    void execute(Runnable task);

    /**
     * Runs a read of the store that callers wait for, whatever else is waiting or blocked.
     *
     * @throws RejectedExecutionException after {@link #close}
     */
    void read(Runnable task);

    /** Runs a short task later. After {@link #close} it is not run. */
    void later(Duration delay, Runnable task);

    /** Waits. Returns {@code false}, at once, when everything is closing. */
    boolean pause(Duration delay);

    /** Waits for a slot. */
    void acquire(Semaphore slots) throws InterruptedException;

    /** Ends all pauses. Running tasks may finish until the limit, then they are interrupted. */
    void close(Duration limit);
}
