/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.migration;

import dev.grantkeeper.Grantkeeper;
import dev.grantkeeper.TokenStoreException;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.time.Instant;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Moves the grants of an application that used google-oauth-java-client, so that nobody has to sign in again: each
 * {@code StoredCredential} of its {@code DataStore} becomes a grant. The application reads them with the old library,
 * because the store may be a file, the App Engine datastore or a class of its own; this class needs three values of
 * each.
 *
 * <p><b>Stop the old application first</b>, all of its nodes. Client id and secret have to be the same as before:
 * refresh tokens belong to a client.
 *
 * <p><b>It can be repeated.</b> An existing grant is never overwritten, whether an earlier run made it or a login. A
 * user who has signed out in the meantime would be signed in again: remove the old credential at a sign-out.
 *
 * <p><b>Scopes are not stored</b> by the old library, so {@code tokens().scopes()} is empty until a refresh whose
 * response names them, as Google's does. Neither is the time of consent, and the time of import takes its place.
 */
public final class GoogleStoredCredentials {
    private GoogleStoredCredentials() {}

    /**
     * The outcome. Prints no tokens; the skipped users are named, so that somebody can look at their credentials.
     *
     * @param imported the number of grants that were made
     * @param alreadyThere the number of users who had a grant, which was left as it is
     * @param skipped the users who have to sign in again, with the reason
     */
    public record Result(int imported, int alreadyThere, Map<String, String> skipped) {}

    /**
     * The values of a {@code StoredCredential}.
     *
     * @param accessToken its access token
     * @param refreshToken its refresh token
     * @param expirationTimeMilliseconds its expiry, {@code null} if the server stated none
     */
    public record Stored(
            @Nullable String accessToken,
            @Nullable String refreshToken,
            @Nullable Long expirationTimeMilliseconds) {
        @Override
        public String toString() {
            return "Stored[expires " + expirationTimeMilliseconds + "]";
        }
    }

    /** Reads a credential from the old store. */
    @FunctionalInterface
    public interface Reader {
        /**
         * Reads the credential of a user.
         *
         * @param user the user, as the old store names them
         * @return the values; {@code null} if there are none
         * @throws IOException if they cannot be read; then this user is skipped
         */
        @Nullable
        Stored read(String user) throws IOException;
    }

    /**
     * Moves the grants of these users. The old store's keys become the accounts.
     *
     * @param users the keys of the old store
     * @param reader reads the credential of one of them
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
            } catch (IOException | RuntimeException e) {
                // Not its message: it may quote what it could not read.
                skipped.put(
                        user, "The credential cannot be read: " + e.getClass().getName());
                continue;
            }
            try {
                if (stored == null) {
                    skipped.put(user, "There is no credential");
                } else if (grantkeeper.account(user).importTokens(tokens(stored))) {
                    imported++;
                } else {
                    alreadyThere++;
                }
            } catch (IllegalArgumentException e) {
                // One odd credential is not a reason to give up all the others.
                skipped.put(user, String.valueOf(e.getMessage()));
            }
        }
        return new Result(imported, alreadyThere, skipped);
    }

    /**
     * Converts one credential, for an import at the user's next visit.
     *
     * @param stored the values
     * @return the tokens
     * @throws IllegalArgumentException if they can be neither used nor refreshed
     */
    public static TokenSet tokens(Stored stored) {
        String accessToken = orNull(stored.accessToken());
        String refreshToken = orNull(stored.refreshToken());
        Long milliseconds = stored.expirationTimeMilliseconds();
        Instant expiresAt = milliseconds == null ? null : Instant.ofEpochMilli(milliseconds);
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
                .build();
    }

    private static @Nullable String orNull(@Nullable String token) {
        return token == null || token.isEmpty() ? null : token;
    }
}
