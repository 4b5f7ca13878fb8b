/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.concurrent.atomic.AtomicLong;

/** A wall clock and a monotonic clock that tests move, together or apart. Neither stands still: real time is added. */
final class MovingTime {
    private final Instant start = Instant.now();
    private final long startTicks = System.nanoTime();
    private final AtomicLong wall = new AtomicLong();
    private final AtomicLong monotonic = new AtomicLong();

    InstantSource clock() {
        return () -> start.plusNanos(System.nanoTime() - startTicks + wall.get());
    }

    long ticks() {
        return System.nanoTime() + monotonic.get();
    }

    /** Lets time pass. */
    void pass(Duration time) {
        wall.addAndGet(time.toNanos());
        monotonic.addAndGet(time.toNanos());
    }

    /** Sets the wall clock forward or back; no time passes. */
    void jump(Duration time) {
        wall.addAndGet(time.toNanos());
    }
}
