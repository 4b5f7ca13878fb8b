/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.openid;

import dev.grantkeeper.internal.answer.TokenResponse;
import dev.grantkeeper.token.Identity;
import dev.grantkeeper.token.TokenSet;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The user who granted, where no browser stood between the server and us: then there is no nonce either, and the server
 * is free to send no ID token. Thread-safe.
 *
 * @param provider its name
 * @param idTokens for providers that speak OpenID Connect
 * @param profiles for those that do not, where the application wants to know
 */
public record Identities(
        String provider,
        @Nullable IdTokens idTokens,
        @Nullable Profiles profiles) {
    /** The user whose tokens these are; {@code null} if nobody tells. */
    public @Nullable Identity of(TokenResponse response, TokenSet tokens, boolean openId) throws IdentityException {
        String idToken = tokens.idToken().orElse(null);
        if (idToken != null && idTokens != null && openId) {
            Identity identity = idTokens.verify(idToken, IdTokens.Expected.with(tokens.accessToken()));
            return profiles == null ? identity : profiles.complete(identity, tokens);
        }
        Identity identity = profiles == null ? null : profiles.fetch(tokens);
        return identity == null ? told(provider, response) : identity;
    }

    /** The user of a login that OpenID Connect is a part of: there has to be an ID token. */
    public Identity verified(TokenSet tokens, IdTokens.Expected expected) throws IdentityException {
        String idToken = tokens.idToken().orElse(null);
        if (idToken == null || idTokens == null) {
            throw new IdentityException(
                    IdentityException.Kind.INVALID,
                    idToken == null
                            ? "openid was requested, and there is no ID token in the answer"
                            : provider + " is not known to support OpenID Connect: call openId(issuer, jwksUri) on its"
                                    + " builder",
                    null);
        }
        Identity identity = idTokens.verify(idToken, expected);
        return profiles == null ? identity : profiles.complete(identity, tokens);
    }

    /** The user, at providers that send the identity along with the tokens. */
    public static @Nullable Identity told(String provider, TokenResponse response) {
        Map<String, Object> claims = new LinkedHashMap<>(response.identity());
        Object subject = claims.remove("sub");
        Object within = claims.remove("iss");
        return subject == null
                ? null
                : Identity.of(within == null ? provider : provider + "/" + within, subject.toString(), claims);
    }
}
