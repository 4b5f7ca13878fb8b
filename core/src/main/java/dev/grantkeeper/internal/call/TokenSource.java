/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.call;

import dev.grantkeeper.internal.refresh.Outcome;
import dev.grantkeeper.internal.refresh.Refresher;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.TokenSet;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** Where the interceptor gets tokens from. Thread-safe. */
public interface TokenSource {
    /** Whose tokens these are. */
    AccountKey key();

    /** What two sources have in common that give the same user's tokens. */
    default Object whose() {
        return key();
    }

    /** Where these tokens may go. */
    Set<String> origins();

    /** Whether they may go to the API base that comes with the tokens, too. */
    boolean goesToApiBase();

    /** Tokens to use now. */
    CompletableFuture<Outcome> current();

    /** Tokens in place of some that an API rejected; the same again if there are no others. */
    CompletableFuture<Outcome> insteadOf(String rejected);

    /** Some tokens were rejected, and the call cannot be repeated. */
    void invalidate(String rejected);

    /** Whether it is the store that everybody waits for. */
    boolean waitsForStore();

    /** Whether an answer that asks for another login is thrown rather than returned. */
    boolean throwsChallenges();

    /** A key for tokens that belong to nobody yet. */
    AccountKey NOBODY = new AccountKey("login", "not kept yet");

    /** An account's tokens, kept fresh. */
    static TokenSource of(
            Refresher refresher,
            AccountKey key,
            @Nullable String resource,
            Set<String> origins,
            boolean throwsChallenges) {
        return new TokenSource() {
            @Override
            public AccountKey key() {
                return key;
            }

            @Override
            public Set<String> origins() {
                return origins;
            }

            @Override
            public boolean goesToApiBase() {
                return resource == null;
            }

            @Override
            public CompletableFuture<Outcome> current() {
                return refresher.current(key, resource);
            }

            @Override
            public CompletableFuture<Outcome> insteadOf(String rejected) {
                return refresher.insteadOf(key, resource, rejected);
            }

            @Override
            public void invalidate(String rejected) {
                refresher.invalidate(key, resource, rejected);
            }

            @Override
            public boolean waitsForStore() {
                return refresher.waitsForStore(key);
            }

            @Override
            public boolean throwsChallenges() {
                return throwsChallenges;
            }
        };
    }

    /** These tokens and no others. */
    static TokenSource fixed(TokenSet tokens, Set<String> origins) {
        return new TokenSource() {
            @Override
            public Object whose() {
                return tokens;
            }

            @Override
            public AccountKey key() {
                return NOBODY;
            }

            @Override
            public Set<String> origins() {
                return origins;
            }

            @Override
            public boolean goesToApiBase() {
                return true;
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

            @Override
            public boolean throwsChallenges() {
                return true;
            }
        };
    }
}
