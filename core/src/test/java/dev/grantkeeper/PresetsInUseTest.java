/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import dev.grantkeeper.LoginResult.SignedIn;
import dev.grantkeeper.internal.provider.Facts;
import dev.grantkeeper.internal.provider.ProviderFacts;
import dev.grantkeeper.provider.ClientAuthentication;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.provider.Providers;
import dev.grantkeeper.testkit.Answer;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Facts of presets that take a whole story to see, and all presets at the test server. */
@Timeout(300)
class PresetsInUseTest {
    private final Scene scene = new Scene();

    @AfterEach
    void close() {
        scene.close();
    }

    @Test
    void the_twitch_preset_mends_a_401_in_twitchs_words() throws Exception {
        assertMended(scene.here(Providers.twitch()), "Bearer ", "OAuth realm='TwitchTV', error='invalid_token'");
    }

    @Test
    void a_401_in_the_word_that_goes_before_the_token_is_mended() throws Exception {
        Provider zoho = scene.provider().dialect(d -> d.tokenScheme("Token")).build();
        assertMended(zoho, "Token ", "Token realm=\"api\"");
    }

    private void assertMended(Provider provider, String scheme, String challenge) throws IOException {
        Grantkeeper node = scene.node(scene.registration(provider));
        Account alice = scene.signIn(node, "alice");
        String rejected = scheme + alice.tokens().accessToken();
        scene.server.onApiRequest(
                (request, answer) -> request.header("Authorization").orElse("").equals(rejected)
                        ? Answer.json(401, "{}").header("WWW-Authenticate", challenge)
                        : Answer.json(200, "{}"));
        assertThat(scene.status(alice.wrap(scene.http))).isEqualTo(200);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
    }

    /** T-081: ids of users are good within their team. */
    @Test
    void users_of_two_slack_workspaces_are_two() throws Exception {
        Grantkeeper node = scene.node(scene.registration(scene.here(Providers.slack())));
        List<String> ids = new ArrayList<>();
        for (String team : List.of("T111", "T222")) {
            scene.server.tokenResponse(answer -> {
                answer.put("token_type", "bot");
                answer.put("authed_user", Map.of("id", "U0001"));
                answer.put("team", Map.of("id", team));
                return answer;
            });
            SignedIn in = (SignedIn) scene.login(node, "alice");
            ids.add(in.identity().orElseThrow().id());
        }
        assertThat(ids).doesNotHaveDuplicates();
    }

    @ParameterizedTest
    @MethodSource("dev.grantkeeper.provider.ProviderListTest#withLogins")
    void a_preset_at_the_test_server_sends_nothing_elsewhere(Provider preset) {
        ProviderFacts facts = Facts.of(scene.server.provider(preset));
        assertThat(Stream.of(
                                facts.authorizationEndpoint,
                                facts.tokenEndpoint,
                                facts.refreshEndpoint(),
                                facts.revocationEndpoint,
                                facts.pushedAuthorizationRequestEndpoint,
                                facts.deviceAuthorizationEndpoint,
                                facts.introspectionEndpoint,
                                facts.endSessionEndpoint,
                                facts.userInfoEndpoint,
                                facts.profileEndpoint,
                                facts.jwksUri)
                        .filter(Objects::nonNull))
                .allMatch(url -> url.toString().startsWith(scene.server.url() + "/"));
        assertThat(facts.apiOrigins).containsExactly(scene.server.url());
        assertThat(facts.mtlsEndpointAliases).isEmpty();
        assertThat(facts.formerServers).isEmpty();
        assertThat(facts.issuer).isEqualTo(Facts.of(preset).issuer == null ? null : scene.server.issuer());
        assertThat(facts.dialect).isEqualTo(Facts.of(preset).dialect);
    }

    /** Login, identity, call, refresh and a rejected token, in the words of each preset. */
    @ParameterizedTest
    @MethodSource("dev.grantkeeper.provider.ProviderListTest#withLogins")
    void every_preset_works_at_the_test_server(Provider preset) throws Exception {
        ProviderFacts facts = Facts.of(preset);
        scene.server.client(Scene.CLIENT, Scene.SECRET);
        Provider.Builder here = scene.server.provider(preset).newBuilder().replay(Provider.Replay.LATE);
        if (preset.clientAuthentication() != ClientAuthentication.SECRET_BASIC) {
            here.clientAuthentication(
                    ClientAuthentication.SECRET_POST); // the client of this scene has a secret, and no key
        }
        Grantkeeper.Builder registration = scene.registration(here.build()).redirectUri("https://app.example/callback");
        Set<String> scopes = new TreeSet<>(Set.of("things.read"));
        for (Map<String, String> constant : List.of(facts.dialect.tokenParameters, facts.dialect.refreshParameters)) {
            Optional.ofNullable(constant.get("scope")).ifPresent(scopes::add);
        }
        if (facts.jwksUri != null) {
            scopes.add("openid");
        }
        registration.scopes(scopes);
        if (facts.jwksUri == null && facts.profileEndpoint != null) {
            registration.fetchProfile();
        }
        Grantkeeper node = scene.node(registration);
        SignedIn in = (SignedIn) scene.login(node, "alice");
        if (facts.jwksUri != null
                || facts.profileEndpoint != null
                || facts.dialect.identityMembers.containsKey("sub")) {
            assertThat(in.identity().orElseThrow().subject()).isEqualTo("alice");
        }
        Account alice = in.keepAs("alice");
        assertThat(scene.status(alice.wrap(scene.http))).isEqualTo(200);
        scene.expire();
        assertThat(scene.status(alice.wrap(scene.http))).isEqualTo(200);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
        scene.time.pass(Duration.ofMinutes(5));
        scene.server.expireAccessTokens();
        assertThat(scene.status(alice.wrap(scene.http))).isEqualTo(200);
        assertThat(scene.server.refreshRequests()).isEqualTo(2);
        assertThat(scene.server.reuseDetected()).isZero();
    }

    /** A provider at which no user signs in has tokens for applications, and says so to who wants a login. */
    @ParameterizedTest
    @MethodSource("dev.grantkeeper.provider.ProviderListTest#withoutLogins")
    void every_preset_without_logins_gives_the_application_its_tokens(Provider preset) throws Exception {
        assertThatIllegalStateException()
                .isThrownBy(() -> scene.registration(preset).build())
                .withMessageContaining("application()")
                .withMessageContaining("redirectUri");
        assertThatIllegalStateException()
                .isThrownBy(preset::authorizationEndpoint)
                .withMessageContaining("application()");

        scene.server.client(Scene.CLIENT, Scene.SECRET);
        Provider here = scene.here(preset);
        Grantkeeper node = scene.node(Grantkeeper.builder(here)
                .clientId(Scene.CLIENT)
                .clientSecret(Scene.SECRET)
                .tokenStore(scene.store)
                .sealingKeys(Scene.KEYS)
                .httpClient(scene.http)
                .time(scene.time.clock(), scene.time::ticks));
        assertThatIllegalStateException().isThrownBy(node::startLogin).withMessageContaining("application()");
        Account application = node.application();
        assertThat(scene.status(application.wrap(scene.http))).isEqualTo(200);
        scene.expire();
        assertThat(scene.status(application.wrap(scene.http))).isEqualTo(200);
        assertThat(scene.server.tokenRequests()).isEqualTo(2);
    }
}
