/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.bridges;

import dev.grantkeeper.Account;
import dev.grantkeeper.RequestAuthorization;
import java.util.concurrent.atomic.AtomicBoolean;
import org.reactivestreams.Publisher;
import org.springframework.core.io.buffer.DataBuffer;
import org.springframework.http.HttpHeaders;
import org.springframework.http.client.reactive.ClientHttpRequest;
import org.springframework.http.client.reactive.ClientHttpRequestDecorator;
import org.springframework.web.reactive.function.client.ClientRequest;
import org.springframework.web.reactive.function.client.ClientResponse;
import org.springframework.web.reactive.function.client.ExchangeFilterFunction;
import org.springframework.web.reactive.function.client.ExchangeFunction;
import reactor.core.publisher.Mono;

/**
 * Spring's {@code WebClient} for one account: requests to its APIs carry the access token, refreshed before it expires,
 * and are repeated once after a 401. Other requests, and those with an {@code Authorization} of their own, are sent as
 * they are. No thread blocks, and cancelling the subscription cancels the exchange. Thread-safe.
 *
 * <pre>{@code
 * WebClient forUser = common.mutate().filter(new AccountFilter(user)).build();
 * }</pre>
 *
 * <p>Add it as the last filter. The connector must not follow redirects, which a filter does not see: those of Reactor
 * Netty and the JDK follow none unless they are told to; Jetty's and Apache's have a setting.
 *
 * <p>A body that is one value is sent again ({@code bodyValue}, a form; a {@code Mono} is subscribed to again). A body
 * that is written piece by piece (a {@code Flux}, a resource, {@code multipart/form-data}) can perhaps be read once
 * only: such a request is not repeated, and its 401 is the result.
 *
 * <p>The {@code Mono} fails with {@link dev.grantkeeper.LoginRequiredException} and the other
 * {@link dev.grantkeeper.OAuthException}s as they are, without a {@code WebClientRequestException} around them.
 * {@code block()} throws what {@code Exceptions.unwrap(e)} of Reactor takes them out of. A 401 that is the result is a
 * {@code WebClientResponseException} of {@code retrieve()}.
 */
public final class AccountFilter implements ExchangeFilterFunction {
    private final Account account;

    public AccountFilter(Account account) {
        this.account = account;
    }

    @Override
    public Mono<ClientResponse> filter(ClientRequest request, ExchangeFunction next) {
        if (request.headers().containsHeader(HttpHeaders.AUTHORIZATION)) {
            return next.exchange(request);
        }
        return Mono.fromFuture(() -> account.authorizationAsync(request.url()))
                .flatMap(first -> first.isEmpty() ? next.exchange(request) : send(request, first.get(), next));
    }

    private static Mono<ClientResponse> send(
            ClientRequest request, RequestAuthorization authorization, ExchangeFunction next) {
        AtomicBoolean inPieces = new AtomicBoolean();
        ClientRequest authorized = ClientRequest.from(request)
                .headers(headers -> headers.set(authorization.headerName(), authorization.headerValue()))
                .body((output, context) -> request.body().insert(new Watched(output, inPieces), context))
                .build();
        return next.exchange(authorized)
                .flatMap(response -> Mono.fromFuture(() -> authorization.afterResponseAsync(
                                response.statusCode().value(),
                                response.headers().header(HttpHeaders.WWW_AUTHENTICATE)))
                        .onErrorResume(failure -> response.releaseBody().then(Mono.error(failure)))
                        .doOnCancel(() -> response.releaseBody().subscribe())
                        .flatMap(other -> other.isEmpty() || inPieces.get()
                                ? Mono.just(response)
                                // Once only: what follows a repetition is never another one.
                                : response.releaseBody().then(send(request, other.get(), next))));
    }

    /** Notices a body that is written in pieces. */
    private static final class Watched extends ClientHttpRequestDecorator {
        private final AtomicBoolean inPieces;

        Watched(ClientHttpRequest request, AtomicBoolean inPieces) {
            super(request);
            this.inPieces = inPieces;
        }

        @Override
        public Mono<Void> writeWith(Publisher<? extends DataBuffer> body) {
            inPieces.set(!(body instanceof Mono));
            return super.writeWith(body);
        }

        @Override
        public Mono<Void> writeAndFlushWith(Publisher<? extends Publisher<? extends DataBuffer>> body) {
            inPieces.set(true);
            return super.writeAndFlushWith(body);
        }
    }
}
