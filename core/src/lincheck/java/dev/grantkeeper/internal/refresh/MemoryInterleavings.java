/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.row.VersionedRow;
import dev.grantkeeper.token.AccountKey;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.atomic.AtomicInteger;
import org.jetbrains.lincheck.datastructures.ModelCheckingOptions;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.StressOptions;
import org.jetbrains.lincheck.datastructures.Validate;
import org.junit.jupiter.api.Test;

/**
 * The memory beside a store that threads of this node read and write: whatever comes back first, in the end the memory
 * holds what the store holds, or doubts what it holds.
 */
public class MemoryInterleavings {
    private static final AccountKey KEY = new AccountKey("registration", "user");

    private final Memory memory = new Memory(new Clocks(() -> Instant.EPOCH, () -> 0L, bound -> 0L), 10, Duration.ofSeconds(2));
    private final AtomicInteger store = new AtomicInteger();

    private static VersionedRow grant(int version) {
        return new VersionedRow("v" + version, GrantRow.of("login", Instant.EPOCH, null, null));
    }

    /** As {@code Rows.find} does it. */
    @Operation
    public void read() {
        long stamp = memory.stamp();
        int found = store.get();
        memory.read(KEY, grant(found), stamp);
    }

    /** As {@code Rows.replace} does it after a read. */
    @Operation
    public void write() {
        int found = store.get();
        long stamp = memory.stamp();
        if (store.compareAndSet(found, found + 1)) {
            memory.wrote(KEY, "v" + found, grant(found + 1), stamp);
        }
    }

    @Validate
    public void whatIsRememberedIsStoredOrDoubted() {
        Memory.Remembered remembered = memory.get(KEY);
        if (remembered != null
                && !remembered.doubted()
                && remembered.grant() != null
                && !remembered.grant().version().equals("v" + store.get())) {
            throw new AssertionError("The memory says " + remembered.grant().version() + ", the store v" + store.get());
        }
    }

    @Test
    void no_schedule_leaves_an_old_row_in_the_memory() {
        new ModelCheckingOptions()
                .threads(2)
                .actorsPerThread(2)
                .actorsAfter(0) // a read would mend what is to be seen
                .iterations(20)
                .invocationsPerIteration(300)
                .check(getClass());
    }

    @Test
    void no_race_of_real_threads_leaves_an_old_row_in_the_memory() {
        new StressOptions()
                .threads(3)
                .actorsPerThread(3)
                .actorsAfter(0) // a read would mend what is to be seen
                .iterations(20)
                .invocationsPerIteration(2_000)
                .check(getClass());
    }
}
