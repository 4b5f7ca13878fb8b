/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import com.zaxxer.hikari.HikariConfig;
import dev.grantkeeper.token.TokenStore;
import java.util.function.Consumer;
import org.junit.jupiter.api.Nested;

class MariaDbContractTest {
    abstract static class Pooled extends JdbcContract {
        Pooled(int size, Consumer<HikariConfig> more) {
            super(Databases.pool(Databases.mariaDb(), size, more), Databases.pool(Databases.mariaDb(), size, more));
        }
    }

    @Nested
    class WithoutAPool extends JdbcContract {
        WithoutAPool() {
            super(Databases.mariaDb(), Databases.mariaDb());
        }

        @Override
        protected TokenStore unreachable() {
            return JdbcTokenStore.on(Databases.mariaDb(1));
        }
    }

    @Nested
    class ThroughAPool extends Pooled {
        ThroughAPool() {
            super(5, config -> {});
        }
    }

    @Nested
    class ThroughOneConnection extends Pooled {
        ThroughOneConnection() {
            super(1, config -> {});
        }
    }

    @Nested
    class ThroughAPoolWithAutocommitOff extends Pooled {
        ThroughAPoolWithAutocommitOff() {
            super(5, config -> config.setAutoCommit(false));
        }
    }

    @Nested
    class Serializable extends Pooled {
        Serializable() {
            super(5, config -> config.setTransactionIsolation("TRANSACTION_SERIALIZABLE"));
        }
    }
}
