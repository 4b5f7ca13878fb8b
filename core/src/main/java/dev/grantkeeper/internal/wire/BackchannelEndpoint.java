/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.wire;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.answer.RequestFailedException;
import dev.grantkeeper.internal.answer.ServerJson;
import dev.grantkeeper.internal.provider.Facts;
import dev.grantkeeper.internal.provider.ProviderFacts;
import java.net.URI;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The provider's backchannel authentication endpoint (OpenID Connect CIBA Core 1.0 section 7), as one client sees it.
 * Thread-safe.
 */
public final class BackchannelEndpoint {
    /** Parameters whose values must not appear in any message. */
    private static final List<String> SECRETS =
            List.of("login_hint_token", "id_token_hint", "user_code", "client_notification_token");

    /** CIBA Core section 13: what was sent for this user is not accepted, and all is well with the client. */
    private static final Set<String> ABOUT_THE_USER = Set.of(
            "access_denied",
            "expired_login_hint_token",
            "unknown_user_id",
            "missing_user_code",
            "invalid_user_code",
            "invalid_binding_message");

    private static final int MAX_ID = 4096;

    private final JsonEndpoint endpoint;
    private final Client client;
    private final boolean signed;

    /**
     * One client's view of a provider.
     *
     * @param signed whether requests are signed
     */
    public BackchannelEndpoint(Http http, Client client, URI uri, boolean signed, InstantSource clock) {
        this.endpoint = new JsonEndpoint("backchannel authentication endpoint", http, client, uri, clock);
        this.client = client;
        this.signed = signed;
    }

    /**
     * The server's response.
     *
     * @param authReqId a secret
     * @param lifetime its lifetime
     * @param interval the least time between two polls
     */
    public record Accepted(String authReqId, Duration lifetime, Duration interval) {
        @Override
        public String toString() {
            return "Accepted[lifetime=" + lifetime + "]";
        }
    }

    /**
     * Checks what can be known without a request.
     *
     * @throws RequestFailedException if the server does not accept what this client would sign with
     * @throws IllegalStateException if there is nothing to sign with
     */
    public void checkSigning() throws RequestFailedException {
        if (!signed) {
            return;
        }
        String algorithm = client.requestAlgorithm();
        if (algorithm == null) {
            throw new IllegalStateException("SIGNED_REQUEST signs with the application's key: call"
                    + " signingKey(SigningKey.of(privateKey).keyId(…))");
        }
        ProviderFacts facts = Facts.of(client.provider());
        if (!facts.backchannelSigningAlgorithms.isEmpty() && !facts.backchannelSigningAlgorithms.contains(algorithm)) {
            throw new RequestFailedException(new Answer.Failure(
                    Answer.Kind.MISCONFIGURED,
                    0,
                    null,
                    "The metadata of " + facts.name + " names the algorithms of signed backchannel authentication"
                            + " requests, and " + algorithm + " is not among them. Call algorithm(…) on the signing"
                            + " key, or take a key of another kind",
                    null,
                    null));
        }
    }

    /** Starts a login. */
    public Accepted authenticate(Map<String, String> form) throws RequestFailedException {
        List<String> secrets = new ArrayList<>();
        SECRETS.forEach(name -> secrets.add(form.getOrDefault(name, "")));
        ObjectNode json;
        try {
            json = endpoint.post(sent(form), secrets, null);
        } catch (RequestFailedException e) {
            String error = e.failure().error();
            throw error != null && ABOUT_THE_USER.contains(error)
                    ? new RequestFailedException(e.failure().as(Answer.Kind.REFUSED))
                    : e;
        }
        String authReqId = ServerJson.text(json, "auth_req_id");
        if (authReqId == null || authReqId.length() > MAX_ID) {
            throw endpoint.malformed("it contains no auth_req_id");
        }
        Duration lifetime = DeviceEndpoint.positive(json.path("expires_in"));
        if (lifetime == null) {
            throw endpoint.malformed("it does not contain when the login expires (expires_in)");
        }
        return new Accepted(authReqId, lifetime, DeviceEndpoint.interval(json));
    }

    /**
     * CIBA Core section 7.1.1: all parameters are signed, and none of them stands outside. The type is that of RFC
     * 9101: CIBA names none, and servers that insist on one have a single reader for both.
     */
    private Map<String, String> sent(Map<String, String> form) throws RequestFailedException {
        return signed ? Map.of("request", client.sign(form).jwt()) : form;
    }
}
