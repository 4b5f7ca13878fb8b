/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.provider.Provider;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Starts logins, of a registration or for an API. Thread-safe. */
interface LoginStarter {
    /** The provider as far as it is known without metadata. */
    Provider provider();

    /** The scopes that logins request unless they set their own; {@code null} if that is decided at the start. */
    @Nullable
    Set<String> scopes();

    /** The resources that logins request unless they set their own. */
    Set<String> resources();

    /** Starts a login in a browser. */
    PendingLogin start(
            @Nullable Set<String> wanted,
            Map<String, String> parameters,
            @Nullable String appState,
            @Nullable Duration maxAge,
            @Nullable String comesBackTo)
            throws AuthorizationServerException;

    /** Starts a device login. */
    DeviceLogin startOnDevice(@Nullable Set<String> wanted, Map<String, String> parameters, @Nullable String appState)
            throws AuthorizationServerException;

    /** Starts a backchannel login. */
    BackchannelLogin startBackchannel(
            @Nullable Set<String> wanted,
            Map<String, String> parameters,
            @Nullable String appState,
            @Nullable Duration maxAge,
            boolean ping)
            throws AuthorizationServerException;
}
