/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.answer;

import java.io.IOException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** The outcome of a token request. Each outcome is a value, since each has its own consequence for the grant. */
public sealed interface Answer {
    /** The server issued tokens. */
    record Tokens(TokenResponse response) implements Answer {}

    /** The request may have reached the server, and its outcome is unknown. Only here a refresh token is in doubt. */
    record Lost(Failure failure) implements Answer {}

    /**
     * The tokens of an answer that is refused. The server has issued them all the same, and has perhaps spent the
     * refresh token before, or the code: the new refresh token is kept in its place, or revoked. {@code toString} shows
     * no token.
     *
     * @param accessToken the access token; {@code null} if none came
     * @param refreshToken the refresh token; {@code null} if none came
     * @param refreshLifetime of the refresh token; {@code null} if the server does not say
     * @param ofAnotherUser whether the answer names another user than the grant's
     */
    record Unused(
            @Nullable String accessToken,
            @Nullable String refreshToken,
            @Nullable Duration refreshLifetime,
            boolean ofAnotherUser) {
        /** All tokens of a response. */
        public static Unused of(TokenResponse response, boolean ofAnotherUser) {
            return new Unused(
                    response.accessToken(), response.refreshToken(), response.refreshLifetime(), ofAnotherUser);
        }

        @Override
        public String toString() {
            return "Unused[refresh token " + (refreshToken == null ? "absent" : "present") + "]";
        }
    }

    /** The consequence of a failure for the grant (law 6). */
    enum Kind {
        /** The grant has expired or was revoked: the user has to sign in again. */
        REFUSED,
        /** The grant is valid, and the server requires user interaction first. */
        INTERACTION,
        /** A policy forbids it for now; a login would not help. */
        BLOCKED,
        /**
         * The application's registration or configuration is wrong; users and their grants have nothing to do with it.
         */
        MISCONFIGURED,
        /** A later request may succeed. */
        TEMPORARY,
        /** The response is not one of an authorization server. */
        MALFORMED
    }

    /**
     * The server issued no tokens, or was not reached.
     *
     * @param kind the consequence
     * @param status the HTTP status, 0 if there was none
     * @param error the {@code error} member
     * @param description the server's words or ours, made harmless
     * @param retryAfter the time for which the server wants no request
     * @param cause the underlying failure
     * @param claims the claims that a login has to request (Microsoft Entra ID), a JSON object
     * @param unused the tokens that came, and must not be used; {@code null} if none came
     */
    record Failure(
            Kind kind,
            int status,
            @Nullable String error,
            @Nullable String description,
            @Nullable Duration retryAfter,
            @Nullable IOException cause,
            @Nullable String claims,
            @Nullable Unused unused)
            implements Answer {

        /** A failure without tokens. */
        public Failure(
                Kind kind,
                int status,
                @Nullable String error,
                @Nullable String description,
                @Nullable Duration retryAfter,
                @Nullable IOException cause,
                @Nullable String claims) {
            this(kind, status, error, description, retryAfter, cause, claims, null);
        }

        /** A failure that names no claims. */
        public Failure(
                Kind kind,
                int status,
                @Nullable String error,
                @Nullable String description,
                @Nullable Duration retryAfter,
                @Nullable IOException cause) {
            this(kind, status, error, description, retryAfter, cause, null);
        }

        /** This failure, with the time that is left until a request may be sent. */
        public Failure retryAfter(Duration left) {
            return new Failure(kind, status, error, description, left, cause, claims);
        }

        /** This failure, with another consequence. */
        public Failure as(Kind other) {
            return new Failure(other, status, error, description, retryAfter, cause, claims, unused);
        }

        /** This failure, with the tokens that came and must not be used. */
        public Failure with(@Nullable Unused tokens) {
            return new Failure(kind, status, error, description, retryAfter, cause, claims, tokens);
        }

        /** The refresh token that came; {@code null} if none did. */
        public @Nullable String unusedRefreshToken() {
            return unused == null ? null : unused.refreshToken();
        }

        /** Whether server or network had a part in it: otherwise it arose here, and says nothing about either. */
        public boolean cameFromOutside() {
            return status != 0 || cause != null;
        }

        /** Whether only the user can fix it, by signing in. */
        public boolean wantsLogin() {
            return kind == Kind.REFUSED || kind == Kind.INTERACTION;
        }

        /** Whether the server has judged one user's grant, and all is well with the endpoint. */
        public boolean isAboutTheGrant() {
            return wantsLogin() || kind == Kind.BLOCKED;
        }

        /** Whether the server rejects the client itself (RFC 6749 section 5.2), whatever the grant. */
        public boolean isAboutTheClient() {
            return kind == Kind.MISCONFIGURED
                    && (status == 401 || "invalid_client".equals(error) || "unauthorized_client".equals(error));
        }
    }
}
