/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.provider;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.grantkeeper.internal.provider.Facts;
import dev.grantkeeper.internal.provider.ProviderFacts;
import java.net.URI;
import java.time.LocalDate;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A provider that this library knows by name, and how sure its facts are.
 *
 * <p>Some presets have placeholders, which every application fills in for itself: a shop, a region, a host.
 *
 * <pre>{@code
 * Provider airtable = Providers.named("airtable").provider();
 * Provider zendesk = Providers.named("zendesk").with("subdomain", "acme").provider();
 * }</pre>
 *
 * <p>Immutable and thread-safe.
 */
public final class Preset {
    /** The certainty of the facts of a preset. Later versions may add constants. */
    public enum Certainty {
        /** Another project that is maintained states them. Nobody compared them with the provider's documentation. */
        KNOWN,
        /** They were compared with the provider's documentation, or several projects agree. */
        SURE,
        /**
         * In addition, responses that the provider documents, or that were recorded there, are a test of this library.
         */
        TESTED
    }

    /** The members of a row that describe the preset and not the provider. */
    private static final Set<String> OWN = Set.of(
            "name",
            "title",
            "aliases",
            "like",
            "prefix",
            "class",
            "grants",
            "placeholders",
            "domains",
            "sources",
            "read",
            "asOf",
            "tested",
            "note");

    /** Those that are not inherited from another row. */
    private static final Set<String> OF_ONE_ROW =
            Set.of("name", "title", "aliases", "like", "prefix", "sources", "read", "asOf", "tested", "note");

    /** Facts that the library encodes wherever it sends them, so that any text may be in them. */
    private static final Set<String> FOR_ANY_TEXT = Set.of("authorizationParameters", "assertionIssuer", "dialect");

    private static final Pattern NAME = Pattern.compile("[a-z0-9][a-z0-9.-]{0,63}");
    /** The host of a URL, with the placeholder that it ends with, and at most one name after it. */
    private static final Pattern HOST = Pattern.compile(
            "https?://[^/?#\"]*?\\{([a-zA-Z]+)(?:\\.[a-zA-Z]+)?}(?:[^.{}/?#\"]*\\.?[^.{}/?#\"]*)(?=[/?#\"]|$)",
            Pattern.CASE_INSENSITIVE);

    private static final Pattern PLACE = Pattern.compile("\\{([a-zA-Z]+)(?:\\.([a-zA-Z]+))?}");

    private final ObjectNode members;
    private final Map<String, Placeholder> placeholders;
    private final Map<String, String> values;

    private Preset(ObjectNode members, Map<String, Placeholder> placeholders, Map<String, String> values) {
        this.members = members;
        this.placeholders = placeholders;
        this.values = values;
    }

    /** A preset from its row, in which everything that it inherits is written out. */
    static Preset of(ObjectNode row) {
        String name = Texts.text("The name of a provider", row.path("name"));
        if (!NAME.matcher(name).matches()) {
            throw new IllegalArgumentException("The name of a provider consists of lower-case letters, digits, dots and"
                    + " hyphens, at most 64, and is not " + name.replaceAll("[^ -~]", "?"));
        }
        if (row.has("sources") && !row.path("sources").canConvertToInt()) {
            throw new IllegalArgumentException("Provider " + name + ": sources is a number");
        }
        day(name, "read", row.path("read"));
        day(name, "asOf", row.path("asOf"));
        Set<String> used = new LinkedHashSet<>();
        for (Map.Entry<String, JsonNode> member : row.properties()) {
            if (!OWN.contains(member.getKey()) && !PresetFacts.isFact(member.getKey())) {
                throw new IllegalArgumentException(
                        "Provider " + name + ": " + member.getKey() + " is unknown. Facts have the names of setters of"
                                + " Provider.Builder; besides, there are " + String.join(", ", new TreeSet<>(OWN)));
            }
        }
        Map<String, Placeholder> placeholders = new LinkedHashMap<>();
        row.path("placeholders")
                .properties()
                .forEach(one -> placeholders.put(one.getKey(), new Placeholder(name, one.getKey(), one.getValue())));
        for (Map.Entry<String, JsonNode> fact : row.properties()) {
            if (PresetFacts.isFact(fact.getKey())) {
                Matcher place = PLACE.matcher(fact.getValue().toString());
                while (place.find()) {
                    Placeholder placeholder = placeholders.get(place.group(1));
                    if (placeholder == null) {
                        throw new IllegalArgumentException("Provider " + name + ", " + fact.getKey() + ": {"
                                + place.group(1) + "} is not among the placeholders");
                    }
                    if (!placeholder.isForUrls() && !FOR_ANY_TEXT.contains(fact.getKey())) {
                        throw new IllegalArgumentException("Provider " + name + ", " + fact.getKey() + ": {"
                                + place.group(1) + "} is any text, which must not become a part of a URL");
                    }
                    used.add(placeholder.name());
                }
                checkHosts(name, fact, placeholders);
            }
        }
        if (!row.has("class") && !used.equals(placeholders.keySet())) {
            Set<String> unused = new LinkedHashSet<>(placeholders.keySet());
            unused.removeAll(used);
            throw new IllegalArgumentException("Provider " + name + ": nothing refers to " + String.join(", ", unused));
        }
        return new Preset(row, Collections.unmodifiableMap(placeholders), Map.of());
    }

    private static void day(String name, String member, JsonNode value) {
        if (!value.isMissingNode()) {
            try {
                LocalDate ignored = LocalDate.parse(Texts.text("Provider " + name + ", " + member, value));
            } catch (DateTimeParseException e) {
                throw new IllegalArgumentException(
                        "Provider " + name + ": " + member + " is a day like 2026-11-28, not " + value, e);
            }
        }
    }

    /**
     * A value that is one name of a domain must not choose the domain: that stands in the row, after the placeholder.
     */
    private static void checkHosts(
            String name, Map.Entry<String, JsonNode> fact, Map<String, Placeholder> placeholders) {
        Matcher host = HOST.matcher(fact.getValue().toString());
        while (host.find()) {
            Placeholder last = placeholders.get(host.group(1));
            if (last != null && !last.isHost()) {
                throw new IllegalArgumentException("Provider " + name + ", " + fact.getKey() + ": after {"
                        + host.group(1) + "} the provider's domain is missing, as in {" + host.group(1)
                        + "}.example.com. A whole host is a placeholder of type host, or a choice");
            }
        }
    }

    /**
     * Looks whether the URLs are where the row says that the provider is.
     *
     * @throws IllegalArgumentException if one is in none of its domains
     */
    void checkDomains(Provider provider) {
        List<String> domains = domains();
        if (domains.isEmpty() || domains.contains("*")) {
            return;
        }
        ProviderFacts facts = Facts.of(provider);
        Stream.concat(
                        Stream.of(
                                        facts.authorizationEndpoint,
                                        facts.tokenEndpoint,
                                        facts.refreshEndpoint,
                                        facts.revocationEndpoint,
                                        facts.introspectionEndpoint,
                                        facts.deviceAuthorizationEndpoint,
                                        facts.backchannelAuthenticationEndpoint,
                                        facts.pushedAuthorizationRequestEndpoint,
                                        facts.endSessionEndpoint,
                                        facts.userInfoEndpoint,
                                        facts.profileEndpoint,
                                        facts.jwksUri)
                                .filter(Objects::nonNull),
                        facts.apiOrigins.stream().map(URI::create))
                .map(URI::getHost)
                .filter(host -> host != null
                        && domains.stream().noneMatch(domain -> host.equals(domain) || host.endsWith("." + domain)))
                .findFirst()
                .ifPresent(host -> {
                    throw new IllegalArgumentException("Provider " + name() + ": " + host
                            + " is in none of its domains " + String.join(", ", domains)
                            + ". Add its domain, or * if customers run the server");
                });
    }

    /** A row with what it inherits from another one. Its own members have precedence; {@code null} drops one. */
    static ObjectNode inherit(ObjectNode row, ObjectNode other) {
        ObjectNode all = JsonNodeFactory.instance.objectNode();
        other.properties().forEach(member -> {
            if (!OF_ONE_ROW.contains(member.getKey())) {
                all.set(member.getKey(), member.getValue());
            }
        });
        row.properties().forEach(member -> {
            boolean object =
                    member.getKey().equals("dialect") || member.getKey().equals("placeholders");
            if (member.getValue().isNull()) {
                all.remove(member.getKey());
            } else if (object && all.has(member.getKey())) {
                ObjectNode both = all.get(member.getKey()).deepCopy();
                member.getValue().properties().forEach(one -> both.set(one.getKey(), one.getValue()));
                all.set(member.getKey(), both);
            } else if (!member.getKey().equals("like")) {
                all.set(member.getKey(), member.getValue());
            }
        });
        return all;
    }

    /**
     * The name, by which {@link Providers#named} finds the preset.
     *
     * @return letters, digits, dots and hyphens
     */
    public String name() {
        return members.path("name").textValue();
    }

    /**
     * The name for people.
     *
     * @return for example {@code Google Drive}; the name itself if there is no other one
     */
    public String title() {
        return members.path("title").asText(name());
    }

    /**
     * Other names by which {@link Providers#named} finds the preset: former ones, and those of other projects.
     *
     * @return the names, in no order
     */
    public Set<String> aliases() {
        return Set.copyOf(Texts.list("aliases", members.path("aliases")));
    }

    /**
     * The placeholders that have no default, or whose default an application may replace.
     *
     * @return from name to the expected form of values, for people
     */
    public Map<String, String> placeholders() {
        Map<String, String> all = new LinkedHashMap<>();
        placeholders.forEach((name, placeholder) -> all.put(name, placeholder.expected()));
        return Collections.unmodifiableMap(all);
    }

    /**
     * Whether users can sign in at the provider.
     *
     * @return {@code false} for a provider that issues tokens to applications only
     */
    public boolean hasLogins() {
        return grants().contains("authorization_code");
    }

    private List<String> grants() {
        return members.has("grants") ? Texts.list("grants", members.path("grants")) : List.of("authorization_code");
    }

    /**
     * The certainty of the facts.
     *
     * @return one constant for the whole preset
     */
    public Certainty certainty() {
        if (members.path("tested").asBoolean()) {
            return Certainty.TESTED;
        }
        return documentationRead().isPresent() || sources() > 1 ? Certainty.SURE : Certainty.KNOWN;
    }

    /**
     * The number of other projects that state the token endpoint.
     *
     * @return zero or more
     */
    public int sources() {
        return members.path("sources").asInt();
    }

    /**
     * The day on which the facts were compared with the provider's own documentation.
     *
     * @return the day; empty if they were not
     */
    public Optional<LocalDate> documentationRead() {
        return Optional.ofNullable(members.path("read").textValue()).map(LocalDate::parse);
    }

    /**
     * The day on which the facts were gathered.
     *
     * @return the day; empty if the file does not say
     */
    public Optional<LocalDate> asOf() {
        return Optional.ofNullable(members.path("asOf").textValue()).map(LocalDate::parse);
    }

    /**
     * A remark for people: what the preset leaves out, or what is doubtful.
     *
     * @return the remark; empty if there is none
     */
    public Optional<String> note() {
        return Optional.ofNullable(members.path("note").textValue());
    }

    /**
     * Fills in a placeholder.
     *
     * @param placeholder its name, one of {@link #placeholders()}
     * @param value its value. No value can move a URL to another host than the placeholder is for
     * @return the preset with that value
     * @throws IllegalArgumentException if there is no such placeholder, or it does not accept the value; the message
     *     names what there is
     */
    public Preset with(String placeholder, String value) {
        Objects.requireNonNull(value, () -> "The value of " + placeholder + " is null");
        Placeholder known = placeholders.get(placeholder);
        if (known == null) {
            throw new IllegalArgumentException(
                    name() + " has no placeholder " + placeholder.replaceAll("[^ -~]", "?") + ". "
                            + (placeholders.isEmpty()
                                    ? "It has none"
                                    : "There are " + String.join(", ", placeholders.keySet())));
        }
        return new Preset(members, placeholders, Copies.with(values, placeholder, known.checked(value)));
    }

    /**
     * The provider.
     *
     * @return the provider, to be used as it is or changed by {@link Provider#newBuilder()}
     * @throws IllegalArgumentException if a placeholder has neither a value nor a default; the message says which
     */
    public Provider provider() {
        Map<String, String> filled = new LinkedHashMap<>();
        placeholders.forEach((name, placeholder) -> {
            String value = values.getOrDefault(name, placeholder.standard());
            if (value == null) {
                throw new IllegalArgumentException(name() + " needs " + name + ", " + placeholder.expected()
                        + ": Providers.named(\"" + name() + "\").with(\"" + name + "\", \"" + placeholder.anyValue()
                        + "\")");
            }
            filled.put(name, value);
        });
        if (members.path("class").asText().equals("EntraId")) {
            String cloud =
                    filled.getOrDefault("cloud", "").toUpperCase(Locale.ROOT).replace('-', '_');
            return EntraId.provider(filled.getOrDefault("tenant", ""), EntraId.Cloud.valueOf(cloud));
        }
        Map<String, String> parts = new LinkedHashMap<>();
        List<String> partsOfName = new ArrayList<>();
        placeholders.forEach((name, placeholder) -> {
            String value = filled.getOrDefault(name, "");
            placeholder
                    .parts(value)
                    .forEach((part, text) -> parts.put(part.isEmpty() ? name : name + "." + part, text));
            Optional.ofNullable(placeholder.partOfName(value)).ifPresent(partsOfName::add);
        });
        String prefix = members.path("prefix").asText(name());
        String name = partsOfName.isEmpty() ? prefix : Placeholders.name(prefix, String.join(".", partsOfName));
        Provider.Builder builder = Provider.builder(name);
        if (!hasLogins()) {
            builder.noLogins("it issues tokens to applications only. Call application() for them");
        }
        for (Map.Entry<String, JsonNode> fact : members.properties()) {
            if (PresetFacts.isFact(fact.getKey())) {
                JsonNode value = parts.isEmpty()
                        ? fact.getValue()
                        : filledIn(name() + ", " + fact.getKey(), fact.getValue(), parts);
                PresetFacts.set(builder, name(), Map.entry(fact.getKey(), value));
            }
        }
        return builder.build();
    }

    private static JsonNode filledIn(String what, JsonNode fact, Map<String, String> parts) {
        if (fact.isTextual()) {
            return JsonNodeFactory.instance.textNode(PLACE.matcher(fact.textValue())
                    .replaceAll(place -> {
                        String part = place.group(1) + (place.group(2) == null ? "" : "." + place.group(2));
                        String text = parts.get(part);
                        if (text == null) {
                            throw new IllegalArgumentException("Provider " + what + ": {" + part
                                    + "} has no value. There are " + String.join(", ", parts.keySet()));
                        }
                        return Matcher.quoteReplacement(text);
                    }));
        }
        if (fact.isArray()) {
            ArrayNode all = JsonNodeFactory.instance.arrayNode();
            fact.forEach(one -> all.add(filledIn(what, one, parts)));
            return all;
        }
        if (fact.isObject()) {
            ObjectNode all = JsonNodeFactory.instance.objectNode();
            fact.properties().forEach(one -> all.set(one.getKey(), filledIn(what, one.getValue(), parts)));
            return all;
        }
        return fact;
    }

    /** All providers that this can be, as far as its lists of values go: one placeholder after the other. */
    List<Provider> variants() {
        Preset filled = withAnyValues();
        List<Provider> all = new ArrayList<>();
        all.add(filled.provider());
        placeholders.forEach((name, placeholder) -> placeholder
                .listed()
                .forEach(value -> all.add(filled.with(name, value).provider())));
        return all;
    }

    /** The row, with what it inherits. */
    ObjectNode members() {
        return members;
    }

    /** The domains of the provider itself. */
    List<String> domains() {
        return Texts.list("domains", members.path("domains"));
    }

    Map<String, Placeholder> described() {
        return placeholders;
    }

    /** The same preset with a value for each placeholder that has no default. */
    Preset withAnyValues() {
        Preset filled = this;
        for (Placeholder placeholder : placeholders.values()) {
            if (placeholder.standard() == null) {
                filled = filled.with(placeholder.name(), placeholder.anyValue());
            }
        }
        return filled;
    }

    @Override
    public String toString() {
        return "Preset[" + name()
                + values.entrySet().stream()
                        .map(value -> ", " + value.getKey() + "=" + value.getValue())
                        .collect(Collectors.joining())
                + "]";
    }
}
