/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.token.AccountKey;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A listener for grant events, for metrics and for operators. It never receives a secret.
 *
 * <p>Called on the library's threads and on callers' threads, several at once: implementations are thread-safe and
 * return soon. Exceptions that they throw are logged and have no other effect.
 *
 * <p>A refresh ends when its events have been handled. A listener that receives {@link Kind#FAILED},
 * {@link Kind#REFUSED} or {@link Kind#EXPIRED} and needs tokens of that very grant would wait for itself:
 * {@link Account#tokens} and calls of wrapped clients throw an {@link IllegalStateException} there if they would have
 * to wait.
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
         * New tokens were received and are stored. The detail is the reason for the refresh: {@code ahead of time},
         * {@code expired} or {@code rejected} (by an API).
         */
        REFRESHED,
        /**
         * The user's consent ends, and only another login extends it: reported 30, 7 and 1 days before, by the first
         * refresh after each of these points. Where use extends the consent, it is not reported as long as the grant is
         * in use; {@link Grant#consentEndsAt()} covers all cases.
         */
        CONSENT_ENDS_SOON,
        /** Another node refreshed, and this one waited for it. */
        WAITED,
        /** A token request failed; the present tokens are still valid and are used. */
        SERVED_WHILE_STALE,
        /** A token request failed; {@link Event#failure()} is the reason. The grant is kept. */
        FAILED,
        /** The authorization server ended a grant: the user has to sign in again. */
        REFUSED,
        /**
         * A grant without refresh token has expired, or an API rejected its access token: the user has to sign in
         * again. Reported once for each grant, by each node that notices it: when tokens are needed, or
         * {@link Account#grant()} is read.
         */
        EXPIRED,
        /** New tokens were received and could not be stored; they are used, and the write is repeated. */
        WRITE_PENDING,
        /** Tokens whose write was pending are stored now. */
        WRITE_COMPLETED,
        /** The store had lost tokens that it once had, perhaps in a fail-over, and they were stored again. */
        STORED_AGAIN
    }

    /** An event in the life of a grant. Immutable and thread-safe. */
    final class Event {
        private final Kind kind;
        private final AccountKey key;
        private final Instant at;
        private final Duration took;
        private final @Nullable Instant endsAt;
        private final AuthorizationServerException.@Nullable Kind failure;
        private final @Nullable String detail;

        Event(
                Kind kind,
                AccountKey key,
                Instant at,
                Duration took,
                @Nullable Instant endsAt,
                AuthorizationServerException.@Nullable Kind failure,
                @Nullable String detail) {
            this.kind = kind;
            this.key = key;
            this.at = at;
            this.took = took;
            this.endsAt = endsAt;
            this.failure = failure;
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
         * The meaning of the failure, for {@link Kind#FAILED}: whether the server is down, or an operator has to act.
         *
         * @return the kind of failure; empty for all other events
         */
        public Optional<AuthorizationServerException.Kind> failure() {
            return Optional.ofNullable(failure);
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

    /** A listener that does nothing. */
    GrantListener NONE = event -> {};

    /**
     * Receives an event.
     *
     * @param event the event
     */
    void on(Event event);
}
