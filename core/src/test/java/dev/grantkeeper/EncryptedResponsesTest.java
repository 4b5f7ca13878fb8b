/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static dev.grantkeeper.MockProvider.json;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import com.nimbusds.jose.EncryptionMethod;
import com.nimbusds.jose.JWEAlgorithm;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.PlainJWT;
import dev.grantkeeper.LoginResult.Declined;
import dev.grantkeeper.LoginResult.Mismatched;
import dev.grantkeeper.LoginResult.SignedIn;
import dev.grantkeeper.provider.DecryptionKey;
import dev.grantkeeper.provider.LoginProtection;
import java.net.URI;
import java.security.KeyPair;
import java.util.Date;
import java.util.List;
import java.util.concurrent.TimeUnit;
import mockwebserver3.Dispatcher;
import mockwebserver3.MockResponse;
import mockwebserver3.RecordedRequest;
import okhttp3.Request;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Answers of the authorization endpoint that the server has signed and encrypted (JARM section 2.2). */
@Timeout(300)
class EncryptedResponsesTest {
    private static final Jwe.Signer PROVIDER = new Jwe.Signer();
    private static final KeyPair PAIR = Jwe.rsa();
    private static final String UNREADABLE = "The authorization response is not valid: it cannot be decrypted";

    private final MockProvider mock = new MockProvider();
    private final Grantkeeper node = mock.node(registration().loginProtections(LoginProtection.ENCRYPTED_RESPONSE));

    @BeforeEach
    void answer() {
        mock.server.setDispatcher(new Dispatcher() {
            @Override
            public MockResponse dispatch(RecordedRequest request) {
                return request.getTarget().equals("/jwks") ? json(200, PROVIDER.jwks()) : MockProvider.tokens();
            }
        });
    }

    @AfterEach
    void close() {
        mock.close();
    }

    private Grantkeeper.Builder registration() {
        return mock.registration(mock.provider())
                .decryptionKeys(DecryptionKey.of(PAIR).keyId("enc"));
    }

    private JWTClaimsSet.Builder claims(PendingLogin login) {
        return new JWTClaimsSet.Builder()
                .issuer(MockProvider.ISSUER)
                .audience(MockProvider.CLIENT)
                .expirationTime(Date.from(mock.time.clock().instant().plusSeconds(120)))
                .claim("state", MockProvider.parameters(login.url().toString()).get("state"))
                .claim("code", "the-code");
    }

    private static String encrypted(String content) throws Exception {
        return Jwe.encrypt(JWEAlgorithm.RSA_OAEP_256, EncryptionMethod.A256GCM, PAIR, "enc", content);
    }

    private int tokenRequests() throws InterruptedException {
        int count = 0;
        RecordedRequest next;
        while ((next = mock.server.takeRequest(0, TimeUnit.MILLISECONDS)) != null) {
            count += next.getTarget().equals("/token") ? 1 : 0;
        }
        return count;
    }

    private String forged(PendingLogin login, String query) throws Exception {
        Mismatched result = (Mismatched) node.finishLogin(login, query);
        assertThat(result.reason()).isEqualTo(Mismatched.Reason.FORGED);
        assertThat(result.explanation()).doesNotContain("eyJ", "the-code");
        assertThat(tokenRequests()).isZero();
        return result.explanation();
    }

    @Test
    void an_encrypted_answer_finds_its_login_and_signs_in_once() throws Exception {
        PendingLogin login = node.startLogin();
        assertThat(MockProvider.parameters(login.url().toString())).containsEntry("response_mode", "jwt");
        String query = "response=" + encrypted(PROVIDER.sign(claims(login).build()));
        assertThat(node.sessionKeyOf(query)).isEqualTo(login.sessionKey());
        assertThat(node.sessionKeyOf(MockProvider.REDIRECT + "?" + query)).isEqualTo(login.sessionKey());
        assertThat(PendingLogin.sessionKeyOf(query)).isEqualTo("login-none");
        assertThat(node.finishLogin(login, query)).isInstanceOf(SignedIn.class);
        assertThat(((Mismatched) node.finishLogin(login, query)).reason()).isEqualTo(Mismatched.Reason.REPLAYED);
        assertThat(tokenRequests()).isEqualTo(1);
    }

    /** As Keycloak does. */
    @Test
    void a_claim_may_stand_in_it_twice() throws Exception {
        PendingLogin login = node.startLogin();
        String claims = claims(login).build().toString();
        String twice = claims.substring(0, claims.length() - 1) + ",\"iss\":\"" + MockProvider.ISSUER + "\"}";
        String query = "response=" + encrypted(PROVIDER.sign(twice));
        assertThat(node.sessionKeyOf(query)).isEqualTo(login.sessionKey());
        assertThat(node.finishLogin(login, query)).isInstanceOf(SignedIn.class);
    }

    @Test
    void a_refusal_is_encrypted_too() throws Exception {
        PendingLogin login = node.startLogin();
        String answer = PROVIDER.sign(claims(login)
                .claim("code", null)
                .claim("error", "access_denied")
                .build());
        Declined declined = (Declined) node.finishLogin(login, "response=" + encrypted(answer));
        assertThat(declined.byUser()).isTrue();
    }

    @Test
    void one_that_is_signed_only_does_not_count_where_encryption_is_demanded() throws Exception {
        PendingLogin login = node.startLogin();
        String query = "response=" + PROVIDER.sign(claims(login).build());
        assertThat(forged(login, query)).contains("not encrypted");
        // Demanded or not, keys are enough to take one that is encrypted.
        Grantkeeper other = mock.node(registration().loginProtections(LoginProtection.SIGNED_RESPONSE));
        for (boolean encrypted : new boolean[] {true, false}) {
            PendingLogin one = other.startLogin();
            String signed = PROVIDER.sign(claims(one).build());
            assertThat(other.finishLogin(one, "response=" + (encrypted ? encrypted(signed) : signed)))
                    .isInstanceOf(SignedIn.class);
        }
    }

    @Test
    void whatever_is_wrong_with_the_encryption_the_explanation_is_the_same() throws Exception {
        PendingLogin login = node.startLogin();
        JWTClaimsSet claims = claims(login).build();
        String signed = PROVIDER.sign(claims);
        for (String wrong : List.of(
                Jwe.encrypt(JWEAlgorithm.RSA_OAEP_256, EncryptionMethod.A256GCM, Jwe.rsa(), "enc", signed),
                Jwe.encrypt(JWEAlgorithm.RSA_OAEP_256, EncryptionMethod.A256GCM, PAIR, "other", signed),
                Jwe.encrypt(JWEAlgorithm.parse("RSA1_5"), EncryptionMethod.A256GCM, PAIR, "enc", signed),
                Jwe.change(encrypted(signed), 0),
                Jwe.change(encrypted(signed), 1),
                Jwe.change(encrypted(signed), 2),
                Jwe.change(encrypted(signed), 3),
                Jwe.change(encrypted(signed), 4),
                encrypted(new PlainJWT(claims).serialize()),
                encrypted(claims.toString()),
                encrypted("x"),
                "a.b.c.d.e",
                "....")) {
            assertThat(forged(login, "response=" + wrong)).isEqualTo(UNREADABLE);
            assertThat(node.sessionKeyOf("response=" + wrong)).isEqualTo("login-none");
        }
        forged(login, "response=" + encrypted(new Jwe.Signer().sign(claims)));
        forged(
                login,
                "response="
                        + encrypted(PROVIDER.sign(
                                claims(login).issuer("https://evil.example").build())));
        forged(
                login,
                "response="
                        + encrypted(
                                PROVIDER.sign(claims(login).claim("state", "x").build())));
        forged(login, "response=" + encrypted(signed) + "&code=another");
        forged(login, "response=" + encrypted(signed) + "&id_token=" + signed);
        assertThat(node.finishLogin(login, "response=" + encrypted(signed))).isInstanceOf(SignedIn.class);
    }

    @Test
    void strangers_cause_no_request_and_no_decryption() throws Exception {
        KeyPair outside = new KeyPair(PAIR.getPublic(), HardwareModule.nameOf("RSA"));
        try (HardwareModule module = HardwareModule.decrypting(PAIR.getPrivate(), outside.getPrivate())) {
            Grantkeeper careful = mock.node(registration()
                    .decryptionKeys(DecryptionKey.of(outside))
                    .loginProtections(LoginProtection.ENCRYPTED_RESPONSE));
            PendingLogin login = careful.startLogin();
            String good = "response=" + encrypted(PROVIDER.sign(claims(login).build()));
            assertThat(((Mismatched) careful.finishLogin(null, good)).reason()).isEqualTo(Mismatched.Reason.NO_LOGIN);
            assertThat(module.decryptions()).isZero();
            PendingLogin other = careful.startLogin();
            assertThat(((Mismatched) careful.finishLogin(other, good)).reason()).isEqualTo(Mismatched.Reason.FORGED);
            assertThat(mock.server.getRequestCount()).isZero();
            assertThat(careful.finishLogin(login, good)).isInstanceOf(SignedIn.class);
        }
    }

    @Test
    void while_the_module_is_gone_the_login_waits() throws Exception {
        KeyPair outside = new KeyPair(PAIR.getPublic(), HardwareModule.nameOf("RSA"));
        Grantkeeper waiting = mock.node(registration()
                .decryptionKeys(DecryptionKey.of(outside))
                .loginProtections(LoginProtection.ENCRYPTED_RESPONSE));
        PendingLogin login = waiting.startLogin();
        String good = "response=" + encrypted(PROVIDER.sign(claims(login).build()));
        assertThatExceptionOfType(AuthorizationServerException.class)
                .isThrownBy(() -> waiting.finishLogin(login, good))
                .satisfies(e -> assertThat(e.kind()).isEqualTo(AuthorizationServerException.Kind.TEMPORARY));
        try (HardwareModule module = HardwareModule.decrypting(PAIR.getPrivate(), outside.getPrivate())) {
            assertThat(waiting.finishLogin(login, good)).isInstanceOf(SignedIn.class);
        }
    }

    @Test
    void a_receiver_on_the_users_machine_takes_it() throws Exception {
        Grantkeeper desktop = mock.node(registration()
                .redirectUri("http://127.0.0.1/callback")
                .loginProtections(LoginProtection.ENCRYPTED_RESPONSE));
        try (LoopbackReceiver receiver = LoopbackReceiver.open(desktop)) {
            LoginResult result = receiver.login(desktop.newLogin(), url -> visit(receiver, url));
            assertThat(result).isInstanceOf(SignedIn.class);
        }
    }

    private void visit(LoopbackReceiver receiver, URI url) {
        try {
            JWTClaimsSet claims = new JWTClaimsSet.Builder()
                    .issuer(MockProvider.ISSUER)
                    .audience(MockProvider.CLIENT)
                    .expirationTime(Date.from(mock.time.clock().instant().plusSeconds(120)))
                    .claim("state", MockProvider.parameters(url.toString()).get("state"))
                    .claim("code", "the-code")
                    .build();
            String visited = receiver.redirectUri() + "?response=" + encrypted(PROVIDER.sign(claims));
            mock.http
                    .newCall(new Request.Builder().url(visited).build())
                    .execute()
                    .close();
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void without_a_key_it_cannot_be_built() {
        assertThatIllegalStateException()
                .isThrownBy(() -> mock.registration(mock.provider())
                        .loginProtections(LoginProtection.ENCRYPTED_RESPONSE)
                        .build())
                .withMessageContaining("decryptionKeys(");
    }
}
