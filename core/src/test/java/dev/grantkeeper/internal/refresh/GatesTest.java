/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import static org.assertj.core.api.Assertions.assertThat;

import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.refresh.EndpointGate.Visit;
import dev.grantkeeper.token.AccountKey;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A gate for each server: as many as are in use, and what happens at one is nothing to the others. */
class GatesTest {
    private static final int MOST = 10_000;
    private static final Answer FAILURE = new Answer.Failure(Answer.Kind.TEMPORARY, 503, null, null, null, null);
    private static final AccountKey ALICE = new AccountKey("api", "alice");
    private static final AccountKey BOB = new AccountKey("api", "bob");

    private final Clocks clocks = new Clocks(() -> Instant.EPOCH, () -> 0, bound -> 0);
    private final Workers workers = new WorkerThreads("gates", 1);
    private final Gates gates = new Gates(() -> new EndpointGate(clocks, 1, Duration.ofMinutes(1), workers));

    @AfterEach
    void close() {
        workers.close(Duration.ofSeconds(1));
    }

    private static Visit enter(EndpointGate gate, AccountKey key) {
        Visit visit = gate.visit(key, Urgency.CALLER, () -> {});
        assertThat(visit.enter() && visit.begin()).isTrue();
        return visit;
    }

    private static void fail(EndpointGate gate, AccountKey key) {
        Visit visit = enter(gate, key);
        visit.report(FAILURE);
        visit.leave();
    }

    private void meetManyOthers() {
        for (int i = 0; i < MOST; i++) {
            gates.of("https://other-" + i);
        }
    }

    @Test
    void trouble_at_one_server_does_not_close_the_gate_of_another() {
        EndpointGate here = gates.of("https://here");
        EndpointGate there = gates.of("https://there");
        for (int i = 0; i < 3; i++) {
            fail(here, new AccountKey("api", "user" + i));
        }

        assertThat(here.closed(ALICE)).isNotNull();
        assertThat(there.closed(ALICE)).isNull();
        assertThat(gates.of("").closed(ALICE)).isNull();
        assertThat(gates.of("https://here")).isSameAs(here);
    }

    @Test
    void a_full_gate_holds_nobody_back_at_another() {
        enter(gates.of("https://here"), ALICE);

        assertThat(gates.of("https://here").visit(BOB, Urgency.CALLER, () -> {}).enter())
                .isFalse();
        assertThat(gates.of("https://there")
                        .visit(BOB, Urgency.CALLER, () -> {})
                        .enter())
                .isTrue();
    }

    @Test
    void the_one_that_was_not_used_for_longest_is_forgotten() {
        EndpointGate oldest = gates.of("https://oldest");
        EndpointGate used = gates.of("https://used");
        for (int i = 0; i < MOST; i++) {
            gates.of("https://other-" + i);
            assertThat(gates.of("https://used")).isSameAs(used);
        }

        assertThat(gates.of("https://oldest")).isNotSameAs(oldest);
    }

    @Test
    void one_is_not_forgotten_while_somebody_is_inside_or_waits() {
        EndpointGate here = gates.of("https://here");
        Visit inside = enter(here, ALICE);
        meetManyOthers();
        assertThat(gates.of("https://here")).isSameAs(here);

        Visit waiting = here.visit(BOB, Urgency.CALLER, () -> {});
        assertThat(waiting.enter()).isFalse();
        meetManyOthers();
        assertThat(gates.of("https://here")).isSameAs(here);

        waiting.leave();
        inside.leave();
        meetManyOthers();
        assertThat(gates.of("https://here")).isNotSameAs(here);
    }

    /** URLs may come from users: any number of servers may be down. */
    @Test
    void servers_that_failed_are_forgotten_like_the_others() {
        EndpointGate here = gates.of("https://here");
        fail(here, ALICE);
        for (int i = 0; i < MOST; i++) {
            fail(gates.of("https://other-" + i), ALICE);
        }

        assertThat(gates.of("https://here")).isNotSameAs(here);
    }
}
