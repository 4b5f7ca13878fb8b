/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.login;

import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.answer.TokenResponse;
import dev.grantkeeper.internal.openid.IdTokens;
import dev.grantkeeper.internal.openid.Identities;
import dev.grantkeeper.internal.openid.IdentityException;
import dev.grantkeeper.internal.server.Endpoints;
import dev.grantkeeper.internal.wire.TokenEndpoint;
import dev.grantkeeper.token.TokenSet;
import java.time.Duration;
import java.time.Instant;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A backchannel login that the user has not finished yet (OpenID Connect CIBA Core 1.0). Immutable; {@code toString}
 * shows no secret.
 *
 * @param registration the registration that it was started at
 * @param authReqId CIBA Core section 7.3; a secret
 * @param notificationToken the token that the server's notification has to carry; {@code null} in poll mode. A secret
 * @param startedAt the time of its start
 * @param expiresAt its expiry
 * @param interval the shortest time between two polls
 * @param maxAge the longest time before its start at which the user may have authenticated
 * @param scopes the requested scopes, {@code openid} among them
 * @param authorizationDetails RFC 9396
 * @param resources RFC 8707
 * @param appState the application's own data
 */
public record BackchannelAttempt(
        String registration,
        String authReqId,
        @Nullable String notificationToken,
        Instant startedAt,
        Instant expiresAt,
        Duration interval,
        @Nullable Duration maxAge,
        Set<String> scopes,
        @Nullable String authorizationDetails,
        Set<String> resources,
        @Nullable String appState)
        implements DecoupledAttempt {

    /** Clocks may differ by less. A token that is older than the login was issued for another one. */
    private static final Duration OLDEST_ID_TOKEN = Duration.ofHours(1);

    @Override
    public String id() {
        return authReqId;
    }

    @Override
    public boolean isNotified() {
        return notificationToken != null;
    }

    @Override
    public Answer request(TokenEndpoint endpoint) {
        return endpoint.backchannelToken(authReqId, resources);
    }

    /** The ID token is required (CIBA Core section 10.1.1). */
    @Override
    public Identities.Identified identify(Endpoints endpoints, TokenResponse response, TokenSet tokens)
            throws IdentityException {
        return endpoints
                .identities()
                .verified(
                        tokens,
                        IdTokens.Expected.ofBackchannel(
                                tokens.accessToken(),
                                maxAge == null ? null : startedAt.minus(maxAge),
                                authReqId,
                                startedAt.minus(OLDEST_ID_TOKEN)));
    }

    @Override
    public String toString() {
        return "BackchannelAttempt[" + (notificationToken == null ? "poll" : "ping") + ", until " + expiresAt + "]";
    }
}
