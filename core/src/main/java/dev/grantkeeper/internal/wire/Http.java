/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.wire;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import okhttp3.Authenticator;
import okhttp3.Call;
import okhttp3.CookieJar;
import okhttp3.EventListener;
import okhttp3.Interceptor;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import okio.BufferedSource;
import org.jspecify.annotations.Nullable;

/**
 * The client for our own calls, derived from the application's: its proxy, DNS, trust and connection pool stay, everything
 * that could repeat, redirect, store or print a token request is gone. Thread-safe.
 */
public final class Http {
    /** Real token answers and key sets are far smaller; larger ones, decompressed, are an attack or a mistake. */
    static final long MAX_BODY = 256 * 1024;

    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(5);
    private static final String RETRY_AFTER = "Retry-After";
    private static final String HIDDEN_RETRY_AFTER = "Grantkeeper-Retry-After";

    private final OkHttpClient client;

    /**
     * Derives the client.
     *
     * @param base the application's client
     * @param callTimeout how long a call may take as a whole, by the clock on the wall
     */
    public Http(OkHttpClient base, Duration callTimeout) {
        OkHttpClient.Builder builder = base.newBuilder();
        // The application's interceptors may log bodies, add credentials, or be ours.
        builder.interceptors().clear();
        builder.networkInterceptors().clear();
        this.client = builder.addNetworkInterceptor(Http::withoutSilentRepetition)
                .cache(null)
                .cookieJar(CookieJar.NO_COOKIES)
                .authenticator(Authenticator.NONE)
                .followRedirects(false)
                .followSslRedirects(false)
                .retryOnConnectionFailure(false)
                .eventListener(EventListener.NONE)
                .connectTimeout(min(CONNECT_TIMEOUT, callTimeout))
                .callTimeout(callTimeout)
                .build();
    }

    private static Duration min(Duration a, Duration b) {
        return a.compareTo(b) < 0 ? a : b;
    }

    /**
     * OkHttp sends a request again, unasked, after a 503 with {@code Retry-After: 0}. For a refresh token that is a reuse.
     * Under another name the header has no such effect.
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

    /**
     * What came back.
     *
     * @param status the HTTP status
     * @param type the media type
     * @param body at most {@value #MAX_BODY} bytes, as UTF-8
     * @param retryAfter the values of {@code Retry-After}
     */
    public record Reply(int status, @Nullable MediaType type, String body, List<String> retryAfter) {
        @Override
        public String toString() {
            return "Reply[status=" + status + ", " + body.length() + " characters]";
        }
    }

    /** The call failed. {@link #sent()} tells whether the server may have seen the request. */
    static final class CallFailedException extends IOException {
        private static final long serialVersionUID = 1L;

        private final boolean sent;
        private final boolean answered;

        CallFailedException(IOException cause, boolean sent, boolean answered) {
            super(cause);
            this.sent = sent;
            this.answered = answered;
        }

        boolean sent() {
            return sent;
        }

        /** Whether an answer came, and was too large. */
        boolean answered() {
            return answered;
        }

        /** What happened, for people. */
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

    private static final class TooLargeException extends IOException {
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
        AtomicBoolean sent = new AtomicBoolean();
        Call call = client.newCall(request);
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
                    response.headers(HIDDEN_RETRY_AFTER));
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
     * @param bearer an access token to send along, or none
     * @return what came back, whatever the status
     * @throws IOException if nothing came back
     */
    public Reply get(String url, @Nullable String bearer) throws IOException {
        Request.Builder request = new Request.Builder().url(url).header("Accept", "application/json");
        if (bearer != null) {
            request.header("Authorization", "Bearer " + bearer);
        }
        try {
            return call(request.build());
        } catch (CallFailedException e) {
            throw e.reason();
        }
    }
}
