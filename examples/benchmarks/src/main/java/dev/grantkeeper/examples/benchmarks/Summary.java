/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The few figures that the README shows. */
final class Summary {
    private static final String BEGIN = "<!-- begin: written by examples/benchmarks -->\n";
    private static final String END = "<!-- end: written by examples/benchmarks -->";

    private final Calls calls;
    private final StartUp startUp;
    private final Users users;
    private final Jars jars;

    Summary(Calls calls, StartUp startUp, Users users, Jars jars) {
        this.calls = calls;
        this.startUp = startUp;
        this.users = users;
        this.jars = jars;
    }

    void writeInto(Path readme) throws IOException {
        String page = Files.readString(readme);
        int begin = page.indexOf(BEGIN);
        int end = page.indexOf(END);
        if (begin < 0 || end < begin) {
            throw new IOException(readme + " has no region to write into");
        }
        Files.writeString(readme, page.substring(0, begin + BEGIN.length()) + text() + page.substring(end));
    }

    private String text() throws IOException {
        Table table = new Table(
                "beside OkHttp with a constant header",
                "a `GET` without a network",
                "bytes allocated more",
                "its interceptor alone",
                "start-up",
                "jars beyond OkHttp");
        row(table, "Grantkeeper, memory store", Way.WRAPPED_ACCOUNT);
        row(table, "Grantkeeper, JDBC store", Way.JDBC);
        row(table, "Spring Security, in memory", Way.SPRING);
        row(table, "Spring Security, JDBC", Way.SPRING_JDBC);
        row(table, "google-oauth-client", Way.GOOGLE);
        row(table, "MSAL4J", Way.MSAL);
        row(table, "ScribeJava and a map by hand", Way.SCRIBE);
        return "\n" + table + "\nFrom a thousand users to a million a whole call takes "
                + users.growth(ManyUsers.Cache.READ) + " the time where each reads its row, "
                + users.growth(ManyUsers.Cache.REMEMBERED) + " where all rows are remembered, and "
                + users.growth(ManyUsers.Cache.BY_HAND) + " with a map of tokens by hand.\n\n";
    }

    private void row(Table table, String title, Way way) throws IOException {
        table.row(
                title,
                calls.times(way, Transport.GET),
                calls.more(way, Transport.GET),
                calls.times(way, Transport.INTERCEPTOR),
                startUp.times(way),
                jars.summary(way));
    }
}
