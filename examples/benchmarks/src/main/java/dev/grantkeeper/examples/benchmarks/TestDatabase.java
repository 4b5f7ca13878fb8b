/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.benchmarks;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.util.UUID;
import javax.sql.DataSource;

/** A pool on H2. */
final class TestDatabase {
    /** The path of a database whose user is signed in already, where a process begins with one. */
    static final String PREPARED = "benchmark.database";

    /** The path of a database to prepare. */
    static final String NEW = "benchmark.new";

    private TestDatabase() {}

    /** Whether the user is signed in already. */
    static boolean isPrepared() {
        return System.getProperty(PREPARED) != null;
    }

    /** The prepared database, the one to prepare, or a new one in memory. */
    static DataSource open() {
        String path = System.getProperty(PREPARED, System.getProperty(NEW));
        return open(path == null ? "mem:" + UUID.randomUUID() + ";DB_CLOSE_DELAY=-1" : "file:" + path);
    }

    static HikariDataSource open(String name) {
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl("jdbc:h2:" + name);
        config.setMaximumPoolSize(4);
        config.setMinimumIdle(1);
        return new HikariDataSource(config);
    }
}
