/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.interop;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.concurrent.atomic.AtomicLong;

/** Both clocks of a Grantkeeper: they run, and a test can let more time pass. Thread-safe. */
final class MovableTime {
    private final AtomicLong ahead = new AtomicLong();

    InstantSource clock() {
        return () -> Instant.now().plusNanos(ahead.get());
    }

    long ticks() {
        return System.nanoTime() + ahead.get();
    }

    void pass(Duration time) {
        ahead.addAndGet(time.toNanos());
    }
}
