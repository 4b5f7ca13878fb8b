/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

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
 * One run: a few nodes over one store and one server, one user, and a plan of what goes wrong. The nodes are the real classes
 * of this package; threads, time, store, server and network are simulated.
 *
 * <p>A run goes in rounds. Each begins when the access token is about to end: then the nodes' callers come, and faults strike at
 * the moments that the plan names. After the last round everything heals, the callers come again, and {@link Laws} looks at what
 * is left.
 */
final class Simulation {
    static final AccountKey KEY = new AccountKey("simulated", "alice");
    static final Duration LIFETIME = Duration.ofSeconds(20);
    static final Timing TIMING = new Timing(Duration.ofMillis(400), Duration.ofSeconds(5));

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

    /** A caller who waits for tokens. */
    private static final class Asking {
        private final Life life;
        private boolean answered;

        Asking(Life life) {
            this.life = life;
        }
    }

    private final SplittableRandom dice;
    private final Plan plan;
    private final Scheduler scheduler;
    private final SimulatedServer server;
    private final SimulatedStore store;
    private final Laws laws = new Laws(this);
    private final List<Life> nodes = new ArrayList<>();
    private final List<Asking> asked = new ArrayList<>();
    private final List<Pending> pending = new ArrayList<>();
    private final Map<String, String> names = new HashMap<>();
    private final @Nullable StringBuilder trace;
    private @Nullable String broken;
    private int loginsBegun;
    private boolean healed;
    private boolean calm;

    private Simulation(long seed, Scheduler.Carriers carriers, @Nullable StringBuilder trace) {
        SplittableRandom seeded = new SplittableRandom(seed);
        this.plan = Plan.of(seeded.split());
        this.dice = seeded.split();
        this.scheduler = new Scheduler(seeded.split(), carriers, MOST_STEPS);
        this.server = new SimulatedServer(this, plan.rotation());
        this.store = new SimulatedStore(this);
        this.trace = trace;
    }

    /** How a run went: the law that was broken, if any, and how many steps it took. */
    record Result(@Nullable String broken, int steps) {}

    /** Runs one schedule. */
    static Result run(long seed, Scheduler.Carriers carriers) {
        return new Simulation(seed, carriers, null).run();
    }

    /** Runs one schedule and tells it. */
    static String tell(long seed, Scheduler.Carriers carriers) {
        StringBuilder trace = new StringBuilder();
        Simulation simulation = new Simulation(seed, carriers, trace);
        trace.append("seed ").append(seed).append(": ").append(simulation.plan).append('\n');
        Result result = simulation.run();
        return trace.append(result.broken() == null ? "holds" : "broken: " + result.broken())
                .append('\n')
                .toString();
    }

    private Result run() {
        String login = "login-" + ++loginsBegun;
        GrantRow first = GrantRow.of(login, wall(), server.login(login, LIFETIME), null);
        laws.begun(login);
        store.begin(first);
        laws.written(new Life(this, 0), Role.LOGIN, null, first);
        for (int i = 1; i <= plan.nodes(); i++) {
            nodes.add(new Life(this, i));
        }
        plan.faults().forEach(fault -> pending.add(new Pending(fault)));
        round(plan.rounds());
        Throwable thrown = scheduler.run();
        if (broken == null && thrown != null) {
            broken = thrown.toString() + (thrown.getStackTrace().length > 0 ? " at " + thrown.getStackTrace()[0] : "");
        }
        if (broken == null && !calm) {
            broken = "the run ended early";
        }
        return new Result(broken, scheduler.steps());
    }

    // ---- what the parts need from each other

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

    Instant wall() {
        return Instant.ofEpochMilli(EPOCH + now() / 1_000_000);
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

    void say(@Nullable Life life, String what) {
        // Nodes that wait look again and again.
        boolean looks = life != null && what.startsWith("find: ");
        if (trace != null && !(looks && life.toldAgain(what))) {
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
                + (row.refusal() == null ? "" : ", refused")
                + (row.notBefore() == null ? "" : ", not before") + "}";
    }

    // ---- the script

    private void round(int left) {
        // The newest tokens may not be in the store.
        Issued next = chance(3) ? server.newest() : server.of(store.row());
        long end = next == null ? 0 : next.ends.toEpochMilli() - EPOCH - now() / 1_000_000;
        // Past the soft limit, past the hard limit, or past its expiry.
        long early = chance(4) ? 3_500 : chance(2) ? 1_500 : -100;
        Duration wait = Duration.ofMillis(Math.max(chance(2) ? 10 : 1_000, end - early));
        scheduler.after(wait, () -> {
            if (store.row() == null && chance(2)) {
                login(any());
            }
            burst(Duration.ofMillis(60));
            scheduler.after(Duration.ofMillis(100), () -> burst(TIMING.attempt()));
            scheduler.after(TIMING.attempt().multipliedBy(3), () -> {
                if (left > 1) {
                    round(left - 1);
                } else {
                    heal();
                }
            });
        });
    }

    private Life any() {
        return nodes.get(dice.nextInt(nodes.size()));
    }

    private void burst(Duration within) {
        for (Life node : nodes) {
            for (int i = 1 + dice.nextInt(2); i > 0; i--) {
                scheduler.after(upTo(within), () -> ask(node));
            }
        }
    }

    private void heal() {
        say(null, "everything heals");
        healed = true;
        pending.clear();
        nodes.forEach(Life::heal);
        // Longer than any back-off, any T, and any retry of a write.
        scheduler.after(Duration.ofSeconds(90), () -> {
            // Its outcome is anybody's: the first to ask may find out that the grant has ended.
            burst(Duration.ofSeconds(1));
            scheduler.after(Duration.ofSeconds(90), this::lastCall);
        });
    }

    private void lastCall() {
        calm = true;
        say(null, "the last call");
        boolean expected = laws.atRest();
        for (Life node : nodes) {
            Asking mine = ask(node);
            scheduler.after(Duration.ofSeconds(60), () -> {
                if (!mine.answered && broken == null) {
                    broken("P7, law 12: a caller waits forever");
                }
            });
        }
        scheduler.after(Duration.ofSeconds(70), () -> {
            boolean served = laws.atRest();
            if (expected && !served) {
                broken("P4: the grant was alive, and nothing went wrong, and now it is not");
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

    private Asking ask(Life life) {
        Asking asking = new Asking(life);
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
        life.look();
        long since = now();
        int newest = life.newestLogin;
        Set<String> signedOut = new HashSet<>(life.signedOut);
        say(life, "is asked for tokens" + (rejected == null ? "" : " instead of " + rejected));
        CompletableFuture<Outcome> future =
                rejected == null ? life.refresher.current(KEY) : life.refresher.insteadOf(KEY, rejected);
        CompletableFuture<Outcome> unused = future.whenComplete((outcome, thrown) -> {
            if (life.dead()) {
                return;
            }
            if (thrown != null) {
                broken("a call failed: " + thrown);
                return;
            }
            laws.waited(life, since, rejected != null);
            if (outcome instanceof Outcome.Usable usable) {
                Issued set = server.of(usable.tokens());
                say(life, "serves " + set);
                laws.served(life, usable.tokens(), signedOut, newest, since);
                if (set.rejected && rejected == null) {
                    ask(asking, usable.tokens().accessToken());
                    return;
                }
            } else {
                say(life, "answers " + outcome);
                laws.notServed(life, outcome, since, rejected);
            }
            if (calm && !(outcome instanceof Outcome.Usable) && laws.atRest()) {
                broken("P4: nothing is wrong, and a call brings " + outcome);
            }
            asking.answered = true;
        });
    }

    private void login(Life life) {
        String login = "login-" + ++loginsBegun;
        // Access tokens that are about to end are refreshed while the login is still being written.
        TokenSet tokens = server.login(login, chance(3) ? Duration.ofMillis(1 + random(300)) : LIFETIME);
        GrantRow row = GrantRow.of(login, wall(), tokens, null);
        say(life, login + " begins with " + server.of(tokens));
        life.spawn(Role.LOGIN, () -> {
            life.logins.login(KEY, row);
            say(life, login + " returns");
            laws.loggedIn(life, login);
        });
    }

    private void signOut(Life life) {
        say(life, "a sign-out begins");
        life.spawn(Role.SIGN_OUT, () -> {
            Life.SigningOut out = life.signsOut(laws.standing());
            life.logins.signOut(KEY);
            say(life, "a sign-out returns");
            laws.signedOut(life, out);
        });
    }

    // ---- faults

    /** A moment that a fault may be waiting for. */
    void at(Moment moment, Life life) {
        if (healed || life.node == 0) {
            return;
        }
        for (Iterator<Pending> i = pending.iterator(); i.hasNext(); ) {
            Pending next = i.next();
            if (next.fault.moment() == moment && next.skip-- == 0) {
                i.remove();
                strike(next.fault, life);
                return;
            }
        }
    }

    private void strike(Fault fault, Life here) {
        SplittableRandom own = new SplittableRandom(fault.dice());
        Life life = fault.elsewhere() ? nodes.get(own.nextInt(nodes.size())) : here;
        if (life.dead()) {
            return;
        }
        say(life, "fault at " + fault.moment() + ": " + fault.kind());
        long t = TIMING.attempt().toMillis();
        switch (fault.kind()) {
            case CRASH -> {
                life.crash(own.nextBoolean());
                scheduler.after(Duration.ofMillis(own.nextLong(2 * t)), () -> {
                    nodes.set(life.node - 1, new Life(this, life.node));
                    say(nodes.get(life.node - 1), "starts again");
                    if (!healed) {
                        ask(nodes.get(life.node - 1));
                    }
                });
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
            case LOGIN -> login(life);
            case SIGN_OUT -> signOut(life);
            case CALLERS -> {
                for (int i = own.nextInt(4); i >= 0; i--) {
                    scheduler.after(Duration.ofMillis(own.nextLong(4)), () -> ask(any()));
                }
            }
            case CONSENT -> {
                Issued set = server.of(store.row());
                if (set != null) {
                    set.family.live = false;
                }
            }
            case REJECTED -> {
                Issued set = server.of(store.row());
                if (set != null) {
                    set.rejected = true;
                    ask(life);
                }
            }
            case RECONSIDER -> life.spawn(Role.RECONSIDER, () -> life.logins.reconsider(KEY));
        }
    }
}
