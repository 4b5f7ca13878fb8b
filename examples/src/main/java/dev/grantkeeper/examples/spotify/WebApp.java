/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.spotify;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.grantkeeper.Account;
import dev.grantkeeper.Grant;
import dev.grantkeeper.Grantkeeper;
import dev.grantkeeper.LoginRequiredException;
import dev.grantkeeper.LoginResult;
import dev.grantkeeper.OAuthException;
import dev.grantkeeper.PendingLogin;
import dev.grantkeeper.store.jdbc.JdbcTokenStore;
import dev.grantkeeper.testkit.FakeAuthorizationServer;
import dev.grantkeeper.token.Identity;
import dev.grantkeeper.token.SealingKeys;
import io.javalin.Javalin;
import io.javalin.config.JavalinConfig;
import io.javalin.http.Context;
import io.javalin.http.Cookie;
import io.javalin.http.HttpStatus;
import io.javalin.http.SameSite;
import io.javalin.http.sse.SseClient;
import io.javalin.http.staticfiles.Location;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import okhttp3.ResponseBody;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A listening diary: users sign in with their Spotify account and see what they played.
 *
 * <p>Everything that the application does with Grantkeeper is in five places, in the order in which a user meets them:
 * the constructor, {@link #connect}, {@link #callback}, {@link #call} and {@link #disconnect}. The rest is what every
 * web application has, a session and a page, and a look behind the scenes. Thread-safe.
 */
final class WebApp implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(WebApp.class);
    private static final JsonMapper JSON = new JsonMapper();
    private static final SecureRandom RANDOM = new SecureRandom();

    /** With https this would be {@code __Host-session} and {@code Secure}. */
    private static final String SESSION = "session";

    private static final int MANY = 50;

    /** For a 401 that comes through: the token had replaced a rejected one, and yet another would be no better. */
    private static final String AGAIN =
            ", to the new token as well. One that replaced a rejected one is not replaced at once.";

    private final Setup setup;
    private final Runnable restart;
    private final Database database;
    private final Live live = new Live();
    private final Activity activity;
    private final PendingLogins pendingLogins = new PendingLogins();
    private final OkHttpClient http = new OkHttpClient();
    private final Grantkeeper spotify;
    private final Javalin server;

    /**
     * Starts the application.
     *
     * @param setup the settings
     * @param restart ends this application and starts another one like it; for a button of the demonstration
     */
    WebApp(Setup setup, Runnable restart) {
        this.setup = setup;
        this.restart = restart;
        this.database = new Database(setup.database());
        this.activity = new Activity(database, setup.clock(), live::changed);
        this.spotify = Grantkeeper.builder(setup.provider())
                .clientId(setup.clientId())
                .clientSecret(setup.clientSecret())
                .redirectUri(setup.redirectUri())
                .scopes("user-read-recently-played")
                .fetchProfile() // Spotify has no ID tokens: its /v1/me identifies the user
                .tokenStore(JdbcTokenStore.create(database.dataSource()))
                .sealingKeys(SealingKeys.of(setup.sealingSecret()))
                .time(setup.clock(), setup.ticker())
                .listener(activity)
                .build();
        this.server = Javalin.create(this::configure).start("127.0.0.1", setup.port());
    }

    private void configure(JavalinConfig config) {
        config.startup.showJavalinBanner = false;
        config.startup.showOldJavalinVersionWarning = false;
        config.staticFiles.add(files -> {
            files.directory = "/spotify";
            files.location = Location.CLASSPATH;
            files.headers = Map.of();
        });
        config.routes.before(this::protect);

        config.routes.post("/connect", this::connect);
        config.routes.get("/callback", this::callback);
        config.routes.post("/call", context -> calls(context, 1));
        config.routes.post("/calls", context -> calls(context, MANY));
        config.routes.post("/disconnect", this::disconnect);

        config.routes.get("/view", context -> context.json(view(context.cookie(SESSION))));
        config.routes.sse("/live", this::live);

        FakeAuthorizationServer demo = setup.demo();
        if (demo != null) {
            config.routes.post("/demo/expire", context -> {
                demo.expireAccessTokens();
                note(
                        context,
                        "You pressed \u201cAPI rejects the token\u201d: from now on it does, before the token expires");
            });
            config.routes.post("/demo/withdraw", context -> {
                demo.revokeConsent(subject(context));
                note(context, "You pressed \u201cUser withdraws consent\u201d: the service has ended the grant");
            });
            config.routes.post("/demo/restart", context -> restart.run());
        }
        config.routes.exception(Exception.class, (e, context) -> {
            LOG.error("{} {} failed", context.method(), context.path(), e);
            page(context, HttpStatus.INTERNAL_SERVER_ERROR, "Something went wrong here", "The log has the details.");
        });
        config.routes.error(
                HttpStatus.NOT_FOUND.getCode(),
                context -> page(context, HttpStatus.NOT_FOUND, "There is nothing here", "This page does not exist."));
    }

    // ---- What the application does with Grantkeeper --------------------------------------------------------------

    /** The user wants to connect: the browser goes to the authorization server, its session keeps the login. */
    private void connect(Context context) throws IOException {
        PendingLogin login = spotify.newLogin()
                .parameter("show_dialog", "true") // or Spotify does not ask a user who agreed before
                .start();
        pendingLogins.put(sessionOf(context), login);
        context.redirect(login.url().toString(), HttpStatus.SEE_OTHER);
    }

    /** The user comes back, or somebody who claims to: whatever the query is, the answer is a page of ours. */
    private void callback(Context context) {
        String query = context.queryString();
        PendingLogin login = pendingLogins.take(context.cookie(SESSION), PendingLogin.sessionKeyOf(query));
        String outcome;
        try {
            LoginResult result = spotify.finishLogin(login, query);
            if (result instanceof LoginResult.SignedIn in) {
                Database.User user = database.userOf(in.identity().orElseThrow());
                in.keepAs(user.id()); // the tokens are in the database, beside that user
                signIn(context, user);
                outcome = "";
            } else if (result instanceof LoginResult.Declined declined) {
                LOG.debug("A login was declined: {}", declined.error());
                outcome = declined.byUser() ? "?login=declined" : "?login=failed";
            } else {
                LoginResult.Mismatched mismatched = (LoginResult.Mismatched) result;
                LOG.debug("A login was not accepted: {}", mismatched.explanation());
                outcome = "?login=" + mismatched.reason().name().toLowerCase(Locale.ROOT);
            }
        } catch (OAuthException e) {
            LOG.warn("A login could not be finished", e);
            outcome = "?login=unavailable";
        }
        // The code stays in nobody's history, and in no Referer of what the page loads.
        context.header("Referrer-Policy", "no-referrer").redirect("/" + outcome, HttpStatus.SEE_OTHER);
    }

    /** One call on behalf of a user. That tokens expire is not this method's concern. */
    private JsonNode call(Account account, OkHttpClient http) throws IOException {
        OkHttpClient api = account.wrap(http);
        Request request = new Request.Builder()
                .url(setup.api() + "/v1/me/player/recently-played?limit=8")
                .build();
        try (Response response = api.newCall(request).execute();
                ResponseBody body = response.body()) {
            if (!response.isSuccessful()) {
                throw new IOException("The API answered " + response.code() + (response.code() == 401 ? AGAIN : ""));
            }
            return JSON.readTree(body.byteStream());
        }
    }

    /** The user leaves: the row is deleted, the tokens are revoked if the provider supports it, the session ends. */
    private void disconnect(Context context) throws IOException {
        String session = context.cookie(SESSION);
        Optional<Database.User> user = database.userOfSession(session);
        if (user.isPresent()) {
            spotify.account(user.get().id()).signOut();
        }
        pendingLogins.forget(session);
        database.endSession(session);
        user.ifPresent(who -> live.changed(who.id()));
        context.removeCookie(SESSION);
        context.redirect("/?login=disconnected", HttpStatus.SEE_OTHER);
    }

    // ---- Calls, one or many, and their outcome -------------------------------------------------------------------

    private void calls(Context context, int many) throws InterruptedException {
        Optional<Account> found = account(context.cookie(SESSION));
        if (found.isEmpty()) {
            context.status(HttpStatus.UNAUTHORIZED).result("Nobody is signed in.");
            return;
        }
        Account account = found.get();
        // Fifty requests would push everything else off the page.
        OkHttpClient client = many > 1
                ? http
                : http.newBuilder()
                        .addNetworkInterceptor(activity.wire(account.key()))
                        .build();
        int tokenRequests = activity.of(account.key()).tokenRequests();
        long from = System.nanoTime();
        if (many > 1) {
            activity.note(account.key(), "calls", many + " calls begin, all at once", Duration.ZERO);
        }
        List<String> problems = new ArrayList<>();
        ExecutorService threads = Executors.newFixedThreadPool(many);
        try {
            Callable<JsonNode> one = () -> call(account, client);
            for (Future<JsonNode> answer : threads.invokeAll(Collections.nCopies(many, one))) {
                try {
                    activity.played(account.key(), tracks(answer.get()));
                    activity.called(account.key(), true);
                } catch (ExecutionException e) {
                    activity.called(account.key(), false);
                    problems.add(explain(e.getCause()));
                }
            }
        } finally {
            threads.shutdown();
        }
        Duration took = Duration.ofNanos(System.nanoTime() - from);
        int spent = activity.of(account.key()).tokenRequests() - tokenRequests;
        int served = many - problems.size();
        if (many > 1) {
            activity.note(
                    account.key(),
                    served == many ? "calls" : "trouble",
                    served + " of " + many + " calls answered, with " + count(spent, "token request"),
                    took);
        }
        Map<String, @Nullable Object> answer = new LinkedHashMap<>();
        answer.put("calls", many);
        answer.put("served", served);
        answer.put("tokenRequests", spent);
        answer.put("took", took.toMillis());
        answer.put("problem", problems.isEmpty() ? null : problems.get(0));
        context.json(answer);
    }

    private static String explain(@Nullable Throwable problem) {
        if (problem instanceof LoginRequiredException) {
            // The one exception that an application handles: only the user can fix it.
            return "The service has ended the connection. Connect again to go on.";
        }
        LOG.debug("A call failed", problem);
        return "The call failed: " + (problem == null ? "unknown" : problem.getMessage());
    }

    private static List<Activity.Track> tracks(JsonNode answer) {
        List<Activity.Track> tracks = new ArrayList<>();
        for (JsonNode item : answer.path("items")) {
            List<String> artists = new ArrayList<>();
            item.path("track")
                    .path("artists")
                    .forEach(artist -> artists.add(artist.path("name").asText()));
            tracks.add(new Activity.Track(
                    item.path("track").path("name").asText(),
                    String.join(", ", artists),
                    item.path("played_at").asText()));
        }
        return tracks;
    }

    private static String count(int number, String what) {
        return (number == 0 ? "no" : number == 1 ? "one" : String.valueOf(number)) + " " + what
                + (number <= 1 ? "" : "s");
    }

    // ---- The page ------------------------------------------------------------------------------------------------

    /** Everything that the page shows. No token is in it, and none in anything that it is made from. */
    private Map<String, @Nullable Object> view(@Nullable String session) throws IOException {
        Map<String, @Nullable Object> view = new LinkedHashMap<>();
        view.put("now", setup.clock().millis());
        view.put("demo", setup.demo() != null);
        Database.User user = database.userOfSession(session).orElse(null);
        if (user != null) {
            Account account = spotify.account(user.id());
            view.put("user", Map.of("id", user.id(), "name", user.name()));
            view.put("grant", account.grant().map(WebApp::grant).orElse(null));
            view.put("row", database.row(account.key()).orElse(null));
            view.put("activity", activity.of(account.key()));
        }
        return view;
    }

    private static Map<String, @Nullable Object> grant(Grant grant) {
        Map<String, @Nullable Object> map = new LinkedHashMap<>();
        map.put("scopes", grant.scopes());
        map.put("authorizedAt", grant.authorizedAt().toEpochMilli());
        map.put("refreshedAt", grant.refreshedAt().map(Instant::toEpochMilli).orElse(null));
        map.put(
                "expiresAt",
                grant.accessTokenExpiresAt().map(Instant::toEpochMilli).orElse(null));
        map.put(
                "consentEndsAt",
                grant.consentEndsAt().map(Instant::toEpochMilli).orElse(null));
        map.put("loginRequired", grant.loginRequired().map(Enum::name).orElse(null));
        return map;
    }

    private void live(SseClient client) {
        String session = client.ctx().cookie(SESSION);
        String userId = database.userOfSession(session).map(Database.User::id).orElse("");
        live.open(client, userId, () -> {
            try {
                return view(session);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
    }

    /** A page for people, a sentence for scripts. */
    private static void page(Context context, HttpStatus status, String title, String text) {
        context.status(status);
        if (!String.valueOf(context.header("Accept")).contains("text/html")) {
            context.result(title + ". " + text);
            return;
        }
        context.html(String.format(Locale.ROOT, """
                <!DOCTYPE html>
                <html lang="en">
                <head>
                  <meta charset="utf-8">
                  <meta name="viewport" content="width=device-width, initial-scale=1">
                  <title>%1$s – Listening diary</title>
                  <link rel="icon" href="/icon.svg">
                  <link rel="stylesheet" href="/style.css">
                </head>
                <body>
                  <header>
                    <div class="brand"><img src="/icon.svg" alt="" width="28" height="28">Listening diary</div>
                  </header>
                  <main id="welcome">
                    <section class="card">
                      <h1>%1$s</h1><p class="lead">%2$s</p><p><a href="/">Back to the diary</a></p>
                    </section>
                  </main>
                </body>
                </html>
                """, title, text));
    }

    private void note(Context context, String text) {
        account(context.cookie(SESSION))
                .ifPresent(account -> activity.note(account.key(), "pressed", text, Duration.ZERO));
    }

    private String subject(Context context) throws IOException {
        Optional<Account> account = account(context.cookie(SESSION));
        return account.isEmpty()
                ? ""
                : account.get()
                        .grant()
                        .flatMap(Grant::identity)
                        .map(Identity::subject)
                        .orElse("");
    }

    // ---- The session, and who may ask ----------------------------------------------------------------------------

    private Optional<Account> account(@Nullable String session) {
        return database.userOfSession(session).map(user -> spotify.account(user.id()));
    }

    /** This browser's session, a new one if there is none. */
    private static String sessionOf(Context context) {
        String session = context.cookie(SESSION);
        if (session == null || session.length() < 40) {
            byte[] bytes = new byte[32];
            RANDOM.nextBytes(bytes);
            session = Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
            keep(context, session);
        }
        return session;
    }

    /** A session of its own for each sign-in: one that somebody else knew before is worth nothing after. */
    private void signIn(Context context, Database.User user) {
        String before = context.cookie(SESSION);
        pendingLogins.forget(before);
        database.endSession(before);
        keep(context, database.newSession(user));
    }

    private static void keep(Context context, String session) {
        Cookie cookie = new Cookie(SESSION, session);
        cookie.setPath("/");
        cookie.setHttpOnly(true);
        cookie.setSameSite(SameSite.LAX); // not STRICT: the callback comes from another site
        cookie.setMaxAge((int) Database.SESSION_LIVES.toSeconds());
        context.cookie(cookie);
    }

    /** The checks that every request goes through first. */
    private void protect(Context context) {
        URI authorization = setup.provider().authorizationEndpoint();
        context.header("Cache-Control", "no-store")
                .header("X-Content-Type-Options", "nosniff")
                .header("Referrer-Policy", "same-origin")
                .header(
                        "Content-Security-Policy",
                        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
                                // browsers apply form-action to the redirect that answers /connect, too
                                + " form-action 'self' " + authorization.getScheme() + "://"
                                + authorization.getAuthority()
                                + "; base-uri 'none'; frame-ancestors 'none'");
        String host = context.host();
        if (!("127.0.0.1:" + setup.port()).equals(host)) {
            if (("localhost:" + setup.port()).equals(host)
                    && context.method().name().equals("GET")) {
                // The session would stay behind under another name when the callback comes to this one.
                context.redirect(setup.origin() + context.path(), HttpStatus.SEE_OTHER);
            } else {
                context.status(421).result("This is " + setup.origin());
            }
            context.skipRemainingHandlers();
        } else if (context.method().name().equals("POST") && !fromOurOwnPage(context)) {
            context.status(HttpStatus.FORBIDDEN).result("Only this application's own page may do that.");
            context.skipRemainingHandlers();
        }
    }

    private boolean fromOurOwnPage(Context context) {
        String site = context.header("Sec-Fetch-Site");
        return site != null ? site.equals("same-origin") : setup.origin().equals(context.header("Origin"));
    }

    @Override
    public void close() {
        live.close();
        server.stop();
        spotify.close();
        database.close();
        http.connectionPool().evictAll();
    }
}
