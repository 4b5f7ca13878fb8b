/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.spotify;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.grantkeeper.testkit.FakeAuthorizationServer;
import dev.grantkeeper.testkit.Fault;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import okhttp3.HttpUrl;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class WebAppTest {
    @TempDir
    Path directory;

    private FakeAuthorizationServer server;
    private Setup setup;
    private WebApp app;
    private Browser browser;

    @BeforeEach
    void start() throws IOException {
        server = FakeAuthorizationServer.start();
        Path database = directory.resolve("test");
        setup = Setup.demo(server, Duration.ofHours(1), Story.freePort(), database, SealingSecret.find(database));
        server.latency(Duration.ZERO);
        app = new WebApp(setup, () -> {});
        browser = new Browser(setup.origin());
    }

    @AfterEach
    void stop() {
        app.close();
        server.close();
    }

    private void signIn(Browser who, String user) throws IOException {
        assertThat(who.answer(who.connect(), "accept", user)).isEqualTo("/");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "?",
                "?code=x",
                "?state=x",
                "?code=x&state=x",
                "?code=a&code=b&state=x",
                "?error=access_denied",
                "?error=access_denied&error_description=%3Cscript%3Ealert(1)%3C/script%3E&state=x",
                "?code=%00%0d%0a&state=%ff",
                "?code=%zz&state=%",
                "?access_token=x&state=y",
                "?&&&===%26",
            })
    void junkCallbacksLeadBackToThePage(String query) throws IOException {
        browser.connect();
        Browser.Page answer = browser.get("/callback" + query);
        assertThat(answer.status()).isLessThan(500);
        if (answer.status() == 303) {
            assertThat(answer.next()).matches("/\\?login=[a-z_]+");
            assertThat(browser.get(answer.next()).status()).isEqualTo(200);
        } else {
            // Jetty itself refuses what is no URL.
            assertThat(answer.status()).isEqualTo(400);
        }
        assertThat(server.tokenRequests()).isZero();
        assertThat(browser.view().has("user")).isFalse();
    }

    @Test
    void theUserIsSentToSpotifyWithClientIdAndScopeAndWithoutTheSecret() throws IOException {
        app.close();
        Setup real = Setup.spotify(
                "registered-id", "registered-secret", setup.port(), setup.database(), setup.sealingSecret());
        app = new WebApp(real, () -> {});
        HttpUrl sentTo = HttpUrl.get(browser.connect());
        assertThat(sentTo.newBuilder().query(null).build()).hasToString("https://accounts.spotify.com/authorize");
        assertThat(sentTo.queryParameter("client_id")).isEqualTo("registered-id");
        assertThat(sentTo.queryParameter("scope")).isEqualTo("user-read-recently-played");
        assertThat(sentTo.queryParameter("response_type")).isEqualTo("code");
        assertThat(sentTo.queryParameter("redirect_uri")).isEqualTo(setup.origin() + "/callback");
        assertThat(sentTo.queryParameter("code_challenge_method")).isEqualTo("S256");
        assertThat(sentTo.toString()).doesNotContain("secret");
        assertThat(browser.post("/demo/withdraw").status()).isEqualTo(404);
    }

    @Test
    void aForgedStateIsIgnoredAndTheLoginStaysUsable() throws IOException {
        String loginPage = browser.connect();
        assertThat(browser.get("/callback?code=stolen&state=guessed").next()).isEqualTo("/?login=no_login");
        assertThat(browser.get("/callback?error=access_denied&state=guessed").next())
                .isEqualTo("/?login=no_login");
        assertThat(browser.answer(loginPage, "accept", "alice")).isEqualTo("/");
    }

    @Test
    void anotherBrowsersCallbackIsRefused() throws IOException {
        Browser attacker = new Browser(setup.origin());
        String callback = server.approve(attacker.connect(), "bob");
        browser.connect();
        assertThat(browser.get(callback).next()).isEqualTo("/?login=no_login");
        assertThat(server.tokenRequests()).isZero();
        assertThat(attacker.get(callback).next()).isEqualTo("/");
    }

    @Test
    void aCallbackWorksOnce() throws IOException {
        String callback = server.approve(browser.connect(), "alice");
        assertThat(browser.get(callback).next()).isEqualTo("/");
        assertThat(browser.get(callback).next()).isEqualTo("/?login=no_login");
        assertThat(server.codeRequests()).isEqualTo(1);
        assertThat(browser.view().at("/user/name").asText()).isEqualTo("Alice Archer");
    }

    @Test
    void twoTabsDoNotMeet() throws IOException {
        String first = browser.connect();
        String second = browser.connect();
        assertThat(browser.answer(first, "refuse", "alice")).isEqualTo("/?login=declined");
        assertThat(browser.answer(second, "accept", "alice")).isEqualTo("/");
    }

    @Test
    void aRefusedLoginStoresNothing() throws IOException {
        assertThat(browser.answer(browser.connect(), "refuse", "alice")).isEqualTo("/?login=declined");
        assertThat(browser.view().has("user")).isFalse();
        assertThat(server.tokenRequests()).isZero();
    }

    @Test
    void aBrokenTokenEndpointIsAFriendlyPage() throws IOException {
        server.onEveryTokenRequest(Fault.status(500));
        assertThat(browser.answer(browser.connect(), "accept", "alice")).isEqualTo("/?login=unavailable");
        server.noFaults();
        signIn(browser, "alice");
    }

    @Test
    void aCodeThatTheServerRefusesIsNotTheUsersRefusal() throws IOException {
        server.onNextTokenRequest(Fault.error(400, "invalid_grant"));
        assertThat(browser.answer(browser.connect(), "accept", "alice")).isEqualTo("/?login=failed");
        assertThat(browser.view().has("user")).isFalse();
    }

    @Test
    void headDoesNotUseUpACallback() throws IOException {
        String callback = server.approve(browser.connect(), "alice");
        browser.send(new Request.Builder().url(callback).head().build());
        assertThat(browser.get(callback).next()).isEqualTo("/");
    }

    @Test
    void theCallbackLeavesNoTrace() throws IOException {
        Browser.Page good = browser.get(server.approve(browser.connect(), "alice"));
        Browser.Page bad = browser.get("/callback?code=x&state=y");
        for (Browser.Page page : new Browser.Page[] {good, bad}) {
            assertThat(page.status()).isEqualTo(303);
            assertThat(page.headers())
                    .containsEntry("Referrer-Policy", "no-referrer")
                    .containsEntry("Cache-Control", "no-store");
        }
    }

    @Test
    void otherSitesCanDoNothing() throws IOException {
        signIn(browser, "alice");
        for (String path : new String[] {"/connect", "/call", "/calls", "/disconnect", "/demo/withdraw"}) {
            for (String site : new String[] {"https://evil.example", "null", "http://127.0.0.1:1"}) {
                assertThat(browser.postFrom(site, path).status()).as(path).isEqualTo(403);
            }
        }
        assertThat(browser.view().at("/grant/loginRequired").isNull()).isTrue();
        assertThat(browser.view().at("/user/name").asText()).isEqualTo("Alice Archer");
    }

    @Test
    void whatTheBrowserSaysOfTheSiteCounts() throws IOException {
        Request request = new Request.Builder()
                .url(setup.origin() + "/call")
                .header("Origin", setup.origin())
                .header("Sec-Fetch-Site", "same-site") // another port of this machine
                .post(RequestBody.EMPTY)
                .build();
        assertThat(browser.send(request).status()).isEqualTo(403);
    }

    @Test
    void otherNamesOfThisMachineAreNotServed() throws IOException {
        assertThat(new Browser("http://localhost:" + setup.port()).get("/").next())
                .isEqualTo(setup.origin() + "/");
        Request rebound = new Request.Builder()
                .url(setup.origin() + "/view")
                .header("Host", "evil.example:" + setup.port())
                .build();
        assertThat(browser.send(rebound).status()).isEqualTo(421);
    }

    @Test
    void usersSeeTheirOwnDataOnly() throws IOException {
        Browser other = new Browser(setup.origin());
        signIn(browser, "alice");
        signIn(other, "bob");
        browser.post("/call");
        other.post("/call");
        JsonNode alices = browser.view();
        JsonNode bobs = other.view();
        assertThat(alices.at("/user/name").asText()).isEqualTo("Alice Archer");
        assertThat(bobs.at("/user/name").asText()).isEqualTo("Bob Baker");
        assertThat(alices.at("/activity/played")).isNotEqualTo(bobs.at("/activity/played"));
        assertThat(alices.at("/row/digest")).isNotEqualTo(bobs.at("/row/digest"));

        other.post("/disconnect");
        assertThat(other.view().has("user")).isFalse();
        assertThat(browser.post("/call").json().path("served").asInt()).isEqualTo(1);
    }

    @Test
    void nobodyWhoIsNotSignedInGetsAnything() throws IOException {
        assertThat(browser.post("/call").status()).isEqualTo(401);
        assertThat(browser.view().has("row")).isFalse();
        assertThat(server.apiRequests()).isZero();
    }

    @Test
    void signingInChangesTheSession() throws IOException {
        String loginPage = browser.connect();
        String before = browser.cookie("session");
        assertThat(browser.answer(loginPage, "accept", "alice")).isEqualTo("/");
        assertThat(browser.cookie("session")).isNotNull().isNotEqualTo(before);
    }

    @Test
    void theSessionCookieIsNotForScriptsAndOtherSites() throws IOException {
        Browser.Page answer = browser.post("/connect");
        assertThat(answer.headers().get("Set-Cookie")).contains("HttpOnly", "SameSite=Lax", "Path=/");
        assertThat(browser.get("/").headers().get("Content-Security-Policy"))
                .contains("default-src 'none'", "frame-ancestors 'none'")
                .doesNotContain("unsafe");
    }

    @Test
    void withdrawnConsentAsksTheUserToConnectAgain() throws IOException {
        signIn(browser, "alice");
        browser.post("/demo/withdraw");
        assertThat(browser.post("/call").json().path("problem").asText()).contains("Connect again");
        assertThat(browser.view().at("/grant/loginRequired").asText()).isEqualTo("REFUSED");
        signIn(browser, "alice");
        assertThat(browser.view().at("/grant/loginRequired").isNull()).isTrue();
        assertThat(browser.post("/call").json().path("served").asInt()).isEqualTo(1);
    }

    @Test
    void whatHappensIsPushed() throws Exception {
        signIn(browser, "alice");
        OkHttpClient http =
                new OkHttpClient.Builder().readTimeout(10, TimeUnit.SECONDS).build();
        Request live = new Request.Builder()
                .url(setup.origin() + "/live")
                .header("Accept", "text/event-stream")
                .header("Cookie", "session=" + browser.cookie("session"))
                .build();
        try (Response response = http.newCall(live).execute();
                BufferedReader lines = new BufferedReader(response.body().charStream())) {
            assertThat(untilLineWith(lines, "Alice Archer")).contains("\"calls\":0");
            browser.post("/call");
            untilLineWith(lines, "\"calls\":1");
            browser.post("/disconnect");
            assertThat(untilLineWith(lines, "\"demo\":true}")).doesNotContain("Alice");
        }
    }

    private static String untilLineWith(BufferedReader lines, String text) throws IOException {
        String line = lines.readLine();
        while (line != null && !line.contains(text)) {
            line = lines.readLine();
        }
        assertThat(line).as("a line with " + text).isNotNull();
        return line;
    }

    @Test
    void theSealingSecretIsItsOwnersOnly() throws IOException {
        Path file = directory.resolve("test.sealing-secret");
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                .isEqualTo("rw-------");
        assertThat(SealingSecret.find(directory.resolve("test"))).hasSize(43);
    }
}
