/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.provider;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/**
 * Presets for servers that many applications use, as their documentation stood in November 2026. Some hundred have a
 * name, by which {@link #named} finds them; those that many applications use have a method of their own as well, and
 * {@link Spotify} and {@link EntraId} a class.
 *
 * <pre>{@code
 * Provider airtable = Providers.named("airtable").provider();
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
        NORTH_AMERICA,
        /** Europe, the Middle East, Africa and India. */
        EUROPE,
        /** Japan, Australia and Singapore. */
        FAR_EAST
    }

    /** The site of an Exact Online account, one for each country. Later versions may add constants. */
    public enum ExactOnlineSite {
        /** Netherlands. */
        NL,
        /** Belgium. */
        BE,
        /** Germany. */
        DE,
        /** France. */
        FR,
        /** Spain. */
        ES,
        /** United Kingdom. */
        UK,
        /** United States. */
        US
    }

    /** The data center of a Zoho account. Later versions may add constants. */
    public enum ZohoDataCenter {
        /** United States. */
        US,
        /** Europe. */
        EU,
        /** India. */
        IN,
        /** Australia. */
        AU,
        /** Japan. */
        JP,
        /** Canada. */
        CA,
        /** Saudi Arabia. */
        SA,
        /** United Kingdom. */
        UK,
        /** United Arab Emirates. */
        AE,
        /** China. */
        CN
    }

    private Providers() {}

    /**
     * Finds a preset by its name or one of its aliases. Case does not matter, nor whether words are separated by
     * blanks, underscores or hyphens.
     *
     * @param name for example {@code airtable}
     * @return the preset
     * @throws IllegalArgumentException if there is none; the message has names that are similar
     */
    public static Preset named(String name) {
        return Presets.builtIn().named(name);
    }

    /**
     * All presets that come with this library.
     *
     * @return the presets in the order of their names
     */
    public static List<Preset> all() {
        return Presets.builtIn().all();
    }

    /**
     * Finds presets by a part of their name, title or aliases.
     *
     * @param part what a person might enter; case does not matter
     * @return the presets, those first whose name begins with it
     */
    public static List<Preset> search(String part) {
        return Presets.builtIn().search(part);
    }

    /**
     * The presets that come with this library, and those of a file. A preset of the file replaces one of the same name.
     *
     * @param file JSON in the form of the library's own list, as the providers' README explains
     * @return both
     * @throws IOException if the file cannot be read
     * @throws IllegalArgumentException if something in it is wrong; the message names the provider and the member
     */
    public static Presets and(Path file) throws IOException {
        return Presets.builtIn().and(file);
    }

    private static String lowerCase(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
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
        return named("google").provider();
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
        return named("github").provider();
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
        return named("slack").provider();
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
        return named("slack-user").provider();
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
        return named("dropbox").provider();
    }

    /**
     * Discord.
     *
     * <p>A refresh token always comes, and every refresh brings another one. Access tokens live a week. The claim
     * {@code email} is there with the scope {@code email}, and {@code email_verified} says whether it was confirmed.
     * Callbacks name the server ({@code iss}); one without it is rejected.
     *
     * @return the preset
     * @see <a href="https://discord.com/developers/docs/topics/oauth2">OAuth2</a>
     */
    public static Provider discord() {
        return named("discord").provider();
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
        return named("linkedin").provider();
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
        return named("salesforce").with("host", lowerCase(environment)).provider();
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
        return named("salesforce").with("host", myDomain).provider();
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
        return named("auth0").with("host", domain).provider();
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
        return named("okta").with("host", domain).provider();
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
        return named("okta-authorization-server")
                .with("host", domain)
                .with("authorizationServer", authorizationServer)
                .provider();
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
        return named("keycloak").with("host", host).with("realm", realm).provider();
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
        return named("gitlab").provider();
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
        return named("gitlab").with("host", host).provider();
    }

    /**
     * Zoom, for applications that users add (not server-to-server ones).
     *
     * <p>A refresh token always comes, lives 90 days, and every refresh brings another one. Access tokens live an hour.
     * The reason of an error is in {@code reason}.
     *
     * <p>Not certain: the separator of scopes. The preset sends blanks; other projects send blanks or commas, and we
     * have not found it documented.
     *
     * @return the preset
     * @see <a href="https://developers.zoom.us/docs/integrations/oauth/">OAuth 2.0</a>
     */
    public static Provider zoom() {
        return named("zoom").provider();
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
        return named("notion").provider();
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
        return named("atlassian").provider();
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
        return named("hubspot").provider();
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
        return named("twitch").provider();
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
        return named("reddit").with("userAgent", userAgent).provider();
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
        return named("facebook").provider();
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
        return named("x").provider();
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
        return named("box").provider();
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
        return named("strava").provider();
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
        return named("shopify").with("subdomain", shop).provider();
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
        return named("stripe-connect").provider();
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
        return named("stripe-apps").provider();
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
        return named("apple").with("team", teamId).provider();
    }

    /**
     * Login with Amazon.
     *
     * <p>A refresh token always comes and is not rotated. The profile needs the scope {@code profile}. The APIs of
     * sellers and advertisers are at hosts of their own, and the one for sellers requires the token in a header of its
     * own: derive a variant.
     *
     * <p>Not in the preset: device logins ({@code /auth/o2/create/codepair} is not RFC 8628), revocation. Not certain:
     * the pages of Europe and the Far East where users sign in, which we know from other projects.
     *
     * @param region the region of the users' accounts
     * @return the preset
     * @see <a href="https://developer.amazon.com/docs/login-with-amazon/authorization-code-grant.html">Authorization
     *     code grant</a>
     */
    public static Provider amazon(AmazonRegion region) {
        return named("amazon")
                .with(
                        "region",
                        switch (region) {
                            case NORTH_AMERICA -> "na";
                            case EUROPE -> "eu";
                            case FAR_EAST -> "fe";
                        })
                .provider();
    }

    /**
     * Yahoo, with OpenID Connect.
     *
     * <p>A refresh token always comes. The redirect URI is repeated when refreshing, as Yahoo requires.
     *
     * <p>Not certain: whether refresh tokens are rotated. Yahoo Japan is another provider.
     *
     * @return the preset
     * @see <a href="https://developer.yahoo.com/oauth2/guide/flows_authcode/">Authorization code flow</a>
     */
    public static Provider yahoo() {
        return named("yahoo").provider();
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
        return named("zoho").with("dataCenter", lowerCase(dataCenter)).provider();
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
        return named("xero").provider();
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
        return named("quickbooks").with("environment", lowerCase(environment)).provider();
    }

    /**
     * Bitbucket Cloud.
     *
     * <p>A refresh token always comes and is not rotated. Access tokens live two hours. Scopes are set where the
     * application is registered. The profile needs the scope {@code account}.
     *
     * <p>Not in the preset: revocation; Bitbucket documents none. Not certain: that refresh tokens are not rotated, and
     * the two hours.
     *
     * @return the preset
     * @see <a href="https://support.atlassian.com/bitbucket-cloud/docs/use-oauth-on-bitbucket-cloud/">OAuth on
     *     Bitbucket Cloud</a>
     */
    public static Provider bitbucket() {
        return named("bitbucket").provider();
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
        return named("paypal").with("environment", lowerCase(environment)).provider();
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
        return named("asana").provider();
    }

    /**
     * DigitalOcean.
     *
     * <p>A refresh token always comes, and every refresh brings another one. Access tokens live 30 days. A grant
     * belongs to the team that the user chose.
     *
     * <p>Not in the preset: revocation ({@code POST /v1/oauth/revoke}), which carries the token in the form and again
     * as a bearer token, and no client authentication. Not certain: PKCE for applications with a secret; DigitalOcean
     * documents it for those without.
     *
     * @return the preset
     * @see <a href="https://docs.digitalocean.com/reference/api/oauth/">OAuth API</a>
     */
    public static Provider digitalOcean() {
        return named("digitalocean").provider();
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
        return named("linear").provider();
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
        return named("figma").provider();
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
        return named("fitbit").provider();
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
        return named("patreon").provider();
    }

    /**
     * Coinbase, for the accounts of its users (Coinbase App).
     *
     * <p>A refresh token comes with the scope {@code offline_access}, is good for one use and for a year and a half.
     * Access tokens live an hour.
     *
     * <p>Coinbase registers new applications for approved partners only.
     *
     * <p>Not in the preset: revocation, which wants the token in the form and again as a bearer token, and is not RFC
     * 7009. Not certain: the separator of scopes. The preset sends blanks, as Coinbase's guide does; its reference says
     * commas.
     *
     * @return the preset
     * @see <a href="https://docs.cdp.coinbase.com/coinbase-app/oauth2-integration/access-and-refresh-tokens">Access and
     *     refresh tokens</a>
     */
    public static Provider coinbase() {
        return named("coinbase").provider();
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
        return named("tiktok").provider();
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
        return named("instagram").provider();
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
        return named("mailchimp").provider();
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
        return named("ebay").with("environment", lowerCase(environment)).provider();
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
        return named("zitadel").with("host", host).provider();
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
        return named("uaa").with("host", host).provider();
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
        return named("wso2").with("host", host).provider();
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
        return named("servicenow").with("host", instance).provider();
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
        return named("square").with("environment", lowerCase(environment)).provider();
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
        return named("exactonline").with("site", lowerCase(site)).provider();
    }
}
