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
import org.jspecify.annotations.Nullable;

/**
 * The provider's introspection endpoint (RFC 7662), as one client sees it. It answers with JSON, or with a JWT for a
 * client that asks for signatures (RFC 9701). Thread-safe.
 */
public final class IntrospectionEndpoint {
    private static final JsonMapper JSON = new JsonMapper();

    private static final String SIGNED = "application/token-introspection+jwt";

    private final JsonEndpoint endpoint;
    private final @Nullable Verifier verifier;

    /** Verifies a signed response. */
    @FunctionalInterface
    public interface Verifier {
        /** Returns the members about the token, a boolean {@code active} among them. */
        Map<String, Object> verify(String jwt) throws RequestFailedException;
    }

    /**
     * One client's view of a provider.
     *
     * @param verifier verifies signed responses; {@code null} for a client that does not ask for signatures
     */
    public IntrospectionEndpoint(Http http, Client client, URI uri, @Nullable Verifier verifier, InstantSource clock) {
        this.endpoint = new JsonEndpoint("introspection endpoint", http, client, uri, clock);
        this.verifier = verifier;
    }

    /**
     * Introspects a token.
     *
     * @return the server's response, with a boolean {@code active}
     */
    public Map<String, Object> introspect(String token) throws RequestFailedException {
        if (verifier != null) {
            return verifier.verify(endpoint.postForJwt(Map.of("token", token), Set.of(token), SIGNED));
        }
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
