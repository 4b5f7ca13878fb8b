/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.provider;

import java.time.Period;
import java.util.Map;

/**
 * Spotify, as its documentation stood in November 2026.
 *
 * <p><b>Redirect URIs</b> are https anywhere, http on {@code 127.0.0.1} or {@code [::1]}, or have an application's own
 * scheme. The name {@code localhost} is refused since 2025-11-27, so it is refused when a {@code Grantkeeper} is built.
 * A loopback address that is registered without a port is good with any. Entra ID wants {@code localhost}: a program
 * that signs in to both needs two. What is wrong in a redirect URI or a client id Spotify shows to the user, on a page
 * that leads nowhere: no callback comes.
 *
 * <p><b>Logins.</b> A user who has agreed before is sent straight back, as whoever is signed in at Spotify. A button
 * "use another account" shows the page again: {@code newLogin().parameter("show_dialog", "true")}. Spotify knows no
 * {@code prompt} and no {@code login_hint}.
 *
 * <p><b>Refresh tokens</b> end six months after the user authorised the application, however often they are used (since
 * June 2026), and only another login begins six months anew. {@code grant().consentEndsAt()} says when; a
 * {@code GrantListener} hears of it 30 days, 7 days and a day before ({@code CONSENT_ENDS_SOON}). A refresh usually
 * brings no new refresh token, and then the old one stays good; where one comes, it replaces the old one.
 *
 * <p><b>Who the user is</b> tells {@code /v1/me}: {@code fetchProfile()}. Its {@code email} was verified by nobody.
 * Applications in development mode get neither that nor {@code country} and {@code product} since 2026, whatever was
 * granted; {@code display_name} may be null. For a user whom the owner of such an application did not add in the
 * dashboard, Spotify answers 403, and the login fails with a message that says so.
 *
 * <p><b>Scopes</b> are texts, and Spotify may add some. Without any, only public data can be read.
 *
 * <table>
 *   <caption>Scopes</caption>
 *   <tr><th>scope</th><th>lets the application</th></tr>
 *   <tr><td>{@code user-read-private}</td>
 *       <td>read country, product and the filter for explicit content on {@code /v1/me}</td></tr>
 *   <tr><td>{@code user-read-email}</td><td>read the e-mail address on {@code /v1/me}</td></tr>
 *   <tr><td>{@code user-read-playback-state}</td><td>read what the player does, and on which devices</td></tr>
 *   <tr><td>{@code user-modify-playback-state}</td><td>control the player (users with Premium)</td></tr>
 *   <tr><td>{@code user-read-currently-playing}</td><td>read what is playing</td></tr>
 *   <tr><td>{@code user-read-playback-position}</td><td>read how far the user is in episodes and audiobooks</td></tr>
 *   <tr><td>{@code user-read-recently-played}</td><td>read what was played</td></tr>
 *   <tr><td>{@code user-top-read}</td><td>read the artists and tracks that the user plays most</td></tr>
 *   <tr><td>{@code user-library-read}, {@code user-library-modify}</td><td>read, change what is saved</td></tr>
 *   <tr><td>{@code user-follow-read}, {@code user-follow-modify}</td><td>read, change whom the user follows</td></tr>
 *   <tr><td>{@code playlist-read-private}, {@code playlist-read-collaborative}</td>
 *       <td>read private playlists, include those with others</td></tr>
 *   <tr><td>{@code playlist-modify-public}, {@code playlist-modify-private}</td><td>write playlists</td></tr>
 *   <tr><td>{@code ugc-image-upload}</td><td>set the covers of playlists</td></tr>
 *   <tr><td>{@code streaming}</td><td>play in a web page (Web Playback SDK; users with Premium)</td></tr>
 *   <tr><td>{@code app-remote-control}</td><td>control the application on iOS and Android</td></tr>
 * </table>
 *
 * <p><b>Not documented</b> are OpenID Connect and revocation, so the preset has neither. The server was seen to have
 * both; who wants to rely on that says so:
 *
 * <pre>{@code
 * Provider spotify = Spotify.provider().newBuilder()
 *     .revocationEndpoint(Spotify.UNDOCUMENTED_REVOCATION_ENDPOINT)
 *     .build();
 * }</pre>
 *
 * @see <a href="https://developer.spotify.com/documentation/web-api/tutorials/code-flow">Authorization Code Flow</a>
 * @see <a href="https://developer.spotify.com/documentation/web-api/concepts/redirect_uri">Redirect URIs</a>
 * @see <a href="https://developer.spotify.com/documentation/web-api/concepts/scopes">Scopes</a>
 * @see <a href="https://developer.spotify.com/documentation/web-api/tutorials/refreshing-tokens">Refreshing tokens</a>
 */
public final class Spotify {
    /**
     * Where tokens may be given back (RFC 7009). Undocumented: it may end any day. For
     * {@link Provider.Builder#revocationEndpoint}.
     */
    public static final String UNDOCUMENTED_REVOCATION_ENDPOINT = "https://accounts.spotify.com/oauth2/revoke/v1";

    /**
     * Who issues ID tokens. Undocumented: it may end any day. For {@link Provider.Builder#openId}, together with
     * {@link #UNDOCUMENTED_JWKS_URI}, and logins then ask for {@code openid}.
     */
    public static final String UNDOCUMENTED_ISSUER = "https://accounts.spotify.com";

    /** Where the keys are that sign ID tokens. Undocumented, as {@link #UNDOCUMENTED_ISSUER} is. */
    public static final String UNDOCUMENTED_JWKS_URI = "https://accounts.spotify.com/oidc/certs/v1";

    /**
     * Where logins that ask for {@code openid} begin. Undocumented, as {@link #UNDOCUMENTED_ISSUER} is. For
     * {@link Provider.Builder#authorizationEndpoint}.
     */
    public static final String UNDOCUMENTED_AUTHORIZATION_ENDPOINT = "https://accounts.spotify.com/oauth2/v2/auth";

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
