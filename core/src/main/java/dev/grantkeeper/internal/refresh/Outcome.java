/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.security.KeyPair;
import java.time.Duration;
import okhttp3.Headers;
import org.jspecify.annotations.Nullable;

/**
 * The outcome of a call for tokens. It is a value, so that each of a thousand waiting callers can throw its own
 * exception.
 */
public sealed interface Outcome {
    /** Tokens to use now. Those that are remembered are the same object for each call. */
    final class Usable implements Outcome {
        private final TokenSet tokens;
        private final @Nullable KeyPair proofKey;
        private @Nullable Headers header; // immutable, so it may be published by a race

        /** Tokens to use now. */
        public Usable(TokenSet tokens) {
            this.tokens = tokens;
            this.proofKey = tokens.proofKey().orElse(null);
        }

        /** The tokens. */
        public TokenSet tokens() {
            return tokens;
        }

        /** The key that the access token is bound to; {@code null} if there is none. */
        public @Nullable KeyPair proofKey() {
            return proofKey;
        }

        /** The header that carries the access token, if a call was made with it before. */
        public @Nullable Headers header() {
            return header;
        }

        /** Keeps the header for the next call. All calls with these tokens have the same one. */
        public void keepHeader(Headers authorization) {
            header = authorization;
        }

        @Override
        public String toString() {
            return "Usable[" + tokens + "]";
        }
    }

    /** The user has to sign in. */
    record LoginRequired(
            Reason reason,
            @Nullable String error,
            @Nullable String description,
            @Nullable String claims) implements Outcome {
        LoginRequired(Reason reason) {
            this(reason, null, null, null);
        }

        static LoginRequired notConnected() {
            return new LoginRequired(Reason.NOT_CONNECTED);
        }
    }

    /** The reason for which the user has to sign in. */
    enum Reason {
        /** There is no grant: never signed in, or signed out. */
        NOT_CONNECTED,
        /** The authorization server will not refresh this grant any more. */
        REFUSED,
        /** The authorization server requires user interaction first. */
        INTERACTION,
        /** The answer to a refresh was lost, and the refresh token was lost with it. */
        ANSWER_LOST,
        /** The access token has expired, and there is no refresh token. */
        NO_REFRESH_TOKEN,
        /** The grant was issued by another server, or to another client, than is used now. */
        ISSUED_ELSEWHERE
    }

    /**
     * The token request failed.
     *
     * @param next the time until the next one, if a caller may as well wait for it; {@code null} if not
     */
    record RequestFailed(Answer.Failure failure, @Nullable Duration next) implements Outcome {}

    /** The store failed, or its row cannot be read. */
    record StoreFailed(IOException cause) implements Outcome {}

    /** The library was closed before there were tokens. */
    record Closed() implements Outcome {}
}
