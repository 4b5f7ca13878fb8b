/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.provider;

import static dev.grantkeeper.provider.ClientAuthentication.SECRET_BASIC;
import static dev.grantkeeper.provider.ClientAuthentication.SECRET_POST;
import static dev.grantkeeper.provider.ClientAuthentication.SIGNED_SECRET;
import static dev.grantkeeper.provider.Dialect.Meaning.INTERACTION;
import static dev.grantkeeper.provider.Dialect.Meaning.MISCONFIGURED;
import static dev.grantkeeper.provider.Dialect.Meaning.REFUSED;
import static dev.grantkeeper.provider.Dialect.Meaning.TEMPORARY;
import static dev.grantkeeper.provider.Provider.Anchor.AUTHORIZATION;
import static dev.grantkeeper.provider.Provider.Anchor.LAST_USE;
import static dev.grantkeeper.provider.Provider.Replay.PROMPT;

import java.time.Duration;
import java.time.Period;
import java.util.Locale;
import java.util.Map;

/**
 * Presets for servers that many applications use, as their documentation stood in November 2026. {@link Spotify} and
 * {@link EntraId} have classes of their own.
 *
 * <pre>{@code
 * Provider github = Providers.gitHub();
 * Provider shop = Providers.shopify("acme");
 * Provider google = Providers.google().newBuilder()
 *     .apiOrigins("https://www.googleapis.com", "https://tasks.googleapis.com")
 *     .build();
 * }</pre>
 *
 * <p>The text of each method tells what a user of that provider has to know, and what is not certain because we have
 * not read it in the provider's own documentation. The facts come from documentation and from other projects; no preset
 * was tried against its server. A preset is a starting point: {@link Provider#newBuilder()} changes what turns out
 * differently.
 *
 * <p>Values that go into a URL (a shop, a domain, a realm) are checked: they can change nothing but their own part of
 * it. The methods are thread-safe, and so are the presets.
 */
public final class Providers {
    /** The environment at a provider: whether money and data are real. Later versions may add constants. */
    public enum Environment {
        /** The real thing. */
        PRODUCTION,
        /** The provider's playground, with accounts of its own. */
        SANDBOX
    }

    /** The region of an Amazon account, where its sellers and advertisers sign in. Later versions may add constants. */
    public enum AmazonRegion {
        /** North America, and everything that is nowhere else. */
        NORTH_AMERICA("www.amazon.com", "api.amazon.com"),
        /** Europe, the Middle East, Africa and India. */
        EUROPE("eu.account.amazon.com", "api.amazon.co.uk"),
        /** Japan, Australia and Singapore. */
        FAR_EAST("apac.account.amazon.com", "api.amazon.co.jp");

        private final String login;
        private final String api;

        AmazonRegion(String login, String api) {
            this.login = login;
            this.api = api;
        }
    }

    /** The site of an Exact Online account, one for each country. Later versions may add constants. */
    public enum ExactOnlineSite {
        /** Netherlands. */
        NL("nl"),
        /** Belgium. */
        BE("be"),
        /** Germany. */
        DE("de"),
        /** France. */
        FR("fr"),
        /** Spain. */
        ES("es"),
        /** United Kingdom. */
        UK("co.uk"),
        /** United States. */
        US("com");

        private final String domain;

        ExactOnlineSite(String domain) {
            this.domain = domain;
        }
    }

    /** The data center of a Zoho account. Later versions may add constants. */
    public enum ZohoDataCenter {
        /** United States. */
        US("zoho.com", "zohoapis.com"),
        /** Europe. */
        EU("zoho.eu", "zohoapis.eu"),
        /** India. */
        IN("zoho.in", "zohoapis.in"),
        /** Australia. */
        AU("zoho.com.au", "zohoapis.com.au"),
        /** Japan. */
        JP("zoho.jp", "zohoapis.jp"),
        /** Canada. */
        CA("zohocloud.ca", "zohoapis.ca"),
        /** Saudi Arabia. */
        SA("zoho.sa", "zohoapis.sa"),
        /** United Kingdom. */
        UK("zoho.uk", "zohoapis.uk"),
        /** United Arab Emirates. */
        AE("zoho.ae", "zohoapis.ae"),
        /** China. */
        CN("zoho.com.cn", "zohoapis.com.cn");

        private final String domain;
        private final String api;

        ZohoDataCenter(String domain, String api) {
            this.domain = domain;
            this.api = api;
        }
    }

    private Providers() {}

    private static Provider.Builder preset(
            String name, String documentation, String authorizationEndpoint, String tokenEndpoint) {
        return Provider.builder(name)
                .documentation(documentation)
                .authorizationEndpoint(authorizationEndpoint)
                .tokenEndpoint(tokenEndpoint);
    }

    /**
     * Google accounts and Google's APIs, with OpenID Connect.
     *
     * <p>A refresh token comes with {@code access_type=offline}, which the preset sends, and only when the user
     * consents: a user who has consented before gets none unless the login carries {@code prompt=consent}. It is not
     * rotated and expires after six months without use, or after seven days while the application's consent screen is
     * in testing. Users may grant fewer scopes than were requested. A few hosts of Google's APIs are set; others have
     * to be named.
     *
     * <p>Not certain: the six months, which we know from other projects.
     *
     * @return the preset
     * @see <a href="https://developers.google.com/identity/protocols/oauth2/web-server">OAuth 2.0 for web servers</a>
     */
    public static Provider google() {
        return preset(
                        "google",
                        "https://developers.google.com/identity/protocols/oauth2/web-server",
                        "https://accounts.google.com/o/oauth2/v2/auth",
                        "https://oauth2.googleapis.com/token")
                .openId("https://accounts.google.com", "https://www.googleapis.com/oauth2/v3/certs")
                .userInfoEndpoint("https://openidconnect.googleapis.com/v1/userinfo")
                .revocationEndpoint("https://oauth2.googleapis.com/revoke")
                .deviceAuthorizationEndpoint("https://oauth2.googleapis.com/device/code")
                .apiOrigins(
                        "https://www.googleapis.com",
                        "https://openidconnect.googleapis.com",
                        "https://people.googleapis.com",
                        "https://gmail.googleapis.com",
                        "https://sheets.googleapis.com",
                        "https://docs.googleapis.com",
                        "https://youtube.googleapis.com")
                .clientAuthentication(SECRET_POST)
                .authorizationParameter("access_type", "offline")
                .replay(PROMPT)
                .refreshTokenLifetime(Period.ofMonths(6), LAST_USE)
                .build();
    }

    /**
     * GitHub.com, for GitHub Apps and OAuth apps.
     *
     * <p>Tokens of OAuth apps never expire and have no refresh token. Those of GitHub Apps live eight hours; their
     * refresh token is good for one use and six months. Errors come with status 200 and names of GitHub's own, which
     * the preset knows. Granted scopes are separated by commas. {@code email} in the profile is the public one and may
     * be missing.
     *
     * <p>Not in the preset: revocation, which is a {@code DELETE} at the API and not RFC 7009; GitHub Enterprise
     * Server.
     *
     * @return the preset
     * @see <a href="https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps">Authorizing
     *     OAuth apps</a>
     */
    public static Provider gitHub() {
        return preset(
                        "github",
                        "https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps",
                        "https://github.com/login/oauth/authorize",
                        "https://github.com/login/oauth/access_token")
                .deviceAuthorizationEndpoint("https://github.com/login/device/code")
                .profileEndpoint(
                        "https://api.github.com/user",
                        Map.of("sub", "id", "name", "name", "preferred_username", "login", "email", "email"))
                .apiOrigins("https://api.github.com", "https://uploads.github.com")
                .clientAuthentication(SECRET_POST)
                .refreshTokenLifetime(Period.ofMonths(6), LAST_USE)
                .dialect(d -> d.grantedScopeSeparator(",")
                        .error("bad_verification_code", REFUSED)
                        .error("bad_refresh_token", REFUSED)
                        .error("unverified_user_email", INTERACTION)
                        .error("incorrect_client_credentials", MISCONFIGURED)
                        .error("redirect_uri_mismatch", MISCONFIGURED))
                .build();
    }

    /**
     * Slack, for calls that an application makes in its own name (bot tokens). For tokens of users there is
     * {@link #slackUser()}.
     *
     * <p>A refresh token comes only where token rotation is switched on for the application; tokens then live twelve
     * hours. Slack's API rejects a token with status 200; that is treated as a 401. The identity is the user who
     * installed the application; ids of users are unique within their workspace only, which is therefore a part of the
     * identity's issuer, and the claim {@code team}.
     *
     * <p>Not in the preset: revocation ({@code auth.revoke} is not RFC 7009), and "Sign in with Slack", which is a
     * server of its own with OpenID Connect: {@code Discovery.of("https://slack.com")}.
     *
     * @return the preset
     * @see <a href="https://docs.slack.dev/authentication/installing-with-oauth">Installing with OAuth</a>
     */
    public static Provider slack() {
        return slack("slack").dialect(d -> d.bearerTypes("bot")).build();
    }

    /**
     * Slack, for calls that an application makes in the name of a user. Scopes are requested as {@code user_scope}, and
     * the token is taken from the part of the response that is about the user.
     *
     * <p>A refresh token comes only where token rotation is switched on for the application. Otherwise as
     * {@link #slack()}. An application that needs both kinds of tokens signs in twice, with two presets.
     *
     * @return the preset
     * @see <a href="https://docs.slack.dev/authentication/tokens#user">User tokens</a>
     */
    public static Provider slackUser() {
        return slack("slack-user")
                .dialect(d -> d.bearerTypes("user")
                        .scopeParameter("user_scope")
                        .member("access_token", "/authed_user/access_token")
                        .member("token_type", "/authed_user/token_type")
                        .member("expires_in", "/authed_user/expires_in")
                        .member("refresh_token", "/authed_user/refresh_token")
                        .member("scope", "/authed_user/scope"))
                .build();
    }

    private static Provider.Builder slack(String name) {
        return preset(
                        name,
                        "https://docs.slack.dev/authentication/installing-with-oauth",
                        "https://slack.com/oauth/v2/authorize",
                        "https://slack.com/api/oauth.v2.access")
                .apiOrigins("https://slack.com")
                .clientAuthentication(SECRET_BASIC)
                .scopeSeparator(",")
                .dialect(d -> d.identityMember("sub", "/authed_user/id")
                        .identityMember("iss", "/enterprise/id", "/team/id")
                        .identityMember("team", "/team/id")
                        .error("invalid_code", REFUSED)
                        .error("code_already_used", REFUSED)
                        .error("invalid_refresh_token", REFUSED)
                        .error("token_revoked", REFUSED)
                        .error("token_expired", REFUSED)
                        .error("invalid_auth", REFUSED)
                        .error("account_inactive", REFUSED)
                        .error("invalid_client_id", MISCONFIGURED)
                        .error("bad_client_secret", MISCONFIGURED)
                        .error("bad_redirect_uri", MISCONFIGURED)
                        .error("ratelimited", TEMPORARY)
                        .error("internal_error", TEMPORARY)
                        .error("service_unavailable", TEMPORARY)
                        .rejection(
                                "/error",
                                "token_revoked",
                                "token_expired",
                                "invalid_auth",
                                "account_inactive",
                                "not_authed"));
    }

    /**
     * Dropbox.
     *
     * <p>A refresh token comes with {@code token_access_type=offline}, which the preset sends. It does not expire and
     * is not rotated. Scopes are optional: without any, those that the application is registered with are granted.
     *
     * <p>Not in the preset: revocation, which is a call of the API with the token itself and not RFC 7009; OpenID
     * Connect, which Dropbox has in a way of its own.
     *
     * @return the preset
     * @see <a href="https://developers.dropbox.com/oauth-guide">OAuth guide</a>
     */
    public static Provider dropbox() {
        return preset(
                        "dropbox",
                        "https://developers.dropbox.com/oauth-guide",
                        "https://www.dropbox.com/oauth2/authorize",
                        "https://api.dropboxapi.com/oauth2/token")
                .apiOrigins("https://api.dropboxapi.com", "https://content.dropboxapi.com")
                .clientAuthentication(SECRET_BASIC)
                .authorizationParameter("token_access_type", "offline")
                .replay(PROMPT)
                .dialect(d -> d.identityMember("sub", "/account_id"))
                .build();
    }

    /**
     * Discord.
     *
     * <p>A refresh token always comes, and every refresh brings another one. Access tokens live a week. The claim
     * {@code email} is there with the scope {@code email}, and {@code email_verified} says whether it was confirmed.
     *
     * <p>Not certain: that Discord supports PKCE; a server that does not know it ignores it.
     *
     * @return the preset
     * @see <a href="https://discord.com/developers/docs/topics/oauth2">OAuth2</a>
     */
    public static Provider discord() {
        return preset(
                        "discord",
                        "https://discord.com/developers/docs/topics/oauth2",
                        "https://discord.com/oauth2/authorize",
                        "https://discord.com/api/oauth2/token")
                .revocationEndpoint("https://discord.com/api/oauth2/token/revoke")
                .profileEndpoint(
                        "https://discord.com/api/users/@me",
                        Map.of("sub", "id", "name", "global_name", "email_verified", "verified"))
                .apiOrigins("https://discord.com")
                .clientAuthentication(SECRET_BASIC)
                .build();
    }

    /**
     * LinkedIn.
     *
     * <p>Refresh tokens are for approved partners only; theirs expire a year after the user authorized the application,
     * however often they are used. Access tokens live 60 days. Scopes in responses are separated by commas. Web
     * applications send no PKCE: LinkedIn rejects the code if they do.
     *
     * <p>Not in the preset: OpenID Connect. LinkedIn's ID tokens do not carry the nonce that was sent, and without it
     * nobody can tell which login they belong to. An application that may use {@code /v2/me} (scopes such as
     * {@code r_basicprofile}) gets the identity there.
     *
     * @return the preset
     * @see <a href="https://learn.microsoft.com/linkedin/shared/authentication/authorization-code-flow">Authorization
     *     code flow</a>
     */
    public static Provider linkedIn() {
        return preset(
                        "linkedin",
                        "https://learn.microsoft.com/linkedin/shared/authentication/authorization-code-flow",
                        "https://www.linkedin.com/oauth/v2/authorization",
                        "https://www.linkedin.com/oauth/v2/accessToken")
                .profileEndpoint(
                        "https://api.linkedin.com/v2/me",
                        Map.of("sub", "id", "given_name", "localizedFirstName", "family_name", "localizedLastName"))
                .apiOrigins("https://api.linkedin.com")
                .clientAuthentication(SECRET_POST)
                .pkce(false)
                .refreshTokenLifetime(Duration.ofDays(365), AUTHORIZATION)
                .dialect(d -> d.grantedScopeSeparator(","))
                .build();
    }

    /**
     * Salesforce at its common login page, for users whose organisation has no other one.
     *
     * <p>A refresh token comes with the scope {@code refresh_token} (or {@code offline_access}). A user has at most
     * five per application; the oldest gives way. Responses do not say how long a token lives: that is the
     * organisation's session timeout, from 15 minutes to a day, and use may extend it. So a token is used until the API
     * rejects it, and then refreshed; an application that knows the timeout may set it with
     * {@link Provider.Builder#defaultLifetime}. Scopes are not repeated when refreshing, which Salesforce rejects. Each
     * user's API is at the address that the response names, which the preset believes under {@code salesforce.com} and
     * {@code force.com}.
     *
     * <p>Not certain: the limits of the timeout, and that scopes are rejected, which we know from other projects.
     *
     * <p>Not in the preset: device logins, which Salesforce starts at the token endpoint and not as RFC 8628 does.
     *
     * @param environment {@code login.salesforce.com} or {@code test.salesforce.com}
     * @return the preset
     * @see <a href="https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_web_server_flow.htm">Web server
     *     flow</a>
     */
    public static Provider salesforce(Environment environment) {
        return environment == Environment.PRODUCTION
                ? salesforce("salesforce", "login.salesforce.com")
                : salesforce("salesforce-sandbox", "test.salesforce.com");
    }

    /**
     * Salesforce at the login page of an organisation (My Domain). Otherwise as {@link #salesforce(Environment)}.
     *
     * <p>Not certain: that every organisation's ID tokens name its own domain as their issuer.
     *
     * @param myDomain the organisation's domain, such as {@code acme.my.salesforce.com} or
     *     {@code acme--uat.sandbox.my.salesforce.com}; the ending may be left out
     * @return the preset
     * @throws IllegalArgumentException if it is something else
     * @see <a href="https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_web_server_flow.htm">Web server
     *     flow</a>
     */
    public static Provider salesforce(String myDomain) {
        String host = Placeholders.domainUnder("my.salesforce.com", 2, "A domain of Salesforce", myDomain);
        return salesforce(Placeholders.name("salesforce", host), host);
    }

    private static Provider salesforce(String name, String host) {
        String base = "https://" + host;
        return preset(
                        name,
                        "https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_web_server_flow.htm",
                        base + "/services/oauth2/authorize",
                        base + "/services/oauth2/token")
                .openId(base, base + "/id/keys")
                .userInfoEndpoint(base + "/services/oauth2/userinfo")
                .revocationEndpoint(base + "/services/oauth2/revoke")
                .introspectionEndpoint(base + "/services/oauth2/introspect")
                .apiOrigins(base)
                .clientAuthentication(SECRET_POST)
                .dialect(d -> d.apiBase("/instance_url", "salesforce.com", "force.com")
                        .identityMember("sub", "/id")
                        .rejection("/0/errorCode", "INVALID_SESSION_ID"))
                .build();
    }

    /**
     * A tenant of Auth0.
     *
     * <p>A refresh token comes with the scope {@code offline_access}. Whether it is rotated, and whether reuse of a
     * spent one revokes the grant, are settings of the application. A token for an API of one's own needs the parameter
     * {@code audience}: {@code newBuilder().authorizationParameter("audience", …)}. The APIs are one's own, so none is
     * known here: name them with {@link Provider.Builder#apiOrigins}.
     *
     * @param domain the tenant's host, such as {@code acme.eu.auth0.com}, or a domain of one's own
     * @return the preset
     * @throws IllegalArgumentException if it is not a host name
     * @see <a
     *     href="https://auth0.com/docs/get-started/authentication-and-authorization-flow/authorization-code-flow">Authorization
     *     code flow</a>
     */
    public static Provider auth0(String domain) {
        String host = Placeholders.host("A domain of Auth0", domain);
        String base = "https://" + host;
        return preset(
                        Placeholders.name("auth0", host),
                        "https://auth0.com/docs/get-started/authentication-and-authorization-flow/authorization-code-flow",
                        base + "/authorize",
                        base + "/oauth/token")
                .openId(base + "/", base + "/.well-known/jwks.json")
                .userInfoEndpoint(base + "/userinfo")
                .revocationEndpoint(base + "/oauth/revoke")
                .deviceAuthorizationEndpoint(base + "/oauth/device/code")
                .endSessionEndpoint(base + "/oidc/logout")
                .clientAuthentication(SECRET_POST)
                .build();
    }

    /**
     * An organisation at Okta, with the authorization server for Okta's own API.
     *
     * <p>A refresh token comes with the scope {@code offline_access}. Rotation, and how long a spent token is still
     * accepted, are settings of the application.
     *
     * <p>Not certain: the endpoints, which we know from other projects.
     *
     * @param domain the organisation's host, such as {@code acme.okta.com}, or a domain of one's own
     * @return the preset
     * @throws IllegalArgumentException if it is not a host name
     * @see <a href="https://developer.okta.com/docs/reference/api/oidc/">OpenID Connect and OAuth 2.0 API</a>
     */
    public static Provider okta(String domain) {
        String host = Placeholders.host("A domain of Okta", domain);
        return okta(Placeholders.name("okta", host), "https://" + host, "https://" + host + "/oauth2")
                .apiOrigins("https://" + host)
                .build();
    }

    /**
     * An organisation at Okta, with an authorization server for APIs of one's own. The APIs are one's own, so none is
     * known here: name them with {@link Provider.Builder#apiOrigins}. Otherwise as {@link #okta(String)}.
     *
     * @param domain the organisation's host, such as {@code acme.okta.com}, or a domain of one's own
     * @param authorizationServer the server's id, or {@code default}
     * @return the preset
     * @throws IllegalArgumentException if these are not a host name and an id
     * @see <a href="https://developer.okta.com/docs/concepts/auth-servers/">Authorization servers</a>
     */
    public static Provider okta(String domain, String authorizationServer) {
        String host = Placeholders.host("A domain of Okta", domain);
        String id = Placeholders.pathSegment("The id of an authorization server", authorizationServer);
        String issuer = "https://" + host + "/oauth2/" + id;
        return okta(Placeholders.name("okta", host + "." + id), issuer, issuer).build();
    }

    private static Provider.Builder okta(String name, String issuer, String base) {
        return preset(
                        name,
                        "https://developer.okta.com/docs/reference/api/oidc/",
                        base + "/v1/authorize",
                        base + "/v1/token")
                .openId(issuer, base + "/v1/keys")
                .userInfoEndpoint(base + "/v1/userinfo")
                .revocationEndpoint(base + "/v1/revoke")
                .introspectionEndpoint(base + "/v1/introspect")
                .deviceAuthorizationEndpoint(base + "/v1/device/authorize")
                .endSessionEndpoint(base + "/v1/logout")
                .clientAuthentication(SECRET_BASIC);
    }

    /**
     * A realm of a Keycloak server, version 17 or later, at the root of its host. For a server with a port or a path
     * there is {@code Discovery}.
     *
     * <p>A refresh token always comes and expires with the user's session, except with the scope
     * {@code offline_access}. Where the realm revokes spent refresh tokens, reuse of one may end the session. The APIs
     * are one's own, so none is known here: name them with {@link Provider.Builder#apiOrigins}.
     *
     * @param host the server's host, such as {@code login.example.com}
     * @param realm the realm's name
     * @return the preset
     * @throws IllegalArgumentException if these are not a host name and a name of letters, digits, hyphens and
     *     underscores
     * @see <a href="https://www.keycloak.org/securing-apps/oidc-layers">Securing applications</a>
     */
    public static Provider keycloak(String host, String realm) {
        String server = Placeholders.host("A Keycloak server", host);
        String issuer = "https://" + server + "/realms/" + Placeholders.pathSegment("A realm", realm);
        String base = issuer + "/protocol/openid-connect";
        return preset(
                        Placeholders.name("keycloak", server + "." + realm),
                        "https://www.keycloak.org/securing-apps/oidc-layers",
                        base + "/auth",
                        base + "/token")
                .openId(issuer, base + "/certs")
                .userInfoEndpoint(base + "/userinfo")
                .revocationEndpoint(base + "/revoke")
                .introspectionEndpoint(base + "/token/introspect")
                .deviceAuthorizationEndpoint(base + "/auth/device")
                .pushedAuthorizationRequestEndpoint(base + "/ext/par/request")
                .endSessionEndpoint(base + "/logout")
                .clientAuthentication(SECRET_BASIC)
                .build();
    }

    /**
     * GitLab.com.
     *
     * <p>A refresh token always comes and is good for one use: a refresh revokes the old access token, too. Access
     * tokens live two hours. The redirect URI is repeated when refreshing, as GitLab requires.
     *
     * @return the preset
     * @see <a href="https://docs.gitlab.com/api/oauth2/">OAuth 2.0 identity provider API</a>
     */
    public static Provider gitLab() {
        return gitLab("gitlab", "gitlab.com");
    }

    /**
     * A GitLab server of one's own. Otherwise as {@link #gitLab()}.
     *
     * @param host the server's host, such as {@code gitlab.example.com}
     * @return the preset
     * @throws IllegalArgumentException if it is not a host name
     * @see <a href="https://docs.gitlab.com/api/oauth2/">OAuth 2.0 identity provider API</a>
     */
    public static Provider gitLab(String host) {
        String server = Placeholders.host("A GitLab server", host);
        return gitLab(Placeholders.name("gitlab", server), server);
    }

    private static Provider gitLab(String name, String host) {
        String base = "https://" + host;
        return preset(name, "https://docs.gitlab.com/api/oauth2/", base + "/oauth/authorize", base + "/oauth/token")
                .openId(base, base + "/oauth/discovery/keys")
                .userInfoEndpoint(base + "/oauth/userinfo")
                .revocationEndpoint(base + "/oauth/revoke")
                .introspectionEndpoint(base + "/oauth/introspect")
                .deviceAuthorizationEndpoint(base + "/oauth/authorize_device")
                .apiOrigins(base)
                .clientAuthentication(SECRET_POST)
                .dialect(Dialect::redirectUriOnRefresh)
                .build();
    }

    /**
     * Zoom, for applications that users add (not server-to-server ones).
     *
     * <p>A refresh token always comes, lives 90 days, and every refresh brings another one. Access tokens live an hour.
     * The reason of an error is in {@code reason}.
     *
     * <p>Not certain: the separator of scopes; the documentation shows blanks.
     *
     * @return the preset
     * @see <a href="https://developers.zoom.us/docs/integrations/oauth/">OAuth 2.0</a>
     */
    public static Provider zoom() {
        return preset(
                        "zoom",
                        "https://developers.zoom.us/docs/integrations/oauth/",
                        "https://zoom.us/oauth/authorize",
                        "https://zoom.us/oauth/token")
                .revocationEndpoint("https://zoom.us/oauth/revoke")
                .profileEndpoint(
                        "https://api.zoom.us/v2/users/me",
                        Map.of("sub", "id", "name", "display_name", "email", "email"))
                .apiOrigins("https://api.zoom.us")
                .clientAuthentication(SECRET_BASIC)
                .refreshTokenLifetime(Duration.ofDays(90), LAST_USE)
                .dialect(d -> d.member("error_description", "/reason"))
                .build();
    }

    /**
     * Notion. There are no scopes: users choose pages.
     *
     * <p>A refresh token comes with new grants, and every refresh brings another one; older grants have none, and their
     * tokens do not expire. Responses do not say how long a token lives, so it is used until the API rejects it. Token
     * requests are JSON. Calls to the API need the header {@code Notion-Version}, which the application sends.
     *
     * <p>Not in the preset: revocation and introspection, which take JSON instead of the form of RFC 7009.
     *
     * @return the preset
     * @see <a href="https://developers.notion.com/docs/authorization">Authorization</a>
     */
    public static Provider notion() {
        return preset(
                        "notion",
                        "https://developers.notion.com/docs/authorization",
                        "https://api.notion.com/v1/oauth/authorize",
                        "https://api.notion.com/v1/oauth/token")
                .apiOrigins("https://api.notion.com")
                .clientAuthentication(SECRET_BASIC)
                .pkce(false)
                .authorizationParameter("owner", "user")
                .dialect(d -> d.jsonRequests()
                        .requestHeader("Notion-Version", "2022-06-28")
                        .identityMember("sub", "/owner/user/id"))
                .build();
    }

    /**
     * Atlassian: Jira, Confluence and the others in the cloud (OAuth 2.0 with three legs, "3LO").
     *
     * <p>A refresh token comes with the scope {@code offline_access}. Every refresh brings another one, and it expires
     * after 90 days without a refresh. The sites that a user opened are listed at
     * {@code https://api.atlassian.com/oauth/token/accessible-resources}; the id of one goes into the path of each
     * call. The profile needs the scope {@code read:me}.
     *
     * <p>Not in the preset: revocation; Atlassian documents none.
     *
     * @return the preset
     * @see <a href="https://developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps/">OAuth 2.0 (3LO) apps</a>
     */
    public static Provider atlassian() {
        return preset(
                        "atlassian",
                        "https://developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps/",
                        "https://auth.atlassian.com/authorize",
                        "https://auth.atlassian.com/oauth/token")
                .profileEndpoint(
                        "https://api.atlassian.com/me", Map.of("sub", "account_id", "name", "name", "email", "email"))
                .apiOrigins("https://api.atlassian.com")
                .clientAuthentication(SECRET_POST)
                .authorizationParameter("audience", "api.atlassian.com")
                .authorizationParameter("prompt", "consent")
                .refreshTokenLifetime(Duration.ofDays(90), LAST_USE)
                .build();
    }

    /**
     * HubSpot, with its endpoints of 2026-03. Those of version 1 disappear on 2027-02-16.
     *
     * <p>A refresh token always comes, stays the same and has no known expiry. Access tokens live half an hour. Scopes
     * that an account may lack go into the parameter {@code optional_scope} of a login. The identity is the HubSpot
     * account ({@code hub_id}), not the user.
     *
     * <p>Not certain: that responses of 2026-03 name the account, as those of version 1 do since August 2025.
     *
     * @return the preset
     * @see <a href="https://developers.hubspot.com/docs/api-reference/latest/authentication/manage-oauth-tokens">Manage
     *     OAuth tokens</a>
     */
    public static Provider hubSpot() {
        return preset(
                        "hubspot",
                        "https://developers.hubspot.com/docs/api-reference/latest/authentication/manage-oauth-tokens",
                        "https://app.hubspot.com/oauth/authorize",
                        "https://api.hubapi.com/oauth/2026-03/token")
                .revocationEndpoint("https://api.hubapi.com/oauth/2026-03/token/revoke")
                .introspectionEndpoint("https://api.hubapi.com/oauth/2026-03/token/introspect")
                .apiOrigins("https://api.hubapi.com")
                .clientAuthentication(SECRET_POST)
                .replay(PROMPT)
                .dialect(d -> d.member("scope", "/scopes").identityMember("sub", "/hub_id"))
                .build();
    }

    /**
     * Twitch, with OpenID Connect.
     *
     * <p>A refresh token always comes. Errors are sentences in {@code message}; the preset knows those that mean that a
     * grant or a code is not valid. Calls to the API need the header {@code Client-Id}, which the application sends,
     * and Twitch requires that tokens of long sessions are validated every hour.
     *
     * <p>Not in the preset: device logins, whose requests name the scopes in the parameter {@code scopes}. Not certain:
     * whether refresh tokens are rotated, and how Twitch words errors about the application.
     *
     * @return the preset
     * @see <a href="https://dev.twitch.tv/docs/authentication/getting-tokens-oauth/">Getting tokens</a>
     */
    public static Provider twitch() {
        return preset(
                        "twitch",
                        "https://dev.twitch.tv/docs/authentication/getting-tokens-oauth/",
                        "https://id.twitch.tv/oauth2/authorize",
                        "https://id.twitch.tv/oauth2/token")
                .openId("https://id.twitch.tv/oauth2", "https://id.twitch.tv/oauth2/keys")
                .userInfoEndpoint("https://id.twitch.tv/oauth2/userinfo")
                .revocationEndpoint("https://id.twitch.tv/oauth2/revoke")
                .apiOrigins("https://api.twitch.tv")
                .clientAuthentication(SECRET_POST)
                .dialect(d -> d.member("error", "/message")
                        .member("error_description", "/message")
                        .error("Invalid refresh token", REFUSED)
                        .error("Invalid authorization code", REFUSED)
                        .error("invalid client", MISCONFIGURED)
                        .error("invalid client secret", MISCONFIGURED))
                .build();
    }

    /**
     * Reddit.
     *
     * <p>A refresh token comes with {@code duration=permanent}, which the preset sends. It is not rotated and has no
     * known expiry. Reddit rejects requests that do not name their origin: the preset sends the user agent to Reddit's
     * own endpoints, the application sends it with its calls.
     *
     * <p>Not in the preset: programs without a secret, which have to authenticate at Reddit with an empty one.
     *
     * @param userAgent the platform, the application, its version and its author, such as
     *     {@code linux:com.example.app:v1.2 (by /u/somebody)}
     * @return the preset
     * @throws IllegalArgumentException if it contains other than printable ASCII characters
     * @see <a href="https://github.com/reddit-archive/reddit/wiki/OAuth2">OAuth2</a>
     */
    public static Provider reddit(String userAgent) {
        String agent = Placeholders.headerText("A user agent", userAgent);
        return preset(
                        "reddit",
                        "https://github.com/reddit-archive/reddit/wiki/OAuth2",
                        "https://www.reddit.com/api/v1/authorize",
                        "https://www.reddit.com/api/v1/access_token")
                .revocationEndpoint("https://www.reddit.com/api/v1/revoke_token")
                .profileEndpoint("https://oauth.reddit.com/api/v1/me", Map.of("sub", "id", "name", "name"))
                .apiOrigins("https://oauth.reddit.com")
                .clientAuthentication(SECRET_BASIC)
                .pkce(false)
                .authorizationParameter("duration", "permanent")
                .replay(PROMPT)
                .dialect(d -> d.requestHeader("User-Agent", agent))
                .build();
    }

    /**
     * Facebook Login and the Graph API, version 22.0.
     *
     * <p>There are no refresh tokens: a token lives an hour or two, and an application can exchange it for one of 60
     * days ({@code grant_type=fb_exchange_token}), which the preset does not do. {@code expires_in} may be missing. An
     * error's code is type, code and subcode, for example {@code OAuthException/190/463}. Users may deselect scopes,
     * and the response does not say which.
     *
     * <p>Not in the preset: the proof of the application's secret ({@code appsecret_proof}), revocation ({@code DELETE
     * /me/permissions} is not RFC 7009), and Limited Login with its ID tokens.
     *
     * @return the preset
     * @see <a href="https://developers.facebook.com/docs/facebook-login/guides/advanced/manual-flow">Manual flow</a>
     */
    public static Provider facebook() {
        return preset(
                        "facebook",
                        "https://developers.facebook.com/docs/facebook-login/guides/advanced/manual-flow",
                        "https://www.facebook.com/v22.0/dialog/oauth",
                        "https://graph.facebook.com/v22.0/oauth/access_token")
                .profileEndpoint(
                        "https://graph.facebook.com/v22.0/me?fields=id,name,email",
                        Map.of("sub", "id", "name", "name", "email", "email"))
                .apiOrigins("https://graph.facebook.com")
                .clientAuthentication(SECRET_POST)
                .scopeSeparator(",")
                .dialect(d -> d.member("error", "/error/type", "/error/code", "/error/error_subcode")
                        .member("error_description", "/error/message")
                        .error("OAuthException/190", REFUSED)
                        .error("OAuthException/100/36007", REFUSED)
                        .error("OAuthException/100/36009", REFUSED)
                        .error("OAuthException/100/36008", MISCONFIGURED)
                        .error("OAuthException/4", TEMPORARY)
                        .error("OAuthException/17", TEMPORARY)
                        .error("OAuthException/32", TEMPORARY)
                        .error("OAuthException/613", TEMPORARY)
                        .rejection("/error/code", "190"))
                .build();
    }

    /**
     * X, formerly Twitter, version 2 of its API.
     *
     * <p>A refresh token comes with the scope {@code offline.access} and is good for one use. Access tokens live two
     * hours, codes thirty seconds. X requires PKCE.
     *
     * <p>The profile needs the scopes {@code tweet.read} and {@code users.read}.
     *
     * @return the preset
     * @see <a href="https://docs.x.com/fundamentals/authentication/oauth-2-0/authorization-code">OAuth 2.0 with
     *     PKCE</a>
     */
    public static Provider x() {
        return preset(
                        "x",
                        "https://docs.x.com/fundamentals/authentication/oauth-2-0/authorization-code",
                        "https://x.com/i/oauth2/authorize",
                        "https://api.x.com/2/oauth2/token")
                .revocationEndpoint("https://api.x.com/2/oauth2/revoke")
                .formerServers("https://api.twitter.com")
                .apiOrigins("https://api.x.com", "https://api.twitter.com")
                .profileEndpoint(
                        "https://api.x.com/2/users/me",
                        Map.of("sub", "/data/id", "name", "/data/name", "preferred_username", "/data/username"))
                .clientAuthentication(SECRET_BASIC)
                .build();
    }

    /**
     * Box.
     *
     * <p>A refresh token always comes, is good for one use and for 60 days. Scopes are set where the application is
     * registered.
     *
     * @return the preset
     * @see <a href="https://developer.box.com/guides/authentication/oauth2/">OAuth 2.0</a>
     */
    public static Provider box() {
        return preset(
                        "box",
                        "https://developer.box.com/guides/authentication/oauth2/",
                        "https://account.box.com/api/oauth2/authorize",
                        "https://api.box.com/oauth2/token")
                .revocationEndpoint("https://api.box.com/oauth2/revoke")
                .profileEndpoint(
                        "https://api.box.com/2.0/users/me", Map.of("sub", "id", "name", "name", "email", "login"))
                .apiOrigins("https://api.box.com", "https://upload.box.com")
                .clientAuthentication(SECRET_POST)
                .refreshTokenLifetime(Duration.ofDays(60), LAST_USE)
                .build();
    }

    /**
     * Strava.
     *
     * <p>A refresh token always comes; a refresh shortly before the access token expires brings another one. Access
     * tokens live six hours. Users may deselect scopes; those that are left are in the parameter {@code scope} of the
     * callback and not in the response. Only the response to the code identifies the user.
     *
     * <p>Not in the preset: revocation ({@code /oauth/deauthorize} is not RFC 7009).
     *
     * @return the preset
     * @see <a href="https://developers.strava.com/docs/authentication/">Authentication</a>
     */
    public static Provider strava() {
        return preset(
                        "strava",
                        "https://developers.strava.com/docs/authentication/",
                        "https://www.strava.com/oauth/authorize",
                        "https://www.strava.com/oauth/token")
                .apiOrigins("https://www.strava.com")
                .clientAuthentication(SECRET_POST)
                .scopeSeparator(",")
                .pkce(false)
                .dialect(d -> d.grantedScopeParameter("scope")
                        .identityMember("sub", "/athlete/id")
                        .identityMember("given_name", "/athlete/firstname")
                        .identityMember("family_name", "/athlete/lastname"))
                .build();
    }

    /**
     * One shop at Shopify.
     *
     * <p>The preset asks for tokens that expire ({@code expiring=1}): they live an hour and have a refresh token of 90
     * days. A spent one stays valid until the new access token is used. Public applications have to use such tokens
     * from 2027-01-01 on. API calls carry the token in {@code X-Shopify-Access-Token}. A callback without Shopify's own
     * signature over it ({@code hmac}) is rejected.
     *
     * <p>Not in the preset: the user's identity (a grant is the shop's), tokens of one user ("online" ones),
     * revocation.
     *
     * @param shop the shop's name, such as {@code acme}, or its domain, such as {@code acme.myshopify.com}
     * @return the preset
     * @throws IllegalArgumentException if it is something else
     * @see <a
     *     href="https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/authorization-code-grant">
     *     Authorization code grant</a>
     */
    public static Provider shopify(String shop) {
        String host = Placeholders.domainUnder("myshopify.com", 1, "A shop", shop);
        String base = "https://" + host;
        return preset(
                        Placeholders.name("shopify", host.substring(0, host.indexOf('.'))),
                        "https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/authorization-code-grant",
                        base + "/admin/oauth/authorize",
                        base + "/admin/oauth/access_token")
                .apiOrigins(base)
                .clientAuthentication(SECRET_POST)
                .scopeSeparator(",")
                .pkce(false)
                .replay(PROMPT)
                .dialect(d -> d.tokenHeader("X-Shopify-Access-Token")
                        .callbackHmac("hmac")
                        .tokenParameter("expiring", "1"))
                .build();
    }

    /**
     * Stripe Connect, for platforms that act for the accounts of others. The secret is the platform's secret API key.
     *
     * <p>Access tokens do not expire. A refresh token always comes; it serves to get a token with fewer rights or for
     * the other mode, and stays the same. The identity is the account that was connected.
     *
     * <p>Not in the preset: revocation ({@code /oauth/deauthorize} takes the account, not a token).
     *
     * @return the preset
     * @see <a href="https://docs.stripe.com/connect/oauth-reference">OAuth reference</a>
     */
    public static Provider stripeConnect() {
        return preset(
                        "stripe-connect",
                        "https://docs.stripe.com/connect/oauth-reference",
                        "https://connect.stripe.com/oauth/authorize",
                        "https://connect.stripe.com/oauth/token")
                .apiOrigins("https://api.stripe.com")
                .clientAuthentication(SECRET_POST)
                .pkce(false)
                .replay(PROMPT)
                .dialect(d -> d.identityMember("sub", "/stripe_user_id"))
                .build();
    }

    /**
     * Stripe Apps that other accounts install.
     *
     * <p>A refresh token always comes, lives a year, and every refresh brings another one. Responses do not say how
     * long access tokens live; it is an hour. The identity is the account that installed the application. The links
     * that start an installation differ for test mode and for the live one: take the one from Stripe's dashboard and
     * set it as authorization endpoint.
     *
     * <p>Not certain: client authentication. Stripe documents the secret API key as user name of Basic authentication
     * with no password, which this library does not send; the preset sends it as {@code client_secret}.
     *
     * @return the preset
     * @see <a href="https://docs.stripe.com/stripe-apps/api-authentication/oauth">OAuth 2.0</a>
     */
    public static Provider stripeApps() {
        return preset(
                        "stripe-apps",
                        "https://docs.stripe.com/stripe-apps/api-authentication/oauth",
                        "https://marketplace.stripe.com/oauth/v2/authorize",
                        "https://api.stripe.com/v1/oauth/token")
                .apiOrigins("https://api.stripe.com")
                .clientAuthentication(SECRET_POST)
                .pkce(false)
                .defaultLifetime(Duration.ofHours(1))
                .refreshTokenLifetime(Period.ofYears(1), LAST_USE)
                .dialect(d -> d.identityMember("sub", "/stripe_user_id"))
                .build();
    }

    /**
     * Sign in with Apple, with OpenID Connect.
     *
     * <p>A refresh token always comes and stays the same; it serves to check, at most once a day, whether the user
     * still uses the application. The application has no secret but a key from Apple:
     * {@code signingKey(SigningKey.of(key).keyId("…"))}. What Apple calls the client secret is signed with it anew for
     * each request, so nothing has to be renewed every six months. Apple posts the callback, so a session cookie with
     * {@code SameSite=Lax} does not come with it. The user's name is posted once, at the very first login, and is not
     * in the ID token. There is no API for these tokens, so no origin is known.
     *
     * @param teamId the ten letters and digits that Apple gives a developer team
     * @return the preset
     * @throws IllegalArgumentException if it is not ten capital letters and digits
     * @see <a href="https://developer.apple.com/documentation/signinwithapplerestapi">Sign in with Apple REST API</a>
     */
    public static Provider apple(String teamId) {
        if (!teamId.matches("[A-Z0-9]{10}")) {
            throw new IllegalArgumentException("An Apple team is ten capital letters and digits");
        }
        return preset(
                        "apple",
                        "https://developer.apple.com/documentation/signinwithapplerestapi",
                        "https://appleid.apple.com/auth/authorize",
                        "https://appleid.apple.com/auth/token")
                .openId("https://appleid.apple.com", "https://appleid.apple.com/auth/keys")
                .revocationEndpoint("https://appleid.apple.com/auth/revoke")
                .clientAuthentication(SIGNED_SECRET)
                .assertionIssuer(teamId)
                .assertionAudience("https://appleid.apple.com")
                .replay(PROMPT)
                .dialect(Dialect::formPost)
                .build();
    }

    /**
     * Login with Amazon.
     *
     * <p>A refresh token always comes and is not rotated. The profile needs the scope {@code profile}. The APIs of
     * sellers and advertisers are at hosts of their own, and the one for sellers requires the token in a header of its
     * own: derive a variant.
     *
     * <p>Not in the preset: device logins ({@code /auth/o2/create/codepair} is not RFC 8628), revocation. Not certain:
     * the hosts of Europe and the Far East, which we know from other projects.
     *
     * @param region the region of the users' accounts
     * @return the preset
     * @see <a href="https://developer.amazon.com/docs/login-with-amazon/authorization-code-grant.html">Authorization
     *     code grant</a>
     */
    public static Provider amazon(AmazonRegion region) {
        return preset(
                        switch (region) {
                            case NORTH_AMERICA -> "amazon";
                            case EUROPE -> "amazon-eu";
                            case FAR_EAST -> "amazon-fe";
                        },
                        "https://developer.amazon.com/docs/login-with-amazon/authorization-code-grant.html",
                        "https://" + region.login + "/ap/oa",
                        "https://" + region.api + "/auth/o2/token")
                .profileEndpoint(
                        "https://" + region.api + "/user/profile",
                        Map.of("sub", "user_id", "name", "name", "email", "email"))
                .apiOrigins("https://" + region.api)
                .clientAuthentication(SECRET_POST)
                .replay(PROMPT)
                .build();
    }

    /**
     * Yahoo, with OpenID Connect.
     *
     * <p>A refresh token always comes. The redirect URI is repeated when refreshing, as Yahoo requires.
     *
     * <p>Not certain: revocation, and whether refresh tokens are rotated. Yahoo Japan is another provider.
     *
     * @return the preset
     * @see <a href="https://developer.yahoo.com/oauth2/guide/flows_authcode/">Authorization code flow</a>
     */
    public static Provider yahoo() {
        return preset(
                        "yahoo",
                        "https://developer.yahoo.com/oauth2/guide/flows_authcode/",
                        "https://api.login.yahoo.com/oauth2/request_auth",
                        "https://api.login.yahoo.com/oauth2/get_token")
                .openId("https://api.login.yahoo.com", "https://api.login.yahoo.com/openid/v1/certs")
                .userInfoEndpoint("https://api.login.yahoo.com/openid/v1/userinfo")
                .revocationEndpoint("https://api.login.yahoo.com/oauth2/revoke")
                .apiOrigins("https://api.login.yahoo.com", "https://fantasysports.yahooapis.com")
                .clientAuthentication(SECRET_BASIC)
                .dialect(Dialect::redirectUriOnRefresh)
                .build();
    }

    /**
     * Zoho, in one of its data centers.
     *
     * <p>A refresh token comes with {@code access_type=offline} and {@code prompt=consent}, which the preset sends. It
     * is not rotated; a user has at most twenty per application, and the oldest gives way. The callback names the data
     * center of the code ({@code accounts-server}); a code of another data center is sent nowhere: start the login with
     * that one's preset. The response names the user's API, and tokens are sent after the word {@code Zoho-oauthtoken}.
     * The profile needs the scope {@code AaaServer.profile.READ}.
     *
     * <p>Not in the preset: revocation, which takes the token in the query and not as RFC 7009 does. Not certain: the
     * profile, and the hosts of Canada, Saudi Arabia and the United Kingdom, which we know from other projects.
     *
     * @param dataCenter the data center of the users' accounts
     * @return the preset
     * @see <a href="https://www.zoho.com/accounts/protocol/oauth/multi-dc.html">OAuth across data centers</a>
     */
    public static Provider zoho(ZohoDataCenter dataCenter) {
        String base = "https://accounts." + dataCenter.domain;
        return preset(
                        dataCenter == ZohoDataCenter.US
                                ? "zoho"
                                : "zoho-" + dataCenter.name().toLowerCase(Locale.ROOT),
                        "https://www.zoho.com/accounts/protocol/oauth/multi-dc.html",
                        base + "/oauth/v2/auth",
                        base + "/oauth/v2/token")
                .profileEndpoint(
                        base + "/oauth/user/info", Map.of("sub", "ZUID", "name", "Display_Name", "email", "Email"))
                .apiOrigins("https://www." + dataCenter.api)
                .clientAuthentication(SECRET_POST)
                .scopeSeparator(",")
                .authorizationParameter("access_type", "offline")
                .authorizationParameter("prompt", "consent")
                .replay(PROMPT)
                .dialect(d -> d.tokenScheme("Zoho-oauthtoken")
                        .apiBase("/api_domain", dataCenter.api)
                        .serverParameter("accounts-server")
                        .error("invalid_code", REFUSED)
                        .error("invalid_client_secret", MISCONFIGURED)
                        .error("invalid_redirect_uri", MISCONFIGURED))
                .build();
    }

    /**
     * Xero, with OpenID Connect.
     *
     * <p>A refresh token comes with the scope {@code offline_access}. Every refresh brings another one, the spent one
     * stays valid for half an hour, and the token expires after 60 days without a refresh. Access tokens live half an
     * hour. The organisations that a user opened are listed at {@code https://api.xero.com/connections}; each call
     * names one in the header {@code Xero-tenant-id}.
     *
     * @return the preset
     * @see <a href="https://developer.xero.com/documentation/guides/oauth2/auth-flow/">Authorization code flow</a>
     */
    public static Provider xero() {
        return preset(
                        "xero",
                        "https://developer.xero.com/documentation/guides/oauth2/auth-flow/",
                        "https://login.xero.com/identity/connect/authorize",
                        "https://identity.xero.com/connect/token")
                .openId("https://identity.xero.com", "https://identity.xero.com/.well-known/openid-configuration/jwks")
                .userInfoEndpoint("https://identity.xero.com/connect/userinfo")
                .revocationEndpoint("https://identity.xero.com/connect/revocation")
                .apiOrigins("https://api.xero.com")
                .clientAuthentication(SECRET_BASIC)
                .replay(PROMPT)
                .refreshTokenLifetime(Duration.ofDays(60), LAST_USE)
                .build();
    }

    /**
     * QuickBooks Online, by Intuit, with OpenID Connect.
     *
     * <p>A refresh token always comes. It lives 101 days from its last use and at most five years in all; its value
     * changes about once a day, and the old one expires. Access tokens live an hour. The company that the user chose is
     * in the parameter {@code realmId} of the callback and nowhere else: the application has to keep it.
     *
     * <p>Not certain: that ID tokens carry the nonce, without which a login with {@code openid} fails.
     *
     * @param environment companies of customers, or those for tests
     * @return the preset
     * @see <a
     *     href="https://developer.intuit.com/app/developer/qbo/docs/develop/authentication-and-authorization/oauth-2.0">OAuth
     *     2.0</a>
     */
    public static Provider quickBooks(Environment environment) {
        String sandbox = environment == Environment.SANDBOX ? "sandbox-" : "";
        return preset(
                        environment == Environment.SANDBOX ? "quickbooks-sandbox" : "quickbooks",
                        "https://developer.intuit.com/app/developer/qbo/docs/develop/authentication-and-authorization/oauth-2.0",
                        "https://appcenter.intuit.com/connect/oauth2",
                        "https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer")
                .openId("https://oauth.platform.intuit.com/op/v1", "https://oauth.platform.intuit.com/op/v1/jwks")
                .userInfoEndpoint("https://" + sandbox + "accounts.platform.intuit.com/v1/openid_connect/userinfo")
                .revocationEndpoint("https://developer.api.intuit.com/v2/oauth2/tokens/revoke")
                .apiOrigins("https://" + sandbox + "quickbooks.api.intuit.com")
                .clientAuthentication(SECRET_BASIC)
                .pkce(false)
                .refreshTokenLifetime(Duration.ofDays(101), LAST_USE)
                .dialect(d -> d.member("refresh_token_expires_in", "/x_refresh_token_expires_in"))
                .build();
    }

    /**
     * Bitbucket Cloud.
     *
     * <p>A refresh token always comes and is not rotated. Access tokens live two hours. Scopes are set where the
     * application is registered. The profile needs the scope {@code account}.
     *
     * <p>Not in the preset: revocation; Bitbucket documents none. Not certain: all of it, which we have not read again.
     *
     * @return the preset
     * @see <a href="https://support.atlassian.com/bitbucket-cloud/docs/use-oauth-on-bitbucket-cloud/">OAuth on
     *     Bitbucket Cloud</a>
     */
    public static Provider bitbucket() {
        return preset(
                        "bitbucket",
                        "https://support.atlassian.com/bitbucket-cloud/docs/use-oauth-on-bitbucket-cloud/",
                        "https://bitbucket.org/site/oauth2/authorize",
                        "https://bitbucket.org/site/oauth2/access_token")
                .profileEndpoint("https://api.bitbucket.org/2.0/user", Map.of("sub", "uuid", "name", "display_name"))
                .apiOrigins("https://api.bitbucket.org")
                .clientAuthentication(SECRET_BASIC)
                .replay(PROMPT)
                .dialect(d -> d.member("scope", "/scopes"))
                .build();
    }

    /**
     * PayPal ("Log in with PayPal").
     *
     * <p>A refresh token comes with the response to the code. Most scopes are URLs. The preset sends
     * {@code flowEntry=static}, as PayPal's own template for logins does.
     *
     * <p>Not in the preset: revocation and OpenID Connect. Not certain: whether refresh tokens are rotated, and that
     * PayPal supports PKCE.
     *
     * @param environment real accounts, or those for tests
     * @return the preset
     * @see <a href="https://developer.paypal.com/docs/log-in-with-paypal/integrate/">Integrate Log in with PayPal</a>
     */
    public static Provider payPal(Environment environment) {
        String sandbox = environment == Environment.SANDBOX ? "sandbox." : "";
        String api = "https://api-m." + sandbox + "paypal.com";
        return preset(
                        environment == Environment.SANDBOX ? "paypal-sandbox" : "paypal",
                        "https://developer.paypal.com/docs/log-in-with-paypal/integrate/",
                        "https://www." + sandbox + "paypal.com/signin/authorize",
                        api + "/v1/oauth2/token")
                .profileEndpoint(
                        api + "/v1/identity/oauth2/userinfo?schema=paypalv1.1",
                        Map.of("sub", "user_id", "name", "name"))
                .apiOrigins(api)
                .clientAuthentication(SECRET_BASIC)
                .authorizationParameter("flowEntry", "static")
                .build();
    }

    /**
     * Asana.
     *
     * <p>A refresh token always comes and is not rotated. Access tokens live an hour. The scope {@code default} stands
     * for all that the application is registered with. The response identifies the user, so the scope {@code openid} is
     * not needed.
     *
     * <p>Not in the preset: OpenID Connect, whose keys we have not found documented.
     *
     * @return the preset
     * @see <a href="https://developers.asana.com/docs/oauth">OAuth</a>
     */
    public static Provider asana() {
        return preset(
                        "asana",
                        "https://developers.asana.com/docs/oauth",
                        "https://app.asana.com/-/oauth_authorize",
                        "https://app.asana.com/-/oauth_token")
                .revocationEndpoint("https://app.asana.com/-/oauth_revoke")
                .apiOrigins("https://app.asana.com")
                .clientAuthentication(SECRET_POST)
                .replay(PROMPT)
                .dialect(d -> d.identityMember("sub", "/data/id")
                        .identityMember("name", "/data/name")
                        .identityMember("email", "/data/email"))
                .build();
    }

    /**
     * DigitalOcean.
     *
     * <p>A refresh token always comes, and every refresh brings another one. Access tokens live 30 days. A grant
     * belongs to the team that the user chose.
     *
     * <p>Not in the preset: revocation, whose request we do not know. Not certain: that DigitalOcean supports PKCE.
     *
     * @return the preset
     * @see <a href="https://docs.digitalocean.com/reference/api/oauth/">OAuth API</a>
     */
    public static Provider digitalOcean() {
        return preset(
                        "digitalocean",
                        "https://docs.digitalocean.com/reference/api/oauth/",
                        "https://cloud.digitalocean.com/v1/oauth/authorize",
                        "https://cloud.digitalocean.com/v1/oauth/token")
                .apiOrigins("https://api.digitalocean.com")
                .clientAuthentication(SECRET_POST)
                .dialect(d -> d.identityMember("sub", "/info/uuid")
                        .identityMember("name", "/info/name")
                        .identityMember("email", "/info/email"))
                .build();
    }

    /**
     * Linear.
     *
     * <p>A refresh token comes with every grant since April 2026, and every refresh brings another one. Access tokens
     * live a day. {@code actor=app} in a login makes the application act in its own name. Scopes are separated by
     * commas.
     *
     * <p>Not in the preset: the user's identity, which only a GraphQL query returns.
     *
     * @return the preset
     * @see <a href="https://linear.app/developers/oauth-2-0-authentication">OAuth 2.0 authentication</a>
     */
    public static Provider linear() {
        return preset(
                        "linear",
                        "https://linear.app/developers/oauth-2-0-authentication",
                        "https://linear.app/oauth/authorize",
                        "https://api.linear.app/oauth/token")
                .revocationEndpoint("https://api.linear.app/oauth/revoke")
                .apiOrigins("https://api.linear.app")
                .clientAuthentication(SECRET_POST)
                .scopeSeparator(",")
                .build();
    }

    /**
     * Figma.
     *
     * <p>A refresh token always comes and stays the same; the refresh endpoint is another than the token endpoint.
     * Access tokens live 90 days. The profile needs the scope {@code current_user:read}.
     *
     * <p>Not in the preset: revocation; Figma documents none.
     *
     * @return the preset
     * @see <a href="https://developers.figma.com/docs/rest-api/authentication/">Authentication</a>
     */
    public static Provider figma() {
        return preset(
                        "figma",
                        "https://developers.figma.com/docs/rest-api/authentication/",
                        "https://www.figma.com/oauth",
                        "https://api.figma.com/v1/oauth/token")
                .refreshEndpoint("https://api.figma.com/v1/oauth/refresh")
                .profileEndpoint("https://api.figma.com/v1/me", Map.of("sub", "id", "name", "handle", "email", "email"))
                .apiOrigins("https://api.figma.com")
                .clientAuthentication(SECRET_BASIC)
                .scopeSeparator(",")
                .replay(PROMPT)
                .build();
    }

    /**
     * Fitbit, with its own Web API.
     *
     * <p>A refresh token always comes and is good for one use; for a short while the same request gets the same
     * response again. Access tokens live eight hours. Errors are in a list, of which the first counts.
     *
     * <p>Not certain: how long this API will exist; Google Health is to replace it.
     *
     * @return the preset
     * @see <a href="https://dev.fitbit.com/build/reference/web-api/authorization/">Authorization</a>
     */
    public static Provider fitbit() {
        return preset(
                        "fitbit",
                        "https://dev.fitbit.com/build/reference/web-api/authorization/",
                        "https://www.fitbit.com/oauth2/authorize",
                        "https://api.fitbit.com/oauth2/token")
                .revocationEndpoint("https://api.fitbit.com/oauth2/revoke")
                .apiOrigins("https://api.fitbit.com")
                .clientAuthentication(SECRET_BASIC)
                .replay(PROMPT)
                .dialect(d -> d.member("error", "/errors/0/errorType")
                        .member("error_description", "/errors/0/message")
                        .identityMember("sub", "/user_id"))
                .build();
    }

    /**
     * Patreon.
     *
     * <p>A refresh token always comes, and every refresh brings another one. Access tokens live 31 days.
     *
     * <p>Not in the preset: revocation. Not certain: all of it, which we have not read again.
     *
     * @return the preset
     * @see <a href="https://docs.patreon.com/#oauth">OAuth</a>
     */
    public static Provider patreon() {
        return preset(
                        "patreon",
                        "https://docs.patreon.com/",
                        "https://www.patreon.com/oauth2/authorize",
                        "https://www.patreon.com/api/oauth2/token")
                .apiOrigins("https://www.patreon.com")
                .profileEndpoint("https://www.patreon.com/api/oauth2/v2/identity", Map.of("sub", "/data/id"))
                .clientAuthentication(SECRET_POST)
                .pkce(false)
                .build();
    }

    /**
     * Coinbase, for the accounts of its users (Coinbase App).
     *
     * <p>A refresh token comes with the scope {@code offline_access}, is good for one use and for a year and a half.
     * Access tokens live an hour.
     *
     * <p>Not in the preset: revocation, which requires the token twice and is not RFC 7009. Not certain: the separator
     * of scopes; older pages show commas.
     *
     * @return the preset
     * @see <a href="https://docs.cdp.coinbase.com/coinbase-app/oauth2-integration/access-and-refresh-tokens">Access and
     *     refresh tokens</a>
     */
    public static Provider coinbase() {
        return preset(
                        "coinbase",
                        "https://docs.cdp.coinbase.com/coinbase-app/oauth2-integration/access-and-refresh-tokens",
                        "https://login.coinbase.com/oauth2/auth",
                        "https://login.coinbase.com/oauth2/token")
                .apiOrigins("https://api.coinbase.com")
                .profileEndpoint("https://api.coinbase.com/v2/user", Map.of("sub", "/data/id", "name", "/data/name"))
                .clientAuthentication(SECRET_POST)
                .refreshTokenLifetime(Period.ofMonths(18), LAST_USE)
                .build();
    }

    /**
     * TikTok, for websites (Login Kit).
     *
     * <p>A refresh token always comes; a refresh may bring another one, and the response says how long it lives, which
     * is a year at first. Access tokens live a day. The client id is called {@code client_key}. Websites send no PKCE;
     * TikTok's desktop applications do, in a form of TikTok's own that is not in the preset.
     *
     * @return the preset
     * @see <a href="https://developers.tiktok.com/doc/oauth-user-access-token-management">Managing user access
     *     tokens</a>
     */
    public static Provider tikTok() {
        return preset(
                        "tiktok",
                        "https://developers.tiktok.com/doc/oauth-user-access-token-management",
                        "https://www.tiktok.com/v2/auth/authorize/",
                        "https://open.tiktokapis.com/v2/oauth/token/")
                .revocationEndpoint("https://open.tiktokapis.com/v2/oauth/revoke/")
                .apiOrigins("https://open.tiktokapis.com")
                .clientAuthentication(SECRET_POST)
                .scopeSeparator(",")
                .pkce(false)
                .dialect(d -> d.clientIdParameter("client_key").identityMember("sub", "/open_id"))
                .build();
    }

    /**
     * Instagram, for professional accounts (Business Login).
     *
     * <p>There are no refresh tokens: a token lives an hour, and an application can exchange it for one of 60 days
     * ({@code ig_exchange_token}) and prolong that, which the preset does not do.
     *
     * <p>Not in the preset: revocation. Not certain: whether responses are inside a list named {@code data}, as
     * documented, or not, as seen; both are understood.
     *
     * @return the preset
     * @see <a
     *     href="https://developers.facebook.com/docs/instagram-platform/instagram-api-with-instagram-login/business-login">
     *     Business Login</a>
     */
    public static Provider instagram() {
        return preset(
                        "instagram",
                        "https://developers.facebook.com/docs/instagram-platform/instagram-api-with-instagram-login/business-login",
                        "https://www.instagram.com/oauth/authorize",
                        "https://api.instagram.com/oauth/access_token")
                .profileEndpoint(
                        "https://graph.instagram.com/me?fields=user_id,username",
                        Map.of("sub", "user_id", "preferred_username", "username"))
                .apiOrigins("https://graph.instagram.com")
                .clientAuthentication(SECRET_POST)
                .scopeSeparator(",")
                .pkce(false)
                .defaultLifetime(Duration.ofHours(1))
                .dialect(d -> d.member("access_token", "/data/0/access_token")
                        .member("error", "/error_type")
                        .member("error_description", "/error_message"))
                .build();
    }

    /**
     * Mailchimp's Marketing API.
     *
     * <p>Tokens do not expire ({@code "expires_in": 0}), and there are no refresh tokens. The API of an account is in
     * its data center, which the profile names ({@code dc}, {@code api_endpoint}); so no origin is known here: name
     * those of one's users with {@link Provider.Builder#apiOrigins}, for example {@code https://us6.api.mailchimp.com}.
     * There are no scopes.
     *
     * <p>Not in the preset: revocation; users disconnect applications at Mailchimp.
     *
     * @return the preset
     * @see <a href="https://mailchimp.com/developer/marketing/guides/access-user-data-oauth-2/">Access user data with
     *     OAuth 2</a>
     */
    public static Provider mailchimp() {
        return preset(
                        "mailchimp",
                        "https://mailchimp.com/developer/marketing/guides/access-user-data-oauth-2/",
                        "https://login.mailchimp.com/oauth2/authorize",
                        "https://login.mailchimp.com/oauth2/token")
                .profileEndpoint(
                        "https://login.mailchimp.com/oauth2/metadata", Map.of("sub", "user_id", "name", "accountname"))
                .clientAuthentication(SECRET_POST)
                .pkce(false)
                .dialect(Dialect::zeroMeansForever)
                .build();
    }

    /**
     * eBay's REST APIs. Tokens have the types {@code User Access Token} and {@code Application Access Token}, and are
     * used like any other.
     *
     * <p>A refresh token always comes, lives 18 months, as the response says, and stays the same. Access tokens live
     * two hours. Scopes are URLs. eBay expects the name of a redirect URI ("RuName") in its place, which this library
     * does not send: for now the preset serves tokens of the application itself ({@code Grantkeeper.application()}),
     * not logins. The profile needs the scope {@code commerce.identity.readonly}.
     *
     * <p>Not in the preset: revocation. Not certain: the profile.
     *
     * @param environment real accounts, or those for tests
     * @return the preset
     * @see <a href="https://developer.ebay.com/api-docs/static/oauth-authorization-code-grant.html">Authorization code
     *     grant</a>
     */
    public static Provider ebay(Environment environment) {
        String sandbox = environment == Environment.SANDBOX ? "sandbox." : "";
        return preset(
                        environment == Environment.SANDBOX ? "ebay-sandbox" : "ebay",
                        "https://developer.ebay.com/api-docs/static/oauth-authorization-code-grant.html",
                        "https://auth." + sandbox + "ebay.com/oauth2/authorize",
                        "https://api." + sandbox + "ebay.com/identity/v1/oauth2/token")
                .profileEndpoint(
                        "https://apiz." + sandbox + "ebay.com/commerce/identity/v1/user/",
                        Map.of("sub", "userId", "preferred_username", "username"))
                .apiOrigins("https://api." + sandbox + "ebay.com", "https://apiz." + sandbox + "ebay.com")
                .clientAuthentication(SECRET_BASIC)
                .pkce(false)
                .replay(PROMPT)
                .dialect(d -> d.bearerTypes("User Access Token", "Application Access Token", "Bearer"))
                .build();
    }

    /**
     * An instance of ZITADEL, in its cloud or on a server of one's own.
     *
     * <p>Its ID tokens are meant for the application, its project, and all other applications of the project: they are
     * rejected unless the registration calls {@code trustedAudiences(…)} with all these ids, or with {@code *}. A
     * refresh token comes with the scope {@code offline_access}. A token for an API of one's own needs the scope
     * {@code urn:zitadel:iam:org:project:id:{projectId}:aud}. The APIs are one's own, so none is known here: name them
     * with {@link Provider.Builder#apiOrigins}.
     *
     * <p>Not certain: whether refresh tokens are rotated, so they are treated as if they were.
     *
     * @param host the instance's host, such as {@code acme-x1y2z3.eu1.zitadel.cloud}
     * @return the preset
     * @throws IllegalArgumentException if it is not a host name
     * @see <a href="https://zitadel.com/docs/apis/openidoauth/endpoints">OpenID Connect endpoints</a>
     * @see <a href="https://github.com/zitadel/zitadel/issues/9200">Audiences</a>
     */
    public static Provider zitadel(String host) {
        String server = Placeholders.host("An instance of ZITADEL", host);
        String base = "https://" + server;
        return preset(
                        Placeholders.name("zitadel", server),
                        "https://zitadel.com/docs/apis/openidoauth/endpoints",
                        base + "/oauth/v2/authorize",
                        base + "/oauth/v2/token")
                .openId(base, base + "/oauth/v2/keys")
                .userInfoEndpoint(base + "/oidc/v1/userinfo")
                .revocationEndpoint(base + "/oauth/v2/revoke")
                .introspectionEndpoint(base + "/oauth/v2/introspect")
                .deviceAuthorizationEndpoint(base + "/oauth/v2/device_authorization")
                .endSessionEndpoint(base + "/oidc/v1/end_session")
                .clientAuthentication(SECRET_BASIC)
                .build();
    }

    /**
     * The UAA, the authorization server of Cloud Foundry.
     *
     * <p>A refresh token comes to clients with that grant type, and lives 30 days unless the server is set up
     * differently. One that has expired or was revoked is rejected with {@code invalid_token}, and status 401 or 400:
     * the user has to sign in again. The APIs are one's own, so none is known here: name them with
     * {@link Provider.Builder#apiOrigins}.
     *
     * <p>Not certain: the 30 days, and whether refresh tokens are rotated, which is a setting.
     *
     * <p>Not in the preset: revocation, which is a {@code DELETE} and not RFC 7009; identity zones, which have hosts of
     * their own.
     *
     * @param host the server's host, such as {@code uaa.sys.example.com}
     * @return the preset
     * @throws IllegalArgumentException if it is not a host name
     * @see <a href="https://docs.cloudfoundry.org/api/uaa/">UAA API reference</a>
     */
    public static Provider uaa(String host) {
        String server = Placeholders.host("A UAA", host);
        String base = "https://" + server;
        return preset(
                        Placeholders.name("uaa", server),
                        "https://docs.cloudfoundry.org/api/uaa/",
                        base + "/oauth/authorize",
                        base + "/oauth/token")
                .openId(base + "/oauth/token", base + "/token_keys")
                .userInfoEndpoint(base + "/userinfo")
                .introspectionEndpoint(base + "/introspect")
                .clientAuthentication(SECRET_BASIC)
                .dialect(d -> d.error("invalid_token", REFUSED))
                .build();
    }

    /**
     * WSO2 API Manager or Identity Server, at the usual port of its host. For a server with a port or a path there is
     * {@code Discovery}.
     *
     * <p>A refresh token always comes, and each refresh brings a new one. The gateway rejects tokens with challenges of
     * a scheme of its own ({@code OAuth2 realm="WSO2 API Manager", error="invalid_token"}, older versions
     * {@code error="invalid token"}), also for a subscription that is blocked; such a response costs one refresh and
     * one repetition. The APIs are one's own, so none is known here: name them with
     * {@link Provider.Builder#apiOrigins}.
     *
     * <p>Not certain: the endpoints, and that the issuer is the token endpoint.
     *
     * @param host the server's host, such as {@code apim.example.com}
     * @return the preset
     * @throws IllegalArgumentException if it is not a host name
     * @see <a
     *     href="https://apim.docs.wso2.com/en/4.2.0/design/api-security/oauth2/grant-types/refresh-token-grant/">Refresh
     *     token grant</a>
     */
    public static Provider wso2(String host) {
        String server = Placeholders.host("A server of WSO2", host);
        String base = "https://" + server + "/oauth2";
        return preset(
                        Placeholders.name("wso2", server),
                        "https://apim.docs.wso2.com/en/4.2.0/design/api-security/oauth2/grant-types/refresh-token-grant/",
                        base + "/authorize",
                        base + "/token")
                .openId(base + "/token", base + "/jwks")
                .userInfoEndpoint(base + "/userinfo")
                .revocationEndpoint(base + "/revoke")
                .introspectionEndpoint(base + "/introspect")
                .endSessionEndpoint("https://" + server + "/oidc/logout")
                .clientAuthentication(SECRET_BASIC)
                .build();
    }

    /**
     * An instance of ServiceNow.
     *
     * <p>A refresh token always comes. Each refresh returns the same one, which expires 100 days after the login
     * however often it is used; an access token lives half an hour. Both times are settings of the instance. The API
     * rejects tokens with a challenge for passwords ({@code BASIC realm="Service-now"}); such a response costs one
     * refresh and one repetition. The scope is usually {@code useraccount}.
     *
     * <p>Not in the preset: the user's identity; revocation, which is not RFC 7009.
     *
     * @param instance the instance's name, or its host {@code acme.service-now.com}
     * @return the preset
     * @throws IllegalArgumentException if it is something else
     * @see <a
     *     href="https://www.servicenow.com/docs/r/platform-security/authentication/r_OAuthAPIRequestParameters.html">OAuth
     *     API request parameters</a>
     */
    public static Provider serviceNow(String instance) {
        String host = Placeholders.domainUnder("service-now.com", 1, "An instance of ServiceNow", instance);
        String base = "https://" + host;
        return preset(
                        Placeholders.name("servicenow", host),
                        "https://www.servicenow.com/docs/r/platform-security/authentication/r_OAuthAPIRequestParameters.html",
                        base + "/oauth_auth.do",
                        base + "/oauth_token.do")
                .apiOrigins(base)
                .clientAuthentication(SECRET_POST)
                .replay(PROMPT)
                .refreshTokenLifetime(Duration.ofDays(100), AUTHORIZATION)
                .build();
    }

    /**
     * Square, for applications with a secret.
     *
     * <p>A refresh token always comes, and each refresh returns the same one; it does not expire. An access token lives
     * 30 days, which the response says by {@code expires_at}, a date, and not by {@code expires_in}. Requests are JSON.
     * The token response names the merchant. Sellers sign in anew for each login ({@code session=false}), as Square
     * requires in production.
     *
     * <p>PKCE is another flow at Square, for applications without a secret, whose refresh tokens are good for one use
     * and 90 days. Such an application calls {@code newBuilder().pkce(true)}.
     *
     * <p>Not in the preset: revocation, which has parameters and an {@code Authorization} header of its own and is not
     * RFC 7009: {@code POST /oauth2/revoke} with {@code Authorization: Client} and the secret ends all tokens of the
     * merchant.
     *
     * @param environment {@code connect.squareup.com} or {@code connect.squareupsandbox.com}
     * @return the preset
     * @see <a href="https://developer.squareup.com/docs/oauth-api/overview">OAuth API</a>
     */
    public static Provider square(Environment environment) {
        boolean real = environment == Environment.PRODUCTION;
        String base = real ? "https://connect.squareup.com" : "https://connect.squareupsandbox.com";
        return preset(
                        real ? "square" : "square-sandbox",
                        "https://developer.squareup.com/docs/oauth-api/overview",
                        base + "/oauth2/authorize",
                        base + "/oauth2/token")
                .apiOrigins(base)
                .clientAuthentication(SECRET_POST)
                .pkce(false)
                .authorizationParameter("session", "false")
                .dialect(d -> d.jsonRequests().identityMember("sub", "/merchant_id"))
                .build();
    }

    /**
     * Exact Online, at the site of the user's country.
     *
     * <p>A refresh token always comes, is good for one use, and expires after 30 days without use. An access token
     * lives ten minutes. A refresh earlier than 30 seconds before its end is rejected ({@code access_denied}, "Rate
     * limit exceeded: access_token not expired") and counts towards the 200 token requests a day that the application
     * may make; it ends no grant, and the library sends none before ({@link Provider.Builder#earliestRefresh}).
     *
     * <p>Not certain: the client authentication, and the profile, which we know from other projects.
     *
     * @param site the site that the user signs in at
     * @return the preset
     * @see <a
     *     href="https://support.exactonline.com/community/s/knowledge-base#All-All-DNO-Content-oauth-eol-oauth-devstep3">OAuth
     *     and refresh tokens</a>
     */
    public static Provider exactOnline(ExactOnlineSite site) {
        String base = "https://start.exactonline." + site.domain;
        return preset(
                        "exactonline-" + site.name().toLowerCase(Locale.ROOT),
                        "https://support.exactonline.com/community/s/knowledge-base",
                        base + "/api/oauth2/auth",
                        base + "/api/oauth2/token")
                .profileEndpoint(
                        base + "/api/v1/current/Me",
                        Map.of(
                                "sub",
                                "/d/results/0/UserID",
                                "name",
                                "/d/results/0/FullName",
                                "email",
                                "/d/results/0/Email"))
                .apiOrigins(base)
                .clientAuthentication(SECRET_POST)
                .refreshTokenLifetime(Duration.ofDays(30), LAST_USE)
                .earliestRefresh(Duration.ofSeconds(30))
                .dialect(d -> d.error("access_denied", TEMPORARY))
                .build();
    }
}
