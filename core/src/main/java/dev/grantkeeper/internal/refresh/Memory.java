/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import dev.grantkeeper.internal.protocol.Resource;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.row.VersionedRow;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.TokenSet;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The rows that were seen lately, opened and parsed. One that was not used since the last time that room was needed is
 * evicted first (law 7). There is no other cache. Thread-safe; looking a row up takes no lock.
 *
 * <p>The call that returns first did not necessarily happen first. Every call is therefore stamped when it begins. A
 * read that began before this node wrote may bring the row as it was before, and does not count. A write may return
 * when more has happened to its row, and does not count either. If two calls cross and differ, nobody knows which is
 * newer; that is noted as a doubt, and the store is read again.
 */
final class Memory {
    /** One row, as it is remembered. */
    static final class Remembered {
        private final @Nullable VersionedRow grant;
        private final Map<Resource, Seen> seen;
        private final @Nullable Seen ownSeen; // nearly every call is about it
        private final long attemptSince;
        private final long renewedSince;
        private final Duration observed;
        private final long seenAt;
        private final long unchangedSince;
        private final long stamp;
        private volatile long checkedAt;
        private volatile long nextBackground;
        private volatile boolean doubted;
        private volatile boolean used; // since room was last needed

        // guarded by the memory
        private boolean written;
        private @Nullable String over; // the version that this node replaced, if it wrote this
        private long noted;
        private boolean unreadable; // a read has failed since
        private boolean own; // this node wrote this version
        private @Nullable String ownOver; // over this one
        private boolean kept; // this node wrote this version, or one before it with the same tokens
        private long keptSince;
        private boolean sent; // a request, under the attempt in this row
        private long sentUntil; // its T ends

        private Remembered(
                @Nullable VersionedRow grant,
                Map<Resource, Seen> seen,
                long attemptSince,
                long renewedSince,
                Duration observed,
                long unchangedSince,
                long stamp,
                long now) {
            this.grant = grant;
            this.seen = seen;
            this.ownSeen = seen.get(Resource.OWN);
            this.attemptSince = attemptSince;
            this.renewedSince = renewedSince;
            this.observed = observed;
            this.seenAt = now;
            this.unchangedSince = unchangedSince;
            this.stamp = stamp;
            this.checkedAt = now;
            this.nextBackground = now;
        }

        /** The row; {@code null} if there is none. */
        @Nullable
        VersionedRow grant() {
            return grant;
        }

        /** The access token for a resource; {@code null} if there is none. */
        @Nullable
        Seen seen(Resource resource) {
            return resource.isOwn() ? ownSeen : seen.get(resource);
        }

        /** The limits of the access token for a resource. */
        TokenLimits limits(Resource resource) {
            Seen its = seen(resource);
            return its == null ? TokenLimits.NONE : its.limits();
        }

        /** The tokens for a resource; {@code null} if there are none. */
        @Nullable
        TokenSet tokens(Resource resource) {
            return grant == null ? null : grant.row().state(resource).tokens();
        }

        /** The time at which this node first saw the attempt that stands in the row, by the monotonic clock. */
        long attemptSince() {
            return attemptSince;
        }

        /** The time at which this node first saw the attempt as it stands, by the monotonic clock. */
        long renewedSince() {
            return renewedSince;
        }

        /**
         * The time for which this node has seen the attempt as it stands in the row, while it could read the row. It
         * grows with each read, and not in between; it begins again when the attempt is written again.
         */
        Duration observed() {
            return observed;
        }

        /** Whether another read or write at the same time brought another row. */
        boolean doubted() {
            return doubted;
        }

        /** Whether this node saw the access token for a resource replaced by another one within the given time. */
        boolean tokensChangedWithin(Duration limit, Resource resource, Clocks clocks) {
            Seen its = seen(resource);
            return its != null && its.changed() && clocks.since(its.changedAt()).compareTo(limit) < 0;
        }

        /**
         * Whether the row may be used without a look into the store. What has not changed for a while is trusted for as
         * long again: rows change when somebody signs in or out, or with a refresh, and these come together. All times
         * are in nanoseconds.
         *
         * @param ticks the monotonic clock
         * @param shortest the time for which it may be used in any case
         * @param longest the time after which it may not
         */
        boolean trusted(long ticks, long shortest, long longest) {
            long trust = Math.min(Math.max(seenAt - unchangedSince, shortest), longest);
            return !doubted && ticks - checkedAt < trust;
        }

        /** The time at which the store showed this row, or took it, by the monotonic clock. */
        long seenAt() {
            return seenAt;
        }

        /** Whether the store showed this row, or took it, lately. Both times are in nanoseconds. */
        boolean wasSeenWithin(long limit, long ticks) {
            return ticks - seenAt < limit;
        }

        /** Looks into the store for the next call: an API said something that another row would explain. */
        void doubt() {
            doubted = true;
        }

        /** Trusts this row for another while, since the store is unreachable. */
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
     * One of the access tokens in a row, as this node saw it.
     *
     * @param usable tokens with this access token, the same object for each call; they may be newer, since the refresh
     *     token beside it may be replaced
     * @param limits the token's limits, counted from when it was first seen
     * @param changed whether there was another one before
     * @param changedAt the time of that change, by the monotonic clock
     */
    record Seen(Outcome.Usable usable, TokenLimits limits, boolean changed, long changedAt) {
        Seen(TokenSet tokens, TokenLimits limits, boolean changed, long changedAt) {
            this(new Outcome.Usable(tokens), limits, changed, changedAt);
        }

        TokenSet tokens() {
            return usable.tokens();
        }

        Seen with(TokenSet tokens, TokenSet before) {
            return tokens.equals(before) ? this : new Seen(tokens, limits, changed, changedAt);
        }
    }

    private final Clocks clocks;
    private final int capacity;
    private final Duration gap;
    private final Supplier<@Nullable Duration> earliest;

    private final Map<AccountKey, Remembered> rows = new ConcurrentHashMap<>();

    /** The keys of the rows, in the order in which they may be evicted. Guarded by this. */
    private final Deque<AccountKey> order = new ArrayDeque<>();

    // guarded by this
    private long stamps;

    /**
     * Begins with no rows.
     *
     * @param gap the most of a time without reads for which an attempt counts as observed
     * @param earliest the time before an access token's expiry from which a refresh is accepted; {@code null} for any
     */
    Memory(Clocks clocks, int capacity, Duration gap, Supplier<@Nullable Duration> earliest) {
        this.clocks = clocks;
        this.capacity = capacity;
        this.gap = gap;
        this.earliest = earliest;
    }

    /** The limits of tokens that are seen for the first time now. */
    TokenLimits limits(TokenSet tokens) {
        return TokenLimits.of(tokens, earliest.get(), clocks);
    }

    @Nullable
    Remembered get(AccountKey key) {
        Remembered known = rows.get(key);
        if (known != null && !known.used) { // written once only: each call of an API comes by
            known.used = true;
        }
        return known;
    }

    /**
     * The keys of the rows that this node wrote since a time by the monotonic clock, and whose tokens nobody has
     * replaced since; those that were written last come first: they are the ones that a store may lose. Others may have
     * written an attempt over them, and may not know that they did.
     */
    synchronized List<AccountKey> writtenSince(long ticks) {
        return rows.entrySet().stream()
                .filter(entry -> entry.getValue().kept
                        && entry.getValue().grant != null
                        && entry.getValue().keptSince - ticks >= 0)
                .sorted(Comparator.comparingLong(entry -> ticks - entry.getValue().keptSince))
                .map(Map.Entry::getKey)
                .toList();
    }

    /** Notes that what this node wrote before a time is still in the store after an outage. */
    synchronized void outlasted(AccountKey key, long ticks) {
        Remembered known = rows.get(key);
        if (known != null && known.keptSince - ticks <= 0) {
            known.own = false;
            known.kept = false;
        }
    }

    /** Notes that the store has the tokens that this node wrote, which may only have been found by a read. */
    synchronized void stored(AccountKey key) {
        Remembered known = rows.get(key);
        if (known != null) {
            keep(known);
        }
    }

    // guarded by this
    private void keep(Remembered row) {
        row.kept = true;
        row.keptSince = clocks.ticks();
    }

    /** Notes that a row could not be read: its attempt may have been about to end. */
    synchronized void unreadable(AccountKey key) {
        Remembered known = rows.get(key);
        if (known != null) {
            known.unreadable = true;
        }
    }

    /** Returns a new stamp, to be taken before a row is read. */
    synchronized long stamp() {
        return ++stamps;
    }

    /**
     * Notes that a request is being sent under an attempt.
     *
     * @param until the time at which its T ends, by the monotonic clock
     */
    synchronized void sending(AccountKey key, String attempt, long until) {
        Remembered known = rows.get(key);
        if (known != null
                && known.grant != null
                && attempt.equals(known.grant.row().attempt())) {
            known.sent = true;
            known.sentUntil = until;
        }
    }

    /** Notes that the request under an attempt was answered by a failure: it brings nothing any more. */
    synchronized void failed(AccountKey key, String attempt) {
        Remembered known = rows.get(key);
        if (known != null
                && known.grant != null
                && attempt.equals(known.grant.row().attempt())) {
            known.sent = false;
        }
    }

    /**
     * Returns the remembered row if a read brought an older one of the same login: the store has lost writes. That is
     * one with fewer refreshes, or one without the attempt of this node. A lost attempt may have a request under way,
     * and without it another node sends the same refresh token.
     *
     * @param settling whether the store has just come back
     */
    synchronized @Nullable GrantRow lostSince(AccountKey key, VersionedRow read, long stamp, boolean settling) {
        Remembered before = rows.get(key);
        GrantRow known = before == null || before.grant == null ? null : before.grant.row();
        if (before == null
                || known == null
                || before.noted >= stamp
                || !known.login().equals(read.row().login())) {
            return null;
        }
        boolean lost = known.refreshes() > read.row().refreshes()
                || hasLostAttempt(before, known, read)
                || (settling && hasLostRequest(before, known, read.row()));
        return lost ? known : null;
    }

    /** Whether this is the very version over which this node wrote its attempt. */
    private static boolean hasLostAttempt(Remembered before, GrantRow known, VersionedRow read) {
        return before.own && known.attempt() != null && read.version().equals(before.ownOver);
    }

    /**
     * Whether the store lost the attempt, and perhaps what was written before it over the same tokens: an attempt whose
     * answer was lost, or a failure. Others may have written since, for which they had read an earlier row. Nobody
     * sends until the store has settled, and nobody may take an attempt over before the end of its T. So the one under
     * which a request is under way stands.
     */
    private boolean hasLostRequest(Remembered before, GrantRow known, GrantRow read) {
        return before.own
                && before.sent
                && before.sentUntil - clocks.ticks() > 0
                && !Objects.equals(known.attempt(), read.attempt())
                && read.allTokens().equals(known.allTokens());
    }

    /** Notes the result of a read, unless something newer is known. */
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
     * Notes a write of this node, unless something newer is known: more may have been read or written before this write
     * returned.
     *
     * @param over the version that was replaced; {@code null} if there was none
     * @param stamp taken before the write
     */
    synchronized void wrote(AccountKey key, @Nullable String over, @Nullable VersionedRow grant, long stamp) {
        Remembered before = rows.get(key);
        if (before != null && before.stamp > stamp) {
            boolean alreadyReplaced = before.written && Objects.equals(before.over, versionOf(grant));
            if (alreadyReplaced || !Objects.equals(versionOf(before.grant), over)) {
                // The remembered row was seen after the write began, and is not the one that it replaced. So it is the
                // one that was written, or a later one. A row that was created replaced nothing, and may also be
                // later than the remembered one.
                if (Objects.equals(versionOf(before.grant), versionOf(grant))) {
                    wroteItself(before, over);
                }
                before.doubted |= over == null && !Objects.equals(versionOf(before.grant), versionOf(grant));
                return;
            }
        }
        // A read that began before this write and returned before it brought neither the old row nor the new one:
        // it may have seen a later one.
        boolean crossed = before != null
                && before.noted > stamp
                && before.stamp <= stamp
                && !Objects.equals(versionOf(before.grant), over)
                && !Objects.equals(versionOf(before.grant), versionOf(grant));
        Remembered after = put(key, grant, ++stamps);
        after.doubted = crossed;
        after.written = true;
        after.over = over;
        wroteItself(after, over);
    }

    // guarded by this
    private void wroteItself(Remembered row, @Nullable String over) {
        row.own = true;
        row.ownOver = over;
        keep(row);
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

    /**
     * The time for which an attempt that is seen once more has been observed. If the row could not be read since it was
     * last seen, the time between does not count; if nobody tried, only a little of it counts, since nobody knows.
     */
    private Duration observed(Remembered before, long now) {
        if (before.unreadable) {
            return before.observed;
        }
        Duration since = Duration.ofNanos(now - before.seenAt);
        return before.observed.plus(since.compareTo(gap) < 0 ? since : gap);
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
        for (Map.Entry<Resource, TokenSet> token : tokens.entrySet()) {
            Resource resource = token.getKey();
            TokenSet set = token.getValue();
            TokenSet other = others.get(resource);
            Seen its = before == null ? null : before.seen.get(resource);
            boolean same = other != null && its != null && isSameAccess(set, other);
            // The monotonic bound counts from when these tokens were first seen, not from when they were last read.
            seen.put(
                    resource,
                    same && its != null && other != null
                            ? its.with(set, other)
                            : new Seen(set, limits(set), other != null, now));
        }
        boolean sameRow = sameAttempt && Objects.equals(versionOf(known), versionOf(grant));
        Remembered after = new Remembered(
                grant,
                Map.copyOf(seen), // no table for the one token that most grants have
                sameAttempt && before != null ? before.attemptSince : now,
                sameRow && before != null ? before.renewedSince : now,
                sameRow && before != null ? observed(before, now) : Duration.ZERO,
                before != null && Objects.equals(versionOf(known), versionOf(grant)) ? before.unchangedSince : now,
                stamp,
                now);
        if (before != null && sameAttempt) {
            after.sent = before.sent;
            after.sentUntil = before.sentUntil;
        }
        if (before != null && tokens.equals(others)) {
            after.nextBackground = before.nextBackground;
            after.kept = before.kept;
            after.keptSince = before.keptSince;
        }
        if (before != null && before.own && Objects.equals(versionOf(known), versionOf(grant))) {
            after.own = true;
            after.ownOver = before.ownOver;
        }
        after.noted = ++stamps;
        after.used = before != null;
        if (before == null) {
            makeRoom();
            order.addLast(key);
        }
        rows.put(key, after);
        return after;
    }

    /** Makes room for one row: evicts the first that was not used since it was last looked at here. */
    // guarded by this
    private void makeRoom() {
        while (order.size() >= capacity) {
            AccountKey next = order.removeFirst();
            Remembered row = Objects.requireNonNull(rows.get(next));
            if (row.used) {
                row.used = false;
                order.addLast(next);
            } else {
                rows.remove(next);
            }
        }
    }
}
