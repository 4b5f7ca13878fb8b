/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.server;

import dev.grantkeeper.internal.protocol.Requested;
import dev.grantkeeper.internal.provider.ParameterName;
import dev.grantkeeper.internal.row.RowFormat;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Collection;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A request that exchanges a token for another one: token exchange (RFC 8693), a JWT bearer assertion (RFC 7523), or
 * Microsoft's on-behalf-of. Immutable and thread-safe; {@code toString} shows no token.
 *
 * @param kind the grant type
 * @param token the token at hand
 * @param scopes the requested scopes
 * @param parameters everything else that is sent
 */
public record ExchangeRequest(Kind kind, Token token, Set<String> scopes, Map<String, String> parameters) {
    public static final String ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";
    public static final String ID_JAG = "urn:ietf:params:oauth:token-type:id-jag";
    public static final String JWT = "urn:ietf:params:oauth:token-type:jwt";

    /** Parameters that the library itself decides about. */
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

    /** The two grant types, and the parameter that each has for the token at hand. */
    public enum Kind {
        /** RFC 8693. */
        EXCHANGE("urn:ietf:params:oauth:grant-type:token-exchange", "subject_token"),
        /** RFC 7523 section 2.1. */
        ASSERTION("urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion");

        private final String grantType;
        private final String tokenParameter;

        Kind(String grantType, String tokenParameter) {
            this.grantType = grantType;
            this.tokenParameter = tokenParameter;
        }
    }

    /**
     * The token at hand.
     *
     * @param name tells one token from another, and does not give it away
     * @param value supplies it
     * @param changes whether the next one may differ
     */
    public record Token(String name, Supplier<String> value, boolean changes) {
        /** A token that stays the same. */
        public static Token of(String token) {
            if (token.isEmpty()) {
                throw new IllegalArgumentException("The token to exchange is empty");
            }
            return new Token(digest(token), () -> token, false);
        }

        /** A token that is supplied before each request. */
        public static Token of(Supplier<String> token) {
            return new Token(RowFormat.newName(), Objects.requireNonNull(token), true);
        }

        @Override
        public String toString() {
            return "Token[" + (changes ? "from a supplier" : "fixed") + "]";
        }
    }

    /** A request for no scopes in particular. */
    public ExchangeRequest(Kind kind, Token token, Map<String, String> parameters) {
        this(kind, token, Set.of(), parameters);
    }

    /** The same request for these scopes. */
    public ExchangeRequest scopes(Collection<String> wanted) {
        return new ExchangeRequest(kind, token, Requested.scopes(wanted), parameters);
    }

    /** The same request with another parameter, unless it is one of the library's own. */
    public ExchangeRequest with(String name, String value) {
        if (ParameterName.isOneOf(ParameterName.checked(name), OWN)) {
            throw new IllegalArgumentException("The parameter " + name + " cannot be set: it is the library's own");
        }
        return with(Map.of(name, value));
    }

    /** The same request for a subject token of another type. */
    public ExchangeRequest subjectTokenType(String type) {
        if (!isExchange()) {
            throw new IllegalStateException("Only token exchange (RFC 8693) has token types");
        }
        return with(Map.of("subject_token_type", type));
    }

    private ExchangeRequest with(Map<String, String> more) {
        Map<String, String> all = new LinkedHashMap<>(parameters);
        all.putAll(more);
        return new ExchangeRequest(kind, token, scopes, Map.copyOf(all));
    }

    /** The API that the token is for (RFC 8707); {@code null} if the server chooses. */
    public @Nullable String resource() {
        return parameters.get(Requested.RESOURCE);
    }

    /** Whether the token at hand may differ the next time. */
    boolean changes() {
        return token.changes();
    }

    /** Whether RFC 8693 specifies the server's answer. */
    boolean isExchange() {
        return kind == Kind.EXCHANGE;
    }

    /** Whether calls can carry an issued token of this type. */
    boolean accepts(@Nullable String issuedTokenType) {
        String wanted = parameters.get("requested_token_type");
        if (issuedTokenType == null || wanted == null) {
            return issuedTokenType == null || issuedTokenType.equals(ACCESS_TOKEN) || issuedTokenType.equals(JWT);
        }
        return issuedTokenType.equals(wanted);
    }

    /** The parameters of the request; calls the application's supplier. */
    Map<String, String> form(String scope) {
        Map<String, String> form = new LinkedHashMap<>();
        form.put("grant_type", kind.grantType);
        form.put(kind.tokenParameter, Objects.requireNonNull(token.value().get(), "The supplier returned no token"));
        form.putAll(parameters);
        if (!scope.isEmpty()) {
            form.put("scope", scope);
        }
        return form;
    }

    /**
     * A name for the request, which differs wherever the request does.
     *
     * @return letters and digits
     */
    public String name() {
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
        return "ExchangeRequest[" + kind.grantType + ", scopes " + scopes + "]";
    }
}
