/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/**
 * Random schedules of the refresher. {@code -Dgrantkeeper.schedules=1000000} runs that many, {@code -Dgrantkeeper.seed=4711}
 * begins with that seed; one seed alone is told with {@code -Dgrantkeeper.seed=4711 -Dgrantkeeper.schedules=1}.
 */
class SimulationTest {
    private static final long SCHEDULES = Long.getLong("grantkeeper.schedules", 10_000);
    private static final long FIRST = Long.getLong("grantkeeper.seed", 1);

    @Test
    void the_laws_hold_under_every_schedule() throws Exception {
        AtomicLong next = new AtomicLong(FIRST);
        Queue<Long> broken = new ConcurrentLinkedQueue<>();
        Queue<Throwable> thrown = new ConcurrentLinkedQueue<>();
        List<Thread> runners = new ArrayList<>();
        for (int i = Math.min(4, Runtime.getRuntime().availableProcessors()); i > 0; i--) {
            Thread runner = new Thread(() -> {
                try (Schedules schedules = new Schedules()) {
                    long seed;
                    while ((seed = next.getAndIncrement()) < FIRST + SCHEDULES && broken.size() + thrown.size() < 5) {
                        if (schedules.apply(seed) != null) {
                            broken.add(seed);
                        }
                    }
                } catch (RuntimeException | Error e) {
                    thrown.add(e);
                }
            });
            runners.add(runner);
            runner.start();
        }
        for (Thread runner : runners) {
            runner.join();
        }
        assertThat(thrown).isEmpty();
        try (Schedules schedules = new Schedules()) {
            assertThat(broken)
                    .as(() -> "seeds that break a law, and what happens under the first:\n"
                            + schedules.tell(broken.element()))
                    .isEmpty();
        }
    }

    @Test
    void a_seed_replays_a_run_exactly() {
        try (Schedules schedules = new Schedules();
                Schedules others = new Schedules()) {
            for (long seed = 1; seed <= 100; seed++) {
                assertThat(others.tell(seed)).isEqualTo(schedules.tell(seed));
            }
        }
    }
}
