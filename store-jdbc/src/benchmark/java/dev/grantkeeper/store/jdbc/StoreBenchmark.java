/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import com.zaxxer.hikari.HikariDataSource;
import dev.grantkeeper.Account;
import dev.grantkeeper.Grantkeeper;
import dev.grantkeeper.provider.Spotify;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.SealingKeys;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import javax.sql.DataSource;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.infra.IterationParams;
import org.openjdk.jmh.runner.IterationType;

/**
 * The cost of {@code find} and {@code replace} beside the same statements written by hand over the same pool, for few
 * users and many, with rows as a Spotify grant makes them.
 *
 * <p>All four are timed in turns, one call each: a machine that is slower for a minute is slower for all of them, and
 * what differs is the code and the number of rows. The median is the figure to compare, since a database server and a
 * disk have bad moments; it is printed when a benchmark ends. What JMH itself prints is the sum of the four.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 6, time = 5)
@Measurement(iterations = 6, time = 5)
@Fork(1)
public class StoreBenchmark {
    private static final String REGISTRATION = "spotify";
    private static final int BATCH = 1_000;
    private static final int MOST_SAMPLES = 1_000_000;

    /** Room for all pages of the largest table, so that it is not the disk that is measured. */
    private static final int H2_CACHE_KILOBYTES = 2_000_000;

    /** The database; H2 is a file. */
    @Param({"h2", "postgresql"})
    public String database = "h2";

    /** The number of rows in the small table. */
    @Param("1000")
    public int few = 1_000;

    /** The number of rows in the large table. */
    @Param("1000000")
    public int many = 1_000_000;

    private final SplittableRandom dice = new SplittableRandom(1);
    private final Map<String, Samples> samples = new LinkedHashMap<>();
    private Path directory;
    private HikariDataSource pool;
    private String text;
    private Users small;
    private Users large;
    private boolean measuring;
    private int turn;

    /** A table with so many rows. */
    private static final class Users {
        final String table;
        final long[] versions;
        JdbcTokenStore store;

        Users(int number) {
            this.table = "benchmark_" + number;
            this.versions = new long[number];
        }

        String name() {
            return String.format("%,d users", versions.length);
        }
    }

    /** The cost of one way, in nanoseconds. */
    private static final class Samples {
        private final long[] values = new long[MOST_SAMPLES];
        private int size;

        void add(long nanos) {
            if (size < values.length) {
                values[size++] = nanos;
            }
        }

        double medianMicros() {
            long[] sorted = Arrays.copyOf(values, size);
            Arrays.sort(sorted);
            return size == 0 ? Double.NaN : sorted[size / 2] / 1_000.0;
        }
    }

    /** One call to a database. */
    @FunctionalInterface
    private interface Operation {
        Object run(Users users) throws IOException, SQLException;
    }

    /** Makes the rows. */
    @Setup(Level.Trial)
    public void setUp() throws IOException, SQLException {
        directory = Files.createTempDirectory("grantkeeper-benchmark");
        DataSource source = database.equals("h2")
                ? Databases.h2("jdbc:h2:file:" + directory.resolve("grants") + ";WRITE_DELAY=0;CACHE_SIZE=" + H2_CACHE_KILOBYTES)
                : Databases.postgres();
        pool = Databases.pool(source, 2);
        small = new Users(few);
        large = new Users(many);
        for (Users users : new Users[] {small, large}) {
            Databases.execute(pool, "DROP TABLE IF EXISTS " + users.table);
            users.store = JdbcTokenStore.create(pool, users.table);
            text = spotifyRow(users.store);
            fill(users);
        }
        if (database.equals("h2")) {
            // As a file is after it was closed: filling it in one go leaves many copies of its pages behind.
            pool.close();
            compact(source);
            pool = Databases.pool(source, 2);
            small.store = JdbcTokenStore.on(pool, small.table);
            large.store = JdbcTokenStore.on(pool, large.table);
        }
        System.out.printf("%n# %s, %s: %,d bytes a user, of which the text is %,d%n", database, large.name(), size(large) / many,
                text.length());
    }

    /** Warming up is not counted. */
    @Setup(Level.Iteration)
    public void begin(IterationParams iteration) {
        measuring = iteration.getType() == IterationType.MEASUREMENT;
    }

    /** A row as it is written after a login at Spotify with two scopes. */
    private static String spotifyRow(JdbcTokenStore store) throws IOException {
        try (Grantkeeper spotify = Grantkeeper.builder(Spotify.provider())
                .clientId("client")
                .clientSecret("secret")
                .redirectUri("http://127.0.0.1:8888/callback")
                .scopes("user-read-email", "user-read-recently-played")
                .tokenStore(store)
                .sealingKeys(SealingKeys.of("v7Qm2Xr9Ls4Tn8Yb3Wd6Zk1Pf5Hc0Jg-"))
                .build()) {
            Account account = spotify.account("sample");
            account.importTokens(TokenSet.builder("B".repeat(230))
                    .refreshToken("A".repeat(131))
                    .receivedAt(Instant.now())
                    .expiresAt(Instant.now().plus(Duration.ofHours(1)))
                    .build());
            String row = store.find(account.key()).orElseThrow().text();
            account.forget();
            return row;
        }
    }

    private void fill(Users users) throws SQLException {
        try (Connection connection = pool.getConnection();
                PreparedStatement insert = connection.prepareStatement("INSERT INTO " + users.table
                        + " (digest, registration, account, version, text, updated_at) VALUES (?, ?, ?, ?, ?, ?)")) {
            connection.setAutoCommit(false);
            for (int user = 0; user < users.versions.length; user++) {
                AccountKey key = key(user);
                insert.setString(1, key.digest());
                insert.setString(2, key.registration());
                insert.setString(3, key.account());
                insert.setString(4, version(0));
                insert.setString(5, text);
                insert.setLong(6, System.currentTimeMillis());
                insert.addBatch();
                if ((user + 1) % BATCH == 0) {
                    insert.executeBatch();
                    connection.commit();
                }
            }
            insert.executeBatch();
            connection.commit();
            connection.setAutoCommit(true);
        }
        if (database.equals("postgresql")) {
            Databases.execute(pool, "VACUUM ANALYZE " + users.table);
        }
    }

    private static void compact(DataSource h2) throws SQLException {
        try (Connection connection = h2.getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute("SHUTDOWN COMPACT");
        } catch (SQLException e) {
            if (e.getErrorCode() != 90121) { // closed, by this very statement
                throw e;
            }
        }
    }

    private long size(Users users) throws IOException, SQLException {
        if (database.equals("h2")) {
            try (Stream<Path> files = Files.list(directory)) {
                return files.mapToLong(file -> file.toFile().length()).sum();
            }
        }
        try (Connection connection = pool.getConnection();
                PreparedStatement query = connection.prepareStatement("SELECT pg_total_relation_size('" + users.table + "')");
                ResultSet row = query.executeQuery()) {
            row.next();
            return row.getLong(1);
        }
    }

    /** Tells what was measured, and ends what was begun. */
    @TearDown(Level.Trial)
    public void tearDown() throws IOException, SQLException {
        samples.forEach((way, costs) ->
                System.out.printf("%n# %s, %s: %.1f us (median of %,d)", database, way, costs.medianMicros(), costs.size));
        System.out.println();
        Databases.execute(pool, "DROP TABLE " + small.table);
        Databases.execute(pool, "DROP TABLE " + large.table);
        pool.close();
        try (Stream<Path> files = Files.list(directory)) {
            files.forEach(file -> file.toFile().delete());
        }
        Files.delete(directory);
    }

    private static AccountKey key(int user) {
        return new AccountKey(REGISTRATION, "user-" + user);
    }

    private int any(Users users) {
        return dice.nextInt(users.versions.length);
    }

    /** As long as the versions that the library makes. */
    private static String version(long number) {
        return String.format("%022d", number);
    }

    /** The store's read. */
    @Benchmark
    public void find() throws IOException, SQLException {
        inTurns("find", this::findWithStore, "the same statement by hand", this::findByHand);
    }

    /** The store's guarded write. */
    @Benchmark
    public void replace() throws IOException, SQLException {
        inTurns("replace", this::replaceWithStore, "the same statement by hand", this::replaceByHand);
    }

    /** Each way on each table once. Who goes first changes: the second finds pages warm that the first has brought. */
    private void inTurns(String one, Operation first, String other, Operation second) throws IOException, SQLException {
        boolean swapped = (++turn & 1) == 0;
        for (Users users : new Users[] {small, large}) {
            measure(swapped ? other : one, users, swapped ? second : first);
            measure(swapped ? one : other, users, swapped ? first : second);
        }
    }

    private void measure(String way, Users users, Operation operation) throws IOException, SQLException {
        long start = System.nanoTime();
        Object result = operation.run(users);
        long nanos = System.nanoTime() - start;
        if (result == null) {
            throw new IllegalStateException("Nobody else writes, and nobody deletes");
        }
        if (measuring) {
            samples.computeIfAbsent(users.name() + ", " + way, ignored -> new Samples()).add(nanos);
        }
    }

    private StoredTokens findWithStore(Users users) throws IOException {
        return users.store.find(key(any(users))).orElse(null);
    }

    private StoredTokens findByHand(Users users) throws SQLException {
        AccountKey key = key(any(users));
        try (Connection connection = pool.getConnection();
                PreparedStatement select =
                        connection.prepareStatement("SELECT version, text FROM " + users.table + " WHERE digest = ?")) {
            select.setString(1, key.digest());
            try (ResultSet row = select.executeQuery()) {
                return row.next() ? new StoredTokens(row.getString(1), row.getString(2)) : null;
            }
        }
    }

    private StoredTokens replaceWithStore(Users users) throws IOException {
        int user = any(users);
        String before = version(users.versions[user]);
        StoredTokens next = new StoredTokens(version(++users.versions[user]), text);
        return users.store.replace(key(user), before, next) ? next : null;
    }

    private String replaceByHand(Users users) throws SQLException {
        int user = any(users);
        String before = version(users.versions[user]);
        String next = version(++users.versions[user]);
        AccountKey key = key(user);
        try (Connection connection = pool.getConnection();
                PreparedStatement update = connection.prepareStatement("UPDATE " + users.table
                        + " SET version = ?, text = ?, updated_at = ? WHERE digest = ? AND version = ?")) {
            update.setString(1, next);
            update.setString(2, text);
            update.setLong(3, System.currentTimeMillis());
            update.setString(4, key.digest());
            update.setString(5, before);
            return update.executeUpdate() == 1 ? next : null;
        }
    }
}
