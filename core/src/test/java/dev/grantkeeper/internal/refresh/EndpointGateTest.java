/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import static org.assertj.core.api.Assertions.assertThat;

import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.answer.TokenResponse;
import dev.grantkeeper.internal.refresh.EndpointGate.Pass;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** The gate opens and closes, one step after the other. */
class EndpointGateTest {
    private static final int SLOTS = 4;
    private static final Answer TOKENS =
            new Answer.Tokens(TokenResponse.builder("a").scopes(Set.of()).build());
    private static final Answer FAILURE = new Answer.Failure(Answer.Kind.TEMPORARY, 503, null, null, null, null);
    private static final Answer LATER =
            new Answer.Failure(Answer.Kind.TEMPORARY, 503, null, null, Duration.ofMinutes(10), null);

    private final AtomicLong now = new AtomicLong();
    private final Clocks clocks =
            new Clocks(() -> Instant.EPOCH, now::get, bound -> 0); // no pause is longer than it has to be
    private final Timer workers = new Timer();
    private final EndpointGate gate = new EndpointGate(clocks, SLOTS, workers);

    /** Runs what is due when it is told to. */
    private static final class Timer implements Workers {
        final Queue<Runnable> later = new ArrayDeque<>();

        @Override
        public void execute(Runnable task) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void read(Runnable task) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void later(Duration delay, Runnable task) {
            later.add(task);
        }

        @Override
        public boolean pause(Duration delay) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void acquire(Semaphore slots) {
            assertThat(slots.tryAcquire()).as("a free slot").isTrue();
        }

        @Override
        public void close(Duration limit) {
            throw new UnsupportedOperationException();
        }
    }

    private void send(Answer answer) throws InterruptedException {
        try (Pass pass = gate.enter()) {
            assertThat(pass).isNotNull();
            pass.report(answer);
        }
    }

    private void pass(Duration duration) {
        now.addAndGet(duration.toNanos());
    }

    private boolean isClosed() {
        return gate.closed() != null;
    }

    private void close() throws InterruptedException {
        for (int i = 0; i < 3; i++) {
            send(FAILURE);
        }
        assertThat(isClosed()).isTrue();
    }

    @Test
    void three_failures_in_a_row_close_it_and_fewer_do_not() throws Exception {
        send(FAILURE);
        send(FAILURE);
        send(TOKENS);
        send(FAILURE);
        send(FAILURE);
        assertThat(isClosed()).isFalse();
        send(FAILURE);
        assertThat(isClosed()).isTrue();
        assertThat(gate.enter()).isNull();
    }

    @Test
    void after_a_pause_one_request_tries_and_the_others_wait_for_its_end() throws Exception {
        close();
        pass(Backoff.SHORTEST);
        assertThat(isClosed()).isFalse();
        Pass trial = gate.enter();
        assertThat(trial).isNotNull();
        assertThat(isClosed()).isTrue();
        assertThat(gate.enter()).isNull();
        trial.report(FAILURE);
        trial.close();
        assertThat(isClosed()).isTrue();
        pass(Backoff.SHORTEST);
        send(TOKENS);
        assertThat(isClosed()).isFalse();
    }

    @Test
    void a_trial_that_fails_closes_it_again_whatever_closed_it_before() throws Exception {
        send(LATER);
        assertThat(isClosed()).isTrue();
        pass(Duration.ofMinutes(10));
        send(FAILURE);
        assertThat(isClosed()).isTrue();
    }

    @Test
    void a_trial_that_sent_nothing_leaves_it_to_another() throws Exception {
        close();
        pass(Backoff.SHORTEST);
        gate.enter().close();
        send(TOKENS);
        assertThat(isClosed()).isFalse();
    }

    @Test
    void another_requests_end_does_not_end_a_trial() throws Exception {
        Pass early = gate.enter();
        close();
        pass(Backoff.SHORTEST);
        Pass trial = gate.enter();
        early.report(FAILURE);
        early.close();
        assertThat(isClosed()).isTrue();
        trial.report(TOKENS);
        trial.close();
        assertThat(isClosed()).isFalse();
    }

    @Test
    void many_that_fail_at_once_are_one_failure() throws Exception {
        List<Pass> passes = new ArrayList<>();
        for (int i = 0; i < SLOTS; i++) {
            passes.add(gate.enter());
        }
        for (Pass pass : passes) {
            pass.report(FAILURE);
            pass.close();
        }
        pass(Backoff.SHORTEST);
        assertThat(isClosed()).isFalse();
    }

    @Test
    void a_time_that_the_server_names_counts_whenever_it_is_heard() throws Exception {
        Pass early = gate.enter();
        close();
        early.report(LATER);
        early.close();
        pass(Duration.ofMinutes(9));
        Answer.Failure shut = gate.closed();
        assertThat(shut).isNotNull();
        assertThat(shut.retryAfter()).isEqualTo(Duration.ofMinutes(1));
    }

    @Test
    void after_an_outage_the_slots_come_back_one_by_one() throws Exception {
        close();
        pass(Backoff.SHORTEST);
        send(TOKENS);
        for (int free = 1; free <= SLOTS; free++) {
            assertThat(freeSlots()).isEqualTo(free);
            Runnable next = workers.later.poll();
            if (next != null) {
                next.run();
            }
        }
        assertThat(workers.later).isEmpty();
    }

    @Test
    void a_second_outage_in_the_recovery_begins_it_anew() throws Exception {
        close();
        pass(Backoff.SHORTEST);
        send(TOKENS);
        workers.later.remove().run();
        workers.later.remove().run();
        assertThat(freeSlots()).isEqualTo(3);
        close();
        workers.later.remove().run();
        assertThat(workers.later).isEmpty();
        pass(Backoff.SHORTEST);
        send(TOKENS);
        assertThat(freeSlots()).isEqualTo(1);
        assertThat(workers.later).hasSize(1);
    }

    private int freeSlots() throws InterruptedException {
        List<Pass> passes = new ArrayList<>();
        while (true) {
            @Nullable Pass pass;
            try {
                pass = gate.enter();
            } catch (AssertionError none) {
                passes.forEach(Pass::close);
                return passes.size();
            }
            passes.add(pass);
        }
    }
}
