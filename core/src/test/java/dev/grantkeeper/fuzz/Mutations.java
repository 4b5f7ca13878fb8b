/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.fuzz;

import java.util.List;
import java.util.Random;

/** Makes texts that are almost those that parsers know: the same seed makes the same texts. */
final class Mutations {
    /** Texts that break parsers, or make one kind of text another. */
    private static final List<String> TOKENS = List.of(
            "\"",
            "\\",
            "\\u0000",
            "\\ud800",
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            "null",
            "true",
            "\"\"",
            "[]",
            "{}",
            "-1",
            "1e999",
            "0.1",
            "9223372036854775808",
            "12345678901234567890123456789012345",
            "=",
            "&",
            "%",
            "%00",
            "%zz",
            "+",
            "?",
            "#",
            " ",
            "\t",
            "\r\n",
            "\u0000",
            "\ufeff",
            "\u202e",
            "\ud83d",
            "é",
            "<",
            ">",
            ".",
            "..",
            "eyJ",
            "Bearer ",
            "error=",
            "error",
            "access_token",
            "https://",
            "//",
            "@",
            "'",
            "iss",
            "sub",
            "v",
            "\"v\":2,");

    private final Random random;
    private final List<String> seeds;

    Mutations(long seed, List<String> seeds) {
        this.random = new Random(seed);
        this.seeds = seeds;
    }

    String next() {
        StringBuilder text = new StringBuilder(any(seeds));
        for (int changes = random.nextInt(6); changes > 0; changes--) {
            int from = random.nextInt(text.length() + 1);
            int to = Math.min(text.length(), from + random.nextInt(random.nextInt(10) == 0 ? 200 : 6));
            switch (random.nextInt(7)) {
                case 0 -> text.delete(from, to);
                case 1 -> text.insert(from, any(TOKENS));
                case 2 -> text.replace(from, to, any(TOKENS));
                case 3 -> text.insert(from, text.substring(from, to).repeat(1 + random.nextInt(40)));
                case 4 -> text.insert(from, (char) random.nextInt(random.nextInt(4) == 0 ? 0x10000 : 0x80));
                case 5 -> text.setLength(from);
                default -> {
                    String other = any(seeds);
                    int start = random.nextInt(other.length() + 1);
                    text.replace(
                            from, to, other.substring(start, Math.min(other.length(), start + random.nextInt(60))));
                }
            }
        }
        return text.toString();
    }

    private String any(List<String> all) {
        return all.get(random.nextInt(all.size()));
    }
}
