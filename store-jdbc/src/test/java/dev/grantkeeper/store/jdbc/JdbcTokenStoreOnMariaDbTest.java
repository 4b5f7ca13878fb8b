/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.zaxxer.hikari.HikariDataSource;
import java.io.IOException;
import org.junit.jupiter.api.Test;

class JdbcTokenStoreOnMariaDbTest extends MariaDbFacts {
    JdbcTokenStoreOnMariaDbTest() {
        super(Databases.mariaDb());
    }

    @Test
    void a_read_outlives_the_death_of_its_connection_and_a_write_says_that_its_end_is_unknown() throws Exception {
        try (HikariDataSource pool = Databases.pool(database, 1)) {
            JdbcTokenStore store = JdbcTokenStore.create(pool, table);
            store.create(key, first);
            killConnectionOf(pool);
            assertThat(store.find(key)).contains(first);
            killConnectionOf(pool);
            assertThatThrownBy(() -> store.replace(key, "first", second))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("replace of spotify/");
            assertThat(store.replace(key, "first", second)).isTrue();
        }
    }
}
