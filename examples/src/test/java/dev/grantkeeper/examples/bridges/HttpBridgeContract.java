/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.bridges;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.grantkeeper.Account;
import dev.grantkeeper.AuthorizationServerException;
import dev.grantkeeper.LoginRequiredException;
import dev.grantkeeper.testkit.Answer;
import dev.grantkeeper.testkit.Fault;
import dev.grantkeeper.testkit.Held;
import dev.grantkeeper.testkit.RecordedRequest;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.URI;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What every bridge of an HTTP client does. */
@Timeout(60)
abstract class HttpBridgeContract {
    final BridgeScene scene = new BridgeScene();
    Account alice;

    record Reply(int status, String body) {}

    /** Sends a request for an account; a response of whatever status is returned. */
    abstract Reply send(Account account, String method, URI url, @Nullable String body, String... headers)
            throws Exception;

    /** Takes the library's exception out of what the client throws, after a look at how it was wrapped. */
    abstract Throwable unwrapped(Throwable thrown);

    @BeforeEach
    void signIn() throws IOException {
        alice = scene.signIn("alice");
    }

    @AfterEach
    void close() {
        scene.close();
    }

    final Reply get(Account account) throws Exception {
        return send(account, "GET", scene.api, null);
    }

    private List<RecordedRequest> requests() {
        return scene.server.recordedApiRequests();
    }

    @Test
    void a_request_carries_a_token_that_is_refreshed_before_it_expires() throws Exception {
        assertThat(get(alice).body()).contains("\"user\":\"alice\"", "\"method\":\"GET\"");
        scene.expire();
        assertThat(get(alice).body()).contains("\"user\":\"alice\"");
        assertThat(scene.server.apiUnauthorized()).isZero();
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
    }

    @Test
    void a_request_is_repeated_with_its_body_after_a_401() throws Exception {
        scene.server.expireAccessTokens();
        assertThat(send(alice, "POST", scene.api, "twelve bytes").body())
                .contains("\"user\":\"alice\"", "\"method\":\"POST\"", "\"bodyLength\":12");
        assertThat(requests()).hasSize(2).allSatisfy(request -> {
            assertThat(request.text()).isEqualTo("twelve bytes");
            assertThat(request.header("X-Of-The-Caller")).contains("kept");
        });
        assertThat(requests().get(0).header("Authorization"))
                .isNotEqualTo(requests().get(1).header("Authorization"));
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
    }

    @Test
    void a_request_is_repeated_once_only_and_the_second_401_is_the_result() throws Exception {
        scene.server.rejectAllAtApi(true);
        Reply reply = get(alice);
        assertThat(reply.status()).isEqualTo(401);
        assertThat(reply.body()).contains("401");
        assertThat(requests()).hasSize(2);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);

        // New tokens are of no use for a while: this 401 is the result at once, with its body.
        reply = get(alice);
        assertThat(reply.status()).isEqualTo(401);
        assertThat(reply.body()).contains("401");
        assertThat(requests()).hasSize(3);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
    }

    @Test
    void another_origin_gets_no_token_and_needs_no_login() throws Exception {
        assertThat(send(scene.account("nobody"), "GET", scene.stranger, null).status())
                .isEqualTo(200);
        assertThat(send(alice, "GET", scene.stranger, null).status()).isEqualTo(200);
        assertThat(scene.elsewhere.recordedApiRequests())
                .hasSize(2)
                .allSatisfy(
                        request -> assertThat(request.header("Authorization")).isEmpty());
    }

    @Test
    void a_redirect_takes_no_token_to_another_origin() throws Exception {
        scene.server.onApiRequest((request, answer) -> Answer.redirect(scene.stranger.toString()));
        Reply reply = get(alice);
        assertThat(reply.status()).isIn(200, 302);
        assertThat(scene.elsewhere.recordedApiRequests())
                .hasSize(reply.status() == 302 ? 0 : 1)
                .allSatisfy(
                        request -> assertThat(request.header("Authorization")).isEmpty());
        assertThat(requests().get(0).header("Authorization")).isPresent();
    }

    @Test
    void a_request_with_an_authorization_of_its_own_is_sent_as_it_is() throws Exception {
        Reply reply = send(alice, "GET", scene.api, null, "Authorization", "Bearer of-the-caller");
        assertThat(reply.status()).isEqualTo(401);
        assertThat(requests())
                .hasSize(1)
                .allSatisfy(
                        request -> assertThat(request.header("Authorization")).contains("Bearer of-the-caller"));
    }

    @Test
    void nobody_signed_in_is_a_login_that_is_required() {
        Throwable thrown = unwrapped(catchThrowable(() -> get(scene.account("nobody"))));
        assertThat(thrown)
                .isInstanceOfSatisfying(
                        LoginRequiredException.class,
                        e -> assertThat(e.reason()).isEqualTo(LoginRequiredException.Reason.NOT_CONNECTED));
        assertThat(requests()).isEmpty();
    }

    @Test
    void a_challenge_is_a_login_that_is_required_and_names_what_is_missing() {
        scene.server.onApiRequest((request, answer) -> Answer.status(403)
                .header("WWW-Authenticate", "Basic realm=\"x, y\"")
                .header("WWW-Authenticate", "Bearer error=\"insufficient_scope\", scope=\"things.write\""));
        Throwable thrown = unwrapped(catchThrowable(() -> get(alice)));
        assertThat(thrown)
                .isInstanceOfSatisfying(
                        LoginRequiredException.class,
                        e -> assertThat(e.scopes()).containsExactly("things.write"));
        assertThat(requests()).hasSize(1);
    }

    @Test
    void a_challenge_to_the_repetition_is_one_too() {
        scene.server.expireAccessTokens();
        scene.server.onApiRequest((request, answer) -> scene.server.refreshRequests() == 0
                ? Answer.status(401).header("WWW-Authenticate", "Bearer error=\"invalid_token\"")
                : Answer.status(401)
                        .header(
                                "WWW-Authenticate",
                                "Bearer error=\"insufficient_user_authentication\", acr_values=\"gold\""));
        Throwable thrown = unwrapped(catchThrowable(() -> get(alice)));
        assertThat(thrown)
                .isInstanceOfSatisfying(
                        LoginRequiredException.class,
                        e -> assertThat(e.loginParameters()).containsEntry("acr_values", "gold"));
        assertThat(requests()).hasSize(2);
    }

    @Test
    void a_refused_refresh_is_a_login_that_is_required() {
        scene.server.revokeRefreshTokens("alice");
        scene.expire();
        assertThat(unwrapped(catchThrowable(() -> get(alice)))).isInstanceOf(LoginRequiredException.class);
    }

    @Test
    void a_token_endpoint_that_is_down_is_told_from_that() {
        scene.expire();
        scene.server.onEveryTokenRequest(Fault.retryAfter(503, "3600"));
        assertThat(unwrapped(catchThrowable(() -> get(alice))))
                .isInstanceOfSatisfying(
                        AuthorizationServerException.class,
                        e -> assertThat(e.kind()).isEqualTo(AuthorizationServerException.Kind.TEMPORARY));
    }

    /** For clients whose callers wait on their own thread. */
    final void checkThatAnInterruptEndsTheWaitForTokens() throws Exception {
        scene.expire();
        Held refresh = scene.server.hold();
        CompletableFuture<Throwable> thrown = new CompletableFuture<>();
        Thread caller = new Thread(() -> thrown.complete(catchThrowable(() -> get(alice))));
        caller.start();
        refresh.awaitArrived(1);
        caller.interrupt();
        assertThat(unwrapped(thrown.get())).isInstanceOf(InterruptedIOException.class);
        refresh.release();
        assertThat(get(alice).status()).isEqualTo(200);
        assertThat(scene.server.apiRequests()).isEqualTo(1);
    }
}
