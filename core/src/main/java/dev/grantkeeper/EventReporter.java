/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.log.Log;
import dev.grantkeeper.internal.refresh.RefreshEvents;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Reports events to the log and to the application's listener, which may throw anything. Thread-safe. */
final class EventReporter implements RefreshEvents {
    /** The grant whose refresh has failed and waits for the listener on this thread. */
    private static final ThreadLocal<@Nullable AccountKey> HELD_UP = new ThreadLocal<>();

    private final GrantListener listener;
    private final InstantSource clock;
    private final Once expired = new Once();
    private final Once rejectedAgain = new Once();

    EventReporter(GrantListener listener, InstantSource clock) {
        this.listener = listener;
        this.clock = clock;
    }

    @Override
    public void refreshed(AccountKey key, TokenSet tokens, Cause cause, Duration took) {
        String detail = switch (cause) {
            case AHEAD -> "ahead of time";
            case EXPIRED -> "expired";
            case REJECTED -> "rejected";
        };
        Log.debug("Refreshed {} in {} ms ({})", key, took.toMillis(), detail);
        tell(GrantListener.Kind.REFRESHED, key, took, end(tokens), detail);
    }

    @Override
    public void consentEndsSoon(AccountKey key, Instant endsAt) {
        Log.info("The consent of {} ends at {}; the user has to sign in again before that", key, endsAt);
        tell(GrantListener.Kind.CONSENT_ENDS_SOON, key, Duration.ZERO, endsAt, null);
    }

    @Override
    public void waited(AccountKey key, Duration took) {
        Log.debug("Waited {} ms while another node refreshed {}", took.toMillis(), key);
        tell(GrantListener.Kind.WAITED, key, took, null, null);
    }

    @Override
    public void servedWhileStale(AccountKey key, TokenSet tokens) {
        Log.debug("Serving {} with tokens that could not be refreshed and are still valid", key);
        tell(GrantListener.Kind.SERVED_WHILE_STALE, key, Duration.ZERO, end(tokens), null);
    }

    @Override
    public void failed(AccountKey key, Answer.Failure failure, Duration took) {
        String detail = failure.kind()
                + (failure.status() == 0 ? "" : " " + failure.status())
                + (failure.error() == null ? "" : " " + failure.error())
                + (failure.description() == null ? "" : ": " + failure.description());
        if (failure.kind() == Answer.Kind.MISCONFIGURED) {
            Log.error("The authorization server rejects this client. No user is signed out. {}", detail);
        } else {
            Log.warn("The token request for {} failed: {}", key, detail);
        }
        tellHoldingUp(
                GrantListener.Kind.FAILED, key, took, Exceptions.of(failure).kind(), detail);
    }

    @Override
    public void refused(AccountKey key, String error, Duration took) {
        Log.info("The authorization server ended the grant of {}: {}", key, error);
        tellHoldingUp(GrantListener.Kind.REFUSED, key, took, null, error);
    }

    @Override
    public void ranOut(AccountKey key, String login) {
        if (expired.isNew(key, login)) {
            Log.info("The grant of {} has no refresh token, and its access token is no longer valid", key);
            tellHoldingUp(GrantListener.Kind.EXPIRED, key, Duration.ZERO, null, "no refresh token");
        }
    }

    @Override
    public void rejectedAgain(AccountKey key, TokenSet tokens) {
        if (rejectedAgain.isNew(key, tokens.accessToken())) {
            Log.info(
                    "An API rejected new tokens of {} as well, which replaced rejected ones. No others are requested for"
                            + " 30 s, or a tenth of their lifetime: until then, its responses are returned as they are",
                    key);
        }
    }

    @Override
    public void writePending(AccountKey key, IOException cause) {
        Log.warn(
                "New tokens of {} could not be stored. They are kept in memory, and the write is repeated: {}",
                key,
                cause.getMessage());
        tell(GrantListener.Kind.WRITE_PENDING, key, Duration.ZERO, null, cause.getMessage());
    }

    @Override
    public void storedAgain(AccountKey key) {
        Log.warn("The token store had lost the newest tokens of {}; they are stored again", key);
        tell(GrantListener.Kind.STORED_AGAIN, key, Duration.ZERO, null, null);
    }

    @Override
    public void writeCompleted(AccountKey key, Duration took) {
        Log.info("The tokens of {} are stored now, {} ms after they were received", key, took.toMillis());
        tell(GrantListener.Kind.WRITE_COMPLETED, key, took, null, null);
    }

    /** The reports of late, so that nothing is reported twice. Thread-safe. */
    private static final class Once {
        private static final int MOST = 10_000;

        // guarded by this
        private final Map<AccountKey, Integer> marks = new LinkedHashMap<>(16, 0.75f, true);

        /** Whether this is not what was last reported of the grant. */
        synchronized boolean isNew(AccountKey key, String mark) {
            Integer before = marks.put(key, mark.hashCode()); // the mark itself may be a secret
            if (marks.size() > MOST) {
                Iterator<AccountKey> oldest = marks.keySet().iterator();
                oldest.next();
                oldest.remove();
            }
            return before == null || before != mark.hashCode();
        }
    }

    void signedIn(AccountKey key, TokenSet tokens) {
        Log.debug("{} signed in", key);
        tell(GrantListener.Kind.SIGNED_IN, key, Duration.ZERO, end(tokens), null);
    }

    void signedOut(AccountKey key) {
        Log.debug("{} signed out", key);
        tell(GrantListener.Kind.SIGNED_OUT, key, Duration.ZERO, null, null);
    }

    private static @Nullable Instant end(TokenSet tokens) {
        return tokens.expiresAt().orElse(null);
    }

    /**
     * Throws if a listener waits for tokens that the refresh can only deliver, or refuse, when the listener returns.
     */
    static void checkNotHeldUp(AccountKey key) {
        if (key.equals(HELD_UP.get())) {
            throw new IllegalStateException("A GrantListener waits for tokens of " + key
                    + " while their refresh waits for it. Return from the listener first, or use another thread");
        }
    }

    private void tellHoldingUp(
            GrantListener.Kind kind,
            AccountKey key,
            Duration took,
            AuthorizationServerException.@Nullable Kind failure,
            @Nullable String detail) {
        AccountKey outer = HELD_UP.get();
        HELD_UP.set(key);
        try {
            tell(kind, key, took, null, failure, detail);
        } finally {
            HELD_UP.set(outer);
        }
    }

    private void tell(
            GrantListener.Kind kind, AccountKey key, Duration took, @Nullable Instant ends, @Nullable String detail) {
        tell(kind, key, took, ends, null, detail);
    }

    private void tell(
            GrantListener.Kind kind,
            AccountKey key,
            Duration took,
            @Nullable Instant ends,
            AuthorizationServerException.@Nullable Kind failure,
            @Nullable String detail) {
        try {
            listener.on(new GrantListener.Event(kind, key, clock.instant(), took, ends, failure, detail));
        } catch (Throwable e) { // a missing class, or what languages without checked exceptions throw, included
            Log.warn("A GrantListener threw", e);
        }
    }
}
