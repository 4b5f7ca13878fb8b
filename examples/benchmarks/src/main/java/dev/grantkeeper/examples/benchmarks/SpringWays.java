/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.benchmarks;

import java.util.List;
import org.springframework.security.authentication.UsernamePasswordAuthenticationToken;
import org.springframework.security.core.Authentication;
import org.springframework.security.oauth2.client.AuthorizedClientServiceOAuth2AuthorizedClientManager;
import org.springframework.security.oauth2.client.InMemoryOAuth2AuthorizedClientService;
import org.springframework.security.oauth2.client.OAuth2AuthorizeRequest;
import org.springframework.security.oauth2.client.OAuth2AuthorizedClient;
import org.springframework.security.oauth2.client.OAuth2AuthorizedClientProviderBuilder;
import org.springframework.security.oauth2.client.OAuth2AuthorizedClientService;
import org.springframework.security.oauth2.client.registration.ClientRegistration;
import org.springframework.security.oauth2.client.registration.ClientRegistrationRepository;
import org.springframework.security.oauth2.client.registration.InMemoryClientRegistrationRepository;
import org.springframework.security.oauth2.core.AuthorizationGrantType;
import org.springframework.security.oauth2.core.OAuth2AccessToken;
import org.springframework.security.oauth2.core.OAuth2RefreshToken;

/** Spring Security's manager, asked in each call as its own interceptors ask it. */
final class SpringWays {
    static final ClientRegistration REGISTRATION = ClientRegistration.withRegistrationId("diary")
            .authorizationGrantType(AuthorizationGrantType.AUTHORIZATION_CODE)
            .clientId("client")
            .clientSecret("secret")
            .redirectUri("https://diary.example.com/callback")
            .authorizationUri("https://login.example.com/authorize")
            .tokenUri("https://login.example.com/token")
            .scope("things.read")
            .build();
    static final ClientRegistrationRepository REGISTRATIONS = new InMemoryClientRegistrationRepository(REGISTRATION);
    static final Authentication USER =
            UsernamePasswordAuthenticationToken.authenticated(GrantkeeperWays.USER, "", List.of());

    private SpringWays() {}

    static AuthorizedCall inMemory(Transport transport) {
        OAuth2AuthorizedClientService clients = new InMemoryOAuth2AuthorizedClientService(REGISTRATIONS);
        clients.saveAuthorizedClient(client(GrantkeeperWays.USER), USER);
        return over(transport, clients);
    }

    /** Tokens as after a login. */
    static OAuth2AuthorizedClient client(String user) {
        return new OAuth2AuthorizedClient(
                REGISTRATION,
                user,
                new OAuth2AccessToken(
                        OAuth2AccessToken.TokenType.BEARER,
                        Tokens.received(Tokens.ACCESS_TOKEN),
                        Tokens.ISSUED_AT,
                        Tokens.EXPIRES_AT),
                new OAuth2RefreshToken(Tokens.received(Tokens.REFRESH_TOKEN), Tokens.ISSUED_AT));
    }

    static AuthorizedCall over(Transport transport, OAuth2AuthorizedClientService clients) {
        AuthorizedClientServiceOAuth2AuthorizedClientManager manager =
                new AuthorizedClientServiceOAuth2AuthorizedClientManager(REGISTRATIONS, clients);
        manager.setAuthorizedClientProvider(OAuth2AuthorizedClientProviderBuilder.builder()
                .authorizationCode()
                .refreshToken()
                .build());
        return PlainWays.bearer(transport, () -> {
            OAuth2AuthorizedClient client = manager.authorize(OAuth2AuthorizeRequest.withClientRegistrationId("diary")
                    .principal(USER)
                    .build());
            return client == null ? Tokens.refresh() : client.getAccessToken().getTokenValue();
        });
    }
}
