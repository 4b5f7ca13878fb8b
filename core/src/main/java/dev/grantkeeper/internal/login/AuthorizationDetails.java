/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.login;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.grantkeeper.internal.log.Log;
import dev.grantkeeper.token.TokenSet;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The authorization that an application requests where scopes do not say enough (RFC 9396). */
public final class AuthorizationDetails {
    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .build();

    private AuthorizationDetails() {}

    /** RFC 9396 section 2: an array of objects, each of which says what type it is. */
    public static String checked(String json) {
        JsonNode details = read(json);
        boolean wellFormed = details != null && details.isArray() && !details.isEmpty();
        for (int i = 0; details != null && i < details.size(); i++) {
            wellFormed &= details.get(i).path("type").isTextual();
        }
        if (!wellFormed) {
            throw new IllegalArgumentException(
                    "Authorization details are a JSON array of objects, each with a type (RFC 9396 section 2)");
        }
        return json;
    }

    /** Whether what was granted is what was asked for, if anything was. */
    static boolean areAsRequested(@Nullable String requested, TokenSet tokens) {
        boolean same = requested == null
                || same(requested, tokens.authorizationDetails().orElse("[]"));
        if (!same) {
            Log.debug("The authorization details that were granted differ from those that were asked for");
        }
        return same;
    }

    /** Whether two arrays hold the same, in whichever order. */
    private static boolean same(String one, String other) {
        JsonNode first = read(one);
        JsonNode second = read(other);
        if (first == null || second == null || first.size() != second.size()) {
            return false;
        }
        List<JsonNode> rest = new ArrayList<>();
        second.forEach(rest::add);
        for (JsonNode detail : first) {
            if (!rest.remove(detail)) {
                return false;
            }
        }
        return true;
    }

    private static @Nullable JsonNode read(String json) {
        try {
            return JSON.readTree(json);
        } catch (JsonProcessingException e) {
            return null; // its message would quote the text
        }
    }
}
