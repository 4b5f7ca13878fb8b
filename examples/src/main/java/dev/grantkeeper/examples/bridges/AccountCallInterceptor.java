/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.bridges;

import dev.grantkeeper.Account;
import dev.grantkeeper.LoginRequiredException;
import dev.grantkeeper.RequestAuthorization;
import io.grpc.CallCredentials;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ForwardingClientCallListener.SimpleForwardingClientCallListener;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.SecurityLevel;
import io.grpc.Status;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/**
 * gRPC for one account: calls to its APIs carry the access token as {@link CallCredentials}, refreshed before it
 * expires. A call of one request message (unary, or with a stream of responses) that is closed as
 * {@code UNAUTHENTICATED} before the server has sent anything is repeated once; a call with a stream of requests is
 * not. Calls to other authorities are sent without a token, and calls with credentials of their own as they are. No
 * thread blocks, and cancelling a call cancels its repetition. Thread-safe.
 *
 * <pre>{@code
 * Things.ThingsStub things = Things.newStub(channel).withInterceptors(new AccountCallInterceptor(user));
 * }</pre>
 *
 * <p>The channel's authority has to be one of the API origins: {@code https://things.example.com} for
 * {@code forTarget("dns:///things.example.com")}.
 *
 * <p>A {@link LoginRequiredException} is the cause of a {@code StatusRuntimeException} with {@code UNAUTHENTICATED},
 * the other {@link dev.grantkeeper.OAuthException}s of one with {@code UNAVAILABLE}.
 */
public final class AccountCallInterceptor implements ClientInterceptor {
    private static final Metadata.Key<String> CHALLENGE =
            Metadata.Key.of("WWW-Authenticate", Metadata.ASCII_STRING_MARSHALLER);

    private final Account account;

    public AccountCallInterceptor(Account account) {
        this.account = account;
    }

    @Override
    public <Q, R> ClientCall<Q, R> interceptCall(MethodDescriptor<Q, R> method, CallOptions options, Channel next) {
        return options.getCredentials() == null
                ? new RepeatableCall<>(method, options, next)
                : next.newCall(method, options);
    }

    private static Status status(Throwable failure) {
        Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
        Status status = cause instanceof LoginRequiredException ? Status.UNAUTHENTICATED : Status.UNAVAILABLE;
        return status.withDescription(String.valueOf(cause)).withCause(cause);
    }

    private static int asHttp(Status.Code code) {
        return switch (code) {
            case UNAUTHENTICATED -> 401;
            case PERMISSION_DENIED -> 403;
            default -> 200;
        };
    }

    /** Sends the token of one attempt, and remembers it. */
    private final class Credentials extends CallCredentials {
        private volatile @Nullable RequestAuthorization authorization;

        Credentials(@Nullable RequestAuthorization authorization) {
            this.authorization = authorization;
        }

        @Override
        public void applyRequestMetadata(RequestInfo call, Executor executor, MetadataApplier applier) {
            String scheme = call.getSecurityLevel() == SecurityLevel.NONE ? "http" : "https";
            URI url = URI.create(scheme + "://" + call.getAuthority() + "/"
                    + call.getMethodDescriptor().getFullMethodName());
            RequestAuthorization given = authorization;
            CompletableFuture<?> unused = (given == null
                            ? account.authorizationAsync(url)
                            : CompletableFuture.completedFuture(Optional.of(given)))
                    .whenComplete((found, failure) -> {
                        if (failure != null) {
                            applier.fail(status(failure));
                            return;
                        }
                        Metadata headers = new Metadata();
                        found.ifPresent(one -> headers.put(
                                Metadata.Key.of(one.headerName(), Metadata.ASCII_STRING_MARSHALLER),
                                one.headerValue()));
                        authorization = found.orElse(null);
                        applier.apply(headers);
                    });
        }
    }

    private final class RepeatableCall<Q, R> extends ClientCall<Q, R> {
        private final MethodDescriptor<Q, R> method;
        private final CallOptions options;
        private final Channel next;
        // All that follows is guarded by this call.
        private final List<Q> sent = new ArrayList<>();
        private final Credentials credentials = new Credentials(null);
        private ClientCall<Q, R> current;
        private final Metadata headers = new Metadata();
        private int requested;
        private boolean halfClosed;
        private boolean cancelled;

        RepeatableCall(MethodDescriptor<Q, R> method, CallOptions options, Channel next) {
            this.method = method;
            this.options = options;
            this.next = next;
            this.current = next.newCall(method, options.withCallCredentials(credentials));
        }

        @Override
        public synchronized void start(Listener<R> responses, Metadata sentHeaders) {
            headers.merge(sentHeaders);
            current.start(new FirstListener(responses), sentHeaders);
        }

        @Override
        public synchronized void request(int messages) {
            requested = (int) Math.min(Integer.MAX_VALUE, (long) requested + messages);
            current.request(messages);
        }

        @Override
        public synchronized void sendMessage(Q message) {
            if (method.getType().clientSendsOneMessage()) {
                sent.add(message);
            }
            current.sendMessage(message);
        }

        @Override
        public synchronized void halfClose() {
            halfClosed = true;
            current.halfClose();
        }

        @Override
        public synchronized void cancel(@Nullable String message, @Nullable Throwable cause) {
            cancelled = true;
            current.cancel(message, cause);
        }

        @Override
        public synchronized boolean isReady() {
            return current.isReady();
        }

        private synchronized void repeat(RequestAuthorization authorization, Listener<R> responses) {
            if (cancelled) {
                responses.onClose(Status.CANCELLED, new Metadata());
                return;
            }
            current = next.newCall(method, options.withCallCredentials(new Credentials(authorization)));
            current.start(responses, headers);
            current.request(requested);
            sent.forEach(current::sendMessage);
            if (halfClosed) {
                current.halfClose();
            }
        }

        /** Holds the end of a call back until it is known whether it is repeated. */
        private final class FirstListener extends SimpleForwardingClientCallListener<R> {
            private boolean answered;

            FirstListener(Listener<R> responses) {
                super(responses);
            }

            @Override
            public void onHeaders(Metadata received) {
                answered = true;
                super.onHeaders(received);
            }

            @Override
            public void onClose(Status status, Metadata trailers) {
                RequestAuthorization used = credentials.authorization;
                int asHttp = asHttp(status.getCode());
                if (asHttp == 200 || used == null) {
                    super.onClose(status, trailers);
                    return;
                }
                List<String> challenges = new ArrayList<>();
                Iterable<String> values = trailers.getAll(CHALLENGE);
                if (values != null) {
                    values.forEach(challenges::add);
                }
                boolean repeatable = !answered && method.getType().clientSendsOneMessage();
                // A blocking stub waits for what its own executor is given.
                Executor executor = options.getExecutor() == null ? Runnable::run : options.getExecutor();
                CompletableFuture<?> unused = used.afterResponseAsync(asHttp, challenges)
                        .whenCompleteAsync(
                                (other, failure) -> {
                                    if (failure != null) {
                                        super.onClose(status(failure), trailers);
                                    } else if (other.isEmpty() || !repeatable) {
                                        super.onClose(status, trailers);
                                    } else {
                                        repeat(other.get(), delegate());
                                    }
                                },
                                executor);
            }
        }
    }
}
