/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import dev.grantkeeper.internal.wire.Answer;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.time.Duration;

/** What the refresher tells of its work. Implementations throw nothing and return soon. */
public interface RefreshEvents {
    /** New tokens came, and are stored. */
    void refreshed(AccountKey key, TokenSet tokens, Duration took);

    /** Somebody else refreshed while this node waited. */
    void waited(AccountKey key, Duration took);

    /** The token request failed; tokens that are still valid are served on. */
    void servedWhileStale(AccountKey key, TokenSet tokens);

    /** The token request failed. */
    void failed(AccountKey key, Answer.Failure failure);

    /** The authorization server ended the grant. */
    void refused(AccountKey key, String error);

    /** New tokens came, and could not be stored yet. */
    void writePending(AccountKey key, IOException cause);

    /** Tokens that could not be stored are stored now. */
    void writeLanded(AccountKey key);
}
