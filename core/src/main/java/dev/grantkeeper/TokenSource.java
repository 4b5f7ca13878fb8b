/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.refresh.Outcome;
import dev.grantkeeper.internal.refresh.Refresher;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.TokenSet;
import java.util.concurrent.CompletableFuture;

/** Where the interceptor gets tokens from. Thread-safe. */
interface TokenSource {
    /** Whose tokens these are. */
    AccountKey key();

    /** Tokens to use now. */
    CompletableFuture<Outcome> current();

    /** Tokens in place of some that an API rejected; the same again if there are no others. */
    CompletableFuture<Outcome> insteadOf(String rejected);

    /** Some tokens were rejected, and the call cannot be repeated. */
    void invalidate(String rejected);

    /** Whether it is the store that everybody waits for. */
    boolean waitsForStore();

    /** A key for tokens that belong to nobody yet. */
    AccountKey NOBODY = new AccountKey("login", "not kept yet");

    /** An account's tokens, kept fresh. */
    static TokenSource of(Refresher refresher, AccountKey key) {
        return new TokenSource() {
            @Override
            public AccountKey key() {
                return key;
            }

            @Override
            public CompletableFuture<Outcome> current() {
                return refresher.current(key);
            }

            @Override
            public CompletableFuture<Outcome> insteadOf(String rejected) {
                return refresher.insteadOf(key, rejected);
            }

            @Override
            public void invalidate(String rejected) {
                refresher.invalidate(key, rejected);
            }

            @Override
            public boolean waitsForStore() {
                return refresher.waitsForStore(key);
            }
        };
    }

    /** These tokens and no others. */
    static TokenSource fixed(TokenSet tokens) {
        return new TokenSource() {
            @Override
            public AccountKey key() {
                return NOBODY;
            }

            @Override
            public CompletableFuture<Outcome> current() {
                return CompletableFuture.completedFuture(new Outcome.Usable(tokens));
            }

            @Override
            public CompletableFuture<Outcome> insteadOf(String rejected) {
                return current();
            }

            @Override
            public void invalidate(String rejected) {
                // There are no others.
            }

            @Override
            public boolean waitsForStore() {
                return false;
            }
        };
    }
}
