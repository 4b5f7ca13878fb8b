/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.zaxxer.hikari.HikariDataSource;
import dev.grantkeeper.Account;
import dev.grantkeeper.Grantkeeper;
import dev.grantkeeper.LoginResult;
import dev.grantkeeper.OAuthException;
import dev.grantkeeper.PendingLogin;
import dev.grantkeeper.TokenStoreException;
import dev.grantkeeper.testkit.FakeAuthorizationServer;
import dev.grantkeeper.testkit.Held;
import dev.grantkeeper.testkit.Rotation;
import dev.grantkeeper.token.TokenSet;
import java.net.URI;
import java.nio.file.Path;
import java.sql.Connection;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.h2.tools.Server;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Several processes over one database, at a server that ends the whole grant when a spent refresh token comes back.
 * Each round is the same race once more; {@code -Plong} runs a thousand.
 */
@Timeout(value = 20, unit = TimeUnit.MINUTES)
class ManyNodesTest {
    private static final int ROUNDS = Integer.getInteger("grantkeeper.rounds", 15);
    private static final int ROUNDS_ON_MARIADB = Integer.getInteger("grantkeeper.rounds", 10);
    private static final int ROUNDS_ON_SQLITE = Integer.getInteger("grantkeeper.rounds", 10);
    private static final int CALLS = 4;
    private static final Duration LIFETIME = Duration.ofMinutes(10);

    private final AtomicLong passed = new AtomicLong();
    private final FakeAuthorizationServer server = FakeAuthorizationServer.start()
            .client(NodeProcess.CLIENT, NodeProcess.SECRET, NodeProcess.REDIRECT)
            .rotation(Rotation.STRICT)
            .accessTokenLifetime(LIFETIME)
            .time(() -> Instant.now().plusNanos(passed.get()));

    @TempDir
    Path directory;

    @AfterEach
    void stop() {
        server.close();
    }

    @Test
    void two_processes_over_one_postgresql_make_one_request_for_each_expiry() throws Exception {
        oneRequestForEachExpiry(Databases.newPostgresDatabase(), 2, ROUNDS);
    }

    @Test
    void four_processes_over_one_postgresql_make_one_request_for_each_expiry() throws Exception {
        oneRequestForEachExpiry(Databases.newPostgresDatabase(), 4, ROUNDS);
    }

    @Test
    void two_processes_over_one_h2_server_make_one_request_for_each_expiry() throws Exception {
        overAnH2Server(2);
    }

    @Test
    void four_processes_over_one_h2_server_make_one_request_for_each_expiry() throws Exception {
        overAnH2Server(4);
    }

    @Test
    void four_processes_over_one_mariadb_make_one_request_for_each_expiry() throws Exception {
        oneRequestForEachExpiry(Databases.newMariaDbDatabase(), 4, ROUNDS_ON_MARIADB);
    }

    /** On one machine, that is. */
    @Test
    void three_processes_over_one_sqlite_file_make_one_request_for_each_expiry() throws Exception {
        oneRequestForEachExpiry("sqlite:" + directory.resolve("nodes.db"), 3, ROUNDS_ON_SQLITE);
    }

    private void overAnH2Server(int processes) throws Exception {
        Server h2 = Server.createTcpServer("-tcpPort", "0", "-ifNotExists", "-baseDir", directory.toString())
                .start();
        try {
            oneRequestForEachExpiry(
                    "jdbc:h2:tcp://127.0.0.1:" + h2.getPort() + "/./nodes;DB_CLOSE_DELAY=60", processes, ROUNDS);
        } finally {
            h2.stop();
        }
    }

    private void oneRequestForEachExpiry(String database, int processes, int rounds) throws Exception {
        signIn(database);
        List<NodeProcess> nodes = new ArrayList<>();
        try {
            for (int i = 0; i < processes; i++) {
                nodes.add(NodeProcess.start(server.url(), database));
            }
            for (NodeProcess node : nodes) {
                assertThat(node.answer()).isEqualTo("ready");
            }
            for (int round = 1; round <= rounds; round++) {
                long step = LIFETIME.plusSeconds(1).toMillis();
                passed.addAndGet(TimeUnit.MILLISECONDS.toNanos(step));
                for (NodeProcess node : nodes) {
                    node.order("pass " + step);
                    assertThat(node.answer()).isEqualTo("pass");
                }
                server.resetCounters();
                nodes.forEach(node -> node.order("call " + CALLS));
                for (NodeProcess node : nodes) {
                    assertThat(node.answer()).as("round %s", round).isEqualTo(String.valueOf(CALLS));
                }
                assertThat(server.tokenRequests()).as("round %s", round).isEqualTo(1);
                assertThat(server.reuseDetected()).isZero();
            }
        } finally {
            nodes.forEach(NodeProcess::close);
        }
    }

    private void signIn(String database) throws Exception {
        try (HikariDataSource pool = (HikariDataSource) NodeProcess.dataSource(database);
                Grantkeeper node =
                        NodeProcess.registration(server.url(), pool, passed).build()) {
            signIn(node);
        }
    }

    private Account signIn(Grantkeeper node) throws Exception {
        PendingLogin login = node.startLogin();
        String callback = server.approve(login.url().toString(), "alice");
        LoginResult result = node.finishLogin(login, URI.create(callback).getRawQuery());
        return ((LoginResult.SignedIn) result).keepAs("alice");
    }

    @Test
    void no_connection_is_held_while_the_token_endpoint_works() throws Exception {
        try (HikariDataSource pool = Databases.pool(Databases.h2InMemory(), 2);
                Grantkeeper node =
                        NodeProcess.registration(server.url(), pool, passed).build()) {
            Account alice = signIn(node);
            passed.addAndGet(LIFETIME.plusSeconds(1).toNanos());
            Held held = server.hold();
            Future<TokenSet> waiting = alice.tokensAsync();
            held.awaitArrived(1);
            assertThat(pool.getHikariPoolMXBean().getActiveConnections()).isZero();
            held.release();
            assertThat(waiting.get(40, TimeUnit.SECONDS)).isNotNull();
        }
    }

    @Test
    void a_caller_who_holds_the_only_connection_gets_an_error_in_seconds_and_no_deadlock() throws Exception {
        try (HikariDataSource pool =
                        Databases.pool(Databases.h2InMemory(), 1, config -> config.setConnectionTimeout(60_000));
                Grantkeeper node = NodeProcess.registration(server.url(), pool, passed)
                        .maxWait(Duration.ofSeconds(1))
                        .build()) {
            Account alice = signIn(node);
            passed.addAndGet(LIFETIME.plusSeconds(1).toNanos());
            try (Connection held = pool.getConnection()) {
                assertThat(held.isClosed()).isFalse();
                assertThatThrownBy(alice::tokens)
                        .isInstanceOf(TokenStoreException.class)
                        .hasMessageContaining("pool");
            }
            // A call that waited so long may have waited through an outage: rows are left alone for a moment.
            assertThatThrownBy(alice::tokens).isInstanceOf(OAuthException.class);
            passed.addAndGet(Duration.ofSeconds(10).toNanos());
            assertThat(alice.tokens()).isNotNull();
        }
    }
}
