/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.boot;

import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import org.springframework.boot.context.properties.ConfigurationProperties;

/**
 * The settings, from {@code application.yaml} and the environment.
 *
 * @param origin the address of this application, as browsers see it; the redirect URIs begin with it
 * @param sealingSecret the secret that seals the stored tokens
 * @param spotify the registration at Spotify
 * @param acme the registration at a server that publishes its metadata
 */
@ConfigurationProperties("diary")
record Settings(URI origin, String sealingSecret, Registration spotify, Discovered acme) {
    /**
     * A registration whose provider is known.
     *
     * @param clientId the client id
     * @param clientSecret the client secret
     * @param api the URL of the API
     */
    record Registration(String clientId, String clientSecret, String api) {
        @Override
        public String toString() {
            return "Registration[" + clientId + ", " + api + "]";
        }
    }

    /**
     * A registration at a server that publishes its metadata.
     *
     * @param issuer the issuer identifier, exactly as the server writes it
     * @param clientId the client id
     * @param clientSecret the client secret
     * @param api the URL of the API
     */
    record Discovered(String issuer, String clientId, String clientSecret, String api) {
        @Override
        public String toString() {
            return "Discovered[" + issuer + ", " + clientId + ", " + api + "]";
        }
    }

    Settings {
        List<String> missing = new ArrayList<>();
        require(missing, "SEALING_SECRET", sealingSecret);
        require(missing, "SPOTIFY_CLIENT_ID", spotify.clientId);
        require(missing, "SPOTIFY_CLIENT_SECRET", spotify.clientSecret);
        require(missing, "ACME_ISSUER", acme.issuer);
        require(missing, "ACME_CLIENT_ID", acme.clientId);
        require(missing, "ACME_CLIENT_SECRET", acme.clientSecret);
        require(missing, "ACME_API", acme.api);
        if (!missing.isEmpty()) {
            throw new IllegalStateException("Not configured: " + String.join(", ", missing)
                    + ". Set these environment variables, or start with the profile \"demo\", which needs none");
        }
    }

    private static void require(List<String> missing, String variable, String value) {
        if (value.isBlank()) {
            missing.add(variable);
        }
    }

    URI redirectUri(String registration) {
        return origin.resolve("/callback/" + registration);
    }

    /** Without the secrets. */
    @Override
    public String toString() {
        return "Settings[" + origin + ", " + spotify + ", " + acme + "]";
    }
}
