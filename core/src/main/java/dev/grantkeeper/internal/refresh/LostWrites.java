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
    }

    private void storeIsDown() {
        List<AccountKey> last = memory.writtenSince(rows.health().lastSuccess() - LAST.toNanos());
        synchronized (this) {
            suspects.removeAll(Set.copyOf(last)); // a list would be searched for each of them
            suspects.addAll(last);
        }
        lookLater();
    }

    private void storeIsBack() {
        for (int i = 0; i < AT_ONCE; i++) {
            read(this::readAll);
        }
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
                () -> read(() -> {
                    boolean more = rows.health().isFailing() && readOne(Deque::pollLast);
                    synchronized (this) {
                        looking = false;
                    }
                    if (more || rows.health().isFailing()) {
                        lookLater();
                    }
                }));
    }

    private void readAll() {
        while (readOne(Deque::pollFirst)) {
            // and the next
        }
    }

    /** Reads one of the rows. Returns whether that succeeded. */
    private boolean readOne(Function<Deque<AccountKey>, @Nullable AccountKey> which) {
        AccountKey key;
        synchronized (this) {
            key = which.apply(suspects);
        }
        if (key == null) {
            return false;
        }
        try {
            Memory.Remembered unused = rows.find(key);
            memory.outlasted(key, clocks.ticks() - SAFE.toNanos());
            return true;
        } catch (IOException e) {
            synchronized (this) {
                suspects.addLast(key);
            }
            return false;
        }
    }

    private void read(Runnable task) {
        try {
            workers.read(task);
        } catch (RejectedExecutionException e) {
            // Closed: nobody looks any more.
        }
    }
}
