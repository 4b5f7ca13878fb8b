/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.bridges;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.grantkeeper.Account;
import java.io.ByteArrayInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.springframework.core.io.InputStreamResource;
import org.springframework.http.HttpMethod;
import org.springframework.http.client.JdkClientHttpRequestFactory;
import org.springframework.web.client.HttpClientErrorException;
import org.springframework.web.client.ResourceAccessException;
import org.springframework.web.client.RestClient;
import org.springframework.web.client.RestTemplate;

class AccountInterceptorTest extends HttpBridgeContract {
    private final RestClient common = RestClient.builder()
            .requestFactory(new JdkClientHttpRequestFactory(HttpClient.newHttpClient()))
            .build();

    private RestClient client(Account account) {
        return common.mutate()
                .requestInterceptor(new AccountInterceptor(account))
                .build();
    }

    @Override
    Reply send(Account account, String method, URI url, @Nullable String body, String... headers) {
        RestClient.RequestBodySpec request =
                client(account).method(HttpMethod.valueOf(method)).uri(url).header("X-Of-The-Caller", "kept");
        if (body != null) {
            request = request.body(body);
        }
        if (headers.length > 0) {
            request = request.header(headers[0], headers[1]);
        }
        return request.exchange((sent, response) -> new Reply(
                response.getStatusCode().value(),
                new String(response.getBody().readAllBytes(), StandardCharsets.UTF_8)));
    }

    @Override
    Throwable unwrapped(Throwable thrown) {
        assertThat(thrown).isInstanceOf(ResourceAccessException.class);
        return thrown.getCause();
    }

    @Test
    void a_stream_is_sent_again_since_spring_has_read_it() {
        scene.server.expireAccessTokens();
        byte[] bytes = "twelve bytes".getBytes(StandardCharsets.UTF_8);
        String answer = client(alice)
                .post()
                .uri(scene.api)
                .body(new InputStreamResource(new ByteArrayInputStream(bytes)))
                .retrieve()
                .body(String.class);
        assertThat(answer).contains("\"bodyLength\":12");
    }

    @Test
    void a_401_that_is_the_result_is_an_error_of_spring() {
        scene.server.rejectAllAtApi(true);
        assertThat(catchThrowable(
                        () -> client(alice).get().uri(scene.api).retrieve().toBodilessEntity()))
                .isInstanceOf(HttpClientErrorException.Unauthorized.class);
    }

    @Test
    void a_rest_template_is_served_as_well() {
        RestTemplate template = new RestTemplate(new JdkClientHttpRequestFactory(HttpClient.newHttpClient()));
        template.getInterceptors().add(new AccountInterceptor(alice));
        scene.server.expireAccessTokens();
        assertThat(Objects.requireNonNull(template.getForObject(scene.api, String.class)))
                .contains("\"user\":\"alice\"");
    }

    @Test
    void an_interrupt_ends_the_wait_for_tokens() throws Exception {
        checkThatAnInterruptEndsTheWaitForTokens();
    }
}
