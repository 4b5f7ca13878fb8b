/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.bridges;

import dev.grantkeeper.Account;
import dev.grantkeeper.RequestAuthorization;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.apache.hc.client5.http.classic.ExecChain;
import org.apache.hc.client5.http.classic.ExecChainHandler;
import org.apache.hc.client5.http.impl.classic.RequestFailedException;
import org.apache.hc.core5.http.ClassicHttpRequest;
import org.apache.hc.core5.http.ClassicHttpResponse;
import org.apache.hc.core5.http.HttpEntity;
import org.apache.hc.core5.http.HttpException;
import org.apache.hc.core5.http.HttpHeaders;
import org.apache.hc.core5.http.NameValuePair;
import org.apache.hc.core5.http.ProtocolException;
import org.apache.hc.core5.http.io.entity.EntityUtils;
import org.apache.hc.core5.http.io.support.ClassicRequestBuilder;

/**
 * Apache HttpClient 5, in its classic form, for one account: requests to its APIs carry the access token, refreshed
 * before it expires, and are repeated once after a 401. Other requests, and those with an {@code Authorization} of
 * their own, are sent as they are. Thread-safe.
 *
 * <pre>{@code
 * CloseableHttpClient http = HttpClients.custom()
 *         .addExecInterceptorAfter(ChainElement.REDIRECT.name(), "account", new AccountExecHandler(user))
 *         .build();
 * }</pre>
 *
 * <p>Behind {@code REDIRECT} it sees where each redirect leads, and sends the token to the account's APIs only. Clients
 * may share one connection manager: {@code setConnectionManager(shared).setConnectionManagerShared(true)}.
 *
 * <p>An entity that is not {@linkplain HttpEntity#isRepeatable() repeatable} (a stream) is sent once: the 401 is
 * returned.
 *
 * <p>{@code execute} throws {@link dev.grantkeeper.LoginRequiredException} and the other
 * {@link dev.grantkeeper.OAuthException}s as they are; they are {@code IOException}s. An interrupt ends the wait for
 * tokens; a request that was aborted is not sent after it.
 */
public final class AccountExecHandler implements ExecChainHandler {
    private final Account account;

    public AccountExecHandler(Account account) {
        this.account = account;
    }

    @Override
    public ClassicHttpResponse execute(ClassicHttpRequest request, ExecChain.Scope scope, ExecChain chain)
            throws IOException, HttpException {
        if (request.containsHeader(HttpHeaders.AUTHORIZATION)) {
            return chain.proceed(request, scope);
        }
        Optional<RequestAuthorization> first = account.authorization(url(request));
        if (first.isEmpty()) {
            return chain.proceed(request, scope);
        }
        ClassicHttpResponse response = send(request, scope, chain, first.get());
        Optional<RequestAuthorization> next = afterResponse(response, first.get());
        if (next.isEmpty() || !isRepeatable(request)) {
            return response;
        }
        EntityUtils.consume(response.getEntity());
        response.close();
        ClassicHttpResponse second = send(request, scope, chain, next.get());
        Optional<RequestAuthorization> none = afterResponse(second, next.get());
        assert none.isEmpty();
        return second;
    }

    private static URI url(ClassicHttpRequest request) throws ProtocolException {
        try {
            return request.getUri();
        } catch (URISyntaxException e) {
            throw new ProtocolException("Invalid request URI", e);
        }
    }

    private static boolean isRepeatable(ClassicHttpRequest request) {
        HttpEntity entity = request.getEntity();
        return entity == null || entity.isRepeatable();
    }

    private static ClassicHttpResponse send(
            ClassicHttpRequest request, ExecChain.Scope scope, ExecChain chain, RequestAuthorization authorization)
            throws IOException, HttpException {
        if (scope.execRuntime.isExecutionAborted()) {
            throw new RequestFailedException("Request aborted"); // while it waited for tokens
        }
        // A copy, since what follows adds headers of its own, and takes none of them twice.
        ClassicHttpRequest authorized = ClassicRequestBuilder.copy(request).build();
        authorized.setHeader(authorization.headerName(), authorization.headerValue());
        return chain.proceed(authorized, scope);
    }

    private static Optional<RequestAuthorization> afterResponse(
            ClassicHttpResponse response, RequestAuthorization authorization) throws IOException {
        List<String> challenges = Arrays.stream(response.getHeaders(HttpHeaders.WWW_AUTHENTICATE))
                .map(NameValuePair::getValue)
                .toList();
        try {
            return authorization.afterResponse(response.getCode(), challenges);
        } catch (IOException | RuntimeException e) {
            response.close();
            throw e;
        }
    }
}
