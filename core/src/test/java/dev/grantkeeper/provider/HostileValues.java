/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.provider;

import java.util.List;
import java.util.Random;

/** Values that try to move a URL: mixtures of what parsers of URLs disagree about. */
final class HostileValues {
    private static final List<String> PIECES = List.of(
            "evil.example",
            "acme",
            "@",
            ":",
            "/",
            "//",
            "\\",
            "?",
            "#",
            "%2f",
            "%00",
            "%40",
            ".",
            "..",
            "-",
            "--",
            "_",
            " ",
            "\t",
            "\n",
            "\r\n",
            "\0",
            "xn--80ak6aa92e",
            "\u2024",
            "\u3002",
            "\uFF0E",
            "\uFF0F",
            "\u212A",
            "\u0131",
            "\u200B",
            "[::1]",
            "127.0.0.1",
            "0x7f.1",
            "2130706433",
            "localhost",
            "{host}",
            "{subdomain}",
            "$",
            "${x}",
            ";",
            ",",
            "&",
            "=",
            "evil",
            "com",
            "example.com",
            "user:pass@",
            ":443",
            ":80",
            "https://",
            "javascript:",
            "A",
            "9",
            "\uD83D\uDE00");

    private HostileValues() {}

    static String next(Random random, String good) {
        StringBuilder value = new StringBuilder(random.nextInt(3) == 0 ? good : "");
        int pieces = 1 + random.nextInt(4);
        for (int i = 0; i < pieces; i++) {
            value.append(PIECES.get(random.nextInt(PIECES.size())));
        }
        if (random.nextInt(4) == 0) {
            value.append(good);
        }
        return random.nextInt(50) == 0 ? value.toString().repeat(40) : value.toString();
    }
}
