/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.benchmarks;

import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The cost of a call for a random user, of few and of many. */
final class Users implements Part {
    static final int MOST_PERCENT = 15;

    private final Map<ManyUsers.Cache, Map<Integer, Double>> nanos = new EnumMap<>(ManyUsers.Cache.class);

    @Override
    public String run(Mode mode) throws IOException {
        List<Object> arguments = new ArrayList<>();
        arguments.add(mode.userSeconds);
        for (int users : mode.users) {
            arguments.add(users);
        }
        Processes.run(System.getProperty("java.class.path"), List.of("-Xmx5g"), ManyUsers.class, arguments.toArray())
                .lines()
                .map(line -> line.split(","))
                .forEach(
                        parts -> nanos.computeIfAbsent(ManyUsers.Cache.valueOf(parts[0]), same -> new LinkedHashMap<>())
                                .put(Integer.valueOf(parts[1]), Double.valueOf(parts[2])));
        List<String> heads = new ArrayList<>(List.of("ns"));
        for (int users : mode.users) {
            heads.add(Figures.number(users, 0) + " users");
        }
        heads.add("most beside fewest");
        heads.add("target");
        Table table = new Table(heads.toArray(String[]::new));
        row(table, "by hand: a map of tokens, without expiry", ManyUsers.Cache.BY_HAND);
        row(table, "every row is remembered (`storeCacheSize` above the number of users)", ManyUsers.Cache.REMEMBERED);
        row(
                table,
                "no row is remembered (`storeCacheSize(1)`): each call reads, opens and parses",
                ManyUsers.Cache.READ);
        return "Calls for a random user each, with `account(id)` in each call, over the memory store: CPU time of all threads,"
                + " medians of batches in turns. By default 10,000 rows are remembered, for up to a minute, and a call costs what one of"
                + " the last two rows says. By hand it grows as well: a call has to reach for more memory.\n\n"
                + table;
    }

    private void row(Table table, String title, ManyUsers.Cache cache) {
        Map<Integer, Double> its = nanos.getOrDefault(cache, Map.of());
        List<String> cells = new ArrayList<>(List.of(title));
        its.values().forEach(value -> cells.add(Figures.number(value, 0)));
        cells.add(growth(cache));
        cells.add(cache == ManyUsers.Cache.BY_HAND ? "" : "≤ " + (100 + MOST_PERCENT) / 100.0 + "x");
        table.row(cells.toArray(String[]::new));
    }

    /** The time with the most users as a multiple of that with the fewest. */
    String growth(ManyUsers.Cache cache) {
        List<Double> all = List.copyOf(nanos.getOrDefault(cache, Map.of()).values());
        return Figures.times(all.get(all.size() - 1), all.get(0));
    }
}
