/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.load;

import java.time.Duration;
import java.time.Instant;

/**
 * The first tokens of a user, which server and nodes know without telling each other: their names follow from the
 * user's. Each is as long as Spotify's.
 *
 * @param access the access token
 * @param refresh the refresh token
 * @param receivedAt the time at which they were issued
 * @param expiresAt the expiry of the access token
 */
record Tokens(String access, String refresh, Instant receivedAt, Instant expiresAt) {
    private static final int ACCESS_LENGTH = 208;
    private static final int REFRESH_LENGTH = 131;

    /**
     * Issues the first tokens of a user.
     *
     * @param lifetime the lifetime of the access token
     * @param left the part of it that is left; negative if it has expired
     */
    static Tokens first(String user, Duration lifetime, Duration left) {
        Instant expires = Instant.now().plus(left);
        return new Tokens(access(user, 0), refresh(user, 0), expires.minus(lifetime), expires);
    }

    static String access(String user, int generation) {
        return padded("a." + user + "." + generation + ".", ACCESS_LENGTH);
    }

    static String refresh(String user, int generation) {
        return padded("r." + user + "." + generation + ".", REFRESH_LENGTH);
    }

    private static String padded(String name, int length) {
        return name + "x".repeat(Math.max(0, length - name.length()));
    }

    /** The user and the generation of a token: the second and the third part of its name. */
    static String[] parts(String token) {
        String[] parts = token.split("\\.", 4);
        if (parts.length != 4) {
            throw new IllegalArgumentException("Not a token of this server");
        }
        return new String[] {parts[1], parts[2]};
    }
}
