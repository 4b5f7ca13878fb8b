/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import java.sql.Connection;
import java.sql.SQLException;
import javax.sql.XAConnection;
import javax.sql.XADataSource;
import javax.transaction.xa.XAException;
import javax.transaction.xa.XAResource;
import javax.transaction.xa.Xid;

/** A connection that can be made part of an XA transaction. */
final class XaBranch implements Xid, AutoCloseable {
    private final XAConnection branch;
    private final Connection connection;

    XaBranch(XADataSource database) throws SQLException {
        this.branch = database.getXAConnection();
        this.connection = branch.getConnection();
    }

    /** The branch's connection to the table, as a JTA-aware DataSource hands it out. */
    JdbcTokenStore store(String table) {
        return JdbcTokenStore.on(new LentConnections(() -> LentConnections.unclosed(connection)), table);
    }

    void begin() throws SQLException, XAException {
        branch.getXAResource().start(this, XAResource.TMNOFLAGS);
    }

    @Override
    public int getFormatId() {
        return 1;
    }

    @Override
    public byte[] getGlobalTransactionId() {
        return new byte[] {1};
    }

    @Override
    public byte[] getBranchQualifier() {
        return new byte[] {1};
    }

    @Override
    public void close() throws SQLException {
        branch.close();
    }
}
