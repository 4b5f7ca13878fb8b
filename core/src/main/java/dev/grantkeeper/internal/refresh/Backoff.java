/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** Back-off: the pause after failures of a server or a store (law 9). */
public final class Backoff {
    static final Duration SHORTEST = Duration.ofSeconds(1);
    static final Duration LONGEST = Duration.ofMinutes(1);

    /** The longest pause that a server can ask for: one wrong header must not lock anyone out for a day. */
    private static final Duration LONGEST_WANTED = Duration.ofHours(1);

    private Backoff() {}

    /** The pause that a server asked for, up to a limit. */
    static Duration wanted(Duration retryAfter) {
        return retryAfter.compareTo(LONGEST_WANTED) > 0 ? LONGEST_WANTED : retryAfter;
    }

    /**
     * The rest of a grant's back-off; {@code null} if there is none. A time further ahead than any back-off was written
     * by a wrong clock, and does not count.
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
     * @param failures the number of failures before this one
     */
    public static Duration after(int failures, @Nullable Duration retryAfter, Clocks clocks) {
        // The exponent is capped before shifting: 1 << 64 is 1.
        long ceiling = Math.min(LONGEST.toMillis(), SHORTEST.toMillis() << Math.min(failures + 1, 10));
        Duration pause = SHORTEST.plusMillis(clocks.random(ceiling - SHORTEST.toMillis() + 1));
        return retryAfter != null && retryAfter.compareTo(pause) > 0 ? wanted(retryAfter) : pause;
    }
}
