/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.benchmarks;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The cost of a call for a random user, of few and of many. */
final class Users implements Part {
    static final int MOST_PERCENT = 15;

    /** Room for all rows, and for what remembers them; huge pages, as for any heap of that size. */
    private static final List<String> JVM = List.of("-Xmx8g", "-XX:+UseG1GC", "-XX:+UseTransparentHugePages");

    /** One row of a table: nanoseconds by the number of users. */
    private record Row(ManyUsers.Cache cache, Transport transport) {}

    private final Map<Row, Map<Integer, Double>> nanos = new LinkedHashMap<>();
    private long reads;
    private long calls;

    @Override
    public String run(Mode mode) throws IOException {
        List<Object> arguments = new ArrayList<>();
        arguments.add(mode.userSeconds);
        for (int users : mode.users) {
            arguments.add(users);
        }
        Processes.run(System.getProperty("java.class.path"), JVM, ManyUsers.class, arguments.toArray())
                .lines()
                .map(line -> line.split(","))
                .forEach(this::add);
        return "Calls for a random user each, one client for all of them, with `account(id)` in each call, over the"
                + " memory store: CPU time of all threads, medians of batches in turns, in one process with `"
                + String.join(" ", JVM) + "`. The map by hand has a request with the user's id in place of the account,"
                + " and neither expiry nor refresh. Before measuring starts, the clock is moved by an hour and all rows"
                + " are read again, so that they are trusted for an hour: the store was then read "
                + Figures.number(reads, 0) + " times in " + Figures.number(calls, 0)
                + " calls where every row is remembered, and in each call where none is. By default 10,000 rows are"
                + " remembered, for up to a minute, and a call costs what one of the last two rows of a table says. By"
                + " hand it grows as well: a call has to reach for more memory.\n\n"
                + "A whole call, over a socket to a server in the same process, whose time does not count.\n\n"
                + table(mode, Transport.SOCKET)
                + "\nThe same over a connection in memory: all but the system's sockets.\n\n"
                + table(mode, Transport.CONNECTION)
                + "\nOnly the interceptor, and what OkHttp does to begin a call.\n\n"
                + table(mode, Transport.INTERCEPTOR);
    }

    private void add(String[] parts) {
        ManyUsers.Cache cache = ManyUsers.Cache.valueOf(parts[0]);
        Transport transport = Transport.valueOf(parts[1]);
        nanos.computeIfAbsent(new Row(cache, transport), same -> new LinkedHashMap<>())
                .put(Integer.valueOf(parts[2]), Double.valueOf(parts[3]));
        if (cache == ManyUsers.Cache.REMEMBERED && transport == Transport.SOCKET) {
            reads += Long.parseLong(parts[4]);
            calls += Long.parseLong(parts[5]);
        }
    }

    private Table table(Mode mode, Transport transport) {
        List<String> heads = new ArrayList<>(List.of("ns"));
        for (int users : mode.users) {
            heads.add(Figures.number(users, 0) + " users");
        }
        heads.add("most beside fewest");
        if (hasTarget(transport)) {
            heads.add("target");
        }
        Table table = new Table(heads.toArray(String[]::new));
        row(table, transport, "by hand: a map of tokens, without expiry", ManyUsers.Cache.BY_HAND);
        row(
                table,
                transport,
                "every row is remembered (`storeCacheSize` above the number of users)",
                ManyUsers.Cache.REMEMBERED);
        row(
                table,
                transport,
                "no row is remembered (`storeCacheSize(1)`): each call reads, opens and parses",
                ManyUsers.Cache.READ);
        return table;
    }

    private static boolean hasTarget(Transport transport) {
        return transport == Transport.SOCKET;
    }

    private void row(Table table, Transport transport, String title, ManyUsers.Cache cache) {
        List<String> cells = new ArrayList<>(List.of(title));
        of(cache, transport).values().forEach(value -> cells.add(Figures.number(value, 0)));
        cells.add(growth(cache, transport));
        if (hasTarget(transport)) {
            cells.add(cache == ManyUsers.Cache.BY_HAND ? "" : "≤ " + (100 + MOST_PERCENT) / 100.0 + "x");
        }
        table.row(cells.toArray(String[]::new));
    }

    private Map<Integer, Double> of(ManyUsers.Cache cache, Transport transport) {
        return nanos.getOrDefault(new Row(cache, transport), Map.of());
    }

    /** The time of a whole call with the most users as a multiple of that with the fewest. */
    String growth(ManyUsers.Cache cache) {
        return growth(cache, Transport.SOCKET);
    }

    private String growth(ManyUsers.Cache cache, Transport transport) {
        List<Double> all = List.copyOf(of(cache, transport).values());
        return Figures.times(all.get(all.size() - 1), all.get(0));
    }
}
