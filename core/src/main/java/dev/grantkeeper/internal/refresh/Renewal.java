/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.answer.TokenResponse;
import dev.grantkeeper.internal.protocol.Resource;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.TokenSet;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * The source of new tokens for a grant. The refresher knows when to send a request and how often; this knows which
 * request.
 */
public interface Renewal {
    /** Returns a row for a key that has none, or {@code null} if a login has to come first. Does no I/O. */
    @Nullable
    GrantRow begin(AccountKey key);

    /** Whether this grant holds what a token request needs. */
    boolean possible(GrantRow row);

    /**
     * The result of a preparation.
     *
     * @param failure the reason for which no request can be made now; {@code null} if one can. One that only a login
     *     can fix is not recorded: another node may know better
     */
    record Prepared(Answer.@Nullable Failure failure) {
        /** A request can be made. */
        public static final Prepared READY = new Prepared(null);
    }

    /**
     * Fetches everything that has to be known before a request can be made. This may take as long as a request; the
     * request itself then waits for none of it. Never completes exceptionally.
     */
    default CompletableFuture<Prepared> prepare(GrantRow row) {
        return CompletableFuture.completedFuture(Prepared.READY);
    }

    /** The name of the endpoint that requests for this grant go to. Trouble at one does not hold back the others. */
    default String endpoint(GrantRow row) {
        return "";
    }

    /** Makes one token request, for an access token for this resource. */
    Answer request(GrantRow row, Resource resource);

    /**
     * Makes one token request.
     *
     * @param rejected whether the tokens in the row have not expired, and were rejected where they were used
     */
    default Answer request(GrantRow row, Resource resource, boolean rejected) {
        return request(row, resource);
    }

    /**
     * Makes the token set for a resource from a grant and a response. Only the grant's own token set holds a refresh
     * token, whichever resource the response is for.
     */
    TokenSet tokens(GrantRow row, Resource resource, TokenResponse response, Instant now);

    /** Returns the row with the name of the server that has just answered, if it had none. */
    default GrantRow pinned(GrantRow row) {
        return row;
    }

    /** The time before an access token's expiry from which the server accepts a refresh; {@code null} for any. */
    default @Nullable Duration earliest() {
        return null;
    }

    /** The kind of replay that is allowed after a lost answer. */
    Provider.Replay replay(GrantRow row);

    /** Whether what came may be used while the store does not have it yet. */
    default boolean isUsableUnsaved() {
        return true;
    }

    /** Withdraws what came and is not going to be used, since another node had stored its own before. */
    default void withdraw(GrantRow lost, GrantRow kept) {
        // Tokens of one grant belong together, and the server ends the old ones by itself.
    }

    /**
     * The time at which the consent behind a grant expires, however often the grant is refreshed; {@code null} if
     * unknown.
     */
    @Nullable
    Instant consentEndsAt(GrantRow row);

    /**
     * Revokes tokens that nobody will use, if the provider supports revocation.
     *
     * @param row the row that held them
     */
    void revoke(GrantRow row, TokenSet tokens);
}
