/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.memory;

import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.StoredTokens;
import org.jetbrains.lincheck.datastructures.IntGen;
import org.jetbrains.lincheck.datastructures.ModelCheckingOptions;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;
import org.jetbrains.lincheck.datastructures.StressOptions;
import org.junit.jupiter.api.Test;

/** However threads meet in it, the store behaves as if they had come one after the other. */
@Param(name = "key", gen = IntGen.class, conf = "1:2")
@Param(name = "version", gen = IntGen.class, conf = "1:3")
public class MemoryTokenStoreInterleavings {
    private final MemoryTokenStore store = MemoryTokenStore.create();

    private static AccountKey key(int key) {
        return new AccountKey("registration", "user" + key);
    }

    private static StoredTokens tokens(int version) {
        return new StoredTokens("v" + version, "text " + version);
    }

    @Operation
    public String find(@Param(name = "key") int key) {
        return store.find(key(key)).map(row -> row.version() + row.text()).orElse("nothing");
    }

    @Operation
    public boolean create(@Param(name = "key") int key, @Param(name = "version") int version) {
        return store.create(key(key), tokens(version));
    }

    @Operation
    public boolean replace(
            @Param(name = "key") int key, @Param(name = "version") int version, @Param(name = "version") int next) {
        return store.replace(key(key), "v" + version, tokens(next));
    }

    @Operation
    public boolean delete(@Param(name = "key") int key, @Param(name = "version") int version) {
        return store.delete(key(key), "v" + version);
    }

    @Test
    void no_schedule_shows_anything_else() {
        new ModelCheckingOptions()
                .threads(2)
                .actorsPerThread(3)
                .actorsBefore(2)
                .iterations(50)
                .invocationsPerIteration(500)
                .check(getClass());
    }

    @Test
    void no_race_of_real_threads_shows_anything_else() {
        new StressOptions()
                .threads(3)
                .actorsPerThread(3)
                .actorsBefore(2)
                .iterations(50)
                .invocationsPerIteration(1_000)
                .check(getClass());
    }
}
