/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import com.zaxxer.hikari.HikariDataSource;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.StoredTokens;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The cost of an operation on a network. Autocommit and the time limits are set for each, and must not be sent. */
class RoundTripsTest {
    private interface Operation {
        void run() throws IOException;
    }

    @ParameterizedTest
    @EnumSource
    void each_operation_is_one(Engine engine) throws Exception {
        try (Relay relay = new Relay(engine.port());
                HikariDataSource pool = Databases.pool(engine.at(relay.port()), 1)) {
            JdbcTokenStore store = JdbcTokenStore.create(pool, Databases.newTable());
            AccountKey key = new AccountKey("spotify", "anna");
            List<Operation> operations = List.of(
                    () -> store.find(key),
                    () -> store.create(key, new StoredTokens("first", "text")),
                    () -> store.replace(key, "first", new StoredTokens("second", "text")),
                    () -> store.replace(key, "first", new StoredTokens("second", "text")),
                    () -> store.find(key),
                    () -> store.keys("spotify", null, 10),
                    () -> store.delete(key, "second"));
            List<Integer> trips = new ArrayList<>();
            for (Operation operation : operations) {
                int before = relay.roundTrips();
                operation.run();
                trips.add(relay.roundTrips() - before);
            }
            assertThat(trips).containsOnly(1);

            store.create(key, new StoredTokens("first", "text"));
            int before = relay.roundTrips();
            assertThat(store.create(key, new StoredTokens("second", "text"))).isFalse();
            // MariaDB has one SQLState for all constraints: whether it was the key is looked up.
            assertThat(relay.roundTrips() - before).isEqualTo(engine == Engine.MARIADB ? 2 : 1);
        }
    }

    /** MariaDB's driver says each time that autocommit is to be turned on, and off again. */
    @ParameterizedTest
    @EnumSource
    void each_operation_is_three_on_mariadb_if_the_pool_has_autocommit_off(Engine engine) throws Exception {
        try (Relay relay = new Relay(engine.port());
                HikariDataSource pool =
                        Databases.pool(engine.at(relay.port()), 1, config -> config.setAutoCommit(false))) {
            JdbcTokenStore store = JdbcTokenStore.create(pool, Databases.newTable());
            int before = relay.roundTrips();
            store.find(new AccountKey("spotify", "anna"));
            assertThat(relay.roundTrips() - before).isEqualTo(engine == Engine.MARIADB ? 3 : 1);
        }
    }
}
