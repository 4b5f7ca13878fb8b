/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.testkit;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiConsumer;
import java.util.function.BiFunction;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The settings of a server. Each field stands for itself, and may change while requests are answered. */
final class Settings {
    /** The issuer: the origin, and the path of a tenant. */
    final String url;
    /** The path of a tenant, such as {@code /acme}, or an empty text. */
    final String path;

    static final Pattern LOOPBACK =
            Pattern.compile("http://(127\\.0\\.0\\.1|\\[::1]|localhost)(?::[0-9]{1,5})?([/?].*)?");

    final Map<String, Client> clients = new ConcurrentHashMap<>();
    final Map<String, User> users = new ConcurrentSkipListMap<>();
    final Map<String, String> clientNames = new ConcurrentHashMap<>();
    /** In words for users. */
    final Map<String, String> scopeTexts = new ConcurrentHashMap<>(Map.of(
            "openid", "Know who you are",
            "profile", "See your name",
            "email", "See your e-mail address",
            "offline_access", "Stay connected while you are away"));

    final Dialects dialects = new Dialects();

    volatile InstantSource time = InstantSource.system();
    volatile String title = "Demo music service";
    volatile @Nullable String autoApprove;
    volatile boolean issuerInCallback;
    volatile int invalidClientStatus = 401;
    volatile Duration deviceInterval = Duration.ofSeconds(5);
    volatile UnaryOperator<Map<String, Object>> deviceResponse = UnaryOperator.identity();
    volatile Duration backchannelInterval = Duration.ofSeconds(5);
    volatile UnaryOperator<Map<String, Object>> backchannelResponse = UnaryOperator.identity();
    /** By client, those that are registered for ping mode: they get the Authorization header and the body. */
    final Map<String, BiConsumer<String, String>> notificationEndpoints = new ConcurrentHashMap<>();

    volatile Duration latency = Duration.ZERO;
    volatile Duration apiLatency = Duration.ZERO;

    volatile Duration accessTokenLifetime = Duration.ofHours(1);
    volatile @Nullable Duration refreshTokenLifetime;
    volatile boolean issueRefreshTokens = true;
    volatile Rotation rotation = Rotation.STRICT;
    volatile Duration grace = Duration.ofSeconds(60);
    volatile boolean wideRevocation;
    volatile boolean truthfulExpiresIn = true;
    volatile @Nullable String expiresIn;
    volatile UnaryOperator<Map<String, Object>> tokenResponse = UnaryOperator.identity();
    volatile UnaryOperator<Map<String, Object>> metadata = UnaryOperator.identity();

    volatile Map<String, Object> extraClaims = Map.of();
    volatile UnaryOperator<Map<String, Object>> idTokenClaims = UnaryOperator.identity();
    volatile Signing signing = Signing.RS256;
    final AtomicInteger signingKey = new AtomicInteger();

    volatile boolean rejectAllAtApi;
    volatile BiFunction<RecordedRequest, Answer, Answer> apiAnswer = (request, answer) -> answer;

    volatile List<String> scopesSupported = List.of("openid", "profile", "email", "offline_access");
    volatile List<String> authMethods = List.of("client_secret_basic", "client_secret_post", "none");
    volatile boolean exactRedirectUris;

    volatile Set<MetadataPlace> metadataPlaces = Set.of(MetadataPlace.values());
    volatile @Nullable Answer metadataElsewhere;
    volatile boolean clientDocuments;
    volatile boolean dpop;
    volatile @Nullable String dpopNonce;
    volatile boolean registration;
    volatile boolean registrationManagement = true;
    volatile @Nullable String initialAccessToken;
    volatile @Nullable Duration clientSecretLifetime;
    volatile UnaryOperator<Map<String, Object>> registrationResponse = UnaryOperator.identity();
    /** Of the next requests that authenticate a client, those that are refused though the client is known. */
    final AtomicInteger clientsToReject = new AtomicInteger();

    final Set<String> clientsInUse = ConcurrentHashMap.newKeySet();

    Settings(String origin, String path) {
        this.url = origin + path;
        this.path = path;
    }

    /** The user whose id or e-mail address this is; {@code null} for nobody. */
    @Nullable
    User user(@Nullable String hint) {
        return users.values().stream()
                .filter(user -> user.id().equals(hint) || user.email().equalsIgnoreCase(hint))
                .findFirst()
                .orElse(null);
    }

    /** The path within this server. */
    String local(String requestPath) {
        return requestPath.startsWith(path) ? requestPath.substring(path.length()) : requestPath;
    }

    /**
     * A registration. Without redirect URIs, any will do; without a method, the secret may come in the header or in the
     * body; without grant types, all are allowed.
     */
    record Client(
            String id,
            @Nullable String secret,
            List<String> redirectUris,
            @Nullable String method,
            @Nullable Instant secretExpiresAt,
            @Nullable List<String> grantTypes,
            @Nullable String jwks,
            @Nullable String jwksUri) {
        Client(String id, @Nullable String secret, List<String> redirectUris) {
            this(id, secret, redirectUris, null, null, null, null, null);
        }

        /** The client that metadata describe, of a registration or a document (RFC 7591, 2). */
        static Client of(String id, Map<String, Object> metadata) {
            long expires = metadata.get("client_secret_expires_at") instanceof Number end ? end.longValue() : 0;
            List<String> redirectUris = JsonReader.texts(metadata, "redirect_uris");
            return new Client(
                    id,
                    metadata.get("client_secret") instanceof String secret ? secret : null,
                    redirectUris == null ? List.of() : redirectUris,
                    metadata.get("token_endpoint_auth_method") instanceof String method ? method : null,
                    expires == 0 ? null : Instant.ofEpochSecond(expires),
                    JsonReader.texts(metadata, "grant_types"),
                    metadata.get("jwks") == null ? null : Json.write(metadata.get("jwks")),
                    metadata.get("jwks_uri") instanceof String uri ? uri : null);
        }

        boolean mayRedirectTo(String uri, boolean exactly) {
            return redirectUris.isEmpty()
                    || redirectUris.contains(uri)
                    || (!exactly && redirectUris.stream().anyMatch(registered -> sameButForPort(registered, uri)));
        }

        /** RFC 8252, 7.3: the port of a loopback redirect URI is the client's to choose, at the time of the request. */
        private static boolean sameButForPort(String registered, String uri) {
            Matcher one = LOOPBACK.matcher(registered);
            Matcher other = LOOPBACK.matcher(uri);
            return one.matches()
                    && other.matches()
                    && one.group(1).equals(other.group(1))
                    && Objects.equals(one.group(2), other.group(2));
        }

        boolean isConfidential() {
            return secret != null || jwks != null || jwksUri != null;
        }

        boolean mayRefresh() {
            return grantTypes == null || grantTypes.contains("refresh_token");
        }

        @Override
        public String toString() {
            return "Client[id=" + id + "]";
        }
    }

    record User(String id, String givenName, String familyName, String email) {
        String name() {
            return givenName + " " + familyName;
        }
    }
}
