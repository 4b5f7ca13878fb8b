/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.time.Instant;
import mockwebserver3.MockResponse;
import mockwebserver3.MockWebServer;
import mockwebserver3.RecordedRequest;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Asking the server about tokens (RFC 7662). */
@Timeout(300)
class IntrospectionTest {
    private final Scene scene = new Scene();

    @AfterEach
    void close() {
        scene.close();
    }

    @Test
    void a_good_token_is_active_and_the_server_says_whose_it_is() throws Exception {
        Grantkeeper node = scene.node();
        Introspection alice = scene.signIn(node, "alice").introspect();

        assertThat(alice.active()).isTrue();
        assertThat(alice.subject()).contains("alice");
        assertThat(alice.clientId()).contains(Scene.CLIENT);
        assertThat(alice.scopes()).containsExactly("things.read");
        assertThat(alice.expiresAt().orElseThrow())
                .isBetween(
                        scene.time.clock().instant(),
                        scene.time.clock().instant().plus(Duration.ofMinutes(10)));
        assertThat(alice.claims()).containsEntry("token_type", "Bearer");
        assertThat(alice).hasToString("Introspection[active]");
    }

    @Test
    void a_token_that_was_taken_back_or_never_given_is_not_active() throws Exception {
        Grantkeeper node = scene.node();
        Account account = scene.signIn(node, "alice");
        scene.server.revokeConsent("alice");

        Introspection alice = account.introspect();
        assertThat(alice.active()).isFalse();
        assertThat(alice.scopes()).isEmpty();
        assertThat(alice.subject()).isEmpty();
        assertThat(alice.expiresAt()).isEmpty();
        assertThat(node.introspect("nonsense").active()).isFalse();
    }

    @Test
    void a_provider_without_the_endpoint_says_what_to_do() {
        Grantkeeper node = scene.node(
                scene.registration(scene.provider().introspectionEndpoint(null).build()));
        assertThatThrownBy(() -> node.introspect("token"))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("introspectionEndpoint");
    }

    @Test
    void an_application_that_may_not_ask_is_told_so() {
        Grantkeeper node =
                scene.node(scene.registration(scene.provider().build()).clientSecret("wrong"));
        assertThatThrownBy(() -> node.introspect("token"))
                .isInstanceOfSatisfying(
                        AuthorizationServerException.class,
                        e -> assertThat(e.kind()).isEqualTo(AuthorizationServerException.Kind.MISCONFIGURED));
    }

    @Test
    void what_servers_really_send_is_read_and_what_makes_no_sense_is_not_guessed() throws Exception {
        try (MockWebServer server = new MockWebServer()) {
            server.start();
            Grantkeeper node = scene.node(scene.registration(scene.provider()
                    .introspectionEndpoint(server.url("/introspect").toString())
                    .build()));
            server.enqueue(json(200, "{\"active\":true,\"exp\":1e400,\"aud\":[\"a\",\"b\"],\"sub\":null,\"scope\":7}"));
            Introspection odd = node.introspect("the-token");
            assertThat(odd.active()).isTrue();
            assertThat(odd.scopes()).isEmpty();
            assertThat(odd.subject()).isEmpty();
            assertThat(odd.claims()).containsKey("aud").doesNotContainKey("sub");
            RecordedRequest request = server.takeRequest();
            assertThat(request.getBody().utf8()).isEqualTo("token=the-token");
            assertThat(request.getHeaders().get("Accept")).isEqualTo("application/json");

            server.enqueue(json(200, "{\"active\":true,\"exp\":1700000000}"));
            assertThat(node.introspect("token").expiresAt()).contains(Instant.ofEpochSecond(1_700_000_000));

            for (MockResponse nonsense : new MockResponse[] {
                json(200, "{}"),
                json(200, "{\"active\":\"true\"}"),
                json(200, "{\"active\":true"),
                json(302, ""),
                new MockResponse.Builder()
                        .code(200)
                        .addHeader("Content-Type", "text/html")
                        .body("<p>{\"active\":true}</p>")
                        .build()
            }) {
                server.enqueue(nonsense);
                assertThatThrownBy(() -> node.introspect("token"))
                        .isInstanceOfSatisfying(
                                AuthorizationServerException.class,
                                e -> assertThat(e.kind()).isEqualTo(AuthorizationServerException.Kind.MALFORMED));
            }
            server.enqueue(json(500, "oops the-token"));
            assertThatThrownBy(() -> node.introspect("the-token"))
                    .isInstanceOfSatisfying(
                            AuthorizationServerException.class,
                            e -> assertThat(e.kind()).isEqualTo(AuthorizationServerException.Kind.TEMPORARY))
                    .hasMessageNotContaining("the-token");
            server.enqueue(json(400, "{\"error\":\"invalid_request\",\"error_description\":\"bad the-token\"}"));
            assertThatThrownBy(() -> node.introspect("the-token")).hasMessageNotContaining("the-token");
        }
    }

    private static MockResponse json(int status, String body) {
        return new MockResponse.Builder()
                .code(status)
                .addHeader("Content-Type", "application/json")
                .body(body)
                .build();
    }
}
