/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import dev.grantkeeper.token.AccountKey;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The attempts of this process that may still stand in rows, and the fate of their requests. Knowing them only saves
 * waiting: an attempt that is forgotten here is treated as a stranger's, and T ends it. Thread-safe.
 */
final class OwnAttempts {
    /** The largest number that is kept; about as many may fail in one outage of the store. */
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

    /** Notes that an attempt may stand in the row, and that nothing was sent under it. */
    void unsent(AccountKey key, String attempt) {
        unsent.put(key, attempt);
    }

    /** Whether it is certain that nothing was sent under this attempt. */
    boolean isUnsent(AccountKey key, String attempt) {
        return attempt.equals(unsent.get(key));
    }

    /** Notes that an attempt stands in the row, and that the answer to its request was lost. */
    void lost(AccountKey key, String attempt) {
        lost.put(key, attempt);
    }

    /** Whether the answer to this attempt's request was lost, so that nobody here needs to wait for it. */
    boolean isLost(AccountKey key, String attempt) {
        return attempt.equals(lost.get(key));
    }

    /** Forgets earlier attempts, since another one has taken their place. */
    void forget(AccountKey key) {
        unsent.remove(key);
        lost.remove(key);
    }
}
