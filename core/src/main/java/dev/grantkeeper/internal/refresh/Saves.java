/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import dev.grantkeeper.token.AccountKey;
import java.time.Duration;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The times at which unsaved tokens are written again. While the store is down, one key is tried at a time, the one
 * that has waited longest, with short pauses in between: another node may be about to take the attempt for lost. As
 * soon as any call of the store succeeds, for whichever key, all are tried, a few at a time: a store that has just come
 * back is not flooded, and where only a part of it is back, the rest occupies few threads. Thread-safe.
 */
final class Saves {
    /** Keys that are tried at once when the store is back. */
    private static final int AT_ONCE = 8;

    /** Keys that are tried at once when this is the last opportunity. */
    private static final int AT_LAST = 32;

    private final Workers workers;
    private final Clocks clocks;
    private final Duration longest;
    private final Predicate<AccountKey> isUnsaved;
    private final Function<AccountKey, CompletableFuture<Outcome>> save;

    // guarded by this
    private final Set<AccountKey> waiting = new LinkedHashSet<>();
    private int underWay;
    private boolean scheduled;
    private int promised; // tries that take place whether the ones before succeed or not
    private long lastBack;

    /**
     * Begins with no keys.
     *
     * @param longest the longest pause between two tries
     * @param isUnsaved whether a key still has tokens that the store does not have
     * @param save starts or joins a flight that stores the tokens of a key
     */
    Saves(
            Workers workers,
            Clocks clocks,
            Duration longest,
            Predicate<AccountKey> isUnsaved,
            Function<AccountKey, CompletableFuture<Outcome>> save) {
        this.workers = workers;
        this.clocks = clocks;
        this.longest = longest;
        this.isUnsaved = isUnsaved;
        this.save = save;
        this.lastBack = clocks.ticks() - longest.toNanos();
    }

    /** Tries a key again and again, until its tokens are stored or dropped. */
    void add(AccountKey key) {
        synchronized (this) {
            waiting.add(key);
        }
        tryAgain();
    }

    /** Tries all keys, since the store is back. Where only a part of it is, that may be heard very often. */
    void storeIsBack() {
        synchronized (this) {
            if (waiting.isEmpty() || clocks.since(lastBack).compareTo(longest) < 0) {
                return;
            }
            lastBack = clocks.ticks();
        }
        fill(AT_ONCE);
    }

    /** Tries each key once, whatever becomes of the others. */
    void allNow() {
        synchronized (this) {
            promised = waiting.size();
        }
        fill(AT_LAST);
    }

    /** Schedules the next try, unless one is scheduled or under way. */
    private void tryAgain() {
        synchronized (this) {
            if (scheduled || underWay > 0 || waiting.isEmpty()) {
                return;
            }
            scheduled = true;
        }
        long half = longest.toNanos() / 2;
        workers.later(Duration.ofNanos(half + clocks.random(half)), () -> {
            synchronized (this) {
                scheduled = false;
            }
            fill(1);
        });
    }

    private void fill(int most) {
        int left = count(); // each of them once: after the end, a try fails before it has begun
        for (AccountKey key = next(most); key != null; key = --left > 0 ? next(most) : null) {
            begin(key);
        }
        tryAgain();
    }

    private synchronized int count() {
        return waiting.size();
    }

    private synchronized @Nullable AccountKey next(int most) {
        for (Iterator<AccountKey> longestWaiting = waiting.iterator(); longestWaiting.hasNext(); ) {
            if (underWay >= most) {
                return null;
            }
            AccountKey key = longestWaiting.next();
            longestWaiting.remove();
            if (isUnsaved.test(key)) {
                underWay++;
                promised = Math.max(0, promised - 1);
                return key;
            }
        }
        return null;
    }

    private void begin(AccountKey key) {
        // The flight that this joins may have begun before there was something to store.
        CompletableFuture<Outcome> unused = save.apply(key).whenComplete((outcome, broken) -> {
            boolean saved = !isUnsaved.test(key);
            int most;
            synchronized (this) {
                underWay--;
                if (!saved) {
                    waiting.add(key);
                }
                most = promised > 0 ? AT_LAST : saved ? AT_ONCE : 0;
            }
            if (most == 0) {
                tryAgain();
            } else {
                workers.later(Duration.ZERO, () -> fill(most)); // not from here: the stack would grow with each key
            }
        });
    }
}
