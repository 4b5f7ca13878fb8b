/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import static org.assertj.core.api.Assertions.assertThat;

import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.answer.TokenResponse;
import dev.grantkeeper.internal.refresh.EndpointGate.Visit;
import dev.grantkeeper.token.AccountKey;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** The gate opens and closes, one step after the other. */
class EndpointGateTest {
    private static final int SLOTS = 4;
    private static final Duration PATIENCE = Duration.ofMillis(500);
    private static final Answer TOKENS =
            new Answer.Tokens(TokenResponse.builder("a").scopes(Set.of()).build());
    private static final Answer FAILURE = new Answer.Failure(Answer.Kind.TEMPORARY, 503, null, null, null, null);
    private static final Answer LATER =
            new Answer.Failure(Answer.Kind.TEMPORARY, 503, null, null, Duration.ofMinutes(10), null);
    private static final Answer REJECTED =
            new Answer.Failure(Answer.Kind.MISCONFIGURED, 400, "unauthorized_client", null, null, null);
    private static final Answer INVALID_SCOPE =
            new Answer.Failure(Answer.Kind.MISCONFIGURED, 400, "invalid_scope", null, null, null);

    private final AtomicLong now = new AtomicLong();
    private final Clocks clocks =
            new Clocks(() -> Instant.EPOCH, now::get, bound -> 0); // no pause is longer than it has to be
    private final Timer workers = new Timer();
    private final EndpointGate gate = new EndpointGate(clocks, SLOTS, PATIENCE, workers);
    private int users;

    /** Runs what is due when it is told to. */
    private static final class Timer implements Workers {
        final Queue<Runnable> later = new ArrayDeque<>();
        final Queue<Runnable> patience = new ArrayDeque<>();
        final List<Urgency> woken = new ArrayList<>();

        @Override
        public void execute(Runnable task, Urgency urgency) {
            woken.add(urgency);
            task.run();
        }

        @Override
        public void read(Runnable task) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void later(Duration delay, Runnable task) {
            (delay.equals(PATIENCE) ? patience : later).add(task);
        }

        @Override
        public boolean pause(Duration delay) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void close(Duration limit) {
            throw new UnsupportedOperationException();
        }
    }

    private static AccountKey key(String user) {
        return new AccountKey("fake:client", user);
    }

    /** A visit of another user than all before, with a place. */
    private Visit placed() {
        Visit visit = gate.visit(key("user" + users++), Urgency.CALLER, () -> {});
        assertThat(visit.enter()).as("a free place").isTrue();
        return visit;
    }

    /** A visit that may send; {@code null} if the gate is closed. */
    private @Nullable Visit enter() {
        Visit visit = placed();
        return visit.begin() ? visit : null;
    }

    private void send(Answer answer) {
        Visit visit = enter();
        assertThat(visit).isNotNull();
        visit.report(answer);
        visit.leave();
    }

    private void send(String user, Answer answer) {
        Visit visit = gate.visit(key(user), Urgency.CALLER, () -> {});
        assertThat(visit.enter() && visit.begin()).as("may send").isTrue();
        visit.report(answer);
        visit.leave();
    }

    private void pass(Duration duration) {
        now.addAndGet(duration.toNanos());
    }

    private boolean isClosed() {
        return isClosed("somebody");
    }

    private boolean isClosed(String user) {
        return gate.closed(key(user)) != null;
    }

    private void close() {
        for (int i = 0; i < 3; i++) {
            send(FAILURE);
        }
        assertThat(isClosed()).isTrue();
    }

    @Test
    void three_failures_in_a_row_close_it_and_fewer_do_not() {
        send(FAILURE);
        send(FAILURE);
        send(TOKENS);
        send(FAILURE);
        send(FAILURE);
        assertThat(isClosed()).isFalse();
        send(FAILURE);
        assertThat(isClosed()).isTrue();
        assertThat(enter()).isNull();
    }

    @Test
    void after_a_pause_one_request_tries_and_the_others_wait_for_its_end() {
        close();
        pass(Backoff.SHORTEST);
        assertThat(isClosed()).isFalse();
        Visit trial = enter();
        assertThat(trial).isNotNull();
        assertThat(isClosed()).isTrue();
        assertThat(enter()).isNull();
        trial.report(FAILURE);
        trial.leave();
        assertThat(isClosed()).isTrue();
        pass(Backoff.SHORTEST);
        send(TOKENS);
        assertThat(isClosed()).isFalse();
    }

    @Test
    void a_trial_that_fails_closes_it_again_whatever_closed_it_before() {
        send(LATER);
        send(LATER);
        assertThat(isClosed()).isTrue();
        pass(Duration.ofMinutes(10));
        send(FAILURE);
        assertThat(isClosed()).isTrue();
    }

    @Test
    void a_trial_that_sent_nothing_leaves_it_to_another() {
        close();
        pass(Backoff.SHORTEST);
        enter().leave();
        send(TOKENS);
        assertThat(isClosed()).isFalse();
    }

    @Test
    void another_requests_end_does_not_end_a_trial() {
        Visit early = enter();
        close();
        pass(Backoff.SHORTEST);
        Visit trial = enter();
        early.report(FAILURE);
        early.leave();
        assertThat(isClosed()).isTrue();
        trial.report(TOKENS);
        trial.leave();
        assertThat(isClosed()).isFalse();
    }

    @Test
    void many_that_fail_at_once_are_one_failure() {
        List<Visit> visits = new ArrayList<>();
        for (int i = 0; i < SLOTS; i++) {
            visits.add(enter());
        }
        for (Visit visit : visits) {
            visit.report(FAILURE);
            visit.leave();
        }
        pass(Backoff.SHORTEST);
        assertThat(isClosed()).isFalse();
    }

    @Test
    void a_time_that_the_server_names_counts_whenever_it_is_heard() {
        Visit early = enter();
        Visit other = enter();
        close();
        for (Visit visit : List.of(early, other)) {
            visit.report(LATER);
            visit.leave();
        }
        pass(Duration.ofMinutes(9));
        Answer.Failure shut = gate.closed(key("somebody"));
        assertThat(shut).isNotNull();
        assertThat(shut.retryAfter()).isEqualTo(Duration.ofMinutes(1));
    }

    @Test
    void after_an_outage_the_slots_come_back_one_by_one() {
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
    void a_second_outage_in_the_recovery_begins_it_anew() {
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

    private int freeSlots() {
        List<Visit> visits = new ArrayList<>();
        while (true) {
            Visit visit = gate.visit(key("user" + users++), Urgency.CALLER, () -> {});
            if (!visit.enter()) {
                visit.leave();
                visits.forEach(Visit::leave);
                return visits.size();
            }
            visits.add(visit);
        }
    }

    // ---- Law 18: one grant's answers change nothing for another ---------------------------------------------------

    @Test
    void law_18_one_grant_that_always_fails_does_not_close_it() {
        for (int i = 0; i < 100; i++) {
            send("poisoned", FAILURE);
            assertThat(isClosed()).isFalse();
        }
    }

    @Test
    void law_18_a_client_that_one_grant_is_told_about_is_believed_when_a_second_one_hears_it() {
        send("tenant", REJECTED);
        assertThat(isClosed()).isFalse();
        assertThat(isClosed("tenant")).as("the one that heard it").isTrue();
        send("another", REJECTED);
        assertThat(isClosed()).isTrue();
    }

    @Test
    void law_18_two_grants_of_one_tenant_close_it_for_nobody_while_others_succeed() {
        for (int i = 0; i < 50; i++) {
            send(TOKENS);
            send("tenant's first" + i, REJECTED);
            send("tenant's second" + i, REJECTED);
            assertThat(isClosed()).isFalse();
        }
    }

    @Test
    void law_18_grants_that_fail_while_others_succeed_are_no_evidence_however_many_they_are() {
        for (int i = 0; i < 10; i++) {
            send("poisoned" + i, FAILURE);
            send(TOKENS);
        }
        for (int again = 0; again < 3; again++) {
            for (int i = 0; i < 10; i++) {
                send("poisoned" + i, FAILURE);
                assertThat(isClosed()).isFalse();
            }
        }
        send("poisoned0", TOKENS);
        send("poisoned0", FAILURE);
        send(FAILURE);
        send(FAILURE);
        assertThat(isClosed()).as("one that has recovered is evidence again").isTrue();
    }

    @Test
    void law_18_those_that_failed_in_an_outage_are_evidence_of_the_next_one() {
        send("a", FAILURE);
        send("b", FAILURE);
        send("c", FAILURE);
        pass(Backoff.SHORTEST);
        send(TOKENS);
        send("a", FAILURE);
        send("b", FAILURE);
        assertThat(isClosed()).isFalse();
        send("c", FAILURE);
        assertThat(isClosed()).isTrue();
    }

    @Test
    void law_18_the_request_that_tries_is_for_a_moment_left_to_grants_that_have_not_failed() {
        send("a", FAILURE);
        send("b", FAILURE);
        send("c", FAILURE);
        pass(Backoff.SHORTEST);
        assertThat(isClosed("a")).isTrue();
        assertThat(isClosed("somebody")).isFalse();
        pass(Backoff.SHORTEST);
        assertThat(isClosed("a")).isFalse();
    }

    @Test
    void law_18_where_the_client_is_rejected_grants_that_have_not_heard_it_may_try_once_a_second() {
        send("tenant", REJECTED);
        send("another", REJECTED);
        assertThat(isClosed()).isTrue();
        for (int i = 0; i < 5; i++) {
            pass(Backoff.SHORTEST);
            send(REJECTED);
            assertThat(isClosed()).isTrue();
        }
        pass(Backoff.SHORTEST);
        send(TOKENS);
        assertThat(isClosed()).isFalse();
    }

    @Test
    void law_18_the_pause_of_a_rejected_client_grows_and_ends_with_a_success() {
        send("tenant", REJECTED);
        pass(Backoff.SHORTEST);
        assertThat(isClosed("tenant")).isFalse();
        send("tenant", TOKENS);
        assertThat(isClosed("tenant")).isFalse();
    }

    @Test
    void law_18_a_pause_that_one_grant_is_told_to_make_closes_it_when_a_second_one_hears_it() {
        send("throttled", LATER);
        assertThat(isClosed()).isFalse();
        send("another", LATER);
        assertThat(isClosed()).isTrue();
        pass(Duration.ofMinutes(10));
        assertThat(isClosed()).isFalse();
    }

    @Test
    void law_18_an_error_about_what_one_grant_sent_says_that_the_endpoint_works() {
        send(FAILURE);
        send(FAILURE);
        send("strange scope", INVALID_SCOPE);
        send(FAILURE);
        assertThat(isClosed()).isFalse();
    }

    @Test
    void law_18_callers_hear_of_their_own_grants_failure_and_of_no_other() {
        send("tenant", REJECTED);
        send("throttled", LATER);
        Duration left = Duration.ofSeconds(3);
        assertThat(gate.lastFailure(key("tenant"), left).error()).isEqualTo("unauthorized_client");
        assertThat(gate.lastFailure(key("somebody"), left).error()).isNull();
    }

    // ---- Law 19: callers go before everything that nobody waits for -----------------------------------------------

    private Visit queued(Urgency urgency, Runnable wake) {
        Visit visit = gate.visit(key("user" + users++), urgency, wake);
        assertThat(visit.enter()).as("a place").isFalse();
        return visit;
    }

    @Test
    void law_19_callers_get_the_next_place_before_everything_in_the_background() {
        List<Visit> full = List.of(placed(), placed(), placed(), placed());
        List<String> order = new ArrayList<>();
        queued(Urgency.BACKGROUND, () -> order.add("background"));
        queued(Urgency.CALLER, () -> order.add("caller"));
        Visit hurried = queued(Urgency.BACKGROUND, () -> order.add("hurried"));
        hurried.hurry();
        full.forEach(Visit::leave);
        assertThat(order).containsExactly("caller", "hurried", "background");
        assertThat(workers.woken).containsExactly(Urgency.CALLER, Urgency.CALLER, Urgency.BACKGROUND);
    }

    @Test
    void law_19_a_visit_that_left_the_queue_takes_no_place() {
        List<Visit> full = List.of(placed(), placed(), placed(), placed());
        queued(Urgency.CALLER, () -> {
                    throw new AssertionError("it has left");
                })
                .leave();
        full.forEach(Visit::leave);
        assertThat(freeSlots()).isEqualTo(SLOTS);
    }

    @Test
    void law_19_requests_that_hang_lend_their_places_to_callers_and_to_nobody_else() {
        List<Visit> hanging = List.of(enter(), enter(), enter(), enter());
        List<String> order = new ArrayList<>();
        queued(Urgency.BACKGROUND, () -> order.add("background"));
        queued(Urgency.CALLER, () -> order.add("caller"));
        assertThat(order).isEmpty();
        workers.patience.remove().run();
        assertThat(order).as("none of them has hung for long").isEmpty();
        workers.patience.remove().run();
        assertThat(order).containsExactly("caller");
        for (int i = 1; i < SLOTS; i++) {
            Visit next = gate.visit(key("user" + users++), Urgency.CALLER, () -> {});
            assertThat(next.enter()).as("place " + i + ", lent").isTrue();
        }
        hanging.forEach(Visit::leave);
        assertThat(order).containsExactly("caller");
    }

    @Test
    void law_19_a_request_that_hangs_lends_its_place_to_the_one_that_tries_whether_the_endpoint_is_back() {
        List<Visit> hanging = List.of(enter(), enter(), enter(), enter());
        workers.patience.remove().run();
        workers.patience.remove().run();
        for (int i = 0; i < 3; i++) {
            hanging.get(i).report(FAILURE);
        }
        assertThat(isClosed()).isTrue();
        pass(Backoff.SHORTEST);
        Visit trial = enter();
        assertThat(trial).isNotNull();
        Visit next = gate.visit(key("the next"), Urgency.CALLER, () -> {});
        assertThat(next.enter()).as("a place for one").isFalse();
        next.leave();
        trial.report(TOKENS);
        assertThat(isClosed()).isFalse();
    }
}
