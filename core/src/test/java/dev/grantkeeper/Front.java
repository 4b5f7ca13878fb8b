/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.testkit.FakeAuthorizationServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import javax.net.ServerSocketFactory;
import javax.net.SocketFactory;
import mockwebserver3.Dispatcher;
import mockwebserver3.MockResponse;
import mockwebserver3.MockWebServer;
import mockwebserver3.RecordedRequest;
import mockwebserver3.SocketEffect;
import okhttp3.Headers;
import okhttp3.OkHttpClient;
import okhttp3.Protocol;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;
import okhttp3.internal.http.HttpMethod;
import okhttp3.tls.HandshakeCertificates;
import okhttp3.tls.HeldCertificate;

/**
 * A gateway in front of the authorization server, with a mind of its own about connections. Real servers and gateways
 * close them after 1 s (some), 5 s (Node, Apache), 75 s (nginx), at once, or forget them and say nothing. Thread-safe.
 */
final class Front implements AutoCloseable {
    /** The way in which requests travel. */
    enum Wire {
        HTTP_1(List.of(Protocol.HTTP_1_1), false),
        HTTP_1_OVER_TLS(List.of(Protocol.HTTP_1_1), true),
        HTTP_2(List.of(Protocol.H2_PRIOR_KNOWLEDGE), false),
        HTTP_2_OVER_TLS(List.of(Protocol.HTTP_2, Protocol.HTTP_1_1), true);

        private final List<Protocol> protocols;
        private final boolean tls;

        Wire(List<Protocol> protocols, boolean tls) {
            this.protocols = protocols;
            this.tls = tls;
        }
    }

    /** The fate of a connection after an answer. */
    enum Ending {
        /** It is closed with the answer, and nothing announces it (HTTP/2: a GOAWAY after the answer). */
        AT_ONCE,
        /** It is closed before the next request: in the time that a test leaves out, the server lost patience. */
        WHILE_IDLE,
        /** It stays, and nothing that is sent there is answered: something in between has forgotten it. */
        FORGOTTEN,
        /** It stays, and works. */
        NEVER
    }

    private final MockWebServer server = new MockWebServer();
    private final FakeAuthorizationServer behind;
    private final Ending ending;
    private final OkHttpClient inside =
            new OkHttpClient.Builder().readTimeout(Duration.ZERO).build();
    private final OkHttpClient outside;

    /** The connections that this gateway has not closed, which it does when the client has. */
    private final Set<Socket> accepted = ConcurrentHashMap.newKeySet();

    /** The connections that the client has not closed. */
    private final Set<Socket> open = ConcurrentHashMap.newKeySet();

    Front(FakeAuthorizationServer behind, Wire wire, Ending ending) throws IOException {
        this.behind = behind;
        this.ending = ending;
        OkHttpClient.Builder client = new OkHttpClient.Builder()
                .protocols(wire.protocols)
                .socketFactory(new Watching())
                .readTimeout(Duration.ZERO);
        if (wire.tls) {
            HeldCertificate certificate = new HeldCertificate.Builder()
                    .addSubjectAlternativeName("127.0.0.1")
                    .build();
            HandshakeCertificates certificates = new HandshakeCertificates.Builder()
                    .heldCertificate(certificate)
                    .addTrustedCertificate(certificate.certificate())
                    .build();
            server.useHttps(certificates.sslSocketFactory());
            client.sslSocketFactory(certificates.sslSocketFactory(), certificates.trustManager());
        }
        this.outside = client.build();
        server.setProtocols(wire.protocols);
        server.setServerSocketFactory(new Accepting());
        server.setDispatcher(new Dispatcher() {
            @Override
            public MockResponse dispatch(RecordedRequest request) {
                return answer(request);
            }
        });
        server.start(InetAddress.getByName("127.0.0.1"), 0);
    }

    /** A client that trusts this gateway and speaks its protocol. */
    OkHttpClient client() {
        return outside;
    }

    /** An address at the gateway. */
    String url(String path) {
        return server.url(path).toString().replace("localhost", "127.0.0.1");
    }

    /** The address at the gateway of an endpoint behind it. */
    String at(String endpoint) {
        return url(endpoint.substring(behind.url().length()));
    }

    /** Lets the time pass after which the gateway closes what is idle. */
    void losePatience() throws IOException {
        if (ending == Ending.WHILE_IDLE) {
            for (Socket socket : accepted) {
                socket.close();
            }
        }
    }

    /** The number of connections that the client has not closed. */
    int open() {
        return open.size();
    }

    /** Waits until the client has closed all connections but so many. */
    void awaitOpen(int connections) throws Exception {
        await(open, connections);
    }

    /** Waits until this gateway has seen the end of all connections. */
    void awaitNoneAccepted() throws Exception {
        await(accepted, 0);
    }

    private static void await(Set<Socket> sockets, int most) throws Exception {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        synchronized (sockets) {
            while (sockets.size() > most) {
                long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
                if (left <= 0) {
                    throw new TimeoutException(sockets.size() + " connections are open");
                }
                sockets.wait(left);
            }
        }
    }

    /** A socket that is in a set until it is closed, once it is watched. */
    private static final class Watched extends Socket {
        private final Set<Socket> sockets;

        Watched(Set<Socket> sockets) {
            this.sockets = sockets;
        }

        Socket watched() {
            sockets.add(this);
            return this;
        }

        @Override
        public void close() throws IOException {
            super.close();
            synchronized (sockets) {
                sockets.remove(this);
                sockets.notifyAll();
            }
        }
    }

    private MockResponse answer(RecordedRequest request) {
        if (ending == Ending.FORGOTTEN && request.getExchangeIndex() > 0) {
            return new MockResponse.Builder()
                    .onResponseStart(SocketEffect.Stall.INSTANCE)
                    .build();
        }
        MockResponse.Builder answer = content(request);
        return ending == Ending.AT_ONCE
                ? answer.onResponseEnd(SocketEffect.ShutdownConnection.INSTANCE).build()
                : answer.build();
    }

    private MockResponse.Builder content(RecordedRequest request) {
        String path = request.getUrl().encodedPath();
        MockResponse.Builder json = new MockResponse.Builder().setHeader("Content-Type", "application/json");
        if (path.equals("/par")) {
            return json.code(201).body("{\"request_uri\":\"urn:example:1\",\"expires_in\":60}");
        }
        if (path.equals("/.well-known/openid-configuration")) {
            String issuer = url("/").replaceFirst("/$", "");
            return json.body("{\"issuer\":\"" + issuer + "\",\"authorization_endpoint\":\"" + url("/authorize")
                    + "\",\"token_endpoint\":\"" + url("/token") + "\",\"response_types_supported\":[\"code\"]}");
        }
        return path.equals("/application") ? new MockResponse.Builder() : forward(request);
    }

    private MockResponse.Builder forward(RecordedRequest request) {
        RequestBody body = HttpMethod.permitsRequestBody(request.getMethod())
                ? RequestBody.create(request.getBody().toByteArray())
                : null;
        Headers.Builder headers = new Headers.Builder();
        for (String name : List.of("Authorization", "Content-Type", "Accept")) {
            request.getHeaders().values(name).forEach(value -> headers.add(name, value));
        }
        Request inner = new Request.Builder()
                .url(behind.url() + request.getTarget())
                .headers(headers.build())
                .method(request.getMethod(), body)
                .build();
        try (Response response = inside.newCall(inner).execute()) {
            return new MockResponse.Builder()
                    .code(response.code())
                    .setHeader("Content-Type", response.header("Content-Type", "text/plain"))
                    .body(response.body().string());
        } catch (IOException e) {
            return new MockResponse.Builder().code(502);
        }
    }

    @Override
    public void close() {
        server.close();
        outside.connectionPool().evictAll();
        inside.connectionPool().evictAll();
    }

    /** Makes sockets of the client's side. */
    private final class Watching extends SocketFactory {
        @Override
        public Socket createSocket() {
            return new Watched(open).watched();
        }

        @Override
        public Socket createSocket(String host, int port) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Socket createSocket(String host, int port, InetAddress from, int fromPort) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Socket createSocket(InetAddress host, int port) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Socket createSocket(InetAddress host, int port, InetAddress from, int fromPort) {
            throw new UnsupportedOperationException();
        }
    }

    /** Remembers sockets of the server's side. */
    private final class Accepting extends ServerSocketFactory {
        @Override
        public ServerSocket createServerSocket() throws IOException {
            return new ServerSocket() {
                @Override
                public Socket accept() throws IOException {
                    Watched socket = new Watched(accepted);
                    implAccept(socket);
                    socket.setTcpNoDelay(true);
                    return socket.watched();
                }
            };
        }

        @Override
        public ServerSocket createServerSocket(int port) {
            throw new UnsupportedOperationException();
        }

        @Override
        public ServerSocket createServerSocket(int port, int backlog) {
            throw new UnsupportedOperationException();
        }

        @Override
        public ServerSocket createServerSocket(int port, int backlog, InetAddress address) {
            throw new UnsupportedOperationException();
        }
    }
}
