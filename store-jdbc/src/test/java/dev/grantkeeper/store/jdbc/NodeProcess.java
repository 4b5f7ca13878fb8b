/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import com.zaxxer.hikari.HikariDataSource;
import dev.grantkeeper.Grantkeeper;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.SealingKeys;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import javax.sql.DataSource;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;

/**
 * A node in a process of its own, and the handle by which a test holds it. The process does what it reads from its standard
 * input, a line each: {@code pass <milliseconds>} lets time pass for it, {@code call <threads>} makes that many calls at once
 * and answers with the number that succeeded.
 */
final class NodeProcess implements AutoCloseable {
    static final String CLIENT = "nodes";
    static final String SECRET = "nodes-secret";
    static final String REDIRECT = "http://127.0.0.1:8888/callback";

    private final Process process;
    private final BufferedReader answers;
    private final PrintWriter orders;

    private NodeProcess(Process process) {
        this.process = process;
        this.answers = process.inputReader(StandardCharsets.UTF_8);
        this.orders = new PrintWriter(process.outputWriter(StandardCharsets.UTF_8), true);
    }

    static NodeProcess start(String serverUrl, String database) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-Xmx128m",
                "-cp",
                System.getProperty("java.class.path"),
                NodeProcess.class.getName(),
                serverUrl,
                database);
        return new NodeProcess(
                builder.redirectError(ProcessBuilder.Redirect.INHERIT).start());
    }

    void order(String line) {
        orders.println(line);
    }

    String answer() throws IOException {
        String line = answers.readLine();
        if (line == null) {
            throw new IOException("The node ended");
        }
        return line;
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }

    /** A registration at the server, with a clock of the test's. */
    static Grantkeeper.Builder registration(String serverUrl, DataSource database, AtomicLong passedNanos) {
        Provider provider = Provider.builder("fake")
                .allowHttpOnLoopback()
                .authorizationEndpoint(serverUrl + "/authorize")
                .tokenEndpoint(serverUrl + "/token")
                .apiOrigins(serverUrl)
                .build();
        return Grantkeeper.builder(provider)
                .clientId(CLIENT)
                .clientSecret(SECRET)
                .redirectUri(REDIRECT)
                .scopes("things.read")
                .tokenStore(JdbcTokenStore.create(database))
                .sealingKeys(SealingKeys.of("v7Qm2Xr9Ls4Tn8Yb3Wd6Zk1Pf5Hc0Jg-"))
                .time(() -> Instant.now().plusNanos(passedNanos.get()), () -> System.nanoTime() + passedNanos.get());
    }

    static DataSource dataSource(String url) {
        DataSource database = url.startsWith("postgres:")
                ? Databases.postgres(Integer.parseInt(url.substring("postgres:".length())))
                : Databases.h2(url);
        return Databases.pool(database, 4);
    }

    public static void main(String[] arguments) throws Exception {
        PrintStream out = System.out;
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        AtomicLong passed = new AtomicLong();
        ExecutorService threads = Executors.newCachedThreadPool();
        OkHttpClient http = new OkHttpClient();
        try (HikariDataSource database = (HikariDataSource) dataSource(arguments[1]);
                Grantkeeper node = registration(arguments[0], database, passed)
                        .httpClient(http)
                        .build()) {
            OkHttpClient api = node.account("alice").wrap(http);
            out.println("ready");
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                String[] order = line.split(" ", -1);
                if (order[0].equals("pass")) {
                    passed.addAndGet(Duration.ofMillis(Long.parseLong(order[1])).toNanos());
                    out.println("passed");
                } else {
                    out.println(call(threads, api, arguments[0], Integer.parseInt(order[1])));
                }
            }
        }
        System.exit(0);
    }

    private static String call(ExecutorService threads, OkHttpClient api, String serverUrl, int calls)
            throws InterruptedException {
        CountDownLatch go = new CountDownLatch(1);
        List<Future<Integer>> all = new ArrayList<>();
        for (int i = 0; i < calls; i++) {
            all.add(threads.submit(() -> {
                go.await();
                Request request =
                        new Request.Builder().url(serverUrl + "/api/things").build();
                try (Response response = api.newCall(request).execute()) {
                    return response.code();
                }
            }));
        }
        go.countDown();
        int succeeded = 0;
        String problem = "";
        for (Future<Integer> one : all) {
            try {
                int status = one.get();
                succeeded += status == 200 ? 1 : 0;
                problem = status == 200 ? problem : " status " + status;
            } catch (ExecutionException e) {
                problem = " " + e.getCause();
            }
        }
        return succeeded + problem.replace('\n', ' ');
    }
}
