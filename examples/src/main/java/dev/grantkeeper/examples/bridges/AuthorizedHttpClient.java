/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.bridges;

import dev.grantkeeper.Account;
import dev.grantkeeper.RequestAuthorization;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodySubscriber;
import java.net.http.HttpResponse.BodySubscribers;
import java.net.http.HttpResponse.ResponseInfo;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Flow;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import javax.net.ssl.SSLSession;

/**
 * The JDK's {@link HttpClient} for one account: requests to its APIs carry the access token, refreshed before it
 * expires, and are repeated once after a 401. Other requests, and those with an {@code Authorization} of their own, are
 * sent as they are. Thread-safe.
 *
 * <pre>{@code
 * AuthorizedHttpClient forUser = new AuthorizedHttpClient(user, HttpClient.newHttpClient());
 * HttpResponse<String> response = forUser.send(HttpRequest.newBuilder(url).build(), BodyHandlers.ofString());
 * }</pre>
 *
 * <p>A body of unknown length ({@code ofInputStream}, {@code fromPublisher} without a length) can perhaps be read once
 * only: such a request is not repeated, and its 401 is returned.
 *
 * <p>{@link #send} throws {@link dev.grantkeeper.LoginRequiredException} and the other
 * {@link dev.grantkeeper.OAuthException}s as they are; they are {@code IOException}s. The future of {@link #sendAsync}
 * completes with them: {@code get()} throws an {@code ExecutionException} around them, {@code join()} a
 * {@code CompletionException}.
 */
public final class AuthorizedHttpClient {
    private final Account account;
    private final HttpClient http;

    /**
     * Wraps a client for one account; the client may be shared.
     *
     * @throws IllegalArgumentException if it follows redirects: it would send the token to wherever they lead
     */
    public AuthorizedHttpClient(Account account, HttpClient http) {
        if (http.followRedirects() != HttpClient.Redirect.NEVER) {
            throw new IllegalArgumentException("This client follows redirects, and would take the token along:"
                    + " use HttpClient.newBuilder().followRedirects(HttpClient.Redirect.NEVER)");
        }
        this.account = account;
        this.http = http;
    }

    /** Sends a request, as {@link HttpClient#send} does. An interrupt while it waits for tokens is an IOException. */
    public <T> HttpResponse<T> send(HttpRequest request, BodyHandler<T> handler)
            throws IOException, InterruptedException {
        Optional<RequestAuthorization> first =
                hasItsOwn(request) ? Optional.empty() : account.authorization(request.uri());
        if (first.isEmpty()) {
            return http.send(request, handler);
        }
        HttpResponse<Supplier<T>> response = http.send(authorized(request, first.get()), keeping401(handler));
        Optional<RequestAuthorization> next = first.get().afterResponse(response.statusCode(), challenges(response));
        if (next.isEmpty() || !isRepeatable(request)) {
            return new Response<>(response, response.body().get());
        }
        HttpResponse<T> second = http.send(authorized(request, next.get()), handler);
        Optional<RequestAuthorization> none = next.get().afterResponse(second.statusCode(), challenges(second));
        assert none.isEmpty();
        return second;
    }

    /** Sends a request, as {@link HttpClient#sendAsync} does. Cancelling the future cancels the exchange. */
    public <T> CompletableFuture<HttpResponse<T>> sendAsync(HttpRequest request, BodyHandler<T> handler) {
        CompletableFuture<HttpResponse<T>> result = new CompletableFuture<>();
        CompletableFuture<Optional<RequestAuthorization>> first = hasItsOwn(request)
                ? CompletableFuture.completedFuture(Optional.empty())
                : account.authorizationAsync(request.uri());
        CompletableFuture<?> unused = first.thenCompose(authorization -> authorization.isEmpty()
                        ? exchange(request, handler, result)
                        : sendAsync(request, authorization.get(), handler, result))
                .whenComplete((response, failure) -> {
                    if (failure == null) {
                        result.complete(response);
                    } else {
                        result.completeExceptionally(
                                failure instanceof CompletionException ? failure.getCause() : failure);
                    }
                });
        return result;
    }

    private <T> CompletableFuture<HttpResponse<T>> sendAsync(
            HttpRequest request,
            RequestAuthorization first,
            BodyHandler<T> handler,
            CompletableFuture<HttpResponse<T>> result) {
        return exchange(authorized(request, first), keeping401(handler), result)
                .thenCompose(response -> first.afterResponseAsync(response.statusCode(), challenges(response))
                        .thenCompose(next -> {
                            if (next.isEmpty() || !isRepeatable(request)) {
                                HttpResponse<T> last =
                                        new Response<>(response, response.body().get());
                                return CompletableFuture.completedFuture(last);
                            }
                            return exchange(authorized(request, next.get()), handler, result)
                                    .thenCompose(second -> next.get()
                                            .afterResponseAsync(second.statusCode(), challenges(second))
                                            .thenApply(none -> second));
                        }));
    }

    /** Sends a request unless the caller has given up, and cancels the exchange if the caller does. */
    private <T> CompletableFuture<HttpResponse<T>> exchange(
            HttpRequest request, BodyHandler<T> handler, CompletableFuture<?> result) {
        if (result.isCancelled()) {
            return CompletableFuture.failedFuture(new CancellationException());
        }
        CompletableFuture<HttpResponse<T>> exchange = http.sendAsync(request, handler);
        CompletableFuture<?> unused = result.whenComplete((response, failure) -> {
            if (result.isCancelled()) {
                exchange.cancel(true);
            }
        });
        return exchange;
    }

    private static boolean hasItsOwn(HttpRequest request) {
        return request.headers().firstValue("Authorization").isPresent();
    }

    private static boolean isRepeatable(HttpRequest request) {
        return request.bodyPublisher().map(body -> body.contentLength() >= 0).orElse(true);
    }

    private static HttpRequest authorized(HttpRequest request, RequestAuthorization authorization) {
        return HttpRequest.newBuilder(request, (name, value) -> true)
                .setHeader(authorization.headerName(), authorization.headerValue())
                .build();
    }

    private static List<String> challenges(HttpResponse<?> response) {
        return response.headers().allValues("WWW-Authenticate");
    }

    /** Keeps the body of a 401 until it is known to be the result: handlers may write files. */
    private static <T> BodyHandler<Supplier<T>> keeping401(BodyHandler<T> handler) {
        return info -> info.statusCode() == 401
                ? BodySubscribers.mapping(BodySubscribers.ofByteArray(), body -> () -> read(body, handler, info))
                : BodySubscribers.mapping(handler.apply(info), body -> () -> body);
    }

    private static <T> T read(byte[] body, BodyHandler<T> handler, ResponseInfo info) {
        BodySubscriber<T> subscriber = handler.apply(info);
        AtomicBoolean delivered = new AtomicBoolean();
        subscriber.onSubscribe(new Flow.Subscription() {
            @Override
            public void request(long n) {
                if (delivered.compareAndSet(false, true)) {
                    subscriber.onNext(List.of(ByteBuffer.wrap(body)));
                    subscriber.onComplete();
                }
            }

            @Override
            public void cancel() {
                delivered.set(true);
            }
        });
        return subscriber.getBody().toCompletableFuture().join();
    }

    private record Response<T>(HttpResponse<?> from, T body) implements HttpResponse<T> {
        @Override
        public int statusCode() {
            return from.statusCode();
        }

        @Override
        public HttpRequest request() {
            return from.request();
        }

        @Override
        public Optional<HttpResponse<T>> previousResponse() {
            return Optional.empty();
        }

        @Override
        public HttpHeaders headers() {
            return from.headers();
        }

        @Override
        public Optional<SSLSession> sslSession() {
            return from.sslSession();
        }

        @Override
        public URI uri() {
            return from.uri();
        }

        @Override
        public HttpClient.Version version() {
            return from.version();
        }

        @Override
        public String toString() {
            return from.toString();
        }
    }
}
