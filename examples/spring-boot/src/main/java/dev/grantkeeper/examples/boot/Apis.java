/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.boot;

import dev.grantkeeper.Account;
import dev.grantkeeper.Grantkeeper;
import java.io.IOException;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import org.springframework.stereotype.Component;

/** Calls the two APIs for a user. That tokens expire is no concern of this class. */
@Component
class Apis {
    private final Settings settings;
    private final Grantkeeper spotify;
    private final Grantkeeper acme;
    private final OkHttpClient spotifyHttp;
    private final OkHttpClient acmeHttp;

    Apis(Settings settings, Grantkeeper spotify, Grantkeeper acme, OkHttpClient http) {
        this.settings = settings;
        this.spotify = spotify;
        this.acme = acme;
        this.spotifyHttp = spotify.wrap(http);
        this.acmeHttp = acme.wrap(http);
    }

    String recentlyPlayed(String user) throws IOException {
        return get(spotifyHttp, spotify.account(user), settings.spotify().api());
    }

    String profile(String user) throws IOException {
        return get(acmeHttp, acme.account(user), settings.acme().api());
    }

    private static String get(OkHttpClient http, Account account, String url) throws IOException {
        Request request =
                new Request.Builder().url(url).tag(Account.class, account).build();
        try (Response response = http.newCall(request).execute()) {
            if (!response.isSuccessful()) {
                throw new IOException(url + " answered " + response.code());
            }
            return response.body().string();
        }
    }
}
