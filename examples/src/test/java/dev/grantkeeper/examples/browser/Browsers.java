/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.browser;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.AfterTestExecutionCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.openqa.selenium.chrome.ChromeOptions;

/**
 * The browsers of a test class, one for each user. They are started when they are first asked for, kept for the whole
 * class, and as new for each test. A test fails where a page complained ({@link Chromium#complaints}); one that fails
 * leaves {@code target/screenshots/failed/<test>-<user>.png} and {@code .txt}.
 *
 * <pre>{@code
 * @RegisterExtension
 * static final Browsers BROWSERS = new Browsers();
 *
 * Chromium alice = BROWSERS.of("alice");
 * }</pre>
 *
 * <p>Without a browser on this machine the tests are skipped, in CI they fail.
 */
public final class Browsers
        implements BeforeAllCallback, AfterTestExecutionCallback, AfterEachCallback, AfterAllCallback {
    private final Map<String, Chromium> open = new LinkedHashMap<>();
    private Thread last = new Thread();

    @Override
    public void beforeAll(ExtensionContext context) {
        Chromium.find(); // here, where it skips the class before a test has begun anything
        // Where a test hangs and is given up, nobody closes.
        last = new Thread(
                () -> open.values().forEach(browser -> browser.driver().quit()));
        Runtime.getRuntime().addShutdownHook(last);
    }

    /** This user's browser. */
    public Chromium of(String user) throws IOException {
        return of(user, options -> {});
    }

    /**
     * The same, started in a way of its own; give each way a user.
     *
     * @param options for instance, {@code o -> o.setExperimentalOption("excludeSwitches",
     *     List.of("disable-popup-blocking"))}
     */
    public Chromium of(String user, Consumer<ChromeOptions> options) throws IOException {
        Chromium browser = open.get(user);
        if (browser == null) {
            browser = Chromium.start(options);
            open.put(user, browser);
        }
        return browser;
    }

    /** Before the test's own clearing up, which the pages would notice. */
    @Override
    public void afterTestExecution(ExtensionContext context) throws IOException {
        boolean failed = context.getExecutionException().isPresent();
        String test = context.getTestMethod().map(method -> method.getName()).orElse("test");
        List<String> complaints = new ArrayList<>();
        for (Map.Entry<String, Chromium> entry : open.entrySet()) {
            Chromium browser = entry.getValue();
            if (failed) {
                browser.evidence(test + "-" + entry.getKey());
            } else {
                browser.complaints().forEach(text -> complaints.add(entry.getKey() + ": " + text));
            }
        }
        assertThat(complaints).as("what pages complained of").isEmpty();
    }

    @Override
    public void afterEach(ExtensionContext context) {
        open.values().forEach(Chromium::tidy);
    }

    @Override
    public void afterAll(ExtensionContext context) throws IOException {
        Runtime.getRuntime().removeShutdownHook(last);
        for (Chromium browser : open.values()) {
            browser.close();
        }
        open.clear();
    }
}
