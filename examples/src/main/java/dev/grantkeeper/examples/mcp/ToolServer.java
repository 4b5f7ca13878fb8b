/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.mcp;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import okhttp3.MediaType;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;
import okhttp3.ResponseBody;
import okio.BufferedSource;
import org.jspecify.annotations.Nullable;

/**
 * The Model Context Protocol over HTTP, as much of it as lists tools and calls one. It knows nothing of authorization.
 * Not thread-safe.
 *
 * <p>Since revision 2026-07-28 there is no session: each request says which revision it is of. A server that does not
 * know it is asked again with the handshake of the revisions before ({@code initialize}).
 */
final class ToolServer {
    /** The revision without a handshake. */
    static final String STATELESS = "2026-07-28";

    private static final String LAST_WITH_HANDSHAKE = "2025-11-25";
    private static final String OF_THE_PROTOCOL = "io.modelcontextprotocol/";
    private static final JsonMapper JSON = new JsonMapper();
    private static final MediaType TYPE = MediaType.get("application/json");
    private static final int MOST_PAGES = 100;

    /** Sends a request, with whatever authorization it needs. */
    interface Sender {
        Response send(Request request) throws IOException;
    }

    /** The server answered with an error. */
    static final class ServerException extends IOException {
        private static final long serialVersionUID = 1L;

        /** The HTTP status. */
        private final int status;

        ServerException(int status, String message) {
            super(message);
            this.status = status;
        }

        boolean mayPass() {
            return status == 429 || status >= 500;
        }

        /** Whether a server of an older revision would answer like this. */
        private boolean mayBeOlder() {
            return status < 500 && status != 401 && status != 403 && status != 429;
        }
    }

    private final String url;
    private final Sender sender;
    private String version;
    private boolean connected;
    private @Nullable String session;
    private int requests;

    ToolServer(String url, String version, Sender sender) {
        this.url = url;
        this.version = version;
        this.sender = sender;
    }

    /** The tools, as the server describes them. */
    List<JsonNode> tools() throws IOException {
        List<JsonNode> tools = new ArrayList<>();
        ObjectNode page = JsonNodeFactory.instance.objectNode();
        for (int i = 0; i < MOST_PAGES; i++) {
            JsonNode result = request("tools/list", page);
            result.path("tools").forEach(tools::add);
            String cursor = result.path("nextCursor").asText();
            if (cursor.isEmpty()) {
                break;
            }
            page.put("cursor", cursor);
        }
        return tools;
    }

    /** Calls a tool and returns its result, which may be the tool's own error ({@code isError}). */
    JsonNode call(String tool, JsonNode arguments) throws IOException {
        ObjectNode params = JsonNodeFactory.instance.objectNode().put("name", tool);
        params.set("arguments", arguments);
        return request("tools/call", params);
    }

    // ---- Revisions -------------------------------------------------------------------------------------------------

    private boolean stateless() {
        return version.compareTo(STATELESS) >= 0;
    }

    private JsonNode request(String method, ObjectNode params) throws IOException {
        if (!connected && !stateless()) {
            handshake();
        }
        try {
            JsonNode result = exchange(method, params);
            connected = true;
            return result;
        } catch (ServerException e) {
            if (connected || !e.mayBeOlder()) {
                throw e;
            }
            version = LAST_WITH_HANDSHAKE;
            try {
                handshake();
            } catch (ServerException older) {
                throw e; // of no revision that this program speaks: its first answer says more
            }
            return exchange(method, params);
        }
    }

    private void handshake() throws IOException {
        ObjectNode params = JsonNodeFactory.instance.objectNode().put("protocolVersion", version);
        params.putObject("capabilities");
        params.putObject("clientInfo").put("name", "grantkeeper").put("version", "1");
        String agreed = exchange("initialize", params).path("protocolVersion").asText();
        version = agreed.isEmpty() ? version : agreed;
        connected = true;
        exchange("notifications/initialized", JsonNodeFactory.instance.objectNode());
    }

    // ---- One message and its answer ---------------------------------------------------------------------------------

    private JsonNode exchange(String method, ObjectNode members) throws IOException {
        ObjectNode message =
                JsonNodeFactory.instance.objectNode().put("jsonrpc", "2.0").put("method", method);
        int id = ++requests;
        boolean answered = !method.startsWith("notifications/");
        if (answered) {
            message.put("id", id);
        }
        ObjectNode params = members.deepCopy();
        message.set("params", params);
        Request.Builder request = new Request.Builder()
                .url(url)
                .header("Accept", "application/json, text/event-stream")
                .header("MCP-Protocol-Version", version);
        if (stateless()) {
            ObjectNode meta = params.putObject("_meta").put(OF_THE_PROTOCOL + "protocolVersion", version);
            meta.putObject(OF_THE_PROTOCOL + "clientCapabilities");
            request.header("Mcp-Method", method);
            if (members.path("name").isTextual()) {
                request.header("Mcp-Name", members.path("name").asText());
            }
        } else if (session != null) {
            request.header("Mcp-Session-Id", session);
        }
        byte[] body = JSON.writeValueAsBytes(message);
        try (Response response =
                sender.send(request.post(RequestBody.create(body, TYPE)).build())) {
            session = response.header("Mcp-Session-Id", session);
            return result(response, answered ? id : 0);
        }
    }

    /** The result of a request; nothing for a notification, which has no id. */
    private static JsonNode result(Response response, int id) throws IOException {
        if (!response.isSuccessful()) {
            throw new ServerException(
                    response.code(),
                    error(json(response.body().string()), "The server answered HTTP " + response.code()));
        }
        if (id == 0) {
            return JSON.missingNode();
        }
        JsonNode answer = answer(response.body(), id);
        if (answer.has("error")) {
            throw new ServerException(response.code(), error(answer, "The server answered with an error"));
        }
        if (!answer.path("result").isObject()) {
            throw new ServerException(response.code(), "What answered at this URL is not a tool server");
        }
        return answer.path("result");
    }

    private static JsonNode answer(ResponseBody body, int id) throws IOException {
        MediaType type = body.contentType();
        if (type == null || !type.subtype().equals("event-stream")) {
            return json(body.string());
        }
        // A stream may bring notifications first, and may stay open after the answer.
        BufferedSource source = body.source();
        StringBuilder data = new StringBuilder();
        for (String line = source.readUtf8Line(); line != null; line = source.readUtf8Line()) {
            if (line.startsWith("data:")) {
                data.append(line.substring(5)).append('\n');
            } else if (line.isEmpty()) {
                JsonNode event = json(data.toString());
                if (event.path("id").asInt() == id && (event.has("result") || event.has("error"))) {
                    return event;
                }
                data.setLength(0);
            }
        }
        return json(data.toString());
    }

    private static JsonNode json(String text) {
        try {
            return JSON.readTree(text);
        } catch (IOException e) {
            return JSON.missingNode();
        }
    }

    private static String error(JsonNode answer, String otherwise) {
        String message = answer.path("error").path("message").asText();
        return message.isEmpty() ? otherwise : otherwise + ": " + message;
    }
}
