/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.wire;

import com.nimbusds.oauth2.sdk.AuthorizationRequest;
import com.nimbusds.oauth2.sdk.ResponseType;
import com.nimbusds.oauth2.sdk.Scope;
import com.nimbusds.oauth2.sdk.id.ClientID;
import com.nimbusds.oauth2.sdk.id.State;
import com.nimbusds.oauth2.sdk.pkce.CodeChallengeMethod;
import com.nimbusds.oauth2.sdk.pkce.CodeVerifier;
import com.nimbusds.openid.connect.sdk.Nonce;
import dev.grantkeeper.provider.Provider;
import java.net.URI;
import java.util.Map;
import java.util.Set;
import okhttp3.HttpUrl;
import org.jspecify.annotations.Nullable;

/** The provider's authorization endpoint (RFC 6749 section 3.1), as one client sees it. Thread-safe. */
public final class AuthorizationEndpoint {
    private static final int BYTES = 32;

    private final Provider provider;
    private final ClientID clientId;

    /** One client's view of a provider. */
    public AuthorizationEndpoint(Provider provider, String clientId) {
        this.provider = provider;
        this.clientId = new ClientID(clientId);
    }

    /**
     * A request, and what only the browser that makes it may bring back. {@code toString} shows none of it.
     *
     * @param url where to send the browser
     * @param state random, 256 bits
     * @param codeVerifier random, 256 bits; {@code null} where the server does not take PKCE
     * @param nonce random, 256 bits; {@code null} without OpenID Connect
     */
    public record Request(
            String url,
            String state,
            @Nullable String codeVerifier,
            @Nullable String nonce) {
        @Override
        public String toString() {
            return "Request[to the authorization endpoint]";
        }
    }

    /**
     * Makes a request.
     *
     * @param redirectUri where the browser comes back to
     * @param scopes exactly what is asked for
     * @param parameters what else is sent
     */
    public Request request(String redirectUri, Set<String> scopes, Map<String, String> parameters) {
        State state = new State(BYTES);
        CodeVerifier verifier = provider.pkce() ? new CodeVerifier() : null;
        Nonce nonce = scopes.contains("openid") ? new Nonce(BYTES) : null;
        AuthorizationRequest.Builder request = new AuthorizationRequest.Builder(
                        new ResponseType(ResponseType.Value.CODE), clientId)
                .redirectionURI(URI.create(redirectUri))
                .state(state);
        if (verifier != null) {
            request.codeChallenge(verifier, CodeChallengeMethod.S256);
        }
        if (nonce != null) {
            request.customParameter("nonce", nonce.getValue());
        }
        if (!scopes.isEmpty()) {
            request.scope(new Scope(String.join(provider.scopeSeparator(), scopes)));
        }
        provider.authorizationParameters().forEach(request::customParameter);
        parameters.forEach(request::customParameter);
        // Not toURI(): that decodes the query which an endpoint may have, and forgets to encode it again.
        HttpUrl.Builder url =
                HttpUrl.get(provider.authorizationEndpoint().toString()).newBuilder();
        request.build().toParameters().forEach((name, values) -> url.setQueryParameter(name, values.get(0)));
        return new Request(
                url.build().toString(),
                state.getValue(),
                verifier == null ? null : verifier.getValue(),
                nonce == null ? null : nonce.getValue());
    }
}
