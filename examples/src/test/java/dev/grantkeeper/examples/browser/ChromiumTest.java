/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.browser;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.grantkeeper.testkit.FakeAuthorizationServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.openqa.selenium.By;
import org.openqa.selenium.WebDriverException;

/** The checks that tests of pages rely on find what is wrong with a page. */
@Timeout(60)
class ChromiumTest {
    @RegisterExtension
    static final Browsers BROWSERS = new Browsers();

    private Chromium browser;

    @BeforeEach
    void start() throws IOException {
        browser = BROWSERS.of("somebody");
    }

    private void page(String body) {
        browser.open("data:text/html,<!DOCTYPE html><html lang=en><title>Test</title><body style='margin:0'>" + body);
    }

    @Test
    void anErrorInAScriptIsAComplaint() {
        page("<script>missing()</script>");
        assertThat(browser.complaints()).singleElement().asString().contains("missing is not defined");
        assertThat(browser.complaints()).isEmpty();
    }

    @Test
    void aBreachOfTheContentSecurityPolicyIsAComplaint() {
        try (FakeAuthorizationServer server = FakeAuthorizationServer.start()) {
            browser.open(server.authorizationEndpoint());
            assertThat(browser.complaints()).isEmpty();
            browser.run("document.body.append(Object.assign(new Image(), {src: '/somewhere.png'}))");
            browser.until(
                    "see it in the log",
                    () -> browser.complaints().stream().anyMatch(text -> text.contains("Content Security Policy")));
        }
    }

    @Test
    void aServersErrorIsNone() {
        try (FakeAuthorizationServer server = FakeAuthorizationServer.start()) {
            browser.open(server.url() + "/nowhere").open(server.authorizationEndpoint());
        }
        assertThat(browser.complaints()).isEmpty();
    }

    @Test
    void sizesAndSchemesAreThoseOfThePage() {
        page("<p>Hello");
        assertThat(browser.narrow().run("return innerWidth")).isEqualTo(320L);
        assertThat(browser.dark().run("return matchMedia('(prefers-color-scheme: dark)').matches"))
                .isEqualTo(true);
        assertThat(browser.light().run("return matchMedia('(prefers-color-scheme: dark)').matches"))
                .isEqualTo(false);
        assertThat(browser.wide().run("return innerWidth")).isEqualTo(1280L);
    }

    @Test
    void screenshotsShowTheWholePage() throws IOException {
        page("<p style='height:3000px'>Long");
        browser.narrow().screenshot("harness");
        Path file = Path.of("target", "screenshots", "harness.png");
        assertThat(ImageIO.read(file.toFile()).getWidth()).isEqualTo(320);
        assertThat(ImageIO.read(file.toFile()).getHeight()).isBetween(3000, 3100);
        Files.delete(file);
    }

    @Test
    void whatIsTooWideIsFound() {
        browser.narrow();
        page("<p>fits");
        assertThat(browser.tooWide()).isEmpty();
        page("<p style='width:400px'>does not");
        assertThat(browser.tooWide()).hasSize(2).first().asString().contains("does not");
    }

    @Test
    void whatIsTooPaleIsFound() {
        page("<p style='color:rgb(118,118,118)'>4.54<p style='color:rgb(120,120,120)'>4.42"
                + "<p style='color:rgb(140,140,140);font-size:24px'>3.36 and large<p style='color:rgba(0,0,0,.4)'>2.85"
                + "<div style='background:black'><p style='color:rgb(90,90,90)'>3.04</div>"
                + "<button disabled style='color:rgb(200,200,200)'>rests</button><p hidden style='color:white'>hidden");
        assertThat(browser.tooPale()).containsExactly("4.42 4.42", "2.85 2.85", "3.04 3.04");
    }

    @Test
    void whatHasNoNameIsFound() {
        page(
                "<button>named</button><button id=empty></button><label>Mail<input></label><input placeholder='' id=bare>");
        assertThat(browser.nameless()).hasSize(2).first().asString().contains("empty");
    }

    @Test
    void tabLeadsWhereItLeadsAndHasToShowIt() {
        page("<button>a</button><button id=b>b</button><div style='height:2000px'></div>");
        assertThat(browser.tabTo(By.id("b")).getText()).isEqualTo("b");
        page("<button style='outline:none'>a</button><button id=b>b</button>");
        assertThatThrownBy(() -> browser.tabTo(By.id("b"))).hasMessageContaining("does not show");
    }

    @Test
    void anErrorOfAPageThatWasReplacedIsAReasonToLookAgainAndAnyOtherIsNot() {
        AtomicInteger looks = new AtomicInteger();
        assertThat(browser.<String>await("look", () -> {
                    if (looks.incrementAndGet() < 3) {
                        // What ChromeDriver 156 said of an element that went with its page.
                        throw new WebDriverException(
                                "unknown error: unhandled inspector error: "
                                        + "{\"code\":-32000,\"message\":\"Node with given id does not belong to the document\"}");
                    }
                    return "seen";
                }))
                .isEqualTo("seen");
        assertThat(looks).hasValue(3);
        WebDriverException other = new WebDriverException("unknown error: session deleted");
        assertThatThrownBy(() -> browser.await("look", () -> {
                    throw other;
                }))
                .isSameAs(other);
    }

    @Test
    void oneBrowserKnowsNothingOfTheOtherAndATestNothingOfTheOneBefore() throws IOException {
        try (FakeAuthorizationServer server = FakeAuthorizationServer.start()) {
            browser.open(server.authorizationEndpoint()).run("document.cookie = 'who=alice'");
            Chromium other = BROWSERS.of("another");
            assertThat(other.open(server.authorizationEndpoint()).run("return document.cookie"))
                    .isEqualTo("");
            browser.tidy();
            assertThat(browser.open(server.authorizationEndpoint()).run("return document.cookie"))
                    .isEqualTo("");
        }
    }
}
