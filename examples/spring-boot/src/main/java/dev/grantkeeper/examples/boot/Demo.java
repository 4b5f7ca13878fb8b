/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.boot;

import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.provider.Spotify;
import dev.grantkeeper.testkit.FakeAuthorizationServer;
import java.time.Duration;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Profile;

/** No registration anywhere: one server in this process is both providers. Not to be copied. */
@Configuration(proxyBeanMethods = false)
@Profile("demo")
class Demo {
    /** Tests bring one of their own. */
    @Bean
    @ConditionalOnMissingBean
    FakeAuthorizationServer authorizationServer(@Value("${demo.port}") int port) {
        return FakeAuthorizationServer.start(port)
                .scopeText("user-read-recently-played", "See what you played recently")
                .accessTokenLifetime(Duration.ofSeconds(20));
    }

    @Bean
    Provider spotifyProvider(FakeAuthorizationServer server, Settings settings) {
        Settings.Registration spotify = settings.spotify();
        Settings.Discovered acme = settings.acme();
        server.title("Demonstration")
                .clientName(spotify.clientId(), "Listening diary")
                .clientName(acme.clientId(), "Listening diary")
                .client(
                        spotify.clientId(),
                        spotify.clientSecret(),
                        settings.redirectUri("spotify").toString())
                .client(
                        acme.clientId(),
                        acme.clientSecret(),
                        settings.redirectUri("acme").toString());
        return server.provider(Spotify.provider())
                .newBuilder()
                .revocationEndpoint(server.revocationEndpoint())
                .replay(Provider.Replay.LATE) // unlike Spotify, this server rotates refresh tokens
                .build();
    }
}
