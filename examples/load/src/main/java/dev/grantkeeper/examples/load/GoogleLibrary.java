/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.load;

import com.google.api.client.auth.oauth2.AuthorizationCodeFlow;
import com.google.api.client.auth.oauth2.BearerToken;
import com.google.api.client.auth.oauth2.ClientParametersAuthentication;
import com.google.api.client.auth.oauth2.Credential;
import com.google.api.client.auth.oauth2.StoredCredential;
import com.google.api.client.http.GenericUrl;
import com.google.api.client.http.HttpResponse;
import com.google.api.client.http.javanet.NetHttpTransport;
import com.google.api.client.json.gson.GsonFactory;
import com.google.api.client.util.store.AbstractDataStore;
import com.google.api.client.util.store.DataStore;
import com.google.api.client.util.store.MemoryDataStoreFactory;
import java.io.IOException;
import java.sql.SQLException;
import java.util.Collection;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/**
 * google-oauth-java-client with a {@link DataStore} over JDBC, of which it brings none. Its samples load the credential
 * for each request; an application may also share one object among its threads.
 */
final class GoogleLibrary implements Library {
    private final AuthorizationCodeFlow flow;
    private final NetHttpTransport transport = new NetHttpTransport();
    private final Addresses addresses;
    private final Store store;
    private final @Nullable Map<String, Credential> shared;

    GoogleLibrary(Addresses addresses, DataSource database, boolean shares) throws SQLException {
        this.addresses = addresses;
        this.store = new Store(database, shares ? "google_shared" : "google_loaded");
        this.shared = shares ? new ConcurrentHashMap<>() : null;
        this.flow = new AuthorizationCodeFlow.Builder(
                        BearerToken.authorizationHeaderAccessMethod(),
                        transport,
                        GsonFactory.getDefaultInstance(),
                        new GenericUrl(addresses.tokenEndpoint()),
                        new ClientParametersAuthentication(Addresses.CLIENT_ID, Addresses.CLIENT_SECRET),
                        Addresses.CLIENT_ID,
                        addresses.authorizationEndpoint())
                .setCredentialDataStore(store)
                .build();
    }

    @Override
    public void keep(String user, Tokens tokens) throws SQLException {
        store.table.save(user, new TokenTable.Row(tokens));
    }

    @Override
    public int call(String user) throws IOException {
        HttpResponse response = transport
                .createRequestFactory(credential(user))
                .buildGetRequest(new GenericUrl(addresses.api(user)))
                .setThrowExceptionOnExecuteError(false)
                .execute();
        try {
            return response.getStatusCode();
        } finally {
            response.disconnect();
        }
    }

    private Credential credential(String user) throws IOException {
        Credential known = shared == null ? null : shared.get(user);
        if (known != null) {
            return known;
        }
        Credential loaded = flow.loadCredential(user);
        Credential other = shared == null ? null : shared.putIfAbsent(user, loaded);
        return other == null ? loaded : other;
    }

    /** Stores no token as an empty text, and no expiry as 0: a refused refresh leaves both behind. */
    private static final class Store extends AbstractDataStore<StoredCredential> {
        private final TokenTable table;

        Store(DataSource database, String name) throws SQLException {
            super(MemoryDataStoreFactory.getDefaultInstance(), name);
            this.table = new TokenTable(database, name);
        }

        @Override
        public StoredCredential get(@Nullable String key) throws IOException {
            try {
                TokenTable.Row row = table.find(String.valueOf(key));
                return new StoredCredential()
                        .setAccessToken(row.accessToken().isEmpty() ? null : row.accessToken())
                        .setRefreshToken(row.refreshToken().isEmpty() ? null : row.refreshToken())
                        .setExpirationTimeMilliseconds(row.expiresAt() == 0 ? null : row.expiresAt());
            } catch (SQLException e) {
                throw new IOException(e);
            }
        }

        @Override
        public DataStore<StoredCredential> set(@Nullable String key, @Nullable StoredCredential value)
                throws IOException {
            if (value == null) {
                return delete(key);
            }
            Long expiresAt = value.getExpirationTimeMilliseconds();
            try {
                table.save(
                        String.valueOf(key),
                        new TokenTable.Row(
                                Objects.requireNonNullElse(value.getAccessToken(), ""),
                                Objects.requireNonNullElse(value.getRefreshToken(), ""),
                                expiresAt == null ? 0 : expiresAt));
                return this;
            } catch (SQLException e) {
                throw new IOException(e);
            }
        }

        @Override
        public DataStore<StoredCredential> delete(@Nullable String key) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Set<String> keySet() {
            throw new UnsupportedOperationException();
        }

        @Override
        public Collection<StoredCredential> values() {
            throw new UnsupportedOperationException();
        }

        @Override
        public DataStore<StoredCredential> clear() {
            throw new UnsupportedOperationException();
        }
    }
}
