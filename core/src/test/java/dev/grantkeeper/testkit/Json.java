/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.testkit;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Writes the little JSON that the server sends, and reads the less that it gets. */
final class Json {
    private Json() {}

    /** JSON that is written as it is, well-formed or not. */
    record Raw(String json) {}

    private static final Pattern MEMBER =
            Pattern.compile("\"((?:[^\"\\\\]|\\\\.)*)\"\\s*:\\s*\"((?:[^\"\\\\]|\\\\.)*)\"");

    /** The members of an object that are texts: token requests have no others. */
    static Map<String, String> texts(String object) {
        Map<String, String> texts = new LinkedHashMap<>();
        Matcher member = MEMBER.matcher(object);
        while (member.find()) {
            if (texts.put(plain(member.group(1)), plain(member.group(2))) != null) {
                throw new IllegalArgumentException("The parameter " + member.group(1) + " occurs twice");
            }
        }
        return Collections.unmodifiableMap(texts);
    }

    static String plain(String escaped) {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < escaped.length(); i++) {
            char c = escaped.charAt(i);
            if (c != '\\') {
                out.append(c);
            } else if (escaped.charAt(++i) == 'u') {
                out.append((char) Integer.parseInt(escaped.substring(i + 1, i + 5), 16));
                i += 4;
            } else {
                int control = "bfnrt".indexOf(escaped.charAt(i));
                out.append(control < 0 ? escaped.charAt(i) : "\b\f\n\r\t".charAt(control));
            }
        }
        return out.toString();
    }

    static String write(@Nullable Object value) {
        StringBuilder out = new StringBuilder();
        write(value, out);
        return out.toString();
    }

    private static void write(@Nullable Object value, StringBuilder out) {
        if (value instanceof Raw raw) {
            out.append(raw.json());
        } else if (value instanceof Map<?, ?> map) {
            String separator = "{";
            for (Map.Entry<?, ?> member : map.entrySet()) {
                out.append(separator);
                quote(String.valueOf(member.getKey()), out);
                out.append(':');
                write(member.getValue(), out);
                separator = ",";
            }
            out.append(map.isEmpty() ? "{}" : "}");
        } else if (value instanceof Iterable<?> list) {
            out.append('[');
            String separator = "";
            for (Object element : list) {
                out.append(separator);
                write(element, out);
                separator = ",";
            }
            out.append(']');
        } else if (value == null || value instanceof Number || value instanceof Boolean) {
            out.append(value);
        } else {
            quote(value.toString(), out);
        }
    }

    private static void quote(String text, StringBuilder out) {
        out.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '"' || c == '\\') {
                out.append('\\').append(c);
            } else if (c < ' ') {
                out.append(String.format(Locale.ROOT, "\\u%04x", (int) c));
            } else {
                out.append(c);
            }
        }
        out.append('"');
    }
}
