/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.token.AccountKey;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * There is no grant for this account, or it has ended, or an API wants more than it gives: send the user through
 * {@code newLogin().inResponseTo(e)}. It is thrown only after the store was asked; a store that cannot be reached is a
 * {@link TokenStoreException}.
 *
 * <p>An API wants more when it answers 401 or 403 and names, in {@code WWW-Authenticate}, scopes that were not granted
 * (RFC 6750 section 3.1), another authentication of the user (RFC 9470), or claims (Microsoft Entra ID). Such a grant
 * stays as it is, and good for everything else. The API says what the user is asked for, so an application that acts by
 * itself should look at {@link #scopes()} first, and not send a user twice in a row. An answer that names nothing is
 * returned to the caller.
 */
public final class LoginRequiredException extends OAuthException {
    private static final long serialVersionUID = 1L;

    /** Why the user has to sign in. */
    public enum Reason {
        /** The user never signed in, or signed out. */
        NOT_CONNECTED,
        /** The authorization server ended the grant: expired, or taken back by the user or an administrator. */
        REFUSED,
        /**
         * The authorization server wants to see the user: another factor, consent, new terms
         * ({@code interaction_required}, {@code consent_required}, {@code login_required}; OpenID Connect Core section
         * 3.1.2.6). The grant is kept until then.
         */
        INTERACTION,
        /** An answer of the token endpoint was lost, and with it the only refresh token that is still good. */
        ANSWER_LOST,
        /** The access token has ended, and the authorization server issued no refresh token. */
        NO_REFRESH_TOKEN,
        /** An API wants scopes that were not granted (RFC 6750 section 3.1). */
        MORE_SCOPES,
        /** An API wants the user to authenticate more strongly, or again (RFC 9470). */
        STEP_UP,
        /** An API wants claims that the access token does not have (Microsoft Entra ID's claims challenge). */
        CLAIMS
    }

    /** The key of the grant. */
    private final AccountKey key;

    /** Why the user has to sign in. */
    private final Reason reason;

    /** The server's error code. */
    private final @Nullable String error;

    /** The server's words. */
    private final @Nullable String description;

    /** What was granted so far. */
    private final LinkedHashSet<String> granted;

    /** What an API wants beyond that. */
    private final LinkedHashSet<String> scopes;

    /** What else the login has to send. */
    private final LinkedHashMap<String, String> loginParameters;

    LoginRequiredException(
            AccountKey key,
            Reason reason,
            @Nullable String error,
            @Nullable String description,
            Set<String> granted,
            Set<String> scopes,
            Map<String, String> loginParameters) {
        super(message(key, reason, error, description), null);
        this.key = key;
        this.reason = reason;
        this.error = error;
        this.description = description;
        this.granted = new LinkedHashSet<>(granted);
        this.scopes = new LinkedHashSet<>(scopes);
        this.loginParameters = new LinkedHashMap<>(loginParameters);
    }

    private static String message(AccountKey key, Reason reason, @Nullable String error, @Nullable String description) {
        String why = switch (reason) {
            case NOT_CONNECTED -> "there is no grant";
            case REFUSED -> "the authorization server ended the grant";
            case INTERACTION -> "the authorization server wants to see the user";
            case ANSWER_LOST -> "an answer with the next refresh token was lost";
            case NO_REFRESH_TOKEN -> "the access token has ended and there is no refresh token";
            case MORE_SCOPES -> "the API wants more scopes";
            case STEP_UP -> "the API wants a stronger or a more recent authentication";
            case CLAIMS -> "the API wants claims that the token does not have";
        };
        return "Account " + key + " has to sign in: " + why
                + (error == null ? "" : " (" + error + (description == null ? "" : ": " + description) + ")")
                + ". Start with newLogin().inResponseTo(…)";
    }

    /**
     * Whose grant it is.
     *
     * @return registration and account
     */
    public AccountKey key() {
        return key;
    }

    /**
     * Why the user has to sign in.
     *
     * @return the reason
     */
    public Reason reason() {
        return reason;
    }

    /**
     * The {@code error} member of the authorization server's answer, or of the API's challenge.
     *
     * @return for example {@code invalid_grant}; empty if the server was not asked
     */
    public Optional<String> error() {
        return Optional.ofNullable(error);
    }

    /**
     * The {@code error_description} of the same answer, for developers: one line of ASCII without markup.
     *
     * @return the description; empty if there is none
     */
    public Optional<String> description() {
        return Optional.ofNullable(description);
    }

    /**
     * What an API wants that was not granted.
     *
     * @return the scopes, in the API's order; empty if that is not the reason
     */
    public Set<String> scopes() {
        return Collections.unmodifiableSet(scopes);
    }

    /**
     * What else the login has to send for an API, or the authorization server, to be content.
     *
     * @return {@code acr_values}, {@code max_age} or {@code claims}, as {@link LoginRequest#inResponseTo} sends them;
     *     empty if that is not the reason
     */
    public Map<String, String> loginParameters() {
        return Collections.unmodifiableMap(loginParameters);
    }

    Set<String> granted() {
        return granted;
    }
}
