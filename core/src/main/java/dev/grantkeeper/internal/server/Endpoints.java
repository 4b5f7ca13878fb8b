/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.server;

import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.answer.RequestFailedException;
import dev.grantkeeper.internal.openid.IdTokens;
import dev.grantkeeper.internal.openid.Identities;
import dev.grantkeeper.internal.openid.LogoutTokens;
import dev.grantkeeper.internal.openid.Profiles;
import dev.grantkeeper.internal.openid.SignedResponses;
import dev.grantkeeper.internal.provider.Facts;
import dev.grantkeeper.internal.wire.AuthorizationEndpoint;
import dev.grantkeeper.internal.wire.BackchannelEndpoint;
import dev.grantkeeper.internal.wire.DeviceEndpoint;
import dev.grantkeeper.internal.wire.IntrospectionEndpoint;
import dev.grantkeeper.internal.wire.TokenEndpoint;
import dev.grantkeeper.provider.Provider;
import org.jspecify.annotations.Nullable;

/**
 * The endpoints of an authorization server whose metadata is known, as one client uses them. Thread-safe.
 *
 * @param provider the provider with all its metadata
 * @param clientId the client
 * @param authorization the authorization endpoint
 * @param device the device authorization endpoint; {@code null} if the server has none
 * @param backchannel the backchannel authentication endpoint; {@code null} if the server has none
 * @param token the token endpoint
 * @param introspection the introspection endpoint; {@code null} if the server has none
 * @param idTokens verifies ID tokens; {@code null} if the server does not support OpenID Connect
 * @param profiles asks who the user is; {@code null} if the application does not want that
 * @param signedResponses verifies signed callbacks; {@code null} if the registration does not demand them
 * @param logoutTokens verifies logout tokens; {@code null} if the server does not support OpenID Connect
 */
public record Endpoints(
        Provider provider,
        String clientId,
        AuthorizationEndpoint authorization,
        @Nullable DeviceEndpoint device,
        @Nullable BackchannelEndpoint backchannel,
        TokenEndpoint token,
        @Nullable IntrospectionEndpoint introspection,
        @Nullable IdTokens idTokens,
        @Nullable Profiles profiles,
        @Nullable SignedResponses signedResponses,
        @Nullable LogoutTokens logoutTokens) {

    /** An answer with its ID token as it was signed, if it was encrypted to this client. */
    Answer decrypted(Answer answer) {
        if (!(answer instanceof Answer.Tokens tokens) || idTokens == null) {
            return answer;
        }
        String idToken = tokens.response().idToken();
        return idToken == null ? answer : new Answer.Tokens(tokens.response().withIdToken(idTokens.opened(idToken)));
    }

    /** Identifies users of logins without a browser. */
    public Identities identities() {
        return new Identities(provider.name(), idTokens, profiles);
    }

    /**
     * The failure of a request for which the server lacks something. If its metadata says so, the application could not
     * know that before: this is not its mistake, and may change.
     *
     * @param what the missing part
     * @param fix the method of {@code Provider.Builder} that sets it
     * @return the failure of a server that was discovered
     * @throws IllegalStateException if the application described the server itself
     */
    public RequestFailedException missing(String what, String fix) {
        boolean discovered = Facts.of(provider).fromMetadata;
        String message = discovered
                ? "The metadata of " + provider.name() + " contains no " + what
                        + ". If the server has one, call Discovery.customize(provider -> provider." + fix + ")"
                : provider.name() + " is not known to have " + article(what) + what + ": call " + fix
                        + " on its builder";
        if (!discovered) {
            throw new IllegalStateException(message);
        }
        return new RequestFailedException(new Answer.Failure(Answer.Kind.MISCONFIGURED, 0, null, message, null, null));
    }

    private static String article(String noun) {
        return "aeiou".indexOf(noun.charAt(0)) < 0 ? "a " : "an ";
    }

    @Override
    public String toString() {
        return "Endpoints[" + provider.name() + "]";
    }
}
