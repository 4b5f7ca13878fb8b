/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static dev.grantkeeper.MockProvider.json;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import com.nimbusds.jose.JWEDecrypter;
import com.nimbusds.jose.JWEObject;
import com.nimbusds.jose.crypto.ECDHDecrypter;
import com.nimbusds.jose.crypto.ECDSAVerifier;
import com.nimbusds.jose.crypto.RSADecrypter;
import com.nimbusds.jwt.SignedJWT;
import dev.grantkeeper.AuthorizationServerException.Kind;
import dev.grantkeeper.provider.DecryptionKey;
import dev.grantkeeper.provider.LoginProtection;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.provider.SigningKey;
import java.security.KeyPair;
import java.security.interfaces.ECPrivateKey;
import java.security.interfaces.ECPublicKey;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import mockwebserver3.Dispatcher;
import mockwebserver3.MockResponse;
import mockwebserver3.RecordedRequest;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Signed authorization requests that are encrypted to the server (RFC 9101 section 6.1). */
@Timeout(300)
class EncryptedRequestsTest {
    private static final KeyPair OWN = MockProvider.curve("secp256r1");
    private static final KeyPair RSA = Jwe.rsa();
    private static final KeyPair CURVE = MockProvider.curve("secp256r1");

    private final MockProvider mock = new MockProvider();
    private volatile String keys = "";
    private volatile int status = 200;
    private volatile String pushed = "";

    @BeforeEach
    void answer() {
        mock.server.setDispatcher(new Dispatcher() {
            @Override
            public MockResponse dispatch(RecordedRequest request) {
                if (request.getTarget().equals("/jwks")) {
                    return json(status, "{\"keys\":[" + keys + "]}");
                }
                pushed = MockProvider.form(request).getOrDefault("request", "");
                return json(201, "{\"request_uri\":\"urn:example:1\",\"expires_in\":60}");
            }
        });
    }

    @AfterEach
    void close() {
        mock.close();
    }

    private Grantkeeper node(LoginProtection... protections) {
        return mock.node(registration(protections));
    }

    private Grantkeeper.Builder registration(LoginProtection... protections) {
        return registration(mock.provider(), protections);
    }

    /** A node that knows the server by its metadata. */
    private Grantkeeper discovering(String members) {
        Provider.Builder provider = Provider.builder("found")
                .allowHttpOnLoopback()
                .metadata(
                        MockProvider.ISSUER,
                        "{\"issuer\":\"" + MockProvider.ISSUER + "\",\"authorization_endpoint\":\""
                                + mock.url("/authorize")
                                + "\",\"token_endpoint\":\"" + mock.url("/token") + "\",\"jwks_uri\":\""
                                + mock.url("/jwks")
                                + "\",\"token_endpoint_auth_methods_supported\":[\"none\"]" + members + "}");
        return mock.node(registration(provider, LoginProtection.ENCRYPTED_REQUEST));
    }

    private static String supported(String what, String... names) {
        return ",\"request_object_encryption_" + what + "_values_supported\":[\"" + String.join("\",\"", names) + "\"]";
    }

    private Grantkeeper.Builder registration(Provider.Builder provider, LoginProtection... protections) {
        return mock.registration(provider)
                .signingKey(SigningKey.of(OWN.getPrivate()).keyId("own"))
                .loginProtections(protections);
    }

    private static String forSigning(KeyPair pair) {
        return DecryptionKey.of(pair).keyId("signing").publicJwk().replace("\"enc\"", "\"sig\"");
    }

    private static JWEObject decrypted(String request, JWEDecrypter decrypter) throws Exception {
        return decrypted(request, decrypter, "A256GCM");
    }

    private static JWEObject decrypted(String request, JWEDecrypter decrypter, String method) throws Exception {
        JWEObject jwe = JWEObject.parse(request);
        jwe.decrypt(decrypter);
        SignedJWT jwt = jwe.getPayload().toSignedJWT();
        assertThat(jwt.verify(new ECDSAVerifier((ECPublicKey) OWN.getPublic()))).isTrue();
        assertThat(jwt.getJWTClaimsSet().getStringClaim("redirect_uri")).isEqualTo(MockProvider.REDIRECT);
        assertThat(jwe.getHeader().getContentType()).isEqualTo("JWT");
        assertThat(jwe.getHeader().getEncryptionMethod().getName()).isEqualTo(method);
        return jwe;
    }

    @Test
    void a_request_is_signed_and_encrypted_with_the_key_that_is_for_encryption() throws Exception {
        keys = forSigning(CURVE) + "," + DecryptionKey.of(RSA).keyId("e1").publicJwk();
        PendingLogin login = node(LoginProtection.ENCRYPTED_REQUEST).startLogin();
        Map<String, String> parameters = MockProvider.parameters(login.url().toString());
        assertThat(parameters).containsOnlyKeys("client_id", "response_type", "scope", "request");
        JWEObject jwe = decrypted(parameters.get("request"), new RSADecrypter(RSA.getPrivate()));
        assertThat(jwe.getHeader().getAlgorithm().getName()).isEqualTo("RSA-OAEP-256");
        assertThat(jwe.getHeader().getKeyID()).isEqualTo("e1");
        assertThat(login.urlExpiresAt()).isPresent();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "ECDH-ES", "ECDH-ES+A128KW"})
    void a_pushed_request_is_encrypted_too_with_the_algorithm_that_the_key_names(String algorithm) throws Exception {
        DecryptionKey key = DecryptionKey.of(CURVE);
        keys = (algorithm.isEmpty() ? key : key.algorithm(algorithm)).publicJwk();
        node(LoginProtection.ENCRYPTED_REQUEST, LoginProtection.PUSHED_REQUEST).startLogin();
        JWEObject jwe = decrypted(pushed, new ECDHDecrypter((ECPrivateKey) CURVE.getPrivate()));
        assertThat(jwe.getHeader().getAlgorithm().getName())
                .isEqualTo(algorithm.isEmpty() ? "ECDH-ES+A256KW" : algorithm);
    }

    @Test
    void a_request_that_the_application_serves_is_encrypted_too() throws Exception {
        keys = DecryptionKey.of(RSA).keyId("e1").publicJwk();
        List<String> published = new ArrayList<>();
        Grantkeeper node =
                mock.node(registration(LoginProtection.ENCRYPTED_REQUEST).requestUri(request -> {
                    published.add(request);
                    return mock.url("/requests/1");
                }));
        PendingLogin login = node.startLogin();
        assertThat(MockProvider.parameters(login.url().toString()))
                .containsOnlyKeys("client_id", "response_type", "scope", "request_uri")
                .containsEntry("request_uri", mock.url("/requests/1"));
        assertThat(published).hasSize(1);
        decrypted(published.get(0), new RSADecrypter(RSA.getPrivate()));

        keys = forSigning(CURVE);
        Grantkeeper other =
                mock.node(registration(LoginProtection.ENCRYPTED_REQUEST).requestUri(request -> {
                    published.add(request);
                    return mock.url("/requests/2");
                }));
        assertThatExceptionOfType(AuthorizationServerException.class).isThrownBy(other::startLogin);
        assertThat(published).hasSize(1);
    }

    @Test
    void without_a_key_that_is_safe_nothing_is_sent_in_another_way() {
        String rsa = DecryptionKey.of(RSA).publicJwk();
        for (String wrong : new String[] {
            forSigning(RSA),
            rsa.replace("RSA-OAEP-256", "RSA1_5"),
            rsa.replace("RSA-OAEP-256", "RSA-OAEP"),
            rsa.replace("\"use\":\"enc\",", ""),
            DecryptionKey.of(CURVE).algorithm("ECDH-ES").publicJwk().replace("ECDH-ES", "ES256")
        }) {
            keys = wrong;
            Grantkeeper node = node(LoginProtection.ENCRYPTED_REQUEST, LoginProtection.PUSHED_REQUEST);
            assertThatExceptionOfType(AuthorizationServerException.class)
                    .isThrownBy(node::startLogin)
                    .satisfies(e -> assertThat(e.kind()).isEqualTo(Kind.MISCONFIGURED))
                    .withMessageContaining("use=enc");
        }
        assertThat(pushed).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "A128CBC-HS256 A256GCM, A256GCM",
        "A192GCM A128GCM, A128GCM",
        "A256CBC-HS512 A192GCM, A192GCM",
        "A256CBC-HS512 A128CBC-HS256, A128CBC-HS256",
        "A192CBC-HS384 A256CBC-HS512, A256CBC-HS512",
        "A192CBC-HS384, A192CBC-HS384",
        "A128CBC+HS256 A256CBC-HS512 unheard-of, A256CBC-HS512",
        "'', A256GCM"
    })
    void content_is_encrypted_as_the_metadata_allows(String names, String method) throws Exception {
        for (KeyPair pair : List.of(RSA, CURVE)) {
            keys = DecryptionKey.of(pair).publicJwk();
            String request = MockProvider.parameters(discovering(supported("enc", names.split(" ")))
                            .startLogin()
                            .url()
                            .toString())
                    .get("request");
            decrypted(
                    request,
                    pair == RSA
                            ? new RSADecrypter(RSA.getPrivate())
                            : new ECDHDecrypter((ECPrivateKey) CURVE.getPrivate()),
                    method);
        }
    }

    @Test
    void metadata_that_is_silent_or_malformed_changes_nothing() throws Exception {
        keys = DecryptionKey.of(RSA).publicJwk();
        for (String members : List.of(
                "",
                ",\"request_object_encryption_enc_values_supported\":\"A128GCM\"",
                ",\"request_object_encryption_enc_values_supported\":null",
                supported("alg", "RSA-OAEP-256", "RSA-OAEP"))) {
            decrypted(
                    MockProvider.parameters(
                                    discovering(members).startLogin().url().toString())
                            .get("request"),
                    new RSADecrypter(RSA.getPrivate()));
        }
    }

    @Test
    void where_no_method_fits_nothing_is_sent() {
        keys = DecryptionKey.of(RSA).publicJwk();
        for (String name : List.of("A128CBC+HS256", "XC20P", "a256gcm")) {
            assertThatExceptionOfType(AuthorizationServerException.class)
                    .isThrownBy(discovering(supported("enc", name))::startLogin)
                    .satisfies(e -> assertThat(e.kind()).isEqualTo(Kind.MISCONFIGURED))
                    .withMessageContaining("request_object_encryption_enc_values_supported")
                    .withMessageContaining("A256GCM");
        }
        assertThat(mock.server.getRequestCount()).isZero();
    }

    @Test
    void a_key_that_names_no_algorithm_is_used_with_one_that_the_server_supports() throws Exception {
        keys = DecryptionKey.of(CURVE).publicJwk();
        String request = MockProvider.parameters(
                        discovering(supported("alg", "RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A128KW"))
                                .startLogin()
                                .url()
                                .toString())
                .get("request");
        JWEObject jwe = decrypted(request, new ECDHDecrypter((ECPrivateKey) CURVE.getPrivate()));
        assertThat(jwe.getHeader().getAlgorithm().getName()).isEqualTo("ECDH-ES+A128KW");

        keys = keys + "," + DecryptionKey.of(RSA).publicJwk().replace(",\"alg\":\"RSA-OAEP-256\"", "");
        assertThat(keys).contains("RSA").doesNotContain("OAEP");
        request = MockProvider.parameters(discovering(supported("alg", "RSA-OAEP-256"))
                        .startLogin()
                        .url()
                        .toString())
                .get("request");
        decrypted(request, new RSADecrypter(RSA.getPrivate()));

        assertThatExceptionOfType(AuthorizationServerException.class)
                .isThrownBy(discovering(supported("alg", "RSA-OAEP", "RSA1_5"))::startLogin)
                .satisfies(e -> assertThat(e.kind()).isEqualTo(Kind.MISCONFIGURED));
    }

    @Test
    void while_the_keys_cannot_be_fetched_no_login_starts() throws Exception {
        keys = DecryptionKey.of(RSA).publicJwk();
        status = 503;
        Grantkeeper node = node(LoginProtection.ENCRYPTED_REQUEST);
        assertThatExceptionOfType(AuthorizationServerException.class)
                .isThrownBy(node::startLogin)
                .satisfies(e -> assertThat(e.kind()).isEqualTo(Kind.TEMPORARY));
        status = 200;
        mock.time.pass(Duration.ofSeconds(61));
        assertThat(node.startLogin().url().toString()).contains("request=");
    }

    @Test
    void a_key_that_replaces_another_is_used_after_some_minutes() throws Exception {
        keys = DecryptionKey.of(RSA).keyId("e1").publicJwk();
        Grantkeeper node = node(LoginProtection.ENCRYPTED_REQUEST);
        node.startLogin();
        keys = DecryptionKey.of(CURVE).keyId("e2").publicJwk();
        mock.time.pass(Duration.ofMinutes(6));
        String request =
                MockProvider.parameters(node.startLogin().url().toString()).get("request");
        assertThat(JWEObject.parse(request).getHeader().getKeyID()).isEqualTo("e2");
    }

    @Test
    void what_cannot_work_is_told_when_it_is_built() {
        assertThatIllegalStateException()
                .isThrownBy(() -> mock.registration(mock.provider())
                        .loginProtections(LoginProtection.ENCRYPTED_REQUEST)
                        .build())
                .withMessageContaining("signingKey(");
    }
}
