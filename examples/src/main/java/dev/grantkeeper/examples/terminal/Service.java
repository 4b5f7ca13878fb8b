/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.terminal;

import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.provider.Spotify;
import dev.grantkeeper.testkit.FakeAuthorizationServer;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The service that the program talks to.
 *
 * @param provider Spotify, or something that behaves like it
 * @param clientId the client id, as Spotify's dashboard shows it
 * @param clientSecret {@code null} for a public client: PKCE takes its place, and a program that everybody can read
 *     keeps none
 * @param demo the make-believe service; {@code null} when this is the real Spotify
 */
record Service(
        Provider provider,
        String clientId,
        @Nullable String clientSecret,
        @Nullable FakeAuthorizationServer demo) implements AutoCloseable {

    static Service spotify(String clientId, @Nullable String clientSecret) {
        return new Service(
                Spotify.provider(),
                clientId,
                clientSecret == null || clientSecret.isBlank() ? null : clientSecret,
                null);
    }

    /** Stops with this program and starts again with the next command, as no real one does, so it remembers grants. */
    static Service demo(Path directory) throws IOException {
        FakeAuthorizationServer server = FakeAuthorizationServer.start()
                .remembering(Places.make(directory).resolve("server"))
                .publicClient("terminal")
                .clientName("terminal", "the command line")
                .scopeText("user-read-recently-played", "See what you played recently")
                .scopeText("user-top-read", "See what you play most")
                .accessTokenLifetime(Duration.ofSeconds(20));
        Provider provider = server.provider(Spotify.provider())
                .newBuilder()
                .revocationEndpoint(server.revocationEndpoint())
                .replay(Provider.Replay.LATE) // unlike Spotify, this one rotates refresh tokens
                .build();
        return new Service(provider, "terminal", null, server);
    }

    Session open(String redirectUri, Path directory, @Nullable Consumer<URI> browser) throws IOException {
        return new Session(provider, clientId, clientSecret, redirectUri, directory, browser);
    }

    @Override
    public void close() {
        if (demo != null) {
            demo.close();
        }
    }

    @Override
    public String toString() {
        return "Service[" + provider.name() + "]";
    }
}
