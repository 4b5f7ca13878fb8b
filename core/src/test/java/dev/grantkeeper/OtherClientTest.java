/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A refresh token belongs to the client that it was issued to (RFC 6749 section 6). */
@Timeout(300)
class OtherClientTest {
    private static Grantkeeper as(Scene scene, String clientId) {
        scene.server.client(clientId, Scene.SECRET, Scene.REDIRECT);
        return scene.node(scene.registration(scene.provider().build())
                .registration("music")
                .clientId(clientId));
    }

    @Test
    void the_refresh_token_of_one_client_is_not_sent_with_the_id_of_another() throws Exception {
        try (Scene scene = new Scene()) {
            scene.signIn(as(scene, "first"), "alice");
            Grantkeeper second = as(scene, "second");
            scene.expire();

            assertThatThrownBy(second.account("alice")::tokens)
                    .isInstanceOfSatisfying(LoginRequiredException.class, e -> {
                        assertThat(e.reason()).isEqualTo(LoginRequiredException.Reason.ISSUED_ELSEWHERE);
                        assertThat(e).hasMessageContaining("RFC 6749 section 6");
                    });
            assertThat(scene.server.refreshRequests()).isZero();

            scene.signIn(second, "alice");
            assertThat(second.account("alice").tokens().accessToken()).isNotEmpty();
        }
    }

    @Test
    void nothing_is_written_so_the_client_that_has_the_grant_goes_on_with_it() throws Exception {
        try (Scene scene = new Scene()) {
            Grantkeeper first = as(scene, "first");
            scene.signIn(first, "alice");
            Grantkeeper second = as(scene, "second");
            scene.expire();
            assertThatThrownBy(second.account("alice")::tokens).isInstanceOf(LoginRequiredException.class);

            assertThat(first.account("alice").tokens().accessToken()).isNotEmpty();
            assertThat(scene.server.reuseDetected()).isZero();
        }
    }

    @Test
    void a_token_that_is_still_valid_is_served_whichever_client_it_was_issued_to() throws Exception {
        try (Scene scene = new Scene()) {
            scene.signIn(as(scene, "first"), "alice");
            Grantkeeper second = as(scene, "second");
            scene.time.pass(Duration.ofMinutes(9)); // due for a refresh, and not expired

            assertThat(second.account("alice").tokens().accessToken()).isNotEmpty();
        }
    }
}
