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
 * There is no grant for this account, or it has ended, or an API demands more than it has: send the user through
 * {@code newLogin().inResponseTo(e)}. It is thrown only after the store was read; an unavailable store is a
 * {@link TokenStoreException}.
 *
 * <p>An API demands more when it answers 401 or 403 and names, in {@code WWW-Authenticate}, scopes that were not
 * granted (RFC 6750 section 3.1), another authentication of the user (RFC 9470), or claims (Microsoft Entra ID). The
 * grant is kept, and remains valid for everything else. The API decides what the user has to consent to, so an
 * application that starts logins by itself should look at {@link #scopes()} first, and not send a user twice in a row.
 * A response that names nothing is returned to the caller.
 */
public final class LoginRequiredException extends OAuthException {
    private static final long serialVersionUID = 1L;

    /** The reasons for a login. Later versions may add some: give a {@code switch} a default. */
    public enum Reason {
        /** The user never signed in, or signed out. */
        NOT_CONNECTED,
        /** The authorization server ended the grant: it expired, or the user or an administrator revoked it. */
        REFUSED,
        /**
         * The authorization server requires user interaction: another factor, consent, new terms
         * ({@code interaction_required}, {@code consent_required}, {@code login_required}; OpenID Connect Core section
         * 3.1.2.6). The grant is kept until then.
         */
        INTERACTION,
        /** A response of the token endpoint was lost, and with it the only refresh token that is still valid. */
        ANSWER_LOST,
        /** The access token has expired, and the authorization server issued no refresh token. */
        NO_REFRESH_TOKEN,
        /**
         * The grant was issued by another authorization server, or to another client id, than is used now. Its refresh
         * token is not sent; the row stays.
         */
        ISSUED_ELSEWHERE,
        /** An API demands scopes that were not granted (RFC 6750 section 3.1). */
        MORE_SCOPES,
        /** An API demands that the user authenticates more strongly, or again (RFC 9470). */
        STEP_UP,
        /** An API demands claims that the access token does not have (Microsoft Entra ID's claims challenge). */
        CLAIMS
    }

    /** The key of the grant. */
    private final AccountKey key;

    /** The reason. */
    private final Reason reason;

    /** The server's error code. */
    private final @Nullable String error;

    /** The server's words. */
    private final @Nullable String description;

    /** The scopes granted so far. */
    private final LinkedHashSet<String> granted;

    /** The scopes that an API demands beyond that. */
    private final LinkedHashSet<String> scopes;

    /** The other parameters that the login has to send. */
    private final LinkedHashMap<String, String> loginParameters;

    /** The URL of the API, if the application knows nothing else. */
    private final @Nullable String api;

    /** The server of that API, if it is known by now. */
    private final @Nullable String issuer;

    LoginRequiredException(
            AccountKey key,
            Reason reason,
            @Nullable String error,
            @Nullable String description,
            Set<String> granted,
            Set<String> scopes,
            Map<String, String> loginParameters) {
        this(key, reason, error, description, granted, scopes, loginParameters, null, null);
    }

    private LoginRequiredException(
            AccountKey key,
            Reason reason,
            @Nullable String error,
            @Nullable String description,
            Set<String> granted,
            Set<String> scopes,
            Map<String, String> loginParameters,
            @Nullable String api,
            @Nullable String issuer) {
        super(message(key, reason, error, description, api, issuer), null);
        this.key = key;
        this.reason = reason;
        this.error = error;
        this.description = description;
        this.granted = new LinkedHashSet<>(granted);
        this.scopes = new LinkedHashSet<>(scopes);
        this.loginParameters = new LinkedHashMap<>(loginParameters);
        this.api = api;
        this.issuer = issuer;
    }

    /** The same for an API, and its server as far as it is known. */
    LoginRequiredException at(String newApi, @Nullable String newIssuer) {
        return new LoginRequiredException(
                key, reason, error, description, granted, scopes, loginParameters, newApi, newIssuer);
    }

    /** The same with the scopes that an API wants, for another reason than before. */
    LoginRequiredException with(Reason newReason, Set<String> wanted) {
        return new LoginRequiredException(
                key, newReason, error, description, granted, wanted, loginParameters, api, issuer);
    }

    private static String message(
            AccountKey key,
            Reason reason,
            @Nullable String error,
            @Nullable String description,
            @Nullable String api,
            @Nullable String issuer) {
        String why = switch (reason) {
            case NOT_CONNECTED -> "there is no grant";
            case REFUSED -> "the authorization server ended the grant";
            case INTERACTION -> "the authorization server requires user interaction";
            case ANSWER_LOST -> "a response with the next refresh token was lost";
            case NO_REFRESH_TOKEN -> "the access token has expired and there is no refresh token";
            case ISSUED_ELSEWHERE -> "the grant was issued by another server or to another client";
            case MORE_SCOPES -> "the API demands more scopes";
            case STEP_UP -> "the API demands a stronger or a more recent authentication";
            case CLAIMS -> "the API demands claims that the token does not have";
        };
        String where = (issuer == null ? "" : " at " + issuer) + (api == null ? "" : " for the API " + api);
        return "Account " + key + " has to sign in" + where + ": " + why
                + (error == null && description == null ? "" : " (" + said(error, description) + ")")
                + ". Start with newLogin(" + (api == null ? "" : "account") + ").inResponseTo(…)";
    }

    private static String said(@Nullable String error, @Nullable String description) {
        return error == null || description == null
                ? String.valueOf(error == null ? description : error)
                : error + ": " + description;
    }

    /**
     * The key of the grant.
     *
     * @return registration and account
     */
    public AccountKey key() {
        return key;
    }

    /**
     * The reason for the login.
     *
     * @return the reason
     */
    public Reason reason() {
        return reason;
    }

    /**
     * The {@code error} member of the authorization server's response, or of the API's challenge.
     *
     * @return for example {@code invalid_grant}; empty if there was no response
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
     * The scopes that an API demanded and that were not granted.
     *
     * @return the scopes, in the API's order; empty if that is not the reason
     */
    public Set<String> scopes() {
        return Collections.unmodifiableSet(scopes);
    }

    /**
     * The other parameters that the login has to send to satisfy an API or the authorization server.
     *
     * @return {@code acr_values}, {@code max_age} or {@code claims}, as {@link LoginRequest#inResponseTo} sends them;
     *     empty if that is not the reason
     */
    public Map<String, String> loginParameters() {
        return Collections.unmodifiableMap(loginParameters);
    }

    /**
     * The URL of the API, for an account of {@link ProtectedApis}.
     *
     * @return the URL as the application gave it; empty for an account of a {@link Grantkeeper}
     */
    public Optional<String> api() {
        return Optional.ofNullable(api);
    }

    /**
     * The authorization server at which the user has to sign in, for an account of {@link ProtectedApis}.
     *
     * @return its issuer identifier; empty if it is not known yet, and for an account of a {@link Grantkeeper}
     */
    public Optional<String> issuer() {
        return Optional.ofNullable(issuer);
    }

    Set<String> granted() {
        return granted;
    }
}
