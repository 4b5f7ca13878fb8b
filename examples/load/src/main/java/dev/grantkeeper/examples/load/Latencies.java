/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.load;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.zip.DataFormatException;
import org.HdrHistogram.Histogram;

/** The durations of the calls of all nodes. */
final class Latencies {
    private final Histogram micros = new Histogram(TimeUnit.MINUTES.toMicros(2), 3);

    Latencies(List<Figures> figures) {
        for (Figures one : figures) {
            try {
                micros.add(Histogram.decodeFromCompressedByteBuffer(
                        ByteBuffer.wrap(Base64.getDecoder().decode(one.text("histogram"))), 0));
            } catch (DataFormatException e) {
                throw new IllegalStateException(e);
            }
        }
    }

    /** A percentile of one run; of several, the median, and the median distance from it. */
    static String percentile(double percent, List<Latencies> runs) {
        long[] each = runs.stream()
                .mapToLong(run -> run.micros.getValueAtPercentile(percent))
                .toArray();
        long median = median(each);
        long distance =
                median(Arrays.stream(each).map(one -> Math.abs(one - median)).toArray());
        return Page.millis(median)
                + (each.length == 1 ? "" : " ± " + Page.number(distance / 1000.0, Page.digits(median)));
    }

    private static long median(long[] values) {
        long[] sorted = values.clone();
        Arrays.sort(sorted);
        return (sorted[(sorted.length - 1) / 2] + sorted[sorted.length / 2]) / 2;
    }

    static String longest(List<Latencies> runs) {
        return Page.millis(
                runs.stream().mapToLong(run -> run.micros.getMaxValue()).max().orElse(0));
    }

    /** The median, the 99th percentile and the longest of one run. */
    @Override
    public String toString() {
        List<Latencies> one = List.of(this);
        return percentile(50, one) + " " + percentile(99, one) + " " + longest(one);
    }
}
