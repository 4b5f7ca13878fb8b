/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.office;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Function;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;

/**
 * Somebody else's pages, over https. The machine has two names, {@code 127.0.0.1} and {@code localhost}, which to
 * browsers are two sites; whatever their ports. Thread-safe.
 */
final class OtherSite implements AutoCloseable {
    private final HttpsServer server;
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final Map<String, Function<HttpExchange, Page>> pages = new ConcurrentHashMap<>();

    record Page(String type, String body, Map<String, String> headers) {
        static Page html(String body) {
            return new Page(
                    "text/html; charset=utf-8",
                    "<!DOCTYPE html><html lang=\"en\"><meta name=\"viewport\" content=\"width=device-width\">"
                            + "<title>Somebody else's page</title><link rel=\"icon\" href=\"data:,\">" + body,
                    Map.of());
        }

        /** A document, and beside it somebody's pane. */
        static Page framing(String address) {
            return html(
                    "<body style=\"margin:0;height:100vh;display:flex;font:1rem/1.5 system-ui;background:#fff;color:#222\">"
                            + "<main style=\"flex:1;padding:3rem\"><h1>Quarterly report</h1><p>Somebody else's page.</p></main>"
                            + "<iframe id=\"pane\" title=\"Add-in\" src=\"" + address
                            + "\" style=\"border:0;border-left:1px solid #ccc;width:320px;height:100%\"></iframe>");
        }

        Page and(String more) {
            return new Page(type, body + more, headers);
        }

        static Page script(String body) {
            return new Page("text/javascript; charset=utf-8", body, Map.of());
        }

        Page header(String name, String value) {
            Map<String, String> more = new LinkedHashMap<>(headers);
            more.put(name, value);
            return new Page(type, body, more);
        }
    }

    OtherSite(Certificate certificate) throws IOException {
        server = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setHttpsConfigurator(new HttpsConfigurator(context(certificate)));
        server.setExecutor(threads);
        server.createContext("/", this::answer);
        server.start();
    }

    private static SSLContext context(Certificate certificate) throws IOException {
        try (InputStream in = new FileInputStream(certificate.file().toFile())) {
            KeyStore store = KeyStore.getInstance("PKCS12");
            store.load(in, Certificate.PASSWORD.toCharArray());
            KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
            keys.init(store, Certificate.PASSWORD.toCharArray());
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(keys.getKeyManagers(), null, null);
            return context;
        } catch (GeneralSecurityException e) {
            throw new IOException(e);
        }
    }

    private void answer(HttpExchange exchange) throws IOException {
        try (exchange) {
            Function<HttpExchange, Page> page =
                    pages.get(exchange.getRequestURI().getPath());
            if (page == null) {
                exchange.sendResponseHeaders(404, -1);
                return;
            }
            Page made = page.apply(exchange);
            exchange.getResponseHeaders().set("Content-Type", made.type());
            made.headers().forEach(exchange.getResponseHeaders()::set);
            byte[] bytes = made.body().getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(200, bytes.length);
            try (OutputStream out = exchange.getResponseBody()) {
                out.write(bytes);
            }
        }
    }

    OtherSite page(String path, Page page) {
        return page(path, exchange -> page);
    }

    OtherSite page(String path, Function<HttpExchange, Page> page) {
        pages.put(path, page);
        return this;
    }

    int port() {
        return server.getAddress().getPort();
    }

    /** By its number. */
    String origin() {
        return "https://127.0.0.1:" + port();
    }

    /** By its name, which is the add-in's site. */
    String originByName() {
        return "https://localhost:" + port();
    }

    /**
     * Lets a login page cut off whoever opened it: a page that does so, and goes on to the real one.
     *
     * @return where it is
     */
    String cuttingOff(String loginPage) {
        page(
                "/authorize",
                exchange -> Page.html("<meta http-equiv=\"refresh\" content=\"0;url=" + loginPage + "?"
                                + exchange.getRequestURI().getRawQuery().replace("&", "&amp;") + "\">")
                        .header("Cross-Origin-Opener-Policy", "same-origin"));
        return origin() + "/authorize";
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
