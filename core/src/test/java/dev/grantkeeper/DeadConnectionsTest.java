/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.grantkeeper.Front.Ending;
import dev.grantkeeper.Front.Wire;
import dev.grantkeeper.provider.LoginProtection;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.testkit.Held;
import dev.grantkeeper.testkit.RecordedRequest;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import okhttp3.Request;
import okhttp3.Response;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Authorization servers that close connections while they are idle (envoyproxy/gateway issue 3178: a third of all
 * logins failed). Nobody can tell a request that went into such a connection from one whose answer was lost.
 */
@Timeout(300)
class DeadConnectionsTest {
    private static final int ROUNDS = 2;
    private static final int CALLERS = 20;

    private final Scene scene = new Scene();

    @AfterEach
    void close() {
        scene.close();
    }

    static Stream<Arguments> servers() {
        return Stream.of(Wire.values())
                .flatMap(wire -> Stream.of(Ending.values()).map(ending -> Arguments.of(wire, ending)));
    }

    /** The server behind the gateway, of which each endpoint is called through it. */
    private Provider.Builder through(Front front) {
        Provider.Builder provider = scene.provider()
                .tokenEndpoint(front.at(scene.server.tokenEndpoint()))
                .revocationEndpoint(front.at(scene.server.revocationEndpoint()))
                .introspectionEndpoint(front.at(scene.server.introspectionEndpoint()))
                .deviceAuthorizationEndpoint(front.at(scene.server.deviceAuthorizationEndpoint()))
                .pushedAuthorizationRequestEndpoint(front.url("/par"));
        return provider.profileEndpoint(
                front.at(scene.server.profileEndpoint()), Map.of("sub", "id", "name", "display_name"));
    }

    private Grantkeeper.Builder registration(Front front, Provider provider) {
        return scene.registration(provider)
                .httpClient(front.client())
                .maxWait(Duration.ofMinutes(1))
                .tokenCallTimeout(Duration.ofSeconds(30));
    }

    /** The application leaves a connection behind in its pool, and time goes by. */
    private static void idle(Front front) throws IOException {
        front.client().connectionPool().evictAll();
        Request request = new Request.Builder().url(front.url("/application")).build();
        try (Response response = front.client().newCall(request).execute()) {
            assertThat(response.code()).isEqualTo(200);
        }
        front.losePatience();
    }

    @ParameterizedTest(name = "{0}, connections end {1}")
    @MethodSource("servers")
    void law_20_every_login_and_every_refresh_is_served_and_nothing_is_sent_twice(Wire wire, Ending ending)
            throws Exception {
        try (Front front = new Front(scene.server, wire, ending)) {
            Grantkeeper node =
                    scene.node(registration(front, through(front).build()).fetchProfile());
            for (int i = 0; i < ROUNDS; i++) {
                idle(front);
                PendingLogin login = node.startLogin();
                LoginResult result = node.finishLogin(
                        login, Scene.query(scene.server.approve(login.url().toString(), "alice")));
                Account alice = ((LoginResult.SignedIn) result).keepAs("alice");
                scene.expire();
                idle(front);
                assertThat(alice.tokens()).isNotNull();
            }
            assertThat(scene.server.codeRequests()).isEqualTo(ROUNDS);
            assertThat(scene.server.refreshRequests()).isEqualTo(ROUNDS);
            for (String secret : new String[] {"code", "refresh_token"}) {
                assertThat(scene.server.recordedTokenRequests().stream().flatMap(request -> sent(request, secret)))
                        .hasSize(ROUNDS)
                        .doesNotHaveDuplicates();
            }
        }
    }

    private static Stream<String> sent(RecordedRequest request, String parameter) {
        return request.param(parameter).stream();
    }

    @ParameterizedTest(name = "{0}, connections end {1}")
    @MethodSource("servers")
    void law_20_so_is_everything_else_that_is_sent_to_the_server(Wire wire, Ending ending) throws Exception {
        try (Front front = new Front(scene.server, wire, ending)) {
            Grantkeeper node = scene.node(registration(front, through(front).build()));
            Grantkeeper pushing = scene.node(registration(front, through(front).build())
                    .registration("pushing")
                    .loginProtections(LoginProtection.PUSHED_REQUEST));
            scene.server.deviceResponse(codes -> {
                codes.put("verification_uri", "https://login.example/device");
                codes.remove("verification_uri_complete");
                return codes;
            });
            for (int i = 0; i < ROUNDS; i++) {
                idle(front);
                assertThat(pushing.startLogin().url().toString()).contains("request_uri=urn%3Aexample%3A1");

                idle(front);
                DeviceLogin device = node.newLogin().startOnDevice();
                scene.server.approveDevice(device.userCode(), "alice");
                idle(front);
                CompletableFuture<LoginResult> login = node.awaitLoginAsync(device);
                scene.time.pass(Duration.ofSeconds(6));
                Account alice = ((LoginResult.SignedIn) login.get(60, TimeUnit.SECONDS)).keepAs("alice");

                idle(front);
                assertThat(alice.introspect().active()).isTrue();

                idle(front);
                String token = alice.tokens().accessToken();
                alice.signOut();
                assertThat(scene.server.accepts(token)).isFalse();
            }
            assertThat(scene.server.revocations()).isEqualTo(2 * ROUNDS);
        }
    }

    @ParameterizedTest(name = "{0}, connections end {1}")
    @MethodSource("servers")
    void law_20_so_are_keys_and_user_info(Wire wire, Ending ending) throws Exception {
        try (Front front = new Front(scene.server, wire, ending)) {
            Provider provider = through(front)
                    .openId(scene.server.issuer(), front.at(scene.server.jwksUri()))
                    .userInfoEndpoint(front.at(scene.server.userInfoEndpoint()))
                    .build();
            Grantkeeper node =
                    scene.node(registration(front, provider).scopes("openid").fetchProfile());
            for (int i = 0; i < ROUNDS; i++) {
                idle(front);
                assertThat(scene.login(node, "alice")).isInstanceOf(LoginResult.SignedIn.class);
                scene.server.rotateSigningKey();
            }
        }
    }

    @ParameterizedTest(name = "{0}, connections end {1}")
    @MethodSource("servers")
    void law_20_so_are_metadata(Wire wire, Ending ending) throws Exception {
        try (Front front = new Front(scene.server, wire, ending)) {
            String issuer = front.url("/").replaceFirst("/$", "");
            for (int i = 0; i < ROUNDS; i++) {
                idle(front);
                Discovery discovery = Discovery.of(issuer).allowHttpOnLoopback();
                assertThat(discovery.httpClient(front.client()).fetch().tokenEndpoint())
                        .hasToString(front.url("/token"));
                idle(front);
                Grantkeeper node =
                        scene.node(scene.registration(Discovery.of(issuer).allowHttpOnLoopback())
                                .httpClient(front.client()));
                assertThat(node.startLogin().url().toString()).startsWith(front.url("/authorize"));
            }
        }
    }

    @ParameterizedTest(name = "{0}, connections end {1}")
    @MethodSource("servers")
    void law_20_so_are_calls_that_are_made_at_once_and_they_leave_no_connection(Wire wire, Ending ending)
            throws Exception {
        ExecutorService callers = Executors.newFixedThreadPool(CALLERS);
        try (Front front = new Front(scene.server, wire, ending)) {
            Grantkeeper node = scene.node(registration(front, through(front).build()));
            String token = ((LoginResult.SignedIn) scene.login(node, "alice"))
                    .keepAs("alice")
                    .tokens()
                    .accessToken();
            for (int i = 0; i < ROUNDS; i++) {
                List<Future<Introspection>> all = new ArrayList<>();
                for (int caller = 0; caller < CALLERS; caller++) {
                    all.add(callers.submit(() -> node.introspect(token)));
                }
                for (Future<Introspection> one : all) {
                    assertThat(one.get(60, TimeUnit.SECONDS).active()).isTrue();
                }
                front.awaitOpen(0);
            }
        } finally {
            callers.shutdownNow();
        }
    }

    // ---- Whose connections they are ---------------------------------------------------------------------------------

    @ParameterizedTest
    @EnumSource
    void the_applications_connections_are_not_used_and_not_closed(Wire wire) throws Exception {
        try (Front front = new Front(scene.server, wire, Ending.NEVER)) {
            Grantkeeper node = scene.node(registration(front, through(front).build()));
            idle(front);
            assertThat(front.open()).isEqualTo(1);
            scene.signIn(node, "alice").signOut();
            node.close();
            front.awaitOpen(1);
            assertThat(front.client().connectionPool().connectionCount()).isEqualTo(1);
            assertThat(front.open()).isEqualTo(1);
        }
    }

    @ParameterizedTest
    @EnumSource
    void an_application_that_cancels_its_calls_does_not_cancel_a_refresh(Wire wire) throws Exception {
        try (Front front = new Front(scene.server, wire, Ending.NEVER)) {
            Account alice =
                    scene.signIn(scene.node(registration(front, through(front).build())), "alice");
            scene.expire();
            Held held = scene.server.holdAnswers();
            Future<TokenSet> waiting = alice.tokensAsync();
            held.awaitArrived(1);
            front.client().dispatcher().cancelAll();
            held.release();
            assertThat(waiting.get(60, TimeUnit.SECONDS)).isNotNull();
            assertThat(scene.server.refreshRequests()).isEqualTo(1);
        }
    }

    @Test
    void without_a_client_of_the_applications_no_connection_is_left_either() throws Exception {
        ExecutorService callers = Executors.newFixedThreadPool(CALLERS);
        try (Front front = new Front(scene.server, Wire.HTTP_1, Ending.NEVER);
                Grantkeeper node = Grantkeeper.builder(through(front).build())
                        .clientId(Scene.CLIENT)
                        .clientSecret(Scene.SECRET)
                        .tokenStore(scene.store)
                        .sealingKeys(Scene.KEYS)
                        .build()) {
            List<Future<Introspection>> all = new ArrayList<>();
            for (int caller = 0; caller < CALLERS; caller++) {
                all.add(callers.submit(() -> node.introspect("unknown")));
            }
            for (Future<Introspection> one : all) {
                assertThat(one.get(60, TimeUnit.SECONDS).active()).isFalse();
            }
            front.awaitNoneAccepted();
        } finally {
            callers.shutdownNow();
        }
    }

    /** An interrupted thread does not wait in {@code close()}: what is under way then is given up. */
    @ParameterizedTest
    @EnumSource
    void a_grantkeeper_that_is_closed_leaves_no_connection_and_no_thread_behind(Wire wire) throws Exception {
        try (Front front = new Front(scene.server, wire, Ending.NEVER)) {
            Grantkeeper node =
                    scene.node(registration(front, through(front).build()).tokenCallTimeout(Duration.ofMinutes(10)));
            Account alice = scene.signIn(node, "alice");
            scene.expire();
            Held held = scene.server.holdAnswers();
            Future<TokenSet> waiting = alice.tokensAsync();
            held.awaitArrived(1);
            assertThat(front.open()).isEqualTo(1);
            List<Thread> ours = Thread.getAllStackTraces().keySet().stream()
                    .filter(thread -> thread.getName().startsWith("grantkeeper-fake-"))
                    .toList();
            assertThat(ours).isNotEmpty();
            Thread.currentThread().interrupt();
            node.close();
            assertThat(Thread.interrupted()).isTrue();
            front.awaitOpen(0);
            for (Thread thread : ours) {
                thread.join(TimeUnit.SECONDS.toMillis(60));
                assertThat(thread.isAlive()).isFalse();
            }
            held.release();
            assertThatThrownBy(() -> waiting.get(60, TimeUnit.SECONDS)).isInstanceOf(ExecutionException.class);
            assertThat(scene.server.refreshRequests()).isEqualTo(1);
        }
    }
}
