/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.memory;

import static org.assertj.core.api.Assertions.assertThat;

import dev.grantkeeper.testkit.TokenStoreContract;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenStore;
import org.junit.jupiter.api.Test;

class MemoryTokenStoreTest extends TokenStoreContract {
    private final MemoryTokenStore store = MemoryTokenStore.create();

    @Override
    protected TokenStore store() {
        return store;
    }

    @Test
    void two_stores_share_nothing() {
        AccountKey key = new AccountKey("spotify", "anna");
        store.create(key, new StoredTokens("1", "text"));
        assertThat(MemoryTokenStore.create().find(key)).isEmpty();
    }

    @Test
    void a_store_prints_no_rows() {
        store.create(new AccountKey("spotify", "canary-account"), new StoredTokens("1", "canary-text"));
        assertThat(store).hasToString("MemoryTokenStore[1 rows]");
    }
}
