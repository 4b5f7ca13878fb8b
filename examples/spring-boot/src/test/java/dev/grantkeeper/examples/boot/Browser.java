/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.boot;

import dev.grantkeeper.testkit.FakeAuthorizationServer;
import java.io.IOException;
import java.net.CookieManager;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

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

    /** Presses a button. */
    HttpResponse<String> post(String url) throws IOException, InterruptedException {
        return send(HttpRequest.newBuilder(URI.create(url)).POST(HttpRequest.BodyPublishers.noBody()));
    }

    HttpResponse<String> send(HttpRequest.Builder request) throws IOException, InterruptedException {
        return http.send(request.build(), HttpResponse.BodyHandlers.ofString());
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
