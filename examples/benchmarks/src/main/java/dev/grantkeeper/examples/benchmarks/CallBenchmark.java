/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.benchmarks;

import java.io.IOException;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** A call with a valid token. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class CallBenchmark {
    /** The way to send it. */
    @Param
    public Way way = Way.BARE;

    /** The API. */
    @Param
    public Transport transport = Transport.INTERCEPTOR;

    private AuthorizedCall call = () -> 0;

    /** Signs the user in. */
    @Setup
    public void setUp() throws IOException {
        call = way.start(transport);
        if (call.send() != 200) {
            throw new IllegalStateException("The API rejects the call");
        }
    }

    /** Sends one call. */
    @Benchmark
    public int send() throws IOException {
        return call.send();
    }
}
