/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.answer;

import dev.grantkeeper.token.TokenSet;
import java.net.URI;
import java.security.KeyPair;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A successful answer of the token endpoint (RFC 6749 section 5.1). {@code toString} shows no token.
 *
 * @param lifetime of the access token; {@code null} if the server does not say
 * @param refreshIn the time after which the server wants a refresh; {@code null} if it does not say
 * @param refreshToken a new one; {@code null} if the old one stays
 * @param refreshLifetime of the refresh token; {@code null} if the server does not say
 * @param scopes the granted scopes; {@code null} if those are the requested ones
 * @param authorizationDetails the granted details, as JSON (RFC 9396 section 7); {@code null} if the server does not
 *     say
 * @param proofKey the key that the tokens are bound to; {@code null} for bearer tokens
 * @param issuedTokenType the kind of token (RFC 8693 section 2.2.1); {@code null} if the server does not say
 * @param apiBase the address of this user's API; {@code null} if the server does not say
 * @param identity what the answer tells about the user, by claim; usually nothing
 */
public record TokenResponse(
        String accessToken,
        String tokenType,
        @Nullable Duration lifetime,
        @Nullable Duration refreshIn,
        @Nullable String refreshToken,
        @Nullable Duration refreshLifetime,
        @Nullable String idToken,
        @Nullable Set<String> scopes,
        @Nullable String authorizationDetails,
        @Nullable KeyPair proofKey,
        @Nullable String issuedTokenType,
        @Nullable URI apiBase,
        Map<String, Object> identity) {

    /** Starts an answer that says nothing but this: a bearer token without anything else. */
    public static Builder builder(String accessToken) {
        return new Builder(accessToken);
    }

    /** Collects the parts of an answer. Not thread-safe. */
    public static final class Builder {
        private final String accessToken;
        private String tokenType = "Bearer";
        private @Nullable Duration lifetime;
        private @Nullable Duration refreshIn;
        private @Nullable String refreshToken;
        private @Nullable Duration refreshLifetime;
        private @Nullable String idToken;
        private @Nullable Set<String> scopes;
        private @Nullable String authorizationDetails;
        private @Nullable KeyPair proofKey;
        private @Nullable String issuedTokenType;
        private @Nullable URI apiBase;
        private Map<String, Object> identity = Map.of();

        private Builder(String accessToken) {
            this.accessToken = accessToken;
        }

        Builder tokenType(String tokenType) {
            this.tokenType = tokenType;
            return this;
        }

        public Builder lifetime(@Nullable Duration lifetime) {
            this.lifetime = lifetime;
            return this;
        }

        Builder refreshIn(@Nullable Duration refreshIn) {
            this.refreshIn = refreshIn;
            return this;
        }

        public Builder refreshToken(@Nullable String refreshToken) {
            this.refreshToken = refreshToken;
            return this;
        }

        Builder refreshLifetime(@Nullable Duration refreshLifetime) {
            this.refreshLifetime = refreshLifetime;
            return this;
        }

        Builder idToken(@Nullable String idToken) {
            this.idToken = idToken;
            return this;
        }

        public Builder scopes(@Nullable Set<String> scopes) {
            this.scopes = scopes;
            return this;
        }

        Builder authorizationDetails(@Nullable String authorizationDetails) {
            this.authorizationDetails = authorizationDetails;
            return this;
        }

        Builder proofKey(@Nullable KeyPair proofKey) {
            this.proofKey = proofKey;
            return this;
        }

        Builder issuedTokenType(@Nullable String issuedTokenType) {
            this.issuedTokenType = issuedTokenType;
            return this;
        }

        Builder apiBase(@Nullable URI apiBase) {
            this.apiBase = apiBase;
            return this;
        }

        Builder identity(Map<String, Object> identity) {
            this.identity = identity;
            return this;
        }

        public TokenResponse build() {
            return new TokenResponse(
                    accessToken,
                    tokenType,
                    lifetime,
                    refreshIn,
                    refreshToken,
                    refreshLifetime,
                    idToken,
                    scopes,
                    authorizationDetails,
                    proofKey,
                    issuedTokenType,
                    apiBase,
                    identity);
        }
    }

    /** The same with another ID token: the one that was encrypted in what was sent. */
    public TokenResponse withIdToken(String other) {
        return new TokenResponse(
                accessToken,
                tokenType,
                lifetime,
                refreshIn,
                refreshToken,
                refreshLifetime,
                other,
                scopes,
                authorizationDetails,
                proofKey,
                issuedTokenType,
                apiBase,
                identity);
    }

    /**
     * The reason why no {@link TokenSet} can be made of this answer; {@code null} if one can. Only making one tells, so
     * one is made, and nobody gets it.
     */
    @Nullable
    String problem() {
        try {
            TokenSet ignored = toTokenSet(null, Set.of(), Instant.EPOCH, Optional.empty());
            return null;
        } catch (IllegalArgumentException e) {
            return String.valueOf(e.getMessage());
        }
    }

    /**
     * The token set that results.
     *
     * @param before the tokens before; what the answer does not mention is taken from there
     * @param requested the scopes that were asked for
     * @param now the moment at which the answer came
     * @param defaultLifetime of the access token if the server does not say
     */
    public TokenSet toTokenSet(
            @Nullable TokenSet before, Set<String> requested, Instant now, Optional<Duration> defaultLifetime) {
        Duration lives = lifetime == null ? defaultLifetime.orElse(null) : lifetime;
        TokenSet.Builder tokens = TokenSet.builder(accessToken)
                .tokenType(tokenType)
                .proofKey(proofKey)
                .receivedAt(now)
                .expiresAt(after(now, lives))
                .refreshAt(after(now, refreshIn))
                .refreshToken(refreshToken)
                .refreshTokenExpiresAt(after(now, refreshLifetime))
                .idToken(idToken)
                .authorizationDetails(authorizationDetails)
                .apiBase(apiBase)
                .scopes(scopes == null ? requested : scopes);
        if (before != null) {
            tokens.resources(before.resources());
            if (apiBase == null) {
                tokens.apiBase(before.apiBase().orElse(null));
            }
            if (authorizationDetails == null) {
                tokens.authorizationDetails(before.authorizationDetails().orElse(null));
            }
            if (refreshToken == null) {
                tokens.refreshToken(before.refreshToken().orElse(null));
                if (refreshLifetime == null) {
                    tokens.refreshTokenExpiresAt(before.refreshTokenExpiresAt().orElse(null));
                }
            }
            if (idToken == null) {
                tokens.idToken(before.idToken().orElse(null));
            }
            if (scopes == null) {
                tokens.scopes(before.scopes());
            }
        }
        return tokens.build();
    }

    private static @Nullable Instant after(Instant now, @Nullable Duration time) {
        return time == null ? null : now.plus(time);
    }

    @Override
    public String toString() {
        return "TokenResponse[lifetime=" + lifetime + ", refresh token " + (refreshToken == null ? "absent" : "present")
                + ", scopes=" + scopes + "]";
    }
}
