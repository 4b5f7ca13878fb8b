/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.mcp;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.grantkeeper.AuthorizationServerException;
import dev.grantkeeper.GrantListener;
import dev.grantkeeper.LoginRequiredException;
import dev.grantkeeper.LoopbackReceiver;
import dev.grantkeeper.OAuthException;
import dev.grantkeeper.examples.terminal.Places;
import dev.grantkeeper.examples.terminal.Table;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** The options that the user types, and their output. */
@Command(
        name = "mcp",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Signs in at any MCP server by its URL, lists its tools and calls them. The first command opens the"
                    + " browser; later ones just work, in any number of processes at once."
        },
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {
            "0:done",
            "1:failed, also: the tool reported an error",
            "2:wrong usage",
            "3:nobody is signed in: refused, too late, or --no-login",
            "4:try again later: network, or the server, is down"
        })
public final class McpApp implements Callable<Integer> {
    private static final int FAILED = 1;
    private static final int NOT_SIGNED_IN = 3;
    private static final int LATER = 4;
    private static final JsonMapper JSON = new JsonMapper();

    /** Printed by a process of the demonstration when it could begin. */
    static final String READY = "ready";

    /** Printed before the name of an event and its milliseconds. */
    static final String EVENT = "event ";

    @Spec
    private @Nullable CommandSpec spec;

    @Parameters(arity = "0..1", paramLabel = "URL", description = "The server, for example https://mcp.example.com/mcp")
    private @Nullable String url;

    @Option(names = "--call", paramLabel = "TOOL", description = "Call this tool (default: list all tools).")
    private @Nullable String tool;

    @Option(
            names = "--arguments",
            paramLabel = "JSON",
            defaultValue = "{}",
            description = "The arguments of the tool (default: ${DEFAULT-VALUE}).")
    private String arguments = "";

    @Option(names = "--sign-out", description = "Sign out at this server, and revoke the tokens.")
    private boolean signOut;

    @Option(names = "--demo", description = "Without a URL and offline: ten processes at once on one expired token.")
    private boolean demo;

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    @Option(names = "--print-url", description = "For a login, print the page's address and open no browser.")
    private boolean printUrl;

    @Option(names = "--no-login", description = "Ask nobody to sign in; for scripts.")
    private boolean noLogin;

    @Option(
            names = "--client-document",
            paramLabel = "URL",
            description = "The client ID metadata document that describes this program, for servers that read such"
                    + " documents. Elsewhere, and without it, the program registers itself.")
    private @Nullable String documentUrl;

    @Option(names = "--client-id", description = "A registration by hand: the client id.")
    private @Nullable String clientId;

    @Option(
            names = "--client-secret",
            arity = "0..1",
            interactive = true,
            description = "Its secret, if it has one; without a value it is asked for.")
    private @Nullable String clientSecret;

    @Option(
            names = "--issuer",
            paramLabel = "URL",
            description = "The authorization server that it was made at. No other server is shown id or secret.")
    private @Nullable String issuer;

    @Option(
            names = "--redirect-uri",
            defaultValue = "http://127.0.0.1/callback",
            description = "Where the browser comes back to (default: ${DEFAULT-VALUE}, any port).")
    private String redirectUri = "";

    @Option(
            names = "--allow-inside",
            paramLabel = "HOST",
            description = "Connect to this host although it is inside your own network.")
    private List<String> inside = List.of();

    @Option(
            names = "--config",
            paramLabel = "DIRECTORY",
            description = "The directory for logins (default: the system's directory for settings).")
    private @Nullable Path config;

    @Option(names = "--verbose", description = "Log to standard error.")
    private boolean verbose;

    @Option(names = "--patience", hidden = true, defaultValue = "10", description = "Seconds for a token request.")
    private int patience;

    @Option(names = "--watched", hidden = true, description = "Wait for a line on standard input, and print events.")
    private boolean watched;

    private final boolean terminal = CommandLine.Help.Ansi.AUTO.enabled();

    private McpApp() {}

    /**
     * Runs it.
     *
     * @param args see {@code --help}
     */
    public static void main(String[] args) {
        CommandLine line = new CommandLine(new McpApp())
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
        if (e instanceof ToolServer.ServerException failure) {
            return failure.mayPass() ? LATER : FAILED;
        }
        return e instanceof IOException && !(e instanceof OAuthException) ? LATER : FAILED;
    }

    // ---- What the user asked for -----------------------------------------------------------------------------------

    @Override
    public Integer call() throws Exception {
        // Before anything logs: the other programs' settings print to standard output.
        System.setProperty("logback.configurationFile", "terminal/logback.xml");
        System.setProperty("terminal.level", verbose ? "DEBUG" : "OFF");
        if (demo) {
            PrintStream out = new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);
            return Demo.play(out) ? 0 : FAILED;
        }
        try (Session session = open()) {
            if (signOut) {
                boolean was = session.me().grant().isPresent();
                session.me().signOut();
                err().println(was ? "Signed out" : "Nobody was signed in");
                return 0;
            }
            if (watched) {
                line().getOut().println(READY);
                int unused = System.in.read();
            }
            return tool == null ? list(session.server()) : call(session.server(), tool);
        }
    }

    private int list(ToolServer server) throws IOException {
        Table table = new Table("tool", "description");
        for (JsonNode each : server.tools()) {
            String description =
                    each.path("description").asText(each.path("title").asText());
            table.add(
                    each.path("name").asText(), description.lines().findFirst().orElse(""));
        }
        table.print(line().getOut(), terminal, json);
        return 0;
    }

    private int call(ToolServer server, String name) throws IOException {
        JsonNode given;
        try {
            given = JSON.readTree(arguments);
        } catch (IOException e) {
            throw new ParameterException(line(), "--arguments is not JSON", e);
        }
        if (!given.isObject()) {
            throw new ParameterException(line(), "--arguments is a JSON object, such as {\"name\": \"value\"}");
        }
        JsonNode result = server.call(name, given);
        boolean failed = result.path("isError").asBoolean();
        PrintWriter to = failed ? err() : line().getOut();
        if (json) {
            to.println(result.toPrettyString());
        } else {
            for (JsonNode part : result.path("content")) {
                to.println(part.has("text") ? part.path("text").asText() : part.toString());
            }
        }
        return failed ? FAILED : 0;
    }

    // ---- What it takes ---------------------------------------------------------------------------------------------

    private Session open() throws IOException {
        if (url == null) {
            throw new ParameterException(line(), "The URL of a server is missing; --demo needs none");
        }
        Session.ByHand byHand = byHand(url);
        try {
            return open(url, byHand);
        } catch (IllegalArgumentException | IllegalStateException e) {
            throw new ParameterException(line(), String.valueOf(e.getMessage()), e);
        }
    }

    private Session open(String server, Session.@Nullable ByHand byHand) throws IOException {
        Session.Settings settings = new Session.Settings(
                server,
                directory(),
                redirectUri,
                documentUrl,
                byHand,
                inside,
                Duration.ofSeconds(patience),
                listener());
        return new Session(settings, noLogin ? null : this::show);
    }

    private Session.@Nullable ByHand byHand(String server) throws IOException {
        if (clientId == null) {
            if (clientSecret != null || issuer != null) {
                throw new ParameterException(line(), "--client-secret and --issuer belong to a --client-id");
            }
            return null;
        }
        if (issuer == null) {
            // Not taken from the server by itself: one that changes its mind would be shown the secret.
            try (Session unregistered = open(server, null)) {
                throw new ParameterException(
                        line(),
                        "Add --issuer " + unregistered.issuer()
                                + " if that is where the client was registered: no other server is shown its secret");
            } catch (IllegalArgumentException e) {
                throw new ParameterException(line(), String.valueOf(e.getMessage()), e);
            }
        }
        return new Session.ByHand(issuer, clientId, clientSecret);
    }

    private void show(URI page) {
        if (printUrl || !LoopbackReceiver.browse(page)) {
            err().println("Open this page to sign in:");
            err().println(page);
        } else {
            err().println("Sign in at " + page.getHost()
                    + " in the browser. Nothing there? Start again with --print-url.");
        }
    }

    private GrantListener listener() {
        return event -> {
            if (watched) {
                line().getOut()
                        .println(EVENT + event.kind() + " " + event.took().toMillis());
            }
        };
    }

    private Path directory() {
        return config != null
                ? config
                : Places.config(
                        "grantkeeper-mcp",
                        System.getProperty("os.name"),
                        System.getenv(),
                        Path.of(System.getProperty("user.home")));
    }

    private CommandLine line() {
        return Objects.requireNonNull(spec).commandLine();
    }

    private PrintWriter err() {
        return line().getErr();
    }

    /** The arguments with which the demonstration starts this program again. */
    static List<String> watchedCall(String server, Path directory, int patience, String tool, String arguments) {
        return List.of(
                McpApp.class.getName(),
                server,
                "--call",
                tool,
                "--arguments",
                arguments,
                "--config",
                directory.toString(),
                "--patience",
                String.valueOf(patience),
                "--no-login",
                "--watched");
    }
}
