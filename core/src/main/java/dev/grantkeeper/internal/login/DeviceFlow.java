/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.login;

import dev.grantkeeper.internal.answer.RequestFailedException;
import dev.grantkeeper.internal.protocol.Requested;
import dev.grantkeeper.internal.provider.Facts;
import dev.grantkeeper.internal.refresh.Clocks;
import dev.grantkeeper.internal.server.AuthorizationServer;
import dev.grantkeeper.internal.server.Endpoints;
import dev.grantkeeper.internal.wire.DeviceEndpoint;
import dev.grantkeeper.provider.Provider;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The start of the device authorization grant (RFC 8628); {@link LoginPolling} does the rest. Stores nothing.
 * Thread-safe.
 *
 * @param server the server
 * @param registration the registration
 * @param time the clocks
 */
public record DeviceFlow(AuthorizationServer server, String registration, Clocks time) {
    /** Sent by the library itself. */
    private static final Set<String> OWN = Set.of("client_id", "client_secret", "scope");

    /**
     * Starts a login: asks the server for the codes.
     *
     * @param scopes exactly what is requested
     * @param parameters everything else that is sent
     * @param appState the application's own data
     */
    public DeviceAttempt start(Set<String> scopes, Map<String, String> parameters, @Nullable String appState)
            throws RequestFailedException {
        Provider provider = server.known();
        Endpoints endpoints = server.endpoints();
        DeviceEndpoint deviceEndpoint = endpoints.device();
        if (deviceEndpoint == null) {
            throw endpoints.missing("device authorization endpoint", "deviceAuthorizationEndpoint(…)");
        }
        Map<String, String> form = new LinkedHashMap<>(parameters);
        form.keySet().removeAll(OWN);
        if (!scopes.isEmpty()) {
            form.put("scope", String.join(Facts.of(provider).scopeSeparator, scopes));
        }
        DeviceEndpoint.Codes codes = deviceEndpoint.authorize(form);
        return new DeviceAttempt(
                registration,
                codes.deviceCode(),
                codes.userCode(),
                codes.verificationUri(),
                codes.verificationUriComplete(),
                time.now().plus(codes.lifetime()),
                codes.interval(),
                scopes,
                parameters.get(Requested.AUTHORIZATION_DETAILS),
                Requested.split(parameters.get(Requested.RESOURCE)),
                appState);
    }
}
