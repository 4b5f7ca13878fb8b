/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The authorization server gave no tokens, and the user's grant has nothing to do with it: it is kept, and a later call
 * may succeed.
 */
public final class AuthorizationServerException extends OAuthException {
    private static final long serialVersionUID = 1L;

    /** What the failure means. */
    public enum Kind {
        /**
         * The server refused what was presented to it. For a refresh this is a {@link LoginRequiredException} instead.
         */
        REFUSED,
        /**
         * A policy of the server stands against it, for this user or from here (Microsoft Entra ID's Conditional
         * Access). The grant is kept, and asked for again from time to time; a login does not help. Show the user what
         * it says, and do not repeat.
         */
        BLOCKED,
        /** The registration or the configuration of the application is wrong; an operator has to act. */
        MISCONFIGURED,
        /**
         * The server is down, overloaded, or does not answer; try again after
         * {@link AuthorizationServerException#retryAfter()}.
         */
        TEMPORARY,
        /** What came back is not an answer of an authorization server. */
        MALFORMED
    }

    /** What the failure means. */
    private final Kind kind;

    /** The HTTP status. */
    private final int status;

    /** The server's error code. */
    private final @Nullable String error;

    /** The server's words. */
    private final @Nullable String description;

    /** When to try again. */
    private final @Nullable Duration retryAfter;

    AuthorizationServerException(
            Kind kind,
            int status,
            @Nullable String error,
            @Nullable String description,
            @Nullable Duration retryAfter,
            @Nullable Throwable cause) {
        super(message(kind, status, error, description, retryAfter), cause);
        this.kind = kind;
        this.status = status;
        this.error = error;
        this.description = description;
        this.retryAfter = retryAfter;
    }

    private static String message(
            Kind kind,
            int status,
            @Nullable String error,
            @Nullable String description,
            @Nullable Duration retryAfter) {
        String what = switch (kind) {
            case REFUSED -> "The authorization server refused";
            case BLOCKED -> "A policy of the authorization server forbids it";
            case MISCONFIGURED ->
                "The authorization server does not accept this application; check client id, secret,"
                        + " authentication method, redirect URI and scopes";
            case TEMPORARY -> "The authorization server gives no tokens at the moment";
            case MALFORMED -> "The authorization server's answer makes no sense";
        };
        return what
                + (status == 0 ? "" : ", status " + status)
                + (error == null ? "" : ", error " + error)
                + (description == null ? "" : ": " + description)
                + (retryAfter == null ? "" : " (again in " + Math.max(1, retryAfter.toSeconds()) + " s)");
    }

    /**
     * What the failure means.
     *
     * @return the kind
     */
    public Kind kind() {
        return kind;
    }

    /**
     * The HTTP status.
     *
     * @return the status, 0 if there was no answer
     */
    public int status() {
        return status;
    }

    /**
     * The {@code error} member (RFC 6749 section 5.2).
     *
     * @return for example {@code invalid_client}
     */
    public Optional<String> error() {
        return Optional.ofNullable(error);
    }

    /**
     * What the server says for developers, made harmless: one line of ASCII without markup. Not for users.
     *
     * @return the description
     */
    public Optional<String> description() {
        return Optional.ofNullable(description);
    }

    /**
     * When a new try makes sense.
     *
     * @return the time to wait; empty if unknown
     */
    public Optional<Duration> retryAfter() {
        return Optional.ofNullable(retryAfter);
    }
}
