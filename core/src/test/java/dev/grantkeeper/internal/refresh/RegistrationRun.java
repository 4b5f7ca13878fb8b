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
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * One run of a few nodes that register at one server, with what goes wrong: as in {@link Simulation}, the nodes are the
 * real classes of this package, and all else is simulated. The row does not exist at first, nodes may die or lose the
 * answer, and the store may be down or forget what was written.
 *
 * <p>The laws: a client is served only once it was in the store; the one in the store is never deleted; one that was
 * made and never stored was deleted, or its maker died or lost the answer, and whoever registers next is told; without
 * faults, one is made for each secret that ends; and at last all nodes use the one that the store has.
 */
final class RegistrationRun {
    private static final AccountKey KEY = new AccountKey("clients", "https://server.example");
    private static final Duration LIFETIME = Simulation.LIFETIME;
    private static final Timing TIMING = Simulation.TIMING;
    private static final Duration T = TIMING.attempt(Provider.Replay.PROMPT);
    private static final long EPOCH = 1_800_000_000_000L;
    private static final int MOST_STEPS = 20_000;

    /** Steps at which something may happen. */
    enum Moment {
        FIND,
        CREATE,
        MARK,
        MARKED,
        REQUEST,
        REGISTERED,
        ANSWERED,
        OUTCOME,
        STORED
    }

    /** The possible faults. */
    enum Kind {
        CRASH,
        PAUSE,
        OUTAGE,
        BLACKOUT,
        FORGETFUL,
        WRITE_FAILS,
        SLOW_STORE,
        LOST_ANSWER,
        UNAVAILABLE,
        /** The server forgets the client that is in use. */
        CLIENT_GONE,
        CALLERS
    }

    private enum Write {
        LANDS,
        FAILS,
        LANDS_AND_FAILS,
        FAILS_AND_LANDS_LATER
    }

    private enum Request {
        ANSWERED,
        NEVER_ARRIVES,
        ANSWER_LOST,
        ARRIVES_LATE,
        UNAVAILABLE
    }

    /** Something that goes wrong, after the moment has passed so often. */
    private static final class Fault {
        private final Kind kind;
        private final Moment moment;
        private int skip;

        Fault(SplittableRandom dice) {
            kind = Kind.values()[dice.nextInt(Kind.values().length)];
            moment = Moment.values()[dice.nextInt(Moment.values().length)];
            skip = dice.nextInt(2) * dice.nextInt(4);
        }

        @Override
        public String toString() {
            return kind + " at " + moment + " after " + skip;
        }
    }

    /** A request for a client, in place of the one in the row. */
    private static final class Sent {
        private final @Nullable Integer madeFrom;
        /** Somebody who registered later knew that its answer may have been lost. */
        private boolean told;

        Sent(@Nullable Integer madeFrom) {
            this.madeFrom = madeFrom;
        }
    }

    /** A client at the server. */
    private static final class Client {
        private final int id;
        private final Sent by;
        private boolean known = true;
        /** It was in the store. */
        private boolean landed;
        /** Its maker died with it, or never heard of it. */
        private boolean excused;

        Client(int id, Sent by) {
            this.id = id;
            this.by = by;
        }

        boolean isMadeFrom(@Nullable Integer other) {
            return Objects.equals(by.madeFrom, other);
        }

        boolean isLost() {
            return excused && !landed && known;
        }

        @Override
        public String toString() {
            return "client " + id;
        }
    }

    private record Row(StoredTokens stored, GrantRow grant) {}

    private record Replaced(long when, @Nullable Row row) {}

    /**
     * The result of a run.
     *
     * @param broken the law that was broken, if any
     * @param happened what has happened, each once
     */
    record Result(@Nullable String broken, Set<Object> happened) {}

    private final SplittableRandom dice;
    private final Scheduler scheduler;
    private final @Nullable StringBuilder trace;
    private final Set<Object> happened = new HashSet<>();
    private final List<Fault> pending = new ArrayList<>();
    private final boolean faultless;
    private final boolean secretsEnd;
    private final int rounds;
    private final List<Node> nodes = new ArrayList<>();
    private final List<Sent> requests = new ArrayList<>();
    private final List<Client> clients = new ArrayList<>();
    private final Map<String, String> names = new HashMap<>();
    private final RowFormat format = new RowFormat(null);
    private final Deque<Replaced> history = new ArrayDeque<>();
    private @Nullable Row row;
    private long blackoutUntil;
    private boolean forgotten;
    private boolean calm;
    private int open;
    private int stamps;
    private @Nullable String broken;

    private RegistrationRun(long seed, Scheduler.Carriers carriers, @Nullable StringBuilder trace) {
        SplittableRandom seeded = new SplittableRandom(~seed);
        dice = seeded.split();
        scheduler = new Scheduler(seeded.split(), carriers, MOST_STEPS);
        this.trace = trace;
        for (int i = dice.nextInt(8) == 0 ? 0 : 1 + dice.nextInt(6); i > 0; i--) {
            pending.add(new Fault(dice));
        }
        faultless = pending.isEmpty();
        secretsEnd = dice.nextInt(3) > 0;
        rounds = 1 + dice.nextInt(3);
        for (int i = 2 + dice.nextInt(5) / 4; i > 0; i--) {
            nodes.add(new Node(nodes.size()));
        }
    }

    /** Runs one schedule. */
    static Result run(long seed, Scheduler.Carriers carriers) {
        return new RegistrationRun(seed, carriers, null).run();
    }

    /** Runs one schedule and tells it. */
    static String tell(long seed, Scheduler.Carriers carriers) {
        StringBuilder trace = new StringBuilder("seed " + seed + "\n");
        RegistrationRun run = new RegistrationRun(seed, carriers, trace);
        trace.append(run.nodes.size() + " nodes, " + run.pending + "\n");
        Result result = run.run();
        return trace + (result.broken() == null ? "holds" : "broken: " + result.broken()) + "\n";
    }

    private Result run() {
        round(1);
        Throwable thrown = scheduler.run();
        if (broken == null && thrown != null) {
            broken = thrown + (thrown.getStackTrace().length > 0 ? " at " + thrown.getStackTrace()[0] : "");
        }
        if (broken == null && !calm) {
            broken = "the run ended early";
        }
        return new Result(broken, happened);
    }

    // ---- the script

    private void round(int number) {
        Client now = client(row == null ? null : row.grant());
        TokenSet tokens = row == null ? null : row.grant().tokens();
        long end = now == null || tokens == null
                ? 0
                : tokens.expiresAt().orElseThrow().toEpochMilli() - EPOCH - scheduler.now() / 1_000_000;
        // Past the soft limit, past the hard limit, or past its expiry.
        long early = chance(4) ? 3_500 : chance(2) ? 1_500 : -100;
        scheduler.after(Duration.ofMillis(Math.max(10, end - early)), () -> {
            burst(Duration.ofMillis(60));
            scheduler.after(Duration.ofMillis(100), () -> burst(T));
            // If the secret has not ended yet, a refresh may have begun behind the scenes.
            scheduler.after(T.multipliedBy(3), () -> {
                if (number < rounds) {
                    round(number + 1);
                } else {
                    heal();
                }
            });
        });
    }

    private void burst(Duration within) {
        for (int node = 0; node < nodes.size(); node++) {
            int its = node;
            for (int i = 1 + dice.nextInt(2); i > 0; i--) {
                scheduler.after(upTo(within), () -> ask(nodes.get(its), null));
            }
        }
    }

    private void heal() {
        say(null, "everything heals");
        pending.clear();
        blackoutUntil = 0;
        nodes.forEach(Node::heal);
        scheduler.after(Duration.ofSeconds(90), () -> {
            burst(Duration.ofSeconds(1));
            scheduler.after(Duration.ofSeconds(10), () -> {
                calm = true;
                say(null, "the last call");
                nodes.forEach(node -> ask(node, null));
                scheduler.after(Duration.ofSeconds(20), this::checkAtTheEnd);
            });
        });
    }

    private void checkAtTheEnd() {
        if (open > 0) {
            broken("a caller was never answered");
        }
        Client stored = client(row == null ? null : row.grant());
        if (stored == null || !stored.known) {
            broken("the store has no client that the server knows");
        }
        for (Node node : nodes) {
            if (node.refresher.isBusy()) {
                broken(node + " does not come to rest");
            }
            if (node.last != stored) {
                broken(node + " uses " + node.last + ", and the store has " + stored);
            }
        }
        for (Client client : clients) {
            if (!client.landed && client.known && !client.excused) {
                broken(client + " was made, is not used, and nobody gave it back");
            }
        }
        happened(clients.stream().anyMatch(Client::isLost) ? "an orphan" : "no orphan");
    }

    private void ask(Node node, @Nullable String rejected) {
        if (node.group.dead()) {
            return;
        }
        open++;
        node.open++;
        say(node, "is called" + (rejected == null ? "" : " instead of " + rejected));
        CompletableFuture<Outcome> unused = (rejected == null
                        ? node.refresher.current(KEY, Resource.OWN)
                        : node.refresher.insteadOf(KEY, Resource.OWN, rejected))
                .whenComplete((outcome, thrown) -> {
                    if (!node.group.dead()) {
                        open--;
                        node.open--;
                        answered(node, outcome, thrown, rejected);
                    }
                });
    }

    private void answered(Node node, @Nullable Outcome outcome, @Nullable Throwable thrown, @Nullable String rejected) {
        if (thrown != null || outcome == null) {
            broken("a call failed: " + thrown);
            return;
        }
        happened(outcome.getClass());
        if (!(outcome instanceof Outcome.Usable usable)) {
            say(node, "answers " + outcome);
            if (calm) {
                broken("nothing is wrong, and a call brings " + outcome);
            }
            return;
        }
        Client client = client(usable.tokens());
        say(node, "serves " + client);
        if (!client.landed) {
            broken(node + " serves " + client + ", which the store does not have");
        }
        node.last = client;
        if (!client.known && rejected == null) {
            happened("a client is rejected");
            ask(node, usable.tokens().accessToken());
        }
    }

    // ---- the server

    private @Nullable Client client(@Nullable GrantRow grant) {
        TokenSet tokens = grant == null ? null : grant.tokens();
        return tokens == null ? null : client(tokens);
    }

    private Client client(TokenSet tokens) {
        String text = tokens.accessToken();
        return clients.get(Integer.parseInt(text.substring("client-".length(), text.indexOf('.'))));
    }

    private Answer request(Node node, GrantRow from, boolean rejected) {
        scheduler.alive();
        Client before = client(from);
        Sent sent = new Sent(before == null ? null : before.id);
        if (from.answerLost()) {
            requests.stream()
                    .filter(other -> Objects.equals(other.madeFrom, sent.madeFrom))
                    .forEach(other -> other.told = true);
        }
        if (before != null && (rejected ? before.known : !secretsEnd)) {
            scheduler.sleep(upTo(Duration.ofMillis(20)));
            return answer(before); // its metadata were asked for again
        }
        List<Client> lost = clients.stream()
                .filter(other -> other.isMadeFrom(sent.madeFrom) && other.isLost())
                .toList();
        if (lost.stream().anyMatch(other -> other.by.told)) {
            happened("a lost client is told of");
        }
        if (!forgotten && lost.stream().anyMatch(other -> !other.by.told)) {
            broken("a client was lost, and the next registration does not know");
        }
        requests.add(sent);
        say(node, "registers");
        at(Moment.REQUEST, node);
        Request fate = node.requests.isEmpty() ? Request.ANSWERED : node.requests.remove();
        happened(fate);
        Duration there = upTo(Duration.ofMillis(20));
        Duration back = upTo(Duration.ofMillis(20));
        Answer.Failure silence = new Answer.Failure(Answer.Kind.TEMPORARY, 0, null, "silence", null, null);
        switch (fate) {
            case UNAVAILABLE -> {
                scheduler.sleep(there.plus(back));
                return new Answer.Failure(Answer.Kind.TEMPORARY, 503, null, null, null, null);
            }
            case NEVER_ARRIVES, ANSWER_LOST, ARRIVES_LATE -> {
                if (fate != Request.NEVER_ARRIVES) {
                    Duration late =
                            fate == Request.ANSWER_LOST ? there : TIMING.call().plus(upTo(TIMING.travel()));
                    scheduler.after(late, () -> made(node, sent).excused = true);
                }
                scheduler.sleep(chance(2) ? TIMING.call() : there.plus(back));
                say(node, "gets no answer (" + fate + ")");
                return new Answer.Lost(silence);
            }
            default -> {
                Scheduler.Task me = scheduler.current();
                Client[] made = new Client[1];
                scheduler.after(there, () -> {
                    if (!node.group.dead()) {
                        made[0] = made(node, sent);
                        at(Moment.REGISTERED, node);
                        scheduler.after(back, () -> scheduler.wake(me));
                    }
                });
                scheduler.block();
                at(Moment.ANSWERED, node);
                scheduler.alive();
                say(node, "has " + made[0]);
                return answer(made[0]);
            }
        }
    }

    private Client made(Node node, Sent by) {
        if (faultless && clients.stream().anyMatch(other -> other.isMadeFrom(by.madeFrom))) {
            broken("nothing is wrong, and two clients are made for one");
        }
        Client client = new Client(clients.size(), by);
        clients.add(client);
        node.made.add(client);
        say(null, "server: " + client);
        return client;
    }

    private Answer answer(Client client) {
        return new Answer.Tokens(TokenResponse.builder("client-" + client.id + "." + ++stamps)
                .lifetime(LIFETIME)
                .refreshToken("manage-" + client.id)
                .build());
    }

    private void giveBack(Node node, GrantRow lost, GrantRow kept) {
        Client ours = client(lost);
        if (ours == null || ours == client(kept)) {
            return;
        }
        scheduler.spawn(node.group, () -> {
            scheduler.sleep(upTo(Duration.ofMillis(10)));
            say(node, "gives " + ours + " back");
            happened("a client is given back");
            if (ours == client(row == null ? null : row.grant())) {
                broken(ours + " is in the store, and was given back");
            }
            ours.known = false;
        });
    }

    // ---- the store

    private @Nullable Row land(@Nullable Row next, Node node) {
        history.addLast(new Replaced(scheduler.now(), row));
        row = next;
        Client stored = client(next == null ? null : next.grant());
        if (stored != null && !stored.landed) {
            stored.landed = true;
            at(Moment.STORED, node);
        }
        return next;
    }

    private void forget(long since) {
        boolean any = false;
        while (!history.isEmpty() && history.getLast().when() >= since) {
            row = history.removeLast().row();
            any = true;
        }
        if (any) {
            forgotten = true;
            happened("the store forgets");
            say(null, "the store has " + tell(row));
        }
    }

    private String tell(@Nullable Row shown) {
        if (shown == null) {
            return "nothing";
        }
        String attempt = shown.grant().attempt();
        return client(shown.grant())
                + (attempt == null ? "" : ", attempt " + names.computeIfAbsent(attempt, a -> "a" + names.size()));
    }

    // ---- faults

    private void at(Moment moment, Node node) {
        happened(moment);
        for (Iterator<Fault> i = pending.iterator(); i.hasNext(); ) {
            Fault next = i.next();
            if (next.moment == moment && next.skip-- == 0) {
                i.remove();
                strike(next, node);
                return;
            }
        }
    }

    private void strike(Fault fault, Node here) {
        Node node = chance(4) ? nodes.get(dice.nextInt(nodes.size())) : here;
        if (node.group.dead()) {
            return;
        }
        happened(fault.kind);
        say(node, "fault at " + fault.moment + ": " + fault.kind);
        long t = T.toMillis();
        Duration some = Duration.ofMillis(new long[] {50, t / 2, t, t * 3 / 2, t * 3, t * 10}[dice.nextInt(6)]);
        switch (fault.kind) {
            case CRASH -> {
                node.crash();
                scheduler.after(Duration.ofMillis(dice.nextLong(2 * t)), () -> {
                    Node next = new Node(node.number);
                    nodes.set(node.number, next);
                    ask(next, null);
                });
            }
            case PAUSE -> scheduler.freeze(node.group, some);
            case OUTAGE -> node.downUntil = scheduler.now() + some.toNanos();
            case BLACKOUT -> blackoutUntil = scheduler.now() + some.toNanos();
            case FORGETFUL -> {
                long since = scheduler.now() - upTo(Duration.ofMillis(200)).toNanos();
                blackoutUntil = scheduler.now() + some.toNanos();
                scheduler.after(some.minusMillis(1), () -> forget(since));
            }
            case WRITE_FAILS -> {
                for (int i = dice.nextInt(3); i >= 0; i--) {
                    node.writes.add(Write.values()[1 + dice.nextInt(3)]);
                }
            }
            case SLOW_STORE -> node.delays.add(Duration.ofMillis(dice.nextLong(2 * t)));
            case LOST_ANSWER -> node.requests.add(Request.values()[1 + dice.nextInt(3)]);
            case UNAVAILABLE -> node.requests.add(Request.UNAVAILABLE);
            case CLIENT_GONE -> {
                Client stored = client(row == null ? null : row.grant());
                if (stored != null) {
                    say(null, "server: forgets " + stored);
                    stored.known = false;
                }
                scheduler.after(upTo(Duration.ofSeconds(3)), () -> burst(Duration.ofMillis(50)));
            }
            case CALLERS -> burst(Duration.ofMillis(4));
        }
    }

    // ---- small things

    private boolean chance(int oneIn) {
        return dice.nextInt(oneIn) == 0;
    }

    private Duration upTo(Duration most) {
        return Duration.ofMillis(dice.nextLong(most.toMillis() + 1));
    }

    private void happened(Object what) {
        happened.add(what);
    }

    private void broken(String law) {
        if (broken == null) {
            broken = law;
            say(null, "BROKEN: " + law);
            scheduler.stop();
        }
    }

    private void say(@Nullable Node node, String what) {
        if (trace != null) {
            trace.append(String.format(
                    Locale.ROOT, "%10.3f %-3s %s%n", scheduler.now() / 1e9, node == null ? "" : node, what));
        }
    }

    private Instant wall() {
        return Instant.ofEpochMilli(EPOCH + scheduler.now() / 1_000_000);
    }

    /** A node, from its start to its end. */
    private final class Node {
        private final int number;
        private final Scheduler.Group group = scheduler.group();
        private final Refresher refresher;
        private final Deque<Write> writes = new ArrayDeque<>();
        private final Deque<Request> requests = new ArrayDeque<>();
        private final Deque<Duration> delays = new ArrayDeque<>();
        private final List<Client> made = new ArrayList<>();
        private long downUntil;
        private int open;

        @Nullable
        Client last;

        Node(int number) {
            this.number = number;
            Clocks clocks = new Clocks(RegistrationRun.this::wall, scheduler::now, bound -> dice.nextLong(bound));
            Workers workers = new TheirWorkers(this);
            Memory memory = new Memory(clocks, 10, TIMING.gap(), () -> null);
            RefreshEvents events = new Unheard();
            Rows rows = new Rows(
                    new TheirStore(this),
                    new RowFormat(null),
                    memory,
                    workers,
                    events,
                    new StoreHealth(clocks, Duration.ofMillis(300), scheduler::now));
            LostWrites.lookFor(rows, memory, workers, clocks, TIMING);
            Gates gates = new Gates(() -> new EndpointGate(clocks, 2, TIMING.patience(), workers));
            refresher = new Refresher(
                    new Parts(rows, memory, new Registering(this), TIMING, clocks, gates, workers, events));
        }

        void heal() {
            writes.clear();
            requests.clear();
            delays.clear();
            downUntil = 0;
        }

        void crash() {
            made.stream().filter(client -> !client.landed).forEach(client -> client.excused = true);
            RegistrationRun.this.open -= open;
            scheduler.kill(group);
        }

        @Override
        public String toString() {
            return "n" + number;
        }
    }

    /** As the library's own renewal of registrations does it. */
    private final class Registering implements Renewal {
        private final Node node;

        Registering(Node node) {
            this.node = node;
        }

        @Override
        public GrantRow begin(AccountKey key) {
            return GrantRow.of(RowFormat.newName(), wall(), null, null).issuedBy(key.account(), "");
        }

        @Override
        public boolean possible(GrantRow grant) {
            return true;
        }

        @Override
        public String endpoint(GrantRow grant) {
            return String.valueOf(grant.server());
        }

        @Override
        public Answer request(GrantRow grant, Resource resource) {
            return request(grant, resource, false);
        }

        @Override
        public Answer request(GrantRow grant, Resource resource, boolean rejected) {
            return RegistrationRun.this.request(node, grant, rejected);
        }

        @Override
        public TokenSet tokens(GrantRow grant, Resource resource, TokenResponse response, Instant now) {
            return response.toTokenSet(grant.tokens(), Set.of(), now, Optional.empty());
        }

        @Override
        public Provider.Replay replay(GrantRow grant) {
            return Provider.Replay.PROMPT;
        }

        @Override
        public boolean isUsableUnsaved() {
            return false;
        }

        @Override
        public void withdraw(GrantRow lost, GrantRow kept) {
            RegistrationRun.this.giveBack(node, lost, kept);
        }

        @Override
        public @Nullable Instant consentEndsAt(GrantRow grant) {
            return null;
        }

        @Override
        public void revoke(GrantRow grant, TokenSet tokens) {
            RegistrationRun.this.giveBack(node, grant, GrantRow.of("none", wall(), null, null));
        }
    }

    /** The store as one node reaches it. */
    private final class TheirStore implements TokenStore {
        private final Node node;

        TheirStore(Node node) {
            this.node = node;
        }

        /** The effect of a call, at the moment at which it lands. */
        private interface Statement<T> {
            T land();
        }

        @Override
        public Optional<StoredTokens> find(AccountKey key) throws IOException {
            return call(Moment.FIND, Write.LANDS, () -> Optional.ofNullable(row).map(Row::stored));
        }

        @Override
        public boolean create(AccountKey key, StoredTokens tokens) throws IOException {
            return write(Moment.CREATE, null, tokens);
        }

        @Override
        public boolean replace(AccountKey key, String version, StoredTokens next) throws IOException {
            boolean mark = format.read(key, next).row().attempt() != null;
            return write(mark ? Moment.MARK : Moment.OUTCOME, version, next);
        }

        @Override
        public boolean delete(AccountKey key, String version) {
            throw new IllegalStateException("Nobody signs out of a registration");
        }

        private boolean write(Moment moment, @Nullable String over, StoredTokens next) throws IOException {
            Row wanted = new Row(next, format.read(KEY, next).row());
            Write fate = node.writes.isEmpty() ? Write.LANDS : node.writes.remove();
            happened(fate);
            return call(moment, fate, () -> {
                boolean won =
                        Objects.equals(over, row == null ? null : row.stored().version());
                say(node, moment + " " + tell(wanted) + ": " + won);
                if (won) {
                    land(wanted, node);
                    if (moment == Moment.MARK) {
                        at(Moment.MARKED, node);
                    }
                }
                return won;
            });
        }

        private <T> T call(Moment moment, Write fate, Statement<T> statement) throws IOException {
            scheduler.alive();
            at(moment, node);
            scheduler.alive();
            if (scheduler.now() < Math.max(node.downUntil, blackoutUntil)) {
                scheduler.sleep(upTo(Duration.ofMillis(4)));
                throw new IOException("down");
            }
            Duration before = upTo(Duration.ofMillis(2));
            Duration after = upTo(Duration.ofMillis(2));
            if (!node.delays.isEmpty()) {
                Duration slow = node.delays.remove();
                before = chance(2) ? before.plus(slow) : before;
                after = after.plus(slow);
            }
            if (fate == Write.FAILS || fate == Write.FAILS_AND_LANDS_LATER) {
                if (fate == Write.FAILS_AND_LANDS_LATER) {
                    scheduler.after(before.plus(after).plus(upTo(Duration.ofMillis(900))), statement::land);
                }
                scheduler.sleep(before.plus(after));
                throw new IOException(fate.toString());
            }
            // A statement that is on its way when its node dies lands all the same.
            List<T> result = new ArrayList<>();
            Scheduler.Task me = scheduler.current();
            Duration answering = after;
            scheduler.after(before, () -> {
                result.add(statement.land());
                scheduler.after(answering, () -> scheduler.wake(me));
            });
            scheduler.block();
            if (fate == Write.LANDS_AND_FAILS) {
                throw new IOException(fate.toString());
            }
            return result.get(0);
        }
    }

    /** Threads of a node: as many as are needed. */
    private final class TheirWorkers implements Workers {
        private final Node node;

        TheirWorkers(Node node) {
            this.node = node;
        }

        @Override
        public void execute(Runnable task, Urgency urgency) {
            scheduler.spawn(node.group, task);
        }

        @Override
        public void read(Runnable task) {
            scheduler.spawn(node.group, task);
        }

        @Override
        public void later(Duration delay, Runnable task) {
            scheduler.after(node.group, delay, task);
        }

        @Override
        public boolean pause(Duration delay) {
            scheduler.sleep(delay);
            return true;
        }

        @Override
        public void letThrough(Throwable thrown) {
            if (thrown instanceof Scheduler.Killed killed) {
                throw killed;
            }
        }

        @Override
        public void close(Duration limit) {
            throw new IllegalStateException("Nodes end without notice");
        }
    }
}
