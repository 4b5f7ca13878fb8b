/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.openid;

import com.nimbusds.jwt.JWTClaimsSet;
import dev.grantkeeper.internal.answer.Callback;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Date;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Verifies signed authorization responses (JARM section 2.4): issuer, signature by a key of the provider, audience,
 * expiry. Their encryption is removed before, since the login is found by the state inside. Thread-safe.
 */
public final class SignedResponses {
    private static final String WHAT = "authorization response";
    private static final Duration MAX_SKEW = Duration.ofMinutes(1);

    private final String issuer;
    private final String clientId;
    private final InstantSource clock;
    private final ProviderKeys keys;

    /** Verifies for one client of a provider. */
    public SignedResponses(String issuer, String clientId, ProviderKeys keys, InstantSource clock) {
        this.issuer = issuer;
        this.clientId = clientId;
        this.keys = keys;
        this.clock = clock;
    }

    /**
     * Verifies a response.
     *
     * @param response the compact form; anything that a browser can send
     * @return the callback in it
     * @throws IdentityException if it is wrong, or cannot be verified now; the message shows nothing of it
     */
    public Callback verify(String response) throws IdentityException {
        ProviderKeys.Signed signed = keys.verify(WHAT, response);
        JWTClaimsSet claims = signed.claims();
        String issuerOfKey = signed.issuerOfKey();
        if (!issuer.equals(claims.getIssuer()) || (issuerOfKey != null && !issuer.equals(issuerOfKey))) {
            throw ProviderKeys.invalid(WHAT, "another authorization server issued it");
        }
        if (!claims.getAudience().contains(clientId)) {
            throw ProviderKeys.invalid(WHAT, "it is meant for another client");
        }
        Instant now = clock.instant();
        Date expires = claims.getExpirationTime();
        if (expires == null || !now.isBefore(expires.toInstant().plus(MAX_SKEW))) {
            throw ProviderKeys.invalid(WHAT, "it has expired, or does not say when it does");
        }
        Date notBefore = claims.getNotBeforeTime();
        if (notBefore != null && now.isBefore(notBefore.toInstant().minus(MAX_SKEW))) {
            throw ProviderKeys.invalid(WHAT, "it is not valid yet");
        }
        String session = text(claims, "session_state");
        return Callback.verified(
                text(claims, "state"),
                issuer,
                text(claims, "error"),
                text(claims, "error_description"),
                text(claims, "code"),
                session == null ? Map.of() : Map.of("session_state", session));
    }

    private static @Nullable String text(JWTClaimsSet claims, String name) {
        return claims.getClaim(name) instanceof String text ? text : null;
    }
}
