/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.grantkeeper.LoginResult.Declined;
import dev.grantkeeper.LoginResult.Mismatched;
import dev.grantkeeper.LoginResult.SignedIn;
import dev.grantkeeper.provider.DecryptionKey;
import dev.grantkeeper.testkit.Fault;
import dev.grantkeeper.testkit.Held;
import dev.grantkeeper.testkit.RecordedRequest;
import java.io.InterruptedIOException;
import java.security.KeyPair;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Logins that the user finishes on another device (RFC 8628), by a clock that goes on whenever somebody looks at it.
 */
@Timeout(300)
@Execution(ExecutionMode.CONCURRENT)
class DeviceLoginTest {
    private final Scene scene = new Scene();
    private final QuickTime time = new QuickTime();
    private final Grantkeeper node = node();

    @AfterEach
    void close() {
        scene.close();
    }

    private Grantkeeper node() {
        scene.server.time(time.clock());
        return scene.node(scene.registration(scene.openIdProvider().build())
                .tokenCallTimeout(
                        Duration.ofSeconds(5)) // a few looks at the ticker, which are more often if it is short
                .time(time.clock(), time::ticks));
    }

    private CompletableFuture<LoginResult> finish(DeviceLogin login) {
        return node.awaitLoginAsync(login);
    }

    private static <T> T get(CompletableFuture<T> future) throws Exception {
        return future.get(30, TimeUnit.SECONDS);
    }

    // ---- How it ends ---------------------------------------------------------------------------------------------

    @Test
    void a_user_who_agrees_on_another_device_is_signed_in_and_stays_so() throws Exception {
        DeviceLogin login = node.newLogin().appState("screen 7").startOnDevice();
        assertThat(login.userCode()).matches("[A-Z]{4}-[A-Z]{4}");
        assertThat(login.verificationUri()).hasToString(scene.server.url() + "/device");
        assertThat(login.verificationUriComplete().orElseThrow())
                .hasToString(scene.server.url() + "/device?user_code=" + login.userCode());

        CompletableFuture<LoginResult> result = finish(login);
        scene.server.approveDevice(login.userCode(), "alice");
        SignedIn in = (SignedIn) get(result);

        assertThat(in.appState()).contains("screen 7");
        assertThat(in.tokens().scopes()).containsExactly("things.read");
        Account alice = in.keepAs("alice");
        assertThat(scene.status(alice.wrap(scene.http))).isEqualTo(200);
        scene.server.expireAccessTokens();
        assertThat(scene.status(alice.wrap(scene.http))).isEqualTo(200);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
    }

    @Test
    void who_has_a_thread_to_spare_waits() throws Exception {
        DeviceLogin login = node.newLogin().startOnDevice();
        scene.server.approveDevice(login.userCode(), "alice");

        assertThat(node.awaitLogin(login)).isInstanceOf(SignedIn.class);
    }

    @Test
    void an_id_token_that_is_encrypted_is_decrypted_and_demanded() throws Exception {
        KeyPair pair = Jwe.rsa();
        Grantkeeper decrypting =
                scene.node(scene.registration(scene.openIdProvider().build())
                        .decryptionKeys(DecryptionKey.of(pair))
                        .encryptionAlgorithms("RSA-OAEP-256")
                        .time(time.clock(), time::ticks));
        for (boolean encrypted : new boolean[] {true, false}) {
            String[] signed = new String[1];
            scene.server.tokenResponse(response -> {
                signed[0] = (String) response.get("id_token");
                if (encrypted && signed[0] != null) {
                    response.put("id_token", Jwe.encryptTo(pair, signed[0]));
                }
                return response;
            });
            DeviceLogin login = decrypting.newLogin().scopes("openid").startOnDevice();
            scene.server.approveDevice(login.userCode(), "bob");
            CompletableFuture<LoginResult> result = decrypting.awaitLoginAsync(login);
            if (encrypted) {
                SignedIn in = (SignedIn) get(result);
                assertThat(in.identity().orElseThrow().subject()).isEqualTo("bob");
                assertThat(in.tokens().idToken()).contains(signed[0]);
            } else {
                assertThatThrownBy(() -> get(result)).hasMessageContaining("it is not encrypted");
            }
        }
    }

    @Test
    void the_id_token_says_who_it_was_and_is_verified() throws Exception {
        DeviceLogin login = node.newLogin().scopes("openid").startOnDevice();
        scene.server.approveDevice(login.userCode(), "bob");
        SignedIn in = (SignedIn) get(finish(login));
        assertThat(in.identity().orElseThrow().subject()).isEqualTo("bob");

        scene.server.idTokenClaims(claims -> {
            claims.put("aud", "somebody-else");
            return claims;
        });
        DeviceLogin other = node.newLogin().scopes("openid").startOnDevice();
        scene.server.approveDevice(other.userCode(), "bob");
        assertThat(failure(finish(other)).kind()).isEqualTo(AuthorizationServerException.Kind.MALFORMED);
    }

    @Test
    void a_user_who_refuses_has_declined() throws Exception {
        DeviceLogin login = node.newLogin().startOnDevice();
        scene.server.refuseDevice(login.userCode());

        assertThat(get(finish(login)))
                .isInstanceOfSatisfying(
                        Declined.class,
                        declined -> assertThat(declined.byUser()).isTrue());
    }

    @Test
    void microsoft_has_a_word_of_its_own_for_it() throws Exception {
        DeviceLogin login = node.newLogin().startOnDevice();
        scene.server.onNextTokenRequest(Fault.error(400, "authorization_declined"));

        assertThat(get(finish(login)))
                .isInstanceOfSatisfying(
                        Declined.class,
                        declined -> assertThat(declined.byUser()).isTrue());
    }

    @Test
    void a_user_who_takes_too_long_is_not_waited_for_and_the_server_is_left_alone() throws Exception {
        scene.server.deviceResponse(answer -> {
            answer.put("expires_in", 12);
            return answer;
        });
        DeviceLogin login = node.newLogin().startOnDevice();

        assertThat(get(finish(login)))
                .isInstanceOfSatisfying(
                        Mismatched.class, late -> assertThat(late.reason()).isEqualTo(Mismatched.Reason.STALE));
        assertThat(scene.server.recordedTokenRequests())
                .isNotEmpty()
                .allSatisfy(request -> assertThat(request.at()).isBefore(login.expiresAt()));
        assertThat(get(finish(login)))
                .isInstanceOfSatisfying(
                        Mismatched.class, again -> assertThat(again.reason()).isEqualTo(Mismatched.Reason.REPLAYED));
    }

    @Test
    void a_code_that_the_server_calls_expired_is_stale() throws Exception {
        DeviceLogin login = node.newLogin().startOnDevice();
        scene.server.onNextTokenRequest(Fault.error(400, "expired_token"));

        assertThat(get(finish(login)))
                .isInstanceOfSatisfying(
                        Mismatched.class, late -> assertThat(late.reason()).isEqualTo(Mismatched.Reason.STALE));
        assertThat(scene.server.tokenRequests()).isEqualTo(1);
    }

    @Test
    void an_application_that_the_server_does_not_know_is_told_so() throws Exception {
        DeviceLogin login = node.newLogin().startOnDevice();
        scene.server.onNextTokenRequest(Fault.error(401, "invalid_client"));
        assertThat(failure(finish(login)).kind()).isEqualTo(AuthorizationServerException.Kind.MISCONFIGURED);

        scene.server.client(Scene.CLIENT, "another secret");
        assertThatThrownBy(() -> node.newLogin().startOnDevice())
                .isInstanceOfSatisfying(
                        AuthorizationServerException.class,
                        e -> assertThat(e.kind()).isEqualTo(AuthorizationServerException.Kind.MISCONFIGURED));
    }

    private static AuthorizationServerException failure(CompletableFuture<LoginResult> result) throws Exception {
        try {
            get(result);
            throw new AssertionError("There is a result");
        } catch (ExecutionException e) {
            return (AuthorizationServerException) e.getCause();
        }
    }

    // ---- How often the server is asked ---------------------------------------------------------------------------

    @Test
    void the_server_is_asked_every_five_seconds_and_five_more_after_each_slow_down() throws Exception {
        DeviceLogin login = node.newLogin().startOnDevice();
        Fault slowDown = Fault.error(400, "slow_down");
        scene.server.onNextTokenRequest(slowDown, slowDown, slowDown);
        CompletableFuture<LoginResult> result = finish(login);
        scene.server.approveDevice(login.userCode(), "alice");

        assertThat(get(result)).isInstanceOf(SignedIn.class);
        assertGaps(login, 5, 10, 15, 20);
    }

    @Test
    void a_server_that_says_how_often_is_asked_so_often() throws Exception {
        scene.server.deviceInterval(Duration.ofSeconds(9));
        DeviceLogin login = node.newLogin().startOnDevice();
        Fault pending = Fault.error(400, "authorization_pending");
        scene.server.onNextTokenRequest(pending, pending);
        CompletableFuture<LoginResult> result = finish(login);
        scene.server.approveDevice(login.userCode(), "alice");

        assertThat(get(result)).isInstanceOf(SignedIn.class);
        assertGaps(login, 9, 9, 9);
    }

    @Test
    void a_server_that_does_not_answer_is_asked_half_as_often_each_time() throws Exception {
        DeviceLogin login = node.newLogin().startOnDevice();
        scene.server.onNextTokenRequest(
                Fault.dropBefore(), Fault.status(502), Fault.dropBefore(), Fault.error(400, "authorization_pending"));
        CompletableFuture<LoginResult> result = finish(login);
        scene.server.approveDevice(login.userCode(), "alice");

        assertThat(get(result)).isInstanceOf(SignedIn.class);
        assertGaps(login, 5, 10, 20, 40, 5);
    }

    @Test
    void a_server_that_wants_to_be_left_alone_is() throws Exception {
        DeviceLogin login = node.newLogin().startOnDevice();
        scene.server.onNextTokenRequest(Fault.retryAfter(503, "60"));
        CompletableFuture<LoginResult> result = finish(login);
        scene.server.approveDevice(login.userCode(), "alice");

        assertThat(get(result)).isInstanceOf(SignedIn.class);
        assertGaps(login, 5, 60);
    }

    private void assertGaps(DeviceLogin login, int... seconds) {
        List<Instant> questions = scene.server.recordedTokenRequests().stream()
                .map(RecordedRequest::at)
                .toList();
        QuickTime.assertGaps(login.expiresAt().minus(Duration.ofMinutes(10)), questions, 4, seconds);
    }

    @Test
    void a_clock_that_is_set_back_makes_no_code_live_longer() throws Exception {
        AtomicLong wall = new AtomicLong();
        Grantkeeper one = scene.node(scene.registration(scene.provider().build())
                .time(() -> time.clock().instant().plusSeconds(wall.get()), time::ticks));
        scene.server.deviceResponse(answer -> {
            answer.put("expires_in", 30);
            return answer;
        });
        DeviceLogin login = one.newLogin().startOnDevice();
        CompletableFuture<LoginResult> result = one.awaitLoginAsync(login);
        wall.set(-1_000_000);

        assertThat(get(result)).isInstanceOf(Mismatched.class);
        assertThat(scene.server.tokenRequests()).isLessThan(7);
    }

    // ---- Who may ask ---------------------------------------------------------------------------------------------

    @Test
    void two_who_wait_for_one_login_share_the_questions() throws Exception {
        DeviceLogin login = node.newLogin().startOnDevice();
        Fault pending = Fault.error(400, "authorization_pending");
        scene.server.onNextTokenRequest(pending, pending, pending);
        CompletableFuture<LoginResult> one = finish(login);
        CompletableFuture<LoginResult> other = finish(login);
        scene.server.approveDevice(login.userCode(), "alice");

        assertThat(((SignedIn) get(one)).tokens()).isSameAs(((SignedIn) get(other)).tokens());
        assertGaps(login, 5, 5, 5, 5);
    }

    @Test
    void one_who_cancels_takes_nothing_from_the_other() throws Exception {
        DeviceLogin login = node.newLogin().startOnDevice();
        CompletableFuture<LoginResult> one = finish(login);
        CompletableFuture<LoginResult> other = finish(login);
        one.cancel(true);
        scene.server.approveDevice(login.userCode(), "alice");

        assertThat(get(other)).isInstanceOf(SignedIn.class);
    }

    @Test
    void when_nobody_waits_any_more_tokens_that_come_are_given_back() throws Exception {
        DeviceLogin login = node.newLogin().startOnDevice();
        scene.server.approveDevice(login.userCode(), "alice");
        Held held = scene.server.holdAnswers();
        CompletableFuture<LoginResult> result = finish(login);
        Held revocation = new Held();
        scene.server.onNextRevocation(Fault.hold(revocation));
        held.awaitArrived(1);
        result.cancel(true);
        held.release();

        revocation.awaitArrived(1);
        revocation.release();
        assertThat(scene.server.tokenRequests()).isEqualTo(1);
    }

    @Test
    void who_is_interrupted_waits_no_longer() throws Exception {
        DeviceLogin login = node.newLogin().startOnDevice();
        Thread.currentThread().interrupt();

        assertThatThrownBy(() -> node.awaitLogin(login)).isInstanceOf(InterruptedIOException.class);
        assertThat(Thread.interrupted()).isTrue();
    }

    @Test
    void another_node_can_finish_what_a_session_carried_over() throws Exception {
        DeviceLogin login = node.newLogin().appState("screen 7").startOnDevice();
        scene.server.approveDevice(login.userCode(), "alice");
        SignedIn in = (SignedIn) get(node().awaitLoginAsync(Serialized.copy(login)));
        assertThat(in.appState()).contains("screen 7");
    }

    @Test
    void another_registration_cannot() throws Exception {
        DeviceLogin login = node.newLogin().startOnDevice();
        Grantkeeper other = scene.node(scene.registration(scene.provider().build())
                .registration("other")
                .time(time.clock(), time::ticks));

        assertThat(get(other.awaitLoginAsync(login)))
                .isInstanceOfSatisfying(
                        Mismatched.class, mixed -> assertThat(mixed.reason()).isEqualTo(Mismatched.Reason.MIXED_UP));
        assertThat(scene.server.tokenRequests()).isZero();
    }

    @Test
    void closing_ends_the_waiting_and_another_node_can_go_on() throws Exception {
        DeviceLogin login = node.newLogin().startOnDevice();
        CompletableFuture<LoginResult> result = finish(login);
        node.close();
        assertThat(failure(result).kind()).isEqualTo(AuthorizationServerException.Kind.TEMPORARY);
        assertThat(failure(finish(login)).kind()).isEqualTo(AuthorizationServerException.Kind.TEMPORARY);

        scene.server.approveDevice(login.userCode(), "alice");
        assertThat(get(node().awaitLoginAsync(login))).isInstanceOf(SignedIn.class);
    }

    // ---- What the user is shown ----------------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(
            strings = {
                "javascript:alert(1)",
                "http://example.org/device",
                "https://good.example@evil.example/",
                "data:text/html,hello",
                "/device",
                "https:",
                "not a URI"
            })
    void only_https_pages_are_shown(String uri) {
        for (String member : List.of("verification_uri", "verification_uri_complete")) {
            scene.server.deviceResponse(answer -> {
                answer.put(member, uri);
                return answer;
            });
            assertThatThrownBy(() -> node.newLogin().startOnDevice())
                    .isInstanceOfSatisfying(
                            AuthorizationServerException.class,
                            e -> assertThat(e.kind()).isEqualTo(AuthorizationServerException.Kind.MALFORMED));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"device_code", "user_code", "verification_uri"})
    void what_is_missing_cannot_be_shown(String member) {
        scene.server.deviceResponse(answer -> {
            answer.remove(member);
            return answer;
        });
        assertThatThrownBy(() -> node.newLogin().startOnDevice())
                .isInstanceOfSatisfying(
                        AuthorizationServerException.class,
                        e -> assertThat(e.kind()).isEqualTo(AuthorizationServerException.Kind.MALFORMED));
    }

    @Test
    void a_code_for_people_holds_nothing_that_a_terminal_obeys() {
        scene.server.deviceResponse(answer -> {
            answer.put("user_code", "\u001b[2JABCD");
            return answer;
        });
        assertThatThrownBy(() -> node.newLogin().startOnDevice()).isInstanceOf(AuthorizationServerException.class);
    }

    @Test
    void a_provider_without_the_endpoint_says_what_to_do() {
        Grantkeeper other = scene.node(scene.registration(
                scene.provider().deviceAuthorizationEndpoint(null).build()));
        assertThatThrownBy(() -> other.newLogin().startOnDevice())
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("deviceAuthorizationEndpoint");
    }

    /** In real time, since it is a timer that has to wake up; whoever waits longer is stopped by the time-out. */
    @ParameterizedTest
    @ValueSource(strings = {"neither", "Retry-After", "interval"})
    void it_ends_when_its_codes_do_however_long_the_server_wants_to_be_left_alone(String wanted) throws Exception {
        scene.server.deviceResponse(answer -> {
            answer.put("interval", wanted.equals("interval") ? 86_400 : 1);
            answer.put("expires_in", 3);
            return answer;
        });
        if (wanted.equals("Retry-After")) {
            scene.server.onNextTokenRequest(Fault.retryAfter(503, "86400"));
        }
        Grantkeeper node =
                scene.node(scene.registration(scene.provider().build()).time(InstantSource.system(), System::nanoTime));
        LoginResult result =
                node.awaitLoginAsync(node.newLogin().startOnDevice()).get(30, TimeUnit.SECONDS);
        assertThat(((LoginResult.Mismatched) result).reason()).isEqualTo(LoginResult.Mismatched.Reason.STALE);
        if (!wanted.equals("neither")) { // nor is it asked before
            assertThat(scene.server.tokenRequests()).isEqualTo(wanted.equals("interval") ? 0 : 1);
        }
    }
}
