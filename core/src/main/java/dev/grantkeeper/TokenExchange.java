/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.row.RowFormat;
import dev.grantkeeper.internal.wire.Origins;
import dev.grantkeeper.internal.wire.Wanted;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.Collection;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Supplier;
import okhttp3.HttpUrl;
import org.jspecify.annotations.Nullable;

/**
 * What to ask the token endpoint for in exchange for a token that is at hand: token exchange (RFC 8693), JWT bearer
 * assertions (RFC 7523), and the on-behalf-of flow of Microsoft Entra ID (Azure AD). They differ in words only.
 *
 * <pre>{@code
 * // a server, for each request that came with a user's token:
 * OkHttpClient graph = office.account(TokenExchange.onBehalfOf(incoming).scopes("https://graph.microsoft.com/User.Read"))
 *         .wrap(http);
 * }</pre>
 *
 * <p>Two exchanges that ask for the same with the same token are the same account: it makes one token request until
 * that token expires. Whether the token at hand is good, the application checks before; what was fetched for it is
 * served until that expires.
 *
 * <p>Immutable and thread-safe: each method returns another exchange. {@link #toString()} shows no token.
 */
public final class TokenExchange {
    private static final String ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";
    private static final String JWT = "urn:ietf:params:oauth:token-type:jwt";

    /** What the library itself decides about. */
    private static final Set<String> OWN = Set.of(
            "grant_type",
            "client_id",
            "client_secret",
            "client_assertion",
            "client_assertion_type",
            "scope",
            "subject_token",
            "subject_token_type",
            "assertion");

    /** How the server is asked. */
    enum Kind {
        /** RFC 8693. */
        EXCHANGE("urn:ietf:params:oauth:grant-type:token-exchange", "subject_token"),
        /** RFC 7523 section 2.1. */
        ASSERTION("urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion");

        final String grantType;
        final String tokenParameter;

        Kind(String grantType, String tokenParameter) {
            this.grantType = grantType;
            this.tokenParameter = tokenParameter;
        }
    }

    /**
     * The token at hand.
     *
     * @param name tells one token from another, and does not give it away
     * @param value gives it
     * @param changes whether the next time it may be another
     */
    private record Token(String name, Supplier<String> value, boolean changes) {
        static Token of(String token) {
            if (token.isEmpty()) {
                throw new IllegalArgumentException("There is no token to exchange");
            }
            return new Token(digest(token), () -> token, false);
        }

        static Token of(Supplier<String> token) {
            return new Token(RowFormat.newName(), Objects.requireNonNull(token), true);
        }

        @Override
        public String toString() {
            return "Token[" + (changes ? "from a supplier" : "fixed") + "]";
        }
    }

    private final Kind kind;
    private final Token token;
    private final Set<String> scopes;
    private final Map<String, String> parameters;
    private final @Nullable Set<String> apiOrigins;

    private TokenExchange(
            Kind kind,
            Token token,
            Set<String> scopes,
            Map<String, String> parameters,
            @Nullable Set<String> apiOrigins) {
        this.kind = kind;
        this.token = token;
        this.scopes = scopes;
        this.parameters = parameters;
        this.apiOrigins = apiOrigins;
    }

    private static TokenExchange with(Kind kind, Token token, Map<String, String> parameters) {
        return new TokenExchange(kind, token, Set.of(), parameters, null);
    }

    /**
     * Another token for whom an access token speaks for (token exchange, RFC 8693).
     *
     * @param subjectToken the access token at hand; {@link #subjectTokenType} says if it is something else
     * @return an exchange for no scopes in particular
     */
    public static TokenExchange of(String subjectToken) {
        return with(Kind.EXCHANGE, Token.of(subjectToken), Map.of("subject_token_type", ACCESS_TOKEN));
    }

    /**
     * The same with a token that changes, such as one that the platform writes into a file. Make the exchange once: its
     * account lives as long as it is used.
     *
     * @param subjectToken gives the token that is good now; called on a thread of the library, each time before one is
     *     sent
     * @return an exchange for no scopes in particular
     */
    public static TokenExchange of(Supplier<String> subjectToken) {
        return with(Kind.EXCHANGE, Token.of(subjectToken), Map.of("subject_token_type", ACCESS_TOKEN));
    }

    /**
     * A token for whom a signed assertion speaks for (JWT bearer, RFC 7523 section 2.1).
     *
     * @param jwt the assertion
     * @return an exchange for no scopes in particular
     */
    public static TokenExchange assertion(String jwt) {
        return with(Kind.ASSERTION, Token.of(jwt), Map.of());
    }

    /**
     * The same with an assertion that is made when it is needed, for example by a service account's key. Make the
     * exchange once: its account lives as long as it is used.
     *
     * @param jwt makes an assertion; called on a thread of the library, each time before one is sent
     * @return an exchange for no scopes in particular
     */
    public static TokenExchange assertion(Supplier<String> jwt) {
        return with(Kind.ASSERTION, Token.of(jwt), Map.of());
    }

    /**
     * Another token for the user of a token that was meant for this application: the on-behalf-of flow of Microsoft
     * Entra ID (Azure AD).
     *
     * @param accessToken what came with the user's request
     * @return an exchange for no scopes in particular; Entra ID wants some, of one API
     */
    public static TokenExchange onBehalfOf(String accessToken) {
        return with(Kind.ASSERTION, Token.of(accessToken), Map.of("requested_token_use", "on_behalf_of"));
    }

    /**
     * Sets what to ask for. Default: nothing, the server decides.
     *
     * @param scopes exactly what is sent
     * @return an exchange with these
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
        Set<String> wanted = Wanted.scopes(scopes);
        return new TokenExchange(kind, token, wanted, parameters, apiOrigins);
    }

    /**
     * Says for which API the token is, by the server's name for it (RFC 8693 section 2.1).
     *
     * @param audience the name
     * @return an exchange with it
     */
    public TokenExchange audience(String audience) {
        return with("audience", audience);
    }

    /**
     * Says for which API the token is, by the API's URL (RFC 8707).
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
        return with("resource", resource);
    }

    /**
     * Says what kind of token is at hand. Default: an access token.
     *
     * @param type an identifier of RFC 8693 section 3, for example {@code urn:ietf:params:oauth:token-type:id_token}
     * @return an exchange with it
     */
    public TokenExchange subjectTokenType(String type) {
        if (kind != Kind.EXCHANGE) {
            throw new IllegalStateException("Only token exchange (RFC 8693) knows types");
        }
        Map<String, String> more = new LinkedHashMap<>(parameters);
        more.put("subject_token_type", type);
        return new TokenExchange(kind, token, scopes, Map.copyOf(more), apiOrigins);
    }

    /**
     * Says who acts for the subject (RFC 8693 section 2.1). Default: this application.
     *
     * @param actorToken a token of the one who acts; a secret
     * @param type an identifier of RFC 8693 section 3
     * @return an exchange with it
     */
    public TokenExchange actor(String actorToken, String type) {
        return with("actor_token", actorToken).with("actor_token_type", type);
    }

    /**
     * Says what kind of token to give (RFC 8693 section 2.1). Default: the server decides. Only tokens that calls can
     * carry are of use to an {@link Account}: those of another kind are an error.
     *
     * @param type {@code urn:ietf:params:oauth:token-type:access_token}, or {@code …:jwt}
     * @return an exchange with it
     */
    public TokenExchange requestedTokenType(String type) {
        if (!type.equals(ACCESS_TOKEN) && !type.equals(JWT)) {
            throw new IllegalArgumentException(
                    "Calls can carry an access token (" + ACCESS_TOKEN + ", or " + JWT + "), and not " + type);
        }
        return with("requested_token_type", type);
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
        return with(name, value);
    }

    /** For which API, if that was said. */
    @Nullable
    String resource() {
        return parameters.get(Wanted.RESOURCE);
    }

    private TokenExchange with(String name, String value) {
        if (OWN.contains(name)) {
            throw new IllegalArgumentException("The parameter " + name + " cannot be set: it is the library's own");
        }
        Map<String, String> more = new LinkedHashMap<>(parameters);
        more.put(name, value);
        return new TokenExchange(kind, token, scopes, Map.copyOf(more), apiOrigins);
    }

    /**
     * Sets where the token may go. Default: to all API origins of the provider. Say it where several APIs have tokens
     * of their own: none then sees a token that is meant for another.
     *
     * @param origins scheme, host and port of the API; {@code https}, or {@code http} on this machine
     * @return an exchange whose tokens go there and nowhere else
     */
    public TokenExchange apiOrigins(String... origins) {
        Set<String> all = new LinkedHashSet<>();
        for (String origin : origins) {
            HttpUrl url = HttpUrl.get(origin);
            if (!url.isHttps() && !Origins.isLoopback(url.host())) {
                throw new IllegalArgumentException("Tokens go to https only: " + origin);
            }
            all.add(Origins.of(url));
        }
        return new TokenExchange(kind, token, scopes, parameters, Set.copyOf(all));
    }

    /** Whether the token at hand may be another the next time. */
    boolean changes() {
        return token.changes();
    }

    /** Whether RFC 8693 says how the server answers. */
    boolean isExchange() {
        return kind == Kind.EXCHANGE;
    }

    /** The type that has to come back; {@code null} if it is left to the server. */
    @Nullable
    String requestedTokenType() {
        return parameters.get("requested_token_type");
    }

    Set<String> scopes() {
        return scopes;
    }

    /** Where the tokens go; {@code null} for all of the provider's API origins. */
    @Nullable
    Set<String> apiOrigins() {
        return apiOrigins;
    }

    /** Whether issued tokens are what calls can carry. */
    boolean accepts(@Nullable String issuedTokenType) {
        String wanted = requestedTokenType();
        if (issuedTokenType == null || wanted == null) {
            return issuedTokenType == null || issuedTokenType.equals(ACCESS_TOKEN) || issuedTokenType.equals(JWT);
        }
        return issuedTokenType.equals(wanted);
    }

    /** What is sent; calls the application's supplier. */
    Map<String, String> form(String scope) {
        Map<String, String> form = new LinkedHashMap<>();
        form.put("grant_type", kind.grantType);
        form.put(kind.tokenParameter, Objects.requireNonNull(token.value().get(), "The supplier gave no token"));
        form.putAll(parameters);
        if (!scope.isEmpty()) {
            form.put("scope", scope);
        }
        return form;
    }

    /**
     * A name for what is asked for, which differs wherever that does.
     *
     * @return letters and digits
     */
    String name() {
        StringBuilder all = new StringBuilder();
        for (String part : new String[] {kind.grantType, token.name(), String.join(" ", scopes)}) {
            all.append(part.length()).append(':').append(part);
        }
        parameters.entrySet().stream()
                .sorted(Map.Entry.comparingByKey())
                .forEach(parameter -> all.append(parameter.getKey().length())
                        .append(':')
                        .append(parameter.getKey())
                        .append(parameter.getValue().length())
                        .append(':')
                        .append(parameter.getValue()));
        return digest(all.toString());
    }

    private static String digest(String text) {
        try {
            return HexFormat.of()
                    .formatHex(MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("Every Java platform has SHA-256", e);
        }
    }

    @Override
    public String toString() {
        return "TokenExchange[" + kind.grantType + ", scopes " + scopes + "]";
    }
}
