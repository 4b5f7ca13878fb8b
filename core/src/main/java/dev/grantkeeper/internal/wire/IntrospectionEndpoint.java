/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.wire;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.grantkeeper.internal.answer.RequestFailedException;
import java.net.URI;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/** The provider's introspection endpoint (RFC 7662), as one client sees it. Thread-safe. */
public final class IntrospectionEndpoint {
    private static final JsonMapper JSON = new JsonMapper();

    private final JsonEndpoint endpoint;

    /** One client's view of a provider. */
    public IntrospectionEndpoint(Http http, Client client, URI uri, InstantSource clock) {
        this.endpoint = new JsonEndpoint("introspection endpoint", http, client, uri, clock);
    }

    /**
     * Introspects a token.
     *
     * @return the server's response, with a boolean {@code active}
     */
    public Map<String, Object> introspect(String token) throws RequestFailedException {
        ObjectNode json = endpoint.post(Map.of("token", token), Set.of(token), null);
        if (!json.path("active").isBoolean()) {
            throw endpoint.malformed("it does not say whether the token is active");
        }
        Map<String, Object> claims = new LinkedHashMap<>();
        json.properties().forEach(member -> {
            if (!member.getValue().isNull()) {
                claims.put(member.getKey(), JSON.convertValue(member.getValue(), Object.class));
            }
        });
        return claims;
    }
}
