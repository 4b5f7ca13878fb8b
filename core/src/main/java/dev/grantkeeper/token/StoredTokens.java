/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.token;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One row of a {@link TokenStore}: a text that the store keeps without understanding it, and the version of that text.
 *
 * <p>Both are made by the library. A version is never used twice, so a store can tell "nobody has written since" by
 * comparing versions for equality. Both consist of printable ASCII. A version is between 1 and 64 characters long, a
 * text at most 512 KiB. Immutable and thread-safe; {@link #toString()} does not show the text.
 */
public final class StoredTokens {
    private final String version;
    private final String text;

    /**
     * Makes a row from the two texts that a store has read.
     *
     * @param version the version, as the library wrote it
     * @param text the text, as the library wrote it
     */
    public StoredTokens(String version, String text) {
        this.version = Objects.requireNonNull(version, "version");
        this.text = Objects.requireNonNull(text, "text");
    }

    /**
     * The version of the text; no other text has the same.
     *
     * @return 1 to 64 characters of printable ASCII
     */
    public String version() {
        return version;
    }

    /**
     * The text to store, sealed unless the application allows plaintext tokens.
     *
     * @return at most 512 KiB of printable ASCII
     */
    public String text() {
        return text;
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof StoredTokens row && version.equals(row.version) && text.equals(row.text);
    }

    @Override
    public int hashCode() {
        return 31 * version.hashCode() + text.hashCode();
    }

    @Override
    public String toString() {
        return "StoredTokens[version=" + version + ", text=" + text.length() + " characters]";
    }
}
