/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.refresh.Time;
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
 * The authorization server of a registration. Of a preset it is known from the beginning where its endpoints are. Any other is asked
 * ({@link Discovery}) when something is to be sent to it first, and not before: an application starts, and uses the tokens that it
 * has, while the server is down. Who comes meanwhile waits for the same answer; after one that came to nothing, the server is left
 * alone for a moment. What was found out stays until the process ends. Thread-safe.
 */
final class Server {
    private static final Duration PAUSE = Duration.ofSeconds(2);

    private final Provider known;
    private final @Nullable Discovery discovery;
    private final @Nullable OkHttpClient http;
    private final Function<Provider, Endpoints> connect;
    private final Time time;
    private final ReentrantLock asking = new ReentrantLock();
    private volatile @Nullable Endpoints endpoints;

    // guarded by asking
    private Answer.@Nullable Failure failure;
    private long failedAt;

    /**
     * Asks nothing.
     *
     * @param known all that is known without asking
     * @param discovery how to ask for the rest; {@code null} if there is no rest
     * @param http the client to ask with, unless the discovery has its own
     * @param connect what to do when all is known
     */
    Server(
            Provider known,
            @Nullable Discovery discovery,
            @Nullable OkHttpClient http,
            Function<Provider, Endpoints> connect,
            Time time) {
        this.known = known;
        this.discovery = discovery;
        this.http = http;
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

    /** The endpoints, if they are known by now. */
    @Nullable
    Endpoints found() {
        return endpoints;
    }

    /** The endpoints, asked for where they are not known yet. */
    Endpoints endpoints() throws TokenRequestException {
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
        asking.lock();
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
            Duration left = PAUSE.minus(time.since(failedAt));
            if (!left.isNegative() && !left.isZero()) {
                throw new RequestFailedException(last.retryAfter(left));
            }
        }
        try {
            return connect.apply(discovery == null ? known : discovery.fetch(http));
        } catch (IOException e) {
            // Nothing came, or no metadata, or those of somebody else.
            boolean senseless = e.getCause() instanceof IllegalArgumentException;
            throw failed(senseless ? Answer.Kind.MALFORMED : Answer.Kind.TEMPORARY, e.getMessage(), e);
        } catch (IllegalStateException | IllegalArgumentException e) {
            // The application's words and the server's do not go together.
            throw failed(Answer.Kind.MISCONFIGURED, e.getMessage(), null);
        }
    }

    private RequestFailedException failed(Answer.Kind kind, @Nullable String why, @Nullable IOException cause) {
        Answer.Failure now = new Answer.Failure(kind, 0, null, why, PAUSE, cause);
        failure = now;
        failedAt = time.ticks();
        return new RequestFailedException(now);
    }
}
