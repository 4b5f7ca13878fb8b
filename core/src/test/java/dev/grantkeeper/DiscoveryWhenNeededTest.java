/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.grantkeeper.LoginResult.SignedIn;
import dev.grantkeeper.provider.ClientAuthentication;
import dev.grantkeeper.provider.LoginProtection;
import dev.grantkeeper.testkit.FakeAuthorizationServer;
import dev.grantkeeper.testkit.Fault;
import dev.grantkeeper.testkit.Held;
import dev.grantkeeper.testkit.Rotation;
import dev.grantkeeper.token.TokenSet;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import okhttp3.OkHttpClient;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A registration of which only the issuer is known: its server is asked when something is to be sent there (F-56). */
@Timeout(300)
class DiscoveryWhenNeededTest {
    /** Longer than a server is left alone that could not say what it is. */
    private static final Duration A_MOMENT = Duration.ofMinutes(1);

    private final Scene scene = new Scene();
    private final AtomicInteger asked = new AtomicInteger();
    private volatile Consumer<Map<String, Object>> change = metadata -> {};

    @TempDir
    private Path folder;

    @BeforeEach
    void count() {
        scene.server.rotation(Rotation.STRICT);
        scene.server.metadata(metadata -> {
            asked.incrementAndGet();
            metadata.put("introspection_endpoint", scene.server.introspectionEndpoint());
            metadata.put("device_authorization_endpoint", scene.server.deviceAuthorizationEndpoint());
            metadata.put("end_session_endpoint", scene.server.url() + "/logout");
            change.accept(metadata);
            return metadata;
        });
    }

    @AfterEach
    void close() {
        scene.close();
    }

    /** Under the name of the scene's own provider, so that both find the same grants. */
    private Discovery discovery() {
        return Discovery.of(scene.server.issuer())
                .name("fake")
                .allowHttpOnLoopback()
                .customize(provider -> provider.apiOrigins(scene.server.url()));
    }

    private Grantkeeper node() {
        return scene.node(scene.registration(discovery()));
    }

    private void down() {
        Fault[] many = new Fault[20];
        Arrays.fill(many, Fault.status(503));
        scene.server.onNextMetadataRequest(many);
    }

    private static Consumer<Throwable> failed(AuthorizationServerException.Kind kind) {
        return thrown ->
                assertThat(((AuthorizationServerException) thrown).kind()).isEqualTo(kind);
    }

    @Test
    void nothing_is_asked_before_something_is_to_be_sent_and_then_only_once() throws Exception {
        Grantkeeper node = node();
        Account alice = node.account("alice");
        OkHttpClient client = alice.wrap(scene.http);
        assertThat(alice.grant()).isEmpty();
        assertThatThrownBy(() -> scene.status(client)).isInstanceOf(LoginRequiredException.class);
        assertThat(asked).hasValue(0);
        scene.signIn(node, "alice");
        scene.signIn(node, "bob");
        assertThat(scene.status(client)).isEqualTo(200);
        scene.expire();
        assertThat(scene.status(client)).isEqualTo(200);
        alice.signOut();
        assertThat(scene.server.revocations()).isPositive();
        assertThat(asked).hasValue(1);
    }

    @Test
    void users_are_who_the_metadata_let_them_be() throws Exception {
        Grantkeeper node = scene.node(
                scene.registration(discovery()).scopes("openid", "things.read").fetchProfile());
        SignedIn in = (SignedIn) scene.login(node, "alice");
        assertThat(in.identity().orElseThrow().id()).isEqualTo(scene.server.issuer() + " alice");
    }

    @Test
    void a_server_that_is_down_at_the_start_is_asked_again_later() throws Exception {
        Grantkeeper node = node();
        for (Fault fault : List.of(Fault.dropBefore(), Fault.status(503), Fault.status(200))) {
            scene.server.onNextMetadataRequest(fault);
            scene.server.onNextMetadataRequest(fault);
            assertThatThrownBy(node::startLogin)
                    .isInstanceOf(AuthorizationServerException.class)
                    .hasMessageContaining(scene.server.issuer());
            scene.server.noFaults(); // after a connection that fails, the other place is not asked
            // It is left alone for a moment, though it is up again.
            assertThatThrownBy(node::startLogin).isInstanceOfSatisfying(AuthorizationServerException.class, failure -> {
                assertThat(failure).hasMessageContaining(scene.server.issuer());
                assertThat(failure.retryAfter().orElseThrow()).isLessThanOrEqualTo(A_MOMENT);
            });
            assertThat(asked).hasValue(0);
            scene.time.pass(A_MOMENT);
        }
        assertThat(scene.signIn(node, "alice").tokens()).isNotNull();
        assertThat(asked).hasValue(1);
    }

    @Test
    void tokens_that_are_stored_and_valid_are_used_while_the_server_is_down() throws Exception {
        scene.signIn(scene.node(), "alice");
        down();
        Account alice = node().account("alice");
        assertThat(scene.status(alice.wrap(scene.http))).isEqualTo(200);
        assertThat(asked).hasValue(0);
    }

    @Test
    void an_expired_grant_waits_for_its_server_and_loses_nothing() throws Exception {
        scene.signIn(scene.node(), "alice");
        scene.expire();
        scene.server.resetCounters();
        Map<?, ?> stored = Map.copyOf(scene.store.rows);
        down();
        Account alice = node().account("alice");
        for (int i = 0; i < 3; i++) {
            assertThatThrownBy(alice::tokens)
                    .isInstanceOf(AuthorizationServerException.class)
                    .satisfies(failed(AuthorizationServerException.Kind.TEMPORARY));
            scene.time.pass(A_MOMENT);
        }
        // Neither an attempt nor a pause stands in the way of nodes that know where to ask.
        assertThat(scene.store.rows).isEqualTo(stored);
        scene.server.noFaults();
        assertThat(scene.status(alice.wrap(scene.http))).isEqualTo(200);
        assertThat(scene.server.tokenRequests()).isEqualTo(1);
    }

    @Test
    void many_callers_ask_once_what_the_server_is_and_once_for_tokens() throws Exception {
        scene.signIn(scene.node(), "alice");
        scene.expire();
        scene.server.resetCounters();
        Held held = new Held();
        scene.server.onNextMetadataRequest(Fault.hold(held));
        Grantkeeper node = node();
        List<CompletableFuture<Void>> all = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            boolean signsIn = i % 2 == 0;
            all.add(CompletableFuture.runAsync(
                    () -> {
                        try {
                            if (signsIn) {
                                node.startLogin();
                            } else {
                                assertThat(scene.status(node.account("alice").wrap(scene.http)))
                                        .isEqualTo(200);
                            }
                        } catch (Exception e) {
                            throw new AssertionError(e);
                        }
                    },
                    task -> new Thread(task).start()));
        }
        held.awaitArrived(1);
        held.release();
        for (CompletableFuture<Void> one : all) {
            one.get(30, TimeUnit.SECONDS);
        }
        assertThat(asked).hasValue(1);
        assertThat(scene.server.tokenRequests()).isEqualTo(1);
        assertThat(scene.server.familiesRevoked()).isZero();
    }

    /** An attempt in the row is measured in token calls; a question that comes before must not use that time up. */
    @Test
    void who_waits_for_the_metadata_keeps_no_other_node_from_refreshing() throws Exception {
        Grantkeeper knows = scene.node();
        scene.signIn(knows, "alice");
        scene.expire();
        scene.server.resetCounters();
        Held held = new Held();
        scene.server.onNextMetadataRequest(Fault.hold(held));
        CompletableFuture<TokenSet> waits = node().account("alice").tokensAsync();
        held.awaitArrived(1);
        TokenSet fresh = knows.account("alice").tokens();
        scene.time.pass(Duration.ofMinutes(1));
        held.release();
        assertThat(waits.get(30, TimeUnit.SECONDS)).isEqualTo(fresh);
        assertThat(scene.server.tokenRequests()).isEqualTo(1);
        assertThat(scene.server.reuseDetected()).isZero();
    }

    @Test
    void metadata_of_another_issuer_are_refused_until_they_are_right() throws Exception {
        change = metadata -> metadata.put("issuer", "https://evil.example");
        Grantkeeper node = node();
        assertThatThrownBy(node::startLogin)
                .isInstanceOf(AuthorizationServerException.class)
                .hasMessageContaining("https://evil.example")
                .satisfies(failed(AuthorizationServerException.Kind.MALFORMED));
        change = metadata -> {};
        scene.time.pass(A_MOMENT);
        assertThat(scene.login(node, "alice")).isInstanceOf(SignedIn.class);
    }

    @Test
    void what_the_server_demands_and_the_application_lacks_is_said_when_that_is_known() {
        change = metadata -> metadata.put("require_signed_request_object", true);
        Grantkeeper node = node();
        assertThatThrownBy(node::startLogin)
                .isInstanceOf(AuthorizationServerException.class)
                .hasMessageContaining("signingKey")
                .satisfies(failed(AuthorizationServerException.Kind.MISCONFIGURED));
        assertThatThrownBy(() -> scene.node(scene.registration(discovery()).fetchProfile())
                        .application()
                        .tokens())
                .isInstanceOf(AuthorizationServerException.class);
    }

    private interface Wish {
        void of(Grantkeeper node) throws Exception;
    }

    private record Lacking(String member, String fix, Wish wish) {
        @Override
        public String toString() {
            return member;
        }
    }

    static List<Lacking> lacking() {
        return List.of(
                new Lacking(
                        "jwks_uri",
                        "openId(",
                        node -> node.newLogin().scopes("openid").start()),
                new Lacking("jwks_uri", "openId(", node -> node.verifyLogoutToken("a.b.c")),
                new Lacking(
                        "device_authorization_endpoint",
                        "deviceAuthorizationEndpoint(…)",
                        node -> node.newLogin().startOnDevice()),
                new Lacking(
                        "backchannel_authentication_endpoint",
                        "backchannelAuthenticationEndpoint(…)",
                        node -> node.newLogin()
                                .scopes("openid")
                                .loginHint("alice")
                                .startBackchannel()),
                new Lacking("introspection_endpoint", "introspectionEndpoint(…)", node -> node.introspect("token")),
                new Lacking(
                        "end_session_endpoint",
                        "endSessionEndpoint(…)",
                        node -> node.newLogout().url()));
    }

    /** A server may lose something in an update; that is no defect of the application. */
    @ParameterizedTest
    @MethodSource("lacking")
    void what_the_metadata_lack_is_no_mistake_of_the_application(Lacking lacking) throws Exception {
        change = metadata -> metadata.remove(lacking.member());
        Grantkeeper node = node();
        assertThatThrownBy(() -> lacking.wish().of(node))
                .isInstanceOf(AuthorizationServerException.class)
                .hasMessageContaining("metadata")
                .hasMessageContaining("Discovery.customize(")
                .hasMessageContaining(lacking.fix())
                .satisfies(failed(AuthorizationServerException.Kind.MISCONFIGURED));
        Grantkeeper fetched =
                scene.node(scene.registration(discovery().name("fetched").fetch()));
        assertThatThrownBy(() -> lacking.wish().of(fetched)).isInstanceOf(AuthorizationServerException.class);
        assertThat(scene.login(node, "alice"))
                .as("what it does not lack goes on")
                .isInstanceOf(SignedIn.class);
    }

    @Test
    void what_the_metadata_lack_for_every_login_is_no_mistake_of_the_application_either() throws Exception {
        for (LoginProtection protection : List.of(LoginProtection.PUSHED_REQUEST, LoginProtection.SIGNED_RESPONSE)) {
            change = metadata -> metadata.remove("jwks_uri");
            Grantkeeper node = scene.node(scene.registration(discovery()).loginProtections(protection));
            assertThatThrownBy(node::startLogin)
                    .isInstanceOf(AuthorizationServerException.class)
                    .satisfies(failed(AuthorizationServerException.Kind.MISCONFIGURED));
        }
        change = metadata -> metadata.remove("userinfo_endpoint");
        Grantkeeper node = scene.node(scene.registration(discovery()).fetchProfile());
        assertThatThrownBy(() -> node.newLogin().scopes("openid").start())
                .isInstanceOf(AuthorizationServerException.class)
                .hasMessageContaining("UserInfo");
        change = metadata -> metadata.remove("revocation_endpoint");
        Account alice = scene.signIn(node(), "alice");
        alice.signOut();
        assertThat(alice.grant()).isEmpty();
        assertThat(scene.server.revocations()).isZero();
    }

    @ParameterizedTest
    @ValueSource(strings = {"https://h.example:0/x", "https://h.example:65536/x", "https://[fe80::1%25eth0]/x"})
    void an_address_that_nothing_can_be_sent_to_is_a_malformed_one(String address) throws Exception {
        for (String member : List.of("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint")) {
            change = metadata -> metadata.put(member, address);
            Grantkeeper node = node();
            assertThatThrownBy(node::startLogin)
                    .isInstanceOf(AuthorizationServerException.class)
                    .satisfies(failed(AuthorizationServerException.Kind.MALFORMED));
        }
    }

    @Test
    void what_is_wrong_whatever_the_server_says_is_said_at_once() {
        assertThatIllegalStateException()
                .isThrownBy(
                        () -> scene.registration(discovery()).clientSecret(null).build())
                .withMessageContaining("client secret");
        assertThatIllegalStateException()
                .isThrownBy(() -> scene.registration(discovery())
                        .clientAuthentication(ClientAuthentication.PRIVATE_KEY_JWT)
                        .build())
                .withMessageContaining("signingKey");
        assertThatIllegalStateException()
                .isThrownBy(() -> scene.registration(discovery())
                        .loginProtections(LoginProtection.SIGNED_REQUEST)
                        .build())
                .withMessageContaining("signingKey");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> scene.registration(discovery())
                        .redirectUri("http://app.example/cb")
                        .build())
                .withMessageContaining("https");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Grantkeeper.builder(Discovery.of("http://login.example")))
                .withMessageContaining("https");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Grantkeeper.builder(
                        discovery().customize(provider -> provider.apiOrigins("http://api.example"))))
                .withMessageContaining("https");
        assertThat(asked).hasValue(0);
    }

    @Test
    void what_the_application_says_counts_more_than_the_metadata() throws Exception {
        change = metadata -> metadata.put("token_endpoint_auth_methods_supported", List.of("client_secret_basic"));
        Grantkeeper node = scene.node(scene.registration(
                discovery().customize(provider -> provider.clientAuthentication(ClientAuthentication.SECRET_POST))));
        scene.signIn(node, "alice");
        assertThat(scene.server.recordedTokenRequests())
                .singleElement()
                .satisfies(request -> assertThat(request.param("client_secret")).contains(Scene.SECRET));
        assertThat(discovery()
                        .customize(provider -> provider.defaultLifetime(Duration.ofMinutes(5)))
                        .fetch()
                        .apiOrigins())
                .isNotEmpty();
    }

    @Test
    void what_is_said_to_the_builders_afterwards_is_said_to_others() throws Exception {
        Discovery discovery = discovery();
        Grantkeeper.Builder builder = scene.registration(discovery);
        Grantkeeper node = scene.node(builder);
        discovery.customize(provider -> provider.tokenEndpoint("https://nowhere.example/token"));
        builder.clientId("another").clientSecret("another-secret").redirectUri("https://another.example/cb");
        PendingLogin login = node.startLogin();
        assertThat(login.url().toString()).contains(Scene.CLIENT).doesNotContain("another");
        assertThat(node.finishLogin(
                        login, Scene.query(scene.server.approve(login.url().toString(), "alice"))))
                .isInstanceOf(SignedIn.class);
    }

    // ---- Each of these may come first -------------------------------------------------------------------------------

    @Test
    void the_applications_own_tokens_may_be_needed_first() throws Exception {
        assertThat(scene.status(node().application().wrap(scene.http))).isEqualTo(200);
    }

    @Test
    void a_login_on_another_device_may_end_in_another_process_and_goes_on_while_the_server_is_down() throws Exception {
        scene.server.deviceInterval(Duration.ofSeconds(1));
        DeviceLogin login = node().newLogin().startOnDevice();
        scene.server.approveDevice(login.userCode(), "alice");
        Held held = new Held();
        scene.server.onNextMetadataRequest(Fault.hold(held).then(Fault.status(503)), Fault.status(503));
        Grantkeeper other = scene.node(scene.registration(discovery()).time(InstantSource.system(), System::nanoTime));
        CompletableFuture<LoginResult> result = other.awaitLoginAsync(login); // waits for nobody
        held.awaitArrived(1);
        assertThat(result).isNotDone();
        held.release();
        assertThat(result.get(50, TimeUnit.SECONDS)).isInstanceOf(SignedIn.class);
    }

    @Test
    void a_login_on_another_device_ends_where_everything_was_closed_before_the_server_was_asked() throws Exception {
        DeviceLogin login = node().newLogin().startOnDevice();
        Grantkeeper closed = node();
        CompletableFuture<LoginResult> before = closed.awaitLoginAsync(login);
        closed.close();
        for (CompletableFuture<LoginResult> one : List.of(before, closed.awaitLoginAsync(login))) {
            assertThatThrownBy(() -> one.get(30, TimeUnit.SECONDS))
                    .hasCauseInstanceOf(AuthorizationServerException.class);
        }
    }

    @Test
    void nothing_that_a_stranger_sends_makes_anybody_ask() throws Exception {
        Grantkeeper node = node();
        PendingLogin login = node.startLogin();
        Grantkeeper other = node();
        asked.set(0);
        down();
        for (String query : List.of("code=x&state=y", "error=access_denied", "response=a.b.c", "code=x", "")) {
            assertThat(other.finishLogin(null, query)).isInstanceOf(LoginResult.Mismatched.class);
            assertThat(other.finishLogin(login, query)).isInstanceOf(LoginResult.Mismatched.class);
        }
        assertThat(asked).hasValue(0);
    }

    @Test
    void who_is_interrupted_while_the_server_is_asked_harms_nobody_else() throws Exception {
        Grantkeeper node = scene.node(scene.registration(discovery()).tokenCallTimeout(Duration.ofSeconds(2)));
        Held held = new Held();
        scene.server.onNextMetadataRequest(Fault.hold(held));
        CompletableFuture<Object> firsts = new CompletableFuture<>();
        Thread first = new Thread(() -> {
            try {
                firsts.complete(node.startLogin());
            } catch (AuthorizationServerException e) {
                firsts.complete(e);
            }
        });
        first.start();
        held.awaitArrived(1);
        first.interrupt();
        assertThat(firsts.get(30, TimeUnit.SECONDS)).isInstanceOf(AuthorizationServerException.class);
        assertThat(node.startLogin()).isNotNull(); // at once
        held.release();
    }

    /** With the ten seconds that are usual it would not end in time. */
    @Test
    @Timeout(8)
    void a_server_that_does_not_answer_is_waited_for_as_long_as_for_tokens() {
        Held held = new Held();
        scene.server.onNextMetadataRequest(Fault.hold(held));
        Grantkeeper node = scene.node(scene.registration(discovery()).tokenCallTimeout(Duration.ofMillis(300)));
        assertThatThrownBy(node::startLogin).isInstanceOf(AuthorizationServerException.class);
        held.release();
    }

    @Test
    void a_server_that_wants_to_be_left_alone_is() {
        Grantkeeper node = node();
        scene.server.onNextMetadataRequest(Fault.retryAfter(503, "600"));
        assertThatThrownBy(node::startLogin).isInstanceOf(AuthorizationServerException.class);
        scene.time.pass(Duration.ofSeconds(590));
        assertThatThrownBy(node::startLogin).isInstanceOf(AuthorizationServerException.class);
        assertThat(asked).hasValue(0);
    }

    @Test
    void an_exchange_an_introspection_and_a_logout_may_come_first() throws Exception {
        String token = scene.signIn(scene.node(), "alice").tokens().accessToken();
        assertThat(node().introspect(token).active()).isTrue();
        Grantkeeper leaving = node();
        assertThat(leaving.newLogout().account(leaving.account("alice")).url().toString())
                .startsWith(scene.server.url() + "/logout?");
        assertThat(node().verifyLogoutToken("nonsense")).isEmpty();
        assertThat(node().exchange(TokenExchange.of(token))).isNotNull();
        down();
        assertThatThrownBy(() -> node().introspect(token)).isInstanceOf(AuthorizationServerException.class);
        assertThatThrownBy(() -> node().newLogout().url()).isInstanceOf(AuthorizationServerException.class);
        assertThatThrownBy(() -> node().verifyLogoutToken("nonsense")).isInstanceOf(AuthorizationServerException.class);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void whoever_signs_out_is_signed_out_and_tokens_go_back_if_the_server_can_be_asked(boolean up) throws Exception {
        scene.signIn(scene.node(), "alice");
        if (!up) {
            down();
        }
        node().account("alice").signOut();
        assertThat(scene.store.rows).isEmpty();
        assertThat(scene.server.revocations() > 0).isEqualTo(up);
    }

    @Test
    void tokens_that_were_brought_along_before_the_server_was_asked_belong_to_it_from_the_first_refresh()
            throws Exception {
        FakeAuthorizationServer.Issued old = scene.server.issue(Scene.CLIENT, "bob", "things.read");
        Instant now = scene.time.clock().instant();
        Account bob = node().account("bob");
        assertThat(bob.importTokens(TokenSet.builder(old.accessToken())
                        .refreshToken(old.refreshToken())
                        .receivedAt(now)
                        .expiresAt(now.plusSeconds(60))
                        .build()))
                .isTrue();
        assertThat(asked).hasValue(0);
        scene.expire();
        assertThat(scene.status(bob.wrap(scene.http))).isEqualTo(200);
        scene.expire();
        scene.server.resetCounters();
        String elsewhere = scene.server.url().replace("127.0.0.1", "localhost");
        Grantkeeper wrong = scene.node(scene.registration(
                scene.provider().tokenEndpoint(elsewhere + "/token").build()));
        assertThatThrownBy(wrong.account("bob")::tokens).hasMessageContaining("This grant was issued by");
        assertThat(scene.server.tokenRequests()).isZero();
    }

    @Test
    void metadata_that_were_good_will_do_where_the_server_is_down() throws Exception {
        Path file = folder.resolve("acme.json");
        Grantkeeper first = scene.node(scene.registration(discovery().cacheFile(file)));
        scene.signIn(first, "alice");
        scene.expire();
        down();
        Grantkeeper second = scene.node(scene.registration(discovery().cacheFile(file)));
        assertThat(scene.status(second.account("alice").wrap(scene.http))).isEqualTo(200);
    }

    @Test
    void a_grantkeeper_that_was_never_used_is_closed_without_a_question() {
        node().close();
        assertThat(asked).hasValue(0);
    }
}
