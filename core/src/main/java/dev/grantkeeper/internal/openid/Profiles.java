/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.openid;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.NumericNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.grantkeeper.internal.answer.Reply;
import dev.grantkeeper.internal.provider.Facts;
import dev.grantkeeper.internal.wire.Http;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.Identity;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.math.BigInteger;
import java.net.URI;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Fetches the user's profile: from the provider's UserInfo endpoint if there is an ID token to compare with (OpenID
 * Connect Core section 5.3), from its profile endpoint if it does not support OpenID Connect. Thread-safe.
 */
public final class Profiles {
    private static final Pattern JWT = Pattern.compile("[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+");
    private static final JsonMapper JSON = JsonMapper.builder(JsonFactory.builder()
                    .streamReadConstraints(
                            StreamReadConstraints.builder().maxNestingDepth(100).build())
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .build())
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .nodeFactory(new WideNumbers())
            .disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION)
            .build();
    private static final TypeReference<LinkedHashMap<String, Object>> MAP = new TypeReference<>() {};

    /** Reads whole numbers as {@code long}, as those of ID tokens are, and larger ones without rounding. */
    private static final class WideNumbers extends JsonNodeFactory {
        private static final long serialVersionUID = 1L;

        @Override
        public NumericNode numberNode(int number) {
            return numberNode((long) number);
        }
    }

    private final Provider provider;
    private final @Nullable URI userInfoEndpoint;
    private final Http http;
    private final @Nullable IdTokens idTokens;

    /**
     * For a provider that has at least one of the two endpoints.
     *
     * @param userInfoEndpoint its UserInfo endpoint, as this client calls it
     */
    public Profiles(Provider provider, @Nullable URI userInfoEndpoint, Http http, @Nullable IdTokens idTokens) {
        this.provider = provider;
        this.userInfoEndpoint = userInfoEndpoint;
        this.http = http;
        this.idTokens = idTokens;
    }

    /**
     * Fetches the claims that the ID token did not have.
     *
     * @param identity the user of the ID token
     * @param tokens the tokens that were just issued
     * @return the same user with more claims; those of the ID token stay as they are
     * @throws IdentityException if there is no such response, or it describes another user
     */
    public Identity complete(Identity identity, TokenSet tokens) throws IdentityException {
        URI endpoint = userInfoEndpoint;
        if (endpoint == null) {
            return identity;
        }
        String name = "UserInfo endpoint of " + provider.name();
        Reply reply = ask(name, endpoint, tokens);
        String body = reply.body().strip();
        boolean encrypted = idTokens != null && Decryption.isEncrypted(body);
        if (encrypted && idTokens != null) {
            body = idTokens.openedUserInfo(body);
        }
        boolean labelled =
                !encrypted && reply.type() != null && reply.type().subtype().equals("jwt");
        boolean signed = labelled || JWT.matcher(body).matches(); // labels are wrong at times
        Map<String, Object> claims =
                signed && idTokens != null ? idTokens.userInfo(body, identity) : object(name, body);
        if (!identity.subject().equals(claims.get("sub"))) {
            // OpenID Connect Core section 5.3.4: nothing of it may be used.
            throw new IdentityException(
                    IdentityException.Kind.INVALID, "The " + name + " describes another user than the ID token", null);
        }
        Map<String, Object> all = new LinkedHashMap<>(identity.claims());
        claims.forEach((claim, value) -> {
            if (IdTokens.isAboutTheUser(claim, value)) {
                all.putIfAbsent(claim, value);
            }
        });
        return Identity.of(identity.issuer(), identity.subject(), all);
    }

    /**
     * Fetches the profile of the user who granted access.
     *
     * @param tokens the tokens that were just issued
     * @return the user, with the claims that the preset maps, and every other plain member under its own name;
     *     {@code null} if there is no profile endpoint
     * @throws IdentityException if the response does not identify a user
     */
    public @Nullable Identity fetch(TokenSet tokens) throws IdentityException {
        URI endpoint = Facts.of(provider).profileEndpoint;
        if (endpoint == null) {
            return null;
        }
        String name = "profile endpoint of " + provider.name();
        Map<String, Object> profile = object(name, ask(name, endpoint, tokens).body());
        Map<String, Object> claims = new LinkedHashMap<>();
        profile.forEach((member, value) -> {
            if (value instanceof String || value instanceof Number || value instanceof Boolean) {
                claims.put(member, value);
            }
        });
        Facts.of(provider).profileClaims.forEach((claim, member) -> {
            Object value = at(profile, member);
            if (value != null) {
                claims.put(claim, value);
            }
        });
        Object subject = claims.remove("sub");
        // A number may be a name here, but only if it is whole and not rounded: otherwise two users become one.
        String id = subject instanceof String || subject instanceof Long || subject instanceof BigInteger
                ? subject.toString()
                : "";
        if (id.isEmpty()) {
            throw new IdentityException(
                    IdentityException.Kind.INVALID, "The " + name + " did not identify the user", null);
        }
        return Identity.of(provider.name(), id, claims);
    }

    /** A member, or the value that a pointer refers to (RFC 6901). */
    private static @Nullable Object at(Map<String, Object> profile, String member) {
        if (!member.startsWith("/")) {
            return profile.get(member);
        }
        Object here = profile;
        for (String step : member.substring(1).split("/", -1)) {
            if (here instanceof Map<?, ?> object) {
                here = object.get(step);
            } else if (here instanceof List<?> list && step.matches("[0-9]{1,4}")) {
                int index = Integer.parseInt(step);
                here = index < list.size() ? list.get(index) : null;
            } else {
                return null;
            }
        }
        return here;
    }

    private Reply ask(String name, URI endpoint, TokenSet tokens) throws IdentityException {
        Reply reply;
        try {
            reply = http.get(endpoint.toString(), tokens, Facts.of(provider).dialect);
        } catch (IOException e) {
            throw new IdentityException(IdentityException.Kind.UNAVAILABLE, "The " + name + " did not answer", e);
        }
        if (reply.status() != 200) {
            throw new IdentityException(
                    reply.status() >= 500 || reply.status() == 429
                            ? IdentityException.Kind.UNAVAILABLE
                            : IdentityException.Kind.INVALID,
                    "The " + name + " answered with status " + reply.status()
                            + (reply.status() == 403 ? ": is this user allowed to use the application there?" : ""),
                    null);
        }
        return reply;
    }

    private static Map<String, Object> object(String name, String json) throws IdentityException {
        try {
            if (JSON.readTree(json) instanceof ObjectNode object) {
                return JSON.convertValue(object, MAP);
            }
        } catch (JsonProcessingException e) {
            // reported below
        }
        throw new IdentityException(
                IdentityException.Kind.INVALID, "The " + name + " did not answer with a JSON object", null);
    }
}
