/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.grantkeeper.LoginResult.SignedIn;
import dev.grantkeeper.testkit.Held;
import dev.grantkeeper.testkit.Rotation;
import dev.grantkeeper.token.SealingKeys;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenSet;
import java.util.List;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Rows that this node cannot read, or did not write alone: nothing is lost and nobody is signed out. */
@Timeout(300)
class StoredRowsTest {
    private final Scene scene = new Scene();

    @AfterEach
    void close() {
        scene.close();
    }

    private Grantkeeper allowPlaintextTokens() {
        return scene.node(Grantkeeper.builder(scene.provider().build())
                .clientId(Scene.CLIENT)
                .clientSecret(Scene.SECRET)
                .redirectUri(Scene.REDIRECT)
                .scopes("things.read")
                .tokenStore(scene.store)
                .allowPlaintextTokens()
                .time(scene.time.clock(), scene.time::ticks));
    }

    private void assertUnreadable(ThrowingCallable use) {
        assertThatThrownBy(use)
                .isInstanceOfSatisfying(
                        TokenStoreException.class,
                        failure -> assertThat(failure.kind()).isEqualTo(TokenStoreException.Kind.UNREADABLE));
    }

    private void assertLeftAlone(Grantkeeper node) throws Exception {
        Account alice = node.account("alice");
        StoredTokens before = scene.store.rows.get(alice.key());
        scene.server.resetCounters();
        for (ThrowingCallable use :
                List.<ThrowingCallable>of(alice::tokens, alice::grant, alice::signOut, alice::clearRefusal)) {
            assertUnreadable(use);
        }
        assertThat(scene.server.tokenRequests()).isZero();
        SignedIn in = (SignedIn) scene.login(node, "alice");
        assertUnreadable(() -> in.keepAs("alice"));
        assertThat(scene.store.rows.get(alice.key())).isEqualTo(before);
    }

    @Test
    void a_row_of_a_newer_library_is_neither_used_nor_overwritten() throws Exception {
        Grantkeeper node = allowPlaintextTokens();
        scene.store.rows.put(
                node.account("alice").key(), new StoredTokens("v", "{\"v\":3,\"login\":\"l\",\"grants\":[]}"));
        assertLeftAlone(node);
    }

    @Test
    void a_row_under_a_missing_key_is_neither_used_nor_overwritten() throws Exception {
        scene.signIn(scene.node(), "alice");
        Grantkeeper stranger = scene.node(scene.registration(scene.provider().build())
                .sealingKeys(SealingKeys.of("Q8wE2rT6yU1iO9pA4sD7fG3hJ5kL0zXc")));
        assertLeftAlone(stranger);
        assertThat(scene.node().account("alice").tokens()).isNotNull();
    }

    @Test
    void an_unsealed_row_is_not_taken_where_rows_are_sealed() throws Exception {
        scene.signIn(allowPlaintextTokens(), "alice");
        assertLeftAlone(scene.node());
    }

    @Test
    void a_row_moved_to_another_account_gives_nobody_a_token() throws Exception {
        Grantkeeper node = scene.node();
        scene.signIn(node, "bob");
        scene.signIn(node, "alice");
        scene.store.rows.put(
                node.account("alice").key(),
                scene.store.rows.get(node.account("bob").key()));
        assertUnreadable(() -> scene.node().account("alice").tokens());
    }

    @Test
    void what_a_newer_library_added_survives_a_refresh() throws Exception {
        Account alice = scene.signIn(allowPlaintextTokens(), "alice");
        scene.store.rows.computeIfPresent(
                alice.key(),
                (key, row) -> new StoredTokens(
                        "v", "{\"new\":{\"x\":[1]}," + row.text().substring(1)));
        scene.expire();
        Account elsewhere = allowPlaintextTokens().account("alice");
        String before = scene.store.rows.get(alice.key()).text();
        assertThat(before).doesNotContain(elsewhere.tokens().accessToken());
        assertThat(scene.store.rows.get(alice.key()).text())
                .contains("\"new\":{\"x\":[1]}")
                .contains(elsewhere.tokens().accessToken());
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
    }

    @Test
    void a_changed_sealing_secret_costs_nobody_the_login() throws Exception {
        scene.signIn(scene.node(), "alice");
        String secret = "Q8wE2rT6yU1iO9pA4sD7fG3hJ5kL0zXc";
        SealingKeys both = SealingKeys.of(secret).andReading("kP3v9Zq7LxW2mT8sRb5nYc4dHf6gJa1e");
        Grantkeeper swapped =
                scene.node(scene.registration(scene.provider().build()).sealingKeys(both));
        scene.expire();
        assertThat(swapped.account("alice").tokens()).isNotNull();
        // Sealed under the new one since it was written.
        Grantkeeper later =
                scene.node(scene.registration(scene.provider().build()).sealingKeys(SealingKeys.of(secret)));
        assertThat(later.account("alice").tokens())
                .isEqualTo(swapped.account("alice").tokens());
    }

    @Test
    void a_sealed_store_holds_nothing_that_could_be_used() throws Exception {
        Account alice = scene.signIn(scene.node(), "alice");
        String row =
                scene.store.rows.toString() + scene.store.rows.get(alice.key()).text();
        assertThat(row)
                .doesNotContain(alice.tokens().accessToken())
                .doesNotContain(alice.tokens().refreshToken().orElseThrow())
                .doesNotContain("alice");
    }

    private static final String OLD = "kP3v9Zq7LxW2mT8sRb5nYc4dHf6gJa1e";
    private static final String NEW = "Q8wE2rT6yU1iO9pA4sD7fG3hJ5kL0zXc";

    private Grantkeeper under(SealingKeys keys) {
        return scene.node(scene.registration(scene.provider().build()).sealingKeys(keys));
    }

    @Test
    void every_row_is_sealed_under_the_new_key_while_nodes_with_both_orders_run_and_the_old_one_can_go()
            throws Exception {
        Grantkeeper before = under(SealingKeys.of(OLD).andReading(NEW));
        Grantkeeper after = under(SealingKeys.of(NEW).andReading(OLD));
        List<String> users = List.of("alice", "bob");
        for (String user : users) {
            scene.signIn(before, user);
        }
        scene.server.resetCounters();
        for (String user : users) {
            String token = before.account(user).tokens().accessToken();
            assertThat(after.account(user).reseal()).isTrue();
            assertThat(after.account(user).reseal()).isFalse();
            assertThat(before.account(user).tokens().accessToken()).isEqualTo(token);
        }
        assertThat(after.account("nobody").reseal()).isFalse();
        assertThat(scene.server.tokenRequests()).isZero();

        Grantkeeper later = under(SealingKeys.of(NEW));
        for (String user : users) {
            assertThat(later.account(user).tokens().accessToken())
                    .isEqualTo(after.account(user).tokens().accessToken());
        }
    }

    @Test
    void sealing_anew_in_the_middle_of_a_refresh_costs_nothing() throws Exception {
        scene.server.rotation(Rotation.STRICT);
        Account alice = scene.signIn(under(SealingKeys.of(OLD).andReading(NEW)), "alice");
        Account anew = under(SealingKeys.of(NEW).andReading(OLD)).account("alice");
        scene.expire();
        scene.server.resetCounters();
        Held held = scene.server.holdAnswers();
        Future<TokenSet> waiting = alice.tokensAsync();
        held.awaitArrived(1);
        assertThat(anew.reseal()).isTrue();
        held.release();
        TokenSet fresh = waiting.get(40, TimeUnit.SECONDS);
        assertThat(scene.node(scene.registration(scene.provider().build())
                                .sealingKeys(SealingKeys.of(NEW).andReading(OLD)))
                        .account("alice")
                        .tokens())
                .isEqualTo(fresh);
        scene.expire();
        assertThat(anew.tokens()).isNotEqualTo(fresh);
        assertThat(scene.server.refreshRequests()).isEqualTo(2);
        assertThat(scene.server.reuseDetected()).isZero();
    }

    @Test
    void a_row_whose_key_is_lost_can_be_forgotten_and_the_user_sign_in_again() throws Exception {
        scene.signIn(under(SealingKeys.of(OLD)), "alice");
        Grantkeeper node = under(SealingKeys.of(NEW));
        Account alice = node.account("alice");
        assertUnreadable(alice::reseal);
        alice.forget();
        assertThat(alice.grant()).isEmpty();
        assertThatThrownBy(alice::tokens).isInstanceOf(LoginRequiredException.class);
        assertThat(scene.signIn(node, "alice").tokens()).isNotNull();
        alice.forget();
        alice.forget();
        assertThat(scene.store.rows).isEmpty();
        assertThat(scene.server.revocations()).isZero();
    }
}
