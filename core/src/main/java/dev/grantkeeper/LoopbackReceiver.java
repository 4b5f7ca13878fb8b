/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.loopback.Browsers;
import dev.grantkeeper.internal.loopback.LoopbackServer;
import dev.grantkeeper.internal.loopback.LoopbackServer.Page;
import dev.grantkeeper.internal.loopback.LoopbackServer.Visit;
import dev.grantkeeper.internal.wire.Origins;
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
import okhttp3.HttpUrl;
import org.jspecify.annotations.Nullable;

/**
 * Where the browser comes back to in a program on the user's own machine: a command-line tool, a desktop application
 * (RFC 8252).
 *
 * <pre>{@code
 * var spotify = Grantkeeper.builder(Spotify.provider()).clientId("…")
 *     .redirectUri("http://127.0.0.1/callback")               // as registered: without a port, any port will do
 *     …
 * try (LoopbackReceiver receiver = LoopbackReceiver.open(spotify)) {
 *     LoginResult result = receiver.login(spotify.newLogin(), url -> {
 *         if (!LoopbackReceiver.browse(url)) System.err.println("Open " + url);
 *     });
 *     if (result instanceof LoginResult.SignedIn in) in.keepAs("me");
 * }
 * }</pre>
 *
 * <p>It listens on the loopback interface and nowhere else, answers requests to its own name and path only, and
 * finishes one login. A request that is not this login's, as any web page can make one, is refused and ends nothing. A
 * program on the same machine that gets hold of the code can do nothing with it, for want of the PKCE verifier.
 * Thread-safe.
 *
 * <p>It needs the platform's module {@code jdk.httpserver}: an application that is a module itself, or has a trimmed
 * runtime, names it.
 */
public final class LoopbackReceiver implements AutoCloseable {
    private static final Duration LIVES = Duration.ofMinutes(5);

    private record Attempt(PendingLogin login, CompletableFuture<LoginResult> result, AtomicBoolean taken) {}

    private final Grantkeeper grantkeeper;
    private final LoopbackServer server;
    private final Duration lives;
    private final AtomicReference<@Nullable Attempt> attempt = new AtomicReference<>();
    private volatile boolean closed;

    private LoopbackReceiver(Grantkeeper grantkeeper, String host, int port, String path, Duration lives)
            throws IOException {
        this.grantkeeper = grantkeeper;
        this.lives = lives;
        this.server = new LoopbackServer(host, port, path, this::visit);
    }

    /**
     * Begins to listen at the redirect URI of a registration. If that names no port, as RFC 8252 section 7.3 wants it
     * to be registered, a free one is taken, and the login says which. Under the name {@code localhost} it listens on
     * {@code 127.0.0.1}.
     *
     * @param grantkeeper the registration
     * @return a receiver, for one login; close it afterwards
     * @throws IllegalStateException if the registration's redirect URI is not {@code http} on {@code 127.0.0.1},
     *     {@code [::1]} or {@code localhost}, or has a query
     * @throws IOException if the port is taken
     */
    public static LoopbackReceiver open(Grantkeeper grantkeeper) throws IOException {
        return open(grantkeeper, LIVES);
    }

    static LoopbackReceiver open(Grantkeeper grantkeeper, Duration lives) throws IOException {
        String redirectUri = grantkeeper.machinery().redirectUri();
        URI uri = redirectUri == null ? null : URI.create(redirectUri);
        String host = uri == null || uri.getHost() == null ? "" : uri.getHost().toLowerCase(Locale.ROOT);
        if (uri == null
                || !Origins.isLoopback(host)
                || !"http".equalsIgnoreCase(uri.getScheme())
                || uri.getRawUserInfo() != null
                || uri.getRawQuery() != null) {
            throw new IllegalStateException("To receive a login on the user's machine, register and say redirectUri(\""
                    + "http://127.0.0.1/callback\"), with [::1] or localhost where the provider wants that; not: "
                    + redirectUri);
        }
        int port = Math.max(uri.getPort(), 0);
        String path = uri.getRawPath().isEmpty() ? "/" : uri.getRawPath();
        try {
            return new LoopbackReceiver(grantkeeper, host, port, path, lives);
        } catch (BindException e) {
            throw new IOException(
                    "Nothing can listen on " + host + ", port " + port
                            + ": is the program running already? A redirect URI without a port takes any that is free",
                    e);
        }
    }

    /**
     * Where it listens.
     *
     * @return what the login sends as its redirect URI, with the port
     */
    public URI redirectUri() {
        return URI.create(server.url());
    }

    /**
     * Sends the user away, and waits up to five minutes for the browser to come back. The browser then shows a page
     * that says how it ended, and that the window can be closed.
     *
     * @param request the login, of the registration for which this was opened
     * @param browser is given the URL at once, and brings the user there: {@link #browse}, or a line for the user to
     *     read
     * @return how the login ended, as {@link Grantkeeper#finishLogin} tells it
     * @throws AuthorizationServerException if the authorization server could not be asked, or makes no sense
     * @throws OAuthException if nobody came back in time, or this was closed meanwhile
     * @throws IOException if the thread is interrupted ({@link InterruptedIOException})
     * @throws IllegalStateException if it has received a login before
     */
    public LoginResult login(LoginRequest request, Consumer<URI> browser) throws IOException {
        if (!request.isOf(grantkeeper.machinery())) {
            throw new IllegalArgumentException(
                    "This receives logins of " + grantkeeper + ", and of no other registration");
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
            throw new InterruptedIOException("Interrupted while waiting for the browser");
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
                return mine.result().get(); // they came at the last moment; a token call has its own end
            }
            throw new OAuthException(
                    "Nobody came back from the browser within " + lives.toSeconds()
                            + " seconds. Begin again, and finish the login sooner",
                    null);
        }
    }

    /** Decides about what a browser sends: anything may, on behalf of any page. */
    private Visit visit(@Nullable String query) {
        Attempt mine = attempt.get();
        if (mine != null && mine.taken().get()) {
            return new Visit(Page.GONE);
        }
        if (mine == null
                || !PendingLogin.sessionKeyOf(query).equals(mine.login().sessionKey())) {
            return new Visit(Page.NOT_THIS_LOGIN);
        }
        if (!mine.taken().compareAndSet(false, true)) {
            return new Visit(Page.GONE);
        }
        // The page first: whoever waits may close this at once.
        try {
            LoginResult result = grantkeeper.finishLogin(mine.login(), query);
            Page page = result instanceof LoginResult.SignedIn
                    ? Page.SIGNED_IN
                    : result instanceof LoginResult.Declined ? Page.DECLINED : Page.FAILED;
            return new Visit(page, () -> mine.result().complete(result));
        } catch (IOException | RuntimeException e) {
            return new Visit(Page.FAILED, () -> mine.result().completeExceptionally(e));
        }
    }

    /** Stops listening. A login that is waited for ends with an {@link OAuthException}. */
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
     * Opens the user's browser, by the command that the system has for it ({@code xdg-open}, {@code open},
     * {@code rundll32}), without a shell.
     *
     * @param url an {@code https} URL, or {@code http} on this machine
     * @return whether there is a browser, as far as one can tell; otherwise show the URL to the user
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
