/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.login;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Which logins were finished in this process, for as long as they could be finished again. Across processes the
 * server's one-time code is the guard. Thread-safe.
 */
public final class UsedLogins {
    private static final int MOST = 100_000;

    private final InstantSource clock;
    private final Duration kept;
    private final Map<String, Instant> used = new LinkedHashMap<>(); // guarded by this

    /** Remembers for so long. */
    public UsedLogins(InstantSource clock, Duration kept) {
        this.clock = clock;
        this.kept = kept;
    }

    synchronized boolean isUsed(String sessionKey) {
        return used.containsKey(sessionKey);
    }

    /** Marks a login as finished; of several callers one gets {@code true}. */
    public synchronized boolean use(String sessionKey) {
        Instant now = clock.instant();
        Iterator<Instant> oldest = used.values().iterator();
        while (oldest.hasNext()) {
            boolean over = oldest.next().plus(kept).isBefore(now);
            if (!over && used.size() < MOST) {
                break;
            }
            oldest.remove();
        }
        return used.putIfAbsent(sessionKey, now) == null;
    }
}
