/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import java.util.HashMap;
import java.util.Map;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;

/**
 * Runs one {@link Crowd} after the other, as {@link Schedules} does with small runs: a seed goes in, the law that it
 * broke comes out. For one thread.
 */
public final class Crowds implements LongFunction<@Nullable String>, AutoCloseable {
    private final Scheduler.Carriers carriers = new Scheduler.Carriers();
    private final Map<Object, Integer> happened = new HashMap<>();
    private final int size;

    /**
     * Crowds of one size.
     *
     * @param size the number of users, or a few more
     */
    public Crowds(String size) {
        this.size = Integer.parseInt(size);
    }

    @Override
    public @Nullable String apply(long seed) {
        Crowd.Result result = Crowd.run(seed, size, carriers);
        result.happened().forEach(what -> happened.merge(what, 1, Integer::sum));
        return result.broken();
    }

    /** In how many of the runs something happened. */
    Map<Object, Integer> happened() {
        return happened;
    }

    /** The events under a seed, line by line. */
    String tell(long seed) {
        return Crowd.tell(seed, size, carriers);
    }

    @Override
    public void close() {
        carriers.close();
    }
}
