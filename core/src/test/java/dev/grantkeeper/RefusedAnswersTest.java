/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.grantkeeper.AuthorizationServerException.Kind;
import dev.grantkeeper.LoginResult.SignedIn;
import dev.grantkeeper.testkit.Answer;
import dev.grantkeeper.testkit.Fault;
import dev.grantkeeper.testkit.Held;
import dev.grantkeeper.testkit.Rotation;
import dev.grantkeeper.testkit.Signing;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import mockwebserver3.MockResponse;
import mockwebserver3.MockWebServer;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * An answer with new tokens that is refused has cost a code or a refresh token. The refresh token in it is kept where
 * there is a grant, so that the grant lives, and revoked where there is none, so that nobody else can use it.
 */
@Timeout(300)
@Execution(ExecutionMode.CONCURRENT)
class RefusedAnswersTest {
    private final Scene scene = new Scene();
    /** All refresh tokens that were issued, the last one last. */
    private final List<String> issued = new CopyOnWriteArrayList<>();

    @AfterEach
    void close() {
        scene.close();
    }

    private Grantkeeper.Builder registration() {
        return scene.registration(scene.openIdProvider()
                        .userInfoEndpoint(scene.server.userInfoEndpoint())
                        .build())
                .scopes("openid", "things.read")
                .tokenCallTimeout(Duration.ofSeconds(10)); // no answer is late here, except on a slow machine
    }

    private Grantkeeper node() {
        return scene.node(registration());
    }

    /** Changes answers, and remembers the refresh tokens in them. */
    private void answers(Consumer<Map<String, Object>> change) {
        scene.server.tokenResponse(answer -> {
            issued.add(String.valueOf(answer.get("refresh_token")));
            change.accept(answer);
            return answer;
        });
    }

    private void claims(String name, Object value) {
        scene.server.idTokenClaims(claims -> {
            claims.put(name, value);
            return claims;
        });
    }

    private void answersAsUsual() {
        answers(answer -> {});
        scene.server.idTokenClaims(claims -> claims);
    }

    private static void await(BooleanSupplier done) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (!done.getAsBoolean()) {
            assertThat(System.nanoTime()).isLessThan(deadline);
            Thread.onSpinWait();
        }
    }

    private String last() {
        return issued.get(issued.size() - 1);
    }

    // ---- Refreshes ------------------------------------------------------------------------------------------------

    /** A way in which an answer is wrong. */
    private record Wrong(String name, Consumer<RefusedAnswersTest> change) {
        @Override
        public String toString() {
            return name;
        }
    }

    private static Wrong answer(String name, Consumer<Map<String, Object>> change) {
        return new Wrong(name, test -> test.answers(change));
    }

    private static Wrong claim(String name, Object value) {
        return new Wrong(name + " is " + value, test -> test.claims(name, value));
    }

    static List<Wrong> wrong() {
        return List.of(
                claim("sub", "bob"),
                claim("iss", "https://evil.example"),
                claim("aud", "another"),
                claim("aud", List.of(Scene.CLIENT, "project")),
                claim("azp", "another"),
                answer("an ID token that cannot be read", answer -> answer.put("id_token", "a.b.c")),
                answer("a token of another type", answer -> answer.put("token_type", "mac")),
                answer("an access token that no header can carry", answer -> answer.put("access_token", "a\nb")),
                answer("no access token", answer -> answer.remove("access_token")));
    }

    @ParameterizedTest
    @MethodSource("wrong")
    void the_refresh_token_of_a_refused_answer_is_kept_and_the_grant_lives(Wrong wrong) throws Exception {
        scene.server.rotation(Rotation.STRICT);
        Grantkeeper node = node();
        Account alice = scene.signIn(node, "alice");
        answersAsUsual();
        wrong.change().accept(this);
        scene.expire();
        assertThatExceptionOfType(AuthorizationServerException.class)
                .isThrownBy(alice::tokens)
                .satisfies(e -> assertThat(e.kind()).isEqualTo(Kind.MALFORMED));
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
        String kept = issued.isEmpty() ? null : last();

        answersAsUsual();
        scene.time.pass(Duration.ofMinutes(5));
        Account elsewhere = node().account("alice");
        assertThat(elsewhere.tokens().accessToken()).isNotEmpty();
        assertThat(scene.status(elsewhere.wrap(scene.http))).isEqualTo(200);
        assertThat(scene.server.refreshRequests()).isEqualTo(2);
        assertThat(scene.server.reuseDetected()).isZero();
        assertThat(scene.server.familiesRevoked()).isZero();
        if (kept != null) {
            assertThat(scene.server.recordedTokenRequests().get(2).params()).containsEntry("refresh_token", kept);
        }
        assertThat(alice.grant().orElseThrow().loginRequired()).isEmpty();
    }

    @Test
    void a_refused_answer_in_the_background_costs_no_call() throws Exception {
        Account alice = scene.signIn(node(), "alice");
        String before = alice.tokens().accessToken();
        claims("sub", "bob");
        scene.time.pass(Duration.ofMinutes(9));
        assertThat(alice.tokens().accessToken()).isEqualTo(before);
        await(() -> scene.events.stream().anyMatch(event -> event.kind() == GrantListener.Kind.FAILED));
        assertThat(alice.tokens().accessToken()).isEqualTo(before);
        assertThat(alice.grant().orElseThrow().identity().orElseThrow().subject())
                .isEqualTo("alice");
        answersAsUsual();
        scene.time.pass(Duration.ofMinutes(5));
        assertThat(alice.tokens().accessToken()).isNotEqualTo(before);
        assertThat(scene.server.reuseDetected()).isZero();
    }

    @Test
    void a_store_that_fails_at_that_moment_gets_the_refresh_token_later() throws Exception {
        Account alice = scene.signIn(node(), "alice");
        claims("aud", "another");
        scene.expire();
        Held held = scene.server.holdAnswers();
        CompletableFuture<?> call = alice.tokensAsync();
        held.awaitArrived(1);
        scene.store.writesDown(true);
        held.release();
        assertThatExceptionOfType(ExecutionException.class)
                .isThrownBy(() -> call.get(20, TimeUnit.SECONDS))
                .withCauseInstanceOf(AuthorizationServerException.class);
        answersAsUsual();
        scene.store.writesDown(false);
        scene.time.pass(Duration.ofMinutes(5));
        assertThat(alice.tokens().accessToken()).isNotEmpty();
        assertThat(scene.server.reuseDetected()).isZero();
        assertThat(scene.server.refreshRequests()).isEqualTo(2);
    }

    /** The refresh token may be the other user's, too. */
    @Test
    void after_an_answer_of_another_user_one_that_names_nobody_is_refused_until_one_names_the_right_one()
            throws Exception {
        Account alice = scene.signIn(node(), "alice");
        claims("sub", "bob");
        scene.expire();
        assertThatExceptionOfType(AuthorizationServerException.class).isThrownBy(alice::tokens);
        scene.server.idTokenClaims(claims -> claims);
        answers(answer -> answer.remove("id_token"));
        for (int i = 0; i < 2; i++) {
            scene.time.pass(Duration.ofMinutes(10));
            assertThatExceptionOfType(AuthorizationServerException.class)
                    .isThrownBy(alice::tokens)
                    .satisfies(e -> assertThat(e.kind()).isEqualTo(Kind.MALFORMED))
                    .withMessageContaining("another user");
        }
        scene.server.onNextTokenRequest(Fault.status(503));
        scene.time.pass(Duration.ofMinutes(20));
        assertThatExceptionOfType(AuthorizationServerException.class).isThrownBy(alice::tokens);
        scene.time.pass(Duration.ofMinutes(20));
        assertThatExceptionOfType(AuthorizationServerException.class)
                .isThrownBy(alice::tokens)
                .withMessageContaining("another user");
        // What is said during the back-off is the same.
        assertThatExceptionOfType(AuthorizationServerException.class)
                .isThrownBy(alice::tokens)
                .satisfies(e -> assertThat(e.kind()).isEqualTo(Kind.MALFORMED));
        answersAsUsual();
        scene.time.pass(Duration.ofHours(1));
        assertThat(alice.tokens().accessToken()).isNotEmpty();
        scene.server.tokenResponse(answer -> {
            answer.remove("id_token");
            return answer;
        });
        scene.expire();
        assertThat(scene.status(alice.wrap(scene.http))).isEqualTo(200);
        assertThat(scene.server.reuseDetected()).isZero();
    }

    @Test
    void a_refused_answer_for_another_resource_loses_no_refresh_token_either() throws Exception {
        Account alice = scene.signIn(node(), "alice");
        Account other = alice.forResource("https://other.example", scene.server.url());
        claims("aud", "another");
        assertThatExceptionOfType(AuthorizationServerException.class).isThrownBy(other::tokens);
        answersAsUsual();
        scene.expire();
        assertThat(alice.tokens().accessToken()).isNotEmpty();
        assertThat(other.tokens().accessToken()).isNotEmpty();
        assertThat(scene.server.reuseDetected()).isZero();
    }

    @Test
    void an_audience_that_is_trusted_later_needs_no_login() throws Exception {
        Account alice = scene.signIn(node(), "alice");
        claims("aud", List.of(Scene.CLIENT, "project"));
        scene.expire();
        assertThatExceptionOfType(AuthorizationServerException.class)
                .isThrownBy(alice::tokens)
                .withMessageContaining("another client");
        Account trusting =
                scene.node(registration().trustedAudiences("project")).account("alice");
        scene.time.pass(Duration.ofMinutes(5));
        assertThat(trusting.tokens().accessToken()).isNotEmpty();
        assertThat(scene.server.reuseDetected()).isZero();
    }

    // ---- Logins ---------------------------------------------------------------------------------------------------

    private void assertRevoked(int answers) {
        await(() -> scene.server.revocations() == 2 * answers);
        assertThat(scene.store.rows).isEmpty();
    }

    static List<Wrong> wrongAtLogin() {
        List<Wrong> all = new ArrayList<>(wrong());
        all.removeIf(wrong -> wrong.name().startsWith("sub is"));
        // The access token of this one cannot be named; its refresh token goes first, and the grant with it.
        all.removeIf(wrong -> wrong.name().equals("no access token"));
        all.add(claim("nonce", "another"));
        all.add(claim("exp", 1));
        all.add(answer("no ID token", answer -> answer.remove("id_token")));
        all.add(new Wrong("a wrong signature", test -> test.scene.server.signing(Signing.WRONG_KEY)));
        all.add(new Wrong(
                "UserInfo of another user",
                test -> test.scene.server.onNextApiRequest(Fault.answer(Answer.json(200, "{\"sub\":\"bob\"}")))));
        all.add(new Wrong("UserInfo that is down", test -> test.scene.server.onNextApiRequest(Fault.status(503))));
        return all;
    }

    @ParameterizedTest
    @MethodSource("wrongAtLogin")
    void the_tokens_of_a_login_that_is_refused_are_revoked(Wrong wrong) throws Exception {
        Grantkeeper node = scene.node(registration().fetchProfile());
        answersAsUsual();
        wrong.change().accept(this);
        assertNoLogin(() -> scene.login(node, "alice"));
        assertRevoked(1);
    }

    private interface Login {
        LoginResult finish() throws Exception;
    }

    private static void assertNoLogin(Login login) throws Exception {
        try {
            assertThat(login.finish()).isNotInstanceOf(SignedIn.class);
        } catch (AuthorizationServerException e) {
            assertThat(e.kind()).isIn(Kind.MALFORMED, Kind.TEMPORARY, Kind.MISCONFIGURED);
        }
    }

    @Test
    void a_refresh_token_that_comes_alone_is_revoked() throws Exception {
        Grantkeeper node = node();
        answers(answer -> answer.remove("access_token"));
        assertNoLogin(() -> scene.login(node, "alice"));
        await(() -> scene.server.revocations() == 1);
    }

    @Test
    void keys_that_cannot_be_fetched_leave_no_grant_behind() throws Exception {
        try (MockWebServer keys = new MockWebServer()) {
            keys.start();
            for (int i = 0; i < 4; i++) {
                keys.enqueue(new MockResponse.Builder().code(503).build());
            }
            Grantkeeper node = scene.node(scene.registration(scene.provider()
                            .openId(scene.server.issuer(), keys.url("/jwks").toString())
                            .build())
                    .scopes("openid"));
            assertNoLogin(() -> scene.login(node, "alice"));
            assertRevoked(1);
        }
    }

    @Test
    void a_tenant_that_may_not_sign_in_leaves_no_grant_behind() throws Exception {
        String tenant = "11111111-2222-4333-8444-555555555555";
        claims("tid", tenant);
        Grantkeeper node = scene.node(
                scene.registration(scene.openIdProvider().refusedTenants(tenant).build())
                        .scopes("openid"));
        assertThat(scene.login(node, "alice")).isInstanceOf(LoginResult.Declined.class);
        assertRevoked(1);
    }

    @Test
    void bearer_tokens_in_place_of_bound_ones_are_revoked() throws Exception {
        Grantkeeper node = scene.node(registration().dpop());
        assertNoLogin(() -> scene.login(node, "alice"));
        assertRevoked(1);
    }

    @Test
    void a_device_login_that_is_refused_leaves_no_grant_behind() throws Exception {
        Grantkeeper node = node();
        for (Wrong wrong :
                List.of(claim("aud", "another"), answer("another type", answer -> answer.put("token_type", "mac")))) {
            answersAsUsual();
            wrong.change().accept(this);
            DeviceLogin login = node.newLogin().startOnDevice();
            scene.server.approveDevice(login.userCode(), "alice");
            CompletableFuture<LoginResult> result = node.awaitLoginAsync(login);
            scene.time.pass(Duration.ofSeconds(6));
            assertThatExceptionOfType(ExecutionException.class)
                    .isThrownBy(() -> result.get(20, TimeUnit.SECONDS))
                    .withCauseInstanceOf(AuthorizationServerException.class);
        }
        assertRevoked(2);
    }

    @Test
    void an_exchange_that_is_refused_leaves_no_grant_behind() throws Exception {
        Grantkeeper node = node();
        String token = ((SignedIn) scene.login(node, "alice")).tokens().accessToken();
        answers(answer -> {
            answer.put("refresh_token", "of-the-exchange");
            answer.put("issued_token_type", "urn:ietf:params:oauth:token-type:saml2");
        });
        assertNoLogin(() -> node.exchange(TokenExchange.of(token)));
        assertRevoked(1);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void a_login_that_was_given_up_while_the_code_was_redeemed_leaves_no_grant_behind(boolean interrupted)
            throws Exception {
        scene.server.client(Scene.CLIENT, Scene.SECRET);
        Grantkeeper node =
                scene.node(scene.registration(scene.provider().build()).redirectUri("http://127.0.0.1/callback"));
        LinkedBlockingQueue<URI> shown = new LinkedBlockingQueue<>();
        OkHttpClient browser = scene.http;
        try (LoopbackReceiver receiver = LoopbackReceiver.open(node)) {
            CompletableFuture<Throwable> given = new CompletableFuture<>();
            Thread program = new Thread(() -> {
                try {
                    LoginResult unused = receiver.login(node.newLogin(), shown::add);
                } catch (Throwable e) {
                    given.complete(e);
                }
            });
            program.start();
            URI page = shown.poll(20, TimeUnit.SECONDS);
            String callback = scene.server.approve(String.valueOf(page), "alice");
            Held held = scene.server.holdAnswers();
            CompletableFuture<Integer> visit = CompletableFuture.supplyAsync(() -> {
                try (Response response = browser.newCall(
                                new Request.Builder().url(callback).build())
                        .execute()) {
                    return response.code();
                } catch (IOException e) {
                    return 0;
                }
            });
            held.awaitArrived(1);
            if (interrupted) {
                program.interrupt();
            } else {
                receiver.close();
            }
            assertThat(given.get(20, TimeUnit.SECONDS)).isNotNull();
            held.release();
            assertRevoked(1);
            assertThat(visit.get(20, TimeUnit.SECONDS)).isIn(0, 200);
        }
    }

    // ---- Revocation -----------------------------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(ints = {400, 500})
    void a_revocation_that_fails_changes_nothing_for_the_login(int status) throws Exception {
        answers(answer -> answer.put("token_type", "mac"));
        scene.server.onNextRevocation(Fault.status(status), Fault.dropBefore());
        Grantkeeper node = node();
        assertThatExceptionOfType(AuthorizationServerException.class)
                .isThrownBy(() -> scene.login(node, "alice"))
                .satisfies(e -> assertThat(e.kind()).isEqualTo(Kind.MALFORMED))
                .withMessageContaining("Bearer")
                .satisfies(e -> assertThat(e.toString()).doesNotContain(last()));
    }

    @Test
    void where_nothing_can_be_revoked_a_refused_login_fails_as_it_does_elsewhere() throws Exception {
        answers(answer -> answer.put("token_type", "mac"));
        Grantkeeper node = scene.node(scene.registration(
                scene.openIdProvider().revocationEndpoint(null).build()));
        assertThatExceptionOfType(AuthorizationServerException.class).isThrownBy(() -> scene.login(node, "alice"));
        assertThat(scene.server.revocations()).isZero();
    }

    @Test
    void a_login_that_cannot_be_stored_can_be_kept_again_or_discarded() throws Exception {
        Grantkeeper node = node();
        SignedIn in = (SignedIn) scene.login(node, "alice");
        scene.store.writesDown(true);
        assertThatExceptionOfType(TokenStoreException.class).isThrownBy(() -> in.keepAs("alice"));
        assertThat(scene.server.revocations()).isZero();
        scene.store.writesDown(false);
        assertThatCode(() -> in.keepAs("alice")).doesNotThrowAnyException();
        SignedIn other = (SignedIn) scene.login(node, "bob");
        other.discard();
        assertThat(scene.server.revocations()).isEqualTo(2);
    }
}
