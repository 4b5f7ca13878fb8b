/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.provider;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.grantkeeper.internal.json.JsonTrees;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A list of presets: those that come with this library, and an application's own ({@link Providers#and}).
 *
 * <p>Immutable and thread-safe. The library's own list is a resource beside this class, which is read when the first
 * preset is needed; a preset is parsed when it is looked up by its name.
 */
public final class Presets {
    private static final String RESOURCE = "providers.json";
    /** Each row of the library's own list begins a line, so that one can be found without parsing all. */
    private static final String START = "\n{\"name\": \"";

    private static final Pattern AS_OF = Pattern.compile("^\\s*\\{\\s*\"asOf\"\\s*:\\s*\"([0-9-]+)\"");
    private static final int HEAD = 100;

    private static final int NEAREST = 5;
    private static final int DEEPEST = 4;

    private static final JsonTrees JSON = new JsonTrees(JsonFactory.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build());

    /** The list that this one adds to; {@code null} for the library's own. */
    private final @Nullable Presets base;

    private final String text;
    /** The day on which the facts of the list were gathered; {@code null} if it does not say. */
    private final @Nullable String asOf;

    /** Those of the library's own list that were looked up by their names. */
    private final Map<String, Preset> found = new ConcurrentHashMap<>();

    /** From name to preset; {@code null} until all are needed. */
    private volatile @Nullable Map<String, Preset> rows;

    /** A list of its own, or one that adds to another. */
    Presets(@Nullable Presets base, String text) {
        this.base = base;
        this.text = text;
        Matcher day = AS_OF.matcher(text.substring(0, Math.min(text.length(), HEAD)));
        this.asOf = day.find() ? day.group(1) : null;
    }

    /** Loaded with the first preset. */
    private static final class BuiltIn {
        static final Presets ALL = new Presets(null, load());

        private static String load() {
            try (InputStream in = Objects.requireNonNull(Presets.class.getResourceAsStream(RESOURCE), RESOURCE)) {
                return new String(in.readAllBytes(), StandardCharsets.UTF_8);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    /** The presets that come with the library. */
    static Presets builtIn() {
        return BuiltIn.ALL;
    }

    /**
     * The presets of this list and those of a file. A preset of the file replaces one of the same name.
     *
     * @param file JSON in the form of the library's own list, as its documentation explains
     * @return both
     * @throws IOException if the file cannot be read
     * @throws IllegalArgumentException if something in it is wrong; the message names the provider and the member
     */
    public Presets and(Path file) throws IOException {
        try {
            Presets both = new Presets(this, Files.readString(file));
            for (Preset preset : both.rows().values()) {
                preset.variants().forEach(preset::checkDomains);
            }
            return both;
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(file + ": " + e.getMessage(), e);
        }
    }

    /**
     * Finds a preset by its name or one of its aliases; case does not matter, nor whether words are separated by
     * blanks, underscores or hyphens.
     *
     * @param name for example {@code airtable}
     * @return the preset
     * @throws IllegalArgumentException if there is none; the message has names that are similar
     */
    public Preset named(String name) {
        String plain = plain(name);
        Preset found = find(plain);
        if (found != null) {
            return found;
        }
        for (Preset preset : all()) {
            if (preset.aliases().stream().anyMatch(alias -> alias.equals(plain))) {
                return preset;
            }
        }
        String shown = name.length() > 64 ? name.substring(0, 64) + "..." : name;
        throw new IllegalArgumentException("There is no provider named " + shown.replaceAll("[^ -~]", "?")
                + nearest(plain) + ". Describe it with Provider.builder(…), or let Discovery find it");
    }

    private static String plain(String name) {
        return name.strip().toLowerCase(Locale.ROOT).replaceAll("[ _]+", "-");
    }

    /**
     * All presets.
     *
     * @return the presets in the order of their names
     */
    public List<Preset> all() {
        Map<String, Preset> all = new TreeMap<>();
        if (base != null) {
            base.all().forEach(preset -> all.put(preset.name(), preset));
        }
        all.putAll(rows());
        return List.copyOf(all.values());
    }

    /**
     * Finds presets by a part of their name, title or aliases.
     *
     * @param part what a person might enter; case does not matter
     * @return the presets, those first whose name begins with it
     */
    public List<Preset> search(String part) {
        String plain = plain(part);
        return all().stream()
                .filter(preset -> names(preset).anyMatch(name -> name.contains(plain)))
                .sorted(Comparator.comparing(preset -> !preset.name().startsWith(plain)))
                .toList();
    }

    private static Stream<String> names(Preset preset) {
        return Stream.concat(Stream.of(preset.name(), plain(preset.title())), preset.aliases().stream());
    }

    private @Nullable Preset find(String name) {
        if (base != null || rows != null) {
            Preset own = rows().get(name);
            return own == null && base != null ? base.find(name) : own;
        }
        Preset known = found.get(name);
        if (known == null) {
            ObjectNode row = row(name);
            known = row == null ? null : preset(row);
            if (known != null) {
                found.put(name, known);
            }
        }
        return known;
    }

    private Preset preset(ObjectNode row) {
        if (asOf != null && !row.has("asOf")) {
            row.put("asOf", asOf);
        }
        return Preset.of(row);
    }

    /** One row of the library's own list, with all that it inherits. */
    private @Nullable ObjectNode row(String name) {
        int start = name.indexOf('"') >= 0 ? -1 : text.indexOf(START + name + '"');
        if (start < 0) {
            return null;
        }
        int next = text.indexOf(START, start + START.length());
        try {
            ObjectNode row = (ObjectNode) JSON.read(text.substring(start, next < 0 ? text.length() : next));
            JsonNode like = row.get("like");
            return like == null ? row : Preset.inherit(row, Objects.requireNonNull(row(like.textValue())));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(RESOURCE + " is damaged at " + name, e);
        }
    }

    private Map<String, Preset> rows() {
        Map<String, Preset> known = rows;
        if (known == null) {
            known = parse();
            rows = known;
        }
        return known;
    }

    private Map<String, Preset> parse() {
        Map<String, ObjectNode> raw = new LinkedHashMap<>();
        JsonNode file;
        try {
            file = JSON.readAll(text);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("The list of providers is not JSON: " + e.getOriginalMessage(), e);
        }
        if (!file.path("providers").isArray()) {
            throw new IllegalArgumentException("A list of providers is written {\"providers\": [{\"name\": …}, …]}");
        }
        for (JsonNode row : file.path("providers")) {
            String name = Texts.text("The name of a provider", row.path("name"));
            if (!row.isObject() || raw.put(name, (ObjectNode) row) != null) {
                throw new IllegalArgumentException("There are two providers named " + name);
            }
        }
        Map<String, Preset> all = new LinkedHashMap<>();
        raw.forEach((name, row) -> all.put(name, preset(whole(row, raw, 0))));
        return all;
    }

    /** A row with all that it inherits, from another row or, also under its own name, from the list before this one. */
    private ObjectNode whole(ObjectNode row, Map<String, ObjectNode> raw, int depth) {
        JsonNode like = row.get("like");
        if (like == null) {
            return row;
        }
        ObjectNode other = raw.get(like.asText());
        ObjectNode inherited = null;
        if (other != null && !like.asText().equals(row.path("name").asText()) && depth < DEEPEST) {
            inherited = whole(other, raw, depth + 1);
        } else if (base != null) {
            inherited = base.members(like.asText());
        }
        if (inherited == null) {
            throw new IllegalArgumentException("Provider " + row.path("name").asText() + " is like " + like.asText()
                    + ", which is not there, or like itself");
        }
        return Preset.inherit(row, inherited);
    }

    /** The list as it was read. */
    String text() {
        return text;
    }

    private @Nullable ObjectNode members(String name) {
        Preset preset = find(name);
        return preset == null ? null : preset.members();
    }

    // ---- Similar names -------------------------------------------------------------------------------------------

    private String nearest(String name) {
        Map<String, Integer> distances = new LinkedHashMap<>();
        int far = Math.max(2, Math.min(name.length(), 64) / 3);
        for (Preset preset : all()) {
            names(preset)
                    .map(known -> distance(name, known))
                    .min(Comparator.naturalOrder())
                    .filter(distance -> distance <= far)
                    .ifPresent(distance -> distances.put(preset.name(), distance));
        }
        List<String> near = new ArrayList<>(distances.keySet());
        near.sort(Comparator.comparing(distances::get));
        return near.isEmpty()
                ? ""
                : ". Similar names: " + String.join(", ", near.subList(0, Math.min(NEAREST, near.size())));
    }

    /** The number of letters to change (Levenshtein); little for a name that contains the other. */
    private static int distance(String name, String known) {
        String one = name.length() > 64 ? name.substring(0, 64) : name;
        if (Math.min(one.length(), known.length()) > 2 && (known.contains(one) || one.contains(known))) {
            return 1;
        }
        int[] costs = new int[known.length() + 1];
        for (int j = 0; j <= known.length(); j++) {
            costs[j] = j;
        }
        for (int i = 1; i <= one.length(); i++) {
            int diagonal = costs[0];
            costs[0] = i;
            for (int j = 1; j <= known.length(); j++) {
                int change = diagonal + (one.charAt(i - 1) == known.charAt(j - 1) ? 0 : 1);
                diagonal = costs[j];
                costs[j] = Math.min(change, Math.min(costs[j], costs[j - 1]) + 1);
            }
        }
        return costs[known.length()];
    }

    @Override
    public String toString() {
        return "Presets["
                + Optional.ofNullable(rows).map(Map::size).map(String::valueOf).orElse("not read yet") + "]";
    }
}
