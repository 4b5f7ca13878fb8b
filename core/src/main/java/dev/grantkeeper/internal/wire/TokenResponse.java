/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.wire;

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
 * What a successful answer says (RFC 6749 section 5.1). {@code toString} shows no token.
 *
 * @param lifetime of the access token; {@code null} if the server does not say
 * @param refreshIn when the server wants a refresh
 * @param refreshToken a new one; {@code null} if the old one stays
 * @param refreshLifetime of the refresh token, where the server says so
 * @param scopes what was granted; {@code null} if that is what was asked for
 * @param authorizationDetails what was granted, as JSON (RFC 9396 section 7); {@code null} if the server does not say
 * @param proofKey what the tokens are bound to; {@code null} for bearer tokens
 * @param issuedTokenType what kind of token it is (RFC 8693 section 2.2.1); {@code null} if the server does not say
 * @param apiBase where this user's API is; {@code null} if the server does not say
 * @param identity what it says of the user, by claim; empty if that is nothing
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

    /** Bearer tokens, and nothing of authorization details nor of token exchange. */
    public TokenResponse(
            String accessToken,
            String tokenType,
            @Nullable Duration lifetime,
            @Nullable Duration refreshIn,
            @Nullable String refreshToken,
            @Nullable Duration refreshLifetime,
            @Nullable String idToken,
            @Nullable Set<String> scopes) {
        this(
                accessToken,
                tokenType,
                lifetime,
                refreshIn,
                refreshToken,
                refreshLifetime,
                idToken,
                scopes,
                null,
                null,
                null,
                null,
                Map.of());
    }

    /**
     * The token set that results.
     *
     * @param before what was known before: what the answer does not mention stays as it was
     * @param requested the scopes that were asked for
     * @param now when the answer came
     * @param defaultLifetime of access tokens where the server does not say
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
