/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.provider;

/**
 * Spotify, as its documentation stood in November 2026.
 *
 * <p><b>Redirect URIs</b> are https anywhere, http on {@code 127.0.0.1} or {@code [::1]}, or have an application's own
 * scheme. Spotify has rejected the name {@code localhost} since 2025-11-27, so building a {@code Grantkeeper} with it
 * fails. A loopback address that is registered without a port is accepted with any. Entra ID requires
 * {@code localhost}: a program that signs in to both needs two. Spotify reports a wrong redirect URI or client id to
 * the user, on a page that leads nowhere: no callback comes.
 *
 * <p><b>Logins.</b> A user who has agreed before is sent straight back, as the user who is signed in at Spotify. For a
 * button "use another account", {@code newLogin().parameter("show_dialog", "true")} shows the page again. Spotify
 * supports neither {@code prompt} nor {@code login_hint}.
 *
 * <p><b>Refresh tokens</b> expire six months after the user authorized the application, however often they are used
 * (since June 2026), and only another login starts six new months. {@code grant().consentEndsAt()} returns that time; a
 * {@code GrantListener} is told of it 30 days, 7 days and a day before ({@code CONSENT_ENDS_SOON}). A refresh usually
 * brings no new refresh token, and the old one stays valid; a new one replaces it.
 *
 * <p><b>The identity</b> comes from {@code /v1/me}: call {@code fetchProfile()}. Nobody has verified its {@code email}.
 * Since 2026, applications in development mode get neither that nor {@code country} and {@code product}, whatever was
 * granted; {@code display_name} may be null. For a user whom the owner of such an application did not add in the
 * dashboard, Spotify responds with 403, and the login fails with a message about it.
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
 * both; an application that wants to rely on that names the endpoint:
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
     * The revocation endpoint (RFC 7009). Undocumented: it may disappear any day. For
     * {@link Provider.Builder#revocationEndpoint}.
     */
    public static final String UNDOCUMENTED_REVOCATION_ENDPOINT = accounts("/oauth2/revoke/v1");

    /**
     * The issuer of ID tokens. Undocumented: it may disappear any day. For {@link Provider.Builder#openId}, together
     * with {@link #UNDOCUMENTED_JWKS_URI}; logins then request {@code openid}.
     */
    public static final String UNDOCUMENTED_ISSUER = accounts("");

    /** The URL of the keys that sign ID tokens. Undocumented, as {@link #UNDOCUMENTED_ISSUER} is. */
    public static final String UNDOCUMENTED_JWKS_URI = accounts("/oidc/certs/v1");

    /**
     * The authorization endpoint for logins that request {@code openid}. Undocumented, as {@link #UNDOCUMENTED_ISSUER}
     * is. For {@link Provider.Builder#authorizationEndpoint}.
     */
    public static final String UNDOCUMENTED_AUTHORIZATION_ENDPOINT = accounts("/oauth2/v2/auth");

    private static final Provider PROVIDER = Presets.builtIn().named("spotify").provider();

    private Spotify() {}

    // A call, not a constant expression: the compiler would copy the URL into the application's classes, where the next
    // version of the library could not correct it (JLS section 13.4.9).
    private static String accounts(String path) {
        return "https://accounts.spotify.com" + path;
    }

    /**
     * Spotify's accounts service and Web API.
     *
     * @return the preset
     */
    public static Provider provider() {
        return PROVIDER;
    }
}
