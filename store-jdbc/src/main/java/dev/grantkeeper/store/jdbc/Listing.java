/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import dev.grantkeeper.token.AccountKey;
import java.io.IOException;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Walks the keys of one registration along the primary key, a page at a time. Thread-safe. */
final class Listing {
    static final int LONGEST_PAGE = 10_000;
    /** A page with few keys of a large table has to pass by all the others. */
    static final Duration TIMEOUT = Duration.ofMinutes(1);

    /** Sorts before every hexadecimal digit, also on Oracle, to which the empty string is NULL. */
    private static final String BEFORE_ALL = " ";

    private static final int FEWEST_MORE_ROWS = 200;

    private final Statements statements;
    private final String select;

    /** Expects a table name that was checked: it becomes part of SQL. */
    Listing(Statements statements, String table) {
        this.statements = statements;
        this.select = "SELECT digest, registration, account FROM " + table + " WHERE registration = ? AND digest > ?";
    }

    private record Row(String digest, String registration, String account) {}

    List<AccountKey> page(String registration, @Nullable Instant untouchedSince, @Nullable AccountKey after, int limit)
            throws IOException {
        checkRegistration(registration, after);
        if (limit < 1 || limit > LONGEST_PAGE) {
            throw new IllegalArgumentException("A page has between 1 and " + LONGEST_PAGE + " keys, not " + limit);
        }
        String position = after == null ? BEFORE_ALL : after.digest();
        List<AccountKey> keys = new ArrayList<>();
        int rows = limit;
        while (true) {
            List<Row> found = rows(registration, untouchedSince, position, rows);
            for (Row row : found) {
                position = row.digest();
                AccountKey key = keyOf(row, registration);
                if (key != null) {
                    keys.add(key);
                }
                if (keys.size() == limit) {
                    return keys;
                }
            }
            if (found.size() < rows) {
                return keys;
            }
            rows = Math.max(limit - keys.size(), FEWEST_MORE_ROWS);
        }
    }

    private static void checkRegistration(String registration, @Nullable AccountKey after) {
        String itself = new AccountKey(registration, "any").registration();
        if (after != null && !after.registration().equals(itself)) {
            throw new IllegalArgumentException("A page of " + itself + " cannot start after " + after);
        }
    }

    private List<Row> rows(String registration, @Nullable Instant untouchedSince, String position, int rows)
            throws IOException {
        // Without a LIMIT the databases plan for all the rows, and sort the rest of the table for each page. JDBC's own
        // setMaxRows comes too late for that, but there is nothing better on a database that was never tried.
        boolean limitable = Schema.file(statements.databaseProduct()) != null;
        String sql = select
                + (untouchedSince == null ? "" : " AND updated_at < ?")
                + " ORDER BY digest"
                + (limitable ? " LIMIT ?" : "");
        return statements.read(
                "list of the keys of " + registration,
                TIMEOUT,
                sql,
                statement -> {
                    int parameter = 1;
                    statement.setString(parameter++, registration);
                    statement.setString(parameter++, position);
                    if (untouchedSince != null) {
                        statement.setLong(parameter++, millis(untouchedSince));
                    }
                    if (limitable) {
                        statement.setInt(parameter, rows);
                    } else {
                        statement.setMaxRows(rows);
                    }
                },
                Listing::rows);
    }

    private static List<Row> rows(ResultSet found) throws SQLException {
        List<Row> rows = new ArrayList<>();
        while (found.next()) {
            rows.add(new Row(found.getString(1), found.getString(2), found.getString(3)));
        }
        return rows;
    }

    /** {@link Instant} reaches further than a {@code long} of milliseconds. */
    private static long millis(Instant instant) {
        try {
            return instant.toEpochMilli();
        } catch (ArithmeticException e) {
            return instant.isBefore(Instant.EPOCH) ? Long.MIN_VALUE : Long.MAX_VALUE;
        }
    }

    /** {@code null} if the database took another registration for the same, or the names were changed by hand. */
    private static @Nullable AccountKey keyOf(Row row, String registration) {
        if (!registration.equals(row.registration())) {
            return null;
        }
        try {
            AccountKey key = new AccountKey(row.registration(), row.account());
            if (key.digest().equals(row.digest())) {
                return key;
            }
        } catch (IllegalArgumentException e) {
            // reported below: nothing more is known about such a row
        }
        Log.LOG.warn(
                "The row whose digest begins with {} is left out of the list of {}: the digest belongs to another"
                        + " account than the row names, so Grantkeeper cannot find it",
                row.digest().substring(0, Math.min(12, row.digest().length())),
                registration);
        return null;
    }
}
