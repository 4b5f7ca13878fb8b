/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import com.zaxxer.hikari.HikariDataSource;
import dev.grantkeeper.Grantkeeper;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.testkit.FakeAuthorizationServer;
import dev.grantkeeper.testkit.Rotation;
import dev.grantkeeper.token.TokenSet;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Several processes over one database that goes away from all of them, in the middle of refreshes or just after them,
 * for longer than an attempt stands. The server ends the whole grant when a spent refresh token comes back, and none
 * must end.
 *
 * <p>Every build has the outages pass in the clocks of the nodes; {@code -Plong} has all of them, and those of the
 * server processes in real time.
 */
@Timeout(value = 20, unit = TimeUnit.MINUTES)
class DatabaseOutageTest {
    private static final boolean ALL = Boolean.getBoolean("grantkeeper.outages.all");
    private static final long PATIENCE = TimeUnit.MINUTES.toNanos(2);
    private static final String STORE_FAILED = "dev.grantkeeper.TokenStoreException";
    private static final int FAMILIES = 20;
    private static final int MANY_FAMILIES = 60;

    private final AtomicLong passed = new AtomicLong();
    private final FakeAuthorizationServer server = FakeAuthorizationServer.start()
            .client(NodeProcess.CLIENT, NodeProcess.SECRET, NodeProcess.REDIRECT)
            .rotation(Rotation.STRICT)
            .accessTokenLifetime(Duration.ofMinutes(10))
            .time(() -> Instant.now().plusNanos(passed.get()));
    private final List<NodeProcess> nodes = new ArrayList<>();
    private DatabaseServer database;
    private int named;

    @TempDir
    Path directory;

    @AfterEach
    void stop() throws Exception {
        nodes.forEach(NodeProcess::close);
        if (database != null) {
            database.close();
        }
        server.close();
    }

    static Stream<Arguments> networks() {
        Stream<Arguments> every = Stream.of(
                Arguments.of(DatabaseServer.Kind.POSTGRESQL, 4, NodeProcess.CAREFUL, 30),
                Arguments.of(DatabaseServer.Kind.H2, 2, NodeProcess.UNPOOLED, 30));
        Stream<Arguments> more = Stream.of(
                Arguments.of(DatabaseServer.Kind.POSTGRESQL, 4, NodeProcess.CAREFUL, 6),
                Arguments.of(DatabaseServer.Kind.H2, 2, NodeProcess.UNPOOLED, 6),
                Arguments.of(DatabaseServer.Kind.POSTGRESQL, 2, NodeProcess.UNPOOLED, 6),
                Arguments.of(DatabaseServer.Kind.H2, 4, NodeProcess.CAREFUL, 6),
                Arguments.of(DatabaseServer.Kind.POSTGRESQL, 2, NodeProcess.UNPOOLED, 30),
                Arguments.of(DatabaseServer.Kind.H2, 4, NodeProcess.CAREFUL, 30));
        return ALL ? Stream.concat(every, more) : every;
    }

    /** One node has all the answers and cannot store them; the others have seen its attempts. */
    @ParameterizedTest(name = "{0}, {1} processes, {2} T = {3} s")
    @MethodSource("networks")
    void law_3_no_network_that_fails_ends_a_grant_while_the_node_that_has_the_tokens_lives(
            DatabaseServer.Kind kind, int processes, String pool, int t) throws Exception {
        database = kind.start(directory);
        try (Relay network = new Relay(database.port())) {
            startNodes(processes, pool + database.url(network.port()), Duration.ofMillis(t * 500L));
            for (int away : ALL ? new int[] {3, 8, 22, 35, 120} : new int[] {35}) {
                for (int first : ALL || processes == 2 ? new int[] {0, 1} : new int[] {1}) {
                    cutWhileOneNodeHasTheTokens(network, Duration.ofSeconds(away), nodes.get(first));
                }
            }
        }
    }

    private void cutWhileOneNodeHasTheTokens(Relay network, Duration away, NodeProcess first) throws Exception {
        String cell = "away for " + away + ", " + first + " first";
        String users = importExpired(FAMILIES);
        NodeProcess holder = nodes.get(0);
        holder.answer("hold");
        holder.answer(users + " 0 " + FAMILIES);
        holder.answer("held " + FAMILIES);
        for (NodeProcess other : nodes.subList(1, nodes.size())) {
            other.answer(users + " 0 " + FAMILIES);
            other.answer("seen " + FAMILIES);
        }

        network.cut();
        holder.answer("release");
        assertThat(holder.answer("end")).as(cell + ", law 14").isEqualTo(String.valueOf(FAMILIES));
        for (NodeProcess other : nodes.subList(1, nodes.size())) {
            assertThat(other.answer("end")).as(cell).startsWith("0 " + STORE_FAILED);
        }
        pass(away);
        network.join();

        assertAllServed(cell, first, users, FAMILIES);
        for (NodeProcess node : nodes) {
            assertAllServed(cell, node, users, FAMILIES);
        }
        assertNoneEnded(cell, FAMILIES);
    }

    static Stream<Arguments> stops() {
        Stream<Arguments> all = Stream.of(DatabaseServer.Kind.values())
                .flatMap(kind -> Stream.of(true, false).map(kill -> Arguments.of(kind, kill)));
        return ALL
                ? all
                : Stream.of(
                        Arguments.of(DatabaseServer.Kind.POSTGRESQL, true),
                        Arguments.of(DatabaseServer.Kind.H2, false));
    }

    /** Each of two nodes has the answers for half of the users, and has seen the attempts for the other half. */
    @ParameterizedTest(name = "{0}, killed: {1}")
    @MethodSource("stops")
    void law_3_no_server_that_stops_ends_a_grant_while_the_nodes_live(DatabaseServer.Kind kind, boolean killed)
            throws Exception {
        start(kind);
        String users = importExpired(MANY_FAMILIES);
        List<String> halves = List.of(users + " 0 30", users + " 30 60");
        for (int i = 0; i < 2; i++) {
            nodes.get(i).answer("hold");
            nodes.get(i).answer(halves.get(i));
            nodes.get(i).answer("held 30");
        }
        for (int i = 0; i < 2; i++) {
            nodes.get(i).answer(users + " 0 60");
            nodes.get(i).answer("seen 30");
        }

        stop(killed);
        for (NodeProcess node : nodes) {
            node.answer("release");
        }
        away();
        goOn(killed);

        String what = "killed: " + killed;
        for (NodeProcess node : nodes) {
            node.answer("end"); // some had heard that the store is down
        }
        for (NodeProcess node : nodes) {
            assertAllServed(what, node, users, MANY_FAMILIES);
        }
        assertNoneEnded(what, MANY_FAMILIES);
    }

    /** The node that did not write comes first. Some calls fail while the server is away, or all wait through it. */
    @ParameterizedTest(name = "{0}, killed: {1}")
    @MethodSource("stops")
    void no_server_that_stops_after_the_last_refresh_ends_a_grant_while_the_node_that_wrote_lives(
            DatabaseServer.Kind kind, boolean killed) throws Exception {
        start(kind);
        for (boolean failing : killed ? new boolean[] {true, false} : new boolean[] {false}) {
            String users = importExpired(MANY_FAMILIES);
            NodeProcess writer = nodes.get(0);
            NodeProcess other = nodes.get(1);
            assertAllServed("before", writer, users, MANY_FAMILIES);

            stop(killed);
            away();
            for (NodeProcess node : nodes) {
                node.answer(users + " 0 " + MANY_FAMILIES); // the first reads since
            }
            if (failing) {
                assertThat(writer.answer("end")).as("law 7").isEqualTo(String.valueOf(MANY_FAMILIES));
                assertThat(other.answer("end")).startsWith("0 " + STORE_FAILED);
            } else {
                TimeUnit.SECONDS.sleep(1); // a call that takes less than half a second shows no outage
            }
            goOn(killed);

            String what = "failing: " + failing;
            assertAllServed(what, other, users, MANY_FAMILIES);
            assertAllServed(what, writer, users, MANY_FAMILIES);
            assertNoneEnded(what, MANY_FAMILIES);
        }
    }

    /**
     * Pools look less and less often whether the server is back, and so the node that has to write again may hear of it
     * seconds after the other one.
     */
    @Test
    void no_server_that_loses_writes_ends_a_grant_if_the_node_that_wrote_is_back_last() throws Exception {
        database = DatabaseServer.Kind.POSTGRESQL_THAT_CONFIRMS_EARLY.start(directory);
        try (Relay toWriter = new Relay(database.port());
                Relay toOther = new Relay(database.port())) {
            for (Relay way : List.of(toWriter, toOther)) {
                startNodes(1, NodeProcess.UNPOOLED + database.url(way.port()), Duration.ofSeconds(10));
            }
            String users = importExpired(FAMILIES);
            NodeProcess writer = nodes.get(0);
            NodeProcess other = nodes.get(1);
            assertAllServed("before", writer, users, FAMILIES);

            other.answer("freeze"); // however slow the machine is, it waits no longer than it is told
            toWriter.cut();
            toOther.cut();
            database.kill();
            pass(Duration.ofSeconds(8));
            for (NodeProcess node : nodes) {
                node.answer(users + " 0 " + FAMILIES);
                node.answer("end");
            }
            database.startAgain();
            toOther.join();
            other.answer(users + " 0 " + FAMILIES);
            other.answer("seen " + FAMILIES);
            pass(Duration.ofSeconds(5));
            toWriter.join();
            assertAllServed("after", writer, users, FAMILIES);
            pass(Duration.ofSeconds(6));
            assertThat(other.answer("end")).isEqualTo(String.valueOf(FAMILIES));
            assertNoneEnded("after", FAMILIES);
        }
    }

    private void start(DatabaseServer.Kind kind) throws Exception {
        database = kind.start(directory);
        startNodes(2, NodeProcess.CAREFUL + database.url(database.port()), Duration.ofSeconds(ALL ? 2 : 10));
    }

    private void stop(boolean killed) throws Exception {
        if (killed) {
            database.kill();
        } else {
            database.halt();
        }
    }

    /** Longer than T. */
    private void away() throws Exception {
        if (ALL) {
            TimeUnit.SECONDS.sleep(8);
        } else {
            pass(Duration.ofSeconds(32));
        }
    }

    private void goOn(boolean killed) throws Exception {
        if (killed) {
            database.startAgain();
        } else {
            database.goOn();
        }
    }

    private static void assertAllServed(String what, NodeProcess node, String users, int count) throws Exception {
        String answer = STORE_FAILED;
        long began = System.nanoTime();
        // After failures a pool waits up to five seconds before it tries to connect again.
        while (answer.contains(STORE_FAILED) && System.nanoTime() - began < PATIENCE) {
            node.answer(users + " 0 " + count);
            answer = node.answer("end");
        }
        assertThat(answer).as("%s, %s", what, node).isEqualTo(String.valueOf(count));
    }

    private void assertNoneEnded(String what, int families) {
        assertThat(server.familiesRevoked()).as(what).isZero();
        assertThat(server.reuseDetected()).as(what).isZero();
        assertThat(server.refreshRequests()).as(what).isEqualTo(families);
    }

    private void startNodes(int processes, String url, Duration tokenCall) throws Exception {
        for (int i = 0; i < processes; i++) {
            nodes.add(NodeProcess.start(
                    server.url(), url, "node" + nodes.size(), tokenCall, Provider.Replay.LATE, node -> {}));
        }
        for (NodeProcess node : nodes.subList(nodes.size() - processes, nodes.size())) {
            assertThat(node.answer()).isEqualTo("ready");
        }
    }

    private void pass(Duration time) throws Exception {
        passed.addAndGet(time.toNanos());
        for (NodeProcess node : nodes) {
            node.answer("pass " + time.toMillis());
        }
    }

    /** Imports grants of users whose names no other outage has seen; the order that asks for their tokens. */
    private String importExpired(int count) throws Exception {
        String prefix = "user" + ++named + "-";
        server.resetCounters();
        try (HikariDataSource pool = Databases.pool(NodeProcess.database(database.url(database.port())), 2);
                Grantkeeper node =
                        NodeProcess.registration(server.url(), pool, passed).build()) {
            for (int i = 0; i < count; i++) {
                String user = prefix + i;
                server.user(user, "Given", "Family", user + "@example.org");
                FakeAuthorizationServer.Issued issued = server.issue(NodeProcess.CLIENT, user, "things.read");
                node.account(user)
                        .importTokens(TokenSet.builder(issued.accessToken())
                                .refreshToken(issued.refreshToken())
                                .expiresAt(Instant.now().plusNanos(passed.get()).minusSeconds(1))
                                .build());
            }
            Databases.execute(pool, "CHECKPOINT"); // what is lost are refreshes
        }
        return "users " + prefix;
    }
}
