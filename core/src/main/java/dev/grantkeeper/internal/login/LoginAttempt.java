/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.login;

import java.security.KeyPair;
import java.time.Duration;
import java.time.Instant;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A login between the redirect and the callback. Immutable; {@code toString} shows no secret.
 *
 * @param registration the registration that it was started at
 * @param state RFC 6749 section 4.1.1
 * @param codeVerifier RFC 7636 section 4.1; {@code null} where the server does not support PKCE
 * @param nonce OpenID Connect Core section 3.1.2.1; {@code null} without OpenID Connect
 * @param proofKey the key that the grant will be bound to (RFC 9449 section 10); {@code null} for bearer tokens
 * @param redirectUri sent again when the code is redeemed
 * @param url where the browser goes
 * @param urlExpiresAt the end of that URL; {@code null} if it has none of its own
 * @param scopes the requested scopes
 * @param authorizationDetails RFC 9396
 * @param resources RFC 8707
 * @param appState the application's own data
 * @param startedAt when it was started
 * @param maxAge how long before that the user may have authenticated
 * @param discovered the API that it is for, and its server; {@code null} for a registration by hand
 */
public record LoginAttempt(
        String registration,
        String state,
        @Nullable String codeVerifier,
        @Nullable String nonce,
        @Nullable KeyPair proofKey,
        String redirectUri,
        String url,
        @Nullable Instant urlExpiresAt,
        Set<String> scopes,
        @Nullable String authorizationDetails,
        Set<String> resources,
        @Nullable String appState,
        Instant startedAt,
        @Nullable Duration maxAge,
        @Nullable Discovered discovered) {

    /**
     * The purpose of a login at a server that was discovered.
     *
     * @param api the URL of the API
     * @param issuer its server, as recorded before the redirect (RFC 9207)
     * @param clientId the client that the application is there
     */
    public record Discovered(String api, String issuer, String clientId) {}

    /** This login, for an API. */
    public LoginAttempt at(Discovered server) {
        return new LoginAttempt(
                registration,
                state,
                codeVerifier,
                nonce,
                proofKey,
                redirectUri,
                url,
                urlExpiresAt,
                scopes,
                authorizationDetails,
                resources,
                appState,
                startedAt,
                maxAge,
                server);
    }

    /** The earliest moment at which the user may have authenticated; {@code null} for any. */
    @Nullable
    Instant authenticatedAfter() {
        return maxAge == null ? null : startedAt.minus(maxAge);
    }

    @Override
    public String toString() {
        return "LoginAttempt[" + registration + ", started " + startedAt + "]";
    }
}
