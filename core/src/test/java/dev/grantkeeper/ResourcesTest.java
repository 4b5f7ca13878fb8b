/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.grantkeeper.internal.provider.Facts;
import dev.grantkeeper.provider.EntraId;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.testkit.Fault;
import dev.grantkeeper.testkit.Held;
import dev.grantkeeper.testkit.RecordedRequest;
import dev.grantkeeper.testkit.Rotation;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import mockwebserver3.MockResponse;
import mockwebserver3.MockWebServer;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** One login, one refresh token, and an access token for each of several APIs (RFC 8707). */
@Timeout(300)
@Execution(ExecutionMode.CONCURRENT)
class ResourcesTest {
    private static final String FILES = "https://files.example.com";
    private static final String MAIL = "api://mail";

    private final Scene scene = new Scene();
    private final MockWebServer files = new MockWebServer();
    private final MockWebServer mail = new MockWebServer();

    @BeforeEach
    void start() throws IOException {
        scene.server.rotation(Rotation.STRICT);
        files.start();
        mail.start();
    }

    @AfterEach
    void close() {
        files.close();
        mail.close();
        scene.close();
    }

    private Account files(Account user) {
        return user.forResource(FILES, files.url("/").toString());
    }

    private Account mail(Account user) {
        return user.forResource(MAIL, mail.url("/").toString());
    }

    private static MockResponse status(int code) {
        return new MockResponse.Builder().code(code).build();
    }

    private static int status(OkHttpClient client, MockWebServer api) throws IOException {
        try (Response response = client.newCall(
                        new Request.Builder().url(api.url("/things")).build())
                .execute()) {
            return response.code();
        }
    }

    private String sentTo(MockWebServer api) throws Exception {
        return String.valueOf(api.takeRequest().getHeaders().get("Authorization"));
    }

    private List<String> resourcesAskedFor() {
        return scene.server.recordedTokenRequests().stream()
                .filter(request -> request.param("grant_type").orElse("").equals("refresh_token"))
                .map(request -> request.param("resource").orElse("-"))
                .toList();
    }

    @Test
    void each_resource_has_an_access_token_of_its_own_which_goes_to_its_own_api() throws Exception {
        files.enqueue(status(200));
        mail.enqueue(status(200));
        Account alice = scene.signIn(scene.node(), "alice");

        assertThat(status(files(alice).wrap(scene.http), files)).isEqualTo(200);
        assertThat(status(mail(alice).wrap(scene.http), mail)).isEqualTo(200);

        Set<String> tokens =
                new TreeSet<>(Set.of("Bearer " + alice.tokens().accessToken(), sentTo(files), sentTo(mail)));
        assertThat(tokens).hasSize(3);
        assertThat(resourcesAskedFor()).containsExactly(FILES, MAIL);
        assertThat(scene.server.reuseDetected()).isZero();
    }

    @Test
    void one_resources_token_never_goes_to_another_ones_api() throws Exception {
        files.enqueue(status(200));
        Account alice = scene.signIn(scene.node(), "alice");
        OkHttpClient client = mail(alice).wrap(scene.http);
        assertThat(status(client, files)).isEqualTo(200);
        assertThat(files.takeRequest().getHeaders().get("Authorization")).isNull();
    }

    /** Its API may be one of the provider's, and would otherwise get the account's own token. */
    @Test
    void a_client_for_an_account_and_for_a_resource_of_it_is_right_in_either_order() throws Exception {
        Provider provider = scene.provider()
                .apiOrigins(
                        scene.server.url(),
                        files.url("/").toString(),
                        mail.url("/").toString())
                .build();
        Account alice = scene.signIn(scene.node(scene.registration(provider)), "alice");
        for (OkHttpClient client : List.of(
                files(alice).wrap(alice.wrap(scene.http)),
                alice.wrap(files(alice).wrap(scene.http)),
                mail(alice).wrap(files(alice).wrap(alice.wrap(scene.http))),
                files(alice).wrap(alice.wrap(mail(alice).wrap(scene.http))),
                files(alice).wrap(alice.wrap(files(alice).wrap(scene.http))))) {
            files.enqueue(status(200));
            assertThat(status(client, files)).isEqualTo(200);
            assertThat(sentTo(files))
                    .isEqualTo("Bearer " + files(alice).tokens().accessToken());
            assertThat(scene.status(client)).isEqualTo(200);
        }
        Account files = files(alice);
        OkHttpClient own = alice.wrap(scene.http);
        mail.enqueue(status(200));
        assertThat(status(files.wrap(own), mail)).isEqualTo(200);
        assertThat(sentTo(mail)).isEqualTo("Bearer " + alice.tokens().accessToken());
    }

    @Test
    void two_resources_at_one_api_are_refused_like_two_accounts() throws Exception {
        Grantkeeper node = scene.node();
        Account alice = scene.signIn(node, "alice");
        OkHttpClient client = files(alice).wrap(scene.http);
        String origin = files.url("/").toString();
        for (Account other : List.of(
                alice.forResource(MAIL, origin),
                node.account("bob").forResource(FILES, origin),
                alice.forResource(MAIL, origin, mail.url("/").toString()))) {
            assertThatThrownBy(() -> other.wrap(client))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("already wrapped");
        }
        files.enqueue(status(200));
        assertThat(status(mail(alice).wrap(client), files)).isEqualTo(200);
        assertThat(sentTo(files)).isEqualTo("Bearer " + files(alice).tokens().accessToken());
    }

    /** Nobody sees them together before the first call. */
    @Test
    void interceptors_that_were_added_by_hand_are_right_or_refused() throws Exception {
        Provider provider = scene.provider()
                .apiOrigins(scene.server.url(), files.url("/").toString())
                .build();
        Grantkeeper node = scene.node(scene.registration(provider));
        Account alice = scene.signIn(node, "alice");
        OkHttpClient right = scene.http
                .newBuilder()
                .addInterceptor(files(alice).interceptor())
                .addInterceptor(alice.interceptor())
                .build();
        files.enqueue(status(200));
        assertThat(status(right, files)).isEqualTo(200);
        assertThat(sentTo(files)).isEqualTo("Bearer " + files(alice).tokens().accessToken());

        Account bob = scene.signIn(node, "bob");
        for (Account second : List.of(files(alice), bob, files(bob))) {
            OkHttpClient wrong = scene.http
                    .newBuilder()
                    .addInterceptor(alice.interceptor())
                    .addInterceptor(second.interceptor())
                    .build();
            assertThatThrownBy(() -> status(wrong, files))
                    .isInstanceOf(OAuthException.class)
                    .hasMessageContaining("two accounts");
        }
        assertThat(files.getRequestCount()).isEqualTo(1);
    }

    @Test
    void the_last_word_about_challenges_counts() throws Exception {
        Account alice = scene.signIn(scene.node(), "alice");
        Account returning = alice.withoutChallengeExceptions();
        scene.server.onApiRequest((request, answer) -> dev.grantkeeper.testkit.Answer.status(403)
                .header("WWW-Authenticate", "Bearer error=\"insufficient_scope\", scope=\"things.write\""));
        assertThat(scene.status(returning.wrap(alice.wrap(scene.http)))).isEqualTo(403);
        assertThatThrownBy(() -> scene.status(alice.wrap(returning.wrap(scene.http))))
                .isInstanceOf(LoginRequiredException.class);
    }

    @Test
    void a_resource_with_a_path_is_at_its_origin_and_an_origin_has_none() throws Exception {
        Account alice = scene.node().account("alice");
        assertThat(alice.forResource("https://api.example.com/v2?tenant=a").wrap(scene.http))
                .isNotNull();
        assertThatThrownBy(() -> alice.forResource(FILES, "https://files.example.com/v2"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("/v2");
        assertThatThrownBy(() -> alice.forResource("https://me:secret@api.example.com/v2"))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> alice.forResource("https:api")).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void on_a_shared_client_the_tag_says_which_resource_and_a_wrong_one_fails() throws Exception {
        files.enqueue(status(200));
        Grantkeeper node = scene.node();
        Account alice = scene.signIn(node, "alice");
        OkHttpClient client = node.wrap(scene.http);
        Request request = new Request.Builder()
                .url(files.url("/things"))
                .tag(Account.class, files(alice))
                .build();
        client.newCall(request).execute().close();
        assertThat(sentTo(files)).isEqualTo("Bearer " + files(alice).tokens().accessToken());

        Request astray = new Request.Builder()
                .url(scene.server.apiUrl("/api/things"))
                .tag(Account.class, files(alice))
                .build();
        assertThatThrownBy(() -> client.newCall(astray).execute())
                .isInstanceOf(OAuthException.class)
                .hasMessageContaining("forResource");
        assertThat(scene.server.apiRequests()).isZero();
    }

    @Test
    void tokens_of_all_resources_rest_in_the_row_and_are_used_by_every_node() throws Exception {
        Account here = scene.signIn(scene.node(), "alice");
        String token = files(here).tokens().accessToken();
        scene.server.resetCounters();
        Account there = scene.node().account("alice");
        assertThat(files(there).tokens().accessToken()).isEqualTo(token);
        assertThat(scene.server.tokenRequests()).isZero();
        assertThat(scene.store.rows).hasSize(1);
    }

    @Test
    void a_hundred_threads_on_two_nodes_and_three_resources_make_one_request_for_each() throws Exception {
        Account one = scene.signIn(scene.node(), "alice");
        Account two = scene.node().account("alice");
        files(one).tokens();
        mail(one).tokens();
        for (int round = 1; round <= 3; round++) {
            scene.expire();
            scene.server.resetCounters();
            Set<String> seen = new ConcurrentSkipListSet<>();
            ExecutorService threads = Executors.newFixedThreadPool(100);
            try {
                CountDownLatch go = new CountDownLatch(1);
                List<Future<?>> calls = new ArrayList<>();
                for (int i = 0; i < 100; i++) {
                    Account node = i % 2 == 0 ? one : two;
                    Account account = i % 3 == 0 ? node : i % 3 == 1 ? files(node) : mail(node);
                    calls.add(threads.submit(() -> {
                        go.await();
                        return seen.add(account.tokens().accessToken());
                    }));
                }
                go.countDown();
                for (Future<?> call : calls) {
                    call.get(30, TimeUnit.SECONDS);
                }
            } finally {
                threads.shutdownNow();
            }
            assertThat(seen).hasSize(3);
            assertThat(scene.server.tokenRequests()).isEqualTo(3);
            assertThat(scene.server.reuseDetected()).isZero();
        }
    }

    @Test
    void a_401_replaces_the_token_of_that_resource_and_no_other() throws Exception {
        files.enqueue(status(401));
        files.enqueue(status(200));
        Account alice = scene.signIn(scene.node(), "alice");
        String own = alice.tokens().accessToken();
        String mails = mail(alice).tokens().accessToken();
        String before = files(alice).tokens().accessToken();
        scene.server.resetCounters();

        assertThat(status(files(alice).wrap(scene.http), files)).isEqualTo(200);

        assertThat(scene.server.refreshRequests()).isEqualTo(1);
        assertThat(files(alice).tokens().accessToken()).isNotEqualTo(before);
        assertThat(mail(alice).tokens().accessToken()).isEqualTo(mails);
        assertThat(alice.tokens().accessToken()).isEqualTo(own);
    }

    @Test
    void a_resource_that_is_refused_ends_nothing_but_itself_until_the_next_login() throws Exception {
        Grantkeeper node = scene.node();
        Account alice = scene.signIn(node, "alice");
        scene.server.onNextTokenRequest(Fault.error(400, "interaction_required"));
        for (int i = 0; i < 3; i++) {
            assertThatThrownBy(() -> files(alice).tokens())
                    .isInstanceOfSatisfying(
                            LoginRequiredException.class,
                            e -> assertThat(e.error()).hasValue("interaction_required"));
        }
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
        assertThat(alice.grant().orElseThrow().loginRequired()).isEmpty();
        scene.expire();
        assertThat(alice.tokens().accessToken()).isNotEmpty();
        assertThat(mail(alice).tokens().accessToken()).isNotEmpty();

        scene.signIn(node, "alice");
        assertThat(files(alice).tokens().accessToken()).isNotEmpty();
    }

    @Test
    void a_resource_that_the_server_does_not_know_holds_up_nothing_else() throws Exception {
        Account alice = scene.signIn(scene.node(), "alice");
        scene.server.onNextTokenRequest(Fault.error(400, "invalid_target"));
        for (int i = 0; i < 3; i++) {
            assertThatThrownBy(() -> files(alice).tokens())
                    .isInstanceOfSatisfying(
                            AuthorizationServerException.class,
                            e -> assertThat(e.kind()).isEqualTo(AuthorizationServerException.Kind.MISCONFIGURED));
        }
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
        scene.expire();
        assertThat(alice.tokens().accessToken()).isNotEmpty();
    }

    @Test
    void a_store_that_fails_loses_neither_the_refresh_token_nor_any_access_token() throws Exception {
        Grantkeeper node =
                scene.node(scene.registration(scene.provider().build()).storeCacheTime(Duration.ZERO));
        Account alice = scene.signIn(node, "alice");
        String token;
        try {
            // The attempt goes in; what it brings does not.
            scene.server.tokenResponse(answer -> {
                scene.store.writesDown(true);
                return answer;
            });
            token = files(alice).tokens().accessToken();
            assertThat(files(alice).tokens().accessToken()).isEqualTo(token);
        } finally {
            scene.server.tokenResponse(answer -> answer);
            scene.store.writesDown(false);
        }
        scene.await(GrantListener.Kind.WRITE_COMPLETED);
        scene.expire(); // and with it the time after an outage in which rows are left alone
        assertThat(alice.tokens().accessToken()).isNotEmpty();
        assertThat(files(alice).tokens().accessToken()).isNotEqualTo(token);
        assertThat(scene.server.reuseDetected()).isZero();
    }

    @Test
    void signing_out_ends_all_of_them() throws Exception {
        Account alice = scene.signIn(scene.node(), "alice");
        files(alice).tokens();
        files(alice).signOut();
        assertThat(scene.store.rows).isEmpty();
        assertThatThrownBy(() -> alice.tokens()).isInstanceOf(LoginRequiredException.class);
        assertThatThrownBy(() -> files(alice).tokens()).isInstanceOf(LoginRequiredException.class);
    }

    @Test
    void the_applications_own_account_has_resources_too() throws Exception {
        Account own = scene.node().application();
        TokenSet token = own.forResource(FILES).tokens();
        assertThat(token.refreshToken()).isEmpty();
        assertThat(own.tokens().accessToken()).isNotEqualTo(token.accessToken());
        assertThat(scene.server.recordedTokenRequests())
                .extracting(request -> request.param("resource").orElse("-"))
                .containsExactly(FILES, "-");
    }

    @Test
    void entra_is_asked_by_the_default_scope_of_the_resource() throws Exception {
        assertThat(Facts.of(EntraId.provider("contoso.com")).resourceIsScope).isTrue();
        Provider entra = scene.provider()
                .resourceStyle(Provider.ResourceStyle.DEFAULT_SCOPE)
                .build();
        Account alice = scene.signIn(
                scene.node(scene.registration(entra).scopes("things.read", "https://vault.azure.net/.default")),
                "alice");
        scene.server.resetCounters();
        alice.forResource("https://vault.azure.net").tokens();
        RecordedRequest request = scene.server.recordedTokenRequests().get(0);
        assertThat(request.param("scope")).hasValue("https://vault.azure.net/.default");
        assertThat(request.param("resource")).isEmpty();
    }

    @Test
    void a_resource_without_an_address_has_to_say_where_its_api_is() {
        Account alice = scene.node().account("alice");
        assertThatThrownBy(() -> alice.forResource(MAIL))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("forResource(resource, ");
        assertThatThrownBy(() -> alice.forResource("no uri")).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> alice.forResource("https://api.example.com/#x"))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> alice.forResource(FILES, "http://files.example.com"))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void who_is_refused_for_one_resource_is_never_given_the_token_for_another() throws Exception {
        Account alice = scene.signIn(scene.node(), "alice");
        Account files = alice.forResource("https://files.example.com");
        Account mail = alice.forResource("https://mail.example.com");
        Held held = new Held();
        scene.server.onNextTokenRequest(Fault.hold(held).then(Fault.error(400, "interaction_required")));
        CompletableFuture<TokenSet> first = files.tokensAsync();
        held.awaitArrived(1);
        CompletableFuture<TokenSet> second = files.tokensAsync();
        CompletableFuture<TokenSet> others = mail.tokensAsync();
        held.release();
        for (CompletableFuture<TokenSet> refused : List.of(first, second)) {
            assertThatThrownBy(() -> refused.get(30, TimeUnit.SECONDS))
                    .hasCauseInstanceOf(LoginRequiredException.class);
        }
        assertThat(others.get(30, TimeUnit.SECONDS).accessToken()).isNotEmpty();
    }
}
