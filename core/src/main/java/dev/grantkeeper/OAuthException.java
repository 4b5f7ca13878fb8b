/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * A call could not be authorized. It is an {@link IOException}, so code that calls an API handles it already; the
 * subclasses say what happened. Applications handle {@link LoginRequiredException} by itself.
 *
 * <p>The subclasses are closed: there will be no fourth. Messages say what to do and contain no token, code, secret or
 * account id.
 */
public sealed class OAuthException extends IOException
        permits LoginRequiredException, AuthorizationServerException, TokenStoreException {
    private static final long serialVersionUID = 1L;

    OAuthException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
