/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import dev.grantkeeper.internal.protocol.Resource;
import dev.grantkeeper.internal.refresh.Plan.Fault;
import dev.grantkeeper.internal.refresh.Plan.Moment;
import dev.grantkeeper.internal.refresh.SimulatedServer.Issued;
import dev.grantkeeper.internal.refresh.SimulatedStore.Role;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.TokenSet;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * One run: a few nodes over one store and one server, one to three users, and a plan of what goes wrong. The nodes are
 * the real classes of this package; threads, time, store, server and network are simulated.
 *
 * <p>For each user a run goes in rounds. Each begins when the access token is about to end: then the nodes' callers
 * come, and faults strike at the moments that the plan names. After the last round everything heals, the callers come
 * again, and {@link Laws} looks at what is left.
 */
final class Simulation {
    private static final List<AccountKey> USERS = List.of(
            new AccountKey("simulated", "alice"),
            new AccountKey("simulated", "bob"),
            new AccountKey("simulated", "carol"));
    static final Duration LIFETIME = Duration.ofSeconds(20);
    static final Timing TIMING =
            new Timing(Duration.ofMillis(600), Duration.ofSeconds(15), Duration.ZERO, Duration.ofMillis(400));

    private static final long EPOCH = 1_800_000_000_000L;
    private static final int MOST_STEPS = 20_000;

    private static final class Pending {
        private final Fault fault;
        private int skip;

        Pending(Fault fault) {
            this.fault = fault;
            this.skip = fault.skip();
        }
    }

    private record Blackout(long start, long end) {}

    /** A caller who waits for tokens. */
    private static final class Asking {
        private final Life life;
        private final AccountKey key;
        private final long since;
        private @Nullable CompletableFuture<Outcome> future;
        private boolean answered;
        private int patience = 4;

        Asking(Life life, AccountKey key, long since) {
            this.life = life;
            this.key = key;
            this.since = since;
        }
    }

    private final SplittableRandom dice;
    private final Plan plan;
    private final Scheduler scheduler;
    private final SimulatedServer server;
    private final SimulatedStore store;
    private final Laws laws = new Laws(this);
    private final List<AccountKey> users;
    /** How much the wall clocks are ahead, in milliseconds; node 0 is where it all begins. */
    private final long[] ahead;
    /** When they were set, for the last time. */
    private final long[] jumped;
    /** Until when the store is down for all nodes; it is back for one of them first. */
    private final long[] blackout;

    private final List<Blackout> blackouts = new ArrayList<>();
    private long forgetfulUntil;

    /** Those that run now. */
    private final List<Life> nodes = new ArrayList<>();
    /** Those, and all that ran before. */
    private final List<Life> lives = new ArrayList<>();

    private final List<Asking> asked = new ArrayList<>();
    private final List<Pending> pending = new ArrayList<>();
    private final Map<String, String> names = new HashMap<>();
    private final @Nullable StringBuilder trace;
    private final Set<Object> happened = new HashSet<>();
    private @Nullable String broken;
    private int loginsBegun;
    private int roundsLeft;
    /** The users that have to be served whatever happens, once everything has come to rest. */
    private List<AccountKey> expected = List.of();

    private boolean healed;
    private boolean calm;

    Simulation(long seed, Plan plan, Scheduler.Carriers carriers, @Nullable StringBuilder trace) {
        SplittableRandom seeded = new SplittableRandom(~seed);
        this.plan = plan;
        this.dice = seeded.split();
        this.scheduler = new Scheduler(seeded.split(), carriers, MOST_STEPS);
        this.server = new SimulatedServer(this, plan.rotation());
        this.store = new SimulatedStore(this);
        this.users = USERS.subList(0, plan.users());
        this.ahead = new long[plan.nodes() + 1];
        this.jumped = new long[plan.nodes() + 1];
        this.blackout = new long[plan.nodes() + 1];
        Arrays.fill(jumped, -1);
        for (int i = 0; i < plan.nodes(); i++) {
            ahead[i + 1] = plan.clocks().get(i);
        }
        this.trace = trace;
    }

    /**
     * How a run went.
     *
     * @param broken the law that was broken, if any
     * @param happened what has happened, each once: values of enums, and sentences
     */
    record Result(@Nullable String broken, Set<Object> happened) {}

    /** Runs one schedule. */
    static Result run(long seed, Plan plan, Scheduler.Carriers carriers) {
        return new Simulation(seed, plan, carriers, null).run();
    }

    /** Runs one schedule and tells it. */
    static String tell(long seed, Plan plan, Scheduler.Carriers carriers) {
        StringBuilder trace = new StringBuilder();
        trace.append("seed ").append(seed).append(": ").append(plan).append('\n');
        Result result = new Simulation(seed, plan, carriers, trace).run();
        return trace.append(result.broken() == null ? "holds" : "broken: " + result.broken())
                .append('\n')
                .toString();
    }

    private Result run() {
        begin();
        for (int i = 1; i <= plan.nodes(); i++) {
            nodes.add(new Life(this, i));
        }
        lives.addAll(nodes);
        plan.faults().forEach(fault -> pending.add(new Pending(fault)));
        roundsLeft = users.size() * plan.rounds();
        users.forEach(key -> round(key, plan.rounds()));
        Throwable thrown = scheduler.run();
        if (broken == null && thrown != null) {
            broken = thrown.toString() + (thrown.getStackTrace().length > 0 ? " at " + thrown.getStackTrace()[0] : "");
        }
        if (broken == null && !calm) {
            broken = "the run ended early";
        }
        happened(plan.rotation());
        happened(plan.replay());
        if (!plan.hasRightClocks()) {
            happened("clocks are wrong");
        }
        if (plan.users() > 1) {
            happened("several users");
        }
        return new Result(broken, happened);
    }

    /** All users are signed in. */
    void begin() {
        Life beginning = new Life(this, 0);
        for (AccountKey key : users) {
            String login = "login-" + ++loginsBegun;
            GrantRow first = GrantRow.of(login, wall(), server.login(key, login, LIFETIME, wall()), null);
            laws.begun(login);
            store.begin(key, first);
            laws.written(beginning, key, Role.LOGIN, null, first, false);
        }
    }

    // ---- what the parts need from each other

    List<AccountKey> users() {
        return users;
    }

    /** The law that was broken first. */
    @Nullable
    String broken() {
        return broken;
    }

    Plan plan() {
        return plan;
    }

    Scheduler scheduler() {
        return scheduler;
    }

    SimulatedServer server() {
        return server;
    }

    SimulatedStore store() {
        return store;
    }

    Laws laws() {
        return laws;
    }

    long now() {
        return scheduler.now();
    }

    /** What a clock shows that is right. */
    Instant wall() {
        return Instant.ofEpochMilli(EPOCH + now() / 1_000_000);
    }

    /** How much the clock of a node is ahead, in milliseconds. */
    long ahead(int node) {
        return ahead[node];
    }

    /** The beginning of the last outage for all; -1 if there was none. */
    long lastBlackout() {
        return blackouts.stream().mapToLong(Blackout::start).max().orElse(-1);
    }

    boolean wasBlackout(long start, long end) {
        return blackouts.stream().anyMatch(blackout -> blackout.end() >= start && blackout.start() <= end);
    }

    /** Whether the store is being restarted. */
    boolean isForgetful() {
        return now() < forgetfulUntil;
    }

    boolean isBlackout(int node) {
        return now() < blackout[node];
    }

    /** Whether the clock of a node was set. */
    boolean jumpedSince(int node, long start) {
        return jumped[node] >= start;
    }

    /** Something happened in this run of which one would like to know that it happens. */
    void happened(Object what) {
        happened.add(what);
    }

    /** Whether somebody listens to {@link #say}. */
    boolean tells() {
        return trace != null;
    }

    /** A login that was signed out is there again, by the fault of the store. */
    void forgetSignOut(AccountKey key, String login) {
        lives.forEach(life -> life.sight(key).signedOut.remove(login));
    }

    long random(long bound) {
        return dice.nextLong(bound);
    }

    boolean chance(int oneIn) {
        return dice.nextInt(oneIn) == 0;
    }

    /** A time of whole milliseconds, so that things do happen at once. */
    Duration upTo(Duration most) {
        return Duration.ofMillis(dice.nextLong(most.toMillis() + 1));
    }

    /** Whether nothing has gone wrong for so long that nothing may be wrong any more. */
    boolean isCalm() {
        return calm;
    }

    void broken(String law) {
        if (broken == null) {
            broken = law;
            say(null, "BROKEN: " + law);
            scheduler.stop();
        }
    }

    void say(Life life, AccountKey key, String what) {
        // Nodes that wait look again and again.
        if (trace != null && !(what.startsWith("find: ") && life.toldAgain(key, what))) {
            say(life, users.size() == 1 ? what : key.account() + ": " + what);
        }
    }

    void say(@Nullable Life life, String what) {
        if (trace != null) {
            trace.append(String.format(
                    Locale.ROOT, "%10.3f %-3s %s%n", now() / 1e9, life == null ? "" : life.toString(), what));
        }
    }

    /** A short name for a random one. */
    String name(String prefix, String random) {
        return trace == null ? random : names.computeIfAbsent(random, r -> prefix + (names.size() + 1));
    }

    String tell(@Nullable GrantRow row) {
        if (trace == null || row == null) {
            return "none";
        }
        return "{" + row.login() + ", " + server.of(row)
                + (row.attempt() == null ? "" : ", attempt " + name("a", row.attempt()))
                + (row.own().refusal() == null ? "" : ", refused")
                + (row.own().notBefore() == null ? "" : ", not before") + "}";
    }

    // ---- the script

    private void round(AccountKey key, int left) {
        // The newest tokens may not be in the store.
        Issued next = chance(3) ? server.newest(key) : server.of(store.row(key));
        long end = next == null ? 0 : next.ends.toEpochMilli() - EPOCH - now() / 1_000_000;
        // Past the soft limit, past the hard limit, or past its expiry.
        long early = chance(4) ? 3_500 : chance(2) ? 1_500 : -100;
        Duration wait = Duration.ofMillis(Math.max(chance(2) ? 10 : 1_000, end - early));
        scheduler.after(wait, () -> {
            if (store.row(key) == null && chance(2)) {
                login(any(), key, chance(4) ? Role.IMPORT : Role.LOGIN);
            }
            burst(key, Duration.ofMillis(60));
            scheduler.after(Duration.ofMillis(100), () -> burst(key, TIMING.attempt()));
            scheduler.after(TIMING.attempt().multipliedBy(3), () -> {
                if (left > 1) {
                    round(key, left - 1);
                }
                if (--roundsLeft == 0) {
                    heal();
                }
            });
        });
    }

    private Life any() {
        return nodes.get(dice.nextInt(nodes.size()));
    }

    private void burst(AccountKey key, Duration within) {
        for (Life node : nodes) {
            for (int i = 1 + dice.nextInt(2); i > 0; i--) {
                scheduler.after(upTo(within), () -> ask(nodes.get(node.node - 1), key));
            }
        }
    }

    private void heal() {
        say(null, "everything heals");
        healed = true;
        pending.clear();
        lives.forEach(Life::heal);
        Arrays.fill(blackout, 0);
        forgetfulUntil = 0;
        // Longer than any back-off, any T, and any retry of a write. A clock that was set back makes a back-off longer,
        // but not by more than an hour.
        scheduler.after(
                Duration.ofSeconds(90).plus(plan.hasRightClocks() ? Duration.ZERO : Duration.ofHours(1)), () -> {
                    // Its outcome is anybody's: the first to ask may find out that the grant has ended.
                    users.forEach(key -> burst(key, Duration.ofSeconds(1)));
                    scheduler.after(Duration.ofSeconds(90), this::lastCall);
                });
    }

    private void lastCall() {
        calm = true;
        say(null, "the last call");
        expected = users.stream().filter(laws::atRest).toList();
        for (Life node : nodes) {
            for (AccountKey key : users) {
                Asking mine = ask(node, key);
                scheduler.after(Duration.ofSeconds(60), () -> {
                    if (!mine.answered && broken == null) {
                        broken("P7, law 12: a caller waits forever");
                    }
                });
            }
        }
        scheduler.after(Duration.ofSeconds(70), () -> {
            for (AccountKey key : users) {
                boolean served = laws.atRest(key);
                if (expected.contains(key) && !served) {
                    broken("P4: the grant was alive, and nothing went wrong, and now it is not");
                }
            }
            for (Asking asking : asked) {
                if (!asking.answered && !asking.life.dead()) {
                    broken("P7, law 12: a caller was never answered");
                }
            }
            for (Life node : nodes) {
                if (node.refresher.isBusy()) {
                    broken("P7: " + node + " does not come to rest");
                }
            }
        });
    }

    // ---- callers, logins, sign-outs

    private Asking ask(Life life, AccountKey key) {
        Asking asking = new Asking(life, key, now());
        if (life.dead()) {
            asking.answered = true;
            return asking;
        }
        asked.add(asking);
        ask(asking, null);
        return asking;
    }

    private void ask(Asking asking, @Nullable String rejected) {
        Life life = asking.life;
        AccountKey key = asking.key;
        long since = now();
        long earliest = life.earliestCall(key);
        Life.Sight sight = life.sight(key);
        int newest = sight.newestLogin;
        Set<String> signedOut = sight.signedOut.isEmpty() ? Set.of() : new HashSet<>(sight.signedOut);
        say(life, key, "is called for tokens" + (rejected == null ? "" : " instead of " + rejected));
        CompletableFuture<Outcome> future = rejected == null
                ? life.refresher.current(key, Resource.OWN)
                : life.refresher.insteadOf(key, Resource.OWN, rejected);
        asking.future = future;
        CompletableFuture<Outcome> unused = future.whenComplete((outcome, thrown) -> {
            if (life.dead() || asking.answered) {
                return;
            }
            if (thrown != null) {
                broken("law 11: a call failed: " + thrown);
                return;
            }
            laws.waited(life, key, since, rejected != null);
            if (outcome instanceof Outcome.Usable usable) {
                Issued set = server.of(usable.tokens());
                say(life, key, "serves " + set);
                happened(outcome.getClass());
                laws.served(life, key, usable.tokens(), signedOut, newest, since);
                if (set.rejected && rejected == null) {
                    ask(asking, usable.tokens().accessToken());
                    return;
                }
            } else {
                say(life, key, "answers " + outcome);
                happened(outcome.getClass());
                laws.notServed(life, key, outcome, since, earliest);
            }
            if (!(outcome instanceof Outcome.Usable) && expected.contains(key)) {
                // After failures one request tries the token endpoint first, perhaps that of another user.
                if (outcome instanceof Outcome.RequestFailed && users.size() > 1 && --asking.patience > 0) {
                    scheduler.after(Duration.ofSeconds(2), () -> ask(asking, null));
                    return;
                }
                broken("P4: nothing is wrong, and a call brings " + outcome);
            }
            asking.answered = true;
        });
    }

    /** Half of those who wait here give up. */
    private void giveUp(Life life) {
        for (Asking asking : List.copyOf(asked)) {
            CompletableFuture<Outcome> future = asking.future;
            if (asking.life == life && !asking.answered && future != null && chance(2)) {
                asking.answered = true;
                say(life, asking.key, "a caller gives up");
                happened("a caller gives up");
                future.cancel(true);
            }
        }
    }

    private void login(Life life, AccountKey key, Role role) {
        String login = "login-" + ++loginsBegun;
        // Access tokens that are about to end are refreshed while the login is still being written.
        TokenSet tokens =
                server.login(key, login, chance(3) ? Duration.ofMillis(1 + random(300)) : LIFETIME, life.wall());
        GrantRow row = GrantRow.of(login, life.wall(), tokens, null);
        if (tells()) {
            say(life, key, login + " begins with " + server.of(tokens));
        }
        life.spawn(role, () -> {
            if (role == Role.LOGIN) {
                life.logins.login(key, row);
            } else if (!life.logins.create(key, row)) {
                return;
            }
            say(life, key, login + " returns");
            happened(role);
            laws.loggedIn(life, key, login);
        });
    }

    private void signOut(Life life, AccountKey key) {
        say(life, key, "a sign-out begins");
        life.spawn(Role.SIGN_OUT, () -> {
            Life.SigningOut out = life.signsOut(laws.standing(key));
            life.logins.signOut(key);
            say(life, key, "a sign-out returns");
            laws.signedOut(life, key, out);
        });
    }

    private Life start(int node) {
        Life next = new Life(this, node);
        nodes.set(node - 1, next);
        lives.add(next);
        say(next, "starts");
        return next;
    }

    /** A node is closed in order; then its process ends, or goes on with a new one. */
    private void close(Life life, Duration limit, Duration grace) {
        if (life.closed()) {
            return;
        }
        life.spawn(Role.REFRESH, () -> {
            say(life, "is closed within " + limit);
            long since = now();
            int unsaved = life.close(limit);
            say(life, "is closed, and " + unsaved + " token sets are not stored");
            laws.closed(life, users, unsaved, since, limit);
            Life next = start(life.node);
            scheduler.after(grace, () -> life.crash(grace.isZero()));
            scheduler.after(upTo(TIMING.attempt()), () -> ask(next, users.get(0)));
        });
    }

    // ---- faults

    /** A moment that a fault may be waiting for. */
    void at(Moment moment, Life life, AccountKey key) {
        happened(moment);
        if (healed || life.node == 0) {
            return;
        }
        for (Iterator<Pending> i = pending.iterator(); i.hasNext(); ) {
            Pending next = i.next();
            if (next.fault.moment() == moment && next.skip-- == 0) {
                i.remove();
                strike(next.fault, life, key);
                return;
            }
        }
    }

    private void strike(Fault fault, Life here, AccountKey whose) {
        SplittableRandom own = new SplittableRandom(fault.dice());
        Life life = fault.elsewhere() ? nodes.get(own.nextInt(nodes.size())) : here;
        AccountKey key = fault.another() ? users.get(own.nextInt(users.size())) : whose;
        if (life.dead()) {
            return;
        }
        happened(fault.kind());
        say(life, key, "fault at " + fault.moment() + ": " + fault.kind());
        long t = TIMING.attempt().toMillis();
        switch (fault.kind()) {
            case CRASH -> {
                life.crash(own.nextBoolean());
                if (nodes.get(life.node - 1) == life) {
                    scheduler.after(Duration.ofMillis(own.nextLong(2 * t)), () -> {
                        Life next = start(life.node);
                        if (!healed) {
                            ask(next, key);
                        }
                    });
                }
            }
            case CLOSE -> {
                long[] limits = {0, 50, t, 5_000};
                close(
                        life,
                        Duration.ofMillis(limits[own.nextInt(limits.length)]),
                        Duration.ofMillis(own.nextInt(2) * own.nextLong(2 * t)));
            }
            case CLOCK -> {
                ahead[life.node] = own.nextInt(3) == 0 ? 0 : Plan.WRONG[own.nextInt(Plan.WRONG.length)];
                jumped[life.node] = now();
                say(life, "its clock is ahead by " + ahead[life.node] + " ms from now on");
            }
            case PAUSE -> {
                long[] lengths = {50, 300, t * 2 / 3, t, t * 3 / 2, t * 5 / 2};
                life.freeze(Duration.ofMillis(lengths[own.nextInt(lengths.length)]));
            }
            case OUTAGE -> {
                long[] lengths = {100, 400, t, 2 * t, 5 * t, 20 * t};
                Duration length = Duration.ofMillis(lengths[own.nextInt(lengths.length)]);
                boolean reads = own.nextBoolean();
                boolean everywhere = own.nextInt(3) == 0;
                nodes.stream()
                        .filter(node -> everywhere || node == life)
                        .forEach(node -> node.storeDown(length, reads));
            }
            case BLACKOUT -> {
                long[] lengths = {t / 2, t, t * 3 / 2, 3 * t, 10 * t};
                Duration length = Duration.ofMillis(lengths[own.nextInt(lengths.length)]);
                for (int i = 1; i < blackout.length; i++) {
                    long end = now()
                            + length.plusMillis(own.nextInt(2) * own.nextLong(t / 30))
                                    .toNanos();
                    blackout[i] = Math.max(blackout[i], end);
                    blackouts.add(new Blackout(now(), end));
                }
                scheduler.after(length.plusMillis(own.nextLong(5)), () -> ask(any(), key));
            }
            case FORGETFUL -> {
                long[] lengths = {t / 2, t, t * 3 / 2, 3 * t, 10 * t};
                Duration length = Duration.ofMillis(lengths[own.nextInt(lengths.length)]);
                long start = now();
                forgetfulUntil = start + length.toNanos();
                for (int i = 1; i < blackout.length; i++) {
                    long end = forgetfulUntil
                            + Duration.ofMillis(own.nextInt(2) * own.nextLong(8))
                                    .toNanos();
                    blackout[i] = Math.max(blackout[i], end);
                    blackouts.add(new Blackout(start, end));
                }
                Duration last = Duration.ofMillis(own.nextLong(200));
                scheduler.after(length.minusMillis(1), () -> {
                    if (!healed) {
                        store.forget(start - last.toNanos(), start);
                    }
                });
                scheduler.after(length.plusMillis(own.nextLong(5)), () -> ask(any(), key));
            }
            case WRITE_FAILS -> {
                SimulatedStore.Fate[] fates = SimulatedStore.Fate.values();
                for (int i = own.nextInt(3); i >= 0; i--) {
                    life.willWrite(fates[1 + own.nextInt(fates.length - 1)]);
                    life.willBeSlow(own.nextInt(3) == 0 ? Duration.ofMillis(own.nextLong(t)) : Duration.ZERO);
                }
            }
            case SLOW_STORE -> {
                for (int i = own.nextInt(3); i >= 0; i--) {
                    life.willBeSlow(Duration.ofMillis(own.nextLong(own.nextInt(4) == 0 ? 3 * t : t)));
                }
            }
            case LOST_ANSWER -> {
                SimulatedServer.Fate[] fates = {
                    SimulatedServer.Fate.NEVER_ARRIVES,
                    SimulatedServer.Fate.ANSWER_LOST,
                    SimulatedServer.Fate.ARRIVES_LATE
                };
                for (int i = own.nextInt(2); i >= 0; i--) {
                    life.willSend(fates[own.nextInt(fates.length)]);
                }
            }
            case SLOW_ANSWER -> life.willSend(SimulatedServer.Fate.SLOW);
            case TEMPORARY -> {
                SimulatedServer.Fate[] fates = {
                    SimulatedServer.Fate.UNAVAILABLE, SimulatedServer.Fate.NOT_SENT, SimulatedServer.Fate.CLIENT_REFUSED
                };
                for (int i = own.nextInt(4); i >= 0; i--) {
                    life.willSend(fates[own.nextInt(fates.length)]);
                }
            }
            case VERY_LATE -> life.willSend(SimulatedServer.Fate.ARRIVES_BEYOND_ALL_LIMITS);
            case LOGIN -> login(life, key, Role.LOGIN);
            case IMPORT -> login(life, key, Role.IMPORT);
            case SIGN_OUT -> signOut(life, key);
            case CALLERS -> {
                for (int i = own.nextInt(4); i >= 0; i--) {
                    scheduler.after(Duration.ofMillis(own.nextLong(4)), () -> ask(any(), key));
                }
            }
            case GIVE_UP -> {
                for (int i = own.nextInt(3); i >= 0; i--) {
                    scheduler.after(Duration.ofMillis(i * own.nextLong(t)), () -> giveUp(life));
                }
            }
            case CONSENT -> {
                Issued set = server.of(store.row(key));
                if (set != null) {
                    set.family.live = false;
                }
            }
            case REJECTED -> rejected(life, key, own);
            case RECONSIDER -> life.spawn(Role.RECONSIDER, () -> life.logins.clearRefusal(key));
        }
    }

    /** An API answers 401 to valid tokens: once, or to whatever it gets for a while. Some notice it late. */
    private void rejected(Life life, AccountKey key, SplittableRandom own) {
        Issued set = server.of(store.row(key));
        if (set == null) {
            return;
        }
        set.rejected = true;
        String token = "access-" + set.number;
        if (own.nextInt(4) == 0) {
            set.family.unwelcomeUntil =
                    now() + Duration.ofMillis(own.nextLong(10_000)).toNanos();
            for (int i = 1; i <= 4; i++) {
                scheduler.after(Duration.ofMillis(i * own.nextLong(2_000)), () -> ask(any(), key));
            }
        }
        if (own.nextInt(3) == 0) {
            say(life, key, "hears that " + set + " was rejected by a call that cannot be repeated");
            happened("invalidate");
            life.refresher.invalidate(key, Resource.OWN, token);
        }
        for (int i = own.nextInt(3); i > 0; i--) {
            scheduler.after(Duration.ofMillis(own.nextLong(3_000)), () -> {
                Life late = any();
                if (!late.dead()) {
                    Asking asking = new Asking(late, key, now());
                    asked.add(asking);
                    ask(asking, token);
                }
            });
        }
        ask(life, key);
    }
}
