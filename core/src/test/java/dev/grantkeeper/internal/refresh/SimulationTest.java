/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.grantkeeper.internal.refresh.Plan.Kind;
import dev.grantkeeper.internal.refresh.Plan.Moment;
import dev.grantkeeper.internal.refresh.Plan.Rotation;
import dev.grantkeeper.provider.Provider.Replay;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * Random schedules of the refresher. {@code -Dgrantkeeper.schedules=1000000} runs that many,
 * {@code -Dgrantkeeper.seed=4711} begins with that seed; one seed alone is told with {@code -Dgrantkeeper.seed=4711
 * -Dgrantkeeper.schedules=1}.
 */
class SimulationTest {
    private static final long NORMAL = 10_000;
    private static final long SCHEDULES = Long.getLong("grantkeeper.schedules", NORMAL);
    private static final long FIRST = Long.getLong("grantkeeper.seed", 1);

    private static final Queue<Long> BROKEN = new ConcurrentLinkedQueue<>();
    private static final Queue<Throwable> THROWN = new ConcurrentLinkedQueue<>();
    private static final Map<Object, Integer> HAPPENED = new ConcurrentHashMap<>();

    @BeforeAll
    static void run_them_all() throws InterruptedException {
        AtomicLong next = new AtomicLong(FIRST);
        List<Thread> runners = new ArrayList<>();
        for (int i = Math.min(4, Runtime.getRuntime().availableProcessors()); i > 0; i--) {
            Thread runner = new Thread(() -> {
                try (Schedules schedules = new Schedules()) {
                    long seed;
                    while ((seed = next.getAndIncrement()) < FIRST + SCHEDULES && BROKEN.size() + THROWN.size() < 5) {
                        if (schedules.apply(seed) != null) {
                            BROKEN.add(seed);
                        }
                    }
                    schedules.happened().forEach((what, runs) -> HAPPENED.merge(what, runs, Integer::sum));
                } catch (RuntimeException | Error e) {
                    THROWN.add(e);
                }
            });
            runners.add(runner);
            runner.start();
        }
        for (Thread runner : runners) {
            runner.join();
        }
    }

    @Test
    void the_laws_hold_under_every_schedule() {
        assertThat(THROWN).isEmpty();
        try (Schedules schedules = new Schedules()) {
            assertThat(BROKEN)
                    .as(() -> "seeds that break a law, and what happens under the first:\n"
                            + schedules.tell(BROKEN.element()))
                    .isEmpty();
        }
    }

    @Test
    void everything_that_can_go_wrong_does_and_at_every_moment() {
        assumeTrue(SCHEDULES >= NORMAL && BROKEN.isEmpty());
        Stream<Enum<?>> possible = Stream.of(
                        Kind.values(),
                        Moment.values(),
                        Rotation.values(),
                        Replay.values(),
                        SimulatedServer.Fate.values(),
                        SimulatedStore.Fate.values())
                .flatMap(Stream::of);
        assertThat(possible)
                .allSatisfy(one -> assertThat(runsWith(one))
                        .as(one.getDeclaringClass().getSimpleName() + " " + one)
                        .isGreaterThan(100));
        assertThat(Stream.of(
                        Outcome.Usable.class,
                        Outcome.LoginRequired.class,
                        Outcome.RequestFailed.class,
                        Outcome.StoreFailed.class))
                .allSatisfy(
                        one -> assertThat(runsWith(one)).as(one.getSimpleName()).isGreaterThan(100));
    }

    @Test
    void every_way_out_is_needed() {
        assumeTrue(SCHEDULES >= NORMAL && BROKEN.isEmpty());
        assertThat(Stream.of(
                        "a replay",
                        "a reuse",
                        "a reuse ends a grant",
                        "a refusal",
                        "an attempt is taken over",
                        "an attempt outlives its T, and its holder runs",
                        "tokens are written over the attempt of another",
                        "tokens are kept in memory",
                        "tokens that were kept are stored",
                        "tokens are revoked",
                        "tokens are reported as lost by close",
                        "an endpoint is left alone",
                        "the store is down",
                        "the store forgets",
                        "a caller gives up",
                        "invalidate",
                        "several users",
                        "clocks are wrong"))
                .allSatisfy(what -> assertThat(runsWith(what)).as(what).isGreaterThanOrEqualTo(5));
    }

    private static int runsWith(Object what) {
        return HAPPENED.getOrDefault(what, 0);
    }

    @Test
    void a_seed_replays_a_run_exactly() {
        try (Schedules schedules = new Schedules();
                Schedules others = new Schedules()) {
            for (long seed = 1; seed <= 200; seed++) {
                assertThat(others.tell(seed)).isEqualTo(schedules.tell(seed));
            }
        }
    }
}
