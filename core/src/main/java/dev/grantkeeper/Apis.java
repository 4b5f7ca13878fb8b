/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.grantkeeper.internal.api.ApiServer;
import dev.grantkeeper.internal.api.ApplicationOfApis;
import dev.grantkeeper.internal.api.DiscoveredServer;
import dev.grantkeeper.internal.api.DiscoveredServers;
import dev.grantkeeper.internal.api.ProtectedResource;
import dev.grantkeeper.internal.api.RegistrationRenewal;
import dev.grantkeeper.internal.api.ServerRecord;
import dev.grantkeeper.internal.api.UsersOfApis;
import dev.grantkeeper.internal.call.ApiRejections;
import dev.grantkeeper.internal.call.BoundCalls;
import dev.grantkeeper.internal.log.Log;
import dev.grantkeeper.internal.login.AuthorizationCodeFlow;
import dev.grantkeeper.internal.login.UsedLogins;
import dev.grantkeeper.internal.protocol.Origins;
import dev.grantkeeper.internal.provider.Facts;
import dev.grantkeeper.internal.provider.ProviderFacts;
import dev.grantkeeper.internal.refresh.Clocks;
import dev.grantkeeper.internal.refresh.Engine;
import dev.grantkeeper.internal.refresh.Renewal;
import dev.grantkeeper.internal.refresh.Timing;
import dev.grantkeeper.internal.row.RowFormat;
import dev.grantkeeper.internal.server.ClientCredentialsRenewal;
import dev.grantkeeper.internal.server.Endpoints;
import dev.grantkeeper.internal.server.MetadataDocuments;
import dev.grantkeeper.internal.server.ResourceMetadata;
import dev.grantkeeper.internal.server.Revocation;
import dev.grantkeeper.internal.server.TokenExchangeRenewal;
import dev.grantkeeper.internal.wire.DPoP;
import dev.grantkeeper.internal.wire.Http;
import dev.grantkeeper.internal.wire.OutsideOnly;
import dev.grantkeeper.internal.wire.RegistrationEndpoint;
import dev.grantkeeper.provider.ClientAuthentication;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.provider.SigningKey;
import dev.grantkeeper.token.AccountKey;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import okhttp3.ConnectionPool;
import okhttp3.HttpUrl;
import okhttp3.OkHttpClient;
import org.jspecify.annotations.Nullable;

/**
 * The machinery of {@link ProtectedApis}: one engine for the users of all APIs, the application's own grants and the
 * registrations; servers and APIs are remembered as far as they are in use. Thread-safe.
 */
final class Apis implements RegistrationRenewal.Application {
    private static final Duration CLOSE_WAITS = Duration.ofSeconds(5);

    /** The APIs that are remembered, with their metadata. */
    private static final int MOST = 10_000;

    /** Registrations that are under way at once. */
    private static final int REGISTERING = 32;

    /** A client that was registered by hand at one server. */
    record ByHand(
            String clientId,
            @Nullable String secret,
            @Nullable SigningKey key) {
        @Override
        public String toString() {
            return "ByHand[" + clientId + "]";
        }
    }

    /** The settings of {@link ProtectedApis.Builder} beyond those of a registration. */
    record Options(
            ClientMetadata client,
            Map<String, ByHand> byHand,
            Map<String, String> initialAccessTokens,
            Set<String> allowedInside,
            boolean httpOnLoopback,
            boolean throughProxy,
            boolean serversWithoutMetadata,
            boolean offlineAccess,
            String name) {
        @Override
        public String toString() {
            return "Options[" + name + "]";
        }
    }

    private final Settings settings;
    private final Options options;
    private final Clocks time;
    private final TokenWait tokenWait;
    private final EventReporter events;
    private final DPoP dpop;
    private final BoundCalls boundCalls;
    private final ApiRejections rejections = new ApiRejections();
    private final Predicate<InetSocketAddress> allowed;
    private final Http http;
    private final Engine engine;
    private final Engine.Keeper registrations;
    private final DiscoveredServers servers;
    private final UsedLogins usedLogins;
    private final ConnectionPool pool = new ConnectionPool(20, 1, TimeUnit.MINUTES);
    private final Provider placeholder;

    private final Map<HttpUrl, ApiRegistration> apis = new LinkedHashMap<>(16, 0.75f, true) { // guarded by this
                private static final long serialVersionUID = 1L;

                @Override
                protected boolean removeEldestEntry(Map.Entry<HttpUrl, ApiRegistration> eldest) {
                    return size() > MOST;
                }
            };

    Apis(Settings settings, Options options) {
        this.settings = settings;
        this.options = options;
        this.tokenWait = new TokenWait(settings.maxWait);
        this.events = new EventReporter(settings.listener, settings.clock);
        this.time = new Clocks(settings.clock, settings.ticker);
        this.dpop = new DPoP(settings.clock, settings.dpop);
        this.boundCalls = new BoundCalls(dpop);
        Set<String> inside = new LinkedHashSet<>(options.allowedInside());
        if (options.httpOnLoopback()) {
            inside.addAll(Set.of("127.0.0.1", "::1", "localhost"));
        }
        this.allowed = OutsideOnly.hosts(inside);
        this.http = new Http(
                guarded(settings.httpClient == null ? new OkHttpClient() : settings.httpClient)
                        .build(),
                settings.tokenCallTimeout,
                dpop);
        this.placeholder = placeholder("api");
        this.usedLogins = AuthorizationCodeFlow.usedLogins(time);
        this.servers = new DiscoveredServers(this::server);
        this.engine = new Engine(
                options.name(),
                Objects.requireNonNull(settings.tokenStore),
                new RowFormat(settings.sealingKeys),
                new UsersOfApis(servers),
                new ApplicationOfApis(url -> applicationRenewal(api(url)), time),
                new Timing(settings.tokenCallTimeout, settings.storeCacheTime, settings.maxWait),
                settings.storeCacheSize,
                time,
                events);
        this.registrations = engine.keeper(
                options.name() + "-registrations",
                REGISTERING,
                new RegistrationRenewal(
                        this,
                        this::serverMetadata,
                        this::provider,
                        new RegistrationEndpoint(http, settings.clock),
                        task -> engine().after(Duration.ZERO, task),
                        time),
                new RegistrationReporter());
    }

    // ---- Servers --------------------------------------------------------------------------------------------------

    private Provider placeholder(String name) {
        String nowhere = "https://discovered.invalid";
        return Provider.builder(name)
                .authorizationEndpoint(nowhere)
                .tokenEndpoint(nowhere)
                .forbiddenParameter("resource", "the API that the login is for is sent")
                .build();
    }

    private DiscoveredServer server(String issuer) {
        return new DiscoveredServer(
                issuer,
                new AccountKey(options.name() + " clients", issuer),
                registrations,
                this::connect,
                placeholder,
                time,
                settings.maxWait,
                (pause, task) -> engine().after(pause, task));
    }

    private String serverMetadata(String issuer) throws IOException {
        try {
            MetadataDocuments.issuer(issuer, options.httpOnLoopback());
        } catch (IllegalArgumentException e) {
            throw new IOException(e.getMessage(), e);
        }
        try {
            return MetadataDocuments.fetch(http, issuer, MetadataDocuments.Order.OAUTH_FIRST);
        } catch (IOException e) {
            if (!options.serversWithoutMetadata() || e.getCause() instanceof IllegalArgumentException) {
                throw e;
            }
            return usualEndpoints(issuer);
        }
    }

    /** The endpoints of a server that has no metadata, as the Model Context Protocol of 2025-03-26 defines them. */
    private static String usualEndpoints(String issuer) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("issuer", issuer);
        json.put("authorization_endpoint", issuer + "/authorize");
        json.put("token_endpoint", issuer + "/token");
        json.put("registration_endpoint", issuer + "/register");
        json.putArray("code_challenge_methods_supported").add("S256");
        return json.toString();
    }

    private Provider provider(String issuer, String metadata) {
        Provider.Builder builder = Provider.builder(Discovery.nameOf(URI.create(issuer)));
        if (options.httpOnLoopback()) {
            builder.allowHttpOnLoopback();
        }
        return builder.metadata(issuer, metadata).build();
    }

    private Endpoints connect(ServerRecord server) {
        Provider provider = provider(server.issuer(), server.metadata());
        ByHand byHand = options.byHand().get(server.issuer());
        String redirectUri = options.client().firstRedirectUri();
        if (byHand != null) {
            Settings its = settings.as(
                    byHand.clientId(),
                    byHand.secret(),
                    byHand.key(),
                    byHand.key() != null
                            ? ClientAuthentication.PRIVATE_KEY_JWT
                            : byHand.secret() == null
                                    ? ClientAuthentication.NONE
                                    : secretMethod(provider.clientAuthentication()),
                    redirectUri);
            its.check(provider);
            return Connector.connect(provider, its, http);
        }
        String clientId = server.clientId();
        if (clientId == null) {
            throw new IllegalStateException("The application was registered by hand at " + server.issuer()
                    + " once, and is not any more: call registered(…) for it again");
        }
        check(server);
        ClientAuthentication way = authentication(server);
        String secret = way == ClientAuthentication.NONE ? null : server.secret();
        return Connector.connect(provider, settings.as(clientId, secret, null, way, redirectUri), http);
    }

    private static ClientAuthentication secretMethod(ClientAuthentication preferred) {
        return preferred == ClientAuthentication.SECRET_POST || preferred == ClientAuthentication.SECRET_JWT
                ? preferred
                : ClientAuthentication.SECRET_BASIC;
    }

    private static ClientAuthentication authentication(ServerRecord client) {
        String named = client.authentication();
        String method = named == null ? (client.secret() == null ? "none" : "client_secret_basic") : named;
        return switch (method) {
            case "client_secret_basic" -> ClientAuthentication.SECRET_BASIC;
            case "client_secret_post" -> ClientAuthentication.SECRET_POST;
            case "client_secret_jwt" -> ClientAuthentication.SECRET_JWT;
            case "none" -> ClientAuthentication.NONE;
            default ->
                throw new IllegalArgumentException("The server " + client.issuer()
                        + " registered the application with the client authentication " + method
                        + ", which it did not ask for: register it there by hand and call registered(…)");
        };
    }

    // ---- The application, as it makes itself known ------------------------------------------------------------------

    @Override
    public boolean isRegisteredByHand(String issuer) {
        return options.byHand().containsKey(issuer);
    }

    @Override
    public @Nullable String documentUrl() {
        return options.client().documentUrl().orElse(null);
    }

    @Override
    public @Nullable String initialAccessToken(String issuer) {
        return options.initialAccessTokens().get(issuer);
    }

    @Override
    public ObjectNode registration(Provider server) {
        ProviderFacts facts = Facts.of(server);
        Set<String> methods = facts.tokenEndpointAuthMethods;
        // RFC 8414 section 2: the default is client_secret_basic. An application on a user's machine keeps no secret.
        List<String> wanted = options.client().isNative()
                ? List.of("none", "client_secret_basic", "client_secret_post")
                : List.of("client_secret_basic", "client_secret_post", "none");
        String method =
                wanted.stream().filter(methods::contains).findFirst().orElse(methods.isEmpty() ? wanted.get(0) : null);
        if (method == null) {
            throw new IllegalArgumentException("The server " + server.name() + " accepts the client authentications "
                    + methods + " only, none of which a client has that registers itself: register the application"
                    + " there by hand and call registered(…)");
        }
        return options.client().registration(method, Set.of());
    }

    @Override
    public void check(ServerRecord registered) {
        ClientAuthentication way = authentication(registered);
        if (way != ClientAuthentication.NONE && registered.secret() == null) {
            throw new IllegalArgumentException("The server " + registered.issuer()
                    + " registered the application with the client authentication " + way
                    + " and gave it no secret (RFC 7591 section 3.2.1)");
        }
    }

    // ---- APIs -----------------------------------------------------------------------------------------------------

    ApiRegistration api(String text) {
        HttpUrl url = HttpUrl.parse(text);
        if (url == null || !(url.isHttps() || (options.httpOnLoopback() && isLoopback(url)))) {
            throw new IllegalArgumentException("The URL of an API is https"
                    + (options.httpOnLoopback() ? ", or http on this machine" : "") + ": " + text);
        }
        if (!url.username().isEmpty() || !url.password().isEmpty() || url.fragment() != null) {
            throw new IllegalArgumentException("The URL of an API has no user and no fragment (RFC 8707 section 2)");
        }
        synchronized (apis) {
            return apis.computeIfAbsent(url, its -> new ApiRegistration(this, text, its));
        }
    }

    private static boolean isLoopback(HttpUrl url) {
        return Origins.isLoopback(url.host());
    }

    ProtectedResource resource(HttpUrl url) {
        return new ProtectedResource(url, this::resourceMetadata, time);
    }

    private ResourceMetadata resourceMetadata(HttpUrl api, @Nullable HttpUrl named) throws IOException {
        ResourceMetadata found = ResourceMetadata.fetch(http, api, named);
        if (found != null) {
            return found;
        }
        if (options.serversWithoutMetadata()) {
            String origin = api.resolve("/").toString().replaceFirst("/$", "");
            return new ResourceMetadata(api.toString(), List.of(origin), Set.of(), false, false, Set.of(), null, api);
        }
        String why = "The API " + api + " names no authorization server: it has no metadata (RFC 9728 section 3)";
        throw new IOException(why, new IllegalArgumentException(why));
    }

    /** The server at which users of an API sign in: one that the application was registered at comes first. */
    String issuer(ResourceMetadata metadata) {
        return ProtectedResource.issuer(metadata, List.of(this::isRegisteredByHand));
    }

    /** The application's own account at an API. */
    Account application(ApiRegistration api) {
        return new Account(
                api,
                new AccountKey(options.name() + " application", api.url()),
                engine.application(),
                engine.applicationLogins(),
                null,
                false);
    }

    /** An account at an API whose tokens come from an exchange at the API's server. */
    Account account(ApiRegistration api, TokenExchange exchange) {
        ApiServer server = serverOf(api);
        TokenExchangeRenewal renewal = new TokenExchangeRenewal(
                exchange.request(),
                server,
                revocation(server),
                time,
                () -> new TokenExchangeRenewal.ForApi(api.identifier(), api.wantsProofs()));
        AccountKey key = new AccountKey(
                api.key("any").registration() + " exchange", exchange.request().name());
        Engine.Keeper keeper = engine.inProcess(key, renewal);
        return new Account(api, key, keeper.refresher(), keeper.logins(), null, true);
    }

    private ApiServer serverOf(ApiRegistration api) {
        return new ApiServer(
                api.resource(), servers, this::issuer, placeholder, task -> engine().after(Duration.ZERO, task));
    }

    private Revocation revocation(ApiServer server) {
        return new Revocation(server, (pause, task) -> engine().after(pause, task));
    }

    private Renewal applicationRenewal(ApiRegistration api) {
        ApiServer server = serverOf(api);
        return new ClientCredentialsRenewal(
                server, settings.scopes, Set.of(api.identifier()), api.wantsProofs(), revocation(server), time);
    }

    // ---- For the parts --------------------------------------------------------------------------------------------

    /** The client for calls of an API: it connects to nothing inside, and shares no connection with other clients. */
    OkHttpClient.Builder guarded(OkHttpClient base) {
        return OutsideOnly.guard(base, allowed, options.throughProxy()).connectionPool(pool);
    }

    DiscoveredServers servers() {
        return servers;
    }

    Engine engine() {
        return engine;
    }

    Settings settings() {
        return settings;
    }

    Options options() {
        return options;
    }

    Clocks time() {
        return time;
    }

    TokenWait tokenWait() {
        return tokenWait;
    }

    EventReporter events() {
        return events;
    }

    DPoP dpop() {
        return dpop;
    }

    BoundCalls boundCalls() {
        return boundCalls;
    }

    ApiRejections rejections() {
        return rejections;
    }

    UsedLogins usedLogins() {
        return usedLogins;
    }

    Provider placeholderProvider() {
        return placeholder;
    }

    void close() {
        rejections.close();
        int unsaved = engine.close(CLOSE_WAITS);
        http.close();
        pool.evictAll();
        if (unsaved > 0) {
            Log.error(
                    "{} grants have new tokens that the store did not take before the end; their users may have to"
                            + " sign in again",
                    unsaved);
        }
    }

    @Override
    public String toString() {
        return "ProtectedApis[" + options.name() + "]";
    }
}
