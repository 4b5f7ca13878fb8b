/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenStore;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/** A store for grants that need not outlive the process. Thread-safe. */
final class InProcess implements TokenStore {
    private final ConcurrentHashMap<AccountKey, StoredTokens> rows = new ConcurrentHashMap<>(1);

    @Override
    public Optional<StoredTokens> find(AccountKey key) {
        return Optional.ofNullable(rows.get(key));
    }

    @Override
    public boolean create(AccountKey key, StoredTokens row) {
        return rows.putIfAbsent(key, row) == null;
    }

    @Override
    public boolean replace(AccountKey key, String version, StoredTokens next) {
        StoredTokens before = rows.get(key);
        return before != null && before.version().equals(version) && rows.replace(key, before, next);
    }

    @Override
    public boolean delete(AccountKey key, String version) {
        StoredTokens before = rows.get(key);
        return before != null && before.version().equals(version) && rows.remove(key, before);
    }
}
