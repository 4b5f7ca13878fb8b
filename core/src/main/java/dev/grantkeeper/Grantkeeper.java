/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.call.TokenSource;
import dev.grantkeeper.internal.openid.Decryption;
import dev.grantkeeper.internal.openid.ProviderKeys;
import dev.grantkeeper.internal.protocol.Requested;
import dev.grantkeeper.internal.provider.Facts;
import dev.grantkeeper.provider.ClientAuthentication;
import dev.grantkeeper.provider.DecryptionKey;
import dev.grantkeeper.provider.LoginProtection;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.provider.SigningKey;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.Identity;
import dev.grantkeeper.token.SealingKeys;
import dev.grantkeeper.token.TokenStore;
import java.io.IOException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongSupplier;
import java.util.function.UnaryOperator;
import okhttp3.Interceptor;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import org.jspecify.annotations.Nullable;

/**
 * An application's registration at one provider. It sends users through logins, stores their grants, and keeps the
 * tokens fresh.
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
     * Starts a registration at a provider.
     *
     * @param provider the provider that the application is registered at
     * @return a builder
     */
    public static Builder builder(Provider provider) {
        return new Builder(provider, null);
    }

    /**
     * Starts a registration at a server whose endpoints are discovered from its metadata. The metadata is fetched the
     * first time a request needs them. While they cannot be fetched, stored tokens that are valid are served, and
     * everything else fails with an {@link AuthorizationServerException} and may be retried.
     *
     * @param discovery the server; later changes to this object have no effect here
     * @return a builder
     * @throws IllegalArgumentException if the issuer is not an {@code https} URL without query and fragment, or what
     *     {@link Discovery#customize} sets is invalid
     */
    public static Builder builder(Discovery discovery) {
        return new Builder(discovery.known(), discovery.copy());
    }

    /**
     * Starts a login with the scopes of the builder.
     *
     * @return the login; keep it for the callback, and send the browser to its {@link PendingLogin#url()}
     * @throws AuthorizationServerException if the request has to be pushed or signed ({@link Builder#loginProtections})
     *     and cannot be, or if the server's metadata is needed ({@link Discovery}) and cannot be fetched or lacks what
     *     the login needs
     * @throws IllegalStateException if the builder has no redirect URI
     */
    public PendingLogin startLogin() throws AuthorizationServerException {
        return newLogin().start();
    }

    /**
     * Starts a login with options.
     *
     * @return a request to configure; {@link LoginRequest#start()} begins it
     */
    public LoginRequest newLogin() {
        return new LoginRequest(registration);
    }

    /**
     * Prepares a login that another site, or the provider's own page of applications, has asked for (third-party
     * initiated login, OpenID Connect Core section 4). Call it at the URI that is registered as
     * {@code initiate_login_uri}, for {@code GET} and {@code POST}. The login is one like any other: keep it in this
     * browser's session, and send the browser to its {@link PendingLogin#url()}. Does no I/O.
     *
     * <pre>{@code
     * Optional<LoginRequest> wanted = acme.readInitiatedLogin(query, "https://app.example");
     * }</pre>
     *
     * @param query the request's query as it was received, or the body of a posted form
     * @param targetOrigins the origins of the pages that the user may be sent to after the login, as a rule the
     *     application's own
     * @return the login with the {@code login_hint} of the query and its {@code target_link_uri} as
     *     {@linkplain LoginRequest#appState application state}; empty if the query names another issuer, or a page that
     *     is not at one of the origins: answer 400
     * @throws IllegalArgumentException if one of the origins is not an origin
     * @throws IllegalStateException if the provider does not support OpenID Connect
     */
    public Optional<LoginRequest> readInitiatedLogin(@Nullable String query, String... targetOrigins) {
        return BrowserRequests.login(newLogin(), provider(), query, targetOrigins);
    }

    /**
     * Finishes a login: checks the callback, redeems the code, and identifies the user. Stores nothing.
     *
     * <p>Nothing that a browser can send makes it throw. A code is redeemed at most once. Call it for a {@code GET}
     * that the browser navigates to, or with {@link Builder#formPost()} for the {@code POST}; do not call it for
     * {@code HEAD}, which link previewers send.
     *
     * @param login the value returned by {@link #startLogin()}, read from the session or a cookie of this browser;
     *     {@code null} if there is none
     * @param query the callback's query as it was received; with {@link Builder#formPost()} the body of the posted form
     * @return the result
     * @throws AuthorizationServerException if the authorization server is unreachable, its response is malformed, or it
     *     rejects this client. The user may start again
     */
    public LoginResult finishLogin(@Nullable PendingLogin login, @Nullable String query)
            throws AuthorizationServerException {
        return registration.finish(login, query);
    }

    /**
     * Returns the session key of the login that a callback belongs to, as {@link PendingLogin#sessionKeyOf} does, also
     * for a response that is encrypted ({@link LoginProtection#ENCRYPTED_RESPONSE}). Does no I/O.
     *
     * @param query the callback's query, or its whole URL; anything that a browser can send
     * @return the session key; a name that no login has if there is no state
     */
    public String sessionKeyOf(@Nullable String query) {
        return registration.sessionKeyOf(query);
    }

    /**
     * Waits until the user has finished or refused a device login or a backchannel login, or it has expired. That may
     * take minutes. Polls the server as often as it allows (RFC 8628 section 3.5, CIBA Core section 7.3), and continues
     * while it is down. Where the server sends a notification ({@link LoginRequest#ping()}), it is polled every 30
     * seconds, more often in a login of less than five minutes, since a notification can be lost. Stores nothing.
     *
     * @param login the value returned by {@link LoginRequest#startOnDevice()} or
     *     {@link LoginRequest#startBackchannel()}; another process may wait for it
     * @return the result; {@link LoginResult.Mismatched.Reason#STALE} if the user did not finish in time
     * @throws AuthorizationServerException if the server rejects this client, or its response is malformed
     * @throws IOException if the thread is interrupted ({@link java.io.InterruptedIOException})
     */
    public LoginResult awaitLogin(DecoupledLogin login) throws IOException {
        return registration.await(login);
    }

    /**
     * Asynchronous variant of {@link #awaitLogin}; no thread blocks. Concurrent calls for one login share a single
     * polling loop.
     *
     * @param login the value returned by {@link LoginRequest#startOnDevice()} or
     *     {@link LoginRequest#startBackchannel()}
     * @return completes with the result, or exceptionally with what {@link #awaitLogin} would throw. Polling stops when
     *     all futures for the login are cancelled
     */
    public CompletableFuture<LoginResult> awaitLoginAsync(DecoupledLogin login) {
        return registration.awaitAsync(login);
    }

    /**
     * Accepts the notification that the server posts when the user has decided about a backchannel login (ping mode,
     * CIBA Core section 10.2). The tokens are then fetched at once by {@link #awaitLogin} of this object, whether that
     * waits already or is called next; this method sends nothing, and throws nothing whatever somebody posts.
     *
     * <pre>{@code
     * BackchannelLogin login = logins.get(BackchannelLogin.notificationKeyOf(body));
     * boolean accepted = bank.acceptNotification(login, request.getHeader("Authorization"), body);
     * response.setStatus(accepted ? 204 : 401);
     * if (accepted) bank.awaitLoginAsync(login).thenAccept(logins::finish);
     * }</pre>
     *
     * @param login the login with the {@link BackchannelLogin#notificationKeyOf} of the body; {@code null} if there is
     *     none
     * @param authorization the {@code Authorization} header, as it came
     * @param body the body, as it came
     * @return whether this is the server's notification about this login: answer 204; otherwise 401. One that comes
     *     twice is accepted twice, and changes nothing the second time
     */
    public boolean acceptNotification(
            @Nullable BackchannelLogin login, @Nullable String authorization, @Nullable String body) {
        return registration.acceptNotification(login, authorization, body);
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
     * Reads a front-channel logout request: the provider has loaded the URI that is registered as
     * {@code frontchannel_logout_uri} in a frame of its own page (OpenID Connect Front-Channel Logout 1.0). Register
     * {@code frontchannel_logout_session_required}, so that it names the session. Does no I/O.
     *
     * <p>Nobody has signed this, and any site can make a browser send it. End the session that it names, and nothing
     * else; the browser's own cookies may be missing in a frame, and do not identify that session.
     *
     * @param query the request's query as it was received
     * @return the notice, with a {@linkplain LogoutNotice#sessionId() session} and without a user; empty if it names no
     *     session or another issuer: answer 400
     * @throws IllegalStateException if the provider does not support OpenID Connect
     */
    public Optional<LogoutNotice> readFrontChannelLogout(@Nullable String query) {
        return BrowserRequests.logout(provider(), query);
    }

    /**
     * Reads the claims of a claims provider about a user (aggregated and distributed claims, OpenID Connect Core
     * section 5.6.2), which the user's provider has named in {@code _claim_names}. Aggregated claims are among those of
     * the identity, as a JWT; distributed ones are fetched, with the access token that came with them, and only from
     * endpoints of {@link Builder#claimsProvider}. Either way the claims provider has to have signed them.
     *
     * @param identity the user, from a login or a grant
     * @param issuer a claims provider of the builder
     * @return from the claim's name to its value; empty if the identity names no claims of this provider. They say what
     *     the claims provider knows, and do not identify the user
     * @throws AuthorizationServerException if claims cannot be fetched or verified
     * @throws IllegalArgumentException if the builder does not know the claims provider
     */
    public Map<String, Object> fetchClaims(Identity identity, String issuer) throws AuthorizationServerException {
        return registration.fetchClaims(identity, issuer);
    }

    /**
     * Returns the account of a user, connected or not. Does no I/O.
     *
     * @param accountId the application's own id for its user
     * @return the account
     */
    public Account account(String accountId) {
        return Account.of(registration, accountId);
    }

    /**
     * Returns the application's own account, for APIs that are not about a user (client credentials, RFC 6749 section
     * 4.4). It needs no login: tokens for the scopes of the builder are fetched when a call first needs them.
     *
     * @return the account
     * @throws IllegalStateException if the provider is known not to issue tokens to applications themselves
     */
    public Account application() {
        return registration.application();
    }

    /**
     * Returns an account whose tokens are exchanged for a token at hand. The exchange happens when a call first needs a
     * token, once for all calls with the same token at hand, and again when the received token expires. The tokens are
     * kept in this process and in no store: an equal exchange finds them again. Does no I/O.
     *
     * <p>When the server no longer accepts the token at hand, calls throw {@link LoginRequiredException}: the caller
     * that presented it has to present another one.
     *
     * @param exchange the token at hand and the tokens to request
     * @return the account
     */
    public Account account(TokenExchange exchange) {
        return registration.account(exchange);
    }

    /**
     * Exchanges a token once, for a grant that can be stored like a user's. With a refresh token it outlives the token
     * at hand. For applications that continue to work after the user has left; all others use
     * {@link #account(TokenExchange)}. Stores nothing.
     *
     * @param exchange the token at hand and the tokens to request
     * @return {@link LoginResult.SignedIn}, or {@link LoginResult.Declined} if the server rejects the token
     * @throws AuthorizationServerException if the authorization server is unreachable, its response is malformed, or it
     *     rejects this client
     */
    public LoginResult exchange(TokenExchange exchange) throws AuthorizationServerException {
        return registration.exchange(exchange);
    }

    /**
     * Introspects a token at the server (RFC 7662): one of this application, or one that a caller presented. For tokens
     * of an {@link Account} there is {@link Account#introspect()}; calls do not need it.
     *
     * @param token an access token or a refresh token
     * @return the server's answer; a token that the server does not know is not active
     * @throws AuthorizationServerException if the authorization server is unreachable, its response is malformed, or it
     *     rejects this client
     * @throws IllegalStateException if the provider has no introspection endpoint
     */
    public Introspection introspect(String token) throws AuthorizationServerException {
        return registration.introspect(token);
    }

    /**
     * Wraps a client that many users share. Each request names its account with {@code request.tag(Account.class,
     * account)}, in Retrofit with {@code @Tag Account account}. A request to an API origin without an account fails; it
     * is never sent without a token. If the provider has no API origins, only accounts with origins of their own have
     * tokens to send, and the log warns. Everything else is as in {@link Account#wrap}.
     *
     * @param http the application's client
     * @return a client for all accounts
     * @throws IllegalArgumentException if the client is already wrapped for an account or another registration whose
     *     tokens would be sent to the same APIs
     */
    public OkHttpClient wrap(OkHttpClient http) {
        return interceptor(true).into(http);
    }

    /**
     * The interceptor that {@link #wrap} installs, for callers that configure an {@code OkHttpClient.Builder}
     * themselves. With {@link Builder#dpop()} that client must not follow redirects; a client that {@link #wrap} made
     * may.
     *
     * @return an application interceptor
     */
    public Interceptor interceptor() {
        return interceptor(false);
    }

    /**
     * The name of this registration: the first part of the {@link Account#key() keys} of its grants.
     *
     * @return the name, see {@link Builder#registration}
     */
    public String registration() {
        return registration.name();
    }

    /**
     * Waits up to five seconds for refreshes and writes under way, then ends the library's threads and cancels its
     * requests to the authorization server, so that no connection is left. On an interrupted thread it does not wait.
     * The client of {@link Builder#httpClient} stays open: it is the application's. Tokens that could not be stored by
     * then are reported in the log: their users may have to sign in again.
     *
     * <p>Afterwards, {@code tokens()} and calls of wrapped clients throw an {@link OAuthException} that names the
     * cause, logins and other requests an {@link AuthorizationServerException}. What is stored can still be read.
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
        return registration.interceptor(new Tagged(registration), wrapped);
    }

    /** The account of each request is its tag. */
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

    /** Configures a registration. Not thread-safe. */
    public static final class Builder {
        private final Settings settings;

        private Builder(Provider provider, @Nullable Discovery discovery) {
            this.settings = new Settings(provider, discovery);
        }

        /**
         * Sets the client id that the provider issued to the application. Required.
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
         * @param clientSecret the secret; {@code null}, as read from a missing environment variable, makes
         *     {@link #build()} fail if the client authentication needs one
         * @return this builder
         */
        public Builder clientSecret(@Nullable String clientSecret) {
            settings.clientSecret = clientSecret;
            settings.secretIsMissing = clientSecret == null;
            return this;
        }

        /**
         * Sets the key that signs what the application sends to the authorization server. Default: none. With a key and
         * no secret, the application authenticates with the key ({@link ClientAuthentication#PRIVATE_KEY_JWT}).
         *
         * @param signingKey the key; its public half is registered with the provider
         * @return this builder
         */
        public Builder signingKey(SigningKey signingKey) {
            settings.signingKey = Objects.requireNonNull(signingKey);
            return this;
        }

        /**
         * Sets the client authentication. Default: the provider's if there is a secret, otherwise the signing key if
         * there is one, otherwise {@link ClientAuthentication#NONE}.
         *
         * @param clientAuthentication the only method that is used
         * @return this builder
         */
        public Builder clientAuthentication(ClientAuthentication clientAuthentication) {
            settings.clientAuthentication = Objects.requireNonNull(clientAuthentication);
            return this;
        }

        /**
         * Sets the redirect URI, exactly as it is registered with the provider. Default: none, and no logins.
         *
         * @param redirectUri an absolute URI
         * @return this builder
         */
        public Builder redirectUri(String redirectUri) {
            settings.redirectUri = redirectUri;
            return this;
        }

        /**
         * Adds protections for the authorization request and response (PAR, JAR, JARM). Default: those that the
         * provider requires. Those are always applied.
         *
         * @param protections the protections; the FAPI 2.0 Security Profile is {@link LoginProtection#PUSHED_REQUEST}
         * @return this builder
         */
        public Builder loginProtections(LoginProtection... protections) {
            settings.loginProtections = Set.of(protections);
            return this;
        }

        /**
         * Sets the scopes that logins request unless they set their own. Default: none. Exactly these are sent.
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
            settings.scopes = Requested.scopes(scopes);
            return this;
        }

        /**
         * Sets the resource indicators (RFC 8707): the APIs that access tokens are for, also those of the application
         * itself. A login may set its own. Default: none, the server chooses.
         *
         * @param resources absolute URIs as the server knows the APIs
         * @return this builder
         * @throws IllegalArgumentException if one is not an absolute URI, or the provider rejects the parameter
         */
        public Builder resources(String... resources) {
            return resources(Arrays.asList(resources));
        }

        /**
         * Sets the resource indicators (RFC 8707): the APIs that access tokens are for, also those of the application
         * itself. A login may set its own. Default: none, the server chooses.
         *
         * @param resources absolute URIs as the server knows the APIs
         * @return this builder
         * @throws IllegalArgumentException if one is not an absolute URI, or the provider rejects the parameter
         */
        public Builder resources(Collection<String> resources) {
            String refused = Facts.of(settings.provider).forbiddenParameters.get(Requested.RESOURCE);
            if (refused != null && !resources.isEmpty()) {
                throw new IllegalArgumentException("The parameter resource cannot be sent: " + refused);
            }
            settings.resources = Requested.resources(resources);
            return this;
        }

        /**
         * Sets the store that keeps the grants. Required.
         *
         * @param tokenStore the store
         * @return this builder
         */
        public Builder tokenStore(TokenStore tokenStore) {
            settings.tokenStore = Objects.requireNonNull(tokenStore);
            return this;
        }

        /**
         * Sets the keys that seal what is stored. Required unless {@link #allowPlaintextTokens()} is called.
         *
         * @param sealingKeys the keys, the same on all nodes
         * @return this builder
         */
        public Builder sealingKeys(SealingKeys sealingKeys) {
            settings.sealingKeys = Objects.requireNonNull(sealingKeys);
            return this;
        }

        /**
         * Allows tokens to be stored in plaintext. Anyone who can read the store can then use them.
         *
         * @return this builder
         */
        public Builder allowPlaintextTokens() {
            settings.plaintextTokens = true;
            return this;
        }

        /**
         * Requests the authorization response as a form that is posted to the redirect URI (OAuth 2.0 Form Post
         * Response Mode), so that codes stay out of browser histories and access logs. Default: the response is in the
         * query. Pass the body of the {@code POST} to {@link Grantkeeper#finishLogin}. The browser is made to post by
         * another site, so it sends only cookies that are {@code SameSite=None; Secure}: the session's cookie, or that
         * of the sealed login, has to be.
         *
         * @return this builder
         */
        public Builder formPost() {
            settings.formPost = true;
            return this;
        }

        /**
         * Fetches the user's profile at each login: with the scope {@code openid} the UserInfo endpoint, for claims
         * that the ID token lacks (OpenID Connect Core section 5.3), otherwise the provider's profile endpoint. A login
         * fails if the profile cannot be fetched. Default: no profile is fetched.
         *
         * @return this builder
         */
        public Builder fetchProfile() {
            settings.fetchProfile = true;
            return this;
        }

        /**
         * Sets the algorithms that the provider signs with for this client ({@code id_token_signed_response_alg},
         * OpenID Connect Dynamic Client Registration section 2): ID tokens, and everything else that it signs. A token
         * signed otherwise is rejected, even with the provider's key (FAPI 2.0 allows one algorithm). Default: all that
         * need no shared secret.
         *
         * @param algorithms names from RFC 7518, for example {@code PS256}
         * @return this builder
         * @throws IllegalArgumentException if one is unknown or needs a shared secret
         */
        public Builder signingAlgorithms(String... algorithms) {
            for (String algorithm : algorithms) {
                if (!ProviderKeys.knows(algorithm)) {
                    throw new IllegalArgumentException("A provider cannot sign with the algorithm " + algorithm
                            + ". Use one of RS256, PS256, ES256 (each also with 384 and 512), EdDSA, Ed25519");
                }
            }
            settings.signingAlgorithms = new LinkedHashSet<>(Arrays.asList(algorithms));
            return this;
        }

        /**
         * Sets the publisher of signed requests ({@link LoginProtection#SIGNED_REQUEST}): the browser then carries the
         * URL of the request, {@code request_uri} (OpenID Connect Core section 6.2), for servers that do not accept the
         * request itself. For each login the publisher receives a signed request (a JWT, valid for five minutes, that
         * contains the login's {@code state}; encrypted with {@link LoginProtection#ENCRYPTED_REQUEST}) and returns the
         * URL at which the application serves it: https, with a part that nobody can guess. Default: the request
         * itself.
         *
         * @param publisher called by {@link LoginRequest#start()}, on the caller's thread
         * @return this builder
         */
        public Builder requestUri(UnaryOperator<String> publisher) {
            settings.requestUri = Objects.requireNonNull(publisher);
            return this;
        }

        /**
         * Adds a claims provider, for {@link Grantkeeper#fetchClaims}. Default: none.
         *
         * @param issuer the {@code iss} of what it signs
         * @param jwksUri the URL of its keys
         * @param endpoints the URLs at and below which distributed claims may be fetched; none for aggregated claims
         *     only
         * @return this builder
         * @throws IllegalArgumentException if one of the URLs is not {@code https}
         */
        public Builder claimsProvider(String issuer, String jwksUri, String... endpoints) {
            settings.claimsProvider(issuer, jwksUri, endpoints);
            return this;
        }

        /**
         * Requests introspection responses that the server has signed (RFC 9701), and accepts no others: with one of
         * its keys, for this client, within the last five minutes. Announced in the metadata as
         * {@code introspection_signing_alg_values_supported}. Default: plain JSON.
         *
         * @return this builder
         */
        public Builder signedIntrospection() {
            settings.signedIntrospection = true;
            return this;
        }

        /**
         * Sets the keys that the provider encrypts to (JWE, RFC 7516): ID tokens, logout tokens, UserInfo responses,
         * signed authorization responses and signed introspection responses may then be encrypted to one of them.
         * During a rotation, name the old key as well until the provider no longer uses it. Default: none, whatever is
         * encrypted is rejected.
         *
         * @param keys the keys, each with the {@code kid} that the provider knows it by
         * @return this builder
         */
        public Builder decryptionKeys(DecryptionKey... keys) {
            settings.decryptionKeys = List.of(keys);
            return this;
        }

        /**
         * Sets the algorithms that the provider encrypts ID tokens with for this client
         * ({@code id_token_encrypted_response_alg} and {@code id_token_encrypted_response_enc}, OpenID Connect Dynamic
         * Client Registration section 2). An ID token or logout token that is encrypted otherwise, or not at all, is
         * then rejected, and so is anything else that is encrypted otherwise. Default: RSA-OAEP-256 and ECDH-ES with
         * each of A128GCM, A192GCM, A256GCM and A128CBC-HS256, and no encryption.
         *
         * <p>An ID token that comes with a refresh may be unencrypted: it identifies nobody. UserInfo and introspection
         * responses may be, since they are registered apart. {@link LoginProtection#ENCRYPTED_RESPONSE} demands the
         * encryption of authorization responses.
         *
         * @param algorithms names from RFC 7518, for example {@code RSA-OAEP-256} and {@code A256GCM}
         * @return this builder
         * @throws IllegalArgumentException if one is unknown or not safe
         */
        public Builder encryptionAlgorithms(String... algorithms) {
            for (String algorithm : algorithms) {
                if (!Decryption.knows(algorithm)) {
                    throw new IllegalArgumentException("A provider cannot encrypt with the algorithm " + algorithm
                            + ". Use RSA-OAEP-256 or ECDH-ES (alone or with +A128KW, +A192KW, +A256KW), and A128GCM,"
                            + " A192GCM, A256GCM or A128CBC-HS256");
                }
            }
            settings.encryptionAlgorithms = new LinkedHashSet<>(Arrays.asList(algorithms));
            return this;
        }

        /**
         * Sets the audiences that ID tokens may have besides this client (OpenID Connect Core section 3.1.3.7): at
         * ZITADEL, the ids of the project and its applications. Default: none, such an ID token is rejected.
         *
         * @param trustedAudiences the other audiences; {@code *} for any, if {@code azp} names this client
         * @return this builder
         */
        public Builder trustedAudiences(String... trustedAudiences) {
            settings.trustedAudiences = new LinkedHashSet<>(Arrays.asList(trustedAudiences));
            return this;
        }

        /**
         * Binds grants to a key of this application (DPoP, RFC 9449), so that a copied token is useless. Each login
         * creates a key, which is sealed and stored with the tokens; each token request and each API call proves its
         * possession. Default: bearer tokens.
         *
         * <p>The authorization server has to support DPoP. If it issues bearer tokens nevertheless, that is reported as
         * {@link AuthorizationServerException.Kind#MISCONFIGURED} and the tokens are not used. Existing grants stay
         * valid, and are bound by their next refresh if the server does that. Bound grants stay bound when this option
         * is removed.
         *
         * @return this builder
         */
        public Builder dpop() {
            settings.dpop = true;
            return this;
        }

        /**
         * Uses the endpoints that expect a certificate in the TLS handshake, where the provider has some of their own
         * (RFC 8705 section 5), for tokens that are bound to the certificate of {@link #httpClient}. Default: only with
         * {@link ClientAuthentication#MUTUAL_TLS}.
         *
         * @return this builder
         */
        public Builder certificateBoundTokens() {
            settings.certificateBoundTokens = true;
            return this;
        }

        /**
         * Sets the name that grants are stored under, for an application that has several registrations or may get
         * another client id. Default: the provider's name and the client id.
         *
         * @param registration a name, not empty; changing it later signs all users out
         * @return this builder
         */
        public Builder registration(String registration) {
            settings.registration = registration;
            return this;
        }

        /**
         * Sets the client that requests to the authorization server are derived from. Proxy, DNS, trust, sockets and
         * protocols are taken from it; connections, dispatcher, interceptors, cookies and cache are not. Each request
         * has a connection of its own, which is closed after the response. The client itself stays the application's,
         * and is never closed. Default: a new one, made with the first request.
         *
         * @param httpClient the application's client
         * @return this builder
         */
        public Builder httpClient(OkHttpClient httpClient) {
            settings.httpClient = httpClient;
            return this;
        }

        /**
         * Sets the listener for grant events. Default: none.
         *
         * @param listener the listener
         * @return this builder
         */
        public Builder listener(GrantListener listener) {
            settings.listener = Objects.requireNonNull(listener);
            return this;
        }

        /**
         * Sets how long a call waits for tokens. Default: 10 s. A refresh continues when a call stops waiting for it.
         *
         * @param maxWait a positive duration
         * @return this builder
         */
        public Builder maxWait(Duration maxWait) {
            settings.maxWait = Settings.positive("maxWait", maxWait);
            return this;
        }

        /**
         * Sets the timeout of one request to the authorization server as a whole. Default: 10 s. Twice this duration,
         * or 4 s with {@code Replay.PROMPT}, is also how long the other nodes wait before they take over from a node
         * that died during a refresh. Use the same value on all nodes.
         *
         * @param tokenCallTimeout a positive duration
         * @return this builder
         */
        public Builder tokenCallTimeout(Duration tokenCallTimeout) {
            settings.tokenCallTimeout = Settings.positive("tokenCallTimeout", tokenCallTimeout);
            return this;
        }

        /**
         * Sets the longest time for which a row is reused without reading the store again. For that long, a login or
         * sign-out on another node may go unnoticed while the token is valid and no API rejects it or demands another
         * login. Default: one minute.
         *
         * <p>A row that has not changed for a while is reused for as long again: for 5 s after somebody signed in or
         * the token was refreshed, and for the whole time when it has been the same for that long. Before it is due,
         * and after an API's 401 or 403, it is read in any case. {@link Account#grant()} always reads it.
         *
         * @param storeCacheTime a duration; zero to read the store for each call. 5 s notice what happens on other
         *     nodes as soon as possible, and read up to twelve times as often
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
         * Sets how many rows are remembered, those that were used last. Default: 10,000. A row takes 2 to 4 KB. It is
         * reused for {@link #storeCacheTime}, and while the store is down its valid tokens are served, so this should
         * be no less than the number of users who are active within the lifetime of an access token.
         *
         * @param storeCacheSize a positive number
         * @return this builder
         */
        public Builder storeCacheSize(int storeCacheSize) {
            if (storeCacheSize < 1) {
                throw new IllegalArgumentException("storeCacheSize is not positive: " + storeCacheSize);
            }
            settings.storeCacheSize = storeCacheSize;
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
         * Checks the configuration and makes the {@link Grantkeeper}. Does no I/O. What depends on metadata is checked
         * when they are fetched.
         *
         * @return the Grantkeeper
         * @throws IllegalStateException if something is missing or contradicts something else, or an older OkHttp comes
         *     first on the class path; the message says what to do
         * @throws IllegalArgumentException if a value is invalid, for example a redirect URI that the provider rejects
         */
        public Grantkeeper build() {
            settings.check();
            return new Grantkeeper(settings);
        }
    }
}
