/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.grantkeeper.testkit.Answer;
import dev.grantkeeper.testkit.FakeAuthorizationServer;
import dev.grantkeeper.testkit.FakeProtectedApi;
import dev.grantkeeper.testkit.Fault;
import dev.grantkeeper.testkit.Held;
import dev.grantkeeper.testkit.RecordedRequest;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Callable;
import okhttp3.HttpUrl;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The application makes itself known at servers that are slow, down, forgetful or odd, from several nodes at once. */
@Timeout(300)
@Execution(ExecutionMode.CONCURRENT)
class ProtectedApisRegistrationTest {
    private static final ClientMetadata WEB = ClientMetadata.named("Acme").redirectUri("https://app.example/callback");
    private static final Duration EXPIRED = Duration.ofMinutes(11);

    private final ApiScene scene = new ApiScene();
    private final FakeAuthorizationServer server = scene.server;
    private final FakeProtectedApi api = scene.api;

    @AfterEach
    void close() throws Exception {
        scene.close();
    }

    private AuthorizationServerException notStarted(ProtectedApis node) throws IOException {
        try {
            Object login = scene.start(node, "alice");
            throw new AssertionError(login + " was started");
        } catch (AuthorizationServerException e) {
            return e;
        }
    }

    private static String clientOf(PendingLogin login) {
        return String.valueOf(HttpUrl.get(login.url().toString()).queryParameter("client_id"));
    }

    private ProtectedApis web() {
        return scene.node(scene.builder(WEB));
    }

    // ---- The registration endpoint --------------------------------------------------------------------------------

    @Test
    void a_slow_registration_goes_on_while_its_callers_give_up_and_serves_the_next_ones() throws Exception {
        Held held = new Held();
        server.onNextRegistration(Fault.hold(held));
        ProtectedApis node = scene.node(scene.builder().maxWait(Duration.ofMillis(300)));

        assertThat(notStarted(node).kind()).isEqualTo(AuthorizationServerException.Kind.TEMPORARY);
        held.release();
        ApiScene.await(() -> server.registrations() == 1);
        scene.time.pass(Duration.ofMinutes(2));
        PendingLogin login = scene.start(scene.node(), "alice");

        assertThat(clientOf(login)).isEqualTo(server.clients().iterator().next());
        assertThat(server.registrations()).isEqualTo(1);
    }

    @Test
    void an_endpoint_that_is_down_or_sends_a_page_is_left_alone_for_a_while() throws Exception {
        for (int status : List.of(500, 503, 404, 405, 200)) {
            scene.store.rows.clear();
            server.resetCounters();
            server.onEveryRegistration(Fault.status(status));
            ProtectedApis node = scene.node();

            for (int i = 0; i < 10; i++) {
                assertThat(notStarted(node)).hasMessageNotContaining("html");
            }
            assertThat(server.registrationRequests()).as("status " + status).isLessThanOrEqualTo(3);
            server.noFaults();
            scene.time.pass(Duration.ofMinutes(10));
            assertThat(clientOf(scene.start(node, "alice"))).isNotEmpty();
        }
    }

    @Test
    void an_endpoint_that_says_when_to_come_again_is_not_asked_before() throws Exception {
        server.onNextRegistration(Fault.retryAfter(429, "120"));
        ProtectedApis node = scene.node();
        notStarted(node);
        scene.time.pass(Duration.ofSeconds(100));
        notStarted(node);
        notStarted(scene.node());
        assertThat(server.registrationRequests()).isEqualTo(1);

        scene.time.pass(Duration.ofSeconds(30));

        scene.start(scene.node(), "alice");
        assertThat(server.registrationRequests()).isEqualTo(2);
        assertThat(server.registrations()).isEqualTo(1);
    }

    @Test
    void an_answer_that_is_lost_leaves_one_client_in_use() throws Exception {
        server.onNextRegistration(Fault.dropAfter());
        List<ProtectedApis> nodes = scene.nodes(2);
        Set<String> clients = new LinkedHashSet<>();
        for (int i = 0; i < 6; i++) {
            try {
                clients.add(clientOf(scene.start(nodes.get(i % 2), "user-" + i)));
            } catch (AuthorizationServerException e) {
                assertThat(e.kind()).isEqualTo(AuthorizationServerException.Kind.TEMPORARY);
            }
            scene.time.pass(Duration.ofSeconds(40));
        }

        assertThat(clients).hasSize(1);
        assertThat(server.registrations()).isLessThanOrEqualTo(2);
    }

    @ParameterizedTest
    @ValueSource(strings = {"private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth", "psychic"})
    void a_server_that_changes_the_authentication_to_one_not_asked_for_gets_the_client_back_and_the_error_says_so(
            String method) throws Exception {
        server.registrationManagement(true).registrationResponse(answer -> changed(answer, method));
        ProtectedApis node = web();

        assertThat(notStarted(node)).hasMessageContaining(method).hasMessageContaining("registered(…)");
        for (int i = 0; i < 5; i++) {
            notStarted(node);
        }

        ApiScene.await(() -> server.registrationDeletes() == server.registrations());
        assertThat(server.registrations()).isLessThanOrEqualTo(2);
        assertThat(server.clients()).isEmpty();
    }

    private static Map<String, Object> changed(Map<String, Object> answer, String method) {
        answer.put("token_endpoint_auth_method", method);
        return answer;
    }

    @Test
    void a_client_that_should_have_a_secret_and_has_none_is_given_back() throws Exception {
        server.registrationManagement(true).registrationResponse(answer -> {
            answer.remove("client_secret");
            return answer;
        });

        assertThat(notStarted(web())).hasMessageContaining("no secret");
        ApiScene.await(() -> server.registrationDeletes() == 1);
    }

    @Test
    void a_secret_that_is_not_to_be_used_is_not_sent_and_its_end_ends_nothing() throws Exception {
        server.publicClient("public", ApiScene.CALLBACK)
                .onNextRegistration(Fault.answer(Answer.json(
                        201,
                        "{\"client_id\":\"public\",\"token_endpoint_auth_method\":\"none\",\"client_secret\":"
                                + "\"secret-of-nobody\",\"client_secret_expires_at\":"
                                + scene.time.clock().instant().plusSeconds(3600).getEpochSecond() + "}")));
        ProtectedApis node = scene.node();
        Account alice = scene.signIn(node, "alice");
        for (int hours = 0; hours < 50; hours += 5) {
            scene.time.pass(Duration.ofHours(5));
            assertThat(scene.status(alice)).isEqualTo(200);
        }

        assertThat(scene.wire.sentTo(server.url())).doesNotContain("secret-of-nobody");
        assertThat(server.registrationRequests()).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "1",
                "-1",
                "1e30",
                "9223372036854775807",
                "99999999999999999999999",
                "31556889864403200",
                "\"soon\"",
                "\"0\"",
                "true",
                "null",
                "{}",
                "1764374400000"
            })
    void an_end_of_a_secret_that_makes_no_sense_registers_nobody_again_and_again(String end) throws Exception {
        server.registrationResponse(answer -> {
            answer.put("client_secret_expires_at", FakeAuthorizationServer.raw(end));
            return answer;
        });
        ProtectedApis node = web();
        for (int i = 0; i < 10; i++) {
            try {
                scene.start(node, "alice");
            } catch (AuthorizationServerException e) {
                assertThat(e).hasMessageNotContaining("Exception");
            }
        }

        assertThat(server.registrations()).isLessThanOrEqualTo(3);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/register/me",
                "",
                "not a url",
                "http://10.0.0.1/client",
                "https://10.0.0.1/client",
                "javascript:alert(1)",
                "https://user:pw@login.example/client",
                "other"
            })
    void a_management_uri_that_is_not_this_servers_is_not_used_and_ends_nothing(String uri) throws Exception {
        FakeAuthorizationServer other = scene.newServer().registrationManagement(true);
        server.clientSecretLifetime(Duration.ofHours(1)).registrationResponse(answer -> {
            answer.put("registration_access_token", "registration-token");
            answer.put("registration_client_uri", uri.equals("other") ? other.registrationEndpoint() + "/x" : uri);
            return answer;
        });
        ProtectedApis node = web();
        scene.signIn(node, "alice");
        scene.time.pass(Duration.ofHours(2));

        scene.signIn(node, "alice");

        assertThat(server.registrations()).isEqualTo(2);
        assertThat(scene.wire.sentTo(other.url())).isEmpty();
        assertThat(scene.wire.sentTo(server.url())).doesNotContain("registration-token");
    }

    @ParameterizedTest
    @ValueSource(strings = {"line\nbreak", "nul\0", "ümlaut", " "})
    void a_registration_access_token_that_no_header_can_carry_ends_nothing(String token) throws Exception {
        server.registrationManagement(true)
                .clientSecretLifetime(Duration.ofHours(1))
                .registrationResponse(answer -> {
                    answer.put("registration_access_token", token);
                    return answer;
                });
        ProtectedApis node = web();
        scene.signIn(node, "alice");
        scene.time.pass(Duration.ofHours(2));

        assertThat(scene.status(scene.signIn(node, "alice"))).isEqualTo(200);
        assertThat(server.registrations()).isEqualTo(2);
    }

    // ---- A secret that ends ---------------------------------------------------------------------------------------

    @Test
    void a_secret_of_a_few_seconds_is_replaced_once_by_all_threads_of_all_nodes() throws Exception {
        server.clientSecretLifetime(Duration.ofSeconds(90));
        List<ProtectedApis> nodes = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            nodes.add(web());
        }
        for (int round = 1; round <= 3; round++) {
            for (Duration left : List.of(Duration.ofSeconds(90), Duration.ofSeconds(10))) {
                List<Callable<String>> logins = new ArrayList<>();
                for (int i = 0; i < 40; i++) {
                    int user = i;
                    ProtectedApis node = nodes.get(i % 4);
                    logins.add(() -> clientOf(scene.start(node, "user-" + user)));
                }
                Set<Object> clients = new LinkedHashSet<>(ApiScene.atOnce(logins));

                assertThat(clients).doesNotHaveAnyElementsOfTypes(Exception.class);
                if (left.toSeconds() == 90) {
                    assertThat(clients).hasSize(1);
                    scene.time.pass(Duration.ofSeconds(80));
                } else {
                    assertThat(clients).hasSizeLessThanOrEqualTo(2); // the one before is still good for a moment
                    scene.time.pass(Duration.ofSeconds(95));
                }
            }
            int rounds = round;
            assertThat(server.registrations()).isLessThanOrEqualTo(2 * rounds);
        }
    }

    @Test
    void a_secret_that_the_server_prolongs_keeps_its_client() throws Exception {
        server.registrationManagement(true).clientSecretLifetime(Duration.ofHours(1));
        ProtectedApis node = web();
        scene.signIn(node, "alice");
        String client = server.clients().iterator().next();
        String ends = String.valueOf(
                scene.time.clock().instant().plus(Duration.ofDays(30)).getEpochSecond());
        Answer extended =
                Answer.json(200, "{\"client_id\":\"" + client + "\",\"client_secret_expires_at\":" + ends + "}");
        server.onNextRegistrationRead(Fault.none(), Fault.answer(extended)); // GET, then PUT
        scene.time.pass(Duration.ofMinutes(59).plusSeconds(50));
        assertThat(clientOf(scene.start(node, "bob"))).isEqualTo(client);
        scene.time.pass(Duration.ofHours(12));

        assertThat(clientOf(scene.start(scene.node(scene.builder(WEB)), "bob"))).isEqualTo(client);
        assertThat(server.registrations()).isEqualTo(1);
    }

    // ---- Clients that the server does not know --------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void a_client_that_is_said_to_be_unknown_once_is_kept_and_nobody_signs_in_again(boolean managed) throws Exception {
        server.registrationManagement(managed);
        ProtectedApis node = scene.node();
        Account alice = scene.signIn(node, "alice");
        for (int i = 0; i < 3; i++) {
            scene.time.pass(EXPIRED);
            server.rejectClientOnce();
            assertThat(statusAfterAWhile(alice)).isEqualTo(200);
            scene.time.pass(Duration.ofMinutes(3));
        }

        assertThat(server.registrations()).isEqualTo(1);
    }

    @Test
    void a_client_that_the_server_still_has_is_kept_however_often_it_is_said_to_be_unknown() throws Exception {
        server.registrationManagement(true);
        ProtectedApis node = scene.node();
        Account alice = scene.signIn(node, "alice");
        Account bob = scene.signIn(node, "bob");
        for (int i = 0; i < 4; i++) {
            scene.time.pass(EXPIRED);
            server.rejectClientOnce();
            server.rejectClientOnce();
            assertThat(statusAfterAWhile(alice)).isEqualTo(200);
            assertThat(statusAfterAWhile(bob)).isEqualTo(200);
        }

        assertThat(server.registrations()).isEqualTo(1);
        assertThat(server.registrationReads()).isPositive();
    }

    /** The status of a call that may have to be repeated when the server is left alone for a moment. */
    private int statusAfterAWhile(Account account) throws IOException {
        AuthorizationServerException last = null;
        for (int i = 0; i < 20; i++) {
            try {
                return scene.status(account);
            } catch (AuthorizationServerException e) {
                last = e;
                scene.time.pass(Duration.ofSeconds(5));
            }
        }
        throw new AssertionError("does not pass", last);
    }

    private LoginRequiredException requiredAfterAWhile(Account account) throws IOException {
        for (int i = 0; i < 100; i++) { // the pauses are random, of up to a minute each
            try {
                scene.status(account);
            } catch (LoginRequiredException e) {
                return e;
            } catch (AuthorizationServerException e) {
                scene.time.pass(Duration.ofSeconds(5));
            }
        }
        throw new AssertionError(account + " is not required to sign in");
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void a_client_that_the_server_has_forgotten_is_replaced_by_one_new_one(boolean managed) throws Exception {
        server.registrationManagement(managed);
        ProtectedApis node = scene.node();
        Account alice = scene.signIn(node, "alice");
        server.forgetClient(server.clients().iterator().next());
        scene.time.pass(EXPIRED);

        assertThat(requiredAfterAWhile(alice).reason()).isEqualTo(LoginRequiredException.Reason.ISSUED_ELSEWHERE);
        assertThat(scene.status(scene.signIn(node, "alice"))).isEqualTo(200);
        assertThat(server.registrations()).isEqualTo(2);
        assertThat(server.registrationReads()).isEqualTo(managed ? 1 : 0);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void a_new_client_is_believed_in_as_much_as_the_one_before(boolean managed) throws Exception {
        server.registrationManagement(managed);
        ProtectedApis node = scene.node();
        Account alice = scene.signIn(node, "alice");
        server.forgetClient(server.clients().iterator().next());
        scene.time.pass(EXPIRED);
        requiredAfterAWhile(alice);
        scene.signIn(node, "alice");
        scene.time.pass(EXPIRED);

        server.rejectClientOnce();

        assertThat(statusAfterAWhile(alice)).isEqualTo(200);
        scene.time.pass(EXPIRED);
        assertThat(statusAfterAWhile(alice)).isEqualTo(200);
        assertThat(server.registrations()).isEqualTo(2);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void a_client_that_is_forgotten_before_anybody_has_signed_in_is_replaced(boolean managed) throws Exception {
        server.registrationManagement(managed);
        ProtectedApis node = web();
        PendingLogin first = scene.start(node, "alice");
        PendingLogin second = scene.start(node, "bob");
        List<String> callbacks =
                List.of(ApiScene.callback(server, first, "alice"), ApiScene.callback(server, second, "bob"));
        server.forgetClient(clientOf(first));

        assertThatThrownBy(() -> node.finishLogin(first, callbacks.get(0)))
                .isInstanceOf(AuthorizationServerException.class);
        if (managed) {
            ApiScene.await(() -> server.registrations() == 2); // it was looked for, and is not there
            assertThat(ApiScene.reason(node.finishLogin(second, callbacks.get(1))))
                    .isEqualTo(LoginResult.Mismatched.Reason.STALE);
        } else {
            assertThatThrownBy(() -> node.finishLogin(second, callbacks.get(1)))
                    .isInstanceOf(AuthorizationServerException.class);
        }

        ApiScene.await(() -> server.registrations() == 2);
        assertThat(scene.status(scene.signIn(node, "alice"))).isEqualTo(200);
    }

    @Test
    void a_client_without_users_that_is_forgotten_is_replaced_and_one_that_is_only_rejected_once_is_kept()
            throws Exception {
        server.registrationManagement(false);
        ProtectedApis node = scene.node(scene.builder(ClientMetadata.named("Machine")));
        Account machine = node.application(api.url());
        assertThat(scene.status(machine)).isEqualTo(200);
        scene.time.pass(EXPIRED);
        server.rejectClientOnce();
        assertThat(statusAfterAWhile(machine)).isEqualTo(200);
        assertThat(server.registrations()).isEqualTo(1);

        server.forgetClient(server.clients().iterator().next());
        scene.time.pass(EXPIRED);
        // One grant alone is believed after two minutes.
        for (int i = 0; server.registrations() == 1 && i < 30; i++) {
            try {
                scene.status(machine);
            } catch (AuthorizationServerException e) {
                scene.time.pass(Duration.ofSeconds(20));
            }
        }
        assertThat(statusAfterAWhile(machine)).isEqualTo(200);
        assertThat(server.registrations()).isEqualTo(2);
    }

    @Test
    void a_server_that_rejects_a_document_is_said_to_and_gets_no_storm() throws Exception {
        ClientMetadata documented = ClientMetadata.named("Acme")
                .redirectUri(ApiScene.CALLBACK)
                .documentAt("https://app.example/client.json");
        server.clientIdMetadataDocuments(true)
                .clientIdMetadataDocument("https://app.example/client.json", documented.json());
        ProtectedApis node = scene.node(scene.builder(documented));
        Account alice = scene.signIn(node, "alice");
        scene.time.pass(EXPIRED);
        int metadata = server.metadataRequests();
        server.onEveryTokenRequest(Fault.error(401, "invalid_client"));
        for (int i = 0; i < 10; i++) {
            assertThatThrownBy(() -> scene.status(alice))
                    .isInstanceOfSatisfying(
                            AuthorizationServerException.class,
                            e -> assertThat(e).hasMessageContaining("client"));
            scene.time.pass(Duration.ofSeconds(10));
        }
        assertThat(server.metadataRequests()).isEqualTo(metadata);
        assertThat(server.registrationRequests()).isZero();

        server.noFaults();
        assertThat(statusAfterAWhile(alice)).isEqualTo(200);
    }

    @Test
    void a_place_that_is_named_for_the_management_of_clients_and_does_not_work_ends_nothing() throws Exception {
        server.registrationManagement(true).clientSecretLifetime(Duration.ofHours(1));
        ProtectedApis node = web();
        Account alice = scene.signIn(node, "alice");
        scene.time.pass(EXPIRED);
        server.rejectClientOnce();
        server.onNextRegistrationRead(Fault.status(405));
        assertThat(statusAfterAWhile(alice)).isEqualTo(200);
        assertThat(server.registrations()).isEqualTo(1);

        server.onNextRegistrationRead(Fault.status(405), Fault.status(405), Fault.status(405));
        scene.time.pass(Duration.ofHours(2));
        assertThat(scene.status(scene.signIn(node, "alice"))).isEqualTo(200);
        assertThat(server.registrations()).isEqualTo(2);
    }

    @ParameterizedTest
    @ValueSource(strings = {"a\nb", "\u00fc", "\u0000"})
    void a_client_id_that_none_can_be_is_not_taken(String id) throws Exception {
        server.onEveryRegistration(Fault.answer(
                Answer.json(201, "{\"client_id\":\"" + id.replace("\n", "\\n").replace("\0", "\\u0000") + "\"}")));

        assertThat(notStarted(scene.node())).hasMessageContaining("client id");
    }

    @Test
    void metadata_and_registrations_may_be_indented_and_in_any_language() throws Exception {
        server.scopesSupported("a", "b").metadata(document -> {
            document.put("service_documentation", "Für alle, \u65e5\u672c\u8a9e \n\t \ud83d\ude00");
            return document;
        });
        ProtectedApis node = scene.node(
                scene.builder(ClientMetadata.named("Acme Assistent für Ärzte").redirectUri(ApiScene.CALLBACK)));

        assertThat(scene.status(scene.signIn(node, "alice"))).isEqualTo(200);
    }

    @Test
    void an_answer_that_no_row_can_hold_is_not_stored_and_says_so() throws Exception {
        Random random = new Random(1);
        StringBuilder noise = new StringBuilder();
        for (int i = 0; i < 100_000; i++) {
            noise.append((char) ('a' + random.nextInt(26)));
        }
        server.metadata(document -> {
            document.put("noise", noise.toString());
            return document;
        });
        assertThat(notStarted(scene.node())).hasMessageContaining("too long");
        server.metadata(document -> document).registrationManagement(true).registrationResponse(answer -> {
            answer.put("client_secret", noise.toString());
            return answer;
        });
        scene.store.rows.clear();
        assertThat(notStarted(web())).hasMessageContaining("too long");
        ApiScene.await(() -> server.registrationDeletes() == 1);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void a_hundred_users_on_four_nodes_who_hear_of_an_unknown_client_get_one_new_one(boolean managed) throws Exception {
        server.registrationManagement(managed);
        List<ProtectedApis> nodes = scene.nodes(4);
        for (int i = 0; i < 100; i++) {
            server.user("user-" + i, "User", "u" + i, "u" + i + "@example.org");
            scene.signIn(nodes.get(0), "user-" + i);
        }
        server.forgetClient(server.clients().iterator().next());
        scene.time.pass(EXPIRED);
        Set<String> left = Collections.synchronizedSet(new LinkedHashSet<>());
        for (int i = 0; i < 100; i++) {
            left.add("user-" + i);
        }

        for (int round = 0; round < 20 && !left.isEmpty(); round++) {
            List<Callable<Object>> calls = new ArrayList<>();
            for (String user : List.copyOf(left)) {
                ProtectedApis node = nodes.get(user.hashCode() & 3);
                calls.add(() -> {
                    try {
                        return scene.status(scene.account(node, user));
                    } catch (LoginRequiredException e) {
                        assertThat(e.reason()).isEqualTo(LoginRequiredException.Reason.ISSUED_ELSEWHERE);
                        return left.remove(user);
                    }
                });
            }
            ApiScene.atOnce(calls);
            scene.time.pass(Duration.ofSeconds(5));
        }

        assertThat(left).isEmpty();
        assertThat(server.registrations()).isEqualTo(2);
        assertThat(scene.status(scene.signIn(nodes.get(3), "user-7"))).isEqualTo(200);
    }

    // ---- The store ------------------------------------------------------------------------------------------------

    @Test
    void a_client_is_not_used_before_it_is_stored_and_is_not_registered_twice() throws Exception {
        Held held = new Held();
        server.onNextRegistration(Fault.holdAnswer(held));
        ProtectedApis node = scene.node(scene.builder().maxWait(Duration.ofSeconds(2)));
        Callable<Object> start = () -> {
            try {
                return scene.start(node, "alice");
            } catch (AuthorizationServerException e) {
                return e;
            }
        };
        List<Object> results = ApiScene.atOnce(List.of(start, () -> {
            held.awaitArrived(1);
            scene.store.writesDown(true);
            held.release();
            return "down";
        }));
        assertThat(results.get(0)).isInstanceOf(OAuthException.class);
        assertThat(server.clientsInUse()).isEmpty();

        scene.store.writesDown(false);
        Object login = null;
        for (int i = 0; i < 30 && !(login instanceof PendingLogin); i++) {
            scene.time.pass(Duration.ofSeconds(5));
            login = start.call();
        }

        assertThat(login).isInstanceOf(PendingLogin.class);
        assertThat(server.registrations()).isEqualTo(1);
        assertThat(clientOf(scene.start(scene.node(), "bob"))).isEqualTo(clientOf((PendingLogin) login));
    }

    @Test
    void a_client_that_comes_after_another_nodes_is_deleted_at_the_server() throws Exception {
        server.registrationManagement(true);
        Held held = new Held();
        server.onNextRegistration(Fault.holdAnswer(held));
        ProtectedApis slow = scene.node(scene.builder().maxWait(Duration.ofMillis(300)));
        notStarted(slow);
        held.awaitArrived(1);
        ProtectedApis other = scene.node(scene.builder().maxWait(Duration.ofMillis(300)));
        String client = null;
        for (int i = 0; client == null && i < 20; i++) {
            try {
                client = clientOf(scene.start(other, "alice"));
            } catch (AuthorizationServerException e) {
                scene.time.pass(Duration.ofSeconds(30)); // until the attempt of the slow one is over
            }
        }

        held.release();

        ApiScene.await(() -> server.registrationDeletes() == 1);
        assertThat(server.clients()).containsExactly(client);
        assertThat(clientOf(scene.start(slow, "bob"))).isEqualTo(client);
    }

    // ---- By hand, by document -------------------------------------------------------------------------------------

    @Test
    void a_registration_by_hand_comes_before_a_document_and_a_document_before_a_registration() throws Exception {
        ClientMetadata documented = ClientMetadata.named("Acme")
                .redirectUri(ApiScene.CALLBACK)
                .documentAt("https://app.example/client.json");
        server.clientIdMetadataDocuments(true)
                .clientIdMetadataDocument("https://app.example/client.json", documented.json())
                .client("by-hand", "by-hand-secret", ApiScene.CALLBACK);
        ProtectedApis byHand =
                scene.node(scene.builder(documented).registered(server.issuer(), "by-hand", "by-hand-secret"));
        assertThat(clientOf(scene.start(byHand, "alice"))).isEqualTo("by-hand");
        assertThat(scene.status(scene.signIn(byHand, "alice"))).isEqualTo(200);

        scene.store.rows.clear();
        ProtectedApis byDocument = scene.node(scene.builder(documented));
        assertThat(scene.status(scene.signIn(byDocument, "alice"))).isEqualTo(200);
        assertThat(server.clientsInUse()).contains("https://app.example/client.json");

        assertThat(server.registrationRequests()).isZero();
        server.clientIdMetadataDocuments(false);
        scene.store.rows.clear();
        scene.signIn(scene.node(scene.builder(documented)), "alice");
        assertThat(server.registrations()).isEqualTo(1);
    }

    @Test
    void what_the_document_says_is_what_is_registered() throws Exception {
        ClientMetadata application = ClientMetadata.named("Acme")
                .redirectUri("https://app.example/callback")
                .redirectUri("https://app.example/second")
                .clientUri("https://app.example/")
                .softwareId("acme")
                .softwareStatement("e30.e30.e30")
                .documentAt("https://app.example/client.json");
        scene.start(scene.node(scene.builder(application)), "alice");

        RecordedRequest registration = server.recordedRegistrationRequests().get(0);
        assertThat(registration.text())
                .contains("\"grant_types\":[\"authorization_code\",\"refresh_token\"]")
                .contains("\"application_type\":\"web\"")
                .contains("\"software_statement\"")
                .doesNotContain("client_id");
        assertThat(application.json())
                .contains("\"client_id\":\"https://app.example/client.json\"")
                .contains("\"token_endpoint_auth_method\":\"none\"")
                .doesNotContain("software_statement")
                .doesNotContain("client_secret");
        for (String member : List.of("client_name", "redirect_uris", "client_uri", "software_id")) {
            String value = application.json().replaceFirst(".*(\"" + member + "\":(\\[.*?\\]|\".*?\")).*", "$1");
            assertThat(registration.text()).contains(value);
        }
    }

    @Test
    void a_registration_by_hand_that_is_taken_away_is_what_the_error_speaks_of() throws Exception {
        server.client("by-hand", "by-hand-secret", ApiScene.CALLBACK);
        scene.signIn(scene.node(scene.builder().registered(server.issuer(), "by-hand", "by-hand-secret")), "bob");
        ProtectedApis later = scene.node();

        AuthorizationServerException e = notStarted(later);

        assertThat(e).hasMessageContaining("registered by hand").hasMessageContaining("registered(…)");
        assertThat(scene.wire.sentTo(server.url())).contains("by-hand-secret");
    }

    @Test
    void a_registration_by_hand_for_the_server_before_is_an_error_that_names_both() throws Exception {
        server.client("by-hand", "by-hand-secret", ApiScene.CALLBACK);
        FakeAuthorizationServer other = scene.newServer().dynamicRegistration(false);
        ProtectedApis node = scene.node(scene.builder().registered(server.issuer(), "by-hand", "by-hand-secret"));
        Account alice = scene.signIn(node, "alice");
        api.moveTo(other);

        LoginRequiredException e = scene.required(alice);
        assertThatThrownBy(() -> node.newLogin(alice).inResponseTo(e).start())
                .isInstanceOf(AuthorizationServerException.class)
                .hasMessageContaining(other.issuer())
                .hasMessageContaining("registered(");
        assertThat(scene.wire.sentTo(other.url())).doesNotContain("by-hand");
    }

    @Test
    void an_initial_access_token_that_is_missing_or_wrong_is_what_the_error_speaks_of() throws Exception {
        server.initialAccessToken("right");
        assertThat(notStarted(scene.node())).hasMessageContaining("initialAccessToken(…)");
        scene.store.rows.clear();
        assertThat(notStarted(scene.node(scene.builder().initialAccessToken(server.issuer(), "wrong"))))
                .hasMessageContaining("initialAccessToken(…)")
                .hasMessageNotContaining("wrong");
        scene.store.rows.clear();
        scene.start(scene.node(scene.builder().initialAccessToken(server.issuer(), "right")), "alice");
        assertThat(server.registrations()).isEqualTo(1);
    }
}
