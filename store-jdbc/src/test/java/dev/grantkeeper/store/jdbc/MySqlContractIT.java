/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** Needs a server, see {@link Databases#mySql}. */
@ParameterizedClass
@MethodSource("dev.grantkeeper.store.jdbc.Way#ofThisBuild")
class MySqlContractIT extends JdbcContract {
    MySqlContractIT(Way way) {
        super(way, Databases.mySql(), Databases.mySql("127.0.0.1:1"));
    }
}
