/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.server;

import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.answer.TokenResponse;
import dev.grantkeeper.internal.protocol.Resource;
import dev.grantkeeper.internal.provider.Facts;
import dev.grantkeeper.internal.refresh.Clocks;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.wire.DPoP;
import dev.grantkeeper.token.TokenSet;
import java.security.KeyPair;
import java.time.Instant;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Renews the application's own grant, with its own credentials (RFC 6749 section 4.4). Thread-safe. */
public final class ClientCredentialsRenewal extends UserlessRenewal {
    private final Set<String> scopes;
    private final Set<String> resources;
    private final boolean bound;

    /**
     * For these scopes, and these resources (RFC 8707).
     *
     * @param bound whether tokens are bound to a key in any case
     */
    public ClientCredentialsRenewal(
            AuthorizationServer server,
            Set<String> scopes,
            Set<String> resources,
            boolean bound,
            Revocation revocation,
            Clocks time) {
        super(server, revocation, time);
        this.scopes = scopes;
        this.resources = resources;
        this.bound = bound;
    }

    @Override
    public Answer request(GrantRow row, Resource resource) {
        String joined = String.join(Facts.of(server.known()).scopeSeparator, scopes);
        KeyPair its = keyOf(row.state(resource).tokens());
        KeyPair before = its == null ? keyOf(row.tokens()) : its;
        KeyPair key = before == null && bound ? DPoP.newKey() : before;
        return aboutTheApplication(
                server.send(endpoints -> endpoints.token().clientCredentials(resource, resources, joined, key)));
    }

    private static @Nullable KeyPair keyOf(@Nullable TokenSet tokens) {
        return tokens == null ? null : tokens.proofKey().orElse(null);
    }

    private static Answer aboutTheApplication(Answer answer) {
        // No user's grant can end here: the server rejects the client.
        return answer instanceof Answer.Failure failure && failure.wantsLogin()
                ? failure.as(Answer.Kind.MISCONFIGURED)
                : answer;
    }

    @Override
    public TokenSet tokens(GrantRow row, Resource resource, TokenResponse response, Instant now) {
        if (resource.isOwn()) {
            return response.toTokenSet(
                    null, scopes, now, Facts.of(server.known()).defaultLifetime());
        }
        return response.toTokenSet(null, Set.of(), now, Facts.of(server.known()).defaultLifetime())
                .newBuilder()
                .refreshToken(null)
                .build();
    }
}
