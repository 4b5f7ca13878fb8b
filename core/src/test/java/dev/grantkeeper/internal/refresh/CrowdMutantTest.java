/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.function.LongFunction;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A crowd finds planted faults, as {@link MutantTest} shows of the small simulation: somebody is hurt by others. */
class CrowdMutantTest {
    private static final int ENOUGH = 300;
    private static final String SIZE = "100";

    private static final String ENGINE = "Engine.java";
    private static final String FLIGHT = "Flight.java";
    private static final String GATE = "EndpointGate.java";
    private static final String MEMORY = "Memory.java";
    private static final String POOL = "WorkerPool.java";
    private static final String REFRESHER = "Refresher.java";
    private static final String ROWS = "Rows.java";
    private static final String TIMING = "Timing.java";

    @TempDir
    Path directory;

    static Stream<Mutant> mutants() {
        return Stream.of(
                Mutant.of(
                        "the endpoint is down when several grants say so, not several answers",
                        GATE,
                        "(failure.isAboutTheClient() ? rejected : failing).add(key);",
                        "failing.add(new AccountKey(\"an answer\", String.valueOf(clocks.ticks())));",
                        GATE,
                        "if (itsOwn && !closed) {",
                        "if (false) {"),
                Mutant.of(
                        "a grant that fails while others succeed is no evidence against the endpoint",
                        GATE,
                        "if (itsOwn && !closed) {",
                        "if (false) {"),
                Mutant.of(
                                "a pause that one grant is told to make holds that one",
                                GATE,
                                "private static final int TWO = 2;",
                                "private static final int TWO = 1;")
                        .from(14),
                Mutant.of(
                        "a client that others are served for is accepted",
                        GATE,
                        "rejected.size() >= TWO && !(proven && clocks.since(provenAt).compareTo(PROOF) < 0);",
                        "rejected.size() >= TWO;"),
                Mutant.of(
                        "exchanges have a gate of their own",
                        ENGINE,
                        "this.exchanges = gates(workers);",
                        "this.exchanges = gates;"),
                Mutant.of(
                        "an error out of a store is a failure",
                        ROWS,
                        "workers.letThrough(e);",
                        "workers.letThrough(e); if (e instanceof Error error) { throw error; }"),
                Mutant.of(
                        "new tokens are kept before they are written for the first time",
                        ROWS,
                        "workers.letThrough(e);",
                        "workers.letThrough(e); if (e instanceof Error error) { throw error; }",
                        "UnsavedTokens.java",
                        "unsaved.put(key, fresh); try {",
                        "try {"),
                Mutant.of(
                        "a flight that waits for another node holds no thread",
                        FLIGHT,
                        "workers.later(parked.pause(), this::schedule);",
                        "if (workers.pause(parked.pause())) { proceed(); } else { schedule(); }"),
                Mutant.of(
                        "a flight that waits for another node holds no place at the gate",
                        FLIGHT,
                        "visit.leave(); waited = true;",
                        "waited = true; if (!visit.enter()) { return new Step.Queued(); }"),
                Mutant.of(
                        "callers go before background refreshes at the gate",
                        GATE,
                        "return urgent ? callers : background;",
                        "return callers;"),
                Mutant.of(
                                "requests that hang lend their places to callers",
                                GATE,
                                "if (trying || lent >= 3 * concurrency || !some.hasNext()) {",
                                "if (lent >= 0) {")
                        .from(15),
                Mutant.of(
                        "where all threads hang, there are more",
                        POOL,
                        "allowed = Math.min(most, allowed + MORE);",
                        ""),
                Mutant.of("callers hear after the threads have ended", ENGINE, "stored.forEach(Refresher::close);", ""),
                Mutant.of(
                                "those of exchanges do, too",
                                ENGINE,
                                "inProcess.values().forEach(keeper -> keeper.refresher().close());",
                                "")
                        .from(18),
                Mutant.of(
                        "those who wait for a read do, too",
                        REFRESHER,
                        "readings.values().forEach(reading -> reading.outcome().complete(new Closed()));",
                        ""),
                Mutant.of(
                                "closing waits no longer than it may",
                                ENGINE,
                                "&& workers.ticks() - start < limit.toNanos()",
                                "")
                        .from(9),
                Mutant.of(
                        "looks at an attempt of another become rarer",
                        TIMING,
                        "look().toNanos() << Math.min(looks, 20)",
                        "look().toNanos()"),
                Mutant.of(
                                "what has outlasted an outage is not looked at again",
                                MEMORY,
                                "if (known != null && known.keptSince - ticks <= 0) {",
                                "if (false) {")
                        .from(73));
    }

    @ParameterizedTest
    @MethodSource("mutants")
    void without_it_somebody_is_hurt(Mutant mutant) throws Exception {
        LongFunction<@Nullable String> crowds = mutant.load(directory, Crowds.class, SIZE);
        try (AutoCloseable closing = (AutoCloseable) crowds) {
            for (long seed = mutant.first(); seed < mutant.first() + ENOUGH; seed++) {
                if (crowds.apply(seed) != null) {
                    assertHoldsWithoutMutation(seed);
                    return;
                }
            }
        }
        assertThat(mutant).as("found by one of " + ENOUGH + " seeds").isNull();
    }

    /** Or it is not the missing rule that the seed has found. */
    private static void assertHoldsWithoutMutation(long seed) {
        try (Crowds whole = new Crowds(SIZE)) {
            assertThat(whole.apply(seed)).as("seed " + seed).isNull();
        }
    }
}
