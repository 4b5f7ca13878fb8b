/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;

/**
 * Runs one schedule after the other: a seed goes in, the law that it broke comes out, {@code null} if all held. Public and of
 * JDK types, so that a {@link Mutant} in a class loader of its own can be run like the real thing. For one thread.
 */
public final class Schedules implements LongFunction<@Nullable String>, AutoCloseable {
    private final Scheduler.Carriers carriers = new Scheduler.Carriers();

    /** Begins without threads; they come as they are needed. */
    public Schedules() {}

    @Override
    public @Nullable String apply(long seed) {
        return Simulation.run(seed, carriers).broken();
    }

    /** What happens under a seed, line by line. */
    String tell(long seed) {
        return Simulation.tell(seed, carriers);
    }

    @Override
    public void close() {
        carriers.close();
    }
}
