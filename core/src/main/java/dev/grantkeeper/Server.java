/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.refresh.Backoff;
import dev.grantkeeper.internal.refresh.Time;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.wire.Answer;
import dev.grantkeeper.internal.wire.RequestFailedException;
import dev.grantkeeper.provider.Provider;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import okhttp3.OkHttpClient;
import org.jspecify.annotations.Nullable;

/**
 * The authorization server of a registration. Of a preset it is known from the beginning where its endpoints are. Any
 * other is asked ({@link Discovery}) when something is to be sent to it first, and not before: an application starts,
 * and uses the tokens that it has, while the server is down. Who comes meanwhile waits for the same answer; after one
 * that came to nothing, the server is left alone for a while, as after failures of the token endpoint (law 9). What was
 * found out stays until the process ends. Thread-safe.
 */
final class Server {
    private final Provider known;
    private final @Nullable Discovery discovery;
    private final @Nullable OkHttpClient http;
    private final Duration timeout;
    private final Function<Provider, Endpoints> connect;
    private final Time time;
    private final ReentrantLock asking = new ReentrantLock();
    private volatile @Nullable Endpoints endpoints;

    // guarded by asking
    private Answer.@Nullable Failure failure;

    // guarded by asking
    private int failures;

    // guarded by asking
    private long pauseUntil;

    /**
     * Asks nothing.
     *
     * @param known all that is known without asking
     * @param discovery how to ask for the rest; {@code null} if there is no rest
     * @param http the client to ask with, unless the discovery has its own
     * @param timeout how long one call may take
     * @param connect what to do when all is known
     */
    Server(
            Provider known,
            @Nullable Discovery discovery,
            @Nullable OkHttpClient http,
            Duration timeout,
            Function<Provider, Endpoints> connect,
            Time time) {
        this.known = known;
        this.discovery = discovery;
        this.http = http;
        this.timeout = timeout;
        this.connect = connect;
        this.time = time;
    }

    /** Connects where there is nothing to ask, so that what is wrong is said now. */
    void open() {
        if (discovery == null) {
            endpoints = connect.apply(known);
        }
    }

    /** What is known without asking; no endpoints among it. */
    Provider known() {
        return known;
    }

    /**
     * The row with the name of the server that gave the tokens, if that is known by now; they are shown to no other.
     */
    GrantRow pin(GrantRow row) {
        Endpoints found = endpoints;
        return found == null ? row : row.issuedBy(found.provider().tokenServer());
    }

    /** The endpoints, asked for where they are not known yet. */
    Endpoints endpoints() throws AuthorizationServerException {
        try {
            return find();
        } catch (RequestFailedException e) {
            throw Failures.of(e.failure());
        }
    }

    private Endpoints find() throws RequestFailedException {
        Endpoints found = endpoints;
        if (found != null) {
            return found;
        }
        try {
            asking.lockInterruptibly();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw failed(Answer.Kind.TEMPORARY, "Interrupted while somebody asked what the server is", null);
        }
        try {
            found = endpoints;
            if (found == null) {
                found = ask();
                endpoints = found;
            }
            return found;
        } finally {
            asking.unlock();
        }
    }

    /** One question to a server that may not be known yet. */
    Answer ask(Function<Endpoints, Answer> question) {
        Endpoints to;
        try {
            to = find();
        } catch (RequestFailedException e) {
            return e.failure();
        }
        return question.apply(to);
    }

    /** Why nothing can be sent there; {@code null} if something can. */
    Answer.@Nullable Failure prepare() {
        try {
            Endpoints unused = find();
            return null;
        } catch (RequestFailedException e) {
            return e.failure();
        }
    }

    private Endpoints ask() throws RequestFailedException {
        Answer.Failure last = failure;
        if (last != null) {
            Duration left = Duration.ofNanos(pauseUntil - time.ticks());
            if (!left.isNegative() && !left.isZero()) {
                throw new RequestFailedException(last.retryAfter(left));
            }
        }
        try {
            return connect.apply(discovery == null ? known : discovery.fetch(http, timeout));
        } catch (IOException e) {
            // Nothing came, or no metadata, or those of somebody else.
            boolean senseless = e.getCause() instanceof IllegalArgumentException;
            Duration wanted = e instanceof Discovery.BusyException busy ? busy.retryAfter() : null;
            throw remembered(
                    failed(senseless ? Answer.Kind.MALFORMED : Answer.Kind.TEMPORARY, e.getMessage(), e), wanted);
        } catch (IllegalStateException | IllegalArgumentException e) {
            // The application's words and the server's do not go together.
            throw remembered(failed(Answer.Kind.MISCONFIGURED, e.getMessage(), null), null);
        }
    }

    /** For who comes next; unless it was our own thread that was interrupted, which says nothing about the server. */
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
