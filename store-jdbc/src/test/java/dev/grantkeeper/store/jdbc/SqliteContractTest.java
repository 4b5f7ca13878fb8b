/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import java.nio.file.Path;
import java.util.UUID;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.CsvSource;
import org.sqlite.SQLiteConfig.JournalMode;

/** Two nodes on one file. */
@ParameterizedClass
@CsvSource({"DELETE, WITHOUT_A_POOL", "DELETE, THROUGH_ONE_CONNECTION", "WAL, THROUGH_A_POOL"})
class SqliteContractTest extends JdbcContract {
    @TempDir
    static Path directory;

    SqliteContractTest(JournalMode journal, Way way) {
        super(
                way,
                Databases.sqlite(directory.resolve(UUID.randomUUID() + ".db"), journal),
                Databases.sqlite(directory.resolve("missing/x.db"), journal));
    }
}
