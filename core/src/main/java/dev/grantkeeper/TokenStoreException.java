/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import java.io.IOException;

/**
 * The token store failed, or holds a row that cannot be read. Nothing was concluded from that, and nothing was deleted.
 */
public final class TokenStoreException extends OAuthException {
    private static final long serialVersionUID = 1L;

    /** The kinds of failure. Later versions may add some: give a {@code switch} a default. */
    public enum Kind {
        /** The store did not complete the operation; it may later. */
        UNAVAILABLE,
        /** The row is sealed under a key that is missing, was changed, or was written by a newer version. */
        UNREADABLE
    }

    /** The kind of failure. */
    private final Kind kind;

    TokenStoreException(Kind kind, IOException cause) {
        super(
                kind == Kind.UNAVAILABLE
                        ? "The token store is not available: " + cause.getMessage()
                        : String.valueOf(cause.getMessage()),
                cause);
        this.kind = kind;
    }

    /**
     * The kind of failure.
     *
     * @return the kind
     */
    public Kind kind() {
        return kind;
    }
}
