/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.answer;

import java.util.Collection;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Makes texts harmless that an authorization server, or somebody who pretends to be one, put into an error. */
public final class ServerText {
    private static final int MAX_LENGTH = 512;

    /** Secrets are looked for in so much of a text: encoded twice they are several times as long as what is shown. */
    private static final int MAX_READ = 8 * MAX_LENGTH;

    // Assertions, proofs, requests and tokens that are JWTs (RFC 7519), and what a server's log line left of one.
    private static final Pattern JWT = Pattern.compile("eyJ[A-Za-z0-9_.-]{8,}");

    private ServerText() {}

    /**
     * The same without the secrets that were sent: some servers repeat what they reject, as it was sent (form-encoded,
     * in base64), as they would write it (escaped for JSON or HTML), and not always whole.
     *
     * @param text a text from outside
     * @param secrets the values that must not appear
     * @return the harmless text; {@code null} if nothing is left
     */
    public static @Nullable String harmless(@Nullable String text, Collection<String> secrets) {
        if (text == null || secrets.isEmpty()) {
            return harmless(text);
        }
        String read = text.length() > MAX_READ ? text.substring(0, MAX_READ) : text;
        return harmless(new SentSecrets(secrets).redactedFrom(read));
    }

    /**
     * One short line of printable ASCII (RFC 6749 appendix A.8), without JWTs and what could be taken for markup.
     *
     * @param text a text from outside
     * @return the harmless text; {@code null} if there is none
     */
    public static @Nullable String harmless(@Nullable String text) {
        if (text == null || text.isBlank()) {
            return null;
        }
        String read = text.length() > MAX_READ ? text.substring(0, MAX_READ) : text;
        String shown = JWT.matcher(read).replaceAll("[redacted]");
        StringBuilder result = new StringBuilder();
        for (int i = 0; i < shown.length() && result.length() < MAX_LENGTH; i++) {
            char c = shown.charAt(i);
            result.append(c < ' ' || c >= 0x7f || c == '<' || c == '>' ? ' ' : c);
        }
        return result.toString().strip();
    }

    /**
     * An error's code: as it is if it is one of those that are known, since a part of it may be a short secret, too,
     * and what happens next depends on it.
     */
    static @Nullable String code(@Nullable String code, Set<String> known, Collection<String> secrets) {
        return code != null && known.contains(code) ? code : harmless(code, secrets);
    }
}
