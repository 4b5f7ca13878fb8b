/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.wire;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.grantkeeper.internal.answer.Reply;
import dev.grantkeeper.internal.answer.ServerJson;
import dev.grantkeeper.internal.protocol.Challenges;
import dev.grantkeeper.internal.provider.DialectFacts;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.net.ProtocolException;
import java.nio.charset.StandardCharsets;
import java.security.KeyPair;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import okhttp3.Authenticator;
import okhttp3.Call;
import okhttp3.ConnectionPool;
import okhttp3.CookieJar;
import okhttp3.Dispatcher;
import okhttp3.Dns;
import okhttp3.EventListener;
import okhttp3.Interceptor;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import okio.BufferedSource;
import org.jspecify.annotations.Nullable;

/**
 * The client for our own calls, derived from the application's: its proxy, DNS, trust, sockets and protocols stay,
 * everything that could repeat, redirect, store, print or cancel a token request is gone. Thread-safe.
 *
 * <p>Each call opens a connection and closes it after the answer (law 20). A server may close an idle connection at any
 * time, and a network may forget it. A request that goes into such a connection looks like one whose answer was lost:
 * no client can tell which it was (RFC 9112 section 9.3.1), and a code or refresh token must not be sent on a guess.
 * Nor does looking at the connection first help, since it may be closed a moment later. In HTTP/2 calls do not share a
 * connection either: the server may close it for new requests while one is on its way (RFC 9113 section 6.8). The price
 * is a handshake for each call; TLS sessions are resumed, since all calls share the factory of TLS sockets.
 */
public final class Http implements AutoCloseable {
    /** Real token answers and key sets are far smaller; larger ones, decompressed, are an attack or a mistake. */
    static final long MAX_BODY = 256 * 1024;

    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(5);
    private static final String RETRY_AFTER = "Retry-After";
    private static final String HIDDEN_RETRY_AFTER = "Grantkeeper-Retry-After";

    private final @Nullable OkHttpClient base;
    private final Dispatcher dispatcher;
    private final Duration callTimeout;
    private final DPoP dpop;
    private volatile @Nullable OkHttpClient client;

    /**
     * Derives the client, which is not before the first call: a new client reads the trusted certificates, and an
     * application whose tokens are valid needs none at its start.
     *
     * @param base the application's client; {@code null} for a new one
     * @param callTimeout how long a call may take as a whole, by the clock on the wall
     * @param dpop makes the proofs of who holds a key
     */
    public Http(@Nullable OkHttpClient base, Duration callTimeout, DPoP dpop) {
        // The application's dispatcher could cancel a token request whose answer is on its way.
        this(base, callTimeout, dpop, new Dispatcher());
    }

    private Http(@Nullable OkHttpClient base, Duration callTimeout, DPoP dpop, Dispatcher dispatcher) {
        this.base = base;
        this.callTimeout = callTimeout;
        this.dpop = dpop;
        this.dispatcher = dispatcher;
    }

    private OkHttpClient client() throws CallFailedException {
        OkHttpClient derived = client;
        return derived == null ? derive() : derived;
    }

    private synchronized OkHttpClient derive() throws CallFailedException {
        OkHttpClient derived = client;
        if (derived == null) {
            try {
                derived = derivedFrom(base == null ? new OkHttpClient() : base);
            } catch (Exception | AssertionError e) { // undeclared, for a trust store that cannot be read
                throw new CallFailedException(
                        new IOException(
                                "No HTTP client can be made: " + e.getMessage()
                                        + ". Does javax.net.ssl.trustStore name a file that can be read?",
                                e),
                        false,
                        false);
            }
            client = derived;
        }
        return derived;
    }

    private OkHttpClient derivedFrom(OkHttpClient its) {
        OkHttpClient.Builder builder = its.newBuilder();
        // The application's interceptors may log bodies, add credentials, or be ours.
        builder.interceptors().clear();
        builder.networkInterceptors().clear();
        return builder.addNetworkInterceptor(Http::withoutSilentRepetition)
                .cache(null)
                .cookieJar(CookieJar.NO_COOKIES)
                .authenticator(Authenticator.NONE)
                .followRedirects(false)
                .followSslRedirects(false)
                .retryOnConnectionFailure(false)
                .eventListener(EventListener.NONE)
                .dispatcher(dispatcher)
                .socketFactory(new PromptSockets(its.socketFactory()))
                .connectTimeout(min(CONNECT_TIMEOUT, callTimeout))
                .callTimeout(callTimeout)
                .build();
    }

    /** The same through another client of the application's; closed with this one. */
    public Http through(OkHttpClient other) {
        return new Http(other, callTimeout, dpop, dispatcher);
    }

    private static Duration min(Duration a, Duration b) {
        return a.compareTo(b) < 0 ? a : b;
    }

    /**
     * OkHttp sends a request again, unasked, after a 503 with {@code Retry-After: 0}. For a refresh token that is a
     * reuse. Under another name the header has no such effect.
     */
    private static Response withoutSilentRepetition(Interceptor.Chain chain) throws IOException {
        Response response = chain.proceed(chain.request());
        List<String> values = response.headers(RETRY_AFTER);
        if (values.isEmpty()) {
            return response;
        }
        Response.Builder hidden = response.newBuilder().removeHeader(RETRY_AFTER);
        values.forEach(value -> hidden.addHeader(HIDDEN_RETRY_AFTER, value));
        return hidden.build();
    }

    /** Makes a request, and another one if it has to go out again: what authenticates a client is good for one. */
    @FunctionalInterface
    interface Maker {
        Request make() throws CallFailedException;
    }

    /** The call failed. {@link #sent()} tells whether the server may have seen the request. */
    static final class CallFailedException extends IOException {
        private static final long serialVersionUID = 1L;

        private final boolean sent;
        private final boolean answered;

        CallFailedException(IOException cause, boolean sent, boolean answered) {
            super(harmless(cause));
            this.sent = sent;
            this.answered = answered;
        }

        /** OkHttp quotes what is not HTTP, and a server may repeat there what was sent to it. */
        private static IOException harmless(IOException cause) {
            String message = cause.getMessage();
            int quote = cause instanceof ProtocolException && message != null ? message.indexOf(':') : -1;
            if (message == null || quote < 0) {
                return cause;
            }
            ProtocolException without = new ProtocolException(message.substring(0, quote));
            without.setStackTrace(cause.getStackTrace());
            return without;
        }

        boolean sent() {
            return sent;
        }

        /** Whether an answer came, and was too large. */
        boolean answered() {
            return answered;
        }

        /** The failure, in words for people. */
        String describe(String endpoint) {
            if (getCause() instanceof JwtSigner.FailedException failed) {
                return String.valueOf(failed.getMessage());
            }
            return "The " + endpoint + (sent ? " did not answer" : " could not be reached");
        }

        IOException reason() {
            return getCause() instanceof IOException io ? io : this;
        }
    }

    /** The answer is larger than any real one. */
    public static final class TooLargeException extends IOException {
        private static final long serialVersionUID = 1L;

        TooLargeException() {
            super("The answer is larger than " + MAX_BODY + " bytes");
        }
    }

    /**
     * Makes a call.
     *
     * @throws CallFailedException if there is no complete answer
     */
    Reply call(Request request) throws CallFailedException {
        return call(request, callTimeout);
    }

    /** The maker of proofs, and of keys. */
    DPoP dpop() {
        return dpop;
    }

    /**
     * Makes a call that asks for tokens, with a proof for the key. A server that would not look at it because of the
     * proof (RFC 9449 section 8) gets it once more, with the proof that it wants: so much is left of the one deadline
     * for both.
     *
     * @param request makes the request, anew for each time
     * @param key {@code null} for a call without proof
     * @throws CallFailedException if there is no complete answer
     */
    Reply call(Maker request, @Nullable KeyPair key) throws CallFailedException {
        return key == null ? call(request.make()) : call(request, key, null);
    }

    private Reply call(Maker request, KeyPair key, @Nullable String accessToken) throws CallFailedException {
        long start = System.nanoTime();
        Request first = dpop.prove(request.make(), key, accessToken);
        Reply reply = heard(first, call(first, callTimeout));
        String error = DPoP.errorIn(reply.challenges());
        Duration left = callTimeout.minusNanos(System.nanoTime() - start);
        if (!dpop.isRetryable(first.url(), error == null ? errorIn(reply) : error, reply.headers())
                || left.compareTo(Duration.ofMillis(1)) < 0) {
            return reply;
        }
        Request second = dpop.prove(request.make(), key, accessToken);
        return heard(second, call(second, left));
    }

    /** The {@code error} member of an error response. */
    private static @Nullable String errorIn(Reply reply) {
        ObjectNode json =
                reply.status() < 400 ? null : ServerJson.read(reply.type(), reply.body(), DialectFacts.STANDARD);
        return json == null ? null : ServerJson.text(json, "error");
    }

    private Reply heard(Request request, Reply reply) {
        dpop.learn(request.url(), reply.headers());
        return reply;
    }

    /** With a shared pool, HTTP/2 calls would meet on one connection. A pool without idle connections owns nothing. */
    private OkHttpClient withConnectionOfItsOwn() throws CallFailedException {
        return client().newBuilder()
                .connectionPool(new ConnectionPool(0, 1, TimeUnit.MINUTES))
                .build();
    }

    private Reply call(Request request, Duration limit) throws CallFailedException {
        AtomicBoolean sent = new AtomicBoolean();
        Call call = withConnectionOfItsOwn().newCall(request);
        call.timeout().timeout(limit.toNanos(), TimeUnit.NANOSECONDS);
        // Before the first byte of the request is written nothing can have reached the server; after that anything can.
        call.addEventListener(new EventListener() {
            @Override
            public void requestHeadersStart(Call ignored) {
                sent.set(true);
            }
        });
        try (Response response = call.execute()) {
            BufferedSource source = response.body().source();
            if (source.request(MAX_BODY + 1)) {
                throw new TooLargeException();
            }
            return new Reply(
                    response.code(),
                    response.body().contentType(),
                    source.readString(StandardCharsets.UTF_8),
                    response.headers(HIDDEN_RETRY_AFTER),
                    response.headers(),
                    response.code() == 401 ? Challenges.in(response.headers()) : List.of());
        } catch (TooLargeException e) {
            throw new CallFailedException(e, true, true);
        } catch (IOException e) {
            throw new CallFailedException(e, sent.get(), false);
        }
    }

    /**
     * Fetches a document.
     *
     * @param url where
     * @param tokens whose access token to send along, with a proof if it is bound; or none
     * @return what came back, whatever the status
     * @throws IOException if nothing came back
     */
    public Reply get(String url, @Nullable TokenSet tokens) throws IOException {
        return get(url, tokens, DialectFacts.STANDARD);
    }

    /**
     * Fetches a document.
     *
     * @param url where
     * @param tokens whose access token to send along, with a proof if it is bound; or none
     * @param dialect the headers that the provider requires
     * @return what came back, whatever the status
     * @throws IOException if nothing came back
     */
    public Reply get(String url, @Nullable TokenSet tokens, DialectFacts dialect) throws IOException {
        Request.Builder request = new Request.Builder().url(url).header("Accept", "application/json, application/jwt");
        dialect.requestHeaders.forEach(request::header);
        try {
            if (tokens == null) {
                return call(request.build());
            }
            request.header(dialect.tokenHeader, DPoP.authorization(tokens, dialect));
            KeyPair key = tokens.proofKey().orElse(null);
            return key == null ? call(request.build()) : call(request::build, key, tokens.accessToken());
        } catch (CallFailedException e) {
            throw e.reason();
        }
    }

    /** The resolver of host names. */
    public Dns dns() {
        return base == null ? Dns.SYSTEM : base.dns();
    }

    /** Cancels the calls that are under way, so that none of their connections is left. */
    @Override
    public void close() {
        dispatcher.cancelAll();
    }
}
