/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenStore;
import java.io.IOException;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A store in a map that can be switched off, and counts. The real one for memory is a module that depends on this one.
 */
final class MapStore implements TokenStore {
    final Map<AccountKey, StoredTokens> rows = new ConcurrentHashMap<>();
    final AtomicInteger finds = new AtomicInteger();
    final AtomicInteger writes = new AtomicInteger();
    private volatile boolean down;
    private volatile boolean writesDown;
    private volatile int landAndFail;

    void down(boolean isDown) {
        down = isDown;
    }

    void writesDown(boolean areDown) {
        writesDown = areDown;
    }

    /** The next writes happen, and look failed. */
    synchronized void landAndFail(int writesToFail) {
        landAndFail = writesToFail;
    }

    private synchronized void afterWrite() throws IOException {
        if (landAndFail > 0) {
            landAndFail--;
            throw new IOException("the connection broke after the write");
        }
    }

    private void beforeWrite() throws IOException {
        writes.incrementAndGet();
        if (down || writesDown) {
            throw new IOException("the store is down");
        }
    }

    @Override
    public Optional<StoredTokens> find(AccountKey key) throws IOException {
        finds.incrementAndGet();
        if (down) {
            throw new IOException("the store is down");
        }
        return Optional.ofNullable(rows.get(key));
    }

    @Override
    public boolean create(AccountKey key, StoredTokens tokens) throws IOException {
        beforeWrite();
        boolean done = rows.putIfAbsent(key, tokens) == null;
        afterWrite();
        return done;
    }

    @Override
    public boolean replace(AccountKey key, String version, StoredTokens next) throws IOException {
        beforeWrite();
        boolean[] done = new boolean[1];
        rows.computeIfPresent(key, (k, row) -> {
            done[0] = row.version().equals(version);
            return done[0] ? next : row;
        });
        afterWrite();
        return done[0];
    }

    @Override
    public boolean delete(AccountKey key, String version) throws IOException {
        beforeWrite();
        boolean[] done = new boolean[1];
        rows.computeIfPresent(key, (k, row) -> {
            done[0] = row.version().equals(version);
            return done[0] ? null : row;
        });
        afterWrite();
        return done[0];
    }
}
