/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.login;

import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.answer.RequestFailedException;
import dev.grantkeeper.internal.log.Log;
import dev.grantkeeper.internal.login.LoginOutcome.Mismatched.Reason;
import dev.grantkeeper.internal.openid.Identities;
import dev.grantkeeper.internal.openid.IdentityException;
import dev.grantkeeper.internal.provider.Facts;
import dev.grantkeeper.internal.refresh.Clocks;
import dev.grantkeeper.internal.refresh.Engine;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.row.RowFormat;
import dev.grantkeeper.internal.server.AuthorizationServer;
import dev.grantkeeper.internal.server.Revocation;
import dev.grantkeeper.token.TokenSet;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;

/**
 * Waits for logins that the user finishes elsewhere: device logins (RFC 8628) and backchannel logins (CIBA), from their
 * start to the tokens. Stores nothing. Thread-safe.
 *
 * <p>A login has one poller, however many callers wait for it, and the poller needs no thread while it waits: a timer
 * wakes it. The server decides how often it may be polled, and may answer {@code slow_down}; a server that does not
 * answer at all is polled less and less often. The login expires by both clocks, so that neither a clock that is set
 * back nor a laptop that was asleep makes it live longer.
 *
 * <p>Where the server sends a notification, the poller is woken by that. It polls all the same, though seldom, since a
 * notification can be lost: servers send one once (CIBA Core section 10.2).
 */
public final class LoginPolling {
    /** RFC 8628 section 3.5, CIBA Core section 11. */
    private static final Duration SLOWER = Duration.ofSeconds(5);

    /** Between two polls of a server that is down. */
    private static final Duration LONGEST_PAUSE = Duration.ofMinutes(2);

    /** Between two polls of a server that sends a notification. */
    private static final Duration MODERATE = Duration.ofSeconds(30);

    /** The polls for a notified login with a short life, so that a lost notification does not cost the login. */
    private static final int LEAST_POLLS = 10;

    private final AuthorizationServer server;
    private final String registration;
    private final Engine engine;
    private final Revocation revocation;
    private final Clocks time;
    private final UsedLogins usedLogins;
    private final UsedLogins notifications;

    // guarded by this
    private final Map<String, Poller> pollers = new LinkedHashMap<>();

    // guarded by this
    private boolean closed;

    /** Logins of one registration at a server. */
    public LoginPolling(
            AuthorizationServer server, String registration, Engine engine, Revocation revocation, Clocks time) {
        this.server = server;
        this.registration = registration;
        this.engine = engine;
        this.revocation = revocation;
        this.time = time;
        this.usedLogins = new UsedLogins(time.clock(), Duration.ofHours(1));
        this.notifications = new UsedLogins(time.clock(), Duration.ofHours(1));
    }

    /**
     * Polls until the login ends. Cancelling the result leaves the poller to the others who wait for the same login;
     * the last one stops it.
     *
     * @return completes with the outcome, or exceptionally with a {@link RequestFailedException} or an error of ours
     */
    public CompletableFuture<LoginOutcome> finish(DecoupledAttempt login) {
        if (!login.registration().equals(registration)) {
            return CompletableFuture.completedFuture(
                    mismatched(Reason.MIXED_UP, "The login was started at another registration"));
        }
        Poller poller;
        boolean first;
        CompletableFuture<LoginOutcome> mine;
        synchronized (this) {
            if (closed) {
                return CompletableFuture.failedFuture(closing());
            }
            if (usedLogins.isUsed(login.id())) {
                return CompletableFuture.completedFuture(mismatched(Reason.REPLAYED, "This login was finished before"));
            }
            Poller other = pollers.get(login.id());
            first = other == null;
            poller = other == null ? new Poller(login) : other;
            pollers.put(login.id(), poller);
            poller.waiting++;
            mine = poller.result.copy();
        }
        CompletableFuture<LoginOutcome> unused = mine.whenComplete((result, broken) -> {
            if (mine.isCancelled()) {
                leave(poller);
            }
        });
        if (first) {
            poller.pollFirst();
        }
        return mine;
    }

    /** The server says that the user has decided. A poller asks for the tokens at once, now or when it begins. */
    synchronized void wake(DecoupledAttempt login) {
        Poller poller = pollers.get(login.id());
        if (notifications.use(login.id()) && poller != null) {
            poller.wake();
        }
    }

    /** Ends what is under way; another process can go on with the same logins. */
    public void close() {
        List<Poller> all;
        synchronized (this) {
            closed = true;
            all = List.copyOf(pollers.values());
            pollers.clear();
        }
        all.forEach(poller -> poller.result.completeExceptionally(closing()));
    }

    /**
     * A poller that nobody waits for stops at its next turn, and not before: a caller who comes back until then, as
     * requests with a short time limit do, gets what is on its way, and does not begin to wait anew.
     */
    private synchronized void leave(Poller poller) {
        poller.waiting--;
    }

    /** Ends a poller. Returns whether somebody gets its result. */
    private synchronized boolean end(Poller poller) {
        boolean wanted = pollers.remove(poller.login.id(), poller) && poller.waiting > 0;
        if (wanted) {
            usedLogins.use(poller.login.id());
        }
        return wanted;
    }

    private static RequestFailedException closing() {
        return new RequestFailedException(
                new Answer.Failure(Answer.Kind.TEMPORARY, 0, null, "this Grantkeeper was closed", null, null));
    }

    private static LoginOutcome mismatched(Reason reason, String explanation) {
        Log.debug("A login was not accepted: {}", explanation);
        return new LoginOutcome.Mismatched(reason, explanation);
    }

    /** Polls for one login. One thread at a time; the timer hands it on. */
    private final class Poller {
        private final DecoupledAttempt login;
        private final long began = time.ticks();
        private final Duration left;
        private final CompletableFuture<LoginOutcome> result = new CompletableFuture<>();
        private Duration interval;
        private int failures;

        // guarded by the outer object
        private int waiting;
        // guarded by the outer object: the timer that is set; those before it wake nobody
        private int timer;
        // guarded by the outer object
        private boolean polling;
        // guarded by the outer object: a notification that came while it polled, and that the answer may have missed
        private boolean woken;

        Poller(DecoupledAttempt login) {
            this.login = login;
            this.left = Duration.between(time.now(), login.expiresAt());
            this.interval = login.interval();
        }

        void pollFirst() {
            synchronized (LoginPolling.this) {
                if (timer == 0) { // a notification may have come just now
                    set(isNotified() ? Duration.ZERO : pause());
                }
            }
        }

        /** Whether the notification has come. */
        private boolean isNotified() {
            return login.isNotified() && notifications.isUsed(login.id());
        }

        /** The time until the next poll, if nothing is wrong. */
        private Duration pause() {
            if (!login.isNotified() || isNotified()) {
                return interval;
            }
            Duration slower = interval.minus(login.interval()); // if the server said so
            Duration moderate = min(MODERATE, left.dividedBy(LEAST_POLLS)).plus(slower);
            return moderate.compareTo(interval) < 0 ? interval : moderate;
        }

        /** Or finds out that the login has expired, if it expires before. */
        void pollAfter(Duration pause) {
            synchronized (LoginPolling.this) {
                polling = false;
                woken = false;
                set(pause);
            }
        }

        /** The same after the server's answer that the user has not decided, which a notification may contradict. */
        void pollWhenDecided() {
            synchronized (LoginPolling.this) {
                pollAfter(woken ? Duration.ZERO : pause());
            }
        }

        /** Called by the outer object, which is locked. */
        void wake() {
            if (polling) {
                woken = true;
            } else {
                set(Duration.ZERO);
            }
        }

        private void set(Duration pause) {
            timer++;
            int mine = timer;
            Duration untilEnd = min(left.minus(time.since(began)), Duration.between(time.now(), login.expiresAt()))
                    .plusMillis(1);
            engine.after(min(pause, untilEnd.isNegative() ? Duration.ZERO : untilEnd), () -> {
                try {
                    if (begins(mine)) {
                        poll();
                    }
                } catch (Throwable e) { // nobody waits forever
                    fail(e);
                }
            });
        }

        private boolean begins(int mine) {
            synchronized (LoginPolling.this) {
                if (mine != timer || pollers.get(login.id()) != this) {
                    return false;
                }
                if (waiting == 0) {
                    pollers.remove(login.id());
                    return false;
                }
                polling = true;
                return true;
            }
        }

        private static Duration min(Duration a, Duration b) {
            return a.compareTo(b) < 0 ? a : b;
        }

        private void poll() {
            if (!time.now().isBefore(login.expiresAt()) || time.since(began).compareTo(left) >= 0) {
                finish(mismatched(Reason.STALE, "The user did not finish in time"));
                return;
            }
            Answer answer = server.send(endpoints -> login.request(endpoints.token()));
            if (answer instanceof Answer.Tokens tokens) {
                finish(tokens);
                return;
            }
            Answer.Failure failure = answer instanceof Answer.Lost lost ? lost.failure() : (Answer.Failure) answer;
            revocation.revokeLater(failure);
            switch (Objects.requireNonNullElse(failure.error(), "")) {
                case "authorization_pending" -> {
                    failures = 0;
                    pollWhenDecided();
                }
                case "slow_down" -> {
                    failures = 0;
                    interval = interval.plus(SLOWER);
                    pollAfter(pause());
                }
                // Microsoft's word for it comes second.
                case "access_denied", "authorization_declined" ->
                    finish(new LoginOutcome.Declined("access_denied", failure.description(), login.appState()));
                // CIBA Core section 12
                case "transaction_failed" -> finish(LoginOutcome.Declined.of(failure, login.appState()));
                case "expired_token" -> finish(mismatched(Reason.STALE, "The user did not finish in time"));
                default -> {
                    if (failure.kind() == Answer.Kind.TEMPORARY) {
                        failures++;
                        pollAfter(pauseAfter(failure));
                    } else if (failure.isAboutTheGrant()) {
                        finish(LoginOutcome.Declined.of(failure, login.appState()));
                    } else {
                        fail(new RequestFailedException(failure));
                    }
                }
            }
        }

        /** RFC 8628 section 3.5: twice as long after each time that nothing came back. */
        private Duration pauseAfter(Answer.Failure failure) {
            Duration usual = pause();
            Duration pause = usual.multipliedBy(1L << Math.min(failures, 10));
            if (pause.compareTo(LONGEST_PAUSE) > 0) {
                pause = LONGEST_PAUSE;
            }
            if (pause.compareTo(usual) < 0) {
                pause = usual;
            }
            Duration wanted = failure.retryAfter();
            return wanted != null && wanted.compareTo(pause) > 0 ? wanted : pause;
        }

        private void finish(Answer.Tokens answer) {
            TokenSet tokens = answer.response()
                    .toTokenSet(
                            null,
                            login.scopes(),
                            time.now(),
                            Facts.of(server.known()).defaultLifetime())
                    .newBuilder()
                    .resources(login.resources())
                    .build();
            boolean taken = false;
            try {
                Identities.Identified user = login.identify(server.endpoints(), answer.response(), tokens);
                // Not taken if the last caller left while the server answered.
                taken = finish(new LoginOutcome.SignedIn(
                        GrantRow.of(RowFormat.newName(), time.now(), user.tokens(), user.identity()),
                        user.tokens(),
                        AuthorizationDetails.areAsRequested(login.authorizationDetails(), tokens),
                        Map.of(),
                        login.appState()));
            } catch (IdentityException e) {
                if (e.kind() == IdentityException.Kind.OTHER_TENANT) {
                    finish(LoginOutcome.Declined.of(e, login.appState()));
                } else {
                    fail(new RequestFailedException(e.failure()));
                }
            } catch (RequestFailedException e) {
                fail(e);
            } finally {
                if (!taken) {
                    revocation.revokeLater(tokens);
                }
            }
        }

        private boolean finish(LoginOutcome how) {
            return end(this) && result.complete(how);
        }

        private void fail(Throwable why) {
            end(this);
            result.completeExceptionally(why);
        }
    }
}
