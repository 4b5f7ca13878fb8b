/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import dev.grantkeeper.internal.refresh.Memory.Remembered;
import dev.grantkeeper.internal.refresh.Outcome.LoginRequired;
import dev.grantkeeper.internal.refresh.Outcome.Reason;
import dev.grantkeeper.internal.refresh.Outcome.RequestFailed;
import dev.grantkeeper.internal.refresh.Outcome.StoreFailed;
import dev.grantkeeper.internal.refresh.Outcome.Usable;
import dev.grantkeeper.internal.refresh.Rows.Written;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.row.Resource;
import dev.grantkeeper.internal.row.RowFormat;
import dev.grantkeeper.internal.row.StoredGrant;
import dev.grantkeeper.internal.wire.Answer;
import dev.grantkeeper.internal.wire.TokenResponse;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * Keeps grants fresh: any number of threads on any number of nodes, one token request per expiry, and nobody signed out
 * who did not have to be.
 *
 * <h2>The difficulty</h2>
 *
 * <p>Many authorization servers take a refresh token once. The answer brings the next one, and a server that sees a
 * spent token again assumes that it was stolen and ends the whole grant (RFC 9700 section 4.14.2). So two refreshes at
 * once sign the user out; so does a new token that was received and not stored; so does a loser who writes "refused"
 * over what the winner stored. And any step can fail, be slow, or look failed and happen all the same.
 *
 * <h2>The row is the lock</h2>
 *
 * <p>The store can replace a row if its version is still the one that was read, and that is all the protocol needs. Who
 * wants to refresh first writes an <em>attempt</em>, a random name, into the row. Only one node can win that write, and
 * the refresh token that it then sends is the one from the very row that now carries its attempt. All others find the
 * attempt, wait a little, and look again. The outcome (tokens, a refusal, or "not before") replaces the row and takes
 * the attempt out in the same write.
 *
 * <p>Nothing is held meanwhile: no transaction, no connection, no lock in this process.
 *
 * <h2>An attempt that stays</h2>
 *
 * <p>Its holder died, lost the answer, or cannot reach the store. An attempt therefore ends by itself after a time T.
 * The holder measures T from before its first write, observers from when they first saw this name, all by their own
 * monotonic clocks; no two clocks are ever compared. T is longer than everything a holder may still be doing (see
 * {@link Timing}), and a holder sends nothing when too little of its T is left. A name dies with its process: after a
 * restart our own attempt is a stranger's, since nobody remembers whether its request went out.
 *
 * <h2>An answer that never came</h2>
 *
 * <p>The server may have taken the refresh token; a success that cannot be read, or a gateway that gave up, says no
 * more. Giving up signs the user out for certain if it did; sending the token again may. Whether and when to send it
 * once more is a property of the server: {@link Provider.Replay}. Either way the row is read again first, and after
 * that one replay the attempt stays where it is for T to end it, for the late request may still arrive.
 *
 * <h2>A write that lost</h2>
 *
 * <p>Tokens in hand, and the row has changed. What stands there now decides, told by the login's name and the whole
 * token set (a refresh token may be the same before and after): our own tokens, the write had landed; no row, the user
 * signed out meanwhile and the tokens are given back; another login, it wins; still the tokens that ours were made
 * from, then only an attempt or a hasty refusal came between, and ours are written on top; anything newer is used. A
 * refusal or a "not before" that loses is dropped: it spoke of a row that is gone.
 *
 * <h2>A store that is down</h2>
 *
 * <p>The new tokens are served from memory, the write is tried again and again, and the old refresh token is not sent
 * any more. A login that comes in here meanwhile drops them. A store that comes back without its last writes, from a
 * replica or a backup, gets the row again that is remembered here, if that is a later one of the same login
 * ({@link Rows#find}).
 *
 * <h2>Several resources</h2>
 *
 * <p>One refresh token may bring access tokens for several APIs (RFC 8707). They lie in the same row, each with its own
 * limits, refusal and back-off, and each refresh of any of them is one attempt on that row: it is the refresh token
 * that works once. What a server refuses for one resource ends nothing else; only a lost answer is about the refresh
 * token and so about the whole grant.
 *
 * <h2>Threads</h2>
 *
 * <p>All callers of one key share a <em>flight</em>, which runs on a thread of ours: a caller who is cancelled,
 * interrupted or out of patience takes nothing from the others. Inside one flight everything is sequential;
 * {@link Flight#run} is the protocol, from top to bottom.
 *
 * <p>The protocol was checked as a model with crashes, lost answers, failing and late writes, logins and sign-outs in
 * between, and this code runs under a simulation of the same ({@code SimulationTest}). Where a step seems superfluous,
 * something in that list needs it; {@code MutantTest} shows what, for many of them.
 *
 * <p>Thread-safe.
 */
public final class Refresher {
    /** After a forced refresh, how long a 401 on its result is the API's problem and not the token's, at most. */
    private static final Duration COOLDOWN = Duration.ofSeconds(30);

    /** How long the store may take to answer, where there is something to serve without it. */
    private static final Duration PATIENCE = Duration.ofSeconds(2);

    /**
     * So many writes in a row cannot be lost to others; a store that says so does not keep rule 2.2 of its contract.
     */
    private static final int MOST_LOSSES = 100;

    /**
     * Attempts of our own that are remembered; so many fail in one outage of the store, and no more than that is kept.
     */
    private static final int MOST_ATTEMPTS = 10_000;

    /** How long before consent ends somebody is told. */
    private static final List<Duration> WARNINGS = List.of(Duration.ofDays(30), Duration.ofDays(7), Duration.ofDays(1));

    private final Rows rows;
    private final Memory memory;
    private final Renewal renewal;
    private final Timing timing;
    private final Time time;
    private final EndpointGate gate;
    private final Workers workers;
    private final RefreshEvents events;

    private final Map<Look, CompletableFuture<Outcome>> looks = new ConcurrentHashMap<>();
    private final Map<AccountKey, Flight> flights = new ConcurrentHashMap<>();
    /** Tokens that the store does not have yet. Never dropped but for a newer login. */
    private final Map<AccountKey, Unsaved> unsaved = new ConcurrentHashMap<>();
    /** Keys for which the next try to store tokens is arranged. */
    private final Set<AccountKey> saves = ConcurrentHashMap.newKeySet();
    /** Attempts of ours that may stand in the row although nothing was sent under them. */
    private final Map<AccountKey, String> unsent = bounded();
    /** Attempts of ours that were sent, and whose answers were lost: nobody here needs to wait for those. */
    private final Map<AccountKey, String> lost = bounded();

    Refresher(
            Rows rows,
            Memory memory,
            Renewal renewal,
            Timing timing,
            Time time,
            EndpointGate gate,
            Workers workers,
            RefreshEvents events) {
        this.rows = rows;
        this.memory = memory;
        this.renewal = renewal;
        this.timing = timing;
        this.time = time;
        this.gate = gate;
        this.workers = workers;
        this.events = events;
    }

    /** For what only saves waiting: forgotten, an attempt of ours is a stranger's, and T ends it. */
    private static <T> Map<AccountKey, T> bounded() {
        return Collections.synchronizedMap(new LinkedHashMap<>() {
            private static final long serialVersionUID = 1L;

            @Override
            protected boolean removeEldestEntry(Map.Entry<AccountKey, T> eldest) {
                return size() > MOST_ATTEMPTS;
            }
        });
    }

    /**
     * New tokens that could not be written yet.
     *
     * @param version the version that they replace
     * @param madeFrom all tokens that the row held before
     * @param row what to write
     * @param limits of the access tokens in it, by resource
     * @param since when they came
     * @param failures how often the write has failed
     */
    private record Unsaved(
            String version,
            Map<Resource, TokenSet> madeFrom,
            GrantRow row,
            Map<Resource, Limits> limits,
            long since,
            int failures) {
        /** Tokens that can be used without a second thought. */
        @Nullable
        TokenSet current(Resource resource, Time time) {
            Limits its = limits.get(resource);
            return its == null || its.pastHard(time)
                    ? null
                    : row.state(resource).tokens();
        }

        /** Tokens that can be used, by somebody who saw others rejected. */
        @Nullable
        TokenSet ofUse(Resource resource, @Nullable String rejected, Time time) {
            Limits its = limits.get(resource);
            TokenSet tokens = row.state(resource).tokens();
            return its == null
                            || its.expired(time)
                            || tokens == null
                            || tokens.accessToken().equals(rejected)
                    ? null
                    : tokens;
        }

        /**
         * Whether the row has gone, or another login stands there. What is known of it is newer than our attempt in it.
         */
        boolean isOutlived(@Nullable Remembered now) {
            StoredGrant known = now == null ? null : now.grant();
            return now != null && (known == null || !known.row().login().equals(row.login()));
        }

        Unsaved onTopOf(StoredGrant grant) {
            return new Unsaved(grant.version(), madeFrom, row, limits, since, failures);
        }

        Unsaved failedAgain() {
            return new Unsaved(version, madeFrom, row, limits, since, failures + 1);
        }
    }

    /** Who reads the row at the same time shares it, if they are after the same token. */
    private record Look(AccountKey key, Resource resource) {}

    /**
     * What a flight is for.
     *
     * @param resource what the access token is for
     * @param rejected the access token that an API rejected
     * @param behindTheScenes the tokens can still be used, and nobody waits
     * @param onlySave write what is unsaved, nothing else
     */
    private record Want(Resource resource, @Nullable String rejected, boolean behindTheScenes, boolean onlySave) {
        static final Want SAVED = new Want(Resource.OWN, null, true, true);

        static Want valid(Resource resource) {
            return new Want(resource, null, false, false);
        }

        static Want fresher(Resource resource) {
            return new Want(resource, null, true, false);
        }

        static Want insteadOf(Resource resource, String rejected) {
            return new Want(resource, rejected, false, false);
        }
    }

    /** Tokens that are valid now: from memory where it can be trusted, from the store, or by a refresh. */
    public CompletableFuture<Outcome> current(AccountKey key, Resource resource) {
        Unsaved pending = unsaved.get(key);
        TokenSet unsavedTokens = pending == null ? null : pending.current(resource, time);
        if (unsavedTokens != null) {
            return CompletableFuture.completedFuture(new Usable(unsavedTokens));
        }
        Remembered known = memory.get(key);
        if (pending == null && known != null && known.grant() != null && known.trusted(time, timing.storeCacheTime())) {
            return decide(key, resource, known);
        }
        return look(key, resource);
    }

    /**
     * Tokens in place of an access token that an API rejected. The same tokens come back if no others can be expected.
     */
    public CompletableFuture<Outcome> insteadOf(AccountKey key, Resource resource, String rejected) {
        Unsaved pending = unsaved.get(key);
        TokenSet unsavedTokens = pending == null ? null : pending.current(resource, time);
        if (unsavedTokens != null && !unsavedTokens.accessToken().equals(rejected)) {
            return CompletableFuture.completedFuture(new Usable(unsavedTokens));
        }
        return fly(key, Want.insteadOf(resource, rejected));
    }

    /** An access token was rejected by a call that cannot be repeated; the next one should find another. */
    public void invalidate(AccountKey key, Resource resource, String rejected) {
        begin(key, new Want(resource, rejected, true, false));
    }

    private CompletableFuture<Outcome> decide(AccountKey key, Resource resource, Remembered known) {
        StoredGrant grant = known.grant();
        if (grant == null && renewal.begin() == null) {
            // Just read: nobody has to wait for a flight that began when there was something to refresh.
            return CompletableFuture.completedFuture(notConnected());
        }
        TokenSet tokens = known.tokens(resource);
        Limits limits = known.limits(resource);
        if (grant == null || tokens == null || limits.pastHard(time)) {
            return fly(key, Want.valid(resource));
        }
        Flight underWay = flights.get(key);
        if (underWay != null && tokens.accessToken().equals(underWay.want.rejected())) {
            // Somebody has just seen these rejected. What replaces them is on its way.
            return fly(key, Want.insteadOf(resource, tokens.accessToken()));
        }
        if (limits.pastSoft(time) && worthTrying(grant.row(), resource) && known.mayStartBackground(time)) {
            begin(key, Want.fresher(resource));
        }
        return CompletableFuture.completedFuture(new Usable(tokens));
    }

    private boolean worthTrying(GrantRow row, Resource resource) {
        GrantRow.Refusal refusal = row.refusalOf(resource);
        return (refusal == null || !refusal.wantsLogin())
                && renewal.possible(row)
                && leftOf(row.state(resource).notBefore()) == null;
    }

    /**
     * How long a grant is to be left alone. A time further ahead than any back-off was written by a clock that is
     * wrong.
     */
    private @Nullable Duration leftOf(@Nullable Instant notBefore) {
        if (notBefore == null) {
            return null;
        }
        Duration left = Duration.between(time.now(), notBefore);
        boolean ahead = !left.isNegative() && !left.isZero() && left.compareTo(Duration.ofHours(1)) <= 0;
        return ahead ? left : null;
    }

    /** Reads the row, once for all who ask meanwhile, not waiting for a flight that is under way. */
    private CompletableFuture<Outcome> look(AccountKey key, Resource resource) {
        long asked = time.ticks();
        Look look = new Look(key, resource);
        CompletableFuture<Outcome> shared = new CompletableFuture<>();
        CompletableFuture<Outcome> other = looks.putIfAbsent(look, shared);
        CompletableFuture<Outcome> mine =
                other == null ? shared.copy() : other.thenCompose(o -> since(asked, o, key, Want.valid(resource)));
        if (other == null) {
            try {
                workers.read(() -> read(look, shared));
            } catch (RejectedExecutionException e) {
                looks.remove(look, shared);
                shared.complete(closed());
            }
        }
        if (remembered(key, resource, null) != null && !mine.isDone()) {
            // A store that hangs is a store that is down (law 7). Without valid tokens there is nothing but to wait for
            // it.
            workers.later(PATIENCE, () -> {
                if (!mine.isDone() && remembered(key, resource, null) != null) {
                    mine.complete(
                            withoutStore(key, resource, new IOException("The token store does not answer"), null));
                }
            });
        }
        return mine;
    }

    private void read(Look look, CompletableFuture<Outcome> shared) {
        CompletableFuture<Outcome> decided;
        try {
            decided = decide(look.key(), look.resource(), rows.find(look.key()));
        } catch (IOException e) {
            decided = CompletableFuture.completedFuture(withoutStore(look.key(), look.resource(), e, null));
        } catch (Throwable e) {
            decided = CompletableFuture.failedFuture(e);
        }
        looks.remove(look, shared);
        pass(decided, shared);
    }

    /** What callers get when the store cannot be asked: what is remembered has to do for a while. */
    private Outcome withoutStore(AccountKey key, Resource resource, IOException cause, @Nullable String rejected) {
        Unsaved pending = unsaved.get(key);
        if (pending != null && !pending.isOutlived(memory.get(key))) {
            TokenSet ofUse = pending.ofUse(resource, rejected, time);
            if (ofUse != null) {
                return new Usable(ofUse);
            }
        }
        Remembered known = remembered(key, resource, rejected);
        TokenSet tokens = known == null ? null : known.tokens(resource);
        if (known == null || tokens == null) {
            return new StoreFailed(cause);
        }
        known.trustAgain(time);
        return new Usable(tokens);
    }

    /** The row, as far as it is known, if its tokens are of use to somebody who saw others rejected. */
    private @Nullable Remembered remembered(AccountKey key, Resource resource, @Nullable String rejected) {
        Remembered known = memory.get(key);
        TokenSet tokens = known == null ? null : known.tokens(resource);
        return known != null
                        && tokens != null
                        && !tokens.accessToken().equals(rejected)
                        && !known.limits(resource).expired(time)
                ? known
                : null;
    }

    private static void pass(CompletableFuture<Outcome> from, CompletableFuture<Outcome> to) {
        CompletableFuture<Outcome> unused = from.whenComplete((outcome, broken) -> {
            if (broken == null) {
                to.complete(outcome);
            } else {
                to.completeExceptionally(broken);
            }
        });
    }

    private static Outcome notConnected() {
        return new LoginRequired(Reason.NOT_CONNECTED);
    }

    private static Outcome closed() {
        return new StoreFailed(new IOException("This Grantkeeper was closed"));
    }

    /** Starts a flight that nobody waits for, unless there is one. */
    private void begin(AccountKey key, Want want) {
        CompletableFuture<Outcome> unused = fly(key, want);
    }

    /** Joins the flight that is under way, or starts one. */
    private CompletableFuture<Outcome> fly(AccountKey key, Want want) {
        long asked = time.ticks();
        Flight mine = new Flight(key, want);
        Flight other = flights.putIfAbsent(key, mine);
        if (other == null) {
            return start(mine);
        }
        if (want.behindTheScenes()) {
            return other.landed.copy(); // also if that is after another resource: the next call begins again
        }
        if (other.want.equals(want)) {
            return other.landed.thenCompose(outcome -> since(asked, outcome, key, want));
        }
        // It may have been after less than we are: then ours comes next.
        boolean less = other.want.onlySave() || !other.want.resource().equals(want.resource());
        return other.landed.thenCompose(
                outcome -> !less && satisfies(outcome, want) ? since(asked, outcome, key, want) : fly(key, want));
    }

    private CompletableFuture<Outcome> start(Flight mine) {
        try {
            workers.execute(mine);
        } catch (RejectedExecutionException e) {
            flights.remove(mine.key, mine);
            mine.landed.complete(closed());
        }
        return mine.landed.copy();
    }

    /**
     * What the outcome of something that had begun before says to who came later: that a login is required may have
     * been read before somebody signed in, so the row is read once more (law 5).
     *
     * @param asked when the caller came
     */
    private CompletableFuture<Outcome> since(long asked, Outcome outcome, AccountKey key, Want want) {
        if (!(outcome instanceof LoginRequired)) {
            return CompletableFuture.completedFuture(outcome);
        }
        Flight mine = new Flight(key, want);
        Flight other = flights.putIfAbsent(key, mine);
        if (other == null) {
            return start(mine);
        }
        // One that is after something else says nothing to us, and its tokens are not ours: then ours comes next.
        boolean less = other.want.onlySave() || !other.want.resource().equals(want.resource());
        return less || other.began - asked < 0
                ? other.landed.thenCompose(o -> since(asked, less ? outcome : o, key, want))
                : other.landed.copy();
    }

    private boolean satisfies(Outcome outcome, Want want) {
        if (!(outcome instanceof Usable usable)) {
            return true;
        }
        return !usable.tokens().accessToken().equals(want.rejected())
                && !Limits.of(usable.tokens(), time).pastHard(time);
    }

    /**
     * A login came in through this node: what is still on its way to the store for an older one is of no use (law 14).
     */
    public void loggedIn(AccountKey key, String login) {
        unsaved.computeIfPresent(key, (k, pending) -> pending.row().login().equals(login) ? pending : null);
    }

    /**
     * A login was signed out through this node.
     *
     * @param login its name; {@code null} if there was no row
     * @return its row that never reached the store, for revocation
     */
    public @Nullable GrantRow signedOut(AccountKey key, @Nullable String login) {
        Unsaved pending = unsaved.get(key);
        if (pending == null) {
            return null;
        }
        boolean its = login == null || pending.row().login().equals(login);
        Remembered now = memory.get(key);
        boolean gone = now != null && now.grant() == null;
        // Another's: of an older one if nothing is left, otherwise of the one that came in meanwhile.
        boolean dropped = (its || gone) && unsaved.remove(key, pending);
        return its && dropped ? pending.row() : null;
    }

    /** Whether the store is at work for this key, or stuck. */
    public boolean waitsForStore(AccountKey key) {
        return rows.isBusy(key);
    }

    /** Whether tokens are waiting to be stored, or requests are under way. */
    public boolean isBusy() {
        return !unsaved.isEmpty() || !flights.isEmpty();
    }

    /** How many grants have tokens that the store does not have. */
    public int unsavedCount() {
        return unsaved.size();
    }

    /** One refresh of one grant. Runs on one thread of ours. */
    private final class Flight implements Runnable {
        private final AccountKey key;
        private final Want want;
        private final CompletableFuture<Outcome> landed = new CompletableFuture<>();
        private final long began = time.ticks();
        private boolean waited;
        private long asked;

        Flight(AccountKey key, Want want) {
            this.key = key;
            this.want = want;
        }

        @Override
        public void run() {
            Outcome outcome;
            try {
                outcome = refresh();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                outcome = closed();
            } catch (Throwable e) { // also what is thrown without being declared: nobody waits for ever
                flights.remove(key, this);
                landed.completeExceptionally(e);
                throw e;
            }
            flights.remove(key, this);
            landed.complete(outcome);
        }

        private Outcome refresh() throws InterruptedException {
            // 0: tokens of ours that are not in the store yet are written first
            Unsaved pending = unsaved.get(key);
            if (pending != null) {
                Outcome notYet = save(pending);
                if (notYet != null) {
                    return notYet;
                }
            }
            if (want.onlySave()) {
                return new StoreFailed(new IOException("Nobody asked for tokens"));
            }
            for (int losses = 0; losses < MOST_LOSSES; losses++) {
                // 1: somebody may have refreshed while we queued
                Remembered seen;
                try {
                    seen = rows.find(key);
                } catch (IOException e) {
                    return withoutStore(e);
                }
                StoredGrant grant = seen.grant();
                if (grant == null) {
                    GrantRow first = renewal.begin();
                    if (first == null) {
                        return notConnected();
                    }
                    if (rows.create(key, first) instanceof Written.Unclear unclear) {
                        return new StoreFailed(unclear.cause());
                    }
                    continue;
                }
                GrantRow row = grant.row();

                // 2: there is nothing to do, or nothing that can be done
                Outcome known = withoutRequest(seen, row);
                if (known != null) {
                    return known;
                }

                // 3: somebody's attempt stands
                if (row.attempt() != null && !row.attempt().equals(unsent.get(key))) {
                    if (time.since(seen.attemptSince()).compareTo(timing.attempt()) < 0) {
                        if (want.behindTheScenes()) {
                            return served(row);
                        }
                        if (row.attempt().equals(lost.get(key))) {
                            return notNow(seen, answerLost(seen));
                        }
                        if (!workers.pause(timing.look())) {
                            return closed();
                        }
                        waited = true;
                        losses = 0;
                        continue;
                    }
                    if (renewal.replay() == Provider.Replay.NEVER) {
                        Outcome ended = refuse(grant, lostForGood());
                        if (ended != null) {
                            return ended;
                        }
                        continue;
                    }
                }

                // Perhaps nothing can be sent now; that is found out before T begins.
                Answer.Failure unprepared = renewal.prepare();
                Answer.Failure shut = unprepared == null ? gate.closed() : unprepared;
                if (shut != null) {
                    return notNow(seen, shut);
                }
                try (EndpointGate.Pass pass = gate.enter()) {
                    Outcome done = pass == null ? null : attempt(seen, grant, pass);
                    if (done != null) {
                        return done;
                    }
                }
            }
            return new StoreFailed(othersWereFaster());
        }

        private IOException othersWereFaster() {
            return new IOException("The token store says of " + MOST_LOSSES
                    + " writes that others were faster. Check it with TokenStoreContract, rule 2.2");
        }

        private Answer.Failure answerLost(Remembered seen) {
            Duration left = timing.attempt().minus(time.since(seen.attemptSince()));
            return new Answer.Failure(Answer.Kind.TEMPORARY, 0, null, "The token endpoint did not answer", left, null);
        }

        private Outcome withoutStore(IOException cause) {
            return Refresher.this.withoutStore(key, want.resource(), cause, want.rejected());
        }

        private @Nullable Outcome withoutRequest(Remembered seen, GrantRow row) {
            GrantRow.State state = row.state(want.resource());
            Limits limits = seen.limits(want.resource());
            TokenSet tokens = state.tokens();
            boolean rejected = tokens != null && tokens.accessToken().equals(want.rejected());
            boolean early = want.behindTheScenes() && want.rejected() == null;
            boolean enough = early ? !limits.pastSoft(time) : !limits.pastHard(time);
            if (tokens != null && !rejected && enough) {
                if (waited) {
                    events.waited(key, time.since(began));
                }
                return new Usable(tokens);
            }
            GrantRow.Refusal refusal = row.refusalOf(want.resource());
            boolean refused = refusal != null && refusal.wantsLogin();
            boolean ended = refused || !renewal.possible(row);
            if (ended && tokens != null && !rejected && !limits.expired(time)) {
                return new Usable(tokens);
            }
            if (refusal != null && refused) {
                return loginRequired(refusal);
            }
            if (ended) {
                return new LoginRequired(Reason.NO_REFRESH_TOKEN);
            }
            // A forced refresh has just brought these: another one would not bring better ones (law 10).
            if (tokens != null && rejected && state.afterRejection() && isRecent(seen, tokens)) {
                return new Usable(tokens);
            }
            Duration left = leftOf(state.notBefore());
            if (left != null) {
                return notNow(seen, refusal == null ? gate.lastFailure(left) : blocked(refusal, left));
            }
            return null;
        }

        private Answer.Failure blocked(GrantRow.Refusal refusal, Duration left) {
            return new Answer.Failure(
                    Answer.Kind.BLOCKED, 0, refusal.error(), refusal.description(), left, null, refusal.claims());
        }

        /** A tenth of the tokens' life, so that short ones are not stuck with a 401 until they end. */
        private boolean isRecent(Remembered seen, TokenSet tokens) {
            Duration cooldown = tokens.expiresAt()
                    .map(expires ->
                            Duration.between(tokens.receivedAt(), expires).dividedBy(10))
                    .filter(tenth -> tenth.compareTo(COOLDOWN) < 0)
                    .orElse(COOLDOWN);
            // Another node may have fetched them, by a clock that differs from ours.
            boolean recent =
                    Duration.between(tokens.receivedAt(), time.now()).abs().compareTo(cooldown) < 0
                            || seen.tokensChangedWithin(cooldown, want.resource(), time);
            return recent && !seen.limits(want.resource()).expired(time);
        }

        /** Steps 4 to 6. Returns {@code null} to begin again with what the row says now. */
        private @Nullable Outcome attempt(Remembered seen, StoredGrant read, EndpointGate.Pass pass) {
            // 4: our attempt into the row, on the version that was read. T counts from before.
            long start = time.ticks();
            String name = RowFormat.newName();
            Written marked = rows.replace(key, read.version(), read.row().attempting(name));
            if (marked instanceof Written.Unclear unclear) {
                unsent.put(key, name);
                return withoutStore(unclear.cause());
            }
            if (!(marked instanceof Written.Won won)) {
                return null;
            }
            // An attempt that stood for T may have sent this refresh token before us.
            String before = read.row().attempt();
            boolean answerLost = before != null && !before.equals(unsent.get(key));
            unsent.remove(key);
            lost.remove(key);
            StoredGrant mine = won.grant();

            // 5: too little of T left: others will soon take the attempt for lost
            if (timing.attempt().minus(time.since(start)).compareTo(timing.neededToSend()) < 0) {
                unsent.put(key, name);
                return null;
            }

            // 6
            Answer answer = request(mine.row(), pass);
            Answer told = answer;
            if (answer instanceof Answer.Lost first) {
                events.failed(key, first.failure(), time.since(asked));
                answerLost = true;
                if (renewal.replay() == Provider.Replay.NEVER) {
                    return refuse(mine, lostForGood());
                }
                if (renewal.replay() == Provider.Replay.LATE && !workers.pause(timing.travel())) {
                    return closed();
                }
                Outcome moved = readAgain();
                if (moved != null || !isStill(mine)) {
                    return moved;
                }
                boolean wanted = first.failure().retryAfter() == null;
                if (wanted && timing.attempt().minus(time.since(start)).compareTo(timing.neededToSend()) >= 0) {
                    answer = request(mine.row(), pass);
                }
            }
            if (answer instanceof Answer.Tokens tokens) {
                GrantRow next = refreshed(mine.row(), tokens.response());
                TokenSet set = next.state(want.resource()).tokens();
                Outcome notYet =
                        save(new Unsaved(mine.version(), mine.row().allTokens(), next, limits(next), time.ticks(), 0));
                if (notYet != null) {
                    tellOfConsent(mine.row(), next);
                    return notYet;
                }
                // Stored, then used. Even tokens that end at once serve those who waited for them (law 13).
                Remembered now = memory.get(key);
                if (now != null && set != null && set.equals(now.tokens(want.resource()))) {
                    events.refreshed(key, set, cause(), time.since(began));
                    tellOfConsent(mine.row(), next);
                    return new Usable(set);
                }
                return null;
            }
            if (answer instanceof Answer.Lost again) {
                lost.put(key, name);
                // What became of either request is not known, so the attempt stays, and T ends it.
                Outcome moved = readAgain();
                if (moved != null || !isStill(mine)) {
                    return moved;
                }
                return answer == told ? notNow(seen, again.failure()) : failed(seen, again.failure());
            }
            Answer.Failure failure = (Answer.Failure) answer;
            GrantRow.Refusal refusal = failure.isAboutTheGrant() ? refusal(failure, answerLost) : null;
            if (refusal != null && refusal.wantsLogin()) {
                return refuse(mine, refusal);
            }
            if (failure.isAboutTheClient()) {
                // A node with a wrong secret keeps its own gate shut; those with the right one are not held back.
                Written written = rows.replace(key, mine.version(), mine.row().attempting(null));
                return written instanceof Written.Lost ? null : failed(seen, failure);
            }
            int failures = mine.row().state(want.resource()).failures();
            Instant next = time.now().plus(Backoff.after(failures, failure.retryAfter(), time));
            Written written = rows.replace(key, mine.version(), mine.row().failedUntil(want.resource(), next, refusal));
            // One that lost is dropped; one of which it is not known is forgotten, and T ends the attempt.
            return written instanceof Written.Lost ? null : failed(seen, failure);
        }

        private Answer request(GrantRow row, EndpointGate.Pass pass) {
            asked = time.ticks();
            Answer answer = renewal.request(row, want.resource());
            if (!(answer instanceof Answer.Failure failure) || failure.cameFromOutside()) {
                pass.report(answer);
            }
            return answer;
        }

        private GrantRow refreshed(GrantRow before, TokenResponse response) {
            GrantRow row = renewal.pinned(before);
            TokenSet set = renewal.tokens(row, want.resource(), response, time.now());
            GrantRow next = row.refreshed(want.resource(), set, want.rejected() != null);
            if (want.resource().isOwn() || response.refreshToken() == null) {
                return next;
            }
            Duration lifetime = response.refreshLifetime();
            return next.withRefreshToken(
                    response.refreshToken(),
                    lifetime == null ? null : time.now().plus(lifetime));
        }

        /**
         * Until when all the tokens in a row are of use: those that were there before from when they were seen first.
         */
        private Map<Resource, Limits> limits(GrantRow next) {
            Remembered known = memory.get(key);
            Map<Resource, Limits> limits = new HashMap<>();
            next.allTokens().forEach((resource, tokens) -> {
                boolean fresh = resource.equals(want.resource());
                limits.put(resource, fresh || known == null ? Limits.of(tokens, time) : known.limits(resource));
            });
            return limits;
        }

        private RefreshEvents.Cause cause() {
            return want.rejected() != null
                    ? RefreshEvents.Cause.REJECTED
                    : want.behindTheScenes() ? RefreshEvents.Cause.AHEAD : RefreshEvents.Cause.EXPIRED;
        }

        /**
         * Says that consent ends soon, once for each warning: by the refresh after which less is left than that (law
         * 16).
         */
        private void tellOfConsent(GrantRow before, GrantRow after) {
            TokenSet old = before.tokens();
            TokenSet fresh = after.tokens();
            Instant ends = renewal.consentEndsAt(after);
            if (old == null || fresh == null || ends == null) {
                return;
            }
            Duration left = Duration.between(fresh.receivedAt(), ends);
            Duration leftThen = Duration.between(old.receivedAt(), ends);
            if (WARNINGS.stream()
                    .anyMatch(warning -> leftThen.compareTo(warning) > 0 && left.compareTo(warning) <= 0)) {
                events.consentEndsSoon(key, ends);
            }
        }

        /** Reads the row again; {@code null} if it could be read. */
        private @Nullable Outcome readAgain() {
            try {
                rows.find(key);
                return null;
            } catch (IOException e) {
                return withoutStore(e);
            }
        }

        private boolean isStill(StoredGrant mine) {
            Remembered now = memory.get(key);
            return now != null && now.grant() != null && now.grant().version().equals(mine.version());
        }

        private GrantRow.Refusal lostForGood() {
            return new GrantRow.Refusal(
                    "invalid_grant",
                    "The answer to a refresh was lost",
                    GrantRow.Refusal.Kind.ANSWER_LOST,
                    null,
                    time.now());
        }

        private GrantRow.Refusal refusal(Answer.Failure failure, boolean answerLost) {
            GrantRow.Refusal.Kind kind = switch (failure.kind()) {
                case INTERACTION -> GrantRow.Refusal.Kind.INTERACTION;
                case BLOCKED -> GrantRow.Refusal.Kind.BLOCKED;
                default -> answerLost ? GrantRow.Refusal.Kind.ANSWER_LOST : GrantRow.Refusal.Kind.ENDED;
            };
            String error = failure.error() == null ? "invalid_grant" : failure.error();
            return new GrantRow.Refusal(error, failure.description(), kind, failure.claims(), time.now());
        }

        /** Writes down that the user has to sign in. Returns {@code null} if the row has changed. */
        private @Nullable Outcome refuse(StoredGrant mine, GrantRow.Refusal refusal) {
            // What is said of one resource is no word about the others.
            Resource resource = refusal.kind() == GrantRow.Refusal.Kind.ANSWER_LOST ? Resource.OWN : want.resource();
            Written written = rows.replace(key, mine.version(), mine.row().refused(resource, refusal));
            if (written instanceof Written.Lost) {
                return null;
            }
            if (written instanceof Written.Unclear unclear) {
                return withoutStore(unclear.cause());
            }
            events.refused(key, refusal.error(), time.since(began));
            return null; // What it means for the callers, the row says, unless somebody has written since.
        }

        private LoginRequired loginRequired(GrantRow.Refusal refusal) {
            Reason reason = switch (refusal.kind()) {
                case ANSWER_LOST -> Reason.ANSWER_LOST;
                case INTERACTION -> Reason.INTERACTION;
                case ENDED, BLOCKED -> Reason.REFUSED;
            };
            return new LoginRequired(reason, refusal.error(), refusal.description(), refusal.claims());
        }

        /** A request was made, and failed. */
        private Outcome failed(Remembered seen, Answer.Failure failure) {
            events.failed(key, failure, time.since(asked));
            return notNow(seen, failure);
        }

        /** No request is made, or none succeeds: what is still valid is served. */
        private Outcome notNow(Remembered seen, Answer.Failure failure) {
            // A login or a sign-out may have come in here since the row was seen.
            Remembered now = memory.get(key);
            Remembered known = now == null ? seen : now;
            TokenSet tokens = known.tokens(want.resource());
            if (tokens != null
                    && !tokens.accessToken().equals(want.rejected())
                    && !known.limits(want.resource()).expired(time)) {
                events.servedWhileStale(key, tokens);
                return new Usable(tokens);
            }
            return new RequestFailed(failure);
        }

        private Outcome served(GrantRow row) {
            TokenSet tokens = row.state(want.resource()).tokens();
            return tokens == null ? notConnected() : new Usable(tokens);
        }

        /**
         * Brings new tokens into the store. Returns {@code null} when they are there, or something newer is; otherwise
         * what the callers get meanwhile.
         */
        private @Nullable Outcome save(Unsaved first) {
            Unsaved pending = first;
            for (int losses = 0; losses < MOST_LOSSES; losses++) {
                Written written = rows.replace(key, pending.version(), pending.row());
                if (written instanceof Written.Won) {
                    saved(first);
                    return null;
                }
                IOException cause;
                if (written instanceof Written.Unclear unclear) {
                    cause = unclear.cause();
                } else {
                    try {
                        StoredGrant now = rows.find(key).grant();
                        if (now == null) {
                            unsaved.remove(key);
                            revoke(pending);
                            return null;
                        }
                        boolean sameLogin =
                                now.row().login().equals(pending.row().login());
                        Map<Resource, TokenSet> there = now.row().allTokens();
                        if (sameLogin && there.equals(pending.madeFrom())) {
                            pending = pending.onTopOf(now);
                            continue;
                        }
                        if (sameLogin && there.equals(pending.row().allTokens())) {
                            saved(first); // landed after all
                        } else {
                            unsaved.remove(key); // another login's, or newer ones
                        }
                        return null;
                    } catch (IOException e) {
                        cause = e;
                    }
                }
                return keep(pending, cause);
            }
            return keep(pending, othersWereFaster());
        }

        private void saved(Unsaved first) {
            if (unsaved.remove(key) != null && first.failures() > 0) {
                events.writeCompleted(key, time.since(first.since()));
            }
        }

        /** The store is down: the tokens are served from memory until it is back. */
        private @Nullable Outcome keep(Unsaved pending, IOException cause) {
            Unsaved again = pending.failedAgain();
            unsaved.put(key, again);
            // Looked at after the tokens are where a login or a sign-out looks for them: one of the two sees the other.
            Remembered now = memory.get(key);
            if (now != null && pending.isOutlived(now)) {
                unsaved.remove(key);
                if (now.grant() == null) {
                    revoke(pending);
                }
                return null;
            }
            if (again.failures() == 1) {
                events.writePending(key, cause);
            }
            saveLater(key, again.failures());
            // If these have expired: where an attempt outlived T, the row may hold newer ones, which are as good.
            return withoutStore(cause);
        }

        private void revoke(Unsaved pending) {
            TokenSet tokens = pending.row().tokens();
            if (tokens != null) {
                renewal.revoke(pending.row(), tokens);
            }
        }
    }

    /** Arranges the next try to store tokens, unless it is arranged. */
    private void saveLater(AccountKey key, int failures) {
        if (!saves.add(key)) {
            return;
        }
        workers.later(Backoff.after(Math.min(failures, 3), null, time), () -> {
            saves.remove(key);
            // The flight that it may join has perhaps begun before there was something to store.
            CompletableFuture<Outcome> unused = fly(key, Want.SAVED).whenComplete((outcome, broken) -> {
                Unsaved left = unsaved.get(key);
                if (left != null) {
                    saveLater(key, left.failures());
                }
            });
        });
    }

    /** Tries once more, at once, to store what is not stored yet. */
    void saveNow() {
        unsaved.keySet().forEach(key -> begin(key, Want.SAVED));
    }
}
