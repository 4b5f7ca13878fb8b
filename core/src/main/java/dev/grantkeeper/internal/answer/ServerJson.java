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
import okhttp3.MediaType;
import okio.Buffer;
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

    /**
     * Reads the body of an answer. The label counts for little: a whole JSON object is not a page, and a code or a
     * rotated refresh token is lost if it is not read (seen as {@code text/html}). Forms are read under their own
     * label, and under any other at providers that are known for it.
     */
    public static @Nullable ObjectNode read(@Nullable MediaType type, String body, DialectFacts dialect) {
        String text = body.strip();
        if (text.startsWith("{")) {
            return object(text);
        }
        String subtype = type == null ? "" : type.subtype().toLowerCase(Locale.ROOT);
        boolean form = subtype.equals("x-www-form-urlencoded") || (dialect.anyContentType && isForm(body));
        return form ? form(text) : null;
    }

    private static @Nullable ObjectNode object(String text) {
        try {
            return JSON.readTree(text) instanceof ObjectNode object ? object : null;
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

    /** In one pass, however many names there are. A name that comes twice with two values makes it no answer. */
    private static @Nullable ObjectNode form(String body) {
        ObjectNode json = JSON.createObjectNode();
        for (String pair : body.split("&", -1)) {
            int equals = pair.indexOf('=');
            String name = decoded(equals < 0 ? pair : pair.substring(0, equals));
            String value = equals < 0 ? "" : decoded(pair.substring(equals + 1));
            JsonNode before = pair.isEmpty() ? null : json.replace(name, json.textNode(value));
            if (before != null && !before.textValue().equals(value)) {
                return null;
            }
        }
        return json;
    }

    /** Percent signs that encode nothing stand for themselves, as in OkHttp's URLs. */
    private static String decoded(String text) {
        Buffer bytes = new Buffer();
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            int high = c == '%' && i + 2 < text.length() ? Character.digit(text.charAt(i + 1), 16) : -1;
            int low = high < 0 ? -1 : Character.digit(text.charAt(i + 2), 16);
            if (low >= 0) {
                bytes.writeByte(high * 16 + low);
                i += 2;
            } else if (Character.isHighSurrogate(c) && i + 1 < text.length()) {
                bytes.writeUtf8(text, i, i + 2);
                i++;
            } else {
                bytes.writeUtf8CodePoint(c == '+' ? ' ' : c);
            }
        }
        return bytes.readUtf8();
    }

    /** The member {@code state} of a JSON object. */
    static @Nullable String stateIn(String json) {
        try {
            return text(LENIENT.readTree(json), "state");
        } catch (JsonProcessingException e) {
            return null;
        }
    }

    /** A member that is a text. An empty one is as good as absent: servers write {@code ""} for "none". */
    public static @Nullable String text(JsonNode json, String name) {
        return text(json.path(name));
    }

    /** The text; {@code null} for anything else, and for a blank one. */
    static @Nullable String text(JsonNode node) {
        return node.isTextual() && !node.textValue().isBlank() ? node.textValue() : null;
    }

    /** Whether there is nothing in it: {@code null}, a blank text, an empty list or object, or nothing but these. */
    public static boolean isEmpty(JsonNode node) {
        if (node.isContainerNode()) {
            for (JsonNode inner : node) {
                if (!isEmpty(inner)) {
                    return false;
                }
            }
            return true;
        }
        return node.isMissingNode()
                || node.isNull()
                || (node.isTextual() && node.textValue().isBlank());
    }
}
