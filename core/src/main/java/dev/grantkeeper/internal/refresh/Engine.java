/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import dev.grantkeeper.internal.row.RowFormat;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.TokenStore;
import java.time.Duration;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.RejectedExecutionException;

/**
 * The parts of this package, put together for one registration: two refreshers, one for what users granted and one for
 * the application's own grant, that share store, memory, threads and the token endpoint; and one for each token that
 * came in exchange for another, which rests in this process only. Thread-safe.
 */
public final class Engine {
    /** Refreshes that run at once. Most of them wait, for the token endpoint or for another node. */
    private static final int THREADS = 64;

    /** Token requests that are under way at once. */
    private static final int REQUESTS = 32;

    /** Rows that are remembered. A row takes a few kilobytes. */
    private static final int REMEMBERED = 10_000;

    private final Workers workers;
    private final Clocks clocks;
    private final Timing timing;
    private final Refresher users;
    private final Refresher application;
    private final Logins logins;
    private final Logins applicationLogins;
    private final RefreshEvents events;
    private final EndpointGate gate;

    /** What rests in this process only; least used first. */
    private final Map<AccountKey, Keeper> inProcess = new LinkedHashMap<>(16, 0.75f, true); // guarded by this

    /** Puts the parts together. */
    public Engine(
            String name,
            TokenStore store,
            RowFormat format,
            Renewal forUsers,
            Renewal forApplication,
            Timing timing,
            Clocks clocks,
            RefreshEvents events) {
        this.workers = new WorkerThreads(name, THREADS);
        this.clocks = clocks;
        this.timing = timing;
        this.events = events;
        Memory memory = new Memory(clocks, REMEMBERED);
        Rows rows = new Rows(store, format, memory, workers, events);
        this.gate = new EndpointGate(clocks, REQUESTS, workers);
        this.users = new Refresher(new Parts(rows, memory, forUsers, timing, clocks, gate, workers, events));
        this.application =
                new Refresher(new Parts(rows, memory, forApplication, timing, clocks, gate, workers, events));
        this.logins = new Logins(rows, users, forUsers);
        this.applicationLogins = new Logins(rows, application, forApplication);
    }

    /** Refreshes what users granted. */
    public Refresher users() {
        return users;
    }

    /** Refreshes the application's own grant. */
    public Refresher application() {
        return application;
    }

    /** Everything else that happens to what users granted. */
    public Logins logins() {
        return logins;
    }

    /** Everything else that happens to the application's own grant. */
    public Logins applicationLogins() {
        return applicationLogins;
    }

    /**
     * The two that keep a grant.
     *
     * @param refresher refreshes it
     * @param logins does everything else that happens to it
     */
    public record Keeper(Refresher refresher, Logins logins) {}

    /** Keeps a grant in this process, and forgets the one that was not used for longest when there are too many. */
    public synchronized Keeper inProcess(AccountKey key, Renewal renewal) {
        Keeper known = inProcess.get(key);
        if (known != null) {
            return known;
        }
        Iterator<Keeper> oldest = inProcess.values().iterator();
        while (inProcess.size() >= REMEMBERED && oldest.hasNext()) {
            if (!oldest.next().refresher().isBusy()) {
                oldest.remove();
            }
        }
        Memory memory = new Memory(clocks, 1);
        Rows rows = new Rows(new InProcess(), new RowFormat(null), memory, workers, events);
        Refresher refresher = new Refresher(new Parts(rows, memory, renewal, timing, clocks, gate, workers, events));
        Keeper keeper = new Keeper(refresher, new Logins(rows, refresher, renewal));
        inProcess.put(key, keeper);
        return keeper;
    }

    /**
     * Runs something that may block, once so much time has passed; never after {@link #close}. The clock is looked at
     * again and again, since it may be one that tests move.
     */
    public void after(Duration delay, Runnable task) {
        wake(clocks.ticks(), delay, task);
    }

    private void wake(long since, Duration delay, Runnable task) {
        Duration left = delay.minus(clocks.since(since));
        if (left.isNegative() || left.isZero()) {
            try {
                workers.execute(task);
            } catch (RejectedExecutionException e) {
                // Closed: there is no later.
            }
            return;
        }
        Duration look = timing.look();
        workers.later(left.compareTo(look) < 0 ? left : look, () -> wake(since, delay, task));
    }

    /**
     * Waits for refreshes and writes that are under way, then ends all threads.
     *
     * @param limit how long to wait
     * @return how many grants have tokens that the store did not take
     */
    public int close(Duration limit) {
        List<Refresher> both = List.of(users, application);
        long start = System.nanoTime();
        both.forEach(Refresher::saveNow);
        while (both.stream().anyMatch(Refresher::isBusy)
                && System.nanoTime() - start < limit.toNanos()
                && workers.pause(Duration.ofMillis(20))) {
            // looked at again
        }
        workers.close(Duration.ofSeconds(1));
        return users.unsavedCount() + application.unsavedCount();
    }
}
