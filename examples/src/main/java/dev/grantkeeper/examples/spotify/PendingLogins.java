/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.spotify;

import dev.grantkeeper.PendingLogin;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The logins that each browser has begun and not finished. Other applications keep them as session attributes. Bounded,
 * because everybody can begin logins. Thread-safe.
 */
final class PendingLogins {
    private static final int MOST_SESSIONS = 10_000;
    private static final int MOST_OF_ONE = 10;

    private final Map<String, Map<String, PendingLogin>> bySession = new Bounded<>(MOST_SESSIONS); // guarded by this

    synchronized void put(String session, PendingLogin login) {
        // One entry for each attempt: two tabs never meet.
        bySession
                .computeIfAbsent(Database.digest(session), digest -> new Bounded<>(MOST_OF_ONE))
                .put(login.sessionKey(), login);
    }

    /** Finds a login and forgets it: a second callback finds nothing. */
    synchronized @Nullable PendingLogin take(@Nullable String session, String sessionKey) {
        Map<String, PendingLogin> logins = session == null ? null : bySession.get(Database.digest(session));
        return logins == null ? null : logins.remove(sessionKey);
    }

    synchronized void forget(@Nullable String session) {
        if (session != null) {
            bySession.remove(Database.digest(session));
        }
    }

    /** Forgets its eldest entries. */
    private static final class Bounded<V> extends LinkedHashMap<String, V> {
        private static final long serialVersionUID = 1;

        private final int most;

        Bounded(int most) {
            this.most = most;
        }

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, V> eldest) {
            return size() > most;
        }
    }
}
