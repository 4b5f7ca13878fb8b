/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import dev.grantkeeper.internal.protocol.Resource;
import dev.grantkeeper.internal.refresh.Memory.Remembered;
import dev.grantkeeper.internal.refresh.Outcome.StoreFailed;
import dev.grantkeeper.internal.refresh.Outcome.Usable;
import dev.grantkeeper.internal.refresh.UnsavedTokens.Unsaved;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** The tokens to serve while the store is unreachable. Thread-safe. */
final class Fallback {
    private final UnsavedTokens unsaved;
    private final Memory memory;
    private final Clocks clocks;

    Fallback(UnsavedTokens unsaved, Memory memory, Clocks clocks) {
        this.unsaved = unsaved;
        this.memory = memory;
        this.clocks = clocks;
    }

    /**
     * Returns tokens that the store does not have yet, or the remembered ones, which then have to do for a while.
     *
     * @param rejected an access token that an API rejected, and that is not served
     * @param cause the failure of the store, which is the outcome if there are no tokens
     */
    Outcome withoutStore(AccountKey key, Resource resource, @Nullable String rejected, IOException cause) {
        Unsaved pending = unsaved.toServe(key);
        if (pending != null && !pending.isOutlived(memory.get(key))) {
            TokenSet ofUse = pending.ofUse(resource, rejected, clocks);
            if (ofUse != null) {
                return new Usable(ofUse);
            }
        }
        Remembered known = remembered(key, resource, rejected);
        TokenSet tokens = known == null ? null : known.tokens(resource);
        if (known == null || tokens == null) {
            return new StoreFailed(cause);
        }
        known.trustAgain(clocks);
        return new Usable(tokens);
    }

    /** Whether there are remembered tokens that can still be used. */
    boolean remembers(AccountKey key, Resource resource) {
        return remembered(key, resource, null) != null;
    }

    /** The remembered row, if its tokens can still be used and are not the rejected ones. */
    private @Nullable Remembered remembered(AccountKey key, Resource resource, @Nullable String rejected) {
        Remembered known = memory.get(key);
        TokenSet tokens = known == null ? null : known.tokens(resource);
        return known != null
                        && tokens != null
                        && !tokens.accessToken().equals(rejected)
                        && !known.limits(resource).expired(clocks)
                ? known
                : null;
    }
}
