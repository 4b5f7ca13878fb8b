/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.server;

import dev.grantkeeper.internal.openid.IdTokens;
import dev.grantkeeper.internal.openid.Identities;
import dev.grantkeeper.internal.openid.LogoutTokens;
import dev.grantkeeper.internal.openid.Profiles;
import dev.grantkeeper.internal.openid.SignedResponses;
import dev.grantkeeper.internal.wire.AuthorizationEndpoint;
import dev.grantkeeper.internal.wire.DeviceEndpoint;
import dev.grantkeeper.internal.wire.IntrospectionEndpoint;
import dev.grantkeeper.internal.wire.TokenEndpoint;
import dev.grantkeeper.provider.Provider;
import org.jspecify.annotations.Nullable;

/**
 * The endpoints of an authorization server whose metadata is known, as one client uses them. Thread-safe.
 *
 * @param provider the provider with all its metadata
 * @param authorization the authorization endpoint
 * @param device the device authorization endpoint; {@code null} if the server has none
 * @param token the token endpoint
 * @param introspection the introspection endpoint; {@code null} if the server has none
 * @param idTokens verifies ID tokens; {@code null} if the server does not support OpenID Connect
 * @param profiles asks who the user is; {@code null} if the application does not want that
 * @param signedResponses verifies signed callbacks; {@code null} if the registration does not demand them
 * @param logoutTokens verifies logout tokens; {@code null} if the server does not support OpenID Connect
 */
public record Endpoints(
        Provider provider,
        AuthorizationEndpoint authorization,
        @Nullable DeviceEndpoint device,
        TokenEndpoint token,
        @Nullable IntrospectionEndpoint introspection,
        @Nullable IdTokens idTokens,
        @Nullable Profiles profiles,
        @Nullable SignedResponses signedResponses,
        @Nullable LogoutTokens logoutTokens) {

    /** Identifies users of logins without a browser. */
    public Identities identities() {
        return new Identities(provider.name(), idTokens, profiles);
    }

    @Override
    public String toString() {
        return "Endpoints[" + provider.name() + "]";
    }
}
