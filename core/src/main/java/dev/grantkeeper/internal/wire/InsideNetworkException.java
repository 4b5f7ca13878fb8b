/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.wire;

import java.io.IOException;
import java.net.InetSocketAddress;

/** A host is inside the application's network, and the application has not allowed it. There was no connection. */
public final class InsideNetworkException extends IOException {
    /** The method of the application's builder that allows a host. */
    public static final String ALLOWING = "allowInside";

    private static final long serialVersionUID = 1L;

    InsideNetworkException(InetSocketAddress address) {
        // Not the address that a name resolves to: a message may get to the user that the URL came from.
        super(address.getHostString() + " resolves to an address inside this network. If that is meant, call "
                + ALLOWING + "(\"" + address.getHostString() + "\") on the builder");
    }
}
