/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static dev.grantkeeper.BackchannelServer.error;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import dev.grantkeeper.BackchannelServer.Decision;
import dev.grantkeeper.LoginResult.Declined;
import dev.grantkeeper.LoginResult.SignedIn;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Backchannel logins whose server says when the user has decided (ping mode, CIBA Core section 10.2). In real time: a
 * node that polled instead would have to wait for half a minute, or for as long as a test says.
 */
@Timeout(300)
class BackchannelPingTest {
    private final BackchannelServer server = new BackchannelServer();
    private final Grantkeeper node = node();

    @AfterEach
    void close() {
        server.close();
    }

    private Grantkeeper node() {
        return server.mock.node(server.registration(server.provider()));
    }

    private BackchannelLogin start() throws AuthorizationServerException {
        return node.newLogin().loginHint("alice").ping().startBackchannel();
    }

    private static String header(BackchannelLogin login) {
        return "Bearer " + login.attempt().notificationToken();
    }

    private static String body(BackchannelLogin login) {
        return body(login.attempt().authReqId());
    }

    private static String body(String authReqId) {
        return "{\"auth_req_id\": \"" + authReqId + "\"}";
    }

    private static LoginResult get(CompletableFuture<LoginResult> future) throws Exception {
        return future.get(20, TimeUnit.SECONDS);
    }

    // ---- As it should be ------------------------------------------------------------------------------------------

    @Test
    void a_notification_brings_the_tokens_at_once_with_one_request() throws Exception {
        BackchannelLogin login = start();
        CompletableFuture<LoginResult> result = node.awaitLoginAsync(login);
        server.decision = Decision.YES;
        assertThat(node.acceptNotification(login, header(login), body(login))).isTrue();
        assertThat(((SignedIn) get(result)).identity().orElseThrow().subject()).isEqualTo("alice");
        assertThat(server.polls).hasSize(1);
    }

    @Test
    void a_notification_that_nobody_waits_for_yet_is_remembered() throws Exception {
        BackchannelLogin login = start();
        server.decision = Decision.YES;
        Map<String, BackchannelLogin> kept = new HashMap<>();
        kept.put(login.notificationKey(), Serialized.copy(login));

        // The notification reaches another process.
        Grantkeeper other = node();
        BackchannelLogin found = kept.get(BackchannelLogin.notificationKeyOf(body(login)));
        assertThat(other.acceptNotification(found, header(login), body(login))).isTrue();
        assertThat(server.polls).isEmpty();
        assertThat(get(other.awaitLoginAsync(found))).isInstanceOf(SignedIn.class);
        assertThat(server.polls).hasSize(1);
    }

    @Test
    void a_user_who_refuses_is_reported_too() throws Exception {
        BackchannelLogin login = start();
        CompletableFuture<LoginResult> result = node.awaitLoginAsync(login);
        server.decision = Decision.NO;
        assertThat(node.acceptNotification(login, header(login), body(login))).isTrue();
        assertThat(get(result)).isInstanceOf(Declined.class);
        assertThat(server.polls).hasSize(1);
    }

    @Test
    void the_token_of_each_login_is_another_and_cannot_be_guessed() throws Exception {
        Set<String> tokens = new HashSet<>();
        for (int i = 0; i < 5; i++) {
            BackchannelLogin login = start();
            String token = server.authentication().get("client_notification_token");
            assertThat(token).isEqualTo(login.attempt().notificationToken());
            assertThat(Base64.getUrlDecoder().decode(token)).hasSize(32);
            tokens.add(token);
        }
        assertThat(tokens).hasSize(5);
        node.newLogin().loginHint("alice").startBackchannel();
        assertThat(server.authentication()).doesNotContainKey("client_notification_token");
    }

    @Test
    void a_server_that_offers_no_ping_is_not_asked_for_it() {
        Grantkeeper other =
                server.mock.node(server.registration(server.provider().backchannelTokenDeliveryModes("poll")));
        assertThatIllegalStateException()
                .isThrownBy(() -> other.newLogin().loginHint("alice").ping().startBackchannel())
                .withMessageContaining("Leave ping() out");
        assertThat(server.mock.server.getRequestCount()).isZero();
    }

    // ---- What others post -----------------------------------------------------------------------------------------

    @Test
    void what_strangers_post_is_refused_costs_no_request_and_ends_nothing() throws Exception {
        BackchannelLogin login = start();
        BackchannelLogin second = start();
        CompletableFuture<LoginResult> result = node.awaitLoginAsync(login);
        server.decision = Decision.YES;
        String token = login.attempt().notificationToken();
        String id = login.attempt().authReqId();
        List<String> headers = new ArrayList<>(Arrays.asList(
                null,
                "",
                "Bearer",
                "Bearer ",
                "Bearer x",
                token,
                "Basic " + token,
                "Bearer " + token + "x",
                "Bearer " + token.substring(1),
                "Bearer " + token + ", Bearer x",
                "Bearer " + token.toUpperCase(java.util.Locale.ROOT),
                "Bearer " + token.repeat(1000),
                header(second)));
        for (String header : headers) {
            assertThat(node.acceptNotification(login, header, body(login)))
                    .as(header)
                    .isFalse();
        }
        List<String> bodies = new ArrayList<>(Arrays.asList(
                null,
                "",
                "null",
                "[]",
                "{}",
                "{\"auth_req_id\":null}",
                "{\"auth_req_id\":7}",
                "{\"auth_req_id\":\"\"}",
                "{\"auth_req_id\":[\"" + id + "\"]}",
                "{\"auth_req_id\":\"" + id + "\",\"auth_req_id\":\"" + id + "\"}",
                "{\"auth_req_id\":\"" + id + "\"",
                "auth_req_id=" + id,
                "\"" + id + "\"",
                body(id + "x"),
                body(second),
                "{\"auth_req_id\":\"" + id + "\",\"padding\":\"" + "x".repeat(1_000_000) + "\"}",
                "{\"a\":".repeat(5000)));
        for (String body : bodies) {
            assertThat(node.acceptNotification(login, header(login), body))
                    .as(body == null ? null : body.substring(0, Math.min(80, body.length())))
                    .isFalse();
        }
        assertThat(node.acceptNotification(null, header(login), body(login))).isFalse();
        assertThat(node.acceptNotification(second, header(login), body(login))).isFalse();
        assertThat(server.polls).isEmpty();
        assertThat(result).isNotDone();

        assertThat(node.acceptNotification(second, header(second), body(second)))
                .isTrue();
        assertThat(server.polls).isEmpty(); // nobody waits for that one
        assertThat(result).isNotDone();
        server.nextTokens.add(error("access_denied")); // the fake server knows its last login only
        assertThat(node.acceptNotification(login, "bearer  " + token, body(login)))
                .isTrue();
        assertThat(get(result)).isInstanceOf(Declined.class);
        assertThat(server.polls).hasSize(1);
    }

    @Test
    void a_login_in_poll_mode_or_of_another_registration_accepts_no_notification() throws Exception {
        BackchannelLogin polled = node.newLogin().loginHint("alice").startBackchannel();
        for (String header : Arrays.asList(null, "", "Bearer ", "Bearer null", "Bearer x")) {
            assertThat(node.acceptNotification(polled, header, body(polled))).isFalse();
        }
        BackchannelLogin login = start();
        Grantkeeper other =
                server.mock.node(server.registration(server.provider()).registration("other"));
        assertThat(other.acceptNotification(login, header(login), body(login))).isFalse();
    }

    @Test
    void a_key_is_made_of_any_body() throws Exception {
        BackchannelLogin login = start();
        assertThat(BackchannelLogin.notificationKeyOf(body(login))).isEqualTo(login.notificationKey());
        assertThat(login.notificationKey())
                .matches("[a-z0-9-]+")
                .doesNotContain(login.attempt().authReqId());
        assertThat(start().notificationKey()).isNotEqualTo(login.notificationKey());
        for (String body : Arrays.asList(null, "", "{}", "x", "{\"auth_req_id\":1}", "{\"a\":".repeat(5000))) {
            assertThat(BackchannelLogin.notificationKeyOf(body)).isEqualTo("backchannel-none");
        }
    }

    // ---- What goes wrong ------------------------------------------------------------------------------------------

    @Test
    void a_notification_that_comes_several_times_is_harmless() throws Exception {
        BackchannelLogin login = start();
        CompletableFuture<LoginResult> result = node.awaitLoginAsync(login);
        server.decision = Decision.YES;
        int all = server.answers.drainPermits();
        for (int i = 0; i < 3; i++) {
            assertThat(node.acceptNotification(login, header(login), body(login)))
                    .isTrue();
        }
        server.arrived.acquire(); // and while the request is on its way
        assertThat(node.acceptNotification(login, header(login), body(login))).isTrue();
        server.answers.release(all);
        assertThat(get(result)).isInstanceOf(SignedIn.class);
        assertThat(node.acceptNotification(login, header(login), body(login))).isTrue();
        assertThat(server.polls).hasSize(1);
    }

    @Test
    void a_decision_that_a_poll_has_just_missed_is_asked_for_again_at_once() throws Exception {
        server.interval = 30; // or the second poll would be that late
        BackchannelLogin login = start();
        int all = server.answers.drainPermits();
        CompletableFuture<LoginResult> result = node.awaitLoginAsync(login);
        server.mock.time.pass(Duration.ofSeconds(31));
        server.arrived.acquire();
        server.decision = Decision.YES;
        assertThat(node.acceptNotification(login, header(login), body(login))).isTrue();
        server.answers.release(all);
        assertThat(get(result)).isInstanceOf(SignedIn.class);
        assertThat(server.polls).hasSize(2);
        assertThat(Duration.between(
                        server.polls.get(0).at(), server.polls.get(1).at()))
                .isLessThan(Duration.ofMillis(1900));
    }

    @Test
    void a_server_that_is_down_when_it_is_asked_is_asked_again() throws Exception {
        server.interval = 1;
        BackchannelLogin login = start();
        CompletableFuture<LoginResult> result = node.awaitLoginAsync(login);
        server.decision = Decision.YES;
        server.nextTokens.add(MockProvider.json(503, "{}"));
        assertThat(node.acceptNotification(login, header(login), body(login))).isTrue();
        assertThat(get(result)).isInstanceOf(SignedIn.class);
        assertThat(server.polls).hasSize(2);
    }

    @Test
    void a_lost_notification_costs_half_a_minute_and_no_login() throws Exception {
        for (Map.Entry<Integer, Integer> expected :
                Map.of(600, 30, 100, 10, 20, 5).entrySet()) {
            server.polls.clear();
            server.decision = Decision.NONE;
            server.lifetime = expected.getKey();
            Instant began = Instant.now();
            AtomicLong passed = new AtomicLong();
            InstantSource clock = () -> began.plusNanos(passed.get());
            server.clock = clock;
            Grantkeeper slow = server.mock.node(server.registration(server.provider())
                    .time(clock, () -> passed.addAndGet(Duration.ofMillis(500).toNanos())));
            BackchannelLogin login = slow.newLogin().loginHint("alice").ping().startBackchannel();
            server.nextTokens.add(error("slow_down"));
            server.decision = Decision.YES;
            assertThat(get(slow.awaitLoginAsync(login))).isInstanceOf(SignedIn.class);
            assertThat(server.polls).hasSize(2);
            Instant last = login.attempt().startedAt();
            int seconds = expected.getValue();
            for (BackchannelServer.Poll poll : server.polls) {
                assertThat(Duration.between(last, poll.at()))
                        .isBetween(Duration.ofSeconds(seconds - 1), Duration.ofSeconds(seconds + 5));
                last = poll.at();
                seconds += 5;
            }
        }
    }

    // ---- Callers with little time ---------------------------------------------------------------------------------

    @Test
    void a_caller_who_comes_back_gets_the_tokens_that_are_on_their_way() throws Exception {
        BackchannelLogin login = start();
        server.decision = Decision.YES;
        int all = server.answers.drainPermits();
        CompletableFuture<LoginResult> first = node.awaitLoginAsync(login);
        assertThat(node.acceptNotification(login, header(login), body(login))).isTrue();
        server.arrived.acquire();
        first.cancel(true);
        CompletableFuture<LoginResult> second = node.awaitLoginAsync(login);
        server.answers.release(all);
        assertThat(get(second)).isInstanceOf(SignedIn.class);
        assertThat(server.polls).hasSize(1);
    }

    @Test
    void a_caller_who_comes_back_does_not_begin_to_wait_anew() throws Exception {
        server.interval = 60;
        BackchannelLogin login = node.newLogin().loginHint("alice").startBackchannel();
        CompletableFuture<LoginResult> first = node.awaitLoginAsync(login);
        server.mock.time.pass(Duration.ofSeconds(35));
        first.cancel(true);
        server.decision = Decision.YES;
        CompletableFuture<LoginResult> second = node.awaitLoginAsync(login);
        server.mock.time.pass(Duration.ofSeconds(26));
        assertThat(get(second)).isInstanceOf(SignedIn.class);
        assertThat(server.polls).hasSize(1);
    }

    @Test
    void a_login_that_nobody_waits_for_is_not_polled() throws Exception {
        server.interval = 30;
        BackchannelLogin left = start();
        node.awaitLoginAsync(left).cancel(true);
        BackchannelLogin login = start();
        CompletableFuture<LoginResult> result = node.awaitLoginAsync(login);
        server.decision = Decision.YES;
        server.mock.time.pass(Duration.ofSeconds(31));
        assertThat(get(result)).isInstanceOf(SignedIn.class);
        assertThat(server.polls)
                .singleElement()
                .satisfies(poll -> assertThat(poll.form())
                        .containsEntry("auth_req_id", login.attempt().authReqId()));
    }

    @Test
    void what_is_printed_shows_no_secret() throws Exception {
        BackchannelLogin login = start();
        for (Object printed : List.of(login, login.attempt())) {
            assertThat(printed.toString())
                    .doesNotContain(login.attempt().authReqId())
                    .doesNotContain(login.attempt().notificationToken());
        }
    }
}
