/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.benchmarks;

import java.util.LinkedHashMap;
import java.util.Map;

/** Time and bytes of each method of a benchmark. */
final class Costs implements Part {
    private final Class<?> benchmark;
    private final String introduction;
    private final Map<String, String> titles = new LinkedHashMap<>();

    Costs(Class<?> benchmark, String introduction) {
        this.benchmark = benchmark;
        this.introduction = introduction;
    }

    Costs method(String name, String title) {
        titles.put(name, title);
        return this;
    }

    @Override
    public String run(Mode mode) throws Exception {
        Jmh jmh = new Jmh(benchmark, mode);
        titles.keySet().forEach(method -> jmh.add(method, method, Map.of(), 1));
        Map<String, Jmh.Costs> costs = jmh.run();
        Table table = new Table("", "µs", "bytes allocated");
        costs.forEach((method, its) -> table.row(
                titles.getOrDefault(method, method),
                its.nanos().inThousands().text(2),
                Figures.number(its.bytes().least(), 0)));
        return introduction + "\n\n" + table;
    }
}
