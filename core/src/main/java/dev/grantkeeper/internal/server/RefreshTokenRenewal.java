/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.server;

import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.answer.RequestFailedException;
import dev.grantkeeper.internal.answer.TokenResponse;
import dev.grantkeeper.internal.openid.IdTokens;
import dev.grantkeeper.internal.protocol.Resource;
import dev.grantkeeper.internal.provider.Facts;
import dev.grantkeeper.internal.refresh.Renewal;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.Identity;
import dev.grantkeeper.token.TokenSet;
import java.time.Duration;
import java.time.Instant;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** Renews users' grants with their refresh tokens (RFC 6749 section 6). Thread-safe. */
public final class RefreshTokenRenewal implements Renewal {
    private final AuthorizationServer server;
    private final Revocation revocation;
    private final Set<String> trustedAudiences;

    /**
     * For one client of a server.
     *
     * @param trustedAudiences the other audiences that its ID tokens may have
     */
    public RefreshTokenRenewal(AuthorizationServer server, Revocation revocation, Set<String> trustedAudiences) {
        this.server = server;
        this.revocation = revocation;
        this.trustedAudiences = trustedAudiences;
    }

    @Override
    public @Nullable GrantRow begin(AccountKey key) {
        return null; // a login has to come first
    }

    @Override
    public boolean possible(GrantRow row) {
        TokenSet tokens = row.tokens();
        return tokens != null && tokens.refreshToken().isPresent();
    }

    @Override
    public CompletableFuture<Prepared> prepare(GrantRow row) {
        return server.prepare(row);
    }

    @Override
    public Answer request(GrantRow row, Resource resource) {
        TokenSet tokens = Objects.requireNonNull(row.tokens()); // where there are none, no request is possible
        return server.send(endpoints -> {
            Answer.Failure elsewhere = server.elsewhere(row, endpoints);
            return elsewhere == null
                    ? ofTheSameUser(
                            row,
                            endpoints,
                            endpoints.decrypted(endpoints.token().refresh(tokens, resource)))
                    : elsewhere;
        });
    }

    /**
     * An answer that names another owner is refused. The new refresh token in it is not: a server that rotates has no
     * other any more.
     */
    private Answer ofTheSameUser(GrantRow row, Endpoints endpoints, Answer answer) {
        if (!(answer instanceof Answer.Tokens success)) {
            return answer;
        }
        IdTokens.Owner owner = owner(row.identity(), endpoints, success.response());
        if (owner == IdTokens.Owner.SAME || (owner == IdTokens.Owner.UNKNOWN && !row.isOfAnotherUser())) {
            return success;
        }
        String why = owner == IdTokens.Owner.UNKNOWN
                ? "The last answer to a refresh held an ID token of another user, and this one holds none"
                : "The answer to a refresh holds an ID token of " + owner.words();
        return new Answer.Failure(
                        Answer.Kind.MALFORMED, 200, null, why + " (OpenID Connect Core section 12.2)", null, null)
                .with(Answer.Unused.of(
                        success.response(), owner == IdTokens.Owner.OTHER_USER || row.isOfAnotherUser()));
    }

    private IdTokens.Owner owner(@Nullable Identity identity, Endpoints endpoints, TokenResponse response) {
        Provider provider = endpoints.provider();
        // An identity from a profile endpoint has another issuer than any ID token.
        return identity == null
                        || response.idToken() == null
                        || provider.jwksUri().isEmpty()
                        || identity.issuer().equals(provider.name())
                        || identity.issuer().startsWith(provider.name() + "/")
                ? IdTokens.Owner.UNKNOWN
                : IdTokens.ownerOf(response.idToken(), identity, endpoints.clientId(), trustedAudiences);
    }

    @Override
    public TokenSet tokens(GrantRow row, Resource resource, TokenResponse response, Instant now) {
        TokenSet tokens = response.toTokenSet(
                row.state(resource).tokens(),
                Set.of(),
                now,
                Facts.of(server.known()).defaultLifetime());
        // Refresh and ID token belong to the grant, whatever they came with.
        return resource.isOwn()
                ? tokens
                : tokens.newBuilder()
                        .refreshToken(null)
                        .refreshTokenExpiresAt(null)
                        .idToken(null)
                        .build();
    }

    @Override
    public GrantRow pinned(GrantRow row) {
        return row.server() == null || row.client() == null ? server.pin(row) : row;
    }

    @Override
    public @Nullable Duration earliest() {
        return Facts.of(server.known()).earliestRefresh;
    }

    @Override
    public Provider.Replay replay(GrantRow row) {
        return server.known().replay();
    }

    @Override
    public @Nullable Instant consentEndsAt(GrantRow row) {
        return Consent.endOf(row, server.known());
    }

    @Override
    public void revoke(GrantRow row, TokenSet tokens) {
        Endpoints endpoints;
        try {
            endpoints = server.endpoints();
        } catch (RequestFailedException e) {
            return; // without metadata there is no revocation endpoint
        }
        if (server.elsewhere(row, endpoints) == null) {
            revocation.revoke(tokens);
        }
    }
}
