/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.server;

import dev.grantkeeper.internal.wire.DPoP;
import dev.grantkeeper.internal.wire.Http;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import mockwebserver3.Dispatcher;
import mockwebserver3.MockResponse;
import mockwebserver3.MockWebServer;
import mockwebserver3.RecordedRequest;
import mockwebserver3.SocketEffect;
import okhttp3.OkHttpClient;
import org.jspecify.annotations.Nullable;

/** A server with documents at some places and failures at others; 404 everywhere else. */
final class Documents implements AutoCloseable {
    private final MockWebServer server = new MockWebServer();
    private final Map<String, MockResponse> answers = new ConcurrentHashMap<>();

    /** The paths that were asked, with their query. */
    final List<String> asked = new CopyOnWriteArrayList<>();

    final String origin;
    final Http http = new Http(new OkHttpClient(), Duration.ofSeconds(10), new DPoP(InstantSource.system(), false));

    Documents() {
        server.setDispatcher(new Dispatcher() {
            @Override
            public MockResponse dispatch(RecordedRequest request) {
                asked.add(request.getTarget());
                return answers.getOrDefault(
                        request.getTarget(),
                        new MockResponse.Builder().code(404).build());
            }
        });
        try {
            server.start(InetAddress.getLoopbackAddress(), 0);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        origin = "http://127.0.0.1:" + server.getPort();
    }

    /** Forgets all answers, and what was asked. */
    void clear() {
        answers.clear();
        asked.clear();
    }

    void json(String path, String body) {
        answers.put(
                path,
                new MockResponse.Builder()
                        .setHeader("Content-Type", "application/json")
                        .body(body)
                        .build());
    }

    void status(String path, int status) {
        status(path, status, null);
    }

    void status(String path, int status, @Nullable Integer retryAfter) {
        MockResponse.Builder answer = new MockResponse.Builder().code(status).setHeader("Location", origin + "/moved");
        if (retryAfter != null) {
            answer.setHeader("Retry-After", retryAfter);
        }
        answers.put(path, answer.build());
    }

    void drop(String... paths) {
        for (String path : paths) {
            answers.put(
                    path,
                    new MockResponse.Builder()
                            .onResponseStart(new SocketEffect.CloseSocket())
                            .build());
        }
    }

    @Override
    public void close() {
        http.close();
        server.close();
    }
}
