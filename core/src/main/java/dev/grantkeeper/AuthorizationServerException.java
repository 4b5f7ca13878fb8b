/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A request to the authorization server failed, for a reason other than the user's grant. The grant is kept, and a
 * later call may succeed.
 */
public final class AuthorizationServerException extends OAuthException {
    private static final long serialVersionUID = 1L;

    /** The meanings of a failure. Later versions may add some: give a {@code switch} a default. */
    public enum Kind {
        /**
         * The server rejected what was presented to it. For a refresh this is a {@link LoginRequiredException} instead.
         */
        REFUSED,
        /**
         * A policy of the server forbids it, for this user or from here (Microsoft Entra ID's Conditional Access). The
         * grant is kept and retried from time to time; a login does not help. Show the user the description, and do not
         * retry at once.
         */
        BLOCKED,
        /** The client's registration or configuration is wrong; an operator has to act. */
        MISCONFIGURED,
        /**
         * The server is down, overloaded, or does not answer; retry after
         * {@link AuthorizationServerException#retryAfter()}.
         */
        TEMPORARY,
        /** The response is not one of an authorization server. */
        MALFORMED
    }

    /** The meaning of the failure. */
    private final Kind kind;

    /** The HTTP status. */
    private final int status;

    /** The server's error code. */
    private final @Nullable String error;

    /** The server's words. */
    private final @Nullable String description;

    /** The time after which a retry makes sense. */
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
            case REFUSED -> "The authorization server rejected the request";
            case BLOCKED -> "A policy of the authorization server forbids the request";
            case MISCONFIGURED ->
                "The authorization server rejects this client; check client id, secret,"
                        + " authentication method, redirect URI and scopes";
            case TEMPORARY -> "The authorization server is unavailable at the moment";
            case MALFORMED -> "The authorization server's response is malformed";
        };
        return what
                + (status == 0 ? "" : ", status " + status)
                + (error == null ? "" : ", error " + error)
                + (description == null ? "" : ": " + description)
                + (retryAfter == null ? "" : " (retry in " + Math.max(1, retryAfter.toSeconds()) + " s)");
    }

    /**
     * The meaning of the failure.
     *
     * @return the kind
     */
    public Kind kind() {
        return kind;
    }

    /**
     * The HTTP status.
     *
     * @return the status, 0 if there was no response
     */
    public int status() {
        return status;
    }

    /**
     * The {@code error} member (RFC 6749 section 5.2).
     *
     * @return for example {@code invalid_client}; empty if there was none
     */
    public Optional<String> error() {
        return Optional.ofNullable(error);
    }

    /**
     * The server's {@code error_description}, for developers and not for users: one line of ASCII without markup.
     *
     * @return the description; empty if there is none
     */
    public Optional<String> description() {
        return Optional.ofNullable(description);
    }

    /**
     * The time after which a retry makes sense.
     *
     * @return the time to wait; empty if unknown
     */
    public Optional<Duration> retryAfter() {
        return Optional.ofNullable(retryAfter);
    }
}
