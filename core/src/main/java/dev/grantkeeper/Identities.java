/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.openid.IdTokens;
import dev.grantkeeper.internal.openid.IdentityException;
import dev.grantkeeper.internal.openid.Profiles;
import dev.grantkeeper.token.Identity;
import dev.grantkeeper.token.TokenSet;
import org.jspecify.annotations.Nullable;

/**
 * Who granted, where no browser stood between the server and us: then there is no nonce either, and the server is free to send no
 * ID token. Thread-safe.
 *
 * @param idTokens for providers that speak OpenID Connect
 * @param profiles for those that do not, where the application wants to know
 */
record Identities(@Nullable IdTokens idTokens, @Nullable Profiles profiles) {
    @Nullable
    Identity of(TokenSet tokens, boolean openId) throws IdentityException {
        String idToken = tokens.idToken().orElse(null);
        if (idToken != null && idTokens != null && openId) {
            Identity identity = idTokens.verify(idToken, IdTokens.Expected.with(tokens.accessToken()));
            return profiles == null ? identity : profiles.complete(identity, tokens);
        }
        return profiles == null ? null : profiles.fetch(tokens);
    }
}
