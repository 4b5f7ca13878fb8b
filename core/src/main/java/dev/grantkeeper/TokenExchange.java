/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.protocol.ApiAddresses;
import dev.grantkeeper.internal.protocol.Origins;
import dev.grantkeeper.internal.server.ExchangeRequest;
import dev.grantkeeper.internal.server.ExchangeRequest.Kind;
import dev.grantkeeper.internal.server.ExchangeRequest.Token;
import java.net.URI;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import okhttp3.HttpUrl;
import org.jspecify.annotations.Nullable;

/**
 * A token request that exchanges a token at hand for another one: token exchange (RFC 8693), JWT bearer assertions (RFC
 * 7523), and the on-behalf-of flow of Microsoft Entra ID (Azure AD).
 *
 * <pre>{@code
 * // a server, for each request that came with a user's token:
 * OkHttpClient graph = office.account(TokenExchange.onBehalfOf(incoming).scopes("https://graph.microsoft.com/User.Read"))
 *         .wrap(http);
 * }</pre>
 *
 * <p>Two equal exchanges of the same token are the same account: it makes one token request until the token that it
 * received expires. The application verifies the token at hand beforehand; what was received for it is served until it
 * expires.
 *
 * <p>Immutable and thread-safe: each method returns another exchange. {@link #toString()} shows no token.
 */
public final class TokenExchange {
    private final ExchangeRequest request;
    private final @Nullable ApiAddresses apiAddresses;

    private TokenExchange(ExchangeRequest request, @Nullable ApiAddresses apiAddresses) {
        this.request = request;
        this.apiAddresses = apiAddresses;
    }

    private static TokenExchange of(Kind kind, Token token, Map<String, String> parameters) {
        return new TokenExchange(new ExchangeRequest(kind, token, parameters), null);
    }

    /**
     * Exchanges an access token for one for the same user (token exchange, RFC 8693).
     *
     * @param subjectToken the access token at hand; for another kind of token call {@link #subjectTokenType}
     * @return an exchange for no scopes in particular
     */
    public static TokenExchange of(String subjectToken) {
        return of(Kind.EXCHANGE, Token.of(subjectToken), Map.of("subject_token_type", ExchangeRequest.ACCESS_TOKEN));
    }

    /**
     * Exchanges a token that changes, such as one that the platform writes into a file (RFC 8693). Make the exchange
     * once: its account lives as long as it is used.
     *
     * @param subjectToken supplies the current token; called on a thread of the library before each token request
     * @return an exchange for no scopes in particular
     */
    public static TokenExchange of(Supplier<String> subjectToken) {
        return of(Kind.EXCHANGE, Token.of(subjectToken), Map.of("subject_token_type", ExchangeRequest.ACCESS_TOKEN));
    }

    /**
     * Exchanges a signed assertion for an access token for its subject (JWT bearer, RFC 7523 section 2.1).
     *
     * @param jwt the assertion
     * @return an exchange for no scopes in particular
     */
    public static TokenExchange assertion(String jwt) {
        return of(Kind.ASSERTION, Token.of(jwt), Map.of());
    }

    /**
     * Exchanges assertions that are made when they are needed, for example with a service account's key (RFC 7523
     * section 2.1). Make the exchange once: its account lives as long as it is used.
     *
     * @param jwt makes an assertion; called on a thread of the library before each token request
     * @return an exchange for no scopes in particular
     */
    public static TokenExchange assertion(Supplier<String> jwt) {
        return of(Kind.ASSERTION, Token.of(jwt), Map.of());
    }

    /**
     * Exchanges a user's token that was meant for this application for one for another API: the on-behalf-of flow of
     * Microsoft Entra ID (Azure AD).
     *
     * @param accessToken the token that came with the user's request
     * @return an exchange for no scopes in particular; Entra ID requires some, of one API
     */
    public static TokenExchange onBehalfOf(String accessToken) {
        return of(Kind.ASSERTION, Token.of(accessToken), Map.of("requested_token_use", "on_behalf_of"));
    }

    /**
     * Sets the scopes to request. Default: none, the server decides.
     *
     * @param scopes exactly what is sent
     * @return an exchange with these scopes
     */
    public TokenExchange scopes(String... scopes) {
        return scopes(Arrays.asList(scopes));
    }

    /**
     * Sets the scopes to request. Default: none, the server decides.
     *
     * @param scopes exactly what is sent
     * @return an exchange with these scopes
     */
    public TokenExchange scopes(Collection<String> scopes) {
        return new TokenExchange(request.scopes(scopes), apiAddresses);
    }

    /**
     * Sets the audience, the server's name for the API that the token is for (RFC 8693 section 2.1). Default: none.
     *
     * @param audience the name
     * @return an exchange with it
     */
    public TokenExchange audience(String audience) {
        return parameter("audience", audience);
    }

    /**
     * Sets the resource indicator, the URL of the API that the token is for (RFC 8707). Default: none.
     *
     * @param resource an absolute URI without a fragment
     * @return an exchange with it
     */
    public TokenExchange resource(String resource) {
        URI uri = URI.create(resource);
        if (!uri.isAbsolute() || uri.getRawFragment() != null) {
            throw new IllegalArgumentException(
                    "A resource is an absolute URI without a fragment (RFC 8707 section 2): " + resource);
        }
        return parameter("resource", resource);
    }

    /**
     * Sets the type of the token at hand. Default: an access token.
     *
     * @param type an identifier of RFC 8693 section 3, for example {@code urn:ietf:params:oauth:token-type:id_token}
     * @return an exchange with it
     */
    public TokenExchange subjectTokenType(String type) {
        return new TokenExchange(request.subjectTokenType(type), apiAddresses);
    }

    /**
     * Sets the actor, the party that acts for the subject (RFC 8693 section 2.1). Default: this application.
     *
     * @param actorToken a token of the actor; a secret
     * @param type an identifier of RFC 8693 section 3
     * @return an exchange with it
     */
    public TokenExchange actor(String actorToken, String type) {
        return parameter("actor_token", actorToken).parameter("actor_token_type", type);
    }

    /**
     * Sets the type of the token to issue (RFC 8693 section 2.1). Default: the server decides. An {@link Account} can
     * use only tokens that calls can carry; another type is an error. An identity assertion for another server
     * ({@code …:id-jag}) is there for {@link Account#tokens}, and calls do not carry it.
     *
     * @param type {@code urn:ietf:params:oauth:token-type:access_token}, {@code …:jwt} or {@code …:id-jag}
     * @return an exchange with it
     */
    public TokenExchange requestedTokenType(String type) {
        if (!Set.of(ExchangeRequest.ACCESS_TOKEN, ExchangeRequest.JWT, ExchangeRequest.ID_JAG)
                .contains(type)) {
            throw new IllegalArgumentException("Calls can carry an access token (" + ExchangeRequest.ACCESS_TOKEN
                    + ", or " + ExchangeRequest.JWT + "), and not " + type);
        }
        return parameter("requested_token_type", type);
    }

    /**
     * Adds a parameter that this library does not know.
     *
     * @param name the parameter
     * @param value its value
     * @return an exchange with it
     * @throws IllegalArgumentException if the library itself decides about this parameter
     */
    public TokenExchange parameter(String name, String value) {
        return new TokenExchange(request.with(name, value), apiAddresses);
    }

    /**
     * Sets the origins that the token may be sent to. Default: all API origins of the provider. Set it where several
     * APIs have tokens of their own: none then receives a token that is meant for another.
     *
     * @param origins scheme, host and port of the API; {@code https}, or {@code http} on this machine; no path
     * @return an exchange whose tokens are sent to these origins only
     */
    public TokenExchange apiOrigins(String... origins) {
        Set<String> all = new LinkedHashSet<>();
        for (String origin : origins) {
            HttpUrl url = HttpUrl.get(origin);
            if (!url.isHttps() && !Origins.isLoopback(url.host())) {
                throw new IllegalArgumentException("Tokens are sent to https only: " + origin);
            }
            if (!url.encodedPath().equals("/") || url.encodedQuery() != null) {
                throw new IllegalArgumentException("An origin has no path, and the token is sent to all of "
                        + Origins.of(url) + ": leave the path out of " + origin);
            }
            all.add(origin);
        }
        return new TokenExchange(request, ApiAddresses.of(all));
    }

    ExchangeRequest request() {
        return request;
    }

    /** The addresses that the tokens may be sent to; {@code null} for all of the provider's API origins. */
    @Nullable
    ApiAddresses apiAddresses() {
        return apiAddresses;
    }

    @Override
    public String toString() {
        return "TokenExchange[" + request + "]";
    }
}
