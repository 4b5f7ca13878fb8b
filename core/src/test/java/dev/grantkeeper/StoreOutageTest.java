/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;

import dev.grantkeeper.testkit.Rotation;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenSet;
import dev.grantkeeper.token.TokenStore;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Two nodes over one store that fails for both while one of them is waiting for its answers: the tokens that it gets
 * then are known to nobody else, and the refresh tokens in the store are spent.
 */
@Timeout(300)
@Execution(ExecutionMode.CONCURRENT)
class StoreOutageTest {
    private static final int ACCOUNTS = 20;

    private final Scene scene = new Scene();

    @BeforeEach
    void strict() {
        scene.server.rotation(Rotation.STRICT);
    }

    @AfterEach
    void close() {
        scene.close();
    }

    /** The store as one node reaches it. */
    private final class Way implements TokenStore {
        final Set<AccountKey> read = ConcurrentHashMap.newKeySet();
        final Map<AccountKey, Integer> writes = new ConcurrentHashMap<>();
        final CountDownLatch answered = new CountDownLatch(ACCOUNTS);
        final CountDownLatch goOn = new CountDownLatch(1);
        volatile boolean stopsBeforeTheSecondWrite;

        @Override
        public Optional<StoredTokens> find(AccountKey key) throws IOException {
            Optional<StoredTokens> found = scene.store.find(key);
            read.add(key);
            return found;
        }

        @Override
        public boolean create(AccountKey key, StoredTokens tokens) throws IOException {
            return scene.store.create(key, tokens);
        }

        @Override
        public boolean replace(AccountKey key, String version, StoredTokens next) throws IOException {
            if (stopsBeforeTheSecondWrite && writes.merge(key, 1, Integer::sum) == 2) {
                answered.countDown();
                try {
                    goOn.await();
                } catch (InterruptedException e) {
                    throw new IOException(e);
                }
            }
            return scene.store.replace(key, version, next);
        }

        @Override
        public boolean delete(AccountKey key, String version) throws IOException {
            return scene.store.delete(key, version);
        }
    }

    private Grantkeeper node(Way store, Duration tokenCall) {
        return scene.node(scene.registration(scene.provider().build())
                .tokenStore(store)
                .tokenCallTimeout(tokenCall)
                .maxWait(Duration.ofSeconds(60)));
    }

    private static List<CompletableFuture<TokenSet>> call(Grantkeeper node) {
        List<CompletableFuture<TokenSet>> calls = new ArrayList<>();
        for (int i = 0; i < ACCOUNTS; i++) {
            calls.add(node.account("user" + i).tokensAsync());
        }
        return calls;
    }

    private static List<TokenSet> answers(List<CompletableFuture<TokenSet>> calls) throws Exception {
        List<TokenSet> answers = new ArrayList<>();
        for (CompletableFuture<TokenSet> call : calls) {
            answers.add(call.get(60, TimeUnit.SECONDS));
        }
        return answers;
    }

    @ParameterizedTest(name = "T = {0} s, away for {1} s, the node {2} the tokens is back first")
    @CsvSource({
        "6, 3, with", "6, 8, with", "6, 22, with", "6, 35, with", "6, 120, with",
        "6, 3, without", "6, 8, without", "6, 22, without", "6, 35, without", "6, 120, without",
        "30, 3, with", "30, 8, with", "30, 22, with", "30, 35, with", "30, 120, with",
        "30, 3, without", "30, 8, without", "30, 22, without", "30, 35, without", "30, 120, without"
    })
    void law_3_an_outage_of_the_store_ends_no_grant_while_the_node_that_has_the_tokens_lives(
            int t, int away, String first) throws Exception {
        Way ofOne = new Way();
        Way ofTwo = new Way();
        scene.importExpired(scene.node(), "first").tokens(); // loads classes, for which a call of 2 s has no time
        scene.server.resetCounters();
        Grantkeeper one = node(ofOne, Duration.ofSeconds(t / 3));
        Grantkeeper two = node(ofTwo, Duration.ofSeconds(t / 3));
        for (int i = 0; i < ACCOUNTS; i++) {
            scene.importExpired(one, "user" + i);
        }
        ofOne.stopsBeforeTheSecondWrite = true;
        List<CompletableFuture<TokenSet>> answered = call(one);
        ofOne.answered.await();
        List<CompletableFuture<TokenSet>> waiting = call(two);
        while (ofTwo.read.size() < ACCOUNTS) {
            Thread.onSpinWait(); // until the second node has seen the attempts of the first
        }
        scene.store.down(true);
        ofOne.goOn.countDown();
        List<TokenSet> fresh = answers(answered);
        for (CompletableFuture<TokenSet> call : waiting) {
            try {
                call.get(60, TimeUnit.SECONDS);
            } catch (ExecutionException e) {
                assertThat(e).hasCauseInstanceOf(TokenStoreException.class);
            }
        }
        scene.time.pass(Duration.ofSeconds(away));

        scene.store.down(false);
        Grantkeeper earlier = first.equals("with") ? one : two;
        List<TokenSet> served = answers(call(earlier));
        List<TokenSet> servedToo = answers(call(earlier == one ? two : one));
        assertThat(scene.server.familiesRevoked()).as("families ended").isZero();
        assertThat(scene.server.reuseDetected()).isZero();
        assertThat(scene.server.refreshRequests()).isEqualTo(ACCOUNTS);
        assertThat(served).isEqualTo(fresh);
        assertThat(servedToo).isEqualTo(fresh);
    }
}
