/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import com.zaxxer.hikari.SQLExceptionOverride;
import java.sql.SQLException;

/**
 * Has HikariCP close connections that H2 reports to be dead, under states that are not the standard's. It would keep
 * them, and hand each out again untried for as long as one is used every half second.
 */
final class DeadConnectionsOfH2 implements SQLExceptionOverride {
    private static final int CONNECTION_BROKEN = 90067;
    private static final int CLOSED = 90121;

    @java.lang.Override
    public Override adjudicate(SQLException e) {
        int code = e.getErrorCode();
        return code == CONNECTION_BROKEN || code == CLOSED ? Override.MUST_EVICT : Override.CONTINUE_EVICT;
    }
}
