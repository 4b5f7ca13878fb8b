/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.interop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.grantkeeper.Account;
import dev.grantkeeper.AuthorizationServerException;
import dev.grantkeeper.BackchannelLogin;
import dev.grantkeeper.DeviceLogin;
import dev.grantkeeper.Grantkeeper;
import dev.grantkeeper.Introspection;
import dev.grantkeeper.LoginRequest;
import dev.grantkeeper.LoginRequiredException;
import dev.grantkeeper.LoginResult;
import dev.grantkeeper.PendingLogin;
import dev.grantkeeper.TokenExchange;
import dev.grantkeeper.store.memory.MemoryTokenStore;
import dev.grantkeeper.token.SealingKeys;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The other ways to tokens, and back, at a Keycloak: another device, backchannel logins, token exchange, introspection,
 * revocation.
 */
@Timeout(60)
class KeycloakGrantsIT {
    private static final String CALLBACK = "http://127.0.0.1:9999/callback";
    private static final OkHttpClient HTTP = new OkHttpClient();
    private static KeycloakServer keycloak;

    private final MovableTime time = new MovableTime();
    private final List<Grantkeeper> open = new ArrayList<>();

    @BeforeAll
    @Timeout(240)
    static void startKeycloak() throws IOException, InterruptedException {
        String home = Objects.requireNonNull(System.getProperty("keycloak.home"), "keycloak.home: use -Pinterop");
        keycloak = KeycloakServer.start(Path.of(home));
    }

    @AfterAll
    static void stopKeycloak() throws InterruptedException {
        if (keycloak != null) {
            keycloak.close();
        }
    }

    @BeforeEach
    void forgetWhatWas() throws IOException {
        keycloak.forgetEvents();
    }

    @AfterEach
    void closeAll() {
        open.forEach(Grantkeeper::close);
    }

    @Test
    void aUserSignsInOnAnotherDeviceAndStaysSignedIn() throws Exception {
        Grantkeeper tv = opened(registration("tv"));
        DeviceLogin login = tv.newLogin().startOnDevice();
        CompletableFuture<LoginResult> result = tv.awaitLoginAsync(login);

        new Browser(CALLBACK).approveDevice(login.verificationUriComplete().orElseThrow(), "alice", "alice-pw");

        LoginResult.SignedIn in = (LoginResult.SignedIn) result.get(30, TimeUnit.SECONDS);
        assertThat(in.identity().orElseThrow().userName()).contains("alice");
        Account alice = in.keepAs("alice");
        assertThat(callApi(alice)).isEqualTo(200);
        time.pass(Duration.ofSeconds(61));
        assertThat(callApi(alice)).isEqualTo(200);
        assertThat(keycloak.count("REFRESH_TOKEN")).isEqualTo(1);
    }

    /** A client for backchannel logins; it may be registered for one mode only. */
    private Grantkeeper shop(String mode) throws IOException {
        String clientId = "shop-" + UUID.randomUUID();
        ObjectNode client = new JsonMapper()
                .createObjectNode()
                .put("clientId", clientId)
                .put("enabled", true)
                .put("protocol", "openid-connect")
                .put("publicClient", false)
                .put("secret", "shop-secret")
                .put("standardFlowEnabled", false);
        client.putObject("attributes")
                .put("oidc.ciba.grant.enabled", "true")
                .put("ciba.backchannel.token.delivery.mode", mode)
                .put(
                        "ciba.backchannel.client.notification.endpoint",
                        keycloak.phone().notificationEndpoint());
        keycloak.register(client);
        return opened(registration(clientId).clientSecret("shop-secret"));
    }

    @Test
    void aUserWhoIsNamedConsentsOnAPhone() throws Exception {
        Grantkeeper shop = shop("poll");
        BackchannelLogin login =
                shop.newLogin().loginHint("alice").bindingMessage("W4SCT").startBackchannel();
        CompletableFuture<LoginResult> result = shop.awaitLoginAsync(login);
        Phone.Post question = keycloak.phone().question();
        assertThat(question.json().path("login_hint").textValue()).isEqualTo("alice");
        assertThat(question.json().path("binding_message").textValue()).isEqualTo("W4SCT");
        keycloak.decide(question, "SUCCEED");

        LoginResult.SignedIn in = (LoginResult.SignedIn) result.get(30, TimeUnit.SECONDS);
        assertThat(in.identity().orElseThrow().userName()).contains("alice");
        Account alice = in.keepAs("alice");
        assertThat(callApi(alice)).isEqualTo(200);
        time.pass(Duration.ofSeconds(61));
        assertThat(callApi(alice)).isEqualTo(200);
        assertThat(keycloak.count("REFRESH_TOKEN")).isEqualTo(1);
    }

    @Test
    void aUserWhoRefusesOnAPhoneHasDeclined() throws Exception {
        Grantkeeper shop = shop("poll");
        CompletableFuture<LoginResult> result =
                shop.awaitLoginAsync(shop.newLogin().loginHint("alice").startBackchannel());
        keycloak.decide(keycloak.phone().question(), "CANCELLED");
        LoginResult.Declined declined = (LoginResult.Declined) result.get(30, TimeUnit.SECONDS);
        assertThat(declined.byUser()).isTrue();
    }

    @Test
    void aRequestThatKeycloakDoesNotAcceptAsksNobody() throws Exception {
        Grantkeeper shop = shop("poll");
        LoginRequest blank = shop.newLogin().loginHint("alice").bindingMessage("with blanks");
        assertThatThrownBy(blank::startBackchannel).isInstanceOfSatisfying(AuthorizationServerException.class, e -> {
            assertThat(e.kind()).isEqualTo(AuthorizationServerException.Kind.REFUSED);
            assertThat(e.error()).contains("invalid_binding_message");
        });
        // Keycloak does not say unknown_user_id.
        assertThatThrownBy(() -> shop.newLogin().loginHint("nobody").startBackchannel())
                .isInstanceOfSatisfying(
                        AuthorizationServerException.class,
                        e -> assertThat(e.error()).contains("invalid_request"));
    }

    @Test
    void aNotificationBringsTheTokensAtOnce() throws Exception {
        Grantkeeper shop = shop("ping");
        BackchannelLogin login = shop.newLogin().loginHint("alice").ping().startBackchannel();
        CompletableFuture<LoginResult> result = shop.awaitLoginAsync(login);
        keycloak.decide(keycloak.phone().question(), "SUCCEED");

        Phone.Post notification = keycloak.phone().notification();
        assertThat(BackchannelLogin.notificationKeyOf(notification.body())).isEqualTo(login.notificationKey());
        assertThat(shop.acceptNotification(login, notification.authorization() + "x", notification.body()))
                .isFalse();
        assertThat(shop.acceptNotification(login, notification.authorization(), notification.body()))
                .isTrue();
        LoginResult.SignedIn in = (LoginResult.SignedIn) result.get(10, TimeUnit.SECONDS); // polled after twelve
        assertThat(in.identity().orElseThrow().userName()).contains("alice");
    }

    @Test
    void anIncomingTokenIsExchangedOnceUntilItEnds() throws Exception {
        Grantkeeper backend = opened(registration("backend").clientSecret("backend-secret"));
        LoginResult.SignedIn in = signIn(backend);
        TokenExchange exchange = TokenExchange.of(in.tokens().accessToken()).scopes("openid");

        for (int i = 0; i < 3; i++) {
            assertThat(callApi(backend.account(exchange))).isEqualTo(200);
        }
        assertThat(keycloak.count("TOKEN_EXCHANGE")).isEqualTo(1);
        assertThat(backend.account(exchange).tokens().accessToken())
                .isNotEqualTo(in.tokens().accessToken());

        in.discard();
        time.pass(Duration.ofSeconds(61));
        assertThatThrownBy(() -> backend.account(exchange).tokens()).isInstanceOf(LoginRequiredException.class);
    }

    @Test
    void whatIsGivenBackIsNotActiveAnyMore() throws Exception {
        // Keycloak tells a client only of tokens that are meant for it: this one's have it as an audience.
        Grantkeeper backend = opened(registration("backend").clientSecret("backend-secret"));
        LoginResult.SignedIn in = signIn(backend);
        Account alice = in.keepAs("alice");

        Introspection before = alice.introspect();
        assertThat(before.active()).isTrue();
        assertThat(before.clientId()).contains("backend");
        assertThat(before.scopes()).contains("openid");
        assertThat(before.expiresAt()).isPresent();

        alice.signOut();
        assertThat(backend.introspect(in.tokens().accessToken()).active()).isFalse();
        assertThat(backend.introspect(in.tokens().refreshToken().orElseThrow()).active())
                .isFalse();
        assertThat(keycloak.count("REVOKE_GRANT")).isPositive();
    }

    private static LoginResult.SignedIn signIn(Grantkeeper grantkeeper) throws IOException {
        PendingLogin login = grantkeeper.startLogin();
        String query = new Browser(CALLBACK).login(login.url(), "alice", "alice-pw");
        return (LoginResult.SignedIn) grantkeeper.finishLogin(login, query);
    }

    private Grantkeeper.Builder registration(String clientId) {
        return Grantkeeper.builder(keycloak.provider())
                .clientId(clientId)
                .redirectUri(CALLBACK)
                .scopes("openid")
                .tokenStore(MemoryTokenStore.create())
                .sealingKeys(SealingKeys.of(UUID.randomUUID() + "/" + UUID.randomUUID()))
                .time(time.clock(), time::ticks);
    }

    private Grantkeeper opened(Grantkeeper.Builder builder) {
        Grantkeeper grantkeeper = builder.build();
        open.add(grantkeeper);
        return grantkeeper;
    }

    private static int callApi(Account account) throws IOException {
        Request request = new Request.Builder().url(keycloak.userinfo()).build();
        try (Response response = account.wrap(HTTP).newCall(request).execute()) {
            return response.code();
        }
    }
}
