/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static dev.grantkeeper.MockProvider.json;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.nimbusds.jwt.SignedJWT;
import dev.grantkeeper.LoginResult.SignedIn;
import dev.grantkeeper.provider.EntraId;
import dev.grantkeeper.provider.LoginProtection;
import dev.grantkeeper.provider.SigningKey;
import java.time.Duration;
import java.util.List;
import mockwebserver3.RecordedRequest;
import okhttp3.HttpUrl;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** For which APIs a login asks (RFC 8707). */
@Timeout(300)
class RequestedResourcesTest {
    private static final String A = "https://a.example/api?x=1";
    private static final String B = "urn:example:b";

    private final MockProvider mock = new MockProvider();

    @AfterEach
    void close() {
        mock.close();
    }

    private static List<String> resources(String url) {
        return HttpUrl.get(url).queryParameterValues("resource").stream()
                .map(String::valueOf)
                .toList();
    }

    private static List<String> resources(RecordedRequest request) {
        return resources("http://x/?" + request.getBody().utf8());
    }

    private SignedIn finish(Grantkeeper node, PendingLogin login) throws Exception {
        mock.server.enqueue(json(
                200,
                "{\"access_token\":\"one\",\"token_type\":\"Bearer\",\"expires_in\":60,\"refresh_token\":\"rt\"}"));
        String state = HttpUrl.get(login.url().toString()).queryParameter("state");
        return (SignedIn) node.finishLogin(login, "code=c&state=" + state);
    }

    @Test
    void they_are_named_to_the_user_and_with_the_code_and_with_every_refresh() throws Exception {
        Grantkeeper node = mock.node(mock.registration(mock.provider()));
        PendingLogin login = node.newLogin().resources(A, B).start();
        assertThat(resources(login.url().toString())).containsExactly(A, B);
        SignedIn in = finish(node, login);
        assertThat(resources(mock.server.takeRequest())).containsExactly(A, B);
        assertThat(in.tokens().resources()).containsExactly(A, B);
        in.keepAs("alice");
        for (int i = 0; i < 2; i++) {
            mock.time.pass(Duration.ofMinutes(2));
            mock.server.enqueue(MockProvider.tokens());
            Grantkeeper another = mock.node(mock.registration(mock.provider()));
            assertThat(another.account("alice").tokens().resources()).containsExactly(A, B);
            assertThat(resources(mock.server.takeRequest())).containsExactly(A, B);
        }
    }

    @Test
    void a_registration_may_always_want_the_same_and_a_login_may_want_others() throws Exception {
        Grantkeeper node = mock.node(mock.registration(mock.provider()).resources(A));
        assertThat(resources(node.startLogin().url().toString())).containsExactly(A);
        assertThat(resources(node.newLogin().resources(B).start().url().toString()))
                .containsExactly(B);
        assertThat(resources(node.newLogin().resources().start().url().toString()))
                .isEmpty();
    }

    @Test
    void the_applications_own_tokens_are_for_the_same() throws Exception {
        Grantkeeper node = mock.node(mock.registration(mock.provider()).resources(A, B));
        mock.server.enqueue(json(200, "{\"access_token\":\"own\",\"token_type\":\"Bearer\",\"expires_in\":600}"));

        assertThat(node.application().tokens().accessToken()).isEqualTo("own");
        assertThat(resources(mock.server.takeRequest())).containsExactly(A, B);
    }

    @Test
    void who_asks_for_none_sends_none() throws Exception {
        Grantkeeper node = mock.node(mock.registration(mock.provider()));
        PendingLogin login = node.startLogin();
        assertThat(resources(login.url().toString())).isEmpty();
        SignedIn in = finish(node, login);
        assertThat(resources(mock.server.takeRequest())).isEmpty();
        assertThat(in.tokens().resources()).isEmpty();
    }

    @Test
    void pushed_and_signed_they_are_still_several() throws Exception {
        Grantkeeper node = mock.node(mock.registration(mock.provider())
                .loginProtections(LoginProtection.PUSHED_REQUEST)
                .resources(A, B));
        mock.server.enqueue(json(201, "{\"request_uri\":\"urn:example:1\",\"expires_in\":60}"));
        node.startLogin();
        assertThat(resources(mock.server.takeRequest())).containsExactly(A, B);

        Grantkeeper signing = mock.node(mock.registration(mock.provider())
                .signingKey(SigningKey.of(MockProvider.curve("secp256r1").getPrivate()))
                .loginProtections(LoginProtection.SIGNED_REQUEST)
                .resources(A, B));
        String request =
                MockProvider.parameters(signing.startLogin().url().toString()).get("request");
        assertThat(SignedJWT.parse(request).getJWTClaimsSet().getStringListClaim("resource"))
                .containsExactly(A, B);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "a", "//a.example", "https://a.example/#f", "https://a.example/ b"})
    void what_is_no_absolute_uri_is_refused(String resource) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> mock.registration(mock.provider()).resources(resource));
    }

    @Test
    void a_provider_that_has_no_resources_says_what_to_do_instead() {
        assertThatIllegalArgumentException()
                .isThrownBy(
                        () -> Grantkeeper.builder(EntraId.provider("common")).resources(A))
                .withMessageContaining("scopeForResource");
    }
}
