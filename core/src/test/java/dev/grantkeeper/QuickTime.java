/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.concurrent.atomic.AtomicLong;

/** Time that goes on by half a second whenever somebody looks at the ticker: whoever polls waits for a few looks. */
final class QuickTime {
    private static final Duration STEP = Duration.ofMillis(500);

    private final Instant start = Instant.now();
    private final AtomicLong passed = new AtomicLong();

    InstantSource clock() {
        return () -> start.plusNanos(passed.get());
    }

    long ticks() {
        return passed.addAndGet(STEP.toNanos());
    }
}
