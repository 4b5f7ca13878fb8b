/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;

import dev.grantkeeper.testkit.Fault;
import dev.grantkeeper.testkit.Held;
import dev.grantkeeper.testkit.Rotation;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenSet;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/**
 * Two nodes over one store, of which one is slow, stopped for a while, or cut off, and comes back when the other has
 * gone on.
 */
@Timeout(300)
@Execution(ExecutionMode.CONCURRENT)
class LateAnswersTest {
    private final Scene scene = new Scene();
    // It goes on waiting in real time, while the clock is moved past its T as the other node sees it.
    private final Grantkeeper one =
            scene.node(scene.registration(scene.provider().build())
                    .tokenCallTimeout(Duration.ofMinutes(1))
                    .maxWait(Duration.ofMinutes(2)));
    private final Grantkeeper two =
            scene.node(scene.registration(scene.provider().build())
                    .tokenCallTimeout(Duration.ofSeconds(2))
                    .maxWait(Duration.ofMinutes(2)));

    @AfterEach
    void close() {
        scene.close();
    }

    /** The attempt of the first node stands in the row, T passes, and the second node refreshes instead. */
    private TokenSet takenOver() throws Exception {
        int before = scene.store.finds.get();
        Future<TokenSet> waiting = two.account("alice").tokensAsync();
        while (scene.store.finds.get() < before + 5) {
            Thread.onSpinWait();
        }
        assertThat(waiting.isDone()).isFalse();
        scene.passUnderObservation(Duration.ofSeconds(7), waiting); // T is two calls of 2 s
        return waiting.get(60, TimeUnit.SECONDS);
    }

    @Test
    void an_answer_that_comes_after_another_node_took_over_overwrites_nothing() throws Exception {
        scene.server.rotation(Rotation.GRACE); // both answers are good
        Account alice = scene.signIn(one, "alice");
        scene.expire();
        scene.server.resetCounters();
        Held held = scene.server.holdAnswers();
        Future<TokenSet> late = alice.tokensAsync();
        held.awaitArrived(1);
        scene.server.noFaults();
        TokenSet newer = takenOver();
        StoredTokens row = scene.store.rows.get(alice.key());
        held.release();
        assertThat(late.get(60, TimeUnit.SECONDS)).isEqualTo(newer);
        assertThat(scene.store.rows.get(alice.key())).isEqualTo(row);
        assertThat(alice.tokens()).isEqualTo(newer);
        assertThat(scene.server.refreshRequests()).isEqualTo(2);
        assertThat(scene.server.familiesRevoked()).isZero();
    }

    @Test
    void a_refusal_that_comes_after_another_node_took_over_signs_nobody_out() throws Exception {
        scene.server.rotation(Rotation.PLAIN); // a spent token is refused, and that is all
        Account alice = scene.signIn(one, "alice");
        scene.expire();
        scene.server.resetCounters();
        Held held = scene.server.hold();
        Future<TokenSet> late = alice.tokensAsync();
        held.awaitArrived(1);
        scene.server.noFaults();
        TokenSet newer = takenOver();
        StoredTokens row = scene.store.rows.get(alice.key());
        held.release();
        assertThat(late.get(60, TimeUnit.SECONDS)).isEqualTo(newer);
        assertThat(scene.store.rows.get(alice.key())).isEqualTo(row);
        assertThat(alice.grant().orElseThrow().loginRequired()).isEmpty();
        assertThat(scene.events).extracting(GrantListener.Event::kind).doesNotContain(GrantListener.Kind.REFUSED);
        assertThat(scene.server.refreshRequests()).isEqualTo(2);
    }

    @Test
    void a_failure_that_comes_after_another_node_took_over_makes_nobody_wait() throws Exception {
        scene.server.rotation(Rotation.PLAIN);
        Account alice = scene.signIn(one, "alice");
        scene.expire();
        Held held = new Held();
        scene.server.onNextTokenRequest(Fault.hold(held).then(Fault.retryAfter(503, "600")));
        Future<TokenSet> late = alice.tokensAsync();
        held.awaitArrived(1);
        TokenSet newer = takenOver();
        StoredTokens row = scene.store.rows.get(alice.key());
        held.release();
        assertThat(late.get(60, TimeUnit.SECONDS)).isEqualTo(newer);
        assertThat(scene.store.rows.get(alice.key())).isEqualTo(row);
    }

    @Test
    void a_node_waits_for_tokens_that_another_one_has_and_cannot_store_yet() throws Exception {
        scene.server.rotation(Rotation.STRICT);
        Account alice = scene.signIn(one, "alice");
        scene.expire();
        scene.server.resetCounters();
        Held held = scene.server.holdAnswers();
        Future<TokenSet> first = alice.tokensAsync();
        held.awaitArrived(1);
        scene.store.writesDown(true);
        held.release();
        TokenSet fresh = first.get(40, TimeUnit.SECONDS);
        // The store can be read, and tells the other node of the attempt only.
        int before = scene.store.finds.get();
        Future<TokenSet> second = two.account("alice").tokensAsync();
        while (scene.store.finds.get() < before + 5) {
            Thread.onSpinWait();
        }
        assertThat(second.isDone()).isFalse();
        scene.store.writesDown(false);
        one.close(); // which stores them at once; it would have tried again in a moment, too
        assertThat(second.get(40, TimeUnit.SECONDS)).isEqualTo(fresh);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
        assertThat(scene.server.reuseDetected()).isZero();
    }

    @Test
    void whoever_comes_first_a_user_who_signs_out_is_signed_out() throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(2);
        try {
            for (int round = 0; round < 100; round++) {
                String user = "user" + round;
                scene.importExpired(one, user);
                Grantkeeper leaves = round % 2 == 0 ? one : two;
                List<CompletableFuture<TokenSet>> refreshing = new ArrayList<>();
                refreshing.add(one.account(user).tokensAsync());
                for (int spin = 0; spin < (round % 30) * 300; spin++) {
                    Thread.onSpinWait();
                }
                Future<?> leaving = threads.submit(() -> {
                    leaves.account(user).signOut();
                    return null;
                });
                refreshing.add(two.account(user).tokensAsync());
                leaving.get(40, TimeUnit.SECONDS);
                assertThat(scene.store.rows).isEmpty();
                for (CompletableFuture<TokenSet> one : refreshing) {
                    try {
                        assertThat(one.get(40, TimeUnit.SECONDS)).isNotNull(); // a moment before
                    } catch (ExecutionException e) {
                        assertThat(e.getCause())
                                .isInstanceOfSatisfying(
                                        LoginRequiredException.class,
                                        required -> assertThat(required.reason())
                                                .isEqualTo(LoginRequiredException.Reason.NOT_CONNECTED));
                    }
                }
                assertThat(scene.store.rows).isEmpty();
            }
        } finally {
            threads.shutdownNow();
        }
        assertThat(scene.server.reuseDetected()).isZero();
    }
}
