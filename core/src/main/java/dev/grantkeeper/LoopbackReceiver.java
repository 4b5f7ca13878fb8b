/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.loopback.Browsers;
import dev.grantkeeper.internal.loopback.LoopbackServer;
import dev.grantkeeper.internal.loopback.LoopbackServer.Page;
import dev.grantkeeper.internal.loopback.LoopbackServer.Visit;
import dev.grantkeeper.internal.protocol.Origins;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.BindException;
import java.net.URI;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Predicate;
import okhttp3.HttpUrl;
import org.jspecify.annotations.Nullable;

/**
 * A receiver for the callback in a program on the user's own machine: a command-line tool or a desktop application (RFC
 * 8252).
 *
 * <pre>{@code
 * var spotify = Grantkeeper.builder(Spotify.provider()).clientId("…")
 *     .redirectUri("http://127.0.0.1/callback")               // as registered; without a port, any port is allowed
 *     …
 * try (LoopbackReceiver receiver = LoopbackReceiver.open(spotify)) {
 *     LoginResult result = receiver.login(spotify.newLogin(), url -> {
 *         if (!LoopbackReceiver.browse(url)) System.err.println("Open " + url);
 *     });
 *     if (result instanceof LoginResult.SignedIn in) in.keepAs("me");
 * }
 * }</pre>
 *
 * <p>It listens on the loopback interface only, answers requests to its own name and path only, and finishes one login.
 * A request that does not belong to this login, which any web page can cause, is rejected and ends nothing. Another
 * program on the same machine that obtains the code cannot redeem it without the PKCE verifier. Thread-safe.
 *
 * <p>It needs the platform's module {@code jdk.httpserver}: an application that is a module itself, or has a trimmed
 * runtime, has to require it.
 */
public final class LoopbackReceiver implements AutoCloseable {
    private static final Duration LIVES = Duration.ofMinutes(5);

    private record Attempt(PendingLogin login, CompletableFuture<LoginResult> result, AtomicBoolean taken) {}

    private final Object owner;
    private final Predicate<LoginRequest> isItsOwn;
    private final Finisher finisher;
    private final LoopbackServer server;
    private final URI redirectUri;
    private final Duration lives;
    private final AtomicReference<@Nullable Attempt> attempt = new AtomicReference<>();
    private volatile boolean closed;

    /** Finishes a login. */
    private interface Finisher {
        LoginResult finish(PendingLogin login, @Nullable String query) throws IOException;

        default String sessionKeyOf(@Nullable String query) {
            return PendingLogin.sessionKeyOf(query);
        }
    }

    /** Also knows the login of a response that is encrypted. */
    private record Registered(Grantkeeper grantkeeper) implements Finisher {
        @Override
        public LoginResult finish(PendingLogin login, @Nullable String query) throws IOException {
            return grantkeeper.finishLogin(login, query);
        }

        @Override
        public String sessionKeyOf(@Nullable String query) {
            return grantkeeper.sessionKeyOf(query);
        }
    }

    private LoopbackReceiver(
            Object owner,
            Predicate<LoginRequest> isItsOwn,
            Finisher finisher,
            URI registered,
            String host,
            int port,
            String path,
            Duration lives)
            throws IOException {
        this.owner = owner;
        this.isItsOwn = isItsOwn;
        this.finisher = finisher;
        this.lives = lives;
        this.server = new LoopbackServer(host, port, path, this::visit);
        // Only the port may differ from the registered URI (RFC 8252 section 7.3): servers compare the rest as text.
        this.redirectUri = port == 0 ? URI.create(server.url()) : registered;
    }

    /**
     * Listens at the redirect URI of a registration. If that has no port, as RFC 8252 section 7.3 wants it to be
     * registered, a free port is used, and the login sends it. For {@code localhost} it listens on {@code 127.0.0.1}.
     *
     * @param grantkeeper the registration
     * @return a receiver for one login; close it afterwards
     * @throws IllegalStateException if the registration's redirect URI is not {@code http} on {@code 127.0.0.1},
     *     {@code [::1]} or {@code localhost}, or has a query
     * @throws IOException if the port is taken
     */
    public static LoopbackReceiver open(Grantkeeper grantkeeper) throws IOException {
        return open(grantkeeper, LIVES);
    }

    /**
     * Listens at the application's first redirect URI that is on this machine, for a login at any API.
     *
     * @param apis the application
     * @return a receiver for one login; close it afterwards
     * @throws IllegalStateException if the application has no redirect URI that is {@code http} on {@code 127.0.0.1},
     *     {@code [::1]} or {@code localhost}, without query
     * @throws IOException if the port is taken
     */
    public static LoopbackReceiver open(ProtectedApis apis) throws IOException {
        String redirectUri = apis.clientMetadata().redirectUris().stream()
                .filter(uri -> uri.toLowerCase(Locale.ROOT).startsWith("http://"))
                .findFirst()
                .orElse(null);
        if (redirectUri != null && URI.create(redirectUri).getPort() < 0) {
            for (int port : ClientMetadata.LOOPBACK_PORTS) {
                try {
                    String withPort = HttpUrl.get(redirectUri)
                            .newBuilder()
                            .port(port)
                            .build()
                            .toString();
                    return open(apis, request -> request.isOf(apis.apis()), apis::finishLogin, withPort, LIVES);
                } catch (IOException e) {
                    // taken, perhaps by another login
                }
            }
        }
        return open(apis, request -> request.isOf(apis.apis()), apis::finishLogin, redirectUri, LIVES);
    }

    static LoopbackReceiver open(Grantkeeper grantkeeper, Duration lives) throws IOException {
        return open(
                grantkeeper,
                request -> request.isOf(grantkeeper.machinery()),
                new Registered(grantkeeper),
                grantkeeper.machinery().redirectUri(),
                lives);
    }

    private static LoopbackReceiver open(
            Object owner,
            Predicate<LoginRequest> isItsOwn,
            Finisher finisher,
            @Nullable String redirectUri,
            Duration lives)
            throws IOException {
        URI uri = redirectUri == null ? null : URI.create(redirectUri);
        String host = uri == null || uri.getHost() == null ? "" : uri.getHost().toLowerCase(Locale.ROOT);
        if (uri == null
                || !Origins.isLoopback(host)
                || !"http".equalsIgnoreCase(uri.getScheme())
                || uri.getRawUserInfo() != null
                || uri.getRawQuery() != null) {
            throw new IllegalStateException("To receive a login on the user's machine, register and call redirectUri(\""
                    + "http://127.0.0.1/callback\"), with [::1] or localhost where the provider wants that; not: "
                    + redirectUri);
        }
        int port = Math.max(uri.getPort(), 0);
        String path = uri.getRawPath().isEmpty() ? "/" : uri.getRawPath();
        try {
            return new LoopbackReceiver(owner, isItsOwn, finisher, uri, host, port, path, lives);
        } catch (BindException e) {
            throw new IOException(
                    "Nothing can listen on " + host + ", port " + port
                            + ": is the program running already? A redirect URI without a port takes any that is free",
                    e);
        }
    }

    /**
     * The redirect URI that the login sends, with the port.
     *
     * @return an {@code http} URL on this machine
     */
    public URI redirectUri() {
        return redirectUri;
    }

    /**
     * Sends the user to the login, and waits up to five minutes for the browser to come back. The browser then shows a
     * page with the result that tells the user to close the window.
     *
     * @param request a login of the registration that this receiver was opened for
     * @param browser receives the URL at once, and brings the user there: {@link #browse}, or a line for the user to
     *     read
     * @return the result, as {@link Grantkeeper#finishLogin} returns it
     * @throws AuthorizationServerException if the authorization server is unreachable, or its response is malformed
     * @throws OAuthException if the browser did not come back in time, or this receiver was closed meanwhile
     * @throws IOException if the thread is interrupted ({@link InterruptedIOException})
     * @throws IllegalStateException if it has received a login before
     */
    public LoginResult login(LoginRequest request, Consumer<URI> browser) throws IOException {
        if (!isItsOwn.test(request)) {
            throw new IllegalArgumentException("This receives logins of " + owner + ", and of no other registration");
        }
        Attempt mine = new Attempt(
                request.redirectUri(redirectUri().toString()).start(), new CompletableFuture<>(), new AtomicBoolean());
        if (!attempt.compareAndSet(null, mine)) {
            throw new IllegalStateException("This has received a login before: open another");
        }
        if (closed) {
            throw new OAuthException("The login was given up", null);
        }
        browser.accept(mine.login().url());
        try {
            return result(mine);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            InterruptedIOException interrupted =
                    new InterruptedIOException("Interrupted while waiting for the browser");
            if (!mine.result().completeExceptionally(interrupted)
                    && !mine.result().isCompletedExceptionally()) {
                return mine.result().join(); // it came at the last moment
            }
            throw interrupted;
        } catch (ExecutionException e) {
            if (e.getCause() instanceof IOException failure) {
                throw failure;
            }
            throw Exceptions.defect(e.getCause());
        }
    }

    private LoginResult result(Attempt mine) throws InterruptedException, ExecutionException, OAuthException {
        try {
            return mine.result().get(lives.toNanos(), TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            if (!mine.taken().compareAndSet(false, true)) {
                return mine.result().get(); // it came at the last moment; a token call has its own timeout
            }
            throw new OAuthException(
                    "The browser did not come back within " + lives.toSeconds()
                            + " seconds. Start again, and finish the login sooner",
                    null);
        }
    }

    /** Judges a request of a browser, which any page may have caused. */
    private Visit visit(@Nullable String query) {
        Attempt mine = attempt.get();
        if (mine != null && mine.taken().get()) {
            return new Visit(Page.GONE);
        }
        if (mine == null || !finisher.sessionKeyOf(query).equals(mine.login().sessionKey())) {
            return new Visit(Page.NOT_THIS_LOGIN);
        }
        if (!mine.taken().compareAndSet(false, true)) {
            return new Visit(Page.GONE);
        }
        // The page first: the waiting program may close this receiver at once.
        try {
            LoginResult result = finisher.finish(mine.login(), query);
            Page page = result instanceof LoginResult.SignedIn
                    ? Page.SIGNED_IN
                    : result instanceof LoginResult.Declined ? Page.DECLINED : Page.FAILED;
            return new Visit(page, () -> {
                if (!mine.result().complete(result) && result instanceof LoginResult.SignedIn in) {
                    in.discard(); // given up while the code was redeemed: nobody else would get these tokens
                }
            });
        } catch (IOException | RuntimeException e) {
            return new Visit(Page.FAILED, () -> mine.result().completeExceptionally(e));
        }
    }

    /** Stops listening. A login that is waited for fails with an {@link OAuthException}. */
    @Override
    public void close() {
        closed = true;
        server.close();
        Attempt mine = attempt.get();
        if (mine != null) {
            mine.result().completeExceptionally(new OAuthException("The login was given up", null));
        }
    }

    // ---- The browser -----------------------------------------------------------------------------------------------

    /**
     * Opens the user's browser with the command of the operating system ({@code xdg-open}, {@code open},
     * {@code rundll32}), without a shell.
     *
     * @param url an {@code https} URL, or {@code http} on this machine
     * @return whether a browser was opened, as far as that can be told; otherwise show the URL to the user
     * @throws IllegalArgumentException if it is another kind of URL
     */
    public static boolean browse(URI url) {
        HttpUrl parsed = HttpUrl.get(url.toString());
        if (!parsed.isHttps() && !Origins.isLoopback(url.getHost())) {
            throw new IllegalArgumentException("A browser is opened for https, and http on this machine: "
                    + parsed.scheme() + "://" + parsed.host());
        }
        // Parsed and written again: it begins with its scheme, and holds no blanks and no quotes.
        return Browsers.open(parsed.toString());
    }

    @Override
    public String toString() {
        return "LoopbackReceiver[" + redirectUri() + "]";
    }
}
