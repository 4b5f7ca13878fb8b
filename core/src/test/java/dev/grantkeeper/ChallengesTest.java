/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.grantkeeper.LoginRequiredException.Reason;
import dev.grantkeeper.internal.provider.Facts;
import dev.grantkeeper.provider.EntraId;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.testkit.Answer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import mockwebserver3.MockResponse;
import mockwebserver3.MockWebServer;
import okhttp3.ConnectionPool;
import okhttp3.HttpUrl;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** APIs that require more than the grant gives, and the next login, which requests it. */
@Timeout(300)
class ChallengesTest {
    private static final String CLAIMS = "{\"access_token\":{\"nbf\":{\"essential\":true,\"value\":\"1603742800\"}}}";

    private final Scene scene = new Scene();
    private final Grantkeeper node = scene.node();

    @AfterEach
    void close() {
        scene.close();
    }

    private Account alice() throws IOException {
        return scene.signIn(node, "alice");
    }

    private static String base64(String text) {
        return Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8));
    }

    /** The API answers everything so. */
    private void challenge(int status, String... headers) {
        scene.server.onApiRequest((request, answer) -> {
            Answer challenged = Answer.json(status, "{\"why\":1}");
            for (String header : headers) {
                challenged = challenged.header("WWW-Authenticate", header);
            }
            return challenged;
        });
    }

    private LoginRequiredException thrown(Account account, int status, String... headers) {
        challenge(status, headers);
        try (Response response = scene.call(account.wrap(scene.http), "/api/things")) {
            throw new AssertionError("Returned: " + response);
        } catch (IOException e) {
            assertThat(e).isExactlyInstanceOf(LoginRequiredException.class);
            return (LoginRequiredException) e;
        }
    }

    /** The parameters that the browser is sent away with. */
    private static Map<String, String> sent(LoginRequest request) throws IOException {
        HttpUrl url = HttpUrl.get(request.start().url().toString());
        assertThat(url.queryParameterNames())
                .allSatisfy(name -> assertThat(url.queryParameterValues(name)).hasSize(1));
        return url.queryParameterNames().stream()
                .collect(java.util.stream.Collectors.toMap(
                        name -> name, name -> String.valueOf(url.queryParameter(name))));
    }

    private void assertReturned(int status, String... headers) throws IOException {
        Account alice = alice();
        challenge(status, headers);
        try (Response response = scene.call(alice.wrap(scene.http), "/api/things")) {
            assertThat(response.code()).isEqualTo(status);
            assertThat(response.headers("WWW-Authenticate")).containsExactly(headers);
            assertThat(response.body().string()).isEqualTo("{\"why\":1}");
        }
    }

    // ---- What is asked for ----------------------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(ints = {401, 403})
    void an_api_that_wants_scopes_makes_the_next_login_ask_for_those_and_for_what_was_granted(int status)
            throws Exception {
        Account alice = alice();
        LoginRequiredException required = thrown(
                alice,
                status,
                "Bearer realm=\"x\", error=\"insufficient_scope\", error_description=\"More!\","
                        + " scope=\"things.read things.write  things.delete\"");
        assertThat(required.reason()).isEqualTo(Reason.MORE_SCOPES);
        assertThat(required.key()).isEqualTo(alice.key());
        assertThat(required.error()).contains("insufficient_scope");
        assertThat(required.scopes()).containsExactly("things.write", "things.delete");
        assertThat(required.loginParameters()).isEmpty();
        assertThat(required).hasMessageContaining("More!").hasMessageContaining("newLogin().inResponseTo");
        assertThat(sent(node.newLogin().inResponseTo(required)))
                .containsEntry("scope", "things.read things.write things.delete");
        assertThat(sent(node.newLogin().scopes("openness").inResponseTo(required)))
                .containsEntry("scope", "openness things.read things.write things.delete");
    }

    @Test
    void after_that_login_the_api_is_content_and_the_grant_is_the_wider_one() throws Exception {
        Account alice = alice();
        String narrow = "Bearer " + alice.tokens().accessToken();
        scene.server.onApiRequest((request, answer) -> !request.header("Authorization")
                        .orElse("")
                        .equals(narrow)
                ? answer
                : Answer.status(403)
                        .header("WWW-Authenticate", "Bearer error=\"insufficient_scope\", scope=\"things.write\""));
        OkHttpClient api = alice.wrap(scene.http);
        PendingLogin login;
        try {
            scene.status(api);
            throw new AssertionError("Not thrown");
        } catch (LoginRequiredException e) {
            login = node.newLogin().inResponseTo(e).start();
        }
        LoginResult result = node.finishLogin(
                login, Scene.query(scene.server.approve(login.url().toString(), "alice")));
        ((LoginResult.SignedIn) result).keepAs("alice");
        assertThat(scene.status(api)).isEqualTo(200);
        assertThat(alice.grant().orElseThrow().scopes()).containsExactlyInAnyOrder("things.read", "things.write");
    }

    /** Another node has seen the old row a moment ago, and would use it for a while. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void after_that_login_the_api_is_content_on_every_node(boolean challenges) throws Exception {
        Account alice = alice();
        Account elsewhere = scene.node().account("alice");
        String narrow = "Bearer " + alice.tokens().accessToken();
        AtomicInteger refused = new AtomicInteger();
        scene.server.onApiRequest((request, answer) -> {
            if (!request.header("Authorization").orElse("").equals(narrow)) {
                return answer;
            }
            refused.incrementAndGet();
            return challenges
                    ? Answer.status(403)
                            .header("WWW-Authenticate", "Bearer error=\"insufficient_scope\", scope=\"things.write\"")
                    : Answer.status(403);
        });
        assertThat(elsewhere.tokens().accessToken()).isEqualTo(narrow.substring("Bearer ".length()));
        scene.signIn(node, "alice");

        OkHttpClient api = elsewhere.wrap(scene.http);
        if (challenges) {
            assertThat(scene.status(api)).isEqualTo(200);
        } else {
            // It may be the answer to everything, but the next call knows more.
            assertThat(scene.status(api)).isEqualTo(403);
            assertThat(scene.status(api)).isEqualTo(200);
        }
        assertThat(refused).hasValue(1);
        assertThat(scene.server.refreshRequests()).isZero();
    }

    /** RFC 9470 section 3. */
    @ParameterizedTest
    @CsvSource({
        "'Bearer error=\"insufficient_user_authentication\", acr_values=\"urn:gold urn:silver\"', urn:gold urn:silver, , ",
        "'Bearer error=\"insufficient_user_authentication\", max_age=\"300\"', , 300, ",
        "'DPoP MAX_AGE=0, Error=insufficient_user_authentication, ACR_values=high', high, 0, ",
        "'bearer error=\"insufficient_user_authentication\", max_age=\"5\", scope=\"things.pay things.read\"', , 5, things.pay"
    })
    void an_api_that_wants_another_authentication_makes_the_next_login_ask_for_it(
            String header, String acrValues, String maxAge, String scope) throws Exception {
        LoginRequiredException required = thrown(alice(), 401, header);
        assertThat(required.reason()).isEqualTo(Reason.STEP_UP);
        Map<String, String> sent = sent(node.newLogin().inResponseTo(required));
        assertThat(sent.get("acr_values")).isEqualTo(acrValues);
        assertThat(sent.get("max_age")).isEqualTo(maxAge);
        assertThat(sent.get("scope")).isEqualTo("things.read" + (scope == null ? "" : " " + scope));
        assertThat(required.loginParameters().get("acr_values")).isEqualTo(acrValues);
        assertThat(required.loginParameters().get("max_age")).isEqualTo(maxAge);
    }

    @Test
    void a_claims_challenge_makes_the_next_login_send_the_claims_decoded() throws Exception {
        LoginRequiredException required = thrown(
                alice(),
                401,
                "Bearer realm=\"\", authorization_uri=\"https://login.microsoftonline.com/common/oauth2/authorize\","
                        + " error=\"insufficient_claims\", claims=\"" + base64(CLAIMS) + "\"");
        assertThat(required.reason()).isEqualTo(Reason.CLAIMS);
        assertThat(required.loginParameters()).containsExactly(Map.entry("claims", CLAIMS));
        assertThat(sent(node.newLogin().inResponseTo(required))).containsEntry("claims", CLAIMS);
    }

    @Test
    void claims_come_in_both_alphabets_with_and_without_padding() throws Exception {
        Account alice = alice();
        String claims = "{\"access_token\":{\"x\":{\"value\":\"~~~???>>>\u00fc\"}}}";
        byte[] bytes = claims.getBytes(StandardCharsets.UTF_8);
        for (Base64.Encoder encoder : List.of(
                Base64.getEncoder(),
                Base64.getEncoder().withoutPadding(),
                Base64.getUrlEncoder(),
                Base64.getUrlEncoder().withoutPadding())) {
            String header = "Bearer claims=\"" + encoder.encodeToString(bytes)
                    + "\",error=\"insufficient_claims\", realm=\"\",";
            assertThat(thrown(alice, 401, header).loginParameters()).containsEntry("claims", claims);
        }
    }

    @Test
    void claims_of_the_application_and_of_the_api_are_sent_together() throws Exception {
        LoginRequiredException required =
                thrown(alice(), 401, "Bearer error=\"insufficient_claims\", claims=\"" + base64(CLAIMS) + "\"");
        String own = "{\"userinfo\":{\"picture\":null},\"access_token\":{\"nbf\":null,\"mine\":{\"value\":1}}}";
        String sent = sent(node.newLogin().claims(own).inResponseTo(required)).get("claims");
        assertThat(new JsonMapper().readTree(sent))
                .isEqualTo(new JsonMapper()
                        .readTree("{\"userinfo\":{\"picture\":null},\"access_token\":{\"mine\":{\"value\":1},"
                                + "\"nbf\":{\"essential\":true,\"value\":\"1603742800\"}}}"));
        assertThatThrownBy(() -> node.newLogin().claims("no json").inResponseTo(required))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void whatever_ended_a_grant_can_be_answered_and_changes_nothing() throws Exception {
        LoginRequiredException required = null;
        try {
            node.account("nobody").tokens();
        } catch (LoginRequiredException e) {
            required = e;
        }
        assertThat(required).isNotNull();
        assertThat(sent(node.newLogin().inResponseTo(required)).keySet())
                .isEqualTo(sent(node.newLogin()).keySet());
    }

    @Test
    void the_scope_that_stands_for_all_of_an_entra_api_is_not_mixed_with_granted_ones() throws Exception {
        LoginRequiredException required =
                thrown(alice(), 401, "Bearer error=\"insufficient_claims\", claims=\"" + base64(CLAIMS) + "\"");
        assertThat(sent(node.newLogin()
                        .scopes("https://graph.microsoft.com/.default", "offline_access")
                        .inResponseTo(required)))
                .containsEntry("scope", "https://graph.microsoft.com/.default offline_access");
    }

    // ---- How it is found ------------------------------------------------------------------------------------------

    @Test
    void the_challenge_is_found_among_several_in_one_header_and_in_several_headers() throws Exception {
        Account alice = alice();
        String wanted = "Bearer error=\"insufficient_scope\", scope=\"things.write\"";
        List<String[]> answers = List.of(
                new String[] {"Negotiate YWJjZA==, Basic realm=\"a, Bearer error=x\", " + wanted},
                new String[] {wanted + ", Basic realm=\"simple\""},
                new String[] {"Basic realm=\"simple\"", "Negotiate", wanted},
                new String[] {"Bearer realm=\"quoted \\\" and, comma\"", wanted},
                new String[] {"Bearer error=\"insufficient_scope\"", wanted, "Bearer error=\"unheard_of\""},
                new String[] {"bEARER   ERROR = insufficient_scope ,\tSCOPE = things.write"},
                new String[] {"Basic realm=\"x\"; charset=broken", wanted});
        for (String[] headers : answers) {
            assertThat(thrown(alice, 403, headers).scopes())
                    .as(Arrays.toString(headers))
                    .containsExactly("things.write");
        }
    }

    /** OkHttp reads none of these. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "Bearer error=\"insufficient_scope\" scope=\"things.write\"",
                "Bearer realm=\"x\", realm=\"y\", error=\"insufficient_scope\", scope=\"things.write things.read\"",
                "Bearer error=insufficient_scope scope=things.read things.write",
                "Bearer error='insufficient_scope', scope='things.write'",
                "Basic realm=\"x\" Bearer error=\"insufficient_scope\"; scope=\"things.write\""
            })
    void a_challenge_that_is_not_quite_well_formed_counts(String header) throws Exception {
        assertThat(thrown(alice(), 403, header).scopes()).containsExactly("things.write");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "Bearer error=\"insufficient_scope\"",
                "Bearer error=\"insufficient_scope\", scope=\"\"",
                "Bearer error=\"insufficient_scope\", scope=\"things.read\"",
                "Bearer error=\"insufficient_scope\", scope=\"things\\\"write\"",
                "Basic error=\"insufficient_scope\", scope=\"things.write\"",
                "Bearer error=\"something_else\", scope=\"things.write\"",
                "Bearer scope=\"things.write\"",
                "Bearer error=\"insufficient_scope\", scope=\"things.write",
                "Bearer error=\"insufficient_user_authentication\"",
                "Bearer error=\"insufficient_user_authentication\", max_age=\"-1\"",
                "Bearer error=\"insufficient_user_authentication\", max_age=\"99999999999\"",
                "Bearer error=\"insufficient_claims\"",
                "Bearer error=\"insufficient_claims\", claims=\"e30=\"",
                "Bearer error=\"insufficient_claims\", claims=\"W10=\"",
                "Bearer error=\"insufficient_claims\", claims=\"bm8ganNvbg==\"",
                "Bearer error=\"insufficient_claims\", claims=\"/w==\"",
                "Bearer error=\"insufficient_claims\", claims=\"%%%\"",
                "Bearer resource_metadata=\"https://evil.example/\""
            })
    void a_403_that_names_nothing_new_is_returned_as_it_is(String header) throws Exception {
        assertReturned(403, header);
    }

    @Test
    void what_is_longer_than_any_real_one_is_returned_as_it_is() throws Exception {
        assertReturned(403, "Bearer error=\"insufficient_scope\", scope=\"" + "s".repeat(5_000) + "\"");
        assertReturned(
                401,
                "Bearer error=\"insufficient_claims\", claims=\"" + base64("{\"a\":\"" + "x".repeat(20_000) + "\"}")
                        + "\"");
        assertReturned(
                401,
                "Bearer error=\"insufficient_claims\", claims=\""
                        + base64("{\"a\":".repeat(2_000) + "1" + "}".repeat(2_000)) + "\"");
    }

    @Test
    void other_statuses_are_returned_whatever_their_challenge_says() throws Exception {
        for (int status : List.of(200, 400, 404, 500)) {
            assertReturned(status, "Bearer error=\"insufficient_scope\", scope=\"things.write\"");
        }
    }

    // ---- What it leaves alone -------------------------------------------------------------------------------------

    @Test
    void nobody_is_signed_out_nothing_is_refreshed_and_nothing_is_written() throws Exception {
        Account alice = alice();
        Map<?, ?> rows = Map.copyOf(scene.store.rows);
        scene.server.resetCounters();
        for (int i = 0; i < 10; i++) {
            LoginRequiredException unused =
                    thrown(alice, 401, "Bearer error=\"insufficient_claims\", claims=\"" + base64(CLAIMS) + "\"");
        }
        assertThat(scene.server.apiRequests()).isEqualTo(10);
        assertThat(scene.server.tokenRequests()).isZero();
        assertThat(scene.store.rows).isEqualTo(rows);
        assertThat(alice.grant().orElseThrow().loginRequired()).isEmpty();
        scene.server.onApiRequest((request, answer) -> answer);
        assertThat(scene.status(alice.wrap(scene.http))).isEqualTo(200);
    }

    /** As Azure's Resource Manager says it: a token of the same grant may do. */
    @Test
    void claims_beside_invalid_token_are_asked_for_only_after_a_new_token_was_rejected_too() throws Exception {
        Account alice = alice();
        String header = "Bearer error=\"invalid_token\", error_description=\"User session has been revoked\", claims=\""
                + base64(CLAIMS) + "\"";
        String first = "Bearer " + alice.tokens().accessToken();
        scene.server.onApiRequest(
                (request, answer) -> request.header("Authorization").orElse("").equals(first)
                        ? Answer.status(401).header("WWW-Authenticate", header)
                        : answer);
        assertThat(scene.status(alice.wrap(scene.http))).isEqualTo(200);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
        assertThat(thrown(alice, 401, header).loginParameters()).containsEntry("claims", CLAIMS);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
    }

    /** Every order, on several lines and on one: what only another login can meet costs no request. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void a_demand_beside_other_challenges_is_the_same_demand(boolean refreshable) throws Exception {
        scene.server.issueRefreshTokens(refreshable);
        Account alice = alice();
        scene.server.resetCounters();
        String demand = "Bearer error=\"insufficient_claims\", claims=\"" + base64(CLAIMS) + "\"";
        for (String other : List.of(
                "Bearer realm=\"contoso.example\"",
                "Bearer",
                "Basic realm=\"contoso.example\"",
                "DPoP algs=\"ES256\"",
                "Bearer realm=\"x\", error=\"invalid_token\"",
                "Bearer error=\"invalid_token\", claims=\"" + base64("{\"id_token\":{\"a\":null}}") + "\"")) {
            for (String[] headers : List.of(
                    new String[] {other, demand},
                    new String[] {demand, other},
                    new String[] {other + ", " + demand},
                    new String[] {demand + ", " + other})) {
                LoginRequiredException required = thrown(alice, 401, headers);
                assertThat(required.reason())
                        .as(Arrays.toString(headers))
                        .isEqualTo(LoginRequiredException.Reason.CLAIMS);
                assertThat(required.loginParameters()).containsEntry("claims", CLAIMS);
            }
        }
        for (String[] headers : List.of(
                new String[] {"Bearer", "Bearer error=\"insufficient_scope\", scope=\"things.write\""},
                new String[] {"Bearer error=\"insufficient_scope\", scope=\"things.write\"", "Bearer"})) {
            assertThat(thrown(alice, 401, headers).scopes()).containsExactly("things.write");
        }
        assertThat(scene.server.tokenRequests()).isZero();
    }

    @Test
    void a_demand_beside_a_rejected_token_is_kept_where_there_is_no_other_token() throws Exception {
        scene.server.issueRefreshTokens(false);
        Account alice = alice();
        String demand = "Bearer error=\"invalid_token\", claims=\"" + base64(CLAIMS) + "\"";
        for (String[] headers : List.of(
                new String[] {demand},
                new String[] {"Bearer realm=\"contoso.example\"", demand},
                new String[] {demand, "Bearer realm=\"contoso.example\""},
                new String[] {"Bearer realm=\"contoso.example\", " + demand})) {
            LoginRequiredException required = thrown(alice, 401, headers);
            assertThat(required.reason()).isEqualTo(LoginRequiredException.Reason.CLAIMS);
            assertThat(required.loginParameters()).containsEntry("claims", CLAIMS);
        }
    }

    @Test
    void nor_is_it_refreshed_for_a_caller_that_gets_such_answers() throws Exception {
        Account alice = alice().withoutChallengeExceptions();
        scene.server.resetCounters();
        challenge(401, "Bearer", "Bearer error=\"insufficient_claims\", claims=\"" + base64(CLAIMS) + "\"");
        assertThat(scene.status(alice.wrap(scene.http))).isEqualTo(401);
        assertThat(scene.server.tokenRequests()).isZero();
    }

    @Test
    void nothing_that_a_challenge_points_to_is_visited() throws Exception {
        try (MockWebServer evil = new MockWebServer()) {
            evil.start();
            evil.enqueue(new MockResponse.Builder().code(200).build());
            String url = evil.url("/").toString();
            LoginRequiredException required = thrown(
                    alice(),
                    401,
                    "Bearer error=\"insufficient_scope\", scope=\"things.write\", resource_metadata=\"" + url
                            + "\", authorization_uri=\"" + url + "\", realm=\"" + url + "\"");
            assertThat(node.newLogin().inResponseTo(required).start().url().toString())
                    .startsWith(scene.server.authorizationEndpoint())
                    .doesNotContain(evil.getHostName() + ":" + evil.getPort());
            assertThat(evil.getRequestCount()).isZero();
        }
    }

    @Test
    void a_challenge_from_where_a_redirect_led_is_returned() throws Exception {
        Account alice = alice();
        try (MockWebServer other = new MockWebServer()) {
            other.start();
            other.enqueue(new MockResponse.Builder()
                    .code(403)
                    .addHeader("WWW-Authenticate", "Bearer error=\"insufficient_scope\", scope=\"everything\"")
                    .build());
            String url = other.url("/").toString();
            scene.server.onApiRequest((request, answer) -> Answer.redirect(url));
            assertThat(scene.status(alice.wrap(scene.http))).isEqualTo(403);
        }
    }

    @Test
    void who_wants_to_see_such_answers_gets_them() throws Exception {
        Account alice = alice();
        challenge(403, "Bearer error=\"insufficient_scope\", scope=\"things.write\"");
        assertThat(scene.status(alice.withoutChallengeExceptions().wrap(scene.http)))
                .isEqualTo(403);
        OkHttpClient shared = node.wrap(scene.http);
        Request request = new Request.Builder()
                .url(scene.server.apiUrl("/api/things"))
                .tag(Account.class, alice.withoutChallengeExceptions())
                .build();
        try (Response response = shared.newCall(request).execute()) {
            assertThat(response.body().string()).isEqualTo("{\"why\":1}");
        }
        assertThatThrownBy(() -> scene.status(alice.wrap(scene.http))).isInstanceOf(LoginRequiredException.class);
        assertThat(alice.withoutChallengeExceptions().tokens()).isEqualTo(alice.tokens());
    }

    @Test
    void an_application_of_its_own_has_no_user_to_send_anywhere() throws Exception {
        challenge(403, "Bearer error=\"insufficient_scope\", scope=\"things.write\"");
        assertThat(scene.status(node.application().wrap(scene.http))).isEqualTo(403);
    }

    @Test
    void a_body_is_not_sent_again_and_no_connection_leaks() throws Exception {
        ConnectionPool pool = new ConnectionPool(1, 5, TimeUnit.MINUTES);
        Account alice = alice();
        OkHttpClient api =
                alice.wrap(scene.http.newBuilder().connectionPool(pool).build());
        challenge(403, "Bearer error=\"insufficient_scope\", scope=\"things.write\"");
        for (int i = 0; i < 50; i++) {
            Request post = new Request.Builder()
                    .url(scene.server.apiUrl("/api/things"))
                    .post(RequestBody.create("body", null))
                    .build();
            assertThatThrownBy(() -> api.newCall(post).execute()).isInstanceOf(LoginRequiredException.class);
        }
        assertThat(scene.server.apiRequests()).isEqualTo(50);
        assertThat(pool.idleConnectionCount()).isEqualTo(pool.connectionCount());
    }

    // ---- What it says ---------------------------------------------------------------------------------------------

    @Test
    void a_message_shows_no_token_and_nothing_that_could_be_markup() throws Exception {
        Account alice = alice();
        String token = alice.tokens().accessToken();
        LoginRequiredException required = thrown(
                alice,
                403,
                "Bearer error=\"insufficient_scope\", scope=\"things.write\", error_description=\"<b>" + token
                        + "</b>\"");
        assertThat(required.toString()).doesNotContain(token).doesNotContain("<");
        assertThat(required.getMessage()).contains("[redacted]");
    }

    @Test
    void what_a_login_needs_survives_serialization() throws Exception {
        LoginRequiredException required =
                thrown(alice(), 401, "Bearer error=\"insufficient_user_authentication\", acr_values=\"gold\"");
        assertThat(sent(node.newLogin().inResponseTo(Serialized.copy(required))))
                .containsEntry("acr_values", "gold")
                .containsEntry("scope", "things.read");
    }

    // ---- What Entra ID is told ------------------------------------------------------------------------------------

    @Test
    void a_client_that_answers_claims_challenges_says_so_in_each_login_and_each_refresh() throws Exception {
        String capable = "{\"access_token\":{\"xms_cc\":{\"values\":[\"cp1\"]}}}";
        Grantkeeper able = scene.node(
                scene.registration(scene.provider().clientCapabilities("cp1").build()));
        assertThat(sent(able.newLogin())).containsEntry("claims", capable);
        Account alice = scene.signIn(able, "alice");
        scene.expire();
        assertThat(alice.tokens().accessToken()).isNotEmpty();
        assertThat(scene.server.recordedTokenRequests())
                .hasSize(2)
                .allSatisfy(request -> assertThat(request.params()).containsEntry("claims", capable));
        LoginRequiredException required =
                thrown(alice, 401, "Bearer error=\"insufficient_claims\", claims=\"" + base64(CLAIMS) + "\"");
        assertThat(new JsonMapper()
                        .readTree(sent(able.newLogin().inResponseTo(required)).get("claims")))
                .isEqualTo(new JsonMapper()
                        .readTree("{\"access_token\":{\"nbf\":{\"essential\":true,\"value\":\"1603742800\"},"
                                + "\"xms_cc\":{\"values\":[\"cp1\"]}}}"));
    }

    @Test
    void nobody_says_so_by_default() throws Exception {
        Account alice = alice();
        scene.expire();
        assertThat(alice.tokens().accessToken()).isNotEmpty();
        assertThat(sent(node.newLogin())).doesNotContainKey("claims");
        assertThat(scene.server.recordedTokenRequests())
                .allSatisfy(request -> assertThat(request.params()).doesNotContainKey("claims"));
        assertThat(Facts.of(EntraId.provider("common")).clientCapabilities).isEmpty();
        Provider capable = EntraId.provider("common")
                .newBuilder()
                .clientCapabilities("cp1")
                .build();
        assertThat(Facts.of(capable.newBuilder().build()).clientCapabilities).containsExactly("cp1");
        assertThatThrownBy(() -> scene.provider().clientCapabilities("\"}"))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
