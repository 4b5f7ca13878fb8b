/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.provider;

import java.net.URI;
import java.net.URISyntaxException;
import java.time.Duration;
import java.time.temporal.TemporalAmount;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * An authorization server and the APIs that take its tokens, as data.
 *
 * <p>Immutable and thread-safe. There are presets ({@link Spotify}, {@link EntraId}); {@link #newBuilder()} derives a
 * variant of one, {@link #builder(String)} describes any other server. Endpoints are {@code https}; {@code http} is for
 * loopback, and only after {@link Builder#allowHttpOnLoopback()}.
 */
public final class Provider {
    /**
     * What may be done with a refresh token after a request whose answer never came. The server may have taken the
     * token, and some servers end the whole grant when a spent one comes back (RFC 9700 section 4.14.2).
     */
    public enum Replay {
        /**
         * Send it once more when the first request can no longer arrive. Right for servers about which nothing is
         * known.
         */
        LATE,
        /** Send it once more at once: the server does not rotate refresh tokens, or has a grace window. */
        PROMPT,
        /** Never send it again: the user has to sign in again. */
        NEVER
    }

    /** From when on the lifetime of refresh tokens counts. */
    public enum Anchor {
        /** From when the user authorised the application; refreshing changes nothing. */
        AUTHORIZATION,
        /** From the last refresh. */
        LAST_USE
    }

    /** How a client says for which of several APIs it wants an access token. */
    public enum ResourceStyle {
        /** By the parameter {@code resource} (RFC 8707). */
        PARAMETER,
        /** By a scope: the resource and {@code /.default}. */
        DEFAULT_SCOPE
    }

    /** What the provider takes as redirect URI of a program that listens on its own machine (RFC 8252 section 7.3). */
    public enum Loopback {
        /** Both the name {@code localhost} and the addresses {@code 127.0.0.1} and {@code [::1]}. */
        ANY,
        /** The addresses only. */
        ADDRESS,
        /** The name {@code localhost} only. */
        NAME
    }

    /** What the library itself decides about in a login. Whoever sets these by hand breaks it, or its safety. */
    private static final Set<String> OWN_PARAMETERS = Set.of(
            "response_type",
            "client_id",
            "client_secret",
            "redirect_uri",
            "scope",
            "state",
            "nonce",
            "code_challenge",
            "code_challenge_method",
            "dpop_jkt",
            "max_age",
            "response_mode",
            "request",
            "request_uri",
            // Claims of a signed request (RFC 9101 section 4). With a subject it could be taken for a client assertion.
            "iss",
            "sub",
            "aud",
            "exp",
            "nbf",
            "iat",
            "jti");

    /** How the id of a tenant looks in lower case. */
    static final String TENANT_ID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}";

    private final String name;
    private final URI documentation;
    private final URI authorizationEndpoint;
    private final URI tokenEndpoint;
    private final @Nullable URI refreshEndpoint;
    private final @Nullable URI revocationEndpoint;
    private final @Nullable URI pushedAuthorizationRequestEndpoint;
    private final @Nullable URI deviceAuthorizationEndpoint;
    private final @Nullable URI introspectionEndpoint;
    private final @Nullable URI endSessionEndpoint;
    private final @Nullable URI userInfoEndpoint;
    private final @Nullable URI profileEndpoint;
    private final Map<String, String> profileClaims;
    private final @Nullable String issuer;
    private final @Nullable URI jwksUri;
    private final Set<String> tenants;
    private final Set<String> refusedTenants;
    private final boolean issuerInCallback;
    private final Set<String> formerServers;
    private final Set<String> apiOrigins;
    private final ClientAuthentication clientAuthentication;
    private final @Nullable String assertionIssuer;
    private final @Nullable String assertionAudience;
    private final Map<String, URI> mtlsEndpointAliases;
    private final Set<LoginProtection> loginProtections;
    private final String scopeSeparator;
    private final boolean pkce;
    private final Map<String, String> authorizationParameters;
    private final Map<String, String> forbiddenParameters;
    private final Set<String> clientCapabilities;
    private final @Nullable Duration defaultLifetime;
    private final Replay replay;
    private final @Nullable TemporalAmount refreshTokenLifetime;
    private final Anchor refreshTokenAnchor;
    private final Loopback loopback;
    private final ResourceStyle resourceStyle;
    private final @Nullable String noApplicationTokens;
    private final Dialect dialect;
    private final boolean httpOnLoopback;

    private Provider(Builder builder) {
        this.name = builder.name;
        this.httpOnLoopback = builder.httpOnLoopback;
        this.authorizationEndpoint = endpoint("authorization endpoint", builder.authorizationEndpoint);
        this.tokenEndpoint = endpoint("token endpoint", builder.tokenEndpoint);
        this.refreshEndpoint = optionalEndpoint("refresh endpoint", builder.refreshEndpoint);
        this.revocationEndpoint = optionalEndpoint("revocation endpoint", builder.revocationEndpoint);
        this.pushedAuthorizationRequestEndpoint =
                optionalEndpoint("pushed authorization request endpoint", builder.pushedAuthorizationRequestEndpoint);
        this.deviceAuthorizationEndpoint =
                optionalEndpoint("device authorization endpoint", builder.deviceAuthorizationEndpoint);
        this.introspectionEndpoint = optionalEndpoint("introspection endpoint", builder.introspectionEndpoint);
        this.endSessionEndpoint = optionalEndpoint("end session endpoint", builder.endSessionEndpoint);
        this.userInfoEndpoint = optionalEndpoint("UserInfo endpoint", builder.userInfoEndpoint);
        this.profileEndpoint = optionalEndpoint("profile endpoint", builder.profileEndpoint);
        this.jwksUri = optionalEndpoint("JWKS URI", builder.jwksUri);
        this.documentation = builder.documentation == null
                ? URI.create("https://www.rfc-editor.org/rfc/rfc6749")
                : endpoint("documentation", builder.documentation);
        this.profileClaims = Map.copyOf(builder.profileClaims);
        this.issuer = builder.issuer;
        if (issuer == null && (jwksUri != null || builder.issuerInCallback)) {
            throw new IllegalArgumentException("Provider " + name
                    + ": without the issuer neither ID tokens nor callbacks can be checked. Say who it is");
        }
        this.tenants = Collections.unmodifiableSet(new LinkedHashSet<>(builder.tenants));
        this.refusedTenants = Collections.unmodifiableSet(new LinkedHashSet<>(builder.refusedTenants));
        this.issuerInCallback = builder.issuerInCallback;
        Set<String> origins = new LinkedHashSet<>();
        builder.apiOrigins.forEach(url -> origins.add(origin(endpoint("API origin", url))));
        this.apiOrigins = Collections.unmodifiableSet(origins);
        Set<String> former = new LinkedHashSet<>();
        builder.formerServers.forEach(url -> former.add(server(endpoint("former server", url))));
        this.formerServers = Collections.unmodifiableSet(former);
        this.clientAuthentication = builder.clientAuthentication;
        this.assertionIssuer = builder.assertionIssuer;
        this.assertionAudience = builder.assertionAudience;
        Map<String, URI> aliases = new LinkedHashMap<>();
        builder.mtlsEndpointAliases.forEach(
                (endpoint, alias) -> aliases.put(endpoint, endpoint("alias of " + endpoint, alias)));
        this.mtlsEndpointAliases = Collections.unmodifiableMap(aliases);
        this.loginProtections = builder.loginProtections;
        this.scopeSeparator = builder.scopeSeparator;
        this.pkce = builder.pkce;
        this.authorizationParameters =
                Collections.unmodifiableMap(new LinkedHashMap<>(builder.authorizationParameters));
        Map<String, String> forbidden = new LinkedHashMap<>(builder.forbiddenParameters);
        OWN_PARAMETERS.forEach(own -> forbidden.put(own, "it is the library's own"));
        forbidden.put(builder.dialect.clientIdParameter(), "it is the library's own");
        forbidden.put(builder.dialect.scopeParameter(), "it is the library's own");
        this.forbiddenParameters = Collections.unmodifiableMap(forbidden);
        for (String parameter : authorizationParameters.keySet()) {
            String reason = forbidden.get(parameter);
            if (reason != null) {
                throw new IllegalArgumentException(
                        "Provider " + name + ": the parameter " + parameter + " cannot be sent: " + reason);
            }
        }
        this.clientCapabilities = Collections.unmodifiableSet(new LinkedHashSet<>(builder.clientCapabilities));
        this.defaultLifetime = builder.defaultLifetime;
        this.replay = builder.replay;
        this.refreshTokenLifetime = builder.refreshTokenLifetime;
        this.refreshTokenAnchor = builder.refreshTokenAnchor;
        this.loopback = builder.loopback;
        this.resourceStyle = builder.resourceStyle;
        this.noApplicationTokens = builder.noApplicationTokens;
        this.dialect = builder.dialect;
    }

    private @Nullable URI optionalEndpoint(String what, @Nullable String text) {
        return text == null ? null : endpoint(what, text);
    }

    private URI endpoint(String what, @Nullable String text) {
        if (text == null) {
            throw new IllegalArgumentException("Provider " + name + " has no " + what);
        }
        URI uri;
        try {
            uri = new URI(text);
        } catch (URISyntaxException e) {
            throw new IllegalArgumentException(
                    "Provider " + name + ": the " + what + " is not a URI: " + e.getReason(), e);
        }
        String scheme = uri.getScheme() == null ? "" : uri.getScheme().toLowerCase(Locale.ROOT);
        String host = uri.getHost();
        if (host == null || uri.getRawUserInfo() != null || uri.getRawFragment() != null) {
            throw new IllegalArgumentException("Provider " + name + ": the " + what
                    + " must be an absolute https URL without user and fragment, and is " + text);
        }
        boolean loopbackHost = host.equals("127.0.0.1") || host.equals("[::1]") || host.equals("localhost");
        if (scheme.equals("http") && loopbackHost && !httpOnLoopback) {
            throw new IllegalArgumentException("Provider " + name + ": the " + what + " " + text
                    + " is http. For tests on loopback say allowHttpOnLoopback()");
        }
        if (!scheme.equals("https") && !(scheme.equals("http") && loopbackHost)) {
            throw new IllegalArgumentException("Provider " + name + ": the " + what + " must be https, and is " + text);
        }
        return uri;
    }

    private static String origin(URI uri) {
        String scheme = uri.getScheme().toLowerCase(Locale.ROOT);
        int port = uri.getPort() >= 0 ? uri.getPort() : scheme.equals("https") ? 443 : 80;
        return scheme + "://" + uri.getHost().toLowerCase(Locale.ROOT) + ":" + port;
    }

    /** The origin. Of a server for tests the port does not count: it is another one whenever that is started again. */
    private static String server(URI uri) {
        boolean forTests = uri.getScheme().equalsIgnoreCase("http");
        return forTests ? "http://" + uri.getHost().toLowerCase(Locale.ROOT) : origin(uri);
    }

    /**
     * Describes a server of which there is no preset.
     *
     * @param name a short name for logs, keys and messages: lower-case letters, digits, dots and hyphens
     * @return a builder; the two endpoints are required, everything else has a default
     */
    public static Builder builder(String name) {
        return new Builder(name);
    }

    /**
     * Derives a variant of this provider.
     *
     * @return a builder that has everything of this provider
     */
    public Builder newBuilder() {
        return new Builder(this);
    }

    /**
     * The short name.
     *
     * @return as given to {@link #builder(String)}
     */
    public String name() {
        return name;
    }

    /**
     * Where the provider documents what this value says.
     *
     * @return a page for people
     */
    public URI documentation() {
        return documentation;
    }

    /**
     * Where users are sent to sign in and consent (RFC 6749 section 3.1).
     *
     * @return the endpoint
     */
    public URI authorizationEndpoint() {
        return authorizationEndpoint;
    }

    /**
     * Where tokens are issued and refreshed (RFC 6749 section 3.2).
     *
     * @return the endpoint
     */
    public URI tokenEndpoint() {
        return tokenEndpoint;
    }

    /**
     * The server that issues tokens. Grants are pinned to it: their refresh tokens are sent to no other.
     *
     * @return scheme, host and port of the token endpoint; without the port for {@code http} on loopback, where servers
     *     for tests are
     */
    public String tokenServer() {
        return server(tokenEndpoint);
    }

    /**
     * Where the same server was before.
     *
     * @return in the form of {@link #tokenServer()}; grants from there are good here
     */
    public Set<String> formerServers() {
        return formerServers;
    }

    /**
     * Where tokens are refreshed.
     *
     * @return the token endpoint (RFC 6749 section 6), or what this provider has instead
     */
    public URI refreshEndpoint() {
        return refreshEndpoint == null ? tokenEndpoint : refreshEndpoint;
    }

    /**
     * Where tokens are given back (RFC 7009).
     *
     * @return the endpoint, empty if the provider has none
     */
    public Optional<URI> revocationEndpoint() {
        return Optional.ofNullable(revocationEndpoint);
    }

    /**
     * Where an authorization request is handed over before the browser is sent (RFC 9126).
     *
     * @return the endpoint, empty if the provider has none
     */
    public Optional<URI> pushedAuthorizationRequestEndpoint() {
        return Optional.ofNullable(pushedAuthorizationRequestEndpoint);
    }

    /**
     * Where a login begins that the user finishes on another device (RFC 8628).
     *
     * @return the endpoint, empty if the provider has none
     */
    public Optional<URI> deviceAuthorizationEndpoint() {
        return Optional.ofNullable(deviceAuthorizationEndpoint);
    }

    /**
     * What tells whether a token is good (RFC 7662).
     *
     * @return the endpoint, empty if the provider has none
     */
    public Optional<URI> introspectionEndpoint() {
        return Optional.ofNullable(introspectionEndpoint);
    }

    /**
     * Where a browser is sent to end the user's session at the provider (OpenID Connect RP-Initiated Logout).
     *
     * @return the endpoint, empty if the provider has none
     */
    public Optional<URI> endSessionEndpoint() {
        return Optional.ofNullable(endSessionEndpoint);
    }

    /**
     * What tells more about a user than the ID token does (OpenID Connect Core section 5.3).
     *
     * @return the endpoint, empty if the provider has none
     */
    public Optional<URI> userInfoEndpoint() {
        return Optional.ofNullable(userInfoEndpoint);
    }

    /**
     * What tells who a user is, where there is no OpenID Connect.
     *
     * @return the endpoint, empty if the provider has none
     */
    public Optional<URI> profileEndpoint() {
        return Optional.ofNullable(profileEndpoint);
    }

    /**
     * Which member of the profile holds which claim. The claim {@code sub} is always among them.
     *
     * @return from claim to member
     */
    public Map<String, String> profileClaims() {
        return profileClaims;
    }

    /**
     * Who the server is: the issuer of ID tokens, and of answers through the browser. A <code>{tenantid}</code> in it
     * stands for the {@code tid} claim of the token.
     *
     * @return the issuer, empty if it is not known
     */
    public Optional<String> issuer() {
        return Optional.ofNullable(issuer);
    }

    /**
     * Where the keys are that sign ID tokens.
     *
     * @return the URL of a JWK set (RFC 7517), empty if the provider signs nothing, and does not speak OpenID Connect
     */
    public Optional<URI> jwksUri() {
        return Optional.ofNullable(jwksUri);
    }

    /**
     * Whose users may sign in, where the issuer leaves the tenant open.
     *
     * @return ids of tenants in lower case; empty for all
     */
    public Set<String> tenants() {
        return tenants;
    }

    /**
     * Whose users may not sign in, where the issuer leaves the tenant open.
     *
     * @return ids of tenants in lower case
     */
    public Set<String> refusedTenants() {
        return refusedTenants;
    }

    /**
     * Whether every answer through the browser says which server it comes from (RFC 9207). One that does not is then
     * refused; one that names another server is refused in any case.
     *
     * @return whether {@code iss} is required
     */
    public boolean issuerInCallback() {
        return issuerInCallback;
    }

    /**
     * Where access tokens may go: scheme, host and port of the APIs, and nowhere else.
     *
     * @return origins with their port spelled out, for example {@code https://api.spotify.com:443}
     */
    public Set<String> apiOrigins() {
        return apiOrigins;
    }

    /**
     * How applications authenticate that have a secret, unless they choose otherwise. Those with a {@link SigningKey}
     * and no secret use {@link ClientAuthentication#PRIVATE_KEY_JWT}, or {@link ClientAuthentication#SIGNED_SECRET} if
     * this says so, those with neither {@link ClientAuthentication#MUTUAL_TLS} if this says so, and otherwise
     * {@link ClientAuthentication#NONE}.
     *
     * @return the way
     */
    public ClientAuthentication clientAuthentication() {
        return clientAuthentication;
    }

    /**
     * Who makes the assertions with which applications prove who they are ({@code iss}, RFC 7523 section 3).
     *
     * @return whom the provider wants to see there; empty for the client itself
     */
    public Optional<String> assertionIssuer() {
        return Optional.ofNullable(assertionIssuer);
    }

    /**
     * For whom assertions are made that this provider is to believe ({@code aud}, RFC 7523 section 3).
     *
     * @return what the provider wants there, otherwise the issuer, otherwise the token endpoint
     */
    public String assertionAudience() {
        if (assertionAudience != null) {
            return assertionAudience;
        }
        // An issuer that leaves its tenant open names nobody.
        return issuer == null || issuer.contains("{") ? tokenEndpoint.toString() : issuer;
    }

    /**
     * Where the endpoints are that ask for a certificate in the TLS handshake, if they are elsewhere (RFC 8705 section
     * 5). Used with {@link ClientAuthentication#MUTUAL_TLS} only.
     *
     * @return from the name of the endpoint in the metadata, for example {@code token_endpoint}, to its alias
     */
    public Map<String, URI> mtlsEndpointAliases() {
        return mtlsEndpointAliases;
    }

    /**
     * How the provider wants every login to be protected.
     *
     * @return what it demands of every application
     */
    public Set<LoginProtection> loginProtections() {
        return loginProtections;
    }

    /**
     * What stands between two scopes.
     *
     * @return a blank (RFC 6749 section 3.3), or what the provider wants instead
     */
    public String scopeSeparator() {
        return scopeSeparator;
    }

    /**
     * What stands between two scopes in an answer. Blanks separate in any case.
     *
     * @return what the dialect says, otherwise the same as in a request
     */
    public String grantedScopeSeparator() {
        return dialect.grantedScopeSeparator().orElse(scopeSeparator);
    }

    /**
     * Whether the server takes PKCE (RFC 7636). Only a preset can know that one does not.
     *
     * @return whether PKCE is sent
     */
    public boolean pkce() {
        return pkce;
    }

    /**
     * What is sent with every authorization request.
     *
     * @return further parameters
     */
    public Map<String, String> authorizationParameters() {
        return authorizationParameters;
    }

    /**
     * Parameters that nobody may add to a login, with the reason: the library's own, and those that the server refuses.
     * They fail here, where the message can say what to do.
     *
     * @return from parameter to reason
     */
    public Map<String, String> forbiddenParameters() {
        return forbiddenParameters;
    }

    /**
     * What the server is told that this application can handle.
     *
     * @return for example {@code cp1}; empty unless it was said
     */
    public Set<String> clientCapabilities() {
        return clientCapabilities;
    }

    /**
     * How long access tokens live when the server does not say.
     *
     * @return the lifetime, empty if unknown: such a token is used until an API rejects it
     */
    public Optional<Duration> defaultLifetime() {
        return Optional.ofNullable(defaultLifetime);
    }

    /**
     * What may be done with a refresh token after a lost answer.
     *
     * @return the replay class
     */
    public Replay replay() {
        return replay;
    }

    /**
     * How long refresh tokens live.
     *
     * @return a duration or period, empty if unknown
     */
    public Optional<TemporalAmount> refreshTokenLifetime() {
        return Optional.ofNullable(refreshTokenLifetime);
    }

    /**
     * From when on that lifetime counts.
     *
     * @return the anchor
     */
    public Anchor refreshTokenAnchor() {
        return refreshTokenAnchor;
    }

    /**
     * Which redirect URIs on the user's own machine the provider takes.
     *
     * @return the rule
     */
    public Loopback loopback() {
        return loopback;
    }

    /**
     * How a client says for which API it wants an access token.
     *
     * @return the style
     */
    public ResourceStyle resourceStyle() {
        return resourceStyle;
    }

    /**
     * Why the provider gives an application no tokens of its own (client credentials, RFC 6749 section 4.4).
     *
     * @return the reason, and what to do instead; empty if it does, or nothing is known
     */
    public Optional<String> noApplicationTokens() {
        return Optional.ofNullable(noApplicationTokens);
    }

    /**
     * Where the server's messages differ from the standards.
     *
     * @return the differences; most servers have none
     */
    public Dialect dialect() {
        return dialect;
    }

    @Override
    public String toString() {
        return "Provider[" + name + ", " + tokenEndpoint + "]";
    }

    /** Collects what is known of a server. Not thread-safe. */
    public static final class Builder {
        private final String name;
        private @Nullable String documentation;
        private @Nullable String authorizationEndpoint;
        private @Nullable String tokenEndpoint;
        private @Nullable String refreshEndpoint;
        private @Nullable String revocationEndpoint;
        private @Nullable String pushedAuthorizationRequestEndpoint;
        private @Nullable String deviceAuthorizationEndpoint;
        private @Nullable String introspectionEndpoint;
        private @Nullable String endSessionEndpoint;
        private @Nullable String userInfoEndpoint;
        private @Nullable String profileEndpoint;
        private Map<String, String> profileClaims = Map.of();
        private @Nullable String issuer;
        private @Nullable String jwksUri;
        private Set<String> tenants = Set.of();
        private Set<String> refusedTenants = Set.of();
        private boolean issuerInCallback;
        private Set<String> formerServers = Set.of();
        private Set<String> apiOrigins = Set.of();
        private ClientAuthentication clientAuthentication = ClientAuthentication.SECRET_BASIC;
        private @Nullable String assertionIssuer;
        private @Nullable String assertionAudience;
        private Map<String, String> mtlsEndpointAliases = Map.of();
        private Set<LoginProtection> loginProtections = Set.of();
        private String scopeSeparator = " ";
        private boolean pkce = true;
        private final Map<String, String> authorizationParameters = new LinkedHashMap<>();
        private final Map<String, String> forbiddenParameters = new LinkedHashMap<>();
        private Set<String> clientCapabilities = Set.of();
        private @Nullable Duration defaultLifetime;
        private Replay replay = Replay.LATE;
        private @Nullable TemporalAmount refreshTokenLifetime;
        private Anchor refreshTokenAnchor = Anchor.LAST_USE;
        private Loopback loopback = Loopback.ANY;
        private ResourceStyle resourceStyle = ResourceStyle.PARAMETER;
        private @Nullable String noApplicationTokens;
        private Dialect dialect = Dialect.STANDARD;
        private boolean httpOnLoopback;

        private Builder(String name) {
            if (!name.matches("[a-z0-9][a-z0-9.-]{0,63}")) {
                throw new IllegalArgumentException(
                        "A provider's name consists of lower-case letters, digits, dots and hyphens, at most 64: "
                                + name);
            }
            this.name = name;
        }

        private Builder(Provider provider) {
            this.name = provider.name;
            this.documentation = provider.documentation.toString();
            this.authorizationEndpoint = provider.authorizationEndpoint.toString();
            this.tokenEndpoint = provider.tokenEndpoint.toString();
            this.refreshEndpoint = text(provider.refreshEndpoint);
            this.revocationEndpoint = text(provider.revocationEndpoint);
            this.pushedAuthorizationRequestEndpoint = text(provider.pushedAuthorizationRequestEndpoint);
            this.deviceAuthorizationEndpoint = text(provider.deviceAuthorizationEndpoint);
            this.introspectionEndpoint = text(provider.introspectionEndpoint);
            this.endSessionEndpoint = text(provider.endSessionEndpoint);
            this.userInfoEndpoint = text(provider.userInfoEndpoint);
            this.profileEndpoint = text(provider.profileEndpoint);
            this.profileClaims = provider.profileClaims;
            this.issuer = provider.issuer;
            this.jwksUri = text(provider.jwksUri);
            this.tenants = provider.tenants;
            this.refusedTenants = provider.refusedTenants;
            this.issuerInCallback = provider.issuerInCallback;
            this.formerServers = provider.formerServers;
            this.apiOrigins = provider.apiOrigins;
            this.clientAuthentication = provider.clientAuthentication;
            this.assertionIssuer = provider.assertionIssuer;
            this.assertionAudience = provider.assertionAudience;
            this.mtlsEndpointAliases = new LinkedHashMap<>();
            provider.mtlsEndpointAliases.forEach(
                    (endpoint, alias) -> this.mtlsEndpointAliases.put(endpoint, alias.toString()));
            this.loginProtections = provider.loginProtections;
            this.scopeSeparator = provider.scopeSeparator;
            this.pkce = provider.pkce;
            this.authorizationParameters.putAll(provider.authorizationParameters);
            this.forbiddenParameters.putAll(provider.forbiddenParameters);
            this.clientCapabilities = provider.clientCapabilities;
            this.defaultLifetime = provider.defaultLifetime;
            this.replay = provider.replay;
            this.refreshTokenLifetime = provider.refreshTokenLifetime;
            this.refreshTokenAnchor = provider.refreshTokenAnchor;
            this.loopback = provider.loopback;
            this.resourceStyle = provider.resourceStyle;
            this.noApplicationTokens = provider.noApplicationTokens;
            this.dialect = provider.dialect;
            this.httpOnLoopback = provider.httpOnLoopback;
        }

        private static @Nullable String text(@Nullable URI uri) {
            return uri == null ? null : uri.toString();
        }

        /**
         * Sets where the provider documents its endpoints. Default: RFC 6749.
         *
         * @param url a page for people
         * @return this builder
         */
        public Builder documentation(String url) {
            this.documentation = url;
            return this;
        }

        /**
         * Sets where users are sent. Required.
         *
         * @param url the endpoint; a query in it is kept
         * @return this builder
         */
        public Builder authorizationEndpoint(String url) {
            this.authorizationEndpoint = url;
            return this;
        }

        /**
         * Sets where tokens are issued. Required.
         *
         * @param url the endpoint
         * @return this builder
         */
        public Builder tokenEndpoint(String url) {
            this.tokenEndpoint = url;
            return this;
        }

        /**
         * Sets where tokens are refreshed. Default: at the token endpoint (RFC 6749 section 6).
         *
         * @param url the endpoint, {@code null} for the token endpoint
         * @return this builder
         */
        public Builder refreshEndpoint(@Nullable String url) {
            this.refreshEndpoint = url;
            return this;
        }

        /**
         * Sets where tokens are given back (RFC 7009). Default: nowhere.
         *
         * @param url the endpoint, {@code null} for none
         * @return this builder
         */
        public Builder revocationEndpoint(@Nullable String url) {
            this.revocationEndpoint = url;
            return this;
        }

        /**
         * Sets where authorization requests are handed over before the browser is sent (RFC 9126). Default: none.
         *
         * @param url the endpoint, {@code null} for none
         * @return this builder
         */
        public Builder pushedAuthorizationRequestEndpoint(@Nullable String url) {
            this.pushedAuthorizationRequestEndpoint = url;
            return this;
        }

        /**
         * Sets where logins begin that users finish on another device (RFC 8628). Default: none.
         *
         * @param url the endpoint, {@code null} for none
         * @return this builder
         */
        public Builder deviceAuthorizationEndpoint(@Nullable String url) {
            this.deviceAuthorizationEndpoint = url;
            return this;
        }

        /**
         * Sets what tells whether a token is good (RFC 7662). Default: none.
         *
         * @param url the endpoint, {@code null} for none
         * @return this builder
         */
        public Builder introspectionEndpoint(@Nullable String url) {
            this.introspectionEndpoint = url;
            return this;
        }

        /**
         * Sets where a browser is sent to end the user's session (OpenID Connect RP-Initiated Logout). Default: none.
         *
         * @param url the endpoint, {@code null} for none
         * @return this builder
         */
        public Builder endSessionEndpoint(@Nullable String url) {
            this.endSessionEndpoint = url;
            return this;
        }

        /**
         * Sets what tells more about a user than the ID token does (OpenID Connect Core section 5.3). Default: none.
         *
         * @param url the endpoint, {@code null} for none
         * @return this builder
         */
        public Builder userInfoEndpoint(@Nullable String url) {
            this.userInfoEndpoint = url;
            return this;
        }

        /**
         * Sets what tells who a user is, where there is no OpenID Connect. Default: nothing.
         *
         * @param url an API endpoint that answers a JSON object
         * @param claims from claim to member of that object, or to a place in it ({@code /data/0/id}); {@code sub} must
         *     be among the claims
         * @return this builder
         */
        public Builder profileEndpoint(String url, Map<String, String> claims) {
            if (!claims.containsKey("sub")) {
                throw new IllegalArgumentException("Say which member of the profile is the user's id: claim sub");
            }
            this.profileEndpoint = url;
            this.profileClaims = Map.copyOf(claims);
            return this;
        }

        /**
         * Sets who issues ID tokens and where its keys are. Default: no OpenID Connect, and asking for {@code openid}
         * fails.
         *
         * @param issuer the issuer, compared character by character; <code>{tenantid}</code> in it stands for the
         *     token's {@code tid} claim
         * @param jwksUri where the keys are
         * @return this builder
         */
        public Builder openId(String issuer, String jwksUri) {
            this.issuer = Objects.requireNonNull(issuer);
            this.jwksUri = Objects.requireNonNull(jwksUri);
            return this;
        }

        /**
         * Sets whose users may sign in, where the issuer leaves the tenant open: an ID token of another tenant
         * ({@code tid}) is refused. Default: all tenants that the issuer fits.
         *
         * @param ids the tenants' ids, each a GUID; none for all
         * @return this builder
         * @throws IllegalArgumentException if one is something else, for example a domain: tokens name their tenant by
         *     its id
         */
        public Builder tenants(String... ids) {
            this.tenants = tenantIds(ids);
            return this;
        }

        /**
         * Sets whose users may not sign in, where the issuer leaves the tenant open. Default: nobody is left out.
         *
         * @param ids the tenants' ids, each a GUID
         * @return this builder
         * @throws IllegalArgumentException if one is something else
         */
        public Builder refusedTenants(String... ids) {
            this.refusedTenants = tenantIds(ids);
            return this;
        }

        private static Set<String> tenantIds(String... ids) {
            Set<String> all = new LinkedHashSet<>();
            for (String id : ids) {
                String lower = id.toLowerCase(Locale.ROOT);
                if (!lower.matches(TENANT_ID)) {
                    throw new IllegalArgumentException(
                            "The id of a tenant is a GUID, as its tokens have it in tid; not: " + id);
                }
                all.add(lower);
            }
            return all;
        }

        /**
         * Takes from the server's own metadata (RFC 8414, OpenID Connect Discovery 1.0) who it is, its endpoints and
         * its way to authenticate, in place of what was said before. Where access tokens may go, it does not say:
         * {@link #apiOrigins}. Does no I/O; {@code Discovery} asks the server.
         *
         * @param issuer whose metadata these should be
         * @param json the document
         * @return this builder
         * @throws IllegalArgumentException if they are another server's, make no sense, or say that the server takes
         *     PKCE without {@code S256} only
         */
        public Builder metadata(String issuer, String json) {
            Metadata metadata = Metadata.read(issuer, json);
            this.issuer = issuer;
            this.jwksUri = metadata.text("jwks_uri");
            this.issuerInCallback = metadata.flag("authorization_response_iss_parameter_supported");
            this.authorizationEndpoint = metadata.text("authorization_endpoint");
            this.tokenEndpoint = metadata.text("token_endpoint");
            this.refreshEndpoint = null;
            this.userInfoEndpoint = metadata.text("userinfo_endpoint");
            this.revocationEndpoint = metadata.text("revocation_endpoint");
            this.introspectionEndpoint = metadata.text("introspection_endpoint");
            this.pushedAuthorizationRequestEndpoint = metadata.text("pushed_authorization_request_endpoint");
            this.deviceAuthorizationEndpoint = metadata.text("device_authorization_endpoint");
            this.endSessionEndpoint = metadata.text("end_session_endpoint");
            this.clientAuthentication = metadata.clientAuthentication();
            this.mtlsEndpointAliases = metadata.mtlsEndpointAliases();
            this.loginProtections = Set.of(metadata.loginProtections());
            return this;
        }

        /**
         * Sets who the server is, for one that does not speak OpenID Connect (RFC 8414 section 2). Default: not known.
         *
         * @param issuer the issuer, compared character by character
         * @return this builder
         */
        public Builder issuer(String issuer) {
            this.issuer = Objects.requireNonNull(issuer);
            return this;
        }

        /**
         * Sets whether the server says in every answer through the browser who it is (RFC 9207): such an answer without
         * {@code iss} is then refused. Default: it need not.
         *
         * @param issuerInCallback what the server's metadata call
         *     {@code authorization_response_iss_parameter_supported}
         * @return this builder
         */
        public Builder issuerInCallback(boolean issuerInCallback) {
            this.issuerInCallback = issuerInCallback;
            return this;
        }

        /**
         * Says where the token endpoint was before it moved to another host. Default: nowhere else. A grant is pinned
         * to the host that gave it, so that a mistake in a configuration does not show everybody's refresh tokens to a
         * stranger; grants from these hosts are refreshed here, too.
         *
         * @param origins scheme, host and, if it is not the scheme's own, port; paths are ignored
         * @return this builder
         */
        public Builder formerServers(String... origins) {
            this.formerServers = new LinkedHashSet<>(List.of(origins));
            return this;
        }

        /**
         * Sets where access tokens may go. Default: nowhere, and a wrapped client sends none.
         *
         * @param origins scheme, host and, if it is not the scheme's own, port; paths are ignored
         * @return this builder
         */
        public Builder apiOrigins(String... origins) {
            this.apiOrigins = new LinkedHashSet<>(List.of(origins));
            return this;
        }

        /**
         * Sets how applications authenticate that do not choose. Default: {@link ClientAuthentication#SECRET_BASIC}.
         *
         * @param clientAuthentication the way
         * @return this builder
         */
        public Builder clientAuthentication(ClientAuthentication clientAuthentication) {
            this.clientAuthentication = Objects.requireNonNull(clientAuthentication);
            return this;
        }

        /**
         * Sets who makes the assertions with which applications prove who they are (Apple's team). Default: the client
         * itself (RFC 7523 section 3).
         *
         * @param issuer what the provider's documentation says of {@code iss}
         * @return this builder
         */
        public Builder assertionIssuer(String issuer) {
            this.assertionIssuer = Objects.requireNonNull(issuer);
            return this;
        }

        /**
         * Sets for whom assertions are made, with which applications prove who they are. Default: the issuer, or the
         * token endpoint where there is none.
         *
         * @param audience what the provider's documentation says of {@code aud}
         * @return this builder
         */
        public Builder assertionAudience(String audience) {
            this.assertionAudience = Objects.requireNonNull(audience);
            return this;
        }

        /**
         * Sets where the endpoints are that ask for a certificate in the TLS handshake, if they are elsewhere (RFC 8705
         * section 5). Default: nowhere else.
         *
         * @param aliases from the name of the endpoint in the metadata, for example {@code token_endpoint}, to its
         *     alias
         * @return this builder
         */
        public Builder mtlsEndpointAliases(Map<String, String> aliases) {
            this.mtlsEndpointAliases = Map.copyOf(aliases);
            return this;
        }

        /**
         * Sets how the provider wants every login to be protected ({@code require_pushed_authorization_requests},
         * {@code require_signed_request_object}). Default: it demands nothing; applications may choose to.
         *
         * @param protections what it demands of every application
         * @return this builder
         */
        public Builder loginProtections(LoginProtection... protections) {
            this.loginProtections = Set.of(protections);
            return this;
        }

        /**
         * Sets what stands between two scopes. Default: a blank (RFC 6749 section 3.3).
         *
         * @param separator for example a comma
         * @return this builder
         */
        public Builder scopeSeparator(String separator) {
            this.scopeSeparator = Objects.requireNonNull(separator);
            return this;
        }

        /**
         * Sets whether the server takes PKCE (RFC 7636). Default: it does. Only for a server that refuses a login
         * because of it: without PKCE, a code that somebody steals on its way can be redeemed.
         *
         * @param pkce whether PKCE is sent
         * @return this builder
         */
        public Builder pkce(boolean pkce) {
            this.pkce = pkce;
            return this;
        }

        /**
         * Adds a parameter to every authorization request. Default: none.
         *
         * @param name the parameter
         * @param value its value
         * @return this builder
         */
        public Builder authorizationParameter(String name, String value) {
            authorizationParameters.put(name, value);
            return this;
        }

        /**
         * Refuses a parameter that the server would refuse with a worse message. Default: none.
         *
         * @param name the parameter
         * @param reason why, and what to do instead
         * @return this builder
         */
        public Builder forbiddenParameter(String name, String reason) {
            forbiddenParameters.put(name, reason);
            return this;
        }

        /**
         * Tells the server, with each login and each refresh, what this application can handle ({@code xms_cc} in the
         * {@code claims}; Microsoft Entra ID). {@code cp1} says that it sends a user through
         * {@code newLogin().inResponseTo(…)} whenever an API asks for that: then tokens live up to a day, and end at
         * once when an administrator wants it (continuous access evaluation). An application that does not answer is
         * locked out until such a token expires. Default: nothing.
         *
         * @param capabilities letters and digits
         * @return this builder
         */
        public Builder clientCapabilities(String... capabilities) {
            for (String capability : capabilities) {
                if (!capability.matches("[A-Za-z0-9]+")) {
                    throw new IllegalArgumentException("A capability consists of letters and digits: " + capability);
                }
            }
            this.clientCapabilities = new LinkedHashSet<>(List.of(capabilities));
            return this;
        }

        /**
         * Sets how long access tokens live when the server does not say. Default: unknown.
         *
         * @param lifetime a positive time
         * @return this builder
         */
        public Builder defaultLifetime(Duration lifetime) {
            if (lifetime.isNegative() || lifetime.isZero()) {
                throw new IllegalArgumentException("A lifetime is positive: " + lifetime);
            }
            this.defaultLifetime = lifetime;
            return this;
        }

        /**
         * Sets what may be done with a refresh token after a lost answer. Default: {@link Replay#LATE}.
         *
         * @param replay the replay class
         * @return this builder
         */
        public Builder replay(Replay replay) {
            this.replay = Objects.requireNonNull(replay);
            return this;
        }

        /**
         * Sets how long refresh tokens live. Default: unknown.
         *
         * @param lifetime a duration, or a period where the provider counts in months
         * @param anchor from when on it counts
         * @return this builder
         */
        public Builder refreshTokenLifetime(TemporalAmount lifetime, Anchor anchor) {
            this.refreshTokenLifetime = Objects.requireNonNull(lifetime);
            this.refreshTokenAnchor = Objects.requireNonNull(anchor);
            return this;
        }

        /**
         * Sets which redirect URIs on the user's own machine the provider takes. Default: {@link Loopback#ANY}.
         *
         * @param loopback the rule
         * @return this builder
         */
        public Builder loopback(Loopback loopback) {
            this.loopback = Objects.requireNonNull(loopback);
            return this;
        }

        /**
         * Sets how a client says for which API it wants an access token. Default: {@link ResourceStyle#PARAMETER}.
         *
         * @param resourceStyle the style
         * @return this builder
         */
        public Builder resourceStyle(ResourceStyle resourceStyle) {
            this.resourceStyle = Objects.requireNonNull(resourceStyle);
            return this;
        }

        /**
         * Says that the provider gives an application no tokens of its own (client credentials, RFC 6749 section 4.4).
         * Asking for them then fails at once, where the message can say what to do. Default: it may.
         *
         * @param reason why, and what to do instead; {@code null} if it does
         * @return this builder
         */
        public Builder noApplicationTokens(@Nullable String reason) {
            this.noApplicationTokens = reason;
            return this;
        }

        /**
         * Says where the server's messages differ from the standards. Default: nowhere. What was said before stays.
         *
         * @param differences is given a builder to say them to
         * @return this builder
         */
        public Builder dialect(Consumer<Dialect.Builder> differences) {
            Dialect.Builder builder = dialect.newBuilder();
            differences.accept(builder);
            this.dialect = builder.build();
            return this;
        }

        /**
         * Allows endpoints at {@code http://127.0.0.1}, {@code http://[::1]} and {@code http://localhost}, for tests.
         * Tokens travel in the clear; nowhere else can that be allowed.
         *
         * @return this builder
         */
        public Builder allowHttpOnLoopback() {
            this.httpOnLoopback = true;
            return this;
        }

        /**
         * Checks everything and makes the provider.
         *
         * @return the provider
         * @throws IllegalArgumentException if something is missing or wrong; the message says what
         */
        public Provider build() {
            return new Provider(this);
        }
    }
}
