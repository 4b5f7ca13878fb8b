/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.call.TokenSource;
import dev.grantkeeper.internal.openid.ProviderKeys;
import dev.grantkeeper.internal.wire.Wanted;
import dev.grantkeeper.provider.ClientAuthentication;
import dev.grantkeeper.provider.LoginProtection;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.provider.SigningKey;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.SealingKeys;
import dev.grantkeeper.token.TokenStore;
import java.io.IOException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongSupplier;
import okhttp3.Interceptor;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import org.jspecify.annotations.Nullable;

/**
 * An application's registration at one provider: sends users through logins, and keeps what they grant fresh.
 *
 * <p>Make one for each registration and process, and close it at the end. It owns a few threads, which end when idle,
 * and a bounded memory. Any number of processes may share one {@link TokenStore}: together they make one token request
 * for each expiry. Immutable and thread-safe.
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
 * session.setAttribute(login.sessionKey(), login);
 * response.sendRedirect(login.url().toString());
 *
 * // in the callback:
 * PendingLogin login = (PendingLogin) session.getAttribute(PendingLogin.sessionKeyOf(query));
 * if (spotify.finishLogin(login, query) instanceof LoginResult.SignedIn in) {
 *     in.keepAs(userId);
 * }
 *
 * // any time later, on any node:
 * OkHttpClient api = spotify.account(userId).wrap(http);
 * }</pre>
 */
public final class Grantkeeper implements AutoCloseable {
    private final Machinery registration;

    private Grantkeeper(Settings settings) {
        this.registration = new Machinery(settings.copy());
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
     * Starts to describe a registration at a server that tells itself where its endpoints are. It is asked when
     * something is to be sent there first; while it cannot be, tokens that are stored and valid are used, and
     * everything else fails with a {@link AuthorizationServerException} and may be tried again.
     *
     * @param discovery how to ask; what is said to it afterwards changes nothing here
     * @return a builder
     * @throws IllegalArgumentException if the issuer is no {@code https} URL without query and fragment, or the
     *     description is wrong
     */
    public static Builder builder(Discovery discovery) {
        return new Builder(discovery.known(), discovery.copy());
    }

    /**
     * Begins a login with the registration's own scopes.
     *
     * @return the login; keep it for the callback, and send the browser to its {@link PendingLogin#url()}
     * @throws AuthorizationServerException if the request is to be pushed or signed ({@link Builder#loginProtections}),
     *     and could not be, or if the server had to be asked first what it is ({@link Discovery}), and did not say
     * @throws IllegalStateException if the builder was given no redirect URI
     */
    public PendingLogin startLogin() throws AuthorizationServerException {
        return newLogin().start();
    }

    /**
     * Begins a login about which there is more to say.
     *
     * @return what can be said; {@link LoginRequest#start()} begins
     */
    public LoginRequest newLogin() {
        return new LoginRequest(registration);
    }

    /**
     * Finishes a login: checks the callback, redeems the code, establishes who the user is. Stores nothing.
     *
     * <p>Nothing that a browser can send makes it throw. A code is redeemed at most once. Call it for what the browser
     * <em>navigates</em> to: a {@code GET}, with {@link Builder#formPost()} a {@code POST}; a {@code HEAD} is somebody
     * who looks at links.
     *
     * @param login what {@link #startLogin()} returned, from where only this browser could bring it back; {@code null}
     *     if there is none
     * @param query the callback's query, as it came; with {@link Builder#formPost()} the body of the posted form, as it
     *     came
     * @return how the login ended
     * @throws AuthorizationServerException if the authorization server could not be asked, or makes no sense, or does
     *     not accept this application. The user may begin again
     */
    public LoginResult finishLogin(@Nullable PendingLogin login, @Nullable String query)
            throws AuthorizationServerException {
        return registration.finish(login, query);
    }

    /**
     * Waits until the user has finished a login on another device, has refused it, or the codes have ended: minutes.
     * Asks the server as often as the server allows (RFC 8628 section 3.5), and goes on while it is down. Stores
     * nothing.
     *
     * @param login what {@link LoginRequest#startOnDevice()} returned; another process may finish it
     * @return how the login ended; {@link LoginResult.Mismatched.Reason#STALE} if the user did not finish in time
     * @throws AuthorizationServerException if the server does not accept this application, or makes no sense
     * @throws IOException if the thread is interrupted ({@link java.io.InterruptedIOException})
     */
    public LoginResult awaitLogin(DeviceLogin login) throws IOException {
        return registration.await(login);
    }

    /**
     * The same without waiting, and without a thread that waits. Who asks twice for one login shares the questions.
     *
     * @param login what {@link LoginRequest#startOnDevice()} returned
     * @return completes with the result, or with what {@link #awaitLogin(DeviceLogin)} would throw; when all who asked
     *     for this login have cancelled theirs, the server is not asked any more
     */
    public CompletableFuture<LoginResult> awaitLoginAsync(DeviceLogin login) {
        return registration.awaitAsync(login);
    }

    /**
     * Starts a logout at the provider, which ends the user's session there (OpenID Connect RP-Initiated Logout 1.0).
     *
     * @return a request to configure; {@link LogoutRequest#url()} is where the browser goes
     */
    public LogoutRequest newLogout() {
        return new LogoutRequest(registration);
    }

    /**
     * Verifies a logout token that was posted to the back-channel logout URI (OpenID Connect Back-Channel Logout 1.0
     * section 2.6). Ending the application's own sessions is left to the application.
     *
     * <pre>{@code
     * Optional<LogoutNotice> notice = acme.verifyLogoutToken(logoutToken);
     * notice.ifPresent(ended -> sessions.end(ended.id(), ended.sessionId()));
     * response.setStatus(notice.isPresent() ? 200 : 400);
     * }</pre>
     *
     * @param logoutToken the parameter {@code logout_token}, as it came
     * @return the notice; empty if this is not a logout token of the provider for this application: answer 400
     * @throws AuthorizationServerException if the provider's keys cannot be fetched: answer 503
     * @throws IllegalStateException if the provider does not support OpenID Connect
     */
    public Optional<LogoutNotice> verifyLogoutToken(@Nullable String logoutToken) throws AuthorizationServerException {
        return registration.verifyLogoutToken(logoutToken);
    }

    /**
     * A user's account, connected or not. Touches nothing.
     *
     * @param accountId the application's own id for its user
     * @return the account
     */
    public Account account(String accountId) {
        return Account.of(registration, accountId);
    }

    /**
     * The application's own account, for APIs that are not about a user (client credentials, RFC 6749 section 4.4). It
     * needs no login: tokens are fetched when they are needed first, for the registration's scopes.
     *
     * @return the account
     * @throws IllegalStateException if the provider is known to give applications no tokens of their own
     */
    public Account application() {
        return registration.application();
    }

    /**
     * An account whose tokens come in exchange for one that is at hand. They are asked for when they are needed, once
     * for all calls with the same token, and asked for again when they end. Touches nothing. They rest in this process
     * and in no store: the same exchange finds them again.
     *
     * <p>When the server does not take the token at hand any more, calls throw {@link LoginRequiredException}: whoever
     * it came from has to bring another.
     *
     * @param exchange what to ask for, and the token
     * @return the account
     */
    public Account account(TokenExchange exchange) {
        return registration.account(exchange);
    }

    /**
     * Exchanges a token once, for a grant that is kept like a user's: with a refresh token it outlives the token at
     * hand. For applications that go on working for a user who has left; all others want
     * {@link #account(TokenExchange)}. Stores nothing.
     *
     * @param exchange what to ask for, and the token
     * @return {@link LoginResult.SignedIn}, or {@link LoginResult.Declined} if the server does not take the token
     * @throws AuthorizationServerException if the server could not be asked, or makes no sense, or does not accept this
     *     application
     */
    public LoginResult exchange(TokenExchange exchange) throws AuthorizationServerException {
        return registration.exchange(exchange);
    }

    /**
     * Asks the server about a token (RFC 7662), this application's or one that somebody brought. For tokens that an
     * {@link Account} keeps there is {@link Account#introspect()}; nobody has to ask before a call.
     *
     * @param token an access token or a refresh token
     * @return what the server says; a token that it does not know is not active
     * @throws AuthorizationServerException if the server could not be asked, or does not accept this application, or
     *     makes no sense
     * @throws IllegalStateException if the provider has no introspection endpoint
     */
    public Introspection introspect(String token) throws AuthorizationServerException {
        return registration.introspect(token);
    }

    /**
     * Wraps a client that many users share. Each request says whose it is: {@code request.tag(Account.class, account)},
     * in Retrofit {@code @Tag Account account}. A request to an API origin that does not say fails and never goes out
     * bare. See {@link Account#wrap} for everything else.
     *
     * @param http the application's client
     * @return a client for all accounts
     * @throws IllegalArgumentException if it is wrapped for somebody else already, whose tokens would go to the same
     *     APIs
     */
    public OkHttpClient wrap(OkHttpClient http) {
        return registration.wrap(http, interceptor(true));
    }

    /**
     * What {@link #wrap} adds, for who holds a builder. With {@link Builder#dpop()} that client must not follow
     * redirects; one that {@link #wrap} made may.
     *
     * @return an application interceptor
     */
    public Interceptor interceptor() {
        return interceptor(false);
    }

    /**
     * The name under which this registration's grants are filed: the first part of their {@link Account#key() keys}.
     *
     * @return the name, see {@link Builder#registration}
     */
    public String registration() {
        return registration.name();
    }

    /**
     * Waits up to five seconds for refreshes and writes that are under way, then ends the library's threads; an
     * interrupted thread does not wait. What could not be stored by then is reported in the log: those users may have
     * to sign in again.
     */
    @Override
    public void close() {
        registration.close();
    }

    @Override
    public String toString() {
        return registration.toString();
    }

    Provider provider() {
        return registration.provider();
    }

    Machinery machinery() {
        return registration;
    }

    private AuthorizingInterceptor interceptor(boolean wrapped) {
        return registration.interceptor(
                registration.apiOrigins(), new Tagged(registration), wrapped, registration.name());
    }

    /** Each request says whose it is. */
    private record Tagged(Machinery registration) implements AuthorizingInterceptor.Sources {
        @Override
        public @Nullable TokenSource of(Request request) {
            Account account = request.tag(Account.class);
            return account != null && account.isOf(registration) ? account.source() : null;
        }

        @Override
        public @Nullable AccountKey stranger(Request request) {
            Account account = request.tag(Account.class);
            return account == null ? null : account.key();
        }
    }

    /** Describes a registration. Not thread-safe. */
    public static final class Builder {
        private final Settings settings;

        private Builder(Provider provider, @Nullable Discovery discovery) {
            this.settings = new Settings(provider, discovery);
        }

        /**
         * Sets the client id that the provider gave to the application. Required.
         *
         * @param clientId the id
         * @return this builder
         */
        public Builder clientId(String clientId) {
            settings.clientId = clientId;
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
            settings.clientSecret = clientSecret;
            settings.secretIsMissing = clientSecret == null;
            return this;
        }

        /**
         * Sets the key with which the application signs what it says to the authorization server. Default: none. With a
         * key and no secret the application authenticates with the key ({@link ClientAuthentication#PRIVATE_KEY_JWT}).
         *
         * @param signingKey the key; the provider knows its public half
         * @return this builder
         */
        public Builder signingKey(SigningKey signingKey) {
            settings.signingKey = Objects.requireNonNull(signingKey);
            return this;
        }

        /**
         * Sets how the application authenticates. Default: the provider's way if there is a secret, otherwise with the
         * signing key if there is one, otherwise {@link ClientAuthentication#NONE}.
         *
         * @param clientAuthentication the way; exactly this one is used
         * @return this builder
         */
        public Builder clientAuthentication(ClientAuthentication clientAuthentication) {
            settings.clientAuthentication = Objects.requireNonNull(clientAuthentication);
            return this;
        }

        /**
         * Sets where the provider sends browsers back to, exactly as it is registered there. Default: none, and no
         * logins.
         *
         * @param redirectUri an absolute URI
         * @return this builder
         */
        public Builder redirectUri(String redirectUri) {
            settings.redirectUri = redirectUri;
            return this;
        }

        /**
         * Protects logins on their way through the browser, more than is always done. Default: as the provider demands.
         * What it demands is done in any case.
         *
         * @param protections what to do; the FAPI 2.0 Security Profile is {@link LoginProtection#PUSHED_REQUEST}
         * @return this builder
         */
        public Builder loginProtections(LoginProtection... protections) {
            settings.loginProtections = Set.of(protections);
            return this;
        }

        /**
         * Sets what logins ask for, unless they say otherwise. Default: nothing. Exactly these are sent.
         *
         * @param scopes the scopes
         * @return this builder
         */
        public Builder scopes(String... scopes) {
            return scopes(Arrays.asList(scopes));
        }

        /**
         * Sets the scopes that logins request unless they set their own. Default: none. Exactly these are sent.
         *
         * @param scopes the scopes
         * @return this builder
         */
        public Builder scopes(Collection<String> scopes) {
            settings.scopes = Wanted.scopes(scopes);
            return this;
        }

        /**
         * Sets for which APIs the access tokens of logins are (resource indicators, RFC 8707), unless they say
         * otherwise. Default: the server chooses. For servers that make tokens for one API at a time.
         *
         * @param resources absolute URIs as the server knows the APIs
         * @return this builder
         * @throws IllegalArgumentException if one is not an absolute URI, or the provider refuses the parameter
         */
        public Builder resources(String... resources) {
            return resources(Arrays.asList(resources));
        }

        /**
         * Sets the resource indicators (RFC 8707) sent with logins: the APIs that access tokens are for. A login may
         * set its own. Default: none, the server chooses. For servers that make tokens for one API at a time.
         *
         * @param resources absolute URIs as the server knows the APIs
         * @return this builder
         * @throws IllegalArgumentException if one is not an absolute URI, or the provider refuses the parameter
         */
        public Builder resources(Collection<String> resources) {
            String refused = settings.provider.forbiddenParameters().get(Wanted.RESOURCE);
            if (refused != null && !resources.isEmpty()) {
                throw new IllegalArgumentException("The parameter resource cannot be sent: " + refused);
            }
            settings.resources = Wanted.resources(resources);
            return this;
        }

        /**
         * Sets where grants rest. Required.
         *
         * @param tokenStore the store
         * @return this builder
         */
        public Builder tokenStore(TokenStore tokenStore) {
            settings.tokenStore = Objects.requireNonNull(tokenStore);
            return this;
        }

        /**
         * Sets the keys that seal what is stored. Required, unless {@link #allowPlaintextTokens()} is said.
         *
         * @param sealingKeys the keys, the same on all nodes
         * @return this builder
         */
        public Builder sealingKeys(SealingKeys sealingKeys) {
            settings.sealingKeys = Objects.requireNonNull(sealingKeys);
            return this;
        }

        /**
         * Stores tokens as they are: whoever can read the store can use them.
         *
         * @return this builder
         */
        public Builder allowPlaintextTokens() {
            settings.plaintextTokens = true;
            return this;
        }

        /**
         * Has the answer posted to the redirect URI (OAuth 2.0 Form Post Response Mode) and not put into its query:
         * codes then stay out of browser histories and access logs. Default: the query. The body of the post goes to
         * {@link Grantkeeper#finishLogin}. Another site makes the browser post, so it brings cookies along only if they
         * are {@code SameSite=None; Secure}: that of the session, or that of the sealed login.
         *
         * @return this builder
         */
        public Builder formPost() {
            settings.formPost = true;
            return this;
        }

        /**
         * Asks the provider who the user is, at each login: its UserInfo endpoint for what the ID token does not say
         * (OpenID Connect Core section 5.3) where {@code openid} is asked for, its profile endpoint where it is not. A
         * provider that does not say fails the login. Default: nobody is asked.
         *
         * @return this builder
         */
        public Builder fetchProfile() {
            settings.fetchProfile = true;
            return this;
        }

        /**
         * Sets with which algorithms the provider signs for this application ({@code id_token_signed_response_alg},
         * OpenID Connect Dynamic Client Registration section 2): ID tokens, and whatever else it signs. One that is
         * signed otherwise is refused, although the key is the provider's (FAPI 2.0 wants one algorithm). Default: all
         * that need no shared secret.
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
            settings.signingAlgorithms = new LinkedHashSet<>(Arrays.asList(algorithms));
            return this;
        }

        /**
         * Binds grants to a key that only this application has (DPoP, RFC 9449), so that a token that is copied is of
         * no use to anybody else. Each login makes a key of its own, which is stored and sealed with the tokens; every
         * token request and every call to an API proves that it is there. Default: no, tokens are bearer tokens.
         *
         * <p>The authorization server has to know DPoP. One that issues bearer tokens all the same is reported as
         * {@link AuthorizationServerException.Kind#MISCONFIGURED}, and the tokens are not used. Grants that were made
         * before stay good, and are bound by their next refresh if the server does that; grants that are bound stay so
         * if this is taken out again.
         *
         * @return this builder
         */
        public Builder dpop() {
            settings.dpop = true;
            return this;
        }

        /**
         * Sets the name under which grants are filed, for an application that has several registrations or may get
         * another client id. Default: the provider's name and the client id.
         *
         * @param registration not empty; changing it later signs everybody out
         * @return this builder
         */
        public Builder registration(String registration) {
            settings.registration = registration;
            return this;
        }

        /**
         * Sets the client that our own calls are derived from: proxy, DNS, trust and connections are taken from it,
         * interceptors, cookies and cache are not. Default: a new one.
         *
         * @param httpClient the application's client
         * @return this builder
         */
        public Builder httpClient(OkHttpClient httpClient) {
            settings.httpClient = httpClient;
            return this;
        }

        /**
         * Sets who hears what happens to grants. Default: nobody.
         *
         * @param listener the listener
         * @return this builder
         */
        public Builder listener(GrantListener listener) {
            settings.listener = Objects.requireNonNull(listener);
            return this;
        }

        /**
         * Sets how long a call waits for tokens. Default: 10 s. The refresh goes on when a call gives up.
         *
         * @param maxWait a positive time
         * @return this builder
         */
        public Builder maxWait(Duration maxWait) {
            settings.maxWait = Settings.positive("maxWait", maxWait);
            return this;
        }

        /**
         * Sets how long one call to the authorization server may take as a whole. Default: 10 s. It also decides how
         * soon others go on after a node that died in the middle of a refresh: three times as long. Use the same on all
         * nodes.
         *
         * @param tokenCallTimeout a positive time
         * @return this builder
         */
        public Builder tokenCallTimeout(Duration tokenCallTimeout) {
            settings.tokenCallTimeout = Settings.positive("tokenCallTimeout", tokenCallTimeout);
            return this;
        }

        /**
         * Sets how long a row is used without asking the store again: so long another node's login or sign-out may go
         * unnoticed while the token is valid. Default: 5 s.
         *
         * @param storeCacheTime a time, zero to ask always
         * @return this builder
         */
        public Builder storeCacheTime(Duration storeCacheTime) {
            if (storeCacheTime.isNegative()) {
                throw new IllegalArgumentException("storeCacheTime is negative: " + storeCacheTime);
            }
            settings.storeCacheTime = storeCacheTime;
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
            settings.clock = Objects.requireNonNull(clock);
            settings.ticker = Objects.requireNonNull(ticker);
            return this;
        }

        /**
         * Checks everything, and makes the {@link Grantkeeper}. Does no I/O. What depends on a server that has to be
         * asked first is checked when it is asked.
         *
         * @return the Grantkeeper
         * @throws IllegalStateException if something is missing or contradicts something else; the message says what to
         *     do
         * @throws IllegalArgumentException if a value is wrong, the redirect URI by the provider's own rules included
         */
        public Grantkeeper build() {
            settings.check();
            return new Grantkeeper(settings);
        }
    }
}
