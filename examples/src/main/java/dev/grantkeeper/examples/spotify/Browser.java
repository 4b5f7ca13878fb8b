/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.spotify;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import okhttp3.Cookie;
import okhttp3.CookieJar;
import okhttp3.FormBody;
import okhttp3.HttpUrl;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import org.jspecify.annotations.Nullable;

/**
 * As much of a browser as a login needs: cookies, forms, and redirects that it follows only when told to. Not
 * thread-safe.
 */
final class Browser {
    private static final JsonMapper JSON = new JsonMapper();

    private final String origin;
    private final Map<String, Cookie> cookies = new ConcurrentHashMap<>();
    private final StringBuilder seen = new StringBuilder();
    private final OkHttpClient http = new OkHttpClient.Builder()
            .followRedirects(false)
            .cookieJar(new CookieJar() {
                @Override
                public void saveFromResponse(HttpUrl url, List<Cookie> received) {
                    received.forEach(cookie -> cookies.put(cookie.name(), cookie));
                }

                @Override
                public List<Cookie> loadForRequest(HttpUrl url) {
                    return cookies.values().stream()
                            .filter(cookie -> cookie.expiresAt() > System.currentTimeMillis())
                            .toList();
                }
            })
            .build();

    /** A response: the status, the URL of a redirect, the body, and all headers. */
    record Page(int status, @Nullable String location, String body, Map<String, String> headers) {
        JsonNode json() throws IOException {
            return JSON.readTree(body);
        }

        String next() {
            return Objects.requireNonNull(location, () -> "No redirect, but " + status + ": " + body);
        }
    }

    /** Opens a browser on an application. */
    Browser(String origin) {
        this.origin = origin;
    }

    Page get(String url) throws IOException {
        return send(new Request.Builder().url(absolute(url)).build());
    }

    Page post(String url, String... form) throws IOException {
        return postFrom(origin, url, form);
    }

    /** A form of another site's page. */
    Page postFrom(String page, String url, String... form) throws IOException {
        FormBody.Builder body = new FormBody.Builder();
        for (int i = 0; i < form.length; i += 2) {
            body.add(form[i], form[i + 1]);
        }
        return send(new Request.Builder()
                .url(absolute(url))
                .header("Origin", page)
                .post(body.build())
                .build());
    }

    Page send(Request request) throws IOException {
        try (Response response = http.newCall(request).execute()) {
            String body = response.body().string();
            seen.append(body).append('\n').append(response.headers());
            Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
            response.headers().toMultimap().forEach((name, values) -> headers.put(name, String.join(", ", values)));
            return new Page(response.code(), response.header("Location"), body, headers);
        }
    }

    /** Clicks <i>Connect Spotify</i>, and returns the URL of the authorization server's page. */
    String connect() throws IOException {
        return post("/connect").next();
    }

    /** Answers that page, and returns the URL that the application redirects to after the callback. */
    String answer(String loginPage, String decision, String user) throws IOException {
        Page page = get(loginPage);
        if (page.status() != 200 || !page.body().contains("value=\"accept\"")) {
            throw new IOException("This is not a login page: " + page.status() + " " + page.body());
        }
        return get(postFrom("null", loginPage, "decision", decision, "user", user)
                        .next())
                .next();
    }

    JsonNode view() throws IOException {
        return get("/view").json();
    }

    @Nullable
    String cookie(String name) {
        Cookie cookie = cookies.get(name);
        return cookie == null ? null : cookie.value();
    }

    /** Everything that ever arrived here. */
    String everythingSeen() {
        return seen.toString();
    }

    private String absolute(String url) {
        return url.startsWith("/") ? origin + url : url;
    }
}
