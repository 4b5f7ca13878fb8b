/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import java.util.HashMap;
import java.util.Map;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;

/**
 * Runs one {@link RegistrationRun} after the other, as {@link Schedules} does with refreshes: a seed goes in, the law
 * that it broke comes out. For one thread.
 */
public final class RegistrationRuns implements LongFunction<@Nullable String>, AutoCloseable {
    private final Scheduler.Carriers carriers = new Scheduler.Carriers();
    private final Map<Object, Integer> happened = new HashMap<>();

    /**
     * Begins without threads; they come as they are needed.
     *
     * @param unused nothing, as {@link Mutant} wants a text
     */
    public RegistrationRuns(@Nullable String unused) {}

    @Override
    public @Nullable String apply(long seed) {
        RegistrationRun.Result result = RegistrationRun.run(seed, carriers);
        result.happened().forEach(what -> happened.merge(what, 1, Integer::sum));
        return result.broken();
    }

    /** In how many of the runs something happened. */
    Map<Object, Integer> happened() {
        return happened;
    }

    /** The events under a seed, line by line. */
    String tell(long seed) {
        return RegistrationRun.tell(seed, carriers);
    }

    @Override
    public void close() {
        carriers.close();
    }
}
