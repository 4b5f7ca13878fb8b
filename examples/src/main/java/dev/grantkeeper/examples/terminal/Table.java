/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.terminal;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;

/** Rows under names: aligned for people, with tabs for programs, or as JSON. Not thread-safe. */
public final class Table {
    private static final JsonMapper JSON = new JsonMapper();

    private final List<String> names;
    private final List<List<String>> rows = new ArrayList<>();

    /**
     * Makes an empty table.
     *
     * @param names the names of the columns
     */
    public Table(String... names) {
        this.names = List.of(names);
    }

    /**
     * Adds a row.
     *
     * @param values one for each column
     */
    public void add(String... values) {
        List<String> row = new ArrayList<>();
        for (String value : values) {
            row.add(harmless(value));
        }
        rows.add(row);
    }

    /** Names from outside may contain what a terminal obeys, and what ends a column. */
    private static String harmless(String value) {
        return value.codePoints()
                .map(c -> Character.isISOControl(c) || Character.getType(c) == Character.FORMAT ? ' ' : c)
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                .toString();
    }

    /**
     * Prints it.
     *
     * @param out the output
     * @param terminal whether people read it
     * @param json whether it is printed as JSON
     */
    public void print(PrintWriter out, boolean terminal, boolean json) {
        if (json) {
            ArrayNode array = JSON.createArrayNode();
            for (List<String> row : rows) {
                ObjectNode object = array.addObject();
                for (int i = 0; i < row.size(); i++) {
                    object.put(names.get(i), row.get(i));
                }
            }
            out.println(array.toPrettyString());
        } else if (terminal) {
            out.println("\u001b[1m" + aligned(names) + "\u001b[0m");
            rows.forEach(row -> out.println(aligned(row)));
        } else {
            rows.forEach(row -> out.println(String.join("\t", row)));
        }
        out.flush();
    }

    private String aligned(List<String> row) {
        StringBuilder line = new StringBuilder();
        for (int i = 0; i < row.size(); i++) {
            int column = i;
            int width = rows.stream()
                    .mapToInt(each -> each.get(column).length())
                    .reduce(names.get(i).length(), Math::max);
            line.append(row.get(i)).append(" ".repeat(width - row.get(i).length() + 2));
        }
        return line.toString().stripTrailing();
    }
}
