/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.spotify;

import com.fasterxml.jackson.databind.JsonNode;
import dev.grantkeeper.testkit.FakeAuthorizationServer;
import dev.grantkeeper.testkit.RecordedRequest;
import dev.grantkeeper.token.AccountKey;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;

/**
 * The whole story without a browser: the same application over HTTP, the same authorization server, tokens that live
 * for an hour as Spotify's do, and clocks that are moved instead of waiting. Each step looks at what the other side has
 * counted, and the first that did not happen ends it.
 */
final class Story {
    private static final Duration LIFETIME = Duration.ofHours(1);

    private final PrintStream out;
    private final long began = System.nanoTime();
    private final FakeAuthorizationServer server;
    private final AtomicLong passed = new AtomicLong();
    private final Setup setup;
    private final Browser browser;
    private WebApp app;

    /** A step that did not happen. */
    private static final class Missing extends Exception {
        private static final long serialVersionUID = 1;

        Missing(String what) {
            super(what);
        }
    }

    private Story(PrintStream out, FakeAuthorizationServer server, Path directory) throws IOException {
        this.out = out;
        this.server = server;
        Path database = directory.resolve("story");
        this.setup = Setup.demo(server, LIFETIME, freePort(), database, SealingSecret.find(database))
                .at(() -> Instant.now().plusNanos(passed.get()), () -> System.nanoTime() + passed.get());
        this.browser = new Browser(setup.origin());
        this.app = new WebApp(setup, () -> {});
    }

    /**
     * Plays it.
     *
     * @param out the stream for the time line
     * @return whether every step happened
     */
    static boolean play(PrintStream out) throws Exception {
        Path directory = Files.createTempDirectory("grantkeeper-story");
        try (FakeAuthorizationServer server = FakeAuthorizationServer.start()) {
            Story story = new Story(out, server, directory);
            try {
                story.play();
                return true;
            } catch (Missing e) {
                story.say("✗", "did not happen: " + e.getMessage());
                return false;
            } finally {
                story.app.close();
            }
        } finally {
            delete(directory);
        }
    }

    private void play() throws Exception {
        aVisitorComes();
        theUserRefuses();
        theUserAccepts();
        theApiIsCalled();
        theTokenExpires();
        theApiRejectsTheToken();
        fiftyCallsFindTheTokenExpired();
        theApplicationRestarts();
        theUserSignsOut();
        noTokenWasSeen();
    }

    private void aVisitorComes() throws Exception {
        check("the page is there", browser.get("/").body().contains("Connect Spotify"));
        check("nobody is signed in", !browser.view().has("user"));
        done("The page is open at " + setup.origin() + ", nobody is signed in");
    }

    private void theUserRefuses() throws Exception {
        String page = browser.answer(browser.connect(), "refuse", "alice");
        check("a refusal leads to a friendly page", page.equals("/?login=declined"));
        check("nobody is signed in", !browser.view().has("user"));
        check("no token request was made", server.tokenRequests() == 0);
        done("The user refuses: back on the page with a friendly word, no token request");
    }

    private void theUserAccepts() throws Exception {
        String page = browser.answer(browser.connect(), "accept", "alice");
        check("the address is clean after the login", page.equals("/"));
        JsonNode view = browser.view();
        check("it is Alice", view.at("/user/name").asText().equals("Alice Archer"));
        check("one token request was made", server.tokenRequests() == 1);
        check("the row is sealed", view.at("/row/text").asText().startsWith("gk1."));
        check("the row is this user's", view.at("/row/account").equals(view.at("/user/id")));
        done("The user accepts: " + view.at("/user/name").asText() + " is signed in, tokens are sealed in "
                + row(view));
    }

    private void theApiIsCalled() throws Exception {
        JsonNode answer = browser.post("/call").json();
        check("the call is served", answer.path("served").asInt() == 1);
        check("no token request was needed", server.tokenRequests() == 1);
        JsonNode played = browser.view().at("/activity/played");
        check("the API returned the tracks", played.size() == 8);
        done("The API is called: " + played.size() + " songs, the latest is \""
                + played.path(0).path("name").asText() + "\"");
    }

    private void theTokenExpires() throws Exception {
        JsonNode before = browser.view();
        int refreshes = server.refreshRequests();
        anHourPasses();
        JsonNode answer = browser.post("/call").json();
        JsonNode after = browser.view();
        check("the call is served", answer.path("served").asInt() == 1);
        check("one refresh was made", server.refreshRequests() == refreshes + 1);
        check("the row was stamped anew", !row(after).equals(row(before)));
        // The call's own entry has the version of the table at the time when the request left.
        JsonNode call = newest(after, "call");
        check(
                "the row was stamped before the call went out",
                call.path("version").equals(after.at("/row/version")));
        done("An hour later the token has expired: one refresh, " + row(after)
                + ", then the call went out and was answered");
    }

    private void theApiRejectsTheToken() throws Exception {
        JsonNode before = browser.view();
        int refreshes = server.refreshRequests();
        int rejected = server.apiUnauthorized();
        browser.post("/demo/expire");
        JsonNode answer = browser.post("/call").json();
        JsonNode after = browser.view();
        check("the call is served", answer.path("served").asInt() == 1);
        check("the API rejected the token once", server.apiUnauthorized() == rejected + 1);
        check("one refresh was made", server.refreshRequests() == refreshes + 1);
        check(
                "the rejected request left under the old row",
                newest(after, "rejected").path("version").equals(before.at("/row/version")));
        check(
                "its repetition left under the new one",
                newest(after, "call").path("version").equals(after.at("/row/version")));
        done("The API rejects a token (401): one refresh, " + row(after) + ", the call was repeated and answered");
    }

    private void fiftyCallsFindTheTokenExpired() throws Exception {
        int refreshes = server.refreshRequests();
        anHourPasses();
        JsonNode answer = browser.post("/calls").json();
        check("fifty calls were made", answer.path("calls").asInt() == 50);
        check("all were served", answer.path("served").asInt() == 50);
        check("one refresh was made", server.refreshRequests() == refreshes + 1);
        check("no refresh token came twice", server.reuseDetected() == 0);
        done("Another hour later: 50 calls at once, 50 answered, one token request, "
                + answer.path("took").asInt() + " ms");
    }

    private void theApplicationRestarts() throws Exception {
        app.close();
        int logins = server.codeRequests();
        app = new WebApp(setup, () -> {});
        JsonNode view = browser.view();
        check("it is still Alice", view.at("/user/name").asText().equals("Alice Archer"));
        anHourPasses();
        check("the call is served", browser.post("/call").json().path("served").asInt() == 1);
        check("nobody had to sign in", server.codeRequests() == logins);
        done("The application restarts: Alice is still signed in, the next call refreshes and is answered");
    }

    private void theUserSignsOut() throws Exception {
        JsonNode before = browser.view();
        String session = browser.cookie("session");
        browser.post("/disconnect");
        check("nobody is signed in", !browser.view().has("user"));
        check("the tokens were revoked", server.revocations() > 0);
        check(
                "the API rejects them",
                server.recordedApiRequests().stream().map(Story::token).noneMatch(server::accepts));
        app.close();
        try (Database database = new Database(setup.database())) {
            check(
                    "the row is gone",
                    database.row(new AccountKey(
                                    before.at("/row/registration").asText(),
                                    before.at("/row/account").asText()))
                            .isEmpty());
            check("the session is over", database.userOfSession(session).isEmpty());
        }
        done("The user signs out: the row is gone, the tokens are revoked");
    }

    private void noTokenWasSeen() throws Exception {
        List<String> tokens = Stream.concat(
                        server.recordedApiRequests().stream().map(Story::token),
                        server.recordedTokenRequests().stream()
                                .flatMap(request -> request.param("refresh_token").stream()))
                .distinct()
                .toList();
        check("there were tokens", tokens.size() > 5);
        check("no token reached the browser", tokens.stream().noneMatch(browser.everythingSeen()::contains));
        done("Of " + tokens.size() + " tokens the browser has seen none");
    }

    // ---- The time line -------------------------------------------------------------------------------------------

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

    private void anHourPasses() {
        passed.addAndGet(LIFETIME.plusSeconds(1).toNanos());
    }

    private static String row(JsonNode view) {
        String version = view.at("/row/version").asText();
        return "row version " + version.substring(0, Math.min(8, version.length()));
    }

    private static JsonNode newest(JsonNode view, String kind) throws Missing {
        for (JsonNode entry : view.at("/activity/entries")) {
            if (entry.path("kind").asText().equals(kind)) {
                return entry;
            }
        }
        throw new Missing("an entry of the kind " + kind);
    }

    private static String token(RecordedRequest request) {
        return request.header("Authorization").orElse("").replaceFirst("^Bearer ", "");
    }

    static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    static void delete(Path directory) throws IOException {
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
