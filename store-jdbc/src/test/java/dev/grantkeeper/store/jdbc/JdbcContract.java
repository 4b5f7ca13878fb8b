/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import com.zaxxer.hikari.HikariDataSource;
import dev.grantkeeper.testkit.TokenStoreContract;
import dev.grantkeeper.token.TokenStore;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;

/** The contract for two nodes: two stores with their own connections to one database. */
abstract class JdbcContract extends TokenStoreContract {
    private final Way way;
    private final DataSource here;
    private final DataSource there;
    private final DataSource unreachable;
    private final JdbcTokenStore store;
    private final JdbcTokenStore anotherNode;
    private @Nullable DataSource nowhere;

    /** Takes a database, and one of the same kind that cannot be reached. */
    JdbcContract(Way way, DataSource database, DataSource unreachable) {
        this.way = way;
        this.here = way.to(database);
        this.there = way.to(database);
        this.unreachable = unreachable;
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

    @Override
    protected TokenStore unreachable() {
        nowhere = way.toNowhere(unreachable);
        return JdbcTokenStore.on(nowhere);
    }

    @AfterEach
    void closePools() {
        for (DataSource dataSource : new DataSource[] {here, there, nowhere}) {
            if (dataSource instanceof HikariDataSource pool) {
                pool.close();
            }
        }
    }
}
