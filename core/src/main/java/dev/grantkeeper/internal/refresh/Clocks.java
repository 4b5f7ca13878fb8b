/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.LongSupplier;
import java.util.function.LongUnaryOperator;

/**
 * Time, by two clocks: the wall clock says when tokens expire, the monotonic one how much time has passed.
 *
 * @param clock the wall clock; it may jump
 * @param ticker nanoseconds since some moment; it never jumps
 * @param dice a random number between zero and the given one, exclusive: how much later than others to do something
 */
public record Clocks(InstantSource clock, LongSupplier ticker, LongUnaryOperator dice) {
    /** Clocks with honest dice. */
    public Clocks(InstantSource clock, LongSupplier ticker) {
        this(clock, ticker, bound -> ThreadLocalRandom.current().nextLong(bound));
    }

    /** What the wall clock shows, in the milliseconds that rows keep. */
    public Instant now() {
        return Instant.ofEpochMilli(clock.millis());
    }

    /** The monotonic clock, in nanoseconds. */
    public long ticks() {
        return ticker.getAsLong();
    }

    /** How much time has passed since a reading of {@link #ticks()}. */
    public Duration since(long ticks) {
        return Duration.ofNanos(ticker.getAsLong() - ticks);
    }

    /** A random number between zero and the given one, exclusive. */
    long random(long bound) {
        return dice.applyAsLong(bound);
    }
}
