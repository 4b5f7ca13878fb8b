/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.grantkeeper.LoginResult.Declined;
import dev.grantkeeper.LoginResult.Mismatched;
import dev.grantkeeper.LoginResult.SignedIn;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.testkit.Fault;
import dev.grantkeeper.testkit.RecordedRequest;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import mockwebserver3.Dispatcher;
import mockwebserver3.MockResponse;
import mockwebserver3.MockWebServer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Backchannel logins as the tests of an application have them: at the server of the test kit. */
@Timeout(300)
class BackchannelKitTest {
    private final Scene scene = new Scene();
    private final QuickTime time = new QuickTime();
    private final Grantkeeper node = node(scene.openIdProvider()
            .backchannelAuthenticationEndpoint(scene.server.backchannelAuthenticationEndpoint())
            .build());

    @AfterEach
    void close() {
        scene.close();
    }

    private Grantkeeper node(Provider provider) {
        scene.server.time(time.clock());
        return scene.node(scene.registration(provider)
                .scopes("openid", "things.read")
                .tokenCallTimeout(Duration.ofSeconds(5)) // the ticker is looked at more often if it is short
                .time(time.clock(), time::ticks));
    }

    private LoginRequest login() {
        return node.newLogin().loginHint("alice");
    }

    private LoginResult finish(BackchannelLogin login) throws Exception {
        return node.awaitLoginAsync(login).get(30, TimeUnit.SECONDS);
    }

    private static void assertRefused(LoginRequest request, String error) {
        assertThatThrownBy(request::startBackchannel)
                .isInstanceOfSatisfying(
                        AuthorizationServerException.class,
                        e -> assertThat(e.error()).contains(error));
    }

    // ---- Poll -----------------------------------------------------------------------------------------------------

    @Test
    void a_user_consents_while_the_client_polls() throws Exception {
        BackchannelLogin login = login().bindingMessage("W4SCT").startBackchannel();
        CompletableFuture<LoginResult> result = node.awaitLoginAsync(login);
        while (scene.server.tokenRequests() < 2) {
            Thread.onSpinWait(); // the limit of the test ends it
        }
        assertThat(result).isNotDone();
        scene.server.approveBackchannel("alice");

        SignedIn in = (SignedIn) result.get(30, TimeUnit.SECONDS);
        assertThat(in.identity().orElseThrow().subject()).isEqualTo("alice");
        Account alice = in.keepAs("alice");
        assertThat(scene.status(alice.wrap(scene.http))).isEqualTo(200);
        scene.server.expireAccessTokens();
        assertThat(scene.status(alice.wrap(scene.http))).isEqualTo(200);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
        assertThat(scene.server.recordedBackchannelRequests())
                .singleElement()
                .satisfies(request -> assertThat(request.params())
                        .containsEntry("binding_message", "W4SCT")
                        .containsEntry("login_hint", "alice"));
    }

    @Test
    void a_user_refuses() throws Exception {
        BackchannelLogin login = login().appState("till 7").startBackchannel();
        scene.server.refuseBackchannel("alice");
        Declined declined = (Declined) finish(login);
        assertThat(declined.error()).isEqualTo("access_denied");
        assertThat(declined.appState()).contains("till 7");
    }

    @Test
    void a_user_does_not_look_in_time() throws Exception {
        BackchannelLogin login = login().startBackchannel();
        scene.server.expireBackchannel("alice");
        Mismatched late = (Mismatched) finish(login);
        assertThat(late.reason()).isEqualTo(Mismatched.Reason.STALE);
        assertThat(scene.server.tokenRequests()).isEqualTo(1);

        BackchannelLogin brief = login().requestedExpiry(Duration.ofSeconds(30)).startBackchannel();
        assertThat(Duration.between(time.clock().instant(), brief.expiresAt())).isLessThan(Duration.ofSeconds(31));
        assertThat(((Mismatched) finish(brief)).reason()).isEqualTo(Mismatched.Reason.STALE);
        assertThatIllegalArgumentException().isThrownBy(() -> scene.server.approveBackchannel("alice"));
    }

    @Test
    void a_client_that_polls_too_often_is_slowed_down() throws Exception {
        scene.server.backchannelInterval(Duration.ofSeconds(2)).onNextTokenRequest(Fault.error(400, "slow_down"));
        BackchannelLogin login = login().startBackchannel();
        scene.server.approveBackchannel("alice");
        assertThat(finish(login)).isInstanceOf(SignedIn.class);
        List<RecordedRequest> polls = scene.server.recordedTokenRequests();
        assertThat(polls).hasSize(2);
        assertThat(Duration.between(polls.get(0).at(), polls.get(1).at())).isGreaterThan(Duration.ofSeconds(6));
    }

    @Test
    void a_login_is_good_for_one_token_response_and_for_its_client() throws Exception {
        BackchannelLogin login = login().startBackchannel();
        scene.server.approveBackchannel("alice");
        Grantkeeper other =
                scene.node(scene.registration(node.provider()).clientId("other").time(time.clock(), time::ticks));
        scene.server.client("other", Scene.SECRET);
        assertThat(other.awaitLoginAsync(login).get(30, TimeUnit.SECONDS)).isInstanceOf(Mismatched.class);
        assertThat(finish(login)).isInstanceOf(SignedIn.class);
        assertThat(finish(login)).isInstanceOf(Mismatched.class);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> scene.server.refuseBackchannel("alice"))
                .withMessageContaining("alice");
    }

    @Test
    void a_user_decides_about_all_that_waits_and_nobody_for_another() throws Exception {
        BackchannelLogin one = login().startBackchannel();
        BackchannelLogin two = node.newLogin().loginHint("alice@example.org").startBackchannel();
        BackchannelLogin bobs = node.newLogin().loginHintToken("bob").startBackchannel();
        scene.server.approveBackchannel("alice");
        scene.server.refuseBackchannel("bob");
        assertThat(((SignedIn) finish(one)).identity().orElseThrow().subject()).isEqualTo("alice");
        assertThat(((SignedIn) finish(two)).identity().orElseThrow().subject()).isEqualTo("alice");
        assertThat(finish(bobs)).isInstanceOf(Declined.class);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> scene.server.approveBackchannel("mallory"))
                .withMessageContaining("mallory");
    }

    @Test
    void a_user_is_named_by_an_earlier_id_token_too() throws Exception {
        BackchannelLogin first = login().startBackchannel();
        scene.server.approveBackchannel("alice");
        String idToken = ((SignedIn) finish(first)).tokens().idToken().orElseThrow();
        BackchannelLogin second = node.newLogin().idTokenHint(idToken).startBackchannel();
        scene.server.approveBackchannel("alice");
        assertThat(finish(second)).isInstanceOf(SignedIn.class);
        assertRefused(node.newLogin().idTokenHint("x"), "invalid_request");
    }

    // ---- What is refused ------------------------------------------------------------------------------------------

    @Test
    void what_a_server_refuses_is_refused() {
        assertRefused(node.newLogin().loginHint("mallory"), "unknown_user_id");
        scene.server.onNextBackchannelRequest(Fault.error(400, "invalid_binding_message"));
        assertRefused(login().bindingMessage("W4SCT"), "invalid_binding_message");
        scene.server.onNextBackchannelRequest(Fault.error(400, "access_denied")).noFaults();
        assertRefused(login().ping(), "invalid_request");
        scene.server.notificationEndpoint(Scene.CLIENT, (authorization, body) -> {});
        assertRefused(login(), "invalid_request");
        scene.server.publicClient(Scene.CLIENT);
        Grantkeeper open = scene.node(Grantkeeper.builder(node.provider())
                .clientId(Scene.CLIENT)
                .redirectUri(Scene.REDIRECT)
                .scopes("openid")
                .tokenStore(scene.store)
                .sealingKeys(Scene.KEYS)
                .time(time.clock(), time::ticks));
        assertRefused(open.newLogin().loginHint("alice"), "unauthorized_client");
        assertThat(scene.server.tokenRequests()).isZero();
    }

    // ---- Ping -----------------------------------------------------------------------------------------------------

    /** An application with a notification endpoint, as the guide describes it. */
    private MockWebServer application(
            Map<String, BackchannelLogin> logins, List<CompletableFuture<LoginResult>> results) throws IOException {
        MockWebServer application = new MockWebServer();
        application.setDispatcher(new Dispatcher() {
            @Override
            public MockResponse dispatch(mockwebserver3.RecordedRequest request) {
                String body = request.getBody().utf8();
                BackchannelLogin login = logins.get(BackchannelLogin.notificationKeyOf(body));
                boolean accepted = login != null
                        && node.acceptNotification(login, request.getHeaders().get("Authorization"), body);
                if (accepted) {
                    results.add(node.awaitLoginAsync(login));
                }
                return new MockResponse.Builder().code(accepted ? 204 : 401).build();
            }
        });
        application.start(InetAddress.getLoopbackAddress(), 0);
        return application;
    }

    @Test
    void a_notification_is_posted_when_the_user_has_decided() throws Exception {
        Map<String, BackchannelLogin> logins = new ConcurrentHashMap<>();
        List<CompletableFuture<LoginResult>> results = new ArrayList<>();
        try (MockWebServer application = application(logins, results)) {
            scene.server.notificationEndpoint(
                    Scene.CLIENT, application.url("/ciba").toString());
            BackchannelLogin login = login().ping().startBackchannel();
            logins.put(login.notificationKey(), login);
            assertThat(application.getRequestCount()).isZero();
            scene.server.approveBackchannel("alice");
            assertThat(application.getRequestCount()).isEqualTo(1);
            assertThat(results).hasSize(1);
            assertThat(results.get(0).get(30, TimeUnit.SECONDS)).isInstanceOf(SignedIn.class);
            assertThat(scene.server.tokenRequests()).isEqualTo(1);

            BackchannelLogin refused = login().ping().startBackchannel();
            logins.put(refused.notificationKey(), refused);
            scene.server.refuseBackchannel("alice");
            assertThat(results.get(1).get(30, TimeUnit.SECONDS)).isInstanceOf(Declined.class);

            login().ping().startBackchannel();
            assertThatIllegalStateException()
                    .isThrownBy(() -> scene.server.approveBackchannel("alice"))
                    .withMessageContaining("401");
        }
        login().ping().startBackchannel();
        assertThatIllegalStateException()
                .isThrownBy(() -> scene.server.approveBackchannel("alice"))
                .withCauseInstanceOf(ConnectException.class);
    }

    @Test
    void a_test_may_hand_the_notification_over_itself_or_lose_it() throws Exception {
        BackchannelLogin[] login = new BackchannelLogin[1];
        List<Boolean> accepted = new ArrayList<>();
        scene.server.notificationEndpoint(
                Scene.CLIENT,
                (authorization, body) -> accepted.add(node.acceptNotification(login[0], authorization, body)));
        login[0] = login().ping().startBackchannel();
        scene.server.approveBackchannel("alice");
        assertThat(accepted).containsExactly(true);
        assertThat(finish(login[0])).isInstanceOf(SignedIn.class);
        assertThat(scene.server.tokenRequests()).isEqualTo(1);

        scene.server.notificationEndpoint(Scene.CLIENT, (authorization, body) -> {});
        BackchannelLogin lost = login().ping().startBackchannel();
        scene.server.approveBackchannel("alice");
        assertThat(finish(lost)).isInstanceOf(SignedIn.class);

        BackchannelLogin late = login().ping().startBackchannel();
        scene.server.expireBackchannel("alice");
        assertThat(((Mismatched) finish(late)).reason()).isEqualTo(Mismatched.Reason.STALE);
        assertThat(accepted).hasSize(1);
    }

    // ---- How it is found ------------------------------------------------------------------------------------------

    @Test
    void its_metadata_name_it_and_it_stands_in_for_that_of_a_provider() throws Exception {
        Provider found =
                Discovery.of(scene.server.issuer()).allowHttpOnLoopback().fetch();
        Provider bank = scene.server.provider(scene.openIdProvider()
                .backchannelAuthenticationEndpoint("https://bank.example/ciba")
                .build());
        for (Provider each : List.of(found, bank)) {
            assertThat(each.backchannelAuthenticationEndpoint().orElseThrow())
                    .hasToString(scene.server.backchannelAuthenticationEndpoint());
            Grantkeeper other = node(each);
            BackchannelLogin login = other.newLogin().loginHint("alice").startBackchannel();
            scene.server.approveBackchannel("alice");
            assertThat(other.awaitLoginAsync(login).get(30, TimeUnit.SECONDS)).isInstanceOf(SignedIn.class);
        }
        assertThat(scene.server.provider(scene.openIdProvider().build()).backchannelAuthenticationEndpoint())
                .isEmpty();
    }

    @Test
    void its_answers_can_be_changed() {
        scene.server.backchannelResponse(response -> {
            response.remove("auth_req_id");
            return response;
        });
        assertThatThrownBy(() -> login().startBackchannel())
                .isInstanceOfSatisfying(
                        AuthorizationServerException.class,
                        e -> assertThat(e.kind()).isEqualTo(AuthorizationServerException.Kind.MALFORMED));
    }
}
