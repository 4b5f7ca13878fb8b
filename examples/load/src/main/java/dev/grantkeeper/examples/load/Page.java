/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.load;

import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.CodeSource;
import java.time.Clock;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The page with the results. Only what stands between its marks is written; the prose around them is not touched. */
final class Page {
    private static final Pattern JAR = Pattern.compile("(.+)-(\\d[\\w.]*?)\\.jar");

    private Page() {}

    /** Replaces what stands between the marks of a region. */
    static void write(Path page, String region, String text) throws IOException {
        String begin = "<!-- " + region + ": generated, not to be edited -->\n";
        String end = "<!-- end of " + region + " -->";
        String before = Files.readString(page);
        int from = before.indexOf(begin);
        int to = before.indexOf(end);
        if (from < 0 || to < from) {
            throw new IOException(page + " has no region " + region);
        }
        Files.writeString(
                page, before.substring(0, from + begin.length()) + "\n" + text.strip() + "\n\n" + before.substring(to));
    }

    /**
     * The lines over each result: when, where, with what, by which command.
     *
     * @param goal the execution of the exec plugin
     * @param types one of each library whose version is named
     */
    static String heading(String goal, String[] arguments, String loadBefore, String postgres, Class<?>... types)
            throws IOException {
        List<String> versions = new ArrayList<>();
        versions.add("Grantkeeper " + System.getProperty("load.version", "of this repository"));
        versions.add("PostgreSQL " + postgres);
        for (Class<?> type : types) {
            versions.add(jar(type));
        }
        String options = arguments.length == 0 ? "" : " -Dexec.args=\"" + String.join(" ", arguments) + "\"";
        return "Measured on " + LocalDate.now(Clock.systemUTC()) + " on " + machine() + ", load average " + loadBefore
                + " before it began,\nby JDK " + Runtime.version() + " with\n" + String.join(", ", versions)
                + ":\n\n```sh\n./mvnw -q -Dquick -Pload -pl examples/load -am test-compile exec:exec@" + goal + options
                + "\n```\n";
    }

    /** The file of a library: its name and its version. */
    private static String jar(Class<?> type) {
        CodeSource source = type.getProtectionDomain().getCodeSource();
        try {
            URI place = source.getLocation().toURI();
            Path file = Path.of(place).getFileName();
            Matcher matcher = JAR.matcher(file == null ? "" : file.toString());
            return matcher.matches() ? matcher.group(1) + " " + matcher.group(2) : String.valueOf(file);
        } catch (URISyntaxException e) {
            return type.getName();
        }
    }

    private static String machine() throws IOException {
        Path cpus = Path.of("/proc/cpuinfo");
        String model = "an unknown processor";
        if (Files.isReadable(cpus)) {
            try (Stream<String> lines = Files.lines(cpus)) {
                model = lines.filter(line -> line.startsWith("model name"))
                        .map(line -> line.substring(line.indexOf(':') + 1).strip())
                        .findFirst()
                        .orElse(model);
            }
        }
        return Runtime.getRuntime().availableProcessors() + " cores of " + model + ", " + System.getProperty("os.name")
                + " " + System.getProperty("os.version");
    }

    /** The load of the machine in the last minute. */
    static String loadAverage() throws IOException {
        Path file = Path.of("/proc/loadavg");
        return Files.isReadable(file) ? Files.readString(file).split(" ", 2)[0] : "unknown";
    }

    /** A table of Markdown. */
    static String table(List<String> heading, List<List<String>> rows) {
        StringBuilder table = new StringBuilder();
        row(table, heading);
        row(table, heading.stream().map(column -> "---").toList());
        rows.forEach(row -> row(table, row));
        return table.toString();
    }

    private static void row(StringBuilder table, List<String> cells) {
        cells.forEach(cell -> table.append("| ").append(cell).append(' '));
        table.append("|\n");
    }

    static String number(double value, int digits) {
        return String.format(Locale.ROOT, "%,." + digits + "f", value);
    }

    static String number(long value) {
        return String.format(Locale.ROOT, "%,d", value);
    }

    static String millis(long micros) {
        return number(micros / 1000.0, digits(micros)) + " ms";
    }

    /** The digits behind the point of a time in milliseconds. */
    static int digits(long micros) {
        return micros < 10_000 ? 2 : micros < 100_000 ? 1 : 0;
    }
}
