/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import dev.grantkeeper.token.AccountKey;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Notices that the store fails, and that it is back: that a call succeeded, of whatever kind and for whichever key,
 * after one that failed. Behind a pool, a call may also wait for the store through a whole outage and succeed, so one
 * that took long counts as both. A row that fails alone, while others do not, shows an outage twice, and then no more
 * until it was read or written: all others would wait for it again and again. Thread-safe.
 */
final class StoreHealth {
    /** An outage of this length may have been a restart, and a restart may have lost the last writes. */
    private static final Duration RESTART = Duration.ofMillis(500);

    /**
     * The longest time by which one node finds the store back after another. Pools double the pause between two tries
     * to connect, up to this, so it is no longer than the outage was, either.
     */
    private static final Duration APART = Duration.ofSeconds(5);

    /** The number of failures after which a row that failed alone shows no outage. */
    private static final int TWICE = 2;

    /** The number of rows whose own failures are remembered. */
    private static final int REMEMBERED = 10_000;

    private final Clocks clocks;
    private final Duration writing;
    private final LongSupplier realTime;
    /** The keys that failed alone since their last success, and how often. */
    private final Map<AccountKey, Integer> alone = new ConcurrentHashMap<>();

    private volatile @Nullable AccountKey first;
    private volatile boolean several;

    private final List<Runnable> whenDown = new CopyOnWriteArrayList<>();
    private final List<Runnable> whenBack = new CopyOnWriteArrayList<>();

    private volatile boolean failing;
    private volatile long lastSuccess;

    // guarded by this
    private long lastSuccessInRealTime;
    private boolean succeededBefore;
    private boolean slow; // the last call that succeeded
    private volatile long backAt;
    private volatile boolean restarted;
    private volatile Duration settling = Duration.ZERO;

    /**
     * Begins with a store that is well.
     *
     * @param writing the time that nodes get to write again what is lost, once all of them have found the store back
     */
    StoreHealth(Clocks clocks, Duration writing) {
        this(clocks, writing, System::nanoTime);
    }

    /**
     * The same by another real time.
     *
     * @param realTime the time that calls of the store take, in nanoseconds
     */
    StoreHealth(Clocks clocks, Duration writing, LongSupplier realTime) {
        this.clocks = clocks;
        this.writing = writing;
        this.realTime = realTime;
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

    void failed(AccountKey key) {
        several |= !key.equals(first);
        if (!failing && alone.getOrDefault(key, 0) < TWICE) {
            first = key;
            several = false;
            failing = true;
            whenDown.forEach(Runnable::run);
        }
    }

    /**
     * Notes that a call succeeded.
     *
     * @param took its duration, in real time
     */
    void succeeded(AccountKey key, Duration took) {
        alone.remove(key);
        long now = clocks.ticks();
        boolean waited;
        boolean back;
        synchronized (this) {
            // Another call that succeeds at the same time has to find it settling, so this comes first.
            waited = waited(took);
            back = failing || waited;
            Duration away = waited ? took : Duration.ofNanos(now - lastSuccess);
            if (back && away.compareTo(RESTART) >= 0) {
                Duration apart = away.compareTo(APART) < 0 ? away : APART;
                settling = apart.plus(writing);
                backAt = now;
                restarted = true;
            }
        }
        if (waited) {
            whenDown.forEach(Runnable::run);
        }
        lastSuccess = now;
        if (back) {
            AccountKey failed = first;
            if (failing && failed != null && !several && !failed.equals(key) && alone.size() < REMEMBERED) {
                alone.merge(failed, 1, Integer::sum);
            }
            failing = false;
            whenBack.forEach(Runnable::run);
        }
    }

    /**
     * Whether a call took long, and nothing succeeded meanwhile. A store that is always slow is not away each time, and
     * the first call of a node may only have opened a connection.
     */
    private synchronized boolean waited(Duration took) {
        long now = realTime.getAsLong();
        boolean nothingElse = succeededBefore && now - lastSuccessInRealTime >= took.toNanos();
        boolean before = slow;
        slow = took.compareTo(RESTART) >= 0;
        lastSuccessInRealTime = now;
        succeededBefore = true;
        return slow && !before && nothingElse && !failing;
    }
}
