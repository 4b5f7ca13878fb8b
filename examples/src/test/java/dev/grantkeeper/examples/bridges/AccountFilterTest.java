/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.bridges;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.grantkeeper.Account;
import dev.grantkeeper.LoginRequiredException;
import dev.grantkeeper.testkit.Held;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.springframework.core.io.buffer.DataBuffer;
import org.springframework.core.io.buffer.DefaultDataBufferFactory;
import org.springframework.http.HttpMethod;
import org.springframework.http.client.reactive.JdkClientHttpConnector;
import org.springframework.web.reactive.function.BodyInserters;
import org.springframework.web.reactive.function.client.WebClient;
import org.springframework.web.reactive.function.client.WebClientResponseException;
import reactor.core.Disposable;
import reactor.core.Exceptions;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

class AccountFilterTest extends HttpBridgeContract {
    private final WebClient common =
            WebClient.builder().clientConnector(new JdkClientHttpConnector()).build();

    private WebClient client(Account account) {
        return common.mutate().filter(new AccountFilter(account)).build();
    }

    private Mono<Reply> exchange(Account account, String method, URI url, @Nullable String body, String... headers) {
        WebClient.RequestBodySpec request =
                client(account).method(HttpMethod.valueOf(method)).uri(url).header("X-Of-The-Caller", "kept");
        if (headers.length > 0) {
            request = request.header(headers[0], headers[1]);
        }
        return (body == null ? request : request.bodyValue(body))
                .exchangeToMono(response -> response.bodyToMono(String.class)
                        .defaultIfEmpty("")
                        .map(text -> new Reply(response.statusCode().value(), text)));
    }

    @Override
    Reply send(Account account, String method, URI url, @Nullable String body, String... headers) {
        return Objects.requireNonNull(
                exchange(account, method, url, body, headers).block());
    }

    @Override
    Throwable unwrapped(Throwable thrown) {
        return Exceptions.unwrap(thrown);
    }

    @Test
    void the_mono_itself_fails_with_the_library_s_exception() {
        AtomicReference<Throwable> failure = new AtomicReference<>();
        exchange(scene.account("nobody"), "GET", scene.api, null)
                .onErrorResume(LoginRequiredException.class, e -> {
                    failure.set(e);
                    return Mono.empty();
                })
                .block();
        assertThat(failure.get()).isInstanceOf(LoginRequiredException.class);
    }

    @Test
    void a_401_that_is_the_result_is_an_error_of_spring() {
        scene.server.rejectAllAtApi(true);
        assertThat(catchThrowable(() -> client(alice)
                        .get()
                        .uri(scene.api)
                        .retrieve()
                        .toBodilessEntity()
                        .block()))
                .isInstanceOf(WebClientResponseException.Unauthorized.class);
    }

    @Test
    void a_body_in_pieces_is_sent_once_and_the_next_request_has_the_new_token() {
        Flux<DataBuffer> once = Flux.just("twelve", " bytes").map(text ->
                (DataBuffer) DefaultDataBufferFactory.sharedInstance.wrap(text.getBytes(StandardCharsets.UTF_8)));
        scene.server.expireAccessTokens();
        WebClient.RequestHeadersSpec<?> request =
                client(alice).post().uri(scene.api).body(BodyInserters.fromDataBuffers(once));

        assertThat(status(request)).isEqualTo(401);
        assertThat(status(request)).isEqualTo(200);
        assertThat(scene.server.apiRequests()).isEqualTo(2);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
    }

    @Test
    void a_form_is_sent_again() {
        scene.server.expireAccessTokens();
        assertThat(status(client(alice).post().uri(scene.api).body(BodyInserters.fromFormData("name", "value"))))
                .isEqualTo(200);
        assertThat(scene.server.recordedApiRequests())
                .hasSize(2)
                .allSatisfy(request -> assertThat(request.text()).isEqualTo("name=value"));
    }

    private static int status(WebClient.RequestHeadersSpec<?> request) {
        return Objects.requireNonNull(request.exchangeToMono(response ->
                        response.releaseBody().thenReturn(response.statusCode().value()))
                .block());
    }

    @Test
    void no_thread_waits_for_tokens() throws Exception {
        scene.expire();
        Held refresh = scene.server.hold();
        CompletableFuture<Reply> reply = exchange(alice, "GET", scene.api, null).toFuture();
        refresh.awaitArrived(1);
        assertThat(reply).isNotDone();
        refresh.release();
        assertThat(reply.get().status()).isEqualTo(200);
    }

    @Test
    void a_call_that_is_cancelled_while_it_waits_for_tokens_is_not_sent() throws Exception {
        scene.expire();
        Held refresh = scene.server.hold();
        Disposable call = exchange(alice, "GET", scene.api, null).subscribe();
        refresh.awaitArrived(1);
        call.dispose();
        refresh.release();
        assertThat(get(alice).status()).isEqualTo(200);
        assertThat(scene.server.apiRequests()).isEqualTo(1);
    }

    @Test
    void cancelling_ends_the_exchange() throws Exception {
        try (SilentServer silent = new SilentServer();
                BridgeScene slow = new BridgeScene(silent.origin())) {
            Disposable call =
                    exchange(slow.signIn("alice"), "GET", silent.url(), null).subscribe();
            silent.awaitRequest();
            call.dispose();
            silent.awaitEndOfConnection();
        }
    }
}
