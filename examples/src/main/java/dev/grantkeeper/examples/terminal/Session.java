/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.terminal;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.grantkeeper.Account;
import dev.grantkeeper.Grantkeeper;
import dev.grantkeeper.LoginRequiredException;
import dev.grantkeeper.LoginResult;
import dev.grantkeeper.LoopbackReceiver;
import dev.grantkeeper.OAuthException;
import dev.grantkeeper.examples.files.FileTokenStore;
import dev.grantkeeper.examples.spotify.SealingSecret;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.SealingKeys;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.util.function.Consumer;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import org.jspecify.annotations.Nullable;

/**
 * One user of one machine at Spotify: signs in when it has to, and calls the API. All that the program does with
 * Grantkeeper is here. Not thread-safe.
 */
final class Session implements AutoCloseable {
    private static final JsonMapper JSON = new JsonMapper();

    /** The program has one user, under any name at Spotify. */
    private static final String ME = "me";

    /** The user did not sign in. */
    static final class NotSignedInException extends IOException {
        private static final long serialVersionUID = 1L;

        NotSignedInException(String message) {
            super(message);
        }
    }

    /** The API answered with an error. */
    static final class ApiException extends IOException {
        private static final long serialVersionUID = 1L;

        /** The HTTP status. */
        private final int status;

        ApiException(int status, String message) {
            super(message);
            this.status = status;
        }

        boolean mayPass() {
            return status == 429 || status >= 500;
        }
    }

    private final Grantkeeper spotify;
    private final Account me;
    private final OkHttpClient api;
    private final String origin;
    private final @Nullable Consumer<URI> browser;

    /**
     * Opens the stored login. Sends no request.
     *
     * @param provider Spotify, or something that behaves like it
     * @param clientId the client id, as Spotify's dashboard shows it
     * @param clientSecret {@code null} for a program that everybody can read, which needs none
     * @param redirectUri the redirect URI, as registered
     * @param directory the directory for all files
     * @param browser opens a page for the user; {@code null} if nobody is to be asked
     */
    Session(
            Provider provider,
            String clientId,
            @Nullable String clientSecret,
            String redirectUri,
            Path directory,
            @Nullable Consumer<URI> browser)
            throws IOException {
        Path grants = Places.make(directory).resolve("grants");
        Grantkeeper.Builder builder = Grantkeeper.builder(provider)
                .clientId(clientId)
                .redirectUri(redirectUri)
                .scopes("user-read-recently-played", "user-top-read")
                .tokenStore(FileTokenStore.create(grants))
                // Beside the rows that it seals: a copy of the grants alone is of no use, and that is all. A program
                // that is installed for real asks the system's key chain.
                .sealingKeys(SealingKeys.of(SealingSecret.find(grants)));
        if (clientSecret != null) {
            builder.clientSecret(clientSecret);
        }
        this.spotify = builder.build();
        this.me = spotify.account(ME);
        this.api = me.wrap(new OkHttpClient());
        this.origin = provider.apiOrigins().iterator().next();
        this.browser = browser;
    }

    Account me() {
        return me;
    }

    /** Calls the API, after a login if one is needed. */
    JsonNode get(String path) throws IOException {
        try {
            return send(path);
        } catch (LoginRequiredException e) {
            login(e);
            return send(path); // an API that requires another login now would require one forever
        }
    }

    private void login(LoginRequiredException required) throws IOException {
        if (browser == null) {
            throw required;
        }
        LoginResult result;
        try (LoopbackReceiver receiver = LoopbackReceiver.open(spotify)) {
            result = receiver.login(spotify.newLogin().inResponseTo(required), browser);
        } catch (OAuthException e) {
            if (e.getClass() == OAuthException.class) {
                throw new NotSignedInException(String.valueOf(e.getMessage())); // nobody came back
            }
            throw e;
        }
        if (result instanceof LoginResult.SignedIn in) {
            Account unused = in.keepAs(ME);
        } else if (result instanceof LoginResult.Declined declined) {
            throw new NotSignedInException("Not signed in: " + declined.error());
        } else {
            throw new NotSignedInException("Not signed in: " + result);
        }
    }

    private JsonNode send(String path) throws IOException {
        Request request = new Request.Builder()
                .url(path.startsWith("/") ? origin + path : path)
                .build();
        try (Response response = api.newCall(request).execute()) {
            String body = response.body().string();
            if (!response.isSuccessful()) {
                throw new ApiException(response.code(), "Spotify answered " + response.code());
            }
            return JSON.readTree(body);
        }
    }

    @Override
    public void close() {
        spotify.close();
    }
}
