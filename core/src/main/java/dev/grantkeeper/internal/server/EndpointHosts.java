/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.server;

import dev.grantkeeper.internal.provider.Facts;
import dev.grantkeeper.internal.provider.ProviderFacts;
import dev.grantkeeper.internal.wire.InsideAddresses;
import dev.grantkeeper.provider.Provider;
import java.net.URI;
import java.net.UnknownHostException;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import okhttp3.Dns;
import org.jspecify.annotations.Nullable;

/** The hosts at which the endpoints of a server's metadata may be. */
public final class EndpointHosts {
    private EndpointHosts() {}

    /**
     * Checks the endpoints that are on other hosts than the issuer.
     *
     * @param issuer a URL
     * @param provider the endpoints
     * @param allowed the hosts that the application allows, in lower case; {@code null} for all that are not inside
     *     this network. An issuer that is inside itself may name hosts that are
     * @throws IllegalArgumentException if one is not allowed
     */
    public static void check(String issuer, Provider provider, @Nullable Set<String> allowed, Dns dns) {
        String home = URI.create(issuer).getHost();
        boolean inside = isInside(home, dns);
        for (Map.Entry<String, URI> endpoint : endpoints(provider).entrySet()) {
            String host = endpoint.getValue().getHost();
            if (host.equalsIgnoreCase(home)) {
                continue;
            }
            String what = "The metadata of " + issuer + " have the " + endpoint.getKey() + " at " + host + ", ";
            if (allowed != null && !allowed.contains(host.toLowerCase(Locale.ROOT))) {
                throw new IllegalArgumentException(what + "which is not among the hosts that are allowed");
            }
            if (!inside && isInside(host, dns)) {
                throw new IllegalArgumentException(what + "which is inside this network");
            }
        }
    }

    private static Map<String, URI> endpoints(Provider provider) {
        ProviderFacts facts = Facts.of(provider);
        Map<String, URI> all = new LinkedHashMap<>();
        if (!facts.authorizationEndpoint.equals(ProviderFacts.MISSING)) {
            all.put("authorization endpoint", provider.authorizationEndpoint());
        }
        all.put("token endpoint", provider.tokenEndpoint());
        provider.jwksUri().ifPresent(uri -> all.put("keys", uri));
        provider.userInfoEndpoint().ifPresent(uri -> all.put("UserInfo endpoint", uri));
        provider.revocationEndpoint().ifPresent(uri -> all.put("revocation endpoint", uri));
        provider.introspectionEndpoint().ifPresent(uri -> all.put("introspection endpoint", uri));
        provider.pushedAuthorizationRequestEndpoint()
                .ifPresent(uri -> all.put("pushed authorization request endpoint", uri));
        provider.deviceAuthorizationEndpoint().ifPresent(uri -> all.put("device authorization endpoint", uri));
        provider.backchannelAuthenticationEndpoint()
                .ifPresent(uri -> all.put("backchannel authentication endpoint", uri));
        provider.endSessionEndpoint().ifPresent(uri -> all.put("end session endpoint", uri));
        Optional.ofNullable(facts.registrationEndpoint).ifPresent(uri -> all.put("registration endpoint", uri));
        facts.mtlsEndpointAliases.forEach((alias, uri) -> all.put("alias of the " + alias, uri));
        return all;
    }

    private static boolean isInside(String host, Dns dns) {
        try {
            return dns.lookup(host.replaceAll("[\\[\\]]", "")).stream().anyMatch(InsideAddresses::isInside);
        } catch (UnknownHostException e) {
            return false; // nothing can be sent there either
        }
    }
}
