/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.login;

import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.answer.TokenResponse;
import dev.grantkeeper.internal.openid.Identities;
import dev.grantkeeper.internal.openid.IdentityException;
import dev.grantkeeper.internal.server.Endpoints;
import dev.grantkeeper.internal.wire.TokenEndpoint;
import dev.grantkeeper.token.TokenSet;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A device login that the user has not finished yet (RFC 8628). Immutable; {@code toString} shows no secret.
 *
 * @param registration the registration that it was started at
 * @param deviceCode RFC 8628 section 3.2; a secret
 * @param userCode the code that the user types in
 * @param verificationUri the page where the user types it in
 * @param verificationUriComplete the same with the code in it; {@code null} if the server sent none
 * @param expiresAt the end of both codes
 * @param interval the shortest time between two polls
 * @param scopes the requested scopes
 * @param authorizationDetails RFC 9396
 * @param resources RFC 8707
 * @param appState the application's own data
 */
public record DeviceAttempt(
        String registration,
        String deviceCode,
        String userCode,
        URI verificationUri,
        @Nullable URI verificationUriComplete,
        Instant expiresAt,
        Duration interval,
        Set<String> scopes,
        @Nullable String authorizationDetails,
        Set<String> resources,
        @Nullable String appState)
        implements DecoupledAttempt {

    @Override
    public String id() {
        return deviceCode;
    }

    @Override
    public boolean isNotified() {
        return false;
    }

    @Override
    public Answer request(TokenEndpoint endpoint) {
        return endpoint.deviceToken(deviceCode, resources);
    }

    @Override
    public Identities.Identified identify(Endpoints endpoints, TokenResponse response, TokenSet tokens)
            throws IdentityException {
        return endpoints.identities().of(response, tokens, scopes.contains("openid"));
    }

    @Override
    public String toString() {
        return "DeviceAttempt[" + verificationUri + ", until " + expiresAt + "]";
    }
}
