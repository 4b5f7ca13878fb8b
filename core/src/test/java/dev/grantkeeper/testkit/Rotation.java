/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.testkit;

/** The rule by which a {@link FakeAuthorizationServer} rotates refresh tokens. Later versions may add constants. */
public enum Rotation {
    /** Every refresh issues a new refresh token. Reuse of a spent one revokes the whole family (RFC 9700, 4.14.2). */
    STRICT,
    /** Every refresh issues a new refresh token. A spent one is rejected, and nothing else happens. */
    PLAIN,
    /**
     * Every refresh issues a new refresh token. A spent one is accepted once more within the
     * {@linkplain FakeAuthorizationServer#grace grace period}, and the tokens of both answers stay valid. After that it
     * revokes the family.
     */
    GRACE,
    /**
     * As {@link #GRACE}, but the second answer revokes the refresh token of the first, and using a refresh token ends
     * the grace period of the one that it was issued for.
     */
    HARSH,
    /** No rotation: a refresh token stays valid, and answers to a refresh carry none. Spotify since 2026, Google. */
    REUSABLE
}
