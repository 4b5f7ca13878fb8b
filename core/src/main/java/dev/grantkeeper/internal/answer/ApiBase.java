/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.answer;

import dev.grantkeeper.internal.provider.DialectFacts;
import okhttp3.HttpUrl;

/**
 * The base URL of a user's own API, at providers whose responses name it: it has to be in the provider's domains, or
 * tokens could go anywhere.
 */
public final class ApiBase {
    private ApiBase() {}

    /** Whether a response of this provider may name this URL. */
    public static boolean mayBe(HttpUrl url, DialectFacts dialect) {
        return url.isHttps()
                && dialect.apiBaseDomains.stream()
                        .anyMatch(domain ->
                                url.host().equals(domain) || url.host().endsWith("." + domain));
    }
}
