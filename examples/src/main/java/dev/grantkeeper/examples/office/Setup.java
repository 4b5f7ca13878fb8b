/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.office;

import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.grantkeeper.provider.EntraId;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.testkit.Answer;
import dev.grantkeeper.testkit.FakeAuthorizationServer;
import dev.grantkeeper.testkit.Rotation;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * The settings of the add-in's server. Immutable; does not print secrets.
 *
 * @param provider Entra ID, or something that behaves like it
 * @param clientId the client id, as the registration in Entra shows it
 * @param clientSecret the client secret, likewise
 * @param api the base URL of Graph, its version included
 * @param here the address of this server
 * @param database the path of the H2 database, without {@code .mv.db}
 * @param secret the secret that seals the stored rows and signs the session cookie
 * @param secretBefore the previous secret, still good for reading; {@code null} if there is none
 * @param demo the authorization server of the demonstration; {@code null} when this is the real Entra
 */
record Setup(
        Provider provider,
        String clientId,
        @Nullable String clientSecret,
        String api,
        Here here,
        Path database,
        String secret,
        @Nullable String secretBefore,
        @Nullable FakeAuthorizationServer demo) {

    /** The tenant that the demonstration pretends to be. */
    static final String DEMO_TENANT = "3f6c1b5e-6f0a-4c0e-9a53-0d4d3a6f7b21";

    private static final String DEMO_DOMAIN = "@contoso.example";

    private static final JsonMapper JSON = new JsonMapper();

    /**
     * An address on this machine.
     *
     * @param https whether with a certificate; without, browsers accept the pane's cookie on a page of its own only
     * @param port the port to listen on
     * @param framedBy the origins whose pages may show the pane, as CSP writes them
     */
    record Here(boolean https, int port, List<String> framedBy) {
        /** The origins at which Office runs in browsers. */
        static final List<String> OFFICE = List.of(
                "https://*.officeapps.live.com",
                "https://*.office.com",
                "https://*.office365.com",
                "https://*.sharepoint.com",
                "https://*.microsoft.com");

        static Here https(int port) {
            return new Here(true, port, OFFICE);
        }

        static Here http(int port) {
            return new Here(false, port, OFFICE);
        }

        /** The name, not 127.0.0.1: Entra accepts it, and the certificate is for it. */
        String authority() {
            return "localhost:" + port;
        }

        String origin() {
            return (https ? "https://" : "http://") + authority();
        }

        String redirectUri() {
            return origin() + "/callback";
        }
    }

    /** The real Entra ID. The redirect URI has to be registered there, as one of the kind "Web". */
    static Setup entra(
            String tenant,
            String clientId,
            @Nullable String clientSecret,
            Here here,
            Path database,
            String secret,
            @Nullable String secretBefore) {
        Provider provider = EntraId.provider(tenant);
        String api = provider.apiOrigins().iterator().next() + "/v1.0";
        return new Setup(provider, clientId, clientSecret, api, here, database, secret, secretBefore, null);
    }

    /** No registration anywhere: a server of our own, in this process, that behaves as Entra does. */
    static Setup demo(FakeAuthorizationServer server, Duration tokenLifetime, Here here, Path database, String secret) {
        server.title("Contoso (a demonstration)")
                .user("alice", "Alice", "Archer", "alice" + DEMO_DOMAIN)
                .user("bob", "Bob", "Baker", "bob" + DEMO_DOMAIN)
                .client("office-add-in", "demo-secret", here.redirectUri())
                .clientName("office-add-in", "Office add-in")
                .scopeText("https://graph.microsoft.com/User.Read", "Read your profile in Microsoft Graph")
                .rotation(Rotation.GRACE)
                .accessTokenLifetime(tokenLifetime)
                .idTokenClaims(Setup::asEntraDoes)
                .onApiRequest((request, answer) ->
                        request.path().equals("/api/v1.0/me") && answer.status() == 200 ? asGraphDoes(answer) : answer);
        // The same preset, pointed elsewhere. Nothing else in this program knows the difference.
        Provider provider = server.provider(EntraId.provider(DEMO_TENANT))
                .newBuilder()
                .revocationEndpoint(server.revocationEndpoint()) // Entra has none
                .build();
        return new Setup(
                provider,
                "office-add-in",
                "demo-secret",
                server.url() + "/api/v1.0",
                here,
                database,
                secret,
                null,
                server);
    }

    private static Map<String, Object> asEntraDoes(Map<String, Object> claims) {
        String user = String.valueOf(claims.get("sub"));
        claims.put(
                "oid",
                UUID.nameUUIDFromBytes(user.getBytes(StandardCharsets.UTF_8)).toString());
        claims.put("tid", DEMO_TENANT);
        claims.put("ver", "2.0");
        Object name = claims.get("email"); // the user principal name
        claims.put("preferred_username", name);
        claims.put("unique_name", name); // the same in version 1.0
        return claims;
    }

    private static Answer asGraphDoes(Answer answer) {
        try {
            String user = JSON.readTree(answer.text()).path("user").asText();
            Map<String, Object> me = new LinkedHashMap<>();
            me.put("displayName", user.equals("bob") ? "Bob Baker" : "Alice Archer");
            me.put("userPrincipalName", user + DEMO_DOMAIN);
            me.put("jobTitle", "Accountant");
            me.put("officeLocation", "Room 4.12");
            return answer.body(JSON.writeValueAsString(me));
        } catch (IOException e) {
            throw new IllegalStateException("The demonstration's API returned no JSON", e);
        }
    }

    @Override
    public String toString() {
        return "Setup[" + provider.name() + ", " + here.origin() + ", " + database + "]";
    }
}
