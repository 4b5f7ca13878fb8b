/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import dev.grantkeeper.internal.refresh.Plan.Rotation;
import dev.grantkeeper.internal.refresh.SimulatedServer.Issued;
import dev.grantkeeper.internal.refresh.SimulatedServer.Sent;
import dev.grantkeeper.internal.refresh.SimulatedServer.State;
import dev.grantkeeper.internal.refresh.SimulatedStore.Attempt;
import dev.grantkeeper.internal.refresh.SimulatedStore.Role;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.provider.Provider.Replay;
import dev.grantkeeper.token.TokenSet;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What has to hold at every moment of a run, seen from above. Called where something happens; a law that is broken ends the
 * run. The names P1 to P15 are those of the checked model.
 *
 * <p>Most laws have excuses, which nobody in the system can see, but the simulation can: that a request with this refresh token
 * was lost, that its sender died, or that its attempt outlived T although it had begun in time.
 */
final class Laws {
    /** How long a call of the store takes at most, if nothing is wrong with it. */
    private static final Duration ORDINARY_CALL = Duration.ofMillis(4);

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
        boolean died = sent.life.dead() && (sent.issued == null || !sent.issued.landed);
        return sent.lost || died || overran(sent);
    }

    /** Whether the attempt outlived T through no fault of the protocol: its request had begun, and ended, in time. */
    private boolean overran(Sent sent) {
        if (sent.beyond || sent.life.wasFrozenSince(sent.called)) {
            return true;
        }
        long end = attempt(sent).start() + Simulation.TIMING.attempt().toNanos();
        boolean wasInTime = sent.answered >= 0
                && sent.answered <= end - Simulation.TIMING.travel().toNanos();
        return wasInTime && world.now() >= end;
    }

    private Attempt attempt(Sent sent) {
        return world.store().attempt(sent.attempt);
    }

    // ---- the server

    /** A request is about to be sent. */
    void sending(Sent sent, GrantRow row) {
        Issued set = sent.set;
        TokenSet tokens = row.tokens();
        if (row.refusal() != null) {
            broken("law 5: a refused grant is refreshed");
        }
        if (row.notBefore() != null && world.wall().isBefore(row.notBefore())) {
            broken("law 9: a request before the end of the back-off");
        }
        int under = 0;
        for (Sent other : set.sent) {
            under += other.attempt.equals(sent.attempt) ? 1 : 0;
            if (other.attempt.equals(sent.attempt) && !other.lost) {
                broken("law 15: a replay although the answer was not lost");
            }
            if (!other.failed && !explained(other) && !set.rewritten && !set.reconsidered) {
                broken("P1, law 1: " + set + " is sent again, and nothing explains it");
            }
            if (world.plan().replay() == Replay.NEVER
                    && !other.failed
                    && !set.rewritten
                    && !set.reconsidered
                    && !overran(other)
                    && !other.life.dead()) {
                broken("law 15: " + set + " is sent again, and must not be");
            }
        }
        if (under > 1) {
            broken("law 15: more than one replay in an attempt");
        }
        if (tokens != null && set.sent.isEmpty() && !set.rejected) {
            long left = tokens.expiresAt().orElseThrow().toEpochMilli()
                    - world.wall().toEpochMilli();
            if (left > Simulation.LIFETIME.toMillis() * 3 / 10) {
                broken("law 1: a refresh without need");
            }
        }
    }

    /** A refresh token that was exchanged before arrives at the server. */
    void reused(Sent sent) {
        boolean explained = explained(sent) || sent.set.rewritten || sent.set.reconsidered;
        for (Sent other : sent.set.sent) {
            explained |= other.exchanged && explained(other);
        }
        if (!explained) {
            broken("P1, law 1: the server sees a reuse of " + sent.set + ", and nothing explains it");
        }
    }

    /** A reuse ends this token set. */
    void killed(Issued set, Sent by) {
        boolean overran = by.set.undone || by.set.reconsidered || overran(by);
        int lost = 0;
        for (Sent other : by.set.sent) {
            overran |= overran(other);
            lost += other.lost || other.life.dead() ? 1 : 0;
        }
        // Told to replay at once, because of a grace window: one grace is not two.
        overran |= world.plan().replay() == Replay.PROMPT && lost > 1;
        set.undone |= overran;
        if (set.state == State.FRESH && !by.set.rewritten && isHeld(set) && !overran) {
            broken("P12, law 15: a reuse of " + by.set + " ends " + set + ", which was in use");
        }
    }

    private boolean isHeld(Issued set) {
        GrantRow row = world.store().row();
        if (row == null || !row.login().equals(set.family.login)) {
            return false;
        }
        return world.server().of(row) == set || isOnItsWay(set);
    }

    /** Whether a node has it, or will have it, and the store does not. */
    private boolean isOnItsWay(Issued set) {
        Sent by = set.by;
        Issued there = world.server().of(world.store().row());
        boolean newer = there != null && set.number > there.number;
        return newer && by != null && !by.life.dead() && !by.lost && !set.landed && by.life.isBusySince(by.answered);
    }

    /** A node gives tokens back. */
    void revoking(TokenSet tokens, Life.@Nullable Seen seen) {
        String login = world.server().of(tokens).family.login;
        boolean another =
                seen != null && seen.row() != null && !seen.row().login().equals(login);
        // That one may have been signed out here while the read was coming back.
        if (another
                && world.store().row() != null
                && world.store().lastAbsent() < seen.when() - ORDINARY_CALL.toNanos()) {
            broken("P11, law 4: who lost to a login revokes");
        }
    }

    // ---- the store

    /** A write has landed. */
    void written(Life life, Role role, @Nullable GrantRow before, GrantRow after) {
        Issued is = world.server().of(after);
        Issued was = world.server().of(before);
        if (is == null) {
            broken("a row without tokens");
            return;
        }
        is.landed = true;
        if (before != null && !before.login().equals(after.login())) {
            superseded.put(before.login(), world.now());
        }
        superseded.remove(after.login());
        if (before != null && was != null && before.login().equals(after.login()) && is.number < was.number) {
            broken("P13, law 4: " + is + " is written over " + was);
        }
        if (role == Role.LOGIN) {
            logins.put(after.login(), ++loginsWritten);
            if (signedOut.contains(after.login())) {
                broken("P3, law 4: a login comes back after its sign-out");
            }
            is.rewritten |= !is.sent.isEmpty();
            return;
        }
        is.reconsidered |= role == Role.RECONSIDER;
        if (before == null || !before.login().equals(after.login())) {
            broken("P2, law 4: " + role + " writes over another login, or where nothing was");
            return;
        }
        if (role != Role.REFRESH || is != was || after.attempt() != null) {
            return;
        }
        // A refusal, or a not-before.
        String ended = before.attempt();
        if (ended == null) {
            broken("P6, law 3: an outcome without an attempt");
            return;
        }
        Attempt attempt = world.store().attempt(ended);
        boolean afterT =
                world.now() - attempt.start() >= Simulation.TIMING.attempt().toNanos();
        if (attempt.life() != life && !(world.plan().replay() == Replay.NEVER && afterT)) {
            broken("P6, law 3: the attempt of another ends");
        }
        if (after.refusal() != null && before.refusal() == null) {
            for (Sent sent : is.sent) {
                Issued newer = sent.issued;
                if (sent.life != life
                        && newer != null
                        && newer.state == State.FRESH
                        && newer.family.live
                        && isOnItsWay(newer)
                        && is.sent.stream().noneMatch(this::explained)) {
                    broken("P5, law 5: refused, while another node has newer tokens");
                }
            }
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
    void loggedIn(Life life, String login) {
        returned.add(login);
        life.newestLogin = Math.max(life.newestLogin, logins.getOrDefault(login, 0));
    }

    /** The login that stands in the store, if whoever began it knows that it succeeded. */
    @Nullable
    String standing() {
        GrantRow row = world.store().row();
        return row != null && returned.contains(row.login()) ? row.login() : null;
    }

    void begun(String login) {
        returned.add(login);
    }

    /** A sign-out has returned. */
    void signedOut(Life life, Life.SigningOut out) {
        if (out.standing == null) {
            return;
        }
        GrantRow row = world.store().row();
        if (row != null && row.login().equals(out.standing)) {
            broken("P3, law 4: a sign-out has returned, and its login is still there");
        }
        signedOut.add(out.standing);
        life.signedOut.add(out.standing);
    }

    /** How long a caller has waited. */
    void waited(Life life, long since, boolean rejected) {
        GrantRow row = world.store().row();
        Issued set = world.server().of(row);
        if (row == null || row.tokens() == null || set == null || set.rejected || rejected) {
            return;
        }
        long hard = row.tokens().expiresAt().orElseThrow().toEpochMilli() - Simulation.LIFETIME.toMillis() / 10;
        boolean valid = world.wall().toEpochMilli() < hard && world.store().tokensSince() < since;
        if (valid && life.knew(set, since) && !life.wasFrozenSince(since) && world.now() - since > 2_000_000_000L) {
            broken("law 7: a caller waits although valid tokens are known");
        }
    }

    /** A caller got tokens. */
    void served(Life life, TokenSet tokens, Set<String> signedOutBefore, int newestBefore, long since) {
        Issued set = world.server().of(tokens);
        String login = set.family.login;
        life.knows(set);
        if (signedOutBefore.contains(login)) {
            broken("P9, law 4: tokens of a grant that was signed out here");
        }
        if (logins.getOrDefault(login, 0) < newestBefore) {
            broken("P9, law 14: tokens of an older login than the one that came in here");
        }
        long trusted = since - Simulation.TIMING.trustStored().toNanos();
        long ended = superseded.getOrDefault(login, Long.MAX_VALUE);
        // Whoever has tokens that it could not store yet serves those until it gets through.
        boolean unsaved = life.refresher.unsavedCount() > 0;
        if (ended < trusted && !unsaved && !life.hadTroubleSince(trusted) && !life.wasFrozenSince(trusted)) {
            broken("P9, law 7: tokens of a login that was replaced long ago");
        }
        boolean expired = !world.wall().isBefore(tokens.expiresAt().orElseThrow());
        if (expired && !life.wasFrozenSince(since)) {
            broken("law 7: tokens that have expired are served");
        }
        GrantRow row = world.store().row();
        if (world.isCalm() && row != null && !row.login().equals(login)) {
            broken("P9: tokens of another login than the store's, long after everything has calmed down");
        }
    }

    /** A caller got no tokens. */
    void notServed(Life life, Outcome outcome, long since, @Nullable String rejected) {
        if (outcome instanceof Outcome.LoginRequired required) {
            boolean absent = required.reason() == Outcome.Reason.NOT_CONNECTED;
            long last = absent ? world.store().lastAbsent() : world.store().lastRefused();
            // What the node saw last, or what was there while the call waited, or while the store took its time.
            boolean delayed = last >= 0 && (life.hadTroubleSince(last) || life.wasFrozenSince(last));
            if (!justifies(life.view(), absent) && last < since && !delayed) {
                broken("law 5: a login is required although the row does not say so");
            }
        }
        GrantRow row = world.store().row();
        Issued set = world.server().of(row);
        if (row == null || row.tokens() == null || set == null || set.rejected || life.wasFrozenSince(since)) {
            return;
        }
        // A call may join a read that is just coming back.
        long seen = since - ORDINARY_CALL.toNanos();
        boolean valid = world.wall().isBefore(row.tokens().expiresAt().orElseThrow())
                && world.store().tokensSince() < seen;
        if (valid && !life.hadTroubleSince(since)) {
            broken("law 7: " + set + " is valid, and not served: " + outcome);
        }
        Issued newest = life.known();
        boolean unsaved =
                newest != null && newest.parent == set && life.knew(newest, since) && life.refresher.unsavedCount() > 0;
        if (unsaved && !newest.rejected && world.wall().isBefore(newest.ends)) {
            broken("law 14: " + newest + " is valid, only not in the store, and not served: " + outcome);
        }
        if (valid && life.knew(set, since)) {
            broken("law 7: " + set + " is valid and known, and not served: " + outcome);
        }
    }

    private static boolean justifies(@Nullable GrantRow row, boolean absent) {
        return absent ? row == null : row != null && row.refusal() != null;
    }

    // ---- the end

    /** Everybody has come to rest, nothing has gone wrong for long. Returns whether a call has to bring tokens now. */
    boolean atRest() {
        GrantRow row = world.store().row();
        Issued set = world.server().of(row);
        if (row == null || set == null || !set.family.live) {
            return false;
        }
        boolean usable = row.refusal() == null
                && (set.state == State.FRESH || world.plan().rotation() == Rotation.REUSABLE);
        if (usable) {
            return true;
        }
        if (row.refusal() != null && row.refusal().answerLost() && world.plan().replay() == Replay.NEVER) {
            return false;
        }
        boolean excused = set.rewritten || set.undone;
        for (Sent sent : set.sent) {
            boolean died = sent.life.dead() && (sent.issued == null || !sent.issued.landed);
            excused |= sent.lost || died;
        }
        if (!excused) {
            broken("P4: the grant is alive, and the store does not have its refresh token");
        }
        return false;
    }
}
