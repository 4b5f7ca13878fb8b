/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.openid;

import com.nimbusds.jose.proc.SecurityContext;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.proc.BadJWTException;
import com.nimbusds.jwt.proc.DefaultJWTClaimsVerifier;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.Identity;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.InstantSource;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Verifies ID tokens (OpenID Connect Core section 3.1.3.7). There is no way to get an identity out of a token that was not
 * verified: signature by a key of the provider, issuer, audience, times, nonce. Thread-safe.
 */
public final class IdTokens {
    private static final String WHAT = "ID token";
    private static final int MAX_SKEW_SECONDS = 60;
    private static final String TENANT = "{tenantid}";

    /** Claims about the token, not about the user. */
    private static final Set<String> ABOUT_THE_TOKEN = Set.of(
            "iss",
            "sub",
            "aud",
            "exp",
            "iat",
            "nbf",
            "nonce",
            "at_hash",
            "c_hash",
            "s_hash",
            "azp",
            "jti",
            "auth_time",
            "sid",
            "typ",
            "aio",
            "uti",
            "rh");

    private final String issuer;
    private final String clientId;
    private final InstantSource clock;
    private final ProviderKeys keys;

    /**
     * Verifies for one client of a provider that speaks OpenID Connect.
     *
     * @throws IllegalArgumentException if the provider does not
     */
    public IdTokens(Provider provider, String clientId, ProviderKeys keys, InstantSource clock) {
        this.issuer = provider.issuer()
                .orElseThrow(() -> new IllegalArgumentException(provider.name() + " does not speak OpenID Connect"));
        this.clientId = clientId;
        this.clock = clock;
        this.keys = keys;
    }

    /**
     * Verifies a token.
     *
     * @param idToken the compact form
     * @param nonce what was sent with the authorization request; {@code null} if there was none, and no browser in between
     * @return who the user is
     * @throws IdentityException if the token is wrong, or cannot be verified now; the message shows nothing of it
     */
    public Identity verify(String idToken, @Nullable String nonce) throws IdentityException {
        ProviderKeys.Signed signed = keys.verify(WHAT, idToken);
        JWTClaimsSet claims = signed.claims();
        String expected = expectedIssuer(claims);
        try {
            new Claims(clientId, expected, clock).verify(claims, null);
        } catch (BadJWTException e) {
            throw invalid(e.getMessage() == null ? "it could not be verified" : e.getMessage());
        }
        String issuerOfKey = signed.issuerOfKey();
        if (issuerOfKey != null && !expand(issuerOfKey, claims).equals(expected)) {
            throw invalid("it is signed with a key of another issuer");
        }
        checkAuthorizedParty(claims);
        String actual = claims.getClaim("nonce") instanceof String text ? text : "";
        if (nonce != null
                && !MessageDigest.isEqual(
                        actual.getBytes(StandardCharsets.UTF_8), nonce.getBytes(StandardCharsets.UTF_8))) {
            throw new IdentityException(
                    IdentityException.Kind.OTHER_LOGIN,
                    "The ID token belongs to another login: its nonce differs",
                    null);
        }
        return identity(claims);
    }

    /**
     * Whose token this is, for comparison with a grant that exists (OpenID Connect Core section 12.2). The token came from the
     * token endpoint in answer to this grant's refresh token; no identity is made from it.
     *
     * @return issuer and subject as {@link Identity#id()} joins them, {@code null} if it cannot be read
     */
    public static @Nullable String idOf(String idToken) {
        try {
            JWTClaimsSet claims = ProviderKeys.claims(WHAT, ProviderKeys.parse(WHAT, idToken));
            return claims.getIssuer() == null || claims.getSubject() == null
                    ? null
                    : claims.getIssuer() + " " + claims.getSubject();
        } catch (IdentityException e) {
            return null;
        }
    }

    private String expectedIssuer(JWTClaimsSet claims) throws IdentityException {
        String expected = expand(issuer, claims);
        if (expected.contains(TENANT)) {
            throw invalid("it names no tenant (tid)");
        }
        return expected;
    }

    /** Puts the token's tenant into an issuer that leaves it open. Only a GUID gets in. */
    private static String expand(String template, JWTClaimsSet claims) {
        return claims.getClaim("tid") instanceof String tenant
                        && tenant.matches("[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
                ? template.replace(TENANT, tenant)
                : template;
    }

    private void checkAuthorizedParty(JWTClaimsSet claims) throws IdentityException {
        Object party = claims.getClaim("azp");
        if (claims.getAudience().size() > 1 && !clientId.equals(party)) {
            throw invalid("it is meant for several clients, and azp does not name this one");
        }
        if (party != null && !clientId.equals(party)) {
            throw invalid("azp names another client");
        }
    }

    private static Identity identity(JWTClaimsSet claims) throws IdentityException {
        if (claims.getSubject() == null || claims.getSubject().isEmpty()) {
            throw invalid("it names no subject");
        }
        Map<String, Object> others = new LinkedHashMap<>();
        claims.toJSONObject().forEach((name, value) -> {
            if (value != null && !ABOUT_THE_TOKEN.contains(name)) {
                others.put(name, value);
            }
        });
        return Identity.of(claims.getIssuer(), claims.getSubject(), others);
    }

    private static IdentityException invalid(String why) {
        return ProviderKeys.invalid(WHAT, why);
    }

    /** Issuer, audience and times by the application's own clock. */
    private static final class Claims extends DefaultJWTClaimsVerifier<SecurityContext> {
        private final InstantSource clock;

        Claims(String clientId, String issuer, InstantSource clock) {
            super(clientId, new JWTClaimsSet.Builder().issuer(issuer).build(), Set.of("sub", "exp", "iat"));
            this.clock = clock;
            setMaxClockSkew(MAX_SKEW_SECONDS);
        }

        @Override
        protected Date currentTime() {
            return Date.from(clock.instant());
        }

        @Override
        public void verify(JWTClaimsSet claims, @Nullable SecurityContext context) throws BadJWTException {
            super.verify(claims, context);
            Date issued = claims.getIssueTime();
            if (issued == null || claims.getExpirationTime() == null) {
                // To the check above a claim that says null is there.
                throw new BadJWTException("it does not say when it was issued and when it expires");
            }
            if (issued.toInstant().isAfter(clock.instant().plusSeconds(MAX_SKEW_SECONDS))) {
                throw new BadJWTException("it was issued in the future");
            }
        }
    }
}
