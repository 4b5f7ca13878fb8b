/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.migration;

import dev.grantkeeper.Grantkeeper;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.store.memory.MemoryTokenStore;
import dev.grantkeeper.testkit.FakeAuthorizationServer;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.concurrent.atomic.AtomicLong;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;

/** The application after the change of libraries: a server whose client it was before, and time that a test moves. */
public final class MigrationScene implements AutoCloseable {
    static final String CALLBACK = "http://127.0.0.1:8888/callback";

    private final AtomicLong passed = new AtomicLong();
    private final InstantSource clock = () -> Instant.now().plusNanos(passed.get());
    private final OkHttpClient http = new OkHttpClient();
    public final FakeAuthorizationServer server = FakeAuthorizationServer.start()
            .client("diary", "diary-secret", CALLBACK)
            .user("alice", "Alice", "A", "alice@example.org")
            .user("bob", "Bob", "B", "bob@example.org")
            .accessTokenLifetime(Duration.ofHours(1))
            .time(clock);
    public final Grantkeeper grantkeeper = Grantkeeper.builder(Provider.builder("fake")
                    .allowHttpOnLoopback()
                    .authorizationEndpoint(server.authorizationEndpoint())
                    .tokenEndpoint(server.tokenEndpoint())
                    .apiOrigins(server.url())
                    .build())
            .clientId("diary")
            .clientSecret("diary-secret")
            .redirectUri(CALLBACK)
            .scopes("things.read")
            .tokenStore(MemoryTokenStore.create())
            .allowPlaintextTokens()
            .time(clock, () -> System.nanoTime() + passed.get())
            .build();

    /** Tokens as the application had them before. */
    public FakeAuthorizationServer.Issued issue(String user) {
        return server.issue("diary", user, "things.read");
    }

    /** Calls the API and returns the status. */
    int call(String user) throws IOException {
        OkHttpClient api = grantkeeper.account(user).wrap(http);
        try (Response response = api.newCall(
                        new Request.Builder().url(server.apiUrl("/api/things")).build())
                .execute()) {
            return response.code();
        }
    }

    public void expire() {
        passed.addAndGet(Duration.ofHours(2).toNanos());
    }

    @Override
    public void close() {
        grantkeeper.close();
        server.close();
        http.connectionPool().evictAll();
        http.dispatcher().executorService().shutdown();
    }
}
