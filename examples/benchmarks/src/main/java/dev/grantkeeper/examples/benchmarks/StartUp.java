/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Whole processes, from their start to the end of the first authorized call. */
final class StartUp implements Part {
    static final double MOST_TIMES = 1.3;

    private static final List<Way> WAYS = List.of(
            Way.CONSTANT_HEADER,
            Way.WRAPPED_ACCOUNT,
            Way.SPRING,
            Way.GOOGLE,
            Way.MSAL,
            Way.SCRIBE,
            Way.TABLE,
            Way.JDBC,
            Way.SPRING_JDBC);

    private final Dependencies dependencies;
    private final Path directory;
    private final Map<Way, Figures> millis = new EnumMap<>(Way.class);

    StartUp(Dependencies dependencies, Path directory) {
        this.dependencies = dependencies;
        this.directory = directory.resolve("start-up");
    }

    @Override
    public String run(Mode mode) throws IOException {
        Files.createDirectories(directory);
        Map<Way, List<String>> options = new EnumMap<>(Way.class);
        for (Way way : WAYS) {
            millis.put(way, new Figures());
            options.put(way, prepare(way));
        }
        Figures nothing = new Figures();
        for (int turn = 0; turn < mode.starts; turn++) {
            nothing.add(
                    time(() -> Processes.run(dependencies.classPath(Way.CONSTANT_HEADER), List.of(), Nothing.class)));
            for (Way way : WAYS) {
                double its = time(() -> Processes.run(dependencies.classPath(way), options.get(way), Once.class, way));
                millis.get(way).add(its);
            }
        }
        Table table = new Table("", "ms", "beside the constant header", "classes loaded", "target");
        table.row(
                "an empty program",
                nothing.text(0),
                times(nothing),
                classes(Way.CONSTANT_HEADER, List.of(), Nothing.class),
                "");
        for (Way way : WAYS) {
            table.row(
                    way.title,
                    millis.get(way).text(0),
                    times(way),
                    classes(way, options.get(way), Once.class),
                    way == Way.WRAPPED_ACCOUNT ? "≤ " + MOST_TIMES + "x" : "");
            System.out.println(way + ": " + millis.get(way).text(0) + " ms");
        }
        return "Medians of " + mode.starts
                + " starts each, in turns. Every program has a class path of its own, with what it needs"
                + " and no more, stores or opens a valid token and sends one call, which the last interceptor answers. With H2"
                + " the token is in a file; `Grantkeeper` seals it, the others do not.\n\n"
                + table;
    }

    /** The start of a process as a multiple of one with a constant header. */
    String times(Way way) {
        return times(millis.get(way));
    }

    private String times(Figures its) {
        return Figures.times(its.median(), millis.get(Way.CONSTANT_HEADER).median());
    }

    /** Signs the user in where there is a database. */
    private List<String> prepare(Way way) throws IOException {
        if (!way.libraries().contains("h2")) {
            return List.of();
        }
        Path database = directory.resolve(way.name());
        Files.deleteIfExists(directory.resolve(way.name() + ".mv.db"));
        String classPath = dependencies.classPath(way);
        Processes.run(classPath, List.of("-D" + TestDatabase.NEW + "=" + database), Once.class, way, "prepare");
        return List.of("-D" + TestDatabase.PREPARED + "=" + database);
    }

    private String classes(Way way, List<String> options, Class<?> main) throws IOException {
        Path log = directory.resolve(way + "-" + main.getSimpleName() + ".log");
        List<String> all = new ArrayList<>(options);
        all.add("-Xlog:class+load:file=" + log);
        Processes.run(dependencies.classPath(way), all, main, way);
        try (Stream<String> lines = Files.lines(log)) {
            return Figures.number(
                    lines.filter(line -> line.contains(" source: ")).count(), 0);
        }
    }

    private interface Run {
        void run() throws IOException;
    }

    private static double time(Run process) throws IOException {
        long start = System.nanoTime();
        process.run();
        return (System.nanoTime() - start) / 1e6;
    }
}
