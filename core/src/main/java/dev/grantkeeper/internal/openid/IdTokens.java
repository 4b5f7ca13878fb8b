/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.openid;

import com.nimbusds.jose.proc.SecurityContext;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.proc.BadJWTException;
import com.nimbusds.jwt.proc.DefaultJWTClaimsVerifier;
import dev.grantkeeper.internal.answer.ServerText;
import dev.grantkeeper.internal.provider.Facts;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.Identity;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.Base64;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Verifies ID tokens (OpenID Connect Core section 3.1.3.7). There is no way to get an identity out of a token that was
 * not verified: signature by a key of the provider, issuer, audience, times, nonce. Thread-safe.
 */
public final class IdTokens {
    private static final String WHAT = "ID token";
    private static final String USER_INFO = "UserInfo response";
    private static final int MAX_SKEW_SECONDS = 60;

    /** Of a token that is issued for a login, when that starts: a clock may be so late. */
    private static final Duration MAX_AGE = Duration.ofMinutes(5);

    private static final String TENANT = "{tenantid}";
    private static final String GUID = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}";
    private static final int GUID_LENGTH = 36;
    private static final int MOST_NAMED = 5;
    /** CIBA Core section 10.3.1. */
    private static final String AUTH_REQ_ID = "urn:openid:params:jwt:claim:auth_req_id";
    /** Stands for all audiences of tokens that name this client as their party. */
    private static final String ANY_AUDIENCE = "*";

    /** Version 1.0, version 2.0 and External ID. */
    private static final Pattern TENANT_IN_ISSUER = Pattern.compile("https?://[^/]+/(" + GUID + ")(?:/v2\\.0)?/?");

    private static final String NO_TENANT =
            "it names no tenant (tid); Entra ID does that if the scope profile is requested";

    /**
     * Claims about the token, not about the user. The session (sid) stays, since the provider may end it (back-channel
     * logout).
     */
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
            "typ",
            "aio",
            "uti",
            "rh",
            AUTH_REQ_ID,
            "urn:openid:params:jwt:claim:rt_hash");

    private final String issuer;
    private final Set<String> tenants;
    private final Set<String> refusedTenants;
    private final String clientId;
    private final Set<String> trustedAudiences;
    private final InstantSource clock;
    private final ProviderKeys keys;
    private final Decryption decryption;

    /**
     * Verifies for one client of a provider that supports OpenID Connect.
     *
     * @param trustedAudiences the other audiences that its tokens may have
     * @throws IllegalArgumentException if the provider does not
     */
    public IdTokens(
            Provider provider,
            String clientId,
            Set<String> trustedAudiences,
            ProviderKeys keys,
            Decryption decryption,
            InstantSource clock) {
        this.issuer = provider.issuer()
                .orElseThrow(() -> new IllegalArgumentException(provider.name() + " does not support OpenID Connect"));
        this.tenants = Facts.of(provider).tenants;
        this.refusedTenants = Facts.of(provider).refusedTenants;
        this.clientId = clientId;
        this.trustedAudiences = trustedAudiences;
        this.clock = clock;
        this.keys = keys;
        this.decryption = decryption;
    }

    /**
     * The values that an ID token has to match, besides the provider and this client. Those that are {@code null} are
     * unknown and not compared.
     *
     * @param nonce the nonce of the authorization request
     * @param issuer the server that sent the browser back (RFC 9207)
     * @param code the code that the token was issued for
     * @param accessToken the access token that came with it
     * @param authenticatedAfter the earliest moment at which the user may have authenticated, if a {@code max_age} was
     *     requested
     * @param response the authorization response that the token came with as its signature; its hashes are then
     *     required
     * @param authReqId the backchannel login that the token was issued for. Only pushed tokens have to name theirs
     * @param issuedAfter the earliest moment at which it may have been issued
     */
    public record Expected(
            @Nullable String nonce,
            @Nullable String issuer,
            @Nullable String code,
            @Nullable String accessToken,
            @Nullable Instant authenticatedAfter,
            @Nullable Response response,
            @Nullable String authReqId,
            @Nullable Instant issuedAfter) {
        /** For a token of a login through a browser. */
        public Expected(
                @Nullable String nonce,
                @Nullable String issuer,
                @Nullable String code,
                @Nullable String accessToken,
                @Nullable Instant authenticatedAfter,
                @Nullable Response response) {
            this(nonce, issuer, code, accessToken, authenticatedAfter, response, null, null);
        }

        /** For a token of a backchannel login. */
        public static Expected ofBackchannel(
                String accessToken, @Nullable Instant authenticatedAfter, String authReqId, Instant issuedAfter) {
            return new Expected(null, null, null, accessToken, authenticatedAfter, null, authReqId, issuedAfter);
        }

        /** For a token that no browser had a part in. */
        public static Expected with(@Nullable String accessToken) {
            return new Expected(null, null, null, accessToken, null, null);
        }

        @Override
        public String toString() {
            return "Expected[" + (nonce == null ? "no nonce" : "nonce") + "]";
        }
    }

    /**
     * An authorization response. {@code toString} shows nothing of it.
     *
     * @param state its state
     * @param loginStartedAt the time of the request
     */
    public record Response(String state, Instant loginStartedAt) {
        @Override
        public String toString() {
            return "Response[to " + loginStartedAt + "]";
        }
    }

    /**
     * A token that was verified. {@code toString} shows nothing of it.
     *
     * @param identity the user
     * @param compact the signed token: what was sent, or what was encrypted in it
     */
    public record Verified(Identity identity, String compact) {
        /**
         * Checks that the ID token that came through the browser, if one did, names the same user (OpenID Connect Core
         * section 3.3.3.6).
         */
        public void checkIsOf(@Nullable Identity named) throws IdentityException {
            if (named != null
                    && !(named.issuer().equals(identity.issuer())
                            && named.subject().equals(identity.subject()))) {
                throw invalid("it names another user or issuer than the one of the authorization response");
            }
        }

        @Override
        public String toString() {
            return "Verified[" + identity + "]";
        }
    }

    /**
     * Verifies a token.
     *
     * @param idToken the compact form; it may be encrypted to this client
     * @param expected the values that it has to match
     * @throws IdentityException if the token is wrong, or cannot be verified now; the message shows nothing of it,
     *     except a tenant or an audience that is not accepted
     */
    public Verified verify(String idToken, Expected expected) throws IdentityException {
        String compact = decryption.openDemanded(WHAT, idToken);
        ProviderKeys.Signed signed = keys.verify(WHAT, compact);
        JWTClaimsSet claims = signed.claims();
        checkProviderAndTimes(WHAT, signed);
        checkAudience(claims);
        if (expected.nonce() != null && !same(claims.getClaim("nonce"), expected.nonce())) {
            throw otherLogin("its nonce differs");
        }
        if (expected.issuer() != null && !expected.issuer().equals(claims.getIssuer())) {
            throw otherLogin("its issuer is not the server that sent the browser back");
        }
        checkHash("at_hash", expected.accessToken(), signed);
        checkHash("c_hash", expected.code(), signed);
        if (expected.response() != null) {
            checkSigns(expected.response(), signed);
        }
        Instant after = expected.authenticatedAfter();
        if (after != null && !isBetween(after, claims.getClaim("auth_time"), clock.instant())) {
            throw invalid("the user has authenticated too long ago, or it does not say when (auth_time)");
        }
        if (expected.authReqId() != null
                && claims.getClaim(AUTH_REQ_ID) != null
                && !same(claims.getClaim(AUTH_REQ_ID), expected.authReqId())) {
            throw otherLogin("its auth_req_id differs");
        }
        Instant earliest = expected.issuedAfter();
        if (earliest != null && claims.getIssueTime().toInstant().isBefore(earliest)) {
            throw invalid("it was issued before the login began");
        }
        return new Verified(identity(claims), compact);
    }

    /** OpenID Connect Core sections 3.1.3.7, number 10, and 3.3.2.11; FAPI 1.0 Advanced section 5.2.2.1. */
    private static void checkSigns(Response response, ProviderKeys.Signed signed) throws IdentityException {
        for (String hash : List.of("c_hash", "s_hash")) {
            if (signed.claims().getClaim(hash) == null) {
                throw invalid("it came with an authorization response, and has no " + hash + " of it");
            }
        }
        checkHash("s_hash", response.state(), signed);
        Instant issued = signed.claims().getIssueTime().toInstant();
        if (issued.isBefore(response.loginStartedAt().minus(MAX_AGE))) {
            throw invalid("it was issued before the login was started");
        }
    }

    /** Checks issuer, key, times and tenant, as in everything that the provider signs for this client. */
    void checkProviderAndTimes(String what, ProviderKeys.Signed signed) throws IdentityException {
        JWTClaimsSet claims = signed.claims();
        String expected = expectedIssuer(what, claims);
        try {
            new Claims(clientId, expected, clock).verify(claims, null);
        } catch (BadJWTException e) {
            throw ProviderKeys.invalid(what, e.getMessage() == null ? "it could not be verified" : e.getMessage());
        }
        String issuerOfKey = signed.issuerOfKey();
        if (issuerOfKey != null && !expand(issuerOfKey, claims).equals(expected)) {
            throw ProviderKeys.invalid(what, "it is signed with a key of another issuer");
        }
        checkTenant(what, claims);
    }

    /**
     * The issuer was compared before, so a tenant that is named here is the one that signed. It is neither a secret nor
     * a person.
     */
    private void checkTenant(String what, JWTClaimsSet claims) throws IdentityException {
        if (contradictsIssuer(claims)) {
            throw ProviderKeys.invalid(what, "its tenant (tid) is not the one that its issuer names");
        }
        String tenant =
                claims.getClaim("tid") instanceof String tid && tid.matches(GUID) ? tid.toLowerCase(Locale.ROOT) : null;
        if (tenant != null && refusedTenants.contains(tenant)) {
            throw otherTenant(
                    what, "its tenant " + tenant + " is one of those that the provider refuses (refusedTenants)");
        }
        if (!tenants.isEmpty() && (tenant == null || !tenants.contains(tenant))) {
            throw otherTenant(
                    what,
                    (tenant == null ? NO_TENANT : "its tenant is " + tenant)
                            + ", and only those that tenants(…) of the provider names may sign in. Add it there if it"
                            + " should");
        }
    }

    /**
     * Whether tenant and issuer name different tenants. Applications find users by the tenant, which the issuer of a
     * single tenant leaves unchecked. Issuers of other forms than Entra ID's may mean something else by {@code tid}.
     */
    private static boolean contradictsIssuer(JWTClaimsSet claims) {
        Object tenant = claims.getClaim("tid");
        Matcher issuer = TENANT_IN_ISSUER.matcher(String.valueOf(claims.getIssuer()));
        return tenant != null
                && issuer.matches()
                && !(tenant instanceof String tid && tid.equalsIgnoreCase(issuer.group(1)));
    }

    private static IdentityException otherTenant(String what, String why) {
        return new IdentityException(
                IdentityException.Kind.OTHER_TENANT, "The " + what + " is not accepted: " + why, null);
    }

    /** The owner of a token that came with a refresh. */
    public enum Owner {
        /** The grant's user, and this client. */
        SAME(""),
        /** Nobody says. */
        UNKNOWN(""),
        OTHER_USER("another user"),
        OTHER_CLIENT("another client"),
        UNREADABLE("nobody: it cannot be read");

        private final String words;

        Owner(String words) {
            this.words = words;
        }

        /** The same for people. */
        public String words() {
            return words;
        }
    }

    /**
     * The owner of a token that came with a refresh (OpenID Connect Core section 12.2). Its signature is not checked:
     * it came from the token endpoint itself, over TLS (section 3.1.3.7, number 6), no identity is made from it, and a
     * refresh must not fail because the keys cannot be fetched. The signature may be missing: version 1.0 of Entra ID
     * does not sign the ID tokens of a refresh.
     *
     * @param identity the grant's user
     */
    public static Owner ownerOf(String idToken, Identity identity, String clientId, Set<String> trustedAudiences) {
        try {
            JWTClaimsSet claims = ProviderKeys.unverifiedClaims(WHAT, idToken);
            if (!identity.issuer().equals(claims.getIssuer())
                    || !identity.subject().equals(claims.getSubject())
                    || contradictsIssuer(claims)) {
                return Owner.OTHER_USER;
            }
            return strangeAudience(claims, clientId, trustedAudiences) == null ? Owner.SAME : Owner.OTHER_CLIENT;
        } catch (IdentityException e) {
            return Owner.UNREADABLE;
        }
    }

    /**
     * The signed ID token that came where nobody is identified by it: what was sent, or what was encrypted in it.
     * Neither the signature is verified nor the encryption demanded, for the reasons that {@link #ownerOf} gives. One
     * that cannot be decrypted stays as it is, and is then nobody's.
     */
    public String opened(String idToken) {
        try {
            return decryption.open(WHAT, idToken);
        } catch (IdentityException e) {
            return idToken;
        }
    }

    /** The logout token that was sent, or was encrypted in what was sent (OpenID Connect Back-Channel Logout 2.6). */
    String openedLogout(String what, String compact) throws IdentityException {
        return decryption.openDemanded(what, compact);
    }

    /** The content of a UserInfo response that is encrypted: a signed JWT or a JSON object. */
    String openedUserInfo(String body) throws IdentityException {
        return decryption.openObject(USER_INFO, body);
    }

    /**
     * Verifies a signed UserInfo response (OpenID Connect Core section 5.3.2).
     *
     * @param of the user that it should be about
     * @return its claims
     */
    Map<String, Object> userInfo(String jwt, Identity of) throws IdentityException {
        String what = USER_INFO;
        ProviderKeys.Signed signed = keys.verify(what, jwt);
        JWTClaimsSet claims = signed.claims();
        String issuerOfKey = signed.issuerOfKey();
        if ((claims.getIssuer() != null && !claims.getIssuer().equals(of.issuer()))
                || (issuerOfKey != null && !isIssuer(issuerOfKey, of.issuer()))) {
            throw ProviderKeys.invalid(what, "its issuer is another one");
        }
        if (!claims.getAudience().isEmpty() && !claims.getAudience().contains(clientId)) {
            throw ProviderKeys.invalid(what, "it is meant for another client");
        }
        signed.checkTimes(what, clock.instant());
        return claims.toJSONObject();
    }

    /**
     * Whether an issuer is the provider's.
     *
     * @param template the provider's issuer, which may leave the tenant open
     */
    public static boolean isIssuer(String template, String issuer) {
        int open = template.indexOf(TENANT);
        if (open < 0) {
            return issuer.equals(template);
        }
        String end = template.substring(open + TENANT.length());
        return issuer.length() == open + GUID_LENGTH + end.length()
                && issuer.startsWith(template.substring(0, open))
                && issuer.endsWith(end)
                && issuer.substring(open, open + GUID_LENGTH).matches(GUID);
    }

    /**
     * Whether an issuer has the form of Entra ID's.
     *
     * @param template the provider's issuer, which may leave the tenant open
     */
    public static boolean isOfEntraId(String template) {
        return TENANT_IN_ISSUER
                .matcher(template.replace(TENANT, "00000000-0000-0000-0000-000000000000"))
                .matches();
    }

    private static boolean isBetween(Instant from, @Nullable Object seconds, Instant until) {
        return seconds instanceof Number time
                && time.longValue() >= from.minusSeconds(MAX_SKEW_SECONDS).getEpochSecond()
                && time.longValue() <= until.plusSeconds(MAX_SKEW_SECONDS).getEpochSecond();
    }

    private static boolean same(@Nullable Object actual, String expected) {
        return actual instanceof String text
                && MessageDigest.isEqual(
                        text.getBytes(StandardCharsets.UTF_8), expected.getBytes(StandardCharsets.UTF_8));
    }

    /** OpenID Connect Core sections 3.1.3.6 and 3.3.2.11: optional here, but a hash that is present has to be right. */
    private static void checkHash(String name, @Nullable String of, ProviderKeys.Signed signed)
            throws IdentityException {
        Object actual = signed.claims().getClaim(name);
        if (of == null || !signed.claims().getClaims().containsKey(name)) {
            return;
        }
        String algorithm = signed.header().getAlgorithm().getName();
        String digest = algorithm.endsWith("256") ? "SHA-256" : algorithm.endsWith("384") ? "SHA-384" : "SHA-512";
        try {
            byte[] hash = MessageDigest.getInstance(digest).digest(of.getBytes(StandardCharsets.US_ASCII));
            if (!same(
                    actual,
                    Base64.getUrlEncoder().withoutPadding().encodeToString(Arrays.copyOf(hash, hash.length / 2)))) {
                throw invalid("its " + name + " belongs to something else");
            }
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("Every Java platform has " + digest, e);
        }
    }

    private String expectedIssuer(String what, JWTClaimsSet claims) throws IdentityException {
        String expected = expand(issuer, claims);
        if (expected.contains(TENANT)) {
            throw ProviderKeys.invalid(what, NO_TENANT);
        }
        return expected;
    }

    /** Puts the token's tenant into an issuer that leaves it open. Only a GUID gets in. */
    private static String expand(String template, JWTClaimsSet claims) {
        return claims.getClaim("tid") instanceof String tenant && tenant.matches(GUID)
                ? template.replace(TENANT, tenant)
                : template;
    }

    private void checkAudience(JWTClaimsSet claims) throws IdentityException {
        String strange = strangeAudience(claims, clientId, trustedAudiences);
        if (strange != null) {
            throw invalid(strange);
        }
    }

    /**
     * OpenID Connect Core section 3.1.3.7, numbers 3 to 5: a token for other clients, too, is accepted only if the
     * application trusts them. {@code null} if nothing is wrong.
     */
    private static @Nullable String strangeAudience(
            JWTClaimsSet claims, String clientId, Set<String> trustedAudiences) {
        Object party = claims.getClaim("azp");
        if (party != null && !clientId.equals(party)) {
            return "azp names another client";
        }
        List<String> audience = claims.getAudience();
        if (!audience.contains(clientId)) {
            return "it is meant for other clients";
        }
        if (trustedAudiences.contains(ANY_AUDIENCE) && party != null) {
            return null;
        }
        String others = audience.stream()
                .filter(one -> one == null || !(clientId.equals(one) || trustedAudiences.contains(one)))
                .limit(MOST_NAMED)
                .map(one -> String.valueOf(ServerText.harmless(one)))
                .collect(Collectors.joining(", "));
        return others.isEmpty()
                ? null
                : "it is meant for other clients, too: " + others
                        + ". If this application trusts them, call trustedAudiences(...) on the builder";
    }

    private static Identity identity(JWTClaimsSet claims) throws IdentityException {
        if (claims.getSubject() == null || claims.getSubject().isEmpty()) {
            throw invalid("it names no subject");
        }
        Map<String, Object> others = new LinkedHashMap<>();
        claims.toJSONObject().forEach((name, value) -> {
            if (isAboutTheUser(name, value)) {
                others.put(name, value);
            }
        });
        return Identity.of(claims.getIssuer(), claims.getSubject(), others);
    }

    static boolean isAboutTheUser(String name, @Nullable Object value) {
        return value != null && !ABOUT_THE_TOKEN.contains(name);
    }

    private static IdentityException otherLogin(String why) {
        return new IdentityException(
                IdentityException.Kind.OTHER_LOGIN, "The ID token belongs to another login: " + why, null);
    }

    private static IdentityException invalid(String why) {
        return ProviderKeys.invalid(WHAT, why);
    }

    /** Issuer, audience and times by the application's own clock. */
    private static final class Claims extends DefaultJWTClaimsVerifier<SecurityContext> {
        private final InstantSource clock;

        Claims(String clientId, String issuer, InstantSource clock) {
            super(clientId, new JWTClaimsSet.Builder().issuer(issuer).build(), Set.of("exp", "iat"));
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
                // For the check above, a claim with the value null is present.
                throw new BadJWTException("it does not say when it was issued and when it expires");
            }
            if (issued.toInstant().isBefore(Instant.EPOCH)) {
                // A number too large for a date has come round to the other end of time.
                throw new BadJWTException("it was issued at an impossible time");
            }
            if (issued.toInstant().isAfter(clock.instant().plusSeconds(MAX_SKEW_SECONDS))) {
                throw new BadJWTException("it was issued in the future");
            }
        }
    }
}
