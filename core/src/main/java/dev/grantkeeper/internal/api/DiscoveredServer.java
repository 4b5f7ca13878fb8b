/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.api;

import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.answer.RequestFailedException;
import dev.grantkeeper.internal.log.Log;
import dev.grantkeeper.internal.protocol.Resource;
import dev.grantkeeper.internal.refresh.Clocks;
import dev.grantkeeper.internal.refresh.Engine;
import dev.grantkeeper.internal.refresh.Outcome;
import dev.grantkeeper.internal.refresh.Renewal;
import dev.grantkeeper.internal.refresh.Renewal.Prepared;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.server.AuthorizationServer;
import dev.grantkeeper.internal.server.Endpoints;
import dev.grantkeeper.internal.server.RefreshTokenRenewal;
import dev.grantkeeper.internal.server.Revocation;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.AccountKey;
import java.io.IOException;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BiConsumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * An authorization server that was discovered, as the client that the application is there. Metadata and client come
 * from one row of the store ({@link RegistrationRenewal}); when that changes, the endpoints are made anew. Thread-safe.
 */
public final class DiscoveredServer implements AuthorizationServer {
    /** The time after which one grant alone is believed that hears that the client is unknown. */
    private static final Duration SECOND_THOUGHT = Duration.ofMinutes(2);

    /** The pause before a request that was meant for the client before. */
    private static final Duration JUST_CHANGED = Duration.ofSeconds(1);

    private final String issuer;
    private final AccountKey key;
    private final Engine.Keeper registrations;
    private final RegistrationRenewal.ServerReader reader;
    private final Function<ServerRecord, Endpoints> connect;
    private final Provider placeholder;
    private final Clocks time;
    private final Duration longest;
    private final Revocation revocation;
    private final Renewal refresh;

    private volatile @Nullable Connected connected;

    // written under this
    private volatile @Nullable String rejectedFor;

    // guarded by this
    private long rejectedAt;

    /** The endpoints that one text of the row led to. */
    private record Connected(String text, ServerRecord server, Endpoints endpoints) {
        @Override
        public String toString() {
            return server.toString();
        }
    }

    /**
     * Does no I/O.
     *
     * @param key of the row with the metadata and the client
     * @param registrations keeps that row
     * @param reader reads metadata
     * @param connect makes the endpoints; throws an {@link IllegalArgumentException} or {@link IllegalStateException}
     *     if the application cannot be a client of this server
     * @param placeholder stands for the provider until its metadata is known
     * @param longest the longest wait for metadata and client
     * @param later runs something after a delay
     */
    public DiscoveredServer(
            String issuer,
            AccountKey key,
            Engine.Keeper registrations,
            RegistrationRenewal.ServerReader reader,
            Function<ServerRecord, Endpoints> connect,
            Provider placeholder,
            Clocks time,
            Duration longest,
            BiConsumer<Duration, Runnable> later) {
        this.issuer = issuer;
        this.key = key;
        this.registrations = registrations;
        this.reader = reader;
        this.connect = connect;
        this.placeholder = placeholder;
        this.time = time;
        this.longest = longest;
        this.revocation = new Revocation(this, later);
        this.refresh = new RefreshTokenRenewal(this, revocation, Set.of());
    }

    /** The issuer identifier. */
    public String issuer() {
        return issuer;
    }

    /** Renews users' grants of this server. */
    public Renewal refresh() {
        return refresh;
    }

    /** Revokes tokens of this server. */
    public Revocation revocation() {
        return revocation;
    }

    @Override
    public Provider known() {
        Connected now = connected;
        return now == null ? placeholder : now.endpoints().provider();
    }

    @Override
    public GrantRow pin(GrantRow row) {
        Connected now = connected;
        return now == null ? row : row.issuedBy(issuer, now.endpoints().clientId());
    }

    @Override
    public Answer.@Nullable Failure elsewhere(GrantRow row, Endpoints endpoints) {
        if (!issuer.equals(row.server())) {
            return failure(
                    Answer.Kind.MISCONFIGURED,
                    "This grant was issued by " + row.server() + ", and would be used at " + issuer,
                    null);
        }
        if (row.client() != null && !row.client().equals(endpoints.clientId())) {
            // Since this request was prepared, another node may have registered anew. The next one will be told so.
            return failure(Answer.Kind.TEMPORARY, "The application has become another client of " + issuer, null)
                    .retryAfter(JUST_CHANGED);
        }
        return null;
    }

    @Override
    public Endpoints endpoints() throws RequestFailedException {
        return connected(waitFor(current()));
    }

    private Outcome waitFor(CompletableFuture<Outcome> future) throws RequestFailedException {
        try {
            return future.get(longest.toNanos(), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw failed(Answer.Kind.TEMPORARY, "Interrupted while waiting for " + issuer, null);
        } catch (TimeoutException e) {
            throw failed(
                    Answer.Kind.TEMPORARY,
                    "The metadata of " + issuer + " and the registration there did not come within "
                            + longest.toMillis() + " ms; the requests go on",
                    null);
        } catch (ExecutionException e) {
            throw failed(
                    Answer.Kind.MALFORMED, "The server " + issuer + " cannot be used: " + nameOf(e.getCause()), null);
        }
    }

    /**
     * The endpoints for a login that comes back to one of these. A client that registered itself before the application
     * had them is updated first.
     */
    public Endpoints endpointsFor(Set<String> redirectUris) throws RequestFailedException {
        Endpoints found = endpoints();
        Connected now = connected;
        if (now == null || now.server().hasRedirectUris(redirectUris)) {
            return found;
        }
        return connected(waitFor(registrations.refresher().insteadOf(key, Resource.OWN, now.text())));
    }

    @Override
    public CompletableFuture<Prepared> prepare(GrantRow row) {
        return current().handle((outcome, broken) -> {
            try {
                if (outcome == null) {
                    throw failed(
                            Answer.Kind.MALFORMED, "The server " + issuer + " cannot be used: " + nameOf(broken), null);
                }
                Endpoints endpoints = connected(outcome);
                Prepared prepared = AuthorizationServer.prepared(row, endpoints);
                // Perhaps another node has registered anew, and this row was not read since.
                return prepared.failure() == null || !lookAgain()
                        ? prepared
                        : AuthorizationServer.prepared(row, connected(now()));
            } catch (RequestFailedException e) {
                return new Prepared(e.failure());
            }
        });
    }

    private CompletableFuture<Outcome> current() {
        return registrations.refresher().current(key, Resource.OWN).thenCompose(this::accepted);
    }

    /** Metadata of a time when the application trusted others is fetched again. */
    private CompletableFuture<Outcome> accepted(Outcome outcome) {
        String text = outcome instanceof Outcome.Usable usable ? usable.tokens().accessToken() : null;
        Connected now = connected;
        return text == null || (now != null && now.text().equals(text)) || reader.accepts(ServerRecord.read(text))
                ? CompletableFuture.completedFuture(outcome)
                : registrations.refresher().insteadOf(key, Resource.OWN, text);
    }

    private Outcome now() throws RequestFailedException {
        return current().getNow(new Outcome.Closed());
    }

    /** Reads the row. Returns whether it has changed. */
    private boolean lookAgain() throws RequestFailedException {
        Connected before = connected;
        try {
            GrantRow row = registrations.logins().find(key);
            return row != null
                    && row.tokens() != null
                    && before != null
                    && !row.tokens().accessToken().equals(before.text());
        } catch (IOException e) {
            throw failed(Answer.Kind.TEMPORARY, "The token store failed", e);
        }
    }

    private Endpoints connected(Outcome outcome) throws RequestFailedException {
        if (outcome instanceof Outcome.RequestFailed failed) {
            throw new RequestFailedException(failed.failure());
        }
        if (outcome instanceof Outcome.StoreFailed failed) {
            throw failed(Answer.Kind.TEMPORARY, "The token store failed", failed.cause());
        }
        if (!(outcome instanceof Outcome.Usable usable)) {
            throw failed(Answer.Kind.TEMPORARY, "Nothing is requested from " + issuer + " any more: closed", null);
        }
        String text = usable.tokens().accessToken();
        Connected now = connected;
        if (now == null || !now.text().equals(text)) {
            try {
                ServerRecord server = ServerRecord.read(text);
                now = new Connected(text, server, connect.apply(server));
            } catch (IllegalArgumentException | IllegalStateException e) {
                throw failed(Answer.Kind.MISCONFIGURED, e.getMessage(), null);
            }
            Connected before = connected;
            if (before != null
                    && !before.endpoints().clientId().equals(now.endpoints().clientId())) {
                clientIsAccepted(); // what was heard was about another one
            }
            connected = now;
        }
        return now.endpoints();
    }

    /**
     * Notes that the server does not know the client that it registered. One answer may be passing, so the client is
     * looked for at the server if it can be (RFC 7592), and registered anew when two grants, or one of them twice with
     * two minutes in between, have heard the same.
     *
     * @param grant the login of the grant that heard it
     * @return whether another try may succeed
     */
    public boolean clientIsRejected(String grant) {
        Connected now = connected;
        if (now == null || now.server().clientId() == null || now.server().authentication() == null) {
            return false; // registered by hand, or known by its document: nothing here can change that
        }
        boolean sure;
        synchronized (this) {
            String before = rejectedFor;
            boolean old = before != null && time.since(rejectedAt).compareTo(SECOND_THOUGHT) >= 0;
            sure = now.server().managedAt() != null || (before != null && (!before.equals(grant) || old));
            if (before == null || sure) {
                rejectedFor = grant;
                rejectedAt = time.ticks();
            }
        }
        if (sure) {
            Log.warn(
                    "{} does not know its client {} any more",
                    issuer,
                    String.valueOf(now.server().clientId()));
            CompletableFuture<Outcome> unused = registrations.refresher().insteadOf(key, Resource.OWN, now.text());
        }
        return true;
    }

    /** Notes that the server knows its client. */
    public void clientIsAccepted() {
        if (rejectedFor != null) {
            synchronized (this) {
                rejectedFor = null;
            }
        }
    }

    /** A defect. Its message may hold anything. */
    private static String nameOf(@Nullable Throwable defect) {
        return defect == null ? "nothing came" : defect.getClass().getName();
    }

    private static Answer.Failure failure(Answer.Kind kind, @Nullable String why, @Nullable IOException cause) {
        return new Answer.Failure(kind, 0, null, why, null, cause);
    }

    private static RequestFailedException failed(Answer.Kind kind, @Nullable String why, @Nullable IOException cause) {
        return new RequestFailedException(failure(kind, why, cause));
    }

    @Override
    public String toString() {
        return "DiscoveredServer[" + issuer + "]";
    }
}
