/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.bridges;

import dev.grantkeeper.Account;
import dev.grantkeeper.LoginRequiredException;
import dev.grantkeeper.RequestAuthorization;
import feign.Client;
import feign.Request;
import feign.Response;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Feign for one account: requests to its APIs carry the access token, refreshed before it expires, and are repeated
 * once after a 401. Other requests, and those with an {@code Authorization} of their own, are sent as they are.
 * Thread-safe.
 *
 * <pre>{@code
 * Things things = Feign.builder()
 *         .client(new AccountClient(user, new DefaultClient(null, null)))
 *         .target(Things.class, "https://api.example.com");
 * }</pre>
 *
 * <p>{@code DefaultClient} is the name since Feign 13.12; before, it is {@code new Client.Default(null, null)}.
 *
 * <p>Redirects are not followed, whatever {@code Request.Options} say, since the client behind this one would take the
 * token along: they arrive as a {@code FeignException}. Bodies are in memory, so every request can be repeated.
 *
 * <p>A {@link LoginRequiredException} arrives as the cause of an {@link UncheckedIOException}: Feign's {@code Retryer}
 * would send an {@code IOException} five times. The other {@link dev.grantkeeper.OAuthException}s arrive as the cause
 * of a {@code RetryableException}, which the {@code Retryer} has retried. A 401 that is the result is a
 * {@code FeignException.Unauthorized}.
 */
public final class AccountClient implements Client {
    private final Account account;
    private final Client client;

    public AccountClient(Account account, Client client) {
        this.account = account;
        this.client = client;
    }

    @Override
    public Response execute(Request request, Request.Options options) throws IOException {
        try {
            return send(request, options);
        } catch (LoginRequiredException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Response send(Request request, Request.Options options) throws IOException {
        boolean hasItsOwn = request.headers().keySet().stream().anyMatch("Authorization"::equalsIgnoreCase);
        Optional<RequestAuthorization> first =
                hasItsOwn ? Optional.empty() : account.authorization(URI.create(request.url()));
        if (first.isEmpty()) {
            return client.execute(request, options);
        }
        Request.Options here = new Request.Options(
                options.connectTimeout(),
                options.connectTimeoutUnit(),
                options.readTimeout(),
                options.readTimeoutUnit(),
                false);
        Response response = client.execute(authorized(request, first.get()), here);
        Optional<RequestAuthorization> next = afterResponse(response, first.get());
        if (next.isEmpty()) {
            return response.toBuilder().request(request).build();
        }
        response.close();
        Response second = client.execute(authorized(request, next.get()), here);
        Optional<RequestAuthorization> none = afterResponse(second, next.get());
        assert none.isEmpty();
        return second.toBuilder().request(request).build(); // exceptions show the request, and no token
    }

    private static Request authorized(Request request, RequestAuthorization authorization) {
        Map<String, Collection<String>> headers = new HashMap<>(request.headers());
        headers.put(authorization.headerName(), List.of(authorization.headerValue()));
        return Request.create(
                request.httpMethod(),
                request.url(),
                headers,
                request.body(),
                request.charset(),
                request.requestTemplate());
    }

    private static Optional<RequestAuthorization> afterResponse(Response response, RequestAuthorization authorization)
            throws IOException {
        try {
            Collection<String> challenges = response.headers().getOrDefault("WWW-Authenticate", List.of());
            return authorization.afterResponse(response.status(), List.copyOf(challenges));
        } catch (IOException | RuntimeException e) {
            response.close();
            throw e;
        }
    }
}
