/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;

import dev.grantkeeper.provider.EntraId;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.provider.Spotify;
import dev.grantkeeper.testkit.FakeAuthorizationServer;
import dev.grantkeeper.testkit.Held;
import dev.grantkeeper.testkit.Rotation;
import dev.grantkeeper.token.TokenSet;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.Set;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.Assertions;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The facts about a grant that are no secrets; law 16. */
@Timeout(300)
class GrantTest {
    private final Scene scene = new Scene();

    @AfterEach
    void close() {
        scene.close();
    }

    /** A preset's facts with the fake server's endpoints. */
    private Provider at(FakeAuthorizationServer server, Provider preset) {
        return preset.newBuilder()
                .allowHttpOnLoopback()
                .authorizationEndpoint(server.authorizationEndpoint())
                .tokenEndpoint(server.tokenEndpoint())
                .apiOrigins(server.url())
                .loopback(Provider.Loopback.ANY)
                .build();
    }

    @Test
    void an_account_without_a_grant_has_none() throws Exception {
        assertThat(scene.node().account("nobody").grant()).isEmpty();
    }

    @Test
    void a_grant_tells_scopes_times_and_that_all_is_well() throws Exception {
        Account alice = scene.signIn(scene.node(), "alice");
        Grant grant = alice.grant().orElseThrow();
        assertThat(grant.scopes()).containsExactly("things.read");
        assertThat(grant.authorizedAt()).isCloseTo(Instant.now(), Assertions.within(5, ChronoUnit.SECONDS));
        assertThat(grant.accessTokenExpiresAt().orElseThrow())
                .isEqualTo(grant.refreshedAt().orElseThrow().plus(Duration.ofMinutes(10)));
        assertThat(grant.loginRequired()).isEmpty();
        assertThat(grant.consentEndsAt()).isEmpty(); // of this provider nothing is known
    }

    @Test
    void a_grant_without_refresh_token_is_in_order_until_its_access_token_expires() throws Exception {
        scene.server.issueRefreshTokens(false);
        Account alice = scene.signIn(scene.node(), "alice");
        assertThat(alice.grant().orElseThrow().loginRequired()).isEmpty();
        scene.expire();
        Grant expired = alice.grant().orElseThrow();
        assertThat(expired.loginRequired()).contains(LoginRequiredException.Reason.NO_REFRESH_TOKEN);
        assertThat(expired.toString()).contains("login required: NO_REFRESH_TOKEN");
        assertThat(scene.node().account("alice").grant().orElseThrow().loginRequired())
                .contains(LoginRequiredException.Reason.NO_REFRESH_TOKEN);
        Account again = scene.signIn(scene.node(), "alice");
        assertThat(again.grant().orElseThrow().loginRequired()).isEmpty();
    }

    @Test
    void an_imported_token_that_has_expired_without_a_refresh_token_says_so_too() throws Exception {
        Account alice = scene.node().account("alice");
        assertThat(alice.importTokens(TokenSet.builder("gone")
                        .expiresAt(scene.time.clock().instant().minusSeconds(1))
                        .build()))
                .isTrue();
        assertThat(alice.grant().orElseThrow().loginRequired())
                .contains(LoginRequiredException.Reason.NO_REFRESH_TOKEN);
        Account bob = scene.node().account("bob");
        assertThat(bob.importTokens(TokenSet.builder("endless").build())).isTrue();
        scene.time.pass(Duration.ofDays(1000));
        assertThat(bob.grant().orElseThrow().loginRequired()).isEmpty();
    }

    @Test
    void what_needs_no_refresh_token_never_asks_for_a_login() throws Exception {
        Account application = scene.node().application();
        assertThat(application.tokens().refreshToken()).isEmpty();
        scene.expire();
        assertThat(application.grant().orElseThrow().loginRequired()).isEmpty();
        Account exchanged = scene.node()
                .account(TokenExchange.onBehalfOf(
                        scene.signIn(scene.node(), "alice").tokens().accessToken()));
        assertThat(exchanged.tokens()).isNotNull();
        scene.expire();
        assertThat(exchanged.grant().orElseThrow().loginRequired()).isEmpty();
    }

    @Test
    void law_16_spotifys_consent_ends_six_months_after_the_login_however_often_it_is_used() throws Exception {
        Account alice = scene.signIn(scene.node(scene.registration(at(scene.server, Spotify.provider()))), "alice");
        Grant before = alice.grant().orElseThrow();
        scene.time.pass(Duration.ofDays(30));
        assertThat(alice.tokens()).isNotNull();
        Grant after = alice.grant().orElseThrow();
        assertThat(after.refreshedAt().orElseThrow())
                .isAfter(before.refreshedAt().orElseThrow());
        assertThat(after.authorizedAt()).isEqualTo(before.authorizedAt());
        assertThat(after.consentEndsAt())
                .isEqualTo(before.consentEndsAt())
                .contains(before.authorizedAt()
                        .atOffset(ZoneOffset.UTC)
                        .plusMonths(6)
                        .toInstant());
    }

    @Test
    void law_16_entras_consent_ends_90_days_after_it_was_used_last() throws Exception {
        Account alice =
                scene.signIn(scene.node(scene.registration(at(scene.server, EntraId.provider("common")))), "alice");
        scene.time.pass(Duration.ofDays(30));
        assertThat(alice.tokens()).isNotNull();
        Grant grant = alice.grant().orElseThrow();
        assertThat(grant.consentEndsAt())
                .contains(grant.refreshedAt().orElseThrow().plus(Duration.ofDays(90)));
    }

    @Test
    void law_16_what_the_server_says_of_its_refresh_token_counts() throws Exception {
        scene.server.tokenResponse(answer -> {
            answer.put("refresh_token_expires_in", 3600);
            return answer;
        });
        Grant grant = scene.signIn(scene.node(), "alice").grant().orElseThrow();
        assertThat(grant.consentEndsAt())
                .contains(grant.refreshedAt().orElseThrow().plus(Duration.ofHours(1)));
    }

    @Test
    void imported_tokens_are_a_grant_and_never_overwrite_one() throws Exception {
        Account alice = scene.node().account("alice");
        FakeAuthorizationServer.Issued issued = scene.server.issue(Scene.CLIENT, "alice", "things.read");
        TokenSet tokens = TokenSet.builder(issued.accessToken())
                .refreshToken(issued.refreshToken())
                .expiresAt(scene.time.clock().instant().plus(Duration.ofMinutes(10)))
                .scopes(Set.of("things.read"))
                .build();
        assertThat(alice.importTokens(tokens)).isTrue();
        assertThat(scene.status(alice.wrap(scene.http))).isEqualTo(200);
        scene.expire();
        assertThat(scene.status(alice.wrap(scene.http))).isEqualTo(200);
        String refreshed = alice.tokens().accessToken();
        assertThat(alice.importTokens(tokens)).isFalse();
        assertThat(alice.tokens().accessToken()).isEqualTo(refreshed);
    }

    @Test
    void law_16_the_consent_of_imported_tokens_counts_from_the_login_that_they_came_from() throws Exception {
        Account alice = scene.node(scene.registration(at(scene.server, Spotify.provider())))
                .account("alice");
        Instant authorized = Instant.parse("2026-03-31T10:00:00Z");
        assertThat(alice.importTokens(
                        TokenSet.builder("access").refreshToken("refresh").build(), authorized))
                .isTrue();
        Grant grant = alice.grant().orElseThrow();
        assertThat(grant.authorizedAt()).isEqualTo(authorized);
        assertThat(grant.consentEndsAt()).contains(Instant.parse("2026-09-30T10:00:00Z"));
    }

    @Test
    void law_14_imported_tokens_drop_unsaved_ones_of_an_older_login() throws Exception {
        scene.server.rotation(Rotation.STRICT);
        Account alice = scene.signIn(scene.node(), "alice");
        scene.expire();
        Held held = scene.server.holdAnswers();
        Future<TokenSet> waiting = alice.tokensAsync();
        held.awaitArrived(1);
        scene.store.writesDown(true);
        held.release();
        String unsaved = waiting.get(40, TimeUnit.SECONDS).accessToken();
        scene.store.rows.clear(); // signed out elsewhere
        scene.store.writesDown(false);
        assertThat(alice.importTokens(TokenSet.builder("imported").build())).isTrue();
        assertThat(alice.tokens().accessToken()).isEqualTo("imported").isNotEqualTo(unsaved);
    }

    /** "Never" is often written as the last day of the year 9999. */
    @Test
    void tokens_that_never_end_can_be_imported_and_used() throws Exception {
        Account alice = scene.node().account("alice");
        assertThat(alice.importTokens(TokenSet.builder("legacy-token")
                        .receivedAt(scene.time.clock().instant())
                        .expiresAt(Instant.parse("9999-12-31T23:59:59Z"))
                        .build()))
                .isTrue();
        assertThat(alice.tokens().accessToken()).isEqualTo("legacy-token");
        alice.signOut();
        assertThat(alice.grant()).isEmpty();
    }
}
