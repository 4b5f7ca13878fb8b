/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.call;

import dev.grantkeeper.internal.answer.ApiBase;
import dev.grantkeeper.internal.protocol.ApiAddresses;
import dev.grantkeeper.internal.protocol.Origins;
import dev.grantkeeper.internal.provider.DialectFacts;
import dev.grantkeeper.token.TokenSet;
import okhttp3.HttpUrl;
import org.jspecify.annotations.Nullable;

/** The answer to whether a request's URL may have the tokens of a source. */
public enum Destination {
    /** One of the source's own addresses: they are for it. */
    OWN_ADDRESS,
    /** An origin that the tokens may turn out to be for, at providers that name the user's API with the tokens. */
    POSSIBLE_API_BASE,
    /** An API of this provider, but not one that the source's tokens are for. */
    OTHER_API,
    /** No API of this provider. */
    ELSEWHERE;

    /**
     * Looks at a URL.
     *
     * @param url the URL of a request
     * @param source the tokens of the request's account; {@code null} if it has none
     * @param addresses the addresses of the provider's APIs
     * @param dialect the provider's dialect
     */
    public static Destination of(
            HttpUrl url, @Nullable TokenSource source, ApiAddresses addresses, DialectFacts dialect) {
        if (source != null && source.addresses().cover(url)) {
            return OWN_ADDRESS;
        }
        if (source != null && source.goesToApiBase() && ApiBase.mayBe(url, dialect)) {
            return POSSIBLE_API_BASE;
        }
        return addresses.cover(url) ? OTHER_API : ELSEWHERE;
    }

    /** Whether these tokens go to a URL of this kind: not if it is another user's API, or nobody's. */
    public boolean mayHave(TokenSet tokens, HttpUrl url) {
        return this == OWN_ADDRESS
                || (this == POSSIBLE_API_BASE
                        && tokens.apiBase()
                                .map(base -> Origins.same(HttpUrl.get(base.toString()), url))
                                .orElse(false));
    }
}
