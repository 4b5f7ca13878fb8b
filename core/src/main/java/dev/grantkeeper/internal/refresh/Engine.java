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
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.RejectedExecutionException;

/**
 * The parts of this package, wired for one registration. Two refreshers, one for users' grants and one for the
 * application's own grant, share the store, the memory, the threads and the token endpoint. Each grant from a token
 * exchange has a refresher of its own, and is kept in this process only. Thread-safe.
 */
public final class Engine {
    /** Refreshes that run at once. Most of them wait, for the token endpoint or for another node. */
    private static final int THREADS = 64;

    /** Token requests that are under way at once. */
    private static final int REQUESTS = 32;

    /** Grants that are kept in this process only. */
    private static final int IN_PROCESS = 10_000;

    private final Workers workers;
    private final Clocks clocks;
    private final Timing timing;
    private final Refresher users;
    private final Refresher application;
    private final Logins logins;
    private final Logins applicationLogins;
    private final RefreshEvents events;
    private final Gates exchanges;
    private final Rows rows;
    private final Memory memory;
    private final List<Refresher> stored = new CopyOnWriteArrayList<>();
    private final List<Workers> helpers = new CopyOnWriteArrayList<>();
    private final int requests;

    /** The grants that are kept in this process only, least recently used first. */
    private final Map<AccountKey, Keeper> inProcess = new LinkedHashMap<>(16, 0.75f, true); // guarded by this

    /**
     * Wires the parts.
     *
     * @param remembered the rows that are remembered; a row takes about 2 KB
     */
    public Engine(
            String name,
            TokenStore store,
            RowFormat format,
            Renewal forUsers,
            Renewal forApplication,
            Timing timing,
            int remembered,
            Clocks clocks,
            RefreshEvents events) {
        this(
                new WorkerThreads(name, THREADS),
                REQUESTS,
                store,
                format,
                forUsers,
                forApplication,
                timing,
                remembered,
                clocks,
                events);
    }

    /**
     * Wires the parts, with these threads.
     *
     * @param requests the token requests that are under way at once
     */
    Engine(
            Workers workers,
            int requests,
            TokenStore store,
            RowFormat format,
            Renewal forUsers,
            Renewal forApplication,
            Timing timing,
            int remembered,
            Clocks clocks,
            RefreshEvents events) {
        this.workers = workers;
        this.clocks = clocks;
        this.timing = timing;
        this.events = events;
        this.requests = requests;
        this.memory = new Memory(clocks, remembered, timing.gap(), forUsers::earliest);
        this.rows = new Rows(
                store, format, memory, workers, events, new StoreHealth(clocks, timing.settling(), workers::ticks));
        LostWrites.lookFor(rows, memory, workers, clocks, timing);
        Gates gates = gates(workers);
        this.exchanges = gates(workers);
        this.users = new Refresher(new Parts(rows, memory, forUsers, timing, clocks, gates, workers, events));
        this.application =
                new Refresher(new Parts(rows, memory, forApplication, timing, clocks, gates, workers, events));
        stored.add(users);
        stored.add(application);
        this.logins = new Logins(rows, users, forUsers);
        this.applicationLogins = new Logins(rows, application, forApplication);
    }

    private Gates gates(Workers threads) {
        return new Gates(() -> new EndpointGate(clocks, requests, timing.patience(), threads));
    }

    /**
     * Returns a keeper of further grants in the same store, with threads of its own: refreshes of the other grants may
     * wait for these.
     *
     * @param name of the threads
     * @param threads the most of them
     */
    public Keeper keeper(String name, int threads, Renewal renewal, RefreshEvents reports) {
        Workers its = new WorkerThreads(name, threads);
        helpers.add(its);
        Refresher refresher = new Refresher(new Parts(rows, memory, renewal, timing, clocks, gates(its), its, reports));
        stored.add(refresher);
        return new Keeper(refresher, new Logins(rows, refresher, renewal));
    }

    /** Refreshes users' grants. */
    public Refresher users() {
        return users;
    }

    /** Refreshes the application's own grant. */
    public Refresher application() {
        return application;
    }

    /** All other operations on users' grants. */
    public Logins logins() {
        return logins;
    }

    /** All other operations on the application's own grant. */
    public Logins applicationLogins() {
        return applicationLogins;
    }

    /**
     * The two objects that keep a grant.
     *
     * @param refresher refreshes it
     * @param logins does all other operations on it
     */
    public record Keeper(Refresher refresher, Logins logins) {}

    /**
     * Returns the keeper of a grant that is kept in this process. When there are too many, the least recently used one
     * that is idle is forgotten.
     */
    public synchronized Keeper inProcess(AccountKey key, Renewal renewal) {
        Keeper known = inProcess.get(key);
        if (known != null) {
            return known;
        }
        Iterator<Keeper> oldest = inProcess.values().iterator();
        while (inProcess.size() >= IN_PROCESS && oldest.hasNext()) {
            if (!oldest.next().refresher().isBusy()) {
                oldest.remove();
            }
        }
        Memory own = new Memory(clocks, 1, timing.gap(), renewal::earliest);
        Rows only = new Rows(
                new InProcess(),
                new RowFormat(null),
                own,
                workers,
                events,
                new StoreHealth(clocks, Duration.ZERO, workers::ticks));
        Refresher refresher = new Refresher(new Parts(only, own, renewal, timing, clocks, exchanges, workers, events));
        Keeper keeper = new Keeper(refresher, new Logins(only, refresher, renewal));
        inProcess.put(key, keeper);
        return keeper;
    }

    /**
     * Runs a task that may block, after a delay; never after {@link #close}. The clock is read again and again, since
     * it may be one that tests move.
     */
    public void after(Duration delay, Runnable task) {
        wake(clocks.ticks(), delay, task);
    }

    private void wake(long since, Duration delay, Runnable task) {
        Duration left = delay.minus(clocks.since(since));
        if (left.isNegative() || left.isZero()) {
            try {
                workers.execute(task, Urgency.CALLER);
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
     * @param limit the longest wait
     * @return the number of grants with tokens that the store did not take
     */
    public int close(Duration limit) {
        long start = workers.ticks();
        stored.forEach(Refresher::saveNow);
        while (stored.stream().anyMatch(Refresher::isBusy)
                && workers.ticks() - start < limit.toNanos()
                && workers.pause(Duration.ofMillis(20))) {
            // looked at again
        }
        workers.close(Duration.ofSeconds(1));
        helpers.forEach(its -> its.close(Duration.ofSeconds(1)));
        stored.forEach(Refresher::close);
        synchronized (this) {
            inProcess.values().forEach(keeper -> keeper.refresher().close());
        }
        return stored.stream().mapToInt(Refresher::unsavedCount).sum();
    }
}
