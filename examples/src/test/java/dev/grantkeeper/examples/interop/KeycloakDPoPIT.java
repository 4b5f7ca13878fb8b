/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.interop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.grantkeeper.Account;
import dev.grantkeeper.Grantkeeper;
import dev.grantkeeper.LoginResult;
import dev.grantkeeper.OAuthException;
import dev.grantkeeper.PendingLogin;
import dev.grantkeeper.provider.ClientAuthentication;
import dev.grantkeeper.store.memory.MemoryTokenStore;
import dev.grantkeeper.token.SealingKeys;
import dev.grantkeeper.token.TokenSet;
import dev.grantkeeper.token.TokenStore;
import java.io.IOException;
import java.nio.file.Path;
import java.security.KeyPair;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tokens that a Keycloak binds to a key (RFC 9449), and takes from nobody who does not have it. */
@Timeout(60)
class KeycloakDPoPIT {
    private static final String CALLBACK = "http://127.0.0.1:9999/callback";
    private static final SealingKeys KEYS = SealingKeys.of(UUID.randomUUID() + "/" + UUID.randomUUID());
    private static final OkHttpClient HTTP = new OkHttpClient();
    private static final JsonMapper JSON = new JsonMapper();
    private static KeycloakServer keycloak;

    private final TokenStore store = MemoryTokenStore.create();
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

    @AfterEach
    void closeAll() {
        open.forEach(Grantkeeper::close);
    }

    private Grantkeeper opened(String client) {
        Grantkeeper.Builder builder = Grantkeeper.builder(keycloak.provider())
                .clientId(client)
                .redirectUri(CALLBACK)
                .scopes("openid", "profile")
                .tokenStore(store)
                .sealingKeys(KEYS)
                .dpop();
        if (client.equals("conf")) {
            builder.clientSecret("conf-secret").clientAuthentication(ClientAuthentication.SECRET_BASIC);
        }
        Grantkeeper made = builder.build();
        open.add(made);
        return made;
    }

    private LoginResult.SignedIn signIn(Grantkeeper grantkeeper) throws IOException {
        PendingLogin login = grantkeeper.startLogin();
        LoginResult result =
                grantkeeper.finishLogin(login, new Browser(CALLBACK).login(login.url(), "alice", "alice-pw"));
        assertThat(result).isInstanceOf(LoginResult.SignedIn.class);
        return (LoginResult.SignedIn) result;
    }

    private static int status(OkHttpClient http, Request request) throws IOException {
        try (Response response = http.newCall(request).execute()) {
            return response.code();
        }
    }

    private static Request api() {
        return new Request.Builder().url(keycloak.userinfo()).build();
    }

    @ParameterizedTest
    @ValueSource(strings = {"conf", "pub"})
    void aLoginIsBoundAndOpensTheApi(String client) throws IOException {
        LoginResult.SignedIn in = signIn(opened(client));

        assertThat(in.tokens().tokenType()).isEqualTo("DPoP");
        assertThat(status(in.wrap(HTTP), api())).isEqualTo(200);
        assertThat(status(in.keepAs("alice").wrap(HTTP), api())).isEqualTo(200);
    }

    @Test
    void theTokenIsBoundToTheKeyThatTheLoginAnnounced() throws IOException {
        TokenSet tokens = signIn(opened("conf")).tokens();

        String[] parts = tokens.accessToken().split("\\.", -1);
        JsonNode claims = JSON.readTree(Base64.getUrlDecoder().decode(parts[1]));
        assertThat(claims.path("cnf").path("jkt").asText()).hasSize(43);
    }

    @Test
    void whoHasTheTokenAndNotTheKeyIsRefused() throws IOException {
        TokenSet tokens = signIn(opened("conf")).tokens();

        for (String scheme : List.of("Bearer ", "DPoP ")) {
            Request stolen = api().newBuilder()
                    .header("Authorization", scheme + tokens.accessToken())
                    .build();
            assertThat(status(HTTP, stolen)).isEqualTo(401);
        }
    }

    /** Tokens that the library takes for expired, while Keycloak's clock and ours agree about the proofs. */
    private static TokenSet expired(TokenSet tokens) {
        return tokens.newBuilder()
                .expiresAt(tokens.receivedAt().minusSeconds(60))
                .build();
    }

    @ParameterizedTest
    @ValueSource(strings = {"conf", "pub"})
    void aRefreshOnAnotherNodeProvesTheSameKey(String client) throws IOException {
        TokenSet tokens = signIn(opened(client)).tokens();
        KeyPair key = tokens.proofKey().orElseThrow();
        assertThat(opened(client).account("alice").importTokens(expired(tokens)))
                .isTrue();
        keycloak.forgetEvents();

        Account alice = opened(client).account("alice");
        assertThat(status(alice.wrap(HTTP), api())).isEqualTo(200);

        assertThat(alice.tokens().proofKey().orElseThrow().getPublic()).isEqualTo(key.getPublic());
        assertThat(keycloak.count("REFRESH_TOKEN")).isEqualTo(1);
        assertThat(keycloak.count("REFRESH_TOKEN_ERROR")).isZero();
    }

    @Test
    void aPublicClientsRefreshTokenIsOfNoUseWithAnotherKey() throws IOException {
        TokenSet victims = signIn(opened("pub")).tokens();
        KeyPair thiefs = signIn(opened("pub")).tokens().proofKey().orElseThrow();
        Account thief = opened("pub").account("thief");

        thief.importTokens(expired(victims).newBuilder().proofKey(thiefs).build());

        assertThatThrownBy(thief::tokens).isInstanceOf(OAuthException.class);
    }

    @Test
    void whatIsStoredShowsNoKey() throws IOException {
        Account alice = signIn(opened("conf")).keepAs("alice");
        byte[] key = alice.tokens().proofKey().orElseThrow().getPrivate().getEncoded();

        assertThat(store.find(alice.key()).orElseThrow().text())
                .doesNotContain(Base64.getUrlEncoder().withoutPadding().encodeToString(key));
    }
}
