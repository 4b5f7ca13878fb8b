/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;

/** What the refresher tells of its work. Implementations throw nothing and return soon. */
public interface RefreshEvents {
    /** Why a refresh was made. */
    enum Cause {
        /** The tokens before were about to expire; nobody had to wait. */
        AHEAD,
        /** The tokens before had expired, or nearly. */
        EXPIRED,
        /** An API had rejected the tokens before. */
        REJECTED
    }

    /** New tokens came, and are stored. */
    void refreshed(AccountKey key, TokenSet tokens, Cause cause, Duration took);

    /** The user's consent ends in a while, and cannot be extended but by a login. */
    void consentEndsSoon(AccountKey key, Instant endsAt);

    /** Somebody else refreshed while this node waited. */
    void waited(AccountKey key, Duration took);

    /** The token request failed; tokens that are still valid are served on. */
    void servedWhileStale(AccountKey key, TokenSet tokens);

    /** The token request failed. */
    void failed(AccountKey key, Answer.Failure failure, Duration took);

    /** The authorization server ended the grant. */
    void refused(AccountKey key, String error, Duration took);

    /** New tokens came, and could not be stored yet. */
    void writePending(AccountKey key, IOException cause);

    /** The store had lost tokens that it once had, and they were written again. */
    void storedAgain(AccountKey key);

    /** Tokens that could not be stored are stored now, so long after they came. */
    void writeCompleted(AccountKey key, Duration took);
}
