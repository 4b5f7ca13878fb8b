/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import com.zaxxer.hikari.HikariConfig;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import javax.sql.DataSource;

/** The way in which a store comes to its connections. */
enum Way {
    WITHOUT_A_POOL(0, config -> {}),
    THROUGH_A_POOL(5, config -> {}),
    THROUGH_ONE_CONNECTION(1, config -> {}),
    THROUGH_A_POOL_WITH_AUTOCOMMIT_OFF(5, config -> config.setAutoCommit(false)),
    SERIALIZABLE(5, config -> config.setTransactionIsolation("TRANSACTION_SERIALIZABLE"));

    private final int connections;
    private final Consumer<HikariConfig> more;

    Way(int connections, Consumer<HikariConfig> more) {
        this.connections = connections;
        this.more = more;
    }

    /**
     * All of them, but for the one that opens a connection for each statement: a server process each time, for half of
     * the time that all the others take. {@code -Plong} goes that way, too.
     */
    static List<Way> ofThisBuild() {
        return Boolean.getBoolean("grantkeeper.ways.all")
                ? List.of(values())
                : Stream.of(values()).filter(way -> way != WITHOUT_A_POOL).toList();
    }

    DataSource to(DataSource database) {
        return connections == 0 ? database : Databases.pool(database, connections, more);
    }

    /** To a database that cannot be reached, and so that this is known soon. */
    DataSource toNowhere(DataSource database) {
        return this == THROUGH_A_POOL
                ? Databases.pool(database, connections, config -> {
                    config.setInitializationFailTimeout(-1);
                    config.setConnectionTimeout(250);
                })
                : database;
    }
}
