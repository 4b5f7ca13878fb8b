/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.testkit;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads JSON: objects as maps, arrays as lists, numbers as {@code Long} or {@code Double}. For documents of clients.
 */
final class JsonReader {
    private final String text;
    private int at;

    private JsonReader(String text) {
        this.text = text;
    }

    /** Reads a JSON object; the map may be changed. */
    @SuppressWarnings("unchecked") // made here
    static Map<String, Object> object(String json) {
        JsonReader reader = new JsonReader(json);
        Object value = reader.value();
        reader.blanks();
        if (!(value instanceof Map) || reader.at < json.length()) {
            throw new IllegalArgumentException("Not a JSON object");
        }
        return (Map<String, Object>) value;
    }

    /** The texts of an array, or {@code null} if the member is absent. */
    static @Nullable List<String> texts(Map<String, Object> object, String name) {
        Object value = object.get(name);
        if (value == null) {
            return null;
        }
        List<String> texts = new ArrayList<>();
        if (value instanceof List<?> list) {
            for (Object element : list) {
                if (!(element instanceof String text)) {
                    throw new IllegalArgumentException(name + " must be an array of texts");
                }
                texts.add(text);
            }
            return texts;
        }
        throw new IllegalArgumentException(name + " must be an array");
    }

    private @Nullable Object value() {
        blanks();
        char first = peek();
        switch (first) {
            case '{' -> {
                Map<String, @Nullable Object> members = new LinkedHashMap<>();
                for (boolean more = open('}'); more; more = another('}')) {
                    blanks();
                    String name = string();
                    blanks();
                    expect(':');
                    members.put(name, value());
                }
                return members;
            }
            case '[' -> {
                List<@Nullable Object> elements = new ArrayList<>();
                for (boolean more = open(']'); more; more = another(']')) {
                    elements.add(value());
                }
                return elements;
            }
            case '"' -> {
                return string();
            }
            default -> {
                int start = at;
                while (at < text.length() && ",]} \t\r\n".indexOf(text.charAt(at)) < 0) {
                    at++;
                }
                String word = text.substring(start, at);
                return switch (word) {
                    case "true" -> true;
                    case "false" -> false;
                    case "null" -> null;
                    default -> number(word);
                };
            }
        }
    }

    private static Number number(String word) {
        if (word.matches("-?[0-9]{1,18}")) {
            return Long.valueOf(word);
        }
        return Double.valueOf(word);
    }

    /** Steps into an object or array, and returns whether anything is in it. */
    private boolean open(char end) {
        at++;
        blanks();
        if (peek() == end) {
            at++;
            return false;
        }
        return true;
    }

    private boolean another(char end) {
        blanks();
        if (peek() == end) {
            at++;
            return false;
        }
        expect(',');
        return true;
    }

    private String string() {
        int start = at;
        expect('"');
        while (peek() != '"') {
            at += peek() == '\\' ? 2 : 1;
        }
        at++;
        return Json.plain(text.substring(start + 1, at - 1));
    }

    private void expect(char expected) {
        if (peek() != expected) {
            throw new IllegalArgumentException("Not JSON at " + at);
        }
        at++;
    }

    private char peek() {
        if (at >= text.length()) {
            throw new IllegalArgumentException("Not JSON: it ends early");
        }
        return text.charAt(at);
    }

    private void blanks() {
        while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
            at++;
        }
    }
}
