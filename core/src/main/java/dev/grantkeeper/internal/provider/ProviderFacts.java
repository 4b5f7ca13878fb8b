/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.provider;

import java.net.URI;
import java.time.Duration;
import java.time.temporal.TemporalAmount;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The facts about an authorization server, with their defaults. What each one means stands at the setter of the same
 * name, in {@code Provider.Builder}. The facts of which users choose from an enum are in a subclass there, since this
 * package does not know those enums.
 *
 * <p>Only a builder changes facts, and those of a provider are a copy that nobody changes; so they may be shared among
 * threads. Collections are unmodifiable.
 */
public class ProviderFacts implements Cloneable {
    /** In place of an endpoint that has to be set. */
    public static final URI MISSING = URI.create("");

    public final String name;
    public URI documentation = URI.create("https://www.rfc-editor.org/rfc/rfc6749");
    public URI authorizationEndpoint = MISSING;
    public URI tokenEndpoint = MISSING;
    public @Nullable URI refreshEndpoint;
    public @Nullable URI revocationEndpoint;
    public @Nullable URI pushedAuthorizationRequestEndpoint;
    public @Nullable URI deviceAuthorizationEndpoint;
    public @Nullable URI introspectionEndpoint;
    public @Nullable URI endSessionEndpoint;
    public @Nullable URI userInfoEndpoint;
    public @Nullable URI profileEndpoint;
    /** From claim to member. {@code sub} is among the claims, if there is a profile endpoint. */
    public Map<String, String> profileClaims = Map.of();
    /** A <code>{tenantid}</code> in it stands for the token's {@code tid} claim. */
    public @Nullable String issuer;

    public @Nullable URI jwksUri;
    /** In lower case; empty for all. */
    public Set<String> tenants = Set.of();
    /** In lower case. */
    public Set<String> refusedTenants = Set.of();

    public boolean issuerInCallback;
    /** In the form of {@link #tokenServer()}. */
    public Set<String> formerServers = Set.of();
    /** With their ports spelled out. */
    public Set<String> apiOrigins = Set.of();

    public @Nullable String assertionIssuer;
    public @Nullable String assertionAudience;
    /** From the name of an endpoint in the metadata to its alias. */
    public Map<String, URI> mtlsEndpointAliases = Map.of();

    public String scopeSeparator = " ";
    public boolean pkce = true;
    public Map<String, String> authorizationParameters = Map.of();
    /** From parameter to reason; the library's own parameters included. */
    public Map<String, String> forbiddenParameters = Map.of();

    public Set<String> clientCapabilities = Set.of();
    public @Nullable Duration defaultLifetime;
    public @Nullable TemporalAmount refreshTokenLifetime;
    public @Nullable String noApplicationTokens;
    public DialectFacts dialect = DialectFacts.STANDARD;
    public boolean httpOnLoopback;

    protected ProviderFacts(String name) {
        this.name = name;
    }

    /** A copy of the same class. A copy constructor would name every fact once more, and could forget one. */
    @Override
    protected ProviderFacts clone() {
        try {
            return (ProviderFacts) super.clone();
        } catch (CloneNotSupportedException e) {
            throw new AssertionError(e);
        }
    }

    /** The endpoint that refreshes tokens: the token endpoint (RFC 6749 section 6) or the server's own place. */
    public URI refreshEndpoint() {
        return refreshEndpoint == null ? tokenEndpoint : refreshEndpoint;
    }

    /** The {@code aud} of client assertions (RFC 7523 section 3). */
    public String assertionAudience() {
        if (assertionAudience != null) {
            return assertionAudience;
        }
        // An issuer that leaves its tenant open names nobody.
        return issuer == null || issuer.contains("{") ? tokenEndpoint.toString() : issuer;
    }

    /** The separator between two scopes in an answer. Blanks separate in any case. */
    public String grantedScopeSeparator() {
        return dialect.grantedScopeSeparator == null ? scopeSeparator : dialect.grantedScopeSeparator;
    }

    /** The server that issues tokens. Grants are pinned to it: their refresh tokens are sent to no other. */
    public String tokenServer() {
        return server(tokenEndpoint);
    }

    /** The origin of a server that issues tokens. A server for tests has another port whenever it is started again. */
    public static String server(URI uri) {
        boolean forTests = uri.getScheme().equalsIgnoreCase("http");
        return forTests ? "http://" + uri.getHost().toLowerCase(Locale.ROOT) : origin(uri);
    }

    /** Scheme, host and port. */
    public static String origin(URI uri) {
        String scheme = uri.getScheme().toLowerCase(Locale.ROOT);
        int port = uri.getPort() >= 0 ? uri.getPort() : scheme.equals("https") ? 443 : 80;
        return scheme + "://" + uri.getHost().toLowerCase(Locale.ROOT) + ":" + port;
    }
}
