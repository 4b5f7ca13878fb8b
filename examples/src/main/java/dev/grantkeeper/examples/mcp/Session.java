/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.mcp;

import dev.grantkeeper.Account;
import dev.grantkeeper.ClientMetadata;
import dev.grantkeeper.GrantListener;
import dev.grantkeeper.LoginRequiredException;
import dev.grantkeeper.LoginResult;
import dev.grantkeeper.LoopbackReceiver;
import dev.grantkeeper.OAuthException;
import dev.grantkeeper.ProtectedApis;
import dev.grantkeeper.examples.files.FileTokenStore;
import dev.grantkeeper.examples.spotify.SealingSecret;
import dev.grantkeeper.examples.terminal.Places;
import dev.grantkeeper.token.SealingKeys;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import org.jspecify.annotations.Nullable;

/**
 * The user of this machine at one tool server: signs in when the server requires it, and sends requests. All that the
 * program does with Grantkeeper is here. Not thread-safe.
 */
final class Session implements AutoCloseable {
    /** The program has one user, under any name at the servers. */
    private static final String ME = "me";

    /** The logins for one call: a server may find out step by step what it requires, and may never be content. */
    private static final int MOST_LOGINS = 3;

    /** Some tools take their time. */
    private static final Duration LONGEST_SILENCE = Duration.ofMinutes(5);

    /** The user did not sign in. */
    static final class NotSignedInException extends IOException {
        private static final long serialVersionUID = 1L;

        NotSignedInException(String message) {
            super(message);
        }
    }

    /**
     * A registration by hand.
     *
     * @param issuer the authorization server that it was made at
     * @param clientId the client id
     * @param clientSecret {@code null} for a public client
     */
    record ByHand(String issuer, String clientId, @Nullable String clientSecret) {
        @Override
        public String toString() {
            return "ByHand[" + clientId + " at " + issuer + "]";
        }
    }

    /**
     * The options that differ from call to call of the program.
     *
     * @param url the tool server
     * @param directory the directory for all files, which all processes share
     * @param redirectUri the redirect URI on this machine
     * @param documentUrl the URL of the client ID metadata document; {@code null} to register dynamically
     * @param byHand the registration by hand; {@code null} if there is none
     * @param inside hosts inside the user's own network that may be connected to
     * @param patience how long one token request may take; the same in all processes
     * @param listener hears of refreshes
     */
    record Settings(
            String url,
            Path directory,
            String redirectUri,
            @Nullable String documentUrl,
            @Nullable ByHand byHand,
            List<String> inside,
            Duration patience,
            GrantListener listener) {}

    private final ProtectedApis apis;
    private final Account me;
    private final OkHttpClient http;
    private final String url;
    private final @Nullable Consumer<URI> browser;

    /**
     * Opens the stored login. Sends no request.
     *
     * @param settings the server, and how the program is known there
     * @param browser opens a page for the user; {@code null} if nobody is to be asked
     * @throws IllegalArgumentException if a URL is none that the library accepts; the message says why
     */
    Session(Settings settings, @Nullable Consumer<URI> browser) throws IOException {
        ClientMetadata program =
                ClientMetadata.named("Grantkeeper on the command line").redirectUri(settings.redirectUri());
        Path grants = Places.make(settings.directory()).resolve("grants");
        ProtectedApis.Builder builder = ProtectedApis.builder(
                        settings.documentUrl() == null ? program : program.documentAt(settings.documentUrl()))
                .tokenStore(FileTokenStore.create(grants))
                // Beside the rows that it seals, as in the terminal example: an installed program asks the key chain.
                .sealingKeys(SealingKeys.of(SealingSecret.find(grants)))
                .allowInside(settings.inside().toArray(String[]::new))
                .tokenCallTimeout(settings.patience())
                .maxWait(settings.patience().multipliedBy(3))
                .listener(settings.listener());
        if (settings.url().startsWith("http:")) {
            builder.allowHttpOnLoopback(); // a server that its developer runs on this machine
        }
        ByHand byHand = settings.byHand();
        if (byHand != null && byHand.clientSecret() != null) {
            builder.registered(byHand.issuer(), byHand.clientId(), byHand.clientSecret());
        } else if (byHand != null) {
            builder.registered(byHand.issuer(), byHand.clientId());
        }
        this.apis = builder.build();
        this.me = apis.account(settings.url(), ME);
        this.http =
                me.wrap(new OkHttpClient.Builder().readTimeout(LONGEST_SILENCE).build());
        this.url = settings.url();
        this.browser = browser;
    }

    Account me() {
        return me;
    }

    /** The authorization server of the tool server. */
    String issuer() throws IOException {
        return apis.issuerOf(url);
    }

    ToolServer server() {
        return new ToolServer(url, ToolServer.STATELESS, this::send);
    }

    /** Sends a request, after a login if one is needed. */
    private Response send(Request request) throws IOException {
        for (int logins = 0; ; logins++) {
            try {
                return http.newCall(request).execute();
            } catch (LoginRequiredException e) {
                if (browser == null || logins == MOST_LOGINS) {
                    throw e;
                }
                login(e, browser);
            }
        }
    }

    private void login(LoginRequiredException required, Consumer<URI> shown) throws IOException {
        LoginResult result;
        try (LoopbackReceiver receiver = LoopbackReceiver.open(apis)) {
            result = receiver.login(apis.newLogin(me).inResponseTo(required), shown);
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

    @Override
    public void close() {
        apis.close();
    }
}
