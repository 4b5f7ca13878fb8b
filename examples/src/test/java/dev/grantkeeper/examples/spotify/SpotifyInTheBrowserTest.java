/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.spotify;

import static org.assertj.core.api.Assertions.assertThat;

import dev.grantkeeper.examples.browser.Browsers;
import dev.grantkeeper.examples.browser.Chromium;
import dev.grantkeeper.testkit.FakeAuthorizationServer;
import dev.grantkeeper.testkit.Fault;
import dev.grantkeeper.testkit.RecordedRequest;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.openqa.selenium.By;
import org.openqa.selenium.Keys;
import org.openqa.selenium.WebElement;

/**
 * The story as a user clicks through it. Every state of the page is looked at narrow and wide, light and dark, and
 * leaves a screenshot of each in {@code target/screenshots}.
 */
@Timeout(120)
class SpotifyInTheBrowserTest {
    private static final By CONNECT = button("Connect Spotify");
    private static final By CONNECT_AGAIN = button("Connect again");
    private static final By DISCONNECT = button("Disconnect");
    private static final By CALL = button("Call once");
    private static final By CALLS = button("Fifty calls at once");
    private static final By REJECT = button("API rejects the token");
    private static final By WITHDRAW = button("User withdraws consent");
    private static final By RESTART = button("Restart the application");
    private static final By ACCEPT = By.cssSelector("button[value=accept]");
    private static final By REFUSE = By.cssSelector("button[value=refuse]");
    private static final By NOTICE = By.id("notice");
    private static final By NAME = By.id("name");
    private static final By SONGS = By.cssSelector("#played li");
    private static final By RESULT = By.id("result");
    private static final By LEFT = By.id("left");
    private static final By ABOUT_REJECT = By.id("about-expire");
    private static final By SEALED = By.id("sealed");
    private static final By VERSION = By.id("row-version");

    @RegisterExtension
    static final Browsers BROWSERS = new Browsers();

    @TempDir
    Path directory;

    private final AtomicLong passed = new AtomicLong();
    private final ExecutorService restarts = Executors.newSingleThreadExecutor();
    private FakeAuthorizationServer server;
    private Setup setup;
    private WebApp app; // guarded by this
    private Chromium browser;

    private static By button(String text) {
        return By.xpath("//button[normalize-space()='" + text + "']");
    }

    @BeforeEach
    void start() throws IOException {
        browser = BROWSERS.of("alice");
        server = FakeAuthorizationServer.start();
        Path database = directory.resolve("test");
        setup = Setup.demo(server, Duration.ofHours(1), Story.freePort(), database, SealingSecret.find(database))
                .at(() -> Instant.now().plusNanos(passed.get()), () -> System.nanoTime() + passed.get());
        server.latency(Duration.ofMillis(20));
        startApplication();
        browser.open(setup.origin());
    }

    @AfterEach
    void stop() throws InterruptedException {
        restarts.shutdown();
        assertThat(restarts.awaitTermination(30, TimeUnit.SECONDS)).isTrue();
        stopApplication();
        server.close();
    }

    private synchronized void startApplication() {
        app = new WebApp(
                setup,
                () -> restarts.execute(() -> {
                    stopApplication();
                    startApplication();
                }));
    }

    private synchronized void stopApplication() {
        app.close();
    }

    private void signIn(Chromium who, String user) {
        who.click(CONNECT);
        accept(who, user);
        who.until("see eight songs", () -> who.driver().findElements(SONGS).size() == 8);
    }

    private static void accept(Chromium who, String user) {
        who.click(By.cssSelector("input[value=" + user + "]"));
        who.click(ACCEPT);
    }

    private void call() {
        browser.click(CALL);
        browser.see(RESULT, "Answered in");
    }

    /** For everybody: the authorization server, the application, and the browser that shows its page. */
    private void anHourPasses() {
        timePasses(Duration.ofMinutes(61));
    }

    private void timePasses(Duration time) {
        passed.addAndGet(time.toNanos());
        browser.run("const now = Date.now; Date.now = () => now() + arguments[0]", time.toMillis());
    }

    /** The checks that hold for every page, whatever it shows. */
    private void look(Chromium who, String name) {
        assertThat(who.lookAround("spotify-" + name)).isEmpty();
        assertThat(who.driver().findElements(By.tagName("h1")).stream().filter(WebElement::isDisplayed))
                .as("one main heading on " + name)
                .hasSize(1);
        String source = who.driver().getPageSource();
        assertThat(tokens()).as(name).noneMatch(source::contains);
    }

    private List<String> tokens() {
        return Stream.concat(
                        server.recordedApiRequests().stream()
                                .map(request -> request.header("Authorization")
                                        .orElse("Bearer none")
                                        .substring("Bearer ".length())),
                        server.recordedTokenRequests().stream().flatMap(SpotifyInTheBrowserTest::refreshToken))
                .distinct()
                .toList();
    }

    private static Stream<String> refreshToken(RecordedRequest request) {
        return request.param("refresh_token").stream();
    }

    @Test
    void whoRefusesIsToldThatNothingHappenedAndMayConnectAfterAll() {
        browser.see(CONNECT);
        look(browser, "welcome");

        browser.click(CONNECT);
        browser.see(REFUSE);
        look(browser, "consent");
        browser.see(By.tagName("b"), "Listening diary");
        browser.see(By.tagName("li"), "See what you played recently");
        assertThat(browser.text(By.tagName("main"))).doesNotContain("listening-diary", "user-read");
        browser.click(REFUSE);
        browser.see(NOTICE, "You refused, so nothing was connected and nothing is stored.");
        assertThat(browser.driver().getCurrentUrl()).isEqualTo(setup.origin() + "/");
        assertThat(server.tokenRequests()).isZero();
        look(browser, "refused");

        signIn(browser, "alice");
        browser.see(NAME, "Alice Archer");
        browser.seeNo(NOTICE);
        browser.see(By.id("since"), "Your consent ends on");
        browser.see(By.cssSelector("[data-row=text]"), "gk1.");
        assertThat(browser.driver().getCurrentUrl()).isEqualTo(setup.origin() + "/");
        assertThat(server.tokenRequests()).isEqualTo(1);
        look(browser, "connected");
    }

    @Test
    void aTokenThatExpiresWhileThePageIsOpenIsReplacedBeforeTheNextCall() {
        signIn(browser, "alice");
        String version = browser.text(VERSION);
        assertThat(browser.text(LEFT)).contains("min");
        anHourPasses();
        browser.see(LEFT, "Expired");
        browser.see(By.id("condition"), "the next call fetches a new one first");
        assertThat(server.refreshRequests()).isZero();
        look(browser, "expired");

        browser.click(CALL);
        browser.see(RESULT, "with one token request");
        browser.see(LEFT, "min");
        By newest = By.cssSelector("#entries li:nth-child(1)");
        By oneBefore = By.cssSelector("#entries li:nth-child(2)");
        browser.see(oneBefore, "New tokens fetched");
        String now = browser.text(VERSION);
        assertThat(now).isNotEqualTo(version);
        // stamped into the row before the call went out
        browser.see(oneBefore, now);
        browser.see(newest, "Call sent, answered 200");
        browser.see(newest, now);
        assertThat(server.refreshRequests()).isEqualTo(1);
    }

    @Test
    void fiftyCallsThatFindTheTokenExpiredMakeOneTokenRequest() {
        signIn(browser, "alice");
        anHourPasses();
        browser.see(LEFT, "Expired");
        browser.click(CALLS);
        browser.see(RESULT, "50 of 50 answered");
        assertThat(browser.text(RESULT)).endsWith("with one token request.");
        browser.see(By.id("served"), "51");
        browser.see(By.id("requests"), "2");
        assertThat(server.refreshRequests()).isEqualTo(1);
        look(browser, "fifty-calls");
    }

    @Test
    void aTokenThatTheApiRejectsIsReplacedAndTheCallRepeated() {
        signIn(browser, "alice");
        browser.click(REJECT);
        browser.see(RESULT, "The next call is answered with 401.");
        assertThat(browser.see(REJECT).getAttribute("aria-disabled")).isEqualTo("true");
        browser.see(ABOUT_REJECT, "The next call meets a 401");
        browser.click(CALL);
        browser.see(RESULT, "with one token request");
        browser.see(ABOUT_REJECT, "a token that replaced a rejected one is not replaced again at once");
        browser.see(By.id("entries"), "Call sent, answered 401: the API rejects this token");
        assertThat(server.apiUnauthorized()).isEqualTo(1);
        assertThat(server.refreshRequests()).isEqualTo(1);
        look(browser, "rejected-token");
        call();
        browser.see(ABOUT_REJECT, "Rests for");
        assertThat(browser.see(REJECT).getAttribute("aria-disabled")).isEqualTo("true");

        timePasses(Duration.ofSeconds(31));
        browser.see(ABOUT_REJECT, "though the token has not expired");
        browser.click(REJECT);
        browser.see(ABOUT_REJECT, "The next call meets a 401");
        browser.click(CALL);
        browser.see(RESULT, "with one token request");
        browser.see(ABOUT_REJECT, "Rests for");
        assertThat(server.refreshRequests()).isEqualTo(2);
    }

    @Test
    void whoWithdrewConsentIsAskedToConnectAgainAndOneLoginMendsIt() {
        signIn(browser, "alice");
        browser.click(WITHDRAW);
        browser.see(RESULT, "Done. The next call finds out.");
        browser.click(CALL);
        browser.see(RESULT, "Connect again to go on.");
        browser.see(CONNECT_AGAIN);
        browser.see(By.id("why"), "you took your consent back");
        browser.see(LEFT, "Ended");
        browser.see(SEALED, "the service accepts them no longer");
        assertThat(browser.text(SEALED)).doesNotContain("Both tokens");
        browser.see(By.cssSelector("#entries .k-pressed"), "You pressed “User withdraws consent”");
        assertThat(browser.text(By.id("entries"))).doesNotContain("does not know");
        look(browser, "withdrawn");

        browser.click(CONNECT_AGAIN);
        accept(browser, "alice");
        browser.see(LEFT, "min");
        browser.seeNo(CONNECT_AGAIN);
        browser.see(SEALED, "Both tokens are in the text");
        call();
    }

    @Test
    void aRestartSignsNobodyOut() {
        signIn(browser, "alice");
        String version = browser.text(VERSION);
        browser.click(RESTART);
        browser.see(By.id("entries"), "The application has started, and found this user's row");
        browser.see(NAME, "Alice Archer");
        browser.until(
                "see the songs again",
                () -> browser.driver().findElements(SONGS).size() == 8);
        assertThat(browser.text(VERSION)).isEqualTo(version);
        assertThat(server.codeRequests()).isEqualTo(1);
        assertThat(server.refreshRequests()).isZero();
        // What was before the restart is still there to compare with.
        browser.see(By.id("entries"), "Signed in. Tokens are in the row");
        assertThat(browser.driver().findElements(By.cssSelector("#entries .version")))
                .hasSizeGreaterThan(2)
                .allMatch(mark -> mark.getText().equals(version));
        browser.see(By.id("served"), "2");
        browser.see(By.id("requests"), "1");
        look(browser, "restarted");
    }

    @Test
    void anApplicationThatIsGoneIsReportedAndFoundAgain() {
        signIn(browser, "alice");
        stopApplication();
        browser.see(By.id("lost"), "The application does not answer.");
        browser.click(CALL);
        browser.see(RESULT, "The application does not answer.");
        look(browser, "lost");
        startApplication();
        browser.seeNo(By.id("lost"));
        browser.see(NAME, "Alice Archer");
        call();
    }

    @Test
    void anApiThatFailsAndAServiceThatIsDownAreReported() {
        signIn(browser, "alice");
        server.onNextApiRequest(Fault.status(500));
        browser.click(CALL);
        browser.see(RESULT, "The call failed: The API answered 500");
        look(browser, "failed-call");
        browser.click(DISCONNECT);

        server.onEveryTokenRequest(Fault.status(503));
        browser.click(CONNECT);
        accept(browser, "alice");
        browser.see(NOTICE, "The service cannot be reached just now");
        browser.see(CONNECT);
        look(browser, "service-down");
    }

    @Test
    void aSecondUserSeesNothingOfTheFirst() throws IOException {
        signIn(browser, "alice");
        Chromium second = BROWSERS.of("bob");
        second.open(setup.origin());
        second.see(CONNECT);
        signIn(second, "bob");
        second.see(NAME, "Bob Baker");
        second.see(By.id("since"), "Connected since");
        for (String id : List.of("[data-row=account]", "[data-row=digest]", "[data-row=text]", "#row-version")) {
            assertThat(second.text(By.cssSelector(id)))
                    .as(id)
                    .isNotBlank()
                    .isNotEqualTo(browser.text(By.cssSelector(id)));
        }
        assertThat(second.driver().getPageSource()).doesNotContain("Alice");
        look(second, "second-user");

        second.click(DISCONNECT);
        second.see(NOTICE, "Disconnected. The row is gone from the database");
        call();
        browser.see(NAME, "Alice Archer");
    }

    @Test
    void whoDisconnectsIsForgottenInAllWindows() {
        signIn(browser, "alice");
        String first = browser.tab(setup.origin());
        browser.see(NAME, "Alice Archer");
        browser.click(DISCONNECT);
        browser.see(NOTICE, "Disconnected. The row is gone from the database");
        browser.see(CONNECT);
        look(browser, "disconnected");
        assertThat(server.revocations()).isPositive();

        browser.window(first);
        browser.see(NOTICE, "You are not signed in any more.");
        browser.see(CONNECT);
        browser.seeNo(NAME);
        look(browser, "signed-out-elsewhere");
    }

    @Test
    void everythingIsDoneWithTheKeyboard() {
        browser.tabTo(CONNECT);
        browser.screenshot("spotify-focus-connect");
        browser.keys(Keys.ENTER);
        browser.see(ACCEPT);
        browser.tabTo(By.cssSelector("input[name=user]:checked"));
        browser.keys(Keys.ARROW_DOWN);
        browser.screenshot("spotify-focus-consent");
        browser.tabTo(ACCEPT);
        browser.keys(Keys.ENTER);
        browser.see(NAME, "Bob Baker");
        browser.see(RESULT, "Answered in");

        browser.tabTo(CALLS);
        browser.keys(Keys.ENTER);
        browser.see(RESULT, "50 of 50 answered");
        assertThat(browser.driver().switchTo().activeElement())
                .as("the focus stays where one pressed")
                .isEqualTo(browser.see(CALLS));
        browser.screenshot("spotify-focus-calls");
        browser.tabTo(By.id("keep"));
        browser.keys(Keys.SPACE);
        assertThat(browser.see(By.id("keep")).isSelected()).isTrue();
        browser.keys(Keys.SPACE);
        browser.tabTo(WITHDRAW);
        browser.keys(Keys.SPACE);
        browser.see(RESULT, "Done. The next call finds out.");
        browser.tabTo(By.id("entries"));
        browser.tabTo(CALL);
        browser.keys(Keys.ENTER);
        browser.see(RESULT, "Connect again to go on.");
        browser.tabTo(CONNECT_AGAIN);
        browser.keys(Keys.ENTER);
        browser.tabTo(REFUSE);
        browser.keys(Keys.ENTER);
        browser.see(NOTICE, "You refused");
        browser.tabTo(DISCONNECT);
        browser.keys(Keys.ENTER);
        browser.see(CONNECT);
    }

    @Test
    void withSpotifyItselfThereIsNothingMakeBelieve() {
        stopApplication();
        setup = Setup.spotify(
                "registered-id", "registered-secret", setup.port(), setup.database(), setup.sealingSecret());
        startApplication();
        browser.open(setup.origin());
        browser.see(CONNECT);
        browser.seeNo(By.className("demo"));
        look(browser, "welcome-without-demonstration");
    }

    @Test
    void withoutScriptsNothingIsPromised() throws IOException {
        Chromium plain = BROWSERS.of(
                "plain",
                options -> options.setExperimentalOption(
                        "prefs", Map.of("profile.managed_default_content_settings.javascript", 2)));
        plain.open(setup.origin());
        plain.see(By.className("notice"), "needs JavaScript");
        plain.seeNo(By.id("link"));
        assertThat(plain.text(By.tagName("body"))).doesNotContain("Connecting");
        plain.screenshot("spotify-without-scripts");
    }

    @Test
    void aPageThatDoesNotExistSaysSo() {
        browser.open(setup.origin() + "/nowhere");
        browser.see(By.tagName("h1"), "There is nothing here");
        look(browser, "not-found");
        browser.click(By.linkText("Back to the diary"));
        browser.see(CONNECT);
    }
}
