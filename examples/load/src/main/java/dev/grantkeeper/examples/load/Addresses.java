/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.load;

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
}
