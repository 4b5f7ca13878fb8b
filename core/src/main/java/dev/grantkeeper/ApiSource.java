/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.call.TokenSource;
import java.io.IOException;
import okhttp3.Interceptor;
import okhttp3.Request;
import okhttp3.Response;
import org.jspecify.annotations.Nullable;

/** Tokens for an API of which only the URL is known: the API itself tells where users sign in. Thread-safe. */
interface ApiSource extends TokenSource {
    /** The URL of the API. */
    String api();

    /**
     * Answers a call for which there are no tokens. Where there is no grant, the call is made without: either the API
     * accepts it, or its answer tells where the user has to sign in, and with which scopes.
     */
    Response withoutTokens(Interceptor.Chain chain, Request request, LoginRequiredException why) throws IOException;

    /** The exception to throw after an API rejected tokens and there are no others. Closes the response. */
    LoginRequiredException answering(LoginRequiredException why, Response response);

    /**
     * Looks whether the API accepts tokens of another server by now, after it rejected new tokens, or after the server
     * that issued them could not renew them: it may be gone because the API has moved.
     *
     * @param response the rejection; {@code null} if there is none
     * @throws LoginRequiredException if it does; the response is then closed
     */
    void checkIsStillServed(@Nullable Response response) throws LoginRequiredException;
}
