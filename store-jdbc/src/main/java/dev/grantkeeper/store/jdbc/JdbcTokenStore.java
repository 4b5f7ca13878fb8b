/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenStore;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.regex.Pattern;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/**
 * Keeps grants in one table of a relational database: H2 or SQLite in a file, or one PostgreSQL or MariaDB for all
 * nodes.
 *
 * <pre>{@code
 * TokenStore store = JdbcTokenStore.create(dataSource);   // creates the table if it is missing
 * TokenStore store = JdbcTokenStore.on(dataSource);       // Flyway or Liquibase created it
 * }</pre>
 *
 * <p>Everything that several nodes need from each other is in four statements, each on the primary key, each in
 * autocommit, each one round trip. {@code replace} is <code>UPDATE … WHERE digest = ? AND version = ?</code>: of any
 * number of them at once, every database lets one change the row and reports to the others that they changed none.
 * There are no locks, no transactions and no <code>SELECT … FOR UPDATE</code>, because nothing else behaves alike
 * everywhere.
 *
 * <p><b>The connection</b> is the store's own for one statement and never longer. A small pool of its own is
 * recommended: a caller within a transaction holds a connection of the application's pool while it waits for the store.
 * If a pool hands out connections with autocommit off, autocommit is turned on for the statement and off again. A
 * <em>transaction-aware</em> {@code DataSource}, which hands out the transaction of the calling thread, is the wrong
 * one: the store joins no transaction. It is rejected with an {@link IOException} as soon as it can be recognized, that
 * is, when its connections come with autocommit on at one time and off at another, or do not let autocommit be set;
 * pass the plain {@code DataSource} behind it. It cannot be recognized if the very first connection already belongs to
 * a transaction and lets autocommit be turned on, which would commit it; nor within an XA transaction of MariaDB, whose
 * driver does not report it.
 *
 * <p><b>Committed has to mean written,</b> or a crash brings used refresh tokens back. H2 in a file writes up to half a
 * second later: put {@code WRITE_DELAY=0} into its URL. On PostgreSQL {@code synchronous_commit} has to be {@code on},
 * on MariaDB and MySQL {@code innodb_flush_log_at_trx_commit} and, with a binary log, {@code sync_binlog} have to be 1,
 * and a standby may only take over if commits waited for it. The README has the whole list.
 *
 * <p><b>Time limits.</b> A statement is cancelled after 5 seconds; on H2, which limits whole connections only, the wait
 * for another's lock ends after its {@code LOCK_TIMEOUT}, 2 seconds unless the URL sets another. If the driver supports
 * a network timeout, the wait for an answer that does not come at all ends after 10; PostgreSQL's driver then still
 * waits for its own attempt to cancel, for which its {@code cancelSignalTimeout} allows 10 seconds more unless set
 * lower. The wait for a connection ends after 10 seconds as well, by an interrupt (a minute in {@code create}, since a
 * database may have to start), and a connection that comes later goes back unused. A pool that gives up after a few
 * seconds says more about the reason.
 *
 * <p><b>Failures.</b> A statement that the database has rolled back in favour of another (deadlock, serialization
 * failure, busy) is tried again, at most three times and for at most 5 seconds. A read whose connection turns out to be
 * dead is tried again at most five times, because a pool may have several that died together; a write only if that was
 * noticed before anything was sent. A write whose outcome is unknown is not repeated here: the library does that, and
 * looks (rule 3.1). If the database accepts no writes, as read-only replicas do not, the message says so. Exceptions
 * name the operation, the SQLState and the vendor's code, but do not contain the driver's message about a statement
 * with values, because drivers quote rows.
 *
 * <p>A statement that succeeded has succeeded, and its connection goes back, whatever a driver or a pool throws
 * afterwards, {@link Error}s included; the first such failure is logged as a warning. A connection that may not be as
 * it came is aborted before it goes back.
 *
 * <p>Instances are immutable and thread-safe. They own nothing that would have to be closed.
 */
public final class JdbcTokenStore implements TokenStore {
    static final Duration STATEMENT_TIMEOUT = Duration.ofSeconds(5);

    private static final Pattern TABLE =
            Pattern.compile("([A-Za-z_][A-Za-z0-9_]{0,62}\\.)?[A-Za-z_][A-Za-z0-9_]{0,62}");

    private final Statements statements;
    private final Listing listing;
    private final String table;
    private final String find;
    private final String insert;
    private final String update;
    private final String delete;

    JdbcTokenStore(DataSource dataSource, String table, Duration statementTimeout) {
        if (!TABLE.matcher(table).matches()) {
            throw new IllegalArgumentException(
                    "Not a table name: \"" + table + "\". Letters, digits and underscores, at most 63 and no digit in"
                            + " front, are allowed, and a schema of the same kind before a dot");
        }
        this.statements = new Statements(dataSource, statementTimeout);
        this.listing = new Listing(statements, table);
        this.table = table;
        this.find = "SELECT version, text FROM " + table + " WHERE digest = ?";
        this.insert = "INSERT INTO " + table
                + " (digest, registration, account, version, text, updated_at) VALUES (?, ?, ?, ?, ?, ?)";
        this.update = "UPDATE " + table + " SET version = ?, text = ?, updated_at = ? WHERE digest = ? AND version = ?";
        this.delete = "DELETE FROM " + table + " WHERE digest = ? AND version = ?";
    }

    /**
     * Returns a store on the table {@code grantkeeper_tokens}, and creates the table if it is missing. Any number of
     * nodes may do this at once. An existing table is not changed, and then no right to create one is needed.
     *
     * <p>Accounts and registrations may have any character, so a table is created only in a database that can store
     * them: on PostgreSQL, one whose encoding is UTF8. An existing table that cannot is used, and a warning is logged.
     *
     * <p>The exception is unchecked, unlike those of a store's other methods: this one is called where an application
     * is put together, in a field initializer or a bean method, and there is nothing to catch, since the application
     * cannot go on without its table.
     *
     * @param dataSource an H2, PostgreSQL, MariaDB, MySQL or SQLite database
     * @return the store
     * @throws UncheckedIOException if the table is missing and cannot be created, or the database cannot be reached, or
     *     could not store all characters
     */
    public static JdbcTokenStore create(DataSource dataSource) {
        return create(dataSource, Schema.DEFAULT_TABLE);
    }

    /**
     * Returns a store as {@link #create(DataSource)} does, with another table name.
     *
     * @param dataSource an H2, PostgreSQL, MariaDB, MySQL or SQLite database
     * @param table the table, optionally with its schema as in {@code auth.tokens}; the schema has to exist
     * @return the store
     * @throws IllegalArgumentException if that is not a table name: letters, digits and underscores, at most 63, no
     *     digit in front
     * @throws UncheckedIOException if the table is missing and cannot be created, or the database cannot be reached, or
     *     could not store all characters
     */
    public static JdbcTokenStore create(DataSource dataSource, String table) {
        JdbcTokenStore store = on(dataSource, table);
        try {
            new Schema(store.statements, table).createIfMissing();
        } catch (IOException e) {
            throw new UncheckedIOException(e.getMessage(), e);
        }
        return store;
    }

    /**
     * Returns a store on the existing table {@code grantkeeper_tokens}, created by Flyway, Liquibase or hand from the
     * {@code schema-….sql} of the database, which lies beside this class. Nothing is sent to the database now.
     *
     * @param dataSource a database with that table
     * @return the store
     */
    public static JdbcTokenStore on(DataSource dataSource) {
        return on(dataSource, Schema.DEFAULT_TABLE);
    }

    /**
     * Returns a store as {@link #on(DataSource)} does, with another table name.
     *
     * @param dataSource a database with that table
     * @param table the table, optionally with its schema as in {@code auth.tokens}
     * @return the store
     * @throws IllegalArgumentException if that is not a table name: letters, digits and underscores, at most 63, no
     *     digit in front
     */
    public static JdbcTokenStore on(DataSource dataSource, String table) {
        return new JdbcTokenStore(Objects.requireNonNull(dataSource, "dataSource"), table, STATEMENT_TIMEOUT);
    }

    @Override
    public Optional<StoredTokens> find(AccountKey key) throws IOException {
        return statements.read(
                "find of " + key,
                find,
                statement -> statement.setString(1, key.digest()),
                rows -> rows.next()
                        ? Optional.of(new StoredTokens(rows.getString(1), rows.getString(2)))
                        : Optional.empty());
    }

    @Override
    public boolean create(AccountKey key, StoredTokens tokens) throws IOException {
        try {
            return statements.write("create of " + key, insert, statement -> {
                statement.setString(1, key.digest());
                statement.setString(2, key.registration());
                statement.setString(3, key.account());
                statement.setString(4, tokens.version());
                statement.setString(5, tokens.text());
                statement.setLong(6, System.currentTimeMillis());
            });
        } catch (StatementException e) {
            // Some databases have one code for all constraints: there the row itself shows that it was the key.
            if (e.isDuplicateKey() || (e.isConstraintViolation() && find(key).isPresent())) {
                return false;
            }
            throw e;
        }
    }

    @Override
    public boolean replace(AccountKey key, String version, StoredTokens next) throws IOException {
        return statements.write("replace of " + key, update, statement -> {
            statement.setString(1, next.version());
            statement.setString(2, next.text());
            statement.setLong(3, System.currentTimeMillis());
            statement.setString(4, key.digest());
            statement.setString(5, version);
        });
    }

    @Override
    public boolean delete(AccountKey key, String version) throws IOException {
        return statements.write("delete of " + key, delete, statement -> {
            statement.setString(1, key.digest());
            statement.setString(2, version);
        });
    }

    /**
     * Returns a page of the keys of one registration, for operators who want to know the accounts that have a grant. To
     * remove one, sign out ({@code grantkeeper.account(key.account()).signOut()}), which also revokes the tokens at the
     * provider.
     *
     * <pre>{@code
     * AccountKey last = null;
     * do {
     *     List<AccountKey> page = store.keys("crm", last, 1000);
     *     for (AccountKey key : page) { … }
     *     last = page.isEmpty() ? null : page.get(page.size() - 1);
     * } while (last != null);
     * }</pre>
     *
     * <p>The order is that of {@link AccountKey#digest()}, which means nothing but stays. A key that is there from the
     * first page to the last is seen exactly once, whatever is created, replaced or deleted in the meantime; one that
     * comes or goes may be seen or not. {@code after} need not be there any more. An empty page is the end.
     *
     * <p>This is administrative work, and there is no index for it: all pages together are one pass over the primary
     * key, and over the rows of all other registrations on the way. A statement may therefore take up to a minute. It
     * takes no locks that a refresh would wait for. The connection is held for one statement and not from page to page.
     *
     * <p>A row whose account or registration was changed by hand is left out, and logged as a warning with the
     * beginning of its digest: no call finds it under the name that it bears.
     *
     * @param registration the registration, see {@code Grantkeeper.Builder.registration}; compared character for
     *     character on every database
     * @param after the last key of the page before, or {@code null} for the first page
     * @param limit the most keys to return, between 1 and 10,000
     * @return the next keys; fewer than {@code limit} only if there are no more
     * @throws IllegalArgumentException if the limit is out of range, {@code after} belongs to another registration, or
     *     {@link AccountKey} would reject this registration
     * @throws IOException if the database cannot be read within a minute
     */
    public List<AccountKey> keys(String registration, @Nullable AccountKey after, int limit) throws IOException {
        return listing.page(registration, null, after, limit);
    }

    /**
     * Returns a page as {@link #keys} does, of the rows that were not written since some time: a sweep for grants that
     * are no longer used.
     *
     * <p>A row is written by logins, refreshes, refusals, and by sealing it anew under another key, but not by calls
     * that use its token. So {@code since} should lie further back than the provider's access tokens live; if they do
     * not expire, it is compared with the time of the login. The time is that of the writing node's clock, in
     * milliseconds.
     *
     * @param registration the registration, see {@code Grantkeeper.Builder.registration}; compared character for
     *     character on every database
     * @param since rows written at this time or later are left out
     * @param after the last key of the page before, or {@code null} for the first page
     * @param limit the most keys to return, between 1 and 10,000
     * @return the next keys; fewer than {@code limit} only if there are no more
     * @throws IllegalArgumentException if the limit is out of range, {@code after} belongs to another registration, or
     *     {@link AccountKey} would reject this registration
     * @throws IOException if the database cannot be read within a minute
     */
    public List<AccountKey> keysUntouchedSince(
            String registration, Instant since, @Nullable AccountKey after, int limit) throws IOException {
        return listing.page(registration, Objects.requireNonNull(since, "since"), after, limit);
    }

    /** Returns the name of the table. */
    @Override
    public String toString() {
        return "JdbcTokenStore[" + table + "]";
    }
}
