/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.office;

import static org.assertj.core.api.Assertions.assertThat;

import dev.grantkeeper.examples.browser.Chromium;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.openqa.selenium.By;

/**
 * The pane in a frame of another site's page, as Office on the web shows it; and providers that cut off who opened
 * them.
 */
class PaneAmongOtherSitesTest extends InTheBrowser {
    private static final By FRAME = By.id("pane");

    private OtherSite site;
    private OtherSite provider;
    private Chromium alice;

    @BeforeEach
    void open() throws IOException {
        site = new OtherSite(certificate);
        provider = new OtherSite(certificate);
        alice = BROWSERS.of(
                "alice",
                options -> options.setExperimentalOption(
                        "prefs", Map.of("profile.cookie_controls_mode", 1, "profile.block_third_party_cookies", true)));
    }

    @AfterEach
    void close() {
        site.close();
        provider.close();
    }

    private String host() {
        site.page("/", OtherSite.Page.framing(setup.here().origin()));
        return site.origin();
    }

    private void cutOffWhoOpensTheLogin() throws IOException {
        start(
                List.of(site.origin()),
                from -> from.authorizationEndpoint(provider.cuttingOff(server.authorizationEndpoint())));
    }

    @Test
    void signingInWorksInAFrameThoughThirdPartyCookiesAreBlocked() throws IOException {
        start(List.of(site.origin()), UnaryOperator.identity());
        site.page(
                "/cookie",
                exchange -> OtherSite.Page.html("<p id=\"got\">"
                                + (exchange.getRequestHeaders().containsKey("Cookie") ? "a cookie" : "none"))
                        .header("Set-Cookie", "plain=1; SameSite=None; Secure; Path=/"));
        site.page("/others", OtherSite.Page.framing(site.originByName() + "/cookie"));
        alice.open(site.origin() + "/others").frame(FRAME).run("location.reload()");
        alice.open(site.origin() + "/others").frame(FRAME).see(By.id("got"), "none");

        String host = alice.open(host()).driver().getWindowHandle();
        alice.frame(FRAME).see(By.id("live"), "Connected");
        alice.popUp(() -> alice.click(SIGN_IN));
        decide(alice, "accept", "alice");
        alice.window(host).windows(1);
        alice.frame(FRAME).see(HELLO, "Alice");
        alice.click(By.id("call"));
        alice.see(By.id("answer"), "Accountant");
        alice.window(host).screenshot("office/frame");
        alice.open(host()).frame(FRAME).see(HELLO, "Alice");
    }

    @Test
    void aFrameInAnotherSitesPageIsAnotherSession() throws IOException {
        start(List.of(site.origin()), UnaryOperator.identity());
        alice.open(setup.here().origin()).see(By.id("live"), "Connected");
        String pane = alice.popUp(() -> alice.click(SIGN_IN));
        decide(alice, "accept", "alice");
        alice.window(pane).windows(1);
        alice.see(HELLO, "Alice");
        alice.open(host()).frame(FRAME);
        see(alice, "Welcome");
        assertThat(alice.driver().getPageSource()).doesNotContain("Archer");
    }

    @Test
    void aPaneWhoseCookieIsRefusedOffersAWindowOfItsOwn() throws IOException {
        // Without https there is no cookie for frames, as in browsers that keep none for any frame.
        start(new Setup.Here(false, Story.freePort(), List.of(site.origin())), UnaryOperator.identity());
        alice.open(host()).frame(FRAME);
        see(alice, "This pane needs a cookie");
        alice.driver().switchTo().defaultContent();
        alice.screenshot("office/frame-no-cookie");
        alice.frame(FRAME);
        alice.popUp(() -> alice.click(By.cssSelector("main:not([hidden]) a.button")));
        String own = alice.driver().getWindowHandle();
        alice.see(By.id("live"), "Connected");
        alice.popUp(() -> alice.click(SIGN_IN));
        decide(alice, "accept", "alice");
        alice.window(own).windows(2);
        alice.see(HELLO, "Alice");
    }

    @Test
    void aSiteThatIsNotOnTheListCannotShowThePane() throws IOException {
        start(List.of("https://somebody.example"), UnaryOperator.identity());
        alice.open(host()).frame(FRAME);
        assertThat(alice.driver().findElements(SIGN_IN)).isEmpty();
        assertThat(alice.complaints()).singleElement().asString().contains("frame-ancestors");
    }

    @Test
    void aPaneOfItsOwnIsReachedThoughItsPopUpWasCutOff() throws IOException {
        cutOffWhoOpensTheLogin();
        alice.open(setup.here().origin()).see(By.id("live"), "Connected");
        String pane = alice.popUp(() -> alice.click(SIGN_IN));
        alice.see(By.cssSelector("input[value=alice]"));
        String popUp = alice.driver().getWindowHandle();
        assertThat(alice.run("return window.opener")).as("cut off").isNull();
        alice.window(pane);
        see(alice, "seems to be closed");
        alice.window(popUp);
        decide(alice, "accept", "alice");
        alice.window(pane).windows(1);
        alice.see(HELLO, "Alice");
    }

    @Test
    void aPaneInAFrameThatIsCutOffSaysSoAndWorksWithOneStepMore() throws Exception {
        cutOffWhoOpensTheLogin();
        String host = alice.open(host()).driver().getWindowHandle();
        alice.frame(FRAME).see(By.id("live"), "Connected");
        alice.popUp(() -> alice.click(SIGN_IN));
        decide(alice, "accept", "alice");
        alice.see(By.id("title"), "Nobody is waiting");
        alice.closeFor(host).frame(FRAME);
        alice.see(NOTICE, "one step more");
        alice.window(host).screenshot("office/frame-cut-off");
        assertNothingIsStored();

        alice.frame(FRAME).popUp(() -> alice.click(SIGN_IN));
        alice.see(By.id("title"), "One more step");
        show(alice, "pop-up-continue");
        String between = alice.popUp(() -> alice.click(By.id("continue")));
        alice.see(By.cssSelector("input[value=alice]"));
        String login = alice.driver().getWindowHandle();
        alice.window(between);
        alice.see(By.id("title"), "Continue in the other window");
        alice.window(login);
        decide(alice, "accept", "alice");
        alice.window(host).windows(1);
        alice.frame(FRAME).see(HELLO, "Alice");
    }

    @Test
    void aRefusalComesBackByThatWayToo() throws Exception {
        cutOffWhoOpensTheLogin();
        String host = alice.open(host()).driver().getWindowHandle();
        alice.frame(FRAME).see(By.id("live"), "Connected");
        alice.run("cutOff = true");
        alice.popUp(() -> alice.click(SIGN_IN));
        alice.popUp(() -> alice.click(By.id("continue")));
        decide(alice, "refuse", "alice");
        alice.window(host).windows(1);
        alice.frame(FRAME).see(NOTICE, "You refused");
        assertNothingIsStored();
    }

    @Test
    void theWindowBetweenServesNoMailedLink() throws Exception {
        cutOffWhoOpensTheLogin();
        String host = alice.open(host()).driver().getWindowHandle();
        alice.frame(FRAME).see(By.id("live"), "Connected");
        alice.run("cutOff = true");
        alice.popUp(() -> alice.click(SIGN_IN));
        alice.see(By.id("continue"));
        String link = alice.driver().getCurrentUrl();

        Chromium victim = BROWSERS.of("bob");
        String between = victim.open(link).driver().getWindowHandle();
        victim.popUp(() -> victim.click(By.id("continue")));
        decide(victim, "accept", "bob");
        victim.see(By.id("title"), "Nobody is waiting");
        victim.closeFor(between);
        alice.window(host).frame(FRAME).see(NOTICE, "nothing was stored");
        assertNothingIsStored();
    }
}
