/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;

import dev.grantkeeper.LoginResult.SignedIn;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.provider.Providers;
import dev.grantkeeper.testkit.Answer;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What presets say, where it takes a whole story to see it. */
@Timeout(60)
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
}
