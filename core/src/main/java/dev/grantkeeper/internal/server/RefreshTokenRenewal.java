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
import dev.grantkeeper.token.Identity;
import dev.grantkeeper.token.TokenSet;
import java.time.Duration;
import java.time.Instant;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Renews users' grants with their refresh tokens (RFC 6749 section 6). Thread-safe. */
public final class RefreshTokenRenewal implements Renewal {
    private final AuthorizationServer server;
    private final Revocation revocation;
    private final String clientId;
    private final Set<String> trustedAudiences;

    /**
     * For one client of a server.
     *
     * @param trustedAudiences the other audiences that its ID tokens may have
     */
    public RefreshTokenRenewal(
            AuthorizationServer server, Revocation revocation, String clientId, Set<String> trustedAudiences) {
        this.server = server;
        this.revocation = revocation;
        this.clientId = clientId;
        this.trustedAudiences = trustedAudiences;
    }

    @Override
    public @Nullable GrantRow begin() {
        return null; // a login has to come first
    }

    @Override
    public boolean possible(GrantRow row) {
        TokenSet tokens = row.tokens();
        return tokens != null && tokens.refreshToken().isPresent();
    }

    @Override
    public Answer.@Nullable Failure prepare() {
        return server.prepare();
    }

    @Override
    public Answer request(GrantRow row, Resource resource) {
        TokenSet tokens = Objects.requireNonNull(row.tokens()); // where there are none, no request is possible
        return server.send(endpoints -> {
            Answer.Failure elsewhere = elsewhere(row, endpoints.provider());
            return elsewhere == null
                    ? ofTheSameUser(row, endpoints.provider(), endpoints.token().refresh(tokens, resource))
                    : elsewhere;
        });
    }

    /**
     * A grant belongs to the server that gave it: its refresh token is shown to no other, whatever the configuration
     * says now.
     */
    public static Answer.@Nullable Failure elsewhere(GrantRow row, Provider provider) {
        String from = row.identity() == null ? "" : row.identity().issuer();
        String now = provider.issuer().orElse("");
        if (!from.contains("://") || now.isEmpty() || IdTokens.isIssuer(now, from)) {
            from = row.server();
            now = Facts.of(provider).tokenServer();
            if (from == null
                    || from.equals(now)
                    || Facts.of(provider).formerServers.contains(from)) {
                return null;
            }
        }
        return new Answer.Failure(
                Answer.Kind.MISCONFIGURED,
                0,
                null,
                "This grant was issued by " + from + ", and the provider is " + now
                        + ". Its refresh token is not sent there:"
                        + " go back to that server, give the new one a registration of its own, or, if it is the same provider"
                        + " at another address, call formerServers(…) on its builder",
                null,
                null);
    }

    /**
     * An answer that names another owner is refused. The new refresh token in it is not: a server that rotates has no
     * other any more.
     */
    private Answer ofTheSameUser(GrantRow row, Provider provider, Answer answer) {
        if (!(answer instanceof Answer.Tokens success)) {
            return answer;
        }
        IdTokens.Owner owner = owner(row.identity(), provider, success.response());
        if (owner == IdTokens.Owner.SAME || (owner == IdTokens.Owner.UNKNOWN && !row.isOfAnotherUser())) {
            return answer;
        }
        String why = owner == IdTokens.Owner.UNKNOWN
                ? "The last answer to a refresh held an ID token of another user, and this one holds none"
                : "The answer to a refresh holds an ID token of " + owner.words();
        return new Answer.Failure(
                        Answer.Kind.MALFORMED, 200, null, why + " (OpenID Connect Core section 12.2)", null, null)
                .with(Answer.Unused.of(
                        success.response(), owner == IdTokens.Owner.OTHER_USER || row.isOfAnotherUser()));
    }

    private IdTokens.Owner owner(@Nullable Identity identity, Provider provider, TokenResponse response) {
        // An identity from a profile endpoint has another issuer than any ID token.
        return identity == null
                        || response.idToken() == null
                        || provider.jwksUri().isEmpty()
                        || identity.issuer().equals(provider.name())
                        || identity.issuer().startsWith(provider.name() + "/")
                ? IdTokens.Owner.UNKNOWN
                : IdTokens.ownerOf(response.idToken(), identity, clientId, trustedAudiences);
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
        return row.server() == null ? server.pin(row) : row;
    }

    @Override
    public @Nullable Duration earliest() {
        return Facts.of(server.known()).earliestRefresh;
    }

    @Override
    public Provider.Replay replay() {
        return server.known().replay();
    }

    @Override
    public @Nullable Instant consentEndsAt(GrantRow row) {
        return Consent.endOf(row, server.known());
    }

    @Override
    public void revoke(GrantRow row, TokenSet tokens) {
        Provider provider;
        try {
            provider = server.endpoints().provider();
        } catch (RequestFailedException e) {
            return; // without metadata there is no revocation endpoint
        }
        if (elsewhere(row, provider) == null) {
            revocation.revoke(tokens);
        }
    }
}
