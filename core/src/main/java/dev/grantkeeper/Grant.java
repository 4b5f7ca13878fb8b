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

/** A stored grant without its secrets, for pages and for operators. A snapshot; immutable and thread-safe. */
public final class Grant {
    private final GrantRow row;
    private final Provider provider;
    private final boolean hasRunOut;

    Grant(GrantRow row, Provider provider, boolean hasRunOut) {
        this.row = row;
        this.provider = provider;
        this.hasRunOut = hasRunOut;
    }

    /**
     * The granted scopes.
     *
     * @return the scopes
     */
    public Set<String> scopes() {
        TokenSet tokens = row.tokens();
        return tokens == null ? Set.of() : tokens.scopes();
    }

    /**
     * The user's identity.
     *
     * @return the identity; empty if the login requested neither OpenID Connect nor the profile
     */
    public Optional<Identity> identity() {
        return Optional.ofNullable(row.identity());
    }

    /**
     * The time of the user's last authorization.
     *
     * @return the time of the login
     */
    public Instant authorizedAt() {
        return row.authorizedAt();
    }

    /**
     * The time of the last successful token request.
     *
     * @return the time; empty if there was none
     */
    public Optional<Instant> refreshedAt() {
        return Optional.ofNullable(row.tokens()).map(TokenSet::receivedAt);
    }

    /**
     * The expiry of the access token. It is refreshed before that.
     *
     * @return the time; empty if unknown
     */
    public Optional<Instant> accessTokenExpiresAt() {
        return Optional.ofNullable(row.tokens()).flatMap(TokenSet::expiresAt);
    }

    /**
     * The end of the user's consent, as far as the server or the preset tells; then the user has to sign in again.
     * Where use extends the consent, this is its end if nothing is called until then.
     *
     * @return the time; empty if unknown, or if the grant has no refresh token
     */
    public Optional<Instant> consentEndsAt() {
        return Optional.ofNullable(Consent.endOf(row, provider));
    }

    /**
     * Whether the user has to sign in before this grant can be used or refreshed again: its refresh was refused, or its
     * access token has expired and there is no refresh token. An access token that an API rejects before its expiry is
     * not recorded here.
     *
     * @return the reason; empty if the grant is in order
     */
    public Optional<LoginRequiredException.Reason> loginRequired() {
        GrantRow.Refusal refusal = row.own().refusal();
        LoginRequiredException.Reason refused = refusal == null
                ? null
                : switch (refusal.kind()) {
                    case ENDED -> LoginRequiredException.Reason.REFUSED;
                    case ANSWER_LOST -> LoginRequiredException.Reason.ANSWER_LOST;
                    case INTERACTION -> LoginRequiredException.Reason.INTERACTION;
                    case BLOCKED -> null; // a login would not help
                };
        return refused == null && hasRunOut
                ? Optional.of(LoginRequiredException.Reason.NO_REFRESH_TOKEN)
                : Optional.ofNullable(refused);
    }

    @Override
    public String toString() {
        return "Grant[authorized " + authorizedAt() + ", scopes " + scopes()
                + loginRequired().map(reason -> ", login required: " + reason).orElse("") + "]";
    }
}
