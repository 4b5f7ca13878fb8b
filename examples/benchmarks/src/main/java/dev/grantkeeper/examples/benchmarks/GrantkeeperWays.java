/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.benchmarks;

import dev.grantkeeper.Account;
import dev.grantkeeper.Grantkeeper;
import dev.grantkeeper.RequestAuthorization;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.store.memory.MemoryTokenStore;
import dev.grantkeeper.token.SealingKeys;
import dev.grantkeeper.token.TokenSet;
import dev.grantkeeper.token.TokenStore;
import java.io.IOException;
import java.util.Optional;
import okhttp3.OkHttpClient;
import okhttp3.Request;

/** Grantkeeper, as its README uses it. */
final class GrantkeeperWays {
    static final String USER = "alice";
    static final String SECRET = "v7Qm2Xr9Ls4Tn8Yb3Wd6Zk1Pf5Hc0Jg-";

    private GrantkeeperWays() {}

    /** A registration whose API is the transport's. */
    static Grantkeeper.Builder builder(Transport transport, TokenStore store) {
        return Grantkeeper.builder(Provider.builder("diary")
                        .allowHttpOnLoopback()
                        .authorizationEndpoint("https://login.example.com/authorize")
                        .tokenEndpoint("https://login.example.com/token")
                        .apiOrigins(transport.origin())
                        .build())
                .clientId("client")
                .clientSecret("secret")
                .redirectUri("https://diary.example.com/callback")
                .scopes("things.read")
                .tokenStore(store)
                .sealingKeys(SealingKeys.of(SECRET));
    }

    /** Tokens as after a login. */
    static TokenSet tokens() {
        return TokenSet.builder(Tokens.ACCESS_TOKEN)
                .refreshToken(Tokens.REFRESH_TOKEN)
                .receivedAt(Tokens.ISSUED_AT)
                .expiresAt(Tokens.EXPIRES_AT)
                .build();
    }

    /** A registration with one user. */
    static Grantkeeper signedIn(Transport transport, TokenStore store) {
        Grantkeeper grantkeeper = builder(transport, store).build();
        importTokens(grantkeeper, USER);
        return grantkeeper;
    }

    /** Stores tokens for a user, unless there are some. */
    static void importTokens(Grantkeeper grantkeeper, String user) {
        try {
            grantkeeper.account(user).importTokens(tokens());
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    static AuthorizedCall wrappedAccount(Transport transport) {
        return wrappedAccount(transport, signedIn(transport, MemoryTokenStore.create()));
    }

    static AuthorizedCall wrappedAccount(Transport transport, Grantkeeper grantkeeper) {
        return PlainWays.of(transport, grantkeeper.account(USER).wrap(transport.client()));
    }

    /** One client for all users; the account is a tag of the request. */
    static AuthorizedCall taggedRequest(Transport transport) {
        Grantkeeper grantkeeper = signedIn(transport, MemoryTokenStore.create());
        OkHttpClient api = transport.ending(grantkeeper.wrap(transport.client()));
        Request request = transport
                .request()
                .newBuilder()
                .tag(Account.class, grantkeeper.account(USER))
                .build();
        return () -> PlainWays.send(api, request);
    }

    /** The same, and each call makes its request and looks the account up. */
    static AuthorizedCall accountOfEachCall(Transport transport) {
        Grantkeeper grantkeeper = signedIn(transport, MemoryTokenStore.create());
        OkHttpClient api = transport.ending(grantkeeper.wrap(transport.client()));
        Request request = transport.request();
        return () -> PlainWays.send(
                api,
                request.newBuilder()
                        .tag(Account.class, grantkeeper.account(USER))
                        .build());
    }

    /** The header for another HTTP client; here it is OkHttp as well. */
    static AuthorizedCall authorization(Transport transport) {
        Grantkeeper grantkeeper = signedIn(transport, MemoryTokenStore.create());
        Account account = grantkeeper.account(USER);
        OkHttpClient client = transport.ending(transport.client());
        Request request = transport.request();
        return () -> {
            Optional<RequestAuthorization> authorization = account.authorization(transport.uri());
            return PlainWays.send(
                    client,
                    request.newBuilder()
                            .header(
                                    authorization.orElseThrow().headerName(),
                                    authorization.orElseThrow().headerValue())
                            .build());
        };
    }
}
