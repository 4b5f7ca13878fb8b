/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.wire.TokenEndpoint;
import dev.grantkeeper.token.TokenSet;
import java.time.Duration;
import java.util.function.BiConsumer;

/**
 * Gives tokens back that nobody will use (RFC 7009). Whoever leaves does not wait for a server that is busy: what it
 * asks to be told again is told again once, behind the scenes. Thread-safe.
 *
 * @param server where to
 * @param later runs something after a while
 */
record Revocation(Server server, BiConsumer<Duration, Runnable> later) {
    private static final Duration LONGEST = Duration.ofMinutes(5);

    void giveBack(TokenSet tokens) {
        TokenEndpoint endpoint;
        try {
            endpoint = server.endpoints().token();
        } catch (AuthorizationServerException e) {
            return; // who cannot be asked where cannot be told either
        }
        Duration pause = endpoint.giveBack(tokens);
        if (pause != null && pause.compareTo(LONGEST) <= 0) {
            later.accept(pause, () -> {
                Duration unused = endpoint.giveBack(tokens);
            });
        }
    }
}
