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
    /**
     * The user whose tokens these are.
     *
     * @param identity the user; {@code null} if nobody tells
     * @param tokens the tokens, the ID token out of its encryption
     */
    public record Identified(@Nullable Identity identity, TokenSet tokens) {}

    /** The user whose tokens these are, if anybody tells. */
    public Identified of(TokenResponse response, TokenSet tokens, boolean openId) throws IdentityException {
        String idToken = tokens.idToken().orElse(null);
        if (idToken != null && idTokens != null && openId) {
            return of(idTokens.verify(idToken, IdTokens.Expected.with(tokens.accessToken())), tokens);
        }
        return unverified(response, tokens);
    }

    /** The user of an ID token that was verified, with the claims of the profile that the application wants. */
    public Identified of(IdTokens.Verified idToken, TokenSet tokens) throws IdentityException {
        TokenSet opened = tokens.newBuilder().idToken(idToken.compact()).build();
        Identity identity = idToken.identity();
        return new Identified(profiles == null ? identity : profiles.complete(identity, opened), opened);
    }

    /** The user, where there is no ID token, or nobody requested it. */
    public Identified unverified(TokenResponse response, TokenSet tokens) throws IdentityException {
        Identity identity = profiles == null ? null : profiles.fetch(tokens);
        String idToken = tokens.idToken().orElse(null);
        return new Identified(
                identity == null ? told(provider, response) : identity,
                idToken == null || idTokens == null
                        ? tokens
                        : tokens.newBuilder().idToken(idTokens.opened(idToken)).build());
    }

    /** The user of a login that OpenID Connect is a part of: there has to be an ID token. */
    public Identified verified(TokenSet tokens, IdTokens.Expected expected) throws IdentityException {
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
        return of(idTokens.verify(idToken, expected), tokens);
    }

    /** The user, at providers that send the identity along with the tokens. */
    private static @Nullable Identity told(String provider, TokenResponse response) {
        Map<String, Object> claims = new LinkedHashMap<>(response.identity());
        Object subject = claims.remove("sub");
        Object within = claims.remove("iss");
        return subject == null
                ? null
                : Identity.of(within == null ? provider : provider + "/" + within, subject.toString(), claims);
    }
}
