/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.call.ApiRejections;
import dev.grantkeeper.internal.call.AttachedTokens;
import dev.grantkeeper.internal.call.BoundCalls;
import dev.grantkeeper.internal.call.Destination;
import dev.grantkeeper.internal.call.ErrorCodes;
import dev.grantkeeper.internal.call.LoginChallenge;
import dev.grantkeeper.internal.call.TokenSource;
import dev.grantkeeper.internal.call.UnsafeRedirectsException;
import dev.grantkeeper.internal.log.Log;
import dev.grantkeeper.internal.protocol.ApiAddresses;
import dev.grantkeeper.internal.protocol.Origins;
import dev.grantkeeper.internal.provider.DialectFacts;
import dev.grantkeeper.internal.refresh.Outcome.Usable;
import dev.grantkeeper.internal.wire.DPoP;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.security.KeyPair;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import okhttp3.Call;
import okhttp3.Headers;
import okhttp3.HttpUrl;
import okhttp3.Interceptor;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import org.jspecify.annotations.Nullable;

/**
 * Attaches access tokens to calls to the provider's APIs, and replaces a token that an API rejects, once. A demand that
 * only another login can satisfy becomes an exception.
 *
 * <p>An application interceptor sees a call once, before any redirect. OkHttp takes the {@code Authorization} header
 * off when a redirect leaves the host, and {@link BoundCalls} where it leaves the path that the token is for; nothing
 * here puts it back. Thread-safe.
 */
final class AuthorizingInterceptor implements Interceptor {
    /** Finds the account of a request. */
    @FunctionalInterface
    interface Sources {
        /** The account's tokens; {@code null} if the request names no account. */
        @Nullable
        TokenSource of(Request request);

        /** The account that the request names, where that is one of another registration. */
        default @Nullable AccountKey stranger(Request request) {
            return null;
        }
    }

    private final DialectFacts dialect;
    private final ApiAddresses addresses;
    private final Sources sources;
    private final TokenWait tokenWait;
    private final BoundCalls boundCalls;
    private final ApiRejections rejections;
    private final boolean wrapped;
    private final TokenSource.Whose whose;
    private final Set<String> logged = ConcurrentHashMap.newKeySet();

    /**
     * Takes the parts; {@code wrapped} tells whether the bound calls are among the client's network interceptors, too,
     * and {@code whose} tokens these are.
     */
    AuthorizingInterceptor(
            DialectFacts dialect,
            ApiAddresses addresses,
            Sources sources,
            TokenWait tokenWait,
            BoundCalls boundCalls,
            ApiRejections rejections,
            boolean wrapped,
            TokenSource.Whose whose) {
        this.dialect = dialect;
        this.addresses = addresses;
        this.sources = sources;
        this.tokenWait = tokenWait;
        this.boundCalls = boundCalls;
        this.rejections = rejections;
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
                && !comesBefore(before)
                && !before.comesBefore(this)
                && before.addresses.overlap(addresses);
    }

    /**
     * Whether this one is for a resource, and the other one for the same account's own tokens. It then has to see calls
     * first: its API may be among those of the account, and would get the account's own token.
     */
    boolean comesBefore(Interceptor other) {
        return other instanceof AuthorizingInterceptor general
                && general.whose.account().equals(whose.account())
                && general.whose.resource().isOwn()
                && !whose.resource().isOwn();
    }

    /**
     * Fails if an interceptor in front of this one, which nobody could refuse when it was added, has attached somebody
     * else's token. A resource's token in front of the account's own is right.
     */
    private static void checkIsNotSpoilt(Request request, String value, @Nullable TokenSource source)
            throws OAuthException {
        TokenSource.Whose other = AttachedTokens.owner(value);
        if (other == null) {
            return; // the caller's own token
        }
        TokenSource.Whose whose = source == null ? null : source.whose();
        boolean right = whose != null
                && (other.equals(whose)
                        || (other.account().equals(whose.account())
                                && whose.resource().isOwn()));
        if (!right) {
            throw new OAuthException(
                    "This client has interceptors of two accounts, registrations or resources for "
                            + request.url().host()
                            + ", and the first one's token would be sent. Use a client for each, or wrap(…)",
                    null);
        }
    }

    /** Whether this one takes the place of another one, with the same tokens for the same APIs. */
    boolean replaces(Interceptor other) {
        return other instanceof AuthorizingInterceptor same
                && same.whose.equals(whose)
                && same.addresses.equals(addresses);
    }

    /**
     * Adds this one to a client.
     *
     * @throws IllegalArgumentException if another one there would send the tokens of another account
     */
    OkHttpClient into(OkHttpClient http) {
        List<Interceptor> others = new ArrayList<>();
        for (Interceptor other : http.interceptors()) {
            if (isSpoiltBy(other)) {
                throw new IllegalArgumentException(
                        "This client is already wrapped for another account or registration, and would"
                                + " send its tokens. Wrap the application's own client for each");
            }
            if (!replaces(other)) {
                others.add(other);
            }
        }
        OkHttpClient.Builder client = http.newBuilder();
        List<Interceptor> all = client.interceptors();
        all.clear();
        all.addAll(others);
        int place = 0;
        while (place < all.size() && !comesBefore(all.get(place))) {
            place++;
        }
        all.add(place, this);
        if (!http.networkInterceptors().contains(boundCalls)) {
            client.addNetworkInterceptor(boundCalls);
        }
        return client.build();
    }

    /** May this request have a token, and whose? */
    @Override
    public Response intercept(Chain chain) throws IOException {
        Request request = chain.request();
        if (chain.connection() != null) {
            // There it would run for every hop, and put the token back that OkHttp took off for another host.
            throw new OAuthException(
                    "Add Grantkeeper's interceptor with addInterceptor, not with addNetworkInterceptor", null);
        }
        TokenSource source = sources.of(request);
        Destination destination = Destination.of(request.url(), source, addresses, dialect);
        if (destination == Destination.ELSEWHERE) {
            logBareCall(request.url());
            return chain.proceed(request);
        }
        String present = request.header(dialect.tokenHeader);
        if (present != null) {
            checkIsNotSpoilt(request, present, source);
            return chain.proceed(request);
        }
        if (source == null) {
            throw withoutAccount(request);
        }
        if (destination == Destination.OTHER_API) {
            throw new OAuthException(
                    "The request to " + request.url().host()
                            + " is made for an account whose tokens are not sent there:"
                            + " see forResource(…) and apiOrigins(…)",
                    null);
        }
        return send(chain, request, source, destination);
    }

    private OAuthException withoutAccount(Request request) {
        AccountKey stranger = sources.stranger(request);
        String host = request.url().host();
        return new OAuthException(
                stranger == null
                        ? "The request to " + host
                                + " has no account: set the tag Account.class on it, or use account.wrap(http)"
                        : "The request to " + host + " is made for " + stranger + ", and the client is wrapped for "
                                + whose + ": wrap one client for each registration",
                null);
    }

    /** Sends the request with a token, and once more with another one if an API rejects it. */
    private Response send(Chain chain, Request request, TokenSource source, Destination destination)
            throws IOException {
        Usable usable;
        try {
            usable = tokenWait.current(source, chain.call());
        } catch (LoginRequiredException | AuthorizationServerException e) {
            return withoutTokens(chain, request, source, e);
        }
        if (!destination.mayHave(usable.tokens(), request.url())) {
            logBareCall(request.url());
            return chain.proceed(request); // another user's API, or nobody's
        }
        Response answer = proceed(chain, request, source, usable);
        // Nearly every call ends here. What follows is a method of its own, since the JVM inlines short ones only.
        return answer.isSuccessful() && dialect.rejectionMember == null
                ? answer
                : answered(chain, request, source, destination, usable.tokens(), answer);
    }

    private Response withoutTokens(Chain chain, Request request, TokenSource source, OAuthException reason)
            throws IOException {
        if (source instanceof ApiSource api) {
            if (reason instanceof LoginRequiredException required) {
                return api.withoutTokens(chain, request, required);
            }
            api.checkIsStillServed(null);
        }
        throw reason;
    }

    /** Judges an answer that may demand other tokens. */
    private Response answered(
            Chain chain, Request request, TokenSource source, Destination destination, TokenSet tokens, Response answer)
            throws IOException {
        LoginChallenge challenge = challenge(source, tokens, request, answer);
        ApiRejections.Examined examined = examine(source, request, answer, challenge, chain.call());
        Response response = examined.response();
        if (!examined.isRejection()) {
            Usable latest = challenge == null ? null : ofLoginElsewhere(chain, request, source, tokens, destination);
            if (latest != null) {
                response.close();
                return sendAgain(chain, request, source, latest);
            }
            if (response.code() == 403) {
                source.doubt();
            }
            return unlessChallenged(source, tokens, response, challenge);
        }
        if (!BoundCalls.canBeSentAgain(request)) {
            source.invalidate(tokens.accessToken());
            return response;
        }
        Usable instead;
        try {
            instead = tokenWait.insteadOf(source, tokens, chain.call());
        } catch (IOException | RuntimeException e) {
            if (e instanceof LoginRequiredException required) {
                // There are no other tokens. What the API demands besides, that login has to request.
                unlessChallenged(source, tokens, response, challenge).close();
                if (source instanceof ApiSource api) {
                    throw api.answering(required, response);
                }
            } else if (e instanceof AuthorizationServerException && source instanceof ApiSource api) {
                api.checkIsStillServed(response);
            }
            response.close();
            throw e;
        }
        TokenSet others = instead.tokens();
        if (others.accessToken().equals(tokens.accessToken()) || !destination.mayHave(others, request.url())) {
            return unlessMoved(source, request, unlessChallenged(source, tokens, response, challenge));
        }
        response.close();
        return sendAgain(chain, request, source, instead);
    }

    private Response sendAgain(Chain chain, Request request, TokenSource source, Usable others) throws IOException {
        Response second = proceed(chain, request, source, others);
        TokenSet tokens = others.tokens();
        return unlessMoved(
                source, request, unlessChallenged(source, tokens, second, challenge(source, tokens, request, second)));
    }

    /**
     * Other tokens that are stored by now, in answer to an API that demands another login: it may have come in on
     * another node a moment ago. {@code null} if there are none.
     */
    private @Nullable Usable ofLoginElsewhere(
            Chain chain, Request request, TokenSource source, TokenSet tokens, Destination destination) {
        if (!BoundCalls.canBeSentAgain(request)) {
            return null;
        }
        try {
            Usable latest = tokenWait.usable(source, source.latest(), chain.call());
            boolean others = !latest.tokens().accessToken().equals(tokens.accessToken());
            return others && destination.mayHave(latest.tokens(), request.url()) ? latest : null;
        } catch (IOException e) {
            Log.debug("No later tokens of {}: {}", source.key(), String.valueOf(e.getMessage()));
            return null;
        }
    }

    /** The response, unless it is the API's last word because its tokens now come from another server. */
    private static Response unlessMoved(TokenSource source, Request request, Response response) throws IOException {
        if (response.code() == 401 && source instanceof ApiSource api && hadTheToken(source, request, response)) {
            api.checkIsStillServed(response);
        }
        return response;
    }

    /** Whether what sent the response had the token: not if a redirect led to where the token does not go. */
    private static boolean hadTheToken(TokenSource source, Request request, Response response) {
        return source.addresses().mayFollow(request.url(), response.request().url());
    }

    /** The demand for another login in the response, if the API itself sent it. */
    private static @Nullable LoginChallenge challenge(
            TokenSource source, TokenSet tokens, Request request, Response response) {
        return hadTheToken(source, request, response)
                ? LoginChallenge.in(response, tokens.scopes(), tokens.accessToken())
                : null;
    }

    /**
     * The response, unless it names what another login has to request. The grant is kept: it may be valid for
     * everything else, and any API that may demand a login could otherwise end one.
     */
    private static Response unlessChallenged(
            TokenSource source, TokenSet tokens, Response response, @Nullable LoginChallenge challenge)
            throws LoginRequiredException {
        if (challenge == null || !source.throwsChallenges()) {
            return response;
        }
        response.close();
        LoginRequiredException required = Exceptions.of(source.key(), challenge, tokens.scopes());
        throw source instanceof ApiSource api ? required.at(api.api(), null) : required;
    }

    private Response proceed(Chain chain, Request request, TokenSource source, Usable usable) throws IOException {
        try {
            return proceedWith(chain, request, source, usable);
        } catch (UnsafeRedirectsException e) {
            throw new OAuthException(String.valueOf(e.getMessage()), null);
        }
    }

    private Response proceedWith(Chain chain, Request request, TokenSource source, Usable usable) throws IOException {
        String header = dialect.tokenHeader;
        ApiAddresses addresses = source.addresses();
        Request authorized = authorized(request, authorization(usable, source));
        // OkHttp's cache is keyed by URL: it would hand one user's answer to the next.
        Chain uncached = chain.getCache() == null ? chain : chain.withCache(null);
        KeyPair key = usable.proofKey();
        if (key != null) {
            return boundCalls.proceed(uncached, authorized, usable.tokens(), key, addresses, wrapped);
        }
        return addresses.areLimited() || !header.equalsIgnoreCase("Authorization")
                ? boundCalls.proceedWith(header, uncached, authorized, addresses, wrapped)
                : uncached.proceed(authorized);
    }

    /** The request with a header that it does not have yet. */
    private static Request authorized(Request request, Headers authorization) {
        Headers own = request.headers();
        Headers all = own.size() == 0
                ? authorization
                : own.newBuilder().addAll(authorization).build();
        return request.newBuilder().headers(all).build();
    }

    /**
     * The header, made once for all calls that carry the token: OkHttp looks at each character of a value that is set,
     * and not at those of a header that it has made before. For most tokens, that takes longer than the call's other
     * steps in here together.
     */
    private Headers authorization(Usable usable, TokenSource source) throws IOException {
        Headers authorization = usable.header();
        return authorization == null ? firstAuthorization(usable, source) : authorization;
    }

    private Headers firstAuthorization(Usable usable, TokenSource source) throws IOException {
        synchronized (usable) { // or the text whose owner is noted may not be the one that is kept
            Headers made = usable.header();
            if (made == null) {
                // A text of its own where there is no scheme in front: the owner of such tokens may hold them itself.
                String value = new String(DPoP.authorization(usable.tokens(), dialect));
                made = Headers.of(dialect.tokenHeader, value);
                AttachedTokens.add(made.value(0), source.whose()); // before any call has it
                usable.keepHeader(made);
            }
            return made;
        }
    }

    /**
     * Whether an answer rejects the token, so that a new one may help: any 401 from where the token was sent to (RFC
     * 9110 section 15.5.2), unless it complains of something else, or what this provider sends instead. Gateways answer
     * for APIs with schemes and codes of their own, or with none; a refresh too many costs little (law 10).
     */
    private ApiRejections.Examined examine(
            TokenSource source, Request request, Response response, @Nullable LoginChallenge challenge, Call call) {
        if (!hadTheToken(source, request, response)) {
            return new ApiRejections.Examined(response, false);
        }
        if (response.code() != 401) {
            return rejections.examine(response, dialect, call);
        }
        if (BoundCalls.isAboutTheProof(response) || (challenge != null && !challenge.isAboutTheToken())) {
            return new ApiRejections.Examined(response, false);
        }
        return ErrorCodes.allowAnotherToken(response)
                ? new ApiRejections.Examined(response, true)
                : rejections.examine(response, dialect, call);
    }

    private void logBareCall(HttpUrl url) {
        if (logged.size() < 100 && logged.add(Origins.of(url))) {
            Log.info(
                    "Calls to {} go out without a token where they are to none of the API's addresses {}",
                    Origins.of(url),
                    addresses);
        }
    }
}
