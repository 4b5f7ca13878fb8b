/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.openid.SignedMetadata;
import dev.grantkeeper.provider.SigningKey;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The settings of {@link ProtectedApis.Builder} beyond those of a registration.
 *
 * @param client the application, as it introduces itself
 * @param byHand its registrations by hand, by issuer
 * @param initialAccessTokens for servers that require one of clients that register, by issuer
 * @param allowedInside hosts inside this network that may be connected to
 * @param httpOnLoopback whether {@code http} on this machine is accepted
 * @param throughProxy whether the application's proxies are used
 * @param serversWithoutMetadata whether an API without metadata is its own server
 * @param signedMetadata signs the metadata of all APIs; {@code null} if TLS vouches for it
 * @param signedServerMetadata signs the metadata of all authorization servers; {@code null} if TLS vouches for it
 * @param offlineAccess whether logins request refresh tokens
 * @param assertion the assertion that the application's own tokens are requested with; {@code null} for its client
 *     credentials
 * @param name the name under which grants and registrations are stored
 */
record ApiOptions(
        ClientMetadata client,
        Map<String, ByHand> byHand,
        Map<String, String> initialAccessTokens,
        Set<String> allowedInside,
        boolean httpOnLoopback,
        boolean throughProxy,
        boolean serversWithoutMetadata,
        @Nullable SignedMetadata signedMetadata,
        @Nullable SignedMetadata signedServerMetadata,
        boolean offlineAccess,
        @Nullable TokenExchange assertion,
        String name) {

    /**
     * A client that was registered by hand at one server.
     *
     * @param clientId the client id
     * @param secret its secret; {@code null} if it has none
     * @param key its key; {@code null} if it has none
     */
    record ByHand(
            String clientId,
            @Nullable String secret,
            @Nullable SigningKey key) {
        @Override
        public String toString() {
            return "ByHand[" + clientId + "]";
        }
    }

    @Override
    public String toString() {
        return "ApiOptions[" + name + "]";
    }
}
