/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.benchmarks;

import java.io.IOException;
import java.time.Instant;
import okhttp3.Authenticator;
import okhttp3.Call;
import okhttp3.Interceptor;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import okhttp3.Route;
import org.jspecify.annotations.Nullable;

/** OkHttp, with what applications write themselves. */
final class PlainWays {
    private PlainWays() {}

    /** Sends a request, reads its response and closes it. */
    static int send(Call.Factory client, Request request) throws IOException {
        try (Response response = client.newCall(request).execute()) {
            response.body().bytes();
            return response.code();
        }
    }

    /** Each call by the same client. */
    static AuthorizedCall of(Transport transport, OkHttpClient client) {
        OkHttpClient ending = transport.ending(client);
        return () -> send(ending, transport.request());
    }

    static AuthorizedCall bare(Transport transport) {
        return of(transport, transport.client());
    }

    /** The least that attaches a token: one that never expires. */
    static AuthorizedCall constantHeader(Transport transport) {
        String header = "Bearer " + Tokens.ACCESS_TOKEN;
        return with(
                transport,
                chain -> chain.proceed(chain.request()
                        .newBuilder()
                        .header("Authorization", header)
                        .build()));
    }

    /** One field with the token for the interceptor, and an {@code Authenticator} that would refresh it after a 401. */
    static AuthorizedCall authenticator(Transport transport) {
        Refreshing refreshing = new Refreshing();
        return of(
                transport,
                transport
                        .client()
                        .newBuilder()
                        .addInterceptor(refreshing)
                        .authenticator(refreshing)
                        .build());
    }

    /** The interceptor of many answers on the web: a lock, the check of an expiry, and a refresh within the lock. */
    static AuthorizedCall synchronizedInterceptor(Transport transport) {
        return bearer(transport, new Synchronized()::token);
    }

    /** The token of one call. */
    @FunctionalInterface
    interface Token {
        String value() throws IOException;
    }

    /** An interceptor that attaches the token of each call. */
    static AuthorizedCall bearer(Transport transport, Token token) {
        return with(
                transport,
                chain -> chain.proceed(chain.request()
                        .newBuilder()
                        .header("Authorization", header(token.value()))
                        .build()));
    }

    /** Not with an operator: this build compiles those in another way than most, with an object more at times. */
    static String header(String token) {
        return "Bearer ".concat(token);
    }

    private static AuthorizedCall with(Transport transport, Interceptor interceptor) {
        return of(
                transport,
                transport.client().newBuilder().addInterceptor(interceptor).build());
    }

    private static final class Refreshing implements Interceptor, Authenticator {
        private volatile String token = Tokens.ACCESS_TOKEN;

        @Override
        public Response intercept(Chain chain) throws IOException {
            return chain.proceed(chain.request()
                    .newBuilder()
                    .header("Authorization", header(token))
                    .build());
        }

        @Override
        public synchronized @Nullable Request authenticate(@Nullable Route route, Response response) {
            token = Tokens.refresh();
            return response.request()
                    .newBuilder()
                    .header("Authorization", header(token))
                    .build();
        }
    }

    private static final class Synchronized {
        private String token = Tokens.ACCESS_TOKEN;
        private Instant expiresAt = Tokens.EXPIRES_AT;

        synchronized String token() {
            if (Instant.now().isAfter(expiresAt.minusSeconds(60))) {
                token = Tokens.refresh();
                expiresAt = Instant.now().plusSeconds(3600);
            }
            return token;
        }
    }
}
