/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
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
        if (statements.databaseProduct().equalsIgnoreCase("h2")) {
            // H2 writes a file with a stack trace for each statement that fails, so here no query comes first. A user
            // who may not create tables learns below whether there is one.
            @Nullable StatementException ignored = execute(definition());
        }
        StatementException failure = probe();
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
