/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.row;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.grantkeeper.token.Identity;
import dev.grantkeeper.token.TokenSet;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * One grant, as the store holds it. Immutable; {@code toString} shows no secret and no personal data.
 *
 * @param login names the login that this grant came from, random; refreshes keep it
 * @param authorizedAt when the user authorised the application
 * @param refreshes how often the tokens were refreshed since the login: of two rows of one login the one with more is newer
 * @param tokens the tokens; {@code null} only for the application's own grant before its first token request
 * @param identity who granted, as far as known
 * @param afterRejection whether these tokens were fetched because an API rejected the ones before
 * @param attempt names the token request that somebody is making for this grant
 * @param refusal why the authorization server will not refresh this grant
 * @param notBefore when the next token request may be made, after failures
 * @param failures how many token requests have failed in a row
 * @param other members that a newer version of the library wrote; kept as they are
 */
public record GrantRow(
        String login,
        Instant authorizedAt,
        long refreshes,
        @Nullable TokenSet tokens,
        @Nullable Identity identity,
        boolean afterRejection,
        @Nullable String attempt,
        @Nullable Refusal refusal,
        @Nullable Instant notBefore,
        int failures,
        @Nullable ObjectNode other) {

    /**
     * Why a grant ended.
     *
     * @param error the {@code error} member of the server's answer
     * @param description the server's {@code error_description}, made harmless
     * @param answerLost whether the refresh token had been sent before, and that answer was lost
     * @param at when
     */
    public record Refusal(String error, @Nullable String description, boolean answerLost, Instant at) {}

    /** A row with nothing but a login. */
    public static GrantRow of(
            String login, Instant authorizedAt, @Nullable TokenSet tokens, @Nullable Identity identity) {
        return new GrantRow(login, authorizedAt, 0, tokens, identity, false, null, null, null, 0, null);
    }

    /** This row while somebody makes the given attempt, or nobody any more. */
    public GrantRow attempting(@Nullable String newAttempt) {
        return new GrantRow(
                login,
                authorizedAt,
                refreshes,
                tokens,
                identity,
                afterRejection,
                newAttempt,
                refusal,
                notBefore,
                failures,
                other);
    }

    /** This row after an attempt that brought tokens. */
    public GrantRow refreshed(TokenSet newTokens, boolean rejected) {
        return new GrantRow(
                login, authorizedAt, refreshes + 1, newTokens, identity, rejected, null, null, null, 0, other);
    }

    /** This row after an attempt that was refused for good. */
    public GrantRow refused(Refusal newRefusal) {
        return new GrantRow(
                login, authorizedAt, refreshes, tokens, identity, afterRejection, null, newRefusal, null, 0, other);
    }

    /** This row after an attempt that failed for now. */
    public GrantRow failedUntil(Instant next) {
        return new GrantRow(
                login,
                authorizedAt,
                refreshes,
                tokens,
                identity,
                afterRejection,
                null,
                refusal,
                next,
                failures + 1,
                other);
    }

    /** This row, as if nothing had been refused and nothing had failed. */
    public GrantRow reconsidered() {
        return new GrantRow(
                login, authorizedAt, refreshes, tokens, identity, afterRejection, attempt, null, null, 0, other);
    }

    @Override
    public String toString() {
        return "GrantRow[login=" + login + ", tokens=" + tokens + (attempt == null ? "" : ", attempt=" + attempt)
                + (refusal == null ? "" : ", refused: " + refusal.error()) + "]";
    }
}
