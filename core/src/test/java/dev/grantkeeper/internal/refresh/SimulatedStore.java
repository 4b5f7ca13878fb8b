/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import dev.grantkeeper.internal.refresh.Plan.Moment;
import dev.grantkeeper.internal.refresh.SimulatedServer.Issued;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.row.RowFormat;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenStore;
import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * One row that all nodes share, and the laws that every write of it has to keep. A call takes its time, lands at one moment of
 * it, and may fail before, fail after, or land although it has failed.
 */
final class SimulatedStore {
    /** How a write ends. */
    enum Fate {
        LANDS,
        FAILS,
        LANDS_AND_FAILS,
        FAILS_AND_LANDS_LATER
    }

    /** Who writes. */
    enum Role {
        REFRESH,
        LOGIN,
        SIGN_OUT,
        RECONSIDER
    }

    /**
     * An attempt, as nobody in the system can see it.
     *
     * @param life whose it is
     * @param start when its first write began
     */
    record Attempt(Life life, long start) {}

    private record Row(StoredTokens stored, GrantRow grant) {
        String version() {
            return stored.version();
        }
    }

    private final Simulation world;
    private final RowFormat format = new RowFormat(null);
    private final Map<String, Attempt> attempts = new HashMap<>();

    private @Nullable Row row;
    private long tokensSince;
    private long lastAbsent = -1;
    private long lastRefused = -1;

    SimulatedStore(Simulation world) {
        this.world = world;
    }

    /** What stands there now. */
    @Nullable
    GrantRow row() {
        return row == null ? null : row.grant();
    }

    /** When there was no row, for the last time. */
    long lastAbsent() {
        return row == null ? world.now() : lastAbsent;
    }

    /** When the grant was marked as refused, for the last time. */
    long lastRefused() {
        return row != null && row.grant().refusal() != null ? world.now() : lastRefused;
    }

    /** Since when the same tokens have been standing there. */
    long tokensSince() {
        return tokensSince;
    }

    Attempt attempt(String name) {
        Attempt attempt = attempts.get(name);
        if (attempt == null) {
            throw new IllegalStateException("A request without an attempt in the store");
        }
        return attempt;
    }

    void begin(GrantRow first) {
        row = new Row(format.write(Simulation.KEY, first), first);
    }

    /** The store as one node reaches it. */
    TokenStore from(Life life) {
        return new TokenStore() {
            @Override
            public Optional<StoredTokens> find(AccountKey key) throws IOException {
                Row found = call(life, Moment.FIND, false, "find", () -> row);
                life.saw(found == null ? null : found.grant());
                return Optional.ofNullable(found).map(Row::stored);
            }

            @Override
            public boolean create(AccountKey key, StoredTokens tokens) throws IOException {
                return write(life, null, tokens);
            }

            @Override
            public boolean replace(AccountKey key, String version, StoredTokens next) throws IOException {
                return write(life, version, next);
            }

            @Override
            public boolean delete(AccountKey key, String version) throws IOException {
                String what = "delete " + world.name("v", version);
                Life.SigningOut out = life.signingOut();
                if (out != null
                        && out.target == null
                        && row != null
                        && row.version().equals(version)) {
                    out.target = row.grant().login();
                }
                boolean deleted = call(life, Moment.DELETE, true, what, () -> {
                    if (row == null || !row.version().equals(version)) {
                        return false;
                    }
                    world.laws().deleted(row.grant(), out);
                    lastRefused = lastRefused();
                    row = null;
                    tokensSince = world.now();
                    return true;
                });
                if (deleted) {
                    life.saw(null);
                }
                return deleted;
            }
        };
    }

    private boolean write(Life life, @Nullable String version, StoredTokens next) throws IOException {
        GrantRow wanted = format.read(Simulation.KEY, next).row();
        Role role = life.role();
        Moment written = written(role, wanted);
        String attempt = wanted.attempt();
        if (written == Moment.MARK_WRITTEN && attempt != null) {
            attempts.putIfAbsent(attempt, new Attempt(life, world.now()));
        }
        String what = (version == null ? "create " : "replace " + world.name("v", version) + " by ")
                + world.name("v", next.version()) + " " + world.tell(wanted);
        boolean won = call(life, written, true, what, () -> {
            String there = row == null ? null : row.version();
            if (version == null ? there != null : !version.equals(there)) {
                return false;
            }
            lastAbsent = lastAbsent();
            lastRefused = lastRefused();
            GrantRow before = row();
            boolean sameTokens =
                    before != null && before.tokens() != null && before.tokens().equals(wanted.tokens());
            row = new Row(next, wanted);
            if (!sameTokens) {
                tokensSince = world.now();
            }
            world.laws().written(life, role, before, wanted);
            world.at(landed(written), life);
            return true;
        });
        if (won) {
            life.saw(wanted);
        }
        return won;
    }

    private Moment written(Role role, GrantRow wanted) {
        if (role == Role.LOGIN) {
            return Moment.LOGIN_WRITTEN;
        }
        if (role == Role.REFRESH && wanted.attempt() != null) {
            return Moment.MARK_WRITTEN;
        }
        Issued there = world.server().of(row());
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

    private <T> T call(Life life, Moment moment, boolean write, String what, Supplier<@Nullable T> landing)
            throws IOException {
        world.scheduler().alive();
        world.at(moment, life);
        long begun = life.callBegins();
        try {
            return outcome(life, write, what, landing);
        } finally {
            life.callEnds(begun);
        }
    }

    private <T> T outcome(Life life, boolean write, String what, Supplier<@Nullable T> landing) throws IOException {
        Scheduler scheduler = world.scheduler();
        if (life.storeIsDown(write)) {
            life.trouble();
            scheduler.sleep(world.upTo(world.chance(4) ? Duration.ofMillis(300) : Duration.ofMillis(4)));
            life.trouble();
            world.say(life, what + ": the store is down");
            throw new IOException("down");
        }
        Fate fate = write ? life.nextWrite() : Fate.LANDS;
        if (fate == Fate.FAILS_AND_LANDS_LATER && what.startsWith("create")) {
            fate = Fate.FAILS; // Rule 3.1 of the contract: a store has to rule this out, there is no protection
            // against it.
        }
        Duration before = world.upTo(Duration.ofMillis(2));
        Duration after = world.upTo(Duration.ofMillis(2));
        Duration slow = life.nextDelay();
        if (!slow.isZero()) {
            life.trouble();
            if (world.chance(2)) {
                before = before.plus(slow);
            } else {
                after = after.plus(slow);
            }
        }
        Landing<T> landed = new Landing<>(life, what, landing);
        if (fate == Fate.FAILS) {
            scheduler.sleep(before.plus(after));
        } else if (fate == Fate.FAILS_AND_LANDS_LATER) {
            scheduler.after(before.plus(after).plus(world.upTo(Duration.ofMillis(900))), landed);
            scheduler.sleep(before.plus(after));
        } else {
            Scheduler.Task me = scheduler.current();
            Duration answering = after;
            scheduler.after(before, () -> {
                landed.run();
                scheduler.after(answering, () -> scheduler.wake(me));
            });
            scheduler.block();
        }
        if (fate != Fate.LANDS || !slow.isZero()) {
            life.trouble();
        }
        if (fate != Fate.LANDS) {
            world.say(life, what + ": " + fate);
            throw new IOException(fate.toString());
        }
        return landed.result;
    }

    private final class Landing<T> implements Runnable {
        private final Life life;
        private final String what;
        private final Supplier<@Nullable T> statement;
        private @Nullable T result;

        Landing(Life life, String what, Supplier<@Nullable T> statement) {
            this.life = life;
            this.what = what;
            this.statement = statement;
        }

        @Override
        public void run() {
            // A statement that is on its way when its node dies lands or does not.
            if (!life.dead() || !life.cutOff()) {
                T value = statement.get();
                result = value;
                world.say(life, what + ": " + (value instanceof Row found ? world.tell(found.grant()) : value));
            }
        }
    }
}
