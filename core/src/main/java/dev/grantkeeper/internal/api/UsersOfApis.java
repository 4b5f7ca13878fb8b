/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.api;

import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.answer.TokenResponse;
import dev.grantkeeper.internal.protocol.Resource;
import dev.grantkeeper.internal.refresh.Renewal;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.TokenSet;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * Renews users' grants, each at the server that issued it, which the row names. Thread-safe.
 *
 * @param servers all servers
 */
public record UsersOfApis(DiscoveredServers servers) implements Renewal {
    /** The pause before a request is tried again after the server did not know the client. */
    static final Duration UNTIL_LOOKED_FOR = Duration.ofSeconds(1);

    private DiscoveredServer server(GrantRow row) {
        return servers.of(endpoint(row));
    }

    @Override
    public @Nullable GrantRow begin(AccountKey key) {
        return null; // a login has to come first
    }

    /** Imported tokens may be of a server that nobody named. They are used, and not refreshed. */
    @Override
    public boolean possible(GrantRow row) {
        return row.server() != null && server(row).refresh().possible(row);
    }

    @Override
    public CompletableFuture<Prepared> prepare(GrantRow row) {
        return server(row).prepare(row);
    }

    @Override
    public String endpoint(GrantRow row) {
        return String.valueOf(row.server());
    }

    @Override
    public Answer request(GrantRow row, Resource resource) {
        DiscoveredServer server = server(row);
        Answer answer = server.refresh().request(row, resource);
        if (answer instanceof Answer.Tokens) {
            server.clientIsAccepted();
        }
        // The refresh token was not looked at. Whether the client is gone turns out in a moment.
        return answer instanceof Answer.Failure failure
                        && failure.isAboutTheClient()
                        && server.clientIsRejected(row.login())
                ? failure.as(Answer.Kind.TEMPORARY).retryAfter(UNTIL_LOOKED_FOR)
                : answer;
    }

    @Override
    public TokenSet tokens(GrantRow row, Resource resource, TokenResponse response, Instant now) {
        return server(row).refresh().tokens(row, resource, response, now);
    }

    @Override
    public GrantRow pinned(GrantRow row) {
        return server(row).refresh().pinned(row);
    }

    @Override
    public Provider.Replay replay(GrantRow row) {
        return server(row).refresh().replay(row);
    }

    @Override
    public @Nullable Instant consentEndsAt(GrantRow row) {
        return row.server() == null ? null : server(row).refresh().consentEndsAt(row);
    }

    @Override
    public void revoke(GrantRow row, TokenSet tokens) {
        if (row.server() != null) {
            server(row).refresh().revoke(row, tokens);
        }
    }
}
