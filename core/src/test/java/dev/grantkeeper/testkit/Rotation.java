/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.testkit;

/** What a {@link FakeAuthorizationServer} does with refresh tokens that are used. */
public enum Rotation {
    /** Every refresh gives a new refresh token. One that comes again revokes the whole family (RFC 9700, 4.14.2). */
    STRICT,
    /** Every refresh gives a new refresh token. One that comes again is refused, and nothing else happens. */
    PLAIN,
    /**
     * Every refresh gives a new refresh token. A spent one is accepted once more within the
     * {@linkplain FakeAuthorizationServer#grace grace period}, and both answers stay good. After that it revokes the
     * family.
     */
    GRACE,
    /**
     * As {@link #GRACE}, but the second answer kills the refresh token of the first, and using a refresh token ends the
     * grace of the one that it was made from.
     */
    HARSH,
    /** No rotation: a refresh token stays good, and answers to a refresh carry none. Spotify since 2026, Google. */
    REUSABLE
}
