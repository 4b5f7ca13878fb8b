/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.LongSupplier;
import java.util.function.LongUnaryOperator;

/**
 * Two clocks: the wall clock says when tokens expire, the monotonic clock how much time has passed.
 *
 * @param clock the wall clock; it may jump
 * @param ticker nanoseconds since some moment; it never jumps
 * @param dice random numbers between zero and the given one, exclusive, so that not all nodes act at once
 */
public record Clocks(InstantSource clock, LongSupplier ticker, LongUnaryOperator dice) {
    /** Clocks with honest dice. */
    public Clocks(InstantSource clock, LongSupplier ticker) {
        this(clock, ticker, bound -> ThreadLocalRandom.current().nextLong(bound));
    }

    /** The time of the wall clock, in milliseconds, as rows keep it. */
    public Instant now() {
        return Instant.ofEpochMilli(clock.millis());
    }

    /** The wall clock, in milliseconds since 1970. */
    long millis() {
        return clock.millis();
    }

    /** The monotonic clock, in nanoseconds. */
    public long ticks() {
        return ticker.getAsLong();
    }

    /** The time that has passed since a reading of {@link #ticks()}. */
    public Duration since(long ticks) {
        return Duration.ofNanos(ticker.getAsLong() - ticks);
    }

    /** A random number between zero and the given one, exclusive. */
    long random(long bound) {
        return dice.applyAsLong(bound);
    }
}
