/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.grantkeeper.GrantListener.Event;
import dev.grantkeeper.GrantListener.Kind;
import dev.grantkeeper.provider.Spotify;
import dev.grantkeeper.testkit.Answer;
import dev.grantkeeper.testkit.Fault;
import dev.grantkeeper.testkit.Held;
import dev.grantkeeper.testkit.Rotation;
import dev.grantkeeper.token.TokenSet;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The events of users' grants that an application receives. */
@Timeout(300)
class GrantListenerTest {
    private final Scene scene = new Scene();

    @AfterEach
    void close() {
        scene.close();
    }

    private Event heard(Kind kind) throws InterruptedException {
        return scene.await(kind);
    }

    private List<Kind> kinds() {
        return scene.events.stream().map(Event::kind).toList();
    }

    @Test
    void a_login_a_refresh_and_a_sign_out_are_told_with_the_account() throws Exception {
        Account alice = scene.signIn(scene.node(), "alice");
        scene.expire();
        TokenSet fresh = alice.tokens();
        Event refreshed = heard(Kind.REFRESHED);
        alice.signOut();
        assertThat(kinds()).containsExactly(Kind.SIGNED_IN, Kind.REFRESHED, Kind.SIGNED_OUT);
        assertThat(scene.events).extracting(Event::key).containsOnly(refreshed.key());
        assertThat(refreshed.key().account()).isEqualTo("alice");
        assertThat(refreshed.endsAt()).isEqualTo(fresh.expiresAt());
        assertThat(refreshed.detail()).contains("expired");
    }

    @Test
    void a_refresh_is_told_with_its_length() throws Exception {
        Account alice = scene.signIn(scene.node(), "alice");
        scene.expire();
        Held held = scene.server.holdAnswers();
        Future<TokenSet> waiting = alice.tokensAsync();
        held.awaitArrived(1);
        scene.time.pass(Duration.ofSeconds(1));
        held.release();
        assertThat(waiting.get(40, TimeUnit.SECONDS)).isNotNull();
        assertThat(heard(Kind.REFRESHED).took()).isBetween(Duration.ofSeconds(1), Scene.TOKEN_CALL);
    }

    @Test
    void a_refresh_ahead_of_time_says_so() throws Exception {
        Account alice = scene.signIn(scene.node(), "alice");
        scene.time.pass(Duration.ofMinutes(9).minusSeconds(40));
        assertThat(alice.tokens()).isNotNull();
        assertThat(heard(Kind.REFRESHED).detail()).contains("ahead of time");
    }

    @Test
    void a_refresh_after_a_401_says_so() throws Exception {
        Account alice = scene.signIn(scene.node(), "alice");
        scene.server.expireAccessTokens();
        assertThat(scene.status(alice.wrap(scene.http))).isEqualTo(200);
        assertThat(heard(Kind.REFRESHED).detail()).contains("rejected");
    }

    private long expired() {
        return kinds().stream().filter(Kind.EXPIRED::equals).count();
    }

    @Test
    void a_grant_without_refresh_token_that_has_expired_is_told_once_for_each_grant_and_node() throws Exception {
        scene.server.issueRefreshTokens(false);
        Account alice = scene.signIn(scene.node(), "alice");
        scene.expire();
        for (int i = 0; i < 3; i++) {
            assertThat(catchThrowable(alice::tokens)).isInstanceOf(LoginRequiredException.class);
            assertThat(alice.grant().orElseThrow().loginRequired()).isPresent();
        }
        assertThat(expired()).isEqualTo(1);
        Event event = heard(Kind.EXPIRED);
        assertThat(event.key()).isEqualTo(alice.key());
        assertThat(event.detail()).contains("no refresh token");
        assertThat(scene.node().account("alice").grant().orElseThrow().loginRequired())
                .isPresent();
        assertThat(expired()).isEqualTo(2);
        Account again = scene.signIn(scene.node(), "alice");
        scene.expire();
        assertThat(again.grant()).isPresent();
        assertThat(catchThrowable(again::tokens)).isInstanceOf(LoginRequiredException.class);
        assertThat(expired()).isEqualTo(3);
    }

    @Test
    void one_whose_access_token_an_api_rejects_is_told_too() throws Exception {
        scene.server.issueRefreshTokens(false);
        Account alice = scene.signIn(scene.node(), "alice");
        scene.server.expireAccessTokens();
        assertThat(catchThrowable(() -> scene.status(alice.wrap(scene.http))))
                .isInstanceOf(LoginRequiredException.class);
        assertThat(expired()).isEqualTo(1);
    }

    @Test
    void a_failure_and_what_is_served_meanwhile_are_told() throws Exception {
        Account alice = scene.signIn(scene.node(), "alice");
        scene.time.pass(Duration.ofMinutes(9).minusSeconds(40));
        scene.server.onNextTokenRequest(Fault.status(503));
        assertThat(alice.tokens()).isNotNull();
        Event failed = heard(Kind.FAILED);
        assertThat(failed.detail()).contains("TEMPORARY 503");
        assertThat(failed.failure()).contains(AuthorizationServerException.Kind.TEMPORARY);
        assertThat(heard(Kind.SERVED_WHILE_STALE).endsAt()).isPresent();
        assertThat(heard(Kind.SERVED_WHILE_STALE).failure()).isEmpty();
    }

    @Test
    void a_failure_that_needs_an_operator_is_told_from_an_outage() throws Exception {
        Account alice = scene.signIn(scene.node(), "alice");
        scene.expire();
        scene.server.onNextTokenRequest(Fault.error(401, "invalid_client"));
        assertThatThrownBy(alice::tokens).isInstanceOf(AuthorizationServerException.class);
        assertThat(heard(Kind.FAILED).failure()).contains(AuthorizationServerException.Kind.MISCONFIGURED);
    }

    @ParameterizedTest
    @CsvSource({"FAILED, 503", "REFUSED, 400"})
    void a_listener_that_would_wait_for_its_own_refresh_is_told_at_once(Kind kind, int status) throws Exception {
        List<Object> thrown = new CopyOnWriteArrayList<>();
        AtomicReference<Account> account = new AtomicReference<>();
        Grantkeeper node = scene.node(scene.registration(scene.provider().build())
                .maxWait(Duration.ofMinutes(5)) // longer than this test may take
                .listener(event -> {
                    if (event.kind() == kind) {
                        thrown.add(catchThrowable(account.get()::tokens));
                        thrown.add(
                                catchThrowable(() -> scene.status(account.get().wrap(scene.http))));
                    }
                }));
        account.set(scene.signIn(node, "alice"));
        scene.expire();
        scene.server.onNextTokenRequest(
                status == 400
                        ? Fault.answer(Answer.json(400, "{\"error\":\"invalid_grant\"}"))
                        : Fault.retryAfter(status, "3600"));
        assertThatThrownBy(account.get()::tokens).isInstanceOf(OAuthException.class);
        assertThat(thrown)
                .hasSize(2)
                .allSatisfy(each -> assertThat(each)
                        .isInstanceOf(IllegalStateException.class)
                        .asString()
                        .contains("Return from the listener"));
    }

    @Test
    void a_refusal_is_told_once() throws Exception {
        Account alice = scene.signIn(scene.node(), "alice");
        scene.server.revokeConsent("alice");
        scene.expire();
        for (int i = 0; i < 5; i++) {
            assertThatThrownBy(alice::tokens).isInstanceOf(LoginRequiredException.class);
        }
        assertThat(kinds()).containsExactly(Kind.SIGNED_IN, Kind.REFUSED);
        assertThat(heard(Kind.REFUSED).detail()).contains("invalid_grant");
    }

    @Test
    void a_node_that_waited_for_another_says_so() throws Exception {
        Account here = scene.signIn(scene.node(), "alice");
        Account there = scene.node().account("alice");
        scene.expire();
        Held held = scene.server.holdAnswers();
        Future<TokenSet> first = here.tokensAsync();
        held.awaitArrived(1);
        int before = scene.store.finds.get();
        Future<TokenSet> second = there.tokensAsync();
        while (scene.store.finds.get() < before + 4) { // it has looked, found an attempt, and looked again
            Thread.onSpinWait();
        }
        held.release();
        assertThat(first.get(40, TimeUnit.SECONDS)).isEqualTo(second.get(10, TimeUnit.SECONDS));
        assertThat(heard(Kind.WAITED).took()).isPositive();
    }

    @Test
    void tokens_that_wait_to_be_stored_are_told_and_when_they_landed_after_how_long() throws Exception {
        scene.server.rotation(Rotation.STRICT);
        Account alice = scene.signIn(scene.node(), "alice");
        scene.expire();
        Held held = scene.server.holdAnswers();
        Future<TokenSet> waiting = alice.tokensAsync();
        held.awaitArrived(1);
        scene.store.writesDown(true);
        held.release();
        assertThat(waiting.get(40, TimeUnit.SECONDS)).isNotNull();
        assertThat(heard(Kind.WRITE_PENDING).detail()).contains("the store is down");
        scene.time.pass(Duration.ofMinutes(1));
        scene.store.writesDown(false);
        assertThat(heard(Kind.WRITE_COMPLETED).took()).isBetween(Duration.ofMinutes(1), Duration.ofMinutes(2));
    }

    private Account atSpotify() throws Exception {
        return scene.signIn(scene.node(scene.registration(scene.here(Spotify.provider()))), "alice");
    }

    @Test
    void law_16_the_end_of_consent_is_told_a_month_a_week_and_a_day_before_and_once_each() throws Exception {
        Account alice = atSpotify();
        Instant end = alice.grant().orElseThrow().consentEndsAt().orElseThrow();
        Instant last = end.minus(Duration.ofMinutes(30));
        while (scene.time.clock().instant().isBefore(last)) {
            assertThat(alice.tokens()).isNotNull();
            scene.time.pass(Duration.ofHours(6));
        }
        List<Event> warnings = scene.events.stream()
                .filter(event -> event.kind() == Kind.CONSENT_ENDS_SOON)
                .toList();
        assertThat(warnings).extracting(Event::endsAt).containsOnly(Optional.of(end));
        assertThat(warnings)
                .extracting(event -> Duration.between(event.at(), end).toDays())
                .containsExactly(29L, 6L, 0L);
    }

    @Test
    void law_16_a_grant_that_was_left_alone_for_long_is_warned_of_once() throws Exception {
        Account alice = atSpotify();
        Instant end = alice.grant().orElseThrow().consentEndsAt().orElseThrow();
        scene.time.pass(Duration.between(scene.time.clock().instant(), end).minusDays(3));
        assertThat(alice.tokens()).isNotNull();
        scene.expire();
        assertThat(alice.tokens()).isNotNull();
        assertThat(kinds()).containsExactly(Kind.SIGNED_IN, Kind.REFRESHED, Kind.CONSENT_ENDS_SOON, Kind.REFRESHED);
    }
}
