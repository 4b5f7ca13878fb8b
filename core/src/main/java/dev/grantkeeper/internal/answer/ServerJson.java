/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.answer;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.grantkeeper.internal.provider.DialectFacts;
import java.util.Locale;
import java.util.Set;
import okhttp3.HttpUrl;
import okhttp3.MediaType;
import org.jspecify.annotations.Nullable;

/**
 * The object that an answer is, in JSON or as a form, or none. What is nested too deeply or says something twice is
 * none.
 */
public final class ServerJson {
    private static final JsonMapper JSON = JsonMapper.builder(JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxNestingDepth(32)
                            .maxNumberLength(32)
                            .build())
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .build())
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION)
            .build();

    private static final JsonMapper LENIENT = new JsonMapper();

    private ServerJson() {}

    public static @Nullable ObjectNode read(@Nullable MediaType type, String body, DialectFacts dialect) {
        String subtype = type == null ? "" : type.subtype().toLowerCase(Locale.ROOT);
        boolean sniff = dialect.anyContentType;
        if (subtype.equals("x-www-form-urlencoded") || (sniff && isForm(body))) {
            return form(body);
        }
        // JSON, also under the labels text/plain and text/javascript, or none. HTML is somebody else's page.
        boolean labelled = subtype.equals("json") || subtype.endsWith("+json");
        if (!labelled && !sniff && !Set.of("", "plain", "javascript").contains(subtype)) {
            return null;
        }
        try {
            return JSON.readTree(body) instanceof ObjectNode object ? object : null;
        } catch (JsonProcessingException e) {
            return null;
        }
    }

    /**
     * Names and values without anything that would have to be encoded, and among them one of those that make an answer.
     */
    private static boolean isForm(String text) {
        return text.chars().allMatch(c -> c > ' ' && c < 0x7f && c != '<' && c != '>' && c != '"')
                && (text.startsWith("access_token=")
                        || text.startsWith("error=")
                        || text.contains("&access_token=")
                        || text.contains("&error="));
    }

    private static @Nullable ObjectNode form(String body) {
        HttpUrl url = HttpUrl.parse("http://localhost/?" + body);
        if (url == null) {
            return null;
        }
        ObjectNode json = JSON.createObjectNode();
        for (String name : url.queryParameterNames()) {
            if (url.queryParameterValues(name).size() > 1) {
                return null;
            }
            json.put(name, url.queryParameter(name));
        }
        return json;
    }

    /** The member {@code state} of a JSON object. */
    static @Nullable String stateIn(String json) {
        try {
            return text(LENIENT.readTree(json), "state");
        } catch (JsonProcessingException e) {
            return null;
        }
    }

    public static @Nullable String text(JsonNode json, String name) {
        JsonNode node = json.path(name);
        return node.isTextual() ? node.textValue() : null;
    }
}
