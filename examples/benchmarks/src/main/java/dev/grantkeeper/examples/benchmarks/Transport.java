/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.benchmarks;

import java.net.InetAddress;
import java.net.Proxy;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.List;
import javax.net.SocketFactory;
import okhttp3.Interceptor;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Protocol;
import okhttp3.Request;
import okhttp3.Response;
import okhttp3.ResponseBody;

/** An API that answers each call with the same response, without a network. */
public enum Transport {
    /**
     * The last application interceptor answers: only the interceptors before it are measured, and what OkHttp does to
     * begin a call.
     */
    INTERCEPTOR("https://api.example.com") {
        @Override
        OkHttpClient ending(OkHttpClient client) {
            return client.newBuilder().addInterceptor(Transport::answer).build();
        }
    },
    /**
     * The same, but for a whole {@code GET} as applications write it: the request is made from the text of its URL, and
     * the answer has headers and a body.
     */
    GET("https://api.example.com") {
        @Override
        Request request() {
            return new Request.Builder().url(url).build();
        }

        @Override
        OkHttpClient ending(OkHttpClient client) {
            return client.newBuilder().addInterceptor(Transport::answerInFull).build();
        }
    },
    /** A connection in memory answers: a whole call of OkHttp's is measured, all but the system's sockets and TLS. */
    CONNECTION("http://127.0.0.1:9") {
        @Override
        OkHttpClient client() {
            return inMemory("things");
        }

        @Override
        OkHttpClient ending(OkHttpClient client) {
            return client;
        }
    },
    /** A server in this process answers: a whole call over a socket of the system's, without TLS. */
    SOCKET("http://127.0.0.1:9") {
        @Override
        OkHttpClient client() {
            return over(Server.INSTANCE);
        }

        @Override
        OkHttpClient ending(OkHttpClient client) {
            return client;
        }
    };

    /** Started with the first client that needs it. */
    private static final class Server {
        static final LoopbackServer INSTANCE = new LoopbackServer(bytes("things"));
    }

    private static final MediaType JSON = MediaType.get("application/json");

    private final String origin;
    final String url;
    private final Request request;

    Transport(String origin) {
        this.origin = origin;
        this.url = origin + "/v1/things";
        this.request = new Request.Builder().url(url).build();
    }

    /** The API's origin. */
    String origin() {
        return origin;
    }

    /** A request to the API. */
    Request request() {
        return request;
    }

    /** The URL of that request. */
    URI uri() {
        return request.url().uri();
    }

    /** A client without interceptors. */
    OkHttpClient client() {
        return new OkHttpClient();
    }

    /** The client, once all interceptors are added to it. */
    abstract OkHttpClient ending(OkHttpClient client);

    /** A client whose every request, to whatever host, has this text as its response. */
    static OkHttpClient inMemory(String body) {
        return over(new InMemorySockets(bytes(body)));
    }

    private static OkHttpClient over(SocketFactory sockets) {
        return new OkHttpClient.Builder()
                .proxy(Proxy.NO_PROXY)
                .dns(host -> List.of(InetAddress.getLoopbackAddress()))
                .protocols(List.of(Protocol.HTTP_1_1))
                .socketFactory(sockets)
                .build();
    }

    private static byte[] bytes(String body) {
        return ("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
                        + body.getBytes(StandardCharsets.UTF_8).length + "\r\n\r\n" + body)
                .getBytes(StandardCharsets.UTF_8);
    }

    /** Whether a thread only answers, in place of a server elsewhere. */
    static boolean isServer(long thread) {
        return Server.INSTANCE.isOwn(thread);
    }

    private static Response answerInFull(Interceptor.Chain chain) {
        return new Response.Builder()
                .request(chain.request())
                .protocol(Protocol.HTTP_1_1)
                .code(200)
                .message("OK")
                .header("Content-Type", "application/json")
                .body(ResponseBody.create("{\"things\":[]}", JSON))
                .build();
    }

    private static Response answer(Interceptor.Chain chain) {
        return new Response.Builder()
                .request(chain.request())
                .protocol(Protocol.HTTP_1_1)
                .code(200)
                .message("OK")
                .body(ResponseBody.EMPTY)
                .build();
    }
}
