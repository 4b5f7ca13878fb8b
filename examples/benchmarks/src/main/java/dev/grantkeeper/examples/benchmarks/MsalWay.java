/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.benchmarks;

import com.microsoft.aad.msal4j.AuthorizationCodeParameters;
import com.microsoft.aad.msal4j.ClientCredentialFactory;
import com.microsoft.aad.msal4j.ConfidentialClientApplication;
import com.microsoft.aad.msal4j.HttpResponse;
import com.microsoft.aad.msal4j.IAccount;
import com.microsoft.aad.msal4j.SilentParameters;
import java.io.IOException;
import java.net.MalformedURLException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;

/** MSAL for Java, whose cache has the user's token. */
final class MsalWay {
    private MsalWay() {}

    static AuthorizedCall start(Transport transport) {
        ConfidentialClientApplication msal = application();
        Set<String> scopes = Set.of("things.read");
        IAccount account;
        try {
            account = msal.acquireToken(AuthorizationCodeParameters.builder(
                                    "code", URI.create("https://diary.example.com/callback"))
                            .scopes(scopes)
                            .build())
                    .get()
                    .account();
        } catch (InterruptedException | ExecutionException e) {
            throw new IllegalStateException(e);
        }
        return PlainWays.bearer(transport, () -> token(msal, account, scopes));
    }

    private static String token(ConfidentialClientApplication msal, IAccount account, Set<String> scopes)
            throws IOException {
        try {
            return msal.acquireTokenSilently(
                            SilentParameters.builder(scopes, account).build())
                    .get()
                    .accessToken();
        } catch (InterruptedException | ExecutionException e) {
            throw new IOException(e);
        }
    }

    private static ConfidentialClientApplication application() {
        String idToken = base64("{\"alg\":\"none\"}") + "."
                + base64(
                        "{\"sub\":\"alice\",\"oid\":\"alice\",\"tid\":\"home\",\"preferred_username\":\"alice@contoso.com\"}")
                + ".";
        String login =
                "{\"token_type\":\"Bearer\",\"expires_in\":86400,\"ext_expires_in\":86400,\"scope\":\"things.read\","
                        + "\"access_token\":\"" + Tokens.ACCESS_TOKEN + "\",\"refresh_token\":\"" + Tokens.REFRESH_TOKEN
                        + "\",\"client_info\":\"" + base64("{\"uid\":\"alice\",\"utid\":\"home\"}")
                        + "\",\"id_token\":\"" + idToken + "\"}";
        try {
            return ConfidentialClientApplication.builder("client", ClientCredentialFactory.createFromSecret("secret"))
                    .authority("https://login.microsoftonline.com/contoso")
                    .instanceDiscovery(false)
                    .httpClient(request -> {
                        HttpResponse response =
                                new HttpResponse().statusCode(200).body(login);
                        response.addHeaders(Map.of("Content-Type", List.of("application/json")));
                        return response;
                    })
                    .build();
        } catch (MalformedURLException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String base64(String json) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(json.getBytes(StandardCharsets.UTF_8));
    }
}
