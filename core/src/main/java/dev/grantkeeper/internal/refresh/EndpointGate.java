/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import dev.grantkeeper.internal.answer.Answer;
import java.time.Duration;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the token endpoint from being stormed (law 9). A bounded number of requests is under way at a time. After
 * several failures in a row, whichever grants they were for, or when the server asks for it, or does not accept the
 * client itself, nothing is sent for a while; then one request tries. When it succeeds the others follow, a few more
 * every moment: what an outage has dammed up must not bring the server down again. Thread-safe.
 */
final class EndpointGate {
    /** So many failures in a row are the endpoint's, not a grant's. */
    private static final int SEVERAL = 3;

    /** How long it takes after an outage until as many requests run at once as before. */
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
    private boolean givingBack;

    // guarded by this
    private Answer.@Nullable Failure last;

    EndpointGate(Clocks clocks, int concurrency, Workers workers) {
        this.clocks = clocks;
        this.workers = workers;
        this.concurrency = concurrency;
        this.slots = new Slots(concurrency);
    }

    /** Slots that can also be taken away while they are in use. */
    private static final class Slots extends Semaphore {
        private static final long serialVersionUID = 1L;

        Slots(int number) {
            super(number, true);
        }

        void withhold(int number) {
            reducePermits(number);
        }
    }

    /** The way of one attempt through the gate, to be closed at its end. For one thread. */
    final class Pass implements AutoCloseable {
        private final boolean trial;

        private Pass(boolean trial) {
            this.trial = trial;
        }

        /** How a request ended. */
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
     * Why nothing can be sent now.
     *
     * @return the last failure, with the time that is left; {@code null} if the gate is open, or somebody has to try
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
     * @return leave to send requests; {@code null} if the gate was closed meanwhile
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

    /** Why a grant is left alone, for callers who come meanwhile. */
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
            // Sent before the gate was closed: many that fail at once are one failure of the endpoint.
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
        if (withheld > 0 && !givingBack) {
            givingBack = true;
            workers.later(RECOVERY.dividedBy(concurrency), this::giveBack);
        }
    }

    private synchronized void giveBack() {
        givingBack = withheld > 0 && !closed;
        if (givingBack) {
            withheld--;
            slots.release();
            workers.later(RECOVERY.dividedBy(concurrency), this::giveBack);
        }
    }
}
