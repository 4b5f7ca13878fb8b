/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.token.AccountKey;
import java.time.Duration;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the token endpoint from being stormed (law 9), and one grant from slowing the others down (laws 18 and 19).
 *
 * <p>The number of requests under way is bounded. A visit that has to wait does so in a queue and not on a thread;
 * callers go before everything that nobody waits for. A request that hangs lends its place to the callers behind it, up
 * to a second bound.
 *
 * <p>The endpoint is down when several different grants in a row fail. If it rejects the client, or asks for a pause,
 * that is believed when a second grant hears it, and until then holds the one grant that heard it. While the endpoint
 * is down nothing is sent for a while; then one request tries. When it succeeds, the others follow, a few more every
 * moment: the requests that an outage has dammed up must not bring the server down again.
 *
 * <p>Some grants fail again and again while others succeed, and their callers may be the ones that call most. Until it
 * succeeds, such a grant does not count as evidence against the endpoint. The request that tries is left for a moment
 * to a grant that has not failed itself. Where the client is rejected, such grants may try earlier, one a second:
 * perhaps only some tenants reject it. Thread-safe.
 */
final class EndpointGate {
    /** The number of different grants in a row whose failures show that the endpoint is down. */
    private static final int SEVERAL = 3;

    /** The number of different grants in a row that are told the same of the client, or of a pause. */
    private static final int TWO = 2;

    /** The time for which a success of another grant shows that the client is accepted. */
    private static final Duration PROOF = Duration.ofMinutes(1);

    /** The time after an outage until as many requests run at once as before. */
    private static final Duration RECOVERY = Duration.ofSeconds(10);

    /** The number of grants whose own failures are remembered. */
    private static final int REMEMBERED = 10_000;

    private final Clocks clocks;
    private final Workers workers;
    private final int concurrency;
    private final Duration patience;

    // guarded by this, like all that follows
    private final Set<Visit> callers = new LinkedHashSet<>();
    private final Set<Visit> background = new LinkedHashSet<>();
    private final Set<Visit> sending = new LinkedHashSet<>();
    private final Set<Visit> hanging = new LinkedHashSet<>();
    private boolean watching;
    private long round;
    private int used;
    private int lent;
    private int withheld;
    private boolean releasing;

    private final Set<AccountKey> failing = new HashSet<>();
    private final Set<AccountKey> rejected = new HashSet<>();
    private final Set<AccountKey> paused = new HashSet<>();
    private final Map<AccountKey, Trouble> troubles = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<AccountKey, Trouble> eldest) {
            return size() > REMEMBERED;
        }
    };
    private boolean proven;
    private long provenAt;
    private boolean closed;
    private boolean trying;
    private boolean forTheClient;
    private long closedAt;
    private long closedUntil;
    private int failedTrials;
    private Answer.@Nullable Failure last;

    /**
     * An open gate.
     *
     * @param concurrency the number of requests under way at once
     * @param patience the time after which, or after twice that, a request that is still under way lends its place
     */
    EndpointGate(Clocks clocks, int concurrency, Duration patience, Workers workers) {
        this.clocks = clocks;
        this.workers = workers;
        this.concurrency = concurrency;
        this.patience = patience;
    }

    /**
     * The last failure of one grant.
     *
     * @param failure the failure
     * @param rejections how often in a row the server rejected the client
     * @param until the end of the grant's pause, if the client was rejected or a pause demanded, by the monotonic clock
     * @param itsOwn whether other grants succeeded after this one had failed
     */
    private record Trouble(Answer.Failure failure, int rejections, long until, boolean itsOwn) {
        Trouble ofItsOwn() {
            return new Trouble(failure, rejections, until, true);
        }
    }

    /**
     * The way of one grant through the gate: it asks for a place, perhaps waits for one, sends requests, and leaves.
     */
    final class Visit {
        private final AccountKey key;
        private final Runnable wake;

        // guarded by the gate
        private boolean urgent;
        private boolean placed;
        private boolean lending;
        private boolean trial;
        private long begun;

        private Visit(AccountKey key, Urgency urgency, Runnable wake) {
            this.key = key;
            this.urgent = urgency == Urgency.CALLER;
            this.wake = wake;
        }

        /**
         * Asks for a place.
         *
         * @return whether there is one; otherwise the visit is woken when it has one
         */
        boolean enter() {
            synchronized (EndpointGate.this) {
                boolean first = callers.isEmpty() && (urgent || background.isEmpty());
                if (!placed && first && (used < concurrency - withheld || (urgent && lendOne()))) {
                    place(this);
                }
                if (!placed) {
                    queue().add(this);
                }
                return placed;
            }
        }

        private Set<Visit> queue() {
            return urgent ? callers : background;
        }

        /** A caller waits for this visit from now on. */
        void hurry() {
            synchronized (EndpointGate.this) {
                boolean queued = queue().remove(this);
                urgent = true;
                if (queued) {
                    queue().add(this);
                    lend();
                }
            }
        }

        /**
         * Begins to send, from its place.
         *
         * @return whether it may; otherwise the gate has closed meanwhile, and the visit has left it
         */
        boolean begin() {
            synchronized (EndpointGate.this) {
                if (closed(key) != null) {
                    leave();
                    return false;
                }
                trial = closed;
                trying |= closed;
                begun = round;
                sending.add(this);
                if (!watching) {
                    watching = true;
                    workers.later(patience, EndpointGate.this::watch);
                }
                return true;
            }
        }

        /** Reports the answer to a request. */
        void report(Answer answer) {
            synchronized (EndpointGate.this) {
                reported(key, answer, trial);
            }
        }

        /** Leaves the gate, or its queue. Without effect on a visit that is not there. */
        void leave() {
            synchronized (EndpointGate.this) {
                queue().remove(this);
                sending.remove(this);
                hanging.remove(this);
                if (trial) {
                    trial = false;
                    trying = false;
                }
                if (placed) {
                    placed = false;
                    if (lending) {
                        lending = false;
                        lent--;
                    } else {
                        used--;
                    }
                    admit();
                }
            }
        }
    }

    /**
     * Whether nobody is inside or waits. What is known of earlier failures does not count: a request more finds it out
     * again, and servers that are down could be any number.
     */
    synchronized boolean isIdle() {
        return used == 0 && lent == 0 && callers.isEmpty() && background.isEmpty();
    }

    /**
     * Returns a visit that has not begun.
     *
     * @param wake runs on a thread that may block, when the visit got a place that it had to wait for
     */
    Visit visit(AccountKey key, Urgency urgency, Runnable wake) {
        return new Visit(key, urgency, wake);
    }

    // guarded by this
    private void place(Visit visit) {
        visit.placed = true;
        used++;
    }

    // guarded by this
    private void admit() {
        while (used < concurrency - withheld && !(callers.isEmpty() && background.isEmpty())) {
            Iterator<Visit> queue = (callers.isEmpty() ? background : callers).iterator();
            Visit first = queue.next();
            queue.remove();
            place(first);
            try {
                workers.execute(first.wake, first.urgent ? Urgency.CALLER : Urgency.BACKGROUND);
            } catch (RejectedExecutionException e) {
                // Everything is closing, and callers are told so elsewhere.
            }
        }
    }

    /** One timer for all: a request that was under way when it rang before has had its time. */
    private synchronized void watch() {
        Iterator<Visit> oldest = sending.iterator();
        while (oldest.hasNext()) {
            Visit visit = oldest.next();
            if (visit.begun == round) {
                break;
            }
            oldest.remove();
            hanging.add(visit);
        }
        round++;
        watching = !sending.isEmpty();
        if (watching) {
            workers.later(patience, this::watch);
        }
        lend();
    }

    // guarded by this
    private void lend() {
        while (!callers.isEmpty() && lendOne()) {
            admit();
        }
    }

    // guarded by this
    private boolean lendOne() {
        Iterator<Visit> some = hanging.iterator();
        if (trying || lent >= 3 * concurrency || !some.hasNext()) {
            return false;
        }
        some.next().lending = true;
        some.remove();
        lent++;
        used--;
        return true;
    }

    /**
     * Returns the reason for which nothing can be sent for a grant now.
     *
     * @return the last failure, with the time that is left; {@code null} if nothing stands against it, or if one
     *     request has to try
     */
    synchronized Answer.@Nullable Failure closed(AccountKey key) {
        Trouble own = troubles.get(key);
        if (closed && last != null) {
            Duration left = closedFor(own != null);
            if (!left.isNegative() && !left.isZero()) {
                return last.retryAfter(left);
            }
            if (trying) {
                return last.retryAfter(Backoff.SHORTEST);
            }
        }
        Duration left = own == null ? Duration.ZERO : Duration.ofNanos(own.until() - clocks.ticks());
        return own == null || left.isNegative() || left.isZero()
                ? null
                : own.failure().retryAfter(left);
    }

    // guarded by this
    private Duration closedFor(boolean hasFailed) {
        Duration left = Duration.ofNanos(closedUntil - clocks.ticks());
        if (hasFailed) {
            return left.plus(Backoff.SHORTEST); // first those that have not
        }
        Duration moment = Backoff.SHORTEST.minus(clocks.since(closedAt));
        return forTheClient && moment.compareTo(left) < 0 ? moment : left;
    }

    /** The failure to report to callers during a grant's back-off. */
    synchronized Answer.Failure lastFailure(AccountKey key, Duration left) {
        Trouble own = troubles.get(key);
        return own == null
                ? new Answer.Failure(
                        Answer.Kind.TEMPORARY, 0, null, "Earlier token requests for this grant failed", left, null)
                : own.failure().retryAfter(left);
    }

    // guarded by this
    private void reported(AccountKey key, Answer answer, boolean trial) {
        Answer.Failure failure = answer instanceof Answer.Lost lost
                ? lost.failure()
                : answer instanceof Answer.Failure some && !some.isAboutTheGrant() ? some : null;
        if (failure == null) {
            proven = true;
            provenAt = clocks.ticks();
            othersFail(rejected);
            troubles.remove(key);
            rejected.clear();
            open();
            return;
        }
        boolean itsOwn = note(key, failure);
        if (failure.kind() == Answer.Kind.MISCONFIGURED && !failure.isAboutTheClient()) {
            open(); // an answer about what was sent, from an endpoint that works
            return;
        }
        if (itsOwn && !closed) {
            return;
        }
        last = failure;
        (failure.isAboutTheClient() ? rejected : failing).add(key);
        if (failure.retryAfter() != null) {
            paused.add(key);
        }
        if (closed && !trial) {
            // Sent before the gate closed: many requests that fail at once are one failure of the endpoint.
            if (failure.retryAfter() != null && paused.size() >= TWO) {
                closedUntil = Math.max(
                        closedUntil,
                        clocks.ticks() + Backoff.wanted(failure.retryAfter()).toNanos());
            }
            return;
        }
        boolean clientIsRejected =
                rejected.size() >= TWO && !(proven && clocks.since(provenAt).compareTo(PROOF) < 0);
        if (closed || failing.size() >= SEVERAL || clientIsRejected || paused.size() >= TWO) {
            closedUntil = clocks.ticks()
                    + Backoff.after(failedTrials, failure.retryAfter(), clocks).toNanos();
            failedTrials += closed && !itsOwn ? 1 : 0;
            forTheClient = clientIsRejected && failing.size() < SEVERAL && paused.size() < TWO;
            closedAt = clocks.ticks();
            closed = true;
        }
    }

    /** Notes a failure. Returns whether it is the grant's own, and says nothing about the endpoint. */
    // guarded by this
    private boolean note(AccountKey key, Answer.Failure failure) {
        Trouble before = troubles.get(key);
        int rejections = failure.isAboutTheClient() ? (before == null ? 0 : before.rejections()) + 1 : 0;
        Duration pause = rejections > 0
                ? Backoff.after(rejections - 1, failure.retryAfter(), clocks)
                : failure.retryAfter() == null ? Duration.ZERO : Backoff.wanted(failure.retryAfter());
        long until = clocks.ticks() + pause.toNanos();
        boolean itsOwn = before != null && before.itsOwn();
        troubles.put(key, new Trouble(failure, rejections, until, itsOwn));
        return itsOwn;
    }

    /** Notes that these grants fail while the endpoint works. After an outage nobody knows. */
    // guarded by this
    private void othersFail(Set<AccountKey> some) {
        if (!closed) {
            some.forEach(key -> troubles.computeIfPresent(key, (k, trouble) -> trouble.ofItsOwn()));
        }
    }

    // guarded by this
    private void open() {
        othersFail(failing);
        othersFail(paused);
        failing.clear();
        paused.clear();
        failedTrials = 0;
        if (closed) {
            closed = false;
            last = null;
            withheld = concurrency - 1;
            if (withheld > 0 && !releasing) {
                releasing = true;
                workers.later(RECOVERY.dividedBy(concurrency), this::releaseOne);
            }
        }
    }

    private synchronized void releaseOne() {
        releasing = withheld > 0 && !closed;
        if (releasing) {
            withheld--;
            admit();
            workers.later(RECOVERY.dividedBy(concurrency), this::releaseOne);
        }
    }
}
