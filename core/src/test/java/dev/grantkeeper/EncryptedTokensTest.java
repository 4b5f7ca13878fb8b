/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static dev.grantkeeper.MockProvider.json;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import com.nimbusds.jose.CompressionAlgorithm;
import com.nimbusds.jose.EncryptionMethod;
import com.nimbusds.jose.JWEAlgorithm;
import com.nimbusds.jose.JWEHeader;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.crypto.AESEncrypter;
import com.nimbusds.jose.crypto.DirectEncrypter;
import com.nimbusds.jose.crypto.MACSigner;
import com.nimbusds.jose.crypto.PasswordBasedEncrypter;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.PlainJWT;
import dev.grantkeeper.AuthorizationServerException.Kind;
import dev.grantkeeper.LoginResult.Mismatched;
import dev.grantkeeper.LoginResult.SignedIn;
import dev.grantkeeper.provider.DecryptionKey;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.KeyPair;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Stream;
import mockwebserver3.Dispatcher;
import mockwebserver3.MockResponse;
import mockwebserver3.RecordedRequest;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** ID tokens, UserInfo responses and logout tokens that the provider has encrypted to this client (RFC 7516). */
@Timeout(300)
class EncryptedTokensTest {
    private static final Jwe.Signer PROVIDER = new Jwe.Signer();
    private static final KeyPair RSA = Jwe.rsa();
    private static final KeyPair OTHER_RSA = Jwe.rsa();
    private static final KeyPair CURVE = MockProvider.curve("secp256r1");
    private static final DecryptionKey KEY = DecryptionKey.of(RSA).keyId("rsa");
    private static final DecryptionKey CURVE_KEY = DecryptionKey.of(CURVE).keyId("curve");
    private static final String UNREADABLE = "The ID token is not valid: it cannot be decrypted";

    private final MockProvider mock = new MockProvider();
    private volatile String idToken = "";
    private volatile String userInfo = "";
    private volatile String refreshToken = "refresh-1";

    @BeforeEach
    void answer() {
        mock.server.setDispatcher(new Dispatcher() {
            @Override
            public MockResponse dispatch(RecordedRequest request) {
                return switch (request.getTarget()) {
                    case "/jwks" -> json(200, PROVIDER.jwks());
                    case "/userinfo" ->
                        new MockResponse.Builder()
                                .setHeader("Content-Type", "application/jwt")
                                .body(userInfo)
                                .build();
                    case "/token" ->
                        json(
                                200,
                                "{\"access_token\":\"at\",\"token_type\":\"Bearer\",\"expires_in\":60,\"refresh_token\":\""
                                        + refreshToken + "\",\"id_token\":\"" + idToken + "\"}");
                    default -> json(200, "{}");
                };
            }
        });
    }

    @AfterEach
    void close() {
        mock.close();
    }

    private Grantkeeper.Builder registration() {
        return mock.registration(mock.provider().userInfoEndpoint(mock.url("/userinfo")))
                .scopes("openid")
                .decryptionKeys(KEY, CURVE_KEY);
    }

    private JWTClaimsSet.Builder claims(String subject) {
        Date now = Date.from(mock.time.clock().instant());
        return new JWTClaimsSet.Builder()
                .issuer(MockProvider.ISSUER)
                .audience(MockProvider.CLIENT)
                .subject(subject)
                .issueTime(now)
                .expirationTime(new Date(now.getTime() + 300_000));
    }

    /** Makes another token of a signed ID token, as a server does. */
    @FunctionalInterface
    private interface Server {
        String sends(String signed) throws Exception;
    }

    private LoginResult login(Grantkeeper node, Server server) throws Exception {
        PendingLogin login = node.startLogin();
        String nonce = MockProvider.parameters(login.url().toString()).get("nonce");
        idToken =
                server.sends(PROVIDER.sign(claims("alice").claim("nonce", nonce).build()));
        return node.finishLogin(login, callback(login));
    }

    private static String callback(PendingLogin login) {
        return "code=the-code&state="
                + MockProvider.parameters(login.url().toString()).get("state");
    }

    private SignedIn signIn(Grantkeeper node, Server server) throws Exception {
        return (SignedIn) login(node, server);
    }

    private static Server encrypted(JWEAlgorithm algorithm, EncryptionMethod method, KeyPair to, String kid) {
        return signed -> Jwe.encrypt(algorithm, method, to, kid, signed);
    }

    private static Server encrypted() {
        return encrypted(JWEAlgorithm.RSA_OAEP_256, EncryptionMethod.A256GCM, RSA, "rsa");
    }

    // ---- What is taken --------------------------------------------------------------------------------------------

    static Stream<String> algorithms() {
        return Stream.of("RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A192KW", "ECDH-ES+A256KW")
                .flatMap(algorithm -> Stream.of("A128GCM", "A192GCM", "A256GCM", "A128CBC-HS256")
                        .map(method -> algorithm + " " + method));
    }

    @ParameterizedTest
    @MethodSource("algorithms")
    void an_id_token_is_decrypted_and_kept_as_it_was_signed(String algorithm) throws Exception {
        String[] names = algorithm.split(" ");
        boolean rsa = names[0].startsWith("RSA");
        String[] before = new String[1];
        SignedIn in = signIn(mock.node(registration()), signed -> {
            before[0] = signed;
            return encrypted(
                            new JWEAlgorithm(names[0]),
                            EncryptionMethod.parse(names[1]),
                            rsa ? RSA : CURVE,
                            rsa ? "rsa" : "curve")
                    .sends(signed);
        });
        assertThat(in.identity().orElseThrow().subject()).isEqualTo("alice");
        assertThat(in.tokens().idToken()).contains(before[0]);
        assertThat(in.keepAs("alice").tokens().idToken()).contains(before[0]);
    }

    @ParameterizedTest
    @ValueSource(strings = {"secp256r1", "secp384r1", "secp521r1"})
    void every_curve_agrees(String name) throws Exception {
        KeyPair pair = MockProvider.curve(name);
        Grantkeeper node = mock.node(registration().decryptionKeys(DecryptionKey.of(pair)));
        assertThat(login(node, encrypted(JWEAlgorithm.ECDH_ES_A256KW, EncryptionMethod.A256GCM, pair, null)))
                .isInstanceOf(SignedIn.class);
    }

    @Test
    void one_that_is_not_encrypted_is_taken_as_long_as_encryption_is_not_demanded() throws Exception {
        assertThat(login(mock.node(registration()), signed -> signed)).isInstanceOf(SignedIn.class);
    }

    @Test
    void a_logout_sends_what_was_signed() throws Exception {
        Grantkeeper node = mock.node(mock.registration(mock.provider().endSessionEndpoint(mock.url("/logout")))
                .scopes("openid")
                .decryptionKeys(KEY));
        SignedIn in = signIn(node, encrypted());
        String logout = node.newLogout().account(in.keepAs("alice")).url().toString();
        assertThat(MockProvider.parameters(logout))
                .containsEntry("id_token_hint", in.tokens().idToken().orElseThrow());
    }

    @Test
    void the_id_token_of_an_exchange_is_decrypted_too() throws Exception {
        Grantkeeper node = mock.node(registration());
        idToken = encrypted().sends(PROVIDER.sign(claims("alice").build()));
        SignedIn in =
                (SignedIn) node.exchange(TokenExchange.assertion("an assertion").scopes("openid"));
        assertThat(in.identity().orElseThrow().subject()).isEqualTo("alice");
        assertThat(in.tokens().idToken().orElseThrow().split("\\.")).hasSize(3);
    }

    @Test
    void so_is_one_that_nobody_is_identified_by() throws Exception {
        String signed = PROVIDER.sign(claims("alice").build());
        idToken = encrypted().sends(signed);
        Grantkeeper node = mock.node(registration());
        for (TokenExchange exchange : List.of(
                TokenExchange.of("a token"),
                TokenExchange.of("a token").scopes("openid"),
                TokenExchange.assertion("an assertion"),
                TokenExchange.onBehalfOf("a token"))) {
            assertThat(node.account(exchange).tokens().idToken()).contains(signed);
        }
        SignedIn in = (SignedIn) node.exchange(TokenExchange.of("a token").scopes("things"));
        assertThat(in.identity()).isEmpty();
        assertThat(in.tokens().idToken()).contains(signed);
        assertThat(in.keepAs("alice").tokens().idToken()).contains(signed);
    }

    @Test
    void one_that_is_encrypted_to_another_key_stays_as_it_is_and_costs_no_call() throws Exception {
        idToken = encrypted(JWEAlgorithm.RSA_OAEP_256, EncryptionMethod.A256GCM, OTHER_RSA, "rsa")
                .sends(PROVIDER.sign(claims("alice").build()));
        Grantkeeper node = mock.node(registration());
        TokenSet tokens =
                node.account(TokenExchange.of("a token").scopes("openid")).tokens();
        assertThat(tokens.accessToken()).isEqualTo("at");
        assertThat(tokens.idToken()).contains(idToken);
        assertThat(((SignedIn) node.exchange(TokenExchange.of("a token")))
                        .tokens()
                        .idToken())
                .contains(idToken);
        assertThatExceptionOfType(AuthorizationServerException.class)
                .isThrownBy(() -> node.exchange(TokenExchange.of("a token").scopes("openid")))
                .withMessageContaining(UNREADABLE);
    }

    @Test
    void what_identifies_a_user_has_to_be_encrypted_where_that_is_demanded() throws Exception {
        idToken = PROVIDER.sign(claims("alice").build());
        Grantkeeper node = mock.node(registration().encryptionAlgorithms("RSA-OAEP-256"));
        TokenExchange exchange = TokenExchange.of("a token").scopes("openid");
        assertThat(node.account(exchange).tokens().idToken()).contains(idToken);
        assertThatExceptionOfType(AuthorizationServerException.class)
                .isThrownBy(() -> node.exchange(exchange))
                .withMessageContaining("not encrypted");
        idToken = encrypted().sends(idToken);
        assertThat(node.exchange(exchange)).isInstanceOf(SignedIn.class);
    }

    // ---- Keys -----------------------------------------------------------------------------------------------------

    @Test
    void while_keys_rotate_the_old_one_still_decrypts() throws Exception {
        DecryptionKey next = DecryptionKey.of(OTHER_RSA).keyId("rsa-2");
        Grantkeeper node = mock.node(registration().decryptionKeys(next, KEY));
        assertThat(login(node, encrypted())).isInstanceOf(SignedIn.class);
        assertThat(login(node, encrypted(JWEAlgorithm.RSA_OAEP_256, EncryptionMethod.A256GCM, OTHER_RSA, "rsa-2")))
                .isInstanceOf(SignedIn.class);
        assertThat(login(node, encrypted(JWEAlgorithm.RSA_OAEP_256, EncryptionMethod.A256GCM, RSA, null)))
                .isInstanceOf(SignedIn.class);
        assertUnreadable(mock.node(registration().decryptionKeys(next)), encrypted());
    }

    @Test
    void a_key_without_a_name_decrypts_whatever_name_the_server_has_for_it() throws Exception {
        Grantkeeper node = mock.node(registration().decryptionKeys(DecryptionKey.of(OTHER_RSA), DecryptionKey.of(RSA)));
        assertThat(login(node, encrypted())).isInstanceOf(SignedIn.class);
    }

    @Test
    void a_key_that_is_for_one_algorithm_is_for_no_other() throws Exception {
        Grantkeeper node = mock.node(registration().decryptionKeys(CURVE_KEY.algorithm("ECDH-ES+A256KW")));
        assertThat(login(node, encrypted(JWEAlgorithm.ECDH_ES_A256KW, EncryptionMethod.A256GCM, CURVE, "curve")))
                .isInstanceOf(SignedIn.class);
        assertUnreadable(node, encrypted(JWEAlgorithm.ECDH_ES, EncryptionMethod.A256GCM, CURVE, "curve"));
    }

    @Test
    void without_keys_nothing_is_decrypted_and_the_message_says_what_to_do() throws Exception {
        Grantkeeper node = mock.node(mock.registration(mock.provider()).scopes("openid"));
        assertThatExceptionOfType(AuthorizationServerException.class)
                .isThrownBy(() -> login(node, encrypted()))
                .withMessageContaining("decryptionKeys(");
    }

    @ParameterizedTest
    @ValueSource(strings = {"RSA", "EC"})
    void a_key_may_stay_in_a_hardware_module(String kind) throws Exception {
        KeyPair inside = kind.equals("RSA") ? Jwe.rsa() : MockProvider.curve("secp384r1");
        KeyPair outside = new KeyPair(inside.getPublic(), HardwareModule.nameOf(kind));
        Server server = encrypted(
                kind.equals("RSA") ? JWEAlgorithm.RSA_OAEP_256 : JWEAlgorithm.ECDH_ES_A128KW,
                EncryptionMethod.A128CBC_HS256,
                inside,
                null);
        Grantkeeper node = mock.node(registration().decryptionKeys(DecryptionKey.of(outside)));
        try (HardwareModule module = HardwareModule.decrypting(inside.getPrivate(), outside.getPrivate())) {
            assertThat(login(node, server)).isInstanceOf(SignedIn.class);
            assertThat(module.decryptions()).isEqualTo(1);
            assertUnreadable(node, signed -> Jwe.change(server.sends(signed), 4));
        }
        assertThatExceptionOfType(AuthorizationServerException.class)
                .isThrownBy(() -> login(node, server))
                .satisfies(e -> assertThat(e.kind()).isEqualTo(Kind.TEMPORARY))
                .withMessageContaining("device");
    }

    // ---- What is refused ------------------------------------------------------------------------------------------

    private record Hostile(String name, Server server) {
        @Override
        public String toString() {
            return name;
        }
    }

    static List<Hostile> hostile() {
        byte[] secret = "0123456789abcdef0123456789abcdef".getBytes(StandardCharsets.US_ASCII);
        List<Hostile> all = new ArrayList<>();
        all.add(new Hostile(
                "another key under the same name",
                encrypted(JWEAlgorithm.RSA_OAEP_256, EncryptionMethod.A256GCM, OTHER_RSA, "rsa")));
        all.add(new Hostile(
                "another name", encrypted(JWEAlgorithm.RSA_OAEP_256, EncryptionMethod.A256GCM, RSA, "rsa-2")));
        all.add(new Hostile("RSA1_5", encrypted(JWEAlgorithm.parse("RSA1_5"), EncryptionMethod.A256GCM, RSA, "rsa")));
        all.add(new Hostile(
                "RSA-OAEP with SHA-1",
                encrypted(JWEAlgorithm.parse("RSA-OAEP"), EncryptionMethod.A256GCM, RSA, "rsa")));
        all.add(new Hostile(
                "a method nobody needs",
                encrypted(JWEAlgorithm.RSA_OAEP_256, EncryptionMethod.A256CBC_HS512, RSA, "rsa")));
        all.add(new Hostile(
                "dir",
                signed -> Jwe.encrypt(
                        new JWEHeader(JWEAlgorithm.DIR, EncryptionMethod.A256GCM),
                        new DirectEncrypter(secret),
                        signed)));
        all.add(new Hostile(
                "a shared secret",
                signed -> Jwe.encrypt(
                        new JWEHeader(JWEAlgorithm.A256KW, EncryptionMethod.A256GCM),
                        new AESEncrypter(secret),
                        signed)));
        all.add(new Hostile(
                "a password",
                signed -> Jwe.encrypt(
                        new JWEHeader(JWEAlgorithm.PBES2_HS256_A128KW, EncryptionMethod.A128GCM),
                        new PasswordBasedEncrypter("secret", 16, 1000),
                        signed)));
        all.add(
                new Hostile(
                        "a password that is hashed for hours",
                        signed -> Jwe.withHeader(
                                encrypted().sends(signed),
                                "{\"alg\":\"PBES2-HS512+A256KW\",\"enc\":\"A256GCM\",\"p2s\":\"AAAAAAAAAAA\",\"p2c\":2147483647}")));
        all.add(new Hostile("p2c without a password", header(b -> b.pbes2Count(2_000_000_000))));
        all.add(new Hostile("zip", header(b -> b.compressionAlgorithm(CompressionAlgorithm.DEF))));
        all.add(new Hostile(
                "a bomb",
                signed -> Jwe.encrypt(
                        new JWEHeader.Builder(JWEAlgorithm.RSA_OAEP_256, EncryptionMethod.A256GCM)
                                .compressionAlgorithm(CompressionAlgorithm.DEF)
                                .build(),
                        RSA,
                        signed.substring(0, signed.lastIndexOf('.') + 1) + "A".repeat(30_000_000))));
        all.add(new Hostile("crit", header(b -> b.criticalParams(Set.of("exp")).customParam("exp", 2_000_000_000L))));
        all.add(new Hostile("a huge header", header(b -> b.customParam("x", "x".repeat(9_000)))));
        for (int part = 0; part < 5; part++) {
            int changed = part;
            all.add(new Hostile(
                    "part " + part + " changed",
                    signed -> Jwe.change(encrypted().sends(signed), changed)));
            all.add(new Hostile("part " + part + " removed", signed -> {
                String[] parts = encrypted().sends(signed).split("\\.");
                parts[changed] = "";
                return String.join(".", parts);
            }));
        }
        all.add(new Hostile(
                "the tag of A128CBC-HS256 changed",
                signed -> Jwe.change(
                        encrypted(JWEAlgorithm.RSA_OAEP_256, EncryptionMethod.A128CBC_HS256, RSA, "rsa")
                                .sends(signed),
                        4)));
        all.add(new Hostile(
                "the padding of A128CBC-HS256 changed",
                signed -> Jwe.change(
                        encrypted(JWEAlgorithm.RSA_OAEP_256, EncryptionMethod.A128CBC_HS256, RSA, "rsa")
                                .sends(signed),
                        3)));
        all.add(new Hostile("a tag that begins in the text", signed -> {
            String[] parts = encrypted().sends(signed).split("\\.");
            byte[] text = Base64.getUrlDecoder().decode(parts[3]);
            byte[] tag = Base64.getUrlDecoder().decode(parts[4]);
            byte[] longer = new byte[text.length + 4];
            System.arraycopy(text, 0, longer, 0, text.length);
            System.arraycopy(tag, 0, longer, text.length, 4);
            parts[3] = Jwe.base64(longer);
            parts[4] = Jwe.base64(Arrays.copyOfRange(tag, 4, tag.length));
            return String.join(".", parts);
        }));
        all.add(new Hostile(
                "a point off the curve",
                signed -> Jwe.withHeader(
                        encrypted(JWEAlgorithm.ECDH_ES, EncryptionMethod.A128GCM, CURVE, "curve")
                                .sends(signed),
                        "{\"alg\":\"ECDH-ES\",\"enc\":\"A128GCM\",\"epk\":{\"kty\":\"EC\",\"crv\":\"P-256\","
                                + "\"x\":\"gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0\","
                                + "\"y\":\"TLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps\"}}")));
        all.add(new Hostile(
                "a point of no curve at all",
                signed -> Jwe.withHeader(
                        encrypted(JWEAlgorithm.ECDH_ES, EncryptionMethod.A128GCM, CURVE, "curve")
                                .sends(signed),
                        "{\"alg\":\"ECDH-ES\",\"enc\":\"A128GCM\",\"epk\":{\"kty\":\"EC\",\"crv\":\"P-256\","
                                + "\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
                                + "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}}")));
        all.add(new Hostile(
                "a point of another curve",
                encrypted(JWEAlgorithm.ECDH_ES, EncryptionMethod.A128GCM, MockProvider.curve("secp384r1"), "curve")));
        all.add(new Hostile(
                "no point",
                signed -> Jwe.withHeader(
                        encrypted(JWEAlgorithm.ECDH_ES, EncryptionMethod.A128GCM, CURVE, "curve")
                                .sends(signed),
                        "{\"alg\":\"ECDH-ES\",\"enc\":\"A128GCM\"}")));
        all.add(new Hostile(
                "an RSA key in its place",
                signed -> Jwe.withHeader(
                        encrypted(JWEAlgorithm.ECDH_ES, EncryptionMethod.A128GCM, CURVE, "curve")
                                .sends(signed),
                        "{\"alg\":\"ECDH-ES\",\"enc\":\"A128GCM\",\"epk\":"
                                + DecryptionKey.of(RSA).publicJwk() + "}")));
        all.add(new Hostile("direct agreement with a wrapped key", signed -> {
            String[] parts = encrypted(JWEAlgorithm.ECDH_ES, EncryptionMethod.A128GCM, CURVE, "curve")
                    .sends(signed)
                    .split("\\.");
            parts[1] = "AAAA";
            return String.join(".", parts);
        }));
        all.add(new Hostile(
                "claims without signature",
                signed -> encrypted().sends(new PlainJWT(JWTClaimsSet.parse(Jwe.payload(signed))).serialize())));
        all.add(new Hostile("claims alone", signed -> encrypted().sends(Jwe.payload(signed))));
        all.add(new Hostile("no JWT at all", signed -> encrypted().sends("hello")));
        all.add(new Hostile("nothing", signed -> encrypted().sends("")));
        all.add(new Hostile(
                "another JWE", signed -> encrypted().sends(encrypted().sends(signed))));
        for (String header : List.of("", "{}", "null", "[]", "{\"alg\":1,\"enc\":[]}", "{\"alg\":\"none\"}", "{")) {
            all.add(new Hostile(
                    "the header " + header, signed -> Jwe.withHeader(encrypted().sends(signed), header)));
        }
        return all;
    }

    /** A header with something in it that nobody needs, over a content that is right. */
    private static Server header(Consumer<JWEHeader.Builder> change) {
        return signed -> {
            JWEHeader.Builder header =
                    new JWEHeader.Builder(JWEAlgorithm.RSA_OAEP_256, EncryptionMethod.A256GCM).keyID("rsa");
            change.accept(header);
            return Jwe.encrypt(header.build(), RSA, signed);
        };
    }

    @ParameterizedTest
    @MethodSource("hostile")
    void whatever_is_wrong_the_message_is_the_same(Hostile hostile) throws Exception {
        assertUnreadable(mock.node(registration()), hostile.server());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "RSA1_5",
                "RSA-OAEP with SHA-1",
                "a method nobody needs",
                "another name",
                "a password that is hashed for hours",
                "p2c without a password",
                "zip",
                "a bomb",
                "crit",
                "a huge header",
                "part 1 removed",
                "part 2 removed",
                "part 4 removed",
                "a tag that begins in the text",
                "a point off the curve",
                "a point of no curve at all",
                "a point of another curve",
                "no point",
                "an RSA key in its place",
                "direct agreement with a wrapped key"
            })
    void what_its_header_or_form_refuses_is_not_put_before_the_key(String name) throws Exception {
        Hostile hostile = hostile().stream()
                .filter(one -> one.name.equals(name))
                .findFirst()
                .orElseThrow();
        KeyPair rsa = new KeyPair(RSA.getPublic(), HardwareModule.nameOf("RSA"));
        KeyPair curve = new KeyPair(CURVE.getPublic(), HardwareModule.nameOf("EC"));
        Grantkeeper node = mock.node(registration()
                .decryptionKeys(
                        DecryptionKey.of(rsa).keyId("rsa"),
                        DecryptionKey.of(curve).keyId("curve")));
        try (HardwareModule one = HardwareModule.decrypting(RSA.getPrivate(), rsa.getPrivate());
                HardwareModule other = HardwareModule.decrypting(CURVE.getPrivate(), curve.getPrivate())) {
            assertUnreadable(node, hostile.server());
            assertThat(one.decryptions() + other.decryptions()).isZero();
            assertThat(login(node, encrypted())).isInstanceOf(SignedIn.class);
            assertThat(one.decryptions()).isEqualTo(1);
        }
    }

    private void assertUnreadable(Grantkeeper node, Server server) {
        assertThatExceptionOfType(AuthorizationServerException.class)
                .isThrownBy(() -> login(node, server))
                .satisfies(e -> {
                    assertThat(e.kind()).isEqualTo(Kind.MALFORMED);
                    assertThat(e.description()).contains(UNREADABLE);
                    assertThat(e.getCause())
                            .satisfiesAnyOf(
                                    cause -> assertThat(cause).isNull(),
                                    cause -> assertThat(cause)
                                            .hasMessage(UNREADABLE)
                                            .hasNoCause());
                });
    }

    @Test
    void the_signature_inside_counts_as_if_nothing_were_around_it() throws Exception {
        Grantkeeper node = mock.node(registration());
        Jwe.Signer stranger = new Jwe.Signer();
        for (Server server : List.<Server>of(
                signed -> stranger.sign(JWTClaimsSet.parse(Jwe.payload(signed))),
                signed -> Jwe.sign(
                        Jwe.payload(signed),
                        JWSAlgorithm.HS256,
                        new MACSigner(PROVIDER.jwks().getBytes(StandardCharsets.UTF_8))),
                signed -> Jwe.change(signed, 1))) {
            assertThatExceptionOfType(AuthorizationServerException.class)
                    .isThrownBy(() -> login(node, signed -> encrypted().sends(server.sends(signed))))
                    .satisfies(e -> assertThat(e.kind()).isEqualTo(Kind.MALFORMED));
        }
    }

    @Test
    void a_token_of_another_login_is_forged_encrypted_or_not() throws Exception {
        Grantkeeper node = mock.node(registration());
        String[] replayed = new String[1];
        signIn(node, signed -> replayed[0] = encrypted().sends(signed));
        Mismatched result = (Mismatched) login(node, signed -> replayed[0]);
        assertThat(result.reason()).isEqualTo(Mismatched.Reason.FORGED);
    }

    @Test
    void encryption_can_be_demanded_with_the_algorithms_that_were_agreed() throws Exception {
        Grantkeeper node = mock.node(registration().encryptionAlgorithms("RSA-OAEP-256", "A256GCM"));
        assertThat(login(node, encrypted())).isInstanceOf(SignedIn.class);
        assertThatExceptionOfType(AuthorizationServerException.class)
                .isThrownBy(() -> login(node, signed -> signed))
                .satisfies(e -> assertThat(e.kind()).isEqualTo(Kind.MALFORMED))
                .withMessageContaining("it is not encrypted");
        assertUnreadable(node, encrypted(JWEAlgorithm.RSA_OAEP_256, EncryptionMethod.A128GCM, RSA, "rsa"));
        assertUnreadable(node, encrypted(JWEAlgorithm.ECDH_ES, EncryptionMethod.A256GCM, CURVE, "curve"));
        Grantkeeper anyMethod = mock.node(registration().encryptionAlgorithms("ECDH-ES"));
        assertThat(login(anyMethod, encrypted(JWEAlgorithm.ECDH_ES, EncryptionMethod.A128GCM, CURVE, "curve")))
                .isInstanceOf(SignedIn.class);
        assertUnreadable(anyMethod, encrypted());
    }

    @Test
    void what_cannot_work_is_told_when_it_is_built() {
        assertThatIllegalStateException()
                .isThrownBy(() -> mock.registration(mock.provider())
                        .encryptionAlgorithms("RSA-OAEP-256")
                        .build())
                .withMessageContaining("decryptionKeys(");
        assertThatIllegalStateException()
                .isThrownBy(() -> registration()
                        .decryptionKeys(KEY)
                        .encryptionAlgorithms("ECDH-ES")
                        .build())
                .withMessageContaining("decryptionKeys(");
        for (String unsafe : List.of("RSA1_5", "RSA-OAEP", "dir", "A256KW", "PBES2-HS256+A128KW", "none", "x", "")) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> registration().encryptionAlgorithms(unsafe))
                    .withMessageContaining("RSA-OAEP-256");
        }
    }

    // ---- Refreshes ------------------------------------------------------------------------------------------------

    private List<String> refreshTokensSent() throws InterruptedException {
        List<String> sent = new ArrayList<>();
        RecordedRequest next;
        while ((next = mock.server.takeRequest(0, TimeUnit.MILLISECONDS)) != null) {
            if (next.getTarget().equals("/token")) {
                Optional.ofNullable(MockProvider.form(next).get("refresh_token"))
                        .ifPresent(sent::add);
            }
        }
        return sent;
    }

    @Test
    void an_id_token_that_comes_with_a_refresh_is_decrypted_too() throws Exception {
        Account account = signIn(mock.node(registration()), encrypted()).keepAs("alice");
        String next = PROVIDER.sign(claims("alice").claim("second", true).build());
        idToken = encrypted().sends(next);
        mock.time.pass(Duration.ofSeconds(61));
        assertThat(account.tokens().idToken()).contains(next);
    }

    @Test
    void it_need_not_be_encrypted_since_it_identifies_nobody() throws Exception {
        Grantkeeper node = mock.node(registration().encryptionAlgorithms("RSA-OAEP-256"));
        Account account = signIn(node, encrypted()).keepAs("alice");
        String next = PROVIDER.sign(claims("alice").claim("second", true).build());
        idToken = next;
        mock.time.pass(Duration.ofSeconds(61));
        assertThat(account.tokens().idToken()).contains(next);
    }

    @Test
    void another_users_is_refused_and_one_that_nobody_can_read_and_the_new_refresh_token_is_kept() throws Exception {
        for (Server server : List.<Server>of(
                signed -> encrypted().sends(PROVIDER.sign(claims("bob").build())),
                signed -> Jwe.change(encrypted().sends(signed), 4))) {
            String user = "user" + server.hashCode();
            Account account = signIn(mock.node(registration()), encrypted()).keepAs(user);
            idToken = server.sends(PROVIDER.sign(claims("alice").build()));
            refreshToken = "refresh-2";
            mock.time.pass(Duration.ofSeconds(61));
            assertThatExceptionOfType(AuthorizationServerException.class)
                    .isThrownBy(account::tokens)
                    .satisfies(e -> assertThat(e.kind()).isEqualTo(Kind.MALFORMED));
            idToken = encrypted().sends(PROVIDER.sign(claims("alice").build()));
            mock.time.pass(Duration.ofMinutes(10));
            assertThat(account.tokens().accessToken()).isEqualTo("at");
            assertThat(refreshTokensSent()).containsExactly("refresh-1", "refresh-2");
            refreshToken = "refresh-1";
        }
    }

    // ---- UserInfo -------------------------------------------------------------------------------------------------

    @Test
    void a_userinfo_response_is_decrypted_signed_or_as_json() throws Exception {
        Grantkeeper node = mock.node(registration().fetchProfile());
        JWTClaimsSet claims = new JWTClaimsSet.Builder()
                .subject("alice")
                .claim("team", "blue")
                .build();
        for (String content : List.of(PROVIDER.sign(claims), claims.toString())) {
            userInfo = encrypted().sends(content);
            assertThat(signIn(node, encrypted()).identity().orElseThrow().claims())
                    .containsEntry("team", "blue");
        }
    }

    @Test
    void a_userinfo_response_that_is_wrong_inside_or_outside_fails_the_login() throws Exception {
        Grantkeeper node = mock.node(registration().fetchProfile());
        JWTClaimsSet alice = new JWTClaimsSet.Builder().subject("alice").build();
        JWTClaimsSet bob = new JWTClaimsSet.Builder().subject("bob").build();
        for (String wrong : List.of(
                encrypted().sends(PROVIDER.sign(bob)),
                encrypted().sends(bob.toString()),
                encrypted().sends(new Jwe.Signer().sign(alice)),
                encrypted().sends(new PlainJWT(alice).serialize()),
                encrypted().sends("{\"sub\":"),
                Jwe.change(encrypted().sends(PROVIDER.sign(alice)), 3),
                encrypted(JWEAlgorithm.parse("RSA1_5"), EncryptionMethod.A256GCM, RSA, "rsa")
                        .sends(PROVIDER.sign(alice)),
                encrypted(JWEAlgorithm.RSA_OAEP_256, EncryptionMethod.A256GCM, OTHER_RSA, "rsa")
                        .sends(PROVIDER.sign(alice)))) {
            userInfo = wrong;
            assertThatExceptionOfType(AuthorizationServerException.class)
                    .isThrownBy(() -> login(node, encrypted()))
                    .satisfies(e -> assertThat(e.kind()).isEqualTo(Kind.MALFORMED));
        }
    }

    // ---- Logout tokens --------------------------------------------------------------------------------------------

    private String logoutToken() throws Exception {
        return PROVIDER.sign(claims("alice")
                .jwtID("id-1")
                .claim("events", Map.of("http://schemas.openid.net/event/backchannel-logout", Map.of()))
                .build());
    }

    @Test
    void a_logout_token_is_decrypted_and_has_to_be_encrypted_where_id_tokens_have_to() throws Exception {
        Grantkeeper node = mock.node(registration());
        Grantkeeper demanding = mock.node(registration().encryptionAlgorithms("RSA-OAEP-256"));
        String encrypted = encrypted().sends(logoutToken());
        assertThat(node.verifyLogoutToken(encrypted)).isPresent();
        assertThat(node.verifyLogoutToken(logoutToken())).isPresent();
        assertThat(demanding.verifyLogoutToken(encrypted)).isPresent();
        assertThat(demanding.verifyLogoutToken(logoutToken())).isEmpty();
        assertThat(node.verifyLogoutToken(Jwe.change(encrypted, 4))).isEmpty();
        assertThat(node.verifyLogoutToken(
                        encrypted().sends(new PlainJWT(claims("alice").build()).serialize())))
                .isEmpty();
    }

    @Test
    void nothing_secret_is_printed() throws IOException {
        assertThat(KEY).hasToString("DecryptionKey[RSA-OAEP-256, rsa]");
        assertThat(registration().build().toString()).doesNotContain("DecryptionKey");
    }
}
