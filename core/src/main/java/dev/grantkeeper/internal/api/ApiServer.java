/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.api;

import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.answer.RequestFailedException;
import dev.grantkeeper.internal.refresh.Renewal.Prepared;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.server.AuthorizationServer;
import dev.grantkeeper.internal.server.Endpoints;
import dev.grantkeeper.internal.server.ResourceMetadata;
import dev.grantkeeper.provider.Provider;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The authorization server that an API names now, for tokens that no user has to sign in for: nothing is lost when it
 * is another one tomorrow. Thread-safe.
 *
 * @param api the API
 * @param servers all servers
 * @param choose the server among those that the API names
 * @param placeholder stands for the provider until it is known
 * @param threads may block
 */
public record ApiServer(
        ProtectedResource api,
        DiscoveredServers servers,
        Function<ResourceMetadata, String> choose,
        Provider placeholder,
        Executor threads)
        implements AuthorizationServer {
    private DiscoveredServer server() throws RequestFailedException {
        return servers.of(choose.apply(api.metadata()));
    }

    @Override
    public Provider known() {
        return placeholder;
    }

    @Override
    public Endpoints endpoints() throws RequestFailedException {
        return server().endpoints();
    }

    @Override
    public GrantRow pin(GrantRow row) {
        return row;
    }

    @Override
    public Answer.@Nullable Failure elsewhere(GrantRow row, Endpoints endpoints) {
        return null;
    }

    @Override
    public CompletableFuture<Prepared> prepare(GrantRow row) {
        CompletableFuture<CompletableFuture<Prepared>> server = new CompletableFuture<>();
        threads.execute(() -> {
            try {
                server.complete(server().prepare(row));
            } catch (RequestFailedException e) {
                server.complete(CompletableFuture.completedFuture(new Prepared(e.failure())));
            } catch (Throwable e) {
                server.completeExceptionally(e);
            }
        });
        return server.thenCompose(prepared -> prepared);
    }

    @Override
    public String toString() {
        return "ApiServer[" + api + "]";
    }
}
