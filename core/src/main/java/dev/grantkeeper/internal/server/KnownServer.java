/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.server;

import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.answer.RequestFailedException;
import dev.grantkeeper.internal.log.Log;
import dev.grantkeeper.internal.openid.IdTokens;
import dev.grantkeeper.internal.provider.Facts;
import dev.grantkeeper.internal.refresh.Backoff;
import dev.grantkeeper.internal.refresh.Clocks;
import dev.grantkeeper.internal.refresh.Renewal.Prepared;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.provider.Provider;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The authorization server of a registration by hand. The endpoints of a preset are known from the beginning. The
 * metadata of any other server is fetched when the first request to it needs it, and not before: an application starts,
 * and uses the tokens that it has, while the server is down. Requests that arrive meanwhile wait for the same metadata.
 * After a failure the server is left alone for a while, as after failures of the token endpoint (law 9). Metadata stays
 * until the process ends. Thread-safe.
 */
public final class KnownServer implements AuthorizationServer {
    private final Provider known;
    private final @Nullable Metadata metadata;
    private final Function<Provider, Endpoints> connect;
    private final Clocks time;
    private final ReentrantLock fetching = new ReentrantLock();
    private volatile @Nullable Endpoints endpoints;

    // guarded by fetching
    private Answer.@Nullable Failure failure;

    // guarded by fetching
    private int failures;

    // guarded by fetching
    private long pauseUntil;

    /** Fetches the metadata of a server. */
    @FunctionalInterface
    public interface Metadata {
        /** The provider that they describe; what the application configured counts more. */
        Provider fetch() throws IOException;
    }

    /**
     * Does no I/O.
     *
     * @param known all that is known without metadata
     * @param metadata fetches the rest; {@code null} if there is no rest
     * @param connect makes the endpoints of a provider that is known completely
     */
    public KnownServer(
            Provider known, @Nullable Metadata metadata, Function<Provider, Endpoints> connect, Clocks time) {
        this.known = known;
        this.metadata = metadata;
        this.connect = connect;
        this.time = time;
    }

    /** Connects where no metadata has to be fetched, so that a mistake shows now. */
    public void open() {
        if (metadata == null) {
            endpoints = connect.apply(known);
        }
    }

    @Override
    public Provider known() {
        return known;
    }

    @Override
    public GrantRow pin(GrantRow row) {
        Endpoints found = endpoints;
        return found == null ? row : row.issuedBy(Facts.of(found.provider()).tokenServer(), found.clientId());
    }

    @Override
    public Answer.@Nullable Failure elsewhere(GrantRow row, Endpoints to) {
        Provider provider = to.provider();
        String from = row.identity() == null ? "" : row.identity().issuer();
        String now = provider.issuer().orElse("");
        if (!from.contains("://") || now.isEmpty() || IdTokens.isIssuer(now, from)) {
            from = row.server();
            now = Facts.of(provider).tokenServer();
            if (from == null
                    || from.equals(now)
                    || Facts.of(provider).formerServers.contains(from)) {
                return null;
            }
        }
        return new Answer.Failure(
                Answer.Kind.MISCONFIGURED,
                0,
                null,
                "This grant was issued by " + from + ", and the provider is " + now
                        + ". Its refresh token is not sent there:"
                        + " go back to that server, give the new one a registration of its own, or, if it is the same provider"
                        + " at another address, call formerServers(…) on its builder",
                null,
                null);
    }

    @Override
    public Endpoints endpoints() throws RequestFailedException {
        Endpoints found = endpoints;
        if (found != null) {
            return found;
        }
        try {
            fetching.lockInterruptibly();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw failed(Answer.Kind.TEMPORARY, "Interrupted while waiting for the server's metadata", null);
        }
        try {
            found = endpoints;
            if (found == null) {
                found = fetch();
                endpoints = found;
            }
            return found;
        } finally {
            fetching.unlock();
        }
    }

    @Override
    public CompletableFuture<Prepared> prepare(GrantRow row) {
        try {
            return CompletableFuture.completedFuture(AuthorizationServer.prepared(row, endpoints()));
        } catch (RequestFailedException e) {
            return CompletableFuture.completedFuture(new Prepared(e.failure()));
        }
    }

    private Endpoints fetch() throws RequestFailedException {
        Answer.Failure last = failure;
        if (last != null) {
            Duration left = Duration.ofNanos(pauseUntil - time.ticks());
            if (!left.isNegative() && !left.isZero()) {
                throw new RequestFailedException(last.retryAfter(left));
            }
        }
        try {
            return connect.apply(metadata == null ? known : metadata.fetch());
        } catch (IOException e) {
            // No answer, or one that is not metadata, or the metadata of another server.
            boolean senseless = e.getCause() instanceof IllegalArgumentException;
            Duration wanted = e instanceof BusyException busy ? busy.retryAfter() : null;
            throw remembered(
                    failed(senseless ? Answer.Kind.MALFORMED : Answer.Kind.TEMPORARY, e.getMessage(), e), wanted);
        } catch (IllegalStateException | IllegalArgumentException e) {
            // The application's configuration and the server's metadata contradict each other.
            throw remembered(failed(Answer.Kind.MISCONFIGURED, e.getMessage(), null), null);
        }
    }

    /**
     * Remembers a failure for the next requests, unless our own thread was interrupted, which says nothing about the
     * server.
     */
    private RequestFailedException remembered(RequestFailedException how, @Nullable Duration wanted) {
        if (Thread.currentThread().isInterrupted()) {
            return how;
        }
        Duration pause = Backoff.after(failures, wanted, time);
        Answer.Failure now = how.failure().retryAfter(pause);
        failure = now;
        failures++;
        pauseUntil = time.ticks() + pause.toNanos();
        Log.warn("Nothing can be sent to {} for now: {}", known.name(), String.valueOf(now.description()));
        return new RequestFailedException(now);
    }

    private static RequestFailedException failed(Answer.Kind kind, @Nullable String why, @Nullable IOException cause) {
        return new RequestFailedException(new Answer.Failure(kind, 0, null, why, null, cause));
    }
}
