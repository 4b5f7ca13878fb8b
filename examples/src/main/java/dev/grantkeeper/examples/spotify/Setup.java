/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.spotify;

import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.provider.Spotify;
import dev.grantkeeper.testkit.FakeAuthorizationServer;
import dev.grantkeeper.testkit.Rotation;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The settings of the application.
 *
 * @param provider Spotify, or something that behaves like it
 * @param clientId the client id, as Spotify's dashboard shows it
 * @param clientSecret the client secret, likewise
 * @param port the port to listen on; the redirect URI follows from it
 * @param database the path of the H2 database, without {@code .mv.db}
 * @param sealingSecret the secret that seals the tokens in that database
 * @param clock the clock; real, unless a test lets time pass
 * @param ticker the time that has passed, in nanoseconds
 * @param demo the authorization server of the demonstration; {@code null} when this is the real Spotify
 */
record Setup(
        Provider provider,
        String clientId,
        @Nullable String clientSecret,
        int port,
        Path database,
        String sealingSecret,
        InstantSource clock,
        LongSupplier ticker,
        @Nullable FakeAuthorizationServer demo) {

    /** The real Spotify. The redirect URI has to be registered there, character by character. */
    static Setup spotify(String clientId, @Nullable String clientSecret, int port, Path database, String secret) {
        return new Setup(
                Spotify.provider(),
                clientId,
                clientSecret,
                port,
                database,
                secret,
                InstantSource.system(),
                System::nanoTime,
                null);
    }

    /** No registration anywhere: a server of our own, in this process, that behaves as Spotify does. */
    static Setup demo(FakeAuthorizationServer server, Duration tokenLifetime, int port, Path database, String secret) {
        server.client("listening-diary", "demo-secret", redirectUri(port))
                .clientName("listening-diary", "Listening diary")
                .scopeText("user-read-recently-played", "See what you played recently")
                .rotation(Rotation.STRICT)
                .accessTokenLifetime(tokenLifetime)
                .latency(Duration.ofMillis(150));
        // The same preset, pointed elsewhere. Nothing else in this program knows the difference.
        Provider provider = server.provider(Spotify.provider())
                .newBuilder()
                .revocationEndpoint(server.revocationEndpoint())
                .replay(Provider.Replay.LATE) // unlike Spotify, this one rotates refresh tokens, strictly
                .build();
        return new Setup(
                provider,
                "listening-diary",
                "demo-secret",
                port,
                database,
                secret,
                InstantSource.system(),
                System::nanoTime,
                server);
    }

    /** The same with other clocks, for the server of the demonstration as well. */
    Setup at(InstantSource newClock, LongSupplier newTicker) {
        if (demo != null) {
            demo.time(newClock);
        }
        return new Setup(provider, clientId, clientSecret, port, database, sealingSecret, newClock, newTicker, demo);
    }

    /** Our own origin, under the name that Spotify accepts: it rejects {@code localhost}. */
    String origin() {
        return "http://127.0.0.1:" + port;
    }

    String redirectUri() {
        return redirectUri(port);
    }

    private static String redirectUri(int port) {
        return "http://127.0.0.1:" + port + "/callback";
    }

    /** The base URL of the API. */
    String api() {
        return provider.apiOrigins().iterator().next();
    }

    @Override
    public String toString() {
        return "Setup[" + provider.name() + ", " + origin() + ", " + database + "]";
    }
}
