/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import java.io.IOException;
import java.sql.SQLException;
import org.jspecify.annotations.Nullable;

/**
 * A statement that failed, in words that can go to any log.
 *
 * <p>Drivers put values into their messages: H2 prints the whole row at a duplicate key, PostgreSQL the columns of a
 * failing row, cut off or escaped so that nobody could search for the text in them. Therefore no message of a driver
 * that has seen the values is passed on. The cause is a copy: types, SQLState, vendor code and stack trace. Earlier
 * messages are harmless, and needed ("Connection refused").
 */
final class StatementException extends IOException {
    private static final long serialVersionUID = 1L;

    private static final int MYSQL_LOCK_WAIT_TIMEOUT = 1205;
    private static final int MYSQL_DEADLOCK = 1213;
    private static final int MYSQL_OPTION_FORBIDS = 1290; // --read-only, of all options that forbid writing
    private static final int MYSQL_INCORRECT_STRING = 1366;
    private static final int MYSQL_READ_ONLY = 1836;
    private static final int MARIADB_CONNECTION_KILLED = 1927;
    private static final int SQLITE_ERROR = 1; // whatever is wrong with the statement, a missing table for one
    private static final int SQLITE_BUSY = 5;
    private static final int SQLITE_LOCKED = 6; // BUSY within one process, with a shared cache
    private static final int SQLITE_READ_ONLY = 8;
    private static final int SQLITE_CONSTRAINT = 19;
    private static final int H2_CONNECTION_BROKEN = 90067;
    private static final int H2_READ_ONLY = 90097;
    private static final int H2_SHUTTING_DOWN = 90121;
    private static final int H2_CONCURRENT_UPDATE = 90131;

    private final @Nullable String sqlState;
    private final int vendorCode;

    private StatementException(String message, Throwable cause, @Nullable String sqlState, int vendorCode) {
        super(message, cause);
        this.sqlState = sqlState;
        this.vendorCode = vendorCode;
    }

    /** For failures of a driver that was given no values. */
    static StatementException quoting(String operation, Throwable failure) {
        String state = failure instanceof SQLException sql ? sql.getSQLState() : null;
        int code = failure instanceof SQLException sql ? sql.getErrorCode() : 0;
        return new StatementException(operation + " failed: " + codesOf(failure), failure, state, code);
    }

    /** For failures of a driver that was given values. */
    static StatementException withholding(String operation, Throwable failure) {
        String state = failure instanceof SQLException sql ? sql.getSQLState() : null;
        int code = failure instanceof SQLException sql ? sql.getErrorCode() : 0;
        String message = operation + " failed: " + codesOf(failure) + advice(state, code);
        return new StatementException(message, withoutMessage(failure, state, code), state, code);
    }

    /** Names what was thrown, without its message. */
    static String kindOf(Throwable thrown) {
        return thrown.getClass().getName()
                + (thrown instanceof SQLException sql ? " with SQLState " + sql.getSQLState() : "");
    }

    private static String codesOf(Throwable failure) {
        return failure instanceof SQLException sql
                ? "SQLState " + sql.getSQLState() + ", vendor code " + sql.getErrorCode()
                : kindOf(failure) + " was thrown, which is not an SQLException";
    }

    private static String advice(@Nullable String state, int code) {
        if (state == null ? code == SQLITE_ERROR : state.startsWith("42")) {
            return ". Is the table there, with all its columns, and may this user write to it?";
        }
        if (isReadOnly(state, code)) {
            return ". The database accepts no writes: point the DataSource at the primary, not at a read-only replica"
                    + " or at a primary that has become one; if the database is a file, it has to be writable";
        }
        if (isUnencodable(state, code)) {
            return ". The account or the registration has a character that the database cannot store: its encoding, or"
                    + " that of the column, has to be UTF-8 (utf8mb4 on MariaDB and MySQL)";
        }
        return "";
    }

    /** The encoding lacks a character, or (22021) the bytes sent are invalid in it. */
    private static boolean isUnencodable(@Nullable String state, int code) {
        return "22P05".equals(state) || "22021".equals(state) || code == MYSQL_INCORRECT_STRING;
    }

    private static boolean isReadOnly(@Nullable String state, int code) {
        if (state == null) {
            return code == SQLITE_READ_ONLY;
        }
        return state.equals("25006") || code == MYSQL_OPTION_FORBIDS || code == MYSQL_READ_ONLY || code == H2_READ_ONLY;
    }

    private static SQLException withoutMessage(Throwable failure, @Nullable String state, int code) {
        StringBuilder types = new StringBuilder(failure.getClass().getName());
        Throwable cause = failure.getCause();
        for (int depth = 0; cause != null && depth < 5; depth++, cause = cause.getCause()) {
            types.append(", caused by ").append(cause.getClass().getName());
        }
        SQLException copy = new SQLException(types + " (its message is withheld: it may quote the row)", state, code);
        copy.setStackTrace(failure.getStackTrace());
        return copy;
    }

    @Nullable
    String sqlState() {
        return sqlState;
    }

    /** Whether PostgreSQL knows no table of this name; other databases have other codes. */
    boolean isUnknownTable() {
        return "42P01".equals(sqlState);
    }

    /** Whether a row with this primary key certainly exists. */
    boolean isDuplicateKey() {
        return "23505".equals(sqlState);
    }

    /** Whether some constraint was violated, perhaps the primary key: MariaDB reports 23000, SQLite has no SQLState. */
    boolean isConstraintViolation() {
        return inClass("23") || (sqlState == null && vendorCode == SQLITE_CONSTRAINT);
    }

    /** Whether the statement did not happen, and may well succeed if it is sent again. */
    boolean isRolledBack() {
        if (sqlState == null) {
            return vendorCode == SQLITE_BUSY || vendorCode == SQLITE_LOCKED;
        }
        return switch (sqlState) {
            case "40001", "40P01", "HYT00" -> true;
            default ->
                vendorCode == MYSQL_DEADLOCK
                        || vendorCode == MYSQL_LOCK_WAIT_TIMEOUT
                        || vendorCode == H2_CONCURRENT_UPDATE;
        };
    }

    /** Whether the connection broke, or the server is going down: the statement may have happened. */
    boolean isConnectionLost() {
        return inClass("08")
                || inClass("57P")
                || vendorCode == MARIADB_CONNECTION_KILLED
                || vendorCode == H2_CONNECTION_BROKEN
                || vendorCode == H2_SHUTTING_DOWN;
    }

    private boolean inClass(String prefix) {
        return sqlState != null && sqlState.startsWith(prefix);
    }
}
