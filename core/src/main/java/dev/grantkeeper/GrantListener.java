/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.token.AccountKey;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Hears what happens to grants: for metrics, and for telling operators. It never gets a secret.
 *
 * <p>Called on the library's threads and on callers' threads, several at once: implementations are thread-safe and
 * return soon. What they throw is logged and hurts nobody.
 */
@FunctionalInterface
public interface GrantListener {
    /** The kinds of events. Later versions may add some: give a {@code switch} a default. */
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
        WRITE_COMPLETED,
        /** The store had lost tokens that it once had, in a fail-over perhaps, and they were stored again. */
        STORED_AGAIN
    }

    /** An event in the life of a grant. Immutable and thread-safe. */
    final class Event {
        private final Kind kind;
        private final AccountKey key;
        private final Instant at;
        private final Duration took;
        private final @Nullable Instant endsAt;
        private final @Nullable String detail;

        Event(Kind kind, AccountKey key, Instant at, Duration took, @Nullable Instant endsAt, @Nullable String detail) {
            this.kind = kind;
            this.key = key;
            this.at = at;
            this.took = took;
            this.endsAt = endsAt;
            this.detail = detail;
        }

        /**
         * The kind of event.
         *
         * @return the kind
         */
        public Kind kind() {
            return kind;
        }

        /**
         * The key of the grant.
         *
         * @return registration and account
         */
        public AccountKey key() {
            return key;
        }

        /**
         * The time of the event, by the application's clock.
         *
         * @return the time
         */
        public Instant at() {
            return at;
        }

        /**
         * The duration: of a refresh from the first read of the row on, of a failed request, of a wait for another
         * node, of a write until it completed.
         *
         * @return zero for what takes no time
         */
        public Duration took() {
            return took;
        }

        /**
         * The expiry of the access token that is in use now; for {@link Kind#CONSENT_ENDS_SOON} the end of the consent.
         *
         * @return the time; empty if unknown
         */
        public Optional<Instant> endsAt() {
            return Optional.ofNullable(endsAt);
        }

        /**
         * More for people: an error code, a reason.
         *
         * @return a text without secrets; empty if there is no more to tell
         */
        public Optional<String> detail() {
            return Optional.ofNullable(detail);
        }

        @Override
        public String toString() {
            return "Event[" + kind + " " + key + " at " + at + (took.isZero() ? "" : ", took " + took)
                    + (endsAt == null ? "" : ", ends " + endsAt) + (detail == null ? "" : ", " + detail) + "]";
        }
    }

    /** Hears nothing. */
    GrantListener NONE = event -> {};

    /**
     * Something happened.
     *
     * @param event what
     */
    void on(Event event);
}
