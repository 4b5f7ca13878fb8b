/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.grantkeeper.testkit.Held;
import dev.grantkeeper.testkit.Rotation;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenSet;
import dev.grantkeeper.token.TokenStore;
import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Databases that lose the last writes in a fail-over, come back from a backup, or are read through a replica that lags.
 */
@Timeout(300)
class ForgetfulStoreTest {
    /** Longer than rows are used without asking the store. */
    private static final Duration TRUST = Duration.ofSeconds(6);

    private final Scene scene = new Scene();
    private final Map<AccountKey, StoredTokens> backup = new HashMap<>();
    private Account alice;
    private TokenSet newest;

    @BeforeEach
    void refreshAfterTheBackup() throws IOException {
        scene.server.rotation(Rotation.STRICT);
        alice = scene.signIn(scene.node(), "alice");
        backup.putAll(scene.store.rows);
        scene.expire();
        newest = alice.tokens();
        scene.server.resetCounters();
    }

    @AfterEach
    void close() {
        scene.close();
    }

    private Grantkeeper nodeOver(TokenStore store) {
        return scene.node(scene.registration(scene.provider().build()).tokenStore(store));
    }

    private void loseTheLastWrites() {
        scene.store.rows.clear();
        scene.store.rows.putAll(backup);
        scene.time.pass(TRUST);
    }

    @Test
    void law_14_tokens_that_the_store_has_lost_are_stored_again_by_a_node_that_has_seen_them() throws Exception {
        loseTheLastWrites();
        assertThat(alice.tokens()).isEqualTo(newest);
        assertThat(scene.node().account("alice").tokens()).isEqualTo(newest);
        assertThat(scene.events)
                .extracting(GrantListener.Event::kind)
                .containsOnlyOnce(GrantListener.Kind.STORED_AGAIN);
        scene.expire();
        assertThat(alice.tokens()).isNotEqualTo(newest);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
        assertThat(scene.server.reuseDetected()).isZero();
    }

    @Test
    void law_14_they_are_stored_again_before_the_next_refresh() throws Exception {
        loseTheLastWrites();
        scene.expire();
        TokenSet next = alice.tokens();
        assertThat(next).isNotEqualTo(newest);
        assertThat(scene.node().account("alice").tokens()).isEqualTo(next);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
        assertThat(scene.server.reuseDetected()).isZero();
    }

    @Test
    void law_5_a_refusal_of_the_lost_state_gives_way_to_newer_tokens() throws Exception {
        scene.server.rotation(Rotation.PLAIN);
        loseTheLastWrites();
        Account elsewhere = scene.node().account("alice");
        assertThatThrownBy(elsewhere::tokens).isInstanceOf(LoginRequiredException.class);
        assertThat(alice.tokens()).isEqualTo(newest);
        scene.time.pass(TRUST);
        assertThat(elsewhere.tokens()).isEqualTo(newest);
        assertThat(alice.grant().orElseThrow().loginRequired()).isEmpty();
    }

    @Test
    void a_login_that_is_there_is_not_overwritten_by_what_is_remembered() throws Exception {
        TokenSet login = scene.signIn(scene.node(), "alice").tokens();
        scene.time.pass(TRUST);
        assertThat(alice.tokens()).isEqualTo(login);
        assertThat(scene.node().account("alice").tokens()).isEqualTo(login);
    }

    @Test
    void a_grant_that_is_gone_stays_gone() throws Exception {
        scene.store.rows.clear();
        scene.time.pass(TRUST);
        assertThatThrownBy(alice::tokens).isInstanceOf(LoginRequiredException.class);
        assertThat(scene.store.rows).isEmpty();
    }

    /**
     * A database that confirms writes before they are on disk is killed and started again, and the node that did not
     * write reads first.
     */
    @Test
    void law_14_after_an_outage_the_node_that_wrote_last_looks_first() throws Exception {
        Account elsewhere = scene.node().account("alice");
        scene.store.down(true);
        scene.time.pass(TRUST);
        assertThat(alice.tokens()).isEqualTo(newest); // from memory: the store is down, and this node knows
        assertThatThrownBy(elsewhere::tokens).isInstanceOf(TokenStoreException.class);
        loseTheLastWrites();
        scene.store.down(false);
        assertThat(elsewhere.tokens()).isEqualTo(newest);
        assertThat(alice.tokens()).isEqualTo(newest);
        assertThat(scene.server.refreshRequests()).isZero();
        assertThat(scene.server.reuseDetected()).isZero();
        assertThat(scene.server.familiesRevoked()).isZero();
    }

    /** It is restarted while a node writes, and loses what came after that node's read. */
    private final class Restarted implements TokenStore {
        final CountDownLatch written = new CountDownLatch(1);
        private boolean back;

        @Override
        public Optional<StoredTokens> find(AccountKey key) throws IOException {
            return back ? scene.store.find(key) : Optional.ofNullable(backup.get(key));
        }

        @Override
        public boolean create(AccountKey key, StoredTokens tokens) throws IOException {
            return scene.store.create(key, tokens);
        }

        @Override
        public boolean replace(AccountKey key, String version, StoredTokens next) throws IOException {
            if (!back) {
                loseTheLastWrites();
                back = true;
                throw new IOException("The connection was reset");
            }
            boolean won = scene.store.replace(key, version, next);
            written.countDown();
            return won;
        }

        @Override
        public boolean delete(AccountKey key, String version) throws IOException {
            return scene.store.delete(key, version);
        }
    }

    @Test
    void law_14_a_node_whose_attempt_is_written_across_an_outage_does_not_send_first_either() throws Exception {
        Restarted store = new Restarted();
        Grantkeeper node = nodeOver(store);
        CompletableFuture<TokenSet> elsewhere = node.account("alice").tokensAsync();
        assertThat(store.written.await(40, TimeUnit.SECONDS)).isTrue();
        assertThat(alice.tokens()).isEqualTo(newest);
        assertThat(elsewhere.get(40, TimeUnit.SECONDS)).isEqualTo(newest);
        assertThat(scene.server.refreshRequests()).isZero();
        assertThat(scene.server.reuseDetected()).isZero();
    }

    /** The store, on a network of its own. */
    private final class Reached implements TokenStore {
        volatile boolean down;
        /** The connection breaks when the next outcome has been written. */
        volatile boolean breaks;

        private MapStore there() throws IOException {
            if (down) {
                throw new IOException("the store is down");
            }
            return scene.store;
        }

        @Override
        public Optional<StoredTokens> find(AccountKey key) throws IOException {
            return there().find(key);
        }

        @Override
        public boolean create(AccountKey key, StoredTokens tokens) throws IOException {
            return there().create(key, tokens);
        }

        @Override
        public boolean replace(AccountKey key, String version, StoredTokens next) throws IOException {
            boolean won = there().replace(key, version, next);
            if (breaks && scene.server.refreshRequests() > 0) {
                breaks = false;
                down = true;
                throw new IOException("the connection was reset");
            }
            return won;
        }

        @Override
        public boolean delete(AccountKey key, String version) throws IOException {
            return there().delete(key, version);
        }
    }

    /** A write that failed was in the store all the same, which this node learned later. */
    @Test
    void law_14_after_an_outage_a_node_whose_write_had_seemed_to_fail_looks_first_too() throws Exception {
        Reached store = new Reached();
        Grantkeeper node = nodeOver(store);
        Account here = node.account("alice");
        assertThat(here.tokens()).isEqualTo(newest);
        backup.putAll(scene.store.rows);
        scene.expire();
        store.breaks = true;
        TokenSet fresh = here.tokens();
        assertThat(fresh).isNotEqualTo(newest);
        store.down = false;
        assertThat(here.grant()).isPresent();
        scene.await(GrantListener.Kind.WRITE_COMPLETED);
        scene.time.pass(TRUST);

        Account elsewhere = scene.node().account("alice");
        store.down = true;
        scene.store.down(true);
        assertThatThrownBy(node.account("bob")::tokens).isInstanceOf(TokenStoreException.class);
        assertThatThrownBy(elsewhere::tokens).isInstanceOf(TokenStoreException.class);
        loseTheLastWrites();
        scene.store.down(false);
        store.down = false;
        assertThat(elsewhere.tokens()).isEqualTo(fresh);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
        assertThat(scene.server.reuseDetected()).isZero();
    }

    /** A refresh and the attempt after it are lost, and the first node to look knows of the refresh only. */
    @Test
    void law_14_a_request_under_way_is_not_repeated_by_a_node_that_knew_only_what_was_there_before() throws Exception {
        Reached store = new Reached();
        Grantkeeper node = nodeOver(store);
        assertThat(node.account("alice").tokens()).isEqualTo(newest);
        scene.expire();
        Held held = scene.server.hold();
        CompletableFuture<TokenSet> refreshed = node.account("alice").tokensAsync();
        held.awaitArrived(1);

        store.down = true;
        scene.store.down(true);
        assertThatThrownBy(node.account("bob")::tokens).isInstanceOf(TokenStoreException.class);
        assertThatThrownBy(alice::tokens).isInstanceOf(TokenStoreException.class);
        loseTheLastWrites();
        scene.store.down(false);
        assertThat(alice.grant()).isPresent(); // written again without the attempt
        store.down = false;
        assertThat(node.account("alice").grant()).isPresent(); // and with it

        scene.time.pass(Duration.ofSeconds(8)); // all have settled
        int before = scene.store.finds.get();
        CompletableFuture<TokenSet> elsewhere = alice.tokensAsync();
        while (scene.store.finds.get() < before + 3 && !elsewhere.isDone()) {
            Thread.onSpinWait();
        }
        assertThat(held.arrived()).isEqualTo(1);
        held.release();
        assertThat(elsewhere.get(40, TimeUnit.SECONDS)).isEqualTo(refreshed.get(10, TimeUnit.SECONDS));
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
        assertThat(scene.server.reuseDetected()).isZero();
    }

    /** Reads come from a copy, writes go to the original. */
    private final class BehindReplica implements TokenStore {
        private final Map<AccountKey, StoredTokens> replica = new HashMap<>(scene.store.rows);
        private boolean lags;

        @Override
        public Optional<StoredTokens> find(AccountKey key) throws IOException {
            return lags ? Optional.ofNullable(replica.get(key)) : scene.store.find(key);
        }

        @Override
        public boolean create(AccountKey key, StoredTokens tokens) throws IOException {
            return scene.store.create(key, tokens);
        }

        @Override
        public boolean replace(AccountKey key, String version, StoredTokens next) throws IOException {
            return scene.store.replace(key, version, next);
        }

        @Override
        public boolean delete(AccountKey key, String version) throws IOException {
            return scene.store.delete(key, version);
        }
    }

    @Test
    void what_was_read_once_is_not_unread_by_a_replica_that_lags() throws Exception {
        BehindReplica store = new BehindReplica();
        Grantkeeper node = nodeOver(store);
        Account here = node.account("alice");
        scene.expire();
        TokenSet fresh = here.tokens();
        Map<AccountKey, StoredTokens> before = new HashMap<>(scene.store.rows);
        store.lags = true;
        scene.time.pass(TRUST);
        assertThat(here.tokens()).isEqualTo(fresh);
        assertThat(scene.store.rows).isEqualTo(before);

        scene.expire();
        assertThatThrownBy(here::tokens).isInstanceOf(TokenStoreException.class).hasStackTraceContaining("replica");
        assertThat(scene.store.rows).isEqualTo(before);

        store.lags = false;
        assertThat(here.tokens()).isNotEqualTo(fresh);
        assertThat(scene.server.refreshRequests()).isEqualTo(2);
        assertThat(scene.server.reuseDetected()).isZero();
    }
}
