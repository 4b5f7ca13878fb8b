/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.provider;

import java.time.Duration;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Microsoft Entra ID (Azure AD), for any tenant in any of its clouds: version 2.0 of its endpoints, version 1.0 for
 * what is still registered there, and External ID for customers.
 *
 * <p><b>Logins.</b>
 *
 * <ul>
 *   <li>Request scopes of one API at a time, for example {@code openid}, {@code profile}, {@code offline_access} and
 *       {@code https://graph.microsoft.com/User.Read}. {@code account.forResource(…)} has tokens for other APIs, from
 *       the same login.
 *   <li>Redirect URIs are https, or {@code http://localhost} with any port for a program on the user's own machine.
 *       {@code 127.0.0.1} needs an edit of the manifest, {@code [::1]} is not accepted at all. Spotify does it the
 *       other way round, so a program that signs in to both needs two redirect URIs.
 *   <li>Register redirect URIs of the kind "Web" or "Mobile and desktop", not "Single-page application": only browsers
 *       can redeem a code for one of those, and its refresh token expires after 24 hours, however often it is used.
 *   <li>With {@code formPost()} another site posts the callback, so the cookie that belongs to it is
 *       {@code SameSite=None; Secure}.
 *   <li>{@code prompt("select_account")} lets the user choose, without a {@code loginHint} beside it;
 *       {@code parameter("domain_hint", "contoso.com")} skips the first page.
 *   <li>An administrator consents for everybody at {@code https://login.microsoftonline.com/<tenant>/v2.0/adminconsent}
 *       (parameters {@code client_id}, {@code scope}, {@code redirect_uri}, {@code state}).
 * </ul>
 *
 * <p><b>Tenants.</b> {@code common} accepts everybody, {@code organizations} everybody but personal accounts,
 * {@code consumers} only those. With these three, and with a domain, request {@code profile}: ID tokens name their
 * tenant only then. An application for certain organisations names them, and ID tokens of all others are rejected:
 *
 * <pre>{@code
 * Provider entra = EntraId.provider("organizations").newBuilder()
 *     .tenants("8eaef023-2b34-4da1-9baa-8bc8c9d6a490", "f24341ef-7a6f-4cff-abb7-99a11ab11127")
 *     .build();
 * }</pre>
 *
 * <p><b>Identity.</b> One name for each claim, whichever version issued the ID token:
 *
 * <table>
 *   <caption>From claims to {@code Identity}</caption>
 *   <tr><th>{@code Identity}</th><th>version 2.0</th><th>version 1.0</th></tr>
 *   <tr><td>{@code id()}: find users by this</td><td>{@code iss}, {@code sub}</td>
 *       <td>{@code iss}, {@code sub}</td></tr>
 *   <tr><td>{@code claim("tid")}, {@code claim("oid")}</td><td>with the scope {@code profile}</td><td>always</td></tr>
 *   <tr><td>{@code name()}</td><td>with {@code profile}</td><td>often missing; then given and family name</td></tr>
 *   <tr><td>{@code givenName()}, {@code familyName()}</td>
 *       <td>optional claims of the registration, or {@code fetchProfile()}</td><td>always</td></tr>
 *   <tr><td>{@code userName()}, to show only</td><td>{@code preferred_username}</td>
 *       <td>{@code unique_name}, {@code upn}</td></tr>
 *   <tr><td>{@code claim("ver")}</td><td>{@code 2.0}</td><td>{@code 1.0}</td></tr>
 * </table>
 *
 * User names and e-mail addresses change hands. Tenant and object id together name the same person to all applications
 * and in both versions; {@code id()} does so to one application in one version. An application that moves from version
 * 1.0 to 2.0 looks up each user by {@code tid} and {@code oid} once. {@code fetchProfile()} calls Graph, so it needs a
 * token for Graph.
 *
 * <p><b>Tokens.</b>
 *
 * <ul>
 *   <li>A refresh token comes with the scope {@code offline_access} only. It expires 90 days after its last use; each
 *       refresh brings a new one, and the old one stays valid. An administrator, a policy or a changed password may
 *       revoke it earlier.
 *   <li>Version 2.0 and External ID get the grant's scopes with each refresh: without them Entra chooses the API, and
 *       refuses a refresh for an API of the application itself (AADSTS90009). A grant that is imported needs its scopes
 *       for that, {@code TokenSet.Builder.scopes(…)}. A provider that was discovered, or describes Azure AD B2C, calls
 *       {@link Dialect#scopesOnRefresh scopesOnRefresh("offline_access")}.
 *   <li>There is no revocation endpoint, and signing out in the browser ({@code newLogout()}) revokes no refresh token.
 *       {@code newLogout().logoutHint(…)} takes the optional claim {@code login_hint}, and spares the user a list of
 *       accounts.
 *   <li>A policy may require another factor before the next refresh: the grant is then still valid, and a login has to
 *       come first. A policy that no user can satisfy is reported as such. Both are recognized by {@code error} and
 *       {@code suberror}; the AADSTS numbers, which change, are for people.
 *   <li>An application that answers claims challenges declares so with {@link Provider.Builder#clientCapabilities
 *       clientCapabilities("cp1")}. A challenge may name an authorization server; the library never contacts it.
 * </ul>
 *
 * <p><b>Applications.</b>
 *
 * <ul>
 *   <li>The secret is the "Value" of the portal, not the "Secret ID".
 *   <li>Instead of a secret there may be a certificate:
 *       {@code signingKey(SigningKey.of(key).certificate(certificate))}. It signs with PS256 and is named by its
 *       SHA-256 thumbprint ({@code x5t#S256}), as Entra's documentation now requires. Older code uses
 *       {@code SigningKey.algorithm("RS256")}.
 *   <li>An application with a signing key of its own (claims mapping) finds it at the same key URL with {@code ?appid=}
 *       and the client id appended: {@code newBuilder().openId(issuer, url)}.
 *   <li>The application's own account ({@code application()}) needs a tenant's id or domain, and the scope that
 *       {@link #scopeForResource} returns. With {@code common}, {@code organizations} and {@code consumers} there is no
 *       such account.
 *   <li>A middle tier exchanges tokens with {@code TokenExchange.onBehalfOf}, a terminal signs in with
 *       {@code startOnDevice()}.
 * </ul>
 *
 * @see <a href="https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow">Authorization code
 *     flow</a>
 * @see <a href="https://learn.microsoft.com/entra/identity-platform/reply-url">Redirect URIs</a>
 * @see <a href="https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference">Claims of ID tokens</a>
 * @see <a href="https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud">National clouds</a>
 */
public final class EntraId {
    /**
     * A cloud that Entra ID runs in. A tenant lives in one cloud, and no other knows it (AADSTS900439, AADSTS90002).
     * Each cloud has one login host here; its other names, such as {@code login.windows.net} and
     * {@code login.chinacloudapi.cn}, lead to the same users. Later versions may add constants.
     */
    public enum Cloud {
        /** The public cloud, the US government's GCC included. */
        PUBLIC("login.microsoftonline.com", "sts.windows.net", "https://graph.microsoft.com"),
        /** Azure for US Government, GCC High. */
        US_GOVERNMENT("login.microsoftonline.us", "sts.windows.net", "https://graph.microsoft.us"),
        /**
         * Azure for the US Department of Defense: logins as in {@link #US_GOVERNMENT}, and a Microsoft Graph of its
         * own.
         */
        US_GOVERNMENT_DOD("login.microsoftonline.us", "sts.windows.net", "https://dod-graph.microsoft.us"),
        /** Azure in China, operated by 21Vianet. */
        CHINA("login.partner.microsoftonline.cn", "sts.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn");

        private final String loginHost;
        private final String issuerOfVersion1;
        private final String graph;

        Cloud(String loginHost, String issuerOfVersion1, String graph) {
            this.loginHost = loginHost;
            this.issuerOfVersion1 = issuerOfVersion1;
            this.graph = graph;
        }
    }

    /** The tenant of personal Microsoft accounts, the same everywhere. */
    private static final String CONSUMERS = "9188040d-6c67-4c5b-b112-36a304b66dad";

    private static final String ANY_TENANT = "{tenantid}";

    private EntraId() {}

    /**
     * A tenant in the public cloud.
     *
     * @param tenant the tenant's id or one of its verified domains, or {@code common}, {@code organizations},
     *     {@code consumers}
     * @return the preset
     * @throws IllegalArgumentException if the tenant is none of these
     */
    public static Provider provider(String tenant) {
        return provider(tenant, Cloud.PUBLIC);
    }

    /**
     * A tenant in any cloud.
     *
     * @param tenant the tenant's id or one of its verified domains, or {@code common}, {@code organizations},
     *     {@code consumers}
     * @param cloud the cloud that the tenant lives in
     * @return the preset, with the cloud's Microsoft Graph as the one API origin; {@link Provider#newBuilder()} adds
     *     others
     * @throws IllegalArgumentException if the tenant is none of these
     */
    public static Provider provider(String tenant, Cloud cloud) {
        String name = checkTenant(tenant);
        String base = "https://" + cloud.loginHost + "/" + name;
        String id = name.equals("consumers") ? CONSUMERS : idIn(name);
        Provider.Builder builder = version2(
                Placeholders.name("entra", name), base, "https://" + cloud.loginHost + "/" + id + "/v2.0", cloud);
        if (name.equals("organizations")) {
            builder.refusedTenants(CONSUMERS);
        }
        return builder.noApplicationTokens(noApplicationTokens(name)).build();
    }

    /**
     * Version 1.0 of the endpoints, for applications and APIs that are still registered there.
     *
     * <p>It grants the permissions that the registration lists, for one API at a time, and ignores scopes except
     * {@code openid}, which makes it sign its ID tokens. The API is named by its App ID URI as the registration's
     * resource; a refresh token always comes:
     *
     * <pre>{@code
     * Grantkeeper.builder(EntraId.version1("contoso.com"))
     *     .scopes("openid")
     *     .resources("https://graph.microsoft.com")
     *     …
     * }</pre>
     *
     * {@code account.forResource("https://vault.azure.net")} has tokens for another API, from the same login. With
     * {@code prompt("admin_consent")} an administrator consents for everybody. The device flow of version 1.0 has other
     * parameters and is not supported. Neither version accepts ID tokens of the other, and users of version 1.0 sign in
     * once more when they come to version 2.0.
     *
     * @param tenant the tenant's id or one of its verified domains, or {@code common}. Personal accounts came with
     *     version 2.0
     * @return the preset
     * @throws IllegalArgumentException if the tenant is none of these
     * @see #scopeForResource
     */
    public static Provider version1(String tenant) {
        return version1(tenant, Cloud.PUBLIC);
    }

    /**
     * Version 1.0 of the endpoints, in any cloud.
     *
     * @param tenant the tenant's id or one of its verified domains, or {@code common}
     * @param cloud the cloud that the tenant lives in
     * @return the preset, with the cloud's Microsoft Graph as the one API origin; {@link Provider#newBuilder()} adds
     *     others
     * @throws IllegalArgumentException if the tenant is none of these
     * @see #version1(String)
     */
    public static Provider version1(String tenant, Cloud cloud) {
        String name = checkTenant(tenant);
        if (name.equals("organizations") || name.equals("consumers") || name.equals(CONSUMERS)) {
            throw new IllegalArgumentException(
                    "Version 1.0 of Entra ID knows common, ids and domains of tenants, but not " + tenant
                            + ". Use EntraId.provider(\"" + tenant + "\")");
        }
        String base = "https://" + cloud.loginHost + "/" + name;
        return both(Placeholders.name("entra-v1", name), cloud)
                .documentation("https://learn.microsoft.com/previous-versions/azure/active-directory/azuread-dev/"
                        + "v1-protocols-oauth-code")
                .authorizationEndpoint(base + "/oauth2/authorize")
                .tokenEndpoint(base + "/oauth2/token")
                .endSessionEndpoint(base + "/oauth2/logout")
                .openId("https://" + cloud.issuerOfVersion1 + "/" + idIn(name) + "/", base + "/discovery/keys")
                .assertionAudience(base + "/oauth2/token")
                .noApplicationTokens(noApplicationTokens(name))
                .resourceStyle(Provider.ResourceStyle.PARAMETER)
                .build();
    }

    /**
     * A tenant of External ID (CIAM), where customers sign in. Its login host holds the tenant's name, its issuer the
     * tenant's id, so both have to be given.
     *
     * @param name the tenant's name: the part before {@code .ciamlogin.com}, and before {@code .onmicrosoft.com}
     * @param tenantId the tenant's id
     * @return the preset, with Microsoft Graph as the one API origin; {@link Provider#newBuilder()} adds others
     * @throws IllegalArgumentException if the name is not a label of a domain, or the id not a GUID
     * @see <a href="https://learn.microsoft.com/entra/external-id/customers/overview-customers-ciam">External ID</a>
     */
    public static Provider externalId(String name, String tenantId) {
        String host = Placeholders.label("The name of an External ID tenant", name);
        String id = tenantId.toLowerCase(Locale.ROOT);
        if (!id.matches(Provider.TENANT_ID)) {
            throw new IllegalArgumentException("The id of a tenant is a GUID; not: " + tenantId);
        }
        return version2(
                        "entra-" + host + ".ciamlogin.com",
                        "https://" + host + ".ciamlogin.com/" + id,
                        "https://" + id + ".ciamlogin.com/" + id + "/v2.0",
                        Cloud.PUBLIC)
                .documentation("https://learn.microsoft.com/entra/external-id/customers/overview-customers-ciam")
                .build();
    }

    private static Provider.Builder version2(String name, String base, String issuer, Cloud cloud) {
        return both(name, cloud)
                .documentation("https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow")
                .authorizationEndpoint(base + "/oauth2/v2.0/authorize")
                .tokenEndpoint(base + "/oauth2/v2.0/token")
                .deviceAuthorizationEndpoint(base + "/oauth2/v2.0/devicecode")
                .endSessionEndpoint(base + "/oauth2/v2.0/logout")
                .userInfoEndpoint(cloud.graph + "/oidc/userinfo")
                .openId(issuer, base + "/discovery/v2.0/keys")
                .assertionAudience(base + "/oauth2/v2.0/token")
                .forbiddenParameter(
                        "resource",
                        "version 2.0 of Entra ID has no resource (AADSTS901002). Request the scope that"
                                + " EntraId.scopeForResource(resource) returns, or use EntraId.version1(tenant)")
                .resourceStyle(Provider.ResourceStyle.DEFAULT_SCOPE)
                // Otherwise a refresh for an API of the application itself is refused (AADSTS90009).
                .dialect(d -> d.scopesOnRefresh("offline_access"));
    }

    private static Provider.Builder both(String name, Cloud cloud) {
        return Provider.builder(name)
                .apiOrigins(cloud.graph)
                .clientAuthentication(ClientAuthentication.SECRET_POST)
                .loopback(Provider.Loopback.NAME)
                .replay(Provider.Replay.PROMPT)
                .refreshTokenLifetime(Duration.ofDays(90), Provider.Anchor.LAST_USE)
                .dialect(EntraId::errors);
    }

    /**
     * Errors that the user can fix without losing the grant, and those that nobody at the keyboard can. After an
     * {@code invalid_grant} with any other suberror, or none, the grant is gone.
     */
    private static void errors(Dialect dialect) {
        dialect.error("interaction_required", Dialect.Meaning.INTERACTION)
                .error("consent_required", Dialect.Meaning.INTERACTION)
                .error("invalid_grant/basic_action", Dialect.Meaning.INTERACTION)
                .error("invalid_grant/additional_action", Dialect.Meaning.INTERACTION)
                .error("invalid_grant/consent_required", Dialect.Meaning.INTERACTION)
                .error("invalid_grant/user_password_expired", Dialect.Meaning.INTERACTION)
                .error("invalid_grant/message_only", Dialect.Meaning.BLOCKED)
                .error("interaction_required/message_only", Dialect.Meaning.BLOCKED);
    }

    private static String checkTenant(String tenant) {
        // One path segment, nothing else: no value can move the URL to another host or path.
        return Placeholders.domain(
                "A tenant", "its id (a GUID), one of its domains, common, organizations or consumers", tenant);
    }

    /** An application is somebody in a tenant; in all of them at once it is nobody. */
    private static @Nullable String noApplicationTokens(String tenant) {
        return Set.of("common", "organizations", "consumers", CONSUMERS).contains(tenant)
                ? "an application has tokens of its own in one tenant (AADSTS9001023, AADSTS90124). Build another"
                        + " Grantkeeper with that tenant's id in place of " + tenant
                : null;
    }

    /** The tenant as an issuer names it. The tenant of a domain is known only from its tokens. */
    private static String idIn(String tenant) {
        return tenant.matches(Provider.TENANT_ID) ? tenant : ANY_TENANT;
    }

    /**
     * The scope that replaces the {@code resource} parameter of version 1.0. It stands for all permissions that the
     * application was registered with at that resource.
     *
     * <p>{@code https://graph.microsoft.com} becomes {@code https://graph.microsoft.com/.default}. A resource that ends
     * in a slash keeps it, so that the token's audience does: {@code https://host/} becomes
     * {@code https://host//.default}. Such a scope cannot be mixed with named scopes of the same resource.
     *
     * @param resource the App ID URI of an API, as version 1.0 took it
     * @return the scope to request
     */
    public static String scopeForResource(String resource) {
        if (resource.isBlank() || resource.chars().anyMatch(c -> c <= ' ' || c >= 0x7f)) {
            throw new IllegalArgumentException("A resource is an App ID URI without blanks: " + resource);
        }
        return resource + "/.default";
    }
}
