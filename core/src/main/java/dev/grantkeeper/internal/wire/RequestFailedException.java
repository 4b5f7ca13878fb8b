/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.wire;

/**
 * A request to the authorization server brought nothing. For requests of which nothing else depends but their caller.
 */
public final class RequestFailedException extends Exception {
    private static final long serialVersionUID = 1L;

    private final transient Answer.Failure failure;

    /** It came to nothing for this reason. */
    public RequestFailedException(Answer.Failure failure) {
        super("status " + failure.status(), failure.cause());
        this.failure = failure;
    }

    /** Why. */
    public Answer.Failure failure() {
        return failure;
    }
}
