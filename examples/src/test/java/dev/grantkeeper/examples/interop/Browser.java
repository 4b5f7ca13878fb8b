/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.interop;

import java.io.IOException;
import java.net.URI;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import okhttp3.FormBody;
import okhttp3.HttpUrl;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;

/**
 * As much of a browser as a login at Keycloak needs, and the user in front of it. It stops where the application would
 * be called back. Each one has a session of its own. Not thread-safe.
 */
final class Browser {
    private static final Pattern FORM = Pattern.compile("<form\\s[^>]*id=\"kc-form-login\"[^>]*>");
    private static final Pattern ACTION = Pattern.compile("\\saction=\"([^\"]+)\"");
    private static final Pattern CONSENT = Pattern.compile("name=\"code\"\\s+value=\"([^\"]+)\"");
    private static final Pattern HIDDEN =
            Pattern.compile("<INPUT TYPE=\"HIDDEN\" NAME=\"([^\"]+)\" VALUE=\"([^\"]*)\"");
    private static final int MOST_PAGES = 10;

    private final OkHttpClient http =
            new OkHttpClient.Builder().followRedirects(false).build();

    /** Kept by hand: Keycloak's cookies are Secure even over http, and a cookie jar would not send them back. */
    private final Map<String, String> cookies = new LinkedHashMap<>();

    private final String redirectUri;

    Browser(String redirectUri) {
        this.redirectUri = redirectUri;
    }

    /** Goes where a login sends it, signs in if it is asked to, and returns the callback: its query, or its form. */
    String login(URI url, String user, String password) throws IOException {
        Request next = new Request.Builder().url(url.toString()).build();
        for (int i = 0; i < MOST_PAGES; i++) {
            try (Response response = http.newCall(withCookies(next)).execute()) {
                keepCookies(response);
                String location = response.header("Location");
                if (location == null) {
                    String page = response.body().string();
                    if (page.contains("ACTION=\"" + redirectUri + "\"")) {
                        return posted(page);
                    }
                    next = signIn(page, response.code(), user, password);
                    continue;
                }
                HttpUrl target = response.request().url().resolve(location);
                if (target == null) {
                    throw new IOException("Keycloak redirects to something that is no URL");
                }
                if (location.startsWith(redirectUri + "?")) {
                    return String.valueOf(target.encodedQuery());
                }
                next = new Request.Builder().url(target).build();
            }
        }
        throw new IOException("The login has not ended after " + MOST_PAGES + " pages");
    }

    /** Opens the page that a device shows, signs in and agrees, until there is nothing more to fill in. */
    void approveDevice(URI url, String user, String password) throws IOException {
        Request next = new Request.Builder().url(url.toString()).build();
        for (int i = 0; i < MOST_PAGES; i++) {
            try (Response response = http.newCall(withCookies(next)).execute()) {
                keepCookies(response);
                String location = response.header("Location");
                HttpUrl target =
                        location == null ? null : response.request().url().resolve(location);
                if (target != null) {
                    next = new Request.Builder().url(target).build();
                    continue;
                }
                String page = response.body().string();
                Matcher code = CONSENT.matcher(page);
                Matcher action = ACTION.matcher(page);
                if (FORM.matcher(page).find()) {
                    next = signIn(page, response.code(), user, password);
                } else if (code.find() && action.find()) {
                    next = new Request.Builder()
                            .url(String.valueOf(response.request()
                                    .url()
                                    .resolve(action.group(1).replace("&amp;", "&"))))
                            .post(new FormBody.Builder()
                                    .add("code", code.group(1))
                                    .add("accept", "Yes")
                                    .build())
                            .build();
                } else {
                    return;
                }
            }
        }
        throw new IOException("The device is not connected after " + MOST_PAGES + " pages");
    }

    /** The body of a form that the browser would post by itself. */
    private static String posted(String page) {
        HttpUrl.Builder form = HttpUrl.get("http://localhost/").newBuilder();
        Matcher field = HIDDEN.matcher(page);
        while (field.find()) {
            form.addQueryParameter(field.group(1), field.group(2));
        }
        return String.valueOf(form.build().encodedQuery());
    }

    private static Request signIn(String page, int status, String user, String password) throws IOException {
        Matcher form = FORM.matcher(page);
        Matcher action = form.find() ? ACTION.matcher(form.group()) : null;
        if (action == null || !action.find()) {
            throw new IOException("Keycloak shows no login form, status " + status);
        }
        return new Request.Builder()
                .url(action.group(1).replace("&amp;", "&"))
                .post(new FormBody.Builder()
                        .add("username", user)
                        .add("password", password)
                        .build())
                .build();
    }

    private Request withCookies(Request request) {
        if (cookies.isEmpty()) {
            return request;
        }
        String header = cookies.entrySet().stream()
                .map(cookie -> cookie.getKey() + "=" + cookie.getValue())
                .collect(Collectors.joining("; "));
        return request.newBuilder().header("Cookie", header).build();
    }

    private void keepCookies(Response response) {
        for (String header : response.headers("Set-Cookie")) {
            String pair = header.split(";", 2)[0];
            int equals = pair.indexOf('=');
            if (header.contains("Max-Age=0")) {
                cookies.remove(pair.substring(0, equals));
            } else {
                cookies.put(pair.substring(0, equals), pair.substring(equals + 1));
            }
        }
    }
}
