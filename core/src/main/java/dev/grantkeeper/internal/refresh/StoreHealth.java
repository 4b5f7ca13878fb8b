/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import dev.grantkeeper.token.AccountKey;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * Notices that the store fails, and that it is back: that a call succeeded, of whatever kind and for whichever key,
 * after one that failed. Behind a pool, a call may also wait for the store through a whole outage and succeed, so one
 * that took long counts as both. A row that fails while others do not shows an outage twice; then its failures are only
 * a doubt, until it was read or written, and another row has to tell. A call that hung while others succeeded shows
 * none: everybody would wait for that row, again and again. Where nothing else succeeds before it, that row shows its
 * outage when it succeeds. An outage in which a node called nothing, or waited for less than half a second, is not
 * noticed: nothing tells it from a slow call. Thread-safe.
 */
final class StoreHealth {
    /** An outage of this length may have been a restart, and a restart may have lost the last writes. */
    private static final Duration RESTART = Duration.ofMillis(500);

    /**
     * The longest time by which one node finds the store back after another. Pools double the pause between two tries
     * to connect, up to this, so it is no longer than the outage was, either.
     */
    private static final Duration APART = Duration.ofSeconds(5);

    /** The number of outages that a row shows by failing, before it is taken for the one that fails. */
    private static final int TWICE = 2;

    /** The number of rows whose own failures are remembered. */
    private static final int REMEMBERED = 10_000;

    private final Clocks clocks;
    private final Duration writing;
    private final LongSupplier realTime;
    /** The keys that failed in outages since their last success, and in how many. */
    private final Map<AccountKey, Integer> stuck = new ConcurrentHashMap<>();
    /** The keys that have failed since a call succeeded. */
    private final Set<AccountKey> down = ConcurrentHashMap.newKeySet();

    private final List<Runnable> whenDown = new CopyOnWriteArrayList<>();
    private final List<Runnable> whenBack = new CopyOnWriteArrayList<>();
    private final List<Consumer<AccountKey>> whenInDoubt = new CopyOnWriteArrayList<>();

    private volatile boolean failing;
    private volatile long lastSuccess;

    // guarded by this
    private long lastSuccessInRealTime;
    private boolean succeededBefore;
    private boolean slow; // the last call that succeeded
    private volatile long backAt;
    private volatile int restarts;
    private volatile Duration settling = Duration.ZERO;

    /**
     * Begins with a store that is well.
     *
     * @param writing the time that nodes get to write again what is lost, once all of them have found the store back
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

    /** Adds a short task to run with the key of a row that fails and may be the only one. */
    void whenInDoubt(Consumer<AccountKey> task) {
        whenInDoubt.add(task);
    }

    /** Whether the last call failed. */
    boolean isFailing() {
        return failing;
    }

    /**
     * The latest time at which a call began that succeeded, by the monotonic clock. Its answer may have come later than
     * the store went away: a process that stood still reads it then.
     */
    long lastSuccess() {
        return lastSuccess;
    }

    /** The number of outages so far that may have been restarts. */
    int restarts() {
        return restarts;
    }

    /** Whether the store has just come back. Who wrote last may have to write again first. */
    boolean isSettling() {
        return restarts > 0 && clocks.since(backAt).compareTo(settling) < 0;
    }

    /** Whether an outage that may have been a restart has ended since a time by the monotonic clock. */
    boolean hasBeenAwaySince(long ticks) {
        return restarts > 0 && backAt - ticks >= 0;
    }

    /** The time at which a call begins. */
    long now() {
        return clocks.ticks();
    }

    /**
     * Notes that a call failed.
     *
     * @param since the time at which it began
     */
    void failed(AccountKey key, long since) {
        if (lastSuccess - since >= RESTART.toNanos()) {
            return; // It hung while another call began and succeeded.
        }
        if (down.size() < REMEMBERED) {
            down.add(key);
        }
        if (failing) {
            return;
        }
        if (stuck.getOrDefault(key, 0) < TWICE) {
            failing = true;
            whenDown.forEach(Runnable::run);
        } else {
            whenInDoubt.forEach(task -> task.accept(key));
        }
    }

    /**
     * Notes that a call succeeded.
     *
     * @param since the time at which it began; the store was there at some moment after that
     * @param took its duration, in real time
     */
    void succeeded(AccountKey key, long since, Duration took) {
        stuck.remove(key);
        boolean hasFailed = down.remove(key);
        long now = clocks.ticks();
        boolean unnoticed;
        boolean back;
        synchronized (this) {
            // Another call that succeeds at the same time has to find it settling, so this comes first.
            boolean started = succeededBefore;
            // A call that waited may have begun late in an outage: that may have lasted since anything succeeded.
            Duration withoutSuccess = Duration.ofNanos(realTime.getAsLong() - lastSuccessInRealTime);
            boolean waited = waited(took);
            // A node that starts in an outage does not know how long it was.
            Duration away = waited ? withoutSuccess : started ? Duration.ofNanos(now - lastSuccess) : APART;
            boolean longEnough = away.compareTo(RESTART) >= 0;
            // A row that was taken for the only one that fails is back, and nothing shows that others did not fail.
            unnoticed = waited || (hasFailed && !failing && longEnough);
            back = failing || unnoticed;
            if (back && longEnough) {
                Duration apart = away.compareTo(APART) < 0 ? away : APART;
                settling = apart.plus(writing);
                backAt = now;
                restarts++;
            }
        }
        if (unnoticed) {
            whenDown.forEach(Runnable::run);
        }
        began(since);
        if (back) {
            down.forEach(other -> {
                if (stuck.size() < REMEMBERED) {
                    stuck.merge(other, 1, Integer::sum);
                }
            });
            down.clear();
            failing = false;
            whenBack.forEach(Runnable::run);
        }
    }

    private synchronized void began(long since) {
        if (since - lastSuccess > 0) {
            lastSuccess = since;
        }
    }

    /**
     * Whether a call took long, and nothing succeeded meanwhile. A store that is always slow is not away each time;
     * after an outage, many calls succeed at once. The first call of a node may only have opened a connection.
     */
    private synchronized boolean waited(Duration took) {
        long now = realTime.getAsLong();
        boolean nothingElse = succeededBefore && now - lastSuccessInRealTime >= took.toNanos();
        boolean before = slow;
        slow = nothingElse && took.compareTo(RESTART) >= 0;
        lastSuccessInRealTime = now;
        succeededBefore = true;
        return slow && !before && !failing;
    }
}
