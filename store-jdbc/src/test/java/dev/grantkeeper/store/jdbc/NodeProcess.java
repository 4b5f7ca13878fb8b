/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import dev.grantkeeper.Grantkeeper;
import dev.grantkeeper.LoginRequiredException;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.row.RowFormat;
import dev.grantkeeper.internal.row.UnreadableRowException;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.SealingKeys;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenStore;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import javax.sql.DataSource;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import org.jspecify.annotations.Nullable;
import org.sqlite.SQLiteConfig;

/**
 * A node in a process of its own, and the handle by which a test holds it. The process does what it reads from its
 * standard input, a line each, and answers each with a line:
 *
 * <ul>
 *   <li>{@code pass <milliseconds>} lets time pass for it; after {@code freeze} no other time does, and after
 *       {@code freeze <milliseconds>}, since 1970, that is the time from which it passes
 *   <li>{@code begin <threads>} begins that many calls at once, {@code end} waits for them and answers with the number
 *       that succeeded and what the others met; {@code call <threads>} is both
 *   <li>{@code watch} waits until the calls are {@code done}, or {@code waiting} for somebody else's attempt
 *   <li>{@code look} waits until the calls are {@code done}, or the row was read once more and they are {@code waiting}
 *   <li>{@code stop <where>} makes the next refresh halt there ({@link WatchedStore.Stop}), {@code go} ends that
 *   <li>{@code users <prefix> <first> <end>} asks for tokens of these users, all at once, in place of calls of one
 *       user; {@code seen <rows>} waits until so many rows were read since, {@code end} is as above
 *   <li>{@code hold} makes the outcomes of refreshes wait before they are written, {@code held <outcomes>} waits until
 *       so many do, {@code release} ends that
 * </ul>
 */
final class NodeProcess implements AutoCloseable {
    static final String CLIENT = "nodes";
    static final String SECRET = "nodes-secret";
    static final String REDIRECT = "http://127.0.0.1:8888/callback";

    /** T, how long an attempt stands, is twice this. */
    static final Duration TOKEN_CALL = Duration.ofSeconds(10);

    private static final SealingKeys KEYS = SealingKeys.of("v7Qm2Xr9Ls4Tn8Yb3Wd6Zk1Pf5Hc0Jg-");

    static final String STOPPED = "stopped";
    private static final String ENDED = "ended";

    private final String name;
    private final Process process;
    private final BlockingQueue<String> answers = new LinkedBlockingQueue<>();
    private final PrintWriter orders;

    private NodeProcess(String name, Process process, Consumer<NodeProcess> onStop) {
        this.name = name;
        this.process = process;
        this.orders = new PrintWriter(process.outputWriter(StandardCharsets.UTF_8), true);
        Thread reader = new Thread(() -> read(onStop), "node-" + name);
        reader.setDaemon(true);
        reader.start();
    }

    static NodeProcess start(String serverUrl, String database) throws IOException {
        return start(serverUrl, database, "any", TOKEN_CALL, Provider.Replay.LATE, node -> {});
    }

    /**
     * Starts a node.
     *
     * @param name stands in its token requests, see {@link #tokenQuery}
     * @param replay what it is told of the server
     * @param onStop hears that the node has come where it was told to stop
     */
    static NodeProcess start(
            String serverUrl,
            String database,
            String name,
            Duration tokenCall,
            Provider.Replay replay,
            Consumer<NodeProcess> onStop)
            throws IOException {
        return start(
                NodeProcess.class,
                name,
                onStop,
                serverUrl,
                database,
                name,
                String.valueOf(tokenCall.toMillis()),
                replay.name());
    }

    /** Starts a node that runs another program, with these arguments. It answers {@code ready} first. */
    static NodeProcess start(Class<?> program, String name, Consumer<NodeProcess> onStop, String... arguments)
            throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-Xmx128m",
                "-cp",
                System.getProperty("java.class.path"),
                program.getName()));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command);
        return new NodeProcess(
                name, builder.redirectError(ProcessBuilder.Redirect.INHERIT).start(), onStop);
    }

    private void read(Consumer<NodeProcess> onStop) {
        try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (line.equals(STOPPED)) {
                    onStop.accept(this);
                } else {
                    answers.add(line);
                }
            }
        } catch (IOException e) {
            // killed
        }
        answers.add(ENDED);
    }

    void order(String line) {
        orders.println(line);
    }

    String answer() throws IOException, InterruptedException {
        String line = answers.take();
        if (line.equals(ENDED)) {
            answers.add(ENDED);
            throw new IOException("The node ended");
        }
        return line;
    }

    String answer(String order) throws IOException, InterruptedException {
        order(order);
        return answer();
    }

    /** SIGKILL, and nothing of the process is left when this returns. */
    void kill() throws InterruptedException {
        process.destroyForcibly().waitFor();
    }

    /** The query of the URL at which this node asks for tokens. */
    String tokenQuery() {
        return "node=" + name;
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }

    @Override
    public String toString() {
        return "node " + name;
    }

    /** A registration at the server, with a clock of the test's. */
    static Grantkeeper.Builder registration(String serverUrl, DataSource database, AtomicLong passedNanos) {
        return registration(serverUrl, "test", JdbcTokenStore.create(database), passedNanos);
    }

    static Grantkeeper.Builder registration(String serverUrl, String name, TokenStore store, AtomicLong passedNanos) {
        return registration(serverUrl, name, Provider.Replay.LATE, store, passedNanos);
    }

    private static Grantkeeper.Builder registration(
            String serverUrl, String name, Provider.Replay replay, TokenStore store, AtomicLong passedNanos) {
        Provider provider = Provider.builder("fake")
                .allowHttpOnLoopback()
                .authorizationEndpoint(serverUrl + "/authorize")
                .tokenEndpoint(serverUrl + "/token?node=" + name)
                .apiOrigins(serverUrl)
                .replay(replay)
                .build();
        return Grantkeeper.builder(provider)
                .clientId(CLIENT)
                .clientSecret(SECRET)
                .redirectUri(REDIRECT)
                .scopes("things.read")
                .tokenStore(store)
                .sealingKeys(KEYS)
                .time(() -> Instant.now().plusNanos(passedNanos.get()), () -> System.nanoTime() + passedNanos.get());
    }

    /**
     * Opens a row of these registrations. Nothing else tells the outcome of a refresh from its attempt: an attempt may
     * be written several times.
     */
    static GrantRow row(AccountKey key, StoredTokens stored) throws UnreadableRowException {
        return new RowFormat(KEYS).read(key, stored).row();
    }

    /** Stands before the name of a database to which there is no pool. */
    static final String UNPOOLED = "unpooled:";

    /** Stands before the name of a database that goes away: the pool tries connections out, and is soon impatient. */
    static final String CAREFUL = "careful:";

    static DataSource dataSource(String url) {
        if (url.startsWith(UNPOOLED)) {
            return database(url.substring(UNPOOLED.length()));
        }
        return url.startsWith(CAREFUL)
                ? Databases.carefulPool(database(url.substring(CAREFUL.length())), 4, config -> {
                    config.setInitializationFailTimeout(60_000);
                    config.setConnectionTimeout(3_000);
                    config.setExceptionOverride(new DeadConnectionsOfH2());
                })
                // A machine that is slow, with a server that starts, is no store that is down.
                : Databases.pool(database(url), 4, config -> config.setConnectionTimeout(60_000));
    }

    static DataSource database(String url) {
        DataSource database;
        if (url.startsWith("postgres:")) {
            String[] portAndName = url.substring("postgres:".length()).split("/", 2);
            database = Databases.postgres(
                    Integer.parseInt(portAndName[0]), portAndName.length == 1 ? "postgres" : portAndName[1]);
        } else if (url.startsWith("mariadb:")) {
            String[] portAndName = url.substring("mariadb:".length()).split("/", 2);
            database = Databases.mariaDb(Integer.parseInt(portAndName[0]), "root", portAndName[1]);
        } else if (url.startsWith("sqlite:")) {
            database = Databases.sqlite(Path.of(url.substring("sqlite:".length())), SQLiteConfig.JournalMode.DELETE);
        } else {
            database = Databases.h2(url);
        }
        return database;
    }

    // ---- In the process ------------------------------------------------------------------------------------------

    public static void main(String[] arguments) throws Exception {
        PrintStream out = System.out;
        System.setOut(System.err); // what is logged is no answer
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        Time time = new Time();
        OkHttpClient http = new OkHttpClient();
        HeldOutcomes outcomes = new HeldOutcomes(JdbcTokenStore.create(dataSource(arguments[1])));
        WatchedStore store = new WatchedStore(outcomes, () -> out.println(STOPPED));
        Provider.Replay replay = Provider.Replay.valueOf(arguments[4]);
        try (Grantkeeper node = registration(arguments[0], arguments[2], replay, store, time.passed)
                .time(time::now, time::ticks)
                .httpClient(http)
                .tokenCallTimeout(Duration.ofMillis(Long.parseLong(arguments[3])))
                .maxWait(Duration.ofMinutes(1))
                .build()) {
            Calls calls = new Calls(node, http, arguments[0] + "/api/things", () -> {
                store.wake();
                outcomes.wake();
            });
            out.println("ready");
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                out.println(obey(line.split(" ", -1), time, calls, store, outcomes));
            }
        }
        System.exit(0);
    }

    /** Time that passes by itself, unless it stands still, and when it is told to. */
    static final class Time {
        final AtomicLong passed = new AtomicLong();
        private volatile @Nullable Instant still;
        private volatile long stillSince;

        void freeze() {
            freeze(Instant.now());
        }

        void freeze(Instant at) {
            stillSince = System.nanoTime();
            still = at;
        }

        void pass(Duration time) {
            passed.addAndGet(time.toNanos());
        }

        long ticks() {
            return (still == null ? System.nanoTime() : stillSince) + passed.get();
        }

        Instant now() {
            Instant at = still;
            return (at == null ? Instant.now() : at).plusNanos(passed.get());
        }
    }

    private static String obey(String[] order, Time time, Calls calls, WatchedStore store, HeldOutcomes outcomes)
            throws InterruptedException {
        switch (order[0]) {
            case "users" -> {
                outcomes.forgetReads();
                calls.begin(order[1], Integer.parseInt(order[2]), Integer.parseInt(order[3]));
            }
            case "freeze" -> {
                if (order.length == 1) {
                    time.freeze();
                } else {
                    time.freeze(Instant.ofEpochMilli(Long.parseLong(order[1])));
                }
            }
            case "seen" -> outcomes.awaitRead(Integer.parseInt(order[1]));
            case "hold" -> outcomes.hold();
            case "held" -> outcomes.awaitHeld(Integer.parseInt(order[1]), calls::anyDone);
            case "release" -> outcomes.release();
            case "pass" -> time.pass(Duration.ofMillis(Long.parseLong(order[1])));
            case "begin" -> calls.begin(Integer.parseInt(order[1]));
            case "end" -> {
                return calls.end();
            }
            case "call" -> {
                calls.begin(Integer.parseInt(order[1]));
                return calls.end();
            }
            case "watch" -> {
                return store.awaitDoneOrSeen(calls::done) ? "done" : "waiting";
            }
            case "look" -> {
                return store.awaitDoneOrRead(calls::done) ? "done" : "waiting";
            }
            case "stop" -> store.stopAt(WatchedStore.Stop.valueOf(order[1]));
            case "go" -> store.goOn();
            default -> throw new IllegalArgumentException(order[0]);
        }
        return order[0];
    }

    /** Calls to the API, some at once, or tokens for many users. */
    private static final class Calls {
        private final ExecutorService threads = Executors.newCachedThreadPool();
        private final Grantkeeper node;
        private final OkHttpClient api;
        private final String url;
        private final Runnable onEnd;
        private final List<CompletableFuture<Integer>> all = new ArrayList<>();

        Calls(Grantkeeper node, OkHttpClient http, String url, Runnable onEnd) {
            this.node = node;
            this.api = node.account("alice").wrap(http);
            this.url = url;
            this.onEnd = onEnd;
        }

        void begin(int calls) {
            CountDownLatch go = new CountDownLatch(1);
            all.clear();
            for (int i = 0; i < calls; i++) {
                CompletableFuture<Integer> one = CompletableFuture.supplyAsync(() -> call(go), threads);
                add(one);
            }
            go.countDown();
        }

        void begin(String prefix, int first, int end) {
            all.clear();
            for (int i = first; i < end; i++) {
                add(node.account(prefix + i).tokensAsync().thenApply(tokens -> 200));
            }
        }

        private void add(CompletableFuture<Integer> one) {
            all.add(one);
            one.whenComplete((status, problem) -> onEnd.run());
        }

        private int call(CountDownLatch go) {
            try {
                go.await();
                Request request = new Request.Builder().url(url).build();
                try (Response response = api.newCall(request).execute()) {
                    return response.code();
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }

        boolean anyDone() {
            return all.stream().anyMatch(CompletableFuture::isDone);
        }

        boolean done() {
            return all.stream().allMatch(CompletableFuture::isDone);
        }

        String end() throws InterruptedException {
            int succeeded = 0;
            String problem = "";
            for (CompletableFuture<Integer> one : all) {
                try {
                    int status = one.get();
                    succeeded += status == 200 ? 1 : 0;
                    problem = status == 200 ? problem : " status " + status;
                } catch (ExecutionException e) {
                    problem = " " + describe(e.getCause());
                }
            }
            return succeeded + problem.replace('\n', ' ');
        }

        private static String describe(Throwable problem) {
            Throwable cause = problem instanceof UncheckedIOException unchecked ? unchecked.getCause() : problem;
            return cause instanceof LoginRequiredException required
                    ? required.reason().name()
                    : cause.toString();
        }
    }
}
