/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.openid;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.KeySourceException;
import com.nimbusds.jose.jwk.source.JWKSource;
import com.nimbusds.jose.jwk.source.JWKSourceBuilder;
import com.nimbusds.jose.proc.BadJOSEException;
import com.nimbusds.jose.proc.JWSVerificationKeySelector;
import com.nimbusds.jose.proc.SecurityContext;
import com.nimbusds.jose.util.JSONObjectUtils;
import com.nimbusds.jose.util.Resource;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import com.nimbusds.jwt.proc.BadJWTException;
import com.nimbusds.jwt.proc.DefaultJWTClaimsVerifier;
import com.nimbusds.jwt.proc.DefaultJWTProcessor;
import dev.grantkeeper.internal.wire.Http;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.Identity;
import java.io.IOException;
import java.net.MalformedURLException;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.text.ParseException;
import java.time.InstantSource;
import java.util.Date;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Verifies ID tokens (OpenID Connect Core section 3.1.3.7). There is no way to get an identity out of a token that was not
 * verified: signature by a key of the provider, issuer, audience, times, nonce. Thread-safe.
 */
public final class IdTokens {
    private static final int MAX_LENGTH = 64 * 1024;
    private static final long KEYS_LIVE_MILLIS = 5 * 60_000L;
    private static final long KEYS_TIMEOUT_MILLIS = 15_000L;
    private static final long BETWEEN_FETCHES_MILLIS = 60_000L;
    private static final long KEYS_SURVIVE_OUTAGE_MILLIS = 24 * 3_600_000L;
    private static final int MAX_SKEW_SECONDS = 60;
    private static final String TENANT = "{tenantid}";

    // Asymmetric ones only. "none" and the HMAC family cannot get in: whoever knows a public key could make those.
    private static final Set<JWSAlgorithm> ALGORITHMS = Set.of(
            JWSAlgorithm.RS256,
            JWSAlgorithm.RS384,
            JWSAlgorithm.RS512,
            JWSAlgorithm.PS256,
            JWSAlgorithm.PS384,
            JWSAlgorithm.PS512,
            JWSAlgorithm.ES256,
            JWSAlgorithm.ES384,
            JWSAlgorithm.ES512);

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
    private final JWKSource<SecurityContext> keys;
    // Microsoft's common key set says of each key for which issuer it signs.
    private volatile Map<String, String> issuersOfKeys = Map.of();

    /**
     * Verifies for one client of a provider that speaks OpenID Connect.
     *
     * @throws IllegalArgumentException if the provider does not
     */
    public IdTokens(Provider provider, String clientId, Http http, InstantSource clock) {
        this.issuer = provider.issuer()
                .orElseThrow(() -> new IllegalArgumentException(provider.name() + " does not speak OpenID Connect"));
        this.clientId = clientId;
        this.clock = clock;
        try {
            URL url = provider.jwksUri().orElseThrow().toURL();
            this.keys = JWKSourceBuilder.<SecurityContext>create(url, where -> fetch(http, where))
                    .cache(KEYS_LIVE_MILLIS, KEYS_TIMEOUT_MILLIS)
                    .refreshAheadCache(false)
                    .rateLimited(BETWEEN_FETCHES_MILLIS)
                    .outageTolerant(KEYS_SURVIVE_OUTAGE_MILLIS)
                    .build();
        } catch (MalformedURLException e) {
            throw new IllegalArgumentException("The JWKS URI of " + provider.name() + " is not a URL", e);
        }
    }

    private Resource fetch(Http http, URL url) throws IOException {
        Http.Reply reply = http.get(url.toString(), null);
        if (reply.status() != 200) {
            throw new IOException("The provider's keys could not be fetched: status " + reply.status());
        }
        Map<String, String> issuers = new HashMap<>();
        try {
            Map<String, Object> set = JSONObjectUtils.parse(reply.body());
            Object[] all = set == null ? null : JSONObjectUtils.getJSONObjectArray(set, "keys");
            if (all == null) {
                throw new IOException("The provider's keys are no JWK set");
            }
            for (Object one : all) {
                if (one instanceof Map<?, ?> key
                        && key.get("kid") instanceof String id
                        && key.get("issuer") instanceof String issuerOfKey) {
                    issuers.put(id, issuerOfKey);
                }
            }
        } catch (ParseException e) {
            throw new IOException("The provider's keys are no JWK set");
        }
        issuersOfKeys = Map.copyOf(issuers);
        return new Resource(reply.body(), "application/json");
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
        SignedJWT jwt = parse(idToken);
        JWTClaimsSet unverified = claims(jwt);
        String expected = expectedIssuer(unverified);
        DefaultJWTProcessor<SecurityContext> processor = new DefaultJWTProcessor<>();
        processor.setJWSKeySelector(new JWSVerificationKeySelector<>(ALGORITHMS, keys));
        processor.setJWTClaimsSetVerifier(new Claims(clientId, expected, clock));
        JWTClaimsSet claims;
        try {
            claims = processor.process(jwt, null);
        } catch (KeySourceException e) {
            throw new IdentityException(
                    IdentityException.Kind.UNAVAILABLE,
                    "The provider's keys could not be fetched; sign in again later",
                    e);
        } catch (BadJOSEException | JOSEException e) {
            throw invalid(e.getMessage() == null ? "it could not be verified" : e.getMessage());
        }
        String keyId = jwt.getHeader().getKeyID();
        String issuerOfKey = keyId == null ? null : issuersOfKeys.get(keyId);
        if (issuerOfKey != null && !expand(issuerOfKey, unverified).equals(expected)) {
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
            JWTClaimsSet claims = claims(parse(idToken));
            return claims.getIssuer() == null || claims.getSubject() == null
                    ? null
                    : claims.getIssuer() + " " + claims.getSubject();
        } catch (IdentityException e) {
            return null;
        }
    }

    private static SignedJWT parse(String idToken) throws IdentityException {
        // Counted before anything is split: a megabyte of dots must not become a million strings.
        if (idToken.length() > MAX_LENGTH
                || idToken.chars().filter(c -> c == '.').limit(3).count() != 2) {
            throw invalid("it is not a signed JWT");
        }
        try {
            return SignedJWT.parse(idToken);
        } catch (ParseException | RuntimeException e) { // NullPointerException where JSON says null
            throw invalid("it is not a signed JWT");
        }
    }

    private static JWTClaimsSet claims(SignedJWT jwt) throws IdentityException {
        try {
            return jwt.getJWTClaimsSet();
        } catch (ParseException | RuntimeException e) {
            throw invalid("its claims cannot be read");
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
        return new IdentityException(IdentityException.Kind.INVALID, "The ID token is not valid: " + why, null);
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
