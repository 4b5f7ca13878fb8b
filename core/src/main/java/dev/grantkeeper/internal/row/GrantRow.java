/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.row;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.grantkeeper.internal.protocol.Resource;
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
 * @param identity who granted, as far as known
 * @param server where the tokens were issued, as the provider names its token server; {@code null} if that was not
 *     written down
 * @param attempt names the token request that somebody is making for this grant
 * @param own the grant's own tokens, among them its refresh token, and how it went with getting them
 * @param resources access tokens for other resources that came from the same refresh token (RFC 8707), each with its
 *     own failures
 * @param other members that a newer version of the library wrote; kept as they are
 */
public record GrantRow(
        String login,
        Instant authorizedAt,
        long refreshes,
        @Nullable Identity identity,
        @Nullable String server,
        @Nullable String attempt,
        State own,
        Map<Resource.Named, State> resources,
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

    /**
     * The access token for one resource, and how it went with getting it.
     *
     * @param tokens the tokens; {@code null} if there were none yet
     * @param afterRejection whether these tokens were fetched because an API rejected the ones before
     * @param refusal why the authorization server will give no new ones
     * @param notBefore when the next token request may be made, after failures
     * @param failures how many token requests have failed in a row
     */
    public record State(
            @Nullable TokenSet tokens,
            boolean afterRejection,
            @Nullable Refusal refusal,
            @Nullable Instant notBefore,
            int failures) {
        static final State NEW = new State(null, false, null, null, 0);

        private State with(TokenSet newTokens) {
            return new State(newTokens, afterRejection, refusal, notBefore, failures);
        }

        private State refused(Refusal newRefusal) {
            return new State(tokens, afterRejection, newRefusal, null, 0);
        }

        private State failedUntil(Instant next, @Nullable Refusal blocked) {
            return new State(tokens, afterRejection, blocked, next, failures + 1);
        }

        private State withoutFailures() {
            return new State(tokens, afterRejection, null, null, 0);
        }

        private boolean hasFailed() {
            return refusal != null || notBefore != null;
        }
    }

    /** A row with nothing but a login. */
    public static GrantRow of(
            String login, Instant authorizedAt, @Nullable TokenSet tokens, @Nullable Identity identity) {
        State own = new State(tokens, false, null, null, 0);
        return new GrantRow(login, authorizedAt, 0, identity, null, null, own, Map.of(), null);
    }

    /** This row, issued there. */
    public GrantRow issuedBy(String newServer) {
        return new GrantRow(login, authorizedAt, refreshes, identity, newServer, attempt, own, resources, other);
    }

    /**
     * The grant's own tokens, among them its refresh token; {@code null} only for the application's own grant before
     * its first token request.
     */
    public @Nullable TokenSet tokens() {
        return own.tokens();
    }

    /** What is there for one resource. */
    public State state(Resource resource) {
        return resource instanceof Resource.Named named ? resources.getOrDefault(named, State.NEW) : own;
    }

    /** Why there is no new token for one resource. Without the grant's own refresh token there is none for any. */
    public @Nullable Refusal refusalOf(Resource resource) {
        Refusal ofAll = own.refusal();
        return ofAll != null && ofAll.isAboutTheRefreshToken()
                ? ofAll
                : state(resource).refusal();
    }

    /** All tokens by resource: two rows that hold the same are equal in this. */
    public Map<Resource, TokenSet> allTokens() {
        Map<Resource, TokenSet> all = new LinkedHashMap<>();
        if (own.tokens() != null) {
            all.put(Resource.OWN, own.tokens());
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
        return with(newAttempt, refreshes, own, resources);
    }

    /** This row after an attempt that brought tokens. */
    public GrantRow refreshed(Resource resource, TokenSet tokens, boolean rejected) {
        return after(resource, new State(tokens, rejected, null, null, 0), refreshes + 1);
    }

    /** This row with the refresh token that has taken the place of the one before, whatever that one was sent for. */
    public GrantRow withRefreshToken(String refreshToken, @Nullable Instant expiresAt) {
        TokenSet tokens = own.tokens();
        if (tokens == null) {
            return this;
        }
        TokenSet next = tokens.newBuilder()
                .refreshToken(refreshToken)
                .refreshTokenExpiresAt(expiresAt)
                .build();
        return with(attempt, refreshes, own.with(next), resources);
    }

    /** This row after an attempt that was refused for good. */
    public GrantRow refused(Resource resource, Refusal refusal) {
        return after(resource, state(resource).refused(refusal), refreshes);
    }

    /**
     * This row after an attempt that failed for now.
     *
     * @param blocked the policy that stands against it; {@code null} if it is something else
     */
    public GrantRow failedUntil(Resource resource, Instant next, @Nullable Refusal blocked) {
        return after(resource, state(resource).failedUntil(next, blocked), refreshes);
    }

    /** This row, as if nothing had been refused and nothing had failed. */
    public GrantRow withoutFailures() {
        Map<Resource.Named, State> forgiven = new LinkedHashMap<>();
        resources.forEach((resource, state) -> {
            if (state.tokens() != null) {
                forgiven.put(resource, state.withoutFailures());
            }
        });
        return with(attempt, refreshes, own.withoutFailures(), forgiven);
    }

    /** Whether there is something to forgive. */
    public boolean hasFailed() {
        return own.hasFailed() || resources.values().stream().anyMatch(State::hasFailed);
    }

    /** This row without its attempt, and with what came of it. */
    private GrantRow after(Resource resource, State state, long newRefreshes) {
        return resource instanceof Resource.Named named
                ? with(null, newRefreshes, own, with(named, state))
                : with(null, newRefreshes, state, resources);
    }

    private GrantRow with(
            @Nullable String newAttempt, long newRefreshes, State newOwn, Map<Resource.Named, State> newResources) {
        return new GrantRow(
                login, authorizedAt, newRefreshes, identity, server, newAttempt, newOwn, newResources, other);
    }

    private Map<Resource.Named, State> with(Resource.Named resource, State state) {
        Map<Resource.Named, State> all = new LinkedHashMap<>(resources);
        all.remove(resource); // to the end: the first is the one that was written longest ago
        all.put(resource, state);
        if (all.size() > MOST_RESOURCES) {
            all.remove(all.keySet().iterator().next());
        }
        return Collections.unmodifiableMap(all);
    }

    @Override
    public String toString() {
        return "GrantRow[login=" + login + ", tokens=" + own.tokens() + (attempt == null ? "" : ", attempt=" + attempt)
                + (own.refusal() == null ? "" : ", refused: " + own.refusal().error())
                + (resources.isEmpty() ? "" : ", " + resources.size() + " other resources") + "]";
    }
}
