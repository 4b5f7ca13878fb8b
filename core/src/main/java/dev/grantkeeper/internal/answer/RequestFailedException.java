/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.answer;

/** A request to the authorization server failed. For requests that only their caller depends on. */
public final class RequestFailedException extends Exception {
    private static final long serialVersionUID = 1L;

    private final transient Answer.Failure failure;

    /** Makes an exception of a failure. */
    public RequestFailedException(Answer.Failure failure) {
        super("status " + failure.status(), failure.cause());
        this.failure = failure;
    }

    /** The failure. */
    public Answer.Failure failure() {
        return failure;
    }
}
