/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.interop;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpServer;
import dev.grantkeeper.Account;
import dev.grantkeeper.Discovery;
import dev.grantkeeper.Grantkeeper;
import dev.grantkeeper.LoginResult;
import dev.grantkeeper.LogoutNotice;
import dev.grantkeeper.PendingLogin;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.store.memory.MemoryTokenStore;
import dev.grantkeeper.token.Identity;
import dev.grantkeeper.token.SealingKeys;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A Keycloak of which only the issuer is known: what it says of itself, of its users, and of sessions that end. */
@Timeout(60)
class KeycloakOpenIdIT {
    private static final String CALLBACK = "http://127.0.0.1:9999/callback";
    private static final String BYE = "http://127.0.0.1:9999/bye";
    private static final String CLIENT = "leaving";
    private static final SealingKeys KEYS = SealingKeys.of(UUID.randomUUID() + "/" + UUID.randomUUID());
    /** The logout tokens that Keycloak posted when sessions ended. */
    private static final BlockingQueue<String> TOLD = new LinkedBlockingQueue<>();

    private static HttpServer backChannel;
    private static KeycloakServer keycloak;

    private final List<Grantkeeper> open = new ArrayList<>();

    @BeforeAll
    @Timeout(240)
    static void startKeycloak() throws IOException, InterruptedException {
        String home = Objects.requireNonNull(System.getProperty("keycloak.home"), "keycloak.home: use -Pinterop");
        keycloak = KeycloakServer.start(Path.of(home));
        backChannel = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        backChannel.createContext("/left", exchange -> {
            TOLD.add(new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8));
            exchange.sendResponseHeaders(200, -1);
            exchange.close();
        });
        backChannel.start();
        ObjectNode client = new JsonMapper().createObjectNode();
        client.put("clientId", CLIENT);
        client.put("publicClient", true);
        client.put("standardFlowEnabled", true);
        client.putArray("redirectUris").add(CALLBACK);
        client.putObject("attributes")
                .put("pkce.code.challenge.method", "S256")
                .put("post.logout.redirect.uris", BYE)
                .put(
                        "backchannel.logout.url",
                        "http://127.0.0.1:" + backChannel.getAddress().getPort() + "/left")
                .put("backchannel.logout.session.required", "true");
        keycloak.register(client);
    }

    @AfterAll
    static void stopKeycloak() throws InterruptedException {
        if (backChannel != null) {
            backChannel.stop(0);
        }
        if (keycloak != null) {
            keycloak.close();
        }
    }

    @AfterEach
    void closeAll() {
        open.forEach(Grantkeeper::close);
    }

    private static Provider discovered() throws IOException {
        return Discovery.of(keycloak.issuer()).allowHttpOnLoopback().fetch();
    }

    private Grantkeeper opened() {
        Grantkeeper made = Grantkeeper.builder(Discovery.of(keycloak.issuer()).allowHttpOnLoopback())
                .clientId(CLIENT)
                .redirectUri(CALLBACK)
                .scopes("openid", "profile", "email")
                .fetchProfile()
                .tokenStore(MemoryTokenStore.create())
                .sealingKeys(KEYS)
                .build();
        open.add(made);
        return made;
    }

    private static LoginResult.SignedIn signIn(Grantkeeper grantkeeper, PendingLogin login) throws IOException {
        LoginResult result =
                grantkeeper.finishLogin(login, new Browser(CALLBACK).login(login.url(), "alice", "alice-pw"));
        assertThat(result).isInstanceOf(LoginResult.SignedIn.class);
        return (LoginResult.SignedIn) result;
    }

    @Test
    void keycloakIsWhatItSaysItIs() throws IOException {
        Provider provider = discovered();

        assertThat(provider.issuer()).contains(keycloak.issuer());
        assertThat(provider.userInfoEndpoint()).isPresent();
        assertThat(provider.endSessionEndpoint()).isPresent();
        assertThat(provider.tokenEndpoint()).isEqualTo(keycloak.provider().tokenEndpoint());
    }

    @Test
    void aCallbackThatDoesNotNameKeycloakIsRejectedSinceKeycloakSaysThatItNamesItself() throws IOException {
        Grantkeeper grantkeeper = opened();
        PendingLogin login = grantkeeper.startLogin();
        String query = new Browser(CALLBACK).login(login.url(), "alice", "alice-pw");
        String withoutIssuer = query.replaceAll("&iss=[^&]*|iss=[^&]*&", "");

        assertThat(withoutIssuer).isNotEqualTo(query);
        assertThat(grantkeeper.finishLogin(login, withoutIssuer))
                .isInstanceOfSatisfying(
                        LoginResult.Mismatched.class,
                        mismatched ->
                                assertThat(mismatched.reason()).isEqualTo(LoginResult.Mismatched.Reason.MIXED_UP));
        assertThat(grantkeeper.finishLogin(login, query)).isInstanceOf(LoginResult.SignedIn.class);
    }

    @Test
    void userInfoAndIdTokenTellOfTheSameUser() throws IOException {
        Grantkeeper grantkeeper = opened();

        Identity identity =
                signIn(grantkeeper, grantkeeper.startLogin()).identity().orElseThrow();

        assertThat(identity.issuer()).isEqualTo(keycloak.issuer());
        assertThat(identity.userName()).contains("alice");
        assertThat(identity.claims()).containsKeys("sid", "email_verified");
    }

    @Test
    void aRecentLoginSaysThatItIs() throws IOException {
        Grantkeeper grantkeeper = opened();

        PendingLogin login =
                grantkeeper.newLogin().maxAge(Duration.ofMinutes(1)).start();

        assertThat(signIn(grantkeeper, login).identity()).isPresent();
    }

    @Test
    void whoLeavesHereLeavesThereAndKeycloakTellsIt() throws Exception {
        Grantkeeper grantkeeper = opened();
        LoginResult.SignedIn in = signIn(grantkeeper, grantkeeper.startLogin());
        Account alice = in.keepAs("alice");
        Identity identity = in.identity().orElseThrow();

        Request leaving = new Request.Builder()
                .url(grantkeeper
                        .newLogout()
                        .account(alice)
                        .returnTo(BYE)
                        .state("s-1")
                        .url()
                        .toString())
                .build();
        OkHttpClient browser = new OkHttpClient.Builder().followRedirects(false).build();
        try (Response response = browser.newCall(leaving).execute()) {
            assertThat(response.header("Location")).isEqualTo(BYE + "?state=s-1");
        }

        String told = TOLD.poll(20, TimeUnit.SECONDS);
        assertThat(told).startsWith("logout_token=");
        String token = URLDecoder.decode(told.substring("logout_token=".length()), StandardCharsets.UTF_8);
        Optional<LogoutNotice> notice = grantkeeper.verifyLogoutToken(token);
        assertThat(notice).hasValueSatisfying(ended -> {
            assertThat(ended.id()).contains(identity.id());
            assertThat(ended.sessionId()).contains((String) identity.claims().get("sid"));
        });
        assertThat(opened().verifyLogoutToken(in.tokens().idToken().orElseThrow()))
                .isEmpty();
    }
}
