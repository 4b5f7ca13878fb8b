/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.token.AccountKey;
import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * Hears what happens to grants: for metrics, and for telling operators. It never gets a secret.
 *
 * <p>Called on the library's threads and on callers' threads, several at once: implementations are thread-safe and
 * return soon. What they throw is logged and hurts nobody.
 */
@FunctionalInterface
public interface GrantListener {
    /** What happened. */
    enum Kind {
        /** A user signed in. */
        SIGNED_IN,
        /** A user signed out. */
        SIGNED_OUT,
        /**
         * New tokens came, and are stored. The detail says why they were fetched: {@code ahead of time},
         * {@code expired} or {@code rejected} (by an API).
         */
        REFRESHED,
        /**
         * The user's consent ends, and only another login extends it: told 30 days, 7 days and a day before, by the
         * refresh that comes next after that. Where use extends consent there is nothing to tell as long as the grant
         * is in use; {@link Grant#consentEndsAt()} answers for all.
         */
        CONSENT_ENDS_SOON,
        /** Another node refreshed, and this one waited for it. */
        WAITED,
        /** A token request failed; the tokens at hand are still valid and are used. */
        SERVED_WHILE_STALE,
        /** A token request failed. */
        FAILED,
        /** The authorization server ended a grant: the user has to sign in again. */
        REFUSED,
        /** New tokens came and could not be stored; they are used, and storing them is tried again. */
        WRITE_PENDING,
        /** Tokens that could not be stored are stored now. */
        WRITE_LANDED,
        /** The store had lost tokens that it once had, in a fail-over perhaps, and they were stored again. */
        STORED_AGAIN
    }

    /**
     * Something that happened.
     *
     * @param kind what
     * @param key to whose grant
     * @param at when
     * @param took how long it took: a refresh from the first read of the row on, a failed request, a wait for another
     *     node, a write until it landed; zero for what takes no time
     * @param endsAt when the access token expires that is in use now, where known; for {@link Kind#CONSENT_ENDS_SOON}
     *     when the consent ends
     * @param detail more for people: an error code, a reason
     */
    record Event(
            Kind kind,
            AccountKey key,
            Instant at,
            Duration took,
            @Nullable Instant endsAt,
            @Nullable String detail) {}

    /** Hears nothing. */
    GrantListener NONE = event -> {};

    /**
     * Something happened.
     *
     * @param event what
     */
    void on(Event event);
}
