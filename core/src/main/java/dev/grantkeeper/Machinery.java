/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.openid.IdTokens;
import dev.grantkeeper.internal.openid.IdentityException;
import dev.grantkeeper.internal.openid.LogoutTokens;
import dev.grantkeeper.internal.openid.Profiles;
import dev.grantkeeper.internal.openid.ProviderKeys;
import dev.grantkeeper.internal.openid.SignedResponses;
import dev.grantkeeper.internal.refresh.Engine;
import dev.grantkeeper.internal.refresh.Time;
import dev.grantkeeper.internal.refresh.Timing;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.row.RowFormat;
import dev.grantkeeper.internal.wire.Answer;
import dev.grantkeeper.internal.wire.AuthorizationEndpoint;
import dev.grantkeeper.internal.wire.Client;
import dev.grantkeeper.internal.wire.DPoP;
import dev.grantkeeper.internal.wire.DeviceEndpoint;
import dev.grantkeeper.internal.wire.Http;
import dev.grantkeeper.internal.wire.IntrospectionEndpoint;
import dev.grantkeeper.internal.wire.Origins;
import dev.grantkeeper.internal.wire.RequestFailedException;
import dev.grantkeeper.internal.wire.TokenEndpoint;
import dev.grantkeeper.provider.LoginProtection;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import okhttp3.Interceptor;
import okhttp3.OkHttpClient;
import org.jspecify.annotations.Nullable;

/**
 * The machinery of one registration, put together from its settings. {@code Grantkeeper} is its face; accounts and
 * logins see it as a {@link Registration}. Thread-safe.
 */
final class Machinery implements Registration {
    private static final Duration CLOSE_WAITS = Duration.ofSeconds(5);

    private final Server server;
    private final String name;
    private final String clientId;
    private final @Nullable String redirectUri;
    private final Set<String> scopes;
    private final Set<String> apiOrigins;
    private final Set<String> resources;
    private final Revocation revocation;
    private final UsedLogins heardLogouts;
    private final Time time;
    private final Waiting waiting;
    private final Listening listening;
    private final DPoP dpop;
    private final BoundCalls boundCalls;
    private final Engine engine;
    private final DeviceFlow devices;

    Machinery(Settings settings) {
        Provider provider = settings.provider;
        this.clientId = Objects.requireNonNull(settings.clientId);
        this.name = settings.registration == null ? provider.name() + ":" + clientId : settings.registration;
        this.redirectUri = settings.redirectUri;
        this.scopes = settings.scopes;
        this.apiOrigins = Origins.of(provider.apiOrigins());
        this.resources = settings.resources;
        this.waiting = new Waiting(settings.maxWait);
        this.listening = new Listening(settings.listener, settings.clock);
        this.heardLogouts = new UsedLogins(settings.clock, Duration.ofHours(1));
        this.time = new Time(settings.clock, settings.ticker);
        this.dpop = new DPoP(settings.clock, settings.dpop);
        this.boundCalls = new BoundCalls(dpop);
        this.server = new Server(
                provider,
                settings.discovery,
                settings.httpClient,
                settings.tokenCallTimeout,
                found -> connect(found, settings),
                time);
        this.revocation = new Revocation(server, this::later);
        this.engine = new Engine(
                provider.name(),
                Objects.requireNonNull(settings.tokenStore),
                new RowFormat(settings.sealingKeys),
                new RefreshTokens(server, revocation, clientId),
                new ApplicationTokens(server, scopes, revocation, time),
                new Timing(settings.tokenCallTimeout, settings.storeCacheTime),
                time,
                listening);
        this.devices = new DeviceFlow(server, name, engine, time);
        server.open();
    }

    private Endpoints connect(Provider provider, Settings settings) {
        if (settings.discovery != null) {
            settings.check(provider);
        }
        Http http = new Http(
                settings.httpClient == null ? new OkHttpClient() : settings.httpClient,
                settings.tokenCallTimeout,
                dpop);
        Client client = new Client(
                clientId,
                settings.clientSecret,
                settings.authentication(provider),
                settings.signingKey,
                provider,
                settings.clock);
        TokenEndpoint tokenEndpoint = new TokenEndpoint(http, provider, client, redirectUri, settings.clock);
        ProviderKeys keys = provider.jwksUri()
                .map(where -> new ProviderKeys(where, settings.signingAlgorithms, http, settings.ticker))
                .orElse(null);
        IdTokens idTokens = keys == null ? null : new IdTokens(provider, clientId, keys, settings.clock);
        Profiles profiles = settings.fetchProfile ? new Profiles(provider, http, idTokens) : null;
        Identities identities = new Identities(provider.name(), idTokens, profiles);
        Set<LoginProtection> protections = settings.protections(provider);
        AuthorizationCodeFlow flow = new AuthorizationCodeFlow(
                provider,
                name,
                settings.formPost || provider.dialect().formPost(),
                new AuthorizationEndpoint(provider, client, protections, http, settings.clock),
                tokenEndpoint,
                keys == null || !protections.contains(LoginProtection.SIGNED_RESPONSE)
                        ? null
                        : new SignedResponses(provider.issuer().orElseThrow(), clientId, keys, settings.clock),
                dpop,
                idTokens,
                profiles,
                time);
        return new Endpoints(
                provider,
                flow,
                provider.deviceAuthorizationEndpoint()
                        .map(uri -> new DeviceEndpoint(http, provider, client, uri, settings.clock))
                        .orElse(null),
                tokenEndpoint,
                identities,
                provider.introspectionEndpoint()
                        .map(uri -> new IntrospectionEndpoint(http, client, uri, settings.clock))
                        .orElse(null),
                keys == null || idTokens == null ? null : new LogoutTokens(idTokens, keys));
    }

    PendingLogin start(
            Set<String> wanted,
            Map<String, String> parameters,
            @Nullable String appState,
            @Nullable Duration maxAge,
            @Nullable String comesBackTo)
            throws AuthorizationServerException {
        return server.endpoints()
                .flow()
                .start(wanted, parameters, appState, maxAge, comesBackTo == null ? redirectUri : comesBackTo);
    }

    @Nullable
    String redirectUri() {
        return redirectUri;
    }

    DeviceLogin startOnDevice(Set<String> wanted, Map<String, String> parameters, @Nullable String appState)
            throws AuthorizationServerException {
        return devices.start(wanted, parameters, appState);
    }

    private void later(Duration pause, Runnable task) {
        engine.after(pause, task);
    }

    @Override
    public void discard(TokenSet tokens) {
        revocation.giveBack(tokens);
    }

    @Override
    public AccountKey key(String accountId) {
        return new AccountKey(name, accountId);
    }

    @Override
    public void keep(GrantRow row, TokenSet tokens, AccountKey key) throws TokenStoreException {
        try {
            engine.logins().login(key, server.pin(row));
        } catch (IOException e) {
            throw Failures.of(e);
        }
        listening.signedIn(key, tokens);
    }

    @Override
    public GrantRow pin(GrantRow row) {
        return server.pin(row);
    }

    /** Before its tokens are shown to the server for another purpose than refreshing, which looks itself. */
    @Override
    public void checkIsFromThere(GrantRow row) throws AuthorizationServerException {
        Answer.Failure elsewhere =
                RefreshTokens.elsewhere(row, server.endpoints().provider());
        if (elsewhere != null) {
            throw Failures.of(elsewhere);
        }
    }

    @Override
    public OkHttpClient wrap(OkHttpClient http, TokenSource source) {
        return wrap(http, interceptor(source.origins(), request -> source, true, source.whose()));
    }

    OkHttpClient wrap(OkHttpClient http, AuthorizingInterceptor interceptor) {
        if (http.interceptors().stream().anyMatch(interceptor::isSpoiltBy)) {
            throw new IllegalArgumentException(
                    "This client is wrapped for another account or registration already, and would"
                            + " send its tokens. Wrap the application's own client for each");
        }
        OkHttpClient.Builder wrapped = http.newBuilder().addInterceptor(interceptor);
        if (!http.networkInterceptors().contains(boundCalls)) {
            wrapped.addNetworkInterceptor(boundCalls);
        }
        return wrapped.build();
    }

    @Override
    public Interceptor interceptor(TokenSource source) {
        return interceptor(source.origins(), request -> source, false, source.whose());
    }

    AuthorizingInterceptor interceptor(
            Set<String> origins, AuthorizingInterceptor.Sources sources, boolean wrapped, Object whose) {
        return new AuthorizingInterceptor(provider().dialect(), origins, sources, waiting, boundCalls, wrapped, whose);
    }

    /** Where access tokens go that are not for a particular resource. */
    @Override
    public Set<String> apiOrigins() {
        return apiOrigins;
    }

    /** What is known of the provider without asking it; no endpoints among it. */
    @Override
    public Provider provider() {
        return server.known();
    }

    @Override
    public Waiting waiting() {
        return waiting;
    }

    @Override
    public Listening listening() {
        return listening;
    }

    Optional<LogoutNotice> verifyLogoutToken(@Nullable String logoutToken) throws AuthorizationServerException {
        LogoutTokens tokens = server.endpoints().logoutTokens();
        if (tokens == null) {
            throw new IllegalStateException(provider().name()
                    + " is not known to support OpenID Connect: call openId(issuer, jwksUri) on its builder");
        }
        try {
            LogoutTokens.Ended ended = tokens.verify(logoutToken == null ? "" : logoutToken);
            boolean repeated = !heardLogouts.use(ended.issuer() + " " + ended.id());
            return Optional.of(new LogoutNotice(ended.issuer(), ended.subject(), ended.session(), repeated));
        } catch (IdentityException e) {
            if (e.kind() == IdentityException.Kind.UNAVAILABLE) {
                throw Failures.of(e);
            }
            Log.debug("A logout token was not accepted: {}", String.valueOf(e.getMessage()));
            return Optional.empty();
        }
    }

    @Override
    public Introspection introspect(String token) throws AuthorizationServerException {
        IntrospectionEndpoint introspectionEndpoint = server.endpoints().introspection();
        if (introspectionEndpoint == null) {
            throw new IllegalStateException(provider().name() + " is not known to have an introspection endpoint:"
                    + " say introspectionEndpoint(…) when describing it");
        }
        try {
            return new Introspection(introspectionEndpoint.introspect(token));
        } catch (RequestFailedException e) {
            throw Failures.of(e.failure());
        }
    }

    String name() {
        return name;
    }

    String clientId() {
        return clientId;
    }

    Set<String> scopes() {
        return scopes;
    }

    Set<String> resources() {
        return resources;
    }

    Server server() {
        return server;
    }

    @Override
    public Engine engine() {
        return engine;
    }

    DeviceFlow devices() {
        return devices;
    }

    Revocation revocation() {
        return revocation;
    }

    Time time() {
        return time;
    }

    /** Waits for refreshes and writes that are under way, then ends the threads. */
    void close() {
        devices.close();
        int unsaved = engine.close(CLOSE_WAITS);
        if (unsaved > 0) {
            Log.error(
                    "{} grants have new tokens that the store did not take before the end; their users may have to"
                            + " sign in again",
                    unsaved);
        }
    }

    @Override
    public String toString() {
        return "Grantkeeper[" + name + "]";
    }
}
