/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.provider;

import java.net.URI;
import java.time.Duration;
import java.time.temporal.TemporalAmount;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The facts about an authorization server, with their defaults. The setter of the same name in {@code Provider.Builder}
 * explains each. Facts that are told in an enum of package {@code provider} are in a subclass there, with getters: this
 * package does not know those enums.
 *
 * <p>Facts are set while a provider is built, and never again; the collections in them are unmodifiable. So those of a
 * provider may be shared among threads.
 */
public class ProviderFacts implements Cloneable {
    /** Stands for an endpoint that is required and was not set. */
    public static final URI MISSING = URI.create("");

    public final String name;
    public URI documentation = URI.create("https://www.rfc-editor.org/rfc/rfc6749");

    public URI authorizationEndpoint = MISSING;
    public URI tokenEndpoint = MISSING;
    public @Nullable URI refreshEndpoint;
    public @Nullable URI revocationEndpoint;
    public @Nullable URI pushedAuthorizationRequestEndpoint;
    public @Nullable URI deviceAuthorizationEndpoint;
    public @Nullable URI backchannelAuthenticationEndpoint;
    public @Nullable URI introspectionEndpoint;
    public @Nullable URI endSessionEndpoint;
    public @Nullable URI userInfoEndpoint;
    /** The endpoint at which clients register themselves (RFC 7591); known from metadata only. */
    public @Nullable URI registrationEndpoint;

    public @Nullable URI profileEndpoint;
    /** From claim to member; {@code sub} is one of the claims, if there is a profile endpoint. */
    public Map<String, String> profileClaims = Map.of();
    /** From the name of an endpoint in the metadata to its alias. */
    public Map<String, URI> mtlsEndpointAliases = Map.of();
    /** In the form of {@link #tokenServer()}. */
    public Set<String> formerServers = Set.of();
    /** With the port spelled out. */
    public Set<String> apiOrigins = Set.of();

    /** Empty if unknown. */
    public Set<String> backchannelTokenDeliveryModes = Set.of();

    public boolean backchannelUserCodeParameter;

    public boolean httpOnLoopback;
    /**
     * Whether the endpoints are those of the server's metadata, so that one that is missing is nobody's mistake here.
     */
    public boolean fromMetadata;

    // From metadata only, and for clients that register themselves. A list is empty if the metadata has none.
    /** Whether a client id may be the URL of the client's own metadata. */
    public boolean clientIdMetadataDocuments;
    /**
     * Whether the metadata names {@code S256} for PKCE. If not, it names nothing: other methods without this one are
     * refused.
     */
    public boolean namesS256;

    public Set<String> scopesSupported = Set.of();
    public Set<String> grantTypesSupported = Set.of();
    public Set<String> tokenEndpointAuthMethods = Set.of();
    public Set<String> dpopAlgorithms = Set.of();
    /** The algorithms of signed backchannel authentication requests. */
    public Set<String> backchannelSigningAlgorithms = Set.of();
    /** The algorithms for the keys of encrypted authorization requests. */
    public Set<String> requestEncryptionAlgorithms = Set.of();
    /** The algorithms for their content. */
    public Set<String> requestEncryptionMethods = Set.of();

    /** With <code>{tenantid}</code> in the place of the token's {@code tid} claim, if it leaves the tenant open. */
    public @Nullable String issuer;

    public @Nullable URI jwksUri;
    /** In lower case; empty for all. */
    public Set<String> tenants = Set.of();
    /** In lower case. */
    public Set<String> refusedTenants = Set.of();

    public boolean issuerInCallback;

    public @Nullable String assertionIssuer;
    public @Nullable String assertionAudience;
    public boolean pkce = true;
    public String scopeSeparator = " ";
    public Map<String, String> authorizationParameters = Map.of();
    /** From parameter to reason; among them the parameters that the library sets itself. */
    public Map<String, String> forbiddenParameters = Map.of();

    public Set<String> clientCapabilities = Set.of();
    /** Whether a resource is requested by the scope {@code resource/.default}, not by the parameter. */
    public boolean resourceIsScope;
    /** Whether redirect URIs may have the host {@code localhost}. */
    public boolean loopbackByName = true;
    /** Whether redirect URIs may have a loopback address as host. */
    public boolean loopbackByAddress = true;

    public @Nullable Duration defaultLifetime;
    /** The time before an access token's expiry from which a refresh is accepted; {@code null} for any. */
    public @Nullable Duration earliestRefresh;

    public @Nullable TemporalAmount refreshTokenLifetime;
    /** Whether that lifetime counts from the login, not from the last refresh. */
    public boolean refreshTokenLifetimeFromLogin;

    public @Nullable String noApplicationTokens;
    public @Nullable String noLogins;
    public DialectFacts dialect = DialectFacts.STANDARD;

    protected ProviderFacts(String name) {
        this.name = name;
    }

    /** A copy, of the same class. A copy constructor would have to name every fact, and could forget one. */
    @Override
    protected ProviderFacts clone() {
        try {
            return (ProviderFacts) super.clone();
        } catch (CloneNotSupportedException e) {
            throw new AssertionError(e);
        }
    }

    /** The endpoint that refreshes tokens: the token endpoint (RFC 6749 section 6), unless there is another one. */
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

    /** The separator of scopes in a response. Blanks separate in any case. */
    public String grantedScopeSeparator() {
        return dialect.grantedScopeSeparator == null ? scopeSeparator : dialect.grantedScopeSeparator;
    }

    /** The lifetime of access tokens if the server does not say. */
    public Optional<Duration> defaultLifetime() {
        return Optional.ofNullable(defaultLifetime);
    }

    /** The server that issues tokens. Grants are pinned to it: their refresh tokens are sent to no other. */
    public String tokenServer() {
        return server(tokenEndpoint);
    }

    /** The origin; without the port for {@code http}, since a server for tests gets another one at every start. */
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
