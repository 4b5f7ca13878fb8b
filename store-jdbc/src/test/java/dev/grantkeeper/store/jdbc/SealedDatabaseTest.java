/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.zaxxer.hikari.HikariDataSource;
import dev.grantkeeper.Account;
import dev.grantkeeper.Grantkeeper;
import dev.grantkeeper.LoginRequiredException;
import dev.grantkeeper.LoginResult;
import dev.grantkeeper.PendingLogin;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.testkit.FakeAuthorizationServer;
import dev.grantkeeper.testkit.Fault;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.SealingKeys;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.sqlite.SQLiteConfig;

/**
 * The secrets that somebody finds who gets hold of the table, or of the files that the database keeps it in: after
 * logins, refreshes, failures and a refusal, no token and no secret. That the search finds what is there is shown by
 * rows that are not sealed.
 */
@Timeout(300)
class SealedDatabaseTest {
    private static final Duration LIFETIME = Duration.ofMinutes(10);
    private static final String SECRET = "sR8wE2rT6yU1iO9pA4sD7fG3hJ5kL0zX";

    /** A database, and where its files are. */
    enum Kind {
        H2 {
            @Override
            DataSource open(Path directory) {
                return Databases.h2("jdbc:h2:file:" + directory.resolve("grants"));
            }
        },
        SQLITE {
            @Override
            DataSource open(Path directory) {
                return Databases.sqlite(directory.resolve("grants.db"), SQLiteConfig.JournalMode.WAL);
            }
        },
        POSTGRESQL {
            @Override
            DataSource open(Path directory) {
                return Databases.postgres();
            }

            @Override
            Path files(DataSource database, String table, Path directory) throws SQLException {
                Databases.execute(database, "CHECKPOINT");
                return Path.of(single(database, "SHOW data_directory"));
            }
        },
        MARIADB {
            @Override
            DataSource open(Path directory) {
                return Databases.mariaDb();
            }

            @Override
            Path files(DataSource database, String table, Path directory) throws SQLException {
                Databases.execute(database, "FLUSH TABLES " + table + " FOR EXPORT");
                return Path.of(single(database, "SELECT @@datadir"));
            }
        };

        abstract DataSource open(Path directory);

        /** The directory of the files; the table is in them when this returns, or when all connections are closed. */
        Path files(DataSource database, String table, Path directory) throws SQLException {
            return directory;
        }

        private static String single(DataSource database, String query) throws SQLException {
            try (Connection connection = database.getConnection();
                    Statement statement = connection.createStatement();
                    ResultSet row = statement.executeQuery(query)) {
                row.next();
                return row.getString(1);
            }
        }
    }

    @TempDir
    Path directory;

    private final String table = Databases.newTable();
    private final AtomicLong passed = new AtomicLong();
    private final Set<String> secrets = new LinkedHashSet<>(List.of(NodeProcess.SECRET, SECRET));
    private final FakeAuthorizationServer server = FakeAuthorizationServer.start()
            .client(NodeProcess.CLIENT, NodeProcess.SECRET, NodeProcess.REDIRECT)
            .accessTokenLifetime(LIFETIME)
            .time(() -> Instant.now().plusNanos(passed.get()));

    @AfterEach
    void close() {
        server.close();
    }

    private Grantkeeper.Builder registration(DataSource database) {
        Provider provider = Provider.builder("fake")
                .allowHttpOnLoopback()
                .authorizationEndpoint(server.authorizationEndpoint())
                .tokenEndpoint(server.tokenEndpoint())
                .apiOrigins(server.url())
                .build();
        return Grantkeeper.builder(provider)
                .clientId(NodeProcess.CLIENT)
                .clientSecret(NodeProcess.SECRET)
                .redirectUri(NodeProcess.REDIRECT)
                .scopes("things.read")
                .tokenStore(JdbcTokenStore.create(database, table))
                .time(() -> Instant.now().plusNanos(passed.get()), () -> System.nanoTime() + passed.get());
    }

    private void note(TokenSet tokens) {
        secrets.add(tokens.accessToken());
        secrets.add(tokens.refreshToken().orElseThrow());
    }

    private void expire() {
        passed.addAndGet(LIFETIME.plusSeconds(1).toNanos());
    }

    /** Everything that writes a row. */
    private void live(Grantkeeper node) throws IOException {
        PendingLogin login = node.startLogin();
        String callback = server.approve(login.url().toString(), "alice");
        Account alice = ((LoginResult.SignedIn)
                        node.finishLogin(login, URI.create(callback).getRawQuery()))
                .keepAs("alice");
        note(alice.tokens());
        expire();
        note(alice.tokens());
        expire();
        server.onNextTokenRequest(Fault.retryAfter(503, "60"));
        assertThatThrownBy(alice::tokens).isInstanceOf(IOException.class);
        expire();
        note(alice.tokens());
        server.revokeConsent("alice");
        expire();
        assertThatThrownBy(alice::tokens).isInstanceOf(LoginRequiredException.class);
    }

    private Set<String> foundInTheTable(DataSource database) throws SQLException {
        Set<String> found = new LinkedHashSet<>();
        try (Connection connection = database.getConnection();
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("SELECT * FROM " + table)) {
            while (rows.next()) {
                for (int column = 1; column <= rows.getMetaData().getColumnCount(); column++) {
                    found.addAll(secretsIn(rows.getString(column)));
                }
            }
        }
        return found;
    }

    private Set<String> foundInTheFiles(Path place) throws IOException {
        Set<String> found = new LinkedHashSet<>();
        List<Path> files;
        try (Stream<Path> all = Files.walk(place)) {
            files = all.filter(Files::isRegularFile).toList();
        }
        for (Path file : files) {
            try {
                found.addAll(secretsIn(new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1)));
            } catch (NoSuchFileException e) {
                // The server works on, and removes what it does not need any more.
            }
        }
        return found;
    }

    private Set<String> secretsIn(String text) {
        Set<String> found = new LinkedHashSet<>(secrets);
        found.removeIf(secret -> !text.contains(secret));
        return found;
    }

    @ParameterizedTest
    @EnumSource
    void neither_the_table_nor_its_files_hold_a_secret(Kind kind) throws Exception {
        Path place;
        try (HikariDataSource database = Databases.pool(kind.open(directory), 2)) {
            try (Grantkeeper node =
                    registration(database).sealingKeys(SealingKeys.of(SECRET)).build()) {
                live(node);
            }
            assertThat(foundInTheTable(database)).isEmpty();
            place = kind.files(database, table, directory);
        }
        assertThat(secrets).hasSizeGreaterThanOrEqualTo(2 + 3 + 1);
        assertThat(foundInTheFiles(place)).isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void the_search_finds_what_is_not_sealed(Kind kind) throws Exception {
        Path place;
        try (HikariDataSource database = Databases.pool(kind.open(directory), 2)) {
            try (Grantkeeper node =
                    registration(database).allowPlaintextTokens().build()) {
                live(node);
            }
            assertThat(foundInTheTable(database)).hasSizeGreaterThanOrEqualTo(2);
            place = kind.files(database, table, directory);
        }
        assertThat(foundInTheFiles(place)).hasSizeGreaterThanOrEqualTo(2);
    }

    @ParameterizedTest
    @EnumSource
    void all_rows_come_under_a_new_secret_while_nodes_use_them(Kind kind) throws Exception {
        String next = "N3xT6yU1iO9pA4sD7fG3hJ5kL0zXsR8w";
        try (HikariDataSource database = Databases.pool(kind.open(directory), 2)) {
            JdbcTokenStore store = JdbcTokenStore.create(database, table);
            List<String> users = List.of("alice", "bob");
            String registration;
            try (Grantkeeper old = registration(database)
                            .sealingKeys(SealingKeys.of(SECRET).andReading(next))
                            .build();
                    Grantkeeper swapped = registration(database)
                            .sealingKeys(SealingKeys.of(next).andReading(SECRET))
                            .build()) {
                registration = swapped.registration();
                for (String user : users) {
                    FakeAuthorizationServer.Issued issued = server.issue(NodeProcess.CLIENT, user, "things.read");
                    old.account(user)
                            .importTokens(TokenSet.builder(issued.accessToken())
                                    .refreshToken(issued.refreshToken())
                                    .build());
                }
                List<String> written = new ArrayList<>();
                for (List<AccountKey> page = store.keys(registration, null, 1);
                        !page.isEmpty();
                        page = store.keys(registration, page.get(0), 1)) {
                    if (swapped.account(page.get(0).account()).reseal()) {
                        written.add(page.get(0).account());
                    }
                }
                assertThat(written).containsExactlyInAnyOrderElementsOf(users);
                for (String user : users) {
                    assertThat(old.account(user).tokens())
                            .isEqualTo(swapped.account(user).tokens());
                }
            }
            try (Grantkeeper later =
                    registration(database).sealingKeys(SealingKeys.of(next)).build()) {
                for (String user : users) {
                    assertThat(later.account(user).tokens()).isNotNull();
                }
            }
        }
    }
}
