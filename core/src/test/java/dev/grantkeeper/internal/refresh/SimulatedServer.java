/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.answer.TokenResponse;
import dev.grantkeeper.internal.refresh.Plan.Moment;
import dev.grantkeeper.internal.refresh.Plan.Rotation;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The authorization server, and the way there and back: requests arrive late or never, answers get lost. */
final class SimulatedServer {
    /** One login of a user, and everything that was made from it. */
    static final class Family {
        final AccountKey key;
        final String login;
        boolean live = true;
        /** Until when an API answers 401 to whatever comes. */
        long unwelcomeUntil;

        Family(AccountKey key, String login) {
            this.key = key;
            this.login = login;
        }
    }

    /** What has become of a refresh token. */
    enum State {
        FRESH,
        /** Spent, and taken once more. */
        SPENT,
        GONE
    }

    /** A token set; its number is in its tokens. */
    static final class Issued {
        final int number;
        final Family family;
        final @Nullable Issued parent;
        final @Nullable Sent by;
        /** When its access token expires, by a clock that is right. */
        final Instant ends;

        final long since;

        final List<Sent> sent = new ArrayList<>();
        State state = State.FRESH;

        @Nullable
        Issued child;
        /** An API answers 401 to it. */
        boolean rejected;
        /** It is in the store, or was. */
        boolean landed;
        /** It was, and the store has forgotten it. */
        boolean forgotten;
        /**
         * A login wrote it although it was spent: it was removed while the login did not know yet that it had
         * succeeded.
         */
        boolean rewritten;
        /** A reuse ended it, after an attempt had outlived T. */
        boolean undone;
        /** When an operator took a refusal back, for the last time. */
        long reconsidered = -1;

        Issued(int number, Family family, @Nullable Issued parent, @Nullable Sent by, Instant ends, long since) {
            this.number = number;
            this.family = family;
            this.parent = parent;
            this.by = by;
            this.ends = ends;
            this.since = since;
        }

        @Override
        public String toString() {
            return "set " + number;
        }
    }

    /** A token request. */
    static final class Sent {
        final Issued set;
        final String attempt;
        final Life life;
        final Scheduler.Task task;
        final long called;
        long answered = -1;
        boolean lost;
        boolean beyond;
        boolean exchanged;
        boolean failed;
        /** It failed because the node has a wrong secret. */
        boolean notOurs;
        /** Its node died, or was closed, while this was not done. */
        boolean cutShort;
        /** A login or an operator brought the set back after this had been sent. */
        boolean forgiven;
        /** Earlier requests with the same tokens, which were known to excuse this one when it was sent. */
        final Set<Sent> explained = new HashSet<>();
        /** That the store had forgotten those was why. */
        final Set<Sent> forgotten = new HashSet<>();

        @Nullable
        Issued issued;

        Sent(Issued set, String attempt, Life life, Scheduler.Task task, long called) {
            this.set = set;
            this.attempt = attempt;
            this.life = life;
            this.task = task;
            this.called = called;
        }

        AccountKey key() {
            return set.family.key;
        }
    }

    /** How a request ends. */
    enum Fate {
        ANSWERED,
        SLOW,
        NEVER_ARRIVES,
        ANSWER_LOST,
        ARRIVES_LATE,
        ARRIVES_BEYOND_ALL_LIMITS,
        UNAVAILABLE,
        /** The node has a wrong secret. */
        CLIENT_REFUSED,
        NOT_SENT
    }

    private final Simulation world;
    private final Rotation rotation;
    private final List<Issued> issued = new ArrayList<>();
    private final Map<AccountKey, Issued> newest = new HashMap<>();

    SimulatedServer(Simulation world, Rotation rotation) {
        this.world = world;
        this.rotation = rotation;
    }

    private Issued issue(Family family, @Nullable Issued parent, @Nullable Sent by, Duration lifetime) {
        Issued next = new Issued(issued.size(), family, parent, by, world.wall().plus(lifetime), world.now());
        next.rejected = world.now() < family.unwelcomeUntil;
        issued.add(next);
        newest.put(family.key, next);
        return next;
    }

    /** A user signs in, at a node whose clock shows this. */
    TokenSet login(AccountKey key, String login, Duration lifetime, Instant now) {
        Issued first = issue(new Family(key, login), null, null, lifetime);
        return TokenSet.builder("access-" + first.number)
                .refreshToken("refresh-" + first.number)
                .receivedAt(now)
                .expiresAt(now.plus(lifetime))
                .build();
    }

    @Nullable
    Issued of(@Nullable GrantRow row) {
        TokenSet tokens = row == null ? null : row.tokens();
        return tokens == null ? null : of(tokens);
    }

    Issued of(TokenSet tokens) {
        return issued.get(Integer.parseInt(tokens.accessToken().substring("access-".length())));
    }

    @Nullable
    Issued newest(AccountKey key) {
        return newest.get(key);
    }

    /** A node's token request. */
    Answer request(Life life, GrantRow row) {
        Scheduler scheduler = world.scheduler();
        scheduler.alive();
        Issued set = of(row);
        String attempt = row.attempt();
        if (set == null || attempt == null) {
            throw new IllegalStateException("A token request for a row without tokens or without an attempt");
        }
        AccountKey key = set.family.key;
        Sent sent = new Sent(set, attempt, life, scheduler.current(), world.now());
        world.laws().sending(sent, row);
        set.sent.add(sent);
        life.sends(sent);
        if (world.tells()) {
            world.say(life, "sends " + set + " under " + world.name("a", attempt));
        }
        world.at(Moment.REQUEST, life, key);
        Fate fate = life.nextRequest();
        world.happened(fate);
        Duration call = Simulation.TIMING.call();
        Duration there = world.upTo(Duration.ofMillis(fate == Fate.SLOW ? call.toMillis() - 25 : 20));
        Duration back = world.upTo(Duration.ofMillis(fate == Fate.SLOW ? call.toMillis() - 1 : 20)
                .minus(fate == Fate.SLOW ? there : Duration.ZERO));
        Duration patience = world.chance(2) ? call : there.plus(back);
        Answer.Failure silence =
                new Answer.Failure(Answer.Kind.TEMPORARY, 0, null, "The token endpoint did not answer", null, null);
        switch (fate) {
            case NOT_SENT -> {
                scheduler.sleep(there);
                return failed(sent, 0, null);
            }
            case CLIENT_REFUSED -> {
                scheduler.sleep(there.plus(back));
                sent.failed = true;
                sent.notOurs = true;
                world.say(life, "is told that its secret is wrong");
                world.laws().rejected(sent);
                return new Answer.Failure(Answer.Kind.MISCONFIGURED, 401, "invalid_client", null, null, null);
            }
            case UNAVAILABLE -> {
                scheduler.sleep(there.plus(back));
                return failed(sent, 503, world.chance(3) ? Duration.ofSeconds(2) : null);
            }
            case NEVER_ARRIVES, ANSWER_LOST, ARRIVES_LATE, ARRIVES_BEYOND_ALL_LIMITS -> {
                sent.lost = true;
                sent.beyond = fate == Fate.ARRIVES_BEYOND_ALL_LIMITS;
                if (fate != Fate.NEVER_ARRIVES) {
                    Duration travels = fate == Fate.ANSWER_LOST
                            ? there
                            : fate == Fate.ARRIVES_LATE
                                    ? patience.plus(world.upTo(
                                            Simulation.TIMING.travel().minusMillis(1)))
                                    : Simulation.TIMING.attempt().plus(world.upTo(Simulation.TIMING.attempt()));
                    scheduler.after(travels, () -> arrives(sent));
                }
                scheduler.sleep(patience);
                world.say(life, "gets no answer (" + fate + ")");
                world.laws().failed(sent, false);
                return new Answer.Lost(silence);
            }
            default -> {
                Scheduler.Task me = scheduler.current();
                Answer[] answer = new Answer[1];
                scheduler.after(there, () -> {
                    if (life.dead() && life.cutOff()) {
                        return;
                    }
                    answer[0] = arrives(sent);
                    scheduler.after(back, () -> scheduler.wake(me));
                });
                scheduler.block();
                sent.answered = world.now();
                Issued got = sent.issued;
                if (got != null) {
                    life.hasGot(got);
                }
                world.say(life, "gets the answer for " + set + ": " + (got == null ? "refused" : got));
                world.at(Moment.ANSWERED, life, key);
                world.laws().answered(life, key);
                return answer[0];
            }
        }
    }

    private Answer failed(Sent sent, int status, @Nullable Duration retryAfter) {
        sent.failed = true;
        world.say(sent.life, "gets a temporary failure");
        world.laws().failed(sent, retryAfter != null);
        IOException cause = status == 0 ? new IOException("Connection refused") : null;
        return new Answer.Failure(Answer.Kind.TEMPORARY, status, null, null, retryAfter, cause);
    }

    private Answer arrives(Sent sent) {
        if (!sent.life.dead()) {
            world.at(Moment.ARRIVED, sent.life, sent.key());
        }
        Issued set = sent.set;
        Family family = set.family;
        if (!family.live) {
            world.say(null, "server: " + set + " of a dead family: invalid_grant");
            return refused(sent);
        }
        boolean again = set.sent.stream().anyMatch(other -> other.exchanged);
        if (again) {
            world.laws().reused(sent);
        }
        if (rotation == Rotation.REUSABLE || set.state == State.FRESH) {
            set.state = switch (rotation) {
                case STRICT, PLAIN -> State.GONE;
                case GRACE, HARSH -> State.SPENT;
                case REUSABLE -> State.FRESH;
            };
            if (rotation == Rotation.HARSH && set.parent != null) {
                set.parent.state = State.GONE;
            }
            return exchanged(sent);
        }
        if (set.state == State.SPENT) {
            set.state = State.GONE;
            Issued child = set.child;
            if (rotation == Rotation.HARSH && child != null) {
                world.laws().killed(child, sent);
                child.state = State.GONE;
            }
            return exchanged(sent);
        }
        if (rotation == Rotation.PLAIN) {
            world.say(null, "server: " + set + " is spent: invalid_grant");
            return refused(sent);
        }
        world.say(null, "server: REUSE of " + set + ", its family ends");
        world.happened("a reuse ends a grant");
        for (Issued other : issued) {
            if (other.family == family) {
                world.laws().killed(other, sent);
            }
        }
        family.live = false;
        return refused(sent);
    }

    private Answer refused(Sent sent) {
        sent.failed = true;
        return new Answer.Failure(Answer.Kind.REFUSED, 400, "invalid_grant", null, null, null);
    }

    private Answer exchanged(Sent sent) {
        Issued next = issue(sent.set.family, sent.set, sent, Simulation.LIFETIME);
        sent.exchanged = true;
        sent.issued = next;
        sent.set.child = next;
        world.say(null, "server: " + sent.set + " -> " + next);
        boolean mentioned = rotation != Rotation.REUSABLE;
        return new Answer.Tokens(TokenResponse.builder("access-" + next.number)
                .lifetime(Simulation.LIFETIME)
                .refreshToken(mentioned ? "refresh-" + next.number : null)
                .build());
    }

    /** A token is revoked. */
    void revoke(TokenSet tokens, boolean wide) {
        Family family = of(tokens).family;
        for (Issued other : issued) {
            if (other.family == family || (wide && other.family.key.equals(family.key))) {
                other.family.live = false;
            }
        }
    }
}
