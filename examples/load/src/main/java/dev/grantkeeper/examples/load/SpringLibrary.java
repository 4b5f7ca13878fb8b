/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.load;

import java.io.IOException;
import java.sql.SQLException;
import java.util.Set;
import javax.sql.DataSource;
import okhttp3.OkHttpClient;
import org.jspecify.annotations.Nullable;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.security.authentication.TestingAuthenticationToken;
import org.springframework.security.oauth2.client.AuthorizedClientServiceOAuth2AuthorizedClientManager;
import org.springframework.security.oauth2.client.JdbcOAuth2AuthorizedClientService;
import org.springframework.security.oauth2.client.OAuth2AuthorizeRequest;
import org.springframework.security.oauth2.client.OAuth2AuthorizedClient;
import org.springframework.security.oauth2.client.OAuth2AuthorizedClientProviderBuilder;
import org.springframework.security.oauth2.client.registration.ClientRegistration;
import org.springframework.security.oauth2.client.registration.InMemoryClientRegistrationRepository;
import org.springframework.security.oauth2.core.AuthorizationGrantType;
import org.springframework.security.oauth2.core.OAuth2AccessToken;
import org.springframework.security.oauth2.core.OAuth2RefreshToken;

/** Spring Security's manager over its service for JDBC, as its reference describes it. */
final class SpringLibrary implements Library {
    private static final String REGISTRATION = "load";

    private final ClientRegistration registration;
    private final JdbcOAuth2AuthorizedClientService service;
    private final AuthorizedClientServiceOAuth2AuthorizedClientManager manager;
    private final OkHttpClient http;
    private final Addresses addresses;

    SpringLibrary(OkHttpClient http, Addresses addresses, DataSource database) throws SQLException {
        this.http = http;
        this.addresses = addresses;
        // Spring's own schema for PostgreSQL
        Databases.create(
                database,
                "CREATE TABLE IF NOT EXISTS oauth2_authorized_client (client_registration_id varchar(100) NOT NULL,"
                        + " principal_name varchar(200) NOT NULL, access_token_type varchar(100) NOT NULL,"
                        + " access_token_value bytea NOT NULL, access_token_issued_at timestamp NOT NULL,"
                        + " access_token_expires_at timestamp NOT NULL, access_token_scopes varchar(1000) DEFAULT NULL,"
                        + " refresh_token_value bytea DEFAULT NULL, refresh_token_issued_at timestamp DEFAULT NULL,"
                        + " created_at timestamp DEFAULT CURRENT_TIMESTAMP NOT NULL,"
                        + " PRIMARY KEY (client_registration_id, principal_name))");
        this.registration = ClientRegistration.withRegistrationId(REGISTRATION)
                .clientId(Addresses.CLIENT_ID)
                .clientSecret(Addresses.CLIENT_SECRET)
                .authorizationGrantType(AuthorizationGrantType.AUTHORIZATION_CODE)
                .redirectUri(Addresses.REDIRECT_URI)
                .authorizationUri(addresses.authorizationEndpoint())
                .tokenUri(addresses.tokenEndpoint())
                .build();
        InMemoryClientRegistrationRepository registrations = new InMemoryClientRegistrationRepository(registration);
        this.service = new JdbcOAuth2AuthorizedClientService(new JdbcTemplate(database), registrations);
        this.manager = new AuthorizedClientServiceOAuth2AuthorizedClientManager(registrations, service);
        manager.setAuthorizedClientProvider(OAuth2AuthorizedClientProviderBuilder.builder()
                .authorizationCode()
                .refreshToken()
                .build());
    }

    @Override
    public void keep(String user, Tokens tokens) {
        service.saveAuthorizedClient(
                new OAuth2AuthorizedClient(
                        registration,
                        user,
                        new OAuth2AccessToken(
                                OAuth2AccessToken.TokenType.BEARER,
                                tokens.access(),
                                tokens.receivedAt(),
                                tokens.expiresAt(),
                                Set.of("things.read")),
                        new OAuth2RefreshToken(tokens.refresh(), tokens.receivedAt())),
                new TestingAuthenticationToken(user, "none"));
    }

    @Override
    public int call(String user) throws IOException {
        @Nullable
        OAuth2AuthorizedClient client = manager.authorize(OAuth2AuthorizeRequest.withClientRegistrationId(REGISTRATION)
                .principal(new TestingAuthenticationToken(user, "none"))
                .build());
        if (client == null) {
            throw new IOException("Not authorized: " + user);
        }
        return addresses.call(http, user, client.getAccessToken().getTokenValue());
    }
}
