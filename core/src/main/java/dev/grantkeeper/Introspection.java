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
 * What the authorization server says of a token (RFC 7662). It was true when it was asked: nothing here is remembered
 * or checked again. Immutable and thread-safe; {@link #toString()} says only whether the token is active, the rest is
 * personal data.
 */
public final class Introspection {
    private final Map<String, Object> claims;

    Introspection(Map<String, Object> claims) {
        this.claims = Collections.unmodifiableMap(claims);
    }

    /**
     * Whether the token is good. If it is not, the server says nothing else of it, nor why. Some servers, Keycloak
     * among them, say so of all tokens that do not name this application as an audience.
     *
     * @return whether it is
     */
    public boolean active() {
        return Boolean.TRUE.equals(claims.get("active"));
    }

    /**
     * What the token is good for.
     *
     * @return the scopes; empty if the server names none
     */
    public Set<String> scopes() {
        Set<String> scopes =
                new LinkedHashSet<>(Arrays.asList(text("scope").orElse("").split(" ", -1)));
        scopes.remove("");
        return Collections.unmodifiableSet(scopes);
    }

    /**
     * Whom the token speaks for.
     *
     * @return the {@code sub} member; empty if the server does not say
     */
    public Optional<String> subject() {
        return text("sub");
    }

    /**
     * To whom the token was given.
     *
     * @return the {@code client_id} member; empty if the server does not say
     */
    public Optional<String> clientId() {
        return text("client_id");
    }

    /**
     * Until when the token is good.
     *
     * @return the {@code exp} member; empty if the server does not say
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
     * Everything that the server says, the members above included.
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
