/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.api;

import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.answer.RequestFailedException;
import dev.grantkeeper.internal.call.ResourceChallenge;
import dev.grantkeeper.internal.refresh.Backoff;
import dev.grantkeeper.internal.refresh.Clocks;
import dev.grantkeeper.internal.server.BusyException;
import dev.grantkeeper.internal.server.ResourceMetadata;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;
import okhttp3.HttpUrl;
import org.jspecify.annotations.Nullable;

/**
 * An API, and what it says of itself (RFC 9728). Its metadata is fetched when a login needs them, once for all that ask
 * meanwhile, and again when the API names others or they are old. After a failure it is left alone for a while.
 * Thread-safe.
 */
public final class ProtectedResource {
    /** The time for which metadata serve logins. */
    private static final Duration FRESH = Duration.ofMinutes(5);

    /** The time for which they are not fetched again, even if the API rejects a token that they led to. */
    private static final Duration AGAIN = Duration.ofMinutes(1);

    private final HttpUrl api;
    private final Fetcher fetcher;
    private final Clocks time;
    private final ReentrantLock fetching = new ReentrantLock();
    private volatile @Nullable Known known;
    private volatile @Nullable Long readAgainAt;
    private volatile boolean wantsProofs;

    // guarded by fetching
    private Answer.@Nullable Failure failure;

    // guarded by fetching
    private @Nullable HttpUrl failedAt;

    // guarded by fetching
    private int failures;

    // guarded by fetching
    private long pauseUntil;

    /** Fetches metadata. */
    @FunctionalInterface
    public interface Fetcher {
        /**
         * Fetches the metadata of an API.
         *
         * @param named the URL that the API named; {@code null} for the usual places
         * @return the metadata
         */
        ResourceMetadata fetch(HttpUrl api, @Nullable HttpUrl named) throws IOException;
    }

    /** Metadata, and the time at which they came. */
    private record Known(
            ResourceMetadata metadata, @Nullable HttpUrl named, long since) {}

    /** Does no I/O. */
    public ProtectedResource(HttpUrl api, Fetcher fetcher, Clocks time) {
        this.api = api;
        this.fetcher = fetcher;
        this.time = time;
    }

    /** The URL of the API. */
    public HttpUrl url() {
        return api;
    }

    /** The metadata for a login. */
    public ResourceMetadata metadata() throws RequestFailedException {
        return metadata(null, FRESH);
    }

    /**
     * The metadata that the answer to a call without token led to.
     *
     * @param challenge the API's demand; {@code null} if there is none
     */
    public ResourceMetadata challenged(@Nullable ResourceChallenge challenge) throws RequestFailedException {
        return metadata(placeIn(challenge), AGAIN);
    }

    /**
     * The metadata after the API has rejected a token: it may accept those of another server by now. What a login has
     * read a moment ago says nothing about that, so they are read again, at most once a minute.
     */
    public ResourceMetadata rejected(@Nullable ResourceChallenge challenge) throws RequestFailedException {
        HttpUrl place = placeIn(challenge);
        Long last = readAgainAt;
        boolean again = last == null || time.since(last).compareTo(AGAIN) >= 0;
        if (again) {
            readAgainAt = time.ticks();
        }
        return metadata(place, again ? Duration.ZERO : AGAIN);
    }

    private @Nullable HttpUrl placeIn(@Nullable ResourceChallenge challenge) {
        if (challenge == null) {
            return null;
        }
        wantsProofs = challenge.dpopOnly();
        return challenge.metadata();
    }

    /** Whether the API accepts bound tokens only (DPoP), as far as its last answer tells. */
    public boolean wantsProofs() {
        return wantsProofs;
    }

    /** The metadata that came last, however old; {@code null} if none came yet. */
    public @Nullable ResourceMetadata last() {
        Known now = known;
        return now == null ? null : now.metadata();
    }

    private ResourceMetadata metadata(@Nullable HttpUrl named, Duration age) throws RequestFailedException {
        ResourceMetadata found = remembered(named, age);
        if (found != null) {
            return found;
        }
        try {
            fetching.lockInterruptibly();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw failed(Answer.Kind.TEMPORARY, "Interrupted while waiting for the metadata of " + api, null, null);
        }
        try {
            found = remembered(named, age);
            return found == null ? fetch(named) : found;
        } finally {
            fetching.unlock();
        }
    }

    private @Nullable ResourceMetadata remembered(@Nullable HttpUrl named, Duration age) {
        Known now = known;
        return now != null
                        && (named == null || named.equals(now.named()))
                        && time.since(now.since()).compareTo(age) < 0
                ? now.metadata()
                : null;
    }

    private ResourceMetadata fetch(@Nullable HttpUrl named) throws RequestFailedException {
        Known before = known;
        // Where the API once named its metadata, the usual places may have none.
        HttpUrl place = named == null && before != null ? before.named() : named;
        Answer.Failure last = failure;
        if (last != null && (place == null || place.equals(failedAt))) {
            Duration left = Duration.ofNanos(pauseUntil - time.ticks());
            if (!left.isNegative() && !left.isZero()) {
                throw new RequestFailedException(last.retryAfter(left));
            }
        }
        try {
            ResourceMetadata metadata = fetcher.fetch(api, place);
            known = new Known(metadata, place, time.ticks());
            failure = null;
            failures = 0;
            return metadata;
        } catch (IOException e) {
            boolean senseless = e.getCause() instanceof IllegalArgumentException;
            RequestFailedException how = failed(
                    senseless ? Answer.Kind.MALFORMED : Answer.Kind.TEMPORARY,
                    e.getMessage(),
                    e instanceof BusyException busy ? busy.retryAfter() : null,
                    e);
            if (!Thread.currentThread().isInterrupted()) {
                Duration pause = Backoff.after(failures++, how.failure().retryAfter(), time);
                failure = how.failure();
                failedAt = place;
                pauseUntil = time.ticks() + pause.toNanos();
            }
            throw how;
        }
    }

    /**
     * The server at which users sign in: the client may choose among those that the API names (RFC 9728 section 7.6).
     *
     * @param preferred servers that are taken before others, the first ones first
     */
    public static String issuer(ResourceMetadata metadata, List<Predicate<String>> preferred) {
        for (Predicate<String> wanted : preferred) {
            for (String issuer : metadata.authorizationServers()) {
                if (wanted.test(issuer)) {
                    return issuer;
                }
            }
        }
        return metadata.authorizationServers().get(0);
    }

    private static RequestFailedException failed(
            Answer.Kind kind, @Nullable String why, @Nullable Duration wanted, @Nullable IOException cause) {
        return new RequestFailedException(new Answer.Failure(kind, 0, null, why, wanted, cause));
    }

    @Override
    public String toString() {
        return "ProtectedResource[" + api + "]";
    }
}
