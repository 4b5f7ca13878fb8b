/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.answer.RequestFailedException;
import dev.grantkeeper.internal.openid.ClaimSources;
import dev.grantkeeper.internal.openid.Decryption;
import dev.grantkeeper.internal.openid.EncryptedRequests;
import dev.grantkeeper.internal.openid.IdTokens;
import dev.grantkeeper.internal.openid.IdentityException;
import dev.grantkeeper.internal.openid.LogoutTokens;
import dev.grantkeeper.internal.openid.Profiles;
import dev.grantkeeper.internal.openid.ProviderKeys;
import dev.grantkeeper.internal.openid.SignedIntrospections;
import dev.grantkeeper.internal.openid.SignedResponses;
import dev.grantkeeper.internal.provider.Facts;
import dev.grantkeeper.internal.server.Endpoints;
import dev.grantkeeper.internal.wire.AuthorizationEndpoint;
import dev.grantkeeper.internal.wire.BackchannelEndpoint;
import dev.grantkeeper.internal.wire.Client;
import dev.grantkeeper.internal.wire.DeviceEndpoint;
import dev.grantkeeper.internal.wire.Http;
import dev.grantkeeper.internal.wire.IntrospectionEndpoint;
import dev.grantkeeper.internal.wire.TokenEndpoint;
import dev.grantkeeper.provider.LoginProtection;
import dev.grantkeeper.provider.Provider;
import java.net.URI;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Puts the endpoints of a server together, as one client uses them. */
final class Connector {
    private Connector() {}

    /** Makes the endpoints of a provider that is known completely. Does no I/O. */
    static Endpoints connect(Provider provider, Settings settings, Decryption decryption, Http http) {
        String clientId = Objects.requireNonNull(settings.clientId);
        Client client = new Client(
                clientId,
                settings.clientSecret,
                settings.authentication(provider),
                settings.signingKey,
                settings.certificateBoundTokens,
                provider,
                settings.clock);
        TokenEndpoint tokenEndpoint = new TokenEndpoint(http, provider, client, settings.redirectUri, settings.clock);
        // Without lambdas, since every application comes by here when it starts.
        URI jwksUri = provider.jwksUri().orElse(null);
        URI userInfo = provider.userInfoEndpoint().orElse(null);
        URI device = provider.deviceAuthorizationEndpoint().orElse(null);
        URI backchannel = provider.backchannelAuthenticationEndpoint().orElse(null);
        URI introspection = provider.introspectionEndpoint().orElse(null);
        ProviderKeys keys =
                jwksUri == null ? null : new ProviderKeys(jwksUri, settings.signingAlgorithms, http, settings.ticker);
        IdTokens idTokens = keys == null
                ? null
                : new IdTokens(provider, clientId, settings.trustedAudiences, keys, decryption, settings.clock);
        Profiles profiles = settings.fetchProfile
                ? new Profiles(provider, userInfo == null ? null : client.at(userInfo), http, idTokens)
                : null;
        Set<LoginProtection> protections = settings.protections(provider);
        return new Endpoints(
                provider,
                clientId,
                new AuthorizationEndpoint(
                        provider,
                        client,
                        protections,
                        settings.isPosted(provider),
                        keys == null ? null : new EncryptedRequests(keys, Facts.of(provider)),
                        settings.requestUri,
                        http,
                        settings.clock),
                device == null ? null : new DeviceEndpoint(http, provider, client, device, settings.clock),
                backchannel == null
                        ? null
                        : new BackchannelEndpoint(
                                http, client, backchannel, settings.signsBackchannelRequests(provider), settings.clock),
                tokenEndpoint,
                introspection == null
                        ? null
                        : new IntrospectionEndpoint(
                                http,
                                client,
                                introspection,
                                verifier(provider, settings, keys, decryption),
                                settings.clock),
                idTokens,
                profiles,
                keys == null || !protections.contains(LoginProtection.SIGNED_RESPONSE)
                        ? null
                        : new SignedResponses(provider.issuer().orElseThrow(), clientId, keys, settings.clock),
                keys == null || idTokens == null ? null : new LogoutTokens(idTokens, keys));
    }

    /** The claims providers that the application has named, by issuer. Does no I/O. */
    static Map<String, ClaimSources> claimSources(Settings settings, Http http) {
        Map<String, ClaimSources> all = new LinkedHashMap<>();
        settings.claimsProviders.forEach((issuer, provider) -> all.put(
                issuer,
                new ClaimSources(
                        issuer,
                        new ProviderKeys(provider.keys(), Set.of(), http, settings.ticker),
                        provider::serves,
                        http,
                        settings.clock)));
        return Collections.unmodifiableMap(all);
    }

    private static IntrospectionEndpoint.@Nullable Verifier verifier(
            Provider provider, Settings settings, @Nullable ProviderKeys keys, Decryption decryption) {
        if (!settings.signedIntrospection || keys == null) {
            return null;
        }
        SignedIntrospections signed = new SignedIntrospections(
                provider.issuer().orElseThrow(),
                Objects.requireNonNull(settings.clientId),
                keys,
                decryption,
                settings.clock);
        return jwt -> {
            try {
                return signed.verify(jwt);
            } catch (IdentityException e) {
                throw new RequestFailedException(e.failure());
            }
        };
    }
}
