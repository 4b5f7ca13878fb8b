/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.server;

import dev.grantkeeper.internal.protocol.Origins;
import dev.grantkeeper.internal.wire.Http;
import dev.grantkeeper.provider.Provider;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.List;
import java.util.function.UnaryOperator;

/** The metadata of authorization servers: where it is, and whose it has to be. */
public final class MetadataDocuments {
    /** The order in which the well-known places are read. */
    public enum Order {
        /** OpenID Connect Discovery section 4 appends to the issuer, and is what servers have that sign users in. */
        OPENID_FIRST,
        /** RFC 8414 section 3 inserts before the issuer's path. The Model Context Protocol prescribes this order. */
        OAUTH_FIRST
    }

    private static final String OAUTH = "/.well-known/oauth-authorization-server";
    private static final String OPENID = "/.well-known/openid-configuration";

    private MetadataDocuments() {}

    /**
     * The issuer as a URI.
     *
     * @param httpOnLoopback whether {@code http} is accepted on this machine
     * @throws IllegalArgumentException if it is not an {@code https} URL without user, query and fragment (RFC 8414
     *     section 2)
     */
    public static URI issuer(String text, boolean httpOnLoopback) {
        try {
            URI uri = new URI(text);
            String scheme = String.valueOf(uri.getScheme());
            if (uri.getHost() != null
                    && uri.getRawUserInfo() == null
                    && uri.getRawQuery() == null
                    && uri.getRawFragment() == null
                    && (scheme.equals("https")
                            || (scheme.equals("http") && httpOnLoopback && Origins.isLoopback(uri.getHost())))) {
                return uri;
            }
        } catch (URISyntaxException e) {
            // said below
        }
        throw new IllegalArgumentException("An issuer is an https URL without user, query and fragment, not " + text);
    }

    /**
     * Fetches the metadata. A document that belongs to another issuer is not used; the next place may have the right
     * one.
     *
     * @param issuer an issuer that {@link #issuer} accepts
     * @param attested the part of a document that counts; throws an {@code IllegalArgumentException} if it has none
     * @return the document. Endpoints in it are still to be checked, by building a {@link Provider} and with
     *     {@link EndpointHosts}
     * @throws BusyException if the server says when to come again
     * @throws IOException if there is no such document; the cause is an {@code IllegalArgumentException} if there is
     *     one, and it is malformed or somebody else's
     */
    public static String fetch(Http http, String issuer, Order order, UnaryOperator<String> attested)
            throws IOException {
        return WellKnown.find(http, "The metadata of " + issuer, places(issuer(issuer, true), order), (place, json) -> {
            Provider.Builder unused = Provider.builder("any").metadata(issuer, attested.apply(json));
            return json;
        });
    }

    private static List<String> places(URI issuer, Order order) {
        String origin = issuer.getScheme() + "://" + issuer.getRawAuthority();
        String path = issuer.getRawPath().replaceFirst("/$", "");
        if (path.isEmpty()) {
            return order == Order.OAUTH_FIRST
                    ? List.of(origin + OAUTH, origin + OPENID)
                    : List.of(origin + OPENID, origin + OAUTH);
        }
        // OpenID's inserted form is nobody's standard: Discovery's place, in the form of RFC 8414.
        return order == Order.OAUTH_FIRST
                ? List.of(origin + OAUTH + path, origin + OPENID + path, origin + path + OPENID)
                : List.of(origin + path + OPENID, origin + OAUTH + path, origin + OPENID + path);
    }
}
