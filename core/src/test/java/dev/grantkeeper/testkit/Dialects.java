/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.testkit;

import dev.grantkeeper.internal.provider.DialectFacts;
import dev.grantkeeper.internal.provider.Facts;
import dev.grantkeeper.internal.provider.ProviderFacts;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.testkit.Settings.Client;
import dev.grantkeeper.testkit.Settings.User;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;

/**
 * The dialects of the presets that are pointed at a server: it understands requests in all of them, and says everything
 * in the standard's places and in theirs. Thread-safe.
 */
final class Dialects {
    /** The paths of the profiles, one for each preset. */
    static final String PROFILES = "/v1/profiles/";

    /** From header to schemes. */
    private final Map<String, Set<String>> tokenHeaders = new ConcurrentHashMap<>();

    /** From a preset's name for a parameter of requests to the standard's. */
    private final Map<String, String> parameterNames = new ConcurrentHashMap<>();

    /** Separators of scopes besides the blank. */
    private final Set<String> scopeSeparators = ConcurrentHashMap.newKeySet();

    private final Set<String> hmacParameters = ConcurrentHashMap.newKeySet();
    /** From place to the standard's member, in answers of the token endpoint. */
    private final Map<String, String> places = new ConcurrentHashMap<>();
    /** From place to the claim about the user, in answers of the token endpoint. */
    private final Map<String, String> identityPlaces = new ConcurrentHashMap<>();
    /** From path to the claims and their members. */
    private final Map<String, Map<String, String>> profiles = new ConcurrentHashMap<>();

    /** Of the last preset: an answer has one type. */
    private volatile String tokenType = "Bearer";

    Dialects() {
        tokenHeaders.put("Authorization", Set.of("Bearer"));
    }

    /** Points a preset at a server, and lets the server learn its dialect. */
    Provider.Builder pointed(Provider preset, FakeAuthorizationServer server, boolean issuerInCallback) {
        ProviderFacts facts = Facts.of(preset);
        Provider.Builder here = preset.newBuilder()
                .allowHttpOnLoopback()
                .tokenEndpoint(server.tokenEndpoint())
                .refreshEndpoint(null)
                .revocationEndpoint(in(facts.revocationEndpoint, server.revocationEndpoint()))
                .introspectionEndpoint(in(facts.introspectionEndpoint, server.introspectionEndpoint()))
                .deviceAuthorizationEndpoint(
                        in(facts.deviceAuthorizationEndpoint, server.deviceAuthorizationEndpoint()))
                .backchannelAuthenticationEndpoint(
                        in(facts.backchannelAuthenticationEndpoint, server.backchannelAuthenticationEndpoint()))
                .userInfoEndpoint(in(facts.userInfoEndpoint, server.userInfoEndpoint()))
                .endSessionEndpoint(in(facts.endSessionEndpoint, server.endSessionEndpoint()))
                .pushedAuthorizationRequestEndpoint(null)
                .mtlsEndpointAliases(Map.of())
                .loginProtections()
                .formerServers()
                .issuerInCallback(issuerInCallback)
                .apiOrigins(server.url());
        if (facts.noLogins == null) {
            here.authorizationEndpoint(server.authorizationEndpoint());
        }
        if (facts.jwksUri != null) {
            here.openId(server.issuer(), server.jwksUri());
        } else if (facts.issuer != null || issuerInCallback) {
            here.issuer(server.issuer());
        }
        if (facts.profileEndpoint != null) {
            profiles.put(PROFILES + preset.name(), facts.profileClaims);
            here.profileEndpoint(server.url() + PROFILES + preset.name(), facts.profileClaims);
        }
        if (!facts.scopeSeparator.equals(" ")) {
            scopeSeparators.add(facts.scopeSeparator);
        }
        learn(facts.dialect);
        return here;
    }

    private static @Nullable String in(@Nullable URI theirs, String ours) {
        return theirs == null ? null : ours;
    }

    private void learn(DialectFacts dialect) {
        tokenHeaders.merge(dialect.tokenHeader, Set.of(dialect.tokenScheme), Dialects::both);
        dialect.parameterNames.forEach((standard, name) -> parameterNames.put(name, standard));
        if (dialect.callbackHmac != null) {
            hmacParameters.add(dialect.callbackHmac);
        }
        tokenType = dialect.bearerTypes.stream().findFirst().orElse("Bearer");
        // Of several places each is read, and the first is as good as any.
        dialect.members.forEach((member, all) -> places.put(all.get(0), member));
        dialect.identityMembers.forEach((claim, all) -> identityPlaces.put(all.get(0), claim));
    }

    private static Set<String> both(Set<String> some, Set<String> more) {
        return Stream.of(some, more).flatMap(Set::stream).collect(Collectors.toUnmodifiableSet());
    }

    String tokenType() {
        return tokenType;
    }

    /** The parameters of a request under the standard's names, with blanks between scopes. */
    Map<String, String> standard(Map<String, String> params) {
        Map<String, String> all = new LinkedHashMap<>(params);
        parameterNames.forEach((name, standard) -> {
            String value = params.get(name);
            if (value != null) {
                all.putIfAbsent(standard, value);
            }
        });
        scopeSeparators.forEach(separator -> all.computeIfPresent("scope", (name, it) -> it.replace(separator, " ")));
        return all;
    }

    /** The access token of a request to the API. */
    @Nullable
    String accessToken(RecordedRequest request) {
        for (Map.Entry<String, Set<String>> header : tokenHeaders.entrySet()) {
            for (String scheme : header.getValue()) {
                String token = Http.credentials(request, header.getKey(), scheme);
                if (token != null) {
                    return token;
                }
            }
        }
        return null;
    }

    /** Adds what the dialects read elsewhere to an answer of the token endpoint. */
    Map<String, Object> inAllPlaces(Map<String, Object> answer, @Nullable User user) {
        Map<String, Object> more = new LinkedHashMap<>(answer);
        places.forEach((place, member) -> put(more, place, answer.get(member)));
        if (user != null) {
            identityPlaces.forEach((place, claim) -> put(more, place, claim(user, claim)));
        }
        return more;
    }

    boolean isProfile(String path) {
        return profiles.containsKey(path);
    }

    /** A user in a preset's own words. */
    Map<String, Object> profile(String path, User user) {
        Map<String, Object> profile = new LinkedHashMap<>();
        profiles.getOrDefault(path, Map.of()).forEach((claim, place) -> put(profile, place, claim(user, claim)));
        return profile;
    }

    private static @Nullable Object claim(User user, String claim) {
        return switch (claim) {
            case "sub" -> user.id();
            case "name" -> user.name();
            case "given_name" -> user.givenName();
            case "family_name" -> user.familyName();
            case "preferred_username" -> user.id();
            case "email" -> user.email();
            case "email_verified" -> true;
            default -> null;
        };
    }

    /** Puts a value where a name, or a pointer (RFC 6901), leads. What is there already stays. */
    @SuppressWarnings("unchecked") // made here
    private static void put(Map<String, Object> json, String place, @Nullable Object value) {
        if (value == null) {
            return;
        }
        List<String> steps = new ArrayList<>(
                List.of(place.startsWith("/") ? place.substring(1).split("/") : new String[] {place}));
        String last = steps.remove(steps.size() - 1);
        Map<String, Object> inner = json;
        for (String step : steps) {
            Object next = inner.computeIfAbsent(step, name -> new LinkedHashMap<String, Object>());
            if (step.equals("access_token") && !(next instanceof Map)) {
                next = new LinkedHashMap<String, Object>(); // Yammer's is an object
                inner.put(step, next);
            }
            if (!(next instanceof Map)) {
                return;
            }
            inner = (Map<String, Object>) next;
        }
        inner.putIfAbsent(last, value);
    }

    /** Signs the parameters of a callback as Shopify does: sorted, joined, with the client's secret. */
    void sign(Map<String, String> params, Client client) {
        for (String name : hmacParameters) {
            String message = new TreeMap<>(params)
                    .entrySet().stream()
                            .map(param -> param.getKey() + "=" + param.getValue())
                            .collect(Collectors.joining("&"));
            String secret = client.secret() == null ? "none" : client.secret();
            try {
                Mac mac = Mac.getInstance("HmacSHA256");
                mac.init(new SecretKeySpec(secret.getBytes(StandardCharsets.UTF_8), "HmacSHA256"));
                params.put(name, HexFormat.of().formatHex(mac.doFinal(message.getBytes(StandardCharsets.UTF_8))));
            } catch (GeneralSecurityException e) {
                throw new IllegalStateException("Every Java platform has HmacSHA256", e);
            }
        }
    }
}
