/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import dev.grantkeeper.token.AccountKey;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Looks after an outage whether the store still has what this node wrote last. A database that confirms writes before
 * they are on disk, or a standby that takes over, may have lost them, and the next node to refresh would send a spent
 * refresh token. Reading a row is all that is needed: {@link Rows#find} writes a lost one again. Thread-safe.
 */
final class LostWrites {
    /** More than databases lose. */
    private static final Duration LAST = Duration.ofMinutes(1);

    /**
     * A row that was written so long ago and is still there after an outage is on the disk, and no longer looked at.
     */
    private static final Duration SAFE = Duration.ofSeconds(5);

    /** Rows that are read at once. */
    private static final int AT_ONCE = 4;

    private final Rows rows;
    private final Memory memory;
    private final Workers workers;
    private final Clocks clocks;
    private final Duration pause;

    // guarded by this
    private final Deque<AccountKey> suspects = new ArrayDeque<>();
    private boolean looking;
    private boolean asking;
    private int readers;

    private LostWrites(Rows rows, Memory memory, Workers workers, Clocks clocks, Timing timing) {
        this.rows = rows;
        this.memory = memory;
        this.workers = workers;
        this.clocks = clocks;
        this.pause = timing.betweenSaves();
    }

    /** Looks after each outage from now on. */
    static void lookFor(Rows rows, Memory memory, Workers workers, Clocks clocks, Timing timing) {
        LostWrites lost = new LostWrites(rows, memory, workers, clocks, timing);
        rows.health().whenDown(lost::storeIsDown);
        rows.health().whenBack(lost::storeIsBack);
        rows.health().whenInDoubt(lost::storeMayBeDown);
    }

    private void storeIsDown() {
        List<AccountKey> last = memory.writtenSince(rows.health().lastSuccess() - LAST.toNanos());
        synchronized (this) {
            suspects.removeAll(Set.copyOf(last)); // a list would be searched for each of them
            suspects.addAll(last);
        }
        lookLater();
    }

    /**
     * Reads another row, the one that was written last, by which a node that calls for nothing else notices the outage.
     */
    private void storeMayBeDown(AccountKey failed) {
        synchronized (this) {
            if (asking) {
                return;
            }
            asking = true;
        }
        AccountKey another = memory.writtenSince(clocks.ticks() - LAST.toNanos()).stream()
                .filter(key -> !key.equals(failed))
                .findFirst()
                .orElse(null);
        boolean started = another != null
                && read(() -> {
                    boolean unused = isThere(another);
                    // Not at once: a row that nobody can read is called for again and again.
                    workers.later(pause, this::stopAsking);
                });
        if (!started) {
            stopAsking();
        }
    }

    private synchronized void stopAsking() {
        asking = false;
    }

    /**
     * Each row that is to be written again makes a store that can only be read come back and go away, so there are
     * never more readers than {@link #AT_ONCE}.
     */
    private void storeIsBack() {
        while (addReader()) {
            if (!read(this::readAll)) {
                removeReader();
                return;
            }
        }
    }

    private synchronized boolean addReader() {
        boolean wanted = readers < AT_ONCE && !suspects.isEmpty();
        readers += wanted ? 1 : 0;
        return wanted;
    }

    private synchronized void removeReader() {
        readers--;
    }

    /** Looks until the store is back: the node that wrote last has to notice before others refresh. */
    private void lookLater() {
        synchronized (this) {
            if (looking || suspects.isEmpty()) {
                return;
            }
            looking = true;
        }
        long half = pause.toNanos() / 2;
        workers.later(
                Duration.ofNanos(half + clocks.random(half)),
                () -> readLater(() -> {
                    boolean more = rows.health().isFailing() && readOne(next(Deque::pollLast));
                    synchronized (this) {
                        looking = false;
                    }
                    if (more || rows.health().isFailing()) {
                        lookLater();
                    }
                }));
    }

    /** Reads one row after the other, until there are none, or one fails. */
    private void readAll() {
        AccountKey key = nextOrLeave();
        while (key != null) {
            if (!readOne(key)) {
                removeReader();
                return;
            }
            key = nextOrLeave();
        }
    }

    private synchronized @Nullable AccountKey nextOrLeave() {
        AccountKey key = suspects.pollFirst();
        if (key == null) {
            readers--; // in one step: a row that is added now finds a reader less
        }
        return key;
    }

    private synchronized @Nullable AccountKey next(Function<Deque<AccountKey>, @Nullable AccountKey> which) {
        return which.apply(suspects);
    }

    /** Reads one of the rows. Returns whether that succeeded. */
    private boolean readOne(@Nullable AccountKey key) {
        if (key == null) {
            return false;
        }
        if (isThere(key)) {
            memory.outlasted(key, clocks.ticks() - SAFE.toNanos());
            return true;
        }
        synchronized (this) {
            suspects.addLast(key);
        }
        return false;
    }

    private boolean isThere(AccountKey key) {
        try {
            Memory.Remembered unused = rows.find(key);
            return true;
        } catch (IOException e) {
            return false; // the store's health knows
        }
    }

    private void readLater(Runnable task) {
        boolean unused = read(task); // closed: nobody looks any more
    }

    private boolean read(Runnable task) {
        try {
            workers.read(task);
            return true;
        } catch (RejectedExecutionException e) {
            return false;
        }
    }
}
