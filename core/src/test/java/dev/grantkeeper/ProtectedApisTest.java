/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.grantkeeper.testkit.Answer;
import dev.grantkeeper.testkit.FakeAuthorizationServer;
import dev.grantkeeper.testkit.FakeProtectedApi;
import dev.grantkeeper.testkit.Fault;
import java.io.IOException;
import java.time.Duration;
import java.util.Set;
import okhttp3.Call;
import okhttp3.Callback;
import okhttp3.Request;
import okhttp3.Response;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.slf4j.LoggerFactory;

/** APIs of which the application knows the URL only (RFC 9728), from the first call to a server that moves. */
@Timeout(300)
class ProtectedApisTest {
    private final ApiScene scene = new ApiScene();
    private final MovingTime time = scene.time;
    private final FakeAuthorizationServer server = scene.server;
    private final FakeProtectedApi api = scene.api;

    @AfterEach
    void close() throws Exception {
        scene.close();
    }

    private ProtectedApis node() {
        return scene.node();
    }

    private int status(Account account) throws IOException {
        return scene.status(account);
    }

    private LoginRequiredException required(Account account) {
        return scene.required(account);
    }

    private Account signIn(ProtectedApis node, String user) throws IOException {
        return scene.signIn(node, user);
    }

    @Test
    void a_url_is_enough_for_an_authorized_call() throws Exception {
        ProtectedApis node = node();
        Account alice = node.account(api.url(), "alice");

        LoginRequiredException e = required(alice);

        assertThat(e.reason()).isEqualTo(LoginRequiredException.Reason.NOT_CONNECTED);
        assertThat(e.api()).contains(api.url());
        assertThat(e.issuer()).contains(server.issuer());
        assertThat(e).hasMessageContaining(api.url()).hasMessageContaining(server.issuer());
        assertThat(status(signIn(node, "alice"))).isEqualTo(200);
        assertThat(server.registrations()).isEqualTo(1);
    }

    @Test
    void logins_without_a_browser_are_for_servers_that_the_application_knows() {
        ProtectedApis node = node();
        Account alice = node.account(api.url(), "alice");
        assertThatThrownBy(() -> node.newLogin(alice).startOnDevice())
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("use a Grantkeeper");
        assertThatThrownBy(() ->
                        node.newLogin(alice).scopes("openid").loginHint("alice").startBackchannel())
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("use a Grantkeeper");
        assertThat(server.metadataRequests()).isZero();
    }

    @Test
    void another_node_uses_the_same_registration_and_the_same_grant() throws Exception {
        signIn(node(), "alice");
        ProtectedApis second = node();
        time.pass(Duration.ofMinutes(11));

        assertThat(status(second.account(api.url(), "alice"))).isEqualTo(200);
        assertThat(server.registrations()).isEqualTo(1);
        assertThat(server.refreshRequests()).isEqualTo(1);
        assertThat(server.reuseDetected()).isZero();
    }

    @Test
    void the_resource_is_named_in_the_login_the_code_exchange_and_the_refresh() throws Exception {
        Account alice = signIn(node(), "alice");
        time.pass(Duration.ofMinutes(11));
        status(alice);

        assertThat(server.recordedAuthorizationRequests())
                .allSatisfy(request -> assertThat(request.resources()).containsExactly(api.url()));
        assertThat(server.recordedTokenRequests())
                .hasSize(2)
                .allSatisfy(request -> assertThat(request.resources()).containsExactly(api.url()));
    }

    @Test
    void the_scopes_of_the_challenge_are_requested_otherwise_those_of_the_metadata() throws Exception {
        api.scopesSupported("from.metadata");
        ProtectedApis node = node();
        Account alice = node.account(api.url(), "alice");
        assertThat(node.newLogin(alice)
                        .inResponseTo(required(alice))
                        .start()
                        .url()
                        .toString())
                .contains("scope=from.metadata");

        api.challengeScopes("from.challenge");
        assertThat(node.newLogin(alice)
                        .inResponseTo(required(alice))
                        .start()
                        .url()
                        .toString())
                .contains("scope=from.challenge");
    }

    @Test
    void an_api_that_wants_no_token_is_called_without_one() throws Exception {
        ProtectedApis node = node();
        Account alice = node.account(server.url() + "/open", "alice");
        try (Response response = alice.wrap(scene.http)
                .newCall(new Request.Builder()
                        .url(server.url() + "/.well-known/oauth-authorization-server")
                        .build())
                .execute()) {
            assertThat(response.code()).isEqualTo(200);
        }
    }

    @Test
    void an_api_that_moves_to_another_server_sends_its_users_to_a_login_there() throws Exception {
        ProtectedApis node = node();
        Account alice = signIn(node, "alice");
        FakeAuthorizationServer other = scene.newServer();
        api.moveTo(other);

        LoginRequiredException e = required(alice);

        assertThat(e.reason()).isEqualTo(LoginRequiredException.Reason.ISSUED_ELSEWHERE);
        assertThat(e.issuer()).contains(other.issuer());
        PendingLogin login = node.newLogin(alice).inResponseTo(e).start();
        assertThat(login.url().toString()).startsWith(other.url());
        String callback = other.approve(login.url().toString(), "alice");
        ((LoginResult.SignedIn) node.finishLogin(login, Scene.query(callback))).keepAs("alice");
        assertThat(status(alice)).isEqualTo(200);
        assertThat(other.registrations()).isEqualTo(1);
        assertThat(other.recordedTokenRequests())
                .allSatisfy(request -> assertThat(request.toString()).doesNotContain("refresh_token"));
    }

    @Test
    void a_server_that_forgets_the_client_gets_one_new_one_and_the_users_sign_in_again() throws Exception {
        ProtectedApis node = node();
        Account alice = signIn(node, "alice");
        String before = server.clients().iterator().next();
        server.forgetClient(before);
        time.pass(Duration.ofMinutes(11));

        assertThatThrownBy(alice::tokens).isInstanceOf(OAuthException.class);
        LoginRequiredException e = null;
        for (int i = 0; e == null && i < 20; i++) {
            time.pass(Duration.ofSeconds(5));
            e = catchThrowableOfType(LoginRequiredException.class, alice::tokens);
        }

        assertThat(e).isNotNull();
        assertThat(e.reason()).isEqualTo(LoginRequiredException.Reason.ISSUED_ELSEWHERE);
        assertThat(status(signIn(node, "alice"))).isEqualTo(200);
        assertThat(server.registrations()).isEqualTo(2);
    }

    /** The node that lost it may be gone by then, and nothing else remembers it. */
    @Test
    void a_client_whose_registration_was_lost_is_told_of_even_if_the_one_before_is_used_again() throws Exception {
        ProtectedApis node = node();
        Account alice = signIn(node, "alice");
        server.forgetClient(server.clients().iterator().next());
        server.onNextRegistration(Fault.dropAfter(), Fault.dropAfter());
        time.pass(Duration.ofMinutes(11));
        assertThatThrownBy(alice::tokens).isInstanceOf(OAuthException.class);
        for (int i = 0; i < 1_000 && server.registrations() < 3; i++) {
            assertThatThrownBy(alice::tokens).isInstanceOf(OAuthException.class);
        }
        assertThat(server.registrations()).isEqualTo(3);
        node.close(); // so that the replay has ended
        time.pass(Duration.ofHours(25));
        Logger log = (Logger) LoggerFactory.getLogger(Grantkeeper.class);
        ListAppender<ILoggingEvent> lines = new ListAppender<>();
        lines.start();
        log.addAppender(lines);
        try {
            ProtectedApis second = node();
            second.newLogin(second.account(api.url(), "alice")).start();
        } finally {
            log.detachAppender(lines);
        }

        assertThat(server.registrations()).isEqualTo(3);
        assertThat(lines.list.stream().map(ILoggingEvent::getFormattedMessage))
                .anySatisfy(line -> assertThat(line).contains("may have left a client"));
    }

    @Test
    void the_application_has_tokens_of_its_own_for_an_api() throws Exception {
        server.client("machine", "machine-secret");
        ProtectedApis node = scene.node(scene.builder().registered(server.issuer(), "machine", "machine-secret"));

        assertThat(status(node.application(api.url()))).isEqualTo(200);
        assertThat(server.registrations()).isZero();
        assertThat(server.recordedTokenRequests())
                .singleElement()
                .satisfies(request -> assertThat(request.resources()).containsExactly(api.url()));
    }

    @Test
    void names_and_metadata_may_contain_all_that_json_may() throws Exception {
        String odd = "Caf\u00e9 \"R\u00f6sti\" \\ \ud83c\udf70\n";
        server.metadata(metadata -> {
            metadata.put("service_documentation_note", odd);
            return metadata;
        });
        ProtectedApis node = scene.node(scene.builder(ClientMetadata.named(odd).redirectUri(ApiScene.CALLBACK)));

        assertThat(status(signIn(node, "alice"))).isEqualTo(200);
        assertThat(server.registrations()).isEqualTo(1);
    }

    @Test
    void metadata_that_no_row_has_room_for_fail_before_a_registration() throws Exception {
        server.metadata(metadata -> {
            metadata.put("much", "x".repeat(70_000));
            return metadata;
        });
        ProtectedApis node = node();
        Account alice = node.account(api.url(), "alice");
        LoginRequest login = node.newLogin(alice).inResponseTo(required(alice));

        assertThatThrownBy(login::start)
                .isInstanceOf(AuthorizationServerException.class)
                .hasMessageContaining("too long");
        assertThat(server.registrationRequests()).isZero();
    }

    @Test
    void an_answer_that_no_row_has_room_for_is_given_back_at_once() throws Exception {
        server.registrationResponse(client -> {
            client.put("client_secret", "x".repeat(70_000));
            return client;
        });
        ProtectedApis node = node();
        Account alice = node.account(api.url(), "alice");
        LoginRequest login = node.newLogin(alice).inResponseTo(required(alice));

        assertThatThrownBy(login::start)
                .isInstanceOf(AuthorizationServerException.class)
                .hasMessageContaining("too long");
        node.close(); // waits for what is under way
        assertThat(server.registrations()).isEqualTo(1);
        assertThat(server.clients()).isEmpty();
    }

    @Test
    void a_registration_token_that_cannot_be_sent_is_as_good_as_none() throws Exception {
        server.registrationResponse(client -> {
            client.put("registration_access_token", "not a\ntoken");
            return client;
        });

        assertThat(status(signIn(node(), "alice"))).isEqualTo(200);
        assertThat(server.registrations()).isEqualTo(1);
    }

    @Test
    void two_spellings_of_one_url_are_one_api() throws Exception {
        ProtectedApis node = node();
        Account alice = signIn(node, "alice");

        Account other = node().account(api.url().replace("http://127", "HTTP://127"), "alice");

        assertThat(other.key()).isEqualTo(alice.key());
    }

    @Test
    void urls_that_are_too_long_for_a_key_are_kept_apart() {
        ProtectedApis node = node();
        String base = "https://api.example/" + "a".repeat(2000);

        assertThat(node.account(base + "/b", "alice").key())
                .isNotEqualTo(node.account(base + "/c", "alice").key())
                .isEqualTo(node.account(base + "/b", "alice").key());
    }

    @Test
    void a_redirect_uri_that_the_application_has_got_since_is_registered_for_the_same_client() throws Exception {
        Account alice = signIn(node(), "alice");
        Set<String> before = server.clients();
        ProtectedApis newer =
                scene.node(scene.builder(ClientMetadata.named("Acme").redirectUri("http://127.0.0.1:9999/new")));

        Account bob = newer.account(api.url(), "bob");
        PendingLogin login = newer.newLogin(bob).inResponseTo(required(bob)).start();
        String callback = server.approve(login.url().toString(), "bob");

        assertThat(newer.finishLogin(login, Scene.query(callback))).isInstanceOf(LoginResult.SignedIn.class);
        assertThat(server.clients()).isEqualTo(before);
        time.pass(Duration.ofMinutes(11));
        assertThat(status(alice)).isEqualTo(200);
    }

    @Test
    void a_registration_is_deleted_here_and_there() throws Exception {
        ProtectedApis node = node();
        signIn(node, "alice");

        node.deleteRegistration(server.issuer());

        assertThat(server.clients()).isEmpty();
        assertThat(status(signIn(node, "alice"))).isEqualTo(200);
        assertThat(server.registrations()).isEqualTo(2);
    }

    @Test
    void a_program_on_the_users_machine_signs_in_where_redirect_uris_are_compared_exactly() throws Exception {
        server.exactRedirectUris(true);
        ProtectedApis node =
                scene.node(scene.builder(ClientMetadata.named("Acme").redirectUri("http://127.0.0.1/callback")));
        Account alice = node.account(api.url(), "alice");
        try (LoopbackReceiver receiver = LoopbackReceiver.open(node)) {
            LoginResult result = receiver.login(
                    node.newLogin(alice).inResponseTo(required(alice)),
                    url -> visit(server.approve(url.toString(), "alice")));
            assertThat(result).isInstanceOf(LoginResult.SignedIn.class);
        }
    }

    @Test
    void an_assertion_of_the_platform_is_presented_once_for_all_nodes() throws Exception {
        server.publicClient("workload");
        server.onEveryTokenRequest(Fault.answer(Answer.json(
                200, "{\"access_token\":\"of-the-workload\",\"token_type\":\"Bearer\",\"expires_in\":600}")));
        for (int i = 0; i < 5; i++) {
            ProtectedApis node = scene.node(scene.builder()
                    .registered(server.issuer(), "workload")
                    .applicationAssertion(() -> "an.assertion.signed"));
            assertThat(node.application(api.url()).tokens().accessToken()).isEqualTo("of-the-workload");
        }

        assertThat(server.recordedTokenRequests()).singleElement().satisfies(request -> {
            assertThat(request.param("assertion")).contains("an.assertion.signed");
            assertThat(request.resources()).containsExactly(api.url());
        });
    }

    @Test
    void tokens_for_other_clients_name_the_api_that_the_user_has_to_sign_in_for() {
        Account alice = node().account(api.url(), "alice");

        assertThatThrownBy(alice::tokens)
                .isInstanceOfSatisfying(
                        LoginRequiredException.class, e -> assertThat(e.api()).contains(api.url()));
    }

    private void visit(String callback) {
        scene.http.newCall(new Request.Builder().url(callback).build()).enqueue(new Callback() {
            @Override
            public void onFailure(Call call, IOException e) {
                // the receiver fails then
            }

            @Override
            public void onResponse(Call call, Response response) {
                response.close();
            }
        });
    }
}
