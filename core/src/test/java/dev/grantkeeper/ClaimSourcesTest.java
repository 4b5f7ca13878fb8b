/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.nimbusds.jose.util.JSONObjectUtils;
import com.nimbusds.jwt.JWTClaimsSet;
import dev.grantkeeper.token.Identity;
import java.time.Instant;
import java.util.Arrays;
import java.util.Collections;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import mockwebserver3.Dispatcher;
import mockwebserver3.MockResponse;
import mockwebserver3.MockWebServer;
import mockwebserver3.RecordedRequest;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Aggregated and distributed claims (OpenID Connect Core section 5.6.2). */
@Timeout(300)
class ClaimSourcesTest {
    private static final String BANK = "https://bank.example";
    private static final Jwe.Signer KEY = new Jwe.Signer();
    private static final Jwe.Signer STRANGER = new Jwe.Signer();

    private final Scene scene = new Scene();
    private final MockWebServer bank = new MockWebServer();
    private final List<RecordedRequest> fetched = new CopyOnWriteArrayList<>();
    private volatile MockResponse answer;
    private volatile int keysStatus = 200;
    private volatile String jwks = KEY.jwks();
    private Grantkeeper node;

    @BeforeEach
    void start() throws Exception {
        bank.setDispatcher(new Dispatcher() {
            @Override
            public MockResponse dispatch(RecordedRequest request) {
                if (request.getUrl().encodedPath().equals("/jwks")) {
                    return MockProvider.json(keysStatus, jwks);
                }
                fetched.add(request);
                return answer;
            }
        });
        bank.start();
        node = scene.node(scene.registration(scene.openIdProvider().build())
                .scopes("openid")
                .claimsProvider(BANK, url("/jwks"), url("/claims"))
                .claimsProvider("https://other.example", url("/other-jwks"), url("/other")));
    }

    @AfterEach
    void close() {
        scene.close();
        bank.close();
    }

    private String url(String path) {
        return bank.url(path).toString();
    }

    private static JWTClaimsSet.Builder claims() {
        return new JWTClaimsSet.Builder()
                .issuer(BANK)
                .claim("balance", 7)
                .claim("address", Map.of("locality", "Zürich"))
                .claim("email", "stranger@bank.example");
    }

    private static MockResponse jwt(String body) {
        return new MockResponse.Builder()
                .code(200)
                .setHeader("Content-Type", "application/jwt")
                .body(body)
                .build();
    }

    private static Map<String, Object> sources(Object names, Map<String, ?> sources) {
        return Map.of("_claim_names", names, "_claim_sources", sources);
    }

    /** A user whose balance and address come from one source. */
    private static Identity user(Map<String, ?> source) {
        return Identity.of(
                "https://issuer.example",
                "alice",
                sources(Map.of("balance", "src1", "address", "src1"), Map.of("src1", source)));
    }

    private Map<String, Object> fetch(Map<String, ?> source) throws AuthorizationServerException {
        return node.fetchClaims(user(source), BANK);
    }

    private void assertFails(Map<String, ?> source, AuthorizationServerException.Kind kind, String why) {
        assertThatExceptionOfType(AuthorizationServerException.class)
                .isThrownBy(() -> fetch(source))
                .satisfies(e -> assertThat(e.kind()).isEqualTo(kind))
                .withMessageContaining(why)
                .satisfies(e -> assertThat(e).hasMessageNotContaining("the-token"));
    }

    private void assertInvalid(Map<String, ?> source, String why) {
        assertFails(source, AuthorizationServerException.Kind.MALFORMED, why);
    }

    // ---- Aggregated -----------------------------------------------------------------------------------------------

    @Test
    void aggregated_claims_of_a_login_are_those_that_the_provider_names_and_the_claims_provider_has_signed()
            throws Exception {
        scene.server.extraClaims(sources(
                Map.of("balance", "src1", "address", "src1", "absent", "src1", "email", "src2"),
                Map.of("src1", Map.of("JWT", KEY.sign(claims().build())))));
        LoginResult.SignedIn in = (LoginResult.SignedIn) scene.login(node, "alice");
        Map<String, Object> expected = Map.of("balance", 7L, "address", Map.of("locality", "Zürich"));
        assertThat(node.fetchClaims(in.identity().orElseThrow(), BANK)).isEqualTo(expected);

        in.keepAs("alice");
        Identity stored = node.account("alice").grant().orElseThrow().identity().orElseThrow();
        assertThat(node.fetchClaims(stored, BANK)).isEqualTo(expected);
        assertThat(stored.claims()).doesNotContainEntry("email", "stranger@bank.example");
        assertThat(fetched).isEmpty();
    }

    @Test
    void a_login_fetches_nothing_by_itself() throws Exception {
        scene.server.extraClaims(
                sources(Map.of("balance", "src1"), Map.of("src1", Map.of("endpoint", url("/claims")))));
        assertThat(scene.login(node, "alice")).isInstanceOf(LoginResult.SignedIn.class);
        assertThat(bank.getRequestCount()).isZero();
    }

    @Test
    void a_claim_may_have_several_sources() throws Exception {
        String other = KEY.sign(claims().claim("balance", 9).claim("age", 30).build());
        Identity user = Identity.of(
                "https://issuer.example",
                "alice",
                sources(
                        Map.of("balance", List.of("a", "b", "none"), "age", List.of("b")),
                        Map.of("a", Map.of("JWT", KEY.sign(claims().build())), "b", Map.of("JWT", other))));
        assertThat(node.fetchClaims(user, BANK))
                .containsOnlyKeys("balance", "age")
                .containsEntry("age", 30L);
    }

    @Test
    void claims_of_others_are_not_looked_at() throws Exception {
        assertThat(fetch(Map.of(
                        "JWT", KEY.sign(claims().issuer("https://other.example").build()))))
                .isEmpty();
        assertThat(fetch(Map.of("JWT", KEY.sign(claims().issuer(null).build()))))
                .isEmpty();
        assertThat(fetch(Map.of("JWT", KEY.sign(claims().issuer(BANK + "/").build()))))
                .isEmpty();
        assertThat(fetch(Map.of("JWT", "nonsense"))).isEmpty();
        assertThat(fetch(Map.of("JWT", "a.b.c.d.e"))).isEmpty();
        assertThat(bank.getRequestCount()).isZero();
    }

    /** Put beside the user's own claims they would be somebody else here. */
    @Test
    void who_the_user_is_at_the_claims_provider_is_no_claim() throws Exception {
        Map<String, String> names = new LinkedHashMap<>();
        for (String name : List.of("iss", "sub", "aud", "exp", "iat", "azp", "nonce", "auth_time", "balance")) {
            names.put(name, "src1");
        }
        String jwt = KEY.sign(claims().subject("mallory")
                .audience("c")
                .issueTime(new Date())
                .expirationTime(Date.from(Instant.now().plusSeconds(60)))
                .claim("azp", "c")
                .claim("nonce", "n")
                .claim("auth_time", 1)
                .build());
        Identity user =
                Identity.of("https://issuer.example", "alice", sources(names, Map.of("src1", Map.of("JWT", jwt))));
        assertThat(node.fetchClaims(user, BANK)).isEqualTo(Map.of("balance", 7L));
    }

    @Test
    void a_key_that_signs_for_another_issuer_signs_nothing_here() throws Exception {
        Map<String, Object> foreign = new LinkedHashMap<>(KEY.publicKey().toJSONObject());
        foreign.put("issuer", "https://other.example");
        jwks = JSONObjectUtils.toJSONString(Map.of("keys", List.of(foreign)));
        assertInvalid(Map.of("JWT", KEY.sign(claims().build())), "another issuer");
        // the same key for this one, in a registration that has not fetched the other yet
        foreign.put("issuer", BANK);
        jwks = JSONObjectUtils.toJSONString(Map.of("keys", List.of(foreign)));
        Grantkeeper fresh =
                scene.node(scene.registration(scene.openIdProvider().build()).claimsProvider(BANK, url("/jwks")));
        assertThat(fresh.fetchClaims(user(Map.of("JWT", KEY.sign(claims().build()))), BANK))
                .containsEntry("balance", 7L);
    }

    @Test
    void what_the_claims_provider_has_not_signed_is_refused() throws Exception {
        for (Map.Entry<String, String> forged :
                KEY.forged(claims().build(), null, "none of the provider's").entrySet()) {
            assertInvalid(Map.of("JWT", forged.getKey()), forged.getValue());
        }
        Date past = Date.from(Instant.now().minusSeconds(90));
        assertInvalid(Map.of("JWT", KEY.sign(claims().expirationTime(past).build())), "expired");
    }

    @Test
    void without_the_claims_providers_keys_nothing_can_be_verified_for_now() throws Exception {
        keysStatus = 503;
        assertFails(
                Map.of("JWT", KEY.sign(claims().build())),
                AuthorizationServerException.Kind.TEMPORARY,
                "keys could not");
    }

    @Test
    void what_is_not_in_the_form_of_the_standard_names_no_claims() throws Exception {
        Map<String, Object> nothing = new LinkedHashMap<>();
        nothing.put("balance", null);
        nothing.put("address", Arrays.asList(null, 7, "src2"));
        for (Map<String, Object> claims : List.of(
                Map.<String, Object>of(),
                Map.<String, Object>of("_claim_names", Map.of("balance", "src1")),
                sources("src1", Map.of()),
                sources(List.of("src1"), Map.of()),
                sources(nothing, Collections.singletonMap("src2", null)),
                sources(Map.of("balance", "src1"), Map.of("src1", "x")),
                sources(Map.of("balance", "src1"), Map.of("src1", Map.of("JWT", 7, "endpoint", List.of()))))) {
            assertThat(node.fetchClaims(Identity.of("https://issuer.example", "alice", claims), BANK))
                    .isEmpty();
        }
    }

    // ---- Distributed ----------------------------------------------------------------------------------------------

    @Test
    void distributed_claims_are_fetched_with_the_token_that_came_with_them_and_with_no_other() throws Exception {
        answer = jwt(KEY.sign(claims().build()));
        scene.server.extraClaims(sources(
                Map.of("balance", "src1"),
                Map.of("src1", Map.of("endpoint", url("/claims/alice?x=y"), "access_token", "the-token"))));
        LoginResult.SignedIn in = (LoginResult.SignedIn) scene.login(node, "alice");
        assertThat(node.fetchClaims(in.identity().orElseThrow(), BANK)).isEqualTo(Map.of("balance", 7L));
        assertThat(fetch(Map.of("endpoint", url("/claims")))).containsEntry("balance", 7L);
        assertThat(fetch(Map.of("endpoint", url("/claims"), "access_token", 7))).containsEntry("balance", 7L);
        assertThat(fetched).hasSize(3);
        assertThat(fetched.get(0).getTarget()).isEqualTo("/claims/alice?x=y");
        assertThat(fetched.get(0).getHeaders().values("Authorization")).containsExactly("Bearer the-token");
        assertThat(fetched.get(1).getHeaders().values("Authorization")).isEmpty();
        assertThat(fetched.get(2).getHeaders().values("Authorization")).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/other",
                "/",
                "/claim",
                "/claims2",
                "/claims/../other",
                "/claims/%2e%2e/other",
                "/claims/..%2fother",
                "/claims//x",
                "/claims/;x"
            })
    void another_path_than_the_application_allows_is_not_called(String path) throws Exception {
        answer = jwt(KEY.sign(claims().build()));
        String base = url("/").replaceAll("/$", "");
        assertThat(fetch(Map.of("endpoint", base + path, "access_token", "the-token")))
                .isEmpty();
        assertThat(fetched).isEmpty();
    }

    @Test
    void another_host_than_the_application_allows_is_not_called() throws Exception {
        try (MockWebServer inside = new MockWebServer()) {
            inside.start();
            String port = ":" + bank.getPort();
            for (String endpoint : List.of(
                    inside.url("/claims").toString(),
                    "http://127.0.0.2" + port + "/claims",
                    "https://" + bank.getHostName() + port + "/claims",
                    "http://user@" + bank.getHostName() + port + "/claims",
                    "http://:password@" + bank.getHostName() + port + "/claims",
                    "http://" + bank.getHostName() + port + "@" + inside.getHostName() + ":" + inside.getPort()
                            + "/claims",
                    "http:\\\\" + inside.getHostName() + ":" + inside.getPort() + "/claims",
                    "//" + bank.getHostName() + port + "/claims",
                    "http://169.254.169.254/claims",
                    "file:///etc/passwd",
                    "ws://" + bank.getHostName() + port + "/claims",
                    "")) {
                assertThat(fetch(Map.of("endpoint", endpoint, "access_token", "the-token")))
                        .as(endpoint)
                        .isEmpty();
            }
            assertThat(inside.getRequestCount()).isZero();
            assertThat(fetched).isEmpty();
        }
    }

    @Test
    void a_redirect_is_not_followed() throws Exception {
        answer = new MockResponse.Builder()
                .code(302)
                .setHeader("Location", url("/claims/elsewhere"))
                .build();
        assertInvalid(Map.of("endpoint", url("/claims"), "access_token", "the-token"), "302");
        assertThat(fetched).hasSize(1);
    }

    @Test
    void what_is_fetched_has_to_be_signed_by_that_claims_provider() throws Exception {
        Map<String, String> source = Map.of("endpoint", url("/claims"), "access_token", "the-token");
        answer = MockProvider.json(200, "{\"balance\":7,\"echo\":\"the-token\"}");
        assertInvalid(source, "not a signed JWT");
        answer = jwt(STRANGER.sign(claims().build()));
        assertInvalid(source, "none of the provider's");
        answer = jwt(KEY.sign(claims().issuer("https://other.example").build()));
        assertInvalid(source, "another issuer");
        answer = jwt(KEY.sign(claims().issuer(null).build()));
        assertInvalid(source, "another issuer");
        answer = jwt("x".repeat(300 * 1024));
        assertInvalid(source, "too much");
    }

    @Test
    void a_claims_provider_that_is_down_or_refuses_says_so() {
        Map<String, String> source = Map.of("endpoint", url("/claims"), "access_token", "the-token");
        answer = MockProvider.json(503, "{}");
        assertFails(source, AuthorizationServerException.Kind.TEMPORARY, "503");
        answer = MockProvider.json(401, "{\"error\":\"invalid_token\"}");
        assertInvalid(source, "401");
        bank.close();
        assertFails(source, AuthorizationServerException.Kind.TEMPORARY, "did not answer");
    }

    @Test
    void a_token_that_no_header_can_carry_is_not_sent() {
        assertInvalid(Map.of("endpoint", url("/claims"), "access_token", "the-token\r\nX: y"), "cannot be sent");
        assertThat(fetched).isEmpty();
    }

    @Test
    void a_provider_that_names_a_hundred_sources_costs_ten_requests() throws Exception {
        answer = jwt(KEY.sign(claims().build()));
        Map<String, Object> names = new LinkedHashMap<>();
        Map<String, Object> sources = new LinkedHashMap<>();
        for (int i = 0; i < 100; i++) {
            names.put("claim" + i, "src" + i);
            sources.put("src" + i, Map.of("endpoint", url("/claims/" + i)));
        }
        node.fetchClaims(Identity.of("https://issuer.example", "alice", sources(names, sources)), BANK);
        assertThat(fetched).hasSize(10);
    }

    // ---- The application's part -----------------------------------------------------------------------------------

    @Test
    void a_claims_provider_that_the_application_has_not_named_is_not_asked() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> node.fetchClaims(user(Map.of()), "https://evil.example"))
                .withMessageContaining("claimsProvider(");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "http://bank.example/jwks",
                "https://user@bank.example/",
                "https://:password@bank.example/",
                "file:///etc/passwd",
                "bank.example",
                ""
            })
    void the_urls_of_a_claims_provider_are_https(String url) {
        Grantkeeper.Builder builder = scene.registration(scene.provider().build());
        assertThatIllegalArgumentException().isThrownBy(() -> builder.claimsProvider(BANK, url));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> builder.claimsProvider(BANK, "https://bank.example/jwks", url));
    }
}
