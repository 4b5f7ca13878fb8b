/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.testkit;

import dev.grantkeeper.testkit.Settings.Client;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;

/**
 * Clients that are known by a document at the URL that is their id (OAuth Client ID Metadata Document). Thread-safe.
 */
final class ClientDocuments {
    /** With a path, without fragment and credentials; http on loopback only, for tests. */
    private static final Pattern URL =
            Pattern.compile("(?:https://[^/?#@]+|http://(?:127\\.0\\.0\\.1|\\[::1]|localhost)(?::[0-9]+)?)/[^#]+");

    private static final Pattern DOT_SEGMENT = Pattern.compile("/\\.{1,2}(?:[/?]|$)");

    private final Counters counters;
    private final Map<String, Client> clients = new ConcurrentHashMap<>();
    /** Documents that a test has handed over, in place of a server. */
    private final Map<String, String> given = new ConcurrentHashMap<>();

    ClientDocuments(Counters counters) {
        this.counters = counters;
    }

    void give(String url, String json) {
        given.put(url, json);
        clients.remove(url);
    }

    static boolean isUrl(String id) {
        return URL.matcher(id).matches() && !DOT_SEGMENT.matcher(id).find();
    }

    /** Synchronized: however many ask for a client at once, its document is fetched once. A failure is not kept. */
    synchronized Client find(String id) throws Refused {
        Client client = clients.get(id);
        if (client == null) {
            client = read(id);
            clients.put(id, client);
        }
        return client;
    }

    private Client read(String id) throws Refused {
        counters.clientDocumentRequests.incrementAndGet();
        try {
            String json = given.get(id);
            Map<String, Object> document = JsonReader.object(json != null ? json : Http.fetch(id));
            if (!id.equals(document.get("client_id"))) {
                throw new Refused("invalid_client", "The document of the client names another client_id");
            }
            document.putIfAbsent("token_endpoint_auth_method", "none");
            document.putIfAbsent("grant_types", List.of("authorization_code"));
            Client client = Client.of(id, document);
            if (client.redirectUris().isEmpty()) {
                throw new Refused("invalid_client", "The document of the client names no redirect_uris");
            }
            if (client.secret() != null
                    || !List.of("none", "private_key_jwt").contains(String.valueOf(client.method()))) {
                throw new Refused("invalid_client", "The document of the client cannot hold a secret");
            }
            return client;
        } catch (IOException | IllegalArgumentException e) {
            throw new Refused("invalid_client", "The document of the client cannot be read: " + e.getMessage());
        }
    }
}
