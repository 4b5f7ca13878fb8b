/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.office;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.concurrent.atomic.AtomicLong;

/** Time that stands still until a test lets some pass. Thread-safe. */
public final class MovingTime implements InstantSource {
    private final Instant began = Instant.now();
    private final AtomicLong passed = new AtomicLong();

    @Override
    public Instant instant() {
        return began.plusNanos(passed.get());
    }

    long ticks() {
        return passed.get();
    }

    public void pass(Duration time) {
        passed.addAndGet(time.toNanos());
    }
}
