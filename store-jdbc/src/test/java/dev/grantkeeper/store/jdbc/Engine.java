/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import javax.sql.DataSource;
import org.mariadb.jdbc.MariaDbDataSource;
import org.postgresql.ds.PGSimpleDataSource;

/** The databases that are reached over a network, which can be listened to and cut. */
enum Engine {
    POSTGRESQL {
        @Override
        int port() {
            return Databases.postgresPort();
        }

        @Override
        DataSource at(int port) {
            PGSimpleDataSource database = Databases.postgres(port);
            database.setPrepareThreshold(0); // or the sixth statement would be sent as a number, and not be recognised
            return database;
        }
    },
    MARIADB {
        @Override
        int port() {
            return Databases.mariaDbPort();
        }

        @Override
        DataSource at(int port) {
            MariaDbDataSource database = Databases.mariaDb(port);
            return database;
        }
    };

    abstract int port();

    abstract DataSource at(int port);
}
