/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.load;

import com.github.scribejava.core.builder.ServiceBuilder;
import com.github.scribejava.core.builder.api.DefaultApi20;
import com.github.scribejava.core.model.OAuth2AccessToken;
import com.github.scribejava.core.model.OAuthRequest;
import com.github.scribejava.core.model.Response;
import com.github.scribejava.core.model.Verb;
import com.github.scribejava.core.oauth.OAuth20Service;
import java.sql.SQLException;
import java.time.Instant;
import javax.sql.DataSource;

/** ScribeJava, whose tokens the application keeps, and refreshes by hand when they have expired. */
final class ScribeLibrary implements Library {
    private final OAuth20Service service;
    private final TokenTable table;
    private final Addresses addresses;

    ScribeLibrary(Addresses addresses, DataSource database) throws SQLException {
        this.addresses = addresses;
        this.table = new TokenTable(database, "scribe_tokens");
        this.service = new ServiceBuilder(Addresses.CLIENT_ID)
                .apiSecret(Addresses.CLIENT_SECRET)
                .callback(Addresses.REDIRECT_URI)
                .build(new DefaultApi20() {
                    @Override
                    public String getAccessTokenEndpoint() {
                        return addresses.tokenEndpoint();
                    }

                    @Override
                    protected String getAuthorizationBaseUrl() {
                        return addresses.authorizationEndpoint();
                    }
                });
    }

    @Override
    public void keep(String user, Tokens tokens) throws SQLException {
        table.save(user, new TokenTable.Row(tokens));
    }

    @Override
    public int call(String user) throws Exception {
        TokenTable.Row row = table.find(user);
        if (row.hasExpired()) {
            OAuth2AccessToken fresh = service.refreshAccessToken(row.refreshToken());
            row = new TokenTable.Row(
                    fresh.getAccessToken(),
                    fresh.getRefreshToken(),
                    Instant.now().plusSeconds(fresh.getExpiresIn()).toEpochMilli());
            table.save(user, row);
        }
        OAuthRequest request = new OAuthRequest(Verb.GET, addresses.api(user));
        service.signRequest(row.accessToken(), request);
        try (Response response = service.execute(request)) {
            return response.getCode();
        }
    }
}
