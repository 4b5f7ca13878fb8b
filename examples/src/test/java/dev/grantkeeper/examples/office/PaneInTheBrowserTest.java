/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.office;

import static org.assertj.core.api.Assertions.assertThat;

import dev.grantkeeper.examples.browser.Chromium;
import dev.grantkeeper.examples.office.handover.HandOver;
import dev.grantkeeper.testkit.Fault;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.openqa.selenium.By;
import org.openqa.selenium.Cookie;
import org.openqa.selenium.Keys;

/** The pane on a page of its own. */
class PaneInTheBrowserTest extends InTheBrowser {
    private Chromium alice;

    @BeforeEach
    void open() throws IOException {
        start(List.of(), UnaryOperator.identity());
        alice = pane("alice");
    }

    private Chromium pane(String user) throws IOException {
        return connected(BROWSERS.of(user).open(setup.here().origin()));
    }

    private static Chromium connected(Chromium browser) {
        browser.see(By.id("live"), "Connected");
        return browser;
    }

    /** A browser that opens no windows by itself. */
    private Chromium strict() throws IOException {
        Chromium strict = BROWSERS.of("strict");
        strict.driver()
                .executeCdpCommand(
                        "Page.addScriptToEvaluateOnNewDocument", Map.of("source", "window.open = () => null"));
        return connected(strict.open(setup.here().origin()));
    }

    private void signIn(Chromium browser, String user, String name) {
        String pane = browser.popUp(() -> browser.click(SIGN_IN));
        decide(browser, "accept", user);
        browser.window(pane).windows(1);
        browser.see(HELLO, name);
    }

    /** The number of lines that the tenant's id takes. */
    private static long lines(Chromium browser) {
        return (Long) Objects.requireNonNull(browser.run("""
                const text = document.createRange();
                text.selectNodeContents(document.querySelector('[data-user=tid]'));
                return text.getClientRects().length;"""));
    }

    @Test
    void theWholeStory() {
        see(alice, "Welcome");
        show(alice, "welcome");
        Cookie cookie = Objects.requireNonNull(alice.driver().manage().getCookieNamed("__Host-pane"));
        assertThat(cookie.isHttpOnly() && cookie.isSecure()).isTrue();
        assertThat(cookie.getExpiry()).as("it outlives the browser").isNotNull();

        String pane = alice.popUp(() -> alice.click(SIGN_IN));
        alice.see(By.cssSelector("input[value=alice]"));
        alice.see(By.tagName("label"), "alice@contoso.example");
        alice.see(By.tagName("li"), "Read your profile in Microsoft Graph");
        assertThat(alice.text(By.tagName("main"))).doesNotContain("office-add-in", "openid", "https://", "example.org");
        show(alice, "login");
        String popUp = alice.driver().getWindowHandle();
        alice.window(pane);
        show(alice, "waiting");
        alice.window(popUp);
        decide(alice, "accept", "alice");
        alice.window(pane).windows(1);
        alice.see(By.id("name"), "Alice Archer");
        alice.see(By.cssSelector("[data-user=uniqueName]"), "alice@contoso.example");
        assertThat(alice.driver().manage().getCookieNamed("__Host-pane").getValue())
                .as("another session")
                .isNotEqualTo(cookie.getValue());

        alice.click(By.id("call"));
        alice.see(By.id("answer"), "Accountant");
        alice.see(By.id("answer"), "Alice Archer");
        alice.see(By.id("answer"), "alice@contoso.example");
        show(alice, "signed-in");
        alice.click(By.tagName("summary"));
        alice.see(By.cssSelector("[data-user=tid]"), Setup.DEMO_TENANT);
        assertThat(lines(alice.size(360, 720))).as("a GUID at 360 px").isEqualTo(1);
        assertThat(lines(alice.wide())).as("a GUID where there is room").isEqualTo(1);
        show(alice, "signed-in-record");
        assertThat(server.tokenRequests()).isEqualTo(1);

        alice.click(SIGN_OUT);
        alice.see(NOTICE, "You are signed out");
        show(alice, "signed-out");
        assertThat(server.revocations()).isPositive();
    }

    @Test
    void aTokenThatExpiresWhileThePaneIsOpenIsRefreshedAndNobodyNotices() {
        signIn(alice, "alice", "Alice");
        String until = alice.text(By.id("access"));
        time.pass(Duration.ofHours(2));
        alice.click(By.id("call"));
        alice.see(By.id("answer"), "Accountant");
        assertThat(server.refreshRequests()).isEqualTo(1);
        alice.until(
                "see the new token's time", () -> !alice.text(By.id("access")).equals(until));
        alice.click(By.id("expire"));
        alice.see(By.id("result"), "the next call");
        alice.see(By.id("access"), "expired early; the next call gets a new one");
        show(alice, "expired");
        time.pass(Duration.ofSeconds(1));
        alice.click(By.id("call"));
        alice.see(By.id("result"), "Graph has answered");
        alice.see(By.id("access"), "until");
        assertThat(server.refreshRequests()).isEqualTo(2);
    }

    @Test
    void aSecondUserInASecondBrowserSeesNothingOfTheFirst() throws IOException {
        signIn(alice, "alice", "Alice");
        alice.click(By.id("call"));
        alice.see(By.id("answer"), "Alice");
        Chromium bob = pane("bob");
        see(bob, "Welcome");
        assertThat(bob.driver().getPageSource()).doesNotContain("Archer", "alice@");
        signIn(bob, "bob", "Bob");
        bob.click(By.id("call"));
        bob.see(By.id("answer"), "Bob");
        assertThat(bob.driver().getPageSource()).doesNotContain("Archer", "alice@");
        assertThat(alice.driver().getPageSource()).doesNotContain("Baker", "bob@");
        alice.open(setup.here().origin()).see(HELLO, "Alice");
    }

    @Test
    void aRefusalEndsOnTheScreenAndNothingIsStored() throws Exception {
        String pane = alice.popUp(() -> alice.click(SIGN_IN));
        decide(alice, "refuse", "alice");
        alice.window(pane).windows(1);
        alice.see(NOTICE, "You refused");
        show(alice, "refused");
        assertThat(server.tokenRequests()).isZero();
        assertNothingIsStored();
        signIn(alice, "alice", "Alice");
        alice.seeNo(NOTICE);
    }

    @Test
    void aPopUpThatIsClosedByHandCanBeOpenedAgain() {
        String pane = alice.popUp(() -> alice.click(SIGN_IN));
        alice.see(By.cssSelector("input[value=alice]"));
        alice.closeFor(pane);
        see(alice, "seems to be closed");
        show(alice, "closed-by-hand");
        alice.popUp(() -> alice.click(By.id("begin-again")));
        decide(alice, "accept", "alice");
        alice.window(pane).windows(1);
        alice.see(HELLO, "Alice");
    }

    @Test
    void withoutScriptsNothingIsPromised() throws IOException {
        Chromium plain = BROWSERS.of(
                "plain",
                options -> options.setExperimentalOption(
                        "prefs", Map.of("profile.managed_default_content_settings.javascript", 2)));
        plain.open(setup.here().origin());
        plain.see(By.className("notice"), "needs JavaScript");
        plain.seeNo(By.id("live"));
        assertThat(plain.text(By.tagName("body"))).doesNotContain("Connecting");
    }

    @Test
    void whoCancelsIsWhereTheyBegan() {
        String pane = alice.popUp(() -> alice.click(SIGN_IN));
        alice.see(By.cssSelector("input[value=alice]"));
        alice.window(pane).click(By.id("cancel"));
        alice.windows(1);
        see(alice, "Welcome");
        alice.see(NOTICE, "Nothing was connected");
    }

    @Test
    void aPopUpThatIsBlockedBecomesALink() throws IOException {
        Chromium strict = strict();
        strict.click(SIGN_IN);
        see(strict, "One more click");
        show(strict, "blocked");
        String pane = strict.popUp(() -> strict.click(By.id("open")));
        decide(strict, "accept", "alice");
        strict.window(pane).windows(1);
        strict.see(HELLO, "Alice");
    }

    @Test
    void aProviderThatIsDownIsToldInBothWindows() throws Exception {
        server.onEveryTokenRequest(Fault.status(500));
        String pane = alice.popUp(() -> alice.click(SIGN_IN));
        decide(alice, "accept", "alice");
        alice.window(pane).windows(1);
        alice.see(NOTICE, "cannot be reached just now");
        see(alice, "Welcome");
        assertNothingIsStored();
    }

    @Test
    void whatThePopUpSaysCanBeReadWhereNoPaneIsBehindIt() {
        alice.open(setup.here().redirectUri() + "?code=x&state=y");
        alice.see(By.id("title"), "Please begin again");
        assertThat(alice.driver().getCurrentUrl()).as("the code is gone").endsWith("/done");
        show(alice, "pop-up-strange");
        alice.open(setup.here().origin() + "/continue.html");
        alice.see(By.id("title"), "Please begin again");
        show(alice, "pop-up-continue-strange");
    }

    @Test
    void twoPanesOfOneUserAreSignedInAndOutTogether() {
        String one = alice.tab(setup.here().origin());
        String other = connected(alice).driver().getWindowHandle();
        alice.popUp(() -> alice.click(SIGN_IN));
        decide(alice, "accept", "alice");
        alice.window(one).windows(2);
        alice.see(HELLO, "Alice");
        alice.click(SIGN_OUT);
        alice.see(NOTICE, "You are signed out");
        alice.window(other);
        see(alice, "Welcome");
        assertThat(alice.driver().getPageSource()).doesNotContain("Archer");
    }

    @Test
    void aSessionThatEndsWhileThePaneIsOpenIsSaid() {
        signIn(alice, "alice", "Alice");
        time.pass(Database.SESSION_LIVES);
        alice.click(By.id("call"));
        see(alice, "Your session has ended");
        show(alice, "session-over");
        alice.click(By.id("reload"));
        see(alice, "Welcome");
        assertThat(alice.driver().getPageSource()).doesNotContain("Archer");
    }

    @Test
    void aSessionThatEndsHalfWayTakesTheSignInWithIt() throws Exception {
        time.pass(Database.SESSION_LIVES.minusSeconds(30));
        String pane = alice.popUp(() -> alice.click(SIGN_IN));
        alice.see(By.cssSelector("input[value=alice]"));
        time.pass(Duration.ofSeconds(60));
        decide(alice, "accept", "alice");
        alice.window(pane).windows(1);
        see(alice, "Your session has ended");
        time.pass(HandOver.TO_CLAIM);
        addIn.sweep();
        assertNothingIsStored();
        assertThat(server.revocations()).isPositive();
    }

    @Test
    void aPaneComesBackWhenTheServerDoes() throws IOException {
        signIn(alice, "alice", "Alice");
        addIn.close();
        alice.see(By.id("live"), "No connection");
        show(alice, "no-connection");
        addIn = new AddIn(setup, time, time::ticks);
        connected(alice).click(By.id("call"));
        alice.see(By.id("answer"), "Accountant");
        assertThat(server.codeRequests()).as("logins").isEqualTo(1);
        assertOnlyTheSocketWasMissed(alice);
    }

    @Test
    void aSignInThatARestartInterruptsIsBegunAgain() throws Exception {
        String pane = alice.popUp(() -> alice.click(SIGN_IN));
        alice.see(By.cssSelector("input[value=alice]"));
        restart();
        decide(alice, "accept", "alice");
        alice.window(pane).windows(1);
        alice.see(NOTICE, "Please begin again");
        assertNothingIsStored();
        signIn(connected(alice), "alice", "Alice");
        assertOnlyTheSocketWasMissed(alice);
    }

    @Test
    void withdrawnConsentAsksForAnotherSignIn() {
        signIn(alice, "alice", "Alice");
        server.revokeConsent("alice");
        alice.click(By.id("call"));
        alice.see(NOTICE, "Please sign in again");
        see(alice, "Welcome");
        signIn(alice, "alice", "Alice");
        alice.seeNo(NOTICE);
    }

    @Test
    void itWorksByKeyboardAlone() {
        alice.tabTo(SIGN_IN);
        String pane = alice.popUp(() -> alice.keys(Keys.ENTER));
        alice.tabTo(By.cssSelector("input[value=alice]"));
        alice.tabTo(By.cssSelector("button[value=refuse]"));
        alice.keys(Keys.ENTER);
        alice.window(pane).windows(1);
        alice.see(NOTICE, "You refused");
        assertThat(alice.run("return document.activeElement.tagName"))
                .as("who uses a keyboard goes on where the new part begins")
                .isEqualTo("H1");
        alice.tabTo(SIGN_IN);
        alice.popUp(() -> alice.keys(Keys.ENTER));
        alice.tabTo(By.cssSelector("input[value=alice]"));
        alice.keys(Keys.ENTER);
        alice.window(pane).windows(1);
        alice.see(HELLO, "Alice");
        alice.tabTo(By.id("call"));
        alice.keys(Keys.ENTER);
        alice.see(By.id("answer"), "Accountant");
        alice.tabTo(By.tagName("summary"));
        alice.keys(Keys.ENTER);
        alice.see(By.cssSelector("[data-user=oid]"));
        alice.tabTo(SIGN_OUT);
        alice.keys(Keys.ENTER);
        alice.see(NOTICE, "You are signed out");
    }

    @Test
    void aMailedLinkGainsNothing() throws Exception {
        Chromium mallory = strict();
        mallory.click(SIGN_IN);
        String link = mallory.see(By.id("open")).getAttribute("href");
        Chromium victim = BROWSERS.of("bob").open(link);
        decide(victim, "accept", "bob");
        victim.see(By.id("title"), "Nobody is waiting");
        show(victim, "pop-up-nobody");
        mallory.see(NOTICE, "nothing was stored");
        see(mallory, "Welcome");
        time.pass(HandOver.TO_CLAIM);
        addIn.sweep();
        assertNothingIsStored();
        assertThat(server.familiesRevoked()).isEqualTo(1);
    }

    @Test
    void whatAnotherWindowSaysIsNotBelieved() {
        String pane = alice.popUp(() -> alice.click(SIGN_IN));
        alice.see(By.cssSelector("input[value=alice]"));
        String popUp = alice.driver().getWindowHandle();
        alice.window(pane);
        Object tx = alice.run("window.heard = 0; addEventListener('message', () => heard++); return attempt.tx");
        alice.run("postMessage({tx: arguments[0], status: 'declined'}, location.origin)", tx); // not from the pop-up
        alice.window(popUp).run("opener.postMessage({tx: arguments[0], status: 'declined'}, '*')", tx); // not our page
        alice.window(pane).until("hear both", () -> Long.valueOf(2).equals(alice.run("return heard")));
        assertThat(alice.run("return attempt.tx")).isEqualTo(tx);
        see(alice, "Continue in the other window");
    }
}
