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

/** An endpoint that accepts a form from an authenticated client and returns a JSON object. Thread-safe. */
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
        List<String> hidden = new ArrayList<>(secrets);
        hidden.addAll(client.secrets());
        try {
            Reply reply = http.call(() -> client.post(uri, form), key);
            return answers.document(name, reply, hidden);
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
