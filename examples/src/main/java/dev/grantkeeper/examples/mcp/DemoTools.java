/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.mcp;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.grantkeeper.testkit.Answer;
import dev.grantkeeper.testkit.RecordedRequest;
import java.io.IOException;

/** The tool server of the demonstration: two tools, behind whatever the test kit's API lets through. */
final class DemoTools {
    private static final JsonMapper JSON = new JsonMapper();
    private static final int METHOD_NOT_FOUND = -32601;
    private static final int INVALID_PARAMS = -32602;
    private static final int PARSE_ERROR = -32700;

    private DemoTools() {}

    /** Answers an authorized request in place of the test kit, and leaves its refusals as they are. */
    static Answer answer(RecordedRequest request, Answer usual) {
        if (usual.status() != 200) {
            return usual;
        }
        ObjectNode answer = JsonNodeFactory.instance.objectNode().put("jsonrpc", "2.0");
        try {
            JsonNode message = JSON.readTree(request.text());
            answer.set("id", message.path("id"));
            switch (message.path("method").asText()) {
                case "tools/list" -> list(answer.putObject("result"));
                case "tools/call" ->
                    call(
                            answer,
                            message.path("params"),
                            JSON.readTree(usual.text()).path("user").asText());
                default -> error(answer, METHOD_NOT_FOUND, "There is no such method");
            }
        } catch (IOException e) {
            error(answer, PARSE_ERROR, "This is not JSON");
        }
        return Answer.json(200, answer.toString());
    }

    private static void list(ObjectNode result) {
        result.put("resultType", "complete");
        ObjectNode add = result.putArray("tools").addObject();
        add.put("name", "add").put("description", "Adds two numbers, a and b");
        ObjectNode schema = add.putObject("inputSchema").put("type", "object");
        schema.putObject("properties").putObject("a").put("type", "number");
        schema.withObject("/properties/b").put("type", "number");
        ObjectNode whoami = result.withArray("tools").addObject();
        whoami.put("name", "whoami").put("description", "Says whose token was sent");
        whoami.putObject("inputSchema").put("type", "object");
    }

    private static void call(ObjectNode answer, JsonNode params, String user) {
        JsonNode given = params.path("arguments");
        String text;
        switch (params.path("name").asText()) {
            case "add" ->
                text = String.valueOf(given.path("a").asInt() + given.path("b").asInt());
            case "whoami" -> text = user;
            default -> {
                error(answer, INVALID_PARAMS, "There is no such tool");
                return;
            }
        }
        ObjectNode result = answer.putObject("result").put("resultType", "complete");
        result.putArray("content").addObject().put("type", "text").put("text", text);
    }

    private static void error(ObjectNode answer, int code, String message) {
        answer.putObject("error").put("code", code).put("message", message);
    }
}
