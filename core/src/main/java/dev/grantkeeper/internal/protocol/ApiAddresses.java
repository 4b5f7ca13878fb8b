/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.protocol;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import okhttp3.HttpUrl;

/**
 * The addresses of an account's APIs, which decide where its access token goes: whole origins, or what is below one
 * path of an origin, since one host may carry the APIs of many. Immutable.
 */
public final class ApiAddresses {
    /** Compiled where an API has a path, and not when any application starts. */
    private static final class Segments {
        /**
         * A decoded path segment that a server, or a gateway in front of it, may read as several, as none, or as
         * another one: separators and parameters, also where they are encoded twice, and what is not text.
         */
        static final Pattern AMBIGUOUS = Pattern.compile("[/\\\\;\\p{Cntrl}\\uFFFD]|%\\p{XDigit}{2}");
    }

    private final Set<String> origins;
    /** URLs of them, by host. */
    private final Map<String, List<HttpUrl>> byHost;
    /** The path, decoded; empty for whole origins. */
    private final List<String> path;

    private ApiAddresses(Set<HttpUrl> urls, List<String> path) {
        // Loops, since every application comes by here when it starts.
        Set<String> all = new HashSet<>();
        Map<String, List<HttpUrl>> hosts = new HashMap<>();
        for (HttpUrl url : urls) {
            all.add(Origins.of(url));
            hosts.computeIfAbsent(url.host(), host -> new ArrayList<>()).add(url);
        }
        this.origins = Collections.unmodifiableSet(all);
        this.byHost = hosts;
        this.path = path;
    }

    /** Whole origins, as applications write them. */
    public static ApiAddresses of(Set<String> origins) {
        Set<HttpUrl> urls = new HashSet<>();
        for (String origin : origins) {
            urls.add(HttpUrl.get(origin));
        }
        return new ApiAddresses(urls, List.of());
    }

    /**
     * The address of one API, and everything below it. Its query and a slash at its end do not count. An API without a
     * path has the whole origin.
     *
     * @throws IllegalArgumentException if servers may read the path in several ways
     */
    public static ApiAddresses below(HttpUrl api) {
        if (isAmbiguous(api)) {
            throw new IllegalArgumentException("Servers may read the path " + api.encodedPath()
                    + " in several ways, and a token for this API could go to another one: an API's URL has no empty"
                    + " segments, no ';' and no encoded '/', '\\' or '%'");
        }
        return new ApiAddresses(Set.of(api), List.copyOf(segments(api)));
    }

    /** The segments of a path, decoded. A slash at the end makes no segment. */
    private static List<String> segments(HttpUrl url) {
        List<String> all = url.pathSegments();
        int last = all.size() - 1;
        return all.get(last).isEmpty() ? all.subList(0, last) : all;
    }

    // OkHttp has resolved the dots, the encoded ones included, and has read a backslash as a slash.
    private static boolean isAmbiguous(HttpUrl url) {
        return segments(url).stream()
                .anyMatch(segment ->
                        segment.isEmpty() || Segments.AMBIGUOUS.matcher(segment).find());
    }

    /**
     * Whether a token may be sent to a URL. A path that servers may read in several ways is below no other: it may lead
     * out again.
     */
    public boolean cover(HttpUrl url) {
        return isOrigin(url) && isBelow(url);
    }

    private boolean isOrigin(HttpUrl url) {
        List<HttpUrl> here = byHost.get(url.host());
        if (here == null) {
            return false;
        }
        for (int i = 0; i < here.size(); i++) { // an iterator would be an object for each call of an API
            if (Origins.same(here.get(i), url)) {
                return true;
            }
        }
        return false;
    }

    private boolean isBelow(HttpUrl url) {
        if (path.isEmpty()) {
            return true;
        }
        return beginsWith(url.pathSegments(), path) && !isAmbiguous(url);
    }

    private static boolean beginsWith(List<String> segments, List<String> first) {
        return segments.size() >= first.size()
                && segments.subList(0, first.size()).equals(first);
    }

    /** Whether a token that was sent to one URL may go along to another, where a redirect leads: never elsewhere. */
    public boolean mayFollow(HttpUrl from, HttpUrl to) {
        return Origins.same(from, to) && isBelow(to);
    }

    /** Whether these are less than whole origins, so that a redirect within the host may lead out. */
    public boolean areLimited() {
        return !path.isEmpty();
    }

    /** Whether no URL is covered. */
    public boolean isEmpty() {
        return origins.isEmpty();
    }

    /** Whether there is a URL that both cover. */
    public boolean overlap(ApiAddresses other) {
        return !Collections.disjoint(origins, other.origins)
                && (beginsWith(path, other.path) || beginsWith(other.path, path));
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof ApiAddresses same && same.origins.equals(origins) && same.path.equals(path);
    }

    @Override
    public int hashCode() {
        return Objects.hash(origins, path);
    }

    @Override
    public String toString() {
        String suffix = path.isEmpty() ? "" : "/" + String.join("/", path);
        return origins.stream().sorted().map(origin -> origin + suffix).collect(Collectors.joining(", ", "[", "]"));
    }
}
