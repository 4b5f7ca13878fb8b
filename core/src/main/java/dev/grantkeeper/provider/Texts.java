/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.provider;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Texts out of JSON that people write, with messages that say where something else stands. */
final class Texts {
    private Texts() {}

    static String text(String what, JsonNode json) {
        if (!json.isTextual()) {
            throw new IllegalArgumentException(what + " is a text, not " + json);
        }
        return json.textValue();
    }

    static boolean flag(String what, JsonNode json) {
        if (!json.isBoolean()) {
            throw new IllegalArgumentException(what + " is true or false, not " + json);
        }
        return json.booleanValue();
    }

    /** One text, or a list of them; empty if there is nothing. */
    static List<String> list(String what, JsonNode json) {
        List<String> all = new ArrayList<>();
        if (json.isArray()) {
            json.forEach(one -> all.add(text(what, one)));
        } else if (!json.isMissingNode()) {
            all.add(text(what, json));
        }
        return all;
    }

    static String[] array(String what, JsonNode json) {
        return list(what, json).toArray(String[]::new);
    }

    static Map<String, String> map(String what, JsonNode json) {
        if (!json.isObject()) {
            throw new IllegalArgumentException(what + " is an object, not " + json);
        }
        Map<String, String> all = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> member : json.properties()) {
            all.put(member.getKey(), text(what + " " + member.getKey(), member.getValue()));
        }
        return all;
    }
}
