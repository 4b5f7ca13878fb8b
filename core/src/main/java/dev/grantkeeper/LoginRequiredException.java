/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.token.AccountKey;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * There is no grant for this account, or it has ended: send the user through {@link Grantkeeper#newLogin()}. It is thrown only
 * after the store was asked; a store that cannot be reached is a {@link TokenStoreException}.
 */
public final class LoginRequiredException extends OAuthException {
    private static final long serialVersionUID = 1L;

    /** Why the user has to sign in. */
    public enum Reason {
        /** The user never signed in, or signed out. */
        NOT_CONNECTED,
        /** The authorization server ended the grant: expired, or taken back by the user or an administrator. */
        REFUSED,
        /** An answer of the token endpoint was lost, and with it the only refresh token that is still good. */
        ANSWER_LOST,
        /** The access token has ended, and the authorization server issued no refresh token. */
        NO_REFRESH_TOKEN
    }

    private final transient AccountKey key;
    /** Why the user has to sign in. */
    private final Reason reason;

    /** The server's error code. */
    private final @Nullable String error;

    LoginRequiredException(AccountKey key, Reason reason, @Nullable String error, @Nullable String description) {
        super(message(key, reason, error, description), null);
        this.key = key;
        this.reason = reason;
        this.error = error;
    }

    private static String message(AccountKey key, Reason reason, @Nullable String error, @Nullable String description) {
        String why = switch (reason) {
            case NOT_CONNECTED -> "there is no grant";
            case REFUSED -> "the authorization server ended the grant";
            case ANSWER_LOST -> "an answer with the next refresh token was lost";
            case NO_REFRESH_TOKEN -> "the access token has ended and there is no refresh token";
        };
        return "Account " + key + " has to sign in: " + why
                + (error == null ? "" : " (" + error + (description == null ? "" : ": " + description) + ")")
                + ". Start with newLogin()";
    }

    /**
     * Whose grant it is.
     *
     * @return the key, {@code null} only after serialization
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
     * The {@code error} member of the authorization server's answer.
     *
     * @return for example {@code invalid_grant}; empty if the server was not asked
     */
    public Optional<String> error() {
        return Optional.ofNullable(error);
    }
}
