/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import java.util.HashMap;
import java.util.Map;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;

/**
 * Runs one schedule after the other: a seed goes in, the law that it broke comes out, {@code null} if all held. Public
 * and of JDK types, so that a {@link Mutant} in a class loader of its own can be run like the real thing. For one
 * thread.
 */
public final class Schedules implements LongFunction<@Nullable String>, AutoCloseable {
    private final Scheduler.Carriers carriers = new Scheduler.Carriers();
    private final Map<Object, Integer> happened = new HashMap<>();
    private final Plan.@Nullable Kind only;

    /** Whatever a seed brings. Begins without threads; they come as they are needed. */
    public Schedules() {
        this(null);
    }

    /**
     * Faults of one kind.
     *
     * @param only the name of a {@link Plan.Kind}; {@code null} for all
     */
    public Schedules(@Nullable String only) {
        this.only = only == null ? null : Plan.Kind.valueOf(only);
    }

    private Plan plan(long seed) {
        Plan plan = Plan.of(seed);
        return only == null ? plan : plan.only(only);
    }

    @Override
    public @Nullable String apply(long seed) {
        Simulation.Result result = Simulation.run(seed, plan(seed), carriers);
        result.happened().forEach(what -> happened.merge(what, 1, Integer::sum));
        return result.broken();
    }

    /** In how many of the runs something happened. */
    Map<Object, Integer> happened() {
        return happened;
    }

    /** What happens under a seed, line by line. */
    String tell(long seed) {
        return Simulation.tell(seed, plan(seed), carriers);
    }

    @Override
    public void close() {
        carriers.close();
    }
}
