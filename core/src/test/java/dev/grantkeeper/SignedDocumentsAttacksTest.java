/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.grantkeeper.token.Identity;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.PrivateKey;
import java.security.Signature;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import mockwebserver3.Dispatcher;
import mockwebserver3.MockResponse;
import mockwebserver3.RecordedRequest;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Made-up JWTs in every place where a document is signed: metadata of servers and of APIs, introspections, claims. */
@Timeout(300)
class SignedDocumentsAttacksTest {
    private static final String SIGNER = "https://signer.example";
    private static final String ALG = "\"alg\":\"ES256\"";
    private static final String KID = "\"kid\":\"k1\"";
    private static final Jwe.Signer KEY = new Jwe.Signer();
    private static final Jwe.Signer STRANGER = new Jwe.Signer();

    private final MockProvider mock = new MockProvider();
    private final List<String> elsewhere = new CopyOnWriteArrayList<>();
    private volatile String signed = "";
    private Grantkeeper node;

    /** The readers of signed documents. */
    enum Document {
        SERVER,
        API,
        INTROSPECTION,
        CLAIMS
    }

    @BeforeEach
    void start() {
        mock.server.setDispatcher(new Dispatcher() {
            @Override
            public MockResponse dispatch(RecordedRequest request) {
                String path = request.getUrl().encodedPath();
                return switch (path) {
                    case "/jwks" -> MockProvider.json(200, keys());
                    case "/introspect" ->
                        new MockResponse.Builder().code(200).body(signed).build();
                    case "/as/.well-known/openid-configuration" ->
                        MockProvider.json(
                                200,
                                "{\"issuer\":\"" + mock.url("/as") + "\",\"authorization_endpoint\":\""
                                        + mock.url("/plain")
                                        + "\",\"token_endpoint\":\"" + mock.url("/plain") + "\",\"signed_metadata\":\""
                                        + signed + "\"}");
                    case "/.well-known/oauth-protected-resource/mcp" ->
                        MockProvider.json(
                                200,
                                "{\"resource\":\"" + mock.url("/mcp") + "\",\"authorization_servers\":[\""
                                        + mock.url("/plain") + "\"],\"signed_metadata\":\"" + signed + "\"}");
                    default -> {
                        if (!path.startsWith("/.well-known/")) {
                            elsewhere.add(path);
                        }
                        yield new MockResponse.Builder().code(404).build();
                    }
                };
            }
        });
        node = mock.node(mock.registration(mock.provider().introspectionEndpoint(mock.url("/introspect")))
                .signedIntrospection()
                .claimsProvider(SIGNER, mock.url("/jwks"), mock.url("/claims")));
    }

    @AfterEach
    void close() {
        mock.close();
    }

    private static String keys() {
        return KEY.jwks();
    }

    private String issuer(Document document) {
        return document == Document.INTROSPECTION ? MockProvider.ISSUER : SIGNER;
    }

    private String members(Document document) {
        return switch (document) {
            case SERVER -> "\"issuer\":\"" + mock.url("/as") + "\",\"token_endpoint\":\"" + mock.url("/signed") + "\"";
            case API ->
                "\"resource\":\"" + mock.url("/mcp") + "\",\"authorization_servers\":[\"" + mock.url("/signed") + "\"]";
            case INTROSPECTION -> "\"aud\":[\"" + MockProvider.CLIENT + "\"],\"token_introspection\":{\"active\":true}";
            case CLAIMS -> "\"balance\":7";
        };
    }

    /** The usual claims, and others. */
    private String payload(Document document, String... more) {
        StringBuilder json = new StringBuilder("{\"iss\":\"" + issuer(document) + "\"");
        if (document == Document.INTROSPECTION && !String.join("", more).contains("\"iat\"")) {
            json.append(",\"iat\":").append(Instant.now().getEpochSecond());
        }
        json.append(',').append(members(document));
        for (String member : more) {
            json.append(',').append(member);
        }
        return json.append('}').toString();
    }

    private static String header(Document document, String... members) {
        String type = document == Document.INTROSPECTION ? ",\"typ\":\"token-introspection+jwt\"" : "";
        return "{" + String.join(",", members) + type + "}";
    }

    private static String base64(String text) {
        return base64(text.getBytes(StandardCharsets.UTF_8));
    }

    private static String base64(byte[] bytes) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }

    private static byte[] signature(String input, String algorithm, Jwe.Signer with) throws Exception {
        PrivateKey secret = with.privateKey();
        Signature signature = Signature.getInstance(algorithm);
        signature.initSign(secret);
        signature.update(input.getBytes(StandardCharsets.UTF_8));
        return signature.sign();
    }

    private static String sign(String header, String payload, Jwe.Signer with) throws Exception {
        String input = base64(header) + "." + base64(payload);
        return input + "." + base64(signature(input, "SHA256withECDSAinP1363Format", with));
    }

    private static String sign(String header, String payload) throws Exception {
        return sign(header, payload, KEY);
    }

    /** Reads it; an exception of another kind than the declared ones fails the test. */
    private boolean accepted(Document document, String jwt) {
        signed = jwt;
        Object[] result = new Object[1];
        Throwable thrown = catchThrowable(() -> result[0] = read(document));
        if (thrown == null) {
            return result[0].equals(true);
        }
        if (document == Document.SERVER) {
            assertThat(thrown).isInstanceOf(IOException.class).hasCauseInstanceOf(IllegalArgumentException.class);
        } else {
            assertThat(thrown).isInstanceOf(AuthorizationServerException.class);
            assertThat(((AuthorizationServerException) thrown).kind())
                    .isEqualTo(AuthorizationServerException.Kind.MALFORMED);
        }
        return false;
    }

    private boolean read(Document document) throws Exception {
        return switch (document) {
            case SERVER ->
                Discovery.of(mock.url("/as"))
                        .allowHttpOnLoopback()
                        .signedMetadata(SIGNER, keys())
                        .fetch()
                        .tokenEndpoint()
                        .toString()
                        .equals(mock.url("/signed"));
            case API -> {
                try (ProtectedApis fresh = ProtectedApis.builder(
                                ClientMetadata.named("Acme").redirectUri(MockProvider.REDIRECT))
                        .tokenStore(mock.store)
                        .allowPlaintextTokens()
                        .allowHttpOnLoopback()
                        .signedMetadata(SIGNER, keys())
                        .build()) {
                    yield fresh.issuerOf(mock.url("/mcp")).equals(mock.url("/signed"));
                }
            }
            case INTROSPECTION -> node.introspect("the-token").active();
            case CLAIMS ->
                node.fetchClaims(
                                Identity.of(
                                        MockProvider.ISSUER,
                                        "alice",
                                        Map.of(
                                                "_claim_names",
                                                Map.of("balance", "src"),
                                                "_claim_sources",
                                                Map.of("src", Map.of("JWT", signed)))),
                                SIGNER)
                        .containsKey("balance");
        };
    }

    private void assertAccepted(Document document, String what, String jwt) {
        assertThat(accepted(document, jwt)).as(what).isTrue();
    }

    private void assertRefused(Document document, String what, String jwt) {
        assertThat(accepted(document, jwt)).as(what).isFalse();
    }

    @ParameterizedTest
    @EnumSource
    void a_header_that_points_to_other_keys_leads_nowhere(Document document) throws Exception {
        String payload = payload(document);
        assertAccepted(document, "plain", sign(header(document, ALG, KID), payload));
        List<String> pointers = List.of(
                "\"jku\":\"" + mock.url("/evil-jwks") + "\"",
                "\"x5u\":\"" + mock.url("/evil-x5u") + "\"",
                "\"jwk\":" + STRANGER.publicKey().toJSONString(),
                "\"x5c\":[\"MIIB\"]",
                "\"x5t\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAA\"",
                "\"x5t#S256\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"");
        for (String pointer : pointers) {
            assertRefused(document, pointer, sign(header(document, ALG, KID, pointer), payload, STRANGER));
            assertRefused(document, pointer, sign(header(document, ALG, pointer), payload, STRANGER));
        }
        assertThat(elsewhere).isEmpty();
    }

    /** Members that nobody needs to verify a signature: of certificates, which name the same key once more. */
    @ParameterizedTest
    @EnumSource
    void a_header_that_names_a_certificate_of_the_right_key_costs_nothing(Document document) throws Exception {
        for (String member : List.of(
                "\"x5t\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAA\"",
                "\"x5t#S256\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"",
                "\"jku\":\"" + mock.url("/jwks-of-others") + "\"",
                "\"x5u\":\"" + mock.url("/certificate") + "\"",
                "\"x-unknown\":{\"a\":[1]}")) {
            assertAccepted(document, member, sign(header(document, ALG, KID, member), payload(document)));
        }
        assertThat(elsewhere).isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void a_header_that_can_be_read_in_two_ways_is_refused(Document document) throws Exception {
        String payload = payload(document);
        List<String[]> headers = new ArrayList<>(List.of(
                new String[] {ALG, KID, "\"crit\":[\"b64\"],\"b64\":false"},
                new String[] {ALG, KID, "\"crit\":[\"b64\"],\"b64\":true"},
                new String[] {ALG, KID, "\"crit\":[\"exp\"],\"exp\":1"},
                new String[] {ALG, KID, "\"crit\":[\"alg\"]"},
                new String[] {ALG, KID, "\"crit\":\"bork\""},
                new String[] {ALG, KID, "\"crit\":[\"bork\",\"bork\"]"},
                new String[] {"\"alg\":\"none\"", ALG, KID},
                new String[] {ALG, "\"alg\":\"none\"", KID},
                new String[] {"\"alg\":\"HS256\"", ALG, KID},
                new String[] {ALG, KID, "\"kid\":\"k2\""},
                new String[] {ALG, "\"kid\":\"k2\""},
                new String[] {ALG, "\"kid\":\"K1\""},
                new String[] {ALG, "\"kid\":\"k1 \""},
                new String[] {ALG, "\"kid\":\"../k1\""},
                new String[] {ALG, "\"kid\":\"\""},
                new String[] {ALG, "\"kid\":[\"k1\"]"},
                new String[] {ALG, "\"kid\":{\"kid\":\"k1\"}"},
                new String[] {ALG, "\"kid\":7"},
                new String[] {"\"alg\":[\"ES256\"]", KID},
                new String[] {"\"alg\":\"es256\"", KID},
                new String[] {"\"alg\":\"ES256K\"", KID},
                new String[] {"\"alg\":\"ES384\"", KID},
                new String[] {"\"alg\":\"RS256\"", KID},
                new String[] {"\"alg\":\"EdDSA\"", KID},
                new String[] {"\"alg\":\"none\"", KID},
                new String[] {"\"alg\":\"None\"", KID},
                new String[] {"\"alg\":\"\"", KID},
                new String[] {KID},
                new String[] {ALG, KID, "\"enc\":\"A256GCM\",\"x\":" + "[".repeat(5000)}));
        for (String[] members : headers) {
            assertRefused(document, String.join(",", members), sign(header(document, members), payload));
        }
        // RFC 7797 section 5.2: the payload itself is what is signed
        String bare = header(document, ALG, KID, "\"b64\":false");
        byte[] unencoded = signature(base64(bare) + "." + payload, "SHA256withECDSAinP1363Format", KEY);
        assertRefused(document, "b64", base64(bare) + "." + base64(payload) + "." + base64(unencoded));
        assertRefused(document, "two headers", sign(header(document, ALG, KID) + "{}", payload));
        assertRefused(document, "a list", sign("[" + header(document, ALG, KID) + "]", payload));
    }

    @ParameterizedTest
    @EnumSource
    void a_payload_that_can_be_read_in_two_ways_is_refused(Document document) throws Exception {
        String header = header(document, ALG, KID);
        String evil = "\"iss\":\"https://evil.example\"";
        String good = payload(document);
        assertAccepted(
                document, "twice the same", sign(header, payload(document, "\"iss\":\"" + issuer(document) + "\"")));
        for (String payload : List.of(
                payload(document, evil),
                "{" + evil + "," + good.substring(1),
                good.replace("\"iss\":\"" + issuer(document) + "\"", "\"iss\":[\"" + issuer(document) + "\"]"),
                good.replace("\"iss\":\"" + issuer(document) + "\"", "\"iss\":null"),
                good.replace("\"iss\":", "\"ISS\":"),
                good.replace(issuer(document), issuer(document) + "\\u0000"),
                good.replace(issuer(document), issuer(document) + " "),
                good.replace(issuer(document), issuer(document).replace("https", "HTTPS")),
                good.replace(issuer(document), issuer(document).replace("example", "ex\u0430mple")),
                good.replace("https://", "https://user@"),
                payload(document, "\"x\":{\"a\":1,\"a\":2}"),
                good.replace("\"active\":true", "\"active\":false,\"active\":true")
                        + (good.contains("active") ? "" : "x"),
                payload(document, "\"x\":[{\"a\":{\"b\":1,\"b\":1}}]"),
                payload(document, members(document).replaceFirst("true|7|signed", "0")),
                payload(document, "\"exp\":\"never\""),
                payload(document, "\"exp\":true"),
                payload(document, "\"exp\":[9999999999]"),
                payload(document, "\"exp\":1e999"),
                payload(document, "\"exp\":9999999999,\"exp\":1"),
                payload(document, "\"exp\":1,\"exp\":9999999999"),
                payload(document, "\"exp\":0"),
                payload(document, "\"exp\":-1"),
                payload(document, "\"nbf\":\"now\""),
                payload(document, "\"sub\":7"),
                "[" + good + "]",
                good + good,
                good + "x",
                "null",
                "\"" + issuer(document) + "\"",
                "",
                payload(document, "\"x\":" + "[".repeat(20_000) + "]".repeat(20_000)),
                payload(document, "\"x\":\"" + "y".repeat(100_000) + "\""))) {
            assertRefused(document, payload.length() > 1000 ? "huge" : payload, sign(header, payload));
        }
    }

    @ParameterizedTest
    @EnumSource
    void what_is_from_the_future_is_refused_as_what_is_from_the_past(Document document) throws Exception {
        String header = header(document, ALG, KID);
        long now = Instant.now().getEpochSecond();
        assertAccepted(
                document,
                "in time",
                sign(header, payload(document, "\"iat\":" + (now + 5) + ",\"nbf\":" + now + ",\"exp\":" + (now + 60))));
        for (String times : List.of(
                "\"exp\":" + (now - 90),
                "\"nbf\":" + (now + 600),
                "\"iat\":" + (now + 600),
                "\"iat\":" + now + ",\"nbf\":" + (now + 600) + ",\"exp\":" + (now + 900))) {
            assertRefused(document, times, sign(header, payload(document, times)));
        }
    }

    @ParameterizedTest
    @EnumSource
    void a_signature_in_another_form_is_refused(Document document) throws Exception {
        String good = sign(header(document, ALG, KID), payload(document));
        String input = good.substring(0, good.lastIndexOf('.'));
        String padded = Base64.getUrlEncoder().encodeToString(signature(input, "SHA256withECDSAinP1363Format", KEY));
        for (String jwt : List.of(
                input + ".",
                input,
                input + "." + base64(new byte[64]),
                input + "." + base64(new byte[0]),
                input + "." + base64(signature(input, "SHA256withECDSA", KEY)),
                input + "." + padded,
                good + ".",
                good + ".x",
                "." + good,
                good.replaceFirst("\\.", ".."),
                good + "A".repeat(4),
                input + "." + base64(signature(input, "SHA256withECDSAinP1363Format", STRANGER)),
                good.substring(0, 20) + " " + good.substring(20),
                good.replace(".", "%2e"),
                "Bearer " + good,
                ".".repeat(60_000),
                "a".repeat(200_000))) {
            assertRefused(document, jwt.length() > 2000 ? "huge" : jwt, jwt);
        }
    }
}
