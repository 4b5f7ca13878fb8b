/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Creates the table from the SQL file of its database. Immutable. */
final class Schema {
    static final String DEFAULT_TABLE = "grantkeeper_tokens";
    private static final int ROUNDS = 3;

    private final Statements statements;
    private final String table;

    /** Expects a table name that was checked: it becomes part of SQL. */
    Schema(Statements statements, String table) {
        this.statements = statements;
        this.table = table;
    }

    void createIfMissing() throws IOException {
        String encoding = encodingOfDatabase();
        if (statements.databaseProduct().equalsIgnoreCase("h2")) {
            // H2 writes a file with a stack trace for each statement that fails, so here no query comes first. A user
            // who may not create tables learns below whether there is one.
            @Nullable StatementException ignored = execute(definition());
        }
        StatementException failure = probe();
        if (failure != null && encoding != null && failure.isUnknownTable()) {
            throw new IOException(
                    "The table " + table + " was not created: the database's encoding is " + encoding
                            + ", and accounts and registrations may have any character of Unicode. Create the database"
                            + " with the encoding UTF8. If none of yours has a character that " + encoding
                            + " lacks, create the table from the schema file yourself",
                    failure);
        }
        for (int round = 0; failure != null && round < ROUNDS; round++) {
            StatementException refused = execute(definition());
            // Of two CREATE TABLE IF NOT EXISTS at once, PostgreSQL lets one fail. Only the table counts.
            failure = probe();
            if (failure != null && refused != null) {
                refused.addSuppressed(failure);
                failure = refused;
            }
        }
        if (failure != null) {
            throw failure;
        }
        String narrow = encoding == null ? encodingOfTable() : encoding;
        if (narrow != null) {
            Log.LOG.warn(
                    "The table {} stores text in the encoding {}: accounts and registrations with other characters, or"
                            + " long ones, may be refused, and then the user cannot sign in. Convert it to UTF-8",
                    table,
                    narrow);
        }
    }

    /**
     * The encoding of a PostgreSQL database that does not hold all of Unicode, or not without counting a character as
     * several; {@code null} if it does, and on other databases, where it is a property of the column.
     */
    private @Nullable String encodingOfDatabase() throws IOException {
        return statements.databaseProduct().equalsIgnoreCase("postgresql")
                ? encoding("SELECT current_setting('server_encoding')", "utf8")
                : null;
    }

    /** The encoding of a column that somebody else has created. The schema file makes both {@code utf8mb4}. */
    private @Nullable String encodingOfTable() throws IOException {
        if (!"schema-mariadb.sql".equals(file(statements.databaseProduct()))) {
            return null;
        }
        // Of no rows, so that nothing is read; the encoding is known all the same.
        String sql = "SELECT CHARSET(MAX(registration)), CHARSET(MAX(account)) FROM " + table + " WHERE 1 = 0";
        return encoding(sql, "utf8mb4", "utf16", "utf16le", "utf32", "gb18030", "binary");
    }

    /** The first encoding of the only row that is none of these; {@code null} if there is none, or nobody knows. */
    private @Nullable String encoding(String sql, String... sufficient) throws IOException {
        Set<String> enough = Set.of(sufficient);
        try {
            Optional<String> other = statements.readAtStart("lookup of the encoding for table " + table, sql, rows -> {
                int columns = rows.getMetaData().getColumnCount();
                while (rows.next()) {
                    for (int i = 1; i <= columns; i++) {
                        String encoding = String.valueOf(rows.getString(i));
                        if (!enough.contains(encoding.toLowerCase(Locale.ROOT))) {
                            return Optional.of(encoding);
                        }
                    }
                }
                return Optional.empty();
            });
            return other.orElse(null);
        } catch (StatementException e) { // of a database that resembles PostgreSQL
            Log.LOG.debug("The encoding of the database is not known: SQLState {}", e.sqlState());
            return null;
        }
    }

    private @Nullable StatementException probe() throws IOException {
        return execute(
                "SELECT digest, registration, account, version, text, updated_at FROM " + table + " WHERE 1 = 0");
    }

    private @Nullable StatementException execute(String sql) throws IOException {
        try {
            statements.execute("schema of table " + table, sql);
            return null;
        } catch (StatementException e) {
            return e;
        }
    }

    /** The schema file of a database; {@code null} for one that was never tried. */
    static @Nullable String file(String product) {
        return switch (product.toLowerCase(Locale.ROOT)) {
            case "h2" -> "schema-h2.sql";
            case "postgresql" -> "schema-postgresql.sql";
            case "mariadb", "mysql" -> "schema-mariadb.sql";
            case "sqlite" -> "schema-sqlite.sql";
            default -> null;
        };
    }

    private String definition() throws IOException {
        String product = statements.databaseProduct();
        String file = file(product);
        if (file == null) {
            throw new IOException("There is no table " + table + ", and no schema for " + product
                    + " to create it from: create it by hand, by the rules in the README, and use"
                    + " JdbcTokenStore.on(…)");
        }
        try (InputStream sql = Schema.class.getResourceAsStream(file)) {
            if (sql == null) {
                throw new IOException(
                        file + " is missing beside " + Schema.class.getName() + "; was the jar repackaged?");
            }
            return new String(sql.readAllBytes(), StandardCharsets.UTF_8)
                    .replaceAll("--[^\n]*", "")
                    .replace(";", "")
                    .replace(DEFAULT_TABLE, table)
                    .strip();
        }
    }
}
