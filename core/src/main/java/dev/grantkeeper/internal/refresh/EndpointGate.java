/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import dev.grantkeeper.internal.wire.Answer;
import java.time.Duration;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the token endpoint from being stormed (law 9). A bounded number of requests is under way at a time. After several
 * failures in a row, whichever grants they were for, or when the server asks for it, or does not accept the client itself,
 * nothing is sent for a while; then one request tries, and the others follow when it succeeds. Thread-safe.
 */
final class EndpointGate {
    /** So many failures in a row are the endpoint's, not a grant's. */
    private static final int SEVERAL = 3;

    private final Time time;
    private final Workers workers;
    private final Semaphore slots;

    // guarded by this
    private int failures;

    // guarded by this
    private boolean closed;

    // guarded by this
    private boolean trying;

    // guarded by this
    private long closedUntil;

    // guarded by this
    private Answer.@Nullable Failure last;

    EndpointGate(Time time, int concurrency, Workers workers) {
        this.time = time;
        this.workers = workers;
        this.slots = new Semaphore(concurrency);
    }

    /** Waits for a free slot. */
    void enter() throws InterruptedException {
        workers.acquire(slots);
    }

    void leave() {
        slots.release();
    }

    /**
     * Whether a request may be sent now. Who was let through reports how it went.
     *
     * @return {@code null} if it may; otherwise the last failure, with the time that is left
     */
    synchronized Answer.@Nullable Failure closed() {
        if (!closed || last == null) {
            return null;
        }
        Duration left = Duration.ofNanos(closedUntil - time.ticks());
        if (left.isNegative() || left.isZero()) {
            if (!trying) {
                trying = true;
                return null;
            }
            left = Backoff.SHORTEST;
        }
        return new Answer.Failure(last.kind(), last.status(), last.error(), last.description(), left, last.cause());
    }

    /** Why a grant is left alone, for callers who come meanwhile. */
    synchronized Answer.Failure lastFailure(Duration left) {
        return last == null
                ? new Answer.Failure(
                        Answer.Kind.TEMPORARY, 0, null, "Earlier token requests for this grant failed", left, null)
                : new Answer.Failure(last.kind(), last.status(), last.error(), last.description(), left, last.cause());
    }

    /** A request that was let through did not go out after all. */
    synchronized void unused() {
        trying = false;
    }

    synchronized void report(Answer answer) {
        trying = false;
        Answer.Failure failure = answer instanceof Answer.Lost lost
                ? lost.failure()
                : answer instanceof Answer.Failure some && some.kind() != Answer.Kind.REFUSED ? some : null;
        if (failure == null) {
            failures = 0;
            closed = false;
            last = null;
            return;
        }
        failures++;
        last = failure;
        if (failures >= SEVERAL || failure.retryAfter() != null || failure.isAboutTheClient()) {
            closed = true;
            closedUntil = time.ticks()
                    + Backoff.after(Math.max(0, failures - SEVERAL), failure.retryAfter(), time)
                            .toNanos();
        }
    }
}
