/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.provider;

import java.time.Duration;
import java.util.Locale;

/**
 * Microsoft Entra ID (Azure AD), version 2.0 of its endpoints, for any tenant in any of its clouds.
 *
 * <ul>
 *   <li>A refresh token comes only with the scope {@code offline_access}. It is good for 90 days after its last use; each
 *       refresh brings a new one, and the old one stays good.
 *   <li>Ask for scopes of one API at a time, for example {@code openid}, {@code profile}, {@code offline_access} and
 *       {@code https://graph.microsoft.com/User.Read}.
 *   <li>Version 1.0 of the endpoints took a {@code resource}. Version 2.0 refuses that parameter (AADSTS901002);
 *       {@link #scopeForResource} tells which scope replaces it.
 *   <li>A program on the user's own machine registers {@code http://localhost}; {@code 127.0.0.1} needs an edit of the
 *       manifest.
 *   <li>There is no revocation endpoint.
 *   <li>Instead of a secret there may be a certificate: {@code signingKey(SigningKey.of(key).certificate(certificate))}.
 *   <li>An application that answers claims challenges says so with
 *       {@link Provider.Builder#clientCapabilities clientCapabilities("cp1")}.
 * </ul>
 *
 * @see <a href="https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow">Authorization code flow</a>
 * @see <a href="https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud">National clouds</a>
 */
public final class EntraId {
    /** Where Entra ID runs. */
    public enum Cloud {
        /** The public cloud. */
        PUBLIC("login.microsoftonline.com", "https://graph.microsoft.com"),
        /** Azure for US Government. */
        US_GOVERNMENT("login.microsoftonline.us", "https://graph.microsoft.us"),
        /** Azure in China, operated by 21Vianet. */
        CHINA("login.partner.microsoftonline.cn", "https://microsoftgraph.chinacloudapi.cn");

        private final String loginHost;
        private final String graph;

        Cloud(String loginHost, String graph) {
            this.loginHost = loginHost;
            this.graph = graph;
        }
    }

    /** The tenant of personal Microsoft accounts, the same everywhere. */
    private static final String CONSUMERS = "9188040d-6c67-4c5b-b112-36a304b66dad";

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
     * @param cloud where the tenant lives
     * @return the preset, with the cloud's Microsoft Graph as the one API origin; {@link Provider#newBuilder()} adds others
     * @throws IllegalArgumentException if the tenant is none of these
     */
    public static Provider provider(String tenant, Cloud cloud) {
        String name = tenant.toLowerCase(Locale.ROOT);
        // One path segment, nothing else: no value can move the URL to another host or path.
        if (!name.matches("[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?(?:\\.[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?)*")
                || name.length() > 253) {
            throw new IllegalArgumentException(
                    "A tenant is its id (a GUID), one of its domains, common, organizations or consumers; not: "
                            + tenant);
        }
        String base = "https://" + cloud.loginHost + "/" + name;
        return Provider.builder("entra-" + (name.length() > 50 ? name.substring(0, 50) : name))
                .documentation("https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow")
                .authorizationEndpoint(base + "/oauth2/v2.0/authorize")
                .tokenEndpoint(base + "/oauth2/v2.0/token")
                .deviceAuthorizationEndpoint(base + "/oauth2/v2.0/devicecode")
                .endSessionEndpoint(base + "/oauth2/v2.0/logout")
                .openId(issuer(name, cloud), base + "/discovery/v2.0/keys")
                .apiOrigins(cloud.graph)
                .clientAuthentication(ClientAuthentication.SECRET_POST)
                .assertionAudience(base + "/oauth2/v2.0/token")
                .forbiddenParameter(
                        "resource",
                        "version 2.0 of Entra ID has no resource (AADSTS901002). Ask for the scope that"
                                + " EntraId.scopeForResource(resource) returns")
                .loopback(Provider.Loopback.NAME)
                .resourceStyle(Provider.ResourceStyle.DEFAULT_SCOPE)
                .replay(Provider.Replay.PROMPT)
                .refreshTokenLifetime(Duration.ofDays(90), Provider.Anchor.LAST_USE)
                .build();
    }

    private static String issuer(String tenant, Cloud cloud) {
        boolean guid = tenant.matches("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}");
        String id = guid ? tenant : tenant.equals("consumers") ? CONSUMERS : "{tenantid}";
        return "https://" + cloud.loginHost + "/" + id + "/v2.0";
    }

    /**
     * What replaces the {@code resource} parameter of version 1.0: the scope that stands for all permissions that the
     * application was registered with at that resource.
     *
     * <p>{@code https://graph.microsoft.com} becomes {@code https://graph.microsoft.com/.default}. A resource that ends in a
     * slash keeps it, so that the token's audience does: {@code https://host/} becomes {@code https://host//.default}. Such a
     * scope cannot be mixed with named scopes of the same resource.
     *
     * @param resource the App ID URI of an API, as version 1.0 took it
     * @return the scope to ask for
     */
    public static String scopeForResource(String resource) {
        if (resource.isBlank() || resource.chars().anyMatch(c -> c <= ' ' || c >= 0x7f)) {
            throw new IllegalArgumentException("A resource is an App ID URI without blanks: " + resource);
        }
        return resource + "/.default";
    }
}
