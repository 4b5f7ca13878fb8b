/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.grantkeeper.testkit.FakeAuthorizationServer;
import dev.grantkeeper.testkit.FakeProtectedApi;
import java.io.ByteArrayOutputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.SocketFactory;
import okhttp3.HttpUrl;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;

/**
 * Servers with APIs that describe themselves, a store, movable time, as many nodes as a test wants, and the bytes that
 * they send to each server.
 */
final class ApiScene implements AutoCloseable {
    static final String CALLBACK = "http://127.0.0.1:8888/callback";

    final MovingTime time = new MovingTime();
    final MapStore store = new MapStore();
    final Wire wire = new Wire();
    final OkHttpClient http = new OkHttpClient.Builder().socketFactory(wire).build();
    private final List<AutoCloseable> open = new ArrayList<>();
    final FakeAuthorizationServer server = newServer();
    final FakeProtectedApi api = server.protectedApi("/mcp");

    /** A server at which clients register themselves. */
    FakeAuthorizationServer newServer() {
        FakeAuthorizationServer fresh = FakeAuthorizationServer.start()
                .dynamicRegistration(true)
                .accessTokenLifetime(Duration.ofMinutes(10))
                .time(time.clock());
        open.add(fresh);
        return fresh;
    }

    ProtectedApis.Builder builder() {
        return builder(ClientMetadata.named("Acme").redirectUri(CALLBACK));
    }

    ProtectedApis.Builder builder(ClientMetadata application) {
        return ProtectedApis.builder(application)
                .tokenStore(store)
                .sealingKeys(Scene.KEYS)
                .httpClient(http)
                .allowHttpOnLoopback()
                .tokenCallTimeout(Scene.TOKEN_CALL)
                .time(time.clock(), time::ticks);
    }

    ProtectedApis node() {
        return node(builder());
    }

    ProtectedApis node(ProtectedApis.Builder builder) {
        ProtectedApis node = builder.build();
        open.add(node);
        return node;
    }

    List<ProtectedApis> nodes(int number) {
        List<ProtectedApis> nodes = new ArrayList<>();
        for (int i = 0; i < number; i++) {
            nodes.add(node());
        }
        return nodes;
    }

    Account account(ProtectedApis node, String user) {
        return node.account(api.url(), user);
    }

    Response call(Account account, String url) throws IOException {
        return account.wrap(http)
                .newCall(new Request.Builder().url(url).build())
                .execute();
    }

    int status(Account account, String url) throws IOException {
        try (Response response = call(account, url)) {
            return response.code();
        }
    }

    int status(Account account) throws IOException {
        return status(account, api.url());
    }

    /** The exception that a call ends with. */
    LoginRequiredException required(Account account, String url) {
        Throwable thrown = catchThrowable(() -> status(account, url));
        assertThat(thrown).isInstanceOf(LoginRequiredException.class);
        return (LoginRequiredException) thrown;
    }

    LoginRequiredException required(Account account) {
        return required(account, api.url());
    }

    /** Starts the login that a call without tokens demands. */
    PendingLogin start(ProtectedApis node, Account account, String url) throws IOException {
        return node.newLogin(account).inResponseTo(required(account, url)).start();
    }

    PendingLogin start(ProtectedApis node, String user) throws IOException {
        return start(node, account(node, user), api.url());
    }

    Account signIn(ProtectedApis node, String user) throws IOException {
        return signIn(node, user, server, api.url());
    }

    Account signIn(ProtectedApis node, String user, FakeAuthorizationServer at, String url) throws IOException {
        PendingLogin login = start(node, node.account(url, user), url);
        LoginResult result = node.finishLogin(login, callback(at, login, user));
        assertThat(result).isInstanceOf(LoginResult.SignedIn.class);
        return ((LoginResult.SignedIn) result).keepAs(user);
    }

    /** The query that the browser brings back. */
    static String callback(FakeAuthorizationServer at, PendingLogin login, String user) {
        return Scene.query(at.approve(login.url().toString(), user));
    }

    /** The reason for which a callback is not accepted. */
    static LoginResult.Mismatched.Reason reason(LoginResult result) {
        assertThat(result).isInstanceOf(LoginResult.Mismatched.class);
        return ((LoginResult.Mismatched) result).reason();
    }

    /** Runs tasks at once, and returns what each one returned or threw. */
    static List<Object> atOnce(List<? extends Callable<?>> tasks) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(tasks.size());
        try {
            CountDownLatch ready = new CountDownLatch(tasks.size());
            List<Future<Object>> results = new ArrayList<>();
            for (Callable<?> task : tasks) {
                results.add(threads.submit(() -> {
                    ready.countDown();
                    ready.await();
                    try {
                        return task.call();
                    } catch (Exception e) {
                        return e;
                    }
                }));
            }
            List<Object> all = new ArrayList<>();
            for (Future<Object> result : results) {
                all.add(result.get());
            }
            return all;
        } finally {
            threads.shutdownNow();
        }
    }

    /** Waits for something that happens behind the scenes. */
    static void await(BooleanSupplier done) {
        long end = System.nanoTime() + Duration.ofSeconds(30).toNanos();
        while (!done.getAsBoolean()) {
            assertThat(System.nanoTime()).as("the time").isLessThan(end);
            LockSupport.parkNanos(5_000_000);
        }
    }

    /** The number of live threads of the library. */
    static long threads() {
        return threads("grantkeeper");
    }

    /** The number of live threads whose names begin so. */
    static long threads(String name) {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().startsWith(name))
                .count();
    }

    @Override
    public void close() throws Exception {
        for (int i = open.size() - 1; i >= 0; i--) {
            open.get(i).close();
        }
    }

    /** Sockets that remember every byte that was sent, by the port that it was sent to. */
    static final class Wire extends SocketFactory {
        private static final Pattern BASIC = Pattern.compile("(?i)basic ([A-Za-z0-9+/=_-]+)");

        private final Map<Integer, ByteArrayOutputStream> sent = new ConcurrentHashMap<>();

        /** All that was sent to a server, also decoded: from a form or URL, and from Basic authentication. */
        String sentTo(String url) {
            ByteArrayOutputStream bytes = sent.get(HttpUrl.get(url).port());
            if (bytes == null) {
                return "";
            }
            String plain = bytes.toString(StandardCharsets.ISO_8859_1);
            StringBuilder all = new StringBuilder(plain);
            Matcher basic = BASIC.matcher(plain);
            while (basic.find()) {
                String pair = new String(Base64.getDecoder().decode(basic.group(1)), StandardCharsets.UTF_8);
                all.append('\n').append(pair).append('\n').append(decoded(pair));
            }
            return all.append('\n').append(decoded(plain)).toString();
        }

        private static String decoded(String text) {
            String once = text.replaceAll("%(?![0-9a-fA-F]{2})", "%25");
            return URLDecoder.decode(once, StandardCharsets.UTF_8);
        }

        @Override
        public Socket createSocket() {
            return new Socket() {
                @Override
                public OutputStream getOutputStream() throws IOException {
                    ByteArrayOutputStream copy = sent.computeIfAbsent(getPort(), port -> new ByteArrayOutputStream());
                    return new FilterOutputStream(super.getOutputStream()) {
                        @Override
                        public void write(int b) throws IOException {
                            out.write(b);
                            copy.write(b);
                        }

                        @Override
                        public void write(byte[] bytes, int from, int length) throws IOException {
                            out.write(bytes, from, length);
                            copy.write(bytes, from, length);
                        }
                    };
                }
            };
        }

        @Override
        public Socket createSocket(String host, int port) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Socket createSocket(String host, int port, InetAddress local, int localPort) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Socket createSocket(InetAddress host, int port) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Socket createSocket(InetAddress host, int port, InetAddress local, int localPort) {
            throw new UnsupportedOperationException();
        }
    }
}
