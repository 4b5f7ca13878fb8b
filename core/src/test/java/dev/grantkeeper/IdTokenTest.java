/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.type;

import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.JWSObject;
import com.nimbusds.jose.JWSSigner;
import com.nimbusds.jose.Payload;
import com.nimbusds.jose.crypto.ECDSASigner;
import com.nimbusds.jose.crypto.MACSigner;
import com.nimbusds.jose.crypto.RSASSASigner;
import com.nimbusds.jose.crypto.opts.AllowWeakRSAKey;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.KeyUse;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jose.jwk.gen.ECKeyGenerator;
import com.nimbusds.jose.jwk.gen.RSAKeyGenerator;
import com.nimbusds.jose.util.Base64URL;
import com.nimbusds.jose.util.JSONObjectUtils;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.PlainJWT;
import com.nimbusds.jwt.SignedJWT;
import dev.grantkeeper.LoginResult.Mismatched;
import dev.grantkeeper.LoginResult.SignedIn;
import dev.grantkeeper.internal.openid.IdTokens;
import dev.grantkeeper.internal.openid.IdentityException;
import dev.grantkeeper.internal.openid.ProviderKeys;
import dev.grantkeeper.internal.wire.DPoP;
import dev.grantkeeper.internal.wire.Http;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.testkit.Fault;
import dev.grantkeeper.testkit.Signing;
import dev.grantkeeper.token.Identity;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.MessageDigest;
import java.security.Signature;
import java.security.interfaces.RSAPublicKey;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import mockwebserver3.Dispatcher;
import mockwebserver3.MockResponse;
import mockwebserver3.MockWebServer;
import mockwebserver3.RecordedRequest;
import okhttp3.HttpUrl;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The user's identity comes from an ID token that was verified, or from nowhere. */
@Timeout(300)
class IdTokenTest {
    private static final String TENANT_A = "11111111-2222-4333-8444-555555555555";
    private static final String TENANT_B = "99999999-2222-4333-8444-555555555555";
    private static RSAKey key;
    private static RSAKey otherKey;
    private static ECKey ecKey;

    private final Scene scene = new Scene();
    /** Shows the keys; the fake server issues tokens that the tests make themselves. */
    private final MockWebServer keys = new MockWebServer();

    private volatile String jwks = "";
    private volatile int jwksStatus = 200;

    @BeforeAll
    static void makeKeys() throws Exception {
        key = new RSAKeyGenerator(2048).keyID("one").generate();
        otherKey = new RSAKeyGenerator(2048).keyID("two").generate();
        ecKey = new ECKeyGenerator(Curve.P_256).keyID("ec").generate();
    }

    @BeforeEach
    void showKeys() throws Exception {
        show(key);
        keys.setDispatcher(new Dispatcher() {
            @Override
            public MockResponse dispatch(RecordedRequest request) {
                return new MockResponse.Builder()
                        .code(jwksStatus)
                        .addHeader("Content-Type", "application/json")
                        .body(jwks)
                        .build();
            }
        });
        keys.start();
    }

    @AfterEach
    void close() {
        scene.close();
        keys.close();
    }

    private void show(JWK... shown) {
        jwks = new JWKSet(List.of(shown)).toString(true);
    }

    private Grantkeeper node(String issuer) {
        return scene.node(registration(issuer));
    }

    private Grantkeeper.Builder registration(String issuer) {
        Provider provider =
                scene.provider().openId(issuer, keys.url("/jwks").toString()).build();
        return scene.registration(provider).scopes("openid", "things.read");
    }

    private JWTClaimsSet.Builder claims(PendingLogin login) {
        Instant now = scene.time.clock().instant();
        return new JWTClaimsSet.Builder()
                .issuer(scene.server.issuer())
                .subject("alice")
                .audience(Scene.CLIENT)
                .issueTime(Date.from(now))
                .expirationTime(Date.from(now.plusSeconds(600)))
                .claim("nonce", login.attempt().nonce())
                .claim("name", "Alice Archer");
    }

    private static String sign(JWTClaimsSet claims, JWSHeader header, JWSSigner signer) throws Exception {
        SignedJWT jwt = new SignedJWT(header, claims);
        jwt.sign(signer);
        return jwt.serialize();
    }

    private static String sign(JWTClaimsSet claims, RSAKey with) throws Exception {
        return sign(
                claims,
                new JWSHeader.Builder(JWSAlgorithm.RS256).keyID(with.getKeyID()).build(),
                new RSASSASigner(with));
    }

    private interface Maker {
        String make(PendingLogin login) throws Exception;
    }

    /** A login to which the token endpoint answers with the given ID token. */
    private LoginResult login(Grantkeeper node, Maker idToken) throws Exception {
        PendingLogin login = node.startLogin();
        String made = idToken.make(login);
        scene.server.tokenResponse(answer -> {
            answer.put("id_token", made);
            return answer;
        });
        return node.finishLogin(
                login, Scene.query(scene.server.approve(login.url().toString(), "alice")));
    }

    private LoginResult loginWith(Grantkeeper node, Consumer<JWTClaimsSet.Builder> change) throws Exception {
        return login(node, login -> {
            JWTClaimsSet.Builder claims = claims(login);
            change.accept(claims);
            return sign(claims.build(), key);
        });
    }

    private void assertRefused(Grantkeeper node, Maker idToken) {
        assertFails(node, idToken, AuthorizationServerException.Kind.MALFORMED);
    }

    private void assertFails(Grantkeeper node, Maker idToken, AuthorizationServerException.Kind kind) {
        assertThatThrownBy(() -> login(node, idToken))
                .isInstanceOfSatisfying(
                        AuthorizationServerException.class,
                        failure -> assertThat(failure.kind()).isEqualTo(kind));
        assertThat(scene.store.rows).isEmpty();
    }

    // ---- What is right --------------------------------------------------------------------------------------------

    @Test
    void a_verified_token_tells_who_the_user_is() throws Exception {
        Grantkeeper node = scene.node(
                scene.registration(scene.openIdProvider().build()).scopes("openid", "profile", "things.read"));
        scene.server.extraClaims(Map.of("tid", TENANT_A, "updated_at", 1_700_000_000L, "groups", List.of("a", "b")));
        Account alice = scene.signIn(node, "alice");
        for (Grantkeeper either : List.of(node, scene.node(registrationLike()))) {
            Identity identity =
                    either.account("alice").grant().orElseThrow().identity().orElseThrow();
            assertThat(identity.issuer()).isEqualTo(scene.server.issuer());
            assertThat(identity.subject()).isEqualTo("alice");
            assertThat(identity.id()).isEqualTo(scene.server.issuer() + " alice");
            assertThat(identity.name()).contains("Alice Archer");
            assertThat(identity.givenName()).contains("Alice");
            assertThat(identity.familyName()).contains("Archer");
            assertThat(identity.userName()).contains("alice");
            assertThat(identity.email()).contains("alice@example.org");
            assertThat(identity.claims())
                    .containsEntry("tid", TENANT_A)
                    .containsEntry("updated_at", 1_700_000_000L)
                    .containsEntry("groups", List.of("a", "b"))
                    .doesNotContainKeys("nonce", "exp", "iat", "aud", "iss", "sub");
        }
        assertThat(alice.tokens().idToken()).isPresent();
    }

    /** Another node, which has the identity from the store. */
    private Grantkeeper.Builder registrationLike() {
        return scene.registration(scene.openIdProvider().build());
    }

    @Test
    void the_identity_is_the_same_after_the_store() throws Exception {
        SignedIn in = (SignedIn) loginWith(
                node(scene.server.issuer()),
                claims -> claims.claim("level", 7)
                        .claim("big", 9_007_199_254_740_993L)
                        .claim("share", 0.5)
                        .claim("address", Map.of("locality", "Zürich", "floor", 3))
                        .claim("nothing", null));
        in.keepAs("alice");
        Grantkeeper other = node(scene.server.issuer());
        assertThat(other.account("alice").grant().orElseThrow().identity()).isEqualTo(in.identity());
    }

    @Test
    void azure_ads_first_versions_names_are_understood() throws Exception {
        SignedIn in = (SignedIn) loginWith(
                node(scene.server.issuer()),
                claims -> claims.claim("unique_name", "alice@contoso.example").claim("upn", "other"));
        assertThat(in.identity().orElseThrow().userName()).contains("alice@contoso.example");
    }

    @Test
    void an_elliptic_key_will_do() throws Exception {
        show(ecKey);
        assertThat(login(
                        node(scene.server.issuer()),
                        login -> sign(
                                claims(login).build(),
                                new JWSHeader.Builder(JWSAlgorithm.ES256)
                                        .keyID("ec")
                                        .build(),
                                new ECDSASigner(ecKey))))
                .isInstanceOf(SignedIn.class);
    }

    @Test
    void clocks_may_differ_by_a_minute_and_no_more() throws Exception {
        Grantkeeper node = node(scene.server.issuer());
        Instant now = scene.time.clock().instant();
        assertThat(loginWith(node, claims -> claims.expirationTime(Date.from(now.minusSeconds(50)))))
                .isInstanceOf(SignedIn.class);
        assertThat(loginWith(node, claims -> claims.issueTime(Date.from(now.plusSeconds(50)))))
                .isInstanceOf(SignedIn.class);
        assertThat(loginWith(node, claims -> claims.notBeforeTime(Date.from(now.plusSeconds(50)))))
                .isInstanceOf(SignedIn.class);
    }

    @Test
    void claims_in_every_form_that_the_standard_allows_are_taken() throws Exception {
        Grantkeeper node = node(scene.server.issuer());
        for (String audience : List.of("\"" + Scene.CLIENT + "\"", "[\"" + Scene.CLIENT + "\"]")) {
            for (String fraction : List.of("", ".5")) {
                assertThat(login(node, login -> {
                            Instant now = scene.time.clock().instant();
                            return signJson(
                                    "{\"iss\":\"" + scene.server.issuer() + "\",\"sub\":\"alice\",\"aud\":" + audience
                                            + ",\"azp\":\"" + Scene.CLIENT + "\",\"nonce\":\""
                                            + login.attempt().nonce()
                                            + "\",\"iat\":" + now.getEpochSecond() + fraction
                                            + ",\"exp\":" + now.plusSeconds(60).getEpochSecond() + fraction + "}");
                        }))
                        .isInstanceOf(SignedIn.class);
            }
        }
    }

    /** OpenID Connect Core section 2. Two large numbers that are rounded to one would be one user. */
    @ParameterizedTest
    @ValueSource(strings = {"12345", "12345678901234567890", "1.5", "1e3", "true", "null", "[\"alice\"]", "{}", "\"\""})
    void a_subject_that_is_not_a_text_is_refused(String subject) {
        for (String repeated : List.of("", ",\"iss\":\"" + scene.server.issuer() + "\"")) {
            assertRefused(node(scene.server.issuer()), login -> {
                Instant now = scene.time.clock().instant();
                return signJson("{\"iss\":\"" + scene.server.issuer() + "\",\"sub\":" + subject + ",\"aud\":\""
                        + Scene.CLIENT + "\",\"nonce\":\"" + login.attempt().nonce() + "\",\"iat\":"
                        + now.getEpochSecond() + ",\"exp\":"
                        + now.plusSeconds(60).getEpochSecond() + repeated + "}");
            });
        }
        assertThat(IdTokens.ownerOf(
                        base64("{\"alg\":\"none\"}")
                                + "."
                                + base64("{\"iss\":\"i\",\"sub\":12345,\"aud\":\"c\"}")
                                + ".",
                        Identity.of("i", "12345", Map.of()),
                        "c",
                        Set.of()))
                .isNotEqualTo(IdTokens.Owner.SAME);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"key_ops\":[\"connect\"]",
                "\"key_ops\":\"verify\"",
                "\"x5u\":\"see the handbook, page 7\"",
                "\"x5c\":[\"not a certificate\"]",
                "\"x5c\":{}",
                "\"x5t\":7",
                "\"x5t#S256\":[]",
                "\"exp\":\"never\"",
                "\"iat\":\"yesterday\"",
                "\"alg\":\"\"",
                "\"alg\":null",
                "\"use\":\"\"",
                "\"oth\":[{}]",
                "\"d\":17",
                "\"p\":\"AQAB\"",
                "\"revoked\":{\"at\":1}"
            })
    void members_that_nobody_needs_cost_no_key(String member) throws Exception {
        Map<String, Object> members = key.toPublicJWK().toJSONObject();
        members.remove("use");
        String json = JSONObjectUtils.toJSONString(members);
        jwks = "\ufeff{\"keys\":[7,null,\"x\",{\"kty\":\"new\"}," + json.substring(0, json.length() - 1) + "," + member
                + "}]}";
        assertThat(loginWith(node(scene.server.issuer()), claims -> {})).isInstanceOf(SignedIn.class);
    }

    @Test
    void a_key_id_may_be_a_number() throws Exception {
        RSAKey numbered = new RSAKey.Builder(key).keyID("4711").build();
        jwks = new JWKSet(numbered.toPublicJWK()).toString().replace("\"4711\"", "4711");
        assertThat(jwks).contains("\"kid\":4711");
        assertThat(login(
                        node(scene.server.issuer()), login -> sign(claims(login).build(), numbered)))
                .isInstanceOf(SignedIn.class);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{\"keys\":[]}|the list is empty",
                "{\"jwks\":[]}|there is no list of keys",
                "<html>|not JSON",
                "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}|too short",
                "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AQAB\"}]}|the last of 1"
            })
    void the_message_about_keys_says_what_is_wrong_with_them(String shown, String why) {
        jwks = shown;
        assertThatThrownBy(() -> loginWith(node(scene.server.issuer()), claims -> {}))
                .isInstanceOfSatisfying(
                        AuthorizationServerException.class,
                        e -> assertThat(e.kind()).isEqualTo(AuthorizationServerException.Kind.TEMPORARY))
                .hasMessageContaining(why);
    }

    @Test
    void time_is_told_by_the_applications_clock() throws Exception {
        Grantkeeper node = node(scene.server.issuer());
        scene.time.jump(Duration.ofDays(400));
        assertThat(loginWith(node, claims -> {})).isInstanceOf(SignedIn.class);
        Instant lastYear = Instant.now();
        assertRefused(
                node,
                login -> sign(claims(login).expirationTime(Date.from(lastYear)).build(), key));
    }

    /** T-079. */
    @Test
    void hashes_that_are_right_are_taken_in_every_length() throws Exception {
        record Algorithm(JWSAlgorithm name, String digest) {}
        for (Algorithm algorithm : List.of(
                new Algorithm(JWSAlgorithm.RS256, "SHA-256"),
                new Algorithm(JWSAlgorithm.PS384, "SHA-384"),
                new Algorithm(JWSAlgorithm.RS512, "SHA-512"))) {
            for (boolean right : new boolean[] {true, false}) {
                Grantkeeper node = node(scene.server.issuer());
                PendingLogin login = node.startLogin();
                String query = Scene.query(scene.server.approve(login.url().toString(), "alice"));
                String code =
                        String.valueOf(HttpUrl.get("http://localhost/?" + query).queryParameter("code"));
                scene.server.tokenResponse(answer -> {
                    try {
                        answer.put(
                                "id_token",
                                sign(
                                        claims(login)
                                                .claim("c_hash", half(algorithm.digest(), code))
                                                .claim(
                                                        "at_hash",
                                                        half(
                                                                algorithm.digest(),
                                                                right
                                                                        ? String.valueOf(answer.get("access_token"))
                                                                        : ""))
                                                .build(),
                                        new JWSHeader.Builder(algorithm.name())
                                                .keyID("one")
                                                .build(),
                                        new RSASSASigner(key)));
                    } catch (Exception e) {
                        throw new IllegalStateException(e);
                    }
                    return answer;
                });
                if (right) {
                    assertThat(node.finishLogin(login, query)).isInstanceOf(SignedIn.class);
                } else {
                    assertThatThrownBy(() -> node.finishLogin(login, query)).hasMessageContaining("at_hash");
                }
            }
        }
    }

    private static String half(String algorithm, String of) throws Exception {
        byte[] hash = MessageDigest.getInstance(algorithm).digest(of.getBytes(StandardCharsets.US_ASCII));
        return base64(Arrays.copyOf(hash, hash.length / 2));
    }

    @Test
    void a_login_that_must_be_recent_takes_no_old_one_and_none_that_does_not_say() throws Exception {
        Grantkeeper node = node(scene.server.issuer());
        Instant now = scene.time.clock().instant();
        for (Object authTime : new Object[] {
            now.minusSeconds(3700).getEpochSecond(),
            now.plusSeconds(120).getEpochSecond(),
            Long.MAX_VALUE,
            null,
            "1",
            List.of(),
            now.minus(Duration.ofDays(1)).toString()
        }) {
            assertThatThrownBy(() -> recent(node, Duration.ofHours(1), authTime))
                    .hasMessageContaining("auth_time");
        }
        assertThat(recent(node, Duration.ofHours(1), now.minusSeconds(3500).getEpochSecond()))
                .isInstanceOf(SignedIn.class);
        assertThat(recent(node, Duration.ZERO, now.plusSeconds(5).getEpochSecond()))
                .isInstanceOf(SignedIn.class);
    }

    private LoginResult recent(Grantkeeper node, Duration maxAge, Object authTime) throws Exception {
        PendingLogin sent = node.newLogin().maxAge(maxAge).start();
        assertThat(sent.url().toString()).contains("max_age=" + maxAge.toSeconds());
        PendingLogin login = PendingLogin.unseal(Scene.KEYS, sent.sessionKey(), sent.seal(Scene.KEYS))
                .orElseThrow();
        String idToken = sign(claims(login).claim("auth_time", authTime).build(), key);
        scene.server.tokenResponse(answer -> {
            answer.put("id_token", idToken);
            return answer;
        });
        return node.finishLogin(
                login, Scene.query(scene.server.approve(sent.url().toString(), "alice")));
    }

    @Test
    void how_recent_a_login_must_be_is_no_bare_parameter_that_nobody_checks() throws Exception {
        Grantkeeper node = node(scene.server.issuer());
        assertThatThrownBy(() -> node.newLogin().parameter("max_age", "1")).hasMessageContaining("max_age");
        assertThatThrownBy(() -> node.newLogin().maxAge(Duration.ofSeconds(-1))).hasMessageContaining("maxAge");
        PendingLogin forAnApi =
                node.newLogin().scopes("things.read").maxAge(Duration.ZERO).start();
        assertThat(forAnApi.url().toString()).contains("max_age=0");
    }

    // ---- What is wrong --------------------------------------------------------------------------------------------

    @ParameterizedTest
    @EnumSource(
            value = Signing.class,
            names = {"RS256"},
            mode = EnumSource.Mode.EXCLUDE)
    void a_token_that_is_signed_wrongly_is_refused(Signing how) {
        Grantkeeper node =
                scene.node(scene.registration(scene.openIdProvider().build()).scopes("openid"));
        scene.server.signing(how);
        assertThatThrownBy(() -> scene.login(node, "alice"))
                .isInstanceOfSatisfying(
                        AuthorizationServerException.class,
                        failure -> assertThat(failure.kind()).isEqualTo(AuthorizationServerException.Kind.MALFORMED));
    }

    @ParameterizedTest
    @ValueSource(strings = {"none", "None", "nOnE", "NONE", "", "HS256", "RS256"})
    void a_token_without_signature_is_refused_however_it_is_labelled(String algorithm) {
        assertRefused(
                node(scene.server.issuer()),
                login -> base64("{\"alg\":\"" + algorithm + "\",\"kid\":\"one\"}")
                        + "."
                        + base64(claims(login).build().toString())
                        + ".");
    }

    @Test
    void a_token_that_is_signed_with_another_algorithm_than_was_agreed_is_refused() throws Exception {
        show(key, ecKey);
        Grantkeeper node = scene.node(registration(scene.server.issuer()).signingAlgorithms("PS256"));
        assertRefused(node, login -> sign(claims(login).build(), key));
        assertRefused(
                node,
                login -> sign(
                        claims(login).build(),
                        new JWSHeader.Builder(JWSAlgorithm.ES256)
                                .keyID(ecKey.getKeyID())
                                .build(),
                        new ECDSASigner(ecKey)));
        assertThat(login(
                        node,
                        login -> sign(
                                claims(login).build(),
                                new JWSHeader.Builder(JWSAlgorithm.PS256)
                                        .keyID(key.getKeyID())
                                        .build(),
                                new RSASSASigner(key))))
                .isInstanceOf(SignedIn.class);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> registration(scene.server.issuer()).signingAlgorithms("HS256"))
                .withMessageContaining("HS256");
    }

    @Test
    void a_plain_token_is_refused() {
        assertRefused(
                node(scene.server.issuer()), login -> new PlainJWT(claims(login).build()).serialize());
    }

    @Test
    void a_public_key_is_no_shared_secret() throws Exception {
        byte[] publicKey = key.toRSAPublicKey().getEncoded();
        String pem = "-----BEGIN PUBLIC KEY-----\n"
                + Base64.getMimeEncoder(64, "\n".getBytes(StandardCharsets.US_ASCII))
                        .encodeToString(publicKey)
                + "\n-----END PUBLIC KEY-----\n";
        for (byte[] secret : List.of(publicKey, pem.getBytes(StandardCharsets.US_ASCII))) {
            assertRefused(
                    node(scene.server.issuer()),
                    login -> sign(
                            claims(login).build(),
                            new JWSHeader.Builder(JWSAlgorithm.HS256)
                                    .keyID("one")
                                    .build(),
                            new MACSigner(secret)));
        }
    }

    @Test
    void a_key_that_the_token_brings_along_is_not_used() {
        assertRefused(
                node(scene.server.issuer()),
                login -> sign(
                        claims(login).build(),
                        new JWSHeader.Builder(JWSAlgorithm.RS256)
                                .keyID("one")
                                .jwk(otherKey.toPublicJWK())
                                .build(),
                        new RSASSASigner(otherKey)));
    }

    /** It names the key once more, and the key that was fetched need not have one. */
    @Test
    void a_certificate_that_is_named_in_the_header_costs_no_login() throws Exception {
        Base64URL thumbprint = Base64URL.encode(new byte[32]);
        assertThat(login(
                        node(scene.server.issuer()),
                        login -> sign(
                                claims(login).build(),
                                new JWSHeader.Builder(JWSAlgorithm.RS256)
                                        .keyID("one")
                                        .x509CertSHA256Thumbprint(thumbprint)
                                        .build(),
                                new RSASSASigner(key))))
                .isInstanceOf(SignedIn.class);
        assertRefused(
                node(scene.server.issuer()),
                login -> sign(
                        claims(login).build(),
                        new JWSHeader.Builder(JWSAlgorithm.RS256)
                                .keyID("one")
                                .x509CertSHA256Thumbprint(thumbprint)
                                .build(),
                        new RSASSASigner(otherKey)));
    }

    @Test
    void a_header_that_is_critical_and_unknown_is_refused() {
        assertRefused(
                node(scene.server.issuer()),
                login -> sign(
                        claims(login).build(),
                        new JWSHeader.Builder(JWSAlgorithm.RS256)
                                .keyID("one")
                                .criticalParams(Set.of("bork"))
                                .customParam("bork", true)
                                .build(),
                        new RSASSASigner(key)));
    }

    private record Wrong(String name, Consumer<JWTClaimsSet.Builder> change) {
        @Override
        public String toString() {
            return name;
        }
    }

    static List<Wrong> wrongClaims() {
        Instant now = Instant.now();
        List<Wrong> all = new ArrayList<>(List.of(
                new Wrong("wrong iss", claims -> claims.issuer("https://evil.example")),
                new Wrong("no iss", claims -> claims.issuer(null)),
                new Wrong("wrong aud", claims -> claims.audience("another-client")),
                new Wrong("no aud", claims -> claims.audience((String) null)),
                new Wrong("empty aud", claims -> claims.audience(List.of())),
                new Wrong("several aud, no azp", claims -> claims.audience(List.of(Scene.CLIENT, "another"))),
                new Wrong(
                        "several aud, wrong azp",
                        claims -> claims.audience(List.of(Scene.CLIENT, "another"))
                                .claim("azp", "another")),
                new Wrong(
                        "several aud, right azp",
                        claims -> claims.audience(List.of(Scene.CLIENT, "another"))
                                .claim("azp", Scene.CLIENT)),
                new Wrong("wrong at_hash", claims -> claims.claim("at_hash", "77QmUPtjPfzWtF2AnpK9RQ")),
                new Wrong("wrong c_hash", claims -> claims.claim("c_hash", "77QmUPtjPfzWtF2AnpK9RQ")),
                new Wrong("empty at_hash", claims -> claims.claim("at_hash", "")),
                new Wrong("at_hash is a list", claims -> claims.claim("at_hash", List.of("77QmUPtjPfzWtF2AnpK9RQ"))),
                new Wrong("wrong azp", claims -> claims.claim("azp", "another")),
                new Wrong("azp is a list", claims -> claims.claim("azp", List.of(Scene.CLIENT))),
                new Wrong("no sub", claims -> claims.subject(null)),
                new Wrong("empty sub", claims -> claims.subject("")),
                new Wrong("expired", claims -> claims.expirationTime(Date.from(now.minusSeconds(90)))),
                new Wrong("no exp", claims -> claims.expirationTime(null)),
                new Wrong("no iat", claims -> claims.issueTime(null)),
                new Wrong("iat in the future", claims -> claims.issueTime(Date.from(now.plusSeconds(120)))),
                new Wrong("nbf in the future", claims -> claims.notBeforeTime(Date.from(now.plusSeconds(120))))));
        return all;
    }

    @ParameterizedTest
    @MethodSource("wrongClaims")
    void a_token_with_wrong_claims_is_refused(Wrong wrong) {
        assertRefused(node(scene.server.issuer()), login -> {
            JWTClaimsSet.Builder claims = claims(login);
            wrong.change().accept(claims);
            return sign(claims.build(), key);
        });
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"exp\":\"9999999999\"",
                "\"exp\":1e400",
                "\"iat\":1e400",
                "\"nbf\":9e9",
                "\"nbf\":[]",
                "\"exp\":[]",
                "\"exp\":{}",
                "\"exp\":true",
                "\"exp\":null",
                "\"exp\":-1",
                "\"iat\":null",
                "\"sub\":null",
                "\"iss\":null",
                "\"aud\":null",
                "\"aud\":[null]",
                "\"aud\":[\"test-client\",null]",
                "\"aud\":[\"test-client\",7]",
                "\"nonce\":null",
                "\"nbf\":\"0\"",
                "\"iat\":\"0\"",
                "\"iat\":{}",
                "\"sub\":{}",
                "\"sub\":[]",
                "\"iss\":[]",
                "\"aud\":{}",
                "\"aud\":7",
                "\"nonce\":[]"
            })
    void a_claim_of_the_wrong_type_is_not_skipped(String member) throws Exception {
        String name = member.substring(1, member.indexOf('"', 1));
        try {
            LoginResult result = login(node(scene.server.issuer()), login -> {
                Map<String, Object> claims = claims(login).build().toJSONObject();
                claims.remove(name);
                String json = JSONObjectUtils.toJSONString(claims);
                return signJson(json.substring(0, json.length() - 1) + "," + member + "}");
            });
            // A nonce that is no text is a nonce that differs.
            assertThat(result).isInstanceOf(Mismatched.class);
            assertThat(name).isEqualTo("nonce");
        } catch (AuthorizationServerException e) {
            assertThat(e.kind()).isEqualTo(AuthorizationServerException.Kind.MALFORMED);
        }
    }

    private static String base64(String text) {
        return base64(text.getBytes(StandardCharsets.UTF_8));
    }

    private static String base64(byte[] bytes) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }

    private static String signJson(String claims) throws Exception {
        JWSObject jws = new JWSObject(
                new JWSHeader.Builder(JWSAlgorithm.RS256)
                        .keyID("one")
                        .type(JOSEObjectType.JWT)
                        .build(),
                new Payload(claims));
        jws.sign(new RSASSASigner(key));
        return jws.serialize();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "another"})
    void a_token_with_another_logins_nonce_is_forged(String nonce) throws Exception {
        assertThat(loginWith(node(scene.server.issuer()), claims -> claims.claim("nonce", nonce)))
                .asInstanceOf(type(Mismatched.class))
                .extracting(Mismatched::reason)
                .isEqualTo(Mismatched.Reason.FORGED);
        assertThat(loginWith(node(scene.server.issuer()), claims -> claims.claim("nonce", null)))
                .isInstanceOf(Mismatched.class);
        assertThat(scene.store.rows).isEmpty();
    }

    @Test
    void openid_without_an_id_token_is_no_login() {
        Grantkeeper node = node(scene.server.issuer());
        scene.server.tokenResponse(answer -> {
            answer.remove("id_token");
            return answer;
        });
        assertThatThrownBy(() -> scene.login(node, "alice"))
                .isInstanceOfSatisfying(
                        AuthorizationServerException.class,
                        failure -> assertThat(failure.kind()).isEqualTo(AuthorizationServerException.Kind.MALFORMED));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"x", "a.b", "a.b.c", "a.b.c.d.e", "....", "e30.e30.e30", "e30.W10.e30", "bnVsbA.bnVsbA.bnVsbA"})
    void what_is_no_signed_jwt_is_refused(String idToken) {
        assertRefused(node(scene.server.issuer()), login -> idToken);
    }

    @Test
    void claims_that_are_nested_too_deeply_are_refused_or_can_be_read_again() throws Exception {
        for (int depth : new int[] {20, 60, 70, 100, 250, 400, 20_000}) {
            Grantkeeper node = node(scene.server.issuer());
            LoginResult result;
            try {
                result = login(node, login -> {
                    String json = claims(login).build().toString();
                    return signJson(json.substring(0, json.length() - 1) + ",\"deep\":" + "[".repeat(depth)
                            + "]".repeat(depth) + "}");
                });
            } catch (AuthorizationServerException e) {
                assertThat(e.kind()).isEqualTo(AuthorizationServerException.Kind.MALFORMED);
                continue;
            }
            ((SignedIn) result).keepAs("deep" + depth);
            assertThat(node(scene.server.issuer()).account("deep" + depth).grant())
                    .as("depth %s", depth)
                    .isPresent();
        }
    }

    @Test
    void nothing_of_a_refused_token_is_in_the_message() {
        Grantkeeper node = node(scene.server.issuer());
        assertThatThrownBy(() -> loginWith(
                        node, claims -> claims.subject("canary-subject").audience("another")))
                .satisfies(failure -> assertThat(stackTrace(failure)).doesNotContain("canary-subject"));
    }

    private static String stackTrace(Throwable failure) {
        StringWriter text = new StringWriter();
        failure.printStackTrace(new PrintWriter(text));
        return text.toString();
    }

    // ---- Keys -----------------------------------------------------------------------------------------------------

    @Test
    void a_key_that_is_new_is_fetched() throws Exception {
        Grantkeeper node = node(scene.server.issuer());
        assertThat(loginWith(node, claims -> {})).isInstanceOf(SignedIn.class);
        show(otherKey);
        assertThat(login(node, login -> sign(claims(login).build(), otherKey))).isInstanceOf(SignedIn.class);
        assertThat(keys.getRequestCount()).isEqualTo(2);
    }

    /** T-075: a limit on fetches is there for tokens that nobody signed, not for a provider that rotates often. */
    @Test
    void keys_that_rotate_several_times_within_a_minute_are_followed() throws Exception {
        Grantkeeper node = node(scene.server.issuer());
        for (RSAKey now : List.of(key, otherKey, key, otherKey)) {
            show(now);
            assertThat(login(node, login -> sign(claims(login).build(), now))).isInstanceOf(SignedIn.class);
        }
        assertThat(keys.getRequestCount()).isEqualTo(4);
    }

    @Test
    void a_key_that_is_new_under_its_old_id_is_fetched() throws Exception {
        Grantkeeper node = node(scene.server.issuer());
        assertThat(loginWith(node, claims -> {})).isInstanceOf(SignedIn.class);
        RSAKey renamed = new RSAKey.Builder(otherKey).keyID("one").build();
        show(renamed);
        assertThat(login(node, login -> sign(claims(login).build(), renamed))).isInstanceOf(SignedIn.class);
        assertThat(keys.getRequestCount()).isEqualTo(2);
    }

    @Test
    void keys_are_asked_for_again_after_five_minutes_so_that_withdrawn_ones_do_not_count() throws Exception {
        Grantkeeper node = node(scene.server.issuer());
        assertThat(loginWith(node, claims -> {})).isInstanceOf(SignedIn.class);
        show(otherKey);
        assertThat(loginWith(node, claims -> {})).isInstanceOf(SignedIn.class);
        scene.time.pass(Duration.ofMinutes(6));
        assertRefused(node, login -> sign(claims(login).build(), key));
    }

    /** T-083. */
    @Test
    void while_the_keys_cannot_be_fetched_the_last_ones_are_good_for_a_day() throws Exception {
        Grantkeeper node = node(scene.server.issuer());
        assertThat(loginWith(node, claims -> {})).isInstanceOf(SignedIn.class);
        for (String broken : List.of("<html>", "{\"keys\":[]}", "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AA\"}]}")) {
            jwks = broken;
            scene.time.pass(Duration.ofHours(1));
            assertThat(loginWith(node, claims -> {})).isInstanceOf(SignedIn.class);
        }
        jwksStatus = 503;
        scene.time.pass(Duration.ofHours(20));
        assertThat(loginWith(node, claims -> {})).isInstanceOf(SignedIn.class);
        assertFails(node, login -> sign(claims(login).build(), otherKey), AuthorizationServerException.Kind.TEMPORARY);
        scene.time.pass(Duration.ofHours(2));
        assertFails(node, login -> sign(claims(login).build(), key), AuthorizationServerException.Kind.TEMPORARY);
        jwksStatus = 200;
        show(key);
        assertThat(loginWith(node, claims -> {})).isInstanceOf(SignedIn.class);
    }

    @Test
    void one_connection_that_fails_costs_no_login() throws Exception {
        Grantkeeper node =
                scene.node(scene.registration(scene.openIdProvider().build()).scopes("openid"));
        scene.server.onNextMetadataRequest(Fault.dropAfter());
        assertThat(scene.login(node, "alice")).isInstanceOf(SignedIn.class);
    }

    @Test
    void keys_are_fetched_once_for_many_logins() throws Exception {
        Grantkeeper node = node(scene.server.issuer());
        for (int i = 0; i < 20; i++) {
            assertThat(loginWith(node, claims -> {})).isInstanceOf(SignedIn.class);
        }
        assertThat(keys.getRequestCount()).isEqualTo(1);
    }

    /** T-074. */
    @Test
    void a_thousand_made_up_key_ids_in_a_minute_cost_two_fetches() throws Exception {
        ProviderKeys provider = new ProviderKeys(
                URI.create(keys.url("/jwks").toString()),
                Set.of(),
                new Http(scene.http, Scene.TOKEN_CALL, new DPoP(scene.time.clock(), false)),
                scene.time::ticks);
        JWTClaimsSet claims = new JWTClaimsSet.Builder().subject("alice").build();
        String signature = sign(claims, key);
        for (int i = 0; i < 1000; i++) {
            String madeUp = base64("{\"alg\":\"RS256\",\"kid\":\"made-up-" + i + "\"}")
                    + signature.substring(signature.indexOf('.'));
            assertThatThrownBy(() -> provider.verify("token", madeUp)).isInstanceOf(IdentityException.class);
        }
        assertThat(keys.getRequestCount()).isLessThanOrEqualTo(2);
        assertThat(provider.verify("token", signature).claims().getSubject()).isEqualTo("alice");
        assertThat(keys.getRequestCount()).isLessThanOrEqualTo(2);
    }

    @ParameterizedTest
    @ValueSource(ints = {500, 503, 404, 301})
    void keys_that_cannot_be_fetched_are_a_temporary_failure(int status) {
        jwksStatus = status;
        assertFails(
                node(scene.server.issuer()),
                login -> sign(claims(login).build(), key),
                AuthorizationServerException.Kind.TEMPORARY);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "[]",
                "<html>",
                "{\"keys\":7}",
                "{\"keys\":[{\"kty\":\"RSA\"}]}",
                "{\"keys\":[null]}",
                "{\"keys\":[{}]}",
                "{}",
                "null"
            })
    void keys_that_make_no_sense_sign_nobody_in(String answer) {
        jwks = answer;
        assertThatThrownBy(() -> loginWith(node(scene.server.issuer()), claims -> {}))
                .isInstanceOf(AuthorizationServerException.class);
    }

    @Test
    void keys_that_are_dropped_on_the_way_are_a_temporary_failure() {
        Grantkeeper node =
                scene.node(scene.registration(scene.openIdProvider().build()).scopes("openid"));
        scene.server.onNextMetadataRequest(Fault.dropAfter(), Fault.dropAfter());
        assertThatThrownBy(() -> scene.login(node, "alice"))
                .isInstanceOfSatisfying(
                        AuthorizationServerException.class,
                        failure -> assertThat(failure.kind()).isEqualTo(AuthorizationServerException.Kind.TEMPORARY));
    }

    @Test
    void a_token_without_key_id_is_verified_where_one_key_fits() throws Exception {
        Maker without = login ->
                sign(claims(login).build(), new JWSHeader.Builder(JWSAlgorithm.RS256).build(), new RSASSASigner(key));
        assertThat(login(node(scene.server.issuer()), without)).isInstanceOf(SignedIn.class);
    }

    /** T-074; OpenID Connect Core section 10.1. */
    @Test
    void a_token_without_key_id_is_refused_where_several_keys_fit() throws Exception {
        Maker without = login ->
                sign(claims(login).build(), new JWSHeader.Builder(JWSAlgorithm.RS256).build(), new RSASSASigner(key));
        show(key, otherKey);
        assertRefused(node(scene.server.issuer()), without);
        show(key, ecKey, new RSAKey.Builder(otherKey).keyUse(KeyUse.ENCRYPTION).build());
        assertThat(login(node(scene.server.issuer()), without)).isInstanceOf(SignedIn.class);
    }

    @Test
    void an_edwards_key_will_do() throws Exception {
        for (int i = 0; i < 8; i++) { // the sign of x is in a bit of its own
            KeyPair pair = KeyPairGenerator.getInstance("Ed25519").generateKeyPair();
            byte[] encoded = pair.getPublic().getEncoded();
            jwks = "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"ed\",\"x\":\""
                    + base64(Arrays.copyOfRange(encoded, encoded.length - 32, encoded.length)) + "\"}]}";
            assertThat(login(node(scene.server.issuer()), login -> {
                        String content = base64("{\"alg\":\"EdDSA\",\"kid\":\"ed\"}") + "."
                                + base64(claims(login).build().toString());
                        Signature signature = Signature.getInstance("Ed25519");
                        signature.initSign(pair.getPrivate());
                        signature.update(content.getBytes(StandardCharsets.US_ASCII));
                        return content + "." + base64(signature.sign());
                    }))
                    .isInstanceOf(SignedIn.class);
        }
    }

    /** T-078. */
    @Test
    void weak_keys_and_keys_of_another_kind_verify_nothing() throws Exception {
        KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
        generator.initialize(1024);
        KeyPair weak = generator.generateKeyPair();
        show(new RSAKey.Builder((RSAPublicKey) weak.getPublic()).keyID("one").build(), otherKey);
        RSASSASigner weakSigner = new RSASSASigner(weak.getPrivate(), Set.of(AllowWeakRSAKey.getInstance()));
        assertRefused(
                node(scene.server.issuer()),
                login -> sign(
                        claims(login).build(),
                        new JWSHeader.Builder(JWSAlgorithm.RS256).keyID("one").build(),
                        weakSigner));
        show(ecKey);
        for (String algorithm : List.of("ES256", "ES384", "RS256", "EdDSA")) {
            assertRefused(
                    node(scene.server.issuer()),
                    login -> base64("{\"alg\":\"" + algorithm + "\",\"kid\":\"ec\"}") + "."
                            + base64(claims(login).build().toString()) + "."
                            + base64(new byte[64])); // r = s = 0
        }
    }

    /** T-084: RFC 7515 section 2 allows neither padding nor blanks nor the other alphabet. */
    @Test
    void what_a_lenient_decoder_would_take_is_refused() {
        for (String change : List.of("=", "==", " ", "\n", "+", "/", ".", ".x", "\u0000", "ü")) {
            assertRefused(
                    node(scene.server.issuer()), login -> sign(claims(login).build(), key) + change);
        }
    }

    /** T-076: the header may name other keys; nobody goes there. */
    @Test
    void keys_that_the_header_points_to_are_neither_used_nor_fetched() throws Exception {
        try (MockWebServer evil = new MockWebServer()) {
            evil.start();
            URI there = URI.create(evil.url("/jwks").toString());
            assertRefused(
                    node(scene.server.issuer()),
                    login -> sign(
                            claims(login).build(),
                            new JWSHeader.Builder(JWSAlgorithm.RS256)
                                    .keyID("two")
                                    .jwkURL(there)
                                    .x509CertURL(there)
                                    .jwk(otherKey.toPublicJWK())
                                    .build(),
                            new RSASSASigner(otherKey)));
            assertThat(evil.getRequestCount()).isZero();
        }
    }

    // ---- Tenants --------------------------------------------------------------------------------------------------

    private String template() {
        return scene.server.issuer() + "/{tenantid}/v2.0";
    }

    private Consumer<JWTClaimsSet.Builder> ofTenant(String inIssuer, Object tid) {
        return claims ->
                claims.issuer(scene.server.issuer() + "/" + inIssuer + "/v2.0").claim("tid", tid);
    }

    @Test
    void an_issuer_that_leaves_the_tenant_open_takes_the_tokens_own() throws Exception {
        SignedIn in = (SignedIn) loginWith(node(template()), ofTenant(TENANT_A, TENANT_A));
        assertThat(in.identity().orElseThrow().id()).isEqualTo(scene.server.issuer() + "/" + TENANT_A + "/v2.0 alice");
    }

    static List<Object[]> wrongTenants() {
        return List.of(
                new Object[] {TENANT_A, TENANT_B},
                new Object[] {TENANT_A, null},
                new Object[] {"{tenantid}", null},
                new Object[] {"{tenantid}", "{tenantid}"},
                new Object[] {"common", "common"},
                new Object[] {TENANT_A + "/x", TENANT_A + "/x"},
                new Object[] {TENANT_A, List.of(TENANT_A)},
                new Object[] {"", ""});
    }

    @ParameterizedTest
    @MethodSource("wrongTenants")
    void an_issuer_of_another_tenant_is_refused(String inIssuer, Object tid) {
        assertRefused(node(template()), login -> {
            JWTClaimsSet.Builder claims = claims(login);
            ofTenant(inIssuer, tid).accept(claims);
            return sign(claims.build(), key);
        });
    }

    @Test
    void a_key_that_belongs_to_one_tenant_signs_for_no_other() throws Exception {
        String json = key.toPublicJWK().toJSONString();
        String withIssuer = json.substring(0, json.length() - 1) + ",\"issuer\":\"" + scene.server.issuer() + "/"
                + TENANT_B + "/v2.0\"}";
        jwks = "{\"keys\":[" + withIssuer + "]}";
        Grantkeeper node = node(template());
        assertThat(loginWith(node, ofTenant(TENANT_B, TENANT_B))).isInstanceOf(SignedIn.class);
        assertRefused(node, login -> {
            JWTClaimsSet.Builder claims = claims(login);
            ofTenant(TENANT_A, TENANT_A).accept(claims);
            return sign(claims.build(), key);
        });
        String open = json.substring(0, json.length() - 1) + ",\"issuer\":\"" + template() + "\"}";
        jwks = "{\"keys\":[" + open + "]}";
        assertThat(loginWith(node(template()), ofTenant(TENANT_A, TENANT_A))).isInstanceOf(SignedIn.class);
    }

    /** ZITADEL issues each ID token for the application and its project. */
    @Test
    void an_audience_that_the_application_trusts_is_no_stranger() throws Exception {
        Consumer<JWTClaimsSet.Builder> zitadel =
                claims -> claims.audience(List.of(Scene.CLIENT, "project")).claim("azp", Scene.CLIENT);
        assertThatThrownBy(() -> loginWith(node(scene.server.issuer()), zitadel))
                .isInstanceOf(AuthorizationServerException.class)
                .hasMessageContaining("project")
                .hasMessageContaining("trustedAudiences(...)");
        Grantkeeper trusting = scene.node(registration(scene.server.issuer()).trustedAudiences("project", "another"));
        SignedIn in = (SignedIn) loginWith(trusting, zitadel);
        assertThat(in.identity().orElseThrow().subject()).isEqualTo("alice");
        assertThat(loginWith(trusting, claims -> claims.audience(List.of("project", Scene.CLIENT))))
                .isInstanceOf(SignedIn.class);
        assertThat(loginWith(trusting, claims -> claims.audience(Scene.CLIENT))).isInstanceOf(SignedIn.class);
        List<Consumer<JWTClaimsSet.Builder>> wrong = List.of(
                claims -> claims.audience("project"),
                claims -> claims.audience(List.of("project", "another")),
                claims -> claims.audience(List.of(Scene.CLIENT, "project", "stranger")),
                claims -> claims.audience(List.of(Scene.CLIENT, "project")).claim("azp", "project"));
        for (Consumer<JWTClaimsSet.Builder> change : wrong) {
            assertThatThrownBy(() -> loginWith(trusting, change)).isInstanceOf(AuthorizationServerException.class);
        }
    }

    /** At ZITADEL, each application that is added to the project is one audience more. */
    @Test
    void any_audience_is_trusted_of_a_token_that_names_this_client_as_its_party() throws Exception {
        Grantkeeper trusting = scene.node(registration(scene.server.issuer()).trustedAudiences("*"));
        List<String> growing = List.of("app-1", Scene.CLIENT, "app-3", "project");
        assertThat(loginWith(trusting, claims -> claims.audience(growing).claim("azp", Scene.CLIENT)))
                .isInstanceOf(SignedIn.class);
        List<Consumer<JWTClaimsSet.Builder>> wrong = List.of(
                claims -> claims.audience(growing),
                claims -> claims.audience(growing).claim("azp", "app-1"),
                claims -> claims.audience(List.of("app-1", "project")).claim("azp", Scene.CLIENT));
        for (Consumer<JWTClaimsSet.Builder> change : wrong) {
            assertThatThrownBy(() -> loginWith(trusting, change)).isInstanceOf(AuthorizationServerException.class);
        }
    }

    static List<Object[]> tenantsOfOneIssuer() {
        return List.of(
                new Object[] {TENANT_A + "/v2.0", TENANT_A, true},
                new Object[] {TENANT_A + "/v2.0", null, true},
                new Object[] {TENANT_A + "/v2.0", TENANT_B, false},
                new Object[] {TENANT_A + "/v2.0", "contoso.example", false},
                new Object[] {TENANT_A + "/v2.0", "", false},
                new Object[] {TENANT_A + "/v2.0", 7, false},
                new Object[] {TENANT_A + "/v2.0", List.of(TENANT_A), false},
                new Object[] {TENANT_A + "/", TENANT_A, true},
                new Object[] {TENANT_A + "/", TENANT_B, false},
                // Other servers may call something else so.
                new Object[] {TENANT_A + "/as", TENANT_B, true},
                new Object[] {"realms/acme", TENANT_B, true},
                new Object[] {"realms/acme", "acme", true});
    }

    @ParameterizedTest
    @MethodSource("tenantsOfOneIssuer")
    void a_tenant_is_the_one_that_the_issuer_names(String path, Object tid, boolean right) throws Exception {
        String issuer = scene.server.issuer() + "/" + path;
        Consumer<JWTClaimsSet.Builder> change = claims -> claims.issuer(issuer).claim("tid", tid);
        if (right) {
            assertThat(loginWith(node(issuer), change)).isInstanceOf(SignedIn.class);
        } else {
            assertThatThrownBy(() -> loginWith(node(issuer), change))
                    .isInstanceOf(AuthorizationServerException.class)
                    .hasMessageContaining("tid");
        }
    }

    // ---- Later ----------------------------------------------------------------------------------------------------

    @Test
    void a_refresh_that_brings_another_users_id_token_is_not_taken() throws Exception {
        Grantkeeper node =
                scene.node(scene.registration(scene.openIdProvider().build()).scopes("openid", "things.read"));
        Account alice = scene.signIn(node, "alice");
        String before = alice.tokens().accessToken();
        scene.server.idTokenClaims(claims -> {
            claims.put("sub", "bob");
            return claims;
        });
        scene.expire();
        assertThatThrownBy(alice::tokens)
                .isInstanceOfSatisfying(
                        AuthorizationServerException.class,
                        failure -> assertThat(failure.kind()).isEqualTo(AuthorizationServerException.Kind.MALFORMED));
        assertThat(alice.grant().orElseThrow().identity().orElseThrow().subject())
                .isEqualTo("alice");
        assertThat(alice.grant().orElseThrow().loginRequired()).isEmpty();
        assertThat(before).isNotEmpty();
    }

    @ParameterizedTest
    @CsvSource({"iss, https://evil.example", "aud, another", "azp, another", "sub, ''"})
    void a_refresh_that_brings_an_id_token_of_another_server_or_client_is_not_taken(String claim, String value)
            throws Exception {
        Grantkeeper node =
                scene.node(scene.registration(scene.openIdProvider().build()).scopes("openid", "things.read"));
        Account alice = scene.signIn(node, "alice");
        scene.server.idTokenClaims(claims -> {
            claims.put(claim, value);
            return claims;
        });
        scene.expire();
        assertThatThrownBy(alice::tokens)
                .isInstanceOfSatisfying(
                        AuthorizationServerException.class,
                        failure -> assertThat(failure.kind()).isEqualTo(AuthorizationServerException.Kind.MALFORMED));
    }

    @Test
    void a_refresh_that_brings_the_same_users_id_token_is_taken() throws Exception {
        Grantkeeper node =
                scene.node(scene.registration(scene.openIdProvider().build()).scopes("openid", "things.read"));
        Account alice = scene.signIn(node, "alice");
        String before = alice.tokens().idToken().orElseThrow();
        scene.expire();
        assertThat(alice.tokens().idToken().orElseThrow()).isNotEqualTo(before);
        assertThat(alice.grant().orElseThrow().identity().orElseThrow().subject())
                .isEqualTo("alice");
    }

    @Test
    void an_id_token_nobody_asked_for_makes_no_identity_and_does_no_harm() throws Exception {
        Grantkeeper node = scene.node(scene.registration(scene.openIdProvider().build())
                .scopes("things.read")
                .fetchProfile());
        scene.server.tokenResponse(answer -> {
            answer.put("id_token", "a.b.c");
            return answer;
        });
        SignedIn in = (SignedIn) scene.login(node, "alice");
        assertThat(in.identity().orElseThrow().issuer()).isEqualTo("fake");
        Account alice = in.keepAs("alice");
        scene.expire();
        assertThat(alice.tokens().accessToken()).isNotEqualTo(in.tokens().accessToken());
    }

    @Test
    void an_identity_is_found_again_by_issuer_and_subject_only() {
        Identity before = Identity.of("https://issuer.example", "7", Map.of("email", "old@example.org"));
        Identity after = Identity.of("https://issuer.example", "7", Map.of("email", "new@example.org"));
        assertThat(after.id()).isEqualTo(before.id()).doesNotContain("@");
        assertThat(Identity.of("https://other.example", "7", Map.of()).id()).isNotEqualTo(before.id());
        assertThat(before.toString()).doesNotContain("7").doesNotContain("old@");
    }
}
