/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import dev.grantkeeper.internal.refresh.SimulatedServer.Issued;
import dev.grantkeeper.internal.refresh.SimulatedStore.Role;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.row.RowFormat;
import dev.grantkeeper.internal.wire.Answer;
import dev.grantkeeper.internal.wire.TokenResponse;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;

/** A node from its start to its crash: the real classes over the simulated world, and what has befallen it. */
final class Life {
    private record Interval(long from, long to) {}

    /**
     * What the store showed to a task.
     *
     * @param row what stood there
     * @param when it came back
     */
    record Seen(@Nullable GrantRow row, long when) {}

    /** A sign-out under way. */
    static final class SigningOut {
        final @Nullable String standing;

        @Nullable
        String target;

        SigningOut(@Nullable String standing) {
            this.standing = standing;
        }
    }

    final int node;
    final Refresher refresher;
    final Logins logins;
    /** The logins that came in here, by the order in which they reached the store. */
    int newestLogin;
    /** The logins that were signed out here. */
    final Set<String> signedOut = new HashSet<>();

    private final Simulation world;
    private final Scheduler.Group group;
    private final Map<Scheduler.Task, Role> roles = new IdentityHashMap<>();
    private final Map<Scheduler.Task, SigningOut> signingOut = new IdentityHashMap<>();
    private final Map<Scheduler.Task, Seen> lastSeen = new IdentityHashMap<>();
    private final Deque<SimulatedStore.Fate> writes = new ArrayDeque<>();
    private final Deque<SimulatedServer.Fate> requests = new ArrayDeque<>();
    private final Deque<Duration> delays = new ArrayDeque<>();
    private final List<Interval> frozen = new ArrayList<>();
    private long readsDownUntil;
    private long writesDownUntil;
    private long lastTrouble = -1;
    private long lastIdle = -1;
    private @Nullable String lastRow;
    private boolean cutOff;
    private @Nullable GrantRow view;
    private @Nullable Issued known;
    private long knownSince;
    private int callsUnderWay;
    private long callsEnded;
    private boolean crossed;

    Life(Simulation world, int node) {
        this.world = world;
        this.node = node;
        this.group = world.scheduler().group();
        InstantSource clock = world::wall;
        Time time = new Time(clock, world::now, world::random);
        Workers workers = new SimulatedWorkers();
        Memory memory = new Memory(time, 100);
        Rows rows = new Rows(world.store().from(this), new RowFormat(null), memory, workers, new Unheard());
        EndpointGate gate = new EndpointGate(time, 2, workers);
        Renewal renewal = new SimulatedRenewal();
        this.refresher =
                new Refresher(rows, memory, renewal, Simulation.TIMING, time, gate, workers, new TracedEvents());
        this.logins = new Logins(rows, refresher, renewal);
    }

    boolean dead() {
        return group.dead();
    }

    /** Whether what it had on its way when it died is lost. */
    boolean cutOff() {
        return cutOff;
    }

    void crash(boolean cuts) {
        cutOff = cuts;
        world.scheduler().kill(group);
    }

    void freeze(Duration time) {
        frozen.add(new Interval(world.now(), world.now() + time.toNanos()));
        world.scheduler().freeze(group, time);
    }

    boolean wasFrozenSince(long start) {
        return frozen.stream().anyMatch(interval -> interval.to > start && interval.from <= world.now());
    }

    void storeDown(Duration time, boolean readsToo) {
        writesDownUntil = Math.max(writesDownUntil, world.now() + time.toNanos());
        readsDownUntil = readsToo ? writesDownUntil : readsDownUntil;
    }

    boolean storeIsDown(boolean write) {
        return world.now() < (write ? writesDownUntil : readsDownUntil);
    }

    /** Nothing more goes wrong from here. */
    void heal() {
        writes.clear();
        requests.clear();
        delays.clear();
        readsDownUntil = 0;
        writesDownUntil = 0;
    }

    void willWrite(SimulatedStore.Fate fate) {
        writes.add(fate);
    }

    SimulatedStore.Fate nextWrite() {
        SimulatedStore.Fate fate = writes.poll();
        return fate == null ? SimulatedStore.Fate.LANDS : fate;
    }

    void willSend(SimulatedServer.Fate fate) {
        requests.add(fate);
    }

    SimulatedServer.Fate nextRequest() {
        SimulatedServer.Fate fate = requests.poll();
        return fate == null ? SimulatedServer.Fate.ANSWERED : fate;
    }

    void willBeSlow(Duration delay) {
        delays.add(delay);
    }

    Duration nextDelay() {
        Duration delay = delays.poll();
        return delay == null ? Duration.ZERO : delay;
    }

    /** Whether a read told the same as the one before. */
    boolean toldAgain(String row) {
        boolean again = row.equals(lastRow);
        lastRow = row;
        return again;
    }

    /** The store failed, or was slow. */
    void trouble() {
        lastTrouble = world.now();
    }

    /** Somebody looks whether it is at rest. */
    void look() {
        if (!refresher.isBusy()) {
            lastIdle = world.now();
        }
    }

    /** Whether it has been at work ever since, as far as anybody has looked. */
    boolean isBusySince(long start) {
        return refresher.isBusy() && (start < 0 || lastIdle < start);
    }

    boolean hadTroubleSince(long start) {
        return lastTrouble >= start;
    }

    /** The store showed this to the task that runs. */
    void saw(@Nullable GrantRow row) {
        view = row;
        Scheduler.Task me = world.scheduler().current();
        lastSeen.put(me, new Seen(row, world.now()));
        if (crossed) {
            known = null; // Of two that cross and differ, the node may believe the other.
        }
    }

    /** A call of the store begins; to be given back when it ends. */
    long callBegins() {
        return callsUnderWay++ > 0 ? -1 : callsEnded;
    }

    void callEnds(long begun) {
        callsUnderWay--;
        crossed = callsUnderWay > 0 || begun != callsEnded++;
    }

    @Nullable
    GrantRow view() {
        return view;
    }

    /** It has served these, so it has to know them. */
    void knows(Issued set) {
        if (known != set) {
            known = set;
            knownSince = world.now();
        }
    }

    /** What it served last. */
    @Nullable
    Issued known() {
        return known;
    }

    boolean knew(Issued set, long when) {
        return known == set && knownSince < when;
    }

    Role role() {
        return roles.getOrDefault(world.scheduler().current(), Role.REFRESH);
    }

    /** The task that runs begins to sign out. */
    SigningOut signsOut(@Nullable String standing) {
        SigningOut out = new SigningOut(standing);
        signingOut.put(world.scheduler().current(), out);
        return out;
    }

    @Nullable
    SigningOut signingOut() {
        return signingOut.get(world.scheduler().current());
    }

    /** Runs something on a thread of the application. */
    void spawn(Role role, Task task) {
        world.scheduler().spawn(group, () -> {
            Scheduler.Task me = world.scheduler().current();
            roles.put(me, role);
            // An application that gets an error tries again, and at last gives up.
            for (int i = 0; i < 4; i++) {
                try {
                    task.run();
                    return;
                } catch (IOException e) {
                    world.say(this, role + " failed: " + e.getMessage());
                    world.scheduler().sleep(world.upTo(Duration.ofMillis(100)));
                }
            }
        });
    }

    /** What an application does. */
    interface Task {
        void run() throws IOException;
    }

    @Override
    public String toString() {
        return "n" + node;
    }

    private final class SimulatedWorkers implements Workers {
        @Override
        public void execute(Runnable task) {
            world.scheduler().spawn(group, task);
        }

        @Override
        public void read(Runnable task) {
            execute(task);
        }

        @Override
        public void later(Duration delay, Runnable task) {
            world.scheduler().after(group, delay, task);
        }

        @Override
        public boolean pause(Duration delay) {
            world.scheduler().sleep(delay);
            return true;
        }

        @Override
        public void acquire(Semaphore slots) {
            while (!slots.tryAcquire()) {
                world.scheduler().sleep(Duration.ofMillis(1));
            }
        }

        @Override
        public void close(Duration limit) {
            throw new UnsupportedOperationException();
        }
    }

    private final class SimulatedRenewal implements Renewal {
        @Override
        public @Nullable GrantRow begin() {
            return null;
        }

        @Override
        public boolean possible(GrantRow row) {
            return row.tokens() != null;
        }

        @Override
        public Answer request(GrantRow row) {
            return world.server().request(Life.this, row);
        }

        @Override
        public TokenSet tokens(GrantRow row, TokenResponse response, Instant now) {
            return response.toTokenSet(row.tokens(), Set.of(), now, Optional.empty());
        }

        @Override
        public Provider.Replay replay() {
            return world.plan().replay();
        }

        @Override
        public @Nullable Instant consentEndsAt(GrantRow row) {
            return null;
        }

        @Override
        public void revoke(TokenSet tokens) {
            world.laws().revoking(tokens, lastSeen.get(world.scheduler().current()));
            world.say(Life.this, "revokes " + world.server().of(tokens));
            world.scheduler().sleep(world.upTo(Duration.ofMillis(10)));
            world.server().revoke(tokens, world.plan().wide());
            world.scheduler().sleep(world.upTo(Duration.ofMillis(10)));
        }
    }

    private final class TracedEvents extends Unheard {
        @Override
        public void writePending(AccountKey key, IOException cause) {
            world.say(Life.this, "keeps tokens in memory");
        }

        @Override
        public void writeLanded(AccountKey key, Duration took) {
            world.say(Life.this, "has stored them after all");
        }
    }
}
