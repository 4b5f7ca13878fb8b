/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.testkit;

import dev.grantkeeper.testkit.Settings.Client;
import java.net.URI;
import java.net.URISyntaxException;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Dynamic client registration (RFC 7591) and its management (RFC 7592). Thread-safe. */
final class Registrations {
    private static final Set<String> GRANT_TYPES = Set.of(
            "authorization_code",
            "refresh_token",
            "client_credentials",
            Endpoints.DEVICE_CODE,
            Endpoints.CIBA,
            Endpoints.TOKEN_EXCHANGE,
            Endpoints.JWT_BEARER);

    /** Members that the server sets, and clients do not. */
    private static final Set<String> OURS = Set.of(
            "client_id",
            "client_secret",
            "client_id_issued_at",
            "client_secret_expires_at",
            "registration_access_token",
            "registration_client_uri");

    private final Settings settings;
    private final Grants grants;
    private final Counters counters;
    private final SecureRandom random = new SecureRandom();
    private final Map<String, Registered> registered = new ConcurrentHashMap<>();

    Registrations(Settings settings, Grants grants, Counters counters) {
        this.settings = settings;
        this.grants = grants;
        this.counters = counters;
    }

    /** A client that registered itself: the token that manages it, and the answer that it got. */
    private record Registered(String token, Map<String, Object> answer) {
        @Override
        public String toString() {
            return "Registered[redacted]";
        }
    }

    /** {@code POST} to the registration endpoint. */
    Answer register(RecordedRequest request) {
        try {
            if (!settings.registration) {
                return FakeApis.notFound(request.path());
            }
            if (!request.method().equals("POST")) {
                return Answer.status(405);
            }
            String required = settings.initialAccessToken;
            if (required != null && !required.equals(Http.credentials(request, "Bearer"))) {
                return unauthorized();
            }
            Map<String, Object> metadata = check(request);
            String id = "client-" + random(12);
            metadata.put("client_id", id);
            metadata.put("client_id_issued_at", settings.time.instant().getEpochSecond());
            if (hasSecret(metadata)) {
                Duration lifetime = settings.clientSecretLifetime;
                metadata.put("client_secret", "secret-" + random(24));
                metadata.put(
                        "client_secret_expires_at",
                        lifetime == null
                                ? 0
                                : settings.time.instant().plus(lifetime).getEpochSecond());
            }
            String token = "registration-" + random(24);
            if (settings.registrationManagement) {
                metadata.put("registration_access_token", token);
                metadata.put("registration_client_uri", settings.url + FakeAuthorizationServer.REGISTER + "/" + id);
            }
            Map<String, Object> answer = settings.registrationResponse.apply(metadata);
            keep(id, token, answer);
            counters.registrations.incrementAndGet();
            return answer(201, answer);
        } catch (Refused e) {
            return refused(e);
        }
    }

    /** {@code GET}, {@code PUT} and {@code DELETE} of the client's own URL. */
    Answer manage(RecordedRequest request) {
        String path = request.path();
        String id = path.substring(path.lastIndexOf('/') + 1);
        if (!settings.registration || !settings.registrationManagement) {
            return FakeApis.notFound(path);
        }
        if (request.method().equals("GET")) {
            counters.registrationReads.incrementAndGet();
        }
        // RFC 7592, 2.1: the token of a client that is gone is not valid any longer, hence 401 and not 404.
        Registered client = registered.get(id);
        if (client == null || !client.token().equals(Http.credentials(request, "Bearer"))) {
            return unauthorized();
        }
        return switch (request.method()) {
            case "GET" -> answer(200, client.answer());
            case "PUT" -> update(request, id, client);
            case "DELETE" -> {
                counters.registrationDeletes.incrementAndGet();
                forget(id);
                grants.revokeClient(id);
                yield Answer.status(204);
            }
            default -> Answer.status(405);
        };
    }

    private Answer update(RecordedRequest request, String id, Registered before) {
        try {
            if (!id.equals(JsonReader.object(request.text()).get("client_id"))) {
                throw new Refused("invalid_client_metadata", "client_id must be the client's");
            }
            Map<String, Object> metadata = check(request);
            for (Map.Entry<String, Object> member : before.answer().entrySet()) {
                if (OURS.contains(member.getKey())) {
                    metadata.put(member.getKey(), member.getValue());
                }
            }
            if (!hasSecret(metadata)) {
                metadata.remove("client_secret");
                metadata.remove("client_secret_expires_at");
            } else if (!metadata.containsKey("client_secret")) {
                metadata.put("client_secret", "secret-" + random(24));
                metadata.put("client_secret_expires_at", 0);
            }
            keep(id, before.token(), metadata);
            return answer(200, metadata);
        } catch (Refused e) {
            return refused(e);
        } catch (IllegalArgumentException e) {
            return refused(new Refused("invalid_client_metadata", String.valueOf(e.getMessage())));
        }
    }

    /** The client that the answer describes: what a test has changed in it holds. */
    private void keep(String id, String token, Map<String, Object> answer) throws Refused {
        try {
            registered.put(id, new Registered(token, answer));
            settings.clients.put(id, Client.of(id, answer));
        } catch (IllegalArgumentException e) {
            throw new Refused("invalid_client_metadata", String.valueOf(e.getMessage()));
        }
    }

    void forget(String id) {
        registered.remove(id);
        settings.clients.remove(id);
    }

    /** RFC 7591, 2: the metadata with their defaults. */
    private Map<String, Object> check(RecordedRequest request) throws Refused {
        if (!request.isJson()) {
            throw new Refused("invalid_client_metadata", "The body must be application/json");
        }
        try {
            Map<String, Object> metadata = JsonReader.object(request.text());
            metadata.keySet().removeAll(OURS);
            metadata.putIfAbsent("grant_types", List.of("authorization_code"));
            metadata.putIfAbsent("response_types", List.of("code"));
            metadata.putIfAbsent("token_endpoint_auth_method", "client_secret_basic");
            List<String> grantTypes = JsonReader.texts(metadata, "grant_types");
            if (grantTypes == null || !GRANT_TYPES.containsAll(grantTypes)) {
                throw new Refused("invalid_client_metadata", "grant_types are not supported");
            }
            boolean codes = grantTypes.contains("authorization_code");
            List<String> responseTypes = JsonReader.texts(metadata, "response_types");
            if (responseTypes == null || !List.of("code").containsAll(responseTypes)) {
                throw new Refused("invalid_client_metadata", "response_types are not supported");
            }
            if (codes && !responseTypes.contains("code")) {
                throw new Refused("invalid_client_metadata", "authorization_code needs the response type code");
            }
            Object method = metadata.get("token_endpoint_auth_method");
            if (!settings.authMethods.contains(String.valueOf(method))) {
                throw new Refused("invalid_client_metadata", "token_endpoint_auth_method is not supported");
            }
            if ("private_key_jwt".equals(method) && metadata.get("jwks") == null && metadata.get("jwks_uri") == null) {
                throw new Refused("invalid_client_metadata", "private_key_jwt needs jwks or jwks_uri");
            }
            List<String> redirectUris = JsonReader.texts(metadata, "redirect_uris");
            if (codes && (redirectUris == null || redirectUris.isEmpty())) {
                throw new Refused("invalid_redirect_uri", "redirect_uris must be supplied");
            }
            for (String uri : redirectUris == null ? List.<String>of() : redirectUris) {
                if (!mayBeRedirectUri(uri)) {
                    throw new Refused("invalid_redirect_uri", "Invalid redirect URI: " + uri);
                }
            }
            return metadata;
        } catch (IllegalArgumentException e) {
            throw new Refused("invalid_client_metadata", String.valueOf(e.getMessage()));
        }
    }

    /** https, http on loopback, and schemes of applications (RFC 8252, 7), none with a fragment. */
    static boolean mayBeRedirectUri(String uri) {
        try {
            URI parsed = new URI(uri);
            String scheme = parsed.getScheme();
            if (scheme == null || parsed.getRawFragment() != null) {
                return false;
            }
            return switch (scheme) {
                case "https" -> parsed.getHost() != null;
                case "http" -> Settings.LOOPBACK.matcher(uri).matches();
                default -> scheme.contains(".");
            };
        } catch (URISyntaxException e) {
            return false;
        }
    }

    private static boolean hasSecret(Map<String, Object> metadata) {
        return String.valueOf(metadata.get("token_endpoint_auth_method")).startsWith("client_secret_");
    }

    private static Answer answer(int status, Map<String, Object> body) {
        return Answer.json(status, Json.write(body))
                .header("Cache-Control", "no-store")
                .header("Pragma", "no-cache");
    }

    private static Answer refused(Refused refused) {
        Map<String, Object> body = new LinkedHashMap<>();
        body.put("error", refused.error());
        body.put("error_description", refused.description());
        return answer(400, body);
    }

    private static Answer unauthorized() {
        return Answer.json(401, "{\"error\":\"invalid_token\"}")
                .header("WWW-Authenticate", "Bearer error=\"invalid_token\"");
    }

    private String random(int length) {
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        return Jwt.base64(bytes);
    }
}
