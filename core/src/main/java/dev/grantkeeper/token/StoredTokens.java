/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.token;

import java.util.Objects;

/**
 * One row of a {@link TokenStore}: a text that the store keeps without understanding it, and the version of that text.
 *
 * <p>Both are made by the library. A version is never used twice, so a store can tell "nobody has written since" by
 * comparing versions for equality. Both consist of printable ASCII. A version is between 1 and 64 characters long, a
 * text at most 512 KiB. Immutable and thread-safe; {@link #toString()} does not show the text.
 *
 * @param version names this text and no other
 * @param text what to keep, sealed unless the application chose otherwise
 */
public record StoredTokens(String version, String text) {
    /**
     * Checks that both are there.
     *
     * @param version names this text and no other
     * @param text what to keep
     */
    public StoredTokens {
        Objects.requireNonNull(version, "version");
        Objects.requireNonNull(text, "text");
    }

    @Override
    public String toString() {
        return "StoredTokens[version=" + version + ", text=" + text.length() + " characters]";
    }
}
