/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.browser;

import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.abort;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.openqa.selenium.By;
import org.openqa.selenium.Keys;
import org.openqa.selenium.NoSuchElementException;
import org.openqa.selenium.PageLoadStrategy;
import org.openqa.selenium.StaleElementReferenceException;
import org.openqa.selenium.TimeoutException;
import org.openqa.selenium.WebDriverException;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.chrome.ChromeDriverService;
import org.openqa.selenium.chrome.ChromeOptions;
import org.openqa.selenium.interactions.Actions;
import org.openqa.selenium.logging.LogEntry;
import org.openqa.selenium.logging.LogType;
import org.openqa.selenium.logging.LoggingPreferences;
import org.openqa.selenium.support.ui.WebDriverWait;

/**
 * One browser with a profile of its own, which is one user at one machine. {@link Browsers} gives it to tests and
 * closes it. What waits gives up after {@value #PATIENCE_SECONDS} seconds. Not thread-safe.
 */
public final class Chromium implements AutoCloseable {
    // It misses the DevTools classes of each Chromium's version, which nothing here needs. Held, or the setting
    // is lost.
    private static final Logger SELENIUM = Logger.getLogger("org.openqa.selenium");

    private static final int PATIENCE_SECONDS = 45;
    private static final Duration PATIENCE = Duration.ofSeconds(PATIENCE_SECONDS);
    private static final Duration GLANCE = Duration.ofMillis(40);
    private static final List<String> PAGE_REPLACED = List.of(
            "Node with given id does not belong to the document",
            "No node with given id found",
            "Could not find node with given id",
            "Cannot find context with specified id",
            "Execution context was destroyed",
            "aborted by navigation");
    private static final Path TARGET = Path.of("target").toAbsolutePath();
    private static final int MOST_TABS = 80;
    private static final int WIDE = 1280;
    private static final int HIGH = 900;

    private final ChromeDriver driver;
    private final Path profile;
    private final List<String> errors = new ArrayList<>();
    private final List<String> console = new ArrayList<>();
    private String firstWindow;
    private int width = WIDE;
    private int height = HIGH;

    private Chromium(ChromeDriver driver, Path profile) {
        this.driver = driver;
        this.profile = profile;
        this.firstWindow = driver.getWindowHandle();
    }

    record Installed(Path browser, Path driver) {}

    /**
     * Finds the installed one, or skips the tests where there is none. Where the environment says CI, they fail
     * instead.
     */
    static Installed find() {
        return new Installed(
                executable("chromium", "chromium", "chromium-browser", "google-chrome"),
                executable("chromium-driver", "chromedriver"));
    }

    /**
     * Starts one.
     *
     * @param more what else this one is told; nothing, mostly
     */
    static Chromium start(Consumer<ChromeOptions> more) throws IOException {
        SELENIUM.setLevel(Level.SEVERE);
        Installed installed = find();
        Files.createDirectories(TARGET);
        Path profile = Files.createTempDirectory(TARGET, "chromium-");
        LoggingPreferences logs = new LoggingPreferences();
        logs.enable(LogType.BROWSER, Level.ALL);
        ChromeOptions options = new ChromeOptions();
        options.setBinary(installed.browser().toFile());
        options.addArguments(
                "--headless=new",
                "--no-sandbox", // or it does not start as root
                "--disable-gpu",
                "--disable-dev-shm-usage", // small in containers
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--hide-scrollbars", // they would take room at 320 px that phones do not give them
                "--lang=en-GB",
                "--user-data-dir=" + profile);
        options.setAcceptInsecureCerts(true);
        options.setPageLoadStrategy(PageLoadStrategy.NORMAL);
        options.setCapability(ChromeOptions.LOGGING_PREFS, logs);
        more.accept(options);
        ChromeDriverService service = new ChromeDriverService.Builder()
                .usingDriverExecutable(installed.driver().toFile())
                .usingAnyFreePort()
                .withLogFile(
                        profile.resolveSibling(profile.getFileName() + ".log").toFile())
                .build();
        ChromeDriver driver = new ChromeDriver(service, options);
        driver.manage().timeouts().pageLoadTimeout(PATIENCE).scriptTimeout(PATIENCE);
        Chromium started = new Chromium(driver, profile);
        started.tidy();
        return started;
    }

    private static Path executable(String debianPackage, String... names) {
        List<String> folders =
                new ArrayList<>(Arrays.asList(System.getenv("PATH").split(File.pathSeparator)));
        folders.addAll(List.of("/usr/bin", "/usr/local/bin", "/usr/lib/chromium", "/snap/bin"));
        Optional<Path> found = Arrays.stream(names)
                .flatMap(name -> folders.stream().map(folder -> Path.of(folder, name)))
                .filter(Files::isExecutable)
                .findFirst();
        if (found.isEmpty()) {
            String message = names[0] + " is not installed; install it (Debian: apt-get install " + debianPackage + ")";
            if (System.getenv("CI") != null) {
                fail(message);
            }
            abort(message);
        }
        return found.orElseThrow();
    }

    /** For what is not here. */
    public ChromeDriver driver() {
        return driver;
    }

    // ---- How it looks --------------------------------------------------------------------------------------------

    /** The room that the page has in the current window. */
    public Chromium size(int newWidth, int newHeight) {
        width = newWidth;
        height = newHeight;
        driver.executeCdpCommand(
                "Emulation.setDeviceMetricsOverride",
                Map.of("width", width, "height", height, "deviceScaleFactor", 1, "mobile", false));
        return this;
    }

    public Chromium narrow() {
        return size(320, 720);
    }

    public Chromium wide() {
        return size(WIDE, HIGH);
    }

    public Chromium dark() {
        return scheme("dark");
    }

    public Chromium light() {
        return scheme("light");
    }

    /** Nothing moves, so that what a screenshot or a computed colour says does not depend on the moment. */
    private Chromium scheme(String scheme) {
        driver.executeCdpCommand(
                "Emulation.setEmulatedMedia",
                Map.of(
                        "features",
                        List.of(
                                Map.of("name", "prefers-color-scheme", "value", scheme),
                                Map.of("name", "prefers-reduced-motion", "value", "reduce"))));
        return this;
    }

    /** All of the current window's page, however long, as {@code target/screenshots/<name>.png}. */
    public void screenshot(String name) {
        Map<?, ?> metrics = driver.executeCdpCommand("Page.getLayoutMetrics", Map.of());
        Map<?, ?> content = (Map<?, ?>) Objects.requireNonNull(metrics.get("cssContentSize"));
        double full = ((Number) Objects.requireNonNull(content.get("height"))).doubleValue();
        Map<String, Object> answer = driver.executeCdpCommand(
                "Page.captureScreenshot",
                Map.of(
                        "format",
                        "png",
                        "captureBeyondViewport",
                        full > height,
                        "optimizeForSpeed",
                        true,
                        "clip",
                        Map.of("x", 0, "y", 0, "width", width, "height", Math.max(height, full), "scale", 1)));
        try {
            Path file = TARGET.resolve("screenshots").resolve(name + ".png");
            Files.createDirectories(Objects.requireNonNull(file.getParent()));
            Files.write(file, Base64.getDecoder().decode(String.valueOf(answer.get("data"))));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Looks at the page as it is now, narrow and wide, light and dark, and leaves it wide and light. Screenshots are
     * called {@code <name>-320-dark.png} and so on.
     *
     * @return what is wrong with it: too wide, too pale, without a name
     */
    public List<String> lookAround(String name) {
        List<String> wrong = new ArrayList<>();
        for (boolean small : new boolean[] {true, false}) {
            Chromium sized = small ? narrow() : wide();
            for (String scheme : List.of("dark", "light")) {
                String seen = name + (small ? "-320-" : "-wide-") + scheme;
                sized.scheme(scheme).screenshot(seen);
                if (!small) { // the same colours
                    tooPale().forEach(text -> wrong.add(seen + ", too pale: " + text));
                }
            }
            tooWide().forEach(element -> wrong.add(name + (small ? "-320" : "-wide") + ", too wide: " + element));
        }
        nameless().forEach(element -> wrong.add(name + ", without a name: " + element));
        return wrong;
    }

    // ---- What one does with it -----------------------------------------------------------------------------------

    public Chromium open(String url) {
        driver.get(url);
        return this;
    }

    /** Waits until it is on the page and visible. */
    public WebElement see(By what) {
        return await(
                "see " + what,
                () -> driver.findElements(what).stream()
                        .filter(WebElement::isDisplayed)
                        .findFirst()
                        .orElse(null));
    }

    /** Waits until an element says that; white space is as one sees it. */
    public WebElement see(By where, String text) {
        return await(
                "see \"" + text + "\" in " + where,
                () -> driver.findElements(where).stream()
                        .filter(found -> found.isDisplayed() && found.getText().contains(text))
                        .findFirst()
                        .orElse(null));
    }

    /** Waits until it is on the page and visible; what it says, in one look. */
    public String text(By where) {
        return await(
                "read " + where,
                () -> driver.findElements(where).stream()
                        .filter(WebElement::isDisplayed)
                        .findFirst()
                        .map(WebElement::getText)
                        .orElse(null));
    }

    /** Waits until no such element is visible. */
    public void seeNo(By what) {
        until("see no " + what, () -> driver.findElements(what).stream().noneMatch(WebElement::isDisplayed));
    }

    /** Waits until it can be clicked, and clicks. */
    public void click(By what) {
        until("click " + what, () -> {
            WebElement found = driver.findElement(what);
            boolean ready = found.isDisplayed() && found.isEnabled();
            if (ready) {
                found.click();
            }
            return ready;
        });
    }

    /** Waits. */
    public void until(String what, BooleanSupplier holds) {
        await(what, () -> holds.getAsBoolean() ? true : null);
    }

    /**
     * A look at the page. It is repeated while it returns {@code null} or misses an element, also one that went with
     * its page while it was looked at.
     */
    @FunctionalInterface
    public interface Look<T> {
        @Nullable
        T now();
    }

    /** Waits until there is something. */
    public <T> T await(String what, Look<T> look) {
        try {
            return Objects.requireNonNull(new WebDriverWait(driver, PATIENCE, GLANCE)
                    .ignoring(NoSuchElementException.class, StaleElementReferenceException.class)
                    .until(whatever -> glance(look)));
        } catch (TimeoutException e) {
            throw new AssertionError(
                    "Did not " + what + " within " + PATIENCE_SECONDS + " seconds, at " + whereabouts(), e);
        }
    }

    /** ChromeDriver has no error of its own for a page that is replaced in the middle of a command. */
    private static <T> @Nullable T glance(Look<T> look) {
        try {
            return look.now();
        } catch (WebDriverException e) {
            String message = String.valueOf(e.getMessage());
            if (PAGE_REPLACED.stream().anyMatch(message::contains)) {
                return null;
            }
            throw e;
        }
    }

    private String whereabouts() {
        try {
            return driver.getCurrentUrl() + ":\n"
                    + driver.findElement(By.tagName("body")).getText();
        } catch (RuntimeException e) {
            return "a window that is gone";
        }
    }

    /** JavaScript in the current frame. */
    public @Nullable Object run(String script, Object... arguments) {
        return driver.executeScript(script, arguments);
    }

    // ---- Windows -------------------------------------------------------------------------------------------------

    /** Does something that opens a window, goes there, and returns the handle of the window before. */
    public String popUp(Runnable opens) {
        String here = driver.getWindowHandle();
        Set<String> before = driver.getWindowHandles();
        opens.run();
        String there = await(
                "see another window",
                () -> driver.getWindowHandles().stream()
                        .filter(window -> !before.contains(window))
                        .findFirst()
                        .orElse(null));
        driver.switchTo().window(there);
        return here;
    }

    /** A tab of the same user, to which one goes; returns the handle of the tab before. */
    public String tab(String url) {
        String here = driver.getWindowHandle();
        driver.switchTo().newWindow(org.openqa.selenium.WindowType.TAB);
        driver.get(url);
        return here;
    }

    /** Goes to a window, to the page in it and not to a frame. */
    public Chromium window(String handle) {
        driver.switchTo().window(handle);
        return this;
    }

    /** Closes the current window and goes to another. */
    public Chromium closeFor(String handle) {
        driver.close();
        return window(handle);
    }

    /** Waits until the number of windows is this: a pop-up that closes itself is gone a moment later. */
    public void windows(int number) {
        until("see " + number + " windows", () -> driver.getWindowHandles().size() == number);
    }

    /** Waits for a frame of the current page, and goes into it. */
    public Chromium frame(By frame) {
        driver.switchTo().frame(see(frame));
        return this;
    }

    // ---- Keyboard ------------------------------------------------------------------------------------------------

    /** Presses keys, wherever the focus is. */
    public void keys(CharSequence... keys) {
        new Actions(driver).sendKeys(keys).perform();
    }

    /** Presses Tab until the focus is there. Whatever has it on the way has to show it. */
    public WebElement tabTo(By what) {
        WebElement wanted = see(what);
        List<String> passed = new ArrayList<>();
        for (int i = 0; i < MOST_TABS; i++) {
            WebElement focused = driver.switchTo().activeElement();
            if (!passed.isEmpty() && !focused.getTagName().equals("body") && !showsFocus()) {
                throw new AssertionError("The focus is here and does not show: " + describe(focused));
            }
            if (focused.equals(wanted)) {
                return wanted;
            }
            passed.add(describe(focused));
            keys(Keys.TAB);
        }
        throw new AssertionError("Tab does not lead to " + what + ", only to " + passed);
    }

    private boolean showsFocus() {
        return Boolean.TRUE.equals(run("""
                for (let e = document.activeElement; e; e = e.parentElement) {
                  const s = getComputedStyle(e);
                  if (s.outlineStyle === 'auto' || s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2) { return true; }
                }
                return false;"""));
    }

    private static String describe(WebElement element) {
        String html = String.valueOf(element.getAttribute("outerHTML"));
        return html.length() > 120 ? html.substring(0, 120) + "…" : html;
    }

    // ---- What is wrong with a page -------------------------------------------------------------------------------

    /** Elements that reach out of the current frame's room on the right. Empty where one need not scroll sideways. */
    public List<String> tooWide() {
        return strings("""
                const room = document.documentElement.clientWidth;
                if (document.documentElement.scrollWidth <= room) { return []; }
                return [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > room + 1)
                  .map(e => e.outerHTML.slice(0, 120)).concat('the page: ' + document.documentElement.scrollWidth);""");
    }

    /** Texts that the WCAG's level AA finds too pale: under 4.5, or 3 for large ones. What is disabled may be pale. */
    public List<String> tooPale() {
        return strings("""
                const canvas = Object.assign(document.createElement('canvas'), {width: 1, height: 1}).getContext('2d',
                  {willReadFrequently: true});
                const rgba = css => {
                  canvas.clearRect(0, 0, 1, 1);
                  canvas.fillStyle = css;
                  canvas.fillRect(0, 0, 1, 1);
                  const d = canvas.getImageData(0, 0, 1, 1).data;
                  return [d[0], d[1], d[2], d[3] / 255];
                };
                const over = (a, b) => [0, 1, 2].map(i => a[i] * a[3] + b[i] * (1 - a[3])).concat(1);
                const behind = e => {
                  const layers = [];
                  for (; e; e = e.parentElement) {
                    const c = rgba(getComputedStyle(e).backgroundColor);
                    if (c[3] > 0) { layers.push(c); }
                    if (c[3] === 1) { break; }
                  }
                  const bottom = matchMedia('(prefers-color-scheme: dark)').matches ? [18, 18, 18, 1] : [255, 255, 255, 1];
                  return layers.reverse().reduce((under, layer) => over(layer, under), bottom);
                };
                const light = c => [.2126, .7152, .0722].reduce((sum, weight, i) => {
                  const v = c[i] / 255;
                  return sum + weight * (v <= .04045 ? v / 12.92 : Math.pow((v + .055) / 1.055, 2.4));
                }, 0);
                const found = [];
                for (const e of document.querySelectorAll('body, body *')) {
                  const text = [...e.childNodes].filter(n => n.nodeType === 3).map(n => n.data.trim()).join(' ').trim();
                  if (text === '' || !e.checkVisibility({visibilityProperty: true}) || e.closest(':disabled')) { continue; }
                  const style = getComputedStyle(e);
                  const back = behind(e);
                  const [a, b] = [light(over(rgba(style.color), back)), light(back)].sort((x, y) => y - x);
                  const ratio = (a + .05) / (b + .05);
                  const size = parseFloat(style.fontSize);
                  if (ratio < (size >= 24 || size >= 18.66 && style.fontWeight >= 700 ? 3 : 4.5)) {
                    found.push(ratio.toFixed(2) + ' ' + text.slice(0, 60));
                  }
                }
                return found;""");
    }

    /** Elements that one can press or fill in and that a screen reader has no name for. */
    public List<String> nameless() {
        return driver
                .findElements(By.cssSelector("button, input:not([type=hidden]), select, textarea, a[href], iframe"))
                .stream()
                .filter(element ->
                        element.isDisplayed() && element.getAccessibleName().isBlank())
                .map(Chromium::describe)
                .toList();
    }

    private List<String> strings(String script) {
        return ((List<?>) Objects.requireNonNull(run(script)))
                .stream().map(String::valueOf).toList();
    }

    /**
     * The complaints of the pages since the last call: errors in scripts, and what the Content-Security-Policy forbade.
     * That a server answered with an error, or not at all, is not among it.
     */
    public List<String> complaints() {
        for (LogEntry entry : driver.manage().logs().get(LogType.BROWSER)) {
            console.add(entry.getLevel() + " " + entry.getMessage());
            String text = entry.getMessage();
            if (entry.getLevel().intValue() >= Level.SEVERE.intValue()
                    && !text.contains("Failed to load resource")
                    && !text.contains("net::ERR_")) {
                errors.add(text);
            }
        }
        List<String> found = List.copyOf(errors);
        errors.clear();
        return found;
    }

    // ---- For Browsers --------------------------------------------------------------------------------------------

    /** Writes down everything that explains a failed test. */
    void evidence(String name) throws IOException {
        errors.addAll(complaints());
        Path directory = TARGET.resolve("screenshots").resolve("failed");
        Files.createDirectories(directory);
        StringBuilder told = new StringBuilder();
        int number = 0;
        for (String window : driver.getWindowHandles()) {
            driver.switchTo().window(window);
            number++;
            screenshot("failed/" + name + (number == 1 ? "" : "-window-" + number));
            told.append(whereabouts()).append("\n\n");
        }
        console.forEach(line -> told.append(line).append('\n'));
        Files.writeString(directory.resolve(name + ".txt"), told);
    }

    /** As new: one empty window, no cookies, nothing stored. */
    void tidy() {
        for (String window : driver.getWindowHandles()) {
            if (!window.equals(firstWindow) && driver.getWindowHandles().size() > 1) {
                driver.switchTo().window(window).close();
            }
        }
        firstWindow = driver.getWindowHandles().iterator().next();
        driver.switchTo().window(firstWindow);
        String url = String.valueOf(driver.getCurrentUrl());
        if (url.startsWith("http")) {
            driver.executeCdpCommand(
                    "Storage.clearDataForOrigin",
                    Map.of("origin", url.replaceFirst("^(https?://[^/]+).*", "$1"), "storageTypes", "all"));
        }
        driver.get("about:blank");
        driver.executeCdpCommand("Network.clearBrowserCookies", Map.of());
        console.clear();
        errors.clear();
        wide().light();
    }

    @Override
    public void close() throws IOException {
        driver.quit();
        try (Stream<Path> files = Files.walk(profile)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        }
        Files.deleteIfExists(profile.resolveSibling(profile.getFileName() + ".log"));
    }
}
