/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.boot;

import dev.grantkeeper.Discovery;
import dev.grantkeeper.Grantkeeper;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.provider.Spotify;
import dev.grantkeeper.store.jdbc.JdbcTokenStore;
import dev.grantkeeper.token.SealingKeys;
import dev.grantkeeper.token.TokenStore;
import io.micrometer.core.instrument.MeterRegistry;
import java.net.URI;
import java.time.Duration;
import javax.sql.DataSource;
import okhttp3.OkHttpClient;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Profile;

/**
 * The two registrations. Each bean has the name that its grants are stored under.
 *
 * <p>Spring closes them when the web server and the scheduler have stopped, and before the {@code DataSource}: they
 * depend on it.
 */
@Configuration(proxyBeanMethods = false)
class Clients {
    /** Flyway has created the table. */
    @Bean
    JdbcTokenStore tokenStore(DataSource dataSource) {
        return JdbcTokenStore.on(dataSource);
    }

    @Bean
    OkHttpClient http() {
        return new OkHttpClient.Builder().callTimeout(Duration.ofSeconds(30)).build();
    }

    @Bean
    @Profile("!demo")
    Provider spotifyProvider() {
        return Spotify.provider();
    }

    @Bean
    Grantkeeper spotify(Provider spotifyProvider, Settings settings, TokenStore store, MeterRegistry meters) {
        return Grantkeeper.builder(spotifyProvider)
                .registration("spotify")
                .clientId(settings.spotify().clientId())
                .clientSecret(settings.spotify().clientSecret())
                .redirectUri(settings.redirectUri("spotify").toString())
                .scopes("user-read-recently-played")
                .fetchProfile() // Spotify has no ID tokens: its /v1/me identifies the user
                .tokenStore(store)
                .sealingKeys(SealingKeys.of(settings.sealingSecret()))
                .listener(new GrantMetrics(meters, "spotify"))
                .build();
    }

    @Bean
    Grantkeeper acme(Settings settings, TokenStore store, MeterRegistry meters) {
        URI api = URI.create(settings.acme().api());
        Discovery discovery = Discovery.of(settings.acme().issuer())
                .allowHttpOnLoopback() // for a server on the developer's machine; any other has to have https
                .customize(provider -> provider.apiOrigins(api.getScheme() + "://" + api.getAuthority()));
        return Grantkeeper.builder(discovery)
                .registration("acme")
                .clientId(settings.acme().clientId())
                .clientSecret(settings.acme().clientSecret())
                .redirectUri(settings.redirectUri("acme").toString())
                .scopes("openid", "profile", "offline_access")
                .tokenStore(store)
                .sealingKeys(SealingKeys.of(settings.sealingSecret()))
                .listener(new GrantMetrics(meters, "acme"))
                .build();
    }
}
