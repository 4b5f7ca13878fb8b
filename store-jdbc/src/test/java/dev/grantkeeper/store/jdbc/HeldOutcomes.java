/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenStore;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A store in which the outcomes of refreshes wait before they are written: the node has the new tokens, and nobody else
 * knows them. Thread-safe.
 */
final class HeldOutcomes implements TokenStore {
    private final TokenStore store;

    // all guarded by this
    private final Set<AccountKey> held = new HashSet<>();
    private final Set<AccountKey> read = new HashSet<>();
    private boolean holding;
    private @Nullable IOException failedRead;

    HeldOutcomes(TokenStore store) {
        this.store = store;
    }

    /** Holds the writes that end attempts from now on. */
    synchronized void hold() {
        holding = true;
        held.clear();
    }

    synchronized void release() {
        holding = false;
        notifyAll();
    }

    /** Waits until so many outcomes are held. Fails once a refresh has ended without one. */
    synchronized void awaitHeld(int outcomes, BooleanSupplier ended) throws InterruptedException {
        await(() -> held.size() >= outcomes || ended.getAsBoolean());
        if (held.size() < outcomes) {
            throw new IllegalStateException("A refresh ended before its outcome was written");
        }
    }

    synchronized void wake() {
        notifyAll();
    }

    /** Forgets which rows were read. */
    synchronized void forgetReads() {
        read.clear();
        failedRead = null;
    }

    /** Waits until so many rows were read. Fails once one could not be: nobody reads it again. */
    synchronized void awaitRead(int rows) throws InterruptedException {
        await(() -> read.size() >= rows || failedRead != null);
        if (failedRead != null) {
            throw new IllegalStateException("A row could not be read", failedRead);
        }
    }

    // guarded by this
    private void await(BooleanSupplier condition) throws InterruptedException {
        while (!condition.getAsBoolean()) {
            wait();
        }
    }

    @Override
    public Optional<StoredTokens> find(AccountKey key) throws IOException {
        try {
            Optional<StoredTokens> found = store.find(key);
            synchronized (this) {
                read.add(key);
                notifyAll();
            }
            return found;
        } catch (IOException e) {
            synchronized (this) {
                failedRead = e;
                notifyAll();
            }
            throw e;
        }
    }

    @Override
    public boolean create(AccountKey key, StoredTokens tokens) throws IOException {
        return store.create(key, tokens);
    }

    @Override
    public boolean replace(AccountKey key, String version, StoredTokens next) throws IOException {
        if (NodeProcess.row(key, next).attempt() == null) {
            passOutcome(key);
        }
        return store.replace(key, version, next);
    }

    private synchronized void passOutcome(AccountKey key) throws IOException {
        if (holding) {
            held.add(key);
            notifyAll();
            try {
                await(() -> !holding);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new InterruptedIOException();
            }
        }
    }

    @Override
    public boolean delete(AccountKey key, String version) throws IOException {
        return store.delete(key, version);
    }
}
