/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.testkit;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A clock that a test advances, so that tokens expire without a wait. Wall clock and monotonic clock move together, and
 * real time is added to both: what the library waits for in the background still comes.
 *
 * <pre>{@code
 * FakeClock clock = new FakeClock();
 * server.time(clock);
 * registration.time(clock, clock::nanoTime);      // Grantkeeper.builder(…)
 * // … sign in …
 * clock.advance(Duration.ofHours(2));
 * }</pre>
 *
 * <p>Thread-safe.
 */
public final class FakeClock implements InstantSource {
    private final Instant start = Instant.now();
    private final long startTicks = System.nanoTime();
    private final AtomicLong advanced = new AtomicLong();

    /** Makes a clock that shows the present time. */
    public FakeClock() {}

    /**
     * The wall clock's time.
     *
     * @return the time
     */
    @Override
    public Instant instant() {
        return start.plusNanos(nanoTime() - startTicks);
    }

    /**
     * The monotonic clock's time, as of {@link System#nanoTime}: for {@code Grantkeeper.Builder.time}.
     *
     * @return nanoseconds since no particular time
     */
    public long nanoTime() {
        return System.nanoTime() + advanced.get();
    }

    /**
     * Lets time pass.
     *
     * @param time the time that passes
     * @throws IllegalArgumentException if it is negative: monotonic time does not go back
     */
    public void advance(Duration time) {
        if (time.isNegative()) {
            throw new IllegalArgumentException("Time does not go back: " + time);
        }
        advanced.addAndGet(time.toNanos());
    }

    @Override
    public String toString() {
        return "FakeClock[" + instant() + "]";
    }
}
