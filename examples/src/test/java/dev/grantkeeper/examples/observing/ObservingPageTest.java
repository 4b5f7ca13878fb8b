/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.observing;

import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;

import dev.grantkeeper.GrantListener;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The page about observing names every event, and every line of the log that an operator may have to act on. */
class ObservingPageTest {
    private static final Path PAGE = Path.of("../core/OBSERVING.md");
    private static final List<Path> SOURCES =
            List.of(Path.of("../core/src/main/java"), Path.of("../store-jdbc/src/main/java"));

    private static final Pattern EVENT_ROW = Pattern.compile("^\\| `([A-Z_]+)` \\|", Pattern.MULTILINE);
    private static final Pattern LOG_ROW =
            Pattern.compile("^\\| `(ERROR|WARN)` \\| (.*?) \\| [^|]+ \\|$", Pattern.MULTILINE);
    private static final Pattern CODE = Pattern.compile("`([^`]+)`");
    private static final Pattern STRING = Pattern.compile("\"((?:[^\"\\\\]|\\\\.)*)\"");
    private static final Pattern LOG_CALL = Pattern.compile(
            "\\bL(?:og|OG)\\.(error|warn)\\(\\s*(" + STRING.pattern() + "(?:\\s*\\+\\s*" + STRING.pattern() + ")*)");

    /** A line of the log: its level, and its text with {@code …} for what differs. */
    private record Line(String level, String text) {
        boolean isPartOf(Line other) {
            return level.equals(other.level) && other.text.contains(text);
        }
    }

    private static List<Line> linesOfThePage() throws IOException {
        List<Line> lines = new ArrayList<>();
        for (MatchResult row : LOG_ROW.matcher(Files.readString(PAGE)).results().toList()) {
            CODE.matcher(row.group(2)).results().forEach(code -> lines.add(new Line(row.group(1), code.group(1))));
        }
        return lines;
    }

    private static List<Line> linesOf(String source) {
        return LOG_CALL.matcher(source)
                .results()
                .map(call -> new Line(
                        call.group(1).toUpperCase(Locale.ROOT),
                        STRING.matcher(call.group(2))
                                .results()
                                .map(text -> text.group(1))
                                .collect(joining())
                                .replace("{}", "…")))
                .toList();
    }

    private static List<Line> linesOfTheSources() throws IOException {
        List<Line> lines = new ArrayList<>();
        for (Path root : SOURCES) {
            try (Stream<Path> files = Files.walk(root)) {
                for (Path file :
                        files.filter(each -> each.toString().endsWith(".java")).toList()) {
                    lines.addAll(linesOf(Files.readString(file)));
                }
            }
        }
        return lines;
    }

    @Test
    void every_event_has_a_row() throws IOException {
        List<String> rows = EVENT_ROW
                .matcher(Files.readString(PAGE).replaceAll("(?m)^\\| `(ERROR|WARN)`.*$", ""))
                .results()
                .map(row -> row.group(1))
                .toList();
        assertThat(rows)
                .containsExactlyInAnyOrderElementsOf(Arrays.stream(GrantListener.Kind.values())
                        .map(Enum::name)
                        .toList());
    }

    @Test
    void every_warning_and_every_error_has_a_row() throws IOException {
        List<Line> page = linesOfThePage();
        assertThat(linesOfTheSources())
                .hasSizeGreaterThan(20)
                .allSatisfy(line -> assertThat(page).anyMatch(row -> row.isPartOf(line)));
    }

    @Test
    void every_row_is_a_line_that_can_be_logged() throws IOException {
        List<Line> sources = linesOfTheSources();
        assertThat(linesOfThePage()).allSatisfy(row -> assertThat(sources).anyMatch(row::isPartOf));
    }

    @Test
    void a_line_is_found_in_several_strings_and_at_its_level() {
        String source = """
                Log.warn(
                        "One of {} and"
                                + " another {}",
                        one);
                Log.LOG.error("Two", e);
                Log.debug("Three");
                """;
        assertThat(linesOf(source))
                .containsExactly(new Line("WARN", "One of … and another …"), new Line("ERROR", "Two"));
    }
}
