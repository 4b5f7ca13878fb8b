/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.grantkeeper.internal.answer.ServerJson;
import dev.grantkeeper.internal.answer.ServerText;
import dev.grantkeeper.internal.protocol.Origins;
import dev.grantkeeper.internal.provider.DialectFacts;
import dev.grantkeeper.internal.wire.Http;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.BinaryOperator;
import okhttp3.HttpUrl;
import org.jspecify.annotations.Nullable;

/**
 * The metadata of a protected API (RFC 9728): which authorization servers issue tokens for it. It comes from anyone who
 * answers at the API's address, and maybe from a place that a response of the API named. So nothing in it widens where
 * tokens go, and it counts only for the API that was called. Immutable.
 *
 * @param resource the API's own name, letter by letter: the resource indicator (RFC 8707) of logins and refreshes
 * @param authorizationServers the issuers, the API's first choice first; at least one
 * @param scopes the scopes that the API lists; empty if it lists none
 * @param dpopRequired whether it accepts only access tokens that are bound to a key (DPoP)
 * @param certificateRequired whether it accepts only access tokens that are bound to a certificate
 * @param bearerMethods the ways to send a token; empty if it does not say
 * @param name its name for people, made harmless
 * @param from the place of the metadata
 */
public record ResourceMetadata(
        String resource,
        List<String> authorizationServers,
        Set<String> scopes,
        boolean dpopRequired,
        boolean certificateRequired,
        Set<String> bearerMethods,
        @Nullable String name,
        HttpUrl from) {
    private static final String PLACE = "/.well-known/oauth-protected-resource";

    private static final int MAX_LENGTH = 64 * 1024;
    private static final int MAX_URL = 2048;
    private static final int MAX_SERVERS = 10;

    /** The length of all scopes together: a login has to fit them into a URL. */
    private static final int MAX_NAMES = 4096;

    /**
     * The well-known places of an API's metadata, in the order in which they are read: the standard's (RFC 9728 section
     * 3.1), then that of the whole host (Model Context Protocol).
     */
    public static List<HttpUrl> places(HttpUrl api) {
        HttpUrl plain = plain(api);
        String path = plain.encodedPath().equals("/") ? "" : plain.encodedPath();
        HttpUrl own = plain.newBuilder().encodedPath(PLACE + path).build();
        HttpUrl root = plain.newBuilder().encodedPath(PLACE).query(null).build();
        return own.equals(root) ? List.of(root) : List.of(own, root);
    }

    /**
     * Fetches the metadata of an API.
     *
     * @param http makes the requests; hosts that must not be reached are its business
     * @param api the URL by which the application knows the API
     * @param fromChallenge the place that a response of the API named; it may be on any host, and is then the only one
     *     that is read. One that is neither encrypted nor, like the API, on this machine does not count: servers behind
     *     a proxy name themselves so. {@code null} for none
     * @param attested the part of a document that counts, by the document's name for messages and its text; throws an
     *     {@code IllegalArgumentException} if there is none
     * @return the metadata; {@code null} if none of the well-known places exists
     * @throws BusyException if the server says when to come again
     * @throws IOException if there is no metadata; the cause is an {@code IllegalArgumentException} if there is some,
     *     and it is malformed or for another API
     */
    public static @Nullable ResourceMetadata fetch(
            Http http, HttpUrl api, @Nullable HttpUrl fromChallenge, BinaryOperator<String> attested)
            throws IOException {
        String what = "The metadata of " + shown(api);
        if (fromChallenge != null && isAllowed(fromChallenge, api)) {
            return WellKnown.find(
                    http,
                    what,
                    List.of(fromChallenge.toString()),
                    (place, json) -> read(api, fromChallenge, true, attested.apply(at(fromChallenge), json)));
        }
        try {
            return WellKnown.find(
                    http, what, places(api).stream().map(HttpUrl::toString).toList(), (place, json) -> {
                        HttpUrl from = HttpUrl.get(place);
                        return read(api, from, false, attested.apply(at(from), json));
                    });
        } catch (WellKnown.AbsentException e) {
            return null;
        }
    }

    /**
     * Reads metadata.
     *
     * @param api the URL by which the application knows the API
     * @param from the place of the metadata
     * @param fromChallenge whether a response of the API named that place
     * @throws IllegalArgumentException if it is malformed, for another API, or names no authorization server
     */
    public static ResourceMetadata read(HttpUrl api, HttpUrl from, boolean fromChallenge, String json) {
        String what = at(from);
        if (json.length() > MAX_LENGTH) {
            throw new IllegalArgumentException(what + " is larger than " + MAX_LENGTH + " characters");
        }
        ObjectNode members =
                ServerJson.read(null, json.startsWith("\uFEFF") ? json.substring(1) : json, DialectFacts.STANDARD);
        if (members == null) {
            throw new IllegalArgumentException(what + " is not a JSON object");
        }
        String resource = ServerJson.text(members, "resource");
        if (resource == null) {
            throw new IllegalArgumentException(what + " names no resource");
        }
        boolean exact = !fromChallenge && from.equals(places(api).get(0));
        HttpUrl named = url(resource);
        if (named == null || !(exact ? named.equals(plain(api)) : isSameOrParent(named, plain(api)))) {
            // RFC 9728 section 3.3: somebody else's API could have us sign in for tokens of this one.
            throw new IllegalArgumentException(
                    what + " is for the resource " + ServerText.harmless(resource) + ", not for " + shown(api));
        }
        List<String> servers = issuers(members.path("authorization_servers"), isOnThisMachine(api));
        if (servers.isEmpty()) {
            throw new IllegalArgumentException(what + " names no authorization server with an https URL");
        }
        return new ResourceMetadata(
                resource,
                servers,
                names(members.path("scopes_supported")),
                members.path("dpop_bound_access_tokens_required").asBoolean(false),
                members.path("tls_client_certificate_bound_access_tokens").asBoolean(false),
                names(members.path("bearer_methods_supported")),
                ServerText.harmless(ServerJson.text(members, "resource_name")),
                from);
    }

    private static boolean isAllowed(HttpUrl from, HttpUrl api) {
        return from.equals(plain(from)) && (from.isHttps() || (isOnThisMachine(from) && isOnThisMachine(api)));
    }

    private static boolean isOnThisMachine(HttpUrl url) {
        return !url.isHttps() && Origins.isLoopback(url.host());
    }

    /** Without a user, which no request takes along, and without a fragment. */
    private static HttpUrl plain(HttpUrl url) {
        return url.newBuilder().username("").password("").fragment(null).build();
    }

    private static String at(HttpUrl from) {
        return "The metadata at " + ServerText.harmless(shown(from));
    }

    /** For messages: a query may hold a key. */
    private static String shown(HttpUrl url) {
        return plain(url).newBuilder().query(null).toString();
    }

    /** A resource as a URL in OkHttp's form; {@code null} for anything else, and what OkHttp would only guess at. */
    private static @Nullable HttpUrl url(String resource) {
        boolean clear = resource.length() <= MAX_URL
                && resource.toLowerCase(Locale.ROOT).matches("https?://[^/].*")
                && resource.chars().allMatch(c -> c > ' ' && c != 0x7f && c != '\\');
        HttpUrl url = clear ? HttpUrl.parse(resource) : null;
        return url != null && url.equals(plain(url)) ? url : null;
    }

    /** Of the same origin, with a path whose segments begin the API's. A slash at the end does not count as one. */
    private static boolean isSameOrParent(HttpUrl named, HttpUrl api) {
        List<String> segments = named.encodedPathSegments();
        int size = segments.get(segments.size() - 1).isEmpty() ? segments.size() - 1 : segments.size();
        return named.equals(api)
                || (named.query() == null
                        && Origins.same(named, api)
                        && size <= api.pathSize()
                        && segments.subList(0, size)
                                .equals(api.encodedPathSegments().subList(0, size)));
    }

    /** The issuers in a list. Anything else is left out: nobody could sign in there. */
    private static List<String> issuers(JsonNode list, boolean httpOnLoopback) {
        Set<String> issuers = new LinkedHashSet<>();
        for (JsonNode one : list) {
            if (issuers.size() < MAX_SERVERS && one.isTextual() && isIssuer(one.textValue(), httpOnLoopback)) {
                issuers.add(one.textValue());
            }
        }
        return Collections.unmodifiableList(new ArrayList<>(issuers));
    }

    private static boolean isIssuer(String text, boolean httpOnLoopback) {
        try {
            return text.length() <= MAX_URL
                    && HttpUrl.parse(text) != null
                    && !MetadataDocuments.issuer(text, httpOnLoopback)
                            .toString()
                            .isEmpty();
        } catch (IllegalArgumentException e) {
            return false;
        }
    }

    /** Names such as a scope (RFC 6749 section 3.3); others are left out. */
    private static Set<String> names(JsonNode list) {
        Set<String> names = new LinkedHashSet<>();
        int length = 0;
        for (JsonNode one : list) {
            String name = one.isTextual() ? one.textValue() : "";
            length += name.length() + 1;
            if (!name.isEmpty()
                    && length <= MAX_NAMES
                    && name.chars().allMatch(c -> c > ' ' && c < 0x7f && c != '"' && c != '\\')) {
                names.add(name);
            }
        }
        return Collections.unmodifiableSet(names);
    }
}
