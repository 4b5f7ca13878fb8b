/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.api;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.grantkeeper.internal.answer.ServerJson;
import java.time.Instant;
import java.util.HashSet;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A server as the store remembers it: its metadata, and the client that the application is there. The text of it takes
 * the place of an access token in a row of its own. Immutable; {@code toString} shows no secret.
 *
 * @param issuer the server
 * @param metadata its metadata, as it sent them
 * @param at the time at which they came
 * @param client the client as the server answered; {@code null} if the application was registered by hand
 */
public record ServerRecord(
        String issuer,
        String metadata,
        Instant at,
        @Nullable ObjectNode client) {
    private static final JsonMapper JSON = new JsonMapper();

    /** The end of the year 9999. What ends later, or is given in milliseconds, does not end. */
    private static final double NEVER = 253_402_300_799.0;

    /** Reads the text of a row. */
    public static ServerRecord read(String text) {
        try {
            JsonNode json = JSON.readTree(text);
            return new ServerRecord(
                    json.path("issuer").asText(),
                    json.path("metadata").asText(),
                    Instant.ofEpochMilli(json.path("at").asLong()),
                    json.path("client") instanceof ObjectNode client ? client : null);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("The record of a server is not JSON"); // the cause would quote it
        }
    }

    /** The same metadata without blanks and line ends, of which some servers send many. */
    static String compact(String metadata) {
        try {
            return JSON.readTree(metadata).toString();
        } catch (JsonProcessingException e) {
            return metadata; // reading it fails, and says why
        }
    }

    /** The text of a row: characters of tokens only (RFC 6749 appendix A), whatever names and metadata contain. */
    public String text() {
        ObjectNode json = JSON.createObjectNode();
        json.put("issuer", issuer).put("metadata", metadata).put("at", at.toEpochMilli());
        if (client != null) {
            json.set("client", client);
        }
        StringBuilder text = new StringBuilder();
        // All other characters are inside strings, where they may be written in this way (RFC 8259 section 7).
        json.toString().chars().forEach(c -> {
            if (c > ' ' && c < 0x7f) {
                text.append((char) c);
            } else {
                text.append(String.format(Locale.ROOT, "\\u%04x", c));
            }
        });
        return text.toString();
    }

    /** The client id; {@code null} if the application was registered by hand. */
    public @Nullable String clientId() {
        return member("client_id");
    }

    /** The client secret; {@code null} if there is none. */
    public @Nullable String secret() {
        return member("client_secret");
    }

    /** The authentication that the server wants of this client; {@code null} if it does not say. */
    public @Nullable String authentication() {
        return member("token_endpoint_auth_method");
    }

    /** The URI at which the client can be read, updated and deleted (RFC 7592); {@code null} if there is none. */
    public @Nullable String managedAt() {
        return member("registration_client_uri");
    }

    /** The end of the secret; {@code null} if it has none, or the client does not use it. */
    public @Nullable Instant secretEndsAt() {
        if (client == null || secret() == null || "none".equals(authentication())) {
            return null;
        }
        JsonNode end = client.path("client_secret_expires_at");
        double seconds = end.isBoolean() ? 0 : end.asDouble(0);
        return seconds >= 1 && seconds < NEVER ? Instant.ofEpochSecond((long) seconds) : null;
    }

    /** Whether the client may be sent back to all of these, as far as the server has said. */
    boolean hasRedirectUris(Set<String> wanted) {
        if (client == null || !client.path("redirect_uris").isArray()) {
            return true;
        }
        Set<String> registered = new HashSet<>();
        client.path("redirect_uris").forEach(uri -> registered.add(uri.asText()));
        return registered.containsAll(wanted);
    }

    private @Nullable String member(String name) {
        return client == null ? null : ServerJson.text(client, name);
    }

    @Override
    public String toString() {
        return "ServerRecord[" + issuer + ", client " + clientId() + "]";
    }
}
