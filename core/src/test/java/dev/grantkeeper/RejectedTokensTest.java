/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.grantkeeper.testkit.Fault;
import dev.grantkeeper.testkit.Held;
import dev.grantkeeper.testkit.Rotation;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.slf4j.LoggerFactory;

/** Tokens that were rejected where no interceptor saw it: by mail servers, by gRPC, through other HTTP clients. */
@Timeout(300)
class RejectedTokensTest {
    private final Scene scene = new Scene();
    private final Grantkeeper node = scene.node();

    @AfterEach
    void close() {
        scene.close();
    }

    private Account alice() throws IOException {
        scene.server.rotation(Rotation.STRICT);
        Account alice = scene.signIn(node, "alice");
        scene.server.resetCounters();
        return alice;
    }

    @Test
    void a_rejected_token_is_replaced_though_its_time_has_not_come() throws Exception {
        Account alice = alice();
        TokenSet rejected = alice.tokens();
        TokenSet others = alice.tokensInsteadOf(rejected);
        assertThat(others.accessToken()).isNotEqualTo(rejected.accessToken());
        assertThat(scene.server.accepts(others.accessToken())).isTrue();
        assertThat(alice.tokens()).isEqualTo(others);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
        assertThat(scene.events).anySatisfy(event -> assertThat(event.detail()).contains("rejected"));
    }

    @Test
    void law_10_a_thousand_rejections_of_one_token_make_one_refresh() throws Exception {
        Account alice = alice();
        TokenSet rejected = alice.tokens();
        Held held = scene.server.hold();
        List<CompletableFuture<TokenSet>> all = IntStream.range(0, 1000)
                .mapToObj(i -> alice.tokensInsteadOfAsync(rejected))
                .toList();
        held.awaitArrived(1);
        held.release();
        Set<String> tokens = new HashSet<>();
        for (CompletableFuture<TokenSet> one : all) {
            tokens.add(one.get(20, TimeUnit.SECONDS).accessToken());
        }
        assertThat(tokens).hasSize(1).doesNotContain(rejected.accessToken());
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
        assertThat(scene.server.reuseDetected()).isZero();
    }

    @Test
    void law_10_a_token_that_was_replaced_meanwhile_costs_no_request() throws Exception {
        Account alice = alice();
        TokenSet rejected = alice.tokens();
        TokenSet others = alice.tokensInsteadOf(rejected);
        scene.time.pass(Duration.ofMinutes(1));
        assertThat(alice.tokensInsteadOf(rejected)).isEqualTo(others);
        assertThat(alice.tokensInsteadOfAsync(rejected).get(40, TimeUnit.SECONDS))
                .isEqualTo(others);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
    }

    @Test
    void law_10_nor_does_one_that_another_node_has_replaced() throws Exception {
        Account alice = alice();
        Account elsewhere = scene.node().account("alice");
        TokenSet rejected = elsewhere.tokens();
        TokenSet others = alice.tokensInsteadOf(rejected);
        assertThat(elsewhere.tokensInsteadOf(rejected)).isEqualTo(others);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
    }

    @Test
    void law_10_new_tokens_that_are_rejected_as_well_come_back_until_the_pause_is_over() throws Exception {
        Account alice = alice();
        TokenSet second = alice.tokensInsteadOf(alice.tokens());
        for (int i = 0; i < 10; i++) {
            assertThat(alice.tokensInsteadOf(second)).isEqualTo(second);
        }
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
        scene.time.pass(Duration.ofSeconds(31));
        assertThat(alice.tokensInsteadOf(second)).isNotEqualTo(second);
        assertThat(scene.server.refreshRequests()).isEqualTo(2);
    }

    @Test
    void the_interceptor_and_other_callers_share_the_refresh() throws Exception {
        Account alice = alice();
        TokenSet rejected = alice.tokens();
        scene.server.expireAccessTokens();
        assertThat(scene.status(alice.wrap(scene.http))).isEqualTo(200);
        TokenSet others = alice.tokensInsteadOf(rejected);
        assertThat(others).isEqualTo(alice.tokens()).isNotEqualTo(rejected);
        assertThat(alice.tokensInsteadOf(others)).isEqualTo(others);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
    }

    @Test
    void a_token_that_is_none_of_this_accounts_costs_nothing() throws Exception {
        Account alice = alice();
        TokenSet bobs = scene.signIn(node, "bob").tokens();
        scene.server.resetCounters();
        assertThat(alice.tokensInsteadOf(bobs)).isEqualTo(alice.tokens());
        assertThat(scene.server.tokenRequests()).isZero();
    }

    @Test
    void each_resource_has_rejections_of_its_own() throws Exception {
        Account alice = alice();
        TokenSet own = alice.tokens();
        Account files = alice.forResource("https://files.example.com");
        TokenSet rejected = files.tokens();
        TokenSet others = files.tokensInsteadOf(rejected);
        assertThat(others.accessToken()).isNotEqualTo(rejected.accessToken()).isNotEqualTo(own.accessToken());
        assertThat(files.tokensInsteadOf(others)).isEqualTo(others);
        assertThat(alice.tokens().accessToken()).isEqualTo(own.accessToken());
        assertThat(scene.server.refreshRequests()).isEqualTo(2);
        assertThat(scene.server.reuseDetected()).isZero();
    }

    @Test
    void the_applications_own_token_and_exchanged_ones_are_replaced_alike() throws Exception {
        String incoming = alice().tokens().accessToken();
        for (Account account : List.of(node.application(), node.account(TokenExchange.onBehalfOf(incoming)))) {
            TokenSet rejected = account.tokens();
            scene.server.resetCounters();
            TokenSet others = account.tokensInsteadOf(rejected);
            assertThat(others.accessToken()).isNotEqualTo(rejected.accessToken());
            assertThat(account.tokensInsteadOf(rejected)).isEqualTo(others);
            assertThat(account.tokensInsteadOf(others)).isEqualTo(others);
            assertThat(scene.server.tokenRequests()).isEqualTo(1);
        }
    }

    @Test
    void what_ended_meanwhile_is_told_as_by_tokens() throws Exception {
        Account alice = alice();
        TokenSet rejected = alice.tokens();
        scene.server.revokeConsent("alice");
        assertThatThrownBy(() -> alice.tokensInsteadOf(rejected))
                .isInstanceOfSatisfying(
                        LoginRequiredException.class,
                        e -> assertThat(e.reason()).isEqualTo(LoginRequiredException.Reason.REFUSED));
        assertThatThrownBy(() -> alice.tokensInsteadOfAsync(rejected).join())
                .isInstanceOf(CompletionException.class)
                .hasCauseInstanceOf(LoginRequiredException.class);
        alice.signOut();
        assertThatThrownBy(() -> alice.tokensInsteadOf(rejected))
                .isInstanceOfSatisfying(
                        LoginRequiredException.class,
                        e -> assertThat(e.reason()).isEqualTo(LoginRequiredException.Reason.NOT_CONNECTED));
    }

    @Test
    void a_refresh_that_fails_brings_its_failure_and_not_the_rejected_token() throws Exception {
        Account alice = alice();
        TokenSet rejected = alice.tokens();
        scene.server.onEveryTokenRequest(Fault.status(503));
        assertThatThrownBy(() -> alice.tokensInsteadOf(rejected)).isInstanceOf(AuthorizationServerException.class);
        scene.server.noFaults();
        scene.time.pass(Duration.ofMinutes(2));
        assertThat(alice.tokensInsteadOf(rejected)).isNotEqualTo(rejected);
    }

    @Test
    void a_caller_that_gives_up_disturbs_nobody() throws Exception {
        Account alice = alice();
        TokenSet rejected = alice.tokens();
        Held held = scene.server.hold();
        CompletableFuture<TokenSet> first = alice.tokensInsteadOfAsync(rejected);
        CompletableFuture<TokenSet> other = alice.tokensInsteadOfAsync(rejected);
        held.awaitArrived(1);
        assertThat(first.cancel(true)).isTrue();
        held.release();
        assertThat(other.get(40, TimeUnit.SECONDS)).isNotEqualTo(rejected);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
    }

    @Test
    void a_second_rejection_is_in_the_log_once() throws Exception {
        Account alice = alice();
        scene.server.rejectAllAtApi(true);
        Logger log = (Logger) LoggerFactory.getLogger(Grantkeeper.class);
        ListAppender<ILoggingEvent> lines = new ListAppender<>();
        lines.start();
        log.addAppender(lines);
        try {
            for (int i = 0; i < 5; i++) {
                assertThat(scene.status(alice.wrap(scene.http))).isEqualTo(401);
            }
        } finally {
            log.detachAppender(lines);
        }
        assertThat(lines.list.stream()
                        .map(ILoggingEvent::getFormattedMessage)
                        .filter(line -> line.contains("rejected new tokens")))
                .hasSize(1);
    }
}
