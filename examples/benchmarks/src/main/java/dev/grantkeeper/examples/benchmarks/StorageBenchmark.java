/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.benchmarks;

import com.zaxxer.hikari.HikariDataSource;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.row.RowFormat;
import dev.grantkeeper.internal.row.UnreadableRowException;
import dev.grantkeeper.internal.row.VersionedRow;
import dev.grantkeeper.store.jdbc.JdbcTokenStore;
import dev.grantkeeper.store.memory.MemoryTokenStore;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.SealingKeys;
import dev.grantkeeper.token.StoredTokens;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** One row: sealed, written, read, and the same statements by hand over the same pool. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class StorageBenchmark {
    private static final String PURPOSE = "benchmark";

    private final SealingKeys keys = SealingKeys.of(GrantkeeperWays.SECRET);
    private final RowFormat format = new RowFormat(keys);
    private final HikariDataSource pool = TestDatabase.open("mem:" + UUID.randomUUID() + ";DB_CLOSE_DELAY=-1");
    private final JdbcTokenStore jdbc = JdbcTokenStore.create(pool, "grants");
    private final MemoryTokenStore memory = MemoryTokenStore.create();
    private final GrantRow row = GrantRow.of(RowFormat.newName(), Tokens.ISSUED_AT, GrantkeeperWays.tokens(), null);
    private final AccountKey key = new AccountKey("diary", GrantkeeperWays.USER);
    private final StoredTokens stored = format.write(key, row);
    private final String text = stored.text();
    private final String sealed = keys.seal(PURPOSE, "", text);
    private String version = stored.version();
    private long writes;

    /** Writes the row. */
    @Setup
    public void setUp() throws IOException {
        jdbc.create(key, stored);
        memory.create(key, stored);
    }

    /** Closes the pool. */
    @TearDown
    public void tearDown() {
        pool.close();
    }

    /** Seals a text as long as a row. */
    @Benchmark
    public String seal() {
        return keys.seal(PURPOSE, "", text);
    }

    /** Opens it. */
    @Benchmark
    public String open() throws GeneralSecurityException {
        return keys.open(PURPOSE, "", sealed);
    }

    /** A row as it is stored, from what it says; sealed. */
    @Benchmark
    public StoredTokens write() {
        return format.write(key, row);
    }

    /** The other way round. */
    @Benchmark
    public VersionedRow read() throws UnreadableRowException {
        return format.read(key, stored);
    }

    /** A read of the memory store. */
    @Benchmark
    public Optional<StoredTokens> findInMemory() {
        return memory.find(key);
    }

    /** The store's read. */
    @Benchmark
    public Optional<StoredTokens> find() throws IOException {
        return jdbc.find(key);
    }

    /** The same statement by hand. */
    @Benchmark
    public StoredTokens findByHand() throws SQLException {
        try (Connection connection = pool.getConnection();
                PreparedStatement select =
                        connection.prepareStatement("SELECT version, text FROM grants WHERE digest = ?")) {
            select.setString(1, key.digest());
            try (ResultSet found = select.executeQuery()) {
                if (!found.next()) {
                    throw new IllegalStateException("Nobody deletes it");
                }
                return new StoredTokens(found.getString(1), found.getString(2));
            }
        }
    }

    private String nextVersion() {
        return String.format("%022d", ++writes);
    }

    /** The store's guarded write. */
    @Benchmark
    public void replace() throws IOException {
        String next = nextVersion();
        if (!jdbc.replace(key, version, new StoredTokens(next, text))) {
            throw new IllegalStateException("Nobody else writes");
        }
        version = next;
    }

    /** The same statement by hand. */
    @Benchmark
    public void replaceByHand() throws SQLException {
        String next = nextVersion();
        try (Connection connection = pool.getConnection();
                PreparedStatement update = connection.prepareStatement(
                        "UPDATE grants SET version = ?, text = ?, updated_at = ? WHERE digest = ? AND version = ?")) {
            update.setString(1, next);
            update.setString(2, text);
            update.setLong(3, System.currentTimeMillis());
            update.setString(4, key.digest());
            update.setString(5, version);
            if (update.executeUpdate() != 1) {
                throw new IllegalStateException("Nobody else writes");
            }
        }
        version = next;
    }
}
