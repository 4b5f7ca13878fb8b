/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.load;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.microsoft.aad.msal4j.AuthorizationCodeParameters;
import com.microsoft.aad.msal4j.ClientCredentialFactory;
import com.microsoft.aad.msal4j.ConfidentialClientApplication;
import com.microsoft.aad.msal4j.HttpRequest;
import com.microsoft.aad.msal4j.HttpResponse;
import com.microsoft.aad.msal4j.IAccount;
import com.microsoft.aad.msal4j.IHttpClient;
import com.microsoft.aad.msal4j.IHttpResponse;
import com.microsoft.aad.msal4j.SilentParameters;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import javax.sql.DataSource;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;

/**
 * MSAL for Java as Microsoft's sample of a web application has it: an application object for each request, with the
 * user's token cache, which is stored again when it has changed. It speaks to Entra only, so its HTTP client takes its
 * requests to the server here, and adds what Entra's responses have.
 */
final class MsalLibrary implements Library {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Set<String> SCOPES = Set.of("things.read");

    private final OkHttpClient http;
    private final Addresses addresses;
    private final TokenTable caches;
    private final ExecutorService threads = Threads.perTask();

    MsalLibrary(OkHttpClient http, Addresses addresses, DataSource database) throws SQLException {
        this.http = http;
        this.addresses = addresses;
        this.caches = new TokenTable(database, "msal_caches");
    }

    private ConfidentialClientApplication application(IHttpClient client) throws IOException {
        return ConfidentialClientApplication.builder(
                        Addresses.CLIENT_ID, ClientCredentialFactory.createFromSecret(Addresses.CLIENT_SECRET))
                .authority("https://login.microsoftonline.com/contoso")
                .instanceDiscovery(false)
                .httpClient(client)
                .executorService(threads)
                .build();
    }

    @Override
    public void keep(String user, Tokens tokens) throws Exception {
        ObjectNode first = JSON.createObjectNode()
                .put("token_type", "Bearer")
                .put("access_token", tokens.access())
                .put("refresh_token", tokens.refresh())
                .put("scope", "things.read")
                .put(
                        "expires_in",
                        Math.max(
                                1,
                                Duration.between(Instant.now(), tokens.expiresAt())
                                        .toSeconds()));
        ConfidentialClientApplication application = application(request -> answer(200, entra(user, first)));
        application
                .acquireToken(AuthorizationCodeParameters.builder("code", URI.create(Addresses.REDIRECT_URI))
                        .scopes(SCOPES)
                        .build())
                .get();
        save(user, application);
    }

    private void save(String user, ConfidentialClientApplication application) throws SQLException {
        caches.save(user, new TokenTable.Row(application.tokenCache().serialize(), "", 0));
    }

    @Override
    public int call(String user) throws Exception {
        ConfidentialClientApplication application = application(request -> send(user, request));
        String cache = caches.find(user).accessToken();
        application.tokenCache().deserialize(cache);
        IAccount account = application.getAccounts().get().iterator().next();
        String token = application
                .acquireTokenSilently(SilentParameters.builder(SCOPES, account).build())
                .get()
                .accessToken();
        if (!cache.contains(token)) {
            save(user, application);
        }
        return addresses.call(http, user, token);
    }

    private IHttpResponse send(String user, HttpRequest request) throws IOException {
        Request here = new Request.Builder()
                .url(addresses.tokenEndpoint())
                .post(RequestBody.create(request.body(), MediaType.get("application/x-www-form-urlencoded")))
                .build();
        try (Response response = http.newCall(here).execute()) {
            String body = response.body().string();
            return response.isSuccessful()
                    ? answer(200, entra(user, (ObjectNode) JSON.readTree(body)))
                    : answer(response.code(), body);
        }
    }

    private static String entra(String user, ObjectNode tokens) {
        return tokens.put("client_info", base64("{\"uid\":\"" + user + "\",\"utid\":\"home\"}"))
                .put(
                        "id_token",
                        base64("{\"alg\":\"none\"}") + "."
                                + base64("{\"sub\":\"" + user + "\",\"oid\":\"" + user
                                        + "\",\"tid\":\"home\",\"preferred_username\":\"" + user + "\"}")
                                + ".")
                .toString();
    }

    private static String base64(String json) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(json.getBytes(StandardCharsets.UTF_8));
    }

    private static IHttpResponse answer(int status, String json) {
        HttpResponse answer = new HttpResponse().statusCode(status).body(json);
        answer.addHeaders(Map.of("Content-Type", List.of("application/json")));
        return answer;
    }
}
