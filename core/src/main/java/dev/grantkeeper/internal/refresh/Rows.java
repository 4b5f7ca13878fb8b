/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.row.RowFormat;
import dev.grantkeeper.internal.row.VersionedRow;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenStore;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The store, as the protocol sees it: reads fill the memory, and writes report how they ended. A write that looked
 * failed is repeated with the same version, then looked for (rule 3.1 of the store contract). Thread-safe.
 */
final class Rows {
    /** Nobody loses so many writes in a row to others; a store that says so breaks rule 2.2 of its contract. */
    static final int MOST_LOSSES = 100;

    private static final int TRIES = 3;
    private static final Duration BETWEEN_TRIES = Duration.ofMillis(100);

    private final TokenStore store;
    private final RowFormat format;
    private final Memory memory;
    private final Workers workers;
    private final RefreshEvents events;
    private final StoreHealth health;
    /** The number of calls of the store that have not returned, by key. */
    private final Map<AccountKey, List<Long>> busy = new ConcurrentHashMap<>();

    Rows(TokenStore store, RowFormat format, Memory memory, Workers workers, RefreshEvents events, StoreHealth health) {
        this.store = store;
        this.format = format;
        this.memory = memory;
        this.workers = workers;
        this.events = SafeEvents.of(events);
        this.health = health;
    }

    /** Whether calls of the store fail, and who wants to know. */
    StoreHealth health() {
        return health;
    }

    /** The result of a write. */
    sealed interface Written {
        /** The row is ours. */
        record Won(VersionedRow grant) implements Written {}

        /** Somebody else wrote before us. */
        record Lost() implements Written {}

        /** The result is unknown; the write may have happened, or may happen within seconds. */
        record Unclear(IOException cause) implements Written {}
    }

    /** The failure to report after so many lost writes. */
    static IOException tooManyLosses() {
        return new IOException("The token store reports that " + MOST_LOSSES
                + " writes in a row lost to others. Check it with TokenStoreContract, rule 2.2");
    }

    /** Reads a row and remembers it. The result was in the store at some moment since the call. */
    Memory.Remembered find(AccountKey key) throws IOException {
        for (int i = 1; ; i++) {
            long stamp = memory.stamp();
            VersionedRow found = readable(key);
            GrantRow lost = found == null ? null : memory.lostSince(key, found, stamp, health.isSettling());
            if (found != null && lost != null) {
                Memory.Remembered restored = restore(key, found, lost);
                if (restored != null) {
                    return restored;
                }
                if (i == TRIES || !workers.pause(BETWEEN_TRIES)) {
                    throw new IOException("The token store returned an older row than before, and does not accept"
                            + " the newer one. Does it read from a replica? See TokenStore, rule 1.3");
                }
                continue;
            }
            Memory.Remembered noted = memory.read(key, found, stamp);
            if (i == TRIES || !noted.doubted()) {
                return noted;
            }
        }
    }

    private @Nullable VersionedRow readable(AccountKey key) throws IOException {
        try {
            return opened(key, guarded(key, () -> store.find(key)));
        } catch (IOException e) {
            memory.unreadable(key);
            throw e;
        }
    }

    /**
     * Writes a row again that has gone back to its state before the last refresh, or before an attempt of this node: a
     * fail-over or a backup has lost writes. The row that is remembered here may be all that is left of the grant. If
     * the older row only came from a replica, this write loses.
     */
    private Memory.@Nullable Remembered restore(AccountKey key, VersionedRow found, GrantRow lost) throws IOException {
        Written written = replace(key, found.version(), lost);
        if (written instanceof Written.Unclear unclear) {
            throw unclear.cause();
        }
        if (written instanceof Written.Lost) {
            return null;
        }
        if (lost.refreshes() > found.row().refreshes()) {
            events.storedAgain(key);
        }
        return memory.get(key);
    }

    private @Nullable VersionedRow opened(AccountKey key, Optional<StoredTokens> stored) throws IOException {
        Memory.Remembered known = memory.get(key);
        VersionedRow same = known == null ? null : known.grant();
        if (stored.isPresent()
                && same != null
                && same.version().equals(stored.get().version())) {
            return same; // parsed and opened once per version
        }
        return stored.isPresent() ? checked("Reading a row", () -> format.read(key, stored.get())) : null;
    }

    /** Returns a row if it is sealed under an older key than a new one would be; {@code null} if it is not. */
    @Nullable
    VersionedRow sealedBefore(AccountKey key) throws IOException {
        Optional<StoredTokens> stored = guarded(key, () -> store.find(key));
        return stored.isEmpty() || format.isCurrent(stored.get()) ? null : opened(key, stored);
    }

    /** Returns the version of a row without opening it; {@code null} if there is no row. */
    @Nullable
    String version(AccountKey key) throws IOException {
        return guarded(key, () -> store.find(key)).map(StoredTokens::version).orElse(null);
    }

    Written create(AccountKey key, GrantRow row) {
        return surely(key, null, row, next -> store.create(key, next));
    }

    Written replace(AccountKey key, String version, GrantRow row) {
        return surely(key, version, row, next -> store.replace(key, version, next));
    }

    private Written surely(AccountKey key, @Nullable String over, GrantRow row, Write write) {
        StoredTokens next;
        try {
            next = checked("Writing a row", () -> format.write(key, row));
        } catch (IOException e) {
            return new Written.Unclear(e);
        }
        long stamp = memory.stamp();
        @Nullable IOException unclear = null;
        for (int i = 1; ; i++) {
            try {
                boolean won = guarded(key, () -> write.run(next));
                if (!won && unclear != null) {
                    // This one may have lost to an earlier try of our own.
                    won = guarded(key, () -> store.find(key))
                            .map(StoredTokens::version)
                            .filter(next.version()::equals)
                            .isPresent();
                }
                if (!won) {
                    return new Written.Lost();
                }
                VersionedRow grant = new VersionedRow(next.version(), row);
                memory.wrote(key, over, grant, stamp);
                return new Written.Won(grant);
            } catch (IOException e) {
                unclear = e;
            }
            if (i == TRIES || !workers.pause(BETWEEN_TRIES)) {
                return new Written.Unclear(unclear);
            }
        }
    }

    /** Removes a row. If this fails, the caller looks whether the row is gone. */
    boolean delete(AccountKey key, String version) throws IOException {
        long stamp = memory.stamp();
        boolean deleted = guarded(key, () -> store.delete(key, version));
        if (deleted) {
            memory.wrote(key, version, null, stamp);
        }
        return deleted;
    }

    /** A write, which tells whether it won. */
    private interface Write {
        boolean run(StoredTokens next) throws IOException;
    }

    private interface Access<T> {
        T run() throws IOException;
    }

    private <T> T guarded(AccountKey key, Access<T> access) throws IOException {
        Long start = workers.ticks();
        long since = health.now();
        busy.merge(key, List.of(start), Rows::both);
        try {
            T result = checked("The token store", access);
            health.succeeded(key, since, Duration.ofNanos(workers.ticks() - start));
            return result;
        } catch (IOException e) {
            health.failed(key, since);
            throw e;
        } finally {
            busy.computeIfPresent(key, (k, starts) -> without(starts, start));
        }
    }

    /**
     * Throws nothing but an {@link IOException}, as OkHttp's threads expect, whatever happens. A class that is missing
     * or a stack that is full is a failure like any other: somebody may have new tokens in hand here, and goes on.
     */
    private <T> T checked(String who, Access<T> access) throws IOException {
        try {
            return access.run();
        } catch (IOException e) {
            throw e;
        } catch (Throwable e) { // some languages throw checked exceptions undeclared
            workers.letThrough(e);
            if (e instanceof InterruptedException) {
                Thread.currentThread().interrupt();
            }
            throw new IOException(who + " threw " + e.getClass().getName(), e);
        }
    }

    private static List<Long> both(List<Long> some, List<Long> others) {
        List<Long> all = new ArrayList<>(some);
        all.addAll(others);
        return all;
    }

    private static @Nullable List<Long> without(List<Long> starts, Long start) {
        List<Long> rest = new ArrayList<>(starts);
        rest.remove(start);
        return rest.isEmpty() ? null : rest;
    }

    /** Whether a call of the store for this key has been under way for so long, in real time. */
    boolean isBusyFor(AccountKey key, Duration atLeast) {
        long now = workers.ticks();
        return busy.getOrDefault(key, List.of()).stream().anyMatch(start -> now - start >= atLeast.toNanos());
    }
}
