/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static dev.grantkeeper.MockProvider.json;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.nimbusds.jwt.SignedJWT;
import dev.grantkeeper.LoginResult.SignedIn;
import dev.grantkeeper.provider.LoginProtection;
import dev.grantkeeper.provider.SigningKey;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import okhttp3.HttpUrl;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Authorization details (RFC 9396), from the request to the stored row. */
@Timeout(300)
class AuthorizationDetailsTest {
    private static final String PAYMENT =
            "[{\"type\":\"payment\",\"amount\":{\"currency\":\"EUR\",\"value\":\"12.50\"},\"to\":\"Müller & Söhne\"}]";

    private final MockProvider mock = new MockProvider();
    private final Grantkeeper node = mock.node(mock.registration(mock.provider()));

    @AfterEach
    void close() {
        mock.close();
    }

    private static String tokens(String name, String details) {
        return "{\"access_token\":\"" + name + "\",\"token_type\":\"Bearer\",\"expires_in\":60,\"refresh_token\":\"rt-"
                + name + "\"" + (details == null ? "" : ",\"authorization_details\":" + details) + "}";
    }

    private SignedIn login(String asked, String granted) throws Exception {
        PendingLogin login = node.newLogin().authorizationDetails(asked).start();
        mock.server.enqueue(json(200, tokens("one", granted)));
        String state = MockProvider.parameters(login.url().toString()).get("state");
        return (SignedIn) node.finishLogin(login, "code=c&state=" + state);
    }

    @Test
    void they_reach_the_server_unchanged() throws Exception {
        PendingLogin login = node.newLogin().authorizationDetails(PAYMENT).start();
        assertThat(HttpUrl.get(login.url().toString()).queryParameter("authorization_details"))
                .isEqualTo(PAYMENT);
    }

    @Test
    void in_a_signed_request_they_are_json() throws Exception {
        Grantkeeper signing = mock.node(mock.registration(mock.provider())
                .signingKey(SigningKey.of(MockProvider.curve("secp256r1").getPrivate()))
                .loginProtections(LoginProtection.SIGNED_REQUEST));
        String request = MockProvider.parameters(signing.newLogin()
                        .authorizationDetails(PAYMENT)
                        .start()
                        .url()
                        .toString())
                .get("request");
        List<?> details = (List<?>) SignedJWT.parse(request).getJWTClaimsSet().getClaim("authorization_details");
        assertThat(details).hasSize(1);
        assertThat(((Map<?, ?>) details.get(0)).get("to")).isEqualTo("Müller & Söhne");
    }

    @Test
    void what_was_granted_is_with_the_tokens_and_stays_through_refreshes_and_restarts() throws Exception {
        SignedIn in = login(PAYMENT, PAYMENT);
        assertThat(in.authorizationDetailsAsRequested()).isTrue();
        assertThat(in.tokens().authorizationDetails()).contains(PAYMENT);
        in.keepAs("alice");
        mock.time.pass(Duration.ofMinutes(2));
        mock.server.enqueue(json(200, tokens("two", null)));
        assertThat(node.account("alice").tokens().accessToken()).isEqualTo("two");
        assertThat(node.account("alice").tokens().authorizationDetails()).contains(PAYMENT);
        assertThat(mock.node(mock.registration(mock.provider()))
                        .account("alice")
                        .tokens()
                        .authorizationDetails())
                .contains(PAYMENT);
    }

    @Test
    void a_refresh_may_change_what_is_granted() throws Exception {
        login(PAYMENT, PAYMENT).keepAs("alice");
        mock.time.pass(Duration.ofMinutes(2));
        mock.server.enqueue(json(200, tokens("two", "[{\"type\":\"payment\",\"status\":\"done\"}]")));
        assertThat(node.account("alice").tokens().authorizationDetails())
                .contains("[{\"type\":\"payment\",\"status\":\"done\"}]");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            nullValues = "null",
            value = {
                "[{\"type\":\"b\"},{\"n\":1.50,\"type\":\"a\"}] | true",
                "[{\"type\":\"a\",\"n\":1.50},{\"type\":\"b\"}] | true",
                "[{\"type\":\"a\",\"n\":1.50}] | false",
                "[{\"type\":\"a\",\"n\":2},{\"type\":\"b\"}] | false",
                "[{\"type\":\"a\",\"n\":1.50,\"account\":\"7\"},{\"type\":\"b\"}] | false",
                "[{\"type\":\"a\",\"n\":1.50},{\"type\":\"b\"},{\"type\":\"c\"}] | false",
                "[{\"type\":\"b\"},{\"type\":\"b\"}] | false",
                "[] | false",
                "null | false",
                "\"everything\" | false"
            })
    void a_difference_between_asked_and_granted_is_visible(String granted, boolean same) throws Exception {
        SignedIn in = login("[{\"type\":\"a\",\"n\":1.50},{\"type\":\"b\"}]", granted);
        assertThat(in.authorizationDetailsAsRequested()).isEqualTo(same);
    }

    @Test
    void who_asked_for_none_got_what_was_asked_for() throws Exception {
        PendingLogin login = node.startLogin();
        mock.server.enqueue(json(200, tokens("one", PAYMENT)));
        String state = MockProvider.parameters(login.url().toString()).get("state");
        SignedIn in = (SignedIn) node.finishLogin(login, "code=c&state=" + state);
        assertThat(in.authorizationDetailsAsRequested()).isTrue();
        assertThat(in.tokens().authorizationDetails()).contains(PAYMENT);
    }

    @Test
    void a_sealed_login_still_knows_what_was_asked_for() throws Exception {
        PendingLogin login = node.newLogin()
                .authorizationDetails(PAYMENT)
                .resources("https://a.example", "https://b.example")
                .start();
        PendingLogin opened = PendingLogin.unseal(Scene.KEYS, login.sessionKey(), login.seal(Scene.KEYS))
                .orElseThrow();
        assertThat(opened.attempt().authorizationDetails()).isEqualTo(PAYMENT);
        assertThat(opened.attempt().resources()).containsExactly("https://a.example", "https://b.example");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "{}",
                "[]",
                "[7]",
                "[{}]",
                "[{\"type\":7}]",
                "[{\"type\":\"a\"},{}]",
                "[{\"type\":\"a\"}",
                "null"
            })
    void what_is_no_array_of_typed_objects_is_refused(String json) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> node.newLogin().authorizationDetails(json))
                .withMessageContaining("RFC 9396");
    }

    @Test
    void there_is_one_way_to_say_it() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> node.newLogin().parameter("authorization_details", PAYMENT))
                .withMessageContaining("authorizationDetails(");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> node.newLogin().parameter("resource", "https://a.example"))
                .withMessageContaining("resources(");
    }
}
