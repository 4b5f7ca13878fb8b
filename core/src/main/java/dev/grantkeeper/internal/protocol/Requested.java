/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.protocol;

import java.net.URI;
import java.net.URISyntaxException;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The scopes (RFC 6749 section 3.3) and resources (RFC 8707 section 2) that a request may ask for. */
public final class Requested {
    public static final String AUTHORIZATION_DETAILS = "authorization_details";
    public static final String RESOURCE = "resource";

    private Requested() {}

    /** The same scopes in the same order, after a check of each. */
    public static Set<String> scopes(Collection<String> scopes) {
        for (String scope : scopes) {
            if (!isScope(scope)) {
                throw new IllegalArgumentException(
                        "A scope is a text without blanks and quotes; pass each one separately: '" + scope + "'");
            }
        }
        return Collections.unmodifiableSet(new LinkedHashSet<>(scopes));
    }

    /** RFC 6749 section 3.3. */
    public static boolean isScope(String scope) {
        for (int i = 0; i < scope.length(); i++) {
            char c = scope.charAt(i);
            if (c <= ' ' || c >= 0x7f || c == '"' || c == '\\') {
                return false;
            }
        }
        return !scope.isEmpty();
    }

    /** The same resources in the same order, after a check of each. */
    public static Set<String> resources(Collection<String> resources) {
        for (String resource : resources) {
            try {
                // RFC 8707 section 2
                URI uri = new URI(resource);
                if (!uri.isAbsolute() || uri.getRawFragment() != null) {
                    throw new IllegalArgumentException("A resource is an absolute URI without a fragment: " + resource);
                }
            } catch (URISyntaxException e) {
                throw new IllegalArgumentException("A resource is an absolute URI: " + e.getReason(), e);
            }
        }
        return Collections.unmodifiableSet(new LinkedHashSet<>(resources));
    }

    /** The resources of a parameter, which has blanks between them. */
    public static Set<String> split(@Nullable String joined) {
        return joined == null ? Set.of() : new LinkedHashSet<>(Arrays.asList(joined.split(" ")));
    }
}
