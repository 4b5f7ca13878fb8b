/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.grantkeeper.LoginResult.Mismatched.Reason;
import dev.grantkeeper.testkit.Answer;
import dev.grantkeeper.testkit.FakeAuthorizationServer;
import dev.grantkeeper.testkit.FakeProtectedApi;
import dev.grantkeeper.testkit.Fault;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListSet;
import okhttp3.HttpUrl;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** APIs and servers that lie, and callbacks that were mixed up. */
@Timeout(300)
@Execution(ExecutionMode.CONCURRENT)
class ProtectedApisAttacksTest {
    private final ApiScene scene = new ApiScene();
    private final FakeAuthorizationServer server = scene.server;
    private final FakeProtectedApi api = scene.api;
    private final FakeAuthorizationServer other = scene.newServer();

    @AfterEach
    void close() throws Exception {
        scene.close();
    }

    /** A call that is answered by an error about documents, not by a demand for a login. */
    private AuthorizationServerException notUsed() {
        Object result;
        try {
            result = scene.status(scene.account(scene.node(), "alice"));
        } catch (IOException e) {
            result = e;
        }
        assertThat(result).isInstanceOf(AuthorizationServerException.class);
        return (AuthorizationServerException) result;
    }

    /** A login that cannot be started. */
    private AuthorizationServerException notStarted(ProtectedApis node) throws IOException {
        try {
            Object login = scene.start(node, "alice");
            throw new AssertionError(login + " was started");
        } catch (AuthorizationServerException e) {
            return e;
        }
    }

    // ---- Metadata of APIs -----------------------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void metadata_for_another_resource_are_not_used(boolean challenge) {
        api.challengeNamesMetadata(challenge).metadata(document -> with(document, "resource", other.url() + "/mcp"));

        assertThat(notUsed()).hasMessageContaining(other.url() + "/mcp").hasMessageContaining(api.url());
    }

    @Test
    void metadata_of_a_sibling_or_of_a_path_below_are_not_used() {
        for (String resource : List.of("/mcp2", "/mcp/below", "/tenant/mcp", "/mc")) {
            api.metadata(document -> with(document, "resource", server.url() + resource));
            assertThat(notUsed()).hasMessageContaining(server.url() + resource);
        }
    }

    @Test
    void metadata_of_a_parent_are_used_and_widen_nothing() throws Exception {
        FakeProtectedApi tool = server.protectedApi("/tools/a").resource(server.url() + "/tools");
        FakeProtectedApi sibling = server.protectedApi("/tools/b").resource(server.url() + "/tools");
        tool.challenge(header -> header.replace("/tools/b", "/tools/a"));
        ProtectedApis node = scene.node();

        Account alice = scene.signIn(node, "alice", server, tool.url());

        assertThat(scene.status(alice, tool.url())).isEqualTo(200);
        assertThat(scene.status(alice, sibling.url())).isEqualTo(401);
        assertThat(scene.status(alice, server.url() + "/tools")).isNotEqualTo(200);
        assertThat(sibling.calls())
                .singleElement()
                .satisfies(call -> assertThat(call.header("Authorization")).isEmpty());
    }

    @Test
    void metadata_that_name_a_hundred_servers_cost_one_request_and_the_first_ten_are_looked_at() throws Exception {
        List<String> servers = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            servers.add("https://server-" + i + ".invalid");
        }
        servers.add(0, server.issuer());
        api.metadata(document -> with(document, "authorization_servers", servers));

        assertThat(scene.required(scene.account(scene.node(), "alice")).issuer())
                .contains(server.issuer());
        assertThat(api.metadataRequests()).isEqualTo(1);
    }

    @Test
    void metadata_that_name_no_server_that_could_be_one_are_not_used() {
        List<Object> nobody = List.of(
                List.of(),
                List.of("http://login.example", "ftp://login.example", "login.example", "https://user@login.example"),
                List.of("https://login.example?a=b", "https://login.example#c", "javascript:alert(1)", ""),
                "https://login.example",
                List.of(1, true, Map.of("issuer", "https://login.example")));
        for (Object list : nobody) {
            api.metadata(document -> with(document, "authorization_servers", list));
            assertThat(notUsed()).hasMessageContaining("authorization server");
        }
    }

    @Test
    void an_api_that_names_somebody_elses_issuer_gets_its_users_asked_there_and_nothing_else() throws Exception {
        api.metadata(document -> with(document, "authorization_servers", List.of(other.issuer())));
        ProtectedApis node = scene.node();

        PendingLogin login = scene.start(node, "alice");

        // The user sees the other server's page, and the token is for this API by name.
        assertThat(login.url().toString()).startsWith(other.authorizationEndpoint());
        assertThat(HttpUrl.get(login.url().toString()).queryParameter("resource"))
                .isEqualTo(api.url());
        assertThat(server.registrationRequests()).isZero();
    }

    @ParameterizedTest
    @ValueSource(strings = {"https://10.0.0.1/meta", "https://169.254.169.254/latest", "http://10.0.0.1/meta"})
    void a_challenge_that_names_metadata_inside_the_network_connects_to_nothing_there(String place) {
        api.challenge(header -> header.replace(api.metadataUrl(), place));
        if (place.startsWith("http:")) {
            // In clear: the place does not count, and the API's own do.
            assertThat(scene.required(scene.account(scene.node(), "alice")).issuer())
                    .contains(server.issuer());
            return;
        }
        assertThat(notUsed()).hasStackTraceContaining("InsideNetworkException");
    }

    @Test
    void a_challenge_that_names_metadata_on_another_host_is_followed_and_the_document_is_still_about_this_api()
            throws Exception {
        FakeProtectedApi elsewhere = other.protectedApi("/mcp");
        api.challenge(header -> header.replace(api.metadataUrl(), elsewhere.metadataUrl()));
        assertThat(notUsed()).hasMessageContaining(elsewhere.url());

        elsewhere.resource(api.url());
        ProtectedApis node = scene.node();
        LoginRequiredException e = scene.required(scene.account(node, "alice"));

        assertThat(e.issuer()).contains(other.issuer());
        assertThat(e).hasMessageContaining(other.issuer());
        assertThat(elsewhere.requests()).isZero();
    }

    @Test
    void metadata_that_are_huge_a_page_a_redirect_or_an_error_are_not_used_and_say_so() {
        api.metadataAtPath(true);
        Map<String, Answer> answers = Map.of(
                "1 MB", Answer.json(200, "{\"resource\":\"" + "x".repeat(1 << 20) + "\"}"),
                "page", Answer.status(200).header("Content-Type", "text/html").body("<html>"),
                "redirect", Answer.redirect(other.url() + "/elsewhere"),
                "error", Answer.status(500),
                "nothing", Answer.json(200, ""),
                "list", Answer.json(200, "[]"),
                "deep", Answer.json(200, "[".repeat(60_000)));
        for (Map.Entry<String, Answer> each : answers.entrySet()) {
            api.onEveryMetadataRequest(Fault.answer(each.getValue()));
            assertThat(notUsed()).as(each.getKey()).hasMessageContaining("metadata");
        }
        assertThat(other.apiRequests()).isZero();
    }

    @Test
    void metadata_that_do_not_come_cost_no_more_than_the_limit_of_a_token_call() {
        api.onEveryMetadataRequest(Fault.delay(Duration.ofSeconds(60)));
        ProtectedApis node = scene.node(scene.builder().tokenCallTimeout(Duration.ofMillis(300)));

        assertThatThrownBy(() -> scene.status(scene.account(node, "alice")))
                .isInstanceOf(AuthorizationServerException.class)
                .hasMessageContaining("metadata");
    }

    // ---- Metadata of servers --------------------------------------------------------------------------------------

    @Test
    void a_server_that_calls_itself_by_another_name_gets_no_client_and_no_user() throws Exception {
        server.metadata(document -> with(document, "issuer", other.issuer()));

        assertThat(notStarted(scene.node())).hasMessageContaining(other.issuer());
        assertThat(server.registrationRequests()).isZero();
        assertThat(other.registrationRequests()).isZero();
    }

    @ParameterizedTest
    @ValueSource(strings = {"/", "//", "/.", "%2F"})
    void an_issuer_that_differs_by_a_character_is_another_one(String end) throws Exception {
        server.metadata(document -> with(document, "issuer", server.issuer() + end));

        assertThat(notStarted(scene.node())).hasMessageContaining(server.issuer());
        assertThat(server.registrationRequests()).isZero();
    }

    @Test
    void a_server_that_does_not_protect_codes_gets_no_user() throws Exception {
        for (Object methods : List.of(List.of(), List.of("plain"), "S256", List.of("s256"))) {
            server.metadata(document -> with(document, "code_challenge_methods_supported", methods));
            assertThat(notStarted(scene.node())).hasMessageContaining("S256");
        }
        server.metadata(document -> without(document, "code_challenge_methods_supported"));
        assertThat(notStarted(scene.node())).hasMessageContaining("S256");
    }

    @Test
    void a_server_without_authorization_endpoint_is_said_to_lack_it() throws Exception {
        server.metadata(document -> without(document, "authorization_endpoint"));

        assertThat(notStarted(scene.node())).hasMessageContaining("authorization");
    }

    @ParameterizedTest
    @ValueSource(strings = {"authorization_endpoint", "token_endpoint", "registration_endpoint"})
    void an_endpoint_in_clear_or_of_another_scheme_is_not_used(String endpoint) throws Exception {
        for (String url : List.of("http://10.0.0.1/x", "http://login.example/x", "javascript:alert(1)", "file:///x")) {
            server.metadata(document -> with(document, endpoint, url));
            notStarted(scene.node());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"https://10.0.0.1/x", "https://169.254.169.254/x", "https://[fd00::1]/x"})
    void a_registration_endpoint_inside_the_network_is_not_connected_to(String url) throws Exception {
        server.metadata(document -> with(document, "registration_endpoint", url));

        assertThat(notStarted(scene.node())).hasStackTraceContaining("InsideNetworkException");
    }

    @ParameterizedTest
    @ValueSource(strings = {"https://10.0.0.1/x", "https://169.254.169.254/x", "https://[fd00::1]/x"})
    void a_token_endpoint_inside_the_network_is_not_connected_to(String url) throws Exception {
        server.metadata(document -> with(document, "token_endpoint", url));
        ProtectedApis node = scene.node();
        PendingLogin login = scene.start(node, "alice");

        assertThatThrownBy(() -> node.finishLogin(login, ApiScene.callback(server, login, "alice")))
                .isInstanceOf(AuthorizationServerException.class)
                .hasStackTraceContaining("InsideNetworkException");
    }

    @Test
    void metadata_of_a_server_that_are_huge_a_page_a_redirect_or_an_error_are_not_used() throws Exception {
        Map<String, Answer> answers = Map.of(
                "1 MB", Answer.json(200, "{\"issuer\":\"" + "x".repeat(1 << 20) + "\"}"),
                "page", Answer.status(200).header("Content-Type", "text/html").body("<html>"),
                "redirect", Answer.redirect(other.url() + "/.well-known/oauth-authorization-server"),
                "error", Answer.status(500),
                "deep", Answer.json(200, "{\"a\":".repeat(10_000)));
        for (Map.Entry<String, Answer> each : answers.entrySet()) {
            server.onEveryMetadataRequest(Fault.answer(each.getValue()));
            scene.store.rows.clear(); // nodes tell each other whom to leave alone
            assertThat(notStarted(scene.node())).as(each.getKey()).hasMessageContaining(server.issuer());
        }
        assertThat(other.metadataRequests()).isZero();
        assertThat(server.registrationRequests()).isZero();
    }

    @Test
    void a_server_that_is_down_is_found_when_it_is_back() throws Exception {
        server.onEveryMetadataRequest(Fault.status(500));
        ProtectedApis node = scene.node();
        notStarted(node);

        server.noFaults();
        scene.time.pass(Duration.ofMinutes(2));

        assertThat(scene.status(scene.signIn(node, "alice"))).isEqualTo(200);
    }

    // ---- Credentials stay where they are from ---------------------------------------------------------------------

    @Test
    void no_credential_of_one_server_is_ever_sent_to_another() throws Exception {
        Set<String> secrets = secretsOf(server.registrationManagement(true)
                .initialAccessToken("initial-access-token-of-the-first")
                .clientSecretLifetime(Duration.ofHours(1)));
        secrets.add("initial-access-token-of-the-first");
        Set<String> others = secretsOf(other.registrationManagement(true));
        FakeProtectedApi second = other.protectedApi("/mcp");
        ProtectedApis node =
                scene.node(scene.builder(ClientMetadata.named("Acme").redirectUri("https://app.example/callback"))
                        .initialAccessToken(server.issuer(), "initial-access-token-of-the-first"));

        Account alice = scene.signIn(node, "alice");
        scene.signIn(node, "alice", other, second.url());
        scene.time.pass(Duration.ofMinutes(11));
        scene.status(alice);
        scene.status(node.account(second.url(), "alice"), second.url());
        scene.time.pass(Duration.ofHours(2)); // the secret has ended
        scene.signIn(node, "alice");
        api.moveTo(other);
        scene.time.pass(Duration.ofMinutes(11));
        scene.required(alice);
        scene.signIn(node, "alice", other, api.url());
        scene.time.pass(Duration.ofMinutes(11));
        assertThat(scene.status(alice)).isEqualTo(200);
        alice.signOut();

        assertThat(secrets).hasSizeGreaterThan(8);
        assertThat(others).hasSizeGreaterThan(5);
        assertThat(server.registrations()).isEqualTo(2);
        assertThat(other.registrations()).isEqualTo(1);
        assertThat(secrets)
                .noneSatisfy(
                        secret -> assertThat(scene.wire.sentTo(other.url())).contains(secret));
        assertThat(others)
                .noneSatisfy(
                        secret -> assertThat(scene.wire.sentTo(server.url())).contains(secret));
        // The record of what was sent finds them where they belong.
        String own = scene.wire.sentTo(server.url());
        assertThat(secrets).filteredOn(own::contains).hasSizeGreaterThan(6);
    }

    /** All that a server gives to this client, but for access tokens, which are for APIs anywhere. */
    private static Set<String> secretsOf(FakeAuthorizationServer server) {
        Set<String> secrets = new ConcurrentSkipListSet<>();
        server.registrationResponse(answer -> {
                    for (String member : List.of("client_id", "client_secret", "registration_access_token")) {
                        secrets.add(String.valueOf(answer.get(member)));
                    }
                    return answer;
                })
                .tokenResponse(answer -> {
                    secrets.add(String.valueOf(answer.get("refresh_token")));
                    return answer;
                });
        return secrets;
    }

    @Test
    void a_registration_by_hand_is_used_at_its_own_server_only() throws Exception {
        other.client("by-hand", "by-hand-secret");
        ProtectedApis node = scene.node(scene.builder().registered(other.issuer(), "by-hand", "by-hand-secret"));

        scene.status(scene.signIn(node, "alice"));

        assertThat(scene.wire.sentTo(server.url())).doesNotContain("by-hand");
        assertThat(server.registrations()).isEqualTo(1);
        assertThat(other.metadataRequests()).isZero();
    }

    @Test
    void a_token_goes_to_its_api_and_below_and_nowhere_else() throws Exception {
        FakeProtectedApi neighbour = server.protectedApi("/mcp2");
        FakeProtectedApi stranger = other.protectedApi("/mcp");
        ProtectedApis node = scene.node();
        Account alice = scene.signIn(node, "alice");

        assertThat(scene.status(alice, api.url() + "/below?x=/mcp2")).isEqualTo(200);
        for (String url : List.of(
                neighbour.url(),
                stranger.url(),
                server.url() + "/",
                server.url() + "/mc",
                server.url() + "/MCP",
                server.url() + "/mcp/../mcp2",
                server.url() + "/mcp/%2e%2e/mcp2",
                server.url() + "/mcp/..%2fmcp2",
                server.url() + "/mcp/..;/mcp2",
                server.url() + "//mcp",
                server.url().replace("127.0.0.1", "localhost") + "/mcp")) {
            scene.call(alice, url).close();
        }

        assertThat(server.recordedApiRequests())
                .allSatisfy(
                        request -> assertThat(request.header("Authorization")).isEmpty());
        assertThat(neighbour.calls())
                .isNotEmpty()
                .allSatisfy(
                        request -> assertThat(request.header("Authorization")).isEmpty());
        assertThat(stranger.calls())
                .isNotEmpty()
                .allSatisfy(
                        request -> assertThat(request.header("Authorization")).isEmpty());
        assertThat(api.calls())
                .filteredOn(call -> call.header("Authorization").isPresent())
                .allSatisfy(call -> assertThat(call.path()).matches("/mcp(/below)?"));
    }

    @ParameterizedTest
    @CsvSource({"/mcp2,302", "/mcp2,307", "/mcp2,308"})
    void a_redirect_to_another_path_of_the_host_takes_no_token_along(String path, int status) throws Exception {
        FakeProtectedApi neighbour = server.protectedApi(path);
        ProtectedApis node = scene.node();
        Account alice = scene.signIn(node, "alice");
        api.onRequest((request, answer) -> Answer.status(status).header("Location", neighbour.url()));

        assertThat(scene.status(alice)).isEqualTo(401);
        assertThat(neighbour.calls())
                .singleElement()
                .satisfies(call -> assertThat(call.header("Authorization")).isEmpty());
    }

    @Test
    void a_redirect_into_the_network_is_not_followed() throws Exception {
        ProtectedApis node = scene.node();
        Account alice = scene.account(node, "alice");
        api.onRequest((request, answer) -> Answer.status(302).header("Location", "https://169.254.169.254/latest"));

        assertThatThrownBy(() -> scene.status(alice)).hasStackTraceContaining("InsideNetworkException");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "http://api.example/mcp",
                "https://user:pw@api.example/mcp",
                "https://api.example/mcp#x",
                "https://api.example/a%2fb",
                "https://api.example/a%5cb",
                "https://api.example/a;b/c",
                "ftp://api.example/",
                "api.example",
                ""
            })
    void a_url_that_servers_may_read_in_several_ways_is_not_accepted(String url) {
        ProtectedApis node = scene.node();

        assertThatThrownBy(() -> node.account(url, "alice")).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void an_api_inside_the_network_is_not_connected_to() {
        ProtectedApis node = scene.node();

        for (String url : List.of("https://10.0.0.1/mcp", "https://[fd00::1]/mcp", "https://2130706434/mcp")) {
            assertThatThrownBy(() -> scene.status(node.account(url, "alice"), url))
                    .as(url)
                    .hasStackTraceContaining("InsideNetworkException");
        }
    }

    @Test
    void a_connection_of_the_applications_own_pool_does_not_lead_inside() throws Exception {
        FakeProtectedApi inside = server.protectedApi("/inside");
        OkHttpClient applications = new OkHttpClient();
        applications
                .newCall(new Request.Builder().url(inside.url()).build())
                .execute()
                .close();
        ProtectedApis strict = scene.node(ProtectedApis.builder(ClientMetadata.named("Acme"))
                .tokenStore(scene.store)
                .sealingKeys(Scene.KEYS)
                .httpClient(applications));
        String url = "https" + inside.url().substring("http".length());

        assertThatThrownBy(() -> strict.account(url, "alice")
                        .wrap(applications)
                        .newCall(new Request.Builder().url(url).build())
                        .execute())
                .hasStackTraceContaining("InsideNetworkException");
    }

    // ---- Mix-up ---------------------------------------------------------------------------------------------------

    @Test
    void the_callback_of_one_server_does_not_finish_the_login_of_another() throws Exception {
        server.issuerInCallback(true);
        other.issuerInCallback(true);
        FakeProtectedApi second = other.protectedApi("/mcp");
        ProtectedApis node = scene.node();
        PendingLogin first = scene.start(node, "alice");
        PendingLogin another = scene.start(node, node.account(second.url(), "alice"), second.url());
        String callback = ApiScene.callback(other, another, "alice");

        assertThat(ApiScene.reason(node.finishLogin(first, callback))).isEqualTo(Reason.FORGED);
        // With the state of the first: the answer still says where it is from.
        String forged = callback.replaceFirst("state=[^&]*", "state=" + state(first));
        assertThat(ApiScene.reason(node.finishLogin(first, forged))).isEqualTo(Reason.MIXED_UP);
        assertThat(server.tokenRequests() + other.tokenRequests()).isZero();
        // Neither spoilt the other one.
        assertThat(node.finishLogin(another, callback)).isInstanceOf(LoginResult.SignedIn.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "/", "upper", "port", "other"})
    void an_issuer_in_the_callback_that_is_missing_or_written_otherwise_is_not_this_server(String how)
            throws Exception {
        server.issuerInCallback(true);
        ProtectedApis node = scene.node();
        PendingLogin login = scene.start(node, "alice");
        String callback = ApiScene.callback(server, login, "alice");
        String iss = switch (how) {
            case "" -> "";
            case "/" -> "&iss=" + server.issuer() + "/";
            case "upper" -> "&iss=" + server.issuer().replace("http", "HTTP");
            case "port" -> "&iss=" + server.issuer().replaceFirst(":(\\d+)$", ":0$1");
            default -> "&iss=" + other.issuer();
        };
        assertThat(callback).contains("iss=");

        LoginResult result = node.finishLogin(login, callback.replaceFirst("&iss=[^&]*", iss));

        assertThat(ApiScene.reason(result)).isEqualTo(Reason.MIXED_UP);
        assertThat(server.tokenRequests()).isZero();
        assertThat(node.finishLogin(login, callback)).isInstanceOf(LoginResult.SignedIn.class);
    }

    @Test
    void an_error_from_another_server_shows_nothing_of_itself() throws Exception {
        ProtectedApis node = scene.node();
        PendingLogin login = scene.start(node, "alice");

        LoginResult result = node.finishLogin(
                login,
                "error=access_denied&error_description=call+0900&state=" + state(login) + "&iss=" + other.issuer());

        assertThat(ApiScene.reason(result)).isEqualTo(Reason.MIXED_UP);
        assertThat(result.toString()).doesNotContain("0900").doesNotContain("access_denied");
    }

    @Test
    void a_server_that_names_the_authorization_endpoint_of_another_gets_no_code_of_it() throws Exception {
        other.issuerInCallback(true);
        server.metadata(document -> with(document, "authorization_endpoint", other.authorizationEndpoint()));
        ProtectedApis node = scene.node();
        PendingLogin login = scene.start(node, "alice");
        String client = HttpUrl.get(login.url().toString()).queryParameter("client_id");
        other.publicClient(client, ApiScene.CALLBACK);

        LoginResult result = node.finishLogin(login, ApiScene.callback(other, login, "alice"));

        assertThat(ApiScene.reason(result)).isEqualTo(Reason.MIXED_UP);
        assertThat(server.tokenRequests()).isZero();
    }

    @Test
    void a_login_is_for_the_api_that_it_was_started_at_whoever_finishes_it() throws Exception {
        FakeProtectedApi second = server.protectedApi("/second");
        ProtectedApis node = scene.node();
        PendingLogin login = scene.start(node, "alice");

        LoginResult.SignedIn in =
                (LoginResult.SignedIn) scene.node().finishLogin(login, ApiScene.callback(server, login, "alice"));
        in.keepAs("alice");

        assertThat(scene.status(scene.account(node, "alice"))).isEqualTo(200);
        assertThat(scene.required(node.account(second.url(), "alice"), second.url())
                        .reason())
                .isEqualTo(LoginRequiredException.Reason.NOT_CONNECTED);
    }

    @Test
    void a_sealed_login_keeps_api_issuer_and_client() throws Exception {
        ProtectedApis node = scene.node();
        PendingLogin login = scene.start(node, "alice");
        String key = login.sessionKey();

        PendingLogin unsealed =
                PendingLogin.unseal(Scene.KEYS, key, login.seal(Scene.KEYS)).orElseThrow();

        assertThat(unsealed.attempt().discovered()).isEqualTo(login.attempt().discovered());
        assertThat(unsealed.attempt().discovered()).isNotNull();
        assertThat(unsealed.attempt().discovered().api()).isEqualTo(api.url());
        assertThat(unsealed.attempt().discovered().issuer()).isEqualTo(server.issuer());
        assertThat(server.clients()).contains(unsealed.attempt().discovered().clientId());
        assertThat(scene.node().finishLogin(unsealed, ApiScene.callback(server, login, "alice")))
                .isInstanceOf(LoginResult.SignedIn.class);
    }

    @Test
    void a_callback_that_was_used_is_used_up_also_after_the_endpoints_were_made_anew_and_the_api_was_forgotten()
            throws Exception {
        server.registrationManagement(true).accessTokenLifetime(Duration.ofMinutes(1));
        ProtectedApis node = scene.node();
        PendingLogin login = scene.start(node, "alice");
        String callback = ApiScene.callback(server, login, "alice");
        Account alice = ((LoginResult.SignedIn) node.finishLogin(login, callback)).keepAs("alice");
        assertThat(ApiScene.reason(node.finishLogin(login, callback))).isEqualTo(Reason.REPLAYED);

        // The client is looked for, and what is known of the server becomes newer.
        scene.time.pass(Duration.ofMinutes(2));
        server.rejectClientOnce();
        for (int i = 0; server.registrationReads() == 0 && i < 20; i++) {
            try {
                scene.status(alice);
            } catch (AuthorizationServerException e) {
                scene.time.pass(Duration.ofSeconds(5));
            }
        }
        assertThat(server.registrationReads()).isEqualTo(1);
        assertThat(ApiScene.reason(node.finishLogin(login, callback))).isEqualTo(Reason.REPLAYED);

        for (int i = 0; i < 10_001; i++) {
            node.account("https://api.example/" + i, "alice");
        }
        assertThat(ApiScene.reason(node.finishLogin(login, callback))).isEqualTo(Reason.REPLAYED);
        assertThat(server.codeRequests()).isEqualTo(1);
    }

    @Test
    void a_login_whose_client_was_replaced_meanwhile_is_stale_and_sends_no_code() throws Exception {
        server.clientSecretLifetime(Duration.ofMinutes(5));
        ProtectedApis node =
                scene.node(scene.builder(ClientMetadata.named("Acme").redirectUri("https://app.example/callback")));
        PendingLogin login = scene.start(node, "alice");
        String callback = ApiScene.callback(server, login, "alice");
        scene.time.pass(Duration.ofMinutes(5));

        assertThat(ApiScene.reason(node.finishLogin(login, callback))).isEqualTo(Reason.STALE);
        assertThat(server.registrations()).isEqualTo(2);
        assertThat(server.tokenRequests()).isZero();
    }

    @Test
    void a_login_of_a_grantkeeper_and_one_of_apis_are_not_each_others() throws Exception {
        try (Scene registered = new Scene()) {
            ProtectedApis node = scene.node();
            Grantkeeper keeper = registered.node();
            PendingLogin ours = scene.start(node, "alice");
            PendingLogin theirs = keeper.startLogin();
            String query = "code=x&state=" + state(theirs);

            assertThat(ApiScene.reason(node.finishLogin(theirs, query))).isEqualTo(Reason.MIXED_UP);
            assertThat(ApiScene.reason(keeper.finishLogin(ours, ApiScene.callback(server, ours, "alice"))))
                    .isEqualTo(Reason.MIXED_UP);
            assertThat(registered.server.tokenRequests() + server.tokenRequests())
                    .isZero();
        }
    }

    @Test
    void a_login_on_the_users_machine_comes_back_to_any_free_port() throws Exception {
        ProtectedApis node =
                scene.node(scene.builder(ClientMetadata.named("Acme").redirectUri("http://127.0.0.1/callback")));
        Account alice = scene.account(node, "alice");
        LoginRequiredException e = scene.required(alice);
        try (LoopbackReceiver receiver = LoopbackReceiver.open(node)) {
            LoginResult result = receiver.login(node.newLogin(alice).inResponseTo(e), url -> {
                String callback = server.approve(url.toString(), "alice");
                new Thread(() -> {
                            try {
                                new OkHttpClient()
                                        .newCall(new Request.Builder()
                                                .url(callback)
                                                .build())
                                        .execute()
                                        .close();
                            } catch (IOException unwanted) {
                                throw new UncheckedIOException(unwanted);
                            }
                        })
                        .start();
            });
            ((LoginResult.SignedIn) result).keepAs("alice");
        }
        assertThat(scene.status(alice)).isEqualTo(200);
    }

    @Test
    void a_callback_without_login_or_with_another_state_starts_nothing() throws Exception {
        ProtectedApis node = scene.node();
        PendingLogin login = scene.start(node, "alice");
        scene.time.pass(Duration.ofDays(2));
        int before = server.metadataRequests();

        assertThat(ApiScene.reason(node.finishLogin(null, "code=x&state=y"))).isEqualTo(Reason.NO_LOGIN);
        assertThat(ApiScene.reason(node.finishLogin(login, "code=x&state=y"))).isEqualTo(Reason.FORGED);
        assertThat(ApiScene.reason(node.finishLogin(login, null))).isEqualTo(Reason.FORGED);
        assertThat(server.metadataRequests()).isEqualTo(before);
        assertThat(server.tokenRequests()).isZero();
    }

    private static String state(PendingLogin login) {
        return login.attempt().state();
    }

    private static Map<String, Object> with(Map<String, Object> document, String member, Object value) {
        document.put(member, value);
        return document;
    }

    private static Map<String, Object> without(Map<String, Object> document, String member) {
        document.remove(member);
        return document;
    }
}
