/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import javax.sql.DataSource;

/** Facts that hold on MariaDB and on MySQL. */
abstract class MariaDbFacts extends RowLockingFacts {
    MariaDbFacts(DataSource database) {
        super(database);
    }

    @Override
    String schemaFile() {
        return "schema-mariadb.sql";
    }

    @Override
    String ignoringCase() {
        return "VARCHAR(1024) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci";
    }

    void killConnectionOf(HikariDataSource pool) throws SQLException {
        long id;
        try (Connection connection = pool.getConnection();
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("SELECT connection_id()")) {
            row.next();
            id = row.getLong(1);
        }
        Databases.execute(database, "KILL CONNECTION " + id);
    }
}
