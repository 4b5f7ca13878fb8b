/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

@ParameterizedClass
@MethodSource("dev.grantkeeper.store.jdbc.Way#ofThisBuild")
class MariaDbContractTest extends JdbcContract {
    MariaDbContractTest(Way way) {
        super(way, Databases.mariaDb(), Databases.mariaDb(1));
    }
}
