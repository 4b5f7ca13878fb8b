/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.benchmarks;

import java.util.Collection;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;

/** Runs all parts, and writes the report. */
final class Benchmarks {
    private Benchmarks() {}

    public static void main(String[] args) throws Exception {
        for (String transport : new String[] {"INTERCEPTOR", "CONNECTION"}) {
            Collection<RunResult> results = new Runner(new OptionsBuilder()
                            .include(CallBenchmark.class.getName())
                            .param("way", Ways.ALL.toArray(String[]::new))
                            .param("transport", transport)
                            .addProfiler(GCProfiler.class)
                            .forks(1)
                            .warmupIterations(3)
                            .warmupTime(TimeValue.milliseconds(500))
                            .measurementIterations(3)
                            .measurementTime(TimeValue.milliseconds(500))
                            .build())
                    .run();
            results.forEach(r -> System.out.println(r.getParams().getParam("way") + " "
                    + r.getPrimaryResult().getScore() + " "
                    + r.getSecondaryResults().get("gc.alloc.rate.norm").getScore()));
        }
    }
}
