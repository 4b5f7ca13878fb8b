/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.loopback;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Listens on the loopback interface, for one name and one path (RFC 8252 sections 7.3 and 8.3). This is the platform's
 * own server: it is there, and it reads requests as browsers send them, in pieces and on connections that are kept
 * open. Thread-safe.
 */
public final class LoopbackServer implements AutoCloseable {
    /**
     * A request that was begun and not sent holds a thread, and any page or program may begin one. The login must come
     * through beside them; what exceeds this is disconnected.
     */
    private static final int MOST_THREADS = 256;

    private static final Duration IDLE = Duration.ofSeconds(10);
    private static final int HTTP_PORT = 80;

    /** The page that the user reads. */
    public enum Page {
        /** It worked. */
        SIGNED_IN(200, "You are signed in", "You can close this window and go back to the program."),
        /** The user or the server refused. */
        DECLINED(200, "You are not signed in", "The program has been told. You can close this window."),
        /** The callback was right, and the login failed all the same. */
        FAILED(502, "The login could not be finished", "The program shows the reason. You can close this window."),
        /** The callback of another login, or of none. */
        NOT_THIS_LOGIN(400, "This is not the login that the program waits for", "Go on where you began."),
        /** The callback came before, or comes too late. */
        GONE(410, "This login is over", "You can close this window."),
        /** Another path. */
        NOT_FOUND(404, "There is nothing here", ""),
        /** Another method. */
        NOT_ALLOWED(405, "This can only be read", ""),
        /** Another name. */
        WRONG_HOST(400, "This address is not known here", "");

        private final int status;
        private final String title;
        private final String text;

        Page(int status, String title, String text) {
            this.status = status;
            this.title = title;
            this.text = text;
        }
    }

    /**
     * The response to a request.
     *
     * @param page the page that the user reads
     * @param afterwards runs when the page was sent, or could not be
     */
    public record Visit(Page page, Runnable afterwards) {
        /** Nothing but a page. */
        public Visit(Page page) {
            this(page, () -> {});
        }
    }

    /** Decides about requests to the right name and path. Called by several threads at once. */
    @FunctionalInterface
    public interface Visitors {
        /** The query as it came, {@code null} without one. */
        Visit visit(@Nullable String query);
    }

    private final HttpServer server;
    private final ExecutorService threads;
    private final String host;
    private final int port;
    private final String path;
    private final Visitors visitors;

    /**
     * Starts to listen.
     *
     * @param host {@code 127.0.0.1}, {@code [::1]} or {@code localhost}, the only name that it answers to
     * @param port 0 for any that is free
     * @param path the only path that it answers to
     * @throws java.net.BindException if the port is taken
     */
    public LoopbackServer(String host, int port, String path, Visitors visitors) throws IOException {
        String address = host.equals("[::1]") ? "::1" : "127.0.0.1";
        this.server = HttpServer.create(new InetSocketAddress(InetAddress.getByName(address), port), 0);
        this.host = host;
        this.port = server.getAddress().getPort();
        this.path = path;
        this.visitors = visitors;
        this.threads = new ThreadPoolExecutor(
                0, MOST_THREADS, IDLE.toSeconds(), TimeUnit.SECONDS, new SynchronousQueue<>(), work -> {
                    Thread thread = new Thread(work, "grantkeeper-loopback");
                    thread.setDaemon(true);
                    return thread;
                });
        server.setExecutor(threads);
        server.createContext("/", this::handle);
        server.start();
    }

    /** The URL for the browser. */
    public String url() {
        return "http://" + host + ":" + port + path;
    }

    private void handle(HttpExchange exchange) throws IOException {
        Page refusal = refusal(exchange);
        Visit visit = refusal != null
                ? new Visit(refusal)
                : visitors.visit(exchange.getRequestURI().getRawQuery());
        try {
            answer(exchange, visit.page());
        } finally {
            visit.afterwards().run();
        }
    }

    private @Nullable Page refusal(HttpExchange exchange) {
        // Otherwise a site that lets its own name point here (DNS rebinding) would be of our origin.
        if (!isOurName(exchange.getRequestHeaders().getFirst("Host"))) {
            return Page.WRONG_HOST;
        }
        if (!path.equals(exchange.getRequestURI().getRawPath())) {
            return Page.NOT_FOUND;
        }
        return exchange.getRequestMethod().equals("GET") ? null : Page.NOT_ALLOWED;
    }

    /** A browser leaves out the port that the scheme implies (RFC 9110 section 4.2.3). */
    private boolean isOurName(@Nullable String authority) {
        return (host + ":" + port).equalsIgnoreCase(authority)
                || (port == HTTP_PORT && host.equalsIgnoreCase(authority));
    }

    private static void answer(HttpExchange exchange, Page page) throws IOException {
        try (exchange) {
            byte[] body = html(page).getBytes(StandardCharsets.UTF_8);
            Headers headers = exchange.getResponseHeaders();
            headers.set("Content-Type", "text/html; charset=utf-8");
            headers.set("Cache-Control", "no-store");
            headers.set("Referrer-Policy", "no-referrer");
            headers.set("X-Content-Type-Options", "nosniff");
            headers.set(
                    "Content-Security-Policy",
                    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none';"
                            + " frame-ancestors 'none'");
            headers.set("Connection", "close");
            boolean head = exchange.getRequestMethod().equals("HEAD");
            exchange.sendResponseHeaders(page.status, head ? -1 : body.length);
            if (!head) {
                exchange.getResponseBody().write(body);
            }
        }
    }

    /** Nothing in it is from outside, and nothing is loaded. */
    private static String html(Page page) {
        return """
                <!DOCTYPE html>
                <html lang="en">
                <head>
                <meta charset="utf-8">
                <meta name="viewport" content="width=device-width, initial-scale=1">
                <title>%1$s</title>
                <style>
                :root { color-scheme: light dark; --back: #f4f5f7; --text: #1b1f24; --soft: #59626d }
                @media (prefers-color-scheme: dark) { :root { --back: #14171a; --text: #eceff2; --soft: #9aa4af } }
                body { margin: 0; min-height: 100vh; display: grid; place-content: center; padding: 1.5rem;
                  box-sizing: border-box; text-align: center; background: var(--back); color: var(--text);
                  font: 1rem/1.5 system-ui, sans-serif }
                h1 { margin: 0; font-size: 1.5rem; line-height: 1.25 } p { color: var(--soft) }
                </style>
                </head>
                <body><main><h1>%1$s</h1><p>%2$s</p></main></body>
                </html>
                """.formatted(page.title, page.text);
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdown();
    }

    @Override
    public String toString() {
        return "LoopbackServer[" + url() + "]";
    }
}
