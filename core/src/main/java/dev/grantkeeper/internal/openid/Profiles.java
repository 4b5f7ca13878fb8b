/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.openid;

import com.nimbusds.jose.util.JSONObjectUtils;
import dev.grantkeeper.internal.wire.Http;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.Identity;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.text.ParseException;
import java.util.LinkedHashMap;
import java.util.Map;

/** Asks a provider without OpenID Connect who the user is. Thread-safe. */
public final class Profiles {
    private final Provider provider;
    private final Http http;

    /** For a provider that has a profile endpoint. */
    public Profiles(Provider provider, Http http) {
        this.provider = provider;
        this.http = http;
    }

    /**
     * Fetches the profile of the user who granted.
     *
     * @param tokens what was just issued
     * @return who that is: the claims that the preset maps, and every other plain member under its own name
     * @throws IdentityException if the provider does not say
     */
    public Identity fetch(TokenSet tokens) throws IdentityException {
        Http.Reply reply;
        try {
            reply = http.get(provider.profileEndpoint().orElseThrow().toString(), tokens);
        } catch (IOException e) {
            throw new IdentityException(
                    IdentityException.Kind.UNAVAILABLE,
                    "The profile endpoint of " + provider.name() + " did not answer",
                    e);
        }
        if (reply.status() != 200) {
            throw new IdentityException(
                    reply.status() >= 500 || reply.status() == 429
                            ? IdentityException.Kind.UNAVAILABLE
                            : IdentityException.Kind.INVALID,
                    "The profile endpoint of " + provider.name() + " answered with status " + reply.status()
                            + (reply.status() == 403 ? ": is this user allowed to use the application there?" : ""),
                    null);
        }
        Map<String, Object> profile;
        try {
            Map<String, Object> parsed = JSONObjectUtils.parse(reply.body());
            profile = parsed == null ? Map.of() : parsed; // the body may be null
        } catch (ParseException e) {
            throw new IdentityException(
                    IdentityException.Kind.INVALID,
                    "The profile endpoint of " + provider.name() + " did not answer with a JSON object",
                    null);
        }
        Map<String, Object> claims = new LinkedHashMap<>();
        profile.forEach((name, value) -> {
            if (value instanceof String || value instanceof Number || value instanceof Boolean) {
                claims.put(name, value);
            }
        });
        provider.profileClaims().forEach((claim, member) -> {
            Object value = profile.get(member);
            if (value != null) {
                claims.put(claim, value);
            }
        });
        Object subject = claims.remove("sub");
        if (!(subject instanceof String || subject instanceof Number)
                || subject.toString().isEmpty()) {
            throw new IdentityException(
                    IdentityException.Kind.INVALID,
                    "The profile endpoint of " + provider.name() + " did not say who the user is",
                    null);
        }
        return Identity.of(provider.name(), subject.toString(), claims);
    }
}
