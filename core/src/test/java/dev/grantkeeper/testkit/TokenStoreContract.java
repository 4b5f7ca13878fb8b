/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.testkit;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenStore;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletionService;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * The rules of {@link TokenStore} as tests, each named after the number of its rule. The test of a store extends this
 * class, and is done:
 *
 * <pre>{@code
 * class RedisTokenStoreTest extends TokenStoreContract {
 *     @Override
 *     protected TokenStore store() {
 *         return new RedisTokenStore("127.0.0.1", 6379);
 *     }
 *
 *     @Override
 *     protected TokenStore unreachable() {
 *         return new RedisTokenStore("127.0.0.1", 1);
 *     }
 * }
 * }</pre>
 *
 * <p>It is in {@code grantkeeper-core} of type {@code test-jar} (in Gradle, classifier {@code tests}). Besides, a
 * project needs {@code grantkeeper-core} itself, which its store implements, and {@code junit-jupiter}, 5.10 or newer,
 * at test scope; Maven passes on neither. Maven 3.9 runs the tests as it is; for an older one, declare a
 * {@code maven-surefire-plugin} of version 3 in the POM, or it will find no tests and report nothing.
 *
 * <p>A store for more than one machine should override {@link #anotherNode()} as well: most mistakes hide in what one
 * process still remembers while another writes. A store that can be unreachable should override {@link #unreachable()},
 * and one whose clock a test can set, {@link #letTimePass}.
 *
 * <p>A test that fails reports "Rule 2.1 of TokenStore is broken", and what to do about it; or, before any rule, that
 * the stores which the test gives do not share their rows. A call that does not end within 15 seconds fails its test as
 * rule 3.2, and the cause shows where it hangs. Each test makes up keys of its own, so the database may be shared and
 * need not be empty. Rows are left behind.
 *
 * <p><strong>What no test here can see</strong>, and the author has to: that a row survives a crash of the store's
 * machine once a write has returned; that a {@code create} that timed out does not happen later (rule 3.1); that no
 * transaction of the caller is joined (rule 3.2); and, without {@code letTimePass}, that rows have no time to live
 * (rule 3.3).
 */
public abstract class TokenStoreContract {
    private static final int CALLERS = 16;
    private static final int ROUNDS = 50;
    private static final int LONGEST_TEXT = 512 * 1024;
    /** The meaning of "within seconds" in rule 3.2: generous, because build machines are slow. */
    private static final Duration LONGEST_CALL = Duration.ofSeconds(15);

    @RegisterExtension
    final CallWatch watch;

    /** Kept for a while, because the races would otherwise be about the starting of threads. */
    private final ExecutorService threads = new ThreadPoolExecutor(
            0, Integer.MAX_VALUE, 1, TimeUnit.SECONDS, new SynchronousQueue<>(), TokenStoreContract::daemon);

    private final String registration = "contract-" + UUID.randomUUID();

    /** For subclasses. */
    protected TokenStoreContract() {
        this(LONGEST_CALL);
    }

    /** For tests of the contract, which have stores that hang. */
    TokenStoreContract(Duration longestCall) {
        this.watch = new CallWatch(longestCall);
    }

    /**
     * Returns the store under test. Called several times within one test: each time with the same rows underneath, so a
     * store in memory is made once, in a field of the test class. Otherwise, whether it is the same instance is up to
     * the subclass.
     *
     * @return the store
     * @throws Exception if the store cannot be made
     */
    protected abstract TokenStore store() throws Exception;

    /**
     * Returns a store over the same rows as {@link #store()}, as another process would see them: an instance with its
     * own connections, and nothing shared in memory. Default: {@link #store()}, right for stores that live in one
     * process.
     *
     * @return another node's store
     * @throws Exception if the store cannot be made
     */
    protected TokenStore anotherNode() throws Exception {
        return store();
    }

    /**
     * Returns a store whose rows cannot be reached: a wrong port, a database that was shut down. Default: {@code null},
     * and the tests that need it are reported as skipped.
     *
     * @return a store that can only fail, or {@code null} if this kind of store always reaches its rows
     * @throws Exception if the store cannot be made
     */
    protected @Nullable TokenStore unreachable() throws Exception {
        return null;
    }

    /**
     * Lets time pass for the store, if a test can: a clock that was passed to it, a server whose clock can be set.
     * Default: does nothing, and the test that needs it is reported as skipped.
     *
     * @param time the time
     * @return whether that much time has passed for the store under test
     * @throws Exception if the clock cannot be set
     */
    protected boolean letTimePass(Duration time) throws Exception {
        return false;
    }

    /**
     * The cause of a failure, if it is this class and not the store: where no two stores share rows, most tests fail,
     * with advice that helps nobody.
     */
    Throwable explained(Throwable failure) {
        try {
            TokenStore store = here();
            if (shareNothing(store, here())) {
                return apart("two stores of store()", "return the same store each time", failure);
            }
            if (shareNothing(store, there())) {
                return apart("the stores of store() and anotherNode()", "give both the same database", failure);
            }
        } catch (Exception | AssertionError e) {
            failure.addSuppressed(e); // a store that cannot do this has the failure that is reported
        }
        return failure;
    }

    /** Both ways, because a node that reads a replica, which rule 1.3 is about, still writes to the primary. */
    private boolean shareNothing(TokenStore one, TokenStore other) throws IOException {
        return !arrives(one, other) && !arrives(other, one);
    }

    /** Whether a new row is found. A store that does not find its own rows proves nothing, and passes. */
    private boolean arrives(TokenStore from, TokenStore to) throws IOException {
        AccountKey key = key("shared " + UUID.randomUUID());
        boolean kept = from.create(key, row("shared")) && from.find(key).isPresent();
        return !kept || to.find(key).isPresent();
    }

    private static AssertionError apart(String stores, String advice, Throwable failure) {
        return new AssertionError(
                "The test is wrong, not the store: " + stores + " share no rows. A row that one of them has created is"
                        + " not found by the other, so that no rule can be tested. Keep what holds the rows in a field"
                        + " of the test class, or " + advice + ".",
                failure);
    }

    private static Thread daemon(Runnable work) {
        Thread thread = new Thread(work, "contract");
        thread.setDaemon(true);
        return thread;
    }

    private TokenStore here() throws Exception {
        return watch.over(store());
    }

    private TokenStore there() throws Exception {
        return watch.over(anotherNode());
    }

    // ---- 1. Reading ----------------------------------------------------------------------------------------------

    /** Rule 1.1. */
    @Test
    void rule_1_1_find_returns_the_last_row_unchanged() throws Exception {
        TokenStore store = here();
        AccountKey key = key("unchanged");
        StoredTokens first = row("first");
        create(store, key, first);
        expectRow("1.1", there(), key, first, "the row that was created");

        // Long, then short: a store that writes over the old row must not leave its tail.
        StoredTokens second = new StoredTokens(version(), printable(5_000));
        replace(store, key, first, second);
        StoredTokens third = new StoredTokens(version(), "x");
        replace(store, key, second, third);
        expectRow("1.1", there(), key, third, "the last of three rows");
    }

    /** Rule 1.1. */
    @Test
    void rule_1_1_texts_have_up_to_512_KiB_of_any_printable_ASCII() throws Exception {
        TokenStore store = here();
        AccountKey key = key("long");
        StoredTokens last = new StoredTokens(version(), printable(LONGEST_TEXT));
        create(store, key, last);
        expectRow("1.1", there(), key, last, "512 KiB of text; use a column type without a smaller limit");

        // Around the limits of usual column types and protocol buffers.
        for (int length : new int[] {1, 255, 256, 4_000, 4_001, 8_192, 32_767, 65_535, 65_536, LONGEST_TEXT - 1}) {
            StoredTokens next = new StoredTokens(version(), printable(length));
            replace(store, key, last, next);
            expectRow("1.1", there(), key, next, "a text of " + length + " characters");
            last = next;
        }
    }

    /** Rule 1.1. */
    @Test
    void rule_1_1_texts_are_not_interpreted() throws Exception {
        TokenStore store = here();
        AccountKey key = key("literal");
        StoredTokens last = row("start");
        create(store, key, last);
        for (String text : List.of(
                " ",
                "  blanks at both ends  ",
                // A JSON column type sorts members, drops doubles and blanks.
                "{\"b\" : 1,  \"a\":1.0, \"a\": 2,\"c\":\"\\u00e9\\n\"}",
                "null",
                "NULL",
                "007",
                "1e3",
                "true",
                "\"quoted\"",
                "it's; -- /* */ DROP TABLE x",
                "\\",
                "\\0 \\n \\' \\\\",
                "?1 :a @b $1 ${user.home} #{1+1} %s %n {0} {{x}}",
                "<a href=\"x\">&amp;</a>",
                "a=b&c=%20+d")) {
            StoredTokens next = new StoredTokens(version(), text);
            replace(store, key, last, next);
            expectRow("1.1", there(), key, next, "the text " + text + "; keep it as it is, in a plain text type");
            last = next;
        }
    }

    /** Rule 1.1. */
    @Test
    void rule_1_1_versions_have_up_to_64_printable_ASCII_characters() throws Exception {
        TokenStore store = here();
        AccountKey key = key("versions");
        StoredTokens last = row("start");
        create(store, key, last);
        String all = printable(95);
        for (String version : List.of(
                "0",
                "00",
                "1.0",
                all.substring(0, 64),
                all.substring(31),
                "z".repeat(64),
                "z".repeat(63),
                " in front",
                "behind ",
                "null",
                "%",
                "_",
                "'",
                "\\",
                "a'; --")) {
            StoredTokens next = new StoredTokens(version, "text of " + version);
            replace(store, key, last, next);
            expectRow("1.1", there(), key, next, "the version [" + version + "]");
            last = next;
        }
        holds(
                "2.3",
                store.delete(key, last.version()),
                "delete of the version [" + last.version() + "], which the row has, returned false.");
    }

    /** Rule 1.2. */
    @Test
    void rule_1_2_find_of_an_unknown_key_is_empty() throws Exception {
        expectNoRow("1.2", here(), key("unknown"), "nobody ever wrote this key");
        AccountKey removed = key("removed");
        StoredTokens row = row("removed");
        create(here(), removed, row);
        delete(here(), removed, row);
        expectNoRow("1.2", here(), removed, "the row was deleted");
        expectNoRow("1.2", there(), removed, "the row was deleted through the other node");
    }

    /** Rule 1.2, and 3.2. */
    @Test
    void rule_1_2_an_unreachable_store_throws_and_never_answers() throws Exception {
        TokenStore unreachable = unreachable();
        assumeTrue(unreachable != null, "unreachable() was not overridden");
        TokenStore store = watch.over(unreachable);
        AccountKey key = key("unreachable");
        expectFailure("find", () -> store.find(key));
        expectFailure("create", () -> store.create(key, row("x")));
        expectFailure("replace", () -> store.replace(key, version(), row("x")));
        expectFailure("delete", () -> store.delete(key, version()));
    }

    private static void expectFailure(String what, Callable<?> call) throws Exception {
        String advice = what + " of a store that cannot be reached must throw IOException. An empty or false answer is"
                + " believed, and signs users out.";
        try {
            call.call();
        } catch (IOException e) {
            return;
        } catch (RuntimeException e) {
            throw new AssertionError(
                    CallWatch.broken("1.2", advice + " Wrap what your client library throws; here it was " + e), e);
        }
        throw new AssertionError(CallWatch.broken("1.2", advice));
    }

    /** Rule 1.3. */
    @Test
    void rule_1_3_find_sees_every_write_that_has_returned() throws Exception {
        TokenStore here = here();
        TokenStore there = there();
        AccountKey key = key("seen");
        String advice = "; read the primary, in no older snapshot or transaction, and cache nothing";
        expectNoRow("1.3", there, key, "nothing was written yet");
        StoredTokens last = row("0");
        create(here, key, last);
        expectRow("1.3", there, key, last, "what the other node created" + advice);
        for (int i = 1; i <= 100; i++) {
            StoredTokens next = row(Integer.toString(i));
            replace(i % 2 == 0 ? here : there, key, last, next);
            expectRow("1.3", i % 2 == 0 ? there : here, key, next, "what the other node wrote last" + advice);
            expectRow("1.3", i % 2 == 0 ? here : there, key, next, "what was written last" + advice);
            last = next;
        }
        delete(there, key, last);
        expectNoRow("1.3", here, key, "the other node deleted the row" + advice);
    }

    /** Rule 1.3. */
    @Test
    void rule_1_3_a_reader_never_sees_a_gap_or_half_a_write() throws Exception {
        TokenStore writer = here();
        AccountKey key = key("torn");
        create(writer, key, numbered(0));
        AtomicInteger returned = new AtomicInteger();
        AtomicBoolean ended = new AtomicBoolean();
        List<Callable<Void>> work = new ArrayList<>();
        work.add(() -> {
            try {
                for (int i = 1; i <= 200; i++) {
                    replace(writer, key, numbered(i - 1), numbered(i));
                    returned.set(i);
                }
            } finally {
                ended.set(true);
            }
            return null;
        });
        for (int reader = 0; reader < 4; reader++) {
            TokenStore store = reader % 2 == 0 ? here() : there();
            work.add(() -> {
                boolean last;
                do {
                    last = ended.get();
                    int atLeast = returned.get();
                    Optional<StoredTokens> found = store.find(key);
                    holds(
                            "1.3",
                            found.isPresent(),
                            "find was empty while the row was replaced. Replace in one statement,"
                                    + " not by deleting and inserting.");
                    StoredTokens row = found.orElseThrow();
                    int number = row.version().matches("\\d{1,3}") ? Integer.parseInt(row.version()) : -1;
                    holds(
                            "1.3",
                            row.equals(numbered(number)),
                            "find returned what nobody has written: the version of one write with the text of another,"
                                    + " or half of a text. Write and read both at once.");
                    holds(
                            "1.3",
                            number >= atLeast,
                            "find returned version " + number + " after the write of a later"
                                    + " one had returned. Read the primary, not a replica or a cache.");
                } while (!last);
                return null;
            });
        }
        atOnce(work);
    }

    private static StoredTokens numbered(int number) {
        return new StoredTokens(Integer.toString(number), ("number " + number + ";").repeat(500));
    }

    /** Rule 1.4. */
    @Test
    void rule_1_4_different_keys_never_meet() throws Exception {
        TokenStore store = here();
        TokenStore other = there();
        List<AccountKey> keys = new ArrayList<>(similarKeys());
        List<StoredTokens> rows = new ArrayList<>();
        for (AccountKey key : keys) {
            expectNoRow("1.4", store, key, "only similar keys were written; file rows under key.digest()");
            StoredTokens row = row("row " + rows.size());
            rows.add(row);
            create(store, key, row);
        }
        for (int i = 0; i < keys.size(); i++) {
            expectRow("1.4", other, keys.get(i), rows.get(i), "its own row " + i + "; file rows under key.digest()");
        }
        for (int i = 0; i < keys.size(); i += 2) {
            delete(other, keys.get(i), rows.get(i));
        }
        for (int i = 0; i < keys.size(); i++) {
            if (i % 2 == 0) {
                expectNoRow("1.4", store, keys.get(i), "it was deleted");
            } else {
                expectRow("1.4", store, keys.get(i), rows.get(i), "its row; only similar keys were deleted");
            }
        }
    }

    /** Rule 1.4. */
    @Test
    void rule_1_4_one_version_under_two_keys_is_two_rows() throws Exception {
        TokenStore store = here();
        AccountKey one = key("one");
        AccountKey two = key("two");
        create(store, one, new StoredTokens("same", "one"));
        create(store, two, new StoredTokens("same", "two"));
        expectRow("1.4", store, one, new StoredTokens("same", "one"), "its row; only another key got the same version");
        holds("1.4", store.replace(one, "same", new StoredTokens("next", "one, later")), "replace returned false.");
        expectRow("1.4", store, two, new StoredTokens("same", "two"), "its row, which nobody has touched");
        holds("1.4", store.delete(two, "same"), "delete returned false.");
        expectRow("1.4", store, one, new StoredTokens("next", "one, later"), "its row, which nobody has deleted");
    }

    /** Keys that file systems, collations, escaping and naive joins mix up. */
    private Set<AccountKey> similarKeys() {
        Set<AccountKey> keys = new LinkedHashSet<>();
        String longest = "x".repeat(AccountKey.MAX_LENGTH);
        for (String account : List.of(
                "user",
                "USER",
                "User",
                "user ",
                " user",
                "user\t",
                "user\n",
                // One letter, two normal forms.
                "us\u00e9r",
                "use\u0301r",
                "user\u0301",
                // Ignored by many collations.
                "user\u200b",
                "u\u00adser",
                // Equal in some languages.
                "stra\u00dfe",
                "strasse",
                "\u0131",
                "i",
                "I",
                "\u0130",
                "\uff55\uff53\uff45\uff52",
                "1",
                "01",
                "1.0",
                "+1",
                "null",
                "NULL",
                "true",
                "*",
                "user*",
                "user%",
                "user_",
                "use_",
                "'",
                "''",
                "\"",
                "\\",
                "\\\\",
                "' OR '1'='1",
                "'; DROP TABLE grants; --",
                "user'/*",
                "?",
                ":account",
                "$1",
                "{user}",
                "{user}x",
                "user\r\nDEL x",
                "a/b",
                "a\\b",
                "..",
                "../user",
                "./user",
                "CON",
                "user@example.org",
                "user+tag@example.org",
                "user%40example.org",
                // One String.hashCode.
                "Aa",
                "BB",
                "\ud83d\ude00",
                "\ud83d\ude01",
                "\ud83d\udc69\u200d\ud83d\udcbb",
                longest,
                longest.substring(1) + "y",
                longest.substring(1),
                "\u4e2d".repeat(AccountKey.MAX_LENGTH),
                "\ud83d\ude00".repeat(AccountKey.MAX_LENGTH / 2))) {
            keys.add(key(account));
        }
        for (String separator : List.of(":", "/", "|", " ", ".", "-", ",", "\t", "\u001f", "")) {
            keys.add(new AccountKey(registration + "a" + separator + "b", "c"));
            keys.add(new AccountKey(registration + "a", "b" + separator + "c"));
        }
        keys.add(new AccountKey(registration.toUpperCase(Locale.ROOT), "user"));
        keys.add(new AccountKey(registration + " ", "user"));
        keys.add(new AccountKey("user", registration));
        keys.add(new AccountKey(registration + "r".repeat(AccountKey.MAX_LENGTH - registration.length()), longest));
        return keys;
    }

    // ---- 2. Writing ----------------------------------------------------------------------------------------------

    /** Rule 2.1. */
    @Test
    void rule_2_1_create_writes_only_where_no_row_is() throws Exception {
        AccountKey key = key("create");
        StoredTokens first = row("first");
        holds("2.1", here().create(key, first), "create of a key without a row returned false.");
        String advice = "create must insert, never overwrite: it took the place of another node's login.";
        holds("2.1", !here().create(key, row("second")), "create of a key that has a row returned true; " + advice);
        expectRow("2.1", here(), key, first, "the first row; " + advice);
        holds("2.1", !there().create(key, row("third")), "create on another node returned true; " + advice);
        expectRow("2.1", here(), key, first, "the first row; " + advice);
    }

    /** Rule 2.1. */
    @Test
    void rule_2_1_create_works_again_after_delete() throws Exception {
        AccountKey key = key("again");
        StoredTokens first = row("first");
        create(here(), key, first);
        delete(here(), key, first);
        StoredTokens second = row("second");
        holds("2.1", there().create(key, second), "create after delete returned false: a deleted row is gone.");
        expectRow("2.1", here(), key, second, "the row that was created after the delete");
    }

    /** Rule 2.2. */
    @Test
    void rule_2_2_replace_writes_only_over_the_given_version() throws Exception {
        TokenStore store = here();
        AccountKey key = key("replace");
        StoredTokens first = row("first");
        StoredTokens second = row("second");
        create(store, key, first);
        holds("2.2", store.replace(key, first.version(), second), "replace of the row's version returned false.");
        expectRow("2.2", store, key, second, "the row that replaced the first");
        String advice =
                "compare and write in one step, as in UPDATE … WHERE version = ?, and return whether a row changed.";
        holds(
                "2.2",
                !there().replace(key, first.version(), row("third")),
                "replace of a version that is gone returned true; " + advice);
        expectRow("2.2", store, key, second, "the newer row, untouched; " + advice);
    }

    /** Rule 2.2. */
    @Test
    void rule_2_2_replace_brings_no_row_back() throws Exception {
        TokenStore store = here();
        AccountKey key = key("gone");
        String advice = "replace must update, never insert: it brought back a user who had signed out.";
        holds("2.2", !store.replace(key, version(), row("x")), "replace without a row returned true; " + advice);
        expectNoRow("2.2", store, key, advice);
        StoredTokens row = row("row");
        create(store, key, row);
        delete(store, key, row);
        holds(
                "2.2",
                !there().replace(key, row.version(), row("x")),
                "replace of a deleted row returned true; " + advice);
        expectNoRow("2.2", store, key, advice);
    }

    /** Rules 2.2 and 2.3. */
    @Test
    void rule_2_2_versions_are_compared_exactly() throws Exception {
        TokenStore store = here();
        AccountKey key = key("exact");
        StoredTokens row = new StoredTokens("a1", "text");
        create(store, key, row);
        String advice = "; compare every character, under a binary collation.";
        for (String similar : List.of("A1", "a1 ", " a1", "a", "a10", "a01", "%", "a_", "_1", "a*", "' OR '1'='1")) {
            holds(
                    "2.2",
                    !store.replace(key, similar, row("wrong")),
                    "replace of version [" + similar + "] returned true, the row has [a1]" + advice);
            holds(
                    "2.3",
                    !store.delete(key, similar),
                    "delete of version [" + similar + "] returned true, the row has [a1]" + advice);
            expectRow("2.2", there(), key, row, "its row; [" + similar + "] is another version" + advice);
        }
        // The other way round: only the row with the blank, or the capital letter, is meant.
        for (String version : List.of("a1 ", "A1", "a1")) {
            StoredTokens next = new StoredTokens(version, "text of [" + version + "]");
            replace(store, key, row, next);
            expectRow("2.2", there(), key, next, "the row that replaced [" + row.version() + "]" + advice);
            row = next;
        }
    }

    /** Rule 2.3. */
    @Test
    void rule_2_3_delete_removes_only_the_given_version() throws Exception {
        TokenStore store = here();
        AccountKey key = key("delete");
        holds("2.3", !store.delete(key, version()), "delete without a row returned true.");
        StoredTokens first = row("first");
        StoredTokens second = row("second");
        create(store, key, first);
        replace(store, key, first, second);
        String advice = "compare and delete in one step: this row was somebody's newer login.";
        holds(
                "2.3",
                !there().delete(key, first.version()),
                "delete of a version that is gone returned true; " + advice);
        expectRow("2.3", store, key, second, "the newer row; " + advice);
        holds("2.3", store.delete(key, second.version()), "delete of the row's version returned false.");
        expectNoRow("2.3", there(), key, "delete returned true");
    }

    /** Rule 2.4. */
    @Test
    void rule_2_4_of_creates_at_once_exactly_one_wins() throws Exception {
        for (int round = 0; round < ROUNDS; round++) {
            AccountKey key = key("creates " + round);
            race("create", key, (store, mine) -> store.create(key, mine));
        }
    }

    /** Rule 2.4. */
    @Test
    void rule_2_4_of_replaces_at_once_exactly_one_wins() throws Exception {
        AccountKey key = key("replaces");
        StoredTokens first = row("first");
        create(here(), key, first);
        String version = first.version();
        for (int round = 0; round < ROUNDS; round++) {
            String last = version;
            version = race("replace", key, (store, mine) -> store.replace(key, last, mine));
        }
    }

    /** Rule 2.4. */
    @Test
    void rule_2_4_of_deletes_at_once_exactly_one_wins() throws Exception {
        AccountKey key = key("deletes");
        for (int round = 0; round < ROUNDS; round++) {
            StoredTokens row = row("round " + round);
            create(here(), key, row);
            race("delete", key, (store, mine) -> store.delete(key, row.version()));
        }
    }

    /** Rule 2.4. */
    @Test
    void rule_2_4_of_replaces_and_deletes_at_once_exactly_one_wins() throws Exception {
        for (int round = 0; round < ROUNDS; round++) {
            AccountKey key = key("mixed " + round);
            StoredTokens first = row("first");
            create(here(), key, first);
            AtomicInteger turn = new AtomicInteger();
            race(
                    "replace and delete",
                    key,
                    (store, mine) -> turn.getAndIncrement() % 2 == 0
                            ? store.replace(key, first.version(), mine)
                            : store.delete(key, first.version()));
        }
    }

    private interface Write {
        boolean apply(TokenStore store, StoredTokens mine) throws IOException;
    }

    private static final class Racer {
        final StoredTokens mine = row("racer");
        volatile boolean won;
        volatile boolean unclear;
    }

    /**
     * Lets all callers write at once, through two nodes, and counts. A store may fail under contention (rule 3.1): then
     * the caller repeats, as the library does, and the row tells whether the failed write had happened.
     *
     * @return the version of the row that is there now, or "none"
     */
    private String race(String what, AccountKey key, Write write) throws Exception {
        TokenStore here = here();
        TokenStore there = there();
        List<Racer> racers = new ArrayList<>();
        List<Callable<Void>> work = new ArrayList<>();
        for (int i = 0; i < CALLERS; i++) {
            Racer racer = new Racer();
            TokenStore store = i % 2 == 0 ? here : there;
            racers.add(racer);
            work.add(() -> {
                for (int attempt = 1; ; attempt++) {
                    try {
                        racer.won = write.apply(store, racer.mine);
                        return null;
                    } catch (IOException e) {
                        racer.unclear = true;
                        if (attempt == 20) {
                            throw new AssertionError(
                                    CallWatch.broken(
                                            "2.4",
                                            what + " failed 20 times in a row with " + CALLERS + " callers at once."
                                                    + " That many are ordinary: retry transient errors within"
                                                    + " the store."),
                                    e);
                        }
                        Thread.sleep(10L * attempt);
                    }
                }
            });
        }
        atOnce(work);
        String row = found(here, key).map(StoredTokens::version).orElse("none");
        List<Racer> winners = racers.stream().filter(racer -> racer.won).toList();
        boolean rightWinner = winners.isEmpty()
                ? racers.stream().anyMatch(racer -> racer.unclear)
                : winners.size() == 1
                        && (row.equals("none") || row.equals(winners.get(0).mine.version()));
        holds(
                "2.4",
                rightWinner,
                "of " + CALLERS + " times " + what + " at once on one version " + winners.size()
                        + " returned true, and the"
                        + " row's writer is " + (rowOf(winners, row) ? "one of them" : "none of them") + ". Exactly one"
                        + " may win: compare and write in one atomic step, and believe the number of changed rows.");
        expectSomething(what, row);
        return row;
    }

    private static boolean rowOf(List<Racer> racers, String version) {
        return racers.stream().anyMatch(racer -> racer.mine.version().equals(version));
    }

    private static void expectSomething(String what, String row) {
        if (what.equals("delete")) {
            holds("2.4", row.equals("none"), "one delete returned true, but the row is still there.");
        } else if (!what.contains("delete")) {
            holds("2.4", !row.equals("none"), "one " + what + " returned true, but there is no row.");
        }
    }

    // ---- 3. Failing ----------------------------------------------------------------------------------------------

    /** Rule 3.1. */
    @Test
    void rule_3_1_a_repeated_write_is_refused_and_its_row_is_there() throws Exception {
        AccountKey key = key("repeated");
        String advice =
                "The library repeats a write whose answer was lost, and tells by the row's version that it was its"
                        + " own. Compare with the version in the row, and remember nothing else.";
        StoredTokens first = row("first");
        create(here(), key, first);
        holds("3.1", !there().create(key, first), "create, repeated after it had happened, returned true. " + advice);
        expectRow("3.1", here(), key, first, "the row that was created. " + advice);
        StoredTokens second = row("second");
        replace(here(), key, first, second);
        for (TokenStore store : List.of(there(), here())) {
            holds(
                    "3.1",
                    !store.replace(key, first.version(), second),
                    "replace, repeated after it had happened, returned true. " + advice);
            expectRow("3.1", here(), key, second, "the row that was written. " + advice);
        }
        delete(here(), key, second);
        holds(
                "3.1",
                !there().delete(key, second.version()),
                "delete, repeated after it had happened, returned true. " + advice);
        expectNoRow("3.1", here(), key, "it was deleted. " + advice);
    }

    /** Rule 3.2. */
    @Test
    void rule_3_2_calls_end_within_seconds_whoever_else_is_calling() throws Exception {
        List<AccountKey> keys = List.of(key("busy 0"), key("busy 1"), key("busy 2"));
        AtomicLong failures = new AtomicLong();
        List<Callable<Void>> work = new ArrayList<>();
        for (int i = 0; i < CALLERS; i++) {
            int caller = i;
            TokenStore store = i % 2 == 0 ? here() : there();
            work.add(() -> {
                for (int round = 0; round < ROUNDS; round++) {
                    // Callers walk the keys in different directions: locks held from call to call would embrace.
                    AccountKey key = keys.get(Math.floorMod(caller % 2 == 0 ? round : -round, keys.size()));
                    try {
                        Optional<StoredTokens> row = found(store, key);
                        if (row.isEmpty()) {
                            store.create(key, row("busy"));
                        } else if ((caller + round) % 5 == 0) {
                            store.delete(key, row.get().version());
                        } else {
                            store.replace(key, row.get().version(), row("busy"));
                        }
                    } catch (IOException e) {
                        failures.incrementAndGet();
                    }
                }
                return null;
            });
        }
        atOnce(work);
        holds(
                "3.2",
                failures.get() < (long) CALLERS * ROUNDS / 10,
                failures + " of " + CALLERS * ROUNDS + " calls failed with " + CALLERS
                        + " callers at once. That many are"
                        + " ordinary: wait for a connection, retry transient errors.");
    }

    /** Rule 3.2. */
    @Test
    void rule_3_2_who_loses_holds_nothing_afterwards() throws Exception {
        TokenStore here = here();
        TokenStore there = there();
        AccountKey key = key("lost");
        AccountKey unknown = key("nobody");
        StoredTokens last = row("0");
        create(here, key, last);
        // As often as connections fit into usual pools, and more: each that is not released is one less.
        for (int round = 1; round <= ROUNDS; round++) {
            holds("2.1", !here.create(key, row("lost")), "create of a key that has a row returned true.");
            holds("2.2", !here.replace(key, version(), row("lost")), "replace of another version returned true.");
            holds("2.3", !here.delete(key, version()), "delete of another version returned true.");
            holds("2.2", !here.replace(unknown, version(), row("lost")), "replace without a row returned true.");
            holds("2.3", !here.delete(unknown, version()), "delete without a row returned true.");
            StoredTokens next = row(Integer.toString(round));
            replace(round % 2 == 0 ? here : there, key, last, next);
            expectRow("1.3", here, key, next, "what was written last");
            last = next;
        }
    }

    /** Rule 3.2. */
    @Test
    void rule_3_2_calls_end_within_seconds_also_when_nobody_answers() throws Exception {
        TokenStore unreachable = unreachable();
        assumeTrue(unreachable != null, "unreachable() was not overridden");
        TokenStore store = watch.over(unreachable);
        AccountKey key = key("unreachable");
        for (Callable<?> call : List.<Callable<?>>of(
                () -> store.find(key),
                () -> store.create(key, row("x")),
                () -> store.replace(key, version(), row("x")),
                () -> store.delete(key, version()))) {
            try {
                call.call();
            } catch (IOException | RuntimeException e) {
                // Rule 1.2 says how a call ends; here it is enough that it does.
            }
        }
    }

    /** Rule 3.3. */
    @Test
    void rule_3_3_rows_stay_however_many_there_are() throws Exception {
        TokenStore store = here();
        List<StoredTokens> rows = new ArrayList<>();
        for (int i = 0; i < 500; i++) {
            StoredTokens row = row("row " + i);
            rows.add(row);
            create(store, key("many " + i), row);
        }
        TokenStore other = there();
        for (int i = 0; i < rows.size(); i++) {
            expectRow(
                    "3.3",
                    other,
                    key("many " + i),
                    rows.get(i),
                    "its row: nothing is evicted, nothing expires. A lost" + " row is a user who was signed out");
        }
    }

    /** Rule 3.3. */
    @Test
    void rule_3_3_rows_stay_however_old_they_are() throws Exception {
        AccountKey key = key("old");
        StoredTokens row = row("old");
        create(here(), key, row);
        for (Duration time : List.of(Duration.ofHours(1), Duration.ofDays(30), Duration.ofDays(3 * 365))) {
            assumeTrue(letTimePass(time), "letTimePass was not overridden: see for yourself that rows do not expire");
            expectRow("3.3", there(), key, row, "the row of a user who was away for " + time.toDays() + " days more");
        }
    }

    // ---- Helpers -------------------------------------------------------------------------------------------------

    private AccountKey key(String account) {
        return new AccountKey(registration, account);
    }

    private static StoredTokens row(String text) {
        return new StoredTokens(version(), "{\"text\":\"" + text + "\"}");
    }

    private static String version() {
        return UUID.randomUUID().toString();
    }

    /** All printable ASCII characters, from the blank to the tilde, over and over. */
    private static String printable(int length) {
        StringBuilder text = new StringBuilder(length);
        for (int i = 0; i < length; i++) {
            text.append((char) (' ' + i % 95));
        }
        return text.toString();
    }

    private static void create(TokenStore store, AccountKey key, StoredTokens row) throws IOException {
        holds("2.1", store.create(key, row), "create of a key without a row returned false.");
    }

    private static void replace(TokenStore store, AccountKey key, StoredTokens last, StoredTokens next)
            throws IOException {
        holds(
                "2.2",
                store.replace(key, last.version(), next),
                "replace of the row's own version [" + last.version() + "] returned false.");
    }

    private static void delete(TokenStore store, AccountKey key, StoredTokens row) throws IOException {
        holds("2.3", store.delete(key, row.version()), "delete of the row's own version returned false.");
    }

    private static Optional<StoredTokens> found(TokenStore store, AccountKey key) throws IOException {
        Optional<StoredTokens> found = store.find(key);
        holds("1.2", found != null, "find returned null; an unknown key is Optional.empty().");
        return found;
    }

    private static void expectRow(String rule, TokenStore store, AccountKey key, StoredTokens row, String why)
            throws IOException {
        Optional<StoredTokens> found = found(store, key);
        String expected = "expected was " + why;
        holds(rule, found.isPresent(), "find was empty; " + expected + ".");
        String version = found.get().version();
        holds(
                rule,
                version.equals(row.version()),
                "find returned the version [" + version + "] instead of [" + row.version() + "]; " + expected + ".");
        String text = found.get().text();
        holds(
                rule,
                text.equals(row.text()),
                "find returned a changed text, first difference at character " + firstDifference(row.text(), text)
                        + " of " + row.text().length() + "; " + expected + ".");
    }

    private static void expectNoRow(String rule, TokenStore store, AccountKey key, String why) throws IOException {
        holds(rule, found(store, key).isEmpty(), "find returned a row where none is: " + why + ".");
    }

    private static int firstDifference(String one, String two) {
        int i = 0;
        while (i < one.length() && i < two.length() && one.charAt(i) == two.charAt(i)) {
            i++;
        }
        return i;
    }

    private static void holds(String rule, boolean condition, String otherwise) {
        if (!condition) {
            throw new AssertionError(CallWatch.broken(rule, otherwise));
        }
    }

    /** Runs all at once, each in its own thread, and fails as the first of them does. */
    private void atOnce(List<Callable<Void>> work) throws Exception {
        CyclicBarrier start = new CyclicBarrier(work.size());
        CompletionService<Void> ended = new ExecutorCompletionService<>(threads);
        List<Future<Void>> running = new ArrayList<>();
        for (Callable<Void> one : work) {
            running.add(ended.submit(() -> {
                start.await(30, TimeUnit.SECONDS);
                return one.call();
            }));
        }
        try {
            for (int i = 0; i < running.size(); i++) {
                ended.take().get();
            }
        } catch (ExecutionException e) {
            if (e.getCause() instanceof Exception failed) {
                throw failed;
            }
            throw e.getCause() instanceof Error failed ? failed : new AssertionError(e);
        } finally {
            running.forEach(one -> one.cancel(true));
        }
    }
}
