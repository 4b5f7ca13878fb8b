/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.protocol;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import okhttp3.Challenge;
import okhttp3.Headers;
import org.jspecify.annotations.Nullable;

/**
 * Reads the challenges of {@code WWW-Authenticate} (RFC 9110 section 11.6.1). OkHttp reads none at all where one comma
 * is missing, a parameter comes twice or a value with a blank is not quoted, and servers send all of these. Well-formed
 * challenges are read as the standard has it; only values in single quotes (Twitch) lose them. In malformed ones
 *
 * <ul>
 *   <li>a parameter or a challenge with parameters begins also where only a blank is in front of it,
 *   <li>a value without quotes ends at a comma or where the next parameter begins,
 *   <li>the first of two parameters of one name counts,
 *   <li>a quoted value that never ends is dropped, with the rest of its header,
 *   <li>what is none of this is skipped up to the next comma.
 * </ul>
 *
 * <p>Each header is read in one pass, whatever is in it. Not thread-safe; {@link #in} is.
 */
public final class Challenges {
    /** The length that is read in all: twice that of the longest claims (Microsoft Entra ID) that are believed. */
    private static final int MAX_LENGTH = 32 * 1024;

    private final String text;
    private final List<Challenge> found;
    private int at;
    private @Nullable String scheme;
    private Map<@Nullable String, String> parameters = new LinkedHashMap<>();
    /** Whether no value in single quotes ends after this place, so that nobody looks for an end again. */
    private boolean noSingleQuotes;

    private Challenges(String text, List<Challenge> found) {
        this.text = text;
        this.found = found;
    }

    /**
     * Reads all challenges, in their order. Names of parameters are in lower case.
     *
     * @param headers the headers of a response, whatever its status
     * @return the challenges; a header that is longer than any real one has none
     */
    public static List<Challenge> in(Headers headers) {
        List<Challenge> found = new ArrayList<>();
        int left = MAX_LENGTH;
        for (String header : headers.values("WWW-Authenticate")) {
            if (header.length() <= left) {
                left -= header.length();
                new Challenges(header, found).read();
            }
        }
        return found;
    }

    private void read() {
        boolean separated = true;
        while (at < text.length()) {
            separated |= skipSeparators();
            int end = endOfToken(at);
            if (isParameter(at)) {
                String name = text.substring(at, end).toLowerCase(Locale.ROOT);
                int equals = skipBlanks(end);
                at = skipBlanks(equals + 1);
                String value = at > equals + 1 && isParameter(at) ? "" : value();
                if (scheme != null && value != null) {
                    parameters.putIfAbsent(name, value);
                }
            } else if (isChallenge(end, separated)) {
                finish();
                scheme = text.substring(at, end);
                at = skipBlanks(end);
                int after = at == end ? -1 : endOfToken68(at);
                if (after > 0) {
                    parameters.put(null, text.substring(at, after));
                    at = after;
                }
            } else if (end > at && isBlank(end)) {
                at = end; // a word too many: what follows may be a challenge
            } else {
                int comma = text.indexOf(',', end);
                at = comma < 0 ? text.length() : comma;
            }
            separated = false;
        }
        finish();
    }

    private void finish() {
        if (scheme != null) {
            found.add(new Challenge(scheme, parameters));
        }
        scheme = null;
        parameters = new LinkedHashMap<>();
    }

    /** Skips blanks, commas and semicolons; returns whether there was a comma. */
    private boolean skipSeparators() {
        boolean comma = false;
        while (at < text.length() && (isBlank(at) || text.charAt(at) == ',' || text.charAt(at) == ';')) {
            comma |= text.charAt(at) == ',';
            at++;
        }
        return comma;
    }

    // ---- What begins at a place -----------------------------------------------------------------------------------

    private boolean isParameter(int start) {
        int end = endOfToken(start);
        int equals = skipBlanks(end);
        return end > start && equals < text.length() && text.charAt(equals) == '=';
    }

    /** Whether the token up to this place is a scheme: one without a comma in front needs parameters behind it. */
    private boolean isChallenge(int end, boolean separated) {
        int next = skipBlanks(end);
        return end > at
                && ((separated && isEndOfElement(next))
                        || (next > end && (isParameter(next) || (separated && endOfToken68(next) > 0))));
    }

    /** Whether a challenge of ours begins there, in a value without quotes. */
    private boolean isOurs(int start) {
        int end = endOfToken(start);
        String word = text.substring(start, end);
        int next = skipBlanks(end);
        return (word.equalsIgnoreCase("Bearer") || word.equalsIgnoreCase("DPoP")) && next > end && isParameter(next);
    }

    /** The end of a token68 that is all of its challenge; -1 if there is none. */
    private int endOfToken68(int start) {
        int end = start;
        while (end < text.length() && isToken68(text.charAt(end))) {
            end++;
        }
        int padded = end;
        while (padded < text.length() && text.charAt(padded) == '=') {
            padded++;
        }
        return end > start && isEndOfElement(skipBlanks(padded)) ? padded : -1;
    }

    // ---- Values ---------------------------------------------------------------------------------------------------

    private @Nullable String value() {
        if (at < text.length() && text.charAt(at) == '"') {
            return quoted();
        }
        int end = endOfToken(at);
        if (!isEndOfElement(skipBlanks(end)) && at < text.length() && text.charAt(at) == '\'') {
            String value = singleQuoted();
            if (value != null) {
                return value;
            }
        }
        return withoutQuotes();
    }

    private @Nullable String quoted() {
        StringBuilder value = new StringBuilder();
        for (int i = at + 1; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '"') {
                at = i + 1;
                return value.toString();
            }
            if (c == '\\' && i + 1 < text.length()) {
                i++;
            }
            value.append(text.charAt(i));
        }
        at = text.length();
        return null;
    }

    /** The value up to a single quote with the end of a value behind it: an apostrophe is none. */
    private @Nullable String singleQuoted() {
        for (int i = at + 1; i < text.length() && !noSingleQuotes; i++) {
            if (text.charAt(i) == '\'' && (isEndOfElement(i + 1) || isBlank(i + 1) || text.charAt(i + 1) == ';')) {
                String value = text.substring(at + 1, i);
                at = i + 1;
                return value;
            }
        }
        noSingleQuotes = true;
        return null;
    }

    private String withoutQuotes() {
        int start = at;
        int end = start;
        while (!isEndOfElement(end)) {
            // A semicolon within a word may be part of a URL.
            int next = skipBlanks(text.charAt(end) == ';' ? end + 1 : end);
            boolean isWithinWord = !isBlank(end) && !isBlank(next - 1) && next < text.length();
            if (!isWithinWord && (isEndOfElement(next) || isParameter(next) || isOurs(next))) {
                break;
            }
            end = Math.max(next, end + 1);
        }
        at = end;
        String value = text.substring(start, end).strip();
        boolean quoted = value.length() > 1 && value.startsWith("'") && value.endsWith("'");
        return quoted ? value.substring(1, value.length() - 1) : value;
    }

    // ---- Characters (RFC 9110 sections 5.6 and 11.2) --------------------------------------------------------------

    private boolean isEndOfElement(int place) {
        return place >= text.length() || text.charAt(place) == ',';
    }

    private boolean isBlank(int place) {
        return place < text.length() && (text.charAt(place) == ' ' || text.charAt(place) == '\t');
    }

    private int skipBlanks(int place) {
        int next = place;
        while (isBlank(next)) {
            next++;
        }
        return next;
    }

    private int endOfToken(int start) {
        int end = start;
        while (end < text.length()
                && (isAlphanumeric(text.charAt(end)) || "!#$%&'*+-.^_`|~".indexOf(text.charAt(end)) >= 0)) {
            end++;
        }
        return end;
    }

    private static boolean isToken68(char c) {
        return isAlphanumeric(c) || "-._~+/".indexOf(c) >= 0;
    }

    private static boolean isAlphanumeric(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    }
}
