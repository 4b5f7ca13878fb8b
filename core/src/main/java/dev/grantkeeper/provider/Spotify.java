/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.provider;

import java.time.Period;
import java.util.Map;

/**
 * Spotify, as its documentation stood in November 2026.
 *
 * <ul>
 *   <li>Redirect URIs are https, or http on {@code 127.0.0.1} or {@code [::1]}. The name {@code localhost} is refused since
 *       2025-11-27, so it is refused when a {@code Grantkeeper} is built.
 *   <li>A refresh usually brings no new refresh token; the old one stays good. It ends six months after the user authorised
 *       the application, however often it is used (since June 2026).
 *   <li>Spotify documents neither OpenID Connect nor revocation. Who the user is, tells {@code /v1/me}; its {@code email} is
 *       not verified, and may be missing.
 * </ul>
 *
 * @see <a href="https://developer.spotify.com/documentation/web-api/tutorials/code-flow">Authorization Code Flow</a>
 * @see <a href="https://developer.spotify.com/documentation/web-api/concepts/redirect_uri">Redirect URIs</a>
 */
public final class Spotify {
    private static final Provider PROVIDER = Provider.builder("spotify")
            .documentation("https://developer.spotify.com/documentation/web-api/tutorials/code-flow")
            .authorizationEndpoint("https://accounts.spotify.com/authorize")
            .tokenEndpoint("https://accounts.spotify.com/api/token")
            .apiOrigins("https://api.spotify.com")
            .profileEndpoint(
                    "https://api.spotify.com/v1/me", Map.of("sub", "id", "name", "display_name", "email", "email"))
            .clientAuthentication(ClientAuthentication.SECRET_BASIC)
            .loopback(Provider.Loopback.ADDRESS)
            .replay(Provider.Replay.PROMPT)
            .refreshTokenLifetime(Period.ofMonths(6), Provider.Anchor.AUTHORIZATION)
            .build();

    private Spotify() {}

    /**
     * Spotify's accounts service and Web API.
     *
     * @return the preset
     */
    public static Provider provider() {
        return PROVIDER;
    }
}
