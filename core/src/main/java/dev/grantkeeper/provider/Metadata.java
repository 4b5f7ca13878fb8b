/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.provider;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The metadata of a server (RFC 8414 section 2, OpenID Connect Discovery section 3). Immutable. */
final class Metadata {
    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private static final List<Map.Entry<String, ClientAuthentication>> WAYS = List.of(
            Map.entry("client_secret_basic", ClientAuthentication.SECRET_BASIC),
            Map.entry("client_secret_post", ClientAuthentication.SECRET_POST),
            Map.entry("client_secret_jwt", ClientAuthentication.SECRET_JWT),
            Map.entry("private_key_jwt", ClientAuthentication.PRIVATE_KEY_JWT),
            Map.entry("tls_client_auth", ClientAuthentication.MUTUAL_TLS),
            Map.entry("self_signed_tls_client_auth", ClientAuthentication.MUTUAL_TLS),
            Map.entry("none", ClientAuthentication.NONE));

    private final String issuer;
    private final JsonNode members;

    private Metadata(String issuer, JsonNode members) {
        this.issuer = issuer;
        this.members = members;
    }

    static Metadata read(String issuer, String json) {
        JsonNode members;
        try {
            members = JSON.readTree(json.startsWith("\uFEFF") ? json.substring(1) : json);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("The metadata of " + issuer + " is not JSON");
        }
        if (members == null || !members.isObject()) {
            throw new IllegalArgumentException("The metadata of " + issuer + " is not a JSON object");
        }
        Metadata metadata = new Metadata(issuer, members);
        String named = metadata.text("issuer");
        if (!issuer.equals(named)) {
            // RFC 8414 section 3.3: a server under another's name could get that one's tokens.
            throw new IllegalArgumentException(
                    "The metadata of " + issuer + " is that of another server: its issuer is " + named);
        }
        List<String> challenges = metadata.list("code_challenge_methods_supported");
        if (challenges != null && !challenges.contains("S256")) {
            throw new IllegalArgumentException("The server " + issuer
                    + " supports PKCE without S256 only, which protects nothing (RFC 9700 section 2.1.1)");
        }
        return metadata;
    }

    @Nullable
    String text(String name) {
        JsonNode value = members.get(name);
        if (value == null || isEmpty(value)) {
            return null;
        }
        if (!value.isTextual()) {
            throw new IllegalArgumentException("The metadata of " + issuer + ": " + name + " is not a text");
        }
        return value.textValue();
    }

    @Nullable
    List<String> list(String name) {
        JsonNode value = members.get(name);
        if (value == null || isEmpty(value)) {
            return null;
        }
        if (!value.isArray()) {
            throw new IllegalArgumentException("The metadata of " + issuer + ": " + name + " is not a list");
        }
        List<String> all = new ArrayList<>();
        value.forEach(one -> {
            if (!isEmpty(one)) {
                all.add(one.asText());
            }
        });
        return all;
    }

    /** The texts of a list in their order; empty for a member that is absent or malformed, on which nothing depends. */
    Set<String> names(String name) {
        Set<String> all = new LinkedHashSet<>();
        JsonNode value = members.path(name);
        if (value.isArray()) {
            value.forEach(one -> {
                if (one.isTextual() && !isEmpty(one)) {
                    all.add(one.textValue());
                }
            });
        }
        return Collections.unmodifiableSet(all);
    }

    /** An empty member is as good as absent, also as a list or an object, or in one. */
    private static boolean isEmpty(JsonNode value) {
        if (value.isContainerNode()) {
            for (JsonNode inner : value) {
                if (!isEmpty(inner)) {
                    return false;
                }
            }
            return true;
        }
        return value.isNull() || (value.isTextual() && value.textValue().isBlank());
    }

    boolean flag(String name) {
        return members.path(name).asBoolean(false);
    }

    /** RFC 8705 section 5. */
    Map<String, String> mtlsEndpointAliases() {
        Map<String, String> aliases = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> alias :
                members.path("mtls_endpoint_aliases").properties()) {
            if (alias.getKey().endsWith("_endpoint") && alias.getValue().isTextual() && !isEmpty(alias.getValue())) {
                aliases.put(alias.getKey(), alias.getValue().textValue());
            }
        }
        return aliases;
    }

    /** The protections that the server requires for every login (RFC 9126 section 5, RFC 9101 section 10.5). */
    LoginProtection[] loginProtections() {
        List<LoginProtection> all = new ArrayList<>();
        if (flag("require_pushed_authorization_requests")) {
            all.add(LoginProtection.PUSHED_REQUEST);
        }
        if (flag("require_signed_request_object")) {
            all.add(LoginProtection.SIGNED_REQUEST);
        }
        return all.toArray(LoginProtection[]::new);
    }

    /** The method that needs least, among those that the server supports; the standard's default if it names none. */
    ClientAuthentication clientAuthentication() {
        List<String> methods = list("token_endpoint_auth_methods_supported");
        if (methods != null) {
            for (Map.Entry<String, ClientAuthentication> way : WAYS) {
                if (methods.contains(way.getKey())) {
                    return way.getValue();
                }
            }
        }
        return ClientAuthentication.SECRET_BASIC;
    }
}
