/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.load;

import java.util.LinkedHashMap;
import java.util.Map;

/** Named values, as a line of text between processes: {@code calls=12 failed=0}. Values have no blanks. */
final class Figures {
    private final Map<String, String> values = new LinkedHashMap<>();

    static Figures parse(String line) {
        Figures figures = new Figures();
        for (String pair : line.strip().split(" ", -1)) {
            int equals = pair.indexOf('=');
            if (equals > 0) {
                figures.values.put(pair.substring(0, equals), pair.substring(equals + 1));
            }
        }
        return figures;
    }

    Figures with(String name, long value) {
        values.put(name, Long.toString(value));
        return this;
    }

    /** Adds a text; its white space is replaced, since it separates. */
    Figures with(String name, String text) {
        values.put(name, text.replaceAll("\\s+", "_"));
        return this;
    }

    long number(String name) {
        return Long.parseLong(text(name));
    }

    String text(String name) {
        String value = values.get(name);
        if (value == null) {
            throw new IllegalStateException("No " + name + " in " + this);
        }
        return value;
    }

    @Override
    public String toString() {
        StringBuilder line = new StringBuilder();
        values.forEach((name, value) -> line.append(line.length() == 0 ? "" : " ")
                .append(name)
                .append('=')
                .append(value));
        return line.toString();
    }
}
