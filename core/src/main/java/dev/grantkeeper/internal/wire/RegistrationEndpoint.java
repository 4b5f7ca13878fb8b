/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.wire;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.answer.Reply;
import dev.grantkeeper.internal.answer.ServerJson;
import dev.grantkeeper.internal.answer.ServerText;
import dev.grantkeeper.internal.answer.ServerTimes;
import dev.grantkeeper.internal.provider.DialectFacts;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import okhttp3.HttpUrl;
import okhttp3.MediaType;
import okhttp3.Request;
import okhttp3.RequestBody;
import org.jspecify.annotations.Nullable;

/**
 * Dynamic client registration (RFC 7591), and the management of what was registered (RFC 7592). Nothing is sent twice
 * unasked. Thread-safe; no message holds a secret.
 */
public final class RegistrationEndpoint {
    private static final MediaType JSON = MediaType.get("application/json");

    private final Http http;
    private final InstantSource clock;

    /** For requests through this client. */
    public RegistrationEndpoint(Http http, InstantSource clock) {
        this.http = http;
        this.clock = clock;
    }

    /** The result of a request. */
    public sealed interface Result {
        /** The client as the server knows it. */
        record Registered(ObjectNode client) implements Result {
            @Override
            public String toString() {
                return "Registered";
            }
        }

        /** The server does not know the client, or no longer lets it look (RFC 7592 section 2.1). */
        record Gone() implements Result {}

        /**
         * There is no client.
         *
         * @param maybe whether the server may have registered one all the same
         */
        record Failed(Answer.Failure failure, boolean maybe) implements Result {}
    }

    /**
     * Registers a client (RFC 7591 section 3.1).
     *
     * @param initialAccessToken the token that the server wants for this; {@code null} for open registration
     */
    public Result create(String endpoint, ObjectNode metadata, @Nullable String initialAccessToken) {
        Request.Builder request = new Request.Builder().url(endpoint).post(body(metadata));
        // A server may repeat what it was sent, the statement of who made the software included (RFC 7591 section 2.3).
        List<String> secrets = new ArrayList<>();
        secrets.add(metadata.path("software_statement").asText());
        secrets.add(Objects.requireNonNullElse(initialAccessToken, ""));
        return send(authorized(request, initialAccessToken), secrets, false);
    }

    /** Reads a client (RFC 7592 section 2.1). */
    public Result read(String uri, String token) {
        return send(authorized(new Request.Builder().url(uri), token), List.of(token), true);
    }

    /** Updates a client (RFC 7592 section 2.2). */
    public Result update(String uri, String token, ObjectNode metadata) {
        List<String> secrets =
                List.of(token, metadata.path("software_statement").asText());
        return send(authorized(new Request.Builder().url(uri).put(body(metadata)), token), secrets, true);
    }

    /** Deletes a client (RFC 7592 section 2.3). Returns whether the server has confirmed it. */
    public boolean delete(String uri, String token) {
        try {
            int status = http.call(authorized(new Request.Builder().url(uri).delete(), token)
                            .build())
                    .status();
            return status == 204 || status == 200 || status == 401 || status == 404;
        } catch (Http.CallFailedException e) {
            return false;
        }
    }

    private static RequestBody body(ObjectNode json) {
        return RequestBody.create(json.toString(), JSON);
    }

    private static Request.Builder authorized(Request.Builder request, @Nullable String token) {
        request.header("Accept", "application/json");
        return token == null ? request : request.header("Authorization", "Bearer " + token);
    }

    private Result send(Request.Builder request, List<String> secrets, boolean known) {
        HttpUrl url = Objects.requireNonNull(request.build().url());
        Reply reply;
        try {
            reply = http.call(request.build());
        } catch (Http.CallFailedException e) {
            return new Result.Failed(
                    new Answer.Failure(
                            e.answered() ? Answer.Kind.MALFORMED : Answer.Kind.TEMPORARY,
                            0,
                            null,
                            e.answered()
                                    ? "The registration endpoint sent too much"
                                    : e.describe("registration endpoint"),
                            null,
                            e.reason()),
                    e.sent());
        }
        ObjectNode json = ServerJson.read(reply.type(), reply.body(), DialectFacts.STANDARD);
        if (reply.status() == 200 || reply.status() == 201) {
            return json == null || ServerJson.text(json, "client_id") == null
                    ? new Result.Failed(failure(Answer.Kind.MALFORMED, reply, url, json, secrets), true)
                    : new Result.Registered(json);
        }
        if (known && (reply.status() == 401 || reply.status() == 404 || reply.status() == 403)) {
            return new Result.Gone();
        }
        boolean passing = reply.status() >= 500 || reply.status() == 429 || reply.status() == 408;
        boolean standard = json != null && ServerJson.text(json, "error") != null;
        Answer.Kind kind = passing
                ? Answer.Kind.TEMPORARY
                : standard || reply.status() == 401 || reply.status() == 403
                        ? Answer.Kind.MISCONFIGURED
                        : Answer.Kind.MALFORMED;
        return new Result.Failed(failure(kind, reply, url, json, secrets), reply.status() == 504);
    }

    private Answer.Failure failure(
            Answer.Kind kind, Reply reply, HttpUrl url, @Nullable ObjectNode json, List<String> sent) {
        List<String> secrets = sent.stream().filter(text -> !text.isEmpty()).toList();
        String error = json == null ? null : ServerText.harmless(ServerJson.text(json, "error"), secrets);
        String said = json == null ? null : ServerText.harmless(ServerJson.text(json, "error_description"), secrets);
        String what = "The registration endpoint of " + url.host() + " answered with status " + reply.status();
        String hint = kind == Answer.Kind.MISCONFIGURED && (reply.status() == 401 || reply.status() == 403)
                ? ". If it wants an initial access token, call initialAccessToken(…) on the builder; otherwise register"
                        + " the application there by hand and call registered(…)"
                : json == null ? ", and not with JSON" : "";
        return new Answer.Failure(
                kind,
                reply.status(),
                error,
                what + (said == null ? "" : ": " + said) + hint,
                ServerTimes.retryAfter(reply.retryAfter(), clock.instant()),
                null);
    }
}
