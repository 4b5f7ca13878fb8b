/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.migration;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.grantkeeper.Grantkeeper;
import dev.grantkeeper.TokenStoreException;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Moves the grants of AppAuth for Android, so that nobody has to sign in again: each JSON that
 * {@code AuthState.jsonSerializeString()} wrote becomes a grant. AppAuth is not needed for that. AppAuth for iOS
 * archives its state in a form that only Apple's systems read; there the application writes this JSON itself, as the
 * guide shows.
 *
 * <p><b>The application must stop refreshing</b> before its state is moved, and delete it afterwards. Where refresh
 * tokens rotate, two programs that refresh one grant get it revoked. The client id has to be the same as before:
 * refresh tokens belong to a client.
 *
 * <p><b>It can be repeated.</b> An existing grant is never overwritten, whether an earlier run made it or a login. A
 * user who has signed out in the meantime would be signed in again: remove the old state at a sign-out.
 *
 * <p><b>The times</b> of receipt and consent are not in the state, and the time of import takes their place.
 */
public final class AppAuthStates {
    private static final ObjectMapper JSON = new ObjectMapper();

    private AppAuthStates() {}

    /**
     * The outcome. Prints no tokens; the skipped users are named, so that somebody can look at their states.
     *
     * @param imported the number of grants that were made
     * @param alreadyThere the number of users who had a grant, which was left as it is
     * @param skipped the users who have to sign in again, with the reason
     */
    public record Result(int imported, int alreadyThere, Map<String, String> skipped) {}

    /**
     * Moves the grants of these users, who become the accounts.
     *
     * @param states the JSON of each user
     * @param clientId the client id; states of others are skipped
     * @param grantkeeper the same registration with the provider
     * @return the outcome
     * @throws TokenStoreException if a grant cannot be stored; those before it are, and another run goes on
     */
    public static Result move(Map<String, String> states, String clientId, Grantkeeper grantkeeper)
            throws TokenStoreException {
        int imported = 0;
        int alreadyThere = 0;
        Map<String, String> skipped = new LinkedHashMap<>();
        for (Map.Entry<String, String> state : states.entrySet()) {
            try {
                if (grantkeeper.account(state.getKey()).importTokens(tokens(state.getValue(), clientId))) {
                    imported++;
                } else {
                    alreadyThere++;
                }
            } catch (IllegalArgumentException e) {
                // One odd state is not a reason to give up all the others.
                skipped.put(state.getKey(), String.valueOf(e.getMessage()));
            }
        }
        return new Result(imported, alreadyThere, skipped);
    }

    /**
     * Converts one state, for an import when it arrives.
     *
     * @param state the JSON
     * @param clientId the client id that it has to be of
     * @return the tokens
     * @throws IllegalArgumentException if they can be neither used nor refreshed
     */
    public static TokenSet tokens(String state, String clientId) {
        JsonNode root;
        try {
            root = JSON.readTree(state);
        } catch (IOException e) {
            // Without the cause, whose message quotes the tokens.
            throw new IllegalArgumentException("The state is not JSON");
        }
        JsonNode authorization = root.path("lastAuthorizationResponse");
        JsonNode response = root.path("mLastTokenResponse");
        String issuedTo = text(response.path("request"), "clientId");
        if (issuedTo == null) {
            issuedTo = text(authorization.path("request"), "clientId");
        }
        if (issuedTo != null && !issuedTo.equals(clientId)) {
            throw new IllegalArgumentException("The tokens were issued to the client " + issuedTo);
        }
        if ("invalid_grant".equals(text(root.path("mAuthorizationException"), "error"))) {
            // The other errors that a state remembers may have passed.
            throw new IllegalArgumentException("The server has refused the refresh token");
        }

        // The authorization response has tokens in the hybrid flow only, and AppAuth prefers the others, too.
        JsonNode tokens = text(response, "access_token") == null ? authorization : response;
        String type = text(tokens, "token_type");
        if (type != null && !type.equalsIgnoreCase("Bearer")) {
            throw new IllegalArgumentException("The access token is of type " + type + ", not Bearer");
        }
        String accessToken = text(tokens, "access_token");
        Instant expiresAt = tokens.path("expires_at").isNumber()
                ? Instant.ofEpochMilli(tokens.path("expires_at").asLong())
                : null;
        String refreshToken = text(root, "refreshToken");
        String idToken = text(response, "id_token");
        if (accessToken == null) {
            // Never sent: it has expired, so that the first call refreshes.
            accessToken = "none";
            expiresAt = Instant.EPOCH;
        }
        if (refreshToken == null && expiresAt != null && expiresAt.isBefore(Instant.now())) {
            throw new IllegalArgumentException(
                    "The access token expired at " + expiresAt + ", and there is no refresh token");
        }
        return TokenSet.builder(accessToken)
                .expiresAt(expiresAt)
                .refreshToken(refreshToken)
                .idToken(idToken == null ? text(authorization, "id_token") : idToken)
                .scopes(scopes(text(root, "scope")))
                .build();
    }

    private static @Nullable String text(JsonNode object, String name) {
        String text = object.path(name).asText("");
        return text.isEmpty() ? null : text;
    }

    private static Set<String> scopes(@Nullable String list) {
        return list == null || list.isBlank()
                ? Set.of()
                : new LinkedHashSet<>(List.of(list.strip().split("\\s+")));
    }
}
