/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.interop;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * The device on which users are asked about backchannel logins (Keycloak's authentication channel), and beside it the
 * endpoint of an application that is notified of their decisions. Thread-safe.
 */
final class Phone implements AutoCloseable {
    private static final JsonMapper JSON = new JsonMapper();

    /** A post to this server: the {@code Authorization} header, and the body. */
    record Post(String authorization, String body) {
        JsonNode json() throws IOException {
            return JSON.readTree(body);
        }

        @Override
        public String toString() {
            return "Post[" + body + "]";
        }
    }

    private final BlockingQueue<Post> questions = new LinkedBlockingQueue<>();
    private final BlockingQueue<Post> notifications = new LinkedBlockingQueue<>();
    private final HttpServer server;

    Phone() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getByName("127.0.0.1"), 0), 0);
        server.createContext("/questions", exchange -> take(exchange, questions, 201));
        server.createContext("/notifications", exchange -> take(exchange, notifications, 204));
        server.start();
    }

    private static void take(HttpExchange exchange, BlockingQueue<Post> posts, int status) throws IOException {
        String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
        posts.add(new Post(exchange.getRequestHeaders().getFirst("Authorization"), body));
        exchange.sendResponseHeaders(status, -1);
        exchange.close();
    }

    /** The URL at which Keycloak asks users. */
    String channel() {
        return url("/questions");
    }

    /** The URL at which Keycloak notifies the application. */
    String notificationEndpoint() {
        return url("/notifications");
    }

    private String url(String path) {
        return "http://127.0.0.1:" + server.getAddress().getPort() + path;
    }

    /** The next question to a user. */
    Post question() throws InterruptedException {
        return next(questions);
    }

    /** The next notification. */
    Post notification() throws InterruptedException {
        return next(notifications);
    }

    private static Post next(BlockingQueue<Post> posts) throws InterruptedException {
        Post next = posts.poll(30, TimeUnit.SECONDS);
        if (next == null) {
            throw new AssertionError("Nothing was posted");
        }
        return next;
    }

    @Override
    public void close() {
        server.stop(0);
    }
}
