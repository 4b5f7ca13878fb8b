/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.office;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import com.fasterxml.jackson.databind.JsonNode;
import dev.grantkeeper.examples.office.handover.HandOver;
import dev.grantkeeper.examples.spotify.SealingSecret;
import dev.grantkeeper.testkit.Answer;
import dev.grantkeeper.testkit.FakeAuthorizationServer;
import dev.grantkeeper.testkit.Fault;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class AddInTest {
    @TempDir
    Path directory;

    private final MovingTime time = new MovingTime();
    private final OkHttpClient http = new OkHttpClient();
    private final List<PaneClient> panes = new ArrayList<>();
    private FakeAuthorizationServer server;
    private Setup setup;
    private AddIn addIn;
    private PaneClient alice;

    @BeforeEach
    void start() throws Exception {
        server = FakeAuthorizationServer.start().time(time);
        Path database = directory.resolve("test");
        Setup.Here here = Setup.Here.http(Story.freePort());
        setup = Setup.demo(server, Duration.ofHours(1), here, database, SealingSecret.find(database));
        addIn = new AddIn(setup, time, time::ticks);
        alice = pane();
    }

    @AfterEach
    void stop() {
        panes.forEach(PaneClient::close);
        addIn.close();
        server.close();
    }

    /** A pane in a browser of its own, with its cookie and its socket. */
    private PaneClient pane() throws Exception {
        PaneClient pane = new PaneClient(setup.here().origin(), http);
        panes.add(pane);
        pane.open();
        pane.connect();
        return pane;
    }

    private void restart() throws Exception {
        addIn.close();
        addIn = new AddIn(setup, time, time::ticks);
    }

    private long rows(String table) throws Exception {
        try (Connection connection = DriverManager.getConnection(
                        "jdbc:h2:file:" + setup.database().toAbsolutePath() + ";WRITE_DELAY=0;DB_CLOSE_ON_EXIT=FALSE");
                Statement statement = connection.createStatement();
                ResultSet found = statement.executeQuery("select count(*) from " + table)) {
            found.next();
            return found.getLong(1);
        }
    }

    private void assertNothingIsStored() throws Exception {
        assertThat(rows("grantkeeper_tokens")).isZero();
        assertThat(rows("office_user")).isZero();
        assertThat(rows("office_session")).isZero();
    }

    /** The pop-up of an attempt, up to where it has something for the pane. */
    private JsonNode granted(PaneClient popUp, PaneClient.Attempt attempt, String user) throws IOException {
        JsonNode message =
                popUp.answer(popUp.openDialog(attempt), "accept", user).message();
        assertThat(message.path("status").asText()).isEqualTo("granted");
        return message;
    }

    // ---- The story -----------------------------------------------------------------------------------------------

    @Test
    void signingInWritesTheUsersRecordAndTellsThePane() throws Exception {
        alice.signIn("alice");
        JsonNode state = alice.state();
        alice.hear("ready");
        JsonNode user = state.path("user");
        assertThat(user.path("name").asText()).isEqualTo("Alice Archer");
        assertThat(user.path("givenName").asText()).isEqualTo("Alice");
        assertThat(user.path("familyName").asText()).isEqualTo("Archer");
        assertThat(user.path("uniqueName").asText()).isEqualTo("alice@contoso.example");
        assertThat(user.path("version").asText()).isEqualTo("2.0");
        assertThat(user.path("id").asText()).isEqualTo(server.issuer() + " alice");
        assertThat(user.path("tid").asText()).isEqualTo(Setup.DEMO_TENANT);
        assertThat(user.path("oid").asText()).hasSize(36);
        assertThat(state.at("/grant/accessTokenExpiresAt").asLong())
                .isEqualTo(time.instant().plus(Duration.ofHours(1)).toEpochMilli());
        assertThat(state.at("/grant/refreshTokenExpiresAt").asLong())
                .isEqualTo(time.instant().plus(Duration.ofDays(90)).toEpochMilli());
        assertThat(rows("grantkeeper_tokens")).isEqualTo(1);
    }

    @Test
    void sessionAndSocketTravelWithTheLoginAndNotInItsAddress() throws Exception {
        PaneClient.Attempt attempt = alice.begin();
        String address = alice.openDialog(attempt);
        String session = alice.cookie().split("\\.")[2];
        assertThat(address).doesNotContain(attempt.tx(), attempt.secret(), session);
        assertThat(address)
                .contains("redirect_uri="
                        + setup.here().redirectUri().replace(":", "%3A").replace("/", "%2F"));
        alice.answer(address, "refuse", "alice");
        assertThat(alice.hear("attempt").path("tx").asText()).isEqualTo(attempt.tx());
    }

    @Test
    void aSecondUserSeesNothingOfTheFirst() throws Exception {
        PaneClient bob = pane();
        alice.signIn("alice");
        assertThat(bob.state().has("user")).isFalse();
        assertThat(bob.get("/api/graph/me").status()).isEqualTo(401);
        bob.signIn("bob");
        assertThat(bob.state().at("/user/name").asText()).isEqualTo("Bob Baker");
        assertThat(bob.get("/api/graph/me").body()).contains("bob@contoso.example");
        assertThat(alice.state().at("/user/name").asText()).isEqualTo("Alice Archer");
        assertThat(alice.get("/api/graph/me").body()).contains("alice@contoso.example");
        assertThat(bob.everythingSeen()).doesNotContain("Archer", "alice");
        assertThat(alice.everythingSeen()).doesNotContain("Baker", "bob");
    }

    @Test
    void aRefusalIsToldByThePopUpAndByTheSocket() throws Exception {
        PaneClient.Attempt attempt = alice.begin();
        PaneClient.Page page = alice.answer(alice.openDialog(attempt), "refuse", "alice");
        assertThat(page.message().path("status").asText()).isEqualTo("declined");
        assertThat(page.message().has("token")).isFalse();
        assertThat(alice.hear("attempt").path("status").asText()).isEqualTo("declined");
        assertThat(server.tokenRequests()).isZero();
        assertNothingIsStored();
    }

    @Test
    void theUserStaysSignedInWhenTheServerRestarts() throws Exception {
        alice.signIn("alice");
        alice.state();
        restart();
        assertThat(alice.state().at("/user/name").asText()).isEqualTo("Alice Archer");
        time.pass(Duration.ofHours(2));
        assertThat(alice.get("/api/graph/me").status()).isEqualTo(200);
        assertThat(server.codeRequests()).isEqualTo(1);
    }

    @Test
    void aSignInThatARestartInterruptsIsBegunAgain() throws Exception {
        PaneClient.Attempt attempt = alice.begin();
        String loginPage = alice.openDialog(attempt);
        restart();
        alice.connect();
        assertThat(alice.answer(loginPage, "accept", "alice")
                        .message()
                        .path("status")
                        .asText())
                .isEqualTo("strange");
        assertNothingIsStored();
        assertThat(server.revocations()).isPositive();
        alice.signIn("alice");
    }

    @Test
    void anExpiredTokenIsRefreshedOnceForAllCalls() throws Exception {
        alice.signIn("alice");
        alice.state();
        time.pass(Duration.ofHours(2));
        ExecutorService threads = Executors.newFixedThreadPool(10);
        try {
            Callable<Integer> call = () -> alice.get("/api/graph/me").status();
            for (Future<Integer> status : threads.invokeAll(Collections.nCopies(20, call))) {
                assertThat(status.get()).isEqualTo(200);
            }
        } finally {
            threads.shutdownNow();
        }
        assertThat(server.refreshRequests()).isEqualTo(1);
    }

    @Test
    void allPanesOfABrowserAreTold() throws Exception {
        PaneClient other = alice.another();
        panes.add(other);
        other.connect();
        alice.signIn("alice");
        assertThat(other.hasHeardNothing())
                .as("told before the browser can ask")
                .isTrue();
        alice.state();
        other.hear("ready");
        assertThat(other.state().at("/user/name").asText()).isEqualTo("Alice Archer");
        alice.post("/api/sign-out", Map.of());
        other.hear("signed-out");
        assertThat(other.state().has("user")).isFalse();
    }

    @Test
    void aPaneWhoseSocketWasLostFindsTheStateWhenItIsBack() throws Exception {
        PaneClient.Attempt attempt = alice.begin();
        String loginPage = alice.openDialog(attempt);
        alice.disconnect();
        JsonNode message = alice.answer(loginPage, "accept", "alice").message();
        assertThat(alice.handOver(
                                attempt.tx(),
                                attempt.secret(),
                                message.path("token").asText())
                        .status())
                .isEqualTo(204);
        alice.connect();
        assertThat(alice.state().at("/user/name").asText()).isEqualTo("Alice Archer");
    }

    @Test
    void aSignInWithoutASocketDoesNotBegin() throws Exception {
        PaneClient bob = pane();
        JsonNode socket =
                alice.post("/api/sign-in", Map.of("socket", "made up")).json();
        assertThat(socket.path("problem").asText()).isEqualTo("no-socket");
        bob.disconnect();
    }

    @Test
    void aSessionThatHasEndedIsToldFromOneThatWasNeverThere() throws Exception {
        alice.signIn("alice");
        time.pass(Duration.ofDays(31));
        assertThat(alice.get("/api/state").status()).isEqualTo(401);
        assertThat(alice.get("/api/graph/me").json().path("problem").asText()).isEqualTo("no-session");
        alice.open();
        assertThat(alice.state().has("user")).isFalse();
    }

    @Test
    void aSignInThatOutlivesItsSessionIsThrownAway() throws Exception {
        time.pass(Database.SESSION_LIVES.minusSeconds(30));
        PaneClient.Attempt attempt = alice.begin();
        JsonNode message = granted(alice, attempt, "alice");
        time.pass(Duration.ofSeconds(60));
        assertThat(alice.handOver(
                                attempt.tx(),
                                attempt.secret(),
                                message.path("token").asText())
                        .json()
                        .path("problem")
                        .asText())
                .isEqualTo("no-session");
        time.pass(HandOver.TO_CLAIM);
        addIn.sweep();
        assertNothingIsStored();
        assertThat(server.revocations()).isPositive();
    }

    @Test
    void theSessionCookieIsTheOnlyOne() throws Exception {
        alice.signIn("alice");
        assertThat(alice.state().has("user")).isTrue();
        assertThat(alice.cookie()).matches("pane=v1\\.[^;]*");
    }

    @Test
    void signingInChangesTheSession() throws Exception {
        String before = alice.cookie();
        alice.signIn("alice");
        assertThat(alice.cookie()).isNotEqualTo(before);
        Request old = new Request.Builder()
                .url(setup.here().origin() + "/api/state")
                .header(AddIn.PANE_HEADER, "1")
                .header("Cookie", before)
                .build();
        assertThat(new PaneClient(setup.here().origin(), http).send(old).json().has("user"))
                .isFalse();
    }

    @Test
    void signingOutEndsTheSessionsInAllBrowsers() throws Exception {
        PaneClient elsewhere = pane();
        alice.signIn("alice");
        elsewhere.signIn("alice");
        assertThat(rows("office_user")).isEqualTo(1);
        assertThat(alice.post("/api/sign-out", Map.of()).status()).isEqualTo(204);
        assertThat(elsewhere.state().has("user")).isFalse();
        assertThat(elsewhere.get("/api/graph/me").status()).isEqualTo(401);
        assertThat(rows("grantkeeper_tokens")).isZero();
        assertThat(server.revocations()).isPositive();
    }

    @Test
    void withdrawnConsentAsksTheUserToSignInAgain() throws Exception {
        alice.signIn("alice");
        server.revokeConsent("alice");
        PaneClient.Page answer = alice.get("/api/graph/me");
        assertThat(answer.status()).isEqualTo(401);
        assertThat(answer.json().path("problem").asText()).isEqualTo("login-required");
        assertThat(alice.state().at("/grant/loginRequired").asText()).isEqualTo("REFUSED");
        alice.signIn("alice");
        assertThat(alice.get("/api/graph/me").status()).isEqualTo(200);
    }

    @Test
    void aProviderThatIsDownIsAFriendlyPage() throws Exception {
        server.onEveryTokenRequest(Fault.status(500));
        PaneClient.Attempt attempt = alice.begin();
        assertThat(alice.answer(alice.openDialog(attempt), "accept", "alice")
                        .message()
                        .path("status")
                        .asText())
                .isEqualTo("unavailable");
        JsonNode told = alice.hear("attempt");
        assertThat(told.path("tx").asText()).isEqualTo(attempt.tx());
        assertThat(told.path("status").asText()).isEqualTo("unavailable");
        server.noFaults();
        alice.signIn("alice");
    }

    @Test
    void attemptsThatAreGivenUpDoNotFillTheBrowsersCookies() throws Exception {
        PaneClient.Attempt attempt = alice.begin();
        String address = alice.openDialog(attempt);
        for (int i = 0; i < 3; i++) {
            alice.openDialog(alice.begin());
        }
        assertThat(alice.answer(address, "accept", "alice").message().path("tx").asText())
                .as("a few may be open at once")
                .isEqualTo(attempt.tx());
        for (int i = 0; i < 50; i++) {
            alice.openDialog(alice.begin());
            assertThat(alice.popUpCookies()).hasSizeLessThan(4096);
        }
        alice.signIn("alice");
    }

    // ---- The hand-over -------------------------------------------------------------------------------------------

    @Test
    void aMailedLinkGainsNothing() throws Exception {
        PaneClient victim = pane();
        PaneClient.Attempt attempt = alice.begin();
        JsonNode message = granted(victim, attempt, "bob");
        // The attacker has the secret and not the token, the victim's browser the token and not the secret.
        assertThat(alice.handOver(attempt.tx(), attempt.secret(), "A".repeat(43))
                        .status())
                .isEqualTo(409);
        assertThat(victim.handOver(
                                attempt.tx(),
                                "A".repeat(43),
                                message.path("token").asText())
                        .status())
                .isEqualTo(409);
        assertThat(alice.state().has("user")).isFalse();
        assertThat(victim.state().has("user")).isFalse();
        assertNothingIsStored();
        assertThat(server.revocations()).isPositive();
        assertThat(server.familiesRevoked()).isEqualTo(1);
    }

    @Test
    void aMailedLinkThatNobodyClaimsIsThrownAwayAfterTwoMinutes() throws Exception {
        PaneClient victim = pane();
        granted(victim, alice.begin(), "bob");
        time.pass(HandOver.TO_CLAIM);
        addIn.sweep();
        assertNothingIsStored();
        assertThat(server.familiesRevoked()).isEqualTo(1);
    }

    @Test
    void aLinkFollowedFromAnotherSiteOpensNothing() throws Exception {
        PaneClient.Attempt attempt = alice.begin();
        Request followed = new Request.Builder()
                .url(setup.here().origin() + attempt.dialog())
                .header("Sec-Fetch-Site", "cross-site")
                .build();
        PaneClient.Page page = alice.send(followed);
        assertThat(page.status()).isEqualTo(200);
        assertThat(page.message().path("status").asText()).isEqualTo("strange");
        assertThat(alice.openDialog(attempt)).startsWith(server.authorizationEndpoint());
    }

    @Test
    void officeMayOpenItsDialogFromItsOwnSite() throws Exception {
        PaneClient.Attempt attempt = alice.begin();
        Request opened = new Request.Builder()
                .url(setup.here().origin() + attempt.dialog() + "&in=office")
                .header("Sec-Fetch-Site", "cross-site")
                .build();
        assertThat(alice.send(opened).next()).startsWith(server.authorizationEndpoint());
    }

    @Test
    void thePopUpOpensOnce() throws Exception {
        PaneClient.Attempt attempt = alice.begin();
        alice.openDialog(attempt);
        assertThat(alice.dialog(attempt.dialog()).message().path("status").asText())
                .isEqualTo("strange");
    }

    @ParameterizedTest
    @ValueSource(strings = {"secret", "token", "both", "late"})
    void aHandOverThatIsNotRightStoresNothingAndCannotBeRepeated(String wrong) throws Exception {
        PaneClient.Attempt attempt = alice.begin();
        String token = granted(alice, attempt, "alice").path("token").asText();
        String other = "B".repeat(43);
        if (wrong.equals("late")) {
            time.pass(HandOver.TO_CLAIM);
        }
        PaneClient.Page answer = alice.handOver(
                attempt.tx(),
                wrong.equals("secret") || wrong.equals("both") ? other : attempt.secret(),
                wrong.equals("token") || wrong.equals("both") ? other : token);
        assertThat(answer.status()).isEqualTo(409);
        assertThat(alice.handOver(attempt.tx(), attempt.secret(), token).status())
                .isEqualTo(409);
        assertThat(alice.state().has("user")).isFalse();
        assertNothingIsStored();
        assertThat(server.familiesRevoked()).isEqualTo(1);
    }

    @Test
    void aHandOverWorksOnce() throws Exception {
        PaneClient.Attempt attempt = alice.begin();
        String token = granted(alice, attempt, "alice").path("token").asText();
        assertThat(alice.handOver(attempt.tx(), attempt.secret(), token).status())
                .isEqualTo(204);
        assertThat(alice.handOver(attempt.tx(), attempt.secret(), token).status())
                .isEqualTo(409);
        assertThat(alice.state().at("/user/name").asText()).isEqualTo("Alice Archer");
        assertThat(server.revocations()).isZero();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "{", "[]", "null", "{\"tx\":{}}", "{\"tx\":1,\"secret\":[],\"token\":null}", "\u0000"})
    void junkIsNotClaimed(String body) throws Exception {
        Request request = alice.request("/api/hand-over")
                .post(RequestBody.create(body.getBytes(StandardCharsets.UTF_8)))
                .build();
        assertThat(alice.send(request).status()).isIn(400, 409);
    }

    @Test
    void aCallbackInAnotherBrowserIsIgnored() throws Exception {
        PaneClient other = pane();
        String callback = server.approve(alice.openDialog(alice.begin()), "alice");
        assertThat(other.callback(callback).message().path("status").asText()).isEqualTo("strange");
        assertThat(server.tokenRequests()).isZero();
        assertThat(alice.callback(callback).message().path("status").asText()).isEqualTo("granted");
        assertThat(alice.callback(callback).message().path("status").asText()).isEqualTo("strange");
        assertThat(server.codeRequests()).isEqualTo(1);
    }

    @Test
    void thePanesOwnCookieAuthorisesNoCallback() throws Exception {
        String callback = server.approve(alice.openDialog(alice.begin()), "alice");
        assertThat(alice.send(new Request.Builder().url(callback).build())
                        .message()
                        .path("status")
                        .asText())
                .isEqualTo("strange");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "?code=x",
                "?state=x",
                "?code=x&state=x",
                "?code=a&code=b&state=x",
                "?error=access_denied&error_description=%3Cscript%3Ealert(1)%3C/script%3E&state=x",
                "?code=%00%0d%0a&state=%ff",
                "?&&&===%26"
            })
    void junkCallbacksAreAFriendlyPage(String query) throws IOException {
        PaneClient.Page page = alice.callback(setup.here().redirectUri() + query);
        assertThat(page.status()).isIn(200, 400);
        if (page.status() == 200) {
            assertThat(page.message().path("status").asText()).isEqualTo("strange");
            assertThat(page.body()).doesNotContain("alert", "access_denied");
        }
        assertThat(server.tokenRequests()).isZero();
    }

    // ---- Who may ask ---------------------------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(strings = {"/api/sign-in", "/api/hand-over", "/api/sign-out", "/api/graph/me", "/api/demo/expire"})
    void otherSitesCanDoNothing(String path) throws Exception {
        alice.signIn("alice");
        int calls = server.apiRequests();
        Request.Builder post =
                new Request.Builder().url(setup.here().origin() + path).post(RequestBody.EMPTY);
        assertThat(alice.send(post.build()).status()).as("without the header").isEqualTo(403);
        post.header(AddIn.PANE_HEADER, "1");
        for (String origin : List.of("https://evil.example", "null", "http://localhost:1")) {
            assertThat(alice.send(post.header("Origin", origin).build()).status())
                    .isEqualTo(403);
        }
        post.header("Origin", setup.here().origin()).header("Sec-Fetch-Site", "same-site");
        assertThat(alice.send(post.build()).status())
                .as("another port of this machine")
                .isEqualTo(403);
        assertThat(server.apiRequests()).isEqualTo(calls);
        assertThat(alice.state().at("/user/name").asText()).isEqualTo("Alice Archer");
    }

    @Test
    void readingNeedsTheHeaderToo() throws Exception {
        alice.signIn("alice");
        for (String path : List.of("/api/state", "/api/graph/me")) {
            Request plain =
                    new Request.Builder().url(setup.here().origin() + path).build();
            assertThat(alice.send(plain).status()).isEqualTo(403);
        }
    }

    @Test
    void nobodyWithoutACookieGetsAnything() throws Exception {
        PaneClient nobody = new PaneClient(setup.here().origin(), http);
        for (String path : List.of("/api/state", "/api/graph/me")) {
            assertThat(nobody.get(path).json().path("problem").asText()).isEqualTo("no-session");
        }
        assertThat(nobody.post("/api/sign-in", Map.of("socket", "x")).status()).isEqualTo(401);
        assertThatIOException().isThrownBy(nobody::connect).withMessageContaining("401");
    }

    @Test
    void otherSitesOpenNoSocket() throws Exception {
        for (String origin : List.of("https://evil.example", "null", "http://localhost:1")) {
            Request upgrade = new Request.Builder()
                    .url(setup.here().origin() + "/socket")
                    .header("Cookie", alice.cookie())
                    .header("Origin", origin)
                    .header("Connection", "Upgrade")
                    .header("Upgrade", "websocket")
                    .header("Sec-WebSocket-Version", "13")
                    .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
                    .build();
            assertThat(alice.send(upgrade).status()).isEqualTo(403);
        }
    }

    @Test
    void otherNamesOfThisMachineAreNotServed() throws Exception {
        Request rebound = new Request.Builder()
                .url(setup.here().origin() + "/api/state")
                .header("Host", "evil.example:" + setup.here().port())
                .build();
        assertThat(alice.send(rebound).status()).isEqualTo(421);
    }

    // ---- The proxy -----------------------------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(
            strings = {
                "users",
                "me/messages",
                "me/../users",
                "me%2F..%2Fusers",
                "%2e%2e/v2/me",
                "..%2f..%2fuserinfo",
                "https://evil.example/me",
                "/evil.example/me",
                "@evil.example/me",
                "me;x",
                "ME",
                "me%00"
            })
    void onlyTheCallsOnTheListAreMade(String path) throws Exception {
        alice.signIn("alice");
        Request request = alice.request("/api/graph/me").build();
        URI uri = URI.create(setup.here().origin() + "/api/graph/" + path.replace("@", "%40"));
        assertThat(alice.send(request.newBuilder().url(uri.toString()).build()).status())
                .isIn(400, 404);
        assertThat(server.apiRequests()).isZero();
    }

    @ParameterizedTest
    @ValueSource(strings = {"POST", "PUT", "PATCH", "DELETE"})
    void onlyTheMethodsOnTheListAreForwarded(String method) throws Exception {
        alice.signIn("alice");
        assertThat(alice.send(alice.request("/api/graph/me")
                                .method(method, RequestBody.EMPTY)
                                .build())
                        .status())
                .isEqualTo(405);
        assertThat(server.apiRequests()).isZero();
    }

    @Test
    void nothingOfTheRequestGoesOutButWhatShould() throws Exception {
        alice.signIn("alice");
        Request request = alice.request("/api/graph/me?$select=displayName")
                .header("X-Forwarded-Host", "evil.example")
                .header("Authorization", "Bearer mine")
                .build();
        assertThat(alice.send(request).status()).isEqualTo(200);
        var received = server.recordedApiRequests().get(0);
        assertThat(received.path()).isEqualTo("/api/v1.0/me");
        assertThat(received.query()).isEqualTo("$select=displayName");
        assertThat(received.header("Cookie")).isEmpty();
        assertThat(received.header("Origin")).isEmpty();
        assertThat(received.header("X-Forwarded-Host")).isEmpty();
        assertThat(received.header(AddIn.PANE_HEADER)).isEmpty();
        assertThat(received.header("Authorization").orElseThrow()).doesNotContain("mine");
    }

    @Test
    void aHeaderDoesNotMakeAnotherMethodOfIt() throws Exception {
        alice.signIn("alice");
        alice.send(alice.request("/api/graph/me")
                .header("X-HTTP-Method-Override", "DELETE")
                .build());
        alice.send(alice.request("/api/graph/me")
                .header("X-HTTP-Method-Override", "GET")
                .delete()
                .build());
        assertThat(server.recordedApiRequests())
                .allMatch(received -> received.method().equals("GET"));
    }

    @Test
    void bodiesAreForwardedUpToALimit() throws Exception {
        alice.signIn("alice");
        assertThat(alice.post("/api/graph/me/checkMemberGroups", Map.of("groupIds", List.of()))
                        .json()
                        .path("bodyLength")
                        .asInt())
                .isPositive();
        int before = server.apiRequests();
        PaneClient.Page refused =
                alice.post("/api/graph/me/checkMemberGroups", Map.of("x", "x".repeat(GraphProxy.MOST_SENT)));
        assertThat(refused.status()).isEqualTo(413);
        assertThat(alice.get("/api/graph/me?" + "x".repeat(600)).status()).isEqualTo(413);
        assertThat(server.apiRequests()).isEqualTo(before);
    }

    @Test
    void theAnswersCookiesAndHeadersStayBehind() throws Exception {
        alice.signIn("alice");
        server.onApiRequest((request, answer) -> answer.header("Set-Cookie", "pane=stolen; Path=/")
                .header("Content-Security-Policy", "default-src *")
                .header("Access-Control-Allow-Origin", "*")
                .header("Retry-After", "7")
                .withoutHeader("Content-Type")
                .header("Content-Type", "text/html")
                .body("<script>alert(1)</script>"));
        PaneClient.Page page = alice.get("/api/graph/me");
        assertThat(page.headers().values("Set-Cookie")).isEmpty();
        assertThat(page.headers().get("Access-Control-Allow-Origin")).isNull();
        assertThat(page.headers().get("Content-Security-Policy")).contains("default-src 'none'");
        assertThat(page.headers().get("Content-Type")).isEqualTo("application/octet-stream");
        assertThat(page.headers().get("X-Content-Type-Options")).isEqualTo("nosniff");
        assertThat(page.headers().get("Retry-After")).isEqualTo("7");
    }

    @Test
    void redirectsAndTooLongAnswersAreNotPassedOn() throws Exception {
        alice.signIn("alice");
        try (FakeAuthorizationServer evil = FakeAuthorizationServer.start()) {
            server.onApiRequest((request, answer) -> Answer.redirect(evil.apiUrl("/api/me")));
            assertThat(alice.get("/api/graph/me").status()).isEqualTo(502);
            assertThat(evil.apiRequests()).isZero();
        }
        server.onApiRequest((request, answer) -> answer.body("x".repeat(GraphProxy.MOST_RECEIVED + 1)));
        assertThat(alice.get("/api/graph/me").json().path("problem").asText()).isEqualTo("too-large");
        server.onApiRequest((request, answer) -> answer.body("x".repeat(GraphProxy.MOST_RECEIVED)));
        assertThat(alice.get("/api/graph/me").status()).isEqualTo(200);
    }

    // ---- Pages ---------------------------------------------------------------------------------------------------

    @Test
    void thePaneMayBeFramedByOfficeAndThePopUpByNobody() throws Exception {
        assertThat(alice.open().headers().get("Content-Security-Policy"))
                .contains("default-src 'none'", "frame-ancestors 'self' https://*.officeapps.live.com")
                .doesNotContain("unsafe");
        for (PaneClient.Page page : List.of(
                alice.dialog("/done"),
                alice.dialog("/dialog"),
                alice.dialog("/continue.html"),
                alice.callback(setup.here().redirectUri() + "?code=x&state=y"))) {
            assertThat(page.headers().get("Content-Security-Policy"))
                    .contains("frame-ancestors 'none'")
                    .doesNotContain("unsafe");
            assertThat(page.headers().get("Referrer-Policy")).isEqualTo("no-referrer");
            assertThat(page.headers().get("Cache-Control")).isEqualTo("no-store");
            assertThat(page.body()).doesNotContain("<script>", " onclick=", "style=");
        }
    }

    @Test
    void theMessageToThePaneHasNoTokenOfOAuth() throws Exception {
        JsonNode message = granted(alice, alice.begin(), "alice");
        List<String> names = new ArrayList<>();
        message.fieldNames().forEachRemaining(names::add);
        assertThat(names).containsExactlyInAnyOrder("status", "tx", "token");
        assertThat(server.accepts(message.path("token").asText())).isFalse();
    }

    @Test
    void scriptsAddressTheirOwnOriginOnly() throws Exception {
        for (String script : List.of("/pane.js", "/done.js", "/continue.js")) {
            PaneClient.Page page = alice.get(script);
            assertThat(page.status()).isEqualTo(200);
            assertThat(page.body()).doesNotContain("'*'", "\"*\"", "innerHTML", "localStorage", "eval(");
        }
    }
}
