/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.load;

import java.io.IOException;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;

/**
 * The server's addresses, and what it knows the application by.
 *
 * @param port where it listens
 */
record Addresses(int port) {
    static final String CLIENT_ID = "load";
    static final String CLIENT_SECRET = "load-secret";
    static final String REDIRECT_URI = "http://127.0.0.1:8888/callback";

    String origin() {
        return "http://127.0.0.1:" + port;
    }

    String tokenEndpoint() {
        return origin() + "/token";
    }

    String authorizationEndpoint() {
        return origin() + "/authorize";
    }

    String api(String user) {
        return origin() + "/api/" + user;
    }

    /** Calls the API for a user with a token; returns the status. */
    int call(OkHttpClient http, String user, String token) throws IOException {
        return status(
                http,
                new Request.Builder()
                        .url(api(user))
                        .header("Authorization", "Bearer " + token)
                        .build());
    }

    /** Calls the API; returns the status. */
    static int status(OkHttpClient http, Request request) throws IOException {
        try (Response response = http.newCall(request).execute()) {
            return response.code();
        }
    }
}
