/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.grantkeeper.internal.answer.Reply;
import dev.grantkeeper.internal.answer.ServerJson;
import dev.grantkeeper.internal.api.RegistrationRenewal;
import dev.grantkeeper.internal.api.ServerRecord;
import dev.grantkeeper.internal.log.Log;
import dev.grantkeeper.internal.openid.Decryption;
import dev.grantkeeper.internal.openid.SignedMetadata;
import dev.grantkeeper.internal.provider.DialectFacts;
import dev.grantkeeper.internal.provider.Facts;
import dev.grantkeeper.internal.provider.ProviderFacts;
import dev.grantkeeper.internal.server.Endpoints;
import dev.grantkeeper.internal.server.MetadataDocuments;
import dev.grantkeeper.internal.wire.Http;
import dev.grantkeeper.provider.ClientAuthentication;
import dev.grantkeeper.provider.Provider;
import java.io.IOException;
import java.net.URI;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The application as servers come to know it: by hand, by a client ID metadata document, or because it registers
 * itself. Thread-safe.
 */
final class SelfRegistration implements RegistrationRenewal.Application {
    private final Settings settings;
    private final ApiOptions options;
    private final Http http;

    SelfRegistration(Settings settings, ApiOptions options, Http http) {
        this.settings = settings;
        this.options = options;
        this.http = http;
    }

    /** Fetches the metadata of a server. */
    String metadata(String issuer) throws IOException {
        try {
            MetadataDocuments.issuer(issuer, options.httpOnLoopback());
        } catch (IllegalArgumentException e) {
            throw new IOException(e.getMessage(), e);
        }
        try {
            return MetadataDocuments.fetch(
                    http, issuer, MetadataDocuments.Order.OAUTH_FIRST, json -> attested(issuer, json));
        } catch (IOException e) {
            if (!options.serversWithoutMetadata() || e.getCause() instanceof IllegalArgumentException) {
                throw e;
            }
            return usualEndpoints(issuer);
        }
    }

    /** The endpoints of a server that has no metadata, as the Model Context Protocol of 2025-03-26 defines them. */
    private static String usualEndpoints(String issuer) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("issuer", issuer);
        json.put("authorization_endpoint", issuer + "/authorize");
        json.put("token_endpoint", issuer + "/token");
        json.put("registration_endpoint", issuer + "/register");
        json.putArray("code_challenge_methods_supported").add("S256");
        return json.toString();
    }

    /** The part of a document that counts. */
    private String attested(String issuer, String metadata) {
        SignedMetadata signed = options.signedServerMetadata();
        return signed == null ? metadata : signed.attested(issuer, metadata, settings.clock);
    }

    /**
     * The provider that metadata describes, which may come from the store: of a time when the application trusted
     * others.
     */
    Provider provider(String issuer, String metadata) {
        Provider.Builder builder = Provider.builder(Discovery.nameOf(URI.create(issuer)));
        if (options.httpOnLoopback()) {
            builder.allowHttpOnLoopback();
        }
        return builder.metadata(issuer, attested(issuer, metadata)).build();
    }

    /**
     * Makes the endpoints of a server.
     *
     * @throws IllegalArgumentException if its metadata cannot be used
     * @throws IllegalStateException if the application cannot be a client there
     */
    Endpoints connect(ServerRecord server) {
        Provider provider = provider(server.issuer(), server.metadata());
        ApiOptions.ByHand byHand = options.byHand().get(server.issuer());
        String redirectUri = options.client().firstRedirectUri();
        if (byHand != null) {
            Settings its = settings.as(
                    byHand.clientId(),
                    byHand.secret(),
                    byHand.key(),
                    byHand.key() != null
                            ? ClientAuthentication.PRIVATE_KEY_JWT
                            : byHand.secret() == null
                                    ? ClientAuthentication.NONE
                                    : secretMethod(provider.clientAuthentication()),
                    redirectUri);
            its.check(provider);
            return Connector.connect(provider, its, Decryption.NONE, http);
        }
        String clientId = server.clientId();
        if (clientId == null) {
            throw new IllegalStateException("The application was registered by hand at " + server.issuer()
                    + " once, and is not any more: call registered(…) for it again");
        }
        check(server);
        ClientAuthentication way = authentication(server);
        String secret = way == ClientAuthentication.NONE ? null : server.secret();
        return Connector.connect(
                provider, settings.as(clientId, secret, null, way, redirectUri), Decryption.NONE, http);
    }

    private static ClientAuthentication secretMethod(ClientAuthentication preferred) {
        return preferred == ClientAuthentication.SECRET_POST || preferred == ClientAuthentication.SECRET_JWT
                ? preferred
                : ClientAuthentication.SECRET_BASIC;
    }

    private static ClientAuthentication authentication(ServerRecord client) {
        String named = client.authentication();
        String method = named == null ? (client.secret() == null ? "none" : "client_secret_basic") : named;
        return switch (method) {
            case "client_secret_basic" -> ClientAuthentication.SECRET_BASIC;
            case "client_secret_post" -> ClientAuthentication.SECRET_POST;
            case "client_secret_jwt" -> ClientAuthentication.SECRET_JWT;
            case "none" -> ClientAuthentication.NONE;
            default ->
                throw new IllegalArgumentException("The server " + client.issuer()
                        + " registered the application with the client authentication " + method
                        + ", which it did not ask for: register it there by hand and call registered(…)");
        };
    }

    @Override
    public boolean isRegisteredByHand(String issuer) {
        return options.byHand().containsKey(issuer);
    }

    @Override
    public @Nullable String documentUrl() {
        return options.client().documentUrl().orElse(null);
    }

    /** A server that reads another document refuses the user, in the browser: nothing of that would arrive here. */
    @Override
    public void checkDocument() {
        String url = documentUrl();
        if (url == null) {
            return;
        }
        try {
            Reply reply = http.get(url, null);
            ObjectNode served = ServerJson.read(reply.type(), reply.body(), DialectFacts.STANDARD);
            if (reply.status() != 200 || !options.client().isDocument(served)) {
                Log.warn(
                        "The client ID metadata document at {} is not what clientMetadata().json() returns (status {})."
                                + " Servers that read it will refuse logins: serve exactly that, as application/json",
                        url,
                        reply.status());
            }
        } catch (IOException e) {
            Log.debug("The client ID metadata document at {} could not be looked at from here", url);
        }
    }

    @Override
    public @Nullable String initialAccessToken(String issuer) {
        return options.initialAccessTokens().get(issuer);
    }

    @Override
    public ObjectNode registration(Provider server) {
        ProviderFacts facts = Facts.of(server);
        Set<String> methods = facts.tokenEndpointAuthMethods;
        // RFC 8414 section 2: the default is client_secret_basic. An application on a user's machine keeps no secret.
        List<String> wanted = options.client().isNative()
                ? List.of("none", "client_secret_basic", "client_secret_post")
                : List.of("client_secret_basic", "client_secret_post", "none");
        String method =
                wanted.stream().filter(methods::contains).findFirst().orElse(methods.isEmpty() ? wanted.get(0) : null);
        if (method == null) {
            throw new IllegalArgumentException("The server " + server.name() + " accepts the client authentications "
                    + methods + " only, none of which a client has that registers itself: register the application"
                    + " there by hand and call registered(…)");
        }
        return options.client().registration(method, Set.of());
    }

    @Override
    public void check(ServerRecord registered) {
        ClientAuthentication way = authentication(registered);
        if (way != ClientAuthentication.NONE && registered.secret() == null) {
            throw new IllegalArgumentException("The server " + registered.issuer()
                    + " registered the application with the client authentication " + way
                    + " and gave it no secret (RFC 7591 section 3.2.1)");
        }
    }
}
