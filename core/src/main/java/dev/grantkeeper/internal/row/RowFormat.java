/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.row;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.grantkeeper.internal.json.JsonTrees;
import dev.grantkeeper.internal.protocol.Resource;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.Identity;
import dev.grantkeeper.token.SealingKeys;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenSet;
import java.net.URI;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.time.Instant;
import java.util.Base64;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Turns grants into the text of rows and back: JSON in printable ASCII, sealed unless the application chose otherwise.
 *
 * <p>The seal binds the text to its key and its version, so an attacker who can write to the database can neither move
 * a row to another account nor put an old text under a new version. The seal cannot prevent that an old row is restored
 * whole, text and version.
 *
 * <p>Nodes of two versions of the library share the rows while a deployment rolls. A new member goes to the top level,
 * does no harm where it is missing, and is kept by nodes that do not know it. A change that cannot be made that way
 * needs a new format number; older nodes report such a row as an error, and never touch it.
 *
 * <p>Immutable and thread-safe.
 */
public final class RowFormat {
    private static final int FORMAT = 1;

    /** The format of tokens that are bound to a key. A node that does not know of keys would get the grant refused. */
    private static final int BOUND = 2;

    private static final String PURPOSE = "row";
    private static final Set<String> KNOWN = Set.of(
            "v",
            "login",
            "authorizedAt",
            "refreshes",
            "tokens",
            "authorizationDetails",
            "resourcesAskedFor",
            "apiBase",
            "identity",
            "server",
            "client",
            "api",
            "afterRejection",
            "attempt",
            "lostAt",
            "refusal",
            "notBefore",
            "failures",
            "resources");
    private static final SecureRandom RANDOM = new SecureRandom();
    /** Whole numbers are read as {@code long}, as they are in the ID token that the claims came from. */
    private static final JsonTrees JSON = new JsonTrees(JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    // An ID token may nest its claims as deeply as its own parser allows.
                    .maxNestingDepth(1000)
                    // A claim may be a number as long as the parser of profiles takes it.
                    .maxNumberLength(2000)
                    .maxStringLength(512 * 1024)
                    .build())
            .enable(JsonWriteFeature.ESCAPE_NON_ASCII)
            .disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION)
            .build());

    private final @Nullable SealingKeys keys;

    /** A format that seals rows, or one that writes plaintext if there are no keys. */
    public RowFormat(@Nullable SealingKeys keys) {
        this.keys = keys;
    }

    /** Returns a random name that was never used before: for versions, logins and attempts. */
    public static String newName() {
        byte[] bytes = new byte[16];
        RANDOM.nextBytes(bytes);
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }

    /** Writes a row as text, under a new version. */
    public StoredTokens write(AccountKey key, GrantRow row) {
        String version = newName();
        String text = toJson(row);
        return new StoredTokens(version, keys == null ? text : keys.seal(PURPOSE, binding(key, version), text));
    }

    private static String binding(AccountKey key, String version) {
        return key.digest() + "/" + version;
    }

    /** Whether a row is sealed as this format would seal it now: under the writing key. */
    public boolean isCurrent(StoredTokens stored) {
        return keys == null || keys.isCurrent(stored.text());
    }

    /** Opens and parses a row. */
    public VersionedRow read(AccountKey key, StoredTokens stored) throws UnreadableRowException {
        return new VersionedRow(stored.version(), fromJson(key, open(key, stored)));
    }

    private String open(AccountKey key, StoredTokens stored) throws UnreadableRowException {
        boolean plain = stored.text().startsWith("{");
        if (keys == null) {
            if (!plain) {
                throw unreadable(key, "is sealed, and this application was built with allowPlaintextTokens()");
            }
            return stored.text();
        }
        if (plain) {
            throw unreadable(key, "is not sealed, and this application was built with sealingKeys(…)");
        }
        try {
            return keys.open(PURPOSE, binding(key, stored.version()), stored.text());
        } catch (GeneralSecurityException e) {
            throw unreadable(key, "cannot be opened. " + e.getMessage());
        }
    }

    private static UnreadableRowException unreadable(AccountKey key, String what) {
        return new UnreadableRowException("The row of " + key + " " + what);
    }

    private static String toJson(GrantRow row) {
        ObjectNode json = JsonTrees.object();
        boolean bound = false;
        for (TokenSet tokens : row.allTokens().values()) {
            bound |= tokens.proofKey().isPresent();
        }
        json.put("v", bound ? BOUND : FORMAT);
        json.put("login", row.login());
        json.put("authorizedAt", row.authorizedAt().toEpochMilli());
        json.put("refreshes", row.refreshes());
        if (row.tokens() != null) {
            json.set("tokens", toJson(row.tokens()));
        }
        Identity identity = row.identity();
        if (identity != null) {
            ObjectNode node = json.putObject("identity");
            node.put("issuer", identity.issuer());
            node.put("subject", identity.subject());
            node.set("claims", JsonTrees.tree(identity.claims()));
        }
        put(json, "server", row.server());
        put(json, "client", row.client());
        put(json, "api", row.api());
        put(json, "attempt", row.attempt());
        if (row.answerLost()) {
            // Not a mere mark: a node that does not know this member keeps it, and it ends with that node's refresh.
            json.put("lostAt", row.refreshes());
        }
        putState(json, row.own());
        if (!row.resources().isEmpty()) {
            ObjectNode resources = json.putObject("resources");
            for (Map.Entry<Resource.Named, GrantRow.State> entry :
                    row.resources().entrySet()) {
                ObjectNode node = resources.putObject(entry.getKey().name());
                GrantRow.State state = entry.getValue();
                if (state.tokens() != null) {
                    node.set("tokens", toJson(state.tokens()));
                }
                putState(node, state);
            }
        }
        if (row.other() != null) {
            json.setAll(row.other());
        }
        return JSON.write(json);
    }

    private static ObjectNode toJson(TokenSet tokens) {
        ObjectNode node = JsonTrees.object();
        node.put("access", tokens.accessToken());
        node.put("type", tokens.tokenType());
        if (tokens.proofKey().isPresent()) {
            node.put("key", KeyText.write(tokens.proofKey().get()));
        }
        node.put("receivedAt", tokens.receivedAt().toEpochMilli());
        put(node, "expiresAt", tokens.expiresAt().orElse(null));
        put(node, "refreshAt", tokens.refreshAt().orElse(null));
        put(node, "refresh", tokens.refreshToken().orElse(null));
        put(node, "refreshExpiresAt", tokens.refreshTokenExpiresAt().orElse(null));
        put(node, "id", tokens.idToken().orElse(null));
        ArrayNode scopes = node.putArray("scopes");
        for (String scope : tokens.scopes()) {
            scopes.add(scope);
        }
        return node;
    }

    private static void putState(ObjectNode node, GrantRow.State state) {
        TokenSet tokens = state.tokens();
        if (tokens != null) {
            // Not among the tokens: there, a node that does not know these members would lose them with a refresh.
            put(node, "authorizationDetails", tokens.authorizationDetails().orElse(null));
            if (tokens.apiBase().isPresent()) {
                node.put("apiBase", tokens.apiBase().get().toString());
            }
            if (!tokens.resources().isEmpty()) {
                ArrayNode resources = node.putArray("resourcesAskedFor");
                for (String resource : tokens.resources()) {
                    resources.add(resource);
                }
            }
        }
        if (state.afterRejection()) {
            node.put("afterRejection", true);
        }
        GrantRow.Refusal refusal = state.refusal();
        if (refusal != null) {
            ObjectNode why = node.putObject("refusal");
            why.put("error", refusal.error());
            put(why, "description", refusal.description());
            switch (refusal.kind()) {
                case ENDED -> {
                    // needs no member: it is the default
                }
                case ANSWER_LOST -> why.put("answerLost", true);
                case INTERACTION -> why.put("interaction", true);
                case BLOCKED -> why.put("blocked", true);
            }
            put(why, "claims", refusal.claims());
            put(why, "at", refusal.at());
        }
        put(node, "notBefore", state.notBefore());
        if (state.failures() > 0) {
            node.put("failures", state.failures());
        }
    }

    private static void put(ObjectNode node, String name, @Nullable String text) {
        if (text != null) {
            node.put(name, text);
        }
    }

    private static void put(ObjectNode node, String name, @Nullable Instant instant) {
        if (instant != null) {
            node.put(name, instant.toEpochMilli());
        }
    }

    private static GrantRow fromJson(AccountKey key, String text) throws UnreadableRowException {
        try {
            if (!(JSON.read(text) instanceof ObjectNode json)) {
                throw unreadable(key, "is not a JSON object");
            }
            int format = json.path("v").asInt(0);
            if (format < FORMAT || format > BOUND) {
                throw unreadable(
                        key,
                        "has format " + format + ", this version of the library knows formats up to " + BOUND
                                + ". The row is left as it is: upgrade all nodes to the newer version");
            }
            boolean isWithoutAKey = isWithoutItsKey(json);
            for (JsonNode resource : json.path("resources")) {
                isWithoutAKey |= isWithoutItsKey(resource);
            }
            if (isWithoutAKey) {
                throw unreadable(
                        key,
                        "holds tokens that are bound to a key (DPoP), and the key is missing. They cannot be used:"
                                + " call forget() on the account, and the user can sign in again");
            }
            long refreshes = Math.max(0, json.path("refreshes").asLong(0));
            ObjectNode other = json.deepCopy();
            other.remove(KNOWN);
            return new GrantRow(
                    required(json, "login"),
                    Instant.ofEpochMilli(json.path("authorizedAt").asLong()),
                    refreshes,
                    identity(json.path("identity")),
                    text(json, "server"),
                    text(json, "client"),
                    text(json, "api"),
                    text(json, "attempt"),
                    json.path("lostAt").asLong(-1) == refreshes,
                    state(json),
                    resources(json.path("resources")),
                    other.isEmpty() ? null : other);
        } catch (JsonProcessingException | IllegalArgumentException e) {
            // Neither exception may be a cause: both quote what they read.
            throw unreadable(key, "is damaged: its JSON cannot be read");
        }
    }

    private static Map<Resource.Named, GrantRow.State> resources(JsonNode node) {
        Map<Resource.Named, GrantRow.State> resources = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> member : node.properties()) {
            resources.put(Resource.named(member.getKey()), state(member.getValue()));
        }
        return Collections.unmodifiableMap(resources);
    }

    private static GrantRow.State state(JsonNode node) {
        return new GrantRow.State(
                tokens(node),
                node.path("afterRejection").asBoolean(),
                refusal(node.path("refusal")),
                instant(node, "notBefore"),
                Math.max(0, node.path("failures").asInt(0)));
    }

    private static boolean isWithoutItsKey(JsonNode state) {
        JsonNode tokens = state.path("tokens");
        return "DPoP".equalsIgnoreCase(text(tokens, "type")) && text(tokens, "key") == null;
    }

    private static @Nullable TokenSet tokens(JsonNode state) {
        JsonNode node = state.path("tokens");
        if (!node.isObject()) {
            return null;
        }
        Set<String> resources = new LinkedHashSet<>();
        for (JsonNode resource : state.path("resourcesAskedFor")) {
            resources.add(resource.asText());
        }
        Set<String> scopes = new LinkedHashSet<>();
        for (JsonNode scope : node.path("scopes")) {
            scopes.add(scope.asText());
        }
        String key = text(node, "key");
        String base = text(state, "apiBase");
        return TokenSet.builder(required(node, "access"))
                .tokenType(required(node, "type"))
                .proofKey(key == null ? null : KeyText.read(key))
                .receivedAt(Instant.ofEpochMilli(node.path("receivedAt").asLong()))
                .expiresAt(instant(node, "expiresAt"))
                .refreshAt(instant(node, "refreshAt"))
                .refreshToken(text(node, "refresh"))
                .refreshTokenExpiresAt(instant(node, "refreshExpiresAt"))
                .idToken(text(node, "id"))
                .scopes(scopes)
                .authorizationDetails(text(state, "authorizationDetails"))
                .resources(resources)
                .apiBase(base == null ? null : URI.create(base))
                .build();
    }

    private static @Nullable Identity identity(JsonNode node) {
        if (!node.isObject()) {
            return null;
        }
        JsonNode stored = node.path("claims");
        if (!(stored.isObject() || stored.isNull() || stored.isMissingNode())) {
            throw new IllegalArgumentException("claims");
        }
        Map<String, Object> claims = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> claim : stored.properties()) {
            claims.put(claim.getKey(), JsonTrees.plain(claim.getValue()));
        }
        return Identity.of(required(node, "issuer"), required(node, "subject"), claims);
    }

    private static GrantRow.@Nullable Refusal refusal(JsonNode node) {
        if (!node.isObject()) {
            return null;
        }
        Instant at = instant(node, "at");
        return new GrantRow.Refusal(
                required(node, "error"),
                text(node, "description"),
                kind(node),
                text(node, "claims"),
                at == null ? Instant.EPOCH : at);
    }

    private static GrantRow.Refusal.Kind kind(JsonNode node) {
        if (node.path("answerLost").asBoolean()) {
            return GrantRow.Refusal.Kind.ANSWER_LOST;
        }
        if (node.path("interaction").asBoolean()) {
            return GrantRow.Refusal.Kind.INTERACTION;
        }
        return node.path("blocked").asBoolean() ? GrantRow.Refusal.Kind.BLOCKED : GrantRow.Refusal.Kind.ENDED;
    }

    private static String required(JsonNode node, String name) {
        String text = text(node, name);
        if (text == null) {
            throw new IllegalArgumentException("no " + name);
        }
        return text;
    }

    private static @Nullable String text(JsonNode node, String name) {
        JsonNode value = node.path(name);
        return value.isTextual() ? value.textValue() : null;
    }

    private static @Nullable Instant instant(JsonNode node, String name) {
        JsonNode value = node.path(name);
        return value.isIntegralNumber() ? Instant.ofEpochMilli(value.longValue()) : null;
    }
}
