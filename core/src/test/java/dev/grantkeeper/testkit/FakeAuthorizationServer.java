/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.testkit;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.grantkeeper.Account;
import dev.grantkeeper.Grantkeeper;
import dev.grantkeeper.LoginResult;
import dev.grantkeeper.PendingLogin;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.testkit.Settings.Client;
import dev.grantkeeper.testkit.Settings.User;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiConsumer;
import java.util.function.BiFunction;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * An OAuth 2.0 and OpenID Connect provider with an API behind it, on a port of this machine: for tests of applications,
 * and for demonstrations that need no registration anywhere.
 *
 * <pre>{@code
 * try (var server = FakeAuthorizationServer.start()
 *         .client("my-app", "secret", "http://127.0.0.1:8888/callback")
 *         .rotation(Rotation.STRICT)
 *         .accessTokenLifetime(Duration.ofSeconds(1))) {
 *     Provider provider = server.provider(Spotify.provider());          // or any other preset
 *     // … build a Grantkeeper with it, start a login …
 *     String callback = server.approve(login.url().toString(), "alice");
 *     // … finish the login with the callback's query, call server.apiUrl("/api/things") …
 *     assertEquals(1, server.refreshRequests());
 * }
 * }</pre>
 *
 * <p>It does what real providers do: a page to sign in and to consent, client authentication, PKCE, codes that work
 * once, refresh tokens that rotate in five ways ({@link Rotation}), reuse detection, revocation, signed ID tokens. And
 * it fails as they fail, if a test wants that: see {@link Fault} and {@link #onNextTokenRequest}. Two users are
 * registered, {@code alice} (Alice Archer) and {@code bob} (Bob Baker).
 *
 * <h2>The API</h2>
 *
 * <table>
 * <caption>The paths of the protected API; all others answer 404</caption>
 * <tr><th>path</th><th>answer to a request with a valid access token</th></tr>
 * <tr><td>{@code /userinfo}</td><td>the user's claims, as OpenID Connect names them</td></tr>
 * <tr><td>{@code /v1/me}</td><td>the user, in Spotify's shape</td></tr>
 * <tr><td>{@code /v1/me/player/recently-played}</td><td>the tracks played last; takes {@code limit}</td></tr>
 * <tr><td>{@code /v1/me/top/tracks}</td><td>the tracks played most; takes {@code limit} and {@code offset}</td></tr>
 * <tr><td>{@code /v1/profiles/<name>}</td><td>the user, in the shape of a preset given to {@link #provider}</td></tr>
 * <tr><td>any other that begins with {@code /api/} or {@code /v1/}</td><td>an echo, see {@link #apiUrl}</td></tr>
 * </table>
 *
 * <p>{@link #onApiRequest} changes these answers.
 *
 * <h2>APIs known by their URL</h2>
 *
 * <p>{@link #protectedApi} makes a path an API whose challenges and metadata (RFC 9728) lead to this server, or to
 * another one. Its tokens have to be requested for it ({@code resource}, RFC 8707): codes, refresh tokens and access
 * tokens remember what the authorization request named. With {@link #dynamicRegistration} and
 * {@link #clientIdMetadataDocuments} clients need no registration by hand, and {@link #tenant} is an issuer with a
 * path.
 *
 * <pre>{@code
 * FakeProtectedApi api = server.dynamicRegistration(true).protectedApi("/mcp").scopesSupported("read");
 * // … give api.url() to the application, which signs the user in by itself …
 * assertEquals(1, server.registrations());
 * }</pre>
 *
 * <h2>A provider</h2>
 *
 * <p>{@link #provider} points a preset here. Without a preset, {@code Discovery.of(server.issuer())
 * .allowHttpOnLoopback()} finds everything but the API, which {@code customize(p -> p.apiOrigins(server.url()))} adds.
 *
 * <h2>Time</h2>
 *
 * <p>Tests that let tokens expire wait for nothing if the server and the {@code Grantkeeper} share a {@link FakeClock}
 * that the test advances:
 *
 * <pre>{@code
 * FakeClock clock = new FakeClock();
 * server.time(clock);
 * registration.time(clock, clock::nanoTime);                                     // Grantkeeper.builder(…)
 * // … sign in …
 * clock.advance(Duration.ofHours(2));
 * }</pre>
 *
 * <h2>A second 401</h2>
 *
 * <p>A client that is wrapped by Grantkeeper replaces a token that the API rejects, and repeats the call. A rejection
 * of the replacement, within 30 seconds or a tenth of its lifetime, whichever is shorter, is returned as it is: an API
 * that rejects everything must not make a client fetch tokens without end. A test that rejects twice lets that time
 * pass in between.
 *
 * <p>Thread-safe. Everything can be changed while it runs, with effect from the next request on. It listens on the
 * loopback interface only and asks for no passwords: it is nothing to protect anything with.
 */
public final class FakeAuthorizationServer implements AutoCloseable {
    static final String AUTHORIZE = "/authorize";
    static final String TOKEN = "/token";
    static final String REVOKE = "/revoke";
    static final String INTROSPECT = "/introspect";
    static final String DEVICE_AUTHORIZATION = "/device_authorization";
    static final String DEVICE = "/device";
    static final String BACKCHANNEL_AUTHENTICATION = "/backchannel_authentication";
    static final String END_SESSION = "/logout";
    static final String REGISTER = "/register";
    static final String JWKS = "/jwks";
    static final String USERINFO = "/userinfo";
    static final String PROFILE = "/v1/me";
    static final String RECENTLY_PLAYED = "/v1/me/player/recently-played";
    static final String TOP_TRACKS = "/v1/me/top/tracks";
    static final String REALM = "fake";

    static {
        // Headers and body leave in two packets. Without this the second waits for an acknowledgement: 40 ms a request.
        if (System.getProperty("sun.net.httpserver.nodelay") == null) {
            System.setProperty("sun.net.httpserver.nodelay", "true");
        }
    }

    /** The server that listens, for a tenant of it. */
    private final @Nullable FakeAuthorizationServer host;

    private final @Nullable HttpServer http;
    private final @Nullable ExecutorService threads;
    /** From path to tenant. */
    private final Map<String, FakeAuthorizationServer> tenants = new ConcurrentHashMap<>();

    private final Settings settings;
    private final Counters counters = new Counters();
    private final Grants grants;
    private final Endpoints endpoints;
    private final ProtectedApi api;
    private final FakeApis apis;
    private final ClientDocuments documents;
    private final Registrations registrations;
    private final Script tokenFaults = new Script();
    private final Script revocationFaults = new Script();
    private final Script metadataFaults = new Script();
    private final Script apiFaults = new Script();
    private final Script registrationFaults = new Script();
    private final Script managementFaults = new Script();
    private final Script backchannelFaults = new Script();
    private final Recording authorizationRecording = new Recording();
    private final Recording tokenRecording = new Recording();
    private final Recording metadataRecording = new Recording();
    private final Recording registrationRecording = new Recording();
    private final Recording apiRecording = new Recording();
    private final Recording backchannelRecording = new Recording();

    private FakeAuthorizationServer(
            @Nullable FakeAuthorizationServer host,
            @Nullable HttpServer http,
            @Nullable ExecutorService threads,
            String origin,
            String path) {
        this.host = host;
        this.http = http;
        this.threads = threads;
        settings = new Settings(origin, path);
        grants = new Grants(settings, counters);
        documents = new ClientDocuments(counters);
        endpoints = new Endpoints(settings, grants, counters, documents);
        api = new ProtectedApi(settings, grants, counters, endpoints);
        apis = host == null ? new FakeApis(origin) : host.apis;
        registrations = new Registrations(settings, grants, counters);
        user("alice", "Alice", "Archer", "alice@example.org");
        user("bob", "Bob", "Baker", "bob@example.org");
    }

    /**
     * Starts a server on any free port.
     *
     * @return the running server
     */
    public static FakeAuthorizationServer start() {
        return start(0);
    }

    /**
     * Starts a server.
     *
     * @param port the port, 0 for any free one
     * @return the running server
     * @throws UncheckedIOException if the port is taken
     */
    public static FakeAuthorizationServer start(int port) {
        HttpServer http;
        try {
            http = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 1024);
        } catch (IOException e) {
            throw new UncheckedIOException("No server on port " + port, e);
        }
        AtomicInteger number = new AtomicInteger();
        ExecutorService threads = Executors.newCachedThreadPool(work -> {
            Thread thread = new Thread(work, "fake-authorization-server-" + number.incrementAndGet());
            thread.setDaemon(true);
            return thread;
        });
        String origin = "http://127.0.0.1:" + http.getAddress().getPort();
        FakeAuthorizationServer server = new FakeAuthorizationServer(null, http, threads, origin, "");
        http.setExecutor(threads);
        http.createContext("/", server::handle);
        http.start();
        return server;
    }

    /**
     * Returns another issuer on the same port, with a path: {@code tenant("acme")} is {@code url() + "/acme"}. It has
     * clients, users, grants, settings, counters and faults of its own; its paths are those of this server, behind its
     * own. The same name gives the same tenant. It stops with this server.
     *
     * @param name the name, without a slash
     * @return the tenant
     * @throws IllegalStateException if this is a tenant
     */
    public FakeAuthorizationServer tenant(String name) {
        if (host != null) {
            throw new IllegalStateException("A tenant has no tenants");
        }
        if (name.isEmpty() || name.contains("/")) {
            throw new IllegalArgumentException("Not the name of a tenant: " + name);
        }
        return tenants.computeIfAbsent(
                "/" + name, path -> new FakeAuthorizationServer(this, null, null, settings.url, path));
    }

    /**
     * Stops at once. Requests under way lose their connection, those that are held as well. A tenant stops only with
     * its server.
     */
    @Override
    public void close() {
        if (http != null && threads != null) {
            http.stop(0);
            threads.shutdownNow();
        }
    }

    // ---- URLs ----------------------------------------------------------------------------------------------------

    /**
     * The issuer, and the base of all other URLs: {@code http://127.0.0.1:port}, for a {@link #tenant} with its path.
     *
     * @return the issuer, without a slash at its end
     */
    public String issuer() {
        return settings.url;
    }

    /**
     * The server's base URL, the same as {@link #issuer()}.
     *
     * @return the URL, without a slash at its end
     */
    public String url() {
        return settings.url;
    }

    /**
     * The authorization endpoint: a page to choose a user and to consent.
     *
     * @return its URL
     */
    public String authorizationEndpoint() {
        return settings.url + AUTHORIZE;
    }

    /**
     * The token endpoint.
     *
     * @return its URL
     */
    public String tokenEndpoint() {
        return settings.url + TOKEN;
    }

    /**
     * The revocation endpoint (RFC 7009).
     *
     * @return its URL
     */
    public String revocationEndpoint() {
        return settings.url + REVOKE;
    }

    /**
     * The introspection endpoint (RFC 7662).
     *
     * @return its URL
     */
    public String introspectionEndpoint() {
        return settings.url + INTROSPECT;
    }

    /**
     * The device authorization endpoint (RFC 8628). The page for users is at {@code /device}.
     *
     * @return its URL
     */
    public String deviceAuthorizationEndpoint() {
        return settings.url + DEVICE_AUTHORIZATION;
    }

    /**
     * The backchannel authentication endpoint (OpenID Connect CIBA Core 1.0), for poll and ping mode.
     *
     * @return its URL
     */
    public String backchannelAuthenticationEndpoint() {
        return settings.url + BACKCHANNEL_AUTHENTICATION;
    }

    /**
     * The end session endpoint (OpenID Connect RP-Initiated Logout): it redirects to {@code post_logout_redirect_uri},
     * or shows a page. The metadata does not name it.
     *
     * @return its URL
     */
    public String endSessionEndpoint() {
        return settings.url + END_SESSION;
    }

    /**
     * The registration endpoint (RFC 7591), where clients register themselves; see {@link #dynamicRegistration}.
     *
     * @return its URL
     */
    public String registrationEndpoint() {
        return settings.url + REGISTER;
    }

    /**
     * The keys that ID tokens are signed with.
     *
     * @return their URL
     */
    public String jwksUri() {
        return settings.url + JWKS;
    }

    /**
     * OpenID Connect's user info endpoint.
     *
     * @return its URL
     */
    public String userInfoEndpoint() {
        return settings.url + USERINFO;
    }

    /**
     * The user's profile in Spotify's shape: {@code id}, {@code display_name}, {@code email} and so on.
     *
     * @return the URL of {@code /v1/me}
     */
    public String profileEndpoint() {
        return settings.url + PROFILE;
    }

    /**
     * A URL of the protected API. Besides {@link #profileEndpoint()} and {@code /v1/me/player/recently-played}, every
     * path that begins with {@code /api/} or {@code /v1/} answers any method with {@code {"user": …, "method": …,
     * "path": …, "token": …, "bodyLength": …}}, where {@code token} is the beginning of the token's SHA-256: six digits
     * that tell tokens apart.
     *
     * @param path the path, beginning with {@code /api/} or {@code /v1/}, with or without a query
     * @return its URL
     */
    public String apiUrl(String path) {
        return settings.url + path;
    }

    /**
     * Returns a provider that is a preset in everything but the place: this server stands for the provider's own.
     *
     * <ul>
     *   <li>Replaced are the endpoints that the preset has, its issuer and keys, and its API origins, which become
     *       {@link #url()} alone. An endpoint that the preset lacks stays absent: to revoke tokens of
     *       {@code Spotify.provider()}, call {@code newBuilder().revocationEndpoint(server.revocationEndpoint())}.
     *   <li>Kept are the dialect, client authentication, PKCE, scope separator, parameters, lifetimes and the rule for
     *       lost responses. This server rotates refresh tokens unless {@link #rotation} is {@link Rotation#REUSABLE};
     *       where the preset's provider does not, set either that or {@code newBuilder().replay(LATE)}.
     *   <li>Left out is what this server does not have: pushed and signed authorization requests, and endpoints for
     *       certificates. It authenticates clients by secret, so a preset whose provider wants something signed needs
     *       {@code newBuilder().clientAuthentication(SECRET_POST)}.
     * </ul>
     *
     * <p>The server learns the preset's dialect from this call: the names and places of what it reads, the header of
     * its tokens, and the profile by which it identifies users. The type of tokens is that of the last preset. Errors
     * stay those of the standards; {@link Fault#answer} sends a provider's own. Call {@link #issuerInCallback} before.
     *
     * <pre>{@code
     * Provider github = server.provider(Providers.gitHub());
     * }</pre>
     *
     * @param preset any provider
     * @return the same, here
     */
    public Provider provider(Provider preset) {
        return settings.dialects
                .pointed(preset, this, settings.issuerInCallback)
                .build();
    }

    // ---- Clients and users ---------------------------------------------------------------------------------------

    /**
     * Registers a confidential client, or changes one. It may authenticate with Basic or in the body.
     *
     * @param id the client id
     * @param secret the client secret
     * @param redirectUris the redirect URIs that it may use; none means any; see {@link #exactRedirectUris}
     * @return this
     */
    public FakeAuthorizationServer client(String id, String secret, String... redirectUris) {
        settings.clients.put(id, new Client(id, secret, List.of(redirectUris)));
        return this;
    }

    /**
     * Registers a public client, or changes one. It has no secret.
     *
     * @param id the client id
     * @param redirectUris the redirect URIs that it may use; none means any; see {@link #exactRedirectUris}
     * @return this
     */
    public FakeAuthorizationServer publicClient(String id, String... redirectUris) {
        settings.clients.put(id, new Client(id, null, List.of(redirectUris)));
        return this;
    }

    /**
     * Sets whether redirect URIs are compared exactly. Default: no, that is, those at {@code http://127.0.0.1},
     * {@code http://[::1]} and {@code http://localhost} may have any port, whichever was registered (RFC 8252, 7.3).
     *
     * @param exact whether the port counts, too
     * @return this
     */
    public FakeAuthorizationServer exactRedirectUris(boolean exact) {
        settings.exactRedirectUris = exact;
        return this;
    }

    /**
     * Sets the name of a client on the pages for users. Default: the client id.
     *
     * @param id the client id
     * @param name the name
     * @return this
     */
    public FakeAuthorizationServer clientName(String id, String name) {
        settings.clientNames.put(id, name);
        return this;
    }

    /**
     * Sets the description of a scope on the pages for users. Default: the scope itself, except for those of OpenID
     * Connect.
     *
     * @param scope the scope
     * @param text what the application may do with it, such as {@code See the songs that you played}
     * @return this
     */
    public FakeAuthorizationServer scopeText(String scope, String text) {
        settings.scopeTexts.put(scope, text);
        return this;
    }

    /**
     * Registers a user, or changes one.
     *
     * @param id the user's id: {@code sub}, {@code preferred_username}, and {@code id} of the profile
     * @param givenName the first name
     * @param familyName the family name
     * @param email the e-mail address
     * @return this
     */
    public FakeAuthorizationServer user(String id, String givenName, String familyName, String email) {
        settings.users.put(id, new User(id, givenName, familyName, email));
        return this;
    }

    /**
     * Lets grants outlive this server: takes over those that the file holds, and writes there from now on. For
     * demonstrations that are stopped and started again. The file holds digests of tokens, no tokens; one server at a
     * time may use it. Users have to be registered before.
     *
     * @param file the file; created when there is something to remember
     * @return this server
     */
    public FakeAuthorizationServer remembering(Path file) {
        grants.remember(file);
        return this;
    }

    /**
     * Sets the name of this service on its pages. Default: {@code Demo music service}.
     *
     * @param title the name
     * @return this
     */
    public FakeAuthorizationServer title(String title) {
        settings.title = title;
        return this;
    }

    /**
     * Sets the user for whom the authorization endpoint redirects at once, as if that user had agreed. Default:
     * {@code null}, it shows its page.
     *
     * @param user the user, or {@code null} to ask
     * @return this
     */
    public FakeAuthorizationServer approveAutomatically(@Nullable String user) {
        settings.autoApprove = user;
        return this;
    }

    /**
     * Sets whether callbacks carry {@code iss} (RFC 9207), and the metadata says so. Default: no.
     *
     * @param sent whether it is sent
     * @return this
     */
    public FakeAuthorizationServer issuerInCallback(boolean sent) {
        settings.issuerInCallback = sent;
        return this;
    }

    /**
     * Sets the status of {@code invalid_client}. Default: 401; Spotify answers 400.
     *
     * @param status the HTTP status
     * @return this
     */
    public FakeAuthorizationServer invalidClientStatus(int status) {
        settings.invalidClientStatus = status;
        return this;
    }

    /**
     * Sets the server's clock, by which codes and tokens expire. Default: the system's. The {@code Grantkeeper} under
     * test needs the same one; see the class description.
     *
     * @param time the clock
     * @return this
     */
    public FakeAuthorizationServer time(InstantSource time) {
        settings.time = time;
        return this;
    }

    // ---- Logins without a browser --------------------------------------------------------------------------------

    /**
     * Signs a user in and gives consent, as in a browser.
     *
     * @param authorizationUrl the URL that the application sends the browser to
     * @param user the user who signs in
     * @return the URL that the browser is sent back to: the redirect URI with {@code code} and {@code state}, or with
     *     {@code error} if the request was wrong
     * @throws IllegalArgumentException if a browser would see an error page, or there is no such user
     */
    public String approve(String authorizationUrl, String user) {
        return endpoints.accept(read(authorizationUrl), user);
    }

    /**
     * Signs a user in at an application, from the start of the login to the stored tokens: for tests that begin with a
     * user who is connected.
     *
     * @param application the application, a client of this server
     * @param user the user who signs in, and the account that the tokens are stored for
     * @return the account
     * @throws IOException if the login fails
     * @throws IllegalArgumentException if a browser would see an error page, or there is no such user
     * @throws IllegalStateException if the application does not accept the login
     */
    public Account signIn(Grantkeeper application, String user) throws IOException {
        PendingLogin login = application.startLogin();
        String callback = approve(login.url().toString(), user);
        LoginResult result = application.finishLogin(login, URI.create(callback).getRawQuery());
        if (result instanceof LoginResult.SignedIn in) {
            return in.keepAs(user);
        }
        throw new IllegalStateException("The application did not accept the login of " + user + ": " + result);
    }

    /**
     * Declines the consent, as in a browser.
     *
     * @param authorizationUrl the URL that the application sends the browser to
     * @return the URL that the browser is sent back to: the redirect URI with {@code error=access_denied} and
     *     {@code state}
     * @throws IllegalArgumentException if a browser would see an error page
     */
    public String refuse(String authorizationUrl) {
        return endpoints.refuse(read(authorizationUrl));
    }

    /**
     * Enters a user code on another device, signs the user in and gives consent (RFC 8628).
     *
     * @param userCode the code that the application shows
     * @param user the user who signs in
     * @throws IllegalArgumentException if there is no such code, or no such user
     */
    public void approveDevice(String userCode, String user) {
        endpoints.decide(userCode, user);
    }

    /**
     * Enters a user code on another device, and declines.
     *
     * @param userCode the code that the application shows
     * @throws IllegalArgumentException if there is no such code
     */
    public void refuseDevice(String userCode) {
        endpoints.decide(userCode, null);
    }

    /**
     * Sets the interval at which a device may poll. Default: 5 seconds. The server does not enforce it; a
     * {@code Fault.error(400, "slow_down")} complains.
     *
     * @param interval the time between two requests
     * @return this
     */
    public FakeAuthorizationServer deviceInterval(Duration interval) {
        settings.deviceInterval = interval;
        return this;
    }

    /**
     * Changes the answers of the device authorization endpoint before they are sent, as {@link #tokenResponse} does.
     *
     * @param change gets a modifiable map and returns the one to send
     * @return this
     */
    public FakeAuthorizationServer deviceResponse(UnaryOperator<Map<String, Object>> change) {
        settings.deviceResponse = change;
        return this;
    }

    /**
     * Lets a user consent on her device to the backchannel logins that wait for her (OpenID Connect CIBA Core 1.0).
     * Those of clients in ping mode are notified before this method returns: see {@link #notificationEndpoint}.
     *
     * @param user the user whom the application has named by {@code loginHint}
     * @throws IllegalArgumentException if no login waits for the user, or there is no such user
     * @throws IllegalStateException if a notification endpoint does not answer, or with a status of failure
     */
    public void approveBackchannel(String user) {
        endpoints.decideInBackchannel(user, true);
    }

    /**
     * Lets a user decline the backchannel logins that wait for her. Clients in ping mode are notified.
     *
     * @param user the user whom the application has named
     * @throws IllegalArgumentException if no login waits for the user, or there is no such user
     * @throws IllegalStateException if a notification endpoint does not answer, or with a status of failure
     */
    public void refuseBackchannel(String user) {
        endpoints.decideInBackchannel(user, false);
    }

    /**
     * Lets the backchannel logins that wait for a user expire, as if she had not looked at her device in time. The
     * client is told when it polls next.
     *
     * @param user the user whom the application has named
     * @throws IllegalArgumentException if no login waits for the user, or there is no such user
     */
    public void expireBackchannel(String user) {
        endpoints.decideInBackchannel(user, null);
    }

    /**
     * Registers a client for ping mode: when a user has decided, the notification is posted to its endpoint. Default: a
     * client polls, and its requests must not have a notification token.
     *
     * @param clientId the client id
     * @param url the URL of the client's notification endpoint
     * @return this
     */
    public FakeAuthorizationServer notificationEndpoint(String clientId, String url) {
        return notificationEndpoint(clientId, (authorization, body) -> {
            try {
                int status = Http.post(url, authorization, body);
                if (status / 100 != 2) {
                    throw new IllegalStateException("The notification endpoint of " + clientId + " answers " + status);
                }
            } catch (IOException e) {
                throw new IllegalStateException("The notification endpoint of " + clientId + " does not answer", e);
            }
        });
    }

    /**
     * Registers a client for ping mode whose notification endpoint is not reached over HTTP: for tests that call
     * {@code acceptNotification} themselves, or lose a notification.
     *
     * @param clientId the client id
     * @param endpoint gets the {@code Authorization} header and the body of each notification
     * @return this
     */
    public FakeAuthorizationServer notificationEndpoint(String clientId, BiConsumer<String, String> endpoint) {
        settings.notificationEndpoints.put(clientId, endpoint);
        return this;
    }

    /**
     * Sets the interval at which a client may poll for a backchannel login. Default: 5 seconds. The server does not
     * enforce it; {@code onNextTokenRequest(Fault.error(400, "slow_down"))} complains.
     *
     * @param interval the time between two requests
     * @return this
     */
    public FakeAuthorizationServer backchannelInterval(Duration interval) {
        settings.backchannelInterval = interval;
        return this;
    }

    /**
     * Changes the answers of the backchannel authentication endpoint before they are sent, as {@link #tokenResponse}
     * does.
     *
     * @param change gets a modifiable map and returns the one to send
     * @return this
     */
    public FakeAuthorizationServer backchannelResponse(UnaryOperator<Map<String, Object>> change) {
        settings.backchannelResponse = change;
        return this;
    }

    private Endpoints.Authorization read(String authorizationUrl) {
        URI uri = URI.create(authorizationUrl);
        if (!authorizationUrl.startsWith(authorizationEndpoint() + "?")) {
            throw new IllegalArgumentException("Not a URL of " + authorizationEndpoint());
        }
        try {
            String path = URI.create(authorizationEndpoint()).getRawPath();
            authorizationRecording.add(new RecordedRequest(
                    settings.time.instant(), "GET", path, uri.getRawQuery(), Map.of(), new byte[0]));
            return endpoints.read(uri.getRawQuery());
        } catch (Refused e) {
            throw new IllegalArgumentException("A browser would see an error page: " + e.description(), e);
        }
    }

    /**
     * Issues tokens to a user as a login does, without one: for tests that begin with a stored grant.
     *
     * @param client the client id
     * @param user the user's id
     * @param scope the scopes, with blanks between them
     * @param resources the resources that the tokens are for (RFC 8707), such as {@link FakeProtectedApi#url()}
     * @return the tokens
     */
    public Issued issue(String client, String user, String scope, String... resources) {
        User who = settings.users.get(user);
        if (who == null) {
            throw new IllegalArgumentException("There is no user " + user);
        }
        Grants.Tokens tokens;
        try {
            tokens = grants.issue(endpoints.known(client), who, scope, List.of(resources));
        } catch (Refused e) {
            throw new IllegalArgumentException(e.description(), e);
        }
        return new Issued(tokens.access(), tokens.refresh() == null ? "" : tokens.refresh());
    }

    /**
     * Tokens from {@link #issue}. Does not print them.
     *
     * @param accessToken an access token
     * @param refreshToken a refresh token of the same family, or an empty text if none are issued
     */
    public record Issued(String accessToken, String refreshToken) {
        @Override
        public String toString() {
            return "Issued[redacted]";
        }
    }

    // ---- Tokens --------------------------------------------------------------------------------------------------

    /**
     * Sets the lifetime of access tokens. Default: an hour.
     *
     * @param lifetime the lifetime of tokens issued from now on
     * @return this
     */
    public FakeAuthorizationServer accessTokenLifetime(Duration lifetime) {
        settings.accessTokenLifetime = lifetime;
        return this;
    }

    /**
     * Sets the lifetime of refresh tokens, each from its own issue. Default: {@code null}, forever.
     *
     * @param lifetime the lifetime, or {@code null}
     * @return this
     */
    public FakeAuthorizationServer refreshTokenLifetime(@Nullable Duration lifetime) {
        settings.refreshTokenLifetime = lifetime;
        return this;
    }

    /**
     * Sets whether logins issue a refresh token. Default: yes.
     *
     * @param issued whether they do
     * @return this
     */
    public FakeAuthorizationServer issueRefreshTokens(boolean issued) {
        settings.issueRefreshTokens = issued;
        return this;
    }

    /**
     * Sets the rule by which refresh tokens rotate. Default: {@link Rotation#STRICT}.
     *
     * @param rotation the rule
     * @return this
     */
    public FakeAuthorizationServer rotation(Rotation rotation) {
        settings.rotation = rotation;
        return this;
    }

    /**
     * Sets the time for which {@link Rotation#GRACE} and {@link Rotation#HARSH} accept a spent refresh token. Default:
     * a minute.
     *
     * @param period the time since its first use
     * @return this
     */
    public FakeAuthorizationServer grace(Duration period) {
        settings.grace = period;
        return this;
    }

    /**
     * Sets the {@code expires_in} of token answers, true or not: {@code "3600"} with or without quotes, {@code 0},
     * {@code -1}, junk. Default: the truth.
     *
     * @param json the member's value, written as it is; {@code null} leaves the member out
     * @return this
     */
    public FakeAuthorizationServer expiresIn(@Nullable String json) {
        settings.expiresIn = json;
        settings.truthfulExpiresIn = false;
        return this;
    }

    /**
     * Lets token answers state the true lifetime. That is the default.
     *
     * @return this
     */
    public FakeAuthorizationServer truthfulExpiresIn() {
        settings.truthfulExpiresIn = true;
        return this;
    }

    /**
     * Changes successful token answers before they are sent: members to add, to spoil, to remove. Values are texts,
     * numbers, booleans, maps, lists, {@code null}, and {@link #raw}.
     *
     * @param change gets a modifiable map and returns the one to send
     * @return this
     */
    public FakeAuthorizationServer tokenResponse(UnaryOperator<Map<String, Object>> change) {
        settings.tokenResponse = change;
        return this;
    }

    /**
     * A JSON value that is written as it is, for {@link #tokenResponse}, {@link #idTokenClaims} and {@link #metadata}.
     *
     * @param json the JSON, well-formed or not
     * @return a value for a map
     */
    public static Object raw(String json) {
        return new Json.Raw(json);
    }

    /**
     * Sets claims that all ID tokens carry besides the usual ones, and in place of usual ones of the same name.
     * Default: none; {@code ver}, {@code tid}, {@code oid} and {@code unique_name} make the server look like
     * Microsoft's.
     *
     * @param claims the claims, in place of those set before
     * @return this
     */
    public FakeAuthorizationServer extraClaims(Map<String, ?> claims) {
        settings.extraClaims = Collections.unmodifiableMap(new LinkedHashMap<>(claims));
        return this;
    }

    /**
     * Changes the claims of ID tokens before they are signed.
     *
     * @param change gets a modifiable map and returns the one to sign
     * @return this
     */
    public FakeAuthorizationServer idTokenClaims(UnaryOperator<Map<String, Object>> change) {
        settings.idTokenClaims = change;
        return this;
    }

    /**
     * Sets the way in which ID tokens are signed. Default: {@link Signing#RS256}.
     *
     * @param how the way, right or wrong
     * @return this
     */
    public FakeAuthorizationServer signing(Signing how) {
        Jwt.make(how, settings.signingKey.get());
        settings.signing = how;
        return this;
    }

    /**
     * Signs ID tokens with a new key from now on, and publishes only that in the JWKS.
     *
     * @return this
     */
    public FakeAuthorizationServer rotateSigningKey() {
        Jwt.make(Signing.RS256, settings.signingKey.get() + 1);
        settings.signingKey.incrementAndGet();
        return this;
    }

    /**
     * Changes the server's metadata before it is sent, whether it is requested at
     * {@code /.well-known/oauth-authorization-server} or at {@code /.well-known/openid-configuration}.
     *
     * @param change gets a modifiable map and returns the one to send
     * @return this
     */
    public FakeAuthorizationServer metadata(UnaryOperator<Map<String, Object>> change) {
        settings.metadata = change;
        return this;
    }

    /**
     * Sets whether the revocation of a refresh token revokes all logins of its user with its client, as with some
     * providers, or only its own family. Default: only its own.
     *
     * @param wide whether all are revoked
     * @return this
     */
    public FakeAuthorizationServer wideRevocation(boolean wide) {
        settings.wideRevocation = wide;
        return this;
    }

    /**
     * Sets the places where the server's metadata is. Default: all. At the others the answer is 404, or that of
     * {@link #metadataElsewhere}.
     *
     * @param places the places; none for a server without metadata
     * @return this
     */
    public FakeAuthorizationServer metadataAt(MetadataPlace... places) {
        settings.metadataPlaces = Set.of(places);
        return this;
    }

    /**
     * Sets the answer at those places where the server's metadata might be and is not: a page of HTML with status 200,
     * a redirect to a login. Default: {@code null}, 404.
     *
     * @param answer the answer, or {@code null}
     * @return this
     */
    public FakeAuthorizationServer metadataElsewhere(@Nullable Answer answer) {
        settings.metadataElsewhere = answer;
        return this;
    }

    /**
     * Sets {@code scopes_supported} in the server's metadata. Default: {@code openid}, {@code profile}, {@code email},
     * {@code offline_access}. Requests for other scopes are granted as well.
     *
     * @param scopes the scopes
     * @return this
     */
    public FakeAuthorizationServer scopesSupported(String... scopes) {
        settings.scopesSupported = List.of(scopes);
        return this;
    }

    /**
     * Sets {@code token_endpoint_auth_methods_supported} in the server's metadata, and what a client may register for.
     * Default: {@code client_secret_basic}, {@code client_secret_post}, {@code none}. The fourth that the server knows
     * is {@code private_key_jwt}, for clients that have registered keys (RS256, PS256, ES256).
     *
     * @param methods the methods
     * @return this
     */
    public FakeAuthorizationServer authMethods(String... methods) {
        settings.authMethods = List.of(methods);
        return this;
    }

    /**
     * Sets whether the token endpoint binds tokens to the key of a proof (DPoP, RFC 9449), and the metadata says so.
     * Default: no, proofs are ignored. {@link #protectedApi Protected APIs} verify the proofs of bound tokens; the API
     * of {@link #apiUrl} takes bearer tokens only.
     *
     * @param supported whether it does
     * @return this
     */
    public FakeAuthorizationServer dpop(boolean supported) {
        settings.dpop = supported;
        return this;
    }

    /**
     * Sets the nonce that proofs at the token endpoint must have; without it the answer is {@code use_dpop_nonce}, and
     * names it. Default: {@code null}, none.
     *
     * @param nonce the nonce, or {@code null}
     * @return this
     */
    public FakeAuthorizationServer dpopNonce(@Nullable String nonce) {
        settings.dpopNonce = nonce;
        return this;
    }

    // ---- Clients that register themselves ------------------------------------------------------------------------

    /**
     * Sets whether clients may register themselves at {@link #registrationEndpoint()} (RFC 7591), and the metadata says
     * so. Default: no. A client that has registered is treated as it has registered: by its redirect URIs, its method
     * of authentication, and its grant types, of which {@code refresh_token} gives refresh tokens.
     *
     * @param offered whether they may
     * @return this
     */
    public FakeAuthorizationServer dynamicRegistration(boolean offered) {
        settings.registration = offered;
        return this;
    }

    /**
     * Sets the token that a registration needs. Default: {@code null}, everybody may register.
     *
     * @param token the initial access token (RFC 7591, 3), or {@code null}
     * @return this
     */
    public FakeAuthorizationServer initialAccessToken(@Nullable String token) {
        settings.initialAccessToken = token;
        return this;
    }

    /**
     * Sets whether clients can read, update and delete their registration (RFC 7592). Default: yes.
     *
     * @param offered whether they can
     * @return this
     */
    public FakeAuthorizationServer registrationManagement(boolean offered) {
        settings.registrationManagement = offered;
        return this;
    }

    /**
     * Sets the lifetime of the secrets of clients that register from now on: {@code client_secret_expires_at}. Default:
     * {@code null}, forever.
     *
     * @param lifetime the lifetime, or {@code null}
     * @return this
     */
    public FakeAuthorizationServer clientSecretLifetime(@Nullable Duration lifetime) {
        settings.clientSecretLifetime = lifetime;
        return this;
    }

    /**
     * Changes the answers to successful registrations before they are sent. The client is what the changed answer says:
     * a server may register something other than what was asked for (RFC 7591, 3.2.1).
     *
     * @param change gets a modifiable map and returns the one to send
     * @return this
     */
    public FakeAuthorizationServer registrationResponse(UnaryOperator<Map<String, Object>> change) {
        settings.registrationResponse = change;
        return this;
    }

    /**
     * Sets whether clients may be known by a document (OAuth Client ID Metadata Document), and the metadata says so.
     * Default: no. A client id that is not registered and is an https URL with a path, or an http URL on loopback, is
     * fetched once; the document must have the same {@code client_id}, and {@code redirect_uris}.
     *
     * @param accepted whether they may
     * @return this
     */
    public FakeAuthorizationServer clientIdMetadataDocuments(boolean accepted) {
        settings.clientDocuments = accepted;
        return this;
    }

    /**
     * Hands the document of a client over, so that nothing is fetched: for client ids of hosts that a test does not
     * have.
     *
     * @param url the URL, which is the client id
     * @param json the document, well-formed or not; in place of the one before
     * @return this
     */
    public FakeAuthorizationServer clientIdMetadataDocument(String url, String json) {
        documents.give(url, json);
        return this;
    }

    /**
     * Lets the server forget a client, however it was registered: the token endpoint answers {@code invalid_client},
     * and the client cannot read its registration any longer. Access tokens stay valid until they expire.
     *
     * @param id the client id
     */
    public void forgetClient(String id) {
        registrations.forget(id);
    }

    /**
     * Lets the next request that a client authenticates be answered by {@code invalid_client}, and those after it not.
     */
    public void rejectClientOnce() {
        settings.clientsToReject.incrementAndGet();
    }

    /**
     * The clients that are registered now, by hand and by themselves.
     *
     * @return a copy of their ids
     */
    public Set<String> clients() {
        return new TreeSet<>(settings.clients.keySet());
    }

    /**
     * The clients that were used since the counters were reset: at the authorization endpoint, or with success at an
     * endpoint where clients authenticate.
     *
     * @return a copy of their ids
     */
    public Set<String> clientsInUse() {
        return new TreeSet<>(settings.clientsInUse);
    }

    // ---- Events --------------------------------------------------------------------------------------------------

    /**
     * Withdraws a user's consent: all tokens that were issued to that user are revoked, access tokens included.
     *
     * @param user the user's id
     */
    public void revokeConsent(String user) {
        grants.revokeConsent(user);
    }

    /**
     * Withdraws a user's consent at a provider whose API does not check: refresh tokens are rejected, access tokens
     * stay valid until they expire.
     *
     * @param user the user's id
     */
    public void revokeRefreshTokens(String user) {
        grants.revokeRefreshTokens(user);
    }

    /**
     * Lets all access tokens issued so far expire now, whatever their {@code expires_in}: the next call meets a 401. A
     * second one soon after is returned to the caller; see the class description.
     */
    public void expireAccessTokens() {
        grants.expireAccessTokens();
    }

    /** Lets all refresh tokens issued so far expire now. */
    public void expireRefreshTokens() {
        grants.expireRefreshTokens();
    }

    /**
     * Whether a token is valid: an access token at the API, a refresh token at the token endpoint. Asking changes
     * nothing.
     *
     * @param token an access token or a refresh token
     * @return whether it would be accepted now
     */
    public boolean accepts(String token) {
        return grants.accepts(token);
    }

    // ---- The API -------------------------------------------------------------------------------------------------

    /**
     * Sets whether the API answers 401 to every token, valid or not. Default: no. A wrapped client replaces the token
     * once and then returns the 401.
     *
     * @param reject whether it does
     * @return this
     */
    public FakeAuthorizationServer rejectAllAtApi(boolean reject) {
        settings.rejectAllAtApi = reject;
        return this;
    }

    /**
     * Changes the answers of the API: {@code (request, answer) -> answer.header("Cache-Control", "max-age=60")}, or
     * {@code (request, answer) -> Answer.redirect(elsewhere)}.
     *
     * @param change gets the request and the usual answer, 401 included, and returns the one to send; in place of the
     *     change set before
     * @return this
     */
    public FakeAuthorizationServer onApiRequest(BiFunction<RecordedRequest, Answer, Answer> change) {
        settings.apiAnswer = change;
        return this;
    }

    /**
     * Adds faults for the next requests to the API, in this order, after those already waiting.
     *
     * @param faults one for each request
     * @return this
     */
    public FakeAuthorizationServer onNextApiRequest(Fault... faults) {
        apiFaults.next.addAll(List.of(faults));
        return this;
    }

    /**
     * Sets the least time that each answer of the API takes. Default: zero.
     *
     * @param time the time
     * @return this
     */
    public FakeAuthorizationServer apiLatency(Duration time) {
        settings.apiLatency = time;
        return this;
    }

    /**
     * Makes a path of this host an API that describes itself (RFC 9728): {@code /mcp}, {@code /tenant-a/mcp}. The same
     * path gives the same API. Its requests do not count in {@link #apiRequests()}, and it has answers and faults of
     * its own.
     *
     * @param path the path, beginning with a slash
     * @return the API
     */
    public FakeProtectedApi protectedApi(String path) {
        return apis.at(settings.path + path, settings, grants);
    }

    // ---- Faults --------------------------------------------------------------------------------------------------

    /**
     * Adds faults for the next requests to the token endpoint, in this order, after those already waiting.
     *
     * @param faults one for each request; {@link Fault#none()} lets one pass
     * @return this
     */
    public FakeAuthorizationServer onNextTokenRequest(Fault... faults) {
        tokenFaults.next.addAll(List.of(faults));
        return this;
    }

    /**
     * Sets the fault of all requests to the token endpoint for which no other is waiting, until {@link #noFaults()}.
     * Default: none.
     *
     * @param fault the fault
     * @return this
     */
    public FakeAuthorizationServer onEveryTokenRequest(Fault fault) {
        tokenFaults.always = fault;
        return this;
    }

    /**
     * Adds faults for the next requests to the revocation endpoint, in this order.
     *
     * @param faults one for each request
     * @return this
     */
    public FakeAuthorizationServer onNextRevocation(Fault... faults) {
        revocationFaults.next.addAll(List.of(faults));
        return this;
    }

    /**
     * Adds faults for the next requests to the registration endpoint, in this order. {@link Fault#dropAfter()} loses
     * the answer: the client is registered, and nobody knows its id.
     *
     * @param faults one for each request
     * @return this
     */
    public FakeAuthorizationServer onNextRegistration(Fault... faults) {
        registrationFaults.next.addAll(List.of(faults));
        return this;
    }

    /**
     * Sets the fault of all requests to the registration endpoint for which no other is waiting, until
     * {@link #noFaults()}. Default: none.
     *
     * @param fault the fault
     * @return this
     */
    public FakeAuthorizationServer onEveryRegistration(Fault fault) {
        registrationFaults.always = fault;
        return this;
    }

    /**
     * Adds faults for the next requests by which clients read, update or delete their registration, in this order.
     *
     * @param faults one for each request
     * @return this
     */
    public FakeAuthorizationServer onNextRegistrationRead(Fault... faults) {
        managementFaults.next.addAll(List.of(faults));
        return this;
    }

    /**
     * Adds faults for the next requests to the backchannel authentication endpoint, in this order, such as
     * {@code Fault.error(400, "invalid_binding_message")}.
     *
     * @param faults one for each request
     * @return this
     */
    public FakeAuthorizationServer onNextBackchannelRequest(Fault... faults) {
        backchannelFaults.next.addAll(List.of(faults));
        return this;
    }

    /**
     * Sets the fault of all requests for metadata or keys for which no other is waiting, until {@link #noFaults()}.
     * Default: none.
     *
     * @param fault the fault
     * @return this
     */
    public FakeAuthorizationServer onEveryMetadataRequest(Fault fault) {
        metadataFaults.always = fault;
        return this;
    }

    /**
     * Adds faults for the next requests for metadata or keys, in this order.
     *
     * @param faults one for each request
     * @return this
     */
    public FakeAuthorizationServer onNextMetadataRequest(Fault... faults) {
        metadataFaults.next.addAll(List.of(faults));
        return this;
    }

    /**
     * Removes all faults, those that are waiting and the one of every request. Protected APIs keep theirs.
     *
     * @return this
     */
    public FakeAuthorizationServer noFaults() {
        for (Script script : List.of(
                tokenFaults,
                revocationFaults,
                metadataFaults,
                apiFaults,
                registrationFaults,
                managementFaults,
                backchannelFaults)) {
            script.clear();
        }
        return this;
    }

    /**
     * Lets token requests wait from now on, before the server acts, until the handle releases them.
     *
     * @return the handle
     */
    public Held hold() {
        Held held = new Held();
        onEveryTokenRequest(Fault.hold(held));
        return held;
    }

    /**
     * Lets the answers to token requests wait from now on, after the server has acted, until the handle releases them.
     *
     * @return the handle
     */
    public Held holdAnswers() {
        Held held = new Held();
        onEveryTokenRequest(Fault.holdAnswer(held));
        return held;
    }

    /**
     * Sets the least time that each answer of the token endpoint takes. Default: zero.
     *
     * @param time the time, spent before the server acts
     * @return this
     */
    public FakeAuthorizationServer latency(Duration time) {
        settings.latency = time;
        return this;
    }

    // ---- Counters and recorded requests --------------------------------------------------------------------------

    /**
     * The number of requests that have reached the token endpoint, including those that met a fault.
     *
     * @return their number
     */
    public int tokenRequests() {
        return counters.tokenRequests.get();
    }

    /**
     * The number of requests that have reached the token endpoint with a refresh token.
     *
     * @return their number
     */
    public int refreshRequests() {
        return counters.refreshRequests.get();
    }

    /**
     * The number of requests that have reached the token endpoint with a code.
     *
     * @return their number
     */
    public int codeRequests() {
        return counters.codeRequests.get();
    }

    /**
     * The number of access tokens issued, whether the answer arrived or not.
     *
     * @return their number
     */
    public int tokensIssued() {
        return counters.tokensIssued.get();
    }

    /**
     * The number of requests that have reached the API, with or without a token.
     *
     * @return their number
     */
    public int apiRequests() {
        return counters.apiRequests.get();
    }

    /**
     * The number of requests to which the API has answered 401.
     *
     * @return their number
     */
    public int apiUnauthorized() {
        return counters.apiUnauthorized.get();
    }

    /**
     * The number of times that a spent code or refresh token was used again.
     *
     * @return their number
     */
    public int reuseDetected() {
        return counters.reuseDetected.get();
    }

    /**
     * The number of families, that is, logins, that the server has revoked because of reuse or a revocation request.
     *
     * @return their number, without those revoked by {@link #revokeConsent}
     */
    public int familiesRevoked() {
        return counters.familiesRevoked.get();
    }

    /**
     * The number of requests that the revocation endpoint has acted on.
     *
     * @return their number
     */
    public int revocations() {
        return counters.revocations.get();
    }

    /**
     * The number of requests for the metadata of this server, at whichever place, there or not. Those for its keys, and
     * for the metadata of its protected APIs, are not among them.
     *
     * @return their number
     */
    public int metadataRequests() {
        return counters.metadataRequests.get();
    }

    /**
     * The number of times that the document of a client was read, see {@link #clientIdMetadataDocuments}; those handed
     * over are counted, too.
     *
     * @return their number
     */
    public int clientDocumentRequests() {
        return counters.clientDocumentRequests.get();
    }

    /**
     * The number of requests that have reached the registration endpoint, including those that met a fault.
     *
     * @return their number
     */
    public int registrationRequests() {
        return counters.registrationRequests.get();
    }

    /**
     * The number of clients that have registered themselves, whether the answer arrived or not.
     *
     * @return their number
     */
    public int registrations() {
        return counters.registrations.get();
    }

    /**
     * The number of requests by which a client has read its registration (RFC 7592), refused ones included.
     *
     * @return their number
     */
    public int registrationReads() {
        return counters.registrationReads.get();
    }

    /**
     * The number of clients that have deleted their registration (RFC 7592).
     *
     * @return their number
     */
    public int registrationDeletes() {
        return counters.registrationDeletes.get();
    }

    /**
     * The authorization requests, oldest first: those of browsers, their answers on the page included, and the URLs
     * given to {@link #approve} and {@link #refuse}.
     *
     * @return a copy; the oldest of very many are missing
     */
    public List<RecordedRequest> recordedAuthorizationRequests() {
        return authorizationRecording.copy();
    }

    /**
     * The requests for metadata below {@code /.well-known/}, oldest first: of this server, and of protected APIs of
     * this host, there or not.
     *
     * @return a copy; the oldest of very many are missing
     */
    public List<RecordedRequest> recordedMetadataRequests() {
        return metadataRecording.copy();
    }

    /**
     * The requests by which clients have registered themselves, and read, updated or deleted their registration, oldest
     * first.
     *
     * @return a copy; the oldest of very many are missing
     */
    public List<RecordedRequest> recordedRegistrationRequests() {
        return registrationRecording.copy();
    }

    /**
     * The requests that have reached the token endpoint, oldest first.
     *
     * @return a copy; the oldest of very many are missing
     */
    public List<RecordedRequest> recordedTokenRequests() {
        return tokenRecording.copy();
    }

    /**
     * The requests that have reached the backchannel authentication endpoint, oldest first, with the binding message
     * that the user sees.
     *
     * @return a copy; the oldest of very many are missing
     */
    public List<RecordedRequest> recordedBackchannelRequests() {
        return backchannelRecording.copy();
    }

    /**
     * The requests that have reached the API, oldest first.
     *
     * @return a copy; the oldest of very many are missing
     */
    public List<RecordedRequest> recordedApiRequests() {
        return apiRecording.copy();
    }

    /** Sets all counters to zero and forgets the recorded requests. Tokens stay valid. Protected APIs keep theirs. */
    public void resetCounters() {
        counters.reset();
        settings.clientsInUse.clear();
        for (Recording recording : List.of(
                authorizationRecording,
                tokenRecording,
                apiRecording,
                metadataRecording,
                registrationRecording,
                backchannelRecording)) {
            recording.clear();
        }
    }

    @Override
    public String toString() {
        return "FakeAuthorizationServer[" + settings.url + ", rotation=" + settings.rotation + ", " + counters + "]";
    }

    // ---- Inside --------------------------------------------------------------------------------------------------

    Grants grants() {
        return grants;
    }

    private void handle(HttpExchange exchange) throws IOException {
        // Closing an exchange whose answer is not complete closes the connection: that is how answers are lost and cut.
        try (exchange) {
            RecordedRequest request = Http.read(exchange, settings.time.instant());
            Http.send(exchange, answer(request));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private Answer answer(RecordedRequest request) throws IOException, InterruptedException {
        try {
            String path = request.path();
            if (path.startsWith(FakeApis.WELL_KNOWN)) {
                metadataRecording.add(request);
                return apis.metadata(path);
            }
            WellKnown place = WellKnown.of(path);
            if (place != null) {
                return tenants.getOrDefault(place.issuerPath(), this).metadata(request, place);
            }
            int end = path.indexOf('/', 1);
            FakeAuthorizationServer server = tenants.getOrDefault(end < 0 ? path : path.substring(0, end), this);
            Answer answer = server.endpoint(request);
            if (answer != null) {
                return answer;
            }
            FakeProtectedApi described = apis.serving(path);
            return described != null ? described.answer(request) : server.api(request);
        } catch (RuntimeException | AssertionError e) {
            // Most likely a hook of the test. Silence would look like a network failure.
            return Answer.status(500).header("Content-Type", "text/plain").body("The fake server has failed: " + e);
        }
    }

    /** The answer of an endpoint of the authorization server, or {@code null} if it has none at the path. */
    private @Nullable Answer endpoint(RecordedRequest request) throws IOException, InterruptedException {
        String path = settings.local(request.path());
        return switch (path) {
            case AUTHORIZE -> {
                authorizationRecording.add(request);
                yield endpoints.authorize(request);
            }
            case TOKEN -> {
                endpoints.count(request);
                tokenRecording.add(request);
                Thread.sleep(settings.latency.toMillis());
                yield tokenFaults.next().around(() -> endpoints.token(request));
            }
            case REVOKE -> revocationFaults.next().around(() -> endpoints.revoke(request));
            case DEVICE_AUTHORIZATION -> endpoints.device(request);
            case DEVICE -> endpoints.devicePage(request);
            case BACKCHANNEL_AUTHENTICATION -> {
                backchannelRecording.add(request);
                yield backchannelFaults.next().around(() -> endpoints.backchannel(request));
            }
            case INTROSPECT -> endpoints.introspect(request);
            case END_SESSION -> endpoints.endSession(request);
            case JWKS -> metadataFaults.next().around(endpoints::jwks);
            case REGISTER -> {
                counters.registrationRequests.incrementAndGet();
                registrationRecording.add(request);
                yield registrationFaults.next().around(() -> registrations.register(request));
            }
            default -> {
                if (!path.startsWith(REGISTER + "/")) {
                    yield null;
                }
                registrationRecording.add(request);
                yield managementFaults.next().around(() -> registrations.manage(request));
            }
        };
    }

    private Answer metadata(RecordedRequest request, WellKnown place) throws IOException, InterruptedException {
        counters.metadataRequests.incrementAndGet();
        metadataRecording.add(request);
        boolean here = place.issuerPath().equals(settings.path)
                && !Collections.disjoint(settings.metadataPlaces, place.places());
        Answer elsewhere = settings.metadataElsewhere;
        return metadataFaults
                .next()
                .around(() -> here
                        ? endpoints.metadata()
                        : elsewhere == null ? FakeApis.notFound(request.path()) : elsewhere);
    }

    private Answer api(RecordedRequest request) throws IOException, InterruptedException {
        String path = settings.local(request.path());
        if (!path.startsWith("/api/") && !path.startsWith("/v1/") && !path.equals(USERINFO)) {
            return FakeApis.notFound(request.path());
        }
        counters.apiRequests.incrementAndGet();
        apiRecording.add(request);
        Thread.sleep(settings.apiLatency.toMillis());
        return apiFaults.next().around(() -> api.answer(request));
    }
}
