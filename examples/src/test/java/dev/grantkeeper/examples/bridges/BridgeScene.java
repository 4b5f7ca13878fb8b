/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.bridges;

import dev.grantkeeper.Account;
import dev.grantkeeper.Grantkeeper;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.store.memory.MemoryTokenStore;
import dev.grantkeeper.testkit.Answer;
import dev.grantkeeper.testkit.FakeAuthorizationServer;
import dev.grantkeeper.testkit.FakeClock;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;

/** A server with an API, another one that is none of ours, and time that a test moves. */
public final class BridgeScene implements AutoCloseable {
    private static final String CALLBACK = "http://127.0.0.1:8888/callback";

    private final FakeClock clock = new FakeClock();
    public final FakeAuthorizationServer server = FakeAuthorizationServer.start()
            .client("app", "secret", CALLBACK)
            .accessTokenLifetime(Duration.ofHours(1))
            .time(clock);
    final FakeAuthorizationServer elsewhere = FakeAuthorizationServer.start();
    final URI api = URI.create(server.apiUrl("/api/things"));
    final URI stranger = URI.create(elsewhere.apiUrl("/api/things"));
    public final Grantkeeper grantkeeper;

    /** The API origins are those of the server, and what a protocol without URLs makes of its addresses. */
    public BridgeScene(String... moreOrigins) {
        String[] origins = new String[moreOrigins.length + 1];
        origins[0] = server.url();
        System.arraycopy(moreOrigins, 0, origins, 1, moreOrigins.length);
        grantkeeper = Grantkeeper.builder(Provider.builder("fake")
                        .allowHttpOnLoopback()
                        .authorizationEndpoint(server.authorizationEndpoint())
                        .tokenEndpoint(server.tokenEndpoint())
                        .apiOrigins(origins)
                        .build())
                .clientId("app")
                .clientSecret("secret")
                .redirectUri(CALLBACK)
                .scopes("things.read")
                .tokenStore(MemoryTokenStore.create())
                .allowPlaintextTokens()
                .time(clock, clock::nanoTime)
                .build();
        elsewhere.onApiRequest((request, answer) -> Answer.json(200, "{}"));
    }

    public Account signIn(String user) throws IOException {
        return server.signIn(grantkeeper, user);
    }

    public Account account(String user) {
        return grantkeeper.account(user);
    }

    public void expire() {
        clock.advance(Duration.ofHours(2));
    }

    @Override
    public void close() {
        grantkeeper.close();
        server.close();
        elsewhere.close();
    }
}
