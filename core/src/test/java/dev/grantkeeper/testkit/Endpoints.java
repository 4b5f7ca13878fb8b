/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.testkit;

import dev.grantkeeper.testkit.Settings.Client;
import dev.grantkeeper.testkit.Settings.User;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/** The endpoints of the authorization server. Stateless: the state is in {@link Grants}. */
final class Endpoints {
    static final String DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code";
    static final String CIBA = "urn:openid:params:grant-type:ciba";
    static final String TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";
    static final String JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";

    private static final List<String> HINTS = List.of("login_hint", "login_hint_token", "id_token_hint");

    private final Settings settings;
    private final Grants grants;
    private final Counters counters;
    private final ClientDocuments documents;
    private final ClientAssertions assertions;
    private final DPoPProofs proofs;

    Endpoints(Settings settings, Grants grants, Counters counters, ClientDocuments documents) {
        this.documents = documents;
        this.assertions = new ClientAssertions(settings);
        this.proofs = new DPoPProofs(settings);
        this.settings = settings;
        this.grants = grants;
        this.counters = counters;
    }

    // ---- Authorization endpoint, RFC 6749, 3.1 -------------------------------------------------------------------

    /** A request whose client and redirect URI are right. The error is for the client, by way of the browser. */
    record Authorization(
            Client client,
            String redirectUri,
            Map<String, String> params,
            List<String> resources,
            @Nullable Refused error) {
        String scope() {
            return params.getOrDefault("scope", "");
        }

        @Override
        public String toString() {
            return "Authorization[client=" + client.id() + "]";
        }
    }

    Answer authorize(RecordedRequest request) {
        try {
            Authorization authorization = read(request.query());
            if (request.method().equals("POST")) {
                Map<String, String> decision = request.params();
                return Answer.redirect(
                        "accept".equals(decision.get("decision"))
                                ? accept(authorization, decision.getOrDefault("user", ""))
                                : refuse(authorization));
            }
            String user = settings.autoApprove;
            if (authorization.error() != null || user != null) {
                return Answer.redirect(accept(authorization, user == null ? "" : user));
            }
            return Pages.login(settings, authorization, request.query());
        } catch (Refused e) {
            // RFC 6749, 4.1.2.1: never redirect to a URI that is not registered for the client.
            return Pages.error(settings, e.error().toUpperCase(Locale.ROOT) + ": " + e.description());
        } catch (IllegalArgumentException e) {
            return Pages.error(settings, "INVALID_REQUEST: " + e.getMessage());
        }
    }

    Authorization read(String query) throws Refused {
        Map<String, String> params = settings.dialects.standard(Http.params(query));
        Client client = known(Http.get(params, "client_id"));
        String redirectUri = Http.get(params, "redirect_uri");
        if (redirectUri == null || !client.mayRedirectTo(redirectUri, settings.exactRedirectUris)) {
            throw new Refused(
                    "invalid_client",
                    "Invalid redirect URI: "
                            + (redirectUri == null ? "none was sent" : redirectUri)
                            + "; registered for client " + client.id() + ": "
                            + String.join(", ", client.redirectUris()));
        }
        settings.clientsInUse.add(client.id());
        return new Authorization(client, redirectUri, params, Http.all(query, "resource"), check(params));
    }

    private @Nullable Refused check(Map<String, String> params) {
        if (!"code".equals(params.get("response_type"))) {
            return new Refused("unsupported_response_type", "response_type must be code");
        }
        String challenge = Http.get(params, "code_challenge");
        if (challenge != null && !"S256".equals(params.get("code_challenge_method"))) {
            return new Refused("invalid_request", "code_challenge_method must be S256");
        }
        if ("none".equals(params.get("prompt")) && settings.autoApprove == null) {
            return new Refused("login_required", "Nobody is signed in");
        }
        return null;
    }

    /** The URL for the browser after the user has agreed, or where no prompt is allowed. */
    String accept(Authorization authorization, String userId) {
        Refused error = authorization.error();
        if (error != null) {
            return callback(authorization, Map.of("error", error.error(), "error_description", error.description()));
        }
        User user = user(userId);
        prepareToSign(authorization.scope());
        Map<String, String> params = authorization.params();
        return callback(
                authorization,
                Map.of(
                        "code",
                        grants.issueCode(
                                authorization.client(),
                                user,
                                authorization.redirectUri(),
                                authorization.scope(),
                                Http.get(params, "code_challenge"),
                                Http.get(params, "nonce"),
                                authorization.resources())));
    }

    String refuse(Authorization authorization) {
        return callback(
                authorization,
                Map.of("error", "access_denied", "error_description", "The user has refused the request"));
    }

    private String callback(Authorization authorization, Map<String, String> result) {
        Map<String, String> params = new LinkedHashMap<>(result);
        String state = Http.get(authorization.params(), "state");
        if (state != null) {
            params.put("state", state);
        }
        if (settings.issuerInCallback) {
            params.put("iss", settings.url);
        }
        settings.dialects.sign(params, authorization.client());
        return Http.withParams(authorization.redirectUri(), params);
    }

    // ---- Token endpoint, RFC 6749, 3.2 ---------------------------------------------------------------------------

    void count(RecordedRequest request) {
        counters.tokenRequests.incrementAndGet();
        String text = request.text();
        String body = request.isJson() ? "&grant_type=" + Json.texts(text).get("grant_type") + "&" : "&" + text + "&";
        if (body.contains("&grant_type=refresh_token&")) {
            counters.refreshRequests.incrementAndGet();
        } else if (body.contains("&grant_type=authorization_code&")) {
            counters.codeRequests.incrementAndGet();
        }
    }

    Answer token(RecordedRequest request) {
        try {
            Map<String, String> params = form(request);
            Client client = authenticate(request, params);
            List<String> resources = request.resources();
            String key = settings.dpop
                    ? proofs.verify(request, settings.url + FakeAuthorizationServer.TOKEN, settings.dpopNonce, null)
                    : null;
            String grantType = params.getOrDefault("grant_type", "");
            Grants.Tokens tokens = switch (grantType) {
                case "authorization_code" ->
                    grants.redeem(
                            required(params, "code"),
                            client,
                            Http.get(params, "redirect_uri"),
                            Http.get(params, "code_verifier"),
                            resources);
                case "refresh_token" -> {
                    grants.requireKey(required(params, "refresh_token"), key);
                    yield grants.refresh(
                            required(params, "refresh_token"), client, Http.get(params, "scope"), resources);
                }
                case "client_credentials" -> {
                    if (!client.isConfidential()) {
                        throw new Refused("unauthorized_client", "Only for confidential clients");
                    }
                    yield grants.clientCredentials(params.getOrDefault("scope", ""), resources);
                }
                case DEVICE_CODE -> grants.redeemDevice(required(params, "device_code"), client);
                case CIBA -> grants.redeemAuthReqId(required(params, "auth_req_id"), client);
                case TOKEN_EXCHANGE ->
                    grants.exchange(
                            client, subject(params, "subject_token"), params.getOrDefault("scope", ""), resources);
                case JWT_BEARER ->
                    grants.exchange(client, subject(params, "assertion"), params.getOrDefault("scope", ""), resources);
                default -> throw new Refused("unsupported_grant_type", "Unknown grant_type");
            };
            Map<String, Object> response = response(client, tokens);
            if (key != null) {
                grants.bind(tokens, key);
                response.put("token_type", "DPoP");
            }
            if (grantType.equals(TOKEN_EXCHANGE)) {
                response.put("issued_token_type", "urn:ietf:params:oauth:token-type:access_token");
            }
            response = settings.dialects.inAllPlaces(response, tokens.user());
            return Answer.json(200, Json.write(settings.tokenResponse.apply(response)))
                    .header("Cache-Control", "no-store")
                    .header("Pragma", "no-cache");
        } catch (Refused e) {
            return error(e);
        } catch (IllegalArgumentException e) {
            return error(new Refused("invalid_request", String.valueOf(e.getMessage())));
        }
    }

    /** RFC 8693, 2.2.2: a token that is not accepted is an invalid request; Microsoft calls it an invalid grant. */
    private String subject(Map<String, String> params, String name) throws Refused {
        String token = required(params, name);
        if (!grants.accepts(token)) {
            throw new Refused(
                    name.equals("assertion") ? "invalid_grant" : "invalid_request", name + " is not accepted");
        }
        return token;
    }

    private Map<String, Object> response(Client client, Grants.Tokens tokens) {
        Map<String, Object> response = new LinkedHashMap<>();
        response.put("access_token", tokens.access());
        response.put("token_type", settings.dialects.tokenType());
        String expiresIn = settings.expiresIn;
        if (settings.truthfulExpiresIn) {
            response.put("expires_in", settings.accessTokenLifetime.toSeconds());
        } else if (expiresIn != null) {
            response.put("expires_in", new Json.Raw(expiresIn));
        }
        if (tokens.refresh() != null) {
            response.put("refresh_token", tokens.refresh());
        }
        response.put("scope", tokens.scope());
        User user = tokens.user();
        if (user != null && Grants.scopes(tokens.scope()).contains("openid")) {
            response.put("id_token", idToken(client, user, tokens.authorizedAt(), tokens.nonce()));
        }
        return response;
    }

    private String idToken(Client client, User user, Instant authorizedAt, @Nullable String nonce) {
        long now = settings.time.instant().getEpochSecond();
        Map<String, Object> claims = new LinkedHashMap<>();
        claims.put("iss", settings.url);
        claims.put("aud", client.id());
        claims.put("iat", now);
        claims.put("exp", now + 3600);
        claims.put("auth_time", authorizedAt.getEpochSecond());
        if (nonce != null) {
            claims.put("nonce", nonce);
        }
        claims.putAll(claims(user));
        return Jwt.sign(settings.idTokenClaims.apply(claims), settings.signing, settings.signingKey.get());
    }

    private Map<String, Object> claims(User user) {
        Map<String, Object> claims = new LinkedHashMap<>();
        claims.put("sub", user.id());
        claims.put("name", user.name());
        claims.put("given_name", user.givenName());
        claims.put("family_name", user.familyName());
        claims.put("preferred_username", user.id());
        claims.put("email", user.email());
        claims.putAll(settings.extraClaims);
        return claims;
    }

    // ---- The others ----------------------------------------------------------------------------------------------

    /** RFC 7009. */
    Answer revoke(RecordedRequest request) {
        counters.revocations.incrementAndGet();
        try {
            Map<String, String> params = form(request);
            Client client = authenticate(request, params);
            grants.revokeToken(required(params, "token"), client);
            return Answer.status(200);
        } catch (Refused e) {
            return error(e);
        } catch (IllegalArgumentException e) {
            return error(new Refused("invalid_request", String.valueOf(e.getMessage())));
        }
    }

    /** RFC 8628, 3.1. */
    Answer device(RecordedRequest request) {
        try {
            Map<String, String> params = form(request);
            Client client = authenticate(request, params);
            Grants.Device device = grants.beginOnDevice(client, params.getOrDefault("scope", ""));
            String page = settings.url + FakeAuthorizationServer.DEVICE;
            Map<String, Object> response = new LinkedHashMap<>();
            response.put("device_code", device.code);
            response.put("user_code", device.key);
            response.put("verification_uri", page);
            response.put("verification_uri_complete", page + "?user_code=" + device.key);
            response.put("expires_in", Grants.DECOUPLED_LIFETIME.toSeconds());
            response.put("interval", settings.deviceInterval.toSeconds());
            return Answer.json(200, Json.write(settings.deviceResponse.apply(response)))
                    .header("Cache-Control", "no-store");
        } catch (Refused e) {
            return error(e);
        } catch (IllegalArgumentException e) {
            return error(new Refused("invalid_request", String.valueOf(e.getMessage())));
        }
    }

    /** The page on which the user types the code in. */
    Answer devicePage(RecordedRequest request) {
        if (!request.method().equals("POST")) {
            return Pages.device(settings, request.queryParams().getOrDefault("user_code", ""));
        }
        Map<String, String> decision = request.params();
        try {
            boolean accepted = "accept".equals(decision.get("decision"));
            decide(decision.getOrDefault("user_code", ""), accepted ? decision.getOrDefault("user", "") : null);
            return Pages.done(settings, accepted);
        } catch (IllegalArgumentException e) {
            return Pages.error(settings, String.valueOf(e.getMessage()));
        }
    }

    void decide(String userCode, @Nullable String userId) {
        User user = userId == null ? null : user(userId);
        prepareToSign(grants.decideOnDevice(userCode.strip().toUpperCase(Locale.ROOT), user));
    }

    /** OpenID Connect CIBA Core 1.0, 7. */
    Answer backchannel(RecordedRequest request) {
        try {
            Map<String, String> params = form(request);
            Client client = authenticate(request, params);
            if (!client.isConfidential()) {
                throw new Refused("unauthorized_client", "Only for confidential clients");
            }
            String scope = params.getOrDefault("scope", "");
            if (params.containsKey("request")) {
                throw new Refused("invalid_request", "This server reads no signed requests");
            }
            if (!Grants.scopes(scope).contains("openid")) {
                throw new Refused("invalid_request", "scope must contain openid");
            }
            User user = hinted(params);
            String token = Http.get(params, "client_notification_token");
            if (settings.notificationEndpoints.containsKey(client.id()) != (token != null)) {
                throw new Refused(
                        "invalid_request",
                        token == null
                                ? "The client is registered for ping mode and has to send a client_notification_token"
                                : "The client has no notification endpoint: call notificationEndpoint(…)");
            }
            String expiry = Http.get(params, "requested_expiry");
            if (expiry != null && !expiry.matches("[1-9][0-9]{0,8}")) {
                throw new Refused("invalid_request", "requested_expiry must be a positive number");
            }
            Duration lifetime =
                    expiry == null ? Grants.DECOUPLED_LIFETIME : Duration.ofSeconds(Integer.parseInt(expiry));
            Map<String, Object> response = new LinkedHashMap<>();
            response.put("auth_req_id", grants.beginInBackchannel(client, user, scope, token, lifetime).code);
            response.put("expires_in", lifetime.toSeconds());
            response.put("interval", settings.backchannelInterval.toSeconds());
            prepareToSign(scope);
            return Answer.json(200, Json.write(settings.backchannelResponse.apply(response)))
                    .header("Cache-Control", "no-store");
        } catch (Refused e) {
            return error(e);
        } catch (IllegalArgumentException e) {
            return error(new Refused("invalid_request", String.valueOf(e.getMessage())));
        }
    }

    /** The user whom a request names. A {@code login_hint_token} is read as the hint that it is. */
    private User hinted(Map<String, String> params) throws Refused {
        List<String> hints =
                HINTS.stream().filter(name -> Http.get(params, name) != null).toList();
        if (hints.size() != 1) {
            throw new Refused("invalid_request", "Exactly one must be supplied of " + String.join(", ", HINTS));
        }
        String hint = required(params, hints.get(0));
        User user = settings.user(
                hints.get(0).equals("id_token_hint")
                        ? String.valueOf(Jwt.claims(hint).get("sub"))
                        : hint);
        if (user == null) {
            throw new Refused("unknown_user_id", "There is no user with this hint, only " + settings.users.keySet());
        }
        return user;
    }

    /** The decision of a user about backchannel logins; they expire with {@code null}. */
    void decideInBackchannel(String userId, @Nullable Boolean accepted) {
        for (Grants.Device login : grants.decideInBackchannel(user(userId), accepted)) {
            BiConsumer<String, String> endpoint = settings.notificationEndpoints.get(login.client.id());
            if (accepted != null && endpoint != null && login.notificationToken != null) {
                endpoint.accept("Bearer " + login.notificationToken, Json.write(Map.of("auth_req_id", login.code)));
            }
        }
    }

    private User user(String id) {
        User user = settings.users.get(id);
        if (user == null) {
            throw new IllegalArgumentException("There is no user " + id + ", only " + settings.users.keySet());
        }
        return user;
    }

    /** Called while a person waits, since people wait longer than programs. */
    private void prepareToSign(String scope) {
        if (Grants.scopes(scope).contains("openid")) {
            Jwt.make(settings.signing, settings.signingKey.get());
        }
    }

    /** RFC 7662. */
    Answer introspect(RecordedRequest request) {
        try {
            Map<String, String> params = form(request);
            Client client = authenticate(request, params);
            if (!client.isConfidential()) {
                throw new Refused("invalid_client", "Only for confidential clients");
            }
            Map<String, Object> claims = grants.introspect(required(params, "token"));
            return Answer.json(200, Json.write(claims == null ? Map.of("active", false) : claims));
        } catch (Refused e) {
            return error(e);
        } catch (IllegalArgumentException e) {
            return error(new Refused("invalid_request", String.valueOf(e.getMessage())));
        }
    }

    /** OpenID Connect RP-Initiated Logout. Nobody is signed in here, so nothing ends but the visit. */
    Answer endSession(RecordedRequest request) {
        Map<String, String> params = request.method().equals("POST") ? request.params() : request.queryParams();
        String next = Http.get(params, "post_logout_redirect_uri");
        String state = Http.get(params, "state");
        return next == null
                ? Pages.signedOut(settings)
                : Answer.redirect(Http.withParams(next, state == null ? Map.of() : Map.of("state", state)));
    }

    Answer jwks() {
        return Answer.json(200, Jwt.jwks(settings.signingKey.get()));
    }

    /** OpenID Connect Core, 5.3. */
    Answer userInfo(@Nullable User user) {
        return user == null ? Answer.status(403) : Answer.json(200, Json.write(claims(user)));
    }

    /** OpenID Connect Discovery and RFC 8414. */
    Answer metadata() {
        Map<String, Object> metadata = new LinkedHashMap<>();
        metadata.put("issuer", settings.url);
        metadata.put("authorization_endpoint", settings.url + FakeAuthorizationServer.AUTHORIZE);
        metadata.put("token_endpoint", settings.url + FakeAuthorizationServer.TOKEN);
        metadata.put("revocation_endpoint", settings.url + FakeAuthorizationServer.REVOKE);
        metadata.put("device_authorization_endpoint", settings.url + FakeAuthorizationServer.DEVICE_AUTHORIZATION);
        metadata.put(
                "backchannel_authentication_endpoint",
                settings.url + FakeAuthorizationServer.BACKCHANNEL_AUTHENTICATION);
        metadata.put("backchannel_token_delivery_modes_supported", List.of("poll", "ping"));
        metadata.put("introspection_endpoint", settings.url + FakeAuthorizationServer.INTROSPECT);
        metadata.put("jwks_uri", settings.url + FakeAuthorizationServer.JWKS);
        metadata.put("userinfo_endpoint", settings.url + FakeAuthorizationServer.USERINFO);
        metadata.put("response_types_supported", List.of("code"));
        metadata.put("response_modes_supported", List.of("query"));
        metadata.put(
                "grant_types_supported",
                List.of(
                        "authorization_code",
                        "refresh_token",
                        "client_credentials",
                        DEVICE_CODE,
                        CIBA,
                        TOKEN_EXCHANGE,
                        JWT_BEARER));
        metadata.put("subject_types_supported", List.of("public"));
        metadata.put("id_token_signing_alg_values_supported", List.of("RS256"));
        metadata.put("scopes_supported", settings.scopesSupported);
        metadata.put("token_endpoint_auth_methods_supported", settings.authMethods);
        if (settings.dpop) {
            metadata.put("dpop_signing_alg_values_supported", DPoPProofs.ALGORITHMS);
        }
        if (settings.clientDocuments) {
            metadata.put("client_id_metadata_document_supported", true);
        }
        if (settings.registration) {
            metadata.put("registration_endpoint", settings.url + FakeAuthorizationServer.REGISTER);
        }
        metadata.put("code_challenge_methods_supported", List.of("S256"));
        metadata.put("authorization_response_iss_parameter_supported", settings.issuerInCallback);
        return Answer.json(200, Json.write(settings.metadata.apply(metadata)));
    }

    // ---- Helpers -------------------------------------------------------------------------------------------------

    private Map<String, String> form(RecordedRequest request) throws Refused {
        if (!request.method().equals("POST")) {
            throw new Refused("invalid_request", "Only POST");
        }
        String type = request.header("Content-Type").orElse("");
        if (!type.startsWith("application/x-www-form-urlencoded") && !request.isJson()) {
            throw new Refused("invalid_request", "The body must be application/x-www-form-urlencoded");
        }
        return settings.dialects.standard(request.params());
    }

    /** RFC 6749, 2.3.1: id and secret are form-encoded before they are joined for Basic. */
    private Client authenticate(RecordedRequest request, Map<String, String> params) throws Refused {
        String id = Http.get(params, "client_id");
        String secret = Http.get(params, "client_secret");
        String basic = Http.credentials(request, "Basic");
        String assertion = Http.get(params, "client_assertion");
        if (assertion != null) {
            return authenticate(id, params, assertion);
        }
        if (basic != null) {
            if (secret != null) {
                throw new Refused("invalid_request", "A client must not authenticate twice");
            }
            String pair = new String(Base64.getDecoder().decode(basic), StandardCharsets.UTF_8);
            int colon = pair.indexOf(':');
            if (colon < 0 || (id != null && !id.equals(Http.decode(pair.substring(0, colon))))) {
                throw new Refused("invalid_client", "Invalid client");
            }
            id = Http.decode(pair.substring(0, colon));
            secret = Http.decode(pair.substring(colon + 1));
        }
        Client client = accepted(id);
        String method = client.method();
        if (method != null && !method.equals(basic != null ? "client_secret_basic" : inBody(secret))) {
            throw new Refused("invalid_client", "The client is registered for " + method);
        }
        String expected = client.secret() == null ? "" : client.secret();
        if (!expected.equals(secret == null ? "" : secret)) {
            throw new Refused("invalid_client", "Invalid client secret");
        }
        Instant end = client.secretExpiresAt();
        if (end != null && !settings.time.instant().isBefore(end)) {
            throw new Refused("invalid_client", "The client secret expired");
        }
        settings.clientsInUse.add(client.id());
        return client;
    }

    /** RFC 7523, 2.2. */
    private Client authenticate(@Nullable String id, Map<String, String> params, String assertion) throws Refused {
        Client client = accepted(id == null ? ClientAssertions.subject(assertion) : id);
        String method = client.method();
        if (!"private_key_jwt".equals(method)
                || !ClientAssertions.TYPE.equals(params.get("client_assertion_type"))
                || Http.get(params, "client_secret") != null) {
            throw new Refused("invalid_client", "The client is registered for " + method);
        }
        assertions.verify(client, assertion);
        settings.clientsInUse.add(client.id());
        return client;
    }

    private Client accepted(@Nullable String id) throws Refused {
        Client client = known(id);
        if (settings.clientsToReject.getAndUpdate(left -> Math.max(0, left - 1)) > 0) {
            throw new Refused("invalid_client", "Invalid client, for now");
        }
        return client;
    }

    private static String inBody(@Nullable String secret) {
        return secret == null ? "none" : "client_secret_post";
    }

    Client known(@Nullable String id) throws Refused {
        Client client = settings.clients.get(id == null ? "" : id);
        if (client == null && id != null && settings.clientDocuments && ClientDocuments.isUrl(id)) {
            return documents.find(id);
        }
        if (client == null) {
            throw new Refused(
                    "invalid_client",
                    "Invalid client: "
                            + (id == null ? "no client_id was sent" : id)
                            + "; registered: "
                            + (settings.clients.isEmpty()
                                    ? "none"
                                    : String.join(", ", new TreeSet<>(settings.clients.keySet()))));
        }
        return client;
    }

    private static String required(Map<String, String> params, String name) throws Refused {
        String value = Http.get(params, name);
        if (value == null) {
            throw new Refused("invalid_request", name + " must be supplied");
        }
        return value;
    }

    /** RFC 6749, 5.2. */
    private Answer error(Refused refused) {
        Map<String, Object> body = new LinkedHashMap<>();
        body.put("error", refused.error());
        body.put("error_description", refused.description());
        Answer answer = Answer.json(400, Json.write(settings.dialects.inAllPlaces(body, null)))
                .header("Cache-Control", "no-store");
        String nonce = settings.dpopNonce;
        if (refused.error().equals("use_dpop_nonce") && nonce != null) {
            answer = answer.header("DPoP-Nonce", nonce);
        }
        if (refused.error().equals("invalid_client") && settings.invalidClientStatus != 400) {
            answer = answer.withStatus(settings.invalidClientStatus);
            if (settings.invalidClientStatus == 401) {
                answer = answer.header("WWW-Authenticate", "Basic realm=\"" + FakeAuthorizationServer.REALM + "\"");
            }
        }
        return answer;
    }
}
