/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.openid;

import java.io.IOException;

/** Reads what {@link ProviderKeys} would fetch, without a server. */
public final class KeySets {
    private KeySets() {}

    /** The number of keys in a JWK set that can be used. */
    public static int read(String json) throws IOException {
        return ProviderKeys.read(json).size();
    }

    /** Reads the claims of a JWT, whoever has signed it. */
    public static void readClaims(String jwt) throws IdentityException {
        ProviderKeys.unverifiedClaims("ID token", jwt);
    }
}
