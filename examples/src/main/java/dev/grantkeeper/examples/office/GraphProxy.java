/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.office;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.grantkeeper.Account;
import dev.grantkeeper.LoginRequiredException;
import dev.grantkeeper.OAuthException;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import okhttp3.HttpUrl;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;
import okio.BufferedSource;
import okio.ByteString;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Calls Graph for a pane: the calls on a list, with the user's token, and nothing else.
 *
 * <p>A proxy that forwards everything gives the browser the token's whole power. So path and method are on the list or
 * the call is not made; the host never comes from the request; no header of the request goes out; only status, body,
 * content type and {@code Retry-After} of the answer come back. Redirects are not followed. Sizes are bounded both
 * ways. Thread-safe.
 */
final class GraphProxy {
    private static final Logger LOG = LoggerFactory.getLogger(GraphProxy.class);
    private static final JsonMapper JSON = new JsonMapper();
    private static final MediaType JSON_TYPE = MediaType.get("application/json");

    static final int MOST_SENT = 16 * 1024;
    static final int MOST_RECEIVED = 1024 * 1024;

    private static final int LONGEST_QUERY = 512;

    /** The calls that the pane may make. Each line is a decision. */
    private static final Map<String, List<String>> ALLOWED =
            Map.of("me", List.of("GET"), "me/checkMemberGroups", List.of("POST"));

    private final HttpUrl base;
    private final OkHttpClient http;

    /** The answer for the pane. */
    record Answer(
            int status,
            String contentType,
            ByteString body,
            @Nullable String retryAfter) {
        static Answer problem(int status, String problem) {
            ObjectNode body = JSON.createObjectNode().put("problem", problem);
            return new Answer(status, "application/json", ByteString.encodeUtf8(body.toString()), null);
        }

        @Override
        public String toString() {
            return "Answer[" + status + ", " + body.size() + " bytes]";
        }
    }

    /**
     * Makes a proxy.
     *
     * @param base the base URL of the API, from the configuration
     * @param http the application's client
     */
    GraphProxy(String base, OkHttpClient http) {
        this.base = HttpUrl.get(base);
        this.http = http.newBuilder()
                .followRedirects(false)
                .followSslRedirects(false)
                .callTimeout(Duration.ofSeconds(20))
                .build();
    }

    /**
     * Makes one call.
     *
     * @param account the user's account
     * @param method the request's method
     * @param path the request's path after our own prefix
     * @param query the request's query, as it came
     * @param body the request's body
     * @return the API's answer, or ours
     */
    Answer call(Account account, String method, String path, @Nullable String query, byte[] body) {
        List<String> methods = ALLOWED.get(path);
        if (methods == null) {
            return Answer.problem(404, "not-allowed");
        }
        if (!methods.contains(method)) {
            return Answer.problem(405, "not-allowed");
        }
        if (body.length > MOST_SENT || (query != null && query.length() > LONGEST_QUERY)) {
            return Answer.problem(413, "too-large");
        }
        Request request = new Request.Builder()
                .url(base.newBuilder().addPathSegments(path).encodedQuery(query).build())
                .header("Accept", "application/json")
                .method(method, method.equals("GET") ? null : RequestBody.create(body, JSON_TYPE))
                .build();
        try (Response response = account.wrap(http).newCall(request).execute()) {
            return answer(response);
        } catch (LoginRequiredException e) {
            return Answer.problem(401, "login-required"); // the one that only the user can fix
        } catch (OAuthException e) {
            LOG.warn("There is no token for a call", e);
            return Answer.problem(503, "try-later");
        } catch (IOException e) {
            LOG.warn("Graph cannot be called", e);
            return Answer.problem(502, "unreachable");
        }
    }

    private static Answer answer(Response response) throws IOException {
        if (response.isRedirect() || response.code() < 200) {
            LOG.warn("Graph answered {} instead of an answer", response.code());
            return Answer.problem(502, "strange-answer");
        }
        if (response.code() == 401) {
            // Not ours to pass on: to the pane, 401 means that our own session is over.
            return Answer.problem(502, "token-rejected");
        }
        BufferedSource source = response.body().source();
        if (source.request(MOST_RECEIVED + 1L)) {
            return Answer.problem(502, "too-large");
        }
        MediaType type = response.body().contentType();
        boolean json = type != null
                && type.type().equals("application")
                && type.subtype().contains("json");
        return new Answer(
                response.code(),
                // whatever else it is, a browser shall not show it as a page of ours
                json ? "application/json" : "application/octet-stream",
                source.readByteString(),
                response.header("Retry-After"));
    }
}
