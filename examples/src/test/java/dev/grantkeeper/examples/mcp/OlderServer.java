/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.mcp;

import dev.grantkeeper.testkit.Answer;
import dev.grantkeeper.testkit.RecordedRequest;
import java.util.Optional;

/**
 * A tool server of revision 2025-06-18, with a session, whose answers come as streams with notifications in between.
 */
final class OlderServer {
    private static final String SESSION = "session-1";

    private OlderServer() {}

    static Answer answer(RecordedRequest request, Answer usual) {
        if (usual.status() != 200) {
            return usual;
        }
        if (request.text().contains("\"initialize\"")) {
            return Answer.json(200, result(request, "{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{}}"))
                    .header("Mcp-Session-Id", SESSION);
        }
        if (!request.header("Mcp-Session-Id").equals(Optional.of(SESSION))) {
            return Answer.json(
                    400,
                    "{\"jsonrpc\":\"2.0\",\"id\":null," + "\"error\":{\"code\":-32000,\"message\":\"No session\"}}");
        }
        if (request.text().contains("notifications/")) {
            return Answer.status(202);
        }
        String greeting = result(request, "{\"content\":[{\"type\":\"text\",\n\"text\":\"hello\"}]}");
        return Answer.status(200)
                .header("Content-Type", "text/event-stream; charset=utf-8")
                .body(": a comment\n\nevent: message\n"
                        + "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}\n\n"
                        + "event: message\ndata: " + greeting.replace("\n", "\ndata: ") + "\n\n");
    }

    private static String result(RecordedRequest request, String result) {
        String id = request.text().replaceAll(".*\"id\":(\\d+).*", "$1");
        return "{\"jsonrpc\":\"2.0\",\"id\":" + id + ",\"result\":" + result + "}";
    }
}
