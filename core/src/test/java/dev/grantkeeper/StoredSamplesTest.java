/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.entry;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.ECKey;
import dev.grantkeeper.LoginResult.SignedIn;
import dev.grantkeeper.internal.login.BackchannelAttempt;
import dev.grantkeeper.internal.login.DeviceAttempt;
import dev.grantkeeper.internal.login.LoginAttempt;
import dev.grantkeeper.internal.row.KeyText;
import dev.grantkeeper.internal.row.RowFormat;
import dev.grantkeeper.internal.row.UnreadableRowException;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.Identity;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenSet;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.math.BigInteger;
import java.net.ConnectException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.AlgorithmParameters;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.MessageDigest;
import java.security.interfaces.ECPublicKey;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.ECParameterSpec;
import java.security.spec.ECPrivateKeySpec;
import java.security.spec.ECPublicKeySpec;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import okhttp3.HttpUrl;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * While a deployment rolls, and after it, this version reads what older ones wrote: logins and exceptions in sessions,
 * logins in cookies, rows in stores. Each file of {@code src/test/resources/samples} was written by a version that was
 * released, and is never written again: to make a test pass by writing a sample anew is to sign users out.
 *
 * <p>A form that changes gets a further sample beside the old one. {@code ./mvnw -pl core test -Dtest=StoredSamplesTest
 * -Dgrantkeeper.samples.write=true} writes the samples that are missing, and no other. All secrets in them are made up.
 */
@Timeout(300)
class StoredSamplesTest {
    private static final Path SAMPLES = Path.of("src/test/resources/samples");
    private static final Instant NOW = Instant.parse("2026-11-20T12:00:00.123Z");
    private static final AccountKey ALICE = new AccountKey("fake:test-client", "alice");
    private static final JsonMapper JSON = new JsonMapper();

    private static final String STATE = "made-up-state-made-up-state";
    private static final String VERIFIER = "made-up-verifier-made-up-verifier-made-up-verifier";
    private static final String NONCE = "made-up-nonce-made-up-nonce";
    private static final String DETAILS = "[{\"type\":\"payment\",\"amount\":\"1.50\"}]";
    private static final String ENDPOINT = "https://login.example/authorize";
    private static final String LOGIN_URL = ENDPOINT
            + "?response_type=code&client_id=test-client&redirect_uri=http%3A%2F%2F127.0.0.1%3A8888%2Fcallback&state="
            + STATE;

    private final Scene scene = new Scene();

    @AfterEach
    void close() {
        scene.close();
    }

    // ---- The samples ----------------------------------------------------------------------------------------------

    private static Map<String, Callable<String>> samples() {
        Map<String, Callable<String>> samples = new TreeMap<>();
        samples.put("pending-login", () -> serialized(pendingLogin()));
        samples.put("pending-login-dpop", () -> serialized(pendingLoginWithKey()));
        samples.put("pending-login-sealed", () -> sealed(pendingLogin()));
        samples.put("pending-login-dpop-sealed", () -> sealed(pendingLoginWithKey()));
        samples.put("device-login", () -> serialized(new DeviceLogin(device())));
        samples.put("backchannel-login", () -> serialized(new BackchannelLogin(backchannel())));
        samples.put("login-required", () -> serialized(loginRequired()));
        samples.put("authorization-server", () -> serialized(authorizationServer()));
        samples.put(
                "token-store",
                () -> serialized(
                        tokenStore(TokenStoreException.Kind.UNAVAILABLE, new IOException("connection refused"))));
        samples.put(
                "token-store-unreadable",
                () -> serialized(tokenStore(TokenStoreException.Kind.UNREADABLE, unreadable())));
        samples.put("defect", () -> serialized(new OAuthException("made-up defect", new IOException("made-up cause"))));
        samples.put("row", () -> row(new RowFormat(null), GRANT));
        samples.put("row-sealed", () -> row(new RowFormat(Scene.KEYS), GRANT));
        samples.put("row-refused", () -> row(new RowFormat(null), REFUSED));
        samples.put("row-refused-sealed", () -> row(new RowFormat(Scene.KEYS), REFUSED));
        samples.put("row-dpop", () -> row(new RowFormat(null), bound()));
        samples.put("row-dpop-sealed", () -> row(new RowFormat(Scene.KEYS), bound()));
        return samples;
    }

    @BeforeAll
    static void writeThoseThatAreMissing() throws Exception {
        if (Boolean.getBoolean("grantkeeper.samples.write")) {
            Files.createDirectories(SAMPLES);
            for (Map.Entry<String, Callable<String>> sample : samples().entrySet()) {
                Path file = file(sample.getKey());
                if (!Files.exists(file)) {
                    Files.writeString(file, sample.getValue().call() + "\n");
                }
            }
        }
    }

    private static Path file(String name) {
        return SAMPLES.resolve(name + ".txt");
    }

    private static LoginAttempt attempt(String url, @Nullable Instant urlExpiresAt) {
        return new LoginAttempt(
                "fake:test-client",
                STATE,
                VERIFIER,
                NONCE,
                null,
                Scene.REDIRECT,
                url,
                urlExpiresAt,
                new LinkedHashSet<>(List.of("openid", "things.read")),
                DETAILS,
                Set.of("https://a.example"),
                "/inbox?from=mail",
                NOW,
                Duration.ofHours(1),
                null);
    }

    private static PendingLogin pendingLogin() throws Exception {
        return new PendingLogin(attempt(url(), NOW.plusSeconds(90)));
    }

    private static String url() throws Exception {
        byte[] challenge = MessageDigest.getInstance("SHA-256").digest(VERIFIER.getBytes(StandardCharsets.US_ASCII));
        return LOGIN_URL + "&scope=openid%20things.read&code_challenge="
                + Base64.getUrlEncoder().withoutPadding().encodeToString(challenge)
                + "&code_challenge_method=S256&nonce=" + NONCE;
    }

    private static PendingLogin pendingLoginWithKey() throws Exception {
        return new PendingLogin(new LoginAttempt(
                "bound:test-client",
                STATE,
                VERIFIER,
                null,
                proofKey(),
                Scene.REDIRECT,
                LOGIN_URL + "&dpop_jkt=" + thumbprint(),
                null,
                Set.of("things.read"),
                null,
                Set.of(),
                null,
                NOW,
                null,
                null));
    }

    /** A key that keeps no secret: its private number is 1. */
    private static KeyPair proofKey() throws Exception {
        AlgorithmParameters curve = AlgorithmParameters.getInstance("EC");
        curve.init(new ECGenParameterSpec("secp256r1"));
        ECParameterSpec parameters = curve.getParameterSpec(ECParameterSpec.class);
        KeyFactory factory = KeyFactory.getInstance("EC");
        return new KeyPair(
                factory.generatePublic(new ECPublicKeySpec(parameters.getGenerator(), parameters)),
                factory.generatePrivate(new ECPrivateKeySpec(BigInteger.ONE, parameters)));
    }

    private static String thumbprint() throws Exception {
        return new ECKey.Builder(Curve.P_256, (ECPublicKey) proofKey().getPublic())
                .build()
                .computeThumbprint()
                .toString();
    }

    private static DeviceAttempt device() {
        return new DeviceAttempt(
                "bound:test-client",
                "made-up-device-code",
                "WDJB-MJHT",
                URI.create("https://login.example/device"),
                URI.create("https://login.example/device?user_code=WDJB-MJHT"),
                NOW.plusSeconds(600),
                Duration.ofMillis(10), // shorter than any server's, so that no test waits for seconds
                new LinkedHashSet<>(List.of("things.read", "things.write")),
                DETAILS,
                new LinkedHashSet<>(List.of("https://a.example", "urn:b")),
                "living room");
    }

    private static BackchannelAttempt backchannel() {
        return new BackchannelAttempt(
                "mock:app 1",
                "made-up-auth-req-id",
                "made-up-notification-token",
                NOW,
                NOW.plusSeconds(600),
                Duration.ofMillis(10),
                Duration.ofHours(1),
                new LinkedHashSet<>(List.of("openid", "things.read")),
                DETAILS,
                new LinkedHashSet<>(List.of("https://a.example", "urn:b")),
                "till 7");
    }

    private static LoginRequiredException loginRequired() {
        Map<String, String> parameters = new LinkedHashMap<>();
        parameters.put("acr_values", "gold");
        parameters.put("max_age", "60");
        return new LoginRequiredException(
                ALICE,
                LoginRequiredException.Reason.STEP_UP,
                "insufficient_user_authentication",
                "A stronger one",
                Set.of("things.read"),
                new LinkedHashSet<>(List.of("things.write", "things.delete")),
                parameters);
    }

    private static AuthorizationServerException authorizationServer() {
        return new AuthorizationServerException(
                AuthorizationServerException.Kind.TEMPORARY,
                503,
                "temporarily_unavailable",
                "Down for an hour",
                Duration.ofSeconds(120),
                new ConnectException("made-up cause"));
    }

    private static TokenStoreException tokenStore(TokenStoreException.Kind kind, IOException cause) {
        return new TokenStoreException(kind, cause);
    }

    private static UnreadableRowException unreadable() {
        try {
            new RowFormat(null).read(ALICE, new StoredTokens("v", "not a row"));
            throw new AssertionError("That is not a row");
        } catch (UnreadableRowException e) {
            return e;
        }
    }

    /** Each member that a row can have; of a node that was refreshing it. */
    private static final String GRANT = """
            {
              "v": 1,
              "login": "made-up-login",
              "authorizedAt": 1795172400123,
              "refreshes": 7,
              "tokens": {
                "access": "made-up-access-token",
                "type": "Bearer",
                "receivedAt": 1795175940123,
                "expiresAt": 1795179540123,
                "refreshAt": 1795178940123,
                "refresh": "made-up-refresh-token",
                "refreshExpiresAt": 1797767940123,
                "id": "made.up.id-token",
                "scopes": ["things.write", "things.read"]
              },
              "identity": {
                "issuer": "https://login.example",
                "subject": "1234",
                "claims": {
                  "name": "Zoë 例え",
                  "email": "zoe@example.com",
                  "big": 9007199254740993,
                  "groups": ["a", 1, false]
                }
              },
              "server": "https://login.example:443",
              "attempt": "made-up-attempt",
              "authorizationDetails": "[{\\"type\\":\\"payment\\",\\"amount\\":\\"1.50\\"}]",
              "apiBase": "https://one.api.example/",
              "resourcesAskedFor": ["https://a.example", "urn:b"],
              "afterRejection": true,
              "notBefore": 1795176060123,
              "failures": 3,
              "resources": {
                "https://files.example": {
                  "tokens": {
                    "access": "made-up-files-token",
                    "type": "Bearer",
                    "receivedAt": 1795175940123,
                    "expiresAt": 1795179540123,
                    "scopes": ["files.read"]
                  },
                  "resourcesAskedFor": ["https://files.example"]
                },
                "https://blocked.example": {
                  "refusal": {
                    "error": "access_denied",
                    "description": "Not from here",
                    "blocked": true,
                    "at": 1795176000123
                  },
                  "notBefore": 1795179600123,
                  "failures": 2
                },
                "https://mail.example": {
                  "refusal": {
                    "error": "interaction_required",
                    "interaction": true,
                    "claims": "{\\"access_token\\":{}}",
                    "at": 1795176000123
                  }
                },
                "https://lost.example": {
                  "refusal": {"error": "invalid_grant", "answerLost": true, "at": 1795176000123}
                }
              },
              "fromTheFuture": {"x": [1, 2]}
            }
            """;

    private static final String REFUSED = """
            {
              "v": 1,
              "login": "made-up-login",
              "authorizedAt": 1795172400123,
              "refreshes": 0,
              "tokens": {
                "access": "made-up-access-token",
                "type": "Bearer",
                "receivedAt": 1795172400123,
                "expiresAt": 1795176000123,
                "refresh": "made-up-refresh-token",
                "scopes": []
              },
              "refusal": {"error": "invalid_grant", "description": "Token has been revoked", "at": 1795176000123}
            }
            """;

    private static String bound() throws Exception {
        return """
                {
                  "v": 2,
                  "login": "made-up-login",
                  "authorizedAt": 1795175940123,
                  "refreshes": 0,
                  "tokens": {
                    "access": "made-up-access-token",
                    "type": "DPoP",
                    "key": "%s",
                    "receivedAt": 1795175940123,
                    "expiresAt": 1795179540123,
                    "scopes": ["things.read"]
                  }
                }
                """.formatted(KeyText.write(proofKey()));
    }

    // ---- Their form -----------------------------------------------------------------------------------------------

    private static String serialized(Object value) throws IOException {
        if (value instanceof Throwable thrown) {
            for (Throwable at = thrown; at != null; at = at.getCause()) {
                at.setStackTrace(new StackTraceElement[] {new StackTraceElement("Made", "up", "Made.java", 1)});
            }
        }
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
            out.writeObject(value);
        }
        return Base64.getMimeEncoder(76, new byte[] {'\n'}).encodeToString(bytes.toByteArray());
    }

    private static <T> T deserialized(String name, Class<T> type) throws Exception {
        byte[] bytes = Base64.getMimeDecoder().decode(Files.readString(file(name)));
        try (ObjectInputStream in = new ObjectInputStream(new ByteArrayInputStream(bytes))) {
            return type.cast(in.readObject());
        }
    }

    /** The name and the value of a cookie. */
    private static String sealed(PendingLogin login) {
        return login.sessionKey() + "\n" + login.seal(Scene.KEYS);
    }

    private static PendingLogin unsealed(String name) throws IOException {
        List<String> lines = Files.readAllLines(file(name));
        return PendingLogin.unseal(Scene.KEYS, lines.get(0), lines.get(1)).orElseThrow();
    }

    /** The version and the text of a row, which the format has read and written. */
    private static String row(RowFormat format, String json) throws IOException {
        StoredTokens row = format.write(
                ALICE,
                new RowFormat(null).read(ALICE, new StoredTokens("v", json)).row());
        return row.version() + "\n" + row.text();
    }

    private static StoredTokens row(String name) throws IOException {
        List<String> lines = Files.readAllLines(file(name));
        return new StoredTokens(lines.get(0), lines.get(1));
    }

    /**
     * Everything that the public can ask of a value. A new accessor shows up here too: what it answers for a value that
     * an older version wrote is a decision.
     */
    private static Map<String, Object> accessors(Object value) throws Exception {
        Map<String, Object> all = new TreeMap<>();
        for (Method method : value.getClass().getDeclaredMethods()) {
            boolean isAccessor = Modifier.isPublic(method.getModifiers())
                    && !Modifier.isStatic(method.getModifiers())
                    && method.getParameterCount() == 0
                    && !Set.of("toString", "hashCode", "newBuilder").contains(method.getName());
            if (isAccessor) {
                Object answer = method.invoke(value);
                boolean isKey = answer instanceof Optional<?> optional && optional.orElse(null) instanceof KeyPair;
                all.put(
                        method.getName(),
                        isKey ? Optional.of(KeyText.write((KeyPair) ((Optional<?>) answer).orElseThrow())) : answer);
            }
        }
        return all;
    }

    @Test
    void there_is_a_sample_of_every_form_and_none_that_nobody_reads() throws IOException {
        try (Stream<Path> files = Files.list(SAMPLES)) {
            assertThat(files.map(file -> file.getFileName().toString().replace(".txt", "")))
                    .containsExactlyInAnyOrderElementsOf(samples().keySet());
        }
    }

    // ---- Logins ---------------------------------------------------------------------------------------------------

    private void atTheTimeOf(Instant then) {
        scene.time.jump(Duration.between(scene.time.clock().instant(), then));
    }

    @Test
    void a_login_out_of_a_session_says_what_it_said() throws Exception {
        PendingLogin login = deserialized("pending-login", PendingLogin.class);
        assertThat(accessors(login))
                .containsOnly(
                        entry("sessionKey", "login-d0c11bde99e7bab61aade386"),
                        entry("url", pendingLogin().url()),
                        entry("urlExpiresAt", Optional.of(NOW.plusSeconds(90))));
        assertThat(login.attempt()).isEqualTo(attempt(url(), NOW.plusSeconds(90)));
        assertThat(login.attempt().scopes()).containsExactly("openid", "things.read");
        assertThat(login).hasToString(pendingLogin().toString());
    }

    @Test
    void a_login_out_of_a_cookie_says_what_it_said() throws Exception {
        PendingLogin login = unsealed("pending-login-sealed");
        // The browser has been sent there: a cookie is small, and leaves the URL out.
        assertThat(accessors(login))
                .containsOnly(
                        entry("sessionKey", "login-d0c11bde99e7bab61aade386"),
                        entry("url", URI.create(Scene.REDIRECT)),
                        entry("urlExpiresAt", Optional.empty()));
        assertThat(login.attempt()).isEqualTo(attempt(Scene.REDIRECT, null));
        assertThat(login.attempt().scopes()).containsExactly("openid", "things.read");
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void a_login_that_an_older_version_began_is_finished(boolean cookie) throws Exception {
        atTheTimeOf(NOW.plusSeconds(60));
        PendingLogin inSession = deserialized("pending-login", PendingLogin.class);
        PendingLogin login = cookie ? unsealed("pending-login-sealed") : inSession;
        Grantkeeper node = scene.node(scene.registration(scene.openIdProvider().build()));
        String url = inSession.url().toString().replace(ENDPOINT, scene.server.authorizationEndpoint());
        String callback = scene.server.approve(url, "alice");

        SignedIn in = (SignedIn) node.finishLogin(login, Scene.query(callback));
        assertThat(in.appState()).contains("/inbox?from=mail");
        assertThat(in.identity()).isPresent();
        assertThat(in.tokens().resources()).containsExactly("https://a.example");
        assertThat(in.keepAs("alice").tokens().accessToken()).isNotEmpty();
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void a_login_with_a_key_that_an_older_version_began_is_finished_with_that_key(boolean cookie) throws Exception {
        atTheTimeOf(NOW.plusSeconds(60));
        PendingLogin inSession = deserialized("pending-login-dpop", PendingLogin.class);
        PendingLogin login = cookie ? unsealed("pending-login-dpop-sealed") : inSession;
        LoginAttempt attempt = login.attempt();
        assertThat(attempt.registration()).isEqualTo("bound:test-client");
        assertThat(attempt.state()).isEqualTo(STATE);
        assertThat(attempt.codeVerifier()).isEqualTo(VERIFIER);
        assertThat(attempt.scopes()).containsExactly("things.read");
        assertThat(attempt.resources()).isEmpty();
        assertThat(attempt.startedAt()).isEqualTo(NOW);
        assertThat(Stream.of(
                        attempt.nonce(),
                        attempt.urlExpiresAt(),
                        attempt.authorizationDetails(),
                        attempt.appState(),
                        attempt.maxAge()))
                .containsOnlyNulls();
        try (DPoPServer server = new DPoPServer(scene.time.clock())) {
            Grantkeeper node =
                    scene.node(scene.registration(server.provider().build()).dpop());
            SignedIn in = (SignedIn) node.finishLogin(login, server.approve(inSession));
            assertThat(in.tokens().proofKey().map(KeyText::write)).contains(KeyText.write(proofKey()));
            assertThat(server.refusals).isEmpty();
        }
    }

    @Test
    void a_device_login_that_an_older_version_began_is_finished() throws Exception {
        atTheTimeOf(NOW.plusSeconds(60));
        DeviceLogin login = deserialized("device-login", DeviceLogin.class);
        assertThat(accessors(login))
                .containsOnly(
                        entry("userCode", "WDJB-MJHT"),
                        entry("verificationUri", URI.create("https://login.example/device")),
                        entry(
                                "verificationUriComplete",
                                Optional.of(URI.create("https://login.example/device?user_code=WDJB-MJHT"))),
                        entry("expiresAt", NOW.plusSeconds(600)));
        assertThat(login.attempt()).isEqualTo(device());
        assertThat(login.attempt().resources()).containsExactly("https://a.example", "urn:b");
        try (DPoPServer server = new DPoPServer(scene.time.clock())) {
            Grantkeeper node = scene.node(scene.registration(server.provider().build()));
            SignedIn in = (SignedIn) node.awaitLogin(login);
            assertThat(in.appState()).contains("living room");
            assertThat(in.tokens().scopes()).containsExactly("things.read", "things.write");
            assertThat(server.tokenRequests)
                    .singleElement()
                    .satisfies(request ->
                            assertThat(request.getBody().utf8()).contains("device_code=made-up-device-code"));
        }
    }

    @Test
    void a_backchannel_login_that_an_older_version_began_is_finished() throws Exception {
        BackchannelLogin login = deserialized("backchannel-login", BackchannelLogin.class);
        assertThat(accessors(login))
                .containsOnly(
                        entry("notificationKey", "backchannel-22c5dbbb6aa3feee7a34f6b674ddc9ff"),
                        entry("expiresAt", NOW.plusSeconds(600)));
        assertThat(login.attempt()).isEqualTo(backchannel());
        assertThat(login.attempt().scopes()).containsExactly("openid", "things.read");
        assertThat(login.attempt().resources()).containsExactly("https://a.example", "urn:b");
        try (BackchannelServer server = new BackchannelServer()) {
            server.mock.time.jump(Duration.between(server.mock.time.clock().instant(), NOW.plusSeconds(60)));
            server.open("made-up-auth-req-id");
            server.decision = BackchannelServer.Decision.YES;
            Grantkeeper node = server.mock.node(server.registration(server.provider()));
            String body = "{\"auth_req_id\":\"made-up-auth-req-id\"}";
            assertThat(BackchannelLogin.notificationKeyOf(body)).isEqualTo(login.notificationKey());
            assertThat(node.acceptNotification(login, "Bearer made-up-notification-token", body))
                    .isTrue();
            SignedIn in = (SignedIn) node.awaitLogin(login);
            assertThat(in.appState()).contains("till 7");
            assertThat(in.identity().orElseThrow().subject()).isEqualTo("alice");
            assertThat(in.authorizationDetailsAsRequested()).isFalse();
        }
    }

    // ---- Exceptions -----------------------------------------------------------------------------------------------

    @Test
    void a_login_required_exception_says_what_it_said() throws Exception {
        LoginRequiredException e = deserialized("login-required", LoginRequiredException.class);
        assertThat(accessors(e))
                .containsOnly(
                        entry("key", ALICE),
                        entry("reason", LoginRequiredException.Reason.STEP_UP),
                        entry("error", Optional.of("insufficient_user_authentication")),
                        entry("description", Optional.of("A stronger one")),
                        entry("scopes", Set.of("things.write", "things.delete")),
                        entry("loginParameters", Map.of("acr_values", "gold", "max_age", "60")),
                        entry("api", Optional.empty()), // an older library wrote it
                        entry("issuer", Optional.empty()));
        assertThat(e.granted()).containsExactly("things.read");
        assertThat(e).hasMessageContaining("fake:test-client").hasNoCause();

        // What it is kept in a session for.
        PendingLogin login = scene.node().newLogin().inResponseTo(e).start();
        HttpUrl url = HttpUrl.get(login.url().toString());
        assertThat(url.queryParameter("acr_values")).isEqualTo("gold");
        assertThat(url.queryParameter("max_age")).isEqualTo("60");
        assertThat(url.queryParameter("scope")).contains("things.read", "things.write", "things.delete");
    }

    @Test
    void an_authorization_server_exception_says_what_it_said() throws Exception {
        AuthorizationServerException e = deserialized("authorization-server", AuthorizationServerException.class);
        assertThat(accessors(e))
                .containsOnly(
                        entry("kind", AuthorizationServerException.Kind.TEMPORARY),
                        entry("status", 503),
                        entry("error", Optional.of("temporarily_unavailable")),
                        entry("description", Optional.of("Down for an hour")),
                        entry("retryAfter", Optional.of(Duration.ofSeconds(120))));
        assertThat(e).hasMessageContaining("Down for an hour").cause().isInstanceOf(ConnectException.class);
    }

    @Test
    void a_token_store_exception_says_what_it_said() throws Exception {
        TokenStoreException down = deserialized("token-store", TokenStoreException.class);
        assertThat(accessors(down)).containsOnly(entry("kind", TokenStoreException.Kind.UNAVAILABLE));
        assertThat(down).hasMessageContaining("connection refused").hasRootCauseMessage("connection refused");
        TokenStoreException unreadable = deserialized("token-store-unreadable", TokenStoreException.class);
        assertThat(accessors(unreadable)).containsOnly(entry("kind", TokenStoreException.Kind.UNREADABLE));
        assertThat(unreadable).hasMessageContaining("fake:test-client").hasCauseInstanceOf(IOException.class);
    }

    @Test
    void an_exception_of_no_kind_says_what_it_said() throws Exception {
        OAuthException e = deserialized("defect", OAuthException.class);
        assertThat(e.getClass()).isEqualTo(OAuthException.class);
        assertThat(e).hasMessage("made-up defect").hasRootCauseMessage("made-up cause");
    }

    // ---- Rows -----------------------------------------------------------------------------------------------------

    /** A node that finds a row in its store, and whose server cannot be reached. */
    private Account withRow(String name, boolean sealed) throws IOException {
        scene.store.rows.put(ALICE, row(sealed ? name + "-sealed" : name));
        Provider provider = Provider.builder("fake")
                .authorizationEndpoint("https://login.example/authorize")
                .tokenEndpoint("https://login.example/token")
                .apiOrigins("https://api.example")
                .build();
        Grantkeeper.Builder builder = Grantkeeper.builder(provider)
                .clientId(Scene.CLIENT)
                .clientSecret(Scene.SECRET)
                .redirectUri(Scene.REDIRECT)
                .tokenStore(scene.store)
                .maxWait(Duration.ofSeconds(2))
                .time(scene.time.clock(), scene.time::ticks);
        Account account = scene.node(sealed ? builder.sealingKeys(Scene.KEYS) : builder.allowPlaintextTokens())
                .account("alice");
        assertThat(account.key()).isEqualTo(ALICE);
        return account;
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void a_row_that_an_older_version_wrote_says_what_it_said(boolean sealed) throws Exception {
        atTheTimeOf(NOW);
        Account alice = withRow("row", sealed);
        Grant grant = alice.grant().orElseThrow();
        assertThat(accessors(grant))
                .containsOnly(
                        entry("scopes", Set.of("things.write", "things.read")),
                        entry("identity", grant.identity()),
                        entry("authorizedAt", NOW.minus(Duration.ofHours(1))),
                        entry("refreshedAt", Optional.of(NOW.minusSeconds(60))),
                        entry("accessTokenExpiresAt", Optional.of(NOW.plus(Duration.ofMinutes(59)))),
                        entry(
                                "consentEndsAt",
                                Optional.of(NOW.plus(Duration.ofDays(30)).minusSeconds(60))),
                        entry("loginRequired", Optional.empty()));
        assertThat(accessors(grant.identity().orElseThrow()))
                .containsOnly(
                        entry("id", grant.identity().map(Identity::id).orElseThrow()),
                        entry("issuer", "https://login.example"),
                        entry("subject", "1234"),
                        entry("name", Optional.of("Zoë 例え")),
                        entry("givenName", Optional.empty()),
                        entry("familyName", Optional.empty()),
                        entry("userName", Optional.empty()),
                        entry("email", Optional.of("zoe@example.com")),
                        entry(
                                "claims",
                                Map.of(
                                        "name",
                                        "Zoë 例え",
                                        "email",
                                        "zoe@example.com",
                                        "big",
                                        9_007_199_254_740_993L,
                                        "groups",
                                        List.of("a", 1L, false))));
        assertThat(accessors(alice.tokens()))
                .containsOnly(
                        entry("accessToken", "made-up-access-token"),
                        entry("tokenType", "Bearer"),
                        entry("proofKey", Optional.empty()),
                        entry("receivedAt", NOW.minusSeconds(60)),
                        entry("expiresAt", Optional.of(NOW.plus(Duration.ofMinutes(59)))),
                        entry("refreshAt", Optional.of(NOW.plus(Duration.ofMinutes(49)))),
                        entry("refreshToken", Optional.of("made-up-refresh-token")),
                        entry(
                                "refreshTokenExpiresAt",
                                Optional.of(NOW.plus(Duration.ofDays(30)).minusSeconds(60))),
                        entry("idToken", Optional.of("made.up.id-token")),
                        entry("scopes", Set.of("things.write", "things.read")),
                        entry("authorizationDetails", Optional.of(DETAILS)),
                        entry("resources", Set.of("https://a.example", "urn:b")),
                        entry("apiBase", Optional.of(URI.create("https://one.api.example/"))));
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void resources_in_a_row_that_an_older_version_wrote_keep_their_tokens_and_refusals(boolean sealed)
            throws Exception {
        atTheTimeOf(NOW);
        Account alice = withRow("row", sealed);
        TokenSet files = alice.forResource("https://files.example").tokens();
        assertThat(files.accessToken()).isEqualTo("made-up-files-token");
        assertThat(files.resources()).containsExactly("https://files.example");
        assertThatThrownBy(() -> alice.forResource("https://blocked.example").tokens())
                .isInstanceOfSatisfying(AuthorizationServerException.class, e -> {
                    assertThat(e.kind()).isEqualTo(AuthorizationServerException.Kind.BLOCKED);
                    assertThat(e.error()).contains("access_denied");
                    assertThat(e.description()).contains("Not from here");
                });
        assertThatThrownBy(() -> alice.forResource("https://mail.example").tokens())
                .isInstanceOfSatisfying(LoginRequiredException.class, e -> {
                    assertThat(e.reason()).isEqualTo(LoginRequiredException.Reason.INTERACTION);
                    assertThat(e.error()).contains("interaction_required");
                    assertThat(e.loginParameters()).containsEntry("claims", "{\"access_token\":{}}");
                });
        assertThatThrownBy(() -> alice.forResource("https://lost.example").tokens())
                .isInstanceOfSatisfying(
                        LoginRequiredException.class,
                        e -> assertThat(e.reason()).isEqualTo(LoginRequiredException.Reason.ANSWER_LOST));
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void while_an_older_version_refreshes_this_one_does_not(boolean sealed) throws Exception {
        atTheTimeOf(NOW.plus(Duration.ofHours(2)));
        Account alice = withRow("row", sealed);
        assertThatThrownBy(alice::tokens).isInstanceOf(AuthorizationServerException.class);
        // To send a request, it would have written an attempt of its own.
        assertThat(scene.store.writes).hasValue(0);
        scene.store.rows.clear(); // or it would wait for the other one's outcome for as long as an attempt may stand
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void a_refusal_that_an_older_version_wrote_stands(boolean sealed) throws Exception {
        atTheTimeOf(NOW.plusSeconds(60));
        Account alice = withRow("row-refused", sealed);
        assertThat(alice.grant().orElseThrow().loginRequired()).contains(LoginRequiredException.Reason.REFUSED);
        assertThatThrownBy(alice::tokens).isInstanceOfSatisfying(LoginRequiredException.class, e -> {
            assertThat(e.reason()).isEqualTo(LoginRequiredException.Reason.REFUSED);
            assertThat(e.error()).contains("invalid_grant");
            assertThat(e.description()).contains("Token has been revoked");
        });
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void a_row_with_a_key_that_an_older_version_wrote_keeps_it(boolean sealed) throws Exception {
        atTheTimeOf(NOW);
        TokenSet tokens = withRow("row-dpop", sealed).tokens();
        assertThat(tokens.tokenType()).isEqualTo("DPoP");
        assertThat(tokens.proofKey().map(KeyText::write)).contains(KeyText.write(proofKey()));
    }

    @ParameterizedTest
    @ValueSource(strings = {"row", "row-refused", "row-dpop"})
    void a_row_that_an_older_version_wrote_loses_nothing_when_it_is_written_again(String name) throws Exception {
        RowFormat plain = new RowFormat(null);
        JsonNode before = JSON.readTree(row(name).text());
        for (boolean sealed : List.of(true, false)) {
            RowFormat format = sealed ? new RowFormat(Scene.KEYS) : plain;
            StoredTokens again = plain.write(
                    ALICE,
                    format.read(ALICE, row(sealed ? name + "-sealed" : name)).row());
            assertThat(lost("", before, JSON.readTree(again.text()))).isEmpty();
        }
    }

    /** Members that are not there any more, or say something else; others may have come. */
    private static List<String> lost(String path, JsonNode before, JsonNode after) {
        if (!before.isObject()) {
            return before.equals(after) ? List.of() : List.of(path + ": " + before + " is now " + after);
        }
        List<String> lost = new ArrayList<>();
        before.properties()
                .forEach(member -> lost.addAll(
                        lost(path + "/" + member.getKey(), member.getValue(), after.path(member.getKey()))));
        return lost;
    }

    @Test
    void the_samples_hold_every_member_that_they_were_made_of() throws Exception {
        assertThat(lost("", JSON.readTree(GRANT), JSON.readTree(row("row").text())))
                .isEmpty();
        assertThat(lost(
                        "",
                        JSON.readTree(REFUSED),
                        JSON.readTree(row("row-refused").text())))
                .isEmpty();
        assertThat(lost(
                        "",
                        JSON.readTree(bound()),
                        JSON.readTree(row("row-dpop").text())))
                .isEmpty();
        assertThat(Arrays.asList("row-sealed", "row-refused-sealed", "row-dpop-sealed"))
                .allSatisfy(
                        name -> assertThat(row(name).text()).startsWith("gk1.").doesNotContain("made-up"));
    }
}
