/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import dev.grantkeeper.token.TokenStore;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.UUID;
import org.h2.tools.Server;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.io.TempDir;

class H2ContractTest {
    @TempDir
    static Path directory;

    private static Server server;

    @BeforeAll
    static void startServer() throws SQLException {
        server = Server.createTcpServer("-tcpPort", "0", "-ifNotExists", "-baseDir", directory.toString())
                .start();
    }

    @AfterAll
    static void stopServer() {
        server.stop();
    }

    private static String inMemory() {
        return "jdbc:h2:mem:" + UUID.randomUUID() + ";DB_CLOSE_DELAY=-1";
    }

    private static String inAFile() {
        // Without the delay H2 would open and close the file for each statement that runs alone.
        return "jdbc:h2:file:" + directory.resolve(UUID.randomUUID().toString()) + ";DB_CLOSE_DELAY=10";
    }

    private static String onTheServer() {
        return "jdbc:h2:tcp://127.0.0.1:" + server.getPort() + "/./" + UUID.randomUUID() + ";DB_CLOSE_DELAY=10";
    }

    abstract static class Plain extends JdbcContract {
        Plain(String url) {
            super(Databases.h2(url), Databases.h2(url));
        }
    }

    abstract static class Pooled extends JdbcContract {
        Pooled(String url, int size) {
            super(Databases.pool(Databases.h2(url), size), Databases.pool(Databases.h2(url), size));
        }
    }

    @Nested
    class InMemory extends Plain {
        InMemory() {
            super(inMemory());
        }
    }

    @Nested
    class InMemoryThatIgnoresCase extends Plain {
        InMemoryThatIgnoresCase() {
            super(inMemory() + ";IGNORECASE=TRUE;MODE=MySQL");
        }
    }

    @Nested
    class InAFile extends Plain {
        InAFile() {
            super(inAFile());
        }
    }

    @Nested
    class InAFilePooled extends Pooled {
        InAFilePooled() {
            super(inAFile(), 5);
        }
    }

    @Nested
    class OnAServer extends Plain {
        OnAServer() {
            super(onTheServer());
        }

        @Override
        protected TokenStore unreachable() {
            return JdbcTokenStore.on(Databases.h2("jdbc:h2:tcp://127.0.0.1:1/./nowhere"));
        }
    }

    @Nested
    class OnAServerThroughOneConnection extends Pooled {
        OnAServerThroughOneConnection() {
            super(onTheServer(), 1);
        }
    }
}
