/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.openid;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Reads claims sets that repeat a claim: Keycloak's signed authorization responses repeat their issuer. RFC 7519
 * section 4 lets a reader reject that, or take the last. Here both have to be equal, so nobody can read it in another
 * way.
 */
final class RepeatedClaims {
    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_READING_DUP_TREE_KEY)
            .enable(DeserializationFeature.USE_LONG_FOR_INTS)
            .disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION)
            .build();

    private RepeatedClaims() {}

    /**
     * Reads a claims set.
     *
     * @throws IOException if it is not a claims set, or contradicts itself; the message may quote it
     */
    static Map<String, Object> read(String json) throws IOException {
        Map<String, JsonNode> members = new LinkedHashMap<>();
        try (JsonParser parser = JSON.createParser(json)) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw new IOException("not an object");
            }
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String name = parser.currentName();
                parser.nextToken();
                JsonNode value = JSON.readTree(parser);
                if (value.isDouble() && Double.isInfinite(value.doubleValue())) {
                    throw new IOException("a number without a value"); // as an expiry it would be never
                }
                JsonNode before = members.put(name, value);
                if (before != null && !before.equals(value)) {
                    throw new IOException("a contradiction");
                }
            }
            if (parser.nextToken() != null) {
                throw new IOException("more than an object");
            }
        }
        Map<String, Object> claims = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> member : members.entrySet()) {
            claims.put(member.getKey(), JSON.treeToValue(member.getValue(), Object.class));
        }
        return claims;
    }
}
