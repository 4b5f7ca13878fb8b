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
 * @param login the random name of the login that this grant came from; refreshes keep it
 * @param authorizedAt the time at which the user authorized the application
 * @param refreshes the number of refreshes since the login: of two rows of one login, the one with more is newer
 * @param identity the user's identity, if known
 * @param server the server that issued the tokens, as the provider names it; {@code null} if that was not recorded
 * @param client the client id that they were issued to; {@code null} if that was not recorded
 * @param api the URL of the API that they are for, where the application knows nothing else; {@code null} otherwise
 * @param attempt the name of the token request that somebody is making for this grant
 * @param answerLost whether the answer to a request with this refresh token may have been lost, and the next refresh
 *     token with it: a refusal then means something else
 * @param own the grant's own tokens, among them its refresh token, with their own failures
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
        @Nullable String client,
        @Nullable String api,
        @Nullable String attempt,
        boolean answerLost,
        State own,
        Map<Resource.Named, State> resources,
        @Nullable ObjectNode other) {

    /** The most resources of one row; with more of them, it might exceed what a store accepts. */
    private static final int MOST_RESOURCES = 30;

    /**
     * The reason for which the server refused to refresh a grant.
     *
     * @param error the {@code error} member of the server's answer
     * @param description the server's {@code error_description}, sanitized
     * @param kind the meaning of the error
     * @param claims the claims that a login has to request, a JSON object
     * @param at the time of the refusal
     */
    public record Refusal(
            String error,
            @Nullable String description,
            Kind kind,
            @Nullable String claims,
            Instant at) {
        /** The meaning of a refusal. */
        public enum Kind {
            /** The grant has ended. */
            ENDED,
            /** The refresh token had been sent before, and that answer was lost. */
            ANSWER_LOST,
            /** The server requires user interaction, and would then go on with this grant, too. */
            INTERACTION,
            /** A policy forbids it for now; the back-off in the row says when to try again. */
            BLOCKED
        }

        /** The error code of {@link #ofAnotherUser}. No server sends it. */
        private static final String OF_ANOTHER_USER = "id_token_of_another_user";

        /**
         * An answer was refused because it named another user. It may have mixed up two grants, and its refresh token
         * was kept: until an answer names the right user, no access token is taken from one that names nobody.
         */
        public static Refusal ofAnotherUser(@Nullable String description, Instant at) {
            return new Refusal(OF_ANOTHER_USER, description, Kind.BLOCKED, null, at);
        }

        /** Whether it is the one of {@link #ofAnotherUser}. */
        public boolean isOfAnotherUser() {
            return error.equals(OF_ANOTHER_USER);
        }

        /** Whether only another login can help. */
        public boolean wantsLogin() {
            return kind != Kind.BLOCKED;
        }

        private boolean isAboutTheRefreshToken() {
            return kind == Kind.ENDED || kind == Kind.ANSWER_LOST;
        }
    }

    /**
     * The access token for one resource, and the failures to get a new one.
     *
     * @param tokens the tokens; {@code null} if there were none yet
     * @param afterRejection whether these tokens were fetched because an API rejected the ones before
     * @param refusal the reason for which the authorization server will issue no new ones
     * @param notBefore the earliest time of the next token request, after failures
     * @param failures the number of token requests that have failed in a row
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
            // Another failure does not name the user.
            Refusal still = blocked == null && isOfAnotherUser() ? refusal : blocked;
            return new State(tokens, afterRejection, still, next, failures + 1);
        }

        private State withoutFailures() {
            return new State(tokens, afterRejection, null, null, 0);
        }

        private boolean isOfAnotherUser() {
            return refusal != null && refusal.isOfAnotherUser();
        }

        private boolean hasFailed() {
            return refusal != null || notBefore != null;
        }
    }

    /** A row with nothing but a login. */
    public static GrantRow of(
            String login, Instant authorizedAt, @Nullable TokenSet tokens, @Nullable Identity identity) {
        State own = new State(tokens, false, null, null, 0);
        return new GrantRow(login, authorizedAt, 0, identity, null, null, null, null, false, own, Map.of(), null);
    }

    /** This row with the server that issued its tokens, and the client that they were issued to. */
    public GrantRow issuedBy(String newServer, String newClient) {
        return new GrantRow(
                login,
                authorizedAt,
                refreshes,
                identity,
                newServer,
                newClient,
                api,
                attempt,
                answerLost,
                own,
                resources,
                other);
    }

    /** This row with the URL of the API that its tokens are for. */
    public GrantRow forApi(String url) {
        return new GrantRow(
                login,
                authorizedAt,
                refreshes,
                identity,
                server,
                client,
                url,
                attempt,
                answerLost,
                own,
                resources,
                other);
    }

    /**
     * The grant's own tokens, among them its refresh token; {@code null} only for the application's own grant before
     * its first token request.
     */
    public @Nullable TokenSet tokens() {
        return own.tokens();
    }

    /** The state of one resource. */
    public State state(Resource resource) {
        return resource instanceof Resource.Named named ? resources.getOrDefault(named, State.NEW) : own;
    }

    /** The refusal that applies to one resource. One that is about the grant's own refresh token applies to all. */
    public @Nullable Refusal refusalOf(Resource resource) {
        Refusal ofAll = own.refusal();
        return ofAll != null && ofAll.isAboutTheRefreshToken()
                ? ofAll
                : state(resource).refusal();
    }

    /** All tokens by resource. Two rows that hold the same tokens return equal maps. */
    public Map<Resource, TokenSet> allTokens() {
        Map<Resource, TokenSet> all = new LinkedHashMap<>();
        if (own.tokens() != null) {
            all.put(Resource.OWN, own.tokens());
        }
        for (Map.Entry<Resource.Named, State> resource : resources.entrySet()) {
            TokenSet tokens = resource.getValue().tokens();
            if (tokens != null) {
                all.put(resource.getKey(), tokens);
            }
        }
        return all;
    }

    /** This row with the given attempt in it, or with none. */
    public GrantRow attempting(@Nullable String newAttempt) {
        return with(newAttempt, refreshes, own, resources);
    }

    /** This row, if the answer to a request with its refresh token may have been lost. */
    public GrantRow withAnswerLost() {
        return new GrantRow(
                login, authorizedAt, refreshes, identity, server, client, api, attempt, true, own, resources, other);
    }

    /** This row after an attempt that brought tokens. */
    public GrantRow refreshed(Resource resource, TokenSet tokens, boolean rejected) {
        return after(resource, new State(tokens, rejected, null, null, 0), refreshes + 1);
    }

    /** This row with a new refresh token in place of the one before, whichever resource that one was sent for. */
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
     * @param blocked the refusal by a policy; {@code null} if the failure has another cause
     */
    public GrantRow failedUntil(Resource resource, Instant next, @Nullable Refusal blocked) {
        return after(resource, state(resource).failedUntil(next, blocked), refreshes);
    }

    /**
     * This row after an answer that was refused, but not the refresh token in it: that one takes the place of the one
     * before, and makes this row the newer one.
     *
     * @param because the reason, if the next answer is judged by it
     */
    public GrantRow keeping(
            Resource resource,
            Instant next,
            @Nullable Refusal because,
            String refreshToken,
            @Nullable Instant refreshTokenExpiresAt) {
        return after(resource, state(resource).failedUntil(next, because), refreshes + 1)
                .withRefreshToken(refreshToken, refreshTokenExpiresAt);
    }

    /** Whether the answer that this refresh token came with named another user. */
    public boolean isOfAnotherUser() {
        return own.isOfAnotherUser() || resources.values().stream().anyMatch(State::isOfAnotherUser);
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

    /** Whether there is a refusal or a back-off. */
    public boolean hasFailed() {
        return own.hasFailed() || resources.values().stream().anyMatch(State::hasFailed);
    }

    /** This row without its attempt, and with the attempt's outcome. */
    private GrantRow after(Resource resource, State state, long newRefreshes) {
        return resource instanceof Resource.Named named
                ? with(null, newRefreshes, own, with(named, state))
                : with(null, newRefreshes, state, resources);
    }

    private GrantRow with(
            @Nullable String newAttempt, long newRefreshes, State newOwn, Map<Resource.Named, State> newResources) {
        boolean stillLost = answerLost && newRefreshes == refreshes;
        return new GrantRow(
                login,
                authorizedAt,
                newRefreshes,
                identity,
                server,
                client,
                api,
                newAttempt,
                stillLost,
                newOwn,
                newResources,
                other);
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
