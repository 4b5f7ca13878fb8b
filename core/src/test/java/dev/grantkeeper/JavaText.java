/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import java.util.Arrays;

/**
 * A Java source, told apart into code, strings and comments. Escapes by Unicode number are not decoded: nobody writes a
 * quote or a slash that way.
 */
final class JavaText {
    /** Stands for code between two pieces of prose, so that no sentence reaches across. */
    static final char CODE = '\u0001';

    /** The part of a source that a character belongs to. */
    enum Part {
        CODE,
        STRING,
        LINE_COMMENT,
        BLOCK_COMMENT
    }

    private final String text;
    private final Part[] parts;

    JavaText(String text) {
        this.text = text;
        this.parts = new Part[text.length()];
        Arrays.fill(parts, Part.CODE);
        int at = 0;
        while (at < text.length()) {
            if (text.startsWith("//", at)) {
                at = mark(at, end("\n", at), Part.LINE_COMMENT);
            } else if (text.startsWith("/*", at)) {
                at = mark(at, end("*/", at + 2) + 2, Part.BLOCK_COMMENT);
            } else if (text.startsWith("\"\"\"", at)) {
                at = mark(at, endOfString("\"\"\"", at + 3), Part.STRING);
            } else if (text.charAt(at) == '"') {
                at = mark(at, endOfString("\"", at + 1), Part.STRING);
            } else if (text.charAt(at) == '\'') {
                at = endOfString("'", at + 1);
            } else {
                at++;
            }
        }
    }

    private int end(String mark, int from) {
        int found = text.indexOf(mark, from);
        return found < 0 ? text.length() : found;
    }

    private int endOfString(String quote, int from) {
        int at = from;
        while (at < text.length() && !text.startsWith(quote, at)) {
            at += text.charAt(at) == '\\' ? 2 : 1;
        }
        return Math.min(at + quote.length(), text.length());
    }

    private int mark(int from, int to, Part part) {
        int end = Math.min(to, text.length());
        Arrays.fill(parts, from, end, part);
        return end;
    }

    /** The part that the character at a position belongs to. */
    Part part(int at) {
        return parts[at];
    }

    /**
     * The prose of a source: strings and comments, each character where it stands in the source. Strings joined by a
     * plus, and lines of one comment, are one text; all else is kept apart by {@link #CODE}.
     */
    String prose() {
        char[] prose = new char[text.length()];
        Part last = Part.CODE;
        boolean joined = false;
        for (int at = 0; at < prose.length; at++) {
            char c = text.charAt(at);
            boolean starts = parts[at] != Part.CODE && (at == 0 || parts[at - 1] != parts[at]);
            if (Character.isWhitespace(c)) {
                prose[at] = c;
            } else if (parts[at] == Part.CODE) {
                prose[at] = c == '+' && last == Part.STRING ? ' ' : CODE;
                joined = prose[at] == ' ';
                last = joined ? last : Part.CODE;
            } else if (starts) {
                boolean goesOn = parts[at] == last && (last == Part.LINE_COMMENT || joined);
                prose[at] = goesOn ? ' ' : CODE;
                last = parts[at];
                joined = false;
            } else {
                prose[at] = isDecoration(at) ? ' ' : c;
            }
        }
        return new String(prose);
    }

    /** The second slash, the quotes, and the stars before the lines of Javadoc. */
    private boolean isDecoration(int at) {
        char c = text.charAt(at);
        return switch (parts[at]) {
            case LINE_COMMENT -> c == '/' && parts[at - 1] == Part.LINE_COMMENT && text.charAt(at - 1) == '/';
            case BLOCK_COMMENT -> c == '*' || (c == '/' && text.charAt(at - 1) == '*');
            default -> c == '"';
        };
    }
}
