/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.benchmarks;

import java.time.Instant;

/** The tokens that are used everywhere: as long as Spotify's, and valid for as long as a benchmark runs. */
final class Tokens {
    static final String ACCESS_TOKEN = "B".repeat(230);
    static final String REFRESH_TOKEN = "A".repeat(131);
    static final Instant ISSUED_AT = Instant.now();
    static final Instant EXPIRES_AT = ISSUED_AT.plusSeconds(24 * 3600);

    private Tokens() {}

    /** The same text in memory of its own, as each response brings one. */
    static String received(String token) {
        return String.valueOf(token.toCharArray());
    }

    /** Stands in code by hand for the request to the token endpoint, which is never made here. */
    static String refresh() {
        throw new IllegalStateException("No token expires in a benchmark");
    }
}
