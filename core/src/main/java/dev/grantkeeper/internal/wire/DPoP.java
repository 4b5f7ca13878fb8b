/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.wire;

import dev.grantkeeper.internal.provider.DialectFacts;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import okhttp3.Challenge;
import okhttp3.Headers;
import okhttp3.HttpUrl;
import okhttp3.Request;
import org.jspecify.annotations.Nullable;

/**
 * Makes proofs that a request comes from the holder of a key (RFC 9449), and remembers what they need: the last nonce
 * of each server, and the difference between its clock and ours. Thread-safe; {@code toString} shows none of it.
 */
public final class DPoP {
    private static final String SCHEME = "DPoP";
    private static final String NONCE = "DPoP-Nonce";

    /** One registration talks to a handful; only a mistake leads to more. */
    private static final int MOST_SERVERS = 200;

    /** Longer ones would not leave room for the rest of the request's headers. */
    private static final int LONGEST_NONCE = 4096;

    /** Servers tolerate more than this, or they would reject everybody. */
    private static final Duration TOLERATED = Duration.ofSeconds(5);

    private final InstantSource clock;
    private final boolean wanted;

    // guarded by this
    private final Map<String, Server> servers = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Server> eldest) {
            return size() > MOST_SERVERS;
        }
    };

    /** The nonce and the clock of one origin. */
    private record Server(@Nullable String nonce, Duration ahead) {
        static final Server UNKNOWN = new Server(null, Duration.ZERO);

        @Override
        public String toString() {
            return "Server[ahead by " + ahead + "]";
        }
    }

    /**
     * For one registration.
     *
     * @param clock the clock that dates the proofs
     * @param wanted whether new grants are to be bound. Those that are bound stay so in any case
     */
    public DPoP(InstantSource clock, boolean wanted) {
        this.clock = clock;
        this.wanted = wanted;
    }

    /** A key for a new grant; {@code null} if grants are not to be bound. */
    public @Nullable KeyPair keyForNewGrant() {
        return wanted ? newKey() : null;
    }

    /** A key for a grant that is to be bound in any case. */
    public static KeyPair newKey() {
        try {
            KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
            generator.initialize(new ECGenParameterSpec("secp256r1"));
            return generator.generateKeyPair();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("This Java platform has no P-256", e);
        }
    }

    /** The thumbprint by which an authorization request names the key (RFC 9449 section 10): {@code dpop_jkt}. */
    public static String thumbprint(KeyPair key) {
        return Proofs.thumbprint(key);
    }

    /** The {@code Authorization} header that goes with the tokens (RFC 6750 section 2.1, RFC 9449 section 7.1). */
    public static String authorization(TokenSet tokens, DialectFacts dialect) throws IOException {
        if (tokens.tokenType().equalsIgnoreCase("N_A")) {
            throw new IOException(
                    "The issued token is not an access token (token_type N_A, RFC 8693 section 2.2.1), and is"
                            + " sent to no API: get it by tokens()");
        }
        if (tokens.proofKey().isPresent()) {
            return "DPoP " + tokens.accessToken();
        }
        String scheme = dialect.tokenScheme;
        return scheme.isEmpty() ? tokens.accessToken() : scheme + " " + tokens.accessToken();
    }

    /**
     * The request with a new proof, over whatever proof it had (RFC 9449 section 4.2).
     *
     * @param accessToken the token that the request carries; {@code null} for a token request
     */
    public Request prove(Request request, KeyPair key, @Nullable String accessToken) {
        Server server = server(request.url());
        String proof = Proofs.of(
                request, key, accessToken, server.nonce(), clock.instant().plus(server.ahead()));
        return request.newBuilder().header(SCHEME, proof).build();
    }

    /** Remembers the nonce that a server sends along, with any status (RFC 9449 section 8.2). */
    public void learn(HttpUrl from, Headers headers) {
        String nonce = nonce(headers);
        if (nonce != null) {
            remember(from, new Server(nonce, server(from).ahead()));
        }
    }

    /**
     * Whether the server rejected a request because of its proof, and another proof would fix that: it has sent its
     * nonce (RFC 9449 sections 8 and 9), or its clock shows that ours is wrong. The next proof is made accordingly.
     *
     * @param error the server's error code
     */
    public boolean isRetryable(HttpUrl from, @Nullable String error, Headers headers) {
        if ("use_dpop_nonce".equals(error)) {
            return nonce(headers) != null;
        }
        Instant date = headers.getInstant("Date");
        if (!"invalid_dpop_proof".equals(error) || date == null) {
            return false;
        }
        Server server = server(from);
        Duration ahead = Duration.between(clock.instant(), date);
        if (ahead.minus(server.ahead()).abs().compareTo(TOLERATED) <= 0) {
            return false;
        }
        remember(from, new Server(server.nonce(), ahead));
        return true;
    }

    /** The error code in a DPoP challenge of an API (RFC 9449 section 7.1); {@code null} if there is none. */
    public static @Nullable String errorIn(List<Challenge> challenges) {
        for (Challenge challenge : challenges) {
            String error = challenge.authParams().get("error");
            if (challenge.scheme().equalsIgnoreCase(SCHEME) && error != null) {
                return error;
            }
        }
        return null;
    }

    private static @Nullable String nonce(Headers headers) {
        String nonce = headers.get(NONCE);
        // RFC 9449 section 8.1
        boolean valid = nonce != null
                && !nonce.isEmpty()
                && nonce.length() <= LONGEST_NONCE
                && nonce.chars().allMatch(c -> c > ' ' && c < 0x7f && c != '"' && c != '\\');
        return valid ? nonce : null;
    }

    private static String origin(HttpUrl url) {
        return url.scheme() + "://" + url.host() + ":" + url.port();
    }

    private synchronized Server server(HttpUrl url) {
        return servers.getOrDefault(origin(url), Server.UNKNOWN);
    }

    private synchronized void remember(HttpUrl url, Server server) {
        servers.put(origin(url), server);
    }

    @Override
    public String toString() {
        return "DPoP[" + (wanted ? "wanted" : "not wanted") + "]";
    }
}
