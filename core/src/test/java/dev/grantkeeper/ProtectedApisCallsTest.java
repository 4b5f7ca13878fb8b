/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.grantkeeper.testkit.Answer;
import dev.grantkeeper.testkit.FakeAuthorizationServer;
import dev.grantkeeper.testkit.FakeProtectedApi;
import dev.grantkeeper.testkit.Fault;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import mockwebserver3.MockResponse;
import mockwebserver3.MockWebServer;
import okhttp3.Cache;
import okhttp3.HttpUrl;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;
import okhttp3.tls.HandshakeCertificates;
import okhttp3.tls.HeldCertificate;
import okio.BufferedSink;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Calls to APIs that are known by their URL: with tokens and without, of many APIs and many users. */
@Timeout(300)
class ProtectedApisCallsTest {
    private static final Duration EXPIRED = Duration.ofMinutes(11);

    private final ApiScene scene = new ApiScene();
    private final FakeAuthorizationServer server = scene.server;
    private final FakeProtectedApi api = scene.api;

    @AfterEach
    void close() throws Exception {
        scene.close();
    }

    private static Set<String> scopesOf(PendingLogin login) {
        String scope = HttpUrl.get(login.url().toString()).queryParameter("scope");
        return scope == null ? Set.of() : new TreeSet<>(List.of(scope.split(" ")));
    }

    // ---- Several APIs, several servers ----------------------------------------------------------------------------

    @Test
    void two_apis_of_one_server_share_a_registration_and_no_token() throws Exception {
        FakeProtectedApi second = server.protectedApi("/second");
        ProtectedApis node = scene.node();
        Account first = scene.signIn(node, "alice");
        assertThat(scene.required(node.account(second.url(), "alice"), second.url())
                        .reason())
                .isEqualTo(LoginRequiredException.Reason.NOT_CONNECTED);
        Account other = scene.signIn(node, "alice", server, second.url());

        assertThat(scene.status(first)).isEqualTo(200);
        assertThat(scene.status(other, second.url())).isEqualTo(200);
        assertThat(first.tokens().accessToken()).isNotEqualTo(other.tokens().accessToken());
        assertThat(server.registrations()).isEqualTo(1);
        // One client for both sends each its own.
        OkHttpClient both = other.wrap(first.wrap(scene.http));
        for (String url : List.of(api.url(), second.url())) {
            try (Response response =
                    both.newCall(new Request.Builder().url(url).build()).execute()) {
                assertThat(response.code()).isEqualTo(200);
            }
        }
    }

    @Test
    void of_several_servers_the_one_is_chosen_that_the_application_was_registered_at_by_hand() throws Exception {
        FakeAuthorizationServer other = scene.newServer().client("by-hand", "by-hand-secret", ApiScene.CALLBACK);
        api.acceptTokensOf(other).metadata(document -> {
            document.put("authorization_servers", List.of(server.issuer(), other.issuer()));
            return document;
        });
        assertThat(scene.required(scene.account(scene.node(), "alice")).issuer())
                .contains(server.issuer());
        Account before = scene.signIn(scene.node(), "alice");

        ProtectedApis node = scene.node(scene.builder().registered(other.issuer(), "by-hand", "by-hand-secret"));
        assertThat(node.issuerOf(api.url())).isEqualTo(other.issuer());
        Account bob = scene.signIn(node, "bob", other, api.url());

        assertThat(scene.status(bob)).isEqualTo(200);
        assertThat(other.registrationRequests()).isZero();
        // A grant of the other one is one of this API all the same.
        scene.time.pass(EXPIRED);
        assertThat(scene.status(scene.account(node, "alice"))).isEqualTo(200);
        assertThat(scene.status(before)).isEqualTo(200);
    }

    @Test
    void tenants_of_one_host_are_two_servers() throws Exception {
        List<FakeAuthorizationServer> tenants = new ArrayList<>();
        for (String name : List.of("acme", "globex")) {
            tenants.add(server.tenant(name).dynamicRegistration(true).time(scene.time.clock()));
        }
        List<FakeProtectedApi> apis = new ArrayList<>();
        tenants.forEach(tenant -> apis.add(tenant.protectedApi("/mcp")));
        ProtectedApis node = scene.node();
        List<Account> accounts = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            accounts.add(scene.signIn(node, "alice", tenants.get(i), apis.get(i).url()));
        }
        scene.time.pass(Duration.ofHours(2));

        for (int i = 0; i < 2; i++) {
            assertThat(scene.status(accounts.get(i), apis.get(i).url())).isEqualTo(200);
            assertThat(tenants.get(i).registrations()).isEqualTo(1);
            assertThat(tenants.get(i).refreshRequests()).isEqualTo(1);
            assertThat(tenants.get(i).reuseDetected()).isZero();
        }
        assertThat(scene.status(accounts.get(0), apis.get(1).url())).isEqualTo(401);
    }

    @Test
    void one_url_is_one_api_however_it_is_written() throws Exception {
        Account alice = scene.signIn(scene.node(), "alice");
        assertThat(scene.status(alice)).isEqualTo(200);
        ProtectedApis node = scene.node();
        String spelled = api.url().replace("http://", "HTTP://");

        node.account(spelled, "bob");

        assertThat(scene.status(node.account(spelled, "alice"))).isEqualTo(200);
        assertThat(scene.status(scene.account(node, "alice"))).isEqualTo(200);
    }

    @Test
    void urls_that_are_longer_than_a_key_are_told_apart() throws Exception {
        String path = "/" + "x".repeat(1500);
        FakeProtectedApi first = server.protectedApi(path + "/a");
        FakeProtectedApi second = server.protectedApi(path + "/b");
        ProtectedApis node = scene.node();

        Account alice = scene.signIn(node, "alice", server, first.url());

        assertThat(scene.status(alice, first.url())).isEqualTo(200);
        assertThat(scene.required(node.account(second.url(), "alice"), second.url())
                        .reason())
                .isEqualTo(LoginRequiredException.Reason.NOT_CONNECTED);
    }

    // ---- Scopes ---------------------------------------------------------------------------------------------------

    @Test
    void more_scopes_are_requested_together_with_those_that_were_granted() throws Exception {
        server.scopesSupported("read", "write");
        api.challengeScopes("read");
        ProtectedApis node = scene.node();
        Account alice = scene.signIn(node, "alice");
        api.requiredScopes("write");

        LoginRequiredException e = scene.required(alice);
        PendingLogin login = node.newLogin(alice).inResponseTo(e).start();

        assertThat(scopesOf(login)).containsExactly("read", "write");
        ((LoginResult.SignedIn) node.finishLogin(login, ApiScene.callback(server, login, "alice"))).keepAs("alice");
        assertThat(scene.status(alice)).isEqualTo(200);
    }

    @Test
    void a_demand_for_scopes_that_were_granted_is_returned_and_nobody_signs_in() throws Exception {
        api.challengeScopes("read", "write");
        ProtectedApis node = scene.node();
        Account alice = scene.signIn(node, "alice");
        api.onRequest((request, answer) -> Answer.json(403, "{}")
                .header("WWW-Authenticate", "Bearer error=\"insufficient_scope\", scope=\"write\""));

        assertThat(scene.status(alice)).isEqualTo(403);
        assertThat(server.refreshRequests()).isZero();
    }

    @Test
    void offline_access_is_requested_where_the_server_lists_it_and_the_application_wants_it() throws Exception {
        server.scopesSupported("read");
        api.challengeScopes("read");
        assertThat(scopesOf(scene.start(scene.node(), "alice"))).containsExactly("read");

        scene.store.rows.clear();
        server.scopesSupported("read", "offline_access");
        assertThat(scopesOf(scene.start(scene.node(), "alice"))).containsExactly("offline_access", "read");
        assertThat(scopesOf(scene.start(scene.node(scene.builder().offlineAccess(false)), "alice")))
                .containsExactly("read");
    }

    // ---- Servers that move ----------------------------------------------------------------------------------------

    @Test
    void a_grant_that_has_expired_at_a_server_that_the_api_has_left_needs_a_login_at_the_new_one() throws Exception {
        ProtectedApis node = scene.node();
        Account alice = scene.signIn(node, "alice");
        FakeAuthorizationServer other = scene.newServer();
        api.moveTo(other);
        scene.time.pass(EXPIRED);

        LoginRequiredException e = scene.required(alice);

        assertThat(e.reason()).isEqualTo(LoginRequiredException.Reason.ISSUED_ELSEWHERE);
        assertThat(e.issuer()).contains(other.issuer());
        assertThat(server.refreshRequests()).isLessThanOrEqualTo(2);
    }

    @Test
    void a_server_that_the_api_has_left_and_that_is_gone_is_not_waited_for() throws Exception {
        ProtectedApis node = scene.node();
        Account alice = scene.signIn(node, "alice");
        FakeAuthorizationServer other = scene.newServer();
        api.moveTo(other);
        server.onEveryTokenRequest(Fault.status(503));
        scene.time.pass(EXPIRED);

        LoginRequiredException e = scene.required(alice);

        assertThat(e.reason()).isEqualTo(LoginRequiredException.Reason.ISSUED_ELSEWHERE);
        assertThat(e.issuer()).contains(other.issuer());
    }

    @Test
    void a_server_that_is_down_and_that_the_api_still_names_is_waited_for_without_a_storm() throws Exception {
        ProtectedApis node = scene.node();
        Account alice = scene.signIn(node, "alice");
        server.onEveryTokenRequest(Fault.status(503));
        scene.time.pass(EXPIRED);
        int before = api.metadataRequests();
        for (int i = 0; i < 20; i++) {
            assertThatThrownBy(() -> scene.status(alice)).isInstanceOf(AuthorizationServerException.class);
        }
        assertThat(api.metadataRequests() - before).isLessThanOrEqualTo(1);

        server.noFaults();
        scene.time.pass(Duration.ofMinutes(2));
        assertThat(scene.status(alice)).isEqualTo(200);
    }

    @Test
    void an_api_that_rejects_every_token_of_its_own_server_is_what_the_caller_sees() throws Exception {
        ProtectedApis node = scene.node();
        Account alice = scene.signIn(node, "alice");
        api.onRequest((request, answer) -> Answer.status(401).header("WWW-Authenticate", "Bearer"));

        for (int i = 0; i < 10; i++) {
            assertThat(scene.status(alice)).isEqualTo(401);
        }

        assertThat(server.refreshRequests()).isLessThanOrEqualTo(2);
        assertThat(api.metadataRequests()).isLessThanOrEqualTo(3);
    }

    // ---- Calls without tokens -------------------------------------------------------------------------------------

    @Test
    void a_401_of_an_api_that_is_protected_in_another_way_is_returned() throws Exception {
        api.metadataAtPath(false);
        for (String challenge : List.of("", "Basic realm=\"x\"", "Negotiate")) {
            api.challenge(header -> challenge);
            try (Response response = scene.call(scene.account(scene.node(), "alice"), api.url())) {
                assertThat(response.code()).isEqualTo(401);
                assertThat(response.body().string()).contains("unauthorized");
            }
        }
        assertThat(server.registrationRequests()).isZero();
    }

    @Test
    void other_answers_to_a_call_without_tokens_are_returned_and_ask_for_nothing() throws Exception {
        for (int status : List.of(200, 204, 400, 403, 404, 429, 500)) {
            api.onRequest((request, answer) -> Answer.status(status));
            assertThat(scene.status(scene.account(scene.node(), "alice"))).isEqualTo(status);
        }
        assertThat(api.metadataRequests()).isZero();
    }

    @Test
    void a_body_that_can_be_sent_once_is_sent_once_and_the_login_is_demanded() throws Exception {
        RequestBody once = new RequestBody() {
            private boolean sent;

            @Override
            public MediaType contentType() {
                return MediaType.get("text/plain");
            }

            @Override
            public boolean isOneShot() {
                return true;
            }

            @Override
            public void writeTo(BufferedSink sink) throws IOException {
                assertThat(sent).isFalse();
                sent = true;
                sink.writeUtf8("once");
            }
        };
        Account alice = scene.account(scene.node(), "alice");

        assertThatThrownBy(() -> alice.wrap(scene.http)
                        .newCall(new Request.Builder().url(api.url()).post(once).build())
                        .execute())
                .isInstanceOf(LoginRequiredException.class);
        assertThat(api.calls())
                .singleElement()
                .satisfies(call -> assertThat(call.text()).isEqualTo("once"));
    }

    @Test
    void what_an_api_says_to_a_call_without_tokens_is_not_what_it_says_to_a_user(@TempDir Path directory)
            throws Exception {
        OkHttpClient caching = scene.http
                .newBuilder()
                .cache(new Cache(directory.toFile(), 1_000_000))
                .build();
        api.onRequest((request, answer) -> Answer.json(
                        200, request.header("Authorization").isPresent() ? "\"user\"" : "\"nobody\"")
                .header("Cache-Control", "public, max-age=3600"));
        ProtectedApis node = scene.node();
        Account alice = scene.account(node, "alice");
        assertThat(body(alice, caching)).isEqualTo("\"nobody\"");
        assertThat(body(alice, caching)).isEqualTo("\"nobody\"");
        assertThat(api.requests()).isEqualTo(2);
        assertThat(api.calls())
                .allSatisfy(call -> assertThat(call.header("Authorization")).isEmpty());

        PendingLogin login = node.newLogin(alice).start();
        ((LoginResult.SignedIn) node.finishLogin(login, ApiScene.callback(server, login, "alice"))).keepAs("alice");

        assertThat(body(alice, caching)).isEqualTo("\"user\"");
        assertThat(body(scene.account(node, "bob"), caching)).isEqualTo("\"nobody\"");
    }

    private String body(Account account, OkHttpClient client) throws IOException {
        try (Response response = account.wrap(client)
                .newCall(new Request.Builder().url(api.url()).build())
                .execute()) {
            return response.body().string();
        }
    }

    // ---- No storms ------------------------------------------------------------------------------------------------

    @Test
    void metadata_that_cannot_be_had_are_asked_for_once_by_a_hundred_callers_and_again_after_a_while()
            throws Exception {
        api.onEveryMetadataRequest(Fault.status(503));
        ProtectedApis node = scene.node();
        List<Callable<Integer>> calls = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            int user = i;
            calls.add(() -> scene.status(scene.account(node, "user-" + user)));
        }

        assertThat(ApiScene.atOnce(calls)).hasSize(100).hasOnlyElementsOfType(AuthorizationServerException.class);
        int first = api.metadataRequests();
        assertThat(first).isLessThanOrEqualTo(2); // one for each place
        scene.time.pass(Duration.ofMinutes(2));
        ApiScene.atOnce(calls);
        assertThat(api.metadataRequests()).isLessThanOrEqualTo(2 * first);

        api.onEveryMetadataRequest(Fault.none());
        scene.time.pass(Duration.ofMinutes(10));
        assertThat(ApiScene.atOnce(calls)).hasOnlyElementsOfType(LoginRequiredException.class);
    }

    @Test
    void a_thousand_apis_of_one_server_are_answered_and_need_few_threads() throws Exception {
        long before = ApiScene.threads();
        List<FakeProtectedApi> all = new ArrayList<>();
        for (int i = 0; i < 1000; i++) {
            all.add(server.protectedApi("/api-" + i + "/mcp"));
        }
        ProtectedApis node = scene.node();
        List<Callable<Object>> callers = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            int caller = i;
            callers.add(() -> {
                for (int j = caller; j < 1000; j += 50) {
                    String url = all.get(j).url();
                    Account alice = node.account(url, "alice");
                    PendingLogin login = node.newLogin(alice)
                            .inResponseTo(scene.required(alice, url))
                            .start();
                    assertThat(login.attempt().discovered().api()).isEqualTo(url);
                }
                return "done";
            });
        }

        assertThat(ApiScene.atOnce(callers)).containsOnly("done");
        assertThat(ApiScene.threads() - before).isLessThan(100);
        assertThat(server.registrations()).isEqualTo(1);
    }

    @Test
    void three_hundred_servers_at_once_do_not_need_a_thread_each() throws Exception {
        long before = ApiScene.threads();
        ProtectedApis node = scene.node();
        List<Callable<Object>> callers = new ArrayList<>();
        for (int i = 0; i < 300; i++) {
            FakeAuthorizationServer tenant = server.tenant("tenant-" + i)
                    .dynamicRegistration(true)
                    .accessTokenLifetime(Duration.ofMinutes(10))
                    .time(scene.time.clock());
            String url = tenant.protectedApi("/mcp").url();
            callers.add(() -> scene.signIn(node, "alice", tenant, url));
        }
        List<Object> accounts = ApiScene.atOnce(callers);
        assertThat(accounts).hasOnlyElementsOfType(Account.class);
        scene.time.pass(EXPIRED);
        List<Callable<Object>> calls = new ArrayList<>();
        for (int i = 0; i < 300; i++) {
            String url = server.url() + "/tenant-" + i + "/mcp";
            Account account = (Account) accounts.get(i);
            calls.add(() -> scene.status(account, url));
        }

        assertThat(ApiScene.atOnce(calls)).containsOnly(200);
        // All of them hang in a burst like this one, and each kind of work has its own limit.
        assertThat(ApiScene.threads("grantkeeper-api-registrations")).isLessThanOrEqualTo(260);
        assertThat(ApiScene.threads("grantkeeper-")).isLessThanOrEqualTo(before + 520);
        for (int i = 0; i < 300; i++) {
            assertThat(server.tenant("tenant-" + i).registrations()).isEqualTo(1);
            assertThat(server.tenant("tenant-" + i).refreshRequests()).isEqualTo(1);
        }
    }

    @Test
    void a_hundred_thousand_urls_are_not_remembered_and_need_no_thread() {
        ProtectedApis node = scene.node();
        String first = "https://api.example/0";
        Registration before = node.account(first, "alice").registration();
        long threads = ApiScene.threads();
        for (int i = 1; i < 100_000; i++) {
            node.account("https://api.example/" + i, "alice");
            if (i == 9_999) {
                assertThat(node.account(first, "alice").registration()).isSameAs(before);
            }
        }

        assertThat(node.account(first, "alice").registration()).isNotSameAs(before);
        assertThat(node.account("https://api.example/99999", "alice").registration())
                .isSameAs(node.account("https://api.example/99999", "bob").registration());
        assertThat(ApiScene.threads() - threads).isLessThanOrEqualTo(2);
    }

    @Test
    void an_application_without_such_apis_has_no_thread_of_theirs() throws Exception {
        try (Scene without = new Scene()) {
            long before = ApiScene.threads();
            Set<Thread> others = Thread.getAllStackTraces().keySet(); // those of earlier tests may be about to end
            Grantkeeper node = without.node();
            Set<String> names = new TreeSet<>();
            without.status(without.signIn(node, "alice").wrap(without.http));
            Thread.getAllStackTraces().keySet().stream()
                    .filter(thread -> !others.contains(thread))
                    .forEach(thread -> names.add(thread.getName()));

            assertThat(names).noneMatch(name -> name.contains("registrations") || name.contains("grantkeeper-api"));
            assertThat(ApiScene.threads() - before).isLessThanOrEqualTo(8);
        }
    }

    // ---- The builder's own words ----------------------------------------------------------------------------------

    @Test
    void an_api_inside_the_network_is_called_only_if_its_host_is_allowed() throws Exception {
        try (MockWebServer inside = new MockWebServer()) {
            HandshakeCertificates certificates = certificates();
            inside.useHttps(certificates.sslSocketFactory());
            inside.start(InetAddress.getLoopbackAddress(), 0);
            inside.enqueue(new MockResponse.Builder().code(204).build());
            OkHttpClient http = scene.http
                    .newBuilder()
                    .sslSocketFactory(certificates.sslSocketFactory(), certificates.trustManager())
                    .build();
            String url = "https://localhost:" + inside.getPort() + "/mcp";

            assertThatThrownBy(() -> status(outside().build(), url, http))
                    .hasStackTraceContaining("InsideNetworkException")
                    .hasStackTraceContaining("allowInside");
            assertThat(inside.getRequestCount()).isZero();
            assertThat(status(outside().allowInside("localhost").build(), url, http))
                    .isEqualTo(204);
        }
    }

    private ProtectedApis.Builder outside() {
        return ProtectedApis.builder(ClientMetadata.named("Acme"))
                .tokenStore(scene.store)
                .allowPlaintextTokens();
    }

    private static int status(ProtectedApis node, String url, OkHttpClient http) throws IOException {
        try (node;
                Response response = node.account(url, "alice")
                        .wrap(http)
                        .newCall(new Request.Builder().url(url).build())
                        .execute()) {
            return response.code();
        }
    }

    private static HandshakeCertificates certificates() {
        HeldCertificate certificate = new HeldCertificate.Builder()
                .addSubjectAlternativeName("localhost")
                .build();
        return new HandshakeCertificates.Builder()
                .heldCertificate(certificate)
                .addTrustedCertificate(certificate.certificate())
                .build();
    }

    @Test
    void the_applications_own_tokens_are_for_the_scopes_of_the_builder() throws Exception {
        scene.server.client("machine", "machine-secret");
        ProtectedApis node = scene.node(scene.builder()
                .registered(scene.server.issuer(), "machine", "machine-secret")
                .applicationScopes("a", "b"));

        assertThat(scene.status(node.application(scene.api.url()))).isEqualTo(200);
        assertThat(scene.server.recordedTokenRequests())
                .singleElement()
                .satisfies(request -> assertThat(request.param("scope")).contains("a b"));
    }

    @Test
    void an_api_without_metadata_says_what_can_be_done_about_it() {
        scene.api.metadataAtPath(false).challengeNamesMetadata(false);

        assertThatThrownBy(() -> scene.status(scene.account(scene.node(), "alice")))
                .isInstanceOf(AuthorizationServerException.class)
                .hasMessageContaining("allowServersWithoutMetadata()");
    }

    // ---- Workload identity ----------------------------------------------------------------------------------------

    @Test
    void a_workload_exchanges_its_assertion_once_for_each_node_and_expiry() throws Exception {
        server.client("machine", "machine-secret");
        server.accessTokenLifetime(Duration.ofDays(1)); // of the assertion, which is one of this server here
        String assertion = server.issue("machine", "alice", "", api.url()).accessToken();
        server.accessTokenLifetime(Duration.ofMinutes(10));
        List<Account> workloads = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            workloads.add(scene.node(scene.builder().registered(server.issuer(), "machine", "machine-secret"))
                    .account(api.url(), TokenExchange.assertion(() -> assertion)));
        }
        List<Callable<Integer>> calls = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            Account workload = workloads.get(i % 50);
            calls.add(() -> scene.status(workload));
        }

        // Exchanges rest in the process: as many as there are nodes, and not as there are callers.
        for (int expiries = 1; expiries <= 2; expiries++) {
            server.resetCounters();
            assertThat(ApiScene.atOnce(calls)).containsOnly(200);
            assertThat(server.tokenRequests()).isEqualTo(50);
            assertThat(server.recordedTokenRequests())
                    .allSatisfy(request -> assertThat(request.resources()).containsExactly(api.url()));
            scene.time.pass(EXPIRED);
        }
    }
}
