/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import dev.grantkeeper.internal.protocol.Resource;
import dev.grantkeeper.internal.refresh.Flight.Purpose;
import dev.grantkeeper.internal.refresh.Memory.Remembered;
import dev.grantkeeper.internal.refresh.Outcome.Closed;
import dev.grantkeeper.internal.refresh.Outcome.LoginRequired;
import dev.grantkeeper.internal.refresh.Outcome.RequestFailed;
import dev.grantkeeper.internal.refresh.Outcome.Usable;
import dev.grantkeeper.internal.refresh.UnsavedTokens.Unsaved;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.row.VersionedRow;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Keeps grants fresh: any number of threads on any number of nodes, one token request per expiry, and nobody signed out
 * without need.
 *
 * <h2>The difficulty</h2>
 *
 * <p>Many authorization servers accept a refresh token once. The answer brings the next one, and a server that sees a
 * spent token again assumes that it was stolen and revokes the whole grant (RFC 9700 section 4.14.2). So two refreshes
 * at once sign the user out; so does a new token that was received and not stored; so does a loser who writes "refused"
 * over what the winner stored. And any step can fail, be slow, or look failed and happen all the same.
 *
 * <h2>The row is the lock ({@link Flight}, {@link Rows})</h2>
 *
 * <p>The store can replace a row if its version is still the one that was read, and that is all the protocol needs. A
 * node that wants to refresh first writes an <em>attempt</em>, a random name, into the row. Only one node can win that
 * write, and the refresh token that it then sends is the one from the very row that now carries its attempt. All others
 * find the attempt, wait a little, and look again. The outcome (tokens, a refusal, or "not before") replaces the row
 * and takes the attempt out in the same write.
 *
 * <p>Nothing is held meanwhile: no transaction, no connection, no lock in this process.
 *
 * <h2>An attempt that stays ({@link Timing}, {@link Lease}, {@link OwnAttempts})</h2>
 *
 * <p>Its holder died, lost the answer, or cannot reach the store. An attempt therefore ends by itself after a time T.
 * The holder measures T from before the write, observers from when they first saw what it wrote, all by their own
 * monotonic clocks; no two clocks are ever compared. T is longer than everything a holder may still be doing after that
 * write, and a holder sends nothing when too little of its T is left. A name dies with its process: after a restart our
 * own attempt is a stranger's, since nobody remembers whether its request went out.
 *
 * <p>How long that is depends on the server. Where a refresh token works once, a request that was sent cannot be taken
 * back, and T holds all of it, twice the longest token call. Where a second request does no harm, a dead holder must be
 * replaced before a grace window or a caller's patience ends, and T is 4 s; a living holder of a slow request then
 * writes its attempt again, every second. Nobody who holds a valid token waits for either.
 *
 * <p>A holder whose answer comes while the store is down for everybody can do nothing but wait, and must not be taken
 * for dead when the store is back. So an observer adds up the times between its reads, and only those that found the
 * same name ({@link Memory.Remembered#observed}). Nothing counts if a read failed in between, and no more than a tenth
 * of T if nobody read, since that may have been an outage that nobody noticed. With the default times, a holder has its
 * answer at most 12 of 20 s after it wrote its attempt, and then tries to store it more often than once a second. Of
 * the 8 s that are left, an outage hides 2 at most; in the others the store could be read, so the holder has had its
 * turn. An attempt whose answer was lost here holds nothing, and for this node its T simply passes.
 *
 * <h2>An answer that never came ({@link Flight}, {@link Renewal#replay(GrantRow)})</h2>
 *
 * <p>The server may have taken the refresh token, or it may not; a success that cannot be read, or a gateway that gave
 * up, says no more than silence. If the server took it, giving up signs the user out for certain; sending the token
 * again may. Whether and when to send it once more is a property of the server: {@link Provider.Replay}. Either way the
 * attempt is first written again, which only succeeds while it stands, and begins another T. After that one replay it
 * stays where it is until T ends it, since the late request may still arrive.
 *
 * <h2>A write that lost ({@link UnsavedTokens})</h2>
 *
 * <p>Tokens in hand, and the row has changed. What stands there now decides, and the login's name and the whole token
 * set tell what it is (a refresh token alone may be the same before and after). If it is our own tokens, the write had
 * landed. If there is no row, the user signed out meanwhile, and the tokens are revoked. If it is another login, that
 * login wins. If it is still the tokens that ours were made from, only an attempt or a hasty refusal came between, and
 * ours are written on top. Anything newer is used. A refusal or a "not before" that loses is dropped: it spoke of a row
 * that is gone.
 *
 * <h2>A store that is down ({@link UnsavedTokens}, {@link Saves}, {@link Fallback}, {@link Memory})</h2>
 *
 * <p>The new tokens are kept in memory before they are written for the first time, and served from there if the write
 * fails, however it fails. It is tried again and again, and at once when any call of the store succeeds
 * ({@link Saves}); the old refresh token is not sent any more. A login through this node drops them. If a store comes
 * back without its last writes, from a replica or a backup, the row that is remembered here is written again, provided
 * that it is a later one of the same login ({@link Rows#find}). After an outage, each node reads at once the rows that
 * it wrote last ({@link LostWrites}), and no node that noticed the outage begins an attempt, sends under one that it
 * was writing, or gives up a grant, for about as long as it was ({@link StoreHealth}). Meanwhile, an attempt under
 * which a request is under way is written again over whatever others knew ({@link Memory#lostSince}).
 *
 * <h2>Several resources ({@link Resource}, {@link GrantRow})</h2>
 *
 * <p>One refresh token may bring access tokens for several APIs (RFC 8707). They share the row, each with its own
 * limits, refusal and back-off, and each refresh of any of them is one attempt on that row: it is the refresh token
 * that works once. A refusal for one resource ends nothing else; only a lost answer is about the refresh token and so
 * about the whole grant.
 *
 * <h2>Threads ({@link Flight}, {@link Workers})</h2>
 *
 * <p>All callers of one key share a <em>flight</em>, which runs on a thread of ours: a caller that is cancelled,
 * interrupted or out of patience takes nothing from the others. Inside one flight everything is sequential;
 * {@code Flight.refresh} is the protocol, from top to bottom. A flight that has to wait, for another node, for its turn
 * at the token endpoint or for what a request needs ({@link Renewal#prepare}), leaves its thread and continues later on
 * another, so that waiting flights, however many, keep no thread from the others ({@link EndpointGate}). Refreshes that
 * callers wait for go before those that only keep a token fresh. This class is the desk in front of it: callers get
 * what memory holds, or wait for a read of the row, or join a flight.
 *
 * <p>The protocol was checked as a model with crashes, lost answers, failing and late writes, logins and sign-outs in
 * between, and this code runs under a simulation of the same ({@code SimulationTest}). Where a step seems superfluous,
 * something in that list needs it; for many steps, {@code MutantTest} shows what.
 *
 * <p>Thread-safe.
 */
public final class Refresher {
    /** The longest wait for the store where there are tokens to serve without it. */
    private static final Duration PATIENCE = Duration.ofSeconds(2);

    private final Parts parts;
    private final Rows rows;
    private final Memory memory;
    private final Renewal renewal;
    private final Clocks clocks;
    private final Workers workers;
    private final long storeCacheTime; // nanoseconds
    private final long shortestCacheTime;

    private final UnsavedTokens unsaved;
    private final OwnAttempts attempts = new OwnAttempts();
    private final Fallback fallback;
    private final Map<Reading, Pending> readings = new ConcurrentHashMap<>();
    private final Map<AccountKey, Flight> flights = new ConcurrentHashMap<>();
    /** Callers that wait for the next try, by a name for each. */
    private final Map<Object, CompletableFuture<Outcome>> paused = new ConcurrentHashMap<>();

    Refresher(Parts parts) {
        this.parts = parts;
        this.rows = parts.rows();
        this.memory = parts.memory();
        this.renewal = parts.renewal();
        this.clocks = parts.clocks();
        this.workers = parts.workers();
        this.storeCacheTime = parts.timing().storeCacheTime().toNanos();
        this.shortestCacheTime = parts.timing().shortestCacheTime().toNanos();
        this.unsaved = new UnsavedTokens(parts, key -> join(key, Purpose.SAVE));
        this.fallback = new Fallback(unsaved, memory, clocks);
    }

    /** A read of a row, shared by callers that need the same token at the same time. */
    private record Reading(AccountKey key, Resource resource) {}

    /**
     * A read under way, or waiting for a thread.
     *
     * @param outcome for all callers that share it
     * @param since its start, in real nanoseconds
     */
    private record Pending(CompletableFuture<Outcome> outcome, long since) {}

    /**
     * Tokens that are valid now: from memory where it can be trusted, from the store, or by a refresh. After one
     * failure of the server, this waits for the next try, if that comes soon enough for a caller.
     */
    public CompletableFuture<Outcome> current(AccountKey key, Resource resource) {
        Usable known = known(key, resource);
        return known == null
                ? patiently(clocks.ticks(), now(key, resource), () -> now(key, resource))
                : CompletableFuture.completedFuture(known);
    }

    /**
     * Tokens that are valid now, where memory can be trusted; {@code null} where {@link #current} has to bring some.
     * Nearly every call of an API ends here, so the clocks are read once, and nothing is allocated.
     */
    public @Nullable Usable known(AccountKey key, Resource resource) {
        Remembered known = unsaved.get(key) == null ? memory.get(key) : null;
        if (known == null) {
            return null;
        }
        long ticks = clocks.ticks();
        return isTrusted(known, ticks) ? usable(key, resource, known, false, clocks.millis(), ticks) : null;
    }

    /** Whether a row may be used without a look into the store. */
    private boolean isTrusted(Remembered known, long ticks) {
        StoreHealth health = rows.health();
        // A node that serves from memory only would not notice an outage, and a store may come back without a row.
        boolean steady = ticks - health.lastSuccess() < shortestCacheTime && !health.hasBeenAwaySince(known.seenAt());
        return known.trusted(ticks, shortestCacheTime, steady ? storeCacheTime : shortestCacheTime);
    }

    /** One failure is not an outage: a caller that has the time is served by the next try. */
    private CompletableFuture<Outcome> patiently(
            long asked, CompletableFuture<Outcome> tried, Supplier<CompletableFuture<Outcome>> again) {
        return tried.thenCompose(outcome -> {
            Duration pause = outcome instanceof RequestFailed failed ? failed.next() : null;
            Duration longest = parts.timing().callerWait();
            // Half of the time is left to the try itself.
            if (pause == null || clocks.since(asked).plus(pause).compareTo(longest.dividedBy(2)) > 0) {
                return CompletableFuture.completedFuture(outcome);
            }
            CompletableFuture<Outcome> later = new CompletableFuture<>();
            Object name = new Object();
            paused.put(name, later);
            CompletableFuture<Outcome> unused = later.whenComplete((o, e) -> paused.remove(name));
            wake(clocks.ticks(), pause, () -> pass(patiently(asked, again.get(), again), later));
            return later;
        });
    }

    /** Runs a short task after a pause. The clock is read again and again, since it may be one that tests move. */
    private void wake(long since, Duration pause, Runnable task) {
        Duration left = pause.minus(clocks.since(since));
        if (left.isNegative() || left.isZero()) {
            task.run();
        } else {
            Duration look = parts.timing().look();
            workers.later(left.compareTo(look) < 0 ? left : look, () -> wake(since, pause, task));
        }
    }

    private CompletableFuture<Outcome> now(AccountKey key, Resource resource) {
        Unsaved pending = unsaved.get(key);
        if (pending != null) {
            Unsaved toServe = unsaved.toServe(key);
            TokenSet unsavedTokens = toServe == null ? null : toServe.current(resource, clocks);
            return unsavedTokens == null
                    ? read(key, resource)
                    : CompletableFuture.completedFuture(new Usable(unsavedTokens));
        }
        Remembered known = memory.get(key);
        long ticks = clocks.ticks();
        return known != null && known.grant() != null && isTrusted(known, ticks)
                ? decide(key, resource, known, false, ticks)
                : read(key, resource);
    }

    /**
     * Tokens in place of an access token that an API rejected. The same tokens are returned if no others can be
     * expected.
     */
    public CompletableFuture<Outcome> insteadOf(AccountKey key, Resource resource, String rejected) {
        Unsaved pending = unsaved.toServe(key);
        TokenSet unsavedTokens = pending == null ? null : pending.current(resource, clocks);
        if (unsavedTokens != null && !unsavedTokens.accessToken().equals(rejected)) {
            return CompletableFuture.completedFuture(new Usable(unsavedTokens));
        }
        Supplier<CompletableFuture<Outcome>> instead = () -> join(key, Purpose.insteadOf(resource, rejected));
        return patiently(clocks.ticks(), instead.get(), instead);
    }

    /** Tokens by the row as the store has it now: an API wants more than the remembered ones are good for. */
    public CompletableFuture<Outcome> latest(AccountKey key, Resource resource) {
        return unsaved.get(key) == null ? read(key, resource) : now(key, resource);
    }

    /** Reads the row for the next call. */
    public void doubt(AccountKey key) {
        Remembered known = memory.get(key);
        if (known != null) {
            known.doubt();
        }
    }

    /** Begins to replace an access token that an API rejected in a call that cannot be repeated. */
    public void invalidate(AccountKey key, Resource resource, String rejected) {
        begin(key, Purpose.afterRejection(resource, rejected), null);
    }

    /**
     * Decides by a row what a caller gets.
     *
     * @param ticks the monotonic clock
     */
    private CompletableFuture<Outcome> decide(
            AccountKey key, Resource resource, Remembered known, boolean justRead, long ticks) {
        if (known.grant() == null && renewal.begin(key) == null) {
            // The row was just read: nobody has to wait for a flight that began when there was something to refresh.
            return CompletableFuture.completedFuture(LoginRequired.notConnected());
        }
        long millis = clocks.millis();
        Usable usable = usable(key, resource, known, justRead, millis, ticks);
        if (usable != null) {
            return CompletableFuture.completedFuture(usable);
        }
        Memory.Seen its = known.seen(resource);
        return its == null || its.limits().pastHard(millis, ticks)
                ? refreshed(key, resource, known, lately(known, justRead, ticks))
                : join(key, Purpose.insteadOf(resource, its.tokens().accessToken()));
    }

    /**
     * The tokens in a row, if they need no replacement first. Begins to replace those past their soft limit.
     *
     * @param millis the wall clock
     * @param ticks the monotonic clock
     */
    private @Nullable Usable usable(
            AccountKey key, Resource resource, Remembered known, boolean justRead, long millis, long ticks) {
        Memory.Seen its = known.seen(resource);
        if (its == null || its.limits().pastHard(millis, ticks)) {
            return null;
        }
        // Most of the time no flight is under way, and nobody has to look for this one.
        Flight underWay = flights.isEmpty() ? null : flights.get(key);
        if (underWay != null
                && its.tokens().accessToken().equals(underWay.purpose().rejected())) {
            return null; // An API has just rejected these. Their replacement is on its way.
        }
        if (its.limits().pastSoft(millis, ticks)) {
            refreshAhead(key, resource, known, lately(known, justRead, ticks));
        }
        return its.usable();
    }

    private void refreshAhead(AccountKey key, Resource resource, Remembered known, @Nullable Remembered lately) {
        VersionedRow grant = known.grant();
        if (grant != null && worthTrying(grant.row(), resource) && known.mayStartBackground(clocks)) {
            begin(key, Purpose.fresher(resource), lately);
        }
    }

    /** Tokens in place of those that have come to their hard limit, or of none. */
    private CompletableFuture<Outcome> refreshed(
            AccountKey key, Resource resource, Remembered known, @Nullable Remembered lately) {
        VersionedRow grant = known.grant();
        Memory.Seen its = known.seen(resource);
        if (grant != null && its != null && !its.limits().expired(clocks) && isHeldUp(key, grant.row(), known)) {
            if (known.mayStartBackground(clocks)) {
                begin(key, Purpose.fresher(resource), lately);
            }
            return CompletableFuture.completedFuture(its.usable());
        }
        return join(key, Purpose.valid(resource), lately);
    }

    /** The row, if the store showed it so lately that an attempt may be written over it; {@code null} if not. */
    private @Nullable Remembered lately(Remembered known, boolean justRead, long ticks) {
        return justRead || known.wasSeenWithin(shortestCacheTime, ticks) ? known : null;
    }

    /**
     * Whether another node has been refreshing for longer than that takes. It may be dead, and nobody who holds a valid
     * token waits for the dead.
     */
    private boolean isHeldUp(AccountKey key, GrantRow row, Remembered known) {
        return row.attempt() != null
                && !flights.containsKey(key)
                && clocks.since(known.attemptSince()).compareTo(parts.timing().patience()) >= 0;
    }

    private boolean worthTrying(GrantRow row, Resource resource) {
        GrantRow.Refusal refusal = row.refusalOf(resource);
        return (refusal == null || !refusal.wantsLogin())
                && renewal.possible(row)
                && Backoff.left(row.state(resource).notBefore(), clocks) == null;
    }

    /** Reads the row, once for all callers that ask meanwhile, without waiting for a flight that is under way. */
    private CompletableFuture<Outcome> read(AccountKey key, Resource resource) {
        long asked = clocks.ticks();
        Reading reading = new Reading(key, resource);
        Pending shared = new Pending(new CompletableFuture<>(), System.nanoTime());
        Pending other = readings.putIfAbsent(reading, shared);
        CompletableFuture<Outcome> mine = other == null
                ? shared.outcome().copy()
                : other.outcome().thenCompose(o -> since(asked, o, key, Purpose.valid(resource)));
        if (other == null) {
            try {
                workers.read(() -> read(reading, shared));
            } catch (RejectedExecutionException e) {
                readings.remove(reading, shared);
                shared.outcome().complete(new Closed());
            }
        }
        if (fallback.remembers(key, resource) && !mine.isDone()) {
            // A store that hangs is a store that is down (law 7). Without valid tokens, callers have to wait for it.
            workers.later(PATIENCE, () -> {
                if (!mine.isDone() && fallback.remembers(key, resource)) {
                    mine.complete(fallback.withoutStore(
                            key, resource, null, new IOException("The token store does not answer")));
                }
            });
        }
        return mine;
    }

    private void read(Reading reading, Pending shared) {
        CompletableFuture<Outcome> decided;
        try {
            decided = decide(reading.key(), reading.resource(), rows.find(reading.key()), true, clocks.ticks());
        } catch (IOException e) {
            decided = CompletableFuture.completedFuture(
                    fallback.withoutStore(reading.key(), reading.resource(), null, e));
        } catch (Throwable e) {
            decided = CompletableFuture.failedFuture(e);
        }
        readings.remove(reading, shared);
        pass(decided, shared.outcome());
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

    /** Starts a flight that nobody waits for, unless one is under way. */
    private void begin(AccountKey key, Purpose purpose, @Nullable Remembered lately) {
        CompletableFuture<Outcome> unused = join(key, purpose, lately);
    }

    /** Joins the flight that is under way, or starts one. */
    private CompletableFuture<Outcome> join(AccountKey key, Purpose purpose) {
        return join(key, purpose, null);
    }

    /**
     * Joins the flight that is under way, or starts one.
     *
     * @param lately the row as it was lately seen in the store; a flight that finds it due writes its attempt over that
     *     version without reading it again
     */
    private CompletableFuture<Outcome> join(AccountKey key, Purpose purpose, @Nullable Remembered lately) {
        long asked = clocks.ticks();
        Flight mine = flight(key, purpose, lately);
        Flight other = flights.putIfAbsent(key, mine);
        if (other == null) {
            return start(mine);
        }
        if (!purpose.behindTheScenes()) {
            other.hurry();
        }
        if (purpose.behindTheScenes()) {
            return other.landed().copy(); // even if it is for another resource: the next call begins again
        }
        if (other.purpose().equals(purpose)) {
            return other.landed().thenCompose(outcome -> since(asked, outcome, key, purpose));
        }
        // It may bring less than we need: then ours comes next.
        boolean serves = other.purpose().serves(purpose);
        return other.landed()
                .thenCompose(outcome -> serves && satisfies(outcome, purpose)
                        ? since(asked, outcome, key, purpose)
                        : join(key, purpose));
    }

    private Flight flight(AccountKey key, Purpose purpose, @Nullable Remembered lately) {
        return new Flight(parts, unsaved, attempts, fallback, flights, key, purpose, lately);
    }

    private static CompletableFuture<Outcome> start(Flight mine) {
        mine.schedule();
        return mine.landed().copy();
    }

    /**
     * Judges the outcome of a read or flight for a caller that came after it had begun. If a login is required, that
     * may have been read before somebody signed in, so the row is read once more (law 5).
     *
     * @param asked the time at which the caller came
     */
    private CompletableFuture<Outcome> since(long asked, Outcome outcome, AccountKey key, Purpose purpose) {
        if (!(outcome instanceof LoginRequired)) {
            return CompletableFuture.completedFuture(outcome);
        }
        Flight mine = flight(key, purpose, null);
        Flight other = flights.putIfAbsent(key, mine);
        if (other == null) {
            return start(mine);
        }
        // A flight for something else decides nothing for us, and its tokens are not ours: then ours comes next.
        boolean serves = other.purpose().serves(purpose);
        return !serves || other.began() - asked < 0
                ? other.landed().thenCompose(o -> since(asked, serves ? o : outcome, key, purpose))
                : other.landed().copy();
    }

    private boolean satisfies(Outcome outcome, Purpose purpose) {
        if (!(outcome instanceof Usable usable)) {
            return true;
        }
        return !usable.tokens().accessToken().equals(purpose.rejected())
                && !memory.limits(usable.tokens()).pastHard(clocks);
    }

    /** Whether the own access token of a row has expired, and nothing can bring another one. */
    boolean hasRunOut(Remembered seen) {
        VersionedRow grant = seen.grant();
        return grant != null
                && seen.tokens(Resource.OWN) != null
                && !renewal.possible(grant.row())
                && seen.limits(Resource.OWN).expired(clocks);
    }

    /** Notes a login through this node; see {@link UnsavedTokens#loggedIn}. */
    void loggedIn(AccountKey key, String login) {
        unsaved.loggedIn(key, login);
    }

    /** Notes a sign-out through this node; see {@link UnsavedTokens#signedOut}. */
    @Nullable
    GrantRow signedOut(AccountKey key, @Nullable String login) {
        return unsaved.signedOut(key, login);
    }

    /** Whether the store has been at work for this key for so long, in real time, or its read waits for a thread. */
    public boolean waitsForStore(AccountKey key, Duration atLeast) {
        return rows.isBusyFor(key, atLeast)
                || readings.entrySet().stream()
                        .anyMatch(reading -> reading.getKey().key().equals(key)
                                && System.nanoTime() - reading.getValue().since() >= atLeast.toNanos());
    }

    /** Whether tokens are waiting to be stored, or requests are under way. */
    boolean isBusy() {
        return unsaved.count() > 0 || !flights.isEmpty();
    }

    /** The number of grants with tokens that the store does not have. */
    int unsavedCount() {
        return unsaved.count();
    }

    /** Tries once more, at once, to store all tokens that are not stored yet. */
    void saveNow() {
        unsaved.saveNow();
    }

    /** Tells callers that nothing comes any more, after the threads have ended. */
    void close() {
        flights.values().forEach(Flight::abandon);
        readings.values().forEach(reading -> reading.outcome().complete(new Closed()));
        List.copyOf(paused.values()).forEach(later -> later.complete(new Closed()));
    }
}
