/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketAddress;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.UnknownHostException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import javax.net.SocketFactory;
import mockwebserver3.MockResponse;
import mockwebserver3.MockWebServer;
import okhttp3.Dns;
import okhttp3.OkHttpClient;
import okhttp3.Protocol;
import okhttp3.Request;
import okhttp3.Response;
import okhttp3.WebSocket;
import okhttp3.WebSocketListener;
import okhttp3.tls.HandshakeCertificates;
import okhttp3.tls.HeldCertificate;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A guarded client opens no connection into the application's own network, however it is led there. */
@Timeout(300)
class OutsideOnlyTest {
    private static final Predicate<InetSocketAddress> NOTHING = address -> false;

    private final OkHttpClient http = new OkHttpClient();
    private final MockWebServer server = new MockWebServer();
    /** On all addresses of this machine. Whatever connects waits to be accepted. */
    private ServerSocket inside;

    @BeforeEach
    void start() throws IOException {
        server.start(InetAddress.getLoopbackAddress(), 0);
        inside = new ServerSocket(0);
        inside.setSoTimeout(1);
    }

    @AfterEach
    void close() throws IOException {
        inside.close();
        server.close();
        http.dispatcher().executorService().shutdown();
        http.connectionPool().evictAll();
    }

    private void assertNobodyCame() {
        assertThatThrownBy(inside::accept).isInstanceOf(SocketTimeoutException.class);
    }

    private static OkHttpClient guarded(OkHttpClient base, String... allowed) {
        return OutsideOnly.guard(base, OutsideOnly.hosts(List.of(allowed)), false)
                .build();
    }

    private static String get(OkHttpClient client, String url) throws IOException {
        try (Response response =
                client.newCall(new Request.Builder().url(url).build()).execute()) {
            return response.body().string();
        }
    }

    private static MockResponse body(String text) {
        return new MockResponse.Builder().body(text).build();
    }

    private static Dns resolving(Map<String, String> addresses) {
        return host -> {
            String address = addresses.get(host);
            if (address == null) {
                throw new UnknownHostException(host);
            }
            return List.of(InetAddress.getByName(address));
        };
    }

    // ---- Where a URL leads -----------------------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(
            strings = {
                "127.0.0.1",
                "127.1",
                "127.0.1",
                "2130706433",
                "0",
                "0.0.0.0",
                "127.8.8.8",
                "%31%32%37.0.0.1",
                "１２７.0.0.1",
                "0x7f.0.0.1",
                "0x7f000001",
                "[::1]",
                "[::]",
                "[::ffff:127.0.0.1]",
                "[::ffff:7f00:1]",
                "[0:0:0:0:0:ffff:7f00:0001]",
                "[::127.0.0.1]",
                "localhost",
                "LOCALHOST",
                "user:pass@localhost"
            })
    void no_spelling_of_this_machine_is_connected_to(String host) {
        String url = "http://" + host + ":" + inside.getLocalPort() + "/";
        assertThatThrownBy(() -> get(guarded(http), url))
                .satisfies(
                        e -> assertThat(e).isInstanceOfAny(InsideNetworkException.class, UnknownHostException.class));
        assertNobodyCame();
    }

    @Test
    void the_message_names_the_host_and_what_to_do_and_no_address() {
        OkHttpClient base = http.newBuilder()
                .dns(resolving(Map.of("api.example", "10.1.2.3")))
                .build();
        assertThatThrownBy(() -> get(guarded(base), "https://API.example/mcp"))
                .isInstanceOf(InsideNetworkException.class)
                .hasMessage("api.example resolves to an address inside this network. If that is meant, call"
                        + " allowInside(\"api.example\") on the builder");
        assertThatThrownBy(() -> get(guarded(http), "http://169.254.169.254/latest"))
                .isInstanceOf(InsideNetworkException.class)
                .hasMessageContaining("allowInside(\"169.254.169.254\")");
    }

    /** The name was looked at before the call, and led outside then. */
    @Test
    void a_name_that_leads_elsewhere_the_second_time_is_checked_the_second_time() throws Exception {
        AtomicInteger lookups = new AtomicInteger();
        Dns rebinding =
                host -> List.of(InetAddress.getByName(lookups.incrementAndGet() == 1 ? "203.0.113.7" : "127.0.0.1"));
        OkHttpClient client = guarded(http.newBuilder().dns(rebinding).build());
        assertThat(InsideAddresses.isInside(client.dns().lookup("api.example").get(0)))
                .isFalse();
        assertThatThrownBy(() -> get(client, "http://api.example:" + inside.getLocalPort() + "/"))
                .isInstanceOf(InsideNetworkException.class);
        assertThat(lookups).hasValue(2);
        assertNobodyCame();
    }

    @Test
    void of_several_addresses_those_inside_are_left_out() throws Exception {
        List<SocketAddress> tried = new CopyOnWriteArrayList<>();
        Dns both = host -> List.of(
                InetAddress.getByName("127.0.0.1"),
                InetAddress.getByName("203.0.113.7"),
                InetAddress.getByName("10.0.0.1"));
        OkHttpClient base = http.newBuilder()
                .dns(both)
                .socketFactory(new Sockets(tried, true))
                .build();
        assertThatIOException()
                .isThrownBy(() -> get(guarded(base), "http://api.example:" + inside.getLocalPort() + "/"));
        assertThat(tried)
                .containsExactly(new InetSocketAddress(InetAddress.getByName("203.0.113.7"), inside.getLocalPort()));
        assertNobodyCame();
    }

    @Test
    void a_redirect_leads_no_further() throws Exception {
        server.enqueue(new MockResponse.Builder()
                .code(302)
                .setHeader("Location", "http://127.0.0.1:" + inside.getLocalPort() + "/")
                .build());
        OkHttpClient client = guarded(http, "localhost");
        assertThatThrownBy(() -> get(client, "http://localhost:" + server.getPort() + "/"))
                .isInstanceOf(InsideNetworkException.class)
                .hasMessageContaining("127.0.0.1");
        assertThat(server.getRequestCount()).isEqualTo(1);
        assertNobodyCame();
    }

    /** OkHttp would: to it both addresses are equal. */
    @Test
    void a_connection_that_the_application_has_open_is_not_used() throws Exception {
        String url = "http://localhost:" + server.getPort() + "/";
        server.enqueue(body("own"));
        assertThat(get(http, url)).isEqualTo("own");
        assertThat(http.connectionPool().idleConnectionCount()).isEqualTo(1);
        assertThat(guarded(http).connectionPool()).isNotSameAs(http.connectionPool());
        assertThatThrownBy(() -> get(guarded(http), url)).isInstanceOf(InsideNetworkException.class);
        assertThatThrownBy(() -> get(guarded(http).newBuilder().build(), url))
                .isInstanceOf(InsideNetworkException.class);
        server.enqueue(body("again"));
        assertThat(get(http, url)).isEqualTo("again");
        assertThat(server.getRequestCount()).isEqualTo(2);
        assertThat(server.takeRequest().getConnectionIndex())
                .isEqualTo(server.takeRequest().getConnectionIndex());
    }

    private static WebSocketListener hearing(BlockingQueue<Object> heard) {
        return new WebSocketListener() {
            @Override
            public void onOpen(WebSocket socket, Response response) {
                heard.add("open");
                socket.close(1000, null);
            }

            @Override
            public void onClosing(WebSocket socket, int code, String reason) {
                socket.close(code, null);
            }

            @Override
            public void onFailure(WebSocket socket, Throwable t, @Nullable Response response) {
                heard.add(t);
            }
        };
    }

    @Test
    void websockets_are_guarded_too() throws Exception {
        BlockingQueue<Object> heard = new LinkedBlockingQueue<>();
        Request refused = new Request.Builder()
                .url("ws://127.0.0.1:" + inside.getLocalPort() + "/")
                .build();
        guarded(http).newWebSocket(refused, hearing(heard));
        assertThat(heard.poll(20, TimeUnit.SECONDS)).isInstanceOf(InsideNetworkException.class);
        assertNobodyCame();
        server.enqueue(new MockResponse.Builder()
                .webSocketUpgrade(hearing(new LinkedBlockingQueue<>()))
                .build());
        Request allowed = new Request.Builder()
                .url("ws://127.0.0.1:" + server.getPort() + "/")
                .build();
        guarded(http, "127.0.0.1").newWebSocket(allowed, hearing(heard));
        assertThat(heard.poll(20, TimeUnit.SECONDS)).isEqualTo("open");
    }

    // ---- Exceptions that the application makes ---------------------------------------------------------------------

    @Test
    void a_host_that_is_allowed_is_connected_to_by_that_name_only() throws Exception {
        Map<String, String> addresses = Map.of(
                "mcp.corp.example", "127.0.0.1", "xn--bcher-kva.example", "127.0.0.1", "evil.example", "127.0.0.1");
        OkHttpClient base = http.newBuilder().dns(resolving(addresses)).build();
        OkHttpClient names = guarded(base, "MCP.corp.example", "b\u00fccher.example");
        String port = ":" + server.getPort() + "/";
        for (String host : List.of("mcp.corp.example", "mcp.CORP.example", "b\u00fccher.example")) {
            server.enqueue(body("in"));
            assertThat(get(names, "http://" + host + port)).isEqualTo("in");
        }
        // Nor does a name get by that resolves to an address which is allowed itself.
        OkHttpClient literal = guarded(base, "127.0.0.1", "[0:0::1]");
        server.enqueue(body("in"));
        assertThat(get(literal, "http://127.1" + port)).isEqualTo("in");
        for (OkHttpClient client : List.of(names, literal)) {
            assertThatThrownBy(() -> get(client, "http://evil.example" + port))
                    .isInstanceOf(InsideNetworkException.class);
        }
        assertThatThrownBy(() -> get(names, "http://127.0.0.1" + port)).isInstanceOf(InsideNetworkException.class);
        assertThat(server.getRequestCount()).isEqualTo(4);
        assertThat(OutsideOnly.hosts(List.of("[0:0::1]")).test(new InetSocketAddress("::1", 80)))
                .isTrue();
    }

    @Test
    void a_resolver_cannot_lend_a_host_the_name_of_another() {
        Dns lying = host -> List.of(InetAddress.getByAddress("mcp.corp.example", new byte[] {127, 0, 0, 1}));
        OkHttpClient client = guarded(http.newBuilder().dns(lying).build(), "mcp.corp.example");
        assertThatThrownBy(() -> get(client, "http://evil.example:" + inside.getLocalPort() + "/"))
                .isInstanceOf(InsideNetworkException.class)
                .hasMessageContaining("evil.example");
        assertNobodyCame();
    }

    @Test
    void tls_and_http_2_go_over_guarded_sockets() throws Exception {
        HeldCertificate certificate = new HeldCertificate.Builder()
                .addSubjectAlternativeName("localhost")
                .build();
        server.close();
        try (MockWebServer tls = new MockWebServer()) {
            tls.useHttps(new HandshakeCertificates.Builder()
                    .heldCertificate(certificate)
                    .build()
                    .sslSocketFactory());
            tls.start(InetAddress.getLoopbackAddress(), 0);
            HandshakeCertificates trust = new HandshakeCertificates.Builder()
                    .addTrustedCertificate(certificate.certificate())
                    .build();
            OkHttpClient trusting = http.newBuilder()
                    .sslSocketFactory(trust.sslSocketFactory(), trust.trustManager())
                    .build();
            Request request = new Request.Builder()
                    .url("https://localhost:" + tls.getPort() + "/")
                    .build();
            for (List<Protocol> protocols :
                    List.of(List.of(Protocol.HTTP_1_1), List.of(Protocol.HTTP_2, Protocol.HTTP_1_1))) {
                OkHttpClient client =
                        guarded(trusting.newBuilder().protocols(protocols).build(), "localhost");
                for (int i = 0; i < 2; i++) {
                    tls.enqueue(body("x".repeat(100_000)));
                    try (Response response = client.newCall(request).execute()) {
                        assertThat(response.protocol()).isEqualTo(protocols.get(0));
                        assertThat(response.body().string()).hasSize(100_000);
                    }
                }
                assertThat(client.connectionPool().connectionCount()).isEqualTo(1);
                client.connectionPool().evictAll();
            }
            assertThatThrownBy(() -> guarded(trusting).newCall(request).execute())
                    .isInstanceOf(InsideNetworkException.class);
            assertThat(tls.getRequestCount()).isEqualTo(4);
        }
    }

    // ---- Proxies ---------------------------------------------------------------------------------------------------

    private static ProxySelector selecting(Proxy proxy) {
        return new ProxySelector() {
            @Override
            public List<Proxy> select(URI uri) {
                return List.of(proxy);
            }

            @Override
            public void connectFailed(URI uri, SocketAddress address, IOException e) {}
        };
    }

    private List<OkHttpClient> proxied(Proxy.Type type) {
        Proxy proxy = new Proxy(type, new InetSocketAddress(InetAddress.getLoopbackAddress(), server.getPort()));
        Proxy unresolved = new Proxy(type, InetSocketAddress.createUnresolved("localhost", server.getPort()));
        return List.of(
                http.newBuilder().proxy(proxy).build(),
                http.newBuilder().proxy(unresolved).build(),
                http.newBuilder().proxySelector(selecting(proxy)).build(),
                http.newBuilder().proxySelector(selecting(unresolved)).build());
    }

    @Test
    void the_applications_proxy_is_not_used_unless_it_says_so() throws Exception {
        for (OkHttpClient base : proxied(Proxy.Type.HTTP)) {
            assertThatThrownBy(() -> get(guarded(base), "http://127.0.0.1:" + inside.getLocalPort() + "/"))
                    .isInstanceOf(InsideNetworkException.class);
            OkHttpClient through = OutsideOnly.guard(base, NOTHING, true).build();
            int before = server.getRequestCount();
            server.enqueue(body("by proxy"));
            assertThat(get(through, "http://api.example/")).isEqualTo("by proxy");
            assertThat(server.getRequestCount()).isEqualTo(before + 1);
            through.connectionPool().evictAll();
        }
        for (OkHttpClient base : proxied(Proxy.Type.SOCKS)) {
            assertThatThrownBy(() -> get(guarded(base), "http://127.0.0.1:" + inside.getLocalPort() + "/"))
                    .isInstanceOf(InsideNetworkException.class);
        }
        assertNobodyCame();
    }

    @Test
    void what_a_selector_sends_past_the_proxies_is_guarded() {
        OkHttpClient base =
                http.newBuilder().proxySelector(selecting(Proxy.NO_PROXY)).build();
        OkHttpClient client = OutsideOnly.guard(base, NOTHING, true).build();
        assertThatThrownBy(() -> get(client, "http://127.0.0.1:" + inside.getLocalPort() + "/"))
                .isInstanceOf(InsideNetworkException.class);
        assertNobodyCame();
    }

    // ---- Our own calls ---------------------------------------------------------------------------------------------

    @Test
    void calls_to_the_authorization_server_keep_the_guard_of_their_client() throws Exception {
        Duration limit = Duration.ofSeconds(20);
        DPoP dpop = new DPoP(InstantSource.system(), false);
        String refused = "http://127.0.0.1:" + inside.getLocalPort() + "/";
        try (Http plain = new Http(http, limit, dpop);
                Http own = new Http(guarded(http, "localhost"), limit, dpop);
                Http through = plain.through(guarded(http, "localhost"))) {
            for (Http calls : List.of(own, through)) {
                assertThatThrownBy(() -> calls.get(refused, null)).isInstanceOf(InsideNetworkException.class);
                server.enqueue(body("metadata"));
                assertThat(calls.get("http://localhost:" + server.getPort() + "/", null)
                                .body())
                        .isEqualTo("metadata");
                assertThatThrownBy(() ->
                                calls.call(new Request.Builder().url(refused).build()))
                        .isInstanceOfSatisfying(
                                Http.CallFailedException.class,
                                e -> assertThat(e.sent()).isFalse());
            }
        }
        assertNobodyCame();
    }

    // ---- The sockets -----------------------------------------------------------------------------------------------

    /** Sockets of an application, which may reach nothing outside. */
    private static final class Sockets extends SocketFactory {
        private final List<SocketAddress> tried;
        private final boolean refusing;

        Sockets(List<SocketAddress> tried, boolean refusing) {
            this.tried = tried;
            this.refusing = refusing;
        }

        @Override
        public Socket createSocket() {
            return new Socket() {
                @Override
                public void connect(SocketAddress address, int timeout) throws IOException {
                    tried.add(address);
                    if (refusing) {
                        throw new ConnectException("nothing is reached");
                    }
                    super.connect(address, timeout);
                }
            };
        }

        @Override
        public Socket createSocket(String host, int port) {
            throw new AssertionError("connects at once");
        }

        @Override
        public Socket createSocket(String host, int port, InetAddress from, int fromPort) {
            throw new AssertionError("connects at once");
        }

        @Override
        public Socket createSocket(InetAddress host, int port) {
            throw new AssertionError("connects at once");
        }

        @Override
        public Socket createSocket(InetAddress host, int port, InetAddress from, int fromPort) {
            throw new AssertionError("connects at once");
        }
    }

    @Test
    void the_applications_own_sockets_are_the_ones_that_connect() throws Exception {
        List<SocketAddress> tried = new CopyOnWriteArrayList<>();
        OkHttpClient base =
                http.newBuilder().socketFactory(new Sockets(tried, false)).build();
        server.enqueue(body("x"));
        assertThat(get(guarded(base, "localhost"), "http://localhost:" + server.getPort() + "/"))
                .isEqualTo("x");
        assertThat(tried).hasSize(1);
    }

    private interface Opening {
        Socket open(SocketFactory sockets) throws IOException;
    }

    @Test
    void no_way_to_make_a_socket_gets_by() throws Exception {
        InetAddress loopback = InetAddress.getLoopbackAddress();
        int port = inside.getLocalPort();
        List<Opening> all = List.of(
                sockets -> sockets.createSocket("localhost", port),
                sockets -> sockets.createSocket("localhost", port, loopback, 0),
                sockets -> sockets.createSocket(loopback, port),
                sockets -> sockets.createSocket(loopback, port, loopback, 0),
                sockets -> {
                    Socket socket = sockets.createSocket();
                    socket.connect(new InetSocketAddress(loopback, port));
                    return socket;
                },
                sockets -> {
                    Socket socket = sockets.createSocket();
                    socket.connect(new InetSocketAddress(loopback, port), 1000);
                    return socket;
                });
        GuardedSockets refusing = new GuardedSockets(SocketFactory.getDefault(), NOTHING);
        GuardedSockets allowing = new GuardedSockets(SocketFactory.getDefault(), address -> address.getPort() == port);
        for (Opening way : all) {
            assertThatThrownBy(() -> way.open(refusing)).isInstanceOf(InsideNetworkException.class);
            assertNobodyCame();
            try (Socket socket = way.open(allowing)) {
                assertThat(socket.isConnected()).isTrue();
                inside.accept().close();
            }
        }
        try (Socket socket = allowing.createSocket()) {
            assertThatThrownBy(() -> socket.connect(InetSocketAddress.createUnresolved("localhost", port)))
                    .isInstanceOf(UnknownHostException.class);
        }
    }

    @Test
    void all_that_a_socket_can_do_is_left_to_the_applications_own() {
        List<String> ours = Arrays.stream(GuardedSockets.Guarded.class.getDeclaredMethods())
                .map(OutsideOnlyTest::signature)
                .toList();
        assertThat(Arrays.stream(Socket.class.getDeclaredMethods())
                        .filter(method -> Modifier.isPublic(method.getModifiers()))
                        .filter(method -> !Modifier.isStatic(method.getModifiers()))
                        .map(OutsideOnlyTest::signature))
                .isNotEmpty()
                .allSatisfy(method -> assertThat(ours).contains(method));
    }

    private static String signature(Method method) {
        return method.getName() + Arrays.toString(method.getParameterTypes());
    }
}
