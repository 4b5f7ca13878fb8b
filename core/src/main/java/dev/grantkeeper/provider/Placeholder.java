/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.provider;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** A part of a preset's URLs or parameters that each application fills in: a shop, a region, a host. Immutable. */
final class Placeholder {
    /** The kinds of values; {@code CHOICE} has no others than those that the preset lists. */
    private enum Type {
        LABEL,
        DOMAIN,
        HOST,
        SEGMENT,
        TEXT,
        CHOICE
    }

    private static final Set<String> MEMBERS =
            Set.of("type", "under", "labels", "pattern", "values", "default", "example", "nameless");

    private final String name;
    /** The placeholder in messages. */
    private final String what;

    private final Type type;
    /** The domains of the provider in which values are; empty if any will do. */
    private final List<String> under;

    private final int mostLabels;
    private final @Nullable Pattern pattern;
    /** From a value that the preset lists to its parts; one part without a name is the value's own text. */
    private final Map<String, Map<String, String>> values;

    private final @Nullable String standard;
    private final @Nullable String example;
    private final boolean nameless;

    Placeholder(String preset, String name, JsonNode description) {
        this.name = name;
        what = name + " of " + preset;
        for (Map.Entry<String, JsonNode> member : description.properties()) {
            if (!MEMBERS.contains(member.getKey())) {
                throw new IllegalArgumentException(
                        what + ": " + member.getKey() + " is unknown. There are " + String.join(", ", sorted(MEMBERS)));
            }
        }
        String typeName = description.path("type").asText("choice").toUpperCase(Locale.ROOT);
        try {
            type = Type.valueOf(typeName);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(what + ": the type is label, domain, host, segment, text or choice", e);
        }
        under = Texts.list(what + ", under", description.path("under"));
        for (String domain : under) {
            Placeholders.domain(what + ", under", "domains like example.com", domain);
        }
        mostLabels = description.path("labels").asInt(1);
        JsonNode regex = description.path("pattern");
        pattern = regex.isTextual() ? Pattern.compile(regex.textValue()) : null;
        values = values(what, description.path("values"));
        String byDefault = description.path("default").textValue();
        example = description.path("example").textValue();
        nameless = description.path("nameless").asBoolean(type == Type.TEXT);
        if (type == Type.CHOICE && values.isEmpty()) {
            throw new IllegalArgumentException(what + ": a choice needs values");
        }
        standard = byDefault == null ? null : checked(byDefault);
    }

    private static List<String> sorted(Set<String> names) {
        return names.stream().sorted().toList();
    }

    private static Map<String, Map<String, String>> values(String what, JsonNode json) {
        Map<String, Map<String, String>> all = new LinkedHashMap<>();
        if (json.isArray()) {
            Texts.list(what + ", values", json).forEach(value -> all.put(value, Map.of("", value)));
        }
        for (Map.Entry<String, JsonNode> value : json.properties()) {
            all.put(
                    value.getKey(),
                    value.getValue().isTextual()
                            ? Map.of("", value.getValue().textValue())
                            : Texts.map(what + ", values", value.getValue()));
        }
        return Collections.unmodifiableMap(all);
    }

    String name() {
        return name;
    }

    /** Whether a value of it may be put into a URL. */
    boolean isForUrls() {
        return type != Type.TEXT;
    }

    /** Whether a value is a host, so that a URL may end its host with it. */
    boolean isHost() {
        return type == Type.HOST || type == Type.CHOICE;
    }

    /** The value that is taken if the application gives none. */
    @Nullable
    String standard() {
        return standard;
    }

    /** A value that is accepted, to try the preset with. */
    String anyValue() {
        if (standard != null) {
            return standard;
        }
        if (example != null) {
            return example;
        }
        if (!values.isEmpty()) {
            return values.keySet().iterator().next();
        }
        return type == Type.HOST ? "login.example.com" : "acme";
    }

    /** The values that the preset lists. */
    Set<String> listed() {
        return values.keySet();
    }

    /** The expected form, for people. */
    String expected() {
        StringBuilder expected = new StringBuilder(
                switch (type) {
                    case LABEL -> "a name of letters, digits and hyphens";
                    case DOMAIN -> "names of letters, digits and hyphens with dots between them";
                    case HOST ->
                        under.isEmpty() ? "the name of a host" : "the name of a host in " + String.join(" or ", under);
                    case SEGMENT -> "letters, digits, hyphens and underscores";
                    case TEXT -> "a text";
                    case CHOICE -> "one of " + String.join(", ", values.keySet());
                });
        if (type != Type.CHOICE && !values.isEmpty()) {
            expected.append(", or ").append(String.join(", ", values.keySet()));
        }
        if (example != null) {
            expected.append(", like ").append(example);
        }
        if (standard != null) {
            expected.append("; default ").append(standard);
        }
        return expected.toString();
    }

    /**
     * Checks a value.
     *
     * @return the same value as everybody writes it: one that the preset lists, or the part that goes into a URL
     * @throws IllegalArgumentException if the value is not accepted
     */
    String checked(String value) {
        String listed = listed(value);
        if (listed != null) {
            return listed;
        }
        String checked = switch (type) {
            case LABEL -> label(value);
            case DOMAIN -> Placeholders.domain(what, expected(), value);
            case HOST -> host(value);
            case SEGMENT -> Placeholders.pathSegment(what, value);
            case TEXT -> Placeholders.headerText(what, value);
            case CHOICE -> throw Placeholders.refused(what, expected(), value);
        };
        if (pattern != null && !pattern.matcher(checked).matches()) {
            throw Placeholders.refused(what, expected(), value);
        }
        return checked;
    }

    /** The listed value that this one is, or whose text it is. */
    private @Nullable String listed(String value) {
        if (type == Type.TEXT) {
            return values.containsKey(value) ? value : null;
        }
        for (Map.Entry<String, Map<String, String>> one : values.entrySet()) {
            if (one.getKey().equalsIgnoreCase(value)
                    || value.equals(one.getValue().get(""))) {
                return one.getKey();
            }
        }
        return null;
    }

    /**
     * Splits a value that was checked.
     *
     * @return from the name of a part, which is empty for the value itself, to its text
     */
    Map<String, String> parts(String checked) {
        return values.getOrDefault(checked, Map.of("", checked));
    }

    private String label(String value) {
        if (under.isEmpty()) {
            return Placeholders.label(what, value);
        }
        String domain = under.get(0);
        String host = Placeholders.domainUnder(domain, 1, what, value);
        return host.substring(0, host.length() - domain.length() - 1);
    }

    private String host(String value) {
        if (under.size() == 1) {
            return Placeholders.domainUnder(under.get(0), mostLabels, what, value);
        }
        String host = Placeholders.host(what, value);
        if (under.isEmpty()) {
            return host;
        }
        for (String domain : under) {
            if (host.endsWith("." + domain)) {
                return Placeholders.domainUnder(domain, mostLabels, what, host);
            }
        }
        throw Placeholders.refused(what, expected(), value);
    }

    /** The part of the provider's name that tells one checked value from another; {@code null} for none. */
    @Nullable
    String partOfName(String value) {
        if (nameless || value.equals(standard)) {
            return null;
        }
        return value;
    }
}
