/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** The state of a flight that leaves its thread. */
sealed interface Step {
    /** It has its outcome. */
    record Landed(Outcome outcome) implements Step {}

    /**
     * It goes on after a pause.
     *
     * @param pause how long
     * @param next what it does then
     */
    record Parked(Duration pause, Continuation next) implements Step {}

    /** It begins again when something that a request needs is there. */
    record Awaiting(CompletableFuture<?> future) implements Step {}

    /** It goes on when the gate has a place for it. */
    record Queued() implements Step {}

    /** The rest of a flight. */
    interface Continuation {
        /** The next step; {@code null} to begin again with what the row says now. */
        @Nullable
        Step proceed();
    }
}
