/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.zaxxer.hikari.HikariDataSource;
import dev.grantkeeper.Account;
import dev.grantkeeper.Grantkeeper;
import dev.grantkeeper.LoginRequiredException;
import dev.grantkeeper.LoginResult;
import dev.grantkeeper.PendingLogin;
import dev.grantkeeper.testkit.FakeAuthorizationServer;
import dev.grantkeeper.testkit.Rotation;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.StoredTokens;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The database commits, and the connection is cut before it can say so. The store reports that it does not know, the
 * library looks for its version, and the user notices nothing, at a server that takes each refresh token once.
 */
@ParameterizedClass
@EnumSource
@Timeout(300)
class LostAnswersTest {
    private static final Duration LIFETIME = Duration.ofMinutes(10);

    private final AtomicLong passed = new AtomicLong();
    private final FakeAuthorizationServer server = FakeAuthorizationServer.start()
            .client(NodeProcess.CLIENT, NodeProcess.SECRET, NodeProcess.REDIRECT)
            .rotation(Rotation.STRICT)
            .accessTokenLifetime(LIFETIME)
            .time(() -> Instant.now().plusNanos(passed.get()));
    private final String table = Databases.newTable();
    private final Relay relay;
    private final HikariDataSource pool;
    private final JdbcTokenStore direct;
    private final JdbcTokenStore store;

    LostAnswersTest(Engine engine) throws IOException {
        this.relay = new Relay(engine.port());
        this.direct = JdbcTokenStore.create(engine.at(engine.port()), table);
        this.pool = Databases.pool(engine.at(relay.port()), 2);
        this.store = JdbcTokenStore.create(pool, table);
    }

    @AfterEach
    void close() throws IOException {
        pool.close();
        relay.close();
        server.close();
    }

    private Grantkeeper.Builder node(JdbcTokenStore through) {
        return NodeProcess.registration(server.url(), "node", through, passed);
    }

    private Account signIn(Grantkeeper node) throws Exception {
        PendingLogin login = node.startLogin();
        String callback = server.approve(login.url().toString(), "alice");
        LoginResult result = node.finishLogin(login, URI.create(callback).getRawQuery());
        return ((LoginResult.SignedIn) result).keepAs("alice");
    }

    /** Another node, with a network that works, makes the next refresh: the row holds the newest refresh token. */
    private void thereIsOneRowAndItIsGood() throws Exception {
        assertThat(relay.hasCut()).isTrue();
        passed.addAndGet(LIFETIME.plusSeconds(1).toNanos());
        server.resetCounters();
        try (Grantkeeper another = node(direct).build()) {
            assertThat(another.account("alice").tokens()).isNotNull();
        }
        assertThat(server.tokenRequests()).isEqualTo(1);
        assertThat(server.reuseDetected()).isZero();
    }

    private int rows() throws IOException {
        return direct.keys("fake:" + NodeProcess.CLIENT, null, 10).size();
    }

    @Test
    void a_login_is_kept() throws Exception {
        try (Grantkeeper node = node(store).build()) {
            relay.cutBehind("INSERT INTO " + table);
            signIn(node);
            assertThat(rows()).isEqualTo(1);
            thereIsOneRowAndItIsGood();
        }
    }

    @Test
    void a_second_login_is_kept() throws Exception {
        try (Grantkeeper node = node(store).build()) {
            signIn(node);
            relay.cutBehind("UPDATE " + table);
            signIn(node);
            assertThat(rows()).isEqualTo(1);
            thereIsOneRowAndItIsGood();
        }
    }

    /** The first write of a refresh is the attempt, the second one its outcome. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void a_refresh_is_made_once_and_kept(int writesBefore) throws Exception {
        try (Grantkeeper node = node(store).build()) {
            Account alice = signIn(node);
            passed.addAndGet(LIFETIME.plusSeconds(1).toNanos());
            server.resetCounters();
            relay.cutBehind("UPDATE " + table, writesBefore);
            assertThat(alice.tokens()).isNotNull();
            assertThat(server.tokenRequests()).isEqualTo(1);
            assertThat(rows()).isEqualTo(1);
            thereIsOneRowAndItIsGood();
        }
    }

    @Test
    void a_user_who_signed_out_stays_signed_out() throws Exception {
        try (Grantkeeper node = node(store).build();
                Grantkeeper another = node(direct).build()) {
            Account alice = signIn(node);
            relay.cutBehind("DELETE FROM " + table);
            alice.signOut();
            assertThat(relay.hasCut()).isTrue();
            assertThat(rows()).isZero();
            for (Grantkeeper one : new Grantkeeper[] {node, another}) {
                assertThatThrownBy(() -> one.account("alice").tokens()).isInstanceOf(LoginRequiredException.class);
            }
        }
    }

    @Test
    void the_store_itself_says_that_it_does_not_know_and_the_row_says_how_it_was() throws Exception {
        AccountKey key = new AccountKey("spotify", "anna");
        StoredTokens first = new StoredTokens("first", "the first text");
        StoredTokens second = new StoredTokens("second", "the second text");

        relay.cutBehind("INSERT INTO " + table);
        assertThatThrownBy(() -> store.create(key, first)).isInstanceOf(IOException.class);
        assertThat(store.find(key)).contains(first);
        assertThat(store.create(key, first)).isFalse();

        relay.cutBehind("UPDATE " + table);
        assertThatThrownBy(() -> store.replace(key, "first", second)).isInstanceOf(IOException.class);
        assertThat(store.find(key)).contains(second);
        assertThat(store.replace(key, "first", second)).isFalse();

        relay.cutBehind("SELECT version");
        assertThat(store.find(key)).contains(second);
        assertThat(relay.hasCut()).isTrue();

        relay.cutBehind("SELECT digest");
        assertThat(store.keys("spotify", null, 10)).containsExactly(key);
        assertThat(relay.hasCut()).isTrue();

        relay.cutBehind("DELETE FROM " + table);
        assertThatThrownBy(() -> store.delete(key, "second")).isInstanceOf(IOException.class);
        assertThat(store.find(key)).isEmpty();
        assertThat(store.delete(key, "second")).isFalse();
    }
}
