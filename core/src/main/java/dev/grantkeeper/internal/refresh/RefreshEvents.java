/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;

/** The refresher's reports of its work. Implementations throw nothing and return soon. */
public interface RefreshEvents {
    /** The cause of a refresh. */
    enum Cause {
        /** The previous tokens were about to expire; nobody had to wait. */
        AHEAD,
        /** The previous tokens had expired, or nearly. */
        EXPIRED,
        /** An API had rejected the previous tokens. */
        REJECTED
    }

    /** New tokens arrived and are stored. */
    void refreshed(AccountKey key, TokenSet tokens, Cause cause, Duration took);

    /** The user's consent expires soon, and only a login can extend it. */
    void consentEndsSoon(AccountKey key, Instant endsAt);

    /** Somebody else refreshed while this node waited. */
    void waited(AccountKey key, Duration took);

    /** The token request failed; tokens that are still valid keep being served. */
    void servedWhileStale(AccountKey key, TokenSet tokens);

    /** The token request failed. */
    void failed(AccountKey key, Answer.Failure failure, Duration took);

    /** The authorization server will not refresh the grant any more. */
    void refused(AccountKey key, String error, Duration took);

    /** A grant without refresh token is of no more use: its access token expired, or an API rejected it. */
    void ranOut(AccountKey key, String login);

    /** An API rejected tokens that had just replaced rejected ones; no others are requested for now. */
    void rejectedAgain(AccountKey key, TokenSet tokens);

    /** New tokens arrived and could not be stored yet. */
    void writePending(AccountKey key, IOException cause);

    /** The store had lost tokens that it once had, and they were written again. */
    void storedAgain(AccountKey key);

    /** Tokens that could not be stored before are stored now, this long after they arrived. */
    void writeCompleted(AccountKey key, Duration took);
}
