/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.call.TokenSource;
import dev.grantkeeper.internal.login.LoginOutcome;
import dev.grantkeeper.token.Identity;
import dev.grantkeeper.token.TokenSet;
import java.util.Map;
import java.util.Optional;
import okhttp3.OkHttpClient;

/**
 * The result of a login: {@link SignedIn}, {@link Declined} or {@link Mismatched}. There will be no fourth case, so a
 * {@code switch} over the three stays complete. Immutable and thread-safe; no {@code toString} shows a secret.
 */
public sealed interface LoginResult {
    /** The user signed in and granted access. Nothing is stored yet: {@link #keepAs} stores it. */
    final class SignedIn implements LoginResult {
        private final Registration registration;
        private final LoginOutcome.SignedIn outcome;

        SignedIn(Registration registration, LoginOutcome.SignedIn outcome) {
            this.registration = registration;
            this.outcome = outcome;
        }

        /**
         * The granted tokens.
         *
         * @return the tokens
         */
        public TokenSet tokens() {
            return outcome.tokens();
        }

        /**
         * Whether exactly the requested authorization details were granted (RFC 9396 section 7). A user may grant less,
         * and a server may add to them; {@link TokenSet#authorizationDetails()} has what was granted.
         *
         * @return {@code false} if there is a difference, or the server does not report them; {@code true} if none were
         *     requested
         */
        public boolean authorizationDetailsAsRequested() {
            return outcome.detailsAsRequested();
        }

        /**
         * The user's identity: from the verified ID token with the scope {@code openid}, from the provider's profile
         * endpoint with {@link Grantkeeper.Builder#fetchProfile()}, from the token response at providers that put it
         * there.
         *
         * @return the identity; empty if none was requested
         */
        public Optional<Identity> identity() {
            return Optional.ofNullable(outcome.row().identity());
        }

        /**
         * The text that the application set with {@link LoginRequest#appState} when the login began.
         *
         * @return the application's own data
         */
        public Optional<String> appState() {
            return Optional.ofNullable(outcome.appState());
        }

        /**
         * The callback's parameters that a login does not need: {@code session_state} (OpenID Connect Session
         * Management 1.0), QuickBooks' {@code realmId}, the names of Apple's users, and the like. They came through the
         * browser, so the user can change them: ask an API before relying on one.
         *
         * @return from parameter to value; empty for logins without a browser
         */
        public Map<String, String> callbackParameters() {
            return outcome.callbackParameters();
        }

        /**
         * Wraps a client for calls before the grant is stored. It uses these tokens only: nothing is refreshed.
         *
         * @param http the application's client
         * @return a client that sends the access token to the provider's API origins only
         */
        public OkHttpClient wrap(OkHttpClient http) {
            return registration.wrap(http, TokenSource.fixed(outcome.tokens(), registration.apiAddresses()));
        }

        /**
         * Stores the grant for an account, over whatever was stored for it.
         *
         * @param accountId the application's own id for its user
         * @return the account
         * @throws TokenStoreException if the store failed; the same call may be repeated. An application that gives up
         *     calls {@link #discard()}
         */
        public Account keepAs(String accountId) throws TokenStoreException {
            Account account = Account.of(registration, accountId);
            registration.keep(outcome.row(), outcome.tokens(), account.key());
            return account;
        }

        /**
         * Revokes the tokens, if the provider supports revocation (RFC 7009), and stores nothing: for grants that the
         * application does not keep. An unreachable provider changes nothing.
         */
        public void discard() {
            registration.discard(outcome.row(), outcome.tokens());
        }

        @Override
        public String toString() {
            return outcome.toString();
        }
    }

    /**
     * The user refused, or the authorization server did. Anybody who can reach the callback can bring this about, so it
     * is not a failure of the application.
     */
    final class Declined implements LoginResult {
        private final LoginOutcome.Declined outcome;

        Declined(LoginOutcome.Declined outcome) {
            this.outcome = outcome;
        }

        /**
         * The {@code error} of RFC 6749 section 4.1.2.1.
         *
         * @return for example {@code access_denied}; {@code invalid_grant} if the server rejected the code;
         *     {@code tenant_not_allowed} if the user's tenant is not one of those that may sign in
         *     ({@link dev.grantkeeper.provider.Provider.Builder#tenants})
         */
        public String error() {
            return outcome.error();
        }

        /**
         * The server's {@code error_description}, for developers: one line of ASCII without markup.
         *
         * @return the description; empty if the server sent none
         */
        public Optional<String> description() {
            return Optional.ofNullable(outcome.description());
        }

        /**
         * The text that the application set with {@link LoginRequest#appState} when the login began.
         *
         * @return the application's own data
         */
        public Optional<String> appState() {
            return Optional.ofNullable(outcome.appState());
        }

        /**
         * Whether the user refused, rather than the server.
         *
         * @return whether the error is {@code access_denied}
         */
        public boolean byUser() {
            return outcome.error().equals("access_denied");
        }

        @Override
        public String toString() {
            return outcome.toString();
        }
    }

    /** The callback does not belong to this login, or not any more. The user may begin again. */
    final class Mismatched implements LoginResult {
        /** The reasons for a mismatch. Later versions may add some: give a {@code switch} a default. */
        public enum Reason {
            /** There is no login that it could belong to: the session is gone, or the callback was made up. */
            NO_LOGIN,
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

        private final Reason reason;
        private final String explanation;

        Mismatched(LoginOutcome.Mismatched outcome) {
            this.reason = switch (outcome.reason()) {
                case NO_LOGIN -> Reason.NO_LOGIN;
                case STALE -> Reason.STALE;
                case REPLAYED -> Reason.REPLAYED;
                case FORGED -> Reason.FORGED;
                case MIXED_UP -> Reason.MIXED_UP;
            };
            this.explanation = outcome.explanation();
        }

        /**
         * The reason for the mismatch.
         *
         * @return the reason
         */
        public Reason reason() {
            return reason;
        }

        /**
         * The same for people who read logs.
         *
         * @return one sentence, without secrets
         */
        public String explanation() {
            return explanation;
        }

        @Override
        public String toString() {
            return "Mismatched[" + reason + ": " + explanation + "]";
        }
    }
}
