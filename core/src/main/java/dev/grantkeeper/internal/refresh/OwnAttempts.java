/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import dev.grantkeeper.token.AccountKey;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The attempts of this process that may still stand in rows, and what is known of them. This only saves waiting: an
 * attempt that is forgotten here is a stranger's, and T ends it. Thread-safe.
 */
final class OwnAttempts {
    /** So many fail in one outage of the store, and no more than that is kept. */
    private static final int MOST = 10_000;

    private final Map<AccountKey, String> unsent = bounded();
    private final Map<AccountKey, String> lost = bounded();

    private static Map<AccountKey, String> bounded() {
        return Collections.synchronizedMap(new LinkedHashMap<>() {
            private static final long serialVersionUID = 1L;

            @Override
            protected boolean removeEldestEntry(Map.Entry<AccountKey, String> eldest) {
                return size() > MOST;
            }
        });
    }

    /** An attempt may stand in the row, and nothing was sent under it. */
    void unsent(AccountKey key, String attempt) {
        unsent.put(key, attempt);
    }

    /** Whether nothing was sent under this attempt, for certain. */
    boolean isUnsent(AccountKey key, String attempt) {
        return attempt.equals(unsent.get(key));
    }

    /** An attempt stands in the row, and the answer to what was sent under it was lost. */
    void lost(AccountKey key, String attempt) {
        lost.put(key, attempt);
    }

    /** Whether the answer to this attempt was lost: nobody here needs to wait for it. */
    boolean isLost(AccountKey key, String attempt) {
        return attempt.equals(lost.get(key));
    }

    /** Another attempt has taken the place of those before. */
    void forget(AccountKey key) {
        unsent.remove(key);
        lost.remove(key);
    }
}
