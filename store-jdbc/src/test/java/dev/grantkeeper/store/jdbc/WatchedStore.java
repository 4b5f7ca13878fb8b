/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenStore;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A store that knows how far the one refresh that goes through it has come, and can stop it between two steps, so that
 * a test may end the process just there. Thread-safe.
 */
final class WatchedStore implements TokenStore {
    /** The points at which a refresh can be stopped: the two writes that it consists of. */
    enum Stop {
        BEFORE_ATTEMPT,
        AFTER_ATTEMPT,
        BEFORE_OUTCOME,
        AFTER_OUTCOME
    }

    private final TokenStore store;
    private final Runnable onStop;

    // guarded by this
    private @Nullable Stop stopAt;

    // guarded by this
    private int finds;

    // guarded by this: the name of our attempt, which stands in the row
    private @Nullable String attempting;

    // guarded by this
    private boolean writing;

    // guarded by this: an attempt whose write looked failed, and may have landed
    private @Nullable String unclear;

    WatchedStore(TokenStore store, Runnable onStop) {
        this.store = store;
        this.onStop = onStop;
    }

    synchronized void stopAt(Stop stop) {
        stopAt = stop;
    }

    synchronized void goOn() {
        stopAt = null;
        notifyAll();
    }

    synchronized void wake() {
        notifyAll();
    }

    /**
     * Waits until there is nothing more to see: all is done ({@code true}), or an attempt of somebody else stands in
     * the row and was seen there.
     */
    synchronized boolean awaitDoneOrSeen(BooleanSupplier done) throws InterruptedException {
        int before = finds;
        // Who is to write an attempt reads for its callers, then for its refresh, and after a doubt once more each. Who
        // has read more often than that and is not writing waits for another.
        while (!done.getAsBoolean() && (attempting != null || writing || finds < before + 6)) {
            wait();
        }
        return done.getAsBoolean();
    }

    /** Waits until the row was read once more, or all is done ({@code true}). */
    synchronized boolean awaitDoneOrRead(BooleanSupplier done) throws InterruptedException {
        int before = finds;
        while (!done.getAsBoolean() && finds == before) {
            wait();
        }
        return done.getAsBoolean();
    }

    @Override
    public Optional<StoredTokens> find(AccountKey key) throws IOException {
        synchronized (this) {
            finds++;
            notifyAll();
        }
        Optional<StoredTokens> found = store.find(key);
        synchronized (this) {
            if (unclear != null
                    && found.isPresent()
                    && unclear.equals(NodeProcess.row(key, found.get()).attempt())) {
                attempting = unclear;
            }
        }
        return found;
    }

    @Override
    public boolean create(AccountKey key, StoredTokens tokens) throws IOException {
        return store.create(key, tokens);
    }

    @Override
    public boolean replace(AccountKey key, String version, StoredTokens next) throws IOException {
        String attempt = NodeProcess.row(key, next).attempt();
        if (attempt != null && attempt.equals(standing())) {
            return store.replace(key, version, next); // shows the others that its holder lives
        }
        begin();
        stop(attempt == null ? Stop.BEFORE_OUTCOME : Stop.BEFORE_ATTEMPT);
        boolean won = false;
        try {
            won = store.replace(key, version, next);
        } catch (IOException e) {
            synchronized (this) {
                unclear = attempt;
            }
            throw e;
        } finally {
            wrote(won ? attempt : null);
        }
        if (won) {
            stop(attempt == null ? Stop.AFTER_OUTCOME : Stop.AFTER_ATTEMPT);
        }
        return won;
    }

    @Override
    public boolean delete(AccountKey key, String version) throws IOException {
        return store.delete(key, version);
    }

    private synchronized @Nullable String standing() {
        return attempting;
    }

    private synchronized void begin() {
        writing = true;
    }

    private synchronized void wrote(@Nullable String attempt) {
        writing = false;
        attempting = attempt;
        notifyAll();
    }

    private synchronized void stop(Stop here) throws IOException {
        if (stopAt == here) {
            onStop.run();
        }
        while (stopAt == here) {
            try {
                wait();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new InterruptedIOException();
            }
        }
    }
}
