/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import dev.grantkeeper.internal.protocol.Resource;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.row.VersionedRow;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.TokenSet;
import java.time.Duration;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The rows that were seen lately, parsed and opened, least used out first (law 7). There is no other cache.
 * Thread-safe.
 *
 * <p>What comes back first did not necessarily happen first. Everything is therefore stamped when it begins: a read
 * that began before this node wrote may bring what stood there before, and does not count; a write may come back when
 * more has happened to its row, and does not count either. Of two that cross and tell different things nobody knows
 * which is newer; that is noted as a doubt, and the store is asked again.
 */
final class Memory {
    /** What is remembered of one row. */
    static final class Remembered {
        private final @Nullable VersionedRow grant;
        private final Map<Resource, Seen> seen;
        private final TokenLimits none;
        private final long attemptSince;
        private final long stamp;
        private volatile long checkedAt;
        private volatile long nextBackground;
        private volatile boolean doubted;

        // guarded by the memory
        private boolean written;
        private @Nullable String over; // the version that this node replaced, if it wrote this
        private long noted;

        private Remembered(
                @Nullable VersionedRow grant,
                Map<Resource, Seen> seen,
                TokenLimits none,
                long attemptSince,
                long stamp,
                long now) {
            this.grant = grant;
            this.seen = seen;
            this.none = none;
            this.attemptSince = attemptSince;
            this.stamp = stamp;
            this.checkedAt = now;
            this.nextBackground = now;
        }

        /** The row; {@code null} if there is none. */
        @Nullable
        VersionedRow grant() {
            return grant;
        }

        /** Until when the access token for a resource is of use. */
        TokenLimits limits(Resource resource) {
            Seen its = seen.get(resource);
            return its == null ? none : its.limits();
        }

        /** The tokens for a resource, as far as there are any. */
        @Nullable
        TokenSet tokens(Resource resource) {
            return grant == null ? null : grant.row().state(resource).tokens();
        }

        /** When the attempt that stands in the row was first seen here, by the monotonic clock. */
        long attemptSince() {
            return attemptSince;
        }

        /** Whether another read or write, at the same time, told otherwise. */
        boolean doubted() {
            return doubted;
        }

        /** Whether this node saw another access token in the row, and this one instead of it so short a time ago. */
        boolean tokensChangedWithin(Duration limit, Resource resource, Clocks clocks) {
            Seen its = seen.get(resource);
            return its != null && its.changed() && clocks.since(its.changedAt()).compareTo(limit) < 0;
        }

        boolean trusted(Clocks clocks, Duration trust) {
            return !doubted && clocks.since(checkedAt).compareTo(trust) < 0;
        }

        /** The store could not be asked; what is remembered has to do for a while. */
        void trustAgain(Clocks clocks) {
            checkedAt = clocks.ticks();
            doubted = false;
        }

        /** Whether a refresh behind the scenes may be started now: once a second at most. */
        boolean mayStartBackground(Clocks clocks) {
            long now = clocks.ticks();
            if (now - nextBackground < 0) {
                return false;
            }
            nextBackground = now + Duration.ofSeconds(1).toNanos();
            return true;
        }
    }

    /**
     * How long one of the access tokens in a row has been known.
     *
     * @param limits counted from when it was seen first
     * @param changed whether there was another one before
     * @param changedAt when that was
     */
    private record Seen(TokenLimits limits, boolean changed, long changedAt) {}

    private final Clocks clocks;
    private final int capacity;

    // guarded by this
    private final LinkedHashMap<AccountKey, Remembered> rows = new LinkedHashMap<>(16, 0.75f, true);

    // guarded by this
    private long stamps;

    Memory(Clocks clocks, int capacity) {
        this.clocks = clocks;
        this.capacity = capacity;
    }

    synchronized @Nullable Remembered get(AccountKey key) {
        return rows.get(key);
    }

    /** To be taken before a row is read. */
    synchronized long stamp() {
        return ++stamps;
    }

    /** What is known if a read brought less: the store has lost what it once had. */
    synchronized @Nullable GrantRow lostSince(AccountKey key, VersionedRow read, long stamp) {
        Remembered before = rows.get(key);
        GrantRow known = before == null || before.grant == null ? null : before.grant.row();
        return before != null
                        && known != null
                        && before.noted < stamp
                        && known.login().equals(read.row().login())
                        && known.refreshes() > read.row().refreshes()
                ? known
                : null;
    }

    /** Notes what a read brought, unless something newer is known. */
    synchronized Remembered read(AccountKey key, @Nullable VersionedRow grant, long stamp) {
        Remembered before = rows.get(key);
        boolean crossed = before != null
                && before.noted > stamp
                && !Objects.equals(versionOf(before.grant), versionOf(grant))
                && !(grant != null && before.written && grant.version().equals(before.over));
        Remembered after = before != null && before.stamp > stamp ? before : put(key, grant, stamp);
        if (crossed) {
            after.doubted = true;
        }
        return after;
    }

    /**
     * Notes what this node wrote, unless something newer is known: others may have read or written more before this
     * write came back.
     *
     * @param over the version that was replaced; {@code null} if there was none
     * @param stamp taken before the write
     */
    synchronized void wrote(AccountKey key, @Nullable String over, @Nullable VersionedRow grant, long stamp) {
        Remembered before = rows.get(key);
        if (before != null && before.stamp > stamp) {
            boolean alreadyReplaced = before.written && Objects.equals(before.over, versionOf(grant));
            if (alreadyReplaced || !Objects.equals(versionOf(before.grant), over)) {
                // Seen after the write began, and not what it replaced: what came of it, or came after it. A row that
                // was created replaced nothing, and may have come after the one that is remembered, too.
                before.doubted |= over == null && !Objects.equals(versionOf(before.grant), versionOf(grant));
                return;
            }
        }
        // A read that began before this write, came back before it and brought neither row: it may have seen what
        // came after.
        boolean crossed = before != null
                && before.noted > stamp
                && before.stamp <= stamp
                && !Objects.equals(versionOf(before.grant), over)
                && !Objects.equals(versionOf(before.grant), versionOf(grant));
        Remembered after = put(key, grant, ++stamps);
        after.doubted = crossed;
        after.written = true;
        after.over = over;
    }

    /** Whether it is the same access token; the refresh token beside it may have been replaced. */
    private static boolean isSameAccess(TokenSet a, TokenSet b) {
        return a.accessToken().equals(b.accessToken())
                && a.receivedAt().equals(b.receivedAt())
                && a.expiresAt().equals(b.expiresAt());
    }

    private static @Nullable String versionOf(@Nullable VersionedRow grant) {
        return grant == null ? null : grant.version();
    }

    // guarded by this
    private Remembered put(AccountKey key, @Nullable VersionedRow grant, long stamp) {
        long now = clocks.ticks();
        Remembered before = rows.get(key);
        VersionedRow known = before == null ? null : before.grant;
        String attempt = grant == null ? null : grant.row().attempt();
        boolean sameAttempt = before != null
                && known != null
                && attempt != null
                && attempt.equals(known.row().attempt());
        Map<Resource, TokenSet> tokens = grant == null ? Map.of() : grant.row().allTokens();
        Map<Resource, TokenSet> others = known == null ? Map.of() : known.row().allTokens();
        Map<Resource, Seen> seen = new HashMap<>();
        tokens.forEach((resource, set) -> {
            TokenSet other = others.get(resource);
            Seen its = before == null ? null : before.seen.get(resource);
            boolean same = other != null && its != null && isSameAccess(set, other);
            // The monotonic bound counts from when these tokens were seen first, not from when they were read last.
            seen.put(resource, same && its != null ? its : new Seen(TokenLimits.of(set, clocks), other != null, now));
        });
        Remembered after = new Remembered(
                grant,
                seen,
                TokenLimits.of(null, clocks),
                sameAttempt && before != null ? before.attemptSince : now,
                stamp,
                now);
        if (before != null && tokens.equals(others)) {
            after.nextBackground = before.nextBackground;
        }
        after.noted = ++stamps;
        rows.put(key, after);
        if (rows.size() > capacity) {
            Iterator<Map.Entry<AccountKey, Remembered>> oldest = rows.entrySet().iterator();
            oldest.next();
            oldest.remove();
        }
        return after;
    }
}
