/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.provider;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.grantkeeper.provider.Preset;
import dev.grantkeeper.provider.Presets;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.provider.Providers;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import org.jspecify.annotations.Nullable;

/**
 * Compares a provider of the list with its public metadata (RFC 8414, OpenID Connect Discovery), if it has any.
 *
 * <pre>
 * airtable
 * zendesk subdomain=acme
 * --file my-providers.json acme
 * --cost
 * </pre>
 *
 * <p>{@code --cost} prints what the list costs a process that has just started. The exit code is 0 if nothing
 * contradicts the list, 1 if something does, 2 if there is no such provider.
 */
public final class ProviderCheck {
    private static final int SAME = 0;
    private static final int DIFFERENT = 1;
    private static final int UNKNOWN = 2;

    private static final List<String> WELL_KNOWN =
            List.of("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration");

    /** From the name in the metadata to the provider's fact. */
    private static final Map<String, Function<Provider, Optional<URI>>> ENDPOINTS = endpoints();

    private final OkHttpClient http;
    private final PrintStream out;

    ProviderCheck(OkHttpClient http, PrintStream out) {
        this.http = http;
        this.out = out;
    }

    /**
     * Checks one provider.
     *
     * @param arguments the provider's name, and values of its placeholders
     */
    public static void main(String[] arguments) throws IOException {
        System.exit(new ProviderCheck(new OkHttpClient(), System.out).check(List.of(arguments)));
    }

    private static Map<String, Function<Provider, Optional<URI>>> endpoints() {
        Map<String, Function<Provider, Optional<URI>>> all = new LinkedHashMap<>();
        all.put("authorization_endpoint", provider -> Optional.of(provider.authorizationEndpoint()));
        all.put("token_endpoint", provider -> Optional.of(provider.tokenEndpoint()));
        all.put("revocation_endpoint", Provider::revocationEndpoint);
        all.put("introspection_endpoint", Provider::introspectionEndpoint);
        all.put("device_authorization_endpoint", Provider::deviceAuthorizationEndpoint);
        all.put("userinfo_endpoint", Provider::userInfoEndpoint);
        all.put("end_session_endpoint", Provider::endSessionEndpoint);
        all.put("jwks_uri", Provider::jwksUri);
        return all;
    }

    int check(List<String> arguments) throws IOException {
        if (arguments.equals(List.of("--cost"))) {
            new Cost(out).print();
            return SAME;
        }
        List<String> rest = new ArrayList<>(arguments);
        Preset preset;
        Provider provider;
        try {
            boolean own = rest.size() > 1 && rest.get(0).equals("--file");
            if (rest.isEmpty() || (own && rest.size() < 3)) {
                out.println("Usage: [--file <file>] <provider> [<placeholder>=<value> ...], or --cost");
                return UNKNOWN;
            }
            preset = own
                    ? found(Providers.and(Path.of(rest.get(1))), rest.subList(2, rest.size()))
                    : filled(Providers.named(rest.get(0)), rest.subList(1, rest.size()));
            provider = preset.provider();
        } catch (IllegalArgumentException e) {
            out.println(e.getMessage());
            return UNKNOWN;
        }
        out.println(preset.title() + ": " + preset.certainty() + ", stated by " + preset.sources()
                + " other projects, documentation read "
                + preset.documentationRead().map(day -> "on " + day).orElse("by nobody"));
        Metadata metadata = metadata(provider, preset.hasLogins());
        if (metadata == null) {
            out.println("It publishes no metadata. Compare with " + provider.documentation());
            return SAME;
        }
        out.println("Compared with " + metadata.url);
        return compare(provider, preset.hasLogins(), metadata.json);
    }

    private static Preset found(Presets presets, List<String> arguments) {
        return filled(presets.named(arguments.get(0)), arguments.subList(1, arguments.size()));
    }

    private static Preset filled(Preset preset, List<String> values) {
        Preset filled = preset;
        for (String value : values) {
            int equals = value.indexOf('=');
            if (equals < 0) {
                throw new IllegalArgumentException("A placeholder is written <name>=<value>, not " + value);
            }
            filled = filled.with(value.substring(0, equals), value.substring(equals + 1));
        }
        return filled;
    }

    private record Metadata(String url, JsonNode json) {}

    /** The first metadata that belong to this server, at the places where standards put them. */
    private @Nullable Metadata metadata(Provider provider, boolean logins) throws IOException {
        Set<String> bases = new LinkedHashSet<>();
        provider.issuer().ifPresent(bases::add);
        bases.add(origin(provider.tokenEndpoint()));
        if (logins) {
            bases.add(origin(provider.authorizationEndpoint()));
        }
        for (String base : bases) {
            for (String place : WELL_KNOWN) {
                String url = (base.endsWith("/") ? base.substring(0, base.length() - 1) : base) + place;
                JsonNode json = fetch(url);
                if (json != null && json.path("token_endpoint").isTextual()) {
                    return new Metadata(url, json);
                }
            }
        }
        return null;
    }

    private static String origin(URI uri) {
        return uri.getScheme() + "://" + uri.getRawAuthority();
    }

    private @Nullable JsonNode fetch(String url) throws IOException {
        Request request = new Request.Builder()
                .url(url)
                .header("Accept", "application/json")
                .build();
        try (Response response = http.newCall(request).execute()) {
            return response.isSuccessful()
                    ? new JsonMapper().readTree(response.body().string())
                    : null;
        } catch (JsonProcessingException e) {
            return null; // a page for people
        }
    }

    private int compare(Provider provider, boolean logins, JsonNode metadata) {
        int result = SAME;
        for (Map.Entry<String, Function<Provider, Optional<URI>>> endpoint : ENDPOINTS.entrySet()) {
            if (!logins && endpoint.getKey().equals("authorization_endpoint")) {
                continue;
            }
            String listed =
                    endpoint.getValue().apply(provider).map(URI::toString).orElse("");
            String published = metadata.path(endpoint.getKey()).asText();
            if (listed.equals(published)) {
                continue;
            }
            if (listed.isEmpty()) {
                out.println("  could be added: " + endpoint.getKey() + " " + published);
            } else if (published.isEmpty()) {
                out.println("  not published: " + endpoint.getKey() + " " + listed);
            } else {
                out.println("  DIFFERENT: " + endpoint.getKey() + " is " + published + ", and the list has " + listed);
                result = DIFFERENT;
            }
        }
        String methods = metadata.path("token_endpoint_auth_methods_supported").toString();
        if (!methods.isEmpty()) {
            out.println("  client authentication: the server takes " + methods + ", the list has "
                    + provider.clientAuthentication());
        }
        out.println(result == SAME ? "Nothing contradicts the list." : "Mend the list, or ask the provider.");
        return result;
    }
}
