/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import dev.grantkeeper.internal.refresh.Memory.Remembered;
import dev.grantkeeper.internal.refresh.Rows.Written;
import dev.grantkeeper.internal.row.VersionedRow;
import dev.grantkeeper.token.AccountKey;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * Shows others that the holder of an attempt lives, where they would soon ask again: writes the attempt once more,
 * again and again while the request is under way. Each of these writes replaces the version that carries the attempt,
 * so one that comes late changes nothing, and the flight does not wait for it. Thread-safe.
 */
final class Lease implements AutoCloseable {
    private final Rows rows;
    private final Memory memory;
    private final Workers workers;
    private final AccountKey key;
    private final String attempt;
    private final @Nullable Duration interval;
    private volatile boolean over;

    // One thread at a time, which the next one follows through the workers' queues.
    private boolean doubtful;

    /**
     * Prepares a lease.
     *
     * @param interval the time between two writes; {@code null} for none
     */
    Lease(Rows rows, Memory memory, Workers workers, AccountKey key, String attempt, @Nullable Duration interval) {
        this.rows = rows;
        this.memory = memory;
        this.workers = workers;
        this.key = key;
        this.attempt = attempt;
        this.interval = interval;
    }

    void begin() {
        if (interval != null) {
            workers.later(interval, this::due);
        }
    }

    private void due() {
        if (!over) {
            try {
                workers.read(this::renew); // token requests may hold all other threads
            } catch (RejectedExecutionException e) {
                // Everything is closing.
            }
        }
    }

    private void renew() {
        if (doubtful) {
            try {
                rows.find(key);
            } catch (IOException e) {
                begin();
                return;
            }
        }
        Remembered now = memory.get(key);
        VersionedRow mine = now == null ? null : now.grant();
        if (over || mine == null || !attempt.equals(mine.row().attempt())) {
            return; // The request has ended, or somebody else has written.
        }
        doubtful = !(rows.replace(key, mine.version(), mine.row()) instanceof Written.Won);
        begin();
    }

    @Override
    public void close() {
        over = true;
    }
}
