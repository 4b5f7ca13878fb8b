/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.server;

import java.io.IOException;
import java.time.Duration;

/** A server asks to be left alone for a while, in place of sending its metadata. */
public final class BusyException extends IOException {
    private static final long serialVersionUID = 1L;

    private final Duration retryAfter;

    /** The server's {@code Retry-After}, with a message that names the server. */
    public BusyException(String message, Duration retryAfter) {
        super(message);
        this.retryAfter = retryAfter;
    }

    public Duration retryAfter() {
        return retryAfter;
    }
}
