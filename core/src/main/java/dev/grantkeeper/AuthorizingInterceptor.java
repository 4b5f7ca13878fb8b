/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.wire.ApiBase;
import dev.grantkeeper.internal.wire.ApiRejection;
import dev.grantkeeper.internal.wire.DPoP;
import dev.grantkeeper.internal.wire.LoginChallenge;
import dev.grantkeeper.internal.wire.Origins;
import dev.grantkeeper.provider.Dialect;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.security.KeyPair;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import okhttp3.Challenge;
import okhttp3.HttpUrl;
import okhttp3.Interceptor;
import okhttp3.Request;
import okhttp3.Response;
import org.jspecify.annotations.Nullable;

/**
 * Attaches access tokens to calls to the provider's APIs, and replaces a token that an API rejects, once. What only
 * another login can mend becomes an exception.
 *
 * <p>An application interceptor sees a call once, before any redirect. OkHttp takes the {@code Authorization} header
 * off when a redirect leaves the host; nothing here puts it back. Thread-safe.
 */
final class AuthorizingInterceptor implements Interceptor {
    /** Finds out whose tokens a request needs. */
    @FunctionalInterface
    interface Sources {
        /** The tokens; {@code null} if the request does not say whose it is. */
        @Nullable
        TokenSource of(Request request);

        /** Whose it is, where that is somebody of another registration. */
        default @Nullable AccountKey stranger(Request request) {
            return null;
        }
    }

    private final Dialect dialect;
    private final Set<String> origins;
    private final Sources sources;
    private final Waiting waiting;
    private final BoundCalls boundCalls;
    private final boolean wrapped;
    private final Object whose;
    private final Set<String> mentioned = ConcurrentHashMap.newKeySet();

    /**
     * Takes the parts; {@code wrapped} tells whether the bound calls are among the client's network interceptors, too,
     * and {@code whose} tokens these are.
     */
    AuthorizingInterceptor(
            Dialect dialect,
            Set<String> origins,
            Sources sources,
            Waiting waiting,
            BoundCalls boundCalls,
            boolean wrapped,
            Object whose) {
        this.dialect = dialect;
        this.origins = origins;
        this.sources = sources;
        this.waiting = waiting;
        this.boundCalls = boundCalls;
        this.wrapped = wrapped;
        this.whose = whose;
    }

    /**
     * Whether another one of these in front of this one would attach somebody else's token, which this one would then
     * take for the caller's own.
     */
    boolean isSpoiltBy(Interceptor other) {
        return other instanceof AuthorizingInterceptor before
                && !before.whose.equals(whose)
                && !Collections.disjoint(before.origins, origins);
    }

    @Override
    public Response intercept(Chain chain) throws IOException {
        Request request = chain.request();
        if (chain.connection() != null) {
            // There it would run for every hop, and put the token back that OkHttp took off for another host.
            throw new OAuthException(
                    "Add Grantkeeper's interceptor with addInterceptor, not with addNetworkInterceptor", null);
        }
        String origin = Origins.of(request.url());
        TokenSource source = sources.of(request);
        boolean its = source != null && source.origins().contains(origin);
        boolean perhaps = !its && source != null && source.goesToApiBase() && ApiBase.mayBe(request.url(), dialect);
        if (!its && !origins.contains(origin) && !perhaps) {
            mention(request.url());
            return chain.proceed(request);
        }
        if (request.header(dialect.tokenHeader()) != null) {
            return chain.proceed(request);
        }
        AccountKey stranger = source == null ? sources.stranger(request) : null;
        if (stranger != null) {
            throw new OAuthException(
                    "The request to " + request.url().host() + " is made for " + stranger
                            + ", and the client is wrapped for " + whose + ": wrap one client for each registration",
                    null);
        }
        if (source == null) {
            throw new OAuthException(
                    "The request to " + request.url().host()
                            + " does not say whose it is: set the tag Account.class on it, or use account.wrap(http)",
                    null);
        }
        if (!its && !perhaps) {
            throw new OAuthException(
                    "The request to " + request.url().host()
                            + " is made for an account whose tokens do not go there:"
                            + " see forResource(…) and apiOrigins(…)",
                    null);
        }
        TokenSet tokens = waiting.tokens(source, source.current(), chain.call());
        if (perhaps && !isApiBaseOf(tokens, origin)) {
            mention(request.url());
            return chain.proceed(request); // another user's, or nobody's
        }
        Response response = proceed(chain, request, tokens);
        if (!canBeMended(request, response)) {
            return unlessChallenged(source, tokens, request, response);
        }
        if (!BoundCalls.canBeSentAgain(request)) {
            source.invalidate(tokens.accessToken());
            return response;
        }
        TokenSet others;
        try {
            others = waiting.tokens(source, source.insteadOf(tokens.accessToken()), chain.call());
        } catch (IOException | RuntimeException e) {
            response.close();
            throw e;
        }
        boolean moved = perhaps && !isApiBaseOf(others, origin);
        if (moved || others.accessToken().equals(tokens.accessToken())) {
            return unlessChallenged(source, tokens, request, response);
        }
        response.close();
        return unlessChallenged(source, others, request, proceed(chain, request, others));
    }

    /**
     * The answer, unless it names what another login has to ask for. The grant stays as it is: it may be good for
     * everything else, and whoever could ask for a login could otherwise end one.
     */
    private static Response unlessChallenged(TokenSource source, TokenSet tokens, Request request, Response response)
            throws LoginRequiredException {
        LoginChallenge challenge = source.throwsChallenges() && Origins.same(request, response)
                ? LoginChallenge.in(response, tokens.scopes(), tokens.accessToken())
                : null;
        if (challenge == null) {
            return response;
        }
        response.close();
        throw Failures.of(source.key(), challenge, tokens.scopes());
    }

    private Response proceed(Chain chain, Request request, TokenSet tokens) throws IOException {
        String header = dialect.tokenHeader();
        Request authorized = request.newBuilder()
                .header(header, DPoP.authorization(tokens, dialect))
                .build();
        // OkHttp's cache is keyed by URL: it would hand one user's answer to the next.
        Chain uncached = chain.withCache(null);
        KeyPair key = tokens.proofKey().orElse(null);
        if (key == null && !header.equalsIgnoreCase("Authorization")) {
            return boundCalls.proceedWith(header, uncached, authorized, wrapped);
        }
        return key == null
                ? uncached.proceed(authorized)
                : boundCalls.proceed(uncached, authorized, tokens, key, wrapped);
    }

    private static boolean isApiBaseOf(TokenSet tokens, String origin) {
        return tokens.apiBase()
                .map(base -> Origins.of(HttpUrl.get(base.toString())).equals(origin))
                .orElse(false);
    }

    /**
     * Whether a new token may help: a 401, from where the token was sent to, that does not speak of something else (RFC
     * 6750 section 3.1, RFC 9449 section 7.1).
     */
    private boolean canBeMended(Request request, Response response) throws IOException {
        if (response.code() != 401 && Origins.same(request, response)) {
            return ApiRejection.isOne(response, dialect);
        }
        if (response.code() != 401 || !Origins.same(request, response) || BoundCalls.isAboutTheProof(response)) {
            return false;
        }
        List<Challenge> challenges = response.challenges();
        return challenges.isEmpty()
                || challenges.stream().anyMatch(this::isAboutTheToken)
                || ApiRejection.isOne(response, dialect);
    }

    /** Twitch says {@code OAuth}, and sets its words between single quotes. */
    private boolean isAboutTheToken(Challenge challenge) {
        if (Stream.of("Bearer", "DPoP", "OAuth", dialect.tokenScheme())
                .noneMatch(challenge.scheme()::equalsIgnoreCase)) {
            return false;
        }
        String error = challenge.authParams().get("error");
        return error == null || error.replaceAll("^'|'$", "").equals("invalid_token");
    }

    private void mention(HttpUrl url) {
        if (mentioned.size() < 100 && mentioned.add(Origins.of(url))) {
            Log.info(
                    "Calls to {} go out without a token: it is not among the provider's API origins {}",
                    Origins.of(url),
                    origins);
        }
    }
}
