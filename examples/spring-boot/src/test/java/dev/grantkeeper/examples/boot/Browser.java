/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.boot;

import dev.grantkeeper.testkit.FakeAuthorizationServer;
import java.io.IOException;
import java.net.CookieManager;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** As much of a browser as the tests need: cookies, pages, scripts, and redirects that it follows when told to. */
final class Browser {
    private final HttpClient http =
            HttpClient.newBuilder().cookieHandler(new CookieManager()).build();

    /** Opens a page. */
    HttpResponse<String> page(String url) throws IOException, InterruptedException {
        return send(HttpRequest.newBuilder(URI.create(url)).header("Accept", "text/html,*/*;q=0.8"));
    }

    /** Does what a page's script does. */
    HttpResponse<String> fetch(String url) throws IOException, InterruptedException {
        return send(HttpRequest.newBuilder(URI.create(url)));
    }

    /** Fetches so many times at once, from the URLs in turns, and returns the status of each answer. */
    List<Integer> fetch(int times, String... urls) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(times);
        try {
            List<Callable<Integer>> calls = new ArrayList<>();
            for (int i = 0; i < times; i++) {
                String url = urls[i % urls.length];
                calls.add(() -> fetch(url).statusCode());
            }
            List<Integer> statuses = new ArrayList<>();
            for (Future<Integer> answer : threads.invokeAll(calls)) {
                statuses.add(answer.get());
            }
            return statuses;
        } finally {
            threads.shutdown();
        }
    }

    /** Presses a button. */
    HttpResponse<String> post(String url) throws IOException, InterruptedException {
        return send(HttpRequest.newBuilder(URI.create(url)).POST(HttpRequest.BodyPublishers.noBody()));
    }

    HttpResponse<String> send(HttpRequest.Builder request) throws IOException, InterruptedException {
        return http.send(request.timeout(Duration.ofSeconds(40)).build(), HttpResponse.BodyHandlers.ofString());
    }

    /** Signs in, and returns the address that the application leads to afterwards. */
    String signIn(String origin, String registration, FakeAuthorizationServer server, String user)
            throws IOException, InterruptedException {
        return approve(post(origin + "/login/" + registration), server, user);
    }

    /** Agrees on the page that this answer leads to. */
    String approve(HttpResponse<String> redirect, FakeAuthorizationServer server, String user)
            throws IOException, InterruptedException {
        return target(page(server.approve(target(redirect), user)));
    }

    /** The address that a redirect leads to. */
    static String target(HttpResponse<String> redirect) {
        String location = redirect.headers()
                .firstValue("Location")
                .orElseThrow(
                        () -> new AssertionError("No redirect, but " + redirect.statusCode() + " " + redirect.body()));
        return redirect.uri().resolve(location).toString();
    }
}
