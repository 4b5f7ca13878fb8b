/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.login;

import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.answer.RequestFailedException;
import dev.grantkeeper.internal.log.Log;
import dev.grantkeeper.internal.login.LoginOutcome.Mismatched.Reason;
import dev.grantkeeper.internal.openid.IdentityException;
import dev.grantkeeper.internal.protocol.Requested;
import dev.grantkeeper.internal.provider.Facts;
import dev.grantkeeper.internal.refresh.Clocks;
import dev.grantkeeper.internal.refresh.Engine;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.row.RowFormat;
import dev.grantkeeper.internal.server.AuthorizationServer;
import dev.grantkeeper.internal.server.Endpoints;
import dev.grantkeeper.internal.server.Revocation;
import dev.grantkeeper.internal.wire.DeviceEndpoint;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.Identity;
import dev.grantkeeper.token.TokenSet;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * The device authorization grant (RFC 8628), from the codes to the tokens. Stores nothing. Thread-safe.
 *
 * <p>A device code has one poller, however many callers wait for it, and the poller needs no thread while it waits: a
 * timer wakes it. The server decides how often it may be polled, and may answer {@code slow_down}; a server that does
 * not answer at all is polled less and less often. The code expires by both clocks, so that neither a clock that is set
 * back nor a laptop that was asleep makes it live longer.
 */
public final class DeviceFlow {
    /** RFC 8628 section 3.5. */
    private static final Duration SLOWER = Duration.ofSeconds(5);

    /** Between two polls of a server that is down. */
    private static final Duration LONGEST_PAUSE = Duration.ofMinutes(2);

    /** Sent by the library itself. */
    private static final Set<String> OWN = Set.of("client_id", "client_secret", "scope");

    private final AuthorizationServer server;
    private final String registration;
    private final Engine engine;
    private final Revocation revocation;
    private final Clocks time;
    private final UsedLogins usedLogins;

    // guarded by this
    private final Map<String, Poller> pollers = new LinkedHashMap<>();

    // guarded by this
    private boolean closed;

    /** Device logins of one registration at a server. */
    public DeviceFlow(
            AuthorizationServer server, String registration, Engine engine, Revocation revocation, Clocks time) {
        this.server = server;
        this.registration = registration;
        this.engine = engine;
        this.revocation = revocation;
        this.time = time;
        this.usedLogins = new UsedLogins(time.clock(), Duration.ofHours(1));
    }

    /**
     * Starts a login: asks the server for the codes.
     *
     * @param scopes exactly what is requested
     * @param parameters everything else that is sent
     * @param appState the application's own data
     */
    public DeviceAttempt start(Set<String> scopes, Map<String, String> parameters, @Nullable String appState)
            throws RequestFailedException {
        Provider provider = server.known();
        Endpoints endpoints = server.endpoints();
        DeviceEndpoint deviceEndpoint = endpoints.device();
        if (deviceEndpoint == null) {
            throw endpoints.missing("device authorization endpoint", "deviceAuthorizationEndpoint(…)");
        }
        Map<String, String> form = new LinkedHashMap<>(parameters);
        form.keySet().removeAll(OWN);
        if (!scopes.isEmpty()) {
            form.put("scope", String.join(Facts.of(provider).scopeSeparator, scopes));
        }
        DeviceEndpoint.Codes codes = deviceEndpoint.authorize(form);
        return new DeviceAttempt(
                registration,
                codes.deviceCode(),
                codes.userCode(),
                codes.verificationUri(),
                codes.verificationUriComplete(),
                time.now().plus(codes.lifetime()),
                codes.interval(),
                scopes,
                parameters.get(Requested.AUTHORIZATION_DETAILS),
                Requested.split(parameters.get(Requested.RESOURCE)),
                appState);
    }

    /**
     * Polls until the login ends. Cancelling the result leaves the poller to the others who wait for the same login;
     * the last one stops it.
     *
     * @return completes with the outcome, or exceptionally with a {@link RequestFailedException} or an error of ours
     */
    public CompletableFuture<LoginOutcome> finish(DeviceAttempt login) {
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
            if (usedLogins.isUsed(login.deviceCode())) {
                return CompletableFuture.completedFuture(mismatched(Reason.REPLAYED, "This login was finished before"));
            }
            Poller other = pollers.get(login.deviceCode());
            first = other == null;
            poller = other == null ? new Poller(login) : other;
            pollers.put(login.deviceCode(), poller);
            poller.waiting++;
            mine = poller.result.copy();
        }
        CompletableFuture<LoginOutcome> unused = mine.whenComplete((result, broken) -> {
            if (mine.isCancelled()) {
                leave(poller);
            }
        });
        if (first) {
            poller.pollAfter(login.interval());
        }
        return mine;
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

    private synchronized void leave(Poller poller) {
        poller.waiting--;
        if (poller.waiting == 0) {
            pollers.remove(poller.login.deviceCode(), poller);
        }
    }

    private synchronized boolean isWanted(Poller poller) {
        return pollers.get(poller.login.deviceCode()) == poller;
    }

    /** Ends a poller. Returns whether somebody gets its result. */
    private synchronized boolean end(Poller poller) {
        boolean wanted = pollers.remove(poller.login.deviceCode(), poller);
        if (wanted) {
            usedLogins.use(poller.login.deviceCode());
        }
        return wanted;
    }

    private static RequestFailedException closing() {
        return new RequestFailedException(
                new Answer.Failure(Answer.Kind.TEMPORARY, 0, null, "this Grantkeeper was closed", null, null));
    }

    private static LoginOutcome mismatched(Reason reason, String explanation) {
        Log.debug("A device login was not accepted: {}", explanation);
        return new LoginOutcome.Mismatched(reason, explanation);
    }

    /** Polls for one login. One thread at a time; the timer hands it on. */
    private final class Poller {
        private final DeviceAttempt login;
        private final long began = time.ticks();
        private final Duration left;
        private final CompletableFuture<LoginOutcome> result = new CompletableFuture<>();
        private Duration interval;
        private int failures;

        // guarded by the flow
        private int waiting;

        Poller(DeviceAttempt login) {
            this.login = login;
            this.left = Duration.between(time.now(), login.expiresAt());
            this.interval = login.interval();
        }

        /** Or finds out that the codes have expired, if they expire before. */
        void pollAfter(Duration pause) {
            Duration untilEnd = min(left.minus(time.since(began)), Duration.between(time.now(), login.expiresAt()))
                    .plusMillis(1);
            engine.after(min(pause, untilEnd.isNegative() ? Duration.ZERO : untilEnd), () -> {
                try {
                    poll();
                } catch (Throwable e) { // nobody waits forever
                    fail(e);
                }
            });
        }

        private static Duration min(Duration a, Duration b) {
            return a.compareTo(b) < 0 ? a : b;
        }

        private void poll() {
            if (!isWanted(this)) {
                return;
            }
            if (!time.now().isBefore(login.expiresAt()) || time.since(began).compareTo(left) >= 0) {
                finish(mismatched(Reason.STALE, "The user did not finish in time"));
                return;
            }
            Answer answer =
                    server.send(endpoints -> endpoints.token().deviceToken(login.deviceCode(), login.resources()));
            if (answer instanceof Answer.Tokens tokens) {
                finish(tokens);
                return;
            }
            Answer.Failure failure = answer instanceof Answer.Lost lost ? lost.failure() : (Answer.Failure) answer;
            revocation.revokeLater(failure);
            switch (Objects.requireNonNullElse(failure.error(), "")) {
                case "authorization_pending" -> {
                    failures = 0;
                    pollAfter(interval);
                }
                case "slow_down" -> {
                    failures = 0;
                    interval = interval.plus(SLOWER);
                    pollAfter(interval);
                }
                // Microsoft's word for it comes second.
                case "access_denied", "authorization_declined" ->
                    finish(new LoginOutcome.Declined("access_denied", failure.description(), login.appState()));
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
            Duration pause = interval.multipliedBy(1L << Math.min(failures, 10));
            if (pause.compareTo(LONGEST_PAUSE) > 0) {
                pause = LONGEST_PAUSE;
            }
            if (pause.compareTo(interval) < 0) {
                pause = interval;
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
                Identity identity = server.endpoints()
                        .identities()
                        .of(answer.response(), tokens, login.scopes().contains("openid"));
                // Not taken if the last caller left while the server answered.
                taken = finish(new LoginOutcome.SignedIn(
                        GrantRow.of(RowFormat.newName(), time.now(), tokens, identity),
                        tokens,
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
