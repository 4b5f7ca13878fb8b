/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.answer.RequestFailedException;
import dev.grantkeeper.internal.call.LoginChallenge;
import dev.grantkeeper.internal.refresh.Outcome;
import dev.grantkeeper.internal.row.UnreadableRowException;
import dev.grantkeeper.token.AccountKey;
import java.io.IOException;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Makes exceptions of outcomes: a new one for each caller, with that caller's stack trace. */
final class Exceptions {
    private Exceptions() {}

    static LoginRequiredException of(AccountKey key, Outcome.LoginRequired required) {
        return new LoginRequiredException(
                key,
                switch (required.reason()) {
                    case NOT_CONNECTED -> LoginRequiredException.Reason.NOT_CONNECTED;
                    case REFUSED -> LoginRequiredException.Reason.REFUSED;
                    case INTERACTION -> LoginRequiredException.Reason.INTERACTION;
                    case ANSWER_LOST -> LoginRequiredException.Reason.ANSWER_LOST;
                    case NO_REFRESH_TOKEN -> LoginRequiredException.Reason.NO_REFRESH_TOKEN;
                    case ISSUED_ELSEWHERE -> LoginRequiredException.Reason.ISSUED_ELSEWHERE;
                },
                required.error(),
                required.description(),
                Set.of(),
                Set.of(),
                required.claims() == null ? Map.of() : Map.of("claims", required.claims()));
    }

    static LoginRequiredException of(AccountKey key, LoginChallenge challenge, Set<String> granted) {
        return new LoginRequiredException(
                key,
                switch (challenge.kind()) {
                    case SCOPES -> LoginRequiredException.Reason.MORE_SCOPES;
                    case STEP_UP -> LoginRequiredException.Reason.STEP_UP;
                    case CLAIMS -> LoginRequiredException.Reason.CLAIMS;
                },
                challenge.error(),
                challenge.description(),
                granted,
                challenge.scopes(),
                challenge.parameters());
    }

    static AuthorizationServerException of(Answer.Failure failure) {
        return new AuthorizationServerException(
                switch (failure.kind()) {
                    case REFUSED -> AuthorizationServerException.Kind.REFUSED;
                    case INTERACTION -> AuthorizationServerException.Kind.REFUSED;
                    case BLOCKED -> AuthorizationServerException.Kind.BLOCKED;
                    case MISCONFIGURED -> AuthorizationServerException.Kind.MISCONFIGURED;
                    case TEMPORARY -> AuthorizationServerException.Kind.TEMPORARY;
                    case MALFORMED -> AuthorizationServerException.Kind.MALFORMED;
                },
                failure.status(),
                failure.error(),
                failure.description(),
                failure.retryAfter(),
                failure.cause());
    }

    static AuthorizationServerException of(RequestFailedException e) {
        return of(e.failure());
    }

    static OAuthException defect(@Nullable Throwable cause) {
        return new OAuthException("A defect in Grantkeeper: please report it", cause);
    }

    static TokenStoreException of(IOException cause) {
        return new TokenStoreException(
                cause instanceof UnreadableRowException
                        ? TokenStoreException.Kind.UNREADABLE
                        : TokenStoreException.Kind.UNAVAILABLE,
                cause);
    }
}
