/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.server;

import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.answer.RequestFailedException;
import dev.grantkeeper.internal.refresh.Renewal.Prepared;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.provider.Provider;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** An authorization server, as one client uses it. Thread-safe. */
public interface AuthorizationServer {
    /** The facts that are known without fetching; no endpoints among them. */
    Provider known();

    /** The endpoints; may have to fetch something first. */
    Endpoints endpoints() throws RequestFailedException;

    /**
     * The row with the name of the server that issued its tokens and the client that they were issued to, if those are
     * known by now. They are sent to no other.
     */
    GrantRow pin(GrantRow row);

    /**
     * The failure of a request with the tokens of another server: a grant belongs to the server that gave it, and its
     * refresh token is shown to no other, whatever the configuration says now. {@code null} if they are from here.
     */
    Answer.@Nullable Failure elsewhere(GrantRow row, Endpoints endpoints);

    /**
     * Fetches what a request needs. Never completes exceptionally. A grant that was issued to another client of this
     * server has a failure that only a login can fix.
     */
    CompletableFuture<Prepared> prepare(GrantRow row);

    /** Makes one request, after fetching what it needs. */
    default Answer send(Function<Endpoints, Answer> request) {
        Endpoints to;
        try {
            to = endpoints();
        } catch (RequestFailedException e) {
            return e.failure();
        }
        return request.apply(to);
    }

    /** The result of a preparation, once the endpoints are known. */
    static Prepared prepared(GrantRow row, Endpoints endpoints) {
        String client = row.client();
        return client == null || client.equals(endpoints.clientId())
                ? Prepared.READY
                : new Prepared(new Answer.Failure(
                        Answer.Kind.REFUSED,
                        0,
                        null,
                        "This grant was issued to another client than the application is now at "
                                + endpoints.provider().name()
                                + " (RFC 6749 section 6). Its refresh token is not sent",
                        null,
                        null));
    }
}
