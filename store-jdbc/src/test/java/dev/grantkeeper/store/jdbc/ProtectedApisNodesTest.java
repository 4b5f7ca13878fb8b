/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.grantkeeper.testkit.FakeAuthorizationServer;
import dev.grantkeeper.testkit.FakeProtectedApi;
import dev.grantkeeper.testkit.Fault;
import dev.grantkeeper.testkit.Held;
import dev.grantkeeper.testkit.Rotation;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Four processes over one PostgreSQL, and an API that nobody has seen: they register once at its server, whatever
 * becomes of the one that does it. All clocks stand still and are moved by the test, so a slow machine changes little.
 */
@Timeout(value = 20, unit = TimeUnit.MINUTES)
class ProtectedApisNodesTest {
    private static final int ROUNDS = Integer.getInteger("grantkeeper.rounds", 2);
    private static final int KILLS = Integer.getInteger("grantkeeper.kills", 1);
    private static final int PROCESSES = 4;
    private static final int THREADS = 50;
    private static final int USERS = PROCESSES * THREADS;
    private static final Duration LIFETIME = Duration.ofMinutes(10);

    /** The time for which metadata of a server are taken to be current, and a little more. */
    private static final Duration DAY = Duration.ofHours(25);

    /** The time after which a registration that was begun is taken for lost. */
    private static final Duration T = Duration.ofSeconds(4);

    /** Less than the gap between reads that still counts. */
    private static final Duration STEP = Duration.ofMillis(1_900);

    /** A real time in which all is done as a rule, and the time that passes where it is not. */
    private static final Duration PATIENCE = Duration.ofSeconds(5);

    private static final Duration MOMENT = Duration.ofMillis(500);

    /** The step that the node that is killed has reached. */
    private enum Moment {
        /** The server has registered a client, and not answered. */
        REGISTERED,
        /** The node has the answer, and is about to store it. */
        ANSWERED
    }

    private final Instant begun = Instant.now();
    private final AtomicLong passed = new AtomicLong();
    private final List<FakeAuthorizationServer> servers = new ArrayList<>();
    private final List<NodeProcess> nodes = new ArrayList<>();
    private final BlockingQueue<NodeProcess> halted = new LinkedBlockingQueue<>();
    private String database = "";
    private int started;
    private int signedIn;

    @AfterEach
    void stop() {
        nodes.forEach(NodeProcess::close);
        servers.forEach(FakeAuthorizationServer::close);
    }

    @Test
    void two_hundred_users_of_an_unknown_api_sign_in_with_one_client_and_refresh_once_each() throws Exception {
        startNodes();
        for (int round = 1; round <= ROUNDS; round++) {
            String name = "round " + round;
            FakeAuthorizationServer server = server();
            FakeProtectedApi api = server.protectedApi("/mcp");

            assertThat(signIn(server, api)).as(name).containsOnly(String.valueOf(THREADS));
            assertThat(server.registrationRequests()).as(name).isEqualTo(1);
            assertThat(server.metadataRequests()).as(name).isEqualTo(1);
            assertThat(api.metadataRequests()).as(name).isEqualTo(PROCESSES);
            assertThat(server.recordedAuthorizationRequests()).as(name).hasSize(USERS);
            assertThat(server.codeRequests()).as(name).isEqualTo(USERS);
            assertThat(server.tokenRequests()).as(name).isEqualTo(USERS);

            for (Duration time : List.of(LIFETIME.plusSeconds(1), DAY)) {
                boolean metadataAreOld = time.equals(DAY);
                String after = name + ", after " + time;
                pass(time);
                server.resetCounters();
                api.resetCounters();

                // each user at two nodes
                assertThat(call(api)).as(after).containsOnly(String.valueOf(2 * THREADS));
                assertThat(server.refreshRequests()).as(after).isEqualTo(USERS);
                assertThat(server.tokenRequests()).as(after).isEqualTo(USERS);
                assertThat(server.reuseDetected()).as(after).isZero();
                assertThat(server.registrationRequests()).as(after).isZero();
                assertThat(server.metadataRequests()).as(after).isEqualTo(metadataAreOld ? 1 : 0);
                assertThat(api.metadataRequests()).as(after).isZero();
                assertThat(api.unauthorized()).as(after).isZero();
                assertThat(server.clientsInUse()).as(after).hasSize(1);
            }
        }
    }

    @Test
    void a_node_that_dies_with_its_registration_leaves_a_client_that_nobody_uses() throws Exception {
        startNodes();
        for (int kill = 1; kill <= KILLS; kill++) {
            for (Moment moment : Moment.values()) {
                killTheOneThatRegisters(moment, "kill " + kill + ", " + moment);
            }
        }
    }

    private void killTheOneThatRegisters(Moment moment, String name) throws Exception {
        FakeAuthorizationServer server = server();
        FakeProtectedApi api = server.protectedApi("/mcp");
        Held held = new Held();
        if (moment == Moment.REGISTERED) {
            server.onNextRegistration(Fault.holdAnswer(held));
        } else {
            answers("stop");
        }
        begin(api);
        NodeProcess victim = moment == Moment.REGISTERED ? registering(server, held) : halted();
        victim.kill();
        nodes.remove(victim);
        held.release();
        answers("go");
        assertThat(server.registrations()).as(name).isEqualTo(1);
        String orphan = server.clients().iterator().next();

        answers("look");
        Duration waited = Duration.ZERO;
        while (server.registrationRequests() == 1) {
            assertThat(waited).as(name).isLessThan(T.multipliedBy(2));
            pass(STEP);
            waited = waited.plus(STEP);
            answers("look");
        }
        assertThat(waited).as(name).isGreaterThanOrEqualTo(T);
        assertThat(finish(server, api)).as(name).containsOnly(String.valueOf(THREADS));
        join(startNode());
        assertThat(signIn(server, api)).as(name).containsOnly(String.valueOf(THREADS));

        assertThat(server.registrationRequests()).as(name).isEqualTo(2);
        assertThat(server.clientsInUse()).as(name).hasSize(1).doesNotContain(orphan);
        assertThat(answers("warned An earlier registration at " + server.issuer()))
                .as(name)
                .containsOnlyOnce("1")
                .containsOnly("0", "1");
    }

    private NodeProcess registering(FakeAuthorizationServer server, Held held) throws InterruptedException {
        while (held.arrived() == 0) {
            Thread.onSpinWait(); // for as long as a slow machine takes; the test has a limit
            Thread.yield();
        }
        String registration = server.recordedRegistrationRequests().get(0).text();
        return nodes.stream()
                .filter(node -> registration.contains('"' + node.toString() + '"'))
                .findAny()
                .orElseThrow();
    }

    private NodeProcess halted() throws InterruptedException {
        NodeProcess first = halted.poll(10, TimeUnit.MINUTES);
        assertThat(first).as("the node that registers").isNotNull();
        return first;
    }

    private FakeAuthorizationServer server() {
        FakeAuthorizationServer server = FakeAuthorizationServer.start()
                .dynamicRegistration(true)
                .rotation(Rotation.STRICT)
                .accessTokenLifetime(LIFETIME)
                .time(() -> begun.plusNanos(passed.get()));
        servers.add(server);
        return server;
    }

    private List<String> signIn(FakeAuthorizationServer server, FakeProtectedApi api) throws Exception {
        begin(api);
        return finish(server, api);
    }

    /** In all processes at once, each user calls the API, hears that a login is required, and starts it. */
    private void begin(FakeProtectedApi api) throws Exception {
        List<String> orders = new ArrayList<>();
        for (int i = 0; i < nodes.size(); i++) {
            orders.add("begin " + api.url() + users(signedIn + i * THREADS, THREADS));
        }
        signedIn += nodes.size() * THREADS;
        answers(orders);
    }

    /** Lets all users approve, and finishes their logins in all processes at once. */
    private List<String> finish(FakeAuthorizationServer server, FakeProtectedApi api) throws Exception {
        List<String> orders = new ArrayList<>();
        awaitCalls();
        for (String logins : answers("logins")) {
            StringBuilder order = new StringBuilder("finish " + api.url());
            for (String login : logins.split(" ", -1)) {
                assertThat(login).startsWith(server.authorizationEndpoint());
                order.append(' ').append(server.approve(login, "alice"));
            }
            orders.add(order.toString());
        }
        answers(orders);
        awaitCalls();
        return answers("end");
    }

    /** Calls the API in all processes at once, for their own users and for those of the next one. */
    private List<String> call(FakeProtectedApi api) throws Exception {
        List<String> orders = new ArrayList<>();
        for (int i = 0; i < PROCESSES; i++) {
            int next = (i + 1) % PROCESSES;
            int all = signedIn - USERS;
            orders.add("call " + api.url() + users(all + i * THREADS, THREADS) + users(all + next * THREADS, THREADS));
        }
        answers(orders);
        awaitCalls();
        return answers("end");
    }

    /**
     * Waits for all calls. A database that stands still for half a second has perhaps been restarted, and nodes then
     * wait for a few seconds by their clocks, which only move when they are told to.
     */
    private void awaitCalls() throws Exception {
        while (answers("wait " + PATIENCE.toMillis()).contains("waiting")) {
            pass(MOMENT);
        }
    }

    private static String users(int first, int count) {
        return IntStream.range(first, first + count).mapToObj(i -> " user-" + i).collect(Collectors.joining());
    }

    private List<String> answers(String order) throws Exception {
        return answers(Collections.nCopies(nodes.size(), order));
    }

    /** Gives each process its order, and waits for all answers. */
    private List<String> answers(List<String> orders) throws Exception {
        for (int i = 0; i < orders.size(); i++) {
            nodes.get(i).order(orders.get(i));
        }
        List<String> answers = new ArrayList<>();
        for (NodeProcess node : nodes) {
            answers.add(node.answer());
        }
        return answers;
    }

    private void pass(Duration time) throws Exception {
        passed.addAndGet(time.toNanos());
        answers("pass " + time.toMillis());
    }

    private void startNodes() throws Exception {
        database = Databases.newPostgresDatabase();
        List<NodeProcess> all = new ArrayList<>();
        for (int i = 0; i < PROCESSES; i++) {
            all.add(startNode());
        }
        for (NodeProcess node : all) {
            join(node);
        }
    }

    private NodeProcess startNode() throws IOException {
        return ApiNode.start(database, String.valueOf(++started), halted::add);
    }

    private void join(NodeProcess node) throws Exception {
        nodes.add(node);
        assertThat(node.answer()).isEqualTo("ready");
        node.answer("pass " + TimeUnit.NANOSECONDS.toMillis(passed.get()));
    }
}
