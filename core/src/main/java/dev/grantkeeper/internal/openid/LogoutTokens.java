/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.openid;

import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jwt.JWTClaimsSet;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Verifies logout tokens (OpenID Connect Back-Channel Logout 1.0 section 2.6). Thread-safe. */
public final class LogoutTokens {
    private static final String WHAT = "logout token";
    private static final String EVENT = "http://schemas.openid.net/event/backchannel-logout";

    /**
     * Some providers leave the type out, or name the general one; the event, too, shows that this is not an ID token.
     */
    private static final Set<String> TYPES = Set.of("logout+jwt", "jwt");

    /**
     * A session that has ended. It names a user, a session, or both.
     *
     * @param issuer the issuer of the token
     * @param subject the user
     * @param session the session
     * @param id the id of the token
     */
    public record Ended(
            String issuer,
            @Nullable String subject,
            @Nullable String session,
            String id) {}

    private final IdTokens idTokens;
    private final ProviderKeys keys;

    /** Verifies for the client that the ID tokens are for. */
    public LogoutTokens(IdTokens idTokens, ProviderKeys keys) {
        this.idTokens = idTokens;
        this.keys = keys;
    }

    /**
     * Verifies a token.
     *
     * @param compact anything that anybody can send
     * @throws IdentityException if it is wrong, or cannot be verified now
     */
    public Ended verify(String compact) throws IdentityException {
        ProviderKeys.Signed signed = keys.verify(WHAT, idTokens.openedLogout(WHAT, compact));
        JOSEObjectType type = signed.header().getType();
        if (type != null && !TYPES.contains(type.getType().toLowerCase(Locale.ROOT))) {
            throw invalid("it is a token of another type");
        }
        idTokens.checkProviderAndTimes(WHAT, signed);
        JWTClaimsSet claims = signed.claims();
        if (!(claims.getClaim("events") instanceof Map<?, ?> events && events.get(EVENT) instanceof Map<?, ?>)) {
            throw invalid("it contains no logout event");
        }
        if (claims.getClaims().containsKey("nonce")) {
            throw invalid("it has a nonce, as ID tokens have");
        }
        String id = text(claims, "jti");
        String subject = text(claims, "sub");
        String session = text(claims, "sid");
        if (id == null || (subject == null && session == null)) {
            throw invalid("it names neither a user nor a session, or has no id");
        }
        return new Ended(String.valueOf(claims.getIssuer()), subject, session, id);
    }

    private static @Nullable String text(JWTClaimsSet claims, String name) throws IdentityException {
        Object value = claims.getClaim(name);
        if (value == null) {
            return null;
        }
        if (value instanceof String text && !text.isEmpty()) {
            return text;
        }
        throw invalid("its " + name + " is not a text");
    }

    private static IdentityException invalid(String why) {
        return ProviderKeys.invalid(WHAT, why);
    }
}
