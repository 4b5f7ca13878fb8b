/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import dev.grantkeeper.internal.refresh.Plan.Moment;
import dev.grantkeeper.internal.refresh.SimulatedServer.Issued;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.row.RowFormat;
import dev.grantkeeper.provider.Provider.Replay;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenStore;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The rows that all nodes share, one for each user, and the laws that every write of one has to keep. A call takes its
 * time, lands at one moment of it, and may fail before, fail after, or land although it has failed.
 */
final class SimulatedStore {
    /** How a write ends. */
    enum Fate {
        LANDS,
        FAILS,
        LANDS_AND_FAILS,
        FAILS_AND_LANDS_LATER
    }

    /** The reason for a write. */
    enum Role {
        REFRESH,
        LOGIN,
        IMPORT,
        SIGN_OUT,
        RECONSIDER
    }

    /** An attempt, as nobody in the system can see it. */
    static final class Attempt {
        final Life life;
        final AccountKey key;
        /** When its first write began. */
        final long start;
        /** The tokens of the row that it was written into, once it was. */
        @Nullable
        Issued over;

        private final Replay replay;
        /** The beginning of the write that wrote it last. */
        private long written;

        private long ended = -1;
        /** The store has forgotten it. */
        boolean forgotten;

        Attempt(Life life, AccountKey key, long start, Replay replay) {
            this.life = life;
            this.key = key;
            this.start = start;
            this.replay = replay;
            this.written = start;
        }

        long written() {
            return written;
        }

        long end() {
            return written + Simulation.TIMING.attempt(replay).toNanos();
        }

        /** Whether the row carried it when its T was over. */
        boolean outlived(long now) {
            return (ended < 0 ? now : ended) >= end();
        }
    }

    private record Row(StoredTokens stored, GrantRow grant) {
        String version() {
            return stored.version();
        }
    }

    /** A row that was replaced, and when. */
    private record Replaced(long when, Row row) {}

    /** What there is about one user. */
    private final class Cell {
        private @Nullable Row row;
        private long tokensSince;
        private long lastAbsent = -1;
        private long forgot = -1;
        /** The beginning of the outage. */
        private long forgotAfter = -1;
        /** The token sets that refreshes of the login that stands there have replaced. */
        private final Deque<Replaced> history = new ArrayDeque<>();

        /** Loses what refreshes wrote since then. */
        void forget(long since, long outage) {
            Row next = row;
            while (!history.isEmpty() && history.getLast().when() >= since) {
                Issued lost = next == null ? null : world.server().of(next.grant());
                String attempt = next == null ? null : next.grant().attempt();
                next = history.removeLast().row();
                if (lost != null && lost != world.server().of(next.grant())) {
                    lost.forgotten = true;
                }
                if (attempt != null && !attempt.equals(next.grant().attempt())) {
                    attempt(attempt).forgotten = true;
                }
            }
            if (next != null && next != row) {
                put(next);
                forgot = world.now();
                forgotAfter = outage;
                world.happened("the store forgets");
                String there = next.grant().attempt();
                if (there != null) {
                    attempt(there).ended = -1;
                }
            }
        }

        @Nullable
        GrantRow grant() {
            return row == null ? null : row.grant();
        }

        void put(@Nullable Row next) {
            GrantRow before = grant();
            GrantRow after = next == null ? null : next.grant();
            String attempt = before == null ? null : before.attempt();
            if (attempt != null && (after == null || !attempt.equals(after.attempt()))) {
                Attempt ending = attempt(attempt);
                ending.ended = world.now();
                if (after != null && after.attempt() != null) {
                    world.happened("an attempt is taken over");
                }
                if (ending.outlived(world.now()) && !ending.life.dead()) {
                    world.happened("an attempt outlives its T, and its holder runs");
                }
            }
            if (before == null) {
                lastAbsent = world.now();
            }
            if (before == null
                    || before.tokens() == null
                    || after == null
                    || !before.tokens().equals(after.tokens())) {
                tokensSince = world.now();
            }
            row = next;
        }
    }

    private final Simulation world;
    private final RowFormat format = new RowFormat(null);
    private final Map<String, Attempt> attempts = new HashMap<>();
    private final Map<AccountKey, Cell> cells = new HashMap<>();

    SimulatedStore(Simulation world) {
        this.world = world;
    }

    private Cell cell(AccountKey key) {
        return cells.computeIfAbsent(key, k -> new Cell());
    }

    /** What stands there now. */
    @Nullable
    GrantRow row(AccountKey key) {
        return cell(key).grant();
    }

    /** When there was no row, for the last time. */
    long lastAbsent(AccountKey key) {
        Cell cell = cell(key);
        return cell.row == null ? world.now() : cell.lastAbsent;
    }

    /** The store loses what refreshes wrote since then. Logins and sign-outs it keeps: nothing here can mend that. */
    void forget(long since, long outage) {
        cells.forEach((key, cell) -> {
            cell.forget(since, outage);
            world.say(null, key.account() + " is now " + world.tell(cell.grant()));
        });
    }

    /** The last time at which it lost writes of a user; -1 if it never did. */
    long forgot(AccountKey key) {
        return cell(key).forgot;
    }

    /** The beginning of the outage in which it lost them. */
    long forgotAfter(AccountKey key) {
        return cell(key).forgotAfter;
    }

    /** Since when the same tokens have been standing there. */
    long tokensSince(AccountKey key) {
        return cell(key).tokensSince;
    }

    Attempt attempt(String name) {
        Attempt attempt = attempts.get(name);
        if (attempt == null) {
            throw new IllegalStateException("A request without an attempt in the store");
        }
        return attempt;
    }

    void begin(AccountKey key, GrantRow first) {
        cell(key).put(new Row(format.write(key, first), first));
    }

    /** The store as one node reaches it. */
    TokenStore from(Life life) {
        return new TokenStore() {
            @Override
            public Optional<StoredTokens> find(AccountKey key) throws IOException {
                long[] landed = new long[1];
                Row found = call(life, key, Moment.FIND, false, "find", late -> {
                    landed[0] = world.now();
                    return cell(key).row;
                });
                life.saw(key, found == null ? null : found.grant(), landed[0]);
                return Optional.ofNullable(found).map(Row::stored);
            }

            @Override
            public boolean create(AccountKey key, StoredTokens tokens) throws IOException {
                return write(life, key, null, tokens);
            }

            @Override
            public boolean replace(AccountKey key, String version, StoredTokens next) throws IOException {
                return write(life, key, version, next);
            }

            @Override
            public boolean delete(AccountKey key, String version) throws IOException {
                String what = world.tells() ? "delete " + world.name("v", version) : "";
                Life.SigningOut out = life.signingOut();
                Cell cell = cell(key);
                if (out != null
                        && out.target == null
                        && cell.row != null
                        && cell.row.version().equals(version)) {
                    out.target = cell.row.grant().login();
                }
                boolean deleted = call(life, key, Moment.DELETE, true, what, late -> {
                    if (cell.row == null || !cell.row.version().equals(version)) {
                        return false;
                    }
                    world.laws().deleted(cell.row.grant(), out);
                    cell.put(null);
                    cell.history.clear();
                    return true;
                });
                if (deleted) {
                    life.saw(key, null, world.now());
                }
                return deleted;
            }
        };
    }

    private boolean write(Life life, AccountKey key, @Nullable String version, StoredTokens next) throws IOException {
        GrantRow wanted = format.read(key, next).row();
        Role role = life.role();
        Cell cell = cell(key);
        Moment written = written(role, cell, wanted);
        String attempt = wanted.attempt();
        if (written == Moment.MARK_WRITTEN && attempt != null && !attempts.containsKey(attempt)) {
            attempts.put(
                    attempt, new Attempt(life, key, world.now(), world.plan().replay()));
        }
        long began = world.now();
        String what = !world.tells()
                ? ""
                : (version == null ? "create " : "replace " + world.name("v", version) + " by ")
                        + world.name("v", next.version()) + " " + world.tell(wanted);
        boolean won = call(life, key, written, true, what, late -> {
            String there = cell.row == null ? null : cell.row.version();
            if (version == null ? there != null : !version.equals(there)) {
                return false;
            }
            GrantRow before = cell.grant();
            Row replaced = cell.row;
            cell.put(new Row(next, wanted));
            if (role == Role.REFRESH && replaced != null) {
                cell.history.addLast(new Replaced(world.now(), replaced));
            } else {
                cell.history.clear();
            }
            Issued set = world.server().of(wanted);
            if (set != null) {
                set.forgotten = false;
            }
            if (attempt != null) {
                attempt(attempt).forgotten = false;
            }
            if (attempt != null && role == Role.REFRESH) {
                attempt(attempt).over = world.server().of(wanted);
                attempt(attempt).written = began;
            }
            world.laws().written(life, key, role, before, wanted, late && version == null);
            world.at(landed(written), life, key);
            return true;
        });
        if (won) {
            life.saw(key, wanted, world.now());
        }
        return won;
    }

    private Moment written(Role role, Cell cell, GrantRow wanted) {
        if (role == Role.LOGIN || role == Role.IMPORT) {
            return Moment.LOGIN_WRITTEN;
        }
        if (role == Role.REFRESH && wanted.attempt() != null) {
            return Moment.MARK_WRITTEN;
        }
        Issued there = world.server().of(cell.grant());
        return there == world.server().of(wanted) ? Moment.FAILURE_WRITTEN : Moment.TOKENS_WRITTEN;
    }

    private static Moment landed(Moment written) {
        return switch (written) {
            case LOGIN_WRITTEN -> Moment.LOGIN_LANDED;
            case MARK_WRITTEN -> Moment.MARK_LANDED;
            case TOKENS_WRITTEN -> Moment.TOKENS_LANDED;
            default -> Moment.FAILURE_LANDED;
        };
    }

    /** What a call does at the moment at which it lands. */
    private interface Statement<T> {
        /**
         * Lands.
         *
         * @param late after the call had failed
         */
        @Nullable
        T land(boolean late);
    }

    private <T> T call(Life life, AccountKey key, Moment moment, boolean write, String what, Statement<T> statement)
            throws IOException {
        world.scheduler().alive();
        world.at(moment, life, key);
        Life.Call call = life.callBegins(key);
        try {
            return outcome(life, call, write, new Landing<>(life, key, what, statement));
        } catch (IOException | NoClassDefFoundError e) {
            life.fails(call);
            throw e;
        } finally {
            life.callEnds(call);
        }
    }

    private <T> T outcome(Life life, Life.Call call, boolean write, Landing<T> landing) throws IOException {
        Scheduler scheduler = world.scheduler();
        boolean down = life.storeIsDown(write);
        if (down || world.isBlackout(life.node)) {
            call.trouble = true;
            call.blackout = !down;
            // A database that is being restarted refuses connections at once.
            boolean slow = world.chance(4) && !world.isForgetful();
            scheduler.sleep(world.upTo(slow ? Duration.ofMillis(300) : Duration.ofMillis(4)));
            landing.say("the store is down");
            world.happened("the store is down");
            if (world.chance(20)) {
                throw new NoClassDefFoundError("down");
            }
            throw new IOException("down");
        }
        Fate fate = write ? life.nextWrite() : Fate.LANDS;
        if (write) {
            world.happened(fate);
        }
        Duration before = world.upTo(Duration.ofMillis(2));
        Duration after = world.upTo(Duration.ofMillis(2));
        Duration slow = life.nextDelay();
        call.trouble = fate != Fate.LANDS || !slow.isZero();
        if (!slow.isZero()) {
            if (world.chance(2)) {
                before = before.plus(slow);
            } else {
                after = after.plus(slow);
            }
        }
        if (fate == Fate.FAILS) {
            scheduler.sleep(before.plus(after));
        } else if (fate == Fate.FAILS_AND_LANDS_LATER) {
            scheduler.after(before.plus(after).plus(world.upTo(Duration.ofMillis(900))), () -> landing.land(true));
            scheduler.sleep(before.plus(after));
        } else {
            Scheduler.Task me = scheduler.current();
            Duration answering = after;
            scheduler.after(before, () -> {
                landing.land(false);
                scheduler.after(answering, () -> scheduler.wake(me));
            });
            scheduler.block();
        }
        if (fate != Fate.LANDS) {
            landing.say(fate.toString());
            throw new IOException(fate.toString());
        }
        return landing.result;
    }

    private final class Landing<T> {
        private final Life life;
        private final AccountKey key;
        private final String what;
        private final Statement<T> statement;
        private @Nullable T result;

        Landing(Life life, AccountKey key, String what, Statement<T> statement) {
            this.life = life;
            this.key = key;
            this.what = what;
            this.statement = statement;
        }

        void land(boolean late) {
            // A statement that is on its way when its node dies lands or does not.
            if (!life.dead() || !life.cutOff()) {
                T value = statement.land(late);
                result = value;
                if (world.tells()) {
                    say(value instanceof Row found ? world.tell(found.grant()) : String.valueOf(value));
                }
            }
        }

        void say(String outcome) {
            if (world.tells()) {
                world.say(life, key, what + ": " + outcome);
            }
        }
    }
}
