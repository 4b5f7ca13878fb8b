/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.wire;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.answer.Reply;
import dev.grantkeeper.internal.answer.RequestFailedException;
import dev.grantkeeper.internal.answer.TokenAnswers;
import java.net.URI;
import java.security.KeyPair;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** An endpoint that accepts a form from an authenticated client and returns a JSON object, or a JWT. Thread-safe. */
final class JsonEndpoint {
    private final String name;
    private final Http http;
    private final Client client;
    private final URI uri;
    private final TokenAnswers answers;

    JsonEndpoint(String name, Http http, Client client, URI uri, InstantSource clock) {
        this.name = name;
        this.http = http;
        this.client = client;
        this.uri = uri;
        this.answers = new TokenAnswers(client.provider(), clock);
    }

    /**
     * Sends a form.
     *
     * @param secrets the values that must not appear in any message
     * @param key the key that the request proves to hold; {@code null} for a request without proof
     */
    ObjectNode post(Map<String, String> form, Collection<String> secrets, @Nullable KeyPair key)
            throws RequestFailedException {
        List<String> hidden = hidden(secrets);
        return answers.document(name, call(() -> client.post(uri, form), key), hidden);
    }

    /**
     * Sends a form, and asks for a JWT. An answer in JSON is an error, or not what was asked for.
     *
     * @param secrets the values that must not appear in any message
     * @param type the media type of the JWT
     * @return the body of a success, which is still to be verified
     */
    String postForJwt(Map<String, String> form, Collection<String> secrets, String type) throws RequestFailedException {
        Reply reply = call(
                () -> client.post(uri, form).newBuilder().header("Accept", type).build(), null);
        String body = reply.body().strip();
        if (reply.status() == 200 && !body.startsWith("{")) {
            return body; // labels are wrong at times, and its signature shows what it is
        }
        ObjectNode unused = answers.document(name, reply, hidden(secrets));
        throw malformed("it is not signed, and a signature was asked for");
    }

    private List<String> hidden(Collection<String> secrets) {
        List<String> hidden = new ArrayList<>(secrets);
        hidden.addAll(client.secrets());
        return hidden;
    }

    private Reply call(Http.Maker request, @Nullable KeyPair key) throws RequestFailedException {
        try {
            return http.call(request, key);
        } catch (Http.CallFailedException e) {
            throw new RequestFailedException(new Answer.Failure(
                    e.answered() ? Answer.Kind.MALFORMED : Answer.Kind.TEMPORARY,
                    0,
                    null,
                    e.answered() ? "The " + name + " sent too much" : e.describe(name),
                    null,
                    e.reason()));
        }
    }

    RequestFailedException malformed(String why) {
        return new RequestFailedException(new Answer.Failure(
                Answer.Kind.MALFORMED, 200, null, "The answer of the " + name + " cannot be used: " + why, null, null));
    }
}
