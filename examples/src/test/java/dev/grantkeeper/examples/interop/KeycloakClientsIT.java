/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.interop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.grantkeeper.Account;
import dev.grantkeeper.AuthorizationServerException;
import dev.grantkeeper.BackchannelLogin;
import dev.grantkeeper.Grantkeeper;
import dev.grantkeeper.LoginResult;
import dev.grantkeeper.PendingLogin;
import dev.grantkeeper.provider.ClientAuthentication;
import dev.grantkeeper.provider.DecryptionKey;
import dev.grantkeeper.provider.LoginProtection;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.provider.SigningKey;
import dev.grantkeeper.store.memory.MemoryTokenStore;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.interfaces.ECPublicKey;
import java.security.interfaces.RSAPublicKey;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Client authentication at a Keycloak, and the protection of logins there. */
@Timeout(60)
class KeycloakClientsIT {
    private static final String CALLBACK = "http://127.0.0.1:9999/callback";

    /**
     * So short because Keycloak's clock cannot be moved, and takes what was signed a few seconds in the future only.
     */
    private static final Duration TOKENS_LIVE = Duration.ofSeconds(5);

    private static final JsonMapper JSON = new JsonMapper();

    private static KeycloakServer keycloak;

    private final MovableTime time = new MovableTime();
    private final String clientId = "client-" + UUID.randomUUID();

    @BeforeAll
    @Timeout(240)
    static void startKeycloak() throws IOException, InterruptedException {
        String home = Objects.requireNonNull(System.getProperty("keycloak.home"), "keycloak.home: use -Pinterop");
        keycloak = KeycloakServer.start(Path.of(home));
    }

    @AfterAll
    static void stopKeycloak() throws InterruptedException {
        keycloak.close();
    }

    // Authentication

    @ParameterizedTest
    @ValueSource(strings = {"PS256", "RS256", "ES256", "ES384", "EdDSA"})
    void aKeyIsAsGoodAsASecret(String algorithm) throws Exception {
        KeyPair pair = pair(algorithm);
        register("client-jwt", Map.of("use.jwks.string", "true", "jwks.string", jwks(pair, algorithm)));
        try (Grantkeeper grantkeeper = registration()
                .signingKey(SigningKey.of(pair.getPrivate()).keyId("k1").algorithm(algorithm))
                .build()) {
            signsInAndRefreshes(grantkeeper);
        }
    }

    @Test
    void anotherKeyIsNotAccepted() throws Exception {
        register("client-jwt", Map.of("use.jwks.string", "true", "jwks.string", jwks(pair("ES256"), "ES256")));
        try (Grantkeeper grantkeeper = registration()
                .signingKey(SigningKey.of(pair("ES256").getPrivate()).keyId("k1"))
                .build()) {
            assertThatExceptionOfType(AuthorizationServerException.class)
                    .isThrownBy(() -> grantkeeper.application().tokens())
                    .satisfies(e -> assertThat(e.kind()).isEqualTo(AuthorizationServerException.Kind.MISCONFIGURED));
        }
    }

    @Test
    void aSecretCanSign() throws Exception {
        register("client-secret-jwt", Map.of());
        try (Grantkeeper grantkeeper = registration()
                .clientSecret(SECRET)
                .clientAuthentication(ClientAuthentication.SECRET_JWT)
                .build()) {
            signsInAndRefreshes(grantkeeper);
        }
    }

    @Test
    void aCertificateIsShownInTheHandshake() throws Exception {
        register("client-x509", Map.of("x509.subjectdn", "CN=" + clientId));
        Provider provider = keycloak.provider()
                .newBuilder()
                .mtlsEndpointAliases(Map.of("token_endpoint", keycloak.secureTokenEndpoint()))
                .build();
        try (Grantkeeper right = registration(provider)
                        .clientAuthentication(ClientAuthentication.MUTUAL_TLS)
                        .httpClient(keycloak.showing(clientId))
                        .build();
                Grantkeeper wrong = registration(provider)
                        .clientAuthentication(ClientAuthentication.MUTUAL_TLS)
                        .httpClient(keycloak.showing("somebody else"))
                        .build()) {
            assertThat(right.application().tokens().accessToken()).isNotEmpty();
            assertThatExceptionOfType(AuthorizationServerException.class)
                    .isThrownBy(() -> wrong.application().tokens())
                    .satisfies(e -> assertThat(e.kind()).isEqualTo(AuthorizationServerException.Kind.MISCONFIGURED));
        }
    }

    // Logins

    @Test
    void aLoginThatHasToBePushedIsPushed() throws Exception {
        register("client-secret", Map.of("require.pushed.authorization.requests", "true"));
        try (Grantkeeper grantkeeper = registration()
                .clientSecret(SECRET)
                .loginProtections(LoginProtection.PUSHED_REQUEST)
                .build()) {
            PendingLogin login = grantkeeper.startLogin();
            assertThat(login.url().toString()).contains("request_uri=").doesNotContain("state=");
            assertThat(login.urlExpiresAt()).isPresent();
            signsInAndRefreshes(grantkeeper);
        }
    }

    @Test
    void aPushedLoginThatIsWrongIsToldAtOnce() throws Exception {
        register("client-secret", Map.of());
        try (Grantkeeper grantkeeper = registration()
                .redirectUri("http://127.0.0.1:9998/another")
                .clientSecret(SECRET)
                .loginProtections(LoginProtection.PUSHED_REQUEST)
                .build()) {
            assertThatExceptionOfType(AuthorizationServerException.class)
                    .isThrownBy(grantkeeper::startLogin)
                    .satisfies(e -> assertThat(e.kind()).isEqualTo(AuthorizationServerException.Kind.MISCONFIGURED));
        }
    }

    @Test
    void aLoginIsSignedPushedAndAnsweredWithASignature() throws Exception {
        KeyPair pair = pair("PS256");
        register(
                "client-jwt",
                Map.of(
                        "use.jwks.string", "true",
                        "jwks.string", jwks(pair, "PS256"),
                        "require.pushed.authorization.requests", "true",
                        "request.object.required", "request or request_uri",
                        "request.object.signature.alg", "PS256",
                        "authorization.signed.response.alg", "PS256"));
        try (Grantkeeper grantkeeper = registration()
                .signingKey(SigningKey.of(pair.getPrivate()).keyId("k1"))
                .loginProtections(
                        LoginProtection.PUSHED_REQUEST, LoginProtection.SIGNED_REQUEST, LoginProtection.SIGNED_RESPONSE)
                .build()) {
            signsInAndRefreshes(grantkeeper);
        }
    }

    @Test
    void aBackchannelLoginIsSigned() throws Exception {
        KeyPair pair = pair("PS256");
        register(
                "client-jwt",
                Map.of(
                        "use.jwks.string", "true",
                        "jwks.string", jwks(pair, "PS256"),
                        "oidc.ciba.grant.enabled", "true",
                        "ciba.backchannel.token.delivery.mode", "poll",
                        "ciba.backchannel.auth.request.signing.alg", "PS256"));
        try (Grantkeeper grantkeeper = registration()
                .signingKey(SigningKey.of(pair.getPrivate()).keyId("k1"))
                .loginProtections(LoginProtection.SIGNED_REQUEST)
                .build()) {
            BackchannelLogin login = grantkeeper
                    .newLogin()
                    .loginHint("alice")
                    .bindingMessage("W4SCT")
                    .startBackchannel();
            Phone.Post question = keycloak.phone().question();
            assertThat(question.json().path("binding_message").textValue()).isEqualTo("W4SCT");
            keycloak.decide(question, "SUCCEED");
            assertThat(grantkeeper.awaitLogin(login)).isInstanceOf(LoginResult.SignedIn.class);
        }
    }

    @ParameterizedTest
    @CsvSource({"RSA-OAEP-256, A256GCM", "ECDH-ES+A256KW, A128CBC-HS256"})
    void whatIsForAClientIsEncryptedToIt(String algorithm, String method) throws Exception {
        DecryptionKey key = DecryptionKey.of(pair(algorithm.startsWith("RSA") ? "RS256" : "ES256"))
                .keyId("enc-1")
                .algorithm(algorithm);
        Map<String, String> attributes = new HashMap<>();
        attributes.put("use.jwks.string", "true");
        attributes.put("jwks.string", "{\"keys\":[" + key.publicJwk() + "]}");
        attributes.put("user.info.response.signature.alg", "RS256");
        for (String what : List.of("id.token", "user.info", "authorization")) {
            attributes.put(what + ".encrypted.response.alg", algorithm);
            attributes.put(what + ".encrypted.response.enc", method);
        }
        register("client-secret", attributes);
        Provider provider = keycloak.provider()
                .newBuilder()
                .userInfoEndpoint(keycloak.userinfo())
                .build();
        try (Grantkeeper grantkeeper = registration(provider)
                .clientSecret(SECRET)
                .decryptionKeys(key)
                .encryptionAlgorithms(algorithm, method)
                .loginProtections(LoginProtection.ENCRYPTED_RESPONSE)
                .fetchProfile()
                .build()) {
            PendingLogin login = grantkeeper.startLogin();
            String query = new Browser(CALLBACK).login(login.url(), "alice", "alice-pw");
            assertThat(query.chars().filter(c -> c == '.')).hasSize(4);
            assertThat(grantkeeper.sessionKeyOf(query)).isEqualTo(login.sessionKey());
            LoginResult.SignedIn in = (LoginResult.SignedIn) grantkeeper.finishLogin(login, query);
            assertThat(in.identity().orElseThrow().subject()).isNotEmpty();
            assertThat(in.tokens().idToken().orElseThrow().split("\\.")).hasSize(3);
            Account account = in.keepAs("alice");
            time.pass(TOKENS_LIVE.plusSeconds(1));
            assertThat(account.tokens().accessToken()).isNotEqualTo(in.tokens().accessToken());
            assertThat(account.tokens().idToken().orElseThrow().split("\\.")).hasSize(3);
        }
    }

    @Test
    void anIdTokenSignsTheResponse() throws Exception {
        String callback = "https://app.example/callback";
        register("client-secret", Map.of(), callback);
        try (Grantkeeper grantkeeper = registration()
                .redirectUri(callback)
                .clientSecret(SECRET)
                .loginProtections(LoginProtection.DETACHED_SIGNATURE)
                .build()) {
            PendingLogin login = grantkeeper.startLogin();
            String form = new Browser(callback).login(login.url(), "alice", "alice-pw");
            assertThat(form).contains("id_token=").doesNotContain("access_token=");
            assertThat(PendingLogin.sessionKeyOf(form)).isEqualTo(login.sessionKey());
            assertThat(grantkeeper.finishLogin(login, form)).isInstanceOf(LoginResult.SignedIn.class);
        }
    }

    // Help

    private static final String SECRET = "a secret that is long enough to sign";

    private void register(String authenticator, Map<String, String> attributes) throws IOException {
        register(authenticator, attributes, CALLBACK);
    }

    private void register(String authenticator, Map<String, String> attributes, String callback) throws IOException {
        ObjectNode client = JSON.createObjectNode()
                .put("clientId", clientId)
                .put("enabled", true)
                .put("protocol", "openid-connect")
                .put("publicClient", false)
                .put("clientAuthenticatorType", authenticator)
                .put("secret", SECRET)
                .put("standardFlowEnabled", true)
                .put("implicitFlowEnabled", !callback.equals(CALLBACK)) // which Keycloak wants for the hybrid one
                .put("serviceAccountsEnabled", true);
        client.putArray("redirectUris").add(callback);
        attributes.forEach(client.putObject("attributes")
                .put("pkce.code.challenge.method", "S256")
                .put("access.token.lifespan", String.valueOf(TOKENS_LIVE.toSeconds()))::put);
        keycloak.register(client);
    }

    private Grantkeeper.Builder registration() {
        return registration(keycloak.provider());
    }

    private Grantkeeper.Builder registration(Provider provider) {
        return Grantkeeper.builder(provider)
                .clientId(clientId)
                .redirectUri(CALLBACK)
                .scopes("openid")
                .tokenStore(MemoryTokenStore.create())
                .allowPlaintextTokens()
                .time(time.clock(), time::ticks);
    }

    private void signsInAndRefreshes(Grantkeeper grantkeeper) throws IOException {
        PendingLogin login = grantkeeper.startLogin();
        String query = new Browser(CALLBACK).login(login.url(), "alice", "alice-pw");
        assertThat(PendingLogin.sessionKeyOf(query)).isEqualTo(login.sessionKey());
        LoginResult result = grantkeeper.finishLogin(login, query);
        assertThat(result).isInstanceOf(LoginResult.SignedIn.class);
        Account account = ((LoginResult.SignedIn) result).keepAs("alice");
        String first = account.tokens().accessToken();
        time.pass(TOKENS_LIVE.plusSeconds(1));
        assertThat(account.tokens().accessToken()).isNotEqualTo(first);
    }

    private static KeyPair pair(String algorithm) throws GeneralSecurityException {
        KeyPairGenerator generator = KeyPairGenerator.getInstance(
                switch (algorithm) {
                    case "ES256", "ES384" -> "EC";
                    case "EdDSA" -> "Ed25519";
                    default -> "RSA";
                });
        switch (algorithm) {
            case "ES256" -> generator.initialize(new ECGenParameterSpec("secp256r1"));
            case "ES384" -> generator.initialize(new ECGenParameterSpec("secp384r1"));
            case "EdDSA" -> {}
            default -> generator.initialize(2048);
        }
        return generator.generateKeyPair();
    }

    /** The public key as Keycloak wants to be told of it (RFC 7517). */
    private static String jwks(KeyPair pair, String algorithm) {
        ObjectNode set = JSON.createObjectNode();
        ObjectNode key = set.putArray("keys")
                .addObject()
                .put("kid", "k1")
                .put("use", "sig")
                .put("alg", algorithm);
        if (pair.getPublic() instanceof RSAPublicKey rsa) {
            key.put("kty", "RSA")
                    .put("n", base64(unsigned(rsa.getModulus())))
                    .put("e", base64(unsigned(rsa.getPublicExponent())));
        } else if (pair.getPublic() instanceof ECPublicKey ec) {
            int length = ec.getParams().getOrder().bitLength() / 8;
            key.put("kty", "EC")
                    .put("crv", "P-" + length * 8)
                    .put("x", base64(padded(ec.getW().getAffineX(), length)))
                    .put("y", base64(padded(ec.getW().getAffineY(), length)));
        } else {
            // The last 32 bytes of the encoding are the key (RFC 8410 section 4).
            byte[] encoded = pair.getPublic().getEncoded();
            byte[] x = Arrays.copyOfRange(encoded, encoded.length - 32, encoded.length);
            key.put("kty", "OKP").put("crv", "Ed25519").put("x", base64(x));
        }
        return set.toString();
    }

    private static byte[] unsigned(BigInteger number) {
        return padded(number, (number.bitLength() + 7) / 8);
    }

    private static byte[] padded(BigInteger number, int length) {
        byte[] bytes = number.toByteArray();
        byte[] padded = new byte[length];
        int from = Math.max(0, bytes.length - length);
        System.arraycopy(bytes, from, padded, length - (bytes.length - from), bytes.length - from);
        return padded;
    }

    private static String base64(byte[] bytes) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }
}
