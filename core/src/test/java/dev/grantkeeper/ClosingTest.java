/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.grantkeeper.testkit.Held;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.slf4j.LoggerFactory;

/** The fate of work that is under way when a node is closed. */
@Timeout(300)
class ClosingTest {
    private final Scene scene = new Scene();
    private final Logger log = (Logger) LoggerFactory.getLogger(Grantkeeper.class);
    private final ListAppender<ILoggingEvent> lines = new ListAppender<>();

    @AfterEach
    void close() {
        log.detachAppender(lines);
        scene.close();
    }

    @Test
    void closing_waits_for_a_refresh_and_its_tokens_are_stored() throws Exception {
        Grantkeeper node = scene.node();
        Account alice = scene.signIn(node, "alice");
        StoredTokens before = scene.store.rows.get(alice.key());
        scene.expire();
        Held held = scene.server.holdAnswers();
        Future<TokenSet> waiting = alice.tokensAsync();
        held.awaitArrived(1);
        CountDownLatch begun = new CountDownLatch(1);
        CompletableFuture<Void> closing = CompletableFuture.runAsync(() -> {
            begun.countDown();
            node.close();
        });
        assertThat(begun.await(40, TimeUnit.SECONDS)).isTrue();
        assertThat(closing.isDone()).isFalse();
        held.release();
        closing.get(40, TimeUnit.SECONDS);
        String fresh = waiting.get(40, TimeUnit.SECONDS).accessToken();
        assertThat(scene.store.rows.get(alice.key())).isNotEqualTo(before);
        assertThat(scene.node().account("alice").tokens().accessToken()).isEqualTo(fresh);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
        assertThatThrownBy(() -> node.account("bob").tokens())
                .isExactlyInstanceOf(OAuthException.class)
                .hasMessageContaining("was closed");
        assertThatThrownBy(() -> scene.status(node.account("bob").wrap(scene.http)))
                .isExactlyInstanceOf(OAuthException.class)
                .hasMessageContaining("was closed");
    }

    @Test
    void tokens_that_could_not_be_stored_before_the_end_are_reported_and_not_waited_for_by_who_is_in_a_hurry()
            throws Exception {
        Grantkeeper node = scene.node();
        Account alice = scene.signIn(node, "alice");
        scene.expire();
        Held held = scene.server.holdAnswers();
        Future<TokenSet> waiting = alice.tokensAsync();
        held.awaitArrived(1);
        scene.store.writesDown(true);
        held.release();
        TokenSet fresh = waiting.get(40, TimeUnit.SECONDS);
        lines.start();
        log.addAppender(lines);
        Thread.currentThread().interrupt();
        node.close();
        assertThat(Thread.interrupted()).isTrue();
        assertThat(lines.list)
                .filteredOn(line -> line.getLevel() == Level.ERROR)
                .extracting(ILoggingEvent::getFormattedMessage)
                .hasSize(1)
                .allSatisfy(line ->
                        assertThat(line).contains("1 grants have new tokens").doesNotContain(fresh.accessToken()));
    }

    @Test
    void a_closed_node_gives_valid_tokens_no_new_ones_and_makes_no_request() throws Exception {
        Grantkeeper node = scene.node();
        Account alice = scene.signIn(node, "alice");
        node.close();
        assertThat(alice.tokens()).isNotNull();
        scene.expire();
        int requests = scene.server.tokenRequests();
        assertThatThrownBy(alice::tokens)
                .isExactlyInstanceOf(OAuthException.class)
                .hasMessageContaining("was closed");
        assertThatThrownBy(() -> alice.tokensAsync().get(40, TimeUnit.SECONDS))
                .cause()
                .isExactlyInstanceOf(OAuthException.class)
                .hasMessageContaining("was closed");
        assertThat(scene.server.tokenRequests()).isEqualTo(requests);
        assertThat(alice.grant()).isPresent();
    }

    @Test
    void closing_twice_does_no_harm() throws Exception {
        Grantkeeper node = scene.node();
        scene.signIn(node, "alice");
        node.close();
        node.close();
        assertThat(scene.node().account("alice").tokens()).isNotNull();
    }
}
