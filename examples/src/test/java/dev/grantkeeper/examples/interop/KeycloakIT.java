/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.interop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.grantkeeper.Account;
import dev.grantkeeper.AuthorizationServerException;
import dev.grantkeeper.Grant;
import dev.grantkeeper.GrantListener;
import dev.grantkeeper.Grantkeeper;
import dev.grantkeeper.LoginRequiredException;
import dev.grantkeeper.LoginResult;
import dev.grantkeeper.PendingLogin;
import dev.grantkeeper.provider.ClientAuthentication;
import dev.grantkeeper.store.jdbc.JdbcTokenStore;
import dev.grantkeeper.store.memory.MemoryTokenStore;
import dev.grantkeeper.token.Identity;
import dev.grantkeeper.token.SealingKeys;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenSet;
import dev.grantkeeper.token.TokenStore;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Queue;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Grantkeeper's promises against a Keycloak that takes each refresh token once. How many requests there were is asked
 * of Keycloak itself, not only of our own listener.
 */
@Timeout(60)
class KeycloakIT {
    private static final String CALLBACK = "http://127.0.0.1:9999/callback";
    private static final SealingKeys KEYS = SealingKeys.of(UUID.randomUUID() + "/" + UUID.randomUUID());

    /**
     * The lifetime that the realm sets, and a little more: so long that tokens end when a test says so, and not before.
     */
    private static final Duration TOKENS_LIVE = Duration.ofSeconds(61);

    private static final String ODD_SECRET = "s3cr%t:+ &=\u00e9";

    private static final OkHttpClient HTTP = new OkHttpClient();
    private static KeycloakServer keycloak;

    private final MovableTime time = new MovableTime();
    private final TokenStore store = MemoryTokenStore.create();
    private final Queue<GrantListener.Event> heard = new ConcurrentLinkedQueue<>();
    private final List<AutoCloseable> open = new ArrayList<>();

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
    void closeAll() throws Exception {
        for (int i = open.size() - 1; i >= 0; i--) {
            open.get(i).close();
        }
    }

    // Logins

    @ParameterizedTest
    @EnumSource(names = {"SECRET_BASIC", "SECRET_POST", "NONE"})
    void aLoginTellsWhoItIsAndOpensTheApi(ClientAuthentication authentication) throws IOException {
        Grantkeeper grantkeeper = opened(client(authentication));

        LoginResult.SignedIn in = signIn(grantkeeper);
        Account account = in.keepAs("alice");

        Identity identity = in.identity().orElseThrow();
        assertThat(identity.issuer()).isEqualTo(keycloak.issuer());
        assertThat(identity.name()).contains("Alice A");
        assertThat(identity.userName()).contains("alice");
        assertThat(identity.email()).contains("alice@example.test");
        assertThat(in.tokens().scopes()).contains("openid");
        assertThat(grant(account).identity()).contains(identity);
        assertThat(subjectAtTheApi(account)).isEqualTo(identity.subject());
        assertThat(keycloak.count("CODE_TO_TOKEN")).isEqualTo(1);
    }

    @ParameterizedTest
    @EnumSource(names = {"SECRET_BASIC", "SECRET_POST", "NONE"})
    void everyClientAuthenticationRefreshes(ClientAuthentication authentication) throws IOException {
        Account account = signIn(opened(client(authentication))).keepAs("alice");

        time.pass(TOKENS_LIVE);

        assertThat(callApi(account)).isEqualTo(200);
        assertThat(keycloak.count("REFRESH_TOKEN")).isEqualTo(1);
    }

    @Test
    void whatIsStoredIsSealed() throws IOException {
        LoginResult.SignedIn in = signIn(opened(conf()));
        Account account = in.keepAs("alice");

        StoredTokens row = row(account);

        assertThat(row.text())
                .doesNotContain(in.tokens().accessToken())
                .doesNotContain(in.tokens().refreshToken().orElseThrow())
                .doesNotContain(in.tokens().idToken().orElseThrow())
                .doesNotContain("Alice", "alice@example.test");
    }

    @Test
    void aLoginThatMayNotShowAPageIsDeclinedUntilThereIsASession() throws IOException {
        Grantkeeper grantkeeper = opened(conf());
        Browser browser = new Browser(CALLBACK);

        PendingLogin silent = grantkeeper.newLogin().prompt("none").start();
        LoginResult first = grantkeeper.finishLogin(silent, browse(browser, silent));
        PendingLogin visible = grantkeeper.startLogin();
        LoginResult second = grantkeeper.finishLogin(visible, browse(browser, visible));
        PendingLogin again = grantkeeper.newLogin().prompt("none").start();
        LoginResult third = grantkeeper.finishLogin(again, browse(browser, again));

        assertThat(first)
                .isInstanceOfSatisfying(
                        LoginResult.Declined.class,
                        declined -> assertThat(declined.error()).isEqualTo("login_required"));
        assertThat(second).isInstanceOf(LoginResult.SignedIn.class);
        assertThat(third).isInstanceOf(LoginResult.SignedIn.class);
    }

    @Test
    void offlineAccessHasNoEndAndRefreshes() throws IOException {
        Account account =
                signIn(opened(conf().scopes("openid", "offline_access"))).keepAs("alice");

        assertThat(grant(account).consentEndsAt()).isEmpty();

        time.pass(TOKENS_LIVE);

        assertThat(callApi(account)).isEqualTo(200);
        assertThat(heard(GrantListener.Kind.REFRESHED)).isEqualTo(1);
    }

    // Refreshing

    @Test
    void anExpiredTokenIsRefreshedStoredAndThenUsed() throws IOException {
        LoginResult.SignedIn in = signIn(opened(conf()));
        Account account = in.keepAs("alice");
        StoredTokens before = row(account);
        assertThat(callApi(account)).isEqualTo(200);

        time.pass(TOKENS_LIVE);

        assertThat(callApi(account)).isEqualTo(200);
        assertThat(row(account).version()).isNotEqualTo(before.version());
        assertThat(account.tokens().refreshToken())
                .isPresent()
                .isNotEqualTo(in.tokens().refreshToken());
        assertThat(grant(account).identity()).isEqualTo(in.identity());
        assertThat(heard(GrantListener.Kind.REFRESHED)).isEqualTo(1);
        assertThat(keycloak.count("REFRESH_TOKEN")).isEqualTo(1);
    }

    @Test
    void aTokenThatKeycloakTakesNoMoreIsReplacedBeforeItIsSent() throws Exception {
        LoginResult.SignedIn in = signIn(opened(brief()));
        Account account = in.keepAs("alice");
        untilTheApiRejects(in.tokens().accessToken());

        List<Integer> answers = new ArrayList<>();
        OkHttpClient http = account.wrap(HTTP)
                .newBuilder()
                .addNetworkInterceptor(chain -> {
                    Response response = chain.proceed(chain.request());
                    answers.add(response.code());
                    return response;
                })
                .build();
        http.newCall(api().build()).execute().close();

        assertThat(answers).containsExactly(200);
        assertThat(heard(GrantListener.Kind.REFRESHED)).isEqualTo(1);
    }

    @Test
    void fiftyThreadsAtATokenThatTheApiRejectsMakeOneRefresh() throws Exception {
        Grantkeeper grantkeeper = opened(brief());
        TokenSet tokens = signIn(grantkeeper).tokens();
        Account account = grantkeeper.account("alice");
        // of unknown lifetime: nothing but the API's 401 says that it has ended
        assertThat(account.importTokens(tokens.newBuilder().expiresAt(null).build()))
                .isTrue();
        untilTheApiRejects(tokens.accessToken());

        List<Integer> statuses = atOnce(calls(50, account));

        assertThat(statuses).hasSize(50).containsOnly(200);
        assertThat(heard(GrantListener.Kind.REFRESHED)).isEqualTo(1);
        assertThat(keycloak.count("REFRESH_TOKEN")).isEqualTo(1);
        assertThat(keycloak.count("REFRESH_TOKEN_ERROR")).isZero();
    }

    @Test
    void fiftyThreadsAtAnExpiredTokenMakeOneRefresh() throws Exception {
        Account account = signIn(opened(conf())).keepAs("alice");

        time.pass(TOKENS_LIVE);
        List<Integer> statuses = atOnce(calls(50, account));

        assertThat(statuses).hasSize(50).containsOnly(200);
        assertThat(heard(GrantListener.Kind.REFRESHED)).isEqualTo(1);
        assertThat(keycloak.count("REFRESH_TOKEN")).isEqualTo(1);

        // a refresh token that was sent twice would have ended the session
        time.pass(TOKENS_LIVE);
        assertThat(callApi(account)).isEqualTo(200);
        assertThat(keycloak.count("REFRESH_TOKEN")).isEqualTo(2);
        assertThat(keycloak.count("REFRESH_TOKEN_ERROR")).isZero();
    }

    @Test
    @Timeout(120)
    void twoNodesOverOnePostgresMakeOneRefreshForEachExpiry() throws Exception {
        int rounds = 20;
        EmbeddedPostgres postgres = closedLater(EmbeddedPostgres.start());
        Grantkeeper one = opened(conf().tokenStore(JdbcTokenStore.create(pool(postgres))));
        Grantkeeper two = opened(conf().tokenStore(JdbcTokenStore.create(pool(postgres))));
        signIn(one).keepAs("alice");

        for (int round = 1; round <= rounds; round++) {
            time.pass(TOKENS_LIVE);
            List<Callable<Integer>> calls = calls(16, one.account("alice"));
            calls.addAll(calls(16, two.account("alice")));

            List<Integer> statuses = atOnce(calls);

            assertThat(statuses).as("round %d", round).hasSize(32).containsOnly(200);
            assertThat(heard(GrantListener.Kind.REFRESHED))
                    .as("round %d", round)
                    .isEqualTo(round);
        }

        assertThat(keycloak.count("REFRESH_TOKEN")).isEqualTo(rounds);
        assertThat(keycloak.count("REFRESH_TOKEN_ERROR")).isZero();
        assertThat(heard(GrantListener.Kind.FAILED)).isZero();
        assertThat(heard(GrantListener.Kind.REFUSED)).isZero();
        assertThat(grant(two.account("alice")).loginRequired()).isEmpty();
    }

    // The end of a grant

    @Test
    void signingOutRemovesTheRowAndRevokesTheTokensAtTheServer() throws IOException {
        Grantkeeper grantkeeper = opened(conf());
        LoginResult.SignedIn in = signIn(grantkeeper);
        Account account = in.keepAs("alice");
        Account copy = grantkeeper.account("alice's tokens elsewhere");

        account.signOut();

        assertThat(store.find(account.key())).isEmpty();
        assertThat(account.grant()).isEmpty();
        assertLoginRequired(account, LoginRequiredException.Reason.NOT_CONNECTED);
        assertThat(keycloak.count("REVOKE_GRANT")).isEqualTo(1);
        assertThat(callApiWith(in.tokens().accessToken())).isEqualTo(401);
        assertThat(copy.importTokens(in.tokens())).isTrue();
        time.pass(TOKENS_LIVE);
        assertLoginRequired(copy, LoginRequiredException.Reason.REFUSED);
    }

    @Test
    void aSessionThatWasEndedAtTheServerNeedsALoginAndThenAllIsWell() throws IOException {
        Grantkeeper grantkeeper = opened(conf());
        LoginResult.SignedIn in = signIn(grantkeeper);
        Account account = in.keepAs("alice");

        keycloak.endSessions(in.identity().orElseThrow().subject());
        time.pass(TOKENS_LIVE);

        assertLoginRequired(account, LoginRequiredException.Reason.REFUSED);
        assertLoginRequired(account, LoginRequiredException.Reason.REFUSED);
        assertThat(grant(account).loginRequired()).contains(LoginRequiredException.Reason.REFUSED);
        assertThat(heard(GrantListener.Kind.REFUSED)).isEqualTo(1);
        assertThat(keycloak.count("REFRESH_TOKEN_ERROR"))
                .as("the server is asked once")
                .isEqualTo(1);

        signIn(grantkeeper).keepAs("alice");

        assertThat(callApi(account)).isEqualTo(200);
        assertThat(grant(account).loginRequired()).isEmpty();
        time.pass(TOKENS_LIVE);
        assertThat(callApi(account)).isEqualTo(200);
    }

    // The application's own credentials

    @ParameterizedTest
    @EnumSource(
            value = ClientAuthentication.class,
            names = {"SECRET_BASIC", "SECRET_POST"})
    void aWrongSecretIsTheApplicationsFaultAndSignsNobodyOut(ClientAuthentication authentication) throws IOException {
        Account account =
                signIn(opened(conf().clientAuthentication(authentication))).keepAs("alice");
        Grantkeeper misconfigured =
                opened(conf().clientAuthentication(authentication).clientSecret("of-another-client"));

        time.pass(TOKENS_LIVE);

        assertThatExceptionOfType(AuthorizationServerException.class)
                .isThrownBy(() -> misconfigured.account("alice").tokens())
                .satisfies(KeycloakIT::isMisconfigured)
                .withMessageNotContaining("of-another-client");
        assertThatExceptionOfType(AuthorizationServerException.class)
                .isThrownBy(() -> signIn(misconfigured))
                .satisfies(KeycloakIT::isMisconfigured);
        assertThat(grant(account).loginRequired()).isEmpty();
        assertThat(heard(GrantListener.Kind.REFUSED)).isZero();

        // the failed refresh left a pause in the row
        time.pass(Duration.ofMinutes(1));
        assertThat(callApi(account)).isEqualTo(200);
    }

    @ParameterizedTest
    @EnumSource(
            value = ClientAuthentication.class,
            names = {"SECRET_BASIC", "SECRET_POST"})
    void anApplicationCallsInItsOwnNameHoweverOddItsSecret(ClientAuthentication authentication) throws IOException {
        Account application =
                opened(post(ODD_SECRET).clientAuthentication(authentication)).application();

        assertThat(callApi(application)).isEqualTo(200);
        assertThat(callApi(application)).isEqualTo(200);
        assertThat(keycloak.count("CLIENT_LOGIN")).isEqualTo(1);
        assertThat(row(application).text()).doesNotContain(application.tokens().accessToken());

        time.pass(TOKENS_LIVE);

        assertThat(callApi(application)).isEqualTo(200);
        assertThat(keycloak.count("CLIENT_LOGIN")).isEqualTo(2);
        assertThat(keycloak.count("CLIENT_LOGIN_ERROR")).isZero();
    }

    @Test
    void anApplicationWithAWrongSecretIsMisconfigured() {
        Account application = opened(post("of-another-client")).application();

        assertThatExceptionOfType(AuthorizationServerException.class)
                .isThrownBy(application::tokens)
                .satisfies(KeycloakIT::isMisconfigured);
    }

    // What the tests are made of

    private Grantkeeper.Builder client(ClientAuthentication authentication) {
        return authentication == ClientAuthentication.NONE
                ? registration("pub")
                : conf().clientAuthentication(authentication);
    }

    private Grantkeeper.Builder conf() {
        return registration("conf").clientSecret("conf-secret");
    }

    /** Its tokens live for 5 seconds. */
    private Grantkeeper.Builder brief() {
        return registration("brief").clientSecret("brief-secret");
    }

    private Grantkeeper.Builder post(String secret) {
        return registration("post").clientSecret(secret);
    }

    private Grantkeeper.Builder registration(String clientId) {
        return Grantkeeper.builder(keycloak.provider())
                .clientId(clientId)
                .redirectUri(CALLBACK)
                .scopes("openid")
                .tokenStore(store)
                .sealingKeys(KEYS)
                .listener(heard::add)
                .time(time.clock(), time::ticks);
    }

    private Grantkeeper opened(Grantkeeper.Builder builder) {
        return closedLater(builder.build());
    }

    private <T extends AutoCloseable> T closedLater(T resource) {
        open.add(resource);
        return resource;
    }

    private HikariDataSource pool(EmbeddedPostgres postgres) {
        HikariConfig config = new HikariConfig();
        config.setDataSource(postgres.getPostgresDatabase());
        config.setMaximumPoolSize(4);
        return closedLater(new HikariDataSource(config));
    }

    private static LoginResult.SignedIn signIn(Grantkeeper grantkeeper) throws IOException {
        PendingLogin login = grantkeeper.startLogin();
        LoginResult result = grantkeeper.finishLogin(login, browse(new Browser(CALLBACK), login));
        assertThat(result).isInstanceOf(LoginResult.SignedIn.class);
        return (LoginResult.SignedIn) result;
    }

    private static String browse(Browser browser, PendingLogin login) throws IOException {
        return browser.login(login.url(), "alice", "alice-pw");
    }

    private static Grant grant(Account account) throws IOException {
        return account.grant().orElseThrow();
    }

    private StoredTokens row(Account account) throws IOException {
        return store.find(account.key()).orElseThrow();
    }

    private long heard(GrantListener.Kind kind) {
        return heard.stream().filter(event -> event.kind() == kind).count();
    }

    private static Request.Builder api() {
        return new Request.Builder().url(keycloak.userinfo());
    }

    private static int callApi(Account account) throws IOException {
        try (Response response = account.wrap(HTTP).newCall(api().build()).execute()) {
            return response.code();
        }
    }

    private static String subjectAtTheApi(Account account) throws IOException {
        try (Response response = account.wrap(HTTP).newCall(api().build()).execute()) {
            return new JsonMapper()
                    .readTree(response.body().string())
                    .path("sub")
                    .asText();
        }
    }

    private static int callApiWith(String accessToken) throws IOException {
        Request request = api().header("Authorization", "Bearer " + accessToken).build();
        try (Response response = HTTP.newCall(request).execute()) {
            return response.code();
        }
    }

    /** Keycloak's clock cannot be moved. */
    private static void untilTheApiRejects(String accessToken) throws IOException, InterruptedException {
        long began = System.nanoTime();
        while (callApiWith(accessToken) != 401) {
            assertThat(Duration.ofNanos(System.nanoTime() - began))
                    .as("a token of 5 seconds is still accepted after")
                    .isLessThan(Duration.ofSeconds(30));
            TimeUnit.MILLISECONDS.sleep(100);
        }
    }

    private static List<Callable<Integer>> calls(int count, Account account) {
        List<Callable<Integer>> calls = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            calls.add(() -> callApi(account));
        }
        return calls;
    }

    /** Makes all calls at the same time, each on a thread of its own. */
    private static <T> List<T> atOnce(List<Callable<T>> calls) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(calls.size());
        try {
            CyclicBarrier start = new CyclicBarrier(calls.size());
            List<Future<T>> futures = new ArrayList<>();
            for (Callable<T> call : calls) {
                futures.add(threads.submit(() -> {
                    start.await(10, TimeUnit.SECONDS);
                    return call.call();
                }));
            }
            List<T> results = new ArrayList<>();
            for (Future<T> future : futures) {
                results.add(future.get(30, TimeUnit.SECONDS));
            }
            return results;
        } finally {
            threads.shutdownNow();
        }
    }

    private static void assertLoginRequired(Account account, LoginRequiredException.Reason reason) {
        assertThatExceptionOfType(LoginRequiredException.class)
                .isThrownBy(() -> callApi(account))
                .satisfies(e -> assertThat(e.reason()).isEqualTo(reason));
    }

    private static void isMisconfigured(AuthorizationServerException e) {
        assertThat(e.kind()).isEqualTo(AuthorizationServerException.Kind.MISCONFIGURED);
        assertThat(e.status()).isEqualTo(401);
        assertThat(e.error()).contains("unauthorized_client");
    }
}
