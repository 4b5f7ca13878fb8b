/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.answer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.grantkeeper.internal.provider.DialectFacts;
import dev.grantkeeper.internal.provider.Facts;
import dev.grantkeeper.internal.provider.ProviderFacts;
import dev.grantkeeper.provider.Dialect;
import dev.grantkeeper.provider.Provider;
import java.net.URI;
import java.security.KeyPair;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import okhttp3.HttpUrl;
import org.jspecify.annotations.Nullable;

/**
 * Reads the answers that token endpoints really send, and decides what each means.
 *
 * <p>Real servers send {@code expires_in} as a string, errors with status 200, form-encoded bodies, empty refresh
 * tokens and JSON labelled as JavaScript. What can be understood without guessing is understood; anything else is an
 * answer of its own kind, and costs nobody a grant. The {@code error} member decides, whatever the status; then the
 * status. Thread-safe.
 */
public final class TokenAnswers {
    /**
     * The codes of RFC 6749 section 5.2 and OpenID Connect Core section 3.1.2.6, and those that are sent although
     * section 5.2 does not have them. Any other error is about the application.
     */
    private static final Map<String, Dialect.Meaning> MEANINGS = Map.of(
            "invalid_grant", Dialect.Meaning.REFUSED,
            "interaction_required", Dialect.Meaning.INTERACTION,
            "consent_required", Dialect.Meaning.INTERACTION,
            "login_required", Dialect.Meaning.INTERACTION,
            "temporarily_unavailable", Dialect.Meaning.TEMPORARY,
            "server_error", Dialect.Meaning.TEMPORARY,
            "slow_down", Dialect.Meaning.TEMPORARY);

    /**
     * Words of servers that reject a refresh token without {@code invalid_grant}: the first is that of UAA and of
     * Spring Security OAuth, which took it from RFC 6750. They mean this in the answer to a refresh only, where the
     * refresh token is the only token that was sent, and not from a server that is out of order.
     */
    private static final Set<String> OF_REFRESH_TOKENS = Set.of(
            "invalid_token",
            "expired_token",
            "token_expired",
            "revoked_token",
            "token_revoked",
            "invalid_refresh_token",
            "bad_refresh_token",
            "expired_refresh_token",
            "refresh_token_expired",
            "refresh_token_revoked",
            "refresh_token_invalid",
            "refresh_token_not_found",
            "refresh_token_reused",
            "refresh_token_already_used");

    /**
     * Codes that decide what happens next, here or in an application: nobody redacts a part of one because a short
     * secret occurs in it.
     */
    private static final Set<String> CODES = Set.of(
            "invalid_request",
            "invalid_client",
            "invalid_grant",
            "unauthorized_client",
            "unsupported_grant_type",
            "invalid_scope",
            "invalid_target",
            "access_denied",
            "authorization_pending",
            "authorization_declined",
            "expired_token",
            "slow_down",
            "invalid_token",
            "invalid_dpop_proof",
            "use_dpop_nonce",
            "interaction_required",
            "consent_required",
            "login_required",
            "account_selection_required",
            "temporarily_unavailable",
            "server_error",
            "transaction_failed",
            "expired_login_hint_token",
            "unknown_user_id",
            "missing_user_code",
            "invalid_user_code",
            "invalid_binding_message");

    /** RFC 8693 section 2.2.1: the type of a token that is not an access token, and is sent to no API. */
    private static final String NOT_APPLICABLE = "N_A";

    private static final String ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";
    private static final String TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";

    /** Compiled when a server first describes an error, and not when an application starts. */
    private static final class Wording {
        static final Pattern REFRESH_TOKEN = Pattern.compile("(?i)refresh[ _-]?token");
        static final Pattern REJECTED =
                Pattern.compile("(?i)\\b(?:invalid|expired|revoked|unknown|not found|(?:not|no longer) valid)\\b");
        static final Pattern OF_A_PARAMETER = Pattern.compile("(?i)missing|required|parameter|must|malformed");
    }

    private static final int MAX_REASON = 512;

    private static final int MAX_CLAIMS = 16 * 1024;

    private final Provider provider;
    private final DialectFacts dialect;
    private final String scopeSeparator;
    private final InstantSource clock;

    /** A reader for the answers of one provider. */
    public TokenAnswers(Provider provider, InstantSource clock) {
        ProviderFacts facts = Facts.of(provider);
        this.provider = provider;
        this.dialect = facts.dialect;
        this.scopeSeparator = facts.grantedScopeSeparator();
        this.clock = clock;
    }

    /**
     * The key whose possession a token request proved (RFC 9449).
     *
     * @param key the key
     * @param required whether tokens that are not bound to it are of no use
     */
    public record Binding(KeyPair key, boolean required) {
        @Override
        public String toString() {
            return "Binding[" + (required ? "required" : "not required") + "]";
        }
    }

    /**
     * Reads an answer of the token endpoint.
     *
     * @param secrets what was sent, and must not appear in any message
     * @param binding the key that the request proved to hold; {@code null} for a request without proof
     */
    public Answer read(Reply reply, Collection<String> secrets, @Nullable Binding binding) {
        return read(reply, secrets, binding, "");
    }

    /**
     * Reads an answer of the token endpoint.
     *
     * @param secrets what was sent, and must not appear in any message
     * @param binding the key that the request proved to hold; {@code null} for a request without proof
     * @param grantType the grant type of the request, which decides about what some answers mean
     */
    public Answer read(Reply reply, Collection<String> secrets, @Nullable Binding binding, String grantType) {
        Instant now = clock.instant();
        try {
            ObjectNode json = document("token endpoint", reply, secrets, now, grantType.equals("refresh_token"));
            Answer answer = tokens(json, reply.status(), binding, now, grantType.equals(TOKEN_EXCHANGE));
            return answer instanceof Answer.Failure refused ? refused.with(unused(json, now)) : answer;
        } catch (RequestFailedException e) {
            return e.failure();
        }
    }

    /**
     * Reads an answer of one of the provider's other endpoints, whose errors look like those of the token endpoint.
     *
     * @param endpoint the endpoint's name, for messages
     * @param secrets what was sent, and must not appear in any message
     * @return the JSON object of a success
     */
    public ObjectNode document(String endpoint, Reply reply, Collection<String> secrets) throws RequestFailedException {
        return document(endpoint, reply, secrets, clock.instant(), false);
    }

    private ObjectNode document(String endpoint, Reply reply, Collection<String> secrets, Instant now, boolean refresh)
            throws RequestFailedException {
        int status = reply.status();
        Duration pause = ServerTimes.retryAfter(reply.retryAfter(), now);
        if (status >= 300 && status < 400) {
            // Following it would post the refresh token and the client's secret to wherever it points.
            throw new RequestFailedException(
                    malformed(status, "The " + endpoint + " answered with a redirect, which is never followed", pause));
        }
        ObjectNode json = ServerJson.read(reply.type(), reply.body(), dialect);
        if (json == null) {
            throw new RequestFailedException(
                    isTemporary(status)
                            ? new Answer.Failure(Answer.Kind.TEMPORARY, status, null, null, pause, null)
                            : malformed(
                                    status, "The " + endpoint + " answered with something that is not JSON", pause));
        }
        String error = error(json, status);
        JsonNode reason = json.path("error");
        if (error != null || (reason.isContainerNode() && !ServerJson.isEmpty(reason))) {
            throw new RequestFailedException(failure(error, json, status, pause, secrets, refresh));
        }
        if (status >= 200 && status < 300) {
            return json;
        }
        Answer.Kind kind = isTemporary(status)
                ? Answer.Kind.TEMPORARY
                : status == 401 ? Answer.Kind.MISCONFIGURED : Answer.Kind.MALFORMED;
        throw new RequestFailedException(new Answer.Failure(kind, status, null, null, pause, null));
    }

    private static boolean isTemporary(int status) {
        return status == 429 || status == 408 || status >= 500;
    }

    /** The error's code, in all the parts that this server gives it. */
    private @Nullable String error(ObjectNode json, int status) {
        List<String> parts = new ArrayList<>();
        // Outside of an error these may be names for something else.
        if (status >= 400 || member(json, "access_token").isMissingNode()) {
            for (String pointer : dialect.members.getOrDefault("error", List.of())) {
                JsonNode part = json.at(pointer);
                if (!part.asText().isBlank() && (part.isTextual() || part.isIntegralNumber())) {
                    parts.add(part.asText());
                }
            }
        }
        return parts.isEmpty() ? ServerJson.text(json, "error") : String.join("/", parts);
    }

    private Answer.Failure failure(
            @Nullable String error,
            ObjectNode json,
            int status,
            @Nullable Duration pause,
            Collection<String> secrets,
            boolean refresh) {
        String suberror = ServerJson.text(json, "suberror");
        Dialect.Meaning meaning = error == null
                ? null
                : provider.meaningOf(suberror == null ? error : error + "/" + suberror)
                        .orElse(MEANINGS.get(error));
        JsonNode description = member(json, "error_description");
        if (meaning == null && refresh && !isTemporary(status) && isAboutTheRefreshToken(error, description)) {
            meaning = Dialect.Meaning.REFUSED;
        }
        Answer.Kind kind;
        if (meaning == null) {
            kind = isTemporary(status) ? Answer.Kind.TEMPORARY : Answer.Kind.MISCONFIGURED;
        } else {
            kind = switch (meaning) {
                case REFUSED -> Answer.Kind.REFUSED;
                case INTERACTION -> Answer.Kind.INTERACTION;
                case BLOCKED -> Answer.Kind.BLOCKED;
                case MISCONFIGURED -> Answer.Kind.MISCONFIGURED;
                case TEMPORARY -> Answer.Kind.TEMPORARY;
            };
        }
        String claims = ServerJson.text(json, "claims");
        return new Answer.Failure(
                kind,
                status,
                ServerText.code(error, CODES, secrets),
                ServerText.harmless(description.isTextual() ? description.textValue() : null, secrets),
                pause,
                null,
                claims == null || claims.length() > MAX_CLAIMS ? null : Claims.read(claims));
    }

    /**
     * Whether a server rejects the refresh token in other words. With {@code invalid_request} the description has to
     * say so (League's OAuth2 server, Authlib): read wrongly, it costs a login, and not read, the grant never works
     * again.
     */
    private static boolean isAboutTheRefreshToken(@Nullable String error, JsonNode description) {
        if (error == null || !error.equals("invalid_request") || !description.isTextual()) {
            return error != null && OF_REFRESH_TOKENS.contains(error);
        }
        String text = description.textValue();
        String start = text.substring(0, Math.min(text.length(), MAX_REASON));
        return Wording.REFRESH_TOKEN.matcher(start).find()
                && Wording.REJECTED.matcher(start).find()
                && !Wording.OF_A_PARAMETER.matcher(start).find();
    }

    /** A member from its place at this server; where that is empty, from the standard's. */
    private JsonNode member(ObjectNode json, String name) {
        List<String> pointers = dialect.members.get(name);
        JsonNode there = pointers == null ? MissingNode.getInstance() : json.at(pointers.get(0));
        return ServerJson.isEmpty(there) ? json.path(name) : there;
    }

    private Answer tokens(ObjectNode json, int status, @Nullable Binding binding, Instant now, boolean exchange) {
        String accessToken = ServerJson.text(member(json, "access_token"));
        if (accessToken == null) {
            return malformed(status, "The answer of the token endpoint holds no access token", null);
        }
        String type = ServerJson.text(member(json, "token_type"));
        KeyPair boundTo = binding != null && "DPoP".equalsIgnoreCase(type) ? binding.key() : null;
        String issued = ServerJson.text(json, "issued_token_type");
        boolean noAccessToken =
                exchange && NOT_APPLICABLE.equalsIgnoreCase(type) && issued != null && !issued.equals(ACCESS_TOKEN);
        if (boundTo == null && type != null && !isBearer(type) && !noAccessToken) {
            return malformed(status, "The token endpoint issued a token that is not a Bearer token", null);
        }
        if (boundTo == null && binding != null && binding.required() && !noAccessToken) {
            // RFC 9449 section 5: a client that wants bound tokens must not use what came instead.
            return new Answer.Failure(
                    Answer.Kind.MISCONFIGURED,
                    status,
                    null,
                    "DPoP was asked for, and the token endpoint issued a bearer token. Allow DPoP for this client at"
                            + " the authorization server, or build without dpop()",
                    null,
                    null);
        }
        JsonNode details = json.path("authorization_details");
        TokenResponse response = TokenResponse.builder(accessToken)
                .tokenType(type == null ? "Bearer" : type)
                .lifetime(lifetime(json, now))
                .refreshIn(ServerTimes.seconds(json.path("refresh_in")))
                .refreshToken(ServerJson.text(member(json, "refresh_token")))
                .refreshLifetime(refreshLifetime(json, now))
                .idToken(ServerJson.text(member(json, "id_token")))
                .scopes(scopes(member(json, "scope")))
                .authorizationDetails(details.isArray() ? details.toString() : null)
                .proofKey(boundTo)
                .issuedTokenType(issued)
                .apiBase(apiBase(json))
                .identity(identity(json))
                .build();
        String problem = response.problem();
        return problem == null
                ? new Answer.Tokens(response)
                : malformed(status, "The answer of the token endpoint holds an impossible token: " + problem, null);
    }

    /** The tokens of an answer that is refused. */
    private Answer.Unused unused(ObjectNode json, Instant now) {
        String refreshToken = ServerJson.text(member(json, "refresh_token"));
        boolean possible = refreshToken != null
                && TokenResponse.builder("any")
                                .refreshToken(refreshToken)
                                .build()
                                .problem()
                        == null;
        return new Answer.Unused(
                ServerJson.text(member(json, "access_token")),
                possible ? refreshToken : null,
                refreshLifetime(json, now),
                false);
    }

    /**
     * The lifetime of the access token by {@code expires_in}; without it, the time until the moment that some servers
     * name besides or instead ({@code expires_at}, {@code expires_on}).
     */
    private @Nullable Duration lifetime(ObjectNode json, Instant now) {
        JsonNode node = member(json, "expires_in");
        if (dialect.zeroMeansForever && isZero(node)) {
            return null;
        }
        Duration until = ServerTimes.until(node, now);
        if (until != null) {
            // Seen: a moment under the name of a time. One that has long passed is none, but an absurd time (50
            // years in seconds), since no server issues a token that has expired.
            return until;
        }
        Duration lifetime = ServerTimes.seconds(node);
        if (lifetime == null) {
            lifetime = ServerTimes.until(json.path("expires_at"), now);
        }
        return lifetime == null ? ServerTimes.until(json.path("expires_on"), now) : lifetime;
    }

    private @Nullable Duration refreshLifetime(ObjectNode json, Instant now) {
        JsonNode node = member(json, "refresh_token_expires_in");
        if (ServerJson.isEmpty(node)) {
            node = json.path("refresh_expires_in");
        }
        if (isZero(node)) {
            return null; // Keycloak sends 0 for a token that never expires.
        }
        Duration until = ServerTimes.until(node, now);
        Duration lifetime = until == null ? ServerTimes.seconds(node) : until;
        return lifetime == null ? ServerTimes.until(json.path("refresh_token_expires_at"), now) : lifetime;
    }

    private static boolean isZero(JsonNode seconds) {
        return seconds.asInt(1) == 0 && !seconds.isContainerNode() && !seconds.isNull();
    }

    private boolean isBearer(String type) {
        Set<String> types = dialect.bearerTypes;
        return types.isEmpty()
                ? type.equalsIgnoreCase("Bearer")
                : types.stream().anyMatch(type::equalsIgnoreCase);
    }

    /** The address of this user's API, if it is in one of the provider's domains. */
    private @Nullable URI apiBase(ObjectNode json) {
        String pointer = dialect.apiBaseMember;
        HttpUrl url = pointer == null ? null : HttpUrl.parse(json.at(pointer).asText(""));
        return url != null
                        && ApiBase.mayBe(url, dialect)
                        && url.username().isEmpty()
                        && url.password().isEmpty()
                ? url.newBuilder().query(null).fragment(null).build().uri()
                : null;
    }

    private Map<String, Object> identity(ObjectNode json) {
        Map<String, Object> claims = new LinkedHashMap<>();
        dialect.identityMembers.forEach((claim, pointers) -> {
            List<JsonNode> parts = pointers.stream()
                    .map(json::at)
                    .filter(part -> !ServerJson.isEmpty(part))
                    .toList();
            List<Object> values = parts.stream()
                    .map(TokenAnswers::value)
                    .filter(Objects::nonNull)
                    .toList();
            if (values.size() < parts.size()) {
                return; // the rest of a user's id could be that of somebody else
            }
            if (values.size() == 1) {
                claims.put(claim, values.get(0));
            } else if (!values.isEmpty()) {
                claims.put(claim, values.stream().map(Object::toString).collect(Collectors.joining("/")));
            }
        });
        return claims;
    }

    private static @Nullable Object value(JsonNode node) {
        if (node.isTextual()) {
            return node.textValue();
        }
        if (node.isIntegralNumber()) {
            return node.canConvertToLong() ? (Object) node.longValue() : node.bigIntegerValue();
        }
        return node.isBoolean() ? node.booleanValue() : null;
    }

    private static Answer.Failure malformed(int status, String description, @Nullable Duration pause) {
        return new Answer.Failure(Answer.Kind.MALFORMED, status, null, description, pause, null);
    }

    private @Nullable Set<String> scopes(JsonNode node) {
        Set<String> scopes = new LinkedHashSet<>();
        if (node.isTextual()) {
            scopes.addAll(scopes(node.textValue(), scopeSeparator));
        } else if (node.isArray()) {
            for (JsonNode scope : node) {
                if (scope.isTextual()) {
                    scopes.addAll(scopes(scope.textValue(), scopeSeparator));
                }
            }
        }
        // Spotify's refresh sends "", which does not mean that nothing was granted.
        return scopes.isEmpty() ? null : scopes;
    }

    /** The scopes in a text; blanks separate them as well as the separator. */
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
