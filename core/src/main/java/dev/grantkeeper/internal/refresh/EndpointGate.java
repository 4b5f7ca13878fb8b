/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import dev.grantkeeper.internal.answer.Answer;
import java.time.Duration;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the token endpoint from being stormed (law 9). The number of requests under way is bounded. After several
 * failures in a row, whichever grants they were for, or when the server asks for a pause or rejects the client itself,
 * the gate closes and nothing is sent for a while; then one request tries. When it succeeds, the others follow, a few
 * more every moment: the requests that an outage has dammed up must not bring the server down again. Thread-safe.
 */
final class EndpointGate {
    /** The number of failures in a row from which on the endpoint is at fault, and not a grant. */
    private static final int SEVERAL = 3;

    /** The time after an outage until as many requests run at once as before. */
    private static final Duration RECOVERY = Duration.ofSeconds(10);

    private final Clocks clocks;
    private final Workers workers;
    private final int concurrency;
    private final Slots slots;

    // guarded by this
    private int failures;

    // guarded by this
    private boolean closed;

    // guarded by this
    private boolean trying;

    // guarded by this
    private long closedUntil;

    // guarded by this
    private int withheld;

    // guarded by this
    private boolean releasing;

    // guarded by this
    private Answer.@Nullable Failure last;

    EndpointGate(Clocks clocks, int concurrency, Workers workers) {
        this.clocks = clocks;
        this.workers = workers;
        this.concurrency = concurrency;
        this.slots = new Slots(concurrency);
    }

    /** Slots that can be withheld even while they are in use. */
    private static final class Slots extends Semaphore {
        private static final long serialVersionUID = 1L;

        Slots(int number) {
            super(number, true);
        }

        void withhold(int number) {
            reducePermits(number);
        }
    }

    /** The permission of one attempt to send requests, to be closed when the attempt ends. For one thread. */
    final class Pass implements AutoCloseable {
        private final boolean trial;

        private Pass(boolean trial) {
            this.trial = trial;
        }

        /** Reports the answer to a request. */
        void report(Answer answer) {
            reported(answer, trial);
        }

        @Override
        public void close() {
            slots.release();
            if (trial) {
                synchronized (EndpointGate.this) {
                    trying = false;
                }
            }
        }
    }

    /**
     * Returns the reason for which nothing can be sent now.
     *
     * @return the last failure, with the time that is left; {@code null} if the gate is open, or if one request has to
     *     try
     */
    synchronized Answer.@Nullable Failure closed() {
        if (!closed || last == null) {
            return null;
        }
        Duration left = Duration.ofNanos(closedUntil - clocks.ticks());
        if (left.isNegative() || left.isZero()) {
            if (!trying) {
                return null;
            }
            left = Backoff.SHORTEST;
        }
        return last.retryAfter(left);
    }

    /**
     * Waits for a free slot.
     *
     * @return the permission to send requests; {@code null} if the gate has closed meanwhile
     */
    @Nullable
    Pass enter() throws InterruptedException {
        workers.acquire(slots);
        synchronized (this) {
            if (closed() == null) {
                trying |= closed;
                return new Pass(closed);
            }
        }
        slots.release();
        return null;
    }

    /** The failure to report to callers during a grant's back-off. */
    synchronized Answer.Failure lastFailure(Duration left) {
        return last == null
                ? new Answer.Failure(
                        Answer.Kind.TEMPORARY, 0, null, "Earlier token requests for this grant failed", left, null)
                : last.retryAfter(left);
    }

    private synchronized void reported(Answer answer, boolean trial) {
        Answer.Failure failure = answer instanceof Answer.Lost lost
                ? lost.failure()
                : answer instanceof Answer.Failure some && !some.isAboutTheGrant() ? some : null;
        if (failure == null) {
            failures = 0;
            last = null;
            if (closed) {
                closed = false;
                beginSlowly();
            }
            return;
        }
        last = failure;
        if (closed && !trial) {
            // Sent before the gate closed: many requests that fail at once are one failure of the endpoint.
            if (failure.retryAfter() != null) {
                closedUntil = Math.max(
                        closedUntil,
                        clocks.ticks() + Backoff.wanted(failure.retryAfter()).toNanos());
            }
            return;
        }
        failures++;
        if (closed || failures >= SEVERAL || failure.retryAfter() != null || failure.isAboutTheClient()) {
            closed = true;
            closedUntil = clocks.ticks()
                    + Backoff.after(Math.max(0, failures - SEVERAL), failure.retryAfter(), clocks)
                            .toNanos();
        }
    }

    // guarded by this
    private void beginSlowly() {
        slots.withhold(concurrency - 1 - withheld);
        withheld = concurrency - 1;
        if (withheld > 0 && !releasing) {
            releasing = true;
            workers.later(RECOVERY.dividedBy(concurrency), this::releaseOne);
        }
    }

    private synchronized void releaseOne() {
        releasing = withheld > 0 && !closed;
        if (releasing) {
            withheld--;
            slots.release();
            workers.later(RECOVERY.dividedBy(concurrency), this::releaseOne);
        }
    }
}
