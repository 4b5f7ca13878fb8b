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
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Collection;
import java.util.Map;
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
    public void keep(String user, Tokens tokens) throws IOException {
        StoredCredential stored = new StoredCredential();
        stored.setAccessToken(tokens.access());
        stored.setRefreshToken(tokens.refresh());
        stored.setExpirationTimeMilliseconds(tokens.expiresAt().toEpochMilli());
        store.set(user, stored);
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
        if (loaded == null) {
            throw new IOException("Not connected: " + user);
        }
        Credential other = shared == null ? null : shared.putIfAbsent(user, loaded);
        return other == null ? loaded : other;
    }

    private static final class Store extends AbstractDataStore<StoredCredential> {
        private final DataSource database;
        private final String table;

        Store(DataSource database, String table) throws SQLException {
            super(MemoryDataStoreFactory.getDefaultInstance(), table);
            this.database = database;
            this.table = table;
            Databases.create(
                    database,
                    "CREATE TABLE IF NOT EXISTS " + table + " (account varchar(200) PRIMARY KEY, access_token text,"
                            + " refresh_token text, expires_at bigint)");
        }

        @Override
        public @Nullable StoredCredential get(@Nullable String key) throws IOException {
            try (Connection connection = database.getConnection();
                    PreparedStatement select = connection.prepareStatement(
                            "SELECT access_token, refresh_token, expires_at FROM " + table + " WHERE account = ?")) {
                select.setString(1, key);
                try (ResultSet rows = select.executeQuery()) {
                    if (!rows.next()) {
                        return null;
                    }
                    StoredCredential stored = new StoredCredential();
                    stored.setAccessToken(rows.getString(1));
                    stored.setRefreshToken(rows.getString(2));
                    stored.setExpirationTimeMilliseconds(rows.getObject(3, Long.class));
                    return stored;
                }
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
            try (Connection connection = database.getConnection();
                    PreparedStatement upsert = connection.prepareStatement("INSERT INTO " + table
                            + " (account, access_token, refresh_token, expires_at) VALUES (?, ?, ?, ?)"
                            + " ON CONFLICT (account) DO UPDATE SET access_token = excluded.access_token,"
                            + " refresh_token = excluded.refresh_token, expires_at = excluded.expires_at")) {
                upsert.setString(1, key);
                upsert.setString(2, value.getAccessToken());
                upsert.setString(3, value.getRefreshToken());
                upsert.setObject(4, value.getExpirationTimeMilliseconds(), java.sql.Types.BIGINT);
                upsert.executeUpdate();
                return this;
            } catch (SQLException e) {
                throw new IOException(e);
            }
        }

        @Override
        public DataStore<StoredCredential> delete(@Nullable String key) throws IOException {
            try (Connection connection = database.getConnection();
                    PreparedStatement delete =
                            connection.prepareStatement("DELETE FROM " + table + " WHERE account = ?")) {
                delete.setString(1, key);
                delete.executeUpdate();
                return this;
            } catch (SQLException e) {
                throw new IOException(e);
            }
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
