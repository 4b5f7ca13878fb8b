/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.answer.TokenResponse;
import dev.grantkeeper.internal.protocol.Resource;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.row.RowFormat;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenSet;
import dev.grantkeeper.token.TokenStore;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * One run of many users of one registration: what they share (the token endpoint and its gate, the threads, the store)
 * and who is hurt by whom. A part of them has some trouble; the others have none, and none may be passed on to them.
 *
 * <p>The nodes are real {@link Engine}s, from their first call to their {@link Engine#close}; threads, time, store and
 * server are simulated. Time is virtual, and the limits are those of production.
 */
final class Crowd {
    /** The trouble that a user has. Some of it looks like trouble of the endpoint, if several begin to have it. */
    enum Trouble {
        /** None, and the access token has expired. */
        HEALTHY,
        /** None, and the access token is past its soft limit. */
        BACKGROUND,
        /** The server refuses the refresh token. */
        REFUSED,
        /** The server rejects the client, for this user's tenant. */
        CLIENT_REJECTED,
        /** The server does not like the request. */
        REQUEST_REJECTED,
        /** The server wants a long pause. */
        THROTTLED,
        /** The server fails. */
        FAILING,
        /** The server does not answer. */
        HANGING,
        /** A node that has died left its attempt in the row. */
        DEAD_ATTEMPT,
        /** Reads of the row hang. */
        ROW_HANGS,
        /** The store throws an error when new tokens are written, once. */
        STORE_THROWS;

        boolean looksLikeTheEndpoint() {
            return this == THROTTLED || this == FAILING || this == HANGING;
        }
    }

    static final Timing TIMING = new Timing(Duration.ofSeconds(10), Duration.ofSeconds(5), Duration.ZERO);
    private static final Instant START = Instant.parse("2027-01-01T00:00:00Z");
    private static final Duration LIFETIME = Duration.ofHours(1);
    private static final Duration QUICK = Duration.ofMillis(80);
    private static final Duration SLOW = Duration.ofMillis(250);
    /** The longest wait of a user without trouble. */
    private static final Duration PATIENCE = Duration.ofSeconds(1);

    private static final Resource OTHER = Resource.named("https://files.example");
    private static final int MOST_STEPS = 20_000_000;

    /**
     * The subject of a run.
     *
     * @param troubles how many users have which
     * @param nodes how many nodes there are
     * @param threads how many tasks a node runs at once
     * @param most how many, where they hang
     * @param requests how many token requests a node makes at once
     * @param strangers how many tokens of strangers are exchanged a second
     * @param strangersAnswer how that ends
     * @param length how long it goes on until everything is closed
     */
    record Cast(
            Map<Trouble, Integer> troubles,
            int nodes,
            int threads,
            int most,
            int requests,
            int strangers,
            Trouble strangersAnswer,
            Duration length) {
        /** The cast of a seed, of so many users. */
        static Cast of(SplittableRandom dice, int users) {
            Map<Trouble, Integer> troubles = new EnumMap<>(Trouble.class);
            int left = users;
            for (int kinds = 1 + dice.nextInt(3); kinds > 0; kinds--) {
                Trouble trouble = Trouble.values()[1 + dice.nextInt(Trouble.values().length - 1)];
                int most = trouble == Trouble.BACKGROUND ? users * 3 / 4 : users / 2;
                // The store, and the threads for it, have to have some room left.
                most = trouble == Trouble.ROW_HANGS ? Math.min(most, users <= 200 ? 12 : 80) : most;
                most = trouble.looksLikeTheEndpoint() ? Math.min(12, users / 10) : most;
                most = trouble == Trouble.THROTTLED ? 1 : most;
                int some = 1 + dice.nextInt(Math.max(1, most));
                if (some < left && troubles.putIfAbsent(trouble, some) == null) {
                    left -= some;
                }
            }
            troubles.put(Trouble.HEALTHY, Math.max(30, left));
            boolean small = users <= 200;
            Trouble[] answers = {
                Trouble.REQUEST_REJECTED,
                Trouble.REFUSED,
                Trouble.CLIENT_REJECTED,
                Trouble.FAILING,
                Trouble.THROTTLED,
                Trouble.HANGING
            };
            return new Cast(
                    troubles,
                    1 + dice.nextInt(2),
                    small ? 8 : 64,
                    small ? 40 : 256,
                    small ? 4 : 32,
                    dice.nextInt(2) * (1 + dice.nextInt(5)),
                    answers[dice.nextInt(answers.length)],
                    Duration.ofSeconds(40 + dice.nextInt(30)));
        }
    }

    /** One user, as the world sees it. */
    private static final class User {
        final AccountKey key;
        final Trouble trouble;
        /** The refresh token that the server takes. */
        int spent;

        boolean familyEnded;
        boolean thrown;
        int requests;
        int reads;
        int calls;

        User(AccountKey key, Trouble trouble) {
            this.key = key;
            this.trouble = trouble;
        }

        boolean isWell() {
            return trouble == Trouble.HEALTHY || trouble == Trouble.BACKGROUND || trouble == Trouble.STORE_THROWS;
        }
    }

    private final class Call {
        final Node node;
        final String what;
        final long since = scheduler.now();
        boolean answered;

        Call(Node node, String what) {
            this.node = node;
            this.what = what;
        }
    }

    private final SplittableRandom dice;
    private final Scheduler scheduler;
    private final Cast cast;
    private final @Nullable StringBuilder trace;
    private final RowFormat format = new RowFormat(null);
    private final Map<AccountKey, StoredTokens> table = new HashMap<>();
    private final Map<AccountKey, User> users = new LinkedHashMap<>();
    private final Map<String, User> byName = new HashMap<>();
    private final List<Node> nodes = new ArrayList<>();
    private final List<Call> calls = new ArrayList<>();
    private final Map<String, Integer> hurt = new HashMap<>();
    private final Set<Object> happened = new HashSet<>();
    private @Nullable String broken;
    private int strangers;

    private Crowd(long seed, int size, Scheduler.Carriers carriers, @Nullable StringBuilder trace) {
        SplittableRandom seeded = new SplittableRandom(~seed);
        this.dice = seeded.split();
        this.scheduler = new Scheduler(seeded.split(), carriers, MOST_STEPS);
        this.trace = trace;
        this.cast = Cast.of(seeded.split(), size);
    }

    /**
     * The result of a run.
     *
     * @param broken the law that was broken, if any
     * @param happened what has happened, each once
     */
    record Result(@Nullable String broken, Set<Object> happened) {}

    /** Runs one crowd of so many users. */
    static Result run(long seed, int size, Scheduler.Carriers carriers) {
        return new Crowd(seed, size, carriers, null).run();
    }

    /** Runs one crowd and tells it. */
    static String tell(long seed, int size, Scheduler.Carriers carriers) {
        StringBuilder trace = new StringBuilder();
        Crowd crowd = new Crowd(seed, size, carriers, trace);
        trace.append("seed ").append(seed).append(": ").append(crowd.cast).append('\n');
        Result result = crowd.run();
        return trace.append(result.broken() == null ? "holds" : "broken: " + result.broken())
                .append('\n')
                .toString();
    }

    private Result run() {
        for (int i = 1; i <= cast.nodes(); i++) {
            nodes.add(new Node(i));
        }
        cast.troubles().forEach((trouble, count) -> {
            happened.add(trouble);
            for (int i = 0; i < count; i++) {
                arrive(trouble, i);
            }
        });
        script();
        Throwable thrown = scheduler.run();
        if (broken == null && thrown != null) {
            broken = thrown + (thrown.getStackTrace().length > 0 ? " at " + thrown.getStackTrace()[0] : "");
        }
        if (broken == null && !hurt.isEmpty()) {
            broken = "law 18, 19: hurt by others, though nothing is wrong with them: " + hurt + ", in " + cast;
        }
        return new Result(broken, happened);
    }

    private void broken(String law) {
        if (broken == null) {
            broken = law + ", in " + cast;
            say("BROKEN: " + law);
            scheduler.stop();
        }
    }

    private void say(String what) {
        if (trace != null) {
            trace.append(String.format(Locale.ROOT, "%10.3f %s%n", scheduler.now() / 1e9, what));
        }
    }

    private Instant wall() {
        return START.plusNanos(scheduler.now());
    }

    private Duration upTo(Duration most) {
        return Duration.ofMillis(dice.nextLong(most.toMillis() + 1));
    }

    // ---- the script

    private void arrive(Trouble trouble, int number) {
        String name = trouble + "-" + number;
        User user = new User(new AccountKey("simulated", name), trouble);
        users.put(user.key, user);
        byName.put(name, user);
        // Past the soft limit is past the last fifth of the life, or less; past the hard limit the last seconds.
        Duration left = trouble == Trouble.BACKGROUND ? Duration.ofMinutes(4) : Duration.ofSeconds(-1);
        TokenSet tokens = TokenSet.builder("access-" + name + "-0")
                .refreshToken(name + "/0")
                .receivedAt(START.minus(LIFETIME).plus(left))
                .expiresAt(START.plus(left))
                .build();
        GrantRow row = GrantRow.of("login-" + name, START, tokens, null);
        table.put(
                user.key,
                format.write(user.key, trouble == Trouble.DEAD_ATTEMPT ? row.attempting("of the dead") : row));
    }

    private void script() {
        // The client is known to be accepted before anybody hears that it is not.
        for (Node node : nodes) {
            User first = byName.get("HEALTHY-" + (node.number - 1));
            scheduler.after(Duration.ZERO, () -> ask(node, first, Resource.OWN));
        }
        Duration begin = Duration.ofSeconds(2);
        int failing = 0;
        for (User user : users.values()) {
            switch (user.trouble) {
                case HEALTHY, STORE_THROWS -> {
                    Duration when = begin.plus(upTo(cast.length().minusSeconds(8)));
                    for (Node node : nodes) {
                        if (node.number == 1 || dice.nextInt(4) == 0) {
                            scheduler.after(
                                    when.plus(upTo(Duration.ofMillis(20))), () -> ask(node, user, Resource.OWN));
                        }
                    }
                    if (user.trouble == Trouble.HEALTHY && dice.nextInt(4) == 0) {
                        scheduler.after(when.plusSeconds(2), () -> ask(nodes.get(0), user, OTHER));
                    }
                }
                case FAILING, HANGING -> {
                    // One after the other, so that others succeed in between.
                    Node its = nodes.get(failing % nodes.size());
                    Duration when = begin.plusMillis(++failing * 1_500);
                    again(its, user, when);
                    User well = byName.get("HEALTHY-" + (nodes.size() + failing));
                    scheduler.after(when.plusMillis(300), () -> ask(its, well, Resource.OWN));
                }
                case BACKGROUND -> scheduler.after(begin.plusSeconds(3), () -> ask(any(), user, Resource.OWN));
                default -> again(null, user, begin.plus(upTo(Duration.ofSeconds(3))));
            }
        }
        for (Node node : nodes) {
            scheduler.after(begin.plus(upTo(Duration.ofSeconds(5))), () -> application(node));
        }
        if (cast.strangers() > 0) {
            happened.add("strangers");
            scheduler.after(begin, this::stranger);
        }
        scheduler.after(cast.length(), this::close);
    }

    private Node any() {
        return nodes.get(dice.nextInt(nodes.size()));
    }

    /** Users with trouble try again and again. */
    private void again(@Nullable Node its, User user, Duration delay) {
        scheduler.after(delay, () -> {
            if (scheduler.now() < cast.length().toNanos()) {
                ask(its == null ? any() : its, user, Resource.OWN);
                again(its, user, Duration.ofMillis(200 + dice.nextLong(3_000)));
            }
        });
    }

    private void ask(Node node, User user, Resource resource) {
        Call call = new Call(node, user.key.account());
        calls.add(call);
        user.calls++;
        CompletableFuture<Void> unused = node.engine
                .users()
                .current(user.key, resource)
                .handle((outcome, thrown) -> {
                    answered(call, outcome, thrown);
                    if (user.isWell()) {
                        judge(call, outcome, thrown, "access-" + user.key.account() + "-");
                    }
                    return null;
                });
    }

    private void application(Node node) {
        Call call = new Call(node, "the application");
        calls.add(call);
        AccountKey key = new AccountKey("simulated", "the application");
        CompletableFuture<Void> unused = node.engine
                .application()
                .current(key, Resource.OWN)
                .handle((outcome, thrown) -> {
                    answered(call, outcome, thrown);
                    judge(call, outcome, thrown, "access-application-");
                    return null;
                });
        Duration next = Duration.ofSeconds(3);
        if (scheduler.now() + next.toNanos() < cast.length().minusSeconds(5).toNanos()) {
            scheduler.after(next, () -> application(node));
        }
    }

    private void stranger() {
        if (scheduler.now() >= cast.length().toNanos()) {
            return;
        }
        AccountKey key = new AccountKey("simulated", "made up " + ++strangers);
        Call call = new Call(nodes.get(0), key.account());
        calls.add(call);
        CompletableFuture<Void> unused = nodes.get(0)
                .engine
                .inProcess(key, new Exchange(nodes.get(0)))
                .refresher()
                .current(key, Resource.OWN)
                .handle((outcome, thrown) -> {
                    answered(call, outcome, thrown);
                    return null;
                });
        scheduler.after(Duration.ofMillis(1_000 / cast.strangers()), this::stranger);
    }

    /** All nodes are closed; those who wait for a hanging server hear of it. */
    private void close() {
        for (Node node : nodes) {
            Duration limit = Duration.ofMillis(100 + dice.nextLong(3_000));
            scheduler.spawn(node.group, () -> {
                say(node + " is closed within " + limit);
                long since = scheduler.now();
                int unsaved = node.engine.close(limit);
                say(node + " is closed, and " + unsaved + " token sets are not stored");
                if (scheduler.now() - since > limit.plusMillis(1_100).toNanos()) {
                    broken("closing takes longer than it may");
                }
                if (unsaved > 0) {
                    broken("law 14: the store is well, and closing reports " + unsaved + " token sets as lost");
                }
            });
        }
        scheduler.after(Duration.ofSeconds(6), () -> {
            for (Call call : calls) {
                if (!call.answered) {
                    broken("everybody hears after close(), but not " + call.what);
                }
            }
            for (Node node : nodes) {
                Call late = new Call(node, "a call after close()");
                CompletableFuture<Void> unused = node.engine
                        .users()
                        .current(byName.get("HEALTHY-0").key, OTHER)
                        .handle((outcome, thrown) -> {
                            answered(late, outcome, thrown);
                            return null;
                        });
                if (!late.answered) {
                    broken("a call after close() is not answered at once");
                }
                scheduler.kill(node.group);
            }
            bounds();
        });
    }

    // ---- the laws

    private void answered(Call call, @Nullable Outcome outcome, @Nullable Throwable thrown) {
        call.answered = true;
        happened.add(outcome == null ? "thrown" : outcome.getClass().getSimpleName());
        say(call.what + " gets " + (outcome == null ? thrown : outcome));
        if (thrown != null && !(thrown instanceof Scheduler.Killed)) {
            broken("law 11: a call failed: " + thrown);
        }
    }

    /** One without trouble has to be served, and soon. */
    private void judge(Call call, @Nullable Outcome outcome, @Nullable Throwable thrown, String prefix) {
        long took = scheduler.now() - call.since;
        boolean excused = call.node.lookedDown(call.since);
        if (!(outcome instanceof Outcome.Usable usable)) {
            if (excused && outcome instanceof Outcome.RequestFailed) {
                happened.add("the endpoint looks down");
                return;
            }
            hurt(call, "fails", String.valueOf(outcome == null ? thrown : outcome));
        } else if (!usable.tokens().accessToken().startsWith(prefix)) {
            broken("a user gets the tokens of another");
        } else if (!excused
                && took > PATIENCE.plus(call.node.settled(call.since)).toNanos()) {
            hurt(call, "waits", took / 1_000_000 + " ms");
        }
    }

    private void hurt(Call call, String how, String what) {
        say("HURT: " + call.what + " " + how + ": " + what);
        String who = call.what.replaceFirst("-\\d+$", "");
        if (hurt.merge(who + " " + how, 1, Integer::sum) == 1) {
            hurt.put("for example " + call.what + " " + what, 1);
        }
    }

    /** The cost of all users with trouble for the others, by the end. */
    private void bounds() {
        // Each of these is a short outage, after which what was written in the last seconds is read again.
        int throwing = cast.troubles().getOrDefault(Trouble.STORE_THROWS, 0);
        for (User user : users.values()) {
            if (user.familyEnded) {
                broken("the family of " + user.key.account() + " has ended");
            }
            // The looks at an attempt that stands for T, on each node, and those of each call.
            int most = cast.nodes() * (user.isWell() ? 30 + throwing / 8 : 80) + user.calls * 4;
            if (user.reads > most) {
                broken("law 19: " + user.reads + " reads of the row of " + user.key.account() + " for " + user.calls
                        + " calls");
            }
            boolean once = user.trouble == Trouble.STORE_THROWS || user.trouble == Trouble.BACKGROUND;
            if (once && user.requests > 1) {
                broken("law 1: " + user.requests + " requests for " + user.key.account());
            }
        }
    }

    // ---- the world

    private final class Node {
        final int number;
        final Scheduler.Group group = scheduler.group();
        final Engine engine;
        /** The time at which a row failed last. */
        private long lastFailure = -1;
        /** Those that failed at the token endpoint since it worked. */
        private final Set<String> failing = new HashSet<>();

        /** Those that failed while others succeeded. */
        private final Set<String> failsAlone = new HashSet<>();

        private long downUntil = -1;

        /** A failure of a row may be an outage, after which all wait for so long; StoreHealthTest counts them. */
        Duration settled(long since) {
            boolean recent = lastFailure >= 0
                    && lastFailure > since - TIMING.settling().multipliedBy(2).toNanos();
            return recent ? TIMING.settling().plusMillis(500) : Duration.ZERO;
        }

        /** A token request of this node was answered. */
        void hears(String user, boolean endpointWorks) {
            if (endpointWorks) {
                if (looksDown()) {
                    downUntil = scheduler.now();
                } else {
                    failsAlone.addAll(failing);
                }
                failsAlone.remove(user);
                failing.clear();
            } else if (looksDown() || !failsAlone.contains(user)) {
                failing.add(user);
            }
        }

        /** Whether three in a row were told the same: that is an outage, as far as anybody can know (law 18). */
        boolean looksDown() {
            return failing.size() >= 3;
        }

        boolean lookedDown(long since) {
            return looksDown()
                    || (downUntil >= 0
                            && downUntil > since - Duration.ofSeconds(10).toNanos());
        }

        void fails() {
            lastFailure = scheduler.now();
        }

        Node(int number) {
            this.number = number;
            long origin = dice.nextLong(Long.MAX_VALUE);
            Clocks clocks = new Clocks(Crowd.this::wall, () -> origin + scheduler.now(), dice::nextLong);
            this.engine = new Engine(
                    new SimulatedWorkers(group),
                    cast.requests(),
                    new Table(this),
                    format,
                    new Users(this),
                    new Application(this),
                    TIMING,
                    10_000,
                    clocks,
                    new Unheard());
        }

        @Override
        public String toString() {
            return "n" + number;
        }
    }

    /** Threads in virtual time, under the rules of production. */
    private final class SimulatedWorkers implements Workers {
        private final Scheduler.Group group;
        private final WorkerPool tasks;
        private final WorkerPool reads;
        private final Set<Scheduler.Task> pausing = new HashSet<>();
        private int running;
        private boolean closing;

        SimulatedWorkers(Scheduler.Group group) {
            this.group = group;
            this.tasks = new WorkerPool(cast.threads(), cast.most(), this::start, this::later, this::ticks);
            this.reads =
                    new WorkerPool(Math.min(32, cast.threads()), cast.most(), this::start, this::later, this::ticks);
        }

        private void start(Runnable task) {
            running++;
            scheduler.spawn(group, () -> {
                try {
                    task.run();
                } finally {
                    running--;
                }
            });
        }

        @Override
        public void execute(Runnable task, Urgency urgency) {
            tasks.add(task, urgency);
        }

        @Override
        public void read(Runnable task) {
            reads.add(task, Urgency.CALLER);
        }

        @Override
        public void later(Duration delay, Runnable task) {
            scheduler.after(group, delay, () -> {
                if (!closing) {
                    task.run();
                }
            });
        }

        @Override
        public boolean pause(Duration delay) {
            if (!closing) {
                Scheduler.Task me = scheduler.current();
                pausing.add(me);
                scheduler.after(delay, () -> {
                    if (pausing.remove(me)) {
                        scheduler.wake(me);
                    }
                });
                scheduler.block();
            }
            return !closing;
        }

        @Override
        public void letThrough(Throwable thrown) {
            if (thrown instanceof Scheduler.Killed killed) {
                throw killed;
            }
        }

        @Override
        public long ticks() {
            return scheduler.now();
        }

        @Override
        public void close(Duration limit) {
            closing = true;
            tasks.close();
            reads.close();
            pausing.forEach(scheduler::wake);
            pausing.clear();
            long start = scheduler.now();
            while (running > 0 && scheduler.now() - start < limit.toNanos()) {
                scheduler.sleep(Duration.ofMillis(10));
            }
            tasks.clear();
            reads.clear();
        }
    }

    private final class Table implements TokenStore {
        private final Node node;

        Table(Node node) {
            this.node = node;
        }

        @Override
        public Optional<StoredTokens> find(AccountKey key) throws IOException {
            User user = users.get(key);
            if (user != null) {
                user.reads++;
                if (user.trouble == Trouble.ROW_HANGS) {
                    scheduler.sleep(Duration.ofSeconds(15));
                    node.fails();
                    throw new IOException("The row does not answer");
                }
            }
            travel();
            StoredTokens found = table.get(key);
            travel();
            return Optional.ofNullable(found);
        }

        private void travel() {
            scheduler.sleep(upTo(Duration.ofMillis(2)));
        }

        @Override
        public boolean create(AccountKey key, StoredTokens tokens) {
            travel();
            boolean won = table.putIfAbsent(key, tokens) == null;
            travel();
            return won;
        }

        @Override
        public boolean replace(AccountKey key, String version, StoredTokens next) throws IOException {
            User user = users.get(key);
            travel();
            StoredTokens there = table.get(key);
            boolean won = there != null && there.version().equals(version);
            if (won && user != null && user.trouble == Trouble.STORE_THROWS && !user.thrown) {
                TokenSet tokens = format.read(key, next).row().tokens();
                if (tokens != null && tokens.accessToken().endsWith("-1")) {
                    user.thrown = true;
                    throw new NoClassDefFoundError("of the driver");
                }
            }
            if (won) {
                table.put(key, next);
            }
            travel();
            return won;
        }

        @Override
        public boolean delete(AccountKey key, String version) {
            throw new UnsupportedOperationException();
        }
    }

    /** The server, for users' grants: each refresh token is taken once, and a spent one ends the grant. */
    private class Users implements Renewal {
        private final Node node;

        Users(Node node) {
            this.node = node;
        }

        @Override
        public @Nullable GrantRow begin(AccountKey key) {
            return null;
        }

        @Override
        public boolean possible(GrantRow row) {
            return true;
        }

        @Override
        public Answer request(GrantRow row, Resource resource) {
            TokenSet tokens = row.tokens();
            String refresh = tokens == null ? null : tokens.refreshToken().orElse(null);
            if (refresh == null) {
                throw new IllegalStateException("A refresh without a refresh token");
            }
            String name = refresh.substring(0, refresh.indexOf('/'));
            User user = byName.get(name);
            int number = Integer.parseInt(refresh.substring(refresh.indexOf('/') + 1));
            user.requests++;
            say(name + ": token request with number " + number);
            Answer failure = answer(user.trouble);
            if (failure != null) {
                boolean works = user.trouble == Trouble.REFUSED || user.trouble == Trouble.REQUEST_REJECTED;
                if (user.trouble != Trouble.CLIENT_REJECTED) { // that is about the client
                    node.hears(name, works);
                }
                return failure;
            }
            scheduler.sleep(
                    user.trouble == Trouble.BACKGROUND ? SLOW : upTo(QUICK).dividedBy(2));
            if (number != user.spent) {
                user.familyEnded = true;
                broken("a refresh token is sent twice, and nothing explains it: " + refresh);
                return refused();
            }
            user.spent++;
            if (user.trouble != Trouble.BACKGROUND) {
                scheduler.sleep(upTo(QUICK).dividedBy(2));
            }
            node.hears(name, true);
            return new Answer.Tokens(TokenResponse.builder("access-" + name + "-" + user.spent)
                    .lifetime(LIFETIME)
                    .refreshToken(name + "/" + user.spent)
                    .build());
        }

        @Override
        public TokenSet tokens(GrantRow row, Resource resource, TokenResponse response, Instant now) {
            if (resource.isOwn()) {
                return response.toTokenSet(row.tokens(), Set.of(), now, Optional.empty());
            }
            return TokenSet.builder(response.accessToken())
                    .receivedAt(now)
                    .expiresAt(now.plus(LIFETIME))
                    .build();
        }

        @Override
        public Provider.Replay replay(GrantRow row) {
            return Provider.Replay.LATE;
        }

        @Override
        public @Nullable Instant consentEndsAt(GrantRow row) {
            return null;
        }

        @Override
        public void revoke(GrantRow row, TokenSet tokens) {
            broken("tokens are revoked that nobody signed out");
        }
    }

    /** The answer to somebody with this trouble; {@code null} if the server issues tokens. */
    private @Nullable Answer answer(Trouble trouble) {
        return switch (trouble) {
            case REFUSED -> {
                scheduler.sleep(upTo(QUICK));
                yield refused();
            }
            case CLIENT_REJECTED -> failure(Answer.Kind.MISCONFIGURED, 400, "unauthorized_client", null);
            case REQUEST_REJECTED -> failure(Answer.Kind.MISCONFIGURED, 400, "invalid_request", null);
            case THROTTLED -> failure(Answer.Kind.TEMPORARY, 429, "slow_down", Duration.ofMinutes(10));
            case FAILING -> failure(Answer.Kind.TEMPORARY, 500, null, null);
            case HANGING -> {
                scheduler.sleep(TIMING.call());
                yield new Answer.Lost(new Answer.Failure(Answer.Kind.TEMPORARY, 0, null, "did not answer", null, null));
            }
            default -> null;
        };
    }

    private static Answer refused() {
        return new Answer.Failure(Answer.Kind.REFUSED, 400, "invalid_grant", null, null, null);
    }

    private Answer failure(Answer.Kind kind, int status, @Nullable String error, @Nullable Duration pause) {
        scheduler.sleep(upTo(QUICK));
        return new Answer.Failure(kind, status, error, null, pause, null);
    }

    /** The server, for the application's own grant, whose tokens are always about to expire. */
    private final class Application extends Users {
        private final Node node;
        private int number;

        Application(Node node) {
            super(node);
            this.node = node;
        }

        @Override
        public GrantRow begin(AccountKey key) {
            return GrantRow.of("application", wall(), null, null);
        }

        @Override
        public Answer request(GrantRow row, Resource resource) {
            scheduler.sleep(upTo(QUICK));
            node.hears("the application", true);
            return new Answer.Tokens(TokenResponse.builder("access-application-" + ++number)
                    .lifetime(Duration.ofSeconds(5))
                    .build());
        }
    }

    /** The server, for tokens that strangers have made up. */
    private final class Exchange extends Users {
        Exchange(Node node) {
            super(node);
        }

        @Override
        public GrantRow begin(AccountKey key) {
            return GrantRow.of("exchange", wall(), null, null);
        }

        @Override
        public Answer request(GrantRow row, Resource resource) {
            Answer answer = answer(cast.strangersAnswer());
            return answer == null ? refused() : answer;
        }
    }
}
