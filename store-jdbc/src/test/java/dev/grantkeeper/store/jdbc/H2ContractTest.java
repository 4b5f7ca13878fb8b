/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import java.nio.file.Path;
import java.sql.SQLException;
import java.util.UUID;
import org.h2.tools.Server;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.CsvSource;

@ParameterizedClass
@CsvSource({
    "IN_MEMORY, WITHOUT_A_POOL",
    "IN_MEMORY_IGNORING_CASE, WITHOUT_A_POOL",
    "IN_A_FILE, WITHOUT_A_POOL",
    "IN_A_FILE, THROUGH_A_POOL",
    "ON_A_SERVER, WITHOUT_A_POOL",
    "ON_A_SERVER, THROUGH_ONE_CONNECTION"
})
class H2ContractTest extends JdbcContract {
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

    /** Without the delay H2 would open and close a file for each statement that runs alone. */
    enum Place {
        IN_MEMORY,
        IN_MEMORY_IGNORING_CASE,
        IN_A_FILE,
        ON_A_SERVER;

        String url() {
            String name = UUID.randomUUID().toString();
            return switch (this) {
                case IN_MEMORY -> "jdbc:h2:mem:" + name + ";DB_CLOSE_DELAY=-1";
                case IN_MEMORY_IGNORING_CASE -> "jdbc:h2:mem:" + name + ";DB_CLOSE_DELAY=-1;IGNORECASE=TRUE;MODE=MySQL";
                case IN_A_FILE -> "jdbc:h2:file:" + directory.resolve(name) + ";DB_CLOSE_DELAY=10";
                case ON_A_SERVER -> "jdbc:h2:tcp://127.0.0.1:" + server.getPort() + "/./" + name + ";DB_CLOSE_DELAY=10";
            };
        }
    }

    H2ContractTest(Place place, Way way) {
        super(way, Databases.h2(place.url()), Databases.h2("jdbc:h2:tcp://127.0.0.1:1/./nowhere"));
    }
}
