/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.benchmarks;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Predicate;

/** The page with all results, and what they were measured on. */
final class Report {
    private static final String COMMAND = "./mvnw -Dquick -Pbenchmarks -pl examples/benchmarks -am verify";

    private static final List<String> LIBRARIES = List.of(
            "grantkeeper-core",
            Dependencies.OKHTTP,
            "spring-security-oauth2-client",
            "spring-jdbc",
            "google-oauth-client",
            "msal4j",
            "scribejava-core",
            "h2",
            "HikariCP",
            "jmh-core");

    private record Chapter(String name, String title, Part part) {}

    private final Mode mode;
    private final Dependencies dependencies;
    private final Map<String, Chapter> chapters = new LinkedHashMap<>();
    private final Map<String, String> texts = new LinkedHashMap<>();
    private final double load = ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
    private Duration took = Duration.ZERO;

    Report(Mode mode, Dependencies dependencies) {
        this.mode = mode;
        this.dependencies = dependencies;
    }

    void add(String name, String title, Part part) {
        chapters.put(name, new Chapter(name, title, part));
    }

    void run(Predicate<String> wanted) throws Exception {
        long start = System.nanoTime();
        for (Chapter chapter : chapters.values()) {
            if (wanted.test(chapter.name())) {
                System.out.println("== " + chapter.title());
                texts.put(chapter.title(), chapter.part().run(mode));
            }
        }
        took = Duration.ofNanos(System.nanoTime() - start);
    }

    void write(Path file) throws IOException {
        StringBuilder text = new StringBuilder("# Benchmarks\n\n");
        text.append("Written by a program, not by hand:\n\n```sh\n")
                .append(COMMAND)
                .append("\n```\n\n");
        if (mode == Mode.QUICK) {
            text.append("**Measured with `-Dbenchmark.mode=quick`: the times are worth little.**\n\n");
        }
        text.append(
                        "[Options, and where to read](README.md#benchmarks). Times are medians; ± is the median distance from it, where")
                .append(" that is more than 3 %. Bytes are the least of all iterations. JMH runs each benchmark ")
                .append(mode.rounds)
                .append(" times, in turns, each time in a new process, of which the fastest counts, with ")
                .append(mode.warmups)
                .append(" iterations of ")
                .append(mode.millis)
                .append(" ms to warm up and ")
                .append(mode.measurements)
                .append(" that count. Nothing here uses a network.\n\n");
        text.append(machine()).append('\n');
        texts.forEach((title, chapter) ->
                text.append("## ").append(title).append("\n\n").append(chapter).append('\n'));
        String page = text.toString().strip() + "\n";
        Files.writeString(file, page);
        System.out.println(page);
    }

    private String machine() throws IOException {
        Table table = new Table("", "");
        table.row("Date", LocalDate.now(ZoneOffset.UTC) + ", " + took.toMinutes() + " min");
        table.row(
                "Machine",
                firstOf("/proc/cpuinfo", "model name") + ", "
                        + Runtime.getRuntime().availableProcessors() + " cores, " + memory());
        table.row("Load average at the start", Figures.number(load, 1));
        table.row("System", System.getProperty("os.name") + " " + System.getProperty("os.version"));
        table.row("Java", System.getProperty("java.vm.name") + " " + Runtime.version());
        for (String library : LIBRARIES) {
            table.row("`" + library + "`", String.valueOf(dependencies.version(library)));
        }
        return table.toString();
    }

    private static String memory() throws IOException {
        String total = firstOf("/proc/meminfo", "MemTotal").replaceAll("\\D", "");
        return total.isEmpty()
                ? "memory unknown"
                : String.format(Locale.ROOT, "%.0f GB", Long.parseLong(total) / 1_000_000.0);
    }

    /** The value of a line of a file of Linux's. */
    private static String firstOf(String file, String name) throws IOException {
        Path path = Path.of(file);
        List<String> lines = Files.exists(path) ? Files.readAllLines(path) : List.of();
        return lines.stream()
                .filter(line -> line.startsWith(name))
                .map(line -> line.substring(line.indexOf(':') + 1).strip())
                .findFirst()
                .orElse(System.getProperty("os.arch"));
    }
}
