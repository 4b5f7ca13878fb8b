/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongFunction;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Random schedules of registrations, and that they find what is missing. {@code -Dgrantkeeper.schedules=1000000} runs
 * that many, {@code -Dgrantkeeper.seed=4711} begins with that seed.
 */
class RegistrationSimulationTest {
    private static final long NORMAL = 2_000;
    private static final long SCHEDULES = Long.getLong("grantkeeper.schedules", NORMAL);
    private static final long FIRST = Long.getLong("grantkeeper.seed", 1);
    private static final long ENOUGH = 4_000;

    @TempDir
    Path directory;

    @Test
    void the_laws_hold_under_every_schedule() {
        try (RegistrationRuns runs = new RegistrationRuns(null)) {
            List<Long> broken = new ArrayList<>();
            for (long seed = FIRST; seed < FIRST + SCHEDULES && broken.size() < 5; seed++) {
                if (runs.apply(seed) != null) {
                    broken.add(seed);
                }
            }
            assertThat(broken)
                    .as(() -> "seeds that break a law, and what happens under the first:\n" + runs.tell(broken.get(0)))
                    .isEmpty();
            if (SCHEDULES >= NORMAL) {
                Stream<Object> possible = Stream.<Object[]>of(
                                RegistrationRun.Kind.values(), RegistrationRun.Moment.values(), new Object[] {
                                    "a client is given back",
                                    "a client is rejected",
                                    "a lost client is told of",
                                    "the store forgets",
                                    "an orphan",
                                    Outcome.Usable.class,
                                    Outcome.RequestFailed.class,
                                    Outcome.StoreFailed.class
                                })
                        .flatMap(Stream::of);
                assertThat(possible)
                        .allSatisfy(what -> assertThat(runs.happened().getOrDefault(what, 0))
                                .as(what.toString())
                                .isGreaterThanOrEqualTo(10));
            }
        }
    }

    static Stream<Mutant> mutants() {
        return Stream.of(
                Mutant.of(
                        "a client is not used before it is stored",
                        "UnsavedTokens.java",
                        "return renewal.isUsableUnsaved() ? get(key) : null;",
                        "return get(key);"),
                Mutant.of(
                        "nor while the store is down",
                        "Fallback.java",
                        "Unsaved pending = unsaved.toServe(key);",
                        "Unsaved pending = unsaved.get(key);"),
                Mutant.of(
                        "a client that lost is given back",
                        "UnsavedTokens.java",
                        "renewal.withdraw(pending.row(), now.row());",
                        ""),
                Mutant.of(
                                "so is one that another outlived while the store was down",
                                "UnsavedTokens.java",
                                "renewal.withdraw(pending.row(), now.grant().row());",
                                "")
                        .from(101_000),
                Mutant.of(
                        "an attempt that stood for T may have registered",
                        "Flight.java",
                        ": read.row().withAnswerLost();",
                        ": read.row();"));
    }

    @ParameterizedTest
    @MethodSource("mutants")
    void without_it_a_seed_fails(Mutant mutant) throws Exception {
        LongFunction<@Nullable String> runs = mutant.load(directory, RegistrationRuns.class, null);
        try (AutoCloseable closing = (AutoCloseable) runs) {
            long last = mutant.first() + ENOUGH;
            long seed = mutant.first();
            while (seed <= last && runs.apply(seed) == null) {
                seed++;
            }
            assertThat(seed).as("the seed that finds it").isLessThanOrEqualTo(last);
            try (RegistrationRuns whole = new RegistrationRuns(null)) {
                assertThat(whole.apply(seed)).as("seed " + seed).isNull();
            }
        }
    }

    @Test
    void a_seed_replays_a_run_exactly() {
        try (RegistrationRuns runs = new RegistrationRuns(null);
                RegistrationRuns others = new RegistrationRuns(null)) {
            for (long seed = 1; seed <= 50; seed++) {
                assertThat(others.tell(seed)).isEqualTo(runs.tell(seed));
            }
        }
    }
}
