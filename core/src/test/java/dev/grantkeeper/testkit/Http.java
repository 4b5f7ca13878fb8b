/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.testkit;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Requests in, answers out. */
final class Http {
    private Http() {}

    static RecordedRequest read(HttpExchange exchange, Instant at) throws IOException {
        Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        exchange.getRequestHeaders().forEach((name, values) -> headers.put(name, String.join(", ", values)));
        String query = exchange.getRequestURI().getRawQuery();
        return new RecordedRequest(
                at,
                exchange.getRequestMethod(),
                exchange.getRequestURI().getRawPath(),
                query == null ? "" : query,
                Collections.unmodifiableMap(headers),
                exchange.getRequestBody().readAllBytes());
    }

    static void send(HttpExchange exchange, Answer answer) throws IOException {
        answer.headers()
                .forEach((name, values) ->
                        values.forEach(value -> exchange.getResponseHeaders().add(name, value)));
        byte[] body = answer.bytes();
        if (body.length == 0 || exchange.getRequestMethod().equals("HEAD")) {
            exchange.sendResponseHeaders(answer.status(), -1);
            return;
        }
        exchange.sendResponseHeaders(answer.status(), body.length);
        // Not closed here: closing the exchange closes the connection if less was sent than announced.
        OutputStream out = exchange.getResponseBody();
        out.write(body, 0, Math.min(body.length, answer.cut()));
        out.flush();
    }

    /**
     * Decodes a query or a form. OAuth allows no parameter twice (RFC 6749, 3.1 and 3.2) but {@code resource} (RFC
     * 8707, 2), of which {@link #all} finds the others.
     */
    static Map<String, String> params(String encoded) {
        Map<String, String> params = new LinkedHashMap<>();
        for (String pair : encoded.split("&", -1)) {
            if (!pair.isEmpty()) {
                int equals = pair.indexOf('=');
                String name = decode(equals < 0 ? pair : pair.substring(0, equals));
                String value = equals < 0 ? "" : decode(pair.substring(equals + 1));
                if (params.putIfAbsent(name, value) != null && !name.equals("resource")) {
                    throw new IllegalArgumentException("The parameter " + name + " occurs twice");
                }
            }
        }
        return Collections.unmodifiableMap(params);
    }

    /** The values of a parameter that may occur more than once. */
    static List<String> all(String encoded, String name) {
        List<String> values = new ArrayList<>();
        for (String pair : encoded.split("&", -1)) {
            int equals = pair.indexOf('=');
            if (equals > 0 && decode(pair.substring(0, equals)).equals(name)) {
                values.add(decode(pair.substring(equals + 1)));
            }
        }
        values.remove("");
        return values;
    }

    /** A parameter without a value counts as missing (RFC 6749, 3.1). */
    static @Nullable String get(Map<String, String> params, String name) {
        String value = params.get(name);
        return value == null || value.isEmpty() ? null : value;
    }

    static String decode(String text) {
        return URLDecoder.decode(text, StandardCharsets.UTF_8);
    }

    /** Appends parameters to a URI that may have some already (RFC 6749, 4.1.2). */
    static String withParams(String uri, Map<String, String> params) {
        StringBuilder out = new StringBuilder(uri);
        char separator = uri.indexOf('?') < 0 ? '?' : '&';
        for (Map.Entry<String, String> param : params.entrySet()) {
            out.append(separator)
                    .append(URLEncoder.encode(param.getKey(), StandardCharsets.UTF_8))
                    .append('=')
                    .append(URLEncoder.encode(param.getValue(), StandardCharsets.UTF_8));
            separator = '&';
        }
        return out.toString();
    }

    /** The text of a document elsewhere. Redirects are not followed: a document is where its name says. */
    static String fetch(String url) throws IOException {
        HttpRequest request = HttpRequest.newBuilder(URI.create(url))
                .timeout(Duration.ofSeconds(5))
                .header("Accept", "application/json")
                .build();
        HttpResponse<String> answer = send(request);
        if (answer.statusCode() != 200) {
            throw new IOException("HTTP status " + answer.statusCode());
        }
        return answer.body();
    }

    /** Posts JSON, and returns the status. */
    static int post(String url, String authorization, String json) throws IOException {
        return send(HttpRequest.newBuilder(URI.create(url))
                        .timeout(Duration.ofSeconds(30))
                        .header("Authorization", authorization)
                        .header("Content-Type", "application/json")
                        .POST(HttpRequest.BodyPublishers.ofString(json))
                        .build())
                .statusCode();
    }

    private static HttpResponse<String> send(HttpRequest request) throws IOException {
        try {
            return HttpClient.newBuilder()
                    .version(HttpClient.Version.HTTP_1_1)
                    .connectTimeout(Duration.ofSeconds(5))
                    .build()
                    .send(request, BodyHandlers.ofString());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    /** The text after the scheme of an Authorization header, or null if it has another scheme. */
    static @Nullable String credentials(RecordedRequest request, String scheme) {
        return credentials(request, "Authorization", scheme);
    }

    /** The same of any header; an empty scheme stands for none. */
    static @Nullable String credentials(RecordedRequest request, String name, String scheme) {
        String header = request.headers().getOrDefault(name, "");
        String prefix = scheme.isEmpty() ? "" : scheme + " ";
        boolean matches = !header.isEmpty() && header.regionMatches(true, 0, prefix, 0, prefix.length());
        return matches ? header.substring(prefix.length()).strip() : null;
    }
}
