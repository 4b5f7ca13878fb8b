/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The list of standards in this folder's README: complete, in order, and with a test or a reason in each row. */
class StandardsTest {
    private static final Path PAGE = Path.of("src/test/README.md");
    private static final Pattern SECTION = Pattern.compile(
            "^## Standards, and the tests that hold them$(.*?)^## ", Pattern.MULTILINE | Pattern.DOTALL);
    private static final Pattern RFC = Pattern.compile("\\bRFC (\\d+)\\b");
    private static final Pattern ROW = Pattern.compile("^\\| ([^|]+) \\| ([^|]+) \\| (.+) \\|$", Pattern.MULTILINE);
    private static final Pattern TEST = Pattern.compile("`([A-Z]\\w*(?:Test|IT))(?:\\.(\\w+))?`");
    private static final Pattern METHOD = Pattern.compile("`([a-z]\\w*)`");
    private static final String NOT_OFFERED = "not offered: ";

    private record Row(String standard, String part, String heldBy) {
        int number() {
            Matcher rfc = RFC.matcher(standard);
            return rfc.matches() ? Integer.parseInt(rfc.group(1)) : Integer.MAX_VALUE;
        }
    }

    private static String section() throws IOException {
        Matcher section = SECTION.matcher(Files.readString(PAGE));
        assertThat(section.find()).isTrue();
        return section.group(1);
    }

    private static List<Row> rows() throws IOException {
        List<Row> rows = ROW.matcher(section())
                .results()
                .map(row -> new Row(row.group(1), row.group(2), row.group(3)))
                .filter(row -> !row.standard().equals("standard"))
                .toList();
        assertThat(rows).hasSizeGreaterThan(40);
        return rows;
    }

    private static Set<Integer> rfcs(String text) {
        return RFC.matcher(text)
                .results()
                .map(rfc -> Integer.valueOf(rfc.group(1)))
                .collect(Collectors.toCollection(TreeSet::new));
    }

    @Test
    void every_rfc_that_the_code_cites_is_in_the_list() throws IOException {
        Set<Integer> listed = rfcs(section());
        List<String> missing = new ArrayList<>();
        for (Path source : SourceModel.files(
                Path.of("src/main/java"), file -> file.toString().endsWith(".java"))) {
            Set<Integer> cited = rfcs(Files.readString(source).replaceAll("\\s+(?:\\* )?", " "));
            cited.removeAll(listed);
            if (!cited.isEmpty()) {
                missing.add(source.getFileName() + " cites " + cited);
            }
        }
        assertThat(missing).isEmpty();
        assertThat(listed).doesNotContain(9999);
    }

    @Test
    void the_rows_are_in_the_order_of_their_numbers() throws IOException {
        List<Integer> numbers = rows().stream().map(Row::number).toList();
        assertThat(numbers).isSorted();
        List<String> openId = rows().stream()
                .map(Row::standard)
                .filter(standard -> standard.startsWith("OpenID "))
                .toList();
        assertThat(openId).isSorted().hasSizeGreaterThan(8);
        assertThat(rows().stream().map(row -> row.standard() + " " + row.part()))
                .doesNotHaveDuplicates();
    }

    @Test
    void every_row_names_tests_that_exist_or_the_reason_why_there_are_none() throws IOException {
        for (Row row : rows()) {
            assertThat(missing(row.heldBy())).as(row.toString()).isEmpty();
        }
        assertThat(missing("`StandardsTest.no_such_fact`")).containsExactly("StandardsTest.no_such_fact");
        assertThat(missing("`NoSuchTest`")).containsExactly("NoSuchTest");
        assertThat(missing("`StandardsTest`, `no_such_fact`")).containsExactly("StandardsTest.no_such_fact");
        assertThat(missing("somebody")).containsExactly("somebody");
        assertThat(missing(NOT_OFFERED)).containsExactly(NOT_OFFERED);
    }

    /** The names in a cell that are not there; the cell itself if it names nothing. */
    private static List<String> missing(String cell) throws IOException {
        if (cell.startsWith(NOT_OFFERED) && cell.length() > NOT_OFFERED.length()) {
            return List.of();
        }
        List<MatchResult> tests = TEST.matcher(cell).results().toList();
        if (tests.isEmpty()) {
            return List.of(cell);
        }
        List<String> missing = new ArrayList<>();
        for (int i = 0; i < tests.size(); i++) {
            MatchResult test = tests.get(i);
            String name = test.group(1);
            List<Path> sources = SourceModel.files(SourceModel.ROOT, file -> file.endsWith(name + ".java"));
            if (sources.size() != 1) {
                missing.add(name);
                continue;
            }
            String source = Files.readString(sources.get(0));
            int end = i + 1 < tests.size() ? tests.get(i + 1).start() : cell.length();
            List<String> methods = new ArrayList<>(METHOD.matcher(cell.substring(test.end(), end))
                    .results()
                    .map(method -> method.group(1))
                    .toList());
            if (test.group(2) != null) {
                methods.add(0, test.group(2));
            }
            methods.stream()
                    .filter(method -> !source.contains(" void " + method + "("))
                    .forEach(method -> missing.add(name + "." + method));
        }
        return missing;
    }
}
