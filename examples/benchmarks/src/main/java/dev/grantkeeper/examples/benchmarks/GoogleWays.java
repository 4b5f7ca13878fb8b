/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.benchmarks;

import com.google.api.client.auth.oauth2.AuthorizationCodeFlow;
import com.google.api.client.auth.oauth2.BearerToken;
import com.google.api.client.auth.oauth2.ClientParametersAuthentication;
import com.google.api.client.auth.oauth2.Credential;
import com.google.api.client.auth.oauth2.StoredCredential;
import com.google.api.client.http.GenericUrl;
import com.google.api.client.http.javanet.NetHttpTransport;
import com.google.api.client.json.gson.GsonFactory;
import com.google.api.client.util.store.MemoryDataStoreFactory;
import java.io.IOException;

/** google-oauth-java-client, with the check that its own interceptor makes. */
final class GoogleWays {
    private GoogleWays() {}

    static AuthorizedCall oneCredential(Transport transport) {
        Credential credential = load(flow());
        return PlainWays.bearer(transport, () -> token(credential));
    }

    static AuthorizedCall loadedCredential(Transport transport) {
        AuthorizationCodeFlow flow = flow();
        return PlainWays.bearer(transport, () -> token(load(flow)));
    }

    private static AuthorizationCodeFlow flow() {
        try {
            AuthorizationCodeFlow flow = new AuthorizationCodeFlow.Builder(
                            BearerToken.authorizationHeaderAccessMethod(),
                            new NetHttpTransport(),
                            GsonFactory.getDefaultInstance(),
                            new GenericUrl("https://login.example.com/token"),
                            new ClientParametersAuthentication("client", "secret"),
                            "client",
                            "https://login.example.com/authorize")
                    .setDataStoreFactory(MemoryDataStoreFactory.getDefaultInstance())
                    .build();
            flow.getCredentialDataStore()
                    .set(
                            GrantkeeperWays.USER,
                            new StoredCredential()
                                    .setAccessToken(Tokens.ACCESS_TOKEN)
                                    .setRefreshToken(Tokens.REFRESH_TOKEN)
                                    .setExpirationTimeMilliseconds(Tokens.EXPIRES_AT.toEpochMilli()));
            return flow;
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static Credential load(AuthorizationCodeFlow flow) {
        try {
            return flow.loadCredential(GrantkeeperWays.USER);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String token(Credential credential) {
        Long left = credential.getExpiresInSeconds();
        return left == null || left <= 60 ? Tokens.refresh() : credential.getAccessToken();
    }
}
