/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.load;

import dev.grantkeeper.Account;
import dev.grantkeeper.Grantkeeper;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.SealingKeys;
import dev.grantkeeper.token.TokenSet;
import dev.grantkeeper.token.TokenStore;
import java.io.IOException;
import okhttp3.OkHttpClient;
import okhttp3.Request;

/** Grantkeeper with its default settings. */
final class GrantkeeperLibrary implements Library {
    private final Grantkeeper grantkeeper;
    private final OkHttpClient api;
    private final Addresses addresses;

    GrantkeeperLibrary(String name, Provider.Replay replay, OkHttpClient http, Addresses addresses, TokenStore store) {
        this.grantkeeper = builder(name, replay, addresses, store).build();
        this.api = grantkeeper.wrap(http);
        this.addresses = addresses;
    }

    static Grantkeeper.Builder builder(String name, Provider.Replay replay, Addresses addresses, TokenStore store) {
        Provider provider = Provider.builder("load")
                .allowHttpOnLoopback()
                .authorizationEndpoint(addresses.authorizationEndpoint())
                .tokenEndpoint(addresses.tokenEndpoint())
                .apiOrigins(addresses.origin())
                .replay(replay)
                .build();
        return Grantkeeper.builder(provider)
                .registration(name)
                .clientId(Addresses.CLIENT_ID)
                .clientSecret(Addresses.CLIENT_SECRET)
                .redirectUri(Addresses.REDIRECT_URI)
                .scopes("things.read")
                .tokenStore(store)
                .sealingKeys(SealingKeys.of("v7Qm2Xr9Ls4Tn8Yb3Wd6Zk1Pf5Hc0Jg-"));
    }

    static TokenSet tokenSet(Tokens tokens) {
        return TokenSet.builder(tokens.access())
                .refreshToken(tokens.refresh())
                .receivedAt(tokens.receivedAt())
                .expiresAt(tokens.expiresAt())
                .scopes("things.read")
                .build();
    }

    Account account(String user) {
        return grantkeeper.account(user);
    }

    @Override
    public void keep(String user, Tokens tokens) throws IOException {
        if (!account(user).importTokens(tokenSet(tokens))) {
            throw new IOException(user + " has a grant already");
        }
    }

    @Override
    public int call(String user) throws IOException {
        return Addresses.status(
                api,
                new Request.Builder()
                        .url(addresses.api(user))
                        .tag(Account.class, account(user))
                        .build());
    }
}
