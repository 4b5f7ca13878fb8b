/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.load;

import java.nio.ByteBuffer;
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

    String percentile(double percent) {
        return Page.millis(micros.getValueAtPercentile(percent));
    }

    String longest() {
        return Page.millis(micros.getMaxValue());
    }
}
