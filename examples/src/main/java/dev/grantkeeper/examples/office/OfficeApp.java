/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.office;

import dev.grantkeeper.examples.spotify.Port;
import dev.grantkeeper.examples.spotify.SealingSecret;
import dev.grantkeeper.testkit.FakeAuthorizationServer;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Starts the {@link AddIn}: with the real Entra ID if there are credentials, otherwise with a server of its own. */
@Command(
        name = "office",
        mixinStandardHelpOptions = true,
        description = {
            "The server of an Office add-in whose users sign in with Entra ID (Azure AD).",
            "With ENTRA_TENANT, ENTRA_CLIENT_ID and ENTRA_CLIENT_SECRET in the environment it talks to Entra and Graph;"
                    + " without, to a demonstration server of its own, offline."
        })
public final class OfficeApp implements Callable<Integer> {
    private static final Logger LOG = LoggerFactory.getLogger(OfficeApp.class);

    // UTF-8 whatever the locale is
    private static final PrintStream OUT =
            new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);

    @Option(
            names = "--port",
            defaultValue = "8443",
            description = "The port to listen on (default: ${DEFAULT-VALUE}). The redirect URI is"
                    + " https://localhost:<port>/callback. The demonstration's own server takes the next port.")
    private int port;

    @Option(
            names = "--http",
            description = "Use no certificate. Then the pane works on a page of its own only, not in a frame.")
    private boolean plain;

    @Option(
            names = "--framed-by",
            description = "Another origin whose pages may show the pane, for example https://localhost:9443.")
    private List<String> framedBy = new ArrayList<>();

    @Option(
            names = "--database",
            defaultValue = "${sys:user.home}/.grantkeeper-demo/office",
            description = "The H2 database (default: ${DEFAULT-VALUE}).")
    private Path database = Path.of("office");

    @Option(names = "--headless", description = "Play the whole story without a browser, and check each step.")
    private boolean headless;

    private OfficeApp() {}

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
        return new CommandLine(new OfficeApp())
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
        Setup setup = setup();
        AddIn running = new AddIn(setup);
        Runtime.getRuntime().addShutdownHook(new Thread(running::close, "shutdown"));
        OUT.println();
        OUT.println("  Open " + setup.here().origin()
                + (plain ? "" : " (the certificate is self-signed: your browser will ask)"));
        OUT.println("  It talks to " + setup.provider().authorizationEndpoint().getAuthority()
                + (setup.demo() == null ? "" : ", a demonstration server in this process"));
        OUT.println("  Users and tokens are in " + database + ".mv.db");
        OUT.println("  Ctrl-C ends it.");
        OUT.println();
        new CountDownLatch(1).await();
        return 0;
    }

    private Setup setup() throws Exception {
        List<String> frames = new ArrayList<>(Setup.Here.OFFICE);
        frames.addAll(framedBy);
        Setup.Here here = new Setup.Here(!plain, port, frames);
        String secret = SealingSecret.find(database);
        String clientId = variable("ENTRA_CLIENT_ID");
        if (clientId == null) {
            // On the same port each time: the port is part of the issuer, and the issuer of a user's identity.
            Port.requireFree(port + 1, port);
            FakeAuthorizationServer server = FakeAuthorizationServer.start(port + 1)
                    .remembering(database.resolveSibling(database.getFileName() + ".server"));
            return Setup.demo(server, Duration.ofSeconds(60), here, database, secret);
        }
        String tenant = variable("ENTRA_TENANT");
        if (tenant == null) {
            throw new IllegalArgumentException(
                    "ENTRA_CLIENT_ID is set and ENTRA_TENANT is not: it is the tenant's id, or organizations");
        }
        return Setup.entra(
                tenant,
                clientId,
                variable("ENTRA_CLIENT_SECRET"),
                here,
                database,
                secret,
                variable(SealingSecret.VARIABLE + "_BEFORE"));
    }

    private static @Nullable String variable(String name) {
        String value = System.getenv(name);
        return value == null || value.isBlank() ? null : value;
    }
}
