/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The time for which a remembered row is used without a look into the store, with default settings. Real time passes as
 * well, so no step is near a limit.
 */
@Timeout(300)
class StoreReadsTest {
    private final Scene scene = new Scene();
    private final Grantkeeper node = scene.node();
    private Account alice;

    @BeforeEach
    void signIn() throws IOException {
        scene.server.accessTokenLifetime(Duration.ofHours(1));
        alice = scene.signIn(node, "alice");
    }

    @AfterEach
    void close() {
        scene.close();
    }

    private void pass(int seconds) {
        scene.time.pass(Duration.ofSeconds(seconds));
    }

    /** The reads that a call for tokens costs. */
    private int reads() throws IOException {
        int before = scene.store.finds.get();
        alice.tokens();
        return scene.store.finds.get() - before;
    }

    /** A call for a user who never signed in, which reads the store. */
    private void hearFromTheStore() throws IOException {
        assertThat(node.account("nobody").grant()).isEmpty();
    }

    @Test
    void a_row_is_used_for_five_seconds() throws IOException {
        pass(2);
        assertThat(reads()).isZero();
        pass(4);
        assertThat(reads()).isOne();
    }

    @Test
    void a_row_that_has_not_changed_for_a_while_is_used_for_as_long_again() throws IOException {
        pass(30);
        assertThat(reads()).isOne();
        pass(20);
        hearFromTheStore();
        assertThat(reads()).isZero();
        pass(20);
        hearFromTheStore();
        assertThat(reads()).isOne();
    }

    @Test
    void no_row_is_used_for_more_than_a_minute() throws IOException {
        pass(600);
        assertThat(reads()).isOne();
        pass(50);
        hearFromTheStore();
        assertThat(reads()).isZero();
        pass(11);
        hearFromTheStore();
        assertThat(reads()).isOne();
    }

    /** It would not notice that the store is away, and comes back without what this node wrote last. */
    @Test
    void a_node_that_hears_nothing_from_the_store_reads_after_five_seconds() throws IOException {
        pass(30);
        assertThat(reads()).isOne();
        pass(2);
        assertThat(reads()).isZero();
        pass(4);
        assertThat(reads()).isOne();
    }

    @Test
    void a_row_that_has_changed_is_used_for_five_seconds_again() throws IOException {
        pass(30);
        Account there = scene.node().account("alice");
        there.forget();
        alice = scene.signIn(node, "alice");
        pass(2);
        hearFromTheStore();
        assertThat(reads()).isZero();
        pass(4);
        hearFromTheStore();
        assertThat(reads()).isOne();
    }
}
