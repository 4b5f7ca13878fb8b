/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import static org.assertj.core.api.Assertions.assertThat;

import dev.grantkeeper.internal.refresh.Plan.Kind;
import java.nio.file.Path;
import java.util.function.LongFunction;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The simulation finds planted faults: take one rule out of the protocol, and a seed catches it. Most are the mutants
 * of the checked model (its names are in brackets); the others were faults of this code until the simulation found
 * them.
 */
class MutantTest {
    private static final int ENOUGH = 40_000;

    private static final String REFRESHER = "Refresher.java";
    private static final String LEASE = "Lease.java";
    private static final String FLIGHT = "Flight.java";
    private static final String UNSAVED = "UnsavedTokens.java";
    private static final String FALLBACK = "Fallback.java";
    private static final String SAVES = "Saves.java";
    private static final String BACKOFF = "Backoff.java";
    private static final String MEMORY = "Memory.java";
    private static final String LOST_WRITES = "LostWrites.java";
    private static final String LOGINS = "Logins.java";
    private static final String ROWS = "Rows.java";
    private static final String TOKEN_LIMITS = "TokenLimits.java";
    private static final String CLOCKS = "Clocks.java";
    private static final String GATE = "EndpointGate.java";
    private static final String STORE_HEALTH = "StoreHealth.java";

    private static final Mutant BLIND = Mutant.of(
            "the mark names its version (MARKCAS)",
            FLIGHT,
            "Written marked = rows.replace(key, read.version(), row.attempting(name));",
            """
                        Written marked;
                        try {
                            VersionedRow any = rows.find(key).grant();
                            marked = any == null
                                    ? new Written.Lost()
                                    : rows.replace(key, any.version(), any.row().attempting(name));
                            if (marked instanceof Written.Won blind) {
                                marked = new Written.Won(
                                        new VersionedRow(blind.grant().version(), read.row().attempting(name)));
                            }
                        } catch (IOException e) {
                            marked = new Written.Unclear(e);
                        }""");

    @TempDir
    Path directory;

    static Stream<Mutant> mutants() {
        return Stream.of(
                BLIND,
                Mutant.of(
                        "nothing is sent when too little of T is left (CHECK)",
                        FLIGHT,
                        "if (!timing.maySend(renewal.replay(row), clocks.since(start))) {",
                        "if (false) {"),
                Mutant.of(
                        "T runs from before the first write (TBEFORE)",
                        FLIGHT,
                        "long start = clocks.ticks(); String name",
                        "String name",
                        FLIGHT,
                        "VersionedRow mine = won.grant();",
                        "VersionedRow mine = won.grant(); long start = clocks.ticks();"),
                Mutant.of(
                        "observers time this attempt, not any (SAME)",
                        MEMORY,
                        "boolean sameRow = sameAttempt && Objects.equals(versionOf(known), versionOf(grant));",
                        "boolean sameRow = attempt != null && known != null && known.row().attempt() != null;"),
                Mutant.of(
                                "an attempt of unknown outcome stays (CLEARLOST)",
                                FLIGHT,
                                "attempts.lost(key, sent.name()); Outcome moved",
                                "Written cleared = rows.replace(key, sent.mine().version(), sent.mine().row().failedUntil(Resource.OWN, clocks.now().plusSeconds(1), null)); Outcome moved")
                        .from(200),
                Mutant.of(
                        "an outcome that lost is written over what it was made from (RESCUE)",
                        UNSAVED,
                        "if (sameLogin && there.equals(pending.madeFrom())) {",
                        "if (false) {"),
                Mutant.of(
                                "whether a row is still ours is told by the whole token set (RTONLY)",
                                UNSAVED,
                                "there.equals(pending.madeFrom())",
                                "there.get(Resource.OWN).refreshToken().equals(pending.madeFrom().get(Resource.OWN).refreshToken())")
                        .from(400),
                Mutant.of(
                                "a refusal names the version it replaces (BLINDREF)",
                                FLIGHT,
                                "return refused(write(sent, mine -> mine.refused(resource, refusal)), refusal);",
                                """
                        Written written;
                        try {
                            VersionedRow any = rows.find(key).grant();
                            written = any == null
                                    ? new Written.Lost()
                                    : rows.replace(key, any.version(), any.row().refused(resource, refusal));
                        } catch (IOException e) {
                            written = new Written.Unclear(e);
                        }
                        return refused(written, refusal);""")
                        .from(300),
                Mutant.of(
                        "a node that loses to a login revokes nothing (REVOKEOLD)",
                        UNSAVED,
                        "unsaved.remove(key); // another login's, or newer ones",
                        "unsaved.remove(key); if (!sameLogin) { revoke(pending); }"),
                Mutant.of(
                                "rows name their login (LOGINID)",
                                LOGINS,
                                "if (found != null && found.row().login().equals(row.login())) {",
                                "if (found != null && java.util.Objects.equals(found.row().tokens(), row.tokens())) {")
                        .from(11_000),
                Mutant.of(
                        "sign-out repeats until its login is gone (SOLOOP)",
                        LOGINS,
                        "gone = rows.delete(key, found.version());",
                        "rows.delete(key, found.version()); gone = true;"),
                Mutant.of(
                                "a flight notices a login through its own node (DETACH)",
                                UNSAVED,
                                "(known == null || !known.row().login().equals(row.login()))",
                                "known == null")
                        .from(1_200),
                Mutant.of(
                        "no login is required before the row was read again (REREAD)",
                        FLIGHT,
                        "if (written instanceof Written.Lost) { return null; } if (written instanceof Written.Unclear",
                        "if (written instanceof Written.Lost) { return loginRequired(refusal); } if (written instanceof Written.Unclear"),
                Mutant.of(
                        "a replay waits until the first request cannot arrive any more (CLASS)",
                        FLIGHT,
                        "renewal.replay(row) == Provider.Replay.LATE",
                        "false"),
                Mutant.of(
                        "observers wait for all of T",
                        FLIGHT,
                        "stoodFor(seen, standing).compareTo(timing.attempt(renewal.replay(row))) < 0",
                        "stoodFor(seen, standing).compareTo(timing.attempt(renewal.replay(row)).dividedBy(3)) < 0"),
                Mutant.of(
                        "a replay is marked, and stands for a T of its own",
                        FLIGHT,
                        "Written again = write(sent, row -> row.withAnswerLost());",
                        "Written again = new Written.Won(latest(sent));"),
                Mutant.of(
                                "a holder shows that it lives, where T is short",
                                LEASE,
                                "workers.later(interval, this::due);",
                                "")
                        .from(1_300),
                Mutant.of(
                                "a holder shows that it lives while requests hold all threads",
                                LEASE,
                                "workers.read(this::renew);",
                                "workers.execute(this::renew, Urgency.CALLER);")
                        .from(352_400),
                Mutant.of(
                                "an answer that is read late makes no outage shorter",
                                STORE_HEALTH,
                                "began(since);",
                                "began(now);")
                        .from(105_500),
                Mutant.of(
                                "rows that cannot be written again are not read by more and more readers",
                                LOST_WRITES,
                                "readers < AT_ONCE && !suspects.isEmpty();",
                                "readers < 100 * AT_ONCE && !suspects.isEmpty();")
                        .from(174_800),
                Mutant.of(
                        "an attempt that is written again stands for another T",
                        MEMORY,
                        "boolean sameRow = sameAttempt && Objects.equals(versionOf(known), versionOf(grant));",
                        "boolean sameRow = sameAttempt;"),
                Mutant.of(
                        "unsaved tokens are written before they are refreshed",
                        FLIGHT,
                        "IOException notYet = unsaved.save(key, pending); if (notYet != null) { return landed(withoutStore(notYet)); }",
                        ""),
                Mutant.of(
                        "an attempt that was sent is not taken for unsent",
                        FLIGHT,
                        "attempts.lost(key, sent.name()); Outcome moved",
                        "attempts.unsent(key, sent.name()); Outcome moved"),
                Mutant.of(
                        "a name dies with its process (RESUME)",
                        FLIGHT,
                        "private final Rows rows;",
                        """
                        private static final java.util.Set<String> MINE =
                                java.util.concurrent.ConcurrentHashMap.newKeySet();
                        private final Rows rows;""",
                        FLIGHT,
                        "named == null || attempts.isUnsent(key, named)",
                        """
                        named == null
                                || attempts.isUnsent(key, named)
                                || (MINE.contains(renewal + named) && !attempts.isLost(key, named))""",
                        FLIGHT,
                        "VersionedRow mine = won.grant();",
                        "VersionedRow mine = won.grant(); MINE.add(renewal + name);"),
                Mutant.of("the back-off in the row is kept", BACKOFF, "return ahead ? left : null;", "return null;"),
                Mutant.of(
                                "a back-off that a wrong clock wrote ends",
                                BACKOFF,
                                "&& left.compareTo(LONGEST_WANTED) <= 0;",
                                ";")
                        .from(15_700),
                Mutant.of(
                                "attempts are timed by a clock that does not jump",
                                CLOCKS,
                                "return ticker.getAsLong();",
                                "return clock.millis() * 1_000_000;",
                                CLOCKS,
                                "return Duration.ofNanos(ticker.getAsLong() - ticks);",
                                "return Duration.ofNanos(clock.millis() * 1_000_000 - ticks);")
                        .from(600),
                Mutant.of(
                        "a wall clock that is set back makes no token live longer",
                        TOKEN_LIMITS,
                        "(limitTicks != NEVER && ticks - limitTicks >= 0)",
                        "false"),
                Mutant.of(
                        "that bound counts from when tokens were seen first",
                        MEMORY,
                        "same && its != null && other != null ?",
                        "same && its != null && other == null ?"),
                Mutant.of(
                        "tokens that are not stored yet belong to one user",
                        REFRESHER,
                        "Unsaved pending = unsaved.get(key); if (pending != null) { Unsaved toServe",
                        """
                        Unsaved pending = unsaved.get(key);
                        for (Unsaved any : unsaved.unsaved.values()) {
                            return CompletableFuture.completedFuture(new Usable(any.row().tokens()));
                        }
                        if (pending != null) { Unsaved toServe""",
                        UNSAVED,
                        "private final Map<AccountKey, Unsaved> unsaved",
                        "final Map<AccountKey, Unsaved> unsaved"),
                Mutant.of(
                        "what is remembered belongs to one user",
                        MEMORY,
                        "Remembered known = rows.get(key); if (known != null && !known.used) {",
                        "Remembered known = rows.containsKey(key) ? rows.values().iterator().next() : null;"
                                + " if (known != null && !known.used) {"),
                Mutant.of(
                        "a remembered row is not used for ever",
                        MEMORY,
                        "return !doubted && ticks - checkedAt < trust;",
                        "return !doubted;"),
                Mutant.of(
                        "a gate that is shut for this node says nothing about the row",
                        FLIGHT,
                        "if (shut != null && !read) {",
                        "if (shut == null && !read && read) {"),
                Mutant.of(
                        "a grant whose client was rejected is left alone for a while",
                        GATE,
                        "Duration pause = rejections > 0",
                        "Duration pause = rejections > 1_000"),
                Mutant.of(
                        "a 401 that comes back is the API's problem",
                        FLIGHT,
                        "if (tokens != null && rejected && state.afterRejection() && isRecent(seen, tokens)) {",
                        "if (false) {"),
                Mutant.of(
                        "a 401 on a token that was replaced makes no request",
                        FLIGHT,
                        "boolean rejected = tokens != null && tokens.accessToken().equals(purpose.rejected());",
                        "boolean rejected = tokens != null && purpose.rejected() != null;"),
                Mutant.of(
                                "only time in which the row could be read counts towards T",
                                MEMORY,
                                "if (before.unreadable) {",
                                "if (false) {",
                                MEMORY,
                                "since.compareTo(gap) < 0 ? since : gap",
                                "since")
                        .from(4_100),
                Mutant.of(
                                "little of a time without reads counts towards T",
                                MEMORY,
                                "since.compareTo(gap) < 0 ? since : gap",
                                "since")
                        .from(5_700),
                Mutant.of(
                        "unsaved tokens are tried at short pauses",
                        SAVES,
                        "workers.later(Duration.ofNanos(half + clocks.random(half)), () -> {",
                        "workers.later(Backoff.after(3, null, clocks), () -> {",
                        SAVES,
                        "void storeIsBack() {",
                        "void storeIsBack() { if (workers != null) { return; }"),
                Mutant.of(
                        "all are tried when any call of the store succeeds again",
                        SAVES,
                        "workers.later(Duration.ofNanos(half + clocks.random(half)), () -> {",
                        "workers.later(Backoff.after(3, null, clocks), () -> {",
                        SAVES,
                        "fill(AT_ONCE);",
                        ""),
                Mutant.of(
                        "an error out of a store is a failure",
                        ROWS,
                        "workers.letThrough(e);",
                        "workers.letThrough(e); if (e instanceof Error error) { throw error; }"),
                Mutant.of(
                        "a lost answer is remembered in the row",
                        FLIGHT,
                        "Written again = write(sent, row -> row.withAnswerLost());",
                        "Written again = write(sent, row -> row);"),
                // Found by the simulation.
                Mutant.of(
                                "what a write brings back late does not hide what came after it",
                                MEMORY,
                                "if (before != null && before.stamp > stamp) { boolean",
                                "if (false) { boolean")
                        .from(550),
                Mutant.of(
                                "a sign-out that lost to a login revokes nothing",
                                LOGINS,
                                "GrantRow unused = refresher.signedOut(key, login); return;",
                                "gone = true; continue;")
                        .from(550),
                Mutant.of(
                                "after a refusal the row says what is served",
                                FLIGHT,
                                "return refused(write(sent, mine -> mine.refused(resource, refusal)), refusal);",
                                """
                        Written written = write(sent, mine -> mine.refused(resource, refusal));
                        Remembered now = memory.get(key);
                        TokenSet tokens = sent.mine().row().tokens();
                        if (written instanceof Written.Won && tokens != null && now != null) {
                            return now.limits(Resource.OWN).expired(clocks)
                                    ? loginRequired(refusal)
                                    : new Usable(tokens);
                        }
                        return refused(written, refusal);""")
                        .from(10_300),
                Mutant.of(
                                "a caller that has nothing valid waits for a slow store",
                                REFRESHER,
                                "if (!mine.isDone() && fallback.remembers(key, resource)) {",
                                "if (!mine.isDone()) {")
                        .from(2_800),
                Mutant.of(
                                "tokens that could not be stored are served until they end",
                                FALLBACK,
                                "TokenSet ofUse = pending.ofUse(resource, rejected, clocks);",
                                "TokenSet ofUse = pending.current(resource, clocks);")
                        .from(3_100));
    }

    static Stream<Mutant> mutantsOfForgetfulStores() {
        return Stream.of(
                Mutant.of(
                                "a row that failed alone shows an outage if nothing else is there to show it",
                                STORE_HEALTH,
                                "unnoticed = waited || (hasFailed && !failing && longEnough);",
                                "unnoticed = waited;")
                        .from(9_400),
                Mutant.of(
                                "a node that calls for a row that failed alone looks at another one",
                                STORE_HEALTH,
                                "whenInDoubt.forEach(task -> task.accept(key));",
                                "")
                        .from(3_000),
                Mutant.of(
                                "after an outage, nobody gives a grant up before the node that wrote last had its turn",
                                FLIGHT,
                                "if (rows.health().isSettling()) {",
                                "if (rows.health().isSettling() && !(standing != null && renewal.replay(row) == Provider.Replay.NEVER)) {")
                        .from(35_300),
                Mutant.of(
                        "after an outage, the node that wrote last comes first",
                        FLIGHT,
                        "if (rows.health().isSettling()) {",
                        "if (false) {"),
                Mutant.of(
                        "a node reads the rows that it wrote last",
                        LOST_WRITES,
                        "suspects.addAll(last);",
                        "",
                        LOST_WRITES,
                        "if (looking || suspects.isEmpty()) {",
                        "if (!looking || looking) {"));
    }

    /** The store comes back without its last writes, and nothing else goes wrong. */
    @ParameterizedTest
    @MethodSource("mutantsOfForgetfulStores")
    void without_it_a_store_that_forgets_ends_a_grant(Mutant mutant) throws Exception {
        assertFound(mutant, Kind.FORGETFUL);
    }

    @ParameterizedTest
    @MethodSource("mutants")
    void without_it_a_seed_fails(Mutant mutant) throws Exception {
        assertFound(mutant, null);
    }

    private void assertFound(Mutant mutant, @Nullable Kind only) throws Exception {
        LongFunction<@Nullable String> schedules = mutant.load(directory, only);
        try (AutoCloseable closing = (AutoCloseable) schedules) {
            for (long seed = mutant.first(); seed < mutant.first() + ENOUGH; seed++) {
                if (schedules.apply(seed) != null) {
                    assertHoldsWithoutMutation(seed, only);
                    return;
                }
            }
        }
        assertThat(mutant).as("found by one of " + ENOUGH + " seeds").isNull();
    }

    /** Or it is not the missing rule that the seed has found. */
    private static void assertHoldsWithoutMutation(long seed, @Nullable Kind only) {
        try (Schedules whole = new Schedules(only == null ? null : only.name())) {
            assertThat(whole.apply(seed)).as("seed " + seed).isNull();
        }
    }

    /**
     * An excuse speaks for what it is about, and for nothing else: where all that goes wrong is of one kind, and
     * everything looks excused, two refreshes at once are found all the same.
     */
    @ParameterizedTest
    @EnumSource(
            names = {
                "CRASH",
                "CLOSE",
                "PAUSE",
                "CLOCK",
                "OUTAGE",
                "BLACKOUT",
                "FORGETFUL",
                "SLOW_STORE",
                "LOST_ANSWER",
                "VERY_LATE",
                "LOGIN",
                "RECONSIDER"
            })
    void no_kind_of_trouble_hides_a_second_request(Kind kind) throws Exception {
        assertFound(BLIND, kind);
    }

    @Test
    void own_marks_need_not_be_recognised() throws Exception {
        Mutant mutant = Mutant.of(
                "a write that looked failed is looked for (LOOK)",
                ROWS,
                "if (!won && unclear != null) {",
                "if (!won && unclear != null && key == null) {");
        assertHolds(mutant);
    }

    @Test
    void loading_alone_breaks_nothing() throws Exception {
        assertHolds(Mutant.none());
    }

    private void assertHolds(Mutant mutant) throws Exception {
        LongFunction<@Nullable String> schedules = mutant.load(directory);
        try (AutoCloseable closing = (AutoCloseable) schedules) {
            for (long seed = 1; seed <= 2_000; seed++) {
                assertThat(schedules.apply(seed)).as("seed " + seed).isNull();
            }
        }
    }
}
