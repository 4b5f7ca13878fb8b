/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.office;

import com.fasterxml.jackson.databind.JsonNode;
import dev.grantkeeper.examples.spotify.SealingSecret;
import dev.grantkeeper.testkit.FakeAuthorizationServer;
import dev.grantkeeper.testkit.RecordedRequest;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import javax.net.ssl.X509TrustManager;
import okhttp3.OkHttpClient;

/**
 * The whole story without a browser: the same server over HTTPS and WebSockets, the same authorization server. Each
 * step looks at what the other side has counted, and the first that did not happen ends it.
 */
final class Story {
    private final PrintStream out;
    private final long began = System.nanoTime();
    private final FakeAuthorizationServer server;
    private final Setup setup;
    private final OkHttpClient http;
    private final PaneClient alice;
    private AddIn addIn;

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
        this.setup = Setup.demo(
                server, Duration.ofHours(1), Setup.Here.https(freePort()), database, SealingSecret.find(database));
        this.addIn = new AddIn(setup);
        X509TrustManager trust = Certificate.find(Path.of(database + ".p12")).trust();
        this.http = new OkHttpClient.Builder()
                .sslSocketFactory(Certificate.context(trust).getSocketFactory(), trust)
                .build();
        this.alice = new PaneClient(setup.here().origin(), http);
    }

    /**
     * Plays it.
     *
     * @param out the stream for the time line
     * @return whether every step happened
     */
    static boolean play(PrintStream out) throws Exception {
        Path directory = Files.createTempDirectory("grantkeeper-office");
        try (FakeAuthorizationServer server = FakeAuthorizationServer.start()) {
            Story story = new Story(out, server, directory);
            try {
                story.play();
                return true;
            } catch (Missing e) {
                story.say("✗", "did not happen: " + e.getMessage());
                return false;
            } finally {
                story.alice.close();
                story.addIn.close();
                story.http.dispatcher().executorService().shutdown();
                story.http.connectionPool().evictAll();
            }
        } finally {
            delete(directory);
        }
    }

    private void play() throws Exception {
        thePaneOpens();
        theUserRefuses();
        theUserSignsIn();
        aCallIsProxied();
        theTokenIsRejected();
        anotherUserIsAnother();
        aMailedLinkGainsNothing();
        theServerRestarts();
        theUserSignsOut();
        noTokenWasSeen();
    }

    private void thePaneOpens() throws Exception {
        check("the page is there", alice.open().body().contains("Sign in"));
        check("the cookie is made for a frame", alice.cookie().startsWith("__Host-pane=v1."));
        check("nobody is signed in", !alice.state().has("user"));
        alice.connect();
        done("The pane is open at " + setup.here().origin() + ", with a signed session cookie and a socket");
    }

    private void theUserRefuses() throws Exception {
        PaneClient.Attempt attempt = alice.begin();
        JsonNode message =
                alice.answer(alice.openDialog(attempt), "refuse", "alice").message();
        check("the pop-up says so", message.path("status").asText().equals("declined"));
        check(
                "the socket says so",
                alice.hear("attempt").path("status").asText().equals("declined"));
        check("no token request was made", server.tokenRequests() == 0);
        done("The user refuses: the pop-up closes with a friendly word, the pane hears of it, no token request");
    }

    private void theUserSignsIn() throws Exception {
        PaneClient.Attempt attempt = alice.begin();
        String loginPage = alice.openDialog(attempt);
        check("the attempt is not in the address", !loginPage.contains(attempt.tx()));
        JsonNode message = alice.answer(loginPage, "accept", "alice").message();
        check(
                "the pop-up has a token for the pane",
                message.path("token").asText().length() == 43);
        check(
                "nobody is signed in before the pane has claimed it",
                !alice.state().has("user"));
        check(
                "the pane claims it",
                alice.handOver(
                                        attempt.tx(),
                                        attempt.secret(),
                                        message.path("token").asText())
                                .status()
                        == 204);
        JsonNode state = alice.state();
        alice.hear("ready");
        check("it is Alice", state.at("/user/name").asText().equals("Alice Archer"));
        check(
                "both expiries are known",
                state.at("/grant/accessTokenExpiresAt").isNumber()
                        && state.at("/grant/refreshTokenExpiresAt").isNumber());
        check("one token request was made", server.tokenRequests() == 1);
        done("The user agrees: the pane claims what the pop-up brought, and its socket says ready. "
                + state.at("/user/name").asText() + ", "
                + state.at("/user/uniqueName").asText() + ", version "
                + state.at("/user/version").asText());
    }

    private void aCallIsProxied() throws Exception {
        JsonNode me = alice.get("/api/graph/me").json();
        check("Graph knows Alice", me.path("userPrincipalName").asText().equals("alice@contoso.example"));
        check("no token request was needed", server.tokenRequests() == 1);
        done("The pane calls Graph through the server: "
                + me.path("displayName").asText() + ", " + me.path("jobTitle").asText());
    }

    private void theTokenIsRejected() throws Exception {
        check("the token is expired", alice.post("/api/demo/expire", Map.of()).status() == 204);
        check("the call is answered", alice.get("/api/graph/me").status() == 200);
        check("one refresh was made", server.refreshRequests() == 1);
        done("Graph rejects the token: one refresh, and the same call is answered");
    }

    private void anotherUserIsAnother() throws Exception {
        try (PaneClient bob = new PaneClient(setup.here().origin(), http)) {
            bob.open();
            check("Bob sees nobody", !bob.state().has("user"));
            check("Bob cannot call", bob.get("/api/graph/me").status() == 401);
            bob.connect();
            bob.signIn("bob");
            check("Bob is Bob", bob.state().at("/user/name").asText().equals("Bob Baker"));
            check("Alice is Alice", alice.state().at("/user/name").asText().equals("Alice Archer"));
            check("nothing of Alice has reached Bob", !bob.everythingSeen().contains("Archer"));
        }
        done("Bob signs in in another browser, and sees nothing of Alice");
    }

    private void aMailedLinkGainsNothing() throws Exception {
        try (PaneClient mallory = new PaneClient(setup.here().origin(), http);
                PaneClient victim = new PaneClient(setup.here().origin(), http)) {
            mallory.open();
            mallory.connect();
            PaneClient.Attempt attempt = mallory.begin();
            JsonNode message =
                    victim.answer(victim.openDialog(attempt), "accept", "bob").message();
            check("the victim's window has the token", message.has("token"));
            check(
                    "Mallory's pane has not, and gets nothing",
                    mallory.handOver(attempt.tx(), attempt.secret(), "guessed").status() == 409);
            check("Mallory is nobody", !mallory.state().has("user"));
            check("the victim's tokens were revoked", server.revocations() > 0);
        }
        done("Mallory mails the pop-up's address to Bob, who agrees: nobody gets anything, the tokens are revoked");
    }

    private void theServerRestarts() throws Exception {
        int logins = server.codeRequests();
        addIn.close();
        alice.hear("closed");
        addIn = new AddIn(setup);
        alice.connect();
        check("it is still Alice", alice.state().at("/user/name").asText().equals("Alice Archer"));
        check("the call is answered", alice.get("/api/graph/me").status() == 200);
        check("nobody had to sign in", server.codeRequests() == logins);
        done("The server restarts: the pane connects again, Alice is still signed in, the next call is answered");
    }

    private void theUserSignsOut() throws Exception {
        int revoked = server.revocations();
        check("signed out", alice.post("/api/sign-out", Map.of()).status() == 204);
        alice.hear("signed-out");
        check("nobody is signed in", !alice.state().has("user"));
        check("the tokens were revoked", server.revocations() > revoked);
        done("The user signs out: the pane hears of it, the row is gone, the tokens are revoked");
    }

    private void noTokenWasSeen() throws Exception {
        List<String> tokens = Stream.concat(
                        server.recordedApiRequests().stream().map(Story::token),
                        server.recordedTokenRequests().stream()
                                .flatMap(request -> request.param("refresh_token").stream()))
                .distinct()
                .toList();
        check("there were tokens", tokens.size() >= 3);
        check("no token reached the browser", tokens.stream().noneMatch(alice.everythingSeen()::contains));
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

    private static String token(RecordedRequest request) {
        return request.header("Authorization").orElse("").replaceFirst("^Bearer ", "");
    }

    static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    private static void delete(Path directory) throws IOException {
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
