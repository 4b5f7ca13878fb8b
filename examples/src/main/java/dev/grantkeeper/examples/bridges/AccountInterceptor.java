/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.bridges;

import dev.grantkeeper.Account;
import dev.grantkeeper.RequestAuthorization;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpRequest;
import org.springframework.http.client.ClientHttpRequestExecution;
import org.springframework.http.client.ClientHttpRequestInterceptor;
import org.springframework.http.client.ClientHttpResponse;

/**
 * Spring's {@code RestClient} and {@code RestTemplate} for one account: requests to its APIs carry the access token,
 * refreshed before it expires, and are repeated once after a 401. Other requests, and those with an
 * {@code Authorization} of their own, are sent as they are. Thread-safe.
 *
 * <pre>{@code
 * RestClient common = RestClient.builder()
 *         .requestFactory(new JdkClientHttpRequestFactory(HttpClient.newHttpClient()))
 *         .build();
 * RestClient forUser = common.mutate().requestInterceptor(new AccountInterceptor(user)).build();
 * }</pre>
 *
 * <p>The factory must not follow redirects, which an interceptor does not see: {@code HttpClient.newHttpClient()}
 * follows none, and other factories have a setting. Spring Boot: {@code spring.http.clients.redirects=dont-follow}.
 *
 * <p>Spring reads the body of a request into memory before it calls interceptors, so every request can be repeated.
 *
 * <p>{@link dev.grantkeeper.LoginRequiredException} and the other {@link dev.grantkeeper.OAuthException}s arrive as the
 * cause of a {@code ResourceAccessException}. A 401 that is the result is an {@code HttpClientErrorException}, unless
 * the application handles it otherwise. An interrupt ends the wait for tokens.
 */
public final class AccountInterceptor implements ClientHttpRequestInterceptor {
    private final Account account;

    public AccountInterceptor(Account account) {
        this.account = account;
    }

    @Override
    public ClientHttpResponse intercept(HttpRequest request, byte[] body, ClientHttpRequestExecution execution)
            throws IOException {
        Optional<RequestAuthorization> first = request.getHeaders().containsHeader(HttpHeaders.AUTHORIZATION)
                ? Optional.empty()
                : account.authorization(request.getURI());
        if (first.isEmpty()) {
            return execution.execute(request, body);
        }
        ClientHttpResponse response = send(request, body, execution, first.get());
        Optional<RequestAuthorization> next = afterResponse(response, first.get());
        if (next.isEmpty()) {
            return response;
        }
        response.close();
        ClientHttpResponse second = send(request, body, execution, next.get());
        Optional<RequestAuthorization> none = afterResponse(second, next.get());
        assert none.isEmpty();
        return second;
    }

    private static ClientHttpResponse send(
            HttpRequest request, byte[] body, ClientHttpRequestExecution execution, RequestAuthorization authorization)
            throws IOException {
        request.getHeaders().set(authorization.headerName(), authorization.headerValue());
        return execution.execute(request, body);
    }

    private static Optional<RequestAuthorization> afterResponse(
            ClientHttpResponse response, RequestAuthorization authorization) throws IOException {
        try {
            List<String> challenges = response.getHeaders().get(HttpHeaders.WWW_AUTHENTICATE);
            return authorization.afterResponse(
                    response.getStatusCode().value(), challenges == null ? List.of() : challenges);
        } catch (IOException | RuntimeException e) {
            response.close();
            throw e;
        }
    }
}
