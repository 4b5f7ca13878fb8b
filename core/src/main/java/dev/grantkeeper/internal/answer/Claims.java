/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.answer;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Collection;
import org.jspecify.annotations.Nullable;

/** The {@code claims} parameter (OpenID Connect Core section 5.5): a JSON object that several parties may add to. */
public final class Claims {
    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();

    private Claims() {}

    /** Reads a text from outside. Returns {@code null} if it is not a JSON object, or an empty one. */
    public static @Nullable String read(String json) {
        try {
            return JSON.readTree(json) instanceof ObjectNode object && !object.isEmpty() ? object.toString() : null;
        } catch (JsonProcessingException e) {
            return null;
        }
    }

    /**
     * Merges two objects. If both have the same member, the second decides.
     *
     * @throws IllegalArgumentException if one of them is not a JSON object
     */
    public static String merged(@Nullable String first, String second) {
        if (first == null) {
            return second;
        }
        ObjectNode result = object(first);
        merge(result, object(second));
        return result.toString();
    }

    private static void merge(ObjectNode into, ObjectNode from) {
        from.properties().forEach(member -> {
            JsonNode present = into.get(member.getKey());
            if (present instanceof ObjectNode inner && member.getValue() instanceof ObjectNode more) {
                merge(inner, more);
            } else {
                into.set(member.getKey(), member.getValue());
            }
        });
    }

    private static ObjectNode object(String json) {
        try {
            if (JSON.readTree(json) instanceof ObjectNode object) {
                return object;
            }
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("The claims are not JSON: " + e.getOriginalMessage(), e);
        }
        throw new IllegalArgumentException("The claims are JSON, but not an object");
    }

    /** The claims that tell Microsoft Entra ID what a client can handle; {@code null} without capabilities. */
    public static @Nullable String ofCapabilities(Collection<String> capabilities) {
        if (capabilities.isEmpty()) {
            return null;
        }
        ObjectNode claims = JSON.createObjectNode();
        capabilities.forEach(
                claims.putObject("access_token").putObject("xms_cc").putArray("values")::add);
        return claims.toString();
    }
}
