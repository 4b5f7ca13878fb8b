/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.mcp;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import okhttp3.MediaType;
import okhttp3.Request;
import okhttp3.RequestBody;

/**
 * The Model Context Protocol over HTTP, as much of it as lists tools and calls one. It knows nothing of authorization.
 */
final class ToolServer {
    /** Sends a request and returns the body of the response. */
    interface Sender {
        String send(Request request) throws IOException;
    }

    private static final JsonMapper JSON = new JsonMapper();

    private final String url;
    private final String version;
    private final Sender sender;

    ToolServer(String url, String version, Sender sender) {
        this.url = url;
        this.version = version;
        this.sender = sender;
    }

    void callFirstTool() throws IOException {
        if (!stateless()) {
            Map<String, String> client = Map.of("name", "grantkeeper", "version", "1");
            call("initialize", Map.of("protocolVersion", version, "capabilities", Map.of(), "clientInfo", client));
            call("notifications/initialized", Map.of());
        }
        JsonNode name = call("tools/list", Map.of()).at("/result/tools/0/name");
        call("tools/call", Map.of("name", name.textValue(), "arguments", Map.of()));
    }

    /** Revisions since 2026-07-28 have no handshake: each request says what the client is. */
    private boolean stateless() {
        return version.compareTo("2026-07-28") >= 0;
    }

    private JsonNode call(String method, Map<String, Object> members) throws IOException {
        Map<String, Object> params = new HashMap<>(members);
        Map<String, Object> message = new HashMap<>(Map.of("jsonrpc", "2.0", "method", method, "params", params));
        if (!method.startsWith("notifications/")) {
            message.put("id", method);
        }
        Request.Builder request = new Request.Builder()
                .url(url)
                .header("Accept", "application/json, text/event-stream")
                .header("MCP-Protocol-Version", version);
        if (stateless()) {
            String name = "io.modelcontextprotocol/";
            params.put("_meta", Map.of(name + "protocolVersion", version, name + "clientCapabilities", Map.of()));
            request.header("Mcp-Method", method);
            if (members.get("name") instanceof String tool) {
                request.header("Mcp-Name", tool);
            }
        }
        MediaType json = MediaType.get("application/json");
        String body = sender.send(request.post(RequestBody.create(JSON.writeValueAsString(message), json))
                .build());
        // one event of a stream, on older wires; nothing, after a notification
        return JSON.readTree(body.substring(Math.max(body.indexOf('{'), 0)));
    }
}
