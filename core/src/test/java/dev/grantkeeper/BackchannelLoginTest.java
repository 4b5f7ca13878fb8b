/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static dev.grantkeeper.BackchannelServer.error;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.nimbusds.jose.crypto.ECDSAVerifier;
import com.nimbusds.jwt.SignedJWT;
import dev.grantkeeper.BackchannelServer.Decision;
import dev.grantkeeper.LoginResult.Declined;
import dev.grantkeeper.LoginResult.Mismatched;
import dev.grantkeeper.LoginResult.SignedIn;
import dev.grantkeeper.provider.DecryptionKey;
import dev.grantkeeper.provider.LoginProtection;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.provider.SigningKey;
import java.security.KeyPair;
import java.security.interfaces.ECPublicKey;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import mockwebserver3.MockResponse;
import mockwebserver3.SocketEffect;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Backchannel logins (OpenID Connect CIBA Core 1.0, FAPI-CIBA) in poll mode, by a clock that goes on whenever somebody
 * looks at it. {@link BackchannelPingTest} has those with notifications.
 */
@Timeout(300)
@Execution(ExecutionMode.CONCURRENT)
class BackchannelLoginTest {
    private final BackchannelServer server = new BackchannelServer();
    private final QuickTime time = new QuickTime();
    private final Grantkeeper node = node();

    @AfterEach
    void close() {
        server.close();
    }

    private Grantkeeper node() {
        server.clock = time.clock();
        return node(server.registration(server.provider()));
    }

    private Grantkeeper node(Grantkeeper.Builder registration) {
        return server.mock.node(registration.time(time.clock(), time::ticks));
    }

    private BackchannelLogin start() throws AuthorizationServerException {
        return node.newLogin().loginHint("alice").startBackchannel();
    }

    private static <T> T get(CompletableFuture<T> future) throws Exception {
        return future.get(30, TimeUnit.SECONDS);
    }

    private LoginResult finish(BackchannelLogin login) throws Exception {
        return get(node.awaitLoginAsync(login));
    }

    private AuthorizationServerException failure(BackchannelLogin login) throws Exception {
        try {
            throw new AssertionError("There is a result: " + finish(login));
        } catch (ExecutionException e) {
            return (AuthorizationServerException) e.getCause();
        }
    }

    // ---- The request ----------------------------------------------------------------------------------------------

    @Test
    void a_user_who_is_named_consents_on_a_device_of_the_servers_choice_and_stays_signed_in() throws Exception {
        BackchannelLogin login = node.newLogin()
                .loginHint("alice")
                .bindingMessage("W4SCT")
                .requestedExpiry(Duration.ofMinutes(2))
                .parameter("acr_values", "gold silver")
                .appState("till 7")
                .startBackchannel();
        assertThat(server.authentication())
                .containsOnlyKeys(
                        "client_id", "scope", "login_hint", "binding_message", "requested_expiry", "acr_values")
                .containsEntry("client_id", MockProvider.CLIENT)
                .containsEntry("scope", "openid a")
                .containsEntry("login_hint", "alice")
                .containsEntry("binding_message", "W4SCT")
                .containsEntry("requested_expiry", "120")
                .containsEntry("acr_values", "gold silver");
        assertThat(Duration.between(time.clock().instant(), login.expiresAt()))
                .isBetween(Duration.ofSeconds(590), Duration.ofSeconds(600));

        server.decision = Decision.YES;
        SignedIn in = (SignedIn) finish(login);
        assertThat(in.appState()).contains("till 7");
        assertThat(in.identity().orElseThrow().subject()).isEqualTo("alice");
        assertThat(in.identity().orElseThrow().claims()).containsEntry("acr", "gold");
        assertThat(server.polls)
                .singleElement()
                .satisfies(poll -> assertThat(poll.form())
                        .containsOnlyKeys("client_id", "grant_type", "auth_req_id")
                        .containsEntry("grant_type", "urn:openid:params:grant-type:ciba")
                        .containsEntry("auth_req_id", login.attempt().authReqId()));
        Account alice = in.keepAs("alice");
        assertThat(alice.tokens().accessToken()).isEqualTo(in.tokens().accessToken());
    }

    @ParameterizedTest
    @ValueSource(strings = {"login_hint", "login_hint_token", "id_token_hint"})
    void each_hint_is_sent_by_itself(String hint) throws Exception {
        LoginRequest request = node.newLogin();
        switch (hint) {
            case "login_hint" -> request.loginHint("a-hint");
            case "login_hint_token" -> request.loginHintToken("a-hint");
            default -> request.idTokenHint("a-hint");
        }
        if (!hint.equals("login_hint")) {
            request.loginHint(""); // as good as none
        }
        request.startBackchannel();
        assertThat(server.authentication())
                .containsOnlyKeys("client_id", "scope", hint)
                .containsEntry(hint, "a-hint");
    }

    @Test
    void without_a_hint_or_with_several_nothing_is_sent() {
        List<LoginRequest> wrong = List.of(
                node.newLogin(),
                node.newLogin().loginHint(" "),
                node.newLogin().loginHint("alice").loginHintToken("t"),
                node.newLogin().idTokenHint("i").loginHintToken("t"),
                node.newLogin().loginHint("alice").idTokenHint("i").loginHintToken("t"));
        for (LoginRequest request : wrong) {
            assertThatIllegalStateException()
                    .isThrownBy(request::startBackchannel)
                    .withMessageContaining("loginHint(…)")
                    .withMessageContaining("loginHintToken(…)")
                    .withMessageContaining("idTokenHint(…)");
        }
        assertThat(server.mock.server.getRequestCount()).isZero();
    }

    @Test
    void without_the_scope_openid_nothing_is_sent() {
        assertThatIllegalStateException()
                .isThrownBy(() -> node.newLogin().scopes("a").loginHint("alice").startBackchannel())
                .withMessageContaining("openid");
        assertThat(server.mock.server.getRequestCount()).isZero();
    }

    @Test
    void an_expiry_of_less_than_a_second_is_none() {
        for (Duration expiry : List.of(Duration.ZERO, Duration.ofSeconds(-1), Duration.ofMillis(999))) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> node.newLogin().requestedExpiry(expiry));
        }
    }

    @Test
    void authorization_details_and_resources_are_sent_and_the_details_compared() throws Exception {
        BackchannelLogin login = node.newLogin()
                .loginHint("alice")
                .authorizationDetails("[{\"type\":\"payment\"}]")
                .resources("https://a.example")
                .startBackchannel();
        assertThat(server.authentication())
                .containsEntry("authorization_details", "[{\"type\":\"payment\"}]")
                .containsEntry("resource", "https://a.example");
        server.decision = Decision.YES;
        server.tokens = tokens -> {
            tokens.put("authorization_details", List.of(Map.of("type", "payment", "amount", "1.00")));
            return tokens;
        };
        SignedIn in = (SignedIn) finish(login);
        assertThat(in.authorizationDetailsAsRequested()).isFalse();
        assertThat(in.tokens().resources()).containsExactly("https://a.example");
        assertThat(server.polls.get(0).form()).containsEntry("resource", "https://a.example");
    }

    @Test
    void a_user_code_goes_to_a_server_only_that_accepts_it() throws Exception {
        assertThatIllegalStateException()
                .isThrownBy(() ->
                        node.newLogin().loginHint("alice").userCode("1234").startBackchannel())
                .withMessageContaining("backchannelUserCodeParameter(true)")
                .withMessageNotContaining("1234");
        assertThat(server.mock.server.getRequestCount()).isZero();

        Grantkeeper other = node(server.registration(server.provider().backchannelUserCodeParameter(true)));
        other.newLogin().loginHint("alice").userCode("1234").startBackchannel();
        assertThat(server.authentication()).containsEntry("user_code", "1234");
    }

    @Test
    void what_only_a_backchannel_login_has_goes_through_no_browser_and_to_no_other_device() {
        List<Consumer<LoginRequest>> options = List.of(
                request -> request.userCode("1234"),
                request -> request.loginHintToken("token"),
                request -> request.bindingMessage("W4SCT"),
                request -> request.requestedExpiry(Duration.ofMinutes(1)),
                LoginRequest::ping);
        for (Consumer<LoginRequest> option : options) {
            LoginRequest request = node.newLogin();
            option.accept(request);
            assertThatIllegalStateException().isThrownBy(request::start).withMessageContaining("startBackchannel()");
            assertThatIllegalStateException()
                    .isThrownBy(request::startOnDevice)
                    .withMessageContaining("startBackchannel()");
        }
        assertThat(server.mock.server.getRequestCount()).isZero();
    }

    @Test
    void nobody_makes_a_notification_token_of_his_own() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> node.newLogin().parameter("client_notification_token", "guessable"));
    }

    @Test
    void a_provider_without_the_endpoint_or_without_openid_connect_says_what_to_do() {
        Grantkeeper none = node(server.registration(server.mock.provider()));
        assertThatIllegalStateException()
                .isThrownBy(() -> none.newLogin().loginHint("alice").startBackchannel())
                .withMessageContaining("backchannelAuthenticationEndpoint(…)");
        Grantkeeper plain = node(server.registration(Provider.builder("plain")
                .allowHttpOnLoopback()
                .authorizationEndpoint(server.mock.url("/authorize"))
                .tokenEndpoint(server.mock.url("/token"))
                .backchannelAuthenticationEndpoint(server.mock.url("/bc-authorize"))));
        assertThatIllegalStateException()
                .isThrownBy(() -> plain.newLogin().loginHint("alice").startBackchannel())
                .withMessageContaining("openId(issuer, jwksUri)");
        assertThat(server.mock.server.getRequestCount()).isZero();
    }

    @ParameterizedTest
    @CsvSource({"ping, ping()", "push, FAPI-CIBA", "'ping,push', ping()"})
    void a_mode_that_the_server_does_not_offer_is_not_tried(String modes, String advice) {
        Grantkeeper other =
                node(server.registration(server.provider().backchannelTokenDeliveryModes(modes.split(","))));
        assertThatIllegalStateException()
                .isThrownBy(() -> other.newLogin().loginHint("alice").startBackchannel())
                .withMessageContaining("poll")
                .withMessageContaining(advice);
        assertThat(server.mock.server.getRequestCount()).isZero();
    }

    @Test
    void the_client_authenticates_as_elsewhere() throws Exception {
        Grantkeeper withSecret = node(server.registration(server.provider()).clientSecret("the secret"));
        withSecret.newLogin().loginHint("alice").startBackchannel();
        assertThat(server.authentications.get(0).getHeaders().get("Authorization"))
                .startsWith("Basic ");
        assertThat(server.authentication()).containsOnlyKeys("scope", "login_hint");

        KeyPair pair = MockProvider.curve("secp256r1");
        Grantkeeper withKey = node(server.registration(server.provider()).signingKey(SigningKey.of(pair.getPrivate())));
        BackchannelLogin login = withKey.newLogin().loginHint("alice").startBackchannel();
        assertThat(server.authentication())
                .containsOnlyKeys("client_id", "scope", "login_hint", "client_assertion", "client_assertion_type");
        server.decision = Decision.YES;
        assertThat(get(withKey.awaitLoginAsync(login))).isInstanceOf(SignedIn.class);
        assertThat(server.polls.get(0).form()).containsKey("client_assertion");
    }

    @Test
    void tokens_can_be_bound_to_a_key() throws Exception {
        Grantkeeper bound = node(server.registration(server.provider()).dpop());
        BackchannelLogin login = bound.newLogin().loginHint("alice").startBackchannel();
        server.decision = Decision.YES;
        server.tokens = tokens -> {
            tokens.put("token_type", "DPoP");
            return tokens;
        };
        SignedIn in = (SignedIn) get(bound.awaitLoginAsync(login));
        assertThat(in.tokens().proofKey()).isPresent();
        assertThat(server.polls.get(0).request().getHeaders().get("DPoP")).isNotNull();
    }

    // ---- Signed requests ------------------------------------------------------------------------------------------

    private Grantkeeper.Builder signing(KeyPair pair, Provider.Builder provider) {
        return server.registration(provider)
                .signingKey(SigningKey.of(pair.getPrivate()).keyId("k1"))
                .loginProtections(LoginProtection.SIGNED_REQUEST);
    }

    @Test
    void a_signed_request_says_everything_and_nothing_stands_outside() throws Exception {
        KeyPair pair = MockProvider.curve("secp256r1");
        Grantkeeper signing = node(signing(pair, server.provider()));
        BackchannelLogin login = signing.newLogin()
                .loginHint("alice")
                .bindingMessage("W4SCT")
                .requestedExpiry(Duration.ofMinutes(2))
                .authorizationDetails("[{\"type\":\"payment\"}]")
                .ping()
                .startBackchannel();
        assertThat(server.authentication())
                .containsOnlyKeys("client_id", "request", "client_assertion", "client_assertion_type");
        SignedJWT jwt = SignedJWT.parse(server.authentication().get("request"));
        assertThat(jwt.verify(new ECDSAVerifier((ECPublicKey) pair.getPublic())))
                .isTrue();
        assertThat(jwt.getHeader().getKeyID()).isEqualTo("k1");
        Map<String, Object> claims = jwt.getJWTClaimsSet().toJSONObject();
        assertThat(claims)
                .containsOnlyKeys(
                        "iss",
                        "aud",
                        "iat",
                        "nbf",
                        "exp",
                        "jti",
                        "scope",
                        "login_hint",
                        "binding_message",
                        "requested_expiry",
                        "authorization_details",
                        "client_notification_token")
                .containsEntry("iss", MockProvider.CLIENT)
                .containsEntry("aud", MockProvider.ISSUER)
                .containsEntry("scope", "openid a")
                .containsEntry("login_hint", "alice")
                .containsEntry("binding_message", "W4SCT")
                .containsEntry("client_notification_token", login.attempt().notificationToken());
        assertThat((long) claims.get("exp") - (long) claims.get("nbf")).isEqualTo(300); // FAPI-CIBA: 60 minutes at most
        server.decision = Decision.YES;
        assertThat(get(signing.awaitLoginAsync(login))).isInstanceOf(SignedIn.class);
    }

    @Test
    void where_requests_through_the_browser_are_encrypted_these_are_signed() throws Exception {
        Grantkeeper signing = node(signing(MockProvider.curve("secp256r1"), server.provider())
                .loginProtections(LoginProtection.ENCRYPTED_REQUEST));
        signing.newLogin().loginHint("alice").startBackchannel();
        assertThat(server.authentication())
                .containsOnlyKeys("client_id", "request", "client_assertion", "client_assertion_type");
        assertThat(SignedJWT.parse(server.authentication().get("request"))
                        .getJWTClaimsSet()
                        .getStringClaim("login_hint"))
                .isEqualTo("alice");
    }

    @Test
    void a_client_without_redirect_uri_signs_too() throws Exception {
        Grantkeeper signing =
                node(signing(MockProvider.curve("secp256r1"), server.provider()).redirectUri(null));
        signing.newLogin().loginHint("alice").startBackchannel();
        assertThat(server.authentication()).containsKey("request");
    }

    @Test
    void a_request_that_cannot_be_signed_is_not_sent() {
        Grantkeeper noKey = node(server.registration(server.provider())
                .redirectUri(null)
                .loginProtections(LoginProtection.SIGNED_REQUEST));
        assertThatIllegalStateException()
                .isThrownBy(() -> noKey.newLogin().loginHint("alice").startBackchannel())
                .withMessageContaining("signingKey(");
        Grantkeeper gone = node(server.registration(server.provider())
                .signingKey(SigningKey.of(HardwareModule.nameOf("RSA")))
                .loginProtections(LoginProtection.SIGNED_REQUEST));
        assertThatThrownBy(() -> gone.newLogin().loginHint("alice").startBackchannel())
                .isInstanceOfSatisfying(
                        AuthorizationServerException.class,
                        e -> assertThat(e.kind()).isEqualTo(AuthorizationServerException.Kind.TEMPORARY));
        assertThat(server.mock.server.getRequestCount()).isZero();
    }

    private Provider.Builder discovered(String members) {
        return Provider.builder("found")
                .allowHttpOnLoopback()
                .metadata(
                        MockProvider.ISSUER,
                        "{\"issuer\":\"" + MockProvider.ISSUER + "\",\"authorization_endpoint\":\""
                                + server.mock.url("/authorize") + "\",\"token_endpoint\":\"" + server.mock.url("/token")
                                + "\",\"jwks_uri\":\"" + server.mock.url("/jwks")
                                + "\",\"token_endpoint_auth_methods_supported\":[\"none\",\"private_key_jwt\"]"
                                + members
                                + "}");
    }

    private String endpoint() {
        return ",\"backchannel_authentication_endpoint\":\"" + server.mock.url("/bc-authorize") + "\"";
    }

    @Test
    void an_algorithm_that_the_server_does_not_accept_is_not_tried() {
        String algorithms = ",\"backchannel_authentication_request_signing_alg_values_supported\":[\"PS256\"]";
        Grantkeeper signing = node(signing(MockProvider.curve("secp256r1"), discovered(endpoint() + algorithms)));
        assertThatThrownBy(() -> signing.newLogin().loginHint("alice").startBackchannel())
                .isInstanceOfSatisfying(
                        AuthorizationServerException.class,
                        e -> assertThat(e.kind()).isEqualTo(AuthorizationServerException.Kind.MISCONFIGURED))
                .hasMessageContaining("ES256")
                .hasMessageContaining("algorithm(…)");
        assertThat(server.mock.server.getRequestCount()).isZero();
    }

    @Test
    void a_demand_for_signed_logins_through_the_browser_is_none_for_the_backchannel() throws Exception {
        String demand = ",\"require_signed_request_object\":true";
        KeyPair pair = MockProvider.curve("secp256r1");
        Grantkeeper plain =
                node(server.registration(discovered(endpoint() + demand)).signingKey(SigningKey.of(pair.getPrivate())));
        plain.newLogin().loginHint("alice").startBackchannel();
        assertThat(server.authentication()).doesNotContainKey("request").containsEntry("login_hint", "alice");

        String algorithms = ",\"backchannel_authentication_request_signing_alg_values_supported\":[\"ES256\"]";
        Grantkeeper signing = node(server.registration(discovered(endpoint() + demand + algorithms))
                .signingKey(SigningKey.of(pair.getPrivate())));
        signing.newLogin().loginHint("alice").startBackchannel();
        assertThat(server.authentication()).containsKey("request").doesNotContainKey("login_hint");
    }

    // ---- Metadata -------------------------------------------------------------------------------------------------

    @Test
    void what_the_metadata_say_is_in_the_provider() {
        Provider provider = discovered(endpoint()
                        + ",\"backchannel_token_delivery_modes_supported\":[\"poll\",\"ping\"]"
                        + ",\"backchannel_user_code_parameter_supported\":true")
                .build();
        assertThat(provider.backchannelAuthenticationEndpoint().orElseThrow())
                .hasToString(server.mock.url("/bc-authorize"));
        assertThat(provider.backchannelTokenDeliveryModes()).containsExactly("poll", "ping");
        assertThat(provider.backchannelUserCodeParameter()).isTrue();

        Provider without = discovered("").build();
        assertThat(without.backchannelAuthenticationEndpoint()).isEmpty();
        assertThat(without.backchannelTokenDeliveryModes()).isEmpty();
        assertThat(without.backchannelUserCodeParameter()).isFalse();
    }

    @Test
    void what_the_metadata_lack_is_no_mistake_of_the_application() {
        Grantkeeper lacking = node(server.registration(discovered("")));
        assertThatThrownBy(() -> lacking.newLogin().loginHint("alice").startBackchannel())
                .isInstanceOfSatisfying(
                        AuthorizationServerException.class,
                        e -> assertThat(e.kind()).isEqualTo(AuthorizationServerException.Kind.MISCONFIGURED))
                .hasMessageContaining("backchannelAuthenticationEndpoint(…)");
        Grantkeeper push = node(server.registration(
                discovered(endpoint() + ",\"backchannel_token_delivery_modes_supported\":[\"push\"]")));
        assertThatThrownBy(() -> push.newLogin().loginHint("alice").startBackchannel())
                .isInstanceOf(AuthorizationServerException.class)
                .hasMessageContaining("Push is not offered");
        assertThat(server.mock.server.getRequestCount()).isZero();
    }

    // ---- The server does not start it -----------------------------------------------------------------------------

    @ParameterizedTest
    @CsvSource({
        "400, unknown_user_id, REFUSED",
        "400, expired_login_hint_token, REFUSED",
        "400, missing_user_code, REFUSED",
        "400, invalid_user_code, REFUSED",
        "400, invalid_binding_message, REFUSED",
        "403, access_denied, REFUSED",
        "400, invalid_request, MISCONFIGURED",
        "400, invalid_scope, MISCONFIGURED",
        "400, unauthorized_client, MISCONFIGURED",
        "401, invalid_client, MISCONFIGURED",
        "503, temporarily_unavailable, TEMPORARY",
        "500, , TEMPORARY"
    })
    void a_server_that_does_not_start_a_login_says_why(
            int status, String error, AuthorizationServerException.Kind kind) {
        server.nextAuthentications.add(MockProvider.json(
                status, error == null ? "{}" : "{\"error\":\"" + error + "\",\"error_description\":\"not alice\"}"));
        assertThatThrownBy(this::start).isInstanceOfSatisfying(AuthorizationServerException.class, e -> {
            assertThat(e.kind()).isEqualTo(kind);
            assertThat(e.status()).isEqualTo(status);
            if (error != null) {
                assertThat(e.error()).contains(error);
                assertThat(e.description()).contains("not alice");
            }
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"auth_req_id", "expires_in"})
    void a_response_that_lacks_something_starts_nothing(String member) {
        server.authentication = response -> {
            response.remove(member);
            return response;
        };
        assertThatThrownBy(this::start)
                .isInstanceOfSatisfying(
                        AuthorizationServerException.class,
                        e -> assertThat(e.kind()).isEqualTo(AuthorizationServerException.Kind.MALFORMED))
                .hasMessageContaining(member);
    }

    @Test
    void what_a_server_repeats_of_a_secret_shows_in_no_message() {
        Grantkeeper other = node(server.registration(server.provider().backchannelUserCodeParameter(true)));
        server.nextAuthentications.add(
                MockProvider.json(
                        400,
                        "{\"error\":\"invalid_user_code\",\"error_description\":\"no user-code-canary for hint-token-canary\"}"));
        assertThatThrownBy(() -> other.newLogin()
                        .loginHintToken("hint-token-canary")
                        .userCode("user-code-canary")
                        .startBackchannel())
                .hasMessageNotContaining("canary")
                .hasMessageContaining("invalid_user_code");
    }

    // ---- How it ends ----------------------------------------------------------------------------------------------

    @Test
    void a_user_who_refuses_has_declined() throws Exception {
        server.decision = Decision.NO;
        BackchannelLogin login =
                node.newLogin().loginHint("alice").appState("till 7").startBackchannel();
        assertThat(finish(login)).isInstanceOfSatisfying(Declined.class, declined -> {
            assertThat(declined.byUser()).isTrue();
            assertThat(declined.appState()).contains("till 7");
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"transaction_failed", "invalid_grant"})
    void a_server_that_gives_up_has_declined(String error) throws Exception {
        BackchannelLogin login = start();
        server.nextTokens.add(error(error));
        assertThat(finish(login)).isInstanceOfSatisfying(Declined.class, declined -> {
            assertThat(declined.error()).isEqualTo(error);
            assertThat(declined.byUser()).isFalse();
        });
        assertThat(server.polls).hasSize(1);
    }

    @Test
    void a_request_that_the_server_calls_expired_is_stale() throws Exception {
        BackchannelLogin login = start();
        server.nextTokens.add(error("expired_token"));
        assertThat(finish(login))
                .isInstanceOfSatisfying(
                        Mismatched.class, late -> assertThat(late.reason()).isEqualTo(Mismatched.Reason.STALE));
        assertThat(server.polls).hasSize(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"invalid_request", "unauthorized_client", "invalid_client", "unsupported_grant_type"})
    void after_an_error_of_the_client_the_server_is_left_alone(String error) throws Exception {
        BackchannelLogin login = start();
        server.nextTokens.add(error("authorization_pending"));
        server.nextTokens.add(error(error));
        assertThat(failure(login).kind()).isEqualTo(AuthorizationServerException.Kind.MISCONFIGURED);
        assertThat(server.polls).hasSize(2);
    }

    @Test
    void a_user_who_takes_too_long_is_not_waited_for_and_the_server_is_left_alone() throws Exception {
        server.lifetime = 12;
        BackchannelLogin login = start();
        assertThat(finish(login))
                .isInstanceOfSatisfying(
                        Mismatched.class, late -> assertThat(late.reason()).isEqualTo(Mismatched.Reason.STALE));
        assertThat(server.polls)
                .isNotEmpty()
                .allSatisfy(poll -> assertThat(poll.at()).isBefore(login.expiresAt()));
        assertThat(finish(login))
                .isInstanceOfSatisfying(
                        Mismatched.class, again -> assertThat(again.reason()).isEqualTo(Mismatched.Reason.REPLAYED));
    }

    // ---- How often the server is polled ---------------------------------------------------------------------------

    private void assertGaps(BackchannelLogin login, int... seconds) {
        List<Instant> polls =
                server.polls.stream().map(BackchannelServer.Poll::at).toList();
        QuickTime.assertGaps(login.attempt().startedAt(), polls, 5, seconds);
    }

    @Test
    void the_server_is_polled_at_its_interval_and_five_seconds_later_after_each_slow_down() throws Exception {
        server.interval = 7;
        BackchannelLogin login = start();
        for (String error : List.of("authorization_pending", "slow_down", "authorization_pending", "slow_down")) {
            server.nextTokens.add(error(error));
        }
        server.decision = Decision.YES;
        assertThat(finish(login)).isInstanceOf(SignedIn.class);
        assertGaps(login, 7, 7, 12, 12, 17);
    }

    @Test
    void a_server_that_names_no_interval_is_polled_every_five_seconds() throws Exception {
        server.authentication = response -> {
            response.remove("interval");
            return response;
        };
        BackchannelLogin login = start();
        server.nextTokens.add(error("authorization_pending"));
        server.decision = Decision.YES;
        assertThat(finish(login)).isInstanceOf(SignedIn.class);
        assertGaps(login, 5, 5);
    }

    @Test
    void a_server_that_does_not_answer_is_polled_half_as_often_each_time() throws Exception {
        BackchannelLogin login = start();
        server.nextTokens.add(new MockResponse.Builder()
                .onResponseStart(new SocketEffect.CloseSocket())
                .build());
        server.nextTokens.add(MockProvider.json(502, "{}"));
        server.nextTokens.add(error("authorization_pending"));
        server.decision = Decision.YES;
        assertThat(finish(login)).isInstanceOf(SignedIn.class);
        assertGaps(login, 5, 10, 20, 5);
    }

    @Test
    void a_server_that_wants_to_be_left_alone_is() throws Exception {
        BackchannelLogin login = start();
        server.nextTokens.add(MockProvider.json(503, "{}")
                .newBuilder()
                .setHeader("Retry-After", "60")
                .build());
        server.decision = Decision.YES;
        assertThat(finish(login)).isInstanceOf(SignedIn.class);
        assertGaps(login, 5, 60);
    }

    // ---- Who may finish it ----------------------------------------------------------------------------------------

    @Test
    void another_process_can_finish_it_and_it_is_redeemed_once() throws Exception {
        BackchannelLogin login =
                node.newLogin().loginHint("alice").appState("till 7").startBackchannel();
        BackchannelLogin copy = Serialized.copy(login);
        assertThat(copy.attempt()).isEqualTo(login.attempt());
        server.decision = Decision.YES;
        Grantkeeper other = node();
        SignedIn in = (SignedIn) get(other.awaitLoginAsync(copy));
        assertThat(in.appState()).contains("till 7");
        assertThat(in.identity().orElseThrow().subject()).isEqualTo("alice");

        assertThat(finish(login))
                .isInstanceOfSatisfying(
                        Declined.class, late -> assertThat(late.error()).isEqualTo("invalid_grant"));
        assertThat(server.polls).hasSize(2);
    }

    @Test
    void two_who_wait_for_one_login_share_the_polls() throws Exception {
        BackchannelLogin login = start();
        server.nextTokens.add(error("authorization_pending"));
        CompletableFuture<LoginResult> one = node.awaitLoginAsync(login);
        CompletableFuture<LoginResult> other = node.awaitLoginAsync(Serialized.copy(login));
        server.decision = Decision.YES;
        assertThat(((SignedIn) get(one)).tokens()).isSameAs(((SignedIn) get(other)).tokens());
        assertThat(server.polls).hasSize(2);
        assertThat(finish(login))
                .isInstanceOfSatisfying(
                        Mismatched.class, again -> assertThat(again.reason()).isEqualTo(Mismatched.Reason.REPLAYED));
    }

    @Test
    void another_registration_cannot_finish_it() throws Exception {
        BackchannelLogin login = start();
        Grantkeeper other = node(server.registration(server.provider()).registration("other"));
        assertThat(get(other.awaitLoginAsync(login)))
                .isInstanceOfSatisfying(
                        Mismatched.class, mixed -> assertThat(mixed.reason()).isEqualTo(Mismatched.Reason.MIXED_UP));
        assertThat(server.polls).isEmpty();
    }

    @Test
    void closing_ends_the_waiting_and_another_node_can_go_on() throws Exception {
        BackchannelLogin login = start();
        CompletableFuture<LoginResult> result = node.awaitLoginAsync(login);
        node.close();
        assertThatThrownBy(() -> get(result)).hasCauseInstanceOf(AuthorizationServerException.class);
        server.decision = Decision.YES;
        assertThat(get(node().awaitLoginAsync(login))).isInstanceOf(SignedIn.class);
    }

    @Test
    void a_thread_can_wait() throws Exception {
        BackchannelLogin login = start();
        server.decision = Decision.YES;
        assertThat(node.awaitLogin(login)).isInstanceOf(SignedIn.class);
    }

    // ---- ID tokens ------------------------------------------------------------------------------------------------

    @Test
    void an_id_token_that_is_encrypted_is_decrypted_and_demanded() throws Exception {
        KeyPair pair = Jwe.rsa();
        Grantkeeper decrypting = node(server.registration(server.provider())
                .decryptionKeys(DecryptionKey.of(pair))
                .encryptionAlgorithms("RSA-OAEP-256"));
        List<String> signed = new ArrayList<>();
        server.tokens = tokens -> {
            signed.add((String) tokens.get("id_token"));
            tokens.put("id_token", Jwe.encryptTo(pair, signed.get(0)));
            return tokens;
        };
        server.decision = Decision.YES;
        SignedIn in = (SignedIn) get(decrypting.awaitLoginAsync(
                decrypting.newLogin().loginHint("alice").startBackchannel()));
        assertThat(in.identity().orElseThrow().subject()).isEqualTo("alice");
        assertThat(in.tokens().idToken()).contains(signed.get(0));
        assertThat(in.keepAs("alice").tokens().idToken()).contains(signed.get(0));

        BackchannelLogin another = node.newLogin().loginHint("alice").startBackchannel();
        assertThatThrownBy(() -> get(node.awaitLoginAsync(another))).hasMessageContaining("decryptionKeys(");
        server.tokens = UnaryOperator.identity();
        BackchannelLogin plain = decrypting.newLogin().loginHint("alice").startBackchannel();
        assertThatThrownBy(() -> get(decrypting.awaitLoginAsync(plain))).hasMessageContaining("it is not encrypted");
    }

    @Test
    void an_id_token_may_name_its_login_and_the_users_identity_does_not_repeat_it() throws Exception {
        BackchannelLogin login = start();
        server.decision = Decision.YES;
        server.claims = claims -> {
            claims.put(
                    "urn:openid:params:jwt:claim:auth_req_id", login.attempt().authReqId());
            claims.put("aud", List.of(MockProvider.CLIENT));
            return claims;
        };
        SignedIn in = (SignedIn) finish(login);
        assertThat(in.identity().orElseThrow().claims().keySet())
                .contains("acr")
                .noneMatch(name -> name.startsWith("urn:openid:params:jwt:claim:"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "iss",
                "no iss",
                "aud",
                "no aud",
                "other aud",
                "exp",
                "no exp",
                "old iat",
                "no iat",
                "no sub",
                "azp",
                "at_hash",
                "auth_req_id",
                "unsigned",
                "signed by another",
                "none"
            })
    void a_token_that_is_wrong_signs_nobody_in(String wrong) throws Exception {
        BackchannelLogin login = start();
        server.decision = Decision.YES;
        long now = time.clock().instant().getEpochSecond();
        server.claims = claims -> {
            switch (wrong) {
                case "iss" -> claims.put("iss", "https://other.example");
                case "aud" -> claims.put("aud", "another client");
                case "other aud" -> claims.put("aud", List.of(MockProvider.CLIENT, "another client"));
                case "exp" -> claims.put("exp", now - 3600);
                case "old iat" -> claims.put("iat", now - Duration.ofDays(7).toSeconds());
                case "azp" -> claims.put("azp", "another client");
                case "at_hash" -> claims.put("at_hash", "AAAAAAAAAAAAAAAAAAAAAA");
                case "auth_req_id" ->
                    claims.put(
                            "urn:openid:params:jwt:claim:auth_req_id",
                            login.attempt().authReqId() + "0");
                default -> claims.remove(wrong.replace("no ", ""));
            }
            return claims;
        };
        server.tokens = tokens -> {
            String idToken = (String) tokens.get("id_token");
            switch (wrong) {
                case "unsigned" -> tokens.put("id_token", "eyJhbGciOiJub25lIn0." + idToken.split("\\.")[1] + ".");
                case "none" -> tokens.remove("id_token");
                default -> {
                    // as it is
                }
            }
            return tokens;
        };
        if (wrong.equals("signed by another")) {
            server.signingKey = new com.nimbusds.jose.jwk.gen.RSAKeyGenerator(2048)
                    .keyID("k1")
                    .generate();
        }
        assertThat(failure(login).kind()).isEqualTo(AuthorizationServerException.Kind.MALFORMED);
        assertThat(server.polls).hasSize(1);
    }

    @Test
    void a_recent_authentication_that_was_requested_is_checked() throws Exception {
        server.decision = Decision.YES;
        BackchannelLogin login =
                node.newLogin().loginHint("alice").maxAge(Duration.ofMinutes(5)).startBackchannel();
        assertThat(server.authentication()).containsEntry("max_age", "300");
        assertThat(finish(login)).isInstanceOf(SignedIn.class);
        for (boolean absent : List.of(true, false)) {
            BackchannelLogin other = Serialized.copy(node.newLogin()
                    .loginHint("alice")
                    .maxAge(Duration.ofMinutes(5))
                    .startBackchannel());
            server.claims = claims -> {
                claims.put("auth_time", time.clock().instant().getEpochSecond() - 600);
                if (absent) {
                    claims.remove("auth_time");
                }
                return claims;
            };
            assertThat(failure(other).kind()).isEqualTo(AuthorizationServerException.Kind.MALFORMED);
        }
    }
}
