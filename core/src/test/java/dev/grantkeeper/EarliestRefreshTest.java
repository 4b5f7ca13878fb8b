/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.grantkeeper.provider.Dialect;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.provider.Providers;
import dev.grantkeeper.token.TokenSet;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.atomic.AtomicInteger;
import mockwebserver3.Dispatcher;
import mockwebserver3.MockResponse;
import mockwebserver3.RecordedRequest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Servers that refuse a refresh that comes too early, and count it (laravel-exact-online issue 31). */
@Timeout(300)
class EarliestRefreshTest {
    private static final Duration LIFETIME = Duration.ofMinutes(10);
    private static final Duration WINDOW = Duration.ofSeconds(30);

    /** Exact Online's rules, by the clock of the test. */
    private static final class Strict extends Dispatcher {
        private final MovingTime time;
        private final AtomicInteger requests = new AtomicInteger();
        private final AtomicInteger refused = new AtomicInteger();
        private Instant ends;

        Strict(MovingTime time) {
            this.time = time;
            this.ends = time.clock().instant().plus(LIFETIME);
        }

        @Override
        public synchronized MockResponse dispatch(RecordedRequest request) {
            Instant now = time.clock().instant();
            requests.incrementAndGet();
            if (now.isBefore(ends.minus(WINDOW))) {
                refused.incrementAndGet();
                return MockProvider.json(
                        400,
                        "{\"error\":\"access_denied\",\"error_description\":\"Rate limit exceeded:"
                                + " access_token not expired\"}");
            }
            ends = now.plus(LIFETIME);
            return MockProvider.json(
                    200,
                    "{\"access_token\":\"at" + requests + "\",\"token_type\":\"bearer\",\"expires_in\":\"600\","
                            + "\"refresh_token\":\"rt" + requests + "\"}");
        }
    }

    private static Account imported(MockProvider mock, Grantkeeper node) throws Exception {
        Account account = node.account("alice");
        account.importTokens(TokenSet.builder("at")
                .refreshToken("rt")
                .receivedAt(mock.time.clock().instant())
                .expiresAt(mock.time.clock().instant().plus(LIFETIME))
                .build());
        return account;
    }

    @Test
    void four_hours_of_steady_calls_cost_one_request_for_each_token_and_none_is_refused() throws Exception {
        try (MockProvider mock = new MockProvider()) {
            Strict server = new Strict(mock.time);
            mock.server.setDispatcher(server);
            Provider.Builder provider = mock.provider().earliestRefresh(WINDOW);
            Account account = imported(mock, mock.node(mock.registration(provider)));
            for (int call = 0; call < 720; call++) {
                mock.time.pass(Duration.ofSeconds(20));
                assertThat(account.tokens().expiresAt().orElseThrow())
                        .isAfter(mock.time.clock().instant());
            }
            assertThat(server.refused).hasValue(0);
            assertThat(server.requests.get()).isBetween(24, 26);
        }
    }

    /** An application that does not know the rule is refused, and served all the same. */
    @Test
    void a_refused_background_refresh_costs_no_call() throws Exception {
        try (MockProvider mock = new MockProvider()) {
            Strict server = new Strict(mock.time);
            mock.server.setDispatcher(server);
            Provider.Builder provider =
                    mock.provider().dialect(d -> d.error("access_denied", Dialect.Meaning.TEMPORARY));
            Account account = imported(mock, mock.node(mock.registration(provider)));
            String token = account.tokens().accessToken();
            mock.time.pass(Duration.ofMinutes(9));
            while (server.refused.get() == 0) {
                assertThat(account.tokens().accessToken()).isEqualTo(token);
            }
            mock.time.pass(Duration.ofMinutes(1).plusSeconds(1));
            assertThat(account.tokens().accessToken()).isNotEqualTo(token);
        }
    }

    @Test
    void the_preset_of_exact_online_refreshes_within_the_last_half_minute() throws Exception {
        try (Scene scene = new Scene()) {
            Grantkeeper node =
                    scene.node(scene.registration(scene.here(Providers.exactOnline(Providers.ExactOnlineSite.NL))));
            Account alice = scene.signIn(node, "alice");
            scene.server.resetCounters();
            scene.time.pass(LIFETIME.minus(WINDOW).minusSeconds(3));
            alice.tokens();
            assertThat(scene.server.tokenRequests()).isZero();
            scene.time.pass(Duration.ofSeconds(20));
            alice.tokens();
            scene.await(GrantListener.Kind.REFRESHED);
            assertThat(scene.server.tokenRequests()).isEqualTo(1);
        }
    }

    @Test
    void a_window_that_is_none_is_refused() {
        assertThatThrownBy(() -> Provider.builder("any").earliestRefresh(Duration.ZERO))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("earliestRefresh");
    }
}
