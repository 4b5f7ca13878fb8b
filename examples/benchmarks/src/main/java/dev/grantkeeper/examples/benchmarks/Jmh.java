/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.benchmarks;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.BenchmarkResult;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

/**
 * Runs benchmarks in turns, each time in a process of its own. Of several processes the fastest counts: a shared
 * machine may be slower by half for a minute, which is then the minute of one of them.
 */
final class Jmh {
    private static final String BYTES = "gc.alloc.rate.norm";

    /** Time and bytes of one operation. */
    record Costs(Figures nanos, Figures bytes) {}

    /** What is measured, and the times of each process. */
    private record Case(
            String id, String method, Map<String, String> parameters, int threads, List<Figures> nanos, Figures bytes) {
        Costs costs() {
            return new Costs(Collections.min(nanos, Comparator.comparingDouble(Figures::median)), bytes);
        }
    }

    private final Class<?> benchmark;
    private final Mode mode;
    private final List<Case> cases = new ArrayList<>();

    Jmh(Class<?> benchmark, Mode mode) {
        this.benchmark = benchmark;
        this.mode = mode;
    }

    /** Adds what will be measured. */
    void add(String id, String method, Map<String, String> parameters, int threads) {
        cases.add(new Case(id, method, parameters, threads, new ArrayList<>(), new Figures()));
    }

    /** Measures everything that was added, and returns it by its id. */
    Map<String, Costs> run() throws RunnerException {
        for (int round = 0; round < mode.rounds; round++) {
            List<Case> turn = new ArrayList<>(cases);
            Collections.shuffle(turn, new Random(round));
            for (Case each : turn) {
                run(each);
            }
        }
        Map<String, Costs> costs = new LinkedHashMap<>();
        cases.forEach(each -> costs.put(each.id(), each.costs()));
        return costs;
    }

    private void run(Case each) throws RunnerException {
        ChainedOptionsBuilder options = new OptionsBuilder()
                .include(benchmark.getName().replace(".", "\\.") + "\\." + each.method() + "$")
                .threads(each.threads())
                .forks(1)
                .warmupIterations(mode.warmups)
                .warmupTime(TimeValue.milliseconds(mode.millis))
                .measurementIterations(mode.measurements)
                .measurementTime(TimeValue.milliseconds(mode.millis))
                .addProfiler(GCProfiler.class)
                .jvmArgs(Processes.JVM)
                .verbosity(VerboseMode.SILENT)
                .shouldFailOnError(true);
        each.parameters().forEach(options::param);
        Figures nanos = new Figures();
        for (RunResult result : new Runner(options.build()).run()) {
            for (BenchmarkResult fork : result.getBenchmarkResults()) {
                for (IterationResult iteration : fork.getIterationResults()) {
                    nanos.add(iteration.getPrimaryResult().getScore());
                    for (Result<?> secondary : iteration.getSecondaryResults().values()) {
                        if (secondary.getLabel().endsWith(BYTES)) {
                            each.bytes().add(secondary.getScore());
                        }
                    }
                }
            }
        }
        each.nanos().add(nanos);
        System.out.println(each.id() + ": " + nanos.text(0) + " ns, "
                + Figures.number(each.bytes().least(), 0) + " B");
    }
}
