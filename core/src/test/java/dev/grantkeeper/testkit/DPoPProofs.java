/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.testkit;

import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** Verifies proofs of possession (RFC 9449, 4.3), signed with ES256, RS256 or PS256. Thread-safe. */
final class DPoPProofs {
    static final List<String> ALGORITHMS = List.of("ES256", "RS256", "PS256");

    private static final Duration TOLERANCE = Duration.ofMinutes(2);

    private final Settings settings;
    private final Set<String> used = ConcurrentHashMap.newKeySet();

    DPoPProofs(Settings settings) {
        this.settings = settings;
    }

    /**
     * Verifies the proof of a request.
     *
     * @param url the URL that the request was sent to
     * @param nonce the nonce that the proof must have, or {@code null}
     * @param accessToken the access token that the request carries, or {@code null} at the token endpoint
     * @return the thumbprint of the key, or {@code null} if the request has no proof
     */
    @Nullable
    String verify(RecordedRequest request, String url, @Nullable String nonce, @Nullable String accessToken)
            throws Refused {
        String proof = request.header("DPoP").orElse(null);
        if (proof == null) {
            return null;
        }
        try {
            int end = proof.lastIndexOf('.');
            Map<String, Object> header = part(proof, 0);
            Map<String, Object> claims = part(proof, 1);
            String key = end > 0
                            && "dpop+jwt".equals(header.get("typ"))
                            && header.get("jwk") instanceof Map<?, ?> jwk
                            && !jwk.containsKey("d")
                            && ClientAssertions.verified(
                                    jwk,
                                    String.valueOf(header.get("alg")),
                                    proof.substring(0, end).getBytes(StandardCharsets.UTF_8),
                                    Base64.getUrlDecoder().decode(proof.substring(end + 1)))
                    ? thumbprint(jwk)
                    : null;
            if (key == null) {
                throw new Refused("invalid_dpop_proof", "The proof is not signed with the key in it");
            }
            if (!request.method().equals(claims.get("htm")) || !sameUrl(url, String.valueOf(claims.get("htu")))) {
                throw new Refused("invalid_dpop_proof", "The proof is for another request");
            }
            long now = settings.time.instant().getEpochSecond();
            if (!(claims.get("iat") instanceof Number at) || Math.abs(now - at.longValue()) > TOLERANCE.toSeconds()) {
                throw new Refused("invalid_dpop_proof", "The proof is not of today");
            }
            if (accessToken != null && !Jwt.base64(Jwt.sha256(accessToken)).equals(claims.get("ath"))) {
                throw new Refused("invalid_dpop_proof", "The proof is for another token");
            }
            if (nonce != null && !nonce.equals(claims.get("nonce"))) {
                throw new Refused("use_dpop_nonce", "The proof needs the nonce");
            }
            if (claims.get("jti") == null || !used.add(String.valueOf(claims.get("jti")))) {
                throw new Refused("invalid_dpop_proof", "The proof was used before");
            }
            return key;
        } catch (IllegalArgumentException | GeneralSecurityException e) {
            throw new Refused("invalid_dpop_proof", "The proof is malformed: " + e.getMessage());
        }
    }

    /** RFC 9449, 4.3: without query and fragment. */
    private static boolean sameUrl(String url, String claimed) {
        URI one = URI.create(url);
        URI other = URI.create(claimed);
        return one.getScheme().equals(other.getScheme())
                && one.getRawAuthority().equals(other.getRawAuthority())
                && one.getRawPath().equals(other.getRawPath());
    }

    /** RFC 7638, 3.2: the required members, in the order of their names. */
    private static String thumbprint(Map<?, ?> jwk) {
        String canonical = "RSA".equals(jwk.get("kty"))
                ? "{\"e\":\"" + jwk.get("e") + "\",\"kty\":\"RSA\",\"n\":\"" + jwk.get("n") + "\"}"
                : "{\"crv\":\"" + jwk.get("crv") + "\",\"kty\":\"EC\",\"x\":\"" + jwk.get("x") + "\",\"y\":\""
                        + jwk.get("y") + "\"}";
        return Jwt.base64(Jwt.sha256(canonical));
    }

    private static Map<String, Object> part(String proof, int index) {
        String[] parts = proof.split("\\.", -1);
        if (parts.length != 3) {
            throw new IllegalArgumentException("not three parts");
        }
        return JsonReader.object(new String(Base64.getUrlDecoder().decode(parts[index]), StandardCharsets.UTF_8));
    }
}
