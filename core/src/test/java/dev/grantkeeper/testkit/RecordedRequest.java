/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.testkit;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A request as a {@link FakeAuthorizationServer} has received it.
 *
 * <p>Immutable and thread-safe. It holds everything that the client sent, secrets included, because tests look for
 * them; {@link #toString()} shows none.
 */
public final class RecordedRequest {
    private final Instant at;
    private final String method;
    private final String path;
    private final String query;
    private final Map<String, String> headers;
    private final byte[] body;

    RecordedRequest(Instant at, String method, String path, String query, Map<String, String> headers, byte[] body) {
        this.at = at;
        this.method = method;
        this.path = path;
        this.query = query;
        this.headers = headers;
        this.body = body;
    }

    /**
     * The time of arrival, by the server's clock.
     *
     * @return the time
     */
    public Instant at() {
        return at;
    }

    /**
     * The HTTP method.
     *
     * @return {@code GET}, {@code POST} and so on
     */
    public String method() {
        return method;
    }

    /**
     * The path without the query.
     *
     * @return the path, percent-encoded as it came
     */
    public String path() {
        return path;
    }

    /**
     * The query.
     *
     * @return the text after the question mark, or an empty text
     */
    public String query() {
        return query;
    }

    /**
     * The parameters of the query, decoded.
     *
     * @return the parameters
     * @throws IllegalArgumentException if one occurs twice or cannot be decoded
     */
    public Map<String, String> queryParams() {
        return Http.params(query);
    }

    /**
     * The parameters in the body, decoded: of a form, or the texts of a JSON object.
     *
     * @return the parameters
     * @throws IllegalArgumentException if one occurs twice or cannot be decoded
     */
    public Map<String, String> params() {
        return isJson() ? Json.texts(text()) : Http.params(text());
    }

    /**
     * One parameter in the body.
     *
     * @param name the parameter's name
     * @return its value, if it was sent
     */
    public Optional<String> param(String name) {
        return Optional.ofNullable(params().get(name));
    }

    /**
     * The resources that an authorization request or a token request names (RFC 8707): the values of all
     * {@code resource} parameters, of the query and of a form.
     *
     * @return the resources in the order in which they were sent; empty if none were
     */
    public List<String> resources() {
        List<String> resources = new ArrayList<>(Http.all(query, "resource"));
        String type = header("Content-Type").orElse("");
        if (isJson()) {
            Optional.ofNullable(Json.texts(text()).get("resource")).ifPresent(resources::add);
        } else if (type.startsWith("application/x-www-form-urlencoded")) {
            resources.addAll(Http.all(text(), "resource"));
        }
        return Collections.unmodifiableList(resources);
    }

    boolean isJson() {
        return header("Content-Type").orElse("").startsWith("application/json");
    }

    /**
     * The headers.
     *
     * @return values by name, upper and lower case alike; several lines of a name are joined by commas
     */
    public Map<String, String> headers() {
        return headers;
    }

    /**
     * One header.
     *
     * @param name the header's name
     * @return its value, if it was sent
     */
    public Optional<String> header(String name) {
        return Optional.ofNullable(headers.get(name));
    }

    /**
     * The body.
     *
     * @return the body as text in UTF-8
     */
    public String text() {
        return new String(body, StandardCharsets.UTF_8);
    }

    /**
     * The length of the body.
     *
     * @return its bytes
     */
    public int bodyLength() {
        return body.length;
    }

    @Override
    public String toString() {
        return method + " " + path + " (" + body.length + " bytes)";
    }
}
