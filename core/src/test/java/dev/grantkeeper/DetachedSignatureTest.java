/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static dev.grantkeeper.MockProvider.json;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import com.nimbusds.jose.EncryptionMethod;
import com.nimbusds.jose.JWEAlgorithm;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.crypto.MACSigner;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.PlainJWT;
import com.nimbusds.jwt.SignedJWT;
import dev.grantkeeper.AuthorizationServerException.Kind;
import dev.grantkeeper.LoginResult.Declined;
import dev.grantkeeper.LoginResult.Mismatched;
import dev.grantkeeper.LoginResult.SignedIn;
import dev.grantkeeper.provider.DecryptionKey;
import dev.grantkeeper.provider.LoginProtection;
import dev.grantkeeper.provider.Provider;
import java.nio.charset.StandardCharsets;
import java.security.KeyPair;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import mockwebserver3.Dispatcher;
import mockwebserver3.MockResponse;
import mockwebserver3.RecordedRequest;
import okhttp3.HttpUrl;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Authorization responses whose signature is an ID token (FAPI 1.0 Advanced; OpenID Connect Core section 3.3). */
@Timeout(300)
class DetachedSignatureTest {
    private static final Jwe.Signer PROVIDER = new Jwe.Signer();
    private static final KeyPair PAIR = Jwe.rsa();
    private static final String REDIRECT = "https://app.example/callback";
    private static final String CODE = "the-code";

    private final MockProvider mock = new MockProvider();
    private final Grantkeeper node = mock.node(registration());
    private volatile String idToken = "";
    private volatile boolean keysDown;

    @BeforeEach
    void answer() {
        mock.server.setDispatcher(new Dispatcher() {
            @Override
            public MockResponse dispatch(RecordedRequest request) {
                return switch (request.getTarget()) {
                    case "/jwks" -> json(keysDown ? 503 : 200, PROVIDER.jwks());
                    case "/token" ->
                        json(
                                200,
                                "{\"access_token\":\"at\",\"token_type\":\"Bearer\",\"expires_in\":60,"
                                        + "\"refresh_token\":\"rt\",\"id_token\":\"" + idToken + "\"}");
                    default -> json(200, "{}");
                };
            }
        });
    }

    @AfterEach
    void close() {
        mock.close();
    }

    private Grantkeeper.Builder registration() {
        return mock.registration(mock.provider())
                .redirectUri(REDIRECT)
                .scopes("openid")
                .loginProtections(LoginProtection.DETACHED_SIGNATURE);
    }

    private static String parameter(PendingLogin login, String name) {
        return MockProvider.parameters(login.url().toString()).get(name);
    }

    /** The claims of any ID token of this login. */
    private JWTClaimsSet.Builder claims(PendingLogin login) {
        Date now = Date.from(mock.time.clock().instant());
        return new JWTClaimsSet.Builder()
                .issuer(MockProvider.ISSUER)
                .audience(MockProvider.CLIENT)
                .subject("alice")
                .issueTime(now)
                .expirationTime(new Date(now.getTime() + 300_000))
                .claim("nonce", parameter(login, "nonce"));
    }

    /** Those of the one beside the code. */
    private JWTClaimsSet.Builder signature(PendingLogin login) {
        return claims(login).claim("c_hash", hash(CODE)).claim("s_hash", hash(parameter(login, "state")));
    }

    private static String hash(String of) {
        try {
            byte[] all = MessageDigest.getInstance("SHA-256").digest(of.getBytes(StandardCharsets.US_ASCII));
            return Jwe.base64(Arrays.copyOf(all, 16));
        } catch (java.security.NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String posted(PendingLogin login, String idToken) {
        return "code=" + CODE + "&state=" + parameter(login, "state") + "&id_token=" + idToken;
    }

    private static String encrypted(String signed) throws Exception {
        return Jwe.encrypt(JWEAlgorithm.RSA_OAEP_256, EncryptionMethod.A256GCM, PAIR, "enc", signed);
    }

    private List<String> requests() throws InterruptedException {
        List<String> targets = new ArrayList<>();
        RecordedRequest next;
        while ((next = mock.server.takeRequest(0, TimeUnit.MILLISECONDS)) != null) {
            targets.add(next.getTarget());
        }
        return targets;
    }

    private void assertForged(Grantkeeper at, PendingLogin login, String form) throws Exception {
        LoginResult result = at.finishLogin(login, form);
        assertThat(result).isInstanceOf(Mismatched.class);
        assertThat(((Mismatched) result).reason()).isEqualTo(Mismatched.Reason.FORGED);
        assertThat(((Mismatched) result).explanation()).doesNotContain("eyJ", CODE);
        assertThat(requests()).doesNotContain("/token");
    }

    // ---- What is asked for and taken ------------------------------------------------------------------------------

    @Test
    void it_is_asked_for_as_a_form_and_the_code_is_redeemed_after_it() throws Exception {
        PendingLogin login = node.startLogin();
        assertThat(MockProvider.parameters(login.url().toString()))
                .containsEntry("response_type", "code id_token")
                .containsEntry("response_mode", "form_post")
                .containsKeys("nonce", "state", "code_challenge");
        idToken = PROVIDER.sign(claims(login).claim("team", "blue").build());
        String form = posted(login, PROVIDER.sign(signature(login).build()));
        assertThat(PendingLogin.sessionKeyOf(form)).isEqualTo(login.sessionKey());
        SignedIn in = (SignedIn) node.finishLogin(login, form);
        assertThat(in.identity().orElseThrow().claims()).containsEntry("team", "blue");
        assertThat(in.callbackParameters()).isEmpty();
        assertThat(requests()).containsExactly("/jwks", "/token");
        assertThat(((Mismatched) node.finishLogin(login, form)).reason()).isEqualTo(Mismatched.Reason.REPLAYED);
        assertThat(requests()).isEmpty();
    }

    @Test
    void it_may_be_encrypted_and_has_to_be_where_that_is_demanded() throws Exception {
        Grantkeeper demanding = mock.node(registration()
                .decryptionKeys(DecryptionKey.of(PAIR).keyId("enc"))
                .encryptionAlgorithms("RSA-OAEP-256"));
        PendingLogin login = demanding.startLogin();
        String signed = PROVIDER.sign(signature(login).build());
        idToken = encrypted(PROVIDER.sign(claims(login).build()));
        assertForged(demanding, login, posted(login, signed));
        assertForged(demanding, login, posted(login, Jwe.change(encrypted(signed), 4)));
        assertForged(
                demanding,
                login,
                posted(
                        login,
                        Jwe.encrypt(JWEAlgorithm.RSA_OAEP_256, EncryptionMethod.A256GCM, Jwe.rsa(), "enc", signed)));
        assertForged(
                demanding,
                login,
                posted(login, encrypted(new PlainJWT(signature(login).build()).serialize())));
        SignedIn in = (SignedIn) demanding.finishLogin(login, posted(login, encrypted(signed)));
        assertThat(in.identity().orElseThrow().subject()).isEqualTo("alice");
    }

    @Test
    void a_long_one_fits_into_the_form() throws Exception {
        PendingLogin login = node.startLogin();
        idToken = PROVIDER.sign(claims(login).build());
        String form = posted(
                login,
                PROVIDER.sign(
                        signature(login).claim("groups", "g".repeat(7_000)).build()));
        assertThat(node.finishLogin(login, form)).isInstanceOf(SignedIn.class);
    }

    @Test
    void a_refusal_comes_without_it() throws Exception {
        PendingLogin login = node.startLogin();
        Declined declined =
                (Declined) node.finishLogin(login, "error=access_denied&state=" + parameter(login, "state"));
        assertThat(declined.byUser()).isTrue();
    }

    @Test
    void with_a_signed_request_the_response_type_is_inside_and_outside() throws Exception {
        Grantkeeper signing = mock.node(registration()
                .signingKey(dev.grantkeeper.provider.SigningKey.of(
                        MockProvider.curve("secp256r1").getPrivate()))
                .loginProtections(LoginProtection.DETACHED_SIGNATURE, LoginProtection.SIGNED_REQUEST));
        Map<String, String> parameters =
                MockProvider.parameters(signing.startLogin().url().toString());
        assertThat(parameters).containsEntry("response_type", "code id_token");
        JWTClaimsSet request = SignedJWT.parse(parameters.get("request")).getJWTClaimsSet();
        assertThat(request.getStringClaim("response_type")).isEqualTo("code id_token");
        assertThat(request.getStringClaim("response_mode")).isEqualTo("form_post");
    }

    // ---- What is refused, before the code is sent -----------------------------------------------------------------

    private record Wrong(String name, Consumer<JWTClaimsSet.Builder> change) {
        @Override
        public String toString() {
            return name;
        }
    }

    static List<Wrong> wrong() {
        return List.of(
                new Wrong("no c_hash", claims -> claims.claim("c_hash", null)),
                new Wrong("the hash of another code", claims -> claims.claim("c_hash", hash("another"))),
                new Wrong("a c_hash that is no text", claims -> claims.claim("c_hash", 7)),
                new Wrong("an empty c_hash", claims -> claims.claim("c_hash", "")),
                new Wrong("the code itself", claims -> claims.claim("c_hash", CODE)),
                new Wrong("no s_hash", claims -> claims.claim("s_hash", null)),
                new Wrong("the hash of another state", claims -> claims.claim("s_hash", hash("another"))),
                new Wrong("the hashes swapped", claims -> {
                    Object code = claims.getClaims().get("c_hash");
                    claims.claim("c_hash", claims.getClaims().get("s_hash")).claim("s_hash", code);
                }),
                new Wrong("no nonce", claims -> claims.claim("nonce", null)),
                new Wrong("another nonce", claims -> claims.claim("nonce", "n")),
                new Wrong("another issuer", claims -> claims.issuer("https://evil.example")),
                new Wrong("no issuer", claims -> claims.issuer(null)),
                new Wrong("another audience", claims -> claims.audience("another")),
                new Wrong("several audiences", claims -> claims.audience(List.of(MockProvider.CLIENT, "another"))),
                new Wrong("another party", claims -> claims.claim("azp", "another")),
                new Wrong("no subject", claims -> claims.subject(null)),
                new Wrong("expired", claims -> claims.expirationTime(new Date(0))),
                new Wrong("no expiry", claims -> claims.expirationTime(null)),
                new Wrong("issued a week ago", claims -> {
                    Date now = (Date) claims.getClaims().get("iat");
                    claims.issueTime(new Date(now.getTime() - Duration.ofDays(7).toMillis()));
                }),
                new Wrong("no time", claims -> claims.issueTime(null)));
    }

    @ParameterizedTest
    @MethodSource("wrong")
    void a_claim_that_is_wrong_or_missing_keeps_the_code_here(Wrong wrong) throws Exception {
        PendingLogin login = node.startLogin();
        idToken = PROVIDER.sign(claims(login).build());
        JWTClaimsSet.Builder claims = signature(login);
        wrong.change().accept(claims);
        assertForged(node, login, posted(login, PROVIDER.sign(claims.build())));
        // The login is still good.
        assertThat(node.finishLogin(
                        login, posted(login, PROVIDER.sign(signature(login).build()))))
                .isInstanceOf(SignedIn.class);
    }

    @Test
    void so_does_a_signature_that_is_not_the_providers() throws Exception {
        PendingLogin login = node.startLogin();
        JWTClaimsSet claims = signature(login).build();
        String signed = PROVIDER.sign(claims);
        for (String wrong : List.of(
                new Jwe.Signer().sign(claims),
                new PlainJWT(claims).serialize(),
                Jwe.sign(
                        claims.toString(),
                        JWSAlgorithm.HS256,
                        new MACSigner(PROVIDER.jwks().getBytes(StandardCharsets.UTF_8))),
                signed.substring(0, signed.lastIndexOf('.') + 1),
                Jwe.change(signed, 1),
                encrypted(signed),
                "x",
                "a.b.c")) {
            assertForged(node, login, posted(login, wrong));
        }
    }

    @Test
    void and_one_that_is_missing_or_comes_twice_or_with_an_access_token() throws Exception {
        PendingLogin login = node.startLogin();
        String good = posted(login, PROVIDER.sign(signature(login).build()));
        String state = "&state=" + parameter(login, "state");
        assertForged(node, login, "code=" + CODE + state);
        assertForged(node, login, "code=" + CODE + state + "&id_token=");
        assertForged(node, login, good + "&id_token=x");
        assertForged(node, login, good + "&access_token=x");
        assertForged(node, login, good + "&token_type=Bearer&access_token=x");
        assertForged(node, login, good + "&response=x");
        assertForged(node, login, good.replace(CODE, "another"));
        assertForged(node, login, good.replace("code=" + CODE, "error=access_denied") + "&code=" + CODE);
        assertForged(node, login, posted(login, PROVIDER.sign(claims(login).build())));
    }

    @Test
    void and_that_of_another_login() throws Exception {
        PendingLogin one = node.startLogin();
        PendingLogin two = node.startLogin();
        String replayed = PROVIDER.sign(signature(one).build());
        assertForged(node, two, posted(two, replayed));
        assertForged(
                node,
                two,
                posted(
                        two,
                        PROVIDER.sign(signature(two)
                                .claim("nonce", parameter(one, "nonce"))
                                .build())));
    }

    @Test
    void and_one_of_another_issuer_than_the_callback_names() throws Exception {
        Provider.Builder provider = mock.provider();
        Grantkeeper careful = mock.node(mock.registration(provider)
                .redirectUri(REDIRECT)
                .scopes("openid")
                .loginProtections(LoginProtection.DETACHED_SIGNATURE));
        PendingLogin login = careful.startLogin();
        String form = posted(login, PROVIDER.sign(signature(login).build()));
        LoginResult result = careful.finishLogin(login, form + "&iss=https%3A%2F%2Fevil.example");
        assertThat(((Mismatched) result).reason()).isEqualTo(Mismatched.Reason.MIXED_UP);
        assertThat(requests()).doesNotContain("/token");
    }

    @Test
    void who_has_not_asked_for_one_takes_none() throws Exception {
        Grantkeeper other = mock.node(
                mock.registration(mock.provider()).redirectUri(REDIRECT).scopes("openid"));
        PendingLogin login = other.startLogin();
        assertThat(parameter(login, "response_type")).isEqualTo("code");
        assertForged(other, login, posted(login, PROVIDER.sign(signature(login).build())));
    }

    @ParameterizedTest
    @ValueSource(strings = {"response_type", "response_mode", "nonce"})
    void nobody_can_ask_for_a_token_with_a_parameter_of_their_own(String name) {
        assertThat(org.assertj.core.api.Assertions.catchThrowable(
                        () -> node.newLogin().parameter(name, "code id_token token")))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void while_the_keys_cannot_be_fetched_the_login_waits() throws Exception {
        PendingLogin login = node.startLogin();
        idToken = PROVIDER.sign(claims(login).build());
        String form = posted(login, PROVIDER.sign(signature(login).build()));
        keysDown = true;
        assertThatExceptionOfType(AuthorizationServerException.class)
                .isThrownBy(() -> node.finishLogin(login, form))
                .satisfies(e -> assertThat(e.kind()).isEqualTo(Kind.TEMPORARY));
        assertThat(requests()).doesNotContain("/token");
        keysDown = false;
        mock.time.pass(Duration.ofSeconds(61));
        assertThat(node.finishLogin(login, form)).isInstanceOf(SignedIn.class);
    }

    @Test
    void strangers_cause_no_request() throws Exception {
        PendingLogin login = node.startLogin();
        String form = posted(login, PROVIDER.sign(signature(login).build()));
        assertThat(((Mismatched) node.finishLogin(null, form)).reason()).isEqualTo(Mismatched.Reason.NO_LOGIN);
        assertThat(((Mismatched) node.finishLogin(node.startLogin(), form)).reason())
                .isEqualTo(Mismatched.Reason.FORGED);
        assertThat(requests()).isEmpty();
    }

    // ---- The second ID token --------------------------------------------------------------------------------------

    @Test
    void another_user_at_the_token_endpoint_is_nobody_and_the_tokens_are_revoked() throws Exception {
        for (Consumer<JWTClaimsSet.Builder> change : List.<Consumer<JWTClaimsSet.Builder>>of(
                claims -> claims.subject("bob"), claims -> claims.issuer(MockProvider.ISSUER + "/other"))) {
            PendingLogin login = node.startLogin();
            JWTClaimsSet.Builder second = claims(login);
            change.accept(second);
            idToken = PROVIDER.sign(second.build());
            String form = posted(login, PROVIDER.sign(signature(login).build()));
            assertThatExceptionOfType(AuthorizationServerException.class)
                    .isThrownBy(() -> node.finishLogin(login, form))
                    .satisfies(e -> assertThat(e.kind()).isEqualTo(Kind.MALFORMED))
                    .withMessageNotContaining("bob");
            RecordedRequest revoked;
            do {
                revoked = mock.server.takeRequest(40, TimeUnit.SECONDS);
                assertThat(revoked).isNotNull();
            } while (!revoked.getTarget().equals("/revoke"));
        }
    }

    @Test
    void none_at_the_token_endpoint_fails_the_login() throws Exception {
        PendingLogin login = node.startLogin();
        idToken = "";
        String form = posted(login, PROVIDER.sign(signature(login).build()));
        assertThatExceptionOfType(AuthorizationServerException.class)
                .isThrownBy(() -> node.finishLogin(login, form))
                .satisfies(e -> assertThat(e.kind()).isEqualTo(Kind.MALFORMED));
    }

    // ---- What cannot work -----------------------------------------------------------------------------------------

    @Test
    void what_cannot_work_is_told_before() {
        assertThatIllegalStateException()
                .isThrownBy(
                        () -> registration().redirectUri(MockProvider.REDIRECT).build())
                .withMessageContaining("https");
        assertThatIllegalStateException()
                .isThrownBy(() -> registration()
                        .loginProtections(LoginProtection.DETACHED_SIGNATURE, LoginProtection.SIGNED_RESPONSE)
                        .build())
                .withMessageContaining("contradict");
        Provider bare = Provider.builder("bare")
                .authorizationEndpoint("https://as.example/authorize")
                .tokenEndpoint("https://as.example/token")
                .build();
        assertThatIllegalStateException()
                .isThrownBy(() -> Grantkeeper.builder(bare)
                        .clientId("c")
                        .redirectUri(REDIRECT)
                        .tokenStore(new MapStore())
                        .allowPlaintextTokens()
                        .loginProtections(LoginProtection.DETACHED_SIGNATURE)
                        .build())
                .withMessageContaining("openId(");
        assertThatIllegalStateException()
                .isThrownBy(() -> node.newLogin().scopes("things").start())
                .withMessageContaining("openid");
    }

    @Test
    void a_login_that_was_started_without_a_nonce_is_not_finished_with_one() throws Exception {
        Grantkeeper before = mock.node(
                mock.registration(mock.provider()).redirectUri(REDIRECT).scopes("things"));
        PendingLogin login = before.startLogin();
        assertThat(HttpUrl.get(login.url().toString()).queryParameter("nonce")).isNull();
        assertForged(
                node,
                login,
                posted(
                        login,
                        PROVIDER.sign(signature(login).claim("nonce", "any").build())));
    }
}
