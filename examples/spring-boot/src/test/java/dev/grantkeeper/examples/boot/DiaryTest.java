/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.boot;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.grantkeeper.Account;
import dev.grantkeeper.Grant;
import dev.grantkeeper.testkit.FakeAuthorizationServer;
import dev.grantkeeper.testkit.Fault;
import dev.grantkeeper.testkit.Held;
import dev.grantkeeper.testkit.RecordedRequest;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.springframework.scheduling.TaskScheduler;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.client.ResourceAccessException;

/** The application with the library's server, as browsers see it. */
@Timeout(300)
class DiaryTest {
    private static final int MANY = 20;

    private static FakeAuthorizationServer server;
    private static Instance app;

    private final Browser browser = new Browser();

    @BeforeAll
    static void start() {
        server = FakeAuthorizationServer.start();
        app = new Instance(server, Map.of(), Wrapping.class);
    }

    @AfterAll
    static void stop() {
        app.close();
        server.close();
    }

    @BeforeEach
    void reset() {
        server.resetCounters();
        server.accessTokenLifetime(Duration.ofHours(1));
    }

    @AfterEach
    void nothingGoesWrongAnyMore() {
        server.noFaults();
    }

    /** A user whom no other test knows. */
    private static String newUser(String name) {
        server.user(name, name, "Doe", name + "@example.org");
        return name;
    }

    private static Account account(String user) {
        return app.account("spotify", "spotify " + user);
    }

    private HttpResponse<String> fetch(String path) throws Exception {
        return browser.fetch(app.url() + path);
    }

    private HttpResponse<String> page(String path) throws Exception {
        return browser.page(app.url() + path);
    }

    private HttpResponse<String> post(String path) throws Exception {
        return browser.post(app.url() + path);
    }

    private void signIn(String user) throws Exception {
        assertThat(browser.signIn(app.url(), "spotify", server, user)).isEqualTo(app.url() + "/");
    }

    @Test
    void a_page_that_needs_a_login_goes_there_and_comes_back() throws Exception {
        HttpResponse<String> redirect = page("/recently-played");
        assertThat(redirect.statusCode()).isEqualTo(303);
        assertThat(Browser.target(redirect)).startsWith(server.authorizationEndpoint());

        String back = browser.approve(redirect, server, newUser("carol"));
        assertThat(back).startsWith(app.url() + "/recently-played");
        HttpResponse<String> played = browser.page(back);
        assertThat(played.statusCode()).isEqualTo(200);
        assertThat(played.body()).contains("Paper Lanterns");
        assertThat(server.tokenRequests()).isEqualTo(1);
    }

    @Test
    void a_script_that_needs_a_login_gets_an_answer_that_it_can_read() throws Exception {
        HttpResponse<String> answer = fetch("/recently-played");
        assertThat(answer.statusCode()).isEqualTo(401);
        assertThat(answer.headers().firstValue("Content-Type")).hasValue("application/problem+json");
        assertThat(answer.body()).contains("\"login\":\"/login/spotify\"", "\"reason\":\"SIGNED_OUT\"");
        assertThat(answer.headers().firstValue("Set-Cookie")).isEmpty();
    }

    @Test
    void the_second_registration_is_connected_for_the_same_user() throws Exception {
        signIn(newUser("dave"));
        assertThat(fetch("/connections").body()).isEqualTo("{\"acme\":\"NOT_CONNECTED\",\"spotify\":\"CONNECTED\"}");
        assertThat(fetch("/profile").body()).contains("\"reason\":\"NOT_CONNECTED\"", "\"login\":\"/login/acme\"");
        browser.signIn(app.url(), "acme", server, "dave");
        assertThat(fetch("/connections").body()).isEqualTo("{\"acme\":\"CONNECTED\",\"spotify\":\"CONNECTED\"}");
        assertThat(fetch("/profile").body()).contains("dave@example.org");
        assertThat(fetch("/recently-played").statusCode()).isEqualTo(200);
    }

    @Test
    void two_tabs_sign_in_at_once() throws Exception {
        newUser("erin");
        HttpResponse<String> one = post("/login/spotify");
        HttpResponse<String> other = post("/login/spotify");
        assertThat(browser.approve(one, server, "erin")).isEqualTo(app.url() + "/");
        assertThat(browser.approve(other, server, "erin")).isEqualTo(app.url() + "/");
    }

    @Test
    void a_sign_in_gets_a_session_id_of_its_own() throws Exception {
        HttpResponse<String> login = post("/login/spotify");
        String before = login.headers().firstValue("Set-Cookie").orElseThrow();
        assertThat(before).contains("HttpOnly", "SameSite=Lax");
        HttpResponse<String> callback = browser.page(server.approve(Browser.target(login), newUser("frank")));
        assertThat(callback.headers().firstValue("Set-Cookie").orElseThrow().split(";")[0])
                .isNotEqualTo(before.split(";")[0]);
        assertThat(callback.headers().firstValue("Referrer-Policy")).hasValue("no-referrer");
    }

    @Test
    void callbacks_of_strangers_and_refusals_lead_to_the_page() throws Exception {
        HttpResponse<String> login = post("/login/spotify");
        assertThat(Browser.target(page("/callback/spotify?code=x&state=y"))).endsWith("/?login=again");
        assertThat(Browser.target(new Browser().page(server.approve(Browser.target(login), "alice"))))
                .endsWith("/?login=again");
        assertThat(Browser.target(page("/callback/spotify"))).endsWith("/?login=again");
        assertThat(Browser.target(browser.page(server.refuse(Browser.target(login)))))
                .endsWith("/?login=declined");
        server.onNextTokenRequest(Fault.status(500));
        assertThat(Browser.target(browser.page(server.approve(Browser.target(post("/login/spotify")), "alice"))))
                .endsWith("/?login=unavailable");
        assertThat(page("/callback/nobody?code=x&state=y").statusCode()).isEqualTo(404);
        assertThat(fetch("/connections").body()).isEqualTo("{\"acme\":\"\",\"spotify\":\"\"}");
    }

    @Test
    void a_link_preview_uses_no_login_up() throws Exception {
        String callback = server.approve(Browser.target(post("/login/spotify")), newUser("grace"));
        HttpRequest.Builder head =
                HttpRequest.newBuilder(URI.create(callback)).method("HEAD", HttpRequest.BodyPublishers.noBody());
        assertThat(browser.send(head).statusCode()).isEqualTo(204);
        assertThat(Browser.target(browser.page(callback))).isEqualTo(app.url() + "/");
    }

    @Test
    void one_token_request_is_made_when_many_calls_find_the_token_expired() throws Exception {
        server.accessTokenLifetime(Duration.ofSeconds(1));
        signIn(newUser("heidi"));
        server.accessTokenLifetime(Duration.ofHours(1));
        Grant grant = account("heidi").grant().orElseThrow();
        await().until(() -> grant.accessTokenExpiresAt().orElseThrow().isBefore(Instant.now()));
        assertThat(browser.fetch(MANY, app.url() + "/recently-played"))
                .containsOnly(200)
                .hasSize(MANY);
        assertThat(server.refreshRequests()).isEqualTo(1);
    }

    @Test
    void a_rejected_token_is_replaced_once() throws Exception {
        signIn(newUser("ivan"));
        server.expireAccessTokens();
        assertThat(browser.fetch(MANY, app.url() + "/recently-played"))
                .containsOnly(200)
                .hasSize(MANY);
        assertThat(server.refreshRequests()).isEqualTo(1);
    }

    @Test
    void a_refused_grant_leads_to_the_login_and_not_round_in_circles() throws Exception {
        signIn(newUser("judy"));
        server.revokeConsent("judy");
        assertThat(fetch("/recently-played").body()).contains("\"reason\":\"REFUSED\"");
        assertThat(fetch("/connections").body()).contains("\"spotify\":\"REFUSED\"");

        HttpResponse<String> redirect = page("/recently-played");
        assertThat(Browser.target(redirect)).startsWith(server.authorizationEndpoint());
        String back = browser.approve(redirect, server, "judy");
        server.revokeConsent("judy");
        assertThat(browser.page(back).statusCode()).isEqualTo(401);
    }

    @Test
    void a_server_in_trouble_signs_nobody_out() throws Exception {
        signIn(newUser("kim"));
        server.expireAccessTokens();
        server.onEveryTokenRequest(Fault.retryAfter(503, "7"));
        HttpResponse<String> answer = page("/recently-played");
        assertThat(answer.statusCode()).isEqualTo(503);
        assertThat(answer.headers().firstValue("Retry-After").orElseThrow()).matches("[1-7]");
        assertThat(fetch("/connections").body()).contains("\"spotify\":\"CONNECTED\"");
    }

    @Test
    void an_api_in_trouble_is_a_bad_gateway() throws Exception {
        signIn(newUser("luis"));
        server.onNextApiRequest(Fault.status(500));
        assertThat(fetch("/recently-played").statusCode()).isEqualTo(502);
        assertThat(fetch("/recently-played").statusCode()).isEqualTo(200);
    }

    /** As {@code RestClient} does with what comes out of its HTTP client. */
    @RestController
    static class Wrapping {
        private final Apis apis;

        Wrapping(Apis apis) {
            this.apis = apis;
        }

        @GetMapping("/wrapped")
        String wrapped() {
            try {
                return apis.recentlyPlayed("nobody");
            } catch (IOException e) {
                throw new ResourceAccessException("Wrapped", e);
            }
        }
    }

    @Test
    void a_login_is_also_required_where_the_exception_is_a_cause() throws Exception {
        assertThat(fetch("/wrapped").body()).contains("\"reason\":\"NOT_CONNECTED\"");
    }

    @Test
    void a_disconnect_ends_the_grant_and_a_sign_out_the_session() throws Exception {
        signIn(newUser("leo"));
        post("/disconnect/spotify");
        assertThat(server.revocations()).isPositive();
        assertThat(fetch("/connections").body()).contains("\"spotify\":\"NOT_CONNECTED\"");

        signIn("leo");
        post("/sign-out");
        assertThat(fetch("/recently-played").body()).contains("\"reason\":\"SIGNED_OUT\"");
        assertThat(account("leo").grant()).isPresent();
    }

    @Test
    void the_import_goes_on_after_a_user_whose_grant_was_refused() throws Exception {
        for (String user : List.of("mia", "ned", "olga")) {
            new Browser().signIn(app.url(), "spotify", server, newUser(user));
        }
        server.revokeConsent("ned");
        double done = imports("done");
        double refused = imports("login_required");
        server.resetCounters();
        app.bean(Import.class).run();
        assertThat(imports("login_required")).isGreaterThan(refused);
        assertThat(imports("done")).isGreaterThanOrEqualTo(done + 2);
        assertThat(server.recordedApiRequests())
                .extracting(RecordedRequest::path)
                .containsOnly("/v1/me/player/recently-played");
    }

    private static double imports(String outcome) {
        return app.bean(MeterRegistry.class)
                .counter("diary.imports", "outcome", outcome)
                .count();
    }

    @Test
    void health_needs_no_authorization_server() throws Exception {
        signIn(newUser("pat"));
        server.expireAccessTokens();
        server.resetCounters();
        server.onEveryTokenRequest(Fault.status(500));
        HttpResponse<String> health = fetch("/actuator/health");
        assertThat(health.statusCode()).isEqualTo(200);
        assertThat(health.body()).contains("\"status\":\"UP\"");
        assertThat(server.tokenRequests() + server.metadataRequests() + server.apiRequests())
                .isZero();
    }

    private static String metric(String name, String event, String reason) {
        return app.url() + "/actuator/metrics/" + name + "?tag=provider:spotify&tag=event:" + event + "&tag=reason:"
                + reason;
    }

    @Test
    void metrics_have_names_and_units() throws Exception {
        signIn(newUser("quinn"));
        server.expireAccessTokens();
        fetch("/recently-played");
        assertThat(browser.fetch(metric("grantkeeper.event.duration", "REFRESHED", "rejected"))
                        .body())
                .contains("\"baseUnit\":\"seconds\"", "\"COUNT\"");
        assertThat(browser.fetch(metric("grantkeeper.events", "REFRESHED", "rejected"))
                        .body())
                .contains("\"COUNT\"");
        assertThat(browser.fetch(metric("grantkeeper.events", "SIGNED_IN", "none"))
                        .body())
                .contains("\"COUNT\"");
    }

    private static Counter events(Instance instance, String provider, String event, String reason) {
        return instance.bean(MeterRegistry.class)
                .get("grantkeeper.events")
                .tags("provider", provider, "event", event, "reason", reason)
                .counter();
    }

    @Test
    void alerts_on_a_single_event_find_its_counter_from_the_start_on() throws Exception {
        try (Instance fresh = new Instance(server, Map.of())) {
            for (String provider : List.of("spotify", "acme")) {
                assertThat(events(fresh, provider, "WRITE_PENDING", "none").count())
                        .isZero();
                assertThat(events(fresh, provider, "WRITE_COMPLETED", "none").count())
                        .isZero();
                assertThat(events(fresh, provider, "STORED_AGAIN", "none").count())
                        .isZero();
                assertThat(events(fresh, provider, "FAILED", "MISCONFIGURED").count())
                        .isZero();
            }
            browser.signIn(fresh.url(), "spotify", server, newUser("rudi"));
            server.expireAccessTokens();
            server.onEveryTokenRequest(Fault.error(401, "invalid_client"));
            browser.fetch(fresh.url() + "/recently-played");
            assertThat(events(fresh, "spotify", "FAILED", "MISCONFIGURED").count())
                    .isPositive();
            assertThat(events(fresh, "acme", "FAILED", "MISCONFIGURED").count()).isZero();
        }
    }

    @Test
    void a_call_is_answered_while_the_application_stops() throws Exception {
        stopsAfter(newUser("rosa"), (leaving, threads) -> {
            Future<HttpResponse<String>> call = threads.submit(() -> browser.fetch(leaving.url() + "/recently-played"));
            return () -> assertThat(call.get(20, SECONDS).statusCode()).isEqualTo(200);
        });
    }

    @Test
    void the_import_ends_before_the_application_does() throws Exception {
        stopsAfter(newUser("stan"), (leaving, threads) -> {
            Counter done = leaving.bean(MeterRegistry.class).counter("diary.imports", "outcome", "done");
            Import job = leaving.bean(Import.class);
            Future<?> run = leaving.bean(TaskScheduler.class).schedule(() -> unchecked(job), Instant.now());
            return () -> {
                run.get(20, SECONDS);
                assertThat(done.count()).isEqualTo(1);
            };
        });
    }

    private static void unchecked(Import job) {
        try {
            job.run();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Something that needs new tokens, and what has to be seen of it in the end. */
    private interface Work {
        Check begin(Instance leaving, ExecutorService threads);
    }

    private interface Check {
        void run() throws Exception;
    }

    private void stopsAfter(String user, Work work) throws Exception {
        Instance leaving = new Instance(server, Map.of());
        ExecutorService threads = Executors.newFixedThreadPool(2);
        try {
            browser.signIn(leaving.url(), "spotify", server, user);
            server.expireAccessTokens();
            Held held = server.hold();
            Check check = work.begin(leaving, threads);
            held.awaitArrived(1);
            Future<?> stopped = threads.submit(leaving::close);
            await().until(() -> !accepts(leaving));
            assertThat(stopped.isDone()).isFalse();
            held.release();
            check.run();
            stopped.get(20, SECONDS);
        } finally {
            threads.shutdownNow();
            leaving.close();
        }
    }

    private static boolean accepts(Instance instance) throws IOException {
        URI url = URI.create(instance.url());
        try (Socket socket = new Socket(url.getHost(), url.getPort())) {
            return socket.isConnected();
        } catch (ConnectException e) {
            return false;
        }
    }
}
