/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.observing;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.grantkeeper.Account;
import dev.grantkeeper.AuthorizationServerException;
import dev.grantkeeper.GrantListener;
import dev.grantkeeper.Grantkeeper;
import dev.grantkeeper.LoginRequiredException;
import dev.grantkeeper.provider.Providers;
import dev.grantkeeper.store.memory.MemoryTokenStore;
import dev.grantkeeper.testkit.FakeAuthorizationServer;
import dev.grantkeeper.testkit.FakeClock;
import dev.grantkeeper.testkit.Fault;
import dev.grantkeeper.testkit.Rotation;
import java.time.Duration;

/** A user whose tokens are refreshed, then not during an outage, and then refused. */
final class ListenerScene {
    static final String USER = "alice";

    private ListenerScene() {}

    static void play(GrantListener listener) throws Exception {
        String callback = "http://127.0.0.1:8888/callback";
        FakeClock clock = new FakeClock();
        try (FakeAuthorizationServer server = FakeAuthorizationServer.start()
                        .client("app", "secret", callback)
                        .rotation(Rotation.REUSABLE)
                        .time(clock);
                Grantkeeper app = Grantkeeper.builder(server.provider(Providers.google()))
                        .clientId("app")
                        .clientSecret("secret")
                        .redirectUri(callback)
                        .tokenStore(MemoryTokenStore.create())
                        .allowPlaintextTokens()
                        .time(clock, clock::nanoTime)
                        .listener(listener)
                        .build()) {
            Account user = server.signIn(app, USER);
            clock.advance(Duration.ofHours(2));
            user.tokens();

            server.onNextTokenRequest(Fault.retryAfter(503, "30"));
            clock.advance(Duration.ofHours(2));
            assertThatThrownBy(user::tokens).isInstanceOf(AuthorizationServerException.class);

            server.revokeConsent(USER);
            clock.advance(Duration.ofHours(2));
            assertThatThrownBy(user::tokens).isInstanceOf(LoginRequiredException.class);
        }
    }
}
