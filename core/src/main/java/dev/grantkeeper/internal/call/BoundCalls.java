/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.call;

import dev.grantkeeper.internal.protocol.ApiAddresses;
import dev.grantkeeper.internal.protocol.Challenges;
import dev.grantkeeper.internal.provider.DialectFacts;
import dev.grantkeeper.internal.wire.DPoP;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.security.KeyPair;
import okhttp3.HttpUrl;
import okhttp3.Interceptor;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;
import org.jspecify.annotations.Nullable;

/**
 * Sends tokens that need care on every hop: those bound to a key, with a proof for each request (RFC 9449 section 7),
 * those in a header of the provider's own, which OkHttp would send along to any host, and those for one path of a host,
 * which it would send along to any other path.
 *
 * <p>A proof is for one URL, and works once. Proofs are therefore made in a network interceptor, which sees each
 * request that is sent: OkHttp's redirects and retries get a proof of their own, and requests that leave the host get
 * none, just as they lose the token. Thread-safe.
 */
public final class BoundCalls implements Interceptor {
    private final DPoP dpop;

    /** Makes proofs with these keys and nonces. */
    public BoundCalls(DPoP dpop) {
        this.dpop = dpop;
    }

    /** A token in a header that goes no further than its addresses. */
    private record Kept(String header, @Nullable String token, HttpUrl from, ApiAddresses addresses) {
        static Request in(String header, Request authorized, ApiAddresses addresses) {
            Kept kept = new Kept(header, authorized.header(header), authorized.url(), addresses);
            return authorized.newBuilder().tag(Kept.class, kept).build();
        }

        static Request unlessElsewhere(Request hop) {
            Kept kept = hop.tag(Kept.class);
            if (kept == null || kept.addresses.mayFollow(kept.from, hop.url())) {
                return hop;
            }
            // Not the credentials that the application's authenticator has for the other place.
            Request.Builder without = hop.newBuilder().removeHeader(kept.header);
            hop.headers(kept.header).stream()
                    .filter(value -> !value.equals(kept.token))
                    .forEach(value -> without.addHeader(kept.header, value));
            return without.build();
        }

        @Override
        public String toString() {
            return "Kept";
        }
    }

    /**
     * Sends a request with a token in a header that OkHttp does not know to be a secret, or for one path of its host.
     *
     * @param addresses where the token goes
     * @param wrapped whether this is among the client's network interceptors, too
     * @throws UnsafeRedirectsException if it is not, and the client follows redirects
     */
    public Response proceedWith(
            String header, Interceptor.Chain chain, Request authorized, ApiAddresses addresses, boolean wrapped)
            throws IOException {
        if (wrapped && authorized.header("Upgrade") == null) {
            return chain.proceed(Kept.in(header, authorized, addresses));
        }
        if (chain.getFollowRedirects()) {
            String what = addresses.areLimited() ? "are for " + addresses + " only" : "travel in the header " + header;
            throw new UnsafeRedirectsException("These tokens " + what
                    + ", and a redirect would take them along: use wrap(…), or"
                    + " for an interceptor of your own and for WebSockets a client with followRedirects(false)");
        }
        return chain.proceed(authorized);
    }

    /** The key that a request has to prove on its way. */
    private record Bound(BoundCalls owner, KeyPair key, String accessToken, String authorization) {
        @Override
        public String toString() {
            return "Bound";
        }
    }

    /**
     * Sends a request with bound tokens. If the server did not look at it because of the proof, and the body allows it,
     * once more with the proof that it wants.
     *
     * @param addresses where the tokens go
     * @param wrapped whether this is among the client's network interceptors, too
     * @throws UnsafeRedirectsException if it is not, and the client follows redirects
     */
    public Response proceed(
            Interceptor.Chain chain,
            Request request,
            TokenSet tokens,
            KeyPair key,
            ApiAddresses addresses,
            boolean wrapped)
            throws IOException {
        Request authorized = Kept.in("Authorization", request, addresses);
        Response response = once(chain, authorized, tokens, key, wrapped);
        if (!canBeRepaired(authorized, response, addresses)) {
            return response;
        }
        response.close();
        return once(chain, authorized, tokens, key, wrapped);
    }

    private Response once(Interceptor.Chain chain, Request authorized, TokenSet tokens, KeyPair key, boolean wrapped)
            throws IOException {
        // OkHttp leaves network interceptors out where a WebSocket begins.
        if (wrapped && authorized.header("Upgrade") == null) {
            Bound bound = new Bound(this, key, tokens.accessToken(), DPoP.authorization(tokens, DialectFacts.STANDARD));
            return chain.proceed(authorized.newBuilder().tag(Bound.class, bound).build());
        }
        if (chain.getFollowRedirects()) {
            throw new UnsafeRedirectsException(
                    "These tokens are bound to a key (DPoP), and a redirect would take their proof along: use wrap(…), or"
                            + " for an interceptor of your own and for WebSockets a client with followRedirects(false)");
        }
        Response response =
                chain.withRetryOnConnectionFailure(false).proceed(dpop.prove(authorized, key, tokens.accessToken()));
        dpop.learn(authorized.url(), response.headers());
        return response;
    }

    private boolean canBeRepaired(Request authorized, Response response, ApiAddresses addresses) {
        // Only what answers for the same origin has the same nonces. What it says is learned in any case, for the
        // next call.
        return response.code() == 401
                && addresses.mayFollow(authorized.url(), response.request().url())
                && dpop.isRetryable(
                        authorized.url(), DPoP.errorIn(Challenges.in(response.headers())), response.headers())
                && canBeSentAgain(authorized);
    }

    /** Whether a request has no body, or one that can be sent twice. */
    public static boolean canBeSentAgain(Request request) {
        RequestBody body = request.body();
        return body == null || !(body.isOneShot() || body.isDuplex());
    }

    /** Whether a 401 rejects the proof, so that another token would not help. */
    public static boolean isAboutTheProof(Response response) {
        @Nullable String error = DPoP.errorIn(Challenges.in(response.headers()));
        return "use_dpop_nonce".equals(error) || "invalid_dpop_proof".equals(error);
    }

    /** As a network interceptor: sends one hop of a call. */
    @Override
    public Response intercept(Interceptor.Chain chain) throws IOException {
        Request request = Kept.unlessElsewhere(chain.request());
        Bound bound = request.tag(Bound.class);
        // Where a redirect leaves the host or the path, the token has been taken off.
        if (bound == null || bound.owner() != this || !bound.authorization().equals(request.header("Authorization"))) {
            return chain.proceed(request);
        }
        Response response = chain.proceed(dpop.prove(request, bound.key(), bound.accessToken()));
        dpop.learn(request.url(), response.headers());
        return response;
    }
}
