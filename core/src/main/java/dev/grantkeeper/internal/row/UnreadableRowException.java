/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.row;

import java.io.IOException;

/** Thrown if a row is there and cannot be read. Nothing follows from that, least of all that the user is signed out. */
public final class UnreadableRowException extends IOException {
    private static final long serialVersionUID = 1L;

    UnreadableRowException(String message) {
        super(message);
    }
}
