/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.wire;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.grantkeeper.internal.answer.RequestFailedException;
import dev.grantkeeper.internal.answer.ServerJson;
import dev.grantkeeper.internal.answer.ServerTimes;
import dev.grantkeeper.internal.protocol.Origins;
import dev.grantkeeper.provider.Provider;
import java.net.URI;
import java.net.URISyntaxException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The provider's device authorization endpoint (RFC 8628 section 3.1), as one client sees it. Thread-safe. */
public final class DeviceEndpoint {
    /** RFC 8628 section 3.2. */
    private static final Duration INTERVAL = Duration.ofSeconds(5);

    /** For servers that do not say how long a code lives, though they have to. */
    private static final Duration LIFETIME = Duration.ofMinutes(10);

    /** A server that wants more says {@code slow_down}; one that means milliseconds would never be polled. */
    private static final Duration LONGEST_INTERVAL = Duration.ofMinutes(1);

    private final JsonEndpoint endpoint;
    private final boolean httpOnLoopback;

    /** One client's view of a provider. */
    public DeviceEndpoint(Http http, Provider provider, Client client, URI uri, InstantSource clock) {
        this.endpoint = new JsonEndpoint("device authorization endpoint", http, client, uri, clock);
        this.httpOnLoopback = "http".equalsIgnoreCase(provider.tokenEndpoint().getScheme());
    }

    /**
     * The server's response.
     *
     * @param deviceCode a secret
     * @param userCode the code that the user types in
     * @param verificationUri the page to type it in
     * @param verificationUriComplete the same with the code in it
     * @param lifetime the lifetime of both codes
     * @param interval the least time between two requests
     */
    public record Codes(
            String deviceCode,
            String userCode,
            URI verificationUri,
            @Nullable URI verificationUriComplete,
            Duration lifetime,
            Duration interval) {
        @Override
        public String toString() {
            return "Codes[" + verificationUri + ", lifetime=" + lifetime + "]";
        }
    }

    /** Starts a login. */
    public Codes authorize(Map<String, String> form) throws RequestFailedException {
        ObjectNode json = endpoint.post(form, Set.of(), null);
        String deviceCode = ServerJson.text(json, "device_code");
        String userCode = ServerJson.text(json, "user_code");
        if (deviceCode == null || userCode == null || !isForPeople(userCode)) {
            throw endpoint.malformed("the codes are missing, or not fit to be shown");
        }
        String where = ServerJson.text(json, "verification_uri");
        if (where == null) {
            where = ServerJson.text(json, "verification_url"); // Google's name
        }
        String complete = ServerJson.text(json, "verification_uri_complete");
        Duration lifetime = positive(json.path("expires_in"));
        return new Codes(
                deviceCode,
                userCode,
                page(where),
                complete == null ? null : page(complete),
                lifetime == null ? LIFETIME : lifetime,
                interval(json));
    }

    /** The least time between two polls, also of a backchannel login (CIBA Core section 7.3). */
    static Duration interval(ObjectNode json) {
        Duration interval = positive(json.path("interval"));
        return interval == null ? INTERVAL : interval.compareTo(LONGEST_INTERVAL) > 0 ? LONGEST_INTERVAL : interval;
    }

    /** A time that makes sense here: no server issues codes that have expired. */
    static @Nullable Duration positive(JsonNode node) {
        return node.asDouble() > 0 ? ServerTimes.seconds(node) : null;
    }

    private static boolean isForPeople(String code) {
        return !code.isBlank() && code.length() <= 128 && code.chars().allMatch(c -> c >= ' ' && c < 0x7f);
    }

    /** Checks a URI that becomes a link or a QR code: only a web page gets through, and none that others could read. */
    private URI page(@Nullable String text) throws RequestFailedException {
        try {
            URI uri = new URI(text == null ? "" : text);
            String scheme = uri.getScheme() == null ? "" : uri.getScheme().toLowerCase(Locale.ROOT);
            String host = uri.getHost();
            boolean local = Origins.isLoopback(host);
            if (host != null
                    && uri.getRawUserInfo() == null
                    && (scheme.equals("https") || (scheme.equals("http") && local && httpOnLoopback))) {
                return uri;
            }
        } catch (URISyntaxException e) {
            // reported below
        }
        throw endpoint.malformed("the verification URI is not an https URL");
    }
}
