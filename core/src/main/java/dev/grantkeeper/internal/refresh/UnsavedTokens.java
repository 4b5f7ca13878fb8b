/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import dev.grantkeeper.internal.protocol.Resource;
import dev.grantkeeper.internal.refresh.Memory.Remembered;
import dev.grantkeeper.internal.refresh.Rows.Written;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.row.VersionedRow;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * New tokens on their way to the store. A write that lost is judged by what stands in the row now. While the store is
 * down, the tokens are kept here, and the write is tried again and again. Tokens are dropped only for newer ones, a
 * newer login or a sign-out. Thread-safe.
 */
final class UnsavedTokens {
    private final Rows rows;
    private final Memory memory;
    private final Renewal renewal;
    private final Clocks clocks;
    private final RefreshEvents events;
    private final Saves saves;

    private final Map<AccountKey, Unsaved> unsaved = new ConcurrentHashMap<>();
    /** The keys whose tokens are being written for the first time. Nobody is served with them yet (law 17). */
    private final Set<AccountKey> first = ConcurrentHashMap.newKeySet();

    /**
     * Begins with none.
     *
     * @param flight starts or joins a flight that stores the unsaved tokens of a key
     */
    UnsavedTokens(Parts parts, Function<AccountKey, CompletableFuture<Outcome>> flight) {
        this.rows = parts.rows();
        this.memory = parts.memory();
        this.renewal = parts.renewal();
        this.clocks = parts.clocks();
        this.events = parts.events();
        this.saves = new Saves(parts.workers(), clocks, parts.timing().betweenSaves(), key -> get(key) != null, flight);
        rows.health().whenBack(saves::storeIsBack);
    }

    /**
     * New tokens that could not be written yet.
     *
     * @param version the version that they replace
     * @param madeFrom all tokens that the row held before
     * @param row the row to write
     * @param limits the limits of the access tokens in it, by resource
     * @param since the time at which they came, by the monotonic clock
     * @param failures the number of failed writes
     */
    record Unsaved(
            String version,
            Map<Resource, TokenSet> madeFrom,
            GrantRow row,
            Map<Resource, TokenLimits> limits,
            long since,
            int failures) {
        /** Tokens that can be used without a second thought. */
        @Nullable
        TokenSet current(Resource resource, Clocks clocks) {
            TokenLimits its = limits.get(resource);
            return its == null || its.pastHard(clocks)
                    ? null
                    : row.state(resource).tokens();
        }

        /** Tokens that have not expired and are not the rejected ones. */
        @Nullable
        TokenSet ofUse(Resource resource, @Nullable String rejected, Clocks clocks) {
            TokenLimits its = limits.get(resource);
            TokenSet tokens = row.state(resource).tokens();
            return its == null
                            || its.expired(clocks)
                            || tokens == null
                            || tokens.accessToken().equals(rejected)
                    ? null
                    : tokens;
        }

        /**
         * Whether the row is gone, or holds another login. The remembered row is newer than the one with our attempt.
         */
        boolean isOutlived(@Nullable Remembered now) {
            VersionedRow known = now == null ? null : now.grant();
            return now != null && (known == null || !known.row().login().equals(row.login()));
        }

        Unsaved onTopOf(VersionedRow grant) {
            return new Unsaved(grant.version(), madeFrom, row, limits, since, failures);
        }

        Unsaved failedAgain() {
            return new Unsaved(version, madeFrom, row, limits, since, failures + 1);
        }
    }

    /** Tokens that could not be stored; {@code null} if there are none for this key. */
    @Nullable
    Unsaved get(AccountKey key) {
        return unsaved.isEmpty() || first.contains(key) ? null : unsaved.get(key);
    }

    /** Tokens that could not be stored, if they may be used all the same. */
    @Nullable
    Unsaved toServe(AccountKey key) {
        return renewal.isUsableUnsaved() ? get(key) : null;
    }

    /** The number of grants with tokens that the store does not have, as far as is known. */
    int count() {
        return unsaved.size();
    }

    /**
     * Stores new tokens. They are kept here before they are written: whatever happens then, nothing but a newer state
     * of the grant takes them away.
     *
     * @return {@code null} if the store has them, or something newer; otherwise the reason for which it does not
     */
    @Nullable
    IOException store(AccountKey key, Unsaved fresh) {
        first.add(key);
        unsaved.put(key, fresh);
        try {
            return save(key, fresh);
        } finally {
            first.remove(key);
            if (unsaved.containsKey(key)) {
                saves.add(key);
            }
        }
    }

    /**
     * Tries to store unsaved tokens. If that fails, they are kept here, and the write is tried again later.
     *
     * @return {@code null} if the store has them, or something newer; otherwise the reason for which it does not
     */
    @Nullable
    IOException save(AccountKey key, Unsaved kept) {
        Unsaved pending = kept;
        for (int losses = 0; losses < Rows.MOST_LOSSES; losses++) {
            Written written = rows.replace(key, pending.version(), pending.row());
            if (written instanceof Written.Won) {
                saved(key, kept);
                return null;
            }
            IOException cause;
            if (written instanceof Written.Unclear unclear) {
                cause = unclear.cause();
            } else {
                try {
                    VersionedRow now = rows.find(key).grant();
                    if (now == null) {
                        unsaved.remove(key);
                        revoke(pending);
                        return null;
                    }
                    boolean sameLogin = now.row().login().equals(pending.row().login());
                    Map<Resource, TokenSet> there = now.row().allTokens();
                    if (sameLogin && there.equals(pending.madeFrom())) {
                        pending = pending.onTopOf(now);
                        continue;
                    }
                    if (sameLogin && there.equals(pending.row().allTokens())) {
                        saved(key, kept); // landed after all
                    } else {
                        unsaved.remove(key); // another login's, or newer ones
                        renewal.withdraw(pending.row(), now.row());
                    }
                    return null;
                } catch (IOException e) {
                    cause = e;
                }
            }
            return keep(key, pending, cause);
        }
        return keep(key, pending, Rows.tooManyLosses());
    }

    private void saved(AccountKey key, Unsaved kept) {
        memory.stored(key);
        if (unsaved.remove(key) != null && kept.failures() > 0) {
            events.writeCompleted(key, clocks.since(kept.since()));
        }
    }

    /** Keeps tokens while the store is down, to serve them from memory until it is back. */
    private @Nullable IOException keep(AccountKey key, Unsaved pending, IOException cause) {
        Unsaved again = pending.failedAgain();
        unsaved.put(key, again);
        first.remove(key);
        // Read after the tokens are where a login or a sign-out looks for them, so that one of the two sees the other.
        Remembered now = memory.get(key);
        if (now != null && pending.isOutlived(now)) {
            unsaved.remove(key);
            if (now.grant() == null) {
                revoke(pending);
            } else {
                renewal.withdraw(pending.row(), now.grant().row());
            }
            return null;
        }
        saves.add(key);
        if (again.failures() == 1) {
            events.writePending(key, cause);
        }
        return cause;
    }

    private void revoke(Unsaved pending) {
        TokenSet tokens = pending.row().tokens();
        if (tokens != null) {
            renewal.revoke(pending.row(), tokens);
        }
    }

    /** Tries once more, at once, to store everything. */
    void saveNow() {
        saves.allNow();
    }

    /**
     * Notes a login through this node. Tokens of an older one that are still on their way to the store are dropped (law
     * 14).
     */
    void loggedIn(AccountKey key, String login) {
        unsaved.computeIfPresent(key, (k, pending) -> pending.row().login().equals(login) ? pending : null);
    }

    /**
     * Notes a sign-out through this node.
     *
     * @param login the name of the login; {@code null} if there was no row
     * @return its row that never reached the store, for revocation; {@code null} if there is none
     */
    @Nullable
    GrantRow signedOut(AccountKey key, @Nullable String login) {
        Unsaved pending = get(key);
        if (pending == null) {
            return null;
        }
        boolean its = login == null || pending.row().login().equals(login);
        Remembered now = memory.get(key);
        boolean gone = now != null && now.grant() == null;
        // Another login's tokens: an older one's if the row is gone, otherwise those of one that came in meanwhile.
        boolean dropped = (its || gone) && unsaved.remove(key, pending);
        return its && dropped ? pending.row() : null;
    }
}
