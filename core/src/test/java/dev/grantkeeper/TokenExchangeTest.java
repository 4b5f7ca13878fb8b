/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.grantkeeper.LoginResult.Declined;
import dev.grantkeeper.LoginResult.SignedIn;
import dev.grantkeeper.testkit.Answer;
import dev.grantkeeper.testkit.FakeAuthorizationServer;
import dev.grantkeeper.testkit.Fault;
import dev.grantkeeper.testkit.RecordedRequest;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import okhttp3.Request;
import okhttp3.Response;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Tokens in exchange for others (RFC 8693, RFC 7523, Microsoft's on-behalf-of), for servers that call other servers.
 */
@Timeout(300)
class TokenExchangeTest {
    private static final String ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";

    private final Scene scene = new Scene();
    private final Grantkeeper node = scene.node();

    @AfterEach
    void close() {
        scene.close();
    }

    /** An access token as a user's request brings it. */
    private String incoming(String user) throws IOException {
        String token = ((SignedIn) scene.login(node, user)).tokens().accessToken();
        scene.server.resetCounters();
        return token;
    }

    private RecordedRequest last() {
        List<RecordedRequest> all = scene.server.recordedTokenRequests();
        return all.get(all.size() - 1);
    }

    private Map<String, String> sent() {
        Map<String, String> sent = new LinkedHashMap<>(last().params());
        sent.remove("client_id");
        return sent;
    }

    private String user(Account account) throws IOException {
        try (Response response = scene.call(account.wrap(scene.http), "/api/things")) {
            return response.body().string();
        }
    }

    // ---- In exchange for another token ---------------------------------------------------------------------------

    @Test
    void a_server_exchanges_a_users_token_once_however_often_it_comes() throws Exception {
        String token = incoming("alice");
        for (int i = 0; i < 10; i++) {
            assertThat(user(node.account(TokenExchange.onBehalfOf(token).scopes("graph.read"))))
                    .contains("alice");
        }
        assertThat(scene.server.tokenRequests()).isEqualTo(1);
    }

    @Test
    void so_do_many_threads_at_once() throws Exception {
        String token = incoming("alice");
        List<CompletableFuture<TokenSet>> all = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            all.add(node.account(TokenExchange.of(token)).tokensAsync());
        }
        assertThat(all.stream()
                        .map(CompletableFuture::join)
                        .map(TokenSet::accessToken)
                        .distinct())
                .hasSize(1);
        assertThat(scene.server.tokenRequests()).isEqualTo(1);
    }

    @Test
    void on_behalf_of_is_asked_for_in_microsofts_words() throws Exception {
        String token = incoming("alice");
        node.account(TokenExchange.onBehalfOf(token).scopes("graph.read", "graph.write"))
                .tokens();

        assertThat(sent())
                .containsExactlyInAnyOrderEntriesOf(Map.of(
                        "grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer",
                        "assertion", token,
                        "requested_token_use", "on_behalf_of",
                        "scope", "graph.read graph.write"));
    }

    @Test
    void an_exchange_is_asked_for_in_those_of_rfc_8693() throws Exception {
        String token = incoming("alice");
        node.account(TokenExchange.of(token)
                        .subjectTokenType("urn:ietf:params:oauth:token-type:jwt")
                        .actor("actor", ACCESS_TOKEN)
                        .audience("orders")
                        .resource("https://orders.example/v1")
                        .requestedTokenType(ACCESS_TOKEN)
                        .parameter("extra", "1"))
                .tokens();

        assertThat(sent())
                .containsExactlyInAnyOrderEntriesOf(Map.of(
                        "grant_type", "urn:ietf:params:oauth:grant-type:token-exchange",
                        "subject_token", token,
                        "subject_token_type", "urn:ietf:params:oauth:token-type:jwt",
                        "actor_token", "actor",
                        "actor_token_type", ACCESS_TOKEN,
                        "audience", "orders",
                        "resource", "https://orders.example/v1",
                        "requested_token_type", ACCESS_TOKEN,
                        "extra", "1"));
    }

    @Test
    void what_was_given_for_one_token_is_never_served_for_another() throws Exception {
        String first = incoming("alice");
        String second = incoming("alice");
        String third = incoming("bob");
        List<TokenExchange> different = List.of(
                TokenExchange.of(first),
                TokenExchange.of(second),
                TokenExchange.of(third),
                TokenExchange.onBehalfOf(first),
                TokenExchange.of(first).scopes("a"),
                TokenExchange.of(first).scopes("a", "b"),
                TokenExchange.of(first).audience("a"),
                TokenExchange.of(first).resource("https://a.example"),
                TokenExchange.of(first).actor("a", ACCESS_TOKEN));
        List<String> tokens = new ArrayList<>();
        for (TokenExchange request : different) {
            tokens.add(node.account(request).tokens().accessToken());
        }
        assertThat(tokens).doesNotHaveDuplicates();
        assertThat(user(node.account(TokenExchange.of(third)))).contains("bob");
    }

    @Test
    void it_rests_in_the_process_and_not_in_the_store() throws Exception {
        Account alice = node.account(TokenExchange.of(incoming("alice")));
        alice.tokens();

        assertThat(scene.store.rows).isEmpty();
        assertThat(alice.grant()).isPresent();
    }

    @Test
    void it_is_exchanged_again_when_it_ends_or_an_api_rejects_it() throws Exception {
        scene.server.tokenResponse(answer -> answer); // truthful
        String token = incoming("alice");
        scene.server.tokenResponse(answer -> {
            answer.put("expires_in", 60);
            return answer;
        });
        Account alice = node.account(TokenExchange.of(token));
        String first = alice.tokens().accessToken();
        scene.time.pass(Duration.ofSeconds(61));
        String second = alice.tokens().accessToken();
        assertThat(second).isNotEqualTo(first);

        AtomicInteger calls = new AtomicInteger();
        scene.server.onApiRequest((request, answer) ->
                calls.getAndIncrement() == 0 ? Answer.status(401).header("WWW-Authenticate", "Bearer") : answer);
        assertThat(user(alice)).contains("alice");
        assertThat(scene.server.tokenRequests()).isEqualTo(3);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void a_token_that_has_ended_is_refused_once_and_not_sent_again(boolean onBehalf) throws Exception {
        String token = incoming("alice");
        scene.server.expireAccessTokens();
        Account alice = node.account(onBehalf ? TokenExchange.onBehalfOf(token) : TokenExchange.of(token));
        for (int i = 0; i < 3; i++) {
            assertThatThrownBy(alice::tokens)
                    .isInstanceOfSatisfying(
                            LoginRequiredException.class,
                            e -> assertThat(e.reason()).isEqualTo(LoginRequiredException.Reason.REFUSED));
        }
        assertThat(scene.server.tokenRequests()).isEqualTo(1);
    }

    @Test
    void what_is_wrong_with_the_application_is_not_the_users_fault() throws Exception {
        Account alice = node.account(TokenExchange.of(incoming("alice")));
        scene.server.onNextTokenRequest(Fault.error(400, "invalid_target"));

        assertThatThrownBy(alice::tokens)
                .isInstanceOfSatisfying(
                        AuthorizationServerException.class,
                        e -> assertThat(e.kind()).isEqualTo(AuthorizationServerException.Kind.MISCONFIGURED));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "urn:ietf:params:oauth:token-type:refresh_token",
                "urn:ietf:params:oauth:token-type:id_token",
                "urn:ietf:params:oauth:token-type:saml2",
                "nonsense"
            })
    void a_token_of_another_kind_goes_nowhere(String type) throws Exception {
        Account alice = node.account(TokenExchange.of(incoming("alice")));
        scene.server.tokenResponse(answer -> {
            answer.put("issued_token_type", type);
            return answer;
        });
        assertMalformed(alice);
    }

    @Test
    void a_token_of_another_kind_than_was_asked_for_goes_nowhere() throws Exception {
        Account alice = node.account(
                TokenExchange.of(incoming("alice")).requestedTokenType("urn:ietf:params:oauth:token-type:jwt"));
        assertMalformed(alice);
    }

    @Test
    void a_token_that_is_not_for_calls_goes_nowhere() throws Exception {
        Account alice = node.account(TokenExchange.of(incoming("alice")));
        scene.server.tokenResponse(answer -> {
            answer.put("token_type", "N_A");
            return answer;
        });
        assertMalformed(alice);
    }

    /** RFC 8693 section 2.2.1, as servers issue identity assertions for other servers. */
    @Test
    void a_token_that_is_no_access_token_is_handed_over_and_sent_to_no_api() throws Exception {
        String type = "urn:ietf:params:oauth:token-type:id-jag";
        Account alice = node.account(TokenExchange.of(incoming("alice")).requestedTokenType(type));
        scene.server.tokenResponse(answer -> {
            answer.put("access_token", "the-assertion");
            answer.put("token_type", "N_A");
            answer.put("issued_token_type", type);
            return answer;
        });
        assertThat(alice.tokens().accessToken()).isEqualTo("the-assertion");
        assertThat(alice.tokens().tokenType()).isEqualTo("N_A");
        assertThatThrownBy(() -> scene.status(alice.wrap(scene.http))).hasMessageContaining("not an access token");
        assertThat(scene.server.apiRequests()).isZero();
    }

    private void assertMalformed(Account account) {
        assertThatThrownBy(() -> scene.status(account.wrap(scene.http)))
                .isInstanceOfSatisfying(
                        AuthorizationServerException.class,
                        e -> assertThat(e.kind()).isEqualTo(AuthorizationServerException.Kind.MALFORMED));
        assertThat(scene.server.apiRequests()).isZero();
    }

    @Test
    void a_token_that_calls_cannot_carry_cannot_be_asked_for() {
        assertThatThrownBy(() -> TokenExchange.of("t").requestedTokenType("urn:ietf:params:oauth:token-type:saml2"))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void access_tokens_are_not_read_whatever_they_look_like() throws Exception {
        Account alice = node.account(TokenExchange.of(incoming("alice")));
        String expired = "eyJhbGciOiJub25lIn0.eyJleHAiOjF9.";
        scene.server.tokenResponse(answer -> {
            answer.put("access_token", expired);
            answer.put("expires_in", 3600);
            return answer;
        });
        assertThat(alice.tokens().accessToken()).isEqualTo(expired);
        assertThat(alice.tokens().accessToken()).isEqualTo(expired);
        assertThat(scene.server.tokenRequests()).isEqualTo(1);
    }

    // ---- Tokens that change --------------------------------------------------------------------------------------

    @Test
    void an_assertion_is_made_when_it_is_needed() throws Exception {
        String token = incoming("alice");
        AtomicInteger made = new AtomicInteger();
        Account robot = node.account(TokenExchange.assertion(() -> {
            made.incrementAndGet();
            return token;
        }));
        assertThat(made).hasValue(0);
        robot.tokens();
        robot.tokens();
        assertThat(made).hasValue(1);
        scene.server.onNextApiRequest(Fault.status(401));
        scene.status(robot.wrap(scene.http));
        assertThat(made).hasValue(2);
    }

    @Test
    void a_supplier_that_throws_is_tried_again_later_and_its_words_are_not_repeated() throws Exception {
        String token = incoming("alice");
        AtomicInteger asked = new AtomicInteger();
        Account robot = node.account(TokenExchange.of(() -> {
            if (asked.getAndIncrement() < 2) { // one failure costs no call
                throw new IllegalStateException("canary");
            }
            return token;
        }));
        assertThatThrownBy(robot::tokens)
                .isInstanceOfSatisfying(
                        AuthorizationServerException.class,
                        e -> assertThat(e.kind()).isEqualTo(AuthorizationServerException.Kind.TEMPORARY))
                .hasMessageNotContaining("canary");
        assertThat(scene.server.tokenRequests()).isZero();
        scene.time.pass(Duration.ofMinutes(5));
        robot.tokens();
    }

    @Test
    void of_a_token_that_changes_the_next_one_is_tried_when_one_was_refused() throws Exception {
        String token = incoming("alice");
        AtomicInteger asked = new AtomicInteger();
        Account robot = node.account(TokenExchange.assertion(() -> asked.getAndIncrement() == 0 ? "nonsense" : token));
        assertThatThrownBy(robot::tokens)
                .isInstanceOfSatisfying(
                        AuthorizationServerException.class,
                        e -> assertThat(e.kind()).isEqualTo(AuthorizationServerException.Kind.MISCONFIGURED));
        scene.time.pass(Duration.ofMinutes(5));
        assertThat(user(robot)).contains("alice");
    }

    // ---- To be kept ----------------------------------------------------------------------------------------------

    @Test
    void who_goes_on_without_the_user_keeps_what_came_with_its_refresh_token() throws Exception {
        String token = incoming("alice");
        SignedIn in = (SignedIn) node.exchange(TokenExchange.onBehalfOf(token).scopes("graph.read", "offline_access"));
        Account alice = in.keepAs("alice");
        scene.expire();

        assertThat(user(alice)).contains("alice");
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
        assertThat(scene.store.rows).hasSize(1);
    }

    @Test
    void a_token_that_the_server_does_not_take_is_declined() throws Exception {
        String token = incoming("alice");
        scene.server.expireAccessTokens();

        assertThat(node.exchange(TokenExchange.of(token))).isInstanceOf(Declined.class);
        assertThat(node.exchange(TokenExchange.onBehalfOf(token))).isInstanceOf(Declined.class);
        scene.server.onNextTokenRequest(Fault.status(503));
        assertThatThrownBy(() -> node.exchange(TokenExchange.of(token)))
                .isInstanceOf(AuthorizationServerException.class);
    }

    // ---- Where it goes -------------------------------------------------------------------------------------------

    @Test
    void the_token_of_one_api_is_not_shown_to_another() throws Exception {
        String token = incoming("alice");
        try (FakeAuthorizationServer orders = FakeAuthorizationServer.start();
                FakeAuthorizationServer bills = FakeAuthorizationServer.start()) {
            orders.onApiRequest((request, answer) -> Answer.json(200, "{}"));
            bills.onApiRequest((request, answer) -> Answer.json(200, "{}"));
            Account forOrders = node.account(
                    TokenExchange.of(token).resource("https://orders.example").apiOrigins(orders.url()));
            Account forBills = node.account(
                    TokenExchange.of(token).resource("https://bills.example").apiOrigins(bills.url()));
            for (FakeAuthorizationServer api : List.of(orders, bills)) {
                for (Account account : List.of(forOrders, forBills)) {
                    Request request = new Request.Builder()
                            .url(api.apiUrl("/api/things"))
                            .tag(Account.class, account)
                            .build();
                    node.wrap(scene.http).newCall(request).execute().close();
                    account.wrap(scene.http).newCall(request).execute().close();
                }
            }
            assertThat(authorizations(orders))
                    .containsExactly("Bearer " + forOrders.tokens().accessToken());
            assertThat(authorizations(bills))
                    .containsExactly("Bearer " + forBills.tokens().accessToken());
        }
    }

    private static List<String> authorizations(FakeAuthorizationServer api) {
        return api.recordedApiRequests().stream()
                .flatMap(request -> request.header("Authorization").stream())
                .distinct()
                .toList();
    }

    // ---- What can be said ----------------------------------------------------------------------------------------

    @Test
    void what_the_library_decides_cannot_be_set() {
        for (String name : List.of("grant_type", "client_id", "client_secret", "subject_token", "assertion", "scope")) {
            assertThatThrownBy(() -> TokenExchange.of("t").parameter(name, "x"))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining(name);
        }
        for (String name :
                List.of("Client_ID", "client_id ", "\tscope", "grant_type\n", "ａssertion", "scope[]", "client.id")) {
            assertThatThrownBy(() -> TokenExchange.of("t").parameter(name, "x"))
                    .as(name)
                    .isInstanceOf(IllegalArgumentException.class);
        }
        assertThatThrownBy(() -> TokenExchange.of("t").apiOrigins("https://orders.example/v2"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("path");
        assertThatThrownBy(() -> TokenExchange.of("")).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> TokenExchange.of("t").resource("orders")).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> TokenExchange.of("t").apiOrigins("http://orders.example"))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void suppliers_that_throw_are_no_business_of_other_users() throws Exception {
        Grantkeeper node = scene.node();
        Account alice = scene.signIn(node, "alice");
        scene.expire();
        for (int i = 0; i < 3; i++) {
            assertThatThrownBy(() -> node.account(TokenExchange.of(() -> {
                                throw new IllegalStateException("no such file");
                            }))
                            .tokens())
                    .isInstanceOf(AuthorizationServerException.class);
        }
        assertThat(scene.status(alice.wrap(scene.http))).isEqualTo(200);
    }

    @Test
    void what_was_exchanged_for_one_api_is_refreshed_for_that_api() throws Exception {
        Grantkeeper node = scene.node();
        String token = ((SignedIn) scene.login(node, "alice")).tokens().accessToken();
        String refreshToken =
                scene.server.issue(Scene.CLIENT, "alice", "things.read").refreshToken();
        scene.server.tokenResponse(answer -> {
            answer.put("refresh_token", refreshToken);
            return answer;
        });
        Account kept = ((SignedIn) node.exchange(TokenExchange.of(token).resource("https://orders.example/v1")))
                .keepAs("alice");
        scene.expire();
        kept.tokens();
        List<RecordedRequest> all = scene.server.recordedTokenRequests();
        RecordedRequest refresh = all.get(all.size() - 1);
        assertThat(refresh.param("grant_type")).contains("refresh_token");
        assertThat(refresh.param("resource")).contains("https://orders.example/v1");
    }
}
