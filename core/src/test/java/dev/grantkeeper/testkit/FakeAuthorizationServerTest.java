/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.math.BigInteger;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.Signature;
import java.security.interfaces.ECPublicKey;
import java.security.interfaces.RSAPublicKey;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.MGF1ParameterSpec;
import java.security.spec.PSSParameterSpec;
import java.security.spec.RSAPublicKeySpec;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.zip.GZIPInputStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(300)
class FakeAuthorizationServerTest {
    private static final String CALLBACK = "http://127.0.0.1:8888/callback";
    /** The example of RFC 7636, appendix B. */
    private static final String VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

    private static final String CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    private final FakeAuthorizationServer server =
            FakeAuthorizationServer.start().client("app", "s3cret", CALLBACK).publicClient("cli");
    private final HttpClient http = HttpClient.newHttpClient();
    private volatile Instant now = Instant.parse("2026-01-01T00:00:00Z");

    @AfterEach
    void close() {
        server.close();
    }

    // ---- Logins --------------------------------------------------------------------------------------------------

    @Test
    void a_code_with_its_verifier_gives_tokens_that_the_api_takes() throws Exception {
        Map<String, String> callback = query(server.approve(authorizationUrl(), "bob"));
        assertEquals("the state+&=", callback.get("state"));
        HttpResponse<String> answer = redeem(value(callback, "code"), VERIFIER);
        assertEquals(200, answer.statusCode());
        assertEquals("3600", member(answer, "expires_in"));
        assertEquals("no-store", answer.headers().firstValue("Cache-Control").orElseThrow());
        assertTrue(call("/v1/me", member(answer, "access_token")).body().contains("\"display_name\":\"Bob Baker\""));
        assertTrue(call("/api/x?y=1", member(answer, "access_token")).body().startsWith("{\"user\":\"bob\""));
        assertTrue(call("/v1/me/player/recently-played?limit=3", member(answer, "access_token"))
                .body()
                .contains("played_at"));
        assertEquals(1, server.codeRequests());
        assertEquals(3, server.apiRequests());
    }

    @Test
    void a_browser_sees_a_page_and_comes_back_with_a_code() throws Exception {
        HttpResponse<String> page = get(authorizationUrl());
        assertEquals(200, page.statusCode());
        assertTrue(page.body().contains("Demo music service"));
        assertTrue(page.body().contains("Alice Archer"));
        Matcher action = Pattern.compile("action=\"([^\"]*)\"").matcher(page.body());
        assertTrue(action.find());
        String target = server.url() + action.group(1).replace("&amp;", "&");
        HttpResponse<String> accepted = post(target, Map.of("user", "alice", "decision", "accept"), null);
        assertEquals(302, accepted.statusCode());
        Map<String, String> callback =
                query(accepted.headers().firstValue("Location").orElseThrow());
        assertEquals(200, redeem(value(callback, "code"), VERIFIER).statusCode());
        HttpResponse<String> refused = post(target, Map.of("decision", "refuse"), null);
        assertEquals(
                "access_denied",
                query(refused.headers().firstValue("Location").orElseThrow()).get("error"));
        assertEquals("access_denied", query(server.refuse(authorizationUrl())).get("error"));
    }

    @Test
    void text_from_the_request_is_no_markup_on_the_page() throws Exception {
        String page = get(authorizationUrl() + "&login_hint=%22%3E%3Cscript%3E&x=%3Cscript%3E")
                        .body()
                + get(server.url() + "/authorize?client_id=%3Cscript%3E").body()
                + get(server.url() + "/authorize?%3Cscript%3E&%3Cscript%3E").body()
                + get(authorizationUrl().replace("read", "%3Cscript%3E")).body();
        assertFalse(page.contains("<script"));
    }

    @Test
    void the_page_names_client_and_scopes_in_words_for_users() throws Exception {
        String raw = get(authorizationUrl()).body();
        assertTrue(raw.contains("<b>app</b>"));
        assertTrue(raw.contains("<li><code>read</code></li>"));
        server.clientName("app", "The <App>").scopeText("read", "See what you read");
        String page = get(authorizationUrl().replace("read", "read+openid")).body();
        assertTrue(page.contains("<b>The &lt;App&gt;</b>"));
        assertTrue(page.contains("<li>See what you read</li>"));
        assertTrue(page.contains("<li>Know who you are</li>"));
        assertFalse(page.contains("<code>"));
    }

    @Test
    void the_end_of_a_session_leads_back_or_to_a_page() throws Exception {
        assertTrue(get(server.endSessionEndpoint()).body().contains("You are signed out."));
        HttpResponse<String> back = get(server.endSessionEndpoint()
                + "?post_logout_redirect_uri=http%3A%2F%2F127.0.0.1%3A8888%2Fbye&state=s+1");
        assertEquals(302, back.statusCode());
        assertEquals(
                "http://127.0.0.1:8888/bye?state=s+1",
                back.headers().firstValue("Location").orElseThrow());
    }

    @Test
    void paths_that_the_api_does_not_have_are_not_found() throws Exception {
        String token = server.issue("app", "alice", "read").accessToken();
        assertEquals(200, call("/userinfo", token).statusCode());
        assertEquals(200, call("/v1/me/top/tracks?limit=2&offset=1", token).statusCode());
        assertEquals(200, call("/v1/anything", token).statusCode());
        assertEquals(404, call("/things", token).statusCode());
        assertEquals(404, call("/api", token).statusCode());
    }

    /** Notion's way. */
    @Test
    void token_requests_may_be_json() throws Exception {
        HttpResponse<String> answer = http.send(
                HttpRequest.newBuilder(URI.create(server.tokenEndpoint()))
                        .header("Content-Type", "application/json; charset=utf-8")
                        .POST(BodyPublishers.ofString("{\"grant_type\" : \"refresh_token\", \"client_id\":\"app\","
                                + " \"client_secret\":\"s3\\u0063ret\", \"refresh_token\":\""
                                + server.issue("app", "alice", "read").refreshToken() + "\"}"))
                        .build(),
                BodyHandlers.ofString());
        assertEquals(200, answer.statusCode(), answer.body());
        assertEquals(1, server.refreshRequests());
        assertEquals("s3cret", server.recordedTokenRequests().get(0).params().get("client_secret"));
    }

    @Test
    void automatic_approval_redirects_at_once() throws Exception {
        server.approveAutomatically("alice").issuerInCallback(true);
        HttpResponse<String> answer = get(authorizationUrl());
        assertEquals(302, answer.statusCode());
        Map<String, String> callback =
                query(answer.headers().firstValue("Location").orElseThrow());
        assertEquals(server.issuer(), callback.get("iss"));
        assertEquals(200, redeem(value(callback, "code"), VERIFIER).statusCode());
    }

    @Test
    void a_wrong_client_or_redirect_uri_is_never_redirected() throws Exception {
        String wrong = authorizationUrl().replace("callback", "elsewhere");
        HttpResponse<String> page = get(wrong);
        assertEquals(400, page.statusCode());
        assertTrue(page.body().contains("Invalid redirect URI"));
        assertEquals(400, get(authorizationUrl().replace("app", "nobody")).statusCode());
        assertThrows(IllegalArgumentException.class, () -> server.approve(wrong, "alice"));
    }

    @Test
    void a_wrong_client_or_redirect_uri_is_named_beside_those_that_are_registered() throws Exception {
        String url = authorizationUrl();
        String elsewhere = CALLBACK.replace("callback", "elsewhere");
        String redirect = "Invalid redirect URI: " + elsewhere + "; registered for client app: " + CALLBACK;
        String wrong = url.replace(
                form(Map.of("r", CALLBACK)).substring(2),
                form(Map.of("r", elsewhere)).substring(2));
        assertEquals("A browser would see an error page: " + redirect, refusal(wrong));
        assertTrue(get(wrong).body().contains(redirect));
        assertEquals(
                "A browser would see an error page: Invalid redirect URI: none was sent; registered for client app: "
                        + CALLBACK,
                refusal(url.replace("redirect_uri=", "redirect=")));

        String client = "Invalid client: nobody; registered: app, cli";
        String unknown = url.replace("client_id=app", "client_id=nobody");
        assertEquals("A browser would see an error page: " + client, refusal(unknown));
        assertTrue(get(unknown).body().contains(client));
        assertEquals(
                "A browser would see an error page: Invalid client: no client_id was sent; registered: app, cli",
                refusal(url.replace("client_id=", "client=")));
        assertEquals(
                client,
                assertThrows(IllegalArgumentException.class, () -> server.issue("nobody", "alice", "read"))
                        .getMessage());
        try (FakeAuthorizationServer none = FakeAuthorizationServer.start()) {
            assertEquals(
                    "Invalid client: app; registered: none",
                    assertThrows(IllegalArgumentException.class, () -> none.issue("app", "alice", "read"))
                            .getMessage());
        }
    }

    private String refusal(String url) {
        return String.valueOf(assertThrows(IllegalArgumentException.class, () -> server.approve(url, "alice"))
                .getMessage());
    }

    @Test
    void other_mistakes_are_told_to_the_client() {
        String url = authorizationUrl();
        assertEquals(
                "unsupported_response_type",
                query(server.approve(url.replace("response_type=code", "response_type=token"), "alice"))
                        .get("error"));
        assertEquals(
                "invalid_request",
                query(server.approve(url.replace("S256", "plain"), "alice")).get("error"));
        assertEquals(
                "login_required",
                query(server.approve(url + "&prompt=none", "alice")).get("error"));
    }

    @Test
    void a_code_is_bound_to_client_verifier_and_redirect_uri_and_lives_a_minute() throws Exception {
        server.time(() -> now);
        String code = code(server.approve(authorizationUrl(), "alice"));
        assertRefused("invalid_grant", 400, redeem(code, VERIFIER + "x"));
        assertRefused("invalid_grant", 400, redeem(code, ""));
        Map<String, String> params = codeParams(code, VERIFIER);
        params.put("redirect_uri", CALLBACK + "2");
        assertRefused("invalid_grant", 400, post(server.tokenEndpoint(), params, basic("app", "s3cret")));
        params = codeParams(code, VERIFIER);
        params.put("client_id", "cli");
        assertRefused("invalid_grant", 400, post(server.tokenEndpoint(), params, null));
        now = now.plusSeconds(60);
        assertRefused("invalid_grant", 400, redeem(code, VERIFIER));
        now = now.minusSeconds(1);
        assertEquals(200, redeem(code, VERIFIER).statusCode());
    }

    @Test
    void the_second_use_of_a_code_revokes_what_the_first_gave() throws Exception {
        String code = code(server.approve(authorizationUrl(), "alice"));
        HttpResponse<String> first = redeem(code, VERIFIER);
        assertRefused("invalid_grant", 400, redeem(code, VERIFIER));
        assertFalse(server.accepts(member(first, "refresh_token")));
        assertEquals(401, call("/api/x", member(first, "access_token")).statusCode());
        assertEquals(1, server.familiesRevoked());
    }

    // ---- Clients -------------------------------------------------------------------------------------------------

    @Test
    void clients_authenticate_in_the_header_or_in_the_body() throws Exception {
        server.client("a:b c", "p+%/ä");
        Map<String, String> params = Map.of("grant_type", "client_credentials");
        HttpResponse<String> answer = post(server.tokenEndpoint(), params, basic("a:b c", "p+%/ä"));
        assertEquals(200, answer.statusCode());
        assertFalse(answer.body().contains("refresh_token"));
        assertTrue(call("/api/x", member(answer, "access_token")).body().startsWith("{\"user\":null"));
        Map<String, String> inBody = new LinkedHashMap<>(params);
        inBody.put("client_id", "app");
        assertRefused("invalid_client", 401, post(server.tokenEndpoint(), inBody, null));
        inBody.put("client_secret", "s3cret");
        assertEquals(200, post(server.tokenEndpoint(), inBody, null).statusCode());
        assertRefused("invalid_request", 400, post(server.tokenEndpoint(), inBody, basic("app", "s3cret")));
    }

    @Test
    void a_wrong_secret_is_invalid_client() throws Exception {
        HttpResponse<String> answer =
                post(server.tokenEndpoint(), Map.of("grant_type", "client_credentials"), basic("app", "wrong"));
        assertRefused("invalid_client", 401, answer);
        assertTrue(answer.headers().firstValue("WWW-Authenticate").orElseThrow().startsWith("Basic "));
        server.invalidClientStatus(400);
        assertRefused(
                "invalid_client",
                400,
                post(server.tokenEndpoint(), Map.of("grant_type", "client_credentials"), basic("app", "wrong")));
    }

    @Test
    void a_public_client_needs_no_secret() throws Exception {
        FakeAuthorizationServer.Issued tokens = server.issue("cli", "alice", "read");
        Map<String, String> params = new LinkedHashMap<>();
        params.put("grant_type", "refresh_token");
        params.put("refresh_token", tokens.refreshToken());
        params.put("client_id", "cli");
        assertEquals(200, post(server.tokenEndpoint(), params, null).statusCode());
    }

    // ---- Refresh tokens ------------------------------------------------------------------------------------------

    @Test
    void strict_rotation_revokes_the_family_when_a_spent_token_comes_again() throws Exception {
        String first = login();
        HttpResponse<String> second = refresh(first);
        assertNotEquals(first, member(second, "refresh_token"));
        assertFalse(server.accepts(first));
        assertTrue(server.accepts(member(second, "refresh_token")));
        assertRefused("invalid_grant", 400, refresh(first));
        assertRefused("invalid_grant", 400, refresh(member(second, "refresh_token")));
        assertEquals(401, call("/api/x", member(second, "access_token")).statusCode());
        assertEquals(1, server.reuseDetected());
        assertEquals(1, server.familiesRevoked());
        assertEquals(3, server.refreshRequests());
        assertEquals(3, server.tokenRequests());
    }

    @Test
    void plain_rotation_only_refuses_a_spent_token() throws Exception {
        server.rotation(Rotation.PLAIN);
        String first = login();
        String second = member(refresh(first), "refresh_token");
        assertRefused("invalid_grant", 400, refresh(first));
        assertEquals(200, refresh(second).statusCode());
        assertEquals(0, server.familiesRevoked());
    }

    @Test
    void grace_accepts_a_spent_token_once_more_and_both_answers_stay_good() throws Exception {
        server.rotation(Rotation.GRACE).time(() -> now);
        String first = login();
        String one = member(refresh(first), "refresh_token");
        String two = member(refresh(first), "refresh_token");
        assertTrue(server.accepts(one) && server.accepts(two));
        assertEquals(200, refresh(one).statusCode());
        assertEquals(200, refresh(two).statusCode());
        assertRefused("invalid_grant", 400, refresh(first));
        assertRefused("invalid_grant", 400, refresh(two));
        assertEquals(1, server.familiesRevoked());

        String other = login();
        assertEquals(200, refresh(other).statusCode());
        now = now.plusSeconds(60);
        assertRefused("invalid_grant", 400, refresh(other));
        assertEquals(2, server.familiesRevoked());
    }

    @Test
    void harsh_grace_kills_the_first_answer_and_ends_with_the_next_use() throws Exception {
        server.rotation(Rotation.HARSH);
        String first = login();
        String one = member(refresh(first), "refresh_token");
        String two = member(refresh(first), "refresh_token");
        assertFalse(server.accepts(one));
        assertEquals(200, refresh(two).statusCode());

        String other = login();
        String next = member(refresh(other), "refresh_token");
        assertTrue(server.accepts(other));
        assertEquals(200, refresh(next).statusCode());
        assertFalse(server.accepts(other));
        assertRefused("invalid_grant", 400, refresh(other));
        assertEquals(1, server.familiesRevoked());
    }

    @Test
    void reusable_tokens_stay_and_answers_carry_none() throws Exception {
        server.rotation(Rotation.REUSABLE);
        String first = login();
        for (int i = 0; i < 3; i++) {
            HttpResponse<String> answer = refresh(first);
            assertEquals(200, answer.statusCode());
            assertFalse(answer.body().contains("refresh_token"));
        }
        assertTrue(server.accepts(first));
    }

    @Test
    void of_many_uses_at_once_one_is_answered() throws Exception {
        server.rotation(Rotation.PLAIN);
        String first = login();
        List<CompletableFuture<HttpResponse<String>>> answers = new ArrayList<>();
        for (int i = 0; i < 32; i++) {
            answers.add(refreshLater(first));
        }
        long good = 0;
        for (CompletableFuture<HttpResponse<String>> answer : answers) {
            good += answer.get(20, TimeUnit.SECONDS).statusCode() == 200 ? 1 : 0;
        }
        assertEquals(1, good);
        assertEquals(31, server.reuseDetected());
    }

    @Test
    void consent_can_be_withdrawn() throws Exception {
        FakeAuthorizationServer.Issued alice = server.issue("app", "alice", "read");
        FakeAuthorizationServer.Issued bob = server.issue("app", "bob", "read");
        server.revokeRefreshTokens("alice");
        assertRefused("invalid_grant", 400, refresh(alice.refreshToken()));
        assertEquals(200, call("/api/x", alice.accessToken()).statusCode());
        server.revokeConsent("alice");
        assertEquals(401, call("/api/x", alice.accessToken()).statusCode());
        assertEquals(200, call("/api/x", bob.accessToken()).statusCode());
        server.expireRefreshTokens();
        assertRefused("invalid_grant", 400, refresh(bob.refreshToken()));
        assertEquals(0, server.familiesRevoked());
    }

    @Test
    void revocation_ends_the_family_and_knows_no_errors() throws Exception {
        FakeAuthorizationServer.Issued one = server.issue("app", "alice", "read");
        FakeAuthorizationServer.Issued two = server.issue("app", "alice", "read");
        FakeAuthorizationServer.Issued three = server.issue("app", "alice", "read");
        assertEquals(200, revoke("unknown").statusCode());
        assertEquals(200, revoke(one.refreshToken()).statusCode());
        assertEquals(401, call("/api/x", one.accessToken()).statusCode());
        assertEquals(200, revoke(two.accessToken()).statusCode());
        assertEquals(401, call("/api/x", two.accessToken()).statusCode());
        assertTrue(server.accepts(two.refreshToken()));
        server.wideRevocation(true);
        assertEquals(200, revoke(two.refreshToken()).statusCode());
        assertFalse(server.accepts(three.refreshToken()));
        assertEquals(4, server.revocations());
    }

    // ---- Access tokens and the API -------------------------------------------------------------------------------

    @Test
    void access_tokens_expire_when_the_clock_says_so_or_the_test() throws Exception {
        server.time(() -> now).accessTokenLifetime(Duration.ofSeconds(1));
        String token = server.issue("app", "alice", "").accessToken();
        assertEquals(200, call("/api/x", token).statusCode());
        now = now.plusSeconds(1);
        HttpResponse<String> answer = call("/api/x", token);
        assertEquals(401, answer.statusCode());
        assertEquals(
                "Bearer realm=\"fake\", error=\"invalid_token\", error_description=\"The access token expired\"",
                answer.headers().firstValue("WWW-Authenticate").orElseThrow());
        String other = server.issue("app", "alice", "").accessToken();
        server.rejectAllAtApi(true);
        assertEquals(401, call("/api/x", other).statusCode());
        server.rejectAllAtApi(false);
        assertEquals(200, call("/api/x", other).statusCode());
        server.expireAccessTokens();
        assertEquals(401, call("/api/x", other).statusCode());
        assertEquals(3, server.apiUnauthorized());
    }

    @Test
    void the_api_echoes_bodies_and_can_be_told_what_to_answer() throws Exception {
        String token = server.issue("app", "alice", "").accessToken();
        HttpRequest.Builder request =
                HttpRequest.newBuilder(URI.create(server.apiUrl("/api/x"))).header("Authorization", "Bearer " + token);
        HttpResponse<String> echo = http.send(
                request.POST(HttpRequest.BodyPublishers.ofString("x".repeat(100_000)))
                        .build(),
                BodyHandlers.ofString());
        assertEquals("100000", member(echo, "bodyLength"));
        assertEquals("POST", server.recordedApiRequests().get(0).method());
        server.onApiRequest((received, answer) ->
                received.path().equals("/api/moved") ? Answer.redirect("/api/x") : answer.header("ETag", "\"1\""));
        assertEquals(302, call("/api/moved", token).statusCode());
        assertEquals("\"1\"", call("/api/x", token).headers().firstValue("ETag").orElseThrow());
        server.onNextApiRequest(Fault.status(503));
        assertEquals(503, call("/api/x", token).statusCode());
        assertEquals(404, call("/elsewhere", token).statusCode());
    }

    @Test
    void expires_in_says_what_it_is_told() throws Exception {
        String first = login();
        server.rotation(Rotation.REUSABLE).expiresIn("\"3600\"");
        assertTrue(refresh(first).body().contains("\"expires_in\":\"3600\""));
        server.expiresIn("-1");
        assertTrue(refresh(first).body().contains("\"expires_in\":-1,"));
        server.expiresIn(null);
        assertFalse(refresh(first).body().contains("expires_in"));
        server.truthfulExpiresIn().tokenResponse(response -> {
            response.remove("token_type");
            response.put("refresh_in", FakeAuthorizationServer.raw("1.5e1"));
            return response;
        });
        String body = refresh(first).body();
        assertTrue(body.contains("\"expires_in\":3600") && body.contains("\"refresh_in\":1.5e1"));
        assertFalse(body.contains("token_type"));
    }

    // ---- ID tokens -----------------------------------------------------------------------------------------------

    @Test
    void id_tokens_are_signed_with_the_key_that_is_shown() throws Exception {
        server.extraClaims(Map.of("tid", "tenant", "email", "changed@example.org"));
        String token = idToken();
        String claims = claims(token);
        assertTrue(claims.contains("\"iss\":\"" + server.issuer() + "\""));
        assertTrue(claims.contains("\"nonce\":\"n1\"") && claims.contains("\"family_name\":\"Archer\""));
        assertTrue(claims.contains("\"tid\":\"tenant\"") && claims.contains("\"email\":\"changed@example.org\""));
        assertTrue(verified(token));
        server.rotateSigningKey();
        assertFalse(verified(token));
        assertTrue(verified(idToken()));
    }

    @Test
    void id_tokens_can_be_spoilt() throws Exception {
        for (Signing wrong : List.of(Signing.WRONG_KEY, Signing.UNKNOWN_KEY, Signing.TAMPERED, Signing.NONE)) {
            server.signing(wrong);
            assertFalse(verified(idToken()), wrong.name());
        }
        server.signing(Signing.RS256).idTokenClaims(claims -> {
            claims.put("aud", List.of("other"));
            claims.remove("exp");
            return claims;
        });
        String token = idToken();
        assertTrue(verified(token));
        assertTrue(claims(token).contains("\"aud\":[\"other\"]"));
        assertFalse(claims(token).contains("\"exp\""));
    }

    @Test
    void metadata_name_the_endpoints_and_can_be_spoilt() throws Exception {
        String url = server.url() + "/.well-known/openid-configuration";
        String metadata = get(url).body();
        for (String endpoint : List.of(
                server.issuer(),
                server.authorizationEndpoint(),
                server.tokenEndpoint(),
                server.revocationEndpoint(),
                server.jwksUri(),
                server.userInfoEndpoint())) {
            assertTrue(metadata.contains("\"" + endpoint + "\""), endpoint);
        }
        server.metadata(map -> {
            map.put("issuer", "https://other.example");
            return map;
        });
        assertTrue(get(url).body().contains("https://other.example"));
        server.onNextMetadataRequest(Fault.status(503));
        assertEquals(503, get(url).statusCode());
    }

    // ---- Faults --------------------------------------------------------------------------------------------------

    @Test
    void a_request_dropped_before_was_never_processed() throws Exception {
        String first = login();
        for (Fault fault : List.of(Fault.dropBefore(), Fault.cutBefore(10))) {
            server.onNextTokenRequest(fault);
            assertThrows(IOException.class, () -> refresh(first));
            assertTrue(server.accepts(first));
        }
        assertEquals(2, server.refreshRequests());
        assertEquals(200, refresh(first).statusCode());
    }

    @Test
    void a_request_dropped_after_was_processed() throws Exception {
        for (Fault fault : List.of(Fault.dropAfter(), Fault.cutAfter(0), Fault.cutAfter(25))) {
            String first = login();
            server.onNextTokenRequest(fault);
            assertThrows(IOException.class, () -> refresh(first));
            assertFalse(server.accepts(first));
        }
    }

    @Test
    void answers_are_sent_as_they_are_given() throws Exception {
        server.onNextTokenRequest(
                Fault.answer(Answer.json(418, "{not json").header("X-A", "1").header("x-a", "2")),
                Fault.retryAfter(503, "7"),
                Fault.error(400, "invalid_grant"),
                Fault.none());
        HttpResponse<String> answer = refresh("x");
        assertEquals(418, answer.statusCode());
        assertEquals("{not json", answer.body());
        assertEquals(List.of("1", "2"), answer.headers().allValues("X-A"));
        assertEquals("7", refresh("x").headers().firstValue("Retry-After").orElseThrow());
        assertEquals("{\"error\":\"invalid_grant\"}", refresh("x").body());
        assertEquals(200, refresh(login()).statusCode());
    }

    @Test
    void standing_faults_stay_until_they_are_switched_off() throws Exception {
        server.onEveryTokenRequest(Fault.status(500));
        String first = login();
        for (int i = 0; i < 3; i++) {
            assertEquals(500, refresh(first).statusCode());
        }
        server.noFaults();
        assertEquals(200, refresh(first).statusCode());
    }

    @Test
    void answers_can_be_compressed_and_late() throws Exception {
        server.onNextTokenRequest(Fault.delay(Duration.ofMillis(30))
                .then(Fault.delayAnswer(Duration.ofMillis(30)))
                .then(Fault.gzip()));
        server.latency(Duration.ofMillis(40));
        long start = System.nanoTime();
        HttpResponse<byte[]> answer =
                http.send(tokenRequest(refreshParams(login()), basic("app", "s3cret")), BodyHandlers.ofByteArray());
        assertTrue(System.nanoTime() - start >= 100_000_000);
        assertEquals("gzip", answer.headers().firstValue("Content-Encoding").orElseThrow());
        String body = new String(
                new GZIPInputStream(new ByteArrayInputStream(answer.body())).readAllBytes(), StandardCharsets.UTF_8);
        assertTrue(body.startsWith("{\"access_token\""));
    }

    @Test
    void held_requests_wait_and_held_answers_are_late() throws Exception {
        String first = login();
        Held before = server.hold();
        CompletableFuture<HttpResponse<String>> one = refreshLater(first);
        before.awaitArrived(1);
        assertTrue(server.accepts(first));
        assertFalse(one.isDone());
        before.release();
        String second = member(one.get(20, TimeUnit.SECONDS), "refresh_token");

        Held after = server.holdAnswers();
        CompletableFuture<HttpResponse<String>> two = refreshLater(second);
        after.awaitArrived(1);
        assertFalse(server.accepts(second));
        assertFalse(two.isDone());
        after.release();
        assertEquals(200, two.get(20, TimeUnit.SECONDS).statusCode());
    }

    @Test
    void close_frees_who_is_held() throws Exception {
        Held held = server.hold();
        CompletableFuture<HttpResponse<String>> answer = refreshLater(login());
        held.awaitArrived(1);
        server.close();
        assertThrows(Exception.class, () -> answer.get(20, TimeUnit.SECONDS));
    }

    @Test
    void a_hook_that_fails_is_an_error_that_says_so() throws Exception {
        server.tokenResponse(response -> {
            throw new IllegalStateException("my hook");
        });
        HttpResponse<String> answer = refresh(login());
        assertEquals(500, answer.statusCode());
        assertTrue(answer.body().contains("my hook"));
    }

    @Test
    void nothing_prints_secrets() throws Exception {
        FakeAuthorizationServer.Issued issued = server.issue("app", "alice", "");
        HttpResponse<String> answer = refresh(issued.refreshToken());
        RecordedRequest request = server.recordedTokenRequests().get(0);
        assertEquals(issued.refreshToken(), request.param("refresh_token").orElseThrow());
        assertEquals(basic("app", "s3cret"), request.header("authorization").orElseThrow());
        String printed = issued + " " + server + " " + request + " " + Answer.json(200, answer.body());
        for (String secret : List.of(
                "s3cret",
                issued.accessToken(),
                issued.refreshToken(),
                member(answer, "access_token"),
                basic("app", "s3cret"))) {
            assertFalse(printed.contains(secret), printed);
        }
        server.resetCounters();
        assertEquals(0, server.tokenRequests() + server.recordedTokenRequests().size());
    }

    @Test
    void requests_take_no_40_ms_each() throws Exception {
        String token = server.issue("app", "alice", "").accessToken();
        long[] nanos = new long[50]; // on a busy machine some are slow without it
        for (int i = 0; i < nanos.length; i++) {
            long start = System.nanoTime();
            call("/api/x", token);
            nanos[i] = System.nanoTime() - start;
        }
        Arrays.sort(nanos);
        assertTrue(nanos[nanos.length / 2] < 40_000_000, "Nagle's algorithm is on");
    }

    // ---- APIs that describe themselves ---------------------------------------------------------------------------

    @Test
    void an_api_names_its_metadata_and_the_metadata_its_server() throws Exception {
        FakeProtectedApi api = server.protectedApi("/tenant-a/mcp");
        HttpResponse<String> answer = get(api.url());
        assertEquals(401, answer.statusCode());
        assertEquals("Bearer resource_metadata=\"" + api.metadataUrl() + "\"", challenge(answer));
        assertEquals(server.url() + "/.well-known/oauth-protected-resource/tenant-a/mcp", api.metadataUrl());
        Map<String, Object> document = JsonReader.object(get(api.metadataUrl()).body());
        assertEquals(server.url() + "/tenant-a/mcp", document.get("resource"));
        assertEquals(List.of(server.issuer()), document.get("authorization_servers"));
        assertFalse(document.containsKey("scopes_supported"));
        assertEquals(404, get(server.url() + FakeApis.WELL_KNOWN).statusCode());
        assertEquals(404, get(server.url() + FakeApis.WELL_KNOWN + "/other").statusCode());
        assertEquals(1, api.requests());
        assertEquals(1, api.unauthorized());
        assertEquals(1, api.metadataRequests());
        assertEquals(3, server.recordedMetadataRequests().size());
        assertEquals(0, server.metadataRequests());
        assertEquals(api.url(), server.url() + api.calls().get(0).path());

        api.challengeScopes("a", "b").scopesSupported("a", "b", "c").metadata(more -> {
            more.put("resource", "https://elsewhere.example");
            return more;
        });
        assertTrue(challenge(get(api.url())).contains("scope=\"a b\""));
        document = JsonReader.object(get(api.metadataUrl()).body());
        assertEquals("https://elsewhere.example", document.get("resource"));
        assertEquals(List.of("a", "b", "c"), document.get("scopes_supported"));
    }

    @Test
    void an_api_may_have_its_metadata_at_the_root_or_nowhere_and_not_say_where() throws Exception {
        FakeProtectedApi api = server.protectedApi("/mcp").metadataAtPath(false).metadataAtRoot(true);
        String root = server.url() + FakeApis.WELL_KNOWN;
        assertEquals("Bearer resource_metadata=\"" + root + "\"", challenge(get(api.url())));
        assertEquals(404, get(api.metadataUrl()).statusCode());
        assertEquals(200, get(root).statusCode());
        api.challengeNamesMetadata(false);
        assertEquals("Bearer", challenge(get(api.url())));
        api.metadataAtRoot(false);
        assertEquals(404, get(root).statusCode());
        api.challenge(value -> value.replace("Bearer", "DPoP"));
        assertEquals("DPoP", challenge(get(api.url())));
        api.challenge(value -> "");
        assertTrue(get(api.url()).headers().firstValue("WWW-Authenticate").isEmpty());
        api.onNextMetadataRequest(Fault.status(503));
        assertEquals(503, get(api.metadataAtPath(true).metadataUrl()).statusCode());
        assertEquals(200, get(api.metadataUrl()).statusCode());
    }

    @Test
    void a_token_is_good_at_the_api_that_it_was_requested_for() throws Exception {
        FakeProtectedApi one = server.protectedApi("/one/mcp");
        FakeProtectedApi two = server.protectedApi("/two/mcp");
        String callback = server.approve(authorizationUrl() + "&resource=" + encode(one.url()), "alice");
        Map<String, String> params = codeParams(code(callback), VERIFIER);
        params.put("resource", two.url());
        assertRefused("invalid_target", 400, post(server.tokenEndpoint(), params, basic("app", "s3cret")));
        params.put("resource", one.url());
        HttpResponse<String> answer = post(server.tokenEndpoint(), params, basic("app", "s3cret"));
        String token = member(answer, "access_token");
        HttpResponse<String> called = call("/one/mcp", token);
        assertTrue(called.body().startsWith("{\"user\":\"alice\""), called.body());
        assertEquals(200, call("/one/mcp/below", token).statusCode());
        assertEquals(404, call("/one/mcpx", token).statusCode());
        HttpResponse<String> rejected = call("/two/mcp", token);
        assertEquals(401, rejected.statusCode());
        assertTrue(challenge(rejected).startsWith("Bearer error=\"invalid_token\""), challenge(rejected));
        assertEquals(
                200,
                call("/two/mcp", server.issue("app", "bob", "", two.url()).accessToken())
                        .statusCode());
        assertEquals(
                401,
                call("/two/mcp", server.issue("app", "bob", "").accessToken()).statusCode());

        // A refresh is for the same resource, whether it names it or not.
        Map<String, String> refresh = new LinkedHashMap<>(refreshParams(member(answer, "refresh_token")));
        HttpResponse<String> next = post(server.tokenEndpoint(), refresh, basic("app", "s3cret"));
        assertEquals(200, call("/one/mcp", member(next, "access_token")).statusCode());
        refresh.put("refresh_token", member(next, "refresh_token"));
        refresh.put("resource", two.url());
        assertRefused("invalid_target", 400, post(server.tokenEndpoint(), refresh, basic("app", "s3cret")));
        refresh.put("resource", one.url());
        assertEquals(
                200,
                post(server.tokenEndpoint(), refresh, basic("app", "s3cret")).statusCode());

        assertEquals(
                List.of(one.url()),
                server.recordedAuthorizationRequests().get(0).resources());
        assertEquals(
                List.of(List.of(two.url()), List.of(one.url()), List.of(), List.of(two.url()), List.of(one.url())),
                server.recordedTokenRequests().stream()
                        .map(RecordedRequest::resources)
                        .toList());
        two.checksResource(false);
        assertEquals(200, call("/two/mcp", token).statusCode());
        one.resource(server.url());
        assertEquals(401, call("/one/mcp", token).statusCode());
    }

    @Test
    void several_resources_are_one_parameter_each() throws Exception {
        FakeProtectedApi one = server.protectedApi("/one");
        FakeProtectedApi two = server.protectedApi("/two");
        String both = "&resource=" + encode(one.url()) + "&resource=" + encode(two.url());
        HttpResponse<String> answer = redeem(code(server.approve(authorizationUrl() + both, "alice")), VERIFIER);
        assertEquals(200, call("/one", member(answer, "access_token")).statusCode());
        assertEquals(200, call("/two", member(answer, "access_token")).statusCode());
        assertEquals(
                List.of(one.url(), two.url()),
                server.recordedAuthorizationRequests().get(0).resources());
    }

    @Test
    void an_api_names_the_scopes_that_a_token_lacks() throws Exception {
        FakeProtectedApi api = server.protectedApi("/mcp").requiredScopes("read", "write");
        HttpResponse<String> answer =
                call("/mcp", server.issue("app", "alice", "read", api.url()).accessToken());
        assertEquals(403, answer.statusCode());
        assertTrue(challenge(answer).startsWith("Bearer error=\"insufficient_scope\", scope=\"read write\""));
        assertTrue(challenge(answer).contains(api.metadataUrl()));
        String both = server.issue("app", "alice", "write read", api.url()).accessToken();
        assertEquals(200, call("/mcp", both).statusCode());
        api.onNextRequest(Fault.status(500)).onRequest((request, usual) -> usual.withStatus(418));
        assertEquals(500, call("/mcp", both).statusCode());
        assertEquals(418, call("/mcp", both).statusCode());
    }

    @Test
    void an_api_moves_to_another_server() throws Exception {
        try (FakeAuthorizationServer other = FakeAuthorizationServer.start().client("there", "s")) {
            FakeProtectedApi api = server.protectedApi("/mcp");
            String here = server.issue("app", "alice", "", api.url()).accessToken();
            String there = other.issue("there", "alice", "", api.url()).accessToken();
            assertEquals(401, call("/mcp", there).statusCode());
            api.acceptTokensOf(other);
            assertEquals(200, call("/mcp", there).statusCode());
            assertEquals(200, call("/mcp", here).statusCode());
            assertTrue(get(api.metadataUrl()).body().contains("[\"" + server.issuer() + "\"]"));
            api.moveTo(other);
            assertEquals(200, call("/mcp", there).statusCode());
            assertEquals(401, call("/mcp", here).statusCode());
            assertTrue(get(api.metadataUrl()).body().contains("[\"" + other.issuer() + "\"]"));
            other.expireAccessTokens();
            assertTrue(challenge(call("/mcp", there)).contains("expired"));
            api.authorizationServers(server.issuer(), other.issuer());
            assertTrue(
                    get(api.metadataUrl()).body().contains("[\"" + server.issuer() + "\",\"" + other.issuer() + "\"]"));
        }
    }

    // ---- Clients that register themselves ------------------------------------------------------------------------

    @Test
    void a_client_registers_itself_and_is_treated_so() throws Exception {
        assertFalse(get(server.url() + "/.well-known/oauth-authorization-server")
                .body()
                .contains("registration_endpoint"));
        assertEquals(404, register("{}").statusCode());
        server.dynamicRegistration(true);
        assertTrue(get(server.url() + "/.well-known/oauth-authorization-server")
                .body()
                .contains("\"registration_endpoint\":\"" + server.registrationEndpoint() + "\""));
        HttpResponse<String> answer = register(registration("client_secret_post"));
        assertEquals(201, answer.statusCode(), answer.body());
        assertEquals("0", member(answer, "client_secret_expires_at"));
        assertEquals("client_secret_post", member(answer, "token_endpoint_auth_method"));
        Map<String, Object> body = JsonReader.object(answer.body());
        assertEquals("The \"App\"", body.get("client_name"));
        assertEquals(List.of("authorization_code", "refresh_token"), body.get("grant_types"));
        String id = member(answer, "client_id");
        assertTrue(server.clients().contains(id));
        assertFalse(server.clientsInUse().contains(id));

        String callback = server.approve(authorizationUrl().replace("app", id), "alice");
        Map<String, String> params = codeParams(code(callback), VERIFIER);
        String secret = member(answer, "client_secret");
        assertRefused("invalid_client", 401, post(server.tokenEndpoint(), params, basic(id, secret)));
        params.put("client_id", id);
        params.put("client_secret", secret);
        HttpResponse<String> tokens = post(server.tokenEndpoint(), params, null);
        assertTrue(server.accepts(member(tokens, "refresh_token")));
        assertEquals(Set.of(id), server.clientsInUse());
        assertEquals(2, server.registrationRequests());
        assertEquals(1, server.registrations());
        assertEquals(2, server.recordedRegistrationRequests().size());
    }

    @Test
    void a_public_client_gets_no_secret_and_one_without_the_grant_type_no_refresh_token() throws Exception {
        server.dynamicRegistration(true);
        HttpResponse<String> answer = register(registration("none").replace(",\"refresh_token\"", ""));
        assertFalse(answer.body().contains("client_secret"));
        String id = member(answer, "client_id");
        String callback = server.approve(authorizationUrl().replace("app", id), "alice");
        Map<String, String> params = codeParams(code(callback), VERIFIER);
        params.put("client_id", id);
        HttpResponse<String> tokens = post(server.tokenEndpoint(), params, null);
        assertEquals(200, tokens.statusCode());
        assertFalse(tokens.body().contains("refresh_token"));
    }

    @Test
    void wrong_registrations_are_refused() throws Exception {
        server.dynamicRegistration(true).authMethods("none");
        assertRefused("invalid_client_metadata", 400, register(registration("client_secret_basic")));
        String good = registration("none");
        assertRefused("invalid_redirect_uri", 400, register(good.replace(CALLBACK, "http://app.example/callback")));
        assertRefused("invalid_redirect_uri", 400, register(good.replace(CALLBACK, "https://app.example/#x")));
        assertRefused("invalid_redirect_uri", 400, register(good.replace("redirect_uris", "other")));
        assertRefused("invalid_client_metadata", 400, register(good.replace("\"refresh_token\"", "\"implicit\"")));
        assertRefused("invalid_client_metadata", 400, register(good.replace("[\"code\"]", "[\"token\"]")));
        assertRefused("invalid_client_metadata", 400, register(good.replace("[\"code\"]", "[]")));
        assertRefused("invalid_client_metadata", 400, register("[]"));
        assertRefused("invalid_client_metadata", 400, register(good + "x"));
        server.initialAccessToken("first");
        assertEquals(401, register(good).statusCode());
        assertEquals(0, server.registrations());
        assertEquals(
                201, send("POST", server.registrationEndpoint(), good, "first").statusCode());
    }

    @Test
    void a_registration_is_read_changed_and_deleted() throws Exception {
        server.dynamicRegistration(true);
        HttpResponse<String> answer = register(registration("client_secret_basic"));
        String id = member(answer, "client_id");
        String url = member(answer, "registration_client_uri");
        String token = member(answer, "registration_access_token");
        assertEquals(401, send("GET", url, "", "wrong").statusCode());
        assertEquals(answer.body(), send("GET", url, "", token).body());
        String update = registration("none").replace("{\"client_name", "{\"client_id\":\"" + id + "\",\"client_name");
        assertRefused("invalid_client_metadata", 400, send("PUT", url, registration("none"), token));
        HttpResponse<String> updated = send("PUT", url, update, token);
        assertEquals(200, updated.statusCode(), updated.body());
        assertEquals("none", member(updated, "token_endpoint_auth_method"));
        assertFalse(updated.body().contains("client_secret"));
        FakeAuthorizationServer.Issued issued = server.issue(id, "alice", "");
        assertEquals(204, send("DELETE", url, "", token).statusCode());
        assertFalse(server.clients().contains(id));
        assertFalse(server.accepts(issued.refreshToken()));
        assertEquals(401, send("GET", url, "", token).statusCode());
        assertEquals(3, server.registrationReads());
        assertEquals(1, server.registrationDeletes());

        server.registrationManagement(false);
        assertFalse(register(registration("none")).body().contains("registration_"));
        assertEquals(404, send("GET", url, "", token).statusCode());
    }

    @Test
    void a_secret_expires_and_a_client_is_forgotten_or_rejected_once() throws Exception {
        server.dynamicRegistration(true).time(() -> now).clientSecretLifetime(Duration.ofMinutes(5));
        String both = registration("client_secret_basic").replace("\"refresh_token\"", "\"client_credentials\"");
        HttpResponse<String> answer = register(both);
        String id = member(answer, "client_id");
        String credentials = basic(id, member(answer, "client_secret"));
        assertEquals(String.valueOf(now.getEpochSecond() + 300), member(answer, "client_secret_expires_at"));
        Map<String, String> params = Map.of("grant_type", "client_credentials");
        assertEquals(200, post(server.tokenEndpoint(), params, credentials).statusCode());
        server.rejectClientOnce();
        assertRefused("invalid_client", 401, post(server.tokenEndpoint(), params, credentials));
        assertEquals(200, post(server.tokenEndpoint(), params, credentials).statusCode());
        now = now.plusSeconds(300);
        assertRefused("invalid_client", 401, post(server.tokenEndpoint(), params, credentials));
        now = now.minusSeconds(1);
        assertEquals(200, post(server.tokenEndpoint(), params, credentials).statusCode());
        server.forgetClient(id);
        assertRefused("invalid_client", 401, post(server.tokenEndpoint(), params, credentials));
        assertEquals(
                401,
                send("GET", member(answer, "registration_client_uri"), "", member(answer, "registration_access_token"))
                        .statusCode());
    }

    @Test
    void registrations_go_wrong_and_come_out_otherwise() throws Exception {
        server.dynamicRegistration(true)
                .onNextRegistration(Fault.retryAfter(429, "7"), Fault.status(502), Fault.dropAfter())
                .registrationResponse(response -> {
                    response.put("token_endpoint_auth_method", "client_secret_basic");
                    response.put("client_secret", "chosen");
                    return response;
                });
        String json = registration("none");
        assertEquals("7", register(json).headers().firstValue("Retry-After").orElseThrow());
        assertEquals(502, register(json).statusCode());
        assertEquals(0, server.registrations());
        assertThrows(IOException.class, () -> register(json));
        assertEquals(1, server.registrations());
        assertEquals(3, server.clients().size());
        String id = member(register(json), "client_id");
        assertEquals(4, server.registrationRequests());
        Map<String, String> params = Map.of("grant_type", "client_credentials");
        assertEquals(
                200, post(server.tokenEndpoint(), params, basic(id, "chosen")).statusCode());
        server.onNextRegistrationRead(Fault.status(503));
        assertEquals(
                503,
                send("GET", server.registrationEndpoint() + "/" + id, "", "t").statusCode());
    }

    @Test
    void the_port_of_a_loopback_redirect_uri_is_the_clients_to_choose() throws Exception {
        String other = authorizationUrl().replace("8888", "9999");
        assertTrue(server.approve(other, "alice").startsWith("http://127.0.0.1:9999/callback?code="));
        String without = authorizationUrl().replace("%3A8888", "");
        assertTrue(server.approve(without, "alice").startsWith("http://127.0.0.1/callback?code="));
        for (String wrong : List.of(
                other.replace("callback", "elsewhere"),
                other.replace("127.0.0.1%3A", "127.0.0.1.evil.example%3A"),
                other.replace("redirect_uri=http%3A", "redirect_uri=https%3A"),
                other.replace("127.0.0.1%3A9999%2F", "127.0.0.1%3A9999%40evil.example%2F"))) {
            assertThrows(IllegalArgumentException.class, () -> server.approve(wrong, "alice"));
        }
        server.exactRedirectUris(true);
        assertThrows(IllegalArgumentException.class, () -> server.approve(other, "alice"));
        assertTrue(server.approve(authorizationUrl(), "alice").startsWith(CALLBACK));
    }

    // ---- Metadata, and clients with documents or keys --------------------------------------------------------------

    @Test
    void a_tenant_is_an_issuer_of_its_own_with_metadata_at_three_places() throws Exception {
        FakeAuthorizationServer tenant = server.tenant("acme").client("app", "other", CALLBACK);
        assertEquals(server.url() + "/acme", tenant.issuer());
        List<String> places = List.of(
                server.url() + "/.well-known/oauth-authorization-server/acme",
                server.url() + "/.well-known/openid-configuration/acme",
                server.url() + "/acme/.well-known/openid-configuration");
        for (String place : places) {
            HttpResponse<String> answer = get(place);
            assertEquals(tenant.issuer(), member(answer, "issuer"));
            assertEquals(tenant.issuer() + "/token", member(answer, "token_endpoint"));
        }
        assertEquals(
                404,
                get(tenant.issuer() + "/.well-known/oauth-authorization-server").statusCode());
        assertEquals(
                404,
                get(server.url() + "/.well-known/oauth-authorization-server/x").statusCode());
        assertEquals(4, tenant.metadataRequests());
        assertEquals(1, server.metadataRequests());
        assertEquals(server.issuer(), member(get(server.url() + "/.well-known/openid-configuration"), "issuer"));

        tenant.metadataAt(MetadataPlace.OPENID);
        assertEquals(404, get(places.get(0)).statusCode());
        assertEquals(404, get(places.get(1)).statusCode());
        assertEquals(200, get(places.get(2)).statusCode());
        tenant.metadataAt(MetadataPlace.OAUTH).metadataElsewhere(Answer.redirect("/login"));
        assertEquals(200, get(places.get(0)).statusCode());
        assertEquals(302, get(places.get(1)).statusCode());
        assertEquals(302, get(places.get(2)).statusCode());
        server.metadataAt(MetadataPlace.OPENID_INSERTED);
        assertEquals(
                200, get(server.url() + "/.well-known/openid-configuration").statusCode());
        assertEquals(
                404,
                get(server.url() + "/.well-known/oauth-authorization-server").statusCode());
    }

    @Test
    void tenants_share_a_port_and_nothing_else() throws Exception {
        FakeAuthorizationServer tenant = server.tenant("acme").client("app", "other", CALLBACK);
        assertEquals(tenant, server.tenant("acme"));
        assertThrows(IllegalStateException.class, () -> tenant.tenant("x"));
        FakeProtectedApi api = tenant.protectedApi("/mcp");
        assertEquals(server.url() + "/acme/mcp", api.url());
        assertTrue(get(api.metadataUrl()).body().contains("[\"" + tenant.issuer() + "\"]"));
        String url = authorizationUrl().replace(server.url(), tenant.url()) + "&resource=" + encode(api.url());
        String page = get(url).body();
        Matcher action = Pattern.compile("action=\"([^\"]*)\"").matcher(page);
        assertTrue(action.find());
        HttpResponse<String> accepted = post(
                server.url() + action.group(1).replace("&amp;", "&"),
                Map.of("user", "alice", "decision", "accept"),
                null);
        Map<String, String> params =
                codeParams(code(accepted.headers().firstValue("Location").orElseThrow()), VERIFIER);
        assertRefused("invalid_client", 401, post(tenant.tokenEndpoint(), params, basic("app", "s3cret")));
        assertRefused("invalid_grant", 400, post(server.tokenEndpoint(), params, basic("app", "s3cret")));
        HttpResponse<String> answer = post(tenant.tokenEndpoint(), params, basic("app", "other"));
        String token = member(answer, "access_token");
        assertEquals(200, call("/acme/mcp", token).statusCode());
        assertTrue(call("/acme/v1/me", token).body().contains("Alice Archer"));
        assertEquals(401, call("/v1/me", token).statusCode());
        assertEquals(404, call("/acme/x", token).statusCode());
        assertEquals(tenant.issuer(), member(claims(member(answer, "id_token")), "iss"));
        assertEquals(1, server.tokenRequests());
        assertEquals(2, tenant.tokenRequests());
        tenant.close();
        assertEquals(200, call("/acme/mcp", token).statusCode());
    }

    @Test
    void metadata_says_what_is_switched_on() throws Exception {
        String url = server.url() + "/.well-known/oauth-authorization-server";
        Map<String, Object> metadata = JsonReader.object(get(url).body());
        assertFalse(metadata.containsKey("client_id_metadata_document_supported"));
        assertFalse(metadata.containsKey("registration_endpoint"));
        assertEquals(List.of("S256"), metadata.get("code_challenge_methods_supported"));
        assertEquals(false, metadata.get("authorization_response_iss_parameter_supported"));
        server.clientIdMetadataDocuments(true)
                .dynamicRegistration(true)
                .issuerInCallback(true)
                .scopesSupported("mcp", "offline_access")
                .authMethods("none", "private_key_jwt");
        metadata = JsonReader.object(get(url).body());
        assertEquals(true, metadata.get("client_id_metadata_document_supported"));
        assertEquals(server.registrationEndpoint(), metadata.get("registration_endpoint"));
        assertEquals(true, metadata.get("authorization_response_iss_parameter_supported"));
        assertEquals(List.of("mcp", "offline_access"), metadata.get("scopes_supported"));
        assertEquals(List.of("none", "private_key_jwt"), metadata.get("token_endpoint_auth_methods_supported"));
        server.onEveryMetadataRequest(Fault.status(503));
        assertEquals(503, get(url).statusCode());
        assertEquals(
                200,
                get(server.noFaults().url() + "/.well-known/openid-configuration")
                        .statusCode());
        assertEquals(4, server.metadataRequests());
        assertEquals(4, server.recordedMetadataRequests().size());
    }

    @Test
    void a_client_is_known_by_its_document() throws Exception {
        try (FakeAuthorizationServer web = FakeAuthorizationServer.start()) {
            String id = web.apiUrl("/api/client.json");
            web.onApiRequest((request, answer) -> Answer.json(200, document(id)));
            String url = authorizationUrl().replace("client_id=app", "client_id=" + encode(id));
            assertTrue(get(url).body().contains("INVALID_CLIENT"));
            server.clientIdMetadataDocuments(true);
            assertEquals(200, get(url).statusCode());
            assertThrows(
                    IllegalArgumentException.class, () -> server.approve(url.replace("callback", "other"), "alice"));
            Map<String, String> params = codeParams(code(server.approve(url, "alice")), VERIFIER);
            params.put("client_id", id);
            HttpResponse<String> tokens = post(server.tokenEndpoint(), params, null);
            Map<String, String> refresh = new LinkedHashMap<>(refreshParams(member(tokens, "refresh_token")));
            refresh.put("client_id", id);
            assertEquals(200, post(server.tokenEndpoint(), refresh, null).statusCode());
            assertEquals(1, web.apiRequests());
            assertEquals(1, server.clientDocumentRequests());
            assertEquals(Set.of(id), server.clientsInUse());
            assertFalse(server.clients().contains(id));

            // What cannot be read today may be there tomorrow.
            String other = web.apiUrl("/api/other.json");
            params.put("client_id", other);
            web.onApiRequest((request, answer) -> Answer.redirect(id));
            assertRefused("invalid_client", 401, post(server.tokenEndpoint(), params, null));
            web.onApiRequest((request, answer) -> Answer.json(200, document(other)));
            assertRefused("invalid_grant", 400, post(server.tokenEndpoint(), params, null));
        }
    }

    @Test
    void a_wrong_document_is_an_error() throws Exception {
        server.clientIdMetadataDocuments(true);
        String id = "https://app.example/client.json";
        String good = document(id);
        Map<String, String> params = refreshParams("x");
        for (String wrong : List.of(
                good.replace(id, id + "x"),
                good.replace("redirect_uris", "uris"),
                good.replace("{", "{\"token_endpoint_auth_method\":\"client_secret_post\","),
                good.replace("{", "{\"client_secret\":\"s\","),
                "<html>")) {
            server.clientIdMetadataDocument(id, wrong);
            Map<String, String> withId = new LinkedHashMap<>(params);
            withId.put("client_id", id);
            assertRefused("invalid_client", 401, post(server.tokenEndpoint(), withId, null));
            String url = authorizationUrl().replace("client_id=app", "client_id=" + encode(id));
            assertTrue(get(url).body().contains("INVALID_CLIENT"));
        }
        server.clientIdMetadataDocument(id, good);
        assertFalse(server.issue(id, "alice", "").refreshToken().isEmpty());
        for (String wrong : List.of(
                "https://app.example",
                "https://app.example/",
                "http://app.example/client.json",
                "https://a@app.example/client.json",
                "https://app.example/client.json#x",
                "https://app.example/../client.json",
                "https://app.example/x/.")) {
            int before = server.clientDocumentRequests();
            assertThrows(IllegalArgumentException.class, () -> server.issue(wrong, "alice", ""), wrong);
            assertEquals(before, server.clientDocumentRequests(), wrong);
        }
    }

    @Test
    void a_client_with_keys_authenticates_by_an_assertion() throws Exception {
        server.dynamicRegistration(true).authMethods("private_key_jwt");
        String json = registration("private_key_jwt").replace("\"refresh_token\"", "\"client_credentials\"");
        assertRefused("invalid_client_metadata", 400, register(json));
        String jwks = Jwt.jwks(7);
        String id = member(register(json.replaceFirst("\\{", "{\"jwks\":" + jwks + ",")), "client_id");
        assertEquals(200, assertion(id, server.issuer(), "one", Signing.RS256).statusCode());
        assertEquals(
                200, assertion(id, server.tokenEndpoint(), "two", Signing.RS256).statusCode());
        assertRefused("invalid_client", 401, assertion(id, server.issuer(), "two", Signing.RS256));
        assertRefused("invalid_client", 401, assertion(id, "https://elsewhere.example", "3", Signing.RS256));
        assertRefused("invalid_client", 401, assertion(id, server.issuer(), "4", Signing.WRONG_KEY));
        assertRefused("invalid_client", 401, assertion(id, server.issuer(), "5", Signing.TAMPERED));
        assertRefused("invalid_client", 401, assertion("app", server.issuer(), "6", Signing.RS256));
        Map<String, String> params = Map.of("grant_type", "client_credentials", "client_id", id);
        assertRefused("invalid_client", 401, post(server.tokenEndpoint(), params, null));
        server.time(() -> Instant.now().plusSeconds(61));
        assertRefused("invalid_client", 401, assertion(id, server.issuer(), "7", Signing.RS256));
    }

    @Test
    void keys_of_clients_may_be_elsewhere_and_of_other_kinds() throws Exception {
        server.dynamicRegistration(true).authMethods("private_key_jwt");
        KeyPairGenerator rsa = KeyPairGenerator.getInstance("RSA");
        rsa.initialize(2048);
        KeyPair pss = rsa.generateKeyPair();
        KeyPairGenerator curve = KeyPairGenerator.getInstance("EC");
        curve.initialize(new ECGenParameterSpec("secp256r1"));
        KeyPair ec = curve.generateKeyPair();
        String jwks = Json.write(Map.of(
                "keys",
                List.of(
                        Map.of("kty", "RSA", "n", base64(((RSAPublicKey) pss.getPublic()).getModulus()), "e", "AQAB"),
                        Map.of(
                                "kty",
                                "EC",
                                "crv",
                                "P-256",
                                "x",
                                base64(((ECPublicKey) ec.getPublic()).getW().getAffineX()),
                                "y",
                                base64(((ECPublicKey) ec.getPublic()).getW().getAffineY())))));
        Signature one = Signature.getInstance("RSASSA-PSS");
        one.setParameter(new PSSParameterSpec("SHA-256", "MGF1", MGF1ParameterSpec.SHA256, 32, 1));
        one.initSign(pss.getPrivate());
        Signature other = Signature.getInstance("SHA256withECDSAinP1363Format");
        other.initSign(ec.getPrivate());
        try (FakeAuthorizationServer web = FakeAuthorizationServer.start()) {
            web.onApiRequest((request, answer) -> Answer.json(200, jwks));
            String json = registration("private_key_jwt")
                    .replace("\"refresh_token\"", "\"client_credentials\"")
                    .replaceFirst("\\{", "{\"jwks_uri\":\"" + web.apiUrl("/api/jwks") + "\",");
            String id = member(register(json), "client_id");
            assertEquals(200, assertion(id, "PS256", one).statusCode());
            assertEquals(200, assertion(id, "ES256", other).statusCode());
            assertRefused("invalid_client", 401, assertion(id, "RS256", one));
            assertRefused("invalid_client", 401, assertion(id, "HS256", one));
            web.onApiRequest((request, answer) -> Answer.json(200, "{\"keys\":[]}"));
            assertRefused("invalid_client", 401, assertion(id, "ES256", other));
        }
    }

    @Test
    void bound_tokens_come_with_a_proof_of_their_key() throws Exception {
        FakeProtectedApi api = server.protectedApi("/mcp").dpopRequired(true);
        assertEquals(
                "DPoP resource_metadata=\"" + api.metadataUrl() + "\", algs=\"ES256 RS256 PS256\"",
                challenge(get(api.url())));
        assertTrue(get(api.metadataUrl()).body().contains("\"dpop_bound_access_tokens_required\":true"));
        assertEquals(
                401,
                call("/mcp", server.issue("app", "bob", "", api.url()).accessToken())
                        .statusCode());
        assertFalse(
                get(server.url() + "/.well-known/openid-configuration").body().contains("dpop_signing"));
        server.dpop(true);
        assertTrue(
                get(server.url() + "/.well-known/openid-configuration").body().contains("dpop_signing"));
        KeyPairGenerator curve = KeyPairGenerator.getInstance("EC");
        curve.initialize(new ECGenParameterSpec("secp256r1"));
        KeyPair key = curve.generateKeyPair();
        KeyPair other = curve.generateKeyPair();

        server.dpopNonce("n1");
        String callback = server.approve(authorizationUrl() + "&resource=" + encode(api.url()), "alice");
        Map<String, String> params = codeParams(code(callback), VERIFIER);
        HttpResponse<String> refused = proven(params, proof(key, "POST", server.tokenEndpoint(), "", ""));
        assertRefused("use_dpop_nonce", 400, refused);
        assertEquals("n1", refused.headers().firstValue("DPoP-Nonce").orElseThrow());
        assertRefused(
                "invalid_dpop_proof", 400, proven(params, proof(key, "POST", server.revocationEndpoint(), "n1", "")));
        String proof = proof(key, "POST", server.tokenEndpoint(), "n1", "");
        HttpResponse<String> tokens = proven(params, proof);
        assertEquals("DPoP", member(tokens, "token_type"));
        Map<String, String> refresh = refreshParams(member(tokens, "refresh_token"));
        assertRefused("invalid_dpop_proof", 400, proven(refresh, proof));
        assertRefused("invalid_grant", 400, proven(refresh, proof(other, "POST", server.tokenEndpoint(), "n1", "")));
        assertRefused("invalid_grant", 400, post(server.tokenEndpoint(), refresh, basic("app", "s3cret")));

        String token = member(tokens, "access_token");
        assertEquals(
                200, bound(api, token, proof(key, "GET", api.url(), "", token)).statusCode());
        assertEquals(
                401, bound(api, token, proof(key, "GET", api.url(), "", "x")).statusCode());
        assertEquals(
                401,
                bound(api, token, proof(other, "GET", api.url(), "", token)).statusCode());
        assertEquals(401, call("/mcp", token).statusCode());
        api.dpopRequired(false).dpopNonce("n2");
        assertEquals(401, call("/mcp", token).statusCode());
        HttpResponse<String> again = bound(api, token, proof(key, "GET", api.url(), "", token));
        assertTrue(challenge(again).startsWith("DPoP error=\"use_dpop_nonce\""), challenge(again));
        assertEquals("n2", again.headers().firstValue("DPoP-Nonce").orElseThrow());
        assertEquals(
                200,
                bound(api, token, proof(key, "GET", api.url(), "n2", token)).statusCode());
        assertEquals(
                200,
                proven(refresh, proof(key, "POST", server.tokenEndpoint(), "n1", ""))
                        .statusCode());
    }

    private String proof(KeyPair key, String method, String url, String nonce, String token) throws Exception {
        ECPublicKey point = (ECPublicKey) key.getPublic();
        Map<String, Object> header = new LinkedHashMap<>();
        header.put("typ", "dpop+jwt");
        header.put("alg", "ES256");
        header.put(
                "jwk",
                Map.of(
                        "kty",
                        "EC",
                        "crv",
                        "P-256",
                        "x",
                        base64(point.getW().getAffineX()),
                        "y",
                        base64(point.getW().getAffineY())));
        Map<String, Object> claims = new LinkedHashMap<>();
        claims.put("jti", UUID.randomUUID().toString());
        claims.put("htm", method);
        claims.put("htu", url);
        claims.put("iat", Instant.now().getEpochSecond());
        if (!nonce.isEmpty()) {
            claims.put("nonce", nonce);
        }
        if (!token.isEmpty()) {
            claims.put("ath", Jwt.base64(Jwt.sha256(token)));
        }
        String content = Jwt.base64(Json.write(header).getBytes(StandardCharsets.UTF_8)) + "."
                + Jwt.base64(Json.write(claims).getBytes(StandardCharsets.UTF_8));
        Signature signature = Signature.getInstance("SHA256withECDSAinP1363Format");
        signature.initSign(key.getPrivate());
        signature.update(content.getBytes(StandardCharsets.UTF_8));
        return content + "." + Jwt.base64(signature.sign());
    }

    private HttpResponse<String> proven(Map<String, String> params, String proof) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(tokenRequest(params, basic("app", "s3cret")), (n, v) -> true)
                .header("DPoP", proof)
                .build();
        return http.send(request, BodyHandlers.ofString());
    }

    private HttpResponse<String> bound(FakeProtectedApi api, String token, String proof) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(api.url()))
                .header("Authorization", "DPoP " + token)
                .header("DPoP", proof)
                .build();
        return http.send(request, BodyHandlers.ofString());
    }

    private static String base64(BigInteger number) {
        return Jwt.base64(number.toByteArray());
    }

    private HttpResponse<String> assertion(String id, String algorithm, Signature signature) throws Exception {
        Map<String, Object> claims = new LinkedHashMap<>();
        claims.put("iss", id);
        claims.put("sub", id);
        claims.put("aud", List.of(server.issuer()));
        claims.put("exp", Instant.now().getEpochSecond() + 60);
        String content = Jwt.base64(("{\"alg\":\"" + algorithm + "\"}").getBytes(StandardCharsets.UTF_8)) + "."
                + Jwt.base64(Json.write(claims).getBytes(StandardCharsets.UTF_8));
        signature.update(content.getBytes(StandardCharsets.UTF_8));
        Map<String, String> params = new LinkedHashMap<>();
        params.put("grant_type", "client_credentials");
        params.put("client_assertion_type", ClientAssertions.TYPE);
        params.put("client_assertion", content + "." + Jwt.base64(signature.sign()));
        return post(server.tokenEndpoint(), params, null);
    }

    private HttpResponse<String> assertion(String id, String audience, String number, Signing how) throws Exception {
        Map<String, Object> claims = new LinkedHashMap<>();
        claims.put("iss", id);
        claims.put("sub", id);
        claims.put("aud", audience);
        claims.put("exp", Instant.now().getEpochSecond() + 60);
        claims.put("jti", number);
        Map<String, String> params = new LinkedHashMap<>();
        params.put("grant_type", "client_credentials");
        params.put("client_assertion_type", ClientAssertions.TYPE);
        params.put("client_assertion", Jwt.sign(claims, how, 7));
        return post(server.tokenEndpoint(), params, null);
    }

    private static String document(String id) {
        return "{\"client_id\":\"" + id + "\",\"client_name\":\"App\",\"redirect_uris\":[\"" + CALLBACK
                + "\"],\"grant_types\":[\"authorization_code\",\"refresh_token\"]}";
    }

    // ---- Helpers -------------------------------------------------------------------------------------------------

    @Test
    void grants_outlive_the_server_in_a_file_that_holds_no_tokens(@TempDir Path directory) throws Exception {
        Path file = directory.resolve("grants");
        FakeAuthorizationServer.Issued kept;
        FakeAuthorizationServer.Issued revoked;
        try (FakeAuthorizationServer first = FakeAuthorizationServer.start()) {
            first.client("app", "secret").remembering(file);
            kept = first.issue("app", "alice", "a b");
            revoked = first.issue("app", "bob", "a");
            first.revokeConsent("bob");
        }
        String text = Files.readString(file);
        assertFalse(text.contains(kept.accessToken()) || text.contains(kept.refreshToken()));
        try (FakeAuthorizationServer second = FakeAuthorizationServer.start()) {
            second.client("app", "secret").remembering(file);
            assertTrue(second.accepts(kept.accessToken()));
            assertTrue(second.accepts(kept.refreshToken()));
            assertFalse(second.accepts(revoked.accessToken()));
            assertFalse(second.accepts(revoked.refreshToken()));
        }
    }

    private String authorizationUrl() {
        Map<String, String> params = new LinkedHashMap<>();
        params.put("response_type", "code");
        params.put("client_id", "app");
        params.put("redirect_uri", CALLBACK);
        params.put("scope", "openid read");
        params.put("state", "the state+&=");
        params.put("nonce", "n1");
        params.put("code_challenge", CHALLENGE);
        params.put("code_challenge_method", "S256");
        return server.authorizationEndpoint() + "?" + form(params);
    }

    private String login() {
        return server.issue("app", "alice", "read").refreshToken();
    }

    private String idToken() throws Exception {
        String code = code(server.approve(authorizationUrl(), "alice"));
        return member(redeem(code, VERIFIER), "id_token");
    }

    private static Map<String, String> codeParams(String code, String verifier) {
        Map<String, String> params = new LinkedHashMap<>();
        params.put("grant_type", "authorization_code");
        params.put("code", code);
        params.put("redirect_uri", CALLBACK);
        params.put("code_verifier", verifier);
        return params;
    }

    private HttpResponse<String> redeem(String code, String verifier) throws Exception {
        return post(server.tokenEndpoint(), codeParams(code, verifier), basic("app", "s3cret"));
    }

    private static Map<String, String> refreshParams(String token) {
        return Map.of("grant_type", "refresh_token", "refresh_token", token);
    }

    private HttpResponse<String> refresh(String token) throws IOException, InterruptedException {
        return http.send(tokenRequest(refreshParams(token), basic("app", "s3cret")), BodyHandlers.ofString());
    }

    private CompletableFuture<HttpResponse<String>> refreshLater(String token) {
        return http.sendAsync(tokenRequest(refreshParams(token), basic("app", "s3cret")), BodyHandlers.ofString());
    }

    private HttpResponse<String> revoke(String token) throws Exception {
        return post(server.revocationEndpoint(), Map.of("token", token), basic("app", "s3cret"));
    }

    private HttpRequest tokenRequest(Map<String, String> params, String authorization) {
        return HttpRequest.newBuilder(URI.create(server.tokenEndpoint()))
                .header("Content-Type", "application/x-www-form-urlencoded")
                .header("Authorization", authorization)
                .POST(HttpRequest.BodyPublishers.ofString(form(params)))
                .build();
    }

    private HttpResponse<String> post(String url, Map<String, String> params, @Nullable String authorization)
            throws IOException, InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url))
                .header("Content-Type", "application/x-www-form-urlencoded")
                .POST(HttpRequest.BodyPublishers.ofString(form(params)));
        if (authorization != null) {
            request.header("Authorization", authorization);
        }
        return http.send(request.build(), BodyHandlers.ofString());
    }

    private HttpResponse<String> get(String url) throws IOException, InterruptedException {
        return http.send(HttpRequest.newBuilder(URI.create(url)).build(), BodyHandlers.ofString());
    }

    private HttpResponse<String> call(String path, String token) throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create(server.apiUrl(path)))
                .header("Authorization", "Bearer " + token)
                .build();
        return http.send(request, BodyHandlers.ofString());
    }

    private static String challenge(HttpResponse<String> answer) {
        return answer.headers().firstValue("WWW-Authenticate").orElseThrow();
    }

    private static String registration(String method) {
        return "{\"client_name\":\"The \\\"App\\\"\",\"redirect_uris\":[\"" + CALLBACK + "\"],"
                + " \"grant_types\" : [\"authorization_code\",\"refresh_token\"],\"response_types\":[\"code\"],"
                + "\"token_endpoint_auth_method\":\"" + method + "\"}";
    }

    private HttpResponse<String> register(String json) throws IOException, InterruptedException {
        return send("POST", server.registrationEndpoint(), json, "");
    }

    private HttpResponse<String> send(String method, String url, String json, String token)
            throws IOException, InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url))
                .header("Content-Type", "application/json")
                .method(method, BodyPublishers.ofString(json));
        if (!token.isEmpty()) {
            request.header("Authorization", "Bearer " + token);
        }
        return http.send(request.build(), BodyHandlers.ofString());
    }

    private static String basic(String id, String secret) {
        String pair = encode(id) + ":" + encode(secret);
        return "Basic " + Base64.getEncoder().encodeToString(pair.getBytes(StandardCharsets.UTF_8));
    }

    private static String form(Map<String, String> params) {
        return params.entrySet().stream()
                .map(param -> encode(param.getKey()) + "=" + encode(param.getValue()))
                .collect(Collectors.joining("&"));
    }

    private static String encode(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }

    private static Map<String, String> query(String url) {
        return Http.params(URI.create(url).getRawQuery());
    }

    private static String code(String callback) {
        return value(query(callback), "code");
    }

    private static String value(Map<String, String> params, String name) {
        return Objects.requireNonNull(params.get(name), name);
    }

    private static String member(HttpResponse<String> answer, String name) {
        return member(answer.body(), name);
    }

    private static String member(String json, String name) {
        Matcher matcher = Pattern.compile("\"" + name + "\":\"?([^\",}]*)").matcher(json);
        assertTrue(matcher.find(), () -> name + " is missing");
        return matcher.group(1);
    }

    private static void assertRefused(String error, int status, HttpResponse<String> answer) {
        assertEquals(error, member(answer, "error"));
        assertEquals(status, answer.statusCode());
    }

    private static String claims(String token) {
        return new String(Base64.getUrlDecoder().decode(token.split("\\.", -1)[1]), StandardCharsets.UTF_8);
    }

    private boolean verified(String token) throws Exception {
        String[] parts = token.split("\\.", -1);
        String header = new String(Base64.getUrlDecoder().decode(parts[0]), StandardCharsets.UTF_8);
        String jwks = get(server.jwksUri()).body();
        if (!header.contains("\"alg\":\"RS256\"") || !member(jwks, "kid").equals(member(header, "kid"))) {
            return false;
        }
        Signature signature = Signature.getInstance("SHA256withRSA");
        signature.initVerify(KeyFactory.getInstance("RSA")
                .generatePublic(new RSAPublicKeySpec(number(member(jwks, "n")), number(member(jwks, "e")))));
        signature.update((parts[0] + "." + parts[1]).getBytes(StandardCharsets.UTF_8));
        return signature.verify(Base64.getUrlDecoder().decode(parts[2]));
    }

    private static BigInteger number(String base64) {
        return new BigInteger(1, Base64.getUrlDecoder().decode(base64));
    }
}
