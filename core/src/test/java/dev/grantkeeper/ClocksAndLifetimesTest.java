/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.grantkeeper.testkit.Fault;
import dev.grantkeeper.testkit.RecordedRequest;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import okhttp3.OkHttpClient;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Clocks that jump, stand still and disagree, and lifetimes that are short, absent or absurd; law 13. */
@Timeout(300)
class ClocksAndLifetimesTest {
    private final Scene scene = new Scene();

    @AfterEach
    void close() {
        scene.close();
    }

    // ---- Lifetimes ------------------------------------------------------------------------------------------------

    @Test
    void a_token_that_does_not_say_how_long_it_lives_is_used_until_an_api_rejects_it() throws Exception {
        scene.server.expiresIn(null);
        Account alice = scene.signIn(scene.node(), "alice");
        OkHttpClient client = alice.wrap(scene.http);
        assertThat(alice.grant().orElseThrow().accessTokenExpiresAt()).isEmpty();
        scene.server.accessTokenLifetime(Duration.ofMinutes(10)); // which it does not tell
        for (int i = 0; i < 50; i++) {
            assertThat(alice.tokens()).isNotNull();
            scene.time.pass(Duration.ofHours(1));
        }
        assertThat(scene.server.refreshRequests()).isZero();
        assertThat(scene.status(client)).isEqualTo(200);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
        assertThat(scene.server.apiUnauthorized()).isEqualTo(1);
        assertThat(scene.status(client)).isEqualTo(200);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
    }

    @Test
    void a_token_that_does_not_say_how_long_it_lives_lives_as_long_as_its_provider_says() throws Exception {
        scene.server.expiresIn(null);
        Account alice = scene.signIn(
                scene.node(scene.registration(
                        scene.provider().defaultLifetime(Duration.ofMinutes(10)).build())),
                "alice");
        String first = alice.tokens().accessToken();
        scene.expire();
        assertThat(alice.tokens().accessToken()).isNotEqualTo(first);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"0", "-1", "\"-5\"", "0.2"})
    void a_lifetime_that_is_over_when_it_comes_serves_who_waits_and_lasts_ten_seconds(String expiresIn)
            throws Exception {
        Account alice = scene.signIn(scene.node(), "alice");
        scene.server.expiresIn(expiresIn);
        scene.expire();
        scene.server.resetCounters();
        String fresh = alice.tokens().accessToken();
        for (int i = 0; i < 50; i++) {
            assertThat(alice.tokens().accessToken()).isEqualTo(fresh);
        }
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
        scene.time.pass(Duration.ofSeconds(10));
        assertThat(alice.tokens().accessToken()).isNotEqualTo(fresh);
        assertThat(scene.server.refreshRequests()).isEqualTo(2);
    }

    @ParameterizedTest
    @ValueSource(strings = {"2147483648", "9223372036854775807", "1e400", "99999999999999999999999999999999"})
    void a_lifetime_beyond_all_clocks_is_ten_years(String expiresIn) throws Exception {
        scene.server.expiresIn(expiresIn);
        Account alice = scene.signIn(scene.node(), "alice");
        for (int i = 0; i < 50; i++) {
            assertThat(alice.tokens()).isNotNull();
            scene.time.pass(Duration.ofDays(70)); // nine and a half years in all
        }
        assertThat(scene.server.refreshRequests()).isZero();
        scene.time.pass(Duration.ofDays(151));
        assertThat(alice.tokens()).isNotNull();
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
    }

    /** A margin that is longer than the life would refresh on every call. */
    @ParameterizedTest
    @ValueSource(ints = {5, 30, 60})
    void short_lived_tokens_are_used_for_two_thirds_of_their_life_at_least(int seconds) throws Exception {
        Duration life = Duration.ofSeconds(seconds);
        scene.server.accessTokenLifetime(life);
        OkHttpClient client = scene.signIn(scene.node(), "alice").wrap(scene.http);
        for (int i = 0; i < 200; i++) {
            assertThat(scene.status(client)).isEqualTo(200);
            letRefreshesEnd();
            scene.time.pass(life.dividedBy(30));
        }
        List<Instant> requests = scene.server.recordedTokenRequests().stream()
                .map(RecordedRequest::at)
                .toList();
        assertThat(requests).hasSizeBetween(1 + 5, 1 + 10);
        for (int i = 1; i < requests.size(); i++) {
            assertThat(Duration.between(requests.get(i - 1), requests.get(i)))
                    .isGreaterThanOrEqualTo(life.multipliedBy(2).dividedBy(3));
        }
        assertThat(scene.server.apiUnauthorized()).isZero();
    }

    /**
     * A life counts from when the answer came, so little time must pass between server and client: one step at most,
     * where tokens are replaced three steps before they end.
     */
    private void letRefreshesEnd() {
        long began = System.nanoTime();
        while (scene.server.refreshRequests() > refreshed()
                && System.nanoTime() - began < Duration.ofSeconds(5).toNanos()) {
            Thread.onSpinWait();
        }
    }

    private long refreshed() {
        return scene.events.stream()
                .filter(event -> event.kind() == GrantListener.Kind.REFRESHED)
                .count();
    }

    // ---- Clocks ---------------------------------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(ints = {-10, 10})
    void a_clock_that_differs_from_the_servers_makes_no_difference(int minutes) throws Exception {
        scene.server.time(() -> scene.time.clock().instant().plus(Duration.ofMinutes(minutes)));
        Account alice = scene.signIn(scene.node(), "alice");
        OkHttpClient client = alice.wrap(scene.http);
        assertThat(scene.status(client)).isEqualTo(200);
        scene.time.pass(Duration.ofMinutes(6)); // before any limit
        assertThat(scene.status(client)).isEqualTo(200);
        assertThat(scene.server.refreshRequests()).isZero();
        scene.time.pass(Duration.ofMinutes(4));
        assertThat(scene.status(client)).isEqualTo(200);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
        assertThat(scene.server.apiUnauthorized()).isZero();
    }

    @Test
    void a_clock_that_is_set_a_day_ahead_and_back_costs_one_refresh() throws Exception {
        Account alice = scene.signIn(scene.node(), "alice");
        scene.time.jump(Duration.ofDays(1));
        String fresh = alice.tokens().accessToken();
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
        scene.time.jump(Duration.ofDays(-1));
        for (int i = 0; i < 10; i++) {
            assertThat(alice.tokens().accessToken()).isEqualTo(fresh);
        }
        assertThat(scene.node().account("alice").tokens().accessToken()).isEqualTo(fresh);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
        // It does not live until tomorrow for that.
        scene.expire();
        assertThat(alice.tokens().accessToken()).isNotEqualTo(fresh);
        assertThat(scene.server.refreshRequests()).isEqualTo(2);
        assertThat(alice.grant().orElseThrow().loginRequired()).isEmpty();
    }

    @Test
    void a_pause_that_was_noted_while_the_clock_was_a_day_ahead_does_not_last_a_day() throws Exception {
        Account alice = scene.signIn(scene.node(), "alice");
        scene.time.jump(Duration.ofDays(1));
        scene.server.onNextTokenRequest(Fault.retryAfter(503, "60"));
        assertThatThrownBy(alice::tokens).isInstanceOf(AuthorizationServerException.class);
        scene.time.jump(Duration.ofDays(-1));
        scene.expire();
        assertThat(alice.tokens()).isNotNull();
        assertThat(scene.node().account("alice").tokens()).isEqualTo(alice.tokens());
        assertThat(scene.server.refreshRequests()).isEqualTo(2);
    }

    /**
     * A suspended machine may stop both of its clocks, and the wall clock may not have been set yet when it wakes up.
     */
    @Test
    void a_machine_that_slept_finds_out_by_one_401() throws Exception {
        OkHttpClient client = scene.signIn(scene.node(), "alice").wrap(scene.http);
        scene.server.time(() -> scene.time.clock().instant().plus(Duration.ofHours(8)));
        assertThat(scene.status(client)).isEqualTo(200);
        assertThat(scene.status(client)).isEqualTo(200);
        assertThat(scene.server.apiUnauthorized()).isEqualTo(1);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
    }

    @Test
    void a_machine_that_slept_and_knows_it_does_not_try_the_old_token() throws Exception {
        OkHttpClient client = scene.signIn(scene.node(), "alice").wrap(scene.http);
        scene.time.jump(Duration.ofHours(8)); // the monotonic clock stood still
        assertThat(scene.status(client)).isEqualTo(200);
        assertThat(scene.server.apiUnauthorized()).isZero();
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
    }
}
