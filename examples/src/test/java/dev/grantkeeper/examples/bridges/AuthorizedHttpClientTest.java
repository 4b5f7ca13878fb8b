/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.bridges;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.grantkeeper.Account;
import dev.grantkeeper.LoginRequiredException;
import dev.grantkeeper.testkit.Held;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpResponse.BodySubscriber;
import java.net.http.HttpResponse.BodySubscribers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AuthorizedHttpClientTest {
    private static final HttpClient HTTP = HttpClient.newHttpClient();

    private static HttpRequest request(String method, URI url, @Nullable String body, String... headers) {
        BodyPublisher publisher = body == null ? BodyPublishers.noBody() : BodyPublishers.ofString(body);
        HttpRequest.Builder request =
                HttpRequest.newBuilder(url).method(method, publisher).header("X-Of-The-Caller", "kept");
        return headers.length == 0 ? request.build() : request.headers(headers).build();
    }

    @Nested
    class Blocking extends HttpBridgeContract {
        @Override
        Reply send(Account account, String method, URI url, @Nullable String body, String... headers) throws Exception {
            HttpResponse<String> response = new AuthorizedHttpClient(account, HTTP)
                    .send(request(method, url, body, headers), BodyHandlers.ofString());
            return new Reply(response.statusCode(), response.body());
        }

        @Override
        Throwable unwrapped(Throwable thrown) {
            return thrown;
        }

        @Test
        void a_body_that_can_be_read_once_is_sent_once_and_the_next_request_has_the_new_token() throws Exception {
            AuthorizedHttpClient client = new AuthorizedHttpClient(alice, HTTP);
            byte[] bytes = "twelve bytes".getBytes(StandardCharsets.UTF_8);
            scene.server.expireAccessTokens();
            HttpRequest once = HttpRequest.newBuilder(scene.api)
                    .POST(BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(bytes)))
                    .build();

            assertThat(client.send(once, BodyHandlers.ofString()).statusCode()).isEqualTo(401);
            assertThat(client.sendAsync(once, BodyHandlers.ofString()).join().statusCode())
                    .isEqualTo(200);
            assertThat(scene.server.apiRequests()).isEqualTo(2);
            assertThat(scene.server.refreshRequests()).isEqualTo(1);
        }

        @Test
        void a_handler_that_writes_a_file_sees_the_last_response_only(@TempDir Path directory) throws Exception {
            Path file = directory.resolve("answer.json");
            scene.server.expireAccessTokens();
            int status = new AuthorizedHttpClient(alice, HTTP)
                    .send(request("GET", scene.api, null), BodyHandlers.ofFile(file))
                    .statusCode();
            assertThat(status).isEqualTo(200);
            assertThat(Files.readString(file)).startsWith("{\"user\":\"alice\"").endsWith("}");
        }

        @Test
        void the_body_of_a_401_that_is_the_result_is_whatever_the_handler_makes_of_it() throws Exception {
            AuthorizedHttpClient client = new AuthorizedHttpClient(alice, HTTP);
            scene.server.rejectAllAtApi(true);
            HttpRequest request = request("GET", scene.api, null);
            String text = client.send(request, BodyHandlers.ofString()).body();
            // From here on no 401 is repeated.
            try (InputStream body =
                    client.send(request, BodyHandlers.ofInputStream()).body()) {
                assertThat(body).hasContent(text);
            }
            try (Stream<String> lines =
                    client.send(request, BodyHandlers.ofLines()).body()) {
                assertThat(lines).containsExactlyElementsOf(text.lines().toList());
            }
            assertThat(client.send(request, BodyHandlers.discarding()).body()).isNull();
            BodySubscriber<String> reader = BodySubscribers.ofString(StandardCharsets.UTF_8);
            client.sendAsync(request, BodyHandlers.ofPublisher()).join().body().subscribe(reader);
            assertThat(reader.getBody().toCompletableFuture().join()).isEqualTo(text);
            assertThat(scene.server.apiRequests()).isEqualTo(6);
        }

        @Test
        void an_interrupt_ends_the_wait_for_tokens() throws Exception {
            checkThatAnInterruptEndsTheWaitForTokens();
        }

        @Test
        void a_client_that_follows_redirects_is_refused() {
            HttpClient following = HttpClient.newBuilder()
                    .followRedirects(HttpClient.Redirect.NORMAL)
                    .build();
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> new AuthorizedHttpClient(alice, following))
                    .withMessageContaining("redirects");
        }
    }

    @Nested
    class Asynchronous extends HttpBridgeContract {
        @Override
        Reply send(Account account, String method, URI url, @Nullable String body, String... headers) throws Exception {
            HttpResponse<String> response = new AuthorizedHttpClient(account, HTTP)
                    .sendAsync(request(method, url, body, headers), BodyHandlers.ofString())
                    .get();
            return new Reply(response.statusCode(), response.body());
        }

        @Override
        Throwable unwrapped(Throwable thrown) {
            assertThat(thrown).isInstanceOf(ExecutionException.class);
            return thrown.getCause();
        }

        @Test
        void join_throws_the_same_in_a_completion_exception() {
            assertThatThrownBy(() -> new AuthorizedHttpClient(scene.account("nobody"), HTTP)
                            .sendAsync(request("GET", scene.api, null), BodyHandlers.ofString())
                            .join())
                    .isInstanceOf(CompletionException.class)
                    .hasCauseInstanceOf(LoginRequiredException.class);
        }

        @Test
        void nobody_waits_for_tokens() throws Exception {
            scene.expire();
            Held refresh = scene.server.hold();
            CompletableFuture<HttpResponse<String>> response = new AuthorizedHttpClient(alice, HTTP)
                    .sendAsync(request("GET", scene.api, null), BodyHandlers.ofString());
            refresh.awaitArrived(1);
            assertThat(response).isNotDone();
            refresh.release();
            assertThat(response.get().statusCode()).isEqualTo(200);
        }

        @Test
        void a_call_that_is_cancelled_while_it_waits_for_tokens_is_not_sent() throws Exception {
            scene.expire();
            Held refresh = scene.server.hold();
            CompletableFuture<HttpResponse<String>> response = new AuthorizedHttpClient(alice, HTTP)
                    .sendAsync(request("GET", scene.api, null), BodyHandlers.ofString());
            refresh.awaitArrived(1);
            response.cancel(true);
            refresh.release();
            assertThatThrownBy(response::get).isInstanceOf(CancellationException.class);
            assertThat(get(alice).status()).isEqualTo(200);
            assertThat(scene.server.apiRequests()).isEqualTo(1);
        }

        @Test
        void cancelling_ends_the_exchange() throws Exception {
            try (SilentServer silent = new SilentServer();
                    BridgeScene slow = new BridgeScene(silent.origin())) {
                CompletableFuture<HttpResponse<String>> response = new AuthorizedHttpClient(slow.signIn("alice"), HTTP)
                        .sendAsync(request("GET", silent.url(), null), BodyHandlers.ofString());
                silent.awaitRequest();
                response.cancel(true);
                silent.awaitEndOfConnection();
            }
        }
    }
}
