/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** What was measured of one thing, several times. The median counts: a shared machine has bad moments. */
final class Figures {
    private final List<Double> values = new ArrayList<>();

    void add(double value) {
        values.add(value);
    }

    double median() {
        return median(values);
    }

    /** The least: bytes allocated become fewer as more is compiled, and that is where a server stays. */
    double least() {
        return values.stream().min(Double::compare).orElse(Double.NaN);
    }

    /** The median distance from the median. */
    double deviation() {
        double median = median();
        return median(values.stream().map(value -> Math.abs(value - median)).toList());
    }

    /** The same in a unit that is a thousand times as large. */
    Figures inThousands() {
        Figures larger = new Figures();
        values.forEach(value -> larger.add(value / 1_000));
        return larger;
    }

    private static double median(List<Double> values) {
        List<Double> sorted = values.stream().sorted().toList();
        int middle = sorted.size() / 2;
        return sorted.isEmpty()
                ? Double.NaN
                : sorted.size() % 2 == 1 ? sorted.get(middle) : (sorted.get(middle - 1) + sorted.get(middle)) / 2;
    }

    /** The median, and the deviation where it is not small. */
    String text(int digits) {
        return number(median(), digits) + (deviation() > 0.03 * median() ? " ± " + number(deviation(), digits) : "");
    }

    static String number(double value, int digits) {
        return String.format(Locale.ROOT, "%,." + digits + "f", value);
    }

    /** One number as a multiple of another. */
    static String times(double value, double base) {
        return number(value / base, 2) + "x";
    }
}
