/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.spotify;

import dev.grantkeeper.testkit.FakeAuthorizationServer;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Starts the {@link WebApp}: with the real Spotify if there are credentials, otherwise with a server of its own. */
@Command(
        name = "spotify",
        mixinStandardHelpOptions = true,
        description = {
            "A web application whose users connect their Spotify account.",
            "With SPOTIFY_CLIENT_ID and SPOTIFY_CLIENT_SECRET in the environment it talks to Spotify; without, to a"
                    + " demonstration server of its own, offline."
        })
public final class SpotifyApp implements Callable<Integer> {
    private static final Logger LOG = LoggerFactory.getLogger(SpotifyApp.class);

    // UTF-8 whatever the locale is
    private static final PrintStream OUT =
            new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);

    @Option(
            names = "--port",
            defaultValue = "8888",
            description = "The port to listen on (default: ${DEFAULT-VALUE}). The redirect URI is"
                    + " http://127.0.0.1:<port>/callback.")
    private int port;

    @Option(
            names = "--database",
            defaultValue = "${sys:user.home}/.grantkeeper-demo/spotify",
            description = "The H2 database (default: ${DEFAULT-VALUE}).")
    private Path database = Path.of("spotify");

    @Option(names = "--headless", description = "Play the whole story without a browser, and check each step.")
    private boolean headless;

    private @Nullable WebApp running;

    private SpotifyApp() {}

    /**
     * Runs it.
     *
     * @param args see {@code --help}
     */
    public static void main(String[] args) {
        System.exit(run(new PrintWriter(System.err, true, StandardCharsets.UTF_8), args));
    }

    /** Runs it, and returns the exit code. */
    static int run(PrintWriter err, String... args) {
        return new CommandLine(new SpotifyApp())
                .setErr(err)
                .setExecutionExceptionHandler((e, line, parsed) -> {
                    // A port that is taken, a secret that is missing: the message names it.
                    LOG.debug("Cannot start", e);
                    line.getErr().println(e.getMessage() == null ? e : e.getMessage());
                    return e instanceof Port.TakenException ? Port.TAKEN : 1;
                })
                .execute(args);
    }

    @Override
    public Integer call() throws Exception {
        if (headless) {
            return Story.play(OUT) ? 0 : 1;
        }
        Port.requireFree(port, port);
        String clientId = System.getenv("SPOTIFY_CLIENT_ID");
        String secret = SealingSecret.find(database);
        Setup setup = clientId == null || clientId.isBlank()
                ? Setup.demo(demoServer(), Duration.ofSeconds(20), port, database, secret)
                : Setup.spotify(clientId, System.getenv("SPOTIFY_CLIENT_SECRET"), port, database, secret);
        start(setup);
        Runtime.getRuntime().addShutdownHook(new Thread(this::stop, "shutdown"));
        OUT.println();
        OUT.println("  Open " + setup.origin());
        OUT.println("  It talks to " + setup.provider().authorizationEndpoint().getAuthority()
                + (setup.demo() == null ? "" : ", a demonstration server in this process"));
        OUT.println("  Users and tokens are in " + database + ".mv.db");
        OUT.println("  Ctrl-C ends it.");
        OUT.println();
        new CountDownLatch(1).await();
        return 0;
    }

    /** Stops with this program and starts again with it, as no real one does, so it has to remember its grants. */
    private FakeAuthorizationServer demoServer() {
        return FakeAuthorizationServer.start().remembering(database.resolveSibling(database.getFileName() + ".server"));
    }

    private synchronized void start(Setup setup) {
        running = new WebApp(setup, () -> new Thread(() -> restart(setup), "restart").start());
    }

    private synchronized void stop() {
        if (running != null) {
            running.close();
            running = null;
        }
    }

    private synchronized void restart(Setup setup) {
        stop();
        start(setup);
    }
}
