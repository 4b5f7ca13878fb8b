/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.server;

import dev.grantkeeper.internal.refresh.Clocks;
import dev.grantkeeper.internal.refresh.Renewal;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.row.RowFormat;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.TokenSet;
import java.time.Instant;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * Renews tokens that no user has to sign in for: each request stands for itself, and spends no refresh token.
 * Thread-safe.
 */
abstract class UserlessRenewal implements Renewal {
    final AuthorizationServer server;
    final Revocation revocation;
    private final Clocks time;

    UserlessRenewal(AuthorizationServer server, Revocation revocation, Clocks time) {
        this.server = server;
        this.revocation = revocation;
        this.time = time;
    }

    @Override
    public GrantRow begin(AccountKey key) {
        return GrantRow.of(RowFormat.newName(), time.now(), null, null);
    }

    @Override
    public final boolean possible(GrantRow row) {
        return true;
    }

    @Override
    public final CompletableFuture<Prepared> prepare(GrantRow row) {
        return server.prepare(row);
    }

    /** Nothing is spent, unless the server accepts an assertion only once, and then it says so. */
    @Override
    public final Provider.Replay replay(GrantRow row) {
        return Provider.Replay.PROMPT;
    }

    @Override
    public final @Nullable Instant consentEndsAt(GrantRow row) {
        return null; // no user has consented to this request
    }

    @Override
    public final void revoke(GrantRow row, TokenSet tokens) {
        revocation.revoke(tokens);
    }
}
