/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.openid.IdentityException;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.token.Identity;
import dev.grantkeeper.token.TokenSet;
import java.util.Map;
import java.util.Optional;
import okhttp3.OkHttpClient;
import org.jspecify.annotations.Nullable;

/** How a login ended. Immutable and thread-safe; no {@code toString} shows a secret. */
public sealed interface LoginResult {
    /** The user granted. Nothing is stored yet: that is what {@link #keepAs} is for. */
    final class SignedIn implements LoginResult {
        private final Registration registration;
        private final GrantRow row;
        private final TokenSet tokens;
        private final boolean authorizationDetailsAsRequested;
        private final Map<String, String> callbackParameters;
        private final @Nullable String carried;

        SignedIn(
                Registration registration,
                GrantRow row,
                TokenSet tokens,
                boolean authorizationDetailsAsRequested,
                Map<String, String> callbackParameters,
                @Nullable String carried) {
            this.registration = registration;
            this.row = row;
            this.tokens = tokens;
            this.authorizationDetailsAsRequested = authorizationDetailsAsRequested;
            this.callbackParameters = callbackParameters;
            this.carried = carried;
        }

        /**
         * What was granted.
         *
         * @return the tokens
         */
        public TokenSet tokens() {
            return tokens;
        }

        /**
         * Whether exactly those authorization details were granted that were asked for (RFC 9396 section 7). A user may
         * grant less, and a server may add to them; {@link TokenSet#authorizationDetails()} tells what the tokens are
         * good for.
         *
         * @return {@code false} if there is a difference, or the server does not say; {@code true} if none were asked
         *     for
         */
        public boolean authorizationDetailsAsRequested() {
            return authorizationDetailsAsRequested;
        }

        /**
         * Who granted: from the verified ID token where {@code openid} was asked for, from the provider's profile
         * endpoint where {@link Grantkeeper.Builder#fetchProfile()} was said, from the answer of the token endpoint at
         * providers that tell it there.
         *
         * @return the identity; empty if nobody was asked
         */
        public Optional<Identity> identity() {
            return Optional.ofNullable(row.identity());
        }

        /**
         * What the application gave to {@link LoginRequest#carry} when the login began.
         *
         * @return the application's own data
         */
        public Optional<String> carried() {
            return Optional.ofNullable(carried);
        }

        /**
         * What the provider sent along with the code that no standard speaks of: QuickBooks' {@code realmId}, what
         * Apple's users are called, and the like. It came through the browser, so it is the user's word: ask an API
         * before relying on it.
         *
         * @return from parameter to value; empty for logins without a browser
         */
        public Map<String, String> callbackParameters() {
            return callbackParameters;
        }

        /**
         * Wraps a client for calls before it is known whose grant this is. It uses these tokens and no others: nothing
         * is refreshed.
         *
         * @param http the application's client
         * @return a client that sends the access token to the provider's API origins, and nowhere else
         */
        public OkHttpClient wrap(OkHttpClient http) {
            return registration.wrap(http, TokenSource.fixed(tokens, registration.apiOrigins()));
        }

        /**
         * Stores the grant as the given account's, over whatever was there.
         *
         * @param accountId the application's own id for its user
         * @return the account
         * @throws TokenStoreException if the store failed; the same call may be repeated
         */
        public Account keepAs(String accountId) throws TokenStoreException {
            Account account = Account.of(registration, accountId);
            registration.keep(row, tokens, account.key());
            return account;
        }

        /**
         * Gives the tokens back to the provider, where it can take them back (RFC 7009), and stores nothing: for grants
         * that the application does not want to keep. That the provider cannot be reached changes nothing.
         */
        public void discard() {
            registration.discard(tokens);
        }

        @Override
        public String toString() {
            return "SignedIn[" + tokens + "]";
        }
    }

    /**
     * The user or the server said no.
     *
     * @param error the {@code error} of RFC 6749 section 4.1.2.1, for example {@code access_denied};
     *     {@code invalid_grant} if the server did not accept the code; {@code tenant_not_allowed} if the user's tenant
     *     is not one of those that may sign in ({@link dev.grantkeeper.provider.Provider.Builder#tenants})
     * @param description the server's words for developers, made harmless; may be empty
     * @param carried what the application gave to {@link LoginRequest#carry}
     */
    record Declined(String error, String description, Optional<String> carried) implements LoginResult {
        /**
         * The user signed in at the provider, and may not here. Anybody can bring that about, so it is no failure of
         * ours.
         */
        static Declined of(IdentityException e, Optional<String> carried) {
            return new Declined("tenant_not_allowed", String.valueOf(e.getMessage()), carried);
        }

        /**
         * Whether it was the user who said no, and not the server.
         *
         * @return whether the error is {@code access_denied}
         */
        public boolean byUser() {
            return error.equals("access_denied");
        }

        @Override
        public String toString() {
            return "Declined[" + error + (description.isEmpty() ? "" : ": " + description) + "]";
        }
    }

    /**
     * The callback does not belong to this login, or not any more. The user may simply begin again.
     *
     * @param reason what is wrong
     * @param explanation the same for people
     */
    record Mismatched(Reason reason, String explanation) implements LoginResult {
        /** What is wrong with the callback. */
        public enum Reason {
            /** There is no login that it could belong to: the session is gone, or the callback was made up. */
            NONE,
            /** The login began too long ago. */
            STALE,
            /** This login was finished before. */
            REPLAYED,
            /** The callback is not what an authorization server sends, or belongs to another login. */
            FORGED,
            /**
             * The callback comes from another authorization server (RFC 9207), or the login from another registration.
             */
            MIXED_UP
        }
    }
}
