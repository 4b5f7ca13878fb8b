/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.mcp;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.grantkeeper.Grant;
import dev.grantkeeper.GrantListener;
import dev.grantkeeper.testkit.FakeAuthorizationServer;
import dev.grantkeeper.testkit.FakeProtectedApi;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Stream;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import org.jspecify.annotations.Nullable;

/**
 * Ten processes at once on one expired token: what signs people out of tool servers elsewhere. It brings a tool server
 * and an authorization server of its own, whose refresh tokens work once and whose reuse ends the session, as the
 * strict ones do. The first step that does not happen ends it.
 */
final class Demo {
    static final int PROCESSES = 10;

    private static final Duration LIFETIME = Duration.ofSeconds(20);

    /** The server thinks about each token request so long, so that there is something to see. */
    private static final Duration THINKS = Duration.ofSeconds(2);

    /** In seconds: machines differ, and this one may be busy. */
    private static final int PATIENCE = 60;

    private static final String ARGUMENTS = "{\"a\":20,\"b\":22}";
    private static final String SUM = "42";

    private final PrintStream out;
    private final long began = System.nanoTime();
    private final FakeAuthorizationServer server;
    private final FakeProtectedApi api;
    private final Path directory;
    private final BlockingQueue<Line> heard = new LinkedBlockingQueue<>();

    /** A step that did not happen. */
    private static final class Missing extends Exception {
        private static final long serialVersionUID = 1;

        Missing(String what) {
            super(what);
        }
    }

    private Demo(PrintStream out, FakeAuthorizationServer server, Path directory) {
        this.out = out;
        this.server = server;
        this.api = server.protectedApi("/mcp").onRequest(DemoTools::answer);
        this.directory = directory;
    }

    /**
     * Plays it.
     *
     * @param out the stream for the time line
     * @return whether every step happened
     */
    static boolean play(PrintStream out) throws Exception {
        Path directory = Files.createTempDirectory("grantkeeper-mcp");
        try (FakeAuthorizationServer server = FakeAuthorizationServer.start()
                .title("Demo tools")
                .dynamicRegistration(true)
                .accessTokenLifetime(LIFETIME)) {
            Demo demo = new Demo(out, server, directory);
            try {
                demo.play();
                return true;
            } catch (Missing e) {
                demo.say("✗", "did not happen: " + e.getMessage());
                return false;
            }
        } finally {
            delete(directory);
        }
    }

    private void play() throws Exception {
        List<Process> processes = new ArrayList<>();
        try {
            aliceSignsIn();
            List<Child> children = tenProcessesStart(processes);
            theTokenExpires();
            allCallAtOnce(children);
            nobodyIsSignedOut();
        } finally {
            processes.forEach(Process::destroyForcibly);
        }
    }

    // ---- One user, one login ---------------------------------------------------------------------------------------

    private void aliceSignsIn() throws Exception {
        try (Session session = session(this::approve)) {
            ToolServer tools = session.server();
            List<String> names = tools.tools().stream()
                    .map(tool -> tool.path("name").asText())
                    .toList();
            check("the tools are listed", names.equals(List.of("add", "whoami")));
            check("the program registered once", server.registrations() == 1);
            check("Alice signed in once", server.codeRequests() == 1);
            JsonNode nobody = JsonNodeFactory.instance.objectNode();
            check("it is Alice", text(tools.call("whoami", nobody)).equals("alice"));
            done("Alice signed in. The tools are " + String.join(" and ", names) + "; her tokens are sealed in a file");
        }
    }

    /** Does what Alice and her browser do. */
    private void approve(URI page) {
        done("The tool server at " + api.url() + " answered 401 and named its authorization server");
        done("The program was unknown there, registered itself, and sends Alice to the login page");
        Request callback = new Request.Builder()
                .url(server.approve(page.toString(), "alice"))
                .build();
        try (Response response = new OkHttpClient().newCall(callback).execute()) {
            if (!response.isSuccessful()) {
                throw new IOException("HTTP " + response.code());
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Session session(@Nullable Consumer<URI> browser) throws IOException {
        Session.Settings settings = new Session.Settings(
                api.url(),
                directory,
                "http://127.0.0.1/callback",
                null,
                null,
                List.of(),
                Duration.ofSeconds(PATIENCE),
                event -> {});
        return new Session(settings, browser);
    }

    // ---- Ten processes ---------------------------------------------------------------------------------------------

    /** A line that a process printed. */
    private record Line(Child by, String text) {}

    /** One of the ten. */
    private static final class Child {
        private final String name;
        private final Process process;
        private final Thread reader;
        private @Nullable String refreshed; // guarded by this
        private @Nullable String waited; // guarded by this

        Child(String name, Process process, BlockingQueue<Line> heard) {
            this.name = name;
            this.process = process;
            this.reader = new Thread(() -> read(heard), name);
            reader.setDaemon(true);
            reader.start();
        }

        private void read(BlockingQueue<Line> heard) {
            try (BufferedReader from = process.inputReader(StandardCharsets.UTF_8)) {
                for (String line = from.readLine(); line != null; line = from.readLine()) {
                    if (line.startsWith(McpApp.EVENT)) {
                        happened(line.split(" "));
                    } else {
                        heard.add(new Line(this, line));
                    }
                }
            } catch (IOException e) {
                heard.add(new Line(this, String.valueOf(e.getMessage())));
            }
        }

        private synchronized void happened(String[] event) {
            String took = String.format(Locale.ROOT, "%.1f s", Long.parseLong(event[2]) / 1000.0);
            if (event[1].equals(GrantListener.Kind.REFRESHED.name())) {
                refreshed = took;
            } else if (event[1].equals(GrantListener.Kind.WAITED.name())) {
                waited = took;
            }
        }

        synchronized boolean refreshed() {
            return refreshed != null;
        }

        synchronized String how() {
            return refreshed != null
                    ? "refreshed in " + refreshed
                    : waited != null ? "waited " + waited + " for another to refresh" : "found new tokens";
        }

        boolean endsWell() throws InterruptedException {
            reader.join(Duration.ofSeconds(PATIENCE).toMillis());
            return process.waitFor(PATIENCE, TimeUnit.SECONDS) && process.exitValue() == 0;
        }
    }

    private Line next() throws InterruptedException, Missing {
        Line line = heard.poll(PATIENCE * 5L, TimeUnit.SECONDS);
        if (line == null) {
            throw new Missing("a line of each process");
        }
        return line;
    }

    private List<Child> tenProcessesStart(List<Process> processes) throws Exception {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-classpath",
                System.getProperty("java.class.path")));
        command.addAll(McpApp.watchedCall(api.url(), directory, PATIENCE, "add", ARGUMENTS));
        List<Child> children = new ArrayList<>();
        for (int i = 1; i <= PROCESSES; i++) {
            Process process =
                    new ProcessBuilder(command).redirectErrorStream(true).start();
            processes.add(process);
            children.add(new Child("process " + i, process, heard));
        }
        for (int i = 0; i < PROCESSES; i++) {
            Line line = next();
            check(line.by().name + " is ready, not: " + line.text(), line.text().equals(McpApp.READY));
        }
        done(PROCESSES + " more processes of this program have started, and wait");
        return children;
    }

    private void theTokenExpires() throws Exception {
        Instant expires;
        try (Session session = session(null)) {
            // Read now: on a slow machine the login's own token may have been replaced ahead of time.
            expires = session.me()
                    .grant()
                    .flatMap(Grant::accessTokenExpiresAt)
                    .orElseThrow(() -> new Missing("a grant with an expiry"));
        }
        Duration left = Duration.between(Instant.now(), expires).plusSeconds(1);
        if (!left.isNegative()) {
            say("…", "until the access token expires");
            TimeUnit.NANOSECONDS.sleep(left.toNanos());
        }
        // The next token lives longer: on a slow machine, the last process would need yet another one.
        server.accessTokenLifetime(Duration.ofHours(1)).latency(THINKS);
        done("The access token has expired; it lived " + LIFETIME.toSeconds() + " s");
    }

    private void allCallAtOnce(List<Child> children) throws Exception {
        server.resetCounters();
        for (Child child : children) {
            child.process.outputWriter().write("go\n");
            child.process.outputWriter().flush();
        }
        done("All of them call add(20, 22) at once");
        for (int i = 0; i < PROCESSES; i++) {
            Line answer = next();
            Child by = answer.by();
            check(
                    by.name + " was answered " + SUM + ", not: " + answer.text(),
                    answer.text().equals(SUM));
            check(by.name + " ends well", by.endsWell());
            done(by.name + " " + by.how() + ", and was answered " + SUM);
        }
        long refreshed = children.stream().filter(Child::refreshed).count();
        check("one process refreshed, not " + refreshed, refreshed == 1);
        check("the server received one token request", server.tokenRequests() == 1);
        check("no refresh token came twice", server.reuseDetected() == 0);
        check("no session was revoked", server.familiesRevoked() == 0);
        done(PROCESSES + " calls, " + PROCESSES + " answers: " + server.tokenRequests() + " token request, "
                + server.reuseDetected() + " refresh tokens used twice");
    }

    private void nobodyIsSignedOut() throws Exception {
        server.expireAccessTokens();
        try (Session session = session(null)) {
            JsonNode nobody = JsonNodeFactory.instance.objectNode();
            check(
                    "it is still Alice",
                    text(session.server().call("whoami", nobody)).equals("alice"));
        }
        check("that took one refresh", server.refreshRequests() == 2);
        check("nobody had to sign in again", server.codeRequests() == 0);
        check("nobody registered again", server.registrations() == 0);
        check("no refresh token came twice", server.reuseDetected() == 0);
        done("Nobody is signed out: the server rejects that token, the next one is fetched, whoami says alice");
    }

    // ---- The time line ---------------------------------------------------------------------------------------------

    private static String text(JsonNode result) {
        return result.at("/content/0/text").asText();
    }

    private void check(String what, boolean happened) throws Missing {
        if (!happened) {
            throw new Missing(what + " (" + server + ")");
        }
    }

    private void done(String what) {
        say("✓", what);
    }

    private void say(String mark, String what) {
        double seconds = (System.nanoTime() - began) / 1e9;
        out.println(String.format(Locale.ROOT, "%s %5.1f s  %s", mark, seconds, what));
    }

    private static void delete(Path directory) throws IOException {
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
