/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.call;

import java.io.IOException;

/** A client follows redirects by itself, and would take along what must not leave an origin. Nothing was sent. */
public final class UnsafeRedirectsException extends IOException {
    private static final long serialVersionUID = 1L;

    UnsafeRedirectsException(String message) {
        super(message);
    }
}
