/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.load;

import java.io.IOException;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;

/** No library at all: one token that never expires. What calls cost by themselves. */
final class ConstantTokens implements Library {
    static final String TOKEN = "constant";

    private final OkHttpClient http;
    private final Addresses addresses;

    ConstantTokens(OkHttpClient http, Addresses addresses) {
        this.http = http;
        this.addresses = addresses;
    }

    @Override
    public void keep(String user, Tokens tokens) {}

    @Override
    public int call(String user) throws IOException {
        Request request = new Request.Builder()
                .url(addresses.api(user))
                .header("Authorization", "Bearer " + TOKEN)
                .build();
        try (Response response = http.newCall(request).execute()) {
            return response.code();
        }
    }
}
