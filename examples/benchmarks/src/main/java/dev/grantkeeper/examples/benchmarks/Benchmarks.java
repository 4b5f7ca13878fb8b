/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.benchmarks;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/** Runs all parts, or those that are named, and writes the report. */
final class Benchmarks {
    private static final String STORAGE =
            "A row of a grant of Spotify's size, sealed. The statements run over one HikariCP"
                    + " pool on H2 in memory; \"by hand\" is the same statement without the store. The store on PostgreSQL, and with"
                    + " a million rows, is measured apart: [JDBC store](../store-jdbc/README.md#benchmark).";

    private static final String LOGINS =
            "The token endpoint answers on a connection in memory. A whole login is `startLogin()`,"
                    + " `finishLogin(…)` with its token request, and `keepAs(…)` into the memory store.";

    private Benchmarks() {}

    public static void main(String[] args) throws Exception {
        Mode mode = Mode.valueOf(args[0].toUpperCase(Locale.ROOT));
        List<String> wanted = List.of(args[1].split(","));
        Path target = Path.of(args[2]);
        Path root = Path.of(args[3]);
        // Machines with several users have one lock of JMH's for all; the report shows the load instead.
        System.setProperty("jmh.ignoreLock", "true");

        Dependencies dependencies = Dependencies.read(target.resolve("dependencies.txt"));
        Report report = new Report(mode, dependencies);
        Calls calls = new Calls();
        StartUp startUp = new StartUp(dependencies, target);
        Users users = new Users();
        Jars jars = new Jars(dependencies);
        report.add("calls", "A call with a valid token", calls);
        report.add("start-up", "Start-up to the first authorized call", startUp);
        report.add("users", "From a thousand users to a million", users);
        report.add("memory", "Memory", new Memory());
        report.add(
                "storage",
                "Rows, sealing and the JDBC store",
                new Costs(StorageBenchmark.class, STORAGE)
                        .method("write", "write a row: JSON, sealed")
                        .method("read", "read a row: opened, parsed")
                        .method("seal", "`SealingKeys.seal`, a text of that length")
                        .method("open", "`SealingKeys.open`")
                        .method("findInMemory", "`MemoryTokenStore.find`")
                        .method("find", "`JdbcTokenStore.find`")
                        .method("findByHand", "the same `SELECT` by hand")
                        .method("replace", "`JdbcTokenStore.replace`")
                        .method("replaceByHand", "the same `UPDATE` by hand"));
        report.add(
                "logins",
                "Logins",
                new Costs(LoginBenchmark.class, LOGINS)
                        .method("start", "`startLogin()`")
                        .method("login", "a whole login"));
        report.add("jars", "Jars", jars);

        boolean whole = wanted.contains("all");
        report.run(name -> whole || wanted.contains(name));
        report.write(target.resolve("BENCHMARKS.md"));
        if (whole && mode == Mode.FULL) {
            report.write(root.resolve("examples/BENCHMARKS.md"));
            new Summary(calls, startUp, users, jars).writeInto(root.resolve("README.md"));
        }
    }
}
