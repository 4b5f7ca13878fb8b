/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.provider;

import dev.grantkeeper.internal.provider.AbstractProvider;
import dev.grantkeeper.internal.provider.ParameterName;
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
 * An authorization server and the APIs that accept its tokens, as data.
 *
 * <p>There are presets ({@link Providers}, {@link Spotify}, {@link EntraId}); {@link #newBuilder()} derives a variant
 * of one, {@link #builder(String)} describes any other server. Endpoints are {@code https}; {@code http} is for
 * loopback, and only after {@link Builder#allowHttpOnLoopback()}. Immutable and thread-safe.
 *
 * <p>Getters show what an application or its operator may want to see. The other facts are for the library, and each is
 * explained at its setter in {@link Builder}.
 */
public final class Provider extends AbstractProvider {
    /**
     * The rule for a refresh token after a request whose response never came. The server may have accepted the token,
     * and some servers end the whole grant when a used one comes back (RFC 9700 section 4.14.2).
     */
    public enum Replay {
        /**
         * Send it once more when the first request can no longer arrive. Right for servers about which nothing is
         * known.
         */
        LATE,
        /**
         * Send it once more at once: the server does not rotate refresh tokens, or accepts a used one for a grace
         * window of 10 s or more.
         */
        PROMPT,
        /** Never send it again: the user has to sign in again. */
        NEVER
    }

    /** The moment from which the lifetime of refresh tokens counts. */
    public enum Anchor {
        /** The time at which the user authorized the application; refreshing changes nothing. */
        AUTHORIZATION,
        /** The last refresh. */
        LAST_USE
    }

    /** The way in which a client requests an access token for one of several APIs. */
    public enum ResourceStyle {
        /** By the parameter {@code resource} (RFC 8707). */
        PARAMETER,
        /** By a scope: the resource and {@code /.default}. */
        DEFAULT_SCOPE
    }

    /** The redirect URIs that the provider accepts from a program on the user's own machine (RFC 8252 section 7.3). */
    public enum Loopback {
        /** Both the name {@code localhost} and the addresses {@code 127.0.0.1} and {@code [::1]}. */
        ANY,
        /** The addresses only. */
        ADDRESS,
        /** The name {@code localhost} only. */
        NAME
    }

    /** The parameters of a login that the library sets itself. Setting them by hand breaks the login, or its safety. */
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
            "client_notification_token",
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

    private static final int MAX_PORT = 65_535;

    /** Labels of at most 63 characters, 253 in all (RFC 1035 section 2.3.4); an IPv6 address has no zone. */
    private static final String POSSIBLE_HOST = "(?=.{1,254}$)(?:[^.%]{1,63}\\.)*[^.%]{1,63}\\.?";

    /** The form of a tenant's id in lower case. */
    static final String TENANT_ID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}";

    /** All facts, with those that are told in an enum of this package. */
    private static final class AllFacts extends ProviderFacts {
        ClientAuthentication clientAuthentication = ClientAuthentication.SECRET_BASIC;
        Set<LoginProtection> loginProtections = Set.of();
        Replay replay = Replay.LATE;
        Map<String, Dialect.Meaning> errors = Map.of();
        /** Whether these came from metadata, which may leave the authorization endpoint out (RFC 8414 section 2). */
        boolean ofMetadata;

        AllFacts(String name) {
            super(name);
        }

        AllFacts copy() {
            return (AllFacts) clone();
        }
    }

    private final AllFacts all;

    private Provider(AllFacts all) {
        super(all);
        this.all = all;
    }

    /**
     * Starts the description of a server for which there is no preset.
     *
     * @param name a short name for logs, keys and messages: lower-case letters, digits, dots and hyphens
     * @return a builder; authorization and token endpoint are required, everything else has a default
     * @throws IllegalArgumentException if the name contains anything else, or more than 64 characters
     */
    public static Builder builder(String name) {
        if (!name.matches("[a-z0-9][a-z0-9.-]{0,63}")) {
            throw new IllegalArgumentException(
                    "A provider's name consists of lower-case letters, digits, dots and hyphens, at most 64: " + name);
        }
        return new Builder(new AllFacts(name));
    }

    /**
     * Derives a variant of this provider.
     *
     * @return a builder that starts with everything of this provider
     */
    public Builder newBuilder() {
        return new Builder(all.copy());
    }

    /**
     * The short name.
     *
     * @return the name that was given to {@link #builder(String)}
     */
    public String name() {
        return all.name;
    }

    /**
     * The provider's own documentation.
     *
     * @return a page for people
     */
    public URI documentation() {
        return all.documentation;
    }

    /**
     * The authorization endpoint, to which a login sends the browser (RFC 6749 section 3.1).
     *
     * @return the endpoint
     * @throws IllegalStateException if there is none: the server signs no users in through a browser (RFC 8414 section
     *     2)
     */
    public URI authorizationEndpoint() {
        if (all.noLogins != null && all.authorizationEndpoint.equals(ProviderFacts.MISSING)) {
            throw new IllegalStateException(all.name + " signs no users in: " + all.noLogins);
        }
        if (all.authorizationEndpoint.equals(ProviderFacts.MISSING)) {
            throw new IllegalStateException("The metadata of " + all.name + " has no authorization endpoint");
        }
        return all.authorizationEndpoint;
    }

    /**
     * The token endpoint (RFC 6749 section 3.2).
     *
     * @return the endpoint
     */
    public URI tokenEndpoint() {
        return all.tokenEndpoint;
    }

    /**
     * The revocation endpoint (RFC 7009).
     *
     * @return the endpoint; empty if the provider has none
     */
    public Optional<URI> revocationEndpoint() {
        return Optional.ofNullable(all.revocationEndpoint);
    }

    /**
     * The introspection endpoint (RFC 7662).
     *
     * @return the endpoint; empty if the provider has none
     */
    public Optional<URI> introspectionEndpoint() {
        return Optional.ofNullable(all.introspectionEndpoint);
    }

    /**
     * The pushed authorization request endpoint (PAR, RFC 9126).
     *
     * @return the endpoint; empty if the provider has none
     */
    public Optional<URI> pushedAuthorizationRequestEndpoint() {
        return Optional.ofNullable(all.pushedAuthorizationRequestEndpoint);
    }

    /**
     * The device authorization endpoint (RFC 8628).
     *
     * @return the endpoint; empty if the provider has none
     */
    public Optional<URI> deviceAuthorizationEndpoint() {
        return Optional.ofNullable(all.deviceAuthorizationEndpoint);
    }

    /**
     * The backchannel authentication endpoint (OpenID Connect CIBA Core 1.0).
     *
     * @return the endpoint; empty if the provider has none
     */
    public Optional<URI> backchannelAuthenticationEndpoint() {
        return Optional.ofNullable(all.backchannelAuthenticationEndpoint);
    }

    /**
     * The ways in which the provider delivers the tokens of backchannel logins (CIBA Core section 4).
     *
     * @return some of {@code poll}, {@code ping} and {@code push}; empty if unknown
     */
    public Set<String> backchannelTokenDeliveryModes() {
        return all.backchannelTokenDeliveryModes;
    }

    /**
     * Whether backchannel logins may have a user code (CIBA Core section 4).
     *
     * @return whether the provider is known to accept it
     */
    public boolean backchannelUserCodeParameter() {
        return all.backchannelUserCodeParameter;
    }

    /**
     * The end session endpoint, which signs the user out at the provider (OpenID Connect RP-Initiated Logout).
     *
     * @return the endpoint; empty if the provider has none
     */
    public Optional<URI> endSessionEndpoint() {
        return Optional.ofNullable(all.endSessionEndpoint);
    }

    /**
     * The UserInfo endpoint (OpenID Connect Core section 5.3).
     *
     * @return the endpoint; empty if the provider has none
     */
    public Optional<URI> userInfoEndpoint() {
        return Optional.ofNullable(all.userInfoEndpoint);
    }

    /**
     * The issuer of ID tokens, and of authorization responses (RFC 9207). A <code>{tenantid}</code> in it stands for
     * the token's {@code tid} claim.
     *
     * @return the issuer; empty if it is not known
     */
    public Optional<String> issuer() {
        return Optional.ofNullable(all.issuer);
    }

    /**
     * The URL of the keys that sign ID tokens: a JWK set (RFC 7517).
     *
     * @return the URL; empty if the provider does not sign anything
     */
    public Optional<URI> jwksUri() {
        return Optional.ofNullable(all.jwksUri);
    }

    /**
     * The origins of the APIs. Access tokens are sent there and nowhere else.
     *
     * @return scheme, host and port, for example {@code https://api.spotify.com:443}
     */
    public Set<String> apiOrigins() {
        return all.apiOrigins;
    }

    /**
     * The client authentication of applications that have a secret, unless they choose another one. Applications with a
     * {@link SigningKey} and no secret use {@link ClientAuthentication#PRIVATE_KEY_JWT}, or
     * {@link ClientAuthentication#SIGNED_SECRET} if this is it; applications with neither use
     * {@link ClientAuthentication#MUTUAL_TLS} if this is it, and otherwise {@link ClientAuthentication#NONE}.
     *
     * @return the provider's default
     */
    public ClientAuthentication clientAuthentication() {
        return all.clientAuthentication;
    }

    /**
     * The protections that the provider requires of every login.
     *
     * @return the protections; usually none
     */
    public Set<LoginProtection> loginProtections() {
        return all.loginProtections;
    }

    /**
     * The rule for a refresh token after a lost response.
     *
     * @return the rule
     */
    public Replay replay() {
        return all.replay;
    }

    /**
     * Returns the meaning that an error code of the token endpoint has at this provider, if it has one of its own
     * ({@link Dialect#error}).
     *
     * @param error the code, whose parts are separated by slashes
     * @return the meaning of the code, or of the longest part from its start that has one; empty for what RFC 6749 says
     */
    public Optional<Dialect.Meaning> meaningOf(String error) {
        for (int end = error.length(); end > 0; end = error.lastIndexOf('/', end - 1)) {
            Dialect.Meaning meaning = all.errors.get(error.substring(0, end));
            if (meaning != null) {
                return Optional.of(meaning);
            }
        }
        return Optional.empty();
    }

    @Override
    public String toString() {
        return "Provider[" + all.name + ", " + all.tokenEndpoint + "]";
    }

    /** Collects the facts about a server. URLs are checked by {@link #build()}. Not thread-safe. */
    public static final class Builder {
        private final AllFacts facts;
        /** The fields that are left to set, by name: URLs, since http on loopback may be allowed after them. */
        private final Map<String, Consumer<String>> urls = new LinkedHashMap<>();

        private Builder(AllFacts facts) {
            this.facts = facts;
        }

        /**
         * Sets the provider's own documentation. Default: RFC 6749.
         *
         * @param url a page for people
         * @return this builder
         */
        public Builder documentation(String url) {
            return url("documentation", what -> facts.documentation = endpoint(what, url));
        }

        /**
         * Sets the authorization endpoint (RFC 6749 section 3.1). Required.
         *
         * @param url the endpoint; a query in it is kept
         * @return this builder
         */
        public Builder authorizationEndpoint(String url) {
            return url("authorization endpoint", what -> facts.authorizationEndpoint = endpoint(what, url));
        }

        /**
         * Sets the token endpoint (RFC 6749 section 3.2). Required.
         *
         * @param url the endpoint
         * @return this builder
         */
        public Builder tokenEndpoint(String url) {
            return url("token endpoint", what -> facts.tokenEndpoint = endpoint(what, url));
        }

        /**
         * Sets the endpoint that refreshes tokens (Figma). Default: the token endpoint (RFC 6749 section 6).
         *
         * @param url the endpoint, {@code null} for the token endpoint
         * @return this builder
         */
        public Builder refreshEndpoint(@Nullable String url) {
            return url("refresh endpoint", what -> facts.refreshEndpoint = optional(what, url));
        }

        /**
         * Sets the revocation endpoint (RFC 7009). Default: none.
         *
         * @param url the endpoint, {@code null} for none
         * @return this builder
         */
        public Builder revocationEndpoint(@Nullable String url) {
            return url("revocation endpoint", what -> facts.revocationEndpoint = optional(what, url));
        }

        /**
         * Sets the pushed authorization request endpoint (PAR, RFC 9126). Default: none.
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
         * Sets the device authorization endpoint (RFC 8628). Default: none.
         *
         * @param url the endpoint, {@code null} for none
         * @return this builder
         */
        public Builder deviceAuthorizationEndpoint(@Nullable String url) {
            return url(
                    "device authorization endpoint", what -> facts.deviceAuthorizationEndpoint = optional(what, url));
        }

        /**
         * Sets the backchannel authentication endpoint (OpenID Connect CIBA Core 1.0). Default: none.
         *
         * @param url the endpoint, {@code null} for none
         * @return this builder
         */
        public Builder backchannelAuthenticationEndpoint(@Nullable String url) {
            return url(
                    "backchannel authentication endpoint",
                    what -> facts.backchannelAuthenticationEndpoint = optional(what, url));
        }

        /**
         * Sets the ways in which the provider delivers the tokens of backchannel logins (CIBA Core section 4). Default:
         * unknown. A login in another mode then fails before anything is sent.
         *
         * @param modes some of {@code poll}, {@code ping} and {@code push}; none for unknown
         * @return this builder
         */
        public Builder backchannelTokenDeliveryModes(String... modes) {
            facts.backchannelTokenDeliveryModes = Copies.ordered(modes);
            return this;
        }

        /**
         * Sets whether backchannel logins may have a user code (CIBA Core section 4). Default: {@code false}. A user
         * code is a secret of the user's, and is sent to no other provider.
         *
         * @param supported the metadata's {@code backchannel_user_code_parameter_supported}
         * @return this builder
         */
        public Builder backchannelUserCodeParameter(boolean supported) {
            facts.backchannelUserCodeParameter = supported;
            return this;
        }

        /**
         * Sets the introspection endpoint (RFC 7662). Default: none.
         *
         * @param url the endpoint, {@code null} for none
         * @return this builder
         */
        public Builder introspectionEndpoint(@Nullable String url) {
            return url("introspection endpoint", what -> facts.introspectionEndpoint = optional(what, url));
        }

        /**
         * Sets the end session endpoint, which signs the user out at the provider (OpenID Connect RP-Initiated Logout).
         * Default: none.
         *
         * @param url the endpoint, {@code null} for none
         * @return this builder
         */
        public Builder endSessionEndpoint(@Nullable String url) {
            return url("end session endpoint", what -> facts.endSessionEndpoint = optional(what, url));
        }

        /**
         * Sets the UserInfo endpoint (OpenID Connect Core section 5.3). Default: none.
         *
         * @param url the endpoint, {@code null} for none
         * @return this builder
         */
        public Builder userInfoEndpoint(@Nullable String url) {
            return url("UserInfo endpoint", what -> facts.userInfoEndpoint = optional(what, url));
        }

        /**
         * Sets the profile endpoint, which identifies the user at providers without OpenID Connect. Default: none.
         *
         * @param url an API endpoint that answers with a JSON object
         * @param claims from claim to member of that object, or to a place in it ({@code /data/0/id}); {@code sub} must
         *     be among the claims
         * @return this builder
         * @throws IllegalArgumentException if it is not
         */
        public Builder profileEndpoint(String url, Map<String, String> claims) {
            if (!claims.containsKey("sub")) {
                throw new IllegalArgumentException("The claim sub is missing: name the member that is the user's id");
            }
            facts.profileClaims = Map.copyOf(claims);
            return url("profile endpoint", what -> facts.profileEndpoint = endpoint(what, url));
        }

        /**
         * Sets the issuer of ID tokens and the URL of its keys. Default: no OpenID Connect, and a login with the scope
         * {@code openid} fails.
         *
         * @param issuer the issuer, compared character by character; <code>{tenantid}</code> in it stands for the
         *     token's {@code tid} claim
         * @param jwksUri the URL of a JWK set
         * @return this builder
         */
        public Builder openId(String issuer, String jwksUri) {
            facts.issuer = Objects.requireNonNull(issuer);
            return url("JWKS URI", what -> facts.jwksUri = endpoint(what, jwksUri));
        }

        /**
         * Sets the tenants whose users may sign in, where the issuer leaves the tenant open: an ID token with another
         * {@code tid} is rejected. Default: all tenants that fit the issuer.
         *
         * @param ids the tenants' ids, each a GUID; none for all
         * @return this builder
         * @throws IllegalArgumentException if one is not a GUID but, for example, a domain: tokens name their tenant by
         *     its id
         */
        public Builder tenants(String... ids) {
            facts.tenants = tenantIds(ids);
            return this;
        }

        /**
         * Sets the tenants whose users may not sign in, where the issuer leaves the tenant open. Default: none.
         *
         * @param ids the tenants' ids, each a GUID
         * @return this builder
         * @throws IllegalArgumentException if one is not a GUID
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
         * Sets issuer, endpoints, client authentication and required protections from the server's metadata (RFC 8414,
         * OpenID Connect Discovery 1.0). Metadata does not tell which APIs the tokens are for: {@link #apiOrigins}.
         * Does no I/O; {@code Discovery} fetches the metadata.
         *
         * @param issuer the issuer to which the metadata has to belong
         * @param json the metadata
         * @return this builder
         * @throws IllegalArgumentException if it belongs to another issuer, is malformed, or supports PKCE without
         *     {@code S256}
         */
        public Builder metadata(String issuer, String json) {
            Metadata metadata = Metadata.read(issuer, json);
            String keys = metadata.text("jwks_uri");
            String authorization = metadata.text("authorization_endpoint");
            String token = metadata.text("token_endpoint");
            String registration = metadata.text("registration_endpoint");
            facts.fromMetadata = true;
            facts.issuer = issuer;
            facts.ofMetadata = true;
            facts.issuerInCallback = metadata.flag("authorization_response_iss_parameter_supported");
            facts.clientIdMetadataDocuments = metadata.flag("client_id_metadata_document_supported");
            facts.namesS256 = metadata.names("code_challenge_methods_supported").contains("S256");
            facts.scopesSupported = metadata.names("scopes_supported");
            facts.grantTypesSupported = metadata.names("grant_types_supported");
            facts.tokenEndpointAuthMethods = metadata.names("token_endpoint_auth_methods_supported");
            facts.dpopAlgorithms = metadata.names("dpop_signing_alg_values_supported");
            facts.backchannelTokenDeliveryModes = metadata.names("backchannel_token_delivery_modes_supported");
            facts.backchannelUserCodeParameter = metadata.flag("backchannel_user_code_parameter_supported");
            facts.backchannelSigningAlgorithms =
                    metadata.names("backchannel_authentication_request_signing_alg_values_supported");
            facts.requestEncryptionAlgorithms = metadata.names("request_object_encryption_alg_values_supported");
            facts.requestEncryptionMethods = metadata.names("request_object_encryption_enc_values_supported");
            return url("JWKS URI", what -> facts.jwksUri = optional(what, keys))
                    .url("registration endpoint", what -> facts.registrationEndpoint = optional(what, registration))
                    .url(
                            "authorization endpoint",
                            what -> facts.authorizationEndpoint =
                                    authorization == null ? ProviderFacts.MISSING : endpoint(what, authorization))
                    .url("token endpoint", what -> facts.tokenEndpoint = endpoint(what, token))
                    .refreshEndpoint(null)
                    .userInfoEndpoint(metadata.text("userinfo_endpoint"))
                    .revocationEndpoint(metadata.text("revocation_endpoint"))
                    .introspectionEndpoint(metadata.text("introspection_endpoint"))
                    .pushedAuthorizationRequestEndpoint(metadata.text("pushed_authorization_request_endpoint"))
                    .deviceAuthorizationEndpoint(metadata.text("device_authorization_endpoint"))
                    .backchannelAuthenticationEndpoint(metadata.text("backchannel_authentication_endpoint"))
                    .endSessionEndpoint(metadata.text("end_session_endpoint"))
                    .mtlsEndpointAliases(metadata.mtlsEndpointAliases())
                    .clientAuthentication(metadata.clientAuthentication())
                    .loginProtections(metadata.loginProtections());
        }

        /**
         * Sets the issuer of a server that does not support OpenID Connect (RFC 8414 section 2). Default: unknown.
         *
         * @param issuer the issuer, compared character by character
         * @return this builder
         */
        public Builder issuer(String issuer) {
            facts.issuer = Objects.requireNonNull(issuer);
            return this;
        }

        /**
         * Sets whether every authorization response names its issuer (RFC 9207): one without {@code iss} is then
         * rejected. Default: {@code false}. A response that names another issuer is rejected in any case.
         *
         * @param issuerInCallback the metadata's {@code authorization_response_iss_parameter_supported}
         * @return this builder
         */
        public Builder issuerInCallback(boolean issuerInCallback) {
            facts.issuerInCallback = issuerInCallback;
            return this;
        }

        /**
         * Sets the hosts at which the token endpoint was before it moved. Default: none. A grant is pinned to the host
         * that issued it, so that a mistake in a configuration does not send everybody's refresh tokens to a stranger;
         * grants from these hosts are refreshed here, too.
         *
         * @param origins scheme, host and, if it is not the scheme's own, port; paths are ignored
         * @return this builder
         */
        public Builder formerServers(String... origins) {
            List<String> all = List.of(origins);
            return url("former server", what -> facts.formerServers = origins(what, all, ProviderFacts::server));
        }

        /**
         * Sets the origins of the APIs: access tokens are sent there and nowhere else. Default: none, and no client can
         * be wrapped but for accounts with origins of their own.
         *
         * @param origins scheme, host and, if it is not the scheme's own, port; {@link #build()} rejects a path, since
         *     tokens would be sent to the whole origin all the same
         * @return this builder
         */
        public Builder apiOrigins(String... origins) {
            List<String> all = List.of(origins);
            return url("API origin", what -> facts.apiOrigins = origins(what, all, this::origin));
        }

        /**
         * Sets the client authentication of applications that have a secret and do not choose another one. Default:
         * {@link ClientAuthentication#SECRET_BASIC}.
         *
         * @param clientAuthentication the provider's default
         * @return this builder
         */
        public Builder clientAuthentication(ClientAuthentication clientAuthentication) {
            facts.clientAuthentication = Objects.requireNonNull(clientAuthentication);
            return this;
        }

        /**
         * Sets the issuer of client assertions (Apple's team). Default: the client id (RFC 7523 section 3).
         *
         * @param issuer the {@code iss} that the provider's documentation requires
         * @return this builder
         */
        public Builder assertionIssuer(String issuer) {
            facts.assertionIssuer = Objects.requireNonNull(issuer);
            return this;
        }

        /**
         * Sets the audience of client assertions (RFC 7523 section 3). Default: the issuer, or the token endpoint if
         * there is none.
         *
         * @param audience the {@code aud} that the provider's documentation requires
         * @return this builder
         */
        public Builder assertionAudience(String audience) {
            facts.assertionAudience = Objects.requireNonNull(audience);
            return this;
        }

        /**
         * Sets the endpoints that ask for a certificate in the TLS handshake, if they are not the usual ones (RFC 8705
         * section 5). Used by clients with {@link ClientAuthentication#MUTUAL_TLS} or {@code certificateBoundTokens()},
         * for all that they call directly, UserInfo included. Default: none.
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
         * Sets the protections that the provider requires of every login
         * ({@code require_pushed_authorization_requests}, {@code require_signed_request_object}). Default: none;
         * applications may choose some.
         *
         * @param protections the protections
         * @return this builder
         */
        public Builder loginProtections(LoginProtection... protections) {
            facts.loginProtections = Set.of(protections);
            return this;
        }

        /**
         * Sets the separator of scopes. Default: a blank (RFC 6749 section 3.3).
         *
         * @param separator for example a comma
         * @return this builder
         */
        public Builder scopeSeparator(String separator) {
            facts.scopeSeparator = Objects.requireNonNull(separator);
            return this;
        }

        /**
         * Sets whether logins use PKCE (RFC 7636). Default: {@code true}. {@code false} is only for a server that
         * rejects a login because of it: without PKCE, a code that somebody steals on its way can be redeemed.
         *
         * @param pkce whether PKCE is used
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
         * @throws IllegalArgumentException if this is not the name of a parameter
         */
        public Builder authorizationParameter(String name, String value) {
            facts.authorizationParameters =
                    Copies.with(facts.authorizationParameters, ParameterName.checked(name), value);
            return this;
        }

        /**
         * Forbids a parameter of authorization requests that the server would reject with a worse message. Default:
         * none but those that the library sets itself.
         *
         * @param name the parameter
         * @param reason the reason, and what to do instead
         * @return this builder
         */
        public Builder forbiddenParameter(String name, String reason) {
            facts.forbiddenParameters = Copies.with(facts.forbiddenParameters, name, reason);
            return this;
        }

        /**
         * Sets the client capabilities, which are sent with each login and each refresh ({@code xms_cc} in the
         * {@code claims}; Microsoft Entra ID). Default: none. With {@code cp1} an application promises to send a user
         * through {@code newLogin().inResponseTo(…)} whenever an API requires it: then access tokens live up to a day,
         * and an administrator can revoke them at once (continuous access evaluation). An application that does not
         * keep the promise is locked out until such a token expires.
         *
         * @param capabilities letters and digits
         * @return this builder
         * @throws IllegalArgumentException if one contains anything else
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
         * Sets the lifetime of access tokens if the server does not send {@code expires_in}. Default: unknown; such a
         * token is used until an API rejects it.
         *
         * @param lifetime a positive time
         * @return this builder
         * @throws IllegalArgumentException if it is not positive
         */
        public Builder defaultLifetime(Duration lifetime) {
            if (lifetime.isNegative() || lifetime.isZero()) {
                throw new IllegalArgumentException("A lifetime is positive: " + lifetime);
            }
            facts.defaultLifetime = lifetime;
            return this;
        }

        /**
         * Sets the rule for a refresh token after a lost response. Default: {@link Replay#LATE}.
         *
         * @param replay the rule
         * @return this builder
         */
        public Builder replay(Replay replay) {
            facts.replay = Objects.requireNonNull(replay);
            return this;
        }

        /**
         * Sets the time before an access token's expiry from which the server accepts a refresh. Earlier ones are then
         * not sent, unless an API rejects the token. Default: any time.
         *
         * @param beforeExpiry a positive duration
         * @return this builder
         */
        public Builder earliestRefresh(Duration beforeExpiry) {
            if (beforeExpiry.isNegative() || beforeExpiry.isZero()) {
                throw new IllegalArgumentException("earliestRefresh has to be positive: " + beforeExpiry);
            }
            facts.earliestRefresh = beforeExpiry;
            return this;
        }

        /**
         * Sets the lifetime of refresh tokens if the server does not send one. Default: unknown.
         *
         * @param lifetime a duration, or a period where the provider counts in months
         * @param anchor the moment from which it counts
         * @return this builder
         */
        public Builder refreshTokenLifetime(TemporalAmount lifetime, Anchor anchor) {
            facts.refreshTokenLifetime = Objects.requireNonNull(lifetime);
            facts.refreshTokenLifetimeFromLogin = anchor == Anchor.AUTHORIZATION;
            return this;
        }

        /**
         * Sets the redirect URIs on the user's own machine that the provider accepts. Default: {@link Loopback#ANY}.
         *
         * @param loopback the rule
         * @return this builder
         */
        public Builder loopback(Loopback loopback) {
            facts.loopbackByName = loopback != Loopback.ADDRESS;
            facts.loopbackByAddress = loopback != Loopback.NAME;
            return this;
        }

        /**
         * Sets the way to request an access token for one of several APIs. Default: {@link ResourceStyle#PARAMETER}.
         *
         * @param resourceStyle the way
         * @return this builder
         */
        public Builder resourceStyle(ResourceStyle resourceStyle) {
            facts.resourceIsScope = resourceStyle == ResourceStyle.DEFAULT_SCOPE;
            return this;
        }

        /**
         * Sets why the provider does not issue tokens to applications themselves (client credentials, RFC 6749 section
         * 4.4). A request for them then fails at once, with this reason. Default: {@code null}, it may issue them.
         *
         * @param reason the reason, and what to do instead; {@code null} if it issues them
         * @return this builder
         */
        public Builder noApplicationTokens(@Nullable String reason) {
            facts.noApplicationTokens = reason;
            return this;
        }

        /**
         * Sets why no user can sign in at the provider: it issues tokens to applications only (client credentials, RFC
         * 6749 section 4.4). A registration with a redirect URI is then rejected with this reason, and the provider
         * needs no authorization endpoint. Default: {@code null}, users sign in.
         *
         * @param reason the reason, and what to do instead; {@code null} if users sign in
         * @return this builder
         */
        public Builder noLogins(@Nullable String reason) {
            facts.noLogins = reason;
            return this;
        }

        /**
         * Adds differences between the server's messages and the standards. Default: none.
         *
         * @param differences gets what is there so far, and adds to it
         * @return this builder
         * @throws IllegalArgumentException if an answer names the user, and not by the claim {@code sub}
         */
        public Builder dialect(Consumer<Dialect> differences) {
            Dialect dialect = new Dialect(facts.dialect, facts.errors);
            differences.accept(dialect);
            facts.dialect = dialect.facts();
            facts.errors = dialect.errors();
            return this;
        }

        /**
         * Allows endpoints at {@code http://127.0.0.1}, {@code http://[::1]} and {@code http://localhost}, for tests:
         * tokens are not encrypted on their way. Plain {@code http} to any other host cannot be allowed.
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
            // Loops here and below, since every application comes by when it starts.
            for (Map.Entry<String, Consumer<String>> url : urls.entrySet()) {
                url.getValue().accept(url.getKey());
            }
            AllFacts all = facts.copy();
            if (all.authorizationEndpoint.equals(ProviderFacts.MISSING) && !all.ofMetadata && all.noLogins == null) {
                throw missing("authorization endpoint");
            }
            if (all.tokenEndpoint.equals(ProviderFacts.MISSING)) {
                throw missing("token endpoint");
            }
            if (all.issuer == null && (all.jwksUri != null || all.issuerInCallback)) {
                throw invalid("neither ID tokens nor callbacks can be checked without the issuer. Call issuer(…)");
            }
            Map<String, String> forbidden = new LinkedHashMap<>(all.forbiddenParameters);
            for (String own : OWN_PARAMETERS) {
                forbidden.put(own, "the library sets it itself");
            }
            for (String own : all.dialect.parameterNames.values()) {
                forbidden.put(own, "the library sets it itself");
            }
            all.forbiddenParameters = Collections.unmodifiableMap(forbidden);
            for (String parameter : all.authorizationParameters.keySet()) {
                String reason = ParameterName.find(parameter, forbidden);
                if (reason != null) {
                    throw invalid("the parameter " + parameter + " cannot be sent: " + reason);
                }
            }
            for (String parameter : all.dialect.tokenParameters.keySet()) {
                if (ParameterName.isOneOf(parameter, all.dialect.parameterNames.values())) {
                    throw invalid("the parameter " + parameter + " cannot be sent: the library sets it itself");
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
                throw invalid("the " + what + " must be an absolute https URL without user and fragment, not " + url);
            }
            boolean loopbackHost = host.equals("127.0.0.1") || host.equals("[::1]") || host.equals("localhost");
            if (scheme.equals("http") && loopbackHost && !facts.httpOnLoopback) {
                throw invalid("the " + what + " " + url + " is http. For tests on loopback call allowHttpOnLoopback()");
            }
            if (!scheme.equals("https") && !(scheme.equals("http") && loopbackHost)) {
                throw invalid("the " + what + " must be https, not " + url);
            }
            // java.net.URI accepts what no request can be sent to.
            if (uri.getPort() == 0 || uri.getPort() > MAX_PORT || !host.matches(POSSIBLE_HOST)) {
                throw invalid("the " + what + " has an impossible host or port: " + url);
            }
            return uri;
        }

        private Set<String> origins(String what, List<String> urls, Function<URI, String> form) {
            Set<String> origins = new LinkedHashSet<>();
            for (String url : urls) {
                origins.add(form.apply(endpoint(what, url)));
            }
            return Collections.unmodifiableSet(origins);
        }

        private String origin(URI uri) {
            String path = uri.getRawPath();
            if (!(path == null || path.isEmpty() || path.equals("/")) || uri.getRawQuery() != null) {
                throw invalid(
                        "the API origin " + uri + " has a path, and tokens are sent to all paths of an origin: call"
                                + " apiOrigins(\"" + ProviderFacts.origin(uri) + "\")");
            }
            return ProviderFacts.origin(uri);
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
