/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.bridges;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.grantkeeper.Account;
import dev.grantkeeper.LoginRequiredException;
import feign.Body;
import feign.DefaultClient;
import feign.DefaultRetryer;
import feign.Feign;
import feign.FeignException;
import feign.HeaderMap;
import feign.Headers;
import feign.Param;
import feign.RequestLine;
import feign.Response;
import feign.RetryableException;
import feign.Retryer;
import feign.Util;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class AccountClientTest extends HttpBridgeContract {
    /** An API as users of Feign declare it; responses of any status are returned. */
    interface Things {
        @RequestLine("GET")
        @Headers("X-Of-The-Caller: kept")
        Response get(URI url, @HeaderMap Map<String, Object> headers);

        @RequestLine("POST")
        @Headers({"X-Of-The-Caller: kept", "Content-Type: text/plain"})
        @Body("{text}")
        Response post(URI url, @Param("text") String text);

        @RequestLine("GET")
        String text(URI url);
    }

    private static Things things(Account account, Retryer retryer) {
        return Feign.builder()
                .client(new AccountClient(account, new DefaultClient(null, null)))
                .retryer(retryer)
                .target(Things.class, "https://api.example.com");
    }

    @Override
    Reply send(Account account, String method, URI url, @Nullable String body, String... headers) throws Exception {
        Things things = things(account, Retryer.NEVER_RETRY);
        Map<String, Object> more = headers.length == 0 ? Map.of() : Map.of(headers[0], headers[1]);
        try (Response response = body == null ? things.get(url, more) : things.post(url, body)) {
            assertThat(response.request().headers()).doesNotContainKey(headers.length == 0 ? "Authorization" : "");
            byte[] bytes = response.body() == null
                    ? new byte[0]
                    : Util.toByteArray(response.body().asInputStream());
            return new Reply(response.status(), new String(bytes, StandardCharsets.UTF_8));
        }
    }

    @Override
    Throwable unwrapped(Throwable thrown) {
        assertThat(thrown)
                .isInstanceOf(
                        thrown.getCause() instanceof LoginRequiredException
                                ? UncheckedIOException.class
                                : RetryableException.class);
        return thrown.getCause();
    }

    @Test
    void a_login_that_is_required_is_not_retried() throws IOException {
        scene.server.revokeRefreshTokens("alice");
        scene.expire();
        Throwable thrown =
                catchThrowable(() -> things(alice, new DefaultRetryer()).text(scene.api));
        assertThat(thrown).hasCauseInstanceOf(LoginRequiredException.class);
        assertThat(scene.server.tokenRequests()).isEqualTo(2); // the login, and one refresh
    }

    @Test
    void a_401_that_is_the_result_is_an_error_of_feign_that_shows_no_token() throws IOException {
        scene.server.rejectAllAtApi(true);
        Throwable thrown =
                catchThrowable(() -> things(alice, new DefaultRetryer()).text(scene.api));
        assertThat(thrown).isInstanceOf(FeignException.Unauthorized.class);
        assertThat(((FeignException) thrown).request().toString())
                .doesNotContain(alice.tokens().accessToken());
        assertThat(scene.server.apiRequests()).isEqualTo(2);
    }

    @Test
    void an_interrupt_ends_the_wait_for_tokens() throws Exception {
        checkThatAnInterruptEndsTheWaitForTokens();
    }
}
