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
import dev.grantkeeper.internal.wire.Callback;
import dev.grantkeeper.internal.wire.Client;
import dev.grantkeeper.internal.wire.DPoP;
import dev.grantkeeper.internal.wire.DeviceEndpoint;
import dev.grantkeeper.internal.wire.Http;
import dev.grantkeeper.internal.wire.IntrospectionEndpoint;
import dev.grantkeeper.internal.wire.RequestFailedException;
import dev.grantkeeper.internal.wire.TokenEndpoint;
import dev.grantkeeper.provider.ClientAuthentication;
import dev.grantkeeper.provider.LoginProtection;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.provider.SigningKey;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.Identity;
import dev.grantkeeper.token.SealingKeys;
import dev.grantkeeper.token.TokenSet;
import dev.grantkeeper.token.TokenStore;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongSupplier;
import okhttp3.HttpUrl;
import okhttp3.Interceptor;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import org.jspecify.annotations.Nullable;

/**
 * An application's registration at one provider: sends users through logins, and keeps what they grant fresh.
 *
 * <p>Make one for each registration and process, and close it at the end. It owns a few threads, which end when idle, and a
 * bounded memory. Any number of processes may share one {@link TokenStore}: together they make one token request for each
 * expiry. Immutable and thread-safe.
 *
 * <pre>{@code
 * var spotify = Grantkeeper.builder(Spotify.provider())
 *     .clientId("…").clientSecret(System.getenv("SPOTIFY_CLIENT_SECRET"))
 *     .redirectUri("http://127.0.0.1:8888/callback")
 *     .scopes("user-read-recently-played")
 *     .tokenStore(JdbcTokenStore.create(dataSource))
 *     .sealingKeys(SealingKeys.of(System.getenv("SEALING_SECRET")))
 *     .build();
 *
 * PendingLogin login = spotify.startLogin();
 * session.setAttribute(login.slot(), login);
 * response.sendRedirect(login.url().toString());
 *
 * // in the callback:
 * PendingLogin login = (PendingLogin) session.getAttribute(PendingLogin.slotOf(query));
 * if (spotify.finishLogin(login, query) instanceof LoginResult.SignedIn in) {
 *     in.keepAs(userId);
 * }
 *
 * // any time later, on any node:
 * OkHttpClient api = spotify.account(userId).wrap(http);
 * }</pre>
 */
public final class Grantkeeper implements AutoCloseable {
    private static final Duration CLOSE_WAITS = Duration.ofSeconds(5);

    private final Server server;
    private final String registration;
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

    private Grantkeeper(Builder builder) {
        Provider provider = builder.provider;
        this.clientId = Objects.requireNonNull(builder.clientId);
        this.registration = builder.registration == null ? provider.name() + ":" + clientId : builder.registration;
        this.redirectUri = builder.redirectUri;
        this.scopes = builder.scopes;
        this.apiOrigins = AuthorizingInterceptor.origins(provider.apiOrigins());
        this.resources = builder.resources;
        this.waiting = new Waiting(builder.longestWait);
        this.listening = new Listening(builder.listener, builder.clock);
        this.heardLogouts = new UsedLogins(builder.clock, Duration.ofHours(1));
        this.time = new Time(builder.clock, builder.ticker);
        this.dpop = new DPoP(builder.clock, builder.dpop);
        this.boundCalls = new BoundCalls(dpop);
        // The builder may be used for another registration before this one asks its server.
        Builder settings = new Builder(builder);
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
                Objects.requireNonNull(builder.tokenStore),
                new RowFormat(builder.sealingKeys),
                new RefreshTokens(server, revocation, clientId),
                new ApplicationTokens(server, scopes, revocation, time),
                new Timing(builder.tokenCallTimeout, builder.trustStoredFor),
                time,
                listening);
        this.devices = new DeviceFlow(server, registration, engine, time);
        server.open();
    }

    private Endpoints connect(Provider provider, Builder settings) {
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
                registration,
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

    /**
     * Starts to describe a registration.
     *
     * @param provider where the application is registered
     * @return a builder
     */
    public static Builder builder(Provider provider) {
        return new Builder(provider, null);
    }

    /**
     * Starts to describe a registration at a server that tells itself where its endpoints are. It is asked when something is to be
     * sent there first; while it cannot be, tokens that are stored and valid are used, and everything else fails with a
     * {@link TokenRequestException} and may be tried again.
     *
     * @param discovery how to ask; what is said to it afterwards changes nothing here
     * @return a builder
     * @throws IllegalArgumentException if the issuer is no {@code https} URL without query and fragment, or the description is wrong
     */
    public static Builder builder(Discovery discovery) {
        return new Builder(discovery.known(), discovery.copy());
    }

    /**
     * Begins a login with the registration's own scopes.
     *
     * @return the login; keep it for the callback, and send the browser to its {@link PendingLogin#url()}
     * @throws TokenRequestException if the request is to be pushed or signed ({@link Builder#loginProtections}), and could not be, or
     *     if the server had to be asked first what it is ({@link Discovery}), and did not say
     * @throws IllegalStateException if the builder was given no redirect URI
     */
    public PendingLogin startLogin() throws TokenRequestException {
        return newLogin().start();
    }

    /**
     * Begins a login about which there is more to say.
     *
     * @return what can be said; {@link LoginRequest#start()} begins
     */
    public LoginRequest newLogin() {
        return new LoginRequest(this, scopes, resources);
    }

    PendingLogin start(
            Set<String> wanted,
            Map<String, String> parameters,
            @Nullable String carried,
            @Nullable Duration maxAge,
            @Nullable String comesBackTo)
            throws TokenRequestException {
        return server.endpoints()
                .flow()
                .start(wanted, parameters, carried, maxAge, comesBackTo == null ? redirectUri : comesBackTo);
    }

    @Nullable
    String redirectUri() {
        return redirectUri;
    }

    /**
     * Finishes a login: checks the callback, redeems the code, establishes who the user is. Stores nothing.
     *
     * <p>Nothing that a browser can send makes it throw. A code is redeemed at most once. Call it for what the browser
     * <em>navigates</em> to: a {@code GET}, with {@link Builder#formPost()} a {@code POST}; a {@code HEAD} is somebody who looks at
     * links.
     *
     * @param login what {@link #startLogin()} returned, from where only this browser could bring it back; {@code null} if there
     *     is none
     * @param query the callback's query, as it came; with {@link Builder#formPost()} the body of the posted form, as it came
     * @return how the login ended
     * @throws TokenRequestException if the authorization server could not be asked, or makes no sense, or does not accept this
     *     application. The user may begin again
     */
    public LoginResult finishLogin(@Nullable PendingLogin login, @Nullable String query) throws TokenRequestException {
        LoginResult.Mismatched foreign =
                AuthorizationCodeFlow.foreign(registration, login, Callback.parse(query), time.now());
        return foreign == null ? server.endpoints().flow().finish(this, login, query) : foreign;
    }

    DeviceLogin startOnDevice(Set<String> wanted, Map<String, String> parameters, @Nullable String carried)
            throws TokenRequestException {
        return devices.start(wanted, parameters, carried);
    }

    /**
     * Waits until the user has finished a login on another device, has refused it, or the codes have ended: minutes. Asks the
     * server as often as the server allows (RFC 8628 section 3.5), and goes on while it is down. Stores nothing.
     *
     * @param login what {@link LoginRequest#startOnDevice()} returned; another process may finish it
     * @return how the login ended; {@link LoginResult.Mismatched.Reason#STALE} if the user did not finish in time
     * @throws TokenRequestException if the server does not accept this application, or makes no sense
     * @throws IOException if the thread is interrupted ({@link java.io.InterruptedIOException})
     */
    public LoginResult finishLogin(DeviceLogin login) throws IOException {
        return devices.finish(this, login);
    }

    /**
     * The same without waiting, and without a thread that waits. Who asks twice for one login shares the questions.
     *
     * @param login what {@link LoginRequest#startOnDevice()} returned
     * @return completes with the result, or with what {@link #finishLogin(DeviceLogin)} would throw; when all who asked for this
     *     login have cancelled theirs, the server is not asked any more
     */
    public CompletableFuture<LoginResult> finishLoginAsync(DeviceLogin login) {
        return devices.finishAsync(this, login);
    }

    private void later(Duration pause, Runnable task) {
        engine.after(pause, task);
    }

    void discard(TokenSet tokens) {
        revocation.giveBack(tokens);
    }

    Account keep(GrantRow row, TokenSet tokens, String accountId) throws TokenStoreException {
        Account account = account(accountId);
        try {
            engine.logins().login(account.key(), server.pin(row));
        } catch (IOException e) {
            throw Failures.of(e);
        }
        listening.signedIn(account.key(), tokens);
        return account;
    }

    GrantRow pin(GrantRow row) {
        return server.pin(row);
    }

    /** Before its tokens are shown to the server for another purpose than refreshing, which looks itself. */
    void checkIsFromThere(GrantRow row) throws TokenRequestException {
        Answer.Failure elsewhere =
                RefreshTokens.elsewhere(row, server.endpoints().provider());
        if (elsewhere != null) {
            throw Failures.of(elsewhere);
        }
    }

    /**
     * The end of a session at the provider: sends a user out there, or hears that a user has left there (OpenID Connect RP-Initiated
     * Logout, Back-Channel Logout).
     *
     * @return what can be said and asked about it
     */
    public Logout logout() {
        return new Logout(this, server, clientId, heardLogouts);
    }

    /**
     * A user's account, connected or not. Touches nothing.
     *
     * @param accountId the application's own id for its user
     * @return the account
     */
    public Account account(String accountId) {
        return new Account(this, new AccountKey(registration, accountId), engine.users(), engine.logins(), null, true);
    }

    /**
     * The application's own account, for APIs that are not about a user (client credentials, RFC 6749 section 4.4). It needs no
     * login: tokens are fetched when they are needed first, for the registration's scopes.
     *
     * @return the account
     * @throws IllegalStateException if the provider is known to give applications no tokens of their own
     */
    public Account application() {
        provider().noApplicationTokens().ifPresent(reason -> {
            throw new IllegalStateException(
                    provider().name() + " gives applications no tokens of their own: " + reason);
        });
        return new Account(
                this,
                new AccountKey(registration + " client_credentials", clientId),
                engine.application(),
                engine.applicationLogins(),
                null,
                false); // whatever its APIs ask for: there is no user who could sign in
    }

    /**
     * An account whose tokens come in exchange for one that is at hand. They are asked for when they are needed, once for all calls
     * with the same token, and asked for again when they end. Touches nothing. They rest in this process and in no store: the same
     * exchange finds them again.
     *
     * <p>When the server does not take the token at hand any more, calls throw {@link LoginRequiredException}: whoever it came from
     * has to bring another.
     *
     * @param exchange what to ask for, and the token
     * @return the account
     */
    public Account account(TokenExchange exchange) {
        AccountKey key = new AccountKey(registration + " exchange", exchange.name());
        Engine.Kept kept = engine.inProcess(key, new ExchangedTokens(exchange, server, revocation, time));
        Set<String> origins = exchange.apiOrigins();
        return new Account(
                this,
                key,
                kept.refresher(),
                kept.logins(),
                origins == null ? null : new Account.Resource(null, origins),
                true);
    }

    /**
     * Exchanges a token once, for a grant that is kept like a user's: with a refresh token it outlives the token at hand. For
     * applications that go on working for a user who has left; all others want {@link #account(TokenExchange)}. Stores nothing.
     *
     * @param exchange what to ask for, and the token
     * @return {@link LoginResult.SignedIn}, or {@link LoginResult.Declined} if the server does not take the token
     * @throws TokenRequestException if the server could not be asked, or makes no sense, or does not accept this application
     */
    public LoginResult login(TokenExchange exchange) throws TokenRequestException {
        ExchangedTokens renewal = new ExchangedTokens(exchange, server, revocation, time);
        Answer answer = renewal.request();
        if (answer instanceof Answer.Tokens tokens) {
            TokenSet set = renewal.tokens(tokens.response(), time.now())
                    .newBuilder()
                    .resources(LoginRequest.split(exchange.resource()))
                    .build();
            try {
                Identity identity = server.endpoints()
                        .identities()
                        .of(tokens.response(), set, exchange.scopes().contains("openid"));
                return new LoginResult.SignedIn(
                        this, GrantRow.of(RowFormat.newName(), time.now(), set, identity), set, true, Map.of(), null);
            } catch (IdentityException e) {
                if (e.kind() == IdentityException.Kind.OTHER_TENANT) {
                    return Failures.declined(e, Optional.empty());
                }
                throw Failures.of(e);
            }
        }
        Answer.Failure failure = answer instanceof Answer.Lost lost ? lost.failure() : (Answer.Failure) answer;
        if (!failure.isAboutTheGrant()) {
            throw Failures.of(failure);
        }
        return new LoginResult.Declined(
                Objects.requireNonNullElse(failure.error(), "invalid_grant"),
                Objects.requireNonNullElse(failure.description(), ""),
                Optional.empty());
    }

    /**
     * Asks the server about a token (RFC 7662), this application's or one that somebody brought. For tokens that an
     * {@link Account} keeps there is {@link Account#introspect()}; nobody has to ask before a call.
     *
     * @param token an access token or a refresh token
     * @return what the server says; a token that it does not know is not active
     * @throws TokenRequestException if the server could not be asked, or does not accept this application, or makes no sense
     * @throws IllegalStateException if the provider has no introspection endpoint
     */
    public Introspection introspect(String token) throws TokenRequestException {
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

    /**
     * Wraps a client that many users share. Each request says whose it is: {@code request.tag(Account.class, account)}, in
     * Retrofit {@code @Tag Account account}. A request to an API origin that does not say fails and never goes out bare. See
     * {@link Account#wrap} for everything else.
     *
     * @param http the application's client
     * @return a client for all accounts
     * @throws IllegalArgumentException if it is wrapped for somebody else already, whose tokens would go to the same APIs
     */
    public OkHttpClient wrap(OkHttpClient http) {
        return wrap(http, interceptor(apiOrigins, this::tagged, true, registration));
    }

    OkHttpClient wrap(OkHttpClient http, TokenSource source) {
        return wrap(http, interceptor(source.origins(), request -> source, true, source.whose()));
    }

    private OkHttpClient wrap(OkHttpClient http, AuthorizingInterceptor interceptor) {
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

    /**
     * What {@link #wrap} adds, for who holds a builder. With {@link Builder#dpop()} that client must not follow redirects; one
     * that {@link #wrap} made may.
     *
     * @return an application interceptor
     */
    public Interceptor interceptor() {
        return interceptor(apiOrigins, this::tagged, false, registration);
    }

    Interceptor interceptor(TokenSource source) {
        return interceptor(source.origins(), request -> source, false, source.whose());
    }

    private AuthorizingInterceptor interceptor(
            Set<String> origins, AuthorizingInterceptor.Sources sources, boolean wrapped, Object whose) {
        return new AuthorizingInterceptor(provider().dialect(), origins, sources, waiting, boundCalls, wrapped, whose);
    }

    private @Nullable TokenSource tagged(Request request) {
        Account account = request.tag(Account.class);
        return account != null && account.isOf(this) ? account.source() : null;
    }

    /** Where access tokens go that are not for a particular resource. */
    Set<String> apiOrigins() {
        return apiOrigins;
    }

    /** What is known of the provider without asking it; no endpoints among it. */
    Provider provider() {
        return server.known();
    }

    /**
     * The name under which this registration's grants are filed: the first part of their {@link Account#key() keys}.
     *
     * @return the name, see {@link Builder#registration}
     */
    public String registration() {
        return registration;
    }

    Waiting waiting() {
        return waiting;
    }

    Listening listening() {
        return listening;
    }

    /**
     * Waits up to five seconds for refreshes and writes that are under way, then ends the library's threads; an interrupted thread
     * does not wait. What could not be stored by then is reported in the log: those users may have to sign in again.
     */
    @Override
    public void close() {
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
        return "Grantkeeper[" + registration + "]";
    }

    /** Describes a registration. Not thread-safe. */
    public static final class Builder {
        private static final int LEAST_SECRET_BYTES = 32;

        private final Provider provider;
        private final @Nullable Discovery discovery;
        private @Nullable String registration;
        private @Nullable String clientId;
        private @Nullable String clientSecret;
        private boolean secretIsMissing;
        private @Nullable SigningKey signingKey;
        private @Nullable ClientAuthentication clientAuthentication;
        private @Nullable String redirectUri;
        private Set<LoginProtection> loginProtections = Set.of();
        private Set<String> scopes = Set.of();
        private Set<String> resources = Set.of();
        private @Nullable TokenStore tokenStore;
        private @Nullable SealingKeys sealingKeys;
        private boolean unsealed;
        private Set<String> signingAlgorithms = Set.of();
        private boolean fetchProfile;
        private boolean dpop;
        private boolean formPost;
        private @Nullable OkHttpClient httpClient;
        private GrantListener listener = GrantListener.NONE;
        private Duration longestWait = Duration.ofSeconds(10);
        private Duration tokenCallTimeout = Duration.ofSeconds(10);
        private Duration trustStoredFor = Duration.ofSeconds(5);
        private InstantSource clock = InstantSource.system();
        private LongSupplier ticker = System::nanoTime;

        private Builder(Provider provider, @Nullable Discovery discovery) {
            this.provider = Objects.requireNonNull(provider);
            this.discovery = discovery;
        }

        private Builder(Builder other) {
            this.provider = other.provider;
            this.discovery = other.discovery;
            this.registration = other.registration;
            this.clientId = other.clientId;
            this.clientSecret = other.clientSecret;
            this.secretIsMissing = other.secretIsMissing;
            this.signingKey = other.signingKey;
            this.clientAuthentication = other.clientAuthentication;
            this.redirectUri = other.redirectUri;
            this.loginProtections = other.loginProtections;
            this.scopes = other.scopes;
            this.resources = other.resources;
            this.tokenStore = other.tokenStore;
            this.sealingKeys = other.sealingKeys;
            this.unsealed = other.unsealed;
            this.signingAlgorithms = other.signingAlgorithms;
            this.fetchProfile = other.fetchProfile;
            this.dpop = other.dpop;
            this.formPost = other.formPost;
            this.httpClient = other.httpClient;
            this.listener = other.listener;
            this.longestWait = other.longestWait;
            this.tokenCallTimeout = other.tokenCallTimeout;
            this.trustStoredFor = other.trustStoredFor;
            this.clock = other.clock;
            this.ticker = other.ticker;
        }

        /**
         * Sets the client id that the provider gave to the application. Required.
         *
         * @param clientId the id
         * @return this builder
         */
        public Builder clientId(String clientId) {
            this.clientId = clientId;
            return this;
        }

        /**
         * Sets the client secret. Default: none, the application is a public client.
         *
         * @param clientSecret the secret; {@code null}, as an environment variable that is missing gives it, fails at
         *     {@link #build()} if the way to authenticate needs one
         * @return this builder
         */
        public Builder clientSecret(@Nullable String clientSecret) {
            this.clientSecret = clientSecret;
            this.secretIsMissing = clientSecret == null;
            return this;
        }

        /**
         * Sets the key with which the application signs what it says to the authorization server. Default: none. With a key and no
         * secret the application authenticates with the key ({@link ClientAuthentication#PRIVATE_KEY_JWT}).
         *
         * @param signingKey the key; the provider knows its public half
         * @return this builder
         */
        public Builder signingKey(SigningKey signingKey) {
            this.signingKey = Objects.requireNonNull(signingKey);
            return this;
        }

        /**
         * Sets how the application authenticates. Default: the provider's way if there is a secret, otherwise with the signing key
         * if there is one, otherwise {@link ClientAuthentication#NONE}.
         *
         * @param clientAuthentication the way; exactly this one is used
         * @return this builder
         */
        public Builder clientAuthentication(ClientAuthentication clientAuthentication) {
            this.clientAuthentication = Objects.requireNonNull(clientAuthentication);
            return this;
        }

        private ClientAuthentication authentication(Provider provider) {
            if (clientAuthentication != null) {
                return clientAuthentication;
            }
            if (clientSecret != null || secretIsMissing) {
                // Whoever names a secret wants to use one: a missing variable must not make a public client.
                return provider.clientAuthentication();
            }
            if (signingKey != null) {
                return provider.clientAuthentication() == ClientAuthentication.SIGNED_SECRET
                        ? ClientAuthentication.SIGNED_SECRET
                        : ClientAuthentication.PRIVATE_KEY_JWT;
            }
            return provider.clientAuthentication() == ClientAuthentication.MUTUAL_TLS
                    ? ClientAuthentication.MUTUAL_TLS
                    : ClientAuthentication.NONE;
        }

        /**
         * Sets where the provider sends browsers back to, exactly as it is registered there. Default: none, and no logins.
         *
         * @param redirectUri an absolute URI
         * @return this builder
         */
        public Builder redirectUri(String redirectUri) {
            this.redirectUri = redirectUri;
            return this;
        }

        /**
         * Protects logins on their way through the browser, more than is always done. Default: as the provider demands. What it
         * demands is done in any case.
         *
         * @param protections what to do; the FAPI 2.0 Security Profile is {@link LoginProtection#PUSHED_REQUEST}
         * @return this builder
         */
        public Builder loginProtections(LoginProtection... protections) {
            this.loginProtections = Set.of(protections);
            return this;
        }

        /** Nothing where there are no logins. */
        private Set<LoginProtection> protections(Provider provider) {
            EnumSet<LoginProtection> all = EnumSet.noneOf(LoginProtection.class);
            if (redirectUri != null) {
                all.addAll(loginProtections);
                all.addAll(provider.loginProtections());
            }
            return Collections.unmodifiableSet(all);
        }

        /**
         * Sets what logins ask for, unless they say otherwise. Default: nothing. Exactly these are sent.
         *
         * @param scopes the scopes
         * @return this builder
         */
        public Builder scopes(String... scopes) {
            this.scopes = checkScopes(new LinkedHashSet<>(Arrays.asList(scopes)));
            return this;
        }

        static Set<String> checkScopes(Set<String> scopes) {
            for (String scope : scopes) {
                if (!isScope(scope)) {
                    throw new IllegalArgumentException(
                            "A scope is a text without blanks and quotes; give each one of its own: '" + scope + "'");
                }
            }
            return Collections.unmodifiableSet(scopes);
        }

        /** RFC 6749 section 3.3. */
        static boolean isScope(String scope) {
            return !scope.isEmpty() && scope.chars().allMatch(c -> c > ' ' && c < 0x7f && c != '"' && c != '\\');
        }

        /**
         * Sets for which APIs the access tokens of logins are (resource indicators, RFC 8707), unless they say otherwise. Default:
         * the server chooses. For servers that make tokens for one API at a time.
         *
         * @param resources absolute URIs as the server knows the APIs
         * @return this builder
         * @throws IllegalArgumentException if one is not an absolute URI, or the provider refuses the parameter
         */
        public Builder resources(String... resources) {
            String refused = provider.forbiddenParameters().get(LoginRequest.RESOURCE);
            if (refused != null && resources.length > 0) {
                throw new IllegalArgumentException("The parameter resource cannot be sent: " + refused);
            }
            this.resources = checkResources(Arrays.asList(resources));
            return this;
        }

        static Set<String> checkResources(List<String> resources) {
            for (String resource : resources) {
                try {
                    // RFC 8707 section 2
                    URI uri = new URI(resource);
                    if (!uri.isAbsolute() || uri.getRawFragment() != null) {
                        throw new IllegalArgumentException(
                                "A resource is an absolute URI without a fragment: " + resource);
                    }
                } catch (URISyntaxException e) {
                    throw new IllegalArgumentException("A resource is an absolute URI: " + e.getReason(), e);
                }
            }
            return Collections.unmodifiableSet(new LinkedHashSet<>(resources));
        }

        /**
         * Sets where grants rest. Required.
         *
         * @param tokenStore the store
         * @return this builder
         */
        public Builder tokenStore(TokenStore tokenStore) {
            this.tokenStore = Objects.requireNonNull(tokenStore);
            return this;
        }

        /**
         * Sets the keys that seal what is stored. Required, unless {@link #unsealed()} is said.
         *
         * @param sealingKeys the keys, the same on all nodes
         * @return this builder
         */
        public Builder sealingKeys(SealingKeys sealingKeys) {
            this.sealingKeys = Objects.requireNonNull(sealingKeys);
            return this;
        }

        /**
         * Stores tokens as they are: whoever can read the store can use them.
         *
         * @return this builder
         */
        public Builder unsealed() {
            this.unsealed = true;
            return this;
        }

        /**
         * Has the answer posted to the redirect URI (OAuth 2.0 Form Post Response Mode) and not put into its query: codes then stay
         * out of browser histories and access logs. Default: the query. The body of the post goes to
         * {@link Grantkeeper#finishLogin}. Another site makes the browser post, so it brings cookies along only if they are
         * {@code SameSite=None; Secure}: that of the session, or that of the sealed login.
         *
         * @return this builder
         */
        public Builder formPost() {
            this.formPost = true;
            return this;
        }

        /**
         * Asks the provider who the user is, at each login: its UserInfo endpoint for what the ID token does not say (OpenID
         * Connect Core section 5.3) where {@code openid} is asked for, its profile endpoint where it is not. A provider that does
         * not say fails the login. Default: nobody is asked.
         *
         * @return this builder
         */
        public Builder fetchProfile() {
            this.fetchProfile = true;
            return this;
        }

        /**
         * Sets with which algorithms the provider signs for this application ({@code id_token_signed_response_alg}, OpenID Connect
         * Dynamic Client Registration section 2): ID tokens, and whatever else it signs. One that is signed otherwise is refused,
         * although the key is the provider's (FAPI 2.0 wants one algorithm). Default: all that need no shared secret.
         *
         * @param algorithms as they are called in RFC 7518, for example {@code PS256}
         * @return this builder
         * @throws IllegalArgumentException if one of them is not known, or takes a shared secret
         */
        public Builder signingAlgorithms(String... algorithms) {
            for (String algorithm : algorithms) {
                if (!ProviderKeys.knows(algorithm)) {
                    throw new IllegalArgumentException("No algorithm that a provider can sign with: " + algorithm
                            + ". Say one of RS256, PS256, ES256 (each also with 384 and 512), EdDSA, Ed25519");
                }
            }
            this.signingAlgorithms = new LinkedHashSet<>(Arrays.asList(algorithms));
            return this;
        }

        /**
         * Binds grants to a key that only this application has (DPoP, RFC 9449), so that a token that is copied is of no use to
         * anybody else. Each login makes a key of its own, which is stored and sealed with the tokens; every token request and
         * every call to an API proves that it is there. Default: no, tokens are bearer tokens.
         *
         * <p>The authorization server has to know DPoP. One that issues bearer tokens all the same is reported as {@link
         * TokenRequestException.Kind#MISCONFIGURED}, and the tokens are not used. Grants that were made before stay good, and are
         * bound by their next refresh if the server does that; grants that are bound stay so if this is taken out again.
         *
         * @return this builder
         */
        public Builder dpop() {
            this.dpop = true;
            return this;
        }

        /**
         * Sets the name under which grants are filed, for an application that has several registrations or may get another
         * client id. Default: the provider's name and the client id.
         *
         * @param registration not empty; changing it later signs everybody out
         * @return this builder
         */
        public Builder registration(String registration) {
            this.registration = registration;
            return this;
        }

        /**
         * Sets the client that our own calls are derived from: proxy, DNS, trust and connections are taken from it, interceptors,
         * cookies and cache are not. Default: a new one.
         *
         * @param httpClient the application's client
         * @return this builder
         */
        public Builder httpClient(OkHttpClient httpClient) {
            this.httpClient = httpClient;
            return this;
        }

        /**
         * Sets who hears what happens to grants. Default: nobody.
         *
         * @param listener the listener
         * @return this builder
         */
        public Builder listener(GrantListener listener) {
            this.listener = Objects.requireNonNull(listener);
            return this;
        }

        /**
         * Sets how long a call waits for tokens. Default: 10 s. The refresh goes on when a call gives up.
         *
         * @param longestWait a positive time
         * @return this builder
         */
        public Builder longestWait(Duration longestWait) {
            this.longestWait = positive("longestWait", longestWait);
            return this;
        }

        /**
         * Sets how long one call to the authorization server may take as a whole. Default: 10 s. It also decides how soon others
         * go on after a node that died in the middle of a refresh: three times as long. Use the same on all nodes.
         *
         * @param tokenCallTimeout a positive time
         * @return this builder
         */
        public Builder tokenCallTimeout(Duration tokenCallTimeout) {
            this.tokenCallTimeout = positive("tokenCallTimeout", tokenCallTimeout);
            return this;
        }

        /**
         * Sets how long a row is used without asking the store again: so long another node's login or sign-out may go unnoticed
         * while the token is valid. Default: 5 s.
         *
         * @param trustStoredFor a time, zero to ask always
         * @return this builder
         */
        public Builder trustStoredFor(Duration trustStoredFor) {
            if (trustStoredFor.isNegative()) {
                throw new IllegalArgumentException("trustStoredFor is negative: " + trustStoredFor);
            }
            this.trustStoredFor = trustStoredFor;
            return this;
        }

        /**
         * Sets the two clocks, so that tests can let time pass. Default: the system's.
         *
         * @param clock the wall clock
         * @param ticker monotonic time in nanoseconds
         * @return this builder
         */
        public Builder time(InstantSource clock, LongSupplier ticker) {
            this.clock = Objects.requireNonNull(clock);
            this.ticker = Objects.requireNonNull(ticker);
            return this;
        }

        private static Duration positive(String what, Duration time) {
            if (time.isNegative() || time.isZero()) {
                throw new IllegalArgumentException(what + " is not positive: " + time);
            }
            return time;
        }

        /**
         * Checks everything, and makes the {@link Grantkeeper}. Does no I/O. What depends on a server that has to be asked first
         * is checked when it is asked.
         *
         * @return the Grantkeeper
         * @throws IllegalStateException if something is missing or contradicts something else; the message says what to do
         * @throws IllegalArgumentException if a value is wrong, the redirect URI by the provider's own rules included
         */
        public Grantkeeper build() {
            if (clientId == null || clientId.isBlank()) {
                throw new IllegalStateException("There is no client id. The provider shows it where the application is"
                        + " registered: " + provider.documentation());
            }
            if (tokenStore == null) {
                throw new IllegalStateException(
                        "There is no token store. Say tokenStore(JdbcTokenStore.create(dataSource)),"
                                + " or for a test tokenStore(MemoryTokenStore.create())");
            }
            if ((sealingKeys == null) == !unsealed) {
                throw new IllegalStateException(
                        sealingKeys == null
                                ? "Say sealingKeys(SealingKeys.of(secret)), or unsealed() if tokens may be stored as they are"
                                : "sealingKeys(…) and unsealed() contradict each other");
            }
            if (redirectUri != null) {
                checkRedirectUri(redirectUri, provider);
            }
            if (discovery == null) {
                check(provider);
            } else {
                if (secretIsMissing || clientAuthentication != null) {
                    checkAuthentication(authentication(provider));
                }
                checkSigning(protections(provider));
            }
            if ((formPost || provider.dialect().formPost())
                    && redirectUri != null
                    && !redirectUri.toLowerCase(Locale.ROOT).startsWith("https://")) {
                // The cookie that brings the login back has to be Secure, and nobody can post to an application's own
                // scheme.
                throw new IllegalStateException("formPost() needs a redirect URI that is https, not " + redirectUri);
            }
            return new Grantkeeper(this);
        }

        /** Whether this goes together with a provider of which all is known. */
        private void check(Provider provider) {
            checkAuthentication(authentication(provider));
            if (authentication(provider) == ClientAuthentication.MUTUAL_TLS && !isHttps(provider)) {
                throw new IllegalStateException("MUTUAL_TLS needs a token endpoint, or an alias of it, that is https");
            }
            if (fetchProfile
                    && provider.profileEndpoint().isEmpty()
                    && provider.userInfoEndpoint().isEmpty()
                    && provider.dialect().identityMembers().isEmpty()) {
                throw new IllegalStateException(
                        provider.name()
                                + " has neither a UserInfo endpoint nor a profile endpoint; leave fetchProfile() out, or ask for openid");
            }
            checkProtections(protections(provider), provider);
        }

        private void checkAuthentication(ClientAuthentication way) {
            boolean withSecret = way == ClientAuthentication.SECRET_BASIC
                    || way == ClientAuthentication.SECRET_POST
                    || way == ClientAuthentication.SECRET_JWT;
            if (withSecret && (clientSecret == null || clientSecret.isBlank())) {
                throw new IllegalStateException("There is no client secret, and " + way
                        + " needs one. Is the environment variable set? A public client says"
                        + " clientAuthentication(ClientAuthentication.NONE)");
            }
            if (way == ClientAuthentication.SECRET_JWT && clientSecret != null && tooShort(clientSecret)) {
                throw new IllegalStateException("The client secret is shorter than " + LEAST_SECRET_BYTES
                        + " bytes, and SECRET_JWT would let it be guessed (RFC 7518 section 3.2). Have the provider make"
                        + " a longer one");
            }
            boolean signed = way == ClientAuthentication.PRIVATE_KEY_JWT || way == ClientAuthentication.SIGNED_SECRET;
            if (signed && signingKey == null) {
                throw new IllegalStateException(way + " signs with the application's key: say"
                        + " signingKey(SigningKey.of(privateKey).keyId(…))");
            }
            if (way == ClientAuthentication.MUTUAL_TLS && httpClient == null) {
                throw new IllegalStateException(
                        "MUTUAL_TLS shows a certificate in the TLS handshake: say httpClient(…) with"
                                + " an OkHttpClient whose sslSocketFactory has the key and the certificate");
            }
            if (!withSecret && way != ClientAuthentication.NONE && clientSecret != null) {
                throw new IllegalStateException("clientSecret(…) and " + way
                        + " contradict each other: one way to authenticate is used, never two. Leave the secret out");
            }
        }

        private void checkProtections(Set<LoginProtection> protections, Provider provider) {
            if (protections.contains(LoginProtection.PUSHED_REQUEST)
                    && provider.pushedAuthorizationRequestEndpoint().isEmpty()) {
                throw new IllegalStateException("PUSHED_REQUEST needs a place to push requests to: say"
                        + " pushedAuthorizationRequestEndpoint(…) when describing " + provider.name());
            }
            checkSigning(protections);
            if (protections.contains(LoginProtection.SIGNED_RESPONSE)
                    && (provider.jwksUri().isEmpty()
                            || provider.issuer()
                                    .filter(issuer -> !issuer.contains("{"))
                                    .isEmpty())) {
                throw new IllegalStateException("SIGNED_RESPONSE is verified with the provider's keys: say"
                        + " openId(issuer, jwksUri) when describing " + provider.name());
            }
        }

        private void checkSigning(Set<LoginProtection> protections) {
            if (protections.contains(LoginProtection.SIGNED_REQUEST) && signingKey == null) {
                throw new IllegalStateException("SIGNED_REQUEST signs with the application's key: say"
                        + " signingKey(SigningKey.of(privateKey).keyId(…))");
            }
        }

        private static boolean tooShort(String secret) {
            return secret.getBytes(StandardCharsets.UTF_8).length < LEAST_SECRET_BYTES;
        }

        private static boolean isHttps(Provider provider) {
            URI endpoint = provider.mtlsEndpointAliases().getOrDefault("token_endpoint", provider.tokenEndpoint());
            return "https".equalsIgnoreCase(endpoint.getScheme());
        }

        private static void checkRedirectUri(String redirectUri, Provider provider) {
            URI uri;
            try {
                uri = new URI(redirectUri);
            } catch (URISyntaxException e) {
                throw new IllegalArgumentException("The redirect URI is not a URI: " + e.getReason(), e);
            }
            if (uri.getScheme() == null || uri.getRawFragment() != null) {
                throw new IllegalArgumentException(
                        "The redirect URI is absolute and has no fragment (RFC 6749 section 3.1.2): " + redirectUri);
            }
            String scheme = uri.getScheme().toLowerCase(Locale.ROOT);
            if (!scheme.equals("http") && !scheme.equals("https")) {
                if (uri.isOpaque()) {
                    throw new IllegalArgumentException(
                            "The redirect URI has no slash after its scheme; is http:// missing? " + redirectUri);
                }
                return; // an application's own scheme, RFC 8252 section 7.1
            }
            HttpUrl url = HttpUrl.parse(redirectUri);
            if (url == null || uri.getRawAuthority() == null) {
                throw new IllegalArgumentException("The redirect URI is not a URL: " + redirectUri);
            }
            boolean name = url.host().equals("localhost");
            boolean address = url.host().equals("127.0.0.1") || url.host().equals("::1");
            if (scheme.equals("http") && !name && !address) {
                throw new IllegalArgumentException(
                        "The redirect URI is http. Only https is taken, and http on this machine ("
                                + (provider.loopback() == Provider.Loopback.NAME ? "localhost" : "127.0.0.1") + "): "
                                + redirectUri);
            }
            if (name && provider.loopback() == Provider.Loopback.ADDRESS) {
                throw new IllegalArgumentException(
                        provider.name() + " refuses localhost in redirect URIs. Register and use "
                                + redirectUri.replaceFirst("(?i)localhost", "127.0.0.1") + " instead; see "
                                + provider.documentation());
            }
            if (address && scheme.equals("http") && provider.loopback() == Provider.Loopback.NAME) {
                throw new IllegalArgumentException(
                        provider.name() + " takes http on this machine under the name localhost"
                                + " only. Register and use http://localhost… instead; see " + provider.documentation());
            }
        }
    }
}
