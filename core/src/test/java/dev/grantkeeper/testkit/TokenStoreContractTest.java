/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.support.descriptor.MethodSource;
import org.junit.platform.launcher.Launcher;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/**
 * Whether the contract notices. A store that does everything right passes; each of the others below is the same store
 * with one mistake that somebody makes when writing one, and the rule of that mistake has to fail, by name.
 */
class TokenStoreContractTest {
    /**
     * When a call counts as hanging: soon for stores that do hang, and for the others later than any machine is slow.
     */
    private static final Duration SHORT = Duration.ofMillis(500);

    private static final Duration LONG = Duration.ofSeconds(30);

    private static final Map<Mistake, Report> REPORTS = new ConcurrentHashMap<>();

    // ---- What is expected ----------------------------------------------------------------------------------------

    @Test
    void a_correct_store_passes_every_test() {
        Report report = Report.on(Right::new, LONG);
        assertThat(report.failures()).isEmpty();
        assertThat(report.passed()).containsExactlyInAnyOrderElementsOf(contractTests());
    }

    @ParameterizedTest
    @EnumSource
    void a_mistake_fails_a_test_of_the_rule_that_it_breaks_and_the_message_names_the_rule(Mistake mistake) {
        Map<String, String> failures = mistake.report().failures();
        assertThat(failures).anySatisfy((test, message) -> {
            assertThat(test).startsWith("rule_" + mistake.rule.replace('.', '_') + "_");
            assertThat(message).startsWith("Rule " + mistake.rule + " of TokenStore is broken: ");
        });
    }

    /** No parse error, no null pointer, no naked exception of the store: the author reads what the store did wrong. */
    @ParameterizedTest
    @EnumSource
    void whatever_fails_names_a_rule(Mistake mistake) {
        assertThat(mistake.report().failures().values())
                .allSatisfy(message -> assertThat(message).matches("(?s)Rule \\d\\.\\d of TokenStore is broken: .*"));
    }

    @Test
    void every_test_of_the_contract_notices_something() {
        Set<String> idle = contractTests();
        for (Mistake mistake : Mistake.values()) {
            idle.removeAll(mistake.report().failures().keySet());
        }
        assertThat(idle).isEmpty();
    }

    @Test
    void every_rule_in_the_documentation_has_a_test_and_a_mistake() throws IOException {
        Matcher rule = Pattern.compile("<li><b>(\\d\\.\\d)</b>")
                .matcher(Files.readString(Path.of("src/main/java/dev/grantkeeper/token/TokenStore.java")));
        Set<String> documented = new TreeSet<>();
        while (rule.find()) {
            documented.add(rule.group(1));
        }
        assertThat(documented).hasSize(11);
        assertThat(contractTests().stream().map(test -> test.charAt(5) + "." + test.charAt(7)))
                .containsOnly(documented.toArray(String[]::new));
        assertThat(Stream.of(Mistake.values()).map(mistake -> mistake.rule))
                .containsOnly(documented.toArray(String[]::new));
    }

    @Test
    void a_call_that_hangs_is_shown_where_it_hangs() {
        Throwable failure =
                Mistake.HANGS_AFTER_A_LOST_REPLACE.report().thrown().get("rule_3_2_who_loses_holds_nothing_afterwards");
        assertThat(failure).hasMessageStartingWith("Rule 3.2 of TokenStore is broken: replace had not ended");
        assertThat(failure.getCause().getStackTrace())
                .anyMatch(frame -> frame.getClassName().equals(HangsWhenItLoses.class.getName()));
    }

    /** A test class that makes its map in {@code store()}: the mistake of the author, and none of the store's. */
    @Test
    void stores_that_share_no_rows_are_reported_before_any_rule() {
        Report report = Report.on((database, node) -> new Right(new Database(), 0), LONG);
        assertThat(report.failures().keySet()).hasSizeGreaterThan(15);
        assertThat(report.failures().values())
                .allSatisfy(message -> assertThat(message)
                        .startsWith("The test is wrong, not the store: two stores of store() share no rows."));
        assertThat(report.thrown().values())
                .allSatisfy(thrown -> assertThat(thrown).hasCauseInstanceOf(AssertionError.class));
    }

    @Test
    void another_node_with_rows_of_its_own_is_reported_before_any_rule() {
        Database elsewhere = new Database();
        Report report = Report.on((database, node) -> new Right(node == 0 ? database : elsewhere, node), LONG);
        assertThat(report.failures())
                .hasSizeGreaterThan(10)
                .allSatisfy(
                        (test, message) -> assertThat(message)
                                .startsWith(
                                        "The test is wrong, not the store: the stores of store() and anotherNode() share no rows."));
    }

    /** One store that behaves so in both instances breaks rules; that each of its instances has rows is not proven. */
    @Test
    void a_store_that_keeps_nothing_is_told_of_the_rule() {
        Report report = Report.on((database, node) -> new Forgets(new Database(), node), LONG);
        assertThat(report.failures())
                .isNotEmpty()
                .allSatisfy((test, message) -> assertThat(message).startsWith("Rule "));
    }

    /** Writes nothing down. */
    static final class Forgets extends Right {
        Forgets(Database database, int node) {
            super(database, node);
        }

        @Override
        public boolean create(AccountKey key, StoredTokens tokens) {
            return true;
        }
    }

    private static Set<String> contractTests() {
        return Arrays.stream(TokenStoreContract.class.getDeclaredMethods())
                .filter(method -> method.isAnnotationPresent(Test.class))
                .map(method -> method.getName())
                .collect(Collectors.toCollection(TreeSet::new));
    }

    // ---- How it is found out -------------------------------------------------------------------------------------

    /** The results of the contract on one kind of store. */
    private record Report(Set<String> passed, Map<String, Throwable> thrown) {
        static synchronized Report on(BiFunction<Database, Integer, TokenStore> store, Duration longestCall) {
            Suspect.store = store;
            Suspect.longestCall = longestCall;
            Report report = new Report(new TreeSet<>(), new TreeMap<>());
            LauncherDiscoveryRequest request = LauncherDiscoveryRequestBuilder.request()
                    .selectors(selectClass(Suspect.class))
                    .build();
            Launcher launcher = LauncherFactory.create();
            launcher.execute(request, new TestExecutionListener() {
                @Override
                public void executionFinished(TestIdentifier test, TestExecutionResult result) {
                    String name = test.getSource()
                            .filter(MethodSource.class::isInstance)
                            .map(source -> ((MethodSource) source).getMethodName())
                            .orElse("");
                    if (result.getStatus() == TestExecutionResult.Status.SUCCESSFUL && test.isTest()) {
                        report.passed().add(name);
                    } else {
                        result.getThrowable()
                                .ifPresent(thrown -> report.thrown().put(name, thrown));
                    }
                }
            });
            return report;
        }

        Map<String, String> failures() {
            Map<String, String> messages = new LinkedHashMap<>();
            thrown.forEach((test, thrown) -> messages.put(test, String.valueOf(thrown.getMessage())));
            return messages;
        }
    }

    /** The class that the author of a store would write. */
    static final class Suspect extends TokenStoreContract {
        static BiFunction<Database, Integer, TokenStore> store = Right::new;
        static Duration longestCall = LONG;

        private final Database database = new Database();

        Suspect() {
            super(longestCall);
        }

        @Override
        protected TokenStore store() {
            return store.apply(database, 0);
        }

        @Override
        protected TokenStore anotherNode() {
            return store.apply(database, 1);
        }

        @Override
        protected TokenStore unreachable() {
            Database down = new Database();
            down.isDown = true;
            return store.apply(down, 0);
        }

        @Override
        protected boolean letTimePass(Duration time) {
            database.clock = database.clock.plus(time);
            return true;
        }
    }

    // ---- The store that does everything right ----------------------------------------------------------------------

    /**
     * The rows that the nodes share, and in the case of a database, everything that its server has in memory and on
     * disk.
     */
    static final class Database {
        final Map<String, StoredTokens> rows = new LinkedHashMap<>();
        final Map<String, Duration> writtenAt = new HashMap<>();
        final Map<String, StoredTokens> replica = new HashMap<>();
        final Map<Integer, Map<String, Optional<StoredTokens>>> caches = new HashMap<>();
        final Set<String> tombstones = new TreeSet<>();
        final ReentrantLock lock = new ReentrantLock();
        Duration clock = Duration.ZERO;
        boolean isDown;
    }

    /** Takes the database's monitor for each call, as a database would; the parts below it may assume that. */
    static class Right implements TokenStore {
        final Database database;
        final int node;

        Right(Database database, int node) {
            this.database = database;
            this.node = node;
        }

        void reach() throws IOException {
            if (database.isDown) {
                throw new IOException("the database is down");
            }
        }

        String name(AccountKey key) {
            return key.digest();
        }

        @Nullable
        StoredTokens read(String name) {
            return database.rows.get(name);
        }

        void write(String name, StoredTokens row) {
            database.rows.put(name, row);
        }

        void remove(String name) {
            database.rows.remove(name);
        }

        boolean same(String stored, String given) {
            return stored.equals(given);
        }

        boolean has(String name, String version) {
            StoredTokens row = read(name);
            return row != null && same(row.version(), version);
        }

        @Override
        public Optional<StoredTokens> find(AccountKey key) throws IOException {
            synchronized (database) {
                reach();
                return Optional.ofNullable(read(name(key)));
            }
        }

        @Override
        public boolean create(AccountKey key, StoredTokens tokens) throws IOException {
            synchronized (database) {
                reach();
                if (read(name(key)) != null) {
                    return false;
                }
                write(name(key), tokens);
                return true;
            }
        }

        @Override
        public boolean replace(AccountKey key, String version, StoredTokens next) throws IOException {
            synchronized (database) {
                reach();
                if (!has(name(key), version)) {
                    return false;
                }
                write(name(key), next);
                return true;
            }
        }

        @Override
        public boolean delete(AccountKey key, String version) throws IOException {
            synchronized (database) {
                reach();
                if (!has(name(key), version)) {
                    return false;
                }
                remove(name(key));
                return true;
            }
        }
    }

    // ---- The mistakes ----------------------------------------------------------------------------------------------

    enum Mistake {
        TEXTS_ARE_TRIMMED("1.1", (database, node) -> new Changes(database, node) {
            @Override
            String text(String text) {
                return text.strip();
            }
        }),
        TEXTS_END_AT_65535("1.1", (database, node) -> new Changes(database, node) {
            @Override
            String text(String text) {
                return text.substring(0, Math.min(text.length(), 65_535));
            }
        }),
        TEXTS_LONGER_THAN_65535_ARE_REFUSED("1.1", (database, node) -> new Right(database, node) {
            @Override
            public boolean replace(AccountKey key, String version, StoredTokens next) throws IOException {
                return super.replace(key, version, fitting(next));
            }

            @Override
            public boolean create(AccountKey key, StoredTokens tokens) throws IOException {
                return super.create(key, fitting(tokens));
            }

            private StoredTokens fitting(StoredTokens row) throws IOException {
                if (row.text().length() > 65_535) {
                    throw new IOException("Data too long for column 'text'");
                }
                return row;
            }
        }),
        TEXTS_ARE_READ_AS_JSON("1.1", (database, node) -> new Changes(database, node) {
            @Override
            String text(String text) {
                // What a JSON column does to an object: blanks between its members go.
                return text.startsWith("{") ? text.replaceAll("\\s*([:,])\\s*", "$1") : text;
            }
        }),
        TEXTS_ARE_UNESCAPED("1.1", (database, node) -> new Changes(database, node) {
            @Override
            String text(String text) {
                return text.replace("\\\\", "\\");
            }
        }),
        THE_TEXT_NULL_IS_NO_TEXT("1.1", (database, node) -> new Changes(database, node) {
            @Override
            String text(String text) {
                return text.equals("null") ? "" : text;
            }
        }),
        LONGER_ROWS_SHINE_THROUGH("1.1", (database, node) -> new Right(database, node) {
            @Override
            void write(String name, StoredTokens row) {
                StoredTokens old = read(name);
                String tail = old == null || old.text().length() <= row.text().length()
                        ? ""
                        : old.text().substring(row.text().length());
                super.write(name, new StoredTokens(row.version(), row.text() + tail));
            }
        }),
        VERSIONS_LOSE_THEIR_CASE("1.1", (database, node) -> new Changes(database, node) {
            @Override
            String version(String version) {
                return version.toLowerCase(Locale.ROOT);
            }
        }),
        VERSIONS_ARE_TRIMMED("1.1", (database, node) -> new Changes(database, node) {
            @Override
            String version(String version) {
                return version.strip();
            }
        }),
        VERSIONS_HAVE_36_CHARACTERS("1.1", (database, node) -> new Changes(database, node) {
            @Override
            String version(String version) {
                return version.substring(0, Math.min(version.length(), 36));
            }
        }),

        EMPTY_WHEN_UNREACHABLE("1.2", (database, node) -> new Right(database, node) {
            @Override
            public Optional<StoredTokens> find(AccountKey key) throws IOException {
                return database.isDown ? Optional.empty() : super.find(key);
            }
        }),
        FALSE_WHEN_UNREACHABLE("1.2", (database, node) -> new Right(database, node) {
            @Override
            public boolean replace(AccountKey key, String version, StoredTokens next) throws IOException {
                return !database.isDown && super.replace(key, version, next);
            }
        }),
        SOMETHING_UNCHECKED_WHEN_UNREACHABLE("1.2", (database, node) -> new Right(database, node) {
            @Override
            void reach() {
                if (database.isDown) {
                    throw new IllegalStateException("connection refused");
                }
            }
        }),
        NULL_FOR_AN_UNKNOWN_KEY("1.2", (database, node) -> new Right(database, node) {
            @Override
            @SuppressWarnings("NullAway")
            public Optional<StoredTokens> find(AccountKey key) throws IOException {
                return super.find(key).orElse(null) == null ? null : super.find(key);
            }
        }),
        DELETED_ROWS_ARE_FOUND_EMPTY("1.2", (database, node) -> new Right(database, node) {
            @Override
            void remove(String name) {
                super.remove(name);
                database.tombstones.add(name);
            }

            @Override
            public Optional<StoredTokens> find(AccountKey key) throws IOException {
                Optional<StoredTokens> found = super.find(key);
                boolean deleted = found.isEmpty() && database.tombstones.contains(name(key));
                return deleted ? Optional.of(new StoredTokens("", "")) : found;
            }
        }),

        READS_ARE_CACHED("1.3", (database, node) -> new Right(database, node) {
            private Map<String, Optional<StoredTokens>> cache() {
                return database.caches.computeIfAbsent(node, any -> new HashMap<>());
            }

            @Override
            public Optional<StoredTokens> find(AccountKey key) throws IOException {
                synchronized (database) {
                    Optional<StoredTokens> cached = cache().get(name(key));
                    if (cached == null) {
                        cached = super.find(key);
                        cache().put(name(key), cached);
                    }
                    return cached;
                }
            }

            @Override
            void write(String name, StoredTokens row) {
                super.write(name, row);
                cache().remove(name);
            }

            @Override
            void remove(String name) {
                super.remove(name);
                cache().remove(name);
            }
        }),
        READS_GO_TO_A_REPLICA("1.3", (database, node) -> new Right(database, node) {
            @Override
            void write(String name, StoredTokens row) {
                // Behind by one write of any row.
                database.replica.clear();
                database.replica.putAll(database.rows);
                super.write(name, row);
            }

            @Override
            public Optional<StoredTokens> find(AccountKey key) throws IOException {
                synchronized (database) {
                    reach();
                    return node == 0
                            ? Optional.ofNullable(read(name(key)))
                            : Optional.ofNullable(database.replica.get(name(key)));
                }
            }
        }),
        REPLACE_DELETES_THEN_INSERTS("1.3", (database, node) -> new Right(database, node) {
            @Override
            public boolean replace(AccountKey key, String version, StoredTokens next) throws IOException {
                if (!delete(key, version)) {
                    return false;
                }
                travel();
                return create(key, next);
            }
        }),
        VERSION_AND_TEXT_ARE_TWO_WRITES("1.3", (database, node) -> new Right(database, node) {
            @Override
            public boolean replace(AccountKey key, String version, StoredTokens next) throws IOException {
                String text = super.find(key).map(StoredTokens::text).orElse("");
                if (!super.replace(key, version, new StoredTokens(next.version(), text))) {
                    return false;
                }
                travel();
                return super.replace(key, next.version(), next);
            }
        }),

        KEYS_ARE_LOWER_CASED("1.4", (database, node) -> new Right(database, node) {
            @Override
            String name(AccountKey key) {
                return new AccountKey(key.registration(), key.account().toLowerCase(Locale.ROOT)).digest();
            }
        }),
        KEYS_ARE_JOINED("1.4", (database, node) -> new Right(database, node) {
            @Override
            String name(AccountKey key) {
                return key.registration() + "|" + key.account();
            }
        }),
        KEYS_ARE_CUT("1.4", (database, node) -> new Right(database, node) {
            @Override
            String name(AccountKey key) {
                String account = key.account();
                return new AccountKey(key.registration(), account.substring(0, Math.min(255, account.length())))
                        .digest();
            }
        }),
        KEYS_ARE_HASH_CODES("1.4", (database, node) -> new Right(database, node) {
            @Override
            String name(AccountKey key) {
                return Integer.toHexString(key.hashCode());
            }
        }),
        THE_REGISTRATION_IS_NO_PART_OF_THE_KEY("1.4", (database, node) -> new Right(database, node) {
            @Override
            String name(AccountKey key) {
                return key.account();
            }
        }),
        ROWS_ARE_FILED_UNDER_THEIR_VERSION("1.4", (database, node) -> new Right(database, node) {
            @Override
            void write(String name, StoredTokens row) {
                super.write(name, row);
                database.rows.replaceAll((other, old) -> old.version().equals(row.version()) ? row : old);
            }
        }),

        CREATE_OVERWRITES("2.1", (database, node) -> new Right(database, node) {
            @Override
            public boolean create(AccountKey key, StoredTokens tokens) throws IOException {
                synchronized (database) {
                    reach();
                    write(name(key), tokens);
                    return true;
                }
            }
        }),
        CREATE_OVERWRITES_AND_ADMITS_IT("2.1", (database, node) -> new Right(database, node) {
            @Override
            public boolean create(AccountKey key, StoredTokens tokens) throws IOException {
                synchronized (database) {
                    reach();
                    boolean first = read(name(key)) == null;
                    write(name(key), tokens);
                    return first;
                }
            }
        }),
        DELETED_KEYS_STAY_TAKEN("2.1", (database, node) -> new Right(database, node) {
            @Override
            void remove(String name) {
                super.remove(name);
                database.tombstones.add(name);
            }

            @Override
            public boolean create(AccountKey key, StoredTokens tokens) throws IOException {
                return !database.tombstones.contains(name(key)) && super.create(key, tokens);
            }
        }),
        CREATE_THROWS_WHERE_A_ROW_IS("2.1", (database, node) -> new Right(database, node) {
            @Override
            public boolean create(AccountKey key, StoredTokens tokens) throws IOException {
                if (!super.create(key, tokens)) {
                    throw new IOException("duplicate key");
                }
                return true;
            }
        }),

        REPLACE_IGNORES_THE_VERSION("2.2", (database, node) -> new Right(database, node) {
            @Override
            public boolean replace(AccountKey key, String version, StoredTokens next) throws IOException {
                synchronized (database) {
                    StoredTokens row = read(name(key));
                    return super.replace(key, row == null ? version : row.version(), next);
                }
            }
        }),
        REPLACE_CREATES_MISSING_ROWS("2.2", (database, node) -> new Right(database, node) {
            @Override
            public boolean replace(AccountKey key, String version, StoredTokens next) throws IOException {
                return super.create(key, next) || super.replace(key, version, next);
            }
        }),
        REPLACE_ALWAYS_RETURNS_TRUE("2.2", (database, node) -> new Right(database, node) {
            @Override
            public boolean replace(AccountKey key, String version, StoredTokens next) throws IOException {
                super.replace(key, version, next);
                return true;
            }
        }),
        REPLACE_WRITES_NOTHING("2.2", (database, node) -> new Right(database, node) {
            @Override
            public boolean replace(AccountKey key, String version, StoredTokens next) throws IOException {
                synchronized (database) {
                    reach();
                    return has(name(key), version);
                }
            }
        }),
        VERSIONS_ARE_COMPARED_WITHOUT_CASE("2.2", (database, node) -> new Right(database, node) {
            @Override
            boolean same(String stored, String given) {
                return stored.equalsIgnoreCase(given);
            }
        }),
        VERSIONS_ARE_COMPARED_WITHOUT_BLANKS_AT_THE_END("2.2", (database, node) -> new Right(database, node) {
            @Override
            boolean same(String stored, String given) {
                return stored.stripTrailing().equals(given.stripTrailing());
            }
        }),
        VERSIONS_ARE_PATTERNS("2.2", (database, node) -> new Right(database, node) {
            @Override
            boolean same(String stored, String given) {
                return stored.equals(given) || given.equals("%");
            }
        }),

        DELETE_IGNORES_THE_VERSION("2.3", (database, node) -> new Right(database, node) {
            @Override
            public boolean delete(AccountKey key, String version) throws IOException {
                synchronized (database) {
                    StoredTokens row = read(name(key));
                    return super.delete(key, row == null ? version : row.version());
                }
            }
        }),
        DELETE_ALWAYS_RETURNS_TRUE("2.3", (database, node) -> new Right(database, node) {
            @Override
            public boolean delete(AccountKey key, String version) throws IOException {
                super.delete(key, version);
                return true;
            }
        }),
        DELETE_REMOVES_NOTHING("2.3", (database, node) -> new Right(database, node) {
            @Override
            void remove(String name) {}
        }),

        CREATE_LOOKS_THEN_WRITES("2.4", (database, node) -> new Right(database, node) {
            @Override
            public boolean create(AccountKey key, StoredTokens tokens) throws IOException {
                if (find(key).isPresent()) {
                    return false;
                }
                travel();
                synchronized (database) {
                    write(name(key), tokens);
                    return true;
                }
            }
        }),
        REPLACE_LOOKS_THEN_WRITES("2.4", (database, node) -> new Right(database, node) {
            @Override
            public boolean replace(AccountKey key, String version, StoredTokens next) throws IOException {
                if (!find(key).map(StoredTokens::version).equals(Optional.of(version))) {
                    return false;
                }
                travel();
                synchronized (database) {
                    write(name(key), next);
                    return true;
                }
            }
        }),
        DELETE_LOOKS_THEN_REMOVES("2.4", (database, node) -> new Right(database, node) {
            @Override
            public boolean delete(AccountKey key, String version) throws IOException {
                if (!find(key).map(StoredTokens::version).equals(Optional.of(version))) {
                    return false;
                }
                travel();
                synchronized (database) {
                    remove(name(key));
                    return true;
                }
            }
        }),
        NODES_LOCK_ONLY_THEMSELVES("2.4", LocksOnlyItself::new),
        REPLACE_AND_DELETE_LOCK_APART("2.4", LocksApart::new),

        A_WRITE_REPEATED_IS_CALLED_DONE("3.1", (database, node) -> new Right(database, node) {
            @Override
            public boolean replace(AccountKey key, String version, StoredTokens next) throws IOException {
                synchronized (database) {
                    return super.replace(key, version, next) || Objects.equals(read(name(key)), next);
                }
            }
        }),

        HANGS_WHEN_UNREACHABLE("3.2", (database, node) -> new Right(database, node) {
            @Override
            void reach() {
                if (database.isDown) {
                    forever();
                }
            }
        }),
        HANGS_AFTER_A_LOST_REPLACE("3.2", HangsWhenItLoses::new),
        TWO_LOCKS_IN_ANY_ORDER("3.2", Embraces::new),
        FAILS_WHEN_MANY_CALL("3.2", (database, node) -> new Right(database, node) {
            @Override
            public Optional<StoredTokens> find(AccountKey key) throws IOException {
                if (!database.lock.tryLock()) {
                    throw new IOException("no connection is free");
                }
                try {
                    travel();
                    return super.find(key);
                } finally {
                    database.lock.unlock();
                }
            }
        }),

        ROWS_LIVE_FOR_30_DAYS("3.3", (database, node) -> new Right(database, node) {
            @Override
            void write(String name, StoredTokens row) {
                super.write(name, row);
                database.writtenAt.put(name, database.clock);
            }

            @Override
            @Nullable
            StoredTokens read(String name) {
                Duration writtenAt = database.writtenAt.getOrDefault(name, Duration.ZERO);
                return database.clock.minus(writtenAt).compareTo(Duration.ofDays(30)) < 0 ? super.read(name) : null;
            }
        }),
        THE_OLDEST_OF_400_ROWS_GOES("3.3", (database, node) -> new Right(database, node) {
            @Override
            void write(String name, StoredTokens row) {
                super.write(name, row);
                if (database.rows.size() > 400) {
                    database.rows.remove(database.rows.keySet().iterator().next());
                }
            }
        });

        private final String rule;
        private final BiFunction<Database, Integer, TokenStore> store;

        Mistake(String rule, BiFunction<Database, Integer, TokenStore> store) {
            this.rule = rule;
            this.store = store;
        }

        /** Made once: several facts are read from it. */
        private Report report() {
            return REPORTS.computeIfAbsent(
                    this, mistake -> Report.on(mistake.store, mistake.rule.equals("3.2") ? SHORT : LONG));
        }
    }

    /** Writes something else than it was given. */
    private abstract static class Changes extends Right {
        Changes(Database database, int node) {
            super(database, node);
        }

        String version(String version) {
            return version;
        }

        String text(String text) {
            return text;
        }

        @Override
        void write(String name, StoredTokens row) {
            super.write(name, new StoredTokens(version(row.version()), text(row.text())));
        }

        @Override
        boolean same(String stored, String given) {
            return stored.equals(version(given));
        }
    }

    /** Right in one process. */
    private static final class LocksOnlyItself extends Right {
        private static final Map<Integer, Object> LOCKS = Map.of(0, new Object(), 1, new Object());

        LocksOnlyItself(Database database, int node) {
            super(database, node);
        }

        @Override
        public boolean replace(AccountKey key, String version, StoredTokens next) throws IOException {
            synchronized (LOCKS.get(node)) {
                if (!find(key).map(StoredTokens::version).equals(Optional.of(version))) {
                    return false;
                }
                travel();
                synchronized (database) {
                    write(name(key), next);
                    return true;
                }
            }
        }
    }

    /** One lock for each kind of write, where one for each row is needed. */
    private static final class LocksApart extends Right {
        private static final Object REPLACING = new Object();
        private static final Object DELETING = new Object();

        LocksApart(Database database, int node) {
            super(database, node);
        }

        @Override
        public boolean replace(AccountKey key, String version, StoredTokens next) throws IOException {
            synchronized (REPLACING) {
                if (!find(key).map(StoredTokens::version).equals(Optional.of(version))) {
                    return false;
                }
                travel();
                synchronized (database) {
                    write(name(key), next);
                    return true;
                }
            }
        }

        @Override
        public boolean delete(AccountKey key, String version) throws IOException {
            synchronized (DELETING) {
                if (!find(key).map(StoredTokens::version).equals(Optional.of(version))) {
                    return false;
                }
                travel();
                synchronized (database) {
                    remove(name(key));
                    return true;
                }
            }
        }
    }

    /** Releases its lock on one way out, and not on the other. */
    private static final class HangsWhenItLoses extends Right {
        private static final Set<Database> STUCK = ConcurrentHashMap.newKeySet();

        HangsWhenItLoses(Database database, int node) {
            super(database, node);
        }

        @Override
        public boolean replace(AccountKey key, String version, StoredTokens next) throws IOException {
            if (STUCK.contains(database)) {
                forever();
            }
            boolean replaced = super.replace(key, version, next);
            if (!replaced) {
                STUCK.add(database);
            }
            return replaced;
        }
    }

    /** Locks the row that it looks at, and keeps it locked until it looks at another one. */
    private static final class Embraces extends Right {
        private static final ThreadLocal<@Nullable ReentrantLock> HELD = new ThreadLocal<>();
        private static final Map<String, ReentrantLock> ROWS = new ConcurrentHashMap<>();

        Embraces(Database database, int node) {
            super(database, node);
        }

        @Override
        public Optional<StoredTokens> find(AccountKey key) throws IOException {
            ReentrantLock held = HELD.get();
            ReentrantLock row = ROWS.computeIfAbsent(name(key), any -> new ReentrantLock());
            row.lock();
            if (held != null) {
                held.unlock();
            }
            HELD.set(row);
            return super.find(key);
        }
    }

    /** A way to the database and back, on which others overtake. */
    private static void travel() {
        LockSupport.parkNanos(100_000);
    }

    /** As a socket without a timeout: interrupts are not heard either. */
    private static void forever() {
        while (true) {
            LockSupport.park();
            Thread.interrupted();
        }
    }
}
