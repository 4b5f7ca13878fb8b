/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.server.Consent;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.Identity;
import dev.grantkeeper.token.TokenSet;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;

/** What a user has granted, without any secret: for pages and for operators. A snapshot; immutable and thread-safe. */
public final class Grant {
    private final GrantRow row;
    private final Provider provider;

    Grant(GrantRow row, Provider provider) {
        this.row = row;
        this.provider = provider;
    }

    /**
     * What was granted.
     *
     * @return the scopes
     */
    public Set<String> scopes() {
        TokenSet tokens = row.tokens();
        return tokens == null ? Set.of() : tokens.scopes();
    }

    /**
     * Who granted.
     *
     * @return the identity; empty if neither OpenID Connect nor the profile endpoint was asked for
     */
    public Optional<Identity> identity() {
        return Optional.ofNullable(row.identity());
    }

    /**
     * When the user authorised the application last.
     *
     * @return the time of the login
     */
    public Instant authorizedAt() {
        return row.authorizedAt();
    }

    /**
     * When the tokens were fetched last.
     *
     * @return the time of the last token request that succeeded; empty if there was none
     */
    public Optional<Instant> refreshedAt() {
        return Optional.ofNullable(row.tokens()).map(TokenSet::receivedAt);
    }

    /**
     * When the access token expires. It is refreshed before that.
     *
     * @return the time; empty if unknown
     */
    public Optional<Instant> accessTokenExpiresAt() {
        return Optional.ofNullable(row.tokens()).flatMap(TokenSet::expiresAt);
    }

    /**
     * When the user's consent ends, as far as server or preset tell; then the user has to sign in again. Where use
     * extends it, this is the time at which it ends if nothing is called until then.
     *
     * @return the time; empty if unknown, or if there is nothing that could be refreshed
     */
    public Optional<Instant> consentEndsAt() {
        return Optional.ofNullable(Consent.endOf(row, provider));
    }

    /**
     * Whether the user has to sign in again before this grant can be refreshed.
     *
     * @return why; empty if all is well
     */
    public Optional<LoginRequiredException.Reason> loginRequired() {
        GrantRow.Refusal refusal = row.refusal();
        if (refusal == null) {
            return Optional.empty();
        }
        return switch (refusal.kind()) {
            case ENDED -> Optional.of(LoginRequiredException.Reason.REFUSED);
            case ANSWER_LOST -> Optional.of(LoginRequiredException.Reason.ANSWER_LOST);
            case INTERACTION -> Optional.of(LoginRequiredException.Reason.INTERACTION);
            case BLOCKED -> Optional.empty(); // a login would not help
        };
    }

    @Override
    public String toString() {
        return "Grant[authorized " + authorizedAt() + ", scopes " + scopes()
                + loginRequired().map(reason -> ", login required: " + reason).orElse("") + "]";
    }
}
