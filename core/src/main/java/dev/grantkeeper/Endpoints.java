/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.openid.LogoutTokens;
import dev.grantkeeper.internal.wire.DeviceEndpoint;
import dev.grantkeeper.internal.wire.IntrospectionEndpoint;
import dev.grantkeeper.internal.wire.TokenEndpoint;
import dev.grantkeeper.provider.Provider;
import org.jspecify.annotations.Nullable;

/**
 * What speaks with an authorization server of which all is known. Thread-safe.
 *
 * @param provider where everything is
 * @param flow logins through the browser
 * @param device where logins on another device begin; {@code null} if the server has no such thing
 * @param token the token endpoint
 * @param identities who granted
 * @param introspection {@code null} if the server has none
 * @param logoutTokens {@code null} if the server does not speak OpenID Connect
 */
record Endpoints(
        Provider provider,
        AuthorizationCodeFlow flow,
        @Nullable DeviceEndpoint device,
        TokenEndpoint token,
        Identities identities,
        @Nullable IntrospectionEndpoint introspection,
        @Nullable LogoutTokens logoutTokens) {
    @Override
    public String toString() {
        return "Endpoints[" + provider.name() + "]";
    }
}
