/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.row;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.grantkeeper.token.Identity;
import dev.grantkeeper.token.TokenSet;
import java.time.Instant;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One grant, as the store holds it. Immutable; {@code toString} shows no secret and no personal data.
 *
 * @param login names the login that this grant came from, random; refreshes keep it
 * @param authorizedAt when the user authorised the application
 * @param refreshes how often the tokens were refreshed since the login: of two rows of one login the one with more is
 *     newer
 * @param tokens the tokens; {@code null} only for the application's own grant before its first token request
 * @param identity who granted, as far as known
 * @param server where the tokens were issued, as the provider names its token server; {@code null} if that was not
 *     written down
 * @param afterRejection whether these tokens were fetched because an API rejected the ones before
 * @param attempt names the token request that somebody is making for this grant
 * @param refusal why the authorization server will not refresh this grant
 * @param notBefore when the next token request may be made, after failures
 * @param failures how many token requests have failed in a row
 * @param resources access tokens for other resources that came from the same refresh token (RFC 8707), each with its
 *     own failures
 * @param other members that a newer version of the library wrote; kept as they are
 */
public record GrantRow(
        String login,
        Instant authorizedAt,
        long refreshes,
        @Nullable TokenSet tokens,
        @Nullable Identity identity,
        @Nullable String server,
        boolean afterRejection,
        @Nullable String attempt,
        @Nullable Refusal refusal,
        @Nullable Instant notBefore,
        int failures,
        Map<String, State> resources,
        @Nullable ObjectNode other) {

    /** More would not fit beside each other into what a store takes. */
    private static final int MOST_RESOURCES = 30;

    /**
     * Why a grant ended.
     *
     * @param error the {@code error} member of the server's answer
     * @param description the server's {@code error_description}, made harmless
     * @param kind what it means
     * @param claims what a login has to ask for, a JSON object
     * @param at when
     */
    public record Refusal(
            String error,
            @Nullable String description,
            Kind kind,
            @Nullable String claims,
            Instant at) {
        /** What a refusal means. */
        public enum Kind {
            /** The grant has ended. */
            ENDED,
            /** The refresh token had been sent before, and that answer was lost. */
            ANSWER_LOST,
            /** The server wants to see the user, and would then go on with this grant, too. */
            INTERACTION,
            /** A policy stands against it; the pause of the row tells when to ask again. */
            BLOCKED
        }

        /** Whether only another login ends it. */
        public boolean wantsLogin() {
            return kind != Kind.BLOCKED;
        }

        private boolean isAboutTheRefreshToken() {
            return kind == Kind.ENDED || kind == Kind.ANSWER_LOST;
        }
    }

    /** The access token for one resource, and how it went with getting one. The members are those of the row. */
    public record State(
            @Nullable TokenSet tokens,
            boolean afterRejection,
            @Nullable Refusal refusal,
            @Nullable Instant notBefore,
            int failures) {
        static final State NEW = new State(null, false, null, null, 0);

        private State refused(Refusal newRefusal) {
            return new State(tokens, afterRejection, newRefusal, null, 0);
        }

        private State failedUntil(Instant next, @Nullable Refusal blocked) {
            return new State(tokens, afterRejection, blocked, next, failures + 1);
        }
    }

    /** A row with nothing but a login. */
    public static GrantRow of(
            String login, Instant authorizedAt, @Nullable TokenSet tokens, @Nullable Identity identity) {
        return new GrantRow(login, authorizedAt, 0, tokens, identity, null, false, null, null, null, 0, Map.of(), null);
    }

    /** This row, issued there. */
    public GrantRow issuedBy(String newServer) {
        return new GrantRow(
                login,
                authorizedAt,
                refreshes,
                tokens,
                identity,
                newServer,
                afterRejection,
                attempt,
                refusal,
                notBefore,
                failures,
                resources,
                other);
    }

    /**
     * What is there for one resource.
     *
     * @param resource {@code null} for the grant's own access token
     */
    public State state(@Nullable String resource) {
        return resource == null
                ? new State(tokens, afterRejection, refusal, notBefore, failures)
                : resources.getOrDefault(resource, State.NEW);
    }

    /**
     * Why there is no new token for one resource. Without the grant's own refresh token there is none for any.
     *
     * @param resource {@code null} for the grant's own access token
     */
    public @Nullable Refusal refusalOf(@Nullable String resource) {
        return refusal != null && refusal.isAboutTheRefreshToken()
                ? refusal
                : state(resource).refusal();
    }

    /** All tokens by resource, the grant's own under the empty name: two rows that hold the same are equal in this. */
    public Map<String, TokenSet> allTokens() {
        Map<String, TokenSet> all = new LinkedHashMap<>();
        if (tokens != null) {
            all.put("", tokens);
        }
        resources.forEach((resource, state) -> {
            if (state.tokens() != null) {
                all.put(resource, state.tokens());
            }
        });
        return all;
    }

    /** This row while somebody makes the given attempt, or nobody any more. */
    public GrantRow attempting(@Nullable String newAttempt) {
        return with(tokens, newAttempt, state(null), refreshes, resources);
    }

    /** This row after an attempt that brought tokens. */
    public GrantRow refreshed(TokenSet newTokens, boolean rejected) {
        return with(newTokens, null, new State(newTokens, rejected, null, null, 0), refreshes + 1, resources);
    }

    /**
     * This row after an attempt that brought an access token for another resource.
     *
     * @param own the grant's own tokens, with the refresh token that may have come along
     */
    public GrantRow refreshedFor(String resource, TokenSet newTokens, boolean rejected, @Nullable TokenSet own) {
        return with(
                own, null, state(null), refreshes + 1, with(resource, new State(newTokens, rejected, null, null, 0)));
    }

    /** This row after an attempt that was refused for good. */
    public GrantRow refused(@Nullable String resource, Refusal newRefusal) {
        return resource == null
                ? with(tokens, null, state(null).refused(newRefusal), refreshes, resources)
                : with(
                        tokens,
                        null,
                        state(null),
                        refreshes,
                        with(resource, state(resource).refused(newRefusal)));
    }

    /**
     * This row after an attempt that failed for now.
     *
     * @param blocked the policy that stands against it; {@code null} if it is something else
     */
    public GrantRow failedUntil(@Nullable String resource, Instant next, @Nullable Refusal blocked) {
        return resource == null
                ? with(tokens, null, state(null).failedUntil(next, blocked), refreshes, resources)
                : with(
                        tokens,
                        null,
                        state(null),
                        refreshes,
                        with(resource, state(resource).failedUntil(next, blocked)));
    }

    /** This row, as if nothing had been refused and nothing had failed. */
    public GrantRow withoutFailures() {
        Map<String, State> forgiven = new LinkedHashMap<>();
        resources.forEach((resource, state) -> {
            if (state.tokens() != null) {
                forgiven.put(resource, new State(state.tokens(), state.afterRejection(), null, null, 0));
            }
        });
        return with(tokens, attempt, new State(tokens, afterRejection, null, null, 0), refreshes, forgiven);
    }

    /** Whether there is something to forgive. */
    public boolean hasFailed() {
        return refusal != null
                || notBefore != null
                || resources.values().stream().anyMatch(state -> state.refusal() != null || state.notBefore() != null);
    }

    private GrantRow with(
            @Nullable TokenSet newTokens,
            @Nullable String newAttempt,
            State own,
            long newRefreshes,
            Map<String, State> newResources) {
        return new GrantRow(
                login,
                authorizedAt,
                newRefreshes,
                newTokens,
                identity,
                server,
                own.afterRejection(),
                newAttempt,
                own.refusal(),
                own.notBefore(),
                own.failures(),
                newResources,
                other);
    }

    private Map<String, State> with(String resource, State state) {
        Map<String, State> all = new LinkedHashMap<>(resources);
        all.remove(resource); // to the end: the first is the one that was written longest ago
        all.put(resource, state);
        if (all.size() > MOST_RESOURCES) {
            all.remove(all.keySet().iterator().next());
        }
        return Collections.unmodifiableMap(all);
    }

    @Override
    public String toString() {
        return "GrantRow[login=" + login + ", tokens=" + tokens + (attempt == null ? "" : ", attempt=" + attempt)
                + (refusal == null ? "" : ", refused: " + refusal.error())
                + (resources.isEmpty() ? "" : ", " + resources.size() + " other resources") + "]";
    }
}
