/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;

import dev.grantkeeper.LoginResult.SignedIn;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.TokenSet;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import mockwebserver3.MockResponse;
import mockwebserver3.MockWebServer;
import mockwebserver3.RecordedRequest;
import mockwebserver3.SocketEffect;
import okhttp3.HttpUrl;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Giving tokens back (RFC 7009): when users leave, and when nobody wants what came. Nobody ever fails to leave because
 * of it.
 */
@Timeout(300)
class LeavingTest {
    private final Scene scene = new Scene();
    private final MockWebServer revocation = new MockWebServer();

    @BeforeEach
    void start() throws Exception {
        revocation.start();
    }

    @AfterEach
    void close() {
        scene.close();
        revocation.close();
    }

    private Grantkeeper node() {
        return scene.node(scene.registration(scene.provider()
                .revocationEndpoint(revocation.url("/revoke").toString())
                .build()));
    }

    private SignedIn alice(Grantkeeper node) throws Exception {
        return (SignedIn) scene.login(node, "alice");
    }

    private void assertNext(String token, String hint) throws Exception {
        RecordedRequest request = revocation.takeRequest(20, TimeUnit.SECONDS);
        assertThat(request).as("a request to give something back").isNotNull();
        HttpUrl form = HttpUrl.get("http://localhost/?" + request.getBody().utf8());
        assertThat(form.queryParameter("token")).isEqualTo(token);
        assertThat(form.queryParameter("token_type_hint")).isEqualTo(hint);
        assertThat(request.getHeaders().get("Authorization")).startsWith("Basic ");
    }

    private static MockResponse answer(int status, String body) {
        return new MockResponse.Builder()
                .code(status)
                .addHeader("Content-Type", "application/json")
                .body(body)
                .build();
    }

    @Test
    void who_leaves_gives_back_the_refresh_token_first_and_then_the_access_token() throws Exception {
        SignedIn in = alice(node());
        Account alice = in.keepAs("alice");
        revocation.enqueue(answer(200, ""));
        revocation.enqueue(answer(200, ""));
        alice.signOut();

        assertNext(in.tokens().refreshToken().orElseThrow(), "refresh_token");
        assertNext(in.tokens().accessToken(), "access_token");
        assertThat(alice.grant()).isEmpty();
    }

    @Test
    void what_nobody_wants_to_keep_is_given_back_and_never_stored() throws Exception {
        SignedIn in = alice(node());
        revocation.enqueue(answer(200, ""));
        revocation.enqueue(answer(200, ""));
        in.discard();

        assertNext(in.tokens().refreshToken().orElseThrow(), "refresh_token");
        assertNext(in.tokens().accessToken(), "access_token");
        assertThat(scene.store.rows).isEmpty();
    }

    @Test
    void a_server_that_takes_no_tokens_of_one_kind_is_offered_the_other() throws Exception {
        SignedIn in = alice(node());
        Account alice = in.keepAs("alice");
        revocation.enqueue(answer(400, "{\"error\":\"unsupported_token_type\"}"));
        revocation.enqueue(answer(400, "{\"error\":\"unsupported_token_type\"}"));
        alice.signOut();

        assertNext(in.tokens().refreshToken().orElseThrow(), "refresh_token");
        assertNext(in.tokens().accessToken(), "access_token");
        assertThat(alice.grant()).isEmpty();
    }

    @Test
    void without_a_refresh_token_there_is_one_thing_to_give_back() throws Exception {
        Account alice = node().account("alice");
        alice.importTokens(TokenSet.builder("access")
                .receivedAt(scene.time.clock().instant())
                .build());
        revocation.enqueue(answer(200, ""));
        alice.signOut();

        assertNext("access", "access_token");
        assertThat(revocation.getRequestCount()).isEqualTo(1);
    }

    @Test
    void a_server_that_is_busy_is_told_again_once_behind_the_scenes() throws Exception {
        SignedIn in = alice(node());
        Account alice = in.keepAs("alice");
        String refreshToken = in.tokens().refreshToken().orElseThrow();
        for (int i = 0; i < 2; i++) {
            revocation.enqueue(new MockResponse.Builder()
                    .code(503)
                    .addHeader("Retry-After", "30")
                    .build());
        }
        alice.signOut();
        assertThat(alice.grant()).isEmpty();
        assertNext(refreshToken, "refresh_token");
        assertThat(revocation.getRequestCount()).isEqualTo(1);

        scene.time.pass(Duration.ofSeconds(31));
        assertNext(refreshToken, "refresh_token");
        assertThat(revocation.getRequestCount()).isEqualTo(2);
    }

    @Test
    void a_server_that_does_not_answer_is_asked_once_and_the_user_leaves() throws Exception {
        SignedIn in = alice(node());
        Account alice = in.keepAs("alice");
        revocation.enqueue(new MockResponse.Builder()
                .onResponseStart(new SocketEffect.CloseSocket())
                .build());
        alice.signOut();

        assertThat(alice.grant()).isEmpty();
        assertThat(revocation.getRequestCount()).isEqualTo(1);
    }

    @Test
    void a_server_that_is_not_there_keeps_nobody() throws Exception {
        Grantkeeper node = node();
        Account alice = alice(node).keepAs("alice");
        SignedIn unwanted = alice(node);
        revocation.close();
        alice.signOut();
        unwanted.discard();

        assertThat(alice.grant()).isEmpty();
    }

    /** T-063. */
    @ParameterizedTest
    @ValueSource(strings = {"sign out", "introspect"})
    void a_pinned_grant_is_shown_to_no_other_server(String how) throws Exception {
        Account alice = scene.signIn(scene.node(), "alice");
        String refreshToken = alice.row().tokens().refreshToken().orElseThrow();
        String accessToken = alice.tokens().accessToken();
        try (MockWebServer evil = new MockWebServer()) {
            evil.start();
            for (int i = 0; i < 2; i++) {
                evil.enqueue(new MockResponse.Builder()
                        .setHeader("Content-Type", "application/json")
                        .body("{\"active\":true}")
                        .build());
            }
            String there = "http://localhost:" + evil.getPort();
            Provider elsewhere = scene.provider()
                    .tokenEndpoint(there + "/token")
                    .revocationEndpoint(there + "/revoke")
                    .introspectionEndpoint(there + "/introspect")
                    .build();
            Account moved = scene.node(scene.registration(elsewhere)).account("alice");
            try {
                if (how.equals("sign out")) {
                    moved.signOut();
                } else {
                    moved.introspect();
                }
            } catch (OAuthException e) {
                // it may say so
            }
            mockwebserver3.RecordedRequest seen = evil.takeRequest(1, TimeUnit.SECONDS);
            assertThat(seen == null ? "" : seen.getBody().utf8()).doesNotContain(refreshToken, accessToken);
        }
    }
}
