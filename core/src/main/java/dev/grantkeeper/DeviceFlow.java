/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.openid.IdentityException;
import dev.grantkeeper.internal.refresh.Engine;
import dev.grantkeeper.internal.refresh.Time;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.row.RowFormat;
import dev.grantkeeper.internal.wire.Answer;
import dev.grantkeeper.internal.wire.DeviceEndpoint;
import dev.grantkeeper.internal.wire.RequestFailedException;
import dev.grantkeeper.internal.wire.Wanted;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.Identity;
import dev.grantkeeper.token.TokenSet;
import java.io.InterruptedIOException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * The device authorization grant (RFC 8628), from the codes to the tokens. Stores nothing. Thread-safe.
 *
 * <p>A device code has one poller, however many wait for it, and no thread while it waits: a timer wakes it. The server
 * says how often it may be asked, and may say {@code slow_down}; a server that does not answer at all is asked less and
 * less often. The code ends by both clocks, so that neither a clock that is set back nor a laptop that was asleep makes
 * it live longer.
 */
final class DeviceFlow {
    /** RFC 8628 section 3.5. */
    private static final Duration SLOWER = Duration.ofSeconds(5);

    /** Between two questions to a server that is down. */
    private static final Duration LONGEST_PAUSE = Duration.ofMinutes(2);

    /** What the library itself sends. */
    private static final Set<String> OWN = Set.of("client_id", "client_secret", "scope");

    private final Server server;
    private final String registration;
    private final Engine engine;
    private final Time time;
    private final UsedLogins usedLogins;

    // guarded by this
    private final Map<String, Poller> pollers = new LinkedHashMap<>();

    // guarded by this
    private boolean closed;

    DeviceFlow(Server server, String registration, Engine engine, Time time) {
        this.server = server;
        this.registration = registration;
        this.engine = engine;
        this.time = time;
        this.usedLogins = new UsedLogins(time.clock(), Duration.ofHours(1));
    }

    DeviceLogin start(Set<String> scopes, Map<String, String> parameters, @Nullable String appState)
            throws AuthorizationServerException {
        Provider provider = server.known();
        DeviceEndpoint deviceEndpoint = server.endpoints().device();
        if (deviceEndpoint == null) {
            throw new IllegalStateException(provider.name() + " is not known to have a device authorization endpoint:"
                    + " say deviceAuthorizationEndpoint(…) when describing it");
        }
        Map<String, String> form = new LinkedHashMap<>(parameters);
        form.keySet().removeAll(OWN);
        if (!scopes.isEmpty()) {
            form.put("scope", String.join(provider.scopeSeparator(), scopes));
        }
        try {
            DeviceEndpoint.Codes codes = deviceEndpoint.authorize(form);
            return new DeviceLogin(
                    registration,
                    codes.deviceCode(),
                    codes.userCode(),
                    codes.verificationUri(),
                    codes.verificationUriComplete(),
                    time.now().plus(codes.lifetime()),
                    codes.interval(),
                    scopes,
                    parameters.get(Wanted.AUTHORIZATION_DETAILS),
                    parameters.get(Wanted.RESOURCE),
                    appState);
        } catch (RequestFailedException e) {
            throw Failures.of(e.failure());
        }
    }

    /** Waits for the result; the calling thread may be interrupted. */
    LoginResult finish(Registration owner, DeviceLogin login) throws OAuthException, InterruptedIOException {
        CompletableFuture<LoginResult> result = finishAsync(owner, login);
        try {
            return result.get();
        } catch (InterruptedException e) {
            result.cancel(true);
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("Interrupted while waiting for a login on another device");
        } catch (ExecutionException e) {
            if (e.getCause() instanceof AuthorizationServerException failure) {
                throw failure;
            }
            throw new OAuthException("A defect in Grantkeeper: please report it", e.getCause());
        }
    }

    CompletableFuture<LoginResult> finishAsync(Registration owner, DeviceLogin login) {
        if (!login.registration().equals(registration)) {
            return CompletableFuture.completedFuture(
                    mismatched(LoginResult.Mismatched.Reason.MIXED_UP, "The login began at another registration"));
        }
        Poller poller;
        boolean first;
        CompletableFuture<LoginResult> mine;
        synchronized (this) {
            if (closed) {
                return CompletableFuture.failedFuture(closing());
            }
            if (usedLogins.isUsed(login.deviceCode())) {
                return CompletableFuture.completedFuture(
                        mismatched(LoginResult.Mismatched.Reason.REPLAYED, "This login was finished before"));
            }
            Poller other = pollers.get(login.deviceCode());
            first = other == null;
            poller = other == null ? new Poller(owner, login) : other;
            pollers.put(login.deviceCode(), poller);
            poller.waiting++;
            mine = poller.result.copy();
        }
        CompletableFuture<LoginResult> unused = mine.whenComplete((result, broken) -> {
            if (mine.isCancelled()) {
                leave(poller);
            }
        });
        if (first) {
            poller.askAfter(login.interval());
        }
        return mine;
    }

    /** Ends what is under way; another process can go on with the same logins. */
    void close() {
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

    private static AuthorizationServerException closing() {
        return new AuthorizationServerException(
                AuthorizationServerException.Kind.TEMPORARY, 0, null, "this Grantkeeper was closed", null, null);
    }

    private static LoginResult mismatched(LoginResult.Mismatched.Reason reason, String explanation) {
        Log.debug("A login on another device came to nothing: {}", explanation);
        return new LoginResult.Mismatched(reason, explanation);
    }

    /** Asks for one login, again and again. One thread at a time; the timer hands it on. */
    private final class Poller {
        private final Registration owner;
        private final DeviceLogin login;
        private final long began = time.ticks();
        private final Duration left;
        private final CompletableFuture<LoginResult> result = new CompletableFuture<>();
        private Duration interval;
        private int failures;

        // guarded by the flow
        private int waiting;

        Poller(Registration owner, DeviceLogin login) {
            this.owner = owner;
            this.login = login;
            this.left = Duration.between(time.now(), login.expiresAt());
            this.interval = login.interval();
        }

        /** Or finds out that the codes have ended, if they end before. */
        void askAfter(Duration pause) {
            Duration untilEnd = min(left.minus(time.since(began)), Duration.between(time.now(), login.expiresAt()))
                    .plusMillis(1);
            engine.after(min(pause, untilEnd.isNegative() ? Duration.ZERO : untilEnd), () -> {
                try {
                    ask();
                } catch (Throwable e) { // nobody waits for ever
                    fail(e);
                }
            });
        }

        private static Duration min(Duration a, Duration b) {
            return a.compareTo(b) < 0 ? a : b;
        }

        private void ask() {
            if (!isWanted(this)) {
                return;
            }
            if (!time.now().isBefore(login.expiresAt()) || time.since(began).compareTo(left) >= 0) {
                finish(mismatched(LoginResult.Mismatched.Reason.STALE, "The user did not finish in time"));
                return;
            }
            Answer answer =
                    server.ask(endpoints -> endpoints.token().deviceToken(login.deviceCode(), login.resources()));
            if (answer instanceof Answer.Tokens tokens) {
                finish(tokens);
                return;
            }
            Answer.Failure failure = answer instanceof Answer.Lost lost ? lost.failure() : (Answer.Failure) answer;
            switch (Objects.requireNonNullElse(failure.error(), "")) {
                case "authorization_pending" -> {
                    failures = 0;
                    askAfter(interval);
                }
                case "slow_down" -> {
                    failures = 0;
                    interval = interval.plus(SLOWER);
                    askAfter(interval);
                }
                // Microsoft's word for it comes second.
                case "access_denied", "authorization_declined" -> finish(declined("access_denied", failure));
                case "expired_token" ->
                    finish(mismatched(LoginResult.Mismatched.Reason.STALE, "The user did not finish in time"));
                default -> {
                    if (failure.kind() == Answer.Kind.TEMPORARY) {
                        failures++;
                        askAfter(pauseAfter(failure));
                    } else if (failure.isAboutTheGrant()) {
                        finish(declined(Objects.requireNonNullElse(failure.error(), "invalid_grant"), failure));
                    } else {
                        fail(Failures.of(failure));
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

        private LoginResult declined(String error, Answer.Failure failure) {
            return new LoginResult.Declined(error, failure.description(), login.appState());
        }

        private void finish(Answer.Tokens answer) {
            TokenSet tokens = answer.response()
                    .toTokenSet(null, login.scopes(), time.now(), server.known().defaultLifetime())
                    .newBuilder()
                    .resources(login.resources())
                    .build();
            LoginResult.SignedIn in;
            try {
                Identity identity = server.endpoints()
                        .identities()
                        .of(answer.response(), tokens, login.scopes().contains("openid"));
                GrantRow row = GrantRow.of(RowFormat.newName(), time.now(), tokens, identity);
                in = new LoginResult.SignedIn(
                        owner,
                        row,
                        tokens,
                        AuthorizationDetails.areAsRequested(login.authorizationDetails(), tokens),
                        Map.of(),
                        login.appState());
            } catch (IdentityException e) {
                if (e.kind() == IdentityException.Kind.OTHER_TENANT) {
                    finish(LoginResult.Declined.of(e, login.appState()));
                    return;
                }
                fail(Failures.of(e));
                return;
            } catch (AuthorizationServerException e) {
                fail(e);
                return;
            }
            if (!finish(in)) {
                in.discard(); // whoever waited has gone while the server answered
            }
        }

        private boolean finish(LoginResult how) {
            return end(this) && result.complete(how);
        }

        private void fail(Throwable why) {
            end(this);
            result.completeExceptionally(why instanceof OAuthException ? why : new CompletionException(why));
        }
    }
}
