/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.load;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import javax.sql.DataSource;
import org.postgresql.ds.PGSimpleDataSource;

/** The connections to the one PostgreSQL. */
final class Databases {
    private Databases() {}

    static HikariDataSource pool(int port, int size) {
        PGSimpleDataSource postgres = new PGSimpleDataSource();
        postgres.setServerNames(new String[] {"127.0.0.1"});
        postgres.setPortNumbers(new int[] {port});
        postgres.setDatabaseName("postgres");
        postgres.setUser("postgres");
        HikariConfig config = new HikariConfig();
        config.setDataSource(postgres);
        config.setMaximumPoolSize(size);
        config.setMinimumIdle(1);
        return new HikariDataSource(config);
    }

    /** Runs a {@code CREATE TABLE IF NOT EXISTS}, of which PostgreSQL may let one fail where two run at once. */
    static void create(DataSource database, String table) throws SQLException {
        SQLException failed = null;
        for (int i = 0; i < 3; i++) {
            try (Connection connection = database.getConnection();
                    Statement statement = connection.createStatement()) {
                statement.execute(table);
                return;
            } catch (SQLException e) {
                failed = e;
            }
        }
        throw failed == null ? new SQLException(table) : failed;
    }
}
