/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.answer.TokenResponse;
import dev.grantkeeper.internal.protocol.Resource;
import dev.grantkeeper.internal.refresh.Memory.Remembered;
import dev.grantkeeper.internal.refresh.Outcome.LoginRequired;
import dev.grantkeeper.internal.refresh.Outcome.Reason;
import dev.grantkeeper.internal.refresh.Outcome.RequestFailed;
import dev.grantkeeper.internal.refresh.Outcome.StoreFailed;
import dev.grantkeeper.internal.refresh.Outcome.Usable;
import dev.grantkeeper.internal.refresh.Rows.Written;
import dev.grantkeeper.internal.refresh.UnsavedTokens.Unsaved;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.row.RowFormat;
import dev.grantkeeper.internal.row.VersionedRow;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * One refresh of one grant, shared by all callers that ask meanwhile. {@link #refresh} and {@link #attempt} are the
 * protocol, step by step. Runs on one of the library's threads; other threads see the final fields only.
 */
final class Flight implements Runnable {
    /** The longest time after a forced refresh for which a 401 on its result is the API's problem, not the token's. */
    private static final Duration COOLDOWN = Duration.ofSeconds(30);

    /** The times before the user's consent expires at which the application is warned. */
    private static final List<Duration> WARNINGS = List.of(Duration.ofDays(30), Duration.ofDays(7), Duration.ofDays(1));

    private final Rows rows;
    private final Memory memory;
    private final Renewal renewal;
    private final Timing timing;
    private final Clocks clocks;
    private final Gates gates;
    private final Workers workers;
    private final RefreshEvents events;
    private final UnsavedTokens unsaved;
    private final OwnAttempts attempts;
    private final Fallback fallback;
    private final Map<AccountKey, Flight> flights;

    private final AccountKey key;
    private final Purpose purpose;
    private final CompletableFuture<Outcome> landed = new CompletableFuture<>();
    private final long began;
    private final AtomicBoolean due = new AtomicBoolean();
    private volatile Urgency urgency;
    private volatile EndpointGate.Visit visit;

    // One thread at a time, which the next one follows through the workers' queues.
    private Step.Continuation next = this::refresh;
    private EndpointGate gate;
    private @Nullable CompletableFuture<Renewal.Prepared> preparation;
    private @Nullable Remembered lately;
    private int losses;
    private int looks;
    private boolean waited;
    private long requestedAt;

    /**
     * The purpose of a flight.
     *
     * @param resource the API that the access token is for
     * @param rejected the access token that an API rejected
     * @param behindTheScenes whether the tokens can still be used and nobody waits
     * @param onlySave whether to store unsaved tokens and do nothing else
     */
    record Purpose(Resource resource, @Nullable String rejected, boolean behindTheScenes, boolean onlySave) {
        /** Stores unsaved tokens. */
        static final Purpose SAVE = new Purpose(Resource.OWN, null, true, true);

        /** Brings tokens that are valid. */
        static Purpose valid(Resource resource) {
            return new Purpose(resource, null, false, false);
        }

        /** Brings new tokens while the current ones can still be used. */
        static Purpose fresher(Resource resource) {
            return new Purpose(resource, null, true, false);
        }

        /** Brings tokens in place of those that an API rejected; a caller waits for them. */
        static Purpose insteadOf(Resource resource, String rejected) {
            return new Purpose(resource, rejected, false, false);
        }

        /** Brings tokens in place of those that an API rejected, for the next caller. */
        static Purpose afterRejection(Resource resource, String rejected) {
            return new Purpose(resource, rejected, true, false);
        }

        /** Whether a flight with this purpose brings tokens for the resource of the other one. */
        boolean serves(Purpose other) {
            return !onlySave && resource.equals(other.resource);
        }
    }

    /**
     * Prepares a flight.
     *
     * @param flights the flights under way, by key; this one removes itself when it lands
     * @param lately the row, if it was lately read or written
     */
    Flight(
            Parts parts,
            UnsavedTokens unsaved,
            OwnAttempts attempts,
            Fallback fallback,
            Map<AccountKey, Flight> flights,
            AccountKey key,
            Purpose purpose,
            @Nullable Remembered lately) {
        this.rows = parts.rows();
        this.memory = parts.memory();
        this.renewal = parts.renewal();
        this.timing = parts.timing();
        this.clocks = parts.clocks();
        this.gates = parts.gates();
        this.workers = parts.workers();
        this.events = parts.events();
        this.unsaved = unsaved;
        this.attempts = attempts;
        this.fallback = fallback;
        this.flights = flights;
        this.key = key;
        this.purpose = purpose;
        this.lately = lately;
        this.began = clocks.ticks();
        this.urgency = purpose.behindTheScenes() ? Urgency.BACKGROUND : Urgency.CALLER;
        this.gate = gates.of("");
        this.visit = gate.visit(key, urgency, this::proceed);
    }

    Purpose purpose() {
        return purpose;
    }

    /** The start of this flight, by the monotonic clock. */
    long began() {
        return began;
    }

    /** The outcome, shared by all callers. A caller that may give up takes a copy. */
    CompletableFuture<Outcome> landed() {
        return landed;
    }

    /** Starts the flight, or lets it go on, on a thread that may block. */
    void schedule() {
        due.set(true);
        try {
            workers.execute(this, urgency);
        } catch (RejectedExecutionException e) {
            abandon();
        }
    }

    /** A caller waits for this flight from now on: it goes before those that nobody waits for. */
    void hurry() {
        if (urgency == Urgency.BACKGROUND) {
            urgency = Urgency.CALLER;
            visit.hurry();
            if (due.get()) {
                schedule(); // once more, in the other queue; the later one finds nothing to do
            }
        }
    }

    /** Ends the flight for its callers, since everything is closing. */
    void abandon() {
        flights.remove(key, this);
        landed.complete(new Outcome.Closed());
    }

    @Override
    public void run() {
        if (due.getAndSet(false)) {
            proceed();
        }
    }

    /** Runs until the flight has landed, or has to wait. */
    private void proceed() {
        try {
            Step step = next.proceed();
            while (step == null) {
                next = this::refresh;
                step = refresh();
            }
            if (step instanceof Step.Parked parked) {
                next = parked.next();
                workers.later(parked.pause(), this::schedule);
            } else if (step instanceof Step.Awaiting awaiting) {
                next = this::refresh;
                CompletableFuture<?> unused = awaiting.future().whenComplete((done, broken) -> schedule());
            } else if (step instanceof Step.Landed end) {
                visit.leave();
                flights.remove(key, this);
                landed.complete(end.outcome());
            }
        } catch (Throwable e) { // also what is thrown without being declared: nobody waits forever
            visit.leave();
            flights.remove(key, this);
            landed.completeExceptionally(e);
            throw e;
        }
    }

    private static Step landed(Outcome outcome) {
        return new Step.Landed(outcome);
    }

    private Step refresh() {
        // 0: tokens of ours that are not in the store yet are written first
        Unsaved pending = unsaved.get(key);
        if (pending != null) {
            IOException notYet = unsaved.save(key, pending);
            if (notYet != null) {
                return landed(withoutStore(notYet));
            }
        }
        if (purpose.onlySave()) {
            return landed(new StoreFailed(new IOException("This flight only saves, and has no tokens")));
        }
        while (losses++ < Rows.MOST_LOSSES) {
            Step step = once();
            if (step != null) {
                return step;
            }
        }
        return landed(new StoreFailed(Rows.tooManyLosses()));
    }

    /** Steps 1 to 6, once. Returns {@code null} to begin again with what the row says now. */
    private @Nullable Step once() {
        // 1: another flight may have refreshed while this one queued
        Remembered seen = lately;
        lately = null;
        boolean read = seen == null || !leadsToRequest(seen);
        if (seen == null || read) {
            try {
                seen = rows.find(key);
            } catch (IOException e) {
                return landed(withoutStore(e));
            }
        }
        VersionedRow grant = seen.grant();
        if (grant == null) {
            GrantRow first = renewal.begin(key);
            if (first == null) {
                return landed(LoginRequired.notConnected());
            }
            return rows.create(key, first) instanceof Written.Unclear unclear
                    ? landed(new StoreFailed(unclear.cause()))
                    : null;
        }
        GrantRow row = grant.row();
        goTo(renewal.endpoint(row));

        // 2: there is nothing to do, or nothing that can be done
        Outcome known = withoutRequest(seen, row);
        if (known != null) {
            return landed(known);
        }

        // 3: somebody's attempt stands
        String named = row.attempt();
        String standing = named == null || attempts.isUnsent(key, named) ? null : named;
        if (standing != null && stoodFor(seen, standing).compareTo(timing.attempt(renewal.replay(row))) < 0) {
            if (purpose.behindTheScenes() && urgency == Urgency.BACKGROUND) {
                return landed(served(row));
            }
            if (attempts.isLost(key, standing)) {
                return landed(notNow(seen, answerLost(row, stoodFor(seen, standing))));
            }
            TokenSet valid = stillValid(seen);
            if (valid != null && clocks.since(seen.attemptSince()).compareTo(timing.patience()) >= 0) {
                events.servedWhileStale(key, valid);
                return landed(new Usable(valid));
            }
            visit.leave();
            waited = true;
            losses = 0;
            return new Step.Parked(timing.look(looks++, clocks), this::refresh);
        }

        // The store has just come back, perhaps without its last writes, and the node that made those comes first.
        int restarts = rows.health().restarts();
        if (rows.health().isSettling()) {
            TokenSet valid = stillValid(seen);
            if (valid != null) {
                return landed(new Usable(valid));
            }
            visit.leave();
            losses = 0;
            return new Step.Parked(timing.look(looks++, clocks), this::refresh);
        }

        if (standing != null && renewal.replay(row) == Provider.Replay.NEVER) {
            GrantRow.Refusal refusal = lostForGood();
            Written written = rows.replace(key, grant.version(), row.refused(Resource.OWN, refusal));
            Outcome ended = refused(written, refusal);
            return ended == null ? null : landed(ended);
        }

        // Perhaps nothing can be sent now; that is found out before T begins.
        CompletableFuture<Renewal.Prepared> prepared = preparation == null ? renewal.prepare(row) : preparation;
        if (!prepared.isDone()) {
            preparation = prepared;
            visit.leave();
            losses = 0;
            return new Step.Awaiting(prepared);
        }
        preparation = null;
        Answer.Failure unprepared = prepared.join().failure();
        Answer.Failure shut = unprepared == null ? gate.closed(key) : unprepared;
        if (shut != null && !read) {
            return null; // Another node may have been served.
        }
        if (unprepared != null && unprepared.wantsLogin()) {
            return landed(issuedElsewhere(seen, unprepared));
        }
        if (shut != null) {
            return landed(notNow(seen, shut));
        }
        int before = losses;
        losses--; // to wait for a place is not a loss; once it waits, another thread may go on at any time
        if (!visit.enter()) {
            return new Step.Queued();
        }
        losses = before;
        return visit.begin() ? leaving(attempt(seen, grant, restarts)) : null;
    }

    /** Turns to the gate of the grant's token endpoint, which is known once the row was read. */
    private void goTo(String endpoint) {
        EndpointGate its = gates.of(endpoint);
        if (its != gate) {
            visit.leave();
            gate = its;
            visit = its.visit(key, urgency, this::proceed);
            if (urgency == Urgency.CALLER) {
                visit.hurry(); // it may have become one meanwhile
            }
        }
    }

    /** The grant cannot be refreshed where it would be now. That is not written: another node may know better. */
    private Outcome issuedElsewhere(Remembered seen, Answer.Failure failure) {
        TokenSet valid = stillValid(seen);
        return valid == null
                ? new LoginRequired(Reason.ISSUED_ELSEWHERE, failure.error(), failure.description(), null)
                : new Usable(valid);
    }

    /** An attempt that is over leaves the gate. */
    private @Nullable Step leaving(@Nullable Step step) {
        if (!(step instanceof Step.Parked)) {
            visit.leave();
        }
        return step;
    }

    /**
     * The part of T for which an attempt has stood. A stranger may hold tokens that it cannot store, so only time in
     * which it could counts. Where the answer was lost here, nobody does.
     */
    private Duration stoodFor(Remembered seen, String attempt) {
        return attempts.isLost(key, attempt) ? clocks.since(seen.renewedSince()) : seen.observed();
    }

    /** Whether a row that was read before this flight shows that a request is needed; the attempt's write tells. */
    private boolean leadsToRequest(Remembered seen) {
        VersionedRow grant = seen.grant();
        return grant != null && grant.row().attempt() == null && withoutRequest(seen, grant.row()) == null;
    }

    /** Tokens that have not expired and are not the rejected ones; {@code null} if there are none. */
    private @Nullable TokenSet stillValid(Remembered known) {
        TokenSet tokens = known.tokens(purpose.resource());
        return tokens == null
                        || tokens.accessToken().equals(purpose.rejected())
                        || known.limits(purpose.resource()).expired(clocks)
                ? null
                : tokens;
    }

    private Answer.Failure answerLost(GrantRow row, Duration stood) {
        Duration left = timing.attempt(renewal.replay(row)).minus(stood);
        return new Answer.Failure(Answer.Kind.TEMPORARY, 0, null, "The token endpoint did not answer", left, null);
    }

    private Outcome withoutStore(IOException cause) {
        return fallback.withoutStore(key, purpose.resource(), purpose.rejected(), cause);
    }

    private @Nullable Outcome withoutRequest(Remembered seen, GrantRow row) {
        GrantRow.State state = row.state(purpose.resource());
        TokenLimits limits = seen.limits(purpose.resource());
        TokenSet tokens = state.tokens();
        boolean rejected = tokens != null && tokens.accessToken().equals(purpose.rejected());
        boolean early = purpose.behindTheScenes() && purpose.rejected() == null;
        boolean enough = early ? !limits.pastSoft(clocks) : !limits.pastHard(clocks);
        if (tokens != null && !rejected && enough) {
            if (waited) {
                events.waited(key, clocks.since(began));
            }
            return new Usable(tokens);
        }
        GrantRow.Refusal refusal = row.refusalOf(purpose.resource());
        boolean refused = refusal != null && refusal.wantsLogin();
        boolean ended = refused || !renewal.possible(row);
        if (ended && tokens != null && !rejected && !limits.expired(clocks)) {
            return new Usable(tokens);
        }
        if (refusal != null && refused) {
            return loginRequired(refusal);
        }
        if (ended) {
            if (purpose.resource().isOwn()) {
                events.ranOut(key, row.login());
            }
            return new LoginRequired(Reason.NO_REFRESH_TOKEN);
        }
        // A forced refresh has just brought these: another one would not bring better ones (law 10).
        if (tokens != null && rejected && state.afterRejection() && isRecent(seen, tokens)) {
            events.rejectedAgain(key, tokens);
            return new Usable(tokens);
        }
        Duration left = Backoff.left(state.notBefore(), clocks);
        if (left != null) {
            return refusal == null
                    ? notNow(seen, gate.lastFailure(key, left), state.failures() == 1 ? left : null)
                    : notNow(seen, blocked(refusal, left));
        }
        return null;
    }

    private Answer.Failure blocked(GrantRow.Refusal refusal, Duration left) {
        return new Answer.Failure(
                refusal.isOfAnotherUser() ? Answer.Kind.MALFORMED : Answer.Kind.BLOCKED,
                0,
                refusal.error(),
                refusal.description(),
                left,
                null,
                refusal.claims());
    }

    /**
     * Whether tokens are new. Short-lived ones are new for a tenth of their lifetime only: otherwise a 401 would stick
     * until they expire.
     */
    private boolean isRecent(Remembered seen, TokenSet tokens) {
        Duration cooldown = tokens.expiresAt()
                .map(expires -> Duration.between(tokens.receivedAt(), expires).dividedBy(10))
                .filter(tenth -> tenth.compareTo(COOLDOWN) < 0)
                .orElse(COOLDOWN);
        // Another node may have fetched them, by a clock that differs from ours.
        boolean recent =
                Duration.between(tokens.receivedAt(), clocks.now()).abs().compareTo(cooldown) < 0
                        || seen.tokensChangedWithin(cooldown, purpose.resource(), clocks);
        return recent && !seen.limits(purpose.resource()).expired(clocks);
    }

    /**
     * Steps 4 to 6. Returns {@code null} to begin again with what the row says now.
     *
     * @param restarts the restarts of the store that were noticed before
     */
    private @Nullable Step attempt(Remembered seen, VersionedRow read, int restarts) {
        // 4: our attempt into the row, on the version that was read. T counts from before.
        long start = clocks.ticks();
        String name = RowFormat.newName();
        // An attempt that stood for T may have sent this refresh token before us.
        String before = read.row().attempt();
        GrantRow row = before == null || attempts.isUnsent(key, before)
                ? read.row()
                : read.row().withAnswerLost();
        Written marked = rows.replace(key, read.version(), row.attempting(name));
        if (marked instanceof Written.Unclear unclear) {
            attempts.unsent(key, name);
            return landed(withoutStore(unclear.cause()));
        }
        if (!(marked instanceof Written.Won won)) {
            return null;
        }
        attempts.forget(key);
        VersionedRow mine = won.grant();

        // The store was away while the attempt was being written, so the row may be one that it has gone back to.
        if (rows.health().restarts() != restarts) {
            attempts.unsent(key, name);
            return null;
        }

        // 5: too little of T left: others will soon take the attempt for lost
        if (!timing.maySend(renewal.replay(row), clocks.since(start))) {
            attempts.unsent(key, name);
            return null;
        }

        // 6
        Sent sent = new Sent(seen, mine, name);
        Answer answer = request(sent, start);
        if (!(answer instanceof Answer.Lost first)) {
            return concluded(sent, answer);
        }
        events.failed(key, first.failure(), clocks.since(requestedAt));
        if (renewal.replay(row) == Provider.Replay.NEVER) {
            return landedUnless(refuse(sent, lostForGood()));
        }
        return renewal.replay(row) == Provider.Replay.LATE
                ? new Step.Parked(timing.travel(), () -> leaving(replay(sent, first)))
                : replay(sent, first);
    }

    /**
     * An attempt whose request was sent.
     *
     * @param seen the row before
     * @param mine the row that carries the attempt
     * @param name the attempt
     */
    private record Sent(Remembered seen, VersionedRow mine, String name) {
        /** The attempt, as the row carries it now. */
        Sent as(VersionedRow now) {
            return new Sent(seen, now, name);
        }
    }

    /** Law 15: the request once more, if the row still carries the attempt, which then stands for another T. */
    private @Nullable Step replay(Sent sent, Answer.Lost first) {
        if (first.failure().retryAfter() != null) {
            return lost(sent, first, true);
        }
        long start = clocks.ticks();
        Written again = write(sent, row -> row.withAnswerLost());
        if (again instanceof Written.Unclear unclear) {
            attempts.lost(key, sent.name());
            return landed(withoutStore(unclear.cause()));
        }
        if (!(again instanceof Written.Won won)) {
            return null;
        }
        Sent renewed = sent.as(won.grant());
        return timing.maySend(renewal.replay(renewed.mine().row()), clocks.since(start))
                ? concluded(renewed, request(renewed, start))
                : lost(renewed, first, true);
    }

    /**
     * Replaces the row that carries an attempt. Its version may have changed since, by a renewal of our own or where an
     * older refusal was forgotten; the attempt and the tokens are the same.
     */
    private Written write(Sent sent, UnaryOperator<GrantRow> change) {
        VersionedRow mine = latest(sent);
        for (int lost = 0; lost < Rows.MOST_LOSSES; lost++) {
            Written written = rows.replace(key, mine.version(), change.apply(mine.row()));
            if (!(written instanceof Written.Lost)) {
                return written;
            }
            try {
                rows.find(key);
            } catch (IOException e) {
                return new Written.Unclear(e);
            }
            VersionedRow now = standing(sent);
            if (now == null || now.version().equals(mine.version())) {
                return written;
            }
            mine = now;
        }
        return new Written.Lost();
    }

    /** The row, if it is known to carry the attempt still. */
    private @Nullable VersionedRow standing(Sent sent) {
        Remembered now = memory.get(key);
        VersionedRow grant = now == null ? null : now.grant();
        return grant != null && sent.name().equals(grant.row().attempt()) ? grant : null;
    }

    /** The row that carries the attempt, as it was seen last. */
    private VersionedRow latest(Sent sent) {
        VersionedRow standing = standing(sent);
        return standing == null ? sent.mine() : standing;
    }

    private static @Nullable Step landedUnless(@Nullable Outcome outcome) {
        return outcome == null ? null : landed(outcome);
    }

    /** The attempt has an answer, or a second one that was lost. */
    private @Nullable Step concluded(Sent sent, Answer answer) {
        if (answer instanceof Answer.Tokens tokens) {
            return stored(sent, tokens);
        }
        if (answer instanceof Answer.Lost again) {
            return lost(sent, again, false);
        }
        Answer.Failure failure = (Answer.Failure) answer;
        GrantRow row = sent.mine().row();
        String refreshToken = failure.unusedRefreshToken();
        if (refreshToken != null && isAnother(refreshToken, row)) {
            return kept(sent, failure, refreshToken);
        }
        GrantRow.Refusal refusal = failure.isAboutTheGrant() ? refusal(failure, row.answerLost()) : null;
        if (refusal != null && refusal.wantsLogin()) {
            return landedUnless(refuse(sent, refusal));
        }
        if (failure.isAboutTheClient()) {
            // A node with a wrong secret holds back its own requests; those with the right one are not held back.
            Written written = write(sent, mine -> mine.attempting(null));
            return written instanceof Written.Lost ? null : landed(failed(sent.seen(), failure));
        }
        Instant until = nextAfter(row, failure);
        Written written = write(sent, mine -> mine.failedUntil(purpose.resource(), until, refusal));
        // One that lost is dropped; one of which it is not known is forgotten, and T ends the attempt.
        if (written instanceof Written.Lost) {
            return null;
        }
        boolean first = row.state(purpose.resource()).failures() == 0 && written instanceof Written.Won;
        events.failed(key, failure, clocks.since(requestedAt));
        return landed(notNow(sent.seen(), failure, first ? Duration.between(clocks.now(), until) : null));
    }

    private Instant nextAfter(GrantRow row, Answer.Failure failure) {
        int failures = row.state(purpose.resource()).failures();
        return clocks.now().plus(Backoff.after(failures, failure.retryAfter(), clocks));
    }

    /** Whether the grant lives by refresh tokens, and this is a new one. */
    private static boolean isAnother(String refreshToken, GrantRow row) {
        TokenSet tokens = row.tokens();
        return tokens != null
                && tokens.refreshToken()
                        .filter(old -> !old.equals(refreshToken))
                        .isPresent();
    }

    /**
     * Tokens came that must not be used. The refresh token among them is stored like that of a success: the one before
     * may be spent, and would end the grant if it were sent again.
     */
    private Step kept(Sent sent, Answer.Failure failure, String refreshToken) {
        VersionedRow mine = latest(sent);
        Answer.Unused came = Objects.requireNonNull(failure.unused());
        Duration lifetime = came.refreshLifetime();
        GrantRow fresh = renewal.pinned(mine.row())
                .keeping(
                        purpose.resource(),
                        nextAfter(mine.row(), failure),
                        came.ofAnotherUser()
                                ? GrantRow.Refusal.ofAnotherUser(failure.description(), clocks.now())
                                : null,
                        refreshToken,
                        lifetime == null ? null : clocks.now().plus(lifetime));
        // If the store is down, it is kept and written later; what the caller gets is the same.
        IOException unused = unsaved.store(
                key,
                new Unsaved(mine.version(), mine.row().allTokens(), fresh, limits(fresh, null), clocks.ticks(), 0));
        return landed(failed(sent.seen(), failure));
    }

    private @Nullable Step stored(Sent sent, Answer.Tokens tokens) {
        VersionedRow mine = latest(sent);
        GrantRow fresh = refreshed(mine.row(), tokens.response());
        TokenSet set = fresh.state(purpose.resource()).tokens();
        IOException notYet = unsaved.store(
                key,
                new Unsaved(
                        mine.version(),
                        mine.row().allTokens(),
                        fresh,
                        limits(fresh, purpose.resource()),
                        clocks.ticks(),
                        0));
        if (notYet != null) {
            reportConsent(mine.row(), fresh);
            // If these have expired: where an attempt outlived T, the row may hold newer ones, which are as good.
            return landed(withoutStore(notYet));
        }
        // Stored, then used. Even tokens that end at once serve those who waited for them (law 13).
        Remembered now = memory.get(key);
        if (now != null && set != null && set.equals(now.tokens(purpose.resource()))) {
            events.refreshed(key, set, cause(), clocks.since(began));
            reportConsent(mine.row(), fresh);
            return landed(new Usable(set));
        }
        return null;
    }

    /**
     * The result of a request is not known, so the attempt stays, and T ends it.
     *
     * @param reported whether it was reported to the application
     */
    private @Nullable Step lost(Sent sent, Answer.Lost answer, boolean reported) {
        attempts.lost(key, sent.name());
        Outcome moved = readAgain();
        if (moved != null || standing(sent) == null) {
            return landedUnless(moved);
        }
        return landed(reported ? notNow(sent.seen(), answer.failure()) : failed(sent.seen(), answer.failure()));
    }

    private Answer request(Sent sent, long since) {
        requestedAt = clocks.ticks();
        GrantRow row = sent.mine().row();
        memory.sending(
                key, sent.name(), since + timing.attempt(renewal.replay(row)).toNanos());
        Answer answer;
        try (Lease lease = new Lease(rows, memory, workers, key, sent.name(), timing.renewal(renewal.replay(row)))) {
            lease.begin();
            answer = renewal.request(row, purpose.resource(), purpose.rejected() != null);
        } catch (Throwable e) { // a missing class, an empty stack: the request may have been sent all the same
            workers.letThrough(e);
            answer = new Answer.Lost(new Answer.Failure(
                    Answer.Kind.TEMPORARY,
                    0,
                    null,
                    "The token request threw " + e.getClass().getName(),
                    null,
                    null));
        }
        if (answer instanceof Answer.Failure) {
            memory.failed(key, sent.name());
        }
        if (!(answer instanceof Answer.Failure failure) || failure.cameFromOutside()) {
            visit.report(answer);
        }
        return answer;
    }

    private GrantRow refreshed(GrantRow before, TokenResponse response) {
        GrantRow row = renewal.pinned(before);
        TokenSet set = renewal.tokens(row, purpose.resource(), response, clocks.now());
        GrantRow next = row.refreshed(purpose.resource(), set, purpose.rejected() != null);
        if (purpose.resource().isOwn() || response.refreshToken() == null) {
            return next;
        }
        Duration lifetime = response.refreshLifetime();
        return next.withRefreshToken(
                response.refreshToken(), lifetime == null ? null : clocks.now().plus(lifetime));
    }

    /**
     * The limits of all tokens in a row. Tokens that were there before keep the limits from when they were first seen.
     *
     * @param renewed the resource whose tokens are new; {@code null} if there is none
     */
    private Map<Resource, TokenLimits> limits(GrantRow next, @Nullable Resource renewed) {
        Remembered known = memory.get(key);
        Map<Resource, TokenLimits> limits = new HashMap<>();
        next.allTokens().forEach((resource, tokens) -> {
            boolean fresh = resource.equals(renewed);
            limits.put(resource, fresh || known == null ? memory.limits(tokens) : known.limits(resource));
        });
        return limits;
    }

    private RefreshEvents.Cause cause() {
        return purpose.rejected() != null
                ? RefreshEvents.Cause.REJECTED
                : purpose.behindTheScenes() ? RefreshEvents.Cause.AHEAD : RefreshEvents.Cause.EXPIRED;
    }

    /**
     * Reports that consent expires soon, once for each warning: by the first refresh after which no more than that time
     * is left (law 16).
     */
    private void reportConsent(GrantRow before, GrantRow after) {
        TokenSet old = before.tokens();
        TokenSet fresh = after.tokens();
        Instant ends = renewal.consentEndsAt(after);
        if (old == null || fresh == null || ends == null) {
            return;
        }
        Duration left = Duration.between(fresh.receivedAt(), ends);
        Duration leftThen = Duration.between(old.receivedAt(), ends);
        if (WARNINGS.stream().anyMatch(warning -> leftThen.compareTo(warning) > 0 && left.compareTo(warning) <= 0)) {
            events.consentEndsSoon(key, ends);
        }
    }

    /** Reads the row again. Returns {@code null} if that succeeded. */
    private @Nullable Outcome readAgain() {
        try {
            rows.find(key);
            return null;
        } catch (IOException e) {
            return withoutStore(e);
        }
    }

    private GrantRow.Refusal lostForGood() {
        return new GrantRow.Refusal(
                "invalid_grant",
                "The answer to a refresh was lost",
                GrantRow.Refusal.Kind.ANSWER_LOST,
                null,
                clocks.now());
    }

    private GrantRow.Refusal refusal(Answer.Failure failure, boolean answerLost) {
        GrantRow.Refusal.Kind kind = switch (failure.kind()) {
            case INTERACTION -> GrantRow.Refusal.Kind.INTERACTION;
            case BLOCKED -> GrantRow.Refusal.Kind.BLOCKED;
            default -> answerLost ? GrantRow.Refusal.Kind.ANSWER_LOST : GrantRow.Refusal.Kind.ENDED;
        };
        String error = failure.error() == null ? "invalid_grant" : failure.error();
        return new GrantRow.Refusal(error, failure.description(), kind, failure.claims(), clocks.now());
    }

    /** Records that the user has to sign in. Returns {@code null} to begin again with the row as it is now. */
    private @Nullable Outcome refuse(Sent sent, GrantRow.Refusal refusal) {
        // A refusal for one resource says nothing about the others.
        Resource resource = refusal.kind() == GrantRow.Refusal.Kind.ANSWER_LOST ? Resource.OWN : purpose.resource();
        return refused(write(sent, mine -> mine.refused(resource, refusal)), refusal);
    }

    private @Nullable Outcome refused(Written written, GrantRow.Refusal refusal) {
        if (written instanceof Written.Lost) {
            return null;
        }
        if (written instanceof Written.Unclear unclear) {
            return withoutStore(unclear.cause());
        }
        events.refused(key, refusal.error(), clocks.since(began));
        return null; // The row says what callers get, unless somebody has written since.
    }

    private LoginRequired loginRequired(GrantRow.Refusal refusal) {
        Reason reason = switch (refusal.kind()) {
            case ANSWER_LOST -> Reason.ANSWER_LOST;
            case INTERACTION -> Reason.INTERACTION;
            case ENDED, BLOCKED -> Reason.REFUSED;
        };
        return new LoginRequired(reason, refusal.error(), refusal.description(), refusal.claims());
    }

    /** The outcome of a request that failed. */
    private Outcome failed(Remembered seen, Answer.Failure failure) {
        events.failed(key, failure, clocks.since(requestedAt));
        return notNow(seen, failure);
    }

    /** The outcome where no request is made, or none succeeds: tokens that are still valid are served. */
    private Outcome notNow(Remembered seen, Answer.Failure failure) {
        return notNow(seen, failure, null);
    }

    private Outcome notNow(Remembered seen, Answer.Failure failure, @Nullable Duration next) {
        // A login or a sign-out may have come in here since the row was seen.
        Remembered now = memory.get(key);
        Remembered known = now == null ? seen : now;
        TokenSet valid = stillValid(known);
        if (valid != null) {
            events.servedWhileStale(key, valid);
            return new Usable(valid);
        }
        // An internal error (500) may come of this very request, and would come again.
        boolean passes = failure.kind() == Answer.Kind.TEMPORARY && failure.status() != 500;
        return new RequestFailed(failure, passes ? next : null);
    }

    private Outcome served(GrantRow row) {
        TokenSet tokens = row.state(purpose.resource()).tokens();
        return tokens == null ? LoginRequired.notConnected() : new Usable(tokens);
    }
}
