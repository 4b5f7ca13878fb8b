/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.login;

import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.openid.IdentityException;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.token.TokenSet;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The end of a login. The facade makes its public results of these. */
public sealed interface LoginOutcome {
    /**
     * The user signed in and granted access.
     *
     * @param row what will be stored
     * @param tokens the tokens in it
     * @param detailsAsRequested whether the authorization details are those that were requested (RFC 9396 section 7)
     * @param callbackParameters what the provider sent with the code beyond the standards
     * @param appState the application's own data
     */
    record SignedIn(
            GrantRow row,
            TokenSet tokens,
            boolean detailsAsRequested,
            Map<String, String> callbackParameters,
            @Nullable String appState)
            implements LoginOutcome {
        @Override
        public String toString() {
            return "SignedIn[" + tokens + "]";
        }
    }

    /**
     * The user refused, or the server did. Anybody can bring that about from outside, so it is not a failure.
     *
     * @param error the error code
     * @param description the server's words, made harmless
     * @param appState the application's own data
     */
    record Declined(
            String error,
            @Nullable String description,
            @Nullable String appState) implements LoginOutcome {
        /** The server judged what it was sent for the user, and refused. */
        static Declined of(Answer.Failure failure, @Nullable String appState) {
            return new Declined(
                    Objects.requireNonNullElse(failure.error(), "invalid_grant"), failure.description(), appState);
        }

        /** The user is known, but not as somebody who may sign in here. */
        static Declined of(IdentityException e, @Nullable String appState) {
            return new Declined("tenant_not_allowed", e.getMessage(), appState);
        }

        @Override
        public String toString() {
            return "Declined[" + error + (description == null ? "" : ": " + description) + "]";
        }
    }

    /**
     * The callback does not belong to the login.
     *
     * @param reason what is wrong
     * @param explanation the same for people
     */
    record Mismatched(Reason reason, String explanation) implements LoginOutcome {
        /** The mismatch. */
        public enum Reason {
            /** There is no login. */
            NO_LOGIN,
            /** The login was started too long ago. */
            STALE,
            /** The login was finished before. */
            REPLAYED,
            /** The callback was made up, or belongs to another login. */
            FORGED,
            /** The callback is another server's, or the login another registration's. */
            MIXED_UP
        }
    }
}
