/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import dev.grantkeeper.internal.row.StoredGrant;
import dev.grantkeeper.token.AccountKey;
import java.time.Duration;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The rows that were seen lately, parsed and opened, least used out first (law 7). There is no other cache. Thread-safe.
 *
 * <p>A read that was under way while this node wrote may bring what stood there before. Everything is therefore stamped: a
 * read counts only if nothing was noted for its key since it began.
 */
final class Memory {
    /** What is remembered of one row. */
    static final class Remembered {
        private final @Nullable StoredGrant grant;
        private final Limits limits;
        private final long attemptSince;
        private final long stamp;
        private volatile long checkedAt;
        private volatile long nextBackground;

        private Remembered(@Nullable StoredGrant grant, Limits limits, long attemptSince, long stamp, long now) {
            this.grant = grant;
            this.limits = limits;
            this.attemptSince = attemptSince;
            this.stamp = stamp;
            this.checkedAt = now;
            this.nextBackground = now;
        }

        /** The row; {@code null} if there is none. */
        @Nullable
        StoredGrant grant() {
            return grant;
        }

        Limits limits() {
            return limits;
        }

        /** When the attempt that stands in the row was first seen here, by the monotonic clock. */
        long attemptSince() {
            return attemptSince;
        }

        boolean trusted(Time time, Duration trust) {
            return time.since(checkedAt).compareTo(trust) < 0;
        }

        /** The store could not be asked; what is remembered has to do for a while. */
        void trustAgain(Time time) {
            checkedAt = time.ticks();
        }

        /** Whether a refresh behind the scenes may be started now: once a second at most. */
        boolean mayStartBackground(Time time) {
            long now = time.ticks();
            if (now - nextBackground < 0) {
                return false;
            }
            nextBackground = now + Duration.ofSeconds(1).toNanos();
            return true;
        }
    }

    private final Time time;
    private final int capacity;

    // guarded by this
    private final LinkedHashMap<AccountKey, Remembered> rows = new LinkedHashMap<>(16, 0.75f, true);

    // guarded by this
    private long stamps;

    Memory(Time time, int capacity) {
        this.time = time;
        this.capacity = capacity;
    }

    synchronized @Nullable Remembered get(AccountKey key) {
        return rows.get(key);
    }

    /** To be taken before a row is read. */
    synchronized long stamp() {
        return ++stamps;
    }

    /** Notes what a read brought, unless something newer is known. */
    synchronized Remembered read(AccountKey key, @Nullable StoredGrant grant, long stamp) {
        Remembered before = rows.get(key);
        if (before != null && before.stamp > stamp) {
            return before;
        }
        return put(key, grant, stamp);
    }

    /** Notes what this node wrote. */
    synchronized Remembered wrote(AccountKey key, @Nullable StoredGrant grant) {
        return put(key, grant, ++stamps);
    }

    // guarded by this
    private Remembered put(AccountKey key, @Nullable StoredGrant grant, long stamp) {
        long now = time.ticks();
        Remembered before = rows.get(key);
        StoredGrant known = before == null ? null : before.grant;
        String attempt = grant == null ? null : grant.row().attempt();
        boolean sameAttempt = before != null
                && known != null
                && attempt != null
                && attempt.equals(known.row().attempt());
        boolean sameTokens = before != null
                && known != null
                && grant != null
                && known.row().tokens() != null
                && known.row().tokens().equals(grant.row().tokens());
        Remembered after = new Remembered(
                grant,
                // The monotonic bound counts from when these tokens were seen first, not from when they were read last.
                sameTokens && before != null
                        ? before.limits
                        : Limits.of(grant == null ? null : grant.row().tokens(), time),
                sameAttempt && before != null ? before.attemptSince : now,
                stamp,
                now);
        if (before != null && sameTokens) {
            after.nextBackground = before.nextBackground;
        }
        rows.put(key, after);
        if (rows.size() > capacity) {
            Iterator<Map.Entry<AccountKey, Remembered>> oldest = rows.entrySet().iterator();
            oldest.next();
            oldest.remove();
        }
        return after;
    }
}
