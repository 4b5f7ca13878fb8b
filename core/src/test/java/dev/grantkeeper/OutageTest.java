/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;

import dev.grantkeeper.testkit.Fault;
import dev.grantkeeper.testkit.Rotation;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A token endpoint that is down for five seconds while 200 threads want one grant whose access token has expired.
 *
 * <p>The test moves the clock, a little at a time, and only after every thread has had the answer to its call: a caller
 * who waited for the end of the outage would stop it for ever.
 */
@Timeout(300)
class OutageTest {
    private static final int THREADS = 200;
    private static final Duration OUTAGE = Duration.ofSeconds(5);
    private static final Duration STEP = Duration.ofMillis(200);

    private final Scene scene = new Scene();
    private final ExecutorService threads = Executors.newFixedThreadPool(THREADS);

    @AfterEach
    void close() {
        threads.shutdownNow();
        scene.close();
    }

    /** Nodes on which a call would rather wait for minutes than fail. */
    private List<Account> alice(int nodes) throws IOException {
        List<Account> accounts = new ArrayList<>();
        for (int i = 0; i < nodes; i++) {
            accounts.add(scene.node(scene.registration(scene.provider().build()).maxWait(Duration.ofMinutes(5)))
                    .account("alice"));
        }
        scene.server.rotation(Rotation.STRICT);
        ((LoginResult.SignedIn) scene.login(scene.node(), "alice")).keepAs("alice");
        for (Account account : accounts) {
            assertThat(account.tokens()).isNotNull();
        }
        scene.expire();
        scene.server.resetCounters();
        return accounts;
    }

    /** Every thread makes one call, all have ended; how they ended, {@code null} for tokens. */
    private List<OAuthException> everybodyCallsOnce(List<Account> accounts) throws Exception {
        List<Callable<OAuthException>> calls = new ArrayList<>();
        for (int i = 0; i < THREADS; i++) {
            Account account = accounts.get(i % accounts.size());
            calls.add(() -> {
                try {
                    TokenSet unused = account.tokens();
                    return null;
                } catch (OAuthException e) {
                    return e;
                }
            });
        }
        List<OAuthException> failures = new ArrayList<>();
        for (Future<OAuthException> call : threads.invokeAll(calls, 20, TimeUnit.SECONDS)) {
            failures.add(call.get()); // one that had not ended is cancelled, and throws
        }
        return failures;
    }

    /**
     * Lets time pass, second by second, and never while a request behind the scenes is under way: minutes in the middle
     * of one would be a node that was cut off for as long.
     */
    private void passWithoutRequests(Duration time) {
        Duration second = Duration.ofSeconds(1);
        for (Duration left = time; !left.isZero(); ) {
            Duration step = left.compareTo(second) < 0 ? left : second;
            long began = System.nanoTime();
            while (ended() < scene.server.tokenRequests() && System.nanoTime() - began < TimeUnit.SECONDS.toNanos(20)) {
                Thread.onSpinWait();
            }
            scene.time.pass(step);
            left = left.minus(step);
        }
    }

    private long ended() {
        return scene.events.stream()
                .filter(event ->
                        event.kind() == GrantListener.Kind.FAILED || event.kind() == GrantListener.Kind.REFRESHED)
                .count();
    }

    private void assertTemporary(List<OAuthException> failures) {
        assertThat(failures)
                .hasSize(THREADS)
                .allSatisfy(failure -> assertThat(failure)
                        .isInstanceOfSatisfying(
                                AuthorizationServerException.class,
                                temporary -> assertThat(temporary.kind())
                                        .isEqualTo(AuthorizationServerException.Kind.TEMPORARY)));
    }

    @ParameterizedTest(name = "{0} node(s)")
    @ValueSource(ints = {1, 4})
    void an_outage_of_five_seconds_costs_six_requests_at_most_and_no_caller_waits_for_its_end(int nodes)
            throws Exception {
        List<Account> accounts = alice(nodes);
        scene.server.onEveryTokenRequest(Fault.status(503));
        long start = scene.time.ticks();
        while (scene.time.ticks() - start < OUTAGE.toNanos()) {
            assertTemporary(everybodyCallsOnce(accounts));
            scene.time.pass(STEP);
        }
        // Each failure is followed by a pause of a second at least: five requests, and one at the very end.
        assertThat(scene.server.tokenRequests()).isBetween(1, 6);
        assertThat(accounts.get(0).grant().orElseThrow().loginRequired()).isEmpty();

        scene.server.noFaults();
        scene.server.resetCounters();
        scene.time.pass(Duration.ofMinutes(2)); // longer than any pause
        assertThat(everybodyCallsOnce(accounts)).hasSize(THREADS).containsOnlyNulls();
        assertThat(scene.status(accounts.get(nodes - 1).wrap(scene.http))).isEqualTo(200);
        assertThat(scene.server.tokenRequests()).isEqualTo(1);
        assertThat(scene.server.reuseDetected()).isZero();
        assertThat(scene.server.familiesRevoked()).isZero();
    }

    @ParameterizedTest(name = "{0} node(s)")
    @ValueSource(ints = {1, 4})
    void the_first_request_after_an_outage_ends_it_for_every_node(int nodes) throws Exception {
        List<Account> accounts = alice(nodes);
        scene.server.onEveryTokenRequest(Fault.status(503));
        assertTemporary(everybodyCallsOnce(accounts));
        scene.server.noFaults();
        scene.server.resetCounters();
        scene.time.pass(Duration.ofSeconds(10));
        String fresh = accounts.get(0).tokens().accessToken();
        for (Account account : accounts) {
            assertThat(account.tokens().accessToken()).isEqualTo(fresh);
        }
        assertThat(scene.server.tokenRequests()).isEqualTo(1);
    }

    @ParameterizedTest(name = "{0} node(s)")
    @ValueSource(ints = {1, 4})
    void a_server_that_says_when_to_come_again_is_asked_once_until_then(int nodes) throws Exception {
        List<Account> accounts = alice(nodes);
        scene.server.onEveryTokenRequest(Fault.retryAfter(503, "600"));
        for (int i = 0; i < 10; i++) {
            assertTemporary(everybodyCallsOnce(accounts));
            scene.time.pass(OUTAGE);
        }
        assertThat(scene.server.tokenRequests()).isEqualTo(1);
        scene.server.noFaults();
        scene.time.pass(Duration.ofMinutes(10));
        assertThat(everybodyCallsOnce(accounts)).containsOnlyNulls();
        assertThat(scene.server.tokenRequests()).isEqualTo(2);
        assertThat(scene.server.reuseDetected()).isZero();
    }

    @Test
    void a_token_that_is_still_valid_outlives_the_outage_unnoticed() throws Exception {
        List<Account> accounts = alice(4);
        assertThat(everybodyCallsOnce(accounts)).containsOnlyNulls();
        scene.server.onEveryTokenRequest(Fault.status(503));
        scene.server.resetCounters();
        scene.events.clear();
        scene.time.pass(Duration.ofMinutes(9)); // past the soft limit
        long start = scene.time.ticks();
        while (scene.time.ticks() - start < OUTAGE.toNanos()) {
            assertThat(everybodyCallsOnce(accounts)).containsOnlyNulls();
            passWithoutRequests(STEP);
        }
        assertThat(scene.server.tokenRequests()).isLessThanOrEqualTo(6);
        scene.server.noFaults();
        passWithoutRequests(Duration.ofMinutes(2)); // longer than any pause
        List<OAuthException> failures = everybodyCallsOnce(accounts);
        assertThat(failures).containsOnlyNulls();
        assertThat(scene.server.reuseDetected()).isZero();
    }
}
