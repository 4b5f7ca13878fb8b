/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.grantkeeper.LoginResult.Declined;
import dev.grantkeeper.LoginResult.SignedIn;
import dev.grantkeeper.provider.LoginProtection;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.testkit.Answer;
import dev.grantkeeper.testkit.FakeAuthorizationServer;
import dev.grantkeeper.testkit.Fault;
import dev.grantkeeper.token.Identity;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import mockwebserver3.MockResponse;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Odd servers, from the login to the call: what their oddities cost a user, which is nothing where it can be. */
@Timeout(300)
@Execution(ExecutionMode.CONCURRENT)
class OddServersTest {
    private final Scene scene = new Scene();
    private final MockProvider mock = new MockProvider();

    @AfterEach
    void close() {
        scene.close();
        mock.close();
    }

    private static Fault answer(int status, String type, String body) {
        return Fault.answer(Answer.status(status).header("Content-Type", type).body(body));
    }

    private static MockResponse odd(String body) {
        return new MockResponse.Builder()
                .setHeader("Content-Type", "text/html; charset=utf-8")
                .body("\ufeff" + body)
                .build();
    }

    // ---- Refreshes ------------------------------------------------------------------------------------------------

    @Test
    void a_refresh_token_that_is_refused_in_other_words_is_refused() throws Exception {
        Account alice = scene.signIn(scene.node(), "alice");
        scene.expire();
        scene.server.onNextTokenRequest(answer(
                401,
                "application/json",
                "{\"error\":\"invalid_token\",\"error_description\":\"Invalid refresh token (expired): x\"}"));
        assertThatThrownBy(alice::tokens)
                .isInstanceOfSatisfying(
                        LoginRequiredException.class,
                        e -> assertThat(e.reason()).isEqualTo(LoginRequiredException.Reason.REFUSED));
    }

    @Test
    void a_grant_that_is_refused_on_a_page_is_refused() throws Exception {
        Account alice = scene.signIn(scene.node(), "alice");
        scene.expire();
        scene.server.onNextTokenRequest(answer(400, "text/html", "\ufeff{\"error\":\"invalid_grant\"}"));
        assertThatThrownBy(alice::tokens).isInstanceOf(LoginRequiredException.class);
    }

    @Test
    void a_rotated_token_is_not_lost_because_of_a_label_a_mark_an_empty_error_or_a_blank() throws Exception {
        Account alice = scene.signIn(scene.node(), "alice");
        for (String refreshToken : List.of("a b", " ~\\\"", "plain")) {
            scene.expire();
            scene.server.onNextTokenRequest(answer(
                    200,
                    "text/html",
                    "\ufeff{\"access_token\":\"at\",\"token_type\":\"\",\"error\":[],\"expires_in\":\"60\","
                            + "\"refresh_token\":\""
                            + refreshToken + "\"}"));
            int before = scene.server.tokenRequests();
            assertThat(alice.tokens().refreshToken()).contains(refreshToken.replace("\\", ""));
            assertThat(scene.server.tokenRequests()).isEqualTo(before + 1);
        }
        Account again = scene.node().account("alice");
        assertThat(again.tokens().refreshToken()).contains("plain");
    }

    // ---- What was sent ---------------------------------------------------------------------------------------------

    @Test
    void a_server_that_echoes_what_it_got_reveals_nothing() throws Exception {
        Account alice = scene.signIn(scene.node(), "alice");
        String secret = alice.tokens().refreshToken().orElseThrow();
        String form = "grant_type=refresh_token&refresh_token=" + URLEncoder.encode(secret, StandardCharsets.UTF_8);
        String basic = Base64.getEncoder()
                .encodeToString((Scene.CLIENT + ":" + Scene.SECRET).getBytes(StandardCharsets.UTF_8));
        scene.expire();
        scene.server.onNextTokenRequest(answer(
                400,
                "application/json",
                "{\"error\":\"invalid_grant\",\"error_description\":\"Basic " + basic + " sent " + form + " and "
                        + secret.substring(0, secret.length() - 3) + "\"}"));
        AtomicReference<String> shown = new AtomicReference<>("");
        assertThatThrownBy(alice::tokens).isInstanceOfSatisfying(LoginRequiredException.class, e -> {
            StringWriter trace = new StringWriter();
            e.printStackTrace(new PrintWriter(trace));
            shown.set(trace.toString());
        });
        for (String text : List.of(shown.get(), scene.events.toString())) {
            assertThat(text).contains("invalid_grant").doesNotContain(secret.substring(0, 16), basic);
        }
        scene.store.rows.values().forEach(row -> assertThat(row.toString()).doesNotContain(basic));
    }

    @Test
    void a_server_that_echoes_it_in_place_of_http_reveals_nothing() throws Exception {
        try (ServerSocket socket = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
            Thread server = new Thread(() -> {
                try (Socket one = socket.accept()) {
                    StringBuilder seen = new StringBuilder();
                    while (seen.indexOf("token-canary") < 0) {
                        seen.append((char) one.getInputStream().read());
                    }
                    one.getOutputStream().write(("token-canary" + "\r\n\r\n").getBytes(StandardCharsets.US_ASCII));
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
            server.start();
            Grantkeeper node = mock.node(mock.registration(mock.provider()
                    .introspectionEndpoint("http://127.0.0.1:" + socket.getLocalPort() + "/introspect")));
            assertThatThrownBy(() -> node.introspect("token-canary"))
                    .isInstanceOfSatisfying(AuthorizationServerException.class, e -> {
                        StringWriter trace = new StringWriter();
                        e.printStackTrace(new PrintWriter(trace));
                        assertThat(trace.toString())
                                .doesNotContain("token-canary")
                                .contains("ProtocolException");
                    });
            server.join();
        }
    }

    @Test
    void metadata_are_quoted_in_one_short_harmless_line() {
        scene.server.metadata(metadata -> {
            metadata.put("issuer", "https://evil.example/\r\nFAKE \u001b[2J<b>" + "x".repeat(5000));
            return metadata;
        });
        assertThatThrownBy(() -> discovery().fetch()).isInstanceOfSatisfying(IOException.class, e -> {
            for (Throwable one = e; one != null; one = one.getCause()) {
                assertThat(one.getMessage()).matches("[ -~&&[^<>]]*").hasSizeLessThanOrEqualTo(512);
            }
            assertThat(e).hasMessageContaining("another server");
        });
    }

    // ---- Metadata --------------------------------------------------------------------------------------------------

    private Discovery discovery() {
        return Discovery.of(scene.server.issuer()).httpClient(scene.http).allowHttpOnLoopback();
    }

    @Test
    void a_server_without_authorization_endpoint_serves_what_it_serves() throws Exception {
        for (Object none : new Object[] {null, ""}) {
            scene.server.metadata(metadata -> {
                metadata.keySet().retainAll(List.of("issuer", "token_endpoint"));
                metadata.put("grant_types_supported", List.of("client_credentials"));
                metadata.put("authorization_endpoint", none);
                return metadata;
            });
            Provider provider = discovery().fetch().newBuilder().build();
            assertThatThrownBy(provider::authorizationEndpoint).isInstanceOf(IllegalStateException.class);
            Grantkeeper node = scene.node(scene.registration(provider));
            assertThat(node.application().tokens().accessToken()).isNotEmpty();
            assertThatThrownBy(node::startLogin)
                    .isInstanceOfSatisfying(
                            AuthorizationServerException.class,
                            e -> assertThat(e.kind()).isEqualTo(AuthorizationServerException.Kind.MISCONFIGURED))
                    .hasMessageContaining("no authorization endpoint");
            Grantkeeper later = scene.node(scene.registration(discovery()));
            assertThat(later.application().tokens().accessToken()).isNotEmpty();
        }
    }

    @Test
    void a_provider_that_somebody_describes_needs_one_all_the_same() {
        assertThatThrownBy(() -> Provider.builder("x")
                        .tokenEndpoint("https://x.example/token")
                        .build())
                .hasMessageContaining("authorization endpoint");
    }

    @ParameterizedTest
    @ValueSource(strings = {"null", "\"\"", "[]", "{}", "[\"\"]"})
    void metadata_may_be_empty_wherever_they_may_be_absent(String nothing) throws Exception {
        scene.server.metadata(metadata -> {
            for (String name : List.of(
                    "jwks_uri",
                    "userinfo_endpoint",
                    "revocation_endpoint",
                    "introspection_endpoint",
                    "pushed_authorization_request_endpoint",
                    "end_session_endpoint",
                    "mtls_endpoint_aliases",
                    "token_endpoint_auth_methods_supported",
                    "code_challenge_methods_supported",
                    "require_pushed_authorization_requests")) {
                metadata.put(name, FakeAuthorizationServer.raw(nothing));
            }
            return metadata;
        });
        Provider provider = discovery().fetch();
        assertThat(provider.jwksUri()).isEmpty();
        assertThat(provider.revocationEndpoint()).isEmpty();
        assertThat(scene.login(scene.node(scene.registration(provider)), "alice"))
                .isInstanceOf(SignedIn.class);
    }

    @Test
    void metadata_have_a_mark_and_a_label_or_are_where_oauth_puts_them_behind_a_page() throws Exception {
        String issuer = mock.url("").replaceAll("/$", "");
        String json = "{\"issuer\":\"" + issuer + "\",\"token_endpoint\":\"" + issuer + "/token\"}";
        mock.server.enqueue(odd(json));
        assertThat(Discovery.of(issuer).allowHttpOnLoopback().fetch().tokenEndpoint())
                .hasToString(issuer + "/token");
        mock.server.enqueue(odd("<!doctype html><title>Our application</title>"));
        mock.server.enqueue(odd(json));
        assertThat(Discovery.of(issuer).allowHttpOnLoopback().fetch().tokenEndpoint())
                .hasToString(issuer + "/token");
        assertThat(Provider.builder("x")
                        .allowHttpOnLoopback()
                        .metadata(issuer, "\ufeff" + json)
                        .build()
                        .tokenEndpoint())
                .hasToString(issuer + "/token");
    }

    // ---- Other endpoints -------------------------------------------------------------------------------------------

    @Test
    void a_device_login_survives_labels_empty_members_and_absurd_times() throws Exception {
        Grantkeeper node =
                mock.node(mock.registration(mock.provider().deviceAuthorizationEndpoint(mock.url("/device"))));
        for (String times : List.of(
                "\"expires_in\":0,\"interval\":5000",
                "\"expires_in\":\"\",\"interval\":\"\"",
                "\"expires_in\":-1,\"interval\":1e300",
                "\"expires_in\":[],\"interval\":10000000000",
                "\"expires_in\":null,\"interval\":-7")) {
            mock.server.enqueue(odd("{\"device_code\":\"d\",\"user_code\":\"u\",\"verification_uri\":\"\","
                    + "\"verification_url\":\"https://x.example/\",\"verification_uri_complete\":\"\",\"error\":\"\","
                    + times + "}"));
            DeviceLogin login = node.newLogin().startOnDevice();
            assertThat(login.verificationUri()).hasToString("https://x.example/");
            assertThat(login.verificationUriComplete()).isEmpty();
            assertThat(login.expiresAt())
                    .as(times)
                    .isAfter(mock.time.clock().instant().plusSeconds(300));
        }
    }

    @Test
    void so_do_a_pushed_request_and_an_introspection() throws Exception {
        Grantkeeper node = mock.node(mock.registration(mock.provider().introspectionEndpoint(mock.url("/introspect")))
                .loginProtections(LoginProtection.PUSHED_REQUEST));
        mock.server.enqueue(odd("{\"request_uri\":\"urn:x\",\"expires_in\":\"\",\"error\":{}}"));
        assertThat(node.startLogin().url().toString()).contains("request_uri=urn%3Ax");
        mock.server.enqueue(odd("{\"request_uri\":\"\",\"expires_in\":60}"));
        assertThatThrownBy(node::startLogin).hasMessageContaining("request_uri");
        mock.server.enqueue(odd("{\"active\":true,\"error\":[],\"sub\":\"alice\"}"));
        assertThat(node.introspect("t").active()).isTrue();
    }

    @Test
    void a_callback_with_an_empty_error_signs_in_and_one_with_an_empty_code_does_not() throws Exception {
        Grantkeeper node = scene.node();
        PendingLogin login = node.startLogin();
        String query = Scene.query(scene.server.approve(login.url().toString(), "alice"));
        assertThat(node.finishLogin(login, query + "&error=&error_description=&id_token="))
                .isInstanceOf(SignedIn.class);
        PendingLogin other = node.startLogin();
        assertThat(node.finishLogin(
                        other,
                        "error=access_denied&code=&state=" + other.attempt().state()))
                .isInstanceOf(Declined.class);
    }

    // ---- Names -----------------------------------------------------------------------------------------------------

    private Identity profile(String body) throws IOException {
        Grantkeeper node =
                mock.node(mock.registration(mock.provider().profileEndpoint(mock.url("/me"), Map.of("sub", "id")))
                        .fetchProfile());
        mock.server.enqueue(MockProvider.tokens());
        mock.server.enqueue(odd(body));
        PendingLogin login = node.startLogin();
        SignedIn in = (SignedIn)
                node.finishLogin(login, "code=c&state=" + login.attempt().state());
        String user = "user of " + body;
        in.keepAs(user);
        return node.account(user).grant().orElseThrow().identity().orElseThrow();
    }

    @Test
    void a_number_that_is_a_name_is_kept_digit_by_digit() throws Exception {
        assertThat(profile("{\"id\":4711}").subject()).isEqualTo("4711");
        Identity one = profile("{\"id\":90071992547409931,\"account\":123456789012345678901234567890}");
        assertThat(one.subject()).isEqualTo("90071992547409931");
        assertThat(one.claims().get("account")).hasToString("123456789012345678901234567890");
        assertThat(profile("{\"id\":12345678901234567890123}").subject()).isEqualTo("12345678901234567890123");
        assertThat(profile("{\"id\":12345678901234567890124}").subject()).isEqualTo("12345678901234567890124");
    }

    @ParameterizedTest
    @ValueSource(strings = {"1.5", "1e3", "4711.0", "1e400", "true", "null", "\"\"", "[1]", "{\"id\":1}"})
    void what_may_be_rounded_or_is_no_name_identifies_nobody(String id) {
        assertThatThrownBy(() -> profile("{\"id\":" + id + "}")).hasMessageContaining("did not identify the user");
    }
}
