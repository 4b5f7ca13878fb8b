/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.crypto.RSASSASigner;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jose.jwk.gen.RSAKeyGenerator;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import dev.grantkeeper.LoginResult.Declined;
import dev.grantkeeper.LoginResult.SignedIn;
import dev.grantkeeper.internal.provider.Facts;
import dev.grantkeeper.internal.provider.ProviderFacts;
import dev.grantkeeper.provider.ClientAuthentication;
import dev.grantkeeper.provider.EntraId;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.provider.Providers;
import dev.grantkeeper.provider.Spotify;
import dev.grantkeeper.token.Identity;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.Period;
import java.util.ArrayList;
import java.util.Date;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import mockwebserver3.Dispatcher;
import mockwebserver3.MockResponse;
import mockwebserver3.RecordedRequest;
import okhttp3.HttpUrl;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import okio.ByteString;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What real servers send, and what an application then hears, stores and sends next: each vector of
 * {@code provider-vectors.json} through the public API, with the preset of its provider, from a server that answers
 * with the vector's own bytes.
 */
@Timeout(300)
class ProviderVectorsTest {
    private static final String REDIRECT = "https://app.example/cb";
    private static final String SECRET = "a-secret-of-more-than-thirty-two-bytes";
    private static final String TENANT = "11111111-2222-4333-8444-555555555555";

    /**
     * What a vector says that nothing here concludes: an id that MSAL makes of {@code client_info}, which this library
     * does not ask for, and Salesforce's word for when it issued a token, where the time of receipt counts. The rest
     * explains or repeats.
     */
    private static final Set<String> NOT_CONCLUDED = Set.of(
            "homeAccountId", "issuedAtMillis", "note", "message", "expiresInSource", "kind", "rule", "issuerTemplate");

    private static RSAKey key;
    private static RSAKey consumersKey;

    private final MockProvider mock = new MockProvider();
    private final Set<String> concluded = new LinkedHashSet<>();

    @BeforeAll
    static void makeKeys() throws Exception {
        key = new RSAKeyGenerator(2048).keyID("org1").generate();
        consumersKey = new RSAKeyGenerator(2048).keyID("msa1").generate();
    }

    @AfterEach
    void close() {
        mock.close();
    }

    private record Vector(JsonNode json) {
        String provider() {
            return json.path("provider").asText();
        }

        String phase() {
            return json.path("phase").asText();
        }

        String kind() {
            return json.path("expect").path("kind").asText();
        }

        JsonNode expected() {
            return json.path("expect");
        }

        JsonNode context() {
            return json.path("context");
        }

        String category() {
            return expected().path("category").asText();
        }

        String body() {
            JsonNode body = json.path("body");
            return body.isTextual() ? body.textValue() : body.toString();
        }

        MockResponse answer() {
            return answer(body());
        }

        MockResponse answer(String body) {
            MockResponse.Builder answer =
                    new MockResponse.Builder().code(json.path("status").asInt()).body(body);
            String type = json.path("contentType").asText();
            if (!type.isEmpty()) {
                answer.setHeader("Content-Type", type);
            }
            json.path("headers").properties().forEach(header -> {
                if (!header.getKey().equalsIgnoreCase("Content-Length")) {
                    answer.addHeader(header.getKey(), header.getValue().asText());
                }
            });
            return answer.build();
        }

        @Override
        public String toString() {
            return provider() + " " + json.path("case").asText();
        }
    }

    static List<Vector> all() throws IOException {
        List<Vector> all = new ArrayList<>();
        try (InputStream in = ProviderVectorsTest.class.getResourceAsStream("provider-vectors.json")) {
            new JsonMapper().readTree(in).forEach(one -> all.add(new Vector(one)));
        }
        return all;
    }

    private static Stream<Vector> some(String kind, String... phases) throws IOException {
        return all().stream()
                .filter(vector -> vector.kind().equals(kind) && Set.of(phases).contains(vector.phase()));
    }

    static Stream<Vector> tokens() throws IOException {
        return some("token", "token");
    }

    static Stream<Vector> refreshes() throws IOException {
        return some("token", "refresh");
    }

    static Stream<Vector> refusedCodes() throws IOException {
        return some("error", "token");
    }

    static Stream<Vector> refusedRefreshes() throws IOException {
        return some("error", "refresh");
    }

    static Stream<Vector> refusedExchanges() throws IOException {
        return some("error", "obo");
    }

    static Stream<Vector> devices() throws IOException {
        return Stream.concat(some("error", "device"), some("device", "device"));
    }

    static Stream<Vector> redirects() throws IOException {
        return some("redirect-error", "redirect");
    }

    static Stream<Vector> apis() throws IOException {
        return some("api-error", "api");
    }

    static Stream<Vector> users() throws IOException {
        return some("user", "api");
    }

    static Stream<Vector> discoveries() throws IOException {
        return Stream.concat(some("discovery", "discovery"), some("jwks", "discovery"));
    }

    @Test
    void no_vector_is_left_out() throws IOException {
        long taken = Stream.of(
                        tokens(),
                        refreshes(),
                        refusedCodes(),
                        refusedRefreshes(),
                        refusedExchanges(),
                        devices(),
                        redirects(),
                        apis(),
                        users(),
                        discoveries())
                .mapToLong(Stream::count)
                .sum();
        assertThat(all()).hasSize(77);
        assertThat(taken).isEqualTo(77);
    }

    // ---- The parts ------------------------------------------------------------------------------------------------

    private static Provider preset(String name) {
        return switch (name) {
            case "spotify" -> Spotify.provider();
            case "entra-v2" -> EntraId.provider("common");
            case "entra-v1" -> EntraId.version1("common");
            case "github" -> Providers.gitHub();
            case "slack" -> Providers.slack();
            case "facebook" -> Providers.facebook();
            case "salesforce" -> Providers.salesforce(Providers.Environment.PRODUCTION);
            case "notion" -> Providers.notion();
            case "zoho" -> Providers.zoho(Providers.ZohoDataCenter.EU);
            case "twitch" -> Providers.twitch();
            case "quickbooks" -> Providers.quickBooks(Providers.Environment.PRODUCTION);
            case "apple" -> Providers.apple("TEAM123456");
            case "fitbit" -> Providers.fitbit();
            case "shopify" -> Providers.shopify("example");
            case "hubspot" -> Providers.hubSpot();
            case "auth0" -> Providers.auth0("example.eu.auth0.com");
            case "tiktok" -> Providers.tikTok();
            case "linkedin" -> Providers.linkedIn();
            case "strava" -> Providers.strava();
            case "gitlab" -> Providers.gitLab();
            case "stripe-app" -> Providers.stripeApps();
            case "figma" -> Providers.figma();
            case "mailchimp" -> Providers.mailchimp();
            default -> throw new IllegalArgumentException(name);
        };
    }

    /** The preset, at this server. */
    private Provider.Builder here(Provider preset) {
        Provider.Builder here = preset.newBuilder()
                .allowHttpOnLoopback()
                .authorizationEndpoint(mock.url("/authorize"))
                .tokenEndpoint(mock.url("/token"))
                .revocationEndpoint(null)
                .deviceAuthorizationEndpoint(mock.url("/device"))
                .clientAuthentication(ClientAuthentication.SECRET_POST)
                .apiOrigins(mock.url("/"));
        if (Facts.of(preset).refreshEndpoint != null) {
            here.refreshEndpoint(mock.url("/refresh"));
        }
        if (Facts.of(preset).profileEndpoint != null) {
            here.profileEndpoint(mock.url("/me"), Facts.of(preset).profileClaims);
        }
        preset.issuer().ifPresent(issuer -> here.openId(issuer, mock.url("/keys")));
        return here;
    }

    private Grantkeeper.Builder registration(Provider preset) {
        return mock.registration(here(preset)).clientSecret(SECRET).redirectUri(REDIRECT);
    }

    private Grantkeeper node(Vector vector) {
        return mock.node(registration(preset(vector.provider())));
    }

    private LoginResult login(Grantkeeper node, Provider preset, JsonNode callback) throws Exception {
        PendingLogin login = node.startLogin();
        return node.finishLogin(login, query(login, preset, callback));
    }

    /** The query with which the provider's page would send the browser back. */
    private String query(PendingLogin login, Provider preset, JsonNode callback) {
        String state = HttpUrl.get(login.url().toString()).queryParameter("state");
        HttpUrl.Builder url = HttpUrl.get(REDIRECT).newBuilder();
        url.addQueryParameter("code", "code-1").addQueryParameter("state", state);
        callback.properties()
                .forEach(one -> url.addQueryParameter(
                        one.getKey(), here(preset, one.getValue().asText())));
        String hmac = Facts.of(preset).dialect.callbackHmac;
        if (hmac != null) {
            url.addQueryParameter(hmac, hmac(url.build()));
        }
        return url.build().encodedQuery();
    }

    /** The provider's own server is this one. */
    private String here(Provider preset, String value) {
        URI own = preset.tokenEndpoint();
        return value.equals("https://" + own.getHost()) ? mock.url("/") : value;
    }

    private static String hmac(HttpUrl url) {
        String message = String.join(
                "&",
                new TreeSet<>(url.queryParameterNames())
                        .stream()
                                .map(name -> name + "=" + url.queryParameter(name))
                                .toList());
        return ByteString.encodeUtf8(message)
                .hmacSha256(ByteString.encodeUtf8(SECRET))
                .hex();
    }

    private Account refreshable(Grantkeeper node, Vector vector) throws IOException {
        String before = vector.context().path("previousRefreshToken").asText("refresh-0");
        Account user = node.account("user");
        user.importTokens(TokenSet.builder("access-0")
                .receivedAt(mock.time.clock().instant().minusSeconds(3600))
                .expiresAt(mock.time.clock().instant().minusSeconds(1))
                .refreshToken(before)
                .scopes(Set.of("granted.before"))
                .build());
        return user;
    }

    private int requests() {
        return mock.server.getRequestCount();
    }

    /** An expectation of the vector; that it was looked at is counted. */
    private JsonNode expect(Vector vector, String name) {
        concluded.add(name);
        return vector.expected().path(name);
    }

    private void assertNothingForgotten(Vector vector) {
        Set<String> forgotten = new TreeSet<>();
        vector.expected().fieldNames().forEachRemaining(forgotten::add);
        forgotten.removeAll(concluded);
        forgotten.removeAll(NOT_CONCLUDED);
        assertThat(forgotten).as("expectations that nobody has looked at").isEmpty();
    }

    private static Duration seconds(JsonNode node) {
        return node.isNumber() ? Duration.ofSeconds(node.asLong()) : null;
    }

    private static Set<String> texts(JsonNode array) {
        Set<String> texts = new LinkedHashSet<>();
        array.forEach(one -> texts.add(one.asText()));
        return texts;
    }

    private static Duration between(Instant from, Instant to) {
        return to == null ? null : Duration.between(from, to);
    }

    // ---- Tokens ---------------------------------------------------------------------------------------------------

    @ParameterizedTest
    @MethodSource("tokens")
    void a_login_understands_the_answer_to_a_code(Vector vector) throws Exception {
        switch (vector.context().path("grant").asText()) {
            case "client_credentials" -> {
                // An application has tokens of its own in one tenant only.
                Provider provider = here(vector.provider().equals("entra-v2")
                                ? EntraId.provider(TENANT)
                                : preset(vector.provider()))
                        .build();
                Grantkeeper node = mock.node(mock.registration(provider.newBuilder())
                        .clientSecret(SECRET)
                        .redirectUri(REDIRECT)
                        .scopes("asked.for"));
                mock.server.enqueue(vector.answer());
                assertTokens(vector, provider, node.application().tokens(), Set.of("asked.for"));
            }
            case "jwt-bearer" -> {
                Grantkeeper node = node(vector);
                mock.server.enqueue(vector.answer());
                SignedIn in = (SignedIn)
                        node.exchange(TokenExchange.onBehalfOf("incoming").scopes("asked.for"));
                assertTokens(vector, node.provider(), in.tokens(), Set.of("asked.for"));
            }
            default -> {
                Provider preset = preset(vector.provider());
                boolean openId = vector.json().path("body").has("id_token");
                Grantkeeper.Builder registration = registration(preset).clientId("client-1");
                String resource = vector.json().path("body").path("resource").textValue();
                if (resource != null) {
                    registration.resources(resource);
                }
                Grantkeeper node = mock.node(openId ? registration.scopes("openid", "a") : registration);
                SignedIn in = openId ? loginWithIdToken(vector, node) : signedIn(vector, node, preset);
                Set<String> asked = openId ? Set.of("openid", "a") : Set.of("a", "b");
                assertTokens(vector, node.provider(), in.tokens(), asked);
                assertUser(vector, in);
                expect(vector, "callbackExtras")
                        .properties()
                        .forEach(extra -> assertThat(in.callbackParameters())
                                .containsEntry(extra.getKey(), extra.getValue().asText()));
                assertStored(vector, in);
            }
        }
        assertNothingForgotten(vector);
    }

    private SignedIn signedIn(Vector vector, Grantkeeper node, Provider preset) throws Exception {
        mock.server.enqueue(vector.answer());
        return (SignedIn) login(node, preset, vector.context().path("callback"));
    }

    /** The vector's claims, in a token of now, for this login and this client, and signed. */
    private SignedIn loginWithIdToken(Vector vector, Grantkeeper node) throws Exception {
        PendingLogin login = node.startLogin();
        String nonce = HttpUrl.get(login.url().toString()).queryParameter("nonce");
        ObjectNode body = vector.json().path("body").deepCopy();
        SignedJWT sample = SignedJWT.parse(body.path("id_token").asText());
        Instant now = mock.time.clock().instant();
        JWTClaimsSet.Builder claims = new JWTClaimsSet.Builder(sample.getJWTClaimsSet())
                .audience("client-1")
                .issueTime(Date.from(now))
                .notBeforeTime(null)
                .expirationTime(Date.from(now.plusSeconds(3600)))
                .claim("nonce", nonce);
        body.put("id_token", sign(claims.build(), key));
        answer(Map.of("/token", vector.answer(body.toString()), "/keys", keys(List.of(key), null)));
        return (SignedIn) node.finishLogin(
                login, query(login, node.provider(), vector.context().path("callback")));
    }

    private void answer(Map<String, MockResponse> byPath) {
        mock.server.setDispatcher(new Dispatcher() {
            @Override
            public MockResponse dispatch(RecordedRequest request) {
                return byPath.getOrDefault(
                        request.getUrl().encodedPath(),
                        new MockResponse.Builder().code(404).build());
            }
        });
    }

    private static String sign(JWTClaimsSet claims, RSAKey with) throws Exception {
        SignedJWT jwt = new SignedJWT(
                new JWSHeader.Builder(JWSAlgorithm.RS256).keyID(with.getKeyID()).build(), claims);
        jwt.sign(new RSASSASigner(with));
        return jwt.serialize();
    }

    /** A key set, each key with its issuer where the vector says one. */
    private static MockResponse keys(List<RSAKey> keys, JsonNode like) throws Exception {
        ObjectNode set = JsonMapper.builder().build().createObjectNode();
        for (RSAKey one : keys) {
            ObjectNode json =
                    (ObjectNode) new JsonMapper().readTree(one.toPublicJWK().toJSONString());
            if (like != null) {
                like.forEach(described -> {
                    if (described.path("kid").asText().equals(one.getKeyID())) {
                        json.set("issuer", described.path("issuer"));
                    }
                });
            }
            set.withArray("keys").add(json);
        }
        return MockProvider.json(200, set.toString());
    }

    private void assertTokens(Vector vector, Provider provider, TokenSet tokens, Set<String> asked) {
        assertThat(tokens.accessToken()).isEqualTo(expect(vector, "accessToken").asText());
        String refreshToken = expect(vector, "refreshToken").textValue();
        assertThat(tokens.refreshToken().orElse(null)).isEqualTo(refreshToken);
        switch (expect(vector, "refreshTokenAction").asText()) {
            case "none" -> assertThat(refreshToken).isNull();
            case "keep" ->
                assertThat(refreshToken)
                        .isEqualTo(vector.context().path("previousRefreshToken").asText());
            default ->
                assertThat(refreshToken)
                        .isEqualTo(
                                vector.json().path("body").path("refresh_token").asText());
        }
        assertThat(between(tokens.receivedAt(), tokens.expiresAt().orElse(null)))
                .isEqualTo(seconds(expect(vector, "expiresInSeconds")));
        JsonNode scopes = expect(vector, "scopes");
        Set<String> onRedirect = vector.context().path("callback").has("scope")
                ? Set.of(
                        vector.context().path("callback").path("scope").asText().split(","))
                : asked;
        assertThat(tokens.scopes()).isEqualTo(scopes.isArray() ? texts(scopes) : onRedirect);
        assertThat(between(tokens.receivedAt(), tokens.refreshAt().orElse(null)))
                .isEqualTo(seconds(expect(vector, "refreshAfterSeconds")));
        assertThat(between(tokens.receivedAt(), tokens.refreshTokenExpiresAt().orElse(null)))
                .isEqualTo(seconds(expect(vector, "refreshTokenExpiresInSeconds")));
        JsonNode base = expect(vector, "apiBase");
        assertThat(tokens.apiBase()
                        .map(uri -> uri.toString().replaceAll("/$", ""))
                        .orElse(null))
                .isEqualTo(base.textValue());
        ProviderFacts facts = Facts.of(provider);
        assertThat(facts.dialect.tokenScheme)
                .isEqualTo(
                        expect(vector, "apiAuthHeader").isTextual()
                                ? ""
                                : expect(vector, "apiAuthScheme").asText("Bearer"));
        assertThat(facts.dialect.tokenHeader)
                .isEqualTo(expect(vector, "apiAuthHeader").asText("Authorization"));
        JsonNode age = expect(vector, "refreshTokenMaxAge");
        if (age.isTextual()) {
            assertThat(facts.refreshTokenLifetime).isEqualTo(Period.parse(age.asText()));
            Provider.Anchor anchor =
                    facts.refreshTokenLifetimeFromLogin ? Provider.Anchor.AUTHORIZATION : Provider.Anchor.LAST_USE;
            assertThat(anchor.name())
                    .isEqualToIgnoringCase(
                            expect(vector, "refreshTokenAgeAnchor").asText());
        }
        JsonNode still = expect(vector, "oldRefreshTokenStillValid");
        if (still.isBoolean()) {
            assertThat(provider.replay() == Provider.Replay.PROMPT).isEqualTo(still.asBoolean());
        }
        JsonNode resource = expect(vector, "resource");
        if (resource.isTextual() && vector.phase().equals("token")) {
            assertThat(tokens.resources()).containsExactly(resource.asText());
        }
    }

    private void assertUser(Vector vector, SignedIn in) throws Exception {
        JsonNode subject = expect(vector, "subject");
        if (subject.isTextual()) {
            assertThat(in.identity().map(Identity::subject)).contains(subject.asText());
        }
        JsonNode verified = expect(vector, "emailVerified");
        if (verified.isBoolean()) {
            assertThat(String.valueOf(in.identity().orElseThrow().claims().get("email_verified")))
                    .isEqualTo(String.valueOf(verified.asBoolean()));
        }
        JsonNode claims = expect(vector, "idTokenClaims");
        if (claims.isObject()) {
            Identity user = in.identity().orElseThrow();
            assertThat(user.issuer()).isEqualTo(claims.path("iss").asText());
            assertThat(user.subject()).isEqualTo(claims.path("sub").asText());
            for (String claim : List.of("oid", "tid", "ver")) {
                assertThat(user.claims().get(claim))
                        .isEqualTo(claims.path(claim).textValue());
            }
            assertThat(user.familyName().orElse(null))
                    .isEqualTo(claims.path("family_name").textValue());
            assertThat(user.givenName().orElse(null))
                    .isEqualTo(claims.path("given_name").textValue());
            assertThat(user.userName()).contains("ada@contoso.example");
        }
        JsonNode account = expect(vector, "accountKey");
        if (account.isArray()) {
            Map<String, Object> known = in.identity().orElseThrow().claims();
            assertThat(List.of(known.get("tid"), known.get("oid")))
                    .isEqualTo(List.of(account.get(0).asText(), account.get(1).asText()));
        }
        JsonNode others = expect(vector, "secondaryTokens");
        if (others.isArray()) {
            JsonNode other = others.get(0);
            Grantkeeper users = mock.node(registration(Providers.slackUser()).registration("users"));
            mock.server.enqueue(vector.answer());
            SignedIn user = (SignedIn)
                    login(users, Providers.slackUser(), vector.context().path("callback"));
            assertThat(user.tokens().accessToken())
                    .isEqualTo(other.path("accessToken").asText());
            assertThat(user.tokens().scopes()).isEqualTo(texts(other.path("scopes")));
            assertThat(user.identity().map(Identity::subject))
                    .contains(other.path("subject").asText());
        }
    }

    /** Everything that was understood comes out of the store as it went in. */
    private void assertStored(Vector vector, SignedIn in) throws Exception {
        Account kept = in.keepAs("user");
        assertThat(kept.tokens()).isEqualTo(in.tokens());
        assertThat(kept.grant().orElseThrow().identity()).isEqualTo(in.identity());
    }

    @ParameterizedTest
    @MethodSource("refreshes")
    void a_refresh_keeps_what_the_answer_does_not_replace(Vector vector) throws Exception {
        Grantkeeper node = node(vector);
        Account user = refreshable(node, vector);
        Instant authorized = user.grant().orElseThrow().authorizedAt();
        mock.server.enqueue(vector.answer());
        String resource = vector.context().path("resource").textValue();
        Account asked = resource == null ? user : user.forResource(resource, mock.url("/"));
        if (resource == null) {
            assertTokens(vector, node.provider(), user.tokens(), Set.of("granted.before"));
        } else {
            // The refresh token is the grant's, whatever it was sent for; the access token is this resource's own.
            assertThat(asked.tokens().accessToken())
                    .isEqualTo(expect(vector, "accessToken").asText());
            assertThat(MockProvider.form(mock.server.takeRequest()))
                    .containsEntry("resource", expect(vector, "resource").asText())
                    .containsEntry(
                            "refresh_token",
                            vector.context().path("previousRefreshToken").asText());
            mock.server.enqueue(MockProvider.tokens());
            assertThat(user.tokens().refreshToken())
                    .contains(expect(vector, "refreshToken").asText());
            assertThat(between(
                            asked.tokens().receivedAt(),
                            asked.tokens().expiresAt().orElse(null)))
                    .isEqualTo(seconds(expect(vector, "expiresInSeconds")));
            concluded.addAll(Set.of("refreshTokenAction", "scopes"));
        }
        assertThat(user.grant().orElseThrow().authorizedAt()).isEqualTo(authorized);
        assertNothingForgotten(vector);
    }

    // ---- Refusals -------------------------------------------------------------------------------------------------

    @ParameterizedTest
    @MethodSource("refusedCodes")
    void a_refused_code_leaves_stored_grants_alone(Vector vector) throws Exception {
        Provider preset = preset(vector.provider());
        Grantkeeper node = node(vector);
        Account other = node.account("other");
        other.importTokens(
                TokenSet.builder("access-0").refreshToken("refresh-0").build());
        mock.server.enqueue(vector.answer());
        String code = expect(vector, "errorCode").textValue();
        switch (expect(vector, "category").asText()) {
            case "NEW_LOGIN_REQUIRED" ->
                assertThat(login(node, preset, vector.context().path("callback")))
                        .isInstanceOfSatisfying(Declined.class, declined -> {
                            assertThat(declined.error()).isEqualTo(code);
                            assertCorrelation(vector, declined.description().orElse(""));
                        });
            case "CLIENT_MISCONFIGURED", "BAD_REQUEST" ->
                assertFails(
                        vector,
                        AuthorizationServerException.Kind.MISCONFIGURED,
                        () -> login(node, preset, vector.context().path("callback")));
            default -> throw new AssertionError(vector.category());
        }
        assertThat(expect(vector, "discardRefreshToken").asBoolean()).isFalse();
        assertThat(other.tokens().refreshToken()).contains("refresh-0");
        assertThat(expect(vector, "retryAfterSeconds").isNull()).isTrue();
        assertNothingForgotten(vector);
    }

    private interface Call {
        Object make() throws Exception;
    }

    private AuthorizationServerException assertFails(Vector vector, AuthorizationServerException.Kind kind, Call call) {
        AuthorizationServerException failure = catchThrowableOfType(AuthorizationServerException.class, call::make);
        assertThat(failure).isNotNull();
        assertThat(failure.kind()).isEqualTo(kind);
        assertThat(failure.error().orElse(null))
                .isEqualTo(expect(vector, "errorCode").textValue());
        assertThat(failure.retryAfter().orElse(null)).isEqualTo(seconds(expect(vector, "retryAfterSeconds")));
        assertCorrelation(vector, failure.description().orElse(""));
        return failure;
    }

    /** The ids that support asks for are in the messages that developers read. */
    private void assertCorrelation(Vector vector, String description) {
        JsonNode id = expect(vector, "correlationId");
        if (id.isTextual()) {
            assertThat(description).contains(id.asText());
        }
    }

    @ParameterizedTest
    @MethodSource("refusedRefreshes")
    void a_refused_refresh_ends_a_grant_only_where_the_server_says_so(Vector vector) throws Exception {
        Grantkeeper node = node(vector);
        Account user = refreshable(node, vector);
        mock.server.enqueue(vector.answer());
        switch (expect(vector, "category").asText()) {
            case "REAUTH_REQUIRED" -> {
                assertLoginRequired(vector, user::tokens, LoginRequiredException.Reason.REFUSED);
                assertThat(expect(vector, "discardRefreshToken").asBoolean()).isTrue();
                assertNotAskedAgain(vector, user, LoginRequiredException.Reason.REFUSED);
            }
            case "INTERACTION_REQUIRED" -> {
                LoginRequiredException required =
                        assertLoginRequired(vector, user::tokens, LoginRequiredException.Reason.INTERACTION);
                assertThat(json(required.loginParameters().get("claims")))
                        .isEqualTo(json(expect(vector, "claims").asText()));
                assertNotAskedAgain(vector, user, LoginRequiredException.Reason.INTERACTION);
                assertThat(parameter(node.newLogin().inResponseTo(required).start(), "claims"))
                        .isEqualTo(required.loginParameters().get("claims"));
                // The refresh token is kept: an operator who reconsiders has the server asked with the same one.
                assertThat(expect(vector, "discardRefreshToken").asBoolean()).isFalse();
                user.clearRefusal();
                assertGoesOn(user);
            }
            case "BLOCKED_BY_POLICY" -> {
                assertFails(vector, AuthorizationServerException.Kind.BLOCKED, user::tokens);
                int asked = requests();
                concluded.add("claims"); // a login would not help, so there is nothing to answer with
                AuthorizationServerException again =
                        catchThrowableOfType(AuthorizationServerException.class, user::tokens);
                assertThat(again.kind()).isEqualTo(AuthorizationServerException.Kind.BLOCKED);
                assertThat(requests()).isEqualTo(asked);
                assertThat(user.grant().orElseThrow().loginRequired()).isEmpty();
                assertThat(expect(vector, "automaticRetry").asBoolean()).isFalse();
                assertThat(expect(vector, "discardRefreshToken").asBoolean()).isFalse();
                mock.time.pass(Duration.ofMinutes(2));
                assertGoesOn(user);
            }
            case "CLIENT_MISCONFIGURED", "BAD_REQUEST" -> {
                assertFails(vector, AuthorizationServerException.Kind.MISCONFIGURED, user::tokens);
                assertThat(expect(vector, "discardRefreshToken").asBoolean()).isFalse();
                mock.time.pass(Duration.ofMinutes(2));
                assertGoesOn(user);
            }
            case "RETRY_LATER" -> {
                assertFails(vector, AuthorizationServerException.Kind.TEMPORARY, user::tokens);
                assertThat(expect(vector, "discardRefreshToken").asBoolean()).isFalse();
                mock.time.pass(Duration.ofMinutes(2));
                assertGoesOn(user);
            }
            default -> throw new AssertionError(vector.category());
        }
        concluded.addAll(Set.of("automaticRetry", "retryAfterSeconds"));
        assertNothingForgotten(vector);
    }

    private LoginRequiredException assertLoginRequired(Vector vector, Call call, LoginRequiredException.Reason reason) {
        LoginRequiredException required = catchThrowableOfType(LoginRequiredException.class, call::make);
        assertThat(required).isNotNull();
        assertThat(required.reason()).isEqualTo(reason);
        assertThat(required.error().orElse(null))
                .isEqualTo(expect(vector, "errorCode").textValue());
        assertCorrelation(vector, String.valueOf(required.getMessage()));
        return required;
    }

    private void assertNotAskedAgain(Vector vector, Account user, LoginRequiredException.Reason reason)
            throws Exception {
        int asked = requests();
        mock.time.pass(Duration.ofHours(2));
        assertLoginRequired(vector, user::tokens, reason);
        assertThat(requests()).isEqualTo(asked);
        assertThat(user.grant().orElseThrow().loginRequired()).contains(reason);
    }

    /** With the refresh token that was there before. */
    private void assertGoesOn(Account user) throws Exception {
        while (mock.server.takeRequest(0, TimeUnit.MILLISECONDS) != null) {
            // those of before
        }
        mock.server.enqueue(MockProvider.tokens());
        assertThat(user.tokens().accessToken()).isEqualTo("at");
        assertThat(MockProvider.form(mock.server.takeRequest())).containsEntry("refresh_token", "refresh-0");
    }

    private static JsonNode json(String text) throws IOException {
        return new JsonMapper().readTree(text);
    }

    private static String parameter(PendingLogin login, String name) {
        return HttpUrl.get(login.url().toString()).queryParameter(name);
    }

    @ParameterizedTest
    @MethodSource("refusedExchanges")
    void what_a_downstream_api_wants_reaches_the_caller_of_the_one_in_the_middle(Vector vector) throws Exception {
        Grantkeeper node = node(vector);
        mock.server.enqueue(vector.answer());
        assertThat(expect(vector, "category").asText()).isEqualTo("INTERACTION_REQUIRED");
        LoginRequiredException required = assertLoginRequired(
                vector,
                () -> node.account(TokenExchange.onBehalfOf("incoming").scopes("a"))
                        .tokens(),
                LoginRequiredException.Reason.INTERACTION);
        assertThat(json(required.loginParameters().get("claims")))
                .isEqualTo(json(expect(vector, "claims").asText()));
        assertThat(expect(vector, "discardRefreshToken").asBoolean()).isFalse();
        assertThat(expect(vector, "retryAfterSeconds").isNull()).isTrue();
        assertNothingForgotten(vector);
    }

    // ---- Devices and browsers -------------------------------------------------------------------------------------

    @ParameterizedTest
    @MethodSource("devices")
    void a_login_on_another_device_goes_as_the_server_says(Vector vector) throws Exception {
        Grantkeeper node = node(vector);
        mock.server.enqueue(
                vector.kind().equals("device")
                        ? vector.answer()
                        : MockProvider.json(
                                200,
                                "{\"user_code\":\"ABCD\",\"device_code\":\"device-code-1\",\"verification_uri\":\"https://v.example/\","
                                        + "\"expires_in\":900,\"interval\":1}"));
        Instant before = mock.time.clock().instant();
        DeviceLogin login = node.newLogin().startOnDevice();
        switch (vector.kind().equals("device")
                ? "start"
                : expect(vector, "category").asText()) {
            case "start" -> {
                assertThat(login.userCode()).isEqualTo("ABCD-EFGH");
                assertThat(login.verificationUriComplete().map(URI::toString).orElse(null))
                        .isEqualTo(expect(vector, "verificationUriComplete").textValue());
                Duration lives = seconds(expect(vector, "expiresInSeconds"));
                assertThat(login.expiresAt())
                        .isBetween(
                                before.plus(lives), mock.time.clock().instant().plus(lives));
                concluded.add("interval"); // DeviceLoginTest counts the seconds
            }
            case "PENDING" -> {
                mock.server.enqueue(vector.answer());
                mock.server.enqueue(MockProvider.tokens());
                assertThat(node.awaitLogin(login)).isInstanceOf(SignedIn.class);
                assertThat(requests()).isEqualTo(3);
            }
            case "USER_DENIED" -> {
                mock.server.enqueue(vector.answer());
                assertThat(((Declined) node.awaitLogin(login)).byUser()).isTrue();
            }
            case "BAD_REQUEST" -> {
                mock.server.enqueue(vector.answer());
                assertFails(vector, AuthorizationServerException.Kind.MISCONFIGURED, () -> node.awaitLogin(login));
            }
            default -> throw new AssertionError(vector.category());
        }
        concluded.addAll(Set.of("errorCode", "discardRefreshToken", "retryAfterSeconds", "correlationId"));
        assertNothingForgotten(vector);
    }

    @ParameterizedTest
    @MethodSource("redirects")
    void a_no_through_the_browser_is_a_declined_login(Vector vector) throws Exception {
        Grantkeeper node = node(vector);
        PendingLogin login = node.startLogin();
        String query = URI.create(vector.body())
                .getRawQuery()
                .replaceAll(
                        "state=[^&]*", "state=" + URLEncoder.encode(parameter(login, "state"), StandardCharsets.UTF_8));
        Declined declined = (Declined) node.finishLogin(login, query);
        assertThat(declined.error()).isEqualTo(expect(vector, "errorCode").asText());
        assertThat(declined.byUser())
                .isEqualTo(expect(vector, "category").asText().equals("USER_DENIED"));
        assertNothingForgotten(vector);
    }

    // ---- APIs -----------------------------------------------------------------------------------------------------

    @ParameterizedTest
    @MethodSource("apis")
    void an_api_that_says_no_costs_a_refresh_only_where_that_helps(Vector vector) throws Exception {
        Grantkeeper node = node(vector);
        Account user = node.account("user");
        user.importTokens(TokenSet.builder("access-0")
                .expiresAt(mock.time.clock().instant().plusSeconds(3600))
                .refreshToken("refresh-0")
                .build());
        mock.server.enqueue(vector.answer());
        OkHttpClient api = user.wrap(mock.http);
        Request request = new Request.Builder().url(mock.url("/things")).build();
        switch (expect(vector, "category").asText()) {
            case "REFRESH_AND_RETRY_ONCE", "REAUTH_OR_REFRESH" -> {
                mock.server.enqueue(MockProvider.tokens());
                mock.server.enqueue(new MockResponse.Builder().body("well").build());
                try (Response response = api.newCall(request).execute()) {
                    assertThat(response.body().string()).isEqualTo("well");
                }
                assertThat(requests()).isEqualTo(3);
                if (vector.category().equals("REAUTH_OR_REFRESH")) {
                    assertThat(callWithoutRefreshToken(vector, node))
                            .isEqualTo(LoginRequiredException.Reason.NO_REFRESH_TOKEN);
                }
            }
            case "REAUTH_REQUIRED" ->
                assertThat(callWithoutRefreshToken(vector, node))
                        .isEqualTo(LoginRequiredException.Reason.NO_REFRESH_TOKEN);
            case "INSUFFICIENT_SCOPE", "RETRY_LATER" -> {
                try (Response response = api.newCall(request).execute()) {
                    assertThat(response.code())
                            .isEqualTo(vector.json().path("status").asInt());
                    // As long as the server says: nothing is cut, and nothing waited.
                    assertThat(response.header("Retry-After"))
                            .isEqualTo(
                                    expect(vector, "retryAfterSeconds").isNumber()
                                            ? vector.expected()
                                                    .path("retryAfterSeconds")
                                                    .asText()
                                            : null);
                    assertThat(response.body().string()).isEqualTo(vector.body());
                }
                assertThat(expect(vector, "refresh").asBoolean(false)).isFalse();
                assertThat(requests()).isEqualTo(1);
            }
            case "CLAIMS_CHALLENGE" -> {
                LoginRequiredException required = catchThrowableOfType(
                        LoginRequiredException.class, () -> api.newCall(request).execute());
                assertThat(required.reason()).isEqualTo(LoginRequiredException.Reason.CLAIMS);
                assertThat(json(required.loginParameters().get("claims")))
                        .isEqualTo(json(expect(vector, "claims").asText()));
                assertThat(expect(vector, "dropRefreshToken").asBoolean()).isFalse();
                assertThat(user.grant().orElseThrow().loginRequired()).isEmpty();
                concluded.add("dropAccessToken"); // another login replaces it; until then it serves what takes it
            }
            default -> throw new AssertionError(vector.category());
        }
        assertNothingForgotten(vector);
    }

    private LoginRequiredException.Reason callWithoutRefreshToken(Vector vector, Grantkeeper node) throws Exception {
        Account user = node.account("without");
        user.importTokens(TokenSet.builder("access-1").build());
        mock.server.enqueue(vector.answer());
        return catchThrowableOfType(
                        LoginRequiredException.class,
                        () -> user.wrap(mock.http)
                                .newCall(new Request.Builder()
                                        .url(mock.url("/things"))
                                        .build())
                                .execute())
                .reason();
    }

    @ParameterizedTest
    @MethodSource("users")
    void a_profile_without_name_and_address_is_a_user_all_the_same(Vector vector) throws Exception {
        Provider preset = preset(vector.provider());
        Grantkeeper node = mock.node(registration(preset).fetchProfile());
        mock.server.enqueue(MockProvider.tokens());
        mock.server.enqueue(vector.answer());
        Identity user =
                ((SignedIn) login(node, preset, vector.context())).identity().orElseThrow();
        assertThat(user.subject()).isEqualTo(expect(vector, "subject").asText());
        assertThat(user.name().orElse(null)).isEqualTo(expect(vector, "name").textValue());
        assertThat(user.email().orElse(null)).isEqualTo(expect(vector, "email").textValue());
        assertThat(user.claims()).doesNotContainKey("email_verified");
        assertThat(expect(vector, "emailVerified").asBoolean()).isFalse();
        assertNothingForgotten(vector);
    }

    // ---- Who issues -----------------------------------------------------------------------------------------------

    @ParameterizedTest
    @MethodSource("discoveries")
    void entra_vouches_for_a_user_of_the_tenant_that_the_token_names_and_for_no_other(Vector vector) throws Exception {
        if (vector.kind().equals("jwks")) {
            MockResponse keys =
                    keys(List.of(key, consumersKey), vector.json().path("body").path("keys"));
            String issuer = "https://login.microsoftonline.com/" + TENANT + "/v2.0";
            assertThat(isAccepted(vector, keys, key, issuer, TENANT)).isTrue();
            assertThat(isAccepted(vector, keys, consumersKey, issuer, TENANT)).isFalse();
            return;
        }
        MockResponse keys = keys(List.of(key), null);
        for (JsonNode accepted : expect(vector, "accept")) {
            assertThat(isAccepted(
                            vector,
                            keys,
                            key,
                            accepted.path("iss").asText(),
                            accepted.path("tid").asText()))
                    .isTrue();
        }
        for (JsonNode rejected : expect(vector, "reject")) {
            assertThat(isAccepted(
                            vector,
                            keys,
                            key,
                            rejected.path("iss").asText(),
                            rejected.path("tid").asText()))
                    .as(rejected.path("why").asText().toLowerCase(Locale.ROOT))
                    .isFalse();
        }
        assertNothingForgotten(vector);
    }

    private boolean isAccepted(Vector vector, MockResponse keys, RSAKey with, String issuer, String tenant)
            throws Exception {
        Grantkeeper node = mock.node(registration(preset(vector.provider())).scopes("openid"));
        PendingLogin login = node.startLogin();
        Instant now = mock.time.clock().instant();
        String idToken = sign(
                new JWTClaimsSet.Builder()
                        .issuer(issuer)
                        .subject("sub")
                        .audience(MockProvider.CLIENT)
                        .claim("tid", tenant)
                        .claim("nonce", parameter(login, "nonce"))
                        .issueTime(Date.from(now))
                        .expirationTime(Date.from(now.plusSeconds(600)))
                        .build(),
                with);
        MockResponse tokens = MockProvider.json(
                200, "{\"access_token\":\"at\",\"token_type\":\"Bearer\",\"id_token\":\"" + idToken + "\"}");
        answer(Map.of("/token", tokens, "/keys", keys));
        try {
            return node.finishLogin(login, query(login, node.provider(), vector.context())) instanceof SignedIn;
        } catch (AuthorizationServerException e) {
            assertThat(e.kind()).isEqualTo(AuthorizationServerException.Kind.MALFORMED);
            return false;
        }
    }
}
