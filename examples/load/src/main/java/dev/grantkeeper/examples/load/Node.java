/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.load;

import dev.grantkeeper.Grantkeeper;
import dev.grantkeeper.LoginRequiredException;
import dev.grantkeeper.provider.Provider.Replay;
import dev.grantkeeper.store.jdbc.JdbcTokenStore;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenSet;
import dev.grantkeeper.token.TokenStore;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.logging.LogManager;
import okhttp3.ConnectionPool;
import okhttp3.OkHttpClient;
import org.HdrHistogram.ConcurrentHistogram;

/**
 * A node of an application, in a process of its own: one object of each library, each with a pool of connections of its
 * own. Each method with an order as its parameter says what the order's words are.
 */
final class Node {
    /** Long enough for a refresh that nobody waits for to be under way or done. */
    private static final Duration MOMENT = Duration.ofMillis(30);

    /** The seconds after which a node with many users hears from its store at the latest. */
    private static final int HEARD_EVERY = 4;

    private final Addresses addresses;
    private final int postgres;
    private final int connections;
    private final OkHttpClient http = new OkHttpClient.Builder()
            .connectionPool(new ConnectionPool(5_000, 1, TimeUnit.MINUTES))
            .readTimeout(Duration.ofSeconds(60))
            .build();
    private final ExecutorService threads = Threads.perTask();
    private final Map<String, Library> libraries = new ConcurrentHashMap<>();
    /** The connections of Grantkeeper. */
    private final CountingDataSource database;

    private Node(int server, int postgres, int connections) {
        this.addresses = new Addresses(server);
        this.postgres = postgres;
        this.connections = connections;
        this.database = database();
    }

    public static void main(String[] arguments) throws IOException {
        LogManager.getLogManager().reset(); // Google's client logs each refused refresh with its stack
        Node node = new Node(
                Integer.parseInt(arguments[0]), Integer.parseInt(arguments[1]), Integer.parseInt(arguments[2]));
        Child.serve(node::obey);
    }

    static Child start(int server, int postgres, int connections) throws IOException {
        return Child.start(
                Node.class, "512m", String.valueOf(server), String.valueOf(postgres), String.valueOf(connections));
    }

    private Figures obey(String[] order) throws Exception {
        return switch (order[0]) {
            case "keep" -> keep(order);
            case "call" -> call(order);
            case "load" -> load(order);
            case "stampede" -> stampede(order);
            case "persist" -> persist(order);
            case "statements" -> statements();
            case "trace" -> {
                database.trace();
                yield new Figures();
            }
            case "traced" -> traced();
            case "hour" -> hour(order);
            case "capacity" -> capacity(order);
            case "memory" -> memory(order);
            default -> throw new IllegalArgumentException(order[0]);
        };
    }

    /** A pool for each library: what one of them does to it must not slow another one down. */
    private CountingDataSource database() {
        return new CountingDataSource(Databases.pool(postgres, connections));
    }

    private Library library(String name) {
        return libraries.computeIfAbsent(name, this::open);
    }

    private Library open(String name) {
        try {
            return switch (name) {
                case "constant" -> new ConstantTokens(http, addresses);
                case "grantkeeper" -> new GrantkeeperLibrary(name, Replay.LATE, http, addresses, store());
                case "grantkeeper-prompt" -> new GrantkeeperLibrary(name, Replay.PROMPT, http, addresses, store());
                case "spring" -> new SpringLibrary(http, addresses, database().counted());
                case "google" -> new GoogleLibrary(addresses, database().counted(), false);
                case "google-shared" -> new GoogleLibrary(addresses, database().counted(), true);
                case "scribe" -> new ScribeLibrary(addresses, database().counted());
                case "msal" -> new MsalLibrary(http, addresses, database().counted());
                case "synchronized" ->
                    new SynchronizedLibrary(http, addresses, database().counted());
                default -> throw new IllegalArgumentException(name);
            };
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    private TokenStore store() {
        return JdbcTokenStore.create(database.counted());
    }

    /** {@code keep <library> <prefix> <first> <end> <lifetime> <left>}, in milliseconds: stores these users' tokens. */
    private Figures keep(String[] order) throws Exception {
        Library library = library(order[1]);
        Duration lifetime = Duration.ofMillis(Long.parseLong(order[5]));
        Duration left = Duration.ofMillis(Long.parseLong(order[6]));
        AtomicInteger next = new AtomicInteger(Integer.parseInt(order[3]));
        int end = Integer.parseInt(order[4]);
        List<Future<?>> all = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            all.add(threads.submit(() -> {
                for (int user = next.getAndIncrement(); user < end; user = next.getAndIncrement()) {
                    library.keep(order[2] + user, Tokens.first(order[2] + user, lifetime, left));
                }
                return null;
            }));
        }
        for (Future<?> one : all) {
            one.get();
        }
        return new Figures();
    }

    /** {@code call <library> <user>}: one call. */
    private Figures call(String[] order) {
        Tally tally = new Tally();
        tally.call(library(order[1]), order[2]);
        return tally.figures();
    }

    /** The results of the calls of many threads. Thread-safe. */
    private static final class Tally {
        private final ConcurrentHistogram micros = new ConcurrentHistogram(TimeUnit.MINUTES.toMicros(2), 3);
        private final AtomicLong calls = new AtomicLong();
        private final AtomicLong failed = new AtomicLong();
        private final Map<String, Boolean> lost = new ConcurrentHashMap<>();
        private volatile String problem = "none"; // one of them

        boolean call(Library library, String user) {
            long began = System.nanoTime();
            String what;
            try {
                int status = library.call(user);
                what = status == 200 ? "" : "status " + status;
            } catch (Exception e) {
                what = e.toString();
                if (e instanceof LoginRequiredException) {
                    lost.put(user, true);
                }
            }
            micros.recordValue(Math.min(
                    TimeUnit.NANOSECONDS.toMicros(System.nanoTime() - began), micros.getHighestTrackableValue()));
            calls.incrementAndGet();
            if (!what.isEmpty()) {
                failed.incrementAndGet();
                problem = what.substring(0, Math.min(300, what.length()));
            }
            return what.isEmpty();
        }

        Figures figures() {
            ByteBuffer buffer = ByteBuffer.allocate(micros.getNeededByteBufferCapacity());
            int length = micros.encodeIntoCompressedByteBuffer(buffer);
            return new Figures()
                    .with("calls", calls.get())
                    .with("failed", failed.get())
                    .with("lost", lost.size())
                    .with("problem", problem)
                    .with("histogram", Base64.getEncoder().encodeToString(Arrays.copyOf(buffer.array(), length)));
        }
    }

    /**
     * {@code load <library> <prefix> <users> <threads> <milliseconds> <calls per second>}: calls for users at random,
     * some of them much more often than others; without a pause if the rate is 0.
     */
    private Figures load(String[] order) throws Exception {
        Library library = library(order[1]);
        int users = Integer.parseInt(order[3]);
        int count = Integer.parseInt(order[4]);
        long duration = TimeUnit.MILLISECONDS.toNanos(Long.parseLong(order[5]));
        long rate = Long.parseLong(order[6]);
        Tally tally = new Tally();
        long began = System.nanoTime();
        together(count, thread -> {
            // Nodes with the same seeds would all call for the same user at the same moment.
            SplittableRandom random =
                    new SplittableRandom(ProcessHandle.current().pid() * 1_000_003 + thread);
            for (long turn = 0; System.nanoTime() - began < duration; turn++) {
                if (rate > 0) {
                    long at = TimeUnit.SECONDS.toNanos(turn * count + thread) / rate;
                    if (at >= duration) {
                        return;
                    }
                    pause(Duration.ofNanos(at - (System.nanoTime() - began)));
                }
                double where = random.nextDouble();
                if (!tally.call(library, order[2] + (int) (users * where * where))) {
                    pause(Duration.ofMillis(50));
                }
            }
        });
        return tally.figures().with("millis", TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began));
    }

    private static void pause(Duration time) throws InterruptedException {
        if (!time.isNegative() && !time.isZero()) {
            TimeUnit.NANOSECONDS.sleep(time.toNanos());
        }
    }

    private interface Task {
        void run(int thread) throws Exception;
    }

    /** Runs a task in so many threads, which all begin when all are there. */
    private void together(int count, Task task) throws Exception {
        CountDownLatch ready = new CountDownLatch(count);
        CountDownLatch go = new CountDownLatch(1);
        List<Future<?>> all = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int thread = i;
            all.add(threads.submit(() -> {
                ready.countDown();
                go.await();
                task.run(thread);
                return null;
            }));
        }
        ready.await();
        go.countDown();
        for (Future<?> one : all) {
            one.get();
        }
    }

    /** {@code stampede <library> <user> <threads>}: so many threads call at once, each once. */
    private Figures stampede(String[] order) throws Exception {
        Library library = library(order[1]);
        Tally tally = new Tally();
        together(Integer.parseInt(order[3]), thread -> tally.call(library, order[2]));
        return tally.figures();
    }

    /**
     * {@code persist <library> <prefix> <users> <threads> <milliseconds> <pause> <once>}: so many threads, spread over
     * the users, call again and again with a pause, until the time is over or, with {@code once} 1, until they are
     * served. Answers also with the longest time that one was not served.
     */
    private Figures persist(String[] order) throws Exception {
        Library library = library(order[1]);
        int users = Integer.parseInt(order[3]);
        Duration longest = Duration.ofMillis(Long.parseLong(order[5]));
        Duration pause = Duration.ofMillis(Long.parseLong(order[6]));
        boolean once = order[7].equals("1");
        Tally tally = new Tally();
        AtomicLong unserved = new AtomicLong();
        AtomicLong longestMillis = new AtomicLong();
        together(Integer.parseInt(order[4]), thread -> {
            long began = System.nanoTime();
            long since = began;
            boolean served = false;
            while (!(once && served) && System.nanoTime() - began < longest.toNanos()) {
                served = tally.call(library, order[2] + thread % users);
                long now = System.nanoTime();
                longestMillis.accumulateAndGet(TimeUnit.NANOSECONDS.toMillis(now - since), Math::max);
                since = served ? now : since;
                pause(pause);
            }
            if (!served) {
                unserved.incrementAndGet();
            }
        });
        return tally.figures().with("unserved", unserved.get()).with("longest", longestMillis.get());
    }

    private Figures statements() {
        return new Figures()
                .with("reads", database.reads())
                .with("writes", database.writes())
                .with("losses", database.losses());
    }

    private Figures traced() {
        return new Figures().with("statements", String.join("|", database.traced()));
    }

    /**
     * {@code hour <user> <seconds> <others>}: what an hour of one user costs, with a call in each so many seconds, at a
     * random moment of them, tokens of an hour, and a clock that is moved. So many other users, whose tokens live
     * longer, call in turns meanwhile; if they are enough for each to wait longer than a row is trusted, this node
     * hears from the store in each of these calls.
     */
    private Figures hour(String[] order) throws Exception {
        Duration hour = Duration.ofHours(1);
        int interval = Integer.parseInt(order[2]);
        int others = Integer.parseInt(order[3]);
        SplittableRandom random = new SplittableRandom(interval);
        AtomicLong passed = new AtomicLong();
        try (Grantkeeper grantkeeper = GrantkeeperLibrary.builder("hour", Replay.LATE, addresses, store())
                .time(() -> Instant.now().plusNanos(passed.get()), () -> System.nanoTime() + passed.get())
                .build()) {
            boolean kept = grantkeeper
                    .account(order[1])
                    .importTokens(GrantkeeperLibrary.tokenSet(Tokens.first(order[1], hour, hour)));
            for (int other = 0; other < others; other++) {
                String name = order[1] + "-" + other;
                kept &= grantkeeper
                        .account(name)
                        .importTokens(GrantkeeperLibrary.tokenSet(
                                Tokens.first(name, Duration.ofDays(1), Duration.ofDays(1))));
            }
            long writes = database.writes();
            long reads = 0;
            long calls = 0;
            int next = 1;
            int turn = 0;
            int seconds = (int) hour.toSeconds();
            for (int second = 1; second <= seconds; second++) {
                passed.addAndGet(TimeUnit.SECONDS.toNanos(1));
                if (others > 0 && second % HEARD_EVERY == 0) {
                    grantkeeper.account(order[1] + "-" + turn++ % others).tokens();
                }
                if (second % interval == 1 % interval) {
                    // The last call comes at the end, so that each hour has its refresh.
                    next = second + interval > seconds ? seconds : second + random.nextInt(interval);
                }
                if (second == next) {
                    long before = database.reads();
                    TokenSet tokens = grantkeeper.account(order[1]).tokens();
                    calls++;
                    Duration left = Duration.between(
                            Instant.now().plusNanos(passed.get()),
                            tokens.expiresAt().orElseThrow());
                    // Where a refresh may have begun, time passes only after it.
                    if (left.compareTo(Duration.ofMinutes(8)) < 0) {
                        do {
                            pause(MOMENT);
                        } while ((database.writes() - writes) % 2 != 0);
                    }
                    reads += database.reads() - before;
                }
            }
            return new Figures()
                    .with("kept", kept ? 1 : 0)
                    .with("calls", calls)
                    .with("reads", reads)
                    .with("writes", database.writes() - writes);
        }
    }

    /**
     * {@code capacity <reads or writes> <prefix> <rows> <threads> <milliseconds>}: statements of the store, as many as
     * the database takes. The rows are made for this, and as long as a grant's.
     */
    private Figures capacity(String[] order) throws Exception {
        TokenStore store = store();
        boolean reads = order[1].equals("reads");
        int rows = Integer.parseInt(order[3]);
        String text = "x".repeat(863);
        for (int row = 0; row < rows; row++) {
            boolean unused = store.create(new AccountKey("capacity", order[2] + row), new StoredTokens("0", text));
        }
        LongAdder found = new LongAdder();
        int count = Integer.parseInt(order[4]);
        long duration = TimeUnit.MILLISECONDS.toNanos(Long.parseLong(order[5]));
        long began = System.nanoTime();
        together(count, thread -> {
            // Each thread has rows of its own: it knows their versions.
            int own = rows / count;
            for (int turn = 0; System.nanoTime() - began < duration; turn++) {
                AccountKey key = new AccountKey("capacity", order[2] + (thread * own + turn % own));
                if (reads) {
                    found.add(store.find(key).isPresent() ? 1 : 0);
                } else {
                    String next = String.valueOf(turn / own + 1);
                    boolean replaced = store.replace(key, String.valueOf(turn / own), new StoredTokens(next, text));
                    found.add(replaced ? 1 : 0);
                }
            }
        });
        return new Figures()
                .with("statements", found.sum())
                .with("millis", TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began));
    }

    /** {@code memory <prefix> <users>}: the heap that one remembered row takes, in bytes. */
    private Figures memory(String[] order) throws Exception {
        GrantkeeperLibrary library = (GrantkeeperLibrary) library("grantkeeper");
        int users = Integer.parseInt(order[2]);
        library.account(order[1] + 0).tokens();
        long before = usedHeap();
        for (int user = 1; user < users; user++) {
            library.account(order[1] + user).tokens();
        }
        return new Figures().with("bytes", (usedHeap() - before) / (users - 1));
    }

    private static long usedHeap() throws InterruptedException {
        Runtime runtime = Runtime.getRuntime();
        for (int i = 0; i < 3; i++) {
            System.gc();
            TimeUnit.MILLISECONDS.sleep(50);
        }
        return runtime.totalMemory() - runtime.freeMemory();
    }
}
