/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.row.RowFormat;
import dev.grantkeeper.internal.row.UnreadableRowException;
import dev.grantkeeper.internal.row.VersionedRow;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenStore;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The store, as the protocol sees it: rows that are read into memory, and writes of which it is known how they ended. A
 * write that looked failed is repeated with the same version, then looked for (rule 3.1 of the store contract).
 * Thread-safe.
 */
final class Rows {
    /**
     * So many writes in a row cannot be lost to others; a store that says so does not keep rule 2.2 of its contract.
     */
    static final int MOST_LOSSES = 100;

    private static final int TRIES = 3;
    private static final Duration BETWEEN_TRIES = Duration.ofMillis(100);

    private final TokenStore store;
    private final RowFormat format;
    private final Memory memory;
    private final Workers workers;
    private final RefreshEvents events;
    /** How many calls of the store have not returned, by key. */
    private final Map<AccountKey, Integer> busy = new ConcurrentHashMap<>();

    Rows(TokenStore store, RowFormat format, Memory memory, Workers workers, RefreshEvents events) {
        this.store = store;
        this.format = format;
        this.memory = memory;
        this.workers = workers;
        this.events = events;
    }

    /** How a write ended. */
    sealed interface Written {
        /** The row is ours. */
        record Won(VersionedRow grant) implements Written {}

        /** Somebody else wrote before us. */
        record Lost() implements Written {}

        /** The store does not say; the write may have happened, or may happen within seconds. */
        record Unclear(IOException cause) implements Written {}
    }

    /** What is wrong where so many writes were lost. */
    static IOException othersWereFaster() {
        return new IOException("The token store says of " + MOST_LOSSES
                + " writes that others were faster. Check it with TokenStoreContract, rule 2.2");
    }

    /** Reads a row, and remembers it. What is returned was there at some moment since the call. */
    Memory.Remembered find(AccountKey key) throws IOException {
        for (int i = 1; ; i++) {
            long stamp = memory.stamp();
            VersionedRow found = opened(key, guarded(key, () -> store.find(key)));
            GrantRow lost = found == null ? null : memory.lostSince(key, found, stamp);
            if (found != null && lost != null) {
                Memory.Remembered restored = restore(key, found, lost);
                if (restored != null) {
                    return restored;
                }
                if (i == TRIES || !workers.pause(BETWEEN_TRIES)) {
                    throw new IOException("The token store finds an older row than it had before, and does not take"
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

    /**
     * A row has gone back to what it was before its last refresh: a fail-over or a backup has lost writes. What is
     * known here may be all that is left of the grant, and is written again. If the row was only read from a replica,
     * this loses.
     */
    private Memory.@Nullable Remembered restore(AccountKey key, VersionedRow found, GrantRow lost) throws IOException {
        Written written = replace(key, found.version(), lost);
        if (written instanceof Written.Unclear unclear) {
            throw unclear.cause();
        }
        if (written instanceof Written.Lost) {
            return null;
        }
        events.storedAgain(key);
        return memory.get(key);
    }

    private @Nullable VersionedRow opened(AccountKey key, Optional<StoredTokens> stored) throws UnreadableRowException {
        Memory.Remembered known = memory.get(key);
        VersionedRow same = known == null ? null : known.grant();
        if (stored.isPresent()
                && same != null
                && same.version().equals(stored.get().version())) {
            return same; // parsed and opened once per version
        }
        return stored.isPresent() ? format.read(key, stored.get()) : null;
    }

    /** A row that would be sealed under another key if it were written now; {@code null} if there is no such row. */
    @Nullable
    VersionedRow sealedBefore(AccountKey key) throws IOException {
        Optional<StoredTokens> stored = guarded(key, () -> store.find(key));
        return stored.isEmpty() || format.isCurrent(stored.get()) ? null : opened(key, stored);
    }

    /** The version of a row, whatever it says. */
    @Nullable
    String version(AccountKey key) throws IOException {
        return guarded(key, () -> store.find(key)).map(StoredTokens::version).orElse(null);
    }

    Written create(AccountKey key, GrantRow row) {
        StoredTokens next = format.write(key, row);
        return surely(key, null, next, row, () -> store.create(key, next));
    }

    Written replace(AccountKey key, String version, GrantRow row) {
        StoredTokens next = format.write(key, row);
        return surely(key, version, next, row, () -> store.replace(key, version, next));
    }

    private Written surely(AccountKey key, @Nullable String over, StoredTokens next, GrantRow row, Write write) {
        long stamp = memory.stamp();
        @Nullable IOException unclear = null;
        for (int i = 1; ; i++) {
            try {
                boolean won = guarded(key, write);
                if (!won && unclear != null) {
                    // An earlier try of ours may be what this one lost to.
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

    /** Removes a row; after an unclear end it is looked for by the caller. */
    boolean delete(AccountKey key, String version) throws IOException {
        long stamp = memory.stamp();
        boolean deleted = guarded(key, () -> store.delete(key, version));
        if (deleted) {
            memory.wrote(key, version, null, stamp);
        }
        return deleted;
    }

    /** Something that touches the store. */
    private interface Write extends Access<Boolean> {}

    private interface Access<T> {
        T run() throws IOException;
    }

    /** What a broken store throws must not end up in OkHttp's threads as anything but an {@link IOException}. */
    private <T> T guarded(AccountKey key, Access<T> access) throws IOException {
        busy.merge(key, 1, Integer::sum);
        try {
            return access.run();
        } catch (IOException | Error e) {
            throw e;
        } catch (Throwable e) { // some languages throw checked exceptions without saying so
            throw new IOException("The token store threw " + e.getClass().getName(), e);
        } finally {
            busy.computeIfPresent(key, (k, calls) -> calls == 1 ? null : calls - 1);
        }
    }

    /** Whether a call of the store for this key has not returned. */
    boolean isBusy(AccountKey key) {
        return busy.containsKey(key);
    }
}
