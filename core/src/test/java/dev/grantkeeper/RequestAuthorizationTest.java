/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.testkit.FakeAuthorizationServer;
import dev.grantkeeper.testkit.Held;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a request of another HTTP client than OkHttp carries, and what its response means. */
@Timeout(300)
class RequestAuthorizationTest {
    private static final List<String> NOTHING = List.of();
    private static final List<String> EXPIRED = List.of("Bearer error=\"invalid_token\"");
    private static final List<String> MORE_SCOPES =
            List.of("Bearer error=\"insufficient_scope\", scope=\"things.write\"");
    private static final List<String> STEP_UP =
            List.of("Bearer error=\"insufficient_user_authentication\", acr_values=\"gold\"");
    private static final List<String> CLAIMS = List.of("Bearer error=\"invalid_token\", claims=\""
            + Base64.getEncoder()
                    .encodeToString("{\"access_token\":{\"nbf\":{\"value\":\"1\"}}}".getBytes(StandardCharsets.UTF_8))
            + "\"");

    private final Scene scene = new Scene();
    private final Grantkeeper node = scene.node();
    private Account alice;
    private URI api;

    @BeforeEach
    void signIn() throws IOException {
        alice = scene.signIn(node, "alice");
        api = URI.create(scene.server.apiUrl("/api/things"));
    }

    @AfterEach
    void close() {
        scene.close();
    }

    private static boolean accepts(FakeAuthorizationServer server, RequestAuthorization authorization) {
        return server.accepts(authorization.headerValue().substring("Bearer ".length()));
    }

    /** Both variants; the asynchronous one without its wrapping. */
    private static Optional<RequestAuthorization> after(
            boolean async, RequestAuthorization authorization, int status, List<String> challenges) throws IOException {
        if (!async) {
            return authorization.afterResponse(status, challenges);
        }
        try {
            return authorization.afterResponseAsync(status, challenges).join();
        } catch (CompletionException e) {
            throw (IOException) e.getCause();
        }
    }

    private RequestAuthorization first(boolean async) throws IOException {
        return (async ? alice.authorizationAsync(api).join() : alice.authorization(api)).orElseThrow();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void the_header_has_a_valid_token_refreshed_if_necessary(boolean async) throws IOException {
        RequestAuthorization before = first(async);
        assertThat(before.headerName()).isEqualTo("Authorization");
        assertThat(before.headerValue()).isEqualTo("Bearer " + alice.tokens().accessToken());

        scene.expire();
        RequestAuthorization later = first(async);
        assertThat(later.headerValue()).isNotEqualTo(before.headerValue());
        assertThat(accepts(scene.server, later)).isTrue();
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void a_rejected_token_is_replaced_for_one_repetition(boolean async) throws IOException {
        RequestAuthorization first = first(async);
        scene.server.expireAccessTokens();

        RequestAuthorization next = after(async, first, 401, EXPIRED).orElseThrow();
        assertThat(accepts(scene.server, next)).isTrue();
        assertThat(after(async, next, 401, EXPIRED)).isEmpty();
        // Even where the next token would be worth a request by now.
        scene.time.pass(Duration.ofMinutes(2));
        assertThat(after(async, next, 401, EXPIRED)).isEmpty();
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void an_api_that_rejects_everything_gets_no_more_than_one_repetition(boolean async) throws IOException {
        RequestAuthorization next = after(async, first(async), 401, NOTHING).orElseThrow();
        assertThat(after(async, next, 401, NOTHING)).isEmpty();

        assertThat(after(async, first(async), 401, NOTHING)).isEmpty();
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void a_demand_that_a_login_on_another_node_has_met_is_answered_with_its_token(boolean async) throws IOException {
        RequestAuthorization first = first(async);
        String later = scene.signIn(scene.node(), "alice").tokens().accessToken();

        RequestAuthorization next = after(async, first, 403, MORE_SCOPES).orElseThrow();
        assertThat(next.headerValue()).isEqualTo("Bearer " + later);
        assertThatThrownBy(() -> after(async, next, 403, MORE_SCOPES)).isInstanceOf(LoginRequiredException.class);
    }

    @ParameterizedTest
    @ValueSource(ints = {200, 204, 304, 400, 403, 404, 429, 500})
    void other_responses_are_the_result(int status) throws IOException {
        assertThat(first(false).afterResponse(status, EXPIRED)).isEmpty();
        assertThat(first(true).afterResponseAsync(status, NOTHING).join()).isEmpty();
        assertThat(scene.server.refreshRequests()).isZero();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void a_401_that_complains_of_something_else_is_the_result(boolean async) throws IOException {
        assertThat(after(async, first(async), 401, List.of("Bearer error=\"invalid_request\"")))
                .isEmpty();
        assertThat(scene.server.refreshRequests()).isZero();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void a_demand_for_more_is_a_login_that_is_required(boolean async) throws IOException {
        RequestAuthorization first = first(async);
        assertThatThrownBy(() -> after(async, first, 403, MORE_SCOPES))
                .isInstanceOfSatisfying(LoginRequiredException.class, e -> {
                    assertThat(e.reason()).isEqualTo(LoginRequiredException.Reason.MORE_SCOPES);
                    assertThat(e.scopes()).containsExactly("things.write");
                    assertThat(e.key()).isEqualTo(alice.key());
                });
        assertThatThrownBy(() -> after(async, first, 401, STEP_UP))
                .isInstanceOfSatisfying(
                        LoginRequiredException.class,
                        e -> assertThat(e.loginParameters()).containsEntry("acr_values", "gold"));
        assertThat(scene.server.refreshRequests()).isZero();

        account(alice.withoutChallengeExceptions());
        assertThat(after(async, first(async), 403, MORE_SCOPES)).isEmpty();
        assertThat(after(async, first(async), 401, STEP_UP)).isEmpty();
    }

    private void account(Account other) {
        alice = other;
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void a_claims_challenge_is_first_tried_with_another_token(boolean async) throws IOException {
        RequestAuthorization next = after(async, first(async), 401, CLAIMS).orElseThrow();
        assertThatThrownBy(() -> after(async, next, 401, CLAIMS))
                .isInstanceOfSatisfying(LoginRequiredException.class, e -> {
                    assertThat(e.reason()).isEqualTo(LoginRequiredException.Reason.CLAIMS);
                    assertThat(e.loginParameters()).containsKey("claims");
                });
        // The same without a repetition, since new tokens would be of no use.
        assertThatThrownBy(() -> after(async, first(async), 401, CLAIMS)).isInstanceOf(LoginRequiredException.class);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void where_there_is_no_other_token_the_login_requests_what_the_api_demands(boolean async) throws IOException {
        scene.server.issueRefreshTokens(false);
        account(scene.signIn(node, "bob"));
        RequestAuthorization first = first(async);

        assertThatThrownBy(() -> after(async, first, 401, EXPIRED))
                .isInstanceOfSatisfying(
                        LoginRequiredException.class,
                        e -> assertThat(e.reason()).isEqualTo(LoginRequiredException.Reason.NO_REFRESH_TOKEN));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void the_claims_of_a_token_that_cannot_be_replaced_are_not_lost(boolean async) throws IOException {
        scene.server.issueRefreshTokens(false);
        account(scene.signIn(node, "bob"));
        RequestAuthorization first = first(async);

        assertThatThrownBy(() -> after(async, first, 401, CLAIMS))
                .isInstanceOfSatisfying(
                        LoginRequiredException.class,
                        e -> assertThat(e.loginParameters()).containsKey("claims"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "http://localhost/api/things",
                "https://127.0.0.1/",
                "http://127.0.0.1:1/",
                "mailto:alice@example.org",
                "/api/things",
                "ws://127.0.0.1/"
            })
    void nothing_else_gets_a_token_and_nobody_has_to_sign_in_for_it(String url) throws IOException {
        Account nobody = node.account("nobody");
        assertThat(nobody.authorization(URI.create(url))).isEmpty();
        assertThat(nobody.authorizationAsync(URI.create(url)).join()).isEmpty();
        assertThatThrownBy(() -> nobody.authorization(api)).isInstanceOf(LoginRequiredException.class);
        assertThatThrownBy(() -> nobody.authorizationAsync(api).join())
                .isInstanceOf(CompletionException.class)
                .hasCauseInstanceOf(LoginRequiredException.class);
    }

    @Test
    void a_token_for_a_resource_goes_to_that_resource_only() throws IOException {
        Account vault = alice.forResource("https://vault.example");
        assertThat(vault.authorization(api)).isEmpty();
        String token = vault.authorization(URI.create("https://vault.example/secrets"))
                .orElseThrow()
                .headerValue();
        assertThat(token).isNotEqualTo(first(false).headerValue());
        assertThat(alice.authorization(URI.create("https://vault.example/secrets")))
                .isEmpty();
    }

    @Test
    void a_user_s_own_api_gets_the_token_and_that_of_another_user_does_not() throws IOException {
        Grantkeeper sales = scene.node(scene.registration(scene.provider()
                        .dialect(d -> d.apiBase("/instance_url", "sales.example"))
                        .build())
                .registration("sales"));
        Account user = sales.account("user");
        user.importTokens(TokenSet.builder("token-1")
                .apiBase(URI.create("https://one.sales.example"))
                .expiresAt(scene.time.clock().instant().plusSeconds(300))
                .build());

        assertThat(user.authorization(URI.create("https://one.sales.example/data"))
                        .orElseThrow()
                        .headerValue())
                .isEqualTo("Bearer token-1");
        assertThat(user.authorization(URI.create("https://two.sales.example/data")))
                .isEmpty();
        assertThat(user.authorizationAsync(URI.create("https://two.sales.example/data"))
                        .join())
                .isEmpty();
        assertThat(user.authorization(URI.create("https://sales.example.org/data")))
                .isEmpty();
    }

    private Account withToken(Provider provider, String registration) throws IOException {
        Account user = scene.node(scene.registration(provider).registration(registration))
                .account("user");
        user.importTokens(TokenSet.builder("token-1").build());
        return user;
    }

    @Test
    void a_provider_s_own_header_and_scheme_are_used() throws IOException {
        Account shop = withToken(
                scene.provider()
                        .dialect(d -> d.tokenHeader("X-Shopify-Access-Token"))
                        .build(),
                "shop");
        RequestAuthorization authorization = shop.authorization(api).orElseThrow();
        assertThat(authorization.headerName()).isEqualTo("X-Shopify-Access-Token");
        assertThat(authorization.headerValue()).isEqualTo("token-1");

        Account zoho = withToken(
                scene.provider().dialect(d -> d.tokenScheme("Zoho-oauthtoken")).build(), "zoho");
        assertThat(zoho.authorization(api).orElseThrow().headerValue()).isEqualTo("Zoho-oauthtoken token-1");
    }

    @Test
    void a_token_that_needs_a_proof_is_not_sent_without_one() throws Exception {
        try (DPoPServer server = new DPoPServer(scene.time.clock())) {
            Grantkeeper bound =
                    scene.node(scene.registration(server.provider().build()).dpop());
            PendingLogin login = bound.startLogin();
            LoginResult result = bound.finishLogin(login, server.approve(login));
            Account user = ((LoginResult.SignedIn) result).keepAs("bound");
            URI url = server.api.url("/things").uri();

            assertThatThrownBy(() -> user.authorization(url))
                    .isInstanceOf(OAuthException.class)
                    .hasMessageContaining("DPoP");
            assertThatThrownBy(() -> user.authorizationAsync(url).join())
                    .hasCauseInstanceOf(OAuthException.class)
                    .hasMessageContaining("DPoP");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/mcp/../mcp/tools",
                "/other/../mcp",
                "/mcp/../other",
                "/mcp/./x",
                "/mcp/%2e%2e/mcp/x",
                "/mcp/a%2Fb",
                "/mcp//x",
                "/mcp/a;b"
            })
    void a_path_that_servers_may_read_in_several_ways_gets_no_token_of_an_api_with_a_path(String path)
            throws Exception {
        try (ApiScene apis = new ApiScene()) {
            Account user = apis.signIn(apis.node(), "alice");
            String origin = apis.server.url();

            assertThat(user.authorization(URI.create(origin + "/mcp/tools?x=../y")))
                    .isPresent();
            assertThat(user.authorization(URI.create(origin + path))).isEmpty();
            assertThat(user.authorizationAsync(URI.create(origin + path)).join())
                    .isEmpty();
        }
    }

    @Test
    void the_demands_of_an_api_known_by_its_url_name_it() throws Exception {
        try (ApiScene apis = new ApiScene()) {
            Account user = apis.signIn(apis.node(), "alice");
            RequestAuthorization authorization =
                    user.authorization(URI.create(apis.api.url())).orElseThrow();

            assertThatThrownBy(() -> authorization.afterResponse(403, MORE_SCOPES))
                    .isInstanceOfSatisfying(
                            LoginRequiredException.class,
                            e -> assertThat(e.api()).contains(apis.api.url()));
        }
    }

    @Test
    void many_rejections_of_one_token_are_one_token_request() throws IOException {
        RequestAuthorization first = first(false);
        List<CompletableFuture<Optional<RequestAuthorization>>> callers = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            callers.add(first.afterResponseAsync(401, NOTHING));
        }
        Set<String> values = new HashSet<>();
        for (CompletableFuture<Optional<RequestAuthorization>> caller : callers) {
            values.add(caller.join().orElseThrow().headerValue());
        }
        assertThat(values).hasSize(1).doesNotContain(first.headerValue());
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
    }

    @Test
    void nobody_waits_in_the_asynchronous_variant_and_a_caller_that_gives_up_disturbs_no_other() throws Exception {
        RequestAuthorization first = first(false);
        Held refresh = scene.server.hold();
        CompletableFuture<Optional<RequestAuthorization>> one = first.afterResponseAsync(401, NOTHING);
        CompletableFuture<Optional<RequestAuthorization>> other = first.afterResponseAsync(401, NOTHING);
        assertThat(one).isNotDone();
        one.cancel(true);
        refresh.release();
        assertThat(other.get(30, TimeUnit.SECONDS)).isPresent();
    }

    @Test
    void headers_with_anything_in_them_are_no_reason_to_fail() throws IOException {
        assertThat(first(false).afterResponse(403, List.of("", "\u0000", "Bearer error=\"ü\n", "\"")))
                .isEmpty();
    }

    @Test
    void no_secret_is_printed() throws IOException {
        RequestAuthorization authorization = first(false);
        assertThat(authorization.toString())
                .doesNotContain(alice.tokens().accessToken())
                .contains("Authorization", "127.0.0.1");
    }
}
