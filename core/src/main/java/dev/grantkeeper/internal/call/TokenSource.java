/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.call;

import dev.grantkeeper.internal.protocol.ApiAddresses;
import dev.grantkeeper.internal.protocol.Resource;
import dev.grantkeeper.internal.refresh.Outcome;
import dev.grantkeeper.internal.refresh.Refresher;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.TokenSet;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** The source of the interceptor's tokens. Thread-safe. */
public interface TokenSource {
    /** The key of the account. */
    AccountKey key();

    /** The owner of these tokens. */
    Whose whose();

    /**
     * The owner of tokens.
     *
     * @param account an object that is equal for two sources of the same account's tokens
     * @param resource the API that the tokens are for
     */
    record Whose(Object account, Resource resource) {
        @Override
        public String toString() {
            return account.toString();
        }
    }

    /** The addresses that these tokens may be sent to. */
    ApiAddresses addresses();

    /** Whether they may also be sent to the API base that comes with the tokens. */
    boolean goesToApiBase();

    /** Tokens to use now, where that is known; {@code null} where {@link #current} has to find out. */
    Outcome.@Nullable Usable known();

    /** Tokens to use now. */
    CompletableFuture<Outcome> current();

    /** Tokens by what the store has now. An API demanded what a login elsewhere may have brought. */
    CompletableFuture<Outcome> latest();

    /** Looks into the store for the next call: an API refused this one, which a login elsewhere may have changed. */
    void doubt();

    /** Tokens in place of an access token that an API rejected; the same tokens if there are no others. */
    CompletableFuture<Outcome> insteadOf(String rejected);

    /** Reports an access token that an API rejected in a call that cannot be repeated. */
    void invalidate(String rejected);

    /** Whether callers have waited so long for the store, rather than for the authorization server. */
    boolean waitsForStore(Duration atLeast);

    /** Whether a response that demands another login is thrown rather than returned. */
    boolean throwsChallenges();

    /** The key of tokens that are not stored for an account yet. */
    AccountKey NOBODY = new AccountKey("login", "not kept yet");

    /** An account's tokens, kept fresh. */
    static TokenSource of(
            Refresher refresher, AccountKey key, Resource resource, ApiAddresses addresses, boolean throwsChallenges) {
        return new TokenSource() {
            @Override
            public AccountKey key() {
                return key;
            }

            @Override
            public Whose whose() {
                return new Whose(key, resource);
            }

            @Override
            public ApiAddresses addresses() {
                return addresses;
            }

            @Override
            public boolean goesToApiBase() {
                return resource.isOwn();
            }

            @Override
            public Outcome.@Nullable Usable known() {
                return refresher.known(key, resource);
            }

            @Override
            public CompletableFuture<Outcome> current() {
                return refresher.current(key, resource);
            }

            @Override
            public CompletableFuture<Outcome> latest() {
                return refresher.latest(key, resource);
            }

            @Override
            public void doubt() {
                refresher.doubt(key);
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
            public boolean waitsForStore(Duration atLeast) {
                return refresher.waitsForStore(key, atLeast);
            }

            @Override
            public boolean throwsChallenges() {
                return throwsChallenges;
            }
        };
    }

    /** These tokens only. */
    static TokenSource fixed(TokenSet tokens, ApiAddresses addresses) {
        Outcome.Usable usable = new Outcome.Usable(tokens);
        return new TokenSource() {
            @Override
            public Whose whose() {
                return new Whose(tokens, Resource.OWN);
            }

            @Override
            public AccountKey key() {
                return NOBODY;
            }

            @Override
            public ApiAddresses addresses() {
                return addresses;
            }

            @Override
            public boolean goesToApiBase() {
                return true;
            }

            @Override
            public Outcome.Usable known() {
                return usable;
            }

            @Override
            public CompletableFuture<Outcome> current() {
                return CompletableFuture.completedFuture(usable);
            }

            @Override
            public CompletableFuture<Outcome> latest() {
                return current();
            }

            @Override
            public void doubt() {
                // There is no row.
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
            public boolean waitsForStore(Duration atLeast) {
                return false;
            }

            @Override
            public boolean throwsChallenges() {
                return true;
            }
        };
    }
}
