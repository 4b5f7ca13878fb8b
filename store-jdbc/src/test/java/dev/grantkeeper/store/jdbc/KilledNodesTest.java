/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import com.zaxxer.hikari.HikariDataSource;
import dev.grantkeeper.Grantkeeper;
import dev.grantkeeper.LoginResult;
import dev.grantkeeper.PendingLogin;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.testkit.FakeAuthorizationServer;
import dev.grantkeeper.testkit.Fault;
import dev.grantkeeper.testkit.Held;
import dev.grantkeeper.testkit.Rotation;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.h2.tools.Server;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/**
 * Four processes over one database, one of which is killed in every refresh. The others go on once the attempt of the
 * dead one has stood for T, and a user has to sign in again only where the dead one took the answer with it and the
 * server takes each refresh token once.
 *
 * <p>All clocks stand still and are moved by the test, but where a test says otherwise: a slow machine changes nothing,
 * and the databases can have their turns at once. Pauses of the nodes take their time all the same.
 */
@Timeout(value = 80, unit = TimeUnit.MINUTES)
@Execution(ExecutionMode.CONCURRENT)
class KilledNodesTest {
    private static final int ROUNDS = Integer.getInteger("grantkeeper.kills", 3);
    private static final long SEED = Long.getLong("grantkeeper.kills.seed", System.nanoTime());
    private static final int PROCESSES = 4;
    private static final int CALLS = 3;
    private static final Duration LIFETIME = Duration.ofMinutes(10);
    private static final Duration T = NodeProcess.TOKEN_CALL.multipliedBy(2);

    /** T where a second request does no harm. */
    private static final Duration PROMPT_T = Duration.ofSeconds(4);

    /** The grace window of some servers, and the longest that a caller waits by default. */
    private static final Duration TEN_SECONDS = Duration.ofSeconds(10);

    /** Less than the gap between reads that still counts, a tenth of T. */
    private static final Duration STEP = T.dividedBy(11);

    /** The step that the one who is killed has reached. */
    private enum Moment {
        /** It is about to write its attempt. */
        BEFORE_ATTEMPT(false, 1),
        /** Its attempt is in the row, and nothing was sent. */
        AFTER_ATTEMPT(true, 1),
        /** Its request has reached the server, which has not acted and never will. */
        ARRIVED(true, 2),
        /** The server has issued new tokens, and not answered. */
        ISSUED(true, 2),
        /** It has the answer, and is about to write it. */
        BEFORE_OUTCOME(true, 2),
        /** The new tokens are stored. */
        AFTER_OUTCOME(false, 1),
        /** It may be anywhere: nobody looks. */
        ANY(false, 2);

        /** Whether the others have to wait for T. */
        final boolean attemptStays;
        /** The requests that the whole refresh takes, at most. */
        final int requests;

        Moment(boolean attemptStays, int requests) {
            this.attemptStays = attemptStays;
            this.requests = requests;
        }

        boolean losesTheAnswer() {
            return this == ISSUED || this == BEFORE_OUTCOME;
        }
    }

    private final Random random = new Random(SEED);
    private final Instant begun = Instant.now().truncatedTo(ChronoUnit.MILLIS);
    private final AtomicLong passed = new AtomicLong();
    private volatile boolean timeStandsStill = true;
    private final FakeAuthorizationServer server = FakeAuthorizationServer.start()
            .client(NodeProcess.CLIENT, NodeProcess.SECRET, NodeProcess.REDIRECT)
            .accessTokenLifetime(LIFETIME)
            .time(this::now);
    private final List<NodeProcess> nodes = new ArrayList<>();
    private final BlockingQueue<NodeProcess> stopped = new LinkedBlockingQueue<>();
    private final Map<String, Integer> results = new TreeMap<>();
    private String database = "";
    private Duration tokenCall = NodeProcess.TOKEN_CALL;
    private Provider.Replay replay = Provider.Replay.LATE;
    private Duration grace = LIFETIME;
    private int started;

    @TempDir
    Path directory;

    @AfterEach
    void stop() {
        nodes.forEach(NodeProcess::close);
        server.close();
        if (!results.isEmpty()) {
            System.out.println("Seed " + SEED + ", the others' answers by moment and how often: " + results);
        }
    }

    @Test
    void over_postgresql_only_a_lost_answer_ends_a_grant_at_a_strict_server() throws Exception {
        killOneInEachRound(Databases.newPostgresDatabase(), Rotation.STRICT);
    }

    @Test
    void over_mariadb_only_a_lost_answer_ends_a_grant_at_a_strict_server() throws Exception {
        killOneInEachRound(Databases.newMariaDbDatabase(), Rotation.STRICT);
    }

    @Test
    void over_an_h2_server_nothing_ends_a_grant_at_a_server_with_a_grace_period() throws Exception {
        Server h2 = Server.createTcpServer("-tcpPort", "0", "-ifNotExists", "-baseDir", directory.toString())
                .start();
        try {
            killOneInEachRound(
                    "jdbc:h2:tcp://127.0.0.1:" + h2.getPort() + "/./nodes;DB_CLOSE_DELAY=60", Rotation.GRACE);
        } finally {
            nodes.forEach(NodeProcess::close);
            h2.stop();
        }
    }

    /** No session is lost and no call fails, although callers wait for no more than ten seconds by default. */
    @Test
    void over_postgresql_a_grace_window_of_ten_seconds_is_used_in_time() throws Exception {
        replay = Provider.Replay.PROMPT;
        grace = TEN_SECONDS;
        killOneInEachRound(Databases.newPostgresDatabase(), Rotation.GRACE);
    }

    /** Its answers take so long that the node that waits for one shows the others that it lives. */
    @Test
    void over_mariadb_nobody_waits_longer_than_a_token_call_at_a_server_that_never_rotates() throws Exception {
        replay = Provider.Replay.PROMPT;
        server.onEveryTokenRequest(Fault.delayAnswer(PROMPT_T.dividedBy(3)));
        killOneInEachRound(Databases.newMariaDbDatabase(), Rotation.REUSABLE);
    }

    /** On the clock on the wall, with an attempt that stands for two seconds: nobody lets time pass for the others. */
    @Test
    @Timeout(300)
    void the_others_go_on_without_help() throws Exception {
        server.rotation(Rotation.GRACE).grace(LIFETIME);
        database = Databases.newPostgresDatabase();
        tokenCall = Duration.ofSeconds(1);
        timeStandsStill = false;
        signIn();
        startNodes();
        for (Moment moment : List.of(Moment.AFTER_ATTEMPT, Moment.ISSUED)) {
            server.resetCounters();
            pass(LIFETIME.plusSeconds(1));
            killDuringRefresh(moment);
            for (NodeProcess node : nodes) {
                assertThat(node.answer("end")).isEqualTo(String.valueOf(CALLS));
            }
            join(startNode());
        }
    }

    private void killOneInEachRound(String url, Rotation rotation) throws Exception {
        server.rotation(rotation).grace(grace);
        database = url;
        signIn();
        startNodes();
        List<Moment> moments = new ArrayList<>();
        for (int round = 1; round <= ROUNDS; round++) {
            if (moments.isEmpty()) {
                moments.addAll(List.of(Moment.values()));
                Collections.shuffle(moments, random);
            }
            Moment moment = moments.remove(0);
            String name = "-Dgrantkeeper.kills.seed=" + SEED + ", round " + round + ", " + moment;
            killOne(moment, rotation, name);
        }
    }

    private void killOne(Moment moment, Rotation rotation, String round) throws Exception {
        server.resetCounters();
        pass(LIFETIME.plusSeconds(1));
        Instant began = now();
        NodeProcess victim = killDuringRefresh(moment);
        boolean sent = requestsOf(victim) > 0;

        List<String> states = answers("watch");
        boolean waiting = !states.contains("done");
        if (moment != Moment.ANY) {
            assertThat(waiting).as("%s, %s", round, states).isEqualTo(moment.attemptStays);
        }
        if (waiting) {
            int before = server.tokenRequests();
            while (!states.contains("done")) {
                int requests = server.tokenRequests();
                if (since(began).compareTo(t()) < 0) {
                    assertThat(states).as(round).containsOnly("waiting");
                    assertThat(requests).as(round).isEqualTo(before);
                }
                pass(STEP);
                states = answers("look");
            }
            assertThat(since(began)).as(round).isGreaterThanOrEqualTo(t());
            if (replay == Provider.Replay.PROMPT) {
                assertThat(since(began)).as(round).isLessThan(TEN_SECONDS);
            }
        }
        NodeProcess next = startNode();
        List<String> calls = answers("end");
        boolean ended = server.reuseDetected() > 0;
        if (moment == Moment.ANY) {
            assertThat(ended && !(rotation == Rotation.STRICT && waiting && sent))
                    .as(round)
                    .isFalse();
        } else {
            assertThat(ended).as(round).isEqualTo(rotation == Rotation.STRICT && moment.losesTheAnswer());
            assertThat(server.tokenRequests()).as(round).isEqualTo(moment.requests);
        }
        assertThat(server.tokenRequests()).as(round).isLessThanOrEqualTo(moment.requests);
        if (ended) {
            assertThat(calls).as(round).containsOnly("0 ANSWER_LOST");
            signIn();
        } else {
            assertThat(calls).as(round).containsOnly(String.valueOf(CALLS));
        }
        calls.forEach(call -> results.merge(moment + ": " + call, 1, Integer::sum));
        join(next);
    }

    /** Begins calls in all processes at once, and kills one of them when its refresh has come so far. */
    private NodeProcess killDuringRefresh(Moment moment) throws Exception {
        Held held = new Held();
        stopped.clear();
        switch (moment) {
            case ARRIVED -> server.onNextTokenRequest(Fault.hold(held).then(Fault.dropBefore()));
            case ISSUED -> server.onNextTokenRequest(Fault.holdAnswer(held));
            case ANY -> {}
            default -> answers("stop " + moment);
        }
        answers("begin " + CALLS);
        NodeProcess victim = switch (moment) {
            case ARRIVED, ISSUED -> {
                held.awaitArrived(1);
                yield nodes.stream()
                        .filter(node -> requestsOf(node) > 0)
                        .findAny()
                        .orElseThrow();
            }
            case ANY -> {
                TimeUnit.MICROSECONDS.sleep(random.nextInt(30_000));
                yield nodes.get(random.nextInt(PROCESSES));
            }
            default -> {
                NodeProcess first = stopped.poll(60, TimeUnit.SECONDS);
                assertThat(first).as("whoever comes to %s", moment).isNotNull();
                yield first;
            }
        };
        victim.kill();
        nodes.remove(victim);
        held.release();
        answers("go");
        return victim;
    }

    private long requestsOf(NodeProcess node) {
        return server.recordedTokenRequests().stream()
                .filter(request -> request.query().equals(node.tokenQuery()))
                .count();
    }

    private List<String> answers(String order) throws Exception {
        return answers(nodes, order);
    }

    private static List<String> answers(List<NodeProcess> from, String order) throws Exception {
        from.forEach(node -> node.order(order));
        List<String> answers = new ArrayList<>();
        for (NodeProcess node : from) {
            answers.add(node.answer());
        }
        return answers;
    }

    /** The time by the clocks of the nodes and the server. */
    private Instant now() {
        return (timeStandsStill ? begun : Instant.now()).plusNanos(passed.get());
    }

    private long ticks() {
        return (timeStandsStill ? 0 : System.nanoTime()) + passed.get();
    }

    private Duration since(Instant began) {
        return Duration.between(began, now());
    }

    private void pass(Duration time) throws Exception {
        passed.addAndGet(time.toNanos());
        answers("pass " + time.toMillis());
    }

    private void startNodes() throws Exception {
        List<NodeProcess> all = new ArrayList<>();
        for (int i = 0; i < PROCESSES; i++) {
            all.add(startNode());
        }
        for (NodeProcess node : all) {
            join(node);
        }
    }

    private Duration t() {
        return replay == Provider.Replay.PROMPT ? PROMPT_T : T;
    }

    private NodeProcess startNode() throws IOException {
        return NodeProcess.start(server.url(), database, String.valueOf(++started), tokenCall, replay, stopped::add);
    }

    private void join(NodeProcess node) throws Exception {
        nodes.add(node);
        assertThat(node.answer()).isEqualTo("ready");
        if (timeStandsStill) {
            node.answer("freeze " + begun.toEpochMilli());
        }
        node.answer("pass " + TimeUnit.NANOSECONDS.toMillis(passed.get()));
    }

    private void signIn() throws Exception {
        try (HikariDataSource pool = (HikariDataSource) NodeProcess.dataSource(database);
                Grantkeeper node = NodeProcess.registration(server.url(), pool, passed)
                        .time(this::now, this::ticks)
                        .build()) {
            PendingLogin login = node.startLogin();
            String callback = server.approve(login.url().toString(), "alice");
            LoginResult result = node.finishLogin(login, URI.create(callback).getRawQuery());
            ((LoginResult.SignedIn) result).keepAs("alice");
        }
    }
}
