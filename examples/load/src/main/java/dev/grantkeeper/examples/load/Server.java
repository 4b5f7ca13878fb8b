/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.load;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.BitSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;

/**
 * An authorization server and the API behind it, in a process of its own. Refresh tokens rotate, and one that comes
 * back ends its grant (RFC 9700 section 4.14.2). It counts what arrives for each user. Orders:
 *
 * <ul>
 *   <li>{@code issue <prefix> <first> <end> <lifetime> <left>} makes users whose access tokens live for
 *       {@code lifetime} milliseconds, the first ones for {@code left} more
 *   <li>{@code mode <name> <value>} sets the milliseconds that a token request takes ({@code delay}), how long the
 *       refresh token before is still accepted ({@code grace}), whether there is an {@code outage} (0 or 1), and where
 *       token requests halt ({@code hold}: 0 nowhere, 1 before the server acts, 2 after that)
 *   <li>{@code arrived <users>} waits until requests of so many users have halted
 *   <li>{@code drop} closes their connections without an answer
 *   <li>{@code counts <prefix>} answers with what was counted for these users
 * </ul>
 */
final class Server {
    private static final int BACKLOG = 20_000;
    private static final String CONSTANT = "Bearer " + ConstantTokens.TOKEN;

    private final Map<String, Grant> grants = new ConcurrentHashMap<>();
    private final AtomicLong calls = new AtomicLong();
    private volatile long delay;
    private volatile long grace;
    private volatile boolean outage;
    private volatile int hold;
    private volatile CountDownLatch held = new CountDownLatch(1);
    private final Set<String> halted = new TreeSet<>(); // guarded by itself

    /** The grant of one user. */
    private static final class Grant {
        private final long lifetime;

        // guarded by this
        private int generation;
        private long expires;
        private long previousExpires;
        private long rotatedAt;
        private boolean revoked;
        private final BitSet presented = new BitSet();
        private long requests;
        private long issued;
        private long reuses;

        Grant(long lifetime, long expires) {
            this.lifetime = lifetime;
            this.expires = expires;
        }

        synchronized void arrived(int presentedGeneration) {
            requests++;
            presented.set(presentedGeneration);
        }

        /** The generation that is issued; -1 if the grant is refused. */
        synchronized int refresh(int presentedGeneration, long grace) {
            long now = System.currentTimeMillis();
            if (revoked) {
                return -1;
            }
            if (presentedGeneration == generation) {
                generation++;
                previousExpires = expires;
                expires = now + lifetime;
                rotatedAt = now;
                issued++;
                return generation;
            }
            if (presentedGeneration == generation - 1 && now - rotatedAt < grace) {
                return generation;
            }
            revoked = true;
            reuses++;
            return -1;
        }

        synchronized boolean accepts(int tokenGeneration) {
            long now = System.currentTimeMillis();
            return !revoked
                    && (tokenGeneration == generation
                            ? now < expires
                            : tokenGeneration == generation - 1 && now < previousExpires);
        }

        synchronized long requests() {
            return requests;
        }

        /** Of how many of its expiries the server was told: by one token request, or by more. */
        synchronized long expiries() {
            return presented.cardinality();
        }

        synchronized long reuses() {
            return reuses;
        }

        synchronized long issued() {
            return issued;
        }

        synchronized long revoked() {
            return revoked ? 1 : 0;
        }
    }

    public static void main(String[] arguments) throws IOException {
        Server server = new Server();
        HttpServer http = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), BACKLOG);
        http.setExecutor(Threads.perTask());
        http.createContext("/token", server::token);
        http.createContext("/api/", server::api);
        http.start();
        Child.serve(order -> server.obey(order, http.getAddress().getPort()));
    }

    private Figures obey(String[] order, int port) throws InterruptedException {
        switch (order[0]) {
            case "port" -> {
                return new Figures().with("port", port);
            }
            case "issue" -> issue(order);
            case "mode" -> mode(order[1], Long.parseLong(order[2]));
            case "arrived" -> {
                synchronized (halted) {
                    while (halted.size() < Integer.parseInt(order[1])) {
                        halted.wait();
                    }
                }
            }
            case "drop" -> {
                hold = 0;
                CountDownLatch now = held;
                held = new CountDownLatch(1);
                now.countDown();
            }
            case "counts" -> {
                return counts(order[1]);
            }
            default -> throw new IllegalArgumentException(order[0]);
        }
        return new Figures();
    }

    private void issue(String[] order) {
        long expires = System.currentTimeMillis() + Long.parseLong(order[5]);
        for (int user = Integer.parseInt(order[2]); user < Integer.parseInt(order[3]); user++) {
            grants.put(order[1] + user, new Grant(Long.parseLong(order[4]), expires));
        }
    }

    private void mode(String name, long value) {
        switch (name) {
            case "delay" -> delay = value;
            case "grace" -> grace = value;
            case "outage" -> outage = value != 0;
            case "hold" -> {
                synchronized (halted) {
                    halted.clear();
                }
                hold = (int) value;
            }
            default -> throw new IllegalArgumentException(name);
        }
    }

    private Figures counts(String prefix) {
        return new Figures()
                .with("requests", sum(prefix, Grant::requests))
                .with("expiries", sum(prefix, Grant::expiries))
                .with("issued", sum(prefix, Grant::issued))
                .with("reuses", sum(prefix, Grant::reuses))
                .with("revoked", sum(prefix, Grant::revoked))
                .with("calls", calls.get());
    }

    private long sum(String prefix, ToLongFunction<Grant> value) {
        return grants.entrySet().stream()
                .filter(entry -> entry.getKey().startsWith(prefix))
                .mapToLong(entry -> value.applyAsLong(entry.getValue()))
                .sum();
    }

    private void token(HttpExchange exchange) throws IOException {
        String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
        try {
            String[] userAndGeneration = Tokens.parts(parameter(body, "refresh_token"));
            Grant grant = grants.get(userAndGeneration[0]);
            if (grant == null) {
                answer(exchange, 400, "{\"error\":\"invalid_grant\"}");
                return;
            }
            int presented = Integer.parseInt(userAndGeneration[1]);
            grant.arrived(presented);
            if (outage) {
                answer(exchange, 503, null);
                return;
            }
            if (delay > 0) {
                TimeUnit.MILLISECONDS.sleep(delay);
            }
            int where = hold;
            if (where == 1) {
                halt(userAndGeneration[0]);
                exchange.close();
                return;
            }
            int issued = grant.refresh(presented, grace);
            if (where == 2) {
                halt(userAndGeneration[0]);
                exchange.close();
                return;
            }
            answer(
                    exchange,
                    issued < 0 ? 400 : 200,
                    issued < 0
                            ? "{\"error\":\"invalid_grant\"}"
                            : "{\"access_token\":\"" + Tokens.access(userAndGeneration[0], issued)
                                    + "\",\"token_type\":\"Bearer\",\"expires_in\":"
                                    + Duration.ofMillis(grant.lifetime).toSeconds()
                                    + ",\"refresh_token\":\"" + Tokens.refresh(userAndGeneration[0], issued)
                                    + "\",\"scope\":\"things.read\"}");
        } catch (IllegalArgumentException e) {
            answer(exchange, 400, "{\"error\":\"invalid_request\"}");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void halt(String user) throws InterruptedException {
        CountDownLatch until = held;
        synchronized (halted) {
            halted.add(user);
            halted.notifyAll();
        }
        until.await();
    }

    private static String parameter(String form, String name) {
        for (String pair : form.split("&", -1)) {
            if (pair.startsWith(name + "=")) {
                return URLDecoder.decode(pair.substring(name.length() + 1), StandardCharsets.UTF_8);
            }
        }
        throw new IllegalArgumentException("No " + name);
    }

    private void api(HttpExchange exchange) throws IOException {
        calls.incrementAndGet();
        String authorization = exchange.getRequestHeaders().getFirst("Authorization");
        String user = exchange.getRequestURI().getPath().substring("/api/".length());
        if (accepts(authorization, user)) {
            answer(exchange, 200, "{\"user\":\"" + user + "\"}");
        } else {
            exchange.getResponseHeaders().set("WWW-Authenticate", "Bearer error=\"invalid_token\"");
            answer(exchange, 401, null);
        }
    }

    private boolean accepts(@Nullable String authorization, String user) {
        if (CONSTANT.equals(authorization)) {
            return true;
        }
        if (authorization == null || !authorization.startsWith("Bearer a.")) {
            return false;
        }
        String[] userAndGeneration = Tokens.parts(authorization.substring("Bearer ".length()));
        Grant grant = grants.get(user);
        return grant != null
                && userAndGeneration[0].equals(user)
                && grant.accepts(Integer.parseInt(userAndGeneration[1]));
    }

    private static void answer(HttpExchange exchange, int status, @Nullable String json) throws IOException {
        // Not closed: that would end the connection, too.
        if (json == null) {
            exchange.sendResponseHeaders(status, -1);
            return;
        }
        byte[] bytes = json.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "application/json");
        exchange.getResponseHeaders().set("Cache-Control", "no-store");
        exchange.sendResponseHeaders(status, bytes.length);
        try (OutputStream out = exchange.getResponseBody()) {
            out.write(bytes);
        }
    }
}
