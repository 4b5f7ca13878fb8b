/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.office;

import static org.assertj.core.api.Assertions.assertThat;

import dev.grantkeeper.examples.browser.Browsers;
import dev.grantkeeper.examples.browser.Chromium;
import dev.grantkeeper.examples.spotify.SealingSecret;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.testkit.FakeAuthorizationServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.openqa.selenium.By;
import org.openqa.selenium.NoSuchWindowException;
import org.openqa.selenium.WebDriverException;

/**
 * The base of the tests of the pane in a browser: an add-in, its provider, and the steps that people take in a pop-up.
 */
@Timeout(120)
abstract class InTheBrowser {
    static final By SIGN_IN = By.id("sign-in");
    static final By SIGN_OUT = By.id("sign-out");
    static final By NOTICE = By.id("notice");
    static final By HELLO = By.id("hello");
    static final By HEADING = By.cssSelector("main:not([hidden]) h1");

    @RegisterExtension
    static final Browsers BROWSERS = new Browsers();

    @TempDir
    static Path shared;

    static Certificate certificate = new Certificate(Path.of("none"));

    @TempDir
    Path directory;

    final MovingTime time = new MovingTime();
    FakeAuthorizationServer server = FakeAuthorizationServer.start().time(time);
    Setup setup;
    AddIn addIn;

    @BeforeAll
    static void certify() throws IOException {
        certificate = Certificate.find(shared.resolve("shared.p12"));
    }

    /** Starts it, over https. */
    final void start(List<String> framedBy, UnaryOperator<Provider.Builder> change) throws IOException {
        start(new Setup.Here(true, Story.freePort(), framedBy), change);
    }

    final void start(Setup.Here here, UnaryOperator<Provider.Builder> change) throws IOException {
        Path database = directory.resolve("test");
        Files.copy(certificate.file(), Path.of(database + ".p12"));
        Setup demo = Setup.demo(server, Duration.ofHours(1), here, database, SealingSecret.find(database));
        setup = new Setup(
                change.apply(demo.provider().newBuilder()).build(),
                demo.clientId(),
                demo.clientSecret(),
                demo.api(),
                demo.here(),
                demo.database(),
                demo.secret(),
                null,
                server);
        addIn = new AddIn(setup, time, time::ticks);
    }

    final void restart() throws IOException {
        addIn.close();
        addIn = new AddIn(setup, time, time::ticks);
    }

    @AfterEach
    final void stop() {
        addIn.close();
        server.close();
    }

    final void assertNothingIsStored() throws Exception {
        try (Connection connection = DriverManager.getConnection(
                        "jdbc:h2:file:" + setup.database().toAbsolutePath() + ";WRITE_DELAY=0;DB_CLOSE_ON_EXIT=FALSE");
                Statement statement = connection.createStatement()) {
            for (String table : List.of("grantkeeper_tokens", "office_user", "office_session")) {
                try (ResultSet found = statement.executeQuery("select count(*) from " + table)) {
                    found.next();
                    assertThat(found.getLong(1)).as(table).isZero();
                }
            }
        }
    }

    /** On the provider's page, which is the current window: it may close while one still presses its button. */
    static void decide(Chromium browser, String decision, String user) {
        browser.click(By.cssSelector("input[value=" + user + "]"));
        try {
            browser.click(By.cssSelector("button[value=" + decision + "]"));
        } catch (WebDriverException e) {
            // The driver has two answers for a window that goes while it is at work there.
            boolean gone = e instanceof NoSuchWindowException
                    || String.valueOf(e.getMessage()).contains("no such execution context");
            if (!gone) {
                throw e;
            }
            assertThat(decision).as("a window that closes at once").isEqualTo("accept");
        }
    }

    static void see(Chromium browser, String heading) {
        browser.see(HEADING, heading);
    }

    /** Looks at the current window as its users do: everybody can read it, at any size, and knows what they press. */
    static void show(Chromium browser, String name) {
        assertThat(browser.lookAround("office/" + name)).isEmpty();
    }

    /** A server that was away for a while is what browsers write down, and nothing else. */
    static void assertOnlyTheSocketWasMissed(Chromium browser) {
        assertThat(browser.complaints()).allMatch(text -> text.contains("WebSocket connection to"));
    }
}
