/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.testkit;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * An HTTP response of a {@link FakeAuthorizationServer}: status, headers, body.
 *
 * <p>Immutable and thread-safe: each change gives a new answer. {@link #toString()} does not show the body.
 */
public final class Answer {
    private final int status;
    private final Map<String, List<String>> headers;
    private final byte[] body;
    private final int cut;

    private Answer(int status, Map<String, List<String>> headers, byte[] body, int cut) {
        this.status = status;
        this.headers = headers;
        this.body = body;
        this.cut = cut;
    }

    /**
     * An answer without headers and body.
     *
     * @param status the HTTP status
     * @return the answer
     */
    public static Answer status(int status) {
        return new Answer(status, Map.of(), new byte[0], Integer.MAX_VALUE);
    }

    /**
     * An answer with a JSON body, sent as it is given, well-formed or not.
     *
     * @param status the HTTP status
     * @param json the body
     * @return the answer
     */
    public static Answer json(int status, String json) {
        return status(status).header("Content-Type", "application/json").body(json);
    }

    /**
     * A redirect.
     *
     * @param location the URL to redirect to
     * @return an answer with status 302
     */
    public static Answer redirect(String location) {
        return status(302).header("Location", location);
    }

    /**
     * This answer with another status.
     *
     * @param other the HTTP status
     * @return a new answer
     */
    public Answer withStatus(int other) {
        return new Answer(other, headers, body, cut);
    }

    /**
     * This answer with one more header line. Lines of the same name are all sent; {@code Content-Length} is always made
     * from the body.
     *
     * @param name the header's name
     * @param value its value
     * @return a new answer
     */
    public Answer header(String name, String value) {
        Map<String, List<String>> more = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        more.putAll(headers);
        List<String> values = new ArrayList<>(more.getOrDefault(name, List.of()));
        values.add(value);
        more.put(name, values);
        return new Answer(status, more, body, cut);
    }

    /**
     * This answer without a header.
     *
     * @param name the header's name
     * @return a new answer
     */
    public Answer withoutHeader(String name) {
        Map<String, List<String>> fewer = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        fewer.putAll(headers);
        fewer.remove(name);
        return new Answer(status, fewer, body, cut);
    }

    /**
     * This answer with another body.
     *
     * @param text the body, sent in UTF-8
     * @return a new answer
     */
    public Answer body(String text) {
        return body(text.getBytes(StandardCharsets.UTF_8));
    }

    /**
     * This answer with another body.
     *
     * @param bytes the body
     * @return a new answer
     */
    public Answer body(byte[] bytes) {
        return new Answer(status, headers, bytes.clone(), cut);
    }

    /**
     * This answer, broken off: all headers and the first bytes of the body are sent, then the connection is closed.
     *
     * @param bytes the number of bytes of the body that are sent
     * @return a new answer
     */
    public Answer cutAfter(int bytes) {
        return new Answer(status, headers, body, bytes);
    }

    /**
     * The HTTP status.
     *
     * @return the status
     */
    public int status() {
        return status;
    }

    /**
     * The body.
     *
     * @return the body as text
     */
    public String text() {
        return new String(body, StandardCharsets.UTF_8);
    }

    Map<String, List<String>> headers() {
        return headers;
    }

    byte[] bytes() {
        return body;
    }

    int cut() {
        return cut;
    }

    @Override
    public String toString() {
        return "Answer[status=" + status + ", headers=" + headers.keySet() + ", body=" + body.length + " bytes]";
    }
}
