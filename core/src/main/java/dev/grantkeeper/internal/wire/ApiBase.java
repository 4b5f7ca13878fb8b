/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.wire;

import dev.grantkeeper.provider.Dialect;
import okhttp3.HttpUrl;

/**
 * Where a user's own API may be, at providers where an answer tells: in the provider's domains, or tokens could go
 * anywhere.
 */
public final class ApiBase {
    private ApiBase() {}

    /** Whether a URL is one that an answer of this provider may name. */
    public static boolean mayBe(HttpUrl url, Dialect dialect) {
        return url.isHttps()
                && dialect.apiBaseDomains().stream()
                        .anyMatch(domain ->
                                url.host().equals(domain) || url.host().endsWith("." + domain));
    }
}
