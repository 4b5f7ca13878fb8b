/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.answer;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.BitSet;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Secrets that were sent, and finds them in a text: whole, or in long parts.
 *
 * <p>Encodings are undone in the text, not made of the secret, since there is no end to how something can be encoded:
 * percent signs with large and small digits, for some characters or all, twice, inside JSON, inside HTML. Each
 * character of a decoded text remembers where it came from, so what is found there is removed from the original. Base64
 * cannot be undone in place, since nobody knows where it begins; so the secret is encoded in each of the three ways
 * that it can lie in a longer text.
 */
final class SentSecrets {
    private static final String REDACTED = "[redacted]";

    /** A part of a secret is one from this length on: shorter ones say little, and may be words. */
    private static final int PART = 12;

    /** Of a secret that is not much longer itself. */
    private static final int SHORT_PART = 8;

    private static final int ROUNDS = 3;

    /** All that is looked for: secrets, as bytes in the characters U+0000 to U+00FF. */
    private final Set<String> needles = new HashSet<>();

    SentSecrets(Collection<String> secrets) {
        for (String secret : secrets) {
            if (secret.isEmpty()) {
                continue;
            }
            String bytes = bytes(secret);
            needles.add(bytes);
            if (bytes.indexOf(' ') >= 0) {
                needles.add(bytes.replace(' ', '+')); // as forms encode it
            }
            if (bytes.length() >= SHORT_PART) {
                addBase64(bytes);
                addBase64(bytes(URLEncoder.encode(secret, StandardCharsets.UTF_8))); // RFC 6749 section 2.3.1
            }
        }
    }

    private void addBase64(String secret) {
        for (int before = 0; before < 3; before++) {
            byte[] padded = ("\0".repeat(before) + secret).getBytes(StandardCharsets.ISO_8859_1);
            String encoded = Base64.getEncoder().withoutPadding().encodeToString(padded);
            // Without the characters at both ends that neighbours have a part in.
            int from = (before * 8 + 5) / 6;
            int to = padded.length * 8 / 6;
            String inner = encoded.substring(from, Math.min(to, encoded.length()));
            needles.add(inner);
            needles.add(inner.replace('+', '-').replace('/', '_'));
        }
    }

    private static String bytes(String text) {
        return new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
    }

    /** The text, with each secret, and each long part of one, replaced. */
    String redactedFrom(String text) {
        BitSet secret = new BitSet(text.length());
        Decoded view = Decoded.of(text);
        for (int round = 0; round <= ROUNDS; round++) {
            mark(view, secret);
            Decoded next = view.decoded();
            if (next.length == view.length) {
                break;
            }
            view = next;
        }
        if (secret.isEmpty()) {
            return text;
        }
        StringBuilder rest = new StringBuilder();
        for (int i = 0; i < text.length(); ) {
            int end = secret.nextClearBit(i);
            if (end > i) {
                rest.append(REDACTED);
                i = end;
            } else {
                rest.append(text.charAt(i++));
            }
        }
        return rest.toString();
    }

    private void mark(Decoded view, BitSet secret) {
        String text = view.text();
        Map<Integer, Grams> grams = new HashMap<>();
        for (String needle : needles) {
            // Whole ones first: they may be shorter than any part.
            for (int at = text.indexOf(needle); at >= 0; at = text.indexOf(needle, at + needle.length())) {
                view.mark(at, at + needle.length(), secret);
            }
            int part = Math.min(PART, Math.max(SHORT_PART, needle.length() / 2));
            if (needle.length() <= part) {
                continue;
            }
            for (int at :
                    grams.computeIfAbsent(part, size -> new Grams(text, size)).in(needle)) {
                view.mark(at, at + part, secret);
            }
        }
    }

    /**
     * All parts of a text that have the same length. A secret may be 64 KiB long, so most of it is passed over quickly.
     */
    private static final class Grams {
        private final int size;
        private final Map<String, List<Integer>> places = new HashMap<>();
        private final BitSet hashes = new BitSet(1 << 16);

        Grams(String text, int size) {
            this.size = size;
            for (int i = 0; i + size <= text.length(); i++) {
                places.computeIfAbsent(text.substring(i, i + size), gram -> new ArrayList<>())
                        .add(i);
            }
            places.keySet().forEach(gram -> hashes.set(folded(gram.hashCode())));
        }

        /** The places of those parts that are parts of a secret, too; each is told once. */
        List<Integer> in(String needle) {
            List<Integer> found = new ArrayList<>();
            int highest = 1;
            for (int i = 1; i < size; i++) {
                highest *= 31;
            }
            int hash = 0; // as String has it, of the last characters
            for (int i = 0; i < needle.length(); i++) {
                if (i >= size) {
                    hash -= needle.charAt(i - size) * highest;
                }
                hash = 31 * hash + needle.charAt(i);
                if (i + 1 >= size && hashes.get(folded(hash))) {
                    List<Integer> there = places.remove(needle.substring(i + 1 - size, i + 1));
                    if (there != null) {
                        found.addAll(there);
                    }
                }
            }
            return found;
        }

        private static int folded(int hash) {
            return (hash ^ (hash >>> 16)) & 0xffff;
        }
    }

    /** A text as bytes, each with its place in the original. */
    private static final class Decoded {
        private final char[] chars;
        private final int[] from;
        private final int[] to;
        private int length;

        private Decoded(int capacity) {
            chars = new char[capacity];
            from = new int[capacity];
            to = new int[capacity];
        }

        static Decoded of(String original) {
            Decoded all = new Decoded(original.length() * 4);
            for (int i = 0; i < original.length(); ) {
                int end = original.offsetByCodePoints(i, 1);
                all.add(bytes(original.substring(i, end)), i, end);
                i = end;
            }
            return all;
        }

        String text() {
            return new String(chars, 0, length);
        }

        void mark(int first, int last, BitSet secret) {
            for (int i = first; i < last; i++) {
                secret.set(from[i], to[i]);
            }
        }

        private void add(String bytes, int start, int end) {
            for (int i = 0; i < bytes.length(); i++) {
                chars[length] = bytes.charAt(i);
                from[length] = start;
                to[length++] = end;
            }
        }

        /** With one layer of percent signs, escapes of JSON and references of HTML undone. */
        Decoded decoded() {
            Decoded next = new Decoded(chars.length);
            for (int i = 0; i < length; ) {
                int taken = take(i, next);
                if (taken == 0) {
                    next.add(String.valueOf(chars[i]), from[i], to[i]);
                    taken = 1;
                }
                i += taken;
            }
            return next;
        }

        /** Decodes what begins here. Returns its length; 0 if nothing does. */
        private int take(int i, Decoded next) {
            return switch (chars[i]) {
                case '%' -> put(next, i, 3, hex(i + 1, 2));
                case '\\' -> escape(i, next);
                case '&' -> reference(i, next);
                default -> 0;
            };
        }

        private int escape(int i, Decoded next) {
            char what = i + 1 < length ? chars[i + 1] : ' ';
            return switch (what) {
                case 'u' -> put(next, i, 6, hex(i + 2, 4));
                case 'x' -> put(next, i, 4, hex(i + 2, 2));
                case '/', '"', '\'', '\\' -> put(next, i, 2, what);
                default -> 0;
            };
        }

        private int reference(int i, Decoded next) {
            int end = i + 1;
            while (end < length && end < i + 10 && chars[end] != ';') {
                end++;
            }
            if (end >= length || chars[end] != ';') {
                return 0;
            }
            String name = new String(chars, i + 1, end - i - 1);
            int taken = end + 1 - i;
            return switch (name) {
                case "amp" -> put(next, i, taken, '&');
                case "lt" -> put(next, i, taken, '<');
                case "gt" -> put(next, i, taken, '>');
                case "quot" -> put(next, i, taken, '"');
                case "apos" -> put(next, i, taken, '\'');
                default -> put(next, i, taken, number(name));
            };
        }

        private static int number(String reference) {
            boolean hex = reference.startsWith("#x") || reference.startsWith("#X");
            String digits = reference.startsWith("#") ? reference.substring(hex ? 2 : 1) : "";
            boolean sound = digits.matches(hex ? "[0-9a-fA-F]{1,6}" : "[0-9]{1,7}");
            int number = sound ? Integer.parseInt(digits, hex ? 16 : 10) : -1;
            return Character.isValidCodePoint(number) ? number : -1;
        }

        private int hex(int at, int digits) {
            if (at + digits > length) {
                return -1;
            }
            int value = 0;
            for (int i = at; i < at + digits; i++) {
                int digit = chars[i] < 0x80 ? Character.digit(chars[i], 16) : -1;
                if (digit < 0) {
                    return -1;
                }
                value = value * 16 + digit;
            }
            return value;
        }

        private int put(Decoded next, int i, int taken, int codePoint) {
            if (codePoint < 0) {
                return 0;
            }
            // A percent sign encodes a byte, everything else a character.
            String decoded = chars[i] == '%' ? String.valueOf((char) codePoint) : bytes(Character.toString(codePoint));
            next.add(decoded, from[i], to[i + taken - 1]);
            return taken;
        }
    }
}
