/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.office;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.grantkeeper.Account;
import dev.grantkeeper.Grant;
import dev.grantkeeper.Grantkeeper;
import dev.grantkeeper.LoginResult;
import dev.grantkeeper.OAuthException;
import dev.grantkeeper.PendingLogin;
import dev.grantkeeper.examples.office.handover.HandOver;
import dev.grantkeeper.examples.office.handover.ResultPage;
import dev.grantkeeper.examples.office.handover.SessionCookie;
import dev.grantkeeper.store.jdbc.JdbcTokenStore;
import dev.grantkeeper.testkit.FakeAuthorizationServer;
import dev.grantkeeper.token.SealingKeys;
import io.javalin.Javalin;
import io.javalin.config.JavalinConfig;
import io.javalin.http.BadRequestResponse;
import io.javalin.http.Context;
import io.javalin.http.ForbiddenResponse;
import io.javalin.http.HttpStatus;
import io.javalin.http.UnauthorizedResponse;
import io.javalin.http.staticfiles.Location;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import okhttp3.OkHttpClient;
import org.eclipse.jetty.ee10.servlet.SessionHandler;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.SecureRequestCustomizer;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.SslConnectionFactory;
import org.eclipse.jetty.util.ssl.SslContextFactory;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The server of an Office add-in: its task pane signs in with Entra ID by a pop-up, and calls Graph through this
 * server.
 *
 * <p>In the order in which a user meets them: {@link #pane}, {@link #signIn}, {@link #dialog}, {@link #callback},
 * {@link #handOver}, {@link #graph}, {@link #signOut}. No token ever leaves this process for a browser. Thread-safe.
 */
final class AddIn implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(AddIn.class);
    private static final JsonMapper JSON = new JsonMapper();

    /**
     * Every request of the pane's script carries this header. Another site's page cannot send it without a preflight
     * request, which fails.
     */
    static final String PANE_HEADER = "X-Pane";

    private static final String OFFICE_JS = "https://appsforoffice.microsoft.com";
    private static final String GRAPH = "/api/graph/<path>";
    private static final int MOST_UNANNOUNCED = 10_000;
    private static final int LOGIN_SECONDS = 600;
    private static final int MOST_LOGINS = 4;

    private final Setup setup;
    private final InstantSource clock;
    private final Database database;
    private final SealingKeys keys;
    private final SessionCookie sessions;
    private final HandOver<LoginResult.SignedIn> handOver;
    private final Panes panes = new Panes();
    private final Grantkeeper entra;
    private final OkHttpClient http = new OkHttpClient();
    private final GraphProxy graph;
    private final Javalin server;
    private final ScheduledExecutorService sweeper;

    /** Sessions that have signed in, and whose browser has not sent its new cookie yet. */
    private final Set<String> unannounced = ConcurrentHashMap.newKeySet();

    /** The moment at which the demonstration's API began to reject the tokens issued so far. */
    private volatile Instant rejectedSince = Instant.MIN;

    /** Starts the server. */
    AddIn(Setup setup) throws IOException {
        this(setup, InstantSource.system(), System::nanoTime);
    }

    /** Starts the server with clocks that a test can move. */
    AddIn(Setup setup, InstantSource clock, LongSupplier ticker) throws IOException {
        this.setup = setup;
        this.clock = clock;
        SealingKeys sealing = SealingKeys.of(setup.secret());
        String before = setup.secretBefore();
        this.keys = before == null ? sealing : sealing.andReading(before);
        this.sessions =
                new SessionCookie("pane", setup.here().https(), Database.SESSION_LIVES, clock, setup.secret(), before);
        this.handOver = new HandOver<>(clock, this::giveBack);
        this.database = new Database(setup.database(), clock);
        this.entra = Grantkeeper.builder(setup.provider())
                .clientId(setup.clientId())
                .clientSecret(setup.clientSecret())
                .redirectUri(setup.here().redirectUri())
                .scopes("openid", "profile", "offline_access", "https://graph.microsoft.com/User.Read")
                .tokenStore(JdbcTokenStore.create(database.dataSource()))
                .sealingKeys(keys)
                .time(clock, ticker)
                .build();
        this.graph = new GraphProxy(setup.api(), http);
        Certificate certificate = setup.here().https() ? Certificate.find(Path.of(setup.database() + ".p12")) : null;
        this.server = Javalin.create(config -> configure(config, certificate));
        if (certificate == null) {
            server.start("127.0.0.1", setup.here().port());
        } else {
            server.start();
        }
        this.sweeper = Executors.newSingleThreadScheduledExecutor(work -> {
            Thread thread = new Thread(work, "unclaimed-logins");
            thread.setDaemon(true);
            return thread;
        });
        Future<?> unused = sweeper.scheduleWithFixedDelay(this::sweep, 5, 5, TimeUnit.SECONDS);
    }

    private void configure(JavalinConfig config, @Nullable Certificate certificate) {
        config.startup.showJavalinBanner = false;
        config.startup.showOldJavalinVersionWarning = false;
        config.http.maxRequestSize = GraphProxy.MOST_SENT;
        // Opening a WebSocket makes a servlet session, with a cookie of its own. We use another, and these must not
        // pile up.
        config.jetty.modifyServletContextHandler(context -> {
            SessionHandler unused = context.getSessionHandler();
            unused.setUsingCookies(false);
            unused.setMaxInactiveInterval(60);
        });
        if (certificate != null) {
            config.jetty.addConnector((jetty, http) -> https(jetty, http, certificate));
        }
        config.staticFiles.add(files -> {
            files.directory = "/office";
            files.location = Location.CLASSPATH;
            files.headers = Map.of();
        });
        config.routes.before(this::protect);

        config.routes.get("/", this::pane);
        config.routes.get(
                "/style.css",
                context -> context.contentType("text/css; charset=utf-8").result(resource("/spotify/style.css")));
        if (setup.here().https()) { // Office accepts nothing else
            config.routes.get(
                    "/manifest.xml",
                    context -> context.contentType("text/xml; charset=utf-8").result(Manifest.of(setup)));
        }
        config.routes.get("/dialog", this::dialog);
        config.routes.get("/callback", this::callback);
        config.routes.get("/done", context -> page(context, ResultPage.Status.STRANGE, null, null, false));

        config.routes.get("/api/state", context -> context.json(state(session(context))));
        config.routes.post("/api/sign-in", this::signIn);
        config.routes.post("/api/hand-over", this::handOver);
        config.routes.post("/api/sign-out", this::signOut);
        config.routes.get(GRAPH, context -> graph(context, "GET"));
        config.routes.post(GRAPH, context -> graph(context, "POST"));
        config.routes.put(GRAPH, context -> graph(context, "PUT"));
        config.routes.patch(GRAPH, context -> graph(context, "PATCH"));
        config.routes.delete(GRAPH, context -> graph(context, "DELETE"));

        config.routes.wsBeforeUpgrade("/socket", this::checkSocket);
        config.routes.ws("/socket", socket -> {
            socket.onConnect(context -> sessions.read(context.header("Cookie"))
                    .ifPresent(session -> panes.open(context, Database.digest(session))));
            socket.onClose(panes::close);
            socket.onError(panes::close);
        });

        FakeAuthorizationServer demo = setup.demo();
        if (demo != null) {
            config.routes.post("/api/demo/expire", context -> {
                String session = session(context);
                demo.expireAccessTokens();
                rejectedSince = clock.instant();
                panes.tell(session, "expired");
                context.status(HttpStatus.NO_CONTENT);
            });
        }
        config.routes.exception(NoSession.class, (e, context) -> problem(context, 401, "no-session"));
        config.routes.exception(Exception.class, (e, context) -> {
            LOG.error("{} {} failed", context.method(), context.path(), e);
            problem(context, 500, "failed");
        });
    }

    private ServerConnector https(Server jetty, HttpConfiguration plain, Certificate certificate) {
        SslContextFactory.Server ssl = new SslContextFactory.Server();
        ssl.setKeyStorePath(certificate.file().toAbsolutePath().toString());
        ssl.setKeyStorePassword(Certificate.PASSWORD);
        HttpConfiguration secure = new HttpConfiguration(plain);
        secure.addCustomizer(new SecureRequestCustomizer(false));
        ServerConnector connector = new ServerConnector(
                jetty, new SslConnectionFactory(ssl, "http/1.1"), new HttpConnectionFactory(secure));
        connector.setHost("127.0.0.1");
        connector.setPort(setup.here().port());
        return connector;
    }

    // ---- The story, in the order in which a user meets it --------------------------------------------------------

    /** The pane is opened, in Office or on its own. From now on it has a session, by which we recognize it. */
    private void pane(Context context) {
        if (sessions.read(context.header("Cookie")).isEmpty()) {
            context.header("Set-Cookie", sessions.set(sessions.issue()));
        }
        context.html(resource("/office/pane.html"));
    }

    /** The user wants to sign in. The pane gets the URL for its pop-up, and the secret that it keeps. */
    private void signIn(Context context) throws IOException {
        String session = session(context);
        JsonNode asked = read(context);
        String socket = asked.path("socket").asText();
        if (!panes.has(socket, session)) {
            problem(context, 409, "no-socket"); // the outcome of the attempt could not be reported
            return;
        }
        HandOver.Begun begun = handOver.begin(session, socket);
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("tx", begun.tx());
        answer.put("secret", begun.secret());
        answer.put("dialog", "/dialog?tx=" + begun.tx() + (asked.path("office").asBoolean() ? "&in=office" : ""));
        context.json(answer);
    }

    /**
     * The pop-up, on its way to the provider. The login carries the session and the socket of the pane, in a cookie of
     * the pop-up: it may share none with the pane.
     */
    private void dialog(Context context) throws IOException {
        String tx = Objects.requireNonNullElse(context.queryParam("tx"), "");
        boolean office = "office".equals(context.queryParam("in"));
        // Office opens its dialogs from pages of its own.
        HandOver.Asker asker =
                !office && isMailed(context) ? null : handOver.open(tx).orElse(null);
        if (asker == null) {
            page(context, ResultPage.Status.STRANGE, null, null, office);
            return;
        }
        PendingLogin login = entra.newLogin()
                .prompt("select_account")
                .appState(new Carried(tx, asker.session(), asker.socket(), office).text())
                .start();
        dropEldestLogins(context);
        setLogin(context, loginCookie(login.sessionKey()), login.seal(keys) + "." + tx, LOGIN_SECONDS);
        context.redirect(login.url().toString(), HttpStatus.SEE_OTHER);
    }

    /** Abandoned attempts leave their cookies behind, and a server rejects requests that have too many. */
    private void dropEldestLogins(Context context) {
        List<String> logins = context.cookieMap().keySet().stream() // in the browser's order: the eldest come first
                .filter(name -> name.startsWith(loginCookie("login-")))
                .toList();
        logins.stream()
                .limit(Math.max(0, logins.size() - MOST_LOGINS + 1))
                .forEach(name -> setLogin(context, name, "", 0));
    }

    /**
     * A cookie of the pop-up's. Lax, and not Strict: the callback comes from the provider's site. One for each attempt:
     * two never meet.
     */
    private void setLogin(Context context, String name, String value, int seconds) {
        context.res()
                .addHeader(
                        "Set-Cookie",
                        name + "=" + value + "; Path=/; Max-Age=" + seconds + "; HttpOnly; SameSite=Lax"
                                + (setup.here().https() ? "; Secure" : ""));
    }

    /** Only the pane may open this window. If the browser does not tell who did, the hand-over decides all the same. */
    private static boolean isMailed(Context context) {
        String site = context.header("Sec-Fetch-Site");
        return site != null && !site.equals("same-origin") && !site.equals("none");
    }

    /**
     * The pop-up comes back. The tokens are fetched, and stored nowhere: {@link #handOver} decides whether they belong
     * to the pane that asked. The pane's session is not looked at here, and could not be.
     */
    private void callback(Context context) {
        String query = context.queryString();
        String sessionKey = PendingLogin.sessionKeyOf(query);
        String[] cookie = Objects.requireNonNullElse(context.cookie(loginCookie(sessionKey)), "")
                .split("\\.(?=[^.]*$)", 2);
        PendingLogin login = PendingLogin.unseal(keys, sessionKey, cookie[0]).orElse(null);
        if (login != null) {
            setLogin(context, loginCookie(sessionKey), "", 0);
        }
        try {
            LoginResult result = entra.finishLogin(login, query);
            if (result instanceof LoginResult.SignedIn in) {
                Carried carried = Carried.of(in.appState().orElseThrow());
                Optional<String> token = handOver.arrive(carried.tx, carried.session, in);
                end(context, token.isPresent() ? ResultPage.Status.GRANTED : ResultPage.Status.STRANGE, carried, token);
            } else if (result instanceof LoginResult.Declined declined) {
                LOG.debug("A login was declined: {}", declined.error());
                end(
                        context,
                        declined.byUser() ? ResultPage.Status.DECLINED : ResultPage.Status.FAILED,
                        Carried.of(declined.appState().orElseThrow()),
                        Optional.empty());
            } else {
                LOG.debug("A login was not accepted: {}", ((LoginResult.Mismatched) result).explanation());
                page(context, ResultPage.Status.STRANGE, null, null, false);
            }
        } catch (OAuthException e) {
            LOG.warn("A login could not be finished", e);
            // There is no result, and so nothing that the login carried. The cookie has the attempt's name beside it.
            String tx = cookie.length == 2 ? cookie[1] : "";
            HandOver.Asker asker = handOver.fail(tx).orElse(null);
            if (asker == null) {
                page(context, ResultPage.Status.UNAVAILABLE, null, null, false);
            } else {
                end(
                        context,
                        ResultPage.Status.UNAVAILABLE,
                        new Carried(tx, asker.session(), asker.socket(), false),
                        Optional.empty());
            }
        }
    }

    /** The pop-up shows the outcome and reports it to its opener; we report it to the pane's socket. */
    private void end(Context context, ResultPage.Status status, Carried carried, Optional<String> token) {
        page(context, status, carried.tx, token.orElse(null), carried.office);
        panes.tell(carried.socket, carried.session, carried.tx, status);
    }

    /** The pane claims the result of its pop-up. Only now is anything stored. */
    private void handOver(Context context) throws IOException {
        String session = session(context);
        JsonNode claim = read(context);
        LoginResult.SignedIn in = handOver.claim(
                        claim.path("tx").asText(),
                        session,
                        claim.path("secret").asText(),
                        claim.path("token").asText())
                .orElse(null);
        if (in == null) {
            problem(context, 409, "not-claimed");
            return;
        }
        Database.User user;
        try {
            user = database.userOf(in.identity().orElseThrow());
            in.keepAs(user.id()); // sealed, in Grantkeeper's table
        } catch (OAuthException | RuntimeException e) {
            LOG.error("A login could not be stored", e);
            giveBack(in);
            problem(context, 503, "try-later");
            return;
        }
        // A session of its own for each sign-in: one that somebody else knew before is worth nothing after.
        String cookie = sessions.issue();
        String next = Database.digest(sessions.idOf(cookie).orElseThrow());
        database.signIn(session, next, user);
        panes.move(session, next);
        if (unannounced.size() >= MOST_UNANNOUNCED) {
            unannounced.clear(); // of browsers that never came back; at worst a second pane is told late
        }
        unannounced.add(next);
        context.header("Set-Cookie", sessions.set(cookie)).status(HttpStatus.NO_CONTENT);
    }

    /** A later request: the session names the user, the database has the tokens, the call goes out with a valid one. */
    private void graph(Context context, String method) throws IOException {
        Optional<Database.User> user = database.userOfSession(session(context));
        if (user.isEmpty()) {
            problem(context, 401, "signed-out");
            return;
        }
        GraphProxy.Answer answer = graph.call(
                entra.account(user.get().id()),
                method, // not the context's: that believes X-HTTP-Method-Override
                context.pathParam("path"),
                context.queryString(),
                context.bodyAsBytes());
        if (answer.retryAfter() != null) {
            context.header("Retry-After", answer.retryAfter());
        }
        context.status(answer.status())
                .contentType(answer.contentType())
                .result(answer.body().toByteArray());
    }

    /**
     * The user leaves, in all browsers: the row is deleted, the tokens are revoked if the provider supports it, the
     * sessions end.
     */
    private void signOut(Context context) throws IOException {
        String session = session(context);
        Optional<Database.User> user = database.userOfSession(session);
        if (user.isPresent()) {
            entra.account(user.get().id()).signOut();
            for (String ended : database.signOut(user.get())) {
                panes.tell(ended, "signed-out");
            }
        }
        context.status(HttpStatus.NO_CONTENT);
    }

    /** Revokes tokens that no pane has claimed; at a provider without revocation, they are just forgotten. */
    private void giveBack(LoginResult.SignedIn in) {
        in.discard();
    }

    void sweep() {
        try {
            handOver.sweep();
        } catch (RuntimeException e) {
            LOG.error("Logins that nobody claimed could not be discarded", e); // and the next sweep comes all the same
        }
    }

    // ---- What the pane shows -------------------------------------------------------------------------------------

    private Map<String, @Nullable Object> state(String session) throws IOException {
        Map<String, @Nullable Object> state = new LinkedHashMap<>();
        state.put("demo", setup.demo() != null);
        Database.User user = database.userOfSession(session).orElse(null);
        if (user != null) {
            state.put("user", user(user));
            Account account = entra.account(user.id());
            state.put("grant", account.grant().map(this::grant).orElse(null));
        }
        return state;
    }

    private static Map<String, @Nullable Object> user(Database.User user) {
        Map<String, @Nullable Object> map = new LinkedHashMap<>();
        map.put("id", user.identity());
        map.put("name", user.name());
        map.put("givenName", user.givenName());
        map.put("familyName", user.familyName());
        map.put("uniqueName", user.uniqueName());
        map.put("version", user.version());
        map.put("oid", user.oid());
        map.put("tid", user.tid());
        return map;
    }

    private Map<String, @Nullable Object> grant(Grant grant) {
        Map<String, @Nullable Object> map = new LinkedHashMap<>();
        map.put(
                "accessTokenExpiresAt",
                grant.accessTokenExpiresAt().map(Instant::toEpochMilli).orElse(null));
        map.put(
                "rejected",
                grant.refreshedAt().filter(at -> !at.isAfter(rejectedSince)).isPresent());
        map.put(
                "refreshTokenExpiresAt",
                grant.consentEndsAt().map(Instant::toEpochMilli).orElse(null));
        map.put("loginRequired", grant.loginRequired().map(Enum::name).orElse(null));
        return map;
    }

    private void page(
            Context context, ResultPage.Status status, @Nullable String tx, @Nullable String token, boolean office) {
        context.html(ResultPage.html(status, tx, token, office));
    }

    private static JsonNode read(Context context) {
        try {
            return JSON.readTree(context.body());
        } catch (IOException e) {
            throw new BadRequestResponse();
        }
    }

    private static void problem(Context context, int status, String problem) {
        context.status(status).json(Map.of("problem", problem));
    }

    private static String resource(String name) {
        try (InputStream in = AddIn.class.getResourceAsStream(name)) {
            return new String(Objects.requireNonNull(in, name).readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    // ---- The session, and who may ask ----------------------------------------------------------------------------

    /** Data that travels with a login, sealed in the pop-up's cookie: never in {@code state} or the redirect URI. */
    private record Carried(String tx, String session, String socket, boolean office) {
        String text() {
            return tx + " " + session + " " + socket + " " + office;
        }

        static Carried of(String text) {
            String[] parts = text.split(" ", 4);
            return new Carried(parts[0], parts[1], parts[2], Boolean.parseBoolean(parts[3]));
        }

        @Override
        public String toString() {
            return "Carried[" + tx + "]";
        }
    }

    private String loginCookie(String sessionKey) {
        return setup.here().https() ? "__Host-" + sessionKey : sessionKey;
    }

    /** A request came without the cookie that it needs: the browser did not keep it, or it has expired. */
    private static final class NoSession extends RuntimeException {
        private static final long serialVersionUID = 1;

        NoSession() {
            super("no session", null, false, false);
        }
    }

    private String session(Context context) {
        String session =
                sessions.read(context.header("Cookie")).map(Database::digest).orElseThrow(NoSession::new);
        if (unannounced.remove(session)) {
            // The browser has its new cookie: its panes can ask now, and will not do so under the old one.
            panes.tell(session, "ready");
        }
        return session;
    }

    private void checkSocket(Context context) {
        // Browsers let every site open WebSockets to every other, cookies included. Their Origin is true, though.
        if (!setup.here().origin().equals(context.header("Origin"))
                || !setup.here().authority().equals(context.host())) {
            throw new ForbiddenResponse();
        }
        if (sessions.read(context.header("Cookie")).isEmpty()) {
            throw new UnauthorizedResponse();
        }
    }

    /** The checks that every request goes through first. */
    private void protect(Context context) {
        boolean pane = context.path().equals("/");
        String socket =
                (setup.here().https() ? "wss://" : "ws://") + setup.here().authority();
        context.header("Cache-Control", "no-store")
                .header("X-Content-Type-Options", "nosniff")
                .header("Referrer-Policy", pane ? "same-origin" : "no-referrer")
                .header(
                        "Content-Security-Policy",
                        "default-src 'none'; script-src 'self' " + OFFICE_JS + "; style-src 'self'; img-src 'self';"
                                + " connect-src 'self' " + socket + "; form-action 'none'; base-uri 'none';"
                                + " frame-ancestors "
                                // the pane is shown in Office, everything else is a window of its own
                                + (pane
                                        ? "'self' "
                                                + String.join(" ", setup.here().framedBy())
                                        : "'none'"));
        if (!setup.here().authority().equals(context.host())) {
            context.status(421).result("This is " + setup.here().origin());
            context.skipRemainingHandlers();
        } else if (context.path().startsWith("/api/") && !fromOurPane(context)) {
            problem(context, 403, "not-from-the-pane");
            context.skipRemainingHandlers();
        }
    }

    private boolean fromOurPane(Context context) {
        String site = context.header("Sec-Fetch-Site");
        String origin = context.header("Origin");
        return context.header(PANE_HEADER) != null
                && (site == null || site.equals("same-origin"))
                && (origin == null || origin.equals(setup.here().origin()));
    }

    @Override
    public void close() {
        sweeper.shutdownNow();
        panes.close();
        server.stop();
        handOver.close();
        entra.close();
        database.close();
        http.connectionPool().evictAll();
        http.dispatcher().executorService().shutdown();
    }
}
