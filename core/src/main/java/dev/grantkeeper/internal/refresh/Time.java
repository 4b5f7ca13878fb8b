/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.function.LongSupplier;

/**
 * Time with both hands: the wall clock says when tokens expire, the monotonic one how much time has passed.
 *
 * @param clock the wall clock; it may jump
 * @param ticker nanoseconds since some moment; it never jumps
 */
public record Time(InstantSource clock, LongSupplier ticker) {
    /** What the wall clock shows, in the milliseconds that rows keep. */
    public Instant now() {
        return Instant.ofEpochMilli(clock.millis());
    }

    /** The monotonic clock, in nanoseconds. */
    long ticks() {
        return ticker.getAsLong();
    }

    /** How much time has passed since a reading of {@link #ticks()}. */
    Duration since(long ticks) {
        return Duration.ofNanos(ticker.getAsLong() - ticks);
    }
}
