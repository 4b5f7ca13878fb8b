/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Whole processes, from their start to the end of the first authorized call. */
final class StartUp implements Part {
    static final double MOST_TIMES = 1.3;

    private static final Way BASE = Way.CONSTANT_HEADER;

    private static final List<Way> WAYS = List.of(
            BASE,
            Way.WRAPPED_ACCOUNT,
            Way.SPRING,
            Way.GOOGLE,
            Way.MSAL,
            Way.SCRIBE,
            Way.TABLE,
            Way.JDBC,
            Way.SPRING_JDBC);

    /** A program that is started many times. */
    private record Program(String title, Way way, Class<?> main, List<String> options, Figures millis) {}

    private final Dependencies dependencies;
    private final Path directory;
    private final List<Program> programs = new ArrayList<>();

    StartUp(Dependencies dependencies, Path directory) {
        this.dependencies = dependencies;
        this.directory = directory.resolve("start-up");
    }

    @Override
    public String run(Mode mode) throws IOException {
        Files.createDirectories(directory);
        programs.add(new Program("an empty program", BASE, Nothing.class, List.of(), new Figures()));
        for (Way way : WAYS) {
            programs.add(new Program(way.title, way, Once.class, prepare(way), new Figures()));
        }
        for (int turn = 0; turn < mode.starts; turn++) {
            for (Program program : programs) {
                long start = System.nanoTime();
                run(program, program.options());
                program.millis().add((System.nanoTime() - start) / 1e6);
            }
        }
        Table table = new Table("", "ms", "beside the constant header", "classes loaded", "target");
        for (Program program : programs) {
            table.row(
                    program.title(),
                    program.millis().text(0),
                    times(program),
                    classes(program),
                    program.way() == Way.WRAPPED_ACCOUNT ? "≤ " + MOST_TIMES + "x" : "");
            System.out.println(program.title() + ": " + program.millis().text(0) + " ms");
        }
        return "Medians of " + mode.starts
                + " starts each, in turns. Every program has a class path of its own, with what it needs"
                + " and no more, stores or opens a valid token and sends one call, which the last interceptor answers. With H2"
                + " the token is in a file; Grantkeeper seals it, the others do not.\n\n"
                + table;
    }

    private void run(Program program, List<String> options) throws IOException {
        Processes.run(dependencies.classPath(program.way()), options, program.main(), program.way());
    }

    /** The start of a process as a multiple of one with a constant header. */
    String times(Way way) {
        return times(program(way));
    }

    private String times(Program program) {
        return Figures.times(program.millis().median(), program(BASE).millis().median());
    }

    private Program program(Way way) {
        return programs.stream()
                .filter(program -> program.way() == way && program.main() == Once.class)
                .findFirst()
                .orElseThrow();
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

    private String classes(Program program) throws IOException {
        Path log = directory.resolve(program.way() + "-" + program.main().getSimpleName() + ".log");
        List<String> options = new ArrayList<>(program.options());
        options.add("-Xlog:class+load:file=" + log);
        run(program, options);
        try (Stream<String> lines = Files.lines(log)) {
            return Figures.number(
                    lines.filter(line -> line.contains(" source: ")).count(), 0);
        }
    }
}
