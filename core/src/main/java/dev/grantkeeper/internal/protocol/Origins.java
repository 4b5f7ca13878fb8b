/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.protocol;

import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
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
        return url.scheme() + "://" + url.host().toLowerCase(Locale.ROOT) + ":" + url.port();
    }

    /** Origins as OkHttp writes them, to compare with: it removes the brackets of an IPv6 address, and shortens it. */
    public static Set<String> of(Set<String> origins) {
        return origins.stream().map(text -> of(HttpUrl.get(text))).collect(Collectors.toUnmodifiableSet());
    }

    /** Whether a response comes from the request's own origin, and not from one that a redirect led to. */
    public static boolean same(Request request, Response response) {
        return of(response.request().url()).equals(of(request.url()));
    }

    /** Whether a host is this machine. */
    public static boolean isLoopback(@Nullable String host) {
        return host != null && LOOPBACK.contains(host);
    }
}
