/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import dev.grantkeeper.internal.refresh.SimulatedServer.Issued;
import dev.grantkeeper.internal.refresh.SimulatedServer.Sent;
import dev.grantkeeper.internal.refresh.SimulatedServer.State;
import dev.grantkeeper.internal.refresh.SimulatedStore.Attempt;
import dev.grantkeeper.internal.refresh.SimulatedStore.Role;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.provider.Provider.Replay;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.TokenSet;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What has to hold at every moment of a run, seen from above. Called where something happens; a law that is broken ends
 * the run. The names P1 to P15 are those of the checked model.
 *
 * <p>Most laws have excuses, which nobody in the system can see, but the simulation can: that this very request was
 * lost, that its sender died while it was at it, or that its attempt outlived T because the sender was paused or cut
 * off from the store. An excuse speaks for one request, one user, one call; never for a run.
 */
final class Laws {
    private final Simulation world;
    private final Map<String, Integer> logins = new HashMap<>();
    /** When the store ceased to hold a login. */
    private final Map<String, Long> superseded = new HashMap<>();

    private int loginsWritten;
    private final Set<String> returned = new HashSet<>();
    private final Set<String> signedOut = new HashSet<>();

    Laws(Simulation world) {
        this.world = world;
    }

    private void broken(String law) {
        world.broken(law);
    }

    // ---- excuses

    /** Whether it is known why the refresh token of this request may be sent once more, or has been. */
    private boolean explained(Sent sent) {
        return sent.lost || died(sent) || overran(sent) || sent.forgiven;
    }

    /** Whether it was known when the later one of these was sent. What is on its way then may land in between. */
    private static boolean wasExplained(Sent one, Sent other) {
        return one.explained.contains(other) || other.explained.contains(one);
    }

    private static boolean wasForgotten(Sent one, Sent other) {
        return one.forgotten.contains(other) || other.forgotten.contains(one);
    }

    /**
     * Whether the store has forgotten the attempt of a request, or what it brought, and the node that knows was kept
     * from writing it again: it died, was closed or paused, the store was down for it alone, or it was idle and did not
     * notice that the store was away. Or the node that sends now did not.
     */
    private boolean forgotten(Sent sent, Life next) {
        Issued set = sent.issued;
        long since = world.store().forgot(sent.key());
        boolean its = since >= 0 && ((set != null && set.forgotten) || attempt(sent).forgotten);
        Life life = sent.life;
        long outage = Math.max(world.store().forgotAfter(sent.key()), world.lastBlackout());
        return its
                && (life.dead()
                        || life.closed()
                        || !life.noticedSince(outage)
                        || !next.noticedSince(outage)
                        || life.wasFrozenSince(attempt(sent).start)
                        || life.hadTroubleOfItsOwn(sent.key(), attempt(sent).start, world.now()));
    }

    /** Whether the store has forgotten something of this user since then. */
    private boolean forgotSince(AccountKey key, long start) {
        return world.store().forgot(key) >= start;
    }

    /** Whether the node died before the outcome of the request was in the store, and was still at work for it. */
    private boolean died(Sent sent) {
        return sent.cutShort && (sent.issued == null || !sent.issued.landed);
    }

    /**
     * Whether the attempt outlived T through no fault of the protocol: its sender was paused, or the store kept it from
     * writing.
     */
    private boolean overran(Sent sent) {
        if (sent.beyond) {
            return true;
        }
        Attempt attempt = attempt(sent);
        // For observers, T is longer by the time for which they cannot read.
        long end = world.wasBlackout(attempt.start, attempt.end()) ? world.now() : attempt.end();
        return attempt.outlived(world.now())
                && (sent.life.wasFrozen(attempt.start, end)
                        || sent.life.hadTroubleOfItsOwn(attempt.key, attempt.start, end)
                        || (answeredLate(sent, attempt) && sent.life.hadTrouble(attempt.key, attempt.start, end)));
    }

    /**
     * Whether the answer came so late that the rest of T is no longer than the part of an outage that observers may
     * count. An outage for all excuses nothing else: nobody may take an attempt for lost while nobody can write.
     */
    private static boolean answeredLate(Sent sent, Attempt attempt) {
        return sent.answered - attempt.written() > (attempt.end() - attempt.written()) * 4 / 5;
    }

    private Attempt attempt(Sent sent) {
        return world.store().attempt(sent.attempt);
    }

    // ---- the server

    /** A request is about to be sent. */
    void sending(Sent sent, GrantRow row) {
        Issued set = sent.set;
        Life life = sent.life;
        Attempt attempt = attempt(sent);
        TokenSet tokens = row.tokens();
        if (!attempt.key.equals(set.family.key)) {
            broken("the tokens of one user are refreshed for another");
        }
        if (attempt.over != set || attempt.life != life) {
            broken("law 2: what is sent was not in the row that carried this attempt");
        }
        if (!Simulation.TIMING.maySend(world.plan().replay(), Duration.ofNanos(world.now() - attempt.written()))) {
            broken("law 3: a request although too little of T is left");
        }
        if (row.own().refusal() != null) {
            broken("law 5: a refused grant is refreshed");
        }
        if (life.shutSince >= 0
                && attempt.start > life.shutSince
                && world.plan().users() <= 2
                && attempt.start - life.shutSince < Backoff.SHORTEST.toNanos()) {
            broken("law 9: a request although the token endpoint is to be left alone");
        }
        Long rejected = life.rejected.get(attempt.key);
        if (rejected != null && attempt.start - rejected < Backoff.SHORTEST.toNanos()) {
            broken("law 18: a grant whose client was rejected is sent again at once");
        }
        boolean sameClock = !world.jumpedSince(
                life.node, attempt.start - Simulation.TIMING.attempt().toNanos());
        if (row.own().notBefore() != null && sameClock) {
            Duration left = Duration.between(life.wall(), row.own().notBefore());
            // The node has decided before it wrote its attempt. An hour ahead, a wrong clock wrote it.
            Duration then = left.plusNanos(world.now() - attempt.start);
            if (!left.isNegative() && !left.isZero() && then.compareTo(Duration.ofHours(1)) <= 0) {
                broken("law 9: a request before the end of the back-off");
            }
        }
        int under = 0;
        for (Sent other : set.sent) {
            if (other.attempt.equals(sent.attempt)) {
                under++;
                if (!other.lost) {
                    broken("law 15: a replay although the answer was not lost");
                }
                continue;
            }
            if (explained(other)) {
                sent.explained.add(other);
            } else if (forgotten(other, life)) {
                sent.forgotten.add(other);
            } else if (!other.failed) {
                broken("P1, law 1: " + set + " is sent again, and nothing explains it");
            }
            if (world.plan().replay() == Replay.NEVER
                    && !other.failed
                    && !other.forgiven
                    && !forgotSince(attempt.key, attempt(other).start)) {
                broken("law 15: " + set + " is sent again, and must not be");
            }
            // Where only this node's secret is wrong, its own gate keeps it from sending, and nobody else.
            boolean notOurs = set.sent.stream().anyMatch(one -> one.notOurs && one.attempt.equals(other.attempt));
            if (world.plan().hasRightClocks()
                    && !notOurs
                    && !other.forgiven
                    && set.reconsidered < other.called
                    && !forgotSince(attempt.key, attempt(other).start)
                    && world.now() - attempt(other).start
                            < Math.min(
                                    Backoff.SHORTEST.toNanos(),
                                    Simulation.TIMING
                                            .attempt(world.plan().replay())
                                            .toNanos())) {
                broken("law 9: " + set + " is sent again at once");
            }
        }
        if (under > 1) {
            broken("law 15: more than one replay in an attempt");
        }
        if (under > 0) {
            world.happened("a replay");
        }
        if (tokens != null && sameClock) {
            boolean valid = life.left(set, tokens)
                            .compareTo(Simulation.LIFETIME.multipliedBy(3).dividedBy(10))
                    > 0;
            if (valid && !set.rejected) {
                broken("law 1: a refresh without need");
            }
            // A tenth of its life. A node that has not seen how the tokens changed has only its clock to go by.
            if (valid
                    && row.own().afterRejection()
                    && world.plan().hasRightClocks()
                    && world.now() - set.since < Simulation.LIFETIME.toNanos() / 10) {
                broken("law 10: one 401 after the other, and one refresh after the other");
            }
        }
    }

    /**
     * A request has failed, and how this grant goes on is not all that matters.
     *
     * @param toWait whether the server has asked to be left alone
     */
    void failed(Sent sent, boolean toWait) {
        Life life = sent.life;
        if (attempt(sent).start <= life.shutSince) {
            return; // Many that fail at once are one failure of the endpoint.
        }
        if (life.shutSince < 0 && life.failsAlone.contains(attempt(sent).key)) {
            return; // Others have succeeded while it failed.
        }
        life.failing.add(attempt(sent).key);
        if (toWait) {
            life.paused.add(attempt(sent).key);
        }
        if (life.shutSince >= 0 || life.failing.size() >= 3 || life.paused.size() >= 2) {
            life.shutSince = world.now();
            world.happened("an endpoint is left alone");
        }
    }

    /** The server rejects this node as a client: that holds the grant that heard it, and no other (law 18). */
    void rejected(Sent sent) {
        sent.life.rejected.put(attempt(sent).key, world.now());
    }

    /** A request of this node was answered, by tokens or by a refusal. */
    void answered(Life life, AccountKey key) {
        if (life.shutSince < 0) {
            life.failsAlone.addAll(life.failing);
        }
        life.failsAlone.remove(key);
        life.failing.clear();
        life.paused.clear();
        life.rejected.remove(key);
        life.shutSince = -1;
    }

    /** A refresh token that was exchanged before arrives at the server. */
    void reused(Sent sent) {
        world.happened("a reuse");
        for (Sent other : sent.set.sent) {
            boolean known = explained(other)
                    || explained(sent)
                    || forgotten(other, sent.life)
                    || wasExplained(sent, other)
                    || wasForgotten(sent, other);
            if (other != sent && other.exchanged && !known) {
                broken("P1, law 1: the server sees a reuse of " + sent.set + ", and nothing explains it");
            }
        }
    }

    /** A reuse ends this token set. */
    void killed(Issued set, Sent by) {
        boolean overran = by.set.undone || by.set.rewritten;
        int lost = 0;
        for (Sent other : by.set.sent) {
            overran |= overran(other) || other.forgiven || forgotten(other, by.life) || wasForgotten(by, other);
            lost += other.lost || died(other) || wasExplained(by, other) ? 1 : 0;
        }
        // Told to replay at once, because of a grace window: one grace is not two.
        overran |= world.plan().replay() == Replay.PROMPT && lost > 1;
        set.undone |= overran;
        if (set.state == State.FRESH && isHeld(set) && !overran) {
            broken("P12, law 15: a reuse of " + by.set + " ends " + set + ", which was in use");
        }
    }

    private boolean isHeld(Issued set) {
        GrantRow row = world.store().row(set.family.key);
        if (row == null || !row.login().equals(set.family.login)) {
            return false;
        }
        return world.server().of(row) == set
                || isOnItsWay(set)
                || (set.forgotten && set.by != null && !set.by.life.dead());
    }

    /** Whether a node has it, or will have it, and the store does not. */
    private boolean isOnItsWay(Issued set) {
        Sent by = set.by;
        Issued there = world.server().of(world.store().row(set.family.key));
        boolean newer = there != null && set.number > there.number;
        return newer && by != null && !by.lost && !set.landed && by.life.isAtWorkFor(by);
    }

    /** A node revokes tokens. */
    void revoking(TokenSet tokens, Life.@Nullable Seen seen) {
        Issued set = world.server().of(tokens);
        AccountKey key = set.family.key;
        boolean another =
                seen != null && seen.row() != null && !seen.row().login().equals(set.family.login);
        // That one may have been signed out here while the read was coming back.
        if (another && world.store().lastAbsent(key) < seen.when()) {
            broken("P11, law 4: who lost to a login revokes");
        }
    }

    // ---- the store

    /** A write has landed. */
    void written(Life life, AccountKey key, Role role, @Nullable GrantRow before, GrantRow after, boolean lateCreate) {
        Issued is = world.server().of(after);
        Issued was = world.server().of(before);
        if (is == null) {
            broken("a row without tokens");
            return;
        }
        if (!is.family.key.equals(key)) {
            broken("the tokens of one user are stored for another");
        }
        is.landed = true;
        if (before != null && !before.login().equals(after.login())) {
            superseded.put(before.login(), world.now());
        }
        superseded.remove(after.login());
        if (before != null && was != null && before.login().equals(after.login()) && is.number < was.number) {
            broken("P13, law 4: " + is + " is written over " + was);
        }
        if (role == Role.LOGIN || role == Role.IMPORT) {
            logins.put(after.login(), ++loginsWritten);
            if (lateCreate && signedOut.remove(after.login())) {
                // Rule 3.1 of the contract: a store should rule this out, since nothing here can.
                world.happened("a create that landed late brings a login back");
                world.forgetSignOut(key, after.login());
            }
            if (signedOut.contains(after.login())) {
                broken("P3, law 4: a login comes back after its sign-out");
            }
            if (role == Role.IMPORT && before != null) {
                broken("an import overwrites");
            }
            is.rewritten |= !is.sent.isEmpty();
            is.sent.forEach(sent -> sent.forgiven = true);
            return;
        }
        if (before == null || !before.login().equals(after.login())) {
            broken("P2, law 4: " + role + " writes over another login, or where nothing was");
            return;
        }
        if (role == Role.RECONSIDER) {
            is.reconsidered = world.now();
            is.sent.forEach(sent -> sent.forgiven |= !sent.attempt.equals(after.attempt()));
        }
        if (role != Role.REFRESH || is != was || after.attempt() != null) {
            String standing = before.attempt();
            if (is != was && standing != null && world.store().attempt(standing).life != life) {
                world.happened("tokens are written over the attempt of another");
            }
            return;
        }
        // A refusal, or a not-before.
        String ended = before.attempt();
        if (ended == null) {
            broken("P6, law 3: an outcome without an attempt");
            return;
        }
        Attempt attempt = world.store().attempt(ended);
        boolean afterT = world.now() >= attempt.end();
        if (attempt.life != life && !(world.plan().replay() == Replay.NEVER && afterT)) {
            broken("P6, law 3: the attempt of another ends");
        }
        if (after.own().refusal() != null && before.own().refusal() == null) {
            world.happened("a refusal");
            boolean lost = is.sent.stream().anyMatch(sent -> sent.exchanged && sent.lost && !sent.forgiven);
            boolean knows = world.store().forgot(key) < 0;
            if (lost && knows && after.own().refusal().kind() == GrantRow.Refusal.Kind.ENDED) {
                broken("law 15: refused, and forgotten that an answer was lost");
            }
            for (Sent sent : is.sent) {
                Issued newer = sent.issued;
                if (sent.life != life
                        && newer != null
                        && newer.state == State.FRESH
                        && newer.family.live
                        && isOnItsWay(newer)
                        && !explained(sent)
                        && !forgotten(sent, life)) {
                    broken("P5, law 5: refused, while another node has newer tokens");
                }
            }
        }
    }

    /** A node takes the row for one that the store has lost writes of, and has written what it knew. */
    void restored(AccountKey key) {
        Issued set = world.server().of(world.store().row(key));
        while (set != null && !set.rewritten) {
            set = set.parent;
        }
        // A login that did not know of its own success, and was signed out meanwhile, restores a row, too.
        if (set == null && world.store().forgot(key) < 0) {
            broken("a row is restored although the store has lost nothing");
        }
    }

    /** A row was removed. */
    void deleted(GrantRow row, Life.@Nullable SigningOut out) {
        superseded.put(row.login(), world.now());
        if (out == null || !row.login().equals(out.target)) {
            broken("P2, law 4: a login is removed that nobody signed out");
        }
    }

    // ---- the applications

    /** A login has returned. */
    void loggedIn(Life life, AccountKey key, String login) {
        returned.add(login);
        Life.Sight sight = life.sight(key);
        sight.newestLogin = Math.max(sight.newestLogin, logins.getOrDefault(login, 0));
    }

    /** The login that stands in the store, if the node that began it knows that it succeeded. */
    @Nullable
    String standing(AccountKey key) {
        GrantRow row = world.store().row(key);
        return row != null && returned.contains(row.login()) ? row.login() : null;
    }

    void begun(String login) {
        returned.add(login);
    }

    /** A sign-out has returned. */
    void signedOut(Life life, AccountKey key, Life.SigningOut out) {
        if (out.standing == null) {
            return;
        }
        GrantRow row = world.store().row(key);
        if (row != null && row.login().equals(out.standing)) {
            broken("P3, law 4: a sign-out has returned, and its login is still there");
        }
        signedOut.add(out.standing);
        life.sight(key).signedOut.add(out.standing);
    }

    /**
     * A node was closed in order.
     *
     * @param keys the users that it served
     * @param unsaved how many token sets it reported as not stored
     * @param since when closing began
     * @param limit how long it might take
     */
    void closed(Life life, List<AccountKey> keys, int unsaved, long since, Duration limit) {
        long took = world.now() - since;
        if (took > limit.plus(Life.ENDING).plusMillis(100).toNanos() && !life.wasFrozenSince(since)) {
            broken("closing takes longer than it may");
        }
        int lost = 0;
        for (AccountKey key : keys) {
            Issued newest = world.server().newest(key);
            GrantRow row = world.store().row(key);
            Issued there = world.server().of(row);
            boolean wanted = row != null
                    && there != null
                    && newest != null
                    && newest.family == there.family
                    && newest.parent == there
                    && newest.family.live;
            boolean here = wanted && newest.by != null && newest.by.life == life && newest.by.answered >= 0;
            // A write that has not come back by then may land yet.
            lost += here && !newest.landed && !life.waitsForStore(key) ? 1 : 0;
        }
        if (lost > unsaved) {
            broken("law 14: closing takes " + lost + " token sets to the grave, and reports " + unsaved);
        }
        if (unsaved > 0) {
            world.happened("tokens are reported as lost by close");
        }
    }

    /** How long a caller has waited. */
    void waited(Life life, AccountKey key, long since, boolean rejected) {
        GrantRow row = world.store().row(key);
        Issued set = world.server().of(row);
        if (row == null || row.tokens() == null || set == null || set.rejected || rejected) {
            return;
        }
        boolean valid = life.left(set, row.tokens()).compareTo(Simulation.LIFETIME.dividedBy(10)) > 0
                && !world.jumpedSince(life.node, since)
                && world.store().tokensSince(key) < since;
        if (valid && life.knew(set, since) && !life.wasFrozenSince(since) && world.now() - since > 2_000_000_000L) {
            broken("law 7: a caller waits although valid tokens are known");
        }
    }

    /** A caller got tokens. */
    void served(Life life, AccountKey key, TokenSet tokens, Set<String> signedOutBefore, int newestBefore, long since) {
        Issued set = world.server().of(tokens);
        String login = set.family.login;
        if (!set.family.key.equals(key)) {
            broken("a user gets the tokens of another");
            return;
        }
        life.knows(set);
        if (signedOutBefore.contains(login) && life.sight(key).signedOut.contains(login)) {
            broken("P9, law 4: tokens of a grant that was signed out here");
        }
        if (logins.getOrDefault(login, 0) < newestBefore) {
            broken("P9, law 14: tokens of an older login than the one that came in here");
        }
        long trusted = since - Simulation.TIMING.storeCacheTime().toNanos();
        long ended = superseded.getOrDefault(login, Long.MAX_VALUE);
        // A node that has tokens which it could not store yet serves those until it gets through.
        boolean unsaved = life.refresher.unsavedCount() > 0 && set.by != null && set.by.life == life;
        if (ended < trusted && !unsaved && !life.hadTroubleSince(key, trusted) && !life.wasFrozenSince(trusted)) {
            broken("P9, law 7: tokens of a login that was replaced long ago");
        }
        Duration left = life.leftAtMost(set, tokens);
        // Where the wall clock jumps, the other one decides, and begins when the tokens were in memory.
        Duration mercy = world.plan().hasRightClocks() ? Duration.ZERO : Simulation.TIMING.shortestCacheTime();
        // A caller that waited for a refresh gets what it brings.
        long begun = set.by != null && set.by.life == life ? Math.min(since, set.by.called) : since;
        if (left.plus(mercy).compareTo(Duration.ZERO) <= 0
                && !life.wasFrozenSince(since)
                && !world.jumpedSince(life.node, begun)) {
            broken("law 7: tokens that have expired are served");
        }
        GrantRow row = world.store().row(key);
        if (world.isCalm() && row != null && !row.login().equals(login)) {
            broken("P9: tokens of another login than the store's, long after everything has calmed down");
        }
    }

    /**
     * A caller got no tokens.
     *
     * @param earliest when the first call of the store began that could decide about this
     */
    void notServed(Life life, AccountKey key, Outcome outcome, long since, long earliest) {
        Life.Sight sight = life.sight(key);
        if (outcome instanceof Outcome.LoginRequired required) {
            boolean absent = required.reason() == Outcome.Reason.NOT_CONNECTED;
            if ((absent ? sight.shownAbsent : sight.shownRefused) < since) {
                broken("law 5: a login is required although the row has not said so since the call began");
            }
        }
        GrantRow row = world.store().row(key);
        Issued set = world.server().of(row);
        if (row == null
                || row.tokens() == null
                || set == null
                || set.rejected
                || life.wasFrozenSince(since)
                || world.jumpedSince(life.node, since)
                || life.closed()) {
            return;
        }
        boolean valid = life.left(set, row.tokens()).compareTo(Duration.ZERO) > 0
                && world.store().tokensSince(key) < earliest;
        if (valid && !life.hadFailureSince(key, since)) {
            broken("law 7: " + set + " is valid, and not served: " + outcome);
        }
        Issued newest = life.known(key);
        boolean unsaved =
                newest != null && newest.parent == set && life.knew(newest, since) && life.refresher.unsavedCount() > 0;
        if (unsaved
                && !newest.rejected
                && world.wall().isBefore(newest.ends)
                && world.plan().hasRightClocks()) {
            broken("law 14: " + newest + " is valid, only not in the store, and not served: " + outcome);
        }
        if (valid && life.knew(set, since)) {
            broken("law 7: " + set + " is valid and known, and not served: " + outcome);
        }
    }

    // ---- the end

    /** Everybody has come to rest, nothing has gone wrong for long. Returns whether a call has to bring tokens now. */
    boolean atRest(AccountKey key) {
        GrantRow row = world.store().row(key);
        Issued set = world.server().of(row);
        if (row == null || set == null || !set.family.live) {
            return false;
        }
        boolean good = switch (world.plan().rotation()) {
            case STRICT, PLAIN -> set.state == State.FRESH;
            case GRACE, HARSH -> set.state != State.GONE;
            case REUSABLE -> true;
        };
        if (good && row.own().refusal() == null) {
            return true;
        }
        if (row.own().refusal() != null
                && row.own().refusal().kind() == GrantRow.Refusal.Kind.ANSWER_LOST
                && world.plan().replay() == Replay.NEVER) {
            return false;
        }
        boolean excused = set.rewritten || set.undone;
        for (Sent sent : set.sent) {
            excused |= sent.exchanged && (sent.lost || died(sent));
            excused |= sent.exchanged
                    && set.sent.stream().anyMatch(next -> forgotten(sent, next.life) || wasForgotten(sent, next));
        }
        if (!excused || good) {
            broken("P4: the grant is alive, and the store does not have its refresh token");
        }
        return false;
    }
}
