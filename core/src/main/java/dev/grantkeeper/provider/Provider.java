/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.provider;

import dev.grantkeeper.internal.provider.ProviderFacts;
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
import java.util.function.Function;
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

    private final Facts facts;

    private Provider(Facts facts) {
        this.facts = facts;
    }

    /** The facts of which users choose from an enum. */
    private static final class Facts extends ProviderFacts {
        ClientAuthentication clientAuthentication = ClientAuthentication.SECRET_BASIC;
        Set<LoginProtection> loginProtections = Set.of();
        Replay replay = Replay.LATE;
        Anchor refreshTokenAnchor = Anchor.LAST_USE;
        Loopback loopback = Loopback.ANY;
        ResourceStyle resourceStyle = ResourceStyle.PARAMETER;
        Dialect dialectValue = Dialect.STANDARD;

        Facts(String name) {
            super(name);
        }

        Facts copy() {
            return (Facts) clone();
        }
    }

    /**
     * Describes a server of which there is no preset.
     *
     * @param name a short name for logs, keys and messages: lower-case letters, digits, dots and hyphens
     * @return a builder; the two endpoints are required, everything else has a default
     */
    public static Builder builder(String name) {
        if (!name.matches("[a-z0-9][a-z0-9.-]{0,63}")) {
            throw new IllegalArgumentException(
                    "A provider's name consists of lower-case letters, digits, dots and hyphens, at most 64: " + name);
        }
        return new Builder(new Facts(name));
    }

    /**
     * Derives a variant of this provider.
     *
     * @return a builder that has everything of this provider
     */
    public Builder newBuilder() {
        return new Builder(facts.copy());
    }

    /**
     * The short name.
     *
     * @return as given to {@link #builder(String)}
     */
    public String name() {
        return facts.name;
    }

    /**
     * Where the provider documents what this value says.
     *
     * @return a page for people
     */
    public URI documentation() {
        return facts.documentation;
    }

    /**
     * Where users are sent to sign in and consent (RFC 6749 section 3.1).
     *
     * @return the endpoint
     */
    public URI authorizationEndpoint() {
        return facts.authorizationEndpoint;
    }

    /**
     * Where tokens are issued and refreshed (RFC 6749 section 3.2).
     *
     * @return the endpoint
     */
    public URI tokenEndpoint() {
        return facts.tokenEndpoint;
    }

    /**
     * The server that issues tokens. Grants are pinned to it: their refresh tokens are sent to no other.
     *
     * @return scheme, host and port of the token endpoint; without the port for {@code http} on loopback, where servers
     *     for tests are
     */
    public String tokenServer() {
        return facts.tokenServer();
    }

    /**
     * Where the same server was before.
     *
     * @return in the form of {@link #tokenServer()}; grants from there are good here
     */
    public Set<String> formerServers() {
        return facts.formerServers;
    }

    /**
     * Where tokens are refreshed.
     *
     * @return the token endpoint (RFC 6749 section 6), or what this provider has instead
     */
    public URI refreshEndpoint() {
        return facts.refreshEndpoint();
    }

    /**
     * Where tokens are given back (RFC 7009).
     *
     * @return the endpoint, empty if the provider has none
     */
    public Optional<URI> revocationEndpoint() {
        return Optional.ofNullable(facts.revocationEndpoint);
    }

    /**
     * Where an authorization request is handed over before the browser is sent (RFC 9126).
     *
     * @return the endpoint, empty if the provider has none
     */
    public Optional<URI> pushedAuthorizationRequestEndpoint() {
        return Optional.ofNullable(facts.pushedAuthorizationRequestEndpoint);
    }

    /**
     * Where a login begins that the user finishes on another device (RFC 8628).
     *
     * @return the endpoint, empty if the provider has none
     */
    public Optional<URI> deviceAuthorizationEndpoint() {
        return Optional.ofNullable(facts.deviceAuthorizationEndpoint);
    }

    /**
     * What tells whether a token is good (RFC 7662).
     *
     * @return the endpoint, empty if the provider has none
     */
    public Optional<URI> introspectionEndpoint() {
        return Optional.ofNullable(facts.introspectionEndpoint);
    }

    /**
     * Where a browser is sent to end the user's session at the provider (OpenID Connect RP-Initiated Logout).
     *
     * @return the endpoint, empty if the provider has none
     */
    public Optional<URI> endSessionEndpoint() {
        return Optional.ofNullable(facts.endSessionEndpoint);
    }

    /**
     * What tells more about a user than the ID token does (OpenID Connect Core section 5.3).
     *
     * @return the endpoint, empty if the provider has none
     */
    public Optional<URI> userInfoEndpoint() {
        return Optional.ofNullable(facts.userInfoEndpoint);
    }

    /**
     * What tells who a user is, where there is no OpenID Connect.
     *
     * @return the endpoint, empty if the provider has none
     */
    public Optional<URI> profileEndpoint() {
        return Optional.ofNullable(facts.profileEndpoint);
    }

    /**
     * Which member of the profile holds which claim. The claim {@code sub} is always among them.
     *
     * @return from claim to member
     */
    public Map<String, String> profileClaims() {
        return facts.profileClaims;
    }

    /**
     * Who the server is: the issuer of ID tokens, and of answers through the browser. A <code>{tenantid}</code> in it
     * stands for the {@code tid} claim of the token.
     *
     * @return the issuer, empty if it is not known
     */
    public Optional<String> issuer() {
        return Optional.ofNullable(facts.issuer);
    }

    /**
     * Where the keys are that sign ID tokens.
     *
     * @return the URL of a JWK set (RFC 7517), empty if the provider signs nothing, and does not speak OpenID Connect
     */
    public Optional<URI> jwksUri() {
        return Optional.ofNullable(facts.jwksUri);
    }

    /**
     * Whose users may sign in, where the issuer leaves the tenant open.
     *
     * @return ids of tenants in lower case; empty for all
     */
    public Set<String> tenants() {
        return facts.tenants;
    }

    /**
     * Whose users may not sign in, where the issuer leaves the tenant open.
     *
     * @return ids of tenants in lower case
     */
    public Set<String> refusedTenants() {
        return facts.refusedTenants;
    }

    /**
     * Whether every answer through the browser says which server it comes from (RFC 9207). One that does not is then
     * refused; one that names another server is refused in any case.
     *
     * @return whether {@code iss} is required
     */
    public boolean issuerInCallback() {
        return facts.issuerInCallback;
    }

    /**
     * Where access tokens may go: scheme, host and port of the APIs, and nowhere else.
     *
     * @return origins with their port spelled out, for example {@code https://api.spotify.com:443}
     */
    public Set<String> apiOrigins() {
        return facts.apiOrigins;
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
        return facts.clientAuthentication;
    }

    /**
     * Who makes the assertions with which applications prove who they are ({@code iss}, RFC 7523 section 3).
     *
     * @return whom the provider wants to see there; empty for the client itself
     */
    public Optional<String> assertionIssuer() {
        return Optional.ofNullable(facts.assertionIssuer);
    }

    /**
     * For whom assertions are made that this provider is to believe ({@code aud}, RFC 7523 section 3).
     *
     * @return what the provider wants there, otherwise the issuer, otherwise the token endpoint
     */
    public String assertionAudience() {
        return facts.assertionAudience();
    }

    /**
     * Where the endpoints are that ask for a certificate in the TLS handshake, if they are elsewhere (RFC 8705 section
     * 5). Used with {@link ClientAuthentication#MUTUAL_TLS} only.
     *
     * @return from the name of the endpoint in the metadata, for example {@code token_endpoint}, to its alias
     */
    public Map<String, URI> mtlsEndpointAliases() {
        return facts.mtlsEndpointAliases;
    }

    /**
     * How the provider wants every login to be protected.
     *
     * @return what it demands of every application
     */
    public Set<LoginProtection> loginProtections() {
        return facts.loginProtections;
    }

    /**
     * What stands between two scopes.
     *
     * @return a blank (RFC 6749 section 3.3), or what the provider wants instead
     */
    public String scopeSeparator() {
        return facts.scopeSeparator;
    }

    /**
     * What stands between two scopes in an answer. Blanks separate in any case.
     *
     * @return what the dialect says, otherwise the same as in a request
     */
    public String grantedScopeSeparator() {
        return facts.grantedScopeSeparator();
    }

    /**
     * Whether the server takes PKCE (RFC 7636). Only a preset can know that one does not.
     *
     * @return whether PKCE is sent
     */
    public boolean pkce() {
        return facts.pkce;
    }

    /**
     * What is sent with every authorization request.
     *
     * @return further parameters
     */
    public Map<String, String> authorizationParameters() {
        return facts.authorizationParameters;
    }

    /**
     * Parameters that nobody may add to a login, with the reason: the library's own, and those that the server refuses.
     * They fail here, where the message can say what to do.
     *
     * @return from parameter to reason
     */
    public Map<String, String> forbiddenParameters() {
        return facts.forbiddenParameters;
    }

    /**
     * What the server is told that this application can handle.
     *
     * @return for example {@code cp1}; empty unless it was said
     */
    public Set<String> clientCapabilities() {
        return facts.clientCapabilities;
    }

    /**
     * How long access tokens live when the server does not say.
     *
     * @return the lifetime, empty if unknown: such a token is used until an API rejects it
     */
    public Optional<Duration> defaultLifetime() {
        return Optional.ofNullable(facts.defaultLifetime);
    }

    /**
     * What may be done with a refresh token after a lost answer.
     *
     * @return the replay class
     */
    public Replay replay() {
        return facts.replay;
    }

    /**
     * How long refresh tokens live.
     *
     * @return a duration or period, empty if unknown
     */
    public Optional<TemporalAmount> refreshTokenLifetime() {
        return Optional.ofNullable(facts.refreshTokenLifetime);
    }

    /**
     * From when on that lifetime counts.
     *
     * @return the anchor
     */
    public Anchor refreshTokenAnchor() {
        return facts.refreshTokenAnchor;
    }

    /**
     * Which redirect URIs on the user's own machine the provider takes.
     *
     * @return the rule
     */
    public Loopback loopback() {
        return facts.loopback;
    }

    /**
     * How a client says for which API it wants an access token.
     *
     * @return the style
     */
    public ResourceStyle resourceStyle() {
        return facts.resourceStyle;
    }

    /**
     * Why the provider gives an application no tokens of its own (client credentials, RFC 6749 section 4.4).
     *
     * @return the reason, and what to do instead; empty if it does, or nothing is known
     */
    public Optional<String> noApplicationTokens() {
        return Optional.ofNullable(facts.noApplicationTokens);
    }

    /**
     * Where the server's messages differ from the standards.
     *
     * @return the differences; most servers have none
     */
    public Dialect dialect() {
        return facts.dialectValue;
    }

    @Override
    public String toString() {
        return "Provider[" + facts.name + ", " + facts.tokenEndpoint + "]";
    }

    /** Collects what is known of a server. Not thread-safe. */
    public static final class Builder {
        private final Facts facts;
        /** URLs by name, set when the provider is made: whether http is allowed may be known only then. */
        private final Map<String, Consumer<String>> urls = new LinkedHashMap<>();

        private Builder(Facts facts) {
            this.facts = facts;
        }

        /**
         * Sets where the provider documents its endpoints. Default: RFC 6749.
         *
         * @param url a page for people
         * @return this builder
         */
        public Builder documentation(String url) {
            return url("documentation", what -> facts.documentation = endpoint(what, url));
        }

        /**
         * Sets where users are sent. Required.
         *
         * @param url the endpoint; a query in it is kept
         * @return this builder
         */
        public Builder authorizationEndpoint(String url) {
            return url("authorization endpoint", what -> facts.authorizationEndpoint = endpoint(what, url));
        }

        /**
         * Sets where tokens are issued. Required.
         *
         * @param url the endpoint
         * @return this builder
         */
        public Builder tokenEndpoint(String url) {
            return url("token endpoint", what -> facts.tokenEndpoint = endpoint(what, url));
        }

        /**
         * Sets where tokens are refreshed. Default: at the token endpoint (RFC 6749 section 6).
         *
         * @param url the endpoint, {@code null} for the token endpoint
         * @return this builder
         */
        public Builder refreshEndpoint(@Nullable String url) {
            return url("refresh endpoint", what -> facts.refreshEndpoint = optional(what, url));
        }

        /**
         * Sets where tokens are given back (RFC 7009). Default: nowhere.
         *
         * @param url the endpoint, {@code null} for none
         * @return this builder
         */
        public Builder revocationEndpoint(@Nullable String url) {
            return url("revocation endpoint", what -> facts.revocationEndpoint = optional(what, url));
        }

        /**
         * Sets where authorization requests are handed over before the browser is sent (RFC 9126). Default: none.
         *
         * @param url the endpoint, {@code null} for none
         * @return this builder
         */
        public Builder pushedAuthorizationRequestEndpoint(@Nullable String url) {
            return url(
                    "pushed authorization request endpoint",
                    what -> facts.pushedAuthorizationRequestEndpoint = optional(what, url));
        }

        /**
         * Sets where logins begin that users finish on another device (RFC 8628). Default: none.
         *
         * @param url the endpoint, {@code null} for none
         * @return this builder
         */
        public Builder deviceAuthorizationEndpoint(@Nullable String url) {
            return url(
                    "device authorization endpoint", what -> facts.deviceAuthorizationEndpoint = optional(what, url));
        }

        /**
         * Sets what tells whether a token is good (RFC 7662). Default: none.
         *
         * @param url the endpoint, {@code null} for none
         * @return this builder
         */
        public Builder introspectionEndpoint(@Nullable String url) {
            return url("introspection endpoint", what -> facts.introspectionEndpoint = optional(what, url));
        }

        /**
         * Sets where a browser is sent to end the user's session (OpenID Connect RP-Initiated Logout). Default: none.
         *
         * @param url the endpoint, {@code null} for none
         * @return this builder
         */
        public Builder endSessionEndpoint(@Nullable String url) {
            return url("end session endpoint", what -> facts.endSessionEndpoint = optional(what, url));
        }

        /**
         * Sets what tells more about a user than the ID token does (OpenID Connect Core section 5.3). Default: none.
         *
         * @param url the endpoint, {@code null} for none
         * @return this builder
         */
        public Builder userInfoEndpoint(@Nullable String url) {
            return url("UserInfo endpoint", what -> facts.userInfoEndpoint = optional(what, url));
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
            facts.profileClaims = Map.copyOf(claims);
            return url("profile endpoint", what -> facts.profileEndpoint = endpoint(what, url));
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
            Objects.requireNonNull(jwksUri);
            facts.issuer = Objects.requireNonNull(issuer);
            return url("JWKS URI", what -> facts.jwksUri = endpoint(what, jwksUri));
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
            facts.tenants = tenantIds(ids);
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
            facts.refusedTenants = tenantIds(ids);
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
            return Collections.unmodifiableSet(all);
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
            facts.issuer = issuer;
            facts.issuerInCallback = metadata.flag("authorization_response_iss_parameter_supported");
            facts.clientAuthentication = metadata.clientAuthentication();
            String keys = metadata.text("jwks_uri");
            String authorization = metadata.text("authorization_endpoint");
            String token = metadata.text("token_endpoint");
            return url("JWKS URI", what -> facts.jwksUri = optional(what, keys))
                    .url("authorization endpoint", what -> facts.authorizationEndpoint = endpoint(what, authorization))
                    .url("token endpoint", what -> facts.tokenEndpoint = endpoint(what, token))
                    .refreshEndpoint(null)
                    .userInfoEndpoint(metadata.text("userinfo_endpoint"))
                    .revocationEndpoint(metadata.text("revocation_endpoint"))
                    .introspectionEndpoint(metadata.text("introspection_endpoint"))
                    .pushedAuthorizationRequestEndpoint(metadata.text("pushed_authorization_request_endpoint"))
                    .deviceAuthorizationEndpoint(metadata.text("device_authorization_endpoint"))
                    .endSessionEndpoint(metadata.text("end_session_endpoint"))
                    .mtlsEndpointAliases(metadata.mtlsEndpointAliases())
                    .loginProtections(metadata.loginProtections());
        }

        /**
         * Sets who the server is, for one that does not speak OpenID Connect (RFC 8414 section 2). Default: not known.
         *
         * @param issuer the issuer, compared character by character
         * @return this builder
         */
        public Builder issuer(String issuer) {
            facts.issuer = Objects.requireNonNull(issuer);
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
            facts.issuerInCallback = issuerInCallback;
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
            List<String> all = List.of(origins);
            return url("former server", what -> facts.formerServers = origins(what, all, ProviderFacts::server));
        }

        /**
         * Sets where access tokens may go. Default: nowhere, and a wrapped client sends none.
         *
         * @param origins scheme, host and, if it is not the scheme's own, port; paths are ignored
         * @return this builder
         */
        public Builder apiOrigins(String... origins) {
            List<String> all = List.of(origins);
            return url("API origin", what -> facts.apiOrigins = origins(what, all, ProviderFacts::origin));
        }

        /**
         * Sets how applications authenticate that do not choose. Default: {@link ClientAuthentication#SECRET_BASIC}.
         *
         * @param clientAuthentication the way
         * @return this builder
         */
        public Builder clientAuthentication(ClientAuthentication clientAuthentication) {
            facts.clientAuthentication = Objects.requireNonNull(clientAuthentication);
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
            facts.assertionIssuer = Objects.requireNonNull(issuer);
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
            facts.assertionAudience = Objects.requireNonNull(audience);
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
            Map<String, String> all = Map.copyOf(aliases);
            return url("alias of", what -> facts.mtlsEndpointAliases = aliases(what, all));
        }

        /**
         * Sets how the provider wants every login to be protected ({@code require_pushed_authorization_requests},
         * {@code require_signed_request_object}). Default: it demands nothing; applications may choose to.
         *
         * @param protections what it demands of every application
         * @return this builder
         */
        public Builder loginProtections(LoginProtection... protections) {
            facts.loginProtections = Set.of(protections);
            return this;
        }

        /**
         * Sets what stands between two scopes. Default: a blank (RFC 6749 section 3.3).
         *
         * @param separator for example a comma
         * @return this builder
         */
        public Builder scopeSeparator(String separator) {
            facts.scopeSeparator = Objects.requireNonNull(separator);
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
            facts.pkce = pkce;
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
            facts.authorizationParameters = Copies.with(facts.authorizationParameters, name, value);
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
            facts.forbiddenParameters = Copies.with(facts.forbiddenParameters, name, reason);
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
            facts.clientCapabilities = Copies.ordered(capabilities);
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
            facts.defaultLifetime = lifetime;
            return this;
        }

        /**
         * Sets what may be done with a refresh token after a lost answer. Default: {@link Replay#LATE}.
         *
         * @param replay the replay class
         * @return this builder
         */
        public Builder replay(Replay replay) {
            facts.replay = Objects.requireNonNull(replay);
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
            facts.refreshTokenLifetime = Objects.requireNonNull(lifetime);
            facts.refreshTokenAnchor = Objects.requireNonNull(anchor);
            return this;
        }

        /**
         * Sets which redirect URIs on the user's own machine the provider takes. Default: {@link Loopback#ANY}.
         *
         * @param loopback the rule
         * @return this builder
         */
        public Builder loopback(Loopback loopback) {
            facts.loopback = Objects.requireNonNull(loopback);
            return this;
        }

        /**
         * Sets how a client says for which API it wants an access token. Default: {@link ResourceStyle#PARAMETER}.
         *
         * @param resourceStyle the style
         * @return this builder
         */
        public Builder resourceStyle(ResourceStyle resourceStyle) {
            facts.resourceStyle = Objects.requireNonNull(resourceStyle);
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
            facts.noApplicationTokens = reason;
            return this;
        }

        /**
         * Says where the server's messages differ from the standards. Default: nowhere. What was said before stays.
         *
         * @param differences is given a builder to say them to
         * @return this builder
         */
        public Builder dialect(Consumer<Dialect.Builder> differences) {
            Dialect.Builder builder = facts.dialectValue.newBuilder();
            differences.accept(builder);
            facts.dialectValue = builder.build();
            facts.dialect = facts.dialectValue.facts;
            return this;
        }

        /**
         * Allows endpoints at {@code http://127.0.0.1}, {@code http://[::1]} and {@code http://localhost}, for tests.
         * Tokens travel in the clear; nowhere else can that be allowed.
         *
         * @return this builder
         */
        public Builder allowHttpOnLoopback() {
            facts.httpOnLoopback = true;
            return this;
        }

        /**
         * Checks everything and makes the provider.
         *
         * @return the provider
         * @throws IllegalArgumentException if something is missing or wrong; the message says what
         */
        public Provider build() {
            urls.forEach((what, setting) -> setting.accept(what));
            Facts all = facts.copy();
            if (all.authorizationEndpoint.equals(ProviderFacts.MISSING)) {
                throw missing("authorization endpoint");
            }
            if (all.tokenEndpoint.equals(ProviderFacts.MISSING)) {
                throw missing("token endpoint");
            }
            if (all.issuer == null && (all.jwksUri != null || all.issuerInCallback)) {
                throw invalid("without the issuer neither ID tokens nor callbacks can be checked. Say who it is");
            }
            Map<String, String> forbidden = new LinkedHashMap<>(all.forbiddenParameters);
            OWN_PARAMETERS.forEach(own -> forbidden.put(own, "it is the library's own"));
            forbidden.put(all.dialect.clientIdParameter, "it is the library's own");
            forbidden.put(all.dialect.scopeParameter, "it is the library's own");
            all.forbiddenParameters = Collections.unmodifiableMap(forbidden);
            for (String parameter : all.authorizationParameters.keySet()) {
                String reason = forbidden.get(parameter);
                if (reason != null) {
                    throw invalid("the parameter " + parameter + " cannot be sent: " + reason);
                }
            }
            return new Provider(all);
        }

        private Builder url(String what, Consumer<String> setting) {
            urls.put(what, setting);
            return this;
        }

        private @Nullable URI optional(String what, @Nullable String url) {
            return url == null ? null : endpoint(what, url);
        }

        private URI endpoint(String what, @Nullable String url) {
            if (url == null) {
                throw missing(what);
            }
            URI uri;
            try {
                uri = new URI(url);
            } catch (URISyntaxException e) {
                throw new IllegalArgumentException(
                        "Provider " + facts.name + ": the " + what + " is not a URI: " + e.getReason(), e);
            }
            String scheme = uri.getScheme() == null ? "" : uri.getScheme().toLowerCase(Locale.ROOT);
            String host = uri.getHost();
            if (host == null || uri.getRawUserInfo() != null || uri.getRawFragment() != null) {
                throw invalid(
                        "the " + what + " must be an absolute https URL without user and fragment, and is " + url);
            }
            boolean loopbackHost = host.equals("127.0.0.1") || host.equals("[::1]") || host.equals("localhost");
            if (scheme.equals("http") && loopbackHost && !facts.httpOnLoopback) {
                throw invalid("the " + what + " " + url + " is http. For tests on loopback say allowHttpOnLoopback()");
            }
            if (!scheme.equals("https") && !(scheme.equals("http") && loopbackHost)) {
                throw invalid("the " + what + " must be https, and is " + url);
            }
            return uri;
        }

        private Set<String> origins(String what, List<String> urls, Function<URI, String> form) {
            Set<String> origins = new LinkedHashSet<>();
            urls.forEach(url -> origins.add(form.apply(endpoint(what, url))));
            return Collections.unmodifiableSet(origins);
        }

        private Map<String, URI> aliases(String what, Map<String, String> urls) {
            Map<String, URI> aliases = new LinkedHashMap<>();
            urls.forEach((name, url) -> aliases.put(name, endpoint(what + " " + name, url)));
            return Collections.unmodifiableMap(aliases);
        }

        private IllegalArgumentException missing(String what) {
            return new IllegalArgumentException("Provider " + facts.name + " has no " + what);
        }

        private IllegalArgumentException invalid(String why) {
            return new IllegalArgumentException("Provider " + facts.name + ": " + why);
        }
    }
}
