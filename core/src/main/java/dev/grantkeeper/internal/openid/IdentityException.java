/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.openid;

import dev.grantkeeper.internal.answer.Answer;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** The user's identity could not be established. */
public final class IdentityException extends IOException {
    private static final long serialVersionUID = 1L;

    /** The consequence for the login. */
    public enum Kind {
        /** The proof is wrong: no later try with it can succeed. */
        INVALID,
        /** The proof belongs to another login. */
        OTHER_LOGIN,
        /** The user is known, and users of that tenant may not sign in here. */
        OTHER_TENANT,
        /** The keys or the profile could not be fetched; a later login may succeed. */
        UNAVAILABLE
    }

    private final Kind kind;

    IdentityException(Kind kind, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.kind = kind;
    }

    /** The consequence for the login. */
    public Kind kind() {
        return kind;
    }

    /** The same as the failure of a request: tokens came, but not for a user who could be identified. */
    public Answer.Failure failure() {
        return new Answer.Failure(
                kind == Kind.UNAVAILABLE ? Answer.Kind.TEMPORARY : Answer.Kind.MALFORMED,
                0,
                null,
                getMessage(),
                null,
                this);
    }
}
