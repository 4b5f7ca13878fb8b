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
import java.util.Optional;
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

/**
 * What {@code find} and {@code replace} cost beside the same statements written by hand over the same pool, for few users and
 * many, with rows as a Spotify grant makes them. The median is the figure to compare: a database server and a disk have bad moments.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 3)
@Measurement(iterations = 5, time = 3)
@Fork(1)
public class StoreBenchmark {
    private static final String REGISTRATION = "spotify";
    private static final String TABLE = "benchmark";
    private static final int BATCH = 1_000;

    /** Room for all pages of the largest table, so that it is not the disk that is measured. */
    private static final int H2_CACHE_KILOBYTES = 2_000_000;

    /** The database; H2 is a file. */
    @Param({"h2", "postgresql"})
    public String database = "h2";

    /** How many rows there are. */
    @Param({"1000", "1000000"})
    public int users = 1_000;

    private final SplittableRandom dice = new SplittableRandom(1);
    private Path directory;
    private HikariDataSource pool;
    private JdbcTokenStore store;
    private String text;
    private long[] versions;

    /** Makes the rows. */
    @Setup(Level.Trial)
    public void setUp() throws IOException, SQLException {
        directory = Files.createTempDirectory("grantkeeper-benchmark");
        DataSource source = database.equals("h2")
                ? Databases.h2("jdbc:h2:file:" + directory.resolve("grants") + ";WRITE_DELAY=0;CACHE_SIZE=" + H2_CACHE_KILOBYTES)
                : Databases.postgres();
        pool = Databases.pool(source, 2);
        Databases.execute(pool, "DROP TABLE IF EXISTS " + TABLE);
        store = JdbcTokenStore.create(pool, TABLE);
        text = spotifyRow();
        versions = new long[users];
        fill();
        if (database.equals("h2")) {
            // As a file is after it was closed: filling it in one go leaves many copies of its pages behind.
            pool.close();
            compact(source);
            pool = Databases.pool(source, 2);
            store = JdbcTokenStore.on(pool, TABLE);
        }
        System.out.printf("%n# %s, %,d users: %,d bytes a user, of which the text is %,d%n", database, users, size() / users,
                text.length());
    }

    /** A row as it is written after a login at Spotify with two scopes. */
    private String spotifyRow() throws IOException {
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

    private void fill() throws SQLException {
        try (Connection connection = pool.getConnection();
                PreparedStatement insert = connection.prepareStatement("INSERT INTO " + TABLE
                        + " (digest, registration, account, version, text, updated_at) VALUES (?, ?, ?, ?, ?, ?)")) {
            connection.setAutoCommit(false);
            for (int user = 0; user < users; user++) {
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
            Databases.execute(pool, "VACUUM ANALYZE " + TABLE);
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

    private long size() throws IOException, SQLException {
        if (database.equals("h2")) {
            try (Stream<Path> files = Files.list(directory)) {
                return files.mapToLong(file -> file.toFile().length()).sum();
            }
        }
        try (Connection connection = pool.getConnection();
                PreparedStatement query = connection.prepareStatement("SELECT pg_total_relation_size('" + TABLE + "')");
                ResultSet row = query.executeQuery()) {
            row.next();
            return row.getLong(1);
        }
    }

    /** Ends what was begun. */
    @TearDown(Level.Trial)
    public void tearDown() throws IOException, SQLException {
        Databases.execute(pool, "DROP TABLE " + TABLE);
        pool.close();
        try (Stream<Path> files = Files.list(directory)) {
            files.forEach(file -> file.toFile().delete());
        }
        Files.delete(directory);
    }

    private static AccountKey key(int user) {
        return new AccountKey(REGISTRATION, "user-" + user);
    }

    /** As long as the versions that the library makes. */
    private static String version(long number) {
        return String.format("%022d", number);
    }

    /** The store's read. */
    @Benchmark
    public Optional<StoredTokens> find() throws IOException {
        return store.find(key(dice.nextInt(users)));
    }

    /** The same statement, written by hand. */
    @Benchmark
    public Optional<StoredTokens> findByHand() throws SQLException {
        AccountKey key = key(dice.nextInt(users));
        try (Connection connection = pool.getConnection();
                PreparedStatement select =
                        connection.prepareStatement("SELECT version, text FROM " + TABLE + " WHERE digest = ?")) {
            select.setString(1, key.digest());
            try (ResultSet row = select.executeQuery()) {
                return row.next() ? Optional.of(new StoredTokens(row.getString(1), row.getString(2))) : Optional.empty();
            }
        }
    }

    /** The store's guarded write. */
    @Benchmark
    public void replace() throws IOException {
        int user = dice.nextInt(users);
        String before = version(versions[user]);
        if (!store.replace(key(user), before, new StoredTokens(version(++versions[user]), text))) {
            throw new IllegalStateException("Nobody else writes");
        }
    }

    /** The same statement, written by hand. */
    @Benchmark
    public void replaceByHand() throws SQLException {
        int user = dice.nextInt(users);
        String before = version(versions[user]);
        AccountKey key = key(user);
        try (Connection connection = pool.getConnection();
                PreparedStatement update = connection.prepareStatement("UPDATE " + TABLE
                        + " SET version = ?, text = ?, updated_at = ? WHERE digest = ? AND version = ?")) {
            update.setString(1, version(++versions[user]));
            update.setString(2, text);
            update.setLong(3, System.currentTimeMillis());
            update.setString(4, key.digest());
            update.setString(5, before);
            if (update.executeUpdate() != 1) {
                throw new IllegalStateException("Nobody else writes");
            }
        }
    }
}
