/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.benchmarks;

import java.util.EnumSet;
import java.util.Map;
import java.util.Set;

/** A call with a valid token, in all ways. */
final class Calls implements Part {
    static final double MOST_TIMES = 1.05;
    static final int MOST_BYTES = 32;

    private static final Set<Way> ON_A_CONNECTION = EnumSet.of(
            Way.BARE, Way.CONSTANT_HEADER, Way.SYNCHRONIZED, Way.WRAPPED_ACCOUNT, Way.TAGGED_REQUEST, Way.SPRING);

    /** Not those whose request carries something that is made once. */
    private static final Set<Way> WHOLE_GETS =
            EnumSet.complementOf(EnumSet.of(Way.TAGGED_REQUEST, Way.ACCOUNT_OF_EACH_CALL, Way.AUTHORIZATION));

    private Map<String, Jmh.Costs> costs = Map.of();

    @Override
    public String run(Mode mode) throws Exception {
        Jmh jmh = new Jmh(CallBenchmark.class, mode);
        for (Way way : Way.values()) {
            add(jmh, way, Transport.INTERCEPTOR, 1);
            add(jmh, way, Transport.INTERCEPTOR, 2);
            if (WHOLE_GETS.contains(way)) {
                add(jmh, way, Transport.GET, 1);
            }
            if (ON_A_CONNECTION.contains(way)) {
                add(jmh, way, Transport.CONNECTION, 1);
            }
        }
        costs = jmh.run();
        StringBuilder text = new StringBuilder();
        text.append(
                        "One user, whose access token is valid. The last application interceptor answers, without a network:")
                .append(
                        " only the interceptors before it are measured, and what OkHttp does to begin a call. OkHttp looks at")
                .append(" each character of a header that is set; Grantkeeper makes the header of a token once, which")
                .append(" takes less time in each call, and a second list of headers.\n\n");
        Table table = new Table(
                "",
                "1 thread, ns",
                "2 threads, ns",
                "bytes allocated",
                "beside the constant header",
                "bytes more",
                "target");
        for (Way way : Way.values()) {
            table.row(
                    way.title,
                    of(way, Transport.INTERCEPTOR, 1).nanos().text(0),
                    of(way, Transport.INTERCEPTOR, 2).nanos().text(0),
                    Figures.number(of(way, Transport.INTERCEPTOR, 1).bytes().least(), 0),
                    times(way, Transport.INTERCEPTOR),
                    more(way, Transport.INTERCEPTOR),
                    target(way));
        }
        text.append(table);
        text.append(
                        "\nThe same as a whole `GET`: the request is made from the text of its URL, the answer has headers and")
                .append(" a body.\n\n")
                .append(oneThread(WHOLE_GETS, Transport.GET));
        text.append(
                        "\nThe same with a connection in memory: a whole call of OkHttp's, all but the system's sockets and TLS.\n\n")
                .append(oneThread(ON_A_CONNECTION, Transport.CONNECTION));
        return text.toString();
    }

    private Table oneThread(Set<Way> ways, Transport transport) {
        Table table =
                new Table("", "1 thread, ns", "bytes allocated", "beside the constant header", "bytes more", "target");
        for (Way way : ways) {
            table.row(
                    way.title,
                    of(way, transport, 1).nanos().text(0),
                    Figures.number(of(way, transport, 1).bytes().least(), 0),
                    times(way, transport),
                    more(way, transport),
                    target(way));
        }
        return table;
    }

    private static void add(Jmh jmh, Way way, Transport transport, int threads) {
        jmh.add(id(way, transport, threads), "send", Map.of("way", way.name(), "transport", transport.name()), threads);
    }

    private static String id(Way way, Transport transport, int threads) {
        return way + ", " + transport + ", threads " + threads;
    }

    private Jmh.Costs of(Way way, Transport transport, int threads) {
        Jmh.Costs found = costs.get(id(way, transport, threads));
        if (found == null) {
            throw new IllegalStateException("Not measured: " + id(way, transport, threads));
        }
        return found;
    }

    /** The time of a call as a multiple of one with a constant header. */
    String times(Way way, Transport transport) {
        return Figures.times(
                of(way, transport, 1).nanos().median(),
                of(Way.CONSTANT_HEADER, transport, 1).nanos().median());
    }

    /** The bytes that a call allocates beyond one with a constant header. */
    String more(Way way, Transport transport) {
        return Figures.number(
                of(way, transport, 1).bytes().least()
                        - of(Way.CONSTANT_HEADER, transport, 1).bytes().least(),
                0);
    }

    private static String target(Way way) {
        return way == Way.WRAPPED_ACCOUNT || way == Way.TAGGED_REQUEST
                ? "≤ " + MOST_TIMES + "x, ≤ " + MOST_BYTES + " B more"
                : "";
    }
}
