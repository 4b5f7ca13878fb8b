/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.api.ApiServer;
import dev.grantkeeper.internal.api.ApplicationOfApis;
import dev.grantkeeper.internal.api.DiscoveredServer;
import dev.grantkeeper.internal.api.DiscoveredServers;
import dev.grantkeeper.internal.api.ProtectedResource;
import dev.grantkeeper.internal.api.RegistrationRenewal;
import dev.grantkeeper.internal.api.UsersOfApis;
import dev.grantkeeper.internal.call.ApiRejections;
import dev.grantkeeper.internal.call.BoundCalls;
import dev.grantkeeper.internal.log.Log;
import dev.grantkeeper.internal.login.AuthorizationCodeFlow;
import dev.grantkeeper.internal.login.UsedLogins;
import dev.grantkeeper.internal.openid.SignedMetadata;
import dev.grantkeeper.internal.protocol.Origins;
import dev.grantkeeper.internal.refresh.Clocks;
import dev.grantkeeper.internal.refresh.Engine;
import dev.grantkeeper.internal.refresh.Renewal;
import dev.grantkeeper.internal.refresh.Timing;
import dev.grantkeeper.internal.row.RowFormat;
import dev.grantkeeper.internal.server.ClientCredentialsRenewal;
import dev.grantkeeper.internal.server.ResourceMetadata;
import dev.grantkeeper.internal.server.Revocation;
import dev.grantkeeper.internal.server.TokenExchangeRenewal;
import dev.grantkeeper.internal.wire.DPoP;
import dev.grantkeeper.internal.wire.Http;
import dev.grantkeeper.internal.wire.OutsideOnly;
import dev.grantkeeper.internal.wire.RegistrationEndpoint;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.AccountKey;
import java.io.IOException;
import java.net.InetSocketAddress;
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
final class Apis implements ApiContext {
    private static final Duration CLOSE_WAITS = Duration.ofSeconds(5);

    /** The APIs that are remembered, with their metadata. */
    private static final int MOST = 10_000;

    /** Registrations that are under way at once. */
    private static final int REGISTERING = 32;

    private final Settings settings;
    private final ApiOptions options;
    private final Clocks time;
    private final TokenWait tokenWait;
    private final EventReporter events;
    private final DPoP dpop;
    private final SelfRegistration self;
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

    // guarded by itself
    private final Map<HttpUrl, ApiRegistration> apis = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<HttpUrl, ApiRegistration> eldest) {
            return size() > MOST;
        }
    };

    Apis(Settings settings, ApiOptions options) {
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
        this.placeholder = nowhere();
        this.self = new SelfRegistration(settings, options, http);
        this.usedLogins = AuthorizationCodeFlow.usedLogins(time);
        this.servers = new DiscoveredServers(this::server);
        this.engine = new Engine(
                options.name(),
                Objects.requireNonNull(settings.tokenStore),
                new RowFormat(settings.sealingKeys),
                new UsersOfApis(servers),
                new ApplicationOfApis(url -> applicationRenewal(api(url)), this::clientIsRejected, time),
                new Timing(settings.tokenCallTimeout, settings.storeCacheTime, settings.maxWait),
                settings.storeCacheSize,
                time,
                events);
        this.registrations = engine.keeper(
                options.name() + "-registrations",
                REGISTERING,
                new RegistrationRenewal(
                        self,
                        self::metadata,
                        self::provider,
                        new RegistrationEndpoint(http, settings.clock),
                        task -> engine().after(Duration.ZERO, task),
                        time),
                new RegistrationReporter());
    }

    // ---- Servers ---------------------------------------------------------------------------------------------------

    private static Provider nowhere() {
        String anywhere = "https://discovered.invalid";
        return Provider.builder("api")
                .authorizationEndpoint(anywhere)
                .tokenEndpoint(anywhere)
                .forbiddenParameter("resource", "the API that the login is for is sent")
                .build();
    }

    private DiscoveredServer server(String issuer) {
        return new DiscoveredServer(
                issuer,
                key(issuer),
                registrations,
                self::provider,
                self::connect,
                placeholder,
                time,
                settings.maxWait,
                (pause, task) -> engine().after(pause, task));
    }

    // ---- APIs ------------------------------------------------------------------------------------------------------

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
            return apis.computeIfAbsent(url, its -> new ApiRegistration(this, its));
        }
    }

    private static boolean isLoopback(HttpUrl url) {
        return Origins.isLoopback(url.host());
    }

    @Override
    public ProtectedResource resource(HttpUrl url) {
        return new ProtectedResource(url, this::resourceMetadata, time);
    }

    private ResourceMetadata resourceMetadata(HttpUrl api, @Nullable HttpUrl named) throws IOException {
        SignedMetadata signed = options.signedMetadata();
        ResourceMetadata found = ResourceMetadata.fetch(
                http, api, named, (what, json) -> signed == null ? json : signed.claims(what, json, settings.clock));
        if (found != null) {
            return found;
        }
        if (options.serversWithoutMetadata()) {
            String origin = Objects.requireNonNull(api.resolve("/")).toString().replaceFirst("/$", "");
            return new ResourceMetadata(api.toString(), List.of(origin), Set.of(), false, false, Set.of(), null, api);
        }
        String why = "The API " + api + " names no authorization server: it has no metadata (RFC 9728 section 3). Use a"
                + " Grantkeeper for the server that you know, or for a server of the Model Context Protocol before 2025-06"
                + " call allowServersWithoutMetadata() on the builder";
        throw new IOException(why, new IllegalArgumentException(why));
    }

    @Override
    public String issuer(ResourceMetadata metadata) {
        return ProtectedResource.issuer(metadata, List.of(self::isRegisteredByHand));
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
        AccountKey key = new AccountKey(
                api.key("any").registration() + " exchange", exchange.request().name());
        Engine.Keeper keeper = engine.inProcess(key, renewal(exchange, api));
        return new Account(api, key, keeper.refresher(), keeper.logins(), null, true);
    }

    private TokenExchangeRenewal renewal(TokenExchange exchange, ApiRegistration api) {
        ApiServer server = serverOf(api);
        return new TokenExchangeRenewal(
                exchange.request(),
                server,
                revocation(server),
                time,
                () -> new TokenExchangeRenewal.ForApi(api.identifier(), api.wantsProofs()));
    }

    private ApiServer serverOf(ApiRegistration api) {
        return new ApiServer(
                api.resource(), servers, this::issuer, placeholder, task -> engine().after(Duration.ZERO, task));
    }

    private Revocation revocation(ApiServer server) {
        return new Revocation(server, (pause, task) -> engine().after(pause, task));
    }

    private boolean clientIsRejected(String api, String grant) {
        ResourceMetadata known = api(api).resource().last();
        return known != null && servers.of(issuer(known)).clientIsRejected(grant);
    }

    private Renewal applicationRenewal(ApiRegistration api) {
        TokenExchange assertion = options.assertion();
        if (assertion != null) {
            return renewal(assertion.scopes(settings.scopes), api);
        }
        ApiServer server = serverOf(api);
        return new ClientCredentialsRenewal(
                server, settings.scopes, Set.of(api.identifier()), api.wantsProofs(), revocation(server), time);
    }

    // ---- Shared by all APIs ---------------------------------------------------------------------------------------

    @Override
    public OkHttpClient.Builder guarded(OkHttpClient base) {
        return OutsideOnly.guard(base, allowed, options.throughProxy()).connectionPool(pool);
    }

    @Override
    public DiscoveredServers servers() {
        return servers;
    }

    @Override
    public Engine engine() {
        return engine;
    }

    @Override
    public ApiOptions options() {
        return options;
    }

    @Override
    public Clocks time() {
        return time;
    }

    @Override
    public TokenWait tokenWait() {
        return tokenWait;
    }

    @Override
    public EventReporter events() {
        return events;
    }

    @Override
    public DPoP dpop() {
        return dpop;
    }

    @Override
    public BoundCalls boundCalls() {
        return boundCalls;
    }

    @Override
    public ApiRejections rejections() {
        return rejections;
    }

    @Override
    public UsedLogins usedLogins() {
        return usedLogins;
    }

    @Override
    public Provider placeholder() {
        return placeholder;
    }

    /** Forgets the client at a server, and deletes it there. */
    void deleteRegistration(String issuer) throws TokenStoreException {
        try {
            registrations.logins().signOut(key(issuer));
        } catch (IOException e) {
            throw Exceptions.of(e);
        }
    }

    private AccountKey key(String issuer) {
        return new AccountKey(options.name() + " clients", issuer);
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
