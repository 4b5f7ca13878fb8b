/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.terminal;

import com.fasterxml.jackson.databind.JsonNode;
import dev.grantkeeper.AuthorizationServerException;
import dev.grantkeeper.Grant;
import dev.grantkeeper.LoginRequiredException;
import dev.grantkeeper.LoopbackReceiver;
import dev.grantkeeper.OAuthException;
import dev.grantkeeper.provider.Spotify;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** The commands that the user types, and their output. */
@Command(
        name = "terminal",
        mixinStandardHelpOptions = true,
        synopsisSubcommandLabel = "COMMAND",
        description = {
            "Your Spotify account in a terminal. The first command opens the browser; later ones just work.",
            "With SPOTIFY_CLIENT_ID in the environment it talks to Spotify; --demo brings a service of its own,"
                    + " offline."
        },
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {
            "0:done",
            "1:failed",
            "2:wrong usage",
            "3:nobody is signed in: refused, too late, or --no-login",
            "4:try again later: network, or Spotify, is down"
        })
public final class TerminalApp {
    private static final int FAILED = 1;
    private static final int NOT_SIGNED_IN = 3;
    private static final int LATER = 4;
    private static final int PAGE = 20;
    private static final List<String> RANGES = List.of("short", "medium", "long");

    @Spec
    private @Nullable CommandSpec spec;

    @Option(names = "--demo", scope = ScopeType.INHERIT, description = "Use a make-believe service in this process.")
    private boolean demo;

    @Option(
            names = "--config",
            scope = ScopeType.INHERIT,
            description = "The directory for the login (default: the system's directory for settings).")
    private @Nullable Path config;

    @Option(
            names = "--redirect-uri",
            scope = ScopeType.INHERIT,
            defaultValue = "http://127.0.0.1/callback",
            description = "As registered (default: ${DEFAULT-VALUE}, any port).")
    private String redirectUri = "";

    @Option(
            names = "--print-url",
            scope = ScopeType.INHERIT,
            description = "For a login, print the page's address and open no browser.")
    private boolean printUrl;

    @Option(names = "--no-login", scope = ScopeType.INHERIT, description = "Ask nobody to sign in; for scripts.")
    private boolean noLogin;

    @Option(names = "--json", scope = ScopeType.INHERIT, description = "Print JSON.")
    private boolean json;

    @Option(names = "--verbose", scope = ScopeType.INHERIT, description = "Log to standard error.")
    private boolean verbose;

    private final boolean terminal = CommandLine.Help.Ansi.AUTO.enabled();

    private TerminalApp() {}

    /**
     * Runs it.
     *
     * @param args see {@code --help}
     */
    public static void main(String[] args) {
        TerminalApp app = new TerminalApp();
        CommandLine line = new CommandLine(app)
                .setOut(writer(FileDescriptor.out))
                .setErr(writer(FileDescriptor.err))
                .setExecutionExceptionHandler((e, command, parsed) -> {
                    command.getErr().println(e.getMessage() == null ? e.toString() : e.getMessage());
                    return exitCode(e);
                });
        System.exit(line.execute(args));
    }

    /** UTF-8 whatever the locale is, and no output of a logger in between. */
    private static PrintWriter writer(FileDescriptor descriptor) {
        return new PrintWriter(new OutputStreamWriter(new FileOutputStream(descriptor), StandardCharsets.UTF_8), true);
    }

    private static int exitCode(Exception e) {
        if (e instanceof LoginRequiredException || e instanceof Session.NotSignedInException) {
            return NOT_SIGNED_IN;
        }
        if (e instanceof AuthorizationServerException failure) {
            return failure.kind() == AuthorizationServerException.Kind.TEMPORARY ? LATER : FAILED;
        }
        if (e instanceof Session.ApiException failure) {
            return failure.mayPass() ? LATER : FAILED;
        }
        return e instanceof IOException && !(e instanceof OAuthException) ? LATER : FAILED;
    }

    // ---- Commands --------------------------------------------------------------------------------------------------

    @Command(name = "whoami", description = "Show the account, and when its consent ends.")
    int whoami() throws IOException {
        return with(session -> {
            JsonNode profile = session.get("/v1/me");
            Table table = new Table("name", "id", "until");
            table.add(
                    profile.path("display_name").asText(),
                    profile.path("id").asText(),
                    session.me()
                            .grant()
                            .flatMap(Grant::consentEndsAt)
                            .map(Object::toString)
                            .orElse("unknown"));
            return table;
        });
    }

    @Command(name = "recent", description = "Show the tracks played last.")
    int recent(
            @Option(names = "--limit", defaultValue = "20", description = "How many, at most 50 (default: 20).")
                    int limit)
            throws IOException {
        check(limit, 50);
        return with(session -> {
            Table table = new Table("played_at", "track", "artist");
            JsonNode page = session.get("/v1/me/player/recently-played?limit=" + limit);
            page.path("items")
                    .forEach(item -> table.add(
                            item.path("played_at").asText(), name(item.path("track")), artist(item.path("track"))));
            return table;
        });
    }

    @Command(name = "top", description = "Show the tracks played most.")
    int top(
            @Option(names = "--limit", defaultValue = "20", description = "How many (default: 20).") int limit,
            @Option(
                            names = "--range",
                            defaultValue = "medium",
                            description = "The time range: short, medium or long (default: medium).")
                    String range)
            throws IOException {
        check(limit, 1000);
        if (!RANGES.contains(range)) {
            throw new ParameterException(line(), "--range is one of " + RANGES + ", not " + range);
        }
        return with(session -> {
            Table table = new Table("rank", "track", "artist");
            try (Progress progress = new Progress(err(), terminal)) {
                int rank = 0;
                for (int all = limit; rank < all; progress.at(rank, all)) {
                    JsonNode page = session.get("/v1/me/top/tracks?time_range=" + range + "_term&offset=" + rank
                            + "&limit=" + Math.min(PAGE, all - rank));
                    all = Math.min(limit, page.path("total").asInt());
                    if (page.path("items").isEmpty()) {
                        break;
                    }
                    for (JsonNode track : page.path("items")) {
                        table.add(String.valueOf(++rank), name(track), artist(track));
                    }
                }
            }
            return table;
        });
    }

    @Command(name = "logout", description = "Sign out, and revoke the tokens if the service supports it.")
    int logout() throws IOException {
        try (Service service = service();
                Session session = service.open(redirectUri, directory(), null)) {
            boolean was = session.me().grant().isPresent();
            session.me().signOut();
            err().println(was ? "Signed out" : "Nobody was signed in");
            return 0;
        }
    }

    private static String name(JsonNode track) {
        return track.path("name").asText();
    }

    private static String artist(JsonNode track) {
        return track.path("artists").path(0).path("name").asText();
    }

    private void check(int limit, int most) {
        if (limit < 1 || limit > most) {
            throw new ParameterException(line(), "--limit is between 1 and " + most + ", not " + limit);
        }
    }

    // ---- What they share -------------------------------------------------------------------------------------------

    private interface Work {
        Table of(Session session) throws IOException;
    }

    private int with(Work work) throws IOException {
        try (Service service = service();
                Session session = service.open(redirectUri, directory(), noLogin ? null : this::show)) {
            work.of(session).print(line().getOut(), terminal, json);
            return 0;
        }
    }

    private void show(URI url) {
        if (printUrl || !LoopbackReceiver.browse(url)) {
            err().println("Open this page to sign in:");
            err().println(url);
        } else {
            err().println("Sign in in the browser. Nothing there? Start again with --print-url.");
        }
    }

    private Service service() throws IOException {
        // Before anything logs: the other programs' settings print to standard output.
        System.setProperty("logback.configurationFile", "terminal/logback.xml");
        System.setProperty("terminal.level", verbose ? "DEBUG" : "OFF");
        if (demo) {
            return Service.demo(directory());
        }
        String clientId = System.getenv("SPOTIFY_CLIENT_ID");
        if (clientId == null || clientId.isBlank()) {
            throw new ParameterException(
                    line(),
                    "There is no SPOTIFY_CLIENT_ID. Register an application with the redirect URI " + redirectUri
                            + " at " + Spotify.provider().documentation() + ", or use --demo");
        }
        return Service.spotify(clientId, System.getenv("SPOTIFY_CLIENT_SECRET"));
    }

    private Path directory() {
        Path base = config != null
                ? config
                : Places.config(
                        System.getProperty("os.name"), System.getenv(), Path.of(System.getProperty("user.home")));
        return demo ? base.resolve("demo") : base;
    }

    private CommandLine line() {
        return Objects.requireNonNull(spec).commandLine();
    }

    private PrintWriter err() {
        return line().getErr();
    }
}
