/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.answer.TokenResponse;
import dev.grantkeeper.internal.protocol.Resource;
import dev.grantkeeper.internal.refresh.SimulatedServer.Issued;
import dev.grantkeeper.internal.refresh.SimulatedServer.Sent;
import dev.grantkeeper.internal.refresh.SimulatedStore.Role;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.row.RowFormat;
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
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;

/** A node from its start to its end: the real classes over the simulated world, and what has befallen it. */
final class Life {
    private record Interval(long from, long to, boolean blackout) {
        boolean meets(long start, long end) {
            return to > start && from <= end;
        }
    }

    /**
     * What the store showed to a task.
     *
     * @param row what stood there
     * @param when it stood there
     */
    record Seen(@Nullable GrantRow row, long when) {}

    /** A call of the store. */
    static final class Call {
        final Sight sight;
        final long from;
        /** How many calls for the same user had ended; -1 if others were under way. */
        private final long before;
        /** It fails, or takes longer than it should. */
        boolean trouble;
        /** It fails as all others do, on all nodes. */
        boolean blackout;

        private Call(Sight sight, long from, long before) {
            this.sight = sight;
            this.from = from;
            this.before = before;
        }
    }

    /** What a node may know of one user. */
    static final class Sight {
        /** The logins that came in here, by the order in which they reached the store. */
        int newestLogin;
        /** The logins that were signed out here. */
        final Set<String> signedOut = new HashSet<>();
        /** When there was no grant, when it was refused, as calls of the store have shown that came back. */
        long shownAbsent = -1;

        long shownRefused = -1;
        /** Until when access tokens can be used at least, by the clock that does not jump, as far as they were seen. */
        private final Map<Issued, Long> least = new HashMap<>();
        /** Until when at most, counted from when they came or were served first. */
        private final Map<Issued, Long> most = new HashMap<>();

        private final List<Interval> troubles = new ArrayList<>();
        private final List<Call> underWay = new ArrayList<>();
        private @Nullable Issued known;
        private long knownSince;
        private long callsEnded;
        private boolean crossed;
        private long lastFailure = -1;
    }

    /** A sign-out under way. */
    static final class SigningOut {
        final @Nullable String standing;

        @Nullable
        String target;

        SigningOut(@Nullable String standing) {
            this.standing = standing;
        }
    }

    /** In proportion to T, the tries of a write are further apart here than in production. */
    private static final Duration SETTLING = Duration.ofMillis(300);

    /** The time that threads get to end: in proportion to the shortest T, as long as in production. */
    static final Duration ENDING = Duration.ofMillis(100);

    final int node;
    final Refresher refresher;
    final Logins logins;
    /** The users whose requests have failed in a row, and those among them who were told to wait. */
    final Set<AccountKey> failing = new HashSet<>();

    final Set<AccountKey> paused = new HashSet<>();
    /** Those whose requests failed while others' succeeded. */
    final Set<AccountKey> failsAlone = new HashSet<>();
    /** The time at which a user's request was told last that the client is rejected. */
    final Map<AccountKey, Long> rejected = new HashMap<>();
    /** Since when nothing should be sent because of failures; -1 if that is not so. */
    long shutSince = -1;

    private final Simulation world;
    private final Scheduler.Group group;
    private final SimulatedWorkers workers;
    private final Map<AccountKey, Sight> sights = new HashMap<>();
    private final Map<Scheduler.Task, Role> roles = new IdentityHashMap<>();
    private final Map<Scheduler.Task, SigningOut> signingOut = new IdentityHashMap<>();
    private final Map<Scheduler.Task, Seen> lastSeen = new IdentityHashMap<>();
    private final Deque<SimulatedStore.Fate> writes = new ArrayDeque<>();
    private final Deque<SimulatedServer.Fate> requests = new ArrayDeque<>();
    private final Deque<Duration> delays = new ArrayDeque<>();
    private final List<Interval> frozen = new ArrayList<>();
    private final List<Sent> sent = new ArrayList<>();
    private final Map<AccountKey, String> lastRead = new HashMap<>();
    private long readsDownUntil;
    private long writesDownUntil;
    private boolean cutOff;
    private boolean closed;
    /** Closing has come to its end: whatever is not stored is reported as lost. */
    private boolean left;

    Life(Simulation world, int node) {
        this.world = world;
        this.node = node;
        this.group = world.scheduler().group();
        InstantSource clock = this::wall;
        // A clock that counts from anywhere, and may run over its end.
        long origin = world.chance(4)
                ? Long.MAX_VALUE - world.random(Duration.ofMinutes(1).toNanos())
                : world.random(Long.MAX_VALUE);
        Clocks clocks = new Clocks(clock, () -> origin + world.now(), world::random);
        this.workers = new SimulatedWorkers(world.plan().threads());
        Memory memory = new Memory(clocks, 100, Simulation.TIMING.gap(), () -> null);
        RefreshEvents events = new TracedEvents();
        Rows rows = new Rows(
                world.store().from(this),
                new RowFormat(null),
                memory,
                workers,
                events,
                new StoreHealth(clocks, SETTLING, workers::ticks));
        LostWrites.lookFor(rows, memory, workers, clocks, Simulation.TIMING);
        Gates gate = new Gates(() -> new EndpointGate(clocks, 2, Simulation.TIMING.patience(), workers));
        Renewal renewal = new SimulatedRenewal();
        this.refresher =
                new Refresher(new Parts(rows, memory, renewal, Simulation.TIMING, clocks, gate, workers, events));
        this.logins = new Logins(rows, refresher, renewal);
    }

    /** What its wall clock shows. */
    Instant wall() {
        return world.wall().plusMillis(world.ahead(node));
    }

    Sight sight(AccountKey key) {
        return sights.computeIfAbsent(key, k -> new Sight());
    }

    // ---- its end

    boolean dead() {
        return group.dead();
    }

    /** Whether what it had on its way when it died is lost. */
    boolean cutOff() {
        return cutOff;
    }

    void crash(boolean cuts) {
        cutOff = cuts;
        ends();
        world.scheduler().kill(group);
    }

    boolean closed() {
        return closed;
    }

    /** Ends everything in order, as {@link Engine#close} does. Returns how many grants it takes to the grave. */
    int close(Duration limit) {
        closed = true;
        long start = world.now();
        refresher.saveNow();
        while (refresher.isBusy() && world.now() - start < limit.toNanos() && workers.pause(Duration.ofMillis(20))) {
            // looked at again
        }
        workers.close(ENDING);
        ends();
        left = true;
        return refresher.unsavedCount();
    }

    private void ends() {
        for (Sent one : sent) {
            one.cutShort |= isOpen(one);
        }
    }

    private boolean isOpen(Sent one) {
        return !one.task.over() || refresher.unsavedCount() > 0;
    }

    void sends(Sent one) {
        sent.add(one);
    }

    /** Whether it is still at work for a request that it made. */
    boolean isAtWorkFor(Sent one) {
        return !dead() && !left && isOpen(one);
    }

    // ---- what befalls it

    void freeze(Duration time) {
        frozen.add(new Interval(world.now(), world.now() + time.toNanos(), false));
        world.scheduler().freeze(group, time);
    }

    boolean wasFrozen(long start, long end) {
        return frozen.stream().anyMatch(interval -> interval.meets(start, Math.min(end, world.now())));
    }

    boolean wasFrozenSince(long start) {
        return wasFrozen(start, world.now());
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
    boolean toldAgain(AccountKey key, String row) {
        return row.equals(lastRead.put(key, row));
    }

    // ---- what it knows

    /** The store showed this to the task that runs. */
    void saw(AccountKey key, @Nullable GrantRow row, long when) {
        Sight sight = sight(key);
        if (row == null) {
            sight.shownAbsent = Math.max(sight.shownAbsent, when);
        } else if (row.own().refusal() != null) {
            sight.shownRefused = Math.max(sight.shownRefused, when);
        }
        Issued set = world.server().of(row);
        TokenSet tokens = row == null ? null : row.tokens();
        if (set != null) {
            // Of a login that comes back after another one, nobody remembers when it was seen first.
            sight.most.keySet().removeIf(other -> !other.family.login.equals(set.family.login));
        }
        if (set != null && tokens != null) {
            sight.least.merge(set, bound(tokens), Math::min);
        }
        lastSeen.put(world.scheduler().current(), new Seen(row, when));
        if (sight.crossed) {
            sight.known = null; // Of two that cross and differ, the node may believe the other.
        }
    }

    /** The server gave it these. */
    void hasGot(Issued set) {
        Sight sight = sight(set.family.key);
        long bound = world.now() + Simulation.LIFETIME.toNanos();
        sight.least.merge(set, bound, Math::min);
        sight.most.putIfAbsent(set, bound);
    }

    private long bound(TokenSet tokens) {
        long lifetime = Duration.between(tokens.receivedAt(), tokens.expiresAt().orElseThrow())
                .toNanos();
        return world.now() + Math.max(0, Math.min(byTheWall(tokens).toNanos(), lifetime));
    }

    /** How long an access token can be used here at least, as far as the node can know: both clocks say so. */
    Duration left(Issued set, TokenSet tokens) {
        return least(byTheWall(tokens), sight(set.family.key).least.getOrDefault(set, Long.MAX_VALUE));
    }

    /** How long it can be used here at most. */
    Duration leftAtMost(Issued set, TokenSet tokens) {
        return least(byTheWall(tokens), sight(set.family.key).most.computeIfAbsent(set, s -> bound(tokens)));
    }

    private Duration byTheWall(TokenSet tokens) {
        return Duration.between(wall(), tokens.expiresAt().orElseThrow());
    }

    private Duration least(Duration byTheWall, long bound) {
        Duration left = Duration.ofNanos(bound - world.now());
        return left.compareTo(byTheWall) < 0 ? left : byTheWall;
    }

    /** A call of the store begins. */
    Call callBegins(AccountKey key) {
        Sight sight = sight(key);
        Call call = new Call(sight, world.now(), sight.underWay.isEmpty() ? sight.callsEnded : -1);
        sight.underWay.add(call);
        return call;
    }

    void callEnds(Call call) {
        Sight sight = call.sight;
        sight.underWay.remove(call);
        sight.crossed = !sight.underWay.isEmpty() || call.before != sight.callsEnded++;
        if (call.trouble) {
            sight.troubles.add(new Interval(call.from, world.now(), call.blackout));
        }
    }

    /** Since when a call of the store may have been under way that decides about a caller from now. */
    long earliestCall(AccountKey key) {
        return sight(key).underWay.stream().mapToLong(call -> call.from).min().orElse(world.now());
    }

    /** Whether the store failed or was slow, for this user. */
    boolean hadTrouble(AccountKey key, long start, long end) {
        Sight sight = sight(key);
        return sight.troubles.stream().anyMatch(interval -> interval.to >= start && interval.from <= end)
                || sight.underWay.stream().anyMatch(call -> call.trouble && call.from <= end);
    }

    /** The same, where the store did not fail for all nodes. */
    boolean hadTroubleOfItsOwn(AccountKey key, long start, long end) {
        Sight sight = sight(key);
        return sight.troubles.stream()
                        .anyMatch(interval -> !interval.blackout && interval.to >= start && interval.from <= end)
                || sight.underWay.stream().anyMatch(call -> call.trouble && !call.blackout && call.from <= end);
    }

    boolean hadTroubleSince(AccountKey key, long start) {
        return hadTrouble(key, start, world.now());
    }

    /** A call of the store has failed. */
    void fails(Call call) {
        call.sight.lastFailure = world.now();
    }

    /** Whether any call of the store has failed, for whichever user. */
    boolean noticedSince(long start) {
        return sights.values().stream().anyMatch(sight -> sight.lastFailure >= start);
    }

    boolean hadFailureSince(AccountKey key, long start) {
        return sight(key).lastFailure >= start;
    }

    /** Whether a call of the store for this user has not come back. */
    boolean waitsForStore(AccountKey key) {
        return !sight(key).underWay.isEmpty();
    }

    /** It has served these, so it has to know them. */
    void knows(Issued set) {
        Sight sight = sight(set.family.key);
        if (sight.known != set) {
            sight.known = set;
            sight.knownSince = world.now();
        }
    }

    /** What it served last. */
    @Nullable
    Issued known(AccountKey key) {
        return sight(key).known;
    }

    boolean knew(Issued set, long when) {
        Sight sight = sight(set.family.key);
        return sight.known == set && sight.knownSince < when;
    }

    // ---- its tasks

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

    /** A few threads of a node, in virtual time. */
    private final class Pool {
        private final int most;
        private final Deque<Runnable> queue = new ArrayDeque<>();
        private final Deque<Runnable> background = new ArrayDeque<>();
        private int running;

        Pool(int most) {
            this.most = most;
        }

        void execute(Runnable task, Urgency urgency) {
            (urgency == Urgency.CALLER ? queue : background).add(task);
            next();
        }

        void clear() {
            queue.clear();
            background.clear();
        }

        private void next() {
            Runnable task = running < most ? (queue.isEmpty() ? background : queue).poll() : null;
            if (task == null) {
                return;
            }
            running++;
            world.scheduler().spawn(group, () -> {
                try {
                    task.run();
                } finally {
                    running--;
                    next();
                }
            });
        }
    }

    private final class SimulatedWorkers implements Workers {
        private final Pool threads;
        private final Pool readers;
        private final List<Scheduler.Task> pausing = new ArrayList<>();
        private boolean closing;

        SimulatedWorkers(int most) {
            this.threads = new Pool(most);
            this.readers = new Pool(most);
        }

        @Override
        public void execute(Runnable task, Urgency urgency) {
            execute(task, urgency, threads);
        }

        @Override
        public void read(Runnable task) {
            execute(task, Urgency.CALLER, readers);
        }

        private void execute(Runnable task, Urgency urgency, Pool pool) {
            if (closing) {
                throw new RejectedExecutionException();
            }
            pool.execute(task, urgency);
        }

        @Override
        public void later(Duration delay, Runnable task) {
            world.scheduler().after(group, delay, () -> {
                if (!closing) {
                    task.run();
                }
            });
        }

        @Override
        public boolean pause(Duration delay) {
            if (!closing) {
                Scheduler.Task me = world.scheduler().current();
                pausing.add(me);
                world.scheduler().after(delay, () -> {
                    // Closing may have woken it before, and it may wait for something else by now.
                    if (pausing.remove(me)) {
                        world.scheduler().wake(me);
                    }
                });
                world.scheduler().block();
            }
            return !closing;
        }

        /** No call waits for the store through an outage here: it fails. */
        @Override
        public long ticks() {
            return 0;
        }

        @Override
        public void letThrough(Throwable thrown) {
            if (thrown instanceof Scheduler.Killed killed) {
                throw killed;
            }
        }

        @Override
        public void close(Duration limit) {
            closing = true;
            pausing.forEach(world.scheduler()::wake);
            pausing.clear();
            long start = world.now();
            while (threads.running > 0 && world.now() - start < limit.toNanos()) {
                world.scheduler().sleep(Duration.ofMillis(10));
            }

            threads.clear();
            readers.clear();
        }
    }

    private final class SimulatedRenewal implements Renewal {
        /** The machine, for what outlives a process where it must not. */
        @Override
        public String toString() {
            return Life.this.toString();
        }

        @Override
        public @Nullable GrantRow begin(AccountKey key) {
            return null;
        }

        @Override
        public boolean possible(GrantRow row) {
            return row.tokens() != null;
        }

        @Override
        public Answer request(GrantRow row, Resource resource) {
            return world.server().request(Life.this, row);
        }

        @Override
        public TokenSet tokens(GrantRow row, Resource resource, TokenResponse response, Instant now) {
            return response.toTokenSet(row.tokens(), Set.of(), now, Optional.empty());
        }

        @Override
        public Provider.Replay replay(GrantRow row) {
            return world.plan().replay();
        }

        @Override
        public @Nullable Instant consentEndsAt(GrantRow row) {
            return null;
        }

        @Override
        public void revoke(GrantRow row, TokenSet tokens) {
            world.laws().revoking(tokens, lastSeen.get(world.scheduler().current()));
            if (world.tells()) {
                world.say(Life.this, "revokes " + world.server().of(tokens));
            }
            world.happened("tokens are revoked");
            world.scheduler().sleep(world.upTo(Duration.ofMillis(10)));
            world.server().revoke(tokens, world.plan().wide());
            world.scheduler().sleep(world.upTo(Duration.ofMillis(10)));
        }
    }

    private final class TracedEvents extends Unheard {
        @Override
        public void writePending(AccountKey key, IOException cause) {
            world.say(Life.this, key, "keeps tokens in memory");
            world.happened("tokens are kept in memory");
        }

        @Override
        public void storedAgain(AccountKey key) {
            world.laws().restored(key);
        }

        @Override
        public void writeCompleted(AccountKey key, Duration took) {
            world.say(Life.this, key, "has stored them after all");
            world.happened("tokens that were kept are stored");
        }
    }
}
