/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.login;

import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.answer.TokenResponse;
import dev.grantkeeper.internal.openid.Identities;
import dev.grantkeeper.internal.openid.IdentityException;
import dev.grantkeeper.internal.server.Endpoints;
import dev.grantkeeper.internal.wire.TokenEndpoint;
import dev.grantkeeper.token.TokenSet;
import java.time.Duration;
import java.time.Instant;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A login that the user has not finished yet, and that no browser brings back: its tokens are polled for. */
public interface DecoupledAttempt {
    /** The registration that it was started at. */
    String registration();

    /** The server's name for it; a secret. */
    String id();

    /** Its end. */
    Instant expiresAt();

    /** The shortest time between two polls. */
    Duration interval();

    /** The requested scopes. */
    Set<String> scopes();

    /** RFC 9396. */
    @Nullable
    String authorizationDetails();

    /** RFC 8707. */
    Set<String> resources();

    /** The application's own data. */
    @Nullable
    String appState();

    /** Whether the server reports when the user has decided, so that polling is for reports that were lost. */
    boolean isNotified();

    /** Asks for the tokens. */
    Answer request(TokenEndpoint endpoint);

    /** The user whose tokens these are, if anybody tells. */
    Identities.Identified identify(Endpoints endpoints, TokenResponse response, TokenSet tokens)
            throws IdentityException;
}
