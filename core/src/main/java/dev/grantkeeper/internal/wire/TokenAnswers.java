/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.wire;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.grantkeeper.provider.Dialect;
import dev.grantkeeper.token.TokenSet;
import java.net.URI;
import java.security.KeyPair;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import okhttp3.HttpUrl;
import okhttp3.MediaType;
import org.jspecify.annotations.Nullable;

/**
 * Reads what token endpoints really send, and says what it means.
 *
 * <p>Real servers send {@code expires_in} as a string, errors with status 200, form-encoded bodies, empty refresh
 * tokens and JSON labelled as JavaScript. What can be understood without guessing is understood; what cannot is an
 * answer of its own kind, and costs nobody a grant. The {@code error} member decides, whatever the status; then the
 * status.
 */
final class TokenAnswers {
    /**
     * RFC 6749 section 5.2, OpenID Connect Core section 3.1.2.6, and what is not part of section 5.2 and sent all the
     * same. Where nothing else is said, an error is about the application.
     */
    private static final Map<String, Dialect.Meaning> MEANINGS = Map.of(
            "invalid_grant", Dialect.Meaning.REFUSED,
            "interaction_required", Dialect.Meaning.INTERACTION,
            "consent_required", Dialect.Meaning.INTERACTION,
            "login_required", Dialect.Meaning.INTERACTION,
            "temporarily_unavailable", Dialect.Meaning.TEMPORARY,
            "server_error", Dialect.Meaning.TEMPORARY,
            "slow_down", Dialect.Meaning.TEMPORARY);

    private static final int MAX_CLAIMS = 16 * 1024;

    private TokenAnswers() {}

    /**
     * What a token request proved to hold (RFC 9449).
     *
     * @param key the key
     * @param required whether tokens that are not bound to it are of no use
     */
    record Binding(KeyPair key, boolean required) {
        @Override
        public String toString() {
            return "Binding[" + (required ? "required" : "not required") + "]";
        }
    }

    static Answer read(
            int status,
            @Nullable MediaType type,
            String body,
            List<String> retryAfter,
            Instant now,
            Collection<String> secrets,
            @Nullable Binding binding,
            Dialect dialect,
            String scopeSeparator) {
        try {
            ObjectNode json = document("token endpoint", status, type, body, retryAfter, now, secrets, dialect);
            return tokens(status, json, now, binding, dialect, scopeSeparator);
        } catch (RequestFailedException e) {
            return e.failure();
        }
    }

    /**
     * What the provider's other endpoints answer with, where all went well. Their errors look like those of the token
     * endpoint.
     *
     * @param endpoint its name, for messages
     */
    static ObjectNode document(
            String endpoint,
            int status,
            @Nullable MediaType type,
            String body,
            List<String> retryAfter,
            Instant now,
            Collection<String> secrets,
            Dialect dialect)
            throws RequestFailedException {
        Duration pause = ServerTimes.retryAfter(retryAfter, now);
        if (status >= 300 && status < 400) {
            // Following it would post the refresh token and the client's secret to wherever it points.
            throw new RequestFailedException(
                    malformed(status, "The " + endpoint + " answered with a redirect, which is never followed", pause));
        }
        ObjectNode json = ServerJson.read(type, body, dialect);
        if (json == null) {
            throw new RequestFailedException(
                    status == 429 || status == 408 || status >= 500
                            ? new Answer.Failure(Answer.Kind.TEMPORARY, status, null, null, pause, null)
                            : malformed(
                                    status, "The " + endpoint + " answered with something that is not JSON", pause));
        }
        String error = error(json, status, dialect);
        if (error != null || json.path("error").isContainerNode()) {
            throw new RequestFailedException(failure(status, error, json, pause, secrets, dialect));
        }
        if (status >= 200 && status < 300) {
            return json;
        }
        Answer.Kind kind = status == 429 || status == 408 || status >= 500
                ? Answer.Kind.TEMPORARY
                : status == 401 ? Answer.Kind.MISCONFIGURED : Answer.Kind.MALFORMED;
        throw new RequestFailedException(new Answer.Failure(kind, status, null, null, pause, null));
    }

    /** The error's code, in all the parts that this server gives it. */
    private static @Nullable String error(ObjectNode json, int status, Dialect dialect) {
        List<String> parts = new ArrayList<>();
        // Outside of an error these may be names for something else.
        if (status >= 400 || member(json, "access_token", dialect).isMissingNode()) {
            for (String pointer : dialect.members().getOrDefault("error", List.of())) {
                JsonNode part = json.at(pointer);
                if (part.isTextual() || part.isIntegralNumber()) {
                    parts.add(part.asText());
                }
            }
        }
        return parts.isEmpty() ? text(json, "error", Dialect.STANDARD) : String.join("/", parts);
    }

    private static Answer.Failure failure(
            int status,
            @Nullable String error,
            ObjectNode json,
            @Nullable Duration pause,
            Collection<String> secrets,
            Dialect dialect) {
        String suberror = ServerJson.text(json, "suberror");
        Dialect.Meaning meaning = error == null
                ? null
                : dialect.meaningOf(suberror == null ? error : error + "/" + suberror)
                        .orElse(MEANINGS.get(error));
        Answer.Kind kind;
        if (meaning == null) {
            kind = status == 429 || status == 408 || status >= 500 ? Answer.Kind.TEMPORARY : Answer.Kind.MISCONFIGURED;
        } else {
            kind = switch (meaning) {
                case REFUSED -> Answer.Kind.REFUSED;
                case INTERACTION -> Answer.Kind.INTERACTION;
                case BLOCKED -> Answer.Kind.BLOCKED;
                case MISCONFIGURED -> Answer.Kind.MISCONFIGURED;
                case TEMPORARY -> Answer.Kind.TEMPORARY;
            };
        }
        JsonNode description = member(json, "error_description", dialect);
        String claims = ServerJson.text(json, "claims");
        return new Answer.Failure(
                kind,
                status,
                ServerText.harmless(error, secrets),
                ServerText.harmless(description.isTextual() ? description.textValue() : null, secrets),
                pause,
                null,
                claims == null || claims.length() > MAX_CLAIMS ? null : Claims.read(claims));
    }

    /** A member, where this server has it; otherwise where the standard has it. */
    private static JsonNode member(ObjectNode json, String name, Dialect dialect) {
        List<String> pointers = dialect.members().get(name);
        JsonNode there = pointers == null ? MissingNode.getInstance() : json.at(pointers.get(0));
        return there.isMissingNode() || there.isNull() ? json.path(name) : there;
    }

    private static @Nullable String text(ObjectNode json, String name, Dialect dialect) {
        JsonNode node = member(json, name, dialect);
        return node.isTextual() && !node.textValue().isEmpty() ? node.textValue() : null;
    }

    private static Answer tokens(
            int status,
            ObjectNode json,
            Instant now,
            @Nullable Binding binding,
            Dialect dialect,
            String scopeSeparator) {
        String accessToken = text(json, "access_token", dialect);
        if (accessToken == null) {
            return malformed(status, "The answer of the token endpoint holds no access token", null);
        }
        JsonNode named = member(json, "token_type", dialect);
        String type = named.isTextual() ? named.textValue() : null;
        KeyPair boundTo = binding != null && "DPoP".equalsIgnoreCase(type) ? binding.key() : null;
        if (boundTo == null && type != null && !isBearer(type, dialect)) {
            return malformed(status, "The token endpoint issued a token that is not a Bearer token", null);
        }
        if (boundTo == null && binding != null && binding.required()) {
            // RFC 9449 section 5: whoever wants bound tokens must not use what came instead.
            return new Answer.Failure(
                    Answer.Kind.MISCONFIGURED,
                    status,
                    null,
                    "DPoP was asked for, and the token endpoint issued a bearer token. Allow DPoP for this client at the"
                            + " authorization server, or build without dpop()",
                    null,
                    null);
        }
        TokenResponse response = new TokenResponse(
                accessToken,
                type == null ? "Bearer" : type,
                lifetime(json, now, dialect),
                ServerTimes.seconds(json.path("refresh_in")),
                text(json, "refresh_token", dialect),
                refreshLifetime(json, dialect),
                text(json, "id_token", dialect),
                scopes(member(json, "scope", dialect), scopeSeparator),
                json.path("authorization_details").isArray()
                        ? json.path("authorization_details").toString()
                        : null,
                boundTo,
                ServerJson.text(json, "issued_token_type"),
                apiBase(json, dialect),
                identity(json, dialect));
        try {
            TokenSet ignored = response.toTokenSet(null, Set.of(), Instant.EPOCH, java.util.Optional.empty());
        } catch (IllegalArgumentException e) {
            return malformed(
                    status, "The answer of the token endpoint holds an impossible token: " + e.getMessage(), null);
        }
        return new Answer.Tokens(response);
    }

    /**
     * How long the access token lives, by {@code expires_in}; where there is none, until the moment that some servers
     * name besides or instead ({@code expires_at}, {@code expires_on}).
     */
    private static @Nullable Duration lifetime(ObjectNode json, Instant now, Dialect dialect) {
        JsonNode node = member(json, "expires_in", dialect);
        if (dialect.zeroMeansForever() && isZero(node)) {
            return null;
        }
        Duration until = ServerTimes.until(node, now);
        if (until != null) {
            return until; // seen: a moment under the name of a time
        }
        Duration lifetime = ServerTimes.seconds(node);
        if (lifetime == null) {
            lifetime = ServerTimes.until(json.path("expires_at"), now);
        }
        return lifetime == null ? ServerTimes.until(json.path("expires_on"), now) : lifetime;
    }

    private static @Nullable Duration refreshLifetime(ObjectNode json, Dialect dialect) {
        JsonNode node = member(json, "refresh_token_expires_in", dialect);
        if (node.isMissingNode() || node.isNull()) {
            node = json.path("refresh_expires_in");
        }
        // Keycloak's 0 says that the token never expires.
        return isZero(node) ? null : ServerTimes.seconds(node);
    }

    private static boolean isZero(JsonNode seconds) {
        return seconds.asInt(1) == 0 && !seconds.isContainerNode() && !seconds.isNull();
    }

    private static boolean isBearer(String type, Dialect dialect) {
        Set<String> types = dialect.bearerTypes();
        return types.isEmpty()
                ? type.equalsIgnoreCase("Bearer")
                : types.stream().anyMatch(type::equalsIgnoreCase);
    }

    /** Where this user's API is, if it is where the provider's are. */
    private static @Nullable URI apiBase(ObjectNode json, Dialect dialect) {
        String pointer = dialect.apiBaseMember().orElse(null);
        HttpUrl url = pointer == null ? null : HttpUrl.parse(json.at(pointer).asText(""));
        return url != null
                        && ApiBase.mayBe(url, dialect)
                        && url.username().isEmpty()
                        && url.password().isEmpty()
                ? url.newBuilder().query(null).fragment(null).build().uri()
                : null;
    }

    private static Map<String, Object> identity(ObjectNode json, Dialect dialect) {
        Map<String, Object> claims = new LinkedHashMap<>();
        dialect.identityMembers().forEach((claim, pointers) -> {
            List<Object> values = pointers.stream()
                    .map(pointer -> value(json.at(pointer)))
                    .filter(Objects::nonNull)
                    .toList();
            if (values.size() == 1) {
                claims.put(claim, values.get(0));
            } else if (!values.isEmpty()) {
                claims.put(claim, values.stream().map(Object::toString).collect(Collectors.joining("/")));
            }
        });
        return claims;
    }

    private static @Nullable Object value(JsonNode node) {
        if (node.isTextual() && !node.textValue().isEmpty()) {
            return node.textValue();
        }
        if (node.isIntegralNumber() && node.canConvertToLong()) {
            return node.longValue();
        }
        return node.isBoolean() ? node.booleanValue() : null;
    }

    private static Answer.Failure malformed(int status, String description, @Nullable Duration pause) {
        return new Answer.Failure(Answer.Kind.MALFORMED, status, null, description, pause, null);
    }

    private static @Nullable Set<String> scopes(JsonNode node, String separator) {
        Set<String> scopes = new LinkedHashSet<>();
        if (node.isTextual()) {
            scopes.addAll(scopes(node.textValue(), separator));
        } else if (node.isArray()) {
            node.forEach(scope -> scopes.add(scope.asText()));
        }
        // Spotify's refresh sends "": nothing is said, not nothing granted.
        return scopes.isEmpty() ? null : scopes;
    }

    /** Scopes as this server writes them in its answers. */
    static Set<String> scopes(String text, String separator) {
        String separated = separator.isEmpty() ? text : text.replace(separator, " ");
        Set<String> scopes = new LinkedHashSet<>();
        for (String scope : separated.split(" ", -1)) {
            if (!scope.isBlank()) {
                scopes.add(scope);
            }
        }
        return scopes;
    }
}
