/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.openid;

import com.nimbusds.jwt.JWTClaimsSet;
import dev.grantkeeper.internal.answer.Reply;
import dev.grantkeeper.internal.wire.Http;
import dev.grantkeeper.token.Identity;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.time.InstantSource;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The claims of one claims provider about a user of another provider (OpenID Connect Core section 5.6.2): aggregated,
 * as a JWT among the user's claims, or distributed, at an endpoint of the claims provider. The user's own provider
 * vouches that they are about this user; the claims provider has signed that they are true. Thread-safe.
 */
public final class ClaimSources {
    /** The user's provider decides how many there are, and each may cost a request. */
    private static final int MAX_SOURCES = 10;

    private final String issuer;
    private final ProviderKeys keys;
    private final Predicate<String> endpoints;
    private final Http http;
    private final InstantSource clock;

    /**
     * The sources of one claims provider.
     *
     * @param endpoints whether claims may be fetched from a URL
     */
    public ClaimSources(String issuer, ProviderKeys keys, Predicate<String> endpoints, Http http, InstantSource clock) {
        this.issuer = issuer;
        this.keys = keys;
        this.endpoints = endpoints;
        this.http = http;
        this.clock = clock;
    }

    /**
     * Reads the claims that the user's provider attributes to this claims provider. Other sources are not looked at.
     *
     * @throws IdentityException if a source of this claims provider is wrong, or cannot be fetched or verified now
     */
    public Map<String, Object> claims(Identity identity) throws IdentityException {
        Map<String, Object> all = new LinkedHashMap<>();
        if (identity.claims().get("_claim_names") instanceof Map<?, ?> names
                && identity.claims().get("_claim_sources") instanceof Map<?, ?> sources) {
            int left = MAX_SOURCES;
            for (Map.Entry<String, Set<String>> source : bySource(names).entrySet()) {
                String jwt =
                        left > 0 && sources.get(source.getKey()) instanceof Map<?, ?> members ? jwt(members) : null;
                if (jwt != null) {
                    left--;
                    JWTClaimsSet claims = verified(jwt);
                    source.getValue().forEach(name -> {
                        Object value = claims.getClaim(name);
                        // Nor who the user is there: put beside the user's own claims, it would be somebody here.
                        if (IdTokens.isAboutTheUser(name, value)) {
                            all.putIfAbsent(name, value);
                        }
                    });
                }
            }
        }
        return Collections.unmodifiableMap(all);
    }

    /** The names of claims by the name of their source; one claim may have several. */
    private static Map<String, Set<String>> bySource(Map<?, ?> names) {
        Map<String, Set<String>> all = new LinkedHashMap<>();
        names.forEach((name, of) -> {
            for (Object source : of instanceof Collection<?> several ? several : Collections.singleton(of)) {
                if (source instanceof String text) {
                    all.computeIfAbsent(text, unused -> new LinkedHashSet<>()).add(String.valueOf(name));
                }
            }
        });
        return all;
    }

    /** The JWT of a source, if this is one of this claims provider. */
    private @Nullable String jwt(Map<?, ?> source) throws IdentityException {
        if (source.get("JWT") instanceof String jwt) {
            return isOurs(jwt) ? jwt : null;
        }
        return source.get("endpoint") instanceof String endpoint && endpoints.test(endpoint)
                ? fetched(endpoint, source.get("access_token"))
                : null;
    }

    private boolean isOurs(String jwt) {
        try {
            return issuer.equals(ProviderKeys.unverifiedClaims(what(), jwt).getIssuer());
        } catch (IdentityException e) {
            return false; // a JWT that cannot be read, or is encrypted, names nobody
        }
    }

    /** With the access token that came with the source, and never with one of the application's own. */
    private String fetched(String endpoint, @Nullable Object accessToken) throws IdentityException {
        Reply reply;
        try {
            reply = http.get(
                    endpoint,
                    accessToken instanceof String token && !token.isEmpty()
                            ? TokenSet.builder(token).build()
                            : null);
        } catch (Http.TooLargeException e) {
            throw new IdentityException(
                    IdentityException.Kind.INVALID, "The claims provider " + issuer + " sent too much", e);
        } catch (IOException e) {
            throw new IdentityException(
                    IdentityException.Kind.UNAVAILABLE, "The claims provider " + issuer + " did not answer", e);
        } catch (IllegalArgumentException e) {
            // The message may quote the token.
            throw ProviderKeys.invalid(what(), "its access token cannot be sent");
        }
        if (reply.status() != 200) {
            throw new IdentityException(
                    reply.status() >= 500 || reply.status() == 429
                            ? IdentityException.Kind.UNAVAILABLE
                            : IdentityException.Kind.INVALID,
                    "The claims provider " + issuer + " answered with status " + reply.status(),
                    null);
        }
        return reply.body().strip();
    }

    private JWTClaimsSet verified(String jwt) throws IdentityException {
        ProviderKeys.Signed signed = keys.verify(what(), jwt);
        JWTClaimsSet claims = signed.claims();
        String issuerOfKey = signed.issuerOfKey();
        if (!issuer.equals(claims.getIssuer()) || (issuerOfKey != null && !issuer.equals(issuerOfKey))) {
            throw ProviderKeys.invalid(what(), "another issuer is named in it");
        }
        signed.checkTimes(what(), clock.instant());
        signed.checkNames(what());
        return claims;
    }

    private String what() {
        return "JWT of the claims provider " + issuer;
    }
}
