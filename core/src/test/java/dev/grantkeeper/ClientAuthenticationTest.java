/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static dev.grantkeeper.MockProvider.curve;
import static dev.grantkeeper.MockProvider.form;
import static dev.grantkeeper.MockProvider.json;
import static dev.grantkeeper.MockProvider.tokens;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatNoException;

import com.nimbusds.jose.crypto.ECDSAVerifier;
import com.nimbusds.jose.crypto.MACVerifier;
import com.nimbusds.jose.crypto.RSASSAVerifier;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import dev.grantkeeper.internal.provider.Facts;
import dev.grantkeeper.provider.ClientAuthentication;
import dev.grantkeeper.provider.EntraId;
import dev.grantkeeper.provider.LoginProtection;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.provider.SigningKey;
import dev.grantkeeper.token.Identity;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.interfaces.ECPublicKey;
import java.security.interfaces.RSAPublicKey;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import mockwebserver3.Dispatcher;
import mockwebserver3.MockResponse;
import mockwebserver3.MockWebServer;
import mockwebserver3.RecordedRequest;
import okhttp3.OkHttpClient;
import okhttp3.tls.HandshakeCertificates;
import okhttp3.tls.HeldCertificate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Client authentication, as the server sees it. */
@Timeout(300)
class ClientAuthenticationTest {
    private static final String CLIENT = MockProvider.CLIENT;
    private static final String SECRET = "s3cr%t:+ &=\u00e9 of more than 32 bytes";

    private final MockProvider mock = new MockProvider();
    private final MockWebServer server = mock.server;
    private final MovingTime time = mock.time;

    @AfterEach
    void close() {
        mock.close();
    }

    private Provider.Builder provider() {
        return mock.provider();
    }

    private Grantkeeper.Builder registration(Provider.Builder provider) {
        return mock.registration(provider).scopes();
    }

    private Grantkeeper node(Grantkeeper.Builder registration) {
        return mock.node(registration);
    }

    /** One token request of a new node, as it arrived. */
    private RecordedRequest request(Grantkeeper.Builder registration) throws Exception {
        server.enqueue(tokens());
        assertThat(node(registration).application().tokens().accessToken()).isEqualTo("at");
        return server.takeRequest();
    }

    /** One of each size will do; they take a while to make. */
    private static final Map<Integer, KeyPair> RSA = new ConcurrentHashMap<>();

    private static KeyPair pair(String algorithm, int bits) throws Exception {
        KeyPair made = algorithm.equals("RSA") ? RSA.get(bits) : null;
        if (made == null) {
            made = newPair(algorithm, bits);
            if (algorithm.equals("RSA")) {
                RSA.put(bits, made);
            }
        }
        return made;
    }

    private static KeyPair newPair(String algorithm, int bits) throws Exception {
        KeyPairGenerator generator = KeyPairGenerator.getInstance(algorithm);
        if (bits > 0) {
            generator.initialize(bits);
        }
        return generator.generateKeyPair();
    }

    private static SignedJWT assertion(RecordedRequest request) throws Exception {
        Map<String, String> form = form(request);
        assertThat(form)
                .containsEntry("client_id", CLIENT)
                .containsEntry("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
                .doesNotContainKey("client_secret");
        assertThat(request.getHeaders().get("Authorization")).isNull();
        return SignedJWT.parse(form.get("client_assertion"));
    }

    private static boolean signed(SignedJWT jwt, PublicKey key) throws Exception {
        if (key instanceof RSAPublicKey rsa) {
            return jwt.verify(new RSASSAVerifier(rsa));
        }
        if (key instanceof ECPublicKey ec) {
            return jwt.verify(new ECDSAVerifier(ec));
        }
        Signature signature = Signature.getInstance("Ed25519");
        signature.initVerify(key);
        signature.update(jwt.getSigningInput());
        return signature.verify(jwt.getSignature().decode());
    }

    // ---- Secrets --------------------------------------------------------------------------------------------------

    @Test
    void basic_encodes_id_and_secret_before_it_joins_them() throws Exception {
        RecordedRequest request = request(registration(provider()).clientSecret(SECRET));
        assertThat(request.getHeaders().get("Authorization"))
                .isEqualTo("Basic "
                        + Base64.getEncoder()
                                .encodeToString("app+1:s3cr%25t%3A%2B+%26%3D%C3%A9+of+more+than+32+bytes"
                                        .getBytes(StandardCharsets.UTF_8)));
        assertThat(form(request)).containsOnlyKeys("grant_type");
    }

    @Test
    void post_sends_id_and_secret_in_the_body_and_nowhere_else() throws Exception {
        RecordedRequest request = request(
                registration(provider()).clientSecret(SECRET).clientAuthentication(ClientAuthentication.SECRET_POST));
        assertThat(request.getHeaders().get("Authorization")).isNull();
        assertThat(form(request)).containsEntry("client_id", CLIENT).containsEntry("client_secret", SECRET);
    }

    @Test
    void a_public_client_sends_its_id_and_nothing_else() throws Exception {
        RecordedRequest request = request(registration(provider()));
        assertThat(request.getHeaders().get("Authorization")).isNull();
        assertThat(form(request)).containsOnlyKeys("client_id", "grant_type");
    }

    @Test
    void a_secret_can_sign_instead_of_being_sent() throws Exception {
        RecordedRequest request = request(
                registration(provider()).clientSecret(SECRET).clientAuthentication(ClientAuthentication.SECRET_JWT));
        SignedJWT jwt = assertion(request);
        assertThat(jwt.getHeader().getAlgorithm().getName()).isEqualTo("HS256");
        assertThat(jwt.verify(new MACVerifier(SECRET.getBytes(StandardCharsets.UTF_8))))
                .isTrue();
        assertThat(jwt.verify(new MACVerifier("another secret of more than 32 bytes")))
                .isFalse();
        assertThat(request.getBody().utf8()).doesNotContain("s3cr");
    }

    @ParameterizedTest
    @ValueSource(strings = {"0123456789012345678901234567890", "tiny secret"})
    void a_secret_that_signs_has_the_length_of_the_hash(String secret) {
        assertThatIllegalStateException()
                .isThrownBy(() -> registration(provider())
                        .clientSecret(secret)
                        .clientAuthentication(ClientAuthentication.SECRET_JWT)
                        .build())
                .withMessageContaining("32 bytes")
                .withMessageNotContaining(secret);
    }

    // ---- Keys -----------------------------------------------------------------------------------------------------

    @Test
    void an_assertion_says_who_to_whom_and_for_one_minute() throws Exception {
        KeyPair pair = curve("secp256r1");
        RecordedRequest request = request(registration(provider())
                .signingKey(SigningKey.of(pair.getPrivate()).keyId("k1")));
        SignedJWT jwt = assertion(request);
        assertThat(jwt.getHeader().toJSONObject()).isEqualTo(Map.of("alg", "ES256", "typ", "JWT", "kid", "k1"));
        JWTClaimsSet claims = jwt.getJWTClaimsSet();
        assertThat(claims.toJSONObject()).containsOnlyKeys("iss", "sub", "aud", "iat", "exp", "jti");
        assertThat(claims.getIssuer()).isEqualTo(CLIENT);
        assertThat(claims.getSubject()).isEqualTo(CLIENT);
        assertThat(claims.toPayload().toJSONObject()).containsEntry("aud", MockProvider.ISSUER);
        assertThat(Duration.between(
                        claims.getIssueTime().toInstant(),
                        claims.getExpirationTime().toInstant()))
                .isEqualTo(Duration.ofMinutes(1));
        assertThat(Duration.between(
                                claims.getIssueTime().toInstant(), time.clock().instant())
                        .abs())
                .isLessThan(Duration.ofSeconds(30));
        assertThat(claims.getJWTID()).hasSizeGreaterThanOrEqualTo(22);
        assertThat(signed(jwt, pair.getPublic())).isTrue();
        assertThat(signed(jwt, curve("secp256r1").getPublic())).isFalse();
    }

    @Test
    void every_request_has_an_assertion_of_its_own_by_the_applications_clock() throws Exception {
        Grantkeeper node = node(registration(provider())
                .signingKey(SigningKey.of(pair("RSA", 2048).getPrivate())));
        Set<String> names = new HashSet<>();
        for (int i = 0; i < 5; i++) {
            server.enqueue(tokens());
            node.application().tokens();
            JWTClaimsSet claims = assertion(server.takeRequest()).getJWTClaimsSet();
            assertThat(claims.getExpirationTime().toInstant())
                    .isAfter(time.clock().instant());
            names.add(claims.getJWTID());
            time.pass(Duration.ofMinutes(2));
        }
        assertThat(names).hasSize(5);
    }

    @Test
    void where_no_issuer_is_known_the_audience_is_the_token_endpoint() throws Exception {
        Provider.Builder provider = Provider.builder("mock")
                .allowHttpOnLoopback()
                .authorizationEndpoint(server.url("/authorize").toString())
                .tokenEndpoint(server.url("/token").toString());
        RecordedRequest request = request(registration(provider)
                .signingKey(SigningKey.of(curve("secp256r1").getPrivate())));
        assertThat(assertion(request).getJWTClaimsSet().getAudience())
                .containsExactly(server.url("/token").toString());
    }

    @Test
    void a_provider_may_want_another_audience() throws Exception {
        RecordedRequest request =
                request(registration(provider().assertionAudience("https://as.example/for-assertions"))
                        .signingKey(SigningKey.of(curve("secp256r1").getPrivate())));
        assertThat(assertion(request).getJWTClaimsSet().getAudience())
                .containsExactly("https://as.example/for-assertions");
        assertThat(Facts.of(EntraId.provider("common")).assertionAudience())
                .isEqualTo("https://login.microsoftonline.com/common/oauth2/v2.0/token");
    }

    @ParameterizedTest
    @CsvSource({
        "RSA, 2048, PS256",
        "RSA, 3072, PS256",
        "secp256r1, 0, ES256",
        "secp384r1, 0, ES384",
        "secp521r1, 0, ES512",
        "Ed25519, 0, EdDSA"
    })
    void each_kind_of_key_signs_its_own_way(String kind, int bits, String algorithm) throws Exception {
        KeyPair pair = kind.startsWith("secp") ? curve(kind) : pair(kind, bits);
        RecordedRequest request = request(registration(provider()).signingKey(SigningKey.of(pair.getPrivate())));
        SignedJWT jwt = assertion(request);
        assertThat(jwt.getHeader().getAlgorithm().getName()).isEqualTo(algorithm);
        assertThat(signed(jwt, pair.getPublic())).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
    void an_rsa_key_signs_as_the_server_wants(String algorithm) throws Exception {
        KeyPair pair = pair("RSA", 2048);
        RecordedRequest request = request(registration(provider())
                .signingKey(SigningKey.of(pair.getPrivate()).algorithm(algorithm)));
        SignedJWT jwt = assertion(request);
        assertThat(jwt.getHeader().getAlgorithm().getName()).isEqualTo(algorithm);
        assertThat(signed(jwt, pair.getPublic())).isTrue();
    }

    @ParameterizedTest
    @CsvSource({"RSA, RSASSA-PSS, PS256", "EC, SHA384withECDSA, ES384", "Ed25519, Ed25519, EdDSA"})
    void a_key_may_stay_in_a_hardware_module(String kind, String service, String algorithm) throws Exception {
        KeyPair inside = switch (kind) {
            case "RSA" -> pair("RSA", 2048);
            case "EC" -> curve("secp384r1");
            default -> pair(kind, 0);
        };
        PrivateKey outside = HardwareModule.nameOf(kind);
        try (HardwareModule module = new HardwareModule(service, inside.getPrivate(), outside)) {
            SigningKey key = SigningKey.of(outside).algorithm(algorithm);
            SignedJWT jwt = assertion(request(registration(provider()).signingKey(key)));
            assertThat(jwt.getHeader().getAlgorithm().getName()).isEqualTo(algorithm);
            assertThat(signed(jwt, inside.getPublic())).isTrue();
            assertThat(module.signatures()).isEqualTo(1);
        }
    }

    @Test
    void a_certificate_tells_the_curve_of_a_key_that_hides_it() throws Exception {
        HeldCertificate held = new HeldCertificate.Builder().ecdsa256().build();
        SigningKey key = SigningKey.of(HardwareModule.nameOf("EC")).certificate(held.certificate());
        assertThat(key.algorithm()).isEqualTo("ES256");
        assertThatIllegalArgumentException().isThrownBy(() -> key.algorithm("ES384"));
    }

    @Test
    void a_module_that_is_gone_is_a_failure_for_now_and_nothing_is_sent() throws Exception {
        Grantkeeper node = node(registration(provider()).signingKey(SigningKey.of(HardwareModule.nameOf("RSA"))));
        assertThatExceptionOfType(AuthorizationServerException.class)
                .isThrownBy(() -> node.application().tokens())
                .satisfies(e -> assertThat(e.kind()).isEqualTo(AuthorizationServerException.Kind.TEMPORARY))
                .withMessageContaining("signing key");
        assertThat(server.getRequestCount()).isZero();
    }

    @Test
    void a_certificate_is_named_by_its_thumbprint() throws Exception {
        HeldCertificate held = new HeldCertificate.Builder().rsa2048().build();
        RecordedRequest request = request(registration(provider())
                .signingKey(SigningKey.of(held.keyPair().getPrivate()).certificate(held.certificate())));
        SignedJWT jwt = assertion(request);
        assertThat(jwt.getHeader().getX509CertSHA256Thumbprint().decode())
                .isEqualTo(MessageDigest.getInstance("SHA-256")
                        .digest(held.certificate().getEncoded()));
        assertThat(jwt.getHeader().getKeyID()).isNull();
        assertThat(signed(jwt, held.certificate().getPublicKey())).isTrue();
    }

    @Test
    void a_certificate_of_another_key_is_refused() throws Exception {
        for (HeldCertificate held : List.of(
                new HeldCertificate.Builder().rsa2048().build(),
                new HeldCertificate.Builder().ecdsa256().build())) {
            for (KeyPair pair :
                    List.of(pair("RSA", 2048), curve("secp256r1"), curve("secp384r1"), pair("Ed25519", 0))) {
                assertThatIllegalArgumentException()
                        .isThrownBy(() -> SigningKey.of(pair.getPrivate()).certificate(held.certificate()))
                        .withMessageContaining("belongs to another key");
            }
            assertThatNoException()
                    .isThrownBy(() -> SigningKey.of(held.keyPair().getPrivate()).certificate(held.certificate()));
        }
    }

    @Test
    void weak_and_strange_keys_are_refused() throws Exception {
        for (KeyPair pair : List.of(pair("RSA", 1024), pair("DSA", 2048), pair("Ed448", 0), pair("X25519", 0))) {
            assertThatIllegalArgumentException().isThrownBy(() -> SigningKey.of(pair.getPrivate()));
        }
    }

    @Test
    void a_key_signs_in_no_way_that_is_not_its_own() throws Exception {
        SigningKey rsa = SigningKey.of(pair("RSA", 2048).getPrivate());
        SigningKey ec = SigningKey.of(curve("secp256r1").getPrivate());
        for (String algorithm : List.of("none", "HS256", "ES256", "RS1", "")) {
            assertThatIllegalArgumentException().isThrownBy(() -> rsa.algorithm(algorithm));
        }
        for (String algorithm : List.of("none", "HS256", "ES384", "RS256")) {
            assertThatIllegalArgumentException().isThrownBy(() -> ec.algorithm(algorithm));
        }
    }

    @Test
    void a_server_that_repeats_an_assertion_is_not_repeated_here() throws Exception {
        Grantkeeper node = node(registration(provider())
                .signingKey(SigningKey.of(curve("secp256r1").getPrivate())));
        server.setDispatcher(new Dispatcher() {
            @Override
            public MockResponse dispatch(RecordedRequest request) {
                return new MockResponse.Builder()
                        .code(401)
                        .setHeader("Content-Type", "application/json")
                        .body("{\"error\":\"invalid_client\",\"error_description\":\"no good: "
                                + form(request).get("client_assertion") + "\"}")
                        .build();
            }
        });
        assertThatExceptionOfType(AuthorizationServerException.class)
                .isThrownBy(() -> node.application().tokens())
                .satisfies(e -> assertThat(e.kind()).isEqualTo(AuthorizationServerException.Kind.MISCONFIGURED))
                .withMessageContaining("no good: [redacted]")
                .withMessageNotContaining("eyJ");
    }

    // ---- Certificates in the handshake ----------------------------------------------------------------------------

    @Test
    void mutual_tls_sends_the_id_and_shows_the_certificate() throws Exception {
        HeldCertificate root =
                new HeldCertificate.Builder().certificateAuthority(0).build();
        for (HeldCertificate own : List.of(
                new HeldCertificate.Builder().commonName("app").signedBy(root).build(),
                new HeldCertificate.Builder().commonName("self-signed").build())) {
            try (Tls tls = new Tls(root, own)) {
                Provider.Builder provider = Provider.builder("mock")
                        .authorizationEndpoint(tls.url("/authorize"))
                        .tokenEndpoint(tls.url("/token"));
                tls.server.enqueue(tokens());
                Grantkeeper node = node(registration(provider)
                        .clientAuthentication(ClientAuthentication.MUTUAL_TLS)
                        .tokenStore(new MapStore())
                        .httpClient(tls.client(own)));
                assertThat(node.application().tokens().accessToken()).isEqualTo("at");
                RecordedRequest request = tls.server.takeRequest();
                assertThat(form(request)).containsOnlyKeys("client_id", "grant_type");
                assertThat(request.getHeaders().get("Authorization")).isNull();
                assertThat(request.getHandshake().peerPrincipal())
                        .isEqualTo(own.certificate().getSubjectX500Principal());
            }
        }
    }

    @Test
    void without_the_certificate_the_handshake_fails_and_that_is_no_refusal() throws Exception {
        HeldCertificate own = new HeldCertificate.Builder().commonName("app").build();
        try (Tls tls = new Tls(own, own)) {
            Provider.Builder provider = Provider.builder("mock")
                    .authorizationEndpoint(tls.url("/authorize"))
                    .tokenEndpoint(tls.url("/token"));
            Grantkeeper node = node(registration(provider)
                    .clientAuthentication(ClientAuthentication.MUTUAL_TLS)
                    .httpClient(tls.client(null)));
            assertThatExceptionOfType(AuthorizationServerException.class)
                    .isThrownBy(() -> node.application().tokens())
                    .satisfies(e -> assertThat(e.kind()).isEqualTo(AuthorizationServerException.Kind.TEMPORARY));
            assertThat(tls.server.getRequestCount()).isZero();
        }
    }

    @Test
    void aliases_are_where_mutual_tls_goes_and_nobody_else() throws Exception {
        HeldCertificate own = new HeldCertificate.Builder().commonName("app").build();
        try (Tls tls = new Tls(own, own)) {
            Provider.Builder provider = provider()
                    .mtlsEndpointAliases(Map.of(
                            "token_endpoint", tls.url("/mtls/token"),
                            "revocation_endpoint", tls.url("/mtls/revoke")));
            tls.server.enqueue(tokens());
            tls.server.enqueue(new MockResponse.Builder().code(200).build());
            Grantkeeper node = node(registration(provider)
                    .clientAuthentication(ClientAuthentication.MUTUAL_TLS)
                    .httpClient(tls.client(own)));
            node.application().tokens();
            node.application().signOut();
            assertThat(tls.server.takeRequest().getTarget()).isEqualTo("/mtls/token");
            assertThat(tls.server.takeRequest().getTarget()).isEqualTo("/mtls/revoke");
            assertThat(server.getRequestCount()).isZero();

            assertThat(request(registration(provider).clientSecret(SECRET)).getTarget())
                    .isEqualTo("/token");
        }
    }

    /** RFC 8705 section 5: tokens are bound to a certificate however the client authenticates. */
    @Test
    void every_direct_call_of_a_client_with_a_certificate_goes_to_the_alias() throws Exception {
        HeldCertificate own = new HeldCertificate.Builder().commonName("app").build();
        try (Tls tls = new Tls(own, own)) {
            Map<String, String> aliases = new HashMap<>();
            for (String name : List.of(
                    "token",
                    "revocation",
                    "introspection",
                    "device_authorization",
                    "backchannel_authentication",
                    "pushed_authorization_request",
                    "userinfo")) {
                aliases.put(name + "_endpoint", tls.url("/mtls/" + name));
            }
            Provider.Builder provider = provider()
                    .introspectionEndpoint("https://usual.example/introspect")
                    .deviceAuthorizationEndpoint("https://usual.example/device")
                    .backchannelAuthenticationEndpoint("https://usual.example/bc-authorize")
                    .userInfoEndpoint("https://usual.example/userinfo")
                    .openId("https://usual.example", "https://usual.example/jwks")
                    .mtlsEndpointAliases(aliases);
            List<String> paths = new CopyOnWriteArrayList<>();
            tls.server.setDispatcher(new Dispatcher() {
                @Override
                public MockResponse dispatch(RecordedRequest request) {
                    String path = request.getUrl().encodedPath();
                    paths.add(path);
                    return switch (path) {
                        case "/mtls/token" -> tokens();
                        case "/mtls/introspection" -> json(200, "{\"active\":true}");
                        case "/mtls/device_authorization" ->
                            json(
                                    200,
                                    "{\"device_code\":\"d\",\"user_code\":\"U\","
                                            + "\"verification_uri\":\"https://usual.example/d\"}");
                        case "/mtls/backchannel_authentication" ->
                            json(200, "{\"auth_req_id\":\"a\",\"expires_in\":60}");
                        case "/mtls/pushed_authorization_request" ->
                            json(201, "{\"request_uri\":\"urn:1\",\"expires_in\":60}");
                        case "/mtls/userinfo" -> json(200, "{\"sub\":\"alice\",\"nickname\":\"Al\"}");
                        default -> new MockResponse.Builder().code(200).build();
                    };
                }
            });
            for (Grantkeeper.Builder builder : List.of(
                    registration(provider)
                            .signingKey(SigningKey.of(curve("secp256r1").getPrivate()))
                            .certificateBoundTokens(),
                    registration(provider).clientSecret(SECRET).certificateBoundTokens(),
                    registration(provider).certificateBoundTokens(),
                    registration(provider).clientAuthentication(ClientAuthentication.MUTUAL_TLS))) {
                paths.clear();
                Grantkeeper node = node(builder.tokenStore(new MapStore())
                        .loginProtections(LoginProtection.PUSHED_REQUEST)
                        .fetchProfile()
                        .scopes("openid")
                        .httpClient(tls.client(own)));
                node.startLogin();
                node.newLogin().startOnDevice();
                node.newLogin().loginHint("alice").startBackchannel();
                node.introspect("token");
                node.application().tokens();
                node.application().signOut();
                Identity alice = node.machinery()
                        .endpoints()
                        .identities()
                        .profiles()
                        .complete(
                                Identity.of("https://usual.example", "alice", Map.of()),
                                TokenSet.builder("at").build());
                assertThat(alice.claim("nickname")).contains("Al");
                assertThat(paths)
                        .containsExactly(
                                "/mtls/pushed_authorization_request",
                                "/mtls/device_authorization",
                                "/mtls/backchannel_authentication",
                                "/mtls/introspection",
                                "/mtls/token",
                                "/mtls/revocation",
                                "/mtls/userinfo");
            }
            assertThat(server.getRequestCount()).isZero();
        }
    }

    /** RFC 8705 section 5: a code, a refresh token, a device code and a token at hand are all redeemed there. */
    @Test
    void every_grant_of_a_client_with_a_certificate_is_redeemed_at_the_alias() throws Exception {
        HeldCertificate own = new HeldCertificate.Builder().commonName("app").build();
        try (Tls tls = new Tls(own, own)) {
            Provider.Builder provider = provider()
                    .deviceAuthorizationEndpoint("https://usual.example/device")
                    .mtlsEndpointAliases(Map.of(
                            "token_endpoint", tls.url("/mtls/token"),
                            "device_authorization_endpoint", tls.url("/mtls/device")));
            List<String> grants = new CopyOnWriteArrayList<>();
            tls.server.setDispatcher(new Dispatcher() {
                @Override
                public MockResponse dispatch(RecordedRequest request) {
                    if (request.getUrl().encodedPath().equals("/mtls/device")) {
                        return json(
                                200,
                                "{\"device_code\":\"d\",\"user_code\":\"U\",\"expires_in\":600,"
                                        + "\"verification_uri\":\"https://usual.example/d\",\"interval\":1}");
                    }
                    Matcher grant = Pattern.compile("grant_type=([^&]+)")
                            .matcher(request.getBody().utf8());
                    grants.add(request.getUrl().encodedPath() + " " + (grant.find() ? grant.group(1) : ""));
                    return json(
                            200,
                            "{\"access_token\":\"at\",\"token_type\":\"Bearer\",\"expires_in\":60,"
                                    + "\"issued_token_type\":\"urn:ietf:params:oauth:token-type:access_token\","
                                    + "\"refresh_token\":\"rt\"}");
                }
            });
            Grantkeeper node = node(registration(provider)
                    .clientSecret(SECRET)
                    .certificateBoundTokens()
                    .httpClient(tls.client(own)));
            PendingLogin login = node.startLogin();
            String callback = "code=c&state=" + login.attempt().state();
            Account alice = ((LoginResult.SignedIn) node.finishLogin(login, callback)).keepAs("alice");
            alice.tokensInsteadOf(alice.tokens());
            node.exchange(TokenExchange.of("at hand"));
            node.awaitLogin(node.newLogin().startOnDevice());
            assertThat(grants)
                    .containsExactly(
                            "/mtls/token authorization_code",
                            "/mtls/token refresh_token",
                            "/mtls/token urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange",
                            "/mtls/token urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code");
            assertThat(server.getRequestCount()).isZero();
        }
    }

    @Test
    void a_certificate_needs_a_client_that_has_it_and_an_endpoint_that_asks_for_it() {
        assertThatIllegalStateException()
                .isThrownBy(() -> registration(provider())
                        .certificateBoundTokens()
                        .httpClient(null)
                        .build())
                .withMessageContaining("httpClient(");
        assertThatIllegalStateException()
                .isThrownBy(
                        () -> registration(provider()).certificateBoundTokens().build())
                .withMessageContaining("https");
    }

    @ParameterizedTest
    @ValueSource(strings = {"http://as.example/token", "https://user@as.example/token", "file:///token", "token"})
    void aliases_are_vetted_as_every_endpoint_is(String alias) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> provider()
                        .mtlsEndpointAliases(Map.of("token_endpoint", alias))
                        .build())
                .withMessageContaining("alias of token_endpoint");
    }

    @Test
    void a_derived_provider_keeps_all_of_it() {
        Provider provider = provider()
                .assertionAudience("https://as.example/a")
                .mtlsEndpointAliases(Map.of("token_endpoint", "https://mtls.example/token"))
                .build();
        Provider derived = provider.newBuilder().build();
        assertThat(Facts.of(derived).assertionAudience()).isEqualTo("https://as.example/a");
        assertThat(Facts.of(derived).mtlsEndpointAliases).isEqualTo(Facts.of(provider).mtlsEndpointAliases);
    }

    // ---- Contradictions -------------------------------------------------------------------------------------------

    @ParameterizedTest
    @EnumSource(names = {"SECRET_BASIC", "SECRET_POST", "SECRET_JWT"})
    void what_needs_a_secret_says_so(ClientAuthentication way) {
        assertThatIllegalStateException()
                .isThrownBy(
                        () -> registration(provider()).clientAuthentication(way).build())
                .withMessageContaining("no client secret");
    }

    @Test
    void what_needs_a_key_or_a_certificate_says_so() {
        assertThatIllegalStateException()
                .isThrownBy(() -> registration(provider())
                        .clientAuthentication(ClientAuthentication.PRIVATE_KEY_JWT)
                        .build())
                .withMessageContaining("signingKey(");
        assertThatIllegalStateException()
                .isThrownBy(() -> registration(provider())
                        .clientAuthentication(ClientAuthentication.MUTUAL_TLS)
                        .httpClient(null)
                        .build())
                .withMessageContaining("httpClient(");
        assertThatIllegalStateException()
                .isThrownBy(() -> registration(provider())
                        .clientAuthentication(ClientAuthentication.MUTUAL_TLS)
                        .build())
                .withMessageContaining("https");
    }

    @Test
    void a_secret_beside_another_way_is_a_contradiction() throws Exception {
        SigningKey key = SigningKey.of(curve("secp256r1").getPrivate());
        assertThatIllegalStateException()
                .isThrownBy(() -> registration(provider())
                        .clientSecret(SECRET)
                        .signingKey(key)
                        .clientAuthentication(ClientAuthentication.PRIVATE_KEY_JWT)
                        .build())
                .withMessageContaining("in one way")
                .withMessageNotContaining(SECRET);
    }

    @Test
    void the_name_of_a_key_is_all_that_is_printed() throws Exception {
        SigningKey key = SigningKey.of(curve("secp256r1").getPrivate()).keyId("k1");
        assertThat(key).hasToString("SigningKey[ES256, k1]");
        assertThat(SigningKey.of(pair("RSA", 2048).getPrivate())).hasToString("SigningKey[PS256]");
    }

    /** A server that talks to nobody who shows no certificate. */
    private static final class Tls implements AutoCloseable {
        final MockWebServer server = new MockWebServer();
        private final HeldCertificate certificate = new HeldCertificate.Builder()
                .addSubjectAlternativeName("localhost")
                .build();
        private final List<OkHttpClient> clients = new ArrayList<>();

        Tls(HeldCertificate... trusted) throws IOException {
            HandshakeCertificates.Builder certificates =
                    new HandshakeCertificates.Builder().heldCertificate(certificate);
            for (HeldCertificate one : trusted) {
                certificates.addTrustedCertificate(one.certificate());
            }
            server.useHttps(certificates.build().sslSocketFactory());
            server.requireClientAuth();
            server.start(InetAddress.getByName("localhost"), 0);
        }

        String url(String path) {
            return "https://localhost:" + server.getPort() + path;
        }

        /** The application's client, with its certificate or without. */
        OkHttpClient client(HeldCertificate own) {
            HandshakeCertificates.Builder certificates =
                    new HandshakeCertificates.Builder().addTrustedCertificate(certificate.certificate());
            if (own != null) {
                certificates.heldCertificate(own);
            }
            HandshakeCertificates built = certificates.build();
            OkHttpClient client = new OkHttpClient.Builder()
                    .sslSocketFactory(built.sslSocketFactory(), built.trustManager())
                    .build();
            clients.add(client);
            return client;
        }

        @Override
        public void close() {
            clients.forEach(client -> client.connectionPool().evictAll());
            server.close();
        }
    }
}
