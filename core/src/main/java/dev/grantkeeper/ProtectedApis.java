/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.answer.Callback;
import dev.grantkeeper.internal.login.LoginAttempt;
import dev.grantkeeper.internal.login.LoginOutcome;
import dev.grantkeeper.internal.openid.SignedMetadata;
import dev.grantkeeper.internal.protocol.Requested;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.provider.SigningKey;
import dev.grantkeeper.token.SealingKeys;
import dev.grantkeeper.token.TokenStore;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import okhttp3.OkHttpClient;
import org.jspecify.annotations.Nullable;

/**
 * Protected APIs of which an application knows nothing but the URL: MCP servers, and everything else that describes
 * itself by protected resource metadata (RFC 9728). It finds the authorization server of each, makes the application
 * known there, once for all nodes, sends users through logins, and keeps their tokens fresh.
 *
 * <p>Make one for each application and process, and close it at the end. Any number of processes may share one
 * {@link TokenStore}: together they register once at each server, and make one token request for each expiry. Immutable
 * and thread-safe.
 *
 * <pre>{@code
 * var apis = ProtectedApis.builder(ClientMetadata.named("Acme Assistant")
 *         .redirectUri("https://app.acme.example/callback"))
 *     .tokenStore(JdbcTokenStore.create(dataSource))
 *     .sealingKeys(SealingKeys.of(System.getenv("SEALING_SECRET")))
 *     .build();
 *
 * Account user = apis.account("https://mcp.linear.example/mcp", userId);
 * try {
 *     user.wrap(http).newCall(request).execute();
 * } catch (LoginRequiredException e) {
 *     PendingLogin login = apis.newLogin(user).inResponseTo(e).start();
 *     session.setAttribute(login.sessionKey(), login);
 *     response.sendRedirect(login.url().toString());
 * }
 *
 * // in the callback:
 * PendingLogin login = (PendingLogin) session.getAttribute(PendingLogin.sessionKeyOf(query));
 * if (apis.finishLogin(login, query) instanceof LoginResult.SignedIn in) {
 *     in.keepAs(userId);
 * }
 * }</pre>
 *
 * <p>URLs may come from users. Only {@code https} is accepted, nothing inside the application's own network is
 * connected to, and tokens are sent to the URL of their API and below it, whatever the API says of itself. What came
 * from one server is never shown to another.
 */
public final class ProtectedApis implements AutoCloseable {
    private final Apis apis;

    private ProtectedApis(Apis apis) {
        this.apis = apis;
    }

    /**
     * Starts with the application.
     *
     * @param application the application, as it introduces itself to servers that do not know it
     * @return a builder
     */
    public static Builder builder(ClientMetadata application) {
        return new Builder(application);
    }

    /**
     * Returns the account of a user at an API, connected or not. Does no I/O.
     *
     * <p>A call of its {@linkplain Account#wrap wrapped} client that has no tokens yet is made without one. If the API
     * answers with 401, its metadata is fetched, and the call throws a {@link LoginRequiredException} that names the
     * API, the server and the scopes. The client connects to nothing inside this network, and has connections of its
     * own.
     *
     * @param api the URL of the API. Tokens are sent there and below it
     * @param accountId the application's own id for its user
     * @return the account
     * @throws IllegalArgumentException if the URL is not {@code https}, has a user or a fragment, or a path that
     *     servers may read in several ways
     */
    public Account account(String api, String accountId) {
        return Account.of(apis.api(api), accountId);
    }

    /**
     * Returns the application's own account at an API, without a user (client credentials, RFC 6749 section 4.4, or
     * {@link Builder#applicationAssertion}). It needs no login: tokens are fetched when a call first needs them, once
     * for all nodes.
     *
     * @param api the URL of the API
     * @return the account
     * @throws IllegalArgumentException as {@link #account(String, String)} throws it, and if the URL has more than
     *     1,000 characters
     */
    public Account application(String api) {
        return apis.application(apis.api(api));
    }

    /**
     * Returns an account at an API whose tokens are exchanged for a token at hand, at the API's server and for this
     * API: an assertion of the platform that the application runs on (RFC 7523 section 2.1), or one that a company's
     * issuer gave for its user (identity assertion grant). Everything else is as in
     * {@link Grantkeeper#account(TokenExchange)}.
     *
     * @param api the URL of the API
     * @param exchange the token at hand and the tokens to request
     * @return the account
     * @throws IllegalArgumentException as {@link #account(String, String)} throws it
     */
    public Account account(String api, TokenExchange exchange) {
        return apis.account(apis.api(api), exchange);
    }

    /**
     * Finds the authorization server at which users of an API sign in, for a registration by hand.
     *
     * @param api the URL of the API
     * @return its issuer identifier, for {@link Builder#registered(String, String, String)}
     * @throws AuthorizationServerException if the metadata of the API cannot be fetched, or names no server
     */
    public String issuerOf(String api) throws AuthorizationServerException {
        return apis.api(api).issuer();
    }

    /**
     * Starts a login of a user at an API. The first one at a server makes the application known there.
     *
     * @param account the user's account, of {@link #account(String, String)}
     * @return a request to configure; {@link LoginRequest#start()} begins it. Unless scopes are set, it requests those
     *     that the API names
     * @throws IllegalArgumentException if the account is of another registration
     */
    public LoginRequest newLogin(Account account) {
        if (account.registration() instanceof ApiRegistration api && api.isOf(apis)) {
            return new LoginRequest(api);
        }
        throw new IllegalArgumentException(account + " is not an account of " + this);
    }

    /**
     * Finishes a login: checks the callback, redeems the code at the server for which the login was started, and stores
     * nothing. Everything else is as in {@link Grantkeeper#finishLogin}.
     *
     * @param login the value returned by {@link LoginRequest#start()}, read from the session or a cookie of this
     *     browser; {@code null} if there is none
     * @param query the callback's query as it was received
     * @return the result; {@link LoginResult.SignedIn#keepAs} stores the grant for a user of the login's API
     * @throws AuthorizationServerException if the server is unreachable, its response is malformed, or it rejects this
     *     client. The user may start again
     */
    public LoginResult finishLogin(@Nullable PendingLogin login, @Nullable String query)
            throws AuthorizationServerException {
        LoginAttempt attempt = login == null ? null : login.attempt();
        LoginAttempt.Discovered at = attempt == null ? null : attempt.discovered();
        if (attempt != null && at != null) {
            return apis.api(at.api()).finish(attempt, at, query);
        }
        String problem = Callback.parse(query).problem();
        LoginOutcome.Mismatched.Reason reason = problem != null
                ? LoginOutcome.Mismatched.Reason.FORGED
                : attempt == null ? LoginOutcome.Mismatched.Reason.NO_LOGIN : LoginOutcome.Mismatched.Reason.MIXED_UP;
        return new LoginResult.Mismatched(new LoginOutcome.Mismatched(
                reason,
                problem != null
                        ? problem
                        : attempt == null
                                ? "This browser has not started the login that it came back from"
                                : "The login was started at another registration"));
    }

    /**
     * Deletes the registration of the application at a server: the row, and the client there if the server offers that
     * (RFC 7592). For operators. Users who were signed in there have to sign in again, and the next login registers
     * anew.
     *
     * @param issuer the server's issuer identifier, letter by letter
     * @throws TokenStoreException if the store failed
     */
    public void deleteRegistration(String issuer) throws TokenStoreException {
        apis.deleteRegistration(issuer);
    }

    /**
     * The application, for the page that serves its {@link ClientMetadata#json()}.
     *
     * @return as it was given to the builder
     */
    public ClientMetadata clientMetadata() {
        return apis.options().client();
    }

    /**
     * Waits up to five seconds for refreshes and writes under way, then ends the threads and cancels the requests of
     * this object, as {@link Grantkeeper#close} does.
     */
    @Override
    public void close() {
        apis.close();
    }

    @Override
    public String toString() {
        return apis.toString();
    }

    Apis apis() {
        return apis;
    }

    /** Configures access to protected APIs. Not thread-safe. */
    public static final class Builder {
        private final ClientMetadata client;
        private final Settings settings = new Settings(
                Provider.builder("apis")
                        .authorizationEndpoint("https://discovered.invalid")
                        .tokenEndpoint("https://discovered.invalid")
                        .build(),
                null);
        private final Map<String, ApiOptions.ByHand> byHand = new LinkedHashMap<>();
        private final Map<String, String> initialAccessTokens = new LinkedHashMap<>();
        private final Set<String> inside = new LinkedHashSet<>();
        private boolean httpOnLoopback;
        private boolean throughProxy;
        private boolean serversWithoutMetadata;
        private @Nullable SignedMetadata signedMetadata;
        private @Nullable SignedMetadata signedServerMetadata;
        private boolean offlineAccess = true;
        private @Nullable TokenExchange assertion;
        private String name = "api";

        private Builder(ClientMetadata client) {
            this.client = Objects.requireNonNull(client);
        }

        /**
         * Adds a registration by hand, used at this server only, and before all other ways. Where an API names several
         * servers, one with such a registration is chosen. Default: none.
         *
         * @param issuer the server's issuer identifier, letter by letter ({@link ProtectedApis#issuerOf})
         * @param clientId the client id
         * @param clientSecret the secret
         * @return this builder
         */
        public Builder registered(String issuer, String clientId, String clientSecret) {
            byHand.put(
                    Objects.requireNonNull(issuer),
                    new ApiOptions.ByHand(
                            Objects.requireNonNull(clientId), Objects.requireNonNull(clientSecret), null));
            return this;
        }

        /**
         * Adds a registration by hand of a public client, used at this server only.
         *
         * @param issuer the server's issuer identifier, letter by letter
         * @param clientId the client id
         * @return this builder
         */
        public Builder registered(String issuer, String clientId) {
            byHand.put(
                    Objects.requireNonNull(issuer),
                    new ApiOptions.ByHand(Objects.requireNonNull(clientId), null, null));
            return this;
        }

        /**
         * Adds a registration by hand with a key ({@code private_key_jwt}), used at this server only.
         *
         * @param issuer the server's issuer identifier, letter by letter
         * @param clientId the client id
         * @param signingKey the key; its public half is registered with the server
         * @return this builder
         */
        public Builder registered(String issuer, String clientId, SigningKey signingKey) {
            byHand.put(
                    Objects.requireNonNull(issuer),
                    new ApiOptions.ByHand(Objects.requireNonNull(clientId), null, Objects.requireNonNull(signingKey)));
            return this;
        }

        /**
         * Adds an initial access token, which a server may want of applications that register themselves (RFC 7591
         * section 3). Default: none.
         *
         * @param issuer the server's issuer identifier, letter by letter
         * @param token the token; it is shown to this server only
         * @return this builder
         */
        public Builder initialAccessToken(String issuer, String token) {
            initialAccessTokens.put(Objects.requireNonNull(issuer), Objects.requireNonNull(token));
            return this;
        }

        /**
         * Sets the scopes of the application's own accounts ({@link ProtectedApis#application}). Default: none. Logins
         * of users request what the API names, unless they set their own.
         *
         * @param scopes the scopes
         * @return this builder
         */
        public Builder applicationScopes(String... scopes) {
            settings.scopes = Requested.scopes(Arrays.asList(scopes));
            return this;
        }

        /**
         * Sets the assertion with which tokens of the application's own accounts are requested
         * ({@link ProtectedApis#application}; RFC 7523 section 2.1): the token by which a platform vouches for the
         * workload that runs on it. The tokens are stored, and all nodes share them. Default: none, the client
         * credentials.
         *
         * @param jwt returns the current assertion; called when tokens are requested, on a thread of the library
         * @return this builder
         */
        public Builder applicationAssertion(Supplier<String> jwt) {
            this.assertion = TokenExchange.assertion(jwt);
            return this;
        }

        /**
         * Sets whether logins request refresh tokens by the scope {@code offline_access}, at servers that list it.
         * Default: {@code true}. Servers that do not list it decide by themselves.
         *
         * @param offlineAccess whether users stay signed in
         * @return this builder
         */
        public Builder offlineAccess(boolean offlineAccess) {
            this.offlineAccess = offlineAccess;
            return this;
        }

        /**
         * Sets the store that keeps grants and registrations. Required.
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
         * Allows tokens and client secrets to be stored in plaintext. Anyone who can read the store can then use them.
         *
         * @return this builder
         */
        public Builder allowPlaintextTokens() {
            settings.plaintextTokens = true;
            return this;
        }

        /**
         * Sets the name under which grants and registrations are stored, for several applications that share a store.
         * Default: {@code api}.
         *
         * @param registration a name, not empty; changing it later signs all users out, and registers anew
         * @return this builder
         * @throws IllegalArgumentException if it is empty or has more than 50 characters
         */
        public Builder registration(String registration) {
            if (registration.isBlank() || registration.length() > 50) {
                throw new IllegalArgumentException("The name of a registration has 1 to 50 characters");
            }
            this.name = registration;
            return this;
        }

        /**
         * Binds grants to a key of this application (DPoP, RFC 9449) at all APIs. Default: where the API demands it.
         *
         * @return this builder
         */
        public Builder dpop() {
            settings.dpop = true;
            return this;
        }

        /**
         * Allows connections to hosts inside the application's own network, for APIs of its own. Default: none. What an
         * API says of itself can then lead there, too.
         *
         * @param hosts names or literal addresses
         * @return this builder
         */
        public Builder allowInside(String... hosts) {
            inside.addAll(Arrays.asList(hosts));
            return this;
        }

        /**
         * Uses the proxies of the application's clients. Default: no proxy, since one resolves names by itself, so that
         * nothing here can tell what is inside. Call it where the proxy keeps connections out of the network.
         *
         * @return this builder
         */
        public Builder throughProxy() {
            this.throughProxy = true;
            return this;
        }

        /**
         * Accepts APIs without metadata, as they were before the Model Context Protocol of 2025-06: the API's own
         * origin is then the authorization server, and without metadata of that one, too, {@code /authorize},
         * {@code /token} and {@code /register} are its endpoints. Default: such an API is an error.
         *
         * @return this builder
         */
        public Builder allowServersWithoutMetadata() {
            this.serversWithoutMetadata = true;
            return this;
        }

        /**
         * Requires metadata of APIs that is signed (RFC 9728 section 2.2): only what the member {@code signed_metadata}
         * says counts, and a document without it, or with one that is signed wrongly or about another API, is rejected.
         * For the metadata of authorization servers there is {@link #signedServerMetadata}. Default: signatures are
         * ignored, and TLS vouches for the document.
         *
         * @param signer the {@code iss} of the signatures: the party that attests to the APIs of this application
         * @param jwkSet the signer's public keys as a JWK set (RFC 7517), from a source that is not an API
         * @return this builder
         * @throws IllegalArgumentException if there is no usable key in it
         */
        public Builder signedMetadata(String signer, String jwkSet) {
            this.signedMetadata = new SignedMetadata(signer, jwkSet);
            return this;
        }

        /**
         * Requires metadata of authorization servers that is signed (RFC 8414 section 2.1): what the member
         * {@code signed_metadata} says replaces the plain members, and a document without it, or with one that is
         * signed wrongly or about another server, is rejected. Stored metadata that was accepted before is verified,
         * too, and fetched again if it is not signed so; clients stay registered. Default: signatures are ignored, and
         * TLS vouches for the document.
         *
         * @param signer the {@code iss} of the signatures: the party that attests to the servers
         * @param jwkSet the signer's public keys as a JWK set (RFC 7517), from a source that is not a server
         * @return this builder
         * @throws IllegalArgumentException if there is no usable key in it
         */
        public Builder signedServerMetadata(String signer, String jwkSet) {
            this.signedServerMetadata = new SignedMetadata(signer, jwkSet);
            return this;
        }

        /**
         * Allows {@code http} on this machine, for tests: tokens are not encrypted on their way.
         *
         * @return this builder
         */
        public Builder allowHttpOnLoopback() {
            this.httpOnLoopback = true;
            return this;
        }

        /**
         * Sets the client that requests to authorization servers are derived from, as
         * {@link Grantkeeper.Builder#httpClient} does. Default: a new one.
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
         * Sets how long a call waits for tokens, and a login for a registration. Default: 10 s.
         *
         * @param maxWait a positive duration
         * @return this builder
         */
        public Builder maxWait(Duration maxWait) {
            settings.maxWait = Settings.positive("maxWait", maxWait);
            return this;
        }

        /**
         * Sets the timeout of one request to an authorization server as a whole, as
         * {@link Grantkeeper.Builder#tokenCallTimeout} does. Default: 10 s. Use the same value on all nodes.
         *
         * @param tokenCallTimeout a positive duration
         * @return this builder
         */
        public Builder tokenCallTimeout(Duration tokenCallTimeout) {
            settings.tokenCallTimeout = Settings.positive("tokenCallTimeout", tokenCallTimeout);
            return this;
        }

        /**
         * Sets the longest time for which a row is reused without reading the store again, as
         * {@link Grantkeeper.Builder#storeCacheTime} does. Default: one minute.
         *
         * @param storeCacheTime a duration; zero to read the store for each call
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
         * Checks the configuration. Does no I/O.
         *
         * @return access to protected APIs
         * @throws IllegalStateException if something is missing or contradicts something else; the message says what to
         *     do
         */
        public ProtectedApis build() {
            OkHttpVersion.check();
            settings.checkStore();
            if (signedMetadata != null && serversWithoutMetadata) {
                throw new IllegalStateException("signedMetadata(…) refuses every API whose metadata is not signed, so"
                        + " allowServersWithoutMetadata() would have no effect: leave one of them out");
            }
            return new ProtectedApis(new Apis(
                    settings.copy(),
                    new ApiOptions(
                            client,
                            Map.copyOf(byHand),
                            Map.copyOf(initialAccessTokens),
                            Collections.unmodifiableSet(new LinkedHashSet<>(inside)),
                            httpOnLoopback,
                            throughProxy,
                            serversWithoutMetadata,
                            signedMetadata,
                            signedServerMetadata,
                            offlineAccess,
                            assertion,
                            name)));
        }
    }
}
