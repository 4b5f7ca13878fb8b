/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.openid;

import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jwt.JWTClaimsSet;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Verifies signed introspection responses (RFC 9701 section 5), which may be encrypted. Thread-safe. */
public final class SignedIntrospections {
    private static final String WHAT = "introspection response";

    /** RFC 7515 section 4.1.9 lets the first part of a media type stand or not. */
    private static final Set<String> TYPES = Set.of("token-introspection+jwt", "application/token-introspection+jwt");

    private static final Duration MAX_SKEW = Duration.ofMinutes(1);

    /**
     * Between the server and us may be somebody who ends TLS, which is what signatures are for here: a response from
     * the time before a token was revoked must not be repeated forever. Some servers keep responses for minutes.
     */
    private static final Duration MAX_AGE = Duration.ofMinutes(5);

    private final String issuer;
    private final String clientId;
    private final InstantSource clock;
    private final ProviderKeys keys;
    private final Decryption decryption;

    /** Verifies for one client of a provider. */
    public SignedIntrospections(
            String issuer, String clientId, ProviderKeys keys, Decryption decryption, InstantSource clock) {
        this.issuer = issuer;
        this.clientId = clientId;
        this.keys = keys;
        this.decryption = decryption;
        this.clock = clock;
    }

    /**
     * Verifies a response.
     *
     * @param response the compact form; it may be encrypted to this client
     * @return the members about the token, those that are {@code null} left out
     * @throws IdentityException if it is wrong, or cannot be verified now; the message shows nothing of it
     */
    public Map<String, Object> verify(String response) throws IdentityException {
        ProviderKeys.Signed signed = keys.verify(WHAT, decryption.open(WHAT, response));
        JOSEObjectType type = signed.header().getType();
        if (type == null || !TYPES.contains(type.getType().toLowerCase(Locale.ROOT))) {
            // An ID token or an access token of the same server must not pass for one.
            throw invalid("its type (typ) is not token-introspection+jwt");
        }
        JWTClaimsSet claims = signed.claims();
        String issuerOfKey = signed.issuerOfKey();
        if (!issuer.equals(claims.getIssuer()) || (issuerOfKey != null && !issuer.equals(issuerOfKey))) {
            throw invalid("another authorization server issued it");
        }
        if (!claims.getAudience().contains(clientId)) {
            throw invalid("it is meant for another client");
        }
        checkAge(claims);
        signed.checkTimes(WHAT, clock.instant());
        signed.checkNames(WHAT);
        if (!(claims.getClaim("token_introspection") instanceof Map<?, ?> members)
                || !(members.get("active") instanceof Boolean)) {
            throw invalid("it does not say whether the token is active");
        }
        Map<String, Object> all = new LinkedHashMap<>();
        members.forEach((name, value) -> {
            if (value != null) {
                all.put(String.valueOf(name), value);
            }
        });
        return all;
    }

    private void checkAge(JWTClaimsSet claims) throws IdentityException {
        Instant now = clock.instant();
        Date issued = claims.getIssueTime();
        if (issued == null) {
            throw invalid("it does not say when it was issued (iat)");
        }
        if (issued.toInstant().isAfter(now.plus(MAX_SKEW))) {
            throw invalid("it was issued in the future");
        }
        if (issued.toInstant().isBefore(now.minus(MAX_AGE)) || isPast(claims.getExpirationTime(), now)) {
            throw invalid("it is too old");
        }
    }

    private static boolean isPast(@Nullable Date expires, Instant now) {
        return expires != null && !now.isBefore(expires.toInstant().plus(MAX_SKEW));
    }

    private static IdentityException invalid(String why) {
        return ProviderKeys.invalid(WHAT, why);
    }
}
