/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.call.Destination;
import dev.grantkeeper.internal.call.ErrorCodes;
import dev.grantkeeper.internal.call.LoginChallenge;
import dev.grantkeeper.internal.call.TokenSource;
import dev.grantkeeper.internal.provider.DialectFacts;
import dev.grantkeeper.internal.provider.Facts;
import dev.grantkeeper.internal.wire.DPoP;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.net.URI;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import okhttp3.Headers;
import okhttp3.HttpUrl;
import okhttp3.Protocol;
import okhttp3.Request;
import okhttp3.Response;
import org.jspecify.annotations.Nullable;

/**
 * The authorization of one request of another HTTP client than OkHttp: the header that it carries, and what its
 * response means. With it any client does what one of {@link Account#wrap} does. Thread-safe.
 *
 * <pre>{@code
 * Optional<RequestAuthorization> first = account.authorization(url);
 * if (first.isEmpty()) {
 *     return send(request); // not one of the account's APIs
 * }
 * Response response = send(request.header(first.get().headerName(), first.get().headerValue()));
 * Optional<RequestAuthorization> next = first.get().afterResponse(response.status(), response.challenges());
 * if (next.isPresent()) {
 *     response = send(request.header(next.get().headerName(), next.get().headerValue()));
 *     next.get().afterResponse(response.status(), response.challenges()); // throws if it demands a login
 * }
 * return response;
 * }</pre>
 */
public final class RequestAuthorization {
    private final Registration registration;
    private final TokenSource source;
    private final Destination destination;
    private final HttpUrl url;
    private final TokenSet tokens;
    private final boolean isRepetition;
    private final String headerName;
    private final String headerValue;

    private RequestAuthorization(
            Registration registration,
            TokenSource source,
            Destination destination,
            HttpUrl url,
            TokenSet tokens,
            boolean isRepetition)
            throws OAuthException {
        DialectFacts dialect = Facts.of(registration.provider()).dialect;
        this.registration = registration;
        this.source = source;
        this.destination = destination;
        this.url = url;
        this.tokens = tokens;
        this.isRepetition = isRepetition;
        this.headerName = dialect.tokenHeader;
        if (tokens.proofKey().isPresent()) {
            throw new OAuthException(
                    "These tokens are bound to a key (DPoP), and each request needs a proof: use wrap(…), or tokens() and"
                            + " proofs of your own",
                    null);
        }
        try {
            this.headerValue = DPoP.authorization(tokens, dialect);
        } catch (IOException e) {
            throw new OAuthException(String.valueOf(e.getMessage()), null);
        }
    }

    static Optional<RequestAuthorization> of(Registration registration, TokenSource source, URI uri)
            throws IOException {
        HttpUrl url = url(uri, source);
        Destination destination = destination(registration, source, url);
        if (url == null || destination == null) {
            return Optional.empty();
        }
        TokenSet tokens = registration.tokenWait().current(source, null).tokens();
        return first(registration, source, destination, url, tokens);
    }

    static CompletableFuture<Optional<RequestAuthorization>> ofAsync(
            Registration registration, TokenSource source, URI uri) {
        HttpUrl url = url(uri, source);
        Destination destination = destination(registration, source, url);
        if (url == null || destination == null) {
            return CompletableFuture.completedFuture(Optional.empty());
        }
        return registration.tokenWait().tokensAsync(source, source.current()).thenApply(tokens -> {
            try {
                return first(registration, source, destination, url, tokens);
            } catch (OAuthException e) {
                throw new CompletionException(e);
            }
        });
    }

    private static Optional<RequestAuthorization> first(
            Registration registration, TokenSource source, Destination destination, HttpUrl url, TokenSet tokens)
            throws OAuthException {
        return destination.mayHave(tokens, url)
                ? Optional.of(new RequestAuthorization(registration, source, destination, url, tokens, false))
                : Optional.empty();
    }

    /** The URL as OkHttp reads it; {@code null} if no token goes there in any case. */
    private static @Nullable HttpUrl url(URI uri, TokenSource source) {
        URI ascii = URI.create(uri.toASCIIString());
        HttpUrl url = HttpUrl.parse(ascii.toString());
        // Where tokens are for one path, OkHttp resolves dots before it sends a request, and other clients do not: the
        // server, or a gateway in front of it, may then read another path than was looked at here.
        boolean isReadAlike = url != null
                && (url.encodedPath().equals(ascii.getRawPath())
                        || (url.encodedPath().equals("/") && "".equals(ascii.getRawPath())));
        return isReadAlike || !source.addresses().areLimited() ? url : null;
    }

    private static @Nullable Destination destination(
            Registration registration, TokenSource source, @Nullable HttpUrl url) {
        if (url == null) {
            return null;
        }
        Destination destination =
                Destination.of(url, source, registration.apiAddresses(), Facts.of(registration.provider()).dialect);
        return destination == Destination.OWN_ADDRESS || destination == Destination.POSSIBLE_API_BASE
                ? destination
                : null;
    }

    /**
     * The name of the header that authorizes the request.
     *
     * @return {@code Authorization}, unless the provider has a header of its own
     */
    public String headerName() {
        return headerName;
    }

    /**
     * The value of that header: a secret.
     *
     * @return {@code Bearer} and the access token, unless the provider has a scheme of its own
     */
    public String headerValue() {
        return headerValue;
    }

    /**
     * Returns what to repeat the request with, once, after a response that rejects the token. Call it for each response
     * to a request that carried {@link #headerValue()}, also for the one to the repetition, which never brings another
     * one. A request whose body cannot be sent twice is not repeated: its response is the result, and the next request
     * has the new token.
     *
     * <p>However many callers report the same token, one token request is made. Rejections in bodies
     * ({@link dev.grantkeeper.provider.Dialect#rejection}) are not seen.
     *
     * @param status the status of the response
     * @param wwwAuthenticate the values of its headers {@code WWW-Authenticate}; may be empty
     * @return other authorization; empty if the response is the result
     * @throws LoginRequiredException if the response names what another login has to request, unless
     *     {@link Account#withoutChallengeExceptions()} is called; or if the token is rejected and the user has to sign
     *     in
     * @throws AuthorizationServerException if the authorization server issues no tokens, or does not within
     *     {@link Grantkeeper.Builder#maxWait}
     * @throws TokenStoreException if the store failed
     * @throws IOException if the thread is interrupted ({@link java.io.InterruptedIOException})
     */
    public Optional<RequestAuthorization> afterResponse(int status, List<String> wwwAuthenticate) throws IOException {
        Response response = response(status, wwwAuthenticate);
        LoginChallenge challenge = challenge(response);
        if (!rejectsToken(response, challenge)) {
            return next(demandsLogin(response, challenge) ? latest() : tokens, challenge);
        }
        try {
            return next(registration.tokenWait().insteadOf(source, tokens, null).tokens(), challenge);
        } catch (LoginRequiredException e) {
            // There are no other tokens. What the API demands besides, that login has to request.
            throwIfRequired(challenge);
            throw e;
        }
    }

    /**
     * Asynchronous variant of {@link #afterResponse}; no thread blocks.
     *
     * @param status the status of the response
     * @param wwwAuthenticate the values of its headers {@code WWW-Authenticate}; may be empty
     * @return completes with other authorization, or exceptionally with a
     *     {@link java.util.concurrent.CompletionException} around what {@link #afterResponse} would throw; cancelling
     *     it does not disturb the refresh
     */
    public CompletableFuture<Optional<RequestAuthorization>> afterResponseAsync(
            int status, List<String> wwwAuthenticate) {
        Response response = response(status, wwwAuthenticate);
        LoginChallenge challenge = challenge(response);
        CompletableFuture<TokenSet> others = CompletableFuture.completedFuture(tokens);
        if (rejectsToken(response, challenge)) {
            others = registration.tokenWait().tokensAsync(source, source.insteadOf(tokens.accessToken()));
        } else if (demandsLogin(response, challenge)) {
            others = registration
                    .tokenWait()
                    .tokensAsync(source, source.latest())
                    .exceptionally(failure -> tokens);
        }
        return others.handle((found, failure) -> {
            try {
                if (found != null) {
                    return next(found, challenge);
                }
                Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
                if (cause instanceof LoginRequiredException) {
                    throwIfRequired(challenge);
                }
                throw new CompletionException(cause);
            } catch (OAuthException e) {
                throw new CompletionException(e);
            }
        });
    }

    private Response response(int status, List<String> wwwAuthenticate) {
        Headers.Builder headers = new Headers.Builder();
        for (String value : wwwAuthenticate) {
            headers.addUnsafeNonAscii("WWW-Authenticate", value);
        }
        return new Response.Builder()
                .request(new Request.Builder().url(url).build())
                .protocol(Protocol.HTTP_1_1)
                .code(status)
                .message("")
                .headers(headers.build())
                .build();
    }

    private @Nullable LoginChallenge challenge(Response response) {
        return LoginChallenge.in(response, tokens.scopes(), tokens.accessToken());
    }

    private boolean rejectsToken(Response response, @Nullable LoginChallenge challenge) {
        return !isRepetition
                && response.code() == 401
                && (challenge == null || challenge.isAboutTheToken())
                && ErrorCodes.allowAnotherToken(response);
    }

    /** Whether other tokens may be in the store by now, of a login on another node. */
    private boolean demandsLogin(Response response, @Nullable LoginChallenge challenge) {
        if (response.code() == 403) {
            source.doubt();
        }
        return challenge != null && !isRepetition;
    }

    private TokenSet latest() throws IOException {
        try {
            return registration.tokenWait().tokens(source, source.latest(), null);
        } catch (OAuthException e) {
            return tokens; // The demand is the answer.
        }
    }

    private Optional<RequestAuthorization> next(TokenSet others, @Nullable LoginChallenge challenge)
            throws OAuthException {
        if (others.accessToken().equals(tokens.accessToken()) || !destination.mayHave(others, url)) {
            throwIfRequired(challenge);
            return Optional.empty();
        }
        return Optional.of(new RequestAuthorization(registration, source, destination, url, others, true));
    }

    private void throwIfRequired(@Nullable LoginChallenge challenge) throws LoginRequiredException {
        if (challenge == null || !source.throwsChallenges()) {
            return;
        }
        LoginRequiredException required = Exceptions.of(source.key(), challenge, tokens.scopes());
        throw source instanceof ApiSource api ? required.at(api.api(), null) : required;
    }

    @Override
    public String toString() {
        return "RequestAuthorization[" + headerName + " for " + url.host() + "]";
    }
}
