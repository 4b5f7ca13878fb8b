/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.server;

import java.io.IOException;
import java.time.Duration;

/** A server that is asked for its metadata wants to be left alone for a while. */
public final class BusyException extends IOException {
    private static final long serialVersionUID = 1L;

    private final Duration retryAfter;

    /** The server's {@code Retry-After}, with a message that names the server. */
    public BusyException(String message, Duration retryAfter) {
        super(message);
        this.retryAfter = retryAfter;
    }

    Duration retryAfter() {
        return retryAfter;
    }
}
