/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.answer.TokenResponse;
import dev.grantkeeper.internal.protocol.Resource;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.TokenSet;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** Where new tokens for a grant come from. The refresher knows when to ask and how often; this knows what to ask. */
public interface Renewal {
    /** A row for a key that has none, or {@code null} where a login has to come first. */
    @Nullable
    GrantRow begin();

    /** Whether this grant holds what a token request needs. */
    boolean possible(GrantRow row);

    /**
     * Finds out whatever has to be known before a request can be made. May take as long as a request; afterwards one
     * can be made without any of that.
     *
     * @return why none can be made now; {@code null} if one can
     */
    default Answer.@Nullable Failure prepare() {
        return null;
    }

    /** Makes one token request, for an access token for this resource. */
    Answer request(GrantRow row, Resource resource);

    /**
     * The token set for a resource that a response makes of a grant. Only the grant's own holds a refresh token,
     * whatever the one in the response was sent for.
     */
    TokenSet tokens(GrantRow row, Resource resource, TokenResponse response, Instant now);

    /** A row with the name of the server that has just answered for it, if it had none. */
    default GrantRow pinned(GrantRow row) {
        return row;
    }

    /** What may be done after a lost answer. */
    Provider.Replay replay();

    /**
     * When the consent ends that a grant rests on, however often it is refreshed until then; {@code null} if unknown.
     */
    @Nullable
    Instant consentEndsAt(GrantRow row);

    /**
     * Gives tokens back that nobody will use, as far as the provider can.
     *
     * @param row where they were
     */
    void revoke(GrantRow row, TokenSet tokens);
}
