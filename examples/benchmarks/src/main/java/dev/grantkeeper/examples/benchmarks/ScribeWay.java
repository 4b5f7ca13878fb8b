/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.benchmarks;

import com.github.scribejava.core.builder.ServiceBuilder;
import com.github.scribejava.core.builder.api.DefaultApi20;
import com.github.scribejava.core.model.OAuth2AccessToken;
import com.github.scribejava.core.oauth.OAuth20Service;
import java.io.IOException;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;

/** ScribeJava, which requests tokens; where they are kept and when they expire is the application's own code. */
final class ScribeWay {
    private static final class Api extends DefaultApi20 {
        @Override
        public String getAccessTokenEndpoint() {
            return "https://login.example.com/token";
        }

        @Override
        protected String getAuthorizationBaseUrl() {
            return "https://login.example.com/authorize";
        }
    }

    private record Kept(OAuth2AccessToken token, Instant expiresAt) {}

    private final OAuth20Service service =
            new ServiceBuilder("client").apiSecret("secret").build(new Api());
    private final Map<String, Kept> users = new ConcurrentHashMap<>();

    static AuthorizedCall start(Transport transport) {
        ScribeWay scribe = new ScribeWay();
        scribe.users.put(
                GrantkeeperWays.USER,
                new Kept(
                        new OAuth2AccessToken(
                                Tokens.ACCESS_TOKEN, "Bearer", 86_400, Tokens.REFRESH_TOKEN, "things.read", ""),
                        Tokens.EXPIRES_AT));
        return PlainWays.bearer(transport, () -> scribe.token(GrantkeeperWays.USER));
    }

    private String token(String user) throws IOException {
        Kept kept = users.get(user);
        if (kept == null) {
            throw new IOException("Nobody is signed in");
        }
        if (Instant.now().isAfter(kept.expiresAt().minusSeconds(60))) {
            try {
                OAuth2AccessToken next = service.refreshAccessToken(kept.token().getRefreshToken());
                kept = new Kept(next, Instant.now().plusSeconds(next.getExpiresIn()));
                users.put(user, kept);
            } catch (InterruptedException | ExecutionException e) {
                throw new IOException(e);
            }
        }
        return kept.token().getAccessToken();
    }
}
