/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import com.zaxxer.hikari.HikariDataSource;
import org.junit.jupiter.api.Test;

/** Needs a server, see {@link Databases#mySql}. */
class JdbcTokenStoreOnMySqlIT extends MariaDbFacts {
    JdbcTokenStoreOnMySqlIT() {
        super(Databases.mySql());
    }

    /** This driver asks the server to set autocommit again, and so notices before a write has left. */
    @Test
    void reads_and_writes_outlive_the_death_of_a_connection_in_the_pool() throws Exception {
        try (HikariDataSource pool = Databases.pool(database, 1)) {
            JdbcTokenStore store = JdbcTokenStore.create(pool, table);
            store.create(key, first);
            killConnectionOf(pool);
            assertThat(store.find(key)).contains(first);
            killConnectionOf(pool);
            assertThat(store.replace(key, "first", second)).isTrue();
            assertThat(store.find(key)).contains(second);
        }
    }
}
