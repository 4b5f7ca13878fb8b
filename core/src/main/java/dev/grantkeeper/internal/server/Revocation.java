/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.server;

import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.answer.RequestFailedException;
import dev.grantkeeper.internal.log.Log;
import dev.grantkeeper.internal.wire.TokenEndpoint;
import dev.grantkeeper.token.TokenSet;
import java.time.Duration;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Revokes tokens that nobody will use (RFC 7009). A sign-out does not wait for a busy server: a request that the server
 * wants to have later is repeated once, in the background. Thread-safe.
 *
 * @param server the server that issued the tokens
 * @param later runs something after a delay
 */
public record Revocation(AuthorizationServer server, BiConsumer<Duration, Runnable> later) {
    private static final Duration LONGEST = Duration.ofMinutes(5);

    /** Revokes access and refresh token, as far as the server can be reached. */
    public void revoke(TokenSet tokens) {
        revoke(tokens.refreshToken().orElse(null), tokens.accessToken());
    }

    /**
     * Revokes the tokens of a login that is refused, without letting its caller wait. Somebody else could use them as
     * long as they live, and nobody will here.
     */
    public void revokeLater(TokenSet tokens) {
        later.accept(Duration.ZERO, () -> revoke(tokens));
    }

    /** The same for the tokens of an answer that is refused, if there are any. */
    public void revokeLater(Answer.Failure failure) {
        Answer.Unused tokens = failure.unused();
        if (tokens != null) {
            later.accept(Duration.ZERO, () -> revoke(tokens.refreshToken(), tokens.accessToken()));
        }
    }

    private void revoke(@Nullable String refreshToken, @Nullable String accessToken) {
        TokenEndpoint endpoint;
        try {
            endpoint = server.endpoints().token();
        } catch (RequestFailedException e) {
            return; // without metadata there is no revocation endpoint
        }
        Duration pause = revoke(endpoint, refreshToken, accessToken);
        if (pause != null && pause.compareTo(LONGEST) <= 0) {
            later.accept(pause, () -> {
                Duration unused = revoke(endpoint, refreshToken, accessToken);
            });
        }
    }

    private @Nullable Duration revoke(
            TokenEndpoint endpoint, @Nullable String refreshToken, @Nullable String accessToken) {
        TokenEndpoint.Revoked revoked = endpoint.revoke(refreshToken, accessToken);
        if (revoked.problem() != null) {
            Log.warn(
                    "Tokens of {} that nobody will use may still be valid. {}",
                    server.known().name(),
                    revoked.problem());
        }
        return revoked.again();
    }
}
