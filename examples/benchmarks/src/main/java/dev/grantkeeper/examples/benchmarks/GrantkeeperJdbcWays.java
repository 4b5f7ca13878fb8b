/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.benchmarks;

import dev.grantkeeper.Grantkeeper;
import dev.grantkeeper.store.jdbc.JdbcTokenStore;
import java.time.Duration;

/** Grantkeeper over a database. */
final class GrantkeeperJdbcWays {
    private GrantkeeperJdbcWays() {}

    static AuthorizedCall wrappedAccount(Transport transport) {
        return start(transport, GrantkeeperWays.builder(transport, JdbcTokenStore.create(TestDatabase.open())));
    }

    /** Reads the row for each call: other nodes' changes are seen at once. */
    static AuthorizedCall readInEachCall(Transport transport) {
        return start(
                transport,
                GrantkeeperWays.builder(transport, JdbcTokenStore.create(TestDatabase.open()))
                        .storeCacheTime(Duration.ZERO));
    }

    private static AuthorizedCall start(Transport transport, Grantkeeper.Builder builder) {
        Grantkeeper grantkeeper = builder.build();
        if (!TestDatabase.isPrepared()) {
            GrantkeeperWays.importTokens(grantkeeper, GrantkeeperWays.USER);
        }
        return GrantkeeperWays.wrappedAccount(transport, grantkeeper);
    }
}
