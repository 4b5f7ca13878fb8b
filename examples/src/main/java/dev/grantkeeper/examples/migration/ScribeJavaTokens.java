/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.migration;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.grantkeeper.Grantkeeper;
import dev.grantkeeper.TokenStoreException;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Moves the grants of an application that used ScribeJava, so that nobody has to sign in again. ScribeJava stores
 * nothing, so each application has its own way: the {@code OAuth2AccessToken} as a serialized object, its fields in
 * columns, or its raw response as text. The application reads that; this class needs the values.
 *
 * <p><b>Stop the old application first</b>, all of its nodes. Where refresh tokens rotate, two programs that refresh
 * one grant get it revoked. Client id and secret have to be the same as before: refresh tokens belong to a client.
 *
 * <p><b>It can be repeated.</b> An existing grant is never overwritten, whether an earlier run made it or a login. A
 * user who has signed out in the meantime would be signed in again: remove the old tokens at a sign-out.
 *
 * <p><b>The time of receipt</b> is not part of ScribeJava's token: {@code expires_in} counts from it. If the
 * application stored it, hand it over. Otherwise tokens that can be refreshed are taken as expired, which costs a
 * refresh at the first call, and others are used until an API rejects them.
 *
 * <p>The type of the token is not looked at: ScribeJava sent all of them as {@code Bearer}. Tokens of OAuth 1.0a cannot
 * be moved.
 */
public final class ScribeJavaTokens {
    private static final ObjectMapper JSON = new ObjectMapper();

    private ScribeJavaTokens() {}

    /**
     * The outcome. Prints no tokens; the skipped users are named, so that somebody can look at their tokens.
     *
     * @param imported the number of grants that were made
     * @param alreadyThere the number of users who had a grant, which was left as it is
     * @param skipped the users who have to sign in again, with the reason
     */
    public record Result(int imported, int alreadyThere, Map<String, String> skipped) {}

    /**
     * The values of an {@code OAuth2AccessToken}.
     *
     * @param accessToken its access token
     * @param refreshToken its refresh token
     * @param expiresIn its lifetime in seconds, {@code null} if the server stated none
     * @param scope its scopes, {@code null} if the server named none
     * @param idToken the ID token of an {@code OpenIdOAuth2AccessToken}
     * @param receivedAt the time when it was received, {@code null} if nobody has kept it
     */
    public record Stored(
            @Nullable String accessToken,
            @Nullable String refreshToken,
            @Nullable Integer expiresIn,
            @Nullable String scope,
            @Nullable String idToken,
            @Nullable Instant receivedAt) {
        /**
         * Reads a raw response, for applications that stored that.
         *
         * @param rawResponse the response as the server sent it: JSON, or a form from servers that are older than the
         *     standard
         * @param receivedAt the time when it was received, {@code null} if nobody has kept it
         * @return the values
         * @throws IllegalArgumentException if it is neither
         */
        public static Stored ofRawResponse(String rawResponse, @Nullable Instant receivedAt) {
            Map<String, String> values = rawResponse.strip().startsWith("{") ? json(rawResponse) : form(rawResponse);
            return new Stored(
                    values.get("access_token"),
                    values.get("refresh_token"),
                    seconds(values.get("expires_in")),
                    values.get("scope"),
                    values.get("id_token"),
                    receivedAt);
        }

        @Override
        public String toString() {
            return "Stored[received " + receivedAt + ", expires in " + expiresIn + ", scope " + scope + "]";
        }
    }

    /** Reads tokens from where the application has stored them. */
    @FunctionalInterface
    public interface Reader {
        /**
         * Reads the tokens of a user.
         *
         * @param user the user
         * @return the values; {@code null} if there are none
         * @throws IOException if they cannot be read; then this user is skipped
         * @throws ClassNotFoundException as {@code ObjectInputStream} declares it; then this user is skipped
         */
        @Nullable
        Stored read(String user) throws IOException, ClassNotFoundException;
    }

    /**
     * Moves the grants of these users, who become the accounts.
     *
     * @param users the users
     * @param reader reads the tokens of one of them
     * @param grantkeeper the same registration with the provider
     * @return the outcome
     * @throws TokenStoreException if a grant cannot be stored; those before it are, and another run goes on
     */
    public static Result move(Collection<String> users, Reader reader, Grantkeeper grantkeeper)
            throws TokenStoreException {
        int imported = 0;
        int alreadyThere = 0;
        Map<String, String> skipped = new LinkedHashMap<>();
        for (String user : users) {
            Stored stored;
            try {
                stored = reader.read(user);
            } catch (IOException | ClassNotFoundException | RuntimeException e) {
                // Not its message: it may quote what it could not read.
                skipped.put(user, "The tokens cannot be read: " + e.getClass().getName());
                continue;
            }
            try {
                if (stored == null) {
                    skipped.put(user, "There are no tokens");
                } else if (grantkeeper.account(user).importTokens(tokens(stored))) {
                    imported++;
                } else {
                    alreadyThere++;
                }
            } catch (IllegalArgumentException e) {
                // One odd row is not a reason to give up all the others.
                skipped.put(user, String.valueOf(e.getMessage()));
            }
        }
        return new Result(imported, alreadyThere, skipped);
    }

    /**
     * Converts the tokens of one user, for an import at their next visit.
     *
     * @param stored the values
     * @return the tokens
     * @throws IllegalArgumentException if they can be neither used nor refreshed
     */
    public static TokenSet tokens(Stored stored) {
        String accessToken = orNull(stored.accessToken());
        String refreshToken = orNull(stored.refreshToken());
        Instant now = Instant.now();
        Instant expiresAt = expiry(stored, refreshToken != null, now);
        if (accessToken == null) {
            // Never sent: it has expired, so that the first call refreshes.
            accessToken = "none";
            expiresAt = Instant.EPOCH;
        }
        if (refreshToken == null && expiresAt != null && expiresAt.isBefore(now)) {
            throw new IllegalArgumentException(
                    "The access token expired at " + expiresAt + ", and there is no refresh token");
        }
        Instant receivedAt = stored.receivedAt();
        return TokenSet.builder(accessToken)
                .expiresAt(expiresAt)
                .refreshToken(refreshToken)
                .idToken(orNull(stored.idToken()))
                .scopes(scopes(stored.scope()))
                .receivedAt(receivedAt == null ? now : receivedAt)
                .build();
    }

    private static @Nullable Instant expiry(Stored stored, boolean canBeRefreshed, Instant now) {
        Integer expiresIn = stored.expiresIn();
        if (expiresIn == null) {
            return null;
        }
        Instant receivedAt = stored.receivedAt();
        if (receivedAt != null) {
            return receivedAt.plusSeconds(expiresIn);
        }
        // A refresh too many costs nothing; a call with an expired token may be one that cannot be repeated.
        return canBeRefreshed ? now : null;
    }

    private static @Nullable String orNull(@Nullable String token) {
        return token == null || token.isEmpty() ? null : token;
    }

    /** With blanks between them; GitHub and a few others write commas. */
    private static Set<String> scopes(@Nullable String list) {
        return list == null || list.isBlank()
                ? Set.of()
                : new LinkedHashSet<>(List.of(list.strip().split("[\\s,]+")));
    }

    /** Some servers send the number as text, or with a fraction. Without a number it counts as unknown. */
    private static @Nullable Integer seconds(@Nullable String text) {
        try {
            return text == null ? null : (int) Double.parseDouble(text);
        } catch (NumberFormatException e) {
            return null;
        }
    }

    private static Map<String, String> json(String rawResponse) {
        Map<String, String> values = new LinkedHashMap<>();
        try {
            for (Map.Entry<String, JsonNode> member : JSON.readTree(rawResponse).properties()) {
                if (member.getValue().isValueNode() && !member.getValue().isNull()) {
                    values.put(member.getKey(), member.getValue().asText());
                }
            }
        } catch (IOException e) {
            // Without the cause, whose message quotes the tokens.
            throw new IllegalArgumentException("The raw response is not JSON");
        }
        return values;
    }

    private static Map<String, String> form(String rawResponse) {
        Map<String, String> values = new LinkedHashMap<>();
        for (String pair : rawResponse.strip().split("&", -1)) {
            int equals = pair.indexOf('=');
            if (equals > 0) {
                values.put(
                        pair.substring(0, equals),
                        URLDecoder.decode(pair.substring(equals + 1), StandardCharsets.UTF_8));
            }
        }
        return values;
    }
}
