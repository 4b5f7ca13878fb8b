/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.bridges;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.grantkeeper.Account;
import dev.grantkeeper.testkit.Answer;
import dev.grantkeeper.testkit.Held;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import org.apache.hc.client5.http.classic.methods.HttpUriRequestBase;
import org.apache.hc.client5.http.impl.ChainElement;
import org.apache.hc.client5.http.impl.classic.CloseableHttpClient;
import org.apache.hc.client5.http.impl.classic.HttpClients;
import org.apache.hc.client5.http.impl.io.PoolingHttpClientConnectionManager;
import org.apache.hc.core5.http.ContentType;
import org.apache.hc.core5.http.HttpEntity;
import org.apache.hc.core5.http.io.entity.EntityUtils;
import org.apache.hc.core5.http.io.entity.InputStreamEntity;
import org.apache.hc.core5.http.io.entity.StringEntity;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class AccountExecHandlerTest extends HttpBridgeContract {
    private final PoolingHttpClientConnectionManager connections = new PoolingHttpClientConnectionManager();

    @AfterEach
    void closeConnections() {
        assertThat(connections.getTotalStats().getLeased())
                .as("connections that leak")
                .isZero();
        connections.close();
    }

    private Reply send(Account account, HttpUriRequestBase request, @Nullable HttpEntity body) throws IOException {
        request.setEntity(body);
        try (CloseableHttpClient http = HttpClients.custom()
                .setConnectionManager(connections)
                .setConnectionManagerShared(true)
                .addExecInterceptorAfter(ChainElement.REDIRECT.name(), "account", new AccountExecHandler(account))
                .build()) {
            return http.execute(
                    request, response -> new Reply(response.getCode(), EntityUtils.toString(response.getEntity())));
        }
    }

    @Override
    Reply send(Account account, String method, URI url, @Nullable String body, String... headers) throws Exception {
        HttpUriRequestBase request = new HttpUriRequestBase(method, url);
        request.setHeader("X-Of-The-Caller", "kept");
        if (headers.length > 0) {
            request.setHeader(headers[0], headers[1]);
        }
        return send(account, request, body == null ? null : new StringEntity(body));
    }

    @Override
    Throwable unwrapped(Throwable thrown) {
        return thrown;
    }

    @Test
    void an_entity_that_can_be_read_once_is_sent_once_and_the_next_request_has_the_new_token() throws Exception {
        scene.server.expireAccessTokens();
        assertThat(once().status()).isEqualTo(401);
        assertThat(once().status()).isEqualTo(200);
        assertThat(scene.server.apiRequests()).isEqualTo(2);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
    }

    private Reply once() throws IOException {
        byte[] bytes = "twelve bytes".getBytes(StandardCharsets.UTF_8);
        return send(
                alice,
                new HttpUriRequestBase("POST", scene.api),
                new InputStreamEntity(new ByteArrayInputStream(bytes), ContentType.TEXT_PLAIN));
    }

    @Test
    void a_redirect_within_the_api_keeps_the_token() throws Exception {
        scene.server.onApiRequest((request, answer) ->
                request.path().endsWith("/things") ? Answer.redirect(scene.server.apiUrl("/api/others")) : answer);
        assertThat(get(alice).body()).contains("\"user\":\"alice\"", "/api/others");
    }

    @Test
    void an_interrupt_ends_the_wait_for_tokens() throws Exception {
        checkThatAnInterruptEndsTheWaitForTokens();
    }

    @Test
    void a_request_that_is_aborted_while_it_waits_for_tokens_is_not_sent() throws Exception {
        scene.expire();
        Held refresh = scene.server.hold();
        HttpUriRequestBase request = new HttpUriRequestBase("GET", scene.api);
        CompletableFuture<Throwable> thrown =
                CompletableFuture.supplyAsync(() -> catchThrowable(() -> send(alice, request, null)));
        refresh.awaitArrived(1);
        request.abort();
        refresh.release();
        assertThat(thrown.get()).isInstanceOf(IOException.class);
        assertThat(scene.server.apiRequests()).isZero();
    }
}
