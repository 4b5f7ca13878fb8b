/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.grantkeeper.Account;
import dev.grantkeeper.ClientMetadata;
import dev.grantkeeper.LoginRequiredException;
import dev.grantkeeper.LoginResult;
import dev.grantkeeper.PendingLogin;
import dev.grantkeeper.ProtectedApis;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.SealingKeys;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenStore;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.InterruptedIOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.stream.Stream;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import org.slf4j.LoggerFactory;

/**
 * A node that calls APIs of which it knows the URL only, with a thread for each of its users. It is held by a
 * {@link NodeProcess}, and its clock stands still. Orders and answers are lines:
 *
 * <ul>
 *   <li>{@code pass <milliseconds>} lets time pass
 *   <li>{@code begin <API> <users>} calls the API for these users, all at once; each is told to sign in, and starts a
 *       login. {@code logins} waits for that, and answers with their URLs, or with what went wrong
 *   <li>{@code finish <API> <callbacks>} finishes these logins, and each thread calls the API. {@code call <API>
 *       <users>} calls it for users that have signed in. {@code end} waits for either and answers with the number of
 *       calls that succeeded, and with what went wrong
 *   <li>{@code wait <milliseconds>} waits no longer than that, and answers whether all is {@code done}, or
 *       {@code waiting}
 *   <li>{@code stop} makes the node halt when it has registered and is about to store that, {@code go} ends that
 *   <li>{@code look} waits until the row of a registration was read once more ({@code waiting}), or all is {@code done}
 *   <li>{@code warned <part of a message>} answers with the number of such messages in its log
 * </ul>
 */
final class ApiNode {
    private static final String REDIRECT = "http://127.0.0.1:8888/callback";

    private final OkHttpClient http;
    private final ProtectedApis apis;
    private final RegistrationRows rows;
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final Map<String, PendingLogin> pending = new ConcurrentHashMap<>();
    private final ListAppender<ILoggingEvent> log = new ListAppender<>();
    private List<CompletableFuture<String>> all = List.of();

    private ApiNode(OkHttpClient http, ProtectedApis apis, RegistrationRows rows) {
        this.http = http;
        this.apis = apis;
        this.rows = rows;
        Logger root = (Logger) LoggerFactory.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
        log.start();
        root.addAppender(log);
    }

    static NodeProcess start(String database, String name, Consumer<NodeProcess> onStop) throws IOException {
        return NodeProcess.start(ApiNode.class, name, onStop, database, name);
    }

    /** Runs a node over the database that the first argument names, under the name that is the second. */
    public static void main(String[] arguments) throws Exception {
        PrintStream out = System.out;
        System.setOut(System.err); // what is logged is no answer
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        NodeProcess.Time time = new NodeProcess.Time();
        time.freeze();
        RegistrationRows rows = new RegistrationRows(
                JdbcTokenStore.create(NodeProcess.dataSource(arguments[0])), () -> out.println(NodeProcess.STOPPED));
        OkHttpClient http = new OkHttpClient();
        try (ProtectedApis apis = ProtectedApis.builder(
                        ClientMetadata.named("node " + arguments[1]).redirectUri(REDIRECT))
                .tokenStore(rows)
                .sealingKeys(SealingKeys.of("v7Qm2Xr9Ls4Tn8Yb3Wd6Zk1Pf5Hc0Jg-"))
                .allowHttpOnLoopback()
                .maxWait(Duration.ofMinutes(10))
                .time(time::now, time::ticks)
                .build()) {
            ApiNode node = new ApiNode(http, apis, rows);
            out.println("ready");
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                out.println(node.obey(line.split(" ", -1), time));
            }
        }
        System.exit(0);
    }

    private String obey(String[] order, NodeProcess.Time time) throws InterruptedException {
        switch (order[0]) {
            case "pass" -> time.pass(Duration.ofMillis(Long.parseLong(order[1])));
            case "begin" -> begin(each(order).map(user -> () -> startLogin(order[1], user)));
            case "logins" -> {
                return logins();
            }
            case "finish" -> begin(each(order).map(callback -> () -> finishLogin(order[1], callback)));
            case "call" -> begin(each(order).map(user -> () -> call(order[1], apis.account(order[1], user))));
            case "end" -> {
                return end();
            }
            case "wait" -> {
                return isDoneWithin(Long.parseLong(order[1])) ? "done" : "waiting";
            }
            case "stop" -> rows.stop();
            case "go" -> rows.goOn();
            case "look" -> {
                return rows.awaitDoneOrRead(this::done) ? "done" : "waiting";
            }
            case "warned" -> {
                return warned(String.join(" ", List.of(order).subList(1, order.length)));
            }
            default -> throw new IllegalArgumentException(order[0]);
        }
        return order[0];
    }

    /** The third word of an order and those after it. */
    private static Stream<String> each(String[] order) {
        return Stream.of(order).skip(2);
    }

    private void begin(Stream<Callable<String>> tasks) {
        CountDownLatch go = new CountDownLatch(1);
        List<CompletableFuture<String>> begun = new ArrayList<>();
        tasks.forEach(task -> begun.add(CompletableFuture.supplyAsync(() -> after(go, task), threads)));
        begun.forEach(one -> one.whenComplete((result, problem) -> rows.wake()));
        all = begun;
        go.countDown();
    }

    private static String after(CountDownLatch go, Callable<String> task) {
        try {
            go.await();
            return task.call();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    private String startLogin(String api, String user) throws IOException {
        Account account = apis.account(api, user);
        try {
            return "status " + call(api, account) + " without a login";
        } catch (LoginRequiredException e) {
            PendingLogin login =
                    apis.newLogin(account).inResponseTo(e).appState(user).start();
            pending.put(login.sessionKey(), login);
            return login.url().toString();
        }
    }

    private String finishLogin(String api, String callback) throws IOException {
        String query = URI.create(callback).getRawQuery();
        LoginResult result = apis.finishLogin(pending.remove(PendingLogin.sessionKeyOf(query)), query);
        return result instanceof LoginResult.SignedIn in
                ? call(api, in.keepAs(in.appState().orElseThrow()))
                : result.toString();
    }

    private String call(String api, Account account) throws IOException {
        Request request = new Request.Builder().url(api).build();
        try (Response response = account.wrap(http).newCall(request).execute()) {
            return String.valueOf(response.code());
        }
    }

    private boolean done() {
        return all.stream().allMatch(CompletableFuture::isDone);
    }

    private boolean isDoneWithin(long millis) throws InterruptedException {
        try {
            CompletableFuture.allOf(all.toArray(CompletableFuture<?>[]::new)).get(millis, TimeUnit.MILLISECONDS);
            return true;
        } catch (ExecutionException e) {
            return true; // what went wrong is asked for later
        } catch (TimeoutException e) {
            return false;
        }
    }

    private String logins() throws InterruptedException {
        List<String> urls = new ArrayList<>();
        for (CompletableFuture<String> one : all) {
            urls.add(result(one).replace(' ', '_'));
        }
        return String.join(" ", urls);
    }

    private String end() throws InterruptedException {
        int succeeded = 0;
        String problem = "";
        for (CompletableFuture<String> one : all) {
            String result = result(one);
            if (result.equals("200")) {
                succeeded++;
            } else {
                problem = " " + result;
            }
        }
        return succeeded + problem.replace('\n', ' ');
    }

    private static String result(CompletableFuture<String> one) throws InterruptedException {
        try {
            return one.get();
        } catch (ExecutionException e) {
            return String.valueOf(e.getCause().getCause());
        }
    }

    private String warned(String part) {
        synchronized (log) {
            return String.valueOf(log.list.stream()
                    .filter(event -> event.getFormattedMessage().contains(part))
                    .count());
        }
    }

    /** A store that knows what happens to registrations. Thread-safe. */
    private static final class RegistrationRows implements TokenStore {
        /** A row is sealed, but a client and the metadata of its server make it long. */
        private static final int WITH_METADATA = 1_000;

        private final TokenStore store;
        private final Runnable onStop;

        // all guarded by this
        private int finds;
        private boolean stops;

        RegistrationRows(TokenStore store, Runnable onStop) {
            this.store = store;
            this.onStop = onStop;
        }

        private static boolean isRegistration(AccountKey key) {
            return key.registration().endsWith(" clients");
        }

        synchronized void stop() {
            stops = true;
        }

        synchronized void goOn() {
            stops = false;
            notifyAll();
        }

        synchronized void wake() {
            notifyAll();
        }

        synchronized boolean awaitDoneOrRead(BooleanSupplier done) throws InterruptedException {
            int before = finds;
            while (!done.getAsBoolean() && finds == before) {
                wait();
            }
            return done.getAsBoolean();
        }

        @Override
        public Optional<StoredTokens> find(AccountKey key) throws IOException {
            Optional<StoredTokens> found = store.find(key);
            if (isRegistration(key)) {
                synchronized (this) {
                    finds++;
                    notifyAll();
                }
            }
            return found;
        }

        @Override
        public boolean create(AccountKey key, StoredTokens tokens) throws IOException {
            return store.create(key, tokens);
        }

        @Override
        public boolean replace(AccountKey key, String version, StoredTokens next) throws IOException {
            if (isRegistration(key) && next.text().length() > WITH_METADATA) {
                halt();
            }
            return store.replace(key, version, next);
        }

        private synchronized void halt() throws IOException {
            if (stops) {
                onStop.run();
            }
            try {
                while (stops) {
                    wait();
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new InterruptedIOException();
            }
        }

        @Override
        public boolean delete(AccountKey key, String version) throws IOException {
            return store.delete(key, version);
        }
    }
}
