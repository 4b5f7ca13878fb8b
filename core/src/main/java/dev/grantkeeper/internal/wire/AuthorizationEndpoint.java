/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.wire;

import com.fasterxml.jackson.databind.node.ObjectNode;
import com.nimbusds.oauth2.sdk.AuthorizationRequest;
import com.nimbusds.oauth2.sdk.ResponseType;
import com.nimbusds.oauth2.sdk.Scope;
import com.nimbusds.oauth2.sdk.id.ClientID;
import com.nimbusds.oauth2.sdk.id.State;
import com.nimbusds.oauth2.sdk.pkce.CodeChallengeMethod;
import com.nimbusds.oauth2.sdk.pkce.CodeVerifier;
import com.nimbusds.openid.connect.sdk.Nonce;
import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.answer.Claims;
import dev.grantkeeper.internal.answer.RequestFailedException;
import dev.grantkeeper.internal.answer.ServerJson;
import dev.grantkeeper.internal.answer.ServerTimes;
import dev.grantkeeper.internal.protocol.Origins;
import dev.grantkeeper.internal.provider.Facts;
import dev.grantkeeper.internal.provider.ProviderFacts;
import dev.grantkeeper.provider.LoginProtection;
import dev.grantkeeper.provider.Provider;
import java.net.URI;
import java.security.KeyPair;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.UnaryOperator;
import okhttp3.HttpUrl;
import org.jspecify.annotations.Nullable;

/**
 * The provider's authorization endpoint (RFC 6749 section 3.1), as one client sees it, and the endpoint for pushed
 * requests (RFC 9126). Thread-safe.
 */
public final class AuthorizationEndpoint {
    private static final int BYTES = 32;
    private static final int MAX_REFERENCE = 1024;

    /** RFC 9101 section 5.2. */
    private static final int MAX_PUBLISHED = 512;

    private final ProviderFacts provider;
    private final Client client;
    private final Set<LoginProtection> protections;
    private final boolean formPost;
    private final @Nullable Encryption encryption;
    private final @Nullable JsonEndpoint pushing;
    private final @Nullable UnaryOperator<String> publisher;
    private final InstantSource clock;

    /** Encrypts requests to the server. */
    @FunctionalInterface
    public interface Encryption {
        /**
         * Encrypts a signed request.
         *
         * @throws RequestFailedException if the server's keys cannot be fetched or used; the request is then not sent
         */
        String encrypt(String request) throws RequestFailedException;
    }

    /**
     * One client's view of a provider.
     *
     * @param encryption encrypts requests; {@code null} if the provider has no keys
     * @param publisher puts a request where the server can fetch it, and returns the URL; {@code null} for requests by
     *     value
     */
    public AuthorizationEndpoint(
            Provider provider,
            Client client,
            Set<LoginProtection> protections,
            boolean formPost,
            @Nullable Encryption encryption,
            @Nullable UnaryOperator<String> publisher,
            Http http,
            InstantSource clock) {
        this.provider = Facts.of(provider);
        this.client = client;
        this.protections = protections;
        this.formPost = formPost;
        this.encryption = encryption;
        this.publisher = publisher;
        this.clock = clock;
        this.pushing = !protections.contains(LoginProtection.PUSHED_REQUEST)
                ? null
                : new JsonEndpoint(
                        "pushed authorization request endpoint",
                        http,
                        client,
                        provider.pushedAuthorizationRequestEndpoint().orElseThrow(),
                        clock);
    }

    /**
     * A request, and the secrets that tie the callback to this browser. {@code toString} shows none of it.
     *
     * @param url the URL for the browser
     * @param urlExpiresAt its expiry; {@code null} if there is none
     * @param state random, 256 bits
     * @param codeVerifier random, 256 bits; {@code null} if the server does not support PKCE
     * @param nonce random, 256 bits; {@code null} without OpenID Connect
     */
    public record Request(
            String url,
            @Nullable Instant urlExpiresAt,
            String state,
            @Nullable String codeVerifier,
            @Nullable String nonce) {
        @Override
        public String toString() {
            return "Request[to the authorization endpoint]";
        }
    }

    /** The parameters that the browser carries, and the time until which the server understands them. */
    private record Carried(
            Map<String, String> parameters, @Nullable Instant until) {}

    /**
     * Makes a request.
     *
     * @param redirectUri the redirect URI
     * @param scopes exactly the scopes to request
     * @param parameters further parameters
     * @param key the key that the grant is going to be bound to (RFC 9449 section 10); {@code null} for none
     * @throws RequestFailedException if it was to be pushed or signed, and could not be; it is then not sent in another
     *     way
     */
    public Request request(
            String redirectUri, Set<String> scopes, Map<String, String> parameters, @Nullable KeyPair key)
            throws RequestFailedException {
        if (provider.authorizationEndpoint.equals(ProviderFacts.MISSING)) {
            throw new RequestFailedException(new Answer.Failure(
                    Answer.Kind.MISCONFIGURED,
                    0,
                    null,
                    "The metadata of " + provider.name
                            + " names no authorization endpoint: it signs no users in through" + " a browser",
                    null,
                    null));
        }
        State state = new State(BYTES);
        CodeVerifier verifier = provider.pkce ? new CodeVerifier() : null;
        Nonce nonce = scopes.contains("openid") ? new Nonce(BYTES) : null;
        AuthorizationRequest.Builder request = new AuthorizationRequest.Builder(
                        bringsIdToken() ? ResponseType.CODE_IDTOKEN : new ResponseType(ResponseType.Value.CODE),
                        new ClientID(client.id()))
                .redirectionURI(URI.create(redirectUri))
                .state(state);
        if (verifier != null) {
            request.codeChallenge(verifier, CodeChallengeMethod.S256);
        }
        if (!scopes.isEmpty()) {
            request.scope(new Scope(String.join(provider.scopeSeparator, scopes)));
        }
        Map<String, String> all = new LinkedHashMap<>();
        request.build().toParameters().forEach((name, values) -> all.put(name, values.get(0)));
        provider.dialect.parameterNames.forEach((standard, name) -> rename(all, standard, name));
        if (nonce != null) {
            all.put("nonce", nonce.getValue());
        }
        boolean signed = protections.contains(LoginProtection.SIGNED_RESPONSE);
        if (signed) {
            all.put("response_mode", "jwt");
        }
        all.putAll(provider.authorizationParameters);
        all.putAll(parameters);
        if (formPost) {
            all.put("response_mode", signed ? "form_post.jwt" : "form_post");
        }
        String capabilities = Claims.ofCapabilities(provider.clientCapabilities);
        if (capabilities != null) {
            all.put("claims", Claims.merged(parameters.get("claims"), capabilities));
        }
        if (key != null) {
            // Nobody who steals the code can redeem it with another key.
            all.put("dpop_jkt", DPoP.thumbprint(key));
        }

        Carried carried = protect(all, key);
        // Not AuthorizationRequest.toURI(): that decodes the query which an endpoint may have, and forgets to encode
        // it again.
        HttpUrl.Builder url =
                HttpUrl.get(provider.authorizationEndpoint.toString()).newBuilder();
        carried.parameters().forEach((name, value) -> {
            url.removeAllQueryParameters(name);
            Client.values(name, value).forEach(one -> url.addQueryParameter(name, one));
        });
        return new Request(
                url.build().toString(),
                carried.until(),
                state.getValue(),
                verifier == null ? null : verifier.getValue(),
                nonce == null ? null : nonce.getValue());
    }

    /** Whether responses bring an ID token beside the code. */
    public boolean bringsIdToken() {
        return protections.contains(LoginProtection.DETACHED_SIGNATURE);
    }

    /** Whether responses have to be encrypted. */
    public boolean demandsEncryption() {
        return protections.contains(LoginProtection.ENCRYPTED_RESPONSE);
    }

    private static void rename(Map<String, String> parameters, String name, String provider) {
        String value = parameters.remove(name);
        if (value != null) {
            parameters.put(provider, value);
        }
    }

    /**
     * Whether a callback comes from the provider, as far as the provider has a way of its own to sign it.
     *
     * @param query the query, as it came
     */
    public boolean vouchesFor(String query) {
        String name = provider.dialect.callbackHmac;
        return name == null || client.hasHmac(query, name);
    }

    private Carried protect(Map<String, String> parameters, @Nullable KeyPair key) throws RequestFailedException {
        Carried carried = new Carried(parameters, null);
        if (protections.contains(LoginProtection.SIGNED_REQUEST)) {
            carried = signed(parameters);
        }
        return pushing == null ? carried : pushed(pushing, carried.parameters(), key);
    }

    /**
     * RFC 9101 section 5. What the browser carries has to be a valid request besides (OpenID Connect Core section 6.1):
     * those parameters stand outside, too, with the same values. Nothing else does that could be changed on the way.
     * The request itself is there, or the URL of it (section 6.2).
     */
    private Carried signed(Map<String, String> parameters) throws RequestFailedException {
        Client.SignedRequest request = client.sign(parameters);
        Map<String, String> outside = new LinkedHashMap<>();
        outside.put("client_id", client.id());
        if (pushing == null) {
            for (String name :
                    List.of(provider.dialect.parameterName("response_type"), provider.dialect.parameterName("scope"))) {
                String value = parameters.get(name);
                if (value != null) {
                    outside.put(name, value);
                }
            }
        }
        String jwt = request.jwt();
        if (protections.contains(LoginProtection.ENCRYPTED_REQUEST)) {
            jwt = Objects.requireNonNull(encryption).encrypt(jwt);
        }
        if (publisher == null) {
            outside.put("request", jwt);
        } else {
            outside.put("request_uri", checked(publisher.apply(jwt)));
        }
        return new Carried(outside, request.until());
    }

    /** OpenID Connect Core section 6.2, RFC 9101 section 5.2. */
    private String checked(String url) {
        HttpUrl parsed = HttpUrl.parse(url);
        if (parsed == null
                || !url.equals(parsed.toString())
                || !parsed.username().isEmpty()
                || !parsed.password().isEmpty()
                || url.length() > MAX_PUBLISHED
                || !(parsed.isHttps() || (provider.httpOnLoopback && Origins.isLoopback(parsed.host())))) {
            throw new IllegalStateException("requestUri(…) has to return an https URL without user, of at most "
                    + MAX_PUBLISHED + " ASCII characters and as a browser writes it");
        }
        return url;
    }

    /** RFC 9126 section 2, with the proof of RFC 9449 section 10.1. */
    private Carried pushed(JsonEndpoint endpoint, Map<String, String> parameters, @Nullable KeyPair key)
            throws RequestFailedException {
        Instant now = clock.instant();
        ObjectNode answer = endpoint.post(parameters, List.of(parameters.getOrDefault("state", "")), key);
        String reference = ServerJson.text(answer, "request_uri");
        if (reference == null || reference.length() > MAX_REFERENCE) {
            throw endpoint.malformed("it contains no request_uri");
        }
        Duration lives = ServerTimes.seconds(answer.path("expires_in"));
        return new Carried(
                Map.of("client_id", client.id(), "request_uri", reference), lives == null ? null : now.plus(lives));
    }
}
