/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.call.TokenSource;
import dev.grantkeeper.internal.protocol.ApiAddresses;
import dev.grantkeeper.internal.refresh.Engine;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.TokenSet;
import okhttp3.Interceptor;
import okhttp3.OkHttpClient;

/** A registration as accounts and finished logins see it. Thread-safe. */
interface Registration {
    /** The key of an account's grant. */
    AccountKey key(String accountId);

    /** Refreshes grants, and does everything else that happens to them. */
    Engine engine();

    /** Stores a login's grant. */
    void keep(GrantRow row, TokenSet tokens, AccountKey key) throws TokenStoreException;

    /** Revokes tokens that nobody will use. */
    void discard(GrantRow row, TokenSet tokens);

    /** The row with the name of the server that issued its tokens, if that is known by now. */
    GrantRow pin(GrantRow row);

    /** Fails if the row's tokens were issued by another server. A refresh checks that itself. */
    void checkIsFromThere(GrantRow row) throws AuthorizationServerException;

    /** The source of an account's tokens, with what the interceptor has to know besides. */
    default TokenSource source(TokenSource tokens) {
        return tokens;
    }

    /** A client that sends these tokens. */
    OkHttpClient wrap(OkHttpClient http, TokenSource source);

    /** The interceptor that {@link #wrap} installs. */
    Interceptor interceptor(TokenSource source);

    /** The addresses that access tokens go to which are not for a particular resource. */
    ApiAddresses apiAddresses();

    /** The provider as far as it is known without metadata: without endpoints. */
    Provider provider();

    /** Waits for tokens on callers' threads. */
    TokenWait tokenWait();

    /** Reports events to the log and to the listener. */
    EventReporter events();

    /** Introspects a token at the server. */
    Introspection introspect(String token) throws AuthorizationServerException;
}
