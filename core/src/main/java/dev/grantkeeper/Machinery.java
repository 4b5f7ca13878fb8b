/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.answer.RequestFailedException;
import dev.grantkeeper.internal.call.ApiRejections;
import dev.grantkeeper.internal.call.BoundCalls;
import dev.grantkeeper.internal.call.TokenSource;
import dev.grantkeeper.internal.log.Log;
import dev.grantkeeper.internal.login.AuthorizationCodeFlow;
import dev.grantkeeper.internal.login.BackchannelFlow;
import dev.grantkeeper.internal.login.DeviceFlow;
import dev.grantkeeper.internal.login.LoginOutcome;
import dev.grantkeeper.internal.login.LoginPolling;
import dev.grantkeeper.internal.login.TokenExchangeFlow;
import dev.grantkeeper.internal.login.UsedLogins;
import dev.grantkeeper.internal.openid.ClaimSources;
import dev.grantkeeper.internal.openid.Decryption;
import dev.grantkeeper.internal.openid.IdentityException;
import dev.grantkeeper.internal.openid.LogoutTokens;
import dev.grantkeeper.internal.protocol.ApiAddresses;
import dev.grantkeeper.internal.protocol.Resource;
import dev.grantkeeper.internal.provider.Facts;
import dev.grantkeeper.internal.refresh.Clocks;
import dev.grantkeeper.internal.refresh.Engine;
import dev.grantkeeper.internal.refresh.Timing;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.row.RowFormat;
import dev.grantkeeper.internal.server.ClientCredentialsRenewal;
import dev.grantkeeper.internal.server.Endpoints;
import dev.grantkeeper.internal.server.ExchangeRequest;
import dev.grantkeeper.internal.server.KnownServer;
import dev.grantkeeper.internal.server.RefreshTokenRenewal;
import dev.grantkeeper.internal.server.Revocation;
import dev.grantkeeper.internal.server.TokenExchangeRenewal;
import dev.grantkeeper.internal.wire.DPoP;
import dev.grantkeeper.internal.wire.Http;
import dev.grantkeeper.internal.wire.IntrospectionEndpoint;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.Identity;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import okhttp3.Interceptor;
import okhttp3.OkHttpClient;
import org.jspecify.annotations.Nullable;

/**
 * The machinery of one registration, put together from its settings. {@code Grantkeeper} is its face; accounts and
 * logins see it as a {@link Registration}. Thread-safe.
 */
final class Machinery implements Registration, LoginStarter {
    private static final Duration CLOSE_WAITS = Duration.ofSeconds(5);

    private final KnownServer server;
    private final String name;
    private final String clientId;
    private final @Nullable String redirectUri;
    private final Set<String> scopes;
    private final ApiAddresses apiAddresses;
    private final Set<String> resources;
    private final Revocation revocation;
    private final UsedLogins verifiedLogouts;
    private final Map<String, ClaimSources> claimSources;
    private final Clocks time;
    private final TokenWait tokenWait;
    private final EventReporter events;
    private final Decryption decryption;
    private final DPoP dpop;
    private final BoundCalls boundCalls;
    private final ApiRejections rejections = new ApiRejections();
    private final Http http;
    private final Engine engine;
    private final AuthorizationCodeFlow codeFlow;
    private final LoginPolling polling;
    private final DeviceFlow deviceFlow;
    private final BackchannelFlow backchannelFlow;
    private final TokenExchangeFlow exchangeFlow;

    Machinery(Settings settings) {
        Provider provider = settings.provider;
        this.clientId = Objects.requireNonNull(settings.clientId);
        this.name = settings.registration == null ? provider.name() + ":" + clientId : settings.registration;
        this.redirectUri = settings.redirectUri;
        this.scopes = settings.scopes;
        this.apiAddresses = ApiAddresses.of(provider.apiOrigins());
        this.resources = settings.resources;
        this.tokenWait = new TokenWait(settings.maxWait);
        this.events = new EventReporter(settings.listener, settings.clock);
        this.verifiedLogouts = new UsedLogins(settings.clock, Duration.ofHours(1));
        this.time = new Clocks(settings.clock, settings.ticker);
        this.decryption = settings.decryption();
        this.dpop = new DPoP(settings.clock, settings.dpop);
        this.boundCalls = new BoundCalls(dpop);
        this.http = new Http(settings.httpClient, settings.tokenCallTimeout, dpop);
        this.claimSources = settings.claimsProviders.isEmpty() ? Map.of() : Connector.claimSources(settings, http);
        Discovery discovery = settings.discovery;
        this.server = new KnownServer(
                provider,
                discovery == null ? null : () -> discovery.fetch(http),
                found -> connect(found, settings),
                time);
        this.revocation = new Revocation(server, this::later);
        this.engine = new Engine(
                provider.name(),
                Objects.requireNonNull(settings.tokenStore),
                new RowFormat(settings.sealingKeys),
                new RefreshTokenRenewal(server, revocation, settings.trustedAudiences),
                new ClientCredentialsRenewal(server, scopes, settings.resources, false, revocation, time),
                new Timing(settings.tokenCallTimeout, settings.storeCacheTime, settings.maxWait),
                settings.storeCacheSize,
                time,
                events);
        this.codeFlow = new AuthorizationCodeFlow(
                server, revocation, name, redirectUri, decryption, dpop, AuthorizationCodeFlow.usedLogins(time), time);
        this.polling = new LoginPolling(server, name, engine, revocation, time);
        this.deviceFlow = new DeviceFlow(server, name, time);
        this.backchannelFlow = new BackchannelFlow(server, name, polling, time);
        this.exchangeFlow = new TokenExchangeFlow(server, revocation, time);
        server.open();
    }

    private Endpoints connect(Provider provider, Settings settings) {
        if (settings.discovery != null) {
            settings.check(provider);
        }
        return Connector.connect(provider, settings, decryption, http);
    }

    // ---- Logins ---------------------------------------------------------------------------------------------------

    @Override
    public PendingLogin start(
            @Nullable Set<String> wanted,
            Map<String, String> parameters,
            @Nullable String appState,
            @Nullable Duration maxAge,
            @Nullable String comesBackTo)
            throws AuthorizationServerException {
        try {
            return new PendingLogin(
                    codeFlow.start(wanted == null ? scopes : wanted, parameters, appState, maxAge, comesBackTo, false));
        } catch (RequestFailedException e) {
            throw Exceptions.of(e);
        }
    }

    LoginResult finish(@Nullable PendingLogin login, @Nullable String query) throws AuthorizationServerException {
        try {
            return result(codeFlow.finish(login == null ? null : login.attempt(), query));
        } catch (RequestFailedException e) {
            throw Exceptions.of(e);
        }
    }

    String sessionKeyOf(@Nullable String query) {
        return PendingLogin.sessionKeyOf(codeFlow.read(query));
    }

    @Override
    public DeviceLogin startOnDevice(
            @Nullable Set<String> wanted, Map<String, String> parameters, @Nullable String appState)
            throws AuthorizationServerException {
        try {
            return new DeviceLogin(deviceFlow.start(wanted == null ? scopes : wanted, parameters, appState));
        } catch (RequestFailedException e) {
            throw Exceptions.of(e);
        }
    }

    @Override
    public BackchannelLogin startBackchannel(
            @Nullable Set<String> wanted,
            Map<String, String> parameters,
            @Nullable String appState,
            @Nullable Duration maxAge,
            boolean ping)
            throws AuthorizationServerException {
        try {
            return new BackchannelLogin(
                    backchannelFlow.start(wanted == null ? scopes : wanted, parameters, appState, maxAge, ping));
        } catch (RequestFailedException e) {
            throw Exceptions.of(e);
        }
    }

    boolean acceptNotification(
            @Nullable BackchannelLogin login, @Nullable String authorization, @Nullable String body) {
        return backchannelFlow.accept(login == null ? null : login.attempt(), authorization, body);
    }

    /** Waits for the result; the calling thread may be interrupted. */
    LoginResult await(DecoupledLogin login) throws OAuthException, InterruptedIOException {
        CompletableFuture<LoginResult> result = awaitAsync(login);
        try {
            return result.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            if (!result.cancel(true) && !result.isCompletedExceptionally()) {
                return result.join(); // it came at the last moment, and nobody else would get its tokens
            }
            throw new InterruptedIOException("Interrupted while waiting for a login");
        } catch (ExecutionException e) {
            if (e.getCause() instanceof AuthorizationServerException failure) {
                throw failure;
            }
            throw Exceptions.defect(e.getCause());
        }
    }

    CompletableFuture<LoginResult> awaitAsync(DecoupledLogin login) {
        CompletableFuture<LoginOutcome> outcome = polling.finish(
                login instanceof DeviceLogin device ? device.attempt() : ((BackchannelLogin) login).attempt());
        CompletableFuture<LoginResult> result = outcome.handle((ended, broken) -> {
            if (broken == null) {
                return result(ended);
            }
            Throwable cause =
                    broken instanceof CompletionException && broken.getCause() != null ? broken.getCause() : broken;
            throw new CompletionException(cause instanceof RequestFailedException e ? Exceptions.of(e) : cause);
        });
        CompletableFuture<LoginResult> unused = result.whenComplete((ended, broken) -> {
            if (result.isCancelled()) {
                outcome.cancel(true);
            }
        });
        return result;
    }

    LoginResult exchange(TokenExchange exchange) throws AuthorizationServerException {
        try {
            return result(exchangeFlow.exchange(exchange.request(), renewal(exchange.request())));
        } catch (RequestFailedException e) {
            throw Exceptions.of(e);
        }
    }

    private LoginResult result(LoginOutcome outcome) {
        if (outcome instanceof LoginOutcome.SignedIn in) {
            return new LoginResult.SignedIn(this, in);
        }
        return outcome instanceof LoginOutcome.Declined declined
                ? new LoginResult.Declined(declined)
                : new LoginResult.Mismatched((LoginOutcome.Mismatched) outcome);
    }

    private TokenExchangeRenewal renewal(ExchangeRequest request) {
        return new TokenExchangeRenewal(request, server, revocation, time);
    }

    // ---- Accounts -------------------------------------------------------------------------------------------------

    /** The application's own account (client credentials). */
    Account application() {
        String reason = Facts.of(provider()).noApplicationTokens;
        if (reason != null) {
            throw new IllegalStateException(
                    provider().name() + " does not issue tokens to applications themselves: " + reason);
        }
        return new Account(
                this,
                new AccountKey(name + " client_credentials", clientId),
                engine.application(),
                engine.applicationLogins(),
                null,
                false); // whatever its APIs demand: there is no user who could sign in
    }

    /** The account whose tokens come from an exchange. */
    Account account(TokenExchange exchange) {
        AccountKey key = new AccountKey(name + " exchange", exchange.request().name());
        Engine.Keeper keeper = engine.inProcess(key, renewal(exchange.request()));
        ApiAddresses addresses = exchange.apiAddresses();
        return new Account(
                this,
                key,
                keeper.refresher(),
                keeper.logins(),
                addresses == null ? null : new Account.Api(Resource.OWN, addresses),
                true);
    }

    private void later(Duration pause, Runnable task) {
        engine.after(pause, task);
    }

    @Override
    public void discard(GrantRow row, TokenSet tokens) {
        revocation.revoke(tokens);
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
            throw Exceptions.of(e);
        }
        events.signedIn(key, tokens);
    }

    @Override
    public GrantRow pin(GrantRow row) {
        return server.pin(row);
    }

    @Override
    public void checkIsFromThere(GrantRow row) throws AuthorizationServerException {
        Answer.Failure elsewhere = server.elsewhere(row, endpoints());
        if (elsewhere != null) {
            throw Exceptions.of(elsewhere);
        }
    }

    /** Whether the row's tokens were issued by this server. */
    boolean isFromThere(GrantRow row, Endpoints endpoints) {
        return server.elsewhere(row, endpoints) == null;
    }

    @Override
    public OkHttpClient wrap(OkHttpClient http, TokenSource source) {
        checkGoesSomewhere(source);
        return interceptor(source.addresses(), request -> source, true, source.whose())
                .into(http);
    }

    @Override
    public Interceptor interceptor(TokenSource source) {
        checkGoesSomewhere(source);
        return interceptor(source.addresses(), request -> source, false, source.whose());
    }

    private void checkGoesSomewhere(TokenSource source) {
        if (source.addresses().isEmpty() && !(source.goesToApiBase() && namesApiBases())) {
            throw new IllegalStateException(
                    "No call could carry a token of " + provider().name()
                            + ": it has no API origins. Call apiOrigins(\"https://api.example.com\") on the provider's builder");
        }
    }

    private boolean namesApiBases() {
        return !Facts.of(provider()).dialect.apiBaseDomains.isEmpty();
    }

    /** The interceptor of a client that many accounts share, some of them perhaps with origins of their own. */
    AuthorizingInterceptor interceptor(AuthorizingInterceptor.Sources sources, boolean wrapped) {
        if (apiAddresses.isEmpty() && !namesApiBases()) {
            Log.warn(
                    "{} has no API origins: calls carry a token only for accounts with origins of their own. Call"
                            + " apiOrigins(…) on the provider's builder",
                    provider().name());
        }
        return interceptor(apiAddresses, sources, wrapped, new TokenSource.Whose(name, Resource.OWN));
    }

    private AuthorizingInterceptor interceptor(
            ApiAddresses addresses, AuthorizingInterceptor.Sources sources, boolean wrapped, TokenSource.Whose whose) {
        return new AuthorizingInterceptor(
                Facts.of(provider()).dialect, addresses, sources, tokenWait, boundCalls, rejections, wrapped, whose);
    }

    @Override
    public ApiAddresses apiAddresses() {
        return apiAddresses;
    }

    @Override
    public Provider provider() {
        return server.known();
    }

    @Override
    public TokenWait tokenWait() {
        return tokenWait;
    }

    @Override
    public EventReporter events() {
        return events;
    }

    Optional<LogoutNotice> verifyLogoutToken(@Nullable String logoutToken) throws AuthorizationServerException {
        Endpoints endpoints = endpoints();
        LogoutTokens tokens = endpoints.logoutTokens();
        if (tokens == null && Facts.of(endpoints.provider()).fromMetadata) {
            throw Exceptions.of(endpoints.missing("jwks_uri, which logout tokens need", "openId(issuer, jwksUri)"));
        }
        if (tokens == null) {
            throw new IllegalStateException(provider().name()
                    + " is not known to support OpenID Connect: call openId(issuer, jwksUri) on its builder");
        }
        try {
            LogoutTokens.Ended ended = tokens.verify(logoutToken == null ? "" : logoutToken);
            boolean repeated = !verifiedLogouts.use(ended.issuer() + " " + ended.id());
            return Optional.of(new LogoutNotice(ended.issuer(), ended.subject(), ended.session(), repeated));
        } catch (IdentityException e) {
            if (e.kind() == IdentityException.Kind.UNAVAILABLE) {
                throw Exceptions.of(e.failure());
            }
            Log.debug("A logout token was not accepted: {}", String.valueOf(e.getMessage()));
            return Optional.empty();
        }
    }

    Map<String, Object> fetchClaims(Identity identity, String issuer) throws AuthorizationServerException {
        ClaimSources sources = claimSources.get(issuer);
        if (sources == null) {
            throw new IllegalArgumentException("The keys of the claims provider " + issuer
                    + " are not known: call claimsProvider(issuer, jwksUri) on the builder");
        }
        try {
            return sources.claims(identity);
        } catch (IdentityException e) {
            throw Exceptions.of(e.failure());
        }
    }

    @Override
    public Introspection introspect(String token) throws AuthorizationServerException {
        Endpoints endpoints = endpoints();
        IntrospectionEndpoint introspectionEndpoint = endpoints.introspection();
        if (introspectionEndpoint == null) {
            throw Exceptions.of(endpoints.missing("introspection endpoint", "introspectionEndpoint(…)"));
        }
        try {
            return new Introspection(introspectionEndpoint.introspect(token));
        } catch (RequestFailedException e) {
            throw Exceptions.of(e);
        }
    }

    String name() {
        return name;
    }

    String clientId() {
        return clientId;
    }

    @Override
    public Set<String> scopes() {
        return scopes;
    }

    @Override
    public Set<String> resources() {
        return resources;
    }

    @Nullable
    String redirectUri() {
        return redirectUri;
    }

    /** The server's endpoints; may fetch its metadata first. */
    Endpoints endpoints() throws AuthorizationServerException {
        try {
            return server.endpoints();
        } catch (RequestFailedException e) {
            throw Exceptions.of(e);
        }
    }

    @Override
    public Engine engine() {
        return engine;
    }

    /** Waits for refreshes and writes that are under way, then ends the threads and what is left of the calls. */
    void close() {
        rejections.close();
        polling.close();
        int unsaved = engine.close(CLOSE_WAITS);
        http.close();
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
