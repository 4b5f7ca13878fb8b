/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.wire;

import java.io.IOException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** How a token request ended. Every way of ending is a value, since every one has its own consequence for the grant. */
public sealed interface Answer {
    /** Tokens came back. */
    record Tokens(TokenResponse response) implements Answer {}

    /**
     * The request may have reached the server, and what became of it is not known. Only here a refresh token is in
     * doubt.
     */
    record Lost(Failure failure) implements Answer {}

    /** What a failure means for the grant (law 6). */
    enum Kind {
        /** The grant has ended: the user has to sign in again. */
        REFUSED,
        /** The grant is good, and the server wants to see the user first. */
        INTERACTION,
        /** A policy forbids it for now; a login would not help. */
        BLOCKED,
        /**
         * The application's registration or configuration is wrong; users and their grants have nothing to do with it.
         */
        MISCONFIGURED,
        /** Later it will work. */
        TEMPORARY,
        /** What came back is no answer of an authorization server. */
        MALFORMED
    }

    /**
     * The server did not give tokens, or was not reached.
     *
     * @param kind what that means
     * @param status the HTTP status, 0 if there was none
     * @param error the {@code error} member
     * @param description the server's words or ours, made harmless
     * @param retryAfter how long the server wants to be left alone
     * @param cause what went wrong underneath
     * @param claims what a login has to ask for (Microsoft Entra ID), a JSON object
     */
    record Failure(
            Kind kind,
            int status,
            @Nullable String error,
            @Nullable String description,
            @Nullable Duration retryAfter,
            @Nullable IOException cause,
            @Nullable String claims)
            implements Answer {

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

        /** This failure, when so much is left of the time for which nothing is to be sent. */
        public Failure retryAfter(Duration left) {
            return new Failure(kind, status, error, description, left, cause, claims);
        }

        /** This failure, where it means something else. */
        public Failure as(Kind other) {
            return new Failure(other, status, error, description, retryAfter, cause, claims);
        }

        /**
         * Whether server or network had a part in it: otherwise it was found out here, and says nothing about either.
         */
        public boolean cameFromOutside() {
            return status != 0 || cause != null;
        }

        /** Whether only the user can mend it, by signing in. */
        public boolean wantsLogin() {
            return kind == Kind.REFUSED || kind == Kind.INTERACTION;
        }

        /** Whether it is one user's grant that the server has judged, and all is well with the endpoint. */
        public boolean isAboutTheGrant() {
            return wantsLogin() || kind == Kind.BLOCKED;
        }

        /** Whether the server does not accept the client itself (RFC 6749 section 5.2), whichever grant it asks for. */
        public boolean isAboutTheClient() {
            return kind == Kind.MISCONFIGURED
                    && (status == 401 || "invalid_client".equals(error) || "unauthorized_client".equals(error));
        }
    }
}
