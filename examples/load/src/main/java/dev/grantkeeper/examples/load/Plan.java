/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.load;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** A plan for many users on many nodes, calculated from what was measured on one machine. Not thread-safe. */
final class Plan {
    private static final long HOUR = Duration.ofHours(1).toSeconds();
    private static final int REMEMBERED = 10_000;

    private final long users;
    private final int nodes;
    private final Map<Integer, Hour> hours = new TreeMap<>();
    private long bytesInMemory;
    private long bytesOnDisk;
    private int maxConnections;
    private int poolSize;
    private double readsPerSecond;
    private double writesPerSecond;
    private double writesPerExpiry = 2;
    private double updatesInPage;

    Plan(long users, int nodes) {
        this.users = users;
        this.nodes = nodes;
    }

    /**
     * The cost of an hour of one user on one node.
     *
     * @param reads those where the calls of others make the node hear from the store
     * @param readsAlone those where nobody else calls
     */
    private record Hour(long calls, long reads, long readsAlone, long writes) {}

    void hour(int interval, long calls, long reads, long readsAlone, long writes) {
        hours.put(interval, new Hour(calls, reads, readsAlone, writes));
    }

    void bytesInMemory(long bytes) {
        bytesInMemory = bytes;
    }

    void bytesOnDisk(long bytes) {
        bytesOnDisk = bytes;
    }

    /**
     * Sets the connections.
     *
     * @param most those that PostgreSQL allows by default
     * @param each those of each node
     */
    void maxConnections(int most, int each) {
        maxConnections = most;
        poolSize = each;
    }

    /** Sets the writes of a refresh, those in vain included. */
    void writesPerExpiry(double writes) {
        writesPerExpiry = writes;
    }

    /** Sets what PostgreSQL counted: all updates of the table, and those that stayed within a page. */
    void updates(long all, long inPage) {
        updatesInPage = all == 0 ? 0 : (double) inPage / all;
    }

    void capacity(double reads, double writes) {
        readsPerSecond = reads;
        writesPerSecond = writes;
    }

    /**
     * The reads of a row in an hour by one node that calls each so many seconds: measured, and between as on a line.
     */
    private double readsPerHour(double interval) {
        int below = 0;
        int above = 0;
        for (int measured : hours.keySet()) {
            if (measured <= interval) {
                below = measured;
            } else if (above == 0) {
                above = measured;
            }
        }
        double calls = HOUR / interval;
        if (below == 0 || above == 0) {
            return calls; // less than a call an hour: each reads
        }
        double share = (interval - below) / (above - below);
        return Math.min(calls, reads(below) * (1 - share) + reads(above) * share);
    }

    private long reads(int interval) {
        Hour hour = hours.get(interval);
        return hour == null ? 0 : hour.reads();
    }

    /** A way in which users come. */
    private record Traffic(String name, double active, double interval, boolean sticky) {}

    String text() {
        List<Traffic> all = List.of(
                new Traffic("a tenth of them call once a minute, on any node", 0.1, 60, false),
                new Traffic("the same, each user on one node", 0.1, 60, true),
                new Traffic("all of them call every ten minutes, on any node", 1, 600, false),
                new Traffic("the same, each user on one node", 1, 600, true));
        StringBuilder text = new StringBuilder();
        text.append("An hour of one user on one node, tokens of an hour, default settings, calls at random moments:")
                .append("\n\n")
                .append(hoursTable());
        text.append("\n")
                .append(Page.number(users))
                .append(" users, ")
                .append(nodes)
                .append(" nodes:\n\n");
        List<List<String>> rows = new ArrayList<>();
        for (Traffic traffic : all) {
            double refreshes = refreshes(traffic);
            double reads = reads(traffic);
            rows.add(List.of(
                    traffic.name(),
                    Page.number(users * traffic.active() / traffic.interval(), 0),
                    Page.number(refreshes, 0),
                    Page.number(reads, 0) + ratio(reads, readsPerSecond),
                    Page.number(writesPerExpiry * refreshes, 0) + ratio(writesPerExpiry * refreshes, writesPerSecond),
                    Page.number(remembered(traffic), 0)));
        }
        text.append(Page.table(
                List.of(
                        "if",
                        "calls per second",
                        "token requests per second",
                        "reads per second",
                        "writes per second",
                        "users of one node in an hour"),
                rows));
        text.append("\nIn brackets: how many times as much as the database took here, on a machine that it shared, with"
                + " one node of 8 threads: ");
        text.append(Page.number(readsPerSecond, 0)).append(" reads or ");
        text.append(Page.number(writesPerSecond, 0)).append(" writes a second.\n\n");
        text.append(Page.table(List.of("what", "how much"), sizes(all)));
        text.append("\n").append(first(all));
        return text.toString();
    }

    private String hoursTable() {
        List<List<String>> rows = new ArrayList<>();
        hours.forEach((interval, hour) -> rows.add(List.of(
                interval == 1 ? "second" : Page.number(interval) + " seconds",
                Page.number(hour.calls()),
                Page.number(hour.reads()),
                Page.number(hour.readsAlone()),
                Page.number(hour.writes()))));
        return Page.table(
                List.of("a call every", "calls", "reads beside other users", "reads alone on its node", "writes"),
                rows);
    }

    private static String ratio(double demand, double capacity) {
        return " (" + Page.number(demand / capacity, 1) + " ×)";
    }

    private double active(Traffic traffic) {
        return users * traffic.active();
    }

    /** Each active user's token is refreshed once in its life, by the first call that comes late enough in it. */
    private double refreshes(Traffic traffic) {
        double margin = Duration.ofMinutes(5).toSeconds() * 1.25;
        return active(traffic) / (HOUR - margin + traffic.interval() / 2);
    }

    private double reads(Traffic traffic) {
        int nodesOfUser = traffic.sticky() ? 1 : nodes;
        double onOneNode = readsPerHour(traffic.interval() * nodesOfUser) / HOUR;
        return active(traffic) * nodesOfUser * onOneNode + refreshes(traffic);
    }

    /** The users whose rows one node sees in an hour. */
    private double remembered(Traffic traffic) {
        if (traffic.sticky()) {
            return active(traffic) / nodes;
        }
        double callsOnNode = HOUR / traffic.interval() / nodes;
        return active(traffic) * (1 - Math.exp(-callsOnNode));
    }

    private List<List<String>> sizes(List<Traffic> all) {
        double most = all.stream().mapToDouble(this::remembered).max().orElse(0);
        return List.of(
                List.of(
                        "the table",
                        Page.number(users * bytesOnDisk / 1e9, 1) + " GB (" + Page.number(bytesOnDisk)
                                + " bytes a user here, index included)"),
                List.of(
                        "updates that leave the index alone (HOT)",
                        Page.number(100 * updatesInPage, 0)
                                + " % here; the others make work for autovacuum, less so with a `fillfactor` of 50"),
                List.of(
                        "memory of a node, `storeCacheSize` of " + Page.number(REMEMBERED),
                        Page.number(REMEMBERED * bytesInMemory / 1e6, 0) + " MB (" + Page.number(bytesInMemory)
                                + " bytes a row)"),
                List.of(
                        "memory of a node that remembers all of its users of an hour, at most",
                        Page.number(most * bytesInMemory / 1e9, 1) + " GB"),
                List.of(
                        "connections, " + poolSize + " for each node",
                        Page.number((long) nodes * poolSize) + " (PostgreSQL allows " + maxConnections
                                + " by default)"));
    }

    /** A limit, and how far beyond it the plan is. */
    private record Limit(String name, double ratio) {}

    private String first(List<Traffic> all) {
        List<Limit> limits = List.of(
                new Limit("connections", (double) nodes * poolSize / maxConnections),
                new Limit("reads", all.stream().mapToDouble(this::reads).max().orElse(0) / readsPerSecond),
                new Limit(
                        "writes",
                        all.stream()
                                        .mapToDouble(traffic -> writesPerExpiry * refreshes(traffic))
                                        .max()
                                        .orElse(0)
                                / writesPerSecond));
        StringBuilder order = new StringBuilder();
        limits.stream()
                .sorted(Comparator.comparingDouble(Limit::ratio).reversed())
                .forEach(limit -> order.append(order.length() == 0 ? "" : ", ")
                        .append(limit.name())
                        .append(" (")
                        .append(Page.number(limit.ratio(), 1))
                        .append(" ×)"));
        return "What breaks first, in the worst of these cases, as multiples of what there was here: " + order + ".\n";
    }
}
