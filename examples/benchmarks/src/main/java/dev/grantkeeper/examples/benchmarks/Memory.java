/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.benchmarks;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Heap for each grant and each registration. */
final class Memory implements Part {
    private final Map<String, String> results = new LinkedHashMap<>();

    @Override
    public String run(Mode mode) throws IOException {
        Processes.run(
                        System.getProperty("java.class.path"),
                        List.of("-XX:+UseSerialGC", "-Xmx2g"),
                        HeapUse.class,
                        mode.grants)
                .lines()
                .map(line -> line.split("="))
                .forEach(parts -> results.put(parts[0], parts[1]));
        Table table = new Table("", "");
        results.forEach((what, size) -> table.row(what, size));
        return "Heap after garbage collection, divided by " + Figures.number(mode.grants, 0)
                + " grants or 1,000 registrations. Tokens of " + Tokens.ACCESS_TOKEN.length() + " and "
                + Tokens.REFRESH_TOKEN.length() + " characters.\n\n" + table;
    }
}
