/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.grantkeeper.internal.protocol.Origins;
import dev.grantkeeper.internal.protocol.Requested;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import okhttp3.HttpUrl;
import org.jspecify.annotations.Nullable;

/**
 * An application, as it introduces itself to authorization servers that do not know it (RFC 7591 section 2).
 *
 * <pre>{@code
 * var application = ClientMetadata.named("Acme Assistant")
 *     .redirectUri("https://app.acme.example/callback")
 *     .documentAt("https://app.acme.example/oauth-client.json");
 * }</pre>
 *
 * <p>Immutable and thread-safe: each method returns a copy.
 */
public final class ClientMetadata {
    /** The ports of a redirect URI on this machine that has none; nothing well known listens there. */
    static final List<Integer> LOOPBACK_PORTS = List.of(41_951, 41_952, 41_953);

    private static final JsonMapper JSON = new JsonMapper();

    private final String name;
    private final Set<String> redirectUris;
    private final @Nullable String document;
    private final Map<String, String> texts;

    private ClientMetadata(
            String name, Set<String> redirectUris, @Nullable String document, Map<String, String> texts) {
        this.name = name;
        this.redirectUris = redirectUris;
        this.document = document;
        this.texts = texts;
    }

    /**
     * Starts with a name.
     *
     * @param clientName the name that users read on the consent page
     * @return the metadata of an application without redirect URI
     */
    public static ClientMetadata named(String clientName) {
        if (clientName.isBlank()) {
            throw new IllegalArgumentException("The name of the application is empty");
        }
        return new ClientMetadata(clientName, Set.of(), null, Map.of());
    }

    /**
     * Adds a redirect URI. Logins use the first one, and a {@link LoopbackReceiver} the first one that is on the user's
     * own machine. Default: none, and no logins.
     *
     * @param redirectUri an absolute URI: {@code https}, {@code http} on a loopback address, or an application's own
     *     scheme
     * @return a copy with this redirect URI, too
     * @throws IllegalArgumentException if it is none of these
     */
    public ClientMetadata redirectUri(String redirectUri) {
        URI uri;
        try {
            uri = new URI(redirectUri);
        } catch (URISyntaxException e) {
            throw new IllegalArgumentException("The redirect URI is not a URI: " + e.getReason(), e);
        }
        boolean plain = "http".equalsIgnoreCase(uri.getScheme());
        if (uri.getScheme() == null
                || uri.isOpaque()
                || uri.getRawFragment() != null
                || (plain && !Origins.isLoopback(uri.getHost()))) {
            throw new IllegalArgumentException(
                    "A redirect URI is an absolute URI without fragment; http is for this machine only: "
                            + redirectUri);
        }
        Set<String> all = new LinkedHashSet<>(redirectUris);
        all.add(redirectUri);
        return new ClientMetadata(name, all, document, texts);
    }

    /**
     * Sets the URL at which the application serves {@link #json()}: its client id at servers that read client ID
     * metadata documents (draft-ietf-oauth-client-id-metadata-document). Default: none, the application registers
     * itself (RFC 7591).
     *
     * @param url an {@code https} URL with a path, without query, fragment, user and dot segments
     * @return a copy with this URL
     * @throws IllegalArgumentException if it is not
     */
    public ClientMetadata documentAt(String url) {
        HttpUrl parsed = HttpUrl.parse(url);
        URI uri = URI.create(url);
        if (parsed == null
                || !parsed.isHttps()
                || uri.getRawPath() == null
                || uri.getRawPath().length() < 2
                || uri.getRawFragment() != null
                || uri.getRawQuery() != null
                || uri.getRawUserInfo() != null
                || List.of(uri.getRawPath().split("/")).stream().anyMatch(s -> s.equals(".") || s.equals(".."))) {
            throw new IllegalArgumentException("The URL of a client ID metadata document is https, with a path, and"
                    + " without query, fragment, user and dot segments: " + url);
        }
        return new ClientMetadata(name, redirectUris, url, texts);
    }

    /**
     * Sets the page that tells users about the application ({@code client_uri}). Default: none.
     *
     * @param url an {@code https} URL
     * @return a copy with this page
     */
    public ClientMetadata clientUri(String url) {
        return with("client_uri", url);
    }

    /**
     * Sets the application's logo ({@code logo_uri}). Default: none.
     *
     * @param url an {@code https} URL
     * @return a copy with this logo
     */
    public ClientMetadata logoUri(String url) {
        return with("logo_uri", url);
    }

    /**
     * Sets the identifier that all installations of the application share ({@code software_id}). Default: none.
     *
     * @param softwareId for example a UUID
     * @return a copy with this identifier
     */
    public ClientMetadata softwareId(String softwareId) {
        return with("software_id", softwareId);
    }

    /**
     * Sets the statement in which somebody vouches for the application ({@code software_statement}, RFC 7591 section
     * 2.3). Default: none. It is sent to registration endpoints, and is not part of {@link #json()}.
     *
     * @param jwt the signed statement
     * @return a copy with this statement
     */
    public ClientMetadata softwareStatement(String jwt) {
        return with("software_statement", jwt);
    }

    private ClientMetadata with(String member, String value) {
        Map<String, String> all = new LinkedHashMap<>(texts);
        all.put(member, Objects.requireNonNull(value));
        return new ClientMetadata(name, redirectUris, document, all);
    }

    /**
     * The client ID metadata document, to be served at {@link #documentUrl()} with the type {@code application/json}.
     *
     * @return JSON
     * @throws IllegalStateException if {@link #documentAt} was not called
     */
    public String json() {
        return document().toString();
    }

    private ObjectNode document() {
        if (document == null) {
            throw new IllegalStateException("Call documentAt(…) with the URL at which this document is served");
        }
        ObjectNode json = JSON.createObjectNode();
        json.put("client_id", document);
        describe(json);
        json.remove("software_statement");
        json.put("token_endpoint_auth_method", "none");
        return json;
    }

    /** Whether a document is {@link #json()}, perhaps with further members. */
    boolean isDocument(@Nullable ObjectNode served) {
        if (served == null) {
            return false;
        }
        ObjectNode merged = served.deepCopy();
        merged.setAll(document());
        return merged.equals(served);
    }

    /**
     * The URL of {@link #json()}.
     *
     * @return the URL; empty if {@link #documentAt} was not called
     */
    public Optional<String> documentUrl() {
        return Optional.ofNullable(document);
    }

    /**
     * The redirect URIs.
     *
     * @return the URIs, in the order in which they were added
     */
    public Set<String> redirectUris() {
        return redirectUris;
    }

    /** The request to a registration endpoint (RFC 7591 section 3.1). */
    ObjectNode registration(String authentication, Set<String> scopes) {
        ObjectNode json = JSON.createObjectNode();
        describe(json);
        json.put("token_endpoint_auth_method", authentication);
        if (!scopes.isEmpty()) {
            json.put("scope", String.join(" ", Requested.scopes(scopes)));
        }
        return json;
    }

    private void describe(ObjectNode json) {
        json.put("client_name", name);
        ArrayNode uris = json.putArray("redirect_uris");
        registeredUris().forEach(uris::add);
        ArrayNode grants = json.putArray("grant_types");
        if (redirectUris.isEmpty()) {
            grants.add("client_credentials");
        } else {
            grants.add("authorization_code").add("refresh_token");
            json.putArray("response_types").add("code");
        }
        json.put("application_type", isNative() ? "native" : "web");
        texts.forEach(json::put);
    }

    /** Whether users run it on their own machine (OpenID Connect Dynamic Client Registration section 2). */
    boolean isNative() {
        return !redirectUris.isEmpty()
                && redirectUris.stream().map(URI::create).allMatch(uri -> !"https".equalsIgnoreCase(uri.getScheme()));
    }

    /**
     * The redirect URIs to register. One on this machine without port allows every port (RFC 8252 section 7.3), but
     * some servers compare it exactly, so it is registered with a few ports, too: a {@link LoopbackReceiver} takes one
     * of those if it can.
     */
    Set<String> registeredUris() {
        Set<String> all = new LinkedHashSet<>(redirectUris);
        for (String text : redirectUris) {
            URI uri = URI.create(text);
            if ("http".equalsIgnoreCase(uri.getScheme()) && uri.getPort() < 0) {
                LOOPBACK_PORTS.forEach(port -> all.add(
                        HttpUrl.get(text).newBuilder().port(port).build().toString()));
            }
        }
        return all;
    }

    /** The redirect URI of logins. */
    @Nullable
    String firstRedirectUri() {
        return redirectUris.isEmpty() ? null : redirectUris.iterator().next();
    }

    @Override
    public String toString() {
        return "ClientMetadata[" + name + "]";
    }
}
