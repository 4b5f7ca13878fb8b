/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.office;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import okhttp3.Cookie;
import okhttp3.CookieJar;
import okhttp3.FormBody;
import okhttp3.Headers;
import okhttp3.HttpUrl;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;
import okhttp3.WebSocket;
import okhttp3.WebSocketListener;
import org.jspecify.annotations.Nullable;

/**
 * A pane without a browser, and a pop-up with cookies of its own: as strict about it as browsers are about a pane in a
 * foreign page. Not thread-safe.
 */
final class PaneClient implements AutoCloseable {
    private static final JsonMapper JSON = new JsonMapper();
    private static final Pattern MESSAGE = Pattern.compile("data-message=\"([^\"]*)\"");
    private static final long PATIENCE_SECONDS = 10;

    private final String origin;
    private final Jar pane;
    private final Jar popUp;
    private BlockingQueue<JsonNode> heard = new LinkedBlockingQueue<>();
    private final Queue<String> seen = new ConcurrentLinkedQueue<>();
    private @Nullable WebSocket socket;
    private String socketId = "";

    /** A cookie jar, and the client that uses it. */
    private static final class Jar implements CookieJar {
        final Map<String, Cookie> cookies = Collections.synchronizedMap(new LinkedHashMap<>()); // as browsers list them
        final OkHttpClient http;

        Jar(OkHttpClient base) {
            http = base.newBuilder().cookieJar(this).followRedirects(false).build();
        }

        @Override
        public void saveFromResponse(HttpUrl url, List<Cookie> received) {
            for (Cookie cookie : received) {
                if (cookie.expiresAt() > System.currentTimeMillis()) {
                    cookies.put(cookie.name(), cookie);
                } else {
                    cookies.remove(cookie.name());
                }
            }
        }

        @Override
        public List<Cookie> loadForRequest(HttpUrl url) {
            synchronized (cookies) {
                return cookies.values().stream()
                        .filter(cookie -> cookie.matches(url))
                        .toList();
            }
        }
    }

    /** A response. */
    record Page(int status, Headers headers, String body) {
        JsonNode json() throws IOException {
            return JSON.readTree(body);
        }

        String next() {
            return Objects.requireNonNull(headers.get("Location"), () -> "No redirect, but " + status + ": " + body);
        }

        /** The message of a result page to the window that opened it. */
        JsonNode message() throws IOException {
            Matcher found = MESSAGE.matcher(body);
            if (!found.find()) {
                throw new IOException("This is not a result page: " + status + " " + body);
            }
            return JSON.readTree(found.group(1).replace("&quot;", "\""));
        }
    }

    /** A pane's part of its attempt. Does not print the secret. */
    record Attempt(String tx, String secret, String dialog) {
        @Override
        public String toString() {
            return "Attempt[" + tx + "]";
        }
    }

    PaneClient(String origin, OkHttpClient base) {
        this(origin, new Jar(base), new Jar(base));
    }

    private PaneClient(String origin, Jar pane, Jar popUp) {
        this.origin = origin;
        this.pane = pane;
        this.popUp = popUp;
    }

    /** Opens the pane. */
    Page open() throws IOException {
        return send(pane, new Request.Builder().url(origin + "/").build());
    }

    Page get(String path) throws IOException {
        return send(pane, request(path).build());
    }

    Page post(String path, Map<String, ?> body) throws IOException {
        return send(
                pane,
                request(path)
                        .post(RequestBody.create(JSON.writeValueAsBytes(body)))
                        .build());
    }

    Request.Builder request(String path) {
        return new Request.Builder().url(origin + path).header("Origin", origin).header(AddIn.PANE_HEADER, "1");
    }

    Page send(Request request) throws IOException {
        return send(pane, request);
    }

    private Page send(Jar jar, Request request) throws IOException {
        try (Response response = jar.http.newCall(request).execute()) {
            String body = response.body().string();
            if (request.url().toString().startsWith(origin)) { // the provider's page is not ours
                seen.add(body + '\n' + response.headers());
            }
            return new Page(response.code(), response.headers(), body);
        }
    }

    JsonNode state() throws IOException {
        return get("/api/state").json();
    }

    /** Connects the pane's socket; {@link #hear} waits for its messages. */
    void connect() throws IOException, InterruptedException {
        BlockingQueue<JsonNode> heard = new LinkedBlockingQueue<>(); // an old socket's last messages go elsewhere
        this.heard = heard;
        Request request = new Request.Builder()
                .url(origin + "/socket")
                .header("Origin", origin)
                .build();
        socket = pane.http.newWebSocket(request, new WebSocketListener() {
            @Override
            public void onMessage(WebSocket from, String text) {
                seen.add(text);
                try {
                    heard.add(JSON.readTree(text));
                } catch (IOException e) {
                    heard.add(JSON.createObjectNode().put("type", "nonsense"));
                }
            }

            @Override
            public void onClosing(WebSocket from, int code, String reason) {
                from.close(code, null);
                heard.add(JSON.createObjectNode().put("type", "closed"));
            }

            @Override
            public void onFailure(WebSocket from, Throwable e, @Nullable Response response) {
                heard.add(JSON.createObjectNode()
                        .put("type", "failed")
                        .put("status", response == null ? 0 : response.code()));
            }
        });
        socketId = hear("hello").path("socket").asText();
    }

    /** Returns the next message of a type; others are skipped. */
    JsonNode hear(String type) throws IOException, InterruptedException {
        while (true) {
            JsonNode message = heard.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
            if (message == null) {
                throw new IOException("Heard nothing of the type " + type);
            }
            if (message.path("type").asText().equals(type)) {
                return message;
            }
            if (message.path("type").asText().equals("failed")) {
                throw new IOException("The socket failed: " + message);
            }
        }
    }

    boolean hasHeardNothing() {
        return heard.isEmpty();
    }

    void disconnect() {
        if (socket != null) {
            socket.cancel();
            socket = null;
        }
    }

    /** Clicks <i>Sign in</i>. */
    Attempt begin() throws IOException {
        JsonNode begun = post("/api/sign-in", Map.of("socket", socketId)).json();
        return new Attempt(
                begun.path("tx").asText(),
                begun.path("secret").asText(),
                begun.path("dialog").asText());
    }

    /** The pop-up opens: the provider's page. */
    String openDialog(Attempt attempt) throws IOException {
        return dialog(attempt.dialog()).next();
    }

    Page dialog(String path) throws IOException {
        return send(popUp, new Request.Builder().url(origin + path).build());
    }

    /** The user answers the provider's page in the pop-up, which comes back to us. */
    Page answer(String loginPage, String decision, String user) throws IOException {
        Page page = send(popUp, new Request.Builder().url(loginPage).build());
        if (page.status() != 200 || !page.body().contains("value=\"accept\"")) {
            throw new IOException("This is not a login page: " + page.status() + " " + page.body());
        }
        FormBody form = new FormBody.Builder()
                .add("decision", decision)
                .add("user", user)
                .build();
        Page decided =
                send(popUp, new Request.Builder().url(loginPage).post(form).build());
        return callback(decided.next());
    }

    Page callback(String url) throws IOException {
        return send(popUp, new Request.Builder().url(url).build());
    }

    /** The pane claims the result of the pop-up. */
    Page handOver(String tx, String secret, String token) throws IOException {
        return post("/api/hand-over", Map.of("tx", tx, "secret", secret, "token", token));
    }

    /** The whole sign-in, if nothing goes wrong. */
    void signIn(String user) throws IOException, InterruptedException {
        Attempt attempt = begin();
        JsonNode message = answer(openDialog(attempt), "accept", user).message();
        Page claimed =
                handOver(attempt.tx(), attempt.secret(), message.path("token").asText());
        if (claimed.status() != 204) {
            throw new IOException("Not claimed: " + claimed.status() + " " + claimed.body());
        }
    }

    /** The pane's cookie, as it goes out. */
    String cookie() {
        return cookies(pane);
    }

    /** The pop-up's. */
    String popUpCookies() {
        return cookies(popUp);
    }

    private static String cookies(Jar jar) {
        synchronized (jar.cookies) {
            return jar.cookies.values().stream()
                    .map(cookie -> cookie.name() + "=" + cookie.value())
                    .collect(Collectors.joining("; "));
        }
    }

    /** Another pane of the same browser: the same cookies, a socket of its own. */
    PaneClient another() {
        return new PaneClient(origin, pane, popUp);
    }

    /** All that the server ever sent here. */
    String everythingSeen() {
        return String.join("\n", seen);
    }

    @Override
    public void close() {
        disconnect();
    }
}
