/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * Notices that the store fails, and that it is back: that a call succeeded, of whatever kind and for whichever key,
 * after one that failed. Thread-safe.
 */
final class StoreHealth {
    /** An outage of this length may have been a restart, and a restart may have lost the last writes. */
    private static final Duration RESTART = Duration.ofMillis(500);

    private final Clocks clocks;
    private final Duration settling;
    private final List<Runnable> whenDown = new CopyOnWriteArrayList<>();
    private final List<Runnable> whenBack = new CopyOnWriteArrayList<>();

    private volatile boolean failing;
    private volatile long lastSuccess;
    private volatile long backAt;
    private volatile boolean restarted;

    /**
     * Begins with a store that is well.
     *
     * @param settling the time after an outage in which no attempt begins
     */
    StoreHealth(Clocks clocks, Duration settling) {
        this.clocks = clocks;
        this.settling = settling;
        this.lastSuccess = clocks.ticks();
    }

    /** Adds a short task to run as soon as the store fails. */
    void whenDown(Runnable task) {
        whenDown.add(task);
    }

    /** Adds a short task to run as soon as the store is back. */
    void whenBack(Runnable task) {
        whenBack.add(task);
    }

    /** Whether the last call failed. */
    boolean isFailing() {
        return failing;
    }

    /** The time of the last call that succeeded, by the monotonic clock. */
    long lastSuccess() {
        return lastSuccess;
    }

    /** Whether the store has just come back. Who wrote last may have to write again first. */
    boolean isSettling() {
        return restarted && clocks.since(backAt).compareTo(settling) < 0;
    }

    void failed() {
        if (!failing) {
            failing = true;
            whenDown.forEach(Runnable::run);
        }
    }

    void succeeded() {
        long now = clocks.ticks();
        if (failing) {
            if (Duration.ofNanos(now - lastSuccess).compareTo(RESTART) >= 0) {
                backAt = now;
                restarted = true;
            }
            lastSuccess = now;
            failing = false;
            whenBack.forEach(Runnable::run);
        } else {
            lastSuccess = now;
        }
    }
}
