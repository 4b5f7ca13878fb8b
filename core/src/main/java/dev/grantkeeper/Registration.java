/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.refresh.Engine;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.TokenSet;
import java.util.Set;
import okhttp3.Interceptor;
import okhttp3.OkHttpClient;

/** What accounts and finished logins need of the registration that they belong to. Thread-safe. */
interface Registration {
    /** Under which key an account's grant is filed here. */
    AccountKey key(String accountId);

    /** What refreshes grants, and does everything else that happens to them. */
    Engine engine();

    /** Stores a login's grant. */
    void keep(GrantRow row, TokenSet tokens, AccountKey key) throws TokenStoreException;

    /** Gives tokens back that nobody will use. */
    void discard(TokenSet tokens);

    /** The row with the name of the server that gave the tokens, if that is known by now. */
    GrantRow pin(GrantRow row);

    /** Before its tokens are shown to the server for another purpose than refreshing, which looks itself. */
    void checkIsFromThere(GrantRow row) throws AuthorizationServerException;

    /** A client that sends these tokens. */
    OkHttpClient wrap(OkHttpClient http, TokenSource source);

    /** What {@link #wrap} adds. */
    Interceptor interceptor(TokenSource source);

    /** Where access tokens go that are not for a particular resource. */
    Set<String> apiOrigins();

    /** What is known of the provider without asking it; no endpoints among it. */
    Provider provider();

    /** How callers wait for tokens. */
    Waiting waiting();

    /** Who hears what happens. */
    Listening listening();

    /** What the server says of a token. */
    Introspection introspect(String token) throws AuthorizationServerException;
}
