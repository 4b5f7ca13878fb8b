/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.call.TokenSource;
import dev.grantkeeper.internal.refresh.Outcome;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BiFunction;
import okhttp3.Call;
import okhttp3.EventListener;
import org.jspecify.annotations.Nullable;

/**
 * Waits for tokens on a caller's thread: no longer than configured, and not when the call is cancelled. A caller that
 * stops waiting leaves the refresh to the others. Thread-safe.
 *
 * @param longest the longest wait
 */
record TokenWait(Duration longest) {
    private static final class CanceledException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        CanceledException() {
            super("Canceled", null, false, false);
        }
    }

    /** The tokens, or an exception with the reason why there are none. */
    TokenSet tokens(TokenSource source, CompletableFuture<Outcome> future, @Nullable Call call) throws IOException {
        return usable(source, future, call).tokens();
    }

    /** The current tokens as the source keeps them, or an exception with the reason why there are none. */
    Outcome.Usable current(TokenSource source, @Nullable Call call) throws IOException {
        Outcome.Usable known = source.known();
        return known == null ? usable(source, source.current(), call) : known;
    }

    /** The tokens as the source keeps them, or an exception with the reason why there are none. */
    Outcome.Usable usable(TokenSource source, CompletableFuture<Outcome> future, @Nullable Call call)
            throws IOException {
        if (future.isDone() && !future.isCompletedExceptionally()) {
            return usable(source, future.join());
        }
        if (!future.isDone()) {
            EventReporter.checkNotHeldUp(source.key());
        }
        if (!future.isDone() && call != null) {
            call.addEventListener(new EventListener() {
                @Override
                public void canceled(Call ignored) {
                    future.completeExceptionally(new CanceledException());
                }
            });
            if (call.isCanceled()) {
                throw new IOException("Canceled");
            }
        }
        try {
            return usable(source, future.get(longest.toNanos(), TimeUnit.NANOSECONDS));
        } catch (TimeoutException e) {
            throw tooLong(source);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("Interrupted while waiting for tokens");
        } catch (ExecutionException e) {
            if (e.getCause() instanceof CanceledException) {
                throw new IOException("Canceled");
            }
            throw Exceptions.defect(e.getCause());
        }
    }

    /** Tokens in place of some that an API rejected; the same tokens if there are no others. */
    Outcome.Usable insteadOf(TokenSource source, TokenSet rejected, @Nullable Call call) throws IOException {
        return usable(source, source.insteadOf(rejected.accessToken()), call);
    }

    /** Asynchronous variant. */
    CompletableFuture<TokenSet> tokensAsync(TokenSource source, CompletableFuture<Outcome> future) {
        BiFunction<@Nullable Outcome, @Nullable Throwable, TokenSet> read = (outcome, broken) -> {
            try {
                if (broken != null) {
                    throw broken instanceof TimeoutException ? tooLong(source) : Exceptions.defect(broken);
                }
                return usable(source, Objects.requireNonNull(outcome)).tokens();
            } catch (OAuthException e) {
                throw new CompletionException(e);
            }
        };
        // Callers' continuations run on their own thread or in the JVM's pool: on a thread of ours they could block
        // all others.
        return future.isDone()
                ? future.handle(read)
                : future.orTimeout(longest.toNanos(), TimeUnit.NANOSECONDS).handleAsync(read);
    }

    private OAuthException tooLong(TokenSource source) {
        // A store that answers now and then is not what they waited for.
        if (source.waitsForStore(longest.multipliedBy(9).dividedBy(10))) {
            return Exceptions.of(new IOException("it has not answered within " + longest.toMillis()
                    + " ms. If it shares a connection pool with its callers, give it one of its own"));
        }
        return new AuthorizationServerException(
                AuthorizationServerException.Kind.TEMPORARY,
                0,
                null,
                "no tokens within " + longest.toMillis() + " ms; the refresh goes on",
                null,
                null);
    }

    private static Outcome.Usable usable(TokenSource source, Outcome outcome) throws OAuthException {
        if (outcome instanceof Outcome.Usable usable) {
            return usable;
        }
        if (outcome instanceof Outcome.LoginRequired required) {
            LoginRequiredException e = Exceptions.of(source.key(), required);
            throw source instanceof ApiSource api ? e.at(api.api(), null) : e;
        }
        if (outcome instanceof Outcome.RequestFailed failed) {
            throw Exceptions.of(failed.failure());
        }
        if (outcome instanceof Outcome.StoreFailed failed) {
            throw Exceptions.of(failed.cause());
        }
        throw new OAuthException(
                "This Grantkeeper was closed, and gives no more tokens. Close it after its callers", null);
    }
}
