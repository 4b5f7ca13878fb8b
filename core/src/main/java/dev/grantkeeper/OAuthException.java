/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * A call could not be authorised. It is an {@link IOException}, so code that calls an API handles it already; the
 * subclasses tell what happened. The one that applications treat in a way of its own is {@link LoginRequiredException}.
 *
 * <p>Messages say what to do and contain neither token, code, secret nor account id.
 */
public sealed class OAuthException extends IOException
        permits LoginRequiredException, AuthorizationServerException, TokenStoreException {
    private static final long serialVersionUID = 1L;

    OAuthException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
