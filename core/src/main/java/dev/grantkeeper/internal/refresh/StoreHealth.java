/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * Notices that the store fails, and that it is back: that a call succeeded, of whatever kind and for whichever key,
 * after one that failed. Behind a pool, a call may also wait for the store through a whole outage and succeed, so one
 * that took long counts as both. Thread-safe.
 */
final class StoreHealth {
    /** An outage of this length may have been a restart, and a restart may have lost the last writes. */
    private static final Duration RESTART = Duration.ofMillis(500);

    /**
     * The longest time by which one node finds the store back after another. Pools double the pause between two tries to
     * connect, up to 5 s, so it is no longer than the outage was, either.
     */
    private static final Duration APART = Duration.ofSeconds(6);

    private final Clocks clocks;
    private final Duration least;
    private final List<Runnable> whenDown = new CopyOnWriteArrayList<>();
    private final List<Runnable> whenBack = new CopyOnWriteArrayList<>();

    private volatile boolean failing;
    private volatile long lastSuccess;

    // guarded by this
    private long lastSuccessInRealTime = System.nanoTime();
    private boolean slow; // the last call that succeeded
    private volatile long backAt;
    private volatile boolean restarted;
    private volatile Duration settling = Duration.ZERO;

    /**
     * Begins with a store that is well.
     *
     * @param least the shortest time after an outage in which no attempt begins
     */
    StoreHealth(Clocks clocks, Duration least) {
        this.clocks = clocks;
        this.least = least;
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

    /**
     * Notes that a call succeeded.
     *
     * @param took its duration, in real time
     */
    void succeeded(Duration took) {
        long now = clocks.ticks();
        boolean waited;
        boolean back;
        synchronized (this) {
            // Whoever succeeds at the same time has to find it settling, so this comes first.
            waited = waited(took);
            back = failing || waited;
            Duration away = waited ? took : Duration.ofNanos(now - lastSuccess);
            if (back && away.compareTo(RESTART) >= 0) {
                Duration apart = away.compareTo(APART) < 0 ? away : APART;
                settling = apart.compareTo(least) < 0 ? least : apart;
                backAt = now;
                restarted = true;
            }
        }
        if (waited) {
            whenDown.forEach(Runnable::run);
        }
        lastSuccess = now;
        if (back) {
            failing = false;
            whenBack.forEach(Runnable::run);
        }
    }

    /** Whether a call took long, and nothing succeeded meanwhile. A store that is always slow is not away each time. */
    private synchronized boolean waited(Duration took) {
        long now = System.nanoTime();
        boolean alone = now - lastSuccessInRealTime >= took.toNanos();
        boolean before = slow;
        slow = took.compareTo(RESTART) >= 0;
        lastSuccessInRealTime = now;
        return slow && !before && alone && !failing;
    }
}
