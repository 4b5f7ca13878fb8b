/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.protocol;

import java.util.Set;
import okhttp3.HttpUrl;
import okhttp3.Request;
import okhttp3.Response;
import org.jspecify.annotations.Nullable;

/**
 * Origins: scheme, host and port, which decide where a token may go. Written in one place, so that two sides of a
 * comparison agree.
 */
public final class Origins {
    private static final Set<String> LOOPBACK = Set.of("127.0.0.1", "[::1]", "::1", "localhost");

    private Origins() {}

    /** Scheme, host and port. OkHttp has parsed and normalised all three. */
    public static String of(HttpUrl url) {
        return url.scheme() + "://" + url.host() + ":" + url.port();
    }

    /** Whether two URLs have one origin. Each call of an API asks that, so no texts are made. */
    public static boolean same(HttpUrl a, HttpUrl b) {
        // OkHttp has normalised all three.
        return a.port() == b.port() && a.host().equals(b.host()) && a.scheme().equals(b.scheme());
    }

    /** Whether a response comes from the request's own origin, and not from one that a redirect led to. */
    public static boolean same(Request request, Response response) {
        return same(response.request().url(), request.url());
    }

    /** Whether a host is this machine. */
    public static boolean isLoopback(@Nullable String host) {
        return host != null && LOOPBACK.contains(host);
    }
}
