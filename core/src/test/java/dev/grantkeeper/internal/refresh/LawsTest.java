/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import static org.assertj.core.api.Assertions.assertThat;

import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.protocol.Resource;
import dev.grantkeeper.internal.refresh.Plan.Rotation;
import dev.grantkeeper.internal.refresh.SimulatedServer.Fate;
import dev.grantkeeper.internal.refresh.SimulatedStore.Role;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.row.RowFormat;
import dev.grantkeeper.internal.row.VersionedRow;
import dev.grantkeeper.provider.Provider.Replay;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.TokenSet;
import dev.grantkeeper.token.TokenStore;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * The excuses of {@link Laws}: each speaks for one request, and a second one right beside it is found all the same.
 * What nodes do here is written by hand, since the refresher does not do it.
 */
class LawsTest {
    private static final Duration T = Simulation.TIMING.attempt();
    private static final String TWICE = "P1, law 1: set 0 is sent again, and nothing explains it";

    private final Scheduler.Carriers carriers = new Scheduler.Carriers();
    private final Simulation world = new Simulation(
            1, new Plan(Rotation.PLAIN, Replay.LATE, false, 1, 64, List.of(0L, 0L), 1, List.of()), carriers, null);
    private final AccountKey alice = world.users().get(0);
    private final RowFormat format = new RowFormat(null);
    private final Life one = new Life(world, 1);
    private final Life two = new Life(world, 2);

    @AfterEach
    void close() {
        carriers.close();
    }

    private interface Script {
        void run() throws IOException;
    }

    /** Runs this when the tokens have expired; returns the law that it breaks. */
    private @Nullable String broken(Script script) {
        world.begin();
        world.scheduler().spawn(world.scheduler().group(), () -> {
            world.scheduler().sleep(Simulation.LIFETIME);
            try {
                script.run();
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        });
        assertThat(world.scheduler().run()).isNull();
        return world.broken();
    }

    /** On a thread of a node, until that ends. */
    private void on(Life life, Role role, Life.Task task) {
        life.spawn(role, task);
        world.scheduler().sleep(Duration.ofMillis(500));
    }

    private VersionedRow row(Life life) throws IOException {
        return format.read(alice, world.store().from(life).find(alice).orElseThrow());
    }

    private void write(Life life, VersionedRow over, GrantRow next) throws IOException {
        TokenStore store = world.store().from(life);
        assertThat(store.replace(alice, over.version(), format.write(alice, next)))
                .isTrue();
    }

    /** Puts an attempt over whatever stands there. */
    private void mark(Life life, String attempt) throws IOException {
        VersionedRow over = row(life);
        write(life, over, over.row().attempting(attempt));
    }

    private Answer send(Life life) throws IOException {
        return world.server().request(life, row(life).row());
    }

    private void attempt(Life life, String attempt) throws IOException {
        mark(life, attempt);
        Answer unused = send(life);
    }

    private void refresh(Life life, String attempt) throws IOException {
        mark(life, attempt);
        VersionedRow mine = row(life);
        Answer answer = world.server().request(life, mine.row());
        TokenSet tokens = ((Answer.Tokens) answer)
                .response()
                .toTokenSet(mine.row().tokens(), Set.of(), life.wall(), Optional.empty());
        write(life, mine, mine.row().refreshed(Resource.OWN, tokens, false));
    }

    private void pass(Duration time) {
        world.scheduler().sleep(time);
    }

    @Test
    void two_requests_with_one_token_are_found() {
        assertThat(broken(() -> {
                    on(one, Role.REFRESH, () -> attempt(one, "a"));
                    pass(T);
                    on(two, Role.REFRESH, () -> attempt(two, "b"));
                }))
                .isEqualTo(TWICE);
    }

    @Test
    void a_lost_answer_excuses_the_next_request() {
        assertThat(broken(() -> {
                    one.willSend(Fate.ANSWER_LOST);
                    on(one, Role.REFRESH, () -> attempt(one, "a"));
                    pass(T);
                    on(two, Role.REFRESH, () -> attempt(two, "b"));
                }))
                .isNull();
    }

    @Test
    void a_lost_answer_excuses_one_request_and_not_two() {
        assertThat(broken(() -> {
                    one.willSend(Fate.NEVER_ARRIVES);
                    on(one, Role.REFRESH, () -> attempt(one, "a"));
                    pass(T);
                    on(two, Role.REFRESH, () -> attempt(two, "b"));
                    assertThat(world.broken()).isNull();
                    pass(T);
                    on(one, Role.REFRESH, () -> attempt(one, "c"));
                }))
                .isEqualTo(TWICE);
    }

    @Test
    void a_node_that_dies_while_it_refreshes_excuses_the_next_request() {
        assertThat(broken(() -> {
                    one.spawn(Role.REFRESH, () -> {
                        attempt(one, "a");
                        world.scheduler().sleep(T);
                    });
                    pass(Duration.ofMillis(500));
                    one.crash(false);
                    pass(T);
                    on(two, Role.REFRESH, () -> attempt(two, "b"));
                }))
                .isNull();
    }

    @Test
    void a_node_that_dies_after_it_has_lost_tokens_excuses_nothing() {
        assertThat(broken(() -> {
                    on(one, Role.REFRESH, () -> attempt(one, "a"));
                    one.crash(false);
                    pass(T);
                    on(two, Role.REFRESH, () -> attempt(two, "b"));
                }))
                .isEqualTo(TWICE);
    }

    @Test
    void a_node_that_is_paused_for_longer_than_its_attempt_excuses_the_next_request() {
        assertThat(broken(() -> {
                    one.willSend(Fate.SLOW);
                    one.spawn(Role.REFRESH, () -> attempt(one, "a"));
                    pass(Duration.ofMillis(50));
                    one.freeze(T.multipliedBy(3));
                    pass(T);
                    on(two, Role.REFRESH, () -> attempt(two, "b"));
                }))
                .isNull();
    }

    @Test
    void a_pause_after_the_outcome_was_written_excuses_nothing() {
        assertThat(broken(() -> {
                    on(one, Role.REFRESH, () -> refresh(one, "a"));
                    one.freeze(T.multipliedBy(3));
                    pass(Simulation.LIFETIME);
                    on(two, Role.REFRESH, () -> attempt(two, "b"));
                    pass(T);
                    on(one, Role.REFRESH, () -> attempt(one, "c"));
                }))
                .isEqualTo("P1, law 1: set 1 is sent again, and nothing explains it");
    }

    @Test
    void a_pause_does_not_excuse_who_has_not_waited_for_T() {
        assertThat(broken(() -> {
                    one.willSend(Fate.SLOW);
                    one.spawn(Role.REFRESH, () -> attempt(one, "a"));
                    pass(Duration.ofMillis(50));
                    one.freeze(T.multipliedBy(3));
                    pass(Duration.ofMillis(500));
                    on(two, Role.REFRESH, () -> attempt(two, "b"));
                }))
                .isEqualTo(TWICE);
    }

    @Test
    void a_store_that_fails_excuses_who_could_not_write_for_all_of_T() {
        assertThat(broken(() -> {
                    on(one, Role.REFRESH, () -> attempt(one, "a"));
                    one.storeDown(T, false);
                    on(one, Role.REFRESH, () -> mark(one, "never"));
                    pass(T);
                    on(two, Role.REFRESH, () -> attempt(two, "b"));
                }))
                .isNull();
    }

    @Test
    void trouble_with_the_store_after_T_excuses_nothing() {
        assertThat(broken(() -> {
                    on(one, Role.REFRESH, () -> attempt(one, "a"));
                    pass(T);
                    one.storeDown(T, false);
                    on(one, Role.REFRESH, () -> mark(one, "never"));
                    on(two, Role.REFRESH, () -> attempt(two, "b"));
                }))
                .isEqualTo(TWICE);
    }

    @Test
    void a_second_thought_excuses_what_was_sent_before_and_not_what_is_sent_after() {
        assertThat(broken(() -> {
                    one.willSend(Fate.NEVER_ARRIVES);
                    on(one, Role.REFRESH, () -> attempt(one, "a"));
                    on(one, Role.RECONSIDER, () -> {
                        VersionedRow over = row(one);
                        write(one, over, over.row().attempting(null).withoutFailures());
                    });
                    on(one, Role.REFRESH, () -> attempt(one, "b"));
                    assertThat(world.broken()).isNull();
                    pass(T);
                    on(two, Role.REFRESH, () -> attempt(two, "c"));
                }))
                .isEqualTo(TWICE);
    }

    @Test
    void what_is_sent_has_to_come_from_the_row_that_carried_the_attempt() {
        assertThat(broken(() -> {
                    GrantRow before = row(one).row();
                    on(one, Role.REFRESH, () -> refresh(one, "a"));
                    pass(Simulation.LIFETIME);
                    on(one, Role.REFRESH, () -> {
                        mark(one, "b");
                        Answer unused = world.server().request(one, before.attempting("b"));
                    });
                }))
                .isEqualTo("law 2: what is sent was not in the row that carried this attempt");
    }

    @Test
    void another_sends_nothing_under_this_attempt() {
        assertThat(broken(() -> {
                    on(one, Role.REFRESH, () -> mark(one, "a"));
                    on(two, Role.REFRESH, () -> {
                        Answer unused = send(two);
                    });
                }))
                .isEqualTo("law 2: what is sent was not in the row that carried this attempt");
    }
}
