/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import java.time.DateTimeException;
import java.time.Instant;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The authorization server's answer about a token (RFC 7662), true at the time of the request: nothing here is
 * remembered or checked again. Immutable and thread-safe; {@link #toString()} shows only whether the token is active,
 * since the rest is personal data.
 */
public final class Introspection {
    private final Map<String, Object> claims;

    Introspection(Map<String, Object> claims) {
        this.claims = Collections.unmodifiableMap(claims);
    }

    /**
     * Whether the token is active. For an inactive token the server reports nothing else. Some servers, Keycloak among
     * them, report all tokens inactive whose audience does not include this client.
     *
     * @return whether it is
     */
    public boolean active() {
        return Boolean.TRUE.equals(claims.get("active"));
    }

    /**
     * The token's scopes.
     *
     * @return the scopes; empty if the server reports none
     */
    public Set<String> scopes() {
        Set<String> scopes =
                new LinkedHashSet<>(Arrays.asList(text("scope").orElse("").split(" ", -1)));
        scopes.remove("");
        return Collections.unmodifiableSet(scopes);
    }

    /**
     * The user that the token is for.
     *
     * @return the {@code sub} member; empty if the server does not report it
     */
    public Optional<String> subject() {
        return text("sub");
    }

    /**
     * The client that the token was issued to.
     *
     * @return the {@code client_id} member; empty if the server does not report it
     */
    public Optional<String> clientId() {
        return text("client_id");
    }

    /**
     * The token's expiry.
     *
     * @return the {@code exp} member; empty if the server does not report it
     */
    public Optional<Instant> expiresAt() {
        try {
            return claims.get("exp") instanceof Number seconds
                    ? Optional.of(Instant.ofEpochSecond(seconds.longValue()))
                    : Optional.empty();
        } catch (DateTimeException e) {
            return Optional.empty();
        }
    }

    /**
     * All members of the server's answer, those above included.
     *
     * @return strings, numbers, booleans, lists and maps by their names
     */
    public Map<String, Object> claims() {
        return claims;
    }

    private Optional<String> text(String name) {
        return claims.get(name) instanceof String text ? Optional.of(text) : Optional.empty();
    }

    @Override
    public String toString() {
        return "Introspection[" + (active() ? "active" : "not active") + "]";
    }
}
