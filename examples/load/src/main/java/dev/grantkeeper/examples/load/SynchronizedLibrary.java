/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.load;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.sql.SQLException;
import java.time.Instant;
import javax.sql.DataSource;
import okhttp3.FormBody;
import okhttp3.Interceptor;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;

/** The interceptor that most applications write: one lock, and one more look at the row behind it. */
final class SynchronizedLibrary implements Library {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final TokenTable table;
    private final OkHttpClient http;
    private final OkHttpClient api;
    private final Addresses addresses;

    SynchronizedLibrary(OkHttpClient http, Addresses addresses, DataSource database) throws SQLException {
        this.table = new TokenTable(database, "synchronized_tokens");
        this.http = http;
        this.addresses = addresses;
        this.api = http.newBuilder().addInterceptor(this::authorized).build();
    }

    @Override
    public void keep(String user, Tokens tokens) throws SQLException {
        table.save(user, new TokenTable.Row(tokens));
    }

    @Override
    public int call(String user) throws IOException {
        return Addresses.status(
                api,
                new Request.Builder()
                        .url(addresses.api(user))
                        .tag(String.class, user)
                        .build());
    }

    private Response authorized(Interceptor.Chain chain) throws IOException {
        String user = chain.request().tag(String.class);
        if (user == null) {
            throw new IOException("No user");
        }
        try {
            TokenTable.Row row = table.find(user);
            if (row.hasExpired()) {
                row = refreshed(user);
            }
            return chain.proceed(chain.request()
                    .newBuilder()
                    .header("Authorization", "Bearer " + row.accessToken())
                    .build());
        } catch (SQLException e) {
            throw new IOException(e);
        }
    }

    private synchronized TokenTable.Row refreshed(String user) throws IOException, SQLException {
        TokenTable.Row row = table.find(user);
        if (!row.hasExpired()) {
            return row;
        }
        Request request = new Request.Builder()
                .url(addresses.tokenEndpoint())
                .post(new FormBody.Builder()
                        .add("grant_type", "refresh_token")
                        .add("refresh_token", row.refreshToken())
                        .add("client_id", Addresses.CLIENT_ID)
                        .add("client_secret", Addresses.CLIENT_SECRET)
                        .build())
                .build();
        try (Response response = http.newCall(request).execute()) {
            if (!response.isSuccessful()) {
                throw new IOException("Refresh failed: " + response.code());
            }
            JsonNode json = JSON.readTree(response.body().string());
            TokenTable.Row fresh = new TokenTable.Row(
                    json.get("access_token").asText(),
                    json.get("refresh_token").asText(),
                    Instant.now().plusSeconds(json.get("expires_in").asLong()).toEpochMilli());
            table.save(user, fresh);
            return fresh;
        }
    }
}
