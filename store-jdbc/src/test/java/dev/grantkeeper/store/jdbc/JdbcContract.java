/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import com.zaxxer.hikari.HikariDataSource;
import dev.grantkeeper.testkit.TokenStoreContract;
import dev.grantkeeper.token.TokenStore;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterEach;

/** The contract for two nodes: two stores on two DataSources over one database. */
abstract class JdbcContract extends TokenStoreContract {
    private final DataSource here;
    private final DataSource there;
    private final JdbcTokenStore store;
    private final JdbcTokenStore anotherNode;

    JdbcContract(DataSource here, DataSource there) {
        this.here = here;
        this.there = there;
        this.store = JdbcTokenStore.create(here);
        this.anotherNode = JdbcTokenStore.create(there);
    }

    @Override
    protected TokenStore store() {
        return store;
    }

    @Override
    protected TokenStore anotherNode() {
        return anotherNode;
    }

    @AfterEach
    void closePools() {
        for (DataSource dataSource : new DataSource[] {here, there}) {
            if (dataSource instanceof HikariDataSource pool) {
                pool.close();
            }
        }
    }
}
