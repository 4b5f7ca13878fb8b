/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.memory;

import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenStore;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Keeps grants in the memory of this process, for tests and for tools that may ask for a login at every start. When the
 * process ends, every user is signed out; a second process sees nothing. For everything else there is
 * {@code JdbcTokenStore}, which with an embedded H2 is as little work.
 *
 * <p>Nothing is ever evicted: the map grows with the number of accounts. This class is thread-safe, and no call blocks
 * on I/O or fails.
 */
public final class MemoryTokenStore implements TokenStore {
    private final ConcurrentHashMap<AccountKey, StoredTokens> rows = new ConcurrentHashMap<>();

    private MemoryTokenStore() {}

    /**
     * Makes an empty store.
     *
     * @return a store that shares its rows with no other
     */
    public static MemoryTokenStore create() {
        return new MemoryTokenStore();
    }

    @Override
    public Optional<StoredTokens> find(AccountKey key) {
        return Optional.ofNullable(rows.get(key));
    }

    @Override
    public boolean create(AccountKey key, StoredTokens tokens) {
        return rows.putIfAbsent(key, tokens) == null;
    }

    @Override
    public boolean replace(AccountKey key, String version, StoredTokens next) {
        boolean[] replaced = new boolean[1];
        rows.computeIfPresent(key, (same, row) -> {
            replaced[0] = row.version().equals(version);
            return replaced[0] ? next : row;
        });
        return replaced[0];
    }

    @Override
    public boolean delete(AccountKey key, String version) {
        boolean[] deleted = new boolean[1];
        rows.computeIfPresent(key, (same, row) -> {
            deleted[0] = row.version().equals(version);
            return deleted[0] ? null : row;
        });
        return deleted[0];
    }

    /** Returns the number of rows, and nothing of their contents. */
    @Override
    public String toString() {
        return "MemoryTokenStore[" + rows.size() + " rows]";
    }
}
