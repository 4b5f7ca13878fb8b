/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import com.nimbusds.jwt.SignedJWT;
import dev.grantkeeper.LoginResult.SignedIn;
import dev.grantkeeper.provider.LoginProtection;
import dev.grantkeeper.provider.SigningKey;
import dev.grantkeeper.testkit.Answer;
import dev.grantkeeper.testkit.Fault;
import dev.grantkeeper.testkit.RecordedRequest;
import dev.grantkeeper.token.SealingKeys;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.security.KeyPair;
import java.security.interfaces.ECPrivateKey;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.Collections;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import okhttp3.HttpUrl;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.slf4j.LoggerFactory;

/**
 * Runs through everything that can happen to a grant, with every log level on, and looks for every secret in all that
 * was printed: standard output and error (where the logs go), exceptions with causes and stack traces, and
 * {@code toString} of every object of the library that can be reached.
 */
@Timeout(300)
class SecretsNeverPrintTest {
    private static final String CLIENT_SECRET = "client-canary c+d%é";
    private static final String SEALING_SECRET = "sealing-canary kP3v9Zq7LxW2mT8sRb5nYc4d";
    private static final String ACCOUNT = "alice.canary@example.org";

    private final Scene scene = new Scene();
    private final ByteArrayOutputStream printed = new ByteArrayOutputStream();
    private final PrintStream out = System.out;
    private final PrintStream err = System.err;
    private final Logger root = (Logger) LoggerFactory.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
    private final Level level = root.getLevel();

    private final Set<String> secrets = Collections.synchronizedSet(new LinkedHashSet<>());
    private final List<Throwable> thrown = new ArrayList<>();
    private final List<Object> seen = new ArrayList<>();

    /** Logback's default configuration writes to whatever System.out is at the time. */
    @BeforeEach
    void listen() {
        PrintStream both = new PrintStream(printed, true, StandardCharsets.UTF_8);
        System.setOut(both);
        System.setErr(both);
        root.setLevel(Level.TRACE);
    }

    @AfterEach
    void close() {
        root.setLevel(level);
        System.setOut(out);
        System.setErr(err);
        scene.close();
    }

    @FunctionalInterface
    private interface Step {
        Object run() throws Exception;
    }

    private void run(Step step) {
        try {
            Object result = step.run();
            if (result != null) {
                seen.add(result);
            }
        } catch (Exception | Error e) {
            thrown.add(e);
            seen.add(e);
        }
    }

    private PendingLogin start(Grantkeeper node) throws AuthorizationServerException {
        PendingLogin login = node.newLogin().appState("carried-canary").start();
        seen.add(login);
        secrets.add(login.attempt().codeVerifier());
        secrets.add(login.attempt().nonce());
        secrets.add(login.seal(SealingKeys.of(SEALING_SECRET)));
        secrets.add(HttpUrl.get(login.url().toString()).queryParameter("state"));
        return login;
    }

    private String approve(PendingLogin login) {
        String query = Scene.query(scene.server.approve(login.url().toString(), "alice"));
        secrets.add(HttpUrl.get("http://localhost/?" + query).queryParameter("code"));
        return query;
    }

    /** All that the server has seen and sent. */
    private void collect() {
        for (RecordedRequest request : scene.server.recordedTokenRequests()) {
            for (String name :
                    List.of("code", "code_verifier", "refresh_token", "device_code", "client_secret", "token")) {
                request.param(name).ifPresent(secrets::add);
            }
            request.header("Authorization").ifPresent(header -> secrets.add(header.substring(header.indexOf(' ') + 1)));
        }
        for (RecordedRequest request : scene.server.recordedApiRequests()) {
            request.header("Authorization").ifPresent(header -> secrets.add(header.substring(header.indexOf(' ') + 1)));
        }
    }

    @Test
    void no_secret_is_printed_whatever_happens() throws Exception {
        scene.server.client(Scene.CLIENT, CLIENT_SECRET, Scene.REDIRECT);
        scene.server.tokenResponse(answer -> {
            for (String name : List.of("access_token", "refresh_token", "id_token")) {
                if (answer.get(name) instanceof String token) {
                    secrets.add(token);
                }
            }
            return answer;
        });
        secrets.addAll(List.of(CLIENT_SECRET, SEALING_SECRET, ACCOUNT, "carried-canary"));
        secrets.add(URLEncoder.encode(CLIENT_SECRET, StandardCharsets.UTF_8));
        secrets.add(Base64.getEncoder()
                .encodeToString((Scene.CLIENT + ":" + URLEncoder.encode(CLIENT_SECRET, StandardCharsets.UTF_8))
                        .getBytes(StandardCharsets.UTF_8)));
        AtomicReference<GrantListener.Event> last = new AtomicReference<>();
        Grantkeeper node = scene.node(scene.registration(scene.openIdProvider().build())
                .clientSecret(CLIENT_SECRET)
                .sealingKeys(SealingKeys.of(SEALING_SECRET))
                .scopes("openid", "things.read")
                .maxWait(Duration.ofSeconds(3))
                .tokenCallTimeout(Duration.ofSeconds(2))
                .listener(event -> {
                    last.set(event);
                    seen.add(event);
                    throw new IllegalStateException("a listener that throws");
                }));
        seen.add(node);

        // Logins, good and bad.
        PendingLogin login = start(node);
        String query = approve(login);
        run(() -> node.finishLogin(login, query + "&state=again"));
        run(() -> node.finishLogin(null, query));
        run(() -> node.finishLogin(login, query));
        run(() -> node.finishLogin(login, query));
        SignedIn in = (SignedIn)
                seen.stream().filter(SignedIn.class::isInstance).findFirst().orElseThrow();
        Account alice = in.keepAs(ACCOUNT);
        run(() -> alice);
        OkHttpClient client = alice.wrap(scene.http);
        run(client::interceptors);
        run(node::provider);
        run(() -> node.newLogin().appState("carried-canary"));
        for (Fault fault : List.of(
                Fault.status(500),
                Fault.status(200),
                Fault.cutAfter(120),
                Fault.dropAfter(),
                Fault.error(401, "invalid_client"),
                Fault.error(400, "invalid_grant"),
                Fault.answer(Answer.json(200, "{\"access_token\":\"malformed-canary\",")),
                Fault.answer(Answer.json(200, "{\"access_token\":\"malformed-canary x\"}")),
                Fault.answer(
                        Answer.json(200, "{\"access_token\":\"malformed-canary\",\"id_token\":\"malformed-canary\"}")),
                Fault.answer(Answer.json(200, "{\"access_token\":7,\"refresh_token\":\"malformed-canary\"}")),
                Fault.answer(Answer.status(200)
                        .header("Content-Type", "application/x-www-form-urlencoded")
                        .body("access_token=malformed-canary&access_token=malformed-canary")))) {
            PendingLogin bad = start(node);
            String answer = approve(bad);
            scene.server.onNextTokenRequest(fault);
            run(() -> node.finishLogin(bad, answer));
        }
        secrets.add("malformed-canary");
        for (String claim : List.of("aud", "sub", "nonce", "exp")) {
            scene.server.idTokenClaims(claims -> {
                claims.put(claim, claim.equals("exp") ? (Object) 1 : "claim-canary");
                return claims;
            });
            PendingLogin bad = start(node);
            String answer = approve(bad);
            if (!claim.equals("sub")) {
                run(() -> node.finishLogin(bad, answer));
            }
        }
        secrets.add("claim-canary");
        scene.server.idTokenClaims(claims -> claims);

        // On another device, to the end and not.
        scene.server.deviceInterval(Duration.ofSeconds(1));
        scene.server.deviceResponse(answer -> {
            for (String name : List.of("device_code", "user_code")) {
                if (answer.get(name) instanceof String code) {
                    secrets.add(code);
                }
            }
            return answer;
        });
        for (Fault fault : List.of(Fault.none(), Fault.error(400, "expired_token"), Fault.status(200))) {
            run(() -> {
                DeviceLogin device = node.newLogin().startOnDevice();
                seen.add(device);
                scene.server.approveDevice(device.userCode(), "alice");
                scene.server.onNextTokenRequest(fault);
                LoginResult result = node.awaitLogin(device);
                if (result instanceof SignedIn unwanted) {
                    unwanted.discard();
                }
                return result;
            });
        }
        scene.server.deviceResponse(answer -> {
            secrets.add("device-canary");
            answer.put("device_code", "device-canary");
            answer.put("verification_uri", "javascript:device-canary");
            return answer;
        });
        run(() -> node.newLogin().startOnDevice());

        // In exchange for another token.
        String incoming = in.tokens().accessToken();
        for (TokenExchange request : List.of(
                TokenExchange.onBehalfOf(incoming).scopes("openid", "offline_access"),
                TokenExchange.of(incoming).actor("actor-canary", "urn:ietf:params:oauth:token-type:jwt"),
                TokenExchange.of("subject-canary"),
                TokenExchange.assertion("assertion-canary"),
                TokenExchange.assertion(() -> {
                    throw new IllegalStateException("supplier-canary");
                }))) {
            seen.add(request);
            run(() -> node.account(request));
            run(() -> node.account(request).tokens());
            run(() -> node.exchange(request));
        }
        secrets.addAll(List.of("actor-canary", "subject-canary", "assertion-canary", "supplier-canary"));
        run(() -> node.introspect(incoming));
        run(() -> node.introspect("subject-canary"));
        run(alice::introspect);

        // Calls and refreshes.
        run(() -> scene.status(client));
        scene.server.expireAccessTokens();
        run(() -> scene.status(client));
        scene.expire();
        run(() -> scene.status(client));
        for (Fault fault : List.of(
                Fault.status(503),
                Fault.error(401, "invalid_client"),
                Fault.answer(Answer.json(200, "{\"access_token\":\"malformed-canary")))) {
            scene.expire();
            scene.server.onNextTokenRequest(fault);
            run(() -> scene.status(client));
            scene.time.pass(Duration.ofMinutes(10));
            run(() -> scene.status(client));
        }
        run(alice::grant);
        run(alice::tokens);
        run(() -> alice.tokensAsync().join());

        // The store.
        scene.expire();
        scene.store.down(true);
        run(() -> scene.status(client));
        run(alice::grant);
        run(() -> {
            alice.signOut();
            return null;
        });
        scene.store.down(false);
        scene.expire();
        scene.store.writesDown(true);
        run(() -> scene.status(client));
        scene.store.writesDown(false);
        run(() -> scene.status(client));
        Grantkeeper stranger = scene.node(scene.registration(scene.provider().build()));
        seen.add(stranger);
        run(() -> stranger.account(ACCOUNT).tokens());

        // Refused, and out.
        scene.server.revokeRefreshTokens("alice");
        scene.expire();
        scene.time.pass(Duration.ofMinutes(10));
        run(() -> scene.status(client));
        run(() -> scene.status(client));
        run(alice::grant);
        alice.clearRefusal();
        alice.signOut();
        run(alice::tokens);
        run(() -> PendingLogin.unseal(SealingKeys.of(SEALING_SECRET), "login-x", "gk1.x.y"));
        seen.add(last.get());
        seen.add(scene.store.rows);
        collect();
        node.close();

        // It happened, and was logged.
        String logs = printed.toString(StandardCharsets.UTF_8);
        assertThat(logs).contains("Refreshed").contains("signed in").contains("A GrantListener threw");
        assertThat(thrown).hasSizeGreaterThan(15);
        assertThat(secrets).hasSizeGreaterThan(30);

        Map<String, String> all = new LinkedHashMap<>();
        all.put("the logs", logs);
        for (Throwable one : thrown) {
            StringWriter text = new StringWriter();
            one.printStackTrace(new PrintWriter(text));
            all.put("the exception " + one.getClass() + " #" + all.size(), text.toString());
        }
        reachable(seen).forEach(one -> all.put("toString of " + one.getClass() + " #" + all.size(), one.toString()));
        assertThat(all).hasSizeGreaterThan(100);
        all.forEach((where, text) -> secrets.forEach(secret -> {
            if (secret != null && text != null) {
                assertThat(text.contains(secret))
                        .as("%s contains %s…: %s", where, secret.substring(0, Math.min(10, secret.length())), text)
                        .isFalse();
            }
        }));
    }

    /** Every object of the library that hangs on these, private fields and captured variables included. */
    private static Collection<Object> reachable(List<Object> from) throws IllegalAccessException {
        Set<Object> found = Collections.newSetFromMap(new IdentityHashMap<>());
        Set<Object> visited = Collections.newSetFromMap(new IdentityHashMap<>());
        Deque<Object> queue = new ArrayDeque<>(from);
        while (!queue.isEmpty()) {
            Object one = queue.poll();
            if (!visited.add(one)) {
                continue;
            }
            if (one instanceof Optional<?> optional) {
                optional.ifPresent(queue::add);
            } else if (one instanceof Map<?, ?> map) {
                map.forEach((key, value) -> {
                    queue.add(key);
                    queue.add(value);
                });
            } else if (one instanceof Iterable<?> iterable) {
                iterable.forEach(each -> {
                    if (each != null) {
                        queue.add(each);
                    }
                });
            } else if (one instanceof CompletableFuture<?> future) {
                if (future.isDone() && !future.isCompletedExceptionally()) {
                    queue.add(future.join());
                }
            } else if (one instanceof Object[] array) {
                for (int i = 0; i < Array.getLength(array); i++) {
                    if (array[i] != null) {
                        queue.add(array[i]);
                    }
                }
            } else if (one.getClass().getName().startsWith("dev.grantkeeper.")
                    && !one.getClass().getName().startsWith("dev.grantkeeper.testkit.")
                    && !(one instanceof Scene)
                    && !one.getClass().getName().startsWith(BackchannelServer.class.getName())
                    && !(one instanceof MockProvider)
                    && !one.getClass().getName().contains("SecretsNeverPrintTest")) {
                found.add(one);
                for (Class<?> type = one.getClass();
                        type != null && type.getName().startsWith("dev.grantkeeper.");
                        type = type.getSuperclass()) {
                    for (Field field : type.getDeclaredFields()) {
                        if (!Modifier.isStatic(field.getModifiers())
                                && !field.getType().isPrimitive()) {
                            field.setAccessible(true);
                            Object value = field.get(one);
                            if (value != null) {
                                queue.add(value);
                            }
                        }
                    }
                }
            }
        }
        return found;
    }

    @Test
    void no_secret_of_a_registration_is_printed_whatever_happens() throws Exception {
        secrets.addAll(List.of("initial-canary", "statement-canary", "by-hand-canary", "echo-canary", SEALING_SECRET));
        try (ApiScene apis = new ApiScene()) {
            apis.server
                    .initialAccessToken("initial-canary")
                    .registrationManagement(true)
                    .clientSecretLifetime(Duration.ofHours(1))
                    .registrationResponse(answer -> {
                        for (String member : List.of("client_secret", "registration_access_token")) {
                            secrets.add(String.valueOf(answer.get(member)));
                        }
                        return answer;
                    })
                    .tokenResponse(answer -> {
                        secrets.add(String.valueOf(answer.get("access_token")));
                        secrets.add(String.valueOf(answer.get("refresh_token")));
                        return answer;
                    });
            ClientMetadata application = ClientMetadata.named("Acme")
                    .redirectUri("https://app.example/callback")
                    .softwareStatement("statement-canary");
            ProtectedApis.Builder builder = apis.builder(application)
                    .sealingKeys(SealingKeys.of(SEALING_SECRET))
                    .initialAccessToken(apis.server.issuer(), "initial-canary")
                    .registered("https://login.example", "by-hand", "by-hand-canary")
                    .listener(seen::add);
            ProtectedApis node = apis.node(builder);
            seen.addAll(List.of(application, builder, node));
            String echo = "{\"error\":\"invalid_software_statement\",\"error_description\":\"initial-canary and"
                    + " statement-canary\"}";
            for (Fault fault : List.of(
                    Fault.answer(Answer.json(400, echo)),
                    Fault.answer(Answer.json(401, echo)),
                    Fault.status(500),
                    Fault.dropAfter(),
                    Fault.answer(Answer.json(201, "{\"client_secret\":\"echo-canary\"}")),
                    Fault.answer(Answer.json(201, "{\"client_secret\":\"echo-canary\",")),
                    Fault.answer(Answer.json(
                            201,
                            "{\"client_id\":\"x\",\"client_secret\":\"echo-canary\",\"token_endpoint_auth_method\":"
                                    + "\"private_key_jwt\",\"registration_access_token\":\"echo-canary\"}")))) {
                apis.server.onNextRegistration(fault);
                run(() -> apis.start(node, "alice"));
                apis.time.pass(Duration.ofMinutes(20));
            }
            apis.server.noFaults();
            apis.time.pass(Duration.ofMinutes(20));
            Account alice = apis.signIn(node, "alice");
            seen.add(alice);
            run(() -> alice.wrap(apis.http).interceptors());
            PendingLogin login = apis.start(node, "bob");
            seen.add(login);
            secrets.add(login.attempt().codeVerifier());
            apis.time.pass(Duration.ofMinutes(11));
            apis.server.rejectClientOnce();
            run(() -> apis.status(alice));
            apis.server.onNextRegistrationRead(
                    Fault.answer(Answer.json(400, echo)), Fault.answer(Answer.json(200, "{\"client_secret\":7")));
            apis.time.pass(Duration.ofHours(2));
            run(() -> apis.status(alice));
            run(() -> apis.start(node, "bob"));
            apis.store.down(true);
            run(() -> apis.start(apis.node(apis.builder(application)), "bob"));
            run(() -> apis.status(alice));
            apis.store.down(false);
            run(() -> apis.start(apis.node(apis.builder(application)), "bob")); // another key
            seen.add(apis.store.rows);
        }

        String logs = printed.toString(StandardCharsets.UTF_8);
        assertThat(logs).contains("Registered at");
        assertThat(thrown).hasSizeGreaterThan(6);
        assertThat(secrets).hasSizeGreaterThan(10);
        Map<String, String> all = new LinkedHashMap<>();
        all.put("the logs", logs);
        for (Throwable one : thrown) {
            StringWriter text = new StringWriter();
            one.printStackTrace(new PrintWriter(text));
            all.put("the exception " + one.getClass() + " #" + all.size(), text.toString());
        }
        reachable(seen).forEach(one -> all.put("toString of " + one.getClass() + " #" + all.size(), one.toString()));
        assertThat(all).hasSizeGreaterThan(50);
        all.forEach((where, text) -> secrets.forEach(secret -> assertThat(text != null && text.contains(secret))
                .as("%s contains %s…: %s", where, secret.substring(0, Math.min(10, secret.length())), text)
                .isFalse()));
    }

    @Test
    void what_a_server_repeats_of_a_request_is_not_repeated_here() throws Exception {
        Grantkeeper node = scene.node();
        PendingLogin login = node.startLogin();
        String query = Scene.query(scene.server.approve(login.url().toString(), "alice"));
        String code = HttpUrl.get("http://localhost/?" + query).queryParameter("code");
        scene.server.onNextTokenRequest(Fault.answer(Answer.json(
                400,
                "{\"error\":\"invalid_request\",\"error_description\":\"cannot redeem " + code + " with "
                        + login.attempt().codeVerifier() + " of " + Scene.SECRET + "\"}")));
        run(() -> node.finishLogin(login, query));
        Account alice = scene.signIn(node, "alice");
        String refreshToken = alice.tokens().refreshToken().orElseThrow();
        scene.expire();
        scene.server.onNextTokenRequest(Fault.answer(Answer.json(
                400,
                "{\"error\":\"invalid_grant " + refreshToken + "\",\"error_description\":\"unknown: " + refreshToken
                        + "\"}")));
        run(alice::tokens);
        assertThat(thrown).hasSize(2);
        String text = printed.toString(StandardCharsets.UTF_8);
        for (Throwable one : thrown) {
            text += one.getMessage();
        }
        assertThat(text)
                .contains("cannot redeem")
                .doesNotContain(code)
                .doesNotContain(login.attempt().codeVerifier())
                .doesNotContain(Scene.SECRET)
                .doesNotContain(refreshToken);
    }

    @Test
    void nothing_that_was_signed_is_printed() throws Exception {
        KeyPair pair = MockProvider.curve("secp256r1");
        try (MockProvider mock = new MockProvider()) {
            SigningKey key = SigningKey.of(pair.getPrivate()).keyId("k1");
            seen.add(key);
            mock.server.enqueue(MockProvider.json(201, "{\"request_uri\":\"urn:canary:reference\",\"expires_in\":60}"));
            Grantkeeper node = mock.node(mock.registration(mock.provider())
                    .signingKey(key)
                    .loginProtections(LoginProtection.PUSHED_REQUEST, LoginProtection.SIGNED_REQUEST));
            seen.add(node);
            PendingLogin login = node.newLogin()
                    .authorizationDetails("[{\"type\":\"details-canary\"}]")
                    .start();
            seen.add(login);
            Map<String, String> pushed = MockProvider.form(mock.server.takeRequest());
            secrets.addAll(List.of(pushed.get("request"), pushed.get("client_assertion"), "urn:canary:reference"));
            for (String jwt : List.of(pushed.get("request"), pushed.get("client_assertion"))) {
                secrets.add(jwt.substring(jwt.lastIndexOf('.') + 1));
            }
            mock.server.enqueue(MockProvider.json(
                    400,
                    "{\"error\":\"invalid_request " + pushed.get("request") + "\",\"error_description\":\""
                            + pushed.get("client_assertion") + "\"}"));
            run(node::startLogin);
            mock.server.enqueue(MockProvider.json(
                    200,
                    "{\"access_token\":\"at-canary\",\"token_type\":\"Bearer\",\"authorization_details\":[{\"type\":"
                            + "\"details-canary\"}]}"));
            secrets.addAll(List.of("at-canary", "details-canary"));
            String state =
                    SignedJWT.parse(pushed.get("request")).getJWTClaimsSet().getStringClaim("state");
            secrets.add(state);
            run(() -> node.finishLogin(login, "code=code-canary&state=" + state));
            secrets.addAll(List.of(
                    "code-canary", ((ECPrivateKey) pair.getPrivate()).getS().toString()));
            secrets.add(Base64.getEncoder().encodeToString(pair.getPrivate().getEncoded()));
        }
        assertThat(thrown).hasSize(1);
        StringWriter all = new StringWriter();
        all.append(printed.toString(StandardCharsets.UTF_8));
        thrown.forEach(one -> one.printStackTrace(new PrintWriter(all)));
        reachable(seen).forEach(one -> all.append(one.toString()).append('\n'));
        assertThat(all.toString()).contains("[redacted]", "PendingLogin[", "Client[", "JwtSigner[", "SigningKey[");
        assertThat(all.toString()).doesNotContain(secrets);
    }

    @Test
    void no_key_and_no_proof_is_printed_either() throws Exception {
        try (DPoPServer server = new DPoPServer(scene.time.clock())) {
            server.tokenNonce = "nonce-canary-1";
            server.apiNonce = "nonce-canary-2";
            Grantkeeper node = scene.node(
                    scene.registration(server.provider().build()).dpop().fetchProfile());
            seen.add(node);
            PendingLogin login = start(node);
            SignedIn in = (SignedIn) node.finishLogin(login, server.approve(login));
            secrets.remove(null);
            seen.add(in);
            byte[] key = in.tokens().proofKey().orElseThrow().getPrivate().getEncoded();
            secrets.add(Base64.getEncoder().withoutPadding().encodeToString(key));
            secrets.add(Base64.getUrlEncoder().withoutPadding().encodeToString(key));
            Account alice = in.keepAs(ACCOUNT);
            OkHttpClient client = alice.wrap(scene.http);
            seen.add(client.networkInterceptors());
            seen.add(client.interceptors());
            Request request =
                    new Request.Builder().url(server.api.url("/things")).build();
            run(() -> client.newCall(request).execute().code());
            run(() -> scene.http
                    .newBuilder()
                    .addInterceptor(alice.interceptor())
                    .build()
                    .newCall(request)
                    .execute());
            scene.expire();
            server.tokenType = "Bearer";
            run(() -> client.newCall(request).execute());
            seen.add(scene.store.rows);
            server.tokenRequests.forEach(sent -> secrets.add(sent.getHeaders().get("DPoP")));
            server.apiRequests.forEach(sent -> secrets.add(sent.getHeaders().get("DPoP")));
        }
        assertThat(thrown).hasSize(2);
        assertThat(secrets).hasSizeGreaterThan(8);
        secrets.add("canary");
        secrets.remove("carried-canary");
        List<String> all = new ArrayList<>(List.of(printed.toString(StandardCharsets.UTF_8)));
        for (Throwable one : thrown) {
            StringWriter text = new StringWriter();
            one.printStackTrace(new PrintWriter(text));
            all.add(text.toString());
        }
        reachable(seen).forEach(one -> all.add(one.toString()));
        assertThat(all)
                .allSatisfy(text -> secrets.forEach(secret -> assertThat(text.contains(secret))
                        .as("%s contains %s…", text, secret.substring(0, Math.min(10, secret.length())))
                        .isFalse()));
    }

    @Test
    void no_secret_of_a_backchannel_login_is_printed_however_it_ends() throws Exception {
        try (BackchannelServer server = new BackchannelServer()) {
            secrets.addAll(List.of("hint-token-canary", "id-token-hint-canary", "user-code-canary"));
            Grantkeeper node =
                    server.mock.node(server.registration(server.provider().backchannelUserCodeParameter(true)));
            seen.add(node);
            for (String end : List.of("tokens", "declined", "wrong", "error")) {
                BackchannelLogin login = node.newLogin()
                        .loginHintToken("hint-token-canary")
                        .userCode("user-code-canary")
                        .ping()
                        .startBackchannel();
                seen.addAll(List.of(login, login.attempt()));
                String token = login.attempt().notificationToken();
                String id = login.attempt().authReqId();
                secrets.addAll(List.of(token, id));
                String body = "{\"auth_req_id\":\"" + id + "\"}";
                run(() -> node.acceptNotification(login, "Bearer " + token + "x", body));
                run(() -> node.acceptNotification(login, "Bearer " + token, body + body));
                run(() -> node.acceptNotification(login, "Bearer " + token, body));
                server.decision =
                        end.equals("declined") ? BackchannelServer.Decision.NO : BackchannelServer.Decision.YES;
                if (end.equals("wrong")) {
                    server.claims = claims -> {
                        claims.put("urn:openid:params:jwt:claim:auth_req_id", "auth-req-canary-claim");
                        return claims;
                    };
                } else if (end.equals("error")) {
                    server.nextTokens.add(MockProvider.json(
                            400, "{\"error\":\"invalid_request\",\"error_description\":\"what is " + id + "?\"}"));
                }
                run(() -> node.awaitLogin(login));
            }
            for (String echo : List.of("hint-token-canary", "user-code-canary", "id-token-hint-canary")) {
                server.nextAuthentications.add(MockProvider.json(
                        400, "{\"error\":\"invalid_request\",\"error_description\":\"what is " + echo + "?\"}"));
                LoginRequest request =
                        node.newLogin().userCode("user-code-canary").ping();
                run(() -> (echo.startsWith("id")
                                ? request.idTokenHint("id-token-hint-canary")
                                : request.loginHintToken("hint-token-canary"))
                        .startBackchannel());
            }
        }
        assertThat(thrown).hasSize(5);
        secrets.add("canary");
        List<String> all = new ArrayList<>(List.of(printed.toString(StandardCharsets.UTF_8)));
        for (Throwable one : thrown) {
            StringWriter text = new StringWriter();
            one.printStackTrace(new PrintWriter(text));
            all.add(text.toString());
        }
        reachable(seen).forEach(one -> all.add(one.toString()));
        assertThat(all)
                .allSatisfy(text -> secrets.forEach(secret -> assertThat(text.contains(secret))
                        .as("%s contains %s…", text, secret.substring(0, Math.min(10, secret.length())))
                        .isFalse()));
    }

    @Test
    void http_logging_of_the_applications_client_does_not_see_token_requests() throws IOException {
        List<String> urls = new ArrayList<>();
        OkHttpClient logging = scene.http
                .newBuilder()
                .addNetworkInterceptor(chain -> {
                    urls.add(chain.request().url().toString());
                    return chain.proceed(chain.request());
                })
                .build();
        scene.signIn(scene.node(scene.registration(scene.provider().build()).httpClient(logging)), "alice");
        assertThat(urls).isEmpty();
    }
}
