/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** How long to leave a server or a store alone after failures (law 9). */
public final class Backoff {
    static final Duration SHORTEST = Duration.ofSeconds(1);
    static final Duration LONGEST = Duration.ofMinutes(1);

    /** However long a server wants to be left alone: nobody is kept out for a day by one wrong header. */
    private static final Duration LONGEST_WANTED = Duration.ofHours(1);

    private Backoff() {}

    /** How long to leave a server alone that asks for it. */
    static Duration wanted(Duration retryAfter) {
        return retryAfter.compareTo(LONGEST_WANTED) > 0 ? LONGEST_WANTED : retryAfter;
    }

    /**
     * How long a grant is to be left alone; {@code null} if it is not. A time further ahead than any back-off was
     * written by a clock that is wrong.
     */
    static @Nullable Duration left(@Nullable Instant notBefore, Clocks clocks) {
        if (notBefore == null) {
            return null;
        }
        Duration left = Duration.between(clocks.now(), notBefore);
        boolean ahead = !left.isNegative() && !left.isZero() && left.compareTo(LONGEST_WANTED) <= 0;
        return ahead ? left : null;
    }

    /**
     * A random time between the shortest pause and one that doubles with each failure up to the longest; more if the
     * server asked for more.
     *
     * @param failures how many there were before this one
     */
    public static Duration after(int failures, @Nullable Duration retryAfter, Clocks clocks) {
        // The exponent is capped before shifting: 1 << 64 is 1.
        long ceiling = Math.min(LONGEST.toMillis(), SHORTEST.toMillis() << Math.min(failures + 1, 10));
        Duration pause = SHORTEST.plusMillis(clocks.random(ceiling - SHORTEST.toMillis() + 1));
        return retryAfter != null && retryAfter.compareTo(pause) > 0 ? wanted(retryAfter) : pause;
    }
}
