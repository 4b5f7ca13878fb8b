/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.load;

import java.io.IOException;
import okhttp3.OkHttpClient;

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
        return addresses.call(http, user, TOKEN);
    }
}
