/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** How long to leave a server or a store alone after failures (law 9). */
final class Backoff {
    static final Duration SHORTEST = Duration.ofSeconds(1);
    static final Duration LONGEST = Duration.ofMinutes(1);

    private Backoff() {}

    /**
     * A random time between the shortest pause and one that doubles with each failure up to the longest; more if the server
     * asked for more.
     *
     * @param failures how many there were before this one
     */
    static Duration after(int failures, @Nullable Duration retryAfter, Time time) {
        // The exponent is capped before shifting: 1 << 64 is 1.
        long ceiling = Math.min(LONGEST.toMillis(), SHORTEST.toMillis() << Math.min(failures + 1, 10));
        Duration pause = SHORTEST.plusMillis(time.random(ceiling - SHORTEST.toMillis() + 1));
        return retryAfter != null && retryAfter.compareTo(pause) > 0 ? retryAfter : pause;
    }
}
